#include "conformance/alteration.h"

#include <stdio.h>
#include <string.h>

#include "osci/types.h"

#define XMLDSIG "http://www.w3.org/2000/09/xmldsig#"
#define DSIG_MORE "http://www.w3.org/2001/04/xmldsig-more#"
#define DSIG_2007 "http://www.w3.org/2007/05/xmldsig-more#"
#define XENC "http://www.w3.org/2001/04/xmlenc#"
#define XENC11 "http://www.w3.org/2009/xmlenc11#"
#define EXCLUSIVE "http://www.w3.org/2001/10/xml-exc-c14n#"
#define NEXT " soap:actor=\"" OSCI_ACTOR_NEXT "\""
#define END "</soap:Header>"
#define BOUNDARY "MIME_boundary_envelope"
#define REFUSED "9100 9300"
#define SIGNATURE "9601 9602"
#define DECIPHER "9202"
#define RENAME(from, to)                                                                           \
    {"xmlns:" from "=", "xmlns:" to "=", true}, {"<" from ":", "<" to ":", true},                  \
    {                                                                                              \
        "</" from ":", "</" to ":", true                                                           \
    }

static const struct conf_alteration rows[] = {
    {.number = 3,
     .name = "boundary in quotes",
     .outer = {{"boundary=" BOUNDARY, "boundary=\"" BOUNDARY "\"", false}}},
    {.number = 3,
     .name = "boundary with + / =",
     .outer = {{BOUNDARY, "MIME/bound+ary/ab==", true}}},
    {.number = 3,
     .name = "folded header",
     .outer = {{"; type=text/xml", ";\r\n\ttype=text/xml", false}}},
    {.number = 3,
     .name = "headers in other case",
     .outer = {{"Content-Type: Multipart/Related", "content-type: multipart/related", false},
               {"Content-ID: <osci@message>", "CONTENT-Id: <osci@message>", false},
               {"Content-Transfer-Encoding: binary", "content-transfer-encoding: BINARY", false}}},
    {.number = 3,
     .name = "empty lines in front",
     .outer = {{"MIME-Version", "\r\n\r\nMIME-Version", false}}},
    {.number = 4,
     .name = "two parts with one Content-ID",
     .codes = REFUSED,
     .outer = {{"Content-ID: <osci_enc>", "Content-ID: <osci@message>", false}}},
    {.number = 6,
     .name = "schemaLocation of another type",
     .codes = REFUSED,
     .before = {{"{schema}", "soapInitDialog.xsd", false}}},
    {.number = 8,
     .name = "an element that the schema does not know",
     .codes = REFUSED,
     .before = {{"</osci:ControlBlock>", "<osci:Unknown></osci:Unknown></osci:ControlBlock>",
                 false}}},
    {.number = 8,
     .name = "elements in the wrong order",
     .codes = REFUSED,
     .for_what = CONF_FOR_REQUEST,
     .before = {{"LanguagesList=\"de en\"", "Languages=\"de en\"", false}}},
    {.number = 10,
     .name = "an Id twice",
     .codes = REFUSED " " SIGNATURE,
     .before = {{"Id=\"nonintermediarycertificates\"", "Id=\"controlblock\"", false}}},
    {.number = 10,
     .name = "an Id twice, the second deep inside",
     .codes = REFUSED " " SIGNATURE,
     .before = {{"<osci:ContentPackage>", "<osci:ContentPackage Id=\"body\">", false}}},
    {.number = 11,
     .name = "a second ControlBlock",
     .codes = REFUSED,
     .before = {{END,
                 "<osci:ControlBlock Id=\"second\"" NEXT " soap:mustUnderstand=\"1\">"
                 "<osci:Challenge>c2Vjb25k</osci:Challenge></osci:ControlBlock>" END,
                 false}}},
    {.number = 12,
     .name = "another actor",
     .codes = REFUSED,
     .before = {{"Id=\"nonintermediarycertificates\" soap:actor=\"" OSCI_ACTOR_NONE "\"",
                 "Id=\"nonintermediarycertificates\" soap:actor=\"urn:somebody:else\"", false}}},
    {.number = 12,
     .name = "mustUnderstand 0",
     .codes = REFUSED,
     .before = {{"soap:mustUnderstand=\"1\"", "soap:mustUnderstand=\"0\"", false}}},
    {.number = 13,
     .name = "a foreign header block with an Id",
     .before = {{END, "<x:Meta xmlns:x=\"urn:depesche:conformance\" Id=\"meta\">text</x:Meta>" END,
                 false}}},
    {.number = 14,
     .name = "a foreign header block without Id",
     .codes = REFUSED " " SIGNATURE,
     .before = {{END, "<x:Meta xmlns:x=\"urn:depesche:conformance\">text</x:Meta>" END, false}}},
    {.number = 15,
     .name = "other prefixes",
     .before = {RENAME("osci", "o12"), RENAME("soap", "env"), {" soap:", " env:", true}}},

    {.number = 16, .name = "rsa-sha256"},
    {.number = 16, .name = "rsa-sha512", .signature = DSIG_MORE "rsa-sha512"},
    {.number = 16, .name = "digests SHA-512", .digest = XENC "sha512"},
    {.number = 16, .name = "digests SHA3-256", .digest = DSIG_2007 "sha3-256"},
    {.number = 25, .name = "PSS with SHA-256", .signature = DSIG_2007 "sha256-rsa-MGF1"},
    {.number = 25, .name = "PSS with SHA-512", .signature = DSIG_2007 "sha512-rsa-MGF1"},
    {.number = 25, .name = "PSS with SHA3-256", .signature = DSIG_2007 "sha3-256-rsa-MGF1"},
    {.number = 17,
     .name = "a certificate block changed after signing",
     .codes = SIGNATURE,
     .after = {{"<osci:CipherCertificateOriginator Id=\"",
                "<osci:CipherCertificateOriginator  Id=\"x", false}}},
    {.number = 17,
     .name = "the body changed after signing",
     .codes = SIGNATURE,
     .after = {{"Id=\"body\">", "Id=\"body\"> ", false}}},
    {.number = 18,
     .name = "a header block added after signing",
     .codes = SIGNATURE,
     .after = {{END, "<x:Meta xmlns:x=\"urn:depesche:conformance\" Id=\"meta\">text</x:Meta>" END,
                false}}},
    {.number = 19,
     .name = "ControlBlock not signed",
     .codes = SIGNATURE,
     .leave_out = "#controlblock"},
    {.number = 19, .name = "order block not signed", .codes = SIGNATURE, .leave_out = "{id}"},
    {.number = 19,
     .name = "certificates not signed",
     .codes = SIGNATURE,
     .leave_out = "#nonintermediarycertificates"},
    {.number = 19,
     .name = "DesiredLanguages not signed",
     .codes = SIGNATURE,
     .for_what = CONF_FOR_REQUEST,
     .leave_out = "#desiredlanguages"},
    {.number = 19, .name = "body not signed", .codes = SIGNATURE, .leave_out = "#body"},
    {.number = 19, .name = "attachment not signed", .codes = SIGNATURE, .leave_out = "{cid}"},
    {.number = 20,
     .name = "body referenced twice",
     .codes = REFUSED " " SIGNATURE,
     .twice = "#body"},
    {.number = 20,
     .name = "attachment referenced twice",
     .codes = REFUSED " " SIGNATURE,
     .twice = "{cid}"},
    {.number = 21, .name = "digests SHA-1", .codes = SIGNATURE " 9300", .digest = XMLDSIG "sha1"},
    {.number = 21,
     .name = "digests RIPEMD-160",
     .codes = SIGNATURE " 9300",
     .digest = XENC "ripemd160"},
    {.number = 21, .name = "rsa-sha1", .codes = SIGNATURE " 9300", .signature = XMLDSIG "rsa-sha1"},
    {.number = 21,
     .name = "rsa-ripemd160",
     .codes = SIGNATURE " 9300",
     .signature = DSIG_MORE "rsa-ripemd160"},
    {.number = 22,
     .name = "SignedInfo by exclusive C14N",
     .codes = REFUSED " " SIGNATURE,
     .c14n = EXCLUSIVE},
    {.number = 22,
     .name = "references by exclusive C14N",
     .codes = REFUSED " " SIGNATURE,
     .transform = EXCLUSIVE},
    {.number = 26, .name = "an enciphered attachment"},
    {.number = 27, .name = "attachments as base64", .base64_parts = true},
    {.number = 29,
     .name = "signed with a cipher certificate",
     .codes = SIGNATURE " 9700 9704 9705",
     .signer = CONF_SIGNER_CIPHER},
    {.number = 30,
     .name = "KeyInfo names another role's certificate",
     .codes = REFUSED " " SIGNATURE,
     .signer = CONF_SIGNER_OTHER},

    {.number = 31, .name = "AES-256-GCM, IV 12, OAEP SHA-256"},
    {.number = 32, .name = "IV 16, no IvLength", .envelope = {.iv_len = 16}},
    {.number = 33,
     .name = "AES-128-GCM, OAEP SHA-512",
     .envelope = {.cipher = XENC11 "aes128-gcm", .oaep_hash = "sha512"}},
    {.number = 34,
     .name = "AES-256-CBC and RSA 1.5, base64",
     .codes = DECIPHER,
     .setting = "legacy",
     .envelope = {.cipher = XENC "aes256-cbc", .key_transport = XENC "rsa-1_5", .base64 = true}},
    {.number = 34,
     .name = "AES-256-CBC with OAEP",
     .codes = DECIPHER,
     .setting = "legacy",
     .envelope = {.cipher = XENC "aes256-cbc"}},
    {.number = 37,
     .name = "a bit of the IV flipped",
     .codes = DECIPHER,
     .envelope = {.flip = CONF_FLIP_IV}},
    {.number = 37,
     .name = "a bit of the ciphertext flipped",
     .codes = DECIPHER,
     .envelope = {.flip = CONF_FLIP_TEXT}},
    {.number = 37,
     .name = "a bit of the tag flipped",
     .codes = DECIPHER,
     .envelope = {.flip = CONF_FLIP_TAG}},
    {.number = 38, .name = "IvLength 8", .codes = DECIPHER " " REFUSED, .envelope = {.iv_len = 8}},
    {.number = 38,
     .name = "IvLength 0",
     .codes = DECIPHER " " REFUSED,
     .envelope = {.iv_value = "0"}},
    {.number = 38,
     .name = "IvLength 13",
     .codes = DECIPHER " " REFUSED,
     .envelope = {.iv_len = 13}},
    {.number = 38,
     .name = "IvLength -12",
     .codes = DECIPHER " " REFUSED,
     .envelope = {.iv_value = "-12"}},
    {.number = 39,
     .name = "rsa-oaep-mgf1p",
     .codes = DECIPHER " 9201 " REFUSED,
     .envelope = {.key_transport = XENC "rsa-oaep-mgf1p", .oaep_hash = "sha1"}},
    {.number = 39,
     .name = "tripledes-cbc",
     .codes = DECIPHER " 9201 " REFUSED,
     .envelope = {.cipher = XENC "tripledes-cbc"}},
    {.number = 39,
     .name = "an unknown cipher",
     .codes = DECIPHER " 9201 " REFUSED,
     .envelope = {.cipher = "urn:depesche:conformance#no-cipher"}},
    {.number = 39,
     .name = "an unknown key transport",
     .codes = DECIPHER " 9201 " REFUSED,
     .envelope = {.key_transport = "urn:depesche:conformance#no-transport"}},
};

const struct conf_alteration *conf_alterations(size_t *count)
{
    *count = ARRAY_LEN(rows);
    return rows;
}

bool conf_alteration_fits(const struct conf_alteration *row, const struct osci_message *msg)
{
    const char *ref = row->leave_out != NULL ? row->leave_out : row->twice;

    if (ref != NULL && strcmp(ref, "{cid}") == 0 && msg->attachment_count == 0)
        return false;
    return row->for_what != CONF_FOR_REQUEST || osci_type_row(msg->type)->request;
}

bool conf_code_allowed(const char *codes, const char *code)
{
    if (codes == NULL)
        return code[0] == '0' || code[0] == '3';
    return strlen(code) == 4 && strstr(codes, code) != NULL;
}

/* ---- a row applied to one message ---- */

/* Texts of one application, with the places filled in. */
struct filled {
    char texts[2 * CONF_EDITS_MAX][CONF_EDIT_TEXT];
    size_t count;
};

static const char *fill(struct filled *f, const struct osci_message *msg, const char *text)
{
    const struct osci_type_row *row = osci_type_row(msg->type);
    char *out;
    size_t n = 0;

    if (text == NULL || strchr(text, '{') == NULL)
        return text;
    out = f->texts[f->count++];
    if (strcmp(text, "{schema}") == 0)
        (void)snprintf(out, CONF_EDIT_TEXT, "%s", row->schema);
    else if (strcmp(text, "{cid}") == 0)
        (void)snprintf(out, CONF_EDIT_TEXT, "cid:%.*s",
                       msg->attachment_count > 0 ? (int)msg->attachments[0].cid.len : 0,
                       msg->attachment_count > 0 ? (const char *)msg->attachments[0].cid.ptr : "");
    else
        n = (size_t)snprintf(out, CONF_EDIT_TEXT, "#%s", row->name);
    for (size_t i = 0; i < n; i++) /* an Id is the name in lower case */
        if (out[i] >= 'A' && out[i] <= 'Z')
            out[i] = (char)(out[i] + 'a' - 'A');
    return out;
}

/* The certificate in the signer's role is another one, or KeyInfo names another role's. */
static enum status signer_change(const struct conf_alteration *row, struct osci_message *msg,
                                 const struct conf_hop *hop, struct conf_forge *forge,
                                 struct error *err)
{
    enum osci_role role = osci_type_row(msg->type)->signer;

    for (size_t i = 0; i < msg->cert_count; i++) {
        struct osci_cert *c = &msg->certs[i];

        if (row->signer == CONF_SIGNER_CIPHER && c->role == role) {
            c->cert = hop->from->cipher;
            forge->sign_key = hop->from->cipher_key;
            forge->retrieval = c->id;
        }
        if (row->signer == CONF_SIGNER_OTHER && c->role != role && forge->retrieval.len == 0)
            forge->retrieval = c->id;
    }
    if (row->signer != CONF_SIGNER_USUAL && forge->retrieval.len == 0)
        return error_set(err, ST_INTERNAL, 0, "%s: no certificate to take instead", row->name);
    return ST_OK;
}

enum status conf_alter(const struct conf_alteration *row, struct osci_message *msg,
                       const struct conf_hop *hop, struct buf *wire, struct error *err)
{
    struct filled texts = {.count = 0};
    struct conf_edit before[CONF_EDITS_MAX];
    struct conf_forge forge = {.msg = msg,
                               .before = before,
                               .base64_parts = row->base64_parts,
                               .sign_key = row->unsign ? NULL : hop->from->signature_key,
                               .leave_out = fill(&texts, msg, row->leave_out),
                               .twice = fill(&texts, msg, row->twice),
                               .digest = row->digest,
                               .signature = row->signature,
                               .c14n = row->c14n,
                               .transform = row->transform,
                               .after = row->after,
                               .encrypt_for = row->plain ? NULL : hop->to->cipher,
                               .envelope = row->envelope,
                               .outer = row->outer};

    if (hop->from->signature_key == NULL || hop->to->cipher == NULL)
        return error_set(err, ST_NOT_FOUND, 0, "no signature key of %s or no certificate of %s",
                         hop->from->name, hop->to->name);
    for (size_t i = 0; i < CONF_EDITS_MAX; i++) {
        before[i] = row->before[i];
        before[i].from = fill(&texts, msg, row->before[i].from);
    }
    TRY(signer_change(row, msg, hop, &forge, err));
    return conf_forge(&forge, wire, err);
}

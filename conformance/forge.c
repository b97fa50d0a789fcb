#include "conformance/forge.h"

#include <libxml/c14n.h>
#include <libxml/parser.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>

#include "conformance/view.h"
#include "crypto/base/xml.h"
#include "crypto/policy.h"
#include "osci/types.h"

enum { WIRE_MAX = 256 * 1024 * 1024, REFS_MAX = 64 };

/* ---- edits ---- */

static enum status edit_one(const struct conf_edit *e, struct buf *bytes, struct error *err)
{
    struct span rest = buf_span(bytes);
    size_t at = span_find(rest, span_str(e->from));
    AUTO(buf_deinit) struct buf out = {0};

    if (at == SIZE_MAX)
        return error_set(err, ST_INTERNAL, 0, "there is no %.100s to be altered", e->from);
    buf_init(&out, bytes->max);
    do {
        buf_add(&out, span_sub(rest, 0, at));
        buf_str(&out, e->to);
        rest = span_from(rest, at + strlen(e->from));
        at = span_find(rest, span_str(e->from));
    } while (e->all && at != SIZE_MAX);
    buf_add(&out, rest);
    TRY(buf_check(&out, err));
    buf_reset(bytes);
    buf_add(bytes, buf_span(&out));
    return buf_check(bytes, err);
}

enum status conf_edit(const struct conf_edit *edits, struct buf *bytes, struct error *err)
{
    for (; edits != NULL && edits->from != NULL; edits++)
        TRY(edit_one(edits, bytes, err));
    return ST_OK;
}

void conf_mime(struct buf *out, struct span xml)
{
    buf_str(out, "MIME-Version: 1.0\r\nContent-Type: Multipart/Related; "
                 "boundary=MIME_boundary_conformance; type=text/xml\r\n\r\n"
                 "--MIME_boundary_conformance\r\nContent-Type: text/xml; charset=UTF-8\r\n"
                 "Content-Transfer-Encoding: 8bit\r\nContent-ID: <osci@message>\r\n\r\n");
    buf_add(out, xml);
    buf_str(out, "\r\n--MIME_boundary_conformance--\r\n");
}

/* ---- signature ---- */

struct signing {
    const struct conf_forge *f;
    const struct osci_type_row *row;
    struct conf_frame frame;
    xmlDoc *doc;
    struct buf info; /* ds:SignedInfo */
};

static void signing_deinit(struct signing *s)
{
    xmlFreeDoc(s->doc);
    buf_deinit(&s->info);
}

static const char *or_else(const char *text, const char *otherwise)
{
    return text == NULL ? otherwise : text;
}

static enum status reference(struct signing *s, const char *uri, struct span bytes, bool xml,
                             struct error *err)
{
    const char *alg = or_else(s->f->digest, ALG_SHA256_URI);
    uint8_t value[64];
    size_t len = conf_digest(alg, bytes, value);
    int uses = s->f->twice != NULL && strcmp(s->f->twice, uri) == 0 ? 2 : 1;

    if (len == 0)
        return error_set(err, ST_INTERNAL, 0, "no digest %s", alg);
    if (s->f->leave_out != NULL && strcmp(s->f->leave_out, uri) == 0)
        return ST_OK;
    for (int i = 0; i < uses; i++) {
        buf_str(&s->info, "<ds:Reference URI=\"");
        buf_xml_attr(&s->info, span_str(uri));
        buf_str(&s->info, "\">");
        if (xml)
            buf_printf(&s->info,
                       "<ds:Transforms><ds:Transform Algorithm=\"%s\"></ds:Transform>"
                       "</ds:Transforms>",
                       or_else(s->f->transform, ALG_C14N_URI));
        buf_printf(&s->info,
                   "<ds:DigestMethod Algorithm=\"%s\"></ds:DigestMethod>"
                   "<ds:DigestValue>",
                   alg);
        buf_base64(&s->info, span_of(value, len), 0);
        buf_str(&s->info, "</ds:DigestValue></ds:Reference>");
    }
    return buf_check(&s->info, err);
}

/* Exclusive or inclusive, as is asked for. */
static void canonical(const char *alg, const xmlNode *node, struct buf *out)
{
    xmlNode *copy;
    xmlDoc *doc;
    xmlChar *text = NULL;
    int len;

    if (strstr(alg, "exc-c14n") == NULL) {
        conf_canonical(node, out);
        return;
    }
    doc = xmlNewDoc(BAD_CAST "1.0");
    copy = xmlDocCopyNode((xmlNode *)(uintptr_t)node, doc, 1);
    xmlDocSetRootElement(doc, copy);
    len = xmlC14NDocDumpMemory(doc, NULL, XML_C14N_EXCLUSIVE_1_0, NULL, 0, &text);
    buf_init(out, WIRE_MAX);
    if (len > 0)
        buf_add(out, span_of(text, (size_t)len));
    xmlFree(text);
    xmlFreeDoc(doc);
}

static enum status node_reference(struct signing *s, const xmlNode *node, struct error *err)
{
    AUTO(buf_deinit) struct buf text = {0};
    char id[512], uri[514];

    if (conf_node_attr(node, "Id", id, sizeof id)[0] == '\0')
        return ST_OK; /* what has no Id cannot be referenced */
    canonical(or_else(s->f->transform, ALG_C14N_URI), node, &text);
    (void)snprintf(uri, sizeof uri, "#%s", id);
    return reference(s, uri, buf_span(&text), true, err);
}

static enum status part_reference(struct signing *s, const struct conf_frame_part *part,
                                  struct error *err)
{
    AUTO(buf_deinit) struct buf octets = {0};
    char uri[512];

    buf_init(&octets, WIRE_MAX);
    if (span_eq_nocase(part->encoding, SPAN("base64")))
        TRY(buf_base64_decode(&octets, part->body, err));
    else
        buf_add(&octets, part->body);
    (void)snprintf(uri, sizeof uri, "cid:%.*s", SPAN_FMT(part->id));
    return reference(s, uri, buf_span(&octets), false, err);
}

static enum status info_make(struct signing *s, struct error *err)
{
    const xmlNode *root = xml_root(s->doc);
    const xmlNode *header = xml_child(root, SOAP_NS, "Header");

    buf_init(&s->info, WIRE_MAX);
    buf_printf(&s->info,
               "<ds:SignedInfo><ds:CanonicalizationMethod Algorithm=\"%s\">"
               "</ds:CanonicalizationMethod><ds:SignatureMethod Algorithm=\"%s\">"
               "</ds:SignatureMethod>",
               or_else(s->f->c14n, ALG_C14N_URI), or_else(s->f->signature, ALG_RSA_SHA256_URI));
    for (const xmlNode *n = header == NULL ? NULL : xml_first(header); n != NULL; n = xml_next(n))
        TRY(node_reference(s, n, err));
    TRY(node_reference(s, xml_child(root, SOAP_NS, "Body"), err));
    for (size_t i = 1; i < s->frame.count; i++)
        TRY(part_reference(s, &s->frame.parts[i], err));
    buf_str(&s->info, "</ds:SignedInfo>");
    return buf_check(&s->info, err);
}

static enum status retrieval(const struct signing *s, char *id, size_t cap, struct error *err)
{
    const struct osci_message *msg = s->f->msg;
    const xmlNode *cert;

    if (s->f->retrieval.len > 0) {
        (void)snprintf(id, cap, "%.*s", SPAN_FMT(s->f->retrieval));
        return ST_OK;
    }
    cert = conf_node_below(xml_child(xml_root(s->doc), SOAP_NS, "Header"),
                           osci_role_element(osci_type_row(msg->type)->signer));
    if (cert == NULL)
        return error_set(err, ST_INTERNAL, 0, "no certificate of the signer in the message");
    (void)conf_node_attr(cert, "Id", id, cap);
    return ST_OK;
}

static enum status value_make(const struct signing *s, struct span text, struct buf *value,
                              struct error *err)
{
    const char *alg = or_else(s->f->signature, ALG_RSA_SHA256_URI);
    const EVP_MD *md = conf_hash(alg);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    size_t len = 2048;
    uint8_t *out = buf_grow(value, len);
    bool good = ctx != NULL && md != NULL && out != NULL &&
                EVP_DigestSignInit(ctx, &pctx, md, NULL, key_pkey(s->f->sign_key)) == 1;

    if (strstr(alg, "MGF1") != NULL)
        good = good && EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) == 1;
    good = good && EVP_DigestSign(ctx, out, &len, text.ptr, text.len) == 1;
    EVP_MD_CTX_free(ctx);
    value->len = good ? len : 0;
    return good ? ST_OK : error_set(err, ST_INTERNAL, 0, "OpenSSL does not sign by %s", alg);
}

/* DER becomes r and s one behind the other. */
static enum status ecdsa_raw(const struct signing *s, struct buf *value, struct error *err)
{
    const uint8_t *at = value->ptr;
    size_t half = ((size_t)EVP_PKEY_get_bits(key_pkey(s->f->sign_key)) + 7) / 8;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)value->len);
    uint8_t *out;

    if (sig == NULL)
        return error_set(err, ST_INTERNAL, 0, "an ECDSA value that is no DER");
    buf_reset(value);
    out = buf_grow(value, 2 * half);
    if (out != NULL) {
        (void)BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, (int)half);
        (void)BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + half, (int)half);
    }
    ECDSA_SIG_free(sig);
    return buf_check(value, err);
}

#define HOLE "@@value@@"

/* The signature block stands in the message with a hole for its value, which is then filled. */
static enum status hole_fill(const struct signing *s, struct buf *bytes, struct error *err)
{
    const char *alg = or_else(s->f->signature, ALG_RSA_SHA256_URI);
    struct conf_frame frame;
    xmlDoc *doc = NULL;
    AUTO(buf_deinit) struct buf text = {0}, value = {0}, base64 = {0};

    (void)conf_frame_read(buf_span(bytes), &frame);
    doc = xmlReadMemory((const char *)frame.parts[0].body.ptr, (int)frame.parts[0].body.len, NULL,
                        NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (doc == NULL)
        return error_set(err, ST_INTERNAL, 0, "the signed message is no XML");
    canonical(or_else(s->f->c14n, ALG_C14N_URI), conf_node_below(xml_root(doc), "SignedInfo"),
              &text);
    xmlFreeDoc(doc);
    buf_init(&value, 4096);
    TRY(value_make(s, buf_span(&text), &value, err));
    if (strstr(alg, "ecdsa") != NULL && !s->f->der_ecdsa)
        TRY(ecdsa_raw(s, &value, err));
    buf_init(&base64, 8192);
    buf_base64(&base64, buf_span(&value), 0);
    return edit_one(&(struct conf_edit){HOLE, buf_cstr(&base64), false}, bytes, err);
}

static enum status sign(const struct conf_forge *f, struct buf *bytes, struct error *err)
{
    AUTO(signing_deinit) struct signing s = {.f = f, .row = osci_type_row(f->msg->type)};
    AUTO(buf_deinit) struct buf block = {0};
    const char *wrong = conf_frame_read(buf_span(bytes), &s.frame);
    const char *name = s.row->request ? "ClientSignature" : "SupplierSignature";
    char id[512];

    if (wrong != NULL)
        return error_set(err, ST_INTERNAL, 0, "%s", wrong);
    s.doc = xmlReadMemory((const char *)s.frame.parts[0].body.ptr, (int)s.frame.parts[0].body.len,
                          NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (s.doc == NULL)
        return error_set(err, ST_INTERNAL, 0, "what is to be signed is no XML");
    TRY(info_make(&s, err));
    TRY(retrieval(&s, id, sizeof id, err));
    buf_init(&block, WIRE_MAX);
    /* declared once more: an edit may have given the others different prefixes */
    buf_printf(&block,
               "ControlBlock><osci:%s" OSCI_FIVE_NS " Id=\"%s\" soap:actor=\"" OSCI_ACTOR_NEXT
               "\" soap:mustUnderstand=\"1\"><ds:Signature>",
               name, s.row->request ? "clientsignature" : "suppliersignature");
    buf_add(&block, buf_span(&s.info));
    buf_printf(&block,
               "<ds:SignatureValue>" HOLE "</ds:SignatureValue><ds:KeyInfo>"
               "<ds:RetrievalMethod URI=\"#%s\"></ds:RetrievalMethod></ds:KeyInfo></ds:Signature>"
               "</osci:%s>",
               id, name);
    TRY(buf_check(&block, err));
    TRY(edit_one(&(struct conf_edit){"ControlBlock>", buf_cstr(&block), false}, bytes, err));
    return hole_fill(&s, bytes, err);
}

/* ---- all of it ---- */

static enum status plain_write(const struct osci_message *msg, struct buf *out, struct error *err)
{
    const struct policy policy = {0};
    const struct osci_write in = {.msg = msg, .policy = &policy, .rng = rng_system()};
    AUTO(osci_writer_drop) struct osci_writer *writer = NULL;
    bool end = false;

    TRY(osci_message_write(&in, &writer, err));
    while (!end)
        TRY(osci_writer_next(writer, out, &end, err));
    return ST_OK;
}

/* All parts behind the first as base64. */
static enum status parts_base64(struct buf *bytes, struct error *err)
{
    struct conf_frame frame;
    AUTO(buf_deinit) struct buf out = {0};

    if (conf_frame_read(buf_span(bytes), &frame) != NULL)
        return error_set(err, ST_INTERNAL, 0, "what is to be signed is no MIME message");
    buf_init(&out, WIRE_MAX);
    buf_add(&out,
            span_sub(buf_span(bytes), 0,
                     (size_t)(frame.parts[0].body.ptr - bytes->ptr) + frame.parts[0].body.len));
    for (size_t i = 1; i < frame.count; i++) {
        buf_printf(&out,
                   "\r\n--%s\r\nContent-Type: application/octet-stream\r\n"
                   "Content-Transfer-Encoding: base64\r\nContent-ID: <%.*s>\r\n\r\n",
                   frame.boundary, SPAN_FMT(frame.parts[i].id));
        buf_base64(&out, frame.parts[i].body, 76);
    }
    buf_printf(&out, "\r\n--%s--\r\n", frame.boundary);
    buf_reset(bytes);
    buf_add(bytes, buf_span(&out));
    return buf_check(&out, err);
}

enum status conf_forge(const struct conf_forge *f, struct buf *wire, struct error *err)
{
    AUTO(buf_deinit) struct buf bytes = {0};

    buf_init(&bytes, WIRE_MAX);
    TRY(plain_write(f->msg, &bytes, err));
    TRY(conf_edit(f->before, &bytes, err));
    if (f->base64_parts)
        TRY(parts_base64(&bytes, err));
    if (f->sign_key != NULL)
        TRY(sign(f, &bytes, err));
    TRY(conf_edit(f->after, &bytes, err));
    if (f->inner != NULL)
        buf_add(f->inner, buf_span(&bytes));
    if (f->encrypt_for != NULL)
        TRY(conf_envelope_write(&f->envelope, f->encrypt_for, buf_span(&bytes), wire, err));
    else
        buf_add(wire, buf_span(&bytes));
    TRY(buf_check(wire, err));
    return conf_edit(f->outer, wire, err);
}

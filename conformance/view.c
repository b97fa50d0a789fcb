#include "conformance/view.h"

#include <libxml/parser.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "crypto/base/xml.h"

enum { PLAIN_MAX = 256 * 1024 * 1024, TEXT_MAX = 64 * 1024, GCM_TAG = 16 };

static const char *why(struct conf_view *v, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static const char *why(struct conf_view *v, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(v->why, sizeof v->why, fmt, ap);
    va_end(ap);
    return v->why;
}

/* ---- trees ---- */

static bool named(const xmlNode *node, const char *local)
{
    return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, local) == 0;
}

/* The next node of the subtree in document order. */
static const xmlNode *walk(const xmlNode *node, const xmlNode *top)
{
    if (node->type == XML_ELEMENT_NODE && node->children != NULL)
        return node->children;
    while (node != top && node->next == NULL)
        node = node->parent;
    return node == top ? NULL : node->next;
}

const xmlNode *conf_node_below(const xmlNode *node, const char *local)
{
    const xmlNode *n = node;

    while (n != NULL && (n = walk(n, node)) != NULL)
        if (named(n, local))
            return n;
    return NULL;
}

size_t conf_node_count(const xmlNode *node, const char *local)
{
    const xmlNode *n = node;
    size_t count = 0;

    while (n != NULL && (n = walk(n, node)) != NULL)
        count += named(n, local);
    return count;
}

const xmlNode *conf_view_body(const struct conf_view *v)
{
    return xml_child(xml_root(v->doc), SOAP_NS, "Body");
}

const xmlNode *conf_view_block(const struct conf_view *v, const char *local)
{
    const xmlNode *header = xml_child(xml_root(v->doc), SOAP_NS, "Header");

    for (const xmlNode *n = header == NULL ? NULL : xml_first(header); n != NULL; n = xml_next(n))
        if (named(n, local))
            return n;
    return NULL;
}

const char *conf_node_text(const xmlNode *node, char *out, size_t cap)
{
    xmlChar *text = node == NULL ? NULL : xmlNodeGetContent(node);

    (void)snprintf(out, cap, "%s", text == NULL ? "" : (const char *)text);
    xmlFree(text);
    return out;
}

const char *conf_node_attr(const xmlNode *node, const char *name, char *out, size_t cap)
{
    out[0] = '\0';
    for (const xmlAttr *a = node == NULL ? NULL : node->properties; a != NULL; a = a->next)
        if (strcmp((const char *)a->name, name) == 0) {
            xmlChar *text = xmlNodeListGetString(node->doc, a->children, 1);

            (void)snprintf(out, cap, "%s", text == NULL ? "" : (const char *)text);
            xmlFree(text);
        }
    return out;
}

uint64_t conf_node_number(const xmlNode *node, const char *name)
{
    char text[64];
    uint64_t number = 0;

    (void)conf_node_attr(node, name, text, sizeof text);
    return span_to_u64(span_str(text), &number) ? number : 0;
}

void conf_node_bytes(const xmlNode *node, struct buf *out)
{
    xmlChar *text = node == NULL ? NULL : xmlNodeGetContent(node);
    struct error err = {0};

    buf_init(out, PLAIN_MAX);
    if (text != NULL && buf_base64_decode(out, span_str((const char *)text), &err) != ST_OK)
        buf_reset(out);
    xmlFree(text);
}

/* ---- what a message says ---- */

const char *conf_view_type(const struct conf_view *v, char *out, size_t cap)
{
    char location[1024];
    const char *at = strstr(
        conf_node_attr(xml_root(v->doc), "schemaLocation", location, sizeof location), " soap");
    size_t len = at == NULL ? 0 : strcspn(at + 5, ".");

    (void)snprintf(out, cap, "%.*s", (int)len, at == NULL ? "" : at + 5);
    if (out[0] >= 'A' && out[0] <= 'Z')
        out[0] = (char)(out[0] + 'a' - 'A');
    return out;
}

bool conf_view_is_fault(const struct conf_view *v)
{
    return conf_node_below(conf_view_body(v), "Fault") != NULL;
}

static void code_add(char *out, size_t cap, const char *code)
{
    size_t len = strlen(out);

    if (code[0] != '\0' && strstr(out, code) == NULL)
        (void)snprintf(out + len, cap - len, "%s%s", len > 0 ? " " : "", code);
}

const char *conf_view_codes(const struct conf_view *v, const char *element, char *out, size_t cap)
{
    const xmlNode *root = xml_root(v->doc), *feedback = NULL;
    char code[16];

    out[0] = '\0';
    if (conf_view_is_fault(v)) {
        code_add(out, cap,
                 conf_node_text(conf_node_below(conf_view_body(v), "Code"), code, sizeof code));
        return out;
    }
    feedback = conf_node_below(root, element);
    for (const xmlNode *n = feedback; n != NULL && (n = walk(n, feedback)) != NULL;)
        if (named(n, "Code"))
            code_add(out, cap, conf_node_text(n, code, sizeof code));
    return out;
}

const char *conf_view_code(const struct conf_view *v, char *out, size_t cap)
{
    char all[256];
    const char *last;

    (void)conf_view_codes(v, "Feedback", all, sizeof all);
    last = strrchr(all, ' ');
    (void)snprintf(out, cap, "%s", last == NULL ? all : last + 1);
    return out;
}

struct cert *conf_view_cert(const struct conf_view *v, const char *element)
{
    const xmlNode *node = conf_node_below(xml_child(xml_root(v->doc), SOAP_NS, "Header"), element);
    AUTO(buf_deinit) struct buf der = {0};
    struct cert *cert = NULL;
    struct error err = {0};

    conf_node_bytes(conf_node_below(node, "X509Certificate"), &der);
    return cert_from_der(buf_span(&der), &cert, &err) == ST_OK ? cert : NULL;
}

/* ---- opening ---- */

static xmlDoc *parse(struct span xml)
{
    return xmlReadMemory((const char *)xml.ptr, (int)xml.len, NULL, NULL,
                         XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
}

bool conf_unwrap(const xmlNode *encrypted_key, const struct key *key, uint8_t *secret, size_t *len)
{
    const EVP_MD *md = EVP_sha1();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key_pkey(key), NULL);
    AUTO(buf_deinit) struct buf wrapped = {0};
    char mgf[96], transport[96];
    bool good;

    (void)conf_node_attr(conf_node_below(encrypted_key, "EncryptionMethod"), "Algorithm", transport,
                         sizeof transport);
    (void)conf_node_attr(conf_node_below(encrypted_key, "MGF"), "Algorithm", mgf, sizeof mgf);
    if (strstr(mgf, "sha256") != NULL)
        md = EVP_sha256();
    if (strstr(mgf, "sha512") != NULL)
        md = EVP_sha512();
    conf_node_bytes(conf_node_below(encrypted_key, "CipherValue"), &wrapped);
    good = ctx != NULL && EVP_PKEY_decrypt_init(ctx) == 1;
    if (strstr(transport, "rsa-oaep") != NULL)
        good = good && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_oaep_md(ctx, md) == 1 &&
               EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) == 1;
    good = good && EVP_PKEY_decrypt(ctx, secret, len, wrapped.ptr, wrapped.len) == 1;
    EVP_PKEY_CTX_free(ctx);
    return good;
}

static const EVP_CIPHER *cipher_of(const char *uri, bool *gcm)
{
    *gcm = strstr(uri, "-gcm") != NULL;
    if (strstr(uri, "aes256") != NULL)
        return *gcm ? EVP_aes_256_gcm() : EVP_aes_256_cbc();
    if (strstr(uri, "aes192") != NULL)
        return *gcm ? EVP_aes_192_gcm() : EVP_aes_192_cbc();
    return strstr(uri, "aes128") == NULL ? NULL : *gcm ? EVP_aes_128_gcm() : EVP_aes_128_cbc();
}

bool conf_decipher(const char *uri, size_t gcm_iv_len, struct span sealed, const uint8_t *secret,
                   struct buf *plain)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool gcm, good;
    const EVP_CIPHER *cipher = cipher_of(uri, &gcm);
    size_t iv_len = gcm ? gcm_iv_len : 16, tag = gcm ? GCM_TAG : 0;
    uint8_t *out;
    int n = 0, more = 0;

    if (cipher == NULL || sealed.len < iv_len + tag || sealed.len > INT32_MAX) {
        EVP_CIPHER_CTX_free(ctx);
        return false;
    }
    out = buf_grow(plain, sealed.len);
    good = out != NULL && EVP_DecryptInit_ex(ctx, cipher, NULL, NULL, NULL) == 1;
    if (gcm)
        good = good && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_IVLEN, (int)iv_len, NULL) == 1;
    good =
        good && EVP_DecryptInit_ex(ctx, NULL, NULL, secret, sealed.ptr) == 1 &&
        EVP_DecryptUpdate(ctx, out, &n, sealed.ptr + iv_len, (int)(sealed.len - iv_len - tag)) == 1;
    if (gcm)
        good = good && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, GCM_TAG,
                                           (void *)(uintptr_t)(sealed.ptr + sealed.len - tag)) == 1;
    good = good && EVP_DecryptFinal_ex(ctx, out + n, &more) == 1;
    EVP_CIPHER_CTX_free(ctx);
    plain->len = good ? (size_t)(n + more) : 0;
    return good;
}

size_t conf_iv_len(const xmlNode *encrypted_data)
{
    char iv[16];

    (void)conf_node_attr(conf_node_below(encrypted_data, "IvLength"), "Value", iv, sizeof iv);
    return iv[0] == '\0' ? 16 : (size_t)strtoul(iv, NULL, 10);
}

/* The envelope's certificate is one of ours. */
static bool own_find(const xmlNode *encrypted_key, const struct conf_pair *own, size_t own_count,
                     size_t *which)
{
    AUTO(buf_deinit) struct buf der = {0};

    conf_node_bytes(conf_node_below(encrypted_key, "X509Certificate"), &der);
    for (size_t i = 0; i < own_count; i++)
        if (span_eq(cert_der(own[i].cert), buf_span(&der))) {
            *which = i;
            return true;
        }
    return false;
}

static const char *envelope_open(struct conf_view *v, const struct conf_pair *own, size_t own_count)
{
    const xmlNode *data = conf_node_below(xml_root(v->doc), "EncryptedData");
    const xmlNode *key = conf_node_below(data, "EncryptedKey");
    const struct conf_frame_part *part = &v->outer.parts[1];
    AUTO(buf_deinit) struct buf bytes = {0};
    struct error err = {0};
    uint8_t secret[1024];
    size_t len = sizeof secret;
    struct span sealed = part->body;

    v->encrypted = true;
    v->outer_doc = TAKE(v->doc);
    if (key == NULL || v->outer.count != 2)
        return why(v, "an envelope without an EncryptedKey, or with %zu parts", v->outer.count);
    (void)conf_node_attr(conf_node_below(data, "EncryptionMethod"), "Algorithm", v->cipher,
                         sizeof v->cipher);
    (void)conf_node_attr(conf_node_below(key, "EncryptionMethod"), "Algorithm", v->transport,
                         sizeof v->transport);
    v->iv_len = conf_iv_len(data);
    if (!own_find(key, own, own_count, &v->own))
        return why(v, "the envelope is not for a certificate of ours");
    if (!conf_unwrap(key, own[v->own].key, secret, &len))
        return why(v, "the session key cannot be unwrapped");
    buf_init(&bytes, PLAIN_MAX);
    if (span_eq_nocase(part->encoding, SPAN("base64")) ||
        span_eq_nocase(part->type, SPAN("text/base64"))) {
        if (buf_base64_decode(&bytes, part->body, &err) != ST_OK)
            return why(v, "the enciphered part is no base64");
        sealed = buf_span(&bytes);
    }
    buf_init(&v->plain, PLAIN_MAX);
    if (!conf_decipher(v->cipher, v->iv_len, sealed, secret, &v->plain))
        return why(v, "the envelope does not decipher with %s", v->cipher);
    return NULL;
}

const char *conf_view_open(struct conf_view *v, struct span wire, const struct conf_pair *own,
                           size_t own_count)
{
    const char *wrong = conf_frame_read(wire, &v->outer);
    char type[64];

    if (wrong != NULL)
        return why(v, "%s", wrong);
    v->frame = v->outer;
    v->doc = parse(v->outer.parts[0].body);
    if (v->doc == NULL)
        return why(v, "the first part is no well-formed XML");
    if (strcmp(conf_view_type(v, type, sizeof type), "messageEncrypted") != 0)
        return NULL;
    wrong = envelope_open(v, own, own_count);
    if (wrong != NULL)
        return wrong;
    wrong = conf_frame_read(buf_span(&v->plain), &v->frame);
    if (wrong != NULL)
        return why(v, "inside the envelope: %s", wrong);
    v->doc = parse(v->frame.parts[0].body);
    return v->doc == NULL ? why(v, "inside the envelope: no well-formed XML") : NULL;
}

void conf_view_deinit(struct conf_view *v)
{
    xmlFreeDoc(v->doc);
    xmlFreeDoc(v->outer_doc);
    buf_deinit(&v->plain);
    *v = (struct conf_view){0};
}

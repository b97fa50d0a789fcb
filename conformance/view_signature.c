#include <libxml/c14n.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdarg.h>
#include <stdio.h>

#include "conformance/view.h"
#include "crypto/base/xml.h"
#include "crypto/policy.h"

enum { CANONICAL_MAX = 64 * 1024 * 1024, URI_MAX = 600, PARTS_MAX = 64 };

static const struct hash {
    const char *mark; /* in an algorithm's URI */
    const EVP_MD *(*md)(void);
} hashes[] = {
    {"sha3-256", EVP_sha3_256}, {"sha3-384", EVP_sha3_384},   {"sha3-512", EVP_sha3_512},
    {"sha256", EVP_sha256},     {"sha384", EVP_sha384},       {"sha512", EVP_sha512},
    {"sha1", EVP_sha1},         {"ripemd160", EVP_ripemd160},
};

const EVP_MD *conf_hash(const char *uri)
{
    for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
        if (strstr(uri, hashes[i].mark) != NULL)
            return hashes[i].md();
    return NULL;
}

size_t conf_digest(const char *uri, struct span bytes, uint8_t *out)
{
    const EVP_MD *md = conf_hash(uri);
    unsigned len = 0;

    if (md == NULL || EVP_Digest(bytes.ptr, bytes.len, out, &len, md, NULL) != 1)
        return 0;
    return len;
}

/* ---- canonical XML ---- */

static int in_subtree(void *top, xmlNode *node, xmlNode *parent)
{
    if (node->type == XML_NAMESPACE_DECL)
        node = parent;
    for (; node != NULL; node = node->parent)
        if (node == top)
            return 1;
    return 0;
}

void conf_canonical(const xmlNode *node, struct buf *out)
{
    xmlOutputBuffer *xml = xmlAllocOutputBuffer(NULL);

    buf_init(out, CANONICAL_MAX);
    if (xml != NULL && xmlC14NExecute(node->doc, in_subtree, (void *)(uintptr_t)node, XML_C14N_1_0,
                                      NULL, 0, xml) >= 0) {
        (void)xmlOutputBufferFlush(xml);
        buf_add(out, span_of(xmlOutputBufferGetContent(xml), xmlOutputBufferGetSize(xml)));
    }
    (void)xmlOutputBufferClose(xml);
}

/* ---- references ---- */

struct looking {
    struct conf_view *v;
    struct want {
        char uri[URI_MAX];
        const xmlNode *node;                /* a block or the body */
        const struct conf_frame_part *part; /* an attachment */
        bool seen;
    } want[PARTS_MAX];
    size_t count;
};

static const char *no(struct looking *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static const char *no(struct looking *l, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(l->v->why, sizeof l->v->why, fmt, ap);
    va_end(ap);
    return l->v->why;
}

/* Everything that must be signed, in one list. */
static const char *wants_collect(struct looking *l)
{
    const xmlNode *header = xml_child(xml_root(l->v->doc), SOAP_NS, "Header");
    const xmlNode *node = header == NULL ? NULL : xml_first(header);
    char id[URI_MAX - 8];

    for (; node != NULL && l->count + 2 < PARTS_MAX; node = xml_next(node)) {
        if (strcmp((const char *)node->name, "ClientSignature") == 0 ||
            strcmp((const char *)node->name, "SupplierSignature") == 0)
            continue;
        if (conf_node_attr(node, "Id", id, sizeof id)[0] == '\0')
            return no(l, "the block %s has no Id", (const char *)node->name);
        (void)snprintf(l->want[l->count].uri, URI_MAX, "#%s", id);
        l->want[l->count++].node = node;
    }
    (void)conf_node_attr(conf_view_body(l->v), "Id", id, sizeof id);
    (void)snprintf(l->want[l->count].uri, URI_MAX, "#%s", id);
    l->want[l->count++].node = conf_view_body(l->v);
    for (size_t i = 1; i < l->v->frame.count && l->count < PARTS_MAX; i++) {
        const struct conf_frame_part *part = &l->v->frame.parts[i];

        (void)snprintf(l->want[l->count].uri, URI_MAX, "cid:%.*s", SPAN_FMT(part->id));
        l->want[l->count++].part = part;
    }
    return NULL;
}

static bool digest_good(const struct want *w, const char *alg, struct span expected)
{
    AUTO(buf_deinit) struct buf bytes = {0};
    struct error err = {0};
    uint8_t out[64];

    buf_init(&bytes, CANONICAL_MAX);
    if (w->node != NULL) {
        conf_canonical(w->node, &bytes);
    } else if (span_eq_nocase(w->part->encoding, SPAN("base64"))) {
        if (buf_base64_decode(&bytes, w->part->body, &err) != ST_OK)
            return false;
    } else {
        return span_eq(span_of(out, conf_digest(alg, w->part->body, out)), expected);
    }
    return span_eq(span_of(out, conf_digest(alg, buf_span(&bytes), out)), expected);
}

static const char *transforms_check(struct looking *l, const xmlNode *ref, const struct want *w)
{
    size_t count = conf_node_count(ref, "Transform");
    char alg[128];

    if (w->part != NULL)
        return count == 0 ? NULL : no(l, "%s has a transform", w->uri);
    (void)conf_node_attr(conf_node_below(ref, "Transform"), "Algorithm", alg, sizeof alg);
    if (count != 1 || strcmp(alg, ALG_C14N_URI) != 0)
        return no(l, "%s has %zu transforms, the first being %s", w->uri, count, alg);
    return NULL;
}

static const char *reference_check(struct looking *l, const xmlNode *ref)
{
    AUTO(buf_deinit) struct buf value = {0};
    char uri[URI_MAX], alg[128];
    struct want *w = NULL;
    const char *wrong;

    (void)conf_node_attr(ref, "URI", uri, sizeof uri);
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->want[i].uri, uri) == 0)
            w = &l->want[i];
    if (w == NULL)
        return no(l, "%s is referenced, but is no part of the message", uri);
    if (w->seen)
        return no(l, "%s is referenced twice", uri);
    w->seen = true;
    wrong = transforms_check(l, ref, w);
    if (wrong != NULL)
        return wrong;
    (void)conf_node_attr(conf_node_below(ref, "DigestMethod"), "Algorithm", alg, sizeof alg);
    conf_node_bytes(conf_node_below(ref, "DigestValue"), &value);
    return digest_good(w, alg, buf_span(&value)) ? NULL : no(l, "the digest of %s is wrong", uri);
}

/* ---- the value ---- */

/* r and s one behind the other become what OpenSSL wants; false when the length is wrong. */
static bool ecdsa_value(EVP_PKEY *key, struct span raw, struct buf *der)
{
    size_t half = ((size_t)EVP_PKEY_get_bits(key) + 7) / 8;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = NULL, *s = NULL;
    bool good = false;
    int len;

    if (sig != NULL && raw.len == 2 * half) {
        r = BN_bin2bn(raw.ptr, (int)half, NULL);
        s = BN_bin2bn(raw.ptr + half, (int)half, NULL);
        if (ECDSA_SIG_set0(sig, r, s) == 1 && (len = i2d_ECDSA_SIG(sig, NULL)) > 0) {
            uint8_t *at = buf_grow(der, (size_t)len);

            good = at != NULL && i2d_ECDSA_SIG(sig, &at) == len;
        }
    }
    ECDSA_SIG_free(sig);
    return good;
}

const char *conf_value_check(struct conf_view *v, const xmlNode *signature,
                             const struct cert *signer)
{
    struct looking l = {.v = v};
    EVP_PKEY *key = cert_public_key(signer);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    const xmlNode *info = conf_node_below(signature, "SignedInfo");
    AUTO(buf_deinit) struct buf text = {0}, value = {0}, der = {0};
    char alg[128];
    struct span sig;
    bool good, is_ecdsa;

    (void)conf_node_attr(conf_node_below(info, "SignatureMethod"), "Algorithm", alg, sizeof alg);
    conf_canonical(info, &text);
    conf_node_bytes(conf_node_below(signature, "SignatureValue"), &value);
    sig = buf_span(&value);
    buf_init(&der, 1024);
    is_ecdsa = strstr(alg, "ecdsa") != NULL;
    good = ctx != NULL && conf_hash(alg) != NULL &&
           EVP_DigestVerifyInit(ctx, &pctx, conf_hash(alg), NULL, key) == 1;
    if (strstr(alg, "MGF1") != NULL)
        good = good && EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) == 1;
    if (is_ecdsa) {
        good = good && ecdsa_value(key, sig, &der);
        sig = buf_span(&der);
    }
    good = good && EVP_DigestVerify(ctx, sig.ptr, sig.len, text.ptr, text.len) == 1;
    EVP_MD_CTX_free(ctx);
    return good ? NULL : no(&l, "the value of the signature (%s) is wrong", alg);
}

/* The certificate that KeyInfo names. */
static struct cert *retrieved(const struct conf_view *v, const xmlNode *signature)
{
    const xmlNode *header = xml_child(xml_root(v->doc), SOAP_NS, "Header");
    char uri[URI_MAX], id[URI_MAX];
    AUTO(buf_deinit) struct buf der = {0};
    struct error err = {0};
    struct cert *cert = NULL;

    (void)conf_node_attr(conf_node_below(signature, "RetrievalMethod"), "URI", uri, sizeof uri);
    for (const xmlNode *block = header == NULL ? NULL : xml_first(header); block != NULL;
         block = xml_next(block))
        for (const xmlNode *n = xml_first(block); n != NULL; n = xml_next(n))
            if (uri[0] == '#' && strcmp(conf_node_attr(n, "Id", id, sizeof id), uri + 1) == 0)
                conf_node_bytes(conf_node_below(n, "X509Certificate"), &der);
    return cert_from_der(buf_span(&der), &cert, &err) == ST_OK ? cert : NULL;
}

static const char *message_check(struct looking *l, const xmlNode *signature,
                                 const struct cert *signer)
{
    const xmlNode *info = conf_node_below(signature, "SignedInfo");
    const char *wrong = wants_collect(l);
    char alg[128];

    if (wrong != NULL)
        return wrong;
    if (strcmp(conf_node_attr(conf_node_below(info, "CanonicalizationMethod"), "Algorithm", alg,
                              sizeof alg),
               ALG_C14N_URI) != 0)
        return no(l, "SignedInfo is canonicalised by %s", alg);
    for (const xmlNode *n = xml_first(info); n != NULL; n = xml_next(n)) {
        wrong = strcmp((const char *)n->name, "Reference") == 0 ? reference_check(l, n) : NULL;
        if (wrong != NULL)
            return wrong;
    }
    for (size_t i = 0; i < l->count; i++)
        if (!l->want[i].seen)
            return no(l, "%s is not signed", l->want[i].uri);
    return conf_value_check(l->v, signature, signer);
}

const char *conf_view_signature(struct conf_view *v, const struct cert *signer)
{
    struct looking l = {.v = v};
    const xmlNode *block = conf_view_block(v, "ClientSignature");
    const xmlNode *signature;
    AUTO(cert_drop) struct cert *own = NULL;

    if (block == NULL)
        block = conf_view_block(v, "SupplierSignature");
    signature = conf_node_below(block, "Signature");
    if (signature == NULL || conf_node_below(signature, "SignedInfo") == NULL)
        return no(&l, "the message is not signed");
    own = retrieved(v, signature);
    if (own == NULL)
        return no(&l, "KeyInfo points to no certificate of the message");
    return message_check(&l, signature, signer == NULL ? own : signer);
}

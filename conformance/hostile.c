#include "conformance/hostile.h"

#include <assert.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

/* ---- too much of something ---- */

enum {
    LINE_BYTES = 2 * 1024 * 1024,
    PARTS = 5000,
    DEPTH = 20000,
    REFERENCES = 6000,
    CERTIFICATES = 2000,
    ATTRIBUTES = 10000
};

static void repeat(struct buf *out, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_str(out, text);
}

/* What stands in front of mark in a well-formed message is repeated there. */
static enum status insert(struct span plain, const char *mark, const char *text, size_t count,
                          struct buf *out, struct error *err)
{
    size_t at = span_find(plain, span_str(mark));

    if (at == SIZE_MAX)
        return error_set(err, ST_INTERNAL, 0, "no %s in the message", mark);
    buf_add(out, span_sub(plain, 0, at));
    repeat(out, text, count);
    buf_add(out, span_from(plain, at));
    return buf_check(out, err);
}

static enum status long_line(struct span plain, struct buf *out, struct error *err)
{
    buf_str(out, "MIME-Version: 1.0\r\nX-Long: ");
    repeat(out, "0123456789abcdef", LINE_BYTES / 16);
    buf_str(out, "\r\n");
    buf_add(out, span_from(plain, sizeof "MIME-Version: 1.0\r\n" - 1));
    return buf_check(out, err);
}

static enum status many_parts(struct span plain, struct buf *out, struct error *err)
{
    size_t at = span_find(plain, SPAN("\r\n\r\n--")), end;
    struct span mark;

    if (at == SIZE_MAX)
        return error_set(err, ST_INTERNAL, 0, "no boundary in the message");
    mark = span_from(plain, at + 4);
    end = span_find(mark, SPAN("\r\n"));
    mark = span_sub(mark, 0, end);
    /* up to the closing boundary, then parts, then that boundary */
    buf_add(out, span_sub(plain, 0, plain.len - mark.len - 6));
    for (size_t i = 0; i < PARTS; i++)
        buf_printf(out,
                   "\r\n%.*s\r\nContent-Type: application/octet-stream\r\n"
                   "Content-Transfer-Encoding: 8-bit\r\nContent-ID: <part%zu>\r\n\r\nx",
                   SPAN_FMT(mark), i);
    buf_printf(out, "\r\n%.*s--\r\n", SPAN_FMT(mark));
    return buf_check(out, err);
}

static enum status deep(struct span plain, struct buf *out, struct error *err)
{
    AUTO(buf_deinit) struct buf tower = {0};

    buf_init(&tower, 1024 * 1024);
    repeat(&tower, "<a>", DEPTH);
    repeat(&tower, "</a>", DEPTH);
    return insert(plain, "</soap:Header>", buf_cstr(&tower), 1, out, err);
}

static enum status many_references(struct span plain, struct buf *out, struct error *err)
{
    return insert(plain, "</ds:SignedInfo>",
                  "<ds:Reference URI=\"#body\"><ds:DigestMethod Algorithm=\"" XENC_NS "sha256\">"
                  "</ds:DigestMethod><ds:DigestValue>AAAA</ds:DigestValue></ds:Reference>",
                  REFERENCES, out, err);
}

static enum status many_certificates(struct span plain, struct buf *out, struct error *err)
{
    static const char begin[] = "<osci:SignatureCertificateOriginator",
                      end[] = "</osci:SignatureCertificateOriginator>";
    size_t from = span_find(plain, SPAN(begin)), to = span_find(plain, SPAN(end));
    AUTO(buf_deinit) struct buf cert = {0};

    if (from == SIZE_MAX || to == SIZE_MAX)
        return error_set(err, ST_INTERNAL, 0, "no certificate in the message");
    buf_init(&cert, 64 * 1024);
    buf_add(&cert, span_sub(plain, from, to + sizeof end - 1 - from));
    return insert(plain, "</osci:NonIntermediaryCertificates>", buf_cstr(&cert), CERTIFICATES, out,
                  err);
}

static enum status many_attributes(struct span plain, struct buf *out, struct error *err)
{
    AUTO(buf_deinit) struct buf text = {0};

    buf_init(&text, 1024 * 1024);
    for (size_t i = 0; i < ATTRIBUTES; i++)
        buf_printf(&text, " a%zu=\"\"", i);
    return insert(plain, " xsi:schemaLocation", buf_cstr(&text), 1, out, err);
}

static const struct excess {
    const char *name;
    enum status (*make)(struct span plain, struct buf *out, struct error *err);
} excesses[CONF_EXCESSES] = {
    {"a header line of 2 MiB", long_line},
    {"5000 parts", many_parts},
    {"elements 20000 deep", deep},
    {"6000 references", many_references},
    {"2000 certificates", many_certificates},
    {"10000 attributes", many_attributes},
};

const char *conf_excess_name(unsigned i)
{
    assert(i < CONF_EXCESSES);
    return excesses[i].name;
}

enum status conf_excess(unsigned i, struct span plain, struct buf *out, struct error *err)
{
    assert(i < CONF_EXCESSES);
    return excesses[i].make(plain, out, err);
}

/* ---- mangled ---- */

void conf_mangler_init(struct conf_mangler *m, uint64_t seed)
{
    m->state = seed;
}

/* xorshift: no more chance than that the same bytes come each time */
static size_t below(struct conf_mangler *m, size_t bound)
{
    m->state ^= m->state << 13;
    m->state ^= m->state >> 7;
    m->state ^= m->state << 17;
    return bound == 0 ? 0 : (size_t)(m->state % bound);
}

static const char *const disliked[] = {
    "\r\n\r\n",
    "--",
    "<!DOCTYPE a [<!ENTITY b \"c\">]>",
    "&b;",
    "<![CDATA[",
    "\xff\xfe",
    "<!--",
    "%s%n",
    "</",
    "\"",
    "18446744073709551616",
    "xmlns:osci=\"\"",
};

void conf_mangle(struct conf_mangler *m, struct span bytes, struct buf *out)
{
    size_t at = below(m, bytes.len), len = 1 + below(m, below(m, 4) == 0 ? 4096 : 8);

    switch (below(m, 5)) {
    case 0: /* cut out */
        buf_add(out, span_sub(bytes, 0, at));
        buf_add(out, span_from(bytes, at + len));
        break;
    case 1: /* doubled */
        buf_add(out, span_sub(bytes, 0, at));
        buf_add(out, span_sub(bytes, at, len));
        buf_add(out, span_from(bytes, at));
        break;
    case 2: /* the end is missing */
        buf_add(out, span_sub(bytes, 0, at));
        break;
    case 3: /* something disliked */
        buf_add(out, span_sub(bytes, 0, at));
        buf_str(out, disliked[below(m, ARRAY_LEN(disliked))]);
        buf_add(out, span_from(bytes, at));
        break;
    default: /* some bits flipped */
        buf_add(out, bytes);
        for (size_t i = 0; i < len && out->len > 0 && !out->failed; i++)
            out->ptr[below(m, out->len)] ^= (uint8_t)(1U << below(m, 8));
        break;
    }
}

/* ---- a trap ---- */

static void nobody(void *ctx, const struct conf_request *request, struct conf_answer *answer)
{
    (void)ctx;
    (void)request;
    answer->status = 404;
}

enum status conf_trap(struct conf_run *run, struct conf_listener **listener, char url[64],
                      struct error *err)
{
    TRY(conf_listen(run, 0, nobody, NULL, listener, err));
    (void)snprintf(url, 64, "http://127.0.0.1:%u/trap", conf_listener_port(*listener));
    return ST_OK;
}

static bool extension_add(X509 *x, int nid, const char *prefix, const char *url)
{
    char value[160];
    X509V3_CTX ctx;
    X509_EXTENSION *ext;
    bool good;

    (void)snprintf(value, sizeof value, "%s%s", prefix, url);
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    good = ext != NULL && X509_add_ext(x, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    return good;
}

static bool trap_fill(X509 *x, const struct key *key, const char *url)
{
    X509_NAME *name = X509_get_subject_name(x);

    return X509_set_version(x, 2) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(x), 4711) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(x), -3600) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(x), 86400) != NULL &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)"Falle", -1,
                                      -1, 0) == 1 &&
           X509_set_issuer_name(x, name) == 1 && X509_set_pubkey(x, key_pkey(key)) == 1 &&
           extension_add(x, NID_key_usage, "critical,digitalSignature,keyEncipherment", "") &&
           extension_add(x, NID_info_access, "OCSP;URI:", url) &&
           extension_add(x, NID_crl_distribution_points, "URI:", url) &&
           X509_sign(x, key_pkey(key), EVP_sha256()) > 0;
}

enum status conf_trap_cert(const struct key *key, const char *url, struct cert **cert,
                           struct error *err)
{
    X509 *x = X509_new();
    unsigned char *der = NULL;
    int len = x != NULL && trap_fill(x, key, url) ? i2d_X509(x, &der) : -1;
    enum status st;

    X509_free(x);
    if (len <= 0)
        return error_set(err, ST_INTERNAL, 0, "OpenSSL makes no certificate");
    st = cert_from_der(span_of(der, (size_t)len), cert, err);
    OPENSSL_free(der);
    return st;
}

#include "certs/demo_pki.h"

#include <stdio.h>

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "certs/x509_drop.h"
#include "crypto/keygen.h"

enum { PEM_MAX = 64 * 1024, NAME_MAX_CHARS = 64, SERIAL_BYTES = 16 };

struct demo_ca {
    struct key *key;
    struct cert *cert;
    struct demo_pair pair;
};

enum { KIND_CA = DEMO_SUB_CA + 1 };

/* What distinguishes the kinds; NULL leaves an extension out. */
static const struct kind_row {
    const char *word; /* for the default name */
    const char *constraints, *usage, *extended;
} kinds[] = {
    [DEMO_SIGNATURE] = {"signature", "critical,CA:FALSE",
                        "critical,digitalSignature,nonRepudiation", NULL},
    [DEMO_CIPHER] = {"cipher", "critical,CA:FALSE", "critical,keyEncipherment,dataEncipherment",
                     NULL},
    [DEMO_TLS_SERVER] = {"TLS server", "critical,CA:FALSE",
                         "critical,digitalSignature,keyEncipherment", "serverAuth"},
    [DEMO_TLS_CLIENT] = {"TLS client", "critical,CA:FALSE", "critical,digitalSignature",
                         "clientAuth"},
    [DEMO_SUB_CA] = {"sub-CA", "critical,CA:TRUE,pathlen:0", "critical,keyCertSign,cRLSign", NULL},
    [KIND_CA] = {"CA", "critical,CA:TRUE,pathlen:1", "critical,keyCertSign,cRLSign", NULL},
};

void demo_pair_deinit(struct demo_pair *pair)
{
    buf_deinit(&pair->cert_pem);
    buf_deinit_secret(&pair->key_pem);
}

void demo_ca_free(struct demo_ca *ca)
{
    if (ca == NULL)
        return;
    key_free(ca->key);
    cert_free(ca->cert);
    demo_pair_deinit(&ca->pair);
    free(ca);
}

const struct demo_pair *demo_ca_pair(const struct demo_ca *ca)
{
    return &ca->pair;
}

static enum status refused(struct error *err, const char *what)
{
    return error_set(err, ST_INTERNAL, 0, "the certificate's %s could not be set", what);
}

static enum status name_add(X509_NAME *name, const char *type, const char *value, struct error *err)
{
    if (X509_NAME_add_entry_by_txt(name, type, MBSTRING_UTF8, (const unsigned char *)value, -1, -1,
                                   0) != 1)
        return error_set(err, ST_INVALID, 0,
                         "\"%.100s\" cannot stand in a certificate as %s: it must be UTF-8 of 1 to "
                         "%d characters",
                         value, type, NAME_MAX_CHARS);
    return ST_OK;
}

static enum status set_subject(X509 *x509, const struct demo_spec *spec, const char *word,
                               struct error *err)
{
    X509_NAME *name = X509_get_subject_name(x509);
    char text[2 * 4 * NAME_MAX_CHARS];

    (void)snprintf(text, sizeof text, "%s (%s)", spec->organisation, word);
    TRY(name_add(name, "C", "DE", err));
    TRY(name_add(name, "O", spec->organisation, err));
    return name_add(name, "CN", spec->name != NULL ? spec->name : text, err);
}

static enum status set_serial(X509 *x509, struct rng *rng, struct error *err)
{
    uint8_t bytes[SERIAL_BYTES];
    AUTO(bignum_drop) BIGNUM *number = NULL;

    TRY(rng_bytes(rng, bytes, sizeof bytes, err));
    bytes[0] = (uint8_t)((bytes[0] & 0x3F) | 0x40); /* positive, and always of the same length */
    number = BN_bin2bn(bytes, sizeof bytes, NULL);
    if (number == NULL || BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) == NULL)
        return refused(err, "serial number");
    return ST_OK;
}

static enum status set_validity(X509 *x509, const struct demo_spec *spec, struct error *err)
{
    if (spec->until <= spec->from)
        return error_set(err, ST_INVALID, 0, "the validity of %s would end before it begins",
                         spec->organisation);
    if (ASN1_TIME_set(X509_getm_notBefore(x509), (time_t)(spec->from / 1000)) == NULL ||
        ASN1_TIME_set(X509_getm_notAfter(x509), (time_t)(spec->until / 1000)) == NULL)
        return refused(err, "validity");
    return ST_OK;
}

static enum status add_extension(X509 *x509, X509V3_CTX *ctx, int nid, const char *value,
                                 struct error *err)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
    int added = extension != NULL && X509_add_ext(x509, extension, -1) == 1;

    X509_EXTENSION_free(extension);
    return added ? ST_OK : refused(err, OBJ_nid2sn(nid));
}

static enum status add_host(GENERAL_NAMES *names, const char *host, struct error *err)
{
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(host);
    int type = address != NULL ? GEN_IPADD : GEN_DNS;
    GENERAL_NAME *name = NULL;

    ASN1_OCTET_STRING_free(address);
    if (host[0] == '\0' || strlen(host) > 253 ||
        (type == GEN_DNS && strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                         "0123456789-.*") != strlen(host)))
        return error_set(err, ST_INVALID, 0, "\"%.100s\" is neither a host name nor an IP address",
                         host);
    name = a2i_GENERAL_NAME(NULL, NULL, NULL, type, host, 0);
    if (name == NULL || sk_GENERAL_NAME_push(names, name) <= 0) {
        GENERAL_NAME_free(name);
        return error_starved(err);
    }
    return ST_OK;
}

static enum status add_hosts(X509 *x509, const struct demo_spec *spec, struct error *err)
{
    static const char *const always[] = {"localhost", "127.0.0.1", "::1"};
    AUTO(general_names_drop) GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();

    TRY_ALLOC(names, err);
    if (spec->host_count > DEMO_HOSTS_MAX)
        return error_set(err, ST_LIMIT, 0, "%zu host names, %d are allowed", spec->host_count,
                         DEMO_HOSTS_MAX);
    for (size_t i = 0; i < ARRAY_LEN(always); i++)
        TRY(add_host(names, always[i], err));
    for (size_t i = 0; i < spec->host_count; i++)
        TRY(add_host(names, spec->hosts[i], err));
    if (X509_add1_ext_i2d(x509, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) != 1)
        return refused(err, "alternative names");
    return ST_OK;
}

static enum status add_extensions(X509 *x509, X509 *issuer, const struct demo_spec *spec,
                                  const struct kind_row *kind, struct error *err)
{
    X509V3_CTX ctx;

    X509V3_set_ctx(&ctx, issuer, x509, NULL, NULL, 0);
    TRY(add_extension(x509, &ctx, NID_basic_constraints, kind->constraints, err));
    TRY(add_extension(x509, &ctx, NID_subject_key_identifier, "hash", err));
    TRY(add_extension(x509, &ctx, NID_authority_key_identifier, "keyid:always", err));
    if (!spec->no_usage)
        TRY(add_extension(x509, &ctx, NID_key_usage, kind->usage, err));
    if (!spec->no_usage && kind->extended != NULL)
        TRY(add_extension(x509, &ctx, NID_ext_key_usage, kind->extended, err));
    if (kind == &kinds[DEMO_TLS_SERVER])
        TRY(add_hosts(x509, spec, err));
    return ST_OK;
}

/* ca NULL: self-signed. */
static enum status make_cert(const struct demo_ca *ca, const struct demo_spec *spec,
                             const struct kind_row *kind, const struct key *key, struct rng *rng,
                             struct buf *pem, struct error *err)
{
    AUTO(x509_drop) X509 *x509 = X509_new();
    X509 *issuer = ca != NULL ? cert_x509(ca->cert) : x509;
    const EVP_MD *digest = spec->sha1 ? EVP_sha1() : EVP_sha256();
    AUTO(bio_drop) BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    long len = 0;

    TRY_ALLOC(x509, err);
    TRY_ALLOC(bio, err);
    if (X509_set_version(x509, X509_VERSION_3) != 1 || X509_set_pubkey(x509, key_pkey(key)) != 1)
        return refused(err, "public key");
    TRY(set_serial(x509, rng, err));
    TRY(set_validity(x509, spec, err));
    TRY(set_subject(x509, spec, kind->word, err));
    if (X509_set_issuer_name(x509, X509_get_subject_name(issuer)) != 1)
        return refused(err, "issuer");
    TRY(add_extensions(x509, issuer, spec, kind, err));
    if (X509_sign(x509, key_pkey(ca != NULL ? ca->key : key), digest) <= 0)
        return error_set(err, ST_INTERNAL, 0, "the certificate could not be signed");
    if (PEM_write_bio_X509(bio, x509) != 1)
        return error_starved(err);
    len = BIO_get_mem_data(bio, &text);
    buf_add(pem, span_of(text, (size_t)len));
    return buf_check(pem, err);
}

static enum status make_pair(const struct demo_ca *ca, const struct demo_spec *spec,
                             const struct kind_row *kind, struct rng *rng, struct demo_pair *pair,
                             struct error *err)
{
    AUTO(demo_pair_deinit) struct demo_pair made = {0};
    AUTO(key_drop) struct key *key = NULL;

    buf_init(&made.cert_pem, PEM_MAX);
    buf_init(&made.key_pem, PEM_MAX);
    if (spec->key_pem.len > 0)
        buf_add(&made.key_pem, spec->key_pem);
    else
        TRY(key_make_rsa(spec->rsa_bits != 0 ? spec->rsa_bits : DEMO_RSA_BITS, &made.key_pem, err));
    TRY(buf_check(&made.key_pem, err));
    TRY(key_from_pem(buf_span(&made.key_pem), NULL, &key, err));
    TRY(make_cert(ca, spec, kind, key, rng, &made.cert_pem, err));
    *pair = made;
    made = (struct demo_pair){0};
    return ST_OK;
}

enum status demo_ca_new(const struct demo_spec *spec, struct rng *rng, struct demo_ca **ca,
                        struct error *err)
{
    const struct demo_spec own = {.organisation = spec->organisation,
                                  .name = spec->name,
                                  .rsa_bits = spec->rsa_bits,
                                  .key_pem = spec->key_pem,
                                  .from = spec->from,
                                  .until = spec->until};
    AUTO(demo_pair_deinit) struct demo_pair pair = {0};

    TRY(make_pair(NULL, &own, &kinds[KIND_CA], rng, &pair, err));
    return demo_ca_load(&pair, ca, err);
}

enum status demo_ca_load(const struct demo_pair *pair, struct demo_ca **ca, struct error *err)
{
    AUTO(demo_ca_drop) struct demo_ca *made = calloc(1, sizeof *made);

    TRY_ALLOC(made, err);
    TRY(cert_from_pem(buf_span(&pair->cert_pem), &made->cert, err));
    TRY(key_from_pem(buf_span(&pair->key_pem), NULL, &made->key, err));
    if (!key_matches(made->key, made->cert))
        return error_set(err, ST_INVALID, 0, "the key does not belong to %s",
                         cert_subject(made->cert));
    buf_init(&made->pair.cert_pem, PEM_MAX);
    buf_init(&made->pair.key_pem, PEM_MAX);
    buf_add(&made->pair.cert_pem, buf_span(&pair->cert_pem));
    buf_add(&made->pair.key_pem, buf_span(&pair->key_pem));
    TRY(buf_check(&made->pair.cert_pem, err));
    TRY(buf_check(&made->pair.key_pem, err));
    *ca = TAKE(made);
    return ST_OK;
}

enum status demo_ca_issue(const struct demo_ca *ca, const struct demo_spec *spec, struct rng *rng,
                          struct demo_pair *pair, struct error *err)
{
    return make_pair(ca, spec, &kinds[spec->kind], rng, pair, err);
}

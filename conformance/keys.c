#include "conformance/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "certs/demo_pki.h"
#include "conformance/run.h"

enum { KEY_BITS = 2048, VALID_DAYS = 365, PEM_MAX = 64 * 1024, HOUR_MS = 3600 * 1000 };
enum issuer {
    BELIEVED, /* ca.pem, with a revocation list */
    SILENT,   /* ca-silent.pem: to be believed, but nobody knows of its revocations */
    FOREIGN,  /* nobody trusts it */
    ISSUERS
};
enum { NORMAL, ELLIPTIC, REVOKED, EXPIRED };

/* Of whom there is what; party is the beginning of the files' names. */
static const struct wanted {
    const char *party, *use;
    enum demo_kind kind;
    enum issuer issuer;
    int special;
} wanted[] = {
    {"intermediary", "signature", DEMO_SIGNATURE, BELIEVED, NORMAL},
    {"intermediary", "cipher", DEMO_CIPHER, BELIEVED, NORMAL},
    {"originator", "signature", DEMO_SIGNATURE, BELIEVED, NORMAL},
    {"originator", "cipher", DEMO_CIPHER, BELIEVED, NORMAL},
    {"addressee", "signature", DEMO_SIGNATURE, BELIEVED, NORMAL},
    {"addressee", "cipher", DEMO_CIPHER, BELIEVED, NORMAL},
    {"other", "signature", DEMO_SIGNATURE, BELIEVED, NORMAL},
    {"other", "cipher", DEMO_CIPHER, BELIEVED, NORMAL},
    {"selector", "signature", DEMO_SIGNATURE, BELIEVED, NORMAL},
    {"selector", "cipher", DEMO_CIPHER, BELIEVED, NORMAL},
    {"client", "signature", DEMO_SIGNATURE, BELIEVED, NORMAL},
    {"client", "cipher", DEMO_CIPHER, BELIEVED, NORMAL},
    {"recipient", "signature", DEMO_SIGNATURE, BELIEVED, NORMAL},
    {"recipient", "cipher", DEMO_CIPHER, BELIEVED, NORMAL},
    {"author", "signature", DEMO_SIGNATURE, BELIEVED, NORMAL},
    {"reader", "cipher", DEMO_CIPHER, BELIEVED, NORMAL},
    {"elliptic", "signature", DEMO_SIGNATURE, BELIEVED, ELLIPTIC},
    {"elliptic", "cipher", DEMO_CIPHER, BELIEVED, NORMAL},
    {"misused", "signature", DEMO_CIPHER, BELIEVED, NORMAL}, /* its usage allows no signing */
    {"misused", "cipher", DEMO_CIPHER, BELIEVED, NORMAL},
    {"revoked", "signature", DEMO_SIGNATURE, BELIEVED, REVOKED},
    {"revoked", "cipher", DEMO_CIPHER, BELIEVED, REVOKED},
    {"silent", "signature", DEMO_SIGNATURE, SILENT, NORMAL},
    {"silent", "cipher", DEMO_CIPHER, SILENT, NORMAL},
    {"stranger", "signature", DEMO_SIGNATURE, FOREIGN, NORMAL},
    {"stranger", "cipher", DEMO_CIPHER, FOREIGN, NORMAL},
    {"xta", "signature", DEMO_SIGNATURE, BELIEVED, NORMAL},
    {"xta", "cipher", DEMO_CIPHER, BELIEVED, NORMAL},
    {"xta-server", "tls", DEMO_TLS_SERVER, BELIEVED, NORMAL},
    {"author", "tls", DEMO_TLS_CLIENT, BELIEVED, NORMAL},
    {"reader", "tls", DEMO_TLS_CLIENT, BELIEVED, NORMAL},
    {"both", "tls", DEMO_TLS_CLIENT, BELIEVED, NORMAL},
    {"other", "tls", DEMO_TLS_CLIENT, BELIEVED, NORMAL},
    {"lenient", "tls", DEMO_TLS_CLIENT, BELIEVED, NORMAL},
    {"locked", "tls", DEMO_TLS_CLIENT, BELIEVED, NORMAL},
    {"nobody", "tls", DEMO_TLS_CLIENT, BELIEVED, NORMAL},
    {"expired", "tls", DEMO_TLS_CLIENT, BELIEVED, EXPIRED},
    {"revoked", "tls", DEMO_TLS_CLIENT, BELIEVED, REVOKED},
    {"stranger", "tls", DEMO_TLS_CLIENT, FOREIGN, NORMAL},
};

static enum status file_write(const char *folder, const char *name, unsigned mode,
                              const struct buf *text, struct error *err)
{
    char path[4096];
    AUTO(fd_drop) int fd = -1;

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0 || write(fd, text->ptr, text->len) != (ssize_t)text->len)
        return error_set(err, ST_INVALID, 0, "%s: %s", path, strerror(errno));
    return ST_OK;
}

static enum status pair_write(const char *folder, const char *name, const struct demo_pair *pair,
                              struct error *err)
{
    char file[128];

    (void)snprintf(file, sizeof file, "%s.pem", name);
    TRY(file_write(folder, file, 0644, &pair->cert_pem, err));
    (void)snprintf(file, sizeof file, "%s.key", name);
    return file_write(folder, file, 0600, &pair->key_pem, err);
}

/* A key on the curve P-256 as PEM. */
static enum status ec_make(struct buf *pem, struct error *err)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    bool good = key != NULL && bio != NULL &&
                PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1;
    long len = good ? BIO_get_mem_data(bio, &text) : 0;

    buf_init(pem, PEM_MAX);
    if (len > 0)
        buf_add(pem, span_of(text, (size_t)len));
    BIO_free(bio);
    EVP_PKEY_free(key);
    return good ? buf_check(pem, err) : error_set(err, ST_INTERNAL, 0, "OpenSSL makes no EC key");
}

/* What is on its way to the revocation list. */
struct making {
    const char *folder;
    struct demo_spec spec;
    int64_t until;
    struct demo_ca *cas[ISSUERS];
    X509_CRL *crl;
};

static void making_deinit(struct making *m)
{
    for (size_t i = 0; i < ISSUERS; i++)
        demo_ca_drop(&m->cas[i]);
    X509_CRL_free(m->crl);
}

static X509 *cert_read(const struct buf *pem)
{
    BIO *bio = BIO_new_mem_buf(pem->ptr, (int)pem->len);
    X509 *cert = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);

    BIO_free(bio);
    return cert;
}

/* Puts the certificate on the list. */
static enum status revocation_add(struct making *m, const struct demo_pair *pair, struct error *err)
{
    X509 *cert = cert_read(&pair->cert_pem);
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_TIME *when = X509_gmtime_adj(NULL, -3600);
    bool good = cert != NULL && entry != NULL && when != NULL &&
                X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(cert)) == 1 &&
                X509_REVOKED_set_revocationDate(entry, when) == 1 &&
                X509_CRL_add0_revoked(m->crl, entry) == 1;

    if (!good)
        X509_REVOKED_free(entry);
    ASN1_TIME_free(when);
    X509_free(cert);
    return good ? ST_OK : error_set(err, ST_INTERNAL, 0, "no entry for the revocation list");
}

/* Signs the list and writes it to crls/ca.crl. */
static enum status list_write(struct making *m, struct error *err)
{
    const struct demo_pair *ca = demo_ca_pair(m->cas[BELIEVED]);
    X509 *issuer = cert_read(&ca->cert_pem);
    BIO *in = BIO_new_mem_buf(ca->key_pem.ptr, (int)ca->key_pem.len);
    EVP_PKEY *key = in == NULL ? NULL : PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
    BIO *out = BIO_new(BIO_s_mem());
    ASN1_TIME *last = X509_gmtime_adj(NULL, -3600);
    ASN1_TIME *next = X509_gmtime_adj(NULL, VALID_DAYS * 24L * 3600);
    char *pem = NULL;
    bool good = issuer != NULL && key != NULL && out != NULL && last != NULL && next != NULL &&
                X509_CRL_set_version(m->crl, X509_CRL_VERSION_2) == 1 &&
                X509_CRL_set_issuer_name(m->crl, X509_get_subject_name(issuer)) == 1 &&
                X509_CRL_set1_lastUpdate(m->crl, last) == 1 &&
                X509_CRL_set1_nextUpdate(m->crl, next) == 1 && X509_CRL_sort(m->crl) == 1 &&
                X509_CRL_sign(m->crl, key, EVP_sha256()) > 0 &&
                PEM_write_bio_X509_CRL(out, m->crl) == 1;
    long len = good ? BIO_get_mem_data(out, &pem) : 0;
    AUTO(buf_deinit) struct buf text = {0};

    buf_init(&text, PEM_MAX);
    buf_add(&text, span_of(pem, (size_t)len));
    ASN1_TIME_free(last);
    ASN1_TIME_free(next);
    BIO_free(out);
    BIO_free(in);
    EVP_PKEY_free(key);
    X509_free(issuer);
    if (!good)
        return error_set(err, ST_INTERNAL, 0, "OpenSSL makes no revocation list");
    TRY(buf_check(&text, err));
    return file_write(m->folder, "crls/ca.crl", 0644, &text, err);
}

static enum status issue(struct making *m, const struct wanted *w, struct error *err)
{
    char name[96];
    AUTO(demo_pair_deinit) struct demo_pair pair = {0};
    AUTO(buf_deinit_secret) struct buf key = {0};

    (void)snprintf(name, sizeof name, "%s-%s", w->party, w->use);
    m->spec.kind = w->kind;
    m->spec.organisation = w->party;
    m->spec.name = name;
    m->spec.key_pem = SPAN_NONE;
    if (w->special == ELLIPTIC) {
        TRY(ec_make(&key, err));
        m->spec.key_pem = buf_span(&key);
    }
    m->spec.until = w->special == EXPIRED ? conf_now() - HOUR_MS : m->until;
    TRY(demo_ca_issue(m->cas[w->issuer], &m->spec, rng_system(), &pair, err));
    if (w->special == REVOKED)
        TRY(revocation_add(m, &pair, err));
    return pair_write(m->folder, name, &pair, err);
}

static enum status folder_make(const char *path, struct error *err)
{
    if (mkdir(path, 0755) == 0 || errno == EEXIST)
        return ST_OK;
    return error_set(err, ST_INVALID, 0, "%s: %s", path, strerror(errno));
}

static enum status cas_make(struct making *m, struct error *err)
{
    static const char *const names[ISSUERS] = {"Depesche conformance CA",
                                               "Depesche conformance CA without lists",
                                               "A CA that nobody trusts"};
    static const char *const files[ISSUERS] = {"ca", "ca-silent", "ca-foreign"};

    for (size_t i = 0; i < ISSUERS; i++) {
        m->spec.name = names[i];
        TRY(demo_ca_new(&m->spec, rng_system(), &m->cas[i], err));
        TRY(pair_write(m->folder, files[i], demo_ca_pair(m->cas[i]), err));
    }
    return ST_OK;
}

enum status conf_keys_make(const char *folder, struct error *err)
{
    const int64_t day = INT64_C(24) * 3600 * 1000;
    char crls[4096];
    AUTO(making_deinit)
    struct making m = {
        .folder = folder,
        .spec = {.organisation = "Depesche conformance",
                 .rsa_bits = KEY_BITS,
                 .from = conf_now() - day,
                 .until = conf_now() + VALID_DAYS * day},
        .until = conf_now() + VALID_DAYS * day,
        .crl = X509_CRL_new(),
    };

    TRY_ALLOC(m.crl, err);
    TRY(folder_make(folder, err));
    (void)snprintf(crls, sizeof crls, "%s/crls", folder);
    TRY(folder_make(crls, err));
    TRY(cas_make(&m, err));
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        TRY(issue(&m, &wanted[i], err));
    return list_write(&m, err);
}

#include "conformance/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "certs/demo_pki.h"
#include "conformance/run.h"

enum { KEY_BITS = 2048, VALID_DAYS = 365, PEM_MAX = 64 * 1024 };

/* Of whom there is what; party is the beginning of the files' names. */
static const struct wanted {
    const char *party, *use;
    enum demo_kind kind;
    bool foreign; /* of another CA, which nobody trusts */
    bool ec;
} wanted[] = {
    {"intermediary", "signature", DEMO_SIGNATURE, false, false},
    {"intermediary", "cipher", DEMO_CIPHER, false, false},
    {"originator", "signature", DEMO_SIGNATURE, false, false},
    {"originator", "cipher", DEMO_CIPHER, false, false},
    {"addressee", "signature", DEMO_SIGNATURE, false, false},
    {"addressee", "cipher", DEMO_CIPHER, false, false},
    {"other", "signature", DEMO_SIGNATURE, false, false},
    {"other", "cipher", DEMO_CIPHER, false, false},
    {"selector", "signature", DEMO_SIGNATURE, false, false},
    {"selector", "cipher", DEMO_CIPHER, false, false},
    {"client", "signature", DEMO_SIGNATURE, false, false},
    {"client", "cipher", DEMO_CIPHER, false, false},
    {"recipient", "signature", DEMO_SIGNATURE, false, false},
    {"recipient", "cipher", DEMO_CIPHER, false, false},
    {"author", "signature", DEMO_SIGNATURE, false, false},
    {"reader", "cipher", DEMO_CIPHER, false, false},
    {"elliptic", "signature", DEMO_SIGNATURE, false, true},
    {"elliptic", "cipher", DEMO_CIPHER, false, false},
    {"misused", "signature", DEMO_CIPHER, false, false}, /* its usage allows no signing */
    {"misused", "cipher", DEMO_CIPHER, false, false},
    {"stranger", "signature", DEMO_SIGNATURE, true, false},
    {"stranger", "cipher", DEMO_CIPHER, true, false},
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

static enum status issue(const struct demo_ca *ca, const struct wanted *w, const char *folder,
                         struct demo_spec *spec, struct error *err)
{
    char name[96];
    AUTO(demo_pair_deinit) struct demo_pair pair = {0};
    AUTO(buf_deinit_secret) struct buf key = {0};

    (void)snprintf(name, sizeof name, "%s-%s", w->party, w->use);
    spec->kind = w->kind;
    spec->organisation = w->party;
    spec->name = name;
    spec->key_pem = SPAN_NONE;
    if (w->ec) {
        TRY(ec_make(&key, err));
        spec->key_pem = buf_span(&key);
    }
    TRY(demo_ca_issue(ca, spec, rng_system(), &pair, err));
    return pair_write(folder, name, &pair, err);
}

enum status conf_keys_make(const char *folder, struct error *err)
{
    const int64_t day = INT64_C(24) * 3600 * 1000;
    struct demo_spec spec = {.organisation = "Depesche conformance",
                             .name = "Depesche conformance CA",
                             .rsa_bits = KEY_BITS,
                             .from = conf_now() - day,
                             .until = conf_now() + VALID_DAYS * day};
    AUTO(demo_ca_drop) struct demo_ca *ca = NULL;
    AUTO(demo_ca_drop) struct demo_ca *foreign = NULL;

    if (mkdir(folder, 0755) != 0 && errno != EEXIST)
        return error_set(err, ST_INVALID, 0, "%s: %s", folder, strerror(errno));
    TRY(demo_ca_new(&spec, rng_system(), &ca, err));
    TRY(pair_write(folder, "ca", demo_ca_pair(ca), err));
    spec.name = "A CA that nobody trusts";
    TRY(demo_ca_new(&spec, rng_system(), &foreign, err));
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        TRY(issue(wanted[i].foreign ? foreign : ca, &wanted[i], folder, &spec, err));
    return ST_OK;
}

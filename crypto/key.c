#include "crypto/key.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <stdatomic.h>

#include "crypto/evp.h"
#include "crypto/key_away.h"
#include "crypto/key_own.h"

struct key {
    atomic_size_t refs;
    EVP_PKEY *pkey;
    struct key_place place; /* zeroed: in memory */
};

DROP_DEFINE(bio_drop, BIO, BIO_free_all)
DROP_DEFINE(pkey_drop, EVP_PKEY, EVP_PKEY_free)
DROP_DEFINE(p12_drop, PKCS12, PKCS12_free)

enum status key_own(EVP_PKEY *pkey, const struct key_place *place, struct key **key,
                    struct error *err)
{
    struct key *k = calloc(1, sizeof *k);

    if (k == NULL) {
        EVP_PKEY_free(pkey);
        if (place != NULL)
            place->free(place->ctx);
        return error_starved(err);
    }
    atomic_init(&k->refs, 1);
    k->pkey = pkey;
    if (place != NULL)
        k->place = *place;
    *key = k;
    return ST_OK;
}

/* Never asks on a terminal: without a passphrase there is none. */
static int passphrase_cb(char *buf, int size, int rwflag, void *u)
{
    const char *passphrase = u;
    size_t len = passphrase == NULL ? 0 : strlen(passphrase);

    (void)rwflag;
    if (passphrase == NULL || len > (size_t)size)
        return -1;
    memcpy(buf, passphrase, len);
    return (int)len;
}

enum status key_from_pem(struct span pem, const char *passphrase, struct key **key,
                         struct error *err)
{
    AUTO(bio_drop) BIO *bio = NULL;
    AUTO(pkey_drop) EVP_PKEY *pkey = NULL;

    if (pem.len > INT32_MAX)
        return error_set(err, ST_LIMIT, 0, "the PEM text is too long");
    bio = BIO_new_mem_buf(pem.ptr == NULL ? "" : (const char *)pem.ptr, (int)pem.len);
    TRY_ALLOC(bio, err);
    pkey = PEM_read_bio_PrivateKey(bio, NULL, passphrase_cb, (void *)(uintptr_t)passphrase);
    ERR_clear_error();
    if (pkey == NULL && span_find(pem, SPAN("ENCRYPTED")) != SIZE_MAX)
        return error_set(err, ST_DENIED, 0, "the passphrase does not open the private key");
    if (pkey == NULL)
        return error_set(err, ST_INVALID, 0, "the text holds no private key");
    return key_own(TAKE(pkey), NULL, key, err);
}

static enum status cert_of(X509 *x509, struct cert **cert, struct error *err)
{
    uint8_t *der = NULL;
    int len = i2d_X509(x509, &der);
    enum status st;

    if (len <= 0)
        return crypto_refused(err, "certificate");
    st = cert_from_der(span_of(der, (size_t)len), cert, err);
    OPENSSL_free(der);
    return st;
}

struct contents {
    EVP_PKEY *pkey;
    X509 *x509;
    STACK_OF(X509) * others;
};

static void contents_deinit(struct contents *c)
{
    EVP_PKEY_free(c->pkey);
    X509_free(c->x509);
    sk_X509_pop_free(c->others, X509_free);
}

static enum status pkcs12_open(struct span p12, const char *passphrase, struct contents *c,
                               struct error *err)
{
    const uint8_t *p = p12.ptr;
    AUTO(p12_drop) PKCS12 *file = NULL;
    bool opened;

    if (p12.len == 0 || p12.len > INT32_MAX ||
        (file = d2i_PKCS12(NULL, &p, (long)p12.len)) == NULL) {
        ERR_clear_error();
        return error_set(err, ST_INVALID, 0, "the bytes are no PKCS#12 file");
    }
    opened = PKCS12_verify_mac(file, passphrase, -1) == 1;
    if (opened && PKCS12_parse(file, passphrase, &c->pkey, &c->x509, &c->others) != 1)
        return crypto_refused(err, "PKCS#12 (older files may need converting to AES)");
    ERR_clear_error();
    if (!opened)
        return error_set(err, ST_DENIED, 0, "the passphrase does not open the PKCS#12 file");
    if (c->pkey == NULL || c->x509 == NULL)
        return error_set(err, ST_INVALID, 0, "the PKCS#12 file lacks a key or its certificate");
    return ST_OK;
}

enum status key_from_pkcs12(struct span p12, const char *passphrase, struct key **key,
                            struct cert **cert, struct error *err)
{
    AUTO(contents_deinit) struct contents c = {0};
    AUTO(cert_drop) struct cert *made = NULL;

    TRY(pkcs12_open(p12, passphrase, &c, err));
    TRY(cert_of(c.x509, &made, err));
    TRY(key_own(TAKE(c.pkey), NULL, key, err));
    *cert = TAKE(made);
    return ST_OK;
}

static void bio_move(BIO *bio, struct buf *out)
{
    char *bytes;
    long len = BIO_get_mem_data(bio, &bytes);

    if (len > 0)
        buf_add(out, span_of(bytes, (size_t)len));
}

enum status key_pkcs12_unpack(struct span p12, const char *passphrase, struct buf *cert_pem,
                              struct buf *key_pem, struct error *err)
{
    AUTO(contents_deinit) struct contents c = {0};
    AUTO(bio_drop) BIO *certs = BIO_new(BIO_s_mem());
    AUTO(bio_drop) BIO *secret = BIO_new(BIO_s_secmem()); /* wiped with it */

    TRY_ALLOC(certs, err);
    TRY_ALLOC(secret, err);
    TRY(pkcs12_open(p12, passphrase, &c, err));
    if (PEM_write_bio_X509(certs, c.x509) != 1 ||
        PEM_write_bio_PKCS8PrivateKey(secret, c.pkey, NULL, NULL, 0, NULL, NULL) != 1)
        return crypto_refused(err, "PKCS#12");
    for (int i = 0; i < sk_X509_num(c.others); i++)
        if (PEM_write_bio_X509(certs, sk_X509_value(c.others, i)) != 1)
            return crypto_refused(err, "PKCS#12");
    bio_move(certs, cert_pem);
    bio_move(secret, key_pem);
    TRY(buf_check(cert_pem, err));
    return buf_check(key_pem, err);
}

struct key *key_ref(struct key *key)
{
    atomic_fetch_add_explicit(&key->refs, 1, memory_order_relaxed);
    return key;
}

void key_free(struct key *key)
{
    if (key == NULL || atomic_fetch_sub_explicit(&key->refs, 1, memory_order_acq_rel) != 1)
        return;
    EVP_PKEY_free(key->pkey); /* wipes the private part */
    if (key->place.free != NULL)
        key->place.free(key->place.ctx);
    free(key);
}

bool key_matches(const struct key *key, const struct cert *cert)
{
    bool same = EVP_PKEY_eq(key->pkey, cert_public_key(cert)) == 1;

    ERR_clear_error();
    return same;
}

bool key_is_away(const struct key *key)
{
    return key->place.ctx != NULL;
}

EVP_PKEY *key_pkey(const struct key *key)
{
    return key->pkey;
}

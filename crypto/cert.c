#include "crypto/key.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdio.h>

#include "crypto/evp.h"

enum { SHA256_BYTES = 32, KEY_NAME_MAX = 32, PEM_LINE = 64 };
/* RFC 5280 allows 20; in decimal a long one costs the square of its length */
enum { SERIAL_BYTES_MAX = 64 };

struct cert {
    atomic_size_t refs;
    X509 *x509;
    EVP_PKEY *public_key; /* of x509, not counted */
    uint8_t *der;
    size_t der_len;
    uint8_t sha256[SHA256_BYTES];
    char fingerprint[2 * SHA256_BYTES + 1];
    char key_name[KEY_NAME_MAX];
    char *subject, *issuer, *serial;
    int64_t not_before, not_after;
    uint32_t key_usage; /* OpenSSL's bits, all set without the extension */
};

DROP_DEFINE(bio_drop, BIO, BIO_free_all)
DROP_DEFINE(x509_drop, X509, X509_free)

/* U+FFFE and U+FFFF are good UTF-8, but no XML can say them: U+FFFD in their place. */
static void noncharacters_replace(char *text)
{
    for (char *p = text; (p = strstr(p, "\xEF\xBF")) != NULL; p += 2)
        if ((unsigned char)p[2] >= 0xBE)
            p[2] = (char)0xBD;
}

char *cert_name_text(const X509_NAME *name)
{
    AUTO(bio_drop) BIO *bio = BIO_new(BIO_s_mem());
    char *data, *copy;
    long len;

    if (bio == NULL || X509_NAME_print_ex(bio, name, 0,
                                          (XN_FLAG_RFC2253 | ASN1_STRFLGS_UTF8_CONVERT) &
                                              ~(unsigned long)ASN1_STRFLGS_ESC_MSB) < 0)
        return NULL;
    len = BIO_get_mem_data(bio, &data);
    copy = calloc(1, (size_t)len + 1);
    if (copy != NULL && len > 0)
        memcpy(copy, data, (size_t)len);
    if (copy != NULL)
        noncharacters_replace(copy);
    return copy;
}

static char *serial_text(const X509 *x509)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(x509);
    BIGNUM *n = serial->length > SERIAL_BYTES_MAX ? NULL : ASN1_INTEGER_to_BN(serial, NULL);
    char *decimal = n == NULL ? NULL : BN_bn2dec(n);
    char *copy = decimal == NULL ? NULL : strdup(decimal);

    OPENSSL_free(decimal);
    BN_free(n);
    return copy;
}

static bool time_ms(const ASN1_TIME *time, int64_t *ms)
{
    struct tm tm;

    if (ASN1_TIME_to_tm(time, &tm) != 1)
        return false;
    *ms = (int64_t)timegm(&tm) * 1000;
    return true;
}

static void name_key(struct cert *c)
{
    char group[KEY_NAME_MAX] = "";
    int bits = EVP_PKEY_get_bits(c->public_key);

    if (EVP_PKEY_is_a(c->public_key, "RSA") || EVP_PKEY_is_a(c->public_key, "RSA-PSS"))
        (void)snprintf(c->key_name, sizeof c->key_name, "RSA-%d", bits);
    else if (EVP_PKEY_get_group_name(c->public_key, group, sizeof group, NULL) == 1)
        (void)snprintf(c->key_name, sizeof c->key_name, "%s",
                       strcmp(group, "prime256v1") == 0  ? "P-256"
                       : strcmp(group, "secp384r1") == 0 ? "P-384"
                       : strcmp(group, "secp521r1") == 0 ? "P-521"
                                                         : group);
    else
        (void)snprintf(c->key_name, sizeof c->key_name, "unknown-%d", bits);
}

static enum status describe(struct cert *c, struct error *err)
{
    static const char digits[] = "0123456789abcdef";
    unsigned len = 0;

    if (EVP_Digest(c->der, c->der_len, c->sha256, &len, EVP_sha256(), NULL) != 1)
        return crypto_refused(err, "fingerprint");
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        c->fingerprint[2 * i] = digits[c->sha256[i] >> 4];
        c->fingerprint[2 * i + 1] = digits[c->sha256[i] & 15];
    }
    c->subject = cert_name_text(X509_get_subject_name(c->x509));
    c->issuer = cert_name_text(X509_get_issuer_name(c->x509));
    c->serial = serial_text(c->x509);
    if (c->subject == NULL || c->issuer == NULL || c->serial == NULL)
        return error_set(err, ST_INVALID, 0, "the certificate's names or number cannot be read");
    if (!time_ms(X509_get0_notBefore(c->x509), &c->not_before) ||
        !time_ms(X509_get0_notAfter(c->x509), &c->not_after))
        return error_set(err, ST_INVALID, 0, "the certificate's dates cannot be read");
    c->public_key = X509_get0_pubkey(c->x509);
    if (c->public_key == NULL)
        return error_set(err, ST_INVALID, 0, "the certificate's key cannot be read");
    if (EVP_PKEY_get_bits(c->public_key) > RSA_BITS_MAX)
        return error_set(err, ST_LIMIT, 0, "the certificate's key has %d bits, more than %d",
                         EVP_PKEY_get_bits(c->public_key), RSA_BITS_MAX);
    name_key(c);
    c->key_usage = X509_get_key_usage(c->x509);
    return ST_OK;
}

static enum status cert_take(X509 *x509, struct cert **cert, struct error *err)
{
    AUTO(x509_drop) X509 *x = x509;
    AUTO(cert_drop) struct cert *c = calloc(1, sizeof *c);
    enum status st;
    int len;

    TRY_ALLOC(c, err);
    atomic_init(&c->refs, 1);
    len = i2d_X509(x, &c->der);
    if (len <= 0)
        return crypto_refused(err, "certificate");
    c->der_len = (size_t)len;
    c->x509 = TAKE(x);
    st = describe(c, err);
    ERR_clear_error();
    TRY(st);
    *cert = TAKE(c);
    return ST_OK;
}

enum status cert_from_der(struct span der, struct cert **cert, struct error *err)
{
    const uint8_t *p = der.ptr;
    AUTO(x509_drop) X509 *x509 = NULL;

    if (der.len > CERT_DER_MAX)
        return error_set(err, ST_LIMIT, 0, "the certificate has %zu bytes, more than %d", der.len,
                         CERT_DER_MAX);
    x509 = der.len == 0 ? NULL : d2i_X509(NULL, &p, (long)der.len);
    ERR_clear_error();
    if (x509 == NULL)
        return error_set(err, ST_INVALID, 0, "the bytes are no certificate");
    if (p != der.ptr + der.len)
        return error_set(err, ST_INVALID, 0, "there are bytes behind the certificate");
    return cert_take(TAKE(x509), cert, err);
}

enum status cert_from_pem(struct span pem, struct cert **cert, struct error *err)
{
    AUTO(bio_drop) BIO *bio = NULL;
    AUTO(x509_drop) X509 *x509 = NULL;

    if (pem.len > INT32_MAX)
        return error_set(err, ST_LIMIT, 0, "the PEM text is too long");
    bio = BIO_new_mem_buf(pem.ptr == NULL ? "" : (const char *)pem.ptr, (int)pem.len);
    TRY_ALLOC(bio, err);
    x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    ERR_clear_error();
    if (x509 == NULL)
        return error_set(err, ST_INVALID, 0, "the text holds no certificate");
    return cert_take(TAKE(x509), cert, err);
}

void cert_to_pem(struct span der, struct buf *pem)
{
    buf_str(pem, "-----BEGIN CERTIFICATE-----\n");
    buf_base64(pem, der, PEM_LINE);
    buf_str(pem, "\n-----END CERTIFICATE-----\n");
}

struct cert *cert_ref(struct cert *cert)
{
    atomic_fetch_add_explicit(&cert->refs, 1, memory_order_relaxed);
    return cert;
}

void cert_free(struct cert *cert)
{
    if (cert == NULL || atomic_fetch_sub_explicit(&cert->refs, 1, memory_order_acq_rel) != 1)
        return;
    X509_free(cert->x509);
    OPENSSL_free(cert->der);
    free(cert->subject);
    free(cert->issuer);
    free(cert->serial);
    free(cert);
}

struct span cert_der(const struct cert *cert)
{
    return span_of(cert->der, cert->der_len);
}

struct span cert_sha256(const struct cert *cert)
{
    return span_of(cert->sha256, sizeof cert->sha256);
}

const char *cert_fingerprint(const struct cert *cert)
{
    return cert->fingerprint;
}

bool cert_sha1(const struct cert *cert, uint8_t sha1[CERT_SHA1_BYTES])
{
    unsigned len = 0;
    bool made = X509_digest(cert_x509(cert), EVP_sha1(), sha1, &len) == 1 && len == CERT_SHA1_BYTES;

    ERR_clear_error();
    return made;
}

const char *cert_subject(const struct cert *cert)
{
    return cert->subject;
}

const char *cert_issuer(const struct cert *cert)
{
    return cert->issuer;
}

const char *cert_serial(const struct cert *cert)
{
    return cert->serial;
}

int64_t cert_not_before(const struct cert *cert)
{
    return cert->not_before;
}

int64_t cert_not_after(const struct cert *cert)
{
    return cert->not_after;
}

const char *cert_key_name(const struct cert *cert)
{
    return cert->key_name;
}

const char *cert_signature_name(const struct cert *cert)
{
    return OBJ_nid2sn(X509_get_signature_nid(cert->x509));
}

bool cert_eq(const struct cert *a, const struct cert *b)
{
    return a == b || span_eq(cert_der(a), cert_der(b));
}

bool cert_may_sign(const struct cert *cert)
{
    return (cert->key_usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) != 0;
}

bool cert_may_encipher(const struct cert *cert)
{
    return (cert->key_usage & (KU_KEY_ENCIPHERMENT | KU_DATA_ENCIPHERMENT)) != 0;
}

X509 *cert_x509(const struct cert *cert)
{
    return cert->x509;
}

EVP_PKEY *cert_public_key(const struct cert *cert)
{
    return cert->public_key;
}

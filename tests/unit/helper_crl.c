#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/helper_crl.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum { CRL_MAX = 2 * 1024 * 1024 };

static ASN1_TIME *time_new(int64_t ms)
{
    ASN1_TIME *at = ASN1_TIME_set(NULL, (time_t)(ms / 1000));

    assert_non_null(at);
    return at;
}

static void entry_add(X509_CRL *crl, const char *serial, int64_t at, int reason)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    BIGNUM *number = NULL;
    ASN1_INTEGER *integer;
    ASN1_TIME *date = time_new(at);

    assert_non_null(entry);
    assert_true(BN_dec2bn(&number, serial) > 0);
    integer = BN_to_ASN1_INTEGER(number, NULL);
    assert_non_null(integer);
    assert_int_equal(X509_REVOKED_set_serialNumber(entry, integer), 1);
    assert_int_equal(X509_REVOKED_set_revocationDate(entry, date), 1);
    if (reason != 0) {
        ASN1_ENUMERATED *code = ASN1_ENUMERATED_new();

        assert_int_equal(ASN1_ENUMERATED_set(code, reason), 1);
        assert_int_equal(X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, code, 0, 0), 1);
        ASN1_ENUMERATED_free(code);
    }
    assert_int_equal(X509_CRL_add0_revoked(crl, entry), 1);
    ASN1_INTEGER_free(integer);
    ASN1_TIME_free(date);
    BN_free(number);
}

static void number_add(X509_CRL *crl, int nid, long number)
{
    ASN1_INTEGER *integer = ASN1_INTEGER_new();

    if (number != 0) {
        assert_int_equal(ASN1_INTEGER_set(integer, number), 1);
        assert_int_equal(X509_CRL_add1_ext_i2d(crl, nid, integer, nid == NID_delta_crl, 0), 1);
    }
    ASN1_INTEGER_free(integer);
}

static void critical_add(X509_CRL *crl)
{
    ASN1_OBJECT *oid = OBJ_txt2obj("1.3.6.1.4.1.99999.1", 1);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509_EXTENSION *extension;

    assert_int_equal(ASN1_OCTET_STRING_set(value, (const unsigned char *)"\x05\x00", 2), 1);
    extension = X509_EXTENSION_create_by_OBJ(NULL, oid, 1, value);
    assert_non_null(extension);
    assert_int_equal(X509_CRL_add_ext(crl, extension, -1), 1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(oid);
}

static void dates_set(X509_CRL *crl, const struct crl_spec *spec)
{
    ASN1_TIME *from = time_new(spec->from);

    assert_int_equal(X509_CRL_set1_lastUpdate(crl, from), 1);
    ASN1_TIME_free(from);
    if (spec->until != 0) {
        ASN1_TIME *until = time_new(spec->until);

        assert_int_equal(X509_CRL_set1_nextUpdate(crl, until), 1);
        ASN1_TIME_free(until);
    }
}

static void crl_out(X509_CRL *crl, bool der, struct buf *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *bytes = NULL;
    long len;

    assert_non_null(bio);
    assert_int_equal(der ? i2d_X509_CRL_bio(bio, crl) : PEM_write_bio_X509_CRL(bio, crl), 1);
    len = BIO_get_mem_data(bio, &bytes);
    buf_init(out, CRL_MAX);
    buf_add(out, span_of(bytes, (size_t)len));
    BIO_free(bio);
}

void crl_make(const struct crl_spec *spec, struct buf *out)
{
    BIO *cert_bio = BIO_new_mem_buf(spec->ca_cert_pem.ptr, (int)spec->ca_cert_pem.len);
    BIO *key_bio = BIO_new_mem_buf(spec->ca_key_pem.ptr, (int)spec->ca_key_pem.len);
    X509 *ca = PEM_read_bio_X509(cert_bio, NULL, NULL, NULL);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
    X509_CRL *crl = X509_CRL_new();

    assert_non_null(ca);
    assert_non_null(key);
    assert_int_equal(X509_CRL_set_version(crl, 1), 1);
    assert_int_equal(X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca)), 1);
    dates_set(crl, spec);
    for (size_t i = 0; i < spec->revoked_count; i++)
        entry_add(crl, cert_serial(spec->revoked[i]), spec->from, spec->reason);
    if (spec->serial != NULL)
        entry_add(crl, spec->serial, spec->from, spec->reason);
    if (spec->critical)
        critical_add(crl);
    number_add(crl, NID_crl_number, spec->number);
    number_add(crl, NID_delta_crl, spec->base);
    assert_true(X509_CRL_sign(crl, key, EVP_sha256()) > 0);
    if (spec->forged) {
        const ASN1_BIT_STRING *signature = NULL;

        X509_CRL_get0_signature(crl, &signature, NULL);
        ((uint8_t *)(uintptr_t)ASN1_STRING_get0_data(signature))[8] ^= 1;
    }
    crl_out(crl, spec->der, out);
    X509_CRL_free(crl);
    EVP_PKEY_free(key);
    X509_free(ca);
    BIO_free(key_bio);
    BIO_free(cert_bio);
}

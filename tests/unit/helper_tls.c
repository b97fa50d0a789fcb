#include "helper_tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static void bio_take(BIO *bio, struct buf *out)
{
    char *bytes;
    long len = BIO_get_mem_data(bio, &bytes);

    buf_init(out, 64 * 1024);
    buf_add(out, span_of(bytes, (size_t)len));
    assert_false(out->failed);
    BIO_free(bio);
}

static void extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *ext;

    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(ext);
    assert_int_equal(X509_add_ext(cert, ext, -1), 1);
    X509_EXTENSION_free(ext);
}

void test_cert_make(struct test_cert *out, const struct test_cert_spec *spec)
{
    EVP_PKEY *key = EVP_EC_gen("P-256"), *signer = key;
    X509 *cert = X509_new(), *issuer = cert;
    X509_NAME *name = X509_get_subject_name(cert);
    BIO *cert_pem = BIO_new(BIO_s_mem()), *key_pem = BIO_new(BIO_s_mem());

    if (spec->issuer != NULL) {
        BIO *bio = BIO_new_mem_buf(spec->issuer->cert.ptr, (int)spec->issuer->cert.len);

        issuer = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        BIO_free(bio);
        bio = BIO_new_mem_buf(spec->issuer->key.ptr, (int)spec->issuer->key.len);
        signer = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
        BIO_free(bio);
    }
    assert_non_null(signer);
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), (long)(uintptr_t)out & 0xffffff);
    X509_gmtime_adj(X509_getm_notBefore(cert), -2 * 86400);
    X509_gmtime_adj(X509_getm_notAfter(cert), (long)(spec->days - 2) * 86400);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)spec->name, -1, -1,
                               0);
    X509_set_issuer_name(cert, X509_get_subject_name(issuer));
    X509_set_pubkey(cert, key);
    extension(cert, issuer, NID_basic_constraints, spec->ca ? "critical,CA:TRUE" : "CA:FALSE");
    extension(cert, issuer, NID_subject_key_identifier, "hash");
    if (spec->host != NULL)
        extension(cert, issuer, NID_subject_alt_name, spec->host);
    assert_true(X509_sign(cert, signer, EVP_sha256()) > 0);
    PEM_write_bio_X509(cert_pem, cert);
    PEM_write_bio_PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL);
    bio_take(cert_pem, &out->cert);
    bio_take(key_pem, &out->key);
    if (signer != key)
        EVP_PKEY_free(signer);
    if (issuer != cert)
        X509_free(issuer);
    EVP_PKEY_free(key);
    X509_free(cert);
}

void test_cert_deinit(struct test_cert *c)
{
    buf_deinit(&c->cert);
    buf_deinit(&c->key);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/helper_ocsp.h"

#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum { ANSWER_MAX = 1024 * 1024 };

static ASN1_TIME *time_of(int64_t ms)
{
    ASN1_TIME *at = ms == 0 ? NULL : ASN1_GENERALIZEDTIME_set(NULL, (time_t)(ms / 1000));

    assert_true(ms == 0 || at != NULL);
    return at;
}

static void single_add(OCSP_BASICRESP *basic, const struct ocsp_spec *spec,
                       const struct cert *about, enum ocsp_said said)
{
    const EVP_MD *md = EVP_get_digestbyname(spec->id_md == NULL ? "SHA1" : spec->id_md);
    OCSP_CERTID *id = OCSP_cert_to_id(md, cert_x509(about), cert_x509(spec->issuer));
    ASN1_TIME *from = time_of(spec->from), *until = time_of(spec->until);
    ASN1_TIME *revoked = time_of(said == SAYS_REVOKED ? spec->revoked_at : 0);
    OCSP_SINGLERESP *single;

    assert_non_null(id);
    single = OCSP_basic_add1_status(basic, id, (int)said, spec->reason, revoked, from, until);
    assert_non_null(single);
    if (spec->critical) {
        ASN1_OBJECT *oid = OBJ_txt2obj("1.3.6.1.4.1.99999.1", 1);
        ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
        X509_EXTENSION *extension;

        assert_int_equal(ASN1_OCTET_STRING_set(value, (const unsigned char *)"\x05\x00", 2), 1);
        extension = X509_EXTENSION_create_by_OBJ(NULL, oid, 1, value);
        assert_int_equal(OCSP_SINGLERESP_add_ext(single, extension, -1), 1);
        X509_EXTENSION_free(extension);
        ASN1_OCTET_STRING_free(value);
        ASN1_OBJECT_free(oid);
    }
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    ASN1_TIME_free(revoked);
    OCSP_CERTID_free(id);
}

static void sign(OCSP_BASICRESP *basic, const struct ocsp_spec *spec)
{
    BIO *bio = BIO_new_mem_buf(spec->signer_key_pem.ptr, (int)spec->signer_key_pem.len);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    const EVP_MD *md = EVP_get_digestbyname(spec->md == NULL ? "SHA256" : spec->md);
    unsigned long flags =
        (spec->by_key ? OCSP_RESPID_KEY : 0) | (spec->no_certs ? OCSP_NOCERTS : 0);

    assert_non_null(key);
    assert_int_equal(OCSP_basic_sign(basic, cert_x509(spec->signer), key, md, NULL, flags), 1);
    EVP_PKEY_free(key);
    BIO_free(bio);
}

void ocsp_make(const struct ocsp_spec *spec, struct buf *out)
{
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_RESPONSE *response;
    unsigned char *der = NULL;
    uint8_t nonce[64];
    int len;

    assert_non_null(basic);
    if (spec->also != NULL)
        single_add(basic, spec, spec->also, SAYS_GOOD);
    if (spec->about != NULL)
        single_add(basic, spec, spec->about, spec->said);
    if (spec->nonce.len > 0) {
        assert_true(spec->nonce.len <= sizeof nonce);
        memcpy(nonce, spec->nonce.ptr, spec->nonce.len);
        assert_int_equal(OCSP_basic_add1_nonce(basic, nonce, (int)spec->nonce.len), 1);
    }
    sign(basic, spec);
    if (spec->forged) {
        const ASN1_OCTET_STRING *signature = OCSP_resp_get0_signature(basic);
        uint8_t *last = (uint8_t *)(uintptr_t)ASN1_STRING_get0_data(signature) +
                        ASN1_STRING_length(signature) - 1;

        *last ^= 1;
    }
    response = OCSP_response_create(spec->status, spec->status == 0 ? basic : NULL);
    assert_non_null(response);
    len = i2d_OCSP_RESPONSE(response, &der);
    assert_true(len > 0);
    buf_init(out, ANSWER_MAX);
    buf_add(out, span_of(der, (size_t)len));
    OPENSSL_free(der);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
}

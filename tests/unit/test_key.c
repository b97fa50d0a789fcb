#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/key.h"

#include <pthread.h>
#include <stdio.h>

#include "tests/unit/helper_crypto.h"

#define FINGERPRINT "f5d3532b5de6492fbde8facb1224ed9a69ae34365b969bcd1efd52710fa57c14"

static void test_cert_says(void **state)
{
    AUTO(cert_drop) struct cert *cert = helper_cert("addressee-cipher-2048");

    (void)state;
    assert_string_equal(cert_fingerprint(cert), FINGERPRINT);
    assert_int_equal(cert_sha256(cert).ptr[0], 0xf5);
    assert_string_equal(cert_subject(cert), "CN=addressee cipher RSA-2048,OU=OSCI 1.2 vectors,"
                                            "O=Depesche Test,C=DE");
    assert_string_equal(cert_issuer(cert),
                        "CN=Depesche Vector CA,OU=OSCI 1.2 vectors,O=Depesche Test,C=DE");
    assert_string_equal(cert_serial(cert), "1014");
    assert_string_equal(cert_key_name(cert), "RSA-2048");
    assert_int_equal(cert_not_before(cert), 1767225600000); /* 2026-01-01 */
    assert_true(cert_not_after(cert) > 2429827200000 && cert_not_after(cert) < 2430000000000);
}

static struct usage_row {
    const char *name;
    bool sign, encipher;
    const char *key;
} usage_rows[] = {
    {"addressee-cipher-2048", false, true, "RSA-2048"},
    {"addressee-signature-4096", true, false, "RSA-4096"},
    {"author-signature-p256", true, false, "P-256"},
};

static void test_usage(void **state)
{
    const struct usage_row *row = *state;
    AUTO(cert_drop) struct cert *cert = helper_cert(row->name);
    AUTO(key_drop) struct key *key = helper_key(row->name);
    AUTO(key_drop) struct key *other = helper_key("mallory-cipher-2048");

    assert_int_equal(cert_may_sign(cert), row->sign);
    assert_int_equal(cert_may_encipher(cert), row->encipher);
    assert_string_equal(cert_key_name(cert), row->key);
    assert_true(key_matches(key, cert));
    assert_false(key_matches(other, cert));
}

static void test_der_every_cut(void **state)
{
    AUTO(cert_drop) struct cert *cert = helper_cert("addressee-cipher-2048");
    AUTO(cert_drop) struct cert *again = NULL;
    AUTO(buf_deinit) struct buf longer = {0};
    struct span der = cert_der(cert);
    struct error err = {0};

    (void)state;
    for (size_t len = 0; len < der.len; len++)
        assert_int_equal(cert_from_der(span_sub(der, 0, len), &again, &err), ST_INVALID);
    buf_init(&longer, CERT_DER_MAX + 1);
    buf_add(&longer, der);
    buf_char(&longer, 'x');
    assert_int_equal(cert_from_der(buf_span(&longer), &again, &err), ST_INVALID);
    (void)buf_grow(&longer, CERT_DER_MAX + 1 - longer.len);
    assert_int_equal(cert_from_der(buf_span(&longer), &again, &err), ST_LIMIT);
    assert_null(again);
    assert_int_equal(cert_from_der(der, &again, &err), ST_OK);
    assert_true(cert_eq(cert, again));
}

/* A name goes into process cards, so it must be what XML can say. */
static void test_name_of_noncharacters(void **state)
{
    AUTO(cert_drop) struct cert *cert = helper_cert("addressee-cipher-2048");
    AUTO(cert_drop) struct cert *strange = NULL;
    AUTO(buf_deinit) struct buf der = {.max = CERT_DER_MAX};
    struct error err = {0};
    size_t at;

    (void)state;
    buf_add(&der, cert_der(cert));
    at = span_find(buf_span(&der), SPAN("addressee"));
    memcpy(der.ptr + at, "\xEF\xBF\xBF\xEF\xBF\xBE", 6);
    assert_int_equal(cert_from_der(buf_span(&der), &strange, &err), ST_OK);
    assert_memory_equal(cert_subject(strange), "CN=\xEF\xBF\xBD\xEF\xBF\xBDsee cipher", 19);
}

static void length_add(struct buf *der, size_t at, size_t more)
{
    size_t len = (size_t)der->ptr[at] << 8 | der->ptr[at + 1];

    der->ptr[at] = (uint8_t)((len + more) >> 8);
    der->ptr[at + 1] = (uint8_t)(len + more);
}

/* In decimal a long number costs the square of its length. */
static void test_serial_bound(void **state)
{
    static const size_t sizes[] = {20, 64, 65, 100};
    AUTO(cert_drop) struct cert *cert = helper_cert("addressee-cipher-2048");
    struct span was = SPAN("\x02\x02\x03\xf6");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        AUTO(cert_drop) struct cert *other = NULL;
        AUTO(buf_deinit) struct buf der = {.max = CERT_DER_MAX};
        struct error err = {0};
        size_t at = span_find(cert_der(cert), was);

        assert_int_equal(at, 13);
        buf_add(&der, span_sub(cert_der(cert), 0, at));
        buf_char(&der, 2);
        buf_char(&der, (char)sizes[i]);
        memset(buf_grow(&der, sizes[i]), 0x7f, sizes[i]);
        buf_add(&der, span_from(cert_der(cert), at + was.len));
        length_add(&der, 2, sizes[i] - 2);
        length_add(&der, 6, sizes[i] - 2);
        assert_int_equal(cert_from_der(buf_span(&der), &other, &err),
                         sizes[i] <= 64 ? ST_OK : ST_INVALID);
    }
}

static void test_pem_refusals(void **state)
{
    struct cert *cert = NULL;
    struct key *key = NULL;
    struct error err = {0};

    (void)state;
    assert_int_equal(cert_from_pem(SPAN("no certificate"), &cert, &err), ST_INVALID);
    assert_int_equal(cert_from_pem(SPAN_NONE, &cert, &err), ST_INVALID);
    assert_int_equal(key_from_pem(SPAN("no key"), NULL, &key, &err), ST_INVALID);
    assert_int_equal(key_from_pem(SPAN_NONE, NULL, &key, &err), ST_INVALID);
    assert_int_equal(key_from_pkcs12(SPAN("no file"), "x", &key, &cert, &err), ST_INVALID);
    assert_int_equal(key_from_pkcs12(SPAN_NONE, "x", &key, &cert, &err), ST_INVALID);
}

/* Made with: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes-256-cbc */
static const char enciphered_pem[] =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAj//0eVAb0+XwICCAAw\n"
    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEO5mySr2gV6tWXIMtdtNmkYEgZBs\n"
    "qzTdtMB/mFZrg4nWU7q4ph0YD+u76lIINIgzx0vJ0ilQVqDlusJHVmweObnd535O\n"
    "29KyWRkb61IxmhgO7k+o47i1+SibIRdKqL7zLXer9NSpXvW32yDRbGSRh6sl13+L\n"
    "sPeXvlMavBjJei9O3Zb+pz/PaiFtMKkqnPZfvCE0ZPAf5VL6YYJqvlrU5jorTVw=\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n";

static void test_enciphered_pem(void **state)
{
    AUTO(key_drop) struct key *key = NULL;
    struct error err = {0};
    struct span pem = span_str(enciphered_pem);

    (void)state;
    assert_int_equal(key_from_pem(pem, NULL, &key, &err), ST_DENIED);
    assert_int_equal(key_from_pem(pem, "wrong", &key, &err), ST_DENIED);
    assert_int_equal(key_from_pem(pem, "", &key, &err), ST_DENIED);
    assert_null(key);
    assert_int_equal(key_from_pem(pem, "osci-test", &key, &err), ST_OK);
}

static void test_pkcs12(void **state)
{
    AUTO(buf_deinit) struct buf p12 = {0};
    AUTO(key_drop) struct key *key = NULL;
    AUTO(cert_drop) struct cert *cert = NULL;
    AUTO(cert_drop) struct cert *expected = helper_cert("reader-cipher-2048");
    struct error err = {0};

    (void)state;
    helper_vector("osci12/keys/reader-cipher-2048.p12", &p12);
    assert_int_equal(key_from_pkcs12(buf_span(&p12), "wrong", &key, &cert, &err), ST_DENIED);
    assert_int_equal(key_from_pkcs12(buf_span(&p12), NULL, &key, &cert, &err), ST_DENIED);
    assert_null(key);
    assert_null(cert);
    assert_int_equal(key_from_pkcs12(buf_span(&p12), "osci-test", &key, &cert, &err), ST_OK);
    assert_true(cert_eq(cert, expected));
    assert_true(key_matches(key, cert));
}

static const char *const cached[] = {"addressee-cipher-2048", "author-cipher-2048",
                                     "reader-cipher-2048", "originator-cipher-2048"};

static void test_cache(void **state)
{
    AUTO(cert_cache_drop) struct cert_cache *cache = NULL;
    struct cert *certs[ARRAY_LEN(cached)];
    struct cert *got[ARRAY_LEN(cached)];
    AUTO(cert_drop) struct cert *again = NULL;
    AUTO(cert_drop) struct cert *anew = NULL;
    struct error err = {0};

    (void)state;
    assert_int_equal(cert_cache_new(ARRAY_LEN(cached) - 1, &cache, &err), ST_OK);
    for (size_t i = 0; i < ARRAY_LEN(cached); i++)
        certs[i] = helper_cert(cached[i]);
    for (size_t i = 0; i < ARRAY_LEN(cached); i++) { /* the last one drives the first one out */
        assert_int_equal(cert_cache_get(cache, cert_der(certs[i]), &got[i], &err), ST_OK);
        assert_true(cert_eq(got[i], certs[i]));
        assert_ptr_not_equal(got[i], certs[i]);
    }
    assert_int_equal(cert_cache_get(cache, cert_der(certs[3]), &again, &err), ST_OK);
    assert_ptr_equal(again, got[3]);
    assert_int_equal(cert_cache_get(cache, cert_der(certs[0]), &anew, &err), ST_OK);
    assert_ptr_not_equal(anew, got[0]);
    for (size_t i = 0; i < ARRAY_LEN(cached); i++) {
        cert_free(certs[i]);
        cert_free(got[i]);
    }
}

static void test_cache_may_be_missing(void **state)
{
    AUTO(cert_drop) struct cert *cert = helper_cert(cached[0]);
    AUTO(cert_drop) struct cert *got = NULL;
    AUTO(cert_cache_drop) struct cert_cache *cache = NULL;
    struct error err = {0};

    (void)state;
    assert_int_equal(cert_cache_get(NULL, cert_der(cert), &got, &err), ST_OK);
    assert_true(cert_eq(cert, got));
    assert_int_equal(cert_cache_new(0, &cache, &err), ST_OK);
    cert_drop(&got);
    assert_int_equal(cert_cache_get(cache, cert_der(cert), &got, &err), ST_OK);
    cert_drop(&got);
    assert_int_equal(cert_cache_get(cache, SPAN("no certificate"), &got, &err), ST_INVALID);
    assert_null(got);
}

struct racer {
    struct cert_cache *cache;
    struct cert *certs[ARRAY_LEN(cached)];
    bool well;
};

static void *race(void *arg)
{
    struct racer *racer = arg;
    struct error err = {0};

    racer->well = true;
    for (size_t i = 0; i < 2000; i++) {
        struct cert *want = racer->certs[(i * 7) % ARRAY_LEN(cached)], *got = NULL;

        racer->well = racer->well &&
                      cert_cache_get(racer->cache, cert_der(want), &got, &err) == ST_OK &&
                      cert_eq(want, got);
        cert_free(got);
    }
    return NULL;
}

static void test_cache_between_threads(void **state)
{
    struct racer racers[4];
    pthread_t threads[ARRAY_LEN(racers)];
    struct cert_cache *cache = NULL;
    struct error err = {0};

    (void)state;
    assert_int_equal(cert_cache_new(2, &cache, &err), ST_OK);
    for (size_t i = 0; i < ARRAY_LEN(racers); i++) {
        racers[i].cache = cache;
        for (size_t n = 0; n < ARRAY_LEN(cached); n++)
            racers[i].certs[n] = helper_cert(cached[n]);
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(racers); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(racers[i].well);
        for (size_t n = 0; n < ARRAY_LEN(cached); n++)
            cert_free(racers[i].certs[n]);
    }
    cert_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cert_says),
        {usage_rows[0].name, test_usage, NULL, NULL, &usage_rows[0]},
        {usage_rows[1].name, test_usage, NULL, NULL, &usage_rows[1]},
        {usage_rows[2].name, test_usage, NULL, NULL, &usage_rows[2]},
        cmocka_unit_test(test_der_every_cut),
        cmocka_unit_test(test_name_of_noncharacters),
        cmocka_unit_test(test_serial_bound),
        cmocka_unit_test(test_pem_refusals),
        cmocka_unit_test(test_enciphered_pem),
        cmocka_unit_test(test_pkcs12),
        cmocka_unit_test(test_cache),
        cmocka_unit_test(test_cache_may_be_missing),
        cmocka_unit_test(test_cache_between_threads),
    };

    return cmocka_run_group_tests(tests, helper_crypto_setup, helper_crypto_teardown);
}

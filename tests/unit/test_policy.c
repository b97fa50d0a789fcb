#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/policy.h"

#define NOW 1795305600000   /* 2026-11-22 */
#define LATER 4102444800000 /* 2100-01-01 */
#define DSIG "http://www.w3.org/2000/09/xmldsig#"
#define MORE "http://www.w3.org/2001/04/xmldsig-more#"
#define MORE_2007 "http://www.w3.org/2007/05/xmldsig-more#"
#define XENC "http://www.w3.org/2001/04/xmlenc#"
#define XENC11 "http://www.w3.org/2009/xmlenc11#"

static struct row {
    const char *name, *uri;
    enum alg_use use;
    const char *allowed; /* w written, r read, l read with the switches on, - never */
} rows[] = {
    {"sha256", ALG_SHA256_URI, ALG_DIGEST, "wr"},
    {"sha512", XENC "sha512", ALG_DIGEST, "wr"},
    {"sha3-256", MORE_2007 "sha3-256", ALG_DIGEST, "wr"},
    {"sha3-384", MORE_2007 "sha3-384", ALG_DIGEST, "wr"},
    {"sha3-512", MORE_2007 "sha3-512", ALG_DIGEST, "wr"},
    {"no sha1", DSIG "sha1", ALG_DIGEST, "-"},
    {"no sha384 digest", MORE "sha384", ALG_DIGEST, "-"},
    {"no ripemd", XENC "ripemd160", ALG_DIGEST, "-"},
    {"rsa-sha256", ALG_RSA_SHA256_URI, ALG_SIGNATURE, "wr"},
    {"rsa-sha512", MORE "rsa-sha512", ALG_SIGNATURE, "wr"},
    {"pss 256", MORE_2007 "sha256-rsa-MGF1", ALG_SIGNATURE, "wr"},
    {"pss 512", MORE_2007 "sha512-rsa-MGF1", ALG_SIGNATURE, "wr"},
    {"pss sha3-256", MORE_2007 "sha3-256-rsa-MGF1", ALG_SIGNATURE, "wr"},
    {"pss sha3-384", MORE_2007 "sha3-384-rsa-MGF1", ALG_SIGNATURE, "wr"},
    {"pss sha3-512", MORE_2007 "sha3-512-rsa-MGF1", ALG_SIGNATURE, "wr"},
    {"ecdsa 256", MORE "ecdsa-sha256", ALG_SIGNATURE, "wr"},
    {"ecdsa 384 is read only", MORE "ecdsa-sha384", ALG_SIGNATURE, "r"},
    {"ecdsa 512", MORE "ecdsa-sha512", ALG_SIGNATURE, "wr"},
    {"no rsa-sha1", DSIG "rsa-sha1", ALG_SIGNATURE, "-"},
    {"no hmac", MORE "hmac-sha256", ALG_SIGNATURE, "-"},
    {"aes256-gcm", ALG_AES256_GCM_URI, ALG_CIPHER, "wr"},
    {"aes192-gcm", XENC11 "aes192-gcm", ALG_CIPHER, "wr"},
    {"aes128-gcm", XENC11 "aes128-gcm", ALG_CIPHER, "wr"},
    {"aes256-cbc", XENC "aes256-cbc", ALG_CIPHER, "l"},
    {"aes192-cbc", XENC "aes192-cbc", ALG_CIPHER, "l"},
    {"aes128-cbc", XENC "aes128-cbc", ALG_CIPHER, "l"},
    {"no tripledes", XENC "tripledes-cbc", ALG_CIPHER, "-"},
    {"rsa-oaep", ALG_RSA_OAEP_URI, ALG_KEY_TRANSPORT, "wr"},
    {"rsa-1_5", XENC "rsa-1_5", ALG_KEY_TRANSPORT, "l"},
    {"no rsa-oaep-mgf1p", XENC "rsa-oaep-mgf1p", ALG_KEY_TRANSPORT, "-"},
    {"mgf1sha256", XENC11 "mgf1sha256", ALG_MGF, "wr"},
    {"mgf1sha384 is read only", XENC11 "mgf1sha384", ALG_MGF, "r"},
    {"mgf1sha512", XENC11 "mgf1sha512", ALG_MGF, "wr"},
    {"no mgf1sha1", XENC11 "mgf1sha1", ALG_MGF, "-"},
};

static enum status expected(const struct row *row, char letter)
{
    return strchr(row->allowed, letter) != NULL ? ST_OK : ST_DENIED;
}

static void test_row(void **state)
{
    static const struct policy strict, lax = {.read_cbc = true, .read_rsa15 = true};
    const struct row *row = *state;
    const struct alg *alg = alg_find(span_str(row->uri), row->use);
    struct error err = {0};
    enum status lax_read = expected(row, 'l') == ST_OK ? ST_OK : expected(row, 'r');

    assert_non_null(alg);
    assert_int_equal(policy_check(&strict, alg, ALG_WRITE, NOW, &err), expected(row, 'w'));
    assert_int_equal(policy_check(&strict, alg, ALG_READ, NOW, &err), expected(row, 'r'));
    assert_int_equal(policy_check(&lax, alg, ALG_READ, NOW, &err), lax_read);
    assert_int_equal(policy_check(&lax, alg, ALG_WRITE, NOW, &err), expected(row, 'w'));
    assert_int_equal(policy_check(&lax, alg, ALG_READ, LATER, &err), ST_DENIED);
    assert_int_equal(policy_check(&strict, alg, ALG_READ, LATER, &err), ST_DENIED);
    assert_non_null(strstr(err.text, row->uri)); /* a refusal names what it refuses */
}

static void test_switches_are_separate(void **state)
{
    const struct policy cbc = {.read_cbc = true}, rsa15 = {.read_rsa15 = true};
    const struct alg *alg = NULL;
    struct error err = {0};

    (void)state;
    assert_int_equal(
        policy_find(&cbc, SPAN(XENC "rsa-1_5"), ALG_KEY_TRANSPORT, ALG_READ, NOW, &alg, &err),
        ST_DENIED);
    assert_int_equal(
        policy_find(&rsa15, SPAN(XENC "aes256-cbc"), ALG_CIPHER, ALG_READ, NOW, &alg, &err),
        ST_DENIED);
    assert_null(alg);
    assert_int_equal(
        policy_find(&rsa15, SPAN(XENC "rsa-1_5"), ALG_KEY_TRANSPORT, ALG_READ, NOW, &alg, &err),
        ST_OK);
    assert_non_null(alg);
}

/* A switch ends on its day, the others' dates stay as they are; nothing legacy is ever written. */
static void test_legacy_ends(void **state)
{
    const struct policy until = {.read_cbc = true, .read_rsa15 = true, .legacy_until = NOW + 1};
    const struct alg *cbc = alg_find(SPAN(XENC "aes256-cbc"), ALG_CIPHER);
    const struct alg *gcm = alg_find(SPAN(ALG_AES256_GCM_URI), ALG_CIPHER);
    struct error err = {0};

    (void)state;
    assert_int_equal(policy_check(&until, cbc, ALG_READ, NOW, &err), ST_OK);
    assert_int_equal(policy_check(&until, cbc, ALG_READ, NOW + 1, &err), ST_DENIED);
    assert_int_equal(policy_check(&until, cbc, ALG_WRITE, NOW, &err), ST_DENIED);
    assert_int_equal(policy_check(&until, gcm, ALG_READ, NOW + 1, &err), ST_OK);
}

static void test_unknown(void **state)
{
    const struct policy policy = {0};
    const struct alg *alg = NULL;
    struct error err = {0};

    (void)state;
    assert_null(alg_find(SPAN(ALG_SHA256_URI), ALG_SIGNATURE));
    assert_null(alg_find(SPAN(ALG_SHA256_URI " "), ALG_DIGEST));
    assert_null(alg_find(SPAN_NONE, ALG_DIGEST));
    assert_int_equal(policy_find(&policy, SPAN("urn:x"), ALG_DIGEST, ALG_READ, NOW, &alg, &err),
                     ST_DENIED);
    assert_non_null(strstr(err.text, "urn:x"));
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows) + 3];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[i] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    tests[ARRAY_LEN(rows)] = (struct CMUnitTest)cmocka_unit_test(test_switches_are_separate);
    tests[ARRAY_LEN(rows) + 1] = (struct CMUnitTest)cmocka_unit_test(test_unknown);
    tests[ARRAY_LEN(rows) + 2] = (struct CMUnitTest)cmocka_unit_test(test_legacy_ends);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

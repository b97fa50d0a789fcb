#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

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

/* ---- the file with the dates ---- */

#define FILE_PATH TEST_VECTORS "/../../share/algorithms.conf"

/* The file that is installed says the same as the program, of each row of the table. */
static void test_file_is_built_in(void **state)
{
    static const struct policy built_in;
    struct policy_dates dates[POLICY_ROWS_MAX];
    const struct policy from_file = {.dates = dates};
    char text[POLICY_FILE_MAX];
    const struct alg *alg;
    struct error err = {0};
    FILE *f = fopen(FILE_PATH, "r");
    size_t len, lines = 0, row;

    (void)state;
    assert_non_null(f);
    len = fread(text, 1, sizeof text, f);
    assert_int_equal(fclose(f), 0);
    if (policy_dates_read(span_of(text, len), dates, &err) != ST_OK)
        fail_msg("%s", err.text);
    for (row = 0; (alg = alg_row(row)) != NULL; row++)
        for (enum alg_for what = ALG_WRITE; what <= ALG_READ; what++)
            assert_int_equal(policy_until(&built_in, alg, what),
                             policy_until(&from_file, alg, what));
    for (size_t i = 0; i < len; i++) /* a line for each, so that none keeps its date by chance */
        lines += (i == 0 || text[i - 1] == '\n') && text[i] >= 'a' && text[i] <= 'z';
    assert_int_equal(lines, row);
}

static struct file_row {
    const char *name, *text, *wrong; /* NULL: it is taken */
} file_rows[] = {
    {"nothing", "", NULL},
    {"a comment", "# digest sha256 - -\n\n   # more\n", NULL},
    {"tabs and CR", "digest\tsha256   2030-01-01\t2031-01-01 # so\r\n", NULL},
    {"a leap day", "digest sha256 2028-02-29 2028-02-29", NULL},
    {"never any more", "cipher aes128-gcm - -\n", NULL},
    {"no such kind", "hash sha256 - -\n", "line 1: hash sha256"},
    {"no such algorithm", "\n\ndigest sha999 - -\n", "line 3: digest sha999"},
    {"of another kind", "cipher sha256 - -\n", "line 1: cipher sha256"},
    {"a date is missing", "digest sha256 2030-01-01\n", "line 1"},
    {"a word too many", "digest sha256 2030-01-01 2030-01-01 2030-01-01\n", "line 1"},
    {"no such day", "digest sha256 2027-02-29 2030-01-01\n", "2031-12-31"},
    {"no such month", "digest sha256 2027-13-01 2030-01-01\n", "2031-12-31"},
    {"a day in German", "digest sha256 31.12.2031 2040-01-01\n", "2031-12-31"},
    {"a year alone", "digest sha256 2031 2040\n", "2031-12-31"},
    {"a year of long ago", "digest sha256 1970-01-01 2040-01-01\n", "2031-12-31"},
    {"written longer than read", "digest sha256 2031-01-01 2030-01-01\n", "longer than read"},
    {"twice", "digest sha256 - -\ndigest sha256 - -\n", "line 2: sha256 stands there twice"},
};

static void test_file(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(file_rows); i++) {
        const struct file_row *row = &file_rows[i];
        struct policy_dates dates[POLICY_ROWS_MAX];
        struct error err = {0};
        enum status st = policy_dates_read(span_str(row->text), dates, &err);

        if (st != (row->wrong == NULL ? ST_OK : ST_INVALID))
            fail_msg("%s: %s", row->name, err.text);
        if (row->wrong != NULL && strstr(err.text, row->wrong) == NULL)
            fail_msg("%s: %s", row->name, err.text);
    }
    (void)state;
}

/* What a file says holds to the end of its day, and what it does not name keeps its dates. */
static void test_file_holds(void **state)
{
    struct policy_dates dates[POLICY_ROWS_MAX];
    const struct policy policy = {.dates = dates};
    const struct alg *sha256 = alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST);
    const struct alg *sha512 = alg_find(SPAN(XENC "sha512"), ALG_DIGEST);
    const int64_t end = INT64_C(1830297600000); /* 2028-01-01T00:00:00Z */
    struct error err = {0};

    (void)state;
    assert_int_equal(policy_dates_read(SPAN("digest sha256 2026-12-31 2027-12-31"), dates, &err),
                     ST_OK);
    assert_int_equal(policy_until(&policy, sha256, ALG_READ), end);
    assert_int_equal(policy_check(&policy, sha256, ALG_READ, end - 1, &err), ST_OK);
    assert_int_equal(policy_check(&policy, sha256, ALG_READ, end, &err), ST_DENIED);
    assert_int_equal(policy_check(&policy, sha256, ALG_WRITE, NOW, &err), ST_OK);
    assert_int_equal(policy_check(&policy, sha256, ALG_WRITE, end - 1, &err), ST_DENIED);
    assert_int_equal(policy_check(&policy, sha512, ALG_WRITE, end, &err), ST_OK);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows) + 6];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[i] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    tests[ARRAY_LEN(rows)] = (struct CMUnitTest)cmocka_unit_test(test_switches_are_separate);
    tests[ARRAY_LEN(rows) + 1] = (struct CMUnitTest)cmocka_unit_test(test_unknown);
    tests[ARRAY_LEN(rows) + 2] = (struct CMUnitTest)cmocka_unit_test(test_legacy_ends);
    tests[ARRAY_LEN(rows) + 3] = (struct CMUnitTest)cmocka_unit_test(test_file_is_built_in);
    tests[ARRAY_LEN(rows) + 4] = (struct CMUnitTest)cmocka_unit_test(test_file);
    tests[ARRAY_LEN(rows) + 5] = (struct CMUnitTest)cmocka_unit_test(test_file_holds);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

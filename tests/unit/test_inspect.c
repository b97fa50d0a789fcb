/* OSCI 1.2 digest 11.1: which codes a verdict means in which role */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "certs/inspect.h"

/* Columns as in 11.1; the verdicts that lead there. */
static const struct cert_verdict expired = {
    .math = CERT_MATH_OK, .offline = CERT_OFFLINE_INVALID, .expired = true};
static const struct cert_verdict early = {
    .math = CERT_MATH_OK, .offline = CERT_OFFLINE_INVALID, .not_yet_valid = true};
static const struct cert_verdict corrupted = {.math = CERT_MATH_CORRUPTED,
                                              .offline = CERT_OFFLINE_INVALID};
static const struct cert_verdict revoked = {
    .math = CERT_MATH_OK, .offline = CERT_OFFLINE_VALID, .online = CERT_ONLINE_REVOKED};
static const struct cert_verdict unknown = {.untrusted = true};
static const struct cert_verdict misused = {
    .math = CERT_MATH_OK, .offline = CERT_OFFLINE_INVALID, .usage_wrong = true};
static const struct cert_verdict weak = {
    .math = CERT_MATH_OK, .offline = CERT_OFFLINE_INVALID, .weak = true};
static const struct cert_verdict unlisted = {
    .math = CERT_MATH_OK, .offline = CERT_OFFLINE_VALID, .status_missing = true};
static const struct cert_verdict unentitled = {
    .math = CERT_MATH_OK, .offline = CERT_OFFLINE_INVALID, .chain_bad = true};
static const struct cert_verdict good = {
    .math = CERT_MATH_OK, .offline = CERT_OFFLINE_VALID, .online = CERT_ONLINE_OK};

static struct row {
    const char *name;
    enum cert_role role;
    enum cert_purpose purpose;
    int outside, corrupted, revoked, incomplete, internal;
    enum cert_effect effect; /* of corrupted and revoked */
} rows[] = {
    {"client, cipher", CERT_CLIENT_CIPHER, CERT_FOR_OSCI_CIPHER, 3500, 9501, 9502, 3501, 9503,
     CERT_FAULTS},
    {"client, signature", CERT_CLIENT_SIGNATURE, CERT_FOR_OSCI_SIGNATURE, 3700, 9700, 9701, 3707,
     9710, CERT_REFUSES},
    {"author, signature", CERT_AUTHOR_SIGNATURE, CERT_FOR_OSCI_SIGNATURE, 3701, 3702, 3703, 3707,
     9710, CERT_PASSES},
    {"author, cipher", CERT_AUTHOR_CIPHER, CERT_FOR_OSCI_CIPHER, 3704, 9704, 9705, 3707, 9710,
     CERT_REFUSES},
    {"addressee, cipher", CERT_ADDRESSEE_CIPHER, CERT_FOR_OSCI_CIPHER, 3705, 9706, 9707, 3707, 9710,
     CERT_REFUSES},
    {"reader, cipher", CERT_READER_CIPHER, CERT_FOR_OSCI_CIPHER, 3706, 9708, 9709, 3707, 9710,
     CERT_REFUSES},
    {"addressee, signature (answer)", CERT_ADDRESSEE_SIGNATURE, CERT_FOR_OSCI_SIGNATURE, 3708, 9711,
     9712, 3707, 9710, CERT_REFUSES},
};

static void only(enum cert_role role, const struct cert_verdict *v, int code,
                 enum cert_effect effect)
{
    struct cert_findings f = cert_inspect(role, v);

    assert_int_equal(f.count, 1);
    assert_int_equal(f.codes[0], code);
    assert_int_equal(f.effect, effect);
}

static void test_row(void **state)
{
    const struct row *row = *state;

    only(row->role, &expired, row->outside, CERT_PASSES);
    only(row->role, &early, row->outside, CERT_PASSES);
    only(row->role, &corrupted, row->corrupted, row->effect);
    only(row->role, &unentitled, row->corrupted, row->effect);
    only(row->role, &revoked, row->revoked, row->effect);
    only(row->role, &unknown, row->incomplete, CERT_PASSES);
    only(row->role, &misused, row->incomplete, CERT_PASSES);
    only(row->role, &weak, row->incomplete, CERT_PASSES);
    only(row->role, &unlisted, row->incomplete, CERT_PASSES);
    assert_int_equal(cert_inspect(row->role, &good).count, 0);
    assert_int_equal(cert_inspect(row->role, &good).effect, CERT_PASSES);
    assert_int_equal(cert_internal_code(row->role), row->internal);
    assert_int_equal(cert_role_purpose(row->role), row->purpose);
}

/* Everything at once: warnings first, the deciding codes last, within the room. */
static void all_at_once(void **state)
{
    const struct cert_verdict worst = {
        CERT_MATH_CORRUPTED, CERT_OFFLINE_INVALID,  CERT_ONLINE_REVOKED,
        .expired = true,     .not_yet_valid = true, .usage_wrong = true,
        .untrusted = true,   .chain_bad = true,     .weak = true};
    struct cert_findings f = cert_inspect(CERT_READER_CIPHER, &worst);

    (void)state;
    assert_int_equal(f.count, 3);
    assert_int_equal(f.codes[0], 3706);
    assert_int_equal(f.codes[1], 9708);
    assert_int_equal(f.codes[2], 9709);
    assert_int_equal(f.effect, CERT_REFUSES);
    f = cert_inspect(CERT_READER_CIPHER,
                     &(struct cert_verdict){.expired = true, .untrusted = true});
    assert_int_equal(f.count, 2);
    assert_int_equal(f.codes[0], 3706);
    assert_int_equal(f.codes[1], 3707);
    assert_int_equal(f.effect, CERT_PASSES);
}

/* The words stand in every process card. */
static void words(void **state)
{
    (void)state;
    assert_string_equal(cert_math_name(CERT_MATH_OK), "ok");
    assert_string_equal(cert_math_name(CERT_MATH_CORRUPTED), "corrupted");
    assert_string_equal(cert_math_name(CERT_MATH_INDETERMINATE), "indeterminate");
    assert_string_equal(cert_offline_name(CERT_OFFLINE_VALID), "valid");
    assert_string_equal(cert_offline_name(CERT_OFFLINE_INVALID), "invalid");
    assert_string_equal(cert_offline_name(CERT_OFFLINE_INDETERMINATE), "indeterminate");
    assert_string_equal(cert_online_name(CERT_ONLINE_OK), "ok");
    assert_string_equal(cert_online_name(CERT_ONLINE_REVOKED), "revoked");
    assert_null(cert_online_name(CERT_ONLINE_NONE));
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows) + 2];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[i] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    tests[ARRAY_LEN(rows)] = (struct CMUnitTest)cmocka_unit_test(all_at_once);
    tests[ARRAY_LEN(rows) + 1] = (struct CMUnitTest)cmocka_unit_test(words);
    assert_int_equal(ARRAY_LEN(rows), CERT_ROLES);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

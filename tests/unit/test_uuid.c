/* ids: RFC 9562, 5.7 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/uuid.h"

static struct valid_row {
    const char *name, *text;
    bool valid;
} valid_rows[] = {
    {"version 7", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f", true},
    {"variant b", "017f22e2-79b0-7cc3-b8c4-dc0c0c07398f", true},
    {"version 4", "017f22e2-79b0-4cc3-98c4-dc0c0c07398f", false},
    {"another variant", "017f22e2-79b0-7cc3-c8c4-dc0c0c07398f", false},
    {"upper case", "017F22E2-79B0-7CC3-98C4-DC0C0C07398F", false},
    {"too short", "017f22e2-79b0-7cc3-98c4-dc0c0c07398", false},
    {"too long", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0", false},
    {"hyphen missing", "017f22e2079b0-7cc3-98c4-dc0c0c07398f", false},
    {"a way out", "../../etc/passwd/7cc3-98c4-dc0c0c073", false},
    {"empty", "", false},
};

static void valid_row(void **state)
{
    const struct valid_row *row = *state;

    assert_int_equal(gw_uuid_is_valid(span_str(row->text)), row->valid);
}

/* RFC 9562, A.6: the example's time, 2022-02-22T19:22:22Z */
static void example_time(void **state)
{
    (void)state;
    assert_int_equal(gw_uuid_time("017f22e2-79b0-7cc3-98c4-dc0c0c07398f"), INT64_C(0x17f22e279b0));
}

static void same_rng_same_bytes(void **state)
{
    struct error err = {0};
    struct rng_count rng;
    char id[GW_ID_SIZE];

    (void)state;
    rng_count_init(&rng);
    assert_int_equal(gw_uuid_make(&rng.base, INT64_C(0x17f22e279b0), id, &err), ST_OK);
    assert_string_equal(id, "017f22e2-79b0-7001-8203-040506070809");
}

static void made_are_valid_and_sorted(void **state)
{
    char last[GW_ID_SIZE] = "", id[GW_ID_SIZE];
    struct error err = {0};

    (void)state;
    for (int64_t now = 1700000000000; now < 1700000000500; now++) {
        assert_int_equal(gw_uuid_make(rng_system(), now, id, &err), ST_OK);
        assert_true(gw_uuid_is_valid(span_str(id)));
        assert_int_equal(gw_uuid_time(id), now);
        assert_true(strcmp(last, id) < 0);
        memcpy(last, id, sizeof last);
    }
}

static enum status no_bytes(struct rng *self, void *bytes, size_t len, struct error *err)
{
    (void)self, (void)bytes, (void)len;
    return error_set(err, ST_INTERNAL, 0, "no random bytes");
}

static void without_chance_no_id(void **state)
{
    struct rng rng = {no_bytes};
    struct error err = {0};
    char id[GW_ID_SIZE];

    (void)state;
    assert_int_equal(gw_uuid_make(&rng, 0, id, &err), ST_INTERNAL);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(valid_rows) + 4] = {
        cmocka_unit_test(example_time), cmocka_unit_test(same_rng_same_bytes),
        cmocka_unit_test(made_are_valid_and_sorted), cmocka_unit_test(without_chance_no_id)};

    for (size_t i = 0; i < ARRAY_LEN(valid_rows); i++)
        tests[4 + i] =
            (struct CMUnitTest){valid_rows[i].name, valid_row, NULL, NULL, &valid_rows[i]};
    return cmocka_run_group_tests_name("uuid", tests, NULL, NULL);
}

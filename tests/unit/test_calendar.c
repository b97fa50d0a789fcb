/* the calendar of certificates: each step is told once, by a clock that is pushed, over restarts */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "gateway/calendar.h"
#include "helper_runtime.h"

enum { ARENA = 16 * 1024 * 1024 };
static const int64_t day_ms = INT64_C(24) * 3600 * 1000;
static const char more[] = "endpoints: [{name: bauamt}]\n";

/* How often the history tells of this certificate. */
static size_t told_of(const struct helper_runtime *h, const struct cert *cert, int reason)
{
    AUTO(arena_deinit) struct arena arena = {.max = ARENA};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_event_list list = {0};
    struct error err = {0};
    size_t count = 0;

    assert_int_equal(gw_store_read(h->rt->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_events(tx, &arena, 0, NULL, NULL, NULL, 0, &list, &err), ST_OK);
    for (size_t i = 0; i < list.count; i++)
        if (strcmp(list.rows[i].kind, "certificate.ends") == 0 && list.rows[i].reason == reason &&
            strstr(list.rows[i].en, cert_subject(cert)) != NULL)
            count++;
    return count;
}

static void look(const struct helper_runtime *h, int64_t now)
{
    struct error err = {0};
    size_t told;

    assert_int_equal(gw_calendar_look(h->rt, now, &told, &err), ST_OK);
}

static void steps(void **state)
{
    static const struct {
        int64_t days;
        int step;
    } rows[] = {{1000, GW_CALENDAR_NONE},
                {91, GW_CALENDAR_NONE},
                {90, 90},
                {61, 90},
                {60, 60},
                {31, 60},
                {30, 30},
                {15, 30},
                {14, 14},
                {8, 14},
                {7, 7},
                {2, 7},
                {1, 1},
                {0, 1},
                {-1, 0},
                {-400, 0}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(gw_calendar_step(rows[i].days), rows[i].step);
}

/* 100 days before the end until 10 behind it, four looks a day and a restart each week. */
static void once_each(void **state)
{
    struct helper_runtime h = {0};
    const struct cert *cert;
    int64_t end;

    (void)state;
    helper_runtime_open(&h, helper_town_yaml, more, NULL);
    cert = h.rt->tenants[0].identity->cipher.cert;
    end = cert_not_after(cert);
    for (int quarter = -400; quarter < 40; quarter++) {
        look(&h, end + quarter * day_ms / 4);
        if (quarter % 28 != 0)
            continue;
        helper_runtime_close(&h);
        helper_runtime_open(&h, helper_town_yaml, more, NULL);
        cert = h.rt->tenants[0].identity->cipher.cert;
    }
    assert_int_equal(told_of(&h, cert, GW_R_CERT_EXPIRES_SOON), 6);
    assert_int_equal(told_of(&h, cert, GW_R_CERT_EXPIRED), 1);
    helper_runtime_deinit(&h);
}

/* What was missed is not made up for. */
static void away_for_weeks(void **state)
{
    struct helper_runtime h = {0};
    const struct cert *cert;

    (void)state;
    helper_runtime_open(&h, helper_town_yaml, more, NULL);
    cert = h.rt->tenants[0].identity->cipher.cert;
    look(&h, cert_not_after(cert) - 91 * day_ms);
    assert_int_equal(told_of(&h, cert, GW_R_CERT_EXPIRES_SOON), 0);
    look(&h, cert_not_after(cert) - 10 * day_ms);
    look(&h, cert_not_after(cert) - 9 * day_ms);
    assert_int_equal(told_of(&h, cert, GW_R_CERT_EXPIRES_SOON), 1);
    helper_runtime_deinit(&h);
}

/* A clock that was a year ahead for a while has told the end; the steps are told all the same. */
static void clock_ahead(void **state)
{
    struct helper_runtime h = {0};
    const struct cert *cert;

    (void)state;
    helper_runtime_open(&h, helper_town_yaml, more, NULL);
    cert = h.rt->tenants[0].identity->cipher.cert;
    look(&h, cert_not_after(cert) + day_ms);
    assert_int_equal(told_of(&h, cert, GW_R_CERT_EXPIRED), 1);
    look(&h, cert_not_after(cert) - 100 * day_ms);
    look(&h, cert_not_after(cert) - 80 * day_ms);
    look(&h, cert_not_after(cert) - 20 * day_ms);
    assert_int_equal(told_of(&h, cert, GW_R_CERT_EXPIRES_SOON), 2);
    look(&h, cert_not_after(cert) - 7 * day_ms);
    look(&h, cert_not_after(cert) - 7 * day_ms - 3600 * 1000); /* an hour back is no new step */
    look(&h, cert_not_after(cert) - 7 * day_ms);
    assert_int_equal(told_of(&h, cert, GW_R_CERT_EXPIRES_SOON), 3);
    helper_runtime_deinit(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps),
        cmocka_unit_test(once_each),
        cmocka_unit_test(away_for_weeks),
        cmocka_unit_test(clock_ahead),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

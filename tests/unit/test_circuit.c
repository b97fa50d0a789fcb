/* When a destination that cannot be reached is tried again, and what the operator hears of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "crypto/base/cleanup.h"
#include "gateway/circuit.h"
#include "gateway/reach.h"

enum { LANES = 4, MINUTE = 60 * 1000, HOUR = 60 * MINUTE, MIDDLE = 32768 };

static const int64_t begin_at = INT64_C(1700000000000);

/*
 * b an attempt begins (refused: the test fails), B it may not; + it is answered, f nobody is there,
 * l no answer came, 0 it failed before anybody was asked; w a wait until the rest is over, 9 nine
 * minutes, h an hour, < the clock is set back by a day. U D S: the operator has heard that it is
 * up, down, still down; . he has heard nothing.
 */
static struct row {
    const char *name, *script;
    unsigned failures, allowed;
    bool down;
} rows[] = {
    {"all goes well", "b+.b+.bb+.+.", 0, 4, false},
    {"no more than the lanes", "bbbbB", 0, 4, false},
    {"one answer that never came",
     "bl"
     "Db+U",
     0, 4, false},
    {"two in a row", "blDbl.B", 2, 1, true},
    {"nobody there", "bfDB", 1, 1, true},
    {"what failed with it counts once", "bbbfDf.l.B", 1, 1, true},
    {"our own trouble says nothing", "b0.b0.b0.", 0, 4, false},
    {"nor does it end an outage", "bfDwb0.b", 1, 1, true},
    {"one tries for all", "bfDwbB", 1, 1, true},
    {"it fails again", "bfDwbf.B", 2, 1, true},
    {"an old attempt's failure does not end the probe", "bbfDwb1f.B", 1, 1, true},
    {"an old attempt's answer ends the outage", "bbfDwb1+U", 0, 2, false},
    {"back: two, three, four", "bfDwb+UbbB", 0, 2, false},
    {"back, and one more for each answer", "bfDwb+Ubb+.+.bbbbB", 0, 4, false},
    {"away again before all are back", "bfDwb+Ubf.B", 1, 1, true},
    {"comes and goes: told once in ten minutes", "bfDwb+Ubf.wb+.bf.wb+.", 0, 2, false},
    {"comes and goes: and told again", "bfDwb+U9bf.9bfD", 2, 1, true},
    {"told after an hour, four, sixteen", "bfDhbfShbf.hbf.hbf.hbfShbf.hbf.hbf.hbf.hbf.hbf.hbf.hbf.",
     14, 1, true},
    {"the clock is set back", "bfDwbf.<b", 2, 1, true},
};

struct play {
    struct gw_circuit c;
    int64_t now;
    bool probes[16]; /* of those under way, the oldest first */
    unsigned under_way;
    enum gw_circuit_news news;
};

static bool ends(struct play *p, char how)
{
    static const char letters[] = "0+lf";
    const char *at = strchr(letters, how);
    static const enum gw_contact contacts[] = {GW_CONTACT_NONE, GW_CONTACT_MADE, GW_CONTACT_LOST,
                                               GW_CONTACT_FAILED};
    bool back;

    if (at == NULL)
        return false;
    assert_true(p->under_way > 0);
    p->under_way--;
    p->news = gw_circuit_end(&p->c, p->probes[p->under_way], contacts[at - letters], p->now, MIDDLE,
                             &back);
    return true;
}

static void begins(struct play *p, bool may)
{
    int64_t until;

    assert_int_equal(gw_circuit_may(&p->c, p->now, p->under_way, &until), may);
    if (!may)
        return;
    assert_true(p->under_way < ARRAY_LEN(p->probes));
    p->probes[p->under_way++] = gw_circuit_begin(&p->c);
}

static void step(struct play *p, char what)
{
    static const char heard[] = ".DSU";

    if (ends(p, what))
        return;
    switch (what) {
    case 'b':
    case 'B':
        begins(p, what == 'b');
        break;
    case '1': /* the next that ends is the oldest, not the newest */
        assert_int_equal(p->under_way, 2);
        p->probes[1] = p->probes[0];
        break;
    case 'w':
        p->now = p->c.rest_until;
        break;
    case '9':
        p->now += 9 * MINUTE;
        break;
    case 'h':
        p->now += HOUR;
        break;
    case '<':
        p->now -= 24 * HOUR;
        break;
    default:
        assert_non_null(strchr(heard, what));
        assert_int_equal(p->news, strchr(heard, what) - heard);
    }
}

static void test_row(void **state)
{
    const struct row *row = *state;
    struct play p = {.now = begin_at};

    gw_circuit_init(&p.c, LANES, 5 * MINUTE);
    for (const char *s = row->script; *s != '\0'; s++)
        step(&p, *s);
    assert_int_equal(p.c.failures, row->failures);
    assert_int_equal(p.c.allowed, row->allowed);
    assert_int_equal(gw_circuit_down_since(&p.c) != 0, row->down);
}

/* What who watches is told. */
static void test_states(void **state)
{
    static const struct {
        const char *script;
        enum gw_circuit_state told;
    } steps[] = {{"", GW_CIRCUIT_CLOSED},       {"b+.", GW_CIRCUIT_CLOSED},
                 {"blD", GW_CIRCUIT_CLOSED},    {"bl.", GW_CIRCUIT_OPEN},
                 {"w", GW_CIRCUIT_TRYING},      {"b", GW_CIRCUIT_TRYING},
                 {"f.", GW_CIRCUIT_OPEN},       {"wb+U", GW_CIRCUIT_TRYING},
                 {"bb+.+.", GW_CIRCUIT_CLOSED}, {"bf.", GW_CIRCUIT_OPEN}};
    struct play p = {.now = begin_at};

    (void)state;
    gw_circuit_init(&p.c, LANES, 5 * MINUTE);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        for (const char *s = steps[i].script; *s != '\0'; s++)
            step(&p, *s);
        assert_int_equal(gw_circuit_state(&p.c, p.now), steps[i].told);
    }
}

/* Twice as long each time, a fifth more or less, and never longer than that. */
static void test_rests(void **state)
{
    static const uint16_t chances[] = {0, MIDDLE, UINT16_MAX};
    struct gw_circuit c;
    int64_t now = begin_at, ms = 2000, until;
    bool back, more = false, less = false;

    (void)state;
    gw_circuit_init(&c, LANES, 5 * MINUTE);
    for (unsigned i = 0; i < 40; i++) {
        assert_true(gw_circuit_may(&c, now, 0, &until));
        (void)gw_circuit_end(&c, gw_circuit_begin(&c), GW_CONTACT_FAILED, now, chances[i % 3],
                             &back);
        assert_in_range(c.rest_until - now, ms * 4 / 5, ms * 6 / 5);
        more |= c.rest_until - now > ms;
        less |= c.rest_until - now < ms;
        assert_false(gw_circuit_may(&c, now, 0, &until));
        assert_int_equal(until, c.rest_until);
        now = until;
        ms = 2 * ms < 5 * MINUTE ? 2 * ms : 5 * MINUTE;
    }
    assert_true(more && less);
}

/* At most five lines in two days, whatever the rests. */
static void test_two_days(void **state)
{
    struct gw_circuit c;
    int64_t now = begin_at, until;
    unsigned lines = 0;
    bool back;

    (void)state;
    gw_circuit_init(&c, LANES, MINUTE);
    for (; now < begin_at + 48 * INT64_C(1) * HOUR; now = until) {
        assert_true(gw_circuit_may(&c, now, 0, &until));
        lines += gw_circuit_end(&c, gw_circuit_begin(&c), GW_CONTACT_FAILED, now, MIDDLE, &back) !=
                 GW_NEWS_NONE;
        assert_false(gw_circuit_may(&c, now, 0, &until));
    }
    assert_true(gw_circuit_may(&c, now, 0, &until));
    lines +=
        gw_circuit_end(&c, gw_circuit_begin(&c), GW_CONTACT_MADE, now, MIDDLE, &back) == GW_NEWS_UP;
    assert_true(back);
    assert_in_range(lines, 3, 5);
}

static void test_reach(void **state)
{
    struct gw_reach *r;
    struct gw_hand one, other;
    struct error err = {0};
    uint64_t seen;

    (void)state;
    assert_int_equal(gw_reach_new(&r, &err), ST_OK);
    assert_int_equal(gw_reach_down_since(r, "Beheim"), 0);
    gw_reach_note(r, "Beheim", begin_at);
    gw_reach_note(r, "Altstadt", 0);
    assert_int_equal(gw_reach_down_since(r, "Beheim"), begin_at);
    assert_int_equal(gw_reach_down_since(r, "Altstadt"), 0);
    gw_reach_note(r, "Beheim", 0);
    assert_int_equal(gw_reach_down_since(r, "Beheim"), 0);

    seen = gw_reach_changes(r);
    assert_true(gw_reach_take(r, &one, "a", seen));
    assert_false(gw_reach_take(r, &other, "a", seen));
    assert_true(gw_reach_take(r, &other, "b", seen));
    gw_reach_put(r, &one, false);
    assert_true(gw_reach_take(r, &one, "a", seen));
    gw_reach_put(r, &other, true); /* what was read before may be old now */
    assert_false(gw_reach_take(r, &other, "c", seen));
    assert_true(gw_reach_take(r, &other, "c", gw_reach_changes(r)));
    gw_reach_put(r, &one, false);
    gw_reach_put(r, &other, false);
    gw_reach_free(r);
}

int main(void)
{
    static const struct CMUnitTest more[] = {
        cmocka_unit_test(test_states), cmocka_unit_test(test_rests),
        cmocka_unit_test(test_two_days), cmocka_unit_test(test_reach)};
    struct CMUnitTest tests[ARRAY_LEN(rows) + ARRAY_LEN(more)];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[i] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    memcpy(tests + ARRAY_LEN(rows), more, sizeof more);
    return cmocka_run_group_tests_name("circuit", tests, NULL, NULL);
}

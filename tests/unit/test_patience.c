/* For how long, how often and in which order: settings of routes and endpoints, from the drop
 * folder through the store to the lanes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "gateway/lane.h"
#include "gateway/outbound.h"
#include "gateway/patience.h"
#include "gateway/spool_in.h"
#include "gateway/worker.h"
#include "tests/unit/helper_crypto.h"
#include "tests/unit/helper_fake.h"

enum { PATIENCE_MS = 10 * 60 * 1000, ORDERED = 3 };
#define DAY (INT64_C(24) * 3600 * 1000)

static const char more_yaml[] = "retry: { first_seconds: 40, max_seconds: 160, expire_days: 9 }\n"
                                "endpoints:\n"
                                "  - name: bauamt\n"
                                "    folder: {dir}/bauamt\n"
                                "    receives: { default: true }\n"
                                "    retry: { max_seconds: 60, expire_days: 7 }\n"
                                "    routes: [ {partner: Beheim} ]\n"
                                "  - name: kasse\n"
                                "    folder: {dir}/kasse\n"
                                "    keep_order: true\n"
                                "routes:\n"
                                "  - name: eilig\n"
                                "    from: [ bauamt ]\n"
                                "    when: { file: [ \"eilig*\" ] }\n"
                                "    to: [ Beheim ]\n"
                                "    retry: { first_seconds: 4, expire_days: 1 }\n"
                                "  - name: reihe\n"
                                "    from: [ bauamt ]\n"
                                "    when: { file: [ \"reihe*\" ] }\n"
                                "    to: [ Beheim ]\n"
                                "    keep_order: true\n"
                                "    retry: { first_seconds: 1, max_seconds: 1 }\n";

struct world {
    struct helper_fake fake;
    struct helper_runtime h;
    struct gw_spool_endpoint e;
    struct arena arena;
};

static void world_open(struct world *w)
{
    struct error err = {0};

    *w = (struct world){.h = {.dir = ""}};
    arena_init(&w->arena, 64 * 1024 * 1024);
    helper_fake_open(&w->fake, true);
    helper_runtime_open(&w->h, helper_town_yaml, more_yaml, w->fake.url);
    assert_int_equal(gw_spool_endpoint_open(&w->e, w->h.rt, &w->h.conf->endpoints[0], &err), ST_OK);
}

static void world_close(struct world *w)
{
    gw_spool_endpoint_deinit(&w->e);
    helper_runtime_deinit(&w->h);
    helper_fake_close(&w->fake);
    arena_deinit(&w->arena);
}

/* "DELIVER" of a time so many days from now. */
static void when(char *text, size_t cap, const char *key, int days)
{
    time_t t = time(NULL) + days * 24 * 3600;
    char at[40];
    struct tm tm;

    assert_non_null(gmtime_r(&t, &tm));
    assert_int_not_equal(strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", &tm), 0);
    (void)snprintf(text, cap, "%s: %s\n", key, at);
}

static void drop(struct world *w, const char *name, const char *meta)
{
    struct error err = {0};
    char path[100];
    int again_ms;

    if (meta[0] != '\0') {
        (void)snprintf(path, sizeof path, "bauamt/out/%s.meta.yaml", name);
        helper_file(&w->h, path, span_str(meta));
    }
    (void)snprintf(path, sizeof path, "bauamt/out/%s", name);
    helper_file(&w->h, path, SPAN("Hallo"));
    assert_int_equal(gw_spool_take(&w->e, &again_ms, &err), ST_OK);
}

static struct row {
    const char *name, *file;
    int after, until;  /* days from now that its meta.yaml says; 0: nothing */
    int expires;       /* days from now; 0: it is refused */
    int first, second; /* seconds after the first failure, and after the second */
    bool keep_order;
} rows[] = {
    {"as the endpoint says, else as all do", "brief", 0, 0, 7, 40, 60, false},
    {"as its route says, else as the endpoint", "eilig", 0, 0, 1, 4, 8, false},
    {"a route that keeps the order", "reihe", 0, 0, 7, 1, 1, true},
    {"later than it would have expired", "brief", 10, 0, 17, 40, 60, false},
    {"the same by its route", "eilig", 10, 0, 11, 4, 8, false},
    {"in the past, which is now", "brief", -10, 0, 7, 40, 60, false},
    {"an end of its own", "brief", 0, 3, 3, 40, 60, false},
    {"an end later than that of all", "brief", 0, 30, 30, 40, 60, false},
    {"between both", "eilig", 10, 12, 12, 4, 8, false},
    {"an end before its beginning", "brief", 10, 3, 0, 0, 0, false},
    {"an end that is over", "brief", 0, -1, 0, 0, 0, false},
};

static void refused_is(struct world *w)
{
    AUTO(free_drop) char *text = helper_read_file(&w->h, "bauamt/refused/brief.error.txt");
    char code[GW_CODE_SIZE];

    assert_int_equal(helper_messages(&w->h, &w->arena, GW_OUTBOX, 0).count, 0);
    assert_non_null(strstr(text, gw_explain_code(GW_R_SPOOL_BAD_META, code)));
    assert_non_null(strstr(text, "deliver_until"));
}

/* An attempt that cannot succeed; the wait after it is that, a fifth more or less. */
static void fails_once(struct world *w, const char *id, int64_t seconds)
{
    struct gw_message_row row = helper_message_of(&w->h, &w->arena, id);
    struct gw_conversation talk;
    struct error err = {0};
    int64_t before = gw_now_ms(), wait;
    bool moved;

    gw_conversation_init(&talk, w->h.rt, &w->h.rt->peers[0]);
    helper_fake_script(&w->fake, "N");
    assert_int_not_equal(gw_outbound_send(&talk, &row, &moved, &err), ST_OK);
    gw_conversation_close(&talk);
    row = helper_message_of(&w->h, &w->arena, id);
    assert_int_equal(row.state, GW_DEFERRED);
    wait = row.next_attempt_at - before;
    assert_true(wait >= seconds * 800);
    assert_true(wait <= seconds * 1200 + gw_now_ms() - before);
}

static void test_row(void **state)
{
    const struct row *row = *state;
    struct gw_message_list list;
    struct world w;
    char meta[200] = "";
    int64_t off;

    world_open(&w);
    if (row->after != 0)
        when(meta, sizeof meta, "deliver_after", row->after);
    if (row->until != 0)
        when(meta + strlen(meta), sizeof meta - strlen(meta), "deliver_until", row->until);
    drop(&w, row->file, meta);
    if (row->expires == 0) {
        refused_is(&w);
    } else {
        list = helper_messages(&w.h, &w.arena, GW_OUTBOX, 0);
        assert_int_equal(list.count, 1);
        off = list.rows[0].expires_at - gw_now_ms() - row->expires * DAY;
        assert_in_range(off + PATIENCE_MS, 0, PATIENCE_MS + 1000);
        assert_int_equal(list.rows[0].keep_order, row->keep_order);
        helper_runtime_run(&w.h);
        fails_once(&w, list.rows[0].id, row->first);
        fails_once(&w, list.rows[0].id, row->second);
    }
    world_close(&w);
}

/* An endpoint may ask for the order too, whatever the route says. */
static void test_order_of(void **state)
{
    static const struct {
        const char *endpoint, *route;
        bool keep_order;
    } asked[] = {{"bauamt", NULL, false}, {"bauamt", "eilig", false}, {"bauamt", "reihe", true},
                 {"kasse", NULL, true},   {"kasse", "eilig", true},   {NULL, NULL, false}};
    struct world w;

    (void)state;
    world_open(&w);
    for (size_t i = 0; i < ARRAY_LEN(asked); i++)
        assert_int_equal(gw_patience_of(w.h.conf, asked[i].endpoint, asked[i].route).keep_order,
                         asked[i].keep_order);
    world_close(&w);
}

/* The first fails and is tried again; those behind it wait for it, however many lanes there are. */
static void test_order(void **state)
{
    struct world w;
    struct gw_lanes *lanes = NULL;
    struct gw_message_list list;
    struct gw_event_list events = {0};
    struct error err = {0};
    const int64_t begin = gw_monotonic_ms();
    size_t next = 0;

    (void)state;
    world_open(&w);
    drop(&w, "reihe-1", "");
    drop(&w, "reihe-2", "");
    drop(&w, "reihe-3", "");
    helper_fake_script(&w.fake, "NU");
    helper_runtime_run(&w.h);
    assert_int_equal(gw_lanes_start(w.h.rt, NULL, NULL, &lanes, &err), ST_OK);
    do {
        usleep(20 * 1000);
        list = helper_messages(&w.h, &w.arena, GW_OUTBOX, GW_STATES(GW_SUBMITTED));
    } while (list.count < ORDERED && gw_monotonic_ms() < begin + PATIENCE_MS);
    assert_int_equal(list.count, ORDERED);
    (void)helper_runtime_stop(&w.h);
    gw_lanes_free(lanes);
    {
        AUTO(gw_read_end) struct gw_tx *tx = NULL;

        assert_int_equal(gw_store_read(w.h.rt->store, &tx, &err), ST_OK);
        assert_int_equal(gw_store_events(tx, &w.arena, 0, NULL, NULL, NULL, 0, &events, &err),
                         ST_OK);
    }
    for (size_t i = 0; i < events.count; i++)
        if (events.rows[i].to == GW_SUBMITTED && events.rows[i].from != GW_SUBMITTED) {
            next++; /* the list has the newest first */
            assert_string_equal(events.rows[i].message_id, list.rows[ORDERED - next].id);
        }
    assert_int_equal(next, ORDERED);
    world_close(&w);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows) + 2];
    size_t n = 0;

    for (; n < ARRAY_LEN(rows); n++)
        tests[n] = (struct CMUnitTest){rows[n].name, test_row, NULL, NULL, &rows[n]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_order_of);
    tests[n] = (struct CMUnitTest)cmocka_unit_test(test_order);
    gw_worker_setup(2);
    return cmocka_run_group_tests_name("patience", tests, helper_crypto_setup,
                                       helper_crypto_teardown);
}

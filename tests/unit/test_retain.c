/* what is too old goes, in its order, and the history still holds */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "gateway/store_audit.h"
#include "gateway/store_retain.h"
#include "helper_store.h"

enum { ARENA_MAX = 8 << 20 };
#define DAY (INT64_C(24) * 3600 * 1000)

#define RETAIN_TEST(fn)                                                                            \
    cmocka_unit_test_setup_teardown(fn, helper_store_setup, helper_store_teardown)

struct retaining {
    struct gw_keep keep;
    int64_t now;
    struct gw_kept kept;
};

static enum status retain_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    struct retaining *r = ctx;

    return gw_store_retain_history(tx, &r->keep, r->now, &r->kept, err);
}

/* Days after the beginning of the test. */
static struct gw_kept retain(struct helper_store *h, struct gw_keep keep, int64_t day)
{
    struct retaining r = {.keep = keep, .now = HELPER_NOW_MS + day * DAY};
    struct error err = {0};

    if (gw_store_commit(h->store, retain_commit, &r, &err) != ST_OK)
        fail_msg("%s", err.text);
    return r.kept;
}

static enum gw_state state_of(struct helper_store *h, const char *id)
{
    AUTO(arena_deinit) struct arena arena = {.max = ARENA_MAX};

    return helper_message(h, &arena, id).state;
}

/* The way of a message to its state, as letters. */
static void walk(struct helper_store *h, enum gw_box box, const char *way, char id[GW_ID_SIZE])
{
    static const struct {
        char letter;
        enum gw_event event;
    } steps[] = {{'s', GW_EV_SEAL},       {'u', GW_EV_SUBMIT},    {'d', GW_EV_DELIVER},
                 {'f', GW_EV_FAIL},       {'c', GW_EV_CANCEL},    {'e', GW_EV_EXPIRE},
                 {'o', GW_EV_OPEN},       {'h', GW_EV_HAND_OVER}, {'a', GW_EV_ACKNOWLEDGE},
                 {'q', GW_EV_QUARANTINE}, {'r', GW_EV_REJECT}};

    helper_message_add(h, box, "p", "x", 0, id);
    for (int at = 1; *way != '\0'; way++)
        for (size_t i = 0; i < ARRAY_LEN(steps); i++)
            if (steps[i].letter == *way)
                helper_move(h, id, steps[i].event, at++);
}

static struct row {
    const char *name;
    enum gw_box box;
    const char *way;
    enum gw_state after; /* a hundred days */
    int files;           /* that are left then */
} rows[] = {
    {"out: accepted", GW_OUTBOX, "", GW_ACCEPTED, 1},
    {"out: submitted", GW_OUTBOX, "su", GW_SUBMITTED, 1},
    {"out: delivered", GW_OUTBOX, "sud", GW_DELIVERED, 0},
    {"out: failed", GW_OUTBOX, "sf", GW_FAILED, 0},
    {"out: cancelled", GW_OUTBOX, "c", GW_CANCELLED, 0},
    {"out: expired", GW_OUTBOX, "e", GW_EXPIRED, 0},
    {"in: handed over", GW_INBOX, "oh", GW_HANDED_OVER, 1},
    {"in: acknowledged", GW_INBOX, "oha", GW_ARCHIVED, 0},
    {"in: quarantined", GW_INBOX, "q", GW_QUARANTINED, 1},
    {"in: rejected", GW_INBOX, "qr", GW_ARCHIVED, 0},
};

static void test_row(void **state)
{
    const struct row *row = *state;
    const struct gw_keep keep = {.payload_days = 90};
    void *made = NULL;
    struct helper_store *h;
    struct gw_kept kept;
    char id[GW_ID_SIZE];

    assert_int_equal(helper_store_setup(&made), 0);
    h = made;
    walk(h, row->box, row->way, id);
    kept = retain(h, keep, 89);
    assert_int_equal(kept.payloads, 0);
    assert_int_equal(helper_file_count(h, "payload"), 1);
    kept = retain(h, keep, 100);
    assert_int_equal(kept.payloads, row->files == 0);
    assert_int_equal(state_of(h, id), row->after);
    assert_int_equal(helper_file_count(h, "payload"), row->files);
    kept = retain(h, keep, 200);
    assert_int_equal(kept.payloads, 0); /* once */
    assert_int_equal(helper_store_teardown(&made), 0);
}

static void whole(struct helper_store *h, bool cut)
{
    AUTO(gw_audit_drop) struct gw_audit *audit = NULL;
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    const struct gw_audit_chain *chains;
    struct error err = {0};
    bool done, head;
    size_t count;

    assert_int_equal(gw_audit_new("stadt", 0, NULL, &audit, &err), ST_OK);
    assert_int_equal(gw_store_read(h->store, &tx, &err), ST_OK);
    assert_int_equal(gw_audit_step(audit, tx, 0, &done, &err), ST_OK);
    chains = gw_audit_chains(audit, &count, &head);
    assert_int_equal(count, 1);
    assert_string_equal(gw_audit_break_name(chains[0].found), "whole");
    assert_int_equal(chains[0].cut_link > 0, cut);
}

static void payload_receipt_events(void **state)
{
    struct helper_store *h = *state;
    const struct gw_keep keep = {.payload_days = 10, .receipt_days = 20, .event_days = 40};
    AUTO(arena_deinit) struct arena arena = {.max = ARENA_MAX};
    struct gw_event_list events;
    struct gw_message_row row;
    struct error err = {0};
    struct gw_kept kept;
    char id[GW_ID_SIZE];

    walk(h, GW_INBOX, "oha", id);
    kept = retain(h, keep, 11);
    assert_int_equal(kept.payloads, 1);
    assert_int_equal(kept.receipts, 0); /* days count from the end of its life, not from here */
    kept = retain(h, keep, 21);
    assert_int_equal(kept.receipts, 1);
    assert_int_equal(kept.events, 0);
    whole(h, false);
    {
        AUTO(gw_read_end) struct gw_tx *tx = NULL;

        assert_int_equal(gw_store_read(h->store, &tx, &err), ST_OK);
        assert_int_equal(gw_store_message(tx, &arena, id, &row, &err), ST_NOT_FOUND);
        assert_int_equal(gw_store_events(tx, &arena, 0, id, NULL, NULL, 0, &events, &err), ST_OK);
        assert_int_equal(events.count, 6); /* four, then archive, then removed */
        assert_string_equal(events.rows[4].kind, "archive");
        assert_string_equal(events.rows[5].kind, "removed");
        assert_string_equal(events.rows[5].actor, "retention");
    }
    kept = retain(h, keep, 42);
    assert_int_equal(kept.events, 4);
    whole(h, true);
    kept = retain(h, keep, 100);
    assert_int_equal(kept.events, 2);
    whole(h, true);
    helper_store_reopen(h);
    walk(h, GW_OUTBOX, "c", id); /* and the chain goes on */
    whole(h, true);
}

/* An endpoint with days of its own; what is too old is taken in parts. */
static void by_endpoint(void **state)
{
    struct helper_store *h = *state;
    const struct gw_keep_rule rules[] = {{"meldewesen", NULL, 5}};
    const struct gw_keep keep = {.payload_days = 0, .rules = rules, .rule_count = 1, .limit = 2};
    struct gw_kept kept;
    char id[GW_ID_SIZE];

    for (int i = 0; i < 5; i++)
        walk(h, GW_OUTBOX, "c", id);
    kept = retain(h, (struct gw_keep){.payload_days = 0}, 1000);
    assert_int_equal(kept.payloads, 0); /* for ever */
    for (int i = 0; i < 3; i++) {
        kept = retain(h, keep, 6);
        assert_int_equal(kept.payloads, i < 2 ? 2 : 1);
        assert_int_equal(kept.more, i < 2);
    }
    assert_int_equal(helper_file_count(h, "payload"), 0);
}

/* A message of a route, which no endpoint gave when it goes on. */
static void add_by(struct helper_store *h, const char *endpoint, const char *route, int n)
{
    char id[GW_ID_SIZE];
    const struct gw_message_row row = {.id = id,
                                       .tenant = "t",
                                       .endpoint = endpoint,
                                       .route = route,
                                       .box = GW_OUTBOX,
                                       .peer = "p",
                                       .created_at = HELPER_NOW_MS};
    const struct gw_cause cause = {.now = HELPER_NOW_MS, .actor = "test"};
    struct error err = {0};

    helper_id(n, id);
    assert_int_equal(gw_store_commit_message(h->store, &row, NULL, 0, &cause, NULL, &err), ST_OK);
    helper_move(h, id, GW_EV_CANCEL, 1);
}

/* Days of a route come before those of the endpoint, whoever gave the message. */
static void by_route(void **state)
{
    struct helper_store *h = *state;
    const struct gw_keep_rule rules[] = {{NULL, "kurz", 1}, {NULL, "lang", 20}, {"a", NULL, 5}};
    const struct gw_keep keep = {.payload_days = 10, .rules = rules, .rule_count = 3};
    static const struct {
        const char *endpoint, *route;
        int days;
    } of[] = {{"a", NULL, 5},   {"a", "kurz", 1},   {"a", "lang", 20},
              {"a", "x", 5},    {"b", NULL, 10},    {"b", "kurz", 1},
              {NULL, NULL, 10}, {NULL, "lang", 20}, {NULL, "kurz", 1}};
    size_t expected = 0, gone = 0;

    for (size_t i = 0; i < ARRAY_LEN(of); i++)
        add_by(h, of[i].endpoint, of[i].route, (int)i + 1);
    for (int day = 1; day < 25; day++) {
        gone += retain(h, keep, day).payloads;
        expected = 0;
        for (size_t i = 0; i < ARRAY_LEN(of); i++)
            expected += of[i].days < day;
        assert_int_equal(gone, expected);
    }
    assert_int_equal(gone, ARRAY_LEN(of));
}

/* What has no payload any more is not sent again. */
static void no_second_try(void **state)
{
    struct helper_store *h = *state;
    const struct gw_move move = {.event = GW_EV_RETRY, .cause = {.now = HELPER_NOW_MS}};
    struct gw_move again = move;
    struct error err = {0};
    char id[GW_ID_SIZE];

    walk(h, GW_OUTBOX, "f", id);
    again.id = id;
    (void)retain(h, (struct gw_keep){.payload_days = 1}, 2);
    assert_int_equal(gw_store_commit_move(h->store, &again, NULL, &err), ST_DENIED);
    assert_int_equal(state_of(h, id), GW_FAILED);
}

int main(void)
{
    enum { PLAIN = 4 };
    struct CMUnitTest tests[PLAIN + ARRAY_LEN(rows)] = {
        RETAIN_TEST(payload_receipt_events),
        RETAIN_TEST(by_endpoint),
        RETAIN_TEST(by_route),
        RETAIN_TEST(no_second_try),
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[PLAIN + i] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

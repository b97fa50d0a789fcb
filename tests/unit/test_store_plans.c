/*
 * Which index each question to the store goes by. There are no statistics (nobody runs ANALYZE on
 * a queue), so SQLite guesses, and an index more may take a query away from its own: the queries
 * for due work above all, which run all the time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "gateway/store_impl.h"
#include "gateway/store_retain.h"
#include "gateway/store_xta.h"
#include "helper_store.h"

enum { ARENA_MAX = 8 << 20, MANY = 3 };

static const char *const names[MANY] = {"a", "b", "c"};

enum question {
    LIST,
    DUE,
    DUE_NOW,
    EXPIRED,
    OUTSTANDING,
    COUNTS,
    QUEUES,
    HANDED,
    STRANGERS,
    TRAFFIC,
    RETAIN
};

static struct row {
    const char *name;
    enum question question;
    struct gw_filter filter; /* of LIST; box for DUE */
    struct gw_skip skip;
    const char *index; /* the plan of what is read from the table message names it */
} rows[] = {
    {"due in the outbox, at the start", DUE, {.box = GW_OUTBOX}, {0}, "message_state"},
    {"due for one peer", DUE, {.box = GW_OUTBOX}, {.only = "a"}, "message_due_out (peer=?"},
    {"due but for sick peers",
     DUE,
     {.box = GW_OUTBOX},
     {names, MANY, NULL, 0, NULL},
     "message_state"},
    {"due but for those at work",
     DUE,
     {.box = GW_OUTBOX},
     {NULL, 0, names, MANY, "a"},
     "message_due_out (peer=?"},
    {"due for one endpoint", DUE, {.box = GW_INBOX}, {.only = "a"}, "message_due_in (endpoint=?"},
    {"due now", DUE_NOW, {0}, {0}, "message_due_out (peer=?"},
    {"expired", EXPIRED, {0}, {0}, "message_expiring"},
    {"outstanding", OUTSTANDING, {0}, {0}, "message_outstanding"},
    {"outstanding of one peer", OUTSTANDING, {.peer = "a"}, {0}, "message_outstanding"},
    {"outstanding of one tenant", OUTSTANDING, {.tenant = "t"}, {0}, "message_outstanding"},
    {"counts", COUNTS, {0}, {0}, "message_state"},
    {"counts of an endpoint",
     COUNTS,
     {.endpoint = "meldewesen"},
     {0},
     "message_endpoint (<expr>=?"},
    {"queues", QUEUES, {0}, {0}, "message_waiting"},
    {"handed over since", HANDED, {0}, {0}, "message_endpoint (<expr>=? AND <expr>=? AND <expr>=?"},
    {"strangers to XTA",
     STRANGERS,
     {0},
     {0},
     "message_endpoint (<expr>=? AND <expr>=? AND <expr>=?"},
    {"how much there was with a partner", TRAFFIC, {0}, {0}, "message_by_"},
    {"payloads to delete", RETAIN, {0}, {0}, "message_shed"},
    {"list of all", LIST, {0}, {0}, "autoindex_message_1"},
    {"list since", LIST, {.since = HELPER_NOW_MS}, {0}, "autoindex_message_1 (id>?"},
    {"list of text", LIST, {.text = "x"}, {0}, "autoindex_message_1"},
    {"list of a tenant", LIST, {.tenant = "stadt"}, {0}, "autoindex_message_1"},
    {"list of a box", LIST, {.box = GW_OUTBOX}, {0}, "message_state (box=? AND state=?)"},
    {"list of a state",
     LIST,
     {.states = GW_STATES(GW_ACCEPTED)},
     {0},
     "message_state (box=? AND state=?)"},
    {"list of an endpoint",
     LIST,
     {.endpoint = "meldewesen"},
     {0},
     "message_endpoint (<expr>=? AND <expr>=? AND <expr>=?)"},
    {"list of an endpoint behind a cursor",
     LIST,
     {.endpoint = "meldewesen", .cursor = "0"},
     {0},
     "message_endpoint (<expr>=? AND <expr>=? AND <expr>=?"},
    {"list of what is overdue",
     LIST,
     {.box = GW_OUTBOX,
      .states = GW_STATES(GW_ACCEPTED) | GW_STATES(GW_DEFERRED),
      .due_before = HELPER_NOW_MS,
      .oldest_first = true},
     {0},
     "message_state (box=? AND state=? AND id<?)"},
    {"list of a partner", LIST, {.partner = "x"}, {0}, "message_by_"},
    {"list of a partner since", LIST, {.partner = "x", .since = HELPER_NOW_MS}, {0}, "message_by_"},
    {"list of a message type", LIST, {.message_type = "x"}, {0}, "message_by_type (<expr>=?)"},
    {"list of a peer",
     LIST,
     {.peer = "b", .oldest_first = true},
     {0},
     "message_by_peer (<expr>=?)"},
};

static void ask(struct gw_tx *tx, const struct row *row)
{
    AUTO(arena_deinit) struct arena arena = {.max = ARENA_MAX};
    struct gw_message_list list;
    struct gw_queue_list queues;
    struct gw_counts counts;
    const struct gw_keep keep = {.payload_days = 1, .receipt_days = 1};
    struct gw_kept kept;
    struct error err = {0};
    enum status st = ST_OK;
    uint64_t sent, received;
    int64_t next_at;
    size_t n;

    switch (row->question) {
    case LIST:
        st = gw_store_messages(tx, &arena, &row->filter, &list, &err);
        break;
    case DUE: /* at a time at which nothing is: so it is asked for the next, too */
        st = gw_store_due(tx, &arena, row->filter.box, 1, &row->skip, 1, &list, &next_at, &err);
        break;
    case DUE_NOW:
        st = gw_store_due_now(tx, "a", 1, 2, HELPER_NOW_MS, 10, &n, &err);
        break;
    case TRAFFIC:
        st = gw_store_traffic(tx, "x", HELPER_NOW_MS, &sent, &received, &err);
        break;
    case EXPIRED:
        st = gw_store_expired(tx, &arena, HELPER_NOW_MS, 10, &list, &err);
        break;
    case OUTSTANDING:
        st = gw_store_outstanding(tx, &arena, row->filter.tenant, row->filter.peer, NULL, 10, &list,
                                  &err);
        break;
    case HANDED:
        st = gw_store_handed_since(tx, &arena, "e", HELPER_NOW_MS, NULL, 10, &list, &err);
        break;
    case STRANGERS:
        st = gw_store_xta_strangers(tx, &arena, "e", 10, &list, &err);
        break;
    case RETAIN:
        st = gw_store_retain_history(tx, &keep, HELPER_NOW_MS * 2, &kept, &err);
        break;
    case COUNTS:
        st = gw_store_counts(tx, row->filter.tenant, row->filter.endpoint, &counts, &err);
        break;
    case QUEUES:
        st = gw_store_queues(tx, &arena, &queues, &err);
        break;
    }
    if (st != ST_OK)
        fail_msg("%s", err.text);
}

/* Each line about the table message goes by the index, or takes one row by its id. Nothing of it
 * is sorted. */
static size_t plan_check(struct gw_tx *tx, const char *text, const char *index)
{
    AUTO(arena_deinit) struct arena arena = {.max = ARENA_MAX};
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    char question[64 * 1024];
    struct error err = {0};
    size_t lines = 0;
    bool row;

    (void)snprintf(question, sizeof question, "EXPLAIN QUERY PLAN %s", text);
    assert_int_equal(sql_prepare(tx->db, question, &stmt, &err), ST_OK);
    for (const char *c = question; *c != '\0'; c++)
        if (*c == '?')
            sql_put_text(stmt, NULL);
    for (;;) {
        const char *line;
        bool about;

        assert_int_equal(sql_step(stmt, &row, &err), ST_OK);
        if (!row)
            return lines;
        line = sql_get_text(stmt, 3, &arena);
        about = strstr(line, " message ") != NULL || strstr(line, " m ") != NULL;
        if (strstr(text, "FROM tally") == NULL && strstr(line, "TEMP B-TREE") != NULL &&
            strstr(text, "ORDER BY priority") == NULL && strstr(text, "xta_message") == NULL)
            fail_msg("it sorts: %s", text);
        if (about && strstr(line, index) == NULL &&
            strstr(line, "autoindex_message_1 (id=?)") == NULL)
            fail_msg("%s\nby: %s\nnot by: %s", text, line, index);
        lines += about;
    }
}

/* Asks, and looks at the plans of what the connection had to prepare for it. */
static enum status plans_check(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct row *row = ctx;
    char *texts[16];
    size_t before = 0, count = 0, lines = 0;

    (void)err;
    while (sql_kept(tx->db, before) != NULL)
        before++;
    ask(tx, row);
    for (size_t i = before; sql_kept(tx->db, i) != NULL && count < ARRAY_LEN(texts); i++)
        texts[count++] = strdup(sql_kept(tx->db, i));
    for (size_t i = 0; i < count; i++) {
        lines += plan_check(tx, texts[i], row->index);
        free(texts[i]);
    }
    assert_true(lines > 0); /* otherwise nothing was looked at */
    return ST_OK;
}

static void plan_row(void **state)
{
    struct row *row = *state;
    void *made = NULL;
    struct helper_store *h;
    struct error err = {0};
    char id[GW_ID_SIZE];

    helper_store_setup(&made);
    h = made;
    helper_message_add(h, GW_OUTBOX, "a", "one", 0, id);
    helper_message_add(h, GW_OUTBOX, "b", "two", 1000, id);
    helper_move(h, id, GW_EV_DEFER, 2000);
    helper_message_add(h, GW_INBOX, "a", "three", 3000, id);
    helper_message_add(h, GW_OUTBOX, "a", "four", 4000, id);
    helper_move(h, id, GW_EV_FAIL, 5000);
    if (row->question == DUE_NOW || row->question == RETAIN) {
        assert_int_equal(gw_store_commit(h->store, plans_check, row, &err), ST_OK);
    } else {
        AUTO(gw_read_end) struct gw_tx *tx = NULL;

        assert_int_equal(gw_store_read(h->store, &tx, &err), ST_OK);
        assert_int_equal(plans_check(tx, row, &err), ST_OK);
    }
    helper_store_teardown(&made);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows)];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[i] = (struct CMUnitTest){rows[i].name, plan_row, NULL, NULL, &rows[i]};
    return cmocka_run_group_tests_name("store_plans", tests, NULL, NULL);
}

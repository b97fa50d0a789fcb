/* the chain of events: whatever is done to it, the audit finds and names it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>

#include <sqlite3.h>

#include "gateway/store_audit.h"
#include "helper_store.h"

/*
 * Nine events: 1 to 4 of tenant "stadt" about one message, 5 of another tenant, 6 about none, 7 to
 * 9 of "stadt" about a second message: its links 5 to 7.
 */
enum { EVENTS = 9, LINKS = 7 };

static int world_setup(void **state)
{
    static const struct gw_cause cause = {
        .now = HELPER_NOW_MS + 4, .actor = "net", .en = "e", .de = "d", .detail = "{}"};
    struct error err = {0};
    struct helper_store *h;
    char id[GW_ID_SIZE];

    assert_int_equal(helper_store_setup(state), 0);
    h = *state;
    helper_message_add(h, GW_OUTBOX, "p", "a", 0, id);
    helper_move(h, id, GW_EV_SEAL, 1);
    helper_move(h, id, GW_EV_SUBMIT, 2);
    helper_move(h, id, GW_EV_DELIVER, 3);
    assert_int_equal(gw_store_commit_event(h->store, "peer.refused", "kreis", "x", &cause, &err),
                     ST_OK);
    assert_int_equal(gw_store_commit_event(h->store, "peer.refused", NULL, NULL, &cause, &err),
                     ST_OK);
    helper_message_add(h, GW_OUTBOX, "p", "b", 6, id);
    helper_move(h, id, GW_EV_SEAL, 7);
    helper_move(h, id, GW_EV_CANCEL, 8);
    return 0;
}

/* What somebody with a database shell does while the daemon is down. */
static void tamper(struct helper_store *h, const char *sql)
{
    char path[128], *why = NULL;
    sqlite3 *db;

    helper_store_close(h);
    (void)snprintf(path, sizeof path, "%s/index.db", h->dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
    (void)sqlite3_close(db);
    helper_store_open(h, false);
}

/* All steps of an audit, of so many events each. */
static struct gw_audit *audit(struct helper_store *h, const char *tenant, int64_t since,
                              const uint8_t *head, size_t limit)
{
    struct gw_audit *audit;
    struct error err = {0};
    bool done = false;

    assert_int_equal(gw_audit_new(tenant, since, head, &audit, &err), ST_OK);
    while (!done) {
        AUTO(gw_read_end) struct gw_tx *tx = NULL;

        assert_int_equal(gw_store_read(h->store, &tx, &err), ST_OK);
        if (gw_audit_step(audit, tx, limit, &done, &err) != ST_OK)
            fail_msg("%s", err.text);
    }
    return audit;
}

static struct gw_audit_chain chain_of(const struct gw_audit *a, const char *tenant)
{
    const struct gw_audit_chain *chains;
    size_t count;
    bool head;

    chains = gw_audit_chains(a, &count, &head);
    for (size_t i = 0; i < count; i++)
        if (strcmp(chains[i].tenant, tenant) == 0)
            return chains[i];
    fail_msg("no chain of '%s'", tenant);
    return (struct gw_audit_chain){0};
}

static void untouched(void **state)
{
    struct helper_store *h = *state;

    for (size_t limit = 1; limit <= EVENTS + 1; limit++) {
        AUTO(gw_audit_drop) struct gw_audit *a = audit(h, NULL, 0, NULL, limit);
        struct gw_audit_chain stadt = chain_of(a, "stadt"), kreis = chain_of(a, "kreis");

        assert_int_equal(stadt.found, GW_AUDIT_WHOLE);
        assert_int_equal(stadt.link, LINKS);
        assert_int_equal(stadt.events, LINKS);
        assert_int_equal(stadt.seq, EVENTS);
        assert_int_equal(kreis.found, GW_AUDIT_WHOLE);
        assert_int_equal(kreis.link, 1);
        assert_int_equal(chain_of(a, "").found, GW_AUDIT_WHOLE);
    }
}

static struct row {
    const char *name, *sql;
    const char *tenant; /* whose chain is broken */
    enum gw_audit_break found;
    int link, seq, missing; /* where first */
} rows[] = {
    {"at", "UPDATE event SET at = at + 1 WHERE seq = 3", "stadt", GW_AUDIT_CHANGED, 3, 3, 0},
    {"message_id", "UPDATE event SET message_id = 'x' WHERE seq = 3", "stadt", GW_AUDIT_CHANGED, 3,
     3, 0},
    {"message_id to NULL", "UPDATE event SET message_id = NULL WHERE seq = 3", "stadt",
     GW_AUDIT_CHANGED, 3, 3, 0},
    {"tenant: gone from its own", "UPDATE event SET tenant = 'kreis' WHERE seq = 3", "stadt",
     GW_AUDIT_MISSING, 3, 0, 1},
    {"tenant: too much in the other", "UPDATE event SET tenant = 'kreis' WHERE seq = 3", "kreis",
     GW_AUDIT_INSERTED, 1, 3, 0},
    {"endpoint", "UPDATE event SET endpoint = 'y' WHERE seq = 3", "stadt", GW_AUDIT_CHANGED, 3, 3,
     0},
    {"kind", "UPDATE event SET kind = 'note' WHERE seq = 3", "stadt", GW_AUDIT_CHANGED, 3, 3, 0},
    {"box", "UPDATE event SET box = 'inbox' WHERE seq = 3", "stadt", GW_AUDIT_CHANGED, 3, 3, 0},
    {"from_state", "UPDATE event SET from_state = 'new' WHERE seq = 3", "stadt", GW_AUDIT_CHANGED,
     3, 3, 0},
    {"to_state", "UPDATE event SET to_state = 'no such' WHERE seq = 3", "stadt", GW_AUDIT_CHANGED,
     3, 3, 0},
    {"actor", "UPDATE event SET actor = 'root' WHERE seq = 3", "stadt", GW_AUDIT_CHANGED, 3, 3, 0},
    {"reason", "UPDATE event SET reason = 1 WHERE seq = 3", "stadt", GW_AUDIT_CHANGED, 3, 3, 0},
    {"en", "UPDATE event SET en = 'y' WHERE seq = 3", "stadt", GW_AUDIT_CHANGED, 3, 3, 0},
    {"de", "UPDATE event SET de = NULL WHERE seq = 3", "stadt", GW_AUDIT_CHANGED, 3, 3, 0},
    {"detail to empty", "UPDATE event SET detail = '' WHERE seq = 3", "stadt", GW_AUDIT_CHANGED, 3,
     3, 0},
    {"detail behind a NUL", "UPDATE event SET detail = '{}' || char(0) || 'x' WHERE seq = 5",
     "kreis", GW_AUDIT_CHANGED, 1, 5, 0},
    {"en of the event about nobody", "UPDATE event SET en = 'f' WHERE seq = 6", "",
     GW_AUDIT_CHANGED, 1, 6, 0},
    {"link", "UPDATE event SET link = 2 WHERE seq = 3", "stadt", GW_AUDIT_INSERTED, 3, 3, 0},
    {"chain", "UPDATE event SET chain = zeroblob(32) WHERE seq = 3", "stadt", GW_AUDIT_CHANGED, 3,
     3, 0},
    {"no chain", "UPDATE event SET chain = NULL WHERE seq = 3", "stadt", GW_AUDIT_INSERTED, 3, 3,
     0},
    {"seq of the last", "UPDATE event SET seq = 20 WHERE seq = 9", "stadt", GW_AUDIT_CHANGED, 7, 20,
     0},
    {"the last one changed", "UPDATE event SET en = 'y' WHERE seq = 9", "stadt", GW_AUDIT_CHANGED,
     7, 9, 0},
    {"the first is gone", "DELETE FROM event WHERE seq = 1", "stadt", GW_AUDIT_MISSING, 1, 0, 1},
    {"one is gone", "DELETE FROM event WHERE seq = 3", "stadt", GW_AUDIT_MISSING, 3, 0, 1},
    {"several are gone", "DELETE FROM event WHERE seq BETWEEN 3 AND 7", "stadt", GW_AUDIT_MISSING,
     3, 0, 3},
    {"the other tenant's only one is gone", "DELETE FROM event WHERE seq = 5", "kreis",
     GW_AUDIT_MISSING, 1, 0, 1},
    {"the tail is cut", "DELETE FROM event WHERE seq > 7", "stadt", GW_AUDIT_MISSING, 6, 0, 2},
    {"two rows swapped",
     "UPDATE event SET seq = -1 WHERE seq = 2; UPDATE event SET seq = 2 WHERE seq = 8;"
     "UPDATE event SET seq = 8 WHERE seq = -1",
     "stadt", GW_AUDIT_REORDERED, 2, 2, 0},
    {"the contents of two rows swapped",
     "CREATE TEMP TABLE t AS SELECT * FROM event WHERE seq IN (2, 3);"
     "UPDATE event SET (at, message_id, kind, box, from_state, to_state, actor, en, de, detail) = "
     "(SELECT at, message_id, kind, box, from_state, to_state, actor, en, de, detail FROM t "
     "WHERE t.seq = 5 - event.seq) WHERE seq IN (2, 3)",
     "stadt", GW_AUDIT_REORDERED, 2, 2, 0},
    {"one inserted before all",
     "INSERT INTO event SELECT -1, at, message_id, tenant, endpoint, kind, box, from_state, "
     "to_state, actor, reason, en, de, detail, link, chain FROM event WHERE seq = 2",
     "stadt", GW_AUDIT_INSERTED, 1, -1, 0},
    {"one put in place of another",
     "DELETE FROM event WHERE seq = 5; INSERT INTO event SELECT 5, at, message_id, tenant, "
     "endpoint, kind, box, from_state, to_state, actor, reason, en, de, detail, link, chain "
     "FROM event WHERE seq = 3",
     "stadt", GW_AUDIT_INSERTED, 5, 5, 0},
    {"one added at the end",
     "INSERT INTO event SELECT 10, at, message_id, tenant, endpoint, kind, box, from_state, "
     "to_state, actor, reason, en, de, detail, link + 1, chain FROM event WHERE seq = 9",
     "stadt", GW_AUDIT_INSERTED, 8, 10, 0},
    {"the end forgotten with the tail",
     "DELETE FROM event WHERE seq = 9; UPDATE chain SET link = 6 WHERE tenant = 'stadt'", "stadt",
     GW_AUDIT_CHANGED, 6, 0, 0},
};

static void test_row(void **state)
{
    const struct row *row = *state;
    void *world = NULL;
    struct gw_audit_chain chain;
    struct helper_store *h;

    assert_int_equal(world_setup(&world), 0);
    h = world;
    tamper(h, row->sql);
    for (size_t limit = 0; limit <= 2; limit++) {
        AUTO(gw_audit_drop) struct gw_audit *a = audit(h, NULL, 0, NULL, limit);

        chain = chain_of(a, row->tenant);
        assert_string_equal(gw_audit_break_name(chain.found), gw_audit_break_name(row->found));
        assert_int_equal(chain.broken_link, row->link);
        assert_int_equal(chain.broken_seq, row->seq);
        assert_int_equal(chain.missing, row->missing);
    }
    assert_int_equal(helper_store_teardown(&world), 0);
}

/* The chain goes on behind a break: later events are taken, and the break is still found. */
static void life_goes_on(void **state)
{
    struct helper_store *h = *state;
    char id[GW_ID_SIZE];

    tamper(h, "DELETE FROM event WHERE seq = 9");
    helper_message_add(h, GW_OUTBOX, "p", "c", 9, id);
    helper_move(h, id, GW_EV_CANCEL, 10);
    {
        AUTO(gw_audit_drop) struct gw_audit *a = audit(h, NULL, 0, NULL, 0);

        assert_int_equal(chain_of(a, "stadt").found, GW_AUDIT_MISSING);
        assert_int_equal(chain_of(a, "stadt").broken_link, LINKS);
    }
    tamper(h, "INSERT INTO event SELECT seq + 5, at, message_id, tenant, endpoint, kind, box, "
              "from_state, to_state, actor, reason, en, de, detail, link + 5, chain FROM event "
              "ORDER BY seq DESC LIMIT 1");
    helper_message_add(h, GW_OUTBOX, "p", "d", 11, id);
}

/* A chain written anew from end to end holds, but it is not the one whose head is in the log. */
static void written_anew(void **state)
{
    struct helper_store *h = *state;
    uint8_t head[32];
    const struct gw_audit_chain *chains;
    size_t count;
    bool found;

    {
        AUTO(gw_audit_drop) struct gw_audit *a = audit(h, NULL, 0, NULL, 0);

        memcpy(head, chain_of(a, "stadt").value, sizeof head);
    }
    {
        AUTO(gw_audit_drop) struct gw_audit *a = audit(h, "stadt", 0, head, 0);

        chains = gw_audit_chains(a, &count, &found);
        assert_int_equal(count, 1);
        assert_true(found);
        assert_int_equal(chains[0].found, GW_AUDIT_WHOLE);
    }
    {
        void *other = NULL; /* the same story told anew: ids differ */

        assert_int_equal(world_setup(&other), 0);
        {
            AUTO(gw_audit_drop) struct gw_audit *a = audit(other, NULL, 0, head, 0);

            (void)gw_audit_chains(a, &count, &found);
            assert_int_equal(chain_of(a, "stadt").found, GW_AUDIT_WHOLE);
            assert_false(found);
        }
        assert_int_equal(helper_store_teardown(&other), 0);
    }
}

static void since(void **state)
{
    struct helper_store *h = *state;

    tamper(h, "UPDATE event SET en = 'y' WHERE seq = 3");
    {
        AUTO(gw_audit_drop) struct gw_audit *a = audit(h, NULL, HELPER_NOW_MS + 4, NULL, 0);

        assert_int_equal(chain_of(a, "stadt").found, GW_AUDIT_WHOLE);
        assert_int_equal(chain_of(a, "stadt").events, 3);
        assert_int_equal(chain_of(a, "kreis").events, 1);
    }
    {
        AUTO(gw_audit_drop) struct gw_audit *a = audit(h, NULL, HELPER_NOW_MS + 2, NULL, 0);

        assert_int_equal(chain_of(a, "stadt").found, GW_AUDIT_CHANGED);
    }
    {
        AUTO(gw_audit_drop) struct gw_audit *a = audit(h, NULL, HELPER_NOW_MS + 99, NULL, 0);

        assert_int_equal(chain_of(a, "stadt").found, GW_AUDIT_WHOLE);
        assert_int_equal(chain_of(a, "stadt").events, 0);
    }
}

int main(void)
{
    enum { PLAIN = 4 };
    struct CMUnitTest tests[PLAIN + ARRAY_LEN(rows)] = {
        cmocka_unit_test_setup_teardown(untouched, world_setup, helper_store_teardown),
        cmocka_unit_test_setup_teardown(life_goes_on, world_setup, helper_store_teardown),
        cmocka_unit_test_setup_teardown(written_anew, world_setup, helper_store_teardown),
        cmocka_unit_test_setup_teardown(since, world_setup, helper_store_teardown),
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[PLAIN + i] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

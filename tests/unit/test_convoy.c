/* Several deliveries of one mailbox at a time: what may go wrong between, and the order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/convoy.h"
#include "gateway/inbound.h"
#include "gateway/outbound.h"
#include "gateway/store_osci.h"
#include "gateway/worker.h"
#include "osci/sessions.h"
#include "tests/unit/helper_crypto.h"
#include "tests/unit/helper_world.h"

/* One by one, then so many at once; the requests until then: initDialog, those, process cards. */
enum {
    MANY = GW_CONVOY_AFTER + 3 * GW_CONVOY_EACH,
    FIRST = 1 + GW_CONVOY_AFTER + 1,
    LARGE = 300 * 1024
};

static const char tight_yaml[] =
    "limits: { message_max_mb: 1 }\n"
    "partners:\n"
    "  - name: Ahausen\n"
    "    intermediary: demo\n"
    "    cipher_certificate: {keys}/originator-cipher-2048.cert.pem\n"
    "    signature_certificates: [ {keys}/originator-signature-2048.cert.pem ]\n";

/* ---- an intermediary of another mind ---- */

enum kind { ORDINARY, IGNORES_IDS, KNOWS_NO_IDS, REFUSES_IDS, UNORDERED, ONE_DIALOG, OTHER_TIMES };

static struct mind {
    enum kind is;
    atomic_int dialogs;
    /* of those taken in a convoy: this one (from 1 on; 0: none) ends before or after its commit */
    int fails_at;
    bool after;
    atomic_int taken;
} mind;

enum status __real_gw_store_delivery_select(struct gw_tx *tx, struct arena *arena,
                                            const struct gw_delivery_select *select,
                                            struct gw_delivery_row *row, uint64_t *waiting,
                                            struct error *err);
enum status __wrap_gw_store_delivery_select(struct gw_tx *tx, struct arena *arena,
                                            const struct gw_delivery_select *select,
                                            struct gw_delivery_row *row, uint64_t *waiting,
                                            struct error *err);
enum status __wrap_gw_store_delivery_select(struct gw_tx *tx, struct arena *arena,
                                            const struct gw_delivery_select *select,
                                            struct gw_delivery_row *row, uint64_t *waiting,
                                            struct error *err)
{
    struct gw_delivery_select by = *select;

    if (by.osci_message_id != NULL && mind.is == KNOWS_NO_IDS)
        return error_set(err, ST_NOT_FOUND, 9803, "no such delivery");
    if (by.osci_message_id != NULL && mind.is == REFUSES_IDS)
        return error_set(err, ST_DENIED, 9602, "not by MessageId");
    if (mind.is == IGNORES_IDS)
        by.osci_message_id = NULL;
    return __real_gw_store_delivery_select(tx, arena, &by, row, waiting, err);
}

enum status __real_gw_store_cards(struct gw_tx *tx, struct arena *arena,
                                  const struct gw_card_select *select,
                                  struct gw_delivery_list *list, struct error *err);
enum status __wrap_gw_store_cards(struct gw_tx *tx, struct arena *arena,
                                  const struct gw_card_select *select,
                                  struct gw_delivery_list *list, struct error *err);
enum status __wrap_gw_store_cards(struct gw_tx *tx, struct arena *arena,
                                  const struct gw_card_select *select,
                                  struct gw_delivery_list *list, struct error *err)
{
    enum status st = __real_gw_store_cards(tx, arena, select, list, err);

    if (st == ST_OK && mind.is == OTHER_TIMES && select->by != GW_CARD_MODIFICATION)
        list->count = 0;
    if (st == ST_OK && mind.is == UNORDERED && list->count > 1) {
        const struct gw_delivery_row first = list->rows[0];

        list->rows[0] = list->rows[list->count - 1];
        list->rows[list->count - 1] = first;
    }
    return st;
}

enum status __real_osci_sessions_open(struct osci_sessions *s, const struct osci_session *session,
                                      int64_t now, struct error *err);
enum status __wrap_osci_sessions_open(struct osci_sessions *s, const struct osci_session *session,
                                      int64_t now, struct error *err);
enum status __wrap_osci_sessions_open(struct osci_sessions *s, const struct osci_session *session,
                                      int64_t now, struct error *err)
{
    if (mind.is == ONE_DIALOG && atomic_fetch_add(&mind.dialogs, 1) > 0)
        return error_set(err, ST_LIMIT, 9811, "one dialog is enough");
    return __real_osci_sessions_open(s, session, now, err);
}

enum status __real_gw_inbound_take(const struct gw_runtime *rt, const struct gw_peer *peer,
                                   const struct gw_answer *answer, const struct gw_inbound_as *as,
                                   bool *fresh, struct error *err);
enum status __wrap_gw_inbound_take(const struct gw_runtime *rt, const struct gw_peer *peer,
                                   const struct gw_answer *answer, const struct gw_inbound_as *as,
                                   bool *fresh, struct error *err);
/* What a process that ends there has kept; what it says nobody hears. */
enum status __wrap_gw_inbound_take(const struct gw_runtime *rt, const struct gw_peer *peer,
                                   const struct gw_answer *answer, const struct gw_inbound_as *as,
                                   bool *fresh, struct error *err)
{
    const bool fails =
        as != NULL && mind.fails_at > 0 && atomic_fetch_add(&mind.taken, 1) + 1 == mind.fails_at;

    if (!fails || mind.after)
        TRY(__real_gw_inbound_take(rt, peer, answer, as, fresh, err));
    return fails ? error_set(err, ST_INTERNAL, 0, "ended on purpose") : ST_OK;
}

/* ---- messages ---- */

/* subjects n, n + 1, ...; the one with this subject has other contents than the others. */
static void deliver(struct helper_world *w, int n, int count, int special, struct span contents)
{
    struct gw_conversation talk;

    gw_conversation_init(&talk, w->a.rt, &w->a.rt->peers[0]);
    for (int i = n; i < n + count; i++) {
        char subject[16], id[GW_ID_SIZE];
        const struct gw_message_row out = {
            .peer = "demo", .recipient = "Beheim", .subject = subject, .source_name = subject};
        struct gw_message_row row;
        struct error err = {0};
        bool moved;

        (void)snprintf(subject, sizeof subject, "%d", i);
        helper_message_row(&w->a, &out, i == special ? contents : SPAN("Hallo"), id);
        row = helper_world_message(w, &w->a, id);
        if (gw_outbound_send(&talk, &row, &moved, &err) != ST_OK)
            fail_msg("%d %s", err.reason, err.text);
    }
    gw_conversation_close(&talk);
}

static int number_of(const char *subject)
{
    return subject == NULL ? -1 : atoi(subject);
}

/* All with subjects 1 to count, but for without, once each; by id and by commit in this order. */
static void assert_inbox(struct helper_world *w, int count, int without)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_message_list inbox = helper_world_inbox(w);
    struct gw_event_list events;
    struct error err = {0};
    int64_t seq = 0;
    int at = count + 1;

    assert_int_equal(inbox.count, count - (without > 0));
    assert_int_equal(gw_store_read(w->b.rt->store, &tx, &err), ST_OK);
    for (size_t i = inbox.count; i-- > 0;) { /* newest first */
        int64_t first = 0;

        assert_int_equal(inbox.rows[inbox.count - 1 - i].state, GW_OPENED);
        assert_int_equal(
            gw_store_events(tx, &w->arena, 0, inbox.rows[i].id, NULL, NULL, 0, &events, &err),
            ST_OK);
        assert_true(events.count > 0);
        first = events.rows[0].seq;
        assert_true(first > seq);
        seq = first;
    }
    for (size_t i = 0; i < inbox.count; i++) {
        at -= at - 1 == without ? 2 : 1;
        assert_int_equal(number_of(inbox.rows[i].subject), at);
    }
}

static void fetch_until_empty(struct helper_world *w)
{
    struct error err = {0};
    size_t count;

    for (int i = 0; i < 4; i++) {
        w->detour.alone_until = 0;
        if (helper_world_fetch(w, &count, &err) == ST_OK && count == 0)
            return;
    }
    fail_msg("%d %s", err.reason, err.text);
}

static void world_open(struct helper_world *w, const char *b)
{
    mind = (struct mind){.is = ORDINARY};
    helper_world_open(w, false, helper_world_retry, b);
}

static void assert_delivered(struct helper_world *w, size_t count)
{
    struct error err = {0};

    assert_int_equal(gw_receipts_fetch(w->a.rt, &w->a.rt->peers[0], &err), ST_OK);
    assert_int_equal(helper_messages(&w->a, &w->arena, GW_OUTBOX, GW_STATES(GW_DELIVERED)).count,
                     count);
}

/* ---- at the same time, and in order ---- */

/* The first of them comes last: its answer is held until two others have opened their dialogs and
 * have theirs. */
static void test_order(void **state)
{
    struct helper_world w;
    char script[FIRST + 2];
    struct error err = {0};
    size_t count;

    (void)state;
    world_open(&w, helper_world_ahausen);
    deliver(&w, 1, MANY, 0, SPAN_NONE);
    memset(script, '+', FIRST);
    script[FIRST] = 'H';
    script[FIRST + 1] = '\0';
    w.fake.hold = 4;
    helper_fake_script(&w.fake, script);
    assert_int_equal(helper_world_fetch(&w, &count, &err), ST_OK);
    assert_int_equal(count, MANY);
    assert_null(w.fake.held);
    assert_int_equal(w.detour.alone_until, 0);
    assert_inbox(&w, MANY, 0);
    assert_delivered(&w, MANY);
    helper_world_close(&w);
}

/* Requests of a fetch that needs no second dialog: so many fetches, and one that finds nothing. */
static struct few_row {
    const char *name, *more;
    int waiting;
    unsigned requests;
} few_rows[] = {
    {"few are fetched one by one", "", GW_CONVOY_AFTER + GW_CONVOY_MIN - 1,
     2 + GW_CONVOY_AFTER + GW_CONVOY_MIN - 1 + 1 + 2},
    {"and all, where that is set", "1", MANY, 2 + MANY + 1},
};

static void test_few(void **state)
{
    const struct few_row *row = *state;
    struct helper_world w;
    struct error err = {0};
    size_t count;

    world_open(&w, helper_world_ahausen);
    if (row->more[0] != '\0') /* the settings are const for all but tests */
        ((struct gw_intermediary_conf *)(uintptr_t)w.b.rt->peers[0].conf)->fetch_at_once =
            atoi(row->more);
    deliver(&w, 1, row->waiting, 0, SPAN_NONE);
    helper_fake_script(&w.fake, "");
    assert_int_equal(helper_world_fetch(&w, &count, &err), ST_OK);
    assert_int_equal(count, row->waiting);
    assert_int_equal(helper_fake_requests(&w.fake), row->requests);
    assert_inbox(&w, row->waiting, 0);
    helper_world_close(&w);
}

/* ---- a line that fails ---- */

/* Each request from the process cards on, one after the other, is spoiled in this manner. */
static struct line_row {
    const char *name;
    char manner;
    unsigned step;
} line_rows[] = {
    {"an answer is lost", 'L', 2},
    {"a request does not arrive", 'N', 3},
    {"the dialog is forgotten", 'D', 4},
    {"forgotten, and carried out", 'E', 4},
    {"garbage", 'G', 5},
    {"a fault", 'F', 5},
    {"an answer of before", 'R', 5},
    {"busy", 'U', 5},
};

static void test_line(void **state)
{
    enum { LAST = FIRST + GW_CONVOY_MIN + 3 };
    const struct line_row *row = *state;
    struct helper_world w;
    char script[LAST + 2];
    int sent = 0;

    world_open(&w, helper_world_ahausen);
    for (unsigned at = FIRST; at <= LAST; at += row->step) {
        struct error err = {0};
        size_t count;

        deliver(&w, sent + 1, GW_CONVOY_AFTER + GW_CONVOY_MIN, 0, SPAN_NONE);
        sent += GW_CONVOY_AFTER + GW_CONVOY_MIN;
        memset(script, '+', at - 1);
        script[at - 1] = row->manner;
        script[at] = '\0';
        helper_fake_script(&w.fake, script);
        w.detour.alone_until = 0;
        (void)!helper_world_fetch(&w, &count, &err);
        fetch_until_empty(&w);
        assert_inbox(&w, sent, 0);
    }
    assert_delivered(&w, (size_t)sent);
    helper_world_close(&w);
}

/* ---- a process that ends ---- */

static struct end_row {
    const char *name;
    bool after;
} end_rows[] = {{"it ends before a commit", false}, {"it ends after a commit", true}};

static void test_end(void **state)
{
    const struct end_row *row = *state;
    struct helper_world w;
    int sent = 0;

    world_open(&w, helper_world_ahausen);
    for (int at = 1; at <= GW_CONVOY_MIN; at++) {
        struct error err = {0};
        size_t count;

        deliver(&w, sent + 1, GW_CONVOY_AFTER + GW_CONVOY_MIN, 0, SPAN_NONE);
        sent += GW_CONVOY_AFTER + GW_CONVOY_MIN;
        mind.taken = 0;
        mind.after = row->after;
        mind.fails_at = at;
        w.detour.alone_until = 0;
        assert_int_equal(helper_world_fetch(&w, &count, &err), ST_INTERNAL);
        assert_in_range(count, GW_CONVOY_AFTER, GW_CONVOY_AFTER + GW_CONVOY_MIN);
        if (at < GW_CONVOY_MIN - 1) /* so it was not the last in the order */
            assert_true(helper_world_inbox(&w).count < (size_t)sent);
        mind.fails_at = 0;
        fetch_until_empty(&w);
        assert_inbox(&w, sent, 0);
    }
    assert_delivered(&w, (size_t)sent);
    helper_world_close(&w);
}

/* ---- an intermediary that does not play along ---- */

static struct mind_row {
    const char *name;
    enum kind is;
} mind_rows[] = {
    {"it gives what waits longest, whatever is asked for", IGNORES_IDS},
    {"it finds nothing by an id", KNOWS_NO_IDS},
    {"it refuses to select by an id", REFUSES_IDS},
    {"its process cards have no order", UNORDERED},
    {"it has one dialog for each client", ONE_DIALOG},
};

/* All comes in the same fetch nevertheless, and the next one does not try again. */
static void test_mind(void **state)
{
    const struct mind_row *row = *state;
    struct helper_world w;
    struct error err = {0};
    unsigned requests;
    size_t count;

    world_open(&w, helper_world_ahausen);
    deliver(&w, 1, MANY, 0, SPAN_NONE);
    mind.is = row->is;
    if (helper_world_fetch(&w, &count, &err) != ST_OK)
        fail_msg("%d %s", err.reason, err.text);
    assert_int_equal(count, MANY);
    assert_inbox(&w, MANY, 0);
    assert_int_equal(w.detour.failures, 0);
    assert_true(w.detour.alone_until > gw_monotonic_ms());

    mind.is = ORDINARY;
    deliver(&w, MANY + 1, MANY, 0, SPAN_NONE);
    helper_fake_script(&w.fake, "");
    assert_int_equal(helper_world_fetch(&w, &count, &err), ST_OK);
    assert_int_equal(count, MANY);
    requests = helper_fake_requests(&w.fake);
    assert_int_equal(requests, 1 + MANY + 1 + 1);
    assert_inbox(&w, 2 * MANY, 0);
    helper_world_close(&w);
}

/* ---- peculiar ones among them ---- */

static struct special_row {
    const char *name, *settings;
    int at;
    size_t bytes;
    int64_t chunk_kb;
    size_t skipped;
    enum kind is;
} special_rows[] = {
    {"one that can never be taken, the first of them", tight_yaml, GW_CONVOY_AFTER + 1,
     2 * 1024 * 1024, 4096, 1, ORDINARY},
    {"and where nothing is listed by the time of reception", tight_yaml, GW_CONVOY_AFTER + 1,
     2 * 1024 * 1024, 4096, 1, OTHER_TIMES},
    {"one that can never be taken", tight_yaml, GW_CONVOY_AFTER + 5, 2 * 1024 * 1024, 4096, 1,
     ORDINARY},
    {"the last one can never be taken", tight_yaml, MANY, 2 * 1024 * 1024, 4096, 1, ORDINARY},
    {"one that comes in chunks", helper_world_ahausen, GW_CONVOY_AFTER + 5, LARGE, 100, 0,
     ORDINARY},
};

static void test_special(void **state)
{
    const struct special_row *row = *state;
    struct helper_world w;
    struct error err = {0};
    uint8_t *contents = malloc(row->bytes);
    size_t count, got;
    enum status st;

    assert_non_null(contents);
    assert_int_equal(rng_bytes(rng_system(), contents, row->bytes, &err), ST_OK);
    world_open(&w, row->settings);
    ((struct gw_intermediary_conf *)(uintptr_t)w.b.rt->peers[0].conf)->chunk_kb = row->chunk_kb;
    deliver(&w, 1, MANY, row->at, span_of(contents, row->bytes));
    mind.is = row->is;
    st = helper_world_fetch(&w, &count, &err);
    got = count;
    if (st != ST_OK) /* poison alone is left there by the next fetch */
        st = helper_world_fetch(&w, &count, &err);
    if (st != ST_OK)
        fail_msg("%d %s", err.reason, err.text);
    assert_int_equal(got, MANY - (row->skipped > 0));
    assert_inbox(&w, MANY, row->skipped > 0 ? row->at : 0);
    assert_int_equal(gw_detour_skipped(&w.detour), row->skipped);
    assert_true(row->is != ORDINARY || w.detour.alone_until > gw_monotonic_ms());
    helper_world_close(&w);
    free(contents);
}

int main(void)
{
    enum {
        FEW = ARRAY_LEN(few_rows),
        LINES = ARRAY_LEN(line_rows),
        ENDS = ARRAY_LEN(end_rows),
        MINDS = ARRAY_LEN(mind_rows),
        SPECIALS = ARRAY_LEN(special_rows)
    };
    struct CMUnitTest tests[1 + FEW + LINES + ENDS + MINDS + SPECIALS];
    size_t n = 0;

    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_order);
    for (size_t i = 0; i < FEW; i++)
        tests[n++] = (struct CMUnitTest){few_rows[i].name, test_few, NULL, NULL, &few_rows[i]};
    for (size_t i = 0; i < LINES; i++)
        tests[n++] = (struct CMUnitTest){line_rows[i].name, test_line, NULL, NULL, &line_rows[i]};
    for (size_t i = 0; i < ENDS; i++)
        tests[n++] = (struct CMUnitTest){end_rows[i].name, test_end, NULL, NULL, &end_rows[i]};
    for (size_t i = 0; i < MINDS; i++)
        tests[n++] = (struct CMUnitTest){mind_rows[i].name, test_mind, NULL, NULL, &mind_rows[i]};
    for (size_t i = 0; i < SPECIALS; i++)
        tests[n++] =
            (struct CMUnitTest){special_rows[i].name, test_special, NULL, NULL, &special_rows[i]};
    gw_worker_setup(4);
    return cmocka_run_group_tests_name("convoy", tests, helper_crypto_setup,
                                       helper_crypto_teardown);
}

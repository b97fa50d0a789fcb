#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "gateway/store_xta.h"
#include "helper_store.h"

#define TOWN "ags:09162000"
#define OTHER "ags:09163000"

/* A message for TOWN in its box, opened, with the XTA id given. */
struct boxed {
    struct gw_message_row row;
    struct gw_xta_row xta;
};

static enum status boxed_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct boxed *b = ctx;
    const struct gw_cause cause = {.now = b->row.created_at, .actor = "test"};
    const struct gw_move open = {.id = b->row.id, .event = GW_EV_OPEN, .cause = cause};

    TRY(gw_store_message_add(tx, &b->row, NULL, 0, &cause, NULL, err));
    if (b->row.box == GW_INBOX)
        TRY(gw_store_move(tx, &open, NULL, err));
    return gw_store_xta_add(tx, &b->xta, err);
}

/* at: when delivered; twin NULL: from outside */
static enum status put(struct helper_store *h, enum gw_box box, const char *xta_id,
                       const char *reader, int64_t at, const char *twin, char id[GW_ID_SIZE])
{
    static const char *const related[] = {"urn:asked", "URN:ASKED"};
    struct boxed b = {.row = {.id = id,
                              .tenant = "stadt",
                              .endpoint = "meldewesen",
                              .box = box,
                              .peer = "demo",
                              .created_at = HELPER_NOW_MS},
                      .xta = {.message_id = id,
                              .xta_id = xta_id,
                              .box = box,
                              .author = "AGS:Author",
                              .reader = reader,
                              .service = "urn:service",
                              .version = XTA_V5,
                              .delivery = box == GW_INBOX ? HELPER_NOW_MS + at : 0,
                              .twin = twin,
                              .related = related,
                              .related_count = strcmp(xta_id, "urn:reply") == 0 ? 2 : 0}};
    struct error err = {0};

    if (id[0] == '\0')
        helper_id(0, id);
    return gw_store_commit(h->store, boxed_commit, &b, &err);
}

static void put_ok(struct helper_store *h, const char *xta_id, const char *reader, int64_t at,
                   char id[GW_ID_SIZE])
{
    id[0] = '\0';
    assert_int_equal(put(h, GW_INBOX, xta_id, reader, at, NULL, id), ST_OK);
}

/* The XTA ids of what the selection finds, "a b c|pending". */
static void box(struct helper_store *h, struct gw_xta_selection s, size_t limit, const char *want)
{
    AUTO(arena_deinit) struct arena arena = {.max = 1 << 20};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_xta_list list;
    struct error err = {0};
    char got[256] = "", pending[32];

    if (s.reader == NULL)
        s.reader = TOWN;
    if (s.now == 0)
        s.now = HELPER_NOW_MS + 1000;
    assert_int_equal(gw_store_read(h->store, &tx, &err), ST_OK);
    if (gw_store_xta_box(tx, &arena, &s, limit, &list, &err) != ST_OK)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < list.count; i++) {
        (void)strcat(strcat(got, i == 0 ? "" : " "), list.rows[i].xta.xta_id + 4);
        assert_string_equal(list.rows[i].xta.message_id, list.rows[i].message.id);
        assert_string_equal(list.rows[i].xta.author, "ags:author");
    }
    (void)snprintf(pending, sizeof pending, "|%d", (int)list.pending);
    assert_string_equal(strcat(got, pending), want);
}

/* ---- ids ---- */

struct claim {
    const char *id, *account, *message;
    bool issue, foreign;
};

static enum status claim_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct claim *c = ctx;

    if (c->issue)
        return gw_store_xta_issue(tx, c->id, c->account, HELPER_NOW_MS, err);
    return gw_store_xta_claim(tx, c->id, c->account, c->foreign, c->message, HELPER_NOW_MS, err);
}

static void ids(void **state)
{
    static const struct step {
        struct claim claim;
        enum status want;
        int reason;
    } steps[] = {
        {{"urn:A", "m", NULL, true, false}, ST_OK, 0},
        {{"urn:a", "m", NULL, true, false}, ST_DUPLICATE, 0},                 /* XTA-031, 033 */
        {{"urn:a", "other", "1", false, true}, ST_DENIED, XTA_N_COMBINATION}, /* XTA-034 */
        {{"urn:a", "m", "1", false, false}, ST_OK, 0},
        {{"URN:A", "m", "2", false, true}, ST_DUPLICATE, XTA_N_ID_USED}, /* XTA-032 */
        {{"urn:foreign", "m", "3", false, false}, ST_DENIED, XTA_N_COMBINATION},
        {{"urn:foreign", "m", "3", false, true}, ST_OK, 0},
        {{"urn:foreign", "m", "4", false, true}, ST_DUPLICATE, XTA_N_ID_USED},
        {{"", "m", "5", false, true}, ST_INVALID, XTA_N_NO_URI},
    };
    struct helper_store *h = *state;
    char longer[GW_XTA_ID_MAX + 2];

    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct claim claim = steps[i].claim;
        struct error err = {0};

        assert_int_equal(gw_store_commit(h->store, claim_commit, &claim, &err), steps[i].want);
        if (steps[i].reason != 0)
            assert_int_equal(err.reason, steps[i].reason);
        if (i == 4)
            helper_store_reopen(h); /* what was used is used after a restart */
    }
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    struct claim claim = {longer, "m", "6", false, true};
    struct error err = {0};

    assert_int_equal(gw_store_commit(h->store, claim_commit, &claim, &err), ST_INVALID);
}

/* ---- the box ---- */

static void order(void **state)
{
    struct helper_store *h = *state;
    char id[GW_ID_SIZE];

    put_ok(h, "urn:late", TOWN, 30, id);
    put_ok(h, "urn:b", "AGS:09162000", 20, id);
    put_ok(h, "urn:c", TOWN, 20, id);
    put_ok(h, "urn:first", TOWN, 10, id);
    put_ok(h, "urn:foreign", OTHER, 10, id);
    put_ok(h, "urn:future", TOWN, 2000, id);
    put_ok(h, "urn:reply", TOWN, 40, id);
    box(h, (struct gw_xta_selection){0}, 10, "first b c late reply|0");
    box(h, (struct gw_xta_selection){0}, 2, "first b|3");
    box(h, (struct gw_xta_selection){.after = {HELPER_NOW_MS + 20, 2}}, 10, "c late reply|0");
    box(h, (struct gw_xta_selection){.reader = OTHER}, 10, "foreign|0");
    box(h, (struct gw_xta_selection){.reader = "ags:1"}, 10, "|0");
    box(h, (struct gw_xta_selection){.now = HELPER_NOW_MS + 3000}, 1, "first|5"); /* XTA-057 */
    box(h, (struct gw_xta_selection){.from = HELPER_NOW_MS + 20, .to = HELPER_NOW_MS + 30}, 10,
        "b c|0");
}

static void selected(void **state)
{
    static const char *const ids[] = {"urn:c", "URN:A", "urn:foreign", "urn:none", "urn:b"};
    static const char *const related[] = {"urn:other", "urn:Asked", "urn:third"};
    struct helper_store *h = *state;
    char id[GW_ID_SIZE];

    put_ok(h, "urn:a", TOWN, 1, id);
    put_ok(h, "urn:b", TOWN, 2, id);
    put_ok(h, "urn:c", TOWN, 3, id);
    put_ok(h, "urn:reply", TOWN, 4, id);
    put_ok(h, "urn:foreign", OTHER, 4, id);
    box(h, (struct gw_xta_selection){.ids = ids, .id_count = 5}, 10, "a b c|0"); /* XTA-075 */
    box(h, (struct gw_xta_selection){.ids = ids, .id_count = 1}, 10, "c|0");
    box(h, (struct gw_xta_selection){.related = related, .related_count = 3}, 10, "reply|0");
    box(h,
        (struct gw_xta_selection){
            .ids = ids, .id_count = 5, .related = related, .related_count = 1},
        10, "|0");
}

struct closing {
    const char *id;
    bool first;
};

static enum status close_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    struct closing *c = ctx;
    const struct gw_cause cause = {.now = HELPER_NOW_MS + 500, .actor = "xta:m"};

    return gw_store_xta_close(tx, c->id, &cause, &c->first, err);
}

static enum status fetched_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct gw_xta_times times = {.initial_fetch = HELPER_NOW_MS + 100};

    return gw_store_xta_times(tx, ctx, &times, err);
}

static void xta_of(struct helper_store *h, const char *id, struct arena *arena,
                   struct gw_xta_row *row)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct error err = {0};

    assert_int_equal(gw_store_read(h->store, &tx, &err), ST_OK);
    if (gw_store_xta_row(tx, arena, id, row, &err) != ST_OK)
        fail_msg("%s", err.text);
}

static void fetch_and_close(void **state)
{
    AUTO(arena_deinit) struct arena arena = {.max = 1 << 20};
    struct helper_store *h = *state;
    struct gw_xta_row row = {0};
    struct closing c = {0};
    struct error err = {0};
    char a[GW_ID_SIZE], b[GW_ID_SIZE];

    put_ok(h, "urn:a", TOWN, 1, a);
    put_ok(h, "urn:b", TOWN, 2, b);
    assert_int_equal(gw_store_commit(h->store, fetched_commit, a, &err), ST_OK);
    box(h, (struct gw_xta_selection){.fresh = GW_XTA_NOT_FETCHED}, 10, "b|0");
    box(h, (struct gw_xta_selection){.fresh = GW_XTA_NOT_CLOSED}, 10, "a b|0");
    c.id = a;
    assert_int_equal(gw_store_commit(h->store, close_commit, &c, &err), ST_OK);
    assert_true(c.first);
    box(h, (struct gw_xta_selection){.fresh = GW_XTA_NOT_CLOSED}, 10, "b|0");
    box(h, (struct gw_xta_selection){0}, 10, "a b|0");
    xta_of(h, a, &arena, &row);
    assert_int_equal(row.initial_fetch, HELPER_NOW_MS + 100);
    assert_int_equal(row.reception, HELPER_NOW_MS + 500);
    assert_int_equal(helper_message(h, &arena, a).state, GW_ACKNOWLEDGED);
    assert_int_equal(gw_store_commit(h->store, close_commit, &c, &err), ST_OK);
    assert_false(c.first); /* XTA-088 */
    /* the drop folder hands over, and somebody takes it there */
    helper_move(h, b, GW_EV_HAND_OVER, 600);
    box(h, (struct gw_xta_selection){.fresh = GW_XTA_NOT_CLOSED}, 10, "b|0");
    helper_move(h, b, GW_EV_ACKNOWLEDGE, 700);
    box(h, (struct gw_xta_selection){.fresh = GW_XTA_NOT_CLOSED}, 10, "|0");
    xta_of(h, b, &arena, &row);
    assert_int_equal(row.reception, HELPER_NOW_MS + 700);
}

/* What a reader of this house closes is delivered for its author in the same commit. */
static void twins(void **state)
{
    AUTO(arena_deinit) struct arena arena = {.max = 1 << 20};
    struct helper_store *h = *state;
    struct gw_message_row author;
    struct gw_xta_row row = {0};
    struct error err = {0};
    char out[GW_ID_SIZE] = "", in[GW_ID_SIZE] = "";
    struct closing c = {.id = in};

    helper_id(0, in);
    assert_int_equal(put(h, GW_OUTBOX, "urn:a", TOWN, 0, in, out), ST_OK);
    assert_int_equal(put(h, GW_INBOX, "urn:a", TOWN, 5, out, in), ST_OK);
    helper_move(h, out, GW_EV_SEAL, 1);
    assert_int_equal(gw_store_commit(h->store, close_commit, &c, &err), ST_OK);
    author = helper_message(h, &arena, out);
    assert_int_equal(author.state, GW_DELIVERED);
    assert_int_equal(author.reception.ms, HELPER_NOW_MS + 500);
    assert_string_equal(author.reception.text, "2023-11-14T22:13:20.500Z");
    xta_of(h, out, &arena, &row);
    assert_int_equal(row.reception, HELPER_NOW_MS + 500);
    c.id = out;
    assert_int_equal(gw_store_commit(h->store, close_commit, &c, &err), ST_NOT_FOUND);
}

static void ids_in_a_box_once(void **state)
{
    struct helper_store *h = *state;
    char id[GW_ID_SIZE] = "", second[GW_ID_SIZE] = "", out[GW_ID_SIZE] = "";

    assert_int_equal(put(h, GW_INBOX, "urn:a", TOWN, 0, NULL, id), ST_OK);
    assert_int_equal(put(h, GW_INBOX, "URN:A", OTHER, 0, NULL, second), ST_DUPLICATE);
    assert_int_equal(put(h, GW_OUTBOX, "urn:a", OTHER, 0, NULL, out), ST_OK);
}

static void found_by(void **state)
{
    static const struct ask {
        const char *id, *party;
        enum gw_box box;
        int64_t now;
        const char *want; /* "out", "in" or NULL */
    } asks[] = {
        {"URN:a", "ags:AUTHOR", GW_BOX_NONE, 1000, "out"},
        {"urn:a", TOWN, GW_BOX_NONE, 1000, "in"},
        {"urn:a", TOWN, GW_INBOX, 1000, "in"},
        {"urn:a", TOWN, GW_OUTBOX, 1000, NULL},
        {"urn:a", OTHER, GW_BOX_NONE, 1000, NULL},     /* XTA-053 */
        {"urn:a", "ags:author", GW_INBOX, 1000, NULL}, /* XTA-054 */
        {"urn:a", TOWN, GW_INBOX, 4, NULL},            /* XTA-057 */
        {"urn:b", TOWN, GW_INBOX, 1000, NULL},
    };
    struct helper_store *h = *state;
    char out[GW_ID_SIZE] = "", in[GW_ID_SIZE] = "";

    assert_int_equal(put(h, GW_OUTBOX, "urn:a", TOWN, 0, NULL, out), ST_OK);
    assert_int_equal(put(h, GW_INBOX, "urn:a", TOWN, 5, NULL, in), ST_OK);
    for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
        AUTO(arena_deinit) struct arena arena = {.max = 1 << 20};
        AUTO(gw_read_end) struct gw_tx *tx = NULL;
        const struct ask *a = &asks[i];
        struct gw_xta_row row = {0};
        struct error err = {0};
        enum status st;

        assert_int_equal(gw_store_read(h->store, &tx, &err), ST_OK);
        st = gw_store_xta_find(tx, &arena, a->id, a->party, a->box, HELPER_NOW_MS + a->now, &row,
                               &err);
        assert_int_equal(st, a->want == NULL ? ST_NOT_FOUND : ST_OK);
        if (a->want == NULL)
            assert_int_equal(err.reason, XTA_N_UNKNOWN_ID);
        else
            assert_string_equal(row.message_id, strcmp(a->want, "out") == 0 ? out : in);
    }
}

static enum status quarantine_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct gw_move move = {
        .id = ctx, .event = GW_EV_QUARANTINE, .cause = {.now = HELPER_NOW_MS, .actor = "test"}};

    return gw_store_move(tx, &move, NULL, err);
}

static void doubted(void **state)
{
    struct helper_store *h = *state;
    struct closing c = {0};
    struct error err = {0};
    char id[GW_ID_SIZE];

    put_ok(h, "urn:virus", TOWN, 0, id);
    assert_int_equal(gw_store_commit(h->store, quarantine_commit, id, &err), ST_OK);
    box(h, (struct gw_xta_selection){0}, 10, "|0");
    c.id = id;
    assert_int_equal(gw_store_commit(h->store, close_commit, &c, &err), ST_DENIED);
}

/* Removed with its message, and not taken for a stranger. */
static enum status remove_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    return gw_store_message_remove(tx, ctx, err);
}

static void strangers(void **state)
{
    AUTO(arena_deinit) struct arena arena = {.max = 1 << 20};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct helper_store *h = *state;
    struct gw_message_list list;
    struct closing c = {0};
    struct error err = {0};
    char mine[GW_ID_SIZE], old[GW_ID_SIZE];

    put_ok(h, "urn:a", TOWN, 0, mine);
    helper_message_add(h, GW_INBOX, "demo", "before there was a box", 1, old);
    helper_move(h, old, GW_EV_OPEN, 2);
    assert_int_equal(gw_store_read(h->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_xta_strangers(tx, &arena, "meldewesen", 10, &list, &err), ST_OK);
    gw_read_end(&tx);
    tx = NULL;
    assert_int_equal(list.count, 1);
    assert_string_equal(list.rows[0].id, old);
    c.id = mine;
    assert_int_equal(gw_store_commit(h->store, close_commit, &c, &err), ST_OK);
    assert_int_equal(gw_store_commit(h->store, remove_commit, mine, &err), ST_OK);
    put_ok(h, "urn:a", TOWN, 0, mine);
}

/* ---- iterations ---- */

static enum status iterate_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    return gw_store_xta_iterate(tx, ctx, HELPER_NOW_MS, err);
}

static enum status iteration(struct helper_store *h, const char *id, const char *account,
                             const char *party, int64_t at, struct gw_xta_iteration *it,
                             struct arena *arena)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct error err = {0};

    assert_int_equal(gw_store_read(h->store, &tx, &err), ST_OK);
    return gw_store_xta_iteration(tx, arena, id, account, party, HELPER_NOW_MS + at, it, &err);
}

static void iterations(void **state)
{
    AUTO(arena_deinit) struct arena arena = {.max = 1 << 20};
    struct helper_store *h = *state;
    struct gw_xta_iteration it = {.request_id = "urn:r",
                                  .account = "m",
                                  .party = TOWN,
                                  .messages = true,
                                  .selection = "{}",
                                  .after = {1, 2},
                                  .expires_at = HELPER_NOW_MS + 10};
    struct gw_xta_iteration got = {0};
    struct error err = {0};

    assert_int_equal(gw_store_commit(h->store, iterate_commit, &it, &err), ST_OK);
    it.after = (struct gw_xta_place){3, 4};
    assert_int_equal(gw_store_commit(h->store, iterate_commit, &it, &err), ST_OK);
    helper_store_reopen(h);
    assert_int_equal(iteration(h, "urn:r", "m", "AGS:09162000", 0, &got, &arena), ST_OK);
    assert_true(got.messages);
    assert_string_equal(got.selection, "{}");
    assert_int_equal(got.after.delivery, 3);
    assert_int_equal(got.after.seq, 4);
    assert_int_equal(iteration(h, "urn:r", "other", TOWN, 0, &got, &arena), ST_NOT_FOUND);
    assert_int_equal(iteration(h, "urn:r", "m", OTHER, 0, &got, &arena), ST_NOT_FOUND);
    assert_int_equal(iteration(h, "urn:s", "m", TOWN, 0, &got, &arena), ST_NOT_FOUND);
    assert_int_equal(iteration(h, "urn:r", "m", TOWN, 10, &got, &arena), ST_NOT_FOUND);
}

/* ---- several readers ---- */

enum { READERS = 4, MESSAGES = 100 };

struct reader {
    struct helper_store *h;
    pthread_t thread;
    int closed;
};

/* Fetches the oldest, closes it, until nothing is left; others do the same. */
static void *reader_main(void *arg)
{
    struct reader *r = arg;

    for (;;) {
        const struct gw_xta_selection s = {
            .reader = TOWN, .now = HELPER_NOW_MS + 1000, .fresh = GW_XTA_NOT_CLOSED};
        AUTO(arena_deinit) struct arena arena = {.max = 1 << 20};
        struct gw_tx *tx = NULL;
        struct gw_xta_list list = {0};
        struct error err = {0};
        struct closing c = {0};
        enum status st;

        if (gw_store_read(r->h->store, &tx, &err) != ST_OK)
            return NULL;
        st = gw_store_xta_box(tx, &arena, &s, 1, &list, &err);
        gw_read_end(&tx);
        if (st != ST_OK || list.count == 0)
            return NULL;
        c.id = list.rows[0].message.id;
        if (gw_store_commit(r->h->store, close_commit, &c, &err) != ST_OK)
            return NULL;
        r->closed += c.first;
    }
}

static void parallel(void **state)
{
    struct reader readers[READERS] = {0};
    struct helper_store *h = *state;
    int closed = 0;

    for (int i = 0; i < MESSAGES; i++) {
        char xta_id[32], id[GW_ID_SIZE];

        (void)snprintf(xta_id, sizeof xta_id, "urn:%d", i);
        put_ok(h, xta_id, TOWN, i, id);
    }
    for (size_t i = 0; i < READERS; i++) {
        readers[i].h = h;
        assert_int_equal(pthread_create(&readers[i].thread, NULL, reader_main, &readers[i]), 0);
    }
    for (size_t i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(readers[i].thread, NULL), 0);
        closed += readers[i].closed;
    }
    assert_int_equal(closed, MESSAGES); /* XTA-087: each once */
    box(h, (struct gw_xta_selection){.fresh = GW_XTA_NOT_CLOSED}, 1, "|0");
}

#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, helper_store_setup, helper_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(ids),       STORE_TEST(order),
        STORE_TEST(selected),  STORE_TEST(fetch_and_close),
        STORE_TEST(twins),     STORE_TEST(ids_in_a_box_once),
        STORE_TEST(found_by),  STORE_TEST(doubted),
        STORE_TEST(strangers), STORE_TEST(iterations),
        STORE_TEST(parallel),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

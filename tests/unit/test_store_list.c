/* listings with filters and cursor, counts, due work */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "helper_store.h"

enum { ARENA_MAX = 8 << 20 };

/* The fixture: one letter each, in this order of time (a second apart). */
static const struct fixture {
    const char *letter;
    struct gw_message_row row;
    const char *events; /* s seal, u submit, f forward, d deliver, r defer, x fail, o open,
                           h hand over, q quarantine */
} fixtures[] = {
    {"a",
     {.box = GW_OUTBOX,
      .tenant = "t",
      .endpoint = "e",
      .peer = "p",
      .subject = "Erste",
      .message_type = "urn:a"},
     ""},
    {"b",
     {.box = GW_OUTBOX, .tenant = "t", .endpoint = "f", .peer = "q", .subject = "100% _sicher_"},
     "su"},
    {"c", {.box = GW_OUTBOX, .tenant = "u", .endpoint = "e", .peer = "p", .recipient = "Amt"}, "x"},
    {"d", {.box = GW_INBOX, .tenant = "t", .endpoint = "e", .peer = "p", .sender = "Amt"}, ""},
    {"e", {.box = GW_INBOX, .tenant = "t", .endpoint = "f", .peer = "p"}, "oh"},
    {"f", {.box = GW_OUTBOX, .tenant = "t", .endpoint = "e", .peer = "p", .priority = 5}, "s"},
    {"g", {.box = GW_OUTBOX, .tenant = "t", .endpoint = "e", .peer = "q"}, "suf"},
    {"h", {.box = GW_OUTBOX, .tenant = "t", .endpoint = "e", .peer = "q"}, "sufd"},
    {"i", {.box = GW_OUTBOX, .tenant = "t", .endpoint = "e", .peer = "p"}, "r"},
    {"j", {.box = GW_INBOX, .tenant = "t", .endpoint = "e", .peer = "p"}, "q"},
    {"k", {.box = GW_INBOX, .tenant = "t", .endpoint = "f", .peer = "p"}, "o"},
    {"l",
     {.box = GW_INBOX,
      .tenant = "v",
      .endpoint = "f",
      .peer = "r",
      .recipient = "Kreis",
      .sender = "Kreis",
      .message_type = "urn:a"},
     ""},
};

static char ids[ARRAY_LEN(fixtures)][GW_ID_SIZE];

static enum gw_event event_of(char c)
{
    static const char letters[] = "sufdrxohq";
    static const enum gw_event events[] = {GW_EV_SEAL,    GW_EV_SUBMIT,    GW_EV_FORWARD,
                                           GW_EV_DELIVER, GW_EV_DEFER,     GW_EV_FAIL,
                                           GW_EV_OPEN,    GW_EV_HAND_OVER, GW_EV_QUARANTINE};

    return events[strchr(letters, c) - letters];
}

static void fixture_add(struct helper_store *h, size_t i)
{
    const struct fixture *f = &fixtures[i];
    const int64_t at = HELPER_NOW_MS + (int64_t)i * 1000;
    struct gw_message_row row = f->row;
    struct gw_cause cause = {.now = at};
    struct error err = {0};

    helper_id((int64_t)i * 1000, ids[i]);
    row.id = ids[i];
    row.created_at = at;
    row.client_key = f->letter;
    if (strcmp(f->letter, "g") == 0)
        row.deliver_after = HELPER_NOW_MS + 8000;
    if (strcmp(f->letter, "a") == 0 || strcmp(f->letter, "h") == 0)
        row.expires_at = HELPER_NOW_MS + 100000;
    assert_int_equal(gw_store_commit_message(h->store, &row, NULL, 0, &cause, NULL, &err), ST_OK);
    for (const char *e = f->events; *e != '\0'; e++) {
        const struct gw_move move = {.id = ids[i],
                                     .event = event_of(*e),
                                     .next_attempt_at = *e == 'r' ? HELPER_NOW_MS + 50000 : 0,
                                     .cause = cause};

        assert_int_equal(gw_store_commit_move(h->store, &move, NULL, &err), ST_OK);
    }
}

static int setup(void **state)
{
    helper_store_setup(state);
    for (size_t i = 0; i < ARRAY_LEN(fixtures); i++)
        fixture_add(*state, i);
    return 0;
}

/* The letters of a list, in its order. */
static const char *letters_of(const struct gw_message_list *list, char letters[64])
{
    size_t i = 0;

    assert_true(list->count < 64);
    for (; i < list->count; i++)
        letters[i] = list->rows[i].client_key[0];
    letters[i] = '\0';
    return letters;
}

static struct list_row {
    const char *name;
    struct gw_filter filter;
    const char *letters;
    bool more;
    char cursor; /* letter of the row seen last, 0: none */
} list_rows[] = {
    {"all, newest first", {.limit = 0}, "lkjihgfedcba", false, 0},
    {"oldest first", {.oldest_first = true}, "abcdefghijkl", false, 0},
    {"first page", {.limit = 5}, "lkjih", true, 0},
    {"page behind a cursor", {.limit = 4}, "gfed", true, 'h'},
    {"last page, exactly full", {.limit = 3}, "cba", false, 'd'},
    {"oldest first behind a cursor", {.oldest_first = true, .limit = 2}, "de", true, 'c'},
    {"behind the end", {.limit = 3}, "", false, 'a'},
    {"outbox", {.box = GW_OUTBOX}, "ihgfcba", false, 0},
    {"inbox", {.box = GW_INBOX}, "lkjed", false, 0},
    {"one state", {.states = GW_STATES(GW_SEALED)}, "f", false, 0},
    {"several states", {.states = GW_STATES(GW_FAILED) | GW_STATES(GW_DELIVERED)}, "hc", false, 0},
    {"tenant", {.tenant = "u"}, "c", false, 0},
    {"endpoint", {.endpoint = "f"}, "lkeb", false, 0},
    {"peer and box", {.box = GW_OUTBOX, .peer = "q"}, "hgb", false, 0},
    {"since", {.since = HELPER_NOW_MS + 9000}, "lkj", false, 0},
    {"until is exclusive", {.until = HELPER_NOW_MS + 2000}, "ba", false, 0},
    {"could be sent before",
     {.due_before = HELPER_NOW_MS + 8000, .box = GW_OUTBOX, .oldest_first = true},
     "abcfh",
     false,
     0},
    {"could be sent before, but not before that",
     {.due_before = HELPER_NOW_MS + 9000, .due_since = HELPER_NOW_MS + 5000, .oldest_first = true},
     "fghi",
     false,
     0},
    {"text in subject, any case", {.text = "eRST"}, "a", false, 0},
    {"text in recipient or sender", {.text = "Amt"}, "dc", false, 0},
    {"text with wildcards is itself", {.text = "0% _s"}, "b", false, 0},
    {"a lone percent sign", {.text = "%"}, "b", false, 0},
    {"text nowhere", {.text = "' OR 1=1 --"}, "", false, 0},
    {"partner, as recipient and as sender", {.partner = "Amt"}, "dc", false, 0},
    {"partner, oldest first", {.partner = "Amt", .oldest_first = true}, "cd", false, 0},
    {"partner who is both comes once", {.partner = "Kreis"}, "l", false, 0},
    {"partner and text", {.partner = "Amt", .text = "zz"}, "", false, 0},
    {"partner nobody has", {.partner = "Niemand"}, "", false, 0},
    {"message type", {.message_type = "urn:a"}, "la", false, 0},
    {"message type and peer", {.message_type = "urn:a", .peer = "p"}, "a", false, 0},
    {"message type and state",
     {.message_type = "urn:a", .states = GW_STATES(GW_RECEIVED)},
     "l",
     false,
     0},
    {"peer alone", {.peer = "q"}, "hgb", false, 0},
    {"peer nobody has", {.peer = "nobody"}, "", false, 0},
    {"endpoint and partner", {.endpoint = "f", .partner = "Kreis"}, "l", false, 0},
    {"tenant and partner", {.tenant = "u", .partner = "Amt"}, "c", false, 0},
    {"three rows are looked at, one fits", {.text = "urn:a", .look_max = 3}, "l", true, 0},
    {"three are looked at in vain", {.text = "Erste", .look_max = 3}, "", true, 0},
    {"the last three", {.text = "Erste", .look_max = 3}, "a", false, 'c'},
    {"of each state", {.box = GW_OUTBOX, .text = "Erste", .look_max = 3}, "", true, 0},
    {"everything together",
     {.box = GW_OUTBOX,
      .tenant = "t",
      .endpoint = "e",
      .peer = "q",
      .states = GW_STATES(GW_FORWARDED),
      .since = HELPER_NOW_MS,
      .until = HELPER_NOW_MS + 60000,
      .text = "g",
      .limit = 1},
     "g",
     false,
     0},
};

static struct helper_store *shared; /* one filled store for all rows, which only read */

static void list_row(void **state)
{
    struct list_row *row = *state;
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    AUTO(arena_deinit) struct arena arena = {0};
    struct gw_filter filter = row->filter;
    struct gw_message_list list;
    struct error err = {0};
    char letters[64];

    arena_init(&arena, ARENA_MAX);
    if (row->cursor != 0)
        filter.cursor = ids[row->cursor - 'a'];
    assert_int_equal(gw_store_read(shared->store, &tx, &err), ST_OK);
    if (gw_store_messages(tx, &arena, &filter, &list, &err) != ST_OK)
        fail_msg("%s", err.text);
    assert_string_equal(letters_of(&list, letters), row->letters);
    assert_int_equal(list.more, row->more);
}

/* Page by page, however few rows each looks at, it is the same list. */
static void list_row_in_steps(void **state)
{
    struct list_row *row = *state;

    for (size_t step = 1; step <= 5; step++) {
        AUTO(gw_read_end) struct gw_tx *tx = NULL;
        AUTO(arena_deinit) struct arena arena = {0};
        struct gw_filter filter = row->filter;
        struct gw_message_list list = {.more = true};
        struct error err = {0};
        char letters[64] = "", some[64], whole[64];

        arena_init(&arena, ARENA_MAX);
        assert_int_equal(gw_store_read(shared->store, &tx, &err), ST_OK);
        filter.cursor = row->cursor == 0 ? NULL : ids[row->cursor - 'a'];
        filter.look_max = 0;
        filter.limit = 0;
        assert_int_equal(gw_store_messages(tx, &arena, &filter, &list, &err), ST_OK);
        assert_false(list.more);
        (void)letters_of(&list, whole);
        filter.look_max = step;
        filter.limit = 2;
        for (int pages = 0; pages == 0 || list.more; pages++) {
            assert_true(pages < 64);
            assert_int_equal(gw_store_messages(tx, &arena, &filter, &list, &err), ST_OK);
            assert_int_equal(list.more, list.cursor != NULL);
            strcat(letters, letters_of(&list, some));
            filter.cursor = list.cursor;
        }
        assert_string_equal(letters, whole);
    }
}

static const char *const peer_p[] = {"p"};
static const char *const peers_pq[] = {"p", "q", "r"};
static const char *const endpoint_e[] = {"e"};

static struct due_row {
    const char *name;
    enum gw_box box;
    int64_t at; /* offset to the fixture's start */
    struct gw_skip skip;
    const char *skip_letters;
    size_t limit;
    const char *letters;
    bool more;
    int64_t next_at; /* offset; -1: none */
} due_rows[] = {
    {"outbox: by priority, then the longest due",
     GW_OUTBOX,
     20000,
     {NULL, 0, NULL, 0, NULL},
     "",
     0,
     "fa",
     false,
     50000},
    {"outbox: deferred is due at its time",
     GW_OUTBOX,
     50000,
     {NULL, 0, NULL, 0, NULL},
     "",
     0,
     "fai",
     false,
     -1},
    {"outbox: limited", GW_OUTBOX, 50000, {NULL, 0, NULL, 0, NULL}, "", 1, "f", true, -1},
    {"outbox: a sick destination",
     GW_OUTBOX,
     50000,
     {peer_p, 1, NULL, 0, NULL},
     "",
     0,
     "",
     false,
     -1},
    {"outbox: three sick destinations",
     GW_OUTBOX,
     50000,
     {peers_pq, 3, NULL, 0, NULL},
     "",
     0,
     "",
     false,
     -1},
    {"outbox: in work elsewhere",
     GW_OUTBOX,
     50000,
     {NULL, 0, NULL, 0, NULL},
     "fb",
     0,
     "ai",
     false,
     -1},
    {"outbox: all in work", GW_OUTBOX, 50000, {NULL, 0, NULL, 0, NULL}, "fai", 0, "", false, -1},
    {"outbox: before everything", GW_OUTBOX, -1, {NULL, 0, NULL, 0, NULL}, "", 0, "", false, 0},
    {"inbox: received and opened",
     GW_INBOX,
     50000,
     {NULL, 0, NULL, 0, NULL},
     "",
     0,
     "dkl",
     false,
     -1},
    {"inbox: one endpoint alone", GW_INBOX, 50000, {NULL, 0, NULL, 0, "e"}, "", 0, "d", false, -1},
    {"outbox: one peer alone", GW_OUTBOX, 50000, {NULL, 0, NULL, 0, "q"}, "", 0, "", false, -1},
    {"inbox: an endpoint that is full",
     GW_INBOX,
     50000,
     {endpoint_e, 1, NULL, 0, NULL},
     "",
     0,
     "kl",
     false,
     -1},
};

static void due_row(void **state)
{
    struct due_row *row = *state;
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    AUTO(arena_deinit) struct arena arena = {0};
    struct gw_skip skip = row->skip;
    struct gw_message_list list;
    struct error err = {0};
    const char *in_work[8];
    char letters[64];
    int64_t next_at;

    arena_init(&arena, ARENA_MAX);
    for (const char *c = row->skip_letters; *c != '\0'; c++)
        in_work[skip.id_count++] = ids[*c - 'a'];
    skip.ids = in_work;
    assert_int_equal(gw_store_read(shared->store, &tx, &err), ST_OK);
    if (gw_store_due(tx, &arena, row->box, HELPER_NOW_MS + row->at, &skip, row->limit, &list,
                     &next_at, &err) != ST_OK)
        fail_msg("%s", err.text);
    assert_string_equal(letters_of(&list, letters), row->letters);
    assert_int_equal(list.more, row->more);
    if (list.count == 0 && row->at >= 20000)
        assert_int_equal(next_at, row->next_at < 0 ? 0 : HELPER_NOW_MS + row->next_at);
}

static void due_without_skip(void **state)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    AUTO(arena_deinit) struct arena arena = {0};
    struct gw_message_list list;
    struct error err = {0};

    (void)state;
    arena_init(&arena, ARENA_MAX);
    assert_int_equal(gw_store_read(shared->store, &tx, &err), ST_OK);
    assert_int_equal(
        gw_store_due(tx, &arena, GW_OUTBOX, HELPER_NOW_MS + 50000, NULL, 0, &list, NULL, &err),
        ST_OK);
    assert_int_equal(list.count, 3);
}

static void outstanding_and_expired(void **state)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    AUTO(arena_deinit) struct arena arena = {0};
    struct gw_message_list list;
    struct error err = {0};
    char letters[64];

    (void)state;
    arena_init(&arena, ARENA_MAX);
    assert_int_equal(gw_store_read(shared->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_outstanding(tx, &arena, NULL, NULL, NULL, 0, &list, &err), ST_OK);
    assert_string_equal(letters_of(&list, letters), "bg");
    assert_int_equal(gw_store_outstanding(tx, &arena, "t", "q", NULL, 1, &list, &err), ST_OK);
    assert_string_equal(letters_of(&list, letters), "b");
    assert_true(list.more);
    assert_int_equal(gw_store_outstanding(tx, &arena, "t", "q", list.rows[0].id, 1, &list, &err),
                     ST_OK);
    assert_string_equal(letters_of(&list, letters), "g");
    assert_false(list.more);
    assert_int_equal(gw_store_outstanding(tx, &arena, NULL, "p", NULL, 0, &list, &err), ST_OK);
    assert_int_equal(list.count, 0);

    assert_int_equal(gw_store_expired(tx, &arena, HELPER_NOW_MS + 99999, 0, &list, &err), ST_OK);
    assert_int_equal(list.count, 0);
    assert_int_equal(gw_store_expired(tx, &arena, HELPER_NOW_MS + 100000, 0, &list, &err), ST_OK);
    assert_string_equal(letters_of(&list, letters), "a"); /* h is delivered */
}

static void counts_by_state(void **state)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_counts counts;
    struct error err = {0};

    (void)state;
    assert_int_equal(gw_store_read(shared->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_counts(tx, NULL, NULL, &counts, &err), ST_OK);
    assert_int_equal(counts.messages[GW_OUTBOX][GW_ACCEPTED], 1);
    assert_int_equal(counts.messages[GW_OUTBOX][GW_DEFERRED], 1);
    assert_int_equal(counts.messages[GW_INBOX][GW_DEFERRED], 0);
    assert_int_equal(counts.messages[GW_INBOX][GW_QUARANTINED], 1);
    assert_int_equal(counts.oldest_waiting_at, HELPER_NOW_MS);
    assert_int_equal(gw_store_counts(tx, "t", "f", &counts, &err), ST_OK);
    assert_int_equal(counts.messages[GW_OUTBOX][GW_SUBMITTED], 1);
    assert_int_equal(counts.messages[GW_OUTBOX][GW_ACCEPTED], 0);
    assert_int_equal(counts.oldest_waiting_at, HELPER_NOW_MS + 1000);
    assert_int_equal(gw_store_counts(tx, "nobody", NULL, &counts, &err), ST_OK);
    assert_int_equal(counts.oldest_waiting_at, 0);
}

static int group_setup(void **state)
{
    setup(state);
    shared = *state;
    *state = NULL; /* cmocka would hand it to the rows in place of their own */
    return 0;
}

static int group_teardown(void **state)
{
    *state = shared;
    return helper_store_teardown(state);
}

int main(void)
{
    enum { LISTS = ARRAY_LEN(list_rows), DUES = ARRAY_LEN(due_rows) };
    struct CMUnitTest tests[2 * LISTS + DUES + 3], *next = tests;

    for (size_t i = 0; i < LISTS; i++) {
        *next++ = (struct CMUnitTest){list_rows[i].name, list_row, NULL, NULL, &list_rows[i]};
        *next++ =
            (struct CMUnitTest){list_rows[i].name, list_row_in_steps, NULL, NULL, &list_rows[i]};
    }
    for (size_t i = 0; i < DUES; i++)
        *next++ = (struct CMUnitTest){due_rows[i].name, due_row, NULL, NULL, &due_rows[i]};
    *next++ = (struct CMUnitTest)cmocka_unit_test(due_without_skip);
    *next++ = (struct CMUnitTest)cmocka_unit_test(outstanding_and_expired);
    *next++ = (struct CMUnitTest)cmocka_unit_test(counts_by_state);
    return cmocka_run_group_tests_name("store_list", tests, group_setup, group_teardown);
}

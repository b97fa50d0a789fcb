/* the intermediary's ids, deliveries, cards, mailboxes and retention */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "gateway/store_osci.h"
#include "helper_store.h"

enum { ARENA_MAX = 8 << 20 };

#define STORE_TEST(fn)                                                                             \
    cmocka_unit_test_setup_teardown(fn, helper_store_setup, helper_store_teardown)

#define READING(h)                                                                                 \
    AUTO(gw_read_end) struct gw_tx *tx = NULL;                                                     \
    AUTO(arena_deinit) struct arena arena = {0};                                                   \
    struct error err = {0};                                                                        \
    arena_init(&arena, ARENA_MAX);                                                                 \
    assert_int_equal(gw_store_read((h)->store, &tx, &err), ST_OK)

/* A certificate's hash: 32 times the letter; 0 is none. */
static void hash_of(char letter, uint8_t hash[GW_SHA256_BYTES])
{
    memset(hash, letter, GW_SHA256_BYTES);
}

static enum status issue(struct helper_store *h, const char *osci_id, char client, int64_t at)
{
    struct gw_osci_id_row row = {.osci_message_id = osci_id, .issued_at = HELPER_NOW_MS + at};
    struct error err = {0};

    hash_of(client, row.client);
    return gw_store_commit_osci_id(h->store, &row, &err);
}

/* A delivery from originator to mailbox with one content file, as the server would keep it. */
static enum status deliver(struct helper_store *h, const char *osci_id, char originator,
                           char signature, char mailbox, int64_t at)
{
    AUTO(gw_stage_drop) struct gw_stage *stage = NULL;
    char id[GW_ID_SIZE];
    struct gw_delivery_row row = {.id = id,
                                  .osci_message_id = osci_id,
                                  .kind = GW_DELIVERY_STORE,
                                  .subject = osci_id,
                                  .creation = HELPER_NOW_MS + at,
                                  .size_bytes = 7,
                                  .parts = SPAN("pa\0rts"),
                                  .inspections = SPAN("<i/>")};
    const struct gw_file_row *files;
    struct error err = {0};
    enum status st;
    size_t count;

    helper_id(at, id);
    hash_of(mailbox, row.mailbox);
    hash_of(originator, row.originator_cipher);
    hash_of(signature, row.originator_signature);
    assert_int_equal(gw_stage_new(h->store, id, &stage, &err), ST_OK);
    assert_int_equal(gw_stage_add_bytes(stage, GW_FILE_RECEIVED, NULL, "text/xml", "body",
                                        SPAN("content"), &err),
                     ST_OK);
    assert_int_equal(gw_stage_publish(stage, &err), ST_OK);
    files = gw_stage_files(stage, &count);
    st = gw_store_commit_delivery(h->store, &row, files, count, &err);
    if (st == ST_OK)
        gw_stage_done(stage);
    else
        assert_int_equal(err.reason, 9801);
    return st;
}

static void put(struct helper_store *h, const char *osci_id, char originator, char signature,
                char mailbox, int64_t at)
{
    assert_int_equal(issue(h, osci_id, originator, at), ST_OK);
    assert_int_equal(deliver(h, osci_id, originator, signature, mailbox, at), ST_OK);
}

static void an_id_counts_once(void **state)
{
    struct helper_store *h = *state;
    struct gw_osci_id_row row;
    uint8_t client[GW_SHA256_BYTES];
    uint64_t open_count;

    assert_int_equal(issue(h, "one", 'A', 0), ST_OK);
    assert_int_equal(issue(h, "two", 'A', 1), ST_OK);
    assert_int_equal(issue(h, "one", 'B', 2), ST_DUPLICATE);
    assert_int_equal(deliver(h, "never", 'A', 0, 'M', 3), ST_NOT_FOUND);
    assert_int_equal(deliver(h, "one", 'A', 0, 'M', 4), ST_OK);
    assert_int_equal(deliver(h, "one", 'A', 0, 'M', 5), ST_DUPLICATE);
    assert_int_equal(helper_file_count(h, "payload"), 1); /* the refused ones left nothing */
    helper_store_reopen(h);
    assert_int_equal(deliver(h, "one", 'A', 0, 'M', 6), ST_DUPLICATE);
    READING(h);
    assert_int_equal(gw_store_osci_id(tx, &arena, NULL, "one", &row, &err), ST_OK);
    assert_int_equal(row.used_at, HELPER_NOW_MS + 4);
    assert_int_equal(row.issued_at, HELPER_NOW_MS);
    hash_of('A', client);
    assert_memory_equal(row.client, client, sizeof client);
    assert_int_equal(gw_store_osci_id(tx, &arena, NULL, "two", &row, &err), ST_OK);
    assert_int_equal(row.used_at, 0);
    assert_int_equal(gw_store_osci_id(tx, &arena, "another", "two", &row, &err), ST_NOT_FOUND);
    assert_int_equal(gw_store_osci_id(tx, &arena, NULL, "never", &row, &err), ST_NOT_FOUND);
    assert_int_equal(gw_store_osci_ids_open(tx, client, &open_count, &err), ST_OK);
    assert_int_equal(open_count, 1);
    assert_int_equal(gw_store_osci_ids_open(tx, NULL, &open_count, &err), ST_OK);
    assert_int_equal(open_count, 1);
}

static void the_next_delivery(void **state)
{
    struct helper_store *h = *state;
    struct gw_delivery_select select = {.since = 0};
    struct gw_delivery_row row;
    struct gw_file_list files;
    struct error e = {0};
    uint64_t waiting;

    put(h, "m2", 'A', 'S', 'M', 200);
    put(h, "m1", 'A', 'S', 'M', 100);
    put(h, "m3", 'B', 0, 'M', 300);
    put(h, "n1", 'A', 'S', 'N', 50);
    hash_of('M', select.mailbox);
    {
        READING(h);
        assert_int_equal(gw_store_delivery_select(tx, &arena, &select, &row, &waiting, &err),
                         ST_OK);
        assert_string_equal(row.osci_message_id, "m1"); /* the oldest creation, not the first in */
        assert_int_equal(waiting, 2);
        assert_true(span_eq(row.parts, SPAN("pa\0rts")));
        assert_true(span_is(row.inspections, "<i/>"));
        assert_string_equal(row.subject, "m1");
        assert_int_equal(row.creation, HELPER_NOW_MS + 100);
        assert_int_equal(row.recent_modification, row.creation);
        assert_int_equal(row.forwarding, 0);
        assert_true(row.content);
        assert_int_equal(gw_store_files(tx, &arena, row.id, &files, &err), ST_OK);
        assert_int_equal(files.count, 1);
        assert_string_equal(files.rows[0].ref, "body");
        assert_int_equal(gw_payload_verify(h->store, &files.rows[0], &err), ST_OK);

        select.skip_id = row.id; /* handed out, reception not proven yet */
        assert_int_equal(gw_store_delivery_select(tx, &arena, &select, &row, &waiting, &err),
                         ST_OK);
        assert_string_equal(row.osci_message_id, "m2");
        assert_int_equal(waiting, 1);
        select.skip_id = NULL;

        select.since = HELPER_NOW_MS + 300;
        assert_int_equal(gw_store_delivery_select(tx, &arena, &select, &row, &waiting, &err),
                         ST_OK);
        assert_string_equal(row.osci_message_id, "m3");
        assert_int_equal(waiting, 0);
        select.since = 0;

        select.osci_message_id = "n1"; /* another's mailbox: not there */
        assert_int_equal(gw_store_delivery_select(tx, &arena, &select, &row, NULL, &err),
                         ST_NOT_FOUND);
        assert_int_equal(err.reason, 9803);
        select.osci_message_id = NULL;
    }
    assert_int_equal(gw_store_commit_forwarded(h->store, "m1", HELPER_NOW_MS + 1000, &e), ST_OK);
    assert_int_equal(gw_store_commit_forwarded(h->store, "m1", HELPER_NOW_MS + 2000, &e), ST_OK);
    assert_int_equal(gw_store_commit_received(h->store, "m1", HELPER_NOW_MS + 3000, &e), ST_OK);
    assert_int_equal(gw_store_commit_received(h->store, "m1", HELPER_NOW_MS + 4000, &e),
                     ST_DUPLICATE);
    assert_int_equal(gw_store_commit_received(h->store, "no", 1, &e), ST_NOT_FOUND);
    assert_int_equal(gw_store_commit_forwarded(h->store, "no", 1, &e), ST_NOT_FOUND);
    {
        READING(h);
        assert_int_equal(gw_store_delivery_select(tx, &arena, &select, &row, &waiting, &err),
                         ST_OK);
        assert_string_equal(row.osci_message_id, "m2");
        assert_int_equal(waiting, 1);
        select.osci_message_id = "m1"; /* by id also when received */
        assert_int_equal(gw_store_delivery_select(tx, &arena, &select, &row, NULL, &err), ST_OK);
        assert_int_equal(row.forwarding, HELPER_NOW_MS + 2000);
        assert_int_equal(row.reception, HELPER_NOW_MS + 3000);
        assert_int_equal(row.recent_modification, HELPER_NOW_MS + 3000);
        assert_int_equal(gw_store_delivery(tx, &arena, "m3", &row, &err), ST_OK);
        assert_int_equal(gw_store_delivery(tx, &arena, "no", &row, &err), ST_NOT_FOUND);
    }
}

/*
 * Cards, from to (creation, forwarding if any, reception if any):
 * 1 A->M 100 R1000   2 A->N 200   3 B->M 300   4 M->A 400 F900   5 B->N 500   6 (S signs)->N 600
 */
static int cards_setup(void **state)
{
    struct helper_store *h;
    struct error err = {0};

    helper_store_setup(state);
    h = *state;
    put(h, "1", 'A', 0, 'M', 100);
    put(h, "2", 'A', 0, 'N', 200);
    put(h, "3", 'B', 0, 'M', 300);
    put(h, "4", 'M', 0, 'A', 400);
    put(h, "5", 'B', 0, 'N', 500);
    put(h, "6", 0, 'S', 'N', 600);
    assert_int_equal(gw_store_commit_received(h->store, "1", HELPER_NOW_MS + 1000, &err), ST_OK);
    assert_int_equal(gw_store_commit_forwarded(h->store, "4", HELPER_NOW_MS + 900, &err), ST_OK);
    return 0;
}

static const char *const ids_1_5_x[] = {"5", "x", "1"};

static struct card_row {
    const char *name;
    char cipher, signature;
    struct gw_card_select select;
    int64_t since;
    const char *ids; /* one letter each, in order */
    bool more;
} card_rows[] = {
    {"no rule: all visible, by creation", 'A', 0, {.by = GW_CARD_ALL}, 0, "124", false},
    {"no rule: another client", 'N', 0, {.by = GW_CARD_ALL}, 0, "256", false},
    {"no rule: a stranger", 'Z', 0, {.by = GW_CARD_ALL}, 0, "", false},
    {"no rule: no certificate sees nothing", 0, 0, {.by = GW_CARD_ALL}, 0, "", false},
    {"no rule: limited", 'A', 0, {.by = GW_CARD_ALL, .limit = 2}, 0, "12", true},
    {"no rule: exactly the limit", 'A', 0, {.by = GW_CARD_ALL, .limit = 3}, 0, "124", false},
    {"signer sees his own", 'Z', 'S', {.by = GW_CARD_ALL}, 0, "6", false},
    {"ids: visible ones of them",
     'A',
     0,
     {.by = GW_CARD_IDS, .ids = ids_1_5_x, .id_count = 3},
     0,
     "1",
     false},
    {"ids: none given", 'A', 0, {.by = GW_CARD_IDS}, 0, "", false},
    {"ids: role and reception have no effect",
     'A',
     0,
     {.by = GW_CARD_IDS,
      .ids = ids_1_5_x,
      .id_count = 3,
      .role = GW_CARD_ADDRESSEE,
      .no_reception = true},
     0,
     "1",
     false},
    {"creation: at or after", 'A', 0, {.by = GW_CARD_CREATION}, 200, "24", false},
    {"creation: addressee",
     'A',
     0,
     {.by = GW_CARD_CREATION, .role = GW_CARD_ADDRESSEE},
     0,
     "4",
     false},
    {"creation: originator",
     'A',
     0,
     {.by = GW_CARD_CREATION, .role = GW_CARD_ORIGINATOR},
     0,
     "12",
     false},
    {"creation: without reception",
     'A',
     0,
     {.by = GW_CARD_CREATION, .no_reception = true},
     0,
     "24",
     false},
    {"modification: in order of change", 'A', 0, {.by = GW_CARD_MODIFICATION}, 0, "241", false},
    {"modification: at or after", 'A', 0, {.by = GW_CARD_MODIFICATION}, 900, "41", false},
    {"modification: limited", 'A', 0, {.by = GW_CARD_MODIFICATION, .limit = 1}, 0, "2", true},
    {"modification: originator without reception",
     'A',
     0,
     {.by = GW_CARD_MODIFICATION, .role = GW_CARD_ORIGINATOR, .no_reception = true},
     0,
     "2",
     false},
};

static struct helper_store *cards_store;

static void card_row(void **state)
{
    struct card_row *row = *state;
    struct gw_card_select select = row->select;
    struct gw_delivery_list list;
    READING(cards_store);

    hash_of(row->cipher, select.cipher);
    hash_of(row->signature, select.signature);
    select.since = row->since == 0 ? 0 : HELPER_NOW_MS + row->since;
    if (gw_store_cards(tx, &arena, &select, &list, &err) != ST_OK)
        fail_msg("%s", err.text);
    assert_int_equal(list.count, strlen(row->ids));
    for (size_t i = 0; i < list.count; i++)
        assert_int_equal(list.rows[i].osci_message_id[0], row->ids[i]);
    assert_int_equal(list.more, row->more);
}

static void mailboxes(void **state)
{
    struct gw_mailbox_list list;
    READING(cards_store);

    (void)state;
    assert_int_equal(gw_store_mailboxes(tx, &arena, &list, &err), ST_OK);
    assert_int_equal(list.count, 3); /* A, M, N */
    assert_int_equal(list.rows[1].mailbox[0], 'M');
    assert_int_equal(list.rows[1].waiting, 1);
    assert_int_equal(list.rows[1].waiting_bytes, 7);
    assert_int_equal(list.rows[1].total, 2);
    assert_int_equal(list.rows[1].bytes, 14);
    assert_int_equal(list.rows[1].cards, 2);
    assert_true(list.rows[1].last_fetched > 0);
    assert_int_equal(list.rows[2].last_fetched, 0);
    assert_int_equal(list.rows[1].oldest_waiting, HELPER_NOW_MS + 300);
    assert_int_equal(list.rows[1].newest, HELPER_NOW_MS + 300);
    assert_int_equal(list.rows[2].waiting, 3);
    assert_int_equal(list.rows[2].oldest_waiting, HELPER_NOW_MS + 200);
}

struct retain_args {
    struct gw_retention retention;
    int64_t now;
    struct gw_retention_done done;
};

static enum status retain(struct gw_tx *tx, void *ctx, struct error *err)
{
    struct retain_args *a = ctx;

    return gw_store_retain(tx, &a->retention, a->now, &a->done, err);
}

static void retention(void **state)
{
    struct helper_store *h = *state;
    struct retain_args args = {
        .retention = {.undelivered = 5000, .delivered = 1000, .card = 9000, .unused_id = 3000}};
    struct gw_delivery_select select = {.osci_message_id = "1"};
    struct gw_delivery_row row;
    struct error e = {0};

    put(h, "1", 'A', 0, 'M', 100);
    put(h, "2", 'A', 0, 'M', 200);
    assert_int_equal(issue(h, "unused", 'A', 0), ST_OK);
    assert_int_equal(gw_store_commit_received(h->store, "1", HELPER_NOW_MS + 1000, &e), ST_OK);
    hash_of('M', select.mailbox);

    args.now = HELPER_NOW_MS + 2000; /* exactly the age is not older */
    assert_int_equal(gw_store_commit(h->store, retain, &args, &e), ST_OK);
    assert_int_equal(args.done.delivered + args.done.undelivered + args.done.ids, 0);

    args.now = HELPER_NOW_MS + 3001;
    assert_int_equal(gw_store_commit(h->store, retain, &args, &e), ST_OK);
    assert_int_equal(args.done.delivered, 1);
    assert_int_equal(args.done.undelivered, 0);
    assert_int_equal(args.done.ids, 1);
    assert_int_equal(helper_file_count(h, "payload"), 1);
    assert_int_equal(deliver(h, "unused", 'A', 0, 'M', 0), ST_NOT_FOUND);
    {
        READING(h);
        assert_int_equal(gw_store_delivery_select(tx, &arena, &select, &row, NULL, &err),
                         ST_NOT_FOUND);
        assert_int_equal(gw_store_delivery(tx, &arena, "1", &row, &err), ST_OK);
        assert_false(row.content);
        assert_int_equal(row.parts.len, 0);
        assert_true(span_is(row.inspections, "<i/>")); /* the card is whole */
    }
    args.now = HELPER_NOW_MS + 10001;
    assert_int_equal(gw_store_commit(h->store, retain, &args, &e), ST_OK);
    assert_int_equal(args.done.undelivered, 1);
    assert_int_equal(args.done.cards, 2); /* both lie without content by now */
    assert_int_equal(helper_file_count(h, "payload"), 0);
    assert_int_equal(deliver(h, "1", 'A', 0, 'M', 0), ST_NOT_FOUND);
    args.retention = (struct gw_retention){.undelivered = 0}; /* keep for ever */
    put(h, "3", 'A', 0, 'M', 300);
    args.now = HELPER_NOW_MS * 2;
    assert_int_equal(gw_store_commit(h->store, retain, &args, &e), ST_OK);
    assert_int_equal(helper_file_count(h, "payload"), 1);
}

static int group_setup(void **state)
{
    cards_setup(state);
    cards_store = *state;
    *state = NULL; /* cmocka would hand it to the rows in place of their own */
    return 0;
}

static int group_teardown(void **state)
{
    *state = cards_store;
    return helper_store_teardown(state);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(card_rows) + 4] = {
        STORE_TEST(an_id_counts_once),
        STORE_TEST(the_next_delivery),
        STORE_TEST(retention),
        cmocka_unit_test(mailboxes),
    };

    for (size_t i = 0; i < ARRAY_LEN(card_rows); i++)
        tests[4 + i] = (struct CMUnitTest){card_rows[i].name, card_row, NULL, NULL, &card_rows[i]};
    return cmocka_run_group_tests_name("store_osci", tests, group_setup, group_teardown);
}

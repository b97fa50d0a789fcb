/* messages, files, events and small facts: what goes in comes out, and rules hold */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "helper_store.h"

enum { ARENA_MAX = 8 << 20 };

#define STORE_TEST(fn)                                                                             \
    cmocka_unit_test_setup_teardown(fn, helper_store_setup, helper_store_teardown)

/* Reading: a transaction and an arena that end with the block. */
#define READING(h)                                                                                 \
    AUTO(gw_read_end) struct gw_tx *tx = NULL;                                                     \
    AUTO(arena_deinit) struct arena arena = {0};                                                   \
    struct error err = {0};                                                                        \
    arena_init(&arena, ARENA_MAX);                                                                 \
    assert_int_equal(gw_store_read((h)->store, &tx, &err), ST_OK)

static void a_row_comes_back_whole(void **state)
{
    struct helper_store *h = *state;
    char id[GW_ID_SIZE];
    struct gw_message_row row = {
        .id = id,
        .tenant = "stadt",
        .endpoint = "gewerbe",
        .box = GW_OUTBOX,
        .peer = "vermittler",
        .recipient = "Landratsamt Müllheim",
        .sender = "Stadt A",
        .message_type = "xgewerbe",
        .subject = "Anmeldung <&>'\"",
        .priority = 3,
        .osci_message_id = "AAECAw==",
        .correlation = "c",
        .client_key = "k",
        .source_name = "Ä ö.xml",
        .size_bytes = UINT64_C(1) << 33,
        .created_at = HELPER_NOW_MS,
        .deliver_after = HELPER_NOW_MS + 5000,
        .expires_at = HELPER_NOW_MS + 9000,
        .creation = {"2023-11-14T23:13:20+01:00", HELPER_NOW_MS},
        .inspections = "[]",
    };
    const struct gw_cause cause = {.now = HELPER_NOW_MS + 1, .actor = "spool"};
    struct gw_message_row got;

    helper_id(0, id);
    {
        struct error err = {0};
        assert_int_equal(gw_store_commit_message(h->store, &row, NULL, 0, &cause, NULL, &err),
                         ST_OK);
    }
    READING(h);
    assert_int_equal(gw_store_message(tx, &arena, id, &got, &err), ST_OK);
    assert_string_equal(got.id, id);
    assert_string_equal(got.tenant, row.tenant);
    assert_string_equal(got.endpoint, row.endpoint);
    assert_int_equal(got.box, GW_OUTBOX);
    assert_int_equal(got.state, GW_ACCEPTED);
    assert_string_equal(got.peer, row.peer);
    assert_string_equal(got.recipient, row.recipient);
    assert_string_equal(got.sender, row.sender);
    assert_string_equal(got.message_type, row.message_type);
    assert_string_equal(got.subject, row.subject);
    assert_int_equal(got.priority, 3);
    assert_string_equal(got.osci_message_id, row.osci_message_id);
    assert_string_equal(got.correlation, "c");
    assert_string_equal(got.client_key, "k");
    assert_string_equal(got.source_name, row.source_name);
    assert_true(got.size_bytes == row.size_bytes);
    assert_int_equal(got.created_at, row.created_at);
    assert_int_equal(got.changed_at, cause.now);
    assert_int_equal(got.deliver_after, row.deliver_after);
    assert_int_equal(got.expires_at, row.expires_at);
    assert_int_equal(got.next_attempt_at, row.deliver_after);
    assert_int_equal(got.attempts, 0);
    assert_null(got.last_error_en);
    assert_string_equal(got.creation.text, row.creation.text);
    assert_int_equal(got.creation.ms, row.creation.ms);
    assert_null(got.forwarding.text);
    assert_string_equal(got.inspections, "[]");
    assert_int_equal(gw_store_message(tx, &arena, "nobody", &got, &err), ST_NOT_FOUND);
    assert_int_equal(gw_store_message_by_key(tx, &arena, "stadt", "gewerbe", "k", &got, &err),
                     ST_OK);
    assert_string_equal(got.id, id);
    assert_int_equal(gw_store_message_by_key(tx, &arena, "stadt", "x", "k", &got, &err),
                     ST_NOT_FOUND);
    assert_int_equal(gw_store_message_by_osci_id(tx, &arena, GW_OUTBOX, "stadt", "vermittler",
                                                 "AAECAw==", &got, &err),
                     ST_OK);
    assert_string_equal(got.id, id);
    assert_int_equal(gw_store_message_by_osci_id(tx, &arena, GW_INBOX, "stadt", "vermittler",
                                                 "AAECAw==", &got, &err),
                     ST_NOT_FOUND);
}

/* What makes two messages the same. first, then second; NULL fields stay NULL. */
static struct twin_row {
    const char *name;
    struct gw_message_row first, second;
    enum status st;
} twin_rows[] = {
    {"inbound: same MessageId from the same peer",
     {.box = GW_INBOX, .tenant = "a", .peer = "p", .osci_message_id = "x"},
     {.box = GW_INBOX, .tenant = "a", .peer = "p", .osci_message_id = "x"},
     ST_DUPLICATE},
    {"inbound: same MessageId from another peer",
     {.box = GW_INBOX, .tenant = "a", .peer = "p", .osci_message_id = "x"},
     {.box = GW_INBOX, .tenant = "a", .peer = "q", .osci_message_id = "x"},
     ST_OK},
    {"inbound: same MessageId for another tenant",
     {.box = GW_INBOX, .tenant = "a", .peer = "p", .osci_message_id = "x"},
     {.box = GW_INBOX, .tenant = "b", .peer = "p", .osci_message_id = "x"},
     ST_OK},
    {"MessageIds differ in case alone",
     {.box = GW_INBOX, .tenant = "a", .peer = "p", .osci_message_id = "x"},
     {.box = GW_INBOX, .tenant = "a", .peer = "p", .osci_message_id = "X"},
     ST_OK},
    {"to myself: one in each box",
     {.box = GW_OUTBOX, .tenant = "a", .peer = "p", .osci_message_id = "x"},
     {.box = GW_INBOX, .tenant = "a", .peer = "p", .osci_message_id = "x"},
     ST_OK},
    {"without peer and tenant",
     {.box = GW_INBOX, .osci_message_id = "x"},
     {.box = GW_INBOX, .osci_message_id = "x"},
     ST_DUPLICATE},
    {"no ids at all", {.box = GW_OUTBOX}, {.box = GW_OUTBOX}, ST_OK},
    {"same client key",
     {.box = GW_OUTBOX, .tenant = "a", .endpoint = "e", .client_key = "k"},
     {.box = GW_OUTBOX, .tenant = "a", .endpoint = "e", .client_key = "k"},
     ST_DUPLICATE},
    {"same client key, another endpoint",
     {.box = GW_OUTBOX, .tenant = "a", .endpoint = "e", .client_key = "k"},
     {.box = GW_OUTBOX, .tenant = "a", .endpoint = "f", .client_key = "k"},
     ST_OK},
};

static void twin_row(void **state)
{
    struct twin_row *row = *state;
    struct helper_store h = {.store = NULL};
    const struct gw_cause cause = {.now = HELPER_NOW_MS};
    char first[GW_ID_SIZE], second[GW_ID_SIZE], existing[GW_ID_SIZE] = "";
    struct error e = {0};

    helper_dir_make(h.dir);
    helper_store_open(&h, false);
    helper_id(0, first);
    helper_id(1, second);
    row->first.id = first;
    row->second.id = second;
    assert_int_equal(gw_store_commit_message(h.store, &row->first, NULL, 0, &cause, existing, &e),
                     ST_OK);
    assert_int_equal(gw_store_commit_message(h.store, &row->second, NULL, 0, &cause, existing, &e),
                     row->st);
    if (row->st == ST_DUPLICATE)
        assert_string_equal(existing, first);
    else
        assert_string_equal(existing, "");
    {
        READING(&h);
        struct gw_counts counts;
        const enum gw_state s = row->first.box == GW_OUTBOX ? GW_ACCEPTED : GW_RECEIVED;
        const size_t in_first_box = row->first.box == row->second.box && row->st == ST_OK ? 2 : 1;

        assert_int_equal(gw_store_counts(tx, NULL, NULL, &counts, &err), ST_OK);
        assert_int_equal(counts.messages[row->first.box][s], in_first_box);
    }
    helper_store_close(&h);
    helper_dir_remove(h.dir);
}

static void a_life_out(void **state)
{
    struct helper_store *h = *state;
    char id[GW_ID_SIZE];
    struct error e = {0};
    struct gw_move move = {.id = id,
                           .event = GW_EV_DEFER,
                           .attempted = true,
                           .next_attempt_at = HELPER_NOW_MS + 60000,
                           .cause = {.now = HELPER_NOW_MS + 10,
                                     .actor = "outbound",
                                     .reason = 9808,
                                     .en = "no answer",
                                     .de = "keine Antwort",
                                     .detail = "{\"a\":1}"}};
    enum gw_state now_in = GW_NEW;

    helper_message_add(h, GW_OUTBOX, "p", "x", 0, id);
    assert_int_equal(gw_store_commit_move(h->store, &move, &now_in, &e), ST_OK);
    assert_int_equal(now_in, GW_DEFERRED);
    {
        AUTO(arena_deinit) struct arena arena = {0};
        struct gw_message_row row;

        arena_init(&arena, ARENA_MAX);
        row = helper_message(h, &arena, id);
        assert_int_equal(row.attempts, 1);
        assert_int_equal(row.next_attempt_at, move.next_attempt_at);
        assert_int_equal(row.last_reason, 9808);
        assert_string_equal(row.last_error_de, "keine Antwort");
    }
    move = (struct gw_move){.id = id,
                            .event = GW_EV_SEAL,
                            .osci_message_id = "id==",
                            .cause = {.now = HELPER_NOW_MS + 20}};
    assert_int_equal(gw_store_commit_move(h->store, &move, &now_in, &e), ST_OK);
    helper_move(h, id, GW_EV_SUBMIT, 30);
    move = (struct gw_move){
        .id = id,
        .event = GW_EV_FORWARD,
        .forwarding = {"2023-11-14T23:13:21+01:00", HELPER_NOW_MS + 1000},
        .inspections = "[1]",
        .cause = {.now = HELPER_NOW_MS + 40},
    };
    assert_int_equal(gw_store_commit_move(h->store, &move, &now_in, &e), ST_OK);
    helper_move(h, id, GW_EV_DELIVER, 50);
    /* no way back, and nothing written for the attempt */
    move = (struct gw_move){.id = id, .event = GW_EV_SEAL, .cause = {.now = HELPER_NOW_MS}};
    assert_int_equal(gw_store_commit_move(h->store, &move, &now_in, &e), ST_DENIED);
    move.id = "nobody";
    assert_int_equal(gw_store_commit_move(h->store, &move, &now_in, &e), ST_NOT_FOUND);
    {
        static const char *const kinds[] = {"accept", "defer",   "seal",
                                            "submit", "forward", "deliver"};
        struct gw_message_row row;
        struct gw_event_list events;
        READING(h);

        row = helper_message(h, &arena, id);
        assert_int_equal(row.state, GW_DELIVERED);
        assert_int_equal(row.changed_at, HELPER_NOW_MS + 50);
        assert_int_equal(row.last_reason, 0);
        assert_null(row.last_error_en);
        assert_string_equal(row.osci_message_id, "id==");
        assert_int_equal(row.forwarding.ms, HELPER_NOW_MS + 1000);
        assert_string_equal(row.inspections, "[1]");
        assert_string_equal(row.subject, "x");
        assert_int_equal(gw_store_events(tx, &arena, 0, id, NULL, NULL, 0, &events, &err), ST_OK);
        assert_int_equal(events.count, ARRAY_LEN(kinds));
        for (size_t i = 0; i < events.count; i++)
            assert_string_equal(events.rows[i].kind, kinds[i]);
        assert_int_equal(events.rows[0].from, GW_NEW);
        assert_int_equal(events.rows[0].to, GW_ACCEPTED);
        assert_int_equal(events.rows[1].from, GW_ACCEPTED);
        assert_int_equal(events.rows[1].to, GW_DEFERRED);
        assert_int_equal(events.rows[1].reason, 9808);
        assert_string_equal(events.rows[1].actor, "outbound");
        assert_string_equal(events.rows[1].de, "keine Antwort");
        assert_string_equal(events.rows[1].detail, "{\"a\":1}");
        assert_string_equal(events.rows[1].tenant, "stadt");
        assert_int_equal(events.rows[1].box, GW_OUTBOX);
        assert_int_equal(events.rows[1].at, HELPER_NOW_MS + 10);
    }
}

static void retry_starts_anew(void **state)
{
    struct helper_store *h = *state;
    AUTO(arena_deinit) struct arena arena = {0};
    struct gw_message_row row;
    char id[GW_ID_SIZE];
    struct error err = {0};
    struct gw_move move = {.id = id,
                           .event = GW_EV_NOTE,
                           .attempted = true,
                           .expires_at = HELPER_NOW_MS + 5,
                           .cause = {.now = HELPER_NOW_MS + 1}};

    arena_init(&arena, ARENA_MAX);
    helper_message_add(h, GW_OUTBOX, "p", "x", 0, id);
    assert_int_equal(gw_store_commit_move(h->store, &move, NULL, &err), ST_OK);
    helper_move(h, id, GW_EV_EXPIRE, 10);
    row = helper_message(h, &arena, id);
    assert_int_equal(row.attempts, 1);
    assert_string_equal(row.last_error_en, "why");
    helper_move(h, id, GW_EV_RETRY, 20);
    row = helper_message(h, &arena, id);
    assert_int_equal(row.state, GW_DEFERRED);
    assert_int_equal(row.attempts, 0);
    assert_int_equal(row.next_attempt_at, HELPER_NOW_MS + 20);
    assert_int_equal(row.expires_at, 0);
    assert_string_equal(row.last_error_en, "why"); /* still worth reading */
}

static void a_note_keeps_the_due_time(void **state)
{
    struct helper_store *h = *state;
    AUTO(arena_deinit) struct arena arena = {0};
    struct gw_message_row row;
    char id[GW_ID_SIZE];
    const struct gw_cause cause = {.now = HELPER_NOW_MS};
    const struct gw_message_row later = {
        .id = id, .box = GW_OUTBOX, .deliver_after = HELPER_NOW_MS + 1000};
    struct error err = {0};

    arena_init(&arena, ARENA_MAX);
    helper_id(0, id);
    assert_int_equal(gw_store_commit_message(h->store, &later, NULL, 0, &cause, NULL, &err), ST_OK);
    helper_move(h, id, GW_EV_NOTE, 1);
    helper_move(h, id, GW_EV_SEAL, 2);
    row = helper_message(h, &arena, id);
    assert_int_equal(row.next_attempt_at, HELPER_NOW_MS + 1000);
}

static void a_taken_message_id_is_refused(void **state)
{
    struct helper_store *h = *state;
    AUTO(arena_deinit) struct arena arena = {0};
    char a[GW_ID_SIZE], b[GW_ID_SIZE];
    struct gw_move move = {
        .event = GW_EV_SEAL, .osci_message_id = "same", .cause = {.now = HELPER_NOW_MS}};
    struct error err = {0};

    arena_init(&arena, ARENA_MAX);
    helper_message_add(h, GW_OUTBOX, "p", "a", 0, a);
    helper_message_add(h, GW_OUTBOX, "p", "b", 1, b);
    move.id = a;
    assert_int_equal(gw_store_commit_move(h->store, &move, NULL, &err), ST_OK);
    move.id = b;
    assert_int_equal(gw_store_commit_move(h->store, &move, NULL, &err), ST_DUPLICATE);
    assert_int_equal(helper_message(h, &arena, b).state, GW_ACCEPTED);
}

/* An id that the intermediary no longer knows is taken off again, from any number of messages. */
static void a_message_id_is_cleared(void **state)
{
    struct helper_store *h = *state;

    for (int i = 0; i < 2; i++) {
        AUTO(arena_deinit) struct arena arena = {0};
        struct error e = {0};
        char id[GW_ID_SIZE];
        struct gw_move move = {.id = id,
                               .event = GW_EV_NOTE,
                               .osci_message_id = i == 0 ? "first=" : "second=",
                               .cause = {.now = HELPER_NOW_MS + 1}};

        arena_init(&arena, ARENA_MAX);
        helper_message_add(h, GW_OUTBOX, "p", "x", i, id);
        assert_int_equal(gw_store_commit_move(h->store, &move, NULL, &e), ST_OK);
        assert_non_null(helper_message(h, &arena, id).osci_message_id);
        move.osci_message_id = "";
        assert_int_equal(gw_store_commit_move(h->store, &move, NULL, &e), ST_OK);
        assert_null(helper_message(h, &arena, id).osci_message_id);
    }
}

static void files_of_a_message(void **state)
{
    struct helper_store *h = *state;
    char id[GW_ID_SIZE];
    struct gw_file_list files;

    helper_message_add(h, GW_OUTBOX, "p", "der Inhalt", 0, id);
    {
        AUTO(gw_stage_drop) struct gw_stage *stage = NULL;
        AUTO(gw_file_source_deinit) struct gw_file_source source = {.fd = -1};
        AUTO(buf_deinit) struct buf b = {0};
        struct error err = {0};
        struct gw_move move = {.id = id, .event = GW_EV_SEAL, .cause = {.now = HELPER_NOW_MS}};

        /* sealed content later, into the folder that is there */
        buf_init(&b, 100);
        assert_int_equal(gw_stage_new(h->store, id, &stage, &err), ST_OK);
        assert_int_equal(
            gw_stage_add_bytes(stage, GW_FILE_SEALED, NULL, NULL, NULL, SPAN("discarded"), &err),
            ST_OK);
        assert_int_equal(
            gw_stage_add_bytes(stage, GW_FILE_SEALED, NULL, NULL, NULL, SPAN("sealed"), &err),
            ST_OK);
        assert_int_equal(gw_stage_discard(stage, 0, &err), ST_OK);
        assert_int_equal(gw_stage_add_bytes(stage, GW_FILE_ATTACHMENT, "ä b.bin", "x/y", "cid:1",
                                            SPAN("attached"), &err),
                         ST_OK);
        assert_int_equal(gw_stage_source(stage, 1, &source, &err), ST_OK);
        assert_int_equal(source_read_all(&source.base, &b, &err), ST_OK);
        assert_true(span_is(buf_span(&b), "attached"));
        gw_file_source_deinit(&source);
        assert_int_equal(gw_stage_publish(stage, &err), ST_OK);
        assert_int_equal(gw_stage_source(stage, 0, &source, &err), ST_OK);
        assert_int_equal(source.base.len, 6);
        move.files = gw_stage_files(stage, &move.file_count);
        assert_int_equal(move.file_count, 2);
        assert_int_equal(gw_store_commit_move(h->store, &move, NULL, &err), ST_OK);
        gw_stage_done(stage);
    }
    READING(h);
    assert_int_equal(gw_store_files(tx, &arena, id, &files, &err), ST_OK);
    assert_int_equal(files.count, 3);
    assert_int_equal(files.rows[0].n, 1);
    assert_int_equal(files.rows[0].kind, GW_FILE_PAYLOAD);
    assert_string_equal(files.rows[0].name, "brief.txt");
    assert_string_equal(files.rows[0].content_type, "text/plain");
    assert_int_equal(files.rows[0].len, 10);
    assert_int_equal(files.rows[1].kind, GW_FILE_SEALED);
    assert_null(files.rows[1].name);
    assert_int_equal(files.rows[2].n, 3);
    assert_string_equal(files.rows[2].name, "ä b.bin");
    assert_string_equal(files.rows[2].ref, "cid:1");
    for (size_t i = 0; i < files.count; i++)
        assert_int_equal(gw_payload_verify(h->store, &files.rows[i], &err), ST_OK);
    assert_int_equal(helper_file_count(h, "payload"), 3);
    assert_int_equal(helper_file_count(h, "tmp"), 0);
    assert_int_equal(gw_store_files(tx, &arena, "nobody", &files, &err), ST_OK);
    assert_int_equal(files.count, 0);
}

static void a_dropped_stage_leaves_nothing(void **state)
{
    struct helper_store *h = *state;
    char id[GW_ID_SIZE], known[GW_ID_SIZE];
    struct error err = {0};

    helper_id(0, id);
    helper_message_add(h, GW_OUTBOX, "p", "stays", 0, known);
    for (int published = 0; published < 2; published++) {
        const char *const owners[] = {id, known};

        for (size_t i = 0; i < ARRAY_LEN(owners); i++) {
            AUTO(gw_stage_drop) struct gw_stage *stage = NULL;
            struct sink *sink;

            assert_int_equal(gw_stage_new(h->store, owners[i], &stage, &err), ST_OK);
            assert_int_equal(
                gw_stage_add_bytes(stage, GW_FILE_PAYLOAD, "a", NULL, NULL, SPAN("a"), &err),
                ST_OK);
            if (published)
                assert_int_equal(gw_stage_publish(stage, &err), ST_OK);
            else /* in the middle of a file */
                assert_int_equal(gw_stage_add(stage, GW_FILE_PAYLOAD, "b", NULL, NULL, &sink, &err),
                                 ST_OK);
        }
    }
    assert_int_equal(helper_file_count(h, "tmp"), 0);
    assert_int_equal(helper_file_count(h, "payload"), 1);
    helper_store_reopen(h);
    assert_int_equal(
        h->report.temp_removed + h->report.files_removed + h->report.aside + h->report.missing, 0);
}

static enum status sealed_remove(struct gw_tx *tx, void *ctx, struct error *err)
{
    return gw_store_files_remove(tx, ctx, GW_FILE_PAYLOAD, err);
}

static enum status message_remove(struct gw_tx *tx, void *ctx, struct error *err)
{
    return gw_store_message_remove(tx, ctx, err);
}

static enum status message_remove_then_fail(struct gw_tx *tx, void *ctx, struct error *err)
{
    TRY(gw_store_message_remove(tx, ctx, err));
    return error_set(err, ST_DENIED, 0, "changed my mind");
}

static void removing(void **state)
{
    struct helper_store *h = *state;
    char a[GW_ID_SIZE], b[GW_ID_SIZE];
    struct gw_message_row row;
    struct gw_event_list events;
    struct error e = {0};

    helper_message_add(h, GW_OUTBOX, "p", "a", 0, a);
    helper_message_add(h, GW_OUTBOX, "p", "b", 1, b);
    assert_int_equal(gw_store_commit(h->store, message_remove, a, &e), ST_DENIED);
    helper_move(h, a, GW_EV_CANCEL, 2);
    assert_int_equal(gw_store_commit(h->store, message_remove_then_fail, a, &e), ST_DENIED);
    assert_int_equal(helper_file_count(h, "payload"), 2); /* undone, so the files stay */
    assert_int_equal(gw_store_commit(h->store, message_remove, a, &e), ST_OK);
    assert_int_equal(helper_file_count(h, "payload"), 1);
    assert_int_equal(gw_store_commit(h->store, sealed_remove, b, &e), ST_OK);
    assert_int_equal(helper_file_count(h, "payload"), 0);
    READING(h);
    assert_int_equal(gw_store_message(tx, &arena, a, &row, &err), ST_NOT_FOUND);
    assert_int_equal(gw_store_events(tx, &arena, 0, a, NULL, NULL, 0, &events, &err), ST_OK);
    assert_int_equal(events.count, 2); /* links of a chain */
    assert_int_equal(gw_store_message(tx, &arena, b, &row, &err), ST_OK);
}

static void events_in_order(void **state)
{
    struct helper_store *h = *state;
    struct gw_event_list events;
    char id[GW_ID_SIZE];
    int64_t last;

    for (int i = 0; i < 5; i++) {
        const struct gw_cause cause = {.now = HELPER_NOW_MS + i, .reason = i, .actor = "net"};
        struct error err = {0};

        assert_int_equal(
            gw_store_commit_event(h->store, "peer.refused", i % 2 ? "b" : "a", NULL, &cause, &err),
            ST_OK);
    }
    helper_message_add(h, GW_INBOX, "p", "x", 9, id);
    READING(h);
    assert_int_equal(gw_store_events(tx, &arena, 0, NULL, NULL, NULL, 4, &events, &err), ST_OK);
    assert_int_equal(events.count, 4);
    assert_true(events.more);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(events.rows[i].seq, i + 1);
        assert_int_equal(events.rows[i].reason, i);
        assert_null(events.rows[i].message_id);
        assert_string_equal(events.rows[i].kind, "peer.refused");
        assert_int_equal(events.rows[i].to, GW_NEW);
    }
    assert_int_equal(gw_store_events(tx, &arena, 4, NULL, NULL, NULL, 4, &events, &err), ST_OK);
    assert_int_equal(events.count, 2);
    assert_false(events.more);
    assert_string_equal(events.rows[1].message_id, id);
    assert_int_equal(gw_store_events(tx, &arena, 0, NULL, "b", NULL, 0, &events, &err), ST_OK);
    assert_int_equal(events.count, 2);
    assert_int_equal(gw_store_events(tx, &arena, 0, NULL, "stadt", "meldewesen", 0, &events, &err),
                     ST_OK);
    assert_int_equal(events.count, 1);
    assert_int_equal(gw_store_events_last(tx, &last, &err), ST_OK);
    assert_int_equal(last, 6);
}

/* What no index knows is looked for in pages, each of which may end before it has found anything.
 */
static void events_in_pages(void **state)
{
    enum { EVENTS = 20, RARE = 7 };
    static const char *const rare[] = {"rare"}, *const none[] = {"none"};
    struct helper_store *h = *state;
    struct gw_event_list list;

    for (int i = 1; i <= EVENTS; i++) {
        const struct gw_cause cause = {.now = HELPER_NOW_MS + i, .actor = "net"};
        struct error err = {0};

        assert_int_equal(gw_store_commit_event(h->store, "peer.refused", "a",
                                               i % RARE == 0 ? "rare" : "common", &cause, &err),
                         ST_OK);
    }
    READING(h);
    for (int back = 0; back < 2; back++) {
        struct gw_event_filter f = {.after = back ? -1 : 0, .look_max = 3, .limit = 1};
        int found = 0, pages = 0;

        f.endpoints = rare;
        f.endpoint_count = 1;
        do {
            assert_int_equal(gw_store_events_find(tx, &arena, &f, &list, &err), ST_OK);
            assert_true(list.count <= 1);
            for (size_t i = 0; i < list.count; i++)
                assert_int_equal(list.rows[i].seq, RARE * (back ? 2 - found++ : 1 + found++));
            *(back ? &f.before : &f.after) = list.looked;
        } while (list.more && ++pages < EVENTS);
        assert_int_equal(found, EVENTS / RARE);
        assert_in_range(pages, EVENTS / 3 - 1, EVENTS / 3 + 2);
    }
    assert_int_equal(gw_store_events_find(
                         tx, &arena,
                         &(struct gw_event_filter){.kinds = none, .kind_count = 1, .look_max = 5},
                         &list, &err),
                     ST_OK);
    assert_int_equal(list.count, 0);
    assert_true(list.more);
    assert_int_equal(list.looked, 5);
    assert_int_equal(gw_store_events_find(tx, &arena,
                                          &(struct gw_event_filter){.after = -1, .before = 4},
                                          &list, &err),
                     ST_OK);
    assert_int_equal(list.count, 3);
    assert_false(list.more);
}

static void small_facts(void **state)
{
    struct helper_store *h = *state;
    struct error e = {0};
    int64_t value;

    assert_int_equal(gw_store_commit_meta_ms(h->store, "a/b", HELPER_NOW_MS, &e), ST_OK);
    assert_int_equal(gw_store_commit_meta_ms(h->store, "a/b", HELPER_NOW_MS + 1, &e), ST_OK);
    helper_store_reopen(h);
    READING(h);
    const char *text;
    assert_int_equal(gw_store_meta_ms(tx, "a/b", 7, &value, &err), ST_OK);
    assert_int_equal(value, HELPER_NOW_MS + 1);
    assert_int_equal(gw_store_meta_ms(tx, "never", 7, &value, &err), ST_OK);
    assert_int_equal(value, 7);
    assert_int_equal(gw_store_meta(tx, &arena, "a/b", &text, &err), ST_OK);
    assert_string_equal(text, "1700000000001");
    assert_int_equal(gw_store_meta(tx, &arena, "never", &text, &err), ST_NOT_FOUND);
}

static enum status meta_set_then_fail(struct gw_tx *tx, void *ctx, struct error *err)
{
    (void)ctx;
    TRY(gw_store_meta_set(tx, "half", "1", err));
    return error_set(err, ST_INVALID, 4711, "no");
}

static enum status meta_unset(struct gw_tx *tx, void *ctx, struct error *err)
{
    return gw_store_meta_set(tx, ctx, NULL, err);
}

static void a_failed_job_undoes_itself(void **state)
{
    struct helper_store *h = *state;
    struct error e = {0};
    const char *text;

    assert_int_equal(gw_store_commit_meta_ms(h->store, "gone", 1, &e), ST_OK);
    assert_int_equal(gw_store_commit(h->store, meta_set_then_fail, NULL, &e), ST_INVALID);
    assert_int_equal(e.reason, 4711);
    assert_int_equal(gw_store_commit(h->store, meta_unset, "gone", &e), ST_OK);
    READING(h);
    assert_int_equal(gw_store_meta(tx, &arena, "half", &text, &err), ST_NOT_FOUND);
    assert_int_equal(gw_store_meta(tx, &arena, "gone", &text, &err), ST_NOT_FOUND);
}

/* A reader's view stands still while others write. */
static void a_view_stands_still(void **state)
{
    struct helper_store *h = *state;
    char id[GW_ID_SIZE];
    struct gw_counts before, after;
    READING(h);

    assert_int_equal(gw_store_counts(tx, NULL, NULL, &before, &err), ST_OK);
    helper_message_add(h, GW_OUTBOX, "p", "x", 0, id);
    assert_int_equal(gw_store_counts(tx, NULL, NULL, &after, &err), ST_OK);
    assert_int_equal(after.messages[GW_OUTBOX][GW_ACCEPTED], 0);
    gw_read_end(&tx);
    assert_int_equal(gw_store_read(h->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_counts(tx, NULL, NULL, &after, &err), ST_OK);
    assert_int_equal(after.messages[GW_OUTBOX][GW_ACCEPTED], 1);
    assert_int_equal(after.oldest_waiting_at, HELPER_NOW_MS);
}

static void one_process_at_a_time(void **state)
{
    struct helper_store *h = *state;
    const struct gw_store_conf conf = {.dir = h->dir, .rng = rng_system()};
    struct gw_store *second = NULL;
    struct error err = {0};

    assert_int_equal(gw_store_open(&conf, 0, &second, NULL, &err), ST_DENIED);
    assert_null(second);
    assert_non_null(strstr(err.text, h->dir));
}

static void temp_names_differ(void **state)
{
    struct helper_store *h = *state;
    char a[GW_PATH_SIZE], b[GW_PATH_SIZE];
    struct error err = {0};

    assert_int_equal(gw_payload_temp(h->store, a, &err), ST_OK);
    assert_int_equal(gw_payload_temp(h->store, b, &err), ST_OK);
    assert_string_not_equal(a, b);
    assert_int_equal(gw_file_write(gw_store_dir(h->store), a, SPAN("x"), &err), ST_OK);
    helper_store_reopen(h);
    assert_int_equal(h->report.temp_removed, 1);
}

static void an_arena_too_small_is_told(void **state)
{
    struct helper_store *h = *state;
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    AUTO(arena_deinit) struct arena arena = {0};
    struct error err = {0};
    struct gw_message_row row;
    char id[GW_ID_SIZE];

    helper_message_add(h, GW_OUTBOX, "p", "x", 0, id);
    arena_init(&arena, 16);
    assert_int_equal(gw_store_read(h->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_message(tx, &arena, id, &row, &err), ST_LIMIT);
}

/* As a restored backup leaves it, where only those shelves are that hold something. */
static void shelves_are_made_again(void **state)
{
    struct helper_store *h = *state;
    char path[96], id[GW_ID_SIZE];

    helper_store_close(h);
    for (int i = 0; i < 0xff; i++) {
        (void)snprintf(path, sizeof path, "%s/payload/%02x", h->dir, (unsigned)i);
        assert_int_equal(rmdir(path), 0);
    }
    helper_store_open(h, true);
    for (int i = 0; i < 64; i++) /* wherever their shelves are */
        helper_message_add(h, GW_INBOX, "p", "a", i, id);
    helper_store_reopen(h);
    assert_int_equal(h->report.missing, 0);
}

int main(void)
{
    enum { BEFORE = 17 };
    struct CMUnitTest tests[ARRAY_LEN(twin_rows) + BEFORE] = {
        STORE_TEST(a_row_comes_back_whole),
        STORE_TEST(a_life_out),
        STORE_TEST(retry_starts_anew),
        STORE_TEST(a_note_keeps_the_due_time),
        STORE_TEST(a_taken_message_id_is_refused),
        STORE_TEST(a_message_id_is_cleared),
        STORE_TEST(files_of_a_message),
        STORE_TEST(a_dropped_stage_leaves_nothing),
        STORE_TEST(removing),
        STORE_TEST(events_in_order),
        STORE_TEST(events_in_pages),
        STORE_TEST(small_facts),
        STORE_TEST(a_failed_job_undoes_itself),
        STORE_TEST(a_view_stands_still),
        STORE_TEST(one_process_at_a_time),
        STORE_TEST(temp_names_differ),
        STORE_TEST(an_arena_too_small_is_told),
        STORE_TEST(shelves_are_made_again),
    };

    for (size_t i = 0; i < ARRAY_LEN(twin_rows); i++)
        tests[BEFORE + i] =
            (struct CMUnitTest){twin_rows[i].name, twin_row, NULL, NULL, &twin_rows[i]};
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}

/* the local API over its socket: what it takes, what it tells, and to whom */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "helper_api.h"

#define META "{\"endpoint\":\"meldewesen\",\"recipient\":\"Stadt Beheim\"}"
#define META_KASSE "{\"endpoint\":\"kasse\",\"recipient\":\"Stadt Beheim\"}"
#define FORM "multipart/form-data; boundary=xx"
#define PART(n) "--xx\r\nContent-Disposition: form-data; name=\"" n "\"\r\n\r\n"
#define FILE_PART                                                                                  \
    "--xx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n1\r\n"

/* Sends one small file; id is filled. */
static void send_one(struct helper_api *h, const char *meta, const char *name, char id[GW_ID_SIZE])
{
    const struct helper_part file = {name, SPAN("hello")};
    AUTO(helper_answer_deinit) struct helper_answer a = {0};

    helper_api_send(h, meta, &file, 1, &a);
    assert_int_equal(a.status, 202);
    (void)snprintf(id, GW_ID_SIZE, "%s", helper_str(a.json, "id"));
    assert_true(gw_uuid_is_valid(span_str(id)));
}

/* ---- when ---- */

static struct when_row {
    const char *name, *after, *until;
    const char *expires; /* NULL: it is refused */
} when_rows[] = {
    {"later than it would expire", "2100-01-01T00:00:00Z", NULL, "2100-01-04T00:00:00.000Z"},
    {"with an end", NULL, "2100-01-02T00:00:00+01:00", "2100-01-01T23:00:00.000Z"},
    {"between both", "2100-01-01T00:00:00Z", "2100-01-02T00:00:00Z", "2100-01-02T00:00:00.000Z"},
    {"an end before its beginning", "2100-01-02T00:00:00Z", "2100-01-01T00:00:00Z", NULL},
    {"an end that is over", NULL, "2020-01-01T00:00:00Z", NULL},
    {"no time", "morgen", NULL, NULL},
};

static void member_put(char *meta, size_t cap, const char *name, const char *value)
{
    size_t len = strlen(meta);

    if (value != NULL)
        (void)snprintf(meta + len, cap - len, ",\"%s\":\"%s\"", name, value);
}

static void test_when(void **state)
{
    const struct helper_part file = {"a", SPAN("hello")};

    for (size_t i = 0; i < ARRAY_LEN(when_rows); i++) {
        const struct when_row *row = &when_rows[i];
        AUTO(helper_answer_deinit) struct helper_answer sent = {0}, seen = {0};
        char meta[400] = "{\"endpoint\":\"meldewesen\",\"recipient\":\"Stadt Beheim\"";
        char path[100];

        print_message("%s\n", row->name);
        member_put(meta, sizeof meta, "deliver_after", row->after);
        member_put(meta, sizeof meta, "deliver_until", row->until);
        (void)snprintf(meta + strlen(meta), 2, "}");
        helper_api_send(*state, meta, &file, 1, &sent);
        if (row->expires == NULL) {
            helper_problem_is(&sent, 400, GW_R_API_BAD_REQUEST);
            continue;
        }
        assert_int_equal(sent.status, 202);
        (void)snprintf(path, sizeof path, "/v1/messages/%s", helper_str(sent.json, "id"));
        helper_api_get(*state, path, NULL, &seen);
        assert_string_equal(helper_str(seen.json, "expires_at"), row->expires);
        assert_int_equal(json_object_get(seen.json, "deliver_after") != NULL, row->after != NULL);
    }
}

/* ---- answers to requests ---- */

/* What is no request cannot be answered, whatever the body says. */
static void only_requests_are_answered(void **state)
{
    struct helper_api *h = *state;
    AUTO(helper_answer_deinit) struct helper_answer none = {0}, unknown = {0}, foreign = {0};
    char id[GW_ID_SIZE], path[200];

    send_one(h, META_KASSE, "a", id);
    (void)snprintf(path, sizeof path, "/v1/messages/%s/answer", id);
    helper_api_raw(h, "POST", path, FORM, SPAN(FILE_PART "--xx--\r\n"), false, &none);
    helper_problem_is(&none, 409, GW_R_REQUEST_NONE);
    helper_api_be(h, HELPER_ONE); /* not his endpoint's */
    helper_api_raw(h, "POST", path, FORM, SPAN(FILE_PART "--xx--\r\n"), false, &foreign);
    helper_problem_is(&foreign, 404, GW_R_MESSAGE_UNKNOWN);
    helper_api_be(h, HELPER_ADMIN);
    helper_api_raw(h, "POST", "/v1/messages/019ab000-0000-7000-8000-000000000000/answer", FORM,
                   SPAN(FILE_PART "--xx--\r\n"), false, &unknown);
    helper_problem_is(&unknown, 404, GW_R_MESSAGE_UNKNOWN);
}

/* ---- sending and looking ---- */

static void big_fill(struct buf *big, size_t len)
{
    buf_init(big, len);
    for (size_t i = 0; i < len; i++)
        buf_char(big, (char)(i * 31 + (i >> 9)));
}

static void what_is_sent_can_be_read(void **state)
{
    struct helper_api *h = *state;
    AUTO(buf_deinit) struct buf big = {0};
    AUTO(helper_answer_deinit) struct helper_answer sent = {0}, got = {0}, file = {0};
    const json_t *files;
    char path[200];

    big_fill(&big, 3 * 1024 * 1024);
    const struct helper_part parts[] = {{"Größe \"1\".txt", SPAN("eins\r\n--xx\r\n")},
                                        {"groß.bin", buf_span(&big)}};
    helper_api_send(h, META, parts, 2, &sent);
    assert_int_equal(sent.status, 202);
    (void)snprintf(path, sizeof path, "/v1/messages/%s", helper_str(sent.json, "id"));
    assert_non_null(strstr(sent.header, path)); /* Location */

    helper_api_get(h, path, NULL, &got);
    assert_int_equal(got.status, 200);
    assert_string_equal(helper_str(got.json, "state"), "accepted");
    assert_string_equal(helper_str(got.json, "box"), "outbox");
    assert_string_equal(helper_str(got.json, "endpoint"), "meldewesen");
    assert_string_equal(helper_str(got.json, "intermediary"), "demo");
    assert_string_equal(helper_str(got.json, "recipient"), "Stadt Beheim");
    assert_string_equal(helper_str(got.json, "sender"), "Stadt Ahausen");
    assert_string_equal(helper_str(got.json, "subject"), "Größe _1_.txt");
    assert_int_equal(json_integer_value(json_object_get(got.json, "size")), big.len + 12);
    files = json_object_get(got.json, "files");
    assert_int_equal(json_array_size(files), 2);
    assert_string_equal(helper_str(json_array_get(files, 1), "name"), "groß.bin");

    (void)snprintf(path, sizeof path, "/v1/messages/%s/files/2", helper_str(sent.json, "id"));
    helper_api_get(h, path, NULL, &file);
    assert_int_equal(file.status, 200);
    assert_string_equal(file.type, "application/octet-stream");
    assert_non_null(strstr(file.header, "filename*=UTF-8''gro%C3%9F.bin"));
    assert_true(span_eq(buf_span(&file.body), buf_span(&big)));
}

static void expiry_and_actor_are_kept(void **state)
{
    struct helper_api *h = *state;
    AUTO(arena_deinit) struct arena arena = {0};
    AUTO(helper_answer_deinit) struct helper_answer a = {0};
    char id[GW_ID_SIZE], path[100], actor[32];
    struct gw_message_row row;
    const json_t *event;

    send_one(h, META, "a.txt", id);
    arena_init(&arena, 1 << 20);
    row = helper_message(&h->store, &arena, id);
    assert_int_equal(row.expires_at - row.created_at, INT64_C(3) * 86400000);
    (void)snprintf(path, sizeof path, "/v1/messages/%s/events", id);
    helper_api_get(h, path, NULL, &a);
    event = json_array_get(json_object_get(a.json, "events"), 0);
    assert_string_equal(helper_str(event, "event"), "accept");
    assert_string_equal(helper_str(event, "state"), "accepted");
    (void)snprintf(actor, sizeof actor, "api:%lu", (unsigned long)geteuid());
    assert_string_equal(helper_str(event, "actor"), actor);
}

static void a_key_sends_once(void **state)
{
    static const char keyed[] = "{\"endpoint\":\"meldewesen\",\"recipient\":\"Stadt Beheim\","
                                "\"idempotency_key\":\"k 1\"}";
    static const char elsewhere[] = "{\"endpoint\":\"kasse\",\"recipient\":\"Stadt Beheim\","
                                    "\"idempotency_key\":\"k 1\"}";
    struct helper_api *h = *state;
    const struct helper_part same = {"a.txt", SPAN("hello")}, file = {"a.txt", SPAN("other")};
    AUTO(helper_answer_deinit) struct helper_answer again = {0}, reused = {0}, list = {0};
    char first[GW_ID_SIZE], other[GW_ID_SIZE];

    send_one(h, keyed, "a.txt", first);
    helper_api_send(h, keyed, &same, 1, &again);
    assert_int_equal(again.status, 200);
    helper_api_send(h, keyed, &file, 1, &reused);
    helper_problem_is(&reused, 409, GW_R_KEY_REUSED);
    assert_string_equal(helper_str(again.json, "id"), first);
    send_one(h, elsewhere, "a.txt", other);
    assert_string_not_equal(other, first);
    helper_api_get(h, "/v1/messages", NULL, &list);
    assert_int_equal(json_array_size(json_object_get(list.json, "messages")), 2);
    assert_int_equal(helper_file_count(&h->store, "tmp"), 0);
    assert_int_equal(helper_file_count(&h->store, "payload"), 2);
}

/* ---- lists ---- */

/* The ids of a page, in the last hexadecimal digits' place: compared with those sent. */
static void page_is(struct helper_api *h, const char *path, char ids[][GW_ID_SIZE], const int *want,
                    size_t count, char next[GW_ID_SIZE])
{
    AUTO(helper_answer_deinit) struct helper_answer a = {0};
    const json_t *all;

    helper_api_get(h, path, NULL, &a);
    assert_int_equal(a.status, 200);
    all = json_object_get(a.json, "messages");
    assert_int_equal(json_array_size(all), count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(helper_str(json_array_get(all, i), "id"), ids[want[i]]);
        assert_null(json_object_get(json_array_get(all, i), "files"));
    }
    (void)snprintf(next, GW_ID_SIZE, "%s", helper_str(a.json, "next"));
}

static void pages_follow_each_other(void **state)
{
    struct helper_api *h = *state;
    char ids[5][GW_ID_SIZE], next[GW_ID_SIZE], path[200];

    for (int i = 0; i < 5; i++)
        send_one(h, i % 2 == 0 ? META : META_KASSE, "a.txt", ids[i]);
    page_is(h, "/v1/messages?limit=2", ids, (int[]){4, 3}, 2, next);
    assert_string_equal(next, ids[3]);
    (void)snprintf(path, sizeof path, "/v1/messages?limit=2&cursor=%s", next);
    page_is(h, path, ids, (int[]){2, 1}, 2, next);
    (void)snprintf(path, sizeof path, "/v1/messages?limit=2&cursor=%s", next);
    page_is(h, path, ids, (int[]){0}, 1, next);
    assert_string_equal(next, "");

    page_is(h, "/v1/messages?endpoint=kasse", ids, (int[]){3, 1}, 2, next);
    page_is(h, "/v1/messages?box=inbox", ids, NULL, 0, next);
    page_is(h, "/v1/messages?state=failed%2Caccepted&limit=1", ids, (int[]){4}, 1, next);
    page_is(h, "/v1/messages?state=failed", ids, NULL, 0, next);
    page_is(h, "/v1/messages?since=2001-02-03T04:05:06Z&limit=1", ids, (int[]){4}, 1, next);
    page_is(h, "/v1/messages?since=2999-01-01T00:00:00Z", ids, NULL, 0, next);

    helper_api_be(h, HELPER_ONE);
    page_is(h, "/v1/messages?limit=2", ids, (int[]){4, 2}, 2, next);
    assert_string_equal(next, ids[2]);
    helper_api_be(h, HELPER_BOTH);
    page_is(h, "/v1/messages?limit=3", ids, (int[]){4, 3, 2}, 3, next);
    assert_string_equal(next, ids[2]);
    page_is(h, "/v1/messages?limit=5", ids, (int[]){4, 3, 2, 1, 0}, 5, next);
    assert_string_equal(next, "");
}

/* One message of each kind: which of them does a query name? */
static void lists_are_filtered(void **state)
{
    static const struct {
        const char *query;
        size_t count;
    } queries[] = {
        {"?box=outbox", 3},
        {"?box=inbox", 1},
        {"?partner=Stadt+Beheim", 2},
        {"?partner=Stadt", 0},
        {"?type=bescheid", 1},
        {"?q=RECHNUNG", 1},
        {"?q=%25", 0}, /* no wildcard */
        {"?state=accepted,received", 4},
        {"?state=received&box=outbox", 0},
        {"?until=2024-01-01", 2}, /* those of the helper, of 2023 */
        {"?since=2024-01-01", 2},
        {"?since=2024-01-01T00:00:00Z&until=2024-01-02", 0},
        {"?endpoint=kasse&type=bescheid", 1},
        {"?overdue=true", 1},
        {"?overdue=true&state=accepted,failed&since=2023-01-01", 1},
        {"?overdue=true&state=failed", 0},
        {"?overdue=true&box=inbox", 0},
        {"?overdue=true&endpoint=kasse", 0},
        {"?overdue=true&overdue_since=2023-01-01", 1},
        {"?overdue=true&overdue_since=2024-01-01", 0},
    };
    struct helper_api *h = *state;
    char id[GW_ID_SIZE], path[200];

    send_one(h, META, "rechnung.pdf", id);
    send_one(h,
             "{\"endpoint\":\"kasse\",\"recipient\":\"Stadt Beheim\","
             "\"message_type\":\"bescheid\"}",
             "b", id);
    helper_message_add(&h->store, GW_INBOX, "demo", "brief", 0, id);
    helper_message_add(&h->store, GW_OUTBOX, "demo", "brief", 0, id);
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        AUTO(helper_answer_deinit) struct helper_answer a = {0};

        (void)snprintf(path, sizeof path, "/v1/messages%s", queries[i].query);
        helper_api_get(h, path, NULL, &a);
        assert_string_equal(a.type, "application/json");
        if (json_array_size(json_object_get(a.json, "messages")) != queries[i].count)
            fail_msg("%s: %.*s", queries[i].query, SPAN_FMT(buf_span(&a.body)));
    }
}

static void seqs_are(struct helper_api *h, const char *path, const int *want, size_t count)
{
    AUTO(helper_answer_deinit) struct helper_answer a = {0};
    const json_t *all;

    helper_api_get(h, path, NULL, &a);
    assert_int_equal(a.status, 200);
    all = json_object_get(a.json, "events");
    assert_int_equal(json_array_size(all), count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(json_integer_value(json_object_get(json_array_get(all, i), "seq")),
                         want[i]);
}

/* 0: there is no more. */
static void next_is(struct helper_api *h, const char *path, int want)
{
    AUTO(helper_answer_deinit) struct helper_answer a = {0};
    const json_t *next;

    helper_api_get(h, path, NULL, &a);
    next = json_object_get(a.json, "next");
    assert_int_equal(json_is_null(next), want == 0);
    assert_int_equal(json_integer_value(next), want);
}

static void events_come_in_order(void **state)
{
    struct helper_api *h = *state;
    char id[GW_ID_SIZE];

    for (int i = 0; i < 4; i++)
        send_one(h, i % 2 == 0 ? META : META_KASSE, "a.txt", id);
    seqs_are(h, "/v1/events", (int[]){1, 2, 3, 4}, 4);
    seqs_are(h, "/v1/events?limit=2", (int[]){3, 4}, 2);
    seqs_are(h, "/v1/events?after=1&limit=2", (int[]){2, 3}, 2);
    seqs_are(h, "/v1/events?after=4", NULL, 0);
    seqs_are(h, "/v1/events?before=3", (int[]){1, 2}, 2);
    seqs_are(h, "/v1/events?before=4&limit=2", (int[]){2, 3}, 2);
    seqs_are(h, "/v1/events?after=1&before=4", (int[]){2, 3}, 2);
    next_is(h, "/v1/events?after=1&limit=2", 3);
    next_is(h, "/v1/events?limit=3", 2);
    next_is(h, "/v1/events?after=0", 0);
    helper_api_be(h, HELPER_ONE);
    seqs_are(h, "/v1/events", (int[]){1, 3}, 2);
    seqs_are(h, "/v1/events?limit=1", (int[]){3}, 1);
    helper_api_be(h, HELPER_BOTH);
    seqs_are(h, "/v1/events?limit=3", (int[]){2, 3, 4}, 3);
    seqs_are(h, "/v1/events?after=0&limit=3", (int[]){1, 2, 3}, 3);
}

static void receipts_grow(void **state)
{
    struct helper_api *h = *state;
    AUTO(helper_answer_deinit) struct helper_answer none = {0}, some = {0};
    struct gw_move move = {.event = GW_EV_NOTE, .cause = {.now = HELPER_NOW_MS, .actor = "test"}};
    struct error err = {0};
    char id[GW_ID_SIZE], path[100];

    send_one(h, META, "a.txt", id);
    (void)snprintf(path, sizeof path, "/v1/messages/%s/receipt", id);
    helper_api_get(h, path, NULL, &none);
    helper_problem_is(&none, 404, GW_R_NO_RECEIPT);
    move.id = id;
    move.creation = (struct gw_card_time){"2026-05-04T10:15:00+02:00", 1777882500000};
    assert_int_equal(gw_store_commit_move(h->store.store, &move, NULL, &err), ST_OK);
    helper_api_get(h, path, NULL, &some);
    assert_int_equal(some.status, 200);
    assert_string_equal(helper_str(some.json, "creation"), "2026-05-04T08:15:00.000Z");
    assert_true(json_is_null(json_object_get(some.json, "reception")));
}

static void status_counts(void **state)
{
    struct helper_api *h = *state;
    AUTO(helper_answer_deinit) struct helper_answer all = {0}, mine = {0};
    char id[GW_ID_SIZE];

    send_one(h, META, "a.txt", id);
    send_one(h, META_KASSE, "a.txt", id);
    helper_api_get(h, "/v1/status", NULL, &all);
    assert_int_equal(all.status, 200);
    assert_string_equal(helper_str(all.json, "tenant"), "Stadt Ahausen");
    assert_string_equal(helper_str(all.json, "version"), DEPESCHE_VERSION);
    assert_int_equal(strlen(helper_str(all.json, "started_at")), 24);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(all.json, "outbox"), "accepted")), 2);
    assert_true(json_is_null(json_object_get(all.json, "mailboxes")));
    helper_api_be(h, HELPER_ONE);
    helper_api_get(h, "/v1/status", NULL, &mine);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(mine.json, "outbox"), "accepted")), 1);
}

/* ---- rights ---- */

static void others_messages_do_not_exist(void **state)
{
    static const char *const tails[] = {"", "/events", "/receipt", "/files/1"};
    struct helper_api *h = *state;
    char id[GW_ID_SIZE], path[100];

    send_one(h, META_KASSE, "a.txt", id);
    helper_api_be(h, HELPER_ONE);
    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        AUTO(helper_answer_deinit) struct helper_answer a = {0};

        (void)snprintf(path, sizeof path, "/v1/messages/%s%s", id, tails[i]);
        helper_api_get(h, path, NULL, &a);
        helper_problem_is(&a, 404, GW_R_MESSAGE_UNKNOWN);
    }
}

static void nobody_sends_for_another(void **state)
{
    struct helper_api *h = *state;
    const struct helper_part file = {"a", SPAN("hello")};
    AUTO(helper_answer_deinit) struct helper_answer denied = {0}, listed = {0}, fine = {0};

    helper_api_be(h, HELPER_ONE);
    helper_api_send(h, META_KASSE, &file, 1, &denied);
    helper_problem_is(&denied, 403, GW_R_API_DENIED);
    helper_api_get(h, "/v1/messages?endpoint=kasse", NULL, &listed);
    helper_problem_is(&listed, 403, GW_R_API_DENIED);
    helper_api_send(h, META, &file, 1, &fine);
    assert_int_equal(fine.status, 202);
}

static void without_rights_nothing_works(void **state)
{
    static const char *const paths[] = {"/v1/status", "/v1/messages", "/v1/events", "/v1/nothing"};
    struct helper_api *h = *state;
    const struct helper_part file = {"a", SPAN("hello")};
    AUTO(helper_answer_deinit) struct helper_answer sent = {0};

    helper_api_be(h, HELPER_NOBODY);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        AUTO(helper_answer_deinit) struct helper_answer a = {0};

        helper_api_get(h, paths[i], NULL, &a);
        helper_problem_is(&a, 403, GW_R_API_DENIED);
    }
    helper_api_send(h, META, &file, 1, &sent);
    helper_problem_is(&sent, 403, GW_R_API_DENIED);
}

static void quarantined_files_are_for_admins(void **state)
{
    struct helper_api *h = *state;
    AUTO(helper_answer_deinit) struct helper_answer denied = {0}, fine = {0};
    char id[GW_ID_SIZE], path[100];

    helper_message_add(&h->store, GW_INBOX, "demo", "hello", 0, id); /* for meldewesen */
    (void)snprintf(path, sizeof path, "/v1/messages/%s/files/1", id);
    helper_api_be(h, HELPER_ONE);
    helper_api_get(h, path, NULL, &fine);
    assert_int_equal(fine.status, 200);
    helper_move(&h->store, id, GW_EV_QUARANTINE, 0);
    helper_api_get(h, path, NULL, &denied);
    helper_problem_is(&denied, 403, GW_R_API_DENIED);
    helper_answer_deinit(&fine);
    helper_api_be(h, HELPER_ADMIN);
    helper_api_get(h, path, NULL, &fine);
    assert_int_equal(fine.status, 200);
}

/* What an operator does with a message in quarantine. */
static struct decide_row {
    const char *name, *verb, *query;
    enum helper_user who;
    enum gw_event before; /* GW_EV_NOTE: nothing */
    int status, reason;
    enum gw_state after;
} decide_rows[] = {
    {"released", "release", "?reason=gepr%C3%BCft", HELPER_ADMIN, GW_EV_QUARANTINE, 200, 0,
     GW_OPENED},
    {"discarded", "discard", "?reason=Werbung", HELPER_ADMIN, GW_EV_QUARANTINE, 200, 0,
     GW_REJECTED},
    {"released without a reason", "release", "", HELPER_ADMIN, GW_EV_QUARANTINE, 400,
     GW_R_API_BAD_REQUEST, GW_QUARANTINED},
    {"released by its endpoint's user", "release", "?reason=x", HELPER_ONE, GW_EV_QUARANTINE, 403,
     GW_R_API_DENIED, GW_QUARANTINED},
    {"discarded by its endpoint's user", "discard", "?reason=x", HELPER_ONE, GW_EV_QUARANTINE, 403,
     GW_R_API_DENIED, GW_QUARANTINED},
    {"released, and never was in quarantine", "release", "?reason=x", HELPER_ADMIN, GW_EV_NOTE, 409,
     GW_R_MESSAGE_STATE, GW_RECEIVED},
    {"discarded, and never was in quarantine", "discard", "?reason=x", HELPER_ADMIN, GW_EV_NOTE,
     409, GW_R_MESSAGE_STATE, GW_RECEIVED},
};

static void decide(struct helper_api *h, const struct decide_row *row)
{
    struct gw_message_row m;
    struct gw_event_list events = {0};
    struct error err = {0};
    char id[GW_ID_SIZE], path[200];
    AUTO(helper_answer_deinit) struct helper_answer a = {0};
    AUTO(arena_deinit) struct arena arena = {0};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    helper_message_add(&h->store, GW_INBOX, "demo", "hello", 0, id);
    helper_move(&h->store, id, row->before, 0);
    helper_api_be(h, row->who);
    (void)snprintf(path, sizeof path, "/v1/messages/%s/%s%s", id, row->verb, row->query);
    helper_api_raw(h, "POST", path, NULL, SPAN_NONE, false, &a);
    helper_api_be(h, HELPER_ADMIN);
    if (row->status == 200)
        assert_int_equal(a.status, 200);
    else
        helper_problem_is(&a, row->status, row->reason);
    arena_init(&arena, 1024 * 1024);
    assert_int_equal(gw_store_read(h->store.store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_message(tx, &arena, id, &m, &err), ST_OK);
    assert_int_equal(m.state, row->after);
    assert_int_equal(gw_store_events(tx, &arena, 0, id, NULL, NULL, 0, &events, &err), ST_OK);
    if (row->status == 200) /* who and why */
        assert_non_null(strchr(events.rows[events.count - 1].de, ':'));
}

static void quarantine_is_decided_about(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(decide_rows); i++) {
        print_message("%s\n", decide_rows[i].name);
        decide(*state, &decide_rows[i]);
    }
}

static void rights_come_from_the_settings(void **state)
{
    static const char *const admins[] = {"4242"};
    static const char *const users[] = {"4711", "4712"};
    struct gw_endpoint_conf endpoints[] = {{.name = "a", .users = (const char **)users},
                                           {.name = "b", .users = (const char **)users}};
    struct gw_config conf = {.endpoints = endpoints, .endpoints_count = 2};
    struct gw_api_rights rights = {0};
    struct error err = {0};
    size_t at = 0;

    (void)state;
    endpoints[0].users_count = 2;
    endpoints[1].users_count = 1;
    conf.api.admins = (const char **)admins;
    conf.api.admins_count = 1;
    assert_int_equal(gw_api_rights_load(&rights, &conf, &err), ST_OK);
    assert_true(gw_api_is_admin(&rights, 0));
    assert_true(gw_api_is_admin(&rights, geteuid()));
    assert_true(gw_api_is_admin(&rights, 4242));
    assert_true(gw_api_may(&rights, 4242, NULL));
    assert_false(gw_api_is_admin(&rights, 4711));
    assert_true(gw_api_may(&rights, 4711, "b"));
    assert_true(gw_api_may(&rights, 4712, "a"));
    assert_false(gw_api_may(&rights, 4712, "b"));
    assert_false(gw_api_may(&rights, 4712, NULL));
    assert_false(gw_api_may_any(&rights, 4713));
    assert_string_equal(gw_api_endpoint_next(&rights, 4711, &at), "a");
    assert_string_equal(gw_api_endpoint_next(&rights, 4711, &at), "b");
    assert_null(gw_api_endpoint_next(&rights, 4711, &at));
    gw_api_rights_deinit(&rights);

    conf.api.admins = (const char *[]){"no such user here"};
    assert_int_equal(gw_api_rights_load(&rights, &conf, &err), ST_INVALID);
    assert_int_equal(err.reason, GW_R_CONFIG_USER);
    gw_api_rights_deinit(&rights);
}

/* ---- what is refused ---- */

static struct row {
    const char *name, *method, *path, *type, *body;
    long status;
    int code;
} rows[] = {
    {"no such path", "GET", "/v2/status", NULL, NULL, 404, GW_R_API_NOT_FOUND},
    {"the root", "GET", "/", NULL, NULL, 404, GW_R_API_NOT_FOUND},
    {"a slash too many", "GET", "/v1/status/", NULL, NULL, 404, GW_R_API_NOT_FOUND},
    {"an empty id", "GET", "/v1/messages/", NULL, NULL, 404, GW_R_API_NOT_FOUND},
    {"dots in the path", "GET", "/v1/messages/../status", NULL, NULL, 404, GW_R_API_NOT_FOUND},
    {"another method", "DELETE", "/v1/messages", NULL, NULL, 405, GW_R_API_METHOD},
    {"another method for status", "POST", "/v1/status", NULL, NULL, 405, GW_R_API_METHOD},
    {"no id", "GET", "/v1/messages/1", NULL, NULL, 404, GW_R_MESSAGE_UNKNOWN},
    {"an id nobody has", "GET", "/v1/messages/018f3b2c-7d4e-7a61-9c0d-2b1f6e5a4c3d", NULL, NULL,
     404, GW_R_MESSAGE_UNKNOWN},
    {"a parameter nobody knows", "GET", "/v1/messages?stat=failed", NULL, NULL, 400,
     GW_R_API_BAD_REQUEST},
    {"a parameter where none is", "GET", "/v1/status?a=1", NULL, NULL, 400, GW_R_API_BAD_REQUEST},
    {"a box nobody has", "GET", "/v1/messages?box=bin", NULL, NULL, 400, GW_R_API_BAD_REQUEST},
    {"overdue since, but not overdue", "GET", "/v1/messages?overdue_since=2024-01-01", NULL, NULL,
     400, GW_R_API_BAD_REQUEST},
    {"overdue, or rather not", "GET", "/v1/messages?overdue=false", NULL, NULL, 400,
     GW_R_API_BAD_REQUEST},
    {"a state nobody has", "GET", "/v1/messages?state=failed,lost", NULL, NULL, 400,
     GW_R_API_BAD_REQUEST},
    {"limit 0", "GET", "/v1/messages?limit=0", NULL, NULL, 400, GW_R_API_BAD_REQUEST},
    {"limit 1001", "GET", "/v1/events?limit=1001", NULL, NULL, 400, GW_R_API_BAD_REQUEST},
    {"no number", "GET", "/v1/events?after=-1", NULL, NULL, 400, GW_R_API_BAD_REQUEST},
    {"before all", "GET", "/v1/events?before=0", NULL, NULL, 400, GW_R_API_BAD_REQUEST},
    {"past 63 bits", "GET", "/v1/events?after=9223372036854775808", NULL, NULL, 400,
     GW_R_API_BAD_REQUEST},
    {"no time", "GET", "/v1/messages?since=yesterday", NULL, NULL, 400, GW_R_API_BAD_REQUEST},
    {"no end", "GET", "/v1/messages?until=2026-13-01", NULL, NULL, 400, GW_R_API_BAD_REQUEST},
    {"nothing to look for", "GET", "/v1/messages?q=", NULL, NULL, 400, GW_R_API_BAD_REQUEST},
    {"no cursor", "GET", "/v1/messages?cursor=%27", NULL, NULL, 400, GW_R_API_BAD_REQUEST},
    {"a broken escape", "GET", "/v1/messages?endpoint=%zz", NULL, NULL, 400, GW_R_API_BAD_REQUEST},
    {"nothing to fetch from", "POST", "/v1/fetch", NULL, "", 404, GW_R_API_NOT_FOUND},
    {"JSON instead of a form", "POST", "/v1/messages", "application/json", META, 415,
     GW_R_API_TYPE},
    {"no type at all", "POST", "/v1/messages", NULL, "x", 415, GW_R_API_TYPE},
    {"a form without parts", "POST", "/v1/messages", FORM, "--xx--", 400, GW_R_API_BAD_REQUEST},
    {"an empty body", "POST", "/v1/messages", FORM, "", 400, GW_R_API_BAD_REQUEST},
    {"a cut body", "POST", "/v1/messages", FORM, PART("meta") META "\r\n" FILE_PART, 400,
     GW_R_API_BAD_REQUEST},
    {"the file first", "POST", "/v1/messages", FORM, FILE_PART PART("meta") META "\r\n--xx--", 400,
     GW_R_API_BAD_REQUEST},
    {"no file", "POST", "/v1/messages", FORM, PART("meta") META "\r\n--xx--", 400,
     GW_R_API_BAD_REQUEST},
    {"another part", "POST", "/v1/messages", FORM,
     PART("meta") META "\r\n" FILE_PART PART("flie") "1\r\n--xx--", 400, GW_R_API_BAD_REQUEST},
    {"meta twice", "POST", "/v1/messages", FORM,
     PART("meta") META "\r\n" FILE_PART PART("meta") META "\r\n--xx--", 400, GW_R_API_BAD_REQUEST},
    {"broken meta", "POST", "/v1/messages", FORM, PART("meta") "{\r\n" FILE_PART "--xx--", 400,
     GW_R_API_BAD_REQUEST},
    {"an endpoint nobody has", "POST", "/v1/messages", FORM,
     PART("meta") "{\"endpoint\":\"x\",\"recipient\":\"Stadt Beheim\"}\r\n" FILE_PART "--xx--", 400,
     GW_R_ENDPOINT_UNKNOWN},
    {"a partner nobody has", "POST", "/v1/messages", FORM,
     PART("meta") "{\"endpoint\":\"kasse\",\"recipient\":\"x\"}\r\n" FILE_PART "--xx--", 400,
     GW_R_PARTNER_UNKNOWN},
    {"empty files only", "POST", "/v1/messages", FORM,
     PART("meta") META "\r\n--xx\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\n"
                       "\r\n--xx--",
     400, GW_R_SPOOL_EMPTY},
};

/* One server for all of them: whatever is refused, it goes on serving. */
static struct helper_api *shared;

static int shared_setup(void **state)
{
    (void)state;
    shared = helper_api_new();
    helper_api_start(shared);
    return 0;
}

static int shared_teardown(void **state)
{
    (void)state;
    helper_api_free(shared);
    return 0;
}

static void test_row(void **state)
{
    const struct row *row = *state;
    struct helper_api *h = shared;
    AUTO(helper_answer_deinit) struct helper_answer a = {0};

    if (row->body == NULL && strcmp(row->method, "GET") == 0)
        helper_api_get(h, row->path, NULL, &a);
    else
        helper_api_raw(h, row->method, row->path, row->type, span_str(row->body), false, &a);
    helper_problem_is(&a, row->status, row->code);
    if (row->status == 405)
        assert_non_null(strstr(a.header, "Allow: "));
    assert_int_equal(helper_file_count(&h->store, "tmp"), 0); /* no trace is left */
    assert_int_equal(helper_file_count(&h->store, "payload"), 0);
}

static void problems_speak_german(void **state)
{
    struct helper_api *h = *state;
    AUTO(helper_answer_deinit) struct helper_answer de = {0}, en = {0};

    helper_api_get(h, "/v1/messages/1", "fr, de;q=0.9, en;q=0.8", &de);
    assert_string_equal(helper_str(de.json, "title"), "Es gibt keine Nachricht 1.");
    helper_api_get(h, "/v1/messages/1", "fr", &en);
    assert_string_equal(helper_str(en.json, "title"), "There is no message 1.");
}

/* More than message_max_mb: announced, not announced, and in sum. */
static void large_messages_are_refused(void **state)
{
    struct helper_api *h = *state;
    AUTO(buf_deinit) struct buf big = {0};
    AUTO(helper_answer_deinit)
    struct helper_answer one = {0}, announced = {0}, sum = {0}, chunked = {0}, fits = {0};
    struct helper_part parts[2];

    big_fill(&big, 7 * 1024 * 1024);
    parts[0] = (struct helper_part){"a", span_sub(buf_span(&big), 0, 4 * 1024 * 1024 + 1)};
    helper_api_send(h, META, parts, 1, &one);
    helper_problem_is(&one, 413, GW_R_API_TOO_LARGE);
    parts[0].bytes.len = parts[1].bytes.len = 2 * 1024 * 1024 + 1;
    parts[1] = (struct helper_part){"b", parts[0].bytes};
    helper_api_send(h, META, parts, 2, &sum);
    helper_problem_is(&sum, 413, GW_R_API_TOO_LARGE);
    parts[0].bytes.len = 4 * 1024 * 1024;
    helper_api_send(h, META, parts, 1, &fits);
    assert_int_equal(fits.status, 202);
    helper_api_raw(h, "POST", "/v1/messages", FORM, buf_span(&big), false, &announced);
    helper_problem_is(&announced, 413, GW_R_API_TOO_LARGE);
    helper_api_raw(h, "POST", "/v1/messages", FORM, buf_span(&big), true, &chunked);
    assert_int_equal(chunked.status, 413);
    assert_int_equal(helper_file_count(&h->store, "tmp"), 0);
    assert_int_equal(helper_file_count(&h->store, "payload"), 1);
}

static void a_vanished_file_is_told(void **state)
{
    struct helper_api *h = *state;
    AUTO(helper_answer_deinit) struct helper_answer a = {0}, b = {0};
    AUTO(arena_deinit) struct arena arena = {0};
    struct gw_file_list files = {0};
    struct error err = {0};
    char id[GW_ID_SIZE], path[400];

    arena_init(&arena, 1 << 20);
    send_one(h, META, "a.txt", id);
    {
        AUTO(gw_read_end) struct gw_tx *tx = NULL;

        assert_int_equal(gw_store_read(h->store.store, &tx, &err), ST_OK);
        assert_int_equal(gw_store_files(tx, &arena, id, &files, &err), ST_OK);
    }
    (void)snprintf(path, sizeof path, "%s/%s", h->store.dir, files.rows[0].path);
    assert_int_equal(unlink(path), 0);
    (void)snprintf(path, sizeof path, "/v1/messages/%s/files/1", id);
    helper_api_get(h, path, NULL, &a);
    helper_problem_is(&a, 500, GW_R_STORE_DAMAGED);
    (void)snprintf(path, sizeof path, "/v1/messages/%s/files/2", id);
    helper_api_get(h, path, NULL, &b);
    helper_problem_is(&b, 404, GW_R_FILE_UNKNOWN);
}

/* ---- the socket ---- */

static void a_stale_socket_is_replaced(void **state)
{
    struct helper_api *h = helper_api_new();
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    AUTO(helper_answer_deinit) struct helper_answer a = {0};
    struct stat st;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    (void)snprintf(addr.sun_path, sizeof addr.sun_path, "%s", h->socket);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    close(fd);
    helper_api_start(h);
    assert_int_equal(stat(h->socket, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    helper_api_get(h, "/v1/status", NULL, &a);
    assert_int_equal(a.status, 200);
    helper_api_stop(h);
    assert_int_equal(stat(h->socket, &st), -1);
    assert_int_equal(errno, ENOENT);
    helper_api_free(h);
}

static void a_second_daemon_is_refused(void **state)
{
    struct helper_api *h = *state;
    struct gw_runtime rt = h->rt;
    struct gw_api_server *second = NULL;
    struct error err = {0};

    assert_int_equal(gw_loop_new(&rt.loop, &err), ST_OK);
    assert_int_equal(gw_api_start(&rt, &second, &err), ST_RETRY);
    assert_null(second);
    gw_loop_free(rt.loop);
}

#define LIVE(f) cmocka_unit_test_setup_teardown(f, helper_api_setup, helper_api_teardown)

int main(void)
{
    const struct CMUnitTest fixed[] = {
        LIVE(only_requests_are_answered),
        LIVE(test_when),
        LIVE(what_is_sent_can_be_read),
        LIVE(expiry_and_actor_are_kept),
        LIVE(a_key_sends_once),
        LIVE(pages_follow_each_other),
        LIVE(lists_are_filtered),
        LIVE(events_come_in_order),
        LIVE(receipts_grow),
        LIVE(status_counts),
        LIVE(others_messages_do_not_exist),
        LIVE(nobody_sends_for_another),
        LIVE(without_rights_nothing_works),
        LIVE(quarantined_files_are_for_admins),
        LIVE(quarantine_is_decided_about),
        cmocka_unit_test(rights_come_from_the_settings),
        LIVE(problems_speak_german),
        LIVE(large_messages_are_refused),
        LIVE(a_vanished_file_is_told),
        cmocka_unit_test(a_stale_socket_is_replaced),
        LIVE(a_second_daemon_is_refused),
    };
    struct CMUnitTest tests[ARRAY_LEN(fixed) + ARRAY_LEN(rows)];
    size_t count = 0;

    for (; count < ARRAY_LEN(fixed); count++)
        tests[count] = fixed[count];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[count++] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    return cmocka_run_group_tests(tests, shared_setup, shared_teardown);
}

/* events through the API: pages, filters, and the stream that stays open */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "helper_api.h"

enum { WAIT_MS = 120 * 1000, READ_MAX = 64 * 1024 * 1024 };

/* ---- a client that keeps reading ---- */

struct listener {
    int fd;
    struct buf got;
};

static void listen_to(struct helper_api *h, const char *query, const char *fields,
                      struct listener *l)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    AUTO(buf_deinit) struct buf text = {0};

    buf_init(&l->got, READ_MAX);
    (void)snprintf(addr.sun_path, sizeof addr.sun_path, "%s", h->socket);
    l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(l->fd, (struct sockaddr *)&addr, sizeof addr), 0);
    buf_init(&text, 4096);
    buf_printf(&text,
               "GET /v1/events%s HTTP/1.1\r\nHost: depesche\r\nAccept: text/event-stream\r\n%s\r\n",
               query, fields);
    assert_int_equal(write(l->fd, text.ptr, text.len), text.len);
}

static void listener_deinit(struct listener *l)
{
    if (l->fd > 0)
        close(l->fd);
    buf_deinit(&l->got);
    l->fd = 0;
}

/* One read; false: the other side has closed, or said nothing for ms. */
static bool read_some(struct listener *l, int ms)
{
    struct pollfd p = {.fd = l->fd, .events = POLLIN};
    char bytes[65536];
    ssize_t got;

    if (poll(&p, 1, ms) <= 0)
        return false;
    got = read(l->fd, bytes, sizeof bytes);
    if (got <= 0)
        return false;
    buf_add(&l->got, span_of(bytes, (size_t)got));
    return true;
}

static bool heard(struct listener *l, const char *text)
{
    return strstr(buf_cstr(&l->got), text) != NULL;
}

static void wait_for(struct listener *l, const char *text)
{
    while (!heard(l, text))
        if (!read_some(l, WAIT_MS))
            fail_msg("no '%s' in: %.2000s", text, buf_cstr(&l->got));
}

static size_t count_of(struct listener *l, const char *text)
{
    size_t count = 0;

    for (const char *c = buf_cstr(&l->got); (c = strstr(c, text)) != NULL; c++)
        count++;
    return count;
}

static void message_for(struct helper_api *h, const char *endpoint, char id[GW_ID_SIZE])
{
    const struct gw_message_row row = {.id = id,
                                       .tenant = "stadt",
                                       .endpoint = endpoint,
                                       .box = GW_INBOX,
                                       .peer = "demo",
                                       .created_at = HELPER_NOW_MS};
    const struct gw_cause cause = {.now = HELPER_NOW_MS, .actor = "test"};
    struct error err = {0};

    helper_id(0, id);
    assert_int_equal(gw_store_commit_message(h->store.store, &row, NULL, 0, &cause, NULL, &err),
                     ST_OK);
    gw_api_wake(h->server);
}

/* ---- streams ---- */

static void what_happens_is_heard(void **state)
{
    struct helper_api *h = *state;
    AUTO(listener_deinit) struct listener l = {0};
    char before[GW_ID_SIZE], id[GW_ID_SIZE];

    message_for(h, "meldewesen", before);
    listen_to(h, "", "", &l);
    wait_for(&l, "retry: ");
    assert_true(heard(&l, "Content-Type: text/event-stream"));
    assert_true(heard(&l, "HTTP/1.1 200 "));
    message_for(h, "meldewesen", id);
    wait_for(&l, id);
    assert_false(heard(&l, before)); /* it begins where it was opened */
    assert_true(heard(&l, "id: 2\n"));
    assert_true(heard(&l, "event: receive\n"));
    helper_move(&h->store, id, GW_EV_OPEN, 1);
    gw_api_wake(h->server);
    wait_for(&l, "event: open\n");
}

static void it_goes_on_where_it_was(void **state)
{
    struct helper_api *h = *state;
    AUTO(listener_deinit) struct listener l = {0}, all = {0};
    char ids[5][GW_ID_SIZE];

    for (int i = 0; i < 5; i++)
        message_for(h, "meldewesen", ids[i]);
    listen_to(h, "", "Last-Event-ID: 3\r\n", &l);
    wait_for(&l, ids[4]);
    assert_true(heard(&l, ids[3]));
    assert_false(heard(&l, ids[2]));
    listen_to(h, "?after=0", "", &all);
    wait_for(&all, ids[4]);
    assert_int_equal(count_of(&all, "\nid: "), 5);
}

static struct filter_row {
    const char *name, *query;
    enum helper_user who;
    bool first, second, steps; /* what is heard: message of meldewesen, of kasse, its opening */
} filter_rows[] = {
    {"stream: an admin hears all", "?after=0", HELPER_ADMIN, true, true, true},
    {"stream: a user hears his endpoint", "?after=0", HELPER_ONE, true, false, false},
    {"stream: of both endpoints", "?after=0", HELPER_BOTH, true, true, true},
    {"stream: one of both", "?after=0&endpoint=kasse", HELPER_BOTH, false, true, true},
    {"stream: kinds", "?after=0&kind=open,acknowledge", HELPER_ADMIN, false, false, true},
    {"stream: a message", "?after=0&message=", HELPER_ADMIN, false, true, true},
};

/* Afterwards something that all of them hear, so that nothing is waited for in vain. */
static void test_filter(void **state)
{
    const struct filter_row *row = *state;
    struct helper_api *h = helper_api_new();
    AUTO(listener_deinit) struct listener l = {0};
    char first[GW_ID_SIZE], second[GW_ID_SIZE], query[200];

    helper_api_start(h);
    message_for(h, "meldewesen", first);
    message_for(h, "kasse", second);
    helper_move(&h->store, second, GW_EV_OPEN, 1);
    helper_api_be(h, row->who);
    (void)snprintf(query, sizeof query, "%s%s", row->query,
                   row->query[strlen(row->query) - 1] == '=' ? second : "");
    listen_to(h, query, "", &l);
    wait_for(&l, row->second || row->steps ? second : first);
    if (row->first)
        wait_for(&l, first);
    (void)read_some(&l, 300);
    assert_int_equal(heard(&l, first), row->first);
    assert_int_equal(heard(&l, "event: open\n"), row->steps);
    assert_int_equal(count_of(&l, "event: receive\n"), row->first + row->second);
    helper_api_free(h);
}

/* Thousands of events for a client that reads nothing: it costs no more than a piece, delays
 * nobody, and in the end it has all of them, in order. */
static void the_slow_hear_all(void **state)
{
    struct helper_api *h = *state;
    AUTO(listener_deinit) struct listener slow = {0};
    AUTO(helper_answer_deinit) struct helper_answer a = {0};
    enum { COUNT = 3000 };
    char id[GW_ID_SIZE], last[32];
    const char *at;

    helper_message_add(&h->store, GW_INBOX, "demo", "hello", 0, id);
    listen_to(h, "?after=0", "", &slow);
    for (int i = 1; i < COUNT; i++)
        helper_move(&h->store, id, GW_EV_NOTE, i);
    gw_api_wake(h->server);
    helper_api_get(h, "/v1/status", NULL, &a);
    assert_int_equal(a.status, 200);
    (void)snprintf(last, sizeof last, "\nid: %d\n", COUNT);
    wait_for(&slow, last);
    at = buf_cstr(&slow.got);
    for (int i = 1; i <= COUNT; i++) {
        (void)snprintf(last, sizeof last, "\nid: %d\n", i);
        at = strstr(at, last);
        assert_non_null(at);
    }
    assert_int_equal(count_of(&slow, "\nid: "), COUNT);
}

static void streams_are_bounded(void **state)
{
    struct helper_api *h = *state;
    struct listener l[GW_API_STREAMS_EACH + 1];
    struct listener *last = &l[GW_API_STREAMS_EACH];

    for (size_t i = 0; i < GW_API_STREAMS_EACH; i++) {
        listen_to(h, "", "", &l[i]);
        wait_for(&l[i], "retry: ");
    }
    listen_to(h, "", "", last);
    wait_for(last, "\"status\":503");
    assert_true(heard(last, "application/problem+json"));
    assert_true(heard(last, "Retry-After: "));
    listener_deinit(&l[0]); /* one goes, and there is room again */
    for (;;) {
        listener_deinit(last);
        listen_to(h, "", "", last);
        while (!heard(last, "retry: ") && !heard(last, "\"status\":503"))
            assert_true(read_some(last, WAIT_MS));
        if (heard(last, "retry: "))
            break;
    }
    for (size_t i = 1; i <= GW_API_STREAMS_EACH; i++)
        listener_deinit(&l[i]);
}

static void streams_end_with_the_daemon(void **state)
{
    struct helper_api *h = *state;
    AUTO(listener_deinit) struct listener l = {0};

    listen_to(h, "", "", &l);
    wait_for(&l, "retry: ");
    helper_api_stop(h);
    while (read_some(&l, WAIT_MS))
        continue;
    assert_int_equal(recv(l.fd, (char[1]){0}, 1, 0), 0);
}

/* ---- what is refused, and pages ---- */

static struct bad_row {
    const char *name, *query, *fields;
    enum helper_user who;
    const char *status;
} bad_rows[] = {
    {"stream: no number to go on from", "", "Last-Event-ID: x\r\n", HELPER_ADMIN, "400 "},
    {"stream: a negative one", "", "Last-Event-ID: -1\r\n", HELPER_ADMIN, "400 "},
    {"stream: somebody else's endpoint", "?endpoint=kasse", "", HELPER_ONE, "403 "},
    {"stream: no message id", "?message=1", "", HELPER_ADMIN, "400 "},
    {"stream: an empty kind", "?kind=open,,x", "", HELPER_ADMIN, "400 "},
};

static void test_bad(void **state)
{
    const struct bad_row *row = *state;
    struct helper_api *h = helper_api_new();
    AUTO(listener_deinit) struct listener l = {0};

    helper_api_start(h);
    helper_api_be(h, row->who);
    listen_to(h, row->query, row->fields, &l);
    wait_for(&l, "\r\n\r\n");
    wait_for(&l, row->status);
    wait_for(&l, "\"code\":\"D-");
    helper_api_free(h);
}

static void pages_are_filtered(void **state)
{
    struct helper_api *h = *state;
    AUTO(helper_answer_deinit) struct helper_answer kinds = {0}, one = {0}, newest = {0};
    char first[GW_ID_SIZE], second[GW_ID_SIZE], path[200];
    const json_t *all;

    message_for(h, "meldewesen", first);
    message_for(h, "kasse", second);
    helper_move(&h->store, second, GW_EV_OPEN, 1);
    helper_api_get(h, "/v1/events?kind=receive&limit=1", NULL, &newest);
    all = json_object_get(newest.json, "events");
    assert_int_equal(json_array_size(all), 1);
    assert_string_equal(helper_str(json_array_get(all, 0), "id"), second);
    helper_api_get(h, "/v1/events?after=0&kind=receive,none", NULL, &kinds);
    assert_int_equal(json_array_size(json_object_get(kinds.json, "events")), 2);
    (void)snprintf(path, sizeof path, "/v1/events?after=0&message=%s", second);
    helper_api_get(h, path, NULL, &one);
    assert_int_equal(json_array_size(json_object_get(one.json, "events")), 2);
}

#define LIVE(f) cmocka_unit_test_setup_teardown(f, helper_api_setup, helper_api_teardown)

int main(void)
{
    const struct CMUnitTest fixed[] = {
        LIVE(what_happens_is_heard), LIVE(it_goes_on_where_it_was),     LIVE(the_slow_hear_all),
        LIVE(streams_are_bounded),   LIVE(streams_end_with_the_daemon), LIVE(pages_are_filtered),
    };
    struct CMUnitTest tests[ARRAY_LEN(fixed) + ARRAY_LEN(filter_rows) + ARRAY_LEN(bad_rows)];
    size_t count = 0;

    for (; count < ARRAY_LEN(fixed); count++)
        tests[count] = fixed[count];
    for (size_t i = 0; i < ARRAY_LEN(filter_rows); i++)
        tests[count++] =
            (struct CMUnitTest){filter_rows[i].name, test_filter, NULL, NULL, &filter_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(bad_rows); i++)
        tests[count++] = (struct CMUnitTest){bad_rows[i].name, test_bad, NULL, NULL, &bad_rows[i]};
    return cmocka_run_group_tests_name("api_stream", tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper_http.h"

#define H "Host: a\r\n"

static int setup(void **state)
{
    *state = world_new();
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

static void body_is(struct gw_body *body, const char *text)
{
    AUTO(buf_deinit) struct buf all = {0};
    struct error err;

    assert_non_null(body);
    buf_init(&all, 1 << 20);
    assert_int_equal(source_read_all(gw_body_source(body), &all, &err), ST_OK);
    assert_string_equal(buf_cstr(&all), text);
}

static const struct call_row {
    const char *name, *method, *path;
    int64_t send; /* bytes of body; -1: none */
    bool known;   /* announces its length */
    int status;
    int64_t want; /* pattern bytes in the answer; -1: not looked at */
} call_rows[] = {
    {"a GET without a body", NULL, "/echo", -1, false, 200, 0},
    {"an empty body", NULL, "/echo", 0, true, 200, 0},
    {"a small body", NULL, "/echo", 100, true, 200, 100},
    {"a small body in chunks", NULL, "/echo", 100, false, 200, 100},
    {"a body beyond memory", NULL, "/echo", 1000000, true, 200, 1000000},
    {"chunks there", "PUT", "/echo", 1000000, false, 200, 1000000},
    {"chunks back", NULL, "/chunked", 1000000, true, 200, 1000000},
    {"chunks both ways", NULL, "/chunked", 300001, false, 200, 300001},
    {"nothing in chunks", NULL, "/chunked", 0, false, 200, 0},
    {"a large answer", NULL, "/pattern?n=5000000", -1, false, 200, 5000000},
    {"no content", NULL, "/empty", 10, true, 204, 0},
    {"HEAD", "HEAD", "/pattern?n=5000000", -1, false, 200, 0},
    {"a worker's answer", NULL, "/later", -1, false, 200, -1},
    {"not found", NULL, "/nowhere", -1, false, 404, -1},
    {"another method", "DELETE", "/method", -1, false, 405, -1},
    {"refused by its head", NULL, "/refuse", 10, true, 403, -1},
    {"refused by its head, nothing to send", NULL, "/refuse", -1, true, 403, -1},
    {"refused by its head with much to send", NULL, "/refuse", 8000000, true, 403, -1},
    {"just small enough", NULL, "/small", 1000, true, 200, 1000},
    {"announced too large", NULL, "/small", 1001, true, 413, -1},
    {"too large in chunks", NULL, "/small", 1001, false, 413, -1},
    {"a sink", NULL, "/sink", 1000, true, 200, -1},
    {"a sink that refuses", NULL, "/sink", 1001, false, 422, -1},
};

static void run_call(struct world *w, const struct call_row *row)
{
    struct gw_http_call call = {.method = row->method};
    struct answer a;

    if (row->send >= 0)
        call.body = pattern_pull((uint64_t)row->send, row->known);
    world_call(w, call, row->path, &a);
    if (a.outcome != GW_HTTP_ANSWERED)
        fail_msg("%s: %s", row->name, a.error.text);
    assert_int_equal(a.status, row->status);
    if (row->want >= 0)
        pattern_check(a.body, (uint64_t)row->want);
    if (row->status == 200)
        assert_true(a.request_complete);
    answer_deinit(&a);
}

static void test_call_tcp(void **state)
{
    world_listen(*state, false, NULL);
    for (size_t i = 0; i < ARRAY_LEN(call_rows); i++)
        run_call(*state, &call_rows[i]);
}

static void test_call_unix(void **state)
{
    struct world *w = *state;
    struct answer a;
    struct stat st;
    char want[100];

    world_listen(w, true, NULL);
    for (size_t i = 0; i < ARRAY_LEN(call_rows); i++)
        run_call(w, &call_rows[i]);
    assert_int_equal(stat(w->socket, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    world_call(w, (struct gw_http_call){0}, "/peer", &a);
    snprintf(want, sizeof(want), "unix local=1 uid=%d tls=0 cert=0\n", (int)getuid());
    body_is(a.body, want);
    answer_deinit(&a);
}

static const struct raw_row {
    const char *name, *bytes;
    const char *answer; /* how it begins */
    const char *within; /* and what is in it; NULL: whatever */
    int completes;
} raw_rows[] = {
    {"HTTP/1.0", "GET /nowhere HTTP/1.0\r\n\r\n", "HTTP/1.1 404 Not Found\r\n",
     "Connection: close\r\n", 1},
    {"HTTP/1.0, length unknown", "GET /chunked HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc",
     "HTTP/1.1 200 OK\r\n", "\r\n\r\nabc", 1},
    {"three pipelined",
     "GET /1 HTTP/1.1\r\n" H "\r\nPOST /echo HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc"
     "GET /later HTTP/1.1\r\n" H "Connection: close\r\n\r\n",
     "HTTP/1.1 404", "\r\n\r\nlater\n", 3},
    {"Expect",
     "POST /echo HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 3\r\n"
     "Connection: close\r\n\r\nabc",
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n", "\r\n\r\nabc", 1},
    {"Expect, refused",
     "POST /refuse HTTP/1.1\r\n" H "Expect: 100-continue\r\n"
     "Content-Length: 3\r\n\r\n",
     "HTTP/1.1 403", "Connection: close\r\n", 0},
    {"Expect, too large",
     "POST /small HTTP/1.1\r\n" H "Expect: 100-continue\r\n"
     "Content-Length: 1001\r\n\r\n",
     "HTTP/1.1 413", "more than 1000 bytes", 0},
    {"not HTTP", "hello\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "Connection: close", 0},
    {"rubbish behind a request", "GET /1 HTTP/1.1\r\n" H "\r\nrubbish\r\n\r\n", "HTTP/1.1 404",
     "HTTP/1.1 400", 1},
    {"both lengths",
     "POST /echo HTTP/1.1\r\n" H "Content-Length: 3\r\n"
     "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "HTTP/1.1 400", NULL, 0},
    {"Content-Length twice",
     "POST /echo HTTP/1.1\r\n" H "Content-Length: 3\r\n"
     "Content-Length: 3\r\n\r\nabc",
     "HTTP/1.1 400", NULL, 0},
    {"another coding", "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: gzip\r\n\r\n",
     "HTTP/1.1 501", NULL, 0},
    {"a broken chunk",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", "HTTP/1.1 400",
     NULL, 0},
    {"HEAD that is refused", "HEAD /a#b HTTP/1.1\r\n" H "\r\n", "HTTP/1.1 400", NULL, 0},
};

static void test_raw(void **state)
{
    struct world *w = *state;

    world_listen(w, false, NULL);
    for (size_t i = 0; i < ARRAY_LEN(raw_rows); i++) {
        const struct raw_row *row = &raw_rows[i];
        struct raw raw = {.bytes = span_str(row->bytes)};

        w->completes = 0;
        raw_run(w, &raw);
        assert_false(raw.reset);
        if (!span_starts(buf_span(&raw.answer), span_str(row->answer)) ||
            (row->within != NULL && strstr(buf_cstr(&raw.answer), row->within) == NULL))
            fail_msg("%s: %s", row->name, buf_cstr(&raw.answer));
        assert_int_equal(w->completes, row->completes);
        buf_deinit(&raw.answer);
    }
}

static void bomb(struct world *w, const char *start, const char *what, size_t times,
                 const char *answer)
{
    AUTO(buf_deinit) struct buf bytes = {0};
    struct raw raw = {0};

    buf_init(&bytes, 1 << 20);
    buf_str(&bytes, start);
    for (size_t i = 0; i < times; i++)
        buf_str(&bytes, what);
    raw.bytes = buf_span(&bytes);
    raw_run(w, &raw);
    assert_true(span_starts(buf_span(&raw.answer), span_str(answer)));
    buf_deinit(&raw.answer);
}

static void test_bombs(void **state)
{
    struct world *w = *state;

    world_listen(w, false, NULL);
    bomb(w, "GET / HTTP/1.1\r\n" H "A: ", "aaaaaaaaaa", 4000, "HTTP/1.1 431");
    bomb(w, "GET / HTTP/1.1\r\n" H, "A: b\r\n", 200, "HTTP/1.1 431");
    bomb(w, "GET /", "aaaaaaaaaa", 1000, "HTTP/1.1 414");
    assert_int_equal(w->completes, 0);
}

/* Time limits: nothing at all, a head and a body too slow, an answer nobody reads. */
static void test_slow(void **state)
{
    struct world *w = *state;
    struct raw silent = {.bytes = SPAN_NONE};
    struct raw head = {
        .bytes = SPAN("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), .step = 1, .pause_ms = 100};
    struct raw body = {.bytes = SPAN("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"
                                     "abc")};
    struct raw unread = {.bytes = SPAN("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n"),
                         .wait_ms = 5000};
    struct raw idle = {.bytes = SPAN("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n")};

    w->limits.head_ms = 1000;
    w->limits.window_ms = 1000;
    w->limits.idle_ms = 1000;
    world_listen(w, false, NULL);
    raw_run(w, &silent);
    assert_int_equal(silent.answer.len, 0);
    raw_run(w, &head);
    assert_true(span_starts(buf_span(&head.answer), SPAN("HTTP/1.1 408")));
    raw_run(w, &body);
    assert_true(span_starts(buf_span(&body.answer), SPAN("HTTP/1.1 408")));
    assert_int_equal(w->gone, 1);
    raw_run(w, &unread);
    assert_int_equal(w->pulls_broken, 1);
    assert_true(unread.answer.len < 64 << 20);
    raw_run(w, &idle);
    assert_true(span_starts(buf_span(&idle.answer), SPAN("HTTP/1.1 404")));
    buf_deinit(&head.answer);
    buf_deinit(&body.answer);
    buf_deinit(&unread.answer);
    buf_deinit(&idle.answer);
}

static void turn_until_count(struct world *w, const int *count, int wanted)
{
    int64_t until = gw_monotonic_ms() + 300000;

    while (*count < wanted && gw_monotonic_ms() < until)
        world_turn(w, 5);
    assert_int_equal(*count, wanted);
}

/* A client that says no more once it has asked, and reads on. What it has not asked to the end is
 * lost. */
static struct half_row {
    const char *name, *text;
    int answers;
} half_rows[] = {
    {"half-closed behind a request", "GET /later HTTP/1.1\r\nHost: a\r\n\r\n", 1},
    {"half-closed behind two",
     "GET /later HTTP/1.1\r\nHost: a\r\n\r\n"
     "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nlater",
     2},
    {"half-closed within the second",
     "GET /later HTTP/1.1\r\nHost: a\r\n\r\n"
     "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nlater",
     1},
    {"half-closed within a head", "GET /later HTTP/1.1\r\nHost: a\r\n", 0},
};

static void test_half(void **state)
{
    const struct half_row *row = *state;
    struct raw raw = {.bytes = span_str(row->text), .half_close = true};
    int answers = 0;

    for (int on_unix = 0; on_unix < 2; on_unix++, answers = 0) {
        struct world *w = world_new();

        world_listen(w, on_unix != 0, NULL);
        raw_run(w, &raw);
        for (const char *at = buf_cstr(&raw.answer); (at = strstr(at, "HTTP/1.1 200")) != NULL;
             at++)
            answers++;
        assert_int_equal(answers, row->answers);
        buf_deinit(&raw.answer);
        world_free(w);
    }
}

/* A client that hangs up: while it sends, while it waits, while it reads. */
static void test_gone(void **state)
{
    struct world *w = *state;
    struct raw sending = {.bytes = SPAN("POST /sink HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n"
                                        "\r\nabc"),
                          .half_close = true};
    struct raw waiting = {
        .bytes = SPAN("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n"), .wait_ms = 200, .abort = true};
    struct raw reading = {.bytes = SPAN("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n"),
                          .read_max = 1000000};

    world_listen(w, false, NULL);
    raw_run(w, &sending);
    assert_int_equal(w->gone, 1);
    assert_int_equal(w->completes, 0);
    raw_run(w, &waiting);
    assert_int_equal(w->gone, 2);
    assert_int_equal(w->held_count, 1);
    assert_true(gw_http_request_gone(w->held[0]));
    world_turn(w, 50); /* its handles are closed by now, the request still stands */
    assert_true(span_is(gw_http_request_head(w->held[0])->path, "/hold"));
    world_release(w);
    raw_run(w, &reading);
    turn_until_count(w, &w->pulls_broken, 1);
    assert_int_equal(w->gone, 2);
    buf_deinit(&reading.answer);
}

static void test_stream(void **state)
{
    struct world *w = *state;
    struct raw leaves = {.bytes = SPAN("GET /events HTTP/1.1\r\nHost: a\r\n\r\n"), .read_max = 300};
    struct raw stays = {.bytes = SPAN("GET /events HTTP/1.1\r\nHost: a\r\n\r\n")};
    struct raw deaf = {.bytes = SPAN("GET /events HTTP/1.1\r\nHost: a\r\n\r\n"), .wait_ms = 500};

    world_listen(w, false, NULL);
    raw_start(w, &leaves);
    while (!leaves.done) {
        world_turn(w, 5);
        if (w->stream != NULL)
            gw_http_stream_push(w->stream, SPAN("data: hello\n\n"));
    }
    turn_until_count(w, &w->streams_closed, 1);
    assert_null(w->stream);

    raw_start(w, &stays);
    while (w->stream == NULL)
        world_turn(w, 5);
    gw_http_stream_push(w->stream, SPAN("data: one\n\n"));
    gw_http_stream_push(w->stream, SPAN("data: two\n\n"));
    gw_http_stream_close(w->stream);
    w->stream = NULL;
    world_until(w, &stays.done);
    assert_non_null(strstr(buf_cstr(&stays.answer), "Content-Type: text/event-stream\r\n"));
    assert_non_null(strstr(buf_cstr(&stays.answer), "data: one\n\n"));
    assert_non_null(strstr(buf_cstr(&stays.answer), "\r\n0\r\n\r\n"));
    assert_int_equal(w->streams_closed, 1);

    raw_start(w, &deaf);
    while (w->stream == NULL)
        world_turn(w, 5);
    for (int i = 0; i < 100000 && w->stream != NULL; i++) {
        static const uint8_t bytes[1000];

        gw_http_stream_push(w->stream, span_of(bytes, sizeof(bytes)));
    }
    world_until(w, &deaf.done);
    turn_until_count(w, &w->streams_closed, 2);
    assert_null(w->stream);
    buf_deinit(&leaves.answer);
    buf_deinit(&stays.answer);
    buf_deinit(&deaf.answer);
}

/* A stream that is open when the server stops is closed; so is a request that is held. */
static void test_stop(void **state)
{
    struct world *w = *state;
    struct answer a, b;

    world_listen(w, false, NULL);
    world_start(w, (struct gw_http_call){0}, "/events", &a, NULL);
    world_start(w, (struct gw_http_call){0}, "/hold", &b, NULL);
    while (w->stream == NULL || w->held_count == 0)
        world_turn(w, 5);
    gw_http_server_close(w->server, 5000);
    w->server = NULL;
    world_until(w, &a.done);
    assert_int_equal(w->streams_closed, 1);
    assert_false(b.done);
    world_until(w, &b.done);
    assert_int_equal(a.outcome, GW_HTTP_NO_ANSWER);
    assert_int_equal(b.outcome, GW_HTTP_NO_ANSWER);
    assert_true(b.request_complete);
}

static void test_many(void **state)
{
    enum { MANY = 200 };
    struct world *w = *state;
    struct answer *a = gw_alloc(MANY * sizeof(*a));
    struct gw_http_client_conf conf = {.spool_dir = w->dir, .per_host_max = 64};
    struct error err;

    w->limits.connections_max = 40; /* fewer than want in: the rest waits its turn */
    world_listen(w, false, NULL);
    gw_http_client_close(w->client);
    assert_int_equal(gw_http_client_new(w->loop, &conf, &w->client, &err), ST_OK);
    for (int i = 0; i < MANY; i++) {
        struct gw_http_call call = {.body = pattern_pull((uint64_t)i * 100, (i & 1) != 0)};

        world_start(w, call, i % 10 == 0 ? "/later" : "/echo", &a[i], NULL);
    }
    for (int i = 0; i < MANY; i++) {
        world_until(w, &a[i].done);
        assert_int_equal(a[i].outcome, GW_HTTP_ANSWERED);
        if (i % 10 != 0)
            pattern_check(a[i].body, (uint64_t)i * 100);
        answer_deinit(&a[i]);
    }
    assert_int_equal(w->completes, MANY);
    free(a);
}

static long peak_kb(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

/* 300 MB there and back; the memory must not notice. */
static void test_large(void **state)
{
    struct world *w = *state;
    struct gw_http_call call = {.answer_max = 400 << 20};
    uint64_t len = 300 << 20;
    struct answer a;
    long before;

#ifdef __SANITIZE_ADDRESS__
    len = 30 << 20;
#endif
    w->limits.body_max = len;
    world_listen(w, false, NULL);
    before = peak_kb();
    call.body = pattern_pull(len, true);
    world_call(w, call, "/echo", &a);
    if (a.outcome != GW_HTTP_ANSWERED)
        fail_msg("%s", a.error.text);
    pattern_check(a.body, len);
    answer_deinit(&a);
#ifndef __SANITIZE_ADDRESS__
    assert_true(peak_kb() - before < 40 * 1024);
#endif
    (void)before;
}

static const struct fail_row {
    const char *name, *path, *url;
    enum gw_http_outcome outcome;
    enum status st;
    bool complete;
    const char *text;
    int total_ms;
} fail_rows[] = {
    {"nobody listens", NULL, "http://127.0.0.1:1/", GW_HTTP_NOT_CONNECTED, ST_RETRY, false,
     "http://127.0.0.1:1", 300000},
    {"no such name", NULL, "http://nowhere.invalid/", GW_HTTP_NOT_CONNECTED, ST_RETRY, false,
     "nowhere.invalid", 1000},
    {"too large", "/pattern?n=1001", NULL, GW_HTTP_TOO_LARGE, ST_LIMIT, true, "1000 bytes", 300000},
    {"breaks off in chunks", "/broken", NULL, GW_HTTP_TOO_LARGE, ST_LIMIT, true, "1000 bytes",
     300000},
    {"never answers", "/hold", NULL, GW_HTTP_NO_ANSWER, ST_RETRY, true, "no whole answer", 5000},
};

static void test_failures(void **state)
{
    struct world *w = *state;

    world_listen(w, false, NULL);
    for (size_t i = 0; i < ARRAY_LEN(fail_rows); i++) {
        const struct fail_row *row = &fail_rows[i];
        struct gw_http_call call = {.url = row->url, .answer_max = 1000, .total_ms = row->total_ms};
        struct answer a;

        call.body = pattern_pull(10, true);
        world_call(w, call, row->path == NULL ? "/" : row->path, &a);
        assert_string_equal(gw_http_outcome_name(a.outcome), gw_http_outcome_name(row->outcome));
        assert_int_equal(a.error.status, row->st);
        assert_int_equal(a.request_complete, row->complete);
        assert_null(a.body);
        if (strstr(a.error.text, row->text) == NULL)
            fail_msg("%s: %s", row->name, a.error.text);
    }
}

/* An answer that ends before its end is none, known length or not. */
static void test_broken(void **state)
{
    struct world *w = *state;
    struct answer a;

    world_listen(w, false, NULL);
    world_call(w, (struct gw_http_call){0}, "/broken?n=1", &a);
    assert_int_equal(a.outcome, GW_HTTP_NO_ANSWER);
    assert_int_equal(a.status, 200);
    world_call(w, (struct gw_http_call){0}, "/broken", &a);
    assert_int_equal(a.outcome, GW_HTTP_NO_ANSWER);
    assert_int_equal(w->pulls_broken, 2);
}

static enum status sick_next(void *ctx, struct buf *out, bool *end, struct error *err)
{
    (void)ctx;
    (void)out;
    (void)end;
    return error_set(err, ST_INTERNAL, 0, "a sick source");
}

static void test_own_body(void **state)
{
    struct world *w = *state;
    struct gw_http_call call = {.body = {.next = sick_next, .len = 100}};
    struct answer a;

    world_listen(w, false, NULL);
    world_call(w, call, "/echo", &a);
    assert_int_equal(a.outcome, GW_HTTP_BODY_FAILED);
    assert_string_equal(a.error.text, "a sick source");
    assert_false(a.request_complete);
}

static void test_cancel(void **state)
{
    struct world *w = *state;
    struct gw_http_running *running[6];
    struct answer a[6];

    world_listen(w, false, NULL);
    for (int i = 0; i < 6; i++)
        world_start(w, (struct gw_http_call){0}, "/hold", &a[i], &running[i]);
    while (w->held_count < 4)
        world_turn(w, 5);
    world_turn(w, 100);
    assert_int_equal(w->held_count, 4); /* the two others wait for their turn */
    gw_http_cancel(running[0]);
    assert_true(a[0].done);
    assert_int_equal(a[0].outcome, GW_HTTP_CANCELLED);
    while (w->held_count < 5)
        world_turn(w, 5);
    gw_http_cancel(running[5]); /* had not set out */
    assert_true(a[5].done);
    assert_false(a[5].request_complete);
    world_release(w);
    for (int i = 1; i < 5; i++) {
        world_until(w, &a[i].done);
        assert_int_equal(a[i].outcome, GW_HTTP_ANSWERED);
        answer_deinit(&a[i]);
    }
}

/* A kept connection that the server has closed meanwhile: the call goes out again on a new one. */
static void test_kept(void **state)
{
    struct world *w = *state;

    w->limits.idle_ms = 1000; /* a stalled machine must not let it close one that is new */
    world_listen(w, false, NULL);
    for (int i = 0; i < 3; i++) {
        struct gw_http_call call = {.body = pattern_pull(5000, true)};
        struct answer a;

        world_call(w, call, "/echo", &a);
        assert_int_equal(a.outcome, GW_HTTP_ANSWERED);
        pattern_check(a.body, 5000);
        answer_deinit(&a);
        world_turn(w, 900 + i * 100);
    }
}

/* Reads one request of BODY bytes behind its head. */
enum { BODY = 5000 };
static void request_read(int fd)
{
    AUTO(buf_deinit) struct buf got = {.max = 65536};
    char piece[4096];
    size_t head = SIZE_MAX;

    while (head == SIZE_MAX || got.len < head + 4 + BODY) {
        ssize_t n = recv(fd, piece, sizeof piece, 0);

        if (n <= 0)
            return;
        buf_add(&got, span_of(piece, (size_t)n));
        head = span_find(buf_span(&got), SPAN("\r\n\r\n"));
    }
}

/* Answers one request, takes a second one whole on the kept connection, and dies. */
static void *mortal_main(void *ctx)
{
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    int listener = *(int *)ctx, fd = accept(listener, NULL, NULL);

    request_read(fd);
    (void)!send(fd, ok, sizeof ok - 1, MSG_NOSIGNAL);
    request_read(fd);
    (void)close(listener);
    (void)close(fd);
    return NULL;
}

/* What went out whole on a kept connection may have arrived, although the repetition on a new one
 * did not even connect. */
static void test_kept_and_lost(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    struct world *w = *state;
    pthread_t thread;
    char url[64];
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct answer a;

    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    assert_int_equal(pthread_create(&thread, NULL, mortal_main, &listener), 0);
    world_listen(w, false, NULL);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", ntohs(at.sin_port));
    for (int i = 0; i < 2; i++) {
        struct gw_http_call call = {.url = url, .body = pattern_pull(BODY, true)};

        world_call(w, call, "/", &a);
        assert_int_equal(a.outcome, i == 0 ? GW_HTTP_ANSWERED : GW_HTTP_NO_ANSWER);
        assert_true(a.request_complete);
        answer_deinit(&a);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
}

/* Takes a request and lets its answer drip: too fast for silence, far too slow for its length. Ends
 * when the other side does. */
static void *dripper_main(void *ctx)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";
    static const char some[20] = "....................";
    int fd = accept(*(int *)ctx, NULL, NULL);

    request_read(fd);
    (void)!send(fd, head, sizeof head - 1, MSG_NOSIGNAL);
    while (send(fd, some, sizeof some, MSG_NOSIGNAL) > 0)
        (void)usleep(100 * 1000);
    (void)close(fd);
    return NULL;
}

static void test_drips(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    struct world *w = *state;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct gw_http_call call = {.body = pattern_pull(BODY, true), .stall_ms = 1000};
    int64_t from = gw_monotonic_ms();
    pthread_t thread;
    char url[64];
    struct answer a;

    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    assert_int_equal(pthread_create(&thread, NULL, dripper_main, &listener), 0);
    world_listen(w, false, NULL);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", ntohs(at.sin_port));
    call.url = url;
    world_call(w, call, "/", &a);
    assert_int_equal(a.outcome, GW_HTTP_NO_ANSWER);
    assert_true(a.request_complete);
    assert_true(gw_monotonic_ms() - from < 120 * 1000); /* all of it would take 500 s */
    answer_deinit(&a);
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)close(listener);
}

static void test_listen_fails(void **state)
{
    struct world *w = *state;
    struct gw_http_server *second = NULL;
    struct gw_http_listen conf = {
        .host = "127.0.0.1",
        .spool_dir = w->dir,
        .limits = w->limits,
        .handler = {.on_complete = (void (*)(void *, struct gw_http_request *))abort}};
    struct error err = {0};

    world_listen(w, true, NULL);
    conf.unix_path = w->socket;
    assert_int_equal(gw_http_server_new(w->loop, &conf, &second, &err), ST_RETRY);
    assert_non_null(strstr(err.text, w->socket));
    assert_int_equal(access(w->socket, F_OK), 0); /* not torn away from the first */
    conf.unix_path = NULL;
    conf.host = "localhost";
    assert_int_equal(gw_http_server_new(w->loop, &conf, &second, &err), ST_INVALID);
    conf.host = "192.0.2.1";
    assert_int_equal(gw_http_server_new(w->loop, &conf, &second, &err), ST_RETRY);
    assert_null(second);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    enum { FIXED = 18 };
    struct CMUnitTest tests[FIXED + ARRAY_LEN(half_rows)] = {
        WITH(test_call_tcp),      WITH(test_call_unix),    WITH(test_raw),
        WITH(test_bombs),         WITH(test_slow),         WITH(test_gone),
        WITH(test_stream),        WITH(test_stop),         WITH(test_many),
        WITH(test_large),         WITH(test_failures),     WITH(test_broken),
        WITH(test_own_body),      WITH(test_cancel),       WITH(test_kept),
        WITH(test_kept_and_lost), WITH(test_listen_fails), WITH(test_drips),
    };
    int failed;

    for (size_t i = 0; i < ARRAY_LEN(half_rows); i++)
        tests[FIXED + i] =
            (struct CMUnitTest){half_rows[i].name, test_half, NULL, NULL, &half_rows[i]};
    gw_worker_setup(8);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}

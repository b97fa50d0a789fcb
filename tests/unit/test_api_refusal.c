/* What the API refuses before any handler of its own sees it: problem documents all the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/http_conn.h"
#include "helper_api.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
#define POST(path) "POST " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"

/* The request is front, then fill as often as said, then back. */
static struct row {
    const char *name, *front, *fill;
    size_t times;
    const char *back;
    long status;
    int code;
    const char *header; /* a field of the answer, NULL: none in particular */
} rows[] = {
    {"no request line", "hello\r\n\r\n", "", 0, "", 400, GW_R_API_HEAD, NULL},
    {"no HTTP at all", "\x16\x03\x01\x02\x01\x01\x01", "", 0, "", 400, GW_R_API_HEAD, NULL},
    {"no Host", "GET / HTTP/1.1\r\n\r\n", "", 0, "", 400, GW_R_API_HEAD, NULL},
    {"a NUL in the head", "GET /", "", 0, "%00", 400, GW_R_API_HEAD, NULL},
    {"two lengths", POST("/v1/messages") "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", "", 0,
     "", 400, GW_R_API_HEAD, NULL},
    {"a length and chunks",
     POST("/v1/messages") "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "", 0,
     "", 400, GW_R_API_HEAD, NULL},
    {"a folded line", GET("/v1/status") "A: b\r\n c\r\n\r\n", "", 0, "", 400, GW_R_API_HEAD, NULL},
    {"a head too large", GET("/v1/status"), "A: 0123456789012345678901234567890123456789\r\n", 1000,
     "\r\n", 431, GW_R_API_HEAD, NULL},
    {"ten thousand fields", GET("/v1/status"), "A:\r\n", 10000, "\r\n", 431, GW_R_API_HEAD, NULL},
    {"a target too long", "GET /v1/messages?q=", "0123456789", 1000, " HTTP/1.1\r\nHost: x\r\n\r\n",
     414, GW_R_API_HEAD, NULL},
    {"another coding", POST("/v1/messages") "Transfer-Encoding: gzip\r\n\r\n", "", 0, "", 501,
     GW_R_API_HEAD, NULL},
    {"another expectation", POST("/v1/messages") "Content-Length: 1\r\nExpect: 200-ok\r\n\r\na", "",
     0, "", 417, GW_R_API_HEAD, NULL},
    {"another version", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", "", 0, "", 505, GW_R_API_HEAD, NULL},
    {"a broken chunk", POST("/v1/messages") "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", "", 0, "",
     400, GW_R_API_HEAD, NULL},
    {"too many bytes, announced", POST("/v1/messages") "Content-Length: 1000000000\r\n\r\n", "", 0,
     "", 413, GW_R_API_TOO_LARGE, NULL},
    {"too many bytes, not announced",
     POST("/v1/reload") "Transfer-Encoding: chunked\r\n\r\n2000\r\n", "0123456789abcdef", 512,
     "\r\n0\r\n\r\n", 413, GW_R_API_TOO_LARGE, NULL},
    {"a head that does not end", "GET /v1/status HTTP/1.1\r\nHost: x\r\n", "", 0, "", 408,
     GW_R_API_SLOW, NULL},
    {"a body that does not come", POST("/v1/messages") "Content-Length: 100\r\n\r\n", "", 0, "",
     408, GW_R_API_SLOW, NULL},
    {"no such path", GET("/v2") "\r\n", "", 0, "", 404, GW_R_API_NOT_FOUND, NULL},
    {"another method", "DELETE /v1/messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "",
     0, "", 405, GW_R_API_METHOD, "Allow: POST, GET, HEAD\r\n"},
    {"a method nobody knows", "BREW / HTTP/1.1\r\nHost: x\r\n\r\n", "", 0, "", 400, GW_R_API_HEAD,
     NULL},
};

/* One server for all of them, which waits for nobody long. */
static struct helper_api *shared;

static int shared_setup(void **state)
{
    (void)state;
    shared = helper_api_new();
    helper_api_start(shared);
    shared->server->http->limits.head_ms = 300;
    shared->server->http->limits.window_ms = 300;
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
    AUTO(helper_answer_deinit) struct helper_answer a = {0};
    AUTO(buf_deinit) struct buf request = {0};

    buf_init(&request, 1 << 20);
    buf_str(&request, row->front);
    for (size_t i = 0; i < row->times; i++)
        buf_str(&request, row->fill);
    if (strcmp(row->back, "%00") == 0)
        buf_char(&request, '\0');
    else
        buf_str(&request, row->back);
    helper_api_bytes(shared, buf_span(&request), &a);
    helper_problem_is(&a, row->status, row->code);
    assert_non_null(strstr(a.header, "Connection: close\r\n"));
    if (row->header != NULL)
        assert_non_null(strstr(a.header, row->header));
    assert_int_equal(helper_file_count(&shared->store, "tmp"), 0);
}

static void refusals_speak_german(void **state)
{
    AUTO(helper_answer_deinit) struct helper_answer a = {0};

    (void)state;
    helper_api_bytes(
        shared, SPAN(POST("/v1/messages") "Accept-Language: de\r\nContent-Length: 100\r\n\r\n"),
        &a);
    helper_problem_is(&a, 408, GW_R_API_SLOW);
    assert_non_null(strstr(helper_str(a.json, "title"), "nicht rechtzeitig"));
}

/* ---- want of memory ---- */

/* What the server's threads may still allocate for JSON; the test's own thread has all it wants. */
static struct {
    pthread_t test;
    atomic_long left;
    atomic_bool once; /* one request for memory fails, else this and all later ones */
} memory;

static void *scarce(size_t size)
{
    long left;

    if (pthread_equal(pthread_self(), memory.test))
        return malloc(size);
    left = atomic_fetch_sub(&memory.left, 1);
    if (left == 0 || (left < 0 && !atomic_load(&memory.once)))
        return NULL;
    return malloc(size);
}

/* True: there was enough memory, and the answer is what it always is. */
static bool starved_answer(const char *path, long granted, bool once,
                           const struct helper_answer *full)
{
    AUTO(helper_answer_deinit) struct helper_answer a = {0};
    long left;

    atomic_store(&memory.once, once);
    atomic_store(&memory.left, granted);
    helper_api_get(shared, path, NULL, &a);
    left = atomic_exchange(&memory.left, LONG_MAX);
    if (a.json == NULL)
        fail_msg("%s, %ld requests for memory granted: HTTP %ld: %.*s", path, granted, a.status,
                 SPAN_FMT(buf_span(&a.body)));
    if (a.status == full->status) {
        if (!json_equal(a.json, full->json))
            fail_msg("%s, %ld requests for memory granted: %.*s", path, granted,
                     SPAN_FMT(buf_span(&a.body)));
        return left >= 0;
    }
    assert_in_range(a.status, 500, 599);
    assert_string_equal(a.type, "application/problem+json");
    assert_int_equal(json_integer_value(json_object_get(a.json, "status")), a.status);
    assert_true(left < 0);
    return false;
}

/* Either all of the answer or an error that says so: never 200 with a part, or with a problem. */
static void want_of_memory_is_an_error(void **state)
{
    static const char *const paths[] = {"/v1/messages",     "/v1/messages?limit=1", "/v1/events",
                                        "/v1/certificates", "/v1/directory",        "/v1/routes",
                                        "/v1/why"};
    const struct helper_part file = {"a", SPAN("hello")};

    (void)state;
    for (int i = 0; i < 2; i++) {
        AUTO(helper_answer_deinit) struct helper_answer a = {0};

        helper_api_send(shared, "{\"endpoint\":\"meldewesen\",\"recipient\":\"Stadt Beheim\"}",
                        &file, 1, &a);
        assert_int_equal(a.status, 202);
    }
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        AUTO(helper_answer_deinit) struct helper_answer full = {0};

        helper_api_get(shared, paths[i], NULL, &full);
        assert_int_equal(full.status, 200);
        for (int once = 0; once < 2; once++) {
            long left = 0;

            while (!starved_answer(paths[i], left, once != 0, &full))
                left++;
            assert_true(left > 3);
        }
    }
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows) + 2] = {cmocka_unit_test(refusals_speak_german),
                                                    cmocka_unit_test(want_of_memory_is_an_error)};

    memory.test = pthread_self();
    atomic_init(&memory.left, LONG_MAX);
    json_set_alloc_funcs(scarce, free);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[i + 2] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    return cmocka_run_group_tests_name("api_refusal", tests, shared_setup, shared_teardown);
}

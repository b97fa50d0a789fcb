#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/http_parse.h"

/* What came, as text: "METHOD path[?query] body;" for each request. */
struct seen {
    struct buf text;
    uint64_t body_len;
    bool keep_alive, expect;
    enum status fail; /* what the head callback returns */
};

static enum status on_head(void *ctx, const struct gw_http_head *head, struct error *err)
{
    struct seen *seen = ctx;

    buf_add(&seen->text, head->method_name);
    buf_char(&seen->text, ' ');
    buf_add(&seen->text, head->path);
    if (head->query.ptr != NULL) {
        buf_char(&seen->text, '?');
        buf_add(&seen->text, head->query);
    }
    buf_char(&seen->text, ' ');
    seen->body_len = head->body_len;
    seen->keep_alive = head->keep_alive;
    seen->expect = head->expect_continue;
    if (seen->fail != ST_OK)
        return error_set(err, seen->fail, 403, "as the test wishes");
    return ST_OK;
}

static enum status on_body(void *ctx, struct span bytes, struct error *err)
{
    struct seen *seen = ctx;

    (void)err;
    buf_add(&seen->text, bytes);
    return ST_OK;
}

static enum status on_end(void *ctx, struct error *err)
{
    struct seen *seen = ctx;

    (void)err;
    buf_char(&seen->text, ';');
    return ST_OK;
}

static const struct gw_http_parse_events events = {on_head, on_body, on_end};

/* Feeds step bytes at a time until all are used or it fails. */
static enum status feed(struct gw_http_parse *p, struct span bytes, size_t step, struct error *err)
{
    while (bytes.len > 0) {
        struct span piece = span_sub(bytes, 0, step);

        while (piece.len > 0) {
            size_t used;

            TRY(gw_http_parse_feed(p, piece, &used, err));
            assert_true(used > 0 && used <= piece.len);
            piece = span_from(piece, used);
        }
        bytes = span_from(bytes, step);
    }
    return ST_OK;
}

#define H "Host: a\r\n"

static const struct row {
    const char *name, *bytes, *seen;
    int http; /* 0: fine; else the status to answer */
} rows[] = {
    {"a plain GET", "GET /a?b=c HTTP/1.1\r\n" H "\r\n", "GET /a?b=c ;", 0},
    {"an empty query is one", "GET /a? HTTP/1.1\r\n" H "\r\n", "GET /a? ;", 0},
    {"blank lines in front", "\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", "GET / ;", 0},
    {"Content-Length", "POST /p HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello", "POST /p hello;",
     0},
    {"chunked",
     "PUT /p HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
     "3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n",
     "PUT /p hello;", 0},
    {"chunked with trailers",
     "POST / HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n\r\n"
     "1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n",
     "POST / x;", 0},
    {"two pipelined",
     "POST /1 HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\nxGET /2 HTTP/1.1\r\n" H "\r\n",
     "POST /1 x;GET /2 ;", 0},
    {"absolute form", "GET http://h:1/x?y HTTP/1.1\r\n" H "\r\n", "GET /x?y ;", 0},
    {"absolute form without a path", "GET http://h HTTP/1.1\r\n" H "\r\n", "GET / ;", 0},
    {"OPTIONS of all", "OPTIONS * HTTP/1.1\r\n" H "\r\n", "OPTIONS * ;", 0},
    {"an Upgrade is not followed",
     "GET / HTTP/1.1\r\n" H "Connection: Upgrade\r\n"
     "Upgrade: websocket\r\n\r\nGET /2 HTTP/1.1\r\n" H "\r\n",
     "GET / ;GET /2 ;", 0},
    {"HTTP/1.0 needs no Host", "GET / HTTP/1.0\r\n\r\n", "GET / ;", 0},
    {"an unfinished head is no error", "GET / HTTP/1.1\r\nHo", "", 0},
    {"no Host", "GET / HTTP/1.1\r\n\r\n", "", 400},
    {"two Hosts", "GET / HTTP/1.1\r\n" H H "\r\n", "", 400},
    {"a Host of slashes", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "", 400},
    {"both lengths",
     "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"
     "\r\n0\r\n\r\n",
     "", 400},
    {"both lengths, the other way",
     "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n"
     "Content-Length: 3\r\n\r\n0\r\n\r\n",
     "", 400},
    {"Content-Length twice",
     "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 3\r\n"
     "\r\nabc",
     "", 400},
    {"Content-Length as a list", "POST / HTTP/1.1\r\n" H "Content-Length: 3, 3\r\n\r\nabc", "",
     400},
    {"a negative Content-Length", "POST / HTTP/1.1\r\n" H "Content-Length: -3\r\n\r\n", "", 400},
    {"a signed Content-Length", "POST / HTTP/1.1\r\n" H "Content-Length: +3\r\n\r\n", "", 400},
    {"an empty Content-Length", "POST / HTTP/1.1\r\n" H "Content-Length: \r\n\r\n", "", 400},
    {"a Content-Length beyond 64 bits",
     "POST / HTTP/1.1\r\n" H "Content-Length: 18446744073709551617\r\n\r\n", "", 400},
    {"a Content-Length beyond 63 bits",
     "POST / HTTP/1.1\r\n" H "Content-Length: 9223372036854775808\r\n\r\n", "", 400},
    {"another coding", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n", "", 501},
    {"chunked twice",
     "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n"
     "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "", 400},
    {"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "",
     400},
    {"a blank before the colon", "POST / HTTP/1.1\r\n" H "Content-Length : 3\r\n\r\nabc", "", 400},
    {"a blank in a name", "GET / HTTP/1.1\r\n" H "A b: c\r\n\r\n", "", 400},
    {"a folded line", "GET / HTTP/1.1\r\n" H "A: b\r\n c\r\n\r\n", "", 400},
    {"an indented first field", "GET / HTTP/1.1\r\n A: b\r\n" H "\r\n", "", 400},
    {"bare LF", "GET / HTTP/1.1\n" H "\r\n", "", 400},
    {"bare LF between fields", "GET / HTTP/1.1\r\n" H "A: b\nC: d\r\n\r\n", "", 400},
    {"bare CR in a field", "GET / HTTP/1.1\r\n" H "A: b\rC: d\r\n\r\n", "", 400},
    {"a control character in a field", "GET / HTTP/1.1\r\n" H "A: b\x01\r\n\r\n", "", 400},
    {"no version", "GET /\r\n\r\n", "", 505},
    {"HTTP/2.0", "GET / HTTP/2.0\r\n" H "\r\n", "", 505},
    {"the HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "", 400},
    {"a version of many digits", "GET / HTTP/1.11\r\n" H "\r\n", "", 505},
    {"CONNECT", "CONNECT a:443 HTTP/1.1\r\n" H "\r\n", "", 501},
    {"no such method", "BREW / HTTP/1.1\r\n" H "\r\n", "", 400},
    {"a path without slash", "GET a HTTP/1.1\r\n" H "\r\n", "", 400},
    {"a fragment", "GET /a#b HTTP/1.1\r\n" H "\r\n", "", 400},
    {"a raw umlaut in the target", "GET /\xc3\xa4 HTTP/1.1\r\n" H "\r\n", "", 400},
    {"TLS to a plain port", "\x16\x03\x01\x02\x01\x01", "", 400},
    {"an expectation of another kind",
     "POST / HTTP/1.1\r\n" H "Expect: a-pony\r\n"
     "Content-Length: 1\r\n\r\n",
     "", 417},
    {"a chunk length that is none",
     "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
     "xyz\r\n",
     "POST / ", 400},
    {"a chunk length that overflows",
     "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
     "fffffffffffffffff\r\n",
     "POST / ", 400},
    {"a chunk longer than it says",
     "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
     "1\r\nxy\r\n0\r\n\r\n",
     "POST / x", 400},
};

static void seen_init(struct seen *seen)
{
    *seen = (struct seen){0};
    buf_init(&seen->text, 1 << 20);
}

/* Each row in one piece, byte by byte and in threes: the same is seen. */
static void test_row(void **state)
{
    static const size_t steps[] = {100000, 1, 3};
    const struct row *row = *state;

    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct gw_http_parse p;
        struct error err = {0};
        struct seen seen;
        enum status st;

        seen_init(&seen);
        gw_http_parse_init(&p, &events, &seen);
        st = feed(&p, span_str(row->bytes), steps[i], &err);
        assert_int_equal(st == ST_OK ? 0 : err.reason, row->http);
        assert_string_equal(buf_cstr(&seen.text), row->seen);
        if (st != ST_OK) {
            size_t used;

            assert_int_equal(gw_http_parse_feed(&p, SPAN("GET"), &used, &err), ST_INVALID);
        }
        gw_http_parse_deinit(&p);
        buf_deinit(&seen.text);
    }
}

/* start, then count times what, with step bytes fed at once. */
static int bomb(const char *start, const char *what, size_t count, struct seen *seen)
{
    AUTO(buf_deinit) struct buf bytes = {0};
    struct gw_http_parse p;
    struct error err = {0};
    enum status st;

    buf_init(&bytes, 1 << 20);
    buf_str(&bytes, start);
    for (size_t i = 0; i < count; i++)
        buf_str(&bytes, what);
    assert_false(bytes.failed);
    gw_http_parse_init(&p, &events, seen);
    st = feed(&p, buf_span(&bytes), 1000, &err);
    gw_http_parse_deinit(&p);
    return st == ST_OK ? 0 : err.reason;
}

static const struct bomb_row {
    const char *name, *start, *what;
    size_t count;
    int http;
} bombs[] = {
    {"one huge field", "GET / HTTP/1.1\r\n" H "A: ", "aaaaaaaaaa", 5000, 431},
    {"one huge name", "GET / HTTP/1.1\r\n" H, "aaaaaaaaaa", 5000, 431},
    {"101 fields", "GET / HTTP/1.1\r\n" H, "A: b\r\n", 100, 431},
    {"100 fields", "GET / HTTP/1.1\r\n" H, "A: b\r\n", 99, 0},
    {"a long target", "GET /", "aaaaaaaaaa", 820, 414},
    {"a target just short enough", "GET /", "aaaaaaaaaa", 819, 0},
    {"blank lines without end", "", "\r\n", 20000, 431},
    {"trailers without end", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n",
     "A: b\r\n", 20000, 431},
};

static void test_bomb(void **state)
{
    const struct bomb_row *row = *state;
    struct seen seen;

    seen_init(&seen);
    assert_int_equal(bomb(row->start, row->what, row->count, &seen), row->http);
    buf_deinit(&seen.text);
}

/* A NUL in the head, which a C string cannot say. */
static void test_nul(void **state)
{
    static const char bytes[] = "GET / HTTP/1.1\r\nHost: a\r\nA: b\0c\r\n\r\n";
    struct gw_http_parse p;
    struct error err = {0};
    struct seen seen;

    (void)state;
    seen_init(&seen);
    gw_http_parse_init(&p, &events, &seen);
    assert_int_equal(feed(&p, span_of(bytes, sizeof(bytes) - 1), 1000, &err), ST_INVALID);
    assert_int_equal(err.reason, 400);
    gw_http_parse_deinit(&p);
    buf_deinit(&seen.text);
}

static void test_head(void **state)
{
    struct gw_http_parse p;
    struct error err = {0};
    struct seen seen;
    AUTO(buf_deinit) struct buf value = {0};

    (void)state;
    seen_init(&seen);
    buf_init(&value, 100);
    gw_http_parse_init(&p, &events, &seen);
    assert_int_equal(feed(&p,
                          SPAN("POST /p?a=1&b=x%20y+z&c&d=%0 HTTP/1.1\r\n" H "X-One:  two  \r\n"
                               "Expect: 100-continue\r\nConnection: close\r\n"
                               "Content-Length: 7\r\n\r\n"),
                          7, &err),
                     ST_OK);
    assert_int_equal(p.head.method, GW_HTTP_POST);
    assert_int_equal(seen.body_len, 7);
    assert_true(seen.expect);
    assert_false(seen.keep_alive);
    assert_true(span_is(gw_http_head_field(&p.head, "x-one"), "two"));
    assert_null(gw_http_head_field(&p.head, "x-two").ptr);
    assert_int_equal(gw_http_query(&p.head, "b", &value, &err), ST_OK);
    assert_string_equal(buf_cstr(&value), "x y z");
    buf_reset(&value);
    assert_int_equal(gw_http_query(&p.head, "c", &value, &err), ST_OK);
    assert_int_equal(value.len, 0);
    assert_int_equal(gw_http_query(&p.head, "d", &value, &err), ST_INVALID);
    assert_int_equal(gw_http_query(&p.head, "e", &value, &err), ST_NOT_FOUND);
    assert_int_equal(gw_http_decode(SPAN("%00"), false, &value, &err), ST_INVALID);
    gw_http_parse_deinit(&p);
    buf_deinit(&seen.text);
}

static void test_callback_fails(void **state)
{
    struct gw_http_parse p;
    struct error err = {0};
    struct seen seen;

    (void)state;
    seen_init(&seen);
    seen.fail = ST_DENIED;
    gw_http_parse_init(&p, &events, &seen);
    assert_int_equal(feed(&p, SPAN("GET / HTTP/1.1\r\n" H "\r\n"), 100, &err), ST_DENIED);
    assert_int_equal(err.reason, 403);
    gw_http_parse_deinit(&p);
    buf_deinit(&seen.text);
}

int main(void)
{
    enum { OWN = 3 };
    struct CMUnitTest tests[OWN + ARRAY_LEN(rows) + ARRAY_LEN(bombs)] = {
        cmocka_unit_test(test_nul),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_callback_fails),
    };
    struct CMUnitTest *at = tests + OWN;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        *at++ =
            (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, (void *)(uintptr_t)&rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(bombs); i++)
        *at++ =
            (struct CMUnitTest){bombs[i].name, test_bomb, NULL, NULL, (void *)(uintptr_t)&bombs[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

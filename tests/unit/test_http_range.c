#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "gateway/http_range.h"

#define ETAG "\"aa\""
#define U64_MAX "18446744073709551615"

/* A file of 100 bytes, unless empty. */
static struct row {
    const char *name, *fields;
    enum gw_http_portion_kind kind;
    uint64_t first, len;
    bool empty;
} rows[] = {
    {"nothing is asked", "", GW_PORTION_WHOLE, 0, 100, false},
    {"a beginning", "Range: bytes=0-9\r\n", GW_PORTION_RANGE, 0, 10, false},
    {"one byte", "Range: bytes=99-99\r\n", GW_PORTION_RANGE, 99, 1, false},
    {"an end one past the file's", "Range: bytes=0-100\r\n", GW_PORTION_RANGE, 0, 100, false},
    {"an end past the file's", "Range: bytes=90-1000\r\n", GW_PORTION_RANGE, 90, 10, false},
    {"the largest end", "Range: bytes=90-" U64_MAX "\r\n", GW_PORTION_RANGE, 90, 10, false},
    {"all from an offset", "Range: bytes=40-\r\n", GW_PORTION_RANGE, 40, 60, false},
    {"the last ones", "Range: bytes=-5\r\n", GW_PORTION_RANGE, 95, 5, false},
    {"more last ones than there are", "Range: bytes=-500\r\n", GW_PORTION_RANGE, 0, 100, false},
    {"the unit in other letters", "Range: Bytes=0-0\r\n", GW_PORTION_RANGE, 0, 1, false},
    {"just behind the end", "Range: bytes=100-\r\n", GW_PORTION_OUTSIDE, 0, 0, false},
    {"far behind it", "Range: bytes=" U64_MAX "-\r\n", GW_PORTION_OUTSIDE, 0, 0, false},
    {"none of the last ones", "Range: bytes=-0\r\n", GW_PORTION_OUTSIDE, 0, 0, false},
    {"of an empty file", "Range: bytes=0-\r\n", GW_PORTION_OUTSIDE, 0, 0, true},
    {"the last ones of an empty file", "Range: bytes=-1\r\n", GW_PORTION_OUTSIDE, 0, 0, true},
    {"the end before the beginning", "Range: bytes=9-3\r\n", GW_PORTION_WHOLE, 0, 100, false},
    {"several ranges", "Range: bytes=0-1,5-6\r\n", GW_PORTION_WHOLE, 0, 100, false},
    {"two fields", "Range: bytes=0-1\r\nRange: bytes=5-6\r\n", GW_PORTION_WHOLE, 0, 100, false},
    {"another unit", "Range: lines=0-1\r\n", GW_PORTION_WHOLE, 0, 100, false},
    {"no number", "Range: bytes=a-b\r\n", GW_PORTION_WHOLE, 0, 100, false},
    {"nothing at all", "Range: bytes=-\r\n", GW_PORTION_WHOLE, 0, 100, false},
    {"no dash", "Range: bytes=5\r\n", GW_PORTION_WHOLE, 0, 100, false},
    {"two dashes", "Range: bytes=--5\r\n", GW_PORTION_WHOLE, 0, 100, false},
    {"a number too large", "Range: bytes=0-18446744073709551616\r\n", GW_PORTION_WHOLE, 0, 100,
     false},
    {"no unit", "Range: 0-5\r\n", GW_PORTION_WHOLE, 0, 100, false},
    {"an empty field", "Range:\r\n", GW_PORTION_WHOLE, 0, 100, false},

    {"it has it", "If-None-Match: " ETAG "\r\n", GW_PORTION_UNCHANGED, 0, 0, false},
    {"it has it, weakly", "If-None-Match: W/" ETAG "\r\n", GW_PORTION_UNCHANGED, 0, 0, false},
    {"one of several", "If-None-Match: \"b\", W/\"c\" ,\"aa\"\r\n", GW_PORTION_UNCHANGED, 0, 0,
     false},
    {"one of several fields", "If-None-Match: \"b\"\r\nIf-None-Match: \"aa\"\r\n",
     GW_PORTION_UNCHANGED, 0, 0, false},
    {"any", "If-None-Match: *\r\n", GW_PORTION_UNCHANGED, 0, 0, false},
    {"it has others", "If-None-Match: \"b\", \"a\"\r\n", GW_PORTION_WHOLE, 0, 100, false},
    {"a comma within a tag", "If-None-Match: \"b,\"aa\"\r\n", GW_PORTION_WHOLE, 0, 100, false},
    {"a broken list", "If-None-Match: aa, \"aa\"\r\n", GW_PORTION_WHOLE, 0, 100, false},
    {"having it beats a range", "If-None-Match: " ETAG "\r\nRange: bytes=0-1\r\n",
     GW_PORTION_UNCHANGED, 0, 0, false},

    {"the rest of the same", "If-Range: " ETAG "\r\nRange: bytes=50-\r\n", GW_PORTION_RANGE, 50, 50,
     false},
    {"the rest of another", "If-Range: \"b\"\r\nRange: bytes=50-\r\n", GW_PORTION_WHOLE, 0, 100,
     false},
    {"the rest, weakly", "If-Range: W/" ETAG "\r\nRange: bytes=50-\r\n", GW_PORTION_WHOLE, 0, 100,
     false},
    {"the rest, by a date", "If-Range: Wed, 21 Oct 2015 07:28:00 GMT\r\nRange: bytes=50-\r\n",
     GW_PORTION_WHOLE, 0, 100, false},

    {"this one only", "If-Match: " ETAG "\r\n", GW_PORTION_WHOLE, 0, 100, false},
    {"this one only, weakly", "If-Match: W/" ETAG "\r\n", GW_PORTION_OTHER, 0, 0, false},
    {"another one only", "If-Match: \"b\"\r\nRange: bytes=0-1\r\n", GW_PORTION_OTHER, 0, 0, false},
    {"whatever there is", "If-Match: *\r\nRange: bytes=0-1\r\n", GW_PORTION_RANGE, 0, 2, false},
};

struct asked {
    struct span etag;
    uint64_t len;
    struct gw_http_portion got;
};

static enum status on_head(void *ctx, const struct gw_http_head *head, struct error *err)
{
    struct asked *asked = ctx;

    (void)err;
    asked->got = gw_http_portion_of(head, asked->etag, asked->len);
    return ST_OK;
}

static enum status on_end(void *ctx, struct error *err)
{
    (void)ctx;
    (void)err;
    return ST_OK;
}

static struct gw_http_portion ask(const char *method, const struct row *row)
{
    static const struct gw_http_parse_events events = {.head = on_head, .end = on_end};
    struct asked asked = {.etag = SPAN(ETAG), .len = row->empty ? 0 : 100};
    struct gw_http_parse parse;
    struct error err = {0};
    char text[512];
    size_t used;

    (void)snprintf(text, sizeof text, "%s / HTTP/1.1\r\nHost: x\r\n%s\r\n", method, row->fields);
    gw_http_parse_init(&parse, &events, &asked);
    if (gw_http_parse_feed(&parse, span_str(text), &used, &err) != ST_OK)
        fail_msg("%s", err.text);
    gw_http_parse_deinit(&parse);
    return asked.got;
}

static void test_row(void **state)
{
    const struct row *row = *state;
    struct gw_http_portion got = ask("GET", row);

    assert_int_equal(got.kind, row->kind);
    if (row->kind != GW_PORTION_WHOLE && row->kind != GW_PORTION_RANGE)
        return;
    assert_int_equal(got.first, row->first);
    assert_int_equal(got.len, row->len);
}

/* RFC 9110, 14.2: of a HEAD a range is not looked at. */
static void ranges_are_for_get(void **state)
{
    const struct row row = {.fields = "Range: bytes=0-9\r\n"};

    (void)state;
    assert_int_equal(ask("HEAD", &row).kind, GW_PORTION_WHOLE);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows) + 1] = {cmocka_unit_test(ranges_are_for_get)};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[i + 1] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    return cmocka_run_group_tests_name("http_range", tests, NULL, NULL);
}

/* span, buf, arena, base64: the ground everything stands on */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/base/arena.h"
#include "crypto/base/buf.h"
#include "crypto/base/io.h"

struct base64_row {
    const char *name, *text, *bytes;
    enum status st;
};

static struct base64_row base64_rows[] = {
    {"empty", "", "", ST_OK},
    {"one byte", "YQ==", "a", ST_OK},
    {"two bytes", "YWI=", "ab", ST_OK},
    {"three bytes", "YWJj", "abc", ST_OK},
    {"white space anywhere", " Y\nWJ\r\n j\t", "abc", ST_OK},
    {"padding missing", "YWI", NULL, ST_INVALID},
    {"padding too early", "Y===", NULL, ST_INVALID},
    {"data after padding", "YQ==YQ==", NULL, ST_INVALID},
    {"padding inside", "YQ=a", NULL, ST_INVALID},
    {"three pads", "YWJj=", NULL, ST_INVALID},
    {"foreign character", "YW-j", NULL, ST_INVALID},
};

static void base64_row(void **state)
{
    const struct base64_row *row = *state;
    struct error err = {0};
    AUTO(buf_deinit) struct buf b = {0};

    buf_init(&b, 100);
    assert_int_equal(buf_base64_decode(&b, span_str(row->text), &err), row->st);
    if (row->st == ST_OK)
        assert_true(span_is(buf_span(&b), row->bytes));
    else
        assert_int_equal(b.len, 0);
}

static void base64_lines(void **state)
{
    struct error err = {0};
    AUTO(buf_deinit) struct buf b = {0}, back = {0};
    uint8_t bytes[200];

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7);
    buf_init(&b, 1000);
    buf_init(&back, 1000);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        buf_reset(&b);
        buf_reset(&back);
        buf_base64(&b, span_of(bytes, len), 76);
        assert_int_equal(buf_check(&b, &err), ST_OK);
        if (len == 57)
            assert_int_equal(b.len, 76); /* a full line has no line end after it */
        if (len == 58)
            assert_int_equal(b.ptr[76], '\n');
        assert_int_equal(buf_base64_decode(&back, buf_span(&b), &err), ST_OK);
        assert_true(span_eq(buf_span(&back), span_of(bytes, len)));
    }
}

/* The address sanitizer ends a program that asks for too much, unless it is told not to. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

/* Want of memory is no verdict about what was to be written; a limit is. */
static void buf_starved(void **state)
{
    struct buf b;
    struct error err = {0};

    (void)state;
    buf_init(&b, SIZE_MAX / 2);
    assert_null(buf_grow(&b, SIZE_MAX / 4));
    assert_int_equal(buf_check(&b, &err), ST_LIMIT);
    assert_true(err.starved);
    buf_reset(&b);
    buf_str(&b, "again");
    assert_int_equal(buf_check(&b, &err), ST_OK);
    b.max = 4;
    assert_null(buf_grow(&b, 1));
    assert_int_equal(buf_check(&b, &err), ST_LIMIT);
    assert_false(err.starved);
    buf_deinit(&b);
}

static void buf_limit(void **state)
{
    struct error err = {0};
    AUTO(buf_deinit) struct buf b = {0};

    (void)state;
    buf_init(&b, 4);
    buf_str(&b, "abcd");
    assert_int_equal(buf_check(&b, &err), ST_OK);
    assert_string_equal(buf_cstr(&b), "abcd");
    buf_str(&b, "e");
    buf_str(&b, "");
    assert_int_equal(buf_check(&b, &err), ST_LIMIT);
    assert_int_equal(b.len, 4);
}

static void buf_escapes(void **state)
{
    AUTO(buf_deinit) struct buf b = {0};

    (void)state;
    buf_init(&b, 1000);
    buf_xml_text(&b, SPAN("a<b>&\"\r\n"));
    buf_char(&b, '|');
    buf_xml_attr(&b, SPAN("a<b>&\"\t\r\n"));
    assert_string_equal(buf_cstr(&b), "a&lt;b&gt;&amp;\"&#xD;\n|a&lt;b>&amp;&quot;&#x9;&#xD;&#xA;");
}

static void arena_limit(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 64 * 1024);
    assert_non_null(arena_alloc(&a, 60000));
    assert_null(arena_alloc(&a, 60000));
    assert_null(arena_array(&a, SIZE_MAX / 2, 3));
    assert_string_equal(arena_str(&a, SPAN("x")), "x");
    arena_deinit(&a);
}

static void numbers(void **state)
{
    uint64_t v = 0;

    (void)state;
    assert_true(span_to_u64(SPAN("18446744073709551615"), &v));
    assert_true(v == UINT64_MAX);
    assert_false(span_to_u64(SPAN("18446744073709551616"), &v));
    assert_false(span_to_u64(SPAN(""), &v));
    assert_false(span_to_u64(SPAN("+1"), &v));
}

static void splitting(void **state)
{
    struct span rest = SPAN("a,,b"), head;

    (void)state;
    assert_true(span_split(&rest, ',', &head));
    assert_true(span_is(head, "a"));
    assert_true(span_split(&rest, ',', &head));
    assert_int_equal(head.len, 0);
    assert_true(span_split(&rest, ',', &head));
    assert_true(span_is(head, "b"));
    assert_false(span_split(&rest, ',', &head));
}

static void source_parts(void **state)
{
    struct error err = {0};
    struct source_span all;
    struct source_part part;
    struct source *s;
    AUTO(buf_deinit) struct buf b = {0};

    (void)state;
    s = source_part_init(&part, source_span_init(&all, SPAN("0123456789")), 3, 4);
    buf_init(&b, 10);
    assert_int_equal(source_read_all(s, &b, &err), ST_OK);
    assert_string_equal(buf_cstr(&b), "3456");
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(base64_rows) + 8];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(base64_rows); i++)
        tests[n++] =
            (struct CMUnitTest){base64_rows[i].name, base64_row, NULL, NULL, &base64_rows[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(base64_lines);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(buf_starved);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(buf_limit);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(buf_escapes);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(arena_limit);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(numbers);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(splitting);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(source_parts);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

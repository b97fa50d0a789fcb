/* form-data bodies: sound ones in any form, broken ones refused, cut ones noticed */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "gateway/explain.h"
#include "gateway/multipart.h"

#define TYPE "multipart/form-data; boundary=xx"
#define NAME(n) "Content-Disposition: form-data; name=\"" n "\"\r\n"
#define FILE_(n, f) "Content-Disposition: form-data; name=\"" n "\"; filename=\"" f "\"\r\n"

/* What was read, as name[/filename][:type]=bytes; for each part. */
static enum status read_all(struct span type, struct source *from, struct buf *out,
                            struct error *err)
{
    AUTO(gw_multipart_deinit) struct gw_multipart m = {0};
    struct sink_buf sink;
    bool more;

    TRY(gw_multipart_init(&m, type, from, err));
    for (;;) {
        TRY(gw_multipart_next(&m, &more, err));
        if (!more)
            return ST_OK;
        buf_str(out, m.part.name);
        if (m.part.filename[0] != '\0')
            buf_printf(out, "/%s", m.part.filename);
        if (m.part.content_type[0] != '\0')
            buf_printf(out, ":%s", m.part.content_type);
        buf_char(out, '=');
        TRY(gw_multipart_read(&m, sink_buf_init(&sink, out), 1 << 20, err));
        buf_char(out, ';');
    }
}

static struct row {
    const char *name, *type, *body;
    const char *want; /* NULL: refused */
} rows[] = {
    {"one part", TYPE, "--xx\r\n" NAME("a") "\r\nhello\r\n--xx--\r\n", "a=hello;"},
    {"two parts and types", TYPE,
     "--xx\r\n" NAME("meta") "Content-Type: application/json\r\n\r\n{}\r\n"
                             "--xx\r\n" FILE_(
                                 "file", "ä b.txt") "Content-Type: text/plain\r\n\r\nx\r\n--xx--",
     "meta:application/json={};file/ä b.txt:text/plain=x;"},
    {"an empty part", TYPE, "--xx\r\n" NAME("a") "\r\n\r\n--xx--", "a=;"},
    {"no part at all", TYPE, "--xx--\r\n", ""},
    {"blanks behind a boundary", TYPE, "--xx \t\r\n" NAME("a") "\r\n1\r\n--xx--", "a=1;"},
    {"anything behind the end", TYPE, "--xx\r\n" NAME("a") "\r\n1\r\n--xx--\r\n--xx\r\n", "a=1;"},
    {"a quoted boundary", "Multipart/Form-Data; charset=utf-8; boundary=\"x y\"",
     "--x y\r\n" NAME("a") "\r\n1\r\n--x y--", "a=1;"},
    {"fields in other case", TYPE,
     "--xx\r\ncontent-disposition:FORM-DATA;NAME=a\r\nX-Other: 1\r\n\r\n1\r\n--xx--", "a=1;"},
    {"a boundary that almost comes", TYPE,
     "--xx\r\n" NAME("a") "\r\n\r\n--x\r\n-xx\r\n\r\r\n--\r\n--xx--",
     "a=\r\n--x\r\n-xx\r\n\r\r\n--;"},
    {"the boundary within a line", TYPE, "--xx\r\n" NAME("a") "\r\n1--xx--\n--xx\r--xx\r\n--xx--",
     "a=1--xx--\n--xx\r--xx;"},
    {"quotes in a file name, curl's way", TYPE,
     "--xx\r\n" FILE_("f", "a\\\"b\\\\c%22%0D%0Ad%41.txt") "\r\n1\r\n--xx--",
     "f/a\"b\\c\"\r\nd%41.txt=1;"},
    {"a Windows path", TYPE, "--xx\r\n" FILE_("f", "C:\\x\\y.txt") "\r\n1\r\n--xx--",
     "f/C:\\x\\y.txt=1;"},
    {"a binary encoding", TYPE,
     "--xx\r\n" NAME("a") "Content-Transfer-Encoding: binary\r\n\r\n1\r\n--xx--", "a=1;"},

    {"another type", "multipart/mixed; boundary=xx", "--xx--", NULL},
    {"no boundary", "multipart/form-data", "--xx--", NULL},
    {"an empty boundary", "multipart/form-data; boundary=\"\"", "----", NULL},
    {"two boundaries", TYPE "; boundary=yy", "--xx--", NULL},
    {"a boundary of 71 characters",
     "multipart/form-data; "
     "boundary=aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg1",
     "--aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg1--", NULL},
    {"a boundary with a line end", "multipart/form-data; boundary=\"x\r\n\"", "--x\r\n--", NULL},
    {"a type that breaks off", "multipart/form-data; boundary=\"xx", "--xx--", NULL},
    {"nothing", TYPE, "", NULL},
    {"text in front", TYPE, "hello\r\n--xx\r\n" NAME("a") "\r\n1\r\n--xx--", NULL},
    {"a line end in front", TYPE, "\r\n--xx\r\n" NAME("a") "\r\n1\r\n--xx--", NULL},
    {"another boundary", TYPE, "--xy\r\n" NAME("a") "\r\n1\r\n--xy--", NULL},
    {"no end", TYPE, "--xx\r\n" NAME("a") "\r\n1\r\n", NULL},
    {"the end without its hyphens", TYPE, "--xx\r\n" NAME("a") "\r\n1\r\n--xx", NULL},
    {"the end with one hyphen", TYPE, "--xx\r\n" NAME("a") "\r\n1\r\n--xx-", NULL},
    {"something behind a boundary", TYPE, "--xx\r\n" NAME("a") "\r\n1\r\n--xxy\r\n--xx--", NULL},
    {"a bare LF behind a boundary", TYPE, "--xx\n" NAME("a") "\r\n1\r\n--xx--", NULL},
    {"a boundary where bytes should begin", TYPE, "--xx\r\n" NAME("a") "\r\n--xx--", NULL},
    {"no head", TYPE, "--xx\r\n\r\n1\r\n--xx--", NULL},
    {"a head without an end", TYPE, "--xx\r\n" NAME("a") "1\r\n--xx--", NULL},
    {"no name", TYPE, "--xx\r\nContent-Disposition: form-data\r\n\r\n1\r\n--xx--", NULL},
    {"no Content-Disposition", TYPE, "--xx\r\nContent-Type: a/b\r\n\r\n1\r\n--xx--", NULL},
    {"two Content-Disposition", TYPE, "--xx\r\n" NAME("a") NAME("b") "\r\n1\r\n--xx--", NULL},
    {"two names", TYPE, "--xx\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\n1\r\n--xx--",
     NULL},
    {"two file names", TYPE,
     "--xx\r\nContent-Disposition: form-data; name=a; filename=b; filename=c\r\n\r\n1\r\n--xx--",
     NULL},
    {"an attachment", TYPE, "--xx\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--xx--",
     NULL},
    {"a name that breaks off", TYPE,
     "--xx\r\nContent-Disposition: form-data; name=\"a\r\n\r\n1\r\n--xx--", NULL},
    {"a folded field", TYPE,
     "--xx\r\nContent-Disposition: form-data;\r\n name=a\r\n\r\n1\r\n--xx--", NULL},
    {"a bare LF in the head", TYPE, "--xx\r\n" NAME("a") "X: 1\nY: 2\r\n\r\n1\r\n--xx--", NULL},
    {"a blank before the colon", TYPE,
     "--xx\r\nContent-Disposition : form-data; name=a\r\n\r\n1\r\n--xx--", NULL},
    {"base64", TYPE, "--xx\r\n" NAME("a") "Content-Transfer-Encoding: base64\r\n\r\nMQ==\r\n--xx--",
     NULL},
    {"two types", TYPE,
     "--xx\r\n" NAME("a") "Content-Type: a/b\r\nContent-Type: c/d\r\n\r\n1\r\n--xx--", NULL},
    {"17 fields", TYPE,
     "--xx\r\n" NAME("a") "A:1\r\nA:2\r\nA:3\r\nA:4\r\nA:5\r\nA:6\r\nA:7\r\nA:8\r\nA:9\r\nA:10\r\n"
                          "A:11\r\nA:12\r\nA:13\r\nA:14\r\nA:15\r\nA:16\r\n\r\n1\r\n--xx--",
     NULL},
};

static void test_row(void **state)
{
    const struct row *row = *state;
    AUTO(buf_deinit) struct buf out = {0};
    struct source_span source;
    struct error err = {0};
    enum status st;

    buf_init(&out, 1 << 20);
    st = read_all(span_str(row->type), source_span_init(&source, span_str(row->body)), &out, &err);
    if (row->want == NULL) {
        assert_int_equal(st, ST_INVALID);
        assert_int_equal(err.reason, GW_R_API_BAD_REQUEST);
        return;
    }
    if (st != ST_OK)
        fail_msg("%s", err.text);
    assert_string_equal(buf_cstr(&out), row->want);
}

/* Wherever a body is cut before the hyphens of its end, that is noticed. */
static void every_cut_is_noticed(void **state)
{
    static const char body[] = "--xx\r\n" NAME("meta") "\r\n{}\r\n--xx\r\n" FILE_(
        "file", "a") "Content-Type: a/b\r\n\r\n12\r\n--x\r\n--xx--";

    (void)state;
    for (size_t len = 0; len < sizeof body - 1; len++) {
        AUTO(buf_deinit) struct buf out = {0};
        struct source_span source;
        struct error err = {0};

        buf_init(&out, 1 << 20);
        assert_int_equal(
            read_all(SPAN(TYPE), source_span_init(&source, span_of(body, len)), &out, &err),
            ST_INVALID);
    }
}

/* The boundary at every place around the window's end, and bytes that look like its beginning. */
static void boundaries_at_every_place(void **state)
{
    enum { WINDOW = 64 * 1024, AROUND = 24 };

    (void)state;
    for (size_t len = WINDOW - 2 * AROUND - 60; len < WINDOW + AROUND; len++) {
        AUTO(buf_deinit) struct buf body = {0}, out = {0};
        struct source_span source;
        struct error err = {0};
        size_t begin;

        buf_init(&body, 4 * WINDOW);
        buf_init(&out, 4 * WINDOW);
        buf_str(&body, "--xx\r\n" NAME("a") "\r\n");
        begin = body.len;
        for (size_t i = 0; i < len; i++)
            buf_char(&body, "\r\n--x"[i % 5]);
        buf_str(&body, "\r\n--xx\r\n" NAME("b") "\r\nend\r\n--xx--");
        if (read_all(SPAN(TYPE), source_span_init(&source, buf_span(&body)), &out, &err) != ST_OK)
            fail_msg("%zu: %s", len, err.text);
        assert_int_equal(out.len, 2 + len + 1 + strlen("b=end;"));
        assert_memory_equal(out.ptr + 2, body.ptr + begin, len);
        assert_true(span_ends(buf_span(&out), SPAN(";b=end;")));
    }
}

static void a_part_has_a_bound(void **state)
{
    static const char body[] = "--xx\r\n" NAME("a") "\r\n12345\r\n--xx--";
    AUTO(gw_multipart_deinit) struct gw_multipart m = {0};
    AUTO(buf_deinit) struct buf out = {0};
    struct source_span source;
    struct sink_buf sink;
    struct error err = {0};
    bool more;

    (void)state;
    buf_init(&out, 100);
    assert_int_equal(gw_multipart_init(&m, SPAN(TYPE), source_span_init(&source, SPAN(body)), &err),
                     ST_OK);
    assert_int_equal(gw_multipart_next(&m, &more, &err), ST_OK);
    assert_true(more);
    assert_int_equal(gw_multipart_read(&m, sink_buf_init(&sink, &out), 4, &err), ST_LIMIT);
    assert_int_equal(err.reason, GW_R_API_TOO_LARGE);
}

static void unread_parts_are_passed_over(void **state)
{
    static const char body[] = "--xx\r\n" NAME("a") "\r\n1\r\n--xx\r\n" NAME("b") "\r\n2\r\n--xx--";
    AUTO(gw_multipart_deinit) struct gw_multipart m = {0};
    struct source_span source;
    struct error err = {0};
    bool more;

    (void)state;
    assert_int_equal(gw_multipart_init(&m, SPAN(TYPE), source_span_init(&source, SPAN(body)), &err),
                     ST_OK);
    assert_int_equal(gw_multipart_next(&m, &more, &err), ST_OK);
    assert_string_equal(m.part.name, "a");
    assert_int_equal(gw_multipart_next(&m, &more, &err), ST_OK);
    assert_string_equal(m.part.name, "b");
    assert_int_equal(gw_multipart_next(&m, &more, &err), ST_OK);
    assert_false(more);
}

/* A head that is too long is refused, wherever its end may be. */
static void a_head_has_a_bound(void **state)
{
    AUTO(buf_deinit) struct buf body = {0}, out = {0};
    struct source_span source;
    struct error err = {0};

    (void)state;
    buf_init(&body, 1 << 20);
    buf_init(&out, 1 << 20);
    buf_str(&body, "--xx\r\n" NAME("a") "X-Long: ");
    for (int i = 0; i < GW_PART_HEAD_MAX; i++)
        buf_char(&body, 'x');
    buf_str(&body, "\r\n\r\n1\r\n--xx--");
    assert_int_equal(read_all(SPAN(TYPE), source_span_init(&source, buf_span(&body)), &out, &err),
                     ST_INVALID);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows) + 5];
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[count++] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(every_cut_is_noticed);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(boundaries_at_every_place);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(a_part_has_a_bound);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(unread_parts_are_passed_over);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(a_head_has_a_bound);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

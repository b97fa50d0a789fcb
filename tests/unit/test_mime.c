/* The MIME frame: which forms are taken and refused (wire-notes 3), at every size of a read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/base/mime.h"

#define HEAD                                                                                       \
    "MIME-Version: 1.0\r\nContent-Type: Multipart/Related; boundary=B+/1; type=text/xml\r\n\r\n"
#define XML_HEAD                                                                                   \
    "--B+/1\r\nContent-Type: text/xml; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n"       \
    "Content-ID: <osci@message>\r\n\r\n"
#define XML_PART XML_HEAD "<a/>\r\n"
#define FILE_HEAD                                                                                  \
    "--B+/1\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: 8-bit\r\n"     \
    "Content-ID: <x>\r\n\r\n"
#define END "--B+/1--\r\n"

/* gives at most step bytes a read */
struct slow {
    struct source base;
    struct span bytes;
    size_t step;
};

static enum status slow_read(struct source *self, uint64_t offset, void *bytes, size_t cap,
                             size_t *got, struct error *err)
{
    struct slow *s = (struct slow *)self;
    struct span part = span_sub(s->bytes, (size_t)offset, cap < s->step ? cap : s->step);

    (void)err;
    if (part.len > 0)
        memcpy(bytes, part.ptr, part.len);
    *got = part.len;
    return ST_OK;
}

/* "id=bytes;" of each part, in out */
static enum status parts_of(struct span wire, size_t step, char *out, size_t cap, struct error *err)
{
    struct slow source = {{slow_read, wire.len}, wire, step};
    AUTO(arena_deinit) struct arena arena = {0};
    struct mime_reader r;
    struct mime_part *part;
    size_t used = 0;

    arena_init(&arena, 1 << 20);
    out[0] = '\0';
    TRY(mime_reader_init(&r, &source.base, &arena, err));
    for (;;) {
        struct span piece;
        uint64_t len = 0;

        TRY(mime_reader_next(&r, &part, err));
        if (part == NULL)
            return ST_OK;
        used += (size_t)snprintf(out + used, cap - used, "%.*s%s=", SPAN_FMT(part->content_id),
                                 part->base64 ? "(base64)" : "");
        do {
            TRY(mime_reader_piece(&r, &piece, err));
            used += (size_t)snprintf(out + used, cap - used, "%.*s", SPAN_FMT(piece));
            len += piece.len;
        } while (piece.len > 0);
        used += (size_t)snprintf(out + used, cap - used, ";");
        assert_int_equal(len, part->len);
        assert_true(part->offset + part->len <= wire.len);
    }
}

static struct row {
    const char *name, *wire;
    const char *parts; /* NULL: refused with 9100 */
} rows[] = {
    {"one part", HEAD XML_PART END, "osci@message=<a/>;"},
    {"two parts", HEAD XML_PART FILE_HEAD "bytes\r\n" END, "osci@message=<a/>;x=bytes;"},
    {"an empty part", HEAD XML_PART FILE_HEAD "\r\n" END, "osci@message=<a/>;x=;"},
    {"an empty part whose header ends at the boundary", HEAD XML_PART FILE_HEAD END,
     "osci@message=<a/>;x=;"},
    {"a part that ends in CRLF", HEAD XML_PART FILE_HEAD "a\r\n\r\n" END,
     "osci@message=<a/>;x=a\r\n;"},
    {"a boundary that goes on is none", HEAD XML_PART FILE_HEAD "a\r\n--B+/12\r\n" END,
     "osci@message=<a/>;x=a\r\n--B+/12;"},
    {"a boundary inside a line is none", HEAD XML_PART FILE_HEAD "a--B+/1\r\n" END,
     "osci@message=<a/>;x=a--B+/1;"},
    {"half a boundary twice", HEAD XML_PART FILE_HEAD "\r\n--B\r\n--B+/\r\n" END,
     "osci@message=<a/>;x=\r\n--B\r\n--B+/;"},
    {"blanks behind a boundary",
     HEAD "--B+/1 \t\r\nContent-Type: text/xml\r\nContent-ID: <i>\r\n\r\nx\r\n" END, "i=x;"},
    {"boundary quoted",
     "Content-Type: multipart/related; type=\"a;b\"; boundary=\"B+/1\"\r\n\r\n" XML_PART END,
     "osci@message=<a/>;"},
    {"boundary with =, no blank after ;",
     "Content-Type: Multipart/Related;start=<x>;boundary=B==\r\n\r\n--B==\r\nContent-ID: i\r\n"
     "Content-Type: t\r\n\r\nx\r\n--B==--",
     "i=x;"},
    {"header names in any case and order, folded",
     "content-type: Multipart/Related;\r\n\tboundary=B+/1;\r\n type=text/xml\r\nmime-version:1.0"
     "\r\n\r\n--B+/1\r\ncontent-id:\r\n <i>\r\nCONTENT-TYPE: text/xml\r\n\r\nx\r\n" END,
     "i=x;"},
    {"empty lines in front", "\r\n\r\n" HEAD "\r\n" XML_PART END, "osci@message=<a/>;"},
    {"no MIME-Version", "Content-Type: Multipart/Related; boundary=B+/1\r\n\r\n" XML_PART END,
     "osci@message=<a/>;"},
    {"no CRLF after the last boundary", HEAD XML_PART "--B+/1--", "osci@message=<a/>;"},
    {"bytes after the last boundary", HEAD XML_PART END "\r\nhello\r\n--B+/1\r\n",
     "osci@message=<a/>;"},
    {"charset in lower case and quotes",
     HEAD "--B+/1\r\nContent-Type: text/xml; charset=\"utf-8\"\r\nContent-ID: i\r\n\r\nx\r\n" END,
     "i=x;"},
    {"another charset at an attachment",
     HEAD XML_PART "--B+/1\r\nContent-Type: text/plain; charset=ISO-8859-1\r\nContent-ID: y\r\n"
                   "\r\nx\r\n" END,
     "osci@message=<a/>;y=x;"},
    {"base64 by transfer encoding",
     HEAD XML_PART "--B+/1\r\nContent-Type: a/b\r\nContent-Transfer-Encoding: BASE64\r\n"
                   "Content-ID: <y>\r\n\r\nQQ==\r\n" END,
     "osci@message=<a/>;y(base64)=QQ==;"},
    {"base64 by type",
     HEAD XML_PART "--B+/1\r\nContent-Type: text/base64\r\nContent-Transfer-Encoding: 7bit\r\n"
                   "Content-ID: <y>\r\n\r\nQQ==\r\n" END,
     "osci@message=<a/>;y(base64)=QQ==;"},
    {"Content-Length is not believed",
     HEAD XML_PART "--B+/1\r\nContent-Type: a/b\r\nContent-Length: 1\r\nContent-ID: <y>\r\n\r\n"
                   "abc\r\n" END,
     "osci@message=<a/>;y=abc;"},
    {"an id with blanks and UTF-8",
     HEAD XML_PART "--B+/1\r\nContent-Type: a/b\r\nContent-ID: <\xc3\xa4 b>\r\n\r\nx\r\n" END,
     "osci@message=<a/>;\xc3\xa4 b=x;"},

    {"nothing", "", NULL},
    {"bare XML", "<?xml version=\"1.0\"?>\r\n<a/>\r\n", NULL},
    {"line ends are LF",
     "Content-Type: Multipart/Related; boundary=B\n\n--B\nContent-ID: i\n\nx\n--B--", NULL},
    {"not related", "Content-Type: multipart/mixed; boundary=B+/1\r\n\r\n" XML_PART END, NULL},
    {"no boundary", "Content-Type: Multipart/Related\r\n\r\n" XML_PART END, NULL},
    {"an empty boundary", "Content-Type: Multipart/Related; boundary=\"\"\r\n\r\n--\r\n", NULL},
    {"another MIME version", "MIME-Version: 2.0\r\n" HEAD XML_PART END, NULL},
    {"two Content-Types", "Content-Type: Multipart/Related; boundary=A\r\n" HEAD XML_PART END,
     NULL},
    {"text before the first boundary", HEAD "hello\r\n" XML_PART END, NULL},
    {"no closing boundary", HEAD XML_HEAD "<a/>\r\n", NULL},
    {"another part begins, nothing follows", HEAD XML_PART "--B+/1\r\n", NULL},
    {"no Content-ID", HEAD "--B+/1\r\nContent-Type: text/xml\r\n\r\nx\r\n" END, NULL},
    {"no Content-Type", HEAD "--B+/1\r\nContent-ID: <i>\r\n\r\nx\r\n" END, NULL},
    {"the same Content-ID twice", HEAD XML_PART FILE_HEAD "a\r\n" FILE_HEAD "b\r\n" END, NULL},
    {"another charset",
     HEAD "--B+/1\r\nContent-Type: text/xml; charset=ISO-8859-1\r\nContent-ID: i\r\n\r\nx\r\n" END,
     NULL},
    {"quoted-printable",
     HEAD XML_PART "--B+/1\r\nContent-Type: a/b\r\nContent-ID: y\r\n"
                   "Content-Transfer-Encoding: quoted-printable\r\n\r\nx\r\n" END,
     NULL},
    {"a header without a colon", HEAD "--B+/1\r\nContent-Type\r\n\r\nx\r\n" END, NULL},
};

static void test_row(void **state)
{
    static const size_t steps[] = {1, 2, 3, 7, 64, 100000};
    const struct row *row = *state;
    char out[4096];

    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct error err = {0};
        enum status st = parts_of(span_str(row->wire), steps[i], out, sizeof out, &err);

        if (row->parts == NULL) {
            assert_int_equal(st, ST_INVALID);
            assert_int_equal(err.reason, 9100);
        } else {
            if (st != ST_OK)
                print_error("%s\n", err.text);
            assert_int_equal(st, ST_OK);
            assert_string_equal(out, row->parts);
        }
    }
}

/* Cut anywhere before the closing boundary is complete, a message is refused. */
static void test_cut(void **state)
{
    const char *wire = HEAD XML_PART FILE_HEAD "bytes\r\n--B+/\r\n--B+/1--";
    char out[4096];

    (void)state;
    for (size_t len = 0; len < strlen(wire); len++) {
        struct error err = {0};

        assert_int_equal(parts_of(span_of(wire, len), 5, out, sizeof out, &err), ST_INVALID);
        assert_int_equal(err.reason, 9100);
    }
}

static char *repeated(const char *head, char c, size_t count, const char *tail)
{
    size_t len = strlen(head);
    char *text = malloc(len + count + strlen(tail) + 1);

    assert_non_null(text);
    memcpy(text, head, len);
    memset(text + len, c, count);
    memcpy(text + len + count, tail, strlen(tail) + 1);
    return text;
}

/* A part around the size of the window: the boundary must be found wherever it falls. */
static void test_window(void **state)
{
    static const char head[] = HEAD XML_PART FILE_HEAD;

    (void)state;
    for (size_t n = 65000; n < 65700; n++) {
        AUTO(free_drop) char *text = repeated(head, 'x', n, "\r\n" END);
        struct source_span source;
        AUTO(arena_deinit) struct arena arena = {0};
        struct error err = {0};
        struct mime_reader r;
        struct mime_part *part;

        arena_init(&arena, 1 << 20);
        assert_int_equal(
            mime_reader_init(&r, source_span_init(&source, span_str(text)), &arena, &err), ST_OK);
        assert_int_equal(mime_reader_next(&r, &part, &err), ST_OK);
        assert_int_equal(mime_reader_next(&r, &part, &err), ST_OK);
        assert_int_equal(part->offset, strlen(head));
        assert_int_equal(mime_reader_next(&r, &part, &err), ST_OK);
        assert_null(part);
        assert_int_equal(r.part->len, n);
    }
}

static void test_bounds(void **state)
{
    AUTO(free_drop) char *line = repeated("X: ", 'x', MIME_LINE_MAX, "\r\n" HEAD XML_PART END);
    AUTO(buf_deinit) struct buf many = {0};
    size_t cap = (MIME_PARTS_MAX + 9) * 16;
    AUTO(free_drop) char *out = malloc(cap);
    struct error err = {0};

    (void)state;
    assert_non_null(out);
    assert_int_equal(parts_of(span_str(line), 4096, out, cap, &err), ST_INVALID);
    assert_int_equal(err.reason, 9100);

    buf_init(&many, 1 << 20);
    buf_str(&many, HEAD);
    for (int i = 0; i <= MIME_PARTS_MAX; i++)
        buf_printf(&many, "--B+/1\r\nContent-Type: t\r\nContent-ID: %d\r\n\r\nx\r\n", i);
    buf_str(&many, END);
    assert_int_equal(parts_of(buf_span(&many), 4096, out, cap, &err), ST_LIMIT);
    assert_int_equal(err.reason, 9100);

    buf_reset(&many);
    for (int i = 0; i <= MIME_HEADERS_MAX; i++)
        buf_str(&many, "X: y\r\n");
    buf_str(&many, HEAD XML_PART END);
    assert_int_equal(parts_of(buf_span(&many), 4096, out, cap, &err), ST_INVALID);
}

static struct base64_row {
    const char *name, *text, *bytes; /* NULL: refused */
} base64_rows[] = {
    {"empty", "", ""},
    {"three", "YWJj", "abc"},
    {"two", "YWI=", "ab"},
    {"one", "YQ==", "a"},
    {"lines of LF and CRLF", "YW\nJj\r\n YWI\t=\n", "abcab"},
    {"cut off", "YWJjY", NULL},
    {"padding too early", "Y===", NULL},
    {"padding in the middle", "YQ==YQ==", NULL},
    {"half a padding", "YQ=", NULL},
    {"a letter after padding", "YQ=Y", NULL},
    {"too much padding", "YWJj=", NULL},
    {"foreign", "YW-j", NULL},
};

static void test_base64(void **state)
{
    const struct base64_row *row = *state;

    for (size_t step = 1; step <= 8; step++) {
        struct mime_base64 b = {0};
        AUTO(buf_deinit) struct buf out = {0};
        struct error err = {0};
        struct span rest = span_str(row->text);
        enum status st = ST_OK;

        buf_init(&out, 1000);
        for (; st == ST_OK && rest.len > 0; rest = span_from(rest, step))
            st = mime_base64_push(&b, span_sub(rest, 0, step), &out, &err);
        if (st == ST_OK)
            st = mime_base64_finish(&b, &err);
        assert_int_equal(st, row->bytes == NULL ? ST_INVALID : ST_OK);
        if (row->bytes != NULL)
            assert_true(span_is(buf_span(&out), row->bytes));
    }
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows) + ARRAY_LEN(base64_rows) + 3] = {
        cmocka_unit_test(test_cut), cmocka_unit_test(test_window), cmocka_unit_test(test_bounds)};
    size_t n = 3;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[n++] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(base64_rows); i++)
        tests[n++] =
            (struct CMUnitTest){base64_rows[i].name, test_base64, NULL, NULL, &base64_rows[i]};
    return cmocka_run_group_tests_name("mime", tests, NULL, NULL);
}

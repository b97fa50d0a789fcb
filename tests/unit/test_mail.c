/* E-mails as bytes: the same however they are read, and nothing in them ends a line but we. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "gateway/mail.h"

static const char *const to[] = {"amt@beheim.example", "archiv@beheim.example"};
static const int64_t date = INT64_C(1777882500000); /* 2026-05-04T08:15:00Z */

/* A mail with one file; its bytes, read by cap at a time. */
static void mail_bytes(const char *subject, const char *name, struct span content, size_t cap,
                       struct buf *out)
{
    AUTO(arena_deinit) struct arena arena = {.max = 1 << 20};
    struct source_span bytes;
    const struct gw_mail_file file = {name, source_span_init(&bytes, content)};
    const struct gw_mail_conf conf = {.from = "gateway@ahausen.example",
                                      .to = to,
                                      .to_count = 2,
                                      .subject = subject,
                                      .body = "Guten Tag\n.\nGrüße",
                                      .id = "0190-id",
                                      .date = date,
                                      .files = &file,
                                      .file_count = 1};
    struct gw_mail mail;
    struct error err = {0};
    uint8_t piece[4096];
    size_t got;

    assert_true(cap <= sizeof piece);
    assert_int_equal(gw_mail_init(&mail, &conf, &arena, &err), ST_OK);
    buf_init(out, 1 << 24);
    do {
        assert_int_equal(source_read(&mail.base, out->len, piece, cap, &got, &err), ST_OK);
        buf_add(out, span_of(piece, got));
    } while (got > 0);
    assert_int_equal(out->len, mail.base.len);
}

static void golden(void **state)
{
    AUTO(buf_deinit) struct buf b = {0};

    (void)state;
    mail_bytes("Bescheid", "plan.pdf", SPAN("abc"), 4096, &b);
    assert_string_equal(buf_cstr(&b),
                        "Date: Mon, 4 May 2026 08:15:00 +0000\r\n"
                        "From: <gateway@ahausen.example>\r\n"
                        "To: <amt@beheim.example>,\r\n <archiv@beheim.example>\r\n"
                        "Subject: =?UTF-8?B?QmVzY2hlaWQ=?=\r\n"
                        "Message-ID: <0190-id@ahausen.example>\r\n"
                        "Auto-Submitted: auto-generated\r\n"
                        "X-Depesche-Id: 0190-id\r\n"
                        "MIME-Version: 1.0\r\n"
                        "Content-Type: multipart/mixed; boundary=\"=_0190-id\"\r\n\r\n"
                        "--=_0190-id\r\n"
                        "Content-Type: text/plain; charset=utf-8\r\n"
                        "Content-Transfer-Encoding: base64\r\n\r\n"
                        "R3V0ZW4gVGFnDQouDQpHcsO8w59l\r\n"
                        "--=_0190-id\r\n"
                        "Content-Type: application/octet-stream\r\n"
                        "Content-Transfer-Encoding: base64\r\n"
                        "Content-Disposition: attachment;\r\n filename*0*=UTF-8''plan.pdf\r\n\r\n"
                        "YWJj\r\n"
                        "--=_0190-id--\r\n");
}

/* Lines of base64 end at 57 octets, pieces at 3648: around both, whatever the reader's steps. */
static void lengths(void **state)
{
    static const size_t lens[] = {0, 1, 56, 57, 58, 114, 3647, 3648, 3649, 10000};
    static const size_t caps[] = {1, 7, 77, 78, 79, 4096};
    AUTO(buf_deinit) struct buf content = {0};

    (void)state;
    buf_init(&content, 1 << 16);
    for (unsigned i = 0; i < 10000; i++)
        buf_char(&content, (char)(i * 7 + i / 256));
    for (size_t l = 0; l < ARRAY_LEN(lens); l++) {
        AUTO(buf_deinit) struct buf first = {0};
        AUTO(buf_deinit) struct buf back = {0};
        struct span s = span_sub(buf_span(&content), 0, lens[l]);
        struct error err = {0};
        const char *at;

        mail_bytes("x", "y", s, caps[0], &first);
        for (size_t c = 1; c < ARRAY_LEN(caps); c++) {
            AUTO(buf_deinit) struct buf other = {0};

            mail_bytes("x", "y", s, caps[c], &other);
            assert_true(span_eq(buf_span(&first), buf_span(&other)));
        }
        at = strstr(buf_cstr(&first), "UTF-8''y\r\n\r\n");
        assert_non_null(at);
        at += strlen("UTF-8''y\r\n\r\n");
        buf_init(&back, 1 << 16);
        assert_int_equal(
            buf_base64_decode(&back, span_of(at, (size_t)(strstr(at, "\r\n--=_") - at)), &err),
            ST_OK);
        assert_true(span_eq(buf_span(&back), s));
    }
}

/* No line is longer than mail allows, each ends with CRLF, and none is one that we did not mean. */
static void hostile(void **state)
{
    static const char *const texts[] = {
        "a\r\nBcc: all@example.org",
        "a\nBcc: all@example.org\n\n--=_0190-id",
        "\"; name=\"x\r\n",
        "=?UTF-8?Q?x?=",
        "\xff\xfe\x80",
        "../../etc/passwd",
        "",
        ("äöüßäöüßäöüßäöüßäöüßäöüßäöüßäöüßäöüßäöüßäöüßäöüßäöüßäöüßäöüßäöüßäöüßäöüßäöüßäöüßäöüßäöüß"
         "äöüßäöüßäöüßäöüßäöüßäöüßäöüßäöüßäöüßäöüßäöüßäöüßäöüßäöüßäöüßäöüßäöüßäöüßäöüßäöüßäöüßäöü"
         "ß"),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        AUTO(buf_deinit) struct buf b = {0};
        size_t line = 0;

        mail_bytes(texts[i], texts[i], SPAN("x"), 4096, &b);
        assert_null(strstr(buf_cstr(&b), "\nBcc"));
        assert_null(strstr(buf_cstr(&b), "passwd\""));
        for (size_t k = 0; k < b.len; k++) {
            assert_in_range(b.ptr[k], b.ptr[k] == '\r' || b.ptr[k] == '\n' ? 0 : ' ', '~');
            line = b.ptr[k] == '\n' ? 0 : line + 1;
            assert_true(line <= 78);
            assert_true((b.ptr[k] == '\n') == (k > 0 && b.ptr[k - 1] == '\r'));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden),
        cmocka_unit_test(lengths),
        cmocka_unit_test(hostile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

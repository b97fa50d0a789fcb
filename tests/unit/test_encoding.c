/* The encoding of texts: does it fit, and what is it where nobody says */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "gateway/encoding.h"

static const struct guess_row {
    const char *name, *type;
    struct span bytes;
    const char *guess;
} guess_rows[] = {
    {"XML that says nothing", "text/xml", SPAN("<a/>"), "UTF-8"},
    {"XML that says Latin-1", "application/xml",
     SPAN("<?xml version='1.0' encoding='ISO-8859-1'?>"), "ISO-8859-1"},
    {"the same in the other quotes", "application/xoev+xml; charset=x",
     SPAN("<?xml version=\"1.0\" encoding = \"windows-1252\" standalone=\"yes\"?><a/>"),
     "windows-1252"},
    {"a declaration without an end", "text/xml", SPAN("<?xml encoding='x'"), "UTF-8"},
    {"quotes without an end", "text/xml", SPAN("<?xml encoding='x?>"), "UTF-8"},
    {"nothing in them", "text/xml", SPAN("<?xml encoding=''?>"), "UTF-8"},
    {"nothing behind it", "text/xml", SPAN("<?xml encoding?>"), "UTF-8"},
    {"no name of an encoding", "text/xml", SPAN("<?xml encoding='a\xff<b'?>"), "UTF-8"},
    {"text in UTF-8", "text/plain", SPAN("Gr\xc3\xb6\xc3\x9f"), "UTF-8"},
    {"text in Latin-1", "text/plain", SPAN("Gr\xf6\xdf"), "ISO-8859-1"},
    {"bytes that are no text", "text/plain", SPAN("\x1f\x8b\x00\xff"), "ISO-8859-1"},
    {"no text at all", "application/pdf", SPAN("\xf6"), "UTF-8"},
    {"nothing", "text/plain", {NULL, 0}, "UTF-8"},
};

static void guess(void **state)
{
    struct error err = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(guess_rows); i++) {
        const struct guess_row *row = &guess_rows[i];
        struct source_span source;
        char name[GW_ENCODING_SIZE];

        print_message("%s\n", row->name);
        assert_int_equal(gw_encoding_guess(source_span_init(&source, row->bytes),
                                           span_str(row->type), name, &err),
                         ST_OK);
        assert_string_equal(name, row->guess);
        if (gw_encoding_is_text(span_str(row->type)) && strcmp(name, "UTF-8") != 0) {
            bool fits = false;

            assert_int_equal(gw_encoding_fits(&source.base, span_str(name), &fits, &err), ST_OK);
            assert_true(fits);
        }
    }
}

/* What the sender names is no reason to load any decoder. */
static void only_known(void **state)
{
    static const char *const names[] = {"IBM1390", "EBCDIC-KLINGON", "UTF-7", "ISO-2022-JP", ""};
    struct source_span source;
    struct error err = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        bool fits = false;

        assert_int_equal(gw_encoding_fits(source_span_init(&source, SPAN("\xff\xfe\xfd")),
                                          span_str(names[i]), &fits, &err),
                         ST_OK);
        assert_true(fits);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(guess), cmocka_unit_test(only_known)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

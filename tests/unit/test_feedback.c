/* Feedback codes: every one has its texts, and entries come as they are wished for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "osci/feedback.h"

#include <stdio.h>

/* Digest 9.2 and 9.3. */
static const char *const codes[] = {
    "0800", "0801", "3500", "3501", "3700", "3701", "3702", "3703", "3704", "3705", "3706",
    "3707", "3708", "3800", "3801", "3802", "3803", "3950", "3951", "3952", "9600", "9601",
    "9602", "9603", "9700", "9701", "9704", "9705", "9706", "9707", "9708", "9709", "9710",
    "9711", "9712", "9800", "9801", "9802", "9803", "9804", "9805", "9806", "9807", "9808",
    "9809", "9810", "9811", "9900", "9901", "9902", "9903", "9904", "9905", "9950"};
static const char *const faults[] = {"9000", "9100", "9200", "9201", "9202", "9300",
                                     "9400", "9500", "9501", "9502", "9503"};

static bool listed(const char *const *list, size_t count, const char *code)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], code) == 0)
            return true;
    return false;
}

static bool has_byte(const char *text, bool (*is)(unsigned char))
{
    for (; *text != '\0'; text++)
        if (is((unsigned char)*text))
            return true;
    return false;
}

static bool not_printable(unsigned char c)
{
    return c < ' ' || c == 0x7f;
}

static bool not_ascii(unsigned char c)
{
    return c >= 0x80;
}

/* All ten thousand: exactly those of the digest have a text, in both languages. */
static void every_code(void **state)
{
    size_t found = 0;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        char code[8];
        const char *de, *en;

        (void)snprintf(code, sizeof code, "%04d", i);
        de = osci_feedback_text(code, "de");
        en = osci_feedback_text(code, "en");
        if (!listed(codes, ARRAY_LEN(codes), code) && !listed(faults, ARRAY_LEN(faults), code)) {
            assert_null(de);
            assert_null(en);
            continue;
        }
        found++;
        if (de == NULL || en == NULL)
            fail_msg("%s has no text", code);
        assert_true(strlen(de) > 10 && strlen(en) > 10);
        assert_string_not_equal(de, en);
        assert_false(has_byte(de, not_printable) || has_byte(en, not_printable));
        assert_false(has_byte(en, not_ascii));
        assert_int_not_equal(de[strlen(de) - 1], '.');
    }
    assert_int_equal(found, ARRAY_LEN(codes) + ARRAY_LEN(faults));
}

static void no_text_twice(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(osci_feedback_text(codes[i], "de"),
                                    osci_feedback_text(codes[k], "de"));
            assert_string_not_equal(osci_feedback_text(codes[i], "en"),
                                    osci_feedback_text(codes[k], "en"));
        }
}

static void which_are_faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(faults); i++)
        assert_true(osci_code_is_fault(atoi(faults[i])));
    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        assert_false(osci_code_is_fault(atoi(codes[i])));
    assert_false(osci_code_is_fault(0));
}

static struct row {
    const char *name, *wished, *codes, *entries;
} rows[] = {
    {"German", "de", "0800", "0800de"},
    {"English", "en", "0800", "0800en"},
    {"both", "de en", "0800", "0800de 0800en"},
    {"both, English first", "en de", "0800", "0800en 0800de"},
    {"regions", "en-GB de-AT", "0800", "0800en 0800de"},
    {"English of Britain, German", "en-GB de", "0801", "0801en 0801de"},
    {"two regions of one language", "de-DE de-CH de", "0800", "0800de"},
    {"capital letters", "DE En-us", "0800", "0800de 0800en"},
    {"nothing wished", "", "0800", "0800de"},
    {"unknown", "fr", "0800", "0800de"},
    {"unknown and English", "fr tlh en", "0800", "0800en"},
    {"words that only begin like one", "den english d e", "0800", "0800de"},
    {"more than two blanks", "  en   de ", "0800", "0800en 0800de"},
    {"German thrice, then English", "de de de en", "0800", "0800de 0800en"},
    {"warnings stay first", "de en", "3701 3800 0801", "3701de 3701en 3800de 3800en 0801de 0801en"},
    {"the given order, whatever it is", "en", "9803 3500 0800", "9803en 3500en 0800en"},
    {"a code we do not know", "en", "1234", "1234en"},
};

static void test_row(void **state)
{
    const struct row *row = *state;
    char copy[100], made[200] = "";
    const char *list[8];
    size_t count = 0, entry_count;
    struct osci_feedback *entries;
    struct osci_message msg = {0};
    struct arena arena;
    struct error err = {0};

    (void)snprintf(copy, sizeof copy, "%s", row->codes);
    for (char *rest = copy, *one; (one = strtok_r(rest, " ", &rest)) != NULL;)
        list[count++] = one;
    arena_init(&arena, 65536);
    assert_int_equal(osci_feedback_make(list, count, span_str(row->wished), &arena, &entries,
                                        &entry_count, &err),
                     ST_OK);
    for (size_t i = 0; i < entry_count; i++) {
        const char *lang = span_is(entries[i].lang, "de") ? "de" : "en";
        char code[8];
        size_t len = strlen(made);

        (void)snprintf(code, sizeof code, "%.*s", SPAN_FMT(entries[i].code));
        (void)snprintf(made + len, sizeof made - len, "%s%s%.*s", i > 0 ? " " : "", code,
                       SPAN_FMT(entries[i].lang));
        assert_true(span_is(entries[i].text, osci_feedback_text(code, lang) == NULL
                                                 ? ""
                                                 : osci_feedback_text(code, lang)));
    }
    assert_string_equal(made, row->entries);
    msg.feedback = entries;
    msg.feedback_count = entry_count;
    assert_true(span_is(osci_feedback_last(&msg), list[count - 1]));
    assert_int_equal(osci_executed(&msg), list[count - 1][0] == '0' || list[count - 1][0] == '3');
    arena_deinit(&arena);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows) + 3] = {
        cmocka_unit_test(every_code),
        cmocka_unit_test(no_text_twice),
        cmocka_unit_test(which_are_faults),
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[i + 3] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    return cmocka_run_group_tests_name("feedback", tests, NULL, NULL);
}

/* the catalogue: complete, in order, in both languages, with its fields filled in */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "gateway/explain.h"

/* Every code OSCI 1.2 assigns, and the two it reserves. */
static const int osci_codes[] = {
    800,  801,  3500, 3501, 3700, 3701, 3702, 3703, 3704, 3705, 3706, 3707, 3708, 3800,
    3801, 3802, 3803, 3950, 3951, 3952, 9000, 9100, 9200, 9201, 9202, 9300, 9400, 9500,
    9501, 9502, 9503, 9600, 9601, 9602, 9603, 9700, 9701, 9702, 9703, 9704, 9705, 9706,
    9707, 9708, 9709, 9710, 9711, 9712, 9800, 9801, 9802, 9803, 9804, 9805, 9806, 9807,
    9808, 9809, 9810, 9811, 9900, 9901, 9902, 9903, 9904, 9905, 9950};

/* Ours come in blocks without gaps; the last of each block. */
static const int block_ends[] = {
    GW_R_SPOOL_DIGEST, GW_R_NO_ENDPOINT_FOR_TYPE, GW_R_CONFIG_TWO_DEFAULTS, GW_R_NET_CLIENT_CERT,
    GW_R_FILE_UNKNOWN, GW_R_CONTENT_NONE,         GW_R_MESSAGE_TOO_LARGE,   GW_R_CLI_FORM,
    GW_R_LIMIT,        GW_R_SCAN_PASSED};

static void none_missing(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(osci_codes); i++)
        if (!gw_explain_knows(osci_codes[i]))
            fail_msg("%d has no row", osci_codes[i]);
    for (size_t i = 0; i < ARRAY_LEN(block_ends); i++)
        for (int code = block_ends[i] / 100 * 100; code <= block_ends[i]; code++)
            if (!gw_explain_knows(code))
                fail_msg("%d has no row", code);
    assert_true(gw_explain_knows(GW_R_UNKNOWN));
}

static void text_check(int code, const char *text)
{
    if (text == NULL || strlen(text) < 5 || strchr(text, '%') != NULL)
        fail_msg("%d: '%s'", code, text == NULL ? "" : text);
    for (const char *c = text; (c = strchr(c, '{')) != NULL; c++)
        if (strchr(c, '}') == NULL || c[1] == '}')
            fail_msg("%d: bad field in '%s'", code, text);
}

static void rows_are_whole(void **state)
{
    const struct gw_explain *row;
    int last = 0;

    (void)state;
    for (size_t i = 0; (row = gw_explain_row(i)) != NULL; i++) {
        assert_true(row->code > last); /* ascending: the look-up counts on it */
        last = row->code;
        text_check(row->code, row->de);
        text_check(row->code, row->en);
        text_check(row->code, row->action_de);
        text_check(row->code, row->action_en);
        assert_ptr_equal(gw_explain_find(row->code), row);
        assert_string_not_equal(gw_side_name(row->side), "?");
        assert_string_not_equal(gw_side_text(row->side, GW_LANG_DE), "?");
    }
}

/* The fields of a sentence are the same in both languages: nobody may learn less. */
static void fields_of(const char *text, char *set, size_t cap)
{
    set[0] = '\0';
    for (const char *c = text; (c = strchr(c, '{')) != NULL; c++) {
        char name[40];

        (void)snprintf(name, sizeof name, "%.*s", (int)(strchr(c, '}') - c + 1), c);
        if (strstr(set, name) == NULL)
            (void)snprintf(set + strlen(set), cap - strlen(set), "%s", name);
    }
}

static void same_fields(void **state)
{
    const struct gw_explain *row;

    (void)state;
    for (size_t i = 0; (row = gw_explain_row(i)) != NULL; i++) {
        char de[200], en[200];

        fields_of(row->de, de, sizeof de);
        fields_of(row->en, en, sizeof en);
        for (const char *c = de; (c = strchr(c, '{')) != NULL; c++) {
            char name[40];

            (void)snprintf(name, sizeof name, "%.*s", (int)(strchr(c, '}') - c + 1), c);
            if (strstr(en, name) == NULL)
                fail_msg("%d: %s only in German", row->code, name);
        }
        if (strlen(de) != strlen(en))
            fail_msg("%d: '%s' but '%s'", row->code, de, en);
    }
}

static const struct {
    const char *text;
    int code;
} code_rows[] = {{"D-0800", 800},
                 {"D-9602", 9602},
                 {"D-1000", GW_R_SPOOL_NO_ROUTE},
                 {"D-1300", GW_R_NET_NAME},
                 {"D-2100", GW_R_XTA_DENIED}};

static void codes(void **state)
{
    static const char *const none[] = {"",      "D",      "D-",      "X-1300",
                                       "D1300", "D-13x0", "D-13000", "1300"};
    char text[GW_CODE_SIZE];
    int code = 1;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(code_rows); i++) {
        assert_string_equal(gw_explain_code(code_rows[i].code, text), code_rows[i].text);
        assert_true(gw_explain_code_read(code_rows[i].text, &code));
        assert_int_equal(code, code_rows[i].code);
    }
    assert_true(gw_explain_code_read("d-1300", &code));
    code = 1;
    for (size_t i = 0; i < ARRAY_LEN(none); i++)
        assert_false(gw_explain_code_read(none[i], &code));
    assert_int_equal(code, 1);
}

/* No two reasons share a code, and each can be found again by it. */
static void codes_are_distinct(void **state)
{
    const struct gw_explain *row;
    char text[GW_CODE_SIZE];
    int code;

    (void)state;
    for (size_t i = 0; (row = gw_explain_row(i)) != NULL; i++) {
        assert_int_equal(strlen(gw_explain_code(row->code, text)), 6);
        assert_true(gw_explain_code_read(text, &code));
        assert_int_equal(code, row->code);
    }
}

struct fill_row {
    const char *name;
    int code;
    enum gw_lang lang;
    struct gw_explain_field fields[2];
    const char *what;
};

static struct fill_row fill_rows[] = {
    {"filled", GW_R_SPOOL_EMPTY, GW_LANG_EN, {{"file", "a.xml"}}, "a.xml is empty."},
    {"German", GW_R_SPOOL_EMPTY, GW_LANG_DE, {{"file", "Größe 1.xml"}}, "Größe 1.xml ist leer."},
    {"field missing", GW_R_SPOOL_EMPTY, GW_LANG_EN, {{"other", "x"}}, "? is empty."},
    {"field NULL", GW_R_SPOOL_EMPTY, GW_LANG_EN, {{"file", NULL}}, "? is empty."},
    {"a value is not read as text with fields",
     GW_R_SPOOL_EMPTY,
     GW_LANG_EN,
     {{"file", "{file}"}},
     "{file} is empty."},
    {"a value writes no lines",
     GW_R_SPOOL_EMPTY,
     GW_LANG_EN,
     {{"file", "a\r\nb\x7f"}},
     "a??b? is empty."},
    {"the system's words in German",
     GW_R_API_SOCKET,
     GW_LANG_DE,
     {{"detail", "/x: No such file or directory"}},
     "Am Socket ? antwortet kein Dienst: /x: Datei oder Ordner nicht vorhanden."},
    {"libuv's words in German",
     GW_R_API_SOCKET,
     GW_LANG_DE,
     {{"detail", "permission denied"}},
     "Am Socket ? antwortet kein Dienst: keine Berechtigung."},
    {"the system's words in front of who owns it",
     GW_R_SPOOL_UNREADABLE,
     GW_LANG_DE,
     {{"file", "a"}, {"detail", "open a: Permission denied [a: x:y, 0600; depesched: z]"}},
     "a kann nicht gelesen werden: open a: keine Berechtigung [a: x:y, 0600; depesched: z]."},
    {"a share that has gone",
     GW_R_SPOOL_FOLDER,
     GW_LANG_DE,
     {{"folder", "/f"}, {"detail", "/f/in: Stale file handle"}},
     "Der Ordner /f kann nicht verwendet werden: /f/in: Freigabe nicht mehr gültig."},
    {"a name that sounds like the system",
     GW_R_SPOOL_UNREADABLE,
     GW_LANG_DE,
     {{"file", "a"}, {"detail", "open File exists.txt: Input/output error"}},
     "a kann nicht gelesen werden: open File exists.txt: Ein- oder Ausgabefehler."},
    {"a reader's words in German",
     GW_R_SPOOL_NOT_XML,
     GW_LANG_DE,
     {{"file", "a"}, {"detail", "it does not begin with '<'"}},
     "a ist kein wohlgeformtes XML: der Inhalt beginnt nicht mit '<'."},
    {"a reader's words with holes",
     GW_R_TARGET_LATER,
     GW_LANG_DE,
     {{"recipient", "a"}, {"detail", "the XML has 12 bytes, more than 7"}},
     "a kann die Nachricht gerade nicht annehmen: das XML hat 12 Bytes, mehr als 7."},
    {"a reader's words that end in a hole",
     GW_R_TARGET_LATER,
     GW_LANG_DE,
     {{"recipient", "a"}, {"detail", "HTTP status 503"}},
     "a kann die Nachricht gerade nicht annehmen: HTTP-Status 503."},
    {"a hole writes no lines",
     GW_R_TARGET_LATER,
     GW_LANG_DE,
     {{"recipient", "a"}, {"detail", "a\nb is not signed"}},
     "a kann die Nachricht gerade nicht annehmen: a?b ist nicht unterschrieben."},
    {"other English is marked as such",
     GW_R_TARGET_LATER,
     GW_LANG_DE,
     {{"recipient", "a"}, {"detail", "the flux capacitor is cold"}},
     "a kann die Nachricht gerade nicht annehmen: technisch: the flux capacitor is cold."},
    {"German is not",
     GW_R_TARGET_LATER,
     GW_LANG_DE,
     {{"recipient", "a"}, {"detail", "9014, Zertifikat passt nicht zur Kennung"}},
     "a kann die Nachricht gerade nicht annehmen: 9014, Zertifikat passt nicht zur Kennung."},
    {"in English it stays",
     GW_R_TARGET_LATER,
     GW_LANG_EN,
     {{"recipient", "a"}, {"detail", "HTTP status 503"}},
     "a cannot take the message now: HTTP status 503."},
    {"the system's words in English",
     GW_R_API_SOCKET,
     GW_LANG_EN,
     {{"detail", "Permission denied"}},
     "No service answers at the socket ?: Permission denied."},
    {"foreign code of ours", 12345, GW_LANG_EN, {{NULL, NULL}}, "Code D-3345 is not known here."},
    {"code zero", 0, GW_LANG_DE, {{NULL, NULL}}, "Code D-0000 ist hier nicht bekannt."},
    {"negative code", -5, GW_LANG_EN, {{NULL, NULL}}, "Code D--005 is not known here."},
    {"unassigned warning",
     3999,
     GW_LANG_EN,
     {{NULL, NULL}},
     "The other side reports a warning with code D-3999."},
    {"unassigned error",
     9999,
     GW_LANG_DE,
     {{NULL, NULL}},
     "Die Gegenstelle meldet einen Fehler mit dem Code D-9999."},
    {"assigned error", 9803, GW_LANG_EN, {{NULL, NULL}}, "The mailbox is empty."},
};

static void fill_row(void **state)
{
    const struct fill_row *row = *state;
    AUTO(buf_deinit) struct buf b = {0};
    size_t count = 0;

    buf_init(&b, 1000);
    while (count < ARRAY_LEN(row->fields) && row->fields[count].name != NULL)
        count++;
    gw_explain_what(&b, row->code, row->lang, row->fields, count);
    assert_string_equal(buf_cstr(&b), row->what);
}

static void error_txt(void **state)
{
    static const struct gw_explain_field fields[] = {{"recipient", "Stadt C"}};
    AUTO(buf_deinit) struct buf b = {0};

    (void)state;
    buf_init(&b, 4000);
    gw_explain_error_txt(&b, GW_R_PARTNER_UNKNOWN, fields, 1, "meta\nfile");
    assert_string_equal(
        buf_cstr(&b), "Ein Partner Stadt C ist nicht eingetragen.\r\n"
                      "Zuständig: das Verzeichnis der Partner\r\n"
                      "Was tun: Schreibweise prüfen oder den Partner unter partners eintragen.\r\n"
                      "\r\n"
                      "There is no partner Stadt C in the settings.\r\n"
                      "Who acts: the directory of partners\r\n"
                      "What to do: Check the spelling, or enter the partner under partners.\r\n"
                      "\r\n"
                      "Code D-1100: meta?file\r\n");
}

struct lang_row {
    const char *name;
    enum gw_lang fallback, lang;
};

static struct lang_row lang_rows[] = {
    {"de", GW_LANG_EN, GW_LANG_DE},
    {"de_DE.UTF-8", GW_LANG_EN, GW_LANG_DE},
    {"en_US", GW_LANG_DE, GW_LANG_EN},
    {"C", GW_LANG_EN, GW_LANG_EN},
    {"C", GW_LANG_DE, GW_LANG_DE},
    {"", GW_LANG_DE, GW_LANG_DE},
    {"fr, en;q=0.5, de;q=0.7", GW_LANG_EN, GW_LANG_DE},
    {"de;q=0.1,EN", GW_LANG_DE, GW_LANG_EN},
    {"de;q=0", GW_LANG_EN, GW_LANG_EN},
    {"en-GB,en", GW_LANG_DE, GW_LANG_EN},
    {",,;q=,de;q=x", GW_LANG_EN, GW_LANG_EN},
};

static void lang_row(void **state)
{
    const struct lang_row *row = *state;

    assert_int_equal(gw_lang_of(row->name, row->fallback), row->lang);
    assert_int_equal(gw_lang_of(NULL, row->fallback), row->fallback);
}

static const struct url_row {
    const char *url, *host, *port;
} url_rows[] = {
    {"https://osci.example:9440/osci", "osci.example", "9440"},
    {"https://osci.example/osci", "osci.example", "443"},
    {"http://osci.example", "osci.example", "80"},
    {"http://[::1]:8080/osci", "[::1]", "8080"},
    {"http://[::1]/a:b", "[::1]", "80"},
    {"osci.example:1", "osci.example", "1"},
    {"", "", "80"},
};

static void url_fields(void **state)
{
    char host[64], port[64];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(url_rows); i++) {
        gw_explain_url(url_rows[i].url, host, port, sizeof host);
        assert_string_equal(host, url_rows[i].host);
        assert_string_equal(port, url_rows[i].port);
    }
}

static bool is_nothing(const char *action)
{
    struct span s = span_str(action);

    return span_starts(s, SPAN("Nichts zu tun;")) || span_starts(s, SPAN("Nichts zu tun.")) ||
           span_starts(s, SPAN("Nothing to do;")) || span_starts(s, SPAN("Nothing to do."));
}

/* Who is named as the side that acts is told what to do. */
static void nothing_to_do(void **state)
{
    const struct gw_explain *row;

    (void)state;
    for (size_t i = 0; (row = gw_explain_row(i)) != NULL; i++)
        if (row->side != GW_SIDE_NOBODY &&
            (is_nothing(row->action_de) || is_nothing(row->action_en)))
            fail_msg("%d: %s", row->code, row->action_de);
}

int main(void)
{
    static struct CMUnitTest tests[ARRAY_LEN(fill_rows) + ARRAY_LEN(lang_rows) + 8];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(fill_rows); i++)
        tests[n++] = (struct CMUnitTest){fill_rows[i].name, fill_row, NULL, NULL, &fill_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(lang_rows); i++)
        tests[n++] = (struct CMUnitTest){lang_rows[i].name, lang_row, NULL, NULL, &lang_rows[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(none_missing);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(rows_are_whole);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(same_fields);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(codes);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(codes_are_distinct);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(nothing_to_do);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(error_txt);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(url_fields);
    return _cmocka_run_group_tests("explain", tests, n, NULL, NULL);
}

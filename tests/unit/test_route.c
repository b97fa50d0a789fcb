/* To whom a dropped message goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/route.h"
#include "gateway/worker.h"
#include "tests/unit/helper_crypto.h"
#include "tests/unit/helper_runtime.h"

#define CBC "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
#define UBL(v)                                                                                     \
    "<Invoice xmlns=\"urn:x\" xmlns:cbc=\"" CBC "\"><cbc:BuyerReference>" v                        \
    "</cbc:BuyerReference></Invoice>"

static const char endpoints_yaml[] =
    "endpoints:\n"
    "  - name: rechnungen\n"
    "    routes:\n"
    "      - {files: \"*.ubl\", xpath: \"//cbc:BuyerReference\", message_type: rechnung,"
    " subject: Rechnung}\n"
    "      - {files: \"*.reg\", xpath: \"/a/@art\", equals: geburt, partner: Beheim,"
    " message_type: geburt}\n"
    "      - {files: \"*.reg\", xpath: \"//p:x\", equals: tod, partner: Beheim,"
    " message_type: tod}\n"
    "      - {files: \"*.reg\", partner: Beheim, message_type: sonst}\n"
    "      - {files: \"*.any\", xpath: \"string(/a/b)\"}\n"
    "      - {files: \"\303\204*\", partner: Beheim}\n"
    "      - {files: \"*.slow\", xpath: \"count(//*[count(//*[count(//*) > 1]) > 1])\"}\n"
    "  - name: nichts\n"
    "    routes:\n"
    "      - {files: \"nie\", partner: Beheim}\n";

static int setup(void **state)
{
    struct helper_runtime *h = calloc(1, sizeof *h);

    assert_non_null(h);
    helper_runtime_open(h, helper_town_yaml, endpoints_yaml, NULL);
    *state = h;
    return helper_crypto_setup(NULL);
}

static int teardown(void **state)
{
    helper_runtime_deinit(*state);
    free(*state);
    return helper_crypto_teardown(NULL);
}

/* ---- by name and content ---- */

static struct find_row {
    const char *name, *file, *content;
    int reason;       /* 0: goes to Beheim */
    const char *type; /* NULL: none */
} find_rows[] = {
    {"by an address", "r.ubl", UBL("09999012-BAUAMT-80"), 0, "rechnung"},
    {"blanks around it", "r.ubl", UBL("\n  09999012-BAUAMT-80 \t"), 0, "rechnung"},
    {"a byte order mark", "r.ubl", "\xef\xbb\xbf" UBL("09999012-BAUAMT-80"), 0, "rechnung"},
    {"a declaration", "r.ubl", "<?xml version='1.0' encoding='UTF-8'?>\n" UBL("09999012-BAUAMT-80"),
     0, "rechnung"},
    {"part of an address", "r.ubl", UBL("09999012-BAUAMT"), GW_R_ADDRESS_UNKNOWN, NULL},
    {"an empty address", "r.ubl", UBL(""), GW_R_SPOOL_XPATH_EMPTY, NULL},
    {"the element is not there", "r.ubl", "<a xmlns:cbc='" CBC "'/>", GW_R_SPOOL_XPATH_EMPTY, NULL},
    {"another namespace by that prefix", "r.ubl",
     "<a xmlns:cbc='urn:x'><b xmlns:cbc='" CBC "'><cbc:BuyerReference>09999012-BAUAMT-80"
     "</cbc:BuyerReference></b></a>",
     GW_R_SPOOL_XPATH_EMPTY, NULL},
    {"a prefix it does not know", "r.ubl", "<a/>", GW_R_SPOOL_XPATH_EMPTY, NULL},
    {"no XML", "r.ubl", "Rechnung", GW_R_SPOOL_NOT_XML, NULL},
    {"nothing at all", "r.ubl", "", GW_R_SPOOL_NOT_XML, NULL},
    {"cut XML", "r.ubl", "<a><b></a>", GW_R_SPOOL_NOT_XML, NULL},
    {"an entity bomb", "r.ubl", "<!DOCTYPE a [<!ENTITY b 'ha'><!ENTITY c '&b;&b;'>]><a>&c;</a>",
     GW_R_SPOOL_NOT_XML, NULL},
    {"a file from elsewhere", "r.ubl",
     "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>"
     "<a>&b;</a>",
     GW_R_SPOOL_NOT_XML, NULL},
    {"compared with a value", "a.reg", "<a art='geburt'/>", 0, "geburt"},
    {"compared with another: the next", "a.reg", "<a art='heirat' xmlns:p='u'><p:x>tod</p:x></a>",
     0, "tod"},
    {"a prefix not declared: the next", "a.reg", "<a art='heirat'/>", 0, "sonst"},
    {"no XML, compared: the next", "a.reg", "Text", 0, "sonst"},
    {"a string function", "a.any", "<a><b>09999012-BAUAMT-80</b></a>", 0, NULL},
    {"umlauts in the pattern", "\303\204rger.txt", "x", 0, NULL},
    {"no route", "a.txt", "x", GW_R_SPOOL_NO_ROUTE, NULL},
    {"the pattern is for the whole name", "a.ubl.txt", UBL("x"), GW_R_SPOOL_NO_ROUTE, NULL},
};

static void find(const struct helper_runtime *h, const char *file, struct span content,
                 struct gw_routing *routing, struct arena *arena, enum status *st,
                 struct error *err)
{
    struct source_span source;

    *st = gw_route_outbound(h->rt, gw_config_endpoint(h->conf, "rechnungen"), file, content.len,
                            source_span_init(&source, content), arena, routing, err);
}

static struct helper_runtime *fixture; /* made once for all rows, only read by them */

static void test_find(void **state)
{
    const struct find_row *row = *state;
    AUTO(arena_deinit) struct arena arena = {0};
    struct gw_routing routing = {0};
    struct error err = {0};
    enum status st;

    arena_init(&arena, 1024 * 1024);
    find(fixture, row->file, span_str(row->content), &routing, &arena, &st, &err);
    assert_int_equal(err.reason, row->reason);
    if (row->reason != 0) {
        assert_int_equal(st, ST_DENIED);
        assert_null(routing.partner);
        return;
    }
    assert_int_equal(st, ST_OK);
    assert_string_equal(routing.partner->conf->name, "Beheim");
    if (row->type == NULL)
        assert_null(routing.message_type);
    else
        assert_string_equal(routing.message_type, row->type);
}

/* Larger than we look into: no route by content, and no gigabyte in memory. */
static void test_huge(void **state)
{
    AUTO(arena_deinit) struct arena arena = {0};
    AUTO(free_drop) char *text = NULL;
    const size_t len = (size_t)GW_ROUTE_XML_MAX + 100;
    struct gw_routing routing = {0};
    struct error err = {0};
    enum status st;

    (void)state;
    text = malloc(len);
    assert_non_null(text);
    memset(text, ' ', len);
    memcpy(text, "<a>", 3);
    memcpy(text + len - 4, "</a>", 4);
    arena_init(&arena, 1024 * 1024);
    find(fixture, "r.ubl", span_of(text, len), &routing, &arena, &st, &err);
    assert_int_equal(st, ST_DENIED);
    assert_int_equal(err.reason, GW_R_SPOOL_NOT_XML);
}

/* An XPath may take long on the wrong document: it is stopped. */
static void test_slow_xpath(void **state)
{
    AUTO(arena_deinit) struct arena arena = {0};
    AUTO(buf_deinit) struct buf text = {0};
    struct gw_routing routing = {0};
    struct error err = {0};
    int64_t start = gw_monotonic_ms();
    enum status st;

    (void)state;
    buf_init(&text, 1024 * 1024);
    buf_str(&text, "<a>");
    for (int i = 0; i < 20000; i++)
        buf_str(&text, "<b/>");
    buf_str(&text, "</a>");
    arena_init(&arena, 1024 * 1024);
    find(fixture, "a.slow", buf_span(&text), &routing, &arena, &st, &err);
    assert_int_not_equal(st, ST_OK);
    assert_true(gw_monotonic_ms() - start < 30000);
}

/* ---- NAME.meta.yaml ---- */

static struct meta_row {
    const char *name, *yaml;
    int reason;
    const char *subject;
    int priority;
    int64_t deliver_after;
} meta_rows[] = {
    {"all keys",
     "recipient: Beheim\nmessage_type: t\nsubject: s\npriority: -7\n"
     "deliver_after: 2026-05-04T08:15:00+02:00\n",
     0, "s", -7, INT64_C(1777875300000)},
    {"quotes and umlauts", "subject: \"\303\204: 'x'\"\n", 0, "\303\204: 'x'", 0, 0},
    {"JSON is YAML", "{\"subject\": \"s\", \"priority\": 3}", 0, "s", 3, 0},
    {"comments alone", "# nichts\n", GW_R_SPOOL_BAD_META, NULL, 0, 0},
    {"a list", "- recipient\n", GW_R_SPOOL_BAD_META, NULL, 0, 0},
    {"a bare word", "Beheim\n", GW_R_SPOOL_BAD_META, NULL, 0, 0},
    {"a nested value", "subject: {a: b}\n", GW_R_SPOOL_BAD_META, NULL, 0, 0},
    {"a key that is a list", "? [a, b]\n: c\n", GW_R_SPOOL_BAD_META, NULL, 0, 0},
    {"unknown key", "Subject: s\n", GW_R_SPOOL_BAD_META, NULL, 0, 0},
    {"key twice", "priority: 1\npriority: 2\n", GW_R_SPOOL_BAD_META, NULL, 0, 0},
    {"unknown partner", "recipient: Cestadt\n", GW_R_PARTNER_UNKNOWN, NULL, 0, 0},
    {"no recipient after the colon", "recipient:\n", GW_R_PARTNER_UNKNOWN, NULL, 0, 0},
    {"priority too high", "priority: 1001\n", GW_R_SPOOL_BAD_META, NULL, 0, 0},
    {"priority in words", "priority: hoch\n", GW_R_SPOOL_BAD_META, NULL, 0, 0},
    {"priority of a hyphen", "priority: \"-\"\n", GW_R_SPOOL_BAD_META, NULL, 0, 0},
    {"a date in words", "deliver_after: morgen\n", GW_R_SPOOL_BAD_META, NULL, 0, 0},
    {"an end in words", "deliver_until: bald\n", GW_R_SPOOL_BAD_META, NULL, 0, 0},
    {"an end", "subject: s\ndeliver_until: 2026-05-04T08:15:00Z\n", 0, "s", 0, 0},
    {"a NUL", "subject: \"a\\0b\"\n", GW_R_SPOOL_BAD_META, NULL, 0, 0},
    {"a line end in the subject", "subject: \"a\\nb\"\n", GW_R_SPOOL_BAD_META, NULL, 0, 0},
    {"ISO-8859-1", "subject: Stra\337e\n", GW_R_SPOOL_BAD_META, NULL, 0, 0},
    {"tabs", "\tsubject: s\n", GW_R_SPOOL_BAD_META, NULL, 0, 0},
    {"an alias to nowhere", "subject: *a\n", GW_R_SPOOL_BAD_META, NULL, 0, 0},
    {"empty", "", GW_R_SPOOL_BAD_META, NULL, 0, 0},
};

static void test_meta(void **state)
{
    const struct meta_row *row = *state;
    AUTO(arena_deinit) struct arena arena = {0};
    struct gw_routing routing = {0};
    struct error err = {0};
    enum status st;

    arena_init(&arena, 1024 * 1024);
    st = gw_route_meta(fixture->rt, span_str(row->yaml), &arena, &routing, &err);
    assert_int_equal(err.reason, row->reason);
    assert_int_equal(st == ST_OK, row->reason == 0);
    if (row->reason != 0)
        return;
    assert_string_equal(routing.subject, row->subject);
    assert_int_equal(routing.priority, row->priority);
    assert_int_equal(routing.deliver_after, row->deliver_after);
}

static void test_meta_too_long(void **state)
{
    AUTO(arena_deinit) struct arena arena = {0};
    AUTO(free_drop) char *text = malloc(GW_META_MAX + 1);
    struct gw_routing routing = {0};
    struct error err = {0};

    (void)state;
    assert_non_null(text);
    memset(text, '#', GW_META_MAX + 1);
    arena_init(&arena, 1024 * 1024);
    assert_int_equal(
        gw_route_meta(fixture->rt, span_of(text, GW_META_MAX + 1), &arena, &routing, &err),
        ST_LIMIT);
}

/* A quarter of a minute each, when libyaml reads them to their end. */
static void test_meta_too_deep(void **state)
{
    static const char *const pieces[] = {"[", "{", "{a: ", "[a,", "- ", "? "};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};
        AUTO(buf_deinit) struct buf text = {0};
        struct gw_routing routing = {0};
        struct error err = {0};

        buf_init(&text, GW_META_MAX);
        while (text.len + strlen(pieces[i]) <= GW_META_MAX)
            buf_str(&text, pieces[i]);
        assert_int_equal(gw_route_meta(fixture->rt, buf_span(&text), &arena, &routing, &err),
                         ST_INVALID);
        assert_int_equal(err.reason, GW_R_SPOOL_BAD_META);
        assert_string_equal(err.text, "line 1: nested too deep");
    }
}

static int group_setup(void **state)
{
    (void)state;
    return setup((void **)&fixture);
}

static int group_teardown(void **state)
{
    (void)state;
    return teardown((void **)&fixture);
}

int main(void)
{
    enum { FINDS = ARRAY_LEN(find_rows), METAS = ARRAY_LEN(meta_rows) };
    struct CMUnitTest tests[FINDS + METAS + 4];

    for (size_t i = 0; i < FINDS; i++)
        tests[i] = (struct CMUnitTest){find_rows[i].name, test_find, NULL, NULL, &find_rows[i]};
    for (size_t i = 0; i < METAS; i++)
        tests[FINDS + i] =
            (struct CMUnitTest){meta_rows[i].name, test_meta, NULL, NULL, &meta_rows[i]};
    tests[FINDS + METAS] = (struct CMUnitTest)cmocka_unit_test(test_huge);
    tests[FINDS + METAS + 1] = (struct CMUnitTest)cmocka_unit_test(test_slow_xpath);
    tests[FINDS + METAS + 2] = (struct CMUnitTest)cmocka_unit_test(test_meta_too_long);
    tests[FINDS + METAS + 3] = (struct CMUnitTest)cmocka_unit_test(test_meta_too_deep);
    gw_worker_setup(2);
    return cmocka_run_group_tests_name("route", tests, group_setup, group_teardown);
}

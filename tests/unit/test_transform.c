/* Stylesheets that do their work, and those, and documents, that would do something else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "crypto/base/xml.h"
#include "gateway/explain.h"
#include "gateway/transform_message.h"
#include "tests/unit/helper_store.h"

#define SHEET(method, more)                                                                        \
    "<xsl:stylesheet version='1.0' xmlns:xsl='http://www.w3.org/1999/XSL/Transform'\n"             \
    " xmlns:exsl='http://exslt.org/common' extension-element-prefixes='exsl'>\n"                   \
    "<xsl:output method='" method "'/>\n" more "</xsl:stylesheet>"
#define ROOT(more) "<xsl:template match='/'>" more "</xsl:template>"
#define TIMES(v) "$" v ",$" v ",$" v ",$" v ",$" v ",$" v ",$" v ",$" v
#define DOUBLE(from, to)                                                                           \
    "<xsl:variable name='" to                                                                      \
    "' select='concat(" TIMES(from) "," TIMES(from) "," TIMES(from) "," TIMES(from) ")'/>"
#define TO_JSON TEST_VECTORS "/../../share/xml-to-json.xsl"

struct world {
    char dir[64];
    char path[128];
};

static void sheet_write(struct world *w, const char *text)
{
    FILE *f;

    (void)snprintf(w->dir, sizeof w->dir, "/tmp/depesche-test-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    (void)snprintf(w->path, sizeof w->path, "%s/s.xsl", w->dir);
    f = fopen(w->path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
}

static void world_remove(struct world *w)
{
    char path[128];
    static const char *const names[] = {"s.xsl", "secret", "out"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", w->dir, names[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(w->dir), 0);
}

static enum status run(const char *path, struct span xml, uint64_t max, struct buf *out,
                       struct error *err)
{
    AUTO(gw_transform_drop) struct gw_transform *t = NULL;
    struct source_span source;
    struct sink_buf sink;

    assert_int_equal(gw_transform_new(path, &t, err), ST_OK);
    return gw_transform_run(t, source_span_init(&source, xml), max, sink_buf_init(&sink, out), err);
}

/* ---- good ones ---- */

static struct good_row {
    const char *name, *sheet, *xml, *result;
} good_rows[] = {
    {"text", SHEET("text", ROOT("<xsl:value-of select='a/b'/>")), "<a><b>Grüße</b></a>", "Grüße"},
    {"xml", SHEET("xml", ROOT("<c><xsl:copy-of select='a/b'/></c>")), "<a><b/></a>",
     "<?xml version=\"1.0\"?>\n<c><b/></c>\n"},
    {"JSON: one text", NULL, "<a>x</a>", "{\"a\":\"x\"}\n"},
    {"JSON: nothing", NULL, "<a/>", "{\"a\":\"\"}\n"},
    {"JSON: all kinds", NULL, "<x:a xmlns:x='u' n='1'> <b>x</b> <c/> <b>y</b> z</x:a>",
     "{\"a\":{\"@n\":\"1\",\"b\":[\"x\",\"y\"],\"c\":\"\",\"#text\":\" z\"}}\n"},
    {"JSON: what must be escaped", NULL, "<a>\"\\\t\n/ä&amp;&lt;&#13;</a>",
     "{\"a\":\"\\\"\\\\\\t\\n/ä&<\\r\"}\n"},
    {"JSON: text between", NULL, "<a>x<b/>y</a>", "{\"a\":{\"b\":\"\",\"#text\":\"xy\"}}\n"},
    {"JSON: umlauts in names, and beyond the BMP", NULL,
     "<Größe Straße='Öl'>\xf0\x9f\x9a\x80</Größe>",
     "{\"Größe\":{\"@Straße\":\"Öl\",\"#text\":\"\xf0\x9f\x9a\x80\"}}\n"},
    {"JSON: numbers stay texts, to the last digit", NULL,
     "<a><b>0012.50</b><b>1e999</b><b>-0</b><b>123456789012345678901</b></a>",
     "{\"a\":{\"b\":[\"0012.50\",\"1e999\",\"-0\",\"123456789012345678901\"]}}\n"},
    {"JSON: attributes that differ in their prefix", NULL, "<a n='1' x:n='2' xmlns:x='u'/>",
     "{\"a\":{\"@n\":\"1\",\"@x:n\":\"2\"}}\n"},
    {"JSON: CDATA, comments, processing instructions", NULL,
     "<a><!-- \" --><?p \"?><![CDATA[<\"&]]></a>", "{\"a\":\"<\\\"&\"}\n"},
    {"JSON: namesakes apart", NULL, "<a><b/><c/><b/><c/></a>",
     "{\"a\":{\"b\":[\"\",\"\"],\"c\":[\"\",\"\"]}}\n"},
};

static void good(void **state)
{
    const struct good_row *row = *state;
    struct world w = {0};
    AUTO(buf_deinit) struct buf out = {0};
    struct error err = {0};

    buf_init(&out, 1 << 20);
    if (row->sheet != NULL)
        sheet_write(&w, row->sheet);
    assert_int_equal(
        run(row->sheet == NULL ? TO_JSON : w.path, span_str(row->xml), 1 << 20, &out, &err), ST_OK);
    assert_string_equal(buf_cstr(&out), row->result);
    if (row->sheet != NULL)
        world_remove(&w);
}

/* Large ones in JSON, too: many namesakes, a long text full of what must be escaped. */
static void large(void **state)
{
    enum { MANY = 10000 };
    AUTO(buf_deinit) struct buf xml = {0};
    AUTO(buf_deinit) struct buf out = {0};
    struct error err = {0};
    json_t *json;

    (void)state;
    buf_init(&xml, 1 << 24);
    buf_init(&out, 1 << 24);
    buf_str(&xml, "<a><t>");
    for (int i = 0; i < MANY; i++)
        buf_str(&xml, "\"\n\\x");
    buf_str(&xml, "</t>");
    for (int i = 0; i < MANY; i++)
        buf_printf(&xml, "<b n='%d'/>", i);
    buf_str(&xml, "</a>");
    assert_int_equal(run(TO_JSON, buf_span(&xml), 1 << 24, &out, &err), ST_OK);
    json = json_loadb((const char *)out.ptr, out.len, 0, NULL);
    assert_non_null(json);
    assert_int_equal(json_array_size(json_object_get(json_object_get(json, "a"), "b")), MANY);
    json_decref(json);
}

/* As deep as XML is taken; one deeper is refused. */
static void deep(void **state)
{
    (void)state;
    for (int depth = XML_DEPTH_MAX - 1; depth <= XML_DEPTH_MAX + 1; depth += 2) {
        AUTO(buf_deinit) struct buf xml = {0};
        AUTO(buf_deinit) struct buf out = {0};
        struct error err = {0};
        enum status st;
        json_t *json, *at;

        buf_init(&xml, 1 << 16);
        buf_init(&out, 1 << 16);
        for (int i = 0; i < depth; i++)
            buf_str(&xml, "<a>");
        for (int i = 0; i < depth; i++)
            buf_str(&xml, "</a>");
        st = run(TO_JSON, buf_span(&xml), 1 << 16, &out, &err);
        assert_int_equal(st, depth <= XML_DEPTH_MAX ? ST_OK : ST_INVALID);
        if (st != ST_OK)
            continue;
        json = at = json_loadb((const char *)out.ptr, out.len, 0, NULL);
        for (int i = 0; i < depth; i++)
            assert_non_null(at = json_object_get(at, "a"));
        json_decref(json);
    }
}

/* ---- bad ones ---- */

static struct bad_row {
    const char *name, *sheet, *xml;
    const char *says; /* in the text */
} bad_rows[] = {
    {"its own refusal", SHEET("text", ROOT("<xsl:message terminate='yes'>no form 7</xsl:message>")),
     "<a/>", "s.xsl: no form 7"},
    {"no XML", SHEET("text", ROOT("x")), "{}", ""},
    {"a DTD", SHEET("text", ROOT("x")), "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", ""},
    {"for ever deeper",
     SHEET("text",
           ROOT("<xsl:call-template name='t'/>") "<xsl:template name='t'><xsl:call-template "
                                                 "name='t'/></xsl:template>"),
     "<a/>", "s.xsl"},
    {"for ever",
     SHEET("text",
           ROOT("<xsl:for-each select='//*'><xsl:for-each select='//*'><xsl:for-each select='//*'>"
                "<xsl:for-each select='//*'><xsl:for-each select='//*'>"
                "<xsl:if test='count(//*) = 0'>x</xsl:if></xsl:for-each></xsl:for-each>"
                "</xsl:for-each></xsl:for-each></xsl:for-each>")),
     "<a><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/>"
     "<a/><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/></a>",
     "s.xsl"},
    {"a result that is too large",
     SHEET("text", ROOT("<xsl:for-each select='//*'><xsl:for-each select='//*'>"
                        "0123456789012345678901234567890123456789</xsl:for-each></xsl:for-each>")),
     "<a><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/></a>", "larger than 1000 bytes"},
#ifndef __SANITIZE_ADDRESS__ /* which wants more addresses than are allowed */
    {"a text that doubles and doubles",
     SHEET("text", ROOT("<xsl:variable name='a' select='//a'/>" DOUBLE("a", "b") DOUBLE("b", "c")
                            DOUBLE("c", "d") DOUBLE("d", "e")
                                DOUBLE("e", "f") "<xsl:value-of select='$f'/>")),
     "<a>0123456789</a>", "memory"},
#endif
    {"another encoding than UTF-8", SHEET("text", ROOT("x")),
     "<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe4</a>", ""},
    {"entities that unfold", SHEET("text", ROOT("x")),
     "<!DOCTYPE a [<!ENTITY b 'cc'><!ENTITY d '&b;&b;'>]><a>&d;</a>", ""},
    {"a file as an entity", SHEET("text", ROOT("<xsl:value-of select='.'/>")),
     "<!DOCTYPE a [<!ENTITY b SYSTEM '/etc/passwd'>]><a>&b;</a>", ""},
    {"another file written by XSLT 1.1",
     "<xsl:stylesheet version='1.1' xmlns:xsl='http://www.w3.org/1999/XSL/Transform'>" ROOT(
         "<xsl:document href='out'>x</xsl:document>") "</xsl:stylesheet>",
     "<a/>", "s.xsl"},
    {"another file written", SHEET("text", ROOT("<exsl:document href='out'>x</exsl:document>")),
     "<a/>", "s.xsl"},
};

static void bad(void **state)
{
    const struct bad_row *row = *state;
    struct world w = {0};
    AUTO(buf_deinit) struct buf out = {0};
    struct error err = {0};

    buf_init(&out, 1 << 20);
    sheet_write(&w, row->sheet);
    assert_int_not_equal(run(w.path, span_str(row->xml), 1000, &out, &err), ST_OK);
    assert_int_equal(err.reason, GW_R_TRANSFORM_OUT);
    assert_non_null(strstr(err.text, row->says));
    world_remove(&w);
}

/* document() finds nothing, whatever it names. */
static void nothing_read(void **state)
{
    struct world w = {0};
    char path[128];
    FILE *f;
    AUTO(buf_deinit) struct buf out = {0};
    struct error err = {0};

    (void)state;
    buf_init(&out, 1 << 20);
    sheet_write(&w, SHEET("text", ROOT("[<xsl:value-of select=\"document('secret')\"/>]"
                                       "[<xsl:value-of select=\"document('/etc/passwd')\"/>]"
                                       "[<xsl:value-of select=\"document(//@u)\"/>]")));
    (void)snprintf(path, sizeof path, "%s/secret", w.dir);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs("<s>geheim</s>", f) >= 0);
    assert_int_equal(fclose(f), 0);
    (void)run(w.path, SPAN("<a u='http://127.0.0.1:1/x'/>"), 1 << 20, &out, &err);
    assert_null(strstr(buf_cstr(&out), "geheim"));
    world_remove(&w);
}

static struct none_row {
    const char *name, *sheet, *says;
} none_rows[] = {
    {"no XML", "xsl", "s.xsl"},
    {"a stylesheet that is cut",
     "<xsl:stylesheet version='1.0' "
     "xmlns:xsl='http://www.w3.org/1999/XSL/Transform'>",
     "s.xsl"},
    {"an XPath that is none", SHEET("text", "\n\n" ROOT("<xsl:value-of select='a['/>")), "line 6"},
    {"another one included", SHEET("text", "<xsl:include href='secret'/>"), "s.xsl"},
    {"another one imported", SHEET("text", "<xsl:import href='secret'/>"), "s.xsl"},
    {"a DTD", "<!DOCTYPE x SYSTEM 'http://127.0.0.1/'>" SHEET("text", ""), "s.xsl"},
};

static void none(void **state)
{
    const struct none_row *row = *state;
    struct world w = {0};
    struct gw_transform *t = NULL;
    struct error err = {0};

    sheet_write(&w, row->sheet);
    assert_int_not_equal(gw_transform_new(w.path, &t, &err), ST_OK);
    assert_null(t);
    assert_non_null(strstr(err.text, row->says));
    world_remove(&w);
}

/* ---- a stage: the original stays, the result comes behind it ---- */

static struct stage_row {
    const char *name;
    const char *files[3][2]; /* name and content */
    enum gw_untransformed when_impossible;
    enum status status;
    size_t count;        /* of results */
    const char *last;    /* name of the last file there is then */
    const char *message; /* how err or passed begins */
} stage_rows[] = {
    {"one of two",
     {{"a.xml", "<a/>"}, {"b.pdf", "x"}},
     GW_UNTRANSFORMED_HOLD,
     ST_OK,
     1,
     "a.xml.json",
     ""},
    {"none", {{"b.pdf", "x"}}, GW_UNTRANSFORMED_HOLD, ST_OK, 0, "b.pdf", ""},
    {"one that is no XML, and is held",
     {{"a.xml", "<a/>"}, {"c.xml", "{"}},
     GW_UNTRANSFORMED_HOLD,
     ST_INVALID,
     0,
     "c.xml",
     "c.xml: "},
    {"one that is no XML, and is passed",
     {{"c.xml", "{"}, {"a.xml", "<a/>"}},
     GW_UNTRANSFORMED_PASS,
     ST_OK,
     1,
     "a.xml.json",
     "c.xml: "},
};

static void stage(void **state)
{
    const struct stage_row *row = *state;
    struct gw_transform_conf conf = {.stylesheet = TO_JSON,
                                     .files = "*.xml",
                                     .suffix = ".json",
                                     .when_impossible = row->when_impossible};
    struct gw_rule_conf rule = {.name = "r", .transform = &conf};
    struct gw_config config = {.routes = &rule, .routes_count = 1, .limits.message_max_mb = 1};
    struct helper_store h = {0};
    AUTO(gw_stage_drop) struct gw_stage *staged = NULL;
    AUTO(gw_transform_drop) struct gw_transform *t = NULL;
    struct gw_runtime rt = {.conf = &config, .transforms = &t};
    struct gw_transformed done;
    struct error err = {0};
    const struct gw_file_row *files;
    size_t count;

    helper_dir_make(h.dir);
    helper_store_open(&h, false);
    assert_int_equal(gw_transform_new(TO_JSON, &t, &err), ST_OK);
    assert_int_equal(gw_stage_new(h.store, "01a20000-0000-7000-8000-000000000001", &staged, &err),
                     ST_OK);
    for (size_t i = 0; i < ARRAY_LEN(row->files) && row->files[i][0] != NULL; i++)
        assert_int_equal(gw_stage_add_bytes(staged, GW_FILE_PAYLOAD, row->files[i][0], NULL, NULL,
                                            span_str(row->files[i][1]), &err),
                         ST_OK);
    assert_int_equal(gw_transform_message(&rt, &rule, staged, &done, &err), row->status);
    assert_int_equal(done.count, row->count);
    assert_int_equal(done.size, row->count * strlen("{\"a\":\"\"}\n"));
    assert_int_equal(strncmp(row->status != ST_OK ? err.text : done.passed.text, row->message,
                             strlen(row->message)),
                     0);
    files = gw_stage_files(staged, &count);
    assert_string_equal(files[count - 1].name, row->last);
    assert_string_equal(files[0].name, row->files[0][0]);
    gw_stage_free(TAKE(staged));
    helper_store_close(&h);
    helper_dir_remove(h.dir);
}

int main(void)
{
    struct CMUnitTest tests[64];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(good_rows); i++)
        tests[n++] = (struct CMUnitTest){good_rows[i].name, good, NULL, NULL, &good_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(bad_rows); i++)
        tests[n++] = (struct CMUnitTest){bad_rows[i].name, bad, NULL, NULL, &bad_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(none_rows); i++)
        tests[n++] = (struct CMUnitTest){none_rows[i].name, none, NULL, NULL, &none_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(stage_rows); i++)
        tests[n++] = (struct CMUnitTest){stage_rows[i].name, stage, NULL, NULL, &stage_rows[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(large);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(deep);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(nothing_read);
    return _cmocka_run_group_tests("transform", tests, n, NULL, NULL);
}

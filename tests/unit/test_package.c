/* Canonical text from one message into another, and what is kept of a delivery. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "osci/package.h"
#include "osci/processcard.h"
#include "osci/record.h"
#include "tests/unit/helper_crypto.h"

#define DS " xmlns:ds=\"" DS_NS "\""
#define OSCI " xmlns:osci=\"" OSCI_NS "\""
#define SOAP " xmlns:soap=\"" SOAP_NS "\""
#define XENC " xmlns:xenc=\"" XENC_NS "\""
#define XSI " xmlns:xsi=\"" XSI_NS "\""

static struct apex_row {
    const char *name, *in, *reduced, *completed; /* NULL: refused */
} apex_rows[] = {
    {"the five go, and come back", "<osci:A" OSCI_FIVE_NS " Id=\"a\">x</osci:A>",
     "<osci:A Id=\"a\">x</osci:A>", "<osci:A" OSCI_FIVE_NS " Id=\"a\">x</osci:A>"},
    {"no declarations", "<A></A>", "<A></A>", "<A" OSCI_FIVE_NS "></A>"},
    {"others stay in their place",
     "<x:A xmlns=\"urn:d\"" DS " xmlns:osci2017=\"urn:7\"" SOAP
     " xmlns:x=\"urn:x\" x:b=\"1\"></x:A>",
     "<x:A xmlns=\"urn:d\" xmlns:osci2017=\"urn:7\" xmlns:x=\"urn:x\" x:b=\"1\"></x:A>",
     "<x:A xmlns=\"urn:d\"" DS OSCI " xmlns:osci2017=\"urn:7\"" SOAP " xmlns:x=\"urn:x\"" XENC XSI
     " x:b=\"1\"></x:A>"},
    {"a prefix with another meaning stays", "<A xmlns:ds=\"urn:other\"></A>",
     "<A xmlns:ds=\"urn:other\"></A>", "<A xmlns:ds=\"urn:other\"" OSCI SOAP XENC XSI "></A>"},
    {"nothing inside is touched", "<A" OSCI "><B" OSCI "></B></A>", "<A><B" OSCI "></B></A>",
     "<A" OSCI_FIVE_NS "><B></B></A>"},
    {"an attribute that begins like one", "<A xmlnsx=\"1\"></A>", "<A xmlnsx=\"1\"></A>",
     "<A" OSCI_FIVE_NS " xmlnsx=\"1\"></A>"},
    {"a > in an attribute", "<A" DS " b=\"x>y\"></A>", "<A b=\"x>y\"></A>",
     "<A" OSCI_FIVE_NS " b=\"x>y\"></A>"},
    {"what the five make superfluous inside goes on the way up", "<A><B" DS " b=\"1\"></B></A>",
     "<A><B" DS " b=\"1\"></B></A>", "<A" OSCI_FIVE_NS "><B b=\"1\"></B></A>"},
    {"no start tag", "text", NULL, NULL},
    {"nothing", "", NULL, NULL},
};

static void test_apex(void **state)
{
    const struct apex_row *row = *state;
    struct error err = {0};
    struct arena arena;
    struct span out;
    struct buf buf;

    buf_init(&buf, 65536);
    arena_init(&arena, 65536);
    if (row->reduced == NULL) {
        assert_int_equal(osci_apex_reduce(span_str(row->in), &buf, &err), ST_INVALID);
        assert_int_equal(osci_apex_complete(span_str(row->in), &arena, &out, &err), ST_INVALID);
    } else {
        assert_int_equal(osci_apex_reduce(span_str(row->in), &buf, &err), ST_OK);
        assert_string_equal(buf_cstr(&buf), row->reduced);
        assert_int_equal(osci_apex_complete(span_str(row->in), &arena, &out, &err), ST_OK);
        assert_string_equal(arena_str(&arena, out), row->completed);
    }
    buf_deinit(&buf);
    arena_deinit(&arena);
}

static struct package_row {
    const char *name, *in, *out; /* NULL: refused */
} package_rows[] = {
    {"two children, white space between",
     "<P" OSCI DS SOAP XENC XSI ">\n <osci:A Id=\"1\"/> <!-- c --><osci:B" OSCI ">x</osci:B>\n</P>",
     "<osci:A Id=\"1\"></osci:A><osci:B>x</osci:B>"},
    {"a namespace more in scope stays on it", "<P" OSCI_FIVE_NS " xmlns:o=\"urn:o\"><osci:A/></P>",
     "<osci:A xmlns:o=\"urn:o\"></osci:A>"},
    {"what was declared inside only is superfluous there",
     "<P" OSCI "><osci:A><B" XENC "><xenc:C/></B></osci:A></P>",
     "<osci:A><B><xenc:C></xenc:C></B></osci:A>"},
    {"empty", "<P/>", ""},
    {"text", "<P>text</P>", NULL},
};

/* Where it goes it must be canonical as it stands: it is digested so. */
static void assert_canonical(const char *text)
{
    struct error err = {0};
    struct buf wrap, again;
    xmlDoc *doc = NULL;

    buf_init(&wrap, 65536);
    buf_init(&again, 65536);
    buf_printf(&wrap, "<osci:P" OSCI_FIVE_NS ">%s</osci:P>", text);
    assert_int_equal(xml_parse(buf_span(&wrap), &doc, &err), ST_OK);
    assert_int_equal(xml_c14n(xml_root(doc), &again, &err), ST_OK);
    assert_string_equal(buf_cstr(&again), buf_cstr(&wrap));
    xml_doc_drop(&doc);
    buf_deinit(&wrap);
    buf_deinit(&again);
}

static void test_package(void **state)
{
    const struct package_row *row = *state;
    struct error err = {0};
    xmlDoc *doc = NULL;
    struct buf out;
    enum status st;

    buf_init(&out, 65536);
    buf_str(&out, "in front:");
    assert_int_equal(xml_parse(span_str(row->in), &doc, &err), ST_OK);
    st = osci_package_move(xml_root(doc), &out, &err);
    if (row->out == NULL) {
        assert_int_equal(st, ST_INVALID);
    } else {
        assert_int_equal(st, ST_OK);
        assert_string_equal(buf_cstr(&out) + strlen("in front:"), row->out);
        assert_canonical(row->out);
    }
    xml_doc_drop(&doc);
    buf_deinit(&out);
}

static struct time_row {
    const char *text, *again; /* NULL: refused */
} time_rows[] = {
    {"2026-05-04T08:15:00Z", "2026-05-04T08:15:00.000Z"},
    {"2026-05-04T08:15:00.1239+02:00", "2026-05-04T06:15:00.123Z"},
    {"2026-01-01T00:30:00-01:00", "2026-01-01T01:30:00.000Z"},
    {" 2026-05-04T08:15:00 ", "2026-05-04T08:15:00.000Z"},
    {"2024-02-29T23:59:59.999Z", "2024-02-29T23:59:59.999Z"},
    {"2026-13-04T08:15:00Z", NULL},
    {"2026-05-04 08:15:00Z", NULL},
    {"2026-05-04T08:15:00+2:00", NULL},
    {"2026-05-04T08:15:00Zx", NULL},
    {"2026-05-04", NULL},
    {"", NULL},
};

static void test_time(void **state)
{
    const struct time_row *row = *state;
    struct error err = {0};
    char text[OSCI_DATETIME_MAX];
    int64_t ms;
    enum status st = osci_datetime_read(span_str(row->text), &ms, &err);

    if (row->again == NULL) {
        assert_int_equal(st, ST_INVALID);
        assert_int_equal(err.reason, 9300);
        return;
    }
    assert_int_equal(st, ST_OK);
    osci_datetime_write(ms, text);
    assert_string_equal(text, row->again);
}

static void test_inspections_kept(void **state)
{
    struct osci_inspection in[2] = {{.timestamp.text = SPAN("2026-05-04T08:15:00Z"),
                                     .subject = SPAN("CN=a"),
                                     .issuer = SPAN("CN=b"),
                                     .serial = SPAN("17"),
                                     .cert_type = SPAN("unknown"),
                                     .math = OSCI_CHECK_GOOD,
                                     .offline = OSCI_CHECK_BAD,
                                     .online = OSCI_CHECK_BAD,
                                     .online_kind = SPAN("CRL"),
                                     .online_evidence = SPAN("2026-05-04T08:00:00Z")},
                                    {.subject = SPAN("CN=c"), .math = OSCI_CHECK_INDETERMINATE}};
    struct osci_inspection *out;
    struct error err = {0};
    struct arena arena;
    struct buf kept;
    size_t count;

    (void)state;
    buf_init(&kept, 65536);
    arena_init(&arena, 65536);
    osci_inspections_write(in, 2, &kept);
    assert_int_equal(osci_inspections_read(buf_span(&kept), &arena, &out, &count, &err), ST_OK);
    assert_int_equal(count, 2);
    assert_true(span_eq(out[0].subject, in[0].subject));
    assert_true(span_eq(out[0].online_evidence, in[0].online_evidence));
    assert_int_equal(out[0].online, OSCI_CHECK_BAD);
    assert_int_equal(out[0].offline, OSCI_CHECK_BAD);
    assert_int_equal(out[1].math, OSCI_CHECK_INDETERMINATE);
    for (size_t cut = 1; cut < kept.len; cut++) /* a whole first one may stand alone */
        if (osci_inspections_read(span_sub(buf_span(&kept), 0, cut), &arena, &out, &count, &err) ==
            ST_OK)
            assert_int_equal(count, 1);
    buf_deinit(&kept);
    arena_deinit(&arena);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(apex_rows) + ARRAY_LEN(package_rows) + ARRAY_LEN(time_rows) +
                            1] = {cmocka_unit_test(test_inspections_kept)};
    size_t n = 1;

    for (size_t i = 0; i < ARRAY_LEN(apex_rows); i++)
        tests[n++] = (struct CMUnitTest){apex_rows[i].name, test_apex, NULL, NULL, &apex_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(package_rows); i++)
        tests[n++] =
            (struct CMUnitTest){package_rows[i].name, test_package, NULL, NULL, &package_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(time_rows); i++)
        tests[n++] = (struct CMUnitTest){time_rows[i].text, test_time, NULL, NULL, &time_rows[i]};
    return _cmocka_run_group_tests("package", tests, n, helper_crypto_setup,
                                   helper_crypto_teardown);
}

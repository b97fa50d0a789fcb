/*
 * Header blocks of others: made of a document, sent, read, and made again of what came out; and
 * what cannot be one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "osci/custom.h"
#include "tests/unit/helper_parcel.h"

static const struct policy policy;

#define META_NS "http://www.osci.eu/ws/2014/10/transport"

static struct row {
    const char *name, *xml;
    const char *id;      /* of the block; NULL: it is refused */
    const char *element; /* without prefix */
    const char *holds;   /* text that must have survived */
} rows[] = {
    {"metadata",
     "<m:MessageMetaData xmlns:m=\"" META_NS "\"><m:MsgSize>1</m:MsgSize></m:MessageMetaData>",
     "MetaData", "MessageMetaData", "<m:MsgSize>1</m:MsgSize>"},
    {"with a declaration and a byte order mark",
     "\xef\xbb\xbf<?xml version=\"1.0\"?>\n<m:M xmlns:m=\"" META_NS "\"/>\n", "MetaData", "M",
     "</m:M>"},
    {"with an Id of its own", "<m:M xmlns:m=\"" META_NS "\" Id=\"mine\"/>", "mine", "M", "mine"},
    {"in a default namespace", "<M xmlns=\"" META_NS "\"><a/></M>", "MetaData", "M", "<a></a>"},
    {"white space stays", "<m:M xmlns:m=\"" META_NS "\">\n  <m:a> b </m:a>\r\n</m:M>", "MetaData",
     "M", ">\n  <m:a> b </m:a>\n<"},
    {"characters of all kinds", "<m:M xmlns:m=\"" META_NS "\" a=\"&quot;&#9;\">&amp;&#xE4;</m:M>",
     "MetaData", "M", "a=\"&quot;&#x9;\">&amp;\xc3\xa4<"},
    {"a signature in it",
     "<m:M xmlns:m=\"" META_NS "\" xmlns:ds=\"" DS_NS "\"><ds:Signature/></m:M>", "MetaData", "M",
     "<ds:Signature></ds:Signature>"},
    {"the five prefixes otherwise bound", "<osci:M xmlns:osci=\"urn:x\"><osci:a/></osci:M>",
     "MetaData", "M", "<osci:a></osci:a>"},
    {"nothing", "", NULL, NULL, NULL},
    {"not well-formed", "<m:M xmlns:m=\"" META_NS "\">", NULL, NULL, NULL},
    {"no XML", "recipient: x", NULL, NULL, NULL},
    {"two elements", "<m:M xmlns:m=\"a\"/><m:M xmlns:m=\"a\"/>", NULL, NULL, NULL},
    {"a DTD", "<!DOCTYPE a [<!ENTITY b \"c\">]><m:M xmlns:m=\"a\"/>", NULL, NULL, NULL},
    {"no namespace", "<M/>", NULL, NULL, NULL},
    {"a block of OSCI", "<osci:ControlBlock xmlns:osci=\"" OSCI_NS "\"/>", NULL, NULL, NULL},
    {"a feature description", "<o:FeatureDescription xmlns:o=\"" OSCI17_NS "\"/>", NULL, NULL,
     NULL},
    {"a body", "<s:Body xmlns:s=\"" SOAP_NS "\"/>", NULL, NULL, NULL},
    {"an empty Id", "<m:M xmlns:m=\"a\" Id=\"\"/>", NULL, NULL, NULL},
    {"the body's Id", "<m:M xmlns:m=\"a\" Id=\"body\"/>", NULL, NULL, NULL},
    {"the order's Id", "<m:M xmlns:m=\"a\" Id=\"storedelivery\"/>", NULL, NULL, NULL},
    {"an Id further down", "<m:M xmlns:m=\"a\"><b><c Id=\"x\"/></b></m:M>", NULL, NULL, NULL},
    {"an xml:id", "<m:M xmlns:m=\"a\" xml:id=\"x\"/>", NULL, NULL, NULL},
};

/* Sent in a signed message and read again. */
static void travel(const struct osci_custom *custom, struct helper_in *in)
{
    AUTO(parcel_deinit) struct parcel p = {0};
    struct osci_custom copy = *custom;
    struct error err = {0};

    parcel_init(&p, "author-signature-2048");
    p.msg.customs = &copy;
    p.msg.custom_count = 1;
    parcel_add(&p, SPAN("a"), 10, false);
    parcel_seal(&p);
    parcel_send(&p, true, in);
    helper_ok(osci_message_verify(in->reading, NULL, NULL, &err), &err);
}

static void test_row(void **state)
{
    const struct row *row = *state;
    AUTO(arena_deinit) struct arena arena = {0};
    AUTO(helper_in_deinit) struct helper_in in = {0};
    struct osci_custom custom, again;
    const struct osci_custom *read;
    struct error err = {0};
    enum status st;

    arena_init(&arena, 1024 * 1024);
    st = osci_custom_make(span_str(row->xml), &arena, &custom, &err);
    if (row->id == NULL) {
        assert_int_equal(st, ST_INVALID);
        return;
    }
    helper_ok(st, &err);
    assert_true(span_is(custom.id, row->id));
    assert_true(span_is(osci_custom_name(&custom), row->element));
    assert_int_not_equal(span_find(custom.xml, span_str(row->holds)), SIZE_MAX);
    travel(&custom, &in);
    assert_int_equal(in.reading->msg.custom_count, 1);
    read = &in.reading->msg.customs[0];
    assert_true(span_eq(read->id, custom.id));
    assert_true(span_eq(read->xml, custom.xml));
    helper_ok(osci_custom_make(read->xml, &arena, &again, &err), &err);
    assert_true(span_eq(again.xml, custom.xml));
}

/* The library's own: what it signed is what we would send on. */
static void test_library(void **state)
{
    AUTO(helper_in_deinit) struct helper_in in = {0}, on = {0};
    AUTO(arena_deinit) struct arena arena = {0};
    struct osci_custom made;
    struct error err = {0};

    (void)state;
    arena_init(&arena, 1024 * 1024);
    helper_vector("osci12-reference/v12-signed-with-messagemetadata.mime", &in.wire);
    helper_ok(helper_read(&in, NULL, &policy, &err), &err);
    assert_int_equal(in.reading->msg.custom_count, 1);
    assert_true(span_is(in.reading->msg.customs[0].id, OSCI_CUSTOM_ID));
    helper_ok(osci_custom_make(in.reading->msg.customs[0].xml, &arena, &made, &err), &err);
    assert_true(span_is(osci_custom_name(&made), "MessageMetaData"));
    travel(&made, &on);
    assert_true(span_eq(on.reading->msg.customs[0].xml, made.xml));
}

static void test_too_large(void **state)
{
    AUTO(arena_deinit) struct arena arena = {0};
    AUTO(buf_deinit) struct buf xml = {.max = 2 * OSCI_CUSTOM_BYTES_MAX};
    struct osci_custom custom;
    struct error err = {0};

    (void)state;
    arena_init(&arena, 16 * 1024 * 1024);
    buf_str(&xml, "<m:M xmlns:m=\"a\">");
    while (xml.len < OSCI_CUSTOM_BYTES_MAX - 6)
        buf_char(&xml, 'x');
    buf_str(&xml, "</m:M>");
    helper_ok(osci_custom_make(buf_span(&xml), &arena, &custom, &err), &err);
    buf_char(&xml, ' ');
    assert_int_equal(osci_custom_make(buf_span(&xml), &arena, &custom, &err), ST_LIMIT);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows) + 2];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[n++] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_library);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_too_large);
    return cmocka_run_group_tests(tests, helper_crypto_setup, helper_crypto_teardown);
}

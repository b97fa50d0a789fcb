/*
 * test_xta_schema_diff.c - do our schemas say what the official ones say?
 *
 * Envelopes that are valid are spoilt at every element and attribute, in every way that is listed
 * here, and both sets of schemas must agree about each. Where the official ones are not at hand
 * (helper_xta.h), ours alone are asked, which must end in one of two answers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/unit/helper_xta.h"

#define XSI "http://www.w3.org/2001/XMLSchema-instance"

/* One change in so many is tried; XTA_DIFF_SAMPLE=1 in the environment tries them all. Primes, so
 * that every kind of change has its turn. */
#ifdef __SANITIZE_ADDRESS__
enum { SAMPLE = 23 };
#else
enum { SAMPLE = 11 };
#endif
enum { SAMPLE_OF_VECTORS = 29, BYTES_OF_VECTORS = 100000, PLACES_MAX = 2000 };

/* No shorter than what they stand for in some type, and wrong in another. */
static const char *const values[] = {"",
                                     " ",
                                     "x",
                                     "0",
                                     "-1",
                                     "true",
                                     "AAA",
                                     "A B",
                                     "urn:x",
                                     "s:Sender",
                                     "de",
                                     "2026-01-01",
                                     "%zz",
                                     "1.5",
                                     "\xc3\xbc",
                                     "http://[",
                                     "99999999999999999999999999",
                                     "2026-02-30T00:00:00Z",
                                     "2026-01-01T24:00:00"};

/* For xsi:type: of schemas here and there, of a foreign one, and none. */
static const struct type {
    const char *ns, *name;
} types[] = {
    {"http://www.w3.org/2001/XMLSchema", "string"},
    {"http://www.w3.org/2001/XMLSchema", "anyType"},
    {"http://www.osci.eu/ws/2014/10/transport", "PartyType"},
    {"http://www.osci.eu/ws/2014/10/transport", "AnyType"},
    {"http://www.osci.eu/ws/2014/10/transport", "NonEmptyStringType"},
    {"http://www.osci.eu/ws/2008/05/transport", "MessageBody"},
    {"http://xoev.de/transport/xta/211", "LookupServiceResultType"},
    {"http://xoev.de/transport/xta/211", "CancelDeniedExceptionType"},
    {"https://xoev.de/transport/xta/core/3.1.1", "PartyWithIDType"},
    {"https://xoev.de/transport/xta/core/3.1.1", "XTAMessageIDType"},
    {"http://www.w3.org/2005/08/addressing", "AttributedURIType"},
    {"http://www.w3.org/2001/04/xmlenc#", "EncryptedKeyType"},
    {"urn:x", "string"},
};

static void removed(xmlNode *node)
{
    xmlUnlinkNode(node);
    xmlFreeNode(node);
}

static void doubled(xmlNode *node)
{
    (void)xmlAddNextSibling(node, xmlDocCopyNode(node, node->doc, 1));
}

static void swapped(xmlNode *node)
{
    xmlNode *next = node->next;

    while (next != NULL && next->type != XML_ELEMENT_NODE)
        next = next->next;
    if (next != NULL)
        (void)xmlAddNextSibling(next, node);
}

static void renamed(xmlNode *node)
{
    xmlNodeSetName(node, BAD_CAST "Unknown");
}

static void moved_to_another_namespace(xmlNode *node)
{
    xmlSetNs(node, xmlNewNs(node, BAD_CAST "urn:x", BAD_CAST "another"));
}

static void moved_to_none(xmlNode *node)
{
    xmlSetNs(node, NULL);
}

static void with_a_child_of_its_namespace(xmlNode *node)
{
    xmlNode *child = xmlNewDocNode(node->doc, node->ns, BAD_CAST "Unknown", NULL);

    if (node->children == NULL)
        (void)xmlAddChild(node, child);
    else
        (void)xmlAddPrevSibling(node->children, child);
}

static void with_a_child_of_another_namespace(xmlNode *node)
{
    xmlNode *child = xmlNewChild(node, NULL, BAD_CAST "Unknown", NULL);

    xmlSetNs(child, xmlNewNs(child, BAD_CAST "urn:x", NULL));
}

static void with_itself_inside(xmlNode *node)
{
    (void)xmlAddChild(node, xmlDocCopyNode(node, node->doc, 1));
}

static void emptied(xmlNode *node)
{
    xmlNodeSetContent(node, NULL);
}

static void with_text(xmlNode *node)
{
    (void)xmlAddChild(node, xmlNewDocText(node->doc, BAD_CAST "text"));
}

static void with_an_attribute(xmlNode *node)
{
    (void)xmlSetProp(node, BAD_CAST "unknown", BAD_CAST "x");
}

static void with_a_foreign_attribute(xmlNode *node)
{
    (void)xmlSetNsProp(node, xmlNewNs(node, BAD_CAST "urn:x", BAD_CAST "foreign"),
                       BAD_CAST "unknown", BAD_CAST "x");
}

static void with_a_known_attribute(xmlNode *node)
{
    (void)xmlSetNsProp(
        node, xmlNewNs(node, BAD_CAST "http://www.w3.org/2003/05/soap-envelope", BAD_CAST "soap"),
        BAD_CAST "mustUnderstand", BAD_CAST "maybe");
}

static void nil(xmlNode *node)
{
    (void)xmlSetNsProp(node, xmlNewNs(node, BAD_CAST XSI, BAD_CAST "xsi"), BAD_CAST "nil",
                       BAD_CAST "true");
}

static const struct change {
    const char *name;
    void (*apply)(xmlNode *node);
} changes[] = {
    {"removed", removed},
    {"doubled", doubled},
    {"swapped with the next", swapped},
    {"renamed", renamed},
    {"moved to another namespace", moved_to_another_namespace},
    {"moved to none", moved_to_none},
    {"with a child of its namespace", with_a_child_of_its_namespace},
    {"with a child of another namespace", with_a_child_of_another_namespace},
    {"with itself inside", with_itself_inside},
    {"emptied", emptied},
    {"with text", with_text},
    {"with an attribute", with_an_attribute},
    {"with a foreign attribute", with_a_foreign_attribute},
    {"with a known attribute", with_a_known_attribute},
    {"nil", nil},
};

/* Of each attribute: removed, renamed, and each value. */
enum { ATTRIBUTE_CHANGES = 2 + ARRAY_LEN(values) };
enum { ELEMENT_CHANGES = ARRAY_LEN(changes) + ARRAY_LEN(values) + ARRAY_LEN(types) };

static xmlNode *element_at(xmlNode *node, size_t *index)
{
    for (; node != NULL; node = node->next) {
        xmlNode *found;

        if (node->type != XML_ELEMENT_NODE)
            continue;
        if ((*index)-- == 0)
            return node;
        found = element_at(node->children, index);
        if (found != NULL)
            return found;
    }
    return NULL;
}

static void set_type(xmlNode *node, const struct type *type)
{
    char value[128];

    (void)xmlNewNs(node, BAD_CAST type->ns, BAD_CAST "of");
    (void)snprintf(value, sizeof value, "of:%s", type->name);
    (void)xmlSetNsProp(node, xmlNewNs(node, BAD_CAST XSI, BAD_CAST "xsi"), BAD_CAST "type",
                       BAD_CAST value);
}

static void set_text(xmlNode *node, const char *value)
{
    xmlNodeSetContent(node, NULL);
    (void)xmlAddChild(node, xmlNewDocText(node->doc, BAD_CAST value));
}

/* Applies the change of that number to node; name says what it was. */
static void spoil(xmlNode *node, size_t number, const char **name, const char **value)
{
    xmlAttr *attribute = node->properties;

    *value = "";
    if (number < ARRAY_LEN(changes)) {
        *name = changes[number].name;
        changes[number].apply(node);
        return;
    }
    number -= ARRAY_LEN(changes);
    if (number < ARRAY_LEN(values)) {
        *name = "with the text";
        *value = values[number];
        set_text(node, values[number]);
        return;
    }
    number -= ARRAY_LEN(values);
    if (number < ARRAY_LEN(types)) {
        *name = "with the xsi:type";
        *value = types[number].name;
        set_type(node, &types[number]);
        return;
    }
    number -= ARRAY_LEN(types);
    for (; attribute != NULL && number >= ATTRIBUTE_CHANGES; number -= ATTRIBUTE_CHANGES)
        attribute = attribute->next;
    assert_non_null(attribute);
    if (number == 0) {
        *name = "without an attribute";
        (void)xmlRemoveProp(attribute);
    } else if (number == 1) {
        *name = "with an attribute renamed";
        xmlNodeSetName((xmlNode *)attribute, BAD_CAST "unknown");
    } else {
        *name = "with an attribute's value";
        *value = values[number - 2];
        (void)xmlSetNsProp(node, attribute->ns, attribute->name, BAD_CAST * value);
    }
}

/* Where we are right and the official schemas, as libxml2 reads them, are not (decision 0053). */
static bool is_known(const char *element, const char *value)
{
    return strcmp(element, "X509SerialNumber") == 0 && strlen(value) > 24;
}

struct tally {
    size_t tried, valid;
};

/* The element there, spoilt like that, gets one verdict. */
static void compare(enum xta_version version, struct span xml, size_t place, size_t number,
                    struct tally *tally)
{
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    AUTO(xml_doc_drop) xmlDoc *again = NULL;
    struct error err = {0};
    size_t index = place;
    const char *name, *value;
    char element[64];
    xmlChar *bytes = NULL;
    xmlNode *node;
    enum status st;
    bool theirs;
    int len = 0;

    assert_int_equal(xml_parse(xml, &doc, &err), ST_OK);
    node = element_at(doc->children, &index);
    (void)snprintf(element, sizeof element, "%s", (const char *)node->name);
    spoil(node, number, &name, &value);
    xmlDocDumpMemory(doc, &bytes, &len);
    /* Without a root, or with two, it is no XML, and with another root no envelope. */
    if (xml_parse(span_of(bytes, (size_t)len), &again, &err) != ST_OK ||
        !xml_is(xml_root(again), "http://www.w3.org/2003/05/soap-envelope", "Envelope")) {
        xmlFree(bytes);
        return;
    }
    st = xta_schema_check(helper_xta_schemas(), version, again, &err);
    if (st != ST_OK && st != ST_INVALID)
        fail_msg("%s %s %s: %s", element, name, value, err.text);
    tally->tried++;
    tally->valid += st == ST_OK;
    theirs = helper_xta_official() ? helper_xta_official_valid(version, span_of(bytes, (size_t)len))
                                   : st == ST_OK;
    xmlFree(bytes);
    if (theirs != (st == ST_OK) && !is_known(element, value))
        fail_msg("%s (element %zu) %s \"%s\": ours say %s", element, place, name, value,
                 st == ST_OK ? "valid, the official ones not" : err.text);
}

/* How many changes each element has room for; returns how many elements there are. */
static size_t count_changes(const xmlNode *node, size_t place, size_t changes_of[PLACES_MAX])
{
    for (; node != NULL; node = node->next) {
        if (node->type != XML_ELEMENT_NODE)
            continue;
        assert_true(place < PLACES_MAX);
        changes_of[place] = ELEMENT_CHANGES;
        for (const xmlAttr *a = node->properties; a != NULL; a = a->next)
            changes_of[place] += ATTRIBUTE_CHANGES;
        place = count_changes(node->children, place + 1, changes_of);
    }
    return place;
}

static void spoil_all(enum xta_version version, struct span xml, size_t sample, struct tally *tally)
{
    const char *wanted = getenv("XTA_DIFF_SAMPLE");
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    struct error err = {0};
    size_t changes_of[PLACES_MAX];
    size_t count = 0;
    size_t places;

    if (wanted != NULL)
        sample = (size_t)strtoul(wanted, NULL, 10);
    helper_xta_valid(version, xml);
    assert_int_equal(xml_parse(xml, &doc, &err), ST_OK);
    places = count_changes(doc->children, 0, changes_of);
    for (size_t place = 0; place < places; place++)
        for (size_t number = 0; number < changes_of[place]; number++)
            if (count++ % sample == 0)
                compare(version, xml, place, number, tally);
}

static void print_tally(const char *name, struct tally tally)
{
    print_message("%s: %zu spoilt, %zu of them still valid; %s\n", name, tally.tried, tally.valid,
                  helper_xta_official()
                      ? "the official schemas say the same"
                      : "the official schemas are not here, only ours were asked");
}

/* Envelopes that hold everything. */
static void everything(void **state)
{
    const char *file = *state;
    AUTO(buf_deinit) struct buf xml = {0};
    struct tally tally = {0};
    char path[128];

    (void)snprintf(path, sizeof path, "xta_schema/%s", file);
    helper_vector(path, &xml);
    spoil_all(file[1] == '3' ? XTA_V3 : XTA_V5, buf_span(&xml), SAMPLE, &tally);
    print_tally(file, tally);
    assert_true(tally.tried > 300);
    assert_true(tally.valid > 50 && tally.valid < tally.tried / 2);
}

/* The messages that are really sent, here and there. */
static void vectors(void **state)
{
    json_t *index = helper_xta_index();
    struct tally tally = {0};
    json_t *entry;
    size_t i;

    (void)state;
    json_array_foreach(json_object_get(index, "files"), i, entry)
    {
        const char *file = json_string_value(json_object_get(entry, "file"));
        AUTO(buf_deinit) struct buf xml = {0};

        if (!json_is_true(json_object_get(entry, "schema_valid")) ||
            !span_ends(span_str(file), SPAN(".xml")) ||
            json_integer_value(json_object_get(entry, "bytes")) > BYTES_OF_VECTORS)
            continue;
        helper_xta_envelope(file, &xml);
        spoil_all(file[1] == '3' ? XTA_V3 : XTA_V5, buf_span(&xml),
                  (size_t)SAMPLE_OF_VECTORS * SAMPLE, &tally);
    }
    json_decref(index);
    print_tally("vectors", tally);
    assert_true(tally.tried > 100);
}

int main(void)
{
    static char headers[] = "v3-headers.xml";
    static char bodies[] = "v3-bodies.xml";
    static char v5[] = "v5-everything.xml";
    const struct CMUnitTest tests[] = {
        {headers, everything, NULL, NULL, headers},
        {bodies, everything, NULL, NULL, bodies},
        {v5, everything, NULL, NULL, v5},
        cmocka_unit_test(vectors),
    };

    return cmocka_run_group_tests_name("xta_schema_diff", tests, helper_crypto_setup,
                                       helper_crypto_teardown);
}

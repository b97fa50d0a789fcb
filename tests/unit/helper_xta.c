#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/helper_xta.h"

#include <libxml/xmlschemas.h>
#include <stdio.h>
#include <unistd.h>

#define XOP "http://www.w3.org/2004/08/xop/include"

json_t *helper_xta_index(void)
{
    json_t *index = json_load_file(TEST_VECTORS "/xta/index.json", 0, NULL);

    assert_non_null(index);
    return index;
}

/* content_type: "multipart/related; ...; boundary="x"", no other parameter named like that */
struct span helper_xta_root(const char *content_type, struct span body)
{
    const char *at = strstr(content_type, "boundary=\"");
    char line[256];
    size_t begin, end;

    if (at == NULL)
        return body;
    at += sizeof "boundary=\"" - 1;
    (void)snprintf(line, sizeof line, "--%.*s", (int)strcspn(at, "\""), at);
    begin = span_find(body, span_str(line));
    assert_int_not_equal(begin, SIZE_MAX);
    body = span_from(body, begin);
    begin = span_find(body, SPAN("\r\n\r\n"));
    assert_int_not_equal(begin, SIZE_MAX);
    body = span_from(body, begin + 4);
    end = span_find(body, span_str(line));
    assert_int_not_equal(end, SIZE_MAX);
    return span_trim(span_sub(body, 0, end));
}

void helper_xta_envelope(const char *file, struct buf *xml)
{
    AUTO(buf_deinit) struct buf http = {0};
    char path[512];
    char content_type[1024];
    size_t head;

    (void)snprintf(path, sizeof path, "xta/%s", file);
    if (!span_ends(span_str(file), SPAN(".http"))) {
        helper_vector(path, xml);
        return;
    }
    helper_vector(path, &http);
    head = span_find(buf_span(&http), SPAN("\r\n\r\n"));
    assert_int_not_equal(head, SIZE_MAX);
    (void)snprintf(content_type, sizeof content_type, "%.*s", (int)head, buf_cstr(&http));
    if (xml->max == 0)
        buf_init(xml, XML_BYTES_MAX);
    buf_add(xml, helper_xta_root(content_type, span_from(buf_span(&http), head + 4)));
}

const struct xta_schemas *helper_xta_schemas(void)
{
    static struct xta_schemas *ours;
    struct error err = {0};

    if (ours == NULL && xta_schemas_new(&ours, &err) != ST_OK)
        fail_msg("%s", err.text);
    return ours;
}

static const char *shared_folder(void)
{
    const char *folder = getenv("DEPESCHE_SHARED");

    return folder == NULL ? TEST_SHARED : folder;
}

static const char *official_path(enum xta_version version, char path[1024])
{
    (void)snprintf(path, 1024, "%s/spec/xta/%s", shared_folder(),
                   version == XTA_V3 ? "v3/xta-v3-all.xsd" : "v5/xta-v5-all.xsd");
    return path;
}

bool helper_xta_official(void)
{
    char path[1024];

    return access(official_path(XTA_V3, path), R_OK) == 0;
}

static xmlSchema *official(enum xta_version version)
{
    static xmlSchema *compiled[XTA_VERSION_COUNT];
    char path[1024];
    xmlSchemaParserCtxt *parser;

    if (compiled[version] != NULL)
        return compiled[version];
    parser = xmlSchemaNewParserCtxt(official_path(version, path));
    assert_non_null(parser);
    compiled[version] = xmlSchemaParse(parser);
    xmlSchemaFreeParserCtxt(parser);
    assert_non_null(compiled[version]);
    return compiled[version];
}

static void silent(void *ctx, xmlError *error)
{
    (void)ctx;
    (void)error;
}

bool helper_xta_official_valid(enum xta_version version, struct span xml)
{
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    struct error err = {0};
    xmlSchemaValidCtxt *valid;
    int rc;

    if (xml_parse(xml, &doc, &err) != ST_OK)
        return false;
    valid = xmlSchemaNewValidCtxt(official(version));
    assert_non_null(valid);
    xmlSchemaSetValidStructuredErrors(valid, silent, NULL);
    rc = xmlSchemaValidateDoc(valid, doc);
    xmlSchemaFreeValidCtxt(valid);
    assert_true(rc >= 0);
    return rc == 0;
}

static void drop_includes(xmlNode *node)
{
    xmlNode *next;

    for (; node != NULL; node = next) {
        next = node->next;
        if (xml_is(node, XOP, "Include")) {
            xmlUnlinkNode(node);
            xmlFreeNode(node);
        } else if (node->type == XML_ELEMENT_NODE) {
            drop_includes(node->children);
        }
    }
}

void helper_xta_valid(enum xta_version version, struct span envelope)
{
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    struct error err = {0};
    xmlChar *bare = NULL;
    int len = 0;
    bool theirs = true;

    if (xml_parse(envelope, &doc, &err) != ST_OK)
        fail_msg("%s: %.*s", err.text, SPAN_FMT(envelope));
    drop_includes(doc->children);
    if (xta_schema_check(helper_xta_schemas(), version, doc, &err) != ST_OK)
        fail_msg("%s: %.*s", err.text, SPAN_FMT(envelope));
    if (!helper_xta_official())
        return;
    xmlDocDumpMemory(doc, &bare, &len);
    theirs = helper_xta_official_valid(version, span_of(bare, (size_t)len));
    xmlFree(bare);
    if (!theirs)
        fail_msg("valid for us, and not for the official schema: %.*s", SPAN_FMT(envelope));
}

#include "xta/schema.h"

#include <libxml/parserInternals.h>
#include <libxml/xmlschemas.h>
#include <stdio.h>

#include "xta/schema_files.h"
#include "xta/schema_finding.h"

#define SOAP "http://www.w3.org/2003/05/soap-envelope"

/* The addresses of our files while they are compiled; nothing else is loaded. */
#define SCHEME "xta-schema:///"

struct xta_schemas {
    xmlSchema *of[XTA_VERSION_COUNT];
};

static const char *const folders[XTA_VERSION_COUNT] = {[XTA_V3] = "v3/", [XTA_V5] = "v5/"};
static const char common[] = "common/";

static const struct xta_schema_row *row_of(const char *folder, const char *name)
{
    size_t len = strlen(folder);

    for (size_t i = 0; i < xta_schema_row_count; i++) {
        const struct xta_schema_row *row = &xta_schema_rows[i];

        if (strncmp(row->path, folder, len) == 0 && strcmp(row->path + len, name) == 0)
            return row;
    }
    return NULL;
}

struct span xta_schema_file(enum xta_version version, const char *name)
{
    const struct xta_schema_row *row = row_of(folders[version], name);

    if (row == NULL)
        row = row_of(common, name);
    return row == NULL ? SPAN_NONE : row->bytes;
}

const char *xta_schema_name(enum xta_version version, size_t i)
{
    for (size_t at = 0; at < xta_schema_row_count; at++) {
        const char *path = xta_schema_rows[at].path;
        const char *name = strchr(path, '/') + 1;
        size_t folder_len = (size_t)(name - path);

        if (strncmp(path, folders[version], folder_len) != 0 &&
            strncmp(path, common, folder_len) != 0)
            continue;
        if (i-- == 0)
            return name;
    }
    return NULL;
}

static xmlParserInput *load(const char *url, const char *id, xmlParserCtxt *ctxt)
{
    const struct xta_schema_row *row = NULL;
    xmlParserInputBuffer *bytes;
    xmlParserInput *input;

    (void)id;
    if (url != NULL && strncmp(url, SCHEME, sizeof SCHEME - 1) == 0)
        row = row_of("", url + sizeof SCHEME - 1);
    if (row == NULL)
        return NULL;
    bytes = xmlParserInputBufferCreateMem((const char *)row->bytes.ptr, (int)row->bytes.len,
                                          XML_CHAR_ENCODING_UTF8);
    if (bytes == NULL)
        return NULL;
    input = xmlNewIOInputStream(ctxt, bytes, XML_CHAR_ENCODING_UTF8);
    if (input == NULL)
        xmlFreeParserInputBuffer(bytes);
    else
        input->filename = (const char *)xmlStrdup((const xmlChar *)url);
    return input;
}

static enum status compile(enum xta_version version, xmlSchema **schema, struct error *err)
{
    struct xta_finding finding = {.err = err};
    xmlSchemaParserCtxt *parser;
    char url[64];

    (void)snprintf(url, sizeof url, SCHEME "%smessage.xsd", folders[version]);
    parser = xmlSchemaNewParserCtxt(url);
    TRY_ALLOC(parser, err);
    xmlSchemaSetParserStructuredErrors(parser, xta_finding_note, &finding);
    *schema = xmlSchemaParse(parser);
    xmlSchemaFreeParserCtxt(parser);
    if (*schema == NULL || finding.seen)
        return error_set(err, ST_INTERNAL, 0, "libxml2 does not take the schemas in %s: error %d",
                         folders[version], finding.code);
    return ST_OK;
}

enum status xta_schemas_new(struct xta_schemas **schemas, struct error *err)
{
    AUTO(xta_schemas_drop) struct xta_schemas *s = calloc(1, sizeof *s);
    xmlExternalEntityLoader before = xmlGetExternalEntityLoader();
    enum status st = ST_OK;

    TRY_ALLOC(s, err);
    xmlSetExternalEntityLoader(load);
    for (int v = 0; v < XTA_VERSION_COUNT && st == ST_OK; v++)
        st = compile((enum xta_version)v, &s->of[v], err);
    xmlSetExternalEntityLoader(before);
    if (st == ST_OK)
        *schemas = TAKE(s);
    return st;
}

void xta_schemas_free(struct xta_schemas *schemas)
{
    if (schemas == NULL)
        return;
    for (int v = 0; v < XTA_VERSION_COUNT; v++)
        xmlSchemaFree(schemas->of[v]);
    free(schemas);
}

/* libxml2 enters what it takes for an xs:ID in the document's table, where a signature's reference
 * would find it. */
static void forget_ids(xmlNode *element)
{
    for (xmlAttr *a = element->properties; a != NULL; a = a->next)
        if (a->atype == XML_ATTRIBUTE_ID)
            (void)xmlRemoveID(element->doc, a);
    for (xmlNode *child = element->children; child != NULL; child = child->next)
        if (child->type == XML_ELEMENT_NODE)
            forget_ids(child);
}

DROP_DEFINE(valid_drop, xmlSchemaValidCtxt, xmlSchemaFreeValidCtxt)

enum status xta_schema_check(const struct xta_schemas *schemas, enum xta_version version,
                             xmlDoc *doc, struct error *err)
{
    AUTO(valid_drop) xmlSchemaValidCtxt *valid = NULL;
    struct xta_finding finding = {.err = err};
    int rc;

    if (!xml_is(xml_root(doc), SOAP, "Envelope"))
        return error_set(err, ST_INVALID, XTA_N_COMBINATION,
                         "the root element is not the Envelope of SOAP 1.2");
    valid = xmlSchemaNewValidCtxt(schemas->of[version]);
    TRY_ALLOC(valid, err);
    xmlSchemaSetValidStructuredErrors(valid, xta_finding_note, &finding);
    rc = xmlSchemaValidateDoc(valid, doc);
    forget_ids(xmlDocGetRootElement(doc));
    if (finding.seen)
        return finding.st;
    if (rc != 0)
        return error_set(err, ST_INTERNAL, 0, "libxml2 cannot check a message: error %d", rc);
    return ST_OK;
}

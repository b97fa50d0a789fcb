#include "conformance/schemas.h"

#include <ctype.h>
#include <libxml/catalog.h>
#include <libxml/xmlschemas.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SCHEMAS_MAX = 64, PATH_SIZE = 4096, INTEGER_DIGITS = 24 };

struct conf_schemas {
    char folder[PATH_SIZE - 128];
    pthread_mutex_t lock;
    struct schema {
        char name[64]; /* of the file */
        xmlSchema *schema;
    } all[SCHEMAS_MAX];
    size_t count;
};

enum status conf_schemas_new(const char *folder, struct conf_schemas **schemas, struct error *err)
{
    struct conf_schemas *s = calloc(1, sizeof *s);
    char path[PATH_SIZE];

    TRY_ALLOC(s, err);
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)snprintf(s->folder, sizeof s->folder, "%s", folder);
    (void)snprintf(path, sizeof path, "%s/soapStoreDelivery.xsd", s->folder);
    if (access(path, R_OK) != 0) {
        conf_schemas_free(s);
        return error_set(err, ST_INVALID, 0, "%s: no readable schema", path);
    }
    (void)snprintf(path, sizeof path, "%s/catalog-libxml2.xml", s->folder);
    if (access(path, R_OK) == 0)
        (void)xmlLoadCatalog(path);
    *schemas = s;
    return ST_OK;
}

void conf_schemas_free(struct conf_schemas *schemas)
{
    if (schemas == NULL)
        return;
    for (size_t i = 0; i < schemas->count; i++)
        xmlSchemaFree(schemas->all[i].schema);
    (void)pthread_mutex_destroy(&schemas->lock);
    free(schemas);
}

struct reason { /* the first one stays */
    char *text;
    size_t cap;
};

static void silent(void *ctx, const char *fmt, ...)
{
    (void)ctx;
    (void)fmt;
}

/* libxml2 knows integers of up to 24 digits; serial numbers of certificates have more. */
static bool is_long_number(const xmlError *e)
{
    const xmlNode *node = e->node;
    xmlChar *text;
    size_t digits = 0;
    bool number = true;

    if (node == NULL || strcmp((const char *)node->name, "X509SerialNumber") != 0)
        return false;
    text = xmlNodeGetContent(node);
    for (const xmlChar *p = text; p != NULL && *p != '\0'; p++, digits++)
        number = number && isdigit(*p) != 0;
    xmlFree(text);
    return number && digits > INTEGER_DIGITS;
}

#if LIBXML_VERSION >= 21200
static void note(void *ctx, const xmlError *e)
#else
static void note(void *ctx, xmlError *e)
#endif
{
    const struct reason *reason = ctx;

    if (reason->text[0] == '\0' && e->message != NULL && !is_long_number(e))
        (void)snprintf(reason->text, reason->cap, "%s", e->message);
}

xmlSchema *conf_schema_load(const char *path)
{
    xmlSchemaParserCtxt *parser = xmlSchemaNewParserCtxt(path);
    xmlSchema *schema = NULL;

    if (parser != NULL) {
        xmlSchemaSetParserErrors(parser, silent, silent, NULL);
        schema = xmlSchemaParse(parser);
        xmlSchemaFreeParserCtxt(parser);
    }
    return schema;
}

const char *conf_schema_check(xmlSchema *schema, xmlDoc *doc, char *why, size_t cap)
{
    struct reason reason = {why, cap};
    xmlSchemaValidCtxt *ctx = schema == NULL ? NULL : xmlSchemaNewValidCtxt(schema);

    why[0] = '\0';
    if (ctx == NULL)
        return "the schema does not compile";
    xmlSchemaSetValidStructuredErrors(ctx, note, &reason);
    (void)xmlSchemaValidateDoc(ctx, doc);
    xmlSchemaFreeValidCtxt(ctx);
    return why[0] != '\0' ? why : NULL;
}

/* NULL: no such file, or it does not compile. */
static xmlSchema *schema_of(struct conf_schemas *s, const char *name)
{
    char path[PATH_SIZE];
    struct schema *fresh = &s->all[s->count];

    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->all[i].name, name) == 0)
            return s->all[i].schema;
    if (s->count == SCHEMAS_MAX)
        return NULL;
    (void)snprintf(path, sizeof path, "%s/%s", s->folder, name);
    (void)snprintf(fresh->name, sizeof fresh->name, "%s", name);
    fresh->schema = conf_schema_load(path);
    s->count++;
    return fresh->schema;
}

/* doc by the schema of that type; appends nothing when it is fine. */
static void check(struct conf_schemas *s, struct conf_view *v, xmlDoc *doc, const char *type)
{
    char name[64];
    xmlSchema *schema;

    (void)snprintf(name, sizeof name, "soap%s.xsd", type);
    if (islower((unsigned char)name[4]))
        name[4] = (char)toupper((unsigned char)name[4]);
    schema = schema_of(s, name);
    if (schema == NULL)
        (void)snprintf(v->why, sizeof v->why, "%s does not compile", name);
    else
        (void)conf_schema_check(schema, doc, v->why, sizeof v->why);
}

const char *conf_schemas_check(struct conf_schemas *schemas, struct conf_view *v)
{
    char type[64];

    if (schemas == NULL)
        return NULL;
    v->why[0] = '\0';
    (void)conf_view_type(v, type, sizeof type);
    (void)pthread_mutex_lock(&schemas->lock);
    if (v->encrypted)
        check(schemas, v, v->outer_doc, "messageEncrypted");
    if (v->why[0] == '\0')
        check(schemas, v, v->doc, conf_view_is_fault(v) ? "messageFault" : type);
    (void)pthread_mutex_unlock(&schemas->lock);
    return v->why[0] == '\0' ? NULL : v->why;
}

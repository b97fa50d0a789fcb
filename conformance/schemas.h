/*
 * conformance/schemas.h - the official schemas, where somebody has them
 *
 * They cannot be shipped. A folder with them (--schemas) has the files that schemaLocation names,
 * and catalog-libxml2.xml, an XML catalog that leads from the addresses of what they import to
 * files: nothing is fetched. Each schema is compiled once, when it is first needed.
 *
 * Thread-safe.
 */
#pragma once

#include <libxml/xmlschemas.h>

#include "conformance/view.h"

struct conf_schemas;

/* ST_INVALID: no such folder, or no schema of storeDelivery in it. */
MUST_CHECK enum status conf_schemas_new(const char *folder, struct conf_schemas **schemas,
                                        struct error *err);
void conf_schemas_free(struct conf_schemas *schemas);
/* NULL, or the first thing in the message that its schema does not allow, in v->why. schemas NULL:
 * always NULL. */
const char *conf_schemas_check(struct conf_schemas *schemas, struct conf_view *v);

/* One schema of a file, to be freed with xmlSchemaFree; NULL when it does not compile. */
xmlSchema *conf_schema_load(const char *path);
/* NULL, or the first thing that the schema does not allow, in why. */
const char *conf_schema_check(xmlSchema *schema, xmlDoc *doc, char *why, size_t cap);

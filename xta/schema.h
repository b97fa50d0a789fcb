/*
 * xta/schema.h - is this envelope what the schemas of its version allow?
 *
 * The schemas are the project's own (xta/schema, decision 0053) and part of the program. They are
 * compiled once, at start, and then only looked at: any number of threads may check documents by
 * the same struct xta_schemas, a document belonging to one thread at a time.
 *
 * Before the check the caller removes what stands for binary contents: where xs:base64Binary is
 * allowed, an element is empty or holds base64, and an xop:Include left in it is a violation. What
 * a check does not see: whether header blocks are missing, whether the body is that of the
 * operation or of this version at all (unknown elements of header and body pass), whether base64 is
 * base64.
 *
 * Source: XTA 2 digest 1 and 5 to 7.
 */
#pragma once

#include "crypto/base/xml.h"
#include "xta/model.h"

struct xta_schemas;

/*
 * Both versions. While it runs, libxml2's loader of external entities is ours and afterwards what
 * it was, so it belongs to the start of a program, after crypto_init and before other threads parse
 * XML. No file is opened. ST_INTERNAL: libxml2 refuses a schema; ST_LIMIT: out of memory.
 */
MUST_CHECK enum status xta_schemas_new(struct xta_schemas **schemas, struct error *err);
void xta_schemas_free(struct xta_schemas *schemas);
DROP_DEFINE(xta_schemas_drop, struct xta_schemas, xta_schemas_free)

/*
 * The whole SOAP envelope. The tree is afterwards as it was. ST_INVALID: err says where the first
 * violation is, by the names of elements, and what is wrong, never with a value from the message;
 * the reason is XTA_N_MISSING where something is missing, otherwise XTA_N_COMBINATION.
 */
MUST_CHECK enum status xta_schema_check(const struct xta_schemas *schemas, enum xta_version version,
                                        xmlDoc *doc, struct error *err);

/* A file by its name without folder, "xta.xsd"; ptr NULL: none of that name. Static. */
struct span xta_schema_file(enum xta_version version, const char *name);
/* The names of a version's files, i from 0 on; NULL: no more. Static. */
const char *xta_schema_name(enum xta_version version, size_t i);

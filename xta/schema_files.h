/*
 * xta/schema_files.h - the files below xta/schema, as bytes of the program
 *
 * The table is made from the files when the program is built (xta/schema/embed.cmake). Inside xta/
 * only; others go through xta_schema_file and xta/wsdl.h.
 */
#pragma once

#include "crypto/base/span.h"

struct xta_schema_row {
    const char *path; /* below xta/schema: "v3/xta.xsd", "common/soap.xsd" */
    struct span bytes;
};

extern const struct xta_schema_row xta_schema_rows[]; /* by path */
extern const size_t xta_schema_row_count;

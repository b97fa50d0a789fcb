/*
 * xta/schema_finding.h - what libxml2 says about a violation, as a sentence that may be shown
 *
 * libxml2's own sentences quote the value that is wrong; ours name elements, attributes and types
 * only. Inside xta/ only.
 */
#pragma once

#include <libxml/xmlerror.h>

#include "crypto/base/error.h"

struct xta_finding {
    struct error *err; /* borrowed; filled with the first violation */
    bool seen;
    enum status st; /* ST_INVALID; ST_LIMIT when libxml2 ran out of memory */
    int code;       /* libxml2's */
};

/* An xmlStructuredErrorFunc; finding is a struct xta_finding. */
void xta_finding_note(void *finding, xmlError *error);

/*
 * xta/wsdl.h - the description of the service, as a peer's tools read it
 *
 * URL?wsdl answers with the WSDL of the URL's version, which names the addresses of all ports that
 * are offered; URL?xsd=NAME with one of the schemas. Imports inside both are "?xsd=NAME", relative
 * to the URL that was asked, so that each port can hand out everything.
 *
 * Source: XTA 2 digest 3, 5 and 6.
 */
#pragma once

#include "crypto/base/buf.h"
#include "xta/model.h"

struct xta_addresses {
    const char *url[XTA_PORT_COUNT]; /* NULL: not offered, and not named */
};

/* Appends the WSDL. ST_LIMIT: memory, or the limit of out (64 KiB are enough). */
MUST_CHECK enum status xta_wsdl_write(enum xta_version version,
                                      const struct xta_addresses *addresses, struct buf *out,
                                      struct error *err);
/* Appends the schema of that name. ST_NOT_FOUND: there is none; ST_LIMIT as above. */
MUST_CHECK enum status xta_xsd_write(enum xta_version version, struct span name, struct buf *out,
                                     struct error *err);

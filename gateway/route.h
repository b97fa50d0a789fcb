/*
 * gateway/route.h - to whom a dropped message goes
 *
 * NAME.meta.yaml decides when it is there; else the endpoint's routes, the first whose conditions
 * all hold. A route looks at the file name and, by XPath, into the payload. One that names files
 * and takes the recipient from what stands in them has the last word on these files. Nothing is
 * guessed: a message without a recipient is refused, and err->reason says which rule did not fit.
 */
#pragma once

#include "gateway/runtime.h"

enum { GW_META_MAX = 64 * 1024, GW_ROUTE_XML_MAX = 64 * 1024 * 1024 };

/* Where and how; strings live in the arena or the settings. Zeroed is empty. */
struct gw_routing {
    const struct gw_partner *partner;
    const char *message_type, *subject; /* NULL: none */
    int priority;
    int64_t deliver_after; /* 0: at once */
    enum gw_way delivery;
};

/*
 * Reads a meta.yaml: recipient, message_type, subject, priority, deliver_after (RFC 3339). Whatever
 * it does not say stays as it is. ST_INVALID, GW_R_SPOOL_BAD_META: not YAML, or an unknown key;
 * ST_DENIED, GW_R_PARTNER_UNKNOWN: no such partner.
 */
MUST_CHECK enum status gw_route_meta(const struct gw_runtime *rt, struct span yaml,
                                     struct arena *arena, struct gw_routing *routing,
                                     struct error *err);

/*
 * Applies the endpoint's routes. payload is read only when a rule has an XPath. ST_DENIED:
 * GW_R_SPOOL_NO_ROUTE, GW_R_ADDRESS_UNKNOWN, GW_R_SPOOL_XPATH_EMPTY, GW_R_SPOOL_NOT_XML.
 */
MUST_CHECK enum status gw_route_find(const struct gw_runtime *rt,
                                     const struct gw_endpoint_conf *endpoint, const char *file_name,
                                     struct source *payload, struct arena *arena,
                                     struct gw_routing *routing, struct error *err);

/* The string value of an XPath in a document, trimmed; empty when it finds nothing. Prefixes are
 * those of the document's root; one that it does not declare finds nothing. ST_LIMIT; ST_INTERNAL:
 * no XPath, or one that takes too long. */
MUST_CHECK enum status gw_route_xpath(xmlDoc *doc, const char *xpath, struct arena *arena,
                                      struct span *value, struct error *err);

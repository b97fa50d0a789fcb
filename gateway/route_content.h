/*
 * gateway/route_content.h - a look into the payload, for routes
 *
 * As a tree for XPath, or as lines for flat records; read when somebody asks, and once. Bounded:
 * an XML file of at most GW_ROUTE_XML_MAX bytes; the first GW_ROUTE_LINES_MAX lines within the
 * first GW_ROUTE_HEAD_MAX bytes; each XPath alone in its steps, and all that are asked of one
 * payload together in steps and in time. A line ends with LF or CR LF, which do not belong to it,
 * and a byte order mark at the beginning belongs to none.
 */
#pragma once

#include <libxml/tree.h>

#include "crypto/base/arena.h"
#include "crypto/base/io.h"

enum {
    GW_ROUTE_XML_MAX = 64 * 1024 * 1024,
    GW_ROUTE_HEAD_MAX = 256 * 1024,
    GW_ROUTE_LINES_MAX = 1000,
    GW_ROUTE_OPS_MAX = 1000 * 1000,          /* of one XPath, as libxml2 counts them */
    GW_ROUTE_ALL_OPS_MAX = 20 * 1000 * 1000, /* of all of them together */
    GW_ROUTE_ALL_CPU_MS = 10 * 1000,         /* likewise, what the thread has worked */
};

/* payload is borrowed; NULL: it is not there any more. */
struct gw_route_content {
    struct source *payload;
    struct buf bytes, head;
    xmlDoc *doc;
    bool tree_tried, head_tried;
    struct error why; /* there is no tree, or no head */
    uint64_t ops;     /* spent on XPaths so far */
    int64_t cpu_ms;
};

void gw_route_content_init(struct gw_route_content *c, struct source *payload);
void gw_route_content_deinit(struct gw_route_content *c); /* for AUTO too */

/* NULL when it is no XML; c->why says why not. */
xmlDoc *gw_route_content_tree(struct gw_route_content *c);
/* The n-th line, from 1 on. False: there is none, within the bounds. */
bool gw_route_content_line(struct gw_route_content *c, unsigned n, struct span *line);

/* The string value of an XPath in the tree, which there is, trimmed; empty when it finds nothing.
 * Prefixes are those of the document's root; one that it does not declare finds nothing. ST_LIMIT;
 * ST_DENIED, GW_R_ROUTE_UNDECIDED: no XPath, or one that takes too long; GW_R_ROUTE_WORK: all
 * together have. */
MUST_CHECK enum status gw_route_xpath(struct gw_route_content *c, const char *xpath,
                                      struct arena *arena, struct span *value, struct error *err);

/*
 * conformance/wire.h - a message's bytes, looked at independently
 *
 * A splitter for MIME and a tree from libxml2, both of their own and as plain as can be, so that
 * what is said about bytes on the wire does not come from the reader that the product has.
 */
#pragma once

#include <libxml/tree.h>

#include "crypto/base/buf.h"

enum { CONF_PARTS_MAX = 64 };

struct conf_part {
    struct span headers; /* with their CR LFs, without the empty line */
    struct span body;    /* as on the wire */
};

struct conf_wire {
    struct span bytes;  /* borrowed: all of it */
    struct span header; /* the MIME header of the whole */
    struct span boundary;
    struct conf_part parts[CONF_PARTS_MAX]; /* the first is the XML */
    size_t part_count;
    xmlDoc *doc; /* of the first part */
};

/* ST_INVALID: no MIME message with XML in front; the text says where it ends to be one. */
MUST_CHECK enum status conf_wire_read(struct span bytes, struct conf_wire *wire, struct error *err);
void conf_wire_deinit(struct conf_wire *wire); /* for AUTO; zeroed is fine */

/* The value of a header line, unfolded, without blanks at its ends; false when it is not there.
 * Borrowed where it is not folded, else of the first line only. */
bool conf_header(struct span headers, const char *name, struct span *value);
/* A parameter of such a value: boundary, type, charset; quotes taken off. */
bool conf_parameter(struct span value, const char *name, struct span *parameter);
/* The part with that Content-ID (without <>), NULL when there is none. */
const struct conf_part *conf_part_of(const struct conf_wire *wire, const char *content_id);
/* The octets of a part, base64 taken off. */
MUST_CHECK enum status conf_part_octets(const struct conf_part *part, struct buf *out,
                                        struct error *err);

/* First element of that local name anywhere, in document order, in any namespace; below from. NULL
 * when there is none. */
const xmlNode *conf_find(const xmlNode *from, const char *local);
const xmlNode *conf_find_next(const xmlNode *after, const xmlNode *within, const char *local);
size_t conf_count(const xmlNode *from, const char *local);
const xmlNode *conf_root(const struct conf_wire *wire);
/* soap:Header and soap:Body */
const xmlNode *conf_head(const struct conf_wire *wire);
const xmlNode *conf_body(const struct conf_wire *wire);
/* Text of the first such element, blanks taken off; "" when there is none. The caller frees. */
char *conf_text_of(const xmlNode *from, const char *local);
/* Attribute without namespace; "" when there is none. The caller frees. */
char *conf_attr_of(const xmlNode *node, const char *name);
/* The codes of osci:Feedback (inside: of osci:InsideFeedback), blank-separated, each once in a row.
 * The caller frees. */
char *conf_codes(const struct conf_wire *wire, bool inside);
/* The code of a fault; 0: it is none. */
int conf_fault_code(const struct conf_wire *wire);

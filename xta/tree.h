/*
 * xta/tree.h - between XML and the model: small steps that remember their first failure
 *
 * A codec goes through a tree, or writes one, without a look at each step's result: what fails is
 * remembered, the steps after it do nothing, and xta_in_check or xta_out_check tells at the end.
 *
 * Reading is tolerant: it takes what it finds by name. Whether a message may look like that is for
 * the schema (xta/schema.h) and the checks behind it.
 */
#pragma once

#include "crypto/base/rng.h"
#include "crypto/base/xml.h"
#include "xta/model.h"

#define XTA_V3_NS "http://xoev.de/transport/xta/211"
#define XTA_V5_NS "https://xoev.de/transport/xta/core/3.1.1"
#define XTA_OSCI_NS "http://www.osci.eu/ws/2008/05/transport"
#define XTA_META_NS "http://www.osci.eu/ws/2014/10/transport"
#define XTA_SOAP_NS "http://www.w3.org/2003/05/soap-envelope"
#define XTA_WSA_NS "http://www.w3.org/2005/08/addressing"
#define XTA_XENC_NS "http://www.w3.org/2001/04/xmlenc#"
#define XTA_DS_NS "http://www.w3.org/2000/09/xmldsig#"
#define XTA_XOP_NS "http://www.w3.org/2004/08/xop/include"

/* ---- reading ---- */

struct xta_in {
    struct arena *arena; /* all strings are copied into it */
    size_t items_max;    /* of any one list */
    enum status failed;
    const char *why;
};

/* The character data; ptr NULL: no such element. node may be NULL. */
struct span xta_in_text(struct xta_in *in, const xmlNode *node);
/* The same without white space at both ends: URIs, numbers, codes. */
struct span xta_in_token(struct xta_in *in, const xmlNode *node);
struct span xta_in_attr(struct xta_in *in, const xmlNode *node, const char *name);
/* xs:dateTime, xs:date; ptr NULL, too, for a text that is none: a lenient reader must not hand on
 * what nobody else takes. */
struct span xta_in_time(struct xta_in *in, const xmlNode *node);
struct span xta_in_date(struct xta_in *in, const xmlNode *node);
/* 0: none, or no number. */
uint64_t xta_in_number(struct xta_in *in, const xmlNode *node);
enum xta_tri xta_in_boolean(struct span text);
/* How many children have that name; more than items_max is a failure and gives 0. */
size_t xta_in_count(struct xta_in *in, const xmlNode *parent, const char *ns, const char *local);
/* Zeroed, NULL for none and after a failure. */
void *xta_in_array(struct xta_in *in, size_t size, size_t count);
/* An array of the texts of all children with that name. */
struct span *xta_in_tokens(struct xta_in *in, const xmlNode *parent, const char *ns,
                           const char *local, size_t *count);
/* The next element of that name, from node (itself, too) on; NULL: none. */
const xmlNode *xta_in_from(const xmlNode *node, const char *ns, const char *local);
/* A code value: unqualified code and name. */
struct xta_code xta_in_code(struct xta_in *in, const xmlNode *node);
/* Canonical XML of the element; ptr NULL when node is NULL. */
struct span xta_in_fragment(struct xta_in *in, const xmlNode *node);
/* Appends one to a list. */
void xta_in_fragment_add(struct xta_in *in, const xmlNode *node, struct span **list, size_t *count);
/* Octets in base64. */
struct span xta_in_octets(struct xta_in *in, const xmlNode *node);
MUST_CHECK enum status xta_in_check(const struct xta_in *in, struct error *err);

/* ---- writing ---- */

enum { XTA_ID_PREFIX_MAX = 24 };

/* Names are written as they are given, with the prefixes that the envelope declares. */
struct xta_out {
    struct buf *xml;
    struct arena *arena;
    char id_prefix[XTA_ID_PREFIX_MAX]; /* of the xs:ID values made here */
    unsigned ids;
    struct xta_part_out *parts; /* contents that go beside the XML; see xta/package.h */
    size_t part_count;
    enum status failed;
};

void xta_out_begin(struct xta_out *out, const char *name);                   /* "<name" */
void xta_out_attr(struct xta_out *out, const char *name, struct span value); /* not when NULL */
void xta_out_attr_number(struct xta_out *out, const char *name, uint64_t value);
void xta_out_id(struct xta_out *out);   /* id="..." that nothing else in the envelope has */
void xta_out_more(struct xta_out *out); /* ">" */
void xta_out_open(struct xta_out *out, const char *name);
void xta_out_close(struct xta_out *out, const char *name);
/* A whole element; nothing when text.ptr is NULL. */
void xta_out_text(struct xta_out *out, const char *name, struct span text);
void xta_out_text_id(struct xta_out *out, const char *name, struct span text); /* with an id */
void xta_out_number(struct xta_out *out, const char *name, uint64_t value);
/* list and version: what stands in for those that are missing. */
void xta_out_code(struct xta_out *out, const char *name, const struct xta_code *code,
                  const char *list, const char *version, bool with_name);
void xta_out_fragment(struct xta_out *out, struct span fragment);
void xta_out_base64(struct xta_out *out, const char *name, struct span octets);

/* text, or what is said when it is missing or empty. */
struct span xta_or(struct span text, const char *otherwise);
/* Of the year 1 or later. */
bool xta_is_date(struct span text);
bool xta_is_time(struct span text);
/* May it be an xs:ID? */
bool xta_is_ncname(struct span text);
/* scheme, colon, more, and no character that a URI cannot have. */
bool xta_is_uri(struct span text);

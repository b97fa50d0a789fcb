/*
 * crypto/base/xml.h - XML from outside: bounded, no DTD, no entities, no network
 *
 * All parsing of XML goes through xml_parse, or through xml_parse_source where it may hold more
 * than fits in memory. One owner per xmlDoc; nodes are borrowed const and die with it. Namespaces
 * are compared by URI, never by prefix.
 *
 * Source: OSCI 1.2 digest 12.1 and 12.2.
 */
#pragma once

#include <libxml/tree.h>

#include "crypto/base/arena.h"
#include "crypto/base/io.h"

enum { XML_DEPTH_MAX = 64, XML_ATTRIBUTES_MAX = 64, XML_NODES_MAX = 200000 };
enum { XML_BYTES_MAX = 64 * 1024 * 1024 };

/*
 * UTF-8 with or without a byte order mark. The tree is handed to the caller (xml_doc_drop).
 * ST_INVALID, reason 9100: not well-formed, a DOCTYPE, a processing instruction's entity, too deep;
 * ST_LIMIT, reason 9100: too large.
 */
MUST_CHECK enum status xml_parse(struct span wire, xmlDoc **doc, struct error *err);
void xml_doc_drop(xmlDoc **doc); /* for AUTO */

/*
 * Takes the text of elements away while a document is read: it goes to the tap piece by piece and
 * not into the tree, where the element stands without it. What the tap returns other than ST_OK
 * ends the reading and is what xml_parse_source returns.
 */
struct xml_tap {
    /* Shall the text of this element, which has its attributes and ancestors already, be taken?
     * Not asked below an element that is being tapped. */
    bool (*wants)(struct xml_tap *self, const xmlNode *element);
    enum status (*open)(struct xml_tap *self, const xmlNode *element, struct error *err);
    /* Character data directly in that element. */
    enum status (*text)(struct xml_tap *self, struct span piece, struct error *err);
    enum status (*close)(struct xml_tap *self, struct error *err);
};

enum { XML_TOKEN_MAX = 1024 * 1024 };

/*
 * The same as xml_parse for a source (borrowed) that is read in pieces. max: bytes that the tree
 * may hold of text, attribute values and names; what is tapped does not count. A single tag or
 * comment has at most XML_TOKEN_MAX bytes. tap NULL: none.
 */
MUST_CHECK enum status xml_parse_source(struct source *source, uint64_t max, struct xml_tap *tap,
                                        xmlDoc **doc, struct error *err);

/* Is it UTF-8, and each character one that XML may hold? For text from outside, before it is
 * written. */
bool xml_is_text(struct span s);
/* The same with '?' for each byte that XML cannot hold: for words of ours that quote somebody.
 * Borrowed from s where nothing is wrong with it, else in arena. */
MUST_CHECK enum status xml_text_mend(struct span s, struct arena *arena, struct span *text,
                                     struct error *err);

const xmlNode *xml_root(const xmlDoc *doc);
bool xml_is(const xmlNode *node, const char *ns, const char *local);
/* Elements only: first child, next sibling; NULL at the end. */
const xmlNode *xml_first(const xmlNode *parent);
const xmlNode *xml_next(const xmlNode *node);
/* First child element of that name, NULL when there is none. */
const xmlNode *xml_child(const xmlNode *parent, const char *ns, const char *local);
/* Same, but exactly one: none or a second is ST_INVALID, reason 9300. */
MUST_CHECK enum status xml_only_child(const xmlNode *parent, const char *ns, const char *local,
                                      const xmlNode **child, struct error *err);

/* All character data below node, over comments and CDATA; an element child is ST_INVALID (9300).
 * The span lives in the arena, or in the tree when one text node holds it all. */
MUST_CHECK enum status xml_text(const xmlNode *node, struct arena *arena, struct span *text,
                                struct error *err);
/* The attribute's value; ns NULL: no namespace. ptr is NULL when it is absent. Lives in the tree.
 */
struct span xml_attr(const xmlNode *node, const char *ns, const char *name);

/* Attributes named Id without namespace, by value. */
struct xml_ids;
/* ST_INVALID, reason 9100: two equal ones, or an xml:id. Free with xml_ids_free. */
MUST_CHECK enum status xml_ids_new(const xmlDoc *doc, struct xml_ids **ids, struct error *err);
void xml_ids_free(struct xml_ids *ids);
DROP_DEFINE(xml_ids_drop, struct xml_ids, xml_ids_free)
/* ids NULL: nobody is known. */
const xmlNode *xml_by_id(const struct xml_ids *ids, struct span id);

/* Inclusive canonical XML 1.0 without comments of the subtree, with the namespaces in scope. */
MUST_CHECK enum status xml_c14n(const xmlNode *node, struct buf *out, struct error *err);
/* The same without the namespace declarations of node itself: what the official library digests of
 * an xenc:EncryptedData (wire-notes 1.12). */
MUST_CHECK enum status xml_c14n_bare(const xmlNode *node, struct buf *out, struct error *err);

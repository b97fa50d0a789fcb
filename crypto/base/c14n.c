/*
 * Canonical XML by our own walk. libxml2 has one too, but it goes through the whole document for
 * each subtree, which a message with thousands of references turns into minutes, and it is several
 * times slower for what we have; tests/unit/test_xml.c holds the two against each other
 * (docs/decisions/0005-own-canonical-xml.md).
 */
#include "crypto/base/xml.h"

#include <string.h>

enum { NAMESPACES_MAX = 512, ANCESTORS_MAX = 2 * XML_DEPTH_MAX, SORTED_MAX = XML_ATTRIBUTES_MAX };

struct walk {
    struct buf *out;
    bool bare; /* the outermost element without its namespace declarations */
    size_t rendered_len;
    const xmlNs *rendered[NAMESPACES_MAX]; /* in effect in the output, innermost last */
};

static const char *text(const xmlChar *s)
{
    return s == NULL ? "" : (const char *)s;
}

static const xmlNs *rendered_find(const struct walk *w, const xmlChar *prefix)
{
    for (size_t i = w->rendered_len; i > 0; i--)
        if (strcmp(text(w->rendered[i - 1]->prefix), text(prefix)) == 0)
            return w->rendered[i - 1];
    return NULL;
}

/* True when the declaration changes what is in effect, and then it is. */
static enum status declare(struct walk *w, const xmlNs *ns, bool *wanted, struct error *err)
{
    const xmlNs *known = rendered_find(w, ns->prefix);

    *wanted = strcmp(known == NULL ? "" : text(known->href), text(ns->href)) != 0;
    if (!*wanted)
        return ST_OK;
    if (w->rendered_len == NAMESPACES_MAX)
        return error_set(err, ST_LIMIT, 9100, "more than %d namespaces", NAMESPACES_MAX);
    w->rendered[w->rendered_len++] = ns;
    return ST_OK;
}

static int ns_order(const void *a, const void *b)
{
    const xmlNs *const *x = a, *const *y = b;

    return strcmp(text((*x)->prefix), text((*y)->prefix));
}

static void write_namespaces(struct walk *w, size_t from)
{
    size_t count = w->rendered_len - from;

    if (count > 1)
        qsort(w->rendered + from, count, sizeof w->rendered[0], ns_order);
    for (size_t i = from; i < w->rendered_len; i++) {
        const xmlNs *ns = w->rendered[i];

        buf_add(w->out, SPAN(" xmlns"));
        if (ns->prefix != NULL) {
            buf_char(w->out, ':');
            buf_str(w->out, (const char *)ns->prefix);
        }
        buf_add(w->out, SPAN("=\""));
        buf_xml_attr(w->out, span_str(text(ns->href)));
        buf_char(w->out, '"');
    }
}

static int attr_order(const void *a, const void *b)
{
    const xmlAttr *const *x = a, *const *y = b;
    int order = strcmp((*x)->ns == NULL ? "" : text((*x)->ns->href),
                       (*y)->ns == NULL ? "" : text((*y)->ns->href));

    return order != 0 ? order : strcmp(text((*x)->name), text((*y)->name));
}

static bool is_xml_attr(const xmlAttr *attr)
{
    return attr->ns != NULL && strcmp(text(attr->ns->href), (const char *)XML_XML_NAMESPACE) == 0;
}

/* xml:lang and its like are inherited by the outermost element, the nearest one counting. */
static enum status inherit(const xmlNode *apex, const xmlAttr **attrs, size_t *count,
                           struct error *err)
{
    for (const xmlNode *n = apex->parent; n != NULL && n->type == XML_ELEMENT_NODE; n = n->parent)
        for (const xmlAttr *attr = n->properties; attr != NULL; attr = attr->next) {
            bool known = !is_xml_attr(attr);

            for (size_t i = 0; i < *count && !known; i++)
                known = is_xml_attr(attrs[i]) && xmlStrEqual(attrs[i]->name, attr->name);
            if (known)
                continue;
            if (*count == SORTED_MAX)
                return error_set(err, ST_LIMIT, 9100, "too many attributes in the xml namespace");
            attrs[(*count)++] = attr;
        }
    return ST_OK;
}

static void write_name(struct walk *w, const xmlNs *ns, const xmlChar *name)
{
    if (ns != NULL && ns->prefix != NULL) {
        buf_str(w->out, (const char *)ns->prefix);
        buf_char(w->out, ':');
    }
    buf_str(w->out, (const char *)name);
}

static enum status write_attributes(struct walk *w, const xmlNode *node, bool apex,
                                    struct error *err)
{
    const xmlAttr *attrs[SORTED_MAX];
    size_t count = 0;

    for (const xmlAttr *attr = node->properties; attr != NULL; attr = attr->next) {
        if (count == SORTED_MAX)
            return error_set(err, ST_LIMIT, 9100, "more than %d attributes", SORTED_MAX);
        attrs[count++] = attr;
    }
    if (apex)
        TRY(inherit(node, attrs, &count, err));
    if (count > 1)
        qsort(attrs, count, sizeof attrs[0], attr_order);
    for (size_t i = 0; i < count; i++) {
        buf_char(w->out, ' ');
        write_name(w, attrs[i]->ns, attrs[i]->name);
        buf_add(w->out, SPAN("=\""));
        for (const xmlNode *v = attrs[i]->children; v != NULL; v = v->next) {
            if (v->type != XML_TEXT_NODE)
                return error_set(err, ST_INVALID, 9100, "an entity in an attribute");
            buf_xml_attr(w->out, span_str(text(v->content)));
        }
        buf_char(w->out, '"');
    }
    return ST_OK;
}

/* All that is in scope; outer declarations that an inner one hides fall away. */
static enum status declare_scope(struct walk *w, const xmlNode *apex, struct error *err)
{
    const xmlNode *chain[ANCESTORS_MAX];
    size_t depth = 0;

    for (const xmlNode *n = apex; n != NULL && n->type == XML_ELEMENT_NODE; n = n->parent) {
        if (depth == ANCESTORS_MAX)
            return error_set(err, ST_LIMIT, 9100, "elements nested too deep");
        chain[depth++] = n;
    }
    for (size_t i = 0; i < depth; i++)
        for (const xmlNs *ns = chain[i]->nsDef; ns != NULL; ns = ns->next) {
            if (rendered_find(w, ns->prefix) != NULL)
                continue;
            if (w->rendered_len == NAMESPACES_MAX)
                return error_set(err, ST_LIMIT, 9100, "more than %d namespaces", NAMESPACES_MAX);
            w->rendered[w->rendered_len++] = ns;
        }
    for (size_t i = 0; i < w->rendered_len; i++) /* xmlns="" says nothing at the outermost */
        if (w->rendered[i]->prefix == NULL && text(w->rendered[i]->href)[0] == '\0') {
            w->rendered[i] = w->rendered[--w->rendered_len];
            break;
        }
    return ST_OK;
}

static enum status open_element(struct walk *w, const xmlNode *node, bool apex, struct error *err)
{
    size_t from = w->rendered_len;

    buf_char(w->out, '<');
    write_name(w, node->ns, node->name);
    if (apex) {
        TRY(declare_scope(w, node, err));
    } else {
        for (const xmlNs *ns = node->nsDef; ns != NULL; ns = ns->next) {
            bool wanted;

            TRY(declare(w, ns, &wanted, err));
        }
    }
    if (!apex || !w->bare)
        write_namespaces(w, from);
    TRY(write_attributes(w, node, apex, err));
    buf_char(w->out, '>');
    return ST_OK;
}

static enum status write_leaf(struct walk *w, const xmlNode *node, struct error *err)
{
    switch (node->type) {
    case XML_TEXT_NODE:
    case XML_CDATA_SECTION_NODE:
        buf_xml_text(w->out, span_str(text(node->content)));
        return ST_OK;
    case XML_COMMENT_NODE:
        return ST_OK;
    case XML_PI_NODE:
        buf_add(w->out, SPAN("<?"));
        buf_str(w->out, text(node->name));
        if (text(node->content)[0] != '\0') {
            buf_char(w->out, ' ');
            buf_str(w->out, text(node->content));
        }
        buf_add(w->out, SPAN("?>"));
        return ST_OK;
    default:
        return error_set(err, ST_INVALID, 9100, "a node of kind %d in the message", node->type);
    }
}

static enum status walk_subtree(struct walk *w, const xmlNode *apex, struct error *err)
{
    size_t marks[ANCESTORS_MAX]; /* rendered_len outside each open element */
    size_t depth = 0;
    const xmlNode *node = apex;

    for (;;) {
        if (node->type == XML_ELEMENT_NODE) {
            if (depth == ANCESTORS_MAX)
                return error_set(err, ST_LIMIT, 9100, "elements nested too deep");
            marks[depth++] = w->rendered_len;
            TRY(open_element(w, node, node == apex, err));
            if (node->children != NULL) {
                node = node->children;
                continue;
            }
        } else {
            TRY(write_leaf(w, node, err));
        }
        for (;;) { /* close what ends here, then the next sibling */
            if (node->type == XML_ELEMENT_NODE) {
                buf_add(w->out, SPAN("</"));
                write_name(w, node->ns, node->name);
                buf_char(w->out, '>');
                w->rendered_len = marks[--depth];
                if (node == apex)
                    return ST_OK;
            }
            if (node->next != NULL)
                break;
            node = node->parent;
        }
        node = node->next;
    }
}

static enum status c14n(const xmlNode *node, bool bare, struct buf *out, struct error *err)
{
    struct walk w;

    if (node->type != XML_ELEMENT_NODE)
        return error_set(err, ST_INTERNAL, 0, "only elements have a canonical form here");
    w.out = out;
    w.bare = bare;
    w.rendered_len = 0;
    TRY(walk_subtree(&w, node, err));
    return buf_check(out, err);
}

enum status xml_c14n(const xmlNode *node, struct buf *out, struct error *err)
{
    return c14n(node, false, out, err);
}

enum status xml_c14n_bare(const xmlNode *node, struct buf *out, struct error *err)
{
    return c14n(node, true, out, err);
}

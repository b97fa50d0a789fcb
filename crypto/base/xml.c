#include "crypto/base/xml.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <strings.h>

/*
 * XML_PARSE_HUGE lifts libxml2's own bounds, the 10 MB of a text node among them; ours are these:
 * bytes, depth, attributes of an element, and nodes, where attributes and namespace declarations
 * count as nodes. XML_PARSE_NSCLEAN leaves out declarations that only repeat what is in scope,
 * which OSCI has at every block; no canonical form shows them.
 */
static const int parse_options = XML_PARSE_NONET | XML_PARSE_HUGE | XML_PARSE_NOERROR |
                                 XML_PARSE_NOWARNING | XML_PARSE_NOCDATA | XML_PARSE_COMPACT |
                                 XML_PARSE_NSCLEAN;

/* As many as canonical XML takes, which writes them all: libxml2 goes through all that are in scope
 * for the name of each element. */
enum { IN_SCOPE_MAX = 512 };

struct bounds {
    startElementNsSAX2Func start;
    endElementNsSAX2Func end;
    charactersSAXFunc text;
    commentSAXFunc comment;
    processingInstructionSAXFunc pi;
    struct xml_tap *tap;
    int tapped;         /* the depth of the element whose text is taken; 0: none */
    enum status failed; /* what the tap said */
    struct error *err;  /* for the tap */
    uint64_t kept, max; /* bytes in the tree, and how many may be */
    int depth, nodes;
    int in_scope, declared[XML_DEPTH_MAX + 1]; /* namespaces: of all open elements, of each */
    const char *broken;                        /* what was wrong, NULL while all is well */
};

static struct bounds *bounds_of(void *ctx)
{
    return ((xmlParserCtxt *)ctx)->_private;
}

static void refuse(void *ctx, const char *why)
{
    if (bounds_of(ctx)->broken == NULL)
        bounds_of(ctx)->broken = why;
    xmlStopParser(ctx);
}

static bool count_nodes(void *ctx, int nodes, size_t bytes)
{
    struct bounds *b = bounds_of(ctx);

    if (nodes > XML_NODES_MAX - b->nodes) {
        refuse(ctx, "too many nodes");
        return false;
    }
    if (bytes > b->max - b->kept) {
        b->failed = ST_LIMIT;
        refuse(ctx, "more than may be held in memory");
        return false;
    }
    b->nodes += nodes;
    b->kept += bytes;
    return true;
}

/* of the values; libxml2 gives each attribute as name, prefix, URI, begin and end of its value */
static size_t attribute_bytes(int count, const xmlChar **attrs)
{
    size_t bytes = 0;

    for (int i = 0; i < count; i++)
        bytes += (size_t)(attrs[5 * i + 4] - attrs[5 * i + 3]);
    return bytes;
}

static size_t namespace_bytes(int count, const xmlChar **ns)
{
    size_t bytes = 0;

    for (int i = 0; i < count; i++)
        bytes += span_str((const char *)ns[2 * i + 1]).len;
    return bytes;
}

/* What is declared to be in another encoding is not even begun. */
static bool says_utf8(const xmlParserCtxt *ctxt)
{
    const xmlChar *said = ctxt->encoding != NULL ? ctxt->encoding
                          : ctxt->input != NULL  ? ctxt->input->encoding
                                                 : NULL;

    return said == NULL || strcasecmp((const char *)said, "UTF-8") == 0;
}

static void tap_result(void *ctx, enum status st)
{
    if (st == ST_OK)
        return;
    bounds_of(ctx)->failed = st;
    xmlStopParser(ctx);
}

static void tap_start(void *ctx)
{
    struct bounds *b = bounds_of(ctx);
    const xmlNode *element = ((xmlParserCtxt *)ctx)->node;

    if (b->tap == NULL || b->tapped != 0 || element == NULL || !b->tap->wants(b->tap, element))
        return;
    b->tapped = b->depth;
    tap_result(ctx, b->tap->open(b->tap, element, b->err));
}

static void on_start(void *ctx, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri,
                     int ns_count, const xmlChar **ns, int attr_count, int defaulted,
                     const xmlChar **attrs)
{
    struct bounds *b = bounds_of(ctx);

    if (attr_count > XML_ATTRIBUTES_MAX || ns_count > XML_ATTRIBUTES_MAX)
        refuse(ctx, "an element with too many attributes");
    else if (++b->depth > XML_DEPTH_MAX)
        refuse(ctx, "elements nested too deep");
    else if ((b->in_scope += b->declared[b->depth] = ns_count) > IN_SCOPE_MAX)
        refuse(ctx, "too many namespaces");
    else if (!says_utf8(ctx))
        refuse(ctx, "text that is not in UTF-8");
    else if (count_nodes(ctx, 1 + attr_count + ns_count,
                         attribute_bytes(attr_count, attrs) + namespace_bytes(ns_count, ns) +
                             span_str((const char *)local).len)) {
        b->start(ctx, local, prefix, uri, ns_count, ns, attr_count, defaulted, attrs);
        tap_start(ctx);
    }
}

static void on_end(void *ctx, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri)
{
    struct bounds *b = bounds_of(ctx);

    if (b->depth > 0 && b->depth <= XML_DEPTH_MAX)
        b->in_scope -= b->declared[b->depth];
    if (b->tapped != 0 && b->tapped == b->depth) {
        b->tapped = 0;
        tap_result(ctx, b->tap->close(b->tap, b->err));
    }
    b->depth--;
    b->end(ctx, local, prefix, uri);
}

static void on_text(void *ctx, const xmlChar *text, int len)
{
    struct bounds *b = bounds_of(ctx);

    if (b->tapped != 0 && b->tapped == b->depth)
        tap_result(ctx, b->tap->text(b->tap, span_of(text, (size_t)len), b->err));
    else if (count_nodes(ctx, 0, (size_t)len))
        b->text(ctx, text, len);
}

static void on_comment(void *ctx, const xmlChar *value)
{
    if (count_nodes(ctx, 1, span_str((const char *)value).len))
        bounds_of(ctx)->comment(ctx, value);
}

static void on_pi(void *ctx, const xmlChar *target, const xmlChar *data)
{
    if (count_nodes(ctx, 1, span_str((const char *)data).len))
        bounds_of(ctx)->pi(ctx, target, data);
}

static void on_doctype(void *ctx, const xmlChar *name, const xmlChar *public_id,
                       const xmlChar *system_id)
{
    (void)name;
    (void)public_id;
    (void)system_id;
    refuse(ctx, "a DOCTYPE");
}

/*
 * libxml2 compares each attribute of an element with each other before we are asked, so one with a
 * million of them must not get that far. Every '<' starts the count anew, inside comments too:
 * there is then no way to read a tag that was not counted.
 */
struct tags {
    bool inside; /* what was seen so far ends in a tag */
    uint8_t quote;
    int count;
};

enum { TAG_ATTRIBUTES_MAX = 2 * XML_ATTRIBUTES_MAX }; /* with the namespace declarations */

/* Goes through the tag that p is in; *p is where it ends, or end. */
static bool tag_bounded(struct tags *t, const uint8_t **p, const uint8_t *end)
{
    for (; *p < end && **p != '<' && (t->quote != 0 || **p != '>'); ++*p) {
        if (t->quote != 0)
            t->quote = **p == t->quote ? 0 : t->quote;
        else if (**p == '"' || **p == '\'')
            t->quote = **p;
        else if (**p == '=' && ++t->count > TAG_ATTRIBUTES_MAX)
            return false;
    }
    t->inside = *p == end;
    return true;
}

/* The next bytes of a document. */
static bool attributes_bounded(struct tags *t, struct span wire)
{
    /* the tag that could have as many */
    static const size_t shortest = sizeof " a=\"\"" * TAG_ATTRIBUTES_MAX;
    const uint8_t *end = wire.ptr + wire.len;
    const uint8_t *p = wire.ptr;

    if (t->inside && !tag_bounded(t, &p, end))
        return false;
    for (p = memchr(p, '<', (size_t)(end - p)); p != NULL;) {
        const uint8_t *next = memchr(p + 1, '<', (size_t)(end - p - 1));

        if (next == NULL || (size_t)(next - p) >= shortest) {
            *t = (struct tags){0};
            p++;
            if (!tag_bounded(t, &p, end))
                return false;
        }
        p = next;
    }
    return true;
}

/* No character of XML; libxml2 takes a text for ended there in some places, and not the same ones
 * when it reads in pieces. */
static bool has_zero(struct span wire)
{
    return wire.len > 0 && memchr(wire.ptr, 0, wire.len) != NULL;
}

/* Only what begins like UTF-8 text; UTF-16 and its like are told by their first bytes. */
static bool looks_utf8(struct span wire)
{
    return wire.len >= 4 && memchr(wire.ptr, 0, 4) == NULL &&
           (wire.ptr[0] == '<' || wire.ptr[0] == ' ' || wire.ptr[0] == '\n' ||
            wire.ptr[0] == '\r' || wire.ptr[0] == '\t');
}

static void bound(xmlParserCtxt *ctxt, struct bounds *b)
{
    xmlSAXHandler *sax = ctxt->sax;

    *b = (struct bounds){.start = sax->startElementNs,
                         .end = sax->endElementNs,
                         .text = sax->characters,
                         .comment = sax->comment,
                         .pi = sax->processingInstruction,
                         .max = UINT64_MAX};
    sax->startElementNs = on_start;
    sax->endElementNs = on_end;
    sax->characters = on_text;
    sax->ignorableWhitespace = on_text;
    sax->cdataBlock = on_text;
    sax->comment = on_comment;
    sax->processingInstruction = on_pi;
    sax->internalSubset = on_doctype;
    sax->externalSubset = NULL;
    sax->entityDecl = NULL;
    sax->resolveEntity = NULL;
    ctxt->_private = b;
}

DROP_DEFINE(parser_drop, xmlParserCtxt, xmlFreeParserCtxt)

static enum status too_many_attributes(struct error *err)
{
    return error_set(err, ST_INVALID, 9100, "the XML holds an element with too many attributes");
}

static enum status not_utf8(struct error *err)
{
    return error_set(err, ST_INVALID, 9100, "the bytes are no XML in UTF-8");
}

/* What has become of it; parsed NULL: nothing. */
static enum status outcome(const xmlParserCtxt *ctxt, const struct bounds *bounds,
                           const xmlDoc *parsed, struct error *err)
{
    if (bounds->broken != NULL)
        return error_set(err, bounds->failed == ST_OK ? ST_INVALID : bounds->failed, 9100,
                         "the XML holds %s", bounds->broken);
    if (bounds->failed != ST_OK)
        return bounds->failed; /* the tap has said why */
    if (ctxt->lastError.code == XML_ERR_NO_MEMORY)
        return error_starved(err);
    if (parsed == NULL || ctxt->wellFormed == 0 || ctxt->nsWellFormed == 0)
        return error_set(err, ST_INVALID, 9100, "the XML is not well-formed: line %d, error %d",
                         ctxt->lastError.line, ctxt->lastError.code);
    if (parsed->encoding != NULL && strcasecmp((const char *)parsed->encoding, "UTF-8") != 0)
        return error_set(err, ST_INVALID, 9100, "the XML says it is not in UTF-8");
    if (xml_root(parsed) == NULL)
        return error_set(err, ST_INVALID, 9100, "the XML has no element");
    return ST_OK;
}

static const struct span bom = {(const uint8_t *)"\xEF\xBB\xBF", 3};

enum status xml_parse(struct span wire, xmlDoc **doc, struct error *err)
{
    AUTO(parser_drop) xmlParserCtxt *ctxt = NULL;
    AUTO(xml_doc_drop) xmlDoc *parsed = NULL;
    struct bounds bounds;
    struct tags tags = {0};

    if (wire.len > XML_BYTES_MAX)
        return error_set(err, ST_LIMIT, 9100, "the XML has %zu bytes, more than %d", wire.len,
                         XML_BYTES_MAX);
    if (span_starts(wire, bom))
        wire = span_from(wire, bom.len);
    if (!looks_utf8(wire) || has_zero(wire))
        return not_utf8(err);
    if (!attributes_bounded(&tags, wire))
        return too_many_attributes(err);
    ctxt = xmlNewParserCtxt();
    TRY_ALLOC(ctxt, err);
    bound(ctxt, &bounds);
    parsed =
        xmlCtxtReadMemory(ctxt, (const char *)wire.ptr, (int)wire.len, NULL, NULL, parse_options);
    TRY(outcome(ctxt, &bounds, parsed, err));
    *doc = TAKE(parsed);
    return ST_OK;
}

/* ---- in pieces ---- */

enum { PIECE_BYTES = 32 * 1024 };

struct feed {
    struct source *source;
    xmlParserCtxt *ctxt; /* made with the first piece */
    struct bounds bounds;
    struct tags tags;
    uint64_t offset;
};

static void feed_close(struct feed *f)
{
    if (f->ctxt == NULL)
        return;
    xmlFreeDoc(f->ctxt->myDoc);
    f->ctxt->myDoc = NULL;
    xmlFreeParserCtxt(f->ctxt);
}

static enum status feed_begin(struct feed *f, struct span *piece, struct xml_tap *tap, uint64_t max,
                              struct error *err)
{
    if (span_starts(*piece, bom))
        *piece = span_from(*piece, bom.len);
    if (!looks_utf8(*piece))
        return not_utf8(err);
    f->ctxt = xmlCreatePushParserCtxt(NULL, NULL, NULL, 0, NULL);
    TRY_ALLOC(f->ctxt, err);
    xmlCtxtUseOptions(f->ctxt, parse_options);
    bound(f->ctxt, &f->bounds);
    f->bounds.tap = tap;
    f->bounds.max = max;
    f->bounds.err = err;
    return ST_OK;
}

static enum status feed_piece(struct feed *f, struct span piece, struct error *err)
{
    if (has_zero(piece))
        return not_utf8(err);
    if (!attributes_bounded(&f->tags, piece))
        return too_many_attributes(err);
    if (xmlParseChunk(f->ctxt, (const char *)piece.ptr, (int)piece.len, 0) != 0 ||
        f->bounds.broken != NULL || f->bounds.failed != ST_OK)
        return outcome(f->ctxt, &f->bounds, NULL, err);
    if (f->ctxt->input != NULL && f->ctxt->input->end - f->ctxt->input->cur > XML_TOKEN_MAX)
        return error_set(err, ST_LIMIT, 9100, "the XML holds a tag or comment of over %d bytes",
                         XML_TOKEN_MAX);
    return ST_OK;
}

/* As much as there is, up to PIECE_BYTES, however little a source gives at a time. */
static enum status piece_read(struct feed *f, uint8_t *bytes, size_t *len, struct error *err)
{
    size_t got;

    for (*len = 0; *len < PIECE_BYTES; *len += got) {
        TRY(source_read(f->source, f->offset + *len, bytes + *len, PIECE_BYTES - *len, &got, err));
        if (got == 0)
            break;
    }
    f->offset += *len;
    return ST_OK;
}

enum status xml_parse_source(struct source *source, uint64_t max, struct xml_tap *tap, xmlDoc **doc,
                             struct error *err)
{
    AUTO(free_drop) uint8_t *bytes = malloc(PIECE_BYTES);
    AUTO(feed_close) struct feed f = {.source = source};

    TRY_ALLOC(bytes, err);
    for (;;) {
        struct span piece;
        size_t len;

        TRY(piece_read(&f, bytes, &len, err));
        piece = span_of(bytes, len);
        if (f.ctxt == NULL)
            TRY(feed_begin(&f, &piece, tap, max, err));
        if (len == 0)
            break;
        TRY(feed_piece(&f, piece, err));
    }
    (void)xmlParseChunk(f.ctxt, NULL, 0, 1); /* the outcome is looked at below */
    TRY(outcome(f.ctxt, &f.bounds, f.ctxt->myDoc, err));
    *doc = TAKE(f.ctxt->myDoc);
    return ST_OK;
}

/* The bytes of the character at the front; 0: it is none, or none for XML. */
static size_t char_bytes(struct span s)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t b = s.ptr[0];
    size_t n = b < 0x80 ? 1 : b < 0xc0 ? 0 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : b < 0xf8 ? 4 : 0;
    uint32_t c = n == 1 ? b : b & (0x7fU >> n);

    if (n == 0 || n > s.len)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((s.ptr[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s.ptr[i] & 0x3fU);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || c == 0xfffe || c == 0xffff)
        return 0;
    return c >= 0x20 || c == '\t' || c == '\n' || c == '\r' ? n : 0;
}

/* Eight of ASCII's printable characters, which most texts have nothing else of: no byte has its
 * highest bit, and none gets it when 0x20 is taken off each. */
static bool eight_plain(const uint8_t *p)
{
    uint64_t w;

    memcpy(&w, p, sizeof w);
    return ((w | (w - UINT64_C(0x2020202020202020))) & UINT64_C(0x8080808080808080)) == 0;
}

bool xml_is_text(struct span s)
{
    while (s.len > 0) {
        size_t n = s.len >= 8 && eight_plain(s.ptr) ? 8 : char_bytes(s);

        if (n == 0)
            return false;
        s = span_from(s, n);
    }
    return true;
}

enum status xml_text_mend(struct span s, struct arena *arena, struct span *text, struct error *err)
{
    uint8_t *bytes;

    *text = s;
    if (xml_is_text(s))
        return ST_OK;
    bytes = arena_alloc(arena, s.len);
    TRY_ALLOC(bytes, err);
    memcpy(bytes, s.ptr, s.len);
    *text = span_of(bytes, s.len);
    for (size_t i = 0, n; i < s.len; i += n) {
        n = char_bytes(span_from(*text, i));
        if (n > 0)
            continue;
        bytes[i] = '?';
        n = 1;
    }
    return ST_OK;
}

void xml_doc_drop(xmlDoc **doc)
{
    if (*doc != NULL)
        xmlFreeDoc(*doc);
    *doc = NULL;
}

const xmlNode *xml_root(const xmlDoc *doc)
{
    return xmlDocGetRootElement((xmlDoc *)(uintptr_t)doc);
}

bool xml_is(const xmlNode *node, const char *ns, const char *local)
{
    if (node == NULL || node->type != XML_ELEMENT_NODE ||
        strcmp((const char *)node->name, local) != 0)
        return false;
    if (node->ns == NULL || node->ns->href == NULL)
        return ns == NULL;
    return ns != NULL && strcmp((const char *)node->ns->href, ns) == 0;
}

static const xmlNode *element_from(const xmlNode *node)
{
    while (node != NULL && node->type != XML_ELEMENT_NODE)
        node = node->next;
    return node;
}

const xmlNode *xml_first(const xmlNode *parent)
{
    return parent == NULL ? NULL : element_from(parent->children);
}

const xmlNode *xml_next(const xmlNode *node)
{
    return node == NULL ? NULL : element_from(node->next);
}

const xmlNode *xml_child(const xmlNode *parent, const char *ns, const char *local)
{
    for (const xmlNode *n = xml_first(parent); n != NULL; n = xml_next(n))
        if (xml_is(n, ns, local))
            return n;
    return NULL;
}

enum status xml_only_child(const xmlNode *parent, const char *ns, const char *local,
                           const xmlNode **child, struct error *err)
{
    const xmlNode *found = xml_child(parent, ns, local);

    if (found == NULL)
        return error_set(err, ST_INVALID, 9300, "no %s in %s", local, (const char *)parent->name);
    for (const xmlNode *n = xml_next(found); n != NULL; n = xml_next(n))
        if (xml_is(n, ns, local))
            return error_set(err, ST_INVALID, 9300, "more than one %s in %s", local,
                             (const char *)parent->name);
    *child = found;
    return ST_OK;
}

static bool is_text(const xmlNode *node)
{
    return node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE;
}

static enum status text_len(const xmlNode *node, size_t *len, size_t *pieces, const xmlNode **last,
                            struct error *err)
{
    *len = 0;
    *pieces = 0;
    *last = NULL;
    for (const xmlNode *n = node->children; n != NULL; n = n->next) {
        if (n->type == XML_COMMENT_NODE || n->type == XML_PI_NODE)
            continue;
        if (!is_text(n))
            return error_set(err, ST_INVALID, 9300, "%s holds more than text",
                             (const char *)node->name);
        *len += span_str((const char *)n->content).len;
        *last = n;
        ++*pieces;
    }
    return ST_OK;
}

enum status xml_text(const xmlNode *node, struct arena *arena, struct span *text, struct error *err)
{
    const xmlNode *last;
    size_t len, pieces;
    uint8_t *p;

    TRY(text_len(node, &len, &pieces, &last, err));
    if (pieces < 2) {
        *text = span_of(pieces == 0 ? (const xmlChar *)"" : last->content, len);
        return ST_OK;
    }
    p = arena_alloc(arena, len);
    TRY_ALLOC(p, err);
    *text = span_of(p, len);
    for (const xmlNode *n = node->children; n != NULL; n = n->next) {
        struct span s = span_str((const char *)n->content);

        if (!is_text(n) || s.len == 0)
            continue;
        memcpy(p, s.ptr, s.len);
        p += s.len;
    }
    return ST_OK;
}

struct span xml_attr(const xmlNode *node, const char *ns, const char *name)
{
    for (const xmlAttr *a = node->properties; a != NULL; a = a->next) {
        const char *a_ns = a->ns == NULL ? NULL : (const char *)a->ns->href;

        if (strcmp((const char *)a->name, name) != 0 || (a_ns == NULL) != (ns == NULL) ||
            (ns != NULL && strcmp(a_ns, ns) != 0))
            continue;
        if (a->children == NULL || a->children->content == NULL)
            return SPAN("");
        return span_str((const char *)a->children->content);
    }
    return SPAN_NONE;
}

struct xml_ids {
    size_t count;
    struct id_row {
        struct span id;
        const xmlNode *node;
    } * rows; /* sorted: no choice of Ids makes looking them up slow */
};

/* The node after this one in document order, NULL at the end. */
static const xmlNode *following(const xmlNode *node)
{
    const xmlNode *child = xml_first(node);

    while (child == NULL && node != NULL) {
        child = xml_next(node);
        node = node->parent != NULL && node->parent->type == XML_ELEMENT_NODE ? node->parent : NULL;
    }
    return child;
}

static int row_order(const void *a, const void *b)
{
    const struct id_row *x = a, *y = b;
    size_t len = x->id.len < y->id.len ? x->id.len : y->id.len;
    int order = memcmp(x->id.ptr, y->id.ptr, len);

    return order != 0 ? order : (x->id.len > y->id.len) - (x->id.len < y->id.len);
}

/* Doubles; attributes are counted nodes, so there is an end to it. */
static enum status ids_add(struct xml_ids *ids, size_t *cap, struct id_row row, struct error *err)
{
    if (ids->count == *cap) {
        size_t more = *cap == 0 ? 32 : 2 * *cap;
        struct id_row *rows = realloc(ids->rows, more * sizeof *rows);

        TRY_ALLOC(rows, err);
        ids->rows = rows;
        *cap = more;
    }
    ids->rows[ids->count++] = row;
    return ST_OK;
}

static enum status ids_of(struct xml_ids *ids, size_t *cap, const xmlNode *node, struct error *err)
{
    for (const xmlAttr *a = node->properties; a != NULL; a = a->next) {
        struct span value = a->children == NULL ? SPAN("") : span_str((char *)a->children->content);

        if (a->ns == NULL && strcmp((const char *)a->name, "Id") == 0)
            TRY(ids_add(ids, cap, (struct id_row){value, node}, err));
        else if (a->ns != NULL && strcmp((const char *)a->name, "id") == 0 &&
                 strcmp((const char *)a->ns->href, (const char *)XML_XML_NAMESPACE) == 0)
            return error_set(err, ST_INVALID, 9100, "an xml:id in the message");
    }
    return ST_OK;
}

enum status xml_ids_new(const xmlDoc *doc, struct xml_ids **ids, struct error *err)
{
    AUTO(xml_ids_drop) struct xml_ids *made = calloc(1, sizeof *made);
    size_t cap = 0;

    TRY_ALLOC(made, err);
    for (const xmlNode *n = xml_root(doc); n != NULL; n = following(n))
        TRY(ids_of(made, &cap, n, err));
    if (made->count > 1)
        qsort(made->rows, made->count, sizeof made->rows[0], row_order);
    for (size_t i = 1; i < made->count; i++)
        if (span_eq(made->rows[i - 1].id, made->rows[i].id))
            return error_set(err, ST_INVALID, 9100, "two elements have the same Id");
    *ids = TAKE(made);
    return ST_OK;
}

void xml_ids_free(struct xml_ids *ids)
{
    if (ids != NULL)
        free(ids->rows);
    free(ids);
}

const xmlNode *xml_by_id(const struct xml_ids *ids, struct span id)
{
    struct id_row key = {id.ptr == NULL ? SPAN("") : id, NULL};
    const struct id_row *row = NULL;

    if (ids != NULL && ids->count > 0)
        row = bsearch(&key, ids->rows, ids->count, sizeof ids->rows[0], row_order);
    return row == NULL ? NULL : row->node;
}

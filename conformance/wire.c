#include "conformance/wire.h"

#include <libxml/parser.h>
#include <stdio.h>
#include <string.h>

enum { OCTETS_MAX = 256 * 1024 * 1024, CODES_MAX = 4096 };

bool conf_header(struct span headers, const char *name, struct span *value)
{
    struct span line;

    while (span_split(&headers, '\n', &line)) {
        size_t len = strlen(name);

        if (line.len > len && line.ptr[len] == ':' &&
            span_eq_nocase(span_sub(line, 0, len), span_str(name))) {
            *value = span_trim(span_from(line, len + 1));
            return true;
        }
    }
    return false;
}

bool conf_parameter(struct span value, const char *name, struct span *parameter)
{
    struct span piece;
    size_t len = strlen(name);

    while (span_split(&value, ';', &piece)) {
        piece = span_trim(piece);
        if (piece.len <= len || piece.ptr[len] != '=' ||
            !span_eq_nocase(span_sub(piece, 0, len), span_str(name)))
            continue;
        piece = span_from(piece, len + 1);
        if (piece.len >= 2 && piece.ptr[0] == '"' && piece.ptr[piece.len - 1] == '"')
            piece = span_sub(piece, 1, piece.len - 2);
        *parameter = piece;
        return true;
    }
    return false;
}

static enum status parts_split(struct conf_wire *w, struct span rest, struct error *err)
{
    char mark[256];
    struct span separator;

    if (w->boundary.len == 0 || w->boundary.len > 200)
        return error_set(err, ST_INVALID, 0, "no boundary of a sensible length");
    (void)snprintf(mark, sizeof mark, "\r\n--%.*s", SPAN_FMT(w->boundary));
    separator = span_str(mark);
    for (;;) {
        size_t at = span_find(rest, separator), head;
        struct conf_part *part = &w->parts[w->part_count];

        if (at == SIZE_MAX)
            return error_set(err, ST_INVALID, 0, "no closing boundary");
        if (w->part_count > 0)
            w->parts[w->part_count - 1].body = span_sub(rest, 0, at);
        else if (at != 0)
            return error_set(err, ST_INVALID, 0, "text before the first boundary");
        rest = span_from(rest, at + separator.len);
        if (span_starts(rest, SPAN("--")))
            break;
        head = span_find(rest, SPAN("\r\n\r\n"));
        if (!span_starts(rest, SPAN("\r\n")) || head == SIZE_MAX || w->part_count == CONF_PARTS_MAX)
            return error_set(err, ST_INVALID, 0, "a part without headers, or too many parts");
        part->headers = span_sub(rest, 2, head);
        rest = span_from(rest, head + 4);
        w->part_count++;
    }
    return w->part_count > 0 ? ST_OK : error_set(err, ST_INVALID, 0, "no part at all");
}

enum status conf_wire_read(struct span bytes, struct conf_wire *wire, struct error *err)
{
    size_t head = span_find(bytes, SPAN("\r\n\r\n"));
    struct span type;

    *wire = (struct conf_wire){.bytes = bytes};
    if (head == SIZE_MAX)
        return error_set(err, ST_INVALID, 0, "no MIME header");
    wire->header = span_sub(bytes, 0, head + 2);
    if (!conf_header(wire->header, "Content-Type", &type) ||
        !conf_parameter(type, "boundary", &wire->boundary))
        return error_set(err, ST_INVALID, 0, "no Content-Type with a boundary");
    TRY(parts_split(wire, span_from(bytes, head + 2), err));
    wire->doc = xmlReadMemory(
        (const char *)wire->parts[0].body.ptr, (int)wire->parts[0].body.len, NULL, NULL,
        XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_HUGE);
    if (wire->doc == NULL)
        return error_set(err, ST_INVALID, 0, "the first part is no XML");
    return ST_OK;
}

void conf_wire_deinit(struct conf_wire *wire)
{
    xmlFreeDoc(wire->doc);
    *wire = (struct conf_wire){0};
}

const struct conf_part *conf_part_of(const struct conf_wire *wire, const char *content_id)
{
    for (size_t i = 0; i < wire->part_count; i++) {
        struct span id;

        if (!conf_header(wire->parts[i].headers, "Content-ID", &id))
            continue;
        if (id.len >= 2 && id.ptr[0] == '<')
            id = span_sub(id, 1, id.len - 2);
        if (span_is(id, content_id))
            return &wire->parts[i];
    }
    return NULL;
}

enum status conf_part_octets(const struct conf_part *part, struct buf *out, struct error *err)
{
    struct span encoding;

    if (out->max == 0)
        buf_init(out, OCTETS_MAX);
    if (conf_header(part->headers, "Content-Transfer-Encoding", &encoding) &&
        span_eq_nocase(encoding, SPAN("base64")))
        return buf_base64_decode(out, part->body, err);
    buf_add(out, part->body);
    return buf_check(out, err);
}

/* ---- the tree ---- */

/* Document order below top; NULL at the end. */
static const xmlNode *step(const xmlNode *node, const xmlNode *top)
{
    if (node->children != NULL && node->type == XML_ELEMENT_NODE)
        return node->children;
    while (node != NULL && node != top && node->next == NULL)
        node = node->parent;
    return node == NULL || node == top ? NULL : node->next;
}

const xmlNode *conf_find_next(const xmlNode *after, const xmlNode *within, const char *local)
{
    for (const xmlNode *n = step(after, within); n != NULL; n = step(n, within))
        if (n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, local) == 0)
            return n;
    return NULL;
}

const xmlNode *conf_find(const xmlNode *from, const char *local)
{
    if (from == NULL)
        return NULL;
    if (from->type == XML_ELEMENT_NODE && strcmp((const char *)from->name, local) == 0)
        return from;
    return conf_find_next(from, from, local);
}

size_t conf_count(const xmlNode *from, const char *local)
{
    size_t count = 0;

    for (const xmlNode *n = conf_find(from, local); n != NULL; n = conf_find_next(n, from, local))
        count++;
    return count;
}

const xmlNode *conf_root(const struct conf_wire *wire)
{
    return xmlDocGetRootElement(wire->doc);
}

static const xmlNode *child(const xmlNode *parent, const char *local)
{
    for (const xmlNode *n = parent == NULL ? NULL : parent->children; n != NULL; n = n->next)
        if (n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, local) == 0)
            return n;
    return NULL;
}

const xmlNode *conf_head(const struct conf_wire *wire)
{
    return child(conf_root(wire), "Header");
}

const xmlNode *conf_body(const struct conf_wire *wire)
{
    return child(conf_root(wire), "Body");
}

static char *trimmed(xmlChar *text)
{
    struct span s = span_trim(span_str((const char *)text));
    char *copy = strndup(s.len > 0 ? (const char *)s.ptr : "", s.len);

    xmlFree(text);
    return copy;
}

char *conf_text_of(const xmlNode *from, const char *local)
{
    const xmlNode *node = conf_find(from, local);

    return node == NULL ? strdup("") : trimmed(xmlNodeGetContent(node));
}

char *conf_attr_of(const xmlNode *node, const char *name)
{
    xmlChar *value = node == NULL ? NULL : xmlGetNoNsProp(node, (const xmlChar *)name);

    return value == NULL ? strdup("") : trimmed(value);
}

char *conf_codes(const struct conf_wire *wire, bool inside)
{
    const xmlNode *feedback = conf_find(conf_root(wire), inside ? "InsideFeedback" : "Feedback");
    char codes[CODES_MAX] = "", last[32] = "";
    size_t n = 0;

    for (const xmlNode *e = conf_find(feedback, "Code"); e != NULL;
         e = conf_find_next(e, feedback, "Code")) {
        AUTO(free_drop) char *code = trimmed(xmlNodeGetContent(e));

        if (code == NULL || strcmp(code, last) == 0 || n + strlen(code) + 2 > sizeof codes)
            continue;
        n += (size_t)snprintf(codes + n, sizeof codes - n, "%s%s", n > 0 ? " " : "", code);
        (void)snprintf(last, sizeof last, "%s", code);
    }
    return strdup(codes);
}

int conf_fault_code(const struct conf_wire *wire)
{
    const xmlNode *fault = child(conf_body(wire), "Fault");
    const xmlNode *detail = conf_find(fault, "detail");
    AUTO(free_drop) char *code = conf_text_of(detail, "Code");

    return code == NULL ? 0 : atoi(code);
}

/*
 * xta/contents.c - Message and Attachments on their way to the intake
 *
 * Inline base64 is decoded and handed over while the envelope is parsed, in the order of the
 * document; octets beside the envelope follow when everything else was found to be right.
 */
#include "xta/read.h"

#include <assert.h>

enum { TAKEN_FIRST = 8 };

bool xta_is_content(const xmlNode *node, const char *ns)
{
    return xml_is(node, ns, "Message") || xml_is(node, ns, "Attachment");
}

/* Body/GenericContentContainer/ContentContainer of V3, Body/ContentContainer and
 * Body/ContentContainerReply/ContentContainer of V5; nowhere else. */
static bool in_container(const xmlNode *node, const char *ns)
{
    const xmlNode *container = node->parent, *up;

    if (!xml_is(container, ns, "ContentContainer"))
        return false;
    up = container->parent;
    if (xml_is(up, ns, "GenericContentContainer") || xml_is(up, ns, "ContentContainerReply"))
        up = up->parent;
    return xml_is(up, XTA_SOAP_NS, "Body") && up->parent != NULL &&
           xml_is(up->parent, XTA_SOAP_NS, "Envelope") &&
           up->parent->parent->type == XML_DOCUMENT_NODE;
}

static struct xta_reader *reader_of(struct xml_tap *tap)
{
    return (struct xta_reader *)((char *)tap - offsetof(struct xta_reader, tap));
}

static bool tap_wants(struct xml_tap *tap, const xmlNode *element)
{
    struct xta_reader *rd = reader_of(tap);

    return xta_is_content(element, rd->codec->ns) && in_container(element, rd->codec->ns);
}

static enum status taken_add(struct xta_reader *rd, const xmlNode *node, struct error *err)
{
    struct xta_taken *taken;

    if (rd->taken_count >= rd->conf->limits.contents)
        return xta_refuse(rd, ST_LIMIT, XTA_PARAMETER_NOT_VALID, XTA_N_TOO_LARGE, err,
                          "more than %zu contents in one message", rd->conf->limits.contents);
    if (rd->taken_count == rd->taken_cap) {
        size_t cap = rd->taken_cap == 0 ? TAKEN_FIRST : 2 * rd->taken_cap;

        taken = arena_array(rd->arena, sizeof *taken, cap);
        TRY_ALLOC(taken, err);
        if (rd->taken_count > 0)
            memcpy(taken, rd->taken, rd->taken_count * sizeof *taken);
        rd->taken = taken;
        rd->taken_cap = cap;
    }
    taken = &rd->taken[rd->taken_count++];
    *taken = (struct xta_taken){.node = node};
    xta_content_read(&rd->in, node, &taken->content);
    rd->current = taken;
    return xta_in_check(&rd->in, err);
}

static enum status tap_open(struct xml_tap *tap, const xmlNode *element, struct error *err)
{
    struct xta_reader *rd = reader_of(tap);

    TRY(xta_head_read(rd, xml_root(element->doc), err));
    if (rd->conf->intake == NULL || (rd->answer_to == NULL && !xta_carries_message(rd->operation)))
        return xta_refuse(rd, ST_INVALID, XTA_SOAP_SENDER, 0, err,
                          "contents where there can be none");
    return taken_add(rd, element, err);
}

/* ---- to the intake ---- */

static enum status counted_write(struct sink *self, struct span bytes, struct error *err)
{
    struct xta_reader *rd =
        (struct xta_reader *)((char *)self - offsetof(struct xta_reader, counter));

    if (bytes.len > rd->conf->limits.content_bytes - rd->content_bytes)
        return xta_refuse(rd, ST_LIMIT, XTA_PARAMETER_NOT_VALID, XTA_N_TOO_LARGE, err,
                          "the contents have more than %llu bytes",
                          (unsigned long long)rd->conf->limits.content_bytes);
    rd->content_bytes += bytes.len;
    rd->current_bytes += bytes.len;
    rd->intake_failed = sink_write(rd->sink, bytes, err) != ST_OK;
    return rd->intake_failed ? err->status : ST_OK;
}

static enum status intake_open(struct xta_reader *rd, struct xta_taken *taken, struct error *err)
{
    TRY(rd->conf->intake->open(rd->conf->intake, &taken->content, &rd->sink, err));
    taken->content.taken = rd->handed_over++;
    rd->current_bytes = 0;
    rd->counter.write = counted_write;
    return ST_OK;
}

static enum status intake_close(struct xta_reader *rd, struct xta_taken *taken, struct error *err)
{
    taken->content.len = rd->current_bytes;
    rd->sink = NULL;
    return rd->conf->intake->close(rd->conf->intake, err);
}

/* ---- inline ---- */

/* What failed behind the decoder has been said already, or is the intake's matter. */
static enum status no_base64(struct xta_reader *rd, struct error *err)
{
    if (rd->intake_failed || err->status != ST_INVALID || rd->fault->exception != XTA_NO_EXCEPTION)
        return err->status;
    (void)error_set(err, ST_INVALID, XTA_N_COMBINATION, "the content of %.20s is no base64",
                    (const char *)rd->current->node->name);
    return xta_refuse_with(rd, XTA_PARAMETER_NOT_VALID, XTA_N_COMBINATION, err);
}

static enum status tap_text(struct xml_tap *tap, struct span piece, struct error *err)
{
    struct xta_reader *rd = reader_of(tap);

    if (!rd->current->inline_bytes) {
        piece = span_trim(piece);
        if (piece.len == 0)
            return ST_OK;
        TRY(intake_open(rd, rd->current, err));
        rd->current->inline_bytes = true;
        xta_unbase64_init(&rd->unbase64, &rd->counter);
    }
    if (sink_write(&rd->unbase64.base, piece, err) != ST_OK)
        return no_base64(rd, err);
    return ST_OK;
}

static enum status tap_close(struct xml_tap *tap, struct error *err)
{
    struct xta_reader *rd = reader_of(tap);

    if (!rd->current->inline_bytes)
        return ST_OK;
    if (xta_unbase64_finish(&rd->unbase64, err) != ST_OK)
        return no_base64(rd, err);
    return intake_close(rd, rd->current, err);
}

void xta_contents_tap(struct xta_reader *rd)
{
    rd->tap = (struct xml_tap){
        .wants = tap_wants, .open = tap_open, .text = tap_text, .close = tap_close};
}

/* ---- beside the envelope ---- */

static enum status part_find(struct xta_reader *rd, const xmlNode *include, struct xta_part **part,
                             struct error *err)
{
    if (xta_package_part(&rd->package, xml_attr(include, NULL, "href"), part, err) != ST_OK)
        return xta_refuse_with(rd, XTA_SOAP_SENDER, 0, err);
    return ST_OK;
}

enum status xta_includes_strip(struct xta_reader *rd, struct xta_part ***parts, struct error *err)
{
    struct xta_part **found = NULL;

    if (rd->taken_count > 0) {
        found = arena_array(rd->arena, sizeof(struct xta_part *), rd->taken_count);
        TRY_ALLOC(found, err);
    }
    for (size_t i = 0; i < rd->taken_count; i++) {
        const xmlNode *node = rd->taken[i].node, *include = xml_first(node);

        if (include == NULL)
            continue;
        if (!xml_is(include, XTA_XOP_NS, "Include") || xml_next(include) != NULL ||
            rd->taken[i].inline_bytes)
            return xta_refuse(rd, ST_INVALID, XTA_SOAP_SENDER, 0, err,
                              "%.20s holds more than base64 or one xop:Include",
                              (const char *)node->name);
        TRY(part_find(rd, include, &found[i], err));
        xmlUnlinkNode((xmlNode *)(uintptr_t)include);
        xmlFreeNode((xmlNode *)(uintptr_t)include);
    }
    *parts = found;
    return ST_OK;
}

enum status xta_contents_finish(struct xta_reader *rd, struct xta_part **parts, struct error *err)
{
    for (size_t i = 0; i < rd->taken_count; i++) {
        struct xta_taken *taken = &rd->taken[i];

        if (taken->inline_bytes)
            continue;
        rd->current = taken;
        TRY(intake_open(rd, taken, err));
        if (parts[i] != NULL &&
            xta_package_write(&rd->package, parts[i], &rd->counter, err) != ST_OK)
            return no_base64(rd, err);
        TRY(intake_close(rd, taken, err));
    }
    return ST_OK;
}

/* ---- binary data that stays in the tree ---- */

static enum status include_inline(struct xta_reader *rd, xmlNode *include, struct buf *octets,
                                  struct buf *text, struct error *err)
{
    struct sink_buf sink;
    struct xta_part *part;
    xmlNode *data;

    TRY(part_find(rd, include, &part, err));
    buf_reset(octets);
    buf_reset(text);
    if (xta_package_write(&rd->package, part, sink_buf_init(&sink, octets), err) != ST_OK)
        return xta_refuse_with(rd, XTA_SOAP_SENDER, 0, err);
    buf_base64(text, buf_span(octets), 0);
    TRY(buf_check(text, err));
    data = xmlNewDocTextLen(include->doc, text->ptr, (int)text->len);
    TRY_ALLOC(data, err);
    xmlReplaceNode(include, data);
    xmlFreeNode(include);
    return ST_OK;
}

/* The node that follows this one and what is in it, NULL at the end. */
static xmlNode *past(xmlNode *node)
{
    while (node != NULL && node->next == NULL)
        node = node->parent != NULL && node->parent->type == XML_ELEMENT_NODE ? node->parent : NULL;
    return node == NULL ? NULL : node->next;
}

enum status xta_includes_inline(struct xta_reader *rd, xmlDoc *doc, struct error *err)
{
    AUTO(buf_deinit) struct buf octets = {0};
    AUTO(buf_deinit) struct buf text = {0};
    uint64_t left = rd->conf->limits.root_bytes;
    xmlNode *next;

    for (xmlNode *n = xmlDocGetRootElement(doc); n != NULL; n = next) {
        bool is_include = xml_is(n, XTA_XOP_NS, "Include");

        next = n->type == XML_ELEMENT_NODE && n->children != NULL && !is_include ? n->children
                                                                                 : past(n);
        if (!is_include)
            continue;
        buf_deinit(&octets);
        buf_deinit(&text);
        buf_init(&octets, (size_t)left);
        buf_init(&text, (size_t)left);
        TRY(include_inline(rd, n, &octets, &text, err));
        left -= text.len;
    }
    return ST_OK;
}

#include "gateway/route_content.h"

#include <time.h>

#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>

#include "crypto/base/cleanup.h"
#include "crypto/base/xml.h"
#include "gateway/explain.h"

enum { XPATH_VALUE_MAX = 4096 };
#define BOM "\xef\xbb\xbf"

void gw_route_content_init(struct gw_route_content *c, struct source *payload)
{
    *c = (struct gw_route_content){.payload = payload};
    buf_init(&c->bytes, GW_ROUTE_XML_MAX);
    buf_init(&c->head, GW_ROUTE_HEAD_MAX);
}

void gw_route_content_deinit(struct gw_route_content *c)
{
    xml_doc_drop(&c->doc);
    buf_deinit(&c->bytes);
    buf_deinit(&c->head);
}

/* ---- a tree ---- */

/* Spares us reading megabytes of what cannot be XML. */
static bool begins_like_xml(struct gw_route_content *c)
{
    uint8_t bytes[256] = {0};
    struct span s = span_of(bytes, 0);

    if (source_read(c->payload, 0, bytes, sizeof bytes, &s.len, &c->why) != ST_OK)
        return false;
    if (span_starts(s, SPAN(BOM)))
        s = span_from(s, 3);
    s = span_trim(s);
    if (s.len == 0 || s.ptr[0] == '<' || span_starts(s, SPAN("\xff\xfe")) ||
        span_starts(s, SPAN("\xfe\xff")))
        return true;
    (void)error_set(&c->why, ST_INVALID, GW_R_SPOOL_NOT_XML, "it does not begin with '<'");
    return false;
}

xmlDoc *gw_route_content_tree(struct gw_route_content *c)
{
    if (c->tree_tried)
        return c->doc;
    c->tree_tried = true;
    if (c->payload == NULL || !begins_like_xml(c) ||
        source_read_all(c->payload, &c->bytes, &c->why) != ST_OK)
        return NULL;
    if (xml_parse(buf_span(&c->bytes), &c->doc, &c->why) != ST_OK)
        c->doc = NULL;
    return c->doc;
}

/* libxml2 would write to stderr. */
static void quiet(void *ctx, xmlErrorPtr error)
{
    (void)ctx;
    (void)error;
}

/* A prefix that this document does not declare names nothing in it. */
static bool prefix_unknown(const xmlXPathContext *ctx)
{
    return ctx->lastError.code == XML_XPATH_EXPRESSION_OK + XPATH_UNDEF_PREFIX_ERROR;
}

/* What this thread has worked, whoever else wants the machine. */
static int64_t worked_ms(void)
{
    struct timespec t = {0};

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Thousands of XPaths, each within its own bound, must not hold up the messages behind this one. */
static enum status joint_bound(const struct gw_route_content *c, struct error *err)
{
    if (c->ops <= GW_ROUTE_ALL_OPS_MAX && c->cpu_ms <= GW_ROUTE_ALL_CPU_MS)
        return ST_OK;
    return error_set(err, ST_DENIED, GW_R_ROUTE_WORK,
                     "%llu steps and %lld ms in the XPaths of the routes",
                     (unsigned long long)c->ops, (long long)c->cpu_ms);
}

enum status gw_route_xpath(struct gw_route_content *c, const char *xpath, struct arena *arena,
                           struct span *value, struct error *err)
{
    int64_t begun = worked_ms();
    xmlXPathContext *ctx;
    xmlXPathObject *found;
    xmlChar *text;
    enum status st = ST_OK;

    TRY(joint_bound(c, err));
    ctx = xmlXPathNewContext(c->doc);
    if (ctx == NULL)
        return error_set(err, ST_LIMIT, GW_R_MEMORY, "out of memory");
    ctx->opLimit = GW_ROUTE_OPS_MAX;
    ctx->error = quiet;
    for (xmlNs *ns = xmlDocGetRootElement(c->doc)->nsDef; ns != NULL; ns = ns->next)
        if (ns->prefix != NULL)
            (void)xmlXPathRegisterNs(ctx, ns->prefix, ns->href);
    found = xmlXPathEvalExpression((const xmlChar *)xpath, ctx);
    text = found == NULL ? NULL : xmlXPathCastToString(found);
    c->ops += ctx->opCount;
    c->cpu_ms += worked_ms() - begun;
    if (text == NULL && prefix_unknown(ctx)) {
        *value = SPAN("");
    } else if (text == NULL) {
        st = error_set(err, ST_DENIED, GW_R_ROUTE_UNDECIDED, "the XPath %s cannot be evaluated",
                       xpath);
    } else {
        *value = arena_span(arena,
                            span_sub(span_trim(span_str((const char *)text)), 0, XPATH_VALUE_MAX));
        if (value->ptr == NULL)
            st = error_set(err, ST_LIMIT, GW_R_MEMORY, "out of memory");
    }
    xmlFree(text);
    xmlXPathFreeObject(found);
    xmlXPathFreeContext(ctx);
    return st;
}

/* ---- lines ---- */

static bool head_read(struct gw_route_content *c)
{
    size_t room, got = 0;
    uint8_t *at;

    if (c->head_tried)
        return c->head.ptr != NULL;
    c->head_tried = true;
    if (c->payload == NULL)
        return false;
    room = c->payload->len < GW_ROUTE_HEAD_MAX ? (size_t)c->payload->len : GW_ROUTE_HEAD_MAX;
    at = room == 0 ? NULL : buf_grow(&c->head, room);
    if (at == NULL)
        return false;
    for (size_t done = 0; done < room; done += got) {
        if (source_read(c->payload, done, at + done, room - done, &got, &c->why) != ST_OK)
            got = 0;
        if (got == 0) {
            buf_deinit(&c->head); /* a part of it would be another text */
            return false;
        }
    }
    return true;
}

bool gw_route_content_line(struct gw_route_content *c, unsigned n, struct span *line)
{
    struct span rest;

    if (n == 0 || n > GW_ROUTE_LINES_MAX || !head_read(c))
        return false;
    rest = buf_span(&c->head);
    if (span_starts(rest, SPAN(BOM)))
        rest = span_from(rest, 3);
    for (unsigned i = 0; i < n; i++)
        if (!span_split(&rest, '\n', line))
            return false;
    if (rest.ptr == NULL && line->len == 0)
        return false; /* behind the last line end there is no line */
    if (span_ends(*line, SPAN("\r")))
        *line = span_sub(*line, 0, line->len - 1);
    return true;
}

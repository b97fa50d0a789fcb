#include "gateway/route.h"

#include <fnmatch.h>

#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>
#include <yaml.h>

#include "crypto/base/xml.h"
#include "gateway/card.h"

enum { XPATH_OPS_MAX = 1000000, XPATH_VALUE_MAX = 4096 };

/* ---- NAME.meta.yaml ---- */

enum meta_key {
    META_RECIPIENT,
    META_MESSAGE_TYPE,
    META_SUBJECT,
    META_PRIORITY,
    META_DELIVER_AFTER
};

static const char *const meta_keys[] = {"recipient", "message_type", "subject", "priority",
                                        "deliver_after"};

static enum status priority_read(struct span text, int *priority, struct error *err)
{
    bool minus = span_starts(text, SPAN("-"));
    uint64_t value;

    if (!span_to_u64(span_from(text, minus), &value) || value > 1000)
        return error_set(err, ST_INVALID, GW_R_SPOOL_BAD_META,
                         "priority is no number from -1000 to 1000");
    *priority = minus ? -(int)value : (int)value;
    return ST_OK;
}

static enum status meta_set(const struct gw_runtime *rt, enum meta_key key, const char *value,
                            struct gw_routing *routing, struct error *err)
{
    /* whatever it is, it goes into XML, log lines and error texts */
    if (!gw_name_is_printable(span_str(value)))
        return error_set(err, ST_INVALID, GW_R_SPOOL_BAD_META, "%s holds control characters",
                         meta_keys[key]);
    switch (key) {
    case META_RECIPIENT:
        routing->partner = gw_runtime_partner(rt, value);
        if (routing->partner == NULL)
            return error_set(err, ST_DENIED, GW_R_PARTNER_UNKNOWN, "%s", value);
        break;
    case META_MESSAGE_TYPE:
        routing->message_type = value;
        break;
    case META_SUBJECT:
        routing->subject = value;
        break;
    case META_PRIORITY:
        return priority_read(span_str(value), &routing->priority, err);
    case META_DELIVER_AFTER:
        if (!gw_card_time_ms(span_str(value), &routing->deliver_after))
            return error_set(err, ST_INVALID, GW_R_SPOOL_BAD_META,
                             "deliver_after is no time like 2026-05-04T08:15:00+02:00");
        break;
    }
    return ST_OK;
}

static struct span scalar(yaml_document_t *doc, int index)
{
    const yaml_node_t *node = yaml_document_get_node(doc, index);

    if (node == NULL || node->type != YAML_SCALAR_NODE)
        return SPAN_NONE;
    return span_of(node->data.scalar.value, node->data.scalar.length);
}

static enum status meta_pair(const struct gw_runtime *rt, yaml_document_t *doc,
                             const yaml_node_pair_t *pair, unsigned *seen, struct arena *arena,
                             struct gw_routing *routing, struct error *err)
{
    struct span key = scalar(doc, pair->key), value = scalar(doc, pair->value);
    unsigned long line = yaml_document_get_node(doc, pair->key)->start_mark.line + 1;
    char *text;

    for (size_t i = 0; i < ARRAY_LEN(meta_keys); i++) {
        if (!span_is(key, meta_keys[i]))
            continue;
        if (value.ptr == NULL || memchr(value.ptr, 0, value.len + 1) != value.ptr + value.len)
            return error_set(err, ST_INVALID, GW_R_SPOOL_BAD_META, "line %lu: %s must be a text",
                             line, meta_keys[i]);
        if ((*seen & 1u << i) != 0)
            return error_set(err, ST_INVALID, GW_R_SPOOL_BAD_META, "line %lu: %s stands here twice",
                             line, meta_keys[i]);
        *seen |= 1u << i;
        text = arena_str(arena, value);
        TRY_ALLOC(text, err);
        return meta_set(rt, (enum meta_key)i, text, routing, err);
    }
    return error_set(err, ST_INVALID, GW_R_SPOOL_BAD_META,
                     "line %lu: %.*s is not known; possible are recipient, message_type, subject, "
                     "priority, deliver_after",
                     line, (int)(key.len > 60 ? 60 : key.len), (const char *)key.ptr);
}

static enum status meta_read(const struct gw_runtime *rt, yaml_document_t *doc, struct arena *arena,
                             struct gw_routing *routing, struct error *err)
{
    const yaml_node_t *root = yaml_document_get_root_node(doc);
    unsigned seen = 0;

    if (root == NULL || root->type != YAML_MAPPING_NODE)
        return error_set(err, ST_INVALID, GW_R_SPOOL_BAD_META,
                         "the file must hold lines like \"recipient: NAME\"");
    for (const yaml_node_pair_t *p = root->data.mapping.pairs.start;
         p < root->data.mapping.pairs.top; p++)
        TRY(meta_pair(rt, doc, p, &seen, arena, routing, err));
    return ST_OK;
}

enum status gw_route_meta(const struct gw_runtime *rt, struct span yaml, struct arena *arena,
                          struct gw_routing *routing, struct error *err)
{
    yaml_parser_t parser;
    yaml_document_t doc;
    enum status st;

    if (yaml.len > GW_META_MAX)
        return error_set(err, ST_LIMIT, GW_R_SPOOL_BAD_META, "more than %d bytes", GW_META_MAX);
    if (yaml.len == 0)
        return error_set(err, ST_INVALID, GW_R_SPOOL_BAD_META, "it is empty");
    if (yaml_parser_initialize(&parser) != 1)
        return error_set(err, ST_LIMIT, GW_R_MEMORY, "out of memory");
    yaml_parser_set_input_string(&parser, yaml.ptr, yaml.len);
    if (yaml_parser_load(&parser, &doc) != 1) {
        st = error_set(err, ST_INVALID, GW_R_SPOOL_BAD_META, "line %lu: %s",
                       (unsigned long)parser.problem_mark.line + 1,
                       parser.problem == NULL ? "no YAML" : parser.problem);
    } else {
        st = meta_read(rt, &doc, arena, routing, err);
        yaml_document_delete(&doc);
    }
    yaml_parser_delete(&parser);
    return st;
}

/* ---- routes ---- */

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

enum status gw_route_xpath(xmlDoc *doc, const char *xpath, struct arena *arena, struct span *value,
                           struct error *err)
{
    xmlXPathContext *ctx = xmlXPathNewContext(doc);
    xmlXPathObject *found;
    xmlChar *text;
    enum status st = ST_OK;

    if (ctx == NULL)
        return error_set(err, ST_LIMIT, GW_R_MEMORY, "out of memory");
    ctx->opLimit = XPATH_OPS_MAX;
    ctx->error = quiet;
    for (xmlNs *ns = xmlDocGetRootElement(doc)->nsDef; ns != NULL; ns = ns->next)
        if (ns->prefix != NULL)
            (void)xmlXPathRegisterNs(ctx, ns->prefix, ns->href);
    found = xmlXPathEvalExpression((const xmlChar *)xpath, ctx);
    text = found == NULL ? NULL : xmlXPathCastToString(found);
    if (text == NULL && prefix_unknown(ctx)) {
        *value = SPAN("");
    } else if (text == NULL) {
        st = error_set(err, ST_INTERNAL, GW_R_SPOOL_XPATH_EMPTY, "the XPath %s cannot be evaluated",
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

/* The payload's tree, parsed once for all routes that ask; NULL when it is no XML. */
struct lazy {
    struct source *payload;
    struct buf bytes;
    xmlDoc *doc;
    bool tried;
    struct error why;
};

/* Spares us reading megabytes of what cannot be XML. */
static bool begins_like_xml(struct lazy *l)
{
    uint8_t bytes[256] = {0};
    struct span s = span_of(bytes, 0);

    if (source_read(l->payload, 0, bytes, sizeof bytes, &s.len, &l->why) != ST_OK)
        return false;
    if (span_starts(s, SPAN("\xef\xbb\xbf")))
        s = span_from(s, 3);
    s = span_trim(s);
    if (s.len == 0 || s.ptr[0] == '<' || span_starts(s, SPAN("\xff\xfe")) ||
        span_starts(s, SPAN("\xfe\xff")))
        return true;
    (void)error_set(&l->why, ST_INVALID, GW_R_SPOOL_NOT_XML, "it does not begin with '<'");
    return false;
}

static xmlDoc *tree(struct lazy *l)
{
    if (l->tried)
        return l->doc;
    l->tried = true;
    if (!begins_like_xml(l))
        return NULL;
    if (source_read_all(l->payload, &l->bytes, &l->why) != ST_OK)
        return NULL;
    if (xml_parse(buf_span(&l->bytes), &l->doc, &l->why) != ST_OK)
        l->doc = NULL;
    return l->doc;
}

static const struct gw_partner *partner_of_address(const struct gw_runtime *rt, struct span address)
{
    for (size_t i = 0; i < rt->partner_count; i++)
        for (unsigned k = 0; k < rt->partners[i].conf->addresses_count; k++)
            if (span_is(address, rt->partners[i].conf->addresses[k]))
                return &rt->partners[i];
    return NULL;
}

/* Does this route hold? why keeps the best explanation for the case that none does. */
static enum status route_try(const struct gw_runtime *rt, const struct gw_route_conf *route,
                             const char *file_name, struct lazy *lazy, struct arena *arena,
                             const struct gw_partner **partner, struct error *err)
{
    /* An XPath that is not compared with anything names the recipient: what it does not find must
     * not go to whom a later, more general route says. */
    enum status no = route->xpath != NULL && route->equals == NULL ? ST_DENIED : ST_NOT_FOUND;
    struct span found = SPAN_NONE;

    if (route->files != NULL && fnmatch(route->files, file_name, 0) != 0)
        return error_set(err, ST_NOT_FOUND, GW_R_SPOOL_NO_ROUTE, "no route fits");
    if (route->xpath != NULL) {
        if (tree(lazy) == NULL)
            return error_set(err, no, GW_R_SPOOL_NOT_XML, "%s", lazy->why.text);
        TRY(gw_route_xpath(lazy->doc, route->xpath, arena, &found, err));
        if (found.len == 0)
            return error_set(err, no, GW_R_SPOOL_XPATH_EMPTY, "%s", route->xpath);
        if (route->equals != NULL && !span_is(found, route->equals))
            return error_set(err, ST_NOT_FOUND, GW_R_SPOOL_NO_ROUTE, "no route fits");
    }
    *partner = route->partner != NULL ? gw_runtime_partner(rt, route->partner)
                                      : partner_of_address(rt, found);
    if (*partner == NULL)
        return error_set(err, no, GW_R_ADDRESS_UNKNOWN, "%.*s", SPAN_FMT(found));
    return ST_OK;
}

static enum status find(const struct gw_runtime *rt, const struct gw_endpoint_conf *endpoint,
                        const char *file_name, struct lazy *lazy, struct arena *arena,
                        struct gw_routing *routing, struct error *err)
{
    struct error best = {0};

    (void)error_set(&best, ST_DENIED, GW_R_SPOOL_NO_ROUTE, "no route fits");
    for (unsigned i = 0; i < endpoint->routes_count; i++) {
        const struct gw_route_conf *route = &endpoint->routes[i];
        const struct gw_partner *partner = NULL;
        struct error why = {0};
        enum status st = route_try(rt, route, file_name, lazy, arena, &partner, &why);

        if (st == ST_OK) {
            routing->partner = partner;
            if (routing->message_type == NULL)
                routing->message_type = route->message_type;
            if (routing->subject == NULL)
                routing->subject = route->subject;
            routing->delivery = route->delivery;
            return ST_OK;
        }
        /* a rule that looked inside explains more than one that did not fit at all */
        if (best.reason == GW_R_SPOOL_NO_ROUTE || st != ST_NOT_FOUND)
            best = why;
        if (st != ST_NOT_FOUND) {
            *err = best;
            return st;
        }
    }
    *err = best;
    return err->status = ST_DENIED;
}

enum status gw_route_find(const struct gw_runtime *rt, const struct gw_endpoint_conf *endpoint,
                          const char *file_name, struct source *payload, struct arena *arena,
                          struct gw_routing *routing, struct error *err)
{
    struct lazy lazy = {.payload = payload};
    enum status st;

    buf_init(&lazy.bytes, GW_ROUTE_XML_MAX);
    st = find(rt, endpoint, file_name, &lazy, arena, routing, err);
    xml_doc_drop(&lazy.doc);
    buf_deinit(&lazy.bytes);
    return st;
}

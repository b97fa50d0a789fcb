#include "gateway/route.h"

#include <fnmatch.h>
#include <stdio.h>

#include <cyaml/cyaml.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>

#include "crypto/base/xml.h"
#include "gateway/card.h"

enum { XPATH_OPS_MAX = 1000000, XPATH_VALUE_MAX = 4096 };

/* ---- NAME.meta.yaml ---- */

struct meta {
    char *recipient, *message_type, *subject, *deliver_after;
    int priority;
};

static const cyaml_schema_field_t meta_fields[] = {
    CYAML_FIELD_STRING_PTR("recipient", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct meta,
                           recipient, 0, 1024),
    CYAML_FIELD_STRING_PTR("message_type", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct meta,
                           message_type, 0, 1024),
    CYAML_FIELD_STRING_PTR("subject", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct meta,
                           subject, 0, 1024),
    CYAML_FIELD_INT("priority", CYAML_FLAG_OPTIONAL, struct meta, priority),
    CYAML_FIELD_STRING_PTR("deliver_after", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct meta,
                           deliver_after, 0, 64),
    CYAML_FIELD_END};

static const cyaml_schema_value_t meta_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct meta, meta_fields)};

/* libcyaml says what is wrong through its log: the first error line is for the operator. */
static void meta_log(cyaml_log_t level, void *ctx, const char *fmt, va_list ap)
{
    char *text = ctx;

    if (level < CYAML_LOG_ERROR || text[0] != '\0')
        return;
    (void)vsnprintf(text, ERROR_TEXT_MAX / 2, fmt, ap);
    text[strcspn(text, "\n")] = '\0';
}

static enum status keep(struct arena *arena, const char *from, const char **to, struct error *err)
{
    if (from == NULL)
        return ST_OK;
    *to = arena_str(arena, span_str(from));
    TRY_ALLOC(*to, err);
    return ST_OK;
}

static enum status meta_apply(const struct gw_runtime *rt, const struct meta *meta,
                              struct arena *arena, struct gw_routing *routing, struct error *err)
{
    if (meta->recipient != NULL) {
        routing->partner = gw_runtime_partner(rt, meta->recipient);
        if (routing->partner == NULL)
            return error_set(err, ST_DENIED, GW_R_PARTNER_UNKNOWN, "no partner named %s",
                             meta->recipient);
    }
    if (meta->deliver_after != NULL &&
        !gw_card_time_ms(span_str(meta->deliver_after), &routing->deliver_after))
        return error_set(err, ST_INVALID, GW_R_SPOOL_BAD_META, "deliver_after is no time: %s",
                         meta->deliver_after);
    routing->priority = meta->priority;
    TRY(keep(arena, meta->message_type, &routing->message_type, err));
    return keep(arena, meta->subject, &routing->subject, err);
}

enum status gw_route_meta(const struct gw_runtime *rt, struct span yaml, struct arena *arena,
                          struct gw_routing *routing, struct error *err)
{
    char text[ERROR_TEXT_MAX / 2] = "";
    cyaml_config_t conf = {.log_fn = meta_log,
                           .log_ctx = text,
                           .mem_fn = cyaml_mem,
                           .log_level = CYAML_LOG_ERROR,
                           .flags = CYAML_CFG_NO_ALIAS};
    struct meta *meta = NULL;
    enum status st;

    if (cyaml_load_data(yaml.ptr, yaml.len, &conf, &meta_schema, (cyaml_data_t **)&meta, NULL) !=
            CYAML_OK ||
        meta == NULL)
        return error_set(err, ST_INVALID, GW_R_SPOOL_BAD_META, "%s",
                         text[0] != '\0' ? text : "no YAML mapping");
    st = meta_apply(rt, meta, arena, routing, err);
    (void)cyaml_free(&conf, &meta_schema, meta, 0);
    return st;
}

/* ---- routes ---- */

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
    for (xmlNs *ns = xmlDocGetRootElement(doc)->nsDef; ns != NULL; ns = ns->next)
        if (ns->prefix != NULL)
            (void)xmlXPathRegisterNs(ctx, ns->prefix, ns->href);
    found = xmlXPathEvalExpression((const xmlChar *)xpath, ctx);
    text = found == NULL ? NULL : xmlXPathCastToString(found);
    if (text == NULL) {
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

static xmlDoc *tree(struct lazy *l)
{
    if (l->tried)
        return l->doc;
    l->tried = true;
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
    struct span found = SPAN_NONE;

    if (route->files != NULL && fnmatch(route->files, file_name, 0) != 0)
        return error_set(err, ST_NOT_FOUND, GW_R_SPOOL_NO_ROUTE, "no route fits");
    if (route->xpath != NULL) {
        if (tree(lazy) == NULL)
            return error_set(err, ST_NOT_FOUND, GW_R_SPOOL_NOT_XML, "%s", lazy->why.text);
        TRY(gw_route_xpath(lazy->doc, route->xpath, arena, &found, err));
        if (found.len == 0)
            return error_set(err, ST_NOT_FOUND, GW_R_SPOOL_XPATH_EMPTY, "%s", route->xpath);
        if (route->equals != NULL && !span_is(found, route->equals))
            return error_set(err, ST_NOT_FOUND, GW_R_SPOOL_NO_ROUTE, "no route fits");
    }
    *partner = route->partner != NULL ? gw_runtime_partner(rt, route->partner)
                                      : partner_of_address(rt, found);
    if (*partner == NULL)
        return error_set(err, ST_NOT_FOUND, GW_R_ADDRESS_UNKNOWN, "%.*s", SPAN_FMT(found));
    return ST_OK;
}

static enum status find(const struct gw_runtime *rt, const struct gw_endpoint_conf *endpoint,
                        const char *file_name, struct lazy *lazy, struct arena *arena,
                        struct gw_routing *routing, struct error *err)
{
    (void)error_set(err, ST_NOT_FOUND, GW_R_SPOOL_NO_ROUTE, "no route fits");
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
            return ST_OK;
        }
        /* a rule that looked inside explains more than one that did not fit at all */
        if (err->reason == GW_R_SPOOL_NO_ROUTE || why.status != ST_NOT_FOUND)
            *err = why;
        if (why.status != ST_NOT_FOUND)
            return st;
    }
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

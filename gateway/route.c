#include "gateway/route.h"

#include <fnmatch.h>

#include <yaml.h>

#include "gateway/card.h"
#include "gateway/local.h"
#include "gateway/tenancy.h"

/* ---- NAME.meta.yaml ---- */

enum { META_DEPTH_MAX = 4 }; /* what it needs is 1 */

/* In front of them the facts, under their own names. */
enum meta_key { META_PRIORITY = GW_FACT_COUNT, META_DELIVER_AFTER, META_DELIVER_UNTIL, META_COUNT };

/* What somebody who sends may say of his message. */
static const bool fact_may_be_said[GW_FACT_COUNT] = {
    [GW_FACT_RECIPIENT] = true, [GW_FACT_MESSAGE_TYPE] = true, [GW_FACT_SUBJECT] = true,
    [GW_FACT_AGS] = true,       [GW_FACT_LEITWEG_ID] = true,   [GW_FACT_PROCESS_ID] = true,
    [GW_FACT_SERVICE] = true,   [GW_FACT_AUTHOR] = true,       [GW_FACT_READER] = true,
    [GW_FACT_CLERK] = true,
};

static const char *meta_name(unsigned key)
{
    return key == META_PRIORITY        ? "priority"
           : key == META_DELIVER_AFTER ? "deliver_after"
           : key == META_DELIVER_UNTIL ? "deliver_until"
                                       : gw_fact_name((enum gw_fact)key);
}

static bool meta_key_of(struct span name, unsigned *key)
{
    for (unsigned i = 0; i < META_COUNT; i++)
        if (span_is(name, meta_name(i)) && (i >= GW_FACT_COUNT || fact_may_be_said[i])) {
            *key = i;
            return true;
        }
    return false;
}

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

static enum status meta_set(unsigned key, const char *value, struct gw_routing *routing,
                            struct error *err)
{
    /* whatever it is, it goes into XML, log lines and error texts */
    if (!gw_name_is_printable(span_str(value)))
        return error_set(err, ST_INVALID, GW_R_SPOOL_BAD_META, "%s holds control characters",
                         meta_name(key));
    if (key == META_PRIORITY)
        return priority_read(span_str(value), &routing->priority, err);
    if (key == META_DELIVER_AFTER || key == META_DELIVER_UNTIL) {
        if (!gw_card_time_ms(span_str(value), key == META_DELIVER_AFTER ? &routing->deliver_after
                                                                        : &routing->deliver_until))
            return error_set(err, ST_INVALID, GW_R_SPOOL_BAD_META,
                             "%s is no time like 2026-05-04T08:15:00+02:00", meta_name(key));
        return ST_OK;
    }
    if (strlen(value) > GW_FACT_MAX)
        return error_set(err, ST_INVALID, GW_R_SPOOL_BAD_META, "%s has more than %d bytes",
                         meta_name(key), GW_FACT_MAX);
    routing->facts.of[key] = value;
    if (key == GW_FACT_MESSAGE_TYPE)
        routing->message_type = value;
    if (key == GW_FACT_SUBJECT)
        routing->subject = value;
    return ST_OK;
}

static struct span scalar(yaml_document_t *doc, int index)
{
    const yaml_node_t *node = yaml_document_get_node(doc, index);

    if (node == NULL || node->type != YAML_SCALAR_NODE)
        return SPAN_NONE;
    return span_of(node->data.scalar.value, node->data.scalar.length);
}

static enum status meta_pair(yaml_document_t *doc, const yaml_node_pair_t *pair, unsigned *seen,
                             struct arena *arena, struct gw_routing *routing, struct error *err)
{
    struct span key = scalar(doc, pair->key), value = scalar(doc, pair->value);
    unsigned long line = yaml_document_get_node(doc, pair->key)->start_mark.line + 1;
    unsigned i;
    char *text;

    if (!meta_key_of(key, &i))
        return error_set(err, ST_INVALID, GW_R_SPOOL_BAD_META,
                         "line %lu: %.*s is not known; possible are recipient, message_type, "
                         "subject, priority, deliver_after, deliver_until, ags, leitweg_id, "
                         "process_id, service, "
                         "author, reader, clerk",
                         line, (int)(key.len > 60 ? 60 : key.len), (const char *)key.ptr);
    if (value.ptr == NULL || memchr(value.ptr, 0, value.len + 1) != value.ptr + value.len)
        return error_set(err, ST_INVALID, GW_R_SPOOL_BAD_META, "line %lu: %s must be a text", line,
                         meta_name(i));
    if ((*seen & 1u << i) != 0)
        return error_set(err, ST_INVALID, GW_R_SPOOL_BAD_META, "line %lu: %s stands here twice",
                         line, meta_name(i));
    *seen |= 1u << i;
    text = arena_str(arena, value);
    TRY_ALLOC(text, err);
    return meta_set(i, text, routing, err);
}

static enum status meta_read(yaml_document_t *doc, struct arena *arena, struct gw_routing *routing,
                             struct error *err)
{
    const yaml_node_t *root = yaml_document_get_root_node(doc);
    unsigned seen = 0;

    if (root == NULL || root->type != YAML_MAPPING_NODE)
        return error_set(err, ST_INVALID, GW_R_SPOOL_BAD_META,
                         "the file must hold lines like \"recipient: NAME\"");
    for (const yaml_node_pair_t *p = root->data.mapping.pairs.start;
         p < root->data.mapping.pairs.top; p++)
        TRY(meta_pair(doc, p, &seen, arena, routing, err));
    return ST_OK;
}

/* How deep it goes, before anything is made of it: libyaml looks at all open brackets at each
 * further one, and 64 KB of them take it a quarter of a minute. What is broken, the reader tells.
 */
static enum status depth_check(struct span yaml, struct error *err)
{
    enum status st = ST_OK;
    yaml_parser_t parser;
    yaml_event_t event;
    int depth = 0;
    bool over = false;

    if (yaml_parser_initialize(&parser) != 1)
        return error_set(err, ST_LIMIT, GW_R_MEMORY, "out of memory");
    yaml_parser_set_input_string(&parser, yaml.ptr, yaml.len);
    while (!over && yaml_parser_parse(&parser, &event) == 1) {
        depth += event.type == YAML_MAPPING_START_EVENT || event.type == YAML_SEQUENCE_START_EVENT;
        depth -= event.type == YAML_MAPPING_END_EVENT || event.type == YAML_SEQUENCE_END_EVENT;
        if (depth > META_DEPTH_MAX)
            st = error_set(err, ST_INVALID, GW_R_SPOOL_BAD_META, "line %lu: nested too deep",
                           (unsigned long)event.start_mark.line + 1);
        over = st != ST_OK || event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return st;
}

enum status gw_route_meta_facts(struct span yaml, struct arena *arena, struct gw_routing *routing,
                                struct error *err)
{
    yaml_parser_t parser;
    yaml_document_t doc;
    enum status st;

    if (yaml.len > GW_META_MAX)
        return error_set(err, ST_LIMIT, GW_R_SPOOL_BAD_META, "more than %d bytes", GW_META_MAX);
    if (yaml.len == 0)
        return error_set(err, ST_INVALID, GW_R_SPOOL_BAD_META, "it is empty");
    TRY(depth_check(yaml, err));
    if (yaml_parser_initialize(&parser) != 1)
        return error_set(err, ST_LIMIT, GW_R_MEMORY, "out of memory");
    yaml_parser_set_input_string(&parser, yaml.ptr, yaml.len);
    if (yaml_parser_load(&parser, &doc) != 1) {
        st = error_set(err, ST_INVALID, GW_R_SPOOL_BAD_META, "line %lu: %s",
                       (unsigned long)parser.problem_mark.line + 1,
                       parser.problem == NULL ? "no YAML" : parser.problem);
    } else {
        st = meta_read(&doc, arena, routing, err);
        yaml_document_delete(&doc);
    }
    yaml_parser_delete(&parser);
    return st;
}

enum status gw_route_meta(const struct gw_runtime *rt, struct span yaml, struct arena *arena,
                          struct gw_routing *routing, struct error *err)
{
    const char *recipient;

    TRY(gw_route_meta_facts(yaml, arena, routing, err));
    recipient = routing->facts.of[GW_FACT_RECIPIENT];
    if (recipient == NULL)
        return ST_OK;
    routing->partner = gw_runtime_partner(rt, recipient);
    if (routing->partner == NULL)
        return error_set(err, ST_DENIED, GW_R_PARTNER_UNKNOWN, "%s", recipient);
    return ST_OK;
}

/* ---- the endpoint's own routes ---- */

static const char *partner_of_address(const struct gw_config *conf, const char *tenant,
                                      struct span address)
{
    const struct gw_partner_conf *p = gw_config_address(conf, tenant, address);

    return p == NULL ? NULL : p->name;
}

/* Does this route hold? why keeps the best explanation for the case that none does. */
static enum status route_try(const struct gw_config *conf, const char *tenant,
                             const struct gw_route_conf *route, const char *file_name,
                             struct gw_route_content *content, struct arena *arena,
                             const char **partner, struct error *err)
{
    /* An XPath that is not compared with anything names the recipient: what it does not find must
     * not go to whom a later, more general route says. */
    enum status no = route->xpath != NULL && route->equals == NULL ? ST_DENIED : ST_NOT_FOUND;
    struct span found = SPAN_NONE;

    if (route->files != NULL && fnmatch(route->files, file_name, 0) != 0)
        return error_set(err, ST_NOT_FOUND, GW_R_SPOOL_NO_ROUTE, "no route fits");
    if (route->xpath != NULL) {
        if (gw_route_content_tree(content) == NULL)
            return error_set(err, no, GW_R_SPOOL_NOT_XML, "%s", content->why.text);
        TRY(gw_route_xpath(content, route->xpath, arena, &found, err));
        if (found.len == 0)
            return error_set(err, no, GW_R_SPOOL_XPATH_EMPTY, "%s", route->xpath);
        if (route->equals != NULL && !span_is(found, route->equals))
            return error_set(err, ST_NOT_FOUND, GW_R_SPOOL_NO_ROUTE, "no route fits");
    }
    *partner = route->partner != NULL ? route->partner : partner_of_address(conf, tenant, found);
    if (*partner == NULL)
        return error_set(err, no, GW_R_ADDRESS_UNKNOWN, "%.*s", SPAN_FMT(found));
    return ST_OK;
}

enum status gw_route_endpoint(const struct gw_config *conf, const struct gw_endpoint_conf *endpoint,
                              const char *file_name, struct gw_route_content *content,
                              struct arena *arena, const struct gw_route_conf **route,
                              const char **partner, struct error *err)
{
    struct error best = {0};

    (void)error_set(&best, ST_DENIED, GW_R_SPOOL_NO_ROUTE, "no route fits");
    for (unsigned i = 0; i < endpoint->routes_count; i++) {
        struct error why = {0};
        enum status st = route_try(conf, endpoint->tenant, &endpoint->routes[i], file_name, content,
                                   arena, partner, &why);

        if (st == ST_OK) {
            *route = &endpoint->routes[i];
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

/* By the endpoint's own routes. */
static enum status find(const struct gw_runtime *rt, const struct gw_endpoint_conf *endpoint,
                        const char *file_name, struct gw_route_content *content,
                        struct arena *arena, struct gw_routing *routing, struct error *err)
{
    const struct gw_route_conf *route;
    const char *name = NULL;

    TRY(gw_route_endpoint(rt->conf, endpoint, file_name, content, arena, &route, &name, err));
    routing->partner = gw_runtime_partner(rt, name);
    if (routing->partner == NULL)
        return error_set(err, ST_DENIED, GW_R_PARTNER_UNKNOWN, "%s", name);
    if (routing->message_type == NULL)
        routing->message_type = route->message_type;
    if (routing->subject == NULL)
        routing->subject = route->subject;
    routing->delivery = route->delivery;
    return ST_OK;
}

/* ---- all of it ---- */

enum status gw_route_to(const struct gw_runtime *rt, const char *to, const char **peer,
                        const char **recipient, struct error *err)
{
    const struct gw_partner *partner;
    struct gw_rule_target target;

    if (gw_rule_target_of(rt->conf, to, &target) != GW_NAMED_ONE)
        return error_set(err, ST_DENIED, GW_R_PARTNER_UNKNOWN, "%s", to);
    *recipient = target.name;
    *peer = GW_LOCAL_PEER;
    if (target.kind == GW_TO_ENDPOINT)
        return ST_OK;
    partner = gw_runtime_partner(rt, target.name);
    if (partner == NULL)
        return error_set(err, ST_DENIED, GW_R_PARTNER_UNKNOWN, "%s", to);
    *peer = partner->way;
    return ST_OK;
}

enum status gw_route_by(const struct gw_runtime *rt, const char *tenant,
                        const struct gw_rule_conf *rule, const char **peer, const char **recipient,
                        struct error *err)
{
    struct gw_rule_target target;

    if (gw_rule_target_of(rt->conf, rule->to[0], &target) == GW_NAMED_ONE)
        TRY(gw_tenancy_check(rt->conf, tenant, gw_rule_target_tenant(rt->conf, &target), err));
    return gw_route_to(rt, rule->to[0], peer, recipient, err);
}

static bool is_xml_name(const char *name)
{
    size_t len = name == NULL ? 0 : strlen(name);

    return len > 4 && span_eq_nocase(span_str(name + len - 4), SPAN(".xml"));
}

enum status gw_route_payload(const struct gw_stage *stage, struct gw_file_source *source,
                             struct error *err)
{
    size_t count, first = SIZE_MAX;
    const struct gw_file_row *files = gw_stage_files(stage, &count);

    for (size_t i = 0; i < count; i++) {
        if (files[i].kind != GW_FILE_PAYLOAD)
            continue;
        if (is_xml_name(files[i].name))
            return gw_stage_source(stage, i, source, err);
        if (first == SIZE_MAX)
            first = i;
    }
    if (first == SIZE_MAX)
        return error_set(err, ST_NOT_FOUND, 0, "no payload");
    return gw_stage_source(stage, first, source, err);
}

static void facts_fill(struct gw_routing *routing, const char *endpoint, const char *name,
                       uint64_t size)
{
    struct gw_facts *facts = &routing->facts;

    facts->inbound = false;
    facts->of[GW_FACT_ENDPOINT] = endpoint;
    facts->of[GW_FACT_FILE] = name;
    facts->of[GW_FACT_MESSAGE_TYPE] = routing->message_type;
    facts->of[GW_FACT_SUBJECT] = routing->subject;
    if (routing->partner != NULL)
        facts->of[GW_FACT_RECIPIENT] = routing->partner->conf->name;
    facts->size = size;
    gw_facts_complete(facts);
}

/* What a row of the table adds to what the message says itself. */
static enum status rule_apply(const struct gw_runtime *rt, const struct gw_endpoint_conf *endpoint,
                              const struct gw_rule_conf *rule, struct gw_routing *routing,
                              struct error *err)
{
    routing->rule = rule;
    if (routing->message_type == NULL)
        routing->message_type = rule->message_type;
    if (routing->subject == NULL)
        routing->subject = rule->subject;
    if (rule->delivery != GW_WAY_DEFAULT)
        routing->delivery = rule->delivery;
    return gw_route_by(rt, endpoint->tenant, rule, &routing->peer, &routing->recipient, err);
}

enum status gw_route_outbound(const struct gw_runtime *rt, const struct gw_endpoint_conf *endpoint,
                              const char *name, uint64_t size, struct source *payload,
                              struct arena *arena, struct gw_routing *routing, struct error *err)
{
    AUTO(gw_route_content_deinit) struct gw_route_content content = {0};
    struct gw_decision decision;

    facts_fill(routing, endpoint->name, name, size);
    TRY(gw_facts_write(&routing->facts, arena, &routing->facts_json, err));
    gw_route_content_init(&content, payload);
    TRY(gw_rule_decide(rt->conf, &routing->facts, &content, arena, &decision, err));
    if (decision.rule != NULL)
        return rule_apply(rt, endpoint, decision.rule, routing, err);
    if (routing->partner == NULL)
        TRY(find(rt, endpoint, name, &content, arena, routing, err));
    TRY(gw_tenancy_check(rt->conf, endpoint->tenant, routing->partner->tenant, err));
    routing->peer = routing->partner->way;
    routing->recipient = routing->partner->conf->name;
    return ST_OK;
}

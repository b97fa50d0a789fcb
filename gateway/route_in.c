#include "gateway/route_in.h"

#include "gateway/route.h"
#include "gateway/tenancy.h"

static enum status fact_set(struct gw_facts *facts, enum gw_fact fact, struct span value,
                            struct arena *arena, struct error *err)
{
    if (value.len == 0 || facts->of[fact] != NULL)
        return ST_OK;
    facts->of[fact] = arena_str(arena, span_sub(value, 0, GW_FACT_MAX));
    TRY_ALLOC(facts->of[fact], err);
    return ST_OK;
}

/* Facts that XTA has no element for. */
static bool by_property(enum gw_fact fact)
{
    return fact == GW_FACT_AGS || fact == GW_FACT_LEITWEG_ID || fact == GW_FACT_PROCESS_ID ||
           fact == GW_FACT_CLERK;
}

enum status gw_route_in_xta(const struct xta_metadata *m, struct arena *arena,
                            struct gw_facts *facts, struct error *err)
{
    TRY(fact_set(facts, GW_FACT_AUTHOR, m->author.value, arena, err));
    TRY(fact_set(facts, GW_FACT_READER, m->reader.value, arena, err));
    TRY(fact_set(facts, GW_FACT_SERVICE, m->service, arena, err));
    TRY(fact_set(facts, GW_FACT_MESSAGE_TYPE, m->message_type.code, arena, err));
    TRY(fact_set(facts, GW_FACT_SUBJECT, m->subject, arena, err));
    TRY(fact_set(facts, GW_FACT_PROCESS_ID, m->process_responder, arena, err));
    TRY(fact_set(facts, GW_FACT_PROCESS_ID, m->process_requester, arena, err));
    for (size_t i = 0; i < m->property_count; i++) {
        enum gw_fact fact;

        if (gw_fact_of(m->properties[i].key.code, &fact) && by_property(fact))
            TRY(fact_set(facts, fact, m->properties[i].value, arena, err));
    }
    return ST_OK;
}

/* Of the first payload file, and the size of all. */
static void stage_facts(const struct gw_stage *stage, struct gw_facts *facts)
{
    size_t count;
    const struct gw_file_row *files = gw_stage_files(stage, &count);

    facts->size = 0;
    for (size_t i = 0; i < count; i++) {
        if (files[i].kind != GW_FILE_PAYLOAD)
            continue;
        if (facts->of[GW_FACT_FILE] == NULL)
            facts->of[GW_FACT_FILE] = files[i].name;
        facts->size += files[i].len;
    }
}

static enum status rule_apply(const struct gw_runtime *rt, const char *tenant,
                              struct gw_route_in *route, struct error *err)
{
    const char *to = route->rule->to[0];
    struct gw_rule_target target;

    if (gw_rule_target_of(rt->conf, to, &target) == GW_NAMED_ONE)
        TRY(gw_tenancy_check(rt->conf, tenant, gw_rule_target_tenant(rt->conf, &target), err));
    if (gw_rule_target_of(rt->conf, to, &target) == GW_NAMED_ONE && target.kind == GW_TO_ENDPOINT) {
        route->endpoint = gw_config_endpoint(rt->conf, target.name);
        return ST_OK;
    }
    return gw_route_to(rt, to, &route->peer, &route->recipient, err);
}

enum status gw_route_inbound(const struct gw_runtime *rt, const char *tenant,
                             struct gw_facts *facts, const struct gw_stage *stage,
                             struct arena *arena, struct gw_route_in *route, struct error *err)
{
    AUTO(gw_route_content_deinit) struct gw_route_content content = {0};
    AUTO(gw_file_source_deinit) struct gw_file_source payload = {.fd = -1};
    struct source_span nothing;
    struct gw_route_in out = {0};
    struct gw_decision decision;
    enum status st;

    facts->inbound = true;
    /* who sends by OSCI alone writes the message type where the subject stands */
    if (facts->of[GW_FACT_MESSAGE_TYPE] == NULL)
        facts->of[GW_FACT_MESSAGE_TYPE] = facts->of[GW_FACT_SUBJECT];
    stage_facts(stage, facts);
    gw_facts_complete(facts);
    TRY(gw_facts_write(facts, arena, &out.facts_json, err));
    st = gw_route_payload(stage, &payload, err);
    if (st != ST_OK && st != ST_NOT_FOUND)
        return st;
    gw_route_content_init(&content,
                          st == ST_OK ? &payload.base : source_span_init(&nothing, SPAN("")));
    TRY(gw_rule_decide(rt->conf, facts, &content, arena, &decision, err));
    out.rule = decision.rule;
    if (out.rule != NULL)
        TRY(rule_apply(rt, tenant, &out, err));
    *route = out;
    return ST_OK;
}

enum status gw_route_kept(const struct gw_runtime *rt, const struct gw_message_row *row,
                          struct gw_route_in *route, struct error *err)
{
    struct gw_route_in out = {.rule = gw_rule_find(rt->conf, row->route), .facts_json = row->facts};

    if (out.rule == NULL)
        return error_set(err, ST_NOT_FOUND, 0, "there is no route named %s",
                         row->route == NULL ? "" : row->route);
    TRY(rule_apply(rt, row->tenant, &out, err));
    *route = out;
    return ST_OK;
}

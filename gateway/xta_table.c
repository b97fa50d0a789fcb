#include "gateway/xta_table.h"

#include "gateway/route.h"
#include "gateway/route_in.h"

/* Whom the reader is, where anybody knows. */
static enum status recipient_find(struct gw_xta_sending *s, enum gw_directory_mode mode,
                                  struct gw_facts *facts, struct error *err)
{
    const struct xta_metadata *m = &s->call->request.metadata;
    struct gw_xta_route found;
    struct error why = {0};
    enum status st = gw_xta_route_find(s->call->rt, s->author->tenant, m->reader.value, m->service,
                                       mode, &found, &why);

    if (st == ST_OK)
        facts->of[GW_FACT_RECIPIENT] =
            found.partner != NULL ? found.partner->conf->name : found.endpoint->name;
    if (st == ST_OK || st == ST_NOT_FOUND)
        return ST_OK;
    *err = why;
    return st;
}

static enum status facts_make(struct gw_xta_sending *s, enum gw_directory_mode mode,
                              struct gw_facts *facts, struct error *err)
{
    struct gw_xta_call *call = s->call;
    size_t count;
    const struct gw_file_row *files = gw_stage_files(call->stage, &count);

    TRY(recipient_find(s, mode, facts, err));
    TRY(gw_route_in_xta(&call->request.metadata, &call->arena, facts, err));
    facts->of[GW_FACT_ENDPOINT] = s->author->name;
    for (size_t i = 0; i < count; i++) {
        if (facts->of[GW_FACT_FILE] == NULL)
            facts->of[GW_FACT_FILE] = files[i].name;
        facts->size += files[i].len;
    }
    gw_facts_complete(facts);
    return gw_facts_write(facts, &call->arena, &s->row.facts, err);
}

static enum status decide(struct gw_xta_sending *s, const struct gw_facts *facts,
                          struct gw_decision *decision, struct error *err)
{
    AUTO(gw_route_content_deinit) struct gw_route_content content = {0};
    AUTO(gw_file_source_deinit) struct gw_file_source payload = {.fd = -1};
    struct gw_xta_call *call = s->call;
    struct source_span nothing;
    struct error why = {0};
    enum status st = gw_route_payload(call->stage, &payload, err);

    if (st != ST_OK && st != ST_NOT_FOUND)
        return st;
    gw_route_content_init(&content,
                          st == ST_OK ? &payload.base : source_span_init(&nothing, SPAN("")));
    st = gw_rule_decide(call->rt->conf, facts, &content, &call->arena, decision, &why);
    if (st == ST_DENIED)
        return gw_xta_refuse(call, ST_INVALID, XTA_PARAMETER_NOT_VALID, XTA_N_UNSPECIFIED, err,
                             "nobody can say which route holds: %s", why.text);
    if (st != ST_OK)
        *err = why;
    return st;
}

static const char *first_of(const char *a, const char *b)
{
    return a != NULL ? a : b;
}

static enum status rule_apply(struct gw_xta_sending *s, const struct gw_rule_conf *rule,
                              struct error *err)
{
    const struct gw_runtime *rt = s->call->rt;
    struct gw_message_row *row = &s->row;
    struct error why = {0};
    enum status st = gw_route_by(rt, s->author->tenant, rule, &row->peer, &row->recipient, &why);

    if (st != ST_OK && why.reason == GW_R_TENANT_OTHER)
        return gw_xta_refuse(s->call, ST_INVALID, XTA_PARAMETER_NOT_VALID, XTA_N_UNSPECIFIED, err,
                             "its route leads to another tenant: %s", why.text);
    if (st != ST_OK) {
        *err = why;
        return st;
    }
    s->rule = rule;
    s->route = (struct gw_xta_route){0};
    if (strcmp(row->peer, GW_LOCAL_PEER) == 0)
        s->route.endpoint = gw_config_endpoint(rt->conf, row->recipient);
    else
        s->route.partner = gw_runtime_partner(rt, row->recipient);
    row->route = rule->name;
    row->message_type = first_of(row->message_type, rule->message_type);
    row->subject = first_of(row->subject, rule->subject);
    if (rule->delivery != GW_WAY_DEFAULT)
        s->way = rule->delivery;
    return ST_OK;
}

enum status gw_xta_table_route(struct gw_xta_sending *s, enum gw_directory_mode mode,
                               struct error *err)
{
    struct gw_facts facts = {0};
    struct gw_decision decision = {0};

    if (mode == GW_DIRECTORY_ASYNCHRONOUS) {
        TRY(facts_make(s, mode, &facts, err));
        TRY(decide(s, &facts, &decision, err));
    }
    if (decision.rule != NULL)
        return rule_apply(s, decision.rule, err);
    TRY(gw_xta_route_message(s->call, mode, &s->route, err));
    s->row.peer = s->route.partner != NULL ? s->route.partner->way : GW_LOCAL_PEER;
    s->row.recipient =
        s->route.partner != NULL ? s->route.partner->conf->name : s->route.endpoint->name;
    return ST_OK;
}

/* What the API says about the table of routes that is in force, and how its destinations do. */
#include "gateway/api_call.h"
#include "gateway/lane.h"
#include "gateway/route.h"
#include "gateway/rule.h"
#include "gateway/rule_json.h"

/* Since when a destination is away; 0: it is not, or nobody knows. */
static int64_t down_since(struct gw_lanes *lanes, const char *destination)
{
    struct gw_lane_report report;

    for (size_t i = 0; lanes != NULL && gw_lanes_report(lanes, i, &report); i++)
        if (strcmp(report.to.name, destination) == 0)
            return report.down_since;
    return 0;
}

/* Each target with its state beside it. */
static bool states_put(const struct gw_api_server *server, const struct gw_rule_conf *rule,
                       const json_t *route)
{
    const json_t *to = json_object_get(route, "to");

    for (unsigned i = 0; i < rule->to_count; i++) {
        json_t *target = json_array_get(to, i);
        const char *peer, *recipient;
        struct error ignored = {0};
        int64_t since = 0;

        if (gw_route_to(server->rt, rule->to[i], &peer, &recipient, &ignored) == ST_OK)
            since = down_since(server->lanes, peer);
        if (json_object_set_new(target, "state", json_string(since == 0 ? "up" : "down")) != 0 ||
            (since != 0 && json_object_set_new(target, "down_since", gw_json_time(since)) != 0))
            return false;
    }
    return true;
}

/* Does the row name nothing that is another tenant's? */
static bool is_his(const struct gw_api_call *call, const struct gw_rule_conf *rule)
{
    const struct gw_config *conf = call->server->rt->conf;
    const struct gw_api_rights *rights = &call->server->rights;
    struct gw_rule_target to;
    const char *tenant;

    for (unsigned i = 0; i < rule->from_count; i++) {
        tenant = gw_rule_source_tenant(conf, rule->from[i]);
        if (tenant != NULL && !gw_api_may_tenant(rights, conf, call->uid, tenant))
            return false;
    }
    for (unsigned i = 0; i < rule->to_count; i++) {
        tenant = gw_rule_target_of(conf, rule->to[i], &to) != GW_NAMED_ONE
                     ? NULL
                     : gw_rule_target_tenant(conf, &to);
        if (tenant != NULL && !gw_api_may_tenant(rights, conf, call->uid, tenant))
            return false;
    }
    return true;
}

enum status gw_api_routes(struct gw_api_call *call, struct error *err)
{
    const struct gw_config *conf = call->server->rt->conf;
    json_t *all = json_array();

    for (unsigned i = 0; i < conf->routes_count; i++) {
        json_t *route;

        if (!is_his(call, &conf->routes[i]))
            continue;
        route = gw_rule_json(conf, &conf->routes[i]);
        if (!states_put(call->server, &conf->routes[i], route)) {
            json_decref(route);
            route = NULL;
        }
        gw_json_append(&all, route);
    }
    call->status = 200;
    call->json = json_object();
    gw_json_put(&call->json, "routes", all);
    TRY_ALLOC(call->json, err);
    return ST_OK;
}

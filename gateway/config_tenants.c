/* What must hold where there are several tenants: everything says whose it is, and nothing leads to
 * what is another's. What only a message can show is refused when it comes (gateway/tenancy.h). */
#include <stdio.h>
#include <string.h>

#include "gateway/config_schema.h"
#include "gateway/rule.h"

static void find(struct gw_config_reader *r, const void *at, int code,
                 const struct gw_explain_field *fields, size_t count)
{
    gw_config_find(r->report, gw_config_line_of(r, at), code, false, fields, count);
}

/* ---- whose is it? ---- */

static void owner_check(struct gw_config_reader *r, const struct gw_config *config, const void *of,
                        const char *const *tenant, const char *list, const char *name)
{
    const struct gw_explain_field fields[] = {
        {"key", *tenant == NULL ? list : "tenant"},
        {"value", *tenant == NULL ? name : *tenant},
        {"list", "tenants"},
    };

    if (config->tenants_count > 1 && *tenant == NULL)
        find(r, of, GW_R_CONFIG_TENANT, fields, ARRAY_LEN(fields));
    else if (*tenant != NULL && gw_config_tenant(config, *tenant) == NULL)
        find(r, tenant, GW_R_CONFIG_REFERENCE, fields, ARRAY_LEN(fields));
}

static void owners_check(struct gw_config_reader *r, const struct gw_config *config)
{
    const struct gw_osci_recipient_conf *recipient = config->osci_recipient;

    for (unsigned i = 0; i < config->endpoints_count; i++)
        owner_check(r, config, &config->endpoints[i], &config->endpoints[i].tenant, "endpoints",
                    config->endpoints[i].name);
    for (unsigned i = 0; i < config->intermediaries_count; i++)
        owner_check(r, config, &config->intermediaries[i], &config->intermediaries[i].tenant,
                    "intermediaries", config->intermediaries[i].name);
    for (unsigned i = 0; i < config->xta_servers_count; i++)
        owner_check(r, config, &config->xta_servers[i], &config->xta_servers[i].tenant,
                    "xta_servers", config->xta_servers[i].name);
    if (recipient != NULL)
        owner_check(r, config, recipient, &recipient->tenant, "osci_recipient", "");
}

/* One block or the other, and each name once. */
static void tenants_check(struct gw_config_reader *r, const struct gw_config *config)
{
    const struct gw_explain_field both[] = {
        {"key", "tenants"}, {"value", "..."}, {"expected", "tenant or tenants, not both"}};

    if (config->only_tenant != NULL && config->tenants != config->only_tenant)
        find(r, &config->tenants, GW_R_CONFIG_VALUE, both, ARRAY_LEN(both));
    for (unsigned i = 1; i < config->tenants_count; i++) {
        const struct gw_tenant_conf *t = &config->tenants[i];
        const struct gw_tenant_conf *first = gw_config_tenant(config, t->name);
        char line[16];
        const struct gw_explain_field fields[] = {
            {"key", "tenants.name"}, {"value", t->name}, {"first", line}};

        if (first == NULL || first == t)
            continue;
        (void)snprintf(line, sizeof line, "%d", gw_config_line_of(r, &first->name));
        find(r, &t->name, GW_R_CONFIG_DUPLICATE_NAME, fields, ARRAY_LEN(fields));
    }
}

/* ---- does it lead to another's? ---- */

/* value, under this key, is of the tenant other; what names it is of tenant. */
static void same_check(struct gw_config_reader *r, const void *at, const char *key,
                       const char *value, const char *tenant, const char *other)
{
    const struct gw_explain_field fields[] = {
        {"key", key}, {"value", value}, {"tenant", tenant}, {"other", other}};

    if (!gw_config_same_tenant(tenant, other))
        find(r, at, GW_R_CONFIG_TENANT_OTHER, fields, ARRAY_LEN(fields));
}

static void endpoint_check(struct gw_config_reader *r, const struct gw_config *config,
                           const struct gw_endpoint_conf *e)
{
    for (unsigned i = 0; i < e->routes_count; i++) {
        const char *const *name = &e->routes[i].partner;
        const struct gw_partner_conf *p = *name == NULL ? NULL : gw_config_partner(config, *name);

        if (p != NULL)
            same_check(r, name, "partner", *name, e->tenant, gw_config_partner_tenant(config, p));
    }
}

static void xta_server_check(struct gw_config_reader *r, const struct gw_config *config,
                             const struct gw_xta_peer_conf *x)
{
    for (unsigned i = 0; i < x->parties_count; i++) {
        const char *const *name = &x->parties[i].endpoint;
        const struct gw_endpoint_conf *e = *name == NULL ? NULL : gw_config_endpoint(config, *name);

        if (e != NULL)
            same_check(r, name, "endpoint", *name, x->tenant, e->tenant);
    }
}

/* An account belongs to the tenant of its parties. */
static void account_check(struct gw_config_reader *r, const struct gw_config *config,
                          const struct gw_xta_account_conf *a)
{
    const char *tenant = NULL;

    for (unsigned i = 0; i < a->parties_count; i++) {
        const struct gw_endpoint_conf *e =
            a->parties[i] == NULL ? NULL : gw_config_party(config, span_str(a->parties[i]));

        if (e == NULL)
            continue;
        same_check(r, &a->parties[i], "accounts.parties", a->parties[i], tenant, e->tenant);
        if (tenant == NULL)
            tenant = e->tenant;
    }
}

/* ---- the table of routes ---- */

static const char *target_tenant(const struct gw_config *config, const char *name)
{
    struct gw_rule_target to;

    if (name == NULL || gw_rule_target_of(config, name, &to) != GW_NAMED_ONE)
        return NULL;
    return gw_rule_target_tenant(config, &to);
}

/* Whatever a row may lead to, and whoever it is for, is of one tenant. Where it is for everybody's
 * messages, they are looked at one by one when they come. */
static void rule_check(struct gw_config_reader *r, const struct gw_config *config,
                       const struct gw_rule_conf *rule)
{
    const char *tenant = NULL;

    for (unsigned i = 0; i < rule->to_count; i++) {
        const char *other = target_tenant(config, rule->to[i]);

        same_check(r, &rule->to[i], "to", rule->to[i], tenant, other);
        if (tenant == NULL)
            tenant = other;
    }
    for (unsigned i = 0; i < rule->from_count; i++)
        if (rule->from[i] != NULL)
            same_check(r, &rule->from[i], "from", rule->from[i], tenant,
                       gw_rule_source_tenant(config, rule->from[i]));
}

void gw_config_check_tenants(struct gw_config_reader *r, const struct gw_config *config)
{
    const struct gw_xta_server_conf *xta = config->xta_server;

    tenants_check(r, config);
    owners_check(r, config);
    if (config->tenants_count < 2)
        return;
    for (unsigned i = 0; i < config->endpoints_count; i++)
        endpoint_check(r, config, &config->endpoints[i]);
    for (unsigned i = 0; i < config->xta_servers_count; i++)
        xta_server_check(r, config, &config->xta_servers[i]);
    for (unsigned i = 0; xta != NULL && i < xta->accounts_count; i++)
        account_check(r, config, &xta->accounts[i]);
    for (unsigned i = 0; i < config->routes_count; i++)
        rule_check(r, config, &config->routes[i]);
}

#include "gateway/xta_route.h"

#include "gateway/tenancy.h"

/* Parties in sentences: nobody can make us write an endless one. */
#define SHORT(s) SPAN_FMT(span_sub(s, 0, 100))

/* Without a service named: one that may be used so, else any. */
static const struct gw_directory_service *any_service(const struct gw_directory_entry *entry,
                                                      enum gw_directory_mode mode)
{
    for (unsigned i = 0; i < entry->services_count; i++)
        if (gw_directory_offers(&entry->services[i], mode))
            return &entry->services[i];
    return entry->services_count > 0 ? &entry->services[0] : NULL;
}

static enum status directory_ask(const struct gw_runtime *rt, struct span reader,
                                 struct span service, enum gw_directory_mode mode,
                                 struct gw_xta_route *route, struct error *err)
{
    const struct gw_directory_entry *entry;

    if (service.len == 0) {
        entry = gw_directory_party(rt->conf->parties, reader);
        if (entry != NULL)
            route->service = any_service(entry, mode);
    } else {
        (void)gw_directory_find(rt->conf->parties, reader, service, &entry, &route->service);
    }
    if (route->service != NULL)
        return ST_OK;
    if (entry == NULL)
        return error_set(err, ST_NOT_FOUND, 0, "the reader %.*s is not known", SHORT(reader));
    return error_set(err, ST_NOT_FOUND, 0, "the reader %.*s does not offer the service %.*s",
                     SHORT(reader), SHORT(service));
}

enum status gw_xta_route_find(const struct gw_runtime *rt, const char *tenant, struct span reader,
                              struct span service, enum gw_directory_mode mode,
                              struct gw_xta_route *out, struct error *err)
{
    struct gw_xta_route route = {.endpoint = gw_config_party_of(rt->conf, tenant, reader)};
    struct error why = {0};
    enum status st = directory_ask(rt, reader, service, mode, &route, &why);

    if (st != ST_OK && (route.endpoint == NULL || gw_directory_party(rt->conf->parties, reader))) {
        *err = why;
        return st;
    }
    if (route.endpoint == NULL && route.service->endpoint != NULL)
        route.endpoint = gw_config_endpoint(rt->conf, route.service->endpoint);
    if (route.endpoint == NULL) {
        route.partner = gw_runtime_partner(rt, route.service->partner);
        if (route.partner == NULL)
            return error_set(err, ST_NOT_FOUND, 0, "the reader %.*s is not reached any more",
                             SHORT(reader));
    }
    if (gw_tenancy_check(rt->conf, tenant,
                         route.partner != NULL ? route.partner->tenant : route.endpoint->tenant,
                         &why) != ST_OK)
        return error_set(err, ST_NOT_FOUND, GW_R_TENANT_OTHER,
                         "the reader %.*s is another tenant's: %s", SHORT(reader), why.text);
    *out = route;
    return ST_OK;
}

/* An endpoint of ours answers only where it is set to, whatever the directory promises. */
static bool offers(const struct gw_xta_route *route, enum gw_directory_mode mode)
{
    if (mode == GW_DIRECTORY_SYNCHRONOUS && route->endpoint != NULL &&
        route->endpoint->answers == NULL)
        return false;
    return route->service == NULL || gw_directory_offers(route->service, mode);
}

enum status gw_xta_route_message(struct gw_xta_call *call, enum gw_directory_mode mode,
                                 struct gw_xta_route *route, struct error *err)
{
    const struct xta_metadata *m = &call->request.metadata;
    struct error why = {0};
    enum status st = gw_xta_route_find(call->rt, gw_xta_tenant(call), m->reader.value, m->service,
                                       mode, route, &why);

    if (st == ST_NOT_FOUND)
        return gw_xta_refuse(call, ST_INVALID, XTA_PARAMETER_NOT_VALID, XTA_N_UNSPECIFIED, err,
                             "%s", why.text);
    if (st != ST_OK) {
        *err = why;
        return st;
    }
    if (offers(route, mode))
        return ST_OK;
    if (mode == GW_DIRECTORY_ASYNCHRONOUS)
        return gw_xta_refuse(call, ST_DENIED, XTA_SYNC_ASYNC, XTA_N_ONLY_SYNC, err,
                             "the service can only be used by sendMessageSync");
    return gw_xta_refuse(call, ST_DENIED, XTA_SYNC_ASYNC, XTA_N_ONLY_ASYNC, err,
                         "the service can only be used by sendMessage");
}

enum status gw_xta_message_find(struct gw_xta_call *call, struct gw_tx *tx, enum gw_box box,
                                struct gw_xta_row *xta, struct error *err)
{
    const char *id = arena_str(&call->arena, call->request.message_id);
    unsigned others = call->request.has_party ? 0 : call->account->parties_count;
    enum status st;

    TRY_ALLOC(id, err);
    st = gw_store_xta_find(tx, &call->arena, id, call->party, box, call->now, xta, err);
    for (unsigned i = 0; st == ST_NOT_FOUND && i < others; i++)
        st = gw_store_xta_find(tx, &call->arena, id, call->account->parties[i], box, call->now, xta,
                               err);
    TRY(st);
    call->message_id = xta->message_id;
    return ST_OK;
}

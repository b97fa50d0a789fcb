#include "gateway/patience.h"

#include "gateway/rule.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)

static void own_apply(struct gw_patience *p, const struct gw_own_retry_conf *own)
{
    if (own->first_seconds > 0)
        p->first_seconds = own->first_seconds;
    if (own->max_seconds > 0)
        p->max_seconds = own->max_seconds;
    if (own->expire_days > 0)
        p->expire_days = own->expire_days;
}

struct gw_patience gw_patience_of(const struct gw_config *conf, const char *endpoint,
                                  const char *route)
{
    const struct gw_endpoint_conf *e = endpoint == NULL ? NULL : gw_config_endpoint(conf, endpoint);
    const struct gw_rule_conf *rule = gw_rule_find(conf, route);
    struct gw_patience p = {.first_seconds = conf->retry.first_seconds,
                            .max_seconds = conf->retry.max_seconds,
                            .expire_days = conf->retry.expire_days};

    if (e != NULL)
        own_apply(&p, &e->retry);
    if (rule != NULL)
        own_apply(&p, &rule->retry);
    p.keep_order = (e != NULL && e->keep_order) || (rule != NULL && rule->keep_order);
    return p;
}

int64_t gw_patience_end(const struct gw_patience *patience, int64_t now, int64_t deliver_after)
{
    return (deliver_after > now ? deliver_after : now) + patience->expire_days * DAY_MS;
}

void gw_patience_apply(const struct gw_config *conf, struct gw_message_row *row, int64_t until)
{
    const struct gw_patience p = gw_patience_of(conf, row->endpoint, row->route);

    row->keep_order = p.keep_order;
    row->expires_at = until != 0 ? until : gw_patience_end(&p, row->created_at, row->deliver_after);
}

enum status gw_patience_check(int64_t deliver_after, int64_t until, int64_t now, struct error *err)
{
    if (until == 0)
        return ST_OK;
    if (until <= now)
        return error_set(err, ST_INVALID, 0, "deliver_until has passed");
    if (deliver_after >= until)
        return error_set(err, ST_INVALID, 0, "deliver_after is not before deliver_until");
    return ST_OK;
}

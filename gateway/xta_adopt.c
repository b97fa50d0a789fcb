/*
 * What came into the inbox without anything of XTA, from a partner who does not speak it or before
 * there was a box, belongs to the first party of its endpoint. It gets its place in the box when
 * that party looks into it.
 */
#include <stdio.h>

#include "gateway/xta_call.h"

enum { BATCH = 200, ROUNDS = 50 };

struct adopting {
    struct gw_xta_call *call;
    struct gw_message_list list;
};

static enum status adopt_one(struct gw_tx *tx, struct gw_xta_call *call,
                             const struct gw_message_row *message, struct error *err)
{
    char id[GW_XTA_ID_MAX + 1];
    const struct gw_xta_row row = {.message_id = message->id,
                                   .xta_id = id,
                                   .box = GW_INBOX,
                                   .reader = call->party,
                                   .version = call->version,
                                   .delivery = message->created_at};
    struct error why = {0};
    enum status st;

    (void)snprintf(id, sizeof id, "urn:de:xta:messageid:%s:%s", call->conf->instance, message->id);
    st = gw_store_xta_add(tx, &row, &why);
    if (st == ST_OK || st == ST_DUPLICATE) /* somebody else has just done it */
        return ST_OK;
    *err = why;
    return st;
}

static enum status adopt_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct adopting *a = ctx;

    for (size_t i = 0; i < a->list.count; i++)
        TRY(adopt_one(tx, a->call, &a->list.rows[i], err));
    return ST_OK;
}

static enum status strangers_read(struct adopting *a, const char *endpoint, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    TRY(gw_store_read(a->call->rt->store, &tx, err));
    return gw_store_xta_strangers(tx, &a->call->arena, endpoint, BATCH, &a->list, err);
}

enum status gw_xta_adopt(struct gw_xta_call *call, struct error *err)
{
    const struct gw_endpoint_conf *e = gw_config_party(call->rt->conf, span_str(call->party));
    struct adopting a = {.call = call, .list = {.more = true}};

    if (e == NULL || !xta_same(span_str(e->parties[0]), span_str(call->party)))
        return ST_OK;
    for (int i = 0; i < ROUNDS && a.list.more; i++) { /* the rest at the next look */
        TRY(strangers_read(&a, e->name, err));
        if (a.list.count > 0)
            TRY(gw_store_commit(call->rt->store, adopt_commit, &a, err));
    }
    return ST_OK;
}

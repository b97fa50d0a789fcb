#include "gateway/onward.h"

#include <stdio.h>

#include "gateway/log.h"
#include "gateway/patience.h"

static bool goes_along(enum gw_file_kind kind)
{
    return kind == GW_FILE_PAYLOAD || kind == GW_FILE_HEADER || kind == GW_FILE_VERIFICATION;
}

static const char *first_of(const char *a, const char *b)
{
    return a != NULL ? a : b;
}

enum status gw_onward_make(const struct gw_runtime *rt, const struct gw_message_row *in,
                           const struct gw_file_row *files, size_t count,
                           const struct gw_route_in *route, int64_t now, struct gw_onward *onward,
                           struct error *err)
{
    if (route->recipient == NULL)
        return ST_OK;
    onward->rt = rt;
    TRY(gw_uuid_make(rt->rng, now, onward->id, err));
    (void)snprintf(onward->key, sizeof onward->key, GW_ONWARD_KEY "%s", in->id);
    onward->row = (struct gw_message_row){.id = onward->id,
                                          .tenant = in->tenant,
                                          .box = GW_OUTBOX,
                                          .peer = route->peer,
                                          .recipient = route->recipient,
                                          .sender = in->sender,
                                          .message_type =
                                              first_of(route->rule->message_type, in->message_type),
                                          .subject = first_of(route->rule->subject, in->subject),
                                          .correlation = in->id,
                                          .client_key = onward->key,
                                          .size_bytes = in->size_bytes,
                                          .created_at = now,
                                          .delivery = route->rule->delivery,
                                          .facts = in->facts,
                                          .route = in->route};
    gw_patience_apply(rt->conf, &onward->row, 0);
    TRY(gw_stage_new(rt->store, onward->id, &onward->stage, err));
    for (size_t i = 0; i < count; i++)
        if (goes_along(files[i].kind))
            TRY(gw_stage_add_link(onward->stage, &files[i], err));
    return gw_stage_publish(onward->stage, err);
}

enum status gw_onward_add(struct gw_tx *tx, const struct gw_onward *onward, int64_t now,
                          struct error *err)
{
    const struct gw_cause cause = {.now = now, .actor = "route"};
    const struct gw_move move = {
        .id = onward->row.correlation, .event = GW_EV_HAND_OVER, .cause = cause};
    const struct gw_file_row *files;
    size_t count;

    if (onward->stage == NULL)
        return ST_OK;
    files = gw_stage_files(onward->stage, &count);
    TRY(gw_store_message_add(tx, &onward->row, files, count, &cause, NULL, err));
    return gw_store_move(tx, &move, NULL, err);
}

void gw_onward_done(struct gw_onward *onward)
{
    if (onward->stage == NULL)
        return;
    gw_stage_done(onward->stage);
    if (onward->rt->onward != NULL)
        gw_loop_post(onward->rt->loop, onward->rt->onward, onward->rt->onward_ctx);
    gw_log(onward->rt->log, GW_LOG_INFO, "message.onward", LOG_STR("id", onward->id),
           LOG_STR("of", onward->row.correlation), LOG_STR("recipient", onward->row.recipient),
           LOG_STR("route", onward->row.route));
}

void gw_onward_deinit(struct gw_onward *onward)
{
    gw_stage_free(onward->stage);
    *onward = (struct gw_onward){0};
}

#include "gateway/local.h"

#include "gateway/explain.h"
#include "gateway/log.h"
#include "gateway/reason.h"
#include "gateway/rule.h"
#include "gateway/store_xta.h"
#include "gateway/tenancy.h"

enum { ARENA_MAX = 8 * 1024 * 1024, AGAIN_MS = 60 * 1000, POLL_SECONDS = 60 };
/* A drop folder gets only what a program has left undone. */
enum { HAND_OVER_LATER_MS = 60 * 1000 };

/* ---- twins ---- */

static enum status files_link(struct gw_stage *stage, const struct gw_file_row *files, size_t count,
                              struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        enum status st;

        if (files[i].kind != GW_FILE_PAYLOAD && files[i].kind != GW_FILE_HEADER)
            continue;
        st = gw_stage_add_link(stage, &files[i], err);
        if (st == ST_NOT_FOUND) {
            err->reason = GW_R_STORE_DAMAGED;
            return err->status = ST_DENIED;
        }
        TRY(st);
    }
    return ST_OK;
}

enum status gw_local_twin_make(const struct gw_runtime *rt, const struct gw_message_row *out,
                               const struct gw_file_row *files, size_t count, int64_t now,
                               struct gw_local_twin *twin, struct error *err)
{
    twin->rt = rt;
    twin->out_id = out->id;
    TRY(gw_uuid_make(rt->rng, now, twin->id, err));
    twin->row = (struct gw_message_row){.id = twin->id,
                                        .tenant = out->tenant,
                                        .endpoint = out->recipient,
                                        .box = GW_INBOX,
                                        .peer = GW_LOCAL_PEER,
                                        .recipient = out->recipient,
                                        .sender = out->endpoint,
                                        .message_type = out->message_type,
                                        .subject = out->subject,
                                        .priority = out->priority,
                                        .correlation = out->id,
                                        .route = out->route,
                                        .size_bytes = out->size_bytes,
                                        .created_at = now};
    TRY(gw_stage_new(rt->store, twin->id, &twin->stage, err));
    TRY(files_link(twin->stage, files, count, err));
    return gw_stage_publish(twin->stage, err);
}

static enum status step(struct gw_tx *tx, const char *id, enum gw_event event, int64_t now,
                        struct error *err)
{
    const struct gw_move move = {.id = id,
                                 .event = event,
                                 .attempted = event == GW_EV_FORWARD,
                                 .cause = {.now = now, .actor = "local"}};

    return gw_store_move(tx, &move, NULL, err);
}

/* Whose box it is in. What a route has led elsewhere is not its reader's any more. */
static const char *box_owner(const struct gw_local_twin *twin, const char *reader)
{
    const struct gw_config *conf = twin->rt->conf;
    const struct gw_endpoint_conf *to = gw_config_endpoint(conf, twin->row.endpoint);

    if (twin->row.route == NULL || to == NULL || gw_config_party(conf, span_str(reader)) == to)
        return reader;
    return to->parties_count > 0 ? to->parties[0] : "";
}

/* What XTA knows of it, for the reader's box. */
static enum status facts_add(struct gw_tx *tx, const struct gw_local_twin *twin, struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {.max = ARENA_MAX};
    const struct gw_xta_times times = {.delivery = gw_now_ms()}; /* in the order of commits */
    struct gw_xta_row row;
    enum status st = gw_store_xta_row(tx, &arena, twin->out_id, &row, err);

    if (st == ST_NOT_FOUND)
        return ST_OK;
    TRY(st);
    TRY(gw_store_xta_times(tx, twin->out_id, &times, err));
    row.message_id = twin->id;
    row.box = GW_INBOX;
    row.account = NULL;
    row.reader = box_owner(twin, row.reader);
    row.twin = twin->out_id;
    row.delivery = times.delivery;
    row.related = twin->related;
    row.related_count = twin->related_count;
    return gw_store_xta_add(tx, &row, err);
}

/* Once, and only what nobody has settled meanwhile. */
static enum status due_check(struct gw_tx *tx, const char *id, struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {.max = ARENA_MAX};
    struct gw_message_row row;

    TRY(gw_store_message(tx, &arena, id, &row, err));
    if (row.state == GW_ACCEPTED || row.state == GW_SEALED || row.state == GW_DEFERRED)
        return ST_OK;
    return error_set(err, ST_DENIED, GW_R_MESSAGE_STATE, "message %s is %s", id,
                     gw_state_text(row.state, false));
}

enum status gw_local_twin_add(struct gw_tx *tx, const struct gw_local_twin *twin, int64_t now,
                              struct error *err)
{
    const struct gw_cause cause = {.now = now, .actor = "local"};
    size_t count;
    const struct gw_file_row *files = gw_stage_files(twin->stage, &count);
    struct gw_message_row row = twin->row;
    struct gw_request_row request = {0};

    if (twin->request != NULL) {
        request = *twin->request;
        request.message_id = twin->id;
        if (request.command)
            row.deliver_after = request.due_at + HAND_OVER_LATER_MS;
    }
    TRY(due_check(tx, twin->out_id, err));
    TRY(step(tx, twin->out_id, GW_EV_FORWARD, now, err));
    TRY(gw_store_message_add(tx, &row, files, count, &cause, NULL, err));
    TRY(step(tx, twin->id, GW_EV_OPEN, now, err));
    TRY(facts_add(tx, twin, err));
    return request.message_id == NULL ? ST_OK : gw_store_request_add(tx, &request, err);
}

void gw_local_twin_done(struct gw_local_twin *twin)
{
    gw_stage_done(twin->stage);
    gw_log(twin->rt->log, GW_LOG_INFO, "message.received", LOG_STR("id", twin->id),
           LOG_STR("endpoint", twin->row.endpoint), LOG_STR("sender", twin->row.sender),
           LOG_STR("twin", twin->out_id), LOG_INT("bytes", twin->row.size_bytes));
}

void gw_local_twin_deinit(struct gw_local_twin *twin)
{
    gw_stage_free(twin->stage);
    *twin = (struct gw_local_twin){0};
}

/* ---- as a destination of the lanes ---- */

struct talk {
    const struct gw_runtime *rt;
};

/* Does a route lead to one of our endpoints? */
static bool routed(const struct gw_config *conf)
{
    struct gw_rule_target to;

    for (unsigned i = 0; i < conf->routes_count; i++)
        for (unsigned k = 0; k < conf->routes[i].to_count; k++)
            if (gw_rule_target_of(conf, conf->routes[i].to[k], &to) == GW_NAMED_ONE &&
                to.kind == GW_TO_ENDPOINT)
                return true;
    return false;
}

/* Only where somebody may send to it: a house without parties and such routes has none. */
static bool destination(const struct gw_runtime *rt, size_t i, struct gw_destination *to)
{
    if (i > 0 || (rt->conf->xta_server == NULL && !routed(rt->conf)))
        return false;
    *to = (struct gw_destination){.carrier = &gw_local_carrier,
                                  .peer = rt,
                                  .name = GW_LOCAL_PEER,
                                  .url = "",
                                  .poll_seconds = POLL_SECONDS,
                                  .receipt_poll_seconds = POLL_SECONDS,
                                  .timeout_seconds = POLL_SECONDS};
    return true;
}

static void *talk_new(const struct gw_runtime *rt, const struct gw_destination *to)
{
    struct talk *talk = malloc(sizeof *talk);

    (void)to;
    if (talk != NULL)
        talk->rt = rt;
    return talk;
}

struct twin_commit {
    const struct gw_local_twin *twin;
    int64_t now;
};

static enum status twin_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct twin_commit *c = ctx;

    return gw_local_twin_add(tx, c->twin, c->now, err);
}

static enum status files_load(const struct gw_runtime *rt, const struct gw_message_row *row,
                              struct arena *arena, struct gw_file_list *files, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    TRY(gw_store_read(rt->store, &tx, err));
    return gw_store_files(tx, arena, row->id, files, err);
}

static enum status deliver(const struct gw_runtime *rt, const struct gw_message_row *row,
                           struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {.max = ARENA_MAX};
    AUTO(gw_local_twin_deinit) struct gw_local_twin twin = {0};
    struct twin_commit commit = {&twin, gw_now_ms()};
    struct gw_file_list files = {0};
    const struct gw_endpoint_conf *to =
        row->recipient == NULL ? NULL : gw_config_endpoint(rt->conf, row->recipient);

    if (to == NULL)
        return error_set(err, ST_DENIED, GW_R_ENDPOINT_UNKNOWN, "no endpoint named %s",
                         row->recipient == NULL ? "" : row->recipient);
    TRY(gw_tenancy_check(rt->conf, row->tenant, to->tenant, err));
    TRY(files_load(rt, row, &arena, &files, err));
    TRY(gw_local_twin_make(rt, row, files.rows, files.count, commit.now, &twin, err));
    TRY(gw_store_commit(rt->store, twin_commit, &commit, err));
    gw_local_twin_done(&twin);
    return ST_OK;
}

static enum gw_event event_of(const struct error *why)
{
    if (gw_reason_of(why) == GW_R_STORE_DAMAGED)
        return GW_EV_DAMAGE;
    /* the inbox has had that XTA id from elsewhere, and will have had it tomorrow */
    return why->reason == GW_R_ENDPOINT_UNKNOWN || why->reason == GW_R_TENANT_OTHER ||
                   why->status == ST_DUPLICATE
               ? GW_EV_FAIL
               : GW_EV_DEFER;
}

/* Later again, or never. */
static enum status give_up(const struct gw_runtime *rt, const struct gw_message_row *row,
                           const struct error *why, struct error *err)
{
    const struct gw_explain_field fields[] = {{"endpoint", row->recipient},
                                              {"path", rt->conf->state},
                                              {"detail", why->text},
                                              {"id", row->id}};
    struct gw_move move = {.id = row->id,
                           .event = event_of(why),
                           .attempted = true,
                           .cause = {.now = gw_now_ms(), .actor = "local"}};
    AUTO(buf_deinit) struct buf en = {0}, de = {0};

    if (move.event == GW_EV_DEFER)
        move.next_attempt_at = move.cause.now + AGAIN_MS;
    move.cause.reason = why->status == ST_DUPLICATE ? GW_R_DUPLICATE : gw_reason_of(why);
    buf_init(&en, 4096);
    buf_init(&de, 4096);
    gw_explain_what(&en, move.cause.reason, GW_LANG_EN, fields, ARRAY_LEN(fields));
    gw_explain_what(&de, move.cause.reason, GW_LANG_DE, fields, ARRAY_LEN(fields));
    move.cause.en = buf_cstr(&en);
    move.cause.de = buf_cstr(&de);
    gw_log(rt->log, GW_LOG_WARNING, "message.deferred", LOG_STR("id", row->id), LOG_ERR(why));
    return gw_store_commit_move(rt->store, &move, NULL, err);
}

static enum status send_one(void *ctx, const struct gw_message_row *row, bool outage_known,
                            bool *moved, struct error *err)
{
    const struct talk *talk = ctx;
    struct error why = {0};
    enum status st = deliver(talk->rt, row, err);

    (void)outage_known;
    *moved = true;
    if (st == ST_DENIED && err->reason == GW_R_MESSAGE_STATE)
        return ST_OK; /* somebody was quicker */
    if (st != ST_OK)
        *moved = give_up(talk->rt, row, err, &why) == ST_OK;
    return st;
}

/* Nothing is ever open here. */
static bool pause_talk(void *talk)
{
    (void)talk;
    return false;
}

static enum status receipts(const struct gw_runtime *rt, const struct gw_destination *to,
                            struct error *err)
{
    (void)rt, (void)to, (void)err;
    return ST_OK; /* they come with the reader's acknowledgement */
}

const struct gw_carrier gw_local_carrier = {
    .destination = destination,
    .talk_new = talk_new,
    .talk_free = free,
    .send = send_one,
    .pause = pause_talk,
    .receipts = receipts,
};

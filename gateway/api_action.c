/* What a program or an operator decides about messages: taken, once more, not at all. */
#include <stdio.h>

#include "gateway/api_call.h"
#include "gateway/log.h"
#include "gateway/patience.h"
#include "gateway/redeliver.h"

enum { REASON_MAX = 1000 };

/* One decision. The commit looks at the message and acts in one transaction, so nobody can come in
 * between. */
struct action {
    struct gw_api_call *call;
    const char *id;
    struct gw_cause cause;
    int64_t expires_at; /* for a message that gets another chance */
    struct gw_message_row row;
    struct arena arena;
    bool done; /* nothing had to change */
    bool gone; /* nothing is left to hand over */
};

static enum status wrong_state(struct gw_api_call *call, const struct gw_message_row *row,
                               int reason, struct error *err)
{
    const struct gw_explain_field fields[] = {
        {"id", row->id},
        {"recipient", row->recipient != NULL ? row->recipient : row->peer},
        {"state", gw_state_text(row->state, call->lang == GW_LANG_DE)}};

    return gw_api_problem(call, 409, reason, err, fields, ARRAY_LEN(fields));
}

/* The message as the transaction sees it. */
static enum status row_read(struct gw_tx *tx, struct action *a, struct error *err)
{
    return gw_store_message(tx, &a->arena, a->id, &a->row, err);
}

static enum status step(struct gw_tx *tx, const struct action *a, enum gw_event event,
                        struct error *err)
{
    const struct gw_move move = {.id = a->id,
                                 .event = event,
                                 .expires_at = event == GW_EV_RETRY ? a->expires_at : 0,
                                 .cause = a->cause};

    return gw_store_move(tx, &move, NULL, err);
}

static enum status acknowledge(struct gw_tx *tx, void *ctx, struct error *err)
{
    struct action *a = ctx;

    TRY(row_read(tx, a, err));
    a->done = a->row.state == GW_ACKNOWLEDGED || a->row.state == GW_ARCHIVED;
    if (a->done)
        return ST_OK;
    if (a->row.state != GW_HANDED_OVER)
        TRY(step(tx, a, GW_EV_HAND_OVER, err));
    return step(tx, a, GW_EV_ACKNOWLEDGE, err);
}

static enum status retry(struct gw_tx *tx, void *ctx, struct error *err)
{
    /* not what is archived: that may have been in quarantine */
    const uint32_t handed = GW_STATES(GW_HANDED_OVER) | GW_STATES(GW_ACKNOWLEDGED);
    struct action *a = ctx;

    TRY(row_read(tx, a, err));
    if (a->row.box == GW_INBOX && (handed & GW_STATES(a->row.state)) != 0) {
        if (a->row.endpoint == NULL) /* the one in the outbox can be tried again */
            return error_set(err, ST_DENIED, 0, "it went on, and is in nobody's box");
        return gw_redeliver_one(tx, a->id, &a->cause, &a->gone, err);
    }
    if (a->row.state == GW_QUARANTINED) /* decided about by release and discard */
        return error_set(err, ST_DENIED, 0, "it is in quarantine");
    if (a->row.box == GW_OUTBOX && a->row.expires_at > a->cause.now)
        a->expires_at = 0; /* its time is not over */
    return step(tx, a, GW_EV_RETRY, err);
}

static enum status cancel(struct gw_tx *tx, void *ctx, struct error *err)
{
    struct action *a = ctx;

    TRY(row_read(tx, a, err));
    a->done = a->row.state == GW_CANCELLED;
    return a->done ? ST_OK : step(tx, a, GW_EV_CANCEL, err);
}

/* The message that the path names, for whom it may concern, and why it is done. */
static enum status action_init(struct action *a, struct gw_api_call *call,
                               char actor[GW_API_ACTOR_SIZE], struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_patience patience;
    const char *reason;

    *a = (struct action){.call = call};
    arena_init(&a->arena, GW_API_ARENA_MAX);
    TRY(gw_api_param(call, "reason", &reason, err));
    if (reason != NULL && (reason[0] == '\0' || strlen(reason) > REASON_MAX))
        return gw_api_problem_of(call, 400, GW_R_API_BAD_REQUEST, err, "detail",
                                 "parameter reason: 1 to 1000 bytes");
    TRY(gw_store_read(call->server->rt->store, &tx, err));
    TRY(gw_api_message_find(call, tx, &a->row, err));
    gw_api_actor(call->uid, actor);
    a->id = a->row.id;
    a->cause = (struct gw_cause){.now = gw_now_ms(), .actor = actor, .en = reason, .de = reason};
    patience = gw_patience_of(call->server->rt->conf, a->row.endpoint, a->row.route);
    a->expires_at = gw_patience_end(&patience, a->cause.now, a->row.deliver_after);
    return ST_OK;
}

static enum status commit(struct action *a, const char *event,
                          enum status (*fn)(struct gw_tx *tx, void *ctx, struct error *err),
                          struct error *err)
{
    const struct gw_runtime *rt = a->call->server->rt;
    enum status st = gw_store_commit(rt->store, fn, a, err);

    if (st == ST_OK && !a->done && !a->gone)
        gw_log(rt->log, GW_LOG_INFO, event, LOG_STR("id", a->id), LOG_STR("actor", a->cause.actor));
    return st;
}

enum status gw_api_ack(struct gw_api_call *call, struct error *err)
{
    struct action a;
    char actor[GW_API_ACTOR_SIZE];
    enum status st = action_init(&a, call, actor, err);

    if (st == ST_OK && a.row.box != GW_INBOX)
        st = wrong_state(call, &a.row, GW_R_MESSAGE_STATE, err);
    else if (st == ST_OK && (st = commit(&a, "message.acknowledged", acknowledge, err)) != ST_OK)
        st = st == ST_DENIED ? wrong_state(call, &a.row, GW_R_MESSAGE_STATE, err) : st;
    arena_deinit(&a.arena);
    return st == ST_OK ? gw_api_message(call, err) : st;
}

enum status gw_api_retry(struct gw_api_call *call, struct error *err)
{
    struct gw_api_server *server = call->server;
    struct action a;
    char actor[GW_API_ACTOR_SIZE];
    enum status st = action_init(&a, call, actor, err);

    if (st == ST_OK && (st = commit(&a, "message.retried", retry, err)) != ST_OK)
        st = st == ST_DENIED ? wrong_state(call, &a.row, GW_R_MESSAGE_STATE, err) : st;
    else if (st == ST_OK && a.gone)
        st = wrong_state(call, &a.row, GW_R_PAYLOAD_GONE, err);
    else if (st == ST_OK && a.row.box == GW_OUTBOX && server->lanes != NULL)
        gw_lanes_kick(server->lanes, a.row.peer);
    arena_deinit(&a.arena);
    return st == ST_OK ? gw_api_message(call, err) : st;
}

/* Why it cannot be withdrawn any more. */
static int too_late(const struct gw_message_row *row)
{
    const uint32_t away = GW_STATES(GW_SUBMITTED) | GW_STATES(GW_FORWARDED) |
                          GW_STATES(GW_DELIVERED) | GW_STATES(GW_UNCLEAR);

    return row->box == GW_OUTBOX && (away & GW_STATES(row->state)) != 0 ? GW_R_SUBMITTED
                                                                        : GW_R_MESSAGE_STATE;
}

/*
 * A lane that holds the message may be sending it, and then nobody can say what comes of it. Who
 * takes one in hand marks it before he lets go of his lock; so one that is not marked after the
 * commit will not be sent.
 */
enum status gw_api_cancel(struct gw_api_call *call, struct error *err)
{
    struct gw_lanes *lanes = call->server->lanes;
    struct action a;
    char actor[GW_API_ACTOR_SIZE];
    enum status st = action_init(&a, call, actor, err);

    if (st == ST_OK && lanes != NULL && gw_lanes_hold(lanes, a.id))
        st = wrong_state(call, &a.row, GW_R_IN_TRANSMISSION, err);
    else if (st == ST_OK && (st = commit(&a, "message.cancelled", cancel, err)) != ST_OK)
        st = st == ST_DENIED ? wrong_state(call, &a.row, too_late(&a.row), err) : st;
    if (st == ST_OK)
        st = gw_api_message(call, err);
    if (st == ST_OK && lanes != NULL && gw_lanes_hold(lanes, a.id))
        call->status = 202;
    else if (st == ST_OK && lanes != NULL && a.row.keep_order)
        gw_lanes_kick(lanes, NULL); /* those that it held go on */
    arena_deinit(&a.arena);
    return st;
}

/* ---- all that a Fachverfahren has forgotten ---- */

static enum status redelivery_read(struct gw_api_call *call, struct gw_redelivery *what,
                                   struct error *err)
{
    TRY(gw_api_param(call, "endpoint", &what->endpoint, err));
    if (what->endpoint == NULL)
        return gw_api_bad(call, "endpoint", err);
    if (!gw_api_may(&call->server->rights, call->uid, what->endpoint))
        return gw_api_problem_denied(call, what->endpoint, err);
    if (gw_config_endpoint(call->server->rt->conf, what->endpoint) == NULL)
        return gw_api_problem_of(call, 400, GW_R_ENDPOINT_UNKNOWN, err, "endpoint", what->endpoint);
    TRY(gw_api_param_time(call, "since", &what->since, err));
    if (what->since == 0)
        return gw_api_bad(call, "since=2026-05-04T08:15:00Z", err);
    return ST_OK;
}

static json_t *gone_json(const struct gw_message_list *list)
{
    json_t *all = json_array();

    for (size_t i = 0; i < list->count; i++) {
        json_t *json = json_object();

        gw_json_put(&json, "id", gw_json_text(list->rows[i].id));
        gw_json_put(&json, "sender", gw_json_text(list->rows[i].sender));
        gw_json_put(&json, "subject", gw_json_text(list->rows[i].subject));
        gw_json_put(&json, "created_at", gw_json_time(list->rows[i].created_at));
        gw_json_append(&all, json);
    }
    return all;
}

enum status gw_api_redeliver(struct gw_api_call *call, struct error *err)
{
    const struct gw_runtime *rt = call->server->rt;
    struct gw_redelivery what = {0};
    struct gw_redelivered done;
    char actor[GW_API_ACTOR_SIZE];

    TRY(redelivery_read(call, &what, err));
    gw_api_actor(call->uid, actor);
    what.cause =
        (struct gw_cause){.now = gw_now_ms(),
                          .actor = actor,
                          .en = "handed over again, since the program has lost it",
                          .de = "Erneut zu übergeben, da das Fachverfahren sie verloren hat"};
    TRY(gw_redeliver(rt->store, &what, &call->arena, &done, err));
    gw_log(rt->log, GW_LOG_WARNING, "endpoint.redelivered", LOG_STR("endpoint", what.endpoint),
           LOG_TIME("since", what.since), LOG_INT("messages", done.count),
           LOG_INT("gone", done.gone_count), LOG_STR("actor", actor));
    call->json = json_object();
    gw_json_put(&call->json, "redelivered", json_integer((json_int_t)done.count));
    gw_json_put(&call->json, "gone_count", json_integer((json_int_t)done.gone_count));
    gw_json_put(&call->json, "gone", gone_json(&done.gone));
    TRY_ALLOC(call->json, err);
    call->status = 200;
    return ST_OK;
}

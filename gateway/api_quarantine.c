/* What an operator decides about a message in quarantine: hand it over all the same, or never. */
#include <stdio.h>

#include "gateway/api_call.h"
#include "gateway/inbound.h"
#include "gateway/log.h"
#include "gateway/onward.h"
#include "gateway/reason.h"

enum { REASON_MAX = 1000 };

/* Both moves in one transaction: a message that was opened long ago is opened once more. */
struct decision {
    struct gw_move moves[2];
    size_t count;
    struct gw_onward onward; /* whither it goes on once it is released; empty: nowhere */
};

static void decision_deinit(struct decision *d)
{
    gw_onward_deinit(&d->onward);
}

static enum status decide(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct decision *d = ctx;

    for (size_t i = 0; i < d->count; i++)
        TRY(gw_store_move(tx, &d->moves[i], NULL, err));
    return gw_onward_add(tx, &d->onward, d->moves[0].cause.now, err);
}

/* The message, which the caller may decide about; its state is good for a decision. */
static enum status candidate(struct gw_api_call *call, struct gw_message_row *row,
                             struct gw_file_list *files, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    TRY(gw_store_read(call->server->rt->store, &tx, err));
    TRY(gw_api_message_find(call, tx, row, err));
    if (!call->admin) /* it overrules a check of ours */
        return gw_api_problem_denied(call, NULL, err);
    if (row->state != GW_QUARANTINED) {
        const struct gw_explain_field fields[] = {
            {"id", row->id}, {"state", gw_state_text(row->state, call->lang == GW_LANG_DE)}};

        return gw_api_problem(call, 409, GW_R_MESSAGE_STATE, err, fields, ARRAY_LEN(fields));
    }
    return gw_store_files(tx, &call->arena, row->id, files, err);
}

static bool has_payload(const struct gw_file_list *files)
{
    for (size_t i = 0; i < files->count; i++)
        if (files->rows[i].kind == GW_FILE_PAYLOAD && !files->rows[i].damaged)
            return true;
    return false;
}

static enum status reason_get(struct gw_api_call *call, const char **reason, struct error *err)
{
    TRY(gw_api_param(call, "reason", reason, err));
    if (*reason == NULL || (*reason)[0] == '\0' || strlen(*reason) > REASON_MAX)
        return gw_api_problem_of(call, 400, GW_R_API_BAD_REQUEST, err, "detail",
                                 "parameter reason: 1 to 1000 bytes");
    return ST_OK;
}

/* Carries it out, tells log and history, and answers with the message as it is now. */
static enum status carry_out(struct gw_api_call *call, const char *id, struct decision *d,
                             const char *event, const char *de, const char *en, const char *reason,
                             struct error *err)
{
    const struct gw_runtime *rt = call->server->rt;
    AUTO(buf_deinit) struct buf de_text = {0}, en_text = {0};
    char actor[GW_API_ACTOR_SIZE];

    buf_init(&de_text, 8192);
    buf_init(&en_text, 8192);
    buf_printf(&de_text, "%s: %s", de, reason);
    buf_printf(&en_text, "%s: %s", en, reason);
    gw_api_actor(call->uid, actor);
    for (size_t i = 0; i < d->count; i++) {
        d->moves[i].id = id;
        d->moves[i].cause = (struct gw_cause){.now = gw_now_ms(), .actor = actor};
        d->moves[i].cause.de = buf_cstr(&de_text);
        d->moves[i].cause.en = buf_cstr(&en_text);
    }
    TRY(gw_store_commit(rt->store, decide, d, err));
    gw_onward_done(&d->onward);
    gw_log(rt->log, GW_LOG_WARNING, event, LOG_STR("id", id), LOG_STR("actor", actor));
    return gw_api_message(call, err);
}

/* The endpoint that receives it today; NULL: none. */
static const char *endpoint_today(const struct gw_runtime *rt, const struct gw_message_row *row,
                                  const struct gw_route_in *route)
{
    const bool osci = row->peer == NULL || gw_runtime_peer(rt, row->peer) != NULL;
    const struct gw_endpoint_conf *e = route->endpoint;

    if (e == NULL && route->rule == NULL)
        e = gw_inbound_endpoint(rt->conf, row->tenant,
                                span_str(osci ? row->subject : row->message_type));
    return e == NULL ? NULL : e->name;
}

/* What no endpoint receives goes to where the settings lead it today: on, by its row of the table
 * of routes, or to an endpoint. */
static enum status onward_make(struct gw_api_call *call, const struct gw_message_row *row,
                               const struct gw_file_list *files, struct decision *d,
                               struct error *err)
{
    const struct gw_runtime *rt = call->server->rt;
    struct gw_route_in route = {0};
    struct error why = {0};
    const struct gw_explain_field fields[] = {{"path", rt->conf->state}, {"detail", why.text}};
    enum status st;

    if (row->endpoint != NULL && row->endpoint[0] != '\0')
        return ST_OK;
    st = gw_route_kept(rt, row, &route, &why);
    if (st == ST_NOT_FOUND || (st == ST_OK && route.recipient == NULL)) {
        d->moves[0].endpoint = endpoint_today(rt, row, &route);
        if (d->moves[0].endpoint != NULL)
            return ST_OK;
        return gw_api_problem_of(call, 409, GW_R_NO_ENDPOINT_FOR_TYPE, err, "message_type",
                                 row->subject);
    }
    if (st == ST_OK)
        st = gw_onward_make(rt, row, files->rows, files->count, &route, gw_now_ms(), &d->onward,
                            &why);
    if (st == ST_DENIED) /* another tenant's by now, say */
        return gw_api_problem(call, 409, gw_reason_of(&why), err, fields, ARRAY_LEN(fields));
    if (st == ST_NOT_FOUND) /* one of its files */
        return gw_api_problem(call, 409, GW_R_STORE_DAMAGED, err, fields, ARRAY_LEN(fields));
    if (st != ST_OK)
        *err = why;
    return st;
}

enum status gw_api_release(struct gw_api_call *call, struct error *err)
{
    AUTO(decision_deinit)
    struct decision d = {.moves = {{.event = GW_EV_RETRY}, {.event = GW_EV_OPEN}}, .count = 2};
    struct gw_file_list files = {0};
    struct gw_message_row row;
    const char *reason;

    TRY(reason_get(call, &reason, err));
    TRY(candidate(call, &row, &files, err));
    if (!has_payload(&files))
        return gw_api_problem_of(call, 409, GW_R_NOT_OPENED, err, "id", row.id);
    TRY(onward_make(call, &row, &files, &d, err));
    return carry_out(call, row.id, &d, "message.released", "Freigegeben", "Released", reason, err);
}

enum status gw_api_discard(struct gw_api_call *call, struct error *err)
{
    struct decision d = {.moves = {{.event = GW_EV_REJECT}}, .count = 1};
    struct gw_file_list files = {0};
    struct gw_message_row row;
    const char *reason;

    TRY(reason_get(call, &reason, err));
    TRY(candidate(call, &row, &files, err));
    return carry_out(call, row.id, &d, "message.discarded", "Verworfen", "Discarded", reason, err);
}

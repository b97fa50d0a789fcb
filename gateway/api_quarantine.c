/* What an operator decides about a message in quarantine: hand it over all the same, or never. */
#include <stdio.h>

#include "gateway/api_call.h"
#include "gateway/log.h"
#include "gateway/reason.h"
#include "gateway/release.h"

enum { REASON_MAX = 1000 };

/* All moves in one transaction: a message that was opened long ago is opened once more. */
struct decision {
    struct gw_release release;
    size_t count; /* of its moves */
};

static void decision_deinit(struct decision *d)
{
    gw_release_deinit(&d->release);
}

static enum status decide(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct decision *d = ctx;

    for (size_t i = 0; i < d->count; i++)
        TRY(gw_store_move(tx, &d->release.moves[i], NULL, err));
    return gw_onward_add(tx, &d->release.onward, d->release.moves[0].cause.now, err);
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
        d->release.moves[i].id = id;
        d->release.moves[i].cause = (struct gw_cause){.now = gw_now_ms(), .actor = actor};
        d->release.moves[i].cause.de = buf_cstr(&de_text);
        d->release.moves[i].cause.en = buf_cstr(&en_text);
    }
    TRY(gw_store_commit(rt->store, decide, d, err));
    gw_onward_done(&d->release.onward);
    gw_log(rt->log, GW_LOG_WARNING, event, LOG_STR("id", id), LOG_STR("actor", actor));
    return gw_api_message(call, err);
}

static enum status release_make(struct gw_api_call *call, const struct gw_message_row *row,
                                const struct gw_file_list *files, struct gw_release *release,
                                struct error *err)
{
    const struct gw_runtime *rt = call->server->rt;
    struct error why = {0};
    const struct gw_explain_field fields[] = {
        {"path", rt->conf->state}, {"detail", why.text}, {"message_type", row->subject}};
    enum status st = gw_release_make(rt, row, files, release, &why);

    if (st == ST_DENIED) /* another tenant's by now, say */
        return gw_api_problem(call, 409, gw_reason_of(&why), err, fields, ARRAY_LEN(fields));
    if (st != ST_OK)
        *err = why;
    return st;
}

enum status gw_api_release(struct gw_api_call *call, struct error *err)
{
    AUTO(decision_deinit)
    struct decision d = {.count = 2};
    struct gw_file_list files = {0};
    struct gw_message_row row;
    const char *reason;

    TRY(reason_get(call, &reason, err));
    TRY(candidate(call, &row, &files, err));
    if (!has_payload(&files))
        return gw_api_problem_of(call, 409, GW_R_NOT_OPENED, err, "id", row.id);
    TRY(release_make(call, &row, &files, &d.release, err));
    return carry_out(call, row.id, &d, "message.released", "Freigegeben", "Released", reason, err);
}

enum status gw_api_discard(struct gw_api_call *call, struct error *err)
{
    struct decision d = {.release.moves = {{.event = GW_EV_REJECT}}, .count = 1};
    struct gw_file_list files = {0};
    struct gw_message_row row;
    const char *reason;

    TRY(reason_get(call, &reason, err));
    TRY(candidate(call, &row, &files, err));
    return carry_out(call, row.id, &d, "message.discarded", "Verworfen", "Discarded", reason, err);
}

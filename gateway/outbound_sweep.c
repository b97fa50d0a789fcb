/* Messages that no lane picks up: their time has run out, or their way is gone. */
#include "gateway/outbound.h"

#include <stdio.h>

#include "gateway/log.h"
#include "gateway/rule.h"
#include "gateway/tenancy.h"

enum { BATCH = 100, ARENA_MAX = 16 * 1024 * 1024 };

/* One step with both sentences. ST_DENIED, which is fine here: somebody was quicker. */
static enum status step(const struct gw_runtime *rt, struct gw_move *move,
                        const struct gw_explain_field *fields, size_t count, struct error *err)
{
    AUTO(buf_deinit) struct buf en = {0}, de = {0};
    enum status st;

    buf_init(&en, 4096);
    buf_init(&de, 4096);
    gw_explain_what(&en, move->cause.reason, GW_LANG_EN, fields, count);
    gw_explain_what(&de, move->cause.reason, GW_LANG_DE, fields, count);
    move->cause.en = buf_cstr(&en);
    move->cause.de = buf_cstr(&de);
    st = gw_store_commit_move(rt->store, move, NULL, err);
    return st == ST_DENIED ? ST_OK : st;
}

static enum status expire(const struct gw_runtime *rt, const struct gw_message_row *row,
                          int64_t now, struct error *err)
{
    char days[24];
    const struct gw_explain_field fields[] = {{"recipient", row->recipient}, {"days", days}};
    struct gw_move move = {.id = row->id,
                           .event = GW_EV_EXPIRE,
                           .cause = {.now = now, .actor = "outbound", .reason = GW_R_EXPIRED}};

    (void)snprintf(days, sizeof days, "%lld", (long long)((now - row->created_at) / 86400000));
    TRY(step(rt, &move, fields, ARRAY_LEN(fields), err));
    gw_log(rt->log, GW_LOG_ERROR, "message.expired", LOG_STR("id", row->id),
           LOG_STR("peer", row->peer));
    return ST_OK;
}

static enum status expired_list(const struct gw_runtime *rt, int64_t now, struct arena *arena,
                                struct gw_message_list *list, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    TRY(gw_store_read(rt->store, &tx, err));
    return gw_store_expired(tx, arena, now, BATCH, list, err);
}

enum status gw_outbound_expire(const struct gw_runtime *rt, struct error *err)
{
    int64_t now = gw_now_ms();
    bool more = true;

    while (more && !gw_loop_stopping(rt->loop)) {
        struct gw_message_list list = {0};
        AUTO(arena_deinit) struct arena arena = {0};

        arena_init(&arena, ARENA_MAX);
        TRY(expired_list(rt, now, &arena, &list, err));
        for (size_t i = 0; i < list.count; i++)
            TRY(expire(rt, &list.rows[i], now, err));
        more = list.more;
    }
    return ST_OK;
}

/*
 * The partner may have moved to another destination: what was not sent yet goes there. What may
 * have been sent must not be sent by another way as well, so it ends here, until an operator
 * decides.
 */
static enum status stray(const struct gw_runtime *rt, const struct gw_message_row *row,
                         struct error *err)
{
    const struct gw_partner *partner =
        row->recipient == NULL ? NULL : gw_runtime_partner(rt, row->recipient);
    bool untried = row->osci_message_id == NULL || row->osci_message_id[0] == '\0';
    struct error foreign = {0};
    const struct gw_explain_field fields[] = {{"recipient", row->recipient},
                                              {"detail", foreign.text}};
    struct gw_move move = {.id = row->id, .cause = {.now = gw_now_ms(), .actor = "outbound"}};

    if (partner != NULL && untried &&
        gw_tenancy_check(rt->conf, row->tenant, partner->tenant, &foreign) == ST_OK) {
        move.event = GW_EV_NOTE;
        move.peer = partner->way;
        move.cause.en = "the recipient is reached by another way now";
        move.cause.de = "Der Empfänger ist jetzt auf einem anderen Weg erreichbar";
        return gw_store_commit_move(rt->store, &move, NULL, err);
    }
    move.event = GW_EV_FAIL;
    move.cause.reason = foreign.reason != 0 ? foreign.reason : GW_R_PARTNER_UNKNOWN;
    TRY(step(rt, &move, fields, ARRAY_LEN(fields), err));
    gw_log(rt->log, GW_LOG_ERROR, "message.failed", LOG_STR("id", row->id),
           LOG_STR("peer", row->peer), LOG_STR("recipient", row->recipient));
    return ST_OK;
}

/* ---- to somebody else ---- */

struct redirect {
    const struct gw_config *conf;
    struct gw_move move;
    const struct gw_partner *to;
};

/* What its route says, if that leads there; otherwise as the recipient's settings do. */
static enum gw_way way_to(const struct redirect *r, const struct gw_message_row *row)
{
    const struct gw_rule_conf *rule = gw_rule_find(r->conf, row->route);
    struct gw_rule_target to;

    for (unsigned i = 0; rule != NULL && i < rule->to_count; i++)
        if (gw_rule_target_of(r->conf, rule->to[i], &to) == GW_NAMED_ONE &&
            strcmp(to.name, r->move.recipient) == 0)
            return rule->delivery;
    return GW_WAY_DEFAULT;
}

static enum status redirect_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    static const enum gw_file_kind sealed[] = {GW_FILE_SEALED, GW_FILE_ATTACHMENT, GW_FILE_FRAME};
    struct redirect *r = ctx;
    struct gw_move *move = &r->move;
    AUTO(arena_deinit) struct arena arena = {0};
    struct gw_message_row row;

    arena_init(&arena, ARENA_MAX);
    TRY(gw_store_message(tx, &arena, move->id, &row, err));
    TRY(gw_tenancy_check(r->conf, row.tenant, r->to->tenant, err));
    move->delivery = way_to(r, &row);
    if (row.osci_message_id != NULL)
        return error_set(err, ST_DENIED, GW_R_MESSAGE_STATE, "it may have been sent as %s",
                         row.osci_message_id);
    for (size_t i = 0; i < ARRAY_LEN(sealed); i++)
        TRY(gw_store_files_remove(tx, move->id, sealed[i], err));
    return gw_store_move(tx, move, NULL, err);
}

enum status gw_outbound_redirect(const struct gw_runtime *rt, const char *id,
                                 const struct gw_partner *to, const struct gw_cause *cause,
                                 struct error *err)
{
    struct redirect r = {.conf = rt->conf,
                         .to = to,
                         .move = {.id = id,
                                  .event = GW_EV_REDIRECT,
                                  .peer = to->way,
                                  .recipient = to->conf->name,
                                  .cause = *cause}};
    struct gw_hand hand;
    enum status st;

    if (!gw_reach_take(rt->reach, &hand, id, gw_reach_changes(rt->reach)))
        return error_set(err, ST_RETRY, GW_R_MESSAGE_STATE, "%s is being sent just now", id);
    st = gw_store_commit(rt->store, redirect_commit, &r, err);
    gw_reach_put(rt->reach, &hand, st == ST_OK);
    return st;
}

/* ---- at start ---- */

static enum status strays_list(const struct gw_runtime *rt, struct arena *arena,
                               struct gw_message_list *list, struct error *err)
{
    struct gw_destination to;
    struct gw_skip skip = {0};
    const char **known;
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    while (gw_destination_at(rt, skip.peer_count, &to))
        skip.peer_count++;
    known = arena_array(arena, sizeof *known, skip.peer_count + 1);
    TRY_ALLOC(known, err);
    for (size_t i = 0; gw_destination_at(rt, i, &to); i++)
        known[i] = to.name;
    skip.peers = known;
    TRY(gw_store_read(rt->store, &tx, err));
    return gw_store_due(tx, arena, GW_OUTBOX, INT64_MAX, &skip, BATCH, list, NULL, err);
}

enum status gw_outbound_strays(const struct gw_runtime *rt, struct error *err)
{
    bool more = true;

    while (more) {
        struct gw_message_list list = {0};
        AUTO(arena_deinit) struct arena arena = {0};

        arena_init(&arena, ARENA_MAX);
        TRY(strays_list(rt, &arena, &list, err));
        for (size_t i = 0; i < list.count; i++)
            TRY(stray(rt, &list.rows[i], err));
        more = list.more;
    }
    return ST_OK;
}

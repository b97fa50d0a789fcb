/*
 * sendMessageSync and deliverMessage: the answer is that of the reader.
 *
 *   sendMessageSync  reader in this house: a request in his inbox, answered as set
 * (endpoints.answers) a partner: mediateDelivery, whose answer brings the reply into our inbox
 *   deliverMessage   somebody else's XTA server brings a request for a reader of ours
 *
 * The message is durable before anybody waits. When the deadline passes, what nobody outside has
 * seen is withdrawn; what is on its way stays there, and its report tells. A reply that came too
 * late for the call is a message in its author's inbox like any other.
 *
 * The same message once more, bit by bit, is not processed again: it waits for the same answer.
 *
 * Source: XTA 2 digest 5, 6, 8; XTA-083, 084, 150 to 153.
 */
#include <stdio.h>

#include "gateway/log.h"
#include "gateway/xta_inbound.h"
#include "gateway/xta_sending.h"
#include "gateway/xta_wait.h"

/* ---- the answer ---- */

static enum status not_answered(struct gw_xta_call *call, struct error *err, const char *sentence)
{
    return gw_xta_refuse(call, ST_RETRY, XTA_TECHNICAL_PROBLEM, XTA_N_DELIVERY, err, "%s",
                         sentence);
}

/* Metadata for a reply that came without: those of the question, from the other side. */
static enum status reply_metadata(struct gw_xta_call *call, const struct gw_message_row *row,
                                  struct error *err)
{
    const struct xta_metadata *asked = &call->request.metadata;
    struct xta_metadata *m = &call->answer.metadata;
    struct xta_related *related = arena_array(&call->arena, sizeof *related, 1);
    char id[128];

    TRY_ALLOC(related, err);
    (void)snprintf(id, sizeof id, "urn:de:xta:messageid:%s:%s", call->conf->instance, row->id);
    related->id = asked->id;
    *m = *asked;
    m->author = asked->reader;
    m->reader = asked->author;
    m->author.fragment_count = m->reader.fragment_count = m->fragment_count = 0;
    m->sender = m->reply_to = (struct xta_party){0};
    m->origin = m->not_before = m->obsolete_after = m->initial_fetch = m->reception = SPAN_NONE;
    m->property_count = 0;
    m->related = related;
    m->related_count = 1;
    m->size = row->size_bytes > 0 ? row->size_bytes : 1;
    TRY(gw_xta_time(&call->arena, row->created_at, &m->initial_send, err));
    m->delivery = m->initial_send;
    m->id = span_str(arena_str(&call->arena, span_str(id)));
    TRY_ALLOC(m->id.ptr, err);
    return ST_OK;
}

static bool has_metadata(const struct gw_file_list *files)
{
    return gw_xta_header_file(files, XTA_V3) != NULL;
}

/* Fills the answer from a reply; xta: what is known of it, or what stands for that. */
static enum status reply_load(struct gw_xta_call *call, struct gw_tx *tx, const char *id,
                              struct gw_message_row *row, struct gw_xta_row *xta, bool *described,
                              struct error *err)
{
    struct gw_file_list files;
    struct error why = {0};
    enum status st;

    TRY(gw_store_message(tx, &call->arena, id, row, err));
    TRY(gw_store_files(tx, &call->arena, id, &files, err));
    *described = has_metadata(&files);
    st = gw_store_xta_row(tx, &call->arena, id, xta, &why);
    if (st == ST_NOT_FOUND) {
        *xta = (struct gw_xta_row){.message_id = row->id, .xta_id = row->id, .reader = ""};
        return ST_OK;
    }
    if (st != ST_OK)
        *err = why;
    return st;
}

static enum status reply_read(struct gw_xta_call *call, const char *id, struct gw_message_row *row,
                              struct gw_xta_row *xta, bool *described, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    TRY(gw_store_read(call->rt->store, &tx, err));
    return reply_load(call, tx, id, row, xta, described, err);
}

static enum status reply_answer(struct gw_xta_call *call, const char *id, struct error *err)
{
    const char *about = call->message_id;
    struct gw_message_row row;
    struct gw_xta_row xta;
    bool described;

    TRY(reply_read(call, id, &row, &xta, &described, err));
    TRY(gw_xta_message_load(call, &xta, &row, err));
    call->message_id = about;
    return described ? ST_OK : reply_metadata(call, &row, err);
}

/* ---- a request in an inbox of ours ---- */

/* *reply: the id of the answer; NULL: there is none. */
static enum status answer_find(struct gw_xta_call *call, const char **reply, struct error *err)
{
    struct gw_request_row request;
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    TRY(gw_store_read(call->rt->store, &tx, err));
    TRY(gw_store_request(tx, &call->arena, call->pause.request_id, &request, err));
    *reply = request.state == GW_ANSWER_GIVEN ? request.answer_id : NULL;
    return ST_OK;
}

static enum status local_resume(struct gw_xta_call *call, struct error *err)
{
    const char *reply;

    TRY(answer_find(call, &reply, err));
    if (reply == NULL)
        return not_answered(call, err, "the reader has not answered in time");
    return reply_answer(call, reply, err);
}

/* Who brought it has done his part: it is durable here, answered or not. */
static enum status deliver_resume(struct gw_xta_call *call, struct error *err)
{
    const char *reply;

    TRY(answer_find(call, &reply, err));
    return reply == NULL ? ST_OK : reply_answer(call, reply, err);
}

enum status gw_xta_place_take(struct gw_xta_call *call, struct error *err)
{
    if (!call->has_place)
        call->has_place = gw_xta_waits_enter(call->waits, call->account);
    if (!call->has_place)
        return gw_xta_refuse(call, ST_RETRY, XTA_TECHNICAL_PROBLEM, XTA_N_INTERNAL, err,
                             "%lld calls of this account wait for their answers already",
                             (long long)call->conf->sync_max);
    return ST_OK;
}

int64_t gw_xta_due(const struct gw_xta_call *call, const struct gw_endpoint_conf *endpoint)
{
    int64_t seconds = call->conf->sync_seconds;

    if (endpoint->answers->deadline_seconds < seconds)
        seconds = endpoint->answers->deadline_seconds;
    return call->now + seconds * 1000;
}

void gw_xta_request_await(struct gw_xta_call *call, const char *id,
                          const struct gw_endpoint_conf *endpoint, int64_t due_at, bool fresh)
{
    call->pause = (struct gw_xta_pause){
        .request_id = id, .endpoint = endpoint, .due_at = due_at, .fresh = fresh};
    call->resume = call->request.operation == XTA_DELIVER_MESSAGE ? deliver_resume : local_resume;
}

/* ---- sendMessageSync to a reader in this house ---- */

static enum status local_send(struct gw_xta_sending *s, struct error *err)
{
    const struct gw_endpoint_conf *endpoint = s->route.endpoint;
    const struct gw_request_row request = {.due_at = gw_xta_due(s->call, endpoint),
                                           .command = endpoint->answers->command_count > 0};
    const char *id;

    TRY(gw_xta_sending_commit(s, &request, err));
    id = arena_str(&s->call->arena, span_str(s->twin.id));
    TRY_ALLOC(id, err);
    gw_xta_request_await(s->call, id, endpoint, request.due_at, true);
    return ST_OK;
}

/* ---- sendMessageSync to a partner ---- */

struct ending {
    struct gw_xta_call *call;
    struct gw_message_row reply, out;
    bool answered;
};

static enum status step(struct gw_tx *tx, const char *id, enum gw_event event,
                        const struct gw_cause *cause, struct error *err)
{
    const struct gw_move move = {.id = id, .event = event, .cause = *cause};

    return gw_store_move(tx, &move, NULL, err);
}

/* The reply goes out with this answer: it waits in no box any more. */
static enum status take_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct ending *e = ctx;
    const struct gw_cause cause = {.now = gw_now_ms(),
                                   .actor = e->call->actor,
                                   .en = "given as the answer to sendMessageSync",
                                   .de = "Als Antwort auf sendMessageSync gegeben"};
    AUTO(arena_deinit) struct arena arena = {.max = 4 * 1024 * 1024};
    struct gw_message_row row; /* as it is now: another door may have been quicker */

    TRY(gw_store_message(tx, &arena, e->reply.id, &row, err));
    if (row.state == GW_ACKNOWLEDGED || row.state == GW_ARCHIVED)
        return ST_OK;
    if (row.state != GW_HANDED_OVER)
        TRY(step(tx, row.id, GW_EV_HAND_OVER, &cause, err));
    return step(tx, row.id, GW_EV_ACKNOWLEDGE, &cause, err);
}

/* What nobody outside has is withdrawn: its author may send it anew. */
static enum status expire_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct ending *e = ctx;
    const struct gw_cause cause = {
        .now = gw_now_ms(),
        .actor = e->call->actor,
        .reason = GW_R_REQUEST_LATE,
        .en = "it could not be sent before the deadline of sendMessageSync",
        .de = "Sie ließ sich nicht vor der Frist von sendMessageSync "
              "senden"};

    return step(tx, e->out.id, GW_EV_EXPIRE, &cause, err);
}

static enum status ending_load(struct ending *e, struct error *err)
{
    struct arena *arena = &e->call->arena;
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct error why = {0};
    enum status st;

    TRY(gw_store_read(e->call->rt->store, &tx, err));
    TRY(gw_store_message(tx, arena, e->call->pause.out_id, &e->out, err));
    st = gw_store_message_answering(tx, arena, e->call->pause.out_id, &e->reply, &why);
    e->answered = st == ST_OK;
    if (st == ST_OK || st == ST_NOT_FOUND)
        return ST_OK;
    *err = why;
    return st;
}

static enum status partner_resume(struct gw_xta_call *call, struct error *err)
{
    struct ending e = {.call = call};
    struct error why = {0};

    TRY(ending_load(&e, err));
    if (e.answered && e.reply.state == GW_QUARANTINED)
        return not_answered(call, err, "the reader's answer could not be believed");
    if (e.answered) {
        TRY(gw_store_commit(call->rt->store, take_commit, &e, err));
        return reply_answer(call, e.reply.id, err);
    }
    if (e.out.state == GW_DELIVERED)
        return not_answered(call, err, "the reader has received it, and has not answered");
    if (e.out.state == GW_ACCEPTED || e.out.state == GW_SEALED || e.out.state == GW_DEFERRED) {
        if (gw_store_commit(call->rt->store, expire_commit, &e, &why) != ST_OK)
            gw_log(call->rt->log, GW_LOG_ERROR, "store.write_failed", LOG_STR("id", e.out.id),
                   LOG_ERR(&why));
        return not_answered(call, err, "it could not be sent in time, and will not be sent");
    }
    return not_answered(call, err, "the reader has not answered in time; the report tells more");
}

static void reply_await(struct gw_xta_call *call, const char *id, int64_t due_at)
{
    call->pause = (struct gw_xta_pause){.out_id = id, .due_at = due_at};
    call->resume = partner_resume;
}

/* Only an intermediary that brings it at once, in a dialog, has an answer to give. */
static enum status partner_send(struct gw_xta_sending *s, struct error *err)
{
    const struct gw_partner *partner = s->route.partner;
    int64_t due_at = s->call->now + s->call->conf->sync_seconds * 1000;

    if (partner->peer == NULL || partner->conf->receiver_url == NULL ||
        partner->peer->conf->dialog != GW_DIALOG_EXPLICIT)
        return gw_xta_refuse(s->call, ST_DENIED, XTA_SYNC_ASYNC, XTA_N_ONLY_ASYNC, err,
                             "the reader cannot be asked for an answer");
    s->row.delivery = GW_WAY_MEDIATE;
    TRY(gw_xta_sending_commit(s, NULL, err));
    reply_await(s->call, s->call->id, due_at);
    return ST_OK;
}

/* ---- the same once more ---- */

struct repeated {
    struct gw_xta_row xta; /* of the first, in the outbox */
    struct gw_message_row row;
    struct gw_file_list files;
    bool asked; /* its twin in this house is a request */
};

static enum status repeated_load(struct gw_xta_call *call, const struct gw_xta_sending *s,
                                 struct repeated *r, struct error *err)
{
    struct gw_request_row request;
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct error why = {0};
    enum status st;

    TRY(gw_store_read(call->rt->store, &tx, err));
    TRY(gw_store_xta_find(tx, &call->arena, s->xta.xta_id, s->xta.author, GW_OUTBOX, call->now,
                          &r->xta, err));
    TRY(gw_store_message(tx, &call->arena, r->xta.message_id, &r->row, err));
    TRY(gw_store_files(tx, &call->arena, r->xta.message_id, &r->files, err));
    if (r->xta.twin == NULL)
        return ST_OK;
    st = gw_store_request(tx, &call->arena, r->xta.twin, &request, &why);
    r->asked = st == ST_OK;
    if (st == ST_OK || st == ST_NOT_FOUND)
        return ST_OK;
    *err = why;
    return st;
}

static enum status send_again(struct gw_xta_sending *s, struct error *err)
{
    const struct error used = *err;
    struct gw_xta_call *call = s->call;
    struct repeated r = {0};
    struct error why = {0};

    if (repeated_load(call, s, &r, &why) != ST_OK || !gw_xta_same_contents(&r.files, call->stage) ||
        !xta_same(span_str(r.xta.reader), call->request.metadata.reader.value) ||
        (!r.asked && r.row.delivery != GW_WAY_MEDIATE)) {
        *err = used;
        return used.status;
    }
    *err = (struct error){0};
    call->message_id = r.xta.message_id;
    if (r.row.delivery == GW_WAY_MEDIATE) {
        reply_await(call, r.xta.message_id, call->now + call->conf->sync_seconds * 1000);
        return ST_OK;
    }
    s->route.endpoint = gw_config_party(call->rt->conf, call->request.metadata.reader.value);
    if (s->route.endpoint == NULL || s->route.endpoint->answers == NULL)
        return not_answered(call, err, "nobody answers it any more");
    gw_xta_request_await(call, r.xta.twin, s->route.endpoint, gw_xta_due(call, s->route.endpoint),
                         false);
    return ST_OK;
}

static enum status send_first(struct gw_xta_sending *s, struct error *err)
{
    TRY(gw_xta_sending_check(s, GW_DIRECTORY_SYNCHRONOUS, err));
    if (s->row.deliver_after != 0)
        return gw_xta_refuse(s->call, ST_INVALID, XTA_PARAMETER_NOT_VALID, XTA_N_COMBINATION, err,
                             "NotBefore is not possible with sendMessageSync");
    return s->route.endpoint != NULL ? local_send(s, err) : partner_send(s, err);
}

enum status gw_xta_send_sync(struct gw_xta_call *call, struct error *err)
{
    AUTO(gw_xta_sending_deinit) struct gw_xta_sending s = {.call = call};
    enum status st;

    TRY(gw_xta_place_take(call, err));
    st = send_first(&s, err);
    return st == ST_DUPLICATE ? send_again(&s, err) : st;
}

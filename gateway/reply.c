#include "gateway/reply.h"

#include <stdio.h>

#include "gateway/explain.h"
#include "gateway/log.h"
#include "gateway/reason.h"

enum { ARENA_MAX = 16 * 1024 * 1024, DAY_MS = 24 * 3600 * 1000 };

/* A request being settled. */
struct settling {
    const struct gw_runtime *rt;
    struct arena arena;
    struct gw_request_row request;
    struct gw_message_row message; /* that of the request */
    int64_t now;
    const char *actor;
    /* an answer: */
    struct gw_message_row reply;
    const struct gw_file_row *files, *sealed;
    size_t file_count, sealed_count;
    bool plain; /* who asked has no certificate: it is handed back by the door he came by */
    /* or none: */
    int reason;
    const char *en, *de;
};

static enum status load(struct settling *s, const char *request_id, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    enum status st;

    TRY(gw_store_read(s->rt->store, &tx, err));
    st = gw_store_request(tx, &s->arena, request_id, &s->request, err);
    if (st == ST_NOT_FOUND)
        err->reason = GW_R_REQUEST_NONE;
    TRY(st);
    return gw_store_message(tx, &s->arena, request_id, &s->message, err);
}

static struct gw_cause cause_of(const struct settling *s, const char *en, const char *de)
{
    return (struct gw_cause){
        .now = s->now, .actor = s->actor, .reason = s->reason, .en = en, .de = de};
}

static enum status step(struct gw_tx *tx, const struct settling *s, const char *id,
                        enum gw_event event, const char *en, const char *de, struct error *err)
{
    const struct gw_move move = {.id = id, .event = event, .cause = cause_of(s, en, de)};

    return gw_store_move(tx, &move, NULL, err);
}

/* ---- an answer ---- */

static enum status reply_add(struct gw_tx *tx, const struct settling *s, struct error *err)
{
    const char *id = s->reply.id;
    const struct gw_cause cause =
        cause_of(s, "the answer to a request", "Die Antwort auf eine Anfrage");
    const struct gw_move seal = {.id = id,
                                 .event = GW_EV_SEAL,
                                 .files = s->sealed,
                                 .file_count = s->sealed_count,
                                 .cause = cause_of(s, NULL, NULL)};

    TRY(gw_store_message_add(tx, &s->reply, s->files, s->file_count, &cause, NULL, err));
    if (s->plain) {
        TRY(step(tx, s, id, GW_EV_FORWARD, "it is handed to who waits for it",
                 "Sie wird dem übergeben, der auf sie wartet", err));
        return step(tx, s, id, GW_EV_DELIVER, NULL, NULL, err);
    }
    TRY(gw_store_move(tx, &seal, NULL, err));
    TRY(step(tx, s, id, GW_EV_FORWARD, "it goes out with the answer to the intermediary",
             "Sie geht mit der Antwort an den Intermediär hinaus", err));
    if (s->request.reply_osci_id != NULL)
        return ST_OK;
    return step(tx, s, id, GW_EV_DELIVER, "without a process card nothing more will be known",
                "Ohne Laufzettel wird nichts weiter bekannt", err);
}

/* Who answered has the request: it is handed over and acknowledged, as far as it was not. */
static enum status request_end(struct gw_tx *tx, const struct settling *s, struct error *err)
{
    const char *id = s->message.id;
    const char *en = "it was answered", *de = "Sie wurde beantwortet";
    AUTO(arena_deinit) struct arena arena = {.max = ARENA_MAX};
    struct gw_message_row row;

    TRY(gw_store_message(tx, &arena, id, &row, err));
    if (row.state == GW_OPENED || row.state == GW_DEFERRED)
        TRY(step(tx, s, id, GW_EV_HAND_OVER, NULL, NULL, err));
    if (row.state == GW_OPENED || row.state == GW_DEFERRED || row.state == GW_HANDED_OVER)
        return step(tx, s, id, GW_EV_ACKNOWLEDGE, en, de, err);
    return step(tx, s, id, GW_EV_NOTE, en, de, err);
}

static enum status give_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct settling *s = ctx;
    enum status st = gw_store_request_settle(tx, s->message.id, s->reply.id, err);

    if (st == ST_DENIED)
        err->reason = GW_R_REQUEST_OVER;
    TRY(st);
    TRY(reply_add(tx, s, err));
    return request_end(tx, s, err);
}

/* The signature and the ciphertext, for who asked. */
static enum status seal(struct settling *s, struct gw_stage *sealed, struct error *err)
{
    AUTO(cert_drop) struct cert *asker = NULL;
    struct gw_partner to = {0};
    struct gw_parties parties;
    struct gw_file_list list = {0};

    TRY(cert_from_der(s->request.asker, &asker, err));
    to.cipher = asker;
    to.tenant = s->message.tenant;
    list.rows = arena_array(&s->arena, sizeof *list.rows, s->file_count + 1);
    TRY_ALLOC(list.rows, err);
    for (; list.count < s->file_count; list.count++)
        list.rows[list.count] = s->files[list.count];
    TRY(gw_parties_of(s->rt, &to, NULL, s->now, &s->arena, &parties,
                      err)); /* signed by the tenant */
    return gw_outbound_seal(s->rt, &parties, &list, sealed, err);
}

static enum status publish(struct settling *s, struct gw_stage *stage, struct gw_stage *sealed,
                           struct error *err)
{
    TRY(gw_stage_publish(stage, err));
    s->files = gw_stage_files(stage, &s->file_count);
    for (size_t i = 0; i < s->file_count; i++)
        s->reply.size_bytes += s->files[i].len;
    if (!s->plain)
        TRY(seal(s, sealed, err));
    TRY(gw_stage_publish(sealed, err));
    s->sealed = gw_stage_files(sealed, &s->sealed_count);
    return ST_OK;
}

static void reply_row(struct settling *s, const char *reply_id, const char *subject)
{
    const struct gw_config *conf = s->rt->conf;

    s->reply = (struct gw_message_row){.id = reply_id,
                                       .tenant = s->message.tenant,
                                       .endpoint = s->message.endpoint,
                                       .box = GW_OUTBOX,
                                       .peer = s->message.peer,
                                       .recipient = s->message.sender,
                                       .sender = s->message.tenant,
                                       .subject = subject != NULL ? subject : s->message.subject,
                                       .osci_message_id = s->request.reply_osci_id,
                                       .correlation = s->message.id,
                                       .created_at = s->now,
                                       .expires_at = s->now + conf->retry.expire_days * DAY_MS};
}

static enum status give(struct settling *s, const char *reply_id, struct gw_stage *stage,
                        const char *subject, struct error *err)
{
    AUTO(gw_stage_drop) struct gw_stage *sealed = NULL;

    if (s->request.state != GW_ANSWER_AWAITED || s->request.due_at <= s->now)
        return error_set(err, ST_DENIED, GW_R_REQUEST_OVER, "the request %s is settled",
                         s->message.id);
    s->plain = s->request.asker.len == 0;
    reply_row(s, reply_id, subject);
    TRY(gw_stage_new(s->rt->store, reply_id, &sealed, err));
    TRY(publish(s, stage, sealed, err));
    TRY(gw_store_commit(s->rt->store, give_commit, s, err));
    gw_stage_done(stage);
    gw_stage_done(sealed);
    gw_log(s->rt->log, GW_LOG_INFO, "request.answered", LOG_STR("id", s->message.id),
           LOG_STR("endpoint", s->message.endpoint), LOG_STR("answer", reply_id),
           LOG_INT("bytes", s->reply.size_bytes),
           LOG_INT("ms", gw_now_ms() - s->message.created_at));
    return ST_OK;
}

enum status gw_reply_give(const struct gw_runtime *rt, const char *request_id, const char *reply_id,
                          struct gw_stage *stage, const struct gw_reply_by *by, struct error *err)
{
    struct settling s = {.rt = rt, .now = gw_now_ms(), .actor = by->actor};
    enum status st;

    arena_init(&s.arena, ARENA_MAX);
    st = load(&s, request_id, err);
    if (st == ST_OK)
        st = give(&s, reply_id, stage, by->subject, err);
    arena_deinit(&s.arena);
    return st;
}

/* ---- none ---- */

/* What nobody has in hand yet waits for its endpoint, with the reason as its trouble. */
static enum status miss_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct settling *s = ctx;
    AUTO(arena_deinit) struct arena arena = {.max = ARENA_MAX};
    struct gw_message_row row;
    struct gw_move move = {.id = s->message.id,
                           .event = GW_EV_NOTE,
                           .next_attempt_at = s->now,
                           .cause = cause_of(s, s->en, s->de)};

    TRY(gw_store_request_settle(tx, s->message.id, NULL, err));
    TRY(gw_store_message(tx, &arena, s->message.id, &row, err));
    if (row.state == GW_OPENED || row.state == GW_DEFERRED)
        move.event = GW_EV_DEFER;
    else
        move.next_attempt_at = 0;
    return gw_store_move(tx, &move, NULL, err);
}

static enum status miss(struct settling *s, const struct error *why, struct error *err)
{
    char seconds[24];
    const struct gw_explain_field fields[] = {{"endpoint", s->message.endpoint},
                                              {"detail", why->text},
                                              {"seconds", seconds},
                                              {"path", s->rt->conf->state},
                                              {"id", s->message.id}};
    AUTO(buf_deinit) struct buf en = {0}, de = {0};
    enum status st;

    (void)snprintf(seconds, sizeof seconds, "%lld",
                   (long long)(s->request.due_at - s->message.created_at + 500) / 1000);
    s->reason = gw_reason_of(why);
    buf_init(&en, 8192);
    buf_init(&de, 8192);
    gw_explain_what(&en, s->reason, GW_LANG_EN, fields, ARRAY_LEN(fields));
    gw_explain_what(&de, s->reason, GW_LANG_DE, fields, ARRAY_LEN(fields));
    s->en = buf_cstr(&en);
    s->de = buf_cstr(&de);
    st = gw_store_commit(s->rt->store, miss_commit, s, err);
    if (st == ST_DENIED)
        return ST_OK; /* somebody was quicker */
    gw_log(s->rt->log, GW_LOG_WARNING, "request.unanswered", LOG_STR("id", s->message.id),
           LOG_STR("endpoint", s->message.endpoint), LOG_ERR(why));
    return st;
}

enum status gw_reply_miss(const struct gw_runtime *rt, const char *request_id, const char *actor,
                          const struct error *why, struct error *err)
{
    struct settling s = {.rt = rt, .now = gw_now_ms(), .actor = actor};
    enum status st;

    arena_init(&s.arena, ARENA_MAX);
    st = load(&s, request_id, err);
    if (st == ST_OK)
        st = miss(&s, why, err);
    arena_deinit(&s.arena);
    return st;
}

/* ---- as it is sent ---- */

static enum status rows_read(const struct gw_runtime *rt, const char *request_id,
                             struct gw_reply *reply, struct gw_file_list *files, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_request_row request;
    struct gw_message_row row;

    TRY(gw_store_read(rt->store, &tx, err));
    TRY(gw_store_request(tx, &reply->arena, request_id, &request, err));
    reply->state = request.state;
    if (request.state != GW_ANSWER_GIVEN)
        return ST_OK;
    TRY(gw_store_message(tx, &reply->arena, request.answer_id, &row, err));
    reply->id = row.id;
    reply->osci_id = row.osci_message_id;
    reply->osci.subject = row.subject == NULL ? SPAN_NONE : span_str(row.subject);
    return gw_store_files(tx, &reply->arena, request.answer_id, files, err);
}

enum status gw_reply_load(const struct gw_runtime *rt, const char *request_id,
                          struct gw_reply *reply, struct error *err)
{
    struct gw_file_list files = {0};

    arena_init(&reply->arena, ARENA_MAX);
    TRY(rows_read(rt, request_id, reply, &files, err));
    if (reply->state != GW_ANSWER_GIVEN)
        return ST_OK;
    TRY(gw_sealed_load(rt, &files, &reply->arena, &reply->sealed, err));
    for (size_t i = 0; i < files.count; i++)
        if (files.rows[i].kind == GW_FILE_SEALED)
            reply->parties = files.rows[i].ref;
    reply->osci.package = buf_span(&reply->sealed.package);
    reply->osci.attachments = reply->sealed.attachments;
    reply->osci.attachment_count = reply->sealed.count;
    return ST_OK;
}

enum status gw_reply_goes_as(const struct gw_runtime *rt, const struct gw_reply *reply,
                             struct span osci_id, struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {.max = 64 * 1024};
    struct gw_move move = {
        .id = reply->id,
        .event = GW_EV_NOTE,
        .cause = {.now = gw_now_ms(),
                  .actor = "recipient",
                  .en = "the request came again, the reply goes out under another MessageId",
                  .de = "Die Anfrage kam noch einmal, die Antwort geht unter einer anderen "
                        "MessageId hinaus"}};

    if (osci_id.ptr == NULL)
        return ST_OK;
    TRY(gw_osci_id_text(osci_id, &arena, &move.osci_message_id, err));
    if (reply->osci_id != NULL && strcmp(reply->osci_id, move.osci_message_id) == 0)
        return ST_OK;
    return gw_store_commit_move(rt->store, &move, NULL, err);
}

void gw_reply_deinit(struct gw_reply *reply)
{
    gw_sealed_deinit(&reply->sealed);
    arena_deinit(&reply->arena);
    *reply = (struct gw_reply){0};
}

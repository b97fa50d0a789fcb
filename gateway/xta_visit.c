#include "gateway/xta_visit.h"

#include <stdio.h>

#include "gateway/log.h"
#include "gateway/worker.h"
#include "gateway/xta_intake.h"
#include "gateway/xta_outlet.h"

enum { ARENA_MAX = 128 * 1024 * 1024, DER_MAX = 64 * 1024 };
/* Beyond the largest body: so much more is read and thrown away. */
enum { SWALLOW_BYTES = 256 * 1024 * 1024 };
/* The same for who has no account: so much is kept, in memory, to see what he wants. */
enum { STRANGER_BYTES = 256 * 1024, STRANGER_SWALLOW_BYTES = 16 * 1024 * 1024 };

/* Where contents go while the request is read; those of somebody who is refused go nowhere. */
struct intake {
    struct xta_intake base;
    struct gw_xta_call *call;
    bool discard;
    struct sink nowhere;
};

struct gw_xta_visit {
    struct gw_xta_server *server;
    struct gw_http_request *req;
    enum xta_version version;
    enum xta_port port;
    char address[64];
    char actor[160];
    uint8_t *cert; /* DER, copied: the connection may end before the job */
    size_t cert_len;
    int64_t began;
    /* the body: */
    struct sink sink;
    struct gw_body *body;
    uint64_t body_max, swallow_max; /* what is kept; what is thrown away beyond that */
    uint64_t len;                   /* as it came */
    enum status known;              /* what the look-up of the account said */
    struct error denied;
    bool too_large;
    bool going; /* head and body have come: the request is ours until it is answered */
    /* the job: */
    struct intake intake;
    struct gw_xta_call call;
    bool read_whole; /* the request could be read: call.request.operation is known */
    bool refused;
    struct error why;
    struct xta_parcel parcel;
    struct gw_xta_parcel sending;
};

/* ---- the operations ---- */

static enum status (*const operations[XTA_OPERATION_COUNT])(struct gw_xta_call *call,
                                                            struct error *err) = {
    [XTA_CHECK_ACCOUNT_ACTIVE] = gw_xta_check_account,
    [XTA_CREATE_MESSAGE_ID] = gw_xta_create_id,
    [XTA_LOOKUP_SERVICE] = gw_xta_lookup,
    [XTA_GET_TRANSPORT_REPORT] = gw_xta_report,
    [XTA_CANCEL_MESSAGE] = gw_xta_cancel,
    [XTA_SEND_MESSAGE] = gw_xta_send,
    [XTA_SEND_MESSAGE_SYNC] = gw_xta_send_sync,
    [XTA_GET_STATUS_LIST] = gw_xta_status_list,
    [XTA_GET_NEXT_STATUS_LIST] = gw_xta_next_status_list,
    [XTA_GET_MESSAGE] = gw_xta_get_message,
    [XTA_GET_NEXT_MESSAGE] = gw_xta_next_message,
    [XTA_CLOSE] = gw_xta_close,
    [XTA_DELIVER_MESSAGE] = gw_xta_deliver,
};

/* What a fault is about when the request does not say: one that declares what we may have to say.
 */
static enum xta_operation operation_of(const struct gw_xta_visit *v)
{
    static const enum xta_operation by_port[XTA_PORT_COUNT] = {
        [XTA_PORT_BASE] = XTA_CHECK_ACCOUNT_ACTIVE,
        [XTA_PORT_SENDER] = XTA_SEND_MESSAGE,
        [XTA_PORT_BOX] = XTA_GET_STATUS_LIST,
        [XTA_PORT_READER] = XTA_DELIVER_MESSAGE,
    };

    return v->read_whole ? v->call.request.operation : by_port[v->port];
}

/* ---- contents ---- */

static enum status nowhere_write(struct sink *self, struct span bytes, struct error *err)
{
    (void)self;
    (void)bytes;
    (void)err;
    return ST_OK;
}

static enum status stage_begin(struct gw_xta_call *call, struct error *err)
{
    if (call->stage != NULL)
        return ST_OK;
    TRY(gw_uuid_make(call->rt->rng, call->now, call->id, err));
    return gw_stage_new(call->rt->store, call->id, &call->stage, err);
}

static enum status intake_open(struct xta_intake *self, const struct xta_content *content,
                               struct sink **sink, struct error *err)
{
    struct intake *i = (struct intake *)self;

    (void)content;
    *sink = &i->nowhere;
    if (i->discard)
        return ST_OK;
    TRY(stage_begin(i->call, err));
    return gw_stage_add(i->call->stage, GW_FILE_PAYLOAD, NULL, NULL, NULL, sink, err);
}

static enum status intake_close(struct xta_intake *self, struct error *err)
{
    struct intake *i = (struct intake *)self;

    return i->discard ? ST_OK : gw_stage_close(i->call->stage, err);
}

static enum status contents_describe(struct gw_xta_call *call, struct error *err)
{
    const struct xta_container *c = &call->request.container;

    if (c->encrypted.len > 0)
        TRY(stage_begin(call, err));
    return gw_xta_contents_name(call->stage, c, &call->arena, err);
}

/* ---- who, and for whom ---- */

static bool sends(const struct gw_xta_call *call)
{
    return call->request.operation == XTA_SEND_MESSAGE ||
           call->request.operation == XTA_SEND_MESSAGE_SYNC;
}

/* A fragment is canonical XML: "<name ..." or "<prefix:name ...". */
static bool is_extensions(struct span fragment)
{
    struct span name = span_from(fragment, 1);
    size_t len = 0;

    while (len < name.len && strchr(" >/\t\n", name.ptr[len]) == NULL)
        len++;
    name = span_sub(name, 0, len);
    return span_is(name, "Extensions") || span_ends(name, SPAN(":Extensions"));
}

/* V5: whoever extends what he says of himself expects to be understood. */
static enum status party_extensions_check(struct gw_xta_call *call, struct error *err)
{
    const struct xta_party *party = &call->request.party;

    for (size_t i = 0; call->version == XTA_V5 && i < party->fragment_count; i++)
        if (is_extensions(party->fragments[i]))
            return gw_xta_refuse(call, ST_INVALID, XTA_UNSUPPORTED_EXTENSION, XTA_N_UNSPECIFIED,
                                 err, "no extension of Party is known here");
    return ST_OK;
}

/* Digest 4: the header where there is one, the author of what is sent, or the certificate alone. */
static enum status party_choose(struct gw_xta_call *call, struct error *err)
{
    const struct xta_request *r = &call->request;
    struct span party = span_str(call->account->parties[0]);

    if (sends(call)) {
        TRY(gw_xta_party_check(call, r->metadata.author.value, err));
        TRY(gw_xta_service_check(call, r->metadata.service, err));
        party = r->metadata.author.value;
    }
    if (r->has_party) {
        TRY(gw_xta_party_check(call, r->party.value, err));
        TRY(party_extensions_check(call, err));
        party = r->party.value;
        if (call->version == XTA_V5 && r->party.fragment_count > 0)
            return gw_xta_refuse(call, ST_INVALID, XTA_UNSUPPORTED_EXTENSION, XTA_N_UNSPECIFIED,
                                 err, "no extension of Party is known here");
    }
    for (unsigned i = 0; i < call->account->parties_count; i++)
        if (xta_same(party, span_str(call->account->parties[i])))
            call->party = call->account->parties[i];
    return ST_OK;
}

/* ---- faults ---- */

/* What a handler did not say itself follows from the number; all else is nobody's business. */
static void fault_fill(struct gw_xta_call *call, const struct error *why)
{
    enum xta_exception exception = xta_exception_of(why->reason);

    if (call->fault.exception != XTA_NO_EXCEPTION)
        return;
    call->fault =
        exception != XTA_NO_EXCEPTION
            ? (struct xta_fault){.exception = exception, .number = why->reason}
            : (struct xta_fault){.exception = XTA_TECHNICAL_PROBLEM, .number = XTA_N_INTERNAL};
}

static bool our_side(enum xta_exception exception)
{
    return exception == XTA_TECHNICAL_PROBLEM || exception == XTA_SOAP_RECEIVER ||
           exception == XTA_EXTERNAL_UNAVAILABLE;
}

static const char *account_name(const struct gw_xta_visit *v)
{
    return v->call.account == NULL ? "?" : v->call.account->name;
}

static const char *operation_name(const struct gw_xta_visit *v)
{
    const char *name =
        v->read_whole ? xta_operation_name(v->version, v->call.request.operation) : NULL;

    return name == NULL ? "XTA" : name;
}

/* Who was refused what, whose side it is on, and why. */
static void refusal_keep(struct gw_xta_visit *v)
{
    const struct xta_fault *f = &v->call.fault;
    const char *name = xta_exception_name(v->version, f->exception);
    const char *text = xta_number_text(f->number);
    bool ours = our_side(f->exception);
    AUTO(buf_deinit) struct buf de = {0}, en = {0};

    buf_init(&de, 4096);
    buf_init(&en, 4096);
    buf_printf(&de, "%s von %s (%s) abgelehnt: %s %d%s%s (%s). Zu beheben ist das %s.",
               operation_name(v), account_name(v), v->address, name == NULL ? "SOAP-Fault" : name,
               f->number, text == NULL ? "" : ", ", text == NULL ? "" : text, v->why.text,
               ours ? "an diesem Gateway" : "im Fachverfahren");
    buf_printf(&en, "%s from %s (%s) refused: %s %d (%s). It is to be mended %s.",
               operation_name(v), account_name(v), v->address, name == NULL ? "SOAP fault" : name,
               f->number, v->why.text,
               ours ? "in this gateway" : "in the line-of-business program");
    gw_refusal_say(&v->server->refusals, v->server->rt, "xta", f->number, buf_cstr(&en),
                   buf_cstr(&de));
}

static void fault_write(struct gw_xta_visit *v, struct span relates_to)
{
    enum xta_operation operation = operation_of(v);
    struct error err = {0};

    fault_fill(&v->call, &v->why);
    v->refused = true;
    if (xta_fault_write(v->version, &operation, &v->call.fault, relates_to, v->server->rt->rng,
                        &v->call.arena, &v->parcel, &err) != ST_OK)
        v->parcel = (struct xta_parcel){0};
}

/* ---- in the worker ---- */

static enum status request_read(struct gw_xta_visit *v, struct span *relates_to, struct error *err)
{
    const struct gw_xta_server *s = v->server;
    const struct gw_http_head *head = gw_http_request_head(v->req);
    struct gw_xta_call *call = &v->call;
    const struct xta_reading conf = {.version = v->version,
                                     .port = v->port,
                                     .lenient = call->account != NULL &&
                                                call->account->mode == GW_XTA_LENIENT,
                                     .schemas = s->rt->schemas,
                                     .limits = s->limits,
                                     .intake = &v->intake.base};

    TRY(xta_request_read(&conf, gw_body_source(v->body), gw_http_head_field(head, "Content-Type"),
                         gw_http_head_field(head, "SOAPAction"), &call->arena, &call->request,
                         &call->fault, relates_to, err));
    v->read_whole = true;
    return ST_OK;
}

static enum status operate(struct gw_xta_visit *v, struct error *err)
{
    struct gw_xta_call *call = &v->call;

    TRY(party_choose(call, err));
    if (call->stage != NULL || call->request.container.encrypted.len > 0)
        TRY(contents_describe(call, err));
    call->answer.version = v->version;
    call->answer.operation = call->request.operation;
    call->answer.relates_to = call->request.soap_id;
    return operations[call->request.operation](call, err);
}

/* A lenient account sent what a schema refuses: the message's history names it. */
static void deviation_note(struct gw_xta_visit *v)
{
    struct gw_xta_call *call = &v->call;
    AUTO(buf_deinit) struct buf de = {0}, en = {0};
    struct gw_move move = {.id = call->message_id, .event = GW_EV_NOTE};
    struct error err = {0};

    if (call->message_id == NULL || call->request.deviation.len == 0)
        return;
    buf_init(&de, 4096);
    buf_init(&en, 4096);
    buf_printf(&de, "Angenommen, obwohl %s vom Standard abweicht: %.*s", operation_name(v),
               SPAN_FMT(call->request.deviation));
    buf_printf(&en, "Taken although %s deviates from the standard: %.*s", operation_name(v),
               SPAN_FMT(call->request.deviation));
    move.cause = (struct gw_cause){
        .now = call->now, .actor = call->actor, .en = buf_cstr(&en), .de = buf_cstr(&de)};
    if (gw_store_commit_move(call->rt->store, &move, NULL, &err) != ST_OK)
        gw_log(call->rt->log, GW_LOG_ERROR, "store.write_failed", LOG_STR("id", call->message_id),
               LOG_ERR(&err));
}

static void account_find(struct gw_xta_visit *v)
{
    v->call.now = gw_now_ms();
    v->known = gw_xta_account_find(v->server->accounts, span_of(v->cert, v->cert_len), v->call.now,
                                   &v->call.account, &v->denied);
    (void)snprintf(v->actor, sizeof v->actor, "xta:%s", account_name(v));
    v->call.actor = v->actor;
}

static enum status too_large(struct gw_xta_visit *v, struct error *err)
{
    return gw_xta_refuse(&v->call, ST_LIMIT, XTA_PARAMETER_NOT_VALID, XTA_N_TOO_LARGE, err,
                         "a message of more than %lld MB",
                         (long long)v->server->conf->message_max_mb);
}

static enum status handle(struct gw_xta_visit *v, struct span *relates_to, struct error *err)
{
    struct error unread = {0};
    enum status read;

    if (v->known == ST_OK) /* much may have happened while the body came */
        account_find(v);
    v->intake.discard = v->known != ST_OK || v->too_large;
    read = request_read(v, relates_to, &unread);
    if (v->known != ST_OK) { /* before anything else; what could be read only says of what */
        v->call.fault = (struct xta_fault){0};
        *err = v->denied;
        return v->known;
    }
    if (v->too_large)
        return too_large(v, err);
    if (read != ST_OK) {
        *err = unread;
        return read;
    }
    return operate(v, err);
}

/* The answer, or the fault. */
static void visit_end(struct gw_xta_visit *v, enum status st, struct span relates_to)
{
    struct gw_xta_call *call = &v->call;

    if (st == ST_OK)
        st = xta_answer_write(&call->answer, call->rt->rng, &call->arena, &v->parcel, &v->why);
    if (st != ST_OK)
        fault_write(v, v->read_whole ? call->request.soap_id : relates_to);
    if (v->refused)
        refusal_keep(v);
}

static void visit_run(void *ctx)
{
    struct gw_xta_visit *v = ctx;
    struct gw_xta_call *call = &v->call;
    struct span relates_to = SPAN_NONE;
    enum status st;

    st = handle(v, &relates_to, &v->why);
    gw_body_free(v->body);
    v->body = NULL;
    gw_stage_free(call->stage);
    call->stage = NULL;
    if (st == ST_OK)
        deviation_note(v);
    if (st != ST_OK || call->resume == NULL)
        visit_end(v, st, relates_to);
}

/* What was waited for is there, or will not come. */
static void resume_run(void *ctx)
{
    struct gw_xta_visit *v = ctx;
    struct gw_xta_call *call = &v->call;
    enum status (*resume)(struct gw_xta_call * call, struct error * err) = call->resume;

    call->resume = NULL;
    visit_end(v, resume(call, &v->why), call->request.soap_id);
}

/* ---- on the loop ---- */

static void visit_log(const struct gw_xta_visit *v)
{
    const struct gw_xta_call *call = &v->call;
    enum gw_log_level level = !v->refused                       ? GW_LOG_INFO
                              : our_side(call->fault.exception) ? GW_LOG_ERROR
                                                                : GW_LOG_WARNING;

    gw_log(v->server->rt->log, level, v->refused ? "xta.refused" : "xta.answered",
           LOG_STR("peer", v->address), LOG_STR("account", account_name(v)),
           LOG_STR("party", call->party), LOG_STR("version", v->version == XTA_V3 ? "3" : "5"),
           LOG_STR("operation", operation_name(v)), LOG_STR("id", call->message_id),
           LOG_INT("bytes_in", v->len), LOG_INT("bytes", v->parcel.len),
           LOG_INT("ms", gw_monotonic_ms() - v->began), LOG_INT("code", call->fault.number),
           v->refused ? LOG_ERR(&v->why) : LOG_STR("error", NULL));
}

static void visit_free(struct gw_xta_visit *v)
{
    for (size_t i = 0; i < v->call.outlet_count; i++)
        gw_xta_outlet_deinit(&v->call.outlets[i]);
    if (v->call.has_place)
        gw_xta_waits_leave(v->server->waits, v->call.account);
    gw_stage_free(v->call.stage);
    gw_body_free(v->body);
    arena_deinit(&v->call.arena);
    free(v->cert);
    free(v);
}

static void sent_off(void *ctx, bool whole)
{
    struct gw_xta_visit *v = ctx;

    if (!whole)
        gw_log(v->server->rt->log, GW_LOG_WARNING, "xta.cut_off", LOG_STR("peer", v->address),
               LOG_STR("operation", operation_name(v)), LOG_STR("id", v->call.message_id));
    visit_free(v);
}

static void visit_done(void *ctx);

static void pause_over(void *ctx)
{
    struct gw_xta_visit *v = ctx;

    gw_worker_run(v->server->rt->loop, resume_run, visit_done, v);
}

static void visit_done(void *ctx)
{
    struct gw_xta_visit *v = ctx;
    struct gw_http_reply reply = {.status = v->parcel.http_status,
                                  .content_type = v->parcel.content_type,
                                  .close = v->too_large};

    if (v->call.sent && v->server->sent != NULL)
        v->server->sent(v->server->sent_ctx);
    v->call.sent = false;
    if (v->call.resume != NULL && !v->refused) {
        gw_xta_wait(v->server->waits, &v->call.pause, pause_over, v);
        return;
    }
    visit_log(v);
    if (v->parcel.count == 0) {
        gw_http_answer_text(v->req, 500, NULL);
        visit_free(v);
        return;
    }
    reply.pull = gw_xta_parcel_pull(&v->sending, &v->parcel, sent_off, v);
    gw_http_answer(v->req, &reply);
}

void gw_xta_visit_left(struct gw_xta_visit *v)
{
    if (v != NULL && !v->going)
        visit_free(v);
}

void gw_xta_visit_go(struct gw_xta_visit *v)
{
    v->going = true;
    gw_worker_run(v->server->rt->loop, visit_run, visit_done, v);
}

/* What is over the bound is looked at no more. */
static enum status body_write(struct sink *self, struct span bytes, struct error *err)
{
    struct gw_xta_visit *v =
        (struct gw_xta_visit *)((char *)self - offsetof(struct gw_xta_visit, sink));

    v->len += bytes.len;
    v->too_large |= v->len > v->body_max;
    if (v->len > v->body_max + v->swallow_max)
        return error_set(err, ST_LIMIT, 413, "a body without end");
    return v->too_large ? ST_OK : gw_body_write(v->body, bytes, err);
}

/* Who asks first is told at once, and so is who would send more than we care to throw away. */
static bool announced_too_large(const struct gw_xta_visit *v)
{
    const struct gw_http_head *head = gw_http_request_head(v->req);
    uint64_t max = v->body_max + (head->expect_continue ? 0 : v->swallow_max);

    return head->body_len != GW_HTTP_CHUNKED && head->body_len > max;
}

static void refuse_at_once(struct gw_xta_visit *v)
{
    v->going = true;
    v->too_large = true;
    if (v->known == ST_OK)
        (void)!too_large(v, &v->why);
    else
        v->why = v->denied;
    fault_write(v, SPAN_NONE);
    visit_done(v);
}

void gw_xta_visit_begin(struct gw_xta_server *server, enum xta_version version, enum xta_port port,
                        struct gw_http_request *req)
{
    const struct gw_http_peer *peer = gw_http_request_peer(req);
    const struct gw_runtime *rt = server->rt;
    struct gw_xta_visit *v = gw_alloc(sizeof *v);
    size_t memory = STRANGER_BYTES;
    struct error err = {0};

    v->server = server;
    v->req = req;
    v->version = version;
    v->port = port;
    v->began = gw_monotonic_ms();
    (void)snprintf(v->address, sizeof v->address, "%s", peer->address);
    if (peer->cert.len > 0 && peer->cert.len <= DER_MAX) {
        v->cert = gw_alloc(peer->cert.len);
        v->cert_len = peer->cert.len;
        memcpy(v->cert, peer->cert.ptr, peer->cert.len);
    }
    v->sink.write = body_write;
    v->intake = (struct intake){.base = {.open = intake_open, .close = intake_close},
                                .call = &v->call,
                                .nowhere = {.write = nowhere_write}};
    v->call = (struct gw_xta_call){.server = server,
                                   .rt = rt,
                                   .conf = server->conf,
                                   .waits = server->waits,
                                   .version = version};
    arena_init(&v->call.arena, ARENA_MAX);
    account_find(v);
    v->body_max = v->known == ST_OK ? server->body_max : STRANGER_BYTES;
    v->swallow_max = v->known == ST_OK ? SWALLOW_BYTES : STRANGER_SWALLOW_BYTES;
    gw_http_request_set_user(req, v);
    if (announced_too_large(v)) {
        refuse_at_once(v);
        return;
    }
    gw_http_request_body_max(req, v->body_max + v->swallow_max);
    gw_http_request_sink(req, &v->sink);
    if (v->known == ST_OK)
        memory = (size_t)rt->conf->limits.memory_kb * 1024;
    if (gw_body_new(rt->temp_dir, memory, v->body_max, &v->body, &err) != ST_OK)
        v->too_large = true;
}

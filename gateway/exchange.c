#include "gateway/exchange.h"

#include <assert.h>

#include "gateway/http_wait.h"
#include "gateway/log.h"
#include "gateway/reason.h"
#include "gateway/recheck.h"
#include "osci/features.h"

enum { ANSWER_MEMORY = 1024 * 1024, SMALL_REQUEST = 256 * 1024 };

void gw_answer_deinit(struct gw_answer *a)
{
    osci_reading_free(a->reading);
    gw_body_free(a->plain);
    gw_body_free(a->wire);
    *a = (struct gw_answer){0};
}

struct source *gw_answer_source(const struct gw_answer *a)
{
    return gw_body_source(a->plain != NULL ? a->plain : a->wire);
}

/* ---- the call ---- */

static enum status writer_next(void *ctx, struct buf *out, bool *end, struct error *err)
{
    return osci_writer_next(ctx, out, end, err);
}

static enum status writer_reset(void *ctx, struct error *err)
{
    return osci_writer_rewind(ctx, err);
}

static enum status call(struct gw_conversation *c, struct osci_writer *writer,
                        struct gw_body **body, struct error *err)
{
    const struct gw_intermediary_conf *conf = c->peer->conf;
    static const struct gw_http_field fields[] = {{SPAN("Content-Type"), SPAN("text/xml")},
                                                  {SPAN("charset"), SPAN("utf-8")}};
    AUTO(gw_http_waited_deinit) struct gw_http_waited waited = {0};
    struct gw_http_call out = {
        .url = conf->url,
        .fields = fields,
        .field_count = ARRAY_LEN(fields),
        .body = {.next = writer_next,
                 .reset = writer_reset,
                 .ctx = writer,
                 .len = osci_writer_len(writer)},
        .tls = gw_tls_client_at(&c->peer->tls, &c->peer->next_tls, gw_now_ms()),
        .answer_max = (uint64_t)c->rt->conf->limits.message_max_mb << 20,
        .answer_memory_max = ANSWER_MEMORY,
        .stall_ms = conf->timeout_seconds * 1000,
    };
    enum status st = gw_http_wait(c->rt, &out, &waited, err);

    c->maybe_received = waited.maybe_received;
    TRY(st);
    /* faults come with 200, from some servers with 500: digest 10 */
    if (waited.status != 200 && waited.status != 500)
        return error_set(err, ST_RETRY, gw_reason_http(waited.status),
                         "%s answered with HTTP status %d", conf->url, waited.status);
    *body = TAKE(waited.body);
    return ST_OK;
}

/* ---- the order ---- */

void gw_conversation_init(struct gw_conversation *c, const struct gw_runtime *rt,
                          const struct gw_peer *peer)
{
    *c = (struct gw_conversation){.rt = rt, .peer = peer};
    osci_dialog_init(&c->dialog, rt->rng);
    if (peer->tenant != NULL)
        gw_conversation_as_of(c, gw_now_ms());
}

static const struct cert *reads_at(const struct gw_peer *peer, int64_t now)
{
    return peer->as != NULL ? peer->as : identity_cipher(peer->tenant->identity, now)->cert;
}

void gw_conversation_as_of(struct gw_conversation *c, int64_t now)
{
    c->signs = identity_signature(c->peer->tenant->identity, now);
    c->reads = reads_at(c->peer, now);
}

bool gw_conversation_is_of(const struct gw_conversation *c, int64_t now)
{
    return c->signs == identity_signature(c->peer->tenant->identity, now) &&
           c->reads == reads_at(c->peer, now);
}

void gw_order_complete(const struct gw_conversation *c, struct osci_message *msg, bool with_cipher)
{
    msg->languages = SPAN("de en");
    osci_features_ours(&msg->features, true);
    if (with_cipher)
        msg->certs[msg->cert_count++] = (struct osci_cert){
            .role = OSCI_CIPHER_ORIGINATOR, .cert = (struct cert *)(uintptr_t)c->reads};
    msg->certs[msg->cert_count++] =
        (struct osci_cert){.role = OSCI_SIGNATURE_ORIGINATOR, .cert = c->signs->cert};
}

/* wire-notes 1.7: within a dialog the intermediary knows our cipher certificate already, and only
 * the orders with a delivery or for a MessageId may carry it. */
static bool carries_cipher(const struct gw_conversation *c, enum osci_type type)
{
    return !c->explicit_dialog || type == OSCI_INIT_DIALOG || type == OSCI_STORE_DELIVERY ||
           type == OSCI_FORWARD_DELIVERY || type == OSCI_MEDIATE_DELIVERY ||
           type == OSCI_PARTIAL_STORE_DELIVERY || type == OSCI_GET_MESSAGE_ID;
}

static enum status order_write(struct gw_conversation *c, struct osci_message *msg,
                               struct osci_writer **writer, struct error *err)
{
    const int64_t now = gw_now_ms();
    struct osci_write in = {.msg = msg,
                            .sign_key = c->signs->key,
                            .encrypt_for = gw_peer_cipher(c->peer, now),
                            .form = c->features.form,
                            .policy = &c->rt->policy,
                            .now = now,
                            .rng = c->rt->rng};

    msg->control = c->dialog.sent;
    gw_order_complete(c, msg, carries_cipher(c, msg->type));
    return osci_message_write(&in, writer, err);
}

/* ---- the answer ---- */

static enum status fault_error(const struct osci_message *msg, struct error *err)
{
    uint64_t code = 0;

    /* unauthenticated: a hint for the operator, never a proof (digest 12.8) */
    (void)span_to_u64(msg->fault_code, &code);
    return error_set(err, ST_RETRY, code > 0 && code <= 9999 ? (int)code : GW_R_NET_ANSWER,
                     "the intermediary answered with fault %.*s: %.*s", SPAN_FMT(msg->fault_code),
                     (int)(msg->fault_text.len > 200 ? 200 : msg->fault_text.len),
                     (const char *)msg->fault_text.ptr);
}

/* The one of the peer's certificates that the message names, or any: then it is not signed by it.
 * NULL: none is agreed. */
static const struct cert *pinned_of(const struct gw_peer *peer, const struct osci_reading *reading)
{
    const struct osci_cert *shown = osci_cert_of(&reading->msg, OSCI_SIGNATURE_INTERMEDIARY);

    for (size_t i = 0; shown != NULL && i < peer->signature_count; i++)
        if (cert_eq(peer->signatures[i], shown->cert))
            return peer->signatures[i];
    return peer->signature_count == 0 ? NULL : peer->signatures[peer->signature_count - 1];
}

enum status gw_signer_check(const struct gw_conversation *c, const struct osci_reading *reading,
                            struct error *err)
{
    const struct cert *signer = NULL;
    struct cert_verdict verdict;

    const struct cert *pinned = pinned_of(c->peer, reading);

    TRY(osci_message_verify(reading, pinned, &signer, err));
    if (pinned != NULL)
        return ST_OK;
    TRY(cert_checker_check(gw_trust_checker(c->peer->trust), signer, CERT_FOR_OSCI_SIGNATURE,
                           gw_now_ms(), &verdict, err));
    if (verdict.must_wait)
        return error_set(err, ST_RETRY, gw_recheck_reason(&verdict), "%s", verdict.reason);
    if (!cert_verdict_good(&verdict))
        return error_set(err, ST_DENIED, GW_R_CERT_UNTRUSTED, "%s", verdict.reason);
    return ST_OK;
}

/* 8.3: a delivery that needs no chunks comes as if it had been asked for whole. */
static bool type_answers(enum osci_type order, enum osci_type answer)
{
    return answer == osci_answer_type(order) ||
           (order == OSCI_PARTIAL_FETCH_DELIVERY && answer == OSCI_RSP_FETCH_DELIVERY);
}

static enum status answer_read(struct gw_conversation *c, enum osci_type order,
                               struct gw_answer *answer, struct error *err)
{
    const struct gw_runtime *rt = c->rt;
    const struct gw_tenant *tenant = c->peer->tenant;
    struct osci_limits limits = {.message_bytes = (uint64_t)rt->conf->limits.message_max_mb << 20};
    struct osci_transport transport;
    int64_t now = gw_now_ms();

    TRY(gw_body_new(rt->temp_dir, ANSWER_MEMORY, limits.message_bytes, &answer->plain, err));
    TRY(osci_transport_open(gw_body_source(answer->wire), tenant->own, tenant->own_count,
                            &rt->policy, now, &limits, gw_body_sink(answer->plain), &transport,
                            err));
    if (!transport.encrypted) {
        gw_body_free(answer->plain);
        answer->plain = NULL;
    }
    TRY(osci_message_read(gw_answer_source(answer), &rt->policy, now, rt->cache, &limits,
                          &answer->reading, err));
    if (answer->reading->msg.type == OSCI_FAULT)
        return fault_error(&answer->reading->msg, err);
    if (!transport.encrypted)
        return error_set(err, ST_DENIED, GW_R_NET_ANSWER,
                         "the intermediary answered an encrypted order in the clear");
    if (!type_answers(order, answer->reading->msg.type))
        return error_set(err, ST_INVALID, GW_R_NET_ANSWER, "the intermediary answered %s with %s",
                         osci_type_name(order), osci_type_name(answer->reading->msg.type));
    return gw_signer_check(c, answer->reading, err);
}

/* Whatever is wrong with an answer says nothing about our order: anybody may have sent it. So its
 * codes must not be taken for the intermediary's. */
static enum status answer_doubt(enum status st, struct error *err)
{
    if (st == ST_DENIED || st == ST_INVALID) {
        st = err->status = ST_INVALID;
        err->reason = GW_R_NET_ANSWER;
    }
    return st;
}

/* May the same order succeed later without anybody changing anything? */
static bool may_pass(int code)
{
    return code == 9603 || code == 9710 || code == 9808 || code == 9811;
}

static enum status feedback_error(const struct osci_message *msg, struct error *err)
{
    struct span last = osci_feedback_last(msg), text = SPAN_NONE;
    uint64_t code = 0;

    if (osci_executed(msg))
        return ST_OK;
    for (size_t i = 0; i < msg->feedback_count; i++)
        if (span_eq(msg->feedback[i].code, last))
            text = msg->feedback[i].text;
    (void)span_to_u64(last, &code);
    return error_set(err,
                     code == 9803 || code == 9804 ? ST_NOT_FOUND
                     : may_pass((int)code)        ? ST_RETRY
                                                  : ST_DENIED,
                     (int)code, "the intermediary refused the order with %.*s: %.*s",
                     SPAN_FMT(last), (int)(text.len > 200 ? 200 : text.len),
                     (const char *)text.ptr);
}

static void features_learn(struct gw_conversation *c, const struct osci_features *said)
{
    if (!said->present)
        return;
    c->features =
        (struct gw_features){.min_chunk_kb = said->min_chunk_kb,
                             .max_chunk_kb = said->max_chunk_kb,
                             .max_message_kb = said->max_message_kb,
                             .chunks = osci_features_have(said, "PartialMessageTransmission"),
                             .form = osci_features_form(said)};
}

/* The dialog is dead; that step cannot fail. */
static void lost(struct gw_conversation *c)
{
    enum osci_dialog_action action;
    struct error err;
    enum status st = osci_dialog_step(&c->dialog, OSCI_LOST, NULL, &action, &err);

    assert(st == ST_OK);
    (void)st;
}

/* 9400: it finds none to which the order belongs. 9500: it lacks our cipher certificate, which the
 * orders within a dialog do not carry. */
static bool dialog_unknown(enum osci_dialog_event event, enum status st, const struct error *err)
{
    return event == OSCI_ORDER && st != ST_OK && (err->reason == 9400 || err->reason == 9500);
}

static enum status exchange(struct gw_conversation *c, enum osci_dialog_event event,
                            struct osci_message *msg, struct gw_answer *answer, struct error *err)
{
    AUTO(osci_writer_drop) struct osci_writer *writer = NULL;
    enum osci_dialog_action action;
    enum status st;

    c->maybe_received = false;
    if (event == OSCI_ONE)
        osci_dialog_init(&c->dialog, c->rt->rng);
    TRY(osci_dialog_step(&c->dialog, event, NULL, &action, err));
    st = order_write(c, msg, &writer, err);
    if (st == ST_OK)
        st = call(c, writer, &answer->wire, err);
    if (st == ST_OK)
        st = answer_doubt(answer_read(c, msg->type, answer, err), err);
    if (st != ST_OK) {
        lost(c);
        return st;
    }
    st = osci_dialog_step(&c->dialog, OSCI_ANSWER, &answer->reading->msg.control, &action, err);
    if (st != ST_OK)
        return answer_doubt(st, err);
    answer->proven = true;
    features_learn(c, &answer->reading->msg.features);
    return feedback_error(&answer->reading->msg, err);
}

enum status gw_exchange(struct gw_conversation *c, struct osci_message *msg,
                        struct gw_answer *answer, struct error *err)
{
    enum osci_dialog_event event = msg->type == OSCI_INIT_DIALOG   ? OSCI_OPEN
                                   : msg->type == OSCI_EXIT_DIALOG ? OSCI_CLOSE
                                   : c->explicit_dialog            ? OSCI_ORDER
                                                                   : OSCI_ONE;
    enum status st = exchange(c, event, msg, answer, err);

    c->forgotten = dialog_unknown(event, st, err);
    if (c->forgotten)
        gw_conversation_abandon(c);
    return st;
}

enum status gw_conversation_open(struct gw_conversation *c, struct error *err)
{
    struct osci_cert certs[2];
    struct osci_message msg = {.type = OSCI_INIT_DIALOG, .certs = certs};
    AUTO(gw_answer_deinit) struct gw_answer answer = {0};

    c->explicit_dialog = true;
    return gw_exchange(c, &msg, &answer, err);
}

enum status gw_conversation_again(struct gw_conversation *c, struct error *err)
{
    if (c->dialog.state == OSCI_READY)
        return ST_OK;
    gw_conversation_init(c, c->rt, c->peer);
    return gw_conversation_open(c, err);
}

void gw_conversation_close(struct gw_conversation *c)
{
    struct osci_cert certs[2];
    struct osci_message msg = {.type = OSCI_EXIT_DIALOG, .certs = certs};
    AUTO(gw_answer_deinit) struct gw_answer answer = {0};
    struct error err = {0};

    if (c->dialog.state != OSCI_READY)
        return;
    if (gw_exchange(c, &msg, &answer, &err) != ST_OK)
        gw_log(c->rt->log, GW_LOG_DEBUG, "dialog.exit_failed", LOG_STR("peer", c->peer->conf->name),
               LOG_ERR(&err));
}

void gw_conversation_abandon(struct gw_conversation *c)
{
    if (c->dialog.state == OSCI_READY)
        lost(c);
}

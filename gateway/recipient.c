#include "gateway/recipient.h"

#include <stdio.h>

#include "gateway/inbound.h"
#include "gateway/log.h"
#include "gateway/osci_door.h"
#include "gateway/refusal.h"
#include "gateway/worker.h"
#include "gateway/xta_inbound.h"

enum { ARENA_MAX = 64 * 1024 };

struct gw_recipient {
    const struct gw_runtime *rt;
    const struct gw_tenant *tenant; /* for whom it takes deliveries */
    struct osci_sender *senders;    /* the intermediaries of this tenant, and ... */
    const struct gw_peer **peers;   /* ... who they are */
    size_t sender_count;
    struct osci_recipient recipient;
    struct osci_limits limits;
    struct gw_osci_doors *doors;
    struct gw_refusals refusals;
    struct gw_requests *requests; /* borrowed; NULL: nobody here answers requests */
};

/* One message on its way through a worker. */
struct visit {
    struct gw_recipient *server;
    struct gw_osci_post post;
    struct osci_visit *v; /* NULL: there was no memory even for that */
    bool fresh;
    bool kept; /* durable, whatever we are able to say about it */
    /* a request that waits for its answer: */
    bool waits;
    char request_id[GW_ID_SIZE];
    const struct gw_endpoint_conf *endpoint;
    int64_t due_at;
    struct gw_reply reply;
};

static void visit_free(struct visit *x)
{
    gw_osci_post_deinit(&x->post);
    osci_visit_free(x->v); /* after the post, whose writer reads from it */
    gw_reply_deinit(&x->reply);
    free(x);
}

/* ---- in the worker ---- */

static enum status inbox(struct visit *x, const struct gw_inbound_as *as, struct error *err)
{
    const struct gw_recipient *s = x->server;
    const struct gw_answer answer = {.wire = x->post.wire,
                                     .plain =
                                         x->post.request.transport.encrypted ? x->post.plain : NULL,
                                     .reading = x->post.reading};

    return gw_inbound_take(s->rt, s->peers[x->v->sender], &answer, as, &x->fresh, err);
}

/* Is there anybody who would answer, and a certificate to answer for? Digest 11.2: nothing is
 * encrypted for one that is not believed. */
static enum status answerable(struct visit *x, struct error *err)
{
    const struct gw_runtime *rt = x->server->rt;
    const struct osci_message *msg = &x->post.reading->msg;
    struct span subject = msg->card_count > 0 ? msg->cards[0].subject : SPAN_NONE;
    const char *tenant = x->server->tenant->conf->name;
    const struct gw_trust_scope *trust;
    struct cert_verdict verdict;

    x->endpoint = gw_xta_arrival_endpoint(rt->conf, tenant, &x->post.reading->msg);
    if (x->endpoint == NULL)
        x->endpoint = gw_inbound_endpoint(rt->conf, tenant, subject);
    if (x->endpoint == NULL || x->endpoint->answers == NULL)
        return error_set(err, ST_DENIED, 9811, "no endpoint answers requests about %.*s",
                         (int)(subject.len > 100 ? 100 : subject.len), (const char *)subject.ptr);
    if (x->v->asker == NULL)
        return error_set(err, ST_DENIED, 9811, "a request without the asker's cipher certificate");
    trust = gw_runtime_trust_of(rt, x->server->peers[x->v->sender], x->v->asker);
    TRY(cert_checker_check(gw_trust_checker(trust), x->v->asker, CERT_FOR_OSCI_CIPHER, gw_now_ms(),
                           &verdict, err));
    if (verdict.must_wait)
        return error_set(err, ST_RETRY, 9811, "the asker's cipher certificate: %s", verdict.reason);
    if (!cert_verdict_good(&verdict))
        return error_set(err, ST_DENIED, 9811, "the asker's cipher certificate: %s",
                         verdict.reason);
    return ST_OK;
}

/* Is its answer still to come? What was an ordinary delivery before never had one. */
static enum status awaited(struct visit *x, struct arena *arena, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_request_row row;
    enum status st;

    TRY(gw_store_read(x->server->rt->store, &tx, err));
    st = gw_store_request(tx, arena, x->request_id, &row, err);
    if (st == ST_NOT_FOUND)
        return ST_OK;
    TRY(st);
    x->waits = row.state == GW_ANSWER_AWAITED;
    x->due_at = row.due_at;
    return ST_OK;
}

static enum status request_take(struct visit *x, struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {.max = ARENA_MAX};
    struct gw_request_row row = {0};
    struct gw_inbound_as as = {.request = &row, .id = x->request_id};

    TRY(answerable(x, err));
    row.command = x->endpoint->answers->command_count > 0;
    row.asker = cert_der(x->v->asker);
    row.due_at = gw_now_ms() + x->endpoint->answers->deadline_seconds * 1000;
    if (x->v->reply_id.ptr != NULL)
        TRY(gw_osci_id_text(x->v->reply_id, &arena, &row.reply_osci_id, err));
    as.endpoint = x->endpoint->name;
    TRY(inbox(x, &as, err));
    return awaited(x, &arena, err);
}

/* Durable, or a feedback that lets the intermediary's client try again. A request is answered
 * later. */
static void take(struct visit *x)
{
    bool request = x->v->answer.type == OSCI_RSP_PROCESS_DELIVERY;
    struct error err = {0};
    enum status st = request ? request_take(x, &err) : inbox(x, NULL, &err);

    x->kept = st == ST_OK;
    x->waits &= st == ST_OK;
    if (!request || st != ST_OK)
        osci_recipient_answer(&x->server->recipient, x->v, st == ST_OK ? 0 : 9811, &err, NULL);
}

/* The one of our signature certificates that signed it: the answer names it, whatever we sign with
 * by now. */
static const struct cert *sealed_by(const struct identity *id, const char *parties)
{
    const struct identity_next *next = id->next[IDENTITY_SIGNS];

    for (size_t i = 0; parties != NULL && i <= id->next_count[IDENTITY_SIGNS]; i++) {
        const struct cert *cert = i == 0 ? id->signature.cert : next[i - 1].pair.cert;
        const char *fingerprint = cert_fingerprint(cert);

        if (strncmp(parties, fingerprint, strlen(fingerprint)) == 0)
            return cert;
    }
    return NULL;
}

/* With the reply that is there now, or without content: the request has arrived in any case, and
 * whoever asks again must not make it be worked on twice (9806 for the originator). */
static void reply_answer(struct visit *x)
{
    const struct gw_recipient *s = x->server;
    struct error err = {0};
    bool given = gw_reply_load(s->rt, x->request_id, &x->reply, &err) == ST_OK &&
                 x->reply.state == GW_ANSWER_GIVEN;

    if (given && gw_reply_goes_as(s->rt, &x->reply, x->v->reply_id, &err) != ST_OK)
        given = false; /* an answer whose MessageId is not durable must not go out */
    if (err.status != ST_OK && err.status != ST_NOT_FOUND)
        gw_log(s->rt->log, GW_LOG_ERROR, "request.reply_unreadable", LOG_STR("id", x->request_id),
               LOG_ERR(&err));
    x->reply.osci.sealed_by = sealed_by(s->tenant->identity, x->reply.parties);
    osci_recipient_answer(&s->recipient, x->v, 0, NULL, given ? &x->reply.osci : NULL);
}

static void answer_write(struct visit *x)
{
    struct osci_visit *v = x->v;
    struct osci_writer *writer;
    struct error err = {0};
    enum status st = ST_OK;

    if (v->fault == 0) {
        st = osci_visit_write(&x->server->recipient, v, gw_now_ms(), &writer, &err);
        if (st == ST_OK)
            st = gw_osci_post_write(&x->post, writer, &err);
        if (st != ST_OK && x->kept) {
            /* an error would tell the intermediary that we do not have it, and its client would
             * send another; without an answer it asks again, under the same MessageId */
            gw_osci_post_nothing(&x->post);
            v->code = 9000;
            v->why = err;
            return;
        }
        if (st != ST_OK && v->fault == 0) {
            v->fault = v->code = 9000;
            v->why = err;
        }
    }
    if (v->fault != 0)
        gw_osci_post_fault(&x->post, v->fault);
}

static void visit_end(struct visit *x)
{
    struct gw_recipient *s = x->server;

    if (x->v->take)
        reply_answer(x);
    answer_write(x);
    gw_osci_post_release(&x->post);
    if (x->v->code >= 9000)
        gw_refusal_keep(&s->refusals, s->rt, "recipient", x->v->type, x->post.address, x->v->code,
                        &x->v->why);
}

static void visit_run(void *ctx)
{
    struct visit *x = ctx;
    struct gw_recipient *s = x->server;
    struct error err = {0};

    gw_osci_post_read(&x->post, s->tenant->own, s->tenant->own_count, &s->limits);
    if (osci_recipient_check(&s->recipient, &x->post.request, gw_now_ms(), &x->v, &err) != ST_OK) {
        gw_osci_post_fault(&x->post, 9000);
        return;
    }
    if (x->v->take)
        take(x);
    if (x->waits)
        gw_osci_post_release(&x->post); /* it may take a while */
    else
        visit_end(x);
}

/* The answer is there, or will not come. */
static void settled_run(void *ctx)
{
    visit_end(ctx);
}

/* ---- on the loop ---- */

static void visit_log(const struct visit *x)
{
    const struct osci_visit *v = x->v;
    bool refused = v == NULL || v->code >= 9000;
    enum gw_log_level level = GW_LOG_INFO;
    char code[8];

    if (v == NULL) {
        gw_log(x->server->rt->log, GW_LOG_ERROR, "osci.refused", LOG_STR("peer", x->post.address),
               LOG_STR("error", "out of memory"));
        return;
    }
    (void)snprintf(code, sizeof code, "%04d", v->code % 10000);
    if (refused)
        level = v->code == 9000 || v->code == 9811 ? GW_LOG_ERROR : GW_LOG_WARNING;
    gw_log(x->server->rt->log, level, refused ? "osci.refused" : "osci.answered",
           LOG_STR("peer", x->post.address), LOG_STR("order", v->type), LOG_STR("code", code),
           v->message_id.len > 0 ? LOG_SPAN("message_id", v->message_id)
                                 : LOG_STR("message_id", NULL),
           LOG_BOOL("new", x->fresh), LOG_BOOL("encrypted", x->post.request.transport.encrypted),
           LOG_INT("bytes", x->post.len), LOG_INT("ms", gw_monotonic_ms() - x->post.began),
           refused ? LOG_ERR(&v->why) : LOG_STR("error", NULL));
}

static void visit_over(void *ctx, bool whole)
{
    (void)whole;
    visit_free(ctx);
}

static void visit_done(void *ctx);

static void settled(void *ctx)
{
    struct visit *x = ctx;

    x->waits = false;
    gw_worker_run(x->server->rt->loop, settled_run, visit_done, x);
}

static void visit_done(void *ctx)
{
    struct visit *x = ctx;

    if (x->waits) {
        gw_requests_await(x->server->requests, x->request_id, x->endpoint, x->due_at, x->fresh,
                          settled, x);
        return;
    }
    visit_log(x);
    gw_osci_post_answer(&x->post, visit_over, x);
}

static void message(void *ctx, struct gw_http_request *req)
{
    struct gw_recipient *s = ctx;
    struct visit *x = gw_alloc(sizeof *x);

    x->server = s;
    gw_osci_post_init(&x->post, s->rt, req);
    gw_worker_run(s->rt->loop, visit_run, visit_done, x);
}

/* ---- up and down ---- */

static void sender_add(struct gw_recipient *s, const struct gw_peer *peer,
                       const struct cert *cipher, size_t signature)
{
    s->peers[s->sender_count] = peer;
    s->senders[s->sender_count++] = (struct osci_sender){
        cipher, peer->signature_count == 0 ? NULL : peer->signatures[signature]};
}

/* Known by each of its certificates. */
static void senders_add(struct gw_recipient *s, const struct gw_peer *peer)
{
    for (size_t i = 0; i == 0 || i < peer->signature_count; i++) {
        sender_add(s, peer, peer->cipher, i);
        for (size_t k = 0; k < peer->next_cipher_count; k++)
            sender_add(s, peer, peer->next_ciphers[k].cert, i);
    }
}

static size_t senders_max(const struct gw_runtime *rt)
{
    size_t max = 1;

    for (size_t i = 0; i < rt->peer_count; i++)
        max += (1 + rt->peers[i].signature_count) * (1 + rt->peers[i].next_cipher_count);
    return max;
}

static void recipient_fill(struct gw_recipient *s)
{
    const struct gw_runtime *rt = s->rt;
    const struct gw_osci_recipient_conf *conf = rt->conf->osci_recipient;

    for (size_t i = 0; i < rt->peer_count; i++) {
        if (rt->peers[i].tenant == s->tenant)
            senders_add(s, &rt->peers[i]);
    }
    s->limits.message_bytes = (uint64_t)rt->conf->limits.message_max_mb << 20;
    s->recipient = (struct osci_recipient){.identity = s->tenant->identity,
                                           .checker = gw_trust_checker(s->tenant->trust),
                                           .policy = &rt->policy,
                                           .rng = rt->rng,
                                           .senders = s->senders,
                                           .sender_count = s->sender_count,
                                           .require_signature = conf->require_signature,
                                           .processes = s->requests != NULL,
                                           .allow_plain = conf->allow_plain};
}

enum status gw_recipient_new(const struct gw_runtime *rt, struct gw_requests *requests,
                             struct gw_recipient **recipient, struct error *err)
{
    AUTO(gw_recipient_drop) struct gw_recipient *s = gw_alloc(sizeof *s);
    struct gw_osci_doors_conf doors = {.listeners = rt->conf->osci_recipient->listeners,
                                       .count = rt->conf->osci_recipient->listeners_count,
                                       .event = "recipient.listening",
                                       .message = message,
                                       .ctx = s};

    s->rt = rt;
    s->requests = requests;
    s->tenant = gw_runtime_tenant(rt, rt->conf->osci_recipient->tenant);
    s->senders = gw_alloc(senders_max(rt) * sizeof *s->senders);
    s->peers = gw_alloc(senders_max(rt) * sizeof *s->peers);
    gw_refusals_init(&s->refusals);
    recipient_fill(s);
    doors.message_bytes = s->limits.message_bytes;
    TRY(gw_osci_doors_new(rt, &doors, &s->doors, err));
    *recipient = TAKE(s);
    return ST_OK;
}

void gw_recipient_close(struct gw_recipient *s, int64_t grace_ms)
{
    gw_osci_doors_close(s->doors, grace_ms);
}

void gw_recipient_free(struct gw_recipient *s)
{
    if (s == NULL)
        return;
    gw_osci_doors_free(s->doors);
    gw_refusals_deinit(&s->refusals);
    free(s->senders);
    free(s->peers);
    free(s);
}

uint16_t gw_recipient_port(const struct gw_recipient *s, size_t i)
{
    return gw_osci_doors_port(s->doors, i);
}

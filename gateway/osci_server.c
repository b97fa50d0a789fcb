#include "gateway/osci_server.h"

#include <stdio.h>

#include "gateway/assembly.h"
#include "gateway/log.h"
#include "gateway/mailbox.h"
#include "gateway/osci_door.h"
#include "gateway/receiver.h"
#include "gateway/refusal.h"
#include "gateway/transfers.h"
#include "gateway/worker.h"

enum { OWN_MAX = IDENTITY_OLDER_MAX + 1 };
enum { RETAIN_MS = 3600 * 1000, RETAIN_FIRST_MS = 60 * 1000, DAY_MS = 24 * 3600 * 1000 };

struct gw_osci_server {
    const struct gw_runtime *rt;
    const struct gw_osci_server_conf *conf;
    void (*delivered)(void *ctx, const uint8_t mailbox[GW_SHA256_BYTES]);
    void *delivered_ctx;
    struct identity *identity;
    struct osci_own_cipher own[OWN_MAX];
    size_t own_count;
    struct osci_sessions *sessions;
    struct gw_mailbox mailbox;
    struct gw_transfers transfers;
    struct gw_assemblies *assemblies;
    uint8_t (*known)[GW_SHA256_BYTES];
    struct osci_intermediary intermediary;
    struct osci_limits limits;
    struct gw_osci_doors *doors;
    struct gw_receivers *receivers;
    struct gw_timer *retain_timer;
    bool retaining;
    struct gw_retention_done retained; /* the job's while retaining */
    struct gw_transfer_retention transfers_retained;
    struct gw_refusals refusals;
};

/* One message on its way through a worker. */
struct exchange {
    struct gw_osci_server *server;
    struct gw_osci_post post;
    struct osci_decision *decision; /* NULL: there was no memory even for that */
    struct gw_forward forward;      /* where the decision waits for a recipient */
    bool ended;                     /* where it waited for an inner message: that has ended */
};

static void exchange_free(struct exchange *x)
{
    gw_osci_post_deinit(&x->post);
    osci_decision_free(x->decision); /* after the post, whose writer reads from its files */
    gw_forward_deinit(&x->forward);  /* and a reply's */
    free(x);
}

/* ---- in the worker ---- */

static void answer_write(struct exchange *x)
{
    struct osci_decision *d = x->decision;
    struct osci_writer *writer;
    struct error err = {0};
    enum status st = ST_OK;

    if (d->fault == 0) {
        st = osci_decision_write(&x->server->intermediary, d, gw_now_ms(), &writer, &err);
        if (st == ST_OK)
            st = gw_osci_post_write(&x->post, writer, &err);
        if (st != ST_OK && d->fault == 0) {
            d->fault = d->code = 9000;
            d->why = err;
        }
    }
    if (d->fault != 0)
        gw_osci_post_fault(&x->post, d->fault);
}

static bool refused(const struct osci_decision *d)
{
    return d->code >= 9000 && d->code != 9803 && d->code != 9804; /* an empty mailbox is normal */
}

static void exchange_end(struct exchange *x)
{
    answer_write(x);
    gw_osci_post_release(&x->post);
    if (refused(x->decision))
        gw_refusal_keep(&x->server->refusals, x->server->rt, "osci_server", x->decision->type,
                        x->post.address, x->decision->code, &x->decision->why);
}

/* The message for the recipient; when it cannot be written that is the outcome. */
static void forward_begin(struct exchange *x)
{
    struct gw_osci_server *s = x->server;
    struct osci_forward_result *result = &x->forward.result;

    if (osci_forward_write(&s->intermediary, x->decision, gw_now_ms(), &x->forward.writer,
                           &result->why) == ST_OK)
        return;
    result->how = OSCI_FORWARD_NOT_SENT;
    osci_intermediary_resume(&s->intermediary, x->decision, result, gw_now_ms());
}

static void exchange_run(void *ctx)
{
    struct exchange *x = ctx;
    const struct gw_osci_server *s = x->server;
    struct error err = {0};

    gw_osci_post_read(&x->post, s->own, s->own_count, &s->limits);
    if (osci_intermediary_handle(&s->intermediary, &x->post.request, gw_now_ms(), &x->decision,
                                 &err) != ST_OK) {
        gw_osci_post_fault(&x->post, 9000);
        return;
    }
    if (x->decision->forward)
        forward_begin(x);
    if (!x->decision->forward && !x->decision->process)
        exchange_end(x);
}

/* The inner message is carried out, or the time for it is over. */
static void process_run(void *ctx)
{
    struct exchange *x = ctx;

    osci_transfer_resume(&x->server->intermediary, x->decision, x->ended, gw_now_ms());
    exchange_end(x);
}

/* The recipient has answered, or will not. */
static void forward_run(void *ctx)
{
    struct exchange *x = ctx;
    struct gw_osci_server *s = x->server;

    gw_forward_read(&x->forward, s->own, s->own_count, &s->limits);
    osci_intermediary_resume(&s->intermediary, x->decision, &x->forward.result, gw_now_ms());
    exchange_end(x);
}

/* ---- on the loop ---- */

static void exchange_log(const struct exchange *x)
{
    const struct osci_decision *d = x->decision;
    enum gw_log_level level = GW_LOG_INFO;
    char code[8];

    if (d == NULL) {
        gw_log(x->server->rt->log, GW_LOG_ERROR, "osci.refused", LOG_STR("peer", x->post.address),
               LOG_STR("error", "out of memory"));
        return;
    }
    (void)snprintf(code, sizeof code, "%04d", d->code % 10000);
    if (refused(d))
        level = d->code == 9000 || d->code == 9811 ? GW_LOG_ERROR : GW_LOG_WARNING;
    gw_log(x->server->rt->log, level, refused(d) ? "osci.refused" : "osci.answered",
           LOG_STR("peer", x->post.address), LOG_STR("order", d->type), LOG_STR("code", code),
           d->message_id.len > 0 ? LOG_SPAN("message_id", d->message_id)
                                 : LOG_STR("message_id", NULL),
           LOG_BOOL("encrypted", x->post.request.transport.encrypted),
           LOG_INT("bytes", x->post.len), LOG_INT("ms", gw_monotonic_ms() - x->post.began),
           refused(d) ? LOG_ERR(&d->why) : LOG_STR("error", NULL));
}

static void exchange_over(void *ctx, bool whole)
{
    (void)whole;
    exchange_free(ctx);
}

static void exchange_done(void *ctx);

static void forward_done(void *ctx)
{
    struct exchange *x = ctx;

    gw_worker_run(x->server->rt->loop, forward_run, exchange_done, x);
}

static void process_over(void *ctx, bool ended)
{
    struct exchange *x = ctx;

    x->ended = ended;
    gw_worker_run(x->server->rt->loop, process_run, exchange_done, x);
}

static void exchange_done(void *ctx)
{
    struct exchange *x = ctx;
    struct gw_osci_server *s = x->server;

    if (x->decision != NULL && x->decision->process) {
        gw_assembly_wait(s->assemblies, x->decision->transfer, x->decision->wait_ms, process_over,
                         x);
        return;
    }
    if (x->decision != NULL && x->decision->forward) { /* no worker waits for the network */
        gw_forward_send(&x->forward, s->receivers, x->decision->forward_receiver,
                        x->decision->forward_uri, forward_done, x);
        return;
    }
    exchange_log(x);
    if (x->decision != NULL && x->decision->delivered && s->delivered != NULL)
        s->delivered(s->delivered_ctx, x->decision->delivered_to);
    gw_osci_post_answer(&x->post, exchange_over, x);
}

static void message(void *ctx, struct gw_http_request *req)
{
    struct gw_osci_server *s = ctx;
    struct exchange *x = gw_alloc(sizeof *x);

    x->server = s;
    gw_osci_post_init(&x->post, s->rt, req);
    gw_worker_run(s->rt->loop, exchange_run, exchange_done, x);
}

/* ---- what is too old ---- */

static enum status retain(struct gw_tx *tx, void *ctx, struct error *err)
{
    struct gw_osci_server *s = ctx;
    const struct gw_retention retention = {.undelivered = s->conf->undelivered_days * DAY_MS,
                                           .delivered = s->conf->delivered_days * DAY_MS,
                                           .card = s->conf->processcard_days * DAY_MS,
                                           .unused_id = s->conf->messageid_days * DAY_MS};

    return gw_store_retain(tx, &retention, gw_now_ms(), &s->retained, err);
}

static enum status transfers_old(struct gw_tx *tx, void *ctx, struct error *err)
{
    struct gw_osci_server *s = ctx;

    return gw_store_transfers_retain(tx, &s->transfers_retained, err);
}

static void transfers_retain(struct gw_osci_server *s)
{
    struct gw_transfer_retention *r = &s->transfers_retained;
    int64_t now = gw_now_ms();
    struct error err = {0};

    *r = (struct gw_transfer_retention){.changed_before = now - s->conf->chunk_days * DAY_MS,
                                        .used_before = now - DAY_MS};
    if (gw_store_commit(s->rt->store, transfers_old, s, &err) != ST_OK) {
        *r = (struct gw_transfer_retention){0};
        gw_log(s->rt->log, GW_LOG_ERROR, "store.write_failed", LOG_ERR(&err));
    }
}

static void retain_run(void *ctx)
{
    struct gw_osci_server *s = ctx;
    struct gw_retention_done *done = &s->retained;
    struct error err = {0};

    transfers_retain(s);
    *done = (struct gw_retention_done){0};
    if (gw_store_commit(s->rt->store, retain, s, &err) != ST_OK) {
        *done = (struct gw_retention_done){0};
        gw_log(s->rt->log, GW_LOG_ERROR, "store.write_failed", LOG_ERR(&err));
    }
}

static void retain_fire(void *ctx);

static void retain_done(void *ctx)
{
    struct gw_osci_server *s = ctx;
    const struct gw_retention_done *done = &s->retained;

    s->retaining = false;
    if (s->transfers_retained.unfinished > 0)
        gw_log(s->rt->log, GW_LOG_WARNING, "osci.transfers_unfinished",
               LOG_INT("removed", s->transfers_retained.unfinished));
    if (done->undelivered + done->delivered + done->cards + done->ids == 0)
        return;
    gw_log(s->rt->log, done->undelivered > 0 ? GW_LOG_WARNING : GW_LOG_INFO, "osci.retention",
           LOG_INT("undelivered", done->undelivered), LOG_INT("delivered", done->delivered),
           LOG_INT("cards", done->cards), LOG_INT("ids", done->ids));
    if (!gw_loop_stopping(s->rt->loop))
        retain_fire(s); /* the store takes a bounded bite at a time */
}

static void retain_fire(void *ctx)
{
    struct gw_osci_server *s = ctx;

    if (s->retaining)
        return;
    s->retaining = true;
    gw_assemblies_resume(s->assemblies); /* what our own trouble left undone */
    gw_worker_run(s->rt->loop, retain_run, retain_done, s);
}

/* ---- up and down ---- */

static enum status mailboxes_load(struct gw_osci_server *s, struct error *err)
{
    size_t count = s->conf->mailboxes_count;

    s->known = calloc(count + 1, sizeof *s->known);
    TRY_ALLOC(s->known, err);
    for (size_t i = 0; i < count; i++) {
        AUTO(cert_drop) struct cert *cert = NULL;

        TRY(gw_cert_load(s->conf->mailboxes[i].cipher_certificate, &cert, err));
        memcpy(s->known[i], cert_sha256(cert).ptr, GW_SHA256_BYTES);
    }
    s->intermediary.mailbox =
        gw_mailbox_init(&s->mailbox, s->rt->store, s->rt->rng, NULL, s->known, count);
    return ST_OK;
}

static enum status intermediary_load(struct gw_osci_server *s, struct error *err)
{
    const struct gw_osci_server_conf *conf = s->conf;
    const struct osci_sessions_conf sessions = {.idle_ms = conf->dialog_minutes * 60000};
    struct identity *id;

    TRY(gw_identity_load(conf->identity, &s->identity, err));
    id = s->identity;
    s->own[s->own_count++] = (struct osci_own_cipher){id->cipher.cert, id->cipher.key};
    for (size_t i = 0; i < id->older_count; i++)
        s->own[s->own_count++] = (struct osci_own_cipher){id->older[i].cert, id->older[i].key};
    TRY(osci_sessions_new(&sessions, &s->sessions, err));
    s->limits.message_bytes = (uint64_t)conf->message_max_mb * 1024 * 1024;
    s->intermediary = (struct osci_intermediary){.identity = id,
                                                 .own = s->own,
                                                 .own_count = s->own_count,
                                                 .checker = s->rt->checker,
                                                 .cache = s->rt->cache,
                                                 .policy = &s->rt->policy,
                                                 .sessions = s->sessions,
                                                 .rng = s->rt->rng,
                                                 .require_signature = conf->require_signature,
                                                 .allow_plain = conf->allow_plain,
                                                 .self_registering = conf->self_registering,
                                                 .max_message_kb = s->limits.message_bytes / 1024};
    TRY(gw_receivers_new(s->rt, conf, &s->receivers, err));
    s->intermediary.receivers = gw_receivers_urls(s->receivers);
    s->intermediary.receiver_count = conf->receivers_count;
    return mailboxes_load(s, err);
}

static void processed(void *ctx, const struct osci_processed *processed)
{
    struct gw_osci_server *s = ctx;

    if (processed->delivered && s->delivered != NULL)
        s->delivered(s->delivered_ctx, processed->delivered_to);
}

static void chunks_load(struct gw_osci_server *s)
{
    const struct gw_osci_server_conf *conf = s->conf;

    s->intermediary.chunks = (struct osci_chunk_limits){
        .min_kb = (uint64_t)conf->chunk_min_kb,
        .max_kb = (uint64_t)conf->chunk_max_kb,
        .message_kb = (uint64_t)conf->chunked_max_mb * 1024,
        .timeout_s = (uint64_t)conf->chunk_timeout_s,
    };
    s->intermediary.transfers =
        gw_transfers_init(&s->transfers, s->rt->store, s->rt->rng, (uint64_t)conf->chunk_transfers,
                          (uint64_t)conf->chunk_client_mb * 1024);
    s->assemblies = gw_assemblies_new(s->rt, &s->intermediary, processed, s);
}

static enum status doors_open(struct gw_osci_server *s, struct error *err)
{
    const struct gw_osci_doors_conf conf = {.listeners = s->conf->listeners,
                                            .count = s->conf->listeners_count,
                                            .message_bytes = s->limits.message_bytes,
                                            .event = "osci.listening",
                                            .message = message,
                                            .ctx = s};

    return gw_osci_doors_new(s->rt, &conf, &s->doors, err);
}

enum status gw_osci_server_new(const struct gw_runtime *rt,
                               void (*delivered)(void *ctx, const uint8_t mailbox[GW_SHA256_BYTES]),
                               void *ctx, struct gw_osci_server **server, struct error *err)
{
    struct gw_osci_server *s = gw_alloc(sizeof *s);
    enum status st;

    s->rt = rt;
    s->conf = rt->conf->osci_server;
    s->delivered = delivered;
    s->delivered_ctx = ctx;
    gw_refusals_init(&s->refusals);
    st = intermediary_load(s, err);
    if (st == ST_OK) {
        chunks_load(s);
        st = doors_open(s, err);
    }
    if (st != ST_OK) {
        gw_osci_server_close(s, 0);
        gw_osci_server_free(s);
        return st;
    }
    s->retain_timer = gw_timer_new(rt->loop, retain_fire, s);
    gw_timer_start(s->retain_timer, RETAIN_FIRST_MS, RETAIN_MS);
    gw_assemblies_resume(s->assemblies);
    *server = s;
    return ST_OK;
}

void gw_osci_server_close(struct gw_osci_server *s, int64_t grace_ms)
{
    gw_osci_doors_close(s->doors, grace_ms);
    gw_assemblies_close(s->assemblies);
    gw_timer_drop(&s->retain_timer);
}

void gw_osci_server_free(struct gw_osci_server *s)
{
    if (s == NULL)
        return;
    gw_osci_doors_free(s->doors);
    gw_assemblies_free(s->assemblies);
    gw_receivers_free(s->receivers);
    osci_sessions_free(s->sessions);
    identity_free(s->identity);
    free(s->known);
    gw_refusals_deinit(&s->refusals);
    free(s);
}

uint16_t gw_osci_server_port(const struct gw_osci_server *s, size_t i)
{
    return gw_osci_doors_port(s->doors, i);
}

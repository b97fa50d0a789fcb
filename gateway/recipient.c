#include "gateway/recipient.h"

#include <stdio.h>

#include "gateway/inbound.h"
#include "gateway/log.h"
#include "gateway/osci_door.h"
#include "gateway/refusal.h"
#include "gateway/worker.h"
#include "osci/recipient.h"

struct gw_recipient {
    const struct gw_runtime *rt;
    struct osci_sender *senders; /* in the order of rt->peers */
    struct osci_recipient recipient;
    struct osci_limits limits;
    struct gw_osci_doors *doors;
    struct gw_refusals refusals;
};

/* One message on its way through a worker. */
struct visit {
    struct gw_recipient *server;
    struct gw_osci_post post;
    struct osci_visit *v; /* NULL: there was no memory even for that */
    bool fresh;
};

static void visit_free(struct visit *x)
{
    gw_osci_post_deinit(&x->post);
    osci_visit_free(x->v); /* after the post, whose writer reads from it */
    free(x);
}

/* ---- in the worker ---- */

/* Durable, or a feedback that lets the intermediary's client try again. */
static void take(struct visit *x)
{
    const struct gw_recipient *s = x->server;
    struct gw_answer answer = {.wire = x->post.wire,
                               .plain = x->post.request.transport.encrypted ? x->post.plain : NULL,
                               .reading = x->post.reading};
    struct error err = {0};
    enum status st =
        gw_inbound_take(s->rt, &s->rt->peers[x->v->sender], &answer, NULL, &x->fresh, &err);

    osci_recipient_answer(&s->recipient, x->v, st == ST_OK ? 0 : 9811, &err, NULL);
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
        if (st != ST_OK && v->fault == 0) {
            v->fault = v->code = 9000;
            v->why = err;
        }
    }
    if (v->fault != 0)
        gw_osci_post_fault(&x->post, v->fault);
}

static void visit_run(void *ctx)
{
    struct visit *x = ctx;
    struct gw_recipient *s = x->server;
    struct error err = {0};

    gw_osci_post_read(&x->post, s->rt->own, s->rt->own_count, &s->limits);
    if (osci_recipient_check(&s->recipient, &x->post.request, gw_now_ms(), &x->v, &err) != ST_OK) {
        gw_osci_post_fault(&x->post, 9000);
        return;
    }
    if (x->v->take)
        take(x);
    answer_write(x);
    gw_osci_post_release(&x->post);
    if (x->v->code >= 9000)
        gw_refusal_keep(&s->refusals, s->rt, "recipient", x->v->type, x->post.address, x->v->code,
                        &x->v->why);
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

static void visit_done(void *ctx)
{
    struct visit *x = ctx;

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

static void recipient_fill(struct gw_recipient *s)
{
    const struct gw_runtime *rt = s->rt;
    const struct gw_osci_recipient_conf *conf = rt->conf->osci_recipient;

    for (size_t i = 0; i < rt->peer_count; i++)
        s->senders[i] = (struct osci_sender){rt->peers[i].cipher, rt->peers[i].signature};
    s->limits.message_bytes = (uint64_t)rt->conf->limits.message_max_mb << 20;
    s->recipient = (struct osci_recipient){.identity = rt->identity,
                                           .checker = rt->checker,
                                           .policy = &rt->policy,
                                           .rng = rt->rng,
                                           .senders = s->senders,
                                           .sender_count = rt->peer_count,
                                           .require_signature = conf->require_signature,
                                           .allow_plain = conf->allow_plain};
}

enum status gw_recipient_new(const struct gw_runtime *rt, struct gw_recipient **recipient,
                             struct error *err)
{
    AUTO(gw_recipient_drop) struct gw_recipient *s = gw_alloc(sizeof *s);
    struct gw_osci_doors_conf doors = {.listeners = rt->conf->osci_recipient->listeners,
                                       .count = rt->conf->osci_recipient->listeners_count,
                                       .event = "recipient.listening",
                                       .message = message,
                                       .ctx = s};

    s->rt = rt;
    s->senders = gw_alloc((rt->peer_count + 1) * sizeof *s->senders);
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
    free(s);
}

uint16_t gw_recipient_port(const struct gw_recipient *s, size_t i)
{
    return gw_osci_doors_port(s->doors, i);
}

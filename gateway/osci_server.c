#include "gateway/osci_server.h"

#include <stdio.h>

#include "gateway/assembly.h"
#include "gateway/log.h"
#include "gateway/osci_door.h"
#include "gateway/osci_tenant.h"
#include "gateway/refusal.h"
#include "gateway/worker.h"

enum { RETAIN_MS = 3600 * 1000, RETAIN_FIRST_MS = 60 * 1000 };

/* A tenant, and what of the loop is its alone. */
struct house {
    struct gw_osci_server *server;
    struct gw_osci_tenant tenant;
    struct gw_osci_doors *doors; /* NULL: only those of the server */
    struct gw_assemblies *assemblies;
    struct gw_osci_retained retained; /* the job's while retaining */
};

struct gw_osci_server {
    const struct gw_runtime *rt;
    const struct gw_osci_server_conf *conf;
    void (*delivered)(void *ctx, const uint8_t mailbox[GW_SHA256_BYTES]);
    void *delivered_ctx;
    struct house *houses; /* the block itself first, where it is a tenant */
    size_t count;
    struct gw_ids_open ids;
    struct gw_osci_doors *doors;
    struct gw_timer *retain_timer;
    bool retaining;
    struct gw_refusals refusals;
};

/* One message on its way through a worker. */
struct exchange {
    struct gw_osci_server *server;
    struct house *house;
    struct gw_osci_post post;
    struct osci_decision *decision; /* NULL: there was no memory even for that */
    struct gw_forward forward;      /* where the decision waits for a recipient */
    bool ended;                     /* where it waited for an inner message: that has ended */
};

static const struct osci_intermediary *im_of(const struct exchange *x)
{
    return &x->house->tenant.intermediary;
}

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
        st = osci_decision_write(im_of(x), d, gw_now_ms(), &writer, &err);
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
    struct osci_forward_result *result = &x->forward.result;

    if (osci_forward_write(im_of(x), x->decision, gw_now_ms(), &x->forward.writer, &result->why) ==
        ST_OK)
        return;
    result->how = OSCI_FORWARD_NOT_SENT;
    osci_intermediary_resume(im_of(x), x->decision, result, gw_now_ms());
}

static void exchange_run(void *ctx)
{
    struct exchange *x = ctx;
    const struct gw_osci_tenant *t = &x->house->tenant;
    struct error err = {0};

    gw_osci_post_read(&x->post, t->own, t->own_count, &t->limits);
    if (osci_intermediary_handle(&t->intermediary, &x->post.request, gw_now_ms(), &x->decision,
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

    osci_transfer_resume(im_of(x), x->decision, x->ended, gw_now_ms());
    exchange_end(x);
}

/* The recipient has answered, or will not. */
static void forward_run(void *ctx)
{
    struct exchange *x = ctx;
    const struct gw_osci_tenant *t = &x->house->tenant;

    gw_forward_read(&x->forward, t->own, t->own_count, &t->limits);
    osci_intermediary_resume(&t->intermediary, x->decision, &x->forward.result, gw_now_ms());
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
           LOG_STR("peer", x->post.address), LOG_STR("tenant", x->house->tenant.conf->name),
           LOG_STR("order", d->type), LOG_STR("code", code),
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
        gw_assembly_wait(x->house->assemblies, x->decision->transfer, x->decision->wait_ms,
                         process_over, x);
        return;
    }
    if (x->decision != NULL && x->decision->forward) { /* no worker waits for the network */
        gw_forward_send(&x->forward, x->house->tenant.receivers, x->decision->forward_receiver,
                        x->decision->forward_uri, forward_done, x);
        return;
    }
    exchange_log(x);
    if (x->decision != NULL && x->decision->delivered && s->delivered != NULL)
        s->delivered(s->delivered_ctx, x->decision->delivered_to);
    gw_osci_post_answer(&x->post, exchange_over, x);
}

static void exchange_begin(struct house *house, struct gw_http_request *req)
{
    struct exchange *x = gw_alloc(sizeof *x);

    x->server = house->server;
    x->house = house;
    gw_osci_post_init(&x->post, house->server->rt, req);
    gw_worker_run(house->server->rt->loop, exchange_run, exchange_done, x);
}

/* The tenant with that path; NULL: nobody. */
static struct house *house_find(const struct gw_osci_server *s, struct span path)
{
    for (size_t i = 0; i < s->count; i++)
        if (span_is(path, s->houses[i].tenant.conf->path))
            return &s->houses[i];
    return NULL;
}

static bool has_path(void *ctx, struct span path)
{
    return house_find(ctx, path) != NULL;
}

/* At the common listeners: whose path is it? What is left is for the block, if that is a tenant. */
static void message(void *ctx, struct gw_http_request *req)
{
    struct gw_osci_server *s = ctx;
    struct house *house = house_find(s, gw_http_request_head(req)->path);

    if (house == NULL && s->conf->identity != NULL)
        house = &s->houses[0];
    if (house == NULL)
        gw_http_answer_text(req, 404, NULL);
    else
        exchange_begin(house, req);
}

/* At a tenant's own. */
static void own_message(void *ctx, struct gw_http_request *req)
{
    exchange_begin(ctx, req);
}

/* ---- what is too old ---- */

static void retain_run(void *ctx)
{
    struct gw_osci_server *s = ctx;

    for (size_t i = 0; i < s->count; i++) {
        struct error err = {0};

        if (gw_osci_tenant_retain(&s->houses[i].tenant, gw_now_ms(), &s->houses[i].retained,
                                  &err) != ST_OK)
            gw_log(s->rt->log, GW_LOG_ERROR, "store.write_failed", LOG_ERR(&err));
    }
}

/* Says what went; false: nothing that there might be more of. */
static bool retained_log(const struct gw_osci_server *s, const struct house *house)
{
    const struct gw_retention_done *done = &house->retained.done;
    const char *tenant = house->tenant.conf->name;

    if (house->retained.unfinished > 0)
        gw_log(s->rt->log, GW_LOG_WARNING, "osci.transfers_unfinished", LOG_STR("tenant", tenant),
               LOG_INT("removed", house->retained.unfinished));
    if (done->undelivered + done->delivered + done->cards + done->ids == 0)
        return false;
    gw_log(s->rt->log, done->undelivered > 0 ? GW_LOG_WARNING : GW_LOG_INFO, "osci.retention",
           LOG_STR("tenant", tenant), LOG_INT("undelivered", done->undelivered),
           LOG_INT("delivered", done->delivered), LOG_INT("cards", done->cards),
           LOG_INT("ids", done->ids));
    return true;
}

static void retain_fire(void *ctx);

static void retain_done(void *ctx)
{
    struct gw_osci_server *s = ctx;
    bool more = false;

    s->retaining = false;
    for (size_t i = 0; i < s->count; i++)
        more = retained_log(s, &s->houses[i]) || more;
    if (more && !gw_loop_stopping(s->rt->loop))
        retain_fire(s); /* the store takes a bounded bite at a time */
}

static void retain_fire(void *ctx)
{
    struct gw_osci_server *s = ctx;

    if (s->retaining)
        return;
    s->retaining = true;
    for (size_t i = 0; i < s->count; i++)
        gw_assemblies_resume(s->houses[i].assemblies); /* what our own trouble left undone */
    gw_worker_run(s->rt->loop, retain_run, retain_done, s);
}

/* ---- up and down ---- */

static void processed(void *ctx, const struct osci_processed *processed)
{
    const struct gw_osci_server *s = ctx;

    if (processed->delivered && s->delivered != NULL)
        s->delivered(s->delivered_ctx, processed->delivered_to);
}

static enum status house_load(struct gw_osci_server *s, const struct gw_osci_server_conf *conf,
                              struct error *err)
{
    struct house *house = &s->houses[s->count];

    house->server = s;
    TRY(gw_osci_tenant_init(&house->tenant, s->rt, conf, &s->ids, err));
    s->count++;
    house->assemblies =
        gw_assemblies_new(s->rt, &house->tenant.intermediary, conf->name, processed, s);
    return ST_OK;
}

static enum status houses_load(struct gw_osci_server *s, struct error *err)
{
    s->houses = gw_alloc((s->conf->tenants_count + 1) * sizeof *s->houses);
    s->ids.max = GW_IDS_ALL_MAX;
    if (s->conf->identity != NULL)
        TRY(house_load(s, s->conf, err));
    for (unsigned i = 0; i < s->conf->tenants_count; i++)
        TRY(house_load(s, &s->conf->tenants[i], err));
    return ST_OK;
}

static enum status own_doors_open(struct house *house, struct error *err)
{
    const struct gw_osci_tenant *t = &house->tenant;
    const struct gw_osci_doors_conf conf = {.listeners = t->conf->listeners,
                                            .count = t->conf->listeners_count,
                                            .message_bytes = t->limits.message_bytes,
                                            .event = "osci.listening",
                                            .message = own_message,
                                            .ctx = house};

    if (t->conf == house->server->conf || conf.count == 0)
        return ST_OK;
    return gw_osci_doors_new(t->rt, &conf, &house->doors, err);
}

/* The common ones take the largest message that any tenant takes; each looks again when it reads.
 */
static enum status doors_open(struct gw_osci_server *s, struct error *err)
{
    struct gw_osci_doors_conf conf = {.listeners = s->conf->listeners,
                                      .count = s->conf->listeners_count,
                                      .event = "osci.listening",
                                      .has_path = has_path,
                                      .message = message,
                                      .ctx = s};

    for (size_t i = 0; i < s->count; i++) {
        if (s->houses[i].tenant.limits.message_bytes > conf.message_bytes)
            conf.message_bytes = s->houses[i].tenant.limits.message_bytes;
        TRY(own_doors_open(&s->houses[i], err));
    }
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
    st = houses_load(s, err);
    if (st == ST_OK)
        st = doors_open(s, err);
    if (st != ST_OK) {
        gw_osci_server_close(s, 0);
        gw_osci_server_free(s);
        return st;
    }
    s->retain_timer = gw_timer_new(rt->loop, retain_fire, s);
    gw_timer_start(s->retain_timer, RETAIN_FIRST_MS, RETAIN_MS);
    for (size_t i = 0; i < s->count; i++)
        gw_assemblies_resume(s->houses[i].assemblies);
    *server = s;
    return ST_OK;
}

void gw_osci_server_close(struct gw_osci_server *s, int64_t grace_ms)
{
    gw_osci_doors_close(s->doors, grace_ms);
    for (size_t i = 0; i < s->count; i++) {
        gw_osci_doors_close(s->houses[i].doors, grace_ms);
        gw_assemblies_close(s->houses[i].assemblies);
    }
    gw_timer_drop(&s->retain_timer);
}

void gw_osci_server_free(struct gw_osci_server *s)
{
    if (s == NULL)
        return;
    gw_osci_doors_free(s->doors);
    for (size_t i = 0; i < s->count; i++) {
        gw_osci_doors_free(s->houses[i].doors);
        gw_assemblies_free(s->houses[i].assemblies);
        gw_osci_tenant_deinit(&s->houses[i].tenant);
    }
    free(s->houses);
    gw_refusals_deinit(&s->refusals);
    free(s);
}

uint16_t gw_osci_server_port(const struct gw_osci_server *s, size_t i)
{
    return gw_osci_doors_port(s->doors, i);
}

size_t gw_osci_server_tenants(const struct gw_osci_server *s)
{
    return s->count;
}

const struct gw_osci_tenant *gw_osci_server_tenant(const struct gw_osci_server *s, size_t i)
{
    return &s->houses[i].tenant;
}

uint16_t gw_osci_server_tenant_port(const struct gw_osci_server *s, size_t i)
{
    return gw_osci_doors_port(s->houses[i].doors != NULL ? s->houses[i].doors : s->doors, 0);
}

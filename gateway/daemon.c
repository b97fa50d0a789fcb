#include "gateway/daemon.h"

#include "gateway/api.h"
#include "gateway/lane.h"
#include "gateway/log.h"
#include "gateway/osci_server.h"
#include "gateway/recipient.h"
#include "gateway/runtime.h"
#include "gateway/spool.h"
#include "gateway/worker.h"
#include "gateway/xta_server.h"

enum { GRACE_MS = 5000 };

struct gw_daemon {
    const struct gw_config *conf;
    struct gw_loop *loop;
    struct gw_log *log;
    struct gw_runtime *rt;
    struct gw_lanes *lanes;
    struct gw_spool *spool;
    struct gw_osci_server *server;
    struct gw_requests *requests; /* NULL: nobody here answers any */
    struct gw_recipient *recipient;
    struct gw_xta_server *xta;
    struct gw_api_server *api;
    bool ran;
};

static void server_stop(void *ctx)
{
    struct gw_daemon *d = ctx;

    gw_osci_server_close(d->server, GRACE_MS);
}

/* A delivery for a mailbox in this house: our own lanes may fetch it at once. */
static void delivered(void *ctx, const uint8_t mailbox[GW_SHA256_BYTES])
{
    struct gw_daemon *d = ctx;

    (void)mailbox;
    if (d->lanes != NULL)
        gw_lanes_hint(d->lanes);
}

static enum status server_start(struct gw_daemon *d, struct error *err)
{
    if (d->conf->osci_server == NULL)
        return ST_OK;
    TRY(gw_osci_server_new(d->rt, delivered, d, &d->server, err));
    gw_api_use_server(d->api, d->server);
    gw_loop_on_stop(d->loop, server_stop, d);
    return ST_OK;
}

static void requests_stop(void *ctx)
{
    struct gw_daemon *d = ctx;

    gw_requests_close(d->requests);
}

/* Before the doors through which they come. */
static enum status requests_start(struct gw_daemon *d, struct error *err)
{
    if (d->conf->osci_recipient == NULL && d->conf->xta_server == NULL)
        return ST_OK;
    TRY(gw_requests_new(d->rt, &d->requests, err));
    if (d->requests != NULL)
        gw_loop_on_stop(d->loop, requests_stop, d);
    gw_api_use_requests(d->api, d->requests);
    return ST_OK;
}

static void recipient_stop(void *ctx)
{
    struct gw_daemon *d = ctx;

    gw_recipient_close(d->recipient, GRACE_MS);
}

/* After the spool, which must hear of what is taken in. */
static enum status recipient_start(struct gw_daemon *d, struct error *err)
{
    if (d->conf->osci_recipient == NULL)
        return ST_OK;
    TRY(gw_recipient_new(d->rt, d->requests, &d->recipient, err));
    gw_loop_on_stop(d->loop, recipient_stop, d);
    return ST_OK;
}

static void xta_stop(void *ctx)
{
    struct gw_daemon *d = ctx;

    gw_xta_server_close(d->xta, GRACE_MS);
}

static void xta_sent(void *ctx)
{
    struct gw_daemon *d = ctx;

    gw_lanes_kick(d->lanes);
}

/* After the lanes, which carry what programs send. */
static enum status xta_start(struct gw_daemon *d, struct error *err)
{
    if (d->conf->xta_server == NULL)
        return ST_OK;
    TRY(gw_xta_server_new(d->rt, d->requests, xta_sent, d, &d->xta, err));
    gw_loop_on_stop(d->loop, xta_stop, d);
    return ST_OK;
}

static void accepted(void *ctx)
{
    gw_lanes_kick(ctx);
}

static void committed(void *ctx)
{
    gw_spool_wake(ctx);
}

/* What a tenant needs: drop folders and lanes. The spool must know whom to tell before it takes
 * anything in, and the store before anything is written. */
static enum status tenant_start(struct gw_daemon *d, struct error *err)
{
    if (d->conf->tenant == NULL)
        return ST_OK;
    TRY(gw_spool_start(d->rt, &d->spool, err));
    gw_runtime_on_commit(d->rt, committed, d->spool);
    TRY(gw_lanes_start(d->rt, NULL, NULL, &d->lanes, err));
    gw_spool_on_accept(d->spool, accepted, d->lanes);
    gw_api_use_lanes(d->api, d->lanes);
    return ST_OK;
}

enum status gw_daemon_new(const struct gw_config *conf, struct gw_daemon **out, struct error *err)
{
    AUTO(gw_daemon_drop) struct gw_daemon *d = gw_alloc(sizeof *d);

    d->conf = conf;
    gw_worker_setup((unsigned)conf->limits.workers);
    TRY(gw_log_new(conf->log.target, conf->log.level, conf->log.file, &d->log, err));
    TRY(gw_loop_new(&d->loop, err));
    TRY(gw_runtime_new(conf, d->loop, d->log, &d->rt, err));
    TRY(gw_api_start(d->rt, &d->api, err)); /* who cannot be asked shall not carry anything */
    TRY(server_start(d, err));
    TRY(tenant_start(d, err));
    TRY(requests_start(d, err));
    TRY(recipient_start(d, err));
    TRY(xta_start(d, err));
    gw_log(d->log, GW_LOG_INFO, "daemon.started", LOG_STR("version", DEPESCHE_VERSION),
           LOG_STR("config", conf->path), LOG_STR("state", conf->state));
    *out = TAKE(d);
    return ST_OK;
}

enum status gw_daemon_on_signal(struct gw_daemon *d, int signum, void (*fn)(void *, int),
                                struct error *err)
{
    return gw_loop_on_signal(d->loop, signum, fn, d, err);
}

void gw_daemon_run(struct gw_daemon *d)
{
    d->ran = true;
    gw_loop_run(d->loop);
    gw_log(d->log, GW_LOG_INFO, "daemon.stopped");
}

void gw_daemon_stop(struct gw_daemon *d)
{
    gw_loop_stop(d->loop);
}

void gw_daemon_reopen_log(struct gw_daemon *d)
{
    gw_log_reopen(d->log);
}

void gw_daemon_free(struct gw_daemon *d)
{
    if (d == NULL)
        return;
    if (d->loop != NULL && !d->ran) { /* a start that failed half-way */
        gw_loop_stop(d->loop);
        gw_loop_run(d->loop);
    }
    gw_xta_server_free(d->xta);
    gw_recipient_free(d->recipient);
    gw_requests_free(d->requests);
    gw_osci_server_free(d->server);
    gw_api_server_free(d->api);
    gw_lanes_free(d->lanes);
    gw_spool_free(d->spool);
    gw_runtime_free(d->rt);
    gw_loop_free(d->loop);
    gw_log_free(d->log);
    free(d);
}

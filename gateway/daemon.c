#include "gateway/daemon.h"

#include <assert.h>

#include "gateway/alternative.h"
#include "gateway/api.h"
#include "gateway/calendar.h"
#include "gateway/lane.h"
#include "gateway/log.h"
#include "gateway/osci_server.h"
#include "gateway/recheck.h"
#include "gateway/recipient.h"
#include "gateway/reload.h"
#include "gateway/retain.h"
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
    struct gw_alternatives *alternatives; /* NULL: no route has any */
    struct gw_spool *spool;
    struct gw_osci_server *server;
    struct gw_requests *requests; /* NULL: nobody here answers any */
    struct gw_recipient *recipient;
    struct gw_xta_server *xta;
    struct gw_api_server *api;
    struct gw_retain *retain;
    struct gw_calendar *calendar;
    struct gw_recheck *recheck;
    struct gw_handover *handover;
    struct gw_reload reload;
    struct gw_timer *pulse; /* NULL: nobody wants it */
    void (*beat)(void);
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

/* A message for the lanes, which need not wait until they look for themselves. */
static void lanes_kick(void *ctx)
{
    struct gw_daemon *d = ctx;

    if (d->lanes != NULL)
        gw_lanes_kick(d->lanes, NULL);
}

/* After the lanes, which carry what programs send. */
static enum status xta_start(struct gw_daemon *d, struct error *err)
{
    if (d->conf->xta_server == NULL)
        return ST_OK;
    TRY(gw_xta_server_new(d->rt, d->requests, lanes_kick, d, &d->xta, err));
    gw_loop_on_stop(d->loop, xta_stop, d);
    return ST_OK;
}

static void accepted(void *ctx)
{
    gw_lanes_kick(ctx, NULL);
}

static void committed(void *ctx)
{
    struct gw_daemon *d = ctx;

    if (d->spool != NULL)
        gw_spool_wake(d->spool);
    gw_api_wake(d->api);
}

static void alternatives_stop(void *ctx)
{
    struct gw_daemon *d = ctx;

    gw_alternatives_close(d->alternatives);
}

/* What a tenant needs: drop folders and lanes. The spool must know whom to tell before it takes
 * anything in, and the store before anything is written. */
static enum status tenant_start(struct gw_daemon *d, struct error *err)
{
    if (d->conf->tenants_count == 0) {
        gw_runtime_on_commit(d->rt, committed, d);
        return ST_OK;
    }
    TRY(gw_spool_start(d->rt, &d->spool, err));
    gw_runtime_on_commit(d->rt, committed, d);
    gw_runtime_on_onward(d->rt, lanes_kick, d);
    TRY(gw_lanes_start(d->rt, NULL, NULL, &d->lanes, err));
    TRY(gw_alternatives_new(d->rt, d->lanes, &d->alternatives, err));
    gw_loop_on_stop(d->loop, alternatives_stop, d);
    gw_spool_on_accept(d->spool, accepted, d->lanes);
    gw_api_use_lanes(d->api, d->lanes);
    return ST_OK;
}

/* Who waits for an answer still gets it, the sockets go on to the next program. */
static void begin_anew(void *ctx)
{
    struct gw_daemon *d = ctx;

    if (!gw_loop_stopping(d->loop))
        gw_handover_begin(d->handover);
    gw_loop_stop(d->loop);
}

static void reload_start(struct gw_daemon *d)
{
    if (d->handover == NULL)
        return;
    d->reload = (struct gw_reload){.rt = d->rt, .begin = begin_anew, .ctx = d};
    gw_api_use_reload(d->api, &d->reload);
}

enum status gw_daemon_new(const struct gw_config *conf, struct gw_handover *handover,
                          struct gw_daemon **out, struct error *err)
{
    AUTO(gw_daemon_drop) struct gw_daemon *d = gw_alloc(sizeof *d);

    d->conf = conf;
    d->handover = handover;
    gw_worker_setup((unsigned)conf->limits.workers);
    TRY(gw_log_new(conf->log.target, conf->log.level, conf->log.file, &d->log, err));
    TRY(gw_loop_new(&d->loop, err));
    gw_loop_use_handover(d->loop, handover);
    TRY(gw_runtime_new(conf, d->loop, d->log, &d->rt, err));
    TRY(gw_api_start(d->rt, &d->api, err)); /* who cannot be asked shall not carry anything */
    TRY(server_start(d, err));
    TRY(tenant_start(d, err));
    TRY(requests_start(d, err));
    TRY(recipient_start(d, err));
    TRY(xta_start(d, err));
    TRY(gw_retain_new(d->rt, &d->retain, err));
    gw_calendar_new(d->rt, &d->calendar);
    gw_recheck_new(d->rt, &d->recheck);
    reload_start(d);
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

static void pulse(void *ctx)
{
    struct gw_daemon *d = ctx;

    d->beat();
}

static void pulse_stop(void *ctx)
{
    struct gw_daemon *d = ctx;

    gw_timer_free(d->pulse);
}

void gw_daemon_every(struct gw_daemon *d, int64_t ms, void (*fn)(void))
{
    assert(d->pulse == NULL);
    d->beat = fn;
    d->pulse = gw_timer_new(d->loop, pulse, d);
    gw_timer_start(d->pulse, ms, ms);
    gw_loop_on_stop(d->loop, pulse_stop, d);
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

static void hang_up(void *ctx)
{
    struct gw_daemon *d = ctx;
    AUTO(gw_config_report_deinit) struct gw_config_report report = {0};
    AUTO(gw_config_drop) const struct gw_config *config = NULL;
    char id[GW_SETTINGS_ID_CAP];
    struct error err = {0};
    enum status st;

    gw_config_report_init(&report);
    st = gw_config_peek(d->conf->path, &config, &report, &err);
    if (st == ST_OK && span_eq(config->text, d->conf->text))
        return;
    gw_config_report_deinit(&report);
    gw_config_report_init(&report);
    if (gw_reload_ask(&d->reload, "signal", &report, id, &err) != ST_OK)
        return; /* log and history say so */
}

void gw_daemon_hang_up(struct gw_daemon *d)
{
    gw_log_reopen(d->log);
    if (d->handover != NULL && !gw_loop_stopping(d->loop))
        gw_worker_run(d->loop, hang_up, NULL, d);
}

bool gw_daemon_begins_anew(const struct gw_daemon *d)
{
    return gw_handover_begun(d->handover);
}

void gw_daemon_fell_back(struct gw_daemon *d, const struct error *why)
{
    gw_reload_fell_back(d->rt, why);
}

void gw_daemon_caged(struct gw_daemon *d, const struct gw_cage *cage)
{
    gw_log(d->log, GW_LOG_INFO, "daemon.confined", LOG_STR("seccomp", cage->calls),
           LOG_INT("uid", (int64_t)geteuid()), LOG_INT("files_max", cage->files_max));
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
    gw_alternatives_free(d->alternatives);
    gw_lanes_free(d->lanes);
    gw_spool_free(d->spool);
    gw_retain_free(d->retain);
    gw_calendar_free(d->calendar);
    gw_recheck_free(d->recheck);
    gw_runtime_free(d->rt);
    gw_loop_free(d->loop);
    gw_log_free(d->log);
    free(d);
}

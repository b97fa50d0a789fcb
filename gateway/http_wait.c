#include "gateway/http_wait.h"

#include <pthread.h>
#include <stdio.h>

#include "gateway/reason.h"

struct waiting {
    const struct gw_runtime *rt;
    struct gw_http_call call;
    struct gw_http_waited *out;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
    enum gw_http_outcome outcome;
    struct error error;
};

void gw_http_waited_deinit(struct gw_http_waited *w)
{
    gw_body_free(w->body);
    *w = (struct gw_http_waited){0};
}

static void finish(struct waiting *w)
{
    pthread_mutex_lock(&w->lock);
    w->done = true;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

static void call_done(void *ctx, struct gw_http_result *result)
{
    struct waiting *w = ctx;

    w->outcome = result->outcome;
    w->out->status = result->status;
    w->out->body = TAKE(result->body);
    if (strlen(result->content_type) < sizeof w->out->content_type)
        (void)snprintf(w->out->content_type, sizeof w->out->content_type, "%s",
                       result->content_type);
    w->error = result->error;
    finish(w);
}

static void call_start(void *ctx)
{
    struct waiting *w = ctx;

    if (w->rt->http == NULL || gw_loop_stopping(w->rt->loop)) {
        gw_pull_close(&w->call.body, false);
        w->outcome = GW_HTTP_CANCELLED;
        (void)gw_reason_because(error_set(&w->error, ST_RETRY, 0, "the gateway is shutting down"),
                                GW_R_STOPPING, &w->error);
        finish(w);
    } else if (gw_http_call(w->rt->http, &w->call, NULL, &w->error) != ST_OK) {
        w->outcome = GW_HTTP_NOT_CONNECTED;
        finish(w);
    }
}

/* The operator's reason for a call that brought no answer. */
static int outcome_reason(enum gw_http_outcome outcome)
{
    switch (outcome) {
    case GW_HTTP_NOT_CONNECTED:
        return GW_R_NET_REFUSED;
    case GW_HTTP_TLS:
        return GW_R_NET_TLS;
    case GW_HTTP_TOO_LARGE:
        return GW_R_NET_ANSWER;
    case GW_HTTP_CANCELLED:
        return 0;
    default:
        return GW_R_NET_CUT;
    }
}

enum status gw_http_wait(const struct gw_runtime *rt, const struct gw_http_call *call,
                         struct gw_http_waited *waited, struct error *err)
{
    struct waiting w = {.rt = rt,
                        .call = *call,
                        .out = waited,
                        .lock = PTHREAD_MUTEX_INITIALIZER,
                        .changed = PTHREAD_COND_INITIALIZER};

    w.call.done = call_done;
    w.call.ctx = &w;
    gw_loop_post(rt->loop, call_start, &w);
    pthread_mutex_lock(&w.lock);
    while (!w.done)
        pthread_cond_wait(&w.changed, &w.lock);
    pthread_mutex_unlock(&w.lock);
    waited->maybe_received = w.outcome != GW_HTTP_NOT_CONNECTED && w.outcome != GW_HTTP_TLS;
    if (w.outcome == GW_HTTP_ANSWERED)
        return ST_OK;
    *err = w.error;
    if (w.outcome == GW_HTTP_BODY_FAILED) /* our own files; the peer cannot help it */
        return error_context(err, "reading what is to be sent");
    if (w.error.reason == 0 || w.outcome == GW_HTTP_TOO_LARGE || w.outcome == GW_HTTP_CANCELLED)
        err->reason = outcome_reason(w.outcome);
    return err->status = ST_RETRY;
}

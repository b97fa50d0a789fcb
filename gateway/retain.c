#include "gateway/retain.h"

#include <stdio.h>

#include "gateway/log.h"
#include "gateway/loop.h"
#include "gateway/store_audit.h"
#include "gateway/store_retain.h"
#include "gateway/worker.h"

enum { FIRST_MS = 60 * 1000, EVERY_MS = 10 * 60 * 1000, HEADS_MS = 3600 * 1000, PARTS_MAX = 20 };
enum { HEADS_ARENA_MAX = 4 << 20 };

struct gw_retain {
    struct gw_runtime *rt;
    struct gw_timer *timer;
    struct gw_keep_rule *rules;
    struct gw_keep keep;
    int64_t heads_at;    /* when they were logged last, by the steady clock */
    bool running;        /* a job is; what follows is its own */
    struct gw_kept kept; /* in all */
    struct error why;
};

static enum status part_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    struct gw_retain *r = ctx;
    struct gw_kept kept;

    TRY(gw_store_retain_history(tx, &r->keep, gw_now_ms(), &kept, err));
    r->kept.payloads += kept.payloads;
    r->kept.receipts += kept.receipts;
    r->kept.events += kept.events;
    r->kept.more = kept.more;
    return ST_OK;
}

static void heads_log(struct gw_retain *r)
{
    AUTO(arena_deinit) struct arena arena = {.max = HEADS_ARENA_MAX};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_audit_chain *rows = NULL;
    struct error err = {0};
    size_t count = 0;

    if (gw_store_read(r->rt->store, &tx, &err) != ST_OK ||
        gw_audit_heads(tx, &arena, &rows, &count, &err) != ST_OK) {
        gw_log(r->rt->log, GW_LOG_ERROR, "store.read_failed", LOG_ERR(&err));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        char hex[2 * sizeof rows[i].value + 1];

        for (size_t k = 0; k < sizeof rows[i].value; k++)
            (void)snprintf(hex + 2 * k, 3, "%02x", rows[i].value[k]);
        gw_log(r->rt->log, GW_LOG_INFO, "history.head", LOG_STR("tenant", rows[i].tenant),
               LOG_INT("link", rows[i].link), LOG_INT("seq", rows[i].seq), LOG_STR("value", hex));
    }
}

/* In a worker. */
static void run(void *ctx)
{
    struct gw_retain *r = ctx;

    r->kept = (struct gw_kept){.more = true};
    r->why = (struct error){0};
    for (int i = 0; i < PARTS_MAX && r->kept.more && !gw_loop_stopping(r->rt->loop); i++)
        if (gw_store_commit(r->rt->store, part_commit, r, &r->why) != ST_OK)
            break;
    if (r->heads_at == 0 || gw_monotonic_ms() - r->heads_at >= HEADS_MS) {
        r->heads_at = gw_monotonic_ms();
        heads_log(r);
    }
}

static void done(void *ctx)
{
    struct gw_retain *r = ctx;
    const struct gw_kept *kept = &r->kept;

    r->running = false;
    if (r->why.status != ST_OK)
        gw_log(r->rt->log, GW_LOG_ERROR, "store.write_failed", LOG_ERR(&r->why));
    if (kept->payloads + kept->receipts + kept->events > 0)
        gw_log(r->rt->log, GW_LOG_INFO, "history.retention", LOG_INT("payloads", kept->payloads),
               LOG_INT("receipts", kept->receipts), LOG_INT("events", kept->events));
}

static void fire(void *ctx)
{
    struct gw_retain *r = ctx;

    if (r->running)
        return;
    r->running = true;
    gw_worker_run(r->rt->loop, run, done, r);
}

static void stop(void *ctx)
{
    struct gw_retain *r = ctx;

    gw_timer_free(r->timer);
    r->timer = NULL;
}

enum status gw_retain_new(struct gw_runtime *rt, struct gw_retain **retain, struct error *err)
{
    const struct gw_config *conf = rt->conf;
    struct gw_retain *r = gw_alloc(sizeof *r);

    r->rules = calloc(conf->routes_count + conf->endpoints_count + 1, sizeof *r->rules);
    if (r->rules == NULL) {
        free(r);
        return error_set(err, ST_LIMIT, 0, "out of memory");
    }
    r->rt = rt;
    r->keep = (struct gw_keep){.payload_days = conf->retention.payload_days,
                               .receipt_days = conf->retention.receipt_days,
                               .event_days = conf->retention.event_days,
                               .rules = r->rules};
    for (unsigned i = 0; i < conf->routes_count; i++)
        if (conf->routes[i].payload_days > 0)
            r->rules[r->keep.rule_count++] = (struct gw_keep_rule){
                .route = conf->routes[i].name, .payload_days = conf->routes[i].payload_days};
    for (unsigned i = 0; i < conf->endpoints_count; i++)
        if (conf->endpoints[i].payload_days > 0)
            r->rules[r->keep.rule_count++] =
                (struct gw_keep_rule){.endpoint = conf->endpoints[i].name,
                                      .payload_days = conf->endpoints[i].payload_days};
    r->timer = gw_timer_new(rt->loop, fire, r);
    gw_timer_start(r->timer, FIRST_MS, EVERY_MS);
    gw_loop_on_stop(rt->loop, stop, r);
    *retain = r;
    return ST_OK;
}

void gw_retain_free(struct gw_retain *retain)
{
    if (retain == NULL)
        return;
    heads_log(retain);
    free(retain->rules);
    free(retain);
}

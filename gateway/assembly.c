#include "gateway/assembly.h"

#include <assert.h>
#include <stdio.h>

#include "gateway/log.h"
#include "gateway/store_transfer.h"
#include "gateway/worker.h"

enum { RUNS_AT_ONCE = 2 }; /* the workers are everybody's: the rest stand in line */

struct waiter {
    struct waiter *next;
    struct run *run; /* NULL: it has ended */
    struct gw_loop *loop;
    struct gw_timer *timer;
    void (*over)(void *ctx, bool ended);
    void *ctx;
    bool ended;
};

/* One inner message in its job. */
struct run {
    struct run *next;
    struct gw_assemblies *all;
    char ref[GW_ID_SIZE];
    struct waiter *waiters;
    bool started;
    int64_t began; /* gw_monotonic_ms */
    /* the job's: */
    enum status st;
    struct error err;
    struct osci_processed processed;
};

struct gw_assemblies {
    const struct gw_runtime *rt;
    const struct osci_intermediary *im;
    const char *tenant;
    void (*processed)(void *ctx, const struct osci_processed *processed);
    void *ctx;
    struct run *runs; /* in the order they came */
    bool closed;
    bool resuming;
    /* the scan job's while resuming: */
    char after[GW_ID_SIZE];
    bool found;
};

struct gw_assemblies *
gw_assemblies_new(const struct gw_runtime *rt, const struct osci_intermediary *im,
                  const char *tenant,
                  void (*processed)(void *ctx, const struct osci_processed *processed), void *ctx)
{
    struct gw_assemblies *a = gw_alloc(sizeof *a);

    a->rt = rt;
    a->im = im;
    a->tenant = tenant;
    a->processed = processed;
    a->ctx = ctx;
    return a;
}

void gw_assemblies_free(struct gw_assemblies *a)
{
    if (a == NULL)
        return;
    assert(a->runs == NULL);
    free(a);
}

/* ---- those who wait ---- */

static void waiter_over(void *ctx)
{
    struct waiter *w = ctx;

    w->over(w->ctx, w->ended);
    free(w);
}

/* Off its list, and told so soon. */
static void waiter_leave(struct waiter *w, bool ended)
{
    struct waiter **at = &w->run->waiters;

    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    gw_timer_drop(&w->timer);
    w->ended = ended;
    gw_loop_post(w->loop, waiter_over, w);
}

static void waiter_fire(void *ctx)
{
    waiter_leave(ctx, false);
}

/* ---- the job ---- */

static void run_job(void *ctx)
{
    struct run *run = ctx;

    run->st = osci_transfer_process(run->all->im, span_str(run->ref), gw_now_ms(), &run->processed,
                                    &run->err);
}

static void run_log(const struct run *run)
{
    const struct osci_processed *p = &run->processed;
    bool good = run->st == ST_OK && p->code < 9000;

    gw_log(run->all->rt->log,
           good               ? GW_LOG_INFO
           : run->st == ST_OK ? GW_LOG_WARNING
                              : GW_LOG_ERROR,
           good ? "osci.assembled" : "osci.assembly_failed", LOG_STR("transfer", run->ref),
           p->message_id_len > 0 ? LOG_SPAN("message_id", span_of(p->message_id, p->message_id_len))
                                 : LOG_STR("message_id", NULL),
           LOG_INT("code", run->st == ST_OK ? p->code : run->err.reason),
           LOG_INT("ms", gw_monotonic_ms() - run->began),
           good               ? LOG_STR("error", NULL)
           : run->st == ST_OK ? LOG_ERR(&p->why)
                              : LOG_ERR(&run->err));
}

static void runs_start(struct gw_assemblies *a);

static void run_done(void *ctx)
{
    struct run *run = ctx, **at = &run->all->runs;
    struct gw_assemblies *a = run->all;

    while (*at != run)
        at = &(*at)->next;
    *at = run->next;
    run_log(run);
    if (run->st == ST_OK)
        a->processed(a->ctx, &run->processed);
    while (run->waiters != NULL)
        waiter_leave(run->waiters, true);
    free(run);
    runs_start(a);
}

/* As many as there may be at once, the oldest first. */
static void runs_start(struct gw_assemblies *a)
{
    size_t running = 0;

    if (a->closed)
        return;
    for (const struct run *run = a->runs; run != NULL; run = run->next)
        running += run->started;
    for (struct run *run = a->runs; run != NULL && running < RUNS_AT_ONCE; run = run->next) {
        if (run->started)
            continue;
        run->started = true;
        run->began = gw_monotonic_ms();
        running++;
        gw_worker_run(a->rt->loop, run_job, run_done, run);
    }
}

static struct run *run_of(struct gw_assemblies *a, struct span ref)
{
    struct run **at = &a->runs, *run;

    while (*at != NULL && !span_is(ref, (*at)->ref))
        at = &(*at)->next;
    if (*at != NULL)
        return *at;
    run = gw_alloc(sizeof *run);
    run->all = a;
    (void)snprintf(run->ref, sizeof run->ref, "%.*s", SPAN_FMT(ref));
    *at = run;
    runs_start(a);
    return run;
}

void gw_assembly_wait(struct gw_assemblies *a, struct span ref, int64_t wait_ms,
                      void (*over)(void *ctx, bool ended), void *ctx)
{
    struct waiter *w = gw_alloc(sizeof *w);

    w->loop = a->rt->loop;
    w->over = over;
    w->ctx = ctx;
    if (a->closed) {
        gw_loop_post(w->loop, waiter_over, w);
        return;
    }
    w->run = run_of(a, ref);
    w->next = w->run->waiters;
    w->run->waiters = w;
    w->timer = gw_timer_new(w->loop, waiter_fire, w);
    gw_timer_start(w->timer, wait_ms, 0);
}

void gw_assemblies_close(struct gw_assemblies *a)
{
    struct run **at;

    if (a == NULL)
        return;
    a->closed = true;
    for (at = &a->runs; *at != NULL;) {
        struct run *run = *at;

        while (run->waiters != NULL)
            waiter_leave(run->waiters, false);
        if (run->started) {
            at = &run->next;
            continue;
        }
        *at = run->next; /* its chunks are there at the next start */
        free(run);
    }
}

/* ---- after a start ---- */

static void scan_job(void *ctx)
{
    struct gw_assemblies *a = ctx;
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    char id[GW_ID_SIZE];
    struct error err = {0};

    a->found = gw_store_read(a->rt->store, &tx, &err) == ST_OK &&
               gw_store_transfer_complete(tx, a->tenant, a->after, id, &err) == ST_OK;
    if (a->found)
        memcpy(a->after, id, sizeof a->after);
}

static void scan_done(void *ctx);

static void scan_next(void *ctx, bool ended)
{
    struct gw_assemblies *a = ctx;

    (void)ended;
    gw_worker_run(a->rt->loop, scan_job, scan_done, a);
}

static void scan_done(void *ctx)
{
    struct gw_assemblies *a = ctx;

    if (a->found && !a->closed)
        gw_assembly_wait(a, span_str(a->after), INT32_MAX, scan_next, a);
    else
        a->resuming = false;
}

void gw_assemblies_resume(struct gw_assemblies *a)
{
    if (a->resuming || a->closed)
        return;
    a->resuming = true;
    a->after[0] = '\0';
    gw_worker_run(a->rt->loop, scan_job, scan_done, a);
}

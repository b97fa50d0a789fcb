#include "gateway/spool.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#include "gateway/files.h"
#include "gateway/log.h"
#include "gateway/worker.h"

enum {
    RESCAN_MS = 10 * 1000,
    RECEIPTS_MS = 250,
    COMPLAIN_MS = 10 * 60 * 1000,
    READS_MAX = 64, /* of events, before work is done */
    ONES_MAX = 16,  /* folders taken away at once that are acknowledged one by one */
};

/* What a wake-up asks for. */
enum { DO_TAKE = 1, DO_HAND_OVER = 2, DO_RECEIPTS = 4, DO_ACKNOWLEDGE = 8, DO_ALL = 15 };

/* When which part runs next, on the monotonic clock; 0: as soon as it is asked for. */
struct times {
    int64_t rescan, take, receipts;
};

struct door {
    struct gw_spool *spool;
    struct gw_spool_endpoint endpoint;
    pthread_t thread;
    bool started;
    int wake, watch; /* eventfd, inotify; watch -1 where there is none */
    int watch_out, watch_in;
    unsigned due;
    unsigned ones; /* acknowledged one by one since the last wait */
    struct times at;
    int64_t complained_at;
    int complained_of; /* the reason */
};

struct gw_spool {
    struct gw_runtime *rt;
    struct door *doors;
    size_t count;
    atomic_bool stopping;
};

/* ---- the thread of an endpoint ---- */

static bool is_absent(const struct door *d)
{
    return d->endpoint.folder < 0;
}

/* For health and doctor; 0: the folder can be used. */
static void reason_tell(const struct door *d, int reason)
{
    const struct gw_runtime *rt = d->spool->rt;

    rt->folder_reasons[d->endpoint.conf - rt->conf->endpoints] = reason;
}

/* The same trouble every ten seconds is one line every ten minutes. */
static void complain(struct door *d, enum status st, const struct error *err)
{
    int64_t now = gw_monotonic_ms();

    if (st == ST_OK || (d->complained_at != 0 && d->complained_of == err->reason &&
                        now - d->complained_at < COMPLAIN_MS))
        return;
    d->complained_at = now;
    d->complained_of = err->reason;
    gw_log(d->spool->rt->log, GW_LOG_ERROR, "spool.trouble",
           LOG_STR("endpoint", d->endpoint.conf->name), LOG_ERR(err));
}

static void watch_start(struct door *d)
{
    char path[64];

    fd_drop(&d->watch);
    if (is_absent(d))
        return;
    d->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (d->watch < 0)
        return;
    /* not IN_CREATE: who writes in place is at least given the time to close the file */
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", d->endpoint.out);
    d->watch_out = inotify_add_watch(d->watch, path, IN_MOVED_TO | IN_CLOSE_WRITE);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", d->endpoint.in);
    d->watch_in = inotify_add_watch(d->watch, path, IN_MOVED_FROM | IN_DELETE);
}

/* Something left in/: which message was it? */
static void event_heed(struct door *d, const struct inotify_event *event)
{
    struct error err = {0};

    if ((event->mask & IN_Q_OVERFLOW) != 0)
        d->due |= DO_TAKE | DO_ACKNOWLEDGE;
    else if (event->wd == d->watch_out)
        d->due |= DO_TAKE;
    else if (event->wd != d->watch_in || event->len == 0 ||
             !gw_uuid_is_valid(span_str(event->name)))
        return;
    else if (++d->ones > ONES_MAX)
        d->due |= DO_ACKNOWLEDGE;
    else
        complain(d, gw_spool_acknowledge(&d->endpoint, event->name, &err), &err);
}

static void events_read(struct door *d)
{
    _Alignas(struct inotify_event) char bytes[16 * 1024];
    ssize_t n;

    d->ones = 0;
    for (int i = 0; i < READS_MAX && !d->spool->stopping && d->watch >= 0 &&
                    (n = read(d->watch, bytes, sizeof bytes)) > 0;
         i++)
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *event = (const void *)(bytes + at);

            event_heed(d, event);
            at += (ssize_t)(sizeof *event + event->len);
        }
}

static void wake_read(struct door *d)
{
    uint64_t count;

    if (read(d->wake, &count, sizeof count) == (ssize_t)sizeof count)
        d->due |= DO_HAND_OVER | DO_RECEIPTS;
}

/* How long nothing is due; what is asked for already may have to wait for its time. */
static int wait_ms(const struct door *d, int64_t now)
{
    int64_t until = d->at.rescan;

    if (d->at.take != 0 && d->at.take < until)
        until = d->at.take;
    if ((d->due & DO_RECEIPTS) != 0 && d->at.receipts < until)
        until = d->at.receipts;
    if ((d->due & DO_TAKE) != 0 && d->endpoint.rest_until < until)
        until = d->endpoint.rest_until;
    if ((d->due & ~(unsigned)(DO_RECEIPTS | DO_TAKE)) != 0)
        until = now;
    return until <= now ? 0 : (int)(until - now);
}

static void door_wait(struct door *d)
{
    struct pollfd fds[2] = {{.fd = d->wake, .events = POLLIN}, {.fd = d->watch, .events = POLLIN}};
    int64_t now;

    (void)poll(fds, d->watch >= 0 ? 2 : 1, wait_ms(d, gw_monotonic_ms()));
    wake_read(d);
    events_read(d);
    now = gw_monotonic_ms();
    if (now >= d->at.rescan) {
        d->due = DO_ALL;
        d->at.rescan = now + RESCAN_MS;
    }
    if (d->at.take != 0 && now >= d->at.take)
        d->due |= DO_TAKE;
}

/* Nothing is done in it until it is there again. What is open of it is let go: it would keep a
 * share from being unmounted, and what still works in it is not where the path leads. */
static void door_lose(struct door *d, const struct error *why)
{
    complain(d, why->status, why);
    reason_tell(d, why->reason);
    gw_spool_endpoint_deinit(&d->endpoint);
    watch_start(d);
}

/* Somebody may have put another folder where ours was, or a share came or went. */
static void door_check(struct door *d)
{
    struct gw_spool_endpoint *e = &d->endpoint, fresh;
    struct error err = {0};

    if (!is_absent(d) && gw_spool_endpoint_in_place(e))
        return;
    if (gw_spool_endpoint_open(&fresh, e->rt, e->conf, &err) != ST_OK) {
        door_lose(d, &err);
        return; /* next time we try again */
    }
    fresh.accepted = e->accepted;
    fresh.accepted_ctx = e->accepted_ctx;
    gw_spool_endpoint_deinit(e);
    *e = fresh;
    d->complained_at = 0;
    reason_tell(d, 0);
    watch_start(d);
    gw_log(e->rt->log, GW_LOG_WARNING, "spool.reopened", LOG_STR("endpoint", e->conf->name),
           LOG_STR("path", e->conf->folder));
}

/* Somebody may have taken rights away, or the disk may take nothing any more. What is tried all the
 * same says so in the log; this is for who asks for our health. */
static void door_look(const struct door *d)
{
    struct error err = {0};

    reason_tell(d, gw_spool_endpoint_look(&d->endpoint, &err) == ST_OK ? 0 : err.reason);
}

static void door_take(struct door *d)
{
    int again_ms = -1;
    struct error err = {0};

    if (gw_monotonic_ms() < d->endpoint.rest_until) {
        d->due |= DO_TAKE;
        return;
    }
    complain(d, gw_spool_take(&d->endpoint, &again_ms, &err), &err);
    d->at.take = again_ms < 0 ? 0 : gw_monotonic_ms() + again_ms;
}

static void door_work(struct door *d)
{
    struct gw_spool_endpoint *e = &d->endpoint;
    unsigned work = d->due;
    struct error err = {0};

    d->due = 0;
    if (work == DO_ALL)
        door_check(d);
    if (is_absent(d))
        return; /* all of it is looked at when it is back */
    if (work == DO_ALL) {
        door_look(d);
        complain(d, gw_spool_moved(e, &err), &err);
    }
    if ((work & DO_TAKE) != 0)
        door_take(d);
    if ((work & DO_HAND_OVER) != 0)
        complain(d, gw_spool_hand_over(e, &err), &err);
    if ((work & DO_ACKNOWLEDGE) != 0)
        complain(d, gw_spool_acknowledge(e, NULL, &err), &err);
    if ((work & DO_RECEIPTS) != 0) {
        if (gw_monotonic_ms() < d->at.receipts) {
            d->due |= DO_RECEIPTS; /* in a moment, together with what comes until then */
            return;
        }
        complain(d, gw_spool_receipts(e, &err), &err);
        d->at.receipts = gw_monotonic_ms() + RECEIPTS_MS;
    }
}

static void *door_main(void *arg)
{
    struct door *d = arg;

    while (!d->spool->stopping) {
        door_wait(d);
        if (!d->spool->stopping)
            door_work(d);
    }
    return NULL;
}

static enum status door_open(struct gw_spool *spool, const struct gw_endpoint_conf *conf,
                             struct error *err)
{
    struct door *d = &spool->doors[spool->count];
    enum status st;

    *d = (struct door){.spool = spool, .wake = -1, .watch = -1};
    st = gw_spool_endpoint_open(&d->endpoint, spool->rt, conf, err);
    if (st != ST_OK && st != ST_DENIED)
        return st; /* the store's trouble, not the folder's */
    if (st != ST_OK)
        door_lose(d, err);
    spool->count++;
    d->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (d->wake < 0)
        return error_set(err, ST_LIMIT, GW_R_LIMIT, "no more file descriptors");
    watch_start(d);
    return ST_OK;
}

/* ---- all of them ---- */

void gw_spool_wake(struct gw_spool *spool)
{
    uint64_t one = 1;

    for (size_t i = 0; i < spool->count; i++)
        (void)!write(spool->doors[i].wake, &one, sizeof one);
}

void gw_spool_on_accept(struct gw_spool *spool, void (*accepted)(void *ctx), void *ctx)
{
    for (size_t i = 0; i < spool->count; i++) {
        struct door *d = &spool->doors[i];

        d->endpoint.accepted = accepted;
        d->endpoint.accepted_ctx = ctx;
        d->started = pthread_create(&d->thread, NULL, door_main, d) == 0;
        if (!d->started)
            gw_log(spool->rt->log, GW_LOG_ERROR, "spool.no_thread",
                   LOG_STR("endpoint", d->endpoint.conf->name));
    }
}

static void join_job(void *ctx)
{
    struct gw_spool *spool = ctx;

    for (size_t i = 0; i < spool->count; i++)
        if (spool->doors[i].started) {
            (void)pthread_join(spool->doors[i].thread, NULL);
            spool->doors[i].started = false;
        }
}

static void stop_hook(void *ctx)
{
    struct gw_spool *spool = ctx;

    spool->stopping = true;
    gw_spool_wake(spool);
    gw_worker_run(spool->rt->loop, join_job, NULL, spool);
}

enum status gw_spool_start(struct gw_runtime *rt, struct gw_spool **out, struct error *err)
{
    AUTO(gw_spool_drop) struct gw_spool *spool = gw_alloc(sizeof *spool);

    spool->rt = rt;
    spool->doors = gw_alloc((rt->conf->endpoints_count + 1) * sizeof *spool->doors);
    for (unsigned i = 0; i < rt->conf->endpoints_count; i++)
        if (rt->conf->endpoints[i].folder != NULL)
            TRY(door_open(spool, &rt->conf->endpoints[i], err));
    gw_loop_on_stop(rt->loop, stop_hook, spool);
    *out = TAKE(spool);
    return ST_OK;
}

void gw_spool_free(struct gw_spool *spool)
{
    if (spool == NULL)
        return;
    spool->stopping = true;
    gw_spool_wake(spool);
    join_job(spool);
    for (size_t i = 0; i < spool->count; i++) {
        gw_spool_endpoint_deinit(&spool->doors[i].endpoint);
        fd_drop(&spool->doors[i].wake);
        fd_drop(&spool->doors[i].watch);
    }
    free(spool->doors);
    free(spool);
}

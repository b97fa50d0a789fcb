#include "gateway/lane.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "gateway/log.h"
#include "gateway/reason.h"
#include "gateway/worker.h"

enum { SENDERS = 4, DESTINATIONS_MAX = 256 };
enum { IDLE_MS = 30 * 1000, REST_FIRST_MS = 2000, REST_MAX_MS = 5 * 60 * 1000 };

/* The lanes of one destination share this; lock protects it. */
struct group {
    struct gw_lanes *lanes;
    struct gw_destination to;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char busy[SENDERS][GW_ID_SIZE];
    bool kicked, hinted, returned; /* returned: what was to be fetched and failed is tried now */
    unsigned failures;             /* in a row */
    int64_t rest_until, next_at;
    bool probing;
    struct gw_lane_report report;
    struct gw_detour detour; /* of the lane that fetches alone */
};

struct lane {
    struct group *group;
    unsigned n; /* SENDERS: the one that fetches */
    void *talk; /* the carrier's; of a lane that sends */
    pthread_t thread;
    bool started;
};

struct gw_lanes {
    struct gw_runtime *rt;
    void (*received)(void *ctx);
    void *received_ctx;
    atomic_bool stopping;
    struct group *groups;
    struct lane *lanes;
    size_t group_count, lane_count;
};

/* Waits until woken or until_ms, but not for long: the clock may be set meanwhile. The lock is
 * held.
 */
static void rest(struct group *g, int64_t until_ms)
{
    int64_t ms = until_ms - gw_now_ms();
    struct timespec ts;

    ms = gw_monotonic_ms() + (ms < 0 ? 0 : ms > IDLE_MS ? IDLE_MS : ms);
    ts = (struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)pthread_cond_timedwait(&g->changed, &g->lock, &ts);
}

/* ---- sending ---- */

/* The next due message of this peer that no other lane has in hand; the lock is held. */
static bool pick(struct lane *lane, struct arena *arena, struct gw_message_row *row)
{
    struct group *g = lane->group;
    struct gw_runtime *rt = g->lanes->rt;
    const char *busy[SENDERS];
    struct gw_skip skip = {.only = g->to.name, .ids = busy};
    struct gw_message_list list = {0};
    struct error err = {0};
    enum status st;

    for (unsigned i = 0; i < SENDERS; i++)
        if (g->busy[i][0] != '\0')
            busy[skip.id_count++] = g->busy[i];
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    st = gw_store_read(rt->store, &tx, &err);
    if (st == ST_OK)
        st = gw_store_due(tx, arena, GW_OUTBOX, gw_now_ms(), &skip, 1, &list, &g->next_at, &err);
    if (st != ST_OK) {
        gw_log(rt->log, GW_LOG_ERROR, "store.read_failed", LOG_ERR(&err));
        return false;
    }
    if (list.count == 0)
        return false;
    *row = list.rows[0];
    memcpy(g->busy[lane->n], row->id, GW_ID_SIZE);
    return true;
}

static bool unreachable(enum status st, const struct error *err)
{
    return st == ST_RETRY && gw_reason_is_network(err->reason);
}

/* Nobody there, or nobody whom we may talk to: the next message will fare no better. */
static bool surely(const struct error *err)
{
    return err->reason != GW_R_NET_CUT && err->reason != GW_R_NET_TIMEOUT &&
           !gw_reason_is_http(err->reason) && err->reason != GW_R_NET_ANSWER;
}

/* Did the peer itself answer? Our own trouble says nothing about it. */
static bool reached(enum status st, const struct error *err)
{
    return st == ST_OK || (err->reason > 0 && err->reason < GW_R_SPOOL_NO_ROUTE) ||
           err->reason == GW_R_NET_ANSWER || gw_reason_is_xta(err->reason);
}

/* For the operator; the lock is held. What fails before the peer is asked says nothing about it. */
static void note(struct group *g, enum status st, const struct error *err)
{
    if (st == ST_OK) {
        g->report.last_success_at = gw_now_ms();
    } else if (unreachable(st, err) || reached(st, err)) {
        g->report.last_error_at = gw_now_ms();
        g->report.last_error = *err;
    }
}

static bool power_of_two(unsigned n)
{
    return (n & (n - 1)) == 0;
}

/* Twice as long each time, but never longer than receipts are waited for: what is unclear must not
 * stay so once the line is back. */
static int64_t rest_ms(const struct group *g, unsigned failures)
{
    int64_t ms = REST_FIRST_MS, max = g->to.receipt_poll_seconds * 1000;

    if (max > REST_MAX_MS)
        max = REST_MAX_MS;
    for (unsigned i = 1; i < failures && ms < max; i++)
        ms *= 2;
    return ms < max ? ms : max;
}

static enum status all_due(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct group *g = ctx;

    return gw_store_due_now(tx, g->to.name, GW_R_NET_NAME, GW_R_STORE_FULL - 1, gw_now_ms(), err);
}

/* The peer answers again: all lanes go on at once, and after an outage so do all messages that
 * failed for it. The lock is held at both ends. */
static void come_back(struct group *g)
{
    bool outage = g->failures > 1;
    struct error err = {0};

    if (g->failures == 0)
        return;
    g->failures = 0;
    g->rest_until = 0;
    g->returned = true;
    gw_log(g->lanes->rt->log, GW_LOG_INFO, "peer.reachable", LOG_STR("peer", g->to.name));
    if (outage) {
        pthread_mutex_unlock(&g->lock);
        if (gw_store_commit(g->lanes->rt->store, all_due, g, &err) != ST_OK)
            gw_log(g->lanes->rt->log, GW_LOG_ERROR, "store.write_failed", LOG_ERR(&err));
        pthread_mutex_lock(&g->lock);
    }
    pthread_cond_broadcast(&g->changed);
}

/* What an attempt says about the peer; the lock is held at both ends. */
static void learn(struct group *g, enum status st, const struct error *err)
{
    int64_t now = gw_now_ms();
    bool was_probing = g->probing;

    note(g, st, err);
    g->probing = false;
    if (!unreachable(st, err)) {
        if (reached(st, err))
            come_back(g);
        pthread_cond_broadcast(&g->changed);
        return;
    }
    if (g->rest_until > now && !was_probing)
        return; /* the other lanes' attempts that failed with it are no further ones */
    g->failures++;
    g->rest_until = g->failures > 1 || surely(err) ? now + rest_ms(g, g->failures) : now;
    if (power_of_two(g->failures))
        gw_log(g->lanes->rt->log, GW_LOG_WARNING, "peer.unreachable", LOG_STR("peer", g->to.name),
               LOG_INT("failures", g->failures), LOG_TIME("again_at", g->rest_until), LOG_ERR(err));
    pthread_cond_broadcast(&g->changed);
}

/* Nothing to send: what is open ends, then the lane sleeps. The lock is held at both ends. */
static void idle(struct lane *lane, int64_t now)
{
    struct group *g = lane->group;
    int64_t until = now + IDLE_MS;
    bool paused;

    pthread_mutex_unlock(&g->lock);
    paused = g->to.carrier->pause(lane->talk);
    pthread_mutex_lock(&g->lock);
    if (paused)
        return; /* and look again: something may have come meanwhile */
    if (g->next_at > now && g->next_at < until)
        until = g->next_at;
    if (!g->kicked)
        rest(g, until);
}

/* One step of a sending lane; the lock is held at both ends. */
static void send_step(struct lane *lane)
{
    struct group *g = lane->group;
    struct arena arena;
    struct gw_message_row row;
    struct error err = {0};
    int64_t now = gw_now_ms();
    enum status st;
    bool moved, outage;

    if (g->rest_until > now + REST_MAX_MS) /* the clock was set back */
        g->rest_until = now;
    if (g->failures > 0 && (g->rest_until > now || g->probing)) {
        rest(g, g->rest_until > now ? g->rest_until : now + IDLE_MS);
        return;
    }
    arena_init(&arena, 1024 * 1024);
    g->kicked = false;
    if (!pick(lane, &arena, &row)) {
        idle(lane, now);
        arena_deinit(&arena);
        return;
    }
    g->probing = outage = g->failures > 0;
    pthread_mutex_unlock(&g->lock);
    st = g->to.carrier->send(lane->talk, &row, outage, &moved, &err);
    pthread_mutex_lock(&g->lock);
    learn(g, st, &err);
    if (!moved && !g->lanes->stopping) /* a full disk, say: not again and again at once */
        rest(g, gw_now_ms() + REST_FIRST_MS);
    g->busy[lane->n][0] = '\0';
    arena_deinit(&arena);
}

static void *send_main(void *arg)
{
    struct lane *lane = arg;
    struct group *g = lane->group;

    pthread_mutex_lock(&g->lock);
    while (!g->lanes->stopping)
        send_step(lane);
    pthread_mutex_unlock(&g->lock);
    return NULL;
}

/* ---- fetching ---- */

/* One of the two things that are fetched by the clock. */
struct errand {
    const char *event; /* for the log */
    enum status (*run)(struct group *g, struct error *err);
    bool asks; /* always; the other only when something is outstanding */
    int64_t every_ms, at;
    unsigned failures;
};

static enum status deliveries_fetch(struct group *g, struct error *err)
{
    struct gw_lanes *lanes = g->lanes;
    size_t count = 0;
    enum status st = g->to.carrier->fetch(lanes->rt, &g->to, &g->detour, &count, err);

    pthread_mutex_lock(&g->lock);
    g->report.skipped = gw_detour_skipped(&g->detour);
    pthread_mutex_unlock(&g->lock);

    if (count > 0 && lanes->received != NULL)
        lanes->received(lanes->received_ctx);
    return st;
}

static enum status receipts_fetch(struct group *g, struct error *err)
{
    TRY(gw_outbound_expire(g->lanes->rt, err));
    return g->to.carrier->receipts(g->lanes->rt, &g->to, err);
}

/* As often as set; while it fails, as often as a lane that sends would try. */
static void errand_run(struct group *g, struct errand *e)
{
    struct error err = {0};
    enum status st;
    int64_t wait_ms;

    pthread_mutex_unlock(&g->lock);
    st = e->run(g, &err);
    pthread_mutex_lock(&g->lock);
    if (st != ST_OK || e->asks) {
        note(g, st, &err);
        if (reached(st, &err))
            come_back(g);
    }
    e->failures = st == ST_OK ? 0 : e->failures + 1;
    wait_ms = e->failures > 1 && rest_ms(g, e->failures - 1) > e->every_ms
                  ? rest_ms(g, e->failures - 1)
                  : e->every_ms;
    e->at = gw_now_ms() + wait_ms;
    if (st != ST_OK && power_of_two(e->failures) && !g->lanes->stopping)
        gw_log(g->lanes->rt->log, GW_LOG_WARNING, e->event, LOG_STR("peer", g->to.name),
               LOG_INT("failures", e->failures), LOG_TIME("again_at", e->at), LOG_ERR(&err));
}

static void *fetch_main(void *arg)
{
    struct lane *lane = arg;
    struct group *g = lane->group;
    struct errand errands[] = {
        {"receipts.fetch_failed", receipts_fetch, false, g->to.receipt_poll_seconds * 1000, 0, 0},
        {"mailbox.fetch_failed", deliveries_fetch, true, g->to.poll_seconds * 1000, 0, 0},
    };
    const size_t count = g->to.fetch ? 2 : 1;

    pthread_mutex_lock(&g->lock);
    while (!g->lanes->stopping) {
        int64_t now = gw_now_ms(), until = INT64_MAX;
        bool hinted = g->hinted, returned = g->returned;

        g->hinted = g->returned = false;
        for (size_t i = count; i-- > 0 && !g->lanes->stopping;) {
            struct errand *e = &errands[i];

            /* a clock set back must not silence us for as long as it was set back */
            if (hinted || (returned && e->failures > 0) || e->at <= now ||
                e->at > now + e->every_ms + REST_MAX_MS)
                errand_run(g, e);
            if (e->at < until)
                until = e->at;
        }
        if (!g->hinted && !g->returned && !g->lanes->stopping)
            rest(g, until);
    }
    pthread_mutex_unlock(&g->lock);
    return NULL;
}

/* ---- all of them ---- */

static void wake(struct gw_lanes *lanes, bool hint, bool stop)
{
    for (size_t i = 0; i < lanes->group_count; i++) {
        struct group *g = &lanes->groups[i];

        pthread_mutex_lock(&g->lock);
        g->kicked = true;
        if (hint)
            g->hinted = true;
        if (stop)
            lanes->stopping = true;
        pthread_cond_broadcast(&g->changed);
        pthread_mutex_unlock(&g->lock);
    }
}

void gw_lanes_kick(struct gw_lanes *lanes)
{
    wake(lanes, false, false);
}

void gw_lanes_hint(struct gw_lanes *lanes)
{
    wake(lanes, true, false);
}

bool gw_lanes_hold(struct gw_lanes *lanes, const char *id)
{
    bool held = false;

    for (size_t i = 0; i < lanes->group_count; i++) {
        struct group *g = &lanes->groups[i];

        pthread_mutex_lock(&g->lock);
        for (size_t n = 0; n < SENDERS; n++)
            held = held || strcmp(g->busy[n], id) == 0;
        pthread_mutex_unlock(&g->lock);
    }
    return held;
}

bool gw_lanes_report(struct gw_lanes *lanes, size_t i, struct gw_lane_report *report)
{
    if (i >= lanes->group_count)
        return false;
    pthread_mutex_lock(&lanes->groups[i].lock);
    *report = lanes->groups[i].report;
    pthread_mutex_unlock(&lanes->groups[i].lock);
    report->to = lanes->groups[i].to;
    return true;
}

static void join_job(void *ctx)
{
    struct gw_lanes *lanes = ctx;

    for (size_t i = 0; i < lanes->lane_count; i++)
        if (lanes->lanes[i].started)
            (void)pthread_join(lanes->lanes[i].thread, NULL);
    for (size_t i = 0; i < lanes->lane_count; i++)
        lanes->lanes[i].started = false;
}

/* The loop goes on until the job is done, so calls under way get their answer or their refusal. */
static void stop_hook(void *ctx)
{
    struct gw_lanes *lanes = ctx;

    wake(lanes, false, true);
    gw_worker_run(lanes->rt->loop, join_job, NULL, lanes);
}

static void group_init(struct gw_lanes *lanes, const struct gw_destination *to)
{
    struct group *g = &lanes->groups[lanes->group_count++];
    pthread_condattr_t monotonic;

    *g = (struct group){.lanes = lanes, .to = *to};
    pthread_mutex_init(&g->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&g->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static enum status lane_start(struct group *g, unsigned n, struct lane *lane, struct error *err)
{
    lane->group = g;
    lane->n = n;
    if (n < SENDERS) {
        lane->talk = g->to.carrier->talk_new(g->lanes->rt, &g->to);
        TRY_ALLOC(lane->talk, err);
    }
    if (pthread_create(&lane->thread, NULL, n < SENDERS ? send_main : fetch_main, lane) != 0)
        return error_set(err, ST_LIMIT, GW_R_LIMIT, "no more threads");
    lane->started = true;
    return ST_OK;
}

enum status gw_lanes_start(struct gw_runtime *rt, void (*received)(void *ctx), void *ctx,
                           struct gw_lanes **out, struct error *err)
{
    struct gw_destination to;
    struct gw_lanes *lanes;
    size_t count = 0;

    while (gw_destination_at(rt, count, &to))
        count++;
    if (count > DESTINATIONS_MAX)
        return error_set(err, ST_LIMIT, GW_R_LIMIT, "more than %d destinations", DESTINATIONS_MAX);
    TRY(gw_outbound_strays(rt, err));
    lanes = gw_alloc(sizeof *lanes);
    *lanes = (struct gw_lanes){.rt = rt, .received = received, .received_ctx = ctx};
    lanes->groups = gw_alloc((count + 1) * sizeof *lanes->groups);
    lanes->lanes = gw_alloc((count * (SENDERS + 1) + 1) * sizeof *lanes->lanes);
    while (gw_destination_at(rt, lanes->group_count, &to))
        group_init(lanes, &to);
    gw_loop_on_stop(rt->loop, stop_hook, lanes);
    *out = lanes;
    for (size_t i = 0; i < lanes->group_count; i++)
        for (unsigned n = 0; n <= SENDERS; n++)
            TRY(lane_start(&lanes->groups[i], n, &lanes->lanes[lanes->lane_count++], err));
    return ST_OK;
}

void gw_lanes_free(struct gw_lanes *lanes)
{
    if (lanes == NULL)
        return;
    join_job(lanes);
    for (size_t i = 0; i < lanes->lane_count; i++)
        if (lanes->lanes[i].talk != NULL)
            lanes->lanes[i].group->to.carrier->talk_free(lanes->lanes[i].talk);
    for (size_t i = 0; i < lanes->group_count; i++) {
        pthread_cond_destroy(&lanes->groups[i].changed);
        pthread_mutex_destroy(&lanes->groups[i].lock);
        gw_detour_deinit(&lanes->groups[i].detour);
    }
    free(lanes->groups);
    free(lanes->lanes);
    free(lanes);
}

#include "gateway/lane.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "gateway/circuit.h"
#include "gateway/log.h"
#include "gateway/reason.h"
#include "gateway/worker.h"

enum { SENDERS = 4, DESTINATIONS_MAX = 256, DUE_NOW_MAX = 500 };
enum { IDLE_MS = 30 * 1000, AGAIN_MS = 2000, BETWEEN_MS = 100, REST_MAX_MS = 5 * 60 * 1000 };

/* The lanes of one destination share this; lock protects it. */
struct group {
    struct gw_lanes *lanes;
    struct gw_destination to;
    pthread_mutex_t lock;
    pthread_cond_t sending, fetching; /* for the lanes that send, for the one that fetches */
    struct gw_hand busy[SENDERS];     /* id "": nothing */
    unsigned under_way;
    bool kicked, hinted, returned; /* returned: what was to be fetched and failed is tried now */
    int64_t next_at;
    struct gw_circuit circuit;
    struct gw_lane_report report;
    struct gw_detour *detours; /* of the lane that fetches alone, one for each mailbox */
    size_t detour_count;
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
 * held. */
static void rest(struct group *g, pthread_cond_t *woken, int64_t until_ms)
{
    int64_t ms = until_ms - gw_now_ms();
    struct timespec ts;

    ms = gw_monotonic_ms() + (ms < 0 ? 0 : ms > IDLE_MS ? IDLE_MS : ms);
    ts = (struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)pthread_cond_timedwait(woken, &g->lock, &ts);
}

/* ---- what an attempt says about the destination ---- */

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
           err->reason == GW_R_NET_ANSWER || gw_reason_is_xta(err->reason) ||
           (err->reason >= GW_R_TARGET_LATER && err->reason <= GW_R_TARGET_FULL);
}

static enum gw_contact contact_of(enum status st, const struct error *err)
{
    if (unreachable(st, err))
        return surely(err) ? GW_CONTACT_FAILED : GW_CONTACT_LOST;
    return reached(st, err) ? GW_CONTACT_MADE : GW_CONTACT_NONE;
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

/* Never longer than receipts are waited for: what is unclear must not stay so once the line is
 * back. */
static int64_t rest_max_ms(const struct group *g)
{
    int64_t ms = g->to.receipt_poll_seconds * 1000;

    return ms < REST_MAX_MS ? ms : REST_MAX_MS;
}

struct due_now {
    const char *peer;
    size_t count;
};

static enum status all_due(struct gw_tx *tx, void *ctx, struct error *err)
{
    struct due_now *d = ctx;

    return gw_store_due_now(tx, d->peer, GW_R_NET_NAME, GW_R_STORE_FULL - 1, gw_now_ms(),
                            DUE_NOW_MAX, &d->count, err);
}

/* After an outage all messages that failed for it are due, some at a time: others write to the
 * store, too. The lock is held at both ends. */
static void come_back(struct group *g)
{
    struct due_now d = {.peer = g->to.name};
    struct error err = {0};

    pthread_mutex_unlock(&g->lock);
    do {
        if (gw_store_commit(g->lanes->rt->store, all_due, &d, &err) != ST_OK) {
            gw_log(g->lanes->rt->log, GW_LOG_ERROR, "store.write_failed", LOG_ERR(&err));
            break;
        }
    } while (d.count == DUE_NOW_MAX && !g->lanes->stopping);
    pthread_mutex_lock(&g->lock);
    pthread_cond_signal(&g->fetching);
}

static void news_log(struct group *g, enum gw_circuit_news news, int64_t since,
                     const struct error *err)
{
    struct gw_log *log = g->lanes->rt->log;

    if (news == GW_NEWS_UP)
        gw_log(log, GW_LOG_INFO, "peer.reachable", LOG_STR("peer", g->to.name),
               LOG_TIME("away_since", since));
    else if (news != GW_NEWS_NONE)
        gw_log(log, GW_LOG_WARNING, "peer.unreachable", LOG_STR("peer", g->to.name),
               LOG_TIME("since", g->circuit.since), LOG_INT("failures", g->circuit.failures),
               LOG_TIME("again_at", g->circuit.rest_until), LOG_ERR(err));
}

/* What an attempt says about the peer; the lock is held at both ends. */
static void learn(struct group *g, bool probe, enum gw_contact contact, const struct error *err)
{
    struct gw_runtime *rt = g->lanes->rt;
    struct gw_circuit *c = &g->circuit;
    int64_t since = c->since;
    uint16_t chance;
    struct error ignored;
    bool back;

    if (rng_bytes(rt->rng, &chance, sizeof chance, &ignored) != ST_OK)
        chance = 0;
    if (contact == GW_CONTACT_MADE && c->failures > 0) {
        g->returned = true;
        pthread_cond_broadcast(&g->sending);
    }
    news_log(g, gw_circuit_end(c, probe, contact, gw_now_ms(), chance, &back), since, err);
    gw_reach_note(rt->reach, g->to.name, gw_circuit_down_since(c));
    if (back)
        come_back(g);
}

/* ---- sending ---- */

/* The next due message of this peer that nobody has in hand; the lock is held. */
static bool pick(struct lane *lane, struct arena *arena, struct gw_message_row *row)
{
    struct group *g = lane->group;
    struct gw_runtime *rt = g->lanes->rt;
    const char *busy[SENDERS];
    struct gw_skip skip = {.only = g->to.name, .ids = busy};
    struct gw_message_list list = {0};
    uint64_t seen = gw_reach_changes(rt->reach);
    struct error err = {0};
    enum status st;

    for (unsigned i = 0; i < SENDERS; i++)
        if (g->busy[i].id[0] != '\0')
            busy[skip.id_count++] = g->busy[i].id;
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
    if (!gw_reach_take(rt->reach, &g->busy[lane->n], list.rows[0].id, seen)) {
        g->next_at = gw_now_ms() + BETWEEN_MS; /* it is just being changed */
        return false;
    }
    *row = list.rows[0];
    if (list.more)
        pthread_cond_signal(&g->sending); /* there is work for another lane */
    return true;
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
        rest(g, &g->sending, until);
}

/* One attempt; the lock is held at both ends. */
static void send_one(struct lane *lane, const struct gw_message_row *row)
{
    struct group *g = lane->group;
    struct gw_hand *hand = &g->busy[lane->n];
    struct error err = {0};
    bool probe = gw_circuit_begin(&g->circuit), outage = g->circuit.failures > 0, moved;
    enum status st;

    g->under_way++;
    pthread_mutex_unlock(&g->lock);
    st = g->to.carrier->send(lane->talk, row, outage, &moved, &err);
    pthread_mutex_lock(&g->lock);
    note(g, st, &err);
    g->report.attempts++;
    g->report.failures += st != ST_OK;
    learn(g, probe, contact_of(st, &err), &err);
    if (!moved && !g->lanes->stopping) /* a full disk, say: not again and again at once */
        rest(g, &g->sending, gw_now_ms() + AGAIN_MS);
    g->under_way--;
    gw_reach_put(g->lanes->rt->reach, hand, false);
    hand->id[0] = '\0';
    pthread_cond_signal(&g->sending); /* who waits for room, or for news of the peer */
}

/* One step of a sending lane; the lock is held at both ends. */
static void send_step(struct lane *lane)
{
    struct group *g = lane->group;
    struct arena arena;
    struct gw_message_row row;
    int64_t now = gw_now_ms(), until;

    if (!gw_circuit_may(&g->circuit, now, g->under_way, &until)) {
        rest(g, &g->sending, until != 0 ? until : now + IDLE_MS);
        return;
    }
    arena_init(&arena, 1024 * 1024);
    g->kicked = false;
    if (pick(lane, &arena, &row))
        send_one(lane, &row);
    else
        idle(lane, now);
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
    enum status st = g->to.carrier->fetch(lanes->rt, &g->to, g->detours, &count, err);
    size_t skipped = 0;

    for (size_t i = 0; i < g->detour_count; i++)
        skipped += gw_detour_skipped(&g->detours[i]);
    pthread_mutex_lock(&g->lock);
    g->report.skipped = skipped;
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

/* How long it waits after so many failures in a row: twice as long each time, up to the bound. */
static int64_t errand_wait_ms(const struct group *g, const struct errand *e)
{
    int64_t ms = AGAIN_MS, max = rest_max_ms(g);

    for (unsigned i = 2; i < e->failures && ms < max; i++)
        ms *= 2;
    if (ms > max)
        ms = max;
    return e->failures > 1 && ms > e->every_ms ? ms : e->every_ms;
}

/* What the network did is told by the circuit, once for all; the rest by the errand itself. */
static void errand_log(const struct group *g, const struct errand *e, enum gw_contact contact,
                       const struct error *err)
{
    bool network = contact == GW_CONTACT_LOST || contact == GW_CONTACT_FAILED;

    if (e->failures > 0 && power_of_two(e->failures) && !network && !g->lanes->stopping)
        gw_log(g->lanes->rt->log, GW_LOG_WARNING, e->event, LOG_STR("peer", g->to.name),
               LOG_INT("failures", e->failures), LOG_TIME("again_at", e->at), LOG_ERR(err));
}

/* As often as set; while it fails, as often as a lane that sends would try. */
static void errand_run(struct group *g, struct errand *e)
{
    struct error err = {0};
    enum gw_contact contact;
    enum status st;
    int64_t until;
    bool probe =
        gw_circuit_may(&g->circuit, gw_now_ms(), 0, &until) && gw_circuit_begin(&g->circuit);

    pthread_mutex_unlock(&g->lock);
    st = e->run(g, &err);
    pthread_mutex_lock(&g->lock);
    contact = reached(st, &err) ? GW_CONTACT_MADE : contact_of(st, &err);
    if (st == ST_OK && !e->asks)
        contact = GW_CONTACT_NONE;
    else
        note(g, st, &err);
    learn(g, probe, contact, &err);
    e->failures = st == ST_OK ? 0 : e->failures + 1;
    e->at = gw_now_ms() + errand_wait_ms(g, e);
    errand_log(g, e, contact, &err);
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
            rest(g, &g->fetching, until);
    }
    pthread_mutex_unlock(&g->lock);
    return NULL;
}

/* ---- all of them ---- */

static void group_wake(struct group *g, bool hint, bool stop)
{
    pthread_mutex_lock(&g->lock);
    g->kicked = true;
    if (hint)
        g->hinted = true;
    if (stop)
        g->lanes->stopping = true;
    if (hint || stop)
        pthread_cond_signal(&g->fetching);
    if (stop)
        pthread_cond_broadcast(&g->sending);
    else
        pthread_cond_signal(&g->sending); /* it wakes the next when there is more */
    pthread_mutex_unlock(&g->lock);
}

static void wake(struct gw_lanes *lanes, const char *name, bool hint, bool stop)
{
    for (size_t i = 0; i < lanes->group_count; i++)
        if (name == NULL || strcmp(lanes->groups[i].to.name, name) == 0)
            group_wake(&lanes->groups[i], hint, stop);
}

void gw_lanes_kick(struct gw_lanes *lanes, const char *name)
{
    wake(lanes, name, false, false);
}

void gw_lanes_hint(struct gw_lanes *lanes)
{
    wake(lanes, NULL, true, false);
}

bool gw_lanes_hold(struct gw_lanes *lanes, const char *id)
{
    bool held = false;

    for (size_t i = 0; i < lanes->group_count; i++) {
        struct group *g = &lanes->groups[i];

        pthread_mutex_lock(&g->lock);
        for (size_t n = 0; n < SENDERS; n++)
            held = held || strcmp(g->busy[n].id, id) == 0;
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
    report->down_since = gw_circuit_down_since(&lanes->groups[i].circuit);
    report->circuit = gw_circuit_state(&lanes->groups[i].circuit, gw_now_ms());
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

    wake(lanes, NULL, false, true);
    gw_worker_run(lanes->rt->loop, join_job, NULL, lanes);
}

static void group_init(struct gw_lanes *lanes, const struct gw_destination *to)
{
    struct group *g = &lanes->groups[lanes->group_count++];
    pthread_condattr_t monotonic;

    *g = (struct group){
        .lanes = lanes, .to = *to, .detour_count = to->mailboxes == 0 ? 1 : to->mailboxes};
    g->detours = gw_alloc(g->detour_count * sizeof *g->detours);
    gw_circuit_init(&g->circuit, SENDERS, rest_max_ms(g));
    pthread_mutex_init(&g->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&g->sending, &monotonic);
    pthread_cond_init(&g->fetching, &monotonic);
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

static bool sends(const struct gw_destination *to, unsigned n)
{
    return to->at_once == 0 || n < to->at_once;
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
            if (n == SENDERS || sends(&lanes->groups[i].to, n))
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
        pthread_cond_destroy(&lanes->groups[i].sending);
        pthread_cond_destroy(&lanes->groups[i].fetching);
        pthread_mutex_destroy(&lanes->groups[i].lock);
        for (size_t k = 0; k < lanes->groups[i].detour_count; k++)
            gw_detour_deinit(&lanes->groups[i].detours[k]);
        free(lanes->groups[i].detours);
    }
    free(lanes->groups);
    free(lanes->lanes);
    free(lanes);
}

#include "gateway/lane.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "gateway/log.h"
#include "gateway/worker.h"

enum { SENDERS = 4, PEERS_MAX = 256 };
enum { IDLE_MS = 30 * 1000, REST_FIRST_MS = 2000, REST_MAX_MS = 5 * 60 * 1000 };

/* The lanes of one intermediary share this; lock protects it. */
struct group {
    struct gw_lanes *lanes;
    const struct gw_peer *peer;
    const char *others[PEERS_MAX]; /* peers that are not ours */
    size_t other_count;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char busy[SENDERS][GW_ID_SIZE];
    bool kicked, hinted;
    unsigned failures; /* in a row */
    int64_t rest_until, next_at;
    bool probing;
    struct gw_lane_report report;
};

struct lane {
    struct group *group;
    unsigned n; /* SENDERS: the one that fetches */
    struct gw_conversation talk;
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

/* Waits until woken or until_ms; the lock is held. */
static void rest(struct group *g, int64_t until_ms)
{
    struct timespec ts = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};

    (void)pthread_cond_timedwait(&g->changed, &g->lock, &ts);
}

/* ---- sending ---- */

/* The next due message of this peer that no other lane has in hand; the lock is held. */
static bool pick(struct lane *lane, struct arena *arena, struct gw_message_row *row)
{
    struct group *g = lane->group;
    struct gw_runtime *rt = g->lanes->rt;
    const char *busy[SENDERS];
    struct gw_skip skip = {.peers = g->others, .peer_count = g->other_count, .ids = busy};
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
    return st == ST_RETRY && err->reason >= GW_R_NET_NAME && err->reason <= GW_R_NET_CLIENT_CERT;
}

/* For the operator; the lock is held. What fails before the peer is asked says nothing about it. */
static void note(struct group *g, enum status st, const struct error *err)
{
    if (st == ST_OK) {
        g->report.last_success_at = gw_now_ms();
    } else if (unreachable(st, err) || (err->reason >= 9000 && err->reason <= 9999)) {
        g->report.last_error_at = gw_now_ms();
        g->report.last_error = *err;
    }
}

/* What an attempt says about the peer; the lock is held. */
static void learn(struct group *g, enum status st, const struct error *err)
{
    int64_t ms = REST_FIRST_MS;

    note(g, st, err);
    g->probing = false;
    if (!unreachable(st, err)) {
        g->failures = 0;
        pthread_cond_broadcast(&g->changed);
        return;
    }
    for (unsigned i = 0; i < g->failures && ms < REST_MAX_MS; i++)
        ms *= 2;
    g->failures++;
    g->rest_until = gw_now_ms() + (ms < REST_MAX_MS ? ms : REST_MAX_MS);
    gw_log(g->lanes->rt->log, GW_LOG_WARNING, "peer.unreachable",
           LOG_STR("peer", g->peer->conf->name), LOG_INT("failures", g->failures),
           LOG_TIME("again_at", g->rest_until), LOG_ERR(err));
}

/* Nothing to send: the dialog ends, then the lane sleeps. The lock is held at both ends. */
static void idle(struct lane *lane, int64_t now)
{
    struct group *g = lane->group;
    int64_t until = now + IDLE_MS;

    if (lane->talk.dialog.state == OSCI_READY) {
        pthread_mutex_unlock(&g->lock);
        gw_conversation_close(&lane->talk);
        pthread_mutex_lock(&g->lock);
        return; /* and look again: something may have come meanwhile */
    }
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
    g->probing = g->failures > 0;
    pthread_mutex_unlock(&g->lock);
    st = gw_outbound_send(&lane->talk, &row, &err);
    pthread_mutex_lock(&g->lock);
    g->busy[lane->n][0] = '\0';
    learn(g, st, &err);
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

static void fetch_once(struct group *g)
{
    struct gw_lanes *lanes = g->lanes;
    struct error err = {0};
    size_t count = 0;
    enum status st = gw_inbound_fetch(lanes->rt, g->peer, &count, &err);

    pthread_mutex_lock(&g->lock);
    note(g, st, &err);
    pthread_mutex_unlock(&g->lock);
    if (st != ST_OK)
        gw_log(lanes->rt->log, GW_LOG_WARNING, "mailbox.fetch_failed",
               LOG_STR("peer", g->peer->conf->name), LOG_ERR(&err));
    if (count > 0 && lanes->received != NULL)
        lanes->received(lanes->received_ctx);
}

static void receipts_once(struct group *g)
{
    struct error err = {0};

    if (gw_outbound_expire(g->lanes->rt, &err) != ST_OK)
        gw_log(g->lanes->rt->log, GW_LOG_ERROR, "message.expire_failed", LOG_ERR(&err));
    if (gw_receipts_fetch(g->lanes->rt, g->peer, &err) != ST_OK)
        gw_log(g->lanes->rt->log, GW_LOG_WARNING, "receipts.fetch_failed",
               LOG_STR("peer", g->peer->conf->name), LOG_ERR(&err));
}

static void *fetch_main(void *arg)
{
    struct lane *lane = arg;
    struct group *g = lane->group;
    const struct gw_intermediary_conf *conf = g->peer->conf;
    int64_t fetch_at = 0, receipts_at = 0;

    pthread_mutex_lock(&g->lock);
    while (!g->lanes->stopping) {
        int64_t now = gw_now_ms();

        /* a clock set back must not silence us for as long as it was set back */
        if (g->hinted || fetch_at > now + conf->poll_seconds * 1000)
            fetch_at = now;
        if (g->hinted || receipts_at > now + conf->receipt_poll_seconds * 1000)
            receipts_at = now;
        g->hinted = false;
        if ((conf->fetch && fetch_at <= now) || receipts_at <= now) {
            bool fetch = conf->fetch && fetch_at <= now, receipts = receipts_at <= now;

            pthread_mutex_unlock(&g->lock);
            if (fetch)
                fetch_once(g);
            if (receipts)
                receipts_once(g);
            pthread_mutex_lock(&g->lock);
            now = gw_now_ms();
            fetch_at = fetch ? now + conf->poll_seconds * 1000 : fetch_at;
            receipts_at = receipts ? now + conf->receipt_poll_seconds * 1000 : receipts_at;
            continue;
        }
        rest(g, conf->fetch && fetch_at < receipts_at ? fetch_at : receipts_at);
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

bool gw_lanes_report(struct gw_lanes *lanes, size_t i, struct gw_lane_report *report)
{
    if (i >= lanes->group_count)
        return false;
    pthread_mutex_lock(&lanes->groups[i].lock);
    *report = lanes->groups[i].report;
    pthread_mutex_unlock(&lanes->groups[i].lock);
    report->conf = lanes->groups[i].peer->conf;
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

static void group_init(struct gw_lanes *lanes, size_t i)
{
    struct group *g = &lanes->groups[i];
    struct gw_runtime *rt = lanes->rt;

    *g = (struct group){.lanes = lanes, .peer = &rt->peers[i]};
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->changed, NULL);
    for (size_t k = 0; k < rt->peer_count; k++)
        if (k != i)
            g->others[g->other_count++] = rt->peers[k].conf->name;
}

enum status gw_lanes_start(struct gw_runtime *rt, void (*received)(void *ctx), void *ctx,
                           struct gw_lanes **out, struct error *err)
{
    struct gw_lanes *lanes;

    if (rt->peer_count > PEERS_MAX)
        return error_set(err, ST_LIMIT, GW_R_LIMIT, "more than %d intermediaries", PEERS_MAX);
    lanes = gw_alloc(sizeof *lanes);
    *lanes = (struct gw_lanes){.rt = rt, .received = received, .received_ctx = ctx};
    lanes->groups = gw_alloc((rt->peer_count + 1) * sizeof *lanes->groups);
    lanes->lanes = gw_alloc((rt->peer_count * (SENDERS + 1) + 1) * sizeof *lanes->lanes);
    for (; lanes->group_count < rt->peer_count; lanes->group_count++)
        group_init(lanes, lanes->group_count);
    gw_loop_on_stop(rt->loop, stop_hook, lanes);
    *out = lanes;
    for (size_t i = 0; i < lanes->group_count; i++)
        for (unsigned n = 0; n <= SENDERS; n++) {
            struct lane *lane = &lanes->lanes[lanes->lane_count++];

            lane->group = &lanes->groups[i];
            lane->n = n;
            gw_conversation_init(&lane->talk, rt, lane->group->peer);
            if (pthread_create(&lane->thread, NULL, n < SENDERS ? send_main : fetch_main, lane) !=
                0)
                return error_set(err, ST_LIMIT, GW_R_LIMIT, "no more threads");
            lane->started = true;
        }
    return ST_OK;
}

void gw_lanes_free(struct gw_lanes *lanes)
{
    if (lanes == NULL)
        return;
    join_job(lanes);
    for (size_t i = 0; i < lanes->group_count; i++) {
        pthread_cond_destroy(&lanes->groups[i].changed);
        pthread_mutex_destroy(&lanes->groups[i].lock);
    }
    free(lanes->groups);
    free(lanes->lanes);
    free(lanes);
}

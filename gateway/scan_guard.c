#include "gateway/scan_guard.h"

#include <pthread.h>
#include <stdlib.h>

#include "gateway/reason.h"

enum { REST_MAX_MS = 15 * 1000, CHANCE_NONE = 32768 };

struct gw_scan_guard {
    struct gw_log *log;
    pthread_mutex_t lock;
    struct gw_circuit circuit;
    struct error why; /* of the last question without a word */
};

enum status gw_scan_guard_new(struct gw_log *log, struct gw_scan_guard **guard, struct error *err)
{
    struct gw_scan_guard *g = calloc(1, sizeof *g);

    TRY_ALLOC(g, err);
    g->log = log;
    pthread_mutex_init(&g->lock, NULL);
    gw_circuit_init(&g->circuit, 1, REST_MAX_MS);
    *guard = g;
    return ST_OK;
}

void gw_scan_guard_free(struct gw_scan_guard *g)
{
    if (g == NULL)
        return;
    pthread_mutex_destroy(&g->lock);
    free(g);
}

enum status gw_scan_guard_begin(struct gw_scan_guard *g, int64_t now, bool *probe,
                                struct error *err)
{
    int64_t until;
    bool may;

    pthread_mutex_lock(&g->lock);
    /* how many ask at the same time is not ours to bound: workers and lanes are counted */
    may = gw_circuit_may(&g->circuit, now, 0, &until);
    if (may)
        *probe = gw_circuit_begin(&g->circuit);
    else
        *err = g->why;
    pthread_mutex_unlock(&g->lock);
    return may ? ST_OK : err->status;
}

static void news_log(const struct gw_scan_guard *g, enum gw_circuit_news news, int64_t since,
                     const struct error *why)
{
    if (news == GW_NEWS_UP)
        gw_log(g->log, GW_LOG_INFO, "scanner.answers", LOG_TIME("away_since", since));
    else if (news != GW_NEWS_NONE)
        gw_log(g->log, GW_LOG_WARNING, "scanner.unavailable", LOG_TIME("since", g->circuit.since),
               LOG_INT("failures", g->circuit.failures), LOG_ERR(why));
}

void gw_scan_guard_end(struct gw_scan_guard *g, int64_t now, bool probe, enum status st,
                       const struct error *why)
{
    bool mute = st == ST_RETRY && why->reason == GW_R_SCAN_UNAVAILABLE, back;
    enum gw_contact contact = st == ST_OK ? GW_CONTACT_MADE
                              : mute      ? GW_CONTACT_LOST
                                          : GW_CONTACT_NONE;
    int64_t since;

    pthread_mutex_lock(&g->lock);
    since = g->circuit.since;
    if (mute)
        g->why = *why;
    news_log(g, gw_circuit_end(&g->circuit, probe, contact, now, CHANCE_NONE, &back), since, why);
    pthread_mutex_unlock(&g->lock);
}

int64_t gw_scan_guard_down_since(struct gw_scan_guard *g, struct error *why)
{
    int64_t since;

    pthread_mutex_lock(&g->lock);
    since = gw_circuit_down_since(&g->circuit);
    if (since != 0)
        *why = g->why;
    pthread_mutex_unlock(&g->lock);
    return since;
}

#include "gateway/alternative.h"

#include <stdio.h>

#include "gateway/log.h"
#include "gateway/rule.h"
#include "gateway/worker.h"

enum { LOOK_MS = 2000, TRIAL_EVERY_MS = 60 * 1000, TRIAL_LONGEST_MS = 6 * 60 * 1000 };
enum { TO_MAX = 8, ARENA_MAX = 32 * 1024 * 1024, MOVES_MAX = 500 }; /* in one look, a commit each */

/* One row with alternatives. */
struct watch {
    const struct gw_rule_conf *rule;
    size_t count;
    const struct gw_partner *to[TO_MAX];
    int64_t down_since[TO_MAX]; /* at this look */
    size_t chosen;
    /* the message that is left with the first one to find out whether it is back; "": none */
    char trial[GW_ID_SIZE];
    int trial_attempts; /* it had then */
    int64_t trial_at, next_trial_at;
    bool trial_seen; /* in this look */
};

struct gw_alternatives {
    const struct gw_runtime *rt;
    struct gw_lanes *lanes;
    struct gw_timer *timer;
    bool looking;
    struct watch *watches;
    size_t count;
};

static bool is_out(int64_t down_since, int64_t after_ms, int64_t now)
{
    return down_since != 0 && now - down_since >= after_ms;
}

size_t gw_alternative_choose(const int64_t *down_since, size_t count, int64_t after_ms, int64_t now)
{
    for (size_t i = 0; i < count; i++)
        if (!is_out(down_since[i], after_ms, now))
            return i;
    return 0;
}

/* ---- one message ---- */

/* True when it has gone. What is being sent just now is looked at again the next time. */
static bool give(struct gw_alternatives *a, const struct watch *w, const struct gw_message_row *row,
                 size_t from, int64_t now)
{
    AUTO(buf_deinit) struct buf en = {0}, de = {0};
    const char *was = w->to[from]->conf->name, *is = w->to[w->chosen]->conf->name;
    struct gw_cause cause = {.now = now, .actor = "route"};
    struct error err = {0};
    enum status st;

    buf_init(&en, 4096);
    buf_init(&de, 4096);
    buf_printf(&en, "%s is down; by the route %s it goes to %s", was, w->rule->name, is);
    buf_printf(&de, "%s ist ausgefallen; nach der Route %s geht es an %s", was, w->rule->name, is);
    cause.en = buf_cstr(&en);
    cause.de = buf_cstr(&de);
    st = gw_outbound_redirect(a->rt, row->id, w->to[w->chosen], &cause, &err);
    if (st != ST_OK && st != ST_RETRY && st != ST_DENIED && st != ST_NOT_FOUND)
        gw_log(a->rt->log, GW_LOG_ERROR, "store.write_failed", LOG_STR("id", row->id),
               LOG_ERR(&err));
    return st == ST_OK;
}

static int64_t next_trial(const struct watch *w, int64_t now)
{
    int64_t after_ms = w->rule->after_seconds * 1000;

    return now + (after_ms < TRIAL_EVERY_MS ? after_ms : TRIAL_EVERY_MS);
}

/* Is it to stay with a destination that is down, to find out whether that is back? */
static bool is_trial(struct watch *w, const struct gw_message_row *row, size_t from, int64_t now)
{
    if (from > w->chosen)
        return false;
    if (w->trial[0] == '\0') {
        if (now < w->next_trial_at)
            return false;
        (void)snprintf(w->trial, sizeof w->trial, "%s", row->id);
        w->trial_attempts = row->attempts;
        w->trial_at = now;
        w->trial_seen = true;
        return true;
    }
    if (strcmp(w->trial, row->id) != 0)
        return false;
    w->trial_seen = true;
    if (row->attempts == w->trial_attempts && now - w->trial_at < TRIAL_LONGEST_MS)
        return true;
    w->trial[0] = '\0';
    w->next_trial_at = next_trial(w, now);
    return false;
}

/* ---- one destination ---- */

static bool is_of(const struct watch *w, size_t from, const struct gw_message_row *row, int64_t now)
{
    return row->route != NULL && strcmp(row->route, w->rule->name) == 0 && row->recipient != NULL &&
           strcmp(row->recipient, w->to[from]->conf->name) == 0 && row->deliver_after <= now;
}

static enum status page(struct gw_alternatives *a, const char *peer, char cursor[GW_ID_SIZE],
                        struct arena *arena, struct gw_message_list *list, struct error *err)
{
    const struct gw_filter filter = {.box = GW_OUTBOX,
                                     .peer = peer,
                                     .states = GW_STATES(GW_ACCEPTED) | GW_STATES(GW_SEALED) |
                                               GW_STATES(GW_DEFERRED),
                                     .oldest_first = true,
                                     .cursor = cursor[0] == '\0' ? NULL : cursor,
                                     .limit = GW_LIST_MAX};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    TRY(gw_store_read(a->rt->store, &tx, err));
    TRY(gw_store_messages(tx, arena, &filter, list, err));
    if (list->more)
        (void)snprintf(cursor, GW_ID_SIZE, "%s", list->cursor);
    return ST_OK;
}

/* All that wait there go to the chosen one. */
static enum status clear(struct gw_alternatives *a, struct watch *w, size_t from, int64_t now,
                         struct error *err)
{
    char cursor[GW_ID_SIZE] = "";
    size_t moved = 0;
    bool more = true;

    while (more && moved < MOVES_MAX && !gw_loop_stopping(a->rt->loop)) {
        AUTO(arena_deinit) struct arena arena = {.max = ARENA_MAX};
        struct gw_message_list list = {0};

        TRY(page(a, w->to[from]->way, cursor, &arena, &list, err));
        for (size_t i = 0; i < list.count && moved < MOVES_MAX && !gw_loop_stopping(a->rt->loop);
             i++)
            if (is_of(w, from, &list.rows[i], now) && !is_trial(w, &list.rows[i], from, now))
                moved += give(a, w, &list.rows[i], from, now);
        more = list.more;
    }
    if (moved > 0)
        gw_lanes_kick(a->lanes, w->to[w->chosen]->way);
    return ST_OK;
}

/* ---- one row ---- */

static void states_get(struct gw_alternatives *a, struct watch *w)
{
    struct gw_lane_report report;

    memset(w->down_since, 0, sizeof w->down_since);
    for (size_t k = 0; gw_lanes_report(a->lanes, k, &report); k++)
        for (size_t i = 0; i < w->count; i++)
            if (strcmp(w->to[i]->way, report.to.name) == 0)
                w->down_since[i] = report.down_since;
}

/* One line for each turn. */
static void turn(struct gw_alternatives *a, struct watch *w, size_t chosen, int64_t now)
{
    bool away = chosen > w->chosen;

    if (chosen == w->chosen)
        return;
    gw_log(a->rt->log, away ? GW_LOG_WARNING : GW_LOG_INFO,
           away ? "route.alternative" : "route.back", LOG_STR("route", w->rule->name),
           LOG_STR("from", w->to[w->chosen]->conf->name), LOG_STR("to", w->to[chosen]->conf->name));
    w->chosen = chosen;
    w->trial[0] = '\0';
    w->next_trial_at = next_trial(w, now);
}

static enum status row_look(struct gw_alternatives *a, struct watch *w, int64_t now,
                            struct error *err)
{
    int64_t after_ms = w->rule->after_seconds * 1000;

    states_get(a, w);
    turn(a, w, gw_alternative_choose(w->down_since, w->count, after_ms, now), now);
    if (is_out(w->down_since[w->chosen], after_ms, now))
        return ST_OK; /* all of them: nowhere is better */
    w->trial_seen = false;
    for (size_t i = 0; i < w->count; i++)
        if (i != w->chosen && w->down_since[i] != 0 &&
            (i > w->chosen || is_out(w->down_since[i], after_ms, now)))
            TRY(clear(a, w, i, now, err));
    if (!w->trial_seen)
        w->trial[0] = '\0'; /* it got through, or was withdrawn */
    return ST_OK;
}

void gw_alternatives_look(struct gw_alternatives *a)
{
    struct error err = {0};

    for (size_t i = 0; i < a->count; i++)
        if (row_look(a, &a->watches[i], gw_now_ms(), &err) != ST_OK)
            gw_log(a->rt->log, GW_LOG_ERROR, "store.read_failed", LOG_ERR(&err));
}

/* ---- by the clock ---- */

static void look_run(void *ctx)
{
    gw_alternatives_look(ctx);
}

static void look_done(void *ctx)
{
    struct gw_alternatives *a = ctx;

    a->looking = false;
}

static void fire(void *ctx)
{
    struct gw_alternatives *a = ctx;

    if (a->looking || gw_loop_stopping(a->rt->loop))
        return;
    a->looking = true;
    gw_worker_run(a->rt->loop, look_run, look_done, a);
}

static void watch_add(struct gw_alternatives *a, const struct gw_rule_conf *rule)
{
    struct watch w = {.rule = rule};
    struct gw_rule_target target;

    for (unsigned i = 0; i < rule->to_count && w.count < TO_MAX; i++) {
        const struct gw_partner *to = NULL;

        if (gw_rule_target_of(a->rt->conf, rule->to[i], &target) == GW_NAMED_ONE &&
            target.kind != GW_TO_ENDPOINT)
            to = gw_runtime_partner(a->rt, target.name);
        if (to != NULL)
            w.to[w.count++] = to;
    }
    if (w.count > 1)
        a->watches[a->count++] = w;
}

enum status gw_alternatives_new(const struct gw_runtime *rt, struct gw_lanes *lanes,
                                struct gw_alternatives **out, struct error *err)
{
    struct gw_alternatives *a = gw_alloc(sizeof *a);

    (void)err;
    *a = (struct gw_alternatives){.rt = rt, .lanes = lanes};
    a->watches = gw_alloc((rt->conf->routes_count + 1) * sizeof *a->watches);
    for (unsigned i = 0; i < rt->conf->routes_count; i++)
        watch_add(a, &rt->conf->routes[i]);
    if (a->count == 0) {
        gw_alternatives_free(a);
        return ST_OK;
    }
    a->timer = gw_timer_new(rt->loop, fire, a);
    gw_timer_start(a->timer, LOOK_MS, LOOK_MS);
    *out = a;
    return ST_OK;
}

void gw_alternatives_close(struct gw_alternatives *a)
{
    if (a != NULL)
        gw_timer_drop(&a->timer);
}

void gw_alternatives_free(struct gw_alternatives *a)
{
    if (a == NULL)
        return;
    gw_alternatives_close(a);
    free(a->watches);
    free(a);
}

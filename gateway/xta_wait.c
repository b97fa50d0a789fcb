#include "gateway/xta_wait.h"

#include <stdatomic.h>

#include "gateway/worker.h"

enum { LOOK_MS = 200, ARENA_MAX = 1024 * 1024 };

/* One call that waits for a reply by OSCI. */
struct wait {
    struct wait *next;
    struct gw_xta_waits *all;
    const struct gw_xta_pause *pause;
    void (*done)(void *ctx);
    void *ctx;
    bool settled; /* what the last look said */
};

struct gw_xta_waits {
    const struct gw_runtime *rt;
    struct gw_requests *requests;
    struct gw_timer *timer;
    struct wait *first;   /* a worker may be reading it (looking) */
    struct wait *joining; /* come meanwhile */
    bool looking, closing;
    atomic_int *waiting; /* calls of each account */
};

/* ---- in a worker ---- */

static enum status look(const struct gw_runtime *rt, const char *id, bool *settled,
                        struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {.max = ARENA_MAX};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_message_row row;

    TRY(gw_store_read(rt->store, &tx, err));
    TRY(gw_store_message(tx, &arena, id, &row, err));
    *settled = gw_state_is_final(row.state);
    return ST_OK;
}

/* While it runs nobody joins or leaves the list. */
static void look_run(void *ctx)
{
    struct gw_xta_waits *all = ctx;

    for (struct wait *w = all->first; w != NULL; w = w->next) {
        struct error ignored = {0};

        if (!w->settled && look(all->rt, w->pause->out_id, &w->settled, &ignored) == ST_NOT_FOUND)
            w->settled = true;
    }
}

/* ---- on the loop ---- */

static bool is_over(const struct wait *w)
{
    return w->settled || w->all->closing || w->pause->due_at <= gw_now_ms();
}

/* Takes those out whose wait is over. */
static struct wait *over_take(struct gw_xta_waits *all)
{
    struct wait **at = &all->first, *over = NULL, *w;

    while ((w = *at) != NULL) {
        if (!is_over(w)) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        w->next = over;
        over = w;
    }
    return over;
}

static void joining_add(struct gw_xta_waits *all)
{
    struct wait *w;

    while ((w = all->joining) != NULL) {
        all->joining = w->next;
        w->next = all->first;
        all->first = w;
    }
}

static void look_done(void *ctx)
{
    struct gw_xta_waits *all = ctx;
    struct wait *over, *next;

    all->looking = false;
    joining_add(all);
    over = over_take(all);
    if (all->first != NULL)
        gw_timer_start(all->timer, LOOK_MS, 0);
    for (; over != NULL; over = next) {
        next = over->next;
        over->done(over->ctx);
        free(over);
    }
}

static void tick(void *ctx)
{
    struct gw_xta_waits *all = ctx;

    all->looking = true;
    gw_worker_run(all->rt->loop, look_run, look_done, all);
}

void gw_xta_wait(struct gw_xta_waits *all, const struct gw_xta_pause *pause,
                 void (*done)(void *ctx), void *ctx)
{
    struct wait *w;

    if (pause->request_id != NULL) {
        gw_requests_await(all->requests, pause->request_id, pause->endpoint, pause->due_at,
                          pause->fresh, done, ctx);
        return;
    }
    if (all->closing) {
        gw_loop_post(all->rt->loop, done, ctx);
        return;
    }
    w = gw_alloc(sizeof *w);
    *w = (struct wait){.next = all->joining, .all = all, .pause = pause, .done = done, .ctx = ctx};
    all->joining = w;
    if (all->looking)
        return;
    joining_add(all);
    gw_timer_start(all->timer, LOOK_MS, 0);
}

static atomic_int *waiting_of(struct gw_xta_waits *all, const struct gw_xta_account_conf *account)
{
    return &all->waiting[account - all->rt->conf->xta_server->accounts];
}

bool gw_xta_waits_enter(struct gw_xta_waits *all, const struct gw_xta_account_conf *account)
{
    if (atomic_fetch_add(waiting_of(all, account), 1) < all->rt->conf->xta_server->sync_max)
        return true;
    gw_xta_waits_leave(all, account);
    return false;
}

void gw_xta_waits_leave(struct gw_xta_waits *all, const struct gw_xta_account_conf *account)
{
    atomic_fetch_sub(waiting_of(all, account), 1);
}

struct gw_xta_waits *gw_xta_waits_new(const struct gw_runtime *rt, struct gw_requests *requests)
{
    struct gw_xta_waits *all = gw_alloc(sizeof *all);

    all->rt = rt;
    all->requests = requests;
    all->waiting = gw_alloc((rt->conf->xta_server->accounts_count + 1) * sizeof *all->waiting);
    all->timer = gw_timer_new(rt->loop, tick, all);
    return all;
}

void gw_xta_waits_close(struct gw_xta_waits *all)
{
    all->closing = true;
    gw_timer_free(all->timer);
    all->timer = NULL;
    if (!all->looking)
        look_done(all);
}

void gw_xta_waits_free(struct gw_xta_waits *all)
{
    if (all == NULL)
        return;
    gw_timer_free(all->timer); /* of one that was never closed */
    free(all->waiting);
    free(all);
}

/*
 * gateway/loop.h - the one thread that talks to the network
 *
 * One libuv loop does all network I/O. Callbacks on it stay short: collect bytes, call down, carry
 * out the decision. Whatever computes or blocks is a worker job (gateway/worker.h). Everything here
 * belongs to the loop's thread, except gw_loop_post, gw_loop_stop and gw_loop_stopping, which any
 * thread may call.
 *
 * Shutting down: gw_loop_stop calls the stop hooks, the last registered first; each closes what its
 * module holds (servers, clients, timers). gw_loop_run returns when the last handle is closed, the
 * last job is done and the last posted function has run. Memory of our own small records that is
 * not to be had ends the process: the queue is durable, half a step is worse than a restart.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "crypto/base/error.h"

struct gw_loop;
struct gw_timer;
struct gw_handover;

/* Ignores SIGPIPE. The loop is the caller's, free it with gw_loop_free. */
MUST_CHECK enum status gw_loop_new(struct gw_loop **loop, struct error *err);
/* After gw_loop_run has returned, or before it was ever called. Asserts that nothing is left. */
void gw_loop_free(struct gw_loop *loop);
DROP_DEFINE(gw_loop_drop, struct gw_loop, gw_loop_free)

/* Runs until gw_loop_stop was called and all is closed; with nothing else to do it waits. */
void gw_loop_run(struct gw_loop *loop);
/* Any thread, any number of times; the hooks run on the loop. */
void gw_loop_stop(struct gw_loop *loop);
bool gw_loop_stopping(const struct gw_loop *loop); /* any thread */
/* Called once, when the loop stops; at once when it is stopping already. */
void gw_loop_on_stop(struct gw_loop *loop, void (*hook)(void *ctx), void *ctx);
/* fn(ctx) on the loop, soon, in the order of posting; from any thread. */
void gw_loop_post(struct gw_loop *loop, void (*fn)(void *ctx), void *ctx);
/* fn on the loop whenever signum arrives. The loop owns the handle. ST_INTERNAL: not possible. */
MUST_CHECK enum status gw_loop_on_signal(struct gw_loop *loop, int signum,
                                         void (*fn)(void *ctx, int signum), void *ctx,
                                         struct error *err);
/* Where servers find sockets that listen already, and leave theirs (gateway/handover.h); borrowed,
 * to be set before the first server. NULL at first: nowhere. */
void gw_loop_use_handover(struct gw_loop *loop, struct gw_handover *handover);
struct gw_handover *gw_loop_handover(struct gw_loop *loop);
/* For the modules of gateway/ that hold handles of their own. */
uv_loop_t *gw_loop_uv(struct gw_loop *loop);
/* The number of worker jobs waiting or running; kept by gateway/worker.c. */
size_t *gw_loop_jobs(struct gw_loop *loop);

/* A timer of the caller's, not running yet. Free it (in a stop hook at the latest). */
struct gw_timer *gw_timer_new(struct gw_loop *loop, void (*fire)(void *ctx), void *ctx);
/* First after delay_ms, then every repeat_ms (0: once). Restarts a running one. */
void gw_timer_start(struct gw_timer *timer, int64_t delay_ms, int64_t repeat_ms);
void gw_timer_stop(struct gw_timer *timer);
void gw_timer_free(struct gw_timer *timer); /* never fires again; also from within fire */
DROP_DEFINE(gw_timer_drop, struct gw_timer, gw_timer_free)

/* The wall clock: milliseconds since 1970 in UTC. Any thread. */
int64_t gw_now_ms(void);
/* Never goes back, for measuring; its zero is arbitrary. Any thread. */
int64_t gw_monotonic_ms(void);

/* Zeroed memory for small records; never NULL (see above). Release with free. */
void *gw_alloc(size_t size);

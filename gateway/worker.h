/*
 * gateway/worker.h - jobs that compute or block, away from the loop
 *
 * A job runs on libuv's thread pool in plain blocking style (XML, crypto, SQLite, files), then its
 * result comes back to the loop. A job owns what ctx points to alone until done is called, and
 * shares only const settings. The pool has a fixed number of threads; jobs wait in line for one.
 */
#pragma once

#include "gateway/loop.h"

/*
 * Call in main before anything else uses libuv. threads 0: two for every core and two more, because
 * jobs also wait for fsync.
 */
void gw_worker_setup(unsigned threads);
/* How many there are. */
unsigned gw_worker_threads(void);

/* From the loop's thread: job(ctx) on a worker, then done(ctx) on the loop. done may be NULL. */
void gw_worker_run(struct gw_loop *loop, void (*job)(void *ctx), void (*done)(void *ctx),
                   void *ctx);
/* Jobs waiting or running; loop thread only. */
size_t gw_worker_count(struct gw_loop *loop);

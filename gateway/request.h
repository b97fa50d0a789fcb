/*
 * gateway/request.h - requests whose senders wait, until they are settled
 *
 * The request is durable before it gets here (gateway/inbound.h). Either a program is run for it,
 * with the request's files in one folder and an empty one for the answer, or the API answers; when
 * the deadline passes, whatever runs is killed and the request is settled without an answer. Every
 * way of settling it is durable before those who wait hear of it, and no program is ever run twice
 * for the same request: one that a crash or a stop interrupted stays unanswered.
 *
 *   await ► (queued) ► folder written ► program ► answer sealed, committed ► done
 *        \► API: gw_requests_settled ────────────────────────────────────┘
 *
 * The program finds the folders in DEPESCHE_REQUEST (payload, message.json, verification.json) and
 * DEPESCHE_ANSWER; PATH and LANG are all else there is. Exit code 0: the files in the answer's
 * folder are the answer, in the order of their names; none of them: there is none.
 *
 * Loop thread, but for gw_requests_settled.
 */
#pragma once

#include "gateway/reply.h"

struct gw_requests;

/* Settles what a crash left behind; reads and writes the store. rt is borrowed. One for all doors
 * through which requests come. NULL: no endpoint answers any. */
MUST_CHECK enum status gw_requests_new(const struct gw_runtime *rt, struct gw_requests **requests,
                                       struct error *err);
/* Everything that waits is settled without an answer, programs are killed. Once, on the loop, in a
 * stop hook at the latest. */
void gw_requests_close(struct gw_requests *requests);
/* After gw_loop_run has returned. */
void gw_requests_free(struct gw_requests *requests);
DROP_DEFINE(gw_requests_drop, struct gw_requests, gw_requests_free)

/*
 * done(ctx) once the request is settled, never from within. fresh: it has come for the first time,
 * so a program is to be run where the endpoint has one.
 */
void gw_requests_await(struct gw_requests *requests, const char *id,
                       const struct gw_endpoint_conf *endpoint, int64_t due_at, bool fresh,
                       void (*done)(void *ctx), void *ctx);
/* An answer to it has been committed; any thread. */
void gw_requests_settled(struct gw_requests *requests, const char *id);

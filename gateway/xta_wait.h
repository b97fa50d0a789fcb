/*
 * gateway/xta_wait.h - calls whose answers are still to come: sendMessageSync, deliverMessage
 *
 * No worker waits with them. What an endpoint of ours answers waits with the other requests
 * (gateway/request.h); for a reply that comes with OSCI the store is asked a few times a second
 * whether it is there, which costs one look at an index.
 *
 * Loop thread only, but for enter and leave.
 */
#pragma once

#include "gateway/request.h"
#include "gateway/xta_call.h"

struct gw_xta_waits;

/* rt and requests (NULL: no endpoint answers any) are borrowed. */
struct gw_xta_waits *gw_xta_waits_new(const struct gw_runtime *rt, struct gw_requests *requests);
/*
 * A place for one more call of this account that waits, to be given back; false: it has as many as
 * it may have (xta_server.sync_max), for each keeps a connection. Any thread.
 */
bool gw_xta_waits_enter(struct gw_xta_waits *waits, const struct gw_xta_account_conf *account);
void gw_xta_waits_leave(struct gw_xta_waits *waits, const struct gw_xta_account_conf *account);
/* done(ctx), not from within this call: there may be an answer, there will be none, it is too late,
 * or the gateway stops. pause must live until then. */
void gw_xta_wait(struct gw_xta_waits *waits, const struct gw_xta_pause *pause,
                 void (*done)(void *ctx), void *ctx);
/* Nobody waits any longer. Once, in a stop hook at the latest. */
void gw_xta_waits_close(struct gw_xta_waits *waits);
void gw_xta_waits_free(struct gw_xta_waits *waits); /* after gw_loop_run has returned */

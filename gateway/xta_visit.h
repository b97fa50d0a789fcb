/*
 * gateway/xta_visit.h - one request to the XTA server, from its head to the end of its answer
 *
 * Private to gateway/xta_server.c and gateway/xta_visit.c. A visit is made when the head has come,
 * takes the body, is handled in one worker job, and goes when the answer is over. Where the answer
 * is still to come, the rest of it is done in a second job.
 *
 * A body that is too large is read to its end within bounds, kept up to what the limit needs, and
 * refused with the fault that says so: a client that is still sending would not see an answer. Who
 * has no account is known when the head has come, and nothing of his goes to disk.
 */
#pragma once

#include "gateway/http_server.h"
#include "gateway/refusal.h"
#include "gateway/xta_account.h"
#include "gateway/xta_call.h"
#include "gateway/xta_parcel.h"
#include "gateway/xta_wait.h"

struct gw_xta_server {
    const struct gw_runtime *rt;
    const struct gw_xta_server_conf *conf;
    struct gw_xta_accounts *accounts;
    struct xta_limits limits;
    uint64_t body_max; /* what a body within limits needs at most */
    struct gw_refusals refusals;
    struct gw_xta_waits *waits;
    struct gw_doors *doors;
    struct gw_xta_door *door_list;
    void (*sent)(void *ctx);
    void *sent_ctx;
};

struct gw_xta_visit;

/* In on_request: the body goes into the visit, which is the request's user. What is announced too
 * large is refused at once. */
void gw_xta_visit_begin(struct gw_xta_server *server, enum xta_version version, enum xta_port port,
                        struct gw_http_request *req);
/* In on_complete. */
void gw_xta_visit_go(struct gw_xta_visit *visit);
/* In on_gone. NULL is fine. */
void gw_xta_visit_left(struct gw_xta_visit *visit);

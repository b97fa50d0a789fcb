/*
 * gateway/http_wait.h - one HTTP call for a thread that can wait for it: a lane's
 *
 * Lanes write their dialogs as plain code; the sockets are the loop's. This stands between them.
 */
#pragma once

#include "gateway/runtime.h"

struct gw_http_waited {
    int status;              /* HTTP status of the answer */
    struct gw_body *body;    /* the whole answer */
    char content_type[1024]; /* "" when there is none, or none so long */
    bool maybe_received;     /* also after a failure: the peer can have got the request */
};
void gw_http_waited_deinit(struct gw_http_waited *w); /* for AUTO too; zeroed is empty */

/*
 * Makes the call and waits for its end. done and ctx are not looked at; the body is taken.
 * ST_OK: there is a whole answer, whatever its status. ST_RETRY, reason of GW_R_NET_*: none came;
 * reason 0: the gateway is stopping, which says nothing about the peer. Others: our own body could
 * not be read.
 */
MUST_CHECK enum status gw_http_wait(const struct gw_runtime *rt, const struct gw_http_call *call,
                                    struct gw_http_waited *waited, struct error *err);

/*
 * gateway/inbound.h - one message on its way in
 *
 *   fetchDelivery --open and verify--> payload files --durable--> received, opened
 *   acceptDelivery, processDelivery, responseToMediateDelivery
 *                                  \-> cannot be opened or believed, or has a virus --durable-->
 *                                      quarantined
 *
 * The next request of the dialog tells the intermediary that we have the delivery (digest 3.4 rule
 * 7), and so does the answer of a passive recipient: both leave only after the commit. What cannot
 * be opened is kept as it came; what came twice is dropped the second time. While the virus scanner
 * is away nothing is taken (ST_RETRY, GW_R_SCAN_UNAVAILABLE), but for replies to requests of ours,
 * which would not come again: they go to quarantine.
 *
 * Source: OSCI 1.2 digest 2.5, 2.8, 3.5, 11.2.
 */
#pragma once

#include "gateway/exchange.h"
#include "gateway/store_request.h"

/* Why a message that was opened cannot be believed; reason 0: it can. */
struct gw_doubt {
    int reason; /* GW_R_CONTENT_*, GW_R_CERT_*, GW_R_SCAN_* */
    char text[CERT_REASON_MAX];
};

/* What is more than a delivery; zeroed: nothing. */
struct gw_inbound_as {
    /* The reply to a message of ours (responseToMediateDelivery): it goes to the endpoint that sent
     * it, and along moves it on in the same commit. */
    const struct gw_message_row *reply_to;
    const struct gw_move *along;
    /* A request (processDelivery) for this endpoint, kept with the message; message_id is filled in
     * here. One that cannot be believed is settled without an answer at once. */
    const struct gw_request_row *request;
    const char *endpoint;
    /* Where not NULL: asked just before the commit, when all else is done; may wait. Not ST_OK: it
     * comes back, and nothing is kept. */
    enum status (*turn)(void *ctx, struct error *err);
    void *turn_ctx;
    int64_t at; /* the time that it bears; 0: now */
    /* filled, where not NULL: the message's id, that of the first time for one seen before */
    char *id; /* GW_ID_SIZE */
};

/*
 * Takes a verified message with a delivery (responseToFetchDelivery, acceptDelivery,
 * processDelivery, responseToMediateDelivery) into the inbox; as may be NULL. ST_OK: it is durable,
 * *fresh says whether it is new to us. Any other status: nothing was kept, and nobody may be told
 * that it was.
 */
MUST_CHECK enum status gw_inbound_take(const struct gw_runtime *rt, const struct gw_peer *peer,
                                       const struct gw_answer *answer,
                                       const struct gw_inbound_as *as, bool *fresh,
                                       struct error *err);
/* The endpoint of this tenant that receives this subject, the one that receives by default, or the
 * only one; NULL: none. */
const struct gw_endpoint_conf *gw_inbound_endpoint(const struct gw_config *conf, const char *tenant,
                                                   struct span subject);

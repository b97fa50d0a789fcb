/*
 * gateway/inbound.h - one message on its way in
 *
 *   fetchDelivery --open and verify--> payload files --durable--> received, opened
 *   acceptDelivery                 \-> cannot be opened or believed --durable--> quarantined
 *
 * The next request of the dialog tells the intermediary that we have the delivery (digest 3.4 rule
 * 7), and so does the answer of a passive recipient: both leave only after the commit. What cannot
 * be opened is kept as it came; what came twice is dropped the second time.
 *
 * Source: OSCI 1.2 digest 2.5, 2.8, 3.5, 11.2.
 */
#pragma once

#include "gateway/exchange.h"

/* Why a message that was opened cannot be believed; reason 0: it can. */
struct gw_doubt {
    int reason; /* GW_R_CONTENT_*, GW_R_CERT_* */
    char text[320];
};

/*
 * Takes a verified message with a delivery (responseToFetchDelivery, acceptDelivery) into the
 * inbox. ST_OK: it is durable, *fresh says whether it is new to us. Any other status: nothing was
 * kept, and nobody may be told that it was.
 */
MUST_CHECK enum status gw_inbound_take(const struct gw_runtime *rt, const struct gw_peer *peer,
                                       const struct gw_answer *answer, bool *fresh,
                                       struct error *err);

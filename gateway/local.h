/*
 * gateway/local.h - messages whose reader is in this house
 *
 * A reader that is an endpoint of ours gets its message without any protocol: out of the outbox of
 * one endpoint, into the inbox of another. The files of the second are links to those of the first,
 * durable before one transaction moves both:
 *
 *   outbox  accepted ────────► forwarded ─────────────────────────────► delivered
 *   inbox              received, opened ─► handed over ─► acknowledged ──┘
 *
 * The two are twins: neither has a peer, the outbound one has the endpoint as its recipient, and
 * the inbound one's correlation is the outbound one's id. When the reader acknowledges, whichever
 * door he came by, the store moves the outbound one on in the same transaction (gw_store_move).
 *
 * What may go at once goes together with its acceptance (gw_local_twin_add in that commit); what
 * has to wait for its time is carried by lanes like anything else: this house is one of their
 * destinations.
 *
 * All of it blocks: workers and lanes only.
 */
#pragma once

#include "gateway/carrier.h"
#include "gateway/payload.h"
#include "gateway/store_request.h"

/* peer in the rows of messages that stay in the house. */
#define GW_LOCAL_PEER ""

extern const struct gw_carrier gw_local_carrier;

/* An outbound message that stays in the house, on its way; zeroed is empty. */
struct gw_local_twin {
    struct gw_message_row row; /* the inbound one */
    struct gw_stage *stage;
    const struct gw_runtime *rt;
    const char *out_id;
    char id[GW_ID_SIZE];
    const char *const *related; /* XTA ids that it answers */
    size_t related_count;
    /* Who sends waits for the answer: kept with the twin; message_id is filled in here. NULL: no.
     */
    const struct gw_request_row *request;
};

/*
 * Gives the files of an outbound message, published ones, to its twin, and publishes them. What is
 * in out must outlive the twin.
 */
MUST_CHECK enum status gw_local_twin_make(const struct gw_runtime *rt,
                                          const struct gw_message_row *out,
                                          const struct gw_file_row *files, size_t count,
                                          int64_t now, struct gw_local_twin *twin,
                                          struct error *err);
/* W. The twin comes into the inbox, the outbound message is forwarded. ST_DENIED: that one is not
 * to be forwarded any more. */
MUST_CHECK enum status gw_local_twin_add(struct gw_tx *tx, const struct gw_local_twin *twin,
                                         int64_t now, struct error *err);
/* That was committed. */
void gw_local_twin_done(struct gw_local_twin *twin);
void gw_local_twin_deinit(struct gw_local_twin *twin); /* for AUTO too */

/*
 * gateway/store_retain.h - what may be forgotten, and when
 *
 * Of a message that is final the files go first (its payload, what was sealed or received); the row
 * and its evidence, which are the receipt, stay longer. An inbound message is then archived. Later
 * the row goes, too, and last the events. Each of these is an event. Quarantine is never touched:
 * it waits for a decision.
 *
 * One call does a bounded part; it is called again while more is set.
 */
#pragma once

#include "gateway/store.h"

/* Days after the end of a message's life; 0: for ever. */
struct gw_keep_rule {
    const char *endpoint, *route; /* one of them; the first rule that is of a message holds */
    int64_t payload_days;
};

struct gw_keep {
    int64_t payload_days, receipt_days, event_days;
    const struct gw_keep_rule *rules; /* of routes and endpoints with days of their own */
    size_t rule_count;
    size_t limit; /* messages a call; 0: 100. Of events ten times as many. */
};

struct gw_kept {
    size_t payloads, receipts, events; /* what went */
    bool more;
};

/* W. */
MUST_CHECK enum status gw_store_retain_history(struct gw_tx *tx, const struct gw_keep *keep,
                                               int64_t now, struct gw_kept *kept,
                                               struct error *err);

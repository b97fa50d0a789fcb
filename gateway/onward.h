/*
 * gateway/onward.h - messages that come in and go on, to a partner or a target
 *
 * What a route leads onward has two rows: the inbound one, of no endpoint, and one in the outbox,
 * whose correlation is the inbound one's id. The files of the second are links to those of the
 * first, durable before the one transaction that takes in the first and accepts the second:
 *
 *   inbox   received, opened, handed over ──────────────► acknowledged
 *   outbox               accepted ─► ... ─► delivered ────┘
 *                                      └─► failed, expired, cancelled ─► the inbound one failed
 *
 * The store moves the inbound one in the transaction that moves the other (store_twin.c); a retry
 * of that makes it handed over again.
 */
#pragma once

#include "gateway/payload.h"
#include "gateway/route_in.h"

/* In front of the inbound message's id it is the key of the other: there is only one. */
#define GW_ONWARD_KEY "onward:"

/* The outbound message, on its way; zeroed is empty, and stands for "it does not go on". */
struct gw_onward {
    struct gw_message_row row;
    struct gw_stage *stage;
    const struct gw_runtime *rt;
    char id[GW_ID_SIZE], key[sizeof GW_ONWARD_KEY + GW_ID_SIZE];
};

/*
 * Makes it of an inbound message and its files, published ones, when route leads onward; else it
 * stays empty. What is in in and route must outlive it.
 */
MUST_CHECK enum status gw_onward_make(const struct gw_runtime *rt, const struct gw_message_row *in,
                                      const struct gw_file_row *files, size_t count,
                                      const struct gw_route_in *route, int64_t now,
                                      struct gw_onward *onward, struct error *err);
/* W. The inbound message is in the store, and opened. An empty one does nothing. */
MUST_CHECK enum status gw_onward_add(struct gw_tx *tx, const struct gw_onward *onward, int64_t now,
                                     struct error *err);
/* That was committed. */
void gw_onward_done(struct gw_onward *onward);
void gw_onward_deinit(struct gw_onward *onward); /* for AUTO too */

/*
 * gateway/why_facts.h - what gateway/why.h is told of a message: from store, destinations, settings
 *
 * An inbound message that has gone on (gateway/onward.h) is where the other one is: the finding is
 * that of the outbound one, and its sentence begins by saying so.
 */
#pragma once

#include "gateway/lane.h"
#include "gateway/why.h"

/* The finding about one message. lanes NULL: nothing is known of destinations. */
MUST_CHECK enum status gw_why_message(const struct gw_runtime *rt, struct gw_lanes *lanes,
                                      struct gw_tx *tx, const struct gw_message_row *row,
                                      int64_t now, struct arena *arena, struct gw_why *why,
                                      struct error *err);

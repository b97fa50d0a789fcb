/*
 * gateway/why_facts.h - what gateway/why.h is told of a message: from store, destinations, settings
 */
#pragma once

#include "gateway/lane.h"
#include "gateway/why.h"

/* The finding about one message. lanes NULL: nothing is known of destinations. */
MUST_CHECK enum status gw_why_message(const struct gw_runtime *rt, struct gw_lanes *lanes,
                                      struct gw_tx *tx, const struct gw_message_row *row,
                                      int64_t now, struct arena *arena, struct gw_why *why,
                                      struct error *err);

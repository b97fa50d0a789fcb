/*
 * gateway/alternative.h - where a route's messages go while its first destination is down
 *
 * A row of the table of routes may name several destinations. Messages go to the first; when the
 * lanes cannot reach it for after_seconds, those that still wait there, and were never sent, are
 * given to the next that is not down, and so are those that come later. When it is reached again
 * they stay with it; what waits for an alternative that is itself down comes back.
 *
 * Nobody would try a destination that no message is left for, so now and then one message stays
 * with it until it was tried; then it is given on, too.
 *
 * The log has one line for each turn of a row, the history of each message its own.
 * Source: docs/decisions/0078-alternatives.md
 */
#pragma once

#include "gateway/lane.h"

struct gw_alternatives;

/* Which of count destinations is the one: the first that has not been down for after_ms (down_since
 * 0: it is not down), else the first. */
size_t gw_alternative_choose(const int64_t *down_since, size_t count, int64_t after_ms,
                             int64_t now);

/* Looks every few seconds until closed. *out is NULL where no row has alternatives. rt and lanes
 * are borrowed. */
MUST_CHECK enum status gw_alternatives_new(const struct gw_runtime *rt, struct gw_lanes *lanes,
                                           struct gw_alternatives **out, struct error *err);
/* Looks no more; in a stop hook at the latest. NULL is fine. */
void gw_alternatives_close(struct gw_alternatives *a);
/* After gw_loop_run has returned. NULL is fine. */
void gw_alternatives_free(struct gw_alternatives *a);

/* One look, now; from any thread but the loop's, by one at a time. For tests. */
void gw_alternatives_look(struct gw_alternatives *a);

/*
 * gateway/scan_guard.h - who waits for a virus scanner that gives no word?
 *
 * A scanner that hangs costs whoever asks it the whole timeout_seconds, for each file, and with
 * enough files all workers and lanes would wait for it. So it has a circuit (gateway/circuit.h) as
 * destinations have: after two questions in a row without a word nobody asks for a while, at most
 * REST_MAX_MS, and everybody is told at once that it gives no answer; then one question tries for
 * all. The log says when that begins, now and then while it lasts, and when it is over. One for the
 * process; any thread.
 */
#pragma once

#include "gateway/circuit.h"
#include "gateway/log.h"

struct gw_scan_guard;

/* log is borrowed, NULL: none. */
MUST_CHECK enum status gw_scan_guard_new(struct gw_log *log, struct gw_scan_guard **guard,
                                         struct error *err);
void gw_scan_guard_free(struct gw_scan_guard *guard); /* NULL is fine */

/*
 * May the scanner be asked? *probe is for gw_scan_guard_end, which each question that began needs.
 * ST_RETRY, GW_R_SCAN_UNAVAILABLE: not now; what it said last is in the text.
 */
MUST_CHECK enum status gw_scan_guard_begin(struct gw_scan_guard *guard, int64_t now, bool *probe,
                                           struct error *err);
/* How the question ended. why: with a reason of GW_R_SCAN_UNAVAILABLE it gave no word; others say
 * nothing about the scanner. */
void gw_scan_guard_end(struct gw_scan_guard *guard, int64_t now, bool probe, enum status st,
                       const struct error *why);

/* Since when nobody gets a word from it; 0: it answers, or was not asked yet. *why: what it said
 * last. */
int64_t gw_scan_guard_down_since(struct gw_scan_guard *guard, struct error *why);

/*
 * gateway/lane.h - threads that carry messages to and from the destinations
 *
 * Each destination has lanes of its own, so a slow or dead one never delays another: some that
 * send, one that fetches what is for us and the receipts. A lane does one thing after the other in
 * plain blocking style; the network itself is the loop's (docs/decisions/0004-lanes.md), the
 * protocol the carrier's (gateway/carrier.h).
 *
 * When a destination cannot be reached its lanes rest, for longer each time, but not for longer
 * than receipt_poll_seconds; then one of them tries, and the others follow one after the other when
 * it got through (gateway/circuit.h), the one that fetches and the messages that had to wait for
 * the network too. The log says when that begins, now and then while it lasts, and when it is over,
 * and nothing for each message.
 */
#pragma once

#include "gateway/carrier.h"
#include "gateway/circuit.h"

struct gw_lanes;

/*
 * Starts the lanes of all destinations; they stop with the loop. received (may be NULL) is called
 * from a lane after an inbound message became durable. Free after the loop has ended.
 */
MUST_CHECK enum status gw_lanes_start(struct gw_runtime *rt, void (*received)(void *ctx), void *ctx,
                                      struct gw_lanes **lanes, struct error *err);
void gw_lanes_free(struct gw_lanes *lanes);
DROP_DEFINE(gw_lanes_drop, struct gw_lanes, gw_lanes_free)

/* There is something to send to this destination now, NULL: to any; any thread. */
void gw_lanes_kick(struct gw_lanes *lanes, const char *destination);
/* Fetch deliveries and receipts now; any thread. */
void gw_lanes_hint(struct gw_lanes *lanes);

/* Some lane has this message in hand: it may be sending it now. Any thread. */
bool gw_lanes_hold(struct gw_lanes *lanes, const char *id);

/* How it stands with one destination since the start. */
struct gw_lane_report {
    struct gw_destination to;
    int64_t last_success_at, last_error_at; /* 0: never */
    struct error last_error;                /* network, or what the destination said */
    int64_t down_since; /* it cannot be reached, and rests between attempts; 0: it can */
    enum gw_circuit_state circuit;
    size_t skipped;              /* deliveries left there because we can never accept them */
    uint64_t attempts, failures; /* messages that were tried, and for how many it came to nothing */
};
/* Of the i-th destination; false past the last. Any thread. */
bool gw_lanes_report(struct gw_lanes *lanes, size_t i, struct gw_lane_report *report);

/* What the lanes of an intermediary have to do; the parts of the gateway that know how. */

/*
 * One attempt for one due message. talk: initialized, with a dialog open or not; where one is used
 * it stays open for the next message, and the lane closes it when there is none. ST_RETRY with
 * err->reason of GW_R_NET_*: the peer is not to be reached. *moved: the message's state says what
 * came of it; false when that could not be written, so it is still due, or when the gateway is
 * stopping.
 */
enum status gw_outbound_send(struct gw_conversation *talk, const struct gw_message_row *row,
                             bool *moved, struct error *err);
/* Everything in our mailbox there, one after the other, or several at a time (gateway/convoy.h).
 * *count: grows by the new ones. One round: what cannot be taken ends it, until that has happened
 * often enough to go round it. */
enum status gw_inbound_round(const struct gw_runtime *rt, const struct gw_peer *peer,
                             struct gw_detour *detour, size_t *count, struct error *err);
/* The same, with as many rounds as it takes, within bounds: those behind what cannot be taken must
 * not wait for it from one fetch to the next. */
enum status gw_inbound_fetch(const struct gw_runtime *rt, const struct gw_peer *peer,
                             struct gw_detour *detour, size_t *count, struct error *err);
/*
 * The same for all mailboxes that we have there: a mailbox belongs to a cipher certificate, and
 * what was enciphered for an earlier one, or for one to come, waits in its own. detours: one for
 * each cipher generation of the tenant. One that does not know us is asked again after a while.
 */
enum status gw_inbound_fetch_all(const struct gw_runtime *rt, const struct gw_peer *peer,
                                 struct gw_detour *detours, size_t *count, struct error *err);
/* The process cards of what is still outstanding there. */
enum status gw_receipts_fetch(const struct gw_runtime *rt, const struct gw_peer *peer,
                              struct error *err);
/* Ends what has waited too long, with a receipt that says so. */
enum status gw_outbound_expire(const struct gw_runtime *rt, struct error *err);
/*
 * Gives a message that was never sent to another recipient, by its way: what was sealed for the
 * former is forgotten, attempts begin anew. cause: who and why, in both languages. ST_RETRY: a lane
 * is sending it just now, ask again later. ST_DENIED: it may have been sent already, or is done
 * with; nothing has changed. ST_NOT_FOUND: no such message. The caller kicks the lanes.
 */
MUST_CHECK enum status gw_outbound_redirect(const struct gw_runtime *rt, const char *id,
                                            const struct gw_partner *to,
                                            const struct gw_cause *cause, struct error *err);
/* What is for a destination that the settings do not know any more goes to the recipient's new
 * one, or ends. Once, at start. */
enum status gw_outbound_strays(const struct gw_runtime *rt, struct error *err);

/*
 * gateway/attempt.h - what all attempts to send a message have in common, whatever the protocol
 *
 * An attempt moves its message on, or puts it off, or ends it: each in one commit, with sentences
 * for the operator in both languages. Puts off: twice as long each time, up to max_seconds
 * (gateway/patience.h). What is in doubt (sent, and nothing says what came of it) is asked for at
 * least as often as receipts are.
 */
#pragma once

#include "gateway/carrier.h"

/* Everything in it is borrowed and lives as long as the attempt. */
struct gw_attempt {
    const struct gw_runtime *rt;
    struct gw_destination to;
    const struct gw_message_row *row;
    const struct gw_partner *partner; /* NULL: unknown */
    /* Something of ours may have arrived, and nothing says what came of it. */
    bool in_doubt;
    bool quiet; /* that the destination cannot be reached is in the log already */
    int64_t now;
};

/* The message may go to its partner by this destination, whose both are. ST_DENIED,
 * GW_R_TENANT_OTHER: they are another tenant's. */
MUST_CHECK enum status gw_attempt_tenant(const struct gw_attempt *a, const char *destination,
                                         struct error *err);
/* A step of its message, without a sentence yet. */
struct gw_move gw_attempt_move(const struct gw_attempt *a, enum gw_event event);

/* Both sentences of a reason, filled in, for the operator. */
struct gw_sentences {
    struct buf en, de;
};
void gw_attempt_sentences(const struct gw_attempt *a, const struct error *why,
                          struct gw_sentences *s);
void gw_sentences_deinit(struct gw_sentences *s); /* for AUTO too */

/*
 * The attempt ended with this error. later: DEFER, FAIL or DAMAGE, if it is not in doubt. True when
 * the message says so now; false when that could not be written, or when our own end cut the
 * attempt off, which is none then: the next start makes it at once.
 */
bool gw_attempt_failed(const struct gw_attempt *a, enum gw_event event, const struct error *why);

/*
 * gateway/message.h - the states of a message, as one table
 *
 * A message lies in the outbox (a Fachverfahren gave it to us) or in the inbox (a peer gave it to
 * us). This module knows the states, the events that lead from one to the next, and their names in
 * API, log and index. It keeps nothing: gw_store_move (gateway/store.h) asks the table, changes the
 * row and writes the event in one transaction.
 *
 * out  accepted --seal--> sealed --submit--> submitted --forward--> forwarded --deliver-->
 * delivered in   received --open--> opened --hand_over--> handed_over --acknowledge--> acknowledged
 *                                                                       --archive--> archived
 *
 * Aside: deferred (a next attempt is set), unclear (sent, and no answer says what came of it: the
 * process card is asked for), failed, cancelled, expired; quarantined, rejected.
 * An inbound message that goes on to somebody else fails when that does (gateway/onward.h).
 * A deferred outbound message may be sealed or not: its files say so. Late evidence counts: failed
 * and expired messages become delivered when the process card (Laufzettel) proves it.
 */
#pragma once

#include "crypto/base/error.h"
#include "crypto/base/span.h"

enum gw_box { GW_BOX_NONE = 0, GW_OUTBOX, GW_INBOX };

enum gw_state {
    GW_NEW = 0, /* not in the store yet; only a rule starts there, no row has it */
    GW_ACCEPTED,
    GW_SEALED,
    GW_SUBMITTED,
    GW_FORWARDED,
    GW_DELIVERED,
    GW_RECEIVED,
    GW_OPENED,
    GW_HANDED_OVER,
    GW_ACKNOWLEDGED,
    GW_ARCHIVED,
    GW_DEFERRED,
    GW_UNCLEAR,
    GW_FAILED,
    GW_CANCELLED,
    GW_EXPIRED,
    GW_QUARANTINED,
    GW_REJECTED,
    GW_STATE_COUNT
};

enum gw_event {
    GW_EV_ACCEPT,      /* out: taken from the Fachverfahren */
    GW_EV_SEAL,        /* out: signed and encrypted, once and for all */
    GW_EV_SUBMIT,      /* out: the intermediary has it */
    GW_EV_FORWARD,     /* out: the intermediary has handed it out */
    GW_EV_DELIVER,     /* out: reception is proven */
    GW_EV_REDIRECT,    /* out: not sent yet, and for another recipient now */
    GW_EV_CANCEL,      /* out: withdrawn before it was submitted */
    GW_EV_EXPIRE,      /* out: its time has run out */
    GW_EV_DOUBT,       /* out: sent, but no answer came that could be believed */
    GW_EV_FAIL,        /* out: no further attempt makes sense */
    GW_EV_RECEIVE,     /* in: taken from the peer */
    GW_EV_OPEN,        /* in: decrypted and verified */
    GW_EV_HAND_OVER,   /* in: lies complete before the Fachverfahren */
    GW_EV_ACKNOWLEDGE, /* in: the Fachverfahren has taken it */
    GW_EV_ARCHIVE,     /* both: done with, its payload is deleted; out: the state stays */
    GW_EV_QUARANTINE,  /* in: decryption, signature, certificate or virus finding */
    GW_EV_REJECT,      /* in: refused for good */
    GW_EV_DEFER,       /* both: this attempt failed, next_attempt_at says when again */
    GW_EV_RETRY,       /* both: the operator wants another attempt now */
    GW_EV_DAMAGE,      /* both: a payload file is missing or changed on disk */
    GW_EV_REDELIVER,   /* in: to be handed over once more, marked as repeated */
    GW_EV_NOTE,        /* both: something to remember; the state stays */
    GW_EVENT_COUNT
};

/* A set of states, for filters: GW_STATES(GW_SEALED) | GW_STATES(GW_DEFERRED); 0: all of them. */
#define GW_STATES(state) (UINT32_C(1) << (state))

/*
 * What becomes of a message in state when event comes. ST_DENIED: there is no such step; err says
 * so in a sentence for the operator, *next is untouched.
 */
MUST_CHECK enum status gw_message_move(enum gw_box box, enum gw_state state, enum gw_event event,
                                       enum gw_state *next, struct error *err);
/* No attempt and no evidence is awaited any more. */
bool gw_state_is_final(enum gw_state state);

/* How a message gets to its recipient. */
enum gw_way {
    GW_WAY_DEFAULT, /* as the partner's settings say */
    GW_WAY_STORE,   /* into its mailbox */
    GW_WAY_FORWARD, /* the intermediary brings it */
    GW_WAY_MEDIATE, /* the same, and the recipient's answer comes back with it */
};
/* "store", ...; NULL for the default, and back. False: there is no such name. */
const char *gw_way_name(enum gw_way way);
bool gw_way_of(const char *name, enum gw_way *way);

/* A request (processDelivery), whose sender waits for the answer. */
enum gw_answer_state {
    GW_ANSWER_NONE,    /* it is none */
    GW_ANSWER_AWAITED, /* until answer_due_at */
    GW_ANSWER_GIVEN,
    GW_ANSWER_MISSING, /* it did not come in time: that is what the sender was told */
};
/* "awaited", ...; NULL for none, and back. */
const char *gw_answer_name(enum gw_answer_state answer);
bool gw_answer_of(const char *name, enum gw_answer_state *answer);

/* Names as in API, log and index: "outbox", "handed_over", "hand_over". Static. */
const char *gw_box_name(enum gw_box box);
const char *gw_state_name(enum gw_state state);
const char *gw_event_name(enum gw_event event);
/* And back; false when there is no such name. GW_NEW and GW_BOX_NONE have no way back. */
bool gw_box_of(struct span name, enum gw_box *box);
bool gw_state_of(struct span name, enum gw_state *state);
bool gw_event_of(struct span name, enum gw_event *event);
/* For people: "handed over" / "übergeben"; german chooses. Static, UTF-8. */
const char *gw_state_text(enum gw_state state, bool german);

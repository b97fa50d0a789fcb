/*
 * osci/dialog.h - an OSCI dialog, seen from the client
 *
 * An explicit dialog is InitDialog, then orders one after the other, then ExitDialog. Challenge,
 * Response and SequenceNumber in the ControlBlock prove that an answer belongs to our last request.
 * An implicit dialog is one order and its answer. This module keeps that state and decides the next
 * step; sending and waiting is the gateway's part.
 *
 *   IDLE --open--> OPENING --answer--> READY --order--> WAITING --answer--> READY
 *                                      READY --close--> CLOSING --answer--> CLOSED
 *   IDLE --single--> SINGLE --answer--> CLOSED
 *   OPENING, WAITING, CLOSING, SINGLE --forged or lost answer--> DEAD
 *
 * Source: OSCI 1.2 digest 3.2, 3.3, 3.5.
 */
#pragma once

#include "crypto/base/rng.h"
#include "osci/message.h"

enum osci_dialog_state {
    OSCI_IDLE,
    OSCI_OPENING,
    OSCI_READY,
    OSCI_WAITING,
    OSCI_CLOSING,
    OSCI_SINGLE,
    OSCI_CLOSED,
    OSCI_DEAD
};
enum osci_dialog_event { OSCI_OPEN, OSCI_ORDER, OSCI_CLOSE, OSCI_ONE, OSCI_ANSWER, OSCI_LOST };
enum osci_dialog_action { OSCI_SEND, OSCI_DELIVER, OSCI_FINISH, OSCI_ABANDON };

enum { OSCI_CHALLENGE_MAX = 256, OSCI_CONVERSATION_MAX = 256 };

struct osci_dialog {
    enum osci_dialog_state state;
    struct osci_controlblock sent; /* to write after SEND; its spans point into this struct */
    uint64_t next_sequence;
    char challenge[OSCI_CHALLENGE_MAX], peer_challenge[OSCI_CHALLENGE_MAX];
    char conversation_id[OSCI_CONVERSATION_MAX];
    struct rng *rng;
};

/* Starts in IDLE. rng is borrowed and must outlive the dialog. There is nothing to free. */
void osci_dialog_init(struct osci_dialog *d, struct rng *rng);

/*
 * Takes one event and says in *action what to do now. in is the verified ControlBlock of an ANSWER,
 * otherwise it is not looked at. After SEND, d->sent is the ControlBlock to write.
 * ST_INVALID, reason 9400: the answer is not for our request; the dialog is DEAD.
 * ST_INTERNAL: no random bytes; nothing has changed.
 */
MUST_CHECK enum status osci_dialog_step(struct osci_dialog *d, enum osci_dialog_event event,
                                        const struct osci_controlblock *in,
                                        enum osci_dialog_action *action, struct error *err);

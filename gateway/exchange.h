/*
 * gateway/exchange.h - one OSCI order to an intermediary, and its answer
 *
 * A conversation is a dialog with one intermediary, led by one thread of a lane (gateway/lane.h) in
 * plain blocking style: write, sign and envelope the order, send it, read and verify the answer.
 * What comes back was signed by the intermediary that we know and answers our last request; nothing
 * else gets through.
 *
 * Errors of gw_exchange say what the caller may do next:
 *   ST_RETRY    the network, a fault (which proves nothing), a feedback that may pass: try later
 *   ST_INVALID  the answer is not what it must be, reason GW_R_NET_ANSWER: the dialog is dead, try
 *               later
 *   ST_DENIED, ST_NOT_FOUND  feedback that refuses the order, in an answer that the intermediary
 *               signed
 *   ST_OK       executed
 * Whatever the status, c->forgotten says that a new dialog may help: the peer keeps dialogs for as
 * long as it likes.
 * err->reason is an OSCI code or an enum gw_reason.
 *
 * Source: OSCI 1.2 digest 3.5, 11.2, 12.8.
 */
#pragma once

#include "gateway/runtime.h"
#include "osci/dialog.h"

/* What a peer says about chunks in the FeatureDescription of its answers; sizes in KB, 0: not said.
 */
struct gw_features {
    bool chunks;
    uint64_t min_chunk_kb, max_chunk_kb, max_message_kb;
    struct osci_form form; /* how to write to him */
};

struct gw_conversation {
    const struct gw_runtime *rt;
    const struct gw_peer *peer;
    struct osci_dialog dialog;
    bool explicit_dialog;
    const struct identity_pair *signs; /* of ours, for as long as the conversation lasts */
    const struct cert *reads;          /* what answers are enciphered for, likewise */
    struct gw_features features;       /* of the last answer that had some */
    /* After a failed gw_exchange: can the peer have received our order? */
    bool maybe_received;
    bool forgotten;    /* after a failed gw_exchange: the peer does not know this dialog any more */
    bool outage_known; /* by the lane, which has logged it: no need to say it for each message */
};

/* The verified answer and what it stands on. Zeroed is empty. */
struct gw_answer {
    struct gw_body *wire;  /* as it came, the evidence: signed by the intermediary inside */
    struct gw_body *plain; /* without the transport envelope; NULL when it had none */
    struct osci_reading *reading;
    bool proven; /* signed by the peer and to our last order: its feedback counts */
    bool chunks; /* put together from chunks whose answers were proven; wire and plain are NULL */
};
void gw_answer_deinit(struct gw_answer *answer); /* for AUTO too */
/* The bytes of the message without its transport envelope. */
struct source *gw_answer_source(const struct gw_answer *answer);

void gw_conversation_init(struct gw_conversation *c, const struct gw_runtime *rt,
                          const struct gw_peer *peer);
/* Before it is opened: with our certificates of that time instead of now. */
void gw_conversation_as_of(struct gw_conversation *c, int64_t now);
/* Are these our certificates of that time? */
bool gw_conversation_is_of(const struct gw_conversation *c, int64_t now);
/* initDialog; afterwards all orders belong to it. */
MUST_CHECK enum status gw_conversation_open(struct gw_conversation *c, struct error *err);
/* Where this dialog is dead or closed: a new one of ours at the same peer. */
MUST_CHECK enum status gw_conversation_again(struct gw_conversation *c, struct error *err);
/* exitDialog; only after everything fetched is durable. A failure means nothing more. */
void gw_conversation_close(struct gw_conversation *c);
/* Something went wrong with what we got: say nothing more in this dialog. */
void gw_conversation_abandon(struct gw_conversation *c);

/*
 * Sends msg, in whose certs, control, languages and features are filled in here (certs are appended
 * to those given; msg->certs must have room for two more). ST_NOT_FOUND 9803 or 9804: there is
 * nothing. partialFetchDelivery may be answered with responseToFetchDelivery. Feedback that refuses
 * the order is ST_DENIED, or ST_RETRY when it may pass, with its code as reason; *answer is filled
 * then, too.
 */
MUST_CHECK enum status gw_exchange(struct gw_conversation *c, struct osci_message *msg,
                                   struct gw_answer *answer, struct error *err);

/* Who we are, what we read, and in which languages we want to be answered: appends to msg->certs
 * (the cipher certificate only when with_cipher), sets languages and features. */
void gw_order_complete(const struct gw_conversation *c, struct osci_message *msg, bool with_cipher);
/* Is the message signed by the peer as configured, or by one whom we trust? ST_DENIED if not. */
MUST_CHECK enum status gw_signer_check(const struct gw_conversation *c,
                                       const struct osci_reading *reading, struct error *err);

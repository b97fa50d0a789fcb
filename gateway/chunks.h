/*
 * gateway/chunks.h - deliveries in chunks, seen from the client
 *
 * What is larger than chunk_above_kb goes to an intermediary in chunks, when the intermediary says
 * that it takes them, and comes from it in chunks likewise. A transfer outlives its dialog, the
 * connection and the process; what it stands on is durable:
 *
 *   out  seal ► frame (the text of the inner message, with MessageId and chunk size) ► chunk ► ...
 *        The frame with the sealed attachments in it (osci/frame.h) is the inner storeDelivery,
 *        the same bytes each time. Which chunks have arrived the intermediary knows:
 *        an attempt after the first asks with InfoOnly and sends what is missing.
 *   in   chunk ► a file and its row, and with the first the transfer's facts ► ... ► the whole is
 *        read, opened and committed to the inbox ► the next request of the dialog acknowledges
 *
 * Sizes and numbers that the intermediary announces are bounded before anything is kept for them.
 *
 * Source: OSCI 1.2 digest 8; wire-notes 11. docs/decisions/0043-chunks-of-the-client.md
 */
#pragma once

#include "gateway/exchange.h"

/* ---- what both ways share ---- */

/* The configured chunk size within the peer's bounds; for len bytes (0: not known) in no more
 * chunks than there may be. */
uint64_t gw_chunk_kb(const struct gw_intermediary_conf *conf, const struct gw_features *features,
                     uint64_t len);

/* How far a transfer is, for people: not each chunk, or a history would be nothing else. */
struct gw_chunk_progress {
    int64_t told_at;
    uint64_t told;
};
/* Is it worth telling that done of total are there? Remembers when it is. */
bool gw_chunk_progress_due(struct gw_chunk_progress *p, uint64_t done, uint64_t total, int64_t now);

/* ---- out ---- */

/* One storeDelivery that may go in chunks. */
struct gw_chunk_send {
    struct gw_conversation *talk;
    const struct gw_message_row *row;
    const struct gw_file_list *files; /* sealed, in the order of the attachments; frame or none */
    const struct osci_message *order; /* the storeDelivery as it would be sent in one */
    struct arena *arena;
    /* After a failure: nothing of the transfer is of use, the MessageId is best forgotten. */
    bool forget;
    /* And: the last order may have completed the message, and its answer was lost. */
    bool may_be_complete;
};

/* Larger than what goes in one message? Then it takes an explicit dialog in any case. */
bool gw_chunks_large(const struct gw_intermediary_conf *conf, const struct gw_file_list *files);
/* Has a transfer of it begun? Then it goes on as it began. */
bool gw_chunks_begun(const struct gw_file_list *files);
/* Does it go in chunks in this dialog? */
bool gw_chunks_wanted(const struct gw_conversation *talk, const struct gw_file_list *files);
/* ST_DENIED, GW_R_MESSAGE_TOO_LARGE: larger than anything that the peer takes. */
MUST_CHECK enum status gw_chunks_fit(const struct gw_conversation *talk,
                                     const struct gw_file_list *files, struct error *err);

/*
 * Sends what is missing and waits for the fate of the whole, for a while. ST_OK: the intermediary
 * has the delivery, and answer says so like one to storeDelivery. Otherwise as gw_exchange; with
 * answer->proven, err->reason is the code of InsideFeedback when there was one. ST_RETRY 3952: the
 * intermediary is not done yet.
 */
MUST_CHECK enum status gw_chunks_send(struct gw_chunk_send *s, struct gw_answer *answer,
                                      struct error *err);

/* ---- in ---- */

/* Does the peer offer it, and did it keep that promise lately? */
bool gw_chunk_fetch_wanted(const struct gw_conversation *talk);
/*
 * Fetches one delivery and takes it into the inbox (gateway/inbound.h), going on with what an
 * earlier dialog began. ST_NOT_FOUND: the mailbox is empty. After any other failure the dialog is
 * dead, or nothing of it was lost. *declined: the peer does not do what it promised; fetchDelivery
 * is the way, in a new dialog if this one is dead.
 */
MUST_CHECK enum status gw_chunk_fetch(struct gw_conversation *talk, bool *fresh, bool *declined,
                                      struct error *err);
/* Asks for this delivery alone, NULL: for what waits longest. The answer is all of it, or its first
 * chunk where it is large. Nothing is kept. */
MUST_CHECK enum status gw_chunk_ask(struct gw_conversation *talk, struct span *id,
                                    struct gw_answer *answer, struct error *err);
/* fetchDelivery has worked where that did not: for an hour it is not tried again. */
void gw_chunk_fetch_declined(const struct gw_conversation *talk);

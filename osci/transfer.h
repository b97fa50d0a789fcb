/*
 * osci/transfer.h - deliveries in chunks as the intermediary has them
 *
 * A transfer is a storeDelivery whose chunks come one by one, in any order, over as many dialogs as
 * it takes. Its keeper (gateway: index and files) remembers which ones are there. With the last one
 * it is complete, and its inner message is carried out as if it had come whole; what that came to
 * is kept for whoever asks again.
 *
 *   collecting --last chunk--> complete --osci_transfer_process--> done, result kept, chunks gone
 *   collecting, done --too old--> forgotten
 *
 *   osci_intermediary_handle ► decision->process ► osci_transfer_process, once for each transfer
 *                            ► osci_transfer_resume, when that has ended or the time is up
 *
 * On the way out the inner responseToFetchDelivery must be the same octets every time. Only its
 * frame is kept (osci/frame.h); its attachments are the delivery's.
 *
 * Source: OSCI 1.2 digest 8.2, 8.3, 8.5.
 */
#pragma once

#include "osci/chunk.h"
#include "osci/sessions.h"

struct osci_intermediary;
struct osci_decision;

struct osci_transfer {
    struct span ref;                   /* the keeper's name for it; empty: not kept yet */
    struct span message_id;            /* of the inner message */
    struct span cipher, signature;     /* the client: SHA-256; empty: unknown, unsigned */
    uint64_t size_kb, total, total_kb; /* as the first chunk said */
    struct osci_chunk_set received;
    int64_t completed;  /* when the last chunk came; 0: collecting */
    struct span result; /* codes of the inner message, "3707 0800"; empty: none yet */
};

/* Calls block, are durable when they return, and may come from several threads at once. */
struct osci_transfers {
    /* By the inner message's id; texts in the arena. ST_NOT_FOUND. */
    enum status (*find)(struct osci_transfers *self, struct span message_id, struct arena *arena,
                        struct osci_transfer *transfer, struct error *err);
    /*
     * One chunk: attachment i of reading. Begins the transfer when ref is empty; afterwards
     * *transfer is as it is now. ST_DUPLICATE: that chunk is there, or the transfer was begun
     * meanwhile: find it again. ST_LIMIT: the client has too much open, with the code.
     */
    enum status (*keep)(struct osci_transfers *self, struct osci_transfer *transfer,
                        uint64_t number, const struct osci_reading *reading, size_t i, int64_t now,
                        struct arena *arena, struct error *err);
    /* A complete transfer and its chunks as one source; close it. */
    enum status (*chunks_open)(struct osci_transfers *self, struct span ref, struct arena *arena,
                               struct osci_transfer *transfer, struct source **whole,
                               struct error *err);
    void (*chunks_close)(struct osci_transfers *self, struct source *whole);
    /* The inner message was refused: the result stays, the chunks go. */
    enum status (*refuse)(struct osci_transfers *self, struct span ref, struct span result,
                          int64_t now, struct error *err);

    /* The kept frame of a delivery; release it by frame_close. ST_NOT_FOUND: none. */
    enum status (*frame_open)(struct osci_transfers *self, struct span message_id, int64_t now,
                              struct source **frame, struct error *err);
    /* Keeps what write(ctx, sink) writes. ST_DUPLICATE: there is one meanwhile; take that. */
    enum status (*frame_keep)(struct osci_transfers *self, struct span message_id, int64_t now,
                              enum status (*write)(void *ctx, struct sink *sink, struct error *err),
                              void *ctx, struct error *err);
    void (*frame_close)(struct osci_transfers *self, struct source *frame);
};

/* What the FeatureDescription says of chunks. */
struct osci_chunk_limits {
    uint64_t min_kb, max_kb; /* of a chunk; the last may be smaller */
    uint64_t message_kb;     /* of the whole */
    uint64_t timeout_s; /* after which an answer says that the inner message is being worked on */
};

/* What became of an inner message. */
struct osci_processed {
    int code;                                /* 800, or the one it was refused with */
    struct error why;                        /* where refused */
    uint8_t message_id[OSCI_MESSAGE_ID_MAX]; /* of the inner message */
    size_t message_id_len;
    bool delivered;
    uint8_t delivered_to[32];
};

/*
 * Carries the inner message of a complete transfer out, as digest 8.5 says. One at a time for a
 * transfer; it may take long. A refusal is a result, too. ST_RETRY, ST_LIMIT, ST_INTERNAL: our own
 * trouble; the transfer is as it was, and may be tried again.
 */
MUST_CHECK enum status osci_transfer_process(const struct osci_intermediary *im, struct span ref,
                                             int64_t now, struct osci_processed *processed,
                                             struct error *err);

/* Decides about an order whose decision said process: has processing ended, or only the time? */
void osci_transfer_resume(const struct osci_intermediary *im, struct osci_decision *decision,
                          bool ended, int64_t now);

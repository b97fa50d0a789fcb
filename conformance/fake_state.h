/*
 * conformance/fake_state.h - what the files of the fake intermediary share; nobody else includes it
 */
#pragma once

#include <pthread.h>

#include "conformance/fake.h"

enum { CONF_SESSIONS_MAX = 64, CONF_WAITING_MAX = 64 };

struct fake_session {
    char conversation[CONF_FIELD_MAX], challenge[CONF_FIELD_MAX]; /* "" when it is over */
    int64_t sequence;                                             /* of the last order */
    const struct conf_delivery *fetched; /* received when the next order comes */
};

/* A delivery that comes in chunks: the one begun last. */
struct fake_transfer {
    char id[CONF_FIELD_MAX]; /* of the chunk orders */
    uint64_t total;
    struct buf chunks[CONF_CHUNKS_MAX]; /* empty: has not come */
    bool completed;
    char inside[16]; /* then what came of it */
};

struct conf_fake {
    struct conf_run *run;
    const struct conf_party *us, *client;
    struct conf_listener *listener;
    pthread_mutex_t lock;
    struct fake_session sessions[CONF_SESSIONS_MAX];
    size_t session_next;
    struct conf_seen *seen; /* CONF_SEEN_MAX */
    size_t seen_count;
    int64_t heard_at; /* the last order; at first the start */
    struct conf_stored stored[CONF_STORED_MAX];
    size_t stored_count;
    struct conf_delivery *waiting[CONF_WAITING_MAX];
    size_t waiting_count;
    const struct conf_misstep *step;
    unsigned passed; /* orders that the step's skip let by */
    bool happened;
    size_t happened_at;
    struct osci_inspection *inspections;
    size_t inspection_count;
    const char *conversation;
    struct buf stored_plain; /* of the last storeDelivery */
    char stored_subject[CONF_FIELD_MAX];
    const char *inside; /* NULL: no chunks are taken */
    struct fake_transfer transfer;
    size_t completed;
};

/* One order being answered; the lock is held. */
struct fake_turn {
    struct conf_fake *fake;
    const struct conf_misstep *step; /* NULL: nothing goes wrong */
    struct conf_view *view;
    struct conf_seen *seen;
    struct fake_session *session; /* NULL: implicit, or unknown */
    struct arena arena;
    struct osci_message answer;
    struct osci_cert certs[CONF_DELIVERY_CERTS];
    struct osci_card cards[CONF_STORED_MAX];
    char challenge[CONF_MARKER_SIZE], conversation[CONF_FIELD_MAX];
};

/* Does what the order in turn->view wants, and fills the answer; or says in *fault which fault
 * there is instead. */
MUST_CHECK enum status fake_answer_make(struct fake_turn *turn, const char **fault,
                                        struct error *err);
MUST_CHECK enum status fake_feedback(struct fake_turn *turn, const char *codes,
                                     struct osci_feedback **list, size_t *count, struct error *err);
/* Keeps a delivery, and puts its card into the answer. */
void fake_store(struct fake_turn *turn, const char *id, const xmlNode *order, struct span plain);
/* partialStoreDelivery: fills the answer; *codes are those of its feedback. */
MUST_CHECK enum status fake_chunk_take(struct fake_turn *turn, const char **codes,
                                       struct error *err);
void fake_transfer_reset(struct fake_transfer *transfer);
/* What every order is looked at for: OSCI-001, 002, 005, 007, 023, 036, 043, 044, 052 to 055, 098,
 * 099. */
void fake_order_look(struct fake_turn *turn);

/*
 * gateway/store_xta.h - what the store knows of XTA: message ids, the box, iterations
 *
 * A message that an XTA client gave us or may fetch is a row like any other (gateway/store.h); what
 * XTA needs beyond it stands in a row beside it, written in the same transaction:
 *
 *   out  gw_store_message_add + gw_store_xta_claim + gw_store_xta_add      sendMessage
 *   in   gw_store_message_add + gw_store_move(OPEN) + gw_store_xta_add     OSCI, or a local author
 *
 * An id is issued once (createMessageId) and claimed once (sendMessage). In the outbox an XTA id
 * stands once, in the inbox too; a message between two programs of this house has a row in each,
 * and each names the other as its twin.
 *
 * The box of a reader are the inbox rows with that reader whose delivery has come. They are
 * *fetched* (initial_fetch) and *closed* (reception); closing acknowledges the message in the inbox
 * and moves its twin to delivered, in one transaction.
 *
 * Message ids and parties are compared without regard to ASCII case: everything that is looked up
 * here is folded inside, and author and reader come back folded.
 *
 * An id may have GW_XTA_ID_MAX bytes; a longer one is ST_INVALID, reason 9021, where it would be
 * written, and not found where it is looked for.
 *
 * Rules, errors and the meaning of W as in gateway/store.h.
 *
 * Source: XTA 2 digest 4, 5.1, 6, 8.
 */
#pragma once

#include "gateway/store.h"
#include "xta/model.h"

enum { GW_XTA_ID_MAX = 255, GW_XTA_PARTY_MAX = 255, GW_XTA_ITERATION_MS = 24 * 3600 * 1000 };

struct gw_xta_row {
    const char *message_id;      /* of the gateway: struct gw_message_row */
    const char *xta_id;          /* as its author wrote it */
    enum gw_box box;             /* that of the message */
    const char *author, *reader; /* parties, the Identifier's value; author NULL: not known */
    const char *service;         /* or NULL */
    const char *account;         /* that sent it; NULL: it came from outside */
    enum xta_version version;    /* in which it was given to us */
    const char *twin; /* the gateway's id of the other row of a local delivery, or NULL */
    int64_t not_before;
    int64_t initial_send;
    int64_t delivery; /* in: in the box; it is not seen before. out: when known */
    int64_t initial_fetch, reception, cancelled_at;
    const char *const *related; /* ids that it answers (In-Reply-To); written, not read back */
    size_t related_count;
    int64_t seq; /* the order of arrival; given by the store */
};

/* -- ids --------------------------------------------------------------------------------------- */

/* W. ST_DUPLICATE: there is such an id; make another. */
MUST_CHECK enum status gw_store_xta_issue(struct gw_tx *tx, const char *xta_id, const char *account,
                                          int64_t now, struct error *err);
/*
 * W. The id becomes that of a message of this account; before or after gw_store_message_add, in the
 * same transaction. ST_DUPLICATE, reason 9024: it is used; ST_DENIED, reason 9022: it was issued to
 * another account, or not by us and foreign is false.
 */
MUST_CHECK enum status gw_store_xta_claim(struct gw_tx *tx, const char *xta_id, const char *account,
                                          bool foreign, const char *message_id, int64_t now,
                                          struct error *err);

/* -- messages ---------------------------------------------------------------------------------- */

/* W. Beside a message added in the same transaction. ST_DUPLICATE: that box has the id already. */
MUST_CHECK enum status gw_store_xta_add(struct gw_tx *tx, const struct gw_xta_row *row,
                                        struct error *err);
/* By the gateway's id. ST_NOT_FOUND: nothing of XTA. */
MUST_CHECK enum status gw_store_xta_row(struct gw_tx *tx, struct arena *arena,
                                        const char *message_id, struct gw_xta_row *row,
                                        struct error *err);
/*
 * The message that party knows by this id: in the outbox as its author, in the inbox as its reader;
 * GW_BOX_NONE: either, the outbox first. What belongs to others is ST_NOT_FOUND, reason 9070, and
 * so is what was cancelled or is not delivered yet, for its reader.
 */
MUST_CHECK enum status gw_store_xta_find(struct gw_tx *tx, struct arena *arena, const char *xta_id,
                                         const char *party, enum gw_box box, int64_t now,
                                         struct gw_xta_row *row, struct error *err);
/* The message of the inbox with this id, whosever it is and whatever its state. ST_NOT_FOUND: none.
 */
MUST_CHECK enum status gw_store_xta_inbox(struct gw_tx *tx, struct arena *arena, const char *xta_id,
                                          struct gw_xta_row *row, struct error *err);
/* W. Times of a message; those that are 0 or set already stay. */
struct gw_xta_times {
    int64_t initial_send, delivery, initial_fetch, reception, cancelled_at;
};
MUST_CHECK enum status gw_store_xta_times(struct gw_tx *tx, const char *message_id,
                                          const struct gw_xta_times *times, struct error *err);

/* -- the box ----------------------------------------------------------------------------------- */

enum gw_xta_fresh {
    GW_XTA_ALL,
    GW_XTA_NOT_CLOSED,  /* V3: new is what nobody has acknowledged */
    GW_XTA_NOT_FETCHED, /* V5: new is what nobody has fetched */
};

/* A place in the order of delivery; zeros: before the first. */
struct gw_xta_place {
    int64_t delivery, seq;
};

struct gw_xta_selection {
    const char *reader;
    int64_t now; /* what is delivered later is not there yet */
    enum gw_xta_fresh fresh;
    const char *const *ids; /* one of these XTA ids; none: all */
    size_t id_count;
    const char *const *related; /* that answer one of these; none: all */
    size_t related_count;
    int64_t from, to; /* from <= delivery < to; 0: no bound */
    struct gw_xta_place after;
};

struct gw_xta_entry {
    struct gw_xta_row xta;
    struct gw_message_row message;
};

struct gw_xta_list {
    struct gw_xta_entry *rows;
    size_t count;
    uint64_t pending; /* that match, behind the last of rows */
};

/* In the order of delivery, limit at most. */
MUST_CHECK enum status gw_store_xta_box(struct gw_tx *tx, struct arena *arena,
                                        const struct gw_xta_selection *selection, size_t limit,
                                        struct gw_xta_list *list, struct error *err);
/*
 * W. The reader has it: the message is acknowledged, its reception set, its twin delivered. A
 * second time changes nothing; *first, if not NULL, says which it was. ST_NOT_FOUND: nothing in the
 * inbox of XTA; ST_DENIED: the message is in no state for that (in quarantine, say).
 */
MUST_CHECK enum status gw_store_xta_close(struct gw_tx *tx, const char *message_id,
                                          const struct gw_cause *cause, bool *first,
                                          struct error *err);
/* Messages in the inbox of this endpoint that are opened, not acknowledged, and have no row here,
 * oldest first: they came without anything of XTA, or before the endpoint had a box. */
MUST_CHECK enum status gw_store_xta_strangers(struct gw_tx *tx, struct arena *arena,
                                              const char *endpoint, size_t limit,
                                              struct gw_message_list *list, struct error *err);

/* -- iterations (V3) --------------------------------------------------------------------------- */

struct gw_xta_iteration {
    const char *request_id;
    const char *account, *party;
    bool messages;         /* getMessage and getNextMessage; else status lists */
    const char *selection; /* what was asked, the caller's own text */
    struct gw_xta_place after;
    int64_t expires_at;
};

/* W. A new one, or the next step of one that is there. Those that have expired go. */
MUST_CHECK enum status gw_store_xta_iterate(struct gw_tx *tx, const struct gw_xta_iteration *it,
                                            int64_t now, struct error *err);
/* ST_NOT_FOUND: none of this account and party, or expired. */
MUST_CHECK enum status gw_store_xta_iteration(struct gw_tx *tx, struct arena *arena,
                                              const char *request_id, const char *account,
                                              const char *party, int64_t now,
                                              struct gw_xta_iteration *it, struct error *err);

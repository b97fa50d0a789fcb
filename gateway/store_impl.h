/*
 * gateway/store_impl.h - what the parts of the store know of each other
 *
 * store.c          open, close, readers; store_writer.c the writer thread and group commit
 * store_schema.c   the tables and how older ones become newer ones
 * store_message.c  messages; store_query.c filtered lists; store_list.c other lists and due work;
 * store_event.c    events, small facts
 * store_chain.c    events as links of a chain; store_audit.c whether it holds
 * store_metrics.c  what it tells of itself
 * store_request.c  requests that want an answer
 * store_twin.c     messages of this house that are two, one out and one in
 * store_xta.c      what XTA knows of messages, its ids, iterations through a box
 * store_file.c     file rows; payload.c stages; store_sweep.c what a crash left behind;
 * store_check.c    what a start leaves for later
 * store_osci.c     the intermediary's ids and deliveries; store_card.c its cards and mailboxes
 * store_sqlite.c   the database, behind store_sql.h
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "gateway/chain.h"
#include "gateway/payload.h"
#include "gateway/store.h"
#include "gateway/store_metrics.h"
#include "gateway/store_sql.h"

/* What an audit looks at; the words are those of an index, so they may not change. */
#define GW_AUDITED_EVENTS                                                                          \
    "(kind IN ('peer.refused', 'store.backup', 'store.restored', 'settings.reload', "              \
    "'settings.refused') OR (actor GLOB 'api:*' AND kind <> 'accept'))"

/* A path to be removed from the disk once the transaction is durable. */
struct gw_removal {
    struct gw_removal *next;
    char path[];
};

struct gw_tx {
    struct gw_store *store;
    struct sql_db *db;
    bool writer;
    struct gw_removal *removals; /* newest first */
    int64_t last_seq;            /* newest event written; 0: none in this transaction */
    struct gw_tx *next_free;     /* readers */
};

struct gw_job {
    enum status (*fn)(struct gw_tx *tx, void *ctx, struct error *err);
    void *ctx;
    struct error *err;
    enum status st;
    bool done;
    pthread_cond_t finished;
    struct gw_job *next;
};

struct gw_store {
    struct gw_store_conf conf;
    char *dir_path;
    int dir, lock_file;
    struct gw_tx writer;
    struct gw_tx *readers;
    unsigned reader_count;
    bool clean; /* the last stop was an orderly one */
    int64_t opened_at;
    bool later;             /* something is left for store_check.c: */
    int unswept;            /* the first shelf of payload/ that was not searched */
    struct gw_check *check; /* NULL: nothing was */
    bool opened;            /* gw_store_open went through */
    atomic_ullong file_syncs, folder_syncs;
    atomic_bool leftovers; /* something could not be removed: the next start must look */

    pthread_mutex_t stage_lock; /* for: */
    struct gw_staged *staged;

    pthread_t thread;
    bool running;
    pthread_mutex_t lock; /* all below */
    pthread_cond_t work, reader_free;
    struct gw_job *first, **last;
    struct gw_tx *free_readers;
    unsigned holds;          /* backups that are being taken */
    struct gw_removal *held; /* what they keep from being removed */
    bool stopping;
    struct gw_store_stats stats;
    struct gw_store_times times;
};

/* An owner whose files are being staged: they may lie under payload/ before the index knows them.
 */
struct gw_staged {
    char owner_id[GW_ID_SIZE];
    struct gw_staged *next;
};

/* store_writer.c */
MUST_CHECK enum status gw_writer_start(struct gw_store *store, struct error *err);
void gw_writer_stop(struct gw_store *store);
/* Between these nothing leaves payload/: it is done at the release. */
void gw_removals_hold(struct gw_store *store);
void gw_removals_release(struct gw_store *store);
/* Notes a path, relative to the state folder, for removal after the commit. */
MUST_CHECK enum status gw_tx_remove_later(struct gw_tx *tx, const char *path, struct error *err);

/* store_schema.c: brings the schema up to date. ST_INTERNAL: it is from a newer version. */
MUST_CHECK enum status gw_schema_update(struct sql_db *db, struct error *err);

int64_t gw_schema_version(void); /* after it */

/* store_chain.c: one row, the next link of its tenant's chain. It gets the next number, or row->seq
 * where that is higher. */
MUST_CHECK enum status gw_event_insert(struct gw_tx *tx, const struct gw_event_row *row,
                                       struct error *err);
/* All events that there are, when an older index becomes a newer one. */
MUST_CHECK enum status gw_chain_build(struct sql_db *db, struct error *err);
/* The columns of an event for gw_link_read, in its order. */
#define GW_LINK_COLUMNS                                                                            \
    "seq, link, at, reason, message_id, tenant, endpoint, kind, box, from_state, to_state, "       \
    "actor, en, de, detail, chain"
/* The event under stmt and the value in its row; false: it is no link, or was none. */
MUST_CHECK enum status gw_link_read(struct sql_stmt *stmt, struct arena *arena,
                                    struct gw_link *link, uint8_t value[GW_CHAIN_BYTES],
                                    bool *linked, struct error *err);

/* store_message.c */
#define GW_MESSAGE_COLUMNS                                                                         \
    "id, tenant, endpoint, box, state, peer, recipient, sender, message_type, subject, priority, " \
    "osci_message_id, correlation, client_key, source_name, size_bytes, created_at, changed_at, "  \
    "deliver_after, expires_at, attempts, next_attempt_at, last_reason, last_error_en, "           \
    "last_error_de, creation_text, creation_ms, forwarding_text, forwarding_ms, reception_text, "  \
    "reception_ms, inspections, delivery, answer, answer_due_at, repeated_at, "                    \
    "client_digest, facts, route, queue"
enum { GW_MESSAGE_COLUMN_COUNT = 40 };
/* The row under stmt, selected with GW_MESSAGE_COLUMNS. */
MUST_CHECK enum status gw_message_row_read(struct sql_stmt *stmt, struct arena *arena,
                                           struct gw_message_row *row, struct error *err);

/*
 * store_queue.c: messages of one endpoint to one recipient that keep their order. The first of
 * those that are not sent yet is due as usual; the others are held (GW_HELD_AT).
 */
/* A new message with keep_order, inserted: its place is the last one. */
MUST_CHECK enum status gw_queue_join(struct gw_tx *tx, const struct gw_message_row *row,
                                     struct error *err);
/* After a step of one, written already, that led to next: those behind it may go on, or it is held
 * again. *released: one behind it is due now. */
MUST_CHECK enum status gw_queue_step(struct gw_tx *tx, const struct gw_message_row *row,
                                     enum gw_state next, int64_t now, bool *released,
                                     struct error *err);

/* store_list.c: how many rows are meant: 0 is the default. */
size_t gw_limit_of(size_t limit);
/* All of gw_store_counts but the oldest; of one peer, too, where it is not NULL. */
MUST_CHECK enum status gw_counts_read(struct gw_tx *tx, const char *tenant, const char *endpoint,
                                      const char *peer, struct gw_counts *counts,
                                      struct error *err);
/* Up to limit messages of a bound query that asks for one more. */
MUST_CHECK enum status gw_message_list_read(struct sql_stmt *stmt, struct arena *arena,
                                            size_t limit, struct gw_message_list *list,
                                            struct error *err);

/* store_xta.c: an inbound message was acknowledged, through whichever door; nothing of XTA is fine.
 * Its twin is delivered. */
MUST_CHECK enum status gw_xta_acknowledged(struct gw_tx *tx, const char *message_id,
                                           const struct gw_cause *cause, struct error *err);

/* store_xta.c: it is new again for its reader; nothing of XTA is fine. */
MUST_CHECK enum status gw_xta_repeated(struct gw_tx *tx, const char *message_id, struct error *err);

/* payload.c */
/* "payload/<xx>/<id>" */
enum { GW_FOLDER_SIZE = 64 };
void gw_payload_folder(const char *owner_id, char path[GW_FOLDER_SIZE]);
/* 16 hexadecimal characters and a NUL, never the same twice. */
enum { GW_TOKEN_SIZE = 17 };
MUST_CHECK enum status gw_payload_token(struct gw_store *store, char token[GW_TOKEN_SIZE],
                                        struct error *err);

/* Is a stage of this owner open? With stage_lock held. */
bool gw_stage_is_open(const struct gw_store *store, const char *owner_id);

/* store_sweep.c */
/* Before the writer starts: tmp/, and after a crash payload/. */
MUST_CHECK enum status gw_sweep(struct gw_store *store, int64_t now, struct gw_store_report *report,
                                struct error *err);
/* What gw_sweep left, while the store works. ST_RETRY: stopped. */
MUST_CHECK enum status gw_sweep_rest(struct gw_store *store, struct sql_db *db, atomic_bool *stop,
                                     struct gw_store_report *report, struct error *err);
/* With the writer running: live files that are missing or changed. */
MUST_CHECK enum status gw_sweep_damage(struct gw_store *store, int64_t now,
                                       struct gw_store_report *report, struct error *err);

/* store_check.c: a thread for what the start has left for later. */
MUST_CHECK enum status gw_check_start(struct gw_store *store, struct error *err);
void gw_check_stop(struct gw_store *store);

/*
 * Room for one more row in an array that grows in an arena; NULL when there is none. *rows is the
 * array of count rows of size bytes each, *cap how many fit.
 */
void *gw_rows_grow(struct arena *arena, void *rows, size_t size, size_t count, size_t *cap);

struct gw_id_list {
    const char **ids;
    size_t count, cap;
};
/* The first column of what the query, already bound, has, behind those that are there. */
enum status gw_ids_read(struct sql_stmt *stmt, struct arena *arena, struct gw_id_list *list,
                        struct error *err);

/* The rows of a query that asks for one more than limit, to know whether there are more. */
struct gw_page {
    size_t size, limit; /* of a row, in bytes; of the page, in rows */
    void *rows;
    size_t count, cap;
    bool more;
};
/* Steps to the next row and makes room for it: *row is the last of page->rows, zeroed, to be read
 * by the caller; NULL: the page is at its end. */
MUST_CHECK enum status gw_page_next(struct sql_stmt *stmt, struct arena *arena,
                                    struct gw_page *page, void **row, struct error *err);
/* "" for NULL, for columns that take part in unique indexes. */
static inline const char *gw_text_or_empty(const char *text)
{
    return text == NULL ? "" : text;
}
/* And back. */
static inline const char *gw_text_or_null(const char *text)
{
    return text == NULL || text[0] == '\0' ? NULL : text;
}

/* store_twin.c: the same for a message of this house that XTA knows nothing of: where it is the
 * twin of an outbound one (gateway/local.h), that is delivered. */
MUST_CHECK enum status gw_twin_acknowledged(struct gw_tx *tx, const char *message_id,
                                            const struct gw_cause *cause, struct error *err);
/* Likewise of one that was dropped from quarantine, as cause says: its sender hears that it failed.
 */
MUST_CHECK enum status gw_twin_rejected(struct gw_tx *tx, const struct gw_message_row *row,
                                        const struct gw_cause *cause, struct error *err);
/* An outbound message has taken this step: where it is an inbound one that went on
 * (gateway/onward.h), that moves with it. */
MUST_CHECK enum status gw_onward_moved(struct gw_tx *tx, const struct gw_message_row *row,
                                       enum gw_event event, const struct gw_cause *cause,
                                       struct error *err);

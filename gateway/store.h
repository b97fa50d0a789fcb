/*
 * gateway/store.h - what must survive: messages, their files and history, deliveries, settings
 *
 * An index with payload files beside it, in one folder:
 *
 *   <state>/index.db            the index (SQLite now; nothing here says so)
 *   <state>/payload/<xx>/<id>/  files of one message or delivery (gateway/payload.h)
 *   <state>/tmp/                what is being written; emptied at start
 *   <state>/aside/<id>/         payload folders that a start found and the index did not know
 *
 * Every call blocks: make it from a worker thread, never from the loop. Any number of threads may
 * call at once.
 *
 * Writing: gw_store_commit hands a function to the one writer thread, which runs those of many
 * callers in one transaction (each in its own savepoint; one that fails undoes itself alone), makes
 * it durable, and only then lets all of them return: group commit. Reading: gw_store_read takes one
 * of a few read connections with a view of the index that stands still until gw_read_end; hold it
 * briefly, never across network or disk work, and take only one at a time.
 * The functions with a struct gw_tx work inside either; those marked W need a gw_store_commit.
 *
 * The order of every acceptance: payload files written, fsynced, renamed into place and their
 * folders fsynced (gw_stage_publish), then gw_store_commit, and then the word to the outside.
 *
 * Rows: strings are NUL-terminated UTF-8, NULL where there is none; times are ms since 1970 UTC, 0
 * where there is none; what a read function returns lives in the arena given. Rows passed in are
 * borrowed for the call.
 *
 * Errors: ST_NOT_FOUND, ST_DUPLICATE as each function says; ST_LIMIT disk or memory full; ST_RETRY
 * disk trouble that may pass; ST_INTERNAL the index is broken or from a newer version.
 */
#pragma once

#include "crypto/base/arena.h"
#include "crypto/base/rng.h"
#include "gateway/files.h"
#include "gateway/message.h"
#include "gateway/uuid.h"

struct gw_store;
struct gw_tx;

enum { GW_SHA256_BYTES = 32 };

struct gw_store_report;

struct gw_store_conf {
    const char *dir;  /* made when missing, mode 0700 */
    unsigned readers; /* read connections; 0: 4 */
    struct rng *rng;  /* thread-safe (rng_system); borrowed until close */
    bool look;        /* only to look: nothing is made, repaired or written; no commits */
    bool deep_check;  /* at open, compare the digests of all live payloads too */
    /* After each commit that wrote events, from the writer thread: return at once, call nothing of
     * the store. last_seq: the newest event. NULL: nobody listens. */
    void (*committed)(void *ctx, int64_t last_seq);
    void *committed_ctx;
    /* With committed_ctx, from a thread of the store, at most once: what the start left for later
     * is done. damage: NULL, or what is wrong. NULL: nobody listens. */
    void (*checked)(void *ctx, const struct gw_store_report *report, const struct error *damage);
};

enum { GW_ASIDE_NAMED = 20, GW_ASIDE_DAYS = 30 };

/* What the start found and did. After an orderly stop payload/ is not searched for strangers.
 * What nobody in the index knows is left by a crash before a commit, or is all that is left of a
 * message after the index was harmed: it is kept in aside/ for GW_ASIDE_DAYS. */
struct gw_store_report {
    size_t temp_removed;  /* leftovers in tmp/ */
    size_t files_removed; /* payload files and folders whose message has forgotten them */
    size_t aside;         /* folders of nobody */
    char aside_names[GW_ASIDE_NAMED][GW_ID_SIZE]; /* the first of them, perhaps shortened */
    size_t missing;     /* files in the index that are gone or have changed: see events */
    size_t quarantined; /* messages moved aside for that, by GW_EV_DAMAGE */
};

struct gw_store_stats {
    uint64_t commits;                  /* durable transactions so far */
    uint64_t jobs;                     /* gw_store_commit calls in them */
    uint64_t batch_max;                /* most jobs in one */
    uint64_t file_syncs, folder_syncs; /* fsyncs of payload files, and of the folders they are in */
};

/*
 * Opens or makes the store: brings the schema up to date, checks the index, cleans up after a
 * crash, moves damaged messages aside. One process at a time (ST_DENIED otherwise). What takes long
 * in a large store goes on behind the return: the check of an index above 64 MB, and after a crash
 * the search of payload/ beyond 20,000 folders.
 */
MUST_CHECK enum status gw_store_open(const struct gw_store_conf *conf, int64_t now,
                                     struct gw_store **store, struct gw_store_report *report,
                                     struct error *err);
/* Waits for running commits, then closes. No other thread may be in a call. NULL is fine. */
void gw_store_close(struct gw_store *store);
DROP_DEFINE(gw_store_drop, struct gw_store, gw_store_close)
void gw_store_stats(struct gw_store *store, struct gw_store_stats *stats);

/*
 * Runs fn(tx, ctx, err) on the writer thread and returns its status once that is durable. fn makes
 * index calls and nothing slow, and may not call gw_store_commit. Any status but ST_OK from fn
 * undoes what fn did. When the commit itself fails, its status is returned: nothing has happened.
 */
MUST_CHECK enum status gw_store_commit(struct gw_store *store,
                                       enum status (*fn)(struct gw_tx *tx, void *ctx,
                                                         struct error *err),
                                       void *ctx, struct error *err);
/* Begins reading; waits for a free connection. End it with gw_read_end (AUTO). */
MUST_CHECK enum status gw_store_read(struct gw_store *store, struct gw_tx **tx, struct error *err);
void gw_read_end(struct gw_tx **tx); /* for AUTO; *tx may be NULL */

/* -- files ------------------------------------------------------------------------------------ */

enum gw_file_kind {
    GW_FILE_PAYLOAD,      /* what the Fachverfahren gave or gets */
    GW_FILE_SEALED,       /* the content as sent again and again, signed and encrypted */
    GW_FILE_ATTACHMENT,   /* an encrypted part beside the sealed or received content */
    GW_FILE_EVIDENCE,     /* the protocol's own documents: signed answers, process cards */
    GW_FILE_VERIFICATION, /* verification.json: who signed, which checks */
    GW_FILE_RECEIVED,     /* the message as it came in */
    GW_FILE_HEADER,       /* a header block of others, canonical; ref is its Id */
    GW_FILE_FRAME,        /* out, in chunks: the message without its attachments */
    GW_FILE_CHUNK,        /* in, in chunks: one that has come */
    GW_FILE_KIND_COUNT
};

struct gw_file_row {
    int n; /* 1, 2, ... within its owner; given by the store */
    enum gw_file_kind kind;
    const char *name;         /* original name as sent, any characters */
    const char *content_type; /* NULL: unknown */
    const char *ref;          /* protocol's name for it: a content id, say; or NULL */
    const char *path;         /* relative to the state folder, made by gateway/payload.h */
    uint64_t len;
    uint8_t sha256[GW_SHA256_BYTES];
    bool damaged; /* found missing or changed */
};

struct gw_file_list {
    struct gw_file_row *rows;
    size_t count;
};

const char *gw_file_kind_name(enum gw_file_kind kind); /* "payload", ... */

/* W. Adds published files (gw_stage_files) to an owner, a message or a delivery. */
MUST_CHECK enum status gw_store_files_add(struct gw_tx *tx, const char *owner_id,
                                          const struct gw_file_row *rows, size_t count,
                                          struct error *err);
/* In order of n; an empty list is ST_OK. */
MUST_CHECK enum status gw_store_files(struct gw_tx *tx, struct arena *arena, const char *owner_id,
                                      struct gw_file_list *list, struct error *err);
/* W. Forgets all files of one kind; they leave the disk after the commit. */
MUST_CHECK enum status gw_store_files_remove(struct gw_tx *tx, const char *owner_id,
                                             enum gw_file_kind kind, struct error *err);
/* W. Forgets all files of an owner; its folder leaves the disk after the commit. */
MUST_CHECK enum status gw_store_files_forget(struct gw_tx *tx, const char *owner_id,
                                             struct error *err);

/* -- messages --------------------------------------------------------------------------------- */

/* A time of the process card (Laufzettel): its own text (RFC 3339) and its value. */
struct gw_card_time {
    const char *text; /* NULL: not known */
    int64_t ms;
};

struct gw_message_row {
    const char *id; /* gw_uuid_make */
    const char *tenant, *endpoint;
    enum gw_box box;
    enum gw_state state; /* set by the store */
    /* The way: the intermediary or server as configured. Key of fairness between destinations (out)
     * and, with osci_message_id, of duplicate detection (in). */
    const char *peer;
    const char *recipient, *sender; /* partners as configured, or a certificate's name */
    const char *message_type, *subject;
    int priority;                   /* higher first among equals in age */
    const char *osci_message_id;    /* base64 as on the wire; unique by box, tenant, peer */
    const char *correlation;        /* id of the message this one answers or belongs to */
    const char *client_key;         /* the Fachverfahren's own key; unique by tenant, endpoint */
    const char *source_name;        /* file or folder it came from */
    uint64_t size_bytes;            /* of the payload */
    int64_t created_at, changed_at; /* changed_at is set by the store */
    int64_t deliver_after, expires_at;
    int attempts;
    int64_t next_attempt_at;
    int last_reason; /* protocol code of the last trouble */
    const char *last_error_en, *last_error_de;
    struct gw_card_time creation, forwarding, reception;
    const char *inspections; /* JSON: the certificate findings of the process card */
    enum gw_way delivery;    /* out: where a route says otherwise than the partner's settings */
    /* out: it is sent only when all with this mark that the endpoint gave before it for the same
     * recipient have been sent, or have ended */
    bool keep_order;
    enum gw_answer_state answer; /* in: whether its sender waits for an answer */
    int64_t answer_due_at;
    int64_t repeated_at; /* in: handed over once more at the caller's wish; set by the store */
    const char *client_digest; /* of what client_key stands for; NULL: nobody knows */
    const char *facts; /* JSON: what was known of it when it came (gateway/facts.h); or NULL */
    const char *route; /* the row of the table of routes that it took; NULL: none */
};

struct gw_message_list {
    struct gw_message_row *rows;
    size_t count;
    bool more;          /* there are, or may be, more: */
    const char *cursor; /* ask again from behind this id; NULL: there are no more */
};

/* Who did it and why; part of every event. */
struct gw_cause {
    int64_t now;
    const char *actor;   /* "spool", "api:1000", "outbound", "operator", ... */
    int reason;          /* protocol code, 0: none */
    const char *en, *de; /* a sentence each; NULL where there is nothing to say */
    const char *detail;  /* JSON object or NULL */
};

/*
 * W. Takes a new message with its published files into its box (state accepted or received) and
 * writes the event. next_attempt_at becomes deliver_after or now, or GW_HELD_AT when it keeps its
 * order and others are before it. attempts and errors start empty.
 * ST_DUPLICATE: client_key or (box, tenant, peer, osci_message_id) is known; if not NULL,
 * *existing is filled with that message's id even then. Drop the stage in that case.
 */
MUST_CHECK enum status gw_store_message_add(struct gw_tx *tx, const struct gw_message_row *row,
                                            const struct gw_file_row *files, size_t file_count,
                                            const struct gw_cause *cause, char existing[GW_ID_SIZE],
                                            struct error *err);

/*
 * One step of a message. NULL strings, card times without text and zero numbers leave their column
 * as it is. The event decides the rest: DEFER and DOUBT set next_attempt_at, DEFER DOUBT FAIL
 * QUARANTINE REJECT EXPIRE DAMAGE keep the cause as last error, RETRY makes it due at once, starts
 * attempts anew and lifts an expiry that has passed, REDELIVER makes it due at once, marks it as
 * repeated and as new in its XTA box, REDIRECT makes it due at once or at its deliver_after and
 * starts attempts anew, all forward steps clear the last error. Where order is kept, the next one
 * of its endpoint and recipient becomes due in the same commit.
 */
struct gw_move {
    const char *id;
    enum gw_event event;
    bool attempted;          /* counts one attempt */
    int64_t next_attempt_at; /* for DEFER and DOUBT: when again; 0: at once */
    const char *peer, *recipient, *sender, *message_type, *subject;
    enum gw_way delivery;        /* of REDIRECT: how it goes to the new recipient */
    const char *osci_message_id; /* "": it has none any more */
    const char *correlation;
    const char *inspections;
    struct gw_card_time creation, forwarding, reception;
    int64_t expires_at;
    uint64_t size_bytes;
    const struct gw_file_row *files; /* published files to add */
    size_t file_count;
    struct gw_cause cause;
    const char *endpoint; /* whose it is from now on; NULL: as it was */
};

/*
 * W. Asks gateway/message.h, changes the row, adds the files, writes one event. *state, if not
 * NULL, is the new state. ST_NOT_FOUND no such message; ST_DENIED no such step, nothing changed;
 * ST_DUPLICATE the osci_message_id belongs to another message.
 */
MUST_CHECK enum status gw_store_move(struct gw_tx *tx, const struct gw_move *move,
                                     enum gw_state *state, struct error *err);
/* The same as a commit of its own. */
MUST_CHECK enum status gw_store_commit_move(struct gw_store *store, const struct gw_move *move,
                                            enum gw_state *state, struct error *err);
/* gw_store_message_add as a commit of its own. */
MUST_CHECK enum status gw_store_commit_message(struct gw_store *store,
                                               const struct gw_message_row *row,
                                               const struct gw_file_row *files, size_t file_count,
                                               const struct gw_cause *cause,
                                               char existing[GW_ID_SIZE], struct error *err);

MUST_CHECK enum status gw_store_message(struct gw_tx *tx, struct arena *arena, const char *id,
                                        struct gw_message_row *row, struct error *err);
MUST_CHECK enum status gw_store_message_by_key(struct gw_tx *tx, struct arena *arena,
                                               const char *tenant, const char *endpoint,
                                               const char *client_key, struct gw_message_row *row,
                                               struct error *err);
MUST_CHECK enum status gw_store_message_by_osci_id(struct gw_tx *tx, struct arena *arena,
                                                   enum gw_box box, const char *tenant,
                                                   const char *peer, const char *osci_message_id,
                                                   struct gw_message_row *row, struct error *err);

/* The first message of the inbox that belongs to this one (correlation). ST_NOT_FOUND: none. */
MUST_CHECK enum status gw_store_message_answering(struct gw_tx *tx, struct arena *arena,
                                                  const char *id, struct gw_message_row *row,
                                                  struct error *err);

/* next_attempt_at of a message that waits for those before it: the end of the year 9999. */
#define GW_HELD_AT INT64_C(253402300799999)

/* The message that this one, held (next_attempt_at is GW_HELD_AT), waits for. ST_NOT_FOUND: none.
 */
MUST_CHECK enum status gw_store_message_ahead(struct gw_tx *tx, struct arena *arena, const char *id,
                                              struct gw_message_row *row, struct error *err);

/* Zero and NULL mean: all. */
struct gw_filter {
    const char *tenant, *endpoint, *peer;
    const char *partner; /* recipient or sender */
    const char *message_type;
    enum gw_box box;
    uint32_t states;      /* GW_STATES(...) | ... */
    int64_t since, until; /* created_at, since <= t < until */
    int64_t due_before;   /* was there, and could be sent, before that time */
    int64_t due_since;    /* but not before this one */
    const char *text;     /* anywhere in subject, recipient, sender, message type, source name, ids;
                           * ASCII letters without regard to case */
    const char *cursor;   /* id of the last row seen; continue behind it */
    bool oldest_first;
    size_t limit;    /* 0: 100; at most GW_LIST_MAX */
    int64_t look_ms; /* how long to look for one page; 0: GW_LOOK_MS */
    size_t look_max; /* and at how many rows; 0: as many as are looked at in that time */
};

enum { GW_LIST_MAX = 1000, GW_LOOK_MS = 60 };

/*
 * By id, which is by time of creation; newest first unless asked otherwise. A page takes its time,
 * but never the time of all messages: it may hold fewer than limit, none even, and yet list->more.
 * Its cursor says how far it has looked.
 */
MUST_CHECK enum status gw_store_messages(struct gw_tx *tx, struct arena *arena,
                                         const struct gw_filter *filter,
                                         struct gw_message_list *list, struct error *err);

struct gw_counts {
    uint64_t messages[GW_INBOX + 1][GW_STATE_COUNT]; /* [box][state] */
    int64_t oldest_waiting_at; /* created_at of the oldest message that is not final; 0: none */
};

/* Of one tenant and endpoint; NULL: all. */
MUST_CHECK enum status gw_store_counts(struct gw_tx *tx, const char *tenant, const char *endpoint,
                                       struct gw_counts *counts, struct error *err);

/* -- due work --------------------------------------------------------------------------------- */

/* What is not wanted now: busy or sick destinations, and messages some job already works on. */
struct gw_skip {
    const char *const *peers; /* out: peers; in: endpoints */
    size_t peer_count;
    const char *const *ids;
    size_t id_count;
    const char *only; /* no other peer (out) or endpoint (in) than this; NULL: all */
};

/*
 * Messages of a box whose next step is due: out accepted, sealed, deferred, unclear; in
 * received, opened, deferred; with next_attempt_at <= now. Higher priority first, then the longest
 * due. skip may be NULL. *next_at, if not NULL, and nothing is due: when the next message becomes
 * due that skip->only allows (0: none waits).
 */
MUST_CHECK enum status gw_store_due(struct gw_tx *tx, struct arena *arena, enum gw_box box,
                                    int64_t now, const struct gw_skip *skip, size_t limit,
                                    struct gw_message_list *list, int64_t *next_at,
                                    struct error *err);
/* W. Outbound messages for peer that wait after a failure with a reason from first to last are due
 * at once: the next max of them. *count: how many that were. */
MUST_CHECK enum status gw_store_due_now(struct gw_tx *tx, const char *peer, int first, int last,
                                        int64_t now, size_t max, size_t *count, struct error *err);
/* Outbound messages whose expires_at has passed and that are not final. */
MUST_CHECK enum status gw_store_expired(struct gw_tx *tx, struct arena *arena, int64_t now,
                                        size_t limit, struct gw_message_list *list,
                                        struct error *err);
/* Submitted or forwarded without proof of reception, oldest first; peer NULL: all. */
MUST_CHECK enum status gw_store_outstanding(struct gw_tx *tx, struct arena *arena,
                                            const char *tenant, const char *peer,
                                            const char *cursor, size_t limit,
                                            struct gw_message_list *list, struct error *err);
/* How many messages were made since then for this partner, and how many came from it. */
MUST_CHECK enum status gw_store_traffic(struct gw_tx *tx, const char *partner, int64_t since,
                                        uint64_t *sent, uint64_t *received, struct error *err);
/* Messages of the inbox that the endpoint was handed, or has acknowledged, at since or later: by
 * id, those behind cursor (NULL: from the first). */
MUST_CHECK enum status gw_store_handed_since(struct gw_tx *tx, struct arena *arena,
                                             const char *endpoint, int64_t since,
                                             const char *cursor, size_t limit,
                                             struct gw_message_list *list, struct error *err);
/* W. Forgets a final message with its files; its events stay, they are links of a chain. ST_DENIED:
 * it is not final. */
MUST_CHECK enum status gw_store_message_remove(struct gw_tx *tx, const char *id, struct error *err);

/* -- events: append-only, numbered, never changed, links of a chain (gateway/chain.h) --------- */

struct gw_event_row {
    int64_t seq; /* 1, 2, ... in the order of commits, with a leap at each restore; never given
                    twice: the cursor of API and SSE */
    int64_t at;
    const char *message_id; /* NULL: about no message, a refused connection say */
    const char *tenant, *endpoint;
    const char *kind; /* gw_event_name, or the caller's own word: "peer.refused" */
    enum gw_box box;
    enum gw_state from, to; /* GW_NEW, GW_NEW for events without a message */
    const char *actor;
    int reason;
    const char *en, *de, *detail;
};

struct gw_event_list {
    struct gw_event_row *rows;
    size_t count;
    bool more;
    int64_t looked; /* of gw_store_events_find, where there are more: the last seq it looked at */
};

/* W. An event about no message. tenant and endpoint may be NULL. */
MUST_CHECK enum status gw_store_event_add(struct gw_tx *tx, const char *kind, const char *tenant,
                                          const char *endpoint, const struct gw_cause *cause,
                                          struct error *err);
MUST_CHECK enum status gw_store_commit_event(struct gw_store *store, const char *kind,
                                             const char *tenant, const char *endpoint,
                                             const struct gw_cause *cause, struct error *err);
/* Those with seq > after in order; message_id, tenant, endpoint NULL: all. limit as in gw_filter.
 */
MUST_CHECK enum status gw_store_events(struct gw_tx *tx, struct arena *arena, int64_t after,
                                       const char *message_id, const char *tenant,
                                       const char *endpoint, size_t limit,
                                       struct gw_event_list *list, struct error *err);
/* The newest ones, in order; tenant, endpoint and limit as above. list->more: there are older ones.
 */
MUST_CHECK enum status gw_store_events_newest(struct gw_tx *tx, struct arena *arena,
                                              const char *tenant, const char *endpoint,
                                              size_t limit, struct gw_event_list *list,
                                              struct error *err);
/* Zero and NULL mean: all. Of several endpoints, or kinds, one must fit. */
struct gw_event_filter {
    int64_t after;  /* seq > after; below 0: the newest ones */
    int64_t before; /* seq < before */
    const char *message_id;
    const char *const *endpoints;
    size_t endpoint_count;
    const char *const *kinds;
    size_t kind_count;
    bool audit; /* only what people did through the API, and what changed or was refused */
    size_t limit;
    int64_t look_ms; /* these three as in gw_filter */
    size_t look_max;
};

enum { GW_EVENT_NAMES_MAX = 64 };

/*
 * In order, the newest ones too. A page takes its time, as one of messages does: it may hold fewer
 * than limit, none even, and yet list->more. list->looked says how far it has looked: go on behind
 * it, or before it with the newest ones. ST_LIMIT: more than GW_EVENT_NAMES_MAX endpoints or kinds.
 */
MUST_CHECK enum status gw_store_events_find(struct gw_tx *tx, struct arena *arena,
                                            const struct gw_event_filter *filter,
                                            struct gw_event_list *list, struct error *err);
/* The newest seq, 0 when there is none. */
MUST_CHECK enum status gw_store_events_last(struct gw_tx *tx, int64_t *seq, struct error *err);

/* -- small facts: "receipts.polled_at/<peer>" and the like ------------------------------------- */

/* ST_NOT_FOUND: never set. */
MUST_CHECK enum status gw_store_meta(struct gw_tx *tx, struct arena *arena, const char *key,
                                     const char **value, struct error *err);
/* W. value NULL removes. */
MUST_CHECK enum status gw_store_meta_set(struct gw_tx *tx, const char *key, const char *value,
                                         struct error *err);
/* Both at once, numbers: *value is otherwise when never set. */
MUST_CHECK enum status gw_store_meta_ms(struct gw_tx *tx, const char *key, int64_t otherwise,
                                        int64_t *value, struct error *err);
MUST_CHECK enum status gw_store_commit_meta_ms(struct gw_store *store, const char *key,
                                               int64_t value, struct error *err);

/*
 * gateway/spool.h - drop folders: the door for Fachverfahren that know nothing but files
 *
 *   <folder>/out/            the Fachverfahren writes here
 *   <folder>/sent/<id>/      what was accepted
 *   <folder>/refused/        what was not, with NAME.error.txt beside it
 *   <folder>/in/<id>/        inbound messages, complete when visible
 *   <folder>/receipts/       <id>.json and <id>.txt as they grow, and the protocol's evidence
 *
 * Each endpoint has a thread of its own: a share that hangs delays no other. Something in out/
 * wakes it to take in, a folder that leaves in/ to acknowledge, a commit of the store to hand over
 * and to write receipts; and all of it happens by the clock, too, since network shares send no
 * events.
 *
 * Taking in (spool_in.h): copied into the store, taken out of the Fachverfahren's hands, accepted,
 * moved to sent/. Handing over: built under a hidden name, fsynced, handed over in the index, and
 * then renamed; the Fachverfahren acknowledges by taking in/<id> away. A crash before the rename
 * leaves the hidden folder, and the next start shows it.
 */
#pragma once

#include <stdatomic.h>

#include "gateway/lane.h"
#include "gateway/runtime.h"

struct gw_spool;

/*
 * Starts a thread for each endpoint with a folder; they end with the loop. The folders are made
 * when missing, but not those that were there before: then a share is not mounted, most likely. A
 * folder that cannot be used, at the start or later, is in the log and in rt->folder_reasons, and
 * is tried again every ten seconds; the others do not wait for it. Free after the loop has ended.
 */
MUST_CHECK enum status gw_spool_start(struct gw_runtime *rt, struct gw_spool **spool,
                                      struct error *err);
void gw_spool_free(struct gw_spool *spool);
DROP_DEFINE(gw_spool_drop, struct gw_spool, gw_spool_free)

/* Called after a message was accepted; once, before anything is accepted. */
void gw_spool_on_accept(struct gw_spool *spool, void (*accepted)(void *ctx), void *ctx);
/* Something changed in the store: look whether there is something to hand over or to write; any
 * thread. */
void gw_spool_wake(struct gw_spool *spool);

/* ---- the parts, by endpoint; for spool_*.c and tests ---- */

enum { GW_SPOOL_HIDDEN_SIZE = GW_ID_SIZE + 16 };

/* How long what takes its time; tests are less patient. */
struct gw_spool_patience {
    int64_t settled_ms;    /* unchanged for so long counts as complete ("settled") */
    int64_t empty_ms;      /* an empty file may be one that is just being begun */
    int64_t unreadable_ms; /* its rights may be set in a moment */
    int64_t waiting_ms;    /* what waits in out/ for longer is reported */
};

/* What lies in out/ and is not a message yet: sorted, made anew by each look. */
struct gw_waits {
    struct gw_waiting *items;
    size_t count, cap;
};

struct gw_pass;

struct gw_spool_endpoint {
    struct gw_runtime *rt;
    const struct gw_endpoint_conf *conf;
    struct gw_spool_patience patience;
    /* open folders; -1: none, the endpoint's folder cannot be used */
    int folder, out, sent, refused, in, receipts;
    unsigned uid, gid; /* whose files ours shall be */
    /* since when in/ is this very folder: what was handed over before and is not in it was lost
     * with another one (a share that is not mounted, say), not taken away */
    int64_t in_since;
    bool nothing_hidden; /* in/ holds nothing that is handed over and not shown; at first unknown */
    /* what was accepted until then has left out/ durably, as the store remembers it: the same file
     * in out/ again was put there by somebody */
    int64_t moved_at;
    atomic_bool moving;    /* something was accepted since */
    atomic_bool leftovers; /* out/.taking-<id>/ may be there */
    bool looked;           /* all of out/ was looked at since the start */
    int64_t opened_ms;     /* monotonic */
    int64_t rest_until; /* monotonic: no look at out/ before, it is large and nothing comes of it */
    struct gw_waits waits;
    struct gw_pass *pass; /* the look at out/ that is going on, a batch at a time; or NULL */
    void (*accepted)(void *ctx);
    void *accepted_ctx;
};

/* ST_DENIED: GW_R_SPOOL_FOLDER, it cannot be used; GW_R_SPOOL_SHARE, it was there and is not. */
MUST_CHECK enum status gw_spool_endpoint_open(struct gw_spool_endpoint *e, struct gw_runtime *rt,
                                              const struct gw_endpoint_conf *conf,
                                              struct error *err);
void gw_spool_endpoint_deinit(struct gw_spool_endpoint *e);
/* Are the open folders still those at their paths? */
bool gw_spool_endpoint_in_place(const struct gw_spool_endpoint *e);
/* May we read and write in all of them? ST_DENIED, GW_R_SPOOL_FOLDER: not in the one it names. */
MUST_CHECK enum status gw_spool_endpoint_look(const struct gw_spool_endpoint *e, struct error *err);

/* Takes in what lies complete in out/, a bounded number of things. *again_ms: when to look again
 * even if nothing is heard; 0: at once, there is more; -1: no need to. */
MUST_CHECK enum status gw_spool_take(struct gw_spool_endpoint *e, int *again_ms, struct error *err);
/* Makes durable that what was accepted has left out/, and remembers it. Now and then. */
MUST_CHECK enum status gw_spool_moved(struct gw_spool_endpoint *e, struct error *err);
/* Hands over what is due. */
MUST_CHECK enum status gw_spool_hand_over(struct gw_spool_endpoint *e, struct error *err);
/* The name under which in/<id> is built. */
void gw_spool_hidden(const char *id, char name[GW_SPOOL_HIDDEN_SIZE]);
/* Notices what was taken away: in/<id> alone, or with NULL all that was handed over. */
MUST_CHECK enum status gw_spool_acknowledge(struct gw_spool_endpoint *e, const char *id,
                                            struct error *err);
/* Removes in/<id> of a message that was acknowledged by another door. */
MUST_CHECK enum status gw_spool_clear(struct gw_spool_endpoint *e, const char *id,
                                      struct error *err);
/* Brings the receipts up to date with the history, and in/ with what was acknowledged elsewhere. */
MUST_CHECK enum status gw_spool_receipts(struct gw_spool_endpoint *e, struct error *err);
/* Gives a file or folder that we made to the Fachverfahren: its owner (when we are root) and its
 * group, and both may read and write. Failures are nobody's concern: it may be able to use them
 * anyway. */
void gw_spool_give(const struct gw_spool_endpoint *e, int at, const char *path);

/*
 * gateway/spool_in.h - what lies in out/: is it complete, and may it go?
 *
 * Four rules of completeness, one for each endpoint:
 *
 *   rename    whatever bears its final name is complete
 *   settled   size and time have not changed for settled_seconds, and nobody has it open for
 *             writing, where the system can say so. A writer that died looks like one that is done.
 *   marker    NAME.ready (or another ending) lies beside it
 *   manifest  NAME.sha256 lies beside it, in the format of sha256sum, and its bytes are those. For
 *             a folder it lists every file in it. Never by time.
 *
 * Names that begin with '.' or end in ".tmp", ".part" (in capitals, too), "~" or ".meta.yaml" or
 * ".meta.xml" are never messages of their own, nor are markers and manifests under their rules. A
 * folder of files is one message; in it names that begin with '.' or end in "~" are passed over,
 * and as long as one ends in ".tmp" or ".part" it is not complete. What belongs to NAME goes where
 * it goes.
 *
 *   spool_scan.c    a look at out/, a batch at a time ► complete names, taken by several threads
 *   spool_rule.c    how things look, what belongs to them;  spool_wait.c  what is not complete yet
 *   spool_take.c    one of them: staged ► claimed ► committed ► sent/<id>/
 *   spool_claim.c   out/NAME ► out/.taking-<id>/: out of the Fachverfahren's hands
 *   spool_refuse.c  claimed ► refused/, with an explanation
 *
 * A claim is a rename in out/ itself, which works wherever out/ lies. What is claimed and does not
 * look as it did when it was copied goes back; so nothing that is put under the same name in the
 * meantime is ever moved away unread. A crash leaves a claim behind, and the next look at out/
 * finishes it: to sent/ when its id is in the index, else it is taken from where it lies. If even
 * the claim's rename was lost (a power cut), the key made of inode, time, size and name finds the
 * message again; the key counts until gw_spool_moved.
 */
#pragma once

#include <pthread.h>
#include <sys/stat.h>

#include "gateway/payload.h"
#include "gateway/route.h"
#include "gateway/spool.h"
#include "gateway/transform_message.h"

enum { GW_FOLDER_FILES_MAX = 1000, GW_SPOOL_KEY_MAX = 512 };

#define GW_SPOOL_MANIFEST ".sha256"

/* ---- how things look: spool_rule.c ---- */

/* How a dropped thing looks, a folder with all that is in it: equal looks, unchanged bytes. */
struct gw_look {
    mode_t mode;
    uint64_t inode;
    int64_t size, changed_ns; /* sum of the sizes, the newest change */
    uint64_t beside;          /* what belongs to it: which, and how that looks */
    int64_t touched_ms;       /* when content, owner or mode last changed */
};

bool gw_spool_ignores(const struct gw_spool_endpoint *e, const char *name);
/* What may lie beside NAME and goes with it, by the ending of its name: ".meta.yaml", ... NULL
 * past the last. */
const char *gw_spool_companion(const struct gw_spool_endpoint *e, size_t i);
bool gw_spool_is_companion(const struct gw_spool_endpoint *e, const char *name);
/* The ending of what says that NAME is complete; NULL: the rule has no such thing. */
const char *gw_spool_signal(const struct gw_spool_endpoint *e);
/* NAME with the ending. False: that is longer than a name can be, so there is none. */
bool gw_spool_beside(const char *name, const char *ending, char path[GW_NAME_SIZE]);

/* at: out/ or a claim. ST_NOT_FOUND: it is gone; ST_RETRY, GW_R_SPOOL_CHANGED: a folder still being
 * filled; ST_DENIED: a folder that cannot be read, or GW_R_SPOOL_FOLDER what cannot be renamed. */
MUST_CHECK enum status gw_spool_look(const struct gw_spool_endpoint *e, int at, const char *name,
                                     struct gw_look *look, struct error *err);
bool gw_look_same(const struct gw_look *a, const struct gw_look *b);
uint64_t gw_look_hash(const struct gw_look *look);

/* ---- one dropped thing on its way in ---- */

struct gw_drop {
    struct gw_spool_endpoint *e;
    pthread_mutex_t *lock;
    const char *name;
    char shown[GW_NAME_SIZE]; /* the name as people and logs get it */
    int at;                   /* where it lies: out/, or its claim */
    int claim;                /* the open folder of the claim; -1: none */
    struct gw_look look;
    char id[GW_ID_SIZE];
    char key[GW_SPOOL_KEY_MAX];
    struct arena arena;
    struct gw_routing routing;
    struct gw_stage *stage;
    struct gw_scan_verdict scan;
    struct gw_transformed transformed;
    uint64_t size;
    size_t files;
    int64_t now;
};

/* Why it is not a message yet. */
struct gw_take_result {
    int waits_for; /* a reason: look again later; 0: done, accepted or refused or gone */
    uint64_t look;
    char detail[200];
};

/* Accepts or refuses one complete thing of out/. Any thread; those of one endpoint share lock. */
MUST_CHECK enum status gw_spool_take_one(struct gw_spool_endpoint *e, const char *name,
                                         pthread_mutex_t *lock, struct gw_take_result *result,
                                         struct error *err);
/* The same for a claim that was left behind. */
MUST_CHECK enum status gw_spool_take_claim(struct gw_spool_endpoint *e, const char *id,
                                           pthread_mutex_t *lock, struct error *err);
/* Moves it to refused/ with an explanation beside it, and writes the event. Any thread. */
MUST_CHECK enum status gw_spool_refuse(struct gw_drop *d, const struct error *why,
                                       struct error *err);

/* ---- claims: spool_claim.c ---- */

/* The id in the name of a claim; NULL: it is none. */
const char *gw_claim_id(const char *name);
/* Takes d->name and what belongs to it out of out/. ST_RETRY, GW_R_SPOOL_CHANGED: it is not what it
 * was, and back in its place. */
MUST_CHECK enum status gw_claim_make(struct gw_drop *d, struct error *err);
/* Opens one that is there. */
MUST_CHECK enum status gw_claim_open(struct gw_drop *d, struct error *err);
/* The one thing in it, in d->arena. ST_NOT_FOUND: it holds nothing that could be taken; what was in
 * it lies in out/ again, where there was room. */
MUST_CHECK enum status gw_claim_name(struct gw_drop *d, const char **name, struct error *err);
/* Back to out/, unless that name is taken there again: then it stays, for the next look. */
void gw_claim_back(struct gw_drop *d);
/* The claim becomes sent/<id>/. Need not be durable. */
MUST_CHECK enum status gw_claim_sent(struct gw_drop *d, struct error *err);
/* Removes the empty folder and closes it; harmless when there is no claim. */
void gw_claim_close(struct gw_drop *d);

/* Renames, or where that leads to another file system copies durably under the hidden name and
 * removes the original. The target is not there, or a file that is replaced. */
MUST_CHECK enum status gw_spool_move(const struct gw_spool_endpoint *e, int from_at,
                                     const char *from, int to_at, const char *to,
                                     const char *hidden, struct error *err);

/* ---- manifests: spool_manifest.c ---- */

struct gw_manifest_row {
    struct span name; /* as it stands there, unescaped; empty: a digest alone */
    uint8_t sha256[GW_SHA256_BYTES];
};

struct gw_manifest {
    struct gw_manifest_row *rows;
    size_t count;
};

enum { GW_MANIFEST_BYTES_MAX = 1024 * 1024 };

/* Reads what sha256sum writes; CRLF, capital letters and a BOM are fine. In the arena. ST_INVALID,
 * GW_R_SPOOL_DIGEST: something else, or cut off; ST_LIMIT: more lines than a folder has files. */
MUST_CHECK enum status gw_manifest_read(struct span text, struct arena *arena,
                                        struct gw_manifest *manifest, struct error *err);
/* Is this all of the message NAME, with these digests, and nothing else? Names may differ in how
 * their umlauts are written (NFC, NFD) where no other file has the name. ST_RETRY,
 * GW_R_SPOOL_DIGEST: no, and err->text says what is missing. */
MUST_CHECK enum status gw_manifest_check(const struct gw_manifest *manifest, const char *name,
                                         const struct gw_file_row *files, size_t count, bool folder,
                                         struct arena *arena, struct error *err);

/* ---- what waits: spool_wait.c ---- */

struct gw_waiting {
    uint64_t name, look;       /* hashes */
    int64_t since_ms, same_ms; /* monotonic: first seen; looking so */
    int reason;                /* 0: it settles */
    bool tried;                /* as it looks now */
    bool told;
};

uint64_t gw_name_hash(const char *name);
/* NULL: not seen by the look before. */
const struct gw_waiting *gw_waits_find(const struct gw_waits *w, uint64_t name);
/* Unsorted until gw_waits_sort; without memory it is forgotten, and counts as new. */
void gw_waits_add(struct gw_waits *w, const struct gw_waiting *one);
void gw_waits_sort(struct gw_waits *w);
void gw_waits_free(struct gw_waits *w);

/* What has waited for too long, all that one look finds together: one event. */
struct gw_overdue {
    int reason;
    size_t count;
    char name[GW_NAME_SIZE], detail[200];
};

void gw_overdue_tell(const struct gw_spool_endpoint *e, const struct gw_overdue *overdue);

void gw_pass_free(struct gw_pass *pass);

/* ---- rights and locks: spool_rights.c ---- */

/* Has somebody else locked the open file, or (with writers) opened it for writing, as far as the
 * system says so? ST_RETRY, GW_R_SPOOL_BUSY. */
MUST_CHECK enum status gw_lock_check(int fd, bool writers, const char *shown, struct error *err);

/* Who owns it, which mode it has, who we are, and what mends it: behind err->text. name NULL: at
 * itself. Returns err->status. */
enum status gw_rights_explain(int at, const char *name, const char *shown, struct error *err);

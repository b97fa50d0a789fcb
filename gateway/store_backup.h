/*
 * gateway/store_backup.h - a copy of the state folder, taken while the store works, and back again
 *
 *   <dir>/index.db             the index as it was at one moment
 *   <dir>/payload/<xx>/<id>/   the files that it names: second links where the disk can do that
 *   <dir>/manifest.sha256      digest and name of each, as sha256sum(1) writes and checks them
 *
 * Settings and keys are not in it. A backup is built under <dir>.partial, flushed, and renamed:
 * what lies under its own name is whole. While it is taken nothing is removed from payload/.
 *
 * What a restored state cannot know is what happened after its backup. An outbound message that was
 * under way becomes unclear, so that its process card is asked for before anything is sent; one
 * that had no MessageId yet fails with GW_R_RESTORED and is sent again only by an operator's
 * decision. The numbers of events leap, so that a client that goes on behind one that was given
 * after the backup misses nothing.
 */
#pragma once

#include "gateway/store.h"

struct gw_backup_report {
    uint64_t files, bytes;  /* payload files and their length, and the index */
    uint64_t missing;       /* that the index names and that are not there; marked as damaged */
    uint64_t unclear, held; /* restored: outbound messages that are asked for, and that wait */
};

/* dir must not exist. ST_DUPLICATE: it does; ST_INVALID: a file is not what it was. */
MUST_CHECK enum status gw_store_backup(struct gw_store *store, const char *dir,
                                       struct gw_backup_report *report, struct error *err);
/* Reads every file again. ST_INVALID: err names the first that is missing or changed. */
MUST_CHECK enum status gw_backup_verify(const char *dir, struct gw_backup_report *report,
                                        struct error *err);
/* state must not exist, or be empty. Verifies first. No daemon may be started on it meanwhile. */
MUST_CHECK enum status gw_backup_restore(const char *dir, const char *state, int64_t now,
                                         struct gw_backup_report *report, struct error *err);

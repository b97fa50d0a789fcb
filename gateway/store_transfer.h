/*
 * gateway/store_transfer.h - deliveries in chunks, in the store
 *
 * A transfer on its way in owns one file for each chunk, its ref the number; a frame on its way out
 * owns the one file of its text. Rules, errors and the meaning of W as in gateway/store.h; what
 * they are for: osci/transfer.h.
 */
#pragma once

#include "gateway/store.h"

struct gw_transfer_row {
    const char *id;              /* ours, gw_uuid_make; owner of the files */
    const char *tenant;          /* whose it is; NULL is one, too */
    const char *osci_message_id; /* base64, of the inner message */
    uint8_t cipher[GW_SHA256_BYTES], signature[GW_SHA256_BYTES]; /* all zero: absent */
    uint64_t size_kb, total, total_kb;
    struct span received; /* a bit for each chunk, the first in the lowest */
    int64_t began_at, changed_at, completed_at;
    const char *result; /* NULL: none yet */
};

MUST_CHECK enum status gw_store_transfer(struct gw_tx *tx, struct arena *arena, const char *tenant,
                                         const char *osci_message_id, struct gw_transfer_row *row,
                                         struct error *err);
MUST_CHECK enum status gw_store_transfer_by_id(struct gw_tx *tx, struct arena *arena,
                                               const char *id, struct gw_transfer_row *row,
                                               struct error *err);
/* Of a client, with that tenant, without result: how many, and how many KB they will be. */
MUST_CHECK enum status gw_store_transfers_open(struct gw_tx *tx, const char *tenant,
                                               const uint8_t cipher[GW_SHA256_BYTES],
                                               uint64_t *count, uint64_t *total_kb,
                                               struct error *err);
/* W. ST_DUPLICATE: there is one of that osci_message_id. */
MUST_CHECK enum status gw_store_transfer_add(struct gw_tx *tx, const struct gw_transfer_row *row,
                                             struct error *err);
/* W. received, changed_at and completed_at as in row. */
MUST_CHECK enum status gw_store_transfer_update(struct gw_tx *tx, const struct gw_transfer_row *row,
                                                struct error *err);
/* W. The result stays, the chunks leave the disk after the commit. */
MUST_CHECK enum status gw_store_transfer_end(struct gw_tx *tx, const char *id, const char *result,
                                             int64_t now, struct error *err);
/* The tenant's first complete one without result behind that id (NULL: from the start).
 * ST_NOT_FOUND. */
MUST_CHECK enum status gw_store_transfer_complete(struct gw_tx *tx, const char *tenant,
                                                  const char *after_id, char id[GW_ID_SIZE],
                                                  struct error *err);

struct gw_frame_row {
    const char *id; /* owner of the file */
    int64_t used_at;
};
MUST_CHECK enum status gw_store_frame(struct gw_tx *tx, struct arena *arena,
                                      const char *osci_message_id, struct gw_frame_row *row,
                                      struct error *err);
/* W. ST_DUPLICATE: there is one. */
MUST_CHECK enum status gw_store_frame_add(struct gw_tx *tx, const char *osci_message_id,
                                          const char *id, int64_t now, struct error *err);
MUST_CHECK enum status gw_store_frame_used(struct gw_tx *tx, const char *osci_message_id,
                                           int64_t now, struct error *err);

struct gw_transfer_retention {
    const char *tenant;     /* whose transfers; frames: of all */
    int64_t changed_before; /* transfers that nothing has happened to since, done or not */
    int64_t used_before;    /* frames nobody has used since, and those whose delivery is gone */
    size_t limit;           /* of each kind in one go; 0: 100 */
    uint64_t transfers, unfinished, frames; /* out: removed; unfinished among transfers */
};
/* W. */
MUST_CHECK enum status gw_store_transfers_retain(struct gw_tx *tx,
                                                 struct gw_transfer_retention *retention,
                                                 struct error *err);

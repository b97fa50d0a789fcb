/*
 * gateway/parts.h - several payload files, one behind the other, read as one
 *
 * What came in chunks lies in pieces. At most one file is open at a time, so any number of them is
 * fine.
 */
#pragma once

#include "gateway/payload.h"

struct gw_parts {
    struct source base;
    struct gw_store *store;
    const struct gw_file_row **rows; /* in the arena, like ends */
    uint64_t *ends;                  /* where each piece ends in the whole */
    size_t count, at;                /* at: the open one */
    struct gw_file_source file;
};

/* rows (copied; what they point to is borrowed like the store) in the order of the bytes. */
MUST_CHECK enum status gw_parts_init(struct gw_parts *p, struct gw_store *store,
                                     const struct gw_file_row *const *rows, size_t count,
                                     struct arena *arena, struct error *err);
void gw_parts_deinit(struct gw_parts *p); /* for AUTO too, after init or zeroed */
/* Compares all pieces with what the index says of them: ST_DENIED, GW_R_STORE_DAMAGED. */
MUST_CHECK enum status gw_parts_verify(const struct gw_parts *p, struct error *err);

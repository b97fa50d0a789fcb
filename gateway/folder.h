/*
 * gateway/folder.h - a message as files in a folder
 *
 * The payload under its original names, made safe and none twice; message.json, as the API tells it
 * but for what changes later; verification.json. This is what a drop folder's in/<id>/ holds, and
 * what a program gets that answers requests. A plan is the same before there is a folder, for those
 * who bring the files elsewhere.
 */
#pragma once

#include "gateway/store.h"

/*
 * Writes them into the empty folder fd, each file durable. give (may be NULL) is called for each,
 * to hand it to its reader. ST_INVALID, ST_NOT_FOUND with GW_R_STORE_DAMAGED: a payload file is not
 * what it was.
 */
MUST_CHECK enum status gw_folder_fill(struct gw_store *store, const struct gw_message_row *row,
                                      int fd, void (*give)(void *ctx, int at, const char *name),
                                      void *ctx, struct error *err);

struct gw_folder_item {
    const struct gw_file_row *file;
    const char *name; /* in the folder */
};

/* All of it lives in the arena it was made in. */
struct gw_folder_plan {
    struct gw_folder_item *items;
    size_t count;
    struct span message_json;
};

/* Nothing is read of the files themselves. */
MUST_CHECK enum status gw_folder_plan(struct gw_store *store, const struct gw_message_row *row,
                                      struct arena *arena, struct gw_folder_plan *plan,
                                      struct error *err);

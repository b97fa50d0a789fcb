/*
 * gateway/folder.h - an inbound message as files in a folder
 *
 * The payload under its original names, made safe and none twice; message.json, as the API tells it
 * but for what changes later; verification.json. This is what a drop folder's in/<id>/ holds, and
 * what a program gets that answers requests.
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

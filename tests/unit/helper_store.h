/*
 * helper_store.h - a store in a temporary folder
 *
 * All of it fails the running test when something goes wrong.
 */
#pragma once

#include "gateway/payload.h"
#include "gateway/store.h"

struct helper_store {
    char dir[64];
    struct gw_store *store;
    struct gw_store_report report; /* of the last opening */
};

enum { HELPER_NOW = 1700000000 }; /* seconds; times in tests count from here */
#define HELPER_NOW_MS (INT64_C(1000) * HELPER_NOW)

/* A folder of its own, not opened yet. */
void helper_dir_make(char dir[64]);
void helper_dir_remove(const char *dir);
/* cmocka setup and teardown: *state is a struct helper_store with an open store. */
int helper_store_setup(void **state);
int helper_store_teardown(void **state);
void helper_store_open(struct helper_store *h, bool deep_check);
void helper_store_close(struct helper_store *h);
/* Closes and opens again. */
void helper_store_reopen(struct helper_store *h);
/* A fresh id; at: offset to HELPER_NOW_MS. */
void helper_id(int64_t at, char id[GW_ID_SIZE]);
/* Adds a message with one payload file holding text; id is filled. */
void helper_message_add(struct helper_store *h, enum gw_box box, const char *peer, const char *text,
                        int64_t at, char id[GW_ID_SIZE]);
/* One step, which must succeed; text: English and German cause. */
void helper_move(struct helper_store *h, const char *id, enum gw_event event, int64_t at);
/* The row as it is now, in arena. */
struct gw_message_row helper_message(struct helper_store *h, struct arena *arena, const char *id);
/* Files and folders below <dir>/<sub>, not counting folders; recursive. */
size_t helper_file_count(const struct helper_store *h, const char *sub);

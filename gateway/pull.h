/*
 * gateway/pull.h - bytes that are asked for when there is room for them
 *
 * The HTTP server and client ask a pull for the next bytes whenever the network has taken the last
 * ones. It is called on the loop, so a step must be short (read a piece of a file, encrypt it).
 */
#pragma once

#include "crypto/base/io.h"
#include "gateway/body.h"

enum { GW_PULL_STEP = 64 * 1024 };
#define GW_LEN_UNKNOWN UINT64_MAX

struct gw_pull {
    /*
     * Appends at most GW_PULL_STEP bytes to out, at least one unless it ends, and sets *end with
     * the last ones. A failure breaks the transfer off.
     */
    enum status (*next)(void *ctx, struct buf *out, bool *end, struct error *err);
    /* Back to the first byte (a client may have to send again). NULL: not possible. */
    enum status (*reset)(void *ctx, struct error *err);
    /* Called once, when the pull is not needed any more; whole: the network took everything. */
    void (*close)(void *ctx, bool whole);
    void *ctx;
    uint64_t len; /* all of it, or GW_LEN_UNKNOWN */
};

/* Closes at most once, forgets the functions; a zeroed pull is fine. */
void gw_pull_close(struct gw_pull *pull, bool whole);

/* The source is borrowed until close; close and ctx (may be NULL) tell the caller of the end. */
struct gw_pull gw_pull_source(struct source *source, void (*close)(void *ctx, bool whole),
                              void *ctx);
/* The same of a part: len bytes from first on, which the source has. */
struct gw_pull gw_pull_part(struct source *source, uint64_t first, uint64_t len,
                            void (*close)(void *ctx, bool whole), void *ctx);
/* A copy of the bytes. */
struct gw_pull gw_pull_bytes(struct span bytes);
/* Takes the body and frees it on close. */
struct gw_pull gw_pull_body(struct gw_body *take);

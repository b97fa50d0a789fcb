/*
 * gateway/body.h - bodies of any size in bounded memory, and files as sources and sinks
 *
 * A body keeps its first bytes in memory; when they exceed memory_max, all of them move to an
 * unlinked temporary file, which vanishes with the process. Written once from front to back, then
 * read at any offset. A body is used by one thread at a time; it may be handed from the loop to a
 * worker and back. Reading (pread) keeps no position.
 */
#pragma once

#include "crypto/base/io.h"

enum { GW_BODY_MEMORY = 1024 * 1024 }; /* a good memory_max for a single body */

struct gw_body;

/*
 * dir: where the temporary file goes, copied; it must exist once memory_max is exceeded.
 * max: the most bytes it will hold.
 */
MUST_CHECK enum status gw_body_new(const char *dir, size_t memory_max, uint64_t max,
                                   struct gw_body **body, struct error *err);
void gw_body_free(struct gw_body *body);
DROP_DEFINE(gw_body_drop, struct gw_body, gw_body_free)

/*
 * Appends. ST_LIMIT: more than max, or no memory; ST_RETRY: the disk is full or failing. After a
 * failure the content is unusable.
 */
MUST_CHECK enum status gw_body_write(struct gw_body *body, struct span bytes, struct error *err);
/* The same as a sink, and for reading as a source. Both live in the body; len is kept up to date.
 */
struct sink *gw_body_sink(struct gw_body *body);
struct source *gw_body_source(struct gw_body *body);
uint64_t gw_body_len(const struct gw_body *body);
/* True when all of it is in memory; *bytes is then valid until the next write. */
bool gw_body_bytes(const struct gw_body *body, struct span *bytes);
void gw_body_max_set(struct gw_body *body, uint64_t max);

/* A range of a file. */
struct gw_range_source {
    struct source base;
    int fd;      /* -1: none */
    bool owned;  /* closed by deinit */
    uint64_t at; /* where the range begins */
};

/* Over an open file (borrowed). */
struct source *gw_range_source_init(struct gw_range_source *s, int fd, uint64_t at, uint64_t len);
/* The whole regular file; symbolic links are followed. ST_NOT_FOUND, ST_DENIED (rights, or not a
 * regular file), ST_RETRY. */
MUST_CHECK enum status gw_range_source_open(struct gw_range_source *s, const char *path,
                                            struct error *err);
void gw_range_source_deinit(
    struct gw_range_source *s); /* for AUTO too, after init or zeroed to -1 */

/* Writes to an open file (borrowed) at its position. Neither flushes nor closes. */
struct gw_range_sink {
    struct sink base;
    int fd;
    uint64_t len; /* written so far */
};
struct sink *gw_range_sink_init(struct gw_range_sink *s, int fd);

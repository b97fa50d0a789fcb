/*
 * crypto/base/io.h - bytes that may be too many for memory
 *
 * A source is read at any offset; a sink is written from front to back. Behind them are memory
 * (here) or files (gateway/), so the protocol folders stream without knowing which. Neither is
 * thread-safe; one job owns them.
 */
#pragma once

#include "crypto/base/buf.h"
#include "crypto/base/error.h"
#include "crypto/base/span.h"

struct source {
    /* Copies up to cap bytes from offset; *got is 0 only at or past the end. */
    enum status (*read)(struct source *self, uint64_t offset, void *bytes, size_t cap, size_t *got,
                        struct error *err);
    uint64_t len;
};

struct sink {
    enum status (*write)(struct sink *self, struct span bytes, struct error *err);
};

/* All bytes of s, borrowed. */
struct source_span {
    struct source base;
    struct span bytes;
};
struct source *source_span_init(struct source_span *s, struct span bytes);

/* len bytes from offset of another source (borrowed); offset + len must lie within it. */
struct source_part {
    struct source base;
    struct source *of;
    uint64_t offset;
};
struct source *source_part_init(struct source_part *s, struct source *of, uint64_t offset,
                                uint64_t len);

/* Appends to a buf (borrowed), whose limit holds. */
struct sink_buf {
    struct sink base;
    struct buf *buf;
};
struct sink *sink_buf_init(struct sink_buf *s, struct buf *buf);

MUST_CHECK enum status source_read(struct source *s, uint64_t offset, void *bytes, size_t cap,
                                   size_t *got, struct error *err);
/* The whole source at the end of buf, whose limit holds (ST_LIMIT). */
MUST_CHECK enum status source_read_all(struct source *s, struct buf *buf, struct error *err);
MUST_CHECK enum status sink_write(struct sink *s, struct span bytes, struct error *err);

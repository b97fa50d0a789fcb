/*
 * fuzz_xta.h - what the fuzz targets of XTA's readers share
 */
#pragma once

#include <stdlib.h>

#include "crypto/crypto.h"
#include "xta/schema.h"
#include "xta/wire.h"

enum { FUZZ_ARENA_MAX = 16 * 1024 * 1024, FUZZ_CONTENT_MAX = 1024 * 1024 };

/* Takes contents and forgets them. */
struct fuzz_intake {
    struct xta_intake base;
    struct sink sink;
};

static enum status fuzz_write(struct sink *self, struct span bytes, struct error *err)
{
    (void)self;
    (void)bytes;
    (void)err;
    return ST_OK;
}

static enum status fuzz_open(struct xta_intake *self, const struct xta_content *content,
                             struct sink **sink, struct error *err)
{
    struct fuzz_intake *intake = (struct fuzz_intake *)self;

    (void)content;
    (void)err;
    intake->sink.write = fuzz_write;
    *sink = &intake->sink;
    return ST_OK;
}

static enum status fuzz_close(struct xta_intake *self, struct error *err)
{
    (void)self;
    (void)err;
    return ST_OK;
}

static const struct xta_schemas *fuzz_schemas(void)
{
    static struct xta_schemas *schemas;
    struct error err = {0};

    if (schemas == NULL && (crypto_init(&err) != ST_OK || xta_schemas_new(&schemas, &err) != ST_OK))
        abort();
    return schemas;
}

static inline struct xta_reading fuzz_reading(enum xta_version version, enum xta_port port,
                                              struct fuzz_intake *intake)
{
    *intake = (struct fuzz_intake){.base = {.open = fuzz_open, .close = fuzz_close}};
    return (struct xta_reading){.version = version,
                                .port = port,
                                .schemas = fuzz_schemas(),
                                .limits = {.root_bytes = FUZZ_CONTENT_MAX,
                                           .content_bytes = FUZZ_CONTENT_MAX,
                                           .contents = 100,
                                           .items = 1000},
                                .intake = &intake->base};
}

/* Vectors with "Content-Type: ...", an empty line, and the body; anything else is an envelope. */
static inline struct span fuzz_body(struct span all, struct span *content_type)
{
    static const struct span field = SPAN("Content-Type: "), blank = SPAN("\r\n\r\n");
    size_t end = span_find(all, blank);

    *content_type = SPAN("application/soap+xml");
    if (!span_starts(all, field) || end == SIZE_MAX)
        return all;
    *content_type = span_from(span_sub(all, 0, end), field.len);
    return span_from(all, end + blank.len);
}

/* All bytes of a parcel. */
static inline void fuzz_parcel(const struct xta_parcel *parcel, struct buf *bytes)
{
    struct error err = {0};

    for (size_t i = 0; i < parcel->count; i++)
        if (parcel->pieces[i].source == NULL)
            buf_add(bytes, parcel->pieces[i].bytes);
        else if (source_read_all(parcel->pieces[i].source, bytes, &err) != ST_OK)
            abort();
    if (buf_check(bytes, &err) != ST_OK)
        abort();
}

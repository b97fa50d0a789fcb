#include "crypto/base/io.h"

static enum status span_read(struct source *self, uint64_t offset, void *bytes, size_t cap,
                             size_t *got, struct error *err)
{
    struct source_span *s = (struct source_span *)self;
    struct span part;

    (void)err;
    if (offset >= s->bytes.len) {
        *got = 0;
        return ST_OK;
    }
    part = span_sub(s->bytes, (size_t)offset, cap);
    if (part.len > 0)
        memcpy(bytes, part.ptr, part.len);
    *got = part.len;
    return ST_OK;
}

struct source *source_span_init(struct source_span *s, struct span bytes)
{
    *s = (struct source_span){.base = {.read = span_read, .len = bytes.len}, .bytes = bytes};
    return &s->base;
}

static enum status part_read(struct source *self, uint64_t offset, void *bytes, size_t cap,
                             size_t *got, struct error *err)
{
    struct source_part *s = (struct source_part *)self;

    if (offset >= s->base.len) {
        *got = 0;
        return ST_OK;
    }
    if (cap > s->base.len - offset)
        cap = (size_t)(s->base.len - offset);
    return s->of->read(s->of, s->offset + offset, bytes, cap, got, err);
}

struct source *source_part_init(struct source_part *s, struct source *of, uint64_t offset,
                                uint64_t len)
{
    *s = (struct source_part){.base = {.read = part_read, .len = len}, .of = of, .offset = offset};
    return &s->base;
}

static enum status buf_write(struct sink *self, struct span bytes, struct error *err)
{
    struct sink_buf *s = (struct sink_buf *)self;

    buf_add(s->buf, bytes);
    return buf_check(s->buf, err);
}

struct sink *sink_buf_init(struct sink_buf *s, struct buf *buf)
{
    *s = (struct sink_buf){.base.write = buf_write, .buf = buf};
    return &s->base;
}

enum status source_read(struct source *s, uint64_t offset, void *bytes, size_t cap, size_t *got,
                        struct error *err)
{
    return s->read(s, offset, bytes, cap, got, err);
}

enum status source_read_all(struct source *s, struct buf *buf, struct error *err)
{
    uint64_t offset = 0;

    for (;;) {
        uint8_t chunk[16384];
        size_t got;

        TRY(source_read(s, offset, chunk, sizeof chunk, &got, err));
        if (got == 0)
            return buf_check(buf, err);
        buf_add(buf, span_of(chunk, got));
        offset += got;
    }
}

enum status sink_write(struct sink *s, struct span bytes, struct error *err)
{
    return s->write(s, bytes, err);
}

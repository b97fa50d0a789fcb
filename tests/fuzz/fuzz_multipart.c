/*
 * Form-data bodies: the first line is the Content-Type, the rest the body. Read in one go and a few
 * bytes at a time, the same must come out; and what was read is not more than what was there.
 */
#include <assert.h>

#include "gateway/explain.h"
#include "gateway/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* A source that gives at most step bytes at a time. */
struct slow {
    struct source base;
    struct span bytes;
    size_t step;
};

static enum status slow_read(struct source *self, uint64_t offset, void *bytes, size_t cap,
                             size_t *got, struct error *err)
{
    const struct slow *s = (const struct slow *)self;
    struct span piece = span_sub(s->bytes, (size_t)offset, cap < s->step ? cap : s->step);

    (void)err;
    if (piece.len > 0)
        memcpy(bytes, piece.ptr, piece.len);
    *got = piece.len;
    return ST_OK;
}

static enum status run(struct span type, struct span body, size_t step, struct buf *out)
{
    AUTO(gw_multipart_deinit) struct gw_multipart m = {0};
    struct slow source = {{slow_read, body.len}, body, step};
    struct sink_buf sink;
    struct error err = {0};
    bool more = true;
    enum status st = gw_multipart_init(&m, type, &source.base, &err);

    while (st == ST_OK && more) {
        st = gw_multipart_next(&m, &more, &err);
        if (st != ST_OK || !more)
            break;
        assert(strlen(m.part.name) <= GW_PART_VALUE_MAX);
        buf_printf(out, "%s/%s/%s=", m.part.name, m.part.filename, m.part.content_type);
        st = gw_multipart_read(&m, sink_buf_init(&sink, out), body.len, &err);
    }
    assert(st == ST_OK || (st == ST_INVALID && err.reason == GW_R_API_BAD_REQUEST));
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct span body = span_of(bytes, len), type;
    struct buf whole = {0}, pieces = {0};
    enum status st;

    if (!span_split(&body, '\n', &type))
        return 0;
    buf_init(&whole, 4 * len + 4096);
    buf_init(&pieces, 4 * len + 4096);
    st = run(type, body, len + 1, &whole);
    assert(run(type, body, 7, &pieces) == st);
    assert(span_eq(buf_span(&whole), buf_span(&pieces)));
    buf_deinit(&whole);
    buf_deinit(&pieces);
    return 0;
}

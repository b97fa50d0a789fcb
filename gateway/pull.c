#include "gateway/pull.h"

#include <assert.h>

#include "gateway/loop.h"

/* Whatever a pull of ours stands on: a borrowed source, a copy of bytes, or a body. */
struct pull {
    struct source *source;
    uint64_t first, at, end; /* what is given of it, and how far that is */
    void (*close)(void *ctx, bool whole);
    void *ctx;
    struct gw_body *body;
    struct source_span span;
    uint8_t *copy;
};

void gw_pull_close(struct gw_pull *pull, bool whole)
{
    struct gw_pull p = *pull;

    *pull = (struct gw_pull){0};
    if (p.close != NULL)
        p.close(p.ctx, whole);
}

static enum status pull_next(void *ctx, struct buf *out, bool *end, struct error *err)
{
    struct pull *p = ctx;
    size_t got = 0, cap = GW_PULL_STEP;
    uint8_t *room;

    if (cap > p->end - p->at)
        cap = (size_t)(p->end - p->at);
    room = buf_grow(out, cap);
    if (room == NULL && cap > 0)
        return buf_check(out, err);
    if (cap > 0)
        TRY(source_read(p->source, p->at, room, cap, &got, err));
    if (got < cap)
        return error_set(err, ST_RETRY, 0, "a source ended before its announced length");
    p->at += got;
    *end = p->at == p->end;
    return ST_OK;
}

static enum status pull_reset(void *ctx, struct error *err)
{
    struct pull *p = ctx;

    (void)err;
    p->at = p->first;
    return ST_OK;
}

static void pull_close(void *ctx, bool whole)
{
    struct pull *p = ctx;

    if (p->close != NULL)
        p->close(p->ctx, whole);
    gw_body_free(p->body);
    free(p->copy);
    free(p);
}

static struct gw_pull pull_of(struct pull *p)
{
    p->end = p->source->len;
    return (struct gw_pull){pull_next, pull_reset, pull_close, p, p->end};
}

struct gw_pull gw_pull_source(struct source *source, void (*close)(void *ctx, bool whole),
                              void *ctx)
{
    return gw_pull_part(source, 0, source->len, close, ctx);
}

struct gw_pull gw_pull_part(struct source *source, uint64_t first, uint64_t len,
                            void (*close)(void *ctx, bool whole), void *ctx)
{
    struct pull *p = gw_alloc(sizeof(*p));

    assert(first <= source->len && len <= source->len - first);
    p->source = source;
    p->first = p->at = first;
    p->end = first + len;
    p->close = close;
    p->ctx = ctx;
    return (struct gw_pull){pull_next, pull_reset, pull_close, p, len};
}

struct gw_pull gw_pull_bytes(struct span bytes)
{
    struct pull *p = gw_alloc(sizeof(*p));

    p->copy = gw_alloc(bytes.len + 1);
    if (bytes.len > 0)
        memcpy(p->copy, bytes.ptr, bytes.len);
    p->source = source_span_init(&p->span, span_of(p->copy, bytes.len));
    return pull_of(p);
}

struct gw_pull gw_pull_body(struct gw_body *take)
{
    struct pull *p = gw_alloc(sizeof(*p));

    p->body = take;
    p->source = gw_body_source(take);
    return pull_of(p);
}

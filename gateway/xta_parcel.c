#include "gateway/xta_parcel.h"

static uint64_t piece_len(const struct xta_piece *p)
{
    return p->source == NULL ? p->bytes.len : p->source->len;
}

/* Up to room bytes of the present piece. */
static enum status piece_read(struct gw_xta_parcel *p, struct buf *out, size_t room, size_t *got,
                              struct error *err)
{
    const struct xta_piece *piece = &p->parcel->pieces[p->piece];
    uint64_t left = piece_len(piece) - p->at;
    uint8_t *bytes;

    *got = left < room ? (size_t)left : room;
    if (piece->source == NULL) {
        buf_add(out, span_sub(piece->bytes, (size_t)p->at, *got));
        return buf_check(out, err);
    }
    bytes = buf_grow(out, *got);
    if (bytes == NULL)
        return buf_check(out, err);
    room = *got;
    TRY(source_read(piece->source, p->at, bytes, room, got, err));
    if (*got == 0)
        return error_set(err, ST_RETRY, 0, "a content ended before its announced length");
    out->len -= room - *got;
    return ST_OK;
}

static enum status parcel_next(void *ctx, struct buf *out, bool *end, struct error *err)
{
    struct gw_xta_parcel *p = ctx;
    size_t room = GW_PULL_STEP, got;

    while (room > 0 && p->piece < p->parcel->count) {
        if (p->at < piece_len(&p->parcel->pieces[p->piece])) {
            TRY(piece_read(p, out, room, &got, err));
            room -= got;
            p->at += got;
            continue;
        }
        p->piece++;
        p->at = 0;
    }
    *end = p->piece == p->parcel->count;
    return ST_OK;
}

static enum status parcel_reset(void *ctx, struct error *err)
{
    struct gw_xta_parcel *p = ctx;

    (void)err;
    p->piece = 0;
    p->at = 0;
    return ST_OK;
}

static void parcel_close(void *ctx, bool whole)
{
    struct gw_xta_parcel *p = ctx;

    if (p->close != NULL)
        p->close(p->ctx, whole);
}

struct gw_pull gw_xta_parcel_pull(struct gw_xta_parcel *p, const struct xta_parcel *parcel,
                                  void (*close)(void *ctx, bool whole), void *ctx)
{
    *p = (struct gw_xta_parcel){.parcel = parcel, .close = close, .ctx = ctx};
    return (struct gw_pull){.next = parcel_next,
                            .reset = parcel_reset,
                            .close = parcel_close,
                            .ctx = p,
                            .len = parcel->len};
}

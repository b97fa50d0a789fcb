/*
 * gateway/xta_parcel.h - an XTA message on its way out, piece by piece
 */
#pragma once

#include "gateway/pull.h"
#include "xta/wire.h"

struct gw_xta_parcel {
    const struct xta_parcel *parcel; /* borrowed */
    size_t piece;                    /* where we are */
    uint64_t at;
    void (*close)(void *ctx, bool whole);
    void *ctx;
};

/* From the first byte, p being borrowed until close(ctx, whole) was called; close may be NULL. */
struct gw_pull gw_xta_parcel_pull(struct gw_xta_parcel *p, const struct xta_parcel *parcel,
                                  void (*close)(void *ctx, bool whole), void *ctx);

/*
 * gateway/chain.h - the history's chain: what makes a changed event visible
 *
 * The events of a tenant are links: each has a number (1, 2, ...) and a value, the SHA-256 over the
 * value before it and all its own columns. Whoever changes, removes, inserts or swaps an event
 * breaks the chain at that link; whoever rewrites all links behind it, too, ends in another value
 * than the one that was written to the log in the meantime.
 *
 * value = SHA-256("depesche event 1" NUL || value before || seq || link || at || reason || texts)
 *
 * Numbers are 8 bytes, most significant first. Each text is one byte, 0 for NULL or 1, then its
 * length as a number, then its bytes, in the order of enum gw_link_text. The value before the first
 * link is 32 zero bytes.
 */
#pragma once

#include "crypto/base/error.h"
#include "crypto/base/span.h"

enum { GW_CHAIN_BYTES = 32 };

/* The order counts: it is the order in which they are hashed. */
enum gw_link_text {
    GW_LINK_MESSAGE,
    GW_LINK_TENANT,
    GW_LINK_ENDPOINT,
    GW_LINK_KIND,
    GW_LINK_BOX,
    GW_LINK_FROM,
    GW_LINK_TO,
    GW_LINK_ACTOR,
    GW_LINK_EN,
    GW_LINK_DE,
    GW_LINK_DETAIL,
    GW_LINK_TEXT_COUNT
};

/* An event as it is hashed, its columns as they stand in the index. */
struct gw_link {
    int64_t seq, link, at, reason;
    struct span text[GW_LINK_TEXT_COUNT]; /* ptr NULL: NULL */
};

/* The value of this link behind the one before it; both may be the same memory. ST_LIMIT: memory,
 * or a text beyond all measure. */
MUST_CHECK enum status gw_chain_next(const uint8_t before[GW_CHAIN_BYTES],
                                     const struct gw_link *link, uint8_t value[GW_CHAIN_BYTES],
                                     struct error *err);

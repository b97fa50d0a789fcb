#include "gateway/chain.h"

#include <assert.h>

#include "crypto/base/buf.h"
#include "crypto/digest.h"

static const char label[] = "depesche event 1"; /* hashed with its NUL */

enum { LINK_MAX = 64 << 20 };

static void number_put(struct buf *b, uint64_t value)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(value >> (56 - 8 * i));
    buf_add(b, span_of(bytes, sizeof bytes));
}

static void text_put(struct buf *b, struct span text)
{
    buf_char(b, text.ptr == NULL ? '\0' : '\1');
    number_put(b, text.len);
    buf_add(b, text);
}

enum status gw_chain_next(const uint8_t before[GW_CHAIN_BYTES], const struct gw_link *link,
                          uint8_t value[GW_CHAIN_BYTES], struct error *err)
{
    AUTO(buf_deinit) struct buf b = {0};
    struct digest_value digest;

    buf_init(&b, LINK_MAX);
    buf_add(&b, span_of(label, sizeof label));
    buf_add(&b, span_of(before, GW_CHAIN_BYTES));
    number_put(&b, (uint64_t)link->seq);
    number_put(&b, (uint64_t)link->link);
    number_put(&b, (uint64_t)link->at);
    number_put(&b, (uint64_t)link->reason);
    for (size_t i = 0; i < GW_LINK_TEXT_COUNT; i++)
        text_put(&b, link->text[i]);
    TRY(buf_check(&b, err));
    TRY(digest_of(alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST), buf_span(&b), &digest, err));
    assert(digest.len == GW_CHAIN_BYTES);
    memcpy(value, digest.bytes, GW_CHAIN_BYTES);
    return ST_OK;
}

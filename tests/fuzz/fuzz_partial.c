/*
 * What a peer says of chunks: the chunk in its message, ReceivedChunks; and the frame that an
 * inner message is put together from, as it may look after a disk has gone wrong.
 */
#include <assert.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "osci/chunk.h"
#include "osci/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { OUT_MAX = 4 * 1024 * 1024 };

__attribute__((constructor)) static void start(void)
{
    struct error err = {0};

    if (crypto_init(&err) != ST_OK)
        abort();
}

static void message(struct span bytes, struct arena *arena)
{
    const struct policy policy = {0};
    const struct osci_limits limits = {.message_bytes = OUT_MAX};
    AUTO(osci_reading_drop) struct osci_reading *reading = NULL;
    struct source_span source;
    struct osci_chunk_set set;
    size_t which;
    struct error err = {0};

    if (osci_message_read(source_span_init(&source, bytes), &policy, INT64_C(1780000000000), NULL,
                          &limits, &reading, &err) != ST_OK)
        return;
    if (osci_chunk_find(reading, &which, &err) == ST_OK)
        assert(which < reading->msg.attachment_count);
    if (osci_chunk_set_init(&set, reading->msg.chunk.total, arena, &err) == ST_OK)
        (void)!osci_chunk_set_read(&set, reading->msg.chunk.received, &err);
    assert(osci_chunk_inner_id(reading->msg.message_id).len <= reading->msg.message_id.len);
}

/* The first byte says how many chunks there are. */
static void received(struct span bytes, struct arena *arena)
{
    AUTO(buf_deinit) struct buf text = {.max = OSCI_CHUNKS_TEXT_MAX};
    struct osci_chunk_set set, again;
    struct error err = {0};

    if (bytes.len == 0 || osci_chunk_set_init(&set, bytes.ptr[0], arena, &err) != ST_OK ||
        osci_chunk_set_init(&again, bytes.ptr[0], arena, &err) != ST_OK)
        return;
    if (osci_chunk_set_read(&set, span_from(bytes, 1), &err) != ST_OK)
        return;
    osci_chunk_set_write(&set, &text);
    assert(osci_chunk_set_read(&again, buf_span(&text), &err) == ST_OK);
    assert(again.count == set.count);
    assert(osci_chunk_set_full(&set) == (set.total > 0 && osci_chunk_set_missing(&set, 1) == 0));
}

static void frame(struct span bytes, struct arena *arena)
{
    static const uint8_t octets[3] = "abc";
    struct source_span source, body;
    const struct osci_attachment attachment = {
        .len = sizeof octets, .body = source_span_init(&body, span_of(octets, sizeof octets))};
    struct source *whole;
    uint8_t piece[256];
    size_t got;
    struct error err = {0};

    (void)source_span_init(&source, bytes);
    if (osci_frame_source(&source.base, &attachment, 1, arena, &whole, &err) != ST_OK &&
        osci_frame_source(&source.base, NULL, 0, arena, &whole, &err) != ST_OK)
        return;
    for (uint64_t at = 0; at < whole->len; at += got) {
        assert(source_read(whole, at, piece, sizeof piece, &got, &err) == ST_OK);
        assert(got > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    AUTO(arena_deinit) struct arena arena = {.max = OUT_MAX};

    message(span_of(bytes, len), &arena);
    received(span_of(bytes, len), &arena);
    frame(span_of(bytes, len), &arena);
    return 0;
}

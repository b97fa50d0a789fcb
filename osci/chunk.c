#include "osci/chunk.h"

#include <stdio.h>

#define STORE_CID "ChunkBlobStoreDelivery"
#define FETCH_CID "ChunkBlobFetchDelivery"
#define CONTAINER_OPEN                                                                             \
    "<osci:ContentContainer Id=\"ChunkContentContainer\"><osci:Content Id=\"ChunkContent\" "       \
    "href=\"cid:"
#define CONTAINER_CLOSE "\"></osci:Content></osci:ContentContainer>"

enum { KB = 1024, DIGEST_BYTES = 32 * 1024 };

uint64_t osci_chunk_count(uint64_t bytes, uint64_t size_kb)
{
    uint64_t size = size_kb * KB;

    return bytes <= size ? 1 : bytes / size + (bytes % size != 0);
}

uint64_t osci_chunk_total_kb(uint64_t bytes)
{
    return bytes / KB + (bytes % KB != 0);
}

bool osci_chunk_total_fits(uint64_t bytes, uint64_t total_kb)
{
    uint64_t down = bytes / KB;

    return total_kb + 1 >= down && total_kb <= osci_chunk_total_kb(bytes) + 1;
}

enum status osci_chunk_id(struct span id, struct arena *arena, struct span *chunk_id,
                          struct error *err)
{
    struct span suffix = SPAN(OSCI_CHUNK_ID_SUFFIX);
    uint8_t *text = arena_alloc(arena, id.len + suffix.len);

    TRY_ALLOC(text, err);
    if (id.len > 0)
        memcpy(text, id.ptr, id.len);
    memcpy(text + id.len, suffix.ptr, suffix.len);
    *chunk_id = span_of(text, id.len + suffix.len);
    return ST_OK;
}

struct span osci_chunk_inner_id(struct span chunk_id)
{
    struct span suffix = SPAN(OSCI_CHUNK_ID_SUFFIX);

    if (chunk_id.len <= suffix.len || !span_ends(chunk_id, suffix))
        return chunk_id;
    return span_sub(chunk_id, 0, chunk_id.len - suffix.len);
}

/* ---- a chunk in a message ---- */

static enum status octets_digest(struct source *octets, struct digest_value *value,
                                 struct error *err)
{
    AUTO(digest_drop) struct digest *digest = NULL;
    AUTO(free_drop) uint8_t *piece = malloc(DIGEST_BYTES);
    size_t got;

    TRY_ALLOC(piece, err);
    TRY(digest_new(alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST), &digest, err));
    for (uint64_t at = 0; at < octets->len; at += got) {
        TRY(source_read(octets, at, piece, DIGEST_BYTES, &got, err));
        if (got == 0)
            return error_set(err, ST_INTERNAL, 0, "the message to be cut became shorter");
        TRY(digest_update(digest, span_of(piece, got), err));
    }
    return digest_final(digest, value, err);
}

enum status osci_chunk_cut(struct source *whole, uint64_t size_kb, uint64_t number,
                           struct osci_chunk *chunk, struct osci_message *msg, struct error *err)
{
    bool store = msg->type == OSCI_PARTIAL_STORE_DELIVERY;
    uint64_t total = osci_chunk_count(whole->len, size_kb), offset, len;

    if (number < 1 || number > total)
        return error_set(err, ST_INVALID, 9901, "no chunk %llu of %llu", (unsigned long long)number,
                         (unsigned long long)total);
    offset = (number - 1) * size_kb * KB;
    len = number < total ? size_kb * KB : whole->len - offset;
    chunk->attachment = (struct osci_attachment){
        .cid = store ? SPAN(STORE_CID) : SPAN(FETCH_CID),
        .len = len,
        .body = source_part_init(&chunk->part, whole, offset, len),
    };
    TRY(octets_digest(chunk->attachment.body, &chunk->attachment.digest, err));
    msg->attachments = &chunk->attachment;
    msg->attachment_count = 1;
    msg->has_package = true;
    msg->package = store ? SPAN(CONTAINER_OPEN STORE_CID CONTAINER_CLOSE)
                         : SPAN(CONTAINER_OPEN FETCH_CID CONTAINER_CLOSE);
    msg->chunk.present = true;
    msg->chunk.number = number;
    msg->chunk.size_kb = size_kb;
    msg->chunk.total = total;
    msg->chunk.total_size_kb = osci_chunk_total_kb(whole->len);
    return ST_OK;
}

void osci_chunk_none(struct osci_message *msg)
{
    msg->attachment_count = 0;
    msg->has_package = true;
    msg->package = SPAN_NONE;
    msg->chunk = (struct osci_chunk_info){.present = true, .info_only = true};
}

enum status osci_chunk_find(const struct osci_reading *reading, size_t *attachment,
                            struct error *err)
{
    const xmlNode *container = reading->package == NULL ? NULL : xml_first(reading->package);
    const xmlNode *content = container == NULL ? NULL : xml_first(container);
    struct span href;

    if (content == NULL || !xml_is(container, OSCI_NS, "ContentContainer") ||
        xml_next(container) != NULL || !xml_is(content, OSCI_NS, "Content") ||
        xml_next(content) != NULL || reading->msg.attachment_count != 1)
        return error_set(err, ST_INVALID, 9905, "not one chunk in one clear container");
    href = xml_attr(content, NULL, "href");
    if (!span_starts(href, SPAN("cid:")) ||
        !span_eq(span_from(href, 4), reading->msg.attachments[0].cid))
        return error_set(err, ST_INVALID, 9905, "the chunk's container names no attachment");
    *attachment = 0;
    return ST_OK;
}

/* ---- which chunks there are ---- */

enum status osci_chunk_set_init(struct osci_chunk_set *set, uint64_t total, struct arena *arena,
                                struct error *err)
{
    *set = (struct osci_chunk_set){.total = total};
    if (total > OSCI_CHUNKS_MAX)
        return error_set(err, ST_LIMIT, 9905, "more than %d chunks", OSCI_CHUNKS_MAX);
    set->bits = arena_array(arena, 1, (size_t)(total / 8 + 1));
    TRY_ALLOC(set->bits, err);
    return ST_OK;
}

bool osci_chunk_set_has(const struct osci_chunk_set *set, uint64_t number)
{
    return number >= 1 && number <= set->total &&
           (set->bits[(number - 1) / 8] & 1U << ((number - 1) % 8)) != 0;
}

bool osci_chunk_set_add(struct osci_chunk_set *set, uint64_t number)
{
    if (number < 1 || number > set->total || osci_chunk_set_has(set, number))
        return false;
    set->bits[(number - 1) / 8] |= (uint8_t)(1U << ((number - 1) % 8));
    set->count++;
    return true;
}

bool osci_chunk_set_full(const struct osci_chunk_set *set)
{
    return set->total > 0 && set->count == set->total;
}

uint64_t osci_chunk_set_missing(const struct osci_chunk_set *set, uint64_t number)
{
    for (; number <= set->total; number++)
        if (number >= 1 && !osci_chunk_set_has(set, number))
            return number;
    return 0;
}

enum status osci_chunk_set_read(struct osci_chunk_set *set, struct span text, struct error *err)
{
    struct span rest = span_trim(text), one;
    uint64_t number;

    if (text.len > OSCI_CHUNKS_TEXT_MAX)
        return error_set(err, ST_INVALID, 9905, "ReceivedChunks is too long");
    if (rest.len == 0 || span_is(rest, "-1"))
        return ST_OK;
    while (span_split(&rest, ' ', &one)) {
        if (one.len == 0)
            continue;
        if (!span_to_u64(one, &number) || number < 1 || number > set->total)
            return error_set(err, ST_INVALID, 9905, "ReceivedChunks with '%.*s'",
                             one.len > 20 ? 20 : (int)one.len, (const char *)one.ptr);
        (void)osci_chunk_set_add(set, number);
    }
    return ST_OK;
}

void osci_chunk_set_write(const struct osci_chunk_set *set, struct buf *out)
{
    const char *blank = "";

    if (set->count == 0)
        buf_str(out, "-1");
    for (uint64_t number = 1; number <= set->total && set->count > 0; number++)
        if (osci_chunk_set_has(set, number)) {
            buf_printf(out, "%s%llu", blank, (unsigned long long)number);
            blank = " ";
        }
}

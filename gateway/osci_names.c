#include "gateway/osci_names.h"

#include "osci/sessions.h"

enum { ID_BYTES_MAX = 4096 };

enum status gw_osci_id_key(struct span id, struct buf *text, struct error *err)
{
    buf_init(text, 4 * OSCI_MESSAGE_ID_MAX);
    buf_base64(text, id, 0);
    TRY(buf_check(text, err));
    (void)buf_cstr(text);
    return ST_OK;
}

enum status gw_osci_id_text(struct span id, struct arena *arena, const char **text,
                            struct error *err)
{
    AUTO(buf_deinit) struct buf b = {0};

    buf_init(&b, ID_BYTES_MAX * 2);
    buf_base64(&b, id, 0);
    TRY(buf_check(&b, err));
    *text = arena_str(arena, buf_span(&b));
    TRY_ALLOC(*text, err);
    return ST_OK;
}

enum status gw_osci_id_bytes(const char *text, struct arena *arena, struct span *id,
                             struct error *err)
{
    AUTO(buf_deinit) struct buf b = {0};

    buf_init(&b, ID_BYTES_MAX);
    TRY(buf_base64_decode(&b, span_str(text), err));
    *id = arena_span(arena, buf_span(&b));
    TRY_ALLOC(id->ptr, err);
    return ST_OK;
}

void gw_osci_hash_set(uint8_t to[GW_SHA256_BYTES], struct span sha256)
{
    memset(to, 0, GW_SHA256_BYTES);
    if (sha256.len == GW_SHA256_BYTES)
        memcpy(to, sha256.ptr, GW_SHA256_BYTES);
}

enum status gw_osci_hash_get(const uint8_t from[GW_SHA256_BYTES], struct arena *arena,
                             struct span *sha256, struct error *err)
{
    static const uint8_t zero[GW_SHA256_BYTES];

    *sha256 = SPAN_NONE;
    if (memcmp(from, zero, sizeof zero) == 0)
        return ST_OK;
    *sha256 = arena_span(arena, span_of(from, GW_SHA256_BYTES));
    TRY_ALLOC(sha256->ptr, err);
    return ST_OK;
}

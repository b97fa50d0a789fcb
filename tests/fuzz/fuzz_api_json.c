/* The part "meta" of a message sent through the API. What is taken holds what was promised. */
#include <assert.h>

#include "gateway/api_meta.h"
#include "gateway/explain.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void text_check(const char *text, bool must)
{
    assert(text != NULL || !must);
    if (text == NULL)
        return;
    assert(text[0] != '\0');
    for (const char *c = text; *c != '\0'; c++)
        assert((unsigned char)*c >= ' ' && *c != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    AUTO(arena_deinit) struct arena arena = {0};
    struct gw_api_meta meta = {0};
    struct error err = {0};
    enum status st;

    arena_init(&arena, 1024 * 1024);
    st = gw_api_meta_read(span_of(bytes, len), &arena, &meta, &err);
    assert(st == ST_OK || (st == ST_INVALID && err.reason == GW_R_API_BAD_REQUEST));
    if (st != ST_OK)
        return 0;
    text_check(meta.endpoint, true);
    text_check(meta.recipient, false); /* without one the routes choose */
    text_check(meta.message_type, false);
    text_check(meta.subject, false);
    text_check(meta.idempotency_key, false);
    assert(meta.idempotency_key == NULL || strlen(meta.idempotency_key) <= 4 * GW_API_KEY_MAX);
    return 0;
}

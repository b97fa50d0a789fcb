#include "gateway/uuid.h"

#include <assert.h>

enum { UUID_BYTES = 16, UUID_TIME_BYTES = 6 };

enum status gw_uuid_make(struct rng *rng, int64_t now, char id[GW_ID_SIZE], struct error *err)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t bytes[UUID_BYTES];
    char *to = id;

    assert(now >= 0 && now < INT64_C(1) << 48);
    TRY(rng_bytes(rng, bytes + UUID_TIME_BYTES, sizeof bytes - UUID_TIME_BYTES, err));
    for (int i = 0; i < UUID_TIME_BYTES; i++)
        bytes[i] = (uint8_t)(now >> (8 * (UUID_TIME_BYTES - 1 - i)));
    bytes[6] = (uint8_t)(0x70 | (bytes[6] & 0x0f)); /* version */
    bytes[8] = (uint8_t)(0x80 | (bytes[8] & 0x3f)); /* variant */
    for (size_t i = 0; i < sizeof bytes; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *to++ = '-';
        *to++ = hex[bytes[i] >> 4];
        *to++ = hex[bytes[i] & 0x0f];
    }
    *to = '\0';
    return ST_OK;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool gw_uuid_is_valid(struct span text)
{
    if (text.len != GW_ID_LEN)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;

        if (hyphen ? text.ptr[i] != '-' : hex_digit(text.ptr[i]) < 0)
            return false;
    }
    return text.ptr[14] == '7' && (hex_digit(text.ptr[19]) & 0xc) == 8;
}

int64_t gw_uuid_time(const char *id)
{
    int64_t at = 0;

    assert(gw_uuid_is_valid(span_str(id)));
    for (int i = 0; i < 13; i++)
        if (id[i] != '-')
            at = at << 4 | hex_digit((uint8_t)id[i]);
    return at;
}

#define _GNU_SOURCE
#include "crypto/base/span.h"

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

bool span_eq_nocase(struct span a, struct span b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

bool span_starts(struct span s, struct span prefix)
{
    return s.len >= prefix.len && span_eq(span_sub(s, 0, prefix.len), prefix);
}

bool span_ends(struct span s, struct span suffix)
{
    return s.len >= suffix.len && span_eq(span_from(s, s.len - suffix.len), suffix);
}

struct span span_from(struct span s, size_t offset)
{
    if (offset >= s.len)
        return (struct span){s.ptr == NULL ? NULL : s.ptr + s.len, 0};
    return (struct span){s.ptr + offset, s.len - offset};
}

struct span span_sub(struct span s, size_t offset, size_t len)
{
    s = span_from(s, offset);
    if (s.len > len)
        s.len = len;
    return s;
}

static bool blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span span_trim(struct span s)
{
    while (s.len > 0 && blank(s.ptr[0]))
        s = span_from(s, 1);
    while (s.len > 0 && blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

size_t span_find(struct span s, struct span needle)
{
    const uint8_t *hit;

    if (needle.len == 0)
        return 0;
    if (s.len < needle.len)
        return SIZE_MAX;
    hit = memmem(s.ptr, s.len, needle.ptr, needle.len);
    return hit == NULL ? SIZE_MAX : (size_t)(hit - s.ptr);
}

bool span_split(struct span *rest, char sep, struct span *head)
{
    const uint8_t *hit;

    if (rest->ptr == NULL)
        return false;
    hit = rest->len == 0 ? NULL : memchr(rest->ptr, sep, rest->len);
    if (hit == NULL) {
        *head = *rest;
        *rest = SPAN_NONE;
        return true;
    }
    *head = span_of(rest->ptr, (size_t)(hit - rest->ptr));
    *rest = span_of(hit + 1, rest->len - head->len - 1);
    return true;
}

bool span_to_u64(struct span s, uint64_t *value)
{
    uint64_t v = 0;

    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        if (__builtin_mul_overflow(v, 10U, &v) ||
            __builtin_add_overflow(v, (uint64_t)(s.ptr[i] - '0'), &v))
            return false;
    }
    *value = v;
    return true;
}

bool span_eq_secret(struct span a, struct span b)
{
    volatile uint8_t diff = 0;

    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        diff = (uint8_t)(diff | (a.ptr[i] ^ b.ptr[i]));
    return diff == 0;
}

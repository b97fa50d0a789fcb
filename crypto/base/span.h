/*
 * crypto/base/span.h - bytes somebody else owns
 *
 * Pointer and length, no NUL, passed by value. The bytes live as long as their owner says.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const uint8_t *ptr;
    size_t len;
};

/* A string literal or array without its NUL. */
#define SPAN(lit) ((struct span){(const uint8_t *)(lit), sizeof(lit) - 1})
#define SPAN_NONE ((struct span){NULL, 0})
/* for printf("%.*s", SPAN_FMT(s)) */
#define SPAN_FMT(s) (int)(s).len, (const char *)(s).ptr

static inline struct span span_of(const void *ptr, size_t len)
{
    return (struct span){ptr, len};
}

/* A C string, NULL giving the empty span. */
static inline struct span span_str(const char *s)
{
    return (struct span){(const uint8_t *)s, s == NULL ? 0 : strlen(s)};
}

static inline bool span_eq(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool span_is(struct span a, const char *s)
{
    return span_eq(a, span_str(s));
}

/* ASCII letters only, as MIME and HTTP header names want it. */
bool span_eq_nocase(struct span a, struct span b);
bool span_starts(struct span s, struct span prefix);
bool span_ends(struct span s, struct span suffix);
/* From offset to the end; empty when offset is past it. */
struct span span_from(struct span s, size_t offset);
/* At most len bytes from offset on. */
struct span span_sub(struct span s, size_t offset, size_t len);
/* Without blanks, tabs, CR and LF at both ends. */
struct span span_trim(struct span s);
/* Index of the first needle, SIZE_MAX when there is none. */
size_t span_find(struct span s, struct span needle);
/* Up to the first sep (without it); *rest is what follows it. False when s is NULL: done. */
bool span_split(struct span *rest, char sep, struct span *head);
/* Decimal digits only, no sign, no blanks, no overflow; false otherwise. */
bool span_to_u64(struct span s, uint64_t *value);
/* Constant time for equal lengths, for digests and secrets. */
bool span_eq_secret(struct span a, struct span b);

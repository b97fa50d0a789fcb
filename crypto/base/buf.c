#include "crypto/base/buf.h"

#include <endian.h>
#include <stdio.h>

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_deinit(struct buf *b)
{
    free(b->ptr);
    *b = (struct buf){.max = b->max};
}

void buf_deinit_secret(struct buf *b)
{
    if (b->ptr != NULL)
        explicit_bzero(b->ptr, b->cap);
    buf_deinit(b);
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->failed = b->starved = false;
}

/* Doubles, so that appending stays linear; never beyond max, plus one byte for buf_cstr. */
static bool reserve(struct buf *b, size_t more)
{
    size_t cap;
    uint8_t *p;

    if (b->failed || more > b->max || b->len > b->max - more) {
        b->failed = true;
        return false;
    }
    if (b->len + more + 1 <= b->cap)
        return true;
    cap = b->cap < 128 ? 128 : b->cap * 2;
    if (cap < b->len + more + 1)
        cap = b->len + more + 1;
    if (cap - 1 > b->max)
        cap = b->max + 1;
    p = malloc(cap);
    if (p == NULL) {
        b->failed = b->starved = true;
        return false;
    }
    if (b->len > 0)
        memcpy(p, b->ptr, b->len);
    if (b->ptr != NULL)
        explicit_bzero(b->ptr, b->len); /* realloc would leave secrets behind */
    free(b->ptr);
    b->ptr = p;
    b->cap = cap;
    return true;
}

uint8_t *buf_grow(struct buf *b, size_t len)
{
    uint8_t *p;

    if (!reserve(b, len))
        return NULL;
    p = b->ptr + b->len;
    b->len += len;
    return p;
}

void buf_add(struct buf *b, struct span s)
{
    uint8_t *p;

    if (s.len == 0)
        return;
    p = buf_grow(b, s.len);
    if (p != NULL)
        memcpy(p, s.ptr, s.len);
}

void buf_str(struct buf *b, const char *s)
{
    buf_add(b, span_str(s));
}

void buf_char(struct buf *b, char c)
{
    buf_add(b, span_of(&c, 1));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;
    int n;
    uint8_t *p;

    va_start(ap, fmt);
    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, ap);
    if (n < 0) {
        b->failed = true;
    } else if (reserve(b, (size_t)n)) {
        p = b->ptr + b->len;
        (void)vsnprintf((char *)p, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
    va_end(ap);
}

/* Sixteen bytes at once, on every processor that can: texts of many kilobytes come through here. */
typedef uint8_t lanes __attribute__((vector_size(16)));

static lanes lanes_at(const uint8_t *p)
{
    lanes v;

    memcpy(&v, p, sizeof v);
    return v;
}

static bool lanes_any(lanes v)
{
    uint64_t half[2];

    memcpy(half, &v, sizeof half);
    return (half[0] | half[1]) != 0;
}

/* next gives the next byte from i on that needs an entity, or s.len. */
static void escape(struct buf *b, struct span s, size_t (*next)(struct span s, size_t i),
                   const char *(*entity)(uint8_t))
{
    size_t from = 0;

    for (size_t i = next(s, 0); i < s.len; i = next(s, from)) {
        buf_add(b, span_sub(s, from, i - from));
        buf_str(b, entity(s.ptr[i]));
        from = i + 1;
    }
    buf_add(b, span_from(s, from));
}

static size_t text_next(struct span s, size_t i)
{
    static const bool special[256] = {['&'] = true, ['<'] = true, ['>'] = true, ['\r'] = true};

    for (; s.len - i >= sizeof(lanes); i += sizeof(lanes)) {
        lanes c = lanes_at(s.ptr + i);

        if (lanes_any((lanes)((c == '&') | (c == '<') | (c == '>') | (c == '\r'))))
            break;
    }
    while (i < s.len && !special[s.ptr[i]])
        i++;
    return i;
}

static size_t attr_next(struct span s, size_t i)
{
    static const bool special[256] = {
        ['&'] = true, ['<'] = true, ['"'] = true, ['\t'] = true, ['\n'] = true, ['\r'] = true};

    while (i < s.len && !special[s.ptr[i]])
        i++;
    return i;
}

static const char *text_entity(uint8_t c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '\r':
        return "&#xD;";
    default:
        return NULL;
    }
}

static const char *attr_entity(uint8_t c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '"':
        return "&quot;";
    case '\t':
        return "&#x9;";
    case '\n':
        return "&#xA;";
    case '\r':
        return "&#xD;";
    default:
        return NULL;
    }
}

void buf_xml_text(struct buf *b, struct span s)
{
    escape(b, s, text_next, text_entity);
}

void buf_xml_attr(struct buf *b, struct span s)
{
    escape(b, s, attr_next, attr_entity);
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Whole groups of three. */
static uint8_t *encode(uint8_t *p, const uint8_t *from, size_t len)
{
    for (size_t i = 0; i < len; i += 3) {
        uint32_t v = (uint32_t)from[i] << 16 | (uint32_t)from[i + 1] << 8 | from[i + 2];

        *p++ = (uint8_t)alphabet[v >> 18];
        *p++ = (uint8_t)alphabet[(v >> 12) & 63];
        *p++ = (uint8_t)alphabet[(v >> 6) & 63];
        *p++ = (uint8_t)alphabet[v & 63];
    }
    return p;
}

void buf_base64(struct buf *b, struct span s, size_t line)
{
    size_t chars, breaks, line_bytes = line == 0 ? SIZE_MAX : line / 4 * 3;
    uint8_t last[3] = {0};
    uint8_t *p;

    if (s.len == 0)
        return;
    if (s.len > SIZE_MAX / 2) {
        b->failed = true;
        return;
    }
    chars = (s.len + 2) / 3 * 4;
    breaks = line == 0 ? 0 : (chars - 1) / line;
    p = buf_grow(b, chars + breaks);
    if (p == NULL)
        return;
    while (s.len > line_bytes) {
        p = encode(p, s.ptr, line_bytes);
        *p++ = '\n';
        s = span_from(s, line_bytes);
    }
    p = encode(p, s.ptr, s.len / 3 * 3);
    s = span_from(s, s.len / 3 * 3);
    if (s.len == 0)
        return;
    memcpy(last, s.ptr, s.len);
    p = encode(p, last, sizeof last);
    memset(p - (3 - s.len), '=', 3 - s.len);
}

void buf_hex(struct buf *b, struct span s)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t *p = buf_grow(b, s.len * 2);

    if (p == NULL)
        return;
    for (size_t i = 0; i < s.len; i++) {
        *p++ = (uint8_t)digits[s.ptr[i] >> 4];
        *p++ = (uint8_t)digits[s.ptr[i] & 15];
    }
}

enum { PAD = 64, BLANK = 65, FOREIGN = 66 };

/* The value of a base64 character, or PAD, BLANK, FOREIGN. */
static const uint8_t values[256] = {
    66, 66, 66, 66, 66, 66, 66, 66, 66, 65, 65, 66, 66, 65, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66,
    66, 66, 66, 66, 66, 66, 66, 66, 65, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 62, 66, 66, 66, 63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 66, 66, 66, 64, 66, 66, 66, 0,  1,  2,  3,  4,  5,  6,
    7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 66, 66, 66, 66, 66,
    66, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48,
    49, 50, 51, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66,
    66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66,
    66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66,
    66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66,
    66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66,
    66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66};

/* Groups of four without blanks and padding, as many as there are. There is room for one byte
 * more than they give. */
static const uint8_t *decode(const uint8_t *from, const uint8_t *end, uint8_t **to)
{
    uint8_t *p = *to;

    while (end - from >= 4) {
        uint8_t a = values[from[0]], b = values[from[1]], c = values[from[2]], d = values[from[3]];
        uint32_t v;

        if (((a | b | c | d) & ~63) != 0)
            break;
        v = (uint32_t)a << 18 | (uint32_t)b << 12 | (uint32_t)c << 6 | d;
        v = htobe32(v << 8);
        memcpy(p, &v, sizeof v); /* the fourth byte is overwritten by the next group */
        p += 3;
        from += 4;
    }
    *to = p;
    return from;
}

enum status buf_base64_decode(struct buf *b, struct span text, struct error *err)
{
    uint32_t v = 0;
    unsigned n = 0, pad = 0;
    size_t mark = b->len;
    uint8_t *p = buf_grow(b, text.len / 4 * 3 + 3);
    uint8_t *start = p;

    if (p == NULL)
        return buf_check(b, err);
    for (const uint8_t *from = text.ptr, *end = text.ptr + text.len; from < end;) {
        uint8_t c;

        if (n == 0 && pad == 0)
            from = decode(from, end, &p);
        if (from == end)
            break;
        c = values[*from++];
        if (c == BLANK)
            continue;
        if (c == FOREIGN || (c != PAD && pad > 0) || (c == PAD && (n < 2 || ++pad > 2))) {
            b->len = mark;
            return error_set(err, ST_INVALID, 0, "not base64");
        }
        v = v << 6 | (c & 63);
        if (++n < 4)
            continue;
        *p++ = (uint8_t)(v >> 16);
        if (pad < 2)
            *p++ = (uint8_t)(v >> 8);
        if (pad < 1)
            *p++ = (uint8_t)v;
        n = 0;
        v = 0;
        if (pad > 0)
            pad = 3; /* nothing but white space may follow */
    }
    if (n != 0) {
        b->len = mark;
        return error_set(err, ST_INVALID, 0, "base64 ends in the middle");
    }
    b->len = mark + (size_t)(p - start);
    return ST_OK;
}

enum status buf_check(const struct buf *b, struct error *err)
{
    if (b->starved)
        return error_starved(err);
    return b->failed ? error_set(err, ST_LIMIT, 0, "more than %zu bytes", b->max) : ST_OK;
}

const char *buf_cstr(struct buf *b)
{
    if (b->ptr == NULL)
        return "";
    b->ptr[b->len] = '\0';
    return (const char *)b->ptr;
}

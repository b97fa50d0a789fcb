/* File names as they travel, and back: docs/decisions/0003-file-names.md. */
#include "osci/content.h"

enum { NAME_MAX_BYTES = 255 };

static bool plain(uint32_t c, bool first)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
           (!first && ((c >= '0' && c <= '9') || c == '.' || c == '-'));
}

/* One code point of UTF-8; bytes that are none count one by one, as U+DC80 and up. */
static size_t code_point(struct span s, uint32_t *c)
{
    uint8_t b = s.ptr[0];
    size_t n = b < 0x80 ? 1 : b >= 0xf0 && b < 0xf5 ? 4 : b >= 0xe0 ? 3 : b >= 0xc2 ? 2 : 0;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

    *c = 0xdc00U + b;
    if (n == 0 || n > s.len || b >= 0xf5)
        return 1;
    if (n == 1) {
        *c = b;
        return 1;
    }
    uint32_t v = b & (0x7fU >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s.ptr[i] & 0xc0) != 0x80)
            return 1;
        v = v << 6 | (s.ptr[i] & 0x3fU);
    }
    if (v < least[n] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
        return 1;
    *c = v;
    return n;
}

/* Does "_xHHHH" stand at the front? */
static bool looks_escaped(struct span s, uint32_t *unit)
{
    uint32_t v = 0;

    if (s.len < 6 || s.ptr[0] != '_' || s.ptr[1] != 'x')
        return false;
    for (size_t i = 2; i < 6; i++) {
        uint8_t c = s.ptr[i];

        if (c >= '0' && c <= '9')
            v = v << 4 | (uint32_t)(c - '0');
        else if (c >= 'A' && c <= 'F')
            v = v << 4 | (uint32_t)(c - 'A' + 10);
        else
            return false;
    }
    *unit = v;
    return true;
}

static bool escaped(struct span s, uint32_t *unit)
{
    return s.len >= 7 && s.ptr[6] == '_' && looks_escaped(s, unit);
}

enum status osci_name_encode(struct span name, struct arena *arena, struct span *out,
                             struct error *err)
{
    AUTO(buf_deinit) struct buf b = {0};
    size_t i = 0;

    if (name.len > NAME_MAX_BYTES)
        return error_set(err, ST_LIMIT, 0, "a file name of more than %d bytes", NAME_MAX_BYTES);
    buf_init(&b, NAME_MAX_BYTES * 16);
    while (i < name.len) {
        uint32_t c, unit;
        size_t n = code_point(span_from(name, i), &c);

        /* the '_' at its end may come from what follows */
        if (plain(c, b.len == 0) && !looks_escaped(span_from(name, i), &unit)) {
            buf_char(&b, (char)c);
        } else if (c > 0xffff) {
            buf_printf(&b, "_x%04X__x%04X_", 0xd800 + ((c - 0x10000) >> 10),
                       0xdc00 + ((c - 0x10000) & 0x3ff));
        } else {
            buf_printf(&b, "_x%04X_", c);
        }
        i += n;
    }
    TRY(buf_check(&b, err));
    *out = arena_span(arena, buf_span(&b));
    TRY_ALLOC(out->ptr, err);
    return ST_OK;
}

static void utf8(struct buf *b, uint32_t c)
{
    if (c < 0x80) {
        buf_char(b, (char)c);
    } else if (c < 0x800) {
        buf_char(b, (char)(0xc0 | c >> 6));
        buf_char(b, (char)(0x80 | (c & 0x3f)));
    } else if (c >= 0xdc80 && c <= 0xdcff) {
        buf_char(b, (char)(c - 0xdc00)); /* a byte that was no UTF-8 */
    } else if (c < 0x10000) {
        buf_char(b, (char)(0xe0 | c >> 12));
        buf_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
        buf_char(b, (char)(0x80 | (c & 0x3f)));
    } else {
        buf_char(b, (char)(0xf0 | c >> 18));
        buf_char(b, (char)(0x80 | (c >> 12 & 0x3f)));
        buf_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
        buf_char(b, (char)(0x80 | (c & 0x3f)));
    }
}

enum status osci_name_decode(struct span text, struct arena *arena, struct span *name,
                             struct error *err)
{
    AUTO(buf_deinit) struct buf b = {0};
    size_t i = 0;

    buf_init(&b, 64 * 1024);
    while (i < text.len) {
        uint32_t unit, low;

        if (!escaped(span_from(text, i), &unit)) {
            buf_char(&b, (char)text.ptr[i++]);
            continue;
        }
        i += 7;
        if (unit >= 0xd800 && unit < 0xdc00 && escaped(span_from(text, i), &low) && low >= 0xdc00 &&
            low < 0xe000) {
            unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            i += 7;
        }
        utf8(&b, unit);
    }
    TRY(buf_check(&b, err));
    *name = arena_span(arena, buf_span(&b));
    TRY_ALLOC(name->ptr, err);
    return ST_OK;
}

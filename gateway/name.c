/* the safe names of gateway/files.h */
#include <stdio.h>

#include <unicase.h>
#include <uninorm.h>

#include "gateway/files.h"

enum { EXTENSION_MAX = 16 };

/* Length of the UTF-8 character at the front of s; 0 when it is none (overlong, surrogate, cut). */
static size_t utf8_len(struct span s, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = s.ptr[0];
    size_t len = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t c;

    if (len == 0 || first > 0xf4 || len > s.len)
        return 0;
    c = len == 1 ? first : first & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((s.ptr[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s.ptr[i] & 0x3f);
    }
    if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *code = c;
    return len;
}

static bool is_utf8(struct span s)
{
    uint32_t code;

    for (size_t n; s.len > 0; s = span_from(s, n)) {
        n = utf8_len(s, &code);
        if (n == 0)
            return false;
    }
    return true;
}

static bool is_forbidden(uint32_t c)
{
    if (c < 0x20 || (c >= 0x7f && c < 0xa0))
        return true;
    /* marks that turn the reading direction, to show another name than there is */
    if ((c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
        (c >= 0x2066 && c <= 0x2069) || c == 0xfeff)
        return true;
    return c < 0x80 && strchr("<>:\"|?*/\\", (int)c) != NULL;
}

static bool is_one_of(struct span name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (span_eq_nocase(name, span_str(names[i])))
            return true;
    return false;
}

/* COM1, LPT1 ...: the number may be a small one, too. */
static bool is_dos_port(struct span name)
{
    static const char *const ports[] = {"COM", "LPT"}, *const small[] = {"¹", "²", "³"};
    struct span number = span_from(name, name.len < 3 ? name.len : 3);

    return is_one_of(span_sub(name, 0, name.len - number.len), ports, ARRAY_LEN(ports)) &&
           ((number.len == 1 && number.ptr[0] >= '0' && number.ptr[0] <= '9') ||
            is_one_of(number, small, ARRAY_LEN(small)));
}

/* Windows looks at what stands before the first dot, without blanks at its end. */
static bool is_dos_name(struct span name)
{
    static const char *const names[] = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"};
    struct span stem = name;

    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '.') {
            stem = span_sub(name, 0, i);
            break;
        }
    }
    while (span_ends(stem, SPAN(" ")))
        stem.len--;
    return is_one_of(stem, names, ARRAY_LEN(names)) || is_dos_port(stem);
}

/* At most max bytes of s, not cutting a character. */
static size_t utf8_cut(struct span s, size_t max)
{
    if (s.len <= max)
        return s.len;
    while (max > 0 && (s.ptr[max] & 0xc0) == 0x80)
        max--;
    return max;
}

static struct span base_name(struct span s)
{
    for (size_t i = s.len; i > 0; i--)
        if (s.ptr[i - 1] == '/' || s.ptr[i - 1] == '\\')
            return span_from(s, i);
    return s;
}

static struct span trim_end(struct span s)
{
    while (s.len > 0 && (s.ptr[s.len - 1] == '.' || s.ptr[s.len - 1] == ' '))
        s.len--;
    return s;
}

/* Copies with every forbidden character replaced; out has room for 2 bytes per byte of s. */
static void replace(struct buf *out, struct span s)
{
    bool utf8 = is_utf8(s);

    while (s.len > 0) {
        uint32_t c = s.ptr[0];
        size_t n = utf8 ? utf8_len(s, &c) : 1;

        if (is_forbidden(c)) {
            buf_char(out, '_');
        } else if (utf8) {
            buf_add(out, span_sub(s, 0, n));
        } else if (c < 0x80) {
            buf_char(out, (char)c);
        } else { /* ISO-8859-1 */
            buf_char(out, (char)(0xc0 | c >> 6));
            buf_char(out, (char)(0x80 | (c & 0x3f)));
        }
        s = span_from(s, n);
    }
}

void gw_name_make_safe(struct span wanted, char name[GW_NAME_SIZE])
{
    AUTO(buf_deinit) struct buf clean = {0};
    struct span stem, ext = SPAN_NONE;
    const char *prefix = "";

    buf_init(&clean, GW_PATH_SIZE * 2);
    wanted = base_name(wanted);
    replace(&clean, span_sub(wanted, 0, utf8_cut(wanted, GW_PATH_SIZE)));
    stem = trim_end(buf_span(&clean));
    while (stem.len > 0 && stem.ptr[0] == ' ')
        stem = span_from(stem, 1);
    if (clean.failed || stem.len == 0)
        stem = SPAN("unnamed");
    if (stem.ptr[0] == '.' || stem.ptr[0] == '-' || is_dos_name(stem))
        prefix = "_";
    if (strlen(prefix) + stem.len > GW_NAME_MAX) {
        size_t room = GW_NAME_MAX - strlen(prefix);

        for (size_t i = 1; i <= EXTENSION_MAX; i++) {
            if (stem.ptr[stem.len - i] == '.') {
                ext = span_from(stem, stem.len - i);
                break;
            }
        }
        stem.len = utf8_cut(stem, room - ext.len);
        if (ext.len == 0)
            stem = trim_end(stem);
    }
    (void)snprintf(name, GW_NAME_SIZE, "%s%.*s%.*s", prefix, SPAN_FMT(stem), SPAN_FMT(ext));
}

bool gw_name_is_safe(struct span name)
{
    char safe[GW_NAME_SIZE];

    gw_name_make_safe(name, safe);
    return span_is(name, safe);
}

/* Copies what libunistring has made, and frees it. */
static struct span keep(uint8_t *made, const size_t *len, struct arena *arena)
{
    struct span kept = made == NULL ? SPAN_NONE : arena_span(arena, span_of(made, *len));

    free(made);
    return kept;
}

struct span gw_name_key(struct span name, struct arena *arena)
{
    size_t len;

    if (!is_utf8(name))
        return arena_span(arena, name);
    /* no language: as file systems do it, which know of none */
    return keep(u8_casefold(name.ptr, name.len, NULL, UNINORM_NFC, NULL, &len), &len, arena);
}

struct span gw_name_composed(struct span name, struct arena *arena)
{
    size_t len;

    if (!is_utf8(name))
        return arena_span(arena, name);
    return keep(u8_normalize(UNINORM_NFC, name.ptr, name.len, NULL, &len), &len, arena);
}

bool gw_name_is_printable(struct span name)
{
    uint32_t c = 0;

    for (size_t n; name.len > 0; name = span_from(name, n)) {
        n = utf8_len(name, &c);
        if (n == 0 || c < 0x20 || (c >= 0x7f && c < 0xa0))
            return false;
    }
    return true;
}

void gw_name_show(struct span name, char shown[GW_NAME_SIZE])
{
    if (name.len < GW_NAME_SIZE && gw_name_is_printable(name))
        (void)snprintf(shown, GW_NAME_SIZE, "%.*s", SPAN_FMT(name));
    else
        gw_name_make_safe(name, shown);
}

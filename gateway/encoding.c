/* What gateway/encoding.h says. */
#include "gateway/encoding.h"

#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <string.h>

enum { PIECE = 64 * 1024, CHARACTER_MAX = 16, NAME_SIZE = 16, DECLARATION_MAX = 256 };

static bool is_xml(struct span kind)
{
    return span_eq_nocase(kind, SPAN("text/xml")) ||
           span_eq_nocase(kind, SPAN("application/xml")) ||
           (kind.len > 4 && span_eq_nocase(span_from(kind, kind.len - 4), SPAN("+xml")));
}

static struct span kind_of(struct span type)
{
    struct span kind = type, rest = type;

    if (span_find(type, SPAN(";")) != SIZE_MAX)
        (void)span_split(&rest, ';', &kind);
    return span_trim(kind);
}

bool gw_encoding_is_text(struct span type)
{
    struct span kind = kind_of(type);

    return span_eq_nocase(span_sub(kind, 0, 5), SPAN("text/")) || is_xml(kind);
}

/* One of a family that ends in a number. */
static bool is_numbered(struct span name, struct span family)
{
    struct span number = span_from(name, family.len);

    if (number.len == 0 || number.len > 2 || !span_eq_nocase(span_sub(name, 0, family.len), family))
        return false;
    for (size_t i = 0; i < number.len; i++)
        if (number.ptr[i] < '0' || number.ptr[i] > '9')
            return false;
    return true;
}

/* What is written today, and can be decoded without state. */
static bool is_checked(struct span name)
{
    static const char *const names[] = {"UTF-8",  "UTF-16",   "UTF-16BE", "UTF-16LE",
                                        "UTF-32", "UTF-32BE", "UTF-32LE", "US-ASCII"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (span_eq_nocase(name, span_str(names[i])))
            return true;
    return is_numbered(name, SPAN("ISO-8859-")) || is_numbered(name, SPAN("windows-125"));
}

/* Converts and throws away what comes of it. *good: all of it could be converted. */
static enum status convert(iconv_t cd, struct source *from, bool *good, struct error *err)
{
    char in[PIECE], out[PIECE];
    size_t held = 0, got;

    for (uint64_t at = 0; at < from->len; at += got) {
        char *next = in;

        TRY(source_read(from, at, in + held, sizeof in - held, &got, err));
        if (got == 0)
            break;
        held += got;
        while (held > 0) {
            char *to = out;
            size_t room = sizeof out;

            if (iconv(cd, &next, &held, &to, &room) != (size_t)-1 || errno == E2BIG)
                continue;
            if (errno == EINVAL && held < CHARACTER_MAX)
                break; /* a character that goes on in the next piece */
            *good = false;
            return ST_OK;
        }
        memmove(in, next, held);
    }
    *good = held == 0;
    return ST_OK;
}

enum status gw_encoding_fits(struct source *text, struct span encoding, bool *fits,
                             struct error *err)
{
    char name[NAME_SIZE];
    enum status st;
    iconv_t cd;

    *fits = true;
    if (!is_checked(encoding))
        return ST_OK;
    (void)snprintf(name, sizeof name, "%.*s", SPAN_FMT(encoding));
    cd = iconv_open("UTF-8", name);
    if (cd == (iconv_t)-1)
        return ST_OK;
    st = convert(cd, text, fits, err);
    iconv_close(cd);
    return st;
}

/* The name in an XML declaration, borrowed from begin; empty: it names none. */
static struct span declared(struct span begin)
{
    struct span declaration = span_sub(begin, 0, span_find(begin, SPAN("?>")));
    struct span value;
    size_t at, end;

    if (span_find(begin, SPAN("?>")) == SIZE_MAX || !span_starts(begin, SPAN("<?xml")))
        return SPAN_NONE;
    at = span_find(declaration, SPAN("encoding"));
    if (at == SIZE_MAX)
        return SPAN_NONE;
    value = span_from(declaration, at + strlen("encoding"));
    while (value.len > 0 && strchr(" \t\r\n=", value.ptr[0]) != NULL)
        value = span_from(value, 1);
    if (value.len < 2 || (value.ptr[0] != '"' && value.ptr[0] != '\''))
        return SPAN_NONE;
    end = span_find(span_from(value, 1), span_of(value.ptr, 1));
    return end == SIZE_MAX ? SPAN_NONE : span_sub(value, 1, end);
}

static bool is_name(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-", s.ptr[i]) ==
                NULL ||
            s.ptr[i] == '\0')
            return false;
    return s.len > 0 && s.len < GW_ENCODING_SIZE;
}

enum status gw_encoding_guess(struct source *content, struct span type, char name[GW_ENCODING_SIZE],
                              struct error *err)
{
    char begin[DECLARATION_MAX];
    struct span said;
    size_t got = 0;
    bool fits = true;

    (void)snprintf(name, GW_ENCODING_SIZE, "UTF-8");
    if (is_xml(kind_of(type))) {
        TRY(source_read(content, 0, begin, sizeof begin, &got, err));
        said = declared(span_of(begin, got));
        if (is_name(said))
            (void)snprintf(name, GW_ENCODING_SIZE, "%.*s", SPAN_FMT(said));
        return ST_OK;
    }
    if (gw_encoding_is_text(type))
        TRY(gw_encoding_fits(content, SPAN("UTF-8"), &fits, err));
    if (!fits)
        (void)snprintf(name, GW_ENCODING_SIZE, "ISO-8859-1");
    return ST_OK;
}

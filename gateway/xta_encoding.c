/*
 * Does a content have the encoding that it says it has? Only where one is said, of text: bytes that
 * no text in that encoding can hold would fail in the reader's program, after the author has
 * forgotten them. An encoding that is not one of these is nobody's fault, and not looked at: the C
 * library knows a thousand more, some of whose decoders abort the process over the wrong bytes
 * (IBM1390, IBM1399: CVE-2026-4046), and whoever sends must not choose what runs here.
 *
 * XTA 2 digest 5 (9051).
 */
#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <string.h>

#include "gateway/xta_sending.h"

enum { PIECE = 64 * 1024, CHARACTER_MAX = 16, NAME_SIZE = 16 };

static bool is_text(struct span type)
{
    struct span kind = type, rest = SPAN_NONE;

    if (span_find(type, SPAN(";")) != SIZE_MAX) {
        rest = type;
        (void)span_split(&rest, ';', &kind);
    }
    kind = span_trim(kind);
    return span_eq_nocase(span_sub(kind, 0, 5), SPAN("text/")) ||
           span_eq_nocase(kind, SPAN("application/xml")) ||
           (kind.len > 4 && span_eq_nocase(span_from(kind, kind.len - 4), SPAN("+xml")));
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

static enum status content_check(struct gw_xta_call *call, const struct xta_content *content,
                                 struct error *err)
{
    AUTO(gw_file_source_deinit) struct gw_file_source file = {.fd = -1};
    char name[NAME_SIZE];
    enum status st;
    bool good = false;
    iconv_t cd;

    if (!is_checked(content->encoding) || !is_text(content->content_type))
        return ST_OK;
    (void)snprintf(name, sizeof name, "%.*s", SPAN_FMT(content->encoding));
    cd = iconv_open("UTF-8", name);
    if (cd == (iconv_t)-1)
        return ST_OK;
    st = gw_stage_source(call->stage, content->taken, &file, err);
    if (st == ST_OK)
        st = convert(cd, &file.base, &good, err);
    iconv_close(cd);
    TRY(st);
    return good ? ST_OK
                : gw_xta_refuse(call, ST_INVALID, XTA_SCHEMA_VIOLATION, XTA_N_WRONG_ENCODING, err,
                                "a content is not in the encoding that it names, %s", name);
}

enum status gw_xta_encoding_check(struct gw_xta_call *call, struct error *err)
{
    const struct xta_container *c = &call->request.container;

    for (size_t i = 0; i < c->count; i++)
        TRY(content_check(call, &c->contents[i], err));
    return ST_OK;
}

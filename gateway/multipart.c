#include "gateway/multipart.h"

#include <assert.h>

#include "gateway/explain.h"

enum { WINDOW = 64 * 1024, PADDING_MAX = 64 };

#define BROKEN(err, ...) error_set((err), ST_INVALID, GW_R_API_BAD_REQUEST, __VA_ARGS__)

/* ---- fields and their parameters ---- */

static bool is_token(uint8_t c)
{
    return c > ' ' && c < 0x7f && strchr("()<>@,;:\\\"/[]?={}", c) == NULL;
}

static void blanks_skip(struct span *s)
{
    while (s->len > 0 && (s->ptr[0] == ' ' || s->ptr[0] == '\t'))
        *s = span_from(*s, 1);
}

static struct span token_take(struct span *s)
{
    size_t len = 0;
    struct span token;

    while (len < s->len && is_token(s->ptr[len]))
        len++;
    token = span_sub(*s, 0, len);
    *s = span_from(*s, len);
    return token;
}

static bool value_add(char *value, size_t *len, uint8_t c)
{
    if (*len == GW_PART_VALUE_MAX || c == '\0')
        return false;
    value[(*len)++] = (char)c;
    return true;
}

/* A quoted string; only \" and \\ are escapes, since some send Windows paths as they are. */
static bool quoted_take(struct span *s, char value[GW_PART_VALUE_MAX + 1])
{
    size_t len = 0;

    for (*s = span_from(*s, 1); s->len > 0 && s->ptr[0] != '"'; *s = span_from(*s, 1)) {
        if (s->ptr[0] == '\\' && s->len > 1 && (s->ptr[1] == '"' || s->ptr[1] == '\\'))
            *s = span_from(*s, 1);
        if (!value_add(value, &len, s->ptr[0]))
            return false;
    }
    if (s->len == 0)
        return false;
    *s = span_from(*s, 1);
    value[len] = '\0';
    return true;
}

/* The next "; name=value"; *name is empty at the end. False: not in that form. */
static bool param_take(struct span *s, struct span *name, char value[GW_PART_VALUE_MAX + 1])
{
    struct span token;
    size_t len = 0;

    blanks_skip(s);
    *name = SPAN_NONE;
    if (s->len == 0)
        return true;
    if (s->ptr[0] != ';')
        return false;
    *s = span_from(*s, 1);
    blanks_skip(s);
    if (s->len == 0)
        return true; /* a semicolon at the very end says nothing */
    *name = token_take(s);
    if (name->len == 0 || s->len == 0 || s->ptr[0] != '=')
        return false;
    *s = span_from(*s, 1);
    if (s->len > 0 && s->ptr[0] == '"')
        return quoted_take(s, value);
    token = token_take(s);
    for (size_t i = 0; i < token.len; i++)
        if (!value_add(value, &len, token.ptr[i]))
            return false;
    value[len] = '\0';
    return token.len > 0;
}

static bool is_boundary(const char *text)
{
    size_t len = strlen(text);

    for (const char *c = text; *c != '\0'; c++) {
        bool plain = (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') ||
                     (*c >= 'A' && *c <= 'Z') || strchr("'()+_,-./:=? ", *c) != NULL;

        if (!plain)
            return false;
    }
    return len > 0 && len <= GW_BOUNDARY_MAX && text[len - 1] != ' ';
}

static enum status boundary_read(struct span type, char boundary[GW_PART_VALUE_MAX + 1],
                                 struct error *err)
{
    struct span rest = type, name;
    size_t end = span_find(type, SPAN(";"));
    char value[GW_PART_VALUE_MAX + 1];
    bool found = false;

    if (!span_eq_nocase(span_trim(span_sub(type, 0, end)), SPAN("multipart/form-data")))
        return BROKEN(err, "the body must be multipart/form-data");
    rest = span_from(type, end);
    for (;;) {
        if (!param_take(&rest, &name, value))
            return BROKEN(err, "Content-Type cannot be read");
        if (name.len == 0)
            break;
        if (!span_eq_nocase(name, SPAN("boundary")))
            continue;
        if (found)
            return BROKEN(err, "Content-Type has two boundaries");
        found = true;
        memcpy(boundary, value, sizeof value);
    }
    if (!found || !is_boundary(boundary))
        return BROKEN(err, "Content-Type has no usable boundary");
    return ST_OK;
}

/* ---- the window ---- */

/* Moves what waits to the front and fills up behind it. */
static enum status fill(struct gw_multipart *m, struct error *err)
{
    size_t got = 1;

    memmove(m->window, m->window + m->begin, m->end - m->begin);
    m->end -= m->begin;
    m->begin = 0;
    while (m->end < WINDOW && got > 0) {
        TRY(source_read(m->from, m->at, m->window + m->end, WINDOW - m->end, &got, err));
        m->at += got;
        m->end += got;
    }
    return ST_OK;
}

static struct span waiting(const struct gw_multipart *m)
{
    return span_of(m->window + m->begin, m->end - m->begin);
}

enum status gw_multipart_init(struct gw_multipart *m, struct span content_type, struct source *from,
                              struct error *err)
{
    char boundary[GW_PART_VALUE_MAX + 1];

    TRY(boundary_read(content_type, boundary, err));
    *m = (struct gw_multipart){.from = from};
    m->mark_len = 4 + strlen(boundary);
    memcpy(m->mark, "\r\n--", 4);
    memcpy(m->mark + 4, boundary, m->mark_len - 4);
    m->window = malloc(WINDOW);
    TRY_ALLOC(m->window, err);
    memcpy(m->window, "\r\n", 2); /* so that the first boundary looks like all others */
    m->end = 2;
    return ST_OK;
}

void gw_multipart_deinit(struct gw_multipart *m)
{
    free(m->window);
    *m = (struct gw_multipart){0};
}

/* ---- a part's head ---- */

/* %22, %0D and %0A as browsers and curl write them. */
static void percent_undo(char *text)
{
    static const struct {
        const char *code;
        char c;
    } codes[] = {{"%22", '"'}, {"%0D", '\r'}, {"%0d", '\r'}, {"%0A", '\n'}, {"%0a", '\n'}};
    char *out = text;

    while (*text != '\0') {
        size_t i = 0;

        while (i < ARRAY_LEN(codes) && strncmp(text, codes[i].code, 3) != 0)
            i++;
        *out++ = i < ARRAY_LEN(codes) ? codes[i].c : *text;
        text += i < ARRAY_LEN(codes) ? 3 : 1;
    }
    *out = '\0';
}

static enum status disposition_read(struct gw_multipart_part *part, struct span value,
                                    struct error *err)
{
    char text[GW_PART_VALUE_MAX + 1];
    bool named = false, filed = false;
    struct span name;

    if (!span_eq_nocase(token_take(&value), SPAN("form-data")))
        return BROKEN(err, "a part's Content-Disposition is not form-data");
    for (;;) {
        bool is_name, is_file;

        if (!param_take(&value, &name, text))
            return BROKEN(err, "a part's Content-Disposition cannot be read");
        if (name.len == 0)
            break;
        is_name = span_eq_nocase(name, SPAN("name"));
        is_file = span_eq_nocase(name, SPAN("filename"));
        if ((is_name && named) || (is_file && filed))
            return BROKEN(err, "a part's Content-Disposition says something twice");
        if (is_name)
            memcpy(part->name, text, sizeof text);
        if (is_file)
            memcpy(part->filename, text, sizeof text);
        named = named || is_name;
        filed = filed || is_file;
    }
    if (!named)
        return BROKEN(err, "a part has no name");
    percent_undo(part->filename);
    return ST_OK;
}

static bool is_plain_encoding(struct span value)
{
    return span_eq_nocase(value, SPAN("binary")) || span_eq_nocase(value, SPAN("8bit")) ||
           span_eq_nocase(value, SPAN("7bit"));
}

/* One "Name: value"; *disposed: the part has told its name. */
static enum status field_read(struct gw_multipart_part *part, struct span line, bool *disposed,
                              struct error *err)
{
    struct span value = line, name = token_take(&value);

    for (size_t i = 0; i < line.len; i++)
        if (line.ptr[i] == '\0' || line.ptr[i] == '\r' || line.ptr[i] == '\n')
            return BROKEN(err, "a part's head has a control character");
    if (name.len == 0 || value.len == 0 || value.ptr[0] != ':')
        return BROKEN(err, "a part's head has a line that is no field");
    value = span_trim(span_from(value, 1));
    if (span_eq_nocase(name, SPAN("Content-Disposition"))) {
        if (*disposed)
            return BROKEN(err, "a part has two Content-Disposition");
        *disposed = true;
        return disposition_read(part, value, err);
    }
    if (span_eq_nocase(name, SPAN("Content-Transfer-Encoding")) && !is_plain_encoding(value))
        return BROKEN(err, "a part's transfer encoding is not known");
    if (span_eq_nocase(name, SPAN("Content-Type"))) {
        if (part->content_type[0] != '\0' || value.len > GW_PART_VALUE_MAX)
            return BROKEN(err, "a part's Content-Type is too long or there twice");
        memcpy(part->content_type, value.ptr, value.len);
        part->content_type[value.len] = '\0';
    }
    return ST_OK;
}

/* Behind a boundary's line, up to the part's first byte. */
static enum status head_read(struct gw_multipart *m, struct error *err)
{
    static const struct span end = {(const uint8_t *)"\r\n\r\n", 4},
                             eol = {(const uint8_t *)"\r\n", 2};
    bool disposed = false;
    struct span head;
    size_t len;

    TRY(fill(m, err));
    head = span_sub(waiting(m), 0, GW_PART_HEAD_MAX);
    len = span_find(head, end);
    if (len == SIZE_MAX)
        return BROKEN(err, "a part's head has no end, or more than %d bytes", GW_PART_HEAD_MAX);
    m->begin += len + end.len;
    head = span_sub(head, 0, len);
    m->part = (struct gw_multipart_part){0};
    for (int i = 0; head.len > 0; i++) {
        size_t line = span_find(head, eol);

        if (i == GW_PART_FIELDS_MAX)
            return BROKEN(err, "a part has more than %d fields", GW_PART_FIELDS_MAX);
        TRY(field_read(&m->part, span_sub(head, 0, line), &disposed, err));
        head = line == SIZE_MAX ? SPAN_NONE : span_from(head, line + eol.len);
    }
    if (!disposed)
        return BROKEN(err, "a part has no name");
    if (span_starts(waiting(m), span_of(m->mark + 2, m->mark_len - 2)))
        return BROKEN(err, "a boundary stands where a part's bytes should begin");
    m->in_part = true;
    return ST_OK;
}

/* ---- parts ---- */

/* The boundary is at the front of the window: what does its line say? */
static enum status mark_take(struct gw_multipart *m, struct error *err)
{
    struct span line;
    size_t pad = 0;

    TRY(fill(m, err));
    m->begin += m->mark_len;
    m->in_part = false;
    line = waiting(m);
    if (span_starts(line, SPAN("--"))) {
        m->ended = true;
        return ST_OK;
    }
    while (pad < line.len && pad < PADDING_MAX && (line.ptr[pad] == ' ' || line.ptr[pad] == '\t'))
        pad++;
    if (!span_starts(span_from(line, pad), SPAN("\r\n")))
        return BROKEN(err, "something stands behind a boundary");
    m->begin += pad + 2;
    return ST_OK;
}

enum status gw_multipart_read(struct gw_multipart *m, struct sink *to, uint64_t max,
                              struct error *err)
{
    assert(m->in_part);
    for (;;) {
        struct span bytes, found;
        size_t mark;

        TRY(fill(m, err));
        bytes = waiting(m);
        mark = span_find(bytes, span_of(m->mark, m->mark_len));
        if (mark == SIZE_MAX && bytes.len < WINDOW)
            return BROKEN(err, "the body ends before its last boundary");
        /* without one, the last bytes may be the beginning of one */
        found = span_sub(bytes, 0, mark != SIZE_MAX ? mark : bytes.len - m->mark_len + 1);
        if (found.len > max)
            return error_set(err, ST_LIMIT, GW_R_API_TOO_LARGE, "a part is too large");
        max -= found.len;
        if (found.len > 0 && to != NULL)
            TRY(sink_write(to, found, err));
        m->begin += found.len;
        if (mark != SIZE_MAX)
            return mark_take(m, err);
    }
}

enum status gw_multipart_next(struct gw_multipart *m, bool *more, struct error *err)
{
    if (m->at == 0) {
        TRY(fill(m, err));
        if (!span_starts(waiting(m), span_of(m->mark, m->mark_len)))
            return BROKEN(err, "the body does not begin with its boundary");
        TRY(mark_take(m, err));
    }
    if (m->in_part)
        TRY(gw_multipart_read(m, NULL, UINT64_MAX, err));
    *more = !m->ended;
    return m->ended ? ST_OK : head_read(m, err);
}

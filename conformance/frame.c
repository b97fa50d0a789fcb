#include <stdio.h>

#include "conformance/view.h"

/* The value of a header line of that name, unfolded lines only; empty when there is none. */
static struct span field(struct span head, const char *name)
{
    struct span line;
    size_t len = strlen(name);

    while (head.len > 0 && span_split(&head, '\n', &line))
        if (line.len > len && line.ptr[len] == ':' &&
            span_eq_nocase(span_of(line.ptr, len), span_str(name)))
            return span_trim(span_from(line, len + 1));
    return SPAN_NONE;
}

/* Up to the empty line, which goes along; *rest is what follows it. */
static bool head_split(struct span bytes, struct span *head, struct span *rest)
{
    size_t at = span_find(bytes, SPAN("\r\n\r\n"));

    if (at == SIZE_MAX)
        return false;
    *head = span_sub(bytes, 0, at + 2);
    *rest = span_from(bytes, at + 4);
    return true;
}

static bool boundary_find(struct span type, char *boundary)
{
    size_t at = span_find(type, SPAN("boundary="));
    struct span value = at == SIZE_MAX ? SPAN_NONE : span_from(type, at + 9);
    bool quoted = value.len > 0 && value.ptr[0] == '"';
    size_t len = 0;

    value = span_from(value, quoted);
    while (len < value.len && value.ptr[len] != (quoted ? '"' : ';') && value.ptr[len] > ' ')
        len++;
    if (len == 0 || len >= CONF_BOUNDARY_MAX)
        return false;
    (void)snprintf(boundary, CONF_BOUNDARY_MAX, "%.*s", (int)len, (const char *)value.ptr);
    return true;
}

static struct span bare_id(struct span id)
{
    if (id.len >= 2 && id.ptr[0] == '<' && id.ptr[id.len - 1] == '>')
        return span_sub(id, 1, id.len - 2);
    return id;
}

static const char *part_read(struct span bytes, struct conf_frame *frame)
{
    struct conf_frame_part *part = &frame->parts[frame->count];

    if (frame->count == CONF_FRAME_PARTS_MAX)
        return "more parts than this program looks at";
    if (!head_split(bytes, &part->head, &part->body))
        return "a part without a header";
    part->id = bare_id(field(part->head, "Content-ID"));
    part->type = field(part->head, "Content-Type");
    part->encoding = field(part->head, "Content-Transfer-Encoding");
    frame->count++;
    return NULL;
}

const char *conf_frame_read(struct span bytes, struct conf_frame *frame)
{
    char mark[CONF_BOUNDARY_MAX + 8];
    struct span rest;
    int len;

    frame->count = 0;
    while (span_starts(bytes, SPAN("\r\n")))
        bytes = span_from(bytes, 2);
    if (!head_split(bytes, &frame->head, &rest))
        return "no MIME header at the beginning of the HTTP body";
    if (!boundary_find(field(frame->head, "Content-Type"), frame->boundary))
        return "no boundary in the MIME header";
    /* the first boundary need not have a line end in front but that of the header */
    len = snprintf(mark, sizeof mark, "--%s", frame->boundary);
    if (!span_starts(rest, span_of(mark, (size_t)len)))
        return "text in front of the first boundary";
    rest = span_from(rest, (size_t)len);
    len = snprintf(mark, sizeof mark, "\r\n--%s", frame->boundary);
    while (!span_starts(rest, SPAN("--"))) {
        size_t end = span_find(rest, span_of(mark, (size_t)len));
        const char *wrong;

        if (!span_starts(rest, SPAN("\r\n")) || end == SIZE_MAX)
            return "no closing boundary";
        wrong = part_read(span_sub(rest, 2, end < 2 ? 0 : end - 2), frame);
        if (wrong != NULL)
            return wrong;
        rest = span_from(rest, end + (size_t)len);
    }
    return frame->count == 0 ? "no part at all" : NULL;
}

/* Every LF has its CR in front. */
static bool crlf(struct span head)
{
    for (size_t i = 0; i < head.len; i++)
        if (head.ptr[i] == '\n' && (i == 0 || head.ptr[i - 1] != '\r'))
            return false;
    return true;
}

static bool has(struct span text, const char *word)
{
    char low[512];
    size_t n = text.len < sizeof low - 1 ? text.len : sizeof low - 1;

    for (size_t i = 0; i < n; i++)
        low[i] = (char)(text.ptr[i] >= 'A' && text.ptr[i] <= 'Z' ? text.ptr[i] + 32 : text.ptr[i]);
    low[n] = '\0';
    return strstr(low, word) != NULL;
}

const char *conf_frame_strict(const struct conf_frame *frame)
{
    const struct conf_frame_part *xml = &frame->parts[0];
    struct span type = field(frame->head, "Content-Type");

    if (!span_starts(frame->head, SPAN("MIME-Version: 1.0\r\n")))
        return "the HTTP body does not begin with MIME-Version: 1.0";
    if (!has(type, "multipart/related;") || !has(type, "type=text/xml"))
        return "the MIME header is not Multipart/Related with type=text/xml";
    if (!crlf(frame->head))
        return "a MIME header line does not end with CR LF";
    for (size_t i = 0; i < frame->count; i++) {
        if (!crlf(frame->parts[i].head))
            return "a header line of a part does not end with CR LF";
        if (frame->parts[i].id.len == 0 || frame->parts[i].type.len == 0 ||
            frame->parts[i].encoding.len == 0)
            return "a part lacks Content-ID, Content-Type or Content-Transfer-Encoding";
    }
    if (!has(xml->type, "text/xml") || !has(xml->type, "charset=utf-8"))
        return "the first part is not text/xml with charset UTF-8";
    if (!span_is(xml->id, "osci@message"))
        return "the Content-ID of the first part is not <osci@message>";
    return NULL;
}

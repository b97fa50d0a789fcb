#include "xta/package.h"

#include <stdio.h>

enum { HREF_MAX = 1024, PIECE_BYTES = 16 * 1024, PARTS_FIRST = 16 };

/* ---- opening ---- */

static struct span without_brackets(struct span id)
{
    id = span_trim(id);
    if (id.len >= 2 && id.ptr[0] == '<' && id.ptr[id.len - 1] == '>')
        return span_sub(id, 1, id.len - 2);
    return id;
}

static bool is_envelope_type(struct span type)
{
    static const char *const types[] = {"application/soap+xml", "application/xop+xml", "text/xml",
                                        "application/xml"};

    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (span_eq_nocase(type, span_str(types[i])))
            return true;
    return false;
}

static enum status part_add(struct xta_package *p, size_t *cap, const struct mime_part *mime,
                            struct error *err)
{
    if (p->count == *cap) {
        size_t more = *cap == 0 ? PARTS_FIRST : 2 * *cap;
        struct xta_part *parts = arena_array(p->arena, sizeof *parts, more);

        TRY_ALLOC(parts, err);
        if (p->count > 0)
            memcpy(parts, p->parts, p->count * sizeof *parts);
        p->parts = parts;
        *cap = more;
    }
    p->parts[p->count++] = (struct xta_part){.mime = *mime};
    return ST_OK;
}

/* Goes through the whole body once, so that a frame that is broken anywhere is refused before
 * anything is taken from it. */
static enum status parts_read(struct xta_package *p, struct error *err)
{
    struct mime_reader mime;
    struct mime_part *part;
    size_t cap = 0;

    TRY(mime_reader_init_http(&mime, p->body, p->type, p->arena, err));
    TRY(mime_reader_next(&mime, &part, err));
    while (part != NULL) {
        struct mime_part *current = part;

        TRY(mime_reader_next(&mime, &part, err)); /* reads current to its end */
        TRY(part_add(p, &cap, current, err));
    }
    if (p->count == 0)
        return error_set(err, ST_INVALID, 0, "the multipart message has no parts");
    return ST_OK;
}

static enum status root_find(struct xta_package *p, struct error *err)
{
    struct span start, charset;

    p->root = &p->parts[0];
    if (mime_param(p->type, "start", &start) && start.len > 0) {
        p->root = NULL;
        for (size_t i = 0; i < p->count; i++)
            if (span_eq(p->parts[i].mime.content_id, without_brackets(start)))
                p->root = &p->parts[i];
    }
    if (p->root == NULL)
        return error_set(err, ST_INVALID, 0, "no part is the one that start names");
    p->root->used = true; /* no Include may refer to it */
    if (p->root->mime.content_type.len > 0 &&
        !is_envelope_type(mime_type(p->root->mime.content_type)))
        return error_set(err, ST_INVALID, 0, "the root part is no SOAP envelope by its type");
    if (mime_param(p->root->mime.content_type, "charset", &charset) &&
        !span_eq_nocase(charset, SPAN("utf-8")))
        return error_set(err, ST_INVALID, 0, "the root part's charset is not UTF-8");
    return ST_OK;
}

enum status xta_package_open(struct xta_package *package, struct source *body,
                             struct span content_type, struct arena *arena, struct error *err)
{
    struct span type = mime_type(content_type), charset;

    *package = (struct xta_package){.body = body, .arena = arena, .type = content_type};
    if (span_eq_nocase(type, SPAN("multipart/related"))) {
        package->multipart = true;
        TRY(parts_read(package, err));
        return root_find(package, err);
    }
    if (type.len > 0 && !is_envelope_type(type))
        return error_set(err, ST_INVALID, 0, "the content type is none of SOAP's");
    if (mime_param(content_type, "charset", &charset) && !span_eq_nocase(charset, SPAN("utf-8")))
        return error_set(err, ST_INVALID, 0, "the message's charset is not UTF-8");
    return ST_OK;
}

/* ---- quoted-printable ---- */

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Takes it off as it passes by. */
struct unquoted {
    struct sink base;
    struct sink *next;
    uint8_t escape[2]; /* what followed '=' so far */
    size_t held;       /* bytes of that and the '=' itself */
};

static enum status no_quoted(struct error *err)
{
    return error_set(err, ST_INVALID, 0, "a part in quoted-printable that is none");
}

/* One more byte behind '='; true when there is an octet. */
static enum status escape_take(struct unquoted *q, uint8_t c, uint8_t *octet, bool *whole,
                               struct error *err)
{
    q->escape[q->held++ - 1] = c;
    *whole = false;
    if (q->held < 3)
        return c == '\r' || hex_value(c) >= 0 ? ST_OK : no_quoted(err);
    q->held = 0;
    if (q->escape[0] == '\r')
        return c == '\n' ? ST_OK : no_quoted(err); /* a line goes on */
    if (hex_value(c) < 0)
        return no_quoted(err);
    *octet = (uint8_t)(hex_value(q->escape[0]) << 4 | hex_value(c));
    *whole = true;
    return ST_OK;
}

static enum status unquoted_write(struct sink *self, struct span bytes, struct error *err)
{
    struct unquoted *q = (struct unquoted *)self;
    uint8_t octets[PIECE_BYTES];
    size_t used = 0;

    for (size_t i = 0; i < bytes.len; i++) {
        bool whole = true;

        octets[used] = bytes.ptr[i];
        if (q->held > 0)
            TRY(escape_take(q, bytes.ptr[i], &octets[used], &whole, err));
        else if (bytes.ptr[i] == '=')
            whole = ++q->held == 0;
        used += whole;
        if (used < sizeof octets && i + 1 < bytes.len)
            continue;
        TRY(sink_write(q->next, span_of(octets, used), err));
        used = 0;
    }
    return ST_OK;
}

/* ---- parts ---- */

static enum status part_copy(struct xta_package *package, const struct xta_part *part,
                             struct sink *sink, struct error *err)
{
    struct source_part slice;
    struct source *source =
        source_part_init(&slice, package->body, part->mime.offset, part->mime.len);
    uint8_t piece[PIECE_BYTES];
    uint64_t offset = 0;

    for (;;) {
        size_t got;

        TRY(source_read(source, offset, piece, sizeof piece, &got, err));
        if (got == 0)
            return ST_OK;
        TRY(sink_write(sink, span_of(piece, got), err));
        offset += got;
    }
}

enum status xta_package_write(struct xta_package *package, const struct xta_part *part,
                              struct sink *sink, struct error *err)
{
    struct xta_unbase64 base64;
    struct unquoted quoted = {.base.write = unquoted_write, .next = sink};

    if (part->mime.base64) {
        xta_unbase64_init(&base64, sink);
        TRY(part_copy(package, part, &base64.base, err));
        return xta_unbase64_finish(&base64, err);
    }
    if (part->mime.quoted) {
        TRY(part_copy(package, part, &quoted.base, err));
        return quoted.held == 0 ? ST_OK : no_quoted(err);
    }
    return part_copy(package, part, sink, err);
}

enum status xta_package_root(struct xta_package *package, uint64_t max, struct source **root,
                             struct error *err)
{
    const struct xta_part *part = package->root;
    AUTO(buf_deinit) struct buf text = {0};
    struct sink_buf sink;
    struct span kept;

    if (part == NULL) {
        *root = package->body;
        return ST_OK;
    }
    if (!part->mime.base64 && !part->mime.quoted) {
        *root = source_part_init(&package->slice, package->body, part->mime.offset, part->mime.len);
        return ST_OK;
    }
    buf_init(&text, (size_t)max);
    TRY(xta_package_write(package, part, sink_buf_init(&sink, &text), err));
    kept = arena_span(package->arena, buf_span(&text));
    if (kept.ptr == NULL && text.len > 0)
        return error_set(err, ST_LIMIT, 0, "out of memory");
    *root = source_span_init(&package->plain, kept);
    return ST_OK;
}

/* "cid:" and percent signs taken off; false: it is no reference to a part. */
static bool href_decode(struct span href, uint8_t decoded[HREF_MAX], struct span *id)
{
    size_t len = 0;

    href = span_trim(href);
    if (!span_eq_nocase(span_sub(href, 0, 4), SPAN("cid:")) || href.len > HREF_MAX)
        return false;
    for (size_t i = 4; i < href.len; i++) {
        uint8_t c = href.ptr[i];

        if (c == '%') {
            int high = i + 2 < href.len ? hex_value(href.ptr[i + 1]) : -1;
            int low = i + 2 < href.len ? hex_value(href.ptr[i + 2]) : -1;

            if (high < 0 || low < 0)
                return false;
            c = (uint8_t)(high << 4 | low);
            i += 2;
        }
        decoded[len++] = c;
    }
    *id = span_of(decoded, len);
    return len > 0;
}

enum status xta_package_part(struct xta_package *package, struct span href, struct xta_part **part,
                             struct error *err)
{
    uint8_t decoded[HREF_MAX];
    struct span id;

    if (!href_decode(href, decoded, &id))
        return error_set(err, ST_INVALID, 0, "an xop:Include without a cid: reference");
    for (size_t i = 0; i < package->count; i++) {
        struct xta_part *candidate = &package->parts[i];

        if (!span_eq(candidate->mime.content_id, id))
            continue;
        if (candidate->used)
            return error_set(err, ST_INVALID, 0, "two references to one part");
        candidate->used = true;
        *part = candidate;
        return ST_OK;
    }
    return error_set(err, ST_INVALID, 0, "an xop:Include refers to a part that is not there");
}

/* ---- actions ---- */

/* Quotes and what escapes them, at both ends: SOAPAction has quotes, a parameter within a parameter
 * escaped ones. */
static struct span unquoted(struct span text)
{
    text = span_trim(text);
    while (text.len > 0 && (text.ptr[0] == '"' || text.ptr[0] == '\\'))
        text = span_from(text, 1);
    while (text.len > 0 && (text.ptr[text.len - 1] == '"' || text.ptr[text.len - 1] == '\\'))
        text.len--;
    return text;
}

static enum status action_take(struct span found, struct span *action, struct error *err)
{
    found = unquoted(found);
    if (found.len == 0)
        return ST_OK;
    if (action->ptr != NULL && !span_eq(*action, found))
        return error_set(err, ST_INVALID, 0, "HTTP names two actions");
    *action = found;
    return ST_OK;
}

/* action="..." of a header value, or of a parameter that is a media type itself. */
static enum status action_within(struct span value, const char *param, struct span *action,
                                 struct error *err)
{
    struct span found;

    if (param != NULL && !mime_param(value, param, &value))
        return ST_OK;
    return mime_param(value, "action", &found) ? action_take(found, action, err) : ST_OK;
}

enum status xta_package_action(const struct xta_package *package, struct span soap_action,
                               struct span *action, struct error *err)
{
    struct span root = package->root == NULL ? SPAN_NONE : package->root->mime.content_type;

    *action = SPAN_NONE;
    TRY(action_take(soap_action, action, err));
    TRY(action_within(package->type, NULL, action, err));
    TRY(action_within(package->type, "start-info", action, err));
    TRY(action_within(package->type, "type", action, err));
    TRY(action_within(root, NULL, action, err));
    return action_within(root, "type", action, err);
}

/* ---- base64 ---- */

static enum status unbase64_write(struct sink *self, struct span bytes, struct error *err)
{
    struct xta_unbase64 *s = (struct xta_unbase64 *)self;

    while (bytes.len > 0) {
        AUTO(buf_deinit) struct buf octets = {0};
        struct span text = span_sub(bytes, 0, PIECE_BYTES);

        buf_init(&octets, PIECE_BYTES);
        TRY(mime_base64_push(&s->state, text, &octets, err));
        if (octets.len > 0)
            TRY(sink_write(s->next, buf_span(&octets), err));
        bytes = span_from(bytes, text.len);
    }
    return ST_OK;
}

void xta_unbase64_init(struct xta_unbase64 *sink, struct sink *next)
{
    *sink = (struct xta_unbase64){.base.write = unbase64_write, .next = next};
}

enum status xta_unbase64_finish(const struct xta_unbase64 *sink, struct error *err)
{
    return mime_base64_finish(&sink->state, err);
}

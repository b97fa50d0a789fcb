#include "crypto/base/mime.h"

#include <assert.h>

enum { WINDOW_BYTES = 64 * 1024, BOUNDARY_MAX = 250, BLANKS_MAX = 64 };

static const struct span crlf = {(const uint8_t *)"\r\n", 2};
static const struct span dashes = {(const uint8_t *)"--", 2};

/* ---- the window ---- */

static struct span ahead(const struct mime_reader *r)
{
    return span_of(r->window + r->from, r->filled - r->from);
}

static void consume(struct mime_reader *r, size_t len)
{
    r->from += len;
    r->at += len;
}

/* At least len bytes ahead, less only at the end of the source. */
static enum status want(struct mime_reader *r, size_t len, struct error *err)
{
    if (r->eof || r->filled - r->from >= len)
        return ST_OK;
    memmove(r->window, r->window + r->from, r->filled - r->from);
    r->filled -= r->from;
    r->from = 0;
    while (r->filled < r->cap) {
        size_t got;

        TRY(source_read(r->source, r->at + r->filled, r->window + r->filled, r->cap - r->filled,
                        &got, err));
        if (got == 0) {
            r->eof = true;
            break;
        }
        r->filled += got;
    }
    return ST_OK;
}

/* ---- headers ---- */

/* A line without its CRLF, to stand until the next call. */
static enum status line_read(struct mime_reader *r, struct span *line, struct error *err)
{
    struct span have;
    size_t end;

    TRY(want(r, MIME_LINE_MAX + crlf.len, err));
    have = span_sub(ahead(r), 0, MIME_LINE_MAX + crlf.len);
    end = span_find(have, crlf);
    if (end == SIZE_MAX)
        return error_set(err, ST_INVALID, 9100, "no end of a MIME header line");
    *line = span_sub(have, 0, end);
    if (memchr(line->ptr, '\n', end) != NULL || memchr(line->ptr, '\0', end) != NULL)
        return error_set(err, ST_INVALID, 9100, "a stray byte in a MIME header line");
    consume(r, end + crlf.len);
    return ST_OK;
}

/* A header line with what was folded; empty at the end of the headers. */
static enum status folded_read(struct mime_reader *r, uint8_t text[MIME_LINE_MAX],
                               struct span *header, struct error *err)
{
    size_t len = 0;
    struct span line = SPAN_NONE;

    do {
        TRY(line_read(r, &line, err));
        if (line.len > MIME_LINE_MAX - len)
            return error_set(err, ST_INVALID, 9100, "a MIME header is too long");
        if (line.len > 0)
            memcpy(text + len, line.ptr, line.len);
        len += line.len;
        TRY(want(r, 1, err));
    } while (len > 0 && r->from < r->filled &&
             (r->window[r->from] == ' ' || r->window[r->from] == '\t'));
    *header = span_of(text, len);
    return ST_OK;
}

static bool header_is(struct span header, const char *name, struct span *value)
{
    struct span rest = header, head;

    if (!span_split(&rest, ':', &head) || !span_eq_nocase(span_trim(head), span_str(name)))
        return false;
    *value = span_trim(rest);
    return true;
}

bool mime_param(struct span value, const char *name, struct span *found)
{
    size_t i = 0;

    while (i < value.len) {
        size_t from, equals = SIZE_MAX;
        bool quoted = false;

        while (i < value.len && value.ptr[i] != ';')
            i++;
        from = ++i;
        for (; i < value.len && (quoted || value.ptr[i] != ';'); i++) {
            quoted ^= value.ptr[i] == '"';
            if (value.ptr[i] == '=' && equals == SIZE_MAX)
                equals = i;
        }
        if (equals == SIZE_MAX)
            continue;
        if (!span_eq_nocase(span_trim(span_sub(value, from, equals - from)), span_str(name)))
            continue;
        *found = span_trim(span_sub(value, equals + 1, i - equals - 1));
        if (found->len >= 2 && found->ptr[0] == '"' && found->ptr[found->len - 1] == '"')
            *found = span_sub(*found, 1, found->len - 2);
        return true;
    }
    return false;
}

struct span mime_type(struct span value)
{
    struct span head = SPAN_NONE;

    (void)span_split(&value, ';', &head);
    return span_trim(head);
}

static enum status boundary_set(struct mime_reader *r, struct span value, struct error *err)
{
    struct span text;
    uint8_t *bytes;

    if (!span_eq_nocase(mime_type(value), SPAN("multipart/related")))
        return error_set(err, ST_INVALID, 9100, "not a Multipart/Related message");
    if (!mime_param(value, "boundary", &text) || text.len == 0 || text.len > BOUNDARY_MAX)
        return error_set(err, ST_INVALID, 9100, "no usable MIME boundary");
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f)
            return error_set(err, ST_INVALID, 9100, "a blank in the MIME boundary");
    bytes = arena_alloc(r->arena, text.len + 4);
    TRY_ALLOC(bytes, err);
    memcpy(bytes, "\r\n--", 4);
    memcpy(bytes + 4, text.ptr, text.len);
    r->boundary = span_of(bytes, text.len + 4);
    return ST_OK;
}

static enum status message_header_read(struct mime_reader *r, struct error *err)
{
    uint8_t text[MIME_LINE_MAX];
    struct span header, value;
    unsigned count = 0;

    for (;;) {
        TRY(folded_read(r, text, &header, err));
        if (header.len == 0)
            break;
        if (++count > MIME_HEADERS_MAX)
            return error_set(err, ST_INVALID, 9100, "too many MIME headers");
        if (memchr(header.ptr, ':', header.len) == NULL)
            return error_set(err, ST_INVALID, 9100, "no MIME message");
        if (header_is(header, "MIME-Version", &value) && !span_is(value, "1.0"))
            return error_set(err, ST_INVALID, 9100, "an unknown MIME version");
        if (header_is(header, "Content-Type", &value)) {
            if (r->boundary.len > 0)
                return error_set(err, ST_INVALID, 9100, "two Content-Type headers");
            TRY(boundary_set(r, value, err));
        }
    }
    if (r->boundary.len == 0)
        return error_set(err, ST_INVALID, 9100, "no MIME message");
    return ST_OK;
}

static enum status empty_lines_skip(struct mime_reader *r, struct error *err)
{
    for (;;) {
        TRY(want(r, crlf.len, err));
        if (!span_starts(ahead(r), crlf))
            return ST_OK;
        consume(r, crlf.len);
    }
}

/* ---- boundaries ---- */

/*
 * Does a boundary stand at offset in the window? Its own CRLF is not looked at when bare. *len is
 * how many bytes belong to it, *last whether it is the closing one.
 */
static bool boundary_here(const struct mime_reader *r, size_t offset, bool bare, size_t *len,
                          bool *last)
{
    struct span mark = span_from(r->boundary, bare ? crlf.len : 0);
    struct span rest = span_of(r->window + offset, r->filled - offset);
    size_t blanks = 0;

    if (!span_starts(rest, mark))
        return false;
    rest = span_from(rest, mark.len);
    if (span_starts(rest, dashes)) {
        *len = mark.len + dashes.len;
        *last = true;
        return true;
    }
    while (blanks < rest.len && blanks < BLANKS_MAX &&
           (rest.ptr[blanks] == ' ' || rest.ptr[blanks] == '\t'))
        blanks++;
    *len = mark.len + blanks + crlf.len;
    *last = false;
    return span_starts(span_from(rest, blanks), crlf);
}

/* Looks for the end of the part: sets clear and at_boundary. */
static void boundary_search(struct mime_reader *r)
{
    size_t margin = r->boundary.len + BLANKS_MAX + crlf.len;
    size_t from = r->from;

    r->at_boundary = false;
    r->clear = r->eof || r->filled - r->from <= margin ? r->filled : r->filled - margin;
    while (from < r->clear) {
        size_t hit = span_find(span_of(r->window + from, r->filled - from), r->boundary);
        size_t len;
        bool last;

        if (hit == SIZE_MAX || from + hit >= r->clear)
            return; /* nothing, or too near the end to tell: once more with more bytes */
        if (boundary_here(r, from + hit, false, &len, &last)) {
            r->clear = from + hit;
            r->at_boundary = true;
            return;
        }
        from += hit + 1;
    }
}

/* ---- parts ---- */

static enum status encoding_set(const struct mime_reader *r, struct mime_part *part,
                                struct span value, struct error *err)
{
    static const char *const plain[] = {"8bit", "8-bit", "binary", "7bit", "7-bit"};

    if (span_eq_nocase(value, SPAN("base64"))) {
        part->base64 = true;
        return ST_OK;
    }
    if (r->bare_parts && span_eq_nocase(value, SPAN("quoted-printable"))) {
        part->quoted = true;
        return ST_OK;
    }
    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        if (span_eq_nocase(value, span_str(plain[i])))
            return ST_OK;
    return error_set(err, ST_INVALID, 9100, "an unknown transfer encoding");
}

static enum status header_take(struct mime_reader *r, struct mime_part *part, struct span header,
                               struct error *err)
{
    struct span value;

    if (memchr(header.ptr, ':', header.len) == NULL)
        return error_set(err, ST_INVALID, 9100, "a MIME header without a colon");
    if (header_is(header, "Content-ID", &value)) {
        if (value.len >= 2 && value.ptr[0] == '<' && value.ptr[value.len - 1] == '>')
            value = span_sub(value, 1, value.len - 2);
        if (part->content_id.len > 0)
            return error_set(err, ST_INVALID, 9100, "two Content-ID headers at one part");
        part->content_id = arena_span(r->arena, value);
        TRY_ALLOC(part->content_id.ptr, err);
    } else if (header_is(header, "Content-Type", &value)) {
        if (part->content_type.len > 0)
            return error_set(err, ST_INVALID, 9100, "two Content-Type headers at one part");
        part->content_type = arena_span(r->arena, value);
        TRY_ALLOC(part->content_type.ptr, err);
    } else if (header_is(header, "Content-Transfer-Encoding", &value)) {
        TRY(encoding_set(r, part, value, err));
    }
    return ST_OK;
}

static enum status part_check(const struct mime_reader *r, struct mime_part *part,
                              struct error *err)
{
    struct span charset;

    if (part->content_id.len == 0 && !r->bare_parts)
        return error_set(err, ST_INVALID, 9100, "a MIME part without Content-ID");
    if (part->content_type.len == 0 && !r->bare_parts)
        return error_set(err, ST_INVALID, 9100, "a MIME part without Content-Type");
    if (r->parts == 1 && !r->bare_parts && mime_param(part->content_type, "charset", &charset) &&
        !span_eq_nocase(charset, SPAN("utf-8")))
        return error_set(err, ST_INVALID, 9100, "the XML part's charset is not UTF-8");
    if (span_eq_nocase(mime_type(part->content_type), SPAN("text/base64")))
        part->base64 = true;
    if (part->content_id.len == 0)
        return ST_OK;
    for (const struct mime_part *p = part->before; p != NULL; p = p->before)
        if (span_eq(p->content_id, part->content_id))
            return error_set(err, ST_INVALID, 9100, "two MIME parts with the same Content-ID");
    return ST_OK;
}

static enum status part_begin(struct mime_reader *r, struct error *err)
{
    struct mime_part *part = arena_alloc(r->arena, sizeof *part);
    uint8_t text[MIME_LINE_MAX];
    struct span header;
    unsigned count = 0;

    TRY_ALLOC(part, err);
    if (++r->parts > MIME_PARTS_MAX)
        return error_set(err, ST_LIMIT, 9100, "more than %d MIME parts", MIME_PARTS_MAX);
    for (;;) {
        TRY(folded_read(r, text, &header, err));
        if (header.len == 0)
            break;
        if (++count > MIME_HEADERS_MAX)
            return error_set(err, ST_INVALID, 9100, "too many MIME headers");
        TRY(header_take(r, part, header, err));
    }
    part->before = r->part;
    TRY(part_check(r, part, err));
    part->offset = r->at;
    r->part = part;
    r->in_part = true;
    r->at_boundary = false;
    r->clear = r->from;
    return ST_OK;
}

static enum status window_open(struct mime_reader *r, struct source *source, struct arena *arena,
                               struct error *err)
{
    size_t cap = source->len < WINDOW_BYTES ? (size_t)source->len + 1 : WINDOW_BYTES;

    *r = (struct mime_reader){.source = source, .arena = arena, .cap = cap};
    r->window = arena_alloc(arena, cap);
    TRY_ALLOC(r->window, err);
    return empty_lines_skip(r, err);
}

/* RFC 2046, 5.1.1: text for readers that know no MIME. It has to fit into the window. */
static enum status preamble_skip(struct mime_reader *r, struct error *err)
{
    size_t len, hit;
    bool last;

    TRY(want(r, r->cap, err));
    while (!boundary_here(r, r->from, true, &len, &last)) {
        hit = span_find(ahead(r), r->boundary);
        if (hit == SIZE_MAX)
            return ST_OK; /* and the caller finds no boundary */
        consume(r, hit + crlf.len);
    }
    return ST_OK;
}

static enum status first_boundary(struct mime_reader *r, struct error *err)
{
    size_t len;

    TRY(empty_lines_skip(r, err));
    TRY(want(r, r->boundary.len + BLANKS_MAX + crlf.len, err));
    if (r->bare_parts)
        TRY(preamble_skip(r, err));
    if (!boundary_here(r, r->from, true, &len, &r->last))
        return error_set(err, ST_INVALID, 9100, "text before the first MIME boundary");
    consume(r, len);
    return ST_OK;
}

enum status mime_reader_init(struct mime_reader *r, struct source *source, struct arena *arena,
                             struct error *err)
{
    TRY(window_open(r, source, arena, err));
    TRY(message_header_read(r, err));
    return first_boundary(r, err);
}

enum status mime_reader_init_http(struct mime_reader *r, struct source *source,
                                  struct span content_type, struct arena *arena, struct error *err)
{
    TRY(window_open(r, source, arena, err));
    r->bare_parts = true;
    TRY(boundary_set(r, content_type, err));
    return first_boundary(r, err);
}

/* True when the part has no bytes at all and the CRLF of its header is that of the boundary. */
static bool part_is_bare(struct mime_reader *r)
{
    size_t len;
    bool last;

    return r->at == r->part->offset && boundary_here(r, r->from, true, &len, &last);
}

enum status mime_reader_piece(struct mime_reader *r, struct span *piece, struct error *err)
{
    assert(r->part != NULL);
    *piece = SPAN_NONE;
    if (!r->in_part)
        return ST_OK;
    if (r->from == r->clear && !r->at_boundary) {
        TRY(want(r, r->cap, err));
        if (part_is_bare(r)) {
            r->clear = r->from;
            r->in_part = false;
            return ST_OK;
        }
        boundary_search(r);
        if (r->eof && !r->at_boundary)
            return error_set(err, ST_INVALID, 9100, "the message ends before its last boundary");
    }
    *piece = span_of(r->window + r->from, r->clear - r->from);
    consume(r, piece->len);
    r->part->len += piece->len;
    if (piece->len == 0)
        r->in_part = false;
    return ST_OK;
}

enum status mime_reader_next(struct mime_reader *r, struct mime_part **part, struct error *err)
{
    size_t len;

    if (r->part != NULL && !r->last) {
        struct span piece;

        do
            TRY(mime_reader_piece(r, &piece, err));
        while (piece.len > 0);
        if (!boundary_here(r, r->from, !r->at_boundary, &len, &r->last))
            return error_set(err, ST_INVALID, 9100, "no MIME boundary after a part");
        consume(r, len);
    }
    *part = NULL;
    if (r->last)
        return ST_OK;
    TRY(part_begin(r, err));
    *part = r->part;
    return ST_OK;
}

/* ---- base64 ---- */

enum { SKIP = 64, PAD = 65, BAD = 66 };

static unsigned base64_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - (unsigned)'A';
    if (c >= 'a' && c <= 'z')
        return c - (unsigned)'a' + 26;
    if (c >= '0' && c <= '9')
        return c - (unsigned)'0' + 52;
    switch (c) {
    case '+':
        return 62;
    case '/':
        return 63;
    case '=':
        return PAD;
    case ' ':
    case '\t':
    case '\r':
    case '\n':
        return SKIP;
    default:
        return BAD;
    }
}

enum status mime_base64_push(struct mime_base64 *b, struct span text, struct buf *out,
                             struct error *err)
{
    size_t room = text.len / 4 * 3 + 6, used = 0;
    uint8_t *to = buf_grow(out, room);

    TRY(buf_check(out, err));
    for (size_t i = 0; i < text.len; i++) {
        unsigned v = base64_value(text.ptr[i]);

        if (v == SKIP)
            continue;
        if (v == BAD || (b->pad > 0 && (v != PAD || b->count == 0)) || (v == PAD && b->count < 2)) {
            out->len -= room;
            return error_set(err, ST_INVALID, 9100, "a part in base64 that is none");
        }
        b->pad += v == PAD;
        b->value = b->value << 6 | (v & 63U);
        if (++b->count < 4)
            continue;
        for (unsigned k = 0; k < 3 - b->pad; k++)
            to[used++] = (uint8_t)(b->value >> (16 - 8 * k));
        b->value = 0;
        b->count = 0;
    }
    out->len -= room - used;
    return ST_OK;
}

enum status mime_base64_finish(const struct mime_base64 *b, struct error *err)
{
    if (b->count != 0)
        return error_set(err, ST_INVALID, 9100, "a part in base64 that is cut off");
    return ST_OK;
}

/* ---- into base64 ---- */

uint64_t mime_base64_len(uint64_t len)
{
    const uint64_t line = sizeof((struct mime_base64_sink *)NULL)->line;

    return len == 0 ? 0 : (len + 2) / 3 * 4 + (len - 1) / line * 2;
}

static enum status line_write(struct mime_base64_sink *s, struct error *err)
{
    AUTO(buf_deinit) struct buf text = {0};

    buf_init(&text, 128);
    buf_str(&text, s->begun ? "\r\n" : "");
    buf_base64(&text, span_of(s->line, s->held), 0);
    TRY(buf_check(&text, err));
    s->begun = true;
    s->held = 0;
    return sink_write(s->next, buf_span(&text), err);
}

static enum status base64_write(struct sink *self, struct span bytes, struct error *err)
{
    struct mime_base64_sink *s = (struct mime_base64_sink *)self;

    while (bytes.len > 0) {
        size_t n = sizeof s->line - s->held;

        if (s->held == sizeof s->line) {
            TRY(line_write(s, err));
            continue;
        }
        if (n > bytes.len)
            n = bytes.len;
        memcpy(s->line + s->held, bytes.ptr, n);
        s->held += n;
        bytes = span_from(bytes, n);
    }
    return ST_OK;
}

void mime_base64_sink_init(struct mime_base64_sink *sink)
{
    *sink = (struct mime_base64_sink){.base.write = base64_write};
}

enum status mime_base64_sink_finish(struct mime_base64_sink *sink, struct error *err)
{
    return sink->held > 0 ? line_write(sink, err) : ST_OK;
}

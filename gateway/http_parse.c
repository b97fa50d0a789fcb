#include "gateway/http_parse.h"

#include <assert.h>
#include <stdio.h>

static enum status refuse(struct gw_http_parse *p, enum status st, int http, const char *text)
{
    p->st = error_set(p->err, st, http, "%s", text);
    return p->st;
}

static bool is_token_char(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_token_char(s.ptr[i]))
            return false;
    return s.len > 0;
}

/* No control characters but the tab. */
static bool is_value(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((s.ptr[i] < 0x20 && s.ptr[i] != '\t') || s.ptr[i] == 0x7f)
            return false;
    return true;
}

static bool is_target(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= 0x20 || s.ptr[i] >= 0x7f || s.ptr[i] == '#')
            return false;
    return s.len > 0;
}

/* host, host:port, [v6]:port; names are not resolved, so their characters are all we look at. */
static bool is_host(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_token_char(s.ptr[i]) && strchr(":[]", s.ptr[i]) == NULL)
            return false;
    return true;
}

/*
 * http_parser is lenient about line ends and folded lines, and other programs on the way may be
 * lenient in another way; so the head's raw bytes are looked at first.
 */
static enum status head_scan(struct gw_http_parse *p, struct span bytes)
{
    for (size_t i = 0; i < bytes.len && !p->head_done; i++) {
        uint8_t c = bytes.ptr[i];

        if (++p->head_bytes > GW_HTTP_HEAD_BYTES)
            return refuse(p, ST_LIMIT, 431, "the request's head is too large");
        if ((c == '\n') != (p->line_last == '\r'))
            return refuse(p, ST_INVALID, 400, "a CR or LF that ends no line in the head");
        if (c == '\0')
            return refuse(p, ST_INVALID, 400, "a NUL in the head");
        if ((c == ' ' || c == '\t') && p->line_last == '\n')
            return refuse(p, ST_INVALID, 400, "a folded or indented line in the head");
        if (c == '\n') {
            p->head_done = p->line_empty && p->in_message;
            p->line_empty = true;
        } else if (c != '\r') {
            p->line_empty = false;
            p->in_message = true;
        }
        p->line_last = c;
    }
    return ST_OK;
}

static void message_reset(struct gw_http_parse *p)
{
    buf_reset(&p->raw);
    p->target_len = p->mark_count = p->head_bytes = 0;
    p->line_last = '\n';
    p->line_empty = true;
    p->head_done = p->in_value = p->in_message = false;
}

static int raw_add(struct gw_http_parse *p, const char *at, size_t len)
{
    if (p->st != ST_OK)
        return 1;
    buf_add(&p->raw, span_of(at, len));
    if (buf_check(&p->raw, p->err) == ST_OK)
        return 0;
    (void)refuse(p, ST_LIMIT, 431, "the request's head is too large");
    return 1;
}

static int on_url(http_parser *parser, const char *at, size_t len)
{
    struct gw_http_parse *p = parser->data;

    p->target_len += len;
    if (p->target_len > GW_HTTP_TARGET_BYTES) {
        (void)refuse(p, ST_LIMIT, 414, "the request's target is too long");
        return 1;
    }
    return raw_add(p, at, len);
}

/* After the last chunk there may be trailers; nobody here needs them, so they are only counted. */
static int trailer(struct gw_http_parse *p, size_t len)
{
    p->head_bytes += len;
    if (p->head_bytes <= 2 * GW_HTTP_HEAD_BYTES)
        return 0;
    (void)refuse(p, ST_LIMIT, 431, "the request's trailers are too large");
    return 1;
}

static int on_name(http_parser *parser, const char *at, size_t len)
{
    struct gw_http_parse *p = parser->data;
    struct gw_http_mark *mark;

    if (p->head_seen)
        return trailer(p, len);
    if (p->mark_count == 0 || p->in_value) {
        if (p->mark_count == GW_HTTP_FIELDS_MAX) {
            (void)refuse(p, ST_LIMIT, 431, "too many fields in the request's head");
            return 1;
        }
        mark = &p->marks[p->mark_count++];
        *mark = (struct gw_http_mark){.name = (uint32_t)p->raw.len};
        p->in_value = false;
    }
    mark = &p->marks[p->mark_count - 1];
    mark->name_len += (uint32_t)len;
    return raw_add(p, at, len);
}

static int on_value(http_parser *parser, const char *at, size_t len)
{
    struct gw_http_parse *p = parser->data;
    struct gw_http_mark *mark;

    if (p->head_seen)
        return trailer(p, len);
    mark = &p->marks[p->mark_count - 1];
    if (!p->in_value) {
        mark->value = (uint32_t)p->raw.len;
        p->in_value = true;
    }
    mark->value_len += (uint32_t)len;
    return raw_add(p, at, len);
}

static enum gw_http_method method_of(enum http_method method)
{
    switch (method) {
    case HTTP_GET:
        return GW_HTTP_GET;
    case HTTP_HEAD:
        return GW_HTTP_HEAD;
    case HTTP_POST:
        return GW_HTTP_POST;
    case HTTP_PUT:
        return GW_HTTP_PUT;
    case HTTP_DELETE:
        return GW_HTTP_DELETE;
    case HTTP_OPTIONS:
        return GW_HTTP_OPTIONS;
    default:
        return GW_HTTP_OTHER;
    }
}

/* Origin form, or the path of an absolute form; RFC 9112, 3.2. */
static enum status target_read(struct gw_http_parse *p)
{
    struct gw_http_head *head = &p->head;
    struct span path = head->target;
    size_t question;

    if (!is_target(head->target))
        return refuse(p, ST_INVALID, 400, "a character that a request target must not have");
    if (head->target.ptr[0] != '/' &&
        !(head->method == GW_HTTP_OPTIONS && span_is(head->target, "*"))) {
        struct http_parser_url url;

        http_parser_url_init(&url);
        if (http_parser_parse_url((const char *)path.ptr, path.len, 0, &url) != 0 ||
            (url.field_set & (1U << UF_HOST)) == 0)
            return refuse(p, ST_INVALID, 400, "a request target without a path");
        path = (url.field_set & (1U << UF_PATH)) != 0 ? span_from(path, url.field_data[UF_PATH].off)
                                                      : SPAN("/");
    }
    question = span_find(path, SPAN("?"));
    head->path = question == SIZE_MAX ? path : span_sub(path, 0, question);
    head->query = question == SIZE_MAX ? SPAN_NONE : span_from(path, question + 1);
    return ST_OK;
}

static enum status fields_read(struct gw_http_parse *p)
{
    for (size_t i = 0; i < p->mark_count; i++) {
        const struct gw_http_mark *mark = &p->marks[i];
        struct gw_http_field *field = &p->head.fields[i];

        field->name = span_sub(buf_span(&p->raw), mark->name, mark->name_len);
        field->value = span_trim(span_sub(buf_span(&p->raw), mark->value, mark->value_len));
        if (!is_token(field->name))
            return refuse(p, ST_INVALID, 400, "a broken field name");
        if (!is_value(field->value))
            return refuse(p, ST_INVALID, 400, "a control character in a field");
    }
    p->head.field_count = p->mark_count;
    return ST_OK;
}

static size_t field_count(const struct gw_http_head *head, const char *name, struct span *value)
{
    size_t count = 0;

    *value = SPAN_NONE;
    for (size_t i = 0; i < head->field_count; i++)
        if (span_eq_nocase(head->fields[i].name, span_str(name)) && count++ == 0)
            *value = head->fields[i].value;
    return count;
}

/* RFC 9112, 6.3, in its strictest reading: one way only to say how long the body is. */
static enum status framing_read(struct gw_http_parse *p)
{
    struct gw_http_head *head = &p->head;
    struct span length, coding;
    size_t lengths = field_count(head, "content-length", &length);
    size_t codings = field_count(head, "transfer-encoding", &coding);

    head->body_len = 0;
    if (lengths + codings > 1)
        return refuse(p, ST_INVALID, 400, "more than one statement of the body's length");
    if (lengths == 1 && (!span_to_u64(length, &head->body_len) || head->body_len > INT64_MAX))
        return refuse(p, ST_INVALID, 400, "a Content-Length that is not a number");
    if (codings == 1) {
        if (!span_eq_nocase(coding, SPAN("chunked")))
            return refuse(p, ST_INVALID, 501, "a Transfer-Encoding other than chunked");
        if (head->minor == 0)
            return refuse(p, ST_INVALID, 400, "Transfer-Encoding in HTTP/1.0");
        head->body_len = GW_HTTP_CHUNKED;
    }
    return ST_OK;
}

static enum status head_read(struct gw_http_parse *p)
{
    struct gw_http_head *head = &p->head;
    const char *method = http_method_str((enum http_method)p->parser.method);
    struct span host, expect;
    size_t hosts;

    *head = (struct gw_http_head){.minor = p->parser.http_minor};
    if (p->parser.http_major != 1 || p->parser.http_minor > 1)
        return refuse(p, ST_INVALID, 505, "an HTTP version other than 1.0 and 1.1");
    if (p->parser.method == HTTP_CONNECT)
        return refuse(p, ST_INVALID, 501, "CONNECT is for proxies");
    head->method = method_of((enum http_method)p->parser.method);
    head->method_name = span_str(method);
    head->target = span_sub(buf_span(&p->raw), 0, p->target_len);
    TRY(target_read(p));
    TRY(fields_read(p));
    hosts = field_count(head, "host", &host);
    if (hosts > 1 || (hosts == 0 && head->minor == 1) || !is_host(host))
        return refuse(p, ST_INVALID, 400, "not exactly one sound Host field");
    TRY(framing_read(p));
    if (field_count(head, "expect", &expect) > 0 && head->minor == 1) {
        if (!span_eq_nocase(expect, SPAN("100-continue")))
            return refuse(p, ST_INVALID, 417, "an expectation other than 100-continue");
        head->expect_continue = head->body_len > 0;
    }
    head->keep_alive = http_should_keep_alive(&p->parser) != 0;
    return ST_OK;
}

static int on_headers_complete(http_parser *parser)
{
    struct gw_http_parse *p = parser->data;

    if (p->st != ST_OK || head_read(p) != ST_OK)
        return -1;
    parser->upgrade = 0; /* an Upgrade we do not follow is just a field */
    p->head_seen = true;
    p->head_bytes = GW_HTTP_HEAD_BYTES;
    p->st = p->events->head(p->ctx, &p->head, p->err);
    return p->st == ST_OK ? 0 : -1;
}

static int on_body(http_parser *parser, const char *at, size_t len)
{
    struct gw_http_parse *p = parser->data;

    p->st = p->events->body(p->ctx, span_of(at, len), p->err);
    return p->st == ST_OK ? 0 : 1;
}

static int on_message_complete(http_parser *parser)
{
    struct gw_http_parse *p = parser->data;

    p->ended = true;
    http_parser_pause(parser, 1);
    return 0;
}

static const http_parser_settings settings = {
    .on_url = on_url,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

void gw_http_parse_init(struct gw_http_parse *p, const struct gw_http_parse_events *events,
                        void *ctx)
{
    *p = (struct gw_http_parse){.events = events, .ctx = ctx};
    http_parser_init(&p->parser, HTTP_REQUEST);
    p->parser.data = p;
    buf_init(&p->raw, GW_HTTP_HEAD_BYTES);
    message_reset(p);
}

void gw_http_parse_deinit(struct gw_http_parse *p)
{
    buf_deinit(&p->raw);
}

static enum status parser_error(struct gw_http_parse *p, enum http_errno error)
{
    if (p->st != ST_OK)
        return p->st; /* a callback's own */
    if (error == HPE_HEADER_OVERFLOW)
        return refuse(p, ST_LIMIT, 431, "the request's head is too large");
    if (error == HPE_INVALID_VERSION)
        return refuse(p, ST_INVALID, 505, "an HTTP version that does not exist");
    p->st = error_set(p->err, ST_INVALID, 400, "not HTTP: %s", http_errno_description(error));
    return p->st;
}

enum status gw_http_parse_feed(struct gw_http_parse *p, struct span bytes, size_t *used,
                               struct error *err)
{
    enum http_errno error;

    *used = 0;
    p->err = err;
    if (p->st != ST_OK)
        return error_set(err, ST_INVALID, 400, "the connection is broken already");
    if (bytes.len == 0)
        return ST_OK;
    if (p->ended) {
        p->ended = false;
        p->head_seen = false;
        message_reset(p);
        http_parser_pause(&p->parser, 0);
    }
    TRY(head_scan(p, bytes));
    *used = http_parser_execute(&p->parser, &settings, (const char *)bytes.ptr, bytes.len);
    error = HTTP_PARSER_ERRNO(&p->parser);
    if (p->st != ST_OK || (error != HPE_OK && error != HPE_PAUSED))
        return parser_error(p, error);
    if (p->ended) {
        p->in_message = false;
        p->st = p->events->end(p->ctx, err);
    }
    return p->st;
}

struct span gw_http_head_field(const struct gw_http_head *head, const char *name)
{
    struct span value;

    (void)field_count(head, name, &value);
    return value;
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum status gw_http_decode(struct span text, bool plus, struct buf *out, struct error *err)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];

        if (c == '%') {
            int high = i + 2 < text.len ? hex_value(text.ptr[i + 1]) : -1;
            int low = high < 0 ? -1 : hex_value(text.ptr[i + 2]);

            if (low < 0 || (high | low) == 0)
                return error_set(err, ST_INVALID, 400, "a broken percent escape");
            c = (uint8_t)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        buf_char(out, (char)c);
    }
    return buf_check(out, err);
}

enum status gw_http_query(const struct gw_http_head *head, const char *name, struct buf *out,
                          struct error *err)
{
    struct span rest = head->query, pair, key;

    while (span_split(&rest, '&', &pair)) {
        if (!span_split(&pair, '=', &key) || !span_is(key, name))
            continue;
        return gw_http_decode(pair, true, out, err);
    }
    return error_set(err, ST_NOT_FOUND, 0, "no parameter %s", name);
}

const char *gw_http_reason(int status)
{
    switch (status) {
#define XX(num, name, string)                                                                      \
    case num:                                                                                      \
        return #string;
        HTTP_STATUS_MAP(XX)
#undef XX
    default:
        return "Unknown";
    }
}

/*
 * gateway/http_parse.h - HTTP/1.x requests from bytes, without any I/O
 *
 * http_parser does the grammar; this module adds bounds and refuses what two programs could read
 * differently (request smuggling): Content-Length twice or beside Transfer-Encoding, any coding but
 * "chunked", folded lines, bare CR or LF in the head, blanks in field names, HTTP/1.1 without
 * exactly one Host. Fed with bytes, it calls back with the head, the body's pieces and the end, and
 * stops there, so that a pipelined request waits for its turn.
 *
 * Source: RFC 9110, RFC 9112.
 */
#pragma once

#include <http_parser.h>

#include "crypto/base/buf.h"

enum {
    GW_HTTP_HEAD_BYTES = 32 * 1024, /* request line and fields, and once more for trailers */
    GW_HTTP_FIELDS_MAX = 100,
    GW_HTTP_TARGET_BYTES = 8 * 1024,
};

enum gw_http_method {
    GW_HTTP_GET,
    GW_HTTP_HEAD,
    GW_HTTP_POST,
    GW_HTTP_PUT,
    GW_HTTP_DELETE,
    GW_HTTP_OPTIONS,
    GW_HTTP_OTHER,
};

struct gw_http_field {
    struct span name, value;
};

/* All spans live in the parser, until the next request. */
struct gw_http_head {
    enum gw_http_method method;
    struct span method_name;
    struct span target;      /* as sent */
    struct span path, query; /* undecoded; query without "?", its ptr NULL when there is none */
    struct gw_http_field fields[GW_HTTP_FIELDS_MAX];
    size_t field_count;
    uint64_t body_len; /* 0: none; GW_HTTP_CHUNKED: as much as comes */
    bool keep_alive, expect_continue;
    int minor; /* HTTP/1.minor */
};
#define GW_HTTP_CHUNKED UINT64_MAX

struct gw_http_parse_events {
    /* In this order; a status other than ST_OK breaks off and comes back from the feed. */
    enum status (*head)(void *ctx, const struct gw_http_head *head, struct error *err);
    enum status (*body)(void *ctx, struct span bytes, struct error *err);
    enum status (*end)(void *ctx, struct error *err);
};

/* One pair of offsets into raw; private. */
struct gw_http_mark {
    uint32_t name, name_len, value, value_len;
};

/* Private apart from head and in_message. */
struct gw_http_parse {
    struct http_parser parser;
    const struct gw_http_parse_events *events;
    void *ctx;
    struct gw_http_head head;
    bool in_message; /* bytes of a request have come, its end has not */
    struct buf raw;  /* target, names and values one behind the other */
    struct gw_http_mark marks[GW_HTTP_FIELDS_MAX];
    size_t target_len, mark_count, head_bytes;
    uint8_t line_last;
    bool line_empty, head_done, head_seen, ended, in_value;
    enum status st;
    struct error *err;
};

/* events and ctx are borrowed for the parser's life. */
void gw_http_parse_init(struct gw_http_parse *p, const struct gw_http_parse_events *events,
                        void *ctx);
void gw_http_parse_deinit(struct gw_http_parse *p);
/*
 * Takes bytes up to the end of the present request at most; *used says how many. After the end it
 * takes the next request. ST_INVALID or ST_LIMIT with the HTTP status to answer as the reason (400,
 * 414, 417, 431, 501, 505); nothing more can be read then. Callbacks' failures pass through.
 */
MUST_CHECK enum status gw_http_parse_feed(struct gw_http_parse *p, struct span bytes, size_t *used,
                                          struct error *err);

/* The first field of that name, in any case; ptr NULL: there is none. */
struct span gw_http_head_field(const struct gw_http_head *head, const char *name);
/*
 * The decoded value of a query parameter at the end of out. ST_NOT_FOUND; ST_INVALID, reason 400: a
 * broken percent escape or an encoded NUL.
 */
MUST_CHECK enum status gw_http_query(const struct gw_http_head *head, const char *name,
                                     struct buf *out, struct error *err);
/* Percent decoding alone; plus: "+" is a blank. */
MUST_CHECK enum status gw_http_decode(struct span text, bool plus, struct buf *out,
                                      struct error *err);
/* "Not Found" and the like; "Unknown" otherwise. */
const char *gw_http_reason(int status);

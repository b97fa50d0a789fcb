/*
 * gateway/http_range.h - which part of a file a GET wants, and whether it wants it at all
 *
 * A file of the store never changes, so its SHA-256 is a strong entity tag. A client that has it
 * already (If-None-Match) is told so; one that lost its connection asks for the rest (Range, with
 * If-Range to be sure that it is the rest of the same). One range is served; several at once, other
 * units and ranges nobody can read are answered with the whole file, as RFC 9110 allows.
 *
 * Source: RFC 9110, 13.1, 14.2.
 */
#pragma once

#include "gateway/http_parse.h"

enum gw_http_portion_kind {
    GW_PORTION_WHOLE,     /* 200 */
    GW_PORTION_RANGE,     /* 206 */
    GW_PORTION_UNCHANGED, /* 304: the client has it */
    GW_PORTION_OTHER,     /* 412: If-Match names another file */
    GW_PORTION_OUTSIDE,   /* 416: the range begins behind the end */
};

struct gw_http_portion {
    enum gw_http_portion_kind kind;
    uint64_t first, len; /* of WHOLE and RANGE */
};

/* etag with its quotes; file_len in bytes. */
struct gw_http_portion gw_http_portion_of(const struct gw_http_head *head, struct span etag,
                                          uint64_t file_len);

/*
 * gateway/multipart.h - multipart/form-data bodies, read once from front to back
 *
 * The reader goes through a source in a window of fixed size and hands out one part after the
 * other, so a part may be larger than memory. What two programs could read differently is refused
 * (text before the first boundary, a boundary with something behind it, folded or repeated fields,
 * a transfer encoding, a body without its closing boundary); what follows the end is passed over.
 *
 *   init --next--> part --read--> part's bytes in a sink --next--> ... --next--> no more
 *
 * File names: quotes and line ends come as \" or %22, %0D, %0A; everything else stands as it is.
 *
 * Errors: ST_INVALID, reason GW_R_API_BAD_REQUEST, for what breaks the form. Failures of source and
 * sink pass through.
 *
 * Source: RFC 7578; RFC 2046, 5.1.
 */
#pragma once

#include "crypto/base/io.h"

enum {
    GW_BOUNDARY_MAX = 70,
    GW_PART_HEAD_MAX = 8 * 1024,
    GW_PART_FIELDS_MAX = 16,
    GW_PART_VALUE_MAX = 1024, /* name, file name, content type */
};

struct gw_multipart_part {
    char name[GW_PART_VALUE_MAX + 1];
    char filename[GW_PART_VALUE_MAX + 1]; /* any bytes but NUL; empty when there is none */
    char content_type[GW_PART_VALUE_MAX + 1];
};

/* Private apart from part. */
struct gw_multipart {
    struct source *from;
    uint64_t at;     /* what was read of it */
    uint8_t *window; /* window[begin..end) waits to be looked at */
    size_t begin, end;
    char mark[4 + GW_BOUNDARY_MAX]; /* CRLF, "--" and the boundary */
    size_t mark_len;
    bool in_part, ended;
    struct gw_multipart_part part;
};

/* content_type: of the request. from is borrowed until deinit. ST_INVALID: another type, or no
 * usable boundary. */
MUST_CHECK enum status gw_multipart_init(struct gw_multipart *m, struct span content_type,
                                         struct source *from, struct error *err);
void gw_multipart_deinit(struct gw_multipart *m); /* for AUTO too; zeroed is fine */
/* The next part is in m->part, if *more; what was left of the one before is passed over. */
MUST_CHECK enum status gw_multipart_next(struct gw_multipart *m, bool *more, struct error *err);
/* The part's bytes. ST_LIMIT, reason GW_R_API_TOO_LARGE: more than max. */
MUST_CHECK enum status gw_multipart_read(struct gw_multipart *m, struct sink *to, uint64_t max,
                                         struct error *err);

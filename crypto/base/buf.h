/*
 * crypto/base/buf.h - bytes we own, growing up to a limit
 *
 * A buf remembers its first failure, so a writer appends freely and checks once at the end with
 * buf_check. After a failure appends do nothing. The content may hold secrets: buf_deinit_secret
 * wipes it first.
 */
#pragma once

#include <stdarg.h>

#include "crypto/base/error.h"
#include "crypto/base/span.h"

struct buf {
    uint8_t *ptr; /* NULL while empty */
    size_t len, cap, max;
    bool failed, starved; /* for want of memory */
};

/* max: the most bytes it will ever hold. Nothing is allocated yet. */
void buf_init(struct buf *b, size_t max);
void buf_deinit(struct buf *b);        /* for AUTO too; a zeroed buf is fine */
void buf_deinit_secret(struct buf *b); /* wipes, then frees */
void buf_reset(struct buf *b);         /* empty again, memory and limit kept, failure forgotten */

void buf_add(struct buf *b, struct span s);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* XML character data: & < > and CR escaped as canonical XML does. */
void buf_xml_text(struct buf *b, struct span s);
/* XML attribute value: & < " TAB LF CR escaped as canonical XML does. */
void buf_xml_attr(struct buf *b, struct span s);
/* Base64; line: characters a line, ended by LF, the last without; 0: one line. line % 4 == 0. */
void buf_base64(struct buf *b, struct span s, size_t line);
/* Lower-case hexadecimal. */
void buf_hex(struct buf *b, struct span s);
/* Decodes base64, white space anywhere, padding demanded; ST_INVALID otherwise. While it decodes it
 * takes room for text.len / 4 * 3 + 3 bytes, and the limit holds for them. */
MUST_CHECK enum status buf_base64_decode(struct buf *b, struct span text, struct error *err);
/* Room for len more bytes at the end, to be filled by the caller; NULL after a failure. */
uint8_t *buf_grow(struct buf *b, size_t len);

static inline struct span buf_span(const struct buf *b)
{
    return (struct span){b->ptr, b->len};
}

/* ST_OK, or ST_LIMIT when an append failed: memory (err->starved), or the limit. */
MUST_CHECK enum status buf_check(const struct buf *b, struct error *err);
/* A NUL-terminated view; "" while empty. Adds the NUL behind the content without counting it. */
const char *buf_cstr(struct buf *b);

/*
 * crypto/base/mime.h - messages of several parts: Multipart/Related
 *
 * An OSCI message has its MIME header inside the HTTP body; first comes the XML, then attachments
 * or the enciphered part. An XTA message has it in the header of HTTP, and its parts stand in any
 * order. Parts end at the boundary, nowhere else: Content-Length is not to be trusted. The reader
 * goes through a source once, hands out each part's bytes as they stand on the wire and remembers
 * where they lie, so that large parts stay where they are.
 *
 * Taken: any boundary without blank, quoted or not; headers in any order and case, folded; empty
 * lines in front; anything after the last boundary. Refused: line ends other than CRLF, an unknown
 * transfer encoding, two parts with the same Content-ID; of OSCI also text before the first
 * boundary, a part without Content-ID or Content-Type, and a first part in another charset than
 * UTF-8.
 *
 * Source: OSCI 1.2 digest 7.4; wire-notes 3. XTA 2 digest 3.
 */
#pragma once

#include "crypto/base/arena.h"
#include "crypto/base/io.h"

enum { MIME_PARTS_MAX = 2000, MIME_LINE_MAX = 8192, MIME_HEADERS_MAX = 32 };

struct mime_part {
    struct span content_id;   /* without the angle brackets; empty when absent */
    struct span content_type; /* the value as it stands */
    bool base64;              /* transfer encoding base64, or type text/base64 */
    bool quoted;              /* quoted-printable; not in OSCI */
    uint64_t offset, len; /* in the source, as on the wire; len is set once it was read through */
    struct mime_part *before;
};

/* Zeroed is idle. The arena keeps headers and must outlive the parts; the source is borrowed. */
struct mime_reader {
    struct source *source;
    struct arena *arena;
    struct span boundary; /* CRLF, "--" and the boundary itself */
    uint8_t *window;      /* a look-ahead, in the arena */
    size_t cap, from, filled;
    uint64_t at; /* where window[from] lies in the source */
    bool eof;    /* the window reaches to the end of the source */
    bool in_part, last;
    bool bare_parts;  /* a part may lack Content-ID and Content-Type */
    bool at_boundary; /* the part's bytes end at window[clear] */
    size_t clear;     /* up to there the window holds the part's bytes */
    unsigned parts;
    struct mime_part *part;
};

/* Reads up to the first part. ST_INVALID 9100: no OSCI frame. */
MUST_CHECK enum status mime_reader_init(struct mime_reader *r, struct source *source,
                                        struct arena *arena, struct error *err);
/* The same for a source without MIME header, which is given here: the value of Content-Type. */
MUST_CHECK enum status mime_reader_init_http(struct mime_reader *r, struct source *source,
                                             struct span content_type, struct arena *arena,
                                             struct error *err);
/* The next part, NULL after the last; what was left of the one before is passed over. ST_INVALID
 * 9100: a header that does not fit, a second equal Content-ID, no closing boundary; ST_LIMIT 9100:
 * too many parts. */
MUST_CHECK enum status mime_reader_next(struct mime_reader *r, struct mime_part **part,
                                        struct error *err);
/* The next bytes of the current part as on the wire, however many lie ready; empty at its end. They
 * stand until the next call. ST_INVALID 9100: no closing boundary. */
MUST_CHECK enum status mime_reader_piece(struct mime_reader *r, struct span *piece,
                                         struct error *err);

/* The media type of a header's value, before the first ';'. */
struct span mime_type(struct span value);
/* The value of a parameter behind ';', quotes taken off. False when it is not there. */
bool mime_param(struct span value, const char *name, struct span *found);

/* Length of len octets in base64, in lines of 76 with CRLF between them. */
uint64_t mime_base64_len(uint64_t len);
/* Puts octets into that form as they pass by. */
struct mime_base64_sink {
    struct sink base;
    struct sink *next; /* borrowed; may be another one at each push */
    uint8_t line[57];
    size_t held;
    bool begun;
};
void mime_base64_sink_init(struct mime_base64_sink *sink);
/* The rest. */
MUST_CHECK enum status mime_base64_sink_finish(struct mime_base64_sink *sink, struct error *err);

/* Takes the base64 off bytes that pass by; zeroed is the start. */
struct mime_base64 {
    uint32_t value;
    unsigned count, pad;
};
/* Appends what is complete. ST_INVALID 9100; ST_LIMIT: of the buf. */
MUST_CHECK enum status mime_base64_push(struct mime_base64 *b, struct span text, struct buf *out,
                                        struct error *err);
MUST_CHECK enum status mime_base64_finish(const struct mime_base64 *b, struct error *err);

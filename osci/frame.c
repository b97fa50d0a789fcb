#include "osci/frame.h"

enum { RECORD_BYTES = 21, PIECES_MAX = 1 << 20 };

struct frame_piece {
    struct source *of;
    uint64_t begins, offset, len; /* in the whole; in of */
};

struct frame_source {
    struct source base;
    struct frame_piece *pieces;
    size_t count, at; /* at: the piece read last */
};

static enum status frame_read(struct source *self, uint64_t offset, void *bytes, size_t cap,
                              size_t *got, struct error *err)
{
    struct frame_source *s = (struct frame_source *)self;
    const struct frame_piece *p;
    uint64_t left;

    *got = 0;
    if (offset >= s->base.len)
        return ST_OK;
    if (offset < s->pieces[s->at].begins)
        s->at = 0;
    while (offset >= s->pieces[s->at].begins + s->pieces[s->at].len)
        s->at++;
    p = &s->pieces[s->at];
    left = p->begins + p->len - offset;
    return source_read(p->of, p->offset + (offset - p->begins), bytes,
                       left < cap ? (size_t)left : cap, got, err);
}

/* The record at *at; *end: there is none. */
static enum status record_read(struct source *frame, uint64_t at, char *letter, uint64_t *len,
                               bool *end, struct error *err)
{
    uint8_t record[RECORD_BYTES];
    size_t got, have = 0;

    do {
        TRY(source_read(frame, at + have, record + have, sizeof record - have, &got, err));
        have += got;
    } while (got > 0 && have < sizeof record);
    *end = have == 0;
    if (*end)
        return ST_OK;
    *letter = (char)record[0];
    if (have < sizeof record || !span_to_u64(span_of(record + 1, sizeof record - 1), len) ||
        (*letter != 'T' && *letter != 'A'))
        return error_set(err, ST_INTERNAL, 0, "a frame that is none");
    return ST_OK;
}

/* Walks the records; pieces NULL: only counts them. */
static enum status records_walk(struct source *frame, const struct osci_attachment *attachments,
                                size_t attachment_count, struct frame_source *s, struct error *err)
{
    uint64_t at = 0, len;
    size_t attachment = 0;
    char letter;
    bool end;

    s->count = 0;
    s->base.len = 0;
    for (;;) {
        struct frame_piece piece;

        TRY(record_read(frame, at, &letter, &len, &end, err));
        if (end)
            break;
        at += RECORD_BYTES;
        piece = (struct frame_piece){frame, s->base.len, at, len};
        if (letter == 'T') {
            if (len > frame->len || at > frame->len - len)
                return error_set(err, ST_INTERNAL, 0, "a frame that is cut off");
            at += len;
        } else {
            if (attachment >= attachment_count || attachments[attachment].len != len)
                return error_set(err, ST_INTERNAL, 0, "a frame of other attachments");
            piece.of = attachments[attachment++].body;
            piece.offset = 0;
        }
        if (s->pieces != NULL)
            s->pieces[s->count] = piece;
        if (++s->count > PIECES_MAX)
            return error_set(err, ST_INTERNAL, 0, "a frame of too many pieces");
        s->base.len += len;
    }
    if (attachment != attachment_count)
        return error_set(err, ST_INTERNAL, 0, "a frame of other attachments");
    return ST_OK;
}

enum status osci_frame_source(struct source *frame, const struct osci_attachment *attachments,
                              size_t count, struct arena *arena, struct source **whole,
                              struct error *err)
{
    struct frame_source *s = arena_alloc(arena, sizeof *s);

    TRY_ALLOC(s, err);
    *s = (struct frame_source){.base.read = frame_read};
    TRY(records_walk(frame, attachments, count, s, err));
    s->pieces = arena_array(arena, sizeof *s->pieces, s->count + 1);
    TRY_ALLOC(s->pieces, err);
    TRY(records_walk(frame, attachments, count, s, err));
    *whole = &s->base;
    return ST_OK;
}

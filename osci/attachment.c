/* An attachment of a message that was read, as a source for another message. */
#include "osci/message.h"

enum { TEXT_BYTES = 16 * 1024 };

/* The octets of a base64 part, decoded while they pass by. */
struct decoded_source {
    struct source base;
    struct source_part text;
    struct mime_base64 state;
    uint64_t text_at;       /* of the next text to read */
    uint64_t at;            /* of the first octet in ready */
    uint8_t in[TEXT_BYTES]; /* the text of this step */
    struct buf ready;       /* over out: never grows */
    uint8_t out[TEXT_BYTES];
};

static void rewind_to_start(struct decoded_source *s)
{
    s->state = (struct mime_base64){0};
    s->text_at = s->at = 0;
    s->ready.len = 0;
}

/* The next octets instead of those that are ready; none at the end. */
static enum status step(struct decoded_source *s, struct error *err)
{
    size_t got;

    s->at += s->ready.len;
    s->ready.len = 0;
    while (s->ready.len == 0) {
        TRY(source_read(&s->text.base, s->text_at, s->in, sizeof s->in, &got, err));
        if (got == 0)
            return mime_base64_finish(&s->state, err);
        s->text_at += got;
        TRY(mime_base64_push(&s->state, span_of(s->in, got), &s->ready, err));
    }
    return ST_OK;
}

static enum status decoded_read(struct source *self, uint64_t offset, void *bytes, size_t cap,
                                size_t *got, struct error *err)
{
    struct decoded_source *s = (struct decoded_source *)self;
    struct span part;

    *got = 0;
    if (offset >= s->base.len)
        return ST_OK;
    if (offset < s->at)
        rewind_to_start(s);
    while (offset >= s->at + s->ready.len) {
        TRY(step(s, err));
        if (s->ready.len == 0)
            return ST_OK;
    }
    part = span_sub(buf_span(&s->ready), (size_t)(offset - s->at), cap);
    memcpy(bytes, part.ptr, part.len);
    *got = part.len;
    return ST_OK;
}

enum status osci_attachment_source(const struct osci_reading *reading, size_t i,
                                   struct arena *arena, struct source **source, struct error *err)
{
    const struct osci_attachment *a = &reading->msg.attachments[i];
    struct decoded_source *decoded;
    struct source_part *part;

    if (!a->base64) {
        part = arena_alloc(arena, sizeof *part);
        TRY_ALLOC(part, err);
        *source = source_part_init(part, reading->wire, a->offset, a->wire_len);
        return ST_OK;
    }
    decoded = arena_alloc(arena, sizeof *decoded);
    TRY_ALLOC(decoded, err);
    *decoded = (struct decoded_source){.base = {.read = decoded_read, .len = a->len}};
    (void)source_part_init(&decoded->text, reading->wire, a->offset, a->wire_len);
    decoded->ready = (struct buf){.ptr = decoded->out, .cap = TEXT_BYTES, .max = TEXT_BYTES};
    *source = &decoded->base;
    return ST_OK;
}

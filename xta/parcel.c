#include "xta/package.h"

#include <stdio.h>

enum { TYPE_MAX = 1024, HEAD_MAX = 1024 };

enum status xta_marks_make(struct xta_marks *marks, struct rng *rng, struct error *err)
{
    uint8_t b[32];
    AUTO(buf_deinit) struct buf hex = {0};
    const char *h;

    TRY(rng_bytes(rng, b, sizeof b, err));
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40); /* RFC 4122, random */
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    buf_init(&hex, 2 * sizeof b + 1);
    buf_hex(&hex, span_of(b, sizeof b));
    h = buf_cstr(&hex);
    TRY(buf_check(&hex, err));
    snprintf(marks->uuid, sizeof marks->uuid, "urn:uuid:%.8s-%.4s-%.4s-%.4s-%.12s", h, h + 8,
             h + 12, h + 16, h + 20);
    snprintf(marks->boundary, sizeof marks->boundary, "=_depesche_%.24s", h + 32);
    snprintf(marks->domain, sizeof marks->domain, "%.16s.depesche", h + 32);
    snprintf(marks->id_prefix, sizeof marks->id_prefix, "d%.16s", h + 48);
    return ST_OK;
}

static void piece_add(struct xta_parcel *parcel, struct xta_piece piece)
{
    parcel->pieces[parcel->count++] = piece;
    parcel->len += piece.source == NULL ? piece.bytes.len : piece.source->len;
}

/* What stands before a part, in the arena. */
static enum status bytes_add(struct xta_parcel *parcel, struct arena *arena, const struct buf *text,
                             struct error *err)
{
    struct span bytes;

    TRY(buf_check(text, err));
    bytes = arena_span(arena, buf_span(text));
    TRY_ALLOC(bytes.ptr, err);
    piece_add(parcel, (struct xta_piece){.bytes = bytes});
    return ST_OK;
}

static enum status type_make(const struct xta_marks *marks, const char *action, struct arena *arena,
                             struct xta_parcel *parcel, struct error *err)
{
    AUTO(buf_deinit) struct buf type = {0};

    buf_init(&type, TYPE_MAX);
    buf_printf(&type,
               "multipart/related; type=\"application/xop+xml\"; boundary=\"%s\"; "
               "start=\"<root@%s>\"; start-info=\"application/soap+xml\"",
               marks->boundary, marks->domain);
    if (action != NULL)
        buf_printf(&type, "; action=\"%s\"", action);
    TRY(buf_check(&type, err));
    parcel->content_type = arena_str(arena, buf_span(&type));
    TRY_ALLOC(parcel->content_type, err);
    return ST_OK;
}

static void root_head(struct buf *text, const struct xta_marks *marks)
{
    buf_printf(text,
               "--%s\r\n"
               "Content-Type: application/xop+xml; charset=UTF-8; type=\"application/soap+xml\"\r\n"
               "Content-Transfer-Encoding: binary\r\n"
               "Content-ID: <root@%s>\r\n\r\n",
               marks->boundary, marks->domain);
}

static void part_head(struct buf *text, const struct xta_marks *marks,
                      const struct xta_part_out *part)
{
    buf_printf(text,
               "\r\n--%s\r\n"
               "Content-Type: application/octet-stream\r\n"
               "Content-Transfer-Encoding: binary\r\n"
               "Content-ID: <%.*s>\r\n\r\n",
               marks->boundary, SPAN_FMT(part->content_id));
}

enum status xta_package_seal(const struct xta_marks *marks, struct span envelope,
                             const char *action, const struct xta_part_out *parts, size_t count,
                             struct arena *arena, struct xta_parcel *parcel, struct error *err)
{
    AUTO(buf_deinit) struct buf text = {0};
    struct xta_parcel p = {.http_status = 200};

    TRY(type_make(marks, action, arena, &p, err));
    p.pieces = arena_array(arena, sizeof *p.pieces, 2 + 2 * count);
    TRY_ALLOC(p.pieces, err);
    buf_init(&text, envelope.len + HEAD_MAX);
    root_head(&text, marks);
    buf_add(&text, envelope);
    TRY(bytes_add(&p, arena, &text, err));
    for (size_t i = 0; i < count; i++) {
        buf_reset(&text);
        part_head(&text, marks, &parts[i]);
        TRY(bytes_add(&p, arena, &text, err));
        piece_add(&p, (struct xta_piece){.source = parts[i].body});
    }
    buf_reset(&text);
    buf_printf(&text, "\r\n--%s--\r\n", marks->boundary);
    TRY(bytes_add(&p, arena, &text, err));
    *parcel = p;
    return ST_OK;
}

#include "osci/record.h"

void osci_record_add(struct buf *out, enum osci_record_tag tag, struct span bytes)
{
    const uint8_t head[5] = {(uint8_t)tag, (uint8_t)(bytes.len >> 24), (uint8_t)(bytes.len >> 16),
                             (uint8_t)(bytes.len >> 8), (uint8_t)bytes.len};

    if (bytes.len > UINT32_MAX) {
        out->failed = true;
        return;
    }
    buf_add(out, span_of(head, sizeof head));
    buf_add(out, bytes);
}

enum status osci_record_next(struct span *rest, unsigned *tag, struct span *bytes,
                             struct error *err)
{
    const uint8_t *p = rest->ptr;
    size_t len;

    if (rest->len < 5)
        return error_set(err, ST_INVALID, 0, "a kept record is cut off");
    len = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
    if (len > rest->len - 5)
        return error_set(err, ST_INVALID, 0, "a kept record is cut off");
    *tag = p[0];
    *bytes = len == 0 ? SPAN_NONE : span_of(p + 5, len);
    *rest = span_from(*rest, 5 + len);
    return ST_OK;
}

enum status osci_record_take(struct span *rest, enum osci_record_tag tag, struct span *bytes,
                             struct error *err)
{
    unsigned found;

    TRY(osci_record_next(rest, &found, bytes, err));
    if (found != (unsigned)tag)
        return error_set(err, ST_INVALID, 0, "a kept record has tag %u instead of %u", found,
                         (unsigned)tag);
    return ST_OK;
}

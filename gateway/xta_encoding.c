/*
 * Does a content have the encoding that it says it has? Only where one is said, of text: bytes that
 * no text in that encoding can hold would fail in the reader's program, after the author has
 * forgotten them. An encoding that is not looked at is nobody's fault.
 *
 * XTA 2 digest 5 (9051).
 */
#include "gateway/encoding.h"
#include "gateway/xta_sending.h"

static enum status content_check(struct gw_xta_call *call, const struct xta_content *content,
                                 struct error *err)
{
    AUTO(gw_file_source_deinit) struct gw_file_source file = {.fd = -1};
    bool fits;

    if (content->encoding.len == 0 || !gw_encoding_is_text(content->content_type))
        return ST_OK;
    TRY(gw_stage_source(call->stage, content->taken, &file, err));
    TRY(gw_encoding_fits(&file.base, content->encoding, &fits, err));
    return fits ? ST_OK
                : gw_xta_refuse(call, ST_INVALID, XTA_SCHEMA_VIOLATION, XTA_N_WRONG_ENCODING, err,
                                "a content is not in the encoding that it names");
}

enum status gw_xta_encoding_check(struct gw_xta_call *call, struct error *err)
{
    const struct xta_container *c = &call->request.container;

    for (size_t i = 0; i < c->count; i++)
        TRY(content_check(call, &c->contents[i], err));
    return ST_OK;
}

#include "gateway/header.h"

#include "osci/custom.h"

enum status gw_header_stage(struct gw_stage *stage, struct span xml, struct arena *arena,
                            struct error *err)
{
    struct osci_custom custom;

    TRY(osci_custom_make(xml, arena, &custom, err));
    return gw_header_keep(stage, &custom, arena, err);
}

/* The file is named after the element. */
enum status gw_header_keep(struct gw_stage *stage, const struct osci_custom *custom,
                           struct arena *arena, struct error *err)
{
    AUTO(buf_deinit) struct buf name = {0};
    const char *id = arena_str(arena, custom->id);

    TRY_ALLOC(id, err);
    buf_init(&name, GW_NAME_SIZE);
    buf_add(&name, span_sub(osci_custom_name(custom), 0, GW_NAME_MAX / 2));
    buf_str(&name, ".xml");
    TRY(buf_check(&name, err));
    return gw_stage_add_bytes(stage, GW_FILE_HEADER, buf_cstr(&name), "text/xml", id, custom->xml,
                              err);
}

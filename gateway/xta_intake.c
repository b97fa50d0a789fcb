#include "gateway/xta_intake.h"

static enum status noted(struct gw_xta_intake *i, enum status st)
{
    i->failed |= st != ST_OK;
    return st;
}

static enum status intake_open(struct xta_intake *self, const struct xta_content *content,
                               struct sink **sink, struct error *err)
{
    struct gw_xta_intake *i = (struct gw_xta_intake *)self;

    (void)content;
    return noted(i, gw_stage_add(i->stage, GW_FILE_PAYLOAD, NULL, NULL, NULL, sink, err));
}

static enum status intake_close(struct xta_intake *self, struct error *err)
{
    struct gw_xta_intake *i = (struct gw_xta_intake *)self;

    return noted(i, gw_stage_close(i->stage, err));
}

void gw_xta_intake_init(struct gw_xta_intake *intake, struct gw_stage *stage)
{
    *intake = (struct gw_xta_intake){.base = {intake_open, intake_close}, .stage = stage};
}

static enum status content_name(struct gw_stage *stage, const struct xta_content *content,
                                enum gw_xta_kind kind, struct arena *arena, struct error *err)
{
    const struct gw_xta_part part = {.kind = kind,
                                     .id = content->id,
                                     .encoding = content->encoding,
                                     .description = content->description,
                                     .lang = content->lang};
    const char *name = arena_str(arena, content->filename);
    const char *type = arena_str(arena, content->content_type), *ref;

    TRY_ALLOC(name, err);
    TRY_ALLOC(type, err);
    TRY(gw_xta_part_write(&part, arena, &ref, err));
    return gw_stage_describe(stage, content->taken, name[0] == '\0' ? NULL : name,
                             type[0] == '\0' ? NULL : type, ref, err);
}

static enum status encrypted_keep(struct gw_stage *stage, struct span xml, struct arena *arena,
                                  struct error *err)
{
    const struct gw_xta_part part = {.kind = GW_XTA_ENCRYPTED};
    const char *ref;

    TRY(gw_xta_part_write(&part, arena, &ref, err));
    return gw_stage_add_bytes(stage, GW_FILE_PAYLOAD, "EncryptedData.xml", "application/xenc+xml",
                              ref, xml, err);
}

enum status gw_xta_contents_name(struct gw_stage *stage, const struct xta_container *container,
                                 struct arena *arena, struct error *err)
{
    for (size_t n = 0; n < container->count; n++)
        TRY(content_name(stage, &container->contents[n],
                         n == 0 && container->has_message ? GW_XTA_MESSAGE : GW_XTA_ATTACHMENT,
                         arena, err));
    return container->encrypted.len > 0 ? encrypted_keep(stage, container->encrypted, arena, err)
                                        : ST_OK;
}

/*
 * gateway/xta_intake.h - contents of an XTA message that is being read become files of a stage
 *
 * What a content is called, and whether it is the Message or an Attachment, stands in the root
 * part, and the parts come in any order; so the bytes come first, and the names when all was read.
 * The files are those of gw_xta_part.
 */
#pragma once

#include "gateway/xta_call.h"

struct gw_xta_intake {
    struct xta_intake base;
    struct gw_stage *stage; /* borrowed */
    bool failed;            /* of the disk, not of the message */
};
void gw_xta_intake_init(struct gw_xta_intake *intake, struct gw_stage *stage);
/* After all was read: names, types and kinds of the files of a stage, whose first ones are those of
 * the intake; an xenc:EncryptedData becomes one. */
MUST_CHECK enum status gw_xta_contents_name(struct gw_stage *stage,
                                            const struct xta_container *container,
                                            struct arena *arena, struct error *err);

/*
 * gateway/header.h - a header block of others on its way through the store: MessageMetaData, say
 *
 * It is kept as it stands in the message, canonical, with its Id as the file's ref; so it is sent
 * again and again, and handed over, without being read once more.
 */
#pragma once

#include "gateway/payload.h"
#include "osci/message.h"

/* Checks a document and adds it to the stage. ST_INVALID, ST_LIMIT: it cannot be a header block. */
MUST_CHECK enum status gw_header_stage(struct gw_stage *stage, struct span xml, struct arena *arena,
                                       struct error *err);
/* Adds one that is a block already, having come in. */
MUST_CHECK enum status gw_header_keep(struct gw_stage *stage, const struct osci_custom *custom,
                                      struct arena *arena, struct error *err);

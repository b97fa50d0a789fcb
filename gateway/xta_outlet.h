/*
 * gateway/xta_outlet.h - payload files behind an answer
 *
 * An answer may have any number of contents, and is sent as fast as the network takes it. A file is
 * open only while its bytes are being read.
 */
#pragma once

#include "gateway/payload.h"

struct gw_xta_outlet {
    struct source base;
    struct gw_store *store;
    const struct gw_file_row *row; /* borrowed */
    struct gw_file_source file;
};

/* Looks at the file once: missing, or of another length than the index says, is ST_INTERNAL. */
MUST_CHECK enum status gw_xta_outlet_init(struct gw_xta_outlet *o, struct gw_store *store,
                                          const struct gw_file_row *row, struct error *err);
void gw_xta_outlet_deinit(struct gw_xta_outlet *o); /* after init */

/*
 * gateway/store_osci_impl.h - what store_osci.c and store_card.c share
 */
#pragma once

#include "gateway/store_impl.h"
#include "gateway/store_osci.h"

#define GW_DELIVERY_COLUMNS                                                                        \
    "id, osci_message_id, tenant, kind, mailbox, originator_cipher, originator_signature, "        \
    "subject, creation, forwarding, reception, modification, size_bytes, parts, inspections, "     \
    "content, damaged"
/* The row under stmt, selected with GW_DELIVERY_COLUMNS. */
MUST_CHECK enum status gw_delivery_row_read(struct sql_stmt *stmt, struct arena *arena,
                                            struct gw_delivery_row *row, struct error *err);

/*
 * gateway/transfers.h - deliveries in chunks: struct osci_transfers over the store
 *
 * Each chunk is a file of its own, durable before it is acknowledged; a complete transfer is read
 * from these files one after the other, so nothing is copied to put it together. A frame is a file
 * with the text of an answer. All calls block; make them from worker jobs. Source: OSCI 1.2 digest
 * 8.5.
 */
#pragma once

#include "gateway/store_transfer.h"
#include "osci/transfer.h"

struct gw_transfers {
    struct osci_transfers base;
    struct gw_store *store;
    struct rng *rng;
    const char *tenant;     /* may be NULL */
    uint64_t client_max;    /* open transfers of one client; 0: no bound */
    uint64_t client_kb_max; /* and what they will be together; 0: no bound */
};

/* conf has store, rng, tenant and the bounds; all of it borrowed. */
struct osci_transfers *gw_transfers_init(struct gw_transfers *t, const struct gw_transfers *conf);

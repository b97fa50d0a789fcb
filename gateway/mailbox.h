/*
 * gateway/mailbox.h - the intermediary's mailboxes: struct osci_mailbox over the store
 *
 * A delivery becomes one row with its files: the text of the content package, and each attachment
 * as the octets it has without transfer encoding. What is forwarded to a passive recipient has a
 * row without files, its card alone. All calls block; make them from worker jobs.
 *
 * Source: OSCI 1.2 digest 2.3 to 2.6, 5.
 */
#pragma once

#include "gateway/store_osci.h"
#include "osci/intermediary.h"

enum {
    GW_IDS_OPEN_MAX = 10000,
    GW_IDS_ALL_MAX = 1000000
}; /* issued and not used: of a client, of all */

/* How many ids of all clients are open, counted once a minute; the store's writer's alone. */
struct gw_ids_open {
    uint64_t max; /* GW_IDS_ALL_MAX, but for tests */
    uint64_t open;
    int64_t counted_at;
};

struct gw_mailbox {
    struct osci_mailbox base;
    struct gw_store *store;
    struct rng *rng;
    const char *tenant; /* may be NULL */
    struct gw_quotas quotas;
    struct gw_ids_open *ids; /* of all tenants together */
    uint8_t (*known)[GW_SHA256_BYTES];
    size_t known_count;
};

/* conf has store, rng, tenant, quotas, ids, and known: the cipher certificates that have a mailbox.
 * All of it borrowed. */
struct osci_mailbox *gw_mailbox_init(struct gw_mailbox *m, const struct gw_mailbox *conf);

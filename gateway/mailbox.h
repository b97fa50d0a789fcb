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

enum { GW_IDS_OPEN_MAX = 10000 }; /* issued to one client and not used */

struct gw_mailbox {
    struct osci_mailbox base;
    struct gw_store *store;
    struct rng *rng;
    const char *tenant; /* may be NULL */
    uint8_t (*known)[GW_SHA256_BYTES];
    size_t known_count;
};

/* known: cipher certificates that have a mailbox, borrowed like the others. */
struct osci_mailbox *gw_mailbox_init(struct gw_mailbox *m, struct gw_store *store, struct rng *rng,
                                     const char *tenant, uint8_t (*known)[GW_SHA256_BYTES],
                                     size_t known_count);

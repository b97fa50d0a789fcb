/*
 * gateway/osci_tenant.h - one of the intermediaries in a daemon: whose keys, whose mailboxes
 *
 * A daemon can be the intermediary of several authorities (tenants). Each has keys, dialogs,
 * mailboxes, MessageIds and cards of its own and sees nothing of the others; they share the store,
 * the listeners, and what is believed. The one without a name is that of the osci_server block
 * itself.
 *
 * Source: OSCI 1.2 digest 1.3, 5.6.
 */
#pragma once

#include "gateway/mailbox.h"
#include "gateway/receiver.h"
#include "gateway/transfers.h"

struct gw_osci_tenant {
    const struct gw_runtime *rt;
    const struct gw_osci_server_conf *conf;
    struct identity *identity;
    struct osci_own_cipher own[IDENTITY_CIPHERS_MAX]; /* cipher generations */
    size_t own_count;
    struct osci_sessions *sessions;
    struct gw_mailbox mailbox;
    struct gw_transfers transfers;
    uint8_t (*known)[GW_SHA256_BYTES]; /* of conf->mailboxes, in their order */
    struct osci_intermediary intermediary;
    struct osci_limits limits;
    struct gw_receivers *receivers;
};

/* Reads keys and certificates. conf, rt and ids are borrowed. The text of an error names the file.
 * The tenant stays where it is: its parts point to each other. */
MUST_CHECK enum status gw_osci_tenant_init(struct gw_osci_tenant *t, const struct gw_runtime *rt,
                                           const struct gw_osci_server_conf *conf,
                                           struct gw_ids_open *ids, struct error *err);
void gw_osci_tenant_deinit(struct gw_osci_tenant *t);

/* What was too old, in one bounded bite. */
struct gw_osci_retained {
    struct gw_retention_done done;
    uint64_t unfinished; /* transfers in chunks that nobody went on with */
};
/* In a worker: takes it away. */
MUST_CHECK enum status gw_osci_tenant_retain(struct gw_osci_tenant *t, int64_t now,
                                             struct gw_osci_retained *retained, struct error *err);

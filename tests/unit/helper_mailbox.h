/*
 * helper_mailbox.h - an intermediary's mailboxes in memory
 *
 * All of it fails the running test when something is wrong with it.
 */
#pragma once

#include "osci/intermediary.h"

enum { HELPER_DELIVERIES = 128 };

struct helper_delivery {
    struct osci_delivery d; /* its spans point into arena */
    struct osci_attachment attachments[16];
    struct source_span bodies[16], package;
    bool here;
};

struct helper_mailbox {
    struct osci_mailbox base;
    struct arena arena;
    struct helper_id {
        struct span id;
        bool used;
    } ids[HELPER_DELIVERIES];
    size_t id_count;
    struct helper_delivery deliveries[HELPER_DELIVERIES];
    size_t delivery_count;
    const struct cert *known;  /* the one configured mailbox, or NULL */
    enum status accept_status; /* other than ST_OK: accept fails so */
    size_t writes;             /* calls that changed something */
    size_t selected, released;
};

void helper_mailbox_init(struct helper_mailbox *m);
void helper_mailbox_deinit(struct helper_mailbox *m);
/* An issued id, as from getMessageId. */
void helper_mailbox_issue(struct helper_mailbox *m, struct span id);

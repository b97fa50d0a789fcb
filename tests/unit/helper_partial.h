/*
 * helper_partial.h - an intermediary over a real store, and a client that sends and fetches chunks
 *
 * All of it fails the running test when something unexpected happens.
 */
#pragma once

#include "gateway/mailbox.h"
#include "gateway/transfers.h"
#include "osci/chunk.h"
#include "tests/unit/helper_intermediary.h"
#include "tests/unit/helper_store.h"

enum { PARTIAL_OCTETS = 3000, PARTIAL_INNER_MAX = 1024 * 1024, PARTIAL_KB = 4 };
#define PARTIAL_ID "dep_chunked"

struct partial {
    struct im_fixture f;
    struct helper_store store;
    bool keep; /* the folder is somebody else's */
    struct gw_mailbox mailbox;
    struct gw_ids_open ids;
    struct gw_transfers transfers;
    struct im_client client;
    struct buf inner; /* the inner storeDelivery */
    struct source_span source;
    uint8_t octets[PARTIAL_OCTETS]; /* of its attachment */
};

/* dir NULL: a folder of its own, with PARTIAL_ID issued; else one that there is. */
void partial_init(struct partial *p, const char *dir);
void partial_deinit(struct partial *p); /* for AUTO */
/* The process ends and another begins: dialogs are gone, the store is not. */
void partial_restart(struct partial *p);
void partial_issue(struct partial *p, const char *id);
/* The inner storeDelivery of that id, from originator to addressee: unsigned, in no dialog. */
void partial_inner(struct partial *p, const char *id);
/* A partialStoreDelivery of the chunk; number 0: InfoOnly. chunk must live as long as m. */
void partial_order(struct partial *p, const char *id, uint64_t number, struct osci_chunk *chunk,
                   struct osci_message *m);
/* How many deliveries wait or lie in all mailboxes. */
size_t partial_deliveries(struct partial *p);

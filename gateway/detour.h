/*
 * gateway/detour.h - the way round a delivery that we can never accept
 *
 * An intermediary hands out the oldest delivery first, and again each time until we have taken it.
 * One that we can never take (larger than limits allow, malformed) would keep those behind it from
 * us for good. So once fetching has failed a few times in a row, at once one after the other, and
 * not for the network, the lane asks for the process cards of all that wait and fetches each by its
 * MessageId, in one dialog; what fails then, too, costs that dialog, is left where it is, and the
 * operator is told, once. It lies there until the intermediary forgets it, and is tried again once
 * in GW_DETOUR_REST_MS, since it may have been the line's fault, and after a restart, with other
 * limits perhaps.
 *
 *   fetchDelivery --fails 3 times--> fetchProcessCard (NoReception) ► fetchDelivery by MessageId
 *
 * Belongs to the one thread that fetches from a peer.
 *
 * Source: OSCI 1.2 digest 2.5, 2.6, 3.5.
 */
#pragma once

#include "gateway/exchange.h"

enum {
    GW_DETOUR_AFTER = 3,
    GW_DETOUR_TRIES = 2,
    GW_DETOUR_MAX = 500,
    GW_DETOUR_REST_MS = 60 * 60 * 1000
};

struct gw_detour {
    unsigned failures; /* of the ordinary way, in a row */
    int64_t shut; /* monotonic: until then nobody asks, since we are not known there; 0: open */
    int64_t alone_until; /* monotonic: until then no convoy (gateway/convoy.h); 0: it may */
    struct gw_detour_row {
        char *id; /* as in the rows of messages */
        unsigned failures;
        int64_t again_at; /* monotonic: not before, once it is left */
        bool seen;        /* it still waits there */
    } rows[GW_DETOUR_MAX];
    size_t count;
};
void gw_detour_deinit(struct gw_detour *detour); /* zeroed is empty */

/* It was not the network: the peer answered, and the answer was no delivery to us. */
bool gw_detour_unusable(enum status st, const struct error *err);
/* Notes how the ordinary way ended. */
void gw_detour_note(struct gw_detour *detour, enum status st, const struct error *err);
/* Is it time for the other way? */
bool gw_detour_wanted(const struct gw_detour *detour);
/* This one failed once more, and not for the network; once it is left, the operator is told.
 * destination: its name. */
void gw_detour_failed(struct gw_detour *detour, const struct gw_runtime *rt,
                      const char *destination, const char *id, const struct error *why);
bool gw_detour_left(const struct gw_detour *detour, const char *id);
/* What was not seen between both is forgotten: it waits there no longer. */
void gw_detour_begin(struct gw_detour *detour);
void gw_detour_seen(struct gw_detour *detour, const char *id);
void gw_detour_end(struct gw_detour *detour);
/* How many deliveries are left where they are. */
size_t gw_detour_skipped(const struct gw_detour *detour);
/*
 * Fetches by MessageId what waits, the first GW_DETOUR_MAX, but for what is left. fetch:
 * fetchDelivery with that id, in an open conversation, durable. *count: grows by the new ones.
 * Errors as gw_exchange; what cannot be taken is one until it is left.
 */
MUST_CHECK enum status
gw_detour_fetch(struct gw_detour *detour, const struct gw_runtime *rt, const struct gw_peer *peer,
                enum status (*fetch)(struct gw_conversation *talk, struct span *id, bool *fresh,
                                     struct error *err),
                size_t *count, struct error *err);

/*
 * gateway/convoy.h - several deliveries of one mailbox under way at the same time
 *
 * One delivery after the other means that two processes and two disks take turns. So what waits in
 * a full mailbox is fetched by some dialogs side by side, each delivery by its MessageId as the
 * process cards say it. They are committed in the order in which they came in there, whichever
 * answer is here first, and each dialog asks for its next one only after its last is durable.
 *
 *   fetchProcessCard (NoReception) ► 1 2 3 4 5 ...
 *   dialog 1   fetch 1 ─ open ─ commit 1       fetch 3 ─ open ──── commit 3   ...
 *   dialog 2   fetch 2 ─── open ─── commit 2     fetch 4 ─ open ──────── commit 4   ...
 *
 * It never has to come to its end. Whatever is out of the ordinary (an answer that cannot be used,
 * another delivery than the one asked for, one that comes in chunks, a selection that is refused,
 * a second dialog that is not to be had) ends it there: what lies behind in the order is not
 * committed, its dialog says nothing more, so it still waits, and fetching goes on one by one
 * (gateway/lane.h), for a while. There what is peculiar is dealt with: chunks, poison, outages.
 *
 * Source: OSCI 1.2 digest 2.5, 2.6, 3.4 (7), 3.5. docs/decisions/0105-several-fetches.md
 */
#pragma once

#include "gateway/exchange.h"

enum {
    GW_CONVOY_WIDTH_MAX = 8, /* dialogs */
    GW_CONVOY_AFTER = 4,     /* one by one first: the mailbox is full, and the line good */
    GW_CONVOY_EACH = 4,      /* for each dialog at least, since it costs two exchanges */
    GW_CONVOY_MIN = 2 * GW_CONVOY_EACH,
    GW_CONVOY_MAX = 500
};

/* How it went. */
struct gw_convoy {
    size_t listed;    /* deliveries that wait; below GW_CONVOY_MIN: none was fetched */
    size_t fresh;     /* durable, and new to us */
    int64_t alone_ms; /* not to be tried again for so long; 0: at once */
};

/*
 * Fetches what waits in the mailbox of an open conversation, up to GW_CONVOY_MAX, intermediary
 * setting fetch_at_once at a time. ST_OK: as far as it went; the conversation may be dead
 * (gw_conversation_again). Otherwise the network, or our own trouble, as gw_exchange and
 * gw_inbound_take. Blocks; *convoy is filled in any case.
 */
MUST_CHECK enum status gw_convoy_fetch(struct gw_conversation *talk, struct gw_convoy *convoy,
                                       struct error *err);

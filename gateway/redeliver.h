/*
 * gateway/redeliver.h - handing over again what a Fachverfahren has forgotten
 *
 * A Fachverfahren restored from a backup does not know any more what it took after the backup was
 * made. Everything that its endpoint was handed, or acknowledged, from a time on becomes due again,
 * whichever door it goes through: the drop folder gets it anew, the API shows it as opened, the XTA
 * box as new. Each is marked (repeated_at) and has an event. What has been deleted meanwhile cannot
 * come back; it is named.
 */
#pragma once

#include "gateway/store.h"

struct gw_redelivery {
    const char *endpoint;
    int64_t since; /* ms since 1970 */
    struct gw_cause cause;
};

enum { GW_GONE_MAX = 1000 };

struct gw_redelivered {
    uint64_t count;              /* due again */
    uint64_t gone_count;         /* without a payload any more */
    struct gw_message_list gone; /* the first GW_GONE_MAX of them, in the arena */
};

/*
 * In steps of some messages each, so that others' commits do not wait for long; one that is broken
 * off may be repeated. Blocks. Failures are the store's; what was done until then stays done.
 */
MUST_CHECK enum status gw_redeliver(struct gw_store *store, const struct gw_redelivery *what,
                                    struct arena *arena, struct gw_redelivered *done,
                                    struct error *err);

/* One message, in a transaction of the caller's. *gone: it has no payload any more, and only a note
 * was written. ST_DENIED: it is in no state for that. */
MUST_CHECK enum status gw_redeliver_one(struct gw_tx *tx, const char *id,
                                        const struct gw_cause *cause, bool *gone,
                                        struct error *err);

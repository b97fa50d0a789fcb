/*
 * gateway/patience.h - for how long a message of ours is tried, how often, and in which order
 *
 * As its route in the table of routes says, where that says nothing as its endpoint does, else as
 * "retry" does. Attempts follow the settings of now; until when a message is tried, and whether it
 * keeps its order, is settled when it is accepted.
 *
 * A message that may go later has its time from then on.
 */
#pragma once

#include "gateway/config.h"
#include "gateway/store.h"

struct gw_patience {
    int64_t first_seconds, max_seconds; /* between attempts */
    int64_t expire_days;
    bool keep_order;
};

/* endpoint and route as in a message's row: NULL, or a name that the settings may not know any
 * more. */
struct gw_patience gw_patience_of(const struct gw_config *conf, const char *endpoint,
                                  const char *route);
/* Until when a message is tried that is accepted, or gets another chance, now. */
int64_t gw_patience_end(const struct gw_patience *patience, int64_t now, int64_t deliver_after);
/*
 * What depends on patience in the row of a new message, of which all else is there. until: when its
 * sender says that it is worth nothing any more; 0: he does not.
 */
void gw_patience_apply(const struct gw_config *conf, struct gw_message_row *row, int64_t until);
/* Can a message go between both? 0: not said. ST_INVALID, with a sentence and no reason: it cannot.
 */
MUST_CHECK enum status gw_patience_check(int64_t deliver_after, int64_t until, int64_t now,
                                         struct error *err);

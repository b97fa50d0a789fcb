/*
 * gateway/refusal.h - what the store remembers of orders that a door refused
 *
 * Anybody can cause refusals, so events of them are bounded by the minute; the log has them all.
 */
#pragma once

#include <pthread.h>

#include "gateway/runtime.h"

struct gw_refusals {
    pthread_mutex_t lock; /* of the next two */
    int64_t minute;
    unsigned count;
};

void gw_refusals_init(struct gw_refusals *r);
void gw_refusals_deinit(struct gw_refusals *r);

/* Worker: an event "peer.refused" in these words, unless there were too many this minute. */
void gw_refusal_say(struct gw_refusals *r, const struct gw_runtime *rt, const char *actor, int code,
                    const char *en, const char *de);
/* The same for OSCI, in the words of its code. order: its type. */
void gw_refusal_keep(struct gw_refusals *r, const struct gw_runtime *rt, const char *actor,
                     const char *order, const char *address, int code, const struct error *why);

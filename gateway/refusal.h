/*
 * gateway/refusal.h - what the store remembers of orders that a door refused
 *
 * Anybody can cause refusals, so events of them are bounded, by the minute and by the hour; the
 * next event says how many were left out. The log has them all.
 */
#pragma once

#include <pthread.h>

#include "gateway/runtime.h"

struct gw_refusals {
    pthread_mutex_t lock; /* of all below */
    int64_t minute, hour;
    unsigned in_minute, in_hour;
    uint64_t left_out; /* since the last event */
};

void gw_refusals_init(struct gw_refusals *r);
void gw_refusals_deinit(struct gw_refusals *r);

/* Worker: an event "peer.refused" in these words, unless there were too many lately. */
void gw_refusal_say(struct gw_refusals *r, const struct gw_runtime *rt, const char *actor, int code,
                    const char *en, const char *de);
/* The same for OSCI, in the words of its code. order: its type. */
void gw_refusal_keep(struct gw_refusals *r, const struct gw_runtime *rt, const char *actor,
                     const char *order, const char *address, int code, const struct error *why);

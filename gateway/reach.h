/*
 * gateway/reach.h - which destinations are away, and which messages somebody has in hand
 *
 * The lanes (gateway/lane.h) learn both; others ask: a route with an alternative wants to know
 * since when a destination cannot be reached, and whoever moves a message to another destination
 * must not do so while a lane is sending it. One for the process; every function may be called by
 * any thread and never waits long.
 *
 * A message is in at most one hand. What a hand knows of it may be old: a lane reads the row first
 * and takes it then, so it says at which count of changes it read, and is refused when a message
 * was changed under it meanwhile.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "crypto/base/error.h"
#include "gateway/uuid.h"

struct gw_reach;

MUST_CHECK enum status gw_reach_new(struct gw_reach **reach, struct error *err);
void gw_reach_free(struct gw_reach *reach); /* NULL is fine; nobody has anything in hand */

/* since: when trouble began, 0: it answers. destination: its name in the settings, copied. */
void gw_reach_note(struct gw_reach *reach, const char *destination, int64_t since);
/* Since when it cannot be reached; 0: it can, or nobody has tried since the start. */
int64_t gw_reach_down_since(struct gw_reach *reach, const char *destination);

/* The caller's, as long as it holds the message. */
struct gw_hand {
    char id[GW_ID_SIZE];
    struct gw_hand *next;
};
/* How many messages were changed by hand so far. */
uint64_t gw_reach_changes(struct gw_reach *reach);
/* False: another hand has it, or there were changes after seen. */
bool gw_reach_take(struct gw_reach *reach, struct gw_hand *hand, const char *id, uint64_t seen);
/* changed: its row is not what others may have read before. */
void gw_reach_put(struct gw_reach *reach, struct gw_hand *hand, bool changed);

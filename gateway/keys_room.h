/*
 * gateway/keys_room.h - the keys in depesched-keys, and what is done with them
 *
 * A room is filled by LOAD, one key after the other, and closed by SEAL; from then on it answers
 * POWER from any number of threads and nothing else. A key that cannot be loaded keeps its number:
 * it answers with what was wrong.
 *
 * Who asks is our own depesched, or somebody who has broken into it: bounds and order are checked,
 * and what does not keep to them gets no answer (gateway/keys_wire.h).
 */
#pragma once

#include "gateway/keys_wire.h"

struct gw_keys_room;

/* seal(ctx): called with SEAL; which enum gw_keys_held hold from now on, -1: it must not go on. */
MUST_CHECK enum status gw_keys_room_new(int (*seal)(void *ctx), void *ctx,
                                        struct gw_keys_room **room, struct error *err);
void gw_keys_room_free(struct gw_keys_room *room); /* wipes the keys */
DROP_DEFINE(gw_keys_room_drop, struct gw_keys_room, gw_keys_room_free)

/* answer: GW_KEYS_MESSAGE_MAX bytes; how many were written. 0: that was no question. */
size_t gw_keys_room_answer(struct gw_keys_room *room, struct span question, uint8_t *answer);

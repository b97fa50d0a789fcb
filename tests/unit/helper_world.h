/*
 * helper_world.h - town A, town B, and an intermediary that misbehaves on demand between them
 *
 * A writes to its partner Beheim, B takes what Ahausen writes. All of it fails the running test
 * when something goes wrong.
 */
#pragma once

#include "gateway/detour.h"
#include "tests/unit/helper_fake.h"

extern const char helper_world_retry[];   /* for A: an endpoint, and short pauses */
extern const char helper_world_ahausen[]; /* for B: the partner Ahausen */

struct helper_world {
    struct helper_fake fake;
    struct helper_runtime a, b;
    struct gw_detour detour; /* of b */
    struct arena arena;
};

/* open: everybody believed has a mailbox. more_a, more_b: settings of theirs. */
void helper_world_open(struct helper_world *w, bool open, const char *more_a, const char *more_b);
void helper_world_close(struct helper_world *w);
/* From now on A sends each order by itself. */
void helper_world_implicit(struct helper_world *w);
/* A message to send, as the spool makes one. */
void helper_world_out(struct helper_runtime *h, const char *recipient, const char *content,
                      int64_t expires_at, char id[static GW_ID_SIZE]);
struct gw_message_row helper_world_message(struct helper_world *w, const struct helper_runtime *h,
                                           const char *id);
/* A sends it, as a lane does that has nothing else to send. */
MUST_CHECK enum status helper_world_send(struct helper_world *w, const char *id, struct error *err);
/* B fetches; how many came. */
MUST_CHECK enum status helper_world_fetch(struct helper_world *w, size_t *count, struct error *err);
struct gw_message_list helper_world_inbox(struct helper_world *w);
/* B fetches, and has exactly one message then, opened. */
void helper_world_arrived_once(struct helper_world *w);

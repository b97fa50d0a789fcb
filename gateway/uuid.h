/*
 * gateway/uuid.h - the gateway's own ids: UUID version 7
 *
 * Milliseconds since 1970 in front, chance behind, so ids sort by the time they were made. Text
 * form in lower case, as in 018f3b2c-7d4e-7a61-9c0d-2b1f6e5a4c3d.
 *
 * Source: RFC 9562, 5.7.
 */
#pragma once

#include "crypto/base/rng.h"

enum { GW_ID_LEN = 36, GW_ID_SIZE = GW_ID_LEN + 1 };

/*
 * Writes a new id with its NUL. now: ms since 1970 UTC, 0 <= now < 2^48. rng may be shared between
 * threads if it allows that itself (rng_system does). ST_INTERNAL: no random bytes.
 */
MUST_CHECK enum status gw_uuid_make(struct rng *rng, int64_t now, char id[GW_ID_SIZE],
                                    struct error *err);
/* The exact text form of a version 7 UUID, lower case; nothing else is ever used in a path. */
bool gw_uuid_is_valid(struct span text);
/* The time inside a valid id. */
int64_t gw_uuid_time(const char *id);

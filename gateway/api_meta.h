/*
 * gateway/api_meta.h - the part "meta" of a message sent through the API: NewMessage in
 * docs/openapi.yaml
 */
#pragma once

#include "gateway/facts.h"

enum {
    GW_API_META_MAX = 64 * 1024, /* bytes of JSON */
    GW_API_KEY_MAX = 200,        /* characters */
    GW_API_NAME_MAX = 255,
    GW_API_SUBJECT_MAX = 1000,
};

/* NULL: not given. Strings are not empty and hold no control characters. */
struct gw_api_meta {
    const char *endpoint; /* never NULL */
    const char *recipient, *message_type, *subject, *idempotency_key;
    const char *deliver_after, *deliver_until; /* times, not looked at yet */
    struct gw_facts facts;                     /* what else it says, for routes */
};

/* ST_INVALID, GW_R_API_BAD_REQUEST: not JSON, too long, a member missing, unknown, twice or of
 * another type; ST_LIMIT: the arena is full. */
MUST_CHECK enum status gw_api_meta_read(struct span json, struct arena *arena,
                                        struct gw_api_meta *meta, struct error *err);
/* The same for an answer to a request, which has a subject at most: NewAnswer. */
MUST_CHECK enum status gw_api_answer_meta_read(struct span json, struct arena *arena,
                                               struct gw_api_meta *meta, struct error *err);

/*
 * crypto/digest.h - digests of bytes that pass by
 */
#pragma once

#include "crypto/base/io.h"
#include "crypto/policy.h"

enum { DIGEST_BYTES_MAX = 64 };

struct digest; /* running */
struct digest_value {
    const struct alg *alg;
    uint8_t bytes[DIGEST_BYTES_MAX];
    size_t len;
};

static inline struct span digest_span(const struct digest_value *v)
{
    return span_of(v->bytes, v->len);
}

MUST_CHECK enum status digest_new(const struct alg *alg, struct digest **digest, struct error *err);
void digest_free(struct digest *digest);
DROP_DEFINE(digest_drop, struct digest, digest_free)
MUST_CHECK enum status digest_update(struct digest *digest, struct span bytes, struct error *err);
MUST_CHECK enum status digest_final(struct digest *digest, struct digest_value *value,
                                    struct error *err); /* once */
/* All at once. */
MUST_CHECK enum status digest_of(const struct alg *alg, struct span bytes,
                                 struct digest_value *value, struct error *err);

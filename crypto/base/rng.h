/*
 * crypto/base/rng.h - chance as an argument
 *
 * Tests pass a counting rng and get the same bytes every run; the gateway passes the real one.
 */
#pragma once

#include "crypto/base/error.h"
#include "crypto/base/span.h"

struct rng {
    enum status (*fill)(struct rng *self, void *bytes, size_t len, struct error *err);
};

/* Counts 0, 1, 2 ...: for tests only. */
struct rng_count {
    struct rng base;
    uint8_t next;
};

void rng_count_init(struct rng_count *rng);
/* OpenSSL's generator; thread-safe, nothing to free. ST_INTERNAL when it fails. */
struct rng *rng_system(void);
MUST_CHECK enum status rng_bytes(struct rng *rng, void *bytes, size_t len, struct error *err);

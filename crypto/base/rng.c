#include "crypto/base/rng.h"

#include <openssl/rand.h>

static enum status count_fill(struct rng *self, void *bytes, size_t len, struct error *err)
{
    struct rng_count *rng = (struct rng_count *)self;
    uint8_t *p = bytes;

    (void)err;
    for (size_t i = 0; i < len; i++)
        p[i] = rng->next++;
    return ST_OK;
}

void rng_count_init(struct rng_count *rng)
{
    *rng = (struct rng_count){.base.fill = count_fill};
}

static enum status system_fill(struct rng *self, void *bytes, size_t len, struct error *err)
{
    (void)self;
    if (len > INT32_MAX || RAND_bytes(bytes, (int)len) != 1)
        return error_set(err, ST_INTERNAL, 0, "the system gave no random bytes");
    return ST_OK;
}

struct rng *rng_system(void)
{
    static const struct rng rng = {system_fill};

    return (struct rng *)&rng; /* it has no state that anybody would write */
}

enum status rng_bytes(struct rng *rng, void *bytes, size_t len, struct error *err)
{
    return rng->fill(rng, bytes, len, err);
}

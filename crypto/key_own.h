/*
 * crypto/key_own.h - how a struct key comes about, for key.c and key_away.c
 */
#pragma once

#include "crypto/key.h"

/* What a key that is elsewhere needs until its end. */
struct key_place {
    void (*free)(void *ctx);
    void *ctx;
};

/* Takes pkey, and ctx where place is not NULL, on failure too. */
MUST_CHECK enum status key_own(EVP_PKEY *pkey, const struct key_place *place, struct key **key,
                               struct error *err);

/*
 * crypto/cipher.h - symmetric ciphers over bytes that pass by
 *
 * The wire form is IV, ciphertext, tag (GCM), one behind the other. A sealer puts IV and tag there
 * by itself, an opener takes them off. An opener's output must not be used before cipher_finish
 * gave ST_OK: until then nothing proves that the bytes are whole. Every failure to open is
 * ST_DENIED, reason 9202, with one and the same text.
 *
 * Source: OSCI 1.2 digest 7.2 (no IvLength element: 16), 12.4.
 */
#pragma once

#include "crypto/base/io.h"
#include "crypto/base/rng.h"
#include "crypto/policy.h"

enum { SECRET_BYTES_MAX = 32 };

/* A session key. Wipe with secret_wipe. */
struct secret {
    uint8_t bytes[SECRET_BYTES_MAX];
    size_t len;
};
void secret_wipe(struct secret *secret); /* for AUTO too */
/* Fresh and random, of the length alg needs. */
MUST_CHECK enum status secret_make(const struct alg *alg, struct rng *rng, struct secret *secret,
                                   struct error *err);

struct cipher_method {
    const struct alg *alg;
    size_t iv_len; /* GCM: 12 or 16; CBC: 16 whatever IvLength says */
};

struct cipher; /* running */
MUST_CHECK enum status cipher_seal_new(const struct cipher_method *method,
                                       const struct secret *secret, struct rng *rng,
                                       struct cipher **cipher, struct error *err);
MUST_CHECK enum status cipher_open_new(const struct cipher_method *method,
                                       const struct secret *secret, struct cipher **cipher,
                                       struct error *err);
void cipher_free(struct cipher *cipher);
DROP_DEFINE(cipher_drop, struct cipher, cipher_free)
/* Any number of bytes in; what is ready goes to out. */
MUST_CHECK enum status cipher_push(struct cipher *cipher, struct span in, struct sink *out,
                                   struct error *err);
/* The rest, with the tag written or checked. Once. */
MUST_CHECK enum status cipher_finish(struct cipher *cipher, struct sink *out, struct error *err);
/* Length on the wire of plain_len bytes. */
uint64_t cipher_sealed_len(const struct cipher_method *method, uint64_t plain_len);

/*
 * crypto/transform.h - xmlsec's transforms, and ours for what xmlsec 1.2.37 lacks
 *
 * For crypto/ only. The rows of the policy table lead, by their URI, to xmlsec's own transform
 * classes where it has what we need, and to ours for SHA-3, RSA-PSS, rsa-oaep of XML Encryption
 * 1.1, rsa-1_5 with implicit rejection, and AES-GCM with an IV of 12 or 16 bytes. Ours are
 * registered first, so a look-up finds them first.
 *
 * Each run below is one xmlSecTransformCtx: bytes in, one transform, bytes out.
 */
#pragma once

#include "crypto/base/rng.h"
#include "crypto/cipher.h"
#include "crypto/digest.h"
#include "crypto/key.h"

/* After xmlSecInit and before xmlSecCryptoInit. ST_INTERNAL on failure. */
MUST_CHECK enum status transform_register(struct error *err);
/* True between transform_register and xmlSecShutdown. */
bool transform_registered(void);

MUST_CHECK enum status transform_digest(const struct alg *alg, struct span bytes,
                                        struct digest_value *value, struct error *err);
/* Appends the value of the signature over bytes. ST_DENIED: the key does not fit alg; ST_RETRY: it
 * is elsewhere, and not to be had now (crypto/key_away.h). */
MUST_CHECK enum status transform_sign(const struct alg *alg, const struct key *key,
                                      struct span bytes, struct buf *value, struct error *err);
/* ST_DENIED, reason 9601, when value is none of that key over bytes. */
MUST_CHECK enum status transform_verify(const struct alg *alg, const struct cert *cert,
                                        struct span bytes, struct span value, struct error *err);

/* How a session key travels: rsa-oaep with these hashes, or rsa-1_5 where both are NULL. */
struct transform_transport {
    const struct alg *alg;
    const struct alg *digest, *mgf;
};

/* Appends the session key as cert's owner can read it. */
MUST_CHECK enum status transform_wrap(const struct transform_transport *transport,
                                      const struct cert *cert, const struct secret *secret,
                                      struct buf *out, struct error *err);
/*
 * The session key of secret->len bytes or more, secret->len being what it has; a shorter one is
 * none. With rsa-1_5 anything that is not well padded gives a random key and ST_OK. Otherwise
 * ST_DENIED, reason 9202; ST_RETRY: the key is elsewhere, and not to be had now.
 */
MUST_CHECK enum status transform_unwrap(const struct transform_transport *transport,
                                        const struct key *key, struct span wrapped,
                                        struct secret *secret, struct error *err);

/* Appends IV, ciphertext and tag. */
MUST_CHECK enum status transform_seal(const struct cipher_method *method,
                                      const struct secret *secret, struct rng *rng,
                                      struct span plain, struct buf *out, struct error *err);
/* Appends the plaintext, whole or not at all; ST_DENIED, reason 9202, for whatever goes wrong. */
MUST_CHECK enum status transform_open(const struct cipher_method *method,
                                      const struct secret *secret, struct span wire,
                                      struct buf *plain, struct error *err);

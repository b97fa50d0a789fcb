/*
 * crypto/key_away.h - a private key that is not in this process: in a token, in a process of its
 * own
 *
 * All that is asked of the place where it is, is one number: in^d mod n. Padding, and looking at
 * it, stays with OpenSSL and with transform_rsa.c, as for a key in memory, so that PKCS#1, PSS and
 * OAEP with every digest work, whatever the place itself knows. Each answer is checked with the
 * public key before it is used: a wrong one never becomes a signature or a verdict on a message.
 *
 * A place that does not answer is ST_RETRY, with the cause that it gave: nothing was wrong with
 * what was to be signed or opened. RSA only.
 *
 * Decision 0120.
 */
#pragma once

#include "crypto/key.h"

struct key_away {
    /* in and out have as many bytes as the modulus; in is less than it. From any thread, several at
     * a time. Every failure comes out as ST_RETRY, with err->cause. */
    enum status (*power)(void *ctx, struct span in, uint8_t *out, struct error *err);
    void (*free)(void *ctx); /* with the last owner of the key; may be NULL */
    void *ctx;
};

/* The key that belongs to cert. Takes ctx, on failure too. ST_INVALID: not RSA. */
MUST_CHECK enum status key_away_new(const struct cert *cert, const struct key_away *away,
                                    struct key **key, struct error *err);
bool key_is_away(const struct key *key);
/* Is the key to be had? Computes once, where the key is away, and checks it. Errors as power. */
MUST_CHECK enum status key_try(const struct key *key, struct error *err);

/* What a place is asked for, with a key that is in memory here: in^d mod n. in has as many bytes as
 * the modulus and is less than it, out has as many. ST_INVALID: it is not, or the key is not RSA.
 */
MUST_CHECK enum status key_power(const struct key *key, struct span in, uint8_t *out,
                                 struct error *err);

/* After a failure of OpenSSL's or xmlsec's with a key: was it that the key's place gave no answer?
 * Then err is set, to ST_RETRY. Empties OpenSSL's error queue only in this case. For crypto/. */
bool key_away_failed(struct error *err);

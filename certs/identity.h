/*
 * certs/identity.h - who we are: a signature and a cipher certificate with their keys
 *
 * One identity speaks for one organisation in OSCI. The cipher pair in use is named to others; its
 * predecessors stay for reading, since messages enciphered for them may still wait in a mailbox.
 * Successors may be there before their time: all cipher keys read from the start on, and which pair
 * signs and is named to others is asked with the time of the message, so a switch needs nobody.
 * An identity is immutable and safe to share between threads; keys are wiped when it is freed.
 *
 * No files here: the gateway hands over bytes, with a label (the file's name) for error texts.
 *
 * Source: OSCI 1.2 digest 11.1 (key usage); BSI TR-02102 (RSA from 2048 bits).
 */
#pragma once

#include "crypto/key.h"

enum { IDENTITY_OLDER_MAX = 16, IDENTITY_NEXT_MAX = 8, IDENTITY_RSA_BITS_MIN = 2048 };
enum { IDENTITY_CIPHERS_MAX = 1 + IDENTITY_NEXT_MAX + IDENTITY_OLDER_MAX };
enum identity_use { IDENTITY_SIGNS, IDENTITY_ENCIPHERS };

/* Where a pair comes from. Spans and strings are borrowed for the call. */
struct identity_source {
    const char *cert_label; /* never NULL */
    struct span cert;       /* PEM, or PKCS#12 with certificate and key */
    const char *key_label;  /* NULL: the key is in cert, too */
    struct span key;        /* PEM */
    const char *passphrase; /* of the key or the PKCS#12; NULL: none */
    struct key *away;       /* instead of key: one that is elsewhere, the certificate's */
};

struct identity_pair {
    struct key *key;
    struct cert *cert;
};

/* Takes the place of the one before it. */
struct identity_next {
    int64_t from; /* ms since 1970 */
    struct identity_pair pair;
};

struct identity {
    struct identity_pair signature; /* until the first successor's time */
    struct identity_pair cipher;
    struct identity_next next[2][IDENTITY_NEXT_MAX]; /* by enum identity_use, earliest first */
    size_t next_count[2];
    struct identity_pair
        older[IDENTITY_OLDER_MAX]; /* earlier cipher pairs, newest first as given */
    size_t older_count;
};

/*
 * Reads and checks all pairs: key and certificate belong together, the key usage fits, RSA with
 * IDENTITY_RSA_BITS_MIN at least (signatures: or an EC key). Validity is not looked at: an expired
 * certificate is the operator's warning, not a reason to stop. ST_INVALID: unreadable, mismatch or
 * usage; ST_DENIED: passphrase wrong, key too short; ST_LIMIT: too many. The text names the label.
 */
MUST_CHECK enum status identity_new(const struct identity_source *signature,
                                    const struct identity_source *cipher,
                                    const struct identity_source *older, size_t older_count,
                                    struct identity **identity, struct error *err);
void identity_free(struct identity *identity);
DROP_DEFINE(identity_drop, struct identity, identity_free)

/*
 * One more successor, checked like the pairs of identity_new; before the identity is shared.
 * ST_INVALID as there, or from is not behind that of the one before; ST_LIMIT: too many.
 */
MUST_CHECK enum status identity_add_next(struct identity *identity, enum identity_use use,
                                         int64_t from, const struct identity_source *source,
                                         struct error *err);

/* The pair that signs, or that is named to others, at that time. */
const struct identity_pair *identity_signature(const struct identity *identity, int64_t now);
const struct identity_pair *identity_cipher(const struct identity *identity, int64_t now);
/* All cipher pairs: first the one in use at that time, then those before it, the latest first, then
 * those to come. How many. */
size_t identity_ciphers(const struct identity *identity, int64_t now,
                        const struct identity_pair *pairs[static IDENTITY_CIPHERS_MAX]);
/* The same without those to come: what others know, or knew, us by. */
size_t identity_ciphers_named(const struct identity *identity, int64_t now,
                              const struct identity_pair *pairs[static IDENTITY_CIPHERS_MAX]);

/* One more signature pair, checked like that of an identity. Free with identity_pair_deinit. */
MUST_CHECK enum status identity_signer(const struct identity_source *source,
                                       struct identity_pair *pair, struct error *err);
void identity_pair_deinit(struct identity_pair *pair);

/* The signature pair of this certificate, for a message that names it already; where cert is NULL
 * or not ours, the one in use at that time. */
const struct identity_pair *identity_signature_for(const struct identity *identity,
                                                   const struct cert *cert, int64_t now);
/* The pair, in use, older or to come, that opens what was enciphered for cert; NULL: not for us. */
const struct identity_pair *identity_cipher_for(const struct identity *identity,
                                                const struct cert *cert);

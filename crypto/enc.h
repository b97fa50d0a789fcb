/*
 * crypto/enc.h - XML Encryption as OSCI uses it
 *
 * Key transport and contents go through xmlsec's transforms, ours among them for what it lacks;
 * attachments and transport envelopes use the same session keys with crypto/cipher.h. Every failure
 * to decrypt is ST_DENIED, reason 9202, with one text, whatever went wrong.
 *
 * Source: OSCI 1.2 digest 7; wire-notes 7.
 */
#pragma once

#include "crypto/base/xml.h"
#include "crypto/cipher.h"
#include "crypto/key.h"

struct enc_params {
    const struct alg *key_transport; /* rsa-oaep */
    const struct alg *oaep_digest;   /* sha256 or sha512, for digest and MGF1 */
    struct cipher_method method;
    const struct policy *policy;
    int64_t now;
};

/* aes256-gcm with a 12-byte IV, rsa-oaep with SHA-256 and MGF1-SHA-256. */
void enc_params_default(struct enc_params *params, const struct policy *policy, int64_t now);

/* Appends <xenc:EncryptionMethod> of the cipher, with IvLength unless the IV has 16 bytes. */
void enc_method_write(struct buf *out, const struct cipher_method *method);
/* Appends <xenc:EncryptedKey>; key_info is the inner of its ds:KeyInfo, as XML. */
MUST_CHECK enum status enc_key_write(struct buf *out, const struct secret *secret,
                                     const struct cert *reader, struct span key_info,
                                     const struct enc_params *params, struct error *err);
/* Appends IV, ciphertext and tag of plain as base64 in lines of 76. */
MUST_CHECK enum status enc_value_write(struct buf *out, struct span plain,
                                       const struct secret *secret,
                                       const struct cipher_method *method, struct rng *rng,
                                       struct error *err);

/* EncryptionMethod of an EncryptedData; unknown or forbidden ones are ST_DENIED 9202. */
MUST_CHECK enum status enc_method_read(const xmlNode *encrypted_data, const struct policy *policy,
                                       int64_t now, struct cipher_method *method,
                                       struct error *err);
/*
 * The session key in an EncryptedKey. With rsa-1_5 a bad padding gives a random key, silently.
 * There are peers that say aes128 and mean the 32 bytes they send: a key longer than it should be
 * decides, and method->alg becomes its algorithm (store/06 and 07 of the golden vectors).
 */
MUST_CHECK enum status enc_key_read(const xmlNode *encrypted_key, const struct key *key,
                                    struct cipher_method *method, const struct policy *policy,
                                    int64_t now, struct secret *secret, struct error *err);
/* The plaintext of an EncryptedData with CipherValue, appended. */
MUST_CHECK enum status enc_value_read(const xmlNode *encrypted_data,
                                      const struct cipher_method *method,
                                      const struct secret *secret, struct buf *plain,
                                      struct error *err);

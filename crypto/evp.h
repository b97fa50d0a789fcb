/*
 * crypto/evp.h - what the files of this folder share of OpenSSL
 *
 * For crypto/ only.
 */
#pragma once

#include <openssl/evp.h>

#include "crypto/policy.h"

/* The digest of an alg with a hash. */
const EVP_MD *crypto_md(const struct alg *alg);
/* The cipher of a row of use ALG_CIPHER that has key_bytes. */
const EVP_CIPHER *crypto_cipher(const struct alg *alg);
/* A library refused: ST_INTERNAL with what and OpenSSL's reason. Empties OpenSSL's error queue. */
enum status crypto_refused(struct error *err, const char *what);
/* The one answer to whatever goes wrong while deciphering: ST_DENIED, 9202. Empties the queue. */
enum status crypto_undecipherable(struct error *err);

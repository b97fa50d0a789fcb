#include "crypto/evp.h"

#include <assert.h>
#include <openssl/err.h>
#include <string.h>

static const struct md_row {
    const char *name;
    const EVP_MD *(*md)(void);
} mds[] = {
    {"SHA2-256", EVP_sha256},   {"SHA2-384", EVP_sha384},   {"SHA2-512", EVP_sha512},
    {"SHA3-256", EVP_sha3_256}, {"SHA3-384", EVP_sha3_384}, {"SHA3-512", EVP_sha3_512},
};

static const struct cipher_row {
    bool gcm;
    size_t key_bytes;
    const EVP_CIPHER *(*cipher)(void);
} ciphers[] = {
    {true, 32, EVP_aes_256_gcm},  {true, 24, EVP_aes_192_gcm},  {true, 16, EVP_aes_128_gcm},
    {false, 32, EVP_aes_256_cbc}, {false, 24, EVP_aes_192_cbc}, {false, 16, EVP_aes_128_cbc},
};

const EVP_MD *crypto_md(const struct alg *alg)
{
    for (size_t i = 0; i < ARRAY_LEN(mds); i++)
        if (strcmp(mds[i].name, alg->hash) == 0)
            return mds[i].md();
    assert(!"a hash in the policy table that is unknown here");
    return NULL;
}

const EVP_CIPHER *crypto_cipher(const struct alg *alg)
{
    for (size_t i = 0; i < ARRAY_LEN(ciphers); i++)
        if (ciphers[i].gcm == alg->gcm && ciphers[i].key_bytes == alg->key_bytes)
            return ciphers[i].cipher();
    assert(!"a cipher in the policy table that is unknown here");
    return NULL;
}

enum status crypto_refused(struct error *err, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    ERR_clear_error();
    return error_set(err, ST_INTERNAL, 0, "%s: %s", what, reason == NULL ? "refused" : reason);
}

enum status crypto_undecipherable(struct error *err)
{
    ERR_clear_error();
    return error_set(err, ST_DENIED, 9202, "the bytes cannot be deciphered");
}

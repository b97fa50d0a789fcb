#include "crypto/digest.h"

#include "crypto/evp.h"

struct digest {
    const struct alg *alg;
    EVP_MD_CTX *ctx;
};

_Static_assert(DIGEST_BYTES_MAX >= EVP_MAX_MD_SIZE, "any digest fits");

enum status digest_new(const struct alg *alg, struct digest **digest, struct error *err)
{
    AUTO(digest_drop) struct digest *d = calloc(1, sizeof *d);

    TRY_ALLOC(d, err);
    d->alg = alg;
    d->ctx = EVP_MD_CTX_new();
    TRY_ALLOC(d->ctx, err);
    if (EVP_DigestInit_ex2(d->ctx, crypto_md(alg), NULL) != 1)
        return crypto_refused(err, "digest");
    *digest = TAKE(d);
    return ST_OK;
}

void digest_free(struct digest *digest)
{
    if (digest != NULL)
        EVP_MD_CTX_free(digest->ctx);
    free(digest);
}

enum status digest_update(struct digest *digest, struct span bytes, struct error *err)
{
    if (bytes.len > 0 && EVP_DigestUpdate(digest->ctx, bytes.ptr, bytes.len) != 1)
        return crypto_refused(err, "digest");
    return ST_OK;
}

enum status digest_final(struct digest *digest, struct digest_value *value, struct error *err)
{
    struct digest_value v = {.alg = digest->alg};
    unsigned len = 0;

    if (EVP_DigestFinal_ex(digest->ctx, v.bytes, &len) != 1)
        return crypto_refused(err, "digest");
    v.len = len;
    *value = v;
    return ST_OK;
}

enum status digest_of(const struct alg *alg, struct span bytes, struct digest_value *value,
                      struct error *err)
{
    struct digest_value v = {.alg = alg};
    unsigned len = 0;

    if (EVP_Digest(bytes.len == 0 ? (const uint8_t *)"" : bytes.ptr, bytes.len, v.bytes, &len,
                   crypto_md(alg), NULL) != 1)
        return crypto_refused(err, "digest");
    v.len = len;
    *value = v;
    return ST_OK;
}

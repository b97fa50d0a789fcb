#define OPENSSL_SUPPRESS_DEPRECATED                                                                \
    1 /* RSA_METHOD; a provider of our own would be ten times this */
#include "crypto/key_away.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "crypto/evp.h"
#include "crypto/key_own.h"

enum { RSA_BYTES_MAX = RSA_BITS_MAX / 8 };

struct away {
    struct key_away place;
    RSA_METHOD *method; /* OpenSSL's own, but for one function; points back here */
    BN_MONT_CTX *mont;  /* of the modulus: a third of what looking at an answer costs */
};

DROP_DEFINE(pkey_drop, EVP_PKEY, EVP_PKEY_free)
DROP_DEFINE(rsa_drop, RSA, RSA_free)

static void away_free(void *ctx)
{
    struct away *away = ctx;

    RSA_meth_free(away->method);
    BN_MONT_CTX_free(away->mont);
    if (away->place.free != NULL)
        away->place.free(away->place.ctx);
    free(away);
}

/* Is out the power that was asked for? */
static bool answer_fits(const struct away *away, const BIGNUM *out, const BIGNUM *in,
                        const RSA *rsa, BN_CTX *ctx)
{
    const BIGNUM *n, *e;
    BIGNUM *back;
    bool fits;

    RSA_get0_key(rsa, &n, &e, NULL);
    BN_CTX_start(ctx);
    back = BN_CTX_get(ctx);
    fits = back != NULL && BN_cmp(out, n) < 0 &&
           BN_mod_exp_mont(back, out, e, n, ctx, away->mont) == 1 && BN_cmp(back, in) == 0;
    BN_CTX_end(ctx);
    return fits;
}

static enum status power(const struct away *away, const BIGNUM *in, const RSA *rsa, BIGNUM *out,
                         BN_CTX *ctx, struct error *err)
{
    uint8_t bytes[RSA_BYTES_MAX], answer[RSA_BYTES_MAX] = {0};
    int len = RSA_size(rsa);
    enum status st;

    if (len <= 0 || len > RSA_BYTES_MAX || BN_bn2binpad(in, bytes, len) != len)
        return error_set(err, ST_INTERNAL, 0, "a number that is no RSA block");
    st = away->place.power(away->place.ctx, span_of(bytes, (size_t)len), answer, err);
    if (st == ST_OK &&
        (BN_bin2bn(answer, len, out) == NULL || !answer_fits(away, out, in, rsa, ctx)))
        st = error_set(err, ST_RETRY, 0, "the answer is not that of the key");
    explicit_bzero(bytes, sizeof bytes);
    explicit_bzero(answer, sizeof answer);
    return st;
}

/* OpenSSL calls it for all that it does with a private key; what failed travels in its queue, which
 * each thread has for itself. */
static int on_mod_exp(BIGNUM *out, const BIGNUM *in, RSA *rsa, BN_CTX *ctx)
{
    const struct away *away = RSA_meth_get0_app_data(RSA_get_method(rsa));
    struct error err = {0};

    if (power(away, in, rsa, out, ctx, &err) == ST_OK)
        return 1;
    ERR_clear_error(); /* this is what counts, not what somebody has left there */
    ERR_raise_data(ERR_LIB_USER, err.cause, "%s", err.text);
    return 0;
}

bool key_away_failed(struct error *err)
{
    const char *text = "";
    int flags = 0;
    unsigned long code = ERR_peek_error_all(NULL, NULL, NULL, &text, &flags);

    if (code == 0 || ERR_GET_LIB(code) != ERR_LIB_USER)
        return false;
    (void)error_set(err, ST_RETRY, 0, "the private key cannot be used now: %s",
                    (flags & ERR_TXT_STRING) != 0 ? text : "no answer");
    err->cause = ERR_GET_REASON(code);
    ERR_clear_error();
    return true;
}

static bool mont_make(struct away *away, const BIGNUM *n)
{
    BN_CTX *ctx = BN_CTX_new();
    bool made = ctx != NULL && (away->mont = BN_MONT_CTX_new()) != NULL &&
                BN_MONT_CTX_set(away->mont, n, ctx) == 1;

    BN_CTX_free(ctx);
    return made;
}

static EVP_PKEY *pkey_make(struct away *away, const struct cert *cert)
{
    EVP_PKEY *public = cert_public_key(cert);
    BIGNUM *n = NULL, *e = NULL;
    AUTO(rsa_drop) RSA *rsa = RSA_new();
    AUTO(pkey_drop) EVP_PKEY *pkey = EVP_PKEY_new();

    if (rsa == NULL || pkey == NULL || EVP_PKEY_get_bn_param(public, "n", &n) != 1 ||
        EVP_PKEY_get_bn_param(public, "e", &e) != 1 || !mont_make(away, n) ||
        RSA_set0_key(rsa, n, e, NULL) != 1) {
        BN_free(n);
        BN_free(e);
        return NULL;
    }
    /* the place hides its own timing; what is blinded here would only be blinded twice */
    RSA_set_flags(rsa, RSA_FLAG_EXT_PKEY | RSA_FLAG_NO_BLINDING);
    if (RSA_set_method(rsa, away->method) != 1 || EVP_PKEY_set1_RSA(pkey, rsa) != 1)
        return NULL;
    return TAKE(pkey);
}

enum status key_away_new(const struct cert *cert, const struct key_away *place, struct key **key,
                         struct error *err)
{
    struct away *away = calloc(1, sizeof *away);
    EVP_PKEY *pkey;

    if (away == NULL) {
        if (place->free != NULL)
            place->free(place->ctx);
        return error_starved(err);
    }
    away->place = *place;
    if (EVP_PKEY_get_base_id(cert_public_key(cert)) != EVP_PKEY_RSA) {
        away_free(away);
        return error_set(err, ST_INVALID, 0, "the key is %s, but only RSA may be elsewhere",
                         cert_key_name(cert));
    }
    away->method = RSA_meth_dup(RSA_PKCS1_OpenSSL());
    if (away->method == NULL || RSA_meth_set_mod_exp(away->method, on_mod_exp) != 1 ||
        RSA_meth_set0_app_data(away->method, away) != 1 || (pkey = pkey_make(away, cert)) == NULL) {
        away_free(away);
        return crypto_refused(err, "a private key elsewhere");
    }
    return key_own(pkey, &(struct key_place){away_free, away}, key, err);
}

enum status key_power(const struct key *key, struct span in, uint8_t *out, struct error *err)
{
    EVP_PKEY *pkey = key_pkey(key);
    size_t len = in.len;
    EVP_PKEY_CTX *ctx;
    int done = 0;

    if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_RSA || in.len != (size_t)EVP_PKEY_get_size(pkey))
        return error_set(err, ST_INVALID, 0, "a number that is no RSA block of this key");
    ctx = EVP_PKEY_CTX_new(pkey, NULL);
    if (ctx != NULL && EVP_PKEY_decrypt_init(ctx) == 1 &&
        EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1)
        done = EVP_PKEY_decrypt(ctx, out, &len, in.ptr, in.len);
    EVP_PKEY_CTX_free(ctx);
    if (done == 1)
        return ST_OK;
    if (key_away_failed(err))
        return err->status;
    ERR_clear_error();
    return error_set(err, ST_INVALID, 0, "the key does not take this number");
}

enum status key_try(const struct key *key, struct error *err)
{
    uint8_t block[RSA_BYTES_MAX] = {0}, out[RSA_BYTES_MAX];
    size_t len = (size_t)EVP_PKEY_get_size(key_pkey(key));

    if (!key_is_away(key))
        return ST_OK;
    block[len - 1] = 2; /* says nothing: its power is no signature */
    return key_power(key, span_of(block, len), out, err);
}

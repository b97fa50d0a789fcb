#include "crypto/cipher.h"

#include <assert.h>

#include "crypto/evp.h"

enum { BLOCK = 16, TAG = 16, IV_MAX = 16, PIECE = 16 * 1024 };

struct cipher {
    struct cipher_method method;
    struct secret secret;
    bool sealing, started; /* started: the IV is written, or read and set */
    EVP_CIPHER_CTX *ctx;
    uint8_t iv[IV_MAX];
    size_t iv_len;     /* so many of its bytes have come in */
    uint8_t tail[TAG]; /* opening: the last bytes so far; GCM: ciphertext, CBC: plaintext */
    size_t tail_len;
    uint8_t out[PIECE + BLOCK];
};

void secret_wipe(struct secret *secret)
{
    explicit_bzero(secret, sizeof *secret);
}

enum status secret_make(const struct alg *alg, struct rng *rng, struct secret *secret,
                        struct error *err)
{
    AUTO(secret_wipe) struct secret made = {.len = alg->key_bytes};

    assert(made.len > 0 && made.len <= SECRET_BYTES_MAX);
    TRY(rng_bytes(rng, made.bytes, made.len, err));
    *secret = made;
    return ST_OK;
}

static bool method_fits(const struct cipher_method *m, const struct secret *secret)
{
    return secret->len == m->alg->key_bytes &&
           (m->alg->gcm ? m->iv_len == 12 || m->iv_len == 16 : m->iv_len == BLOCK);
}

static enum status cipher_new(const struct cipher_method *method, const struct secret *secret,
                              struct cipher **cipher, struct error *err)
{
    AUTO(cipher_drop) struct cipher *c = calloc(1, sizeof *c);

    TRY_ALLOC(c, err);
    c->method = *method;
    c->secret = *secret;
    c->ctx = EVP_CIPHER_CTX_new();
    TRY_ALLOC(c->ctx, err);
    *cipher = TAKE(c);
    return ST_OK;
}

static bool set_iv(struct cipher *c)
{
    int seal = c->sealing ? 1 : 0;
    const EVP_CIPHER *evp = crypto_cipher(c->method.alg);

    c->started = true;
    if (!c->method.alg->gcm)
        return EVP_CipherInit_ex(c->ctx, evp, NULL, c->secret.bytes, c->iv, seal) == 1 &&
               EVP_CIPHER_CTX_set_padding(c->ctx, seal) == 1;
    return EVP_CipherInit_ex(c->ctx, evp, NULL, NULL, NULL, seal) == 1 &&
           EVP_CIPHER_CTX_ctrl(c->ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)c->method.iv_len, NULL) == 1 &&
           EVP_CipherInit_ex(c->ctx, NULL, NULL, c->secret.bytes, c->iv, seal) == 1;
}

enum status cipher_seal_new(const struct cipher_method *method, const struct secret *secret,
                            struct rng *rng, struct cipher **cipher, struct error *err)
{
    AUTO(cipher_drop) struct cipher *c = NULL;

    assert(method_fits(method, secret));
    TRY(cipher_new(method, secret, &c, err));
    c->sealing = true;
    TRY(rng_bytes(rng, c->iv, method->iv_len, err));
    *cipher = TAKE(c);
    return ST_OK;
}

enum status cipher_open_new(const struct cipher_method *method, const struct secret *secret,
                            struct cipher **cipher, struct error *err)
{
    if (!method_fits(method, secret)) /* a key from outside may have any length */
        return crypto_undecipherable(err);
    return cipher_new(method, secret, cipher, err);
}

void cipher_free(struct cipher *cipher)
{
    if (cipher == NULL)
        return;
    EVP_CIPHER_CTX_free(cipher->ctx);
    explicit_bzero(cipher, sizeof *cipher);
    free(cipher);
}

static enum status failed(const struct cipher *c, struct error *err)
{
    return c->sealing ? crypto_refused(err, "cipher") : crypto_undecipherable(err);
}

/* Passes plaintext on but keeps the last block, which holds the padding. */
static enum status emit_cbc_plain(struct cipher *c, struct span plain, struct sink *out,
                                  struct error *err)
{
    size_t keep = plain.len < BLOCK ? plain.len : BLOCK;

    if (plain.len == 0)
        return ST_OK;
    assert(plain.len % BLOCK == 0); /* without padding OpenSSL gives whole blocks */
    if (c->tail_len > 0)
        TRY(sink_write(out, span_of(c->tail, c->tail_len), err));
    if (plain.len > keep)
        TRY(sink_write(out, span_sub(plain, 0, plain.len - keep), err));
    memcpy(c->tail, plain.ptr + plain.len - keep, keep);
    c->tail_len = keep;
    return ST_OK;
}

/* Through the cipher in pieces; c->out is the only buffer. */
static enum status run(struct cipher *c, struct span in, struct sink *out, struct error *err)
{
    while (in.len > 0) {
        struct span piece = span_sub(in, 0, PIECE);
        int len = 0;

        if (EVP_CipherUpdate(c->ctx, c->out, &len, piece.ptr, (int)piece.len) != 1)
            return failed(c, err);
        if (!c->sealing && !c->method.alg->gcm)
            TRY(emit_cbc_plain(c, span_of(c->out, (size_t)len), out, err));
        else if (len > 0)
            TRY(sink_write(out, span_of(c->out, (size_t)len), err));
        in = span_from(in, piece.len);
    }
    return ST_OK;
}

/* Takes the IV off the front; true when there is all of it. */
static bool take_iv(struct cipher *c, struct span *in)
{
    size_t want = c->method.iv_len - c->iv_len;
    size_t got = in->len < want ? in->len : want;

    if (got > 0)
        memcpy(c->iv + c->iv_len, in->ptr, got);
    c->iv_len += got;
    *in = span_from(*in, got);
    return c->iv_len == c->method.iv_len;
}

/* The last 16 bytes may be the tag, so they wait until it is known what comes after them. */
static enum status open_gcm(struct cipher *c, struct span in, struct sink *out, struct error *err)
{
    size_t total = c->tail_len + in.len, ready, from_tail;

    if (total <= TAG) {
        if (in.len > 0)
            memcpy(c->tail + c->tail_len, in.ptr, in.len);
        c->tail_len = total;
        return ST_OK;
    }
    ready = total - TAG;
    from_tail = ready < c->tail_len ? ready : c->tail_len;
    TRY(run(c, span_of(c->tail, from_tail), out, err));
    memmove(c->tail, c->tail + from_tail, c->tail_len - from_tail);
    c->tail_len -= from_tail;
    TRY(run(c, span_sub(in, 0, ready - from_tail), out, err));
    in = span_from(in, ready - from_tail);
    memcpy(c->tail + c->tail_len, in.ptr, in.len);
    c->tail_len += in.len;
    return ST_OK;
}

static enum status start(struct cipher *c, struct sink *out, struct error *err)
{
    if (!set_iv(c))
        return failed(c, err);
    return c->sealing ? sink_write(out, span_of(c->iv, c->method.iv_len), err) : ST_OK;
}

enum status cipher_push(struct cipher *cipher, struct span in, struct sink *out, struct error *err)
{
    if (!cipher->sealing && !take_iv(cipher, &in))
        return ST_OK;
    if (!cipher->started)
        TRY(start(cipher, out, err));
    if (!cipher->sealing && cipher->method.alg->gcm)
        return open_gcm(cipher, in, out, err);
    return run(cipher, in, out, err);
}

static enum status finish_seal(struct cipher *c, struct sink *out, struct error *err)
{
    int len = 0;

    if (!c->started)
        TRY(start(c, out, err));
    if (EVP_CipherFinal_ex(c->ctx, c->out, &len) != 1)
        return failed(c, err);
    if (len > 0)
        TRY(sink_write(out, span_of(c->out, (size_t)len), err));
    if (!c->method.alg->gcm)
        return ST_OK;
    if (EVP_CIPHER_CTX_ctrl(c->ctx, EVP_CTRL_AEAD_GET_TAG, TAG, c->tail) != 1)
        return failed(c, err);
    return sink_write(out, span_of(c->tail, TAG), err);
}

/* XML Encryption's padding: the last byte tells how many there are, the others may be anything. */
static enum status finish_open_cbc(struct cipher *c, struct sink *out, struct error *err)
{
    int len = 0;
    size_t pad;

    if (EVP_CipherFinal_ex(c->ctx, c->out, &len) != 1 || c->tail_len != BLOCK)
        return failed(c, err);
    pad = c->tail[BLOCK - 1];
    if (pad < 1 || pad > BLOCK)
        return failed(c, err);
    if (pad == BLOCK)
        return ST_OK;
    return sink_write(out, span_of(c->tail, BLOCK - pad), err);
}

static enum status finish_open_gcm(struct cipher *c, struct error *err)
{
    int len = 0;

    if (c->tail_len != TAG ||
        EVP_CIPHER_CTX_ctrl(c->ctx, EVP_CTRL_AEAD_SET_TAG, TAG, c->tail) != 1 ||
        EVP_CipherFinal_ex(c->ctx, c->out, &len) != 1)
        return failed(c, err);
    return ST_OK;
}

enum status cipher_finish(struct cipher *cipher, struct sink *out, struct error *err)
{
    if (cipher->sealing)
        return finish_seal(cipher, out, err);
    if (!cipher->started)
        return failed(cipher, err);
    return cipher->method.alg->gcm ? finish_open_gcm(cipher, err)
                                   : finish_open_cbc(cipher, out, err);
}

uint64_t cipher_sealed_len(const struct cipher_method *method, uint64_t plain_len)
{
    if (method->alg->gcm)
        return method->iv_len + plain_len + TAG;
    return BLOCK + (plain_len / BLOCK + 1) * BLOCK;
}

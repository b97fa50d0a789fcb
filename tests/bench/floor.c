#include "tests/bench/floor.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <stdlib.h>

enum { KEY_BYTES = 32, IV_BYTES = 12, TAG_BYTES = 16, RSA_BYTES_MAX = 1024 };
enum { AUTHOR_INFO_BYTES = 1000, MESSAGE_INFO_BYTES = 2500 }; /* what a SignedInfo measures */

/* One signature with the digest it stands on, one encryption with the key that goes with it. */
struct layer {
    EVP_PKEY *signer, *receiver;
    size_t digested, info, plain_len;
    unsigned char *plain, *sealed;
    unsigned char iv[IV_BYTES], tag[TAG_BYTES];
    unsigned char wrapped[RSA_BYTES_MAX], signature[RSA_BYTES_MAX];
    size_t wrapped_len, signature_len;
};

struct floor {
    EVP_MD *sha256;
    EVP_CIPHER *gcm;
    EVP_CIPHER_CTX *cipher;
    EVP_MD_CTX *md, *signing;
    struct layer content, message;
};

static bool layer_init(struct layer *l, EVP_PKEY *signer, EVP_PKEY *receiver, size_t digested,
                       size_t info, size_t plain_len)
{
    size_t most = plain_len > digested ? plain_len : digested;

    *l = (struct layer){.signer = signer,
                        .receiver = receiver,
                        .digested = digested,
                        .info = info,
                        .plain_len = plain_len};
    if (most < info)
        most = info;
    l->plain = calloc(1, most);
    l->sealed = calloc(1, most);
    return l->plain != NULL && l->sealed != NULL && RAND_bytes(l->plain, (int)most) == 1;
}

struct floor *floor_new(EVP_PKEY *signer, EVP_PKEY *reader, EVP_PKEY *intermediary,
                        const struct floor_sizes *sizes)
{
    struct floor *f = calloc(1, sizeof *f);

    if (f == NULL)
        return NULL;
    f->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    f->gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    f->cipher = EVP_CIPHER_CTX_new();
    f->md = EVP_MD_CTX_new();
    f->signing = EVP_MD_CTX_new();
    if (f->sha256 == NULL || f->gcm == NULL || f->cipher == NULL || f->md == NULL ||
        f->signing == NULL ||
        !layer_init(&f->content, signer, reader, sizes->content, AUTHOR_INFO_BYTES,
                    sizes->container) ||
        !layer_init(&f->message, signer, intermediary, sizes->blocks, MESSAGE_INFO_BYTES,
                    sizes->inner)) {
        floor_free(f);
        return NULL;
    }
    return f;
}

void floor_free(struct floor *f)
{
    if (f == NULL)
        return;
    EVP_MD_free(f->sha256);
    EVP_CIPHER_free(f->gcm);
    EVP_CIPHER_CTX_free(f->cipher);
    EVP_MD_CTX_free(f->md);
    EVP_MD_CTX_free(f->signing);
    free(f->content.plain);
    free(f->content.sealed);
    free(f->message.plain);
    free(f->message.sealed);
    free(f);
}

static bool digest(struct floor *f, const struct layer *l)
{
    unsigned char value[EVP_MAX_MD_SIZE];

    return EVP_DigestInit_ex2(f->md, f->sha256, NULL) == 1 &&
           EVP_DigestUpdate(f->md, l->plain, l->digested) == 1 &&
           EVP_DigestFinal_ex(f->md, value, NULL) == 1;
}

static EVP_PKEY_CTX *oaep(EVP_PKEY *key, int (*init)(EVP_PKEY_CTX *))
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);

    if (ctx == NULL || init(ctx) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) != 1 ||
        EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) != 1 ||
        EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) != 1) {
        EVP_PKEY_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

static bool wrap(struct layer *l, const unsigned char *key)
{
    EVP_PKEY_CTX *ctx = oaep(l->receiver, EVP_PKEY_encrypt_init);
    bool ok;

    l->wrapped_len = sizeof l->wrapped;
    ok = ctx != NULL && EVP_PKEY_encrypt(ctx, l->wrapped, &l->wrapped_len, key, KEY_BYTES) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static bool unwrap(const struct layer *l, unsigned char *key)
{
    EVP_PKEY_CTX *ctx = oaep(l->receiver, EVP_PKEY_decrypt_init);
    unsigned char out[RSA_BYTES_MAX];
    size_t len = sizeof out;
    bool ok = ctx != NULL && EVP_PKEY_decrypt(ctx, out, &len, l->wrapped, l->wrapped_len) == 1 &&
              len == KEY_BYTES;

    for (size_t i = 0; ok && i < KEY_BYTES; i++)
        key[i] = out[i];
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static bool sign(struct floor *f, struct layer *l)
{
    l->signature_len = sizeof l->signature;
    return digest(f, l) && EVP_MD_CTX_reset(f->signing) == 1 &&
           EVP_DigestSignInit_ex(f->signing, NULL, "SHA256", NULL, NULL, l->signer, NULL) == 1 &&
           EVP_DigestSign(f->signing, l->signature, &l->signature_len, l->plain, l->info) == 1;
}

static bool verify(struct floor *f, struct layer *l)
{
    return digest(f, l) && EVP_MD_CTX_reset(f->signing) == 1 &&
           EVP_DigestVerifyInit_ex(f->signing, NULL, "SHA256", NULL, NULL, l->signer, NULL) == 1 &&
           EVP_DigestVerify(f->signing, l->signature, l->signature_len, l->plain, l->info) == 1;
}

static bool seal(struct floor *f, struct layer *l)
{
    unsigned char key[KEY_BYTES];
    int len;

    return RAND_bytes(key, sizeof key) == 1 && RAND_bytes(l->iv, sizeof l->iv) == 1 &&
           EVP_EncryptInit_ex2(f->cipher, f->gcm, key, l->iv, NULL) == 1 &&
           EVP_EncryptUpdate(f->cipher, l->sealed, &len, l->plain, (int)l->plain_len) == 1 &&
           EVP_EncryptFinal_ex(f->cipher, l->sealed + len, &len) == 1 &&
           EVP_CIPHER_CTX_ctrl(f->cipher, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, l->tag) == 1 &&
           wrap(l, key);
}

static bool unseal(struct floor *f, struct layer *l)
{
    unsigned char key[KEY_BYTES];
    int len;

    return unwrap(l, key) && EVP_DecryptInit_ex2(f->cipher, f->gcm, key, l->iv, NULL) == 1 &&
           EVP_DecryptUpdate(f->cipher, l->plain, &len, l->sealed, (int)l->plain_len) == 1 &&
           EVP_CIPHER_CTX_ctrl(f->cipher, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, l->tag) == 1 &&
           EVP_DecryptFinal_ex(f->cipher, l->plain + len, &len) == 1;
}

bool floor_build(struct floor *f)
{
    return sign(f, &f->content) && seal(f, &f->content) && sign(f, &f->message) &&
           seal(f, &f->message);
}

bool floor_parse(struct floor *f)
{
    return unseal(f, &f->message) && verify(f, &f->message) && unseal(f, &f->content) &&
           verify(f, &f->content);
}

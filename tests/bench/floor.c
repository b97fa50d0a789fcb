#include "tests/bench/floor.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_BYTES = 32, IV_BYTES = 12, TAG_BYTES = 16, RSA_BYTES_MAX = 1024, SHA256_BYTES = 32 };
enum { AUTHOR_INFO_BYTES = 900 }; /* what a SignedInfo with one reference measures */

/* One signature with the digests it stands on, one encryption with the key that goes with it. */
struct layer {
    EVP_PKEY_CTX *sign, *verify, *wrap, *unwrap;
    size_t digested[FLOOR_BLOCKS_MAX], digested_count, info, plain_len;
    unsigned char *plain, *sealed;
    unsigned char iv[IV_BYTES], tag[TAG_BYTES];
    unsigned char wrapped[RSA_BYTES_MAX], signature[RSA_BYTES_MAX];
    size_t wrapped_len, signature_len;
};

struct floor {
    EVP_MD *sha256;
    EVP_CIPHER *gcm;
    EVP_CIPHER_CTX *cipher;
    EVP_MD_CTX *md;
    struct layer content, message;
};

/* ---- laid once ---- */

static EVP_PKEY_CTX *rsa(const struct floor *f, EVP_PKEY *key, int (*init)(EVP_PKEY_CTX *),
                         int padding)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    bool good = ctx != NULL && init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, padding) == 1;

    if (good && padding == RSA_PKCS1_OAEP_PADDING)
        good = EVP_PKEY_CTX_set_rsa_oaep_md(ctx, f->sha256) == 1 &&
               EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, f->sha256) == 1;
    else if (good)
        good = EVP_PKEY_CTX_set_signature_md(ctx, f->sha256) == 1;
    if (good)
        return ctx;
    EVP_PKEY_CTX_free(ctx);
    return NULL;
}

static bool layer_init(const struct floor *f, struct layer *l, EVP_PKEY *signer, EVP_PKEY *receiver)
{
    size_t most = l->plain_len > l->info ? l->plain_len : l->info;

    for (size_t i = 0; i < l->digested_count; i++)
        if (l->digested[i] > most)
            most = l->digested[i];
    l->sign = rsa(f, signer, EVP_PKEY_sign_init, RSA_PKCS1_PADDING);
    l->verify = rsa(f, signer, EVP_PKEY_verify_init, RSA_PKCS1_PADDING);
    l->wrap = rsa(f, receiver, EVP_PKEY_encrypt_init, RSA_PKCS1_OAEP_PADDING);
    l->unwrap = rsa(f, receiver, EVP_PKEY_decrypt_init, RSA_PKCS1_OAEP_PADDING);
    l->plain = calloc(1, most);
    l->sealed = calloc(1, most);
    return l->sign != NULL && l->verify != NULL && l->wrap != NULL && l->unwrap != NULL &&
           l->plain != NULL && l->sealed != NULL && RAND_bytes(l->plain, (int)most) == 1;
}

static void layer_free(struct layer *l)
{
    EVP_PKEY_CTX_free(l->sign);
    EVP_PKEY_CTX_free(l->verify);
    EVP_PKEY_CTX_free(l->wrap);
    EVP_PKEY_CTX_free(l->unwrap);
    free(l->plain);
    free(l->sealed);
}

struct floor *floor_new(EVP_PKEY *signer, EVP_PKEY *reader, EVP_PKEY *intermediary,
                        const struct floor_sizes *sizes)
{
    struct floor *f = calloc(1, sizeof *f);

    if (f == NULL)
        return NULL;
    f->content = (struct layer){.digested = {sizes->content},
                                .digested_count = 1,
                                .info = AUTHOR_INFO_BYTES,
                                .plain_len = sizes->container};
    f->message = (struct layer){
        .digested_count = sizes->block_count, .info = sizes->info, .plain_len = sizes->inner};
    memcpy(f->message.digested, sizes->blocks, sizeof sizes->blocks);
    f->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    f->gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    f->cipher = EVP_CIPHER_CTX_new();
    f->md = EVP_MD_CTX_new();
    if (f->sha256 == NULL || f->gcm == NULL || f->cipher == NULL || f->md == NULL ||
        !layer_init(f, &f->content, signer, reader) ||
        !layer_init(f, &f->message, signer, intermediary)) {
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
    layer_free(&f->content);
    layer_free(&f->message);
    free(f);
}

/* ---- for each message ---- */

static bool digest(struct floor *f, const struct layer *l, size_t len, unsigned char *value)
{
    return EVP_DigestInit_ex2(f->md, f->sha256, NULL) == 1 &&
           EVP_DigestUpdate(f->md, l->plain, len) == 1 &&
           EVP_DigestFinal_ex(f->md, value, NULL) == 1;
}

/* Of the parts, then of the SignedInfo: its value is what counts. */
static bool digests(struct floor *f, const struct layer *l, unsigned char *value)
{
    for (size_t i = 0; i < l->digested_count; i++)
        if (!digest(f, l, l->digested[i], value))
            return false;
    return digest(f, l, l->info, value);
}

static bool sign(struct floor *f, struct layer *l)
{
    unsigned char value[SHA256_BYTES];

    l->signature_len = sizeof l->signature;
    return digests(f, l, value) &&
           EVP_PKEY_sign(l->sign, l->signature, &l->signature_len, value, sizeof value) == 1;
}

static bool verify(struct floor *f, struct layer *l)
{
    unsigned char value[SHA256_BYTES];

    return digests(f, l, value) &&
           EVP_PKEY_verify(l->verify, l->signature, l->signature_len, value, sizeof value) == 1;
}

static bool seal(struct floor *f, struct layer *l)
{
    unsigned char key[KEY_BYTES];
    int len;

    l->wrapped_len = sizeof l->wrapped;
    return RAND_bytes(key, sizeof key) == 1 && RAND_bytes(l->iv, sizeof l->iv) == 1 &&
           EVP_EncryptInit_ex2(f->cipher, f->gcm, key, l->iv, NULL) == 1 &&
           EVP_EncryptUpdate(f->cipher, l->sealed, &len, l->plain, (int)l->plain_len) == 1 &&
           EVP_EncryptFinal_ex(f->cipher, l->sealed + len, &len) == 1 &&
           EVP_CIPHER_CTX_ctrl(f->cipher, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, l->tag) == 1 &&
           EVP_PKEY_encrypt(l->wrap, l->wrapped, &l->wrapped_len, key, sizeof key) == 1;
}

static bool unseal(struct floor *f, struct layer *l)
{
    unsigned char key[RSA_BYTES_MAX];
    size_t key_len = sizeof key;
    int len;

    return EVP_PKEY_decrypt(l->unwrap, key, &key_len, l->wrapped, l->wrapped_len) == 1 &&
           key_len == KEY_BYTES && EVP_DecryptInit_ex2(f->cipher, f->gcm, key, l->iv, NULL) == 1 &&
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

#include "certs/identity.h"

#include <openssl/x509.h>

enum pair_use { PAIR_SIGNATURE, PAIR_CIPHER };

void identity_pair_deinit(struct identity_pair *pair)
{
    key_free(pair->key);
    cert_free(pair->cert);
    *pair = (struct identity_pair){0};
}

/* PKCS#12 is DER and begins with a SEQUENCE; no PEM text begins so. */
static bool is_pkcs12(const struct identity_source *source)
{
    return source->key_label == NULL && source->cert.len > 0 && source->cert.ptr[0] == 0x30;
}

static enum status pair_read(const struct identity_source *source, struct identity_pair *pair,
                             struct error *err)
{
    bool apart = source->key_label != NULL;

    if (is_pkcs12(source)) {
        if (key_from_pkcs12(source->cert, source->passphrase, &pair->key, &pair->cert, err) !=
            ST_OK)
            return error_context(err, "%s", source->cert_label);
        return ST_OK;
    }
    if (cert_from_pem(source->cert, &pair->cert, err) != ST_OK)
        return error_context(err, "%s", source->cert_label);
    if (key_from_pem(apart ? source->key : source->cert, source->passphrase, &pair->key, err) !=
        ST_OK)
        return error_context(err, "%s", apart ? source->key_label : source->cert_label);
    return ST_OK;
}

static enum status pair_check_strength(const struct identity_pair *pair, enum pair_use use,
                                       const char *label, struct error *err)
{
    EVP_PKEY *key = cert_public_key(pair->cert);
    int type = EVP_PKEY_get_base_id(key);
    bool rsa = type == EVP_PKEY_RSA;

    if (!rsa && (use == PAIR_CIPHER || type != EVP_PKEY_EC))
        return error_set(err, ST_INVALID, 0, "%s: the key is %s, but %s", label,
                         cert_key_name(pair->cert),
                         use == PAIR_CIPHER ? "enciphering needs RSA" : "signing needs RSA or EC");
    if (rsa && EVP_PKEY_get_bits(key) < IDENTITY_RSA_BITS_MIN)
        return error_set(err, ST_DENIED, 0, "%s: %s is too short, use %d bits at least", label,
                         cert_key_name(pair->cert), IDENTITY_RSA_BITS_MIN);
    return ST_OK;
}

static enum status pair_check(const struct identity_pair *pair, enum pair_use use,
                              const struct identity_source *source, struct error *err)
{
    const char *label = source->cert_label;

    if (!key_matches(pair->key, pair->cert))
        return error_set(
            err, ST_INVALID, 0, "%s: the key%s%s does not belong to the certificate %s", label,
            source->key_label != NULL ? " in " : "",
            source->key_label != NULL ? source->key_label : "", cert_subject(pair->cert));
    if (use == PAIR_SIGNATURE && !cert_may_sign(pair->cert))
        return error_set(err, ST_INVALID, 0,
                         "%s: the certificate %s is not for signing: its key usage has neither "
                         "digitalSignature nor nonRepudiation",
                         label, cert_subject(pair->cert));
    if (use == PAIR_CIPHER && !cert_may_encipher(pair->cert))
        return error_set(err, ST_INVALID, 0,
                         "%s: the certificate %s is not for enciphering: its key usage has neither "
                         "keyEncipherment nor dataEncipherment",
                         label, cert_subject(pair->cert));
    return pair_check_strength(pair, use, label, err);
}

static enum status pair_make(const struct identity_source *source, enum pair_use use,
                             struct identity_pair *pair, struct error *err)
{
    AUTO(identity_pair_deinit) struct identity_pair made = {0};

    TRY(pair_read(source, &made, err));
    TRY(pair_check(&made, use, source, err));
    *pair = made;
    made = (struct identity_pair){0};
    return ST_OK;
}

enum status identity_signer(const struct identity_source *source, struct identity_pair *pair,
                            struct error *err)
{
    return pair_make(source, PAIR_SIGNATURE, pair, err);
}

enum status identity_new(const struct identity_source *signature,
                         const struct identity_source *cipher, const struct identity_source *older,
                         size_t older_count, struct identity **identity, struct error *err)
{
    AUTO(identity_drop) struct identity *made = calloc(1, sizeof *made);

    TRY_ALLOC(made, err);
    if (older_count > IDENTITY_OLDER_MAX)
        return error_set(err, ST_LIMIT, 0, "%zu older cipher certificates, %d are allowed",
                         older_count, IDENTITY_OLDER_MAX);
    TRY(pair_make(signature, PAIR_SIGNATURE, &made->signature, err));
    TRY(pair_make(cipher, PAIR_CIPHER, &made->cipher, err));
    for (size_t i = 0; i < older_count; i++) {
        TRY(pair_make(&older[i], PAIR_CIPHER, &made->older[i], err));
        made->older_count++;
    }
    *identity = TAKE(made);
    return ST_OK;
}

void identity_free(struct identity *identity)
{
    if (identity == NULL)
        return;
    identity_pair_deinit(&identity->signature);
    identity_pair_deinit(&identity->cipher);
    for (size_t i = 0; i < identity->older_count; i++)
        identity_pair_deinit(&identity->older[i]);
    free(identity);
}

const struct identity_pair *identity_cipher_for(const struct identity *identity,
                                                const struct cert *cert)
{
    if (cert_eq(identity->cipher.cert, cert))
        return &identity->cipher;
    for (size_t i = 0; i < identity->older_count; i++) {
        if (cert_eq(identity->older[i].cert, cert))
            return &identity->older[i];
    }
    return NULL;
}

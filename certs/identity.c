#include "certs/identity.h"

#include <openssl/x509.h>

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
    if (source->away != NULL) {
        pair->key = key_ref(source->away);
        return ST_OK;
    }
    if (key_from_pem(apart ? source->key : source->cert, source->passphrase, &pair->key, err) !=
        ST_OK)
        return error_context(err, "%s", apart ? source->key_label : source->cert_label);
    return ST_OK;
}

static enum status pair_check_strength(const struct identity_pair *pair, enum identity_use use,
                                       const char *label, struct error *err)
{
    EVP_PKEY *key = cert_public_key(pair->cert);
    int type = EVP_PKEY_get_base_id(key);
    bool rsa = type == EVP_PKEY_RSA;

    if (!rsa && (use == IDENTITY_ENCIPHERS || type != EVP_PKEY_EC))
        return error_set(
            err, ST_INVALID, 0, "%s: the key is %s, but %s", label, cert_key_name(pair->cert),
            use == IDENTITY_ENCIPHERS ? "enciphering needs RSA" : "signing needs RSA or EC");
    if (rsa && EVP_PKEY_get_bits(key) < IDENTITY_RSA_BITS_MIN)
        return error_set(err, ST_DENIED, 0, "%s: %s is too short, use %d bits at least", label,
                         cert_key_name(pair->cert), IDENTITY_RSA_BITS_MIN);
    return ST_OK;
}

static enum status pair_check(const struct identity_pair *pair, enum identity_use use,
                              const struct identity_source *source, struct error *err)
{
    const char *label = source->cert_label;

    if (!key_matches(pair->key, pair->cert))
        return error_set(
            err, ST_INVALID, 0, "%s: the key%s%s does not belong to the certificate %s", label,
            source->key_label != NULL ? " in " : "",
            source->key_label != NULL ? source->key_label : "", cert_subject(pair->cert));
    if (use == IDENTITY_SIGNS && !cert_may_sign(pair->cert))
        return error_set(err, ST_INVALID, 0,
                         "%s: the certificate %s is not for signing: its key usage has neither "
                         "digitalSignature nor nonRepudiation",
                         label, cert_subject(pair->cert));
    if (use == IDENTITY_ENCIPHERS && !cert_may_encipher(pair->cert))
        return error_set(err, ST_INVALID, 0,
                         "%s: the certificate %s is not for enciphering: its key usage has neither "
                         "keyEncipherment nor dataEncipherment",
                         label, cert_subject(pair->cert));
    return pair_check_strength(pair, use, label, err);
}

static enum status pair_make(const struct identity_source *source, enum identity_use use,
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
    return pair_make(source, IDENTITY_SIGNS, pair, err);
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
    TRY(pair_make(signature, IDENTITY_SIGNS, &made->signature, err));
    TRY(pair_make(cipher, IDENTITY_ENCIPHERS, &made->cipher, err));
    for (size_t i = 0; i < older_count; i++) {
        TRY(pair_make(&older[i], IDENTITY_ENCIPHERS, &made->older[i], err));
        made->older_count++;
    }
    *identity = TAKE(made);
    return ST_OK;
}

enum status identity_add_next(struct identity *identity, enum identity_use use, int64_t from,
                              const struct identity_source *source, struct error *err)
{
    struct identity_next *all = identity->next[use];
    size_t count = identity->next_count[use];

    if (count == IDENTITY_NEXT_MAX)
        return error_set(err, ST_LIMIT, 0, "more than %d successors of a certificate",
                         IDENTITY_NEXT_MAX);
    if (count > 0 && from <= all[count - 1].from)
        return error_set(err, ST_INVALID, 0, "%s: its time is not behind that of the one before",
                         source->cert_label);
    TRY(pair_make(source, use, &all[count].pair, err));
    all[count].from = from;
    identity->next_count[use]++;
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
    for (int use = IDENTITY_SIGNS; use <= IDENTITY_ENCIPHERS; use++)
        for (size_t i = 0; i < identity->next_count[use]; i++)
            identity_pair_deinit(&identity->next[use][i].pair);
    free(identity);
}

/* How many successors have had their time. */
static size_t begun(const struct identity *identity, enum identity_use use, int64_t now)
{
    size_t n = 0;

    while (n < identity->next_count[use] && identity->next[use][n].from <= now)
        n++;
    return n;
}

const struct identity_pair *identity_signature(const struct identity *identity, int64_t now)
{
    size_t n = begun(identity, IDENTITY_SIGNS, now);

    return n == 0 ? &identity->signature : &identity->next[IDENTITY_SIGNS][n - 1].pair;
}

const struct identity_pair *identity_cipher(const struct identity *identity, int64_t now)
{
    size_t n = begun(identity, IDENTITY_ENCIPHERS, now);

    return n == 0 ? &identity->cipher : &identity->next[IDENTITY_ENCIPHERS][n - 1].pair;
}

size_t identity_ciphers(const struct identity *identity, int64_t now,
                        const struct identity_pair *pairs[static IDENTITY_CIPHERS_MAX])
{
    const struct identity_next *next = identity->next[IDENTITY_ENCIPHERS];
    size_t current = begun(identity, IDENTITY_ENCIPHERS, now), count = 0;

    for (size_t i = current; i > 0; i--)
        pairs[count++] = &next[i - 1].pair;
    pairs[count++] = &identity->cipher;
    for (size_t i = 0; i < identity->older_count; i++)
        pairs[count++] = &identity->older[i];
    for (size_t i = current; i < identity->next_count[IDENTITY_ENCIPHERS]; i++)
        pairs[count++] = &next[i].pair;
    return count;
}

size_t identity_ciphers_named(const struct identity *identity, int64_t now,
                              const struct identity_pair *pairs[static IDENTITY_CIPHERS_MAX])
{
    size_t count = identity_ciphers(identity, now, pairs);

    return count - identity->next_count[IDENTITY_ENCIPHERS] +
           begun(identity, IDENTITY_ENCIPHERS, now);
}

const struct identity_pair *identity_signature_for(const struct identity *identity,
                                                   const struct cert *cert, int64_t now)
{
    const struct identity_next *next = identity->next[IDENTITY_SIGNS];

    if (cert != NULL && cert_eq(identity->signature.cert, cert))
        return &identity->signature;
    for (size_t i = 0; cert != NULL && i < identity->next_count[IDENTITY_SIGNS]; i++)
        if (cert_eq(next[i].pair.cert, cert))
            return &next[i].pair;
    return identity_signature(identity, now);
}

const struct identity_pair *identity_cipher_for(const struct identity *identity,
                                                const struct cert *cert)
{
    const struct identity_pair *pairs[IDENTITY_CIPHERS_MAX];
    size_t count = identity_ciphers(identity, INT64_MAX, pairs);

    for (size_t i = 0; i < count; i++)
        if (cert_eq(pairs[i]->cert, cert))
            return pairs[i];
    return NULL;
}

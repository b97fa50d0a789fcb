#include "crypto/transform.h"

#include <openssl/err.h>
#include <xmlsec/keys.h>
#include <xmlsec/openssl/crypto.h>
#include <xmlsec/openssl/evp.h>
#include <xmlsec/transforms.h>
#include <xmlsec/xmlsec.h>

#include "crypto/evp.h"
#include "crypto/key_away.h"
#include "crypto/transform_class.h"

enum status transform_register(struct error *err)
{
    if (transform_rsa_register() < 0 || transform_bytes_register() < 0)
        return error_set(err, ST_INTERNAL, 0, "xmlsec does not take our transforms");
    return ST_OK;
}

bool transform_registered(void)
{
    return xmlSecPtrListGetSize(xmlSecTransformIdsGet()) > 0;
}

enum { RUN_BYTES = 8 * 1024 };

/* One transform; it asks for a context, which only chains and XPath look into. */
struct run {
    xmlSecTransformCtx ctx;
    xmlSecTransformPtr transform;
};

static void run_deinit(struct run *run)
{
    if (run->transform != NULL)
        xmlSecTransformDestroy(run->transform);
    run->transform = NULL;
    ERR_clear_error(); /* xmlsec leaves OpenSSL's there */
}

static bool run_init(struct run *run, const struct alg *alg, xmlSecTransformUsage usage,
                     xmlSecTransformOperation operation)
{
    xmlSecTransformId id =
        xmlSecTransformIdListFindByHref(xmlSecTransformIdsGet(), (const xmlChar *)alg->uri, usage);

    if (id == xmlSecTransformIdUnknown)
        return false;
    run->transform = xmlSecTransformCreate(id);
    if (run->transform == NULL)
        return false;
    run->transform->operation = operation;
    return true;
}

/*
 * What xmlSecTransformCtxBinaryExecute does for a chain, done for the one transform: it goes
 * through the bytes kilobyte by kilobyte, and refuses to run over none at all.
 */
static bool run_bytes(struct run *run, struct span bytes)
{
    xmlSecTransformPtr t = run->transform;
    bool last;

    do {
        struct span piece = span_sub(bytes, 0, RUN_BYTES);

        bytes = span_from(bytes, piece.len);
        last = bytes.len == 0;
        if ((piece.len > 0 &&
             xmlSecBufferAppend(&t->inBuf, piece.ptr, (xmlSecSize)piece.len) < 0) ||
            xmlSecTransformExecute(t, last, &run->ctx) < 0)
            return false;
    } while (!last);
    return true;
}

static struct span run_result(const struct run *run)
{
    return span_of(xmlSecBufferGetData(&run->transform->outBuf),
                   xmlSecBufferGetSize(&run->transform->outBuf));
}

/* Takes data, also on failure. */
static bool run_key_data(struct run *run, xmlSecKeyDataPtr data)
{
    xmlSecKeyPtr key = data == NULL ? NULL : xmlSecKeyCreate();
    bool good = false;

    if (key != NULL && xmlSecKeySetValue(key, data) >= 0) {
        good = xmlSecTransformSetKey(run->transform, key) >= 0;
        data = NULL;
    }
    if (key != NULL)
        xmlSecKeyDestroy(key);
    if (data != NULL)
        xmlSecKeyDataDestroy(data);
    return good;
}

static bool run_pkey(struct run *run, EVP_PKEY *pkey)
{
    xmlSecKeyDataPtr data;

    if (EVP_PKEY_up_ref(pkey) != 1)
        return false;
    data = xmlSecOpenSSLEvpKeyAdopt(pkey);
    if (data == NULL) {
        EVP_PKEY_free(pkey);
        return false;
    }
    return run_key_data(run, data);
}

static bool run_secret(struct run *run, const struct secret *secret)
{
    xmlSecKeyDataPtr data = xmlSecKeyDataCreate(xmlSecOpenSSLKeyDataAesId);

    if (data != NULL &&
        xmlSecOpenSSLKeyDataAesSet(data, secret->bytes, (xmlSecSize)secret->len) < 0) {
        xmlSecKeyDataDestroy(data);
        return false;
    }
    return run_key_data(run, data);
}

enum status transform_digest(const struct alg *alg, struct span bytes, struct digest_value *value,
                             struct error *err)
{
    AUTO(run_deinit) struct run run = {.transform = NULL};
    struct span result;

    if (!run_init(&run, alg, xmlSecTransformUsageDigestMethod, xmlSecTransformOperationSign) ||
        !run_bytes(&run, bytes))
        return crypto_refused(err, "digest");
    result = run_result(&run);
    if (result.len == 0 || result.len > sizeof value->bytes)
        return crypto_refused(err, "digest");
    *value = (struct digest_value){.alg = alg, .len = result.len};
    memcpy(value->bytes, result.ptr, result.len);
    return ST_OK;
}

enum status transform_sign(const struct alg *alg, const struct key *key, struct span bytes,
                           struct buf *value, struct error *err)
{
    AUTO(run_deinit) struct run run = {.transform = NULL};

    if (!run_init(&run, alg, xmlSecTransformUsageSignatureMethod, xmlSecTransformOperationSign))
        return crypto_refused(err, alg->uri);
    if (!run_pkey(&run, key_pkey(key)))
        return error_set(err, ST_DENIED, 0, "the signing key is none for %s", alg->uri);
    if (!run_bytes(&run, bytes))
        return key_away_failed(err) ? err->status : crypto_refused(err, "signature");
    buf_add(value, run_result(&run));
    return buf_check(value, err);
}

static bool verified(struct run *run, struct span value)
{
    return value.len > 0 && value.len <= RSA_BITS_MAX / 8 &&
           xmlSecTransformVerify(run->transform, value.ptr, (xmlSecSize)value.len, &run->ctx) >=
               0 &&
           run->transform->status == xmlSecTransformStatusOk;
}

enum status transform_verify(const struct alg *alg, const struct cert *cert, struct span bytes,
                             struct span value, struct error *err)
{
    AUTO(run_deinit) struct run run = {.transform = NULL};

    if (!run_init(&run, alg, xmlSecTransformUsageSignatureMethod, xmlSecTransformOperationVerify))
        return crypto_refused(err, alg->uri);
    if (!run_pkey(&run, cert_public_key(cert)))
        return error_set(err, ST_DENIED, 9601, "the signer's key is none for %s", alg->uri);
    if (!run_bytes(&run, bytes))
        return crypto_refused(err, "signature");
    if (!verified(&run, value))
        return error_set(err, ST_DENIED, 9601, "the signature's value is not that of %s",
                         cert_subject(cert));
    return ST_OK;
}

static bool run_transport(struct run *run, const struct transform_transport *transport,
                          size_t secret_len, xmlSecTransformOperation operation)
{
    if (!run_init(run, transport->alg, xmlSecTransformUsageEncryptionMethod, operation))
        return false;
    if (transport->digest == NULL)
        transform_rsa15_set(run->transform, secret_len);
    else
        transform_oaep_set(run->transform, transport->digest, transport->mgf);
    return true;
}

enum status transform_wrap(const struct transform_transport *transport, const struct cert *cert,
                           const struct secret *secret, struct buf *out, struct error *err)
{
    AUTO(run_deinit) struct run run = {.transform = NULL};

    if (!run_transport(&run, transport, secret->len, xmlSecTransformOperationEncrypt))
        return crypto_refused(err, transport->alg->uri);
    if (!run_pkey(&run, cert_public_key(cert)) ||
        !run_bytes(&run, span_of(secret->bytes, secret->len))) {
        ERR_clear_error();
        return error_set(err, ST_DENIED, 0, "no session key can be enciphered for %s",
                         cert_subject(cert));
    }
    buf_add(out, run_result(&run));
    return buf_check(out, err);
}

enum status transform_unwrap(const struct transform_transport *transport, const struct key *key,
                             struct span wrapped, struct secret *secret, struct error *err)
{
    AUTO(run_deinit) struct run run = {.transform = NULL};
    struct span result;

    if (!run_transport(&run, transport, secret->len, xmlSecTransformOperationDecrypt) ||
        !run_pkey(&run, key_pkey(key)) || !run_bytes(&run, wrapped))
        return key_away_failed(err) ? err->status : crypto_undecipherable(err);
    result = run_result(&run);
    if (result.len < secret->len || result.len > sizeof secret->bytes)
        return crypto_undecipherable(err);
    memcpy(secret->bytes, result.ptr, result.len);
    secret->len = result.len;
    return ST_OK;
}

enum status transform_seal(const struct cipher_method *method, const struct secret *secret,
                           struct rng *rng, struct span plain, struct buf *out, struct error *err)
{
    AUTO(run_deinit) struct run run = {.transform = NULL};

    if (!method->alg->gcm)
        return error_set(err, ST_DENIED, 0, "%s is not written", method->alg->uri);
    if (!run_init(&run, method->alg, xmlSecTransformUsageEncryptionMethod,
                  xmlSecTransformOperationEncrypt))
        return crypto_refused(err, method->alg->uri);
    transform_gcm_set(run.transform, method->iv_len, rng);
    if (!run_secret(&run, secret) || !run_bytes(&run, plain))
        return crypto_refused(err, "cipher");
    buf_add(out, run_result(&run));
    return buf_check(out, err);
}

enum status transform_open(const struct cipher_method *method, const struct secret *secret,
                           struct span wire, struct buf *plain, struct error *err)
{
    AUTO(run_deinit) struct run run = {.transform = NULL};

    if (!run_init(&run, method->alg, xmlSecTransformUsageEncryptionMethod,
                  xmlSecTransformOperationDecrypt))
        return crypto_undecipherable(err);
    if (method->alg->gcm)
        transform_gcm_set(run.transform, method->iv_len, NULL);
    if (!run_secret(&run, secret) || !run_bytes(&run, wire))
        return crypto_undecipherable(err);
    buf_add(plain, run_result(&run));
    return buf_check(plain, err);
}

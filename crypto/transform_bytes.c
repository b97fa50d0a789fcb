/* SHA-3 digests, and AES-GCM whose IV may have 16 bytes: bytes in, bytes out, no asymmetric key. */
#include "crypto/transform_class.h"

#include <string.h>
#include <xmlsec/keys.h>
#include <xmlsec/openssl/crypto.h>
#include <xmlsec/xmltree.h>

#include "crypto/digest.h"
#include "crypto/evp.h"

#define OSCI128 "http://xoev.de/transport/osci12/8"

struct sha3 {
    xmlSecTransform base;
    struct digest *digest;
    struct digest_value value;
};

static const struct alg *alg_of(xmlSecTransformPtr transform, enum alg_use use)
{
    return alg_find(span_str((const char *)transform->id->href), use);
}

static int sha3_initialize(xmlSecTransformPtr transform)
{
    struct sha3 *t = (struct sha3 *)transform;
    struct error err;

    t->digest = NULL;
    return digest_new(alg_of(transform, ALG_DIGEST), &t->digest, &err) == ST_OK ? 0 : -1;
}

static void sha3_finalize(xmlSecTransformPtr transform)
{
    digest_drop(&((struct sha3 *)transform)->digest);
}

static int sha3_execute(xmlSecTransformPtr transform, int last, xmlSecTransformCtxPtr ctx)
{
    struct sha3 *t = (struct sha3 *)transform;
    xmlSecBufferPtr in = &transform->inBuf;
    struct error err;

    (void)ctx;
    if (transform->status == xmlSecTransformStatusFinished)
        return 0;
    transform->status = xmlSecTransformStatusWorking;
    if (digest_update(t->digest, span_of(xmlSecBufferGetData(in), xmlSecBufferGetSize(in)), &err) !=
            ST_OK ||
        xmlSecBufferRemoveHead(in, xmlSecBufferGetSize(in)) < 0)
        return -1;
    if (last == 0)
        return 0;
    if (digest_final(t->digest, &t->value, &err) != ST_OK)
        return -1;
    transform->status = xmlSecTransformStatusFinished;
    return transform->operation == xmlSecTransformOperationSign
               ? xmlSecBufferAppend(&transform->outBuf, t->value.bytes, (xmlSecSize)t->value.len)
               : 0;
}

static int sha3_verify(xmlSecTransformPtr transform, const xmlSecByte *data, xmlSecSize size,
                       xmlSecTransformCtxPtr ctx)
{
    struct sha3 *t = (struct sha3 *)transform;

    (void)ctx;
    if (transform->status != xmlSecTransformStatusFinished)
        return -1;
    transform->status = span_eq_secret(digest_span(&t->value), span_of(data, size))
                            ? xmlSecTransformStatusOk
                            : xmlSecTransformStatusFail;
    return 0;
}

#define SHA3(bits)                                                                                 \
    {                                                                                              \
        .klassSize = sizeof(xmlSecTransformKlass), .objSize = sizeof(struct sha3),                 \
        .name = (const xmlChar *)"sha3-" bits,                                                     \
        .href = (const xmlChar *)"http://www.w3.org/2007/05/xmldsig-more#sha3-" bits,              \
        .usage = xmlSecTransformUsageDigestMethod, .initialize = sha3_initialize,                  \
        .finalize = sha3_finalize, .verify = sha3_verify,                                          \
        .getDataType = xmlSecTransformDefaultGetDataType,                                          \
        .pushBin = xmlSecTransformDefaultPushBin, .popBin = xmlSecTransformDefaultPopBin,          \
        .execute = sha3_execute                                                                    \
    }

static const xmlSecTransformKlass sha3_klasses[] = {SHA3("256"), SHA3("384"), SHA3("512")};

struct gcm {
    xmlSecTransform base;
    struct cipher_method method;
    struct secret secret;
    struct rng *rng; /* NULL: the system's */
    struct cipher *cipher;
};

void transform_gcm_set(xmlSecTransformPtr transform, size_t iv_len, struct rng *rng)
{
    struct gcm *t = (struct gcm *)transform;

    t->method.iv_len = iv_len;
    t->rng = rng;
}

static int gcm_initialize(xmlSecTransformPtr transform)
{
    struct gcm *t = (struct gcm *)transform;

    memset((char *)t + sizeof t->base, 0, sizeof *t - sizeof t->base);
    t->method = (struct cipher_method){alg_of(transform, ALG_CIPHER), 16};
    return 0;
}

static void gcm_finalize(xmlSecTransformPtr transform)
{
    struct gcm *t = (struct gcm *)transform;

    cipher_drop(&t->cipher);
    secret_wipe(&t->secret);
}

/* Without an IvLength element the IV has 16 bytes; 12 and 16 are all there is. */
static int gcm_read_node(xmlSecTransformPtr transform, xmlNodePtr node, xmlSecTransformCtxPtr ctx)
{
    xmlNodePtr child = xmlSecFindChild(node, (const xmlChar *)"IvLength", (const xmlChar *)OSCI128);
    xmlChar *value = child == NULL ? NULL : xmlGetNoNsProp(child, (const xmlChar *)"Value");
    uint64_t len = 16;
    bool good = child == NULL ||
                (span_to_u64(span_str((const char *)value), &len) && (len == 12 || len == 16));

    (void)ctx;
    xmlFree(value);
    ((struct gcm *)transform)->method.iv_len = (size_t)len;
    return good ? 0 : -1;
}

static int gcm_set_key_req(xmlSecTransformPtr transform, xmlSecKeyReqPtr req)
{
    const struct gcm *t = (const struct gcm *)transform;

    req->keyId = xmlSecOpenSSLKeyDataAesId;
    req->keyType = xmlSecKeyDataTypeSymmetric;
    req->keyUsage = transform->operation == xmlSecTransformOperationEncrypt ? xmlSecKeyUsageEncrypt
                                                                            : xmlSecKeyUsageDecrypt;
    req->keyBitsSize = (xmlSecSize)(t->method.alg->key_bytes * 8);
    return 0;
}

static int gcm_set_key(xmlSecTransformPtr transform, xmlSecKeyPtr key)
{
    struct gcm *t = (struct gcm *)transform;
    xmlSecKeyDataPtr data = xmlSecKeyGetValue(key);
    xmlSecBufferPtr bytes;

    if (!xmlSecKeyDataCheckId(data, xmlSecOpenSSLKeyDataAesId))
        return -1;
    bytes = xmlSecKeyDataBinaryValueGetBuffer(data);
    if (bytes == NULL || xmlSecBufferGetSize(bytes) != t->method.alg->key_bytes)
        return -1;
    t->secret.len = t->method.alg->key_bytes;
    memcpy(t->secret.bytes, xmlSecBufferGetData(bytes), t->secret.len);
    return 0;
}

struct sink_xmlsec {
    struct sink base;
    xmlSecBufferPtr out;
};

static enum status sink_xmlsec_write(struct sink *self, struct span bytes, struct error *err)
{
    struct sink_xmlsec *s = (struct sink_xmlsec *)self;

    if (xmlSecBufferAppend(s->out, bytes.ptr, (xmlSecSize)bytes.len) < 0)
        return error_starved(err);
    return ST_OK;
}

static enum status gcm_start(struct gcm *t, struct error *err)
{
    if (t->base.operation == xmlSecTransformOperationDecrypt)
        return cipher_open_new(&t->method, &t->secret, &t->cipher, err);
    return cipher_seal_new(&t->method, &t->secret, t->rng == NULL ? rng_system() : t->rng,
                           &t->cipher, err);
}

static enum status gcm_run(struct gcm *t, bool last, struct error *err)
{
    xmlSecBufferPtr in = &t->base.inBuf;
    struct sink_xmlsec sink = {{sink_xmlsec_write}, &t->base.outBuf};

    if (t->cipher == NULL)
        TRY(gcm_start(t, err));
    TRY(cipher_push(t->cipher, span_of(xmlSecBufferGetData(in), xmlSecBufferGetSize(in)),
                    &sink.base, err));
    if (xmlSecBufferRemoveHead(in, xmlSecBufferGetSize(in)) < 0)
        return error_set(err, ST_INTERNAL, 0, "xmlsec's buffer");
    return last ? cipher_finish(t->cipher, &sink.base, err) : ST_OK;
}

static int gcm_execute(xmlSecTransformPtr transform, int last, xmlSecTransformCtxPtr ctx)
{
    struct error err;

    (void)ctx;
    if (transform->status == xmlSecTransformStatusFinished)
        return 0;
    transform->status = xmlSecTransformStatusWorking;
    if (gcm_run((struct gcm *)transform, last != 0, &err) != ST_OK)
        return -1;
    if (last != 0)
        transform->status = xmlSecTransformStatusFinished;
    return 0;
}

#define GCM(bits)                                                                                  \
    {                                                                                              \
        .klassSize = sizeof(xmlSecTransformKlass), .objSize = sizeof(struct gcm),                  \
        .name = (const xmlChar *)"osci-aes" bits "-gcm",                                           \
        .href = (const xmlChar *)"http://www.w3.org/2009/xmlenc11#aes" bits "-gcm",                \
        .usage = xmlSecTransformUsageEncryptionMethod, .initialize = gcm_initialize,               \
        .finalize = gcm_finalize, .readNode = gcm_read_node, .setKeyReq = gcm_set_key_req,         \
        .setKey = gcm_set_key, .getDataType = xmlSecTransformDefaultGetDataType,                   \
        .pushBin = xmlSecTransformDefaultPushBin, .popBin = xmlSecTransformDefaultPopBin,          \
        .execute = gcm_execute                                                                     \
    }

static const xmlSecTransformKlass gcm_klasses[] = {GCM("128"), GCM("192"), GCM("256")};

int transform_bytes_register(void)
{
    for (size_t i = 0; i < ARRAY_LEN(sha3_klasses); i++)
        if (xmlSecTransformIdsRegister(&sha3_klasses[i]) < 0)
            return -1;
    for (size_t i = 0; i < ARRAY_LEN(gcm_klasses); i++)
        if (xmlSecTransformIdsRegister(&gcm_klasses[i]) < 0)
            return -1;
    return 0;
}

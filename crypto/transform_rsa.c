/* RSA-PSS signatures, and RSA key transport: rsa-oaep of XML Encryption 1.1 and a safe rsa-1_5. */
#include "crypto/transform_class.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <string.h>
#include <xmlsec/keys.h>
#include <xmlsec/openssl/crypto.h>
#include <xmlsec/openssl/evp.h>
#include <xmlsec/xmltree.h>

#include "crypto/evp.h"
#include "crypto/key.h"

#define DSIG "http://www.w3.org/2000/09/xmldsig#"
#define XENC "http://www.w3.org/2001/04/xmlenc#"
#define XENC11 "http://www.w3.org/2009/xmlenc11#"

enum { RSA_BYTES_MAX = RSA_BITS_MAX / 8 };

static const struct alg *alg_of(xmlSecTransformPtr transform, enum alg_use use)
{
    return alg_find(span_str((const char *)transform->id->href), use);
}

/* Borrowed; NULL when it is no RSA key. */
static EVP_PKEY *rsa_of(xmlSecKeyPtr key)
{
    xmlSecKeyDataPtr data = xmlSecKeyGetValue(key);

    return xmlSecKeyDataCheckId(data, xmlSecOpenSSLKeyDataRsaId)
               ? xmlSecOpenSSLEvpKeyDataGetEvp(data)
               : NULL;
}

static int require_rsa(xmlSecKeyReqPtr req, bool private, xmlSecKeyUsage usage)
{
    req->keyId = xmlSecOpenSSLKeyDataRsaId;
    req->keyType = private ? xmlSecKeyDataTypePrivate : xmlSecKeyDataTypePublic;
    req->keyUsage = usage;
    return 0;
}

struct pss {
    xmlSecTransform base;
    EVP_MD_CTX *md;
};

static int pss_initialize(xmlSecTransformPtr transform)
{
    ((struct pss *)transform)->md = EVP_MD_CTX_new();
    return ((struct pss *)transform)->md == NULL ? -1 : 0;
}

static void pss_finalize(xmlSecTransformPtr transform)
{
    EVP_MD_CTX_free(((struct pss *)transform)->md);
}

static int pss_set_key_req(xmlSecTransformPtr transform, xmlSecKeyReqPtr req)
{
    bool sign = transform->operation == xmlSecTransformOperationSign;

    return require_rsa(req, sign, sign ? xmlSecKeyUsageSign : xmlSecKeyUsageVerify);
}

/* MGF1 with the same hash, a salt as long as the hash, trailer 1 (OSCI 1.2 digest 6.3). */
static int pss_set_key(xmlSecTransformPtr transform, xmlSecKeyPtr key)
{
    struct pss *t = (struct pss *)transform;
    const EVP_MD *md = crypto_md(alg_of(transform, ALG_SIGNATURE));
    EVP_PKEY *pkey = rsa_of(key);
    EVP_PKEY_CTX *ctx = NULL;
    int done;

    if (pkey == NULL)
        return -1;
    done = transform->operation == xmlSecTransformOperationSign
               ? EVP_DigestSignInit(t->md, &ctx, md, NULL, pkey)
               : EVP_DigestVerifyInit(t->md, &ctx, md, NULL, pkey);
    if (done != 1 || EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) != 1 ||
        EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) != 1 ||
        EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) != 1)
        return -1;
    return 0;
}

static int pss_sign(struct pss *t)
{
    uint8_t value[RSA_BYTES_MAX];
    size_t len = sizeof value;

    if (EVP_DigestSignFinal(t->md, value, &len) != 1)
        return -1;
    return xmlSecBufferAppend(&t->base.outBuf, value, (xmlSecSize)len);
}

static int pss_execute(xmlSecTransformPtr transform, int last, xmlSecTransformCtxPtr ctx)
{
    struct pss *t = (struct pss *)transform;
    xmlSecBufferPtr in = &transform->inBuf;
    bool sign = transform->operation == xmlSecTransformOperationSign;

    (void)ctx;
    if (transform->status == xmlSecTransformStatusFinished)
        return 0;
    transform->status = xmlSecTransformStatusWorking;
    if (xmlSecBufferGetSize(in) > 0 &&
        (sign ? EVP_DigestSignUpdate(t->md, xmlSecBufferGetData(in), xmlSecBufferGetSize(in))
              : EVP_DigestVerifyUpdate(t->md, xmlSecBufferGetData(in), xmlSecBufferGetSize(in))) !=
            1)
        return -1;
    if (xmlSecBufferRemoveHead(in, xmlSecBufferGetSize(in)) < 0 ||
        (last != 0 && sign && pss_sign(t) < 0))
        return -1;
    if (last != 0)
        transform->status = xmlSecTransformStatusFinished;
    return 0;
}

static int pss_verify(xmlSecTransformPtr transform, const xmlSecByte *data, xmlSecSize size,
                      xmlSecTransformCtxPtr ctx)
{
    struct pss *t = (struct pss *)transform;

    (void)ctx;
    if (transform->status != xmlSecTransformStatusFinished)
        return -1;
    transform->status = EVP_DigestVerifyFinal(t->md, data, size) == 1 ? xmlSecTransformStatusOk
                                                                      : xmlSecTransformStatusFail;
    return 0;
}

#define PSS(hash)                                                                                  \
    {                                                                                              \
        .klassSize = sizeof(xmlSecTransformKlass), .objSize = sizeof(struct pss),                  \
        .name = (const xmlChar *)hash "-rsa-MGF1",                                                 \
        .href = (const xmlChar *)"http://www.w3.org/2007/05/xmldsig-more#" hash "-rsa-MGF1",       \
        .usage = xmlSecTransformUsageSignatureMethod, .initialize = pss_initialize,                \
        .finalize = pss_finalize, .setKeyReq = pss_set_key_req, .setKey = pss_set_key,             \
        .verify = pss_verify, .getDataType = xmlSecTransformDefaultGetDataType,                    \
        .pushBin = xmlSecTransformDefaultPushBin, .popBin = xmlSecTransformDefaultPopBin,          \
        .execute = pss_execute                                                                     \
    }

static const xmlSecTransformKlass pss_klasses[] = {PSS("sha256"), PSS("sha512"), PSS("sha3-256"),
                                                   PSS("sha3-384"), PSS("sha3-512")};

struct transport {
    xmlSecTransform base;
    const struct alg *digest, *mgf; /* rsa-oaep */
    size_t secret_len;              /* rsa-1_5 */
    EVP_PKEY *pkey;                 /* counted */
};

void transform_oaep_set(xmlSecTransformPtr transform, const struct alg *digest,
                        const struct alg *mgf)
{
    ((struct transport *)transform)->digest = digest;
    ((struct transport *)transform)->mgf = mgf;
}

void transform_rsa15_set(xmlSecTransformPtr transform, size_t secret_len)
{
    ((struct transport *)transform)->secret_len = secret_len;
}

static int transport_initialize(xmlSecTransformPtr transform)
{
    struct transport *t = (struct transport *)transform;

    memset((char *)t + sizeof t->base, 0, sizeof *t - sizeof t->base);
    return 0;
}

static void transport_finalize(xmlSecTransformPtr transform)
{
    EVP_PKEY_free(((struct transport *)transform)->pkey);
}

static const struct alg *child_alg(xmlNodePtr node, const char *name, const char *ns,
                                   enum alg_use use)
{
    xmlNodePtr child = xmlSecFindChild(node, (const xmlChar *)name, (const xmlChar *)ns);
    xmlChar *uri = child == NULL ? NULL : xmlGetNoNsProp(child, (const xmlChar *)"Algorithm");
    const struct alg *alg = alg_find(span_str((const char *)uri), use);

    xmlFree(uri);
    return alg;
}

/* Both must be said: the defaults of XML Encryption are SHA-1. A label is not used in OSCI. */
static int oaep_read_node(xmlSecTransformPtr transform, xmlNodePtr node, xmlSecTransformCtxPtr ctx)
{
    const struct alg *digest = child_alg(node, "DigestMethod", DSIG, ALG_DIGEST);
    const struct alg *mgf = child_alg(node, "MGF", XENC11, ALG_MGF);

    (void)ctx;
    if (digest == NULL || digest->hash == NULL || mgf == NULL || mgf->hash == NULL ||
        xmlSecFindChild(node, (const xmlChar *)"OAEPparams", (const xmlChar *)XENC) != NULL)
        return -1;
    transform_oaep_set(transform, digest, mgf);
    return 0;
}

static int transport_set_key_req(xmlSecTransformPtr transform, xmlSecKeyReqPtr req)
{
    bool open = transform->operation == xmlSecTransformOperationDecrypt;

    return require_rsa(req, open, open ? xmlSecKeyUsageDecrypt : xmlSecKeyUsageEncrypt);
}

static int transport_set_key(xmlSecTransformPtr transform, xmlSecKeyPtr key)
{
    EVP_PKEY *pkey = rsa_of(key);

    if (pkey == NULL || EVP_PKEY_up_ref(pkey) != 1)
        return -1;
    ((struct transport *)transform)->pkey = pkey;
    return 0;
}

/*
 * 00 02, padding without a zero, 00, and the key, whose length is known: so where the zero stands
 * is known too, and all bytes are looked at, whatever they are. What is wrong shows in no branch,
 * no error and no time; the caller gets a key that opens nothing.
 */
static void rsa15_unpad(const uint8_t *block, size_t block_len, uint8_t *secret, size_t secret_len)
{
    size_t zero_at = block_len - secret_len - 1;
    volatile unsigned bad = block[0] | (block[1] ^ 2u) | block[zero_at];
    unsigned mask;

    for (size_t i = 2; i < zero_at; i++)
        bad |= ((unsigned)block[i] - 1u) >> 8;        /* not 0 for a zero byte only */
    mask = (0u - ((bad | (0u - bad)) >> 31)) & 0xffu; /* ff: bad, 00: good */
    for (size_t i = 0; i < secret_len; i++)
        secret[i] = (uint8_t)((secret[i] & mask) | (block[zero_at + 1 + i] & ~mask));
}

static int rsa15_open(struct transport *t, EVP_PKEY_CTX *ctx, struct span in)
{
    uint8_t block[RSA_BYTES_MAX], secret[SECRET_BYTES_MAX];
    size_t len = sizeof block;
    int done = -1;

    if (t->secret_len > 0 && t->secret_len <= sizeof secret &&
        EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1 &&
        RAND_priv_bytes(secret, (int)t->secret_len) == 1 &&
        EVP_PKEY_decrypt(ctx, block, &len, in.ptr, in.len) == 1 && len >= t->secret_len + 11) {
        rsa15_unpad(block, len, secret, t->secret_len);
        done = xmlSecBufferAppend(&t->base.outBuf, secret, (xmlSecSize)t->secret_len);
    }
    explicit_bzero(block, sizeof block);
    explicit_bzero(secret, sizeof secret);
    return done;
}

static int oaep_run(struct transport *t, EVP_PKEY_CTX *ctx, struct span in)
{
    uint8_t out[RSA_BYTES_MAX];
    size_t len = sizeof out;
    int done = -1;

    if (t->digest != NULL && t->mgf != NULL &&
        EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
        EVP_PKEY_CTX_set_rsa_oaep_md(ctx, crypto_md(t->digest)) == 1 &&
        EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, crypto_md(t->mgf)) == 1 &&
        (t->base.operation == xmlSecTransformOperationEncrypt
             ? EVP_PKEY_encrypt(ctx, out, &len, in.ptr, in.len)
             : EVP_PKEY_decrypt(ctx, out, &len, in.ptr, in.len)) == 1)
        done = xmlSecBufferAppend(&t->base.outBuf, out, (xmlSecSize)len);
    explicit_bzero(out, sizeof out);
    return done;
}

static const xmlSecTransformKlass oaep_klass; /* below, with the methods that its table names */

static int transport_run(struct transport *t)
{
    xmlSecBufferPtr in = &t->base.inBuf;
    struct span bytes = span_of(xmlSecBufferGetData(in), xmlSecBufferGetSize(in));
    bool open = t->base.operation == xmlSecTransformOperationDecrypt;
    EVP_PKEY_CTX *ctx;
    int done = -1;

    if (t->pkey == NULL || bytes.len == 0)
        return -1;
    ctx = EVP_PKEY_CTX_new(t->pkey, NULL);
    if (ctx != NULL && (open ? EVP_PKEY_decrypt_init(ctx) : EVP_PKEY_encrypt_init(ctx)) == 1) {
        if (t->base.id == &oaep_klass)
            done = oaep_run(t, ctx, bytes);
        else if (open) /* nobody writes rsa-1_5 any more */
            done = rsa15_open(t, ctx, bytes);
    }
    EVP_PKEY_CTX_free(ctx);
    return done < 0 ? -1 : xmlSecBufferRemoveHead(in, (xmlSecSize)bytes.len);
}

static int transport_execute(xmlSecTransformPtr transform, int last, xmlSecTransformCtxPtr ctx)
{
    (void)ctx;
    if (transform->status == xmlSecTransformStatusFinished)
        return 0;
    transform->status = xmlSecTransformStatusWorking;
    if (last == 0) /* RSA takes its block at once */
        return xmlSecBufferGetSize(&transform->inBuf) > 2 * RSA_BYTES_MAX ? -1 : 0;
    if (transport_run((struct transport *)transform) < 0)
        return -1;
    transform->status = xmlSecTransformStatusFinished;
    return 0;
}

#define TRANSPORT(the_name, the_href)                                                              \
    .klassSize = sizeof(xmlSecTransformKlass), .objSize = sizeof(struct transport),                \
    .name = (const xmlChar *)the_name, .href = (const xmlChar *)the_href,                          \
    .usage = xmlSecTransformUsageEncryptionMethod, .initialize = transport_initialize,             \
    .finalize = transport_finalize, .setKeyReq = transport_set_key_req,                            \
    .setKey = transport_set_key, .getDataType = xmlSecTransformDefaultGetDataType,                 \
    .pushBin = xmlSecTransformDefaultPushBin, .popBin = xmlSecTransformDefaultPopBin,              \
    .execute = transport_execute

static const xmlSecTransformKlass oaep_klass = {TRANSPORT("rsa-oaep-enc11", ALG_RSA_OAEP_URI),
                                                .readNode = oaep_read_node};
static const xmlSecTransformKlass rsa15_klass = {TRANSPORT("rsa-1_5-quiet", XENC "rsa-1_5")};

int transform_rsa_register(void)
{
    for (size_t i = 0; i < ARRAY_LEN(pss_klasses); i++)
        if (xmlSecTransformIdsRegister(&pss_klasses[i]) < 0)
            return -1;
    return xmlSecTransformIdsRegister(&oaep_klass) < 0 ||
                   xmlSecTransformIdsRegister(&rsa15_klass) < 0
               ? -1
               : 0;
}

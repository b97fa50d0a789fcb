#include "crypto/enc.h"

#include "crypto/evp.h"
#include "crypto/transform.h"

#define DS "http://www.w3.org/2000/09/xmldsig#"
#define XENC "http://www.w3.org/2001/04/xmlenc#"
#define XENC11 "http://www.w3.org/2009/xmlenc11#"
#define OSCI128 "http://xoev.de/transport/osci12/8"

enum { IV_DEFAULT = 16, LINE = 76, WRAPPED_MAX = RSA_BITS_MAX / 8 };

void enc_params_default(struct enc_params *params, const struct policy *policy, int64_t now)
{
    *params = (struct enc_params){
        .key_transport = alg_find(SPAN(ALG_RSA_OAEP_URI), ALG_KEY_TRANSPORT),
        .oaep_digest = alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST),
        .method = {alg_find(SPAN(ALG_AES256_GCM_URI), ALG_CIPHER), 12},
        .policy = policy,
        .now = now,
    };
}

void enc_method_write(struct buf *out, const struct cipher_method *method)
{
    buf_printf(out, "<xenc:EncryptionMethod Algorithm=\"%s\">", method->alg->uri);
    if (method->iv_len != IV_DEFAULT)
        buf_printf(out,
                   "<osci128:IvLength xmlns:osci128=\"" OSCI128 "\" Value=\"%zu\">"
                   "</osci128:IvLength>",
                   method->iv_len);
    buf_str(out, "</xenc:EncryptionMethod>");
}

/* The library pairs the hash of OAEP with that of its mask, and so do we. */
static const struct alg *mgf_for(const struct alg *digest)
{
    if (digest->hash == NULL)
        return NULL;
    if (strcmp(digest->hash, "SHA2-256") == 0)
        return alg_find(SPAN(XENC11 "mgf1sha256"), ALG_MGF);
    if (strcmp(digest->hash, "SHA2-512") == 0)
        return alg_find(SPAN(XENC11 "mgf1sha512"), ALG_MGF);
    return NULL;
}

static enum status check_params(const struct enc_params *params, const struct alg *mgf,
                                struct error *err)
{
    TRY(policy_check(params->policy, params->method.alg, ALG_WRITE, params->now, err));
    TRY(policy_check(params->policy, params->key_transport, ALG_WRITE, params->now, err));
    TRY(policy_check(params->policy, params->oaep_digest, ALG_WRITE, params->now, err));
    if (mgf == NULL)
        return error_set(err, ST_DENIED, 0, "%s has no mask function for rsa-oaep",
                         params->oaep_digest->uri);
    return policy_check(params->policy, mgf, ALG_WRITE, params->now, err);
}

enum status enc_key_write(struct buf *out, const struct secret *secret, const struct cert *reader,
                          struct span key_info, const struct enc_params *params, struct error *err)
{
    const struct alg *mgf = mgf_for(params->oaep_digest);
    const struct transform_transport transport = {params->key_transport, params->oaep_digest, mgf};
    AUTO(buf_deinit) struct buf wrapped = {0};

    buf_init(&wrapped, WRAPPED_MAX);
    TRY(check_params(params, mgf, err));
    TRY(transform_wrap(&transport, reader, secret, &wrapped, err));
    buf_printf(out,
               "<xenc:EncryptedKey><xenc:EncryptionMethod Algorithm=\"%s\">"
               "<xenc11:MGF xmlns:xenc11=\"" XENC11 "\" Algorithm=\"%s\"></xenc11:MGF>"
               "<ds:DigestMethod Algorithm=\"%s\"></ds:DigestMethod></xenc:EncryptionMethod>"
               "<ds:KeyInfo>",
               transport.alg->uri, mgf->uri, transport.digest->uri);
    buf_add(out, key_info);
    buf_str(out, "</ds:KeyInfo><xenc:CipherData><xenc:CipherValue>");
    buf_base64(out, buf_span(&wrapped), LINE);
    buf_str(out, "</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey>");
    return buf_check(out, err);
}

enum status enc_value_write(struct buf *out, struct span plain, const struct secret *secret,
                            const struct cipher_method *method, struct rng *rng, struct error *err)
{
    AUTO(buf_deinit) struct buf wire = {0};

    if (plain.len > XML_BYTES_MAX)
        return error_set(err, ST_LIMIT, 0, "%zu bytes are too many for one CipherValue", plain.len);
    buf_init(&wire, (size_t)cipher_sealed_len(method, plain.len));
    TRY(transform_seal(method, secret, rng, plain, &wire, err));
    buf_base64(out, buf_span(&wire), LINE);
    return buf_check(out, err);
}

static enum status find_alg(const xmlNode *node, enum alg_use use, const struct policy *policy,
                            int64_t now, const struct alg **alg, struct error *err)
{
    struct span uri = node == NULL ? SPAN_NONE : xml_attr(node, NULL, "Algorithm");
    enum status st = policy_find(policy, uri, use, ALG_READ, now, alg, err);

    if (st != ST_OK)
        err->reason = 9202;
    return st;
}

enum status enc_method_read(const xmlNode *encrypted_data, const struct policy *policy, int64_t now,
                            struct cipher_method *method, struct error *err)
{
    const xmlNode *node = xml_child(encrypted_data, XENC, "EncryptionMethod");
    const xmlNode *iv = xml_child(node, OSCI128, "IvLength");
    struct cipher_method m = {NULL, IV_DEFAULT};
    uint64_t len = IV_DEFAULT;

    TRY(find_alg(node, ALG_CIPHER, policy, now, &m.alg, err));
    /* for CBC the official library writes 12 here and 16 bytes in front of the ciphertext */
    if (m.alg->gcm && iv != NULL &&
        (!span_to_u64(xml_attr(iv, NULL, "Value"), &len) || (len != 12 && len != 16)))
        return error_set(err, ST_DENIED, 9202, "an IvLength that is neither 12 nor 16");
    m.iv_len = (size_t)len;
    *method = m;
    return ST_OK;
}

static enum status read_transport(const xmlNode *encrypted_key, const struct policy *policy,
                                  int64_t now, struct transform_transport *transport,
                                  struct error *err)
{
    const xmlNode *node = xml_child(encrypted_key, XENC, "EncryptionMethod");

    *transport = (struct transform_transport){0};
    TRY(find_alg(node, ALG_KEY_TRANSPORT, policy, now, &transport->alg, err));
    if (transport->alg->legacy != NULL)
        return ST_OK; /* rsa-1_5 has no parameters */
    if (xml_child(node, XENC, "OAEPparams") != NULL)
        return error_set(err, ST_DENIED, 9202, "rsa-oaep with a label");
    TRY(find_alg(xml_child(node, DS, "DigestMethod"), ALG_DIGEST, policy, now, &transport->digest,
                 err));
    return find_alg(xml_child(node, XENC11, "MGF"), ALG_MGF, policy, now, &transport->mgf, err);
}

/* The bytes of CipherData/CipherValue. */
static enum status read_value(const xmlNode *encrypted, struct buf *bytes, struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {0};
    const xmlNode *data, *value;
    struct span text;

    arena_init(&arena, XML_BYTES_MAX);
    TRY(xml_only_child(encrypted, XENC, "CipherData", &data, err));
    TRY(xml_only_child(data, XENC, "CipherValue", &value, err));
    TRY(xml_text(value, &arena, &text, err));
    if (buf_base64_decode(bytes, text, err) != ST_OK)
        return crypto_undecipherable(err);
    return ST_OK;
}

enum status enc_key_read(const xmlNode *encrypted_key, const struct key *key,
                         struct cipher_method *method, const struct policy *policy, int64_t now,
                         struct secret *secret, struct error *err)
{
    struct transform_transport transport;
    AUTO(buf_deinit) struct buf wrapped = {0};
    AUTO(secret_wipe) struct secret s = {.len = method->alg->key_bytes};
    const struct alg *alg;

    buf_init(&wrapped, 2 * WRAPPED_MAX);
    TRY(read_transport(encrypted_key, policy, now, &transport, err));
    TRY(read_value(encrypted_key, &wrapped, err));
    TRY(transform_unwrap(&transport, key, buf_span(&wrapped), &s, err));
    alg = alg_for_key(method->alg, s.len);
    if (alg == NULL)
        return crypto_undecipherable(err);
    method->alg = alg;
    *secret = s;
    return ST_OK;
}

enum status enc_value_read(const xmlNode *encrypted_data, const struct cipher_method *method,
                           const struct secret *secret, struct buf *plain, struct error *err)
{
    AUTO(buf_deinit) struct buf wire = {0};

    buf_init(&wire, XML_BYTES_MAX);
    TRY(read_value(encrypted_data, &wire, err));
    return transform_open(method, secret, buf_span(&wire), plain, err);
}

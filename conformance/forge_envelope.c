#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <stdio.h>

#include "conformance/forge.h"
#include "crypto/policy.h"
#include "osci/types.h"

enum { WIRE_MAX = 256 * 1024 * 1024, TAG = 16, BLOCK = 16 };

/* What the envelope is made with, defaults filled in. */
struct sealing {
    const struct conf_envelope *e;
    const char *cipher_uri, *key_uri, *hash;
    const EVP_CIPHER *cipher;
    bool gcm;
    size_t iv_len;
    uint8_t secret[32];
    int secret_len;
    struct buf wrapped, sealed;
};

static void sealing_deinit(struct sealing *s)
{
    buf_deinit(&s->wrapped);
    buf_deinit(&s->sealed);
}

static const struct row {
    const char *mark;
    const EVP_CIPHER *(*cipher)(void);
} ciphers[] = {
    {"aes256-gcm", EVP_aes_256_gcm},     {"aes192-gcm", EVP_aes_192_gcm},
    {"aes128-gcm", EVP_aes_128_gcm},     {"aes256-cbc", EVP_aes_256_cbc},
    {"aes192-cbc", EVP_aes_192_cbc},     {"aes128-cbc", EVP_aes_128_cbc},
    {"tripledes-cbc", EVP_des_ede3_cbc},
};

static enum status sealing_init(struct sealing *s, const struct conf_envelope *e, struct error *err)
{
    *s = (struct sealing){.e = e};
    s->cipher_uri = e->cipher == NULL ? ALG_AES256_GCM_URI : e->cipher;
    s->key_uri = e->key_transport == NULL ? ALG_RSA_OAEP_URI : e->key_transport;
    s->hash = e->oaep_hash == NULL ? "sha256" : e->oaep_hash;
    s->gcm = strstr(s->cipher_uri, "-gcm") != NULL;
    /* an algorithm that nobody knows is enciphered with one that exists */
    s->cipher = EVP_aes_256_gcm();
    for (size_t i = 0; i < ARRAY_LEN(ciphers); i++)
        if (strstr(s->cipher_uri, ciphers[i].mark) != NULL)
            s->cipher = ciphers[i].cipher();
    s->iv_len = s->gcm && e->iv_len != 0 ? e->iv_len
                : s->gcm                 ? 12
                                         : (size_t)EVP_CIPHER_get_iv_length(s->cipher);
    s->secret_len = EVP_CIPHER_get_key_length(s->cipher);
    buf_init(&s->wrapped, 8192);
    buf_init(&s->sealed, WIRE_MAX);
    if (RAND_bytes(s->secret, sizeof s->secret) != 1)
        return error_set(err, ST_INTERNAL, 0, "no random bytes");
    return ST_OK;
}

static enum status key_wrap(struct sealing *s, const struct cert *reader, struct error *err)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(cert_public_key(reader), NULL);
    const EVP_MD *md = strcmp(s->hash, "sha512") == 0 ? EVP_sha512()
                       : strcmp(s->hash, "sha1") == 0 ? EVP_sha1()
                                                      : EVP_sha256();
    bool v15 = strstr(s->key_uri, "rsa-1_5") != NULL;
    size_t len = 2048;
    uint8_t *out = buf_grow(&s->wrapped, len);
    bool good =
        ctx != NULL && out != NULL && EVP_PKEY_encrypt_init(ctx) == 1 &&
        EVP_PKEY_CTX_set_rsa_padding(ctx, v15 ? RSA_PKCS1_PADDING : RSA_PKCS1_OAEP_PADDING) == 1;

    if (!v15)
        good = good && EVP_PKEY_CTX_set_rsa_oaep_md(ctx, md) == 1 &&
               EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) == 1;
    good = good && EVP_PKEY_encrypt(ctx, out, &len, s->secret, (size_t)s->secret_len) == 1;
    EVP_PKEY_CTX_free(ctx);
    if (!good)
        return error_set(err, ST_INTERNAL, 0, "OpenSSL does not wrap a key by %s", s->key_uri);
    if (s->e->bad_key) {
        (void)RAND_bytes(out, (int)len);
        out[0] = 0; /* below the modulus */
    }
    s->wrapped.len = len;
    return ST_OK;
}

static void spoil(struct sealing *s)
{
    uint8_t *at = s->sealed.ptr;

    if (s->e->flip == CONF_FLIP_IV)
        at[0] ^= 1;
    if (s->e->flip == CONF_FLIP_TEXT)
        at[s->sealed.len / 2] ^= 1;
    if (s->e->flip == CONF_FLIP_TAG)
        at[s->sealed.len - 1] ^= 1;
    if (s->e->bad_padding)
        (void)RAND_bytes(at + s->sealed.len - BLOCK, BLOCK);
}

static enum status seal(struct sealing *s, struct span plain, struct error *err)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t *out = buf_grow(&s->sealed, s->iv_len + plain.len + BLOCK + TAG);
    int n = 0, more = 0;
    bool good = ctx != NULL && out != NULL && RAND_bytes(out, (int)s->iv_len) == 1 &&
                EVP_EncryptInit_ex(ctx, s->cipher, NULL, NULL, NULL) == 1;

    if (s->gcm)
        good = good && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_IVLEN, (int)s->iv_len, NULL) == 1;
    good = good && EVP_EncryptInit_ex(ctx, NULL, NULL, s->secret, out) == 1 &&
           EVP_EncryptUpdate(ctx, out + s->iv_len, &n, plain.ptr, (int)plain.len) == 1 &&
           EVP_EncryptFinal_ex(ctx, out + s->iv_len + n, &more) == 1;
    s->sealed.len = s->iv_len + (size_t)n + (size_t)more;
    if (s->gcm) {
        good =
            good && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG, out + s->sealed.len) == 1;
        s->sealed.len += TAG;
    }
    EVP_CIPHER_CTX_free(ctx);
    if (!good)
        return error_set(err, ST_INTERNAL, 0, "OpenSSL does not encipher by %s", s->cipher_uri);
    spoil(s);
    return ST_OK;
}

static void method_write(const struct sealing *s, struct buf *out)
{
    char number[24];
    const char *value = s->e->iv_value;

    (void)snprintf(number, sizeof number, "%zu", s->iv_len);
    if (value == NULL)
        value = s->gcm && s->iv_len != 16 ? number : "";
    buf_printf(out, "<xenc:EncryptionMethod Algorithm=\"%s\">", s->cipher_uri);
    if (value[0] != '\0')
        buf_printf(out,
                   "<osci128:IvLength xmlns:osci128=\"" OSCI128_NS "\" Value=\"%s\">"
                   "</osci128:IvLength>",
                   value);
    buf_str(out, "</xenc:EncryptionMethod>");
}

static void key_write(const struct sealing *s, const struct cert *named, struct buf *out)
{
    bool sha1 = strcmp(s->hash, "sha1") == 0;

    buf_printf(out, "<ds:KeyInfo><xenc:EncryptedKey><xenc:EncryptionMethod Algorithm=\"%s\">",
               s->key_uri);
    if (strstr(s->key_uri, "#rsa-oaep") != NULL)
        buf_printf(out,
                   "<xenc11:MGF xmlns:xenc11=\"http://www.w3.org/2009/xmlenc11#\" "
                   "Algorithm=\"http://www.w3.org/2009/xmlenc11#mgf1%s\"></xenc11:MGF>"
                   "<ds:DigestMethod Algorithm=\"http://www.w3.org/%s#%s\"></ds:DigestMethod>",
                   s->hash, sha1 ? "2000/09/xmldsig" : "2001/04/xmlenc", s->hash);
    buf_str(out, "</xenc:EncryptionMethod><ds:KeyInfo><ds:X509Data><ds:X509Certificate>");
    buf_base64(out, cert_der(named), 76);
    buf_str(out, "</ds:X509Certificate></ds:X509Data></ds:KeyInfo><xenc:CipherData>"
                 "<xenc:CipherValue>");
    buf_base64(out, buf_span(&s->wrapped), 76);
    buf_str(out, "</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo>");
}

static void envelope_xml(const struct sealing *s, const struct cert *named, struct buf *out)
{
    buf_printf(out,
               "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n\r\n<soap:Envelope xmlns:ds=\"" DS_NS
               "\" xmlns:soap=\"" SOAP_NS "\" xmlns:xenc=\"" XENC_NS "\" xmlns:xsi=\"" XSI_NS
               "\" xsi:schemaLocation=\"" OSCI_SCHEMA_LOCATION "\"><soap:Body>"
               "<xenc:EncryptedData MimeType=\"Multipart/Related\">",
               OSCI_SCHEMA_ENCRYPTED);
    method_write(s, out);
    key_write(s, named, out);
    buf_str(out, "<xenc:CipherData><xenc:CipherReference URI=\"cid:osci_enc\"><xenc:Transforms>"
                 "<ds:Transform Algorithm=\"" ALG_BASE64_URI "\"></ds:Transform>"
                 "</xenc:Transforms></xenc:CipherReference></xenc:CipherData>"
                 "</xenc:EncryptedData></soap:Body></soap:Envelope>");
}

#define BOUNDARY "MIME_boundary_envelope"

enum status conf_envelope_write(const struct conf_envelope *e, const struct cert *reader,
                                struct span plain, struct buf *wire, struct error *err)
{
    AUTO(sealing_deinit) struct sealing s = {0};

    TRY(sealing_init(&s, e, err));
    TRY(key_wrap(&s, reader, err));
    TRY(seal(&s, plain, err));
    buf_str(wire,
            "MIME-Version: 1.0\r\nContent-Type: Multipart/Related; boundary=" BOUNDARY
            "; type=text/xml\r\n\r\n--" BOUNDARY "\r\nContent-Type: text/xml; charset=UTF-8\r\n"
            "Content-Transfer-Encoding: 8bit\r\nContent-ID: <osci@message>\r\n\r\n");
    envelope_xml(&s, e->named == NULL ? reader : e->named, wire);
    buf_printf(wire,
               "\r\n--" BOUNDARY "\r\nContent-Type: %s\r\nContent-Transfer-Encoding: %s\r\n"
               "Content-ID: <osci_enc>\r\n\r\n",
               e->base64 ? "text/base64" : "application/octet-stream",
               e->base64 ? "7bit" : "binary");
    if (e->base64)
        buf_base64(wire, buf_span(&s.sealed), 76);
    else
        buf_add(wire, buf_span(&s.sealed));
    buf_str(wire, "\r\n--" BOUNDARY "--\r\n");
    return buf_check(wire, err);
}

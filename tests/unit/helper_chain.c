#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/helper_chain.h"

#include <openssl/core_names.h>
#include <openssl/dsa.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "helper_pki.h"

enum { KEYS = 128, PEM_MAX = 4 * 1024 * 1024 };

static EVP_PKEY *pool[KEYS];

/* ---- keys ---- */

static EVP_PKEY *ec_new(const char *group, bool written_out)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL;

    assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_group_name(ctx, group), 1);
    if (written_out)
        assert_int_equal(EVP_PKEY_CTX_set_ec_param_enc(ctx, OPENSSL_EC_EXPLICIT_CURVE), 1);
    assert_int_equal(EVP_PKEY_generate(ctx, &key), 1);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static EVP_PKEY *dsa_new(void)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "DSA", NULL);
    EVP_PKEY *parameters = NULL, *key = NULL;

    assert_int_equal(EVP_PKEY_paramgen_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_dsa_paramgen_bits(ctx, 1024), 1);
    assert_int_equal(EVP_PKEY_generate(ctx, &parameters), 1);
    EVP_PKEY_CTX_free(ctx);
    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, parameters, NULL);
    assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
    assert_int_equal(EVP_PKEY_generate(ctx, &key), 1);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(parameters);
    return key;
}

static EVP_PKEY *rsa_fixed(void)
{
    AUTO(pki_file_drop)
    struct span pem = pki_file(TEST_VECTORS "/osci12/keys/originator-signature-2048.key.pem");
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

    BIO_free(bio);
    return key;
}

static EVP_PKEY *key_new(char letter)
{
    static const struct {
        char letter;
        const char *group;
    } groups[] = {{'p', "prime192v1"},
                  {'q', "secp160r1"},
                  {'k', "secp224r1"},
                  {'h', "secp384r1"},
                  {'b', "brainpoolP256r1"}};

    for (size_t i = 0; i < ARRAY_LEN(groups); i++)
        if (groups[i].letter == letter)
            return ec_new(groups[i].group, false);
    switch (letter) {
    case 'r':
        return rsa_fixed();
    case 'w':
        return EVP_RSA_gen(1024);
    case 'd':
        return dsa_new();
    case 'x':
        return ec_new("P-256", true);
    case 'e':
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    default:
        return ec_new("P-256", false);
    }
}

static EVP_PKEY *key_of(char letter)
{
    EVP_PKEY **place = &pool[(unsigned char)letter % KEYS];

    if (*place == NULL)
        *place = key_new(letter);
    assert_non_null(*place);
    return *place;
}

void chain_keys_drop(void)
{
    for (size_t i = 0; i < KEYS; i++) {
        EVP_PKEY_free(pool[i]);
        pool[i] = NULL;
    }
}

void chain_key_pem(char key, struct buf *pem)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;
    long len;

    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key_of(key), NULL, NULL, 0, NULL, NULL), 1);
    len = BIO_get_mem_data(bio, &data);
    buf_init(pem, PEM_MAX);
    buf_add(pem, span_of(data, (size_t)len));
    BIO_free(bio);
}

/* ---- certificates ---- */

static void name_add(X509_NAME *name, const char *field, const char *text)
{
    assert_int_equal(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                                (const unsigned char *)text, -1, -1, 0),
                     1);
}

static X509_NAME *ca_name(char letter)
{
    X509_NAME *name = X509_NAME_new();
    const char cn[] = {'C', 'A', ' ', letter, '\0'};

    name_add(name, "C", "DE");
    name_add(name, "O", "Land");
    name_add(name, "CN", cn);
    return name;
}

static X509_NAME *subject_of(const struct chain_node *n)
{
    X509_NAME *name;

    if (n->id != 'L')
        return ca_name(n->name != 0 ? n->name : n->id);
    name = X509_NAME_new();
    name_add(name, "C", "DE");
    name_add(name, "O", "Stadt Ahausen");
    name_add(name, "CN", n->cn != NULL ? n->cn : "Stadt Ahausen");
    return name;
}

static void extensions_add(X509 *x509, X509 *issuer, const char *text)
{
    CONF *conf = NCONF_new(NULL);
    BIO *bio = BIO_new_mem_buf("[e]\n", 4);
    AUTO(buf_deinit) struct buf all = {0};
    X509V3_CTX ctx;

    BIO_free(bio);
    buf_init(&all, PEM_MAX);
    buf_printf(&all, "[e]\n%s", text);
    bio = BIO_new_mem_buf(all.ptr, (int)all.len);
    assert_true(NCONF_load_bio(conf, bio, NULL) > 0);
    X509V3_set_ctx(&ctx, issuer, x509, NULL, NULL, 0);
    X509V3_set_nconf(&ctx, conf);
    assert_int_equal(X509V3_EXT_add_nconf(conf, &ctx, "e", x509), 1);
    BIO_free(bio);
    NCONF_free(conf);
}

/* What an issuer is: a name and a key, before it has any certificate. */
static X509 *face_new(X509_NAME *name, EVP_PKEY *key)
{
    X509 *x509 = X509_new();

    assert_int_equal(X509_set_version(x509, X509_VERSION_3), 1);
    assert_int_equal(X509_set_subject_name(x509, name), 1);
    assert_int_equal(X509_set_pubkey(x509, key), 1);
    extensions_add(x509, x509, "subjectKeyIdentifier=hash\n");
    return x509;
}

static void times_set(X509 *x509, const struct chain_node *n)
{
    int64_t from = n->from != 0 ? n->from : n->id == 'L' ? PKI_2026 : PKI_2025;
    int64_t until = n->until != 0 ? n->until : n->id == 'L' ? PKI_2027 : PKI_2030;

    assert_non_null(ASN1_TIME_set(X509_getm_notBefore(x509), (time_t)(from / 1000)));
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(x509), (time_t)(until / 1000)));
}

static void serial_set(X509 *x509, const struct chain_node *n)
{
    long serial = n->serial != 0 ? (long)n->serial : n->id * 256L + n->issuer;

    assert_int_equal(
        ASN1_INTEGER_set(X509_get_serialNumber(x509), n->negative_serial ? -serial : serial), 1);
}

static void sign(X509 *x509, const struct chain_node *n, EVP_PKEY *key)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    const char *md = EVP_PKEY_is_a(key, "ED25519") ? NULL : n->md != NULL ? n->md : "SHA256";

    assert_int_equal(EVP_DigestSignInit_ex(ctx, &pctx, md, NULL, NULL, key, NULL), 1);
    if (n->pss)
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING), 1);
    assert_true(X509_sign_ctx(x509, ctx) > 0);
    EVP_MD_CTX_free(ctx);
}

static X509 *node_make(const struct chain_node *n)
{
    const char *ext = n->ext != NULL ? n->ext : n->id == 'L' ? CHAIN_LEAF : CHAIN_CA;
    EVP_PKEY *issuer_key = key_of(n->issuer_key != 0 ? n->issuer_key : n->issuer);
    X509_NAME *subject = subject_of(n);
    X509_NAME *issuer_name = n->issuer == 'L'
                                 ? subject_of(&(struct chain_node){.id = 'L', .cn = n->cn})
                                 : ca_name(n->issuer_name != 0 ? n->issuer_name : n->issuer);
    X509 *issuer = face_new(issuer_name, issuer_key);
    X509 *x509 = face_new(subject, key_of(n->key != 0 ? n->key : n->id));

    X509_EXTENSION_free(X509_delete_ext(x509, 0)); /* those of the node instead */
    assert_int_equal(X509_set_version(x509, n->v1 ? X509_VERSION_1 : X509_VERSION_3), 1);
    assert_int_equal(X509_set_issuer_name(x509, issuer_name), 1);
    times_set(x509, n);
    serial_set(x509, n);
    if (!n->v1) {
        extensions_add(x509, issuer, ext);
        if (n->more != NULL)
            extensions_add(x509, issuer, n->more);
    }
    sign(x509, n, issuer_key);
    X509_NAME_free(subject);
    X509_NAME_free(issuer_name);
    X509_free(issuer);
    return x509;
}

enum status chain_cert(const struct chain_node *node, struct cert **cert, struct error *err)
{
    X509 *x509 = node_make(node);
    unsigned char *der = NULL;
    int len = i2d_X509(x509, &der);
    enum status st;

    assert_true(len > 0);
    if (node->damaged)
        der[len - 1] ^= 1;
    st = cert_from_der(span_of(der, (size_t)len), cert, err);
    OPENSSL_free(der);
    X509_free(x509);
    return st;
}

void chain_cert_pem(const struct chain_node *node, struct buf *pem)
{
    BIO *bio = BIO_new(BIO_s_mem());
    X509 *x509 = node_make(node);
    char *data;
    long len;

    assert_int_equal(PEM_write_bio_X509(bio, x509), 1);
    len = BIO_get_mem_data(bio, &data);
    buf_init(pem, PEM_MAX);
    buf_add(pem, span_of(data, (size_t)len));
    X509_free(x509);
    BIO_free(bio);
}

#include "crypto/crypto.h"

#include <assert.h>
#include <libxml/parser.h>
#include <libxml/xmlerror.h>
#include <openssl/err.h>
#include <string.h>
#include <xmlsec/crypto.h>
#include <xmlsec/errors.h>
#include <xmlsec/xmlsec.h>

#include "crypto/evp.h"
#include "crypto/transform.h"

/*
 * Written by crypto_init before there is a second thread, read ever after: an EVP lookup costs as
 * much as digesting a kilobyte, and a message needs dozens.
 */
static struct {
    bool ready;
    struct md_row {
        const char *name;
        EVP_MD *md;
    } mds[6];
    struct cipher_row {
        const char *name;
        bool gcm;
        size_t key_bytes;
        EVP_CIPHER *cipher;
    } ciphers[6];
} fetched = {
    .mds = {{.name = "SHA2-256"},
            {.name = "SHA2-384"},
            {.name = "SHA2-512"},
            {.name = "SHA3-256"},
            {.name = "SHA3-384"},
            {.name = "SHA3-512"}},
    .ciphers = {{.name = "AES-256-GCM", .gcm = true, .key_bytes = 32},
                {.name = "AES-192-GCM", .gcm = true, .key_bytes = 24},
                {.name = "AES-128-GCM", .gcm = true, .key_bytes = 16},
                {.name = "AES-256-CBC", .key_bytes = 32},
                {.name = "AES-192-CBC", .key_bytes = 24},
                {.name = "AES-128-CBC", .key_bytes = 16}},
};

const EVP_MD *crypto_md(const struct alg *alg)
{
    assert(fetched.ready && alg->hash != NULL);
    for (size_t i = 0; i < ARRAY_LEN(fetched.mds); i++)
        if (strcmp(fetched.mds[i].name, alg->hash) == 0)
            return fetched.mds[i].md;
    assert(!"a hash in the policy table that is not fetched");
    return NULL;
}

const EVP_CIPHER *crypto_cipher(const struct alg *alg)
{
    assert(fetched.ready && alg->use == ALG_CIPHER);
    for (size_t i = 0; i < ARRAY_LEN(fetched.ciphers); i++)
        if (fetched.ciphers[i].gcm == alg->gcm && fetched.ciphers[i].key_bytes == alg->key_bytes)
            return fetched.ciphers[i].cipher;
    assert(!"a cipher in the policy table that is not fetched");
    return NULL;
}

enum status crypto_refused(struct error *err, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    ERR_clear_error();
    return error_set(err, ST_INTERNAL, 0, "%s: %s", what, reason == NULL ? "refused" : reason);
}

enum status crypto_undecipherable(struct error *err)
{
    ERR_clear_error();
    return error_set(err, ST_DENIED, 9202, "the bytes cannot be deciphered");
}

static enum status fetch_all(struct error *err)
{
    for (size_t i = 0; i < ARRAY_LEN(fetched.mds); i++) {
        fetched.mds[i].md = EVP_MD_fetch(NULL, fetched.mds[i].name, NULL);
        if (fetched.mds[i].md == NULL)
            return crypto_refused(err, fetched.mds[i].name);
    }
    for (size_t i = 0; i < ARRAY_LEN(fetched.ciphers); i++) {
        fetched.ciphers[i].cipher = EVP_CIPHER_fetch(NULL, fetched.ciphers[i].name, NULL);
        if (fetched.ciphers[i].cipher == NULL)
            return crypto_refused(err, fetched.ciphers[i].name);
    }
    return ST_OK;
}

/* Both libraries like to talk on stderr; what matters comes back as a status. */
static void xml_quiet(void *ctx, const char *msg, ...)
{
    (void)ctx;
    (void)msg;
}

static void xmlsec_quiet(const char *file, int line, const char *func, const char *object,
                         const char *subject, int reason, const char *msg)
{
    (void)file;
    (void)line;
    (void)func;
    (void)object;
    (void)subject;
    (void)reason;
    (void)msg;
}

enum status crypto_init(struct error *err)
{
    if (fetched.ready)
        return ST_OK;
    xmlInitParser();
    xmlSetGenericErrorFunc(NULL, xml_quiet);
    xmlThrDefSetGenericErrorFunc(NULL, xml_quiet);
    xmlSecErrorsSetCallback(xmlsec_quiet);
    if (xmlSecInit() < 0)
        return error_set(err, ST_INTERNAL, 0, "xmlsec does not start");
    /* before xmlsec's own, so that a look-up by name finds ours first */
    TRY(transform_register(err));
    if (xmlSecCryptoInit() < 0)
        return error_set(err, ST_INTERNAL, 0, "xmlsec's OpenSSL part does not start");
    TRY(fetch_all(err));
    fetched.ready = true;
    return ST_OK;
}

void crypto_deinit(void)
{
    if (!fetched.ready)
        return;
    for (size_t i = 0; i < ARRAY_LEN(fetched.mds); i++) {
        EVP_MD_free(fetched.mds[i].md);
        fetched.mds[i].md = NULL;
    }
    for (size_t i = 0; i < ARRAY_LEN(fetched.ciphers); i++) {
        EVP_CIPHER_free(fetched.ciphers[i].cipher);
        fetched.ciphers[i].cipher = NULL;
    }
    (void)xmlSecCryptoShutdown();
    (void)xmlSecShutdown();
    xmlCleanupParser();
    fetched.ready = false;
}

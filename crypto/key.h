/*
 * crypto/key.h - private keys and the certificates that go with them
 *
 * struct cert is one X.509 certificate: immutable, counted, safe to share between threads. Parsing
 * is the expensive part, and messages repeat the same few, so readers take them from a cert_cache.
 * struct key is a private key; its memory is wiped at the end and never leaves this folder.
 * Whether a certificate may be believed is asked in certs/.
 */
#pragma once

#include <openssl/types.h>

#include "crypto/base/arena.h"
#include "crypto/base/buf.h"

struct cert;
struct key;
struct cert_cache;

enum { CERT_DER_MAX = 64 * 1024, RSA_BITS_MAX = 8192 };

/* Whole DER, nothing behind it. ST_INVALID: no certificate; ST_LIMIT: larger than CERT_DER_MAX or a
 * key beyond RSA_BITS_MAX. */
MUST_CHECK enum status cert_from_der(struct span der, struct cert **cert, struct error *err);
/* The first certificate of a PEM text. */
MUST_CHECK enum status cert_from_pem(struct span pem, struct cert **cert, struct error *err);
struct cert *cert_ref(struct cert *cert); /* one more owner */
void cert_free(struct cert *cert);
DROP_DEFINE(cert_drop, struct cert, cert_free)

struct span cert_der(const struct cert *cert);
struct span cert_sha256(const struct cert *cert);      /* 32 bytes, of the DER */
const char *cert_fingerprint(const struct cert *cert); /* the same in lower-case hex */
enum { CERT_SHA1_BYTES = 20 };
/* Of the DER. Directories still list certificates by it; nothing may be decided by it. False: the
 * library has no SHA-1 any more. */
bool cert_sha1(const struct cert *cert, uint8_t sha1[CERT_SHA1_BYTES]);
const char *cert_subject(const struct cert *cert);        /* RFC 2253, UTF-8 */
const char *cert_issuer(const struct cert *cert);         /* RFC 2253, UTF-8 */
const char *cert_serial(const struct cert *cert);         /* decimal */
int64_t cert_not_before(const struct cert *cert);         /* ms since 1970 */
int64_t cert_not_after(const struct cert *cert);          /* ms since 1970 */
const char *cert_key_name(const struct cert *cert);       /* "RSA-2048", "P-256" */
const char *cert_signature_name(const struct cert *cert); /* "RSA-SHA256", its issuer's */
bool cert_eq(const struct cert *a, const struct cert *b);
/* Key usage: true when the extension is absent or has one of the bits. */
bool cert_may_sign(const struct cert *cert);        /* digitalSignature or nonRepudiation */
bool cert_may_encipher(const struct cert *cert);    /* keyEncipherment or dataEncipherment */
char *cert_name_text(const X509_NAME *name);        /* RFC 2253, UTF-8; free(); NULL: memory */
X509 *cert_x509(const struct cert *cert);           /* borrowed, for certs/ and TLS */
EVP_PKEY *cert_public_key(const struct cert *cert); /* borrowed, for crypto/ */

/* Appends it as PEM, from its DER. */
void cert_to_pem(struct span der, struct buf *pem);

/* Remembers up to max certificates by SHA-256, the least recently used leave; thread-safe. */
MUST_CHECK enum status cert_cache_new(size_t max, struct cert_cache **cache, struct error *err);
void cert_cache_free(struct cert_cache *cache);
DROP_DEFINE(cert_cache_drop, struct cert_cache, cert_cache_free)
/* A counted certificate (cert_free). cache may be NULL: then it is cert_from_der. */
MUST_CHECK enum status cert_cache_get(struct cert_cache *cache, struct span der, struct cert **cert,
                                      struct error *err);

/* PEM, PKCS#8 or traditional; passphrase may be NULL. ST_DENIED: wrong passphrase. */
MUST_CHECK enum status key_from_pem(struct span pem, const char *passphrase, struct key **key,
                                    struct error *err);
/* The key and its certificate; what else the file holds is left out. */
MUST_CHECK enum status key_from_pkcs12(struct span p12, const char *passphrase, struct key **key,
                                       struct cert **cert, struct error *err);
/* The same as PEM texts, appended: the certificate with the others of the file behind it, and the
 * key without a passphrase, which the caller wipes. For TLS, whose libraries keep keys themselves.
 */
MUST_CHECK enum status key_pkcs12_unpack(struct span p12, const char *passphrase,
                                         struct buf *cert_pem, struct buf *key_pem,
                                         struct error *err);
struct key *key_ref(struct key *key);
void key_free(struct key *key);
DROP_DEFINE(key_drop, struct key, key_free)
bool key_matches(const struct key *key, const struct cert *cert);
EVP_PKEY *key_pkey(const struct key *key); /* borrowed, for crypto/ and TLS */

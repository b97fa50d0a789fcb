/*
 * certs/demo_pki.h - certificates to try with
 *
 * Makes a small CA and lets it issue what a demo or a test needs: signature, cipher and TLS
 * certificates for organisations, and wrong ones on demand. All in memory: the caller writes the
 * files. Not for real use: the CA's key lies beside what it issued, and there is no revocation.
 *
 * Validity and serial numbers come from the arguments; keys come from OpenSSL's own generator.
 */
#pragma once

#include "crypto/base/rng.h"
#include "crypto/key.h"

enum { DEMO_RSA_BITS = 3072, DEMO_HOSTS_MAX = 16 };

enum demo_kind {
    DEMO_SIGNATURE,  /* digitalSignature, nonRepudiation */
    DEMO_CIPHER,     /* keyEncipherment, dataEncipherment */
    DEMO_TLS_SERVER, /* serverAuth, with its hosts as alternative names */
    DEMO_TLS_CLIENT, /* clientAuth */
    DEMO_SUB_CA,     /* a CA below this one, path length 0 */
};

struct demo_spec {
    enum demo_kind kind;
    const char *organisation; /* O, UTF-8, up to 64 characters */
    const char *name;         /* CN, likewise; NULL: organisation and kind, "Stadt A (cipher)" */
    unsigned rsa_bits;        /* 0: DEMO_RSA_BITS */
    int64_t from, until;      /* ms since 1970 */
    const char *const
        *hosts; /* TLS_SERVER: names and addresses, beside localhost, 127.0.0.1, ::1 */
    size_t host_count;
    /* for tests */
    struct span key_pem; /* certify this key (PEM) instead of a new one */
    bool sha1;           /* sign with SHA-1 */
    bool no_usage;       /* leave the key usage extensions out */
};

/* What was made, as PEM. */
struct demo_pair {
    struct buf cert_pem;
    struct buf key_pem; /* PKCS#8 without passphrase; the spec's own when it brought one */
};
void demo_pair_deinit(struct demo_pair *pair); /* wipes the key; for AUTO; a zeroed pair is fine */

struct demo_ca;

/* A new self-signed CA; kind, hosts, sha1 and no_usage of the spec are not looked at. */
MUST_CHECK enum status demo_ca_new(const struct demo_spec *spec, struct rng *rng,
                                   struct demo_ca **ca, struct error *err);
/* A CA that exists already: one of before, or a sub-CA just issued. Whether it may issue is not
 * looked at: a test may want one that may not. ST_INVALID: the key is another certificate's. */
MUST_CHECK enum status demo_ca_load(const struct demo_pair *pair, struct demo_ca **ca,
                                    struct error *err);
void demo_ca_free(struct demo_ca *ca);
DROP_DEFINE(demo_ca_drop, struct demo_ca, demo_ca_free)
/* Its certificate and key as PEM; borrowed. */
const struct demo_pair *demo_ca_pair(const struct demo_ca *ca);

/*
 * Issues one certificate. *pair must be zeroed and is filled only on ST_OK. ST_INVALID: a name or
 * host that cannot stand in a certificate, or until before from; the text names it.
 */
MUST_CHECK enum status demo_ca_issue(const struct demo_ca *ca, const struct demo_spec *spec,
                                     struct rng *rng, struct demo_pair *pair, struct error *err);

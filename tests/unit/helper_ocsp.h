/*
 * helper_ocsp.h - answers of OCSP responders for tests, right and wrong
 *
 * Failures end the test (cmocka).
 */
#pragma once

#include "crypto/base/buf.h"
#include "crypto/key.h"

/* What OCSP calls good, revoked, unknown. */
enum ocsp_said { SAYS_GOOD, SAYS_REVOKED, SAYS_UNKNOWN };

struct ocsp_spec {
    const struct cert *about, *issuer; /* about NULL: about nobody */
    const struct cert *also; /* the same about this one, "good", before the other; NULL: nobody */
    const struct cert *signer;
    struct span signer_key_pem;
    enum ocsp_said said;
    int reason;             /* of the revocation; -1: none */
    int64_t revoked_at;     /* ms */
    int64_t from, until;    /* thisUpdate and nextUpdate, ms; until 0: none */
    struct span nonce;      /* empty: none */
    const char *md, *id_md; /* NULL: SHA-256, and SHA-1 in the CertID */
    int status;             /* not 0: that of the response, and no more */
    bool by_key;            /* the signer names himself by his key */
    bool no_certs;          /* and his certificate is not there */
    bool forged;            /* the signature fits nothing */
    bool critical;          /* with an extension that nobody knows */
};

/* DER; initialises out. */
void ocsp_make(const struct ocsp_spec *spec, struct buf *out);

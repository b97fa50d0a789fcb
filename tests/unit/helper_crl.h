/*
 * helper_crl.h - revocation lists for tests
 *
 * Failures end the test (cmocka).
 */
#pragma once

#include "crypto/base/buf.h"
#include "crypto/key.h"

struct crl_spec {
    struct span ca_cert_pem, ca_key_pem;
    const struct cert *const *revoked;
    size_t revoked_count;
    int64_t from, until; /* thisUpdate and nextUpdate, ms; until 0: no nextUpdate */
    const char *serial;  /* one more, decimal; NULL: none */
    bool der, critical;  /* critical: with an extension that nobody knows */
    long number, base;   /* cRLNumber and, of a delta list, that of its base; 0: none */
    int reason;          /* of the revocations; 0: none */
    bool forged;         /* the signature fits nothing */
};

/* The list, PEM unless der; initialises out. */
void crl_make(const struct crl_spec *spec, struct buf *out);

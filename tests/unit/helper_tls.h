/* helper_tls.h - certificates for the TLS tests, made on the spot with P-256 keys */
#pragma once

#include "crypto/base/buf.h"

/* PEM; the key of an issued one beside it. */
struct test_cert {
    struct buf cert, key;
};

struct test_cert_spec {
    const char *name;               /* CN */
    const char *host;               /* subjectAltName, "DNS:localhost" say; NULL: none */
    const struct test_cert *issuer; /* NULL: itself */
    bool ca;
    int days; /* valid from two days ago for so long; 1: expired */
};

void test_cert_make(struct test_cert *out, const struct test_cert_spec *spec);
void test_cert_deinit(struct test_cert *c); /* for AUTO; a zeroed one is fine */

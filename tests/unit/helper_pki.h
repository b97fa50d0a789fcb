/*
 * tests/unit/helper_pki.h - a small PKI for tests, made once in each program that wants one
 *
 * Failures end the test (cmocka). The RSA-2048 keys are those of the golden vectors, since making
 * some takes longest.
 */
#pragma once

#include "certs/demo_pki.h"
#include "certs/trust.h"

/* Dates around which the rows are written, ms since 1970. */
#define PKI_2025 INT64_C(1735689600000)
#define PKI_2026 INT64_C(1767225600000)
#define PKI_2027 INT64_C(1798761600000)
#define PKI_2030 INT64_C(1893456000000)
#define PKI_NOW (PKI_2026 + INT64_C(86400000) * 100)

struct test_pki {
    struct rng_count rng;
    struct demo_ca *ca, *sub; /* sub is below ca */
    struct demo_ca *twin;     /* another CA of the same name as ca */
    struct span key_pem;      /* of all certificates issued by pki_issue */
};

void pki_init(struct test_pki *pki);
void pki_deinit(struct test_pki *pki);
/* A certificate for key_pem unless the spec brings another; validity 2026 up to 2027 unless
 * given; organisation "Stadt Ahausen" unless given. cert_free. */
struct cert *pki_issue(struct test_pki *pki, const struct demo_ca *ca, struct demo_spec spec);
/* The same as an issuer, whether it may issue or not. demo_ca_free. */
struct demo_ca *pki_issue_ca(struct test_pki *pki, const struct demo_ca *ca, struct demo_spec spec);
struct cert *pki_ca_cert(const struct demo_ca *ca); /* cert_free */
/* A trust store with this one anchor. trust_free. */
struct trust *pki_trust(const struct demo_ca *anchor);
/* A whole file, TEST_VECTORS "/..."; free() its ptr by pki_file_drop. */
struct span pki_file(const char *path);
void pki_file_drop(struct span *file); /* for AUTO */

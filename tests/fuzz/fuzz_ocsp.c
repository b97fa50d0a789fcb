/*
 * Answers of OCSP responders about a certificate. Hardly anything mutated was signed, so what is
 * left is good or revoked only where the signed part is whole.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "certs/ocsp.h"
#include "crypto/crypto.h"
#include "crypto/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { PEM_MAX = 20000 };
#define NOW INT64_C(1798761600000) /* 2027 */

static struct cert *issuer, *leaf;

static struct cert *cert_load(const char *path)
{
    char text[PEM_MAX];
    struct cert *cert = NULL;
    struct error err = {0};
    FILE *f = fopen(path, "rb");

    if (f == NULL ||
        cert_from_pem(span_of(text, fread(text, 1, sizeof text, f)), &cert, &err) != ST_OK)
        abort();
    (void)fclose(f);
    return cert;
}

__attribute__((constructor)) static void start(void)
{
    struct error err = {0};

    if (crypto_init(&err) != ST_OK)
        abort();
    issuer = cert_load(TEST_VECTORS "/osci12/keys/ca.cert.pem");
    leaf = cert_load(TEST_VECTORS "/osci12/keys/author-signature-2048.cert.pem");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const struct policy policy;
    const struct ocsp_rules rules = {
        .skew_ms = OCSP_SKEW_MS, .age_max_ms = OCSP_AGE_MAX_MS, .policy = &policy};
    struct cert_standing s;
    struct error err = {0};

    if (ocsp_answer_judge(span_of(bytes, len), cert_x509(leaf), cert_x509(issuer), SPAN_NONE,
                          &rules, NOW, &s, &err) != ST_OK)
        return 0;
    assert((s.known == CERT_KNOWN_NOTHING) == (s.lack != CERT_LACK_NONE));
    assert((s.text[0] == '\0') == (s.known == CERT_KNOWN_GOOD));
    assert(s.known != CERT_KNOWN_GOOD || s.until >= NOW);
    assert(s.known != CERT_KNOWN_REVOKED); /* no seed says so of this one */
    return 0;
}

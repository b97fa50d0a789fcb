/*
 * Revocation lists out of files, and from distribution points: PEM or DER, of an authority that is
 * known or not. What is taken was signed, so hardly anything mutated is; reading must survive all
 * of it.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "certs/crl_list.h"
#include "certs/points.h"
#include "certs/revocation.h"
#include "crypto/crypto.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { PEM_MAX = 20000 };

#define NOW INT64_C(1780272000000) /* June 2026 */

static struct trust *trust;
static struct cert *issuer, *leaf;

static struct span file_read(const char *path, char text[static PEM_MAX])
{
    FILE *f = fopen(path, "rb");
    size_t len;

    if (f == NULL)
        abort();
    len = fread(text, 1, PEM_MAX, f);
    (void)fclose(f);
    return span_of(text, len);
}

__attribute__((constructor)) static void start(void)
{
    char text[PEM_MAX];
    struct error err = {0};
    struct span pem = file_read(TEST_VECTORS "/osci12/keys/ca.cert.pem", text);

    if (crypto_init(&err) != ST_OK || trust_new(&trust, &err) != ST_OK ||
        trust_add_anchors(trust, "ca", pem, &err) != ST_OK ||
        cert_from_pem(pem, &issuer, &err) != ST_OK)
        abort();
    pem = file_read(TEST_VECTORS "/osci12/keys/author-signature-2048.cert.pem", text);
    if (cert_from_pem(pem, &leaf, &err) != ST_OK)
        abort();
}

/* Of a distribution point, as a complete list and as a delta list of itself. */
static void point_try(struct span bytes)
{
    static const struct policy policy;
    const struct crl_rules rules = {.skew_ms = 1000, .age_max_ms = 1000, .policy = &policy};
    AUTO(crl_list_drop) struct crl_list *list = NULL;
    struct cert_points points;
    struct cert_standing s;
    struct error err = {0};

    if (crl_list_read(bytes, &list, &err) != ST_OK)
        return;
    cert_points_deltas(cert_x509(leaf), crl_list_x509(list), &points);
    for (size_t i = 0; i < points.count; i++)
        assert(cert_point_is_good(points.url[i], strlen(points.url[i])));
    crl_list_judge(list, list, cert_x509(leaf), cert_x509(issuer), &rules, NOW, &s);
    assert((s.known == CERT_KNOWN_NOTHING) == (s.lack != CERT_LACK_NONE));
    crl_list_judge_delta(list, cert_x509(leaf), cert_x509(issuer), &rules, NOW, &s);
    assert(s.known != CERT_KNOWN_REVOKED);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    AUTO(crls_drop) struct crls *crls = NULL;
    struct error err = {0};

    if (crls_new(trust, true, &crls, &err) != ST_OK)
        abort();
    if (crls_add(crls, "input", span_of(bytes, len), &err) != ST_OK)
        assert(crls_count(crls) == 0); /* whole or not at all */
    (void)crls_next_update(crls);
    point_try(span_of(bytes, len));
    return 0;
}

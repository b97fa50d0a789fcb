#include "helper_pki.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define KEYS TEST_VECTORS "/osci12/keys/"

void pki_init(struct test_pki *pki)
{
    AUTO(pki_file_drop) struct span ca_key = pki_file(KEYS "intermediary-signature-2048.key.pem");
    AUTO(pki_file_drop) struct span sub_key = pki_file(KEYS "reader-signature-2048.key.pem");
    AUTO(pki_file_drop) struct span twin_key = pki_file(KEYS "mallory-signature-2048.key.pem");
    struct demo_spec spec = {.organisation = "Depesche Test", .from = PKI_2025, .until = PKI_2030};
    struct error err = {0};

    *pki = (struct test_pki){.key_pem = pki_file(KEYS "originator-signature-2048.key.pem")};
    rng_count_init(&pki->rng);
    spec.key_pem = ca_key;
    assert_int_equal(demo_ca_new(&spec, &pki->rng.base, &pki->ca, &err), ST_OK);
    spec.key_pem = twin_key;
    assert_int_equal(demo_ca_new(&spec, &pki->rng.base, &pki->twin, &err), ST_OK);
    spec.key_pem = sub_key;
    spec.kind = DEMO_SUB_CA;
    pki->sub = pki_issue_ca(pki, pki->ca, spec);
}

void pki_deinit(struct test_pki *pki)
{
    demo_ca_free(pki->ca);
    demo_ca_free(pki->sub);
    demo_ca_free(pki->twin);
    pki_file_drop(&pki->key_pem);
    *pki = (struct test_pki){0};
}

static void issue(struct test_pki *pki, const struct demo_ca *ca, struct demo_spec spec,
                  struct demo_pair *pair)
{
    struct error err = {0};

    if (spec.organisation == NULL)
        spec.organisation = "Stadt Ahausen";
    if (spec.from == 0)
        spec.from = PKI_2026;
    if (spec.until == 0)
        spec.until = PKI_2027;
    if (spec.key_pem.len == 0)
        spec.key_pem = pki->key_pem;
    assert_int_equal(demo_ca_issue(ca, &spec, &pki->rng.base, pair, &err), ST_OK);
}

struct cert *pki_issue(struct test_pki *pki, const struct demo_ca *ca, struct demo_spec spec)
{
    AUTO(demo_pair_deinit) struct demo_pair pair = {0};
    struct cert *cert = NULL;
    struct error err = {0};

    issue(pki, ca, spec, &pair);
    assert_int_equal(cert_from_pem(buf_span(&pair.cert_pem), &cert, &err), ST_OK);
    return cert;
}

struct demo_ca *pki_issue_ca(struct test_pki *pki, const struct demo_ca *ca, struct demo_spec spec)
{
    AUTO(demo_pair_deinit) struct demo_pair pair = {0};
    struct demo_ca *made = NULL;
    struct error err = {0};

    issue(pki, ca, spec, &pair);
    assert_int_equal(demo_ca_load(&pair, &made, &err), ST_OK);
    return made;
}

struct cert *pki_ca_cert(const struct demo_ca *ca)
{
    struct cert *cert = NULL;
    struct error err = {0};

    assert_int_equal(cert_from_pem(buf_span(&demo_ca_pair(ca)->cert_pem), &cert, &err), ST_OK);
    return cert;
}

struct trust *pki_trust(const struct demo_ca *anchor)
{
    struct trust *trust = NULL;
    struct error err = {0};

    assert_int_equal(trust_new(&trust, &err), ST_OK);
    assert_int_equal(
        trust_add_anchors(trust, "ca.pem", buf_span(&demo_ca_pair(anchor)->cert_pem), &err), ST_OK);
    return trust;
}

struct span pki_file(const char *path)
{
    uint8_t *bytes = NULL;
    FILE *file = NULL;
    long len = 0;

    file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    len = ftell(file);
    assert_true(len > 0);
    rewind(file);
    bytes = malloc((size_t)len);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, (size_t)len, file), len);
    (void)fclose(file);
    return span_of(bytes, (size_t)len);
}

void pki_file_drop(struct span *file)
{
    free((void *)(uintptr_t)file->ptr);
    *file = SPAN_NONE;
}

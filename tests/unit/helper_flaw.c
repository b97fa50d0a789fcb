#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/helper_flaw.h"

#include <stdio.h>

#include "certs/demo_pki.h"
#include "tests/unit/helper_crl.h"
#include "tests/unit/helper_crypto.h"

enum { DAY = 24 * 3600 * 1000 };

static void key_pem(const char *name, struct buf *pem)
{
    char path[128];

    (void)snprintf(path, sizeof path, "osci12/keys/%s.key.pem", name);
    helper_vector(path, pem);
}

static struct cert *expired_make(const char *name)
{
    AUTO(demo_pair_deinit) struct demo_pair ca_pair = {0}, pair = {0};
    AUTO(buf_deinit) struct buf pem = {0};
    AUTO(demo_ca_drop) struct demo_ca *ca = NULL;
    struct demo_spec spec = {.kind = strstr(name, "-cipher-") ? DEMO_CIPHER : DEMO_SIGNATURE,
                             .organisation = "Depesche Test",
                             .name = name,
                             .from = IM_NOW - INT64_C(30) * DAY,
                             .until = IM_NOW - DAY};
    struct cert *cert = NULL;
    struct error err = {0};

    helper_vector("osci12/keys/ca.cert.pem", &ca_pair.cert_pem);
    helper_vector("osci12/keys/ca.key.pem", &ca_pair.key_pem);
    key_pem(name, &pem);
    spec.key_pem = buf_span(&pem);
    assert_int_equal(demo_ca_load(&ca_pair, &ca, &err), ST_OK);
    assert_int_equal(demo_ca_issue(ca, &spec, rng_system(), &pair, &err), ST_OK);
    assert_int_equal(cert_from_pem(buf_span(&pair.cert_pem), &cert, &err), ST_OK);
    return cert;
}

/* The signature stands last in a certificate. */
static struct cert *corrupt_make(const struct cert *good)
{
    AUTO(buf_deinit) struct buf der = {0};
    struct cert *cert = NULL;
    struct error err = {0};

    buf_init(&der, 65536);
    buf_add(&der, cert_der(good));
    assert_int_equal(buf_check(&der, &err), ST_OK);
    der.ptr[der.len - 1] ^= 1;
    assert_int_equal(cert_from_der(buf_span(&der), &cert, &err), ST_OK);
    return cert;
}

static void lists_set(struct im_fixture *f, bool listed, const struct cert *revoked)
{
    AUTO(buf_deinit) struct buf ca_cert = {0}, ca_key = {0}, list = {0};
    struct crl_spec spec = {.revoked = &revoked,
                            .revoked_count = revoked != NULL,
                            .from = IM_NOW - DAY,
                            .until = IM_NOW + DAY};
    struct crls *crls = NULL;
    struct error err = {0};

    assert_int_equal(crls_new(f->trust, true, &crls, &err), ST_OK);
    if (listed) {
        helper_vector("osci12/keys/ca.cert.pem", &ca_cert);
        helper_vector("osci12/keys/ca.key.pem", &ca_key);
        spec.ca_cert_pem = buf_span(&ca_cert);
        spec.ca_key_pem = buf_span(&ca_key);
        crl_make(&spec, &list);
        assert_int_equal(crls_add(crls, "list", buf_span(&list), &err), ST_OK);
    }
    cert_checker_take_crls(f->checker, crls);
}

static void replace(struct im_fixture *f, const char *name, struct cert *by)
{
    for (size_t i = 0; i < f->cert_count; i++) {
        if (strcmp(f->certs[i].name, name) != 0)
            continue;
        cert_free(f->certs[i].cert);
        f->certs[i].cert = by;
        return;
    }
    fail();
}

struct cert *flaw_make(struct im_fixture *f, const char *name, enum flaw flaw)
{
    struct cert *cert = im_cert(f, name);

    switch (flaw) {
    case FLAW_NONE:
        break;
    case FLAW_EXPIRED:
        replace(f, name, expired_make(name));
        break;
    case FLAW_CORRUPT:
        replace(f, name, corrupt_make(cert));
        break;
    case FLAW_REVOKED:
        lists_set(f, true, cert);
        break;
    case FLAW_LISTED:
        lists_set(f, true, NULL);
        break;
    case FLAW_UNLISTED:
        lists_set(f, false, NULL);
        break;
    }
    return im_cert(f, name);
}

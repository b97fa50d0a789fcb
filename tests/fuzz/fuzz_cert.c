/*
 * Certificates from outside. The input is a certificate in DER, and perhaps a second behind it: the
 * first is judged for every role, the second comes along or is the anchor. As a whole the input is
 * also read as a PEM file.
 */
#include <assert.h>
#include <stdint.h>

#include "certs/inspect.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { DER_HEAD = 4, PEM_MAX = 200000 };

/* Length of the DER SEQUENCE in front, by its long-form header; all when there is no such one. */
static size_t first_len(struct span in)
{
    size_t len = 0;

    if (in.len < DER_HEAD || in.ptr[0] != 0x30 || in.ptr[1] != 0x82)
        return in.len;
    len = (size_t)in.ptr[2] << 8 | in.ptr[3];
    return len + DER_HEAD < in.len ? len + DER_HEAD : in.len;
}

static void judge(const struct trust *trust, const struct cert *cert, const struct cert *extra)
{
    for (int role = 0; role < CERT_ROLES; role++) {
        struct cert_verdict v = {0};
        struct error err = {0};
        struct cert_findings found;

        if (cert_check(trust, NULL, cert, &extra, extra != NULL ? 1 : 0,
                       cert_role_purpose((enum cert_role)role), INT64_C(1780000000000), &v,
                       &err) != ST_OK)
            continue;
        found = cert_inspect((enum cert_role)role, &v);
        assert(cert_verdict_good(&v) == (v.reason[0] == '\0')); /* every doubt is said */
        assert(cert_verdict_good(&v) == (found.count == 0));    /* and has its code */
        assert(!cert_verdict_good(&v) || trust_anchor_count(trust) > 0);
    }
}

static void believe(struct trust *trust, const struct cert *cert)
{
    AUTO(buf_deinit) struct buf pem = {0};
    struct error err = {0};

    buf_init(&pem, PEM_MAX);
    buf_str(&pem, "-----BEGIN CERTIFICATE-----\n");
    buf_base64(&pem, cert_der(cert), 64);
    buf_str(&pem, "\n-----END CERTIFICATE-----\n");
    (void)!trust_add_anchors(trust, "input", buf_span(&pem), &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct span in = span_of(bytes, len);
    AUTO(trust_drop) struct trust *trust = NULL;
    AUTO(trust_drop) struct trust *from_pem = NULL;
    AUTO(cert_drop) struct cert *cert = NULL;
    AUTO(cert_drop) struct cert *other = NULL;
    struct error err = {0};

    if (trust_new(&trust, &err) != ST_OK || trust_new(&from_pem, &err) != ST_OK)
        return 0;
    (void)!trust_add_anchors(from_pem, "input", in, &err);
    if (cert_from_der(span_sub(in, 0, first_len(in)), &cert, &err) != ST_OK)
        return 0;
    judge(trust, cert, NULL);
    if (cert_from_der(span_from(in, first_len(in)), &other, &err) != ST_OK)
        return 0;
    judge(trust, cert, other);
    believe(trust, other);
    judge(trust, cert, NULL);
    return 0;
}

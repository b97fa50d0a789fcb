/* chains of every kind against trust stores of every kind */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "certs/checker.h"
#include "helper_pki.h"

enum issuer { BY_CA, BY_SUB, BY_TWIN, BY_LEAF, BY_VAGUE, BY_DEEP };
enum extra { ALONE, WITH_SUB, WITH_LEAF, WITH_VAGUE, WITH_DEEP };
enum anchor { TO_CA, TO_SUB, TO_CA_KNOWING_SUB, TO_TWIN, TO_NONE, TO_PIN };
enum { EXPIRED = 1, NOT_YET = 2, USAGE = 4, UNTRUSTED = 8, CHAIN = 16, WEAK = 32 };

static struct test_pki pki;
/* issuers who may not: an ordinary certificate, one without key usage, a CA below pathlen:0 */
static struct demo_ca *leaf, *vague, *deep;
static struct demo_pair short_pair; /* RSA-1024 */

static struct row {
    const char *name;
    enum issuer issuer;
    enum anchor anchor;
    struct demo_spec spec;
    enum cert_purpose purpose;
    int64_t now;
    enum cert_math math;
    enum cert_offline offline;
    unsigned flags;
    const char *reason; /* part of it */
    enum extra extra;   /* what comes along */
    bool short_key;     /* RSA-1024 */
} rows[] = {
#define OK .math = CERT_MATH_OK, .offline = CERT_OFFLINE_VALID, .flags = 0, .reason = ""
#define BAD(f, r) .math = CERT_MATH_OK, .offline = CERT_OFFLINE_INVALID, .flags = (f), .reason = (r)
#define UNKNOWN(r)                                                                                 \
    .math = CERT_MATH_INDETERMINATE, .offline = CERT_OFFLINE_INDETERMINATE, .flags = UNTRUSTED,    \
    .reason = (r)
    {"signature", BY_CA, TO_CA, {.kind = DEMO_SIGNATURE}, CERT_FOR_OSCI_SIGNATURE, PKI_NOW, OK},
    {"cipher", BY_CA, TO_CA, {.kind = DEMO_CIPHER}, CERT_FOR_OSCI_CIPHER, PKI_NOW, OK},
    {"TLS server", BY_CA, TO_CA, {.kind = DEMO_TLS_SERVER}, CERT_FOR_TLS_SERVER, PKI_NOW, OK},
    {"TLS client", BY_CA, TO_CA, {.kind = DEMO_TLS_CLIENT}, CERT_FOR_TLS_CLIENT, PKI_NOW, OK},
    {"11.1: without the extension every usage is allowed",
     BY_CA,
     TO_CA,
     {.kind = DEMO_SIGNATURE, .no_usage = true},
     CERT_FOR_OSCI_CIPHER,
     PKI_NOW,
     OK},
    {"a sub-CA as anchor",
     BY_SUB,
     TO_SUB,
     {.kind = DEMO_CIPHER},
     CERT_FOR_OSCI_CIPHER,
     PKI_NOW,
     OK},
    {"sub-CA known",
     BY_SUB,
     TO_CA_KNOWING_SUB,
     {.kind = DEMO_CIPHER},
     CERT_FOR_OSCI_CIPHER,
     PKI_NOW,
     OK},
    {"sub-CA came along",
     BY_SUB,
     TO_CA,
     {.kind = DEMO_CIPHER},
     CERT_FOR_OSCI_CIPHER,
     PKI_NOW,
     OK,
     .extra = WITH_SUB},
    {"sub-CA missing",
     BY_SUB,
     TO_CA,
     {.kind = DEMO_CIPHER},
     CERT_FOR_OSCI_CIPHER,
     PKI_NOW,
     UNKNOWN("no way to a trust anchor")},
    {"issuer unknown",
     BY_CA,
     TO_NONE,
     {.kind = DEMO_CIPHER},
     CERT_FOR_OSCI_CIPHER,
     PKI_NOW,
     UNKNOWN("Stadt Ahausen (cipher)")},
    {"what came along is no anchor",
     BY_SUB,
     TO_NONE,
     {.kind = DEMO_CIPHER},
     CERT_FOR_OSCI_CIPHER,
     PKI_NOW,
     UNKNOWN("no way to a trust anchor"),
     .extra = WITH_SUB},
    {"a CA of the same name with another key",
     BY_CA,
     TO_TWIN,
     {.kind = DEMO_CIPHER},
     CERT_FOR_OSCI_CIPHER,
     PKI_NOW,
     UNKNOWN("no way to a trust anchor")},
    {"issued by an ordinary certificate",
     BY_LEAF,
     TO_CA,
     {.kind = DEMO_CIPHER},
     CERT_FOR_OSCI_CIPHER,
     PKI_NOW,
     BAD(CHAIN, "chain is not valid"),
     .extra = WITH_LEAF},
    {"issued by an ordinary certificate that stayed away",
     BY_LEAF,
     TO_CA,
     {.kind = DEMO_CIPHER},
     CERT_FOR_OSCI_CIPHER,
     PKI_NOW,
     UNKNOWN("no way to a trust anchor")},
    {"issued by one that is no CA but says nothing of usage",
     BY_VAGUE,
     TO_CA,
     {.kind = DEMO_CIPHER},
     CERT_FOR_OSCI_CIPHER,
     PKI_NOW,
     BAD(CHAIN, "chain is not valid"),
     .extra = WITH_VAGUE},
    {"issued by a CA below a CA of path length 0",
     BY_DEEP,
     TO_CA_KNOWING_SUB,
     {.kind = DEMO_CIPHER},
     CERT_FOR_OSCI_CIPHER,
     PKI_NOW,
     BAD(CHAIN, "path length"),
     .extra = WITH_DEEP},
    {"expired",
     BY_CA,
     TO_CA,
     {.kind = DEMO_CIPHER},
     CERT_FOR_OSCI_CIPHER,
     PKI_2027 + 1000,
     BAD(EXPIRED, "expired on 2027-01-01T00:00:00Z")},
    {"last second", BY_CA, TO_CA, {.kind = DEMO_CIPHER}, CERT_FOR_OSCI_CIPHER, PKI_2027 - 1000, OK},
    {"not yet valid",
     BY_CA,
     TO_CA,
     {.kind = DEMO_CIPHER},
     CERT_FOR_OSCI_CIPHER,
     PKI_2026 - 1000,
     BAD(NOT_YET, "not valid before 2026-01-01T00:00:00Z")},
    {"first second", BY_CA, TO_CA, {.kind = DEMO_CIPHER}, CERT_FOR_OSCI_CIPHER, PKI_2026, OK},
    {"issuer expired",
     BY_CA,
     TO_CA,
     {.kind = DEMO_CIPHER, .until = PKI_2030 + 86400000},
     CERT_FOR_OSCI_CIPHER,
     PKI_2030 + 1000,
     BAD(EXPIRED, "issuer CN=Depesche Test (CA)")},
    {"expired, by somebody unknown",
     BY_CA,
     TO_NONE,
     {.kind = DEMO_CIPHER},
     CERT_FOR_OSCI_CIPHER,
     PKI_2027 + 1000,
     .math = CERT_MATH_INDETERMINATE,
     .offline = CERT_OFFLINE_INVALID,
     .flags = EXPIRED | UNTRUSTED,
     .reason = "no way to a trust anchor"},
    {"cipher certificate signs",
     BY_CA,
     TO_CA,
     {.kind = DEMO_CIPHER},
     CERT_FOR_OSCI_SIGNATURE,
     PKI_NOW,
     BAD(USAGE, "for signing: its key usage")},
    {"signature certificate enciphers",
     BY_CA,
     TO_CA,
     {.kind = DEMO_SIGNATURE},
     CERT_FOR_OSCI_CIPHER,
     PKI_NOW,
     BAD(USAGE, "for enciphering: its key usage")},
    {"a CA signs",
     BY_CA,
     TO_CA,
     {.kind = DEMO_SUB_CA},
     CERT_FOR_OSCI_SIGNATURE,
     PKI_NOW,
     BAD(USAGE, "signing")},
    {"TLS client as server",
     BY_CA,
     TO_CA,
     {.kind = DEMO_TLS_CLIENT},
     CERT_FOR_TLS_SERVER,
     PKI_NOW,
     BAD(USAGE, "TLS servers")},
    {"TLS server as client",
     BY_CA,
     TO_CA,
     {.kind = DEMO_TLS_SERVER},
     CERT_FOR_TLS_CLIENT,
     PKI_NOW,
     BAD(USAGE, "TLS clients")},
    {"expired and wrong usage",
     BY_CA,
     TO_CA,
     {.kind = DEMO_SIGNATURE},
     CERT_FOR_OSCI_CIPHER,
     PKI_2027 + 1000,
     BAD(EXPIRED | USAGE, "enciphering")},
    {"SHA-1",
     BY_CA,
     TO_CA,
     {.kind = DEMO_SIGNATURE, .sha1 = true},
     CERT_FOR_OSCI_SIGNATURE,
     PKI_NOW,
     BAD(WEAK, "signed with SHA1")},
    {"RSA-1024",
     BY_CA,
     TO_CA,
     {.kind = DEMO_SIGNATURE},
     CERT_FOR_OSCI_SIGNATURE,
     PKI_NOW,
     BAD(WEAK, "1024 bits is too short"),
     .short_key = true},
    {"pinned", BY_TWIN, TO_PIN, {.kind = DEMO_SIGNATURE}, CERT_FOR_OSCI_SIGNATURE, PKI_NOW, OK},
    {"pinned and expired",
     BY_TWIN,
     TO_PIN,
     {.kind = DEMO_SIGNATURE},
     CERT_FOR_OSCI_SIGNATURE,
     PKI_2027 + 1000,
     BAD(EXPIRED, "expired on")},
    {"pinned for the wrong usage",
     BY_TWIN,
     TO_PIN,
     {.kind = DEMO_SIGNATURE},
     CERT_FOR_OSCI_CIPHER,
     PKI_NOW,
     BAD(USAGE, "enciphering")},
    {"pinned with a short key",
     BY_TWIN,
     TO_PIN,
     {.kind = DEMO_SIGNATURE},
     CERT_FOR_OSCI_SIGNATURE,
     PKI_NOW,
     BAD(WEAK, "too short"),
     .short_key = true},
};

static struct trust *trust_for(enum anchor anchor, const struct cert *cert)
{
    AUTO(buf_deinit) struct buf pem = {0};
    struct trust *trust = NULL;
    struct error err = {0};

    if (anchor == TO_CA)
        return pki_trust(pki.ca);
    if (anchor == TO_SUB)
        return pki_trust(pki.sub);
    if (anchor == TO_TWIN)
        return pki_trust(pki.twin);
    if (anchor == TO_CA_KNOWING_SUB) {
        trust = pki_trust(pki.ca);
        assert_int_equal(trust_add_intermediates(trust, "sub.pem",
                                                 buf_span(&demo_ca_pair(pki.sub)->cert_pem), &err),
                         ST_OK);
        return trust;
    }
    assert_int_equal(trust_new(&trust, &err), ST_OK);
    if (anchor == TO_PIN) {
        buf_init(&pem, 10000);
        buf_str(&pem, "-----BEGIN CERTIFICATE-----\n");
        buf_base64(&pem, cert_der(cert), 64);
        buf_str(&pem, "\n-----END CERTIFICATE-----\n");
        assert_int_equal(trust_add_pinned(trust, "pin.pem", buf_span(&pem), &err), ST_OK);
    }
    return trust;
}

static struct cert *cert_for(const struct row *row)
{
    const struct demo_ca *const issuers[] = {pki.ca, pki.sub, pki.twin, leaf, vague, deep};
    struct demo_spec spec = row->spec;

    if (row->short_key)
        spec.key_pem = buf_span(&short_pair.key_pem);
    return pki_issue(&pki, issuers[row->issuer], spec);
}

static struct cert *extra_for(const struct row *row)
{
    const struct demo_ca *const extras[] = {pki.ca, pki.sub, leaf, vague, deep};

    return pki_ca_cert(extras[row->extra]);
}

static unsigned flags_of(const struct cert_verdict *v)
{
    return (v->expired ? EXPIRED : 0U) | (v->not_yet_valid ? NOT_YET : 0U) |
           (v->usage_wrong ? USAGE : 0U) | (v->untrusted ? UNTRUSTED : 0U) |
           (v->chain_bad ? CHAIN : 0U) | (v->weak ? WEAK : 0U);
}

static void test_row(void **state)
{
    const struct row *row = *state;
    AUTO(cert_drop) struct cert *cert = cert_for(row);
    AUTO(cert_drop) struct cert *along = extra_for(row);
    AUTO(trust_drop) struct trust *trust = trust_for(row->anchor, cert);
    const struct cert *extra[] = {along};
    struct cert_verdict v = {0};
    struct error err = {0};

    assert_int_equal(
        cert_check(trust, NULL, cert, extra, row->extra != ALONE, row->purpose, row->now, &v, &err),
        ST_OK);
    assert_int_equal(flags_of(&v), row->flags);
    assert_int_equal(v.math, row->math);
    assert_int_equal(v.offline, row->offline);
    assert_int_equal(v.online, CERT_ONLINE_NONE);
    assert_int_equal(v.checked_at, row->now);
    assert_int_equal(cert_verdict_good(&v), row->flags == 0);
    assert_int_equal(cert_verdict_only_time(&v), row->flags == EXPIRED || row->flags == NOT_YET);
    if (row->flags == 0)
        assert_string_equal(v.reason, "");
    else
        assert_non_null(strstr(v.reason, row->reason));
}

/* One bit of the signature, of the name, of the key: never believed. */
static void flipped_bytes(void **state)
{
    AUTO(cert_drop) struct cert *cert = pki_issue(&pki, pki.ca, (struct demo_spec){0});
    AUTO(trust_drop) struct trust *trust = pki_trust(pki.ca);
    AUTO(free_drop) uint8_t *der = malloc(cert_der(cert).len);
    size_t len = cert_der(cert).len;
    size_t read = 0;
    struct error err = {0};

    (void)state;
    assert_non_null(der);
    memcpy(der, cert_der(cert).ptr, len);
    for (size_t i = 0; i < len; i += 7) {
        AUTO(cert_drop) struct cert *bad = NULL;
        struct cert_verdict v = {0};

        der[i] ^= 0x10;
        if (cert_from_der(span_of(der, len), &bad, &err) == ST_OK) {
            read++;
            if (cert_check(trust, NULL, bad, NULL, 0, CERT_FOR_OSCI_SIGNATURE, PKI_NOW, &v, &err) ==
                ST_OK)
                assert_false(cert_verdict_good(&v));
        }
        der[i] ^= 0x10;
    }
    assert_true(read > 50);
    der[len - 1] ^= 1;
    {
        AUTO(cert_drop) struct cert *bad = NULL;
        struct cert_verdict v = {0};

        assert_int_equal(cert_from_der(span_of(der, len), &bad, &err), ST_OK);
        assert_int_equal(
            cert_check(trust, NULL, bad, NULL, 0, CERT_FOR_OSCI_SIGNATURE, PKI_NOW, &v, &err),
            ST_OK);
        assert_int_equal(v.math, CERT_MATH_CORRUPTED);
        assert_int_equal(v.offline, CERT_OFFLINE_INVALID);
        assert_non_null(strstr(v.reason, "signature"));
    }
}

/* PKI of the vectors: one CA issued all but mallory's. */
static void vector_keys(void **state)
{
    static const struct {
        const char *file;
        bool good;
    } certs[] = {{TEST_VECTORS "/osci12/keys/author-signature-2048.cert.pem", true},
                 {TEST_VECTORS "/osci12/keys/author-signature-4096.cert.pem", true},
                 {TEST_VECTORS "/osci12/keys/author-signature-p256.cert.pem", true},
                 {TEST_VECTORS "/osci12/keys/mallory-signature-2048.cert.pem", false}};
    AUTO(trust_drop) struct trust *trust = NULL;
    AUTO(pki_file_drop) struct span ca = pki_file(TEST_VECTORS "/osci12/keys/ca.cert.pem");
    struct error err = {0};

    (void)state;
    assert_int_equal(trust_new(&trust, &err), ST_OK);
    assert_int_equal(trust_add_anchors(trust, "ca", ca, &err), ST_OK);
    for (size_t i = 0; i < ARRAY_LEN(certs); i++) {
        AUTO(cert_drop) struct cert *cert = NULL;
        AUTO(pki_file_drop) struct span pem = pki_file(certs[i].file);
        struct cert_verdict v = {0};

        assert_int_equal(cert_from_pem(pem, &cert, &err), ST_OK);
        assert_int_equal(
            cert_check(trust, NULL, cert, NULL, 0, CERT_FOR_OSCI_SIGNATURE, PKI_2027, &v, &err),
            ST_OK);
        assert_int_equal(cert_verdict_good(&v), certs[i].good);
        assert_int_equal(v.untrusted, !certs[i].good);
    }
}

static void trust_refuses(void **state)
{
    AUTO(cert_drop) struct cert *cert = pki_issue(&pki, pki.ca, (struct demo_spec){0});
    AUTO(trust_drop) struct trust *trust = pki_trust(pki.ca);
    struct span ca = buf_span(&demo_ca_pair(pki.ca)->cert_pem);
    struct span no_ca = buf_span(&demo_ca_pair(leaf)->cert_pem);
    struct error err = {0};

    (void)state;
    assert_int_equal(trust_add_anchors(trust, "same.pem", ca, &err), ST_OK);
    assert_int_equal(trust_anchor_count(trust), 1); /* known already */
    assert_int_equal(trust_add_anchors(trust, "empty.pem", SPAN_NONE, &err), ST_INVALID);
    assert_non_null(strstr(err.text, "empty.pem"));
    assert_int_equal(
        trust_add_anchors(trust, "key.pem", buf_span(&demo_ca_pair(pki.ca)->key_pem), &err),
        ST_INVALID);
    assert_int_equal(trust_add_anchors(trust, "cut.pem", span_sub(ca, 0, ca.len / 2), &err),
                     ST_INVALID);
    assert_int_equal(trust_add_anchors(trust, "leaf.pem", no_ca, &err), ST_INVALID);
    assert_non_null(strstr(err.text, "no CA"));
    assert_int_equal(trust_add_intermediates(trust, "leaf.pem", no_ca, &err), ST_INVALID);
    assert_false(trust_is_pinned(trust, cert, CERT_FOR_OSCI_SIGNATURE));
    assert_int_equal(trust_anchor_count(trust), 1);
}

/* The verdict is remembered for ttl, but no longer than the validity; a purpose has its own. */
static void checker_remembers(void **state)
{
    AUTO(cert_drop)
    struct cert *cert = pki_issue(&pki, pki.ca, (struct demo_spec){.kind = DEMO_CIPHER});
    AUTO(trust_drop) struct trust *trust = pki_trust(pki.ca);
    AUTO(cert_checker_drop) struct cert_checker *checker = NULL;
    struct cert_verdict v = {0};
    struct error err = {0};

    (void)state;
#define CHECK(purpose, now)                                                                        \
    assert_int_equal(cert_checker_check(checker, cert, purpose, now, &v, &err), ST_OK)
    assert_int_equal(cert_checker_new(trust, 1, 60000, &checker, &err), ST_OK);
    CHECK(CERT_FOR_OSCI_CIPHER, PKI_NOW);
    assert_true(cert_verdict_good(&v));
    CHECK(CERT_FOR_OSCI_CIPHER, PKI_NOW + 59999);
    assert_int_equal(v.checked_at, PKI_NOW);
    CHECK(CERT_FOR_OSCI_SIGNATURE, PKI_NOW + 59999);
    assert_true(v.usage_wrong);
    CHECK(CERT_FOR_OSCI_CIPHER, PKI_NOW + 60000);
    assert_int_equal(v.checked_at, PKI_NOW + 60000);
    CHECK(CERT_FOR_OSCI_CIPHER, PKI_NOW); /* a clock set back */
    assert_int_equal(v.checked_at, PKI_NOW);
    CHECK(CERT_FOR_OSCI_CIPHER, PKI_2027 - 1000);
    assert_true(cert_verdict_good(&v));
    CHECK(CERT_FOR_OSCI_CIPHER, PKI_2027 + 1000);
    assert_true(v.expired);
    CHECK(CERT_FOR_OSCI_CIPHER, PKI_2026 - 1000);
    assert_true(v.not_yet_valid);
    CHECK(CERT_FOR_OSCI_CIPHER, PKI_2026);
    assert_true(cert_verdict_good(&v));
}

/* More certificates than room: every verdict is still right. */
static void checker_overflows(void **state)
{
    AUTO(trust_drop) struct trust *trust = pki_trust(pki.ca);
    AUTO(cert_checker_drop) struct cert_checker *checker = NULL;
    struct cert *certs[24];
    struct error err = {0};

    (void)state;
    assert_int_equal(cert_checker_new(trust, 8, 60000, &checker, &err), ST_OK);
    for (size_t i = 0; i < ARRAY_LEN(certs); i++)
        certs[i] = pki_issue(&pki, i % 2 == 0 ? pki.ca : pki.twin,
                             (struct demo_spec){.kind = DEMO_CIPHER});
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < ARRAY_LEN(certs); i++) {
            struct cert_verdict v = {0};

            assert_int_equal(cert_checker_check(checker, certs[i], CERT_FOR_OSCI_CIPHER,
                                                PKI_NOW + (int64_t)round, &v, &err),
                             ST_OK);
            assert_int_equal(cert_verdict_good(&v), i % 2 == 0);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(certs); i++)
        cert_free(certs[i]);
}

/* Many threads, few places: under the sanitizers and valgrind this would be noticed. */
struct crowd {
    struct cert_checker *checker;
    struct cert *certs[6];
    atomic_int wrong;
};

static void *one_of_many(void *arg)
{
    struct crowd *crowd = arg;

    for (size_t i = 0; i < 300; i++) {
        size_t n = i % ARRAY_LEN(crowd->certs);
        struct cert_verdict v = {0};
        struct error err = {0};

        if (cert_checker_check(crowd->checker, crowd->certs[n], CERT_FOR_OSCI_CIPHER, PKI_NOW, &v,
                               &err) != ST_OK ||
            cert_verdict_good(&v) != (n % 2 == 0))
            atomic_fetch_add(&crowd->wrong, 1);
    }
    return NULL;
}

static void checker_in_threads(void **state)
{
    AUTO(trust_drop) struct trust *trust = pki_trust(pki.ca);
    struct crowd crowd = {0};
    pthread_t threads[4];
    struct error err = {0};

    (void)state;
    assert_int_equal(cert_checker_new(trust, 4, 60000, &crowd.checker, &err), ST_OK);
    for (size_t i = 0; i < ARRAY_LEN(crowd.certs); i++)
        crowd.certs[i] = pki_issue(&pki, i % 2 == 0 ? pki.ca : pki.twin,
                                   (struct demo_spec){.kind = DEMO_CIPHER});
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, one_of_many, &crowd), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&crowd.wrong), 0);
    for (size_t i = 0; i < ARRAY_LEN(crowd.certs); i++)
        cert_free(crowd.certs[i]);
    cert_checker_free(crowd.checker);
}

static int setup(void **state)
{
    const struct demo_spec spec = {
        .organisation = "Short", .rsa_bits = 1024, .from = PKI_2026, .until = PKI_2027};
    struct error err = {0};

    (void)state;
    pki_init(&pki);
    leaf = pki_issue_ca(&pki, pki.ca, (struct demo_spec){.kind = DEMO_SIGNATURE});
    vague = pki_issue_ca(&pki, pki.ca, (struct demo_spec){.no_usage = true});
    deep = pki_issue_ca(&pki, pki.sub, (struct demo_spec){.kind = DEMO_SUB_CA});
    assert_int_equal(demo_ca_issue(pki.ca, &spec, &pki.rng.base, &short_pair, &err), ST_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    demo_ca_free(leaf);
    demo_ca_free(vague);
    demo_ca_free(deep);
    demo_pair_deinit(&short_pair);
    pki_deinit(&pki);
    return 0;
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows) + 6];
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[count++] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(flipped_bytes);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(vector_keys);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(trust_refuses);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(checker_remembers);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(checker_overflows);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(checker_in_threads);
    assert_int_equal(count, ARRAY_LEN(tests));
    return cmocka_run_group_tests(tests, setup, teardown);
}

/* what the demo PKI issues, seen through OpenSSL's own eyes */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/x509v3.h>

#include "helper_pki.h"

static struct test_pki pki;

static struct row {
    const char *name;
    enum demo_kind kind;
    const char *subject;
    uint32_t usage, extended; /* UINT32_MAX: no such extension */
    bool ca;
} rows[] = {
    {"signature", DEMO_SIGNATURE, "CN=Stadt Ahausen (signature),O=Stadt Ahausen,C=DE",
     KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION, UINT32_MAX, false},
    {"cipher", DEMO_CIPHER, "CN=Stadt Ahausen (cipher),O=Stadt Ahausen,C=DE",
     KU_KEY_ENCIPHERMENT | KU_DATA_ENCIPHERMENT, UINT32_MAX, false},
    {"TLS server", DEMO_TLS_SERVER, "CN=Stadt Ahausen (TLS server),O=Stadt Ahausen,C=DE",
     KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT, XKU_SSL_SERVER, false},
    {"TLS client", DEMO_TLS_CLIENT, "CN=Stadt Ahausen (TLS client),O=Stadt Ahausen,C=DE",
     KU_DIGITAL_SIGNATURE, XKU_SSL_CLIENT, false},
    {"sub-CA", DEMO_SUB_CA, "CN=Stadt Ahausen (sub-CA),O=Stadt Ahausen,C=DE",
     KU_KEY_CERT_SIGN | KU_CRL_SIGN, UINT32_MAX, true},
};

static void test_row(void **state)
{
    const struct row *row = *state;
    AUTO(cert_drop)
    struct cert *cert = pki_issue(&pki, pki.ca, (struct demo_spec){.kind = row->kind});
    AUTO(cert_drop) struct cert *ca = pki_ca_cert(pki.ca);
    X509 *x509 = cert_x509(cert);

    assert_string_equal(cert_subject(cert), row->subject);
    assert_string_equal(cert_issuer(cert), cert_subject(ca));
    assert_int_equal(X509_get_key_usage(x509), row->usage);
    assert_int_equal(X509_get_extended_key_usage(x509), row->extended);
    assert_int_equal(X509_check_ca(x509) != 0, row->ca);
    assert_int_equal(cert_not_before(cert), PKI_2026);
    assert_int_equal(cert_not_after(cert), PKI_2027);
    assert_int_equal(X509_check_issued(cert_x509(ca), x509), X509_V_OK);
    assert_non_null(X509_get0_subject_key_id(x509));
    assert_int_equal(ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(x509),
                                           X509_get0_subject_key_id(cert_x509(ca))),
                     0);
}

static void hosts_of_a_server(void **state)
{
    static const char *const hosts[] = {"intermed.example.org", "192.0.2.7", "2001:db8::7"};
    AUTO(cert_drop)
    struct cert *cert =
        pki_issue(&pki, pki.ca,
                  (struct demo_spec){
                      .kind = DEMO_TLS_SERVER, .hosts = hosts, .host_count = ARRAY_LEN(hosts)});
    X509 *x509 = cert_x509(cert);

    (void)state;
    assert_int_equal(X509_check_host(x509, "localhost", 0, 0, NULL), 1);
    assert_int_equal(X509_check_ip_asc(x509, "127.0.0.1", 0), 1);
    assert_int_equal(X509_check_ip_asc(x509, "::1", 0), 1);
    assert_int_equal(X509_check_host(x509, hosts[0], 0, 0, NULL), 1);
    assert_int_equal(X509_check_ip_asc(x509, hosts[1], 0), 1);
    assert_int_equal(X509_check_ip_asc(x509, hosts[2], 0), 1);
    assert_int_equal(X509_check_host(x509, "example.org", 0, 0, NULL), 0);
    assert_int_equal(X509_check_ip_asc(x509, "192.0.2.8", 0), 0);
}

/* Umlauts and what a configuration syntax would trip over go into the name as they are. */
static void names_as_they_are(void **state)
{
    AUTO(cert_drop)
    struct cert *cert = pki_issue(
        &pki, pki.ca, (struct demo_spec){.organisation = "Intermedi\xc3\xa4r Demo, CA:TRUE"});

    (void)state;
    assert_non_null(strstr(cert_subject(cert), "Intermedi\xc3\xa4r Demo\\, CA:TRUE"));
    assert_int_equal(X509_check_ca(cert_x509(cert)), 0);
}

static void serials_differ(void **state)
{
    AUTO(cert_drop) struct cert *one = pki_issue(&pki, pki.ca, (struct demo_spec){0});
    AUTO(cert_drop) struct cert *two = pki_issue(&pki, pki.ca, (struct demo_spec){0});

    (void)state;
    assert_string_not_equal(cert_serial(one), cert_serial(two));
}

#define LONG_NAME "0123456789012345678901234567890123456789012345678901234567890123456789"

static struct refusal {
    const char *name;
    struct demo_spec spec;
    const char *text;
} refusals[] = {
    {"name too long", {.organisation = LONG_NAME, .from = 1, .until = PKI_2026}, "0123456789"},
    {"empty name", {.organisation = "", .from = 1, .until = PKI_2026}, "1 to 64"},
    {"name not UTF-8", {.organisation = "M\xfcnchen", .from = 1, .until = PKI_2026}, "UTF-8"},
    {"ends before it begins", {.organisation = "A", .from = 2000, .until = 1000}, "validity of A"},
    {"no host name",
     {.kind = DEMO_TLS_SERVER,
      .organisation = "A",
      .from = 1,
      .until = PKI_2026,
      .hosts = (const char *const[]){"a b"},
      .host_count = 1},
     "\"a b\""},
};

static void test_refusal(void **state)
{
    const struct refusal *row = *state;
    struct demo_spec spec = row->spec;
    struct demo_pair pair = {0};
    struct error err = {0};

    spec.key_pem = pki.key_pem;
    assert_int_equal(demo_ca_issue(pki.ca, &spec, &pki.rng.base, &pair, &err), ST_INVALID);
    assert_non_null(strstr(err.text, row->text));
    assert_null(pair.cert_pem.ptr);
}

/* A key of its own for each, unless one is brought. */
static void keys_of_pairs(void **state)
{
    const struct demo_spec spec = {.kind = DEMO_CIPHER,
                                   .organisation = "Stadt Beheim",
                                   .rsa_bits = 1024,
                                   .from = PKI_2026,
                                   .until = PKI_2027};
    struct demo_spec brought = spec;

    (void)state;
    brought.key_pem = pki.key_pem;
    for (int own = 0; own < 2; own++) {
        AUTO(demo_pair_deinit) struct demo_pair pair = {0};
        AUTO(cert_drop) struct cert *cert = NULL;
        AUTO(key_drop) struct key *key = NULL;
        struct error err = {0};

        assert_int_equal(demo_ca_issue(pki.ca, own ? &spec : &brought, &pki.rng.base, &pair, &err),
                         ST_OK);
        assert_int_equal(cert_from_pem(buf_span(&pair.cert_pem), &cert, &err), ST_OK);
        assert_int_equal(key_from_pem(buf_span(&pair.key_pem), NULL, &key, &err), ST_OK);
        assert_true(key_matches(key, cert));
        assert_string_equal(cert_key_name(cert), own ? "RSA-1024" : "RSA-2048");
    }
}

static void ca_with_foreign_key(void **state)
{
    struct demo_pair mixed = {demo_ca_pair(pki.ca)->cert_pem, demo_ca_pair(pki.twin)->key_pem};
    struct demo_ca *ca = NULL;
    struct error err = {0};

    (void)state;
    assert_int_equal(demo_ca_load(&mixed, &ca, &err), ST_INVALID);
    assert_null(ca);
}

static int setup(void **state)
{
    (void)state;
    pki_init(&pki);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pki_deinit(&pki);
    return 0;
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows) + ARRAY_LEN(refusals) + 5];
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[count++] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
        tests[count++] =
            (struct CMUnitTest){refusals[i].name, test_refusal, NULL, NULL, &refusals[i]};
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(hosts_of_a_server);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(names_as_they_are);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(serials_differ);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(ca_with_foreign_key);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(keys_of_pairs);
    return cmocka_run_group_tests(tests, setup, teardown);
}

/* key pairs good and bad, from PEM and PKCS#12 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "certs/identity.h"
#include "helper_pki.h"

#define KEYS TEST_VECTORS "/osci12/keys/"
#define PASS "osci-test"

/* NULL key: it is in cert, too. */
struct files {
    const char *cert, *key, *passphrase;
};

static const struct files good_signature = {KEYS "author-signature-2048.cert.pem",
                                            KEYS "author-signature-2048.key.pem", NULL};
static const struct files good_cipher = {KEYS "author-cipher-2048.cert.pem",
                                         KEYS "author-cipher-2048.key.pem", NULL};

static struct row {
    const char *name;
    struct files signature, cipher; /* empty: the good one */
    enum status st;
    const char *text; /* part of the error */
} rows[] = {
    {"PEM", .st = ST_OK},
    {"PKCS#12",
     {KEYS "author-signature-2048.p12", NULL, PASS},
     {KEYS "author-cipher-4096.p12", NULL, PASS},
     .st = ST_OK},
    {"EC for signing", {KEYS "author-signature-p256.p12", NULL, PASS}, .st = ST_OK},
    {"PKCS#12, wrong passphrase",
     {KEYS "author-signature-2048.p12", NULL, "guess"},
     .st = ST_DENIED,
     .text = "author-signature-2048.p12"},
    {"key of another",
     .cipher = {KEYS "author-cipher-2048.cert.pem", KEYS "reader-cipher-2048.key.pem", NULL},
     .st = ST_INVALID, .text = "reader-cipher-2048.key.pem does not belong to the certificate"},
    {"cipher certificate for signing",
     {KEYS "author-cipher-2048.p12", NULL, PASS},
     .st = ST_INVALID,
     .text = "not for signing"},
    {"signature certificate for enciphering",
     .cipher = {KEYS "author-signature-2048.p12", NULL, PASS}, .st = ST_INVALID,
     .text = "not for enciphering"},
    {"key where the certificate should be",
     {KEYS "author-signature-2048.key.pem", KEYS "author-signature-2048.key.pem", NULL},
     .st = ST_INVALID,
     .text = "author-signature-2048.key.pem"},
    {"certificate where the key should be",
     {KEYS "author-signature-2048.cert.pem", KEYS "author-signature-2048.cert.pem", NULL},
     .st = ST_INVALID,
     .text = "author-signature-2048.cert.pem"},
    {"no key",
     {KEYS "author-signature-2048.cert.pem", NULL, NULL},
     .st = ST_INVALID,
     .text = "author-signature-2048.cert.pem"},
};

static void load(const struct files *files, struct identity_source *source)
{
    *source = (struct identity_source){.cert_label = files->cert,
                                       .cert = pki_file(files->cert),
                                       .key_label = files->key,
                                       .key = files->key != NULL ? pki_file(files->key) : SPAN_NONE,
                                       .passphrase = files->passphrase};
}

static void unload(struct identity_source *source)
{
    pki_file_drop(&source->cert);
    pki_file_drop(&source->key);
}

static void test_row(void **state)
{
    const struct row *row = *state;
    AUTO(unload) struct identity_source signature = {0};
    AUTO(unload) struct identity_source cipher = {0};
    AUTO(identity_drop) struct identity *identity = NULL;
    struct error err = {0};

    load(row->signature.cert != NULL ? &row->signature : &good_signature, &signature);
    load(row->cipher.cert != NULL ? &row->cipher : &good_cipher, &cipher);
    assert_int_equal(identity_new(&signature, &cipher, NULL, 0, &identity, &err), row->st);
    if (row->st == ST_OK) {
        assert_true(key_matches(identity->signature.key, identity->signature.cert));
        assert_true(key_matches(identity->cipher.key, identity->cipher.cert));
        assert_ptr_equal(identity_cipher_for(identity, identity->cipher.cert), &identity->cipher);
        assert_null(identity_cipher_for(identity, identity->signature.cert));
    } else {
        assert_null(identity);
        assert_non_null(strstr(err.text, row->text));
    }
}

/* Messages for an earlier cipher certificate can still be opened. */
static void older_generations(void **state)
{
    static const struct files earlier[] = {{KEYS "author-cipher-4096.p12", NULL, PASS},
                                           {KEYS "reader-cipher-2048.p12", NULL, PASS}};
    AUTO(unload) struct identity_source signature = {0};
    AUTO(unload) struct identity_source cipher = {0};
    AUTO(unload) struct identity_source first = {0};
    AUTO(unload) struct identity_source second = {0};
    AUTO(identity_drop) struct identity *identity = NULL;
    struct identity_source many[IDENTITY_OLDER_MAX + 1];
    struct error err = {0};

    (void)state;
    load(&good_signature, &signature);
    load(&good_cipher, &cipher);
    load(&earlier[0], &first);
    load(&earlier[1], &second);
    assert_int_equal(identity_new(&signature, &cipher,
                                  (const struct identity_source[]){first, second}, 2, &identity,
                                  &err),
                     ST_OK);
    assert_int_equal(identity->older_count, 2);
    assert_ptr_equal(identity_cipher_for(identity, identity->older[1].cert), &identity->older[1]);
    identity_drop(&identity);
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = first;
    assert_int_equal(identity_new(&signature, &cipher, many, ARRAY_LEN(many), &identity, &err),
                     ST_LIMIT);
    /* one bad among the older ones: nothing at all */
    assert_int_equal(identity_new(&signature, &cipher,
                                  (const struct identity_source[]){first, signature}, 2, &identity,
                                  &err),
                     ST_INVALID);
    assert_null(identity);
}

/* Which cipher pair is named to others, and how many read, by the time. */
static void successors(void **state)
{
    static const struct files later[] = {{KEYS "author-cipher-4096.p12", NULL, PASS},
                                         {KEYS "reader-cipher-2048.p12", NULL, PASS},
                                         {KEYS "author-signature-p256.p12", NULL, PASS}};
    AUTO(unload) struct identity_source signature = {0};
    AUTO(unload) struct identity_source cipher = {0};
    AUTO(unload) struct identity_source first = {0};
    AUTO(unload) struct identity_source second = {0};
    AUTO(unload) struct identity_source signer = {0};
    AUTO(identity_drop) struct identity *id = NULL;
    const struct identity_pair *pairs[IDENTITY_CIPHERS_MAX];
    struct error err = {0};

    (void)state;
    load(&good_signature, &signature);
    load(&good_cipher, &cipher);
    load(&later[0], &first);
    load(&later[1], &second);
    load(&later[2], &signer);
    assert_int_equal(identity_new(&signature, &cipher, NULL, 0, &id, &err), ST_OK);
    assert_int_equal(identity_add_next(id, IDENTITY_ENCIPHERS, 1000, &first, &err), ST_OK);
    assert_int_equal(identity_add_next(id, IDENTITY_ENCIPHERS, 1000, &second, &err), ST_INVALID);
    assert_int_equal(identity_add_next(id, IDENTITY_ENCIPHERS, 2000, &signer, &err), ST_INVALID);
    assert_int_equal(identity_add_next(id, IDENTITY_ENCIPHERS, 2000, &second, &err), ST_OK);
    assert_int_equal(identity_add_next(id, IDENTITY_SIGNS, 1500, &signer, &err), ST_OK);

    const struct identity_pair *next[] = {&id->next[IDENTITY_ENCIPHERS][0].pair,
                                          &id->next[IDENTITY_ENCIPHERS][1].pair};

    assert_ptr_equal(identity_cipher(id, 999), &id->cipher);
    assert_ptr_equal(identity_cipher(id, 1000), next[0]);
    assert_ptr_equal(identity_cipher(id, 2000), next[1]);
    assert_ptr_equal(identity_signature(id, 1499), &id->signature);
    assert_ptr_equal(identity_signature(id, 1500), &id->next[IDENTITY_SIGNS][0].pair);
    assert_ptr_equal(identity_signature_for(id, id->signature.cert, 1500), &id->signature);
    assert_ptr_equal(identity_signature_for(id, NULL, 1500), identity_signature(id, 1500));
    assert_ptr_equal(identity_cipher_for(id, next[1]->cert), next[1]); /* before its time, too */
    assert_int_equal(identity_ciphers(id, 1000, pairs), 3);
    assert_ptr_equal(pairs[0], next[0]);
    assert_ptr_equal(pairs[1], &id->cipher);
    assert_ptr_equal(pairs[2], next[1]);
}

/* What the demo PKI makes can be used as it is; certificate and key in one file will do. */
static void from_demo_pki(void **state)
{
    struct test_pki pki;
    AUTO(demo_pair_deinit) struct demo_pair signature = {0};
    AUTO(demo_pair_deinit) struct demo_pair weak = {0};
    AUTO(unload) struct identity_source cipher = {0};
    AUTO(identity_drop) struct identity *identity = NULL;
    AUTO(buf_deinit_secret) struct buf both = {0};
    struct demo_spec spec = {.kind = DEMO_SIGNATURE,
                             .organisation = "Stadt Beheim",
                             .from = PKI_2026,
                             .until = PKI_2027};
    struct error err = {0};

    (void)state;
    pki_init(&pki);
    load(&good_cipher, &cipher);
    spec.key_pem = pki.key_pem;
    assert_int_equal(demo_ca_issue(pki.ca, &spec, &pki.rng.base, &signature, &err), ST_OK);
    buf_init(&both, 100000);
    buf_add(&both, buf_span(&signature.key_pem));
    buf_add(&both, buf_span(&signature.cert_pem));
    assert_int_equal(
        identity_new(&(struct identity_source){.cert_label = "both.pem", .cert = buf_span(&both)},
                     &cipher, NULL, 0, &identity, &err),
        ST_OK);
    identity_drop(&identity);
    spec.key_pem = SPAN_NONE;
    spec.rsa_bits = 1024;
    assert_int_equal(demo_ca_issue(pki.ca, &spec, &pki.rng.base, &weak, &err), ST_OK);
    assert_int_equal(identity_new(&(struct identity_source){.cert_label = "weak.pem",
                                                            .cert = buf_span(&weak.cert_pem),
                                                            .key_label = "weak.key",
                                                            .key = buf_span(&weak.key_pem)},
                                  &cipher, NULL, 0, &identity, &err),
                     ST_DENIED);
    assert_non_null(strstr(err.text, "weak.pem: RSA-1024 is too short"));
    pki_deinit(&pki);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows) + 3];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[i] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    tests[ARRAY_LEN(rows)] = (struct CMUnitTest)cmocka_unit_test(older_generations);
    tests[ARRAY_LEN(rows) + 1] = (struct CMUnitTest)cmocka_unit_test(from_demo_pki);
    tests[ARRAY_LEN(rows) + 2] = (struct CMUnitTest)cmocka_unit_test(successors);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

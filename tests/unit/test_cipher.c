#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/cipher.h"
#include "crypto/digest.h"

#include "tests/unit/helper_crypto.h"

#define XENC "http://www.w3.org/2001/04/xmlenc#"
#define XENC11 "http://www.w3.org/2009/xmlenc11#"

static struct row {
    const char *name, *uri;
    size_t iv_len;
} rows[] = {
    {"aes256-gcm, IV 12", ALG_AES256_GCM_URI, 12},  {"aes256-gcm, IV 16", ALG_AES256_GCM_URI, 16},
    {"aes192-gcm, IV 12", XENC11 "aes192-gcm", 12}, {"aes128-gcm, IV 16", XENC11 "aes128-gcm", 16},
    {"aes256-cbc", XENC "aes256-cbc", 16},          {"aes128-cbc", XENC "aes128-cbc", 16},
};

static const size_t lengths[] = {0, 1, 15, 16, 17, 31, 32, 1000, 16384, 16385, 50000};

static struct cipher_method method_of(const struct row *row)
{
    return (struct cipher_method){alg_find(span_str(row->uri), ALG_CIPHER), row->iv_len};
}

static enum status pump(struct cipher *cipher, struct span in, size_t step, struct buf *out,
                        struct error *err)
{
    struct sink_buf sink;

    sink_buf_init(&sink, out);
    while (in.len > 0) {
        TRY(cipher_push(cipher, span_sub(in, 0, step), &sink.base, err));
        in = span_from(in, step);
    }
    return cipher_finish(cipher, &sink.base, err);
}

static void seal(const struct cipher_method *method, const struct secret *secret, struct span plain,
                 size_t step, struct buf *out)
{
    AUTO(cipher_drop) struct cipher *cipher = NULL;
    struct rng_count rng;
    struct error err = {0};

    rng_count_init(&rng);
    assert_int_equal(cipher_seal_new(method, secret, &rng.base, &cipher, &err), ST_OK);
    assert_int_equal(pump(cipher, plain, step, out, &err), ST_OK);
}

static enum status open_all(const struct cipher_method *method, const struct secret *secret,
                            struct span wire, size_t step, struct buf *out, struct error *err)
{
    AUTO(cipher_drop) struct cipher *cipher = NULL;

    TRY(cipher_open_new(method, secret, &cipher, err));
    return pump(cipher, wire, step, out, err);
}

static void fill(struct buf *b, size_t len)
{
    buf_init(b, 1 << 20);
    for (size_t i = 0; i < len; i++)
        buf_char(b, (char)(i * 31));
}

static struct secret secret_for(const struct cipher_method *method)
{
    struct secret secret;
    struct rng_count rng;
    struct error err = {0};

    rng_count_init(&rng);
    assert_int_equal(secret_make(method->alg, &rng.base, &secret, &err), ST_OK);
    assert_int_equal(secret.len, method->alg->key_bytes);
    return secret;
}

static void test_there_and_back(void **state)
{
    const struct cipher_method method = method_of(*state);
    const struct secret secret = secret_for(&method);
    static const size_t steps[] = {1, 7, 16, 4096, 1 << 20};

    for (size_t l = 0; l < ARRAY_LEN(lengths); l++)
        for (size_t s = 0; s < ARRAY_LEN(steps); s++) {
            AUTO(buf_deinit) struct buf plain = {0}, wire = {0}, back = {0};
            struct error err = {0};

            fill(&plain, lengths[l]);
            fill(&wire, 0);
            fill(&back, 0);
            seal(&method, &secret, buf_span(&plain), steps[s], &wire);
            assert_int_equal(wire.len, cipher_sealed_len(&method, plain.len));
            assert_int_equal(open_all(&method, &secret, buf_span(&wire), steps[s], &back, &err),
                             ST_OK);
            assert_true(span_eq(buf_span(&plain), buf_span(&back)));
        }
}

/* Whatever is wrong, the answer is one and the same. */
static void check_refused(const struct cipher_method *method, const struct secret *secret,
                          struct span wire)
{
    AUTO(buf_deinit) struct buf back = {0};
    struct error err = {0};

    fill(&back, 0);
    assert_int_equal(open_all(method, secret, wire, 100, &back, &err), ST_DENIED);
    assert_int_equal(err.reason, 9202);
    assert_string_equal(err.text, "the bytes cannot be deciphered");
}

static void test_refusals(void **state)
{
    const struct cipher_method method = method_of(*state);
    const struct secret secret = secret_for(&method);
    struct secret shorter = secret;
    AUTO(buf_deinit) struct buf plain = {0}, wire = {0};

    fill(&plain, 100);
    fill(&wire, 0);
    seal(&method, &secret, buf_span(&plain), 100, &wire);
    for (size_t len = 0; len < wire.len; len++)
        if (method.alg->gcm || len % 16 != 0 || len < 32)
            check_refused(&method, &secret, span_sub(buf_span(&wire), 0, len));
    shorter.len--;
    check_refused(&method, &shorter, buf_span(&wire));
    for (size_t i = 0; i < wire.len && method.alg->gcm; i++) {
        wire.ptr[i] ^= 1;
        check_refused(&method, &secret, buf_span(&wire));
        wire.ptr[i] ^= 1;
    }
}

/* A wrong IV length is a wrong IV. */
static void test_iv_length_matters(void **state)
{
    const struct cipher_method m12 = method_of(&rows[0]), m16 = method_of(&rows[1]);
    const struct secret secret = secret_for(&m12);
    AUTO(buf_deinit) struct buf plain = {0}, wire = {0};

    (void)state;
    fill(&plain, 100);
    fill(&wire, 0);
    seal(&m12, &secret, buf_span(&plain), 100, &wire);
    check_refused(&m16, &secret, buf_span(&wire));
}

/* Nobody may use plaintext before the tag is checked, but so much of it comes out before. */
static void test_tag_is_held_back(void **state)
{
    const struct cipher_method method = method_of(&rows[0]);
    const struct secret secret = secret_for(&method);
    AUTO(cipher_drop) struct cipher *cipher = NULL;
    AUTO(buf_deinit) struct buf plain = {0}, wire = {0}, back = {0};
    struct sink_buf sink;
    struct error err = {0};

    (void)state;
    fill(&plain, 100);
    fill(&wire, 0);
    fill(&back, 0);
    seal(&method, &secret, buf_span(&plain), 100, &wire);
    sink_buf_init(&sink, &back);
    assert_int_equal(cipher_open_new(&method, &secret, &cipher, &err), ST_OK);
    assert_int_equal(cipher_push(cipher, buf_span(&wire), &sink.base, &err), ST_OK);
    assert_int_equal(back.len, 100);
    assert_int_equal(cipher_finish(cipher, &sink.base, &err), ST_OK);
    assert_true(span_eq(buf_span(&plain), buf_span(&back)));
}

/* XML Encryption leaves the padding bytes but the last one free. */
static void test_cbc_padding(void **state)
{
    const struct cipher_method method = method_of(&rows[4]);
    const struct secret secret = secret_for(&method);

    (void)state;
    for (int last = 0; last < 256; last++) {
        AUTO(buf_deinit) struct buf plain = {0}, wire = {0}, back = {0};
        struct error err = {0};
        enum status st;

        fill(&plain, 31);
        buf_char(&plain, (char)last);
        fill(&wire, 0);
        fill(&back, 0);
        seal(&method, &secret, buf_span(&plain), 100, &wire);
        st = open_all(&method, &secret, span_sub(buf_span(&wire), 0, 48), 100, &back, &err);
        if (last < 1 || last > 16) {
            assert_int_equal(st, ST_DENIED);
            continue;
        }
        assert_int_equal(st, ST_OK);
        assert_true(span_eq(buf_span(&back), span_sub(buf_span(&plain), 0, 32 - (size_t)last)));
    }
}

static struct digest_row {
    const char *name, *uri, *hex; /* of "abc" */
} digest_rows[] = {
    {"sha256", ALG_SHA256_URI, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"sha512", XENC "sha512",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
    {"sha3-256", "http://www.w3.org/2007/05/xmldsig-more#sha3-256",
     "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"},
    {"sha3-512", "http://www.w3.org/2007/05/xmldsig-more#sha3-512",
     "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e"
     "10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0"},
};

static void test_digest(void **state)
{
    const struct digest_row *row = *state;
    const struct alg *alg = alg_find(span_str(row->uri), ALG_DIGEST);
    AUTO(digest_drop) struct digest *digest = NULL;
    AUTO(buf_deinit) struct buf hex = {0};
    struct digest_value once, pieces;
    struct error err = {0};

    buf_init(&hex, 128);
    assert_int_equal(digest_of(alg, SPAN("abc"), &once, &err), ST_OK);
    buf_hex(&hex, digest_span(&once));
    assert_string_equal(buf_cstr(&hex), row->hex);
    assert_int_equal(digest_new(alg, &digest, &err), ST_OK);
    assert_int_equal(digest_update(digest, SPAN("a"), &err), ST_OK);
    assert_int_equal(digest_update(digest, SPAN_NONE, &err), ST_OK);
    assert_int_equal(digest_update(digest, SPAN("bc"), &err), ST_OK);
    assert_int_equal(digest_final(digest, &pieces, &err), ST_OK);
    assert_true(span_eq(digest_span(&once), digest_span(&pieces)));
    assert_ptr_equal(pieces.alg, alg);
}

int main(void)
{
    struct CMUnitTest tests[2 * ARRAY_LEN(rows) + ARRAY_LEN(digest_rows) + 3];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        tests[n++] = (struct CMUnitTest){rows[i].name, test_there_and_back, NULL, NULL, &rows[i]};
        tests[n++] = (struct CMUnitTest){rows[i].name, test_refusals, NULL, NULL, &rows[i]};
    }
    for (size_t i = 0; i < ARRAY_LEN(digest_rows); i++)
        tests[n++] =
            (struct CMUnitTest){digest_rows[i].name, test_digest, NULL, NULL, &digest_rows[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_iv_length_matters);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_tag_is_held_back);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_cbc_padding);
    return cmocka_run_group_tests(tests, helper_crypto_setup, helper_crypto_teardown);
}

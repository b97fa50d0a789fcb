/* A key elsewhere does what it does in memory; and its place, when that is gone or lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdatomic.h>

#include "crypto/key_away.h"
#include "crypto/transform.h"
#include "helper_crypto.h"

#define MGF "http://www.w3.org/2009/xmlenc11#"

enum { GONE = 11342 /* any cause */, THREADS = 8, TURNS = 20 };

/* The place: a key that is in memory after all. */
struct place {
    struct key *key;
    bool gone, lies;
    atomic_int asked, freed;
};

static enum status power(void *ctx, struct span in, uint8_t *out, struct error *err)
{
    struct place *p = ctx;
    EVP_PKEY_CTX *op = EVP_PKEY_CTX_new(key_pkey(p->key), NULL);
    size_t len = in.len;

    atomic_fetch_add(&p->asked, 1);
    if (!p->gone) {
        assert_int_equal(EVP_PKEY_decrypt_init(op), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(op, RSA_NO_PADDING), 1);
        assert_int_equal(EVP_PKEY_decrypt(op, out, &len, in.ptr, in.len), 1);
        out[len - 1] ^= p->lies ? 1 : 0;
    }
    EVP_PKEY_CTX_free(op);
    if (!p->gone)
        return ST_OK;
    (void)error_set(err, ST_RETRY, 0, "the drawer is empty");
    err->cause = GONE;
    return ST_RETRY;
}

static void place_free(void *ctx)
{
    atomic_fetch_add(&((struct place *)ctx)->freed, 1);
}

/* The pair of this name, its key in the place. */
static struct key *away(struct place *place, const char *name)
{
    struct key_away hook = {power, place_free, place};
    AUTO(cert_drop) struct cert *cert = helper_cert(name);
    struct key *key = NULL;
    struct error err = {0};

    *place = (struct place){.key = helper_key(name)};
    if (key_away_new(cert, &hook, &key, &err) != ST_OK)
        fail_msg("%s", err.text);
    return key;
}

static const struct alg *the(const char *uri, enum alg_use use)
{
    return uri == NULL ? NULL : alg_find(span_str(uri), use);
}

static void signs(void **state)
{
    static const char *const pairs[] = {"author-signature-2048", "author-signature-4096"};
    const struct alg *alg;

    (void)state;
    for (size_t p = 0; p < ARRAY_LEN(pairs); p++) {
        AUTO(cert_drop) struct cert *cert = helper_cert(pairs[p]);
        struct place place = {0};
        struct key *key = away(&place, pairs[p]);
        int signatures = 0;

        assert_true(key_matches(key, cert));
        for (size_t i = 0; (alg = alg_row(i)) != NULL; i++) {
            AUTO(buf_deinit) struct buf value = {0};
            struct error err = {0};

            if (alg->use != ALG_SIGNATURE || alg->ecdsa || alg->hash == NULL)
                continue;
            buf_init(&value, 4096);
            if (transform_sign(alg, key, SPAN("what is said"), &value, &err) != ST_OK)
                fail_msg("%s: %s", alg->uri, err.text);
            assert_int_equal(
                transform_verify(alg, cert, SPAN("what is said"), buf_span(&value), &err), ST_OK);
            assert_int_equal(
                transform_verify(alg, cert, SPAN("what is not"), buf_span(&value), &err),
                ST_DENIED);
            signatures++;
        }
        assert_true(signatures >= 7);
        assert_int_equal(place.asked, signatures);
        key_free(key_ref(key)); /* one owner less, the place stays */
        assert_int_equal(place.freed, 0);
        key_free(key);
        assert_int_equal(place.freed, 1);
        key_free(place.key);
    }
}

static const struct transport_row {
    const char *alg, *digest, *mgf;
} transports[] = {
    {ALG_RSA_OAEP_URI, ALG_SHA256_URI, MGF "mgf1sha256"},
    {ALG_RSA_OAEP_URI, "http://www.w3.org/2001/04/xmlenc#sha512", MGF "mgf1sha512"},
};

static void unwraps(void **state)
{
    static const char *const pairs[] = {"addressee-cipher-2048", "addressee-cipher-4096"};

    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_LEN(transports); i++) {
        const struct transport_row *row = &transports[i / 2];
        struct transform_transport transport = {
            the(row->alg, ALG_KEY_TRANSPORT), the(row->digest, ALG_DIGEST), the(row->mgf, ALG_MGF)};
        AUTO(cert_drop) struct cert *cert = helper_cert(pairs[i % 2]);
        struct secret secret = {.bytes = "0123456789abcdef0123456789abcdef", .len = 32};
        struct secret back = {.len = 32};
        AUTO(buf_deinit) struct buf wrapped = {0};
        struct place place = {0};
        struct key *key = away(&place, pairs[i % 2]);
        struct error err = {0};

        buf_init(&wrapped, 4096);
        assert_int_equal(transform_wrap(&transport, cert, &secret, &wrapped, &err), ST_OK);
        if (transform_unwrap(&transport, key, buf_span(&wrapped), &back, &err) != ST_OK)
            fail_msg("%s", err.text);
        assert_int_equal(back.len, 32);
        assert_memory_equal(back.bytes, secret.bytes, 32);
        wrapped.ptr[20] ^= 1; /* what cannot be opened is the message's fault still */
        assert_int_equal(transform_unwrap(&transport, key, buf_span(&wrapped), &back, &err),
                         ST_DENIED);
        assert_int_equal(err.reason, 9202);
        key_free(key);
        key_free(place.key);
    }
}

/* rsa-1_5: what is well padded and what is not, as with the key in memory. */
static void unwraps_rsa15(void **state)
{
    struct transform_transport transport = {
        the("http://www.w3.org/2001/04/xmlenc#rsa-1_5", ALG_KEY_TRANSPORT), NULL, NULL};
    AUTO(cert_drop) struct cert *cert = helper_cert("addressee-cipher-2048");
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(cert_public_key(cert), NULL);
    uint8_t secret[32] = "0123456789abcdef0123456789abcde", wrapped[256];
    size_t len = sizeof wrapped;
    struct secret back = {.len = 32};
    struct place place = {0};
    struct key *key = away(&place, "addressee-cipher-2048");
    struct error err = {0};

    (void)state;
    assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
    assert_int_equal(EVP_PKEY_encrypt(ctx, wrapped, &len, secret, sizeof secret), 1);
    EVP_PKEY_CTX_free(ctx);
    assert_int_equal(transform_unwrap(&transport, key, span_of(wrapped, len), &back, &err), ST_OK);
    assert_memory_equal(back.bytes, secret, 32);
    wrapped[100] ^= 1;
    assert_int_equal(transform_unwrap(&transport, key, span_of(wrapped, len), &back, &err), ST_OK);
    assert_memory_not_equal(back.bytes, secret, 32);
    place.gone = true;
    assert_int_equal(transform_unwrap(&transport, key, span_of(wrapped, len), &back, &err),
                     ST_RETRY);
    key_free(key);
    key_free(place.key);
}

/* Gone, or with an answer that is not the key's: try again, and no word about the message. */
static void fails(void **state)
{
    const struct alg *alg = the(ALG_RSA_SHA256_URI, ALG_SIGNATURE);
    struct transform_transport transport = {the(ALG_RSA_OAEP_URI, ALG_KEY_TRANSPORT),
                                            the(ALG_SHA256_URI, ALG_DIGEST),
                                            the(MGF "mgf1sha256", ALG_MGF)};
    AUTO(cert_drop) struct cert *cert = helper_cert("addressee-cipher-2048");
    struct secret secret = {.bytes = "0123456789abcdef0123456789abcdef", .len = 32}, back;
    AUTO(buf_deinit) struct buf wrapped = {0}, value = {0};
    struct place place = {0};
    struct key *key = away(&place, "addressee-cipher-2048");
    struct error err = {0};

    (void)state;
    buf_init(&wrapped, 4096);
    buf_init(&value, 4096);
    assert_int_equal(transform_wrap(&transport, cert, &secret, &wrapped, &err), ST_OK);
    for (int lies = 0; lies < 2; lies++) {
        place.gone = lies == 0;
        place.lies = lies == 1;
        err = (struct error){0};
        ERR_raise(ERR_LIB_PEM, PEM_R_NO_START_LINE); /* left behind by somebody */
        assert_int_equal(transform_sign(alg, key, SPAN("x"), &value, &err), ST_RETRY);
        assert_int_equal(err.reason, 0);
        assert_int_equal(err.cause, lies == 0 ? GONE : 0);
        assert_non_null(
            strstr(err.text, lies == 0 ? "the drawer is empty" : "not that of the key"));
        assert_int_equal(value.len, 0);
        back = (struct secret){.len = 32};
        err = (struct error){0};
        assert_int_equal(transform_unwrap(&transport, key, buf_span(&wrapped), &back, &err),
                         ST_RETRY);
        assert_int_equal(err.cause, lies == 0 ? GONE : 0);
        err = (struct error){0};
        assert_int_equal(key_try(key, &err), ST_RETRY);
        assert_int_equal(err.cause, lies == 0 ? GONE : 0);
    }
    place.lies = false;
    assert_int_equal(key_try(key, &err), ST_OK);
    assert_int_equal(transform_unwrap(&transport, key, buf_span(&wrapped), &back, &err), ST_OK);
    assert_int_equal(key_try(place.key, &err), ST_OK);
    key_free(key);
    key_free(place.key);
}

static void only_rsa(void **state)
{
    struct place place = {.key = helper_key("author-signature-p256")};
    struct key_away hook = {power, place_free, &place};
    AUTO(cert_drop) struct cert *cert = helper_cert("author-signature-p256");
    struct key *key = NULL;
    struct error err = {0};

    (void)state;
    assert_int_equal(key_away_new(cert, &hook, &key, &err), ST_INVALID);
    assert_null(key);
    assert_int_equal(place.freed, 1);
    key_free(place.key);
}

static void *turn(void *ctx)
{
    struct key *key = ctx;
    const struct alg *alg = the(ALG_RSA_SHA256_URI, ALG_SIGNATURE);

    for (int i = 0; i < TURNS; i++) {
        AUTO(buf_deinit) struct buf value = {0};
        struct error err = {0};

        buf_init(&value, 4096);
        assert_int_equal(transform_sign(alg, key, SPAN("x"), &value, &err), ST_OK);
    }
    return NULL;
}

static void many_at_once(void **state)
{
    struct place place = {0};
    struct key *key = away(&place, "author-signature-2048");
    pthread_t threads[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, turn, key), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(place.asked, THREADS * TURNS);
    key_free(key);
    key_free(place.key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs), cmocka_unit_test(unwraps),  cmocka_unit_test(unwraps_rsa15),
        cmocka_unit_test(fails), cmocka_unit_test(only_rsa), cmocka_unit_test(many_at_once),
    };

    return cmocka_run_group_tests(tests, helper_crypto_setup, helper_crypto_teardown);
}

/*
 * bench_private.c KEY SIGNATURES DECRYPTIONS SECONDS - the bare private-key operations of a message
 *
 * As many threads as cores do nothing but sign and decrypt with the RSA key of the PEM file KEY, in
 * the relation of the two numbers (of each message, as many as were counted), for so long. Prints
 * one JSON object: how many messages a second that is, and the processor time of one.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

enum { THREADS_MAX = 64, RSA_BYTES_MAX = 1024, SHA256_BYTES = 32, KEY_BYTES = 32 };

struct shared {
    EVP_PKEY *key;
    double signatures, decryptions; /* of a message */
    struct timespec until;
};

struct worker {
    const struct shared *shared;
    EVP_PKEY_CTX *sign, *decrypt;
    unsigned char wrapped[RSA_BYTES_MAX];
    size_t wrapped_len;
    double messages;
    pthread_t thread;
};

static void must_be(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "bench_private: %s\n", what);
    exit(1);
}

static EVP_PKEY *key_load(const char *path)
{
    FILE *f = fopen(path, "r");
    EVP_PKEY *key;

    must_be(f != NULL, path);
    key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    (void)fclose(f);
    must_be(key != NULL && EVP_PKEY_is_a(key, "RSA"), "no RSA key");
    return key;
}

static EVP_PKEY_CTX *context(EVP_PKEY *key, int (*init)(EVP_PKEY_CTX *), int padding)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);

    must_be(ctx != NULL && init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, padding) == 1,
            "no context");
    return ctx;
}

static void worker_init(struct worker *w, const struct shared *shared)
{
    static const unsigned char secret[KEY_BYTES] = {1};
    EVP_PKEY_CTX *encrypt = context(shared->key, EVP_PKEY_encrypt_init, RSA_PKCS1_OAEP_PADDING);

    *w = (struct worker){.shared = shared, .wrapped_len = sizeof w->wrapped};
    must_be(EVP_PKEY_encrypt(encrypt, w->wrapped, &w->wrapped_len, secret, sizeof secret) == 1,
            "nothing to decrypt");
    EVP_PKEY_CTX_free(encrypt);
    w->sign = context(shared->key, EVP_PKEY_sign_init, RSA_PKCS1_PSS_PADDING);
    must_be(EVP_PKEY_CTX_set_signature_md(w->sign, EVP_sha256()) == 1, "no digest");
    w->decrypt = context(shared->key, EVP_PKEY_decrypt_init, RSA_PKCS1_OAEP_PADDING);
}

static void worker_deinit(struct worker *w)
{
    EVP_PKEY_CTX_free(w->sign);
    EVP_PKEY_CTX_free(w->decrypt);
}

static bool over(const struct timespec *until)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > until->tv_sec ||
           (now.tv_sec == until->tv_sec && now.tv_nsec >= until->tv_nsec);
}

/* Whichever is behind its share comes next. */
static void *worker_main(void *arg)
{
    struct worker *w = arg;
    const struct shared *s = w->shared;
    const unsigned char digest[SHA256_BYTES] = {2};
    unsigned char out[RSA_BYTES_MAX];
    double signed_count = 0, decrypted = 0;

    while (!over(&s->until)) {
        size_t len = sizeof out;

        if (signed_count * s->decryptions <= decrypted * s->signatures && s->signatures > 0) {
            must_be(EVP_PKEY_sign(w->sign, out, &len, digest, sizeof digest) == 1, "no signature");
            signed_count++;
        } else {
            must_be(EVP_PKEY_decrypt(w->decrypt, out, &len, w->wrapped, w->wrapped_len) == 1,
                    "not decrypted");
            decrypted++;
        }
    }
    w->messages = (signed_count + decrypted) / (s->signatures + s->decryptions);
    return NULL;
}

/* Of the whole process; what comes before the threads is nothing beside them. */
static double cpu_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
    struct shared s;
    struct worker workers[THREADS_MAX];
    long cores = sysconf(_SC_NPROCESSORS_ONLN), seconds;
    double messages = 0;

    if (argc != 5) {
        fprintf(stderr, "usage: bench_private KEY SIGNATURES DECRYPTIONS SECONDS\n");
        return 64;
    }
    s = (struct shared){
        .key = key_load(argv[1]), .signatures = atof(argv[2]), .decryptions = atof(argv[3])};
    seconds = atol(argv[4]);
    must_be(s.signatures + s.decryptions > 0 && seconds > 0, "nothing to do");
    cores = cores < 1 ? 1 : cores > THREADS_MAX ? THREADS_MAX : cores;
    for (long i = 0; i < cores; i++)
        worker_init(&workers[i], &s);
    (void)clock_gettime(CLOCK_MONOTONIC, &s.until);
    s.until.tv_sec += seconds;
    for (long i = 0; i < cores; i++)
        must_be(pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]) == 0,
                "no thread");
    for (long i = 0; i < cores; i++) {
        must_be(pthread_join(workers[i].thread, NULL) == 0, "no end");
        messages += workers[i].messages;
        worker_deinit(&workers[i]);
    }
    EVP_PKEY_free(s.key);
    printf("{\"per_second\": %.2f, \"cpu_ms\": %.3f, \"threads\": %ld}\n",
           messages / (double)seconds, cpu_ms() / messages, cores);
    return 0;
}

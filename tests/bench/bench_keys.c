/*
 * bench_keys.c CERT KEY SECONDS - what it costs that keys are in a process of their own
 *
 * A message is one signature and one key unwrapped, with the same RSA key. 1, 2 and 8 threads do so
 * for so many seconds, with the key in this process and with it in depesched-keys, in turns, three
 * times each. Prints a JSON object for each number of threads: messages a second and the processor
 * time of one, in both processes, the medians of the turns, and the medians of the ratios of each
 * pair of turns. On a machine that does other things, too, only processor time says something.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "crypto/crypto.h"
#include "crypto/transform.h"
#include "gateway/loop.h"
#include "gateway/pair.h"

enum { THREADS_MAX = 8, TURNS = 3 };

struct worker {
    const struct key *key;
    const struct cert *cert;
    struct span wrapped;
    int64_t until;
    long messages;
    pthread_t thread;
};

static const struct alg *the(const char *uri, enum alg_use use)
{
    return alg_find(span_str(uri), use);
}

static struct transform_transport transport(void)
{
    return (struct transform_transport){the(ALG_RSA_OAEP_URI, ALG_KEY_TRANSPORT),
                                        the(ALG_SHA256_URI, ALG_DIGEST),
                                        the("http://www.w3.org/2009/xmlenc11#mgf1sha256", ALG_MGF)};
}

static void must(enum status st, const struct error *err)
{
    if (st == ST_OK)
        return;
    fprintf(stderr, "bench_keys: %s\n", err->text);
    exit(1);
}

static void *work(void *ctx)
{
    struct worker *w = ctx;
    const struct transform_transport how = transport();
    const struct alg *alg = the(ALG_RSA_SHA256_URI, ALG_SIGNATURE);

    while (gw_monotonic_ms() < w->until) {
        AUTO(buf_deinit) struct buf value = {0};
        struct secret secret = {.len = 32};
        struct error err = {0};

        buf_init(&value, 4096);
        must(transform_sign(alg, w->key, SPAN("what is said"), &value, &err), &err);
        must(transform_unwrap(&how, w->key, w->wrapped, &secret, &err), &err);
        w->messages++;
    }
    return NULL;
}

/* Of this process and that one. */
static double cpu_ms(pid_t pid)
{
    struct timespec here = {0}, there = {0};
    clockid_t clock;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &here);
    if (clock_getcpuclockid(pid, &clock) == 0)
        (void)clock_gettime(clock, &there);
    return (double)(here.tv_sec + there.tv_sec) * 1e3 +
           (double)(here.tv_nsec + there.tv_nsec) / 1e6;
}

struct speed {
    double per_second, cpu_ms;
};

static struct speed run(pid_t pid, const struct key *key, const struct cert *cert,
                        struct span wrapped, int threads, long seconds)
{
    struct worker workers[THREADS_MAX];
    double messages = 0, began = cpu_ms(pid);

    for (int i = 0; i < threads; i++) {
        workers[i] = (struct worker){.key = key, .cert = cert, .wrapped = wrapped};
        workers[i].until = gw_monotonic_ms() + seconds * 1000;
    }
    for (int i = 0; i < threads; i++)
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            exit(1);
    for (int i = 0; i < threads; i++) {
        (void)pthread_join(workers[i].thread, NULL);
        messages += (double)workers[i].messages;
    }
    return (struct speed){messages / (double)seconds, (cpu_ms(pid) - began) / messages};
}

static int order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double values[TURNS])
{
    qsort(values, TURNS, sizeof *values, order);
    return values[TURNS / 2];
}

static void compare(pid_t pid, const struct key *here, const struct key *there,
                    const struct cert *cert, struct span wrapped, int threads, long seconds)
{
    double off[TURNS], on[TURNS], ratio[TURNS], cpu_off[TURNS], cpu_on[TURNS], cpu_ratio[TURNS];

    for (int i = 0; i < TURNS; i++) {
        struct speed with_off = run(pid, here, cert, wrapped, threads, seconds);
        struct speed with_on = run(pid, there, cert, wrapped, threads, seconds);

        off[i] = with_off.per_second;
        on[i] = with_on.per_second;
        ratio[i] = on[i] / off[i];
        cpu_off[i] = with_off.cpu_ms;
        cpu_on[i] = with_on.cpu_ms;
        cpu_ratio[i] = cpu_off[i] / cpu_on[i];
    }
    printf("{\"threads\": %d, \"off\": %.0f, \"on\": %.0f, \"ratio\": %.3f, \"cpu_ms_off\": %.3f, "
           "\"cpu_ms_on\": %.3f, \"cpu_ratio\": %.3f}\n",
           threads, median(off), median(on), median(ratio), median(cpu_off), median(cpu_on),
           median(cpu_ratio));
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    static const int threads[] = {1, 2, 8};
    struct gw_tenant_conf tenant = {0};
    struct gw_config config = {.tenants = &tenant, .tenants_count = 1};
    struct gw_key_places nowhere = {0};
    struct gw_key_process_state state;
    AUTO(gw_key_process_drop) struct gw_key_process *process = NULL;
    AUTO(gw_pair_deinit) struct gw_pair pair = {0};
    AUTO(identity_pair_deinit) struct identity_pair here = {0};
    AUTO(key_drop) struct key *there = NULL;
    AUTO(buf_deinit) struct buf wrapped = {0};
    struct secret secret = {.bytes = "0123456789abcdef0123456789abcdef", .len = 32};
    const struct transform_transport how = transport();
    struct error err = {0};

    if (argc != 4) {
        fprintf(stderr, "usage: bench_keys CERT KEY SECONDS\n");
        return 64;
    }
    must(crypto_init(&err), &err);
    tenant.identity.signature.certificate = tenant.identity.cipher.certificate = argv[1];
    tenant.identity.signature.key = tenant.identity.cipher.key = argv[2];
    must(gw_pair_load(&tenant.identity.signature, &nowhere, &pair, &err), &err);
    must(identity_signer(&pair.source, &here, &err), &err);
    must(gw_key_process_new(&(struct gw_key_process_conf){.config = &config}, &process, &err),
         &err);
    must(gw_key_process_key(process, &tenant.identity.signature, here.cert, &there, &err), &err);
    gw_key_process_look(process, &state);
    buf_init(&wrapped, 4096);
    must(transform_wrap(&how, here.cert, &secret, &wrapped, &err), &err);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        compare(state.pid, here.key, there, here.cert, buf_span(&wrapped), threads[i],
                atol(argv[3]));
    return 0;
}

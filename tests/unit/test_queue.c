/*
 * Twenty destinations, one of them in trouble, and messages that are poison: how much the others
 * have of their throughput. QUEUE_MESSAGES in the environment: for each destination.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/lane.h"
#include "gateway/worker.h"
#include "tests/unit/helper_crypto.h"
#include "tests/unit/helper_gateway.h"
#include "tests/unit/helper_runtime.h"

enum { GOOD = 19, EACH = 2, BAD = 20, CONNECTIONS_MAX = 64, TICK_MS = 100, SLOW_MS = 2000 };
enum { PATIENCE_MS = 20 * 60 * 1000, YAML_MAX = 64 * 1024 };
/* Machines that run tests have other things to do: `tests/bench` tells how much it really is. */
enum { KEPT_MIN_PERCENT = 50, POISON_MAX_MS = 10000 };

/* ---- a server in trouble ---- */

enum trouble { HANGS, SLOW, DRIPS };

struct server {
    enum trouble trouble;
    int fd;
    uint16_t port;
    atomic_bool stopping;
    pthread_t thread;
    struct pollfd open[CONNECTIONS_MAX];
    unsigned ticks[CONNECTIONS_MAX];
    size_t count;
    unsigned seen;
};

static const char drip[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 99\r\n\r\n";

/* False: this connection is over. */
static bool serve(struct server *s, size_t i)
{
    static const char busy[] =
        "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    unsigned tick = s->ticks[i]++;

    if (s->trouble == DRIPS && tick < sizeof drip - 1)
        return send(s->open[i].fd, drip + tick, 1, MSG_NOSIGNAL) == 1;
    if (s->trouble != SLOW || tick < SLOW_MS / TICK_MS)
        return true;
    (void)send(s->open[i].fd, busy, sizeof busy - 1, MSG_NOSIGNAL);
    return false;
}

static void *server_main(void *ctx)
{
    struct server *s = ctx;

    while (!s->stopping) {
        struct pollfd door = {.fd = s->fd, .events = POLLIN};

        if (poll(&door, 1, TICK_MS) == 1 && s->count < CONNECTIONS_MAX) {
            s->ticks[s->count] = 0;
            s->open[s->count++].fd = accept(s->fd, NULL, NULL);
            s->seen++;
        }
        for (size_t i = s->count; i-- > 0;) {
            if (serve(s, i))
                continue;
            (void)close(s->open[i].fd);
            s->open[i] = s->open[--s->count];
            s->ticks[i] = s->ticks[s->count];
        }
    }
    return NULL;
}

static void server_open(struct server *s, enum trouble trouble)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;

    *s = (struct server){.trouble = trouble, .fd = socket(AF_INET, SOCK_STREAM, 0)};
    assert_true(s->fd >= 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s->fd, CONNECTIONS_MAX), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&at, &len), 0);
    s->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, server_main, s), 0);
}

static void server_close(struct server *s)
{
    s->stopping = true;
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    for (size_t i = 0; i < s->count; i++)
        (void)close(s->open[i].fd);
    (void)close(s->fd);
}

/* ---- the towns ---- */

static const char im_yaml[] =
    "trust:\n"
    "  osci: [ %K/ca.cert.pem ]\n"
    "osci_server:\n"
    "  identity:\n"
    "    signature: { certificate: %K/intermediary-signature-2048.cert.pem,"
    " key: %K/intermediary-signature-2048.key.pem }\n"
    "    cipher: { certificate: %K/intermediary-cipher-2048.cert.pem,"
    " key: %K/intermediary-cipher-2048.key.pem }\n"
    "  self_registering: true\n"
    "  listeners:\n";
static const char tenant_yaml[] =
    "state: {dir}/state\n"
    "tenant:\n"
    "  name: Ahausen\n"
    "  identity:\n"
    "    signature: { certificate: {keys}/originator-signature-2048.cert.pem,"
    " key: {keys}/originator-signature-2048.key.pem }\n"
    "    cipher: { certificate: {keys}/originator-cipher-2048.cert.pem,"
    " key: {keys}/originator-cipher-2048.key.pem }\n"
    "trust:\n"
    "  osci: [ {keys}/ca.cert.pem ]\n"
    "endpoints:\n"
    "  - name: bauamt\n"
    "    receives: { default: true }\n";

static void intermediary_open(struct helper_gateway *im)
{
    AUTO(buf_deinit) struct buf yaml = {0};

    buf_init(&yaml, YAML_MAX);
    buf_str(&yaml, im_yaml);
    for (int i = 0; i < GOOD; i++)
        buf_str(&yaml, "    - { address: 127.0.0.1, port: 0, path: /osci }\n");
    helper_gateway_start(im, buf_cstr(&yaml), false);
}

/* d0, d1, ... are places of the intermediary; "bad" is the server, if there is one. */
static void town_open(struct helper_runtime *town, const struct helper_gateway *im,
                      const struct server *bad)
{
    AUTO(buf_deinit) struct buf yaml = {0};

    buf_init(&yaml, YAML_MAX);
    buf_str(&yaml, "intermediaries:\n");
    for (int i = 0; i < GOOD + (bad != NULL); i++)
        buf_printf(&yaml,
                   "  - name: d%d\n"
                   "    url: http://127.0.0.1:%u/osci\n"
                   "    cipher_certificate: {keys}/intermediary-cipher-2048.cert.pem\n"
                   "    signature_certificate: {keys}/intermediary-signature-2048.cert.pem\n"
                   "    poll_seconds: 3600\n"
                   "    receipt_poll_seconds: 3600\n",
                   i, i < GOOD ? gw_osci_server_port(im->server, (size_t)i) : bad->port);
    buf_str(&yaml, "partners:\n");
    for (int i = 0; i < GOOD + (bad != NULL); i++)
        buf_printf(&yaml,
                   "  - name: p%d\n"
                   "    intermediary: d%d\n"
                   "    cipher_certificate: {keys}/addressee-cipher-2048.cert.pem\n",
                   i, i);
    helper_runtime_open(town, tenant_yaml, buf_cstr(&yaml), NULL);
}

static void message_out(struct helper_runtime *town, int to, int n, char id[GW_ID_SIZE])
{
    char peer[16], recipient[16], name[32];
    const struct gw_message_row row = {
        .peer = peer, .recipient = recipient, .subject = name, .source_name = name};

    (void)snprintf(peer, sizeof peer, "d%d", to);
    (void)snprintf(recipient, sizeof recipient, "p%d", to);
    (void)snprintf(name, sizeof name, "%d", n);
    helper_message_row(town, &row, SPAN("Hallo"), id);
}

static int each(void)
{
    const char *text = getenv("QUEUE_MESSAGES");

    return text == NULL ? EACH : atoi(text);
}

static size_t count_of(const struct helper_runtime *town, enum gw_state state)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_counts counts;
    struct error err = {0};

    assert_int_equal(gw_store_read(town->rt->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_counts(tx, NULL, NULL, &counts, &err), ST_OK);
    return (size_t)counts.messages[GW_OUTBOX][state];
}

/* The lanes run until count messages are away; how long that took. */
static int64_t drain(struct helper_runtime *town, size_t count)
{
    struct gw_lanes *lanes = NULL;
    struct error err = {0};
    int64_t begin, ms;

    helper_runtime_run(town);
    begin = gw_monotonic_ms();
    assert_int_equal(gw_lanes_start(town->rt, NULL, NULL, &lanes, &err), ST_OK);
    while (count_of(town, GW_SUBMITTED) < count && gw_monotonic_ms() < begin + PATIENCE_MS)
        usleep(5 * 1000);
    ms = gw_monotonic_ms() - begin;
    print_message("%zu messages in %lld ms\n", count, (long long)ms);
    assert_int_equal(count_of(town, GW_SUBMITTED), count);
    (void)helper_runtime_stop(town);
    gw_lanes_free(lanes);
    return ms < 1 ? 1 : ms;
}

static int64_t round_of(const struct helper_gateway *im, const struct server *bad)
{
    struct helper_runtime town = {.dir = ""};
    char id[GW_ID_SIZE];
    int64_t ms;

    town_open(&town, im, bad);
    for (int n = 0; n < each(); n++)
        for (int to = 0; to < GOOD; to++)
            message_out(&town, to, n, id);
    for (int n = 0; n < BAD && bad != NULL; n++)
        message_out(&town, GOOD, n, id);
    ms = drain(&town, (size_t)(GOOD * each()));
    helper_runtime_deinit(&town);
    return ms;
}

static struct trouble_row {
    const char *name, *figure;
    enum trouble trouble;
} trouble_rows[] = {
    {"one destination hangs", "hanging", HANGS},
    {"one answers slowly, and with an error", "slow", SLOW},
    {"one lets its answer drip", "dripping", DRIPS},
};

/* Without, with, with, without: what else the machine does hits both. */
static void test_trouble(void **state)
{
    const struct trouble_row *row = *state;
    struct helper_gateway im = {.port = 0};
    struct server server;
    int64_t with, without, percent;

    intermediary_open(&im);
    server_open(&server, row->trouble);
    without = round_of(&im, NULL);
    with = round_of(&im, &server);
    with += round_of(&im, &server);
    without += round_of(&im, NULL);
    percent = without * 100 / with;
    print_message("figure queue.%s.kept %lld\n", row->figure, (long long)percent);
    assert_true(server.seen > 0);
    assert_true(percent >= KEPT_MIN_PERCENT);
    server_close(&server);
    helper_gateway_stop(&im);
}

/* ---- poison ---- */

/* The file on disk is not what was accepted. */
static void poison(struct helper_runtime *town, const char *id)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_file_list files = {0};
    struct arena arena;
    struct error err = {0};
    char path[512];
    int fd;

    arena_init(&arena, 1024 * 1024);
    assert_int_equal(gw_store_read(town->rt->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_files(tx, &arena, id, &files, &err), ST_OK);
    fd = open(helper_path(town, path, "state/%s", files.rows[0].path), O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "J", 1, 0), 1);
    assert_int_equal(close(fd), 0);
    arena_deinit(&arena);
}

static int64_t poison_round(const struct helper_gateway *im, bool poisoned)
{
    const struct gw_message_row to_nobody = {
        .peer = "d0", .recipient = "niemand", .subject = "x", .source_name = "x", .priority = 9};
    struct helper_runtime town = {.dir = ""};
    char id[GW_ID_SIZE];
    int64_t ms;

    town_open(&town, im, NULL);
    for (int n = 0; n < GOOD * each(); n++) {
        message_out(&town, 0, n, id);
        if (poisoned && n == 1) {
            message_out(&town, 0, n, id);
            poison(&town, id);
            helper_message_row(&town, &to_nobody, SPAN("Hallo"), id);
        }
    }
    ms = drain(&town, (size_t)(GOOD * each()));
    assert_int_equal(count_of(&town, GW_FAILED), poisoned ? 2 : 0);
    assert_int_equal(count_of(&town, GW_DEFERRED), 0);
    helper_runtime_deinit(&town);
    return ms;
}

/* All of one destination, two of them poison: those fail with their reasons, the rest flows. */
static void test_poison(void **state)
{
    struct helper_gateway im = {.port = 0};
    int64_t without, with;

    (void)state;
    intermediary_open(&im);
    without = poison_round(&im, false);
    with = poison_round(&im, true);
    without = (without + poison_round(&im, false)) / 2;
    print_message("figure queue.poison.delay_ms %lld\n", (long long)(with - without));
    assert_true(with - without < without + POISON_MAX_MS);
    helper_gateway_stop(&im);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(trouble_rows) + 1];
    size_t n = 0;

    for (; n < ARRAY_LEN(trouble_rows); n++)
        tests[n] =
            (struct CMUnitTest){trouble_rows[n].name, test_trouble, NULL, NULL, &trouble_rows[n]};
    tests[n] = (struct CMUnitTest)cmocka_unit_test(test_poison);
    gw_worker_setup(2);
    return cmocka_run_group_tests_name("queue", tests, helper_crypto_setup, helper_crypto_teardown);
}

/*
 * Twenty destinations, one of them in trouble, and messages that are poison: how much the others
 * have of their throughput. In the environment: QUEUE_MESSAGES for each destination, QUEUE_PAIRS of
 * rounds, with and without, that count, whatever they say. An argument: the tests whose names it
 * matches.
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

enum { GOOD = 19, EACH = 4, BAD = 20, CONNECTIONS_MAX = 64, TICK_MS = 100, SLOW_MS = 2000 };
enum { PATIENCE_MS = 20 * 60 * 1000, YAML_MAX = 64 * 1024 };
/* An intermediary holds no more than 64 dialogs of one client, and each place takes five. */
enum { PLACES = 5, INTERMEDIARIES = (GOOD + PLACES - 1) / PLACES };
/* Machines that run tests have other things to do: one round says little, the median of some says
 * more, and where that is too little there are more rounds before anybody is blamed. With
 * QUEUE_PAIRS there are so many, no fewer and no more: for figures. */
enum { TRIES_MIN = 3, TRIES_MAX = 9, PAIRS_MAX = 99 };
/* The few attempts at the one in trouble weigh more the less the others have to send. */
enum { MANY = 50, KEPT_MIN_MANY = 95, KEPT_MIN = 85, DELAY_MAX_MS = 1000 };

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
/* What it believes beside its own authority is not what the intermediaries believe. */
static const char tenant_yaml[] = "state: {dir}/state\n"
                                  "tenant:\n"
                                  "  name: Ahausen\n"
                                  "  identity: {originator}\n"
                                  "trust:\n"
                                  "  osci: [ {keys}/ca.cert.pem, {keys}/ca-other.cert.pem ]\n"
                                  "endpoints:\n"
                                  "  - name: bauamt\n"
                                  "    receives: { default: true }\n";

/* Where the messages go. */
struct country {
    struct helper_gateway im[INTERMEDIARIES];
};

static void country_open(struct country *c)
{
    AUTO(buf_deinit) struct buf yaml = {0};

    buf_init(&yaml, YAML_MAX);
    buf_str(&yaml, im_yaml);
    for (int i = 0; i < PLACES; i++)
        buf_str(&yaml, "    - { address: 127.0.0.1, port: 0, path: /osci }\n");
    *c = (struct country){0};
    for (int i = 0; i < INTERMEDIARIES; i++)
        helper_gateway_start(&c->im[i], buf_cstr(&yaml), false);
}

static void country_close(struct country *c)
{
    for (int i = 0; i < INTERMEDIARIES; i++)
        helper_gateway_stop(&c->im[i]);
}

static uint16_t place_port(const struct country *c, int place)
{
    return gw_osci_server_port(c->im[place / PLACES].server, (size_t)(place % PLACES));
}

/* d0, d1, ... are places of the intermediaries; the last one is the server, if there is one. */
static void town_open(struct helper_runtime *town, const struct country *country,
                      const struct server *bad)
{
    AUTO(buf_deinit) struct buf yaml = {0};
    const uint16_t bad_port = bad == NULL ? 0 : bad->port;

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
                   i, i < GOOD ? place_port(country, i) : bad_port);
    buf_str(&yaml, "partners:\n");
    for (int i = 0; i < GOOD + (bad != NULL); i++)
        buf_printf(&yaml,
                   "  - name: p%d\n"
                   "    intermediary: d%d\n"
                   "    cipher_certificate: {keys}/addressee-cipher-2048.cert.pem\n",
                   i, i);
    buf_str(&yaml, "  - name: refused\n"
                   "    intermediary: d0\n"
                   "    cipher_certificate: {keys}/mallory-cipher-2048.cert.pem\n");
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

static int number_of(const char *variable, int otherwise)
{
    const char *text = getenv(variable);

    return text == NULL ? otherwise : atoi(text);
}

static int each(void)
{
    return number_of("QUEUE_MESSAGES", EACH);
}

static size_t count_of(const struct helper_runtime *town, enum gw_box box, enum gw_state state)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_counts counts;
    struct error err = {0};

    assert_int_equal(gw_store_read(town->rt->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_counts(tx, NULL, NULL, &counts, &err), ST_OK);
    return (size_t)counts.messages[box][state];
}

static void wait_for(const struct helper_runtime *town, enum gw_box box, enum gw_state state,
                     size_t count)
{
    const int64_t begin = gw_monotonic_ms();

    while (count_of(town, box, state) < count && gw_monotonic_ms() < begin + PATIENCE_MS)
        usleep(5 * 1000);
    assert_int_equal(count_of(town, box, state), count);
}

/* The lanes run until count messages are away and failed ones given up; how long the former took.
 */
static int64_t drain(struct helper_runtime *town, size_t count, size_t failed)
{
    struct gw_lanes *lanes = NULL;
    struct error err = {0};
    int64_t begin, ms;

    helper_runtime_run(town);
    begin = gw_monotonic_ms();
    assert_int_equal(gw_lanes_start(town->rt, NULL, NULL, &lanes, &err), ST_OK);
    wait_for(town, GW_OUTBOX, GW_SUBMITTED, count);
    ms = gw_monotonic_ms() - begin;
    wait_for(town, GW_OUTBOX, GW_FAILED, failed);
    print_message("%zu messages in %lld ms\n", count, (long long)ms);
    (void)helper_runtime_stop(town);
    gw_lanes_free(lanes);
    return ms < 1 ? 1 : ms;
}

static int64_t round_of(const struct country *country, const struct server *bad)
{
    struct helper_runtime town = {.dir = ""};
    char id[GW_ID_SIZE];
    int64_t ms;

    town_open(&town, country, bad);
    for (int n = 0; n < each(); n++)
        for (int to = 0; to < GOOD; to++)
            message_out(&town, to, n, id);
    for (int n = 0; n < BAD && bad != NULL; n++)
        message_out(&town, GOOD, n, id);
    ms = drain(&town, (size_t)(GOOD * each()), 0);
    helper_runtime_deinit(&town);
    return ms;
}

static int number_cmp(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static int64_t median(const int64_t *numbers, size_t count)
{
    int64_t sorted[PAIRS_MAX];

    memcpy(sorted, numbers, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, number_cmp);
    return sorted[count / 2];
}

/* Shall there be one more pair after so many? good: what they say is within the bound. */
static bool another(size_t count, bool good)
{
    const int pairs = number_of("QUEUE_PAIRS", 0);

    if (pairs > 0)
        return count < (size_t)pairs && count < PAIRS_MAX;
    return count < TRIES_MIN || (count < TRIES_MAX && !good);
}

/* For people and for tests/bench/bench.sh. */
static void figure(const char *name, const int64_t *numbers, size_t count)
{
    print_message("figure %s %lld of", name, (long long)median(numbers, count));
    for (size_t i = 0; i < count; i++)
        print_message(" %lld", (long long)numbers[i]);
    print_message("\n");
}

/* The throughput with the one in trouble, as a share of that without, one round after the other. */
static int64_t kept_percent(const struct country *country, const struct server *bad, bool first)
{
    int64_t before = round_of(country, first ? bad : NULL);
    int64_t after = round_of(country, first ? NULL : bad);

    return first ? after * 100 / before : before * 100 / after;
}

static struct trouble_row {
    const char *name, *figure;
    enum trouble trouble;
} trouble_rows[] = {
    {"one destination hangs", "queue.hanging.kept", HANGS},
    {"one answers slowly, and with an error", "queue.slow.kept", SLOW},
    {"one lets its answer drip", "queue.dripping.kept", DRIPS},
};

static void test_trouble(void **state)
{
    const struct trouble_row *row = *state;
    const int64_t min = each() >= MANY ? KEPT_MIN_MANY : KEPT_MIN;
    int64_t kept[PAIRS_MAX];
    struct country country;
    struct server server;
    size_t n = 0;

    country_open(&country);
    server_open(&server, row->trouble);
    do {
        kept[n] = kept_percent(&country, &server, n % 2 == 1);
        n++;
    } while (another(n, median(kept, n) >= min));
    figure(row->figure, kept, n);
    server_close(&server); /* first: its thread must not outlive a failure */
    country_close(&country);
    assert_true(server.seen > 0);
    assert_true(median(kept, n) >= min);
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

/* Some that can never be built, and one that the intermediary refuses. */
static void poison_out(struct helper_runtime *town)
{
    const struct gw_message_row never[] = {
        {.peer = "d0", .recipient = "niemand", .subject = "x", .source_name = "x"},
        {.peer = "d0", .recipient = "refused", .subject = "x", .source_name = "x"}};
    char id[GW_ID_SIZE];

    message_out(town, 0, 0, id);
    poison(town, id);
    for (size_t i = 0; i < ARRAY_LEN(never); i++)
        helper_message_row(town, &never[i], SPAN("Hallo"), id);
}

/* How long it takes to send all of one destination. */
static int64_t poison_round(const struct country *country, bool poisoned)
{
    enum { POISONS = 3 };
    struct helper_runtime town = {.dir = ""};
    const int count = GOOD * each();
    char id[GW_ID_SIZE];
    int64_t ms;

    town_open(&town, country, NULL);
    for (int n = 0; n < count; n++) {
        message_out(&town, 0, n, id);
        if (poisoned && n == count / 2)
            poison_out(&town);
    }
    ms = drain(&town, (size_t)count, poisoned ? POISONS : 0);
    assert_int_equal(count_of(&town, GW_OUTBOX, GW_DEFERRED), 0);
    helper_runtime_deinit(&town);
    return ms;
}

static const char reader_yaml[] =
    "limits: { message_max_mb: 1 }\n"
    "intermediaries:\n"
    "  - name: d0\n"
    "    url: \"{url}\"\n"
    "    cipher_certificate: {keys}/intermediary-cipher-2048.cert.pem\n"
    "    signature_certificate: {keys}/intermediary-signature-2048.cert.pem\n"
    "    poll_seconds: 3600\n"
    "    receipt_poll_seconds: 3600\n"
    "tenant:\n"
    "  name: Beheim\n"
    "  identity: {addressee}\n"
    "trust:\n"
    "  osci: [ {keys}/ca.cert.pem ]\n"
    "endpoints:\n"
    "  - name: bauamt\n"
    "    receives: { default: true }\n";

/* The reader's mailbox is emptied by one fetch; how long that took. */
static int64_t mailbox_drain(const struct country *country, size_t count)
{
    struct helper_runtime town = {.dir = ""};
    struct gw_lanes *lanes = NULL;
    struct error err = {0};
    char url[64];
    int64_t begin, ms;

    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/osci", place_port(country, 0));
    helper_runtime_open(&town, "state: {dir}/state\n", reader_yaml, url);
    helper_runtime_run(&town);
    begin = gw_monotonic_ms();
    assert_int_equal(gw_lanes_start(town.rt, NULL, NULL, &lanes, &err), ST_OK);
    wait_for(&town, GW_INBOX, GW_OPENED, count);
    ms = gw_monotonic_ms() - begin;
    print_message("%zu messages fetched in %lld ms\n", count, (long long)ms);
    (void)helper_runtime_stop(&town);
    gw_lanes_free(lanes);
    helper_runtime_deinit(&town);
    return ms;
}

/* How long it takes to fetch all of one mailbox. Poison is larger than its reader takes; an
 * intermediary of its own for each round, since it stays there. */
static int64_t poison_in_round(const struct country *unused, bool poisoned)
{
    enum { LARGE = 2 * 1024 * 1024 };
    const struct gw_message_row to = {
        .peer = "d0", .recipient = "p0", .subject = "x", .source_name = "x"};
    struct helper_runtime town = {.dir = ""};
    const int count = GOOD * each();
    char id[GW_ID_SIZE], *large = calloc(1, LARGE);
    struct country country;
    int64_t ms;

    (void)unused;
    assert_non_null(large);
    country_open(&country);
    town_open(&town, &country, NULL);
    if (poisoned)
        helper_message_row(&town, &to, span_of(large, LARGE), id);
    for (int n = 0; n < count; n++)
        message_out(&town, 0, n, id);
    (void)drain(&town, (size_t)(count + poisoned), 0);
    helper_runtime_deinit(&town);
    ms = mailbox_drain(&country, (size_t)count);
    country_close(&country);
    free(large);
    return ms;
}

static struct poison_row {
    const char *name, *figure;
    int64_t (*round)(const struct country *country, bool poisoned);
} poison_rows[] = {
    {"poison on the way out", "queue.poison.delay_ms", poison_round},
    {"poison in the mailbox", "queue.poison_in.delay_ms", poison_in_round},
};

/* All of one destination, some of them poison: those end with their reasons, the rest flows. */
static void test_poison(void **state)
{
    const struct poison_row *row = *state;
    int64_t delay[PAIRS_MAX];
    struct country country;
    size_t n = 0;

    country_open(&country);
    do {
        const bool first = n % 2 == 1; /* the poisoned round */
        int64_t one = row->round(&country, first), other = row->round(&country, !first);

        delay[n++] = first ? one - other : other - one;
    } while (another(n, median(delay, n) < DELAY_MAX_MS));
    figure(row->figure, delay, n);
    country_close(&country);
    assert_true(median(delay, n) < DELAY_MAX_MS);
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[ARRAY_LEN(trouble_rows) + ARRAY_LEN(poison_rows)];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(trouble_rows); i++)
        tests[n++] =
            (struct CMUnitTest){trouble_rows[i].name, test_trouble, NULL, NULL, &trouble_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(poison_rows); i++)
        tests[n++] =
            (struct CMUnitTest){poison_rows[i].name, test_poison, NULL, NULL, &poison_rows[i]};
    gw_worker_setup(2);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests_name("queue", tests, helper_crypto_setup, helper_crypto_teardown);
}

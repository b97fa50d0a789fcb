/*
 * A destination that is away for two days, by a clock that runs some thousand times as fast: what
 * waited for it drains, and the log tells of it in a few lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/lane.h"
#include "gateway/worker.h"
#include "tests/unit/helper_crypto.h"
#include "tests/unit/helper_fake.h"
#include "tests/unit/helper_line.h"

enum { MANY = 60, LINES_MAX = 10, SPEED = 6000, SPEED_BACK = 100, PATIENCE_MS = 20 * 60 * 1000 };
enum { HOUR_MS = 60 * 60 * 1000 };

static const char town_yaml[] =
    "state: {dir}/state\n"
    "tenant:\n"
    "  name: Ahausen\n"
    "  identity: {originator}\n"
    "trust:\n"
    "  osci: [ {keys}/ca.cert.pem ]\n"
    "intermediaries:\n"
    "  - name: demo\n"
    "    url: \"{url}\"\n"
    "    cipher_certificate: {keys}/intermediary-cipher-2048.cert.pem\n"
    "    signature_certificate: {keys}/intermediary-signature-2048.cert.pem\n"
    "    poll_seconds: 60\n"
    "    receipt_poll_seconds: 300\n"
    "partners:\n"
    "  - name: Beheim\n"
    "    intermediary: demo\n"
    "    cipher_certificate: {keys}/addressee-cipher-2048.cert.pem\n";
static const char endpoint_yaml[] = "endpoints:\n"
                                    "  - name: bauamt\n"
                                    "    folder: {dir}/bauamt\n"
                                    "    receives: { default: true }\n"
                                    "    routes: [ {partner: Beheim} ]\n";

/* ---- the clock ---- */

int64_t __real_gw_now_ms(void);
int64_t __wrap_gw_now_ms(void);
int __real_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock,
                                  const struct timespec *until);
int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock,
                                  const struct timespec *until);

static struct {
    pthread_mutex_t lock;
    int64_t from_real, from, speed; /* speed 0: the real clock */
} clock_now = {.lock = PTHREAD_MUTEX_INITIALIZER};

int64_t __wrap_gw_now_ms(void)
{
    int64_t real = __real_gw_now_ms(), now;

    pthread_mutex_lock(&clock_now.lock);
    now = clock_now.speed == 0 ? real
                               : clock_now.from + (real - clock_now.from_real) * clock_now.speed;
    pthread_mutex_unlock(&clock_now.lock);
    return now;
}

static void clock_speed(int64_t speed)
{
    int64_t now = gw_now_ms();

    pthread_mutex_lock(&clock_now.lock);
    clock_now.from = now;
    clock_now.from_real = __real_gw_now_ms();
    clock_now.speed = speed;
    pthread_mutex_unlock(&clock_now.lock);
}

/* Waits for as long as the clock needs for it. */
int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock,
                                  const struct timespec *until)
{
    int64_t now = gw_monotonic_ms(), ns, speed;
    struct timespec ts;

    pthread_mutex_lock(&clock_now.lock);
    speed = clock_now.speed == 0 ? 1 : clock_now.speed;
    pthread_mutex_unlock(&clock_now.lock);
    ns = (until->tv_sec * 1000 + until->tv_nsec / 1000000 - now) * 1000000 / speed;
    ns = now * 1000000 + (ns < 1000000 ? 1000000 : ns);
    ts = (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    return __real_pthread_cond_timedwait(cond, lock, &ts);
}

/* ---- the outage ---- */

/* Lines of the log that are not about a message on its way, at info and above. */
static size_t lines_about_it(FILE *log)
{
    char line[8192];
    size_t count = 0;

    rewind(log);
    while (fgets(line, sizeof line, log) != NULL) {
        if (strstr(line, "event=message.submitted") != NULL ||
            strstr(line, "event=store.opened") != NULL)
            continue;
        print_message("%s", line);
        count++;
    }
    return count;
}

static void messages_out(struct helper_runtime *h, int count)
{
    char id[GW_ID_SIZE];

    for (int i = 0; i < count; i++)
        helper_message_out(h, "Beheim", SPAN("Hallo"), gw_now_ms() + 120 * INT64_C(1) * HOUR_MS,
                           id);
}

static size_t submitted(const struct helper_runtime *h)
{
    struct arena arena;
    size_t count;

    arena_init(&arena, 64 * 1024 * 1024);
    count = helper_messages(h, &arena, GW_OUTBOX, GW_STATES(GW_SUBMITTED)).count;
    arena_deinit(&arena);
    return count;
}

static void test_two_days(void **state)
{
    struct helper_fake fake = {0};
    struct helper_runtime town = {.dir = ""};
    struct helper_line line = {.target = 0};
    struct gw_lanes *lanes = NULL;
    FILE *log = tmpfile();
    struct error err = {0};
    int64_t begin, until;
    char url[64];

    (void)state;
    assert_non_null(log);
    helper_fake_open(&fake, true);
    helper_line_open(&line); /* to have a port, at which nobody listens for now */
    helper_line_close(&line);
    line.target = gw_http_server_port(fake.front);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/osci", line.port);
    assert_int_equal(gw_log_new_fd(fileno(log), GW_LOG_INFO, NULL, &town.log, &err), ST_OK);
    helper_runtime_open(&town, town_yaml, endpoint_yaml, url);
    helper_runtime_run(&town);

    messages_out(&town, MANY / 2);
    begin = gw_now_ms();
    clock_speed(SPEED);
    assert_int_equal(gw_lanes_start(town.rt, NULL, NULL, &lanes, &err), ST_OK);
    until = gw_monotonic_ms() + PATIENCE_MS;
    while (gw_now_ms() < begin + 24 * HOUR_MS && gw_monotonic_ms() < until)
        usleep(20 * 1000);
    messages_out(&town, MANY - MANY / 2);
    gw_lanes_kick(lanes, NULL);
    while (gw_now_ms() < begin + 48 * HOUR_MS && gw_monotonic_ms() < until)
        usleep(20 * 1000);
    assert_in_range(gw_now_ms() - begin, 48 * HOUR_MS, 100 * INT64_C(1) * HOUR_MS);
    assert_int_equal(submitted(&town), 0);
    assert_true(gw_reach_down_since(town.rt->reach, "demo") >= begin);

    clock_speed(SPEED_BACK);
    helper_line_reopen(&line);
    while (submitted(&town) == 0 && gw_monotonic_ms() < until)
        usleep(20 * 1000);
    clock_speed(1);
    while (submitted(&town) < MANY && gw_monotonic_ms() < until) {
        gw_lanes_kick(lanes, "demo");
        usleep(50 * 1000);
    }
    assert_int_equal(submitted(&town), MANY);
    assert_int_equal(gw_reach_down_since(town.rt->reach, "demo"), 0);
    (void)helper_runtime_stop(&town);
    assert_in_range(lines_about_it(log), 2, LINES_MAX);

    gw_lanes_free(lanes);
    helper_line_close(&line);
    helper_runtime_deinit(&town);
    helper_fake_close(&fake);
    (void)fclose(log);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_two_days)};

    gw_worker_setup(4);
    return cmocka_run_group_tests_name("outage", tests, helper_crypto_setup,
                                       helper_crypto_teardown);
}

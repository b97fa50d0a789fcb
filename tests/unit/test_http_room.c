/* More connections than a listener may have: who makes room, and who never does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper_http.h"

static int setup(void **state)
{
    *state = world_new();
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

/* A connection from 127.0.0.host that says text and nothing more. */
static int stranger(struct world *w, int host, const char *text)
{
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    from.sin_addr.s_addr = htonl(0x7f000000U + (uint32_t)host);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(gw_http_server_port(w->server));
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    return fd;
}

static bool is_open(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
}

static size_t count_open(const int *fds, size_t count)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        n += is_open(fds[i]);
    return n;
}

/* Turns the loop until no more than so many are open. */
static void until_open(struct world *w, const int *fds, size_t count, size_t wanted)
{
    int64_t until = gw_monotonic_ms() + 300000;

    while (count_open(fds, count) > wanted && gw_monotonic_ms() < until)
        world_turn(w, 20);
    assert_true(count_open(fds, count) <= wanted);
}

static void all_close(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(close(fds[i]), 0);
}

#define SLOW_BODY "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc"

static struct crowd_row {
    const char *name, *text;
} crowd_rows[] = {
    {"silent ones", ""},
    {"half a head", "GET / HTTP/1.1\r\nHost: "},
    {"a body that does not come", SLOW_BODY},
    {"idle ones", "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n"},
};

/* Far more of them than there is room for, and no time limit helps: others come through. */
static void test_crowd(void **state)
{
    enum { CROWD = 40, ROOM = 8 };
    const struct crowd_row *row = *state;
    struct world *w = world_new();
    struct answer a;
    int fds[CROWD];

    w->limits.connections_max = ROOM;
    w->limits.head_ms = w->limits.idle_ms = w->limits.window_ms = 3600 * 1000;
    w->limits.window_bytes = 100 * 1000 * 1000;
    world_listen(w, false, NULL);
    for (int i = 0; i < CROWD; i++)
        fds[i] = stranger(w, 2 + i % 4, row->text);
    for (int i = 0; i < 3; i++) {
        world_call(w, (struct gw_http_call){.answer_max = 1000}, "/echo", &a);
        assert_int_equal(a.outcome, GW_HTTP_ANSWERED);
        answer_deinit(&a);
    }
    all_close(fds, CROWD);
    world_free(w);
}

/* One address has its share, and the others do not notice. */
static void test_address(void **state)
{
    enum { CROWD = 20, SHARE = 5 };
    struct world *w = *state;
    int fds[CROWD], other;

    w->limits.connections_address = SHARE;
    w->limits.head_ms = 3600 * 1000;
    world_listen(w, false, NULL);
    other = stranger(w, 3, "");
    for (int i = 0; i < CROWD; i++)
        fds[i] = stranger(w, 2, "");
    until_open(w, fds, CROWD, SHARE);
    assert_int_equal(count_open(fds, CROWD), SHARE);
    assert_true(is_open(other));
    all_close(fds, CROWD);
    for (int i = 0; i < SHARE; i++) /* whoever goes gives its place back */
        fds[i] = stranger(w, 2, "");
    world_turn(w, 200);
    assert_int_equal(count_open(fds, SHARE), SHARE);
    all_close(fds, SHARE);
    assert_int_equal(close(other), 0);
}

/* What somebody works on is never ended for others. */
static void test_busy(void **state)
{
    enum { HELD = 4, CROWD = 12 };
    struct world *w = *state;
    struct answer held[HELD];
    int fds[CROWD];

    w->limits.connections_max = HELD;
    world_listen(w, false, NULL);
    for (int i = 0; i < HELD; i++)
        world_start(w, (struct gw_http_call){.answer_max = 1000}, "/hold", &held[i], NULL);
    while (w->held_count < HELD)
        world_turn(w, 5);
    for (int i = 0; i < CROWD; i++)
        fds[i] = stranger(w, 2, "");
    world_turn(w, 3000);
    world_release(w);
    for (int i = 0; i < HELD; i++) {
        world_until(w, &held[i].done);
        assert_int_equal(held[i].outcome, GW_HTTP_ANSWERED);
        answer_deinit(&held[i]);
    }
    all_close(fds, CROWD);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(crowd_rows) + 2] = {
        cmocka_unit_test_setup_teardown(test_address, setup, teardown),
        cmocka_unit_test_setup_teardown(test_busy, setup, teardown),
    };

    for (size_t i = 0; i < ARRAY_LEN(crowd_rows); i++)
        tests[2 + i] =
            (struct CMUnitTest){crowd_rows[i].name, test_crowd, NULL, NULL, &crowd_rows[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

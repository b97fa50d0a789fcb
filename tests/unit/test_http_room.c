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

#include "gateway/http_crowd.h"
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

/* Reads what there is; false: nothing. */
static bool answer_take(int fd)
{
    char bytes[1000];

    return recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0;
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
#define LARGE_BODY "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n"

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

static void reset(int fd)
{
    const struct linger none = {.l_onoff = 1};

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none), 0);
    assert_int_equal(close(fd), 0);
}

/* Who asks and leaves has made no room: what is worked on counts, of one address and in total. */
static void test_leaves(void **state)
{
    enum { ROOM = 4, EACH = 2, OF_ONE = 3, CROWD = 7 };
    struct world *w = *state;

    w->limits.connections_max = ROOM;
    w->limits.connections_address = EACH;
    world_listen(w, false, NULL);
    for (int i = 0; i < CROWD; i++) {
        int fd = stranger(w, i < OF_ONE ? 2 : 3 + i, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");

        world_turn(w, 50);
        reset(fd);
        world_turn(w, 50);
        if (i < OF_ONE)
            assert_in_range(w->held_count, 1, EACH);
    }
    assert_in_range(w->held_count, ROOM, ROOM + 1); /* one comes in for its address to be known */
    world_release(w);
    world_turn(w, 100);
    assert_in_range(w->held_count, 0, 1); /* the last one waited for a place */
    world_release(w);
    assert_int_equal(w->completes, EACH + CROWD - OF_ONE);
}

static void say(const int *fds, size_t count, size_t bytes)
{
    static const char text[16 * 1024];

    for (size_t i = 0; i < count; i++)
        assert_int_equal(send(fds[i], text, bytes, MSG_NOSIGNAL), bytes);
}

/* Bodies that move just as fast as the window wants would hold their places for hours. An upload
 * over a poor line is not taken for one of them. */
static void test_pace(void **state)
{
    enum { CROWD = 7, STEPS = 30, CALLS = 3 };
    struct world *w = *state;
    int fds[CROWD], upload, other;

    w->limits.connections_max = CROWD + 1;
    world_listen(w, false, NULL);
    upload = stranger(w, 2, LARGE_BODY);
    for (int i = 0; i < CROWD; i++)
        fds[i] = stranger(w, 3 + i, LARGE_BODY);
    for (int i = 0; i < STEPS; i++) {
        say(&upload, 1, 12500); /* 1 Mbit/s */
        say(fds, CROWD, 200);
        world_turn(w, 100);
    }
    for (int i = 0; i < CALLS; i++) {
        other = stranger(w, 100 + i, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
        world_turn(w, 100);
        assert_int_equal(w->held_count, i + 1);
        assert_int_equal(count_open(fds, CROWD), CROWD - i - 1);
        assert_true(is_open(upload));
        assert_int_equal(close(other), 0);
    }
    world_release(w);
    all_close(fds, CROWD);
    assert_int_equal(close(upload), 0);
}

/* Strangers from very many addresses, one connection each: a partner who has some at the same time
 * is not the one who makes room. */
static void test_share(void **state)
{
    enum { ROOM = 64, OWN = 3, LATER = 20, CROWD = ROOM - OWN };
    struct world *w = *state;
    int own[OWN], fds[CROWD], later[LATER];

    w->limits.connections_max = ROOM;
    world_listen(w, false, NULL);
    for (int i = 0; i < CROWD; i++)
        fds[i] = stranger(w, 10 + i, i % 2 == 0 ? "" : LARGE_BODY);
    world_turn(w, 1500);
    for (int i = 0; i < OWN; i++)
        own[i] = stranger(w, 2, "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n");
    world_turn(w, 50);
    for (int i = 0; i < OWN; i++)
        assert_true(answer_take(own[i]));
    for (int i = 0; i < LATER; i++)
        later[i] = stranger(w, 100 + i, "");
    world_turn(w, 200);
    assert_int_equal(count_open(own, OWN), OWN);
    assert_int_equal(count_open(later, LATER), LATER);
    assert_int_equal(count_open(fds, CROWD), CROWD - LATER);
    all_close(own, OWN);
    all_close(fds, CROWD);
    all_close(later, LATER);
}

static struct crowd_address {
    const char *name, *one, *other;
    bool same, same_site;
} addresses[] = {
    {"IPv4", "192.0.2.1", "192.0.2.1", true, false},
    {"two of IPv4", "192.0.2.1", "192.0.2.2", false, false},
    {"IPv4 written as IPv6", "192.0.2.1", "::ffff:192.0.2.1", true, false},
    {"one /64", "2001:db8:1:2::3", "2001:db8:1:2:ffff::4", true, true},
    {"two /64 of one /48", "2001:db8:1:2::3", "2001:db8:1:3::3", false, true},
    {"two /48", "2001:db8:1:2::3", "2001:db8:2:2::3", false, false},
    {"a /64 of zeros is not its site", "2001:db8:1:0::3", "2001:db8:1:1::3", false, true},
};

static struct gw_http_neighbour *join(struct gw_http_crowd *crowd, const char *text)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    struct sockaddr_in four = {.sin_family = AF_INET};

    if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
        return gw_http_crowd_join(crowd, (struct sockaddr *)&four);
    assert_int_equal(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
    return gw_http_crowd_join(crowd, (struct sockaddr *)&six);
}

static void test_neighbours(void **state)
{
    const struct crowd_address *row = *state;
    struct gw_http_crowd crowd = {0};
    struct gw_http_neighbour *one = join(&crowd, row->one), *other = join(&crowd, row->other);

    assert_int_equal(one == other, row->same);
    assert_int_equal(one->count, row->same ? 2 : 1);
    assert_int_equal(one->site != NULL && one->site == other->site, row->same_site);
    if (one->site != NULL)
        assert_int_equal(one->site->count, row->same_site ? 2 : 1);
    gw_http_crowd_leave(&crowd, one);
    assert_int_equal(other->count, 1);
    gw_http_crowd_leave(&crowd, other);
    for (size_t i = 0; i < ARRAY_LEN(crowd.buckets); i++)
        assert_null(crowd.buckets[i]);
}

int main(void)
{
    enum { OWN = 5 };
    struct CMUnitTest tests[OWN + ARRAY_LEN(crowd_rows) + ARRAY_LEN(addresses)] = {
        cmocka_unit_test_setup_teardown(test_address, setup, teardown),
        cmocka_unit_test_setup_teardown(test_busy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_leaves, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pace, setup, teardown),
        cmocka_unit_test_setup_teardown(test_share, setup, teardown),
    };
    struct CMUnitTest *next = tests + OWN;

    for (size_t i = 0; i < ARRAY_LEN(crowd_rows); i++)
        *next++ = (struct CMUnitTest){crowd_rows[i].name, test_crowd, NULL, NULL, &crowd_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++)
        *next++ =
            (struct CMUnitTest){addresses[i].name, test_neighbours, NULL, NULL, &addresses[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "helper_line.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "crypto/base/buf.h"
#include "crypto/base/cleanup.h"

enum { MESSAGE_MAX = 64 * 1024 * 1024, TICK_MS = 50, HALF_MS = 1000, STALL_MS = 300 };

struct connection {
    struct helper_line *line;
    int fd;
};

static void pause_ms(int ms)
{
    const struct timespec t = {.tv_nsec = (long)ms * 1000 * 1000};

    (void)nanosleep(&t, NULL);
}

/* Waits for bytes; false: the line is closing, or ms (0: no limit) are over. */
static bool readable(const struct helper_line *l, int fd, int ms)
{
    for (int waited = 0; !l->stopping && (ms == 0 || waited < ms); waited += TICK_MS) {
        struct pollfd p = {.fd = fd, .events = POLLIN};

        if (poll(&p, 1, TICK_MS) > 0)
            return true;
    }
    return false;
}

/* The value of a field in a message's head, or nothing. */
static struct span field(struct span head, const char *name)
{
    for (size_t i = 0; i + strlen(name) < head.len; i++)
        if (strncasecmp((const char *)head.ptr + i, name, strlen(name)) == 0) {
            struct span rest = span_from(head, i + strlen(name));

            return span_trim(span_sub(rest, 0, span_find(rest, SPAN("\r\n"))));
        }
    return SPAN_NONE;
}

static bool is_whole(struct span m)
{
    size_t head = span_find(m, SPAN("\r\n\r\n"));
    struct span len;
    uint64_t body = 0;

    if (head == SIZE_MAX)
        return false;
    len = field(span_sub(m, 0, head + 2), "\r\nContent-Length:");
    if (len.len > 0 && span_to_u64(len, &body))
        return m.len >= head + 4 + body;
    if (field(span_sub(m, 0, head + 2), "\r\nTransfer-Encoding:").len > 0)
        return m.len > head + 9 && span_eq(span_from(m, m.len - 5), SPAN("0\r\n\r\n"));
    return true;
}

static bool message_read(const struct helper_line *l, int fd, struct buf *b)
{
    uint8_t piece[65536];

    buf_reset(b);
    while (!is_whole(buf_span(b))) {
        ssize_t n;

        if (!readable(l, fd, 0))
            return false;
        n = recv(fd, piece, sizeof piece, 0);
        if (n <= 0)
            return false;
        buf_add(b, span_of(piece, (size_t)n));
    }
    return !b->failed;
}

static void message_write(int fd, struct span m)
{
    ssize_t n;

    for (size_t at = 0; at < m.len; at += (size_t)n) {
        n = send(fd, m.ptr + at, m.len - at, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* it has gone itself */
    }
}

static void drain(const struct helper_line *l, int fd)
{
    uint8_t piece[65536];

    while (readable(l, fd, HALF_MS) && recv(fd, piece, sizeof piece, 0) > 0)
        ;
}

static void end_of(const struct helper_line *l, int client, int server, enum line_manner manner)
{
    const struct linger now = {.l_onoff = 1};

    switch (manner) {
    case LINE_RESET:
        (void)setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        (void)setsockopt(server, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        break;
    case LINE_HALF:
        (void)shutdown(client, SHUT_WR);
        (void)shutdown(server, SHUT_WR);
        drain(l, server);
        drain(l, client);
        break;
    case LINE_STALL:
        pause_ms(STALL_MS);
        break;
    default:
        break;
    }
}

static bool connect_to(uint16_t port, int *fd)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return *fd >= 0 && connect(*fd, (const struct sockaddr *)&to, sizeof to) == 0;
}

/* Carries a message as far as the plan wants; false: the line broke. */
static bool carry(struct helper_line *l, int *tag, enum line_way way, struct span m, int client,
                  int server)
{
    struct line_cut cut = {0};
    bool breaks;

    atomic_fetch_add(&l->breaking, 1);
    breaks = l->plan != NULL && l->plan(l->ctx, tag, way, m, &cut);
    if (!breaks)
        atomic_fetch_sub(&l->breaking, 1);
    message_write(way == LINE_REQUEST ? server : client,
                  breaks && cut.at < m.len ? span_sub(m, 0, cut.at) : m);
    if (breaks) {
        end_of(l, client, server, cut.manner);
        atomic_fetch_sub(&l->breaking, 1);
    }
    return !breaks;
}

/* One exchange; false: the client's connection ends. */
static bool exchange(struct helper_line *l, int client, struct buf *b)
{
    AUTO(fd_drop) int server = -1;
    int tag = 0;

    return message_read(l, client, b) && connect_to(l->target, &server) &&
           carry(l, &tag, LINE_REQUEST, buf_span(b), client, server) &&
           message_read(l, server, b) && carry(l, &tag, LINE_ANSWER, buf_span(b), client, server);
}

static void *connection_run(void *arg)
{
    struct connection *c = arg;
    struct helper_line *l = c->line;
    AUTO(buf_deinit) struct buf b = {0};

    buf_init(&b, MESSAGE_MAX);
    while (exchange(l, c->fd, &b))
        ;
    (void)close(c->fd);
    free(c);
    atomic_fetch_sub(&l->connections, 1);
    return NULL;
}

static void connection_start(struct helper_line *l, int fd)
{
    struct connection *c = malloc(sizeof *c);
    pthread_t thread;

    if (c == NULL) {
        (void)close(fd);
        return;
    }
    *c = (struct connection){l, fd};
    atomic_fetch_add(&l->connections, 1);
    if (pthread_create(&thread, NULL, connection_run, c) != 0) {
        (void)close(fd);
        free(c);
        atomic_fetch_sub(&l->connections, 1);
        return;
    }
    (void)pthread_detach(thread);
}

static void *line_run(void *arg)
{
    struct helper_line *l = arg;

    while (!l->stopping) {
        int fd = readable(l, l->fd, 0) ? accept(l->fd, NULL, NULL) : -1;

        if (fd >= 0)
            connection_start(l, fd);
    }
    return NULL;
}

static void listen_on(struct helper_line *l, uint16_t port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    const int on = 1;

    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(l->fd >= 0);
    assert_int_equal(setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    assert_int_equal(bind(l->fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(l->fd, 128), 0);
    assert_int_equal(getsockname(l->fd, (struct sockaddr *)&at, &len), 0);
    l->port = ntohs(at.sin_port);
    l->stopping = false;
    assert_int_equal(pthread_create(&l->thread, NULL, line_run, l), 0);
}

void helper_line_open(struct helper_line *l)
{
    listen_on(l, 0);
}

void helper_line_reopen(struct helper_line *l)
{
    listen_on(l, l->port);
}

void helper_line_close(struct helper_line *l)
{
    l->stopping = true;
    assert_int_equal(pthread_join(l->thread, NULL), 0);
    (void)close(l->fd);
    while (l->connections > 0)
        pause_ms(TICK_MS);
}

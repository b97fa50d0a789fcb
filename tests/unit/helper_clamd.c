#define _GNU_SOURCE 1 /* memmem */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "helper_clamd.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <arpa/inet.h>

enum { PIECE = 256 * 1024, WORD = sizeof HELPER_VIRUS - 1 };

/* ---- in the thread ---- */

/* False: the other side has gone, or we are to stop. */
static int ready(const struct helper_clamd *c, int fd, short events)
{
    struct pollfd p[2] = {{.fd = fd, .events = events}, {.fd = c->wake[0], .events = POLLIN}};

    while (poll(p, 2, -1) < 0)
        continue;
    return p[1].revents == 0;
}

static int read_all(const struct helper_clamd *c, int fd, void *bytes, size_t len)
{
    uint8_t *to = bytes;

    while (len > 0) {
        ssize_t n = ready(c, fd, POLLIN) ? recv(fd, to, len, 0) : 0;

        if (n <= 0)
            return 0;
        to += n;
        len -= (size_t)n;
    }
    return 1;
}

/* The file to its end; *found: the word is in it, also across chunks. */
static int file_take(struct helper_clamd *c, int fd, int *found)
{
    uint8_t *piece = malloc(WORD + PIECE);
    size_t kept = 0, total = 0;
    uint32_t length = 1;
    int ok = piece != NULL;

    *found = 0;
    while (ok && length > 0) {
        ok = read_all(c, fd, &length, sizeof length);
        length = ntohl(length);
        ok = ok && length <= PIECE && read_all(c, fd, piece + kept, length);
        if (!ok)
            break;
        if (length > c->chunk_max)
            c->chunk_max = length;
        total += length;
        kept += length;
        *found = *found || memmem(piece, kept, HELPER_VIRUS, WORD) != NULL;
        if (kept > WORD) {
            memmove(piece, piece + kept - WORD, WORD);
            kept = WORD;
        }
    }
    free(piece);
    c->bytes = total;
    c->asked += ok != 0;
    return ok;
}

static void say(const struct helper_clamd *c, int fd, const char *text, int with_nul)
{
    size_t len = strlen(text) + (with_nul ? 1 : 0);

    while (len > 0 && ready(c, fd, POLLOUT)) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

        if (n <= 0)
            return;
        text += n;
        len -= (size_t)n;
    }
}

static void flood(const struct helper_clamd *c, int fd)
{
    char text[4096];

    memset(text, 'x', sizeof text);
    while (ready(c, fd, POLLOUT) && send(fd, text, sizeof text, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
        continue;
}

/* Until it is stopped, or the other side has had enough. */
static void wait_here(const struct helper_clamd *c, int fd, int reading)
{
    char byte;

    while (reading && ready(c, fd, POLLIN) && recv(fd, &byte, 1, 0) > 0)
        continue;
    if (!reading)
        (void)ready(c, -1, 0);
}

static void serve(struct helper_clamd *c, int fd)
{
    const enum helper_clamd_manner manner = c->manner;
    char command[10] = "";
    int found = 0;

    if (manner == CLAMD_CLOSES)
        return;
    if (manner == CLAMD_DEAF) {
        wait_here(c, fd, 0);
        return;
    }
    if (!read_all(c, fd, command, sizeof command) || memcmp(command, "zINSTREAM", 10) != 0)
        return;
    if (manner == CLAMD_SAYS_EARLY) {
        say(c, fd, c->says, c->with_nul);
        return;
    }
    if (!file_take(c, fd, &found))
        return;
    switch (manner) {
    case CLAMD_HONEST:
        say(c, fd, found ? "stream: " HELPER_FINDING " FOUND" : "stream: OK", 1);
        break;
    case CLAMD_SAYS:
        say(c, fd, c->says, c->with_nul);
        break;
    case CLAMD_SILENT:
        wait_here(c, fd, 1);
        break;
    case CLAMD_FLOODS:
        flood(c, fd);
        break;
    default:
        break;
    }
}

static void *clamd_main(void *arg)
{
    struct helper_clamd *c = arg;

    while (ready(c, c->listener, POLLIN)) {
        int fd = accept(c->listener, NULL, NULL);

        if (fd < 0)
            continue;
        serve(c, fd);
        (void)close(fd);
    }
    return NULL;
}

/* ---- outside ---- */

static void listen_unix(struct helper_clamd *c, const char *dir)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};

    assert_true(snprintf(c->address, sizeof c->address, "%s/clamd.ctl", dir) <
                (int)sizeof un.sun_path);
    memcpy(un.sun_path, c->address, strlen(c->address) + 1);
    (void)unlink(c->address);
    c->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(c->listener, (struct sockaddr *)&un, sizeof un), 0);
}

static void listen_loopback(struct helper_clamd *c)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof in;

    c->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(c->listener, (struct sockaddr *)&in, sizeof in), 0);
    assert_int_equal(getsockname(c->listener, (struct sockaddr *)&in, &len), 0);
    (void)snprintf(c->address, sizeof c->address, "127.0.0.1:%u", ntohs(in.sin_port));
}

void helper_clamd_start(struct helper_clamd *c, const char *dir)
{
    memset(c, 0, sizeof *c);
    c->with_nul = 1;
    if (dir != NULL)
        listen_unix(c, dir);
    else
        listen_loopback(c);
    assert_int_equal(listen(c->listener, 16), 0);
    assert_int_equal(pipe(c->wake), 0);
    assert_int_equal(pthread_create(&c->thread, NULL, clamd_main, c), 0);
}

void helper_clamd_stop(struct helper_clamd *c)
{
    assert_int_equal(write(c->wake[1], "", 1), 1);
    assert_int_equal(pthread_join(c->thread, NULL), 0);
    (void)close(c->listener);
    (void)close(c->wake[0]);
    (void)close(c->wake[1]);
}

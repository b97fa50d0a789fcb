#define _GNU_SOURCE 1 /* memfd_create */
#include "gateway/handover.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/un.h>
#include <unistd.h>

#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "crypto/base/cleanup.h"

enum { SOCKETS_MAX = 64, FIRST = 3, TEXT_MAX = 4 * 1024 * 1024 };

static const char text_name[] = "DEPESCHE_SETTINGS_FD";

struct gw_handover {
    int fds[SOCKETS_MAX];
    int count;
    bool begun;
    struct buf text;
};

/* The text that came along, if there is any. */
static void text_take(struct gw_handover *h)
{
    const char *value = getenv(text_name);
    char *end;
    long fd = value == NULL ? -1 : strtol(value, &end, 10);
    char piece[4096];
    ssize_t n;

    (void)unsetenv(text_name);
    if (fd < FIRST || fd > INT_MAX || *end != '\0')
        return;
    while ((n = read((int)fd, piece, sizeof piece)) > 0)
        buf_add(&h->text, span_of(piece, (size_t)n));
    (void)close((int)fd);
    if (n < 0 || h->text.failed)
        buf_reset(&h->text);
}

enum status gw_handover_new(struct gw_handover **handover, struct error *err)
{
    struct gw_handover *h = calloc(1, sizeof *h);

    TRY_ALLOC(h, err);
    buf_init(&h->text, TEXT_MAX);
#ifdef HAVE_SYSTEMD
    for (int i = 0, n = sd_listen_fds(1); i < n; i++) {
        if (h->count < SOCKETS_MAX)
            h->fds[h->count++] = FIRST + i;
        else
            (void)close(FIRST + i);
    }
#endif
    text_take(h);
    *handover = h;
    return ST_OK;
}

static void socket_drop(struct gw_handover *h, int i, bool close_it)
{
    if (close_it)
        (void)close(h->fds[i]);
    h->count--;
    memmove(&h->fds[i], &h->fds[i + 1], (size_t)(h->count - i) * sizeof h->fds[0]);
}

void gw_handover_free(struct gw_handover *h)
{
    if (h == NULL)
        return;
    while (h->count > 0)
        socket_drop(h, 0, true);
    buf_deinit(&h->text);
    free(h);
}

union address {
    struct sockaddr any;
    struct sockaddr_storage storage;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
};

static bool address_of(int fd, union address *a)
{
    socklen_t len = sizeof *a;

    memset(a, 0, sizeof *a); /* the path of a UNIX socket ends with it */
    return getsockname(fd, &a->any, &len) == 0;
}

/* wanted may leave the port open. */
static bool fits(const union address *wanted, const union address *have)
{
    if (wanted->any.sa_family != have->any.sa_family)
        return false;
    switch (wanted->any.sa_family) {
    case AF_INET:
        return wanted->in.sin_addr.s_addr == have->in.sin_addr.s_addr &&
               (wanted->in.sin_port == 0 || wanted->in.sin_port == have->in.sin_port);
    case AF_INET6:
        return memcmp(&wanted->in6.sin6_addr, &have->in6.sin6_addr, sizeof have->in6.sin6_addr) ==
                   0 &&
               (wanted->in6.sin6_port == 0 || wanted->in6.sin6_port == have->in6.sin6_port);
    case AF_UNIX:
        return strcmp(wanted->un.sun_path, have->un.sun_path) == 0;
    default:
        return false;
    }
}

static size_t address_size(const struct sockaddr *a)
{
    return a->sa_family == AF_INET    ? sizeof(struct sockaddr_in)
           : a->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
           : a->sa_family == AF_UNIX  ? sizeof(struct sockaddr_un)
                                      : sizeof a->sa_family;
}

int gw_handover_take(struct gw_handover *h, const struct sockaddr *address)
{
    union address wanted = {0}, have;

    memcpy(&wanted, address, address_size(address));
    for (int i = 0; h != NULL && i < h->count; i++) {
        int fd = h->fds[i];

        if (!address_of(fd, &have) || !fits(&wanted, &have))
            continue;
        socket_drop(h, i, false);
        return fd;
    }
    return -1;
}

void gw_handover_rest(struct gw_handover *h)
{
    union address have;

    while (h->count > 0) {
        if (address_of(h->fds[0], &have) && have.any.sa_family == AF_UNIX &&
            have.un.sun_path[0] == '/')
            (void)unlink(have.un.sun_path);
        socket_drop(h, 0, true);
    }
}

void gw_handover_begin(struct gw_handover *h)
{
    h->begun = true;
}

bool gw_handover_begun(const struct gw_handover *h)
{
    return h != NULL && h->begun;
}

bool gw_handover_keep(struct gw_handover *h, int fd)
{
    int copy = h->count < SOCKETS_MAX ? fcntl(fd, F_DUPFD_CLOEXEC, FIRST) : -1;

    if (copy < 0)
        return false;
    h->fds[h->count++] = copy;
    return true;
}

struct span gw_handover_text(const struct gw_handover *h)
{
    return buf_span(&h->text);
}

/* The sockets as numbers 3, 4, ...: first all out of the way, then each to its place. */
static bool sockets_place(struct gw_handover *h)
{
    for (int i = 0; i < h->count; i++)
        if ((h->fds[i] = fcntl(h->fds[i], F_DUPFD_CLOEXEC, FIRST + SOCKETS_MAX)) < 0)
            return false;
    for (int i = 0; i < h->count; i++)
        if (dup2(h->fds[i], FIRST + i) < 0) /* and without close-on-exec */
            return false;
    return true;
}

/* A file in memory behind the sockets. */
static bool text_place(struct span text)
{
    AUTO(fd_drop) int memory = memfd_create("settings", MFD_CLOEXEC);
    int fd = memory < 0 ? -1 : fcntl(memory, F_DUPFD, FIRST + SOCKETS_MAX);
    char value[16];

    if (fd < 0 || write(fd, text.ptr, text.len) != (ssize_t)text.len || lseek(fd, 0, SEEK_SET) != 0)
        return false;
    (void)snprintf(value, sizeof value, "%d", fd);
    return setenv(text_name, value, 1) == 0;
}

void gw_handover_exec(struct gw_handover *h, char **argv, struct span text, struct error *err)
{
    static const char deleted[] = " (deleted)"; /* what the kernel adds after an upgrade */
    char program[PATH_MAX], number[16];
    ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);

    if (len > 0) {
        program[len] = '\0';
        if ((size_t)len > sizeof deleted - 1 &&
            strcmp(program + len - (sizeof deleted - 1), deleted) == 0)
            program[len - (ssize_t)(sizeof deleted - 1)] = '\0';
    }
    if (len <= 0 || access(program, X_OK) != 0 || !sockets_place(h) || !text_place(text)) {
        (void)error_set(err, ST_INTERNAL, 0, "the program cannot start itself anew: %s",
                        strerror(errno));
        return;
    }
    (void)snprintf(number, sizeof number, "%d", h->count);
    (void)setenv("LISTEN_FDS", number, 1);
    (void)snprintf(number, sizeof number, "%ld", (long)getpid());
    (void)setenv("LISTEN_PID", number, 1);
    (void)execv(program, argv);
    (void)error_set(err, ST_INTERNAL, 0, "%s cannot be started: %s", program, strerror(errno));
}

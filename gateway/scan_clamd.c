/* Source: clamd(8), commands zINSTREAM; the answers are those of ClamAV 0.103 and 1.x. */
#include "gateway/scan_impl.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <arpa/inet.h>

enum { CHUNK = 64 * 1024, LENGTH = 4, ANSWER_MAX = 1024, SLICE_MS = 200, BUSY_MS = 50 };

/* The line to clamd. */
struct line {
    int fd;
    const struct gw_loop *loop;
    int64_t timeout_s, until; /* monotonic */
    bool answered;            /* it speaks before we have ended */
};

static enum status lost(struct error *err, const char *doing)
{
    return error_set(err, ST_RETRY, GW_R_SCAN_UNAVAILABLE, "clamd, %s: %s", doing, strerror(errno));
}

/* ---- where it is ---- */

static bool port_parse(const char *text, in_port_t *port)
{
    uint64_t n;

    if (!span_to_u64(span_str(text), &n) || n < 1 || n > 65535)
        return false;
    *port = htons((uint16_t)n);
    return true;
}

static bool unix_parse(const char *text, struct sockaddr_storage *address, socklen_t *len)
{
    struct sockaddr_un *un = (struct sockaddr_un *)address;

    if (strlen(text) >= sizeof un->sun_path)
        return false;
    un->sun_family = AF_UNIX;
    (void)snprintf(un->sun_path, sizeof un->sun_path, "%s", text);
    *len = sizeof *un;
    return true;
}

bool gw_scan_address(const char *text, struct sockaddr_storage *address, socklen_t *len)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
    const char *colon = strrchr(text, ':');
    char host[64];

    *address = (struct sockaddr_storage){0};
    if (text[0] == '/')
        return unix_parse(text, address, len);
    if (colon == NULL || (size_t)(colon - text) >= sizeof host)
        return false;
    (void)snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
    if (strcmp(host, "[::1]") == 0) {
        v6->sin6_family = AF_INET6;
        v6->sin6_addr = in6addr_loopback;
        *len = sizeof *v6;
        return port_parse(colon + 1, &v6->sin6_port);
    }
    v4->sin_family = AF_INET;
    *len = sizeof *v4;
    if (inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &v4->sin_addr) != 1)
        return false;
    return ntohl(v4->sin_addr.s_addr) >> 24 == 127 && port_parse(colon + 1, &v4->sin_port);
}

/* ---- the line ---- */

/* May we go on waiting? */
static enum status patience(const struct line *l, struct error *err)
{
    if (gw_loop_stopping(l->loop))
        return error_set(err, ST_RETRY, GW_R_SCAN_UNAVAILABLE, "the gateway is stopping");
    if (gw_monotonic_ms() >= l->until)
        return error_set(err, ST_RETRY, GW_R_SCAN_UNAVAILABLE, "clamd: no answer within %lld s",
                         (long long)l->timeout_s);
    return ST_OK;
}

/* Until one of events is there; *got says which. */
static enum status await(const struct line *l, short events, short *got, struct error *err)
{
    for (;;) {
        struct pollfd p = {.fd = l->fd, .events = events};

        TRY(patience(l, err));
        if (poll(&p, 1, SLICE_MS) > 0) {
            *got = p.revents;
            return ST_OK;
        }
    }
}

static enum status line_open(struct line *l, const char *text, struct error *err)
{
    struct sockaddr_storage address;
    socklen_t len;
    short got;
    int problem = 0;
    socklen_t size = sizeof problem;

    if (!gw_scan_address(text, &address, &len))
        return error_set(err, ST_RETRY, GW_R_SCAN_UNAVAILABLE, "%s is no address of clamd", text);
    l->fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l->fd < 0)
        return lost(err, text);
    while (connect(l->fd, (struct sockaddr *)&address, len) != 0) {
        if (errno == EINPROGRESS) {
            TRY(await(l, POLLOUT, &got, err));
            if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &problem, &size) == 0 && problem == 0)
                return ST_OK;
            errno = problem;
            return lost(err, text);
        }
        if (errno != EAGAIN && errno != EINTR) /* EAGAIN: a UNIX socket with too many waiting */
            return lost(err, text);
        TRY(patience(l, err));
        (void)poll(NULL, 0, BUSY_MS);
    }
    return ST_OK;
}

/* All of it, or until it answers. */
static enum status line_write(struct line *l, const uint8_t *bytes, size_t len, struct error *err)
{
    while (len > 0 && !l->answered) {
        short got;
        ssize_t n;

        TRY(await(l, POLLOUT | POLLIN, &got, err));
        l->answered = (got & POLLIN) != 0;
        if (l->answered)
            break;
        n = send(l->fd, bytes, len, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        l->answered = n < 0 && (errno == EPIPE || errno == ECONNRESET); /* it has hung up: why? */
        if (n < 0 && !l->answered)
            return lost(err, "sending");
        if (n < 0)
            break;
        bytes += n;
        len -= (size_t)n;
    }
    return ST_OK;
}

/* One line, ended by NUL or line feed. */
static enum status line_read(struct line *l, char answer[ANSWER_MAX], struct error *err)
{
    size_t len = 0;

    while (len < ANSWER_MAX - 1) {
        short got;
        ssize_t n;

        TRY(await(l, POLLIN, &got, err));
        n = recv(l->fd, answer + len, 1, 0); /* short, and nothing of it is lost behind its end */
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n < 0)
            return lost(err, "reading its answer");
        if (n == 0)
            return error_set(err, ST_RETRY, GW_R_SCAN_UNAVAILABLE,
                             "clamd hung up in the middle of its answer");
        if (answer[len] == '\0' || answer[len] == '\n') {
            answer[len] = '\0';
            return ST_OK;
        }
        len++;
    }
    return error_set(err, ST_RETRY, GW_R_SCAN_UNAVAILABLE, "clamd's answer does not end");
}

/* ---- what is said ---- */

/* The file, chunk by chunk, and the empty one at the end. */
static enum status stream(struct line *l, struct source *file, uint8_t *chunk, struct error *err)
{
    static const uint8_t command[] = "zINSTREAM"; /* with its NUL */
    uint64_t offset = 0;
    size_t got = 1;

    TRY(line_write(l, command, sizeof command, err));
    while (got > 0 && !l->answered) {
        uint32_t length;

        TRY(source_read(file, offset, chunk + LENGTH, CHUNK, &got, err));
        length = htonl((uint32_t)got);
        memcpy(chunk, &length, LENGTH);
        TRY(line_write(l, chunk, LENGTH + got, err));
        offset += got;
    }
    return ST_OK;
}

static enum status judge(const struct line *l, const char *answer, struct gw_scan_word *word,
                         struct error *err)
{
    struct span said = span_str(answer), begin = SPAN("stream: "), end = SPAN(" FOUND");

    if (span_is(said, "stream: OK") && !l->answered) {
        word->result = GW_SCAN_CLEAN;
        return ST_OK;
    }
    if (span_is(said, "INSTREAM size limit exceeded. ERROR")) {
        word->result = GW_SCAN_TOO_LARGE;
        return ST_OK;
    }
    if (said.len > begin.len + end.len && span_starts(said, begin) && span_ends(said, end)) {
        said = span_from(said, begin.len);
        word->result = GW_SCAN_FINDING;
        (void)snprintf(word->name, sizeof word->name, "%.*s", (int)(said.len - end.len),
                       (const char *)said.ptr);
        return ST_OK;
    }
    return error_set(err, ST_RETRY, GW_R_SCAN_UNAVAILABLE, "clamd says%s: %.200s",
                     l->answered ? " before the file has ended" : "", answer);
}

enum status gw_scan_clamd(const struct gw_virus_scan_conf *conf, const struct gw_loop *loop,
                          struct source *file, struct gw_scan_word *word, struct error *err)
{
    struct line l = {.fd = -1,
                     .loop = loop,
                     .timeout_s = conf->timeout_seconds,
                     .until = gw_monotonic_ms() + conf->timeout_seconds * 1000};
    uint8_t *chunk = gw_alloc(LENGTH + CHUNK);
    char answer[ANSWER_MAX];
    enum status st = line_open(&l, conf->clamd, err);

    if (st == ST_OK)
        st = stream(&l, file, chunk, err);
    if (st == ST_OK)
        st = line_read(&l, answer, err);
    if (st == ST_OK)
        st = judge(&l, answer, word, err);
    if (l.fd >= 0)
        (void)close(l.fd);
    free(chunk);
    return st;
}

#define _GNU_SOURCE 1 /* struct ucred */
#include "gateway/http_server.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "gateway/handover.h"
#include "gateway/http_conn.h"

enum { BACKLOG = 511, KEEPALIVE_S = 60 };
/* When the program is replaced: for what is under way, and for a request from who has just come. */
enum { HANDOVER_GRACE_MS = 30000, HANDOVER_FIRST_MS = 2000 };
enum { ROOM_TICK_MS = 250 };

struct gw_http_limits gw_http_limits_default(void)
{
    return (struct gw_http_limits){
        .body_max = 64ULL * 1024 * 1024,
        .body_memory_max = 256 * 1024,
        .connections_max = 512,
        .head_ms = 20000,
        .idle_ms = 75000,
        .window_ms = 10000,
        .window_bytes = 8192,
        .linger_ms = 2000,
        .stream_bytes_max = 1024 * 1024,
    };
}

static void server_free(struct gw_http_server *server)
{
    buf_deinit(&server->plain);
    free(server->spool_dir);
    free(server->unix_path);
    free(server);
}

static void on_server_closed(uv_handle_t *handle)
{
    struct gw_http_server *server = handle->data;

    if (--server->handles == 0)
        server_free(server);
}

/* The last connection of a closing server takes the grace timer with it. */
static void grace_end(struct gw_http_server *server)
{
    if (server->closing && server->conn_count == 0 && !uv_is_closing((uv_handle_t *)&server->grace))
        uv_close((uv_handle_t *)&server->grace, on_server_closed);
}

static void peer_tcp(struct conn *c)
{
    struct sockaddr_storage ss = {0}; /* stays so where it has gone already */
    int len = sizeof(ss);

    if (uv_tcp_getpeername(&c->io.tcp, (struct sockaddr *)&ss, &len) == 0)
        (void)uv_ip_name((struct sockaddr *)&ss, c->peer.address, sizeof(c->peer.address));
    c->from = gw_http_crowd_join(&c->server->crowd, (struct sockaddr *)&ss);
    uv_tcp_nodelay(&c->io.tcp, 1);
    uv_tcp_keepalive(&c->io.tcp, 1, KEEPALIVE_S);
}

static void peer_unix(struct conn *c)
{
    struct ucred cred;
    socklen_t len = sizeof(cred);
    uv_os_fd_t fd;

    snprintf(c->peer.address, sizeof(c->peer.address), "unix");
    if (uv_fileno(&c->io.handle, &fd) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
        return; /* not local then: nobody gets rights from it */
    c->peer.local = true;
    c->peer.uid = cred.uid;
    c->peer.gid = cred.gid;
    c->peer.pid = cred.pid;
}

/* More than its address, or site, may have, and none of those makes room? */
static bool is_beyond(struct gw_http_server *server, const struct conn *one,
                      const struct gw_http_neighbour *n)
{
    return n != NULL && server->limits.connections_address != 0 &&
           n->count > server->limits.connections_address && !room_make(server, one, n);
}

/* Would this one leave too little room for the others? */
static bool is_surplus(struct gw_http_server *server, const struct conn *one)
{
    size_t count = 0;

    if (one->from != NULL)
        return is_beyond(server, one, one->from) || is_beyond(server, one, one->from->site);
    if (server->limits.connections_each == 0 || !one->peer.local || one->peer.uid == 0 ||
        one->peer.uid == geteuid())
        return false;
    for (const struct conn *c = server->conns; c != NULL; c = c->next)
        count += c->peer.local && c->peer.uid == one->peer.uid && c->placed;
    return count > server->limits.connections_each;
}

static void accept_one(struct gw_http_server *server)
{
    struct conn *c = conn_new(server);

    c->next = server->conns;
    if (c->next != NULL)
        c->next->prev = c;
    server->conns = c;
    server->conn_count++;
    server->live_count++;
    c->placed = true;
    if (uv_accept(&server->io.stream, &c->io.stream) != 0) {
        conn_end(c);
        return;
    }
    if (server->unix_path != NULL)
        peer_unix(c);
    else
        peer_tcp(c);
    if (is_surplus(server, c)) {
        conn_end(c);
        return;
    }
    conn_start(c);
    if (server->live_count > server->limits.connections_max)
        (void)room_make(server, c, NULL); /* else it is one more for the time being */
}

static bool is_full(const struct gw_http_server *server)
{
    return server->live_count > server->limits.connections_max;
}

/* Who waits in the kernel's queue comes in. */
static void accept_waiting(struct gw_http_server *server)
{
    if (!server->waiting || is_full(server))
        return;
    server->waiting = false;
    accept_one(server);
}

/* Nobody is told when a client has kept us waiting for too long. */
static void on_room_tick(uv_timer_t *timer)
{
    struct gw_http_server *server = timer->data;

    accept_waiting(server);
    if (server->waiting)
        (void)room_make(server, NULL, NULL);
    else
        uv_timer_stop(timer);
}

static void on_connection(uv_stream_t *stream, int rc)
{
    struct gw_http_server *server = stream->data;

    if (rc != 0 || server->closing)
        return; /* out of file descriptors, say; the kernel keeps the connection */
    if (!is_full(server) || room_make(server, NULL, NULL)) {
        accept_one(server);
        return;
    }
    server->waiting = true; /* libuv polls again after the next uv_accept */
    uv_timer_start(&server->grace, on_room_tick, ROOM_TICK_MS, ROOM_TICK_MS);
}

void server_place_free(struct gw_http_server *server, struct conn *c)
{
    if (!c->placed)
        return;
    gw_http_crowd_leave(&server->crowd, c->from);
    c->from = NULL;
    c->placed = false;
    server->live_count--;
}

/* In the loop's next turn who waits comes in: a handler that answers is not called meanwhile. */
void server_conn_closed(struct conn *c)
{
    struct gw_http_server *server = c->server;

    server_place_free(server, c);
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        server->conns = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    server->conn_count--;
    c->server = NULL;
    if (server->closing)
        grace_end(server);
    else if (server->waiting && !is_full(server))
        uv_timer_start(&server->grace, on_room_tick, 0, ROOM_TICK_MS);
}

static enum status listen_error(struct error *err, const char *where, int rc)
{
    enum status st = rc == UV_EACCES || rc == UV_EPERM ? ST_DENIED : ST_RETRY;

    return error_set(err, st, 0, "cannot listen on %s: %s", where, uv_strerror(rc));
}

static enum status listen_tcp(struct gw_http_server *server, const struct gw_http_listen *conf,
                              struct error *err)
{
    struct sockaddr_storage ss = {0};
    char where[128];
    int rc, len = sizeof(ss), fd;

    snprintf(where, sizeof(where), "%s port %u", conf->host, conf->port);
    if (uv_ip4_addr(conf->host, conf->port, (struct sockaddr_in *)&ss) != 0 &&
        uv_ip6_addr(conf->host, conf->port, (struct sockaddr_in6 *)&ss) != 0)
        return error_set(err, ST_INVALID, 0, "%s is not a numeric IP address", conf->host);
    fd = gw_handover_take(gw_loop_handover(server->loop), (struct sockaddr *)&ss);
    rc = fd >= 0 ? uv_tcp_open(&server->io.tcp, fd)
                 : uv_tcp_bind(&server->io.tcp, (struct sockaddr *)&ss, 0);
    if (rc == 0)
        rc = uv_listen(&server->io.stream, BACKLOG, on_connection);
    if (rc == 0)
        rc = uv_tcp_getsockname(&server->io.tcp, (struct sockaddr *)&ss, &len);
    if (rc != 0)
        return listen_error(err, where, rc);
    server->port = ntohs(ss.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&ss)->sin6_port
                                                  : ((struct sockaddr_in *)&ss)->sin_port);
    return ST_OK;
}

/* Somebody answers there: not ours to remove. */
static bool unix_alive(const struct sockaddr_un *addr)
{
    AUTO(fd_drop) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    return fd >= 0 &&
           (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 || errno == EAGAIN);
}

/* A socket with its file, where there is none or a stale one. */
static enum status unix_bind(const struct sockaddr_un *addr, mode_t mode, int *out,
                             struct error *err)
{
    AUTO(fd_drop) int fd = -1;
    struct stat st;

    if (lstat(addr->sun_path, &st) == 0) {
        if (!S_ISSOCK(st.st_mode) || unix_alive(addr))
            return listen_error(err, addr->sun_path, UV_EADDRINUSE);
        unlink(addr->sun_path);
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* Linux takes the socket's own mode for the new file, so nobody slips in before the chmod. */
    if (fd < 0 || fchmod(fd, mode) != 0 ||
        bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) != 0)
        return listen_error(err, addr->sun_path, -errno);
    *out = fd;
    fd = -1;
    return ST_OK;
}

/*
 * Whose it is and who may connect. Nobody can before listen(), so a new socket is never open to
 * others; one that was taken over from the program before keeps out whom either setting keeps out,
 * until both are as they should be.
 */
static int unix_rights(const struct gw_http_listen *conf)
{
    const struct gw_http_owner *owner = conf->unix_owner;
    struct stat st;

    if (lstat(conf->unix_path, &st) != 0 || chmod(conf->unix_path, st.st_mode & conf->unix_mode))
        return -errno;
    if (owner != NULL && lchown(conf->unix_path, owner->uid, owner->gid) != 0)
        return -errno;
    return chmod(conf->unix_path, conf->unix_mode) != 0 ? -errno : 0;
}

static enum status listen_unix(struct gw_http_server *server, const struct gw_http_listen *conf,
                               struct error *err)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    AUTO(fd_drop) int fd = -1;
    int rc;

    if (strlen(conf->unix_path) >= sizeof(addr.sun_path))
        return error_set(err, ST_INVALID, 0, "%s is too long for a socket (%zu characters)",
                         conf->unix_path, sizeof(addr.sun_path) - 1);
    memcpy(addr.sun_path, conf->unix_path, strlen(conf->unix_path) + 1);
    fd = gw_handover_take(gw_loop_handover(server->loop), (struct sockaddr *)&addr);
    if (fd < 0)
        TRY(unix_bind(&addr, conf->unix_mode, &fd, err));
    server->unix_path = strdup(conf->unix_path);
    rc = server->unix_path == NULL ? UV_ENOMEM : unix_rights(conf);
    if (rc != 0)
        return listen_error(err, conf->unix_path, rc);
    rc = uv_pipe_open(&server->io.pipe, fd);
    if (rc != 0)
        return listen_error(err, conf->unix_path, rc);
    fd = -1; /* libuv's now */
    rc = uv_listen(&server->io.stream, BACKLOG, on_connection);
    return rc == 0 ? ST_OK : listen_error(err, conf->unix_path, rc);
}

enum status gw_http_server_new(struct gw_loop *loop, const struct gw_http_listen *conf,
                               struct gw_http_server **server, struct error *err)
{
    struct gw_http_server *s = gw_alloc(sizeof(*s));
    enum status st;

    assert(conf->handler.on_complete != NULL && conf->spool_dir != NULL);
    s->loop = loop;
    s->tls = conf->tls;
    s->limits = conf->limits;
    s->handler = conf->handler;
    s->spool_dir = strdup(conf->spool_dir);
    buf_init(&s->plain, 4 * GW_PULL_STEP);
    uv_timer_init(gw_loop_uv(loop), &s->grace);
    if (conf->unix_path != NULL)
        uv_pipe_init(gw_loop_uv(loop), &s->io.pipe, 0);
    else
        uv_tcp_init(gw_loop_uv(loop), &s->io.tcp);
    s->grace.data = s->io.handle.data = s;
    s->handles = 2;
    if (s->spool_dir == NULL)
        st = error_set(err, ST_LIMIT, 0, "out of memory");
    else if (conf->unix_path != NULL)
        st = listen_unix(s, conf, err);
    else
        st = listen_tcp(s, conf, err);
    if (st != ST_OK) {
        gw_http_server_close(s, 0);
        return st;
    }
    *server = s;
    return ST_OK;
}

static void on_grace(uv_timer_t *grace)
{
    struct gw_http_server *server = grace->data;

    for (struct conn *c = server->conns; c != NULL; c = c->next)
        conn_end(c); /* leaves the list in its close callback */
}

/* The listening socket goes on to the next program, if there is one. */
static bool socket_keep(struct gw_http_server *server)
{
    struct gw_handover *handover = gw_loop_handover(server->loop);
    uv_os_fd_t fd;

    return gw_handover_begun(handover) && uv_fileno(&server->io.handle, &fd) == 0 &&
           gw_handover_keep(handover, fd);
}

/* Bytes of a request that we have not read yet. */
static bool has_unread(const struct conn *c)
{
    uv_os_fd_t fd;
    int len = 0;

    return uv_fileno(&c->io.handle, &fd) == 0 && ioctl(fd, FIONREAD, &len) == 0 && len > 0;
}

/* At the end: who waits for nothing goes. kept: others come after us, and nobody shall notice; then
 * who has just come may still ask. */
static void conn_finish(struct conn *c, bool kept)
{
    bool fresh = c->state == CONN_HEAD && !c->parse.in_message;

    if (c->state == CONN_STREAM)
        conn_end(c);
    else if (!fresh && c->state != CONN_IDLE)
        return;
    else if (kept && (fresh || has_unread(c)))
        conn_timer(c, HANDOVER_FIRST_MS);
    else
        conn_end(c);
}

void gw_http_server_close(struct gw_http_server *server, int64_t grace_ms)
{
    bool kept = socket_keep(server);

    server->closing = true;
    if (server->unix_path != NULL && !kept)
        unlink(server->unix_path);
    uv_close(&server->io.handle, on_server_closed);
    for (struct conn *c = server->conns, *next; c != NULL; c = next) {
        next = c->next;
        if (c->handles == 0)
            server_conn_closed(c); /* only its handler still has it */
        else
            conn_finish(c, kept);
    }
    if (kept)
        grace_ms = HANDOVER_GRACE_MS;
    if (server->conn_count == 0)
        grace_end(server);
    else
        uv_timer_start(&server->grace, on_grace, grace_ms < 0 ? 0 : (uint64_t)grace_ms, 0);
}

uint16_t gw_http_server_port(const struct gw_http_server *server)
{
    return server->port;
}

const struct gw_http_head *gw_http_request_head(const struct gw_http_request *req)
{
    return &CONN_OF(req, req)->parse.head;
}

struct gw_body *gw_http_request_body(struct gw_http_request *req)
{
    return req->body;
}

struct gw_body *gw_http_request_take_body(struct gw_http_request *req)
{
    return TAKE(req->body);
}

void gw_http_request_set_user(struct gw_http_request *req, void *user)
{
    req->user = user;
}

void *gw_http_request_user(const struct gw_http_request *req)
{
    return req->user;
}

bool gw_http_request_gone(const struct gw_http_request *req)
{
    return CONN_OF(req, req)->state == CONN_ENDED;
}

const struct gw_http_peer *gw_http_request_peer(const struct gw_http_request *req)
{
    return &CONN_OF(req, req)->peer;
}

void gw_http_request_body_max(struct gw_http_request *req, uint64_t max)
{
    assert(req->in_head);
    req->body_max = max;
}

void gw_http_request_sink(struct gw_http_request *req, struct sink *sink)
{
    assert(req->in_head);
    req->sink = sink;
}

#define _GNU_SOURCE 1 /* accept4 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "conformance/http.h"

enum { HEAD_MAX = 64 * 1024, TYPE_SIZE = 1024, TLS_SECONDS = 60, IDLE_MS = 300000, TURN_MS = 100 };

struct conf_listener {
    struct conf_run *run;
    conf_handler *handler;
    void *ctx;
    int fd;
    SSL_CTX *tls; /* NULL: plain */
    unsigned port;
    pthread_t thread;
    pthread_mutex_t lock;
    unsigned connections, requests;
    bool stop;
    struct connection *open; /* of the thread that accepts, then of who frees */
};

struct connection {
    struct conf_listener *listener;
    int fd;
    SSL *ssl; /* NULL: plain */
    pthread_t thread;
    bool done; /* lock */
    struct connection *next;
};

static bool stopping(struct conf_listener *l)
{
    bool stop;

    (void)pthread_mutex_lock(&l->lock);
    stop = l->stop;
    (void)pthread_mutex_unlock(&l->lock);
    return stop;
}

/* More bytes at the end of buf; false when there are none to come. */
static bool receive(struct connection *c, struct buf *buf)
{
    char piece[64 * 1024];
    ssize_t got;

    for (int waited = 0;; waited += TURN_MS) {
        struct pollfd p = {.fd = c->fd, .events = POLLIN};

        if (waited > IDLE_MS || stopping(c->listener))
            return false;
        if ((c->ssl != NULL && SSL_pending(c->ssl) > 0) || poll(&p, 1, TURN_MS) > 0)
            break;
    }
    got = c->ssl != NULL ? SSL_read(c->ssl, piece, sizeof piece)
                         : recv(c->fd, piece, sizeof piece, 0);
    if (got <= 0)
        return false;
    buf_add(buf, span_of(piece, (size_t)got));
    return !buf->failed;
}

static bool send_all(const struct connection *c, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t n = c->ssl != NULL ? SSL_write(c->ssl, bytes.ptr,
                                               (int)(bytes.len < HEAD_MAX ? bytes.len : HEAD_MAX))
                                   : send(c->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        bytes = span_from(bytes, (size_t)n);
    }
    return true;
}

/* Value of an HTTP header, NULL when it is not there; head is NUL-terminated and is kept. */
static const char *http_header(const char *head, const char *name)
{
    size_t len = strlen(name);

    for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, len) == 0 && line[len] == ':')
            return line + len + 1 + strspn(line + len + 1, " \t");
    }
    return NULL;
}

/* A chunked body behind from; taken out of bytes into body. False when the peer went away. */
static bool chunked_read(struct connection *c, struct buf *bytes, size_t from, struct buf *body,
                         size_t *end)
{
    for (;;) {
        size_t eol;
        unsigned long len;

        while ((eol = span_find(span_from(buf_span(bytes), from), SPAN("\r\n"))) == SIZE_MAX)
            if (!receive(c, bytes))
                return false;
        len = strtoul(buf_cstr(bytes) + from, NULL, 16);
        if (len > CONF_WIRE_MAX)
            return false;
        from += eol + 2;
        while (bytes->len < from + len + 2)
            if (!receive(c, bytes))
                return false;
        buf_add(body, span_sub(buf_span(bytes), from, len));
        from += len + 2;
        if (len == 0) {
            *end = from;
            return !body->failed;
        }
    }
}

/* One request from bytes, which may hold the beginning of the next at its end. */
static bool request_read(struct connection *c, struct buf *bytes, struct buf *body, char *method,
                         char *path, char *type, size_t *end)
{
    size_t head_len;
    const char *value;
    AUTO(free_drop) char *head = NULL;

    while ((head_len = span_find(buf_span(bytes), SPAN("\r\n\r\n"))) == SIZE_MAX)
        if (bytes->len > HEAD_MAX || !receive(c, bytes))
            return false;
    head = strndup(buf_cstr(bytes), head_len + 2);
    if (head == NULL || sscanf(head, "%15s %255s", method, path) != 2)
        return false;
    value = http_header(head, "Content-Type");
    (void)snprintf(type, TYPE_SIZE, "%.*s", value == NULL ? 0 : (int)strcspn(value, "\r"),
                   value == NULL ? "" : value);
    value = http_header(head, "Expect");
    if (value != NULL && !send_all(c, SPAN("HTTP/1.1 100 Continue\r\n\r\n")))
        return false;
    *end = head_len + 4;
    value = http_header(head, "Transfer-Encoding");
    if (value != NULL && strncasecmp(value, "chunked", 7) == 0)
        return chunked_read(c, bytes, *end, body, end);
    value = http_header(head, "Content-Length");
    if (value != NULL) {
        unsigned long len = strtoul(value, NULL, 10);

        if (len > CONF_WIRE_MAX)
            return false;
        while (bytes->len < *end + len)
            if (!receive(c, bytes))
                return false;
        buf_add(body, span_sub(buf_span(bytes), *end, len));
        *end += len;
    }
    return !body->failed;
}

/* False when the connection ends with it. */
static bool answer_write(struct connection *c, const struct conf_answer *a)
{
    struct span body = buf_span(&a->body);
    AUTO(buf_deinit) struct buf head = {0};

    if (a->delay_ms > 0)
        conf_sleep(a->delay_ms);
    if (a->status == 0)
        return false;
    buf_init(&head, HEAD_MAX);
    buf_printf(&head, "HTTP/1.1 %d Answer\r\nContent-Type: %s\r\nContent-Length: %zu\r\n",
               a->status, a->content_type != NULL ? a->content_type : "text/xml", body.len);
    if (a->location != NULL)
        buf_printf(&head, "Location: %s\r\n", a->location);
    buf_str(&head, "\r\n");
    if (a->cut > 0)
        body = span_sub(body, 0, a->cut);
    return send_all(c, buf_span(&head)) && send_all(c, body) && a->cut == 0;
}

static bool serve_one(struct connection *c, struct buf *bytes)
{
    struct conf_listener *l = c->listener;
    struct conf_request request = {0};
    struct conf_answer answer = {0};
    char method[16], path[256], type[TYPE_SIZE];
    size_t end = 0;
    bool go_on;
    AUTO(buf_deinit) struct buf body = {0};
    AUTO(buf_deinit) struct buf rest = {0};

    buf_init(&body, CONF_WIRE_MAX);
    buf_init(&rest, CONF_WIRE_MAX);
    if (!request_read(c, bytes, &body, method, path, type, &end))
        return false;
    buf_add(&rest, span_from(buf_span(bytes), end));
    buf_reset(bytes);
    buf_add(bytes, buf_span(&rest));
    (void)pthread_mutex_lock(&l->lock);
    request.number = ++l->requests;
    (void)pthread_mutex_unlock(&l->lock);
    request.method = method;
    request.path = path;
    request.content_type = type;
    request.certificate = c->ssl != NULL && SSL_get0_peer_certificate(c->ssl) != NULL;
    request.body = buf_span(&body);
    conf_evidence_add(l->run, "request", request.body);
    buf_init(&answer.body, CONF_WIRE_MAX);
    l->handler(l->ctx, &request, &answer);
    if (answer.body.len > 0)
        conf_evidence_add(l->run, "answer", buf_span(&answer.body));
    go_on = answer_write(c, &answer);
    buf_deinit(&answer.body);
    return go_on;
}

/* One that does not come about is over; the client may have good reason. */
static bool handshake(struct connection *c)
{
    const struct timeval patience = {.tv_sec = TLS_SECONDS};

    if (c->listener->tls == NULL)
        return true;
    (void)setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    c->ssl = SSL_new(c->listener->tls);
    return c->ssl != NULL && SSL_set_fd(c->ssl, c->fd) == 1 && SSL_accept(c->ssl) == 1;
}

static void *connection_run(void *arg)
{
    struct connection *c = arg;
    struct conf_listener *l = c->listener;
    AUTO(buf_deinit) struct buf bytes = {0};

    buf_init(&bytes, CONF_WIRE_MAX);
    if (handshake(c))
        while (!stopping(l) && serve_one(c, &bytes))
            ;
    SSL_free(c->ssl);
    close(c->fd);
    (void)pthread_mutex_lock(&l->lock);
    c->done = true;
    (void)pthread_mutex_unlock(&l->lock);
    return NULL;
}

static void connection_start(struct conf_listener *l, int fd)
{
    struct connection *c = malloc(sizeof *c);

    (void)pthread_mutex_lock(&l->lock);
    l->connections++;
    (void)pthread_mutex_unlock(&l->lock);
    if (c != NULL) {
        *c = (struct connection){.listener = l, .fd = fd, .next = l->open};
        if (pthread_create(&c->thread, NULL, connection_run, c) == 0) {
            l->open = c;
            return;
        }
    }
    free(c);
    close(fd);
}

/* Joins the threads that have ended, or waits for all: what libraries keep for a thread is freed
 * when it is really over. */
static void connections_join(struct conf_listener *l, bool all)
{
    struct connection **at = &l->open;

    while (*at != NULL) {
        struct connection *c = *at;
        bool done;

        (void)pthread_mutex_lock(&l->lock);
        done = c->done;
        (void)pthread_mutex_unlock(&l->lock);
        if (!done && !all) {
            at = &c->next;
            continue;
        }
        (void)pthread_join(c->thread, NULL);
        *at = c->next;
        free(c);
    }
}

static void *listener_run(void *arg)
{
    struct conf_listener *l = arg;

    while (!stopping(l)) {
        struct pollfd p = {.fd = l->fd, .events = POLLIN};
        int fd;

        connections_join(l, false);
        if (poll(&p, 1, TURN_MS) <= 0)
            continue;
        fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC); /* a hook must not keep it open */
        if (fd >= 0)
            connection_start(l, fd);
    }
    return NULL;
}

DROP_DEFINE(context_drop, SSL_CTX, SSL_CTX_free)

/* tls is taken. */
static enum status listen_on(struct conf_run *run, unsigned port, SSL_CTX *tls,
                             conf_handler *handler, void *ctx, struct conf_listener **listener,
                             struct error *err)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    const int on = 1;
    AUTO(context_drop) SSL_CTX *owned = tls;
    AUTO(free_drop) struct conf_listener *l = calloc(1, sizeof *l);
    AUTO(fd_drop) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    TRY_ALLOC(l, err);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&addr, sizeof addr) != 0 || listen(fd, 64) != 0 ||
        getsockname(fd, (struct sockaddr *)&addr, &len) != 0)
        return error_set(err, ST_RETRY, 0, "listening on port %u: %s", port, strerror(errno));
    l->run = run;
    l->handler = handler;
    l->ctx = ctx;
    l->fd = fd;
    l->tls = tls;
    l->port = ntohs(addr.sin_port);
    (void)pthread_mutex_init(&l->lock, NULL);
    if (pthread_create(&l->thread, NULL, listener_run, l) != 0)
        return error_set(err, ST_INTERNAL, 0, "no thread for the listener");
    fd = -1; /* the listener's from here on */
    owned = NULL;
    *listener = TAKE(l);
    return ST_OK;
}

enum status conf_listen(struct conf_run *run, unsigned port, conf_handler *handler, void *ctx,
                        struct conf_listener **listener, struct error *err)
{
    return listen_on(run, port, NULL, handler, ctx, listener, err);
}

static SSL_CTX *context_make(const struct conf_run *run, const char *name)
{
    char cert[4096], key[4096], ca[4096];
    const char *folder = run->settings->keys != NULL ? run->settings->keys : ".";
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    (void)snprintf(cert, sizeof cert, "%s/%s-tls.pem", folder, name);
    (void)snprintf(key, sizeof key, "%s/%s-tls.key", folder, name);
    (void)snprintf(ca, sizeof ca, "%s/ca.pem", folder);
    if (ctx != NULL && SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
        SSL_CTX_use_certificate_chain_file(ctx, cert) == 1 &&
        SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1 &&
        SSL_CTX_load_verify_locations(ctx, ca, NULL) == 1) {
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
        return ctx;
    }
    SSL_CTX_free(ctx);
    return NULL;
}

enum status conf_listen_tls(struct conf_run *run, unsigned port, const char *name,
                            conf_handler *handler, void *ctx, struct conf_listener **listener,
                            struct error *err)
{
    SSL_CTX *tls = context_make(run, name);

    if (tls == NULL)
        return error_set(err, ST_NOT_FOUND, 0, "needs the key pair %s-tls (--keys)", name);
    return listen_on(run, port, tls, handler, ctx, listener, err);
}

unsigned conf_listener_port(const struct conf_listener *listener)
{
    return listener->port;
}

unsigned conf_listener_connections(struct conf_listener *listener)
{
    unsigned count;

    (void)pthread_mutex_lock(&listener->lock);
    count = listener->connections;
    (void)pthread_mutex_unlock(&listener->lock);
    return count;
}

void conf_listener_free(struct conf_listener *listener)
{
    if (listener == NULL)
        return;
    (void)pthread_mutex_lock(&listener->lock);
    listener->stop = true;
    (void)pthread_mutex_unlock(&listener->lock);
    (void)pthread_join(listener->thread, NULL); /* from here on nobody comes */
    connections_join(listener, true);
    close(listener->fd);
    SSL_CTX_free(listener->tls);
    (void)pthread_mutex_destroy(&listener->lock);
    free(listener);
}

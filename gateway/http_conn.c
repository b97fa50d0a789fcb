#include "gateway/http_conn.h"

enum { OUT_SLACK = 256 * 1024, DISCARD_MAX = 16 * 1024 * 1024 };

static enum status on_head(void *ctx, const struct gw_http_head *head, struct error *err);
static enum status on_body(void *ctx, struct span bytes, struct error *err);
static enum status on_end(void *ctx, struct error *err);

static const struct gw_http_parse_events events = {on_head, on_body, on_end};

static void on_time(uv_timer_t *timer);

struct conn *conn_new(struct gw_http_server *server)
{
    struct conn *c = gw_alloc(sizeof(*c));

    c->server = server;
    c->state = CONN_HEAD;
    gw_http_parse_init(&c->parse, &events, c);
    buf_init(&c->in, 4 * GW_PULL_STEP);
    buf_init(&c->out, 2 * (server->limits.stream_bytes_max + OUT_SLACK));
    buf_init(&c->tls_out, OUT_SLACK);
    buf_init(&c->wire, c->out.max);
    uv_timer_init(gw_loop_uv(server->loop), &c->timer);
    if (server->unix_path != NULL)
        uv_pipe_init(gw_loop_uv(server->loop), &c->io.pipe, 0);
    else
        uv_tcp_init(gw_loop_uv(server->loop), &c->io.tcp);
    c->timer.data = c->io.handle.data = c;
    c->handles = 2;
    return c;
}

/* The handler has its request, whether anybody waits for the answer or not. */
static bool is_held(const struct conn *c)
{
    return c->req.completed && !c->req.answered;
}

void conn_release(struct conn *c)
{
    if (c->handles > 0 || is_held(c))
        return;
    if (c->server != NULL)
        server_conn_closed(c);
    gw_tls_session_free(c->tls);
    gw_http_parse_deinit(&c->parse);
    gw_body_free(c->req.body);
    buf_deinit(&c->in);
    buf_deinit(&c->out);
    buf_deinit(&c->tls_out);
    buf_deinit(&c->wire);
    free(c);
}

static void on_closed(uv_handle_t *handle)
{
    struct conn *c = handle->data;

    if (--c->handles > 0)
        return;
    if (c->server->closing)
        server_conn_closed(c); /* it does not wait for handlers */
    conn_release(c);
}

void conn_end(struct conn *c)
{
    const struct gw_http_handler *handler = &c->server->handler;

    if (c->state == CONN_ENDED)
        return;
    c->state = CONN_ENDED;
    if (!is_held(c))
        server_place_free(c->server, c);
    uv_close((uv_handle_t *)&c->timer, on_closed);
    uv_close(&c->io.handle, on_closed);
    gw_pull_close(&c->pull, false);
    if (c->stream.open) {
        c->stream.open = false;
        c->stream.on_close(c->stream.ctx);
    }
    if (c->req.seen && !c->req.answered && handler->on_gone != NULL)
        handler->on_gone(handler->ctx, &c->req);
}

void conn_timer(struct conn *c, int64_t ms)
{
    if (c->state == CONN_ENDED)
        return;
    if (ms <= 0) {
        uv_timer_stop(&c->timer);
        return;
    }
    uv_update_time(c->timer.loop);
    uv_timer_start(&c->timer, on_time, (uint64_t)ms, 0);
}

static void refuse(struct conn *c, int status, const char *text)
{
    struct error err = {0};

    (void)error_set(&err, ST_INVALID, status, "%s", text);
    conn_refuse(c, &err);
}

/* Bytes that have moved, with those of a write under way that the kernel has taken. */
static uint64_t moved_now(const struct conn *c)
{
    if (!c->writing || c->state == CONN_BODY)
        return c->moved;
    return c->moved + c->wire.len - uv_stream_get_write_queue_size(&c->io.stream);
}

static void on_time(uv_timer_t *timer)
{
    struct conn *c = timer->data;
    const struct gw_http_limits *limits = &c->server->limits;
    uint64_t moved = moved_now(c);
    bool slow = moved - c->moved_before < limits->window_bytes;

    switch (c->state) {
    case CONN_HEAD:
        if (c->parse.in_message)
            refuse(c, 408, "the head did not come in time");
        else
            conn_end(c);
        break;
    case CONN_BODY:
        if (slow)
            refuse(c, 408, "the body comes too slowly");
        break;
    case CONN_ANSWER:
    case CONN_STREAM:
        if (c->stream.full || (slow && c->writing && c->writes == c->writes_before))
            conn_end(c);
        break;
    case CONN_BUSY:
        break;
    default:
        conn_end(c);
        break;
    }
    if (c->state == CONN_BODY || c->state == CONN_ANSWER || c->state == CONN_STREAM) {
        c->moved_before = moved;
        c->writes_before = c->writes;
        c->since = (int64_t)uv_now(timer->loop);
        if (!uv_is_active((uv_handle_t *)&c->timer))
            conn_timer(c, limits->window_ms);
    }
}

static enum status on_head(void *ctx, const struct gw_http_head *head, struct error *err)
{
    struct conn *c = ctx;
    struct gw_http_server *server = c->server;
    struct gw_http_request *req = &c->req;

    c->state = CONN_BODY;
    c->since = c->body_since = (int64_t)uv_now(c->timer.loop);
    c->keep_alive = head->keep_alive && !server->closing;
    c->moved = c->moved_before = 0;
    conn_timer(c, server->limits.window_ms);
    *req = (struct gw_http_request){.body_max = server->limits.body_max, .seen = true};
    if (server->handler.on_request != NULL) {
        req->in_head = true;
        server->handler.on_request(server->handler.ctx, req);
        req->in_head = false;
    }
    if (req->answered || c->state == CONN_ENDED)
        return ST_OK;
    if (head->body_len != GW_HTTP_CHUNKED && head->body_len > req->body_max)
        return error_set(err, ST_LIMIT, 413, "a body of more than %llu bytes is not taken here",
                         (unsigned long long)req->body_max);
    if (req->sink == NULL)
        TRY(gw_body_new(server->spool_dir, server->limits.body_memory_max, req->body_max,
                        &req->body, err));
    if (head->expect_continue) {
        buf_str(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
        conn_flush(c);
    }
    return ST_OK;
}

static enum status on_body(void *ctx, struct span bytes, struct error *err)
{
    struct conn *c = ctx;
    struct gw_http_request *req = &c->req;

    if (c->state != CONN_BODY)
        return ST_OK; /* answered already: nobody wants it */
    c->moved += bytes.len;
    if (req->sink == NULL)
        return gw_body_write(req->body, bytes, err);
    if (c->moved > req->body_max)
        return error_set(err, ST_LIMIT, 413, "a body of more than %llu bytes is not taken here",
                         (unsigned long long)req->body_max);
    return sink_write(req->sink, bytes, err);
}

static enum status on_end(void *ctx, struct error *err)
{
    struct conn *c = ctx;
    const struct gw_http_handler *handler = &c->server->handler;

    (void)err;
    if (c->state != CONN_BODY)
        return ST_OK;
    c->state = CONN_BUSY;
    conn_timer(c, 0);
    c->req.completed = true;
    handler->on_complete(handler->ctx, &c->req);
    return ST_OK;
}

static bool wants_request(const struct conn *c)
{
    return c->state == CONN_IDLE || c->state == CONN_HEAD || c->state == CONN_BODY;
}

/* Feeds requests from *bytes until they are used up or one waits for its answer. */
static void feed(struct conn *c, struct span *bytes)
{
    while (bytes->len > 0 && wants_request(c)) {
        struct error err = {0};
        enum status st;
        size_t used;

        if (c->state == CONN_IDLE) {
            c->state = CONN_HEAD;
            c->since = (int64_t)uv_now(c->timer.loop);
            conn_timer(c, c->server->limits.head_ms);
        }
        st = gw_http_parse_feed(&c->parse, *bytes, &used, &err);
        *bytes = span_from(*bytes, used);
        if (st != ST_OK) {
            *bytes = SPAN_NONE;
            conn_refuse(c, &err);
        }
    }
}

static void take_plain(struct conn *c, struct span bytes)
{
    if (c->state == CONN_LINGER || (!wants_request(c) && !c->keep_alive)) {
        c->discarded += bytes.len; /* nobody will read it */
        if (c->discarded > DISCARD_MAX)
            conn_end(c);
        return;
    }
    if (c->in.len == 0)
        feed(c, &bytes);
    if (bytes.len == 0 || c->state == CONN_ENDED || c->state == CONN_LINGER)
        return;
    buf_add(&c->in, bytes);
    conn_read(c, false); /* what is pipelined waits, the rest of it in the kernel */
    if (c->in.failed)
        conn_end(c);
}

/* Somebody has asked, and has not had all of the answer. */
static bool is_awaited(const struct conn *c)
{
    return c->state == CONN_BUSY || c->state == CONN_ANSWER;
}

/* It gets what it has asked for. If it has gone altogether, writing to it will tell. */
static void half_close(struct conn *c)
{
    c->over = true;
    conn_read(c, false);
}

static void take_tls(struct conn *c, struct span bytes)
{
    struct buf *plain = &c->server->plain;
    struct error err = {0};
    bool closed = false;
    enum status st;

    buf_reset(plain);
    if (c->tls == NULL &&
        gw_tls_session_new(gw_tls_at(c->server->tls, gw_now_ms()), &c->tls, &err) != ST_OK) {
        conn_end(c);
        return;
    }
    st = gw_tls_receive(c->tls, bytes, plain, &c->tls_out, &closed, &err);
    if (st == ST_OK)
        c->peer.cert = gw_tls_client_cert(c->tls);
    if (c->tls_out.len > 0)
        conn_flush(c);
    if (st == ST_OK && plain->len > 0)
        take_plain(c, buf_span(plain));
    if (st == ST_OK && closed && is_awaited(c)) {
        half_close(c);
        return;
    }
    if (st == ST_OK && !closed)
        return;
    if (c->state != CONN_HEAD || gw_tls_ready(c->tls)) {
        conn_end(c);
    } else if (c->state != CONN_ENDED) {
        c->state = CONN_LINGER; /* the alert goes out first */
        conn_timer(c, c->server->limits.linger_ms);
        conn_flush(c);
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct conn *c = handle->data;

    (void)suggested;
    *buf = uv_buf_init((char *)c->server->scratch, sizeof(c->server->scratch));
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf)
{
    struct conn *c = stream->data;

    if (nread == 0 || c->state == CONN_ENDED)
        return;
    c->heard = true;
    if (nread == UV_EOF && is_awaited(c))
        half_close(c);
    else if (nread < 0)
        conn_end(c);
    else if (c->peer.tls && c->state != CONN_LINGER)
        take_tls(c, span_of(buf->base, (size_t)nread));
    else
        take_plain(c, span_of(buf->base, (size_t)nread));
}

void conn_read(struct conn *c, bool on)
{
    if (c->state == CONN_ENDED || c->reading == on)
        return;
    c->reading = on;
    if (!on)
        uv_read_stop(&c->io.stream);
    else if (uv_read_start(&c->io.stream, on_alloc, on_read) != 0)
        conn_end(c);
}

/* A TLS session is made for who says something. */
void conn_start(struct conn *c)
{
    c->peer.tls = c->server->tls != NULL;
    c->since = (int64_t)uv_now(c->timer.loop);
    conn_timer(c, c->server->limits.head_ms);
    conn_read(c, true);
}

void conn_next(struct conn *c)
{
    struct buf in = c->in;
    struct span bytes = buf_span(&in);

    gw_body_free(c->req.body);
    c->req = (struct gw_http_request){0};
    c->state = CONN_IDLE;
    c->heard = false;
    conn_timer(c, c->server->limits.idle_ms);
    buf_init(&c->in, in.max);
    feed(c, &bytes);
    if (c->state != CONN_ENDED && bytes.len > 0)
        buf_add(&c->in, bytes);
    if (c->in.failed || (c->over && wants_request(c)) ||
        (c->state == CONN_IDLE && c->server->waiting))
        conn_end(c); /* idle while somebody waits for our place */
    else if (c->in.len == 0)
        conn_read(c, true);
    buf_deinit(&in);
}

#include "gateway/http_conn.h"

#include <stdio.h>
#include <time.h>

/* Room for "ffffffff\r\n" in front of a chunk. */
enum { CHUNK_HEAD = 10 };

static void on_written(uv_write_t *write, int rc);

/* All is written: politely, so that the client can read it before the connection goes. */
static void linger(struct conn *c)
{
    c->state = CONN_LINGER;
    buf_deinit(&c->in);
    conn_timer(c, c->server->limits.linger_ms);
    if (c->tls != NULL)
        gw_tls_close(c->tls, &c->tls_out);
    conn_read(c, true);
    conn_flush(c);
}

static void on_shut(uv_shutdown_t *shutdown, int rc)
{
    struct conn *c = CONN_OF(shutdown, shutdown);

    if (rc != 0)
        conn_end(c);
}

/* Nothing is left to write, nothing to pull. */
static void written_out(struct conn *c)
{
    if (c->state == CONN_LINGER) {
        if (c->shutdown.handle == NULL && uv_shutdown(&c->shutdown, &c->io.stream, on_shut) != 0)
            conn_end(c);
        return;
    }
    if (c->state == CONN_STREAM && !c->stream.open)
        c->state = CONN_ANSWER; /* closed by us, and all of it is out */
    if (c->state != CONN_ANSWER)
        return;
    gw_pull_close(&c->pull, true);
    if (c->keep_alive && !c->server->closing && !(c->over && c->in.len == 0))
        conn_next(c);
    else
        linger(c);
}

/* The next piece of the answer, as a chunk where the length was not known. */
static enum status pull_more(struct conn *c, struct error *err)
{
    size_t before = c->out.len, len;
    char head[CHUNK_HEAD + 1];
    bool end = false;

    if (c->chunked)
        (void)buf_grow(&c->out, CHUNK_HEAD);
    TRY(c->pull.next(c->pull.ctx, &c->out, &end, err));
    TRY(buf_check(&c->out, err));
    len = c->out.len - before - (c->chunked ? CHUNK_HEAD : 0);
    if (c->chunked && len == 0) {
        c->out.len = before;
    } else if (c->chunked) {
        snprintf(head, sizeof(head), "%08x\r\n", (unsigned)len);
        memcpy(c->out.ptr + before, head, CHUNK_HEAD);
        buf_str(&c->out, "\r\n");
    }
    if (!c->chunked && c->pull.len != GW_LEN_UNKNOWN) {
        if (len > c->pull.len || (end && len < c->pull.len))
            return error_set(err, ST_INTERNAL, 0, "an answer is not as long as announced");
        c->pull.len -= len;
    }
    if (len == 0 && !end)
        return error_set(err, ST_INTERNAL, 0, "an answer's source gives nothing and does not end");
    if (end && c->chunked)
        buf_str(&c->out, "0\r\n\r\n");
    if (end)
        c->pull.next = NULL; /* closed when the network has it */
    return buf_check(&c->out, err);
}

static enum status wire_fill(struct conn *c, struct error *err)
{
    if (c->out.len == 0 && c->pull.next != NULL && c->state == CONN_ANSWER)
        TRY(pull_more(c, err));
    TRY(buf_check(&c->out, err));
    TRY(buf_check(&c->tls_out, err));
    if (c->tls == NULL) {
        struct buf wire = c->wire;

        c->wire = c->out; /* empty before, and of the same limit */
        c->out = wire;
        return ST_OK;
    }
    buf_add(&c->wire, buf_span(&c->tls_out));
    buf_reset(&c->tls_out);
    if (c->out.len > 0)
        TRY(gw_tls_send(c->tls, buf_span(&c->out), &c->wire, err));
    buf_reset(&c->out);
    return buf_check(&c->wire, err);
}

/* Nothing more can be written. Who pushes into a stream hears of it later, from the loop. */
static void give_up(struct conn *c)
{
    if (c->state == CONN_STREAM && c->stream.open) {
        c->stream.full = true;
        conn_timer(c, 1);
    } else {
        conn_end(c);
    }
}

void conn_flush(struct conn *c)
{
    struct error err = {0};
    uv_buf_t buf;

    if (c->writing || c->state == CONN_ENDED)
        return;
    if (wire_fill(c, &err) != ST_OK) {
        give_up(c); /* a broken answer is all the client can be told */
        return;
    }
    if (c->wire.len == 0) {
        written_out(c);
        return;
    }
    buf = uv_buf_init((char *)c->wire.ptr, (unsigned)c->wire.len);
    c->writing = true;
    c->writes++;
    if (uv_write(&c->write, &c->io.stream, &buf, 1, on_written) != 0) {
        c->writing = false;
        give_up(c);
    }
}

static void on_written(uv_write_t *write, int rc)
{
    struct conn *c = CONN_OF(write, write);

    c->writing = false;
    if (c->state == CONN_ENDED)
        return;
    if (rc != 0) {
        conn_end(c);
        return;
    }
    if (c->state == CONN_ANSWER || c->state == CONN_STREAM)
        c->moved += c->wire.len;
    buf_reset(&c->wire);
    conn_flush(c);
}

/* RFC 9110, 5.6.7; not strftime, whose words depend on the locale. */
static void date_add(struct buf *out)
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = (time_t)(gw_now_ms() / 1000);
    struct tm tm;

    if (gmtime_r(&now, &tm) == NULL)
        return;
    buf_printf(out, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", days[tm.tm_wday], tm.tm_mday,
               months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static bool is_line(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] == '\r' || s.ptr[i] == '\n' || s.ptr[i] == '\0')
            return false;
    return true;
}

static void field_add(struct buf *out, struct span name, struct span value)
{
    if (name.len == 0 || !is_line(name) || !is_line(value))
        return; /* never a second line of somebody else's making */
    buf_add(out, name);
    buf_str(out, ": ");
    buf_add(out, value);
    buf_str(out, "\r\n");
}

/* len: of the body, or GW_LEN_UNKNOWN. */
static void head_write(struct conn *c, const struct gw_http_reply *reply, uint64_t len)
{
    struct buf *out = &c->out;

    buf_printf(out, "HTTP/1.1 %d %s\r\n", reply->status, gw_http_reason(reply->status));
    date_add(out);
    buf_str(out, "Server: depesche\r\n");
    if (reply->content_type != NULL)
        field_add(out, SPAN("Content-Type"), span_str(reply->content_type));
    for (size_t i = 0; i < reply->field_count; i++)
        field_add(out, reply->fields[i].name, reply->fields[i].value);
    if (len != GW_LEN_UNKNOWN && reply->status != 204 && reply->status != 304)
        buf_printf(out, "Content-Length: %llu\r\n", (unsigned long long)len);
    else if (c->chunked)
        buf_str(out, "Transfer-Encoding: chunked\r\n");
    if (!c->keep_alive)
        buf_str(out, "Connection: close\r\n");
    else if (c->parse.head.minor == 0)
        buf_str(out, "Connection: keep-alive\r\n");
    buf_str(out, "\r\n");
}

/* The request goes back from the handler. False: the client is gone, so it only ends. */
static bool request_back(struct conn *c)
{
    c->req.answered = true;
    if (c->state != CONN_ENDED)
        return true;
    conn_release(c);
    return false;
}

/* From here on the answer has the connection. */
static void answer_begin(struct conn *c, enum conn_state state)
{
    bool whole = c->req.completed || (c->parse.head_seen && c->parse.head.body_len == 0);

    if (!whole || c->server->closing || c->server->waiting)
        c->keep_alive = false; /* what is unread stays unread; or somebody waits for our place */
    c->state = state;
    c->moved = c->moved_before = 0;
    conn_timer(c, c->server->limits.window_ms);
}

static struct gw_pull reply_pull(const struct gw_http_reply *reply)
{
    if (reply->pull.next != NULL)
        return reply->pull;
    if (reply->body != NULL)
        return gw_pull_body(reply->body);
    return gw_pull_bytes(reply->bytes);
}

void gw_http_answer(struct gw_http_request *req, const struct gw_http_reply *reply)
{
    struct conn *c = CONN_OF(req, req);
    struct gw_pull pull = reply_pull(reply);
    bool empty = reply->status == 204 || reply->status == 304 || pull.len == 0;

    if (!request_back(c)) {
        gw_pull_close(&pull, false);
        return;
    }
    answer_begin(c, CONN_ANSWER);
    if (reply->close)
        c->keep_alive = false;
    c->chunked = false;
    if (pull.len == GW_LEN_UNKNOWN) {
        c->chunked = c->parse.head.minor == 1;
        c->keep_alive = c->keep_alive && c->chunked; /* HTTP/1.0 reads to the connection's end */
    }
    c->pull = pull;
    head_write(c, reply, pull.len);
    if (empty || c->parse.head.method == GW_HTTP_HEAD)
        c->pull.next = NULL;
    conn_flush(c);
}

void gw_http_answer_text(struct gw_http_request *req, int status, const char *text)
{
    char line[ERROR_TEXT_MAX + 2];
    struct gw_http_reply reply = {.status = status, .content_type = "text/plain; charset=utf-8"};

    snprintf(line, sizeof(line), "%s\n", text == NULL ? gw_http_reason(status) : text);
    reply.bytes = span_str(line);
    gw_http_answer(req, &reply);
}

void gw_http_answer_method(struct gw_http_request *req, const char *allow)
{
    struct gw_http_field field = {SPAN("Allow"), span_str(allow)};
    struct gw_http_reply reply = {.status = 405,
                                  .content_type = "text/plain; charset=utf-8",
                                  .fields = &field,
                                  .field_count = 1,
                                  .bytes = SPAN("Method Not Allowed\n")};

    gw_http_answer(req, &reply);
}

static int status_of(const struct error *err)
{
    if (err->reason >= 400 && err->reason < 600)
        return err->reason;
    switch (err->status) {
    case ST_LIMIT:
        return 413;
    case ST_INVALID:
        return 400;
    case ST_RETRY:
        return 503;
    default:
        return 500;
    }
}

void conn_refuse(struct conn *c, const struct error *err)
{
    const struct gw_http_handler *handler = &c->server->handler;
    struct gw_http_request *req = &c->req;
    bool told = !req->seen || req->answered || req->completed;

    if (c->state != CONN_HEAD && c->state != CONN_BODY) {
        if (c->state != CONN_ANSWER)
            conn_end(c); /* broken bytes behind an answer on its way do not disturb it */
        return;
    }
    c->keep_alive = false;
    if (!c->parse.head_seen)
        c->parse.head = (struct gw_http_head){.method = GW_HTTP_OTHER, .minor = 1};
    req->answered = true;
    if (!told && handler->on_gone != NULL)
        handler->on_gone(handler->ctx, req);
    if (handler->on_refuse != NULL)
        handler->on_refuse(handler->ctx, req, status_of(err), err);
    else
        gw_http_answer_text(req, status_of(err), err->text);
}

struct gw_http_stream *gw_http_stream_open(struct gw_http_request *req, const char *content_type,
                                           void (*on_close)(void *ctx), void *ctx)
{
    struct conn *c = CONN_OF(req, req);
    struct gw_http_field field = {SPAN("Cache-Control"), SPAN("no-store")};
    struct gw_http_reply reply = {
        .status = 200, .content_type = content_type, .fields = &field, .field_count = 1};

    if (!request_back(c))
        return NULL;
    answer_begin(c, CONN_STREAM);
    c->keep_alive = false;
    c->chunked = c->parse.head.minor == 1;
    c->stream = (struct gw_http_stream){.open = true, .on_close = on_close, .ctx = ctx};
    head_write(c, &reply, GW_LEN_UNKNOWN);
    conn_flush(c);
    return &c->stream;
}

void gw_http_stream_push(struct gw_http_stream *stream, struct span bytes)
{
    struct conn *c = CONN_OF(stream, stream);

    if (!stream->open || stream->full || bytes.len == 0)
        return;
    if (c->out.len + bytes.len > c->server->limits.stream_bytes_max) {
        give_up(c);
        return;
    }
    if (c->chunked)
        buf_printf(&c->out, "%zx\r\n", bytes.len);
    buf_add(&c->out, bytes);
    if (c->chunked)
        buf_str(&c->out, "\r\n");
    conn_flush(c);
}

size_t gw_http_stream_pending(const struct gw_http_stream *stream)
{
    const struct conn *c = CONN_OF(stream, stream);

    return c->out.len + c->wire.len;
}

void gw_http_stream_close(struct gw_http_stream *stream)
{
    struct conn *c = CONN_OF(stream, stream);

    stream->open = false;
    if (stream->full) {
        conn_end(c);
        return;
    }
    if (c->chunked)
        buf_str(&c->out, "0\r\n\r\n");
    conn_flush(c);
}

#define _GNU_SOURCE 1 /* asprintf */
#include "helper_http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

uint8_t pattern_at(uint64_t at)
{
    return (uint8_t)(at * 31 + at / 257);
}

struct pattern {
    uint64_t n, at;
    struct world *world;
};

enum { UNTIL_MS = 300000 };

static enum status pattern_next(void *ctx, struct buf *out, bool *end, struct error *err)
{
    struct pattern *p = ctx;
    size_t len = p->n - p->at < GW_PULL_STEP ? (size_t)(p->n - p->at) : GW_PULL_STEP;
    uint8_t *room = buf_grow(out, len);

    for (size_t i = 0; i < len && room != NULL; i++)
        room[i] = pattern_at(p->at + i);
    p->at += len;
    *end = p->at == p->n;
    return buf_check(out, err);
}

static enum status pattern_reset(void *ctx, struct error *err)
{
    struct pattern *p = ctx;

    (void)err;
    p->at = 0;
    return ST_OK;
}

static void pattern_close(void *ctx, bool whole)
{
    struct pattern *p = ctx;

    if (p->world != NULL && whole)
        p->world->pulls_whole++;
    else if (p->world != NULL)
        p->world->pulls_broken++;
    free(p);
}

struct gw_pull pattern_pull(uint64_t n, bool known)
{
    struct pattern *p = gw_alloc(sizeof(*p));

    p->n = n;
    return (struct gw_pull){pattern_next, pattern_reset, pattern_close, p,
                            known ? n : GW_LEN_UNKNOWN};
}

static enum status broken_next(void *ctx, struct buf *out, bool *end, struct error *err)
{
    struct pattern *p = ctx;

    if (p->at >= 100000)
        return error_set(err, ST_INTERNAL, 0, "broken, as the test wishes");
    return pattern_next(ctx, out, end, err);
}

void pattern_check(struct gw_body *body, uint64_t n)
{
    uint8_t bytes[GW_PULL_STEP];
    struct error err;
    size_t got = 0, wrong = 0;

    assert_non_null(body);
    assert_int_equal(gw_body_len(body), n);
    for (uint64_t at = 0; at < n; at += got) {
        assert_int_equal(source_read(gw_body_source(body), at, bytes, sizeof(bytes), &got, &err),
                         ST_OK);
        assert_true(got > 0);
        for (size_t i = 0; i < got; i++)
            wrong += bytes[i] != pattern_at(at + i);
    }
    assert_int_equal(wrong, 0);
}

struct later {
    struct gw_http_request *req;
};

static void later_job(void *ctx)
{
    (void)ctx;
    uv_sleep(50);
}

static void later_done(void *ctx)
{
    struct later *later = ctx;

    gw_http_answer_text(later->req, 200, "later");
    free(later);
}

static void stream_closed(void *ctx)
{
    struct world *w = ctx;

    w->streams_closed++;
    w->stream = NULL;
}

/* Refuses after 1000 bytes. */
struct small_sink {
    struct sink base;
    size_t len;
};

static enum status small_write(struct sink *self, struct span bytes, struct error *err)
{
    struct small_sink *s = (struct small_sink *)self;

    s->len += bytes.len;
    if (s->len > 1000)
        return error_set(err, ST_DENIED, 422, "not palatable");
    return ST_OK;
}

static void on_request(void *ctx, struct gw_http_request *req)
{
    struct world *w = ctx;
    struct span path = gw_http_request_head(req)->path;

    w->heads++;
    if (span_is(path, "/refuse")) {
        gw_http_answer_text(req, 403, NULL);
    } else if (span_is(path, "/small")) {
        gw_http_request_body_max(req, 1000);
    } else if (span_is(path, "/sink")) {
        struct small_sink *sink = gw_alloc(sizeof(*sink));

        sink->base.write = small_write;
        gw_http_request_set_user(req, sink);
        gw_http_request_sink(req, &sink->base);
    }
}

static void on_gone(void *ctx, struct gw_http_request *req)
{
    struct world *w = ctx;

    w->gone++;
    free(gw_http_request_user(req));
    gw_http_request_set_user(req, NULL);
}

static struct gw_pull pull_with(struct world *w, struct gw_pull pull)
{
    ((struct pattern *)pull.ctx)->world = w;
    return pull;
}

static void answer_pull(struct world *w, struct gw_http_request *req, struct gw_pull pull)
{
    struct gw_http_reply reply = {
        .status = 200, .content_type = "application/octet-stream", .pull = pull_with(w, pull)};

    gw_http_answer(req, &reply);
}

static void answer_peer(struct gw_http_request *req)
{
    const struct gw_http_peer *peer = gw_http_request_peer(req);
    char text[200];

    snprintf(text, sizeof(text), "%s local=%d uid=%d tls=%d cert=%d", peer->address, peer->local,
             peer->local ? (int)peer->uid : -1, peer->tls, peer->cert.len > 0);
    gw_http_answer_text(req, 200, text);
}

static void on_complete(void *ctx, struct gw_http_request *req)
{
    struct world *w = ctx;
    const struct gw_http_head *head = gw_http_request_head(req);
    AUTO(buf_deinit) struct buf n = {0};
    struct error err;
    uint64_t len = 0;

    w->completes++;
    buf_init(&n, 100);
    if (gw_http_query(head, "n", &n, &err) == ST_OK)
        (void)span_to_u64(buf_span(&n), &len);
    if (span_is(head->path, "/echo") || span_is(head->path, "/small")) {
        struct gw_http_reply reply = {.status = 200,
                                      .content_type = "application/octet-stream",
                                      .body = gw_http_request_take_body(req)};

        gw_http_answer(req, &reply);
    } else if (span_is(head->path, "/chunked")) {
        struct gw_http_reply reply = {.status = 200,
                                      .pull = gw_pull_body(gw_http_request_take_body(req))};

        reply.pull.len = GW_LEN_UNKNOWN;
        gw_http_answer(req, &reply);
    } else if (span_is(head->path, "/empty")) {
        gw_http_answer(req, &(struct gw_http_reply){.status = 204});
    } else if (span_is(head->path, "/later")) {
        struct later *later = gw_alloc(sizeof(*later));

        later->req = req;
        gw_worker_run(w->loop, later_job, later_done, later);
    } else if (span_is(head->path, "/pattern")) {
        answer_pull(w, req, pattern_pull(len, true));
    } else if (span_is(head->path, "/endless")) {
        answer_pull(w, req, pattern_pull(UINT64_MAX - 1, false));
    } else if (span_is(head->path, "/broken")) {
        struct gw_pull pull = pattern_pull(1000000, len != 0);

        pull.next = broken_next;
        answer_pull(w, req, pull);
    } else if (span_is(head->path, "/events")) {
        w->stream = gw_http_stream_open(req, "text/event-stream", stream_closed, w);
    } else if (span_is(head->path, "/peer")) {
        answer_peer(req);
    } else if (span_is(head->path, "/hold")) {
        w->held[w->held_count++] = req;
    } else if (span_is(head->path, "/sink")) {
        free(gw_http_request_user(req));
        gw_http_answer_text(req, 200, "swallowed");
    } else if (span_is(head->path, "/method")) {
        gw_http_answer_method(req, "GET, HEAD");
    } else {
        gw_http_answer_text(req, 404, NULL);
    }
}

void world_release(struct world *w)
{
    while (w->held_count > 0)
        gw_http_answer_text(w->held[--w->held_count], 200, "released");
}

struct world *world_new(void)
{
    struct world *w = gw_alloc(sizeof(*w));
    struct gw_http_client_conf conf = {.spool_dir = w->dir};
    struct error err;

    snprintf(w->dir, sizeof(w->dir), "/tmp/depesche-http-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->socket, sizeof(w->socket), "%s/sock", w->dir);
    assert_int_equal(gw_loop_new(&w->loop, &err), ST_OK);
    assert_int_equal(gw_http_client_new(w->loop, &conf, &w->client, &err), ST_OK);
    w->limits = gw_http_limits_default();
    w->limits.body_memory_max = 4096;
    return w;
}

void world_listen(struct world *w, bool on_unix, struct gw_tls *tls)
{
    struct gw_http_listen conf = {
        .host = "127.0.0.1",
        .unix_path = on_unix ? w->socket : NULL,
        .unix_mode = 0600,
        .tls = tls,
        .spool_dir = w->dir,
        .limits = w->limits,
        .handler = {on_request, on_complete, on_gone, NULL, w},
    };
    struct error err = {0};

    w->tls = tls;
    if (gw_http_server_new(w->loop, &conf, &w->server, &err) != ST_OK)
        fail_msg("%s", err.text);
    if (on_unix)
        snprintf(w->base, sizeof(w->base), "http://localhost");
    else
        snprintf(w->base, sizeof(w->base), "%s://localhost:%u", tls == NULL ? "http" : "https",
                 gw_http_server_port(w->server));
}

static void stop_hook(void *ctx)
{
    struct world *w = ctx;

    world_release(w);
    if (w->server != NULL)
        gw_http_server_close(w->server, 0);
    gw_http_client_close(w->client);
}

void world_free(struct world *w)
{
    gw_loop_on_stop(w->loop, stop_hook, w);
    gw_loop_stop(w->loop);
    gw_loop_run(w->loop);
    gw_loop_free(w->loop);
    gw_tls_free(w->tls);
    assert_int_equal(rmdir(w->dir), 0); /* also: no socket and no temporary file is left */
    free(w);
}

static void tick(void *ctx)
{
    (void)ctx;
}

void world_until(struct world *w, const bool *flag)
{
    struct gw_timer *timer = gw_timer_new(w->loop, tick, NULL);
    int64_t began = gw_monotonic_ms();

    gw_timer_start(timer, 20, 20);
    while (!*flag && gw_monotonic_ms() - began < UNTIL_MS)
        uv_run(gw_loop_uv(w->loop), UV_RUN_ONCE);
    gw_timer_free(timer);
    assert_true(*flag);
}

void world_turn(struct world *w, int ms)
{
    struct gw_timer *timer = gw_timer_new(w->loop, tick, NULL);
    int64_t began = gw_monotonic_ms();

    gw_timer_start(timer, 5, 5);
    while (gw_monotonic_ms() - began < ms)
        uv_run(gw_loop_uv(w->loop), UV_RUN_ONCE);
    gw_timer_free(timer);
}

void answer_deinit(struct answer *a)
{
    gw_body_free(a->body);
    a->body = NULL;
}

static void on_done(void *ctx, struct gw_http_result *result)
{
    struct answer *a = ctx;

    assert_false(a->done);
    a->done = true;
    a->outcome = result->outcome;
    a->request_complete = result->request_complete;
    a->status = result->status;
    snprintf(a->content_type, sizeof(a->content_type), "%s", result->content_type);
    a->body = TAKE(result->body);
    a->error = result->error;
}

void world_start(struct world *w, struct gw_http_call call, const char *path, struct answer *a,
                 struct gw_http_running **running)
{
    AUTO(free_drop) char *url = NULL;
    struct error err = {0};

    *a = (struct answer){0};
    assert_true(asprintf(&url, "%s%s", w->base, path) > 0);
    if (call.url == NULL)
        call.url = url;
    if (strcmp(w->base, "http://localhost") == 0)
        call.unix_path = w->socket;
    call.done = on_done;
    call.ctx = a;
    if (gw_http_call(w->client, &call, running, &err) != ST_OK)
        fail_msg("%s", err.text);
    assert_false(a->done);
}

void world_call(struct world *w, struct gw_http_call call, const char *path, struct answer *a)
{
    world_start(w, call, path, a, NULL);
    world_until(w, &a->done);
}

static int raw_connect(const struct world *w)
{
    struct timeval limit = {.tv_sec = UNTIL_MS / 1000};
    int fd, rc;

    if (strcmp(w->base, "http://localhost") == 0) {
        struct sockaddr_un addr = {.sun_family = AF_UNIX};

        snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", w->socket);
        fd = socket(AF_UNIX, SOCK_STREAM, 0);
        rc = connect(fd, (struct sockaddr *)&addr, sizeof(addr));
    } else {
        struct sockaddr_in addr = {.sin_family = AF_INET,
                                   .sin_port = htons(gw_http_server_port(w->server)),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

        fd = socket(AF_INET, SOCK_STREAM, 0);
        rc = connect(fd, (struct sockaddr *)&addr, sizeof(addr));
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    return rc == 0 ? fd : -1;
}

static void raw_job(void *ctx)
{
    struct raw *raw = ctx;
    struct span rest = raw->bytes;
    char bytes[4096];
    ssize_t n = 1;
    int fd = raw_connect(raw->world);

    while (rest.len > 0 && n > 0) {
        n = send(fd, rest.ptr, rest.len < raw->step ? rest.len : raw->step, MSG_NOSIGNAL);
        rest = span_from(rest, n > 0 ? (size_t)n : rest.len);
        if (raw->pause_ms > 0)
            uv_sleep((unsigned)raw->pause_ms);
    }
    if (raw->half_close)
        shutdown(fd, SHUT_WR);
    uv_sleep((unsigned)raw->wait_ms);
    if (raw->abort)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1},
                   sizeof(struct linger));
    while (!raw->abort) {
        n = recv(fd, bytes, sizeof(bytes), 0);
        if (n <= 0)
            break;
        buf_add(&raw->answer, span_of(bytes, (size_t)n));
        if (raw->read_max > 0 && raw->answer.len >= raw->read_max)
            break;
    }
    raw->reset = n < 0;
    close(fd);
}

static void raw_done(void *ctx)
{
    struct raw *raw = ctx;

    raw->done = true;
}

void raw_start(struct world *w, struct raw *raw)
{
    raw->world = w;
    raw->done = raw->reset = false;
    buf_init(&raw->answer, 64 << 20);
    if (raw->step == 0)
        raw->step = SIZE_MAX;
    gw_worker_run(w->loop, raw_job, raw_done, raw);
}

void raw_run(struct world *w, struct raw *raw)
{
    raw_start(w, raw);
    world_until(w, &raw->done);
}

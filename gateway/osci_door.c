#include "gateway/osci_door.h"

#include <stdio.h>

#include "gateway/doors.h"
#include "gateway/log.h"
#include "osci/feedback.h"

enum { ANSWER_MEMORY = 256 * 1024 };

/* One listener. */
struct door {
    struct gw_osci_doors *doors;
    const struct gw_listener_conf *conf;
};

struct gw_osci_doors {
    struct gw_osci_doors_conf conf;
    struct door *list;
    struct gw_doors *doors;
};

/* ---- listening ---- */

static void on_request(void *ctx, struct gw_http_request *req)
{
    const struct door *door = ctx;
    const struct gw_http_head *head = gw_http_request_head(req);

    const struct gw_osci_doors_conf *conf = &door->doors->conf;

    if (!span_is(head->path, door->conf->path) &&
        (conf->has_path == NULL || !conf->has_path(conf->ctx, head->path)))
        gw_http_answer_text(req, 404, NULL);
    else if (head->method != GW_HTTP_POST)
        gw_http_answer_method(req, "POST");
    else
        gw_http_request_body_max(req, door->doors->conf.message_bytes);
}

static void on_complete(void *ctx, struct gw_http_request *req)
{
    const struct door *door = ctx;

    door->doors->conf.message(door->doors->conf.ctx, req);
}

enum status gw_osci_doors_new(const struct gw_runtime *rt, const struct gw_osci_doors_conf *conf,
                              struct gw_osci_doors **doors, struct error *err)
{
    AUTO(gw_osci_doors_drop) struct gw_osci_doors *d = gw_alloc(sizeof *d);
    AUTO(free_drop) struct gw_door_conf *list = gw_alloc((conf->count + 1) * sizeof *list);
    const struct gw_doors_conf all = {
        .list = list,
        .count = conf->count,
        .body_bytes = conf->message_bytes,
        .event = conf->event,
        .handler = {.on_request = on_request, .on_complete = on_complete}};

    d->conf = *conf;
    d->list = gw_alloc((conf->count + 1) * sizeof *d->list);
    for (unsigned i = 0; i < conf->count; i++) {
        const struct gw_listener_conf *l = &conf->listeners[i];

        d->list[i] = (struct door){d, l};
        list[i] = (struct gw_door_conf){.address = l->address,
                                        .port = l->port,
                                        .path = l->path,
                                        .tls = l->tls,
                                        .next_tls = l->next_tls,
                                        .next_tls_count = l->next_tls_count,
                                        .ctx = &d->list[i]};
    }
    TRY(gw_doors_new(rt, &all, &d->doors, err));
    *doors = TAKE(d);
    return ST_OK;
}

void gw_osci_doors_close(struct gw_osci_doors *d, int64_t grace_ms)
{
    if (d != NULL)
        gw_doors_close(d->doors, grace_ms);
}

void gw_osci_doors_free(struct gw_osci_doors *d)
{
    if (d == NULL)
        return;
    gw_doors_free(d->doors);
    free(d->list);
    free(d);
}

uint16_t gw_osci_doors_port(const struct gw_osci_doors *d, size_t i)
{
    return gw_doors_port(d->doors, i);
}

/* ---- one message ---- */

void gw_osci_post_init(struct gw_osci_post *post, const struct gw_runtime *rt,
                       struct gw_http_request *req)
{
    *post = (struct gw_osci_post){.rt = rt, .req = req, .began = gw_monotonic_ms()};
    post->wire = gw_http_request_take_body(req);
    buf_init(&post->bytes, 2 * ANSWER_MEMORY);
    (void)snprintf(post->address, sizeof post->address, "%s", gw_http_request_peer(req)->address);
}

void gw_osci_post_release(struct gw_osci_post *post)
{
    osci_reading_free(post->reading);
    gw_body_free(post->plain);
    gw_body_free(post->wire);
    post->reading = NULL;
    post->request.reading = NULL;
    post->plain = post->wire = NULL;
}

void gw_osci_post_deinit(struct gw_osci_post *post)
{
    osci_writer_free(post->writer);
    gw_osci_post_release(post);
    buf_deinit(&post->bytes);
}

static enum status message_read(struct gw_osci_post *post, const struct osci_own_cipher *own,
                                size_t own_count, const struct osci_limits *limits,
                                struct error *err)
{
    const struct gw_runtime *rt = post->rt;
    struct osci_transport *transport = &post->request.transport;
    struct source *wire = gw_body_source(post->wire);
    int64_t now = gw_now_ms();

    TRY(gw_body_new(rt->temp_dir, (size_t)rt->conf->limits.memory_kb * 1024, limits->message_bytes,
                    &post->plain, err));
    TRY(osci_transport_open(wire, own, own_count, &rt->policy, now, limits,
                            gw_body_sink(post->plain), transport, err));
    if (transport->encrypted)
        wire = gw_body_source(post->plain);
    return osci_message_read(wire, &rt->policy, now, rt->cache, limits, &post->reading, err);
}

void gw_osci_post_read(struct gw_osci_post *post, const struct osci_own_cipher *own,
                       size_t own_count, const struct osci_limits *limits)
{
    (void)!message_read(post, own, own_count, limits, &post->request.failure);
    post->request.reading = post->reading;
}

enum status gw_osci_post_write(struct gw_osci_post *post, struct osci_writer *take,
                               struct error *err)
{
    bool end = false;

    post->writer = take;
    post->len = osci_writer_len(take);
    if (post->len > ANSWER_MEMORY)
        return ST_OK;
    while (!end)
        TRY(osci_writer_next(post->writer, &post->bytes, &end, err));
    osci_writer_free(post->writer);
    post->writer = NULL;
    return ST_OK;
}

void gw_osci_post_nothing(struct gw_osci_post *post)
{
    osci_writer_free(post->writer);
    post->writer = NULL;
    buf_reset(&post->bytes);
    post->len = 1; /* never given */
    post->cut = true;
}

void gw_osci_post_fault(struct gw_osci_post *post, int code)
{
    struct error err = {0};
    char text[8];

    osci_writer_free(post->writer);
    post->writer = NULL;
    (void)snprintf(text, sizeof text, "%d", code);
    buf_reset(&post->bytes);
    if (osci_fault_write(&post->bytes, text, osci_feedback_text(text, "en"), post->rt->rng, &err) !=
        ST_OK)
        buf_reset(&post->bytes);
    post->len = post->bytes.len;
}

static enum status answer_next(void *ctx, struct buf *out, bool *end, struct error *err)
{
    struct gw_osci_post *post = ctx;

    return osci_writer_next(post->writer, out, end, err);
}

static enum status answer_cut(void *ctx, struct buf *out, bool *end, struct error *err)
{
    (void)ctx;
    (void)out;
    (void)end;
    return error_set(err, ST_RETRY, 0, "the answer could not be written");
}

static void answer_close(void *ctx, bool whole)
{
    struct gw_osci_post *post = ctx;

    if (!whole)
        gw_log(post->rt->log, GW_LOG_WARNING, "osci.cut_off", LOG_STR("peer", post->address));
    post->done(post->done_ctx, whole);
}

void gw_osci_post_answer(struct gw_osci_post *post, void (*done)(void *ctx, bool whole), void *ctx)
{
    struct gw_http_reply reply = {.status = 200, .content_type = "text/xml"};

    post->done = done;
    post->done_ctx = ctx;
    if (post->writer != NULL || post->cut) {
        reply.pull = (struct gw_pull){.next = post->cut ? answer_cut : answer_next,
                                      .close = answer_close,
                                      .ctx = post,
                                      .len = post->len};
        gw_http_answer(post->req, &reply);
        return;
    }
    if (post->bytes.len == 0) {
        gw_http_answer_text(post->req, 500, NULL);
    } else {
        reply.bytes = buf_span(&post->bytes);
        gw_http_answer(post->req, &reply);
    }
    done(ctx, true);
}

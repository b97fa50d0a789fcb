/*
 * Server-sent events.
 *
 * A stream holds the number of the last event that it has sent, and no events: they are read from
 * the store, a bounded piece at a time, when there are new ones and the client has read the last
 * piece. So a slow client holds no more memory than one piece, and a broken stream goes on where
 * the client says that it left off (Last-Event-ID). A client that reads nothing at all is cut off
 * by the HTTP server's time limit.
 *
 * Source: HTML Living Standard, 9.2 (Server-sent events).
 */
#include <stdio.h>

#include "gateway/api_call.h"
#include "gateway/log.h"
#include "gateway/worker.h"

enum {
    TICK_MS = 1000,
    HEARTBEAT_MS = 15000,
    PIECE_EVENTS = 200,
    PIECE_BYTES = 128 * 1024, /* after which no further event is added */
    PIECE_MAX = 16 * 1024 * 1024,
    PENDING_MAX = 32 * 1024, /* unread bytes with which the next piece waits */
    CLIENT_RETRY_MS = 2000,
};

struct gw_api_stream {
    struct gw_api_server *server;
    struct gw_api_stream *next, *prev;
    struct gw_http_stream *http; /* NULL: the client is gone */
    uid_t uid;
    struct gw_event_filter filter; /* its texts live in arena */
    struct arena arena;
    bool reading; /* a worker has it */
    bool behind;  /* there may be events that it has not read */
    int64_t sent_at;
    /* what the worker read */
    struct buf piece;
    bool more, failed;
    struct error why;
};

/* ---- making and freeing ---- */

static bool names_copy(struct arena *arena, const char *const **names, size_t count)
{
    const char **copy = arena_array(arena, sizeof *copy, count + 1);

    for (size_t i = 0; copy != NULL && i < count; i++) {
        copy[i] = arena_str(arena, span_str((*names)[i]));
        if (copy[i] == NULL)
            return false;
    }
    *names = copy;
    return copy != NULL;
}

struct gw_api_stream *gw_api_stream_new(const struct gw_api_call *call,
                                        const struct gw_event_filter *filter)
{
    struct gw_api_stream *s = gw_alloc(sizeof *s);
    bool made;

    s->server = call->server;
    s->uid = call->uid;
    s->filter = *filter;
    s->filter.limit = PIECE_EVENTS;
    arena_init(&s->arena, 1024 * 1024);
    buf_init(&s->piece, PIECE_MAX);
    made = names_copy(&s->arena, &s->filter.endpoints, filter->endpoint_count) &&
           names_copy(&s->arena, &s->filter.kinds, filter->kind_count);
    if (made && filter->message_id != NULL) {
        s->filter.message_id = arena_str(&s->arena, span_str(filter->message_id));
        made = s->filter.message_id != NULL;
    }
    if (made)
        return s;
    gw_api_stream_free(s);
    return NULL;
}

void gw_api_stream_free(struct gw_api_stream *s)
{
    if (s == NULL)
        return;
    buf_deinit(&s->piece);
    arena_deinit(&s->arena);
    free(s);
}

/* Out of the list; freed as soon as no worker has it. */
static void stream_end(struct gw_api_stream *s)
{
    struct gw_api_server *server = s->server;

    s->http = NULL;
    if (s->prev != NULL)
        s->prev->next = s->next;
    else
        server->streams = s->next;
    if (s->next != NULL)
        s->next->prev = s->prev;
    if (--server->stream_count == 0 && server->stream_timer != NULL)
        gw_timer_stop(server->stream_timer);
    if (!s->reading)
        gw_api_stream_free(s);
}

static void on_close(void *ctx)
{
    stream_end(ctx);
}

/* ---- reading ---- */

static void event_write(struct buf *out, const struct gw_event_row *row)
{
    json_t *json = gw_json_event(row);
    char *text = gw_json_dump(json, JSON_COMPACT);

    json_decref(json);
    if (text == NULL)
        out->failed = true;
    else
        buf_printf(out, "id: %lld\nevent: %s\ndata: %s\n\n", (long long)row->seq, row->kind, text);
    free(text);
}

/* The user may hear of nothing: no endpoints, and no admin. */
static bool is_deaf(const struct gw_api_stream *s)
{
    return s->filter.endpoint_count == 0 && !gw_api_is_admin(&s->server->rights, s->uid);
}

static enum status piece_read(struct gw_api_stream *s, struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {0};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_event_list list = {0};
    int64_t last;
    size_t i = 0;

    arena_init(&arena, PIECE_MAX);
    TRY(gw_store_read(s->server->rt->store, &tx, err));
    TRY(gw_store_events_last(tx, &last, err));
    if (!is_deaf(s))
        TRY(gw_store_events_find(tx, &arena, &s->filter, &list, err));
    for (; i < list.count && s->piece.len < PIECE_BYTES; i++)
        event_write(&s->piece, &list.rows[i]);
    TRY(buf_check(&s->piece, err));
    s->more = i < list.count || list.more;
    /* what does not concern it has not to be looked at again */
    if (i < list.count)
        s->filter.after = list.rows[i - 1].seq;
    else if (list.more)
        s->filter.after = list.looked;
    else if (last > s->filter.after)
        s->filter.after = last;
    return ST_OK;
}

static void read_job(void *ctx)
{
    struct gw_api_stream *s = ctx;

    s->failed = piece_read(s, &s->why) != ST_OK;
}

static void pump(struct gw_api_stream *s);

static void read_done(void *ctx)
{
    struct gw_api_stream *s = ctx;

    s->reading = false;
    if (s->http == NULL) {
        gw_api_stream_free(s);
        return;
    }
    if (s->failed) { /* the client comes again, and goes on where it was */
        gw_log(s->server->rt->log, GW_LOG_ERROR, "api.stream_failed", LOG_ERR(&s->why));
        gw_http_stream_close(s->http);
        stream_end(s);
        return;
    }
    s->behind = s->behind || s->more;
    if (s->piece.len > 0) {
        s->sent_at = gw_monotonic_ms();
        gw_http_stream_push(s->http, buf_span(&s->piece));
    }
    buf_deinit(&s->piece); /* idle streams hold nothing */
    buf_init(&s->piece, PIECE_MAX);
    pump(s);
}

/* Reads on when there is something and room for it. */
static void pump(struct gw_api_stream *s)
{
    if (s->reading || !s->behind || gw_http_stream_pending(s->http) > PENDING_MAX)
        return;
    s->behind = false;
    s->reading = true;
    gw_worker_run(s->server->rt->loop, read_job, read_done, s);
}

/* ---- the clock, and news ---- */

static void on_tick(void *ctx)
{
    struct gw_api_server *server = ctx;
    int64_t now = gw_monotonic_ms();
    struct gw_api_stream *next;

    for (struct gw_api_stream *s = server->streams; s != NULL; s = next) {
        next = s->next;
        pump(s);
        if (now - s->sent_at < HEARTBEAT_MS || gw_http_stream_pending(s->http) > 0)
            continue;
        s->sent_at = now;
        gw_http_stream_push(s->http, SPAN(":\n\n"));
    }
}

static void on_wake(void *ctx)
{
    struct gw_api_server *server = ctx;

    atomic_store(&server->wake_posted, false);
    for (struct gw_api_stream *s = server->streams; s != NULL; s = s->next) {
        s->behind = true;
        pump(s);
    }
}

void gw_api_wake(struct gw_api_server *server)
{
    if (gw_loop_stopping(server->rt->loop) || atomic_exchange(&server->wake_posted, true))
        return;
    gw_loop_post(server->rt->loop, on_wake, server);
}

/* ---- up and down ---- */

bool gw_api_stream_room(const struct gw_api_call *call)
{
    const struct gw_api_server *server = call->server;
    size_t own = 0;

    for (const struct gw_api_stream *s = server->streams; s != NULL; s = s->next)
        own += s->uid == call->uid;
    return !server->stopping && server->stream_count < GW_API_STREAMS_MAX &&
           own < GW_API_STREAMS_EACH;
}

void gw_api_stream_begin(struct gw_api_call *call)
{
    struct gw_api_server *server = call->server;
    struct gw_api_stream *s = TAKE(call->stream);
    char hello[64];

    s->http = gw_http_stream_open(call->req, "text/event-stream", on_close, s);
    if (s->http == NULL) {
        gw_api_stream_free(s);
        return;
    }
    s->next = server->streams;
    if (s->next != NULL)
        s->next->prev = s;
    server->streams = s;
    if (server->stream_count++ == 0)
        gw_timer_start(server->stream_timer, TICK_MS, TICK_MS);
    s->sent_at = gw_monotonic_ms();
    (void)snprintf(hello, sizeof hello, "retry: %d\n\n", CLIENT_RETRY_MS);
    gw_http_stream_push(s->http, span_str(hello));
    s->behind = true;
    pump(s);
}

void gw_api_streams_open(struct gw_api_server *server)
{
    server->stream_timer = gw_timer_new(server->rt->loop, on_tick, server);
}

void gw_api_streams_close(struct gw_api_server *server)
{
    server->stopping = true;
    gw_timer_free(server->stream_timer);
    server->stream_timer = NULL;
}

#include "gateway/receiver.h"

#include "gateway/loop.h"

enum { ANSWER_MEMORY = 256 * 1024 };
enum { PAUSE_FIRST_MS = 100, PAUSE_MAX_MS = 1000 };

struct receiver {
    struct gw_tls_files tls;
    struct gw_tls_next next_tls;
};

struct gw_receivers {
    const struct gw_runtime *rt;
    const struct gw_osci_server_conf *conf;
    struct receiver *list;
    const char **urls;
    size_t count;
    int64_t running; /* deliveries under way; loop thread only */
};

static enum status receiver_load(const struct gw_receiver_conf *conf, struct span believed,
                                 struct receiver *r, struct error *err)
{
    TRY(gw_tls_files_load(conf->tls, conf->authorities, conf->authorities_count, believed, &r->tls,
                          err));
    return gw_tls_next_load(conf->next_tls, conf->next_tls_count, &r->tls, &r->next_tls, err);
}

enum status gw_receivers_new(const struct gw_runtime *rt, const struct gw_osci_server_conf *conf,
                             struct gw_receivers **receivers, struct error *err)
{
    AUTO(gw_receivers_drop) struct gw_receivers *s = gw_alloc(sizeof *s);
    struct span believed = gw_trust_pem(gw_trust_for_server(rt->trust, conf), CERT_FOR_TLS_SERVER);

    s->rt = rt;
    s->conf = conf;
    s->list = gw_alloc((conf->receivers_count + 1) * sizeof *s->list);
    s->urls = gw_alloc((conf->receivers_count + 1) * sizeof *s->urls);
    for (; s->count < conf->receivers_count; s->count++) {
        s->urls[s->count] = conf->receivers[s->count].url;
        TRY(receiver_load(&conf->receivers[s->count], believed, &s->list[s->count], err));
    }
    *receivers = TAKE(s);
    return ST_OK;
}

void gw_receivers_free(struct gw_receivers *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->conf->receivers_count; i++) {
        gw_tls_files_deinit(&s->list[i].tls);
        gw_tls_next_deinit(&s->list[i].next_tls);
    }
    free(s->list);
    free(s->urls);
    free(s);
}

const char *const *gw_receivers_urls(const struct gw_receivers *s)
{
    return s->urls;
}

/* ---- one delivery ---- */

static enum status writer_next(void *ctx, struct buf *out, bool *end, struct error *err)
{
    return osci_writer_next(ctx, out, end, err);
}

static enum status writer_reset(void *ctx, struct error *err)
{
    return osci_writer_rewind(ctx, err);
}

/* Digest 2.7: it counts as delivered from the moment the whole of it was written. */
static enum osci_forward_how how_of(const struct gw_http_result *result)
{
    switch (result->outcome) {
    case GW_HTTP_NOT_CONNECTED:
    case GW_HTTP_TLS:
    case GW_HTTP_BODY_FAILED:
        return OSCI_FORWARD_NOT_SENT;
    case GW_HTTP_ANSWERED: /* faults come with 200, from some servers with 500 */
        return result->status == 200 || result->status == 500 ? OSCI_FORWARD_ANSWERED
                                                              : OSCI_FORWARD_FAILED;
    default:
        return result->request_complete ? OSCI_FORWARD_LOST : OSCI_FORWARD_NOT_SENT;
    }
}

static void attempt(struct gw_forward *f);

static void again(void *ctx)
{
    attempt(ctx);
}

/* Ends the attempt. Once the message may be there, only an answer says that it is not: a recipient
 * that cannot be reached any more has nothing taken back. */
static void attempt_done(struct gw_forward *f, enum osci_forward_how how)
{
    bool in_doubt = how == OSCI_FORWARD_LOST ||
                    (how == OSCI_FORWARD_NOT_SENT && f->result.how == OSCI_FORWARD_LOST);
    bool wait = in_doubt && f->again != NULL && !gw_loop_stopping(f->rt->loop) &&
                gw_monotonic_ms() + f->pause_ms < f->until;

    f->result.how = in_doubt ? OSCI_FORWARD_LOST : how;
    if (wait) {
        gw_timer_start(f->again, f->pause_ms, 0);
        f->pause_ms = f->pause_ms < PAUSE_MAX_MS / 2 ? f->pause_ms * 2 : PAUSE_MAX_MS;
        return;
    }
    gw_timer_drop(&f->again);
    f->receivers->running -= f->counted;
    f->done(f->ctx);
}

static void call_done(void *ctx, struct gw_http_result *result)
{
    struct gw_forward *f = ctx;
    enum osci_forward_how how = how_of(result);

    f->result.why = result->error;
    if (how == OSCI_FORWARD_FAILED)
        (void)error_set(&f->result.why, ST_RETRY, 0, "the recipient answered with HTTP status %d",
                        result->status);
    f->wire = TAKE(result->body);
    attempt_done(f, how);
}

static void failed(void *ctx)
{
    attempt_done(ctx, OSCI_FORWARD_NOT_SENT);
}

static void attempt(struct gw_forward *f)
{
    const struct gw_runtime *rt = f->rt;
    const struct receiver *to = &f->receivers->list[f->receiver];
    int64_t left_ms = f->until - gw_monotonic_ms();
    static const struct gw_http_field fields[] = {{SPAN("Content-Type"), SPAN("text/xml")},
                                                  {SPAN("charset"), SPAN("utf-8")}};
    const struct gw_http_call call = {.url = f->url,
                                      .fields = fields,
                                      .field_count = ARRAY_LEN(fields),
                                      .body = {.next = writer_next,
                                               .reset = writer_reset,
                                               .ctx = f->writer,
                                               .len = osci_writer_len(f->writer)},
                                      .tls = gw_tls_client_at(&to->tls, &to->next_tls, gw_now_ms()),
                                      .answer_max = (uint64_t)f->receivers->conf->message_max_mb
                                                    << 20,
                                      .answer_memory_max = ANSWER_MEMORY,
                                      .stall_ms = left_ms > 1000 ? left_ms : 1000,
                                      .done = call_done,
                                      .ctx = f};

    if (rt->http == NULL || gw_loop_stopping(rt->loop))
        (void)error_set(&f->result.why, ST_RETRY, 0, "the gateway is shutting down");
    else if (osci_writer_rewind(f->writer, &f->result.why) == ST_OK &&
             gw_http_call(rt->http, &call, NULL, &f->result.why) == ST_OK)
        return;
    gw_loop_post(rt->loop, failed, f);
}

void gw_forward_send(struct gw_forward *f, struct gw_receivers *receivers, size_t receiver,
                     const char *url, void (*done)(void *ctx), void *ctx)
{
    f->rt = receivers->rt;
    f->receivers = receivers;
    f->receiver = receiver;
    f->url = url;
    f->done = done;
    f->ctx = ctx;
    f->result.how = OSCI_FORWARD_NOT_SENT;
    f->again = gw_timer_new(f->rt->loop, again, f);
    f->pause_ms = PAUSE_FIRST_MS;
    f->until = gw_monotonic_ms() + receivers->conf->forward_seconds * 1000;
    if (receivers->running >= receivers->conf->forwards_max) {
        (void)error_set(&f->result.why, ST_RETRY, 0, "%lld deliveries are on their way already",
                        (long long)receivers->running);
        gw_loop_post(f->rt->loop, failed, f);
        return;
    }
    f->counted = true;
    receivers->running++;
    attempt(f);
}

static enum status answer_read(struct gw_forward *f, const struct osci_own_cipher *own,
                               size_t own_count, const struct osci_limits *limits,
                               struct error *err)
{
    const struct gw_runtime *rt = f->rt;
    struct source *wire = gw_body_source(f->wire);
    int64_t now = gw_now_ms();

    TRY(gw_body_new(rt->temp_dir, ANSWER_MEMORY, limits->message_bytes, &f->plain, err));
    TRY(osci_transport_open(wire, own, own_count, &rt->policy, now, limits, gw_body_sink(f->plain),
                            &f->result.transport, err));
    if (f->result.transport.encrypted)
        wire = gw_body_source(f->plain);
    return osci_message_read(wire, &rt->policy, now, rt->cache, limits, &f->reading, err);
}

void gw_forward_read(struct gw_forward *f, const struct osci_own_cipher *own, size_t own_count,
                     const struct osci_limits *limits)
{
    osci_writer_free(f->writer);
    f->writer = NULL;
    if (f->result.how != OSCI_FORWARD_ANSWERED)
        return;
    if (answer_read(f, own, own_count, limits, &f->result.why) != ST_OK)
        f->result.how = OSCI_FORWARD_LOST;
    f->result.reading = f->reading;
}

void gw_forward_deinit(struct gw_forward *f)
{
    osci_writer_free(f->writer);
    osci_reading_free(f->reading);
    gw_body_free(f->plain);
    gw_body_free(f->wire);
}

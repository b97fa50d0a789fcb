#include "gateway/osci_server.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>

#include "gateway/files.h"
#include "gateway/http_server.h"
#include "gateway/mailbox.h"
#include "gateway/worker.h"
#include "osci/feedback.h"

enum { ANSWER_MEMORY = 256 * 1024, REFUSALS_A_MINUTE = 60, OWN_MAX = IDENTITY_OLDER_MAX + 1 };
enum { RETAIN_MS = 3600 * 1000, RETAIN_FIRST_MS = 60 * 1000, DAY_MS = 24 * 3600 * 1000 };

/* One listener. */
struct door {
    struct gw_osci_server *server;
    const struct gw_listener_conf *conf;
    struct gw_tls *tls;
    struct gw_http_server *http;
};

struct gw_osci_server {
    const struct gw_runtime *rt;
    const struct gw_osci_server_conf *conf;
    void (*delivered)(void *ctx, const uint8_t mailbox[GW_SHA256_BYTES]);
    void *delivered_ctx;
    struct identity *identity;
    struct osci_own_cipher own[OWN_MAX];
    size_t own_count;
    struct osci_sessions *sessions;
    struct gw_mailbox mailbox;
    uint8_t (*known)[GW_SHA256_BYTES];
    struct osci_intermediary intermediary;
    struct osci_limits limits;
    struct door *doors;
    size_t door_count;
    struct gw_timer *retain_timer;
    bool retaining;
    struct gw_retention_done retained; /* the job's while retaining */
    pthread_mutex_t lock;              /* of the next two: events of refusals this minute */
    int64_t minute;
    unsigned refusals;
};

/* One message on its way through a worker. */
struct exchange {
    struct gw_osci_server *server;
    struct gw_http_request *req;
    char address[64];
    struct gw_body *wire;
    int64_t began;
    /* what the job made: */
    struct osci_decision *decision; /* NULL: there was no memory even for that */
    struct osci_writer *writer;     /* a large answer, still to be pulled */
    struct buf bytes;               /* a small one, or a fault */
    bool encrypted;
    uint64_t len;
};

static void exchange_free(struct exchange *x)
{
    osci_writer_free(x->writer);
    osci_decision_free(x->decision); /* after the writer, which reads from its files */
    gw_body_free(x->wire);
    buf_deinit(&x->bytes);
    free(x);
}

/* ---- in the worker ---- */

/* wire and plain outlive the reading that *request gets. */
static enum status message_read(struct exchange *x, struct gw_body *plain,
                                struct osci_transport *transport, struct osci_reading **reading,
                                struct error *err)
{
    const struct gw_osci_server *s = x->server;
    struct source *wire = gw_body_source(x->wire);
    int64_t now = gw_now_ms();

    TRY(osci_transport_open(wire, s->own, s->own_count, &s->rt->policy, now, &s->limits,
                            gw_body_sink(plain), transport, err));
    if (transport->encrypted)
        wire = gw_body_source(plain);
    return osci_message_read(wire, &s->rt->policy, now, s->rt->cache, &s->limits, reading, err);
}

static enum status small_collect(struct exchange *x, struct error *err)
{
    bool end = false;

    while (!end)
        TRY(osci_writer_next(x->writer, &x->bytes, &end, err));
    osci_writer_free(x->writer);
    x->writer = NULL;
    return ST_OK;
}

static void fault_write(struct exchange *x, int code)
{
    struct error err = {0};
    char text[8];

    (void)snprintf(text, sizeof text, "%d", code);
    buf_reset(&x->bytes);
    if (osci_fault_write(&x->bytes, text, osci_feedback_text(text, "en"), x->server->rt->rng,
                         &err) != ST_OK)
        buf_reset(&x->bytes); /* HTTP 500 then */
    x->len = x->bytes.len;
}

static void answer_write(struct exchange *x)
{
    const struct gw_osci_server *s = x->server;
    struct osci_decision *d = x->decision;
    struct error err = {0};
    enum status st = ST_OK;

    if (d->fault == 0) {
        st = osci_decision_write(&s->intermediary, d, gw_now_ms(), &x->writer, &err);
        if (st == ST_OK) {
            x->len = osci_writer_len(x->writer);
            if (x->len <= ANSWER_MEMORY)
                st = small_collect(x, &err);
        }
        if (st != ST_OK && d->fault == 0) {
            d->fault = d->code = 9000;
            d->why = err;
        }
    }
    if (d->fault != 0) {
        osci_writer_free(x->writer);
        x->writer = NULL;
        fault_write(x, d->fault);
    }
}

static bool refused(const struct osci_decision *d)
{
    return d->code >= 9000 && d->code != 9803 && d->code != 9804; /* an empty mailbox is normal */
}

static bool event_allowed(struct gw_osci_server *s, int64_t now)
{
    bool allowed;

    pthread_mutex_lock(&s->lock);
    if (now / 60000 != s->minute) {
        s->minute = now / 60000;
        s->refusals = 0;
    }
    allowed = s->refusals < REFUSALS_A_MINUTE;
    s->refusals += allowed;
    pthread_mutex_unlock(&s->lock);
    return allowed;
}

static void refusal_keep(struct exchange *x)
{
    const struct osci_decision *d = x->decision;
    struct gw_cause cause = {.now = gw_now_ms(), .actor = "osci_server", .reason = d->code};
    struct error err = {0};
    char code[8];
    AUTO(buf_deinit) struct buf de = {0}, en = {0};

    if (!refused(d) || !event_allowed(x->server, cause.now))
        return;
    (void)snprintf(code, sizeof code, "%04d", d->code % 10000);
    buf_init(&de, 4096);
    buf_init(&en, 4096);
    buf_printf(&de, "%s von %s abgelehnt: %s (%s)", d->type, x->address,
               osci_feedback_text(code, "de"), d->why.text);
    buf_printf(&en, "%s from %s refused: %s (%s)", d->type, x->address,
               osci_feedback_text(code, "en"), d->why.text);
    cause.de = buf_cstr(&de);
    cause.en = buf_cstr(&en);
    if (gw_store_commit_event(x->server->rt->store, "peer.refused", NULL, NULL, &cause, &err) !=
        ST_OK)
        gw_log(x->server->rt->log, GW_LOG_ERROR, "store.write_failed", LOG_ERR(&err));
}

static void exchange_run(void *ctx)
{
    struct exchange *x = ctx;
    const struct gw_osci_server *s = x->server;
    struct osci_request request = {0};
    struct error err = {0};
    AUTO(gw_body_drop) struct gw_body *plain = NULL;
    AUTO(osci_reading_drop) struct osci_reading *reading = NULL;

    if (gw_body_new(s->rt->temp_dir, (size_t)s->rt->conf->limits.memory_kb * 1024,
                    s->limits.message_bytes, &plain, &request.failure) == ST_OK)
        (void)!message_read(x, plain, &request.transport, &reading, &request.failure);
    request.reading = reading;
    x->encrypted = request.transport.encrypted;
    if (osci_intermediary_handle(&s->intermediary, &request, gw_now_ms(), &x->decision, &err) !=
        ST_OK) {
        fault_write(x, 9000);
        return;
    }
    answer_write(x);
    refusal_keep(x);
}

/* ---- on the loop ---- */

static void exchange_log(const struct exchange *x)
{
    const struct osci_decision *d = x->decision;
    enum gw_log_level level = GW_LOG_INFO;
    char code[8];

    if (d == NULL) {
        gw_log(x->server->rt->log, GW_LOG_ERROR, "osci.refused", LOG_STR("peer", x->address),
               LOG_STR("error", "out of memory"));
        return;
    }
    (void)snprintf(code, sizeof code, "%04d", d->code % 10000);
    if (refused(d))
        level = d->code == 9000 || d->code == 9811 ? GW_LOG_ERROR : GW_LOG_WARNING;
    gw_log(x->server->rt->log, level, refused(d) ? "osci.refused" : "osci.answered",
           LOG_STR("peer", x->address), LOG_STR("order", d->type), LOG_STR("code", code),
           d->message_id.len > 0 ? LOG_SPAN("message_id", d->message_id)
                                 : LOG_STR("message_id", NULL),
           LOG_BOOL("encrypted", x->encrypted), LOG_INT("bytes", x->len),
           LOG_INT("ms", gw_monotonic_ms() - x->began),
           refused(d) ? LOG_ERR(&d->why) : LOG_STR("error", NULL));
}

static enum status answer_next(void *ctx, struct buf *out, bool *end, struct error *err)
{
    struct exchange *x = ctx;

    return osci_writer_next(x->writer, out, end, err);
}

static void answer_close(void *ctx, bool whole)
{
    struct exchange *x = ctx;

    if (!whole)
        gw_log(x->server->rt->log, GW_LOG_WARNING, "osci.cut_off", LOG_STR("peer", x->address),
               LOG_SPAN("message_id", x->decision->message_id));
    exchange_free(x);
}

static void exchange_done(void *ctx)
{
    struct exchange *x = ctx;
    struct gw_osci_server *s = x->server;
    struct gw_http_reply reply = {.status = 200, .content_type = "text/xml"};

    exchange_log(x);
    if (x->decision != NULL && x->decision->delivered && s->delivered != NULL)
        s->delivered(s->delivered_ctx, x->decision->delivered_to);
    if (x->writer != NULL) {
        reply.pull =
            (struct gw_pull){.next = answer_next, .close = answer_close, .ctx = x, .len = x->len};
        gw_http_answer(x->req, &reply);
        return;
    }
    if (x->bytes.len == 0) {
        gw_http_answer_text(x->req, 500, NULL);
    } else {
        reply.bytes = buf_span(&x->bytes);
        gw_http_answer(x->req, &reply);
    }
    exchange_free(x);
}

static void on_request(void *ctx, struct gw_http_request *req)
{
    const struct door *door = ctx;
    const struct gw_http_head *head = gw_http_request_head(req);

    if (!span_is(head->path, door->conf->path))
        gw_http_answer_text(req, 404, NULL);
    else if (head->method != GW_HTTP_POST)
        gw_http_answer_method(req, "POST");
    else
        gw_http_request_body_max(req, door->server->limits.message_bytes);
}

static void on_complete(void *ctx, struct gw_http_request *req)
{
    const struct door *door = ctx;
    struct exchange *x = gw_alloc(sizeof *x);

    x->server = door->server;
    x->req = req;
    x->began = gw_monotonic_ms();
    x->wire = gw_http_request_take_body(req);
    buf_init(&x->bytes, 2 * ANSWER_MEMORY);
    (void)snprintf(x->address, sizeof x->address, "%s", gw_http_request_peer(req)->address);
    gw_worker_run(x->server->rt->loop, exchange_run, exchange_done, x);
}

/* ---- what is too old ---- */

static enum status retain(struct gw_tx *tx, void *ctx, struct error *err)
{
    struct gw_osci_server *s = ctx;
    const struct gw_retention retention = {.undelivered = s->conf->undelivered_days * DAY_MS,
                                           .delivered = s->conf->delivered_days * DAY_MS,
                                           .card = s->conf->processcard_days * DAY_MS,
                                           .unused_id = s->conf->messageid_days * DAY_MS};

    return gw_store_retain(tx, &retention, gw_now_ms(), &s->retained, err);
}

static void retain_run(void *ctx)
{
    struct gw_osci_server *s = ctx;
    struct gw_retention_done *done = &s->retained;
    struct error err = {0};

    *done = (struct gw_retention_done){0};
    if (gw_store_commit(s->rt->store, retain, s, &err) != ST_OK) {
        *done = (struct gw_retention_done){0};
        gw_log(s->rt->log, GW_LOG_ERROR, "store.write_failed", LOG_ERR(&err));
    }
}

static void retain_fire(void *ctx);

static void retain_done(void *ctx)
{
    struct gw_osci_server *s = ctx;
    const struct gw_retention_done *done = &s->retained;

    s->retaining = false;
    if (done->undelivered + done->delivered + done->cards + done->ids == 0)
        return;
    gw_log(s->rt->log, done->undelivered > 0 ? GW_LOG_WARNING : GW_LOG_INFO, "osci.retention",
           LOG_INT("undelivered", done->undelivered), LOG_INT("delivered", done->delivered),
           LOG_INT("cards", done->cards), LOG_INT("ids", done->ids));
    if (!gw_loop_stopping(s->rt->loop))
        retain_fire(s); /* the store takes a bounded bite at a time */
}

static void retain_fire(void *ctx)
{
    struct gw_osci_server *s = ctx;

    if (s->retaining)
        return;
    s->retaining = true;
    gw_worker_run(s->rt->loop, retain_run, retain_done, s);
}

/* ---- up and down ---- */

static enum status mailboxes_load(struct gw_osci_server *s, struct error *err)
{
    size_t count = s->conf->mailboxes_count;

    s->known = calloc(count + 1, sizeof *s->known);
    TRY_ALLOC(s->known, err);
    for (size_t i = 0; i < count; i++) {
        AUTO(cert_drop) struct cert *cert = NULL;

        TRY(gw_cert_load(s->conf->mailboxes[i].cipher_certificate, &cert, err));
        memcpy(s->known[i], cert_sha256(cert).ptr, GW_SHA256_BYTES);
    }
    s->intermediary.mailbox =
        gw_mailbox_init(&s->mailbox, s->rt->store, s->rt->rng, NULL, s->known, count);
    return ST_OK;
}

static enum status intermediary_load(struct gw_osci_server *s, struct error *err)
{
    const struct gw_osci_server_conf *conf = s->conf;
    const struct osci_sessions_conf sessions = {.idle_ms = conf->dialog_minutes * 60000};
    struct identity *id;

    TRY(gw_identity_load(conf->identity, &s->identity, err));
    id = s->identity;
    s->own[s->own_count++] = (struct osci_own_cipher){id->cipher.cert, id->cipher.key};
    for (size_t i = 0; i < id->older_count; i++)
        s->own[s->own_count++] = (struct osci_own_cipher){id->older[i].cert, id->older[i].key};
    TRY(osci_sessions_new(&sessions, &s->sessions, err));
    s->limits.message_bytes = (uint64_t)conf->message_max_mb * 1024 * 1024;
    s->intermediary = (struct osci_intermediary){.identity = id,
                                                 .checker = s->rt->checker,
                                                 .cache = s->rt->cache,
                                                 .policy = &s->rt->policy,
                                                 .sessions = s->sessions,
                                                 .rng = s->rt->rng,
                                                 .require_signature = conf->require_signature,
                                                 .allow_plain = conf->allow_plain,
                                                 .self_registering = conf->self_registering,
                                                 .max_message_kb = s->limits.message_bytes / 1024};
    return mailboxes_load(s, err);
}

static enum status door_tls(struct door *door, struct error *err)
{
    const struct gw_pair_conf *pair = door->conf->tls;
    const char *password = NULL;
    AUTO(buf_deinit_secret) struct buf text = {0};

    buf_init(&text, 4096);
    if (pair == NULL)
        return ST_OK;
    if (pair->certificate == NULL)
        return error_set(err, ST_INVALID, 0,
                         "a listener's TLS certificate and key must be PEM files");
    if (pair->passphrase_file != NULL) {
        TRY(gw_file_read(AT_FDCWD, pair->passphrase_file, &text, err));
        text.len = strcspn(buf_cstr(&text), "\r\n");
        password = buf_cstr(&text);
    }
    return gw_tls_new_files(pair->certificate, pair->key != NULL ? pair->key : pair->certificate,
                            password, &door->tls, err);
}

static enum status door_open(struct door *door, struct error *err)
{
    const struct gw_runtime *rt = door->server->rt;
    struct gw_http_listen listen = {
        .host = door->conf->address,
        .port = (uint16_t)door->conf->port,
        .spool_dir = rt->temp_dir,
        .limits = gw_http_limits_default(),
        .handler = {.on_request = on_request, .on_complete = on_complete, .ctx = door}};

    TRY(door_tls(door, err));
    listen.tls = door->tls;
    listen.limits.body_max = door->server->limits.message_bytes;
    listen.limits.body_memory_max = (size_t)rt->conf->limits.memory_kb * 1024;
    listen.limits.connections_max = (size_t)rt->conf->limits.connections;
    TRY(gw_http_server_new(rt->loop, &listen, &door->http, err));
    gw_log(rt->log, GW_LOG_INFO, "osci.listening", LOG_STR("address", door->conf->address),
           LOG_INT("port", gw_http_server_port(door->http)), LOG_STR("path", door->conf->path),
           LOG_BOOL("tls", door->tls != NULL));
    return ST_OK;
}

enum status gw_osci_server_new(const struct gw_runtime *rt,
                               void (*delivered)(void *ctx, const uint8_t mailbox[GW_SHA256_BYTES]),
                               void *ctx, struct gw_osci_server **server, struct error *err)
{
    struct gw_osci_server *s = gw_alloc(sizeof *s);
    enum status st;

    s->rt = rt;
    s->conf = rt->conf->osci_server;
    s->delivered = delivered;
    s->delivered_ctx = ctx;
    (void)pthread_mutex_init(&s->lock, NULL);
    s->doors = gw_alloc((s->conf->listeners_count + 1) * sizeof *s->doors);
    st = intermediary_load(s, err);
    for (; st == ST_OK && s->door_count < s->conf->listeners_count; s->door_count++) {
        struct door *door = &s->doors[s->door_count];

        door->server = s;
        door->conf = &s->conf->listeners[s->door_count];
        st = door_open(door, err);
    }
    if (st != ST_OK) {
        gw_osci_server_close(s, 0);
        gw_osci_server_free(s);
        return st;
    }
    s->retain_timer = gw_timer_new(rt->loop, retain_fire, s);
    gw_timer_start(s->retain_timer, RETAIN_FIRST_MS, RETAIN_MS);
    *server = s;
    return ST_OK;
}

void gw_osci_server_close(struct gw_osci_server *s, int64_t grace_ms)
{
    for (size_t i = 0; i < s->door_count; i++) {
        if (s->doors[i].http != NULL)
            gw_http_server_close(s->doors[i].http, grace_ms);
        s->doors[i].http = NULL;
    }
    gw_timer_drop(&s->retain_timer);
}

void gw_osci_server_free(struct gw_osci_server *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->door_count; i++)
        gw_tls_free(s->doors[i].tls);
    free(s->doors);
    osci_sessions_free(s->sessions);
    identity_free(s->identity);
    free(s->known);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

uint16_t gw_osci_server_port(const struct gw_osci_server *s, size_t i)
{
    return gw_http_server_port(s->doors[i].http);
}

#include "gateway/http_client.h"

#include <assert.h>
#include <stdio.h>
#include <strings.h>

#include <curl/curl.h>

#include "gateway/reason.h"

enum {
    CONNECTIONS_MAX = 64,
    PER_HOST_MAX = 4,
    ANSWER_MEMORY = 256 * 1024,
    CONNECT_MS = 15000,
    STALL_MS = 60000,
    STALL_BYTES_PER_S = 64,
    BYTES_PER_S_MIN = 1024,
    HOST_MAX = 320,
};
#define ANSWER_MAX (64ULL * 1024 * 1024)

enum call_state { CALL_WAITING, CALL_RUNNING };

struct gw_http_running {
    struct gw_http_client *client;
    struct gw_http_running *prev, *next;
    enum call_state state;
    char host[HOST_MAX]; /* scheme, host and port: what a connection belongs to */
    CURL *easy;
    struct curl_slist *fields;
    struct gw_pull pull;
    struct buf piece; /* of the request's body: pulled, not yet with curl from at on */
    size_t piece_at;
    uint64_t sent; /* given to curl since the last rewind */
    bool went_out; /* all of it, before that: it may have arrived */
    bool has_body, pulled_all;
    struct gw_body *answer;
    struct error own; /* a failure in one of our callbacks; ST_OK: none */
    bool head_whole;  /* of the answer: the empty line at its end came */
    bool answer_failed, too_large, dripping;
    int64_t began_ms, set_out_ms;
    int64_t asked_ms; /* the whole request was with the network; 0: it is not */
    int64_t stall_ms;
    char text[CURL_ERROR_SIZE];
    void (*done)(void *ctx, struct gw_http_result *result);
    void *ctx;
};

/* Calls wait in our own line, first come first served for each host: curl's line counts the wait as
 * part of the time to connect. */
struct gw_http_client {
    struct gw_loop *loop;
    CURLM *multi;
    uv_timer_t timer;
    bool closing, in_pass;
    char *spool_dir, *proxy, *user_agent;
    struct gw_tls_seen *seen;
    size_t connections_max, per_host_max;
    struct gw_http_running *calls, *calls_last; /* oldest first */
    size_t running;
};

/* One socket of curl's. */
struct watch {
    uv_poll_t poll;
    struct gw_http_client *client;
    curl_socket_t fd;
};

static void pass(struct gw_http_client *client);

static void on_watch_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_poll(uv_poll_t *poll, int rc, int events)
{
    struct watch *w = poll->data;
    struct gw_http_client *client = w->client;
    int flags = 0, still;

    if (rc < 0)
        flags = CURL_CSELECT_ERR;
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    (void)curl_multi_socket_action(client->multi, w->fd, flags, &still);
    pass(client);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    struct gw_http_client *client = ctx;
    struct watch *w = socket_ctx;
    int events = 0;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w != NULL) {
            curl_multi_assign(client->multi, fd, NULL);
            uv_close((uv_handle_t *)&w->poll, on_watch_closed);
        }
        return 0;
    }
    if (w == NULL) {
        w = gw_alloc(sizeof(*w));
        w->client = client;
        w->fd = fd;
        if (uv_poll_init_socket(gw_loop_uv(client->loop), &w->poll, fd) != 0) {
            free(w);
            return -1;
        }
        w->poll.data = w;
        curl_multi_assign(client->multi, fd, w);
    }
    if (what & CURL_POLL_IN)
        events |= UV_READABLE;
    if (what & CURL_POLL_OUT)
        events |= UV_WRITABLE;
    return uv_poll_start(&w->poll, events, on_poll) == 0 ? 0 : -1;
}

static void on_time(uv_timer_t *timer)
{
    struct gw_http_client *client = timer->data;
    int still;

    (void)curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &still);
    pass(client);
}

static int on_timeout(CURLM *multi, long ms, void *ctx)
{
    struct gw_http_client *client = ctx;

    (void)multi;
    if (uv_is_closing((uv_handle_t *)&client->timer))
        return 0;
    if (ms < 0)
        uv_timer_stop(&client->timer);
    else
        uv_timer_start(&client->timer, on_time, (uint64_t)ms, 0);
    return 0;
}

/* The next bytes of the request's body for curl. */
static size_t on_read(char *out, size_t size, size_t count, void *ctx)
{
    struct gw_http_running *call = ctx;
    struct span rest = span_from(buf_span(&call->piece), call->piece_at);
    size_t cap = size * count;

    if (rest.len == 0 && !call->pulled_all) {
        bool end = false;

        buf_reset(&call->piece);
        call->piece_at = 0;
        if (call->pull.next(call->pull.ctx, &call->piece, &end, &call->own) != ST_OK ||
            buf_check(&call->piece, &call->own) != ST_OK)
            return CURL_READFUNC_ABORT;
        if (call->piece.len == 0 && !end) {
            (void)error_set(&call->own, ST_INTERNAL, 0, "a body gives nothing and does not end");
            return CURL_READFUNC_ABORT;
        }
        call->pulled_all = end;
        rest = buf_span(&call->piece);
    }
    if (rest.len > cap)
        rest.len = cap;
    if (rest.len > 0)
        memcpy(out, rest.ptr, rest.len);
    call->piece_at += rest.len;
    call->sent += rest.len;
    return rest.len;
}

/*
 * However little moves is something, and a peer that lets it drip would hold its place for hours.
 * So request and answer each get twice the time that silence gets, and more by their length.
 */
static int on_progress(void *ctx, curl_off_t answer_len, curl_off_t answered,
                       curl_off_t request_len, curl_off_t requested)
{
    struct gw_http_running *call = ctx;
    int64_t now = gw_monotonic_ms(), from, moved;

    (void)answer_len;
    (void)request_len;
    if (call->asked_ms == 0 &&
        (!call->has_body || (call->pulled_all && call->piece_at == call->piece.len &&
                             (uint64_t)requested >= call->sent)))
        call->asked_ms = now;
    from = call->asked_ms != 0 ? call->asked_ms : call->set_out_ms;
    moved = call->asked_ms != 0 ? answered : requested;
    call->dripping = now - from > 2 * call->stall_ms + moved / BYTES_PER_S_MIN * 1000;
    return call->dripping;
}

/* curl is about to send again what it may have sent already. */
static void repetition(struct gw_http_running *call)
{
    if (call->sent > 0)
        call->went_out |= call->pulled_all || call->sent >= call->pull.len;
}

/* A kept connection turned out dead, and curl wants a new one: it may not get that far. */
static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    repetition(ctx);
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* The same, and it has got there. */
static int on_seek(void *ctx, curl_off_t offset, int origin)
{
    struct gw_http_running *call = ctx;

    if (offset != 0 || origin != SEEK_SET || call->pull.reset == NULL)
        return CURL_SEEKFUNC_CANTSEEK;
    repetition(call);
    if (call->pull.reset(call->pull.ctx, &call->own) != ST_OK)
        return CURL_SEEKFUNC_FAIL;
    call->asked_ms = 0;
    call->set_out_ms = gw_monotonic_ms();
    buf_reset(&call->piece);
    call->piece_at = 0;
    call->sent = 0;
    call->pulled_all = false;
    return CURL_SEEKFUNC_OK;
}

/* curl hands over the head line by line, and only whole lines. */
static size_t on_head(char *line, size_t size, size_t n, void *ctx)
{
    struct gw_http_running *call = ctx;
    struct span got = span_of(line, size * n);

    if (span_starts(got, SPAN("HTTP/"))) /* after an interim answer another one begins */
        call->head_whole = false;
    else if (span_eq(got, SPAN("\r\n")) || span_eq(got, SPAN("\n")))
        call->head_whole = true;
    return size * n;
}

static size_t on_answer(char *bytes, size_t size, size_t count, void *ctx)
{
    struct gw_http_running *call = ctx;
    size_t len = size * count;

    if (gw_body_write(call->answer, span_of(bytes, len), &call->own) == ST_OK)
        return len;
    call->answer_failed = true;
    call->too_large = call->own.status == ST_LIMIT;
    return 0;
}

static void call_free(struct gw_http_running *call)
{
    if (call == NULL)
        return;
    gw_pull_close(&call->pull, false);
    if (call->easy != NULL)
        curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->fields);
    buf_deinit(&call->piece);
    gw_body_free(call->answer);
    free(call);
}
DROP_DEFINE(call_drop, struct gw_http_running, call_free)

static bool is_tls_failure(CURLcode rc)
{
    switch (rc) {
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_USE_SSL_FAILED:
        return true;
    default:
        return false;
    }
}

static const char *call_text(const struct gw_http_running *call, CURLcode rc)
{
    return call->text[0] != '\0' ? call->text : curl_easy_strerror(rc);
}

static long info_long(CURL *easy, CURLINFO info)
{
    long value = 0;

    (void)curl_easy_getinfo(easy, info, &value);
    return value;
}

/* What became of the call; fills outcome and error. */
static void judge(struct gw_http_running *call, CURLcode rc, struct gw_http_result *r)
{
    const char *text = call_text(call, rc);
    bool sent = call->went_out || info_long(call->easy, CURLINFO_REQUEST_SIZE) > 0;
    const struct gw_curl_failure failure = {.rc = (int)rc,
                                            .connected = sent,
                                            .os_errno = info_long(call->easy, CURLINFO_OS_ERRNO),
                                            .verify =
                                                info_long(call->easy, CURLINFO_SSL_VERIFYRESULT),
                                            .text = call->text};
    int reason = gw_reason_curl(&failure);
    curl_off_t uploaded = 0;

    (void)curl_easy_getinfo(call->easy, CURLINFO_SIZE_UPLOAD_T, &uploaded);
    r->request_complete =
        call->went_out ||
        (sent && (!call->has_body ||
                  ((call->pulled_all || call->sent >= call->pull.len) &&
                   call->piece_at == call->piece.len && (uint64_t)uploaded >= call->sent)));
    r->status = (int)info_long(call->easy, CURLINFO_RESPONSE_CODE);
    r->error = call->own;
    if (call->answer_failed) {
        r->outcome = call->too_large ? GW_HTTP_TOO_LARGE : GW_HTTP_NO_ANSWER;
    } else if (call->own.status != ST_OK) {
        r->outcome = GW_HTTP_BODY_FAILED;
    } else if (rc == CURLE_OK && call->head_whole) {
        r->outcome = GW_HTTP_ANSWERED;
    } else if (rc == CURLE_OK) { /* to curl a head that breaks off is a head */
        r->outcome = GW_HTTP_NO_ANSWER;
        (void)error_set(&r->error, ST_RETRY, GW_R_NET_CUT,
                        "no whole answer from %s: it ended within the head", call->host);
    } else if (is_tls_failure(rc) && !sent) {
        r->outcome = GW_HTTP_TLS;
        (void)error_set(&r->error, rc == CURLE_SSL_CONNECT_ERROR ? ST_RETRY : ST_DENIED, reason,
                        "no trusted TLS connection to %s: %s", call->host, text);
    } else if (rc == CURLE_URL_MALFORMAT || rc == CURLE_UNSUPPORTED_PROTOCOL ||
               rc == CURLE_WEIRD_SERVER_REPLY) {
        r->outcome = sent ? GW_HTTP_NO_ANSWER : GW_HTTP_NOT_CONNECTED;
        (void)error_set(&r->error, ST_INVALID, reason, "no HTTP with %s: %s", call->host, text);
    } else {
        r->outcome = sent ? GW_HTTP_NO_ANSWER : GW_HTTP_NOT_CONNECTED;
        (void)error_set(&r->error, ST_RETRY, reason, "%s %s: %s",
                        sent ? "no whole answer from" : "no connection to", call->host, text);
    }
}

static void unlink_call(struct gw_http_running *call)
{
    struct gw_http_client *client = call->client;

    if (call->prev != NULL)
        call->prev->next = call->next;
    else
        client->calls = call->next;
    if (call->next != NULL)
        call->next->prev = call->prev;
    else
        client->calls_last = call->prev;
    if (call->state == CALL_RUNNING) {
        client->running--;
        curl_multi_remove_handle(client->multi, call->easy);
    }
}

/* The server's own certificate, where this call made the connection. */
static void server_note(const struct gw_http_running *call)
{
    static const char label[] = "Cert:";
    struct curl_certinfo *chain = NULL;
    AUTO(cert_drop) struct cert *cert = NULL;
    struct error ignored = {0};

    if (call->client->seen == NULL ||
        curl_easy_getinfo(call->easy, CURLINFO_CERTINFO, &chain) != CURLE_OK || chain == NULL ||
        chain->num_of_certs < 1)
        return;
    for (const struct curl_slist *row = chain->certinfo[0]; row != NULL; row = row->next)
        if (strncmp(row->data, label, strlen(label)) == 0 &&
            cert_from_pem(span_str(row->data + strlen(label)), &cert, &ignored) == ST_OK) {
            gw_tls_seen_note(call->client->seen, true, call->host, cert, gw_now_ms());
            return;
        }
}

static void finish(struct gw_http_running *call, CURLcode rc, bool cancelled)
{
    struct gw_http_result r = {.retry_after_ms = -1, .ms = gw_monotonic_ms() - call->began_ms};
    const char *type = NULL;
    curl_off_t retry_after = 0;

    if (call->dripping && rc == CURLE_ABORTED_BY_CALLBACK) {
        rc = CURLE_OPERATION_TIMEDOUT;
        (void)snprintf(call->text, sizeof call->text, "it moves less than %d bytes a second",
                       BYTES_PER_S_MIN);
    }
    judge(call, rc, &r);
    server_note(call);
    if (cancelled) {
        r.outcome = GW_HTTP_CANCELLED;
        (void)error_set(&r.error, ST_RETRY, 0, "the call to %s was cancelled", call->host);
    }
    (void)curl_easy_getinfo(call->easy, CURLINFO_CONTENT_TYPE, &type);
    r.content_type = type == NULL ? "" : type;
    (void)curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &retry_after);
    if (retry_after > 0)
        r.retry_after_ms = (int64_t)retry_after * 1000;
    if (r.outcome == GW_HTTP_ANSWERED)
        r.body = TAKE(call->answer);
    unlink_call(call);
    gw_pull_close(&call->pull, r.request_complete);
    call->done(call->ctx, &r);
    gw_body_free(r.body);
    call_free(call);
}

static size_t running_for(const struct gw_http_client *client, const char *host)
{
    size_t count = 0;

    for (const struct gw_http_running *c = client->calls; c != NULL; c = c->next)
        count += c->state == CALL_RUNNING && strcmp(c->host, host) == 0;
    return count;
}

/* Those at the front of their host's line set out while there is room. */
static void set_out(struct gw_http_client *client)
{
    for (struct gw_http_running *c = client->calls;
         c != NULL && client->running < client->connections_max; c = c->next) {
        if (c->state == CALL_RUNNING || running_for(client, c->host) >= client->per_host_max)
            continue;
        c->state = CALL_RUNNING;
        c->set_out_ms = gw_monotonic_ms();
        client->running++;
        if (curl_multi_add_handle(client->multi, c->easy) != CURLM_OK)
            abort(); /* memory only */
    }
}

/* After each turn of curl's: what is done ends, what waits may set out. */
static void pass(struct gw_http_client *client)
{
    CURLMsg *msg;
    int left;

    if (client->in_pass)
        return;
    client->in_pass = true;
    while (!client->closing && (msg = curl_multi_info_read(client->multi, &left)) != NULL) {
        char *private = NULL;

        if (msg->msg != CURLMSG_DONE)
            continue;
        (void)curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &private);
        finish((struct gw_http_running *)(void *)private, msg->data.result, false);
    }
    client->in_pass = false;
    if (!client->closing)
        set_out(client);
}

static char *dup_or_null(const char *s)
{
    char *copy = s == NULL ? NULL : strdup(s);

    if (s != NULL && copy == NULL)
        abort(); /* as gw_alloc */
    return copy;
}

enum status gw_http_client_new(struct gw_loop *loop, const struct gw_http_client_conf *conf,
                               struct gw_http_client **client, struct error *err)
{
    struct gw_http_client *c = gw_alloc(sizeof(*c));

    c->multi = curl_multi_init();
    if (c->multi == NULL) {
        free(c);
        return error_set(err, ST_INTERNAL, 0, "no HTTP client: curl does not start");
    }
    c->loop = loop;
    c->spool_dir = dup_or_null(conf->spool_dir);
    c->seen = conf->seen;
    c->proxy = dup_or_null(conf->proxy);
    c->user_agent =
        dup_or_null(conf->user_agent == NULL ? "depesche/" DEPESCHE_VERSION : conf->user_agent);
    c->connections_max = conf->connections_max == 0 ? CONNECTIONS_MAX : conf->connections_max;
    c->per_host_max = conf->per_host_max == 0 ? PER_HOST_MAX : conf->per_host_max;
    uv_timer_init(gw_loop_uv(loop), &c->timer);
    c->timer.data = c;
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)c->connections_max);
    *client = c;
    return ST_OK;
}

static void on_client_closed(uv_handle_t *handle)
{
    struct gw_http_client *client = handle->data;

    curl_multi_cleanup(client->multi); /* its sockets' watches close behind us */
    free(client->spool_dir);
    free(client->proxy);
    free(client->user_agent);
    free(client);
}

void gw_http_client_close(struct gw_http_client *client)
{
    client->closing = true;
    while (client->calls != NULL)
        finish(client->calls, CURLE_ABORTED_BY_CALLBACK, true);
    uv_close((uv_handle_t *)&client->timer, on_client_closed);
}

void gw_http_cancel(struct gw_http_running *running)
{
    struct gw_http_client *client = running->client;

    finish(running, CURLE_ABORTED_BY_CALLBACK, true);
    if (!client->closing && !client->in_pass)
        set_out(client);
}

/* What connections are counted by; also refuses what is no URL of ours. */
static enum status host_read(struct gw_http_running *call, const char *url, struct error *err)
{
    CURLU *u = curl_url();
    char *scheme = NULL, *host = NULL, *port = NULL;
    enum status st = ST_OK;

    TRY_ALLOC(u, err);
    if (curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK ||
        (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
        st = error_set(err, ST_INVALID, 0, "%.200s is not an http or https URL", url);
    else
        snprintf(call->host, sizeof(call->host), "%s://%.270s:%s", scheme, host, port);
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(u);
    return st;
}

static enum status field_add(struct gw_http_running *call, const char *line, struct error *err)
{
    struct curl_slist *longer = curl_slist_append(call->fields, line);

    TRY_ALLOC(longer, err);
    call->fields = longer;
    return ST_OK;
}

static enum status fields_set(struct gw_http_running *call, const struct gw_http_call *conf,
                              struct error *err)
{
    TRY(field_add(call, "Expect:", err)); /* no waiting for 100 Continue */
    TRY(field_add(call, "Accept:", err));
    for (size_t i = 0; i < conf->field_count; i++) {
        AUTO(buf_deinit) struct buf line = {0};
        struct span name = conf->fields[i].name, value = conf->fields[i].value;

        buf_init(&line, 16 * 1024);
        buf_add(&line, name);
        buf_str(&line, value.len == 0 ? ";" : ": "); /* curl's way to write an empty field */
        buf_add(&line, value);
        TRY(buf_check(&line, err));
        if (name.len == 0 || strpbrk(buf_cstr(&line), "\r\n") != NULL ||
            strlen(buf_cstr(&line)) != line.len)
            return error_set(err, ST_INVALID, 0, "a request field with a line break");
        TRY(field_add(call, buf_cstr(&line), err));
    }
    return ST_OK;
}

#define SET(option, value)                                                                         \
    do {                                                                                           \
        CURLcode set_ = curl_easy_setopt(call->easy, option, value);                               \
        if (set_ != CURLE_OK)                                                                      \
            return error_set(err, ST_INTERNAL, 0, "curl refuses " #option ": %s",                  \
                             curl_easy_strerror(set_));                                            \
    } while (0)

static struct curl_blob blob_of(struct span pem)
{
    return (struct curl_blob){(void *)(uintptr_t)pem.ptr, pem.len, CURL_BLOB_COPY};
}

static enum status tls_set(struct gw_http_running *call, const struct gw_tls_client *tls,
                           struct error *err)
{
    struct curl_blob blob;

    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_CIPHER_LIST, "ECDHE+AESGCM:ECDHE+CHACHA20");
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_CERTINFO, call->client->seen == NULL ? 0L : 1L);
    if (tls == NULL)
        return ST_OK;
    if (tls->ca_pem.len > 0 || tls->ca_file != NULL || tls->ca_dir != NULL) {
        SET(CURLOPT_CAINFO, tls->ca_pem.len > 0 ? NULL : tls->ca_file); /* and no others */
        SET(CURLOPT_CAPATH, tls->ca_dir);
    }
    if (tls->ca_pem.len > 0) {
        blob = blob_of(tls->ca_pem);
        SET(CURLOPT_CAINFO_BLOB, &blob);
    }
    if (tls->cert_pem.len > 0) {
        blob = blob_of(tls->cert_pem);
        SET(CURLOPT_SSLCERT_BLOB, &blob);
        blob = blob_of(tls->key_pem);
        SET(CURLOPT_SSLKEY_BLOB, &blob);
        SET(CURLOPT_KEYPASSWD, tls->key_password);
    }
    return ST_OK;
}

static enum status limits_set(struct gw_http_running *call, const struct gw_http_call *conf,
                              struct error *err)
{
    int64_t stall_ms = conf->stall_ms == 0 ? STALL_MS : conf->stall_ms;

    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(conf->connect_ms == 0 ? CONNECT_MS : conf->connect_ms));
    SET(CURLOPT_TIMEOUT_MS, (long)conf->total_ms);
    SET(CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES_PER_S);
    SET(CURLOPT_LOW_SPEED_TIME, (long)((stall_ms + 999) / 1000));
    SET(CURLOPT_NOSIGNAL, 1L);
    call->stall_ms = stall_ms;
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, call);
    SET(CURLOPT_NOPROGRESS, 0L);
    return ST_OK;
}

static enum status body_set(struct gw_http_running *call, const struct gw_http_call *conf,
                            struct error *err)
{
    const char *method = conf->method;
    uint64_t len = call->pull.len;

    if (method == NULL)
        method = call->has_body ? "POST" : "GET";
    if (call->has_body) {
        SET(CURLOPT_UPLOAD, 1L);
        SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)(len == GW_LEN_UNKNOWN ? -1 : (int64_t)len));
        SET(CURLOPT_READFUNCTION, on_read);
        SET(CURLOPT_READDATA, call);
        SET(CURLOPT_SEEKFUNCTION, on_seek);
        SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
        SET(CURLOPT_OPENSOCKETDATA, call);
        SET(CURLOPT_SEEKDATA, call);
    } else if (strcmp(method, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
        return ST_OK;
    } else if (strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0) {
        SET(CURLOPT_POSTFIELDS, ""); /* "Content-Length: 0" is expected there */
    }
    SET(CURLOPT_CUSTOMREQUEST, method);
    return ST_OK;
}

static enum status easy_set(struct gw_http_running *call, const struct gw_http_call *conf,
                            struct error *err)
{
    const struct gw_http_client *client = call->client;

    SET(CURLOPT_PRIVATE, call);
    SET(CURLOPT_URL, conf->url);
    SET(CURLOPT_UNIX_SOCKET_PATH, conf->unix_path);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, client->proxy == NULL ? "" : client->proxy);
    SET(CURLOPT_NOPROXY, client->proxy == NULL ? "*" : "");
    SET(CURLOPT_USERAGENT, client->user_agent);
    SET(CURLOPT_ERRORBUFFER, call->text);
    SET(CURLOPT_HEADERFUNCTION, on_head);
    SET(CURLOPT_HEADERDATA, call);
    SET(CURLOPT_WRITEFUNCTION, on_answer);
    SET(CURLOPT_WRITEDATA, call);
    SET(CURLOPT_BUFFERSIZE, (long)GW_PULL_STEP);
    SET(CURLOPT_UPLOAD_BUFFERSIZE, (long)GW_PULL_STEP);
    TRY(limits_set(call, conf, err));
    TRY(tls_set(call, conf->tls, err));
    TRY(body_set(call, conf, err));
    TRY(fields_set(call, conf, err));
    SET(CURLOPT_HTTPHEADER, call->fields);
    return ST_OK;
}

enum status gw_http_call(struct gw_http_client *client, const struct gw_http_call *conf,
                         struct gw_http_running **running, struct error *err)
{
    AUTO(call_drop) struct gw_http_running *call = gw_alloc(sizeof(*call));
    size_t memory_max = conf->answer_memory_max == 0 ? ANSWER_MEMORY : conf->answer_memory_max;

    assert(conf->done != NULL);
    call->client = client;
    call->pull = conf->body;
    call->has_body = conf->body.next != NULL;
    call->done = conf->done;
    call->ctx = conf->ctx;
    call->began_ms = gw_monotonic_ms();
    buf_init(&call->piece, 2 * GW_PULL_STEP);
    if (client->closing)
        return error_set(err, ST_RETRY, 0, "the HTTP client is shutting down");
    TRY(host_read(call, conf->url, err));
    TRY(gw_body_new(client->spool_dir, memory_max,
                    conf->answer_max == 0 ? ANSWER_MAX : conf->answer_max, &call->answer, err));
    call->easy = curl_easy_init();
    TRY_ALLOC(call->easy, err);
    TRY(easy_set(call, conf, err));
    call->prev = client->calls_last;
    if (call->prev != NULL)
        call->prev->next = call;
    else
        client->calls = call;
    client->calls_last = call;
    if (running != NULL)
        *running = call;
    call = NULL; /* the list's now, until finish */
    if (!client->in_pass)
        set_out(client);
    return ST_OK;
}

const char *gw_http_outcome_name(enum gw_http_outcome outcome)
{
    static const char *const names[] = {
        [GW_HTTP_ANSWERED] = "answered",
        [GW_HTTP_NOT_CONNECTED] = "not connected",
        [GW_HTTP_TLS] = "TLS failed",
        [GW_HTTP_NO_ANSWER] = "no answer",
        [GW_HTTP_TOO_LARGE] = "answer too large",
        [GW_HTTP_BODY_FAILED] = "body failed",
        [GW_HTTP_CANCELLED] = "cancelled",
    };

    return names[outcome];
}

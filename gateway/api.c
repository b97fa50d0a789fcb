#include "gateway/api.h"

#include <stdio.h>

#include "gateway/api_call.h"
#include "gateway/card.h"
#include "gateway/log.h"
#include "gateway/worker.h"

enum {
    GRACE_MS = 2000,
    CONNECTIONS_MAX = 128,
    CONNECTIONS_EACH = 96,          /* of one user: the operator still gets in */
    STREAM_BYTES_MAX = 512 * 1024,  /* unread ones of a stream */
    UPLOAD_SLACK = 2 * 1024 * 1024, /* meta and the parts' heads */
    PROBLEM_MAX = 16 * 1024,
    PARAM_MAX = 1024,
    RETRY_AFTER_S = 30,
};

static const char *const list_params[] = {
    "box", "state", "endpoint", "partner", "type",          "since", "until",
    "q",   "limit", "cursor",   "overdue", "overdue_since", NULL};
static const char *const event_params[] = {"after",   "before", "limit", "endpoint",
                                           "message", "kind",   "audit", NULL};
static const char *const audit_params[] = {"tenant", "since", "head", NULL};
static const char *const outlook_params[] = {"on", NULL};
static const char *const backup_params[] = {"dir", NULL};
static const char *const reason_params[] = {"reason", NULL};

static const char *const redeliver_params[] = {"endpoint", "since", NULL};

static const struct gw_api_route routes[] = {
    {GW_HTTP_POST, "/v1/messages", gw_api_send_message, NULL, true},
    {GW_HTTP_GET, "/v1/messages", gw_api_messages, list_params, false},
    {GW_HTTP_GET, "/v1/messages/{}", gw_api_message, NULL, false},
    {GW_HTTP_GET, "/v1/messages/{}/events", gw_api_message_events, NULL, false},
    {GW_HTTP_GET, "/v1/messages/{}/files/{}", gw_api_message_file, NULL, false},
    {GW_HTTP_GET, "/v1/messages/{}/why", gw_api_message_why, NULL, false},
    {GW_HTTP_GET, "/v1/why", gw_api_why, NULL, false},
    {GW_HTTP_GET, "/v1/messages/{}/receipt", gw_api_message_receipt, NULL, false},
    {GW_HTTP_POST, "/v1/messages/{}/answer", gw_api_send_answer, NULL, true},
    {GW_HTTP_POST, "/v1/messages/{}/release", gw_api_release, reason_params, false},
    {GW_HTTP_POST, "/v1/messages/{}/discard", gw_api_discard, reason_params, false},
    {GW_HTTP_POST, "/v1/messages/{}/ack", gw_api_ack, reason_params, false},
    {GW_HTTP_POST, "/v1/messages/{}/retry", gw_api_retry, reason_params, false},
    {GW_HTTP_POST, "/v1/messages/{}/cancel", gw_api_cancel, reason_params, false},
    {GW_HTTP_POST, "/v1/redeliver", gw_api_redeliver, redeliver_params, false},
    {GW_HTTP_GET, "/v1/events", gw_api_events, event_params, false},
    {GW_HTTP_GET, "/v1/audit", gw_api_audit, audit_params, false},
    {GW_HTTP_POST, "/v1/backup", gw_api_backup, backup_params, false},
    {GW_HTTP_GET, "/v1/status", gw_api_status, NULL, false},
    {GW_HTTP_GET, "/v1/health", gw_api_health, NULL, false},
    {GW_HTTP_GET, "/metrics", gw_api_metrics, NULL, false},
    {GW_HTTP_GET, "/v1/mailboxes", gw_api_mailboxes, NULL, false},
    {GW_HTTP_GET, "/v1/intermediary", gw_api_intermediary, NULL, false},
    {GW_HTTP_GET, "/v1/certificates", gw_api_certificates, NULL, false},
    {GW_HTTP_GET, "/v1/outlook", gw_api_outlook, outlook_params, false},
    {GW_HTTP_GET, "/v1/directory", gw_api_directory, NULL, false},
    {GW_HTTP_GET, "/v1/routes", gw_api_routes, NULL, false},
    {GW_HTTP_POST, "/v1/fetch", gw_api_fetch, NULL, false},
    {GW_HTTP_GET, "/v1/doctor", gw_api_doctor, NULL, false},
    {GW_HTTP_POST, "/v1/reload", gw_api_reload, NULL, false},
};

/* ---- answers ---- */

static struct gw_api_call *call_new(struct gw_api_server *server, struct gw_http_request *req)
{
    struct gw_api_call *call = gw_alloc(sizeof *call);
    struct span lang = gw_http_head_field(gw_http_request_head(req), "Accept-Language");
    char text[256];

    call->server = server;
    call->req = req;
    call->uid = gw_http_request_peer(req)->uid;
    call->admin = gw_api_is_admin(&server->rights, call->uid);
    call->began = gw_monotonic_ms();
    call->file.fd = -1;
    lang = span_sub(lang, 0, sizeof text - 1);
    if (lang.len > 0)
        memcpy(text, lang.ptr, lang.len);
    text[lang.len] = '\0';
    call->lang = gw_lang_of(text, GW_LANG_EN);
    arena_init(&call->arena, GW_API_ARENA_MAX);
    buf_init(&call->title, PROBLEM_MAX);
    buf_init(&call->action, PROBLEM_MAX);
    buf_init(&call->disposition, PROBLEM_MAX);
    return call;
}

static void call_free(struct gw_api_call *call)
{
    json_decref(call->json);
    gw_file_source_deinit(&call->file);
    gw_api_stream_free(call->stream);
    gw_body_free(call->body);
    arena_deinit(&call->arena);
    buf_deinit(&call->title);
    buf_deinit(&call->action);
    buf_deinit(&call->disposition);
    buf_deinit(&call->text);
    free(call);
}

static void file_close(void *ctx, bool whole)
{
    (void)whole;
    call_free(ctx);
}

static void call_log(const struct gw_api_call *call)
{
    const struct gw_http_head *head = gw_http_request_head(call->req);
    const struct gw_log_field error =
        call->why.status == ST_OK ? LOG_STR("error", NULL) : LOG_ERR(&call->why);

    gw_log(call->server->rt->log, call->status >= 500 ? GW_LOG_ERROR : GW_LOG_DEBUG,
           call->status >= 400 ? "api.refused" : "api.answered",
           LOG_SPAN("method", head->method_name), LOG_SPAN("path", head->path),
           LOG_INT("uid", call->uid), LOG_INT("status", call->status),
           LOG_INT("ms", gw_monotonic_ms() - call->began), error);
}

static void file_answer(struct gw_api_call *call)
{
    const struct gw_http_portion *part = &call->portion;
    const struct gw_http_field fields[] = {
        {SPAN("ETag"), span_str(call->etag)},
        {SPAN("Accept-Ranges"), SPAN("bytes")},
        {SPAN("Content-Disposition"), buf_span(&call->disposition)},
        {SPAN("X-Content-Type-Options"), SPAN("nosniff")},
        {span_str(call->field), span_str(call->field_value)},
    };
    struct gw_http_reply reply = {.status = call->status,
                                  .fields = fields,
                                  .field_count = ARRAY_LEN(fields) - (call->field == NULL)};

    if (part->kind != GW_PORTION_UNCHANGED)
        reply.content_type = "application/octet-stream";
    reply.pull = gw_pull_part(&call->file.base, part->first, part->len, file_close, call);
    gw_http_answer(call->req, &reply);
}

/* Answers with what was made, and frees the call. */
static void call_answer(struct gw_api_call *call)
{
    const struct gw_http_field field = {span_str(call->field), span_str(call->field_value)};
    struct gw_http_reply reply = {.status = call->status, .content_type = "application/json"};
    char *text;

    call_log(call);
    if (call->status / 100 < 6)
        atomic_fetch_add(&call->server->answers[call->status / 100], 1);
    if (call->has_file) {
        file_answer(call);
        return;
    }
    if (call->stream != NULL) {
        gw_api_stream_begin(call);
        call_free(call);
        return;
    }
    if (call->reason != 0)
        reply.content_type = "application/problem+json";
    if (call->has_text && call->reason == 0) {
        reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
        reply.bytes = buf_span(&call->text);
        gw_http_answer(call->req, &reply);
        call_free(call);
        return;
    }
    if (call->field != NULL) {
        reply.fields = &field;
        reply.field_count = 1;
    }
    text = gw_json_dump(call->json, JSON_COMPACT);
    reply.bytes = span_str(text);
    if (text == NULL) { /* no memory, even for a problem */
        reply.status = 500;
        reply.content_type = "application/problem+json";
        reply.bytes = SPAN("{\"title\":\"out of memory\",\"status\":500,\"code\":\"D-1900\"}");
    }
    gw_http_answer(call->req, &reply);
    free(text);
    call_free(call);
}

/* A parameter that nobody knows is a mistake: a filter misspelt would show too much. */
static enum status params_check(struct gw_api_call *call, struct error *err)
{
    struct span query = gw_http_request_head(call->req)->query, pair, name;

    while (span_split(&query, '&', &pair)) {
        const char *const *known = call->route->params;
        char detail[128];

        if (pair.len == 0)
            continue;
        (void)span_split(&pair, '=', &name);
        while (known != NULL && *known != NULL && !span_is(name, *known))
            known++;
        if (known != NULL && *known != NULL)
            continue;
        name = span_sub(name, 0, 60);
        (void)snprintf(detail, sizeof detail, "parameter %.*s", SPAN_FMT(name));
        return gw_api_problem_of(call, 400, GW_R_API_BAD_REQUEST, err, "detail", detail);
    }
    return ST_OK;
}

static void call_run(void *ctx)
{
    struct gw_api_call *call = ctx;

    if (params_check(call, &call->why) == ST_OK && call->route->run(call, &call->why) == ST_OK)
        return;
    if (call->reason == GW_R_API_DENIED)
        gw_api_denied(call);
    gw_api_problem_make(call);
    json_decref(call->json);
    call->json = gw_api_problem_json(call);
}

/* ---- what is refused on the loop ---- */

static void refuse(struct gw_api_call *call)
{
    call->json = gw_api_problem_json(call);
    call_answer(call);
}

static void refuse_stream(struct gw_api_call *call)
{
    char max[24];

    gw_api_stream_free(call->stream);
    call->stream = NULL;
    call->field = "Retry-After";
    (void)snprintf(call->field_value, sizeof call->field_value, "%d", RETRY_AFTER_S);
    (void)snprintf(max, sizeof max, "%d", GW_API_STREAMS_EACH);
    (void)gw_api_problem_of(call, 503, GW_R_API_STREAMS, &call->why, "max", max);
    refuse(call);
}

static void call_done(void *ctx)
{
    struct gw_api_call *call = ctx;

    if (call->stream != NULL && !gw_api_stream_room(call))
        refuse_stream(call);
    else
        call_answer(call);
}

/* ---- what is refused from the head alone ---- */

static void refuse_path(struct gw_api_call *call, const char *allow)
{
    const struct gw_http_head *head = gw_http_request_head(call->req);
    struct error *err = &call->why;
    const char *path = arena_str(&call->arena, span_sub(head->path, 0, 200));
    const char *method = arena_str(&call->arena, span_sub(head->method_name, 0, 40));
    const struct gw_explain_field fields[] = {{"path", path}, {"method", method}};

    if (allow[0] != '\0') {
        call->field = "Allow";
        (void)snprintf(call->field_value, sizeof call->field_value, "%s", allow);
    }
    if (allow[0] != '\0')
        (void)gw_api_problem(call, 405, GW_R_API_METHOD, err, fields, ARRAY_LEN(fields));
    else
        (void)gw_api_problem(call, 404, GW_R_API_NOT_FOUND, err, fields, ARRAY_LEN(fields));
    refuse(call);
}

static void refuse_size(struct gw_api_call *call, const struct gw_api_route *route)
{
    call->route = route;
    (void)gw_api_problem_size(call, &call->why);
    refuse(call);
}

/* ---- routes ---- */

/* Does the path fit? {} stands for one part that is not empty. */
static bool fits(const char *pattern, struct span path, struct span args[2])
{
    struct span want = span_str(pattern), w, p;
    size_t count = 0;

    for (;;) {
        bool more = span_split(&want, '/', &w);

        if (more != span_split(&path, '/', &p))
            return false;
        if (!more)
            return true;
        if (span_is(w, "{}") && p.len > 0)
            args[count++] = p;
        else if (!span_eq(w, p))
            return false;
    }
}

static bool method_fits(enum gw_http_method route, enum gw_http_method asked)
{
    return route == asked || (route == GW_HTTP_GET && asked == GW_HTTP_HEAD);
}

/* The route of this request; NULL with the methods that there are at this path. */
static const struct gw_api_route *route_find(const struct gw_http_head *head, struct span args[2],
                                             char allow[64])
{
    size_t len = 0;

    allow[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        if (!fits(routes[i].pattern, head->path, args))
            continue;
        if (method_fits(routes[i].method, head->method))
            return &routes[i];
        len += (size_t)snprintf(allow + len, 64 - len, "%s%s", len > 0 ? ", " : "",
                                routes[i].method == GW_HTTP_GET ? "GET, HEAD" : "POST");
    }
    return NULL;
}

static void on_request(void *ctx, struct gw_http_request *req)
{
    struct gw_api_server *server = ctx;
    const struct gw_http_head *head = gw_http_request_head(req);
    struct span args[2];
    char allow[64];
    const struct gw_api_route *route = route_find(head, args, allow);
    uint64_t max = route != NULL && route->upload ? server->upload_max : GW_API_BODY_MAX;

    if (!gw_api_may_any(&server->rights, gw_http_request_peer(req)->uid)) {
        struct gw_api_call *call = call_new(server, req);

        (void)gw_api_problem_denied(call, NULL, &call->why);
        gw_api_denied_later(call);
        refuse(call);
    } else if (route == NULL) {
        refuse_path(call_new(server, req), allow);
    } else if (head->body_len != GW_HTTP_CHUNKED && head->body_len > max) {
        refuse_size(call_new(server, req), route);
    } else {
        gw_http_request_body_max(req, max);
    }
}

/* What never became a request of ours: broken HTTP, too large, too slow. */
static void on_refuse(void *ctx, struct gw_http_request *req, int status, const struct error *err)
{
    struct gw_api_call *call = call_new(ctx, req);
    const struct gw_http_head *head = gw_http_request_head(req);
    char allow[64];

    call->route = head->path.len > 0 ? route_find(head, call->args, allow) : NULL;
    gw_api_problem_http(call, status, err);
    refuse(call);
}

static void on_complete(void *ctx, struct gw_http_request *req)
{
    struct gw_api_call *call = call_new(ctx, req);
    char allow[64];

    call->route = route_find(gw_http_request_head(req), call->args, allow);
    call->body = gw_http_request_take_body(req);
    gw_worker_run(call->server->rt->loop, call_run, call_done, call);
}

enum status gw_api_param(struct gw_api_call *call, const char *name, const char **value,
                         struct error *err)
{
    AUTO(buf_deinit) struct buf text = {0};
    enum status st;

    *value = NULL;
    buf_init(&text, PARAM_MAX);
    st = gw_http_query(gw_http_request_head(call->req), name, &text, err);
    if (st == ST_NOT_FOUND)
        return ST_OK;
    if (st != ST_OK)
        return gw_api_problem_of(call, 400, GW_R_API_BAD_REQUEST, err, "detail", name);
    *value = arena_str(&call->arena, buf_span(&text));
    TRY_ALLOC(*value, err);
    return ST_OK;
}

enum status gw_api_bad(struct gw_api_call *call, const char *detail, struct error *err)
{
    return gw_api_problem_of(call, 400, GW_R_API_BAD_REQUEST, err, "detail", detail);
}

enum status gw_api_param_limit(struct gw_api_call *call, size_t *limit, struct error *err)
{
    const char *text;
    uint64_t value = GW_API_LIMIT_DEFAULT;

    TRY(gw_api_param(call, "limit", &text, err));
    if (text != NULL && (!span_to_u64(span_str(text), &value) || value < 1 || value > GW_LIST_MAX))
        return gw_api_bad(call, "limit=1...1000", err);
    *limit = (size_t)value;
    return ST_OK;
}

enum status gw_api_param_time(struct gw_api_call *call, const char *name, int64_t *ms,
                              struct error *err)
{
    const char *text;
    char whole[64];

    *ms = 0;
    TRY(gw_api_param(call, name, &text, err));
    if (text == NULL)
        return ST_OK;
    (void)snprintf(whole, sizeof whole, "%s%s", text, strlen(text) == 10 ? "T00:00:00Z" : "");
    if (strlen(text) >= sizeof whole || !gw_card_time_ms(span_str(whole), ms)) {
        (void)snprintf(whole, sizeof whole, "%s=2026-05-04T08:15:00Z", name);
        return gw_api_bad(call, whole, err);
    }
    return ST_OK;
}

/* ---- up and down ---- */

static void stop(void *ctx)
{
    struct gw_api_server *server = ctx;

    gw_api_streams_close(server);
    gw_http_server_close(server->http, GRACE_MS);
    server->http = NULL;
}

enum status gw_api_start(struct gw_runtime *rt, struct gw_api_server **out, struct error *err)
{
    AUTO(gw_api_server_drop) struct gw_api_server *server = gw_alloc(sizeof *server);
    struct gw_http_owner owner;
    struct gw_http_listen listen = {.unix_path = rt->conf->api.socket,
                                    .unix_mode = (mode_t)rt->conf->api.mode,
                                    .unix_owner = &owner,
                                    .spool_dir = rt->temp_dir,
                                    .limits = gw_http_limits_default(),
                                    .handler = {.on_request = on_request,
                                                .on_complete = on_complete,
                                                .on_refuse = on_refuse,
                                                .ctx = server}};

    gw_api_metrics_init(server);
    gw_refusals_init(&server->refusals);
    server->rt = rt;
    server->started_at = gw_now_ms();
    server->upload_max = ((uint64_t)rt->conf->limits.message_max_mb << 20) + UPLOAD_SLACK;
    TRY(gw_api_rights_load(&server->rights, rt->conf, err));
    TRY(gw_api_owner_load(&rt->conf->api, &owner, err));
    listen.limits.body_max = GW_API_BODY_MAX;
    listen.limits.body_memory_max = (size_t)rt->conf->limits.memory_kb * 1024;
    listen.limits.connections_max = CONNECTIONS_MAX;
    listen.limits.connections_each = CONNECTIONS_EACH;
    listen.limits.stream_bytes_max = STREAM_BYTES_MAX;
    TRY(gw_http_server_new(rt->loop, &listen, &server->http, err));
    gw_api_streams_open(server);
    gw_loop_on_stop(rt->loop, stop, server);
    gw_log(rt->log, GW_LOG_INFO, "api.listening", LOG_STR("socket", rt->conf->api.socket));
    *out = TAKE(server);
    return ST_OK;
}

void gw_api_use_server(struct gw_api_server *server, const struct gw_osci_server *osci)
{
    server->osci = osci;
}

void gw_api_use_lanes(struct gw_api_server *server, struct gw_lanes *lanes)
{
    server->lanes = lanes;
}

void gw_api_use_requests(struct gw_api_server *server, struct gw_requests *requests)
{
    server->requests = requests;
}

void gw_api_use_reload(struct gw_api_server *server, const struct gw_reload *reload)
{
    server->reload = reload;
}

void gw_api_server_free(struct gw_api_server *server)
{
    if (server == NULL)
        return;
    gw_api_rights_deinit(&server->rights);
    gw_api_metrics_deinit(server);
    gw_refusals_deinit(&server->refusals);
    free(server);
}

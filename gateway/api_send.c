/* POST /v1/messages and the answers to requests: from a spooled body to a durable message, in one
 * pass and bounded memory. */
#include <stdio.h>

#include "crypto/digest.h"
#include "gateway/api_call.h"
#include "gateway/api_meta.h"
#include "gateway/card.h"
#include "gateway/header.h"
#include "gateway/log.h"
#include "gateway/multipart.h"
#include "gateway/patience.h"
#include "gateway/payload.h"
#include "gateway/route.h"
#include "gateway/transform_message.h"
#include "osci/custom.h"

enum { FILES_MAX = 1000, CONTENT_MAX = 4 * 1024 * 1024 };

/* One message on its way in. */
struct sending {
    struct gw_api_call *call;
    struct gw_multipart parts;
    struct gw_api_meta meta;
    struct gw_routing routing;
    const char *key; /* the idempotency key as the store knows it, NULL: none */
    char content[2 * GW_SHA256_BYTES +
                 1]; /* what the key stands for: a digest of all that was sent */
    char id[GW_ID_SIZE];
    struct gw_stage *stage;
    struct gw_scan_verdict scan;
    struct gw_transformed transformed;
    char first_name[GW_NAME_SIZE]; /* of the first file */
    uint64_t size;
    size_t files, headers;
    int64_t now;
};

static enum status broken(struct sending *s, const char *detail, struct error *err)
{
    return gw_api_problem_of(s->call, 400, GW_R_API_BAD_REQUEST, err, "detail", detail);
}

/* ---- meta ---- */

static enum status meta_bytes(struct sending *s, struct buf *json, struct error *err)
{
    struct sink_buf sink;
    enum status st;

    buf_init(json, GW_API_META_MAX);
    st = gw_multipart_read(&s->parts, sink_buf_init(&sink, json), GW_API_META_MAX, err);
    return st == ST_LIMIT ? broken(s, "meta is too long", err) : st;
}

static enum status meta_read(struct sending *s, struct error *err)
{
    AUTO(buf_deinit) struct buf json = {0};
    bool more;

    TRY(gw_multipart_next(&s->parts, &more, err));
    if (!more || strcmp(s->parts.part.name, "meta") != 0)
        return broken(s, "the first part must be named meta", err);
    TRY(meta_bytes(s, &json, err));
    return gw_api_meta_read(buf_span(&json), &s->call->arena, &s->meta, err);
}

/* The header field, as a string of RFC 8941 or as it stands; the member of meta says the same. */
static enum status key_read(struct sending *s, struct error *err)
{
    const struct gw_http_head *head = gw_http_request_head(s->call->req);
    struct span value = gw_http_head_field(head, "Idempotency-Key");
    const char *key;
    size_t fields = 0;

    if (value.ptr == NULL)
        return ST_OK;
    for (size_t i = 0; i < head->field_count; i++)
        fields += span_eq_nocase(head->fields[i].name, SPAN("Idempotency-Key"));
    if (fields > 1)
        return broken(s, "more than one Idempotency-Key", err);
    if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
        value = span_sub(value, 1, value.len - 2);
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] < ' ' || value.ptr[i] > '~')
            return broken(s, "Idempotency-Key has other characters than ASCII", err);
    if (value.len == 0 || value.len > GW_API_KEY_MAX)
        return broken(s, "Idempotency-Key: 1 to 200 characters", err);
    key = arena_str(&s->call->arena, value);
    TRY_ALLOC(key, err);
    if (s->meta.idempotency_key != NULL && strcmp(s->meta.idempotency_key, key) != 0)
        return broken(s, "Idempotency-Key and idempotency_key differ", err);
    s->meta.idempotency_key = key;
    return ST_OK;
}

static enum status time_read(struct sending *s, const char *name, const char *text, int64_t *ms,
                             struct error *err)
{
    char why[100];

    if (text == NULL || gw_card_time_ms(span_str(text), ms))
        return ST_OK;
    (void)snprintf(why, sizeof why, "%s is no time like 2026-05-04T08:15:00+02:00", name);
    return broken(s, why, err);
}

static enum status times_read(struct sending *s, struct error *err)
{
    struct gw_routing *r = &s->routing;
    struct error why = {0};

    TRY(time_read(s, "deliver_after", s->meta.deliver_after, &r->deliver_after, err));
    TRY(time_read(s, "deliver_until", s->meta.deliver_until, &r->deliver_until, err));
    if (gw_patience_check(r->deliver_after, r->deliver_until, s->now, &why) != ST_OK)
        return broken(s, why.text, err);
    return ST_OK;
}

/* May he, and is there such a recipient? */
static enum status meta_judge(struct sending *s, struct error *err)
{
    const struct gw_runtime *rt = s->call->server->rt;
    AUTO(buf_deinit) struct buf key = {0};

    if (!gw_api_may(&s->call->server->rights, s->call->uid, s->meta.endpoint))
        return gw_api_problem_denied(s->call, s->meta.endpoint, err);
    if (gw_config_endpoint(rt->conf, s->meta.endpoint) == NULL)
        return gw_api_problem_of(s->call, 400, GW_R_ENDPOINT_UNKNOWN, err, "endpoint",
                                 s->meta.endpoint);
    if (s->meta.recipient != NULL)
        s->routing.partner = gw_runtime_partner(rt, s->meta.recipient);
    if (s->meta.recipient != NULL && s->routing.partner == NULL)
        return gw_api_problem_of(s->call, 400, GW_R_PARTNER_UNKNOWN, err, "recipient",
                                 s->meta.recipient);
    TRY(times_read(s, err));
    TRY(key_read(s, err));
    if (s->meta.idempotency_key == NULL)
        return ST_OK;
    buf_init(&key, 8 * GW_API_KEY_MAX);
    buf_printf(&key, "api:%s", s->meta.idempotency_key); /* the drop folder has keys of its own */
    s->key = arena_str(&s->call->arena, span_str(buf_cstr(&key)));
    TRY_ALLOC(s->key, err);
    return ST_OK;
}

/* Whose message it is: its endpoint's. */
static const char *tenant_of(const struct sending *s)
{
    return gw_config_endpoint(s->call->server->rt->conf, s->meta.endpoint)->tenant;
}

/* ---- the answer ---- */

static enum status id_answer(struct sending *s, int status, const char *id, struct error *err)
{
    struct gw_api_call *call = s->call;

    call->json = json_object();
    gw_json_put(&call->json, "id", gw_json_text(id));
    TRY_ALLOC(call->json, err);
    call->status = status;
    call->field = "Location";
    (void)snprintf(call->field_value, sizeof call->field_value, "/v1/messages/%s", id);
    return ST_OK;
}

/* What the key stands for, whatever the bytes between the parts were. */
static enum status content_digest(struct sending *s, struct error *err)
{
    const char *const texts[] = {s->meta.recipient, s->meta.message_type, s->meta.subject};
    const char *const times[] = {s->meta.deliver_after, s->meta.deliver_until};
    AUTO(buf_deinit) struct buf all = {0}, hex = {0};
    struct digest_value value;
    const struct gw_file_row *files;
    size_t count;

    buf_init(&all, CONTENT_MAX);
    buf_init(&hex, sizeof s->content);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        buf_str(&all, texts[i] == NULL ? "" : texts[i]);
        buf_char(&all, texts[i] == NULL ? '\1' : '\0');
    }
    for (size_t i = 0; i < GW_FACT_COUNT; i++)
        if (s->meta.facts.of[i] != NULL)
            buf_printf(&all, "m%s=%s%c", gw_fact_name((enum gw_fact)i), s->meta.facts.of[i], 0);
    for (size_t i = 0; i < ARRAY_LEN(times); i++)
        if (times[i] != NULL)
            buf_printf(&all, "t%zu=%s%c", i, times[i], 0);
    files = gw_stage_files(s->stage, &count);
    for (size_t i = 0; i < count; i++) {
        buf_char(&all, files[i].kind == GW_FILE_PAYLOAD ? 'f' : 'h');
        buf_add(&all, span_of(files[i].sha256, sizeof files[i].sha256));
        buf_str(&all, files[i].name == NULL ? "" : files[i].name);
        buf_char(&all, '\0');
    }
    TRY(buf_check(&all, err));
    TRY(digest_of(alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST), buf_span(&all), &value, err));
    buf_hex(&hex, digest_span(&value));
    TRY(buf_check(&hex, err));
    memcpy(s->content, buf_cstr(&hex), sizeof s->content);
    return ST_OK;
}

/* The message that the same key has brought before; known->id NULL: there is none. */
static enum status known_find(struct sending *s, struct gw_message_row *known, struct error *err)
{
    const struct gw_runtime *rt = s->call->server->rt;
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct error why = {0};
    enum status st;

    *known = (struct gw_message_row){0};
    if (s->key == NULL)
        return ST_OK;
    TRY(gw_store_read(rt->store, &tx, err));
    st = gw_store_message_by_key(tx, &s->call->arena, tenant_of(s), s->meta.endpoint, s->key, known,
                                 &why);
    if (st == ST_OK || st == ST_NOT_FOUND)
        return ST_OK;
    *err = why;
    return st;
}

/* The same again is answered as the first time; anything else with its key is a mistake. */
static enum status known_answer(struct sending *s, const struct gw_message_row *known,
                                struct error *err)
{
    const struct gw_explain_field fields[] = {{"key", s->meta.idempotency_key}, {"id", known->id}};

    if (known->client_digest == NULL || strcmp(known->client_digest, s->content) == 0)
        return id_answer(s, 200, known->id, err);
    return gw_api_problem(s->call, 409, GW_R_KEY_REUSED, err, fields, ARRAY_LEN(fields));
}

/* ---- files ---- */

static enum status file_stage(struct sending *s, struct error *err)
{
    uint64_t max = (uint64_t)s->call->server->rt->conf->limits.message_max_mb << 20;
    const struct gw_file_row *rows;
    char name[GW_NAME_SIZE];
    struct sink *sink;
    size_t count;
    enum status st;

    if (strcmp(s->parts.part.name, "file") != 0)
        return broken(s, "parts other than meta, header and file are not known", err);
    if (s->files == FILES_MAX)
        return broken(s, "more than 1000 files", err);
    gw_name_make_safe(span_str(s->parts.part.filename), name);
    if (s->files++ == 0)
        memcpy(s->first_name, name, sizeof name);
    TRY(gw_stage_add(s->stage, GW_FILE_PAYLOAD, name, NULL, NULL, &sink, err));
    st = gw_multipart_read(&s->parts, sink, max - s->size, err);
    if (st == ST_LIMIT && err->reason == GW_R_API_TOO_LARGE)
        return gw_api_problem_size(s->call, err);
    TRY(st);
    TRY(gw_stage_close(s->stage, err));
    rows = gw_stage_files(s->stage, &count);
    s->size += rows[count - 1].len;
    return ST_OK;
}

/* A header block of others, carried along: MessageMetaData, say. */
static enum status header_stage(struct sending *s, struct error *err)
{
    AUTO(buf_deinit) struct buf xml = {0};
    struct error why = {0};
    struct sink_buf sink;
    enum status st;

    if (s->headers++ > 0)
        return broken(s, "more than one part named header", err);
    buf_init(&xml, OSCI_CUSTOM_BYTES_MAX);
    st = gw_multipart_read(&s->parts, sink_buf_init(&sink, &xml), OSCI_CUSTOM_BYTES_MAX, err);
    if (st == ST_LIMIT)
        return broken(s, "the header is too long", err);
    TRY(st);
    st = gw_header_stage(s->stage, buf_span(&xml), &s->call->arena, &why);
    if (st == ST_INVALID)
        return broken(s, why.text, err);
    if (st != ST_OK)
        *err = why;
    return st;
}

/* What the virus scanner refuses is answered with its words; one that is away, by the caller. */
static enum status scan(struct sending *s, struct error *err)
{
    struct error why = {0};
    enum status st = gw_scan_outgoing(s->call->server->rt, s->stage, &s->scan, &why);

    if (why.reason == GW_R_SCAN_FINDING_OUT || why.reason == GW_R_SCAN_TOO_LARGE_OUT)
        return gw_api_problem_of(s->call, why.reason == GW_R_SCAN_FINDING_OUT ? 422 : 413,
                                 why.reason, err, "detail", why.text);
    if (st != ST_OK)
        *err = why;
    return st;
}

static enum status transform(struct sending *s, struct error *err)
{
    struct error why = {0};
    enum status st =
        gw_transform_message(s->call->server->rt, s->routing.rule, s->stage, &s->transformed, &why);

    s->size += s->transformed.size;
    if (why.reason == GW_R_TRANSFORM_OUT && st != ST_OK)
        return gw_api_problem_of(s->call, 422, why.reason, err, "detail", why.text);
    if (st != ST_OK)
        *err = why;
    return st;
}

/* more: a part has begun already. */
static enum status files_stage(struct sending *s, bool more, struct error *err)
{
    TRY(gw_uuid_make(s->call->server->rt->rng, s->now, s->id, err));
    TRY(gw_stage_new(s->call->server->rt->store, s->id, &s->stage, err));
    if (!more)
        TRY(gw_multipart_next(&s->parts, &more, err));
    while (more) {
        TRY(strcmp(s->parts.part.name, "header") == 0 ? header_stage(s, err) : file_stage(s, err));
        TRY(gw_multipart_next(&s->parts, &more, err));
    }
    if (s->files == 0)
        return broken(s, "there is no part named file", err);
    if (s->size == 0)
        return gw_api_problem_of(s->call, 400, GW_R_SPOOL_EMPTY, err, "file", s->first_name);
    return ST_OK;
}

/* ---- accepted ---- */

/* Whither: as it says itself, or as the routes say. Who cannot be told is refused. */
static enum status route(struct sending *s, struct error *err)
{
    const struct gw_runtime *rt = s->call->server->rt;
    AUTO(gw_file_source_deinit) struct gw_file_source payload = {.fd = -1};
    struct error why = {0};
    const struct gw_explain_field fields[] = {
        {"file", s->first_name}, {"endpoint", s->meta.endpoint}, {"detail", why.text},
        {"recipient", why.text}, {"address", why.text},          {"xpath", why.text}};

    s->routing.facts = s->meta.facts;
    s->routing.message_type = s->meta.message_type;
    s->routing.subject = s->meta.subject;
    TRY(gw_route_payload(s->stage, &payload, err));
    if (gw_route_outbound(rt, gw_config_endpoint(rt->conf, s->meta.endpoint), s->first_name,
                          s->size, &payload.base, &s->call->arena, &s->routing, &why) == ST_OK)
        return ST_OK;
    if (why.status == ST_DENIED)
        return gw_api_problem(s->call, 422, why.reason, err, fields, ARRAY_LEN(fields));
    *err = why;
    return why.status;
}

static enum status accept_it(struct sending *s, struct error *err)
{
    struct gw_api_server *server = s->call->server;
    const struct gw_config *conf = server->rt->conf;
    struct gw_message_row row = {
        .id = s->id,
        .tenant = tenant_of(s),
        .endpoint = s->meta.endpoint,
        .box = GW_OUTBOX,
        .peer = s->routing.peer,
        .recipient = s->routing.recipient,
        .sender = tenant_of(s),
        .message_type = s->routing.message_type,
        .subject = s->routing.subject != NULL        ? s->routing.subject
                   : s->routing.message_type != NULL ? s->routing.message_type
                                                     : s->first_name,
        .client_key = s->key,
        .client_digest = s->key == NULL ? NULL : s->content,
        .source_name = s->first_name,
        .size_bytes = s->size,
        .created_at = s->now,
        .deliver_after = s->routing.deliver_after,
        .delivery = s->routing.delivery,
        .facts = s->routing.facts_json,
        .route = s->routing.rule == NULL ? NULL : s->routing.rule->name,
    };
    char actor[32];
    struct gw_message_row known;
    AUTO(gw_scan_note_deinit) struct gw_scan_note note = {0};
    struct gw_cause cause = {.now = s->now, .actor = actor};
    const struct gw_file_row *files;
    size_t count;
    enum status st;

    (void)snprintf(actor, sizeof actor, "api:%lu", (unsigned long)s->call->uid);
    gw_patience_apply(conf, &row, s->routing.deliver_until);
    TRY(gw_stage_publish(s->stage, err));
    files = gw_stage_files(s->stage, &count);
    gw_scan_remark(&s->scan, &note, &cause);
    gw_transform_remark(&s->transformed, &note, &cause);
    st = gw_store_commit_message(server->rt->store, &row, files, count, &cause, NULL, err);
    if (st == ST_DUPLICATE) { /* the same key, sent twice at once */
        TRY(known_find(s, &known, err));
        if (known.id != NULL)
            return known_answer(s, &known, err);
    }
    TRY(st);
    gw_stage_done(s->stage);
    gw_log(server->rt->log, GW_LOG_INFO, "message.accepted", LOG_STR("id", s->id),
           LOG_STR("endpoint", row.endpoint), LOG_INT("uid", s->call->uid),
           LOG_STR("recipient", row.recipient), LOG_INT("files", s->files),
           LOG_INT("bytes", s->size));
    if (server->lanes != NULL)
        gw_lanes_kick(server->lanes, row.peer);
    return id_answer(s, 202, s->id, err);
}

static enum status parts_open(struct sending *s, struct error *err)
{
    const struct gw_http_head *head = gw_http_request_head(s->call->req);
    struct span type = gw_http_head_field(head, "Content-Type");
    size_t end = span_find(type, SPAN(";"));

    if (!span_eq_nocase(span_trim(span_sub(type, 0, end)), SPAN("multipart/form-data"))) {
        const char *shown = arena_str(&s->call->arena, span_sub(type, 0, 100));

        return gw_api_problem_of(s->call, 415, GW_R_API_TYPE, err, "detail",
                                 shown == NULL || shown[0] == '\0' ? "-" : shown);
    }
    return gw_multipart_init(&s->parts, type, gw_body_source(s->call->body), err);
}

static enum status send_it(struct sending *s, struct error *err)
{
    struct gw_message_row known;

    TRY(parts_open(s, err));
    TRY(meta_read(s, err));
    TRY(meta_judge(s, err));
    TRY(known_find(s, &known, err));
    TRY(files_stage(s, false, err));
    if (s->key != NULL)
        TRY(content_digest(s, err));
    if (known.id != NULL)
        return known_answer(s, &known, err);
    TRY(route(s, err));
    TRY(scan(s, err));
    TRY(transform(s, err));
    return accept_it(s, err);
}

static enum status sending_end(struct sending *s, enum status st)
{
    gw_stage_free(s->stage);
    gw_multipart_deinit(&s->parts);
    return st;
}

enum status gw_api_send_message(struct gw_api_call *call, struct error *err)
{
    struct sending s = {.call = call, .now = gw_now_ms()};

    return sending_end(&s, send_it(&s, err));
}

/* ---- the answer to a request ---- */

static enum status request_find(struct sending *s, struct gw_message_row *row, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    TRY(gw_store_read(s->call->server->rt->store, &tx, err));
    return gw_api_message_find(s->call, tx, row, err);
}

/* Sealed and committed before it is acknowledged; whoever waits for it is told. */
static enum status answer_give(struct sending *s, const char *request_id, struct error *err)
{
    struct gw_api_server *server = s->call->server;
    char actor[32];
    const struct gw_reply_by by = {.actor = actor, .subject = s->meta.subject};
    enum status st;

    (void)snprintf(actor, sizeof actor, "api:%lu", (unsigned long)s->call->uid);
    st = gw_reply_give(server->rt, request_id, s->id, s->stage, &by, err);
    if (err->reason == GW_R_REQUEST_OVER || err->reason == GW_R_REQUEST_NONE)
        return gw_api_problem_of(s->call, 409, err->reason, err, "id", request_id);
    TRY(st);
    if (server->requests != NULL)
        gw_requests_settled(server->requests, request_id);
    return id_answer(s, 202, s->id, err);
}

static enum status answer_it(struct sending *s, struct error *err)
{
    AUTO(buf_deinit) struct buf json = {0};
    struct gw_message_row row;
    bool more;

    TRY(request_find(s, &row, err));
    if (row.answer != GW_ANSWER_AWAITED)
        return gw_api_problem_of(
            s->call, 409, row.answer == GW_ANSWER_NONE ? GW_R_REQUEST_NONE : GW_R_REQUEST_OVER, err,
            "id", row.id);
    TRY(parts_open(s, err));
    TRY(gw_multipart_next(&s->parts, &more, err));
    if (more && strcmp(s->parts.part.name, "meta") == 0) {
        TRY(meta_bytes(s, &json, err));
        TRY(gw_api_answer_meta_read(buf_span(&json), &s->call->arena, &s->meta, err));
        more = false;
    }
    TRY(files_stage(s, more, err));
    TRY(scan(s, err));
    return answer_give(s, row.id, err);
}

enum status gw_api_send_answer(struct gw_api_call *call, struct error *err)
{
    struct sending s = {.call = call, .now = gw_now_ms()};

    return sending_end(&s, answer_it(&s, err));
}

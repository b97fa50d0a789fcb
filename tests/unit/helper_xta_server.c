#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "helper_xta_server.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "gateway/payload.h"
#include "gateway/request.h"
#include "helper_osci.h"
#include "helper_store.h"

enum { BODY_MAX = 256 * 1024 * 1024, ARENA_MAX = 64 * 1024 * 1024, GRACE_MS = 1000 };

static const char *const client_names[HELPER_XTA_CLIENTS] = {"melde", "standes", "locked",
                                                             "expired", "nobody"};

static const char settings[] =
    "endpoints:\n"
    "  - {name: meldewesen, parties: ['" HELPER_TOWN "', '" HELPER_TOWN_TOO "'],"
    " receives: {default: true}}\n"
    "  - {name: standesamt, parties: ['" HELPER_OFFICE "']";
/* The same for two tenants, who have nothing else. */
#define PAIR(who, use)                                                                             \
    use ": { certificate: {keys}/" who "-" use "-2048.cert.pem, key: {keys}/" who "-" use          \
        "-2048.key.pem }"
#define TWO_TOWNS                                                                                  \
    "state: {dir}/state\n"                                                                         \
    "tenants:\n"                                                                                   \
    "  - {name: Ahausen, identity: {" PAIR("originator", "signature") ", " PAIR(                   \
        "originator",                                                                              \
        "cipher") "}}\n"                                                                           \
                  "  - {name: Beheim, identity: {" PAIR("addressee", "signature") ", " PAIR(       \
                      "addressee", "cipher") "}"                                                   \
                                             "%s}\n"                                               \
                                             "trust: {osci: [ {keys}/ca.cert.pem ]}\n"             \
                                             "api: {socket: {dir}/api.sock}\n"
static const char two_settings[] =
    "endpoints:\n"
    "  - {name: meldewesen, tenant: Ahausen, parties: ['" HELPER_TOWN "', '" HELPER_TOWN_TOO "'],"
    " receives: {default: true}}\n"
    "  - {name: standesamt, tenant: Beheim, parties: ['" HELPER_OFFICE "'],"
    " receives: {default: true}";
static const char server_yaml[] =
    "}\n"
    "xta_server:\n"
    "  instance: test\n"
    "  listeners: [{port: 0, tls: {certificate: {dir}/host.pem, key: {dir}/host.key},"
    " client_authorities: [{dir}/ca.pem]}]\n";

static const char accounts_yaml[] =
    "  accounts:\n"
    "    - {name: melde, certificates: [{dir}/melde.pem],"
    " parties: ['" HELPER_TOWN "', '" HELPER_TOWN_TOO "']}\n"
    "    - {name: standes, certificates: [{dir}/standes.pem], parties: ['" HELPER_OFFICE "']}\n"
    "    - {name: locked, certificates: [{dir}/locked.pem], parties: ['" HELPER_OFFICE "'],"
    " locked: true}\n"
    "    - {name: expired, certificates: [{dir}/expired.pem], parties: ['" HELPER_OFFICE "']}\n";

static void on_stop(void *ctx)
{
    struct helper_xta *x = ctx;

    if (x->requests != NULL)
        gw_requests_close(x->requests);
    gw_xta_server_close(x->server, GRACE_MS);
}

static void start(struct helper_xta *x, const char *server, const char *accounts)
{
    AUTO(buf_deinit) struct buf more = {0}, towns = {0};
    struct error err = {0};

    buf_init(&more, 64 * 1024);
    buf_init(&towns, 64 * 1024);
    buf_printf(&towns, TWO_TOWNS, x->beheim == NULL ? "" : x->beheim);
    buf_printf(&more, "%s%s%s%s%s%s", x->two_tenants ? two_settings : settings, x->office,
               server_yaml, server, accounts_yaml, accounts);
    helper_runtime_open(&x->h, x->two_tenants ? buf_cstr(&towns) : helper_town_yaml,
                        buf_cstr(&more), NULL);
    helper_ok(gw_requests_new(x->h.rt, &x->requests, &err), &err);
    helper_ok(gw_xta_server_new(x->h.rt, x->requests, NULL, NULL, &x->server, &err), &err);
    x->port = gw_xta_server_port(x->server, 0);
    gw_loop_on_stop(x->h.loop, on_stop, x);
    helper_runtime_run(&x->h);
}

static void pair_write(struct helper_xta *x, const char *name, const struct test_cert *cert)
{
    char file[64];

    (void)snprintf(file, sizeof file, "%s.pem", name);
    helper_file(&x->h, file, buf_span(&cert->cert));
    (void)snprintf(file, sizeof file, "%s.key", name);
    helper_file(&x->h, file, buf_span(&cert->key));
}

void helper_xta_start(struct helper_xta *x, const char *server, const char *accounts)
{
    helper_xta_start_with(x, "", server, accounts);
}

void helper_xta_start_with(struct helper_xta *x, const char *office, const char *server,
                           const char *accounts)
{
    x->office = office;
    helper_dir_make(x->h.dir);
    test_cert_make(&x->ca, &(struct test_cert_spec){.name = "clients' CA", .ca = true, .days = 30});
    test_cert_make(&x->host,
                   &(struct test_cert_spec){
                       .name = "server", .host = "IP:127.0.0.1", .issuer = &x->ca, .days = 30});
    pair_write(x, "ca", &x->ca);
    pair_write(x, "host", &x->host);
    for (size_t i = 0; i < HELPER_XTA_CLIENTS; i++) {
        test_cert_make(
            &x->clients[i],
            &(struct test_cert_spec){.name = client_names[i],
                                     .issuer = &x->ca,
                                     .days = strcmp(client_names[i], "expired") == 0 ? 1 : 30});
        pair_write(x, client_names[i], &x->clients[i]);
    }
    start(x, server, accounts);
}

static void shut(struct helper_xta *x)
{
    (void)helper_runtime_stop(&x->h);
    gw_xta_server_free(x->server);
    x->server = NULL;
    gw_requests_free(x->requests);
    x->requests = NULL;
}

void helper_xta_restart(struct helper_xta *x, const char *server, const char *accounts)
{
    shut(x);
    helper_runtime_close(&x->h);
    start(x, server, accounts);
}

void helper_xta_stop(struct helper_xta *x)
{
    shut(x);
    helper_runtime_deinit(&x->h);
    test_cert_deinit(&x->ca);
    test_cert_deinit(&x->host);
    for (size_t i = 0; i < HELPER_XTA_CLIENTS; i++)
        test_cert_deinit(&x->clients[i]);
}

/* ---- the line ---- */

static size_t taken(char *bytes, size_t size, size_t count, void *ctx)
{
    buf_add(ctx, span_of(bytes, size * count));
    return size * count;
}

struct giving {
    struct span body;
    size_t at;
};

static size_t given(char *bytes, size_t size, size_t count, void *ctx)
{
    struct giving *g = ctx;
    struct span piece = span_sub(g->body, g->at, size * count);

    memcpy(bytes, piece.ptr, piece.len);
    g->at += piece.len;
    return piece.len;
}

static const struct test_cert *client_of(const struct helper_xta *x, const char *name)
{
    for (size_t i = 0; i < HELPER_XTA_CLIENTS; i++)
        if (strcmp(client_names[i], name) == 0)
            return &x->clients[i];
    fail_msg("no client %s", name);
    return NULL;
}

static void blob_set(CURL *curl, CURLoption option, const struct buf *pem)
{
    struct curl_blob blob = {.data = pem->ptr, .len = pem->len, .flags = CURL_BLOB_COPY};

    assert_int_equal(curl_easy_setopt(curl, option, &blob), CURLE_OK);
}

static void certificates_set(CURL *curl, const struct helper_xta *x, const char *client)
{
    blob_set(curl, CURLOPT_CAINFO_BLOB, &x->ca.cert);
    if (client == NULL)
        return;
    (void)curl_easy_setopt(curl, CURLOPT_SSLCERTTYPE, "PEM");
    blob_set(curl, CURLOPT_SSLCERT_BLOB, &client_of(x, client)->cert);
    blob_set(curl, CURLOPT_SSLKEY_BLOB, &client_of(x, client)->key);
}

static void body_set(CURL *curl, struct giving *g, const char *content_type, bool chunked,
                     struct curl_slist **fields)
{
    char field[1024];

    (void)snprintf(field, sizeof field, "Content-Type: %s", content_type);
    *fields = curl_slist_append(*fields, field);
    if (chunked)
        *fields = curl_slist_append(*fields, "Transfer-Encoding: chunked");
    (void)curl_easy_setopt(curl, CURLOPT_POST, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_READFUNCTION, given);
    (void)curl_easy_setopt(curl, CURLOPT_READDATA, g);
    if (!chunked)
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)g->body.len);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, *fields);
}

bool helper_xta_http(struct helper_xta *x, const char *client, const char *method, const char *path,
                     const char *content_type, struct span body, bool chunked,
                     struct helper_xta_reply *reply)
{
    CURL *curl = curl_easy_init();
    struct giving giving = {.body = body};
    struct curl_slist *fields = NULL;
    char url[256];
    CURLcode rc;

    helper_xta_reply_deinit(reply);
    buf_init(&reply->head, 64 * 1024);
    buf_init(&reply->body, BODY_MAX);
    arena_init(&reply->arena, ARENA_MAX);
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%u%s", x->port, path);
    certificates_set(curl, x, client);
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, taken);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply->body);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, taken);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, &reply->head);
    if (strcmp(method, "POST") == 0)
        body_set(curl, &giving, content_type, chunked, &fields);
    else
        (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    rc = curl_easy_perform(curl);
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply->http_status);
    curl_slist_free_all(fields);
    curl_easy_cleanup(curl);
    return rc == CURLE_OK;
}

/* ---- messages ---- */

struct catching {
    struct xta_intake base;
    struct helper_xta_reply *reply;
    struct sink_buf sink;
    struct buf rest;
    size_t count;
};

static enum status catch_open(struct xta_intake *self, const struct xta_content *content,
                              struct sink **sink, struct error *err)
{
    struct catching *c = (struct catching *)self;

    (void)content;
    (void)err;
    *sink = sink_buf_init(&c->sink, c->count++ == 0 ? &c->reply->content : &c->rest);
    return ST_OK;
}

static enum status catch_close(struct xta_intake *self, struct error *err)
{
    (void)self;
    (void)err;
    return ST_OK;
}

void helper_xta_reply_deinit(struct helper_xta_reply *r)
{
    buf_deinit(&r->head);
    buf_deinit(&r->body);
    buf_deinit(&r->content);
    arena_deinit(&r->arena);
    *r = (struct helper_xta_reply){0};
}

static void parcel_bytes(const struct xta_parcel *parcel, struct buf *out)
{
    struct error err = {0};

    for (size_t i = 0; i < parcel->count; i++) {
        const struct xta_piece *p = &parcel->pieces[i];

        if (p->source == NULL)
            buf_add(out, p->bytes);
        else
            assert_int_equal(source_read_all(p->source, out, &err), ST_OK);
    }
    assert_false(out->failed);
}

static const char *type_of(struct helper_xta_reply *reply, char type[1024])
{
    const char *field = strstr(buf_cstr(&reply->head), "\r\nContent-Type:");

    assert_non_null(field);
    field += strlen("\r\nContent-Type:");
    (void)snprintf(type, 1024, "%.*s", (int)strcspn(field, "\r"), field);
    return type;
}

static const char *path_of(enum xta_version version, enum xta_port port)
{
    static const char *const paths[XTA_VERSION_COUNT][XTA_PORT_COUNT] = {
        {"/xta/v3/management", "/xta/v3/send", "/xta/v3/msgbox", NULL},
        {"/xta/v5/base", "/xta/v5/sender", "/xta/v5/recipient", "/xta/v5/reader"}};

    return paths[version][port];
}

void helper_xta_ask(struct helper_xta *x, const char *client, const struct xta_request *request,
                    struct helper_xta_reply *reply)
{
    AUTO(arena_deinit) struct arena arena = {.max = ARENA_MAX};
    AUTO(buf_deinit) struct buf body = {0};
    struct catching catching = {.base = {.open = catch_open, .close = catch_close}, .reply = reply};
    struct xta_reading conf = {.version = request->version,
                               .limits = xta_limits_default(),
                               .schemas = x->h.rt->schemas,
                               .intake = &catching.base};
    struct source_span wire;
    struct xta_parcel parcel;
    struct error err = {0};
    char type[1024];

    buf_init(&body, BODY_MAX);
    assert_true(xta_operation_port(request->version, request->operation, &conf.port));
    helper_ok(xta_request_write(request, rng_system(), &arena, &parcel, &err), &err);
    parcel_bytes(&parcel, &body);
    assert_true(helper_xta_http(x, client, "POST", path_of(request->version, conf.port),
                                parcel.content_type, buf_span(&body), false, reply));
    buf_init(&reply->content, BODY_MAX);
    buf_init(&catching.rest, BODY_MAX);
    reply->status = xta_answer_read(&conf, request, source_span_init(&wire, buf_span(&reply->body)),
                                    span_trim(span_str(type_of(reply, type))), &reply->arena,
                                    &reply->answer, &reply->fault, &err);
    buf_deinit(&catching.rest);
    if (reply->status != ST_OK && reply->status != ST_DENIED)
        fail_msg("%s\n%s", err.text, buf_cstr(&reply->body));
    if (reply->status == ST_OK)
        assert_int_equal(reply->http_status, 200);
    else
        assert_in_range(reply->http_status, 400, 500);
}

struct putting {
    struct gw_message_row row;
    struct gw_xta_row xta;
    const struct gw_file_row *files;
    size_t count;
};

static enum status put_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct putting *p = ctx;
    const struct gw_cause cause = {.now = p->row.created_at, .actor = "test"};
    const struct gw_move open = {.id = p->row.id, .event = GW_EV_OPEN, .cause = cause};

    TRY(gw_store_message_add(tx, &p->row, p->files, p->count, &cause, NULL, err));
    TRY(gw_store_move(tx, &open, NULL, err));
    return p->xta.xta_id == NULL ? ST_OK : gw_store_xta_add(tx, &p->xta, err);
}

void helper_xta_put(struct helper_xta *x, const char *xta_id, const char *reader, const char *text,
                    char id[GW_ID_SIZE])
{
    AUTO(gw_stage_drop) struct gw_stage *stage = NULL;
    int64_t now = gw_now_ms();
    bool office = strcmp(reader, HELPER_OFFICE) == 0;
    struct putting p = {.row = {.id = id,
                                .tenant = office && x->two_tenants ? "Beheim" : "Ahausen",
                                .endpoint = office ? "standesamt" : "meldewesen",
                                .box = GW_INBOX,
                                .peer = "demo",
                                .sender = "Beheim",
                                .subject = "Umzug",
                                .size_bytes = strlen(text),
                                .created_at = now},
                        .xta = {.message_id = id,
                                .xta_id = xta_id,
                                .box = GW_INBOX,
                                .reader = reader,
                                .delivery = now}};
    struct error err = {0};

    helper_ok(gw_uuid_make(rng_system(), now, id, &err), &err);
    helper_ok(gw_stage_new(x->h.rt->store, id, &stage, &err), &err);
    helper_ok(
        gw_stage_add_bytes(stage, GW_FILE_PAYLOAD, "Grüße.xml", NULL, NULL, span_str(text), &err),
        &err);
    helper_ok(gw_stage_publish(stage, &err), &err);
    p.files = gw_stage_files(stage, &p.count);
    helper_ok(gw_store_commit(x->h.rt->store, put_commit, &p, &err), &err);
    gw_stage_done(stage);
}

struct xta_request helper_xta_request(enum xta_version version, enum xta_operation operation,
                                      const char *party)
{
    return (struct xta_request){.version = version,
                                .operation = operation,
                                .soap_id = SPAN("urn:uuid:6b0f5f2c-6a0e-4a0b-9a77-000000000001"),
                                .to = SPAN("https://xta.example/"),
                                .has_party = party != NULL,
                                .party = {.value = span_str(party), .scheme = SPAN("xoev")}};
}

void helper_xta_metadata(struct xta_metadata *m, enum xta_version version)
{
    *m = (struct xta_metadata){.version = version,
                               .reader = {.value = SPAN(HELPER_OFFICE), .scheme = SPAN("xoev")},
                               .author = {.value = SPAN(HELPER_TOWN), .scheme = SPAN("xoev")},
                               .service = SPAN(""),
                               .subject = SPAN("Übermittlung"),
                               .message_schema = SPAN("http://www.osci.de/xmeld33"),
                               .quality_undefined = SPAN("keines"),
                               .origin = SPAN("2026-05-04T08:00:00Z"),
                               .size = 10};
    m->scenario = (struct xta_code){.list = SPAN("urn:de:xta:codeliste:business.scenario"),
                                    .list_version = SPAN("1.0"),
                                    .code = SPAN("XMELD_DATA")};
    m->message_type = (struct xta_code){.list = SPAN("urn:de:payloadSchema:elementName"),
                                        .list_version = SPAN("1.0"),
                                        .code = SPAN("fortschreibung.geschlecht.0001")};
}

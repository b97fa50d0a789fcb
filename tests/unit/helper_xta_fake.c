#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "helper_xta_fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/xta_parcel.h"
#include "helper_store.h"
#include "helper_xta.h"

enum { ARENA_MAX = 64 * 1024 * 1024, CONTENT_MAX = 64 * 1024 * 1024, LIST_MAX = 20 };

static const struct {
    enum xta_port port;
    const char *path;
} paths[] = {{XTA_PORT_BASE, "/base"}, {XTA_PORT_SENDER, "/sender"}, {XTA_PORT_BOX, "/box"}};

/* One request being handled; its contents go to a new message. */
struct handling {
    struct xta_intake intake;
    struct sink sink;
    struct helper_xta_fake *f;
    struct helper_xta_kept *message; /* NULL, once the server has kept it */
    size_t taken;
    struct xta_request request;
    struct xta_answer answer;
    struct xta_fault fault;
    struct source_span bodies[HELPER_XTA_FAKE_CONTENTS];
};

static void message_free(struct helper_xta_kept *m)
{
    if (m == NULL)
        return;
    for (size_t i = 0; i < HELPER_XTA_FAKE_CONTENTS; i++)
        buf_deinit(&m->contents[i]);
    arena_deinit(&m->arena);
    free(m);
}

static struct helper_xta_kept *message_new(void)
{
    struct helper_xta_kept *m = calloc(1, sizeof *m);

    assert_non_null(m);
    arena_init(&m->arena, ARENA_MAX);
    for (size_t i = 0; i < HELPER_XTA_FAKE_CONTENTS; i++)
        buf_init(&m->contents[i], CONTENT_MAX);
    return m;
}

/* ---- what it says ---- */

static struct helper_xta_kept *find(struct helper_xta_fake *f, struct span id)
{
    for (size_t i = 0; i < f->count; i++)
        if (xta_same(f->messages[i]->metadata.id, id))
            return f->messages[i];
    return NULL;
}

static bool refuse(struct handling *h, enum xta_exception exception, int number)
{
    h->fault = (struct xta_fault){.exception = exception, .number = number};
    return false;
}

/* ids look the same on every run */
static bool id_create(struct handling *h)
{
    char id[80];

    (void)snprintf(id, sizeof id, "urn:de:xta:messageid:Fake:%08u-0000-4000-8000-000000000000",
                   ++h->f->issued);
    h->answer.message_id = arena_span(&h->message->arena, span_str(id));
    return true;
}

static bool was_issued(const struct helper_xta_fake *f, struct span id)
{
    struct span rest = id;
    uint64_t n = 0;

    if (!span_starts(id, SPAN("urn:de:xta:messageid:Fake:")) || id.len < 34)
        return false;
    rest = span_sub(id, 26, 8);
    return span_to_u64(rest, &n) && n >= 1 && n <= f->issued;
}

static bool message_keep(struct handling *h)
{
    struct helper_xta_fake *f = h->f;

    if (!was_issued(f, h->request.metadata.id))
        return refuse(h, XTA_PARAMETER_NOT_VALID, XTA_N_NO_URI);
    if (find(f, h->request.metadata.id) != NULL)
        return refuse(h, XTA_PARAMETER_NOT_VALID, XTA_N_ID_USED);
    assert_true(f->count < HELPER_XTA_FAKE_MESSAGES);
    h->message->metadata = h->request.metadata;
    h->message->container = h->request.container;
    h->message->sent = 1;
    f->messages[f->count++] = h->message;
    h->message = NULL;
    return true;
}

static bool report(struct handling *h)
{
    static struct xta_record record;
    struct helper_xta_kept *m = find(h->f, h->request.message_id);
    struct xta_report *r = &h->answer.report;

    if (m == NULL)
        return refuse(h, XTA_INVALID_MESSAGE_ID, XTA_N_UNKNOWN_ID);
    record = (struct xta_record){
        .at = SPAN("2026-01-02T03:04:05Z"),
        .code = {SPAN("urn:l"), SPAN("1"), SPAN("E1"), SPAN_NONE},
        .reason = SPAN("so ist es"),
    };
    *r = (struct xta_report){.at = SPAN("2026-01-02T03:04:05Z"),
                             .server = SPAN("Fake"),
                             .status = m->report,
                             .metadata = m->metadata};
    if (m->report == 3)
        r->errors = (struct xta_records){&record, 1};
    if (m->report == 1 || m->report == 2)
        r->metadata.reception = SPAN("2026-01-02T03:04:04Z");
    return true;
}

static bool waits_for(const struct helper_xta_kept *m, const struct xta_request *r)
{
    if (m->sent > 0 || !xta_same(m->metadata.reader.value, r->party.value))
        return false;
    if (r->selection.new_entry == XTA_FALSE)
        return true;
    return r->version == XTA_V3 ? m->closed == 0 : m->fetched == 0;
}

static bool status_list(struct handling *h)
{
    struct xta_answer *a = &h->answer;
    size_t max = h->request.selection.max_items;

    if (max == 0 || max > LIST_MAX)
        max = LIST_MAX;
    a->list = arena_array(&h->message->arena, sizeof *a->list, max);
    assert_non_null(a->list);
    for (size_t i = 0; i < h->f->count; i++) {
        const struct helper_xta_kept *m = h->f->messages[i];

        if (!waits_for(m, &h->request))
            continue;
        if (a->list_count == max) {
            a->box.pending++;
            continue;
        }
        a->list[a->list_count] = m->metadata;
        if (m->closed > 0)
            a->list[a->list_count].reception = SPAN("2026-01-02T03:04:05Z");
        a->list_count++;
    }
    a->has_box = true;
    a->box.request_id = SPAN("urn:de:xta:requestid:Fake:1");
    a->box.none = a->list_count == 0;
    return true;
}

static bool message_give(struct handling *h)
{
    struct helper_xta_kept *m =
        h->request.selection.id_count != 1 ? NULL : find(h->f, h->request.selection.ids[0]);
    struct xta_answer *a = &h->answer;

    if (m == NULL)
        return refuse(h, XTA_INVALID_MESSAGE_ID, XTA_N_UNKNOWN_ID);
    m->fetched++;
    a->has_message = a->has_box = true;
    a->box.request_id = SPAN("urn:de:xta:requestid:Fake:2");
    a->metadata = m->metadata;
    a->container = m->container;
    a->container.contents =
        arena_array(&h->message->arena, sizeof *a->container.contents, a->container.count + 1);
    assert_non_null(a->container.contents);
    for (size_t i = 0; i < a->container.count; i++) {
        a->container.contents[i] = m->container.contents[i];
        a->container.contents[i].body = source_span_init(&h->bodies[i], buf_span(&m->contents[i]));
    }
    return true;
}

static bool message_close(struct handling *h)
{
    struct helper_xta_kept *m = h->request.selection.received_count != 1
                                    ? NULL
                                    : find(h->f, h->request.selection.received[0]);

    if (m == NULL)
        return refuse(h, XTA_INVALID_MESSAGE_ID, XTA_N_UNKNOWN_ID);
    if (h->request.version == XTA_V3 &&
        !span_starts(h->request.selection.request_id, SPAN("urn:de:xta:requestid:Fake:")))
        return refuse(h, XTA_SOAP_SENDER, 0);
    m->closed++;
    return true;
}

static bool lookup(struct handling *h)
{
    struct xta_answer *a = &h->answer;

    a->services = arena_array(&h->message->arena, sizeof *a->services, 1);
    assert_non_null(a->services);
    assert_int_equal(h->request.question_count, 1);
    a->services[0].question = h->request.questions[0];
    a->services[0].available = h->f->available;
    a->service_count = 1;
    return true;
}

/* False: it is a fault. */
static bool handle(struct handling *h)
{
    switch (h->request.operation) {
    case XTA_CREATE_MESSAGE_ID:
        return id_create(h);
    case XTA_LOOKUP_SERVICE:
        return lookup(h);
    case XTA_SEND_MESSAGE:
        return message_keep(h);
    case XTA_GET_TRANSPORT_REPORT:
        return report(h);
    case XTA_GET_STATUS_LIST:
        return status_list(h);
    case XTA_GET_MESSAGE:
        return message_give(h);
    case XTA_CLOSE:
        return message_close(h);
    default:
        return true;
    }
}

/* ---- what it reads ---- */

static enum status content_write(struct sink *self, struct span bytes, struct error *err)
{
    struct handling *h = (struct handling *)((char *)self - offsetof(struct handling, sink));
    struct buf *to = &h->message->contents[h->taken];

    buf_add(to, bytes);
    return buf_check(to, err);
}

static enum status content_open(struct xta_intake *self, const struct xta_content *content,
                                struct sink **sink, struct error *err)
{
    struct handling *h = (struct handling *)self;

    (void)content;
    (void)err;
    assert_true(h->taken < HELPER_XTA_FAKE_CONTENTS);
    h->sink.write = content_write;
    *sink = &h->sink;
    return ST_OK;
}

static enum status content_close(struct xta_intake *self, struct error *err)
{
    (void)err;
    ((struct handling *)self)->taken++;
    return ST_OK;
}

static struct span field(const struct gw_http_head *head, const char *name)
{
    for (size_t i = 0; i < head->field_count; i++)
        if (xta_same(head->fields[i].name, span_str(name)))
            return head->fields[i].value;
    return SPAN_NONE;
}

static bool port_of(const struct gw_http_head *head, enum xta_port *port)
{
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        if (span_is(head->target, paths[i].path)) {
            *port = paths[i].port;
            return true;
        }
    return false;
}

/* ---- what it sends ---- */

static enum status broken_next(void *ctx, struct buf *out, bool *end, struct error *err)
{
    (void)ctx;
    (void)out;
    (void)end;
    return error_set(err, ST_RETRY, 0, "on purpose");
}

/* The connection ends before a whole answer. */
static void hang_up(struct gw_http_request *req)
{
    const struct gw_http_reply reply = {.status = 200,
                                        .content_type = "text/xml",
                                        .pull = {.next = broken_next, .len = 1000},
                                        .close = true};

    gw_http_answer(req, &reply);
}

static void answer_bytes(struct gw_http_request *req, int status, const char *type,
                         struct span bytes)
{
    const struct gw_http_reply reply = {.status = status, .content_type = type, .bytes = bytes};

    gw_http_answer(req, &reply);
}

static void redirect(const struct helper_xta_fake *f, struct gw_http_request *req)
{
    char url[128];
    struct gw_http_field location = {.name = SPAN("Location")};
    const struct gw_http_reply reply = {.status = 307, .fields = &location, .field_count = 1};

    (void)snprintf(url, sizeof url, "%s/elsewhere", f->base);
    location.value = span_str(url);
    gw_http_answer(req, &reply);
}

/* The parcel as one piece; cut: without its last third. */
static void answer_parcel(struct gw_http_request *req, const struct xta_parcel *parcel, char what)
{
    struct gw_xta_parcel sending;
    struct gw_pull pull = gw_xta_parcel_pull(&sending, parcel, NULL, NULL);
    AUTO(buf_deinit) struct buf all = {0};
    struct error err = {0};
    bool end = false;

    buf_init(&all, 2 * CONTENT_MAX);
    while (!end)
        assert_int_equal(pull.next(pull.ctx, &all, &end, &err), ST_OK);
    gw_pull_close(&pull, true);
    if (what == 'C')
        all.len -= all.len / 3;
    answer_bytes(req, parcel->http_status == 0 ? 200 : parcel->http_status, parcel->content_type,
                 buf_span(&all));
}

static void answer_fault(struct handling *h, struct gw_http_request *req, struct span soap_id)
{
    struct xta_parcel parcel = {0};
    struct error err = {0};

    assert_int_equal(xta_fault_write(h->f->version, &h->request.operation, &h->fault, soap_id,
                                     rng_system(), &h->message->arena, &parcel, &err),
                     ST_OK);
    answer_parcel(req, &parcel, '+');
}

static void answer_good(struct handling *h, struct gw_http_request *req, char what)
{
    struct xta_parcel parcel = {0};
    struct error err = {0};
    struct arena *arena;

    if (h->message == NULL) /* kept: another arena for the answer */
        h->message = message_new();
    arena = &h->message->arena;
    h->answer.version = h->f->version;
    h->answer.operation = h->request.operation;
    h->answer.relates_to = h->request.soap_id;
    if (what == 'M')
        h->answer.metadata.id = SPAN("urn:de:xta:messageid:Fake:another");
    if (xta_answer_write(&h->answer, rng_system(), arena, &parcel, &err) != ST_OK)
        fail_msg("%s", err.text);
    answer_parcel(req, &parcel, what);
}

/* ---- one request ---- */

/* A refusal by script. */
static bool scripted(struct handling *h, char what)
{
    static const struct {
        char what;
        enum xta_exception exception;
        int number;
    } rows[] = {{'T', XTA_TECHNICAL_PROBLEM, XTA_N_INTERNAL},
                {'P', XTA_PERMISSION_DENIED, XTA_N_NO_ACCOUNT},
                {'V', XTA_VIRUS_DETECTION, XTA_N_VIRUS},
                {'S', XTA_SOAP_RECEIVER, 0},
                {'I', XTA_PARAMETER_NOT_VALID, XTA_N_COMBINATION},
                {'X', XTA_INVALID_MESSAGE_ID, XTA_N_UNKNOWN_ID}};

    if (what == 'E')
        return !refuse(h, h->f->fault.exception, h->f->fault.number);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].what == what) {
            (void)refuse(h, rows[i].exception, rows[i].number);
            return true;
        }
    return false;
}

static void request_answer(struct handling *h, struct gw_http_request *req, char what)
{
    struct span soap_id = h->request.soap_id;

    if (what == 'N') {
        hang_up(req);
    } else if (what == 'G') {
        answer_bytes(req, 200, "text/html", SPAN("<html>Bitte melden Sie sich am Proxy an</html>"));
    } else if (what == 'D') {
        answer_bytes(req, 200, "application/soap+xml",
                     SPAN("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"));
    } else if (what == 'U') {
        answer_bytes(req, 503, "text/plain", SPAN("busy"));
    } else if (what == 'R') {
        redirect(h->f, req);
    } else if (scripted(h, what) || !handle(h)) {
        answer_fault(h, req, soap_id);
    } else if (what == 'A') {
        if (h->message == NULL) /* kept: another arena for the answer */
            h->message = message_new();
        (void)scripted(h, 'T');
        answer_fault(h, req, soap_id);
    } else if (what == 'L') {
        hang_up(req);
    } else {
        answer_good(h, req, what);
    }
}

static char script_next(struct helper_xta_fake *f, enum xta_operation operation)
{
    const char **script = &f->scripts[operation];

    f->requests[operation]++;
    return *script == NULL || **script == '\0' ? '+' : *(*script)++;
}

static void request_handle(struct helper_xta_fake *f, struct gw_http_request *req,
                           enum xta_port port)
{
    const struct gw_http_head *head = gw_http_request_head(req);
    struct handling h = {.intake = {content_open, content_close}, .f = f};
    struct xta_reading reading = {.version = f->version,
                                  .port = port,
                                  .schemas = f->schemas,
                                  .limits = xta_limits_default(),
                                  .intake = &h.intake};
    struct span relates_to = SPAN_NONE;
    struct error err = {0};

    h.message = message_new();
    if (xta_request_read(&reading, gw_body_source(gw_http_request_body(req)),
                         field(head, "content-type"), SPAN_NONE, &h.message->arena, &h.request,
                         &h.fault, &relates_to, &err) != ST_OK) {
        (void)snprintf(f->refused, sizeof f->refused, "%s", err.text);
        answer_fault(&h, req, relates_to);
    } else {
        request_answer(&h, req, script_next(f, h.request.operation));
    }
    message_free(h.message);
}

static void on_complete(void *ctx, struct gw_http_request *req)
{
    struct helper_xta_fake *f = ctx;
    enum xta_port port;

    pthread_mutex_lock(&f->lock);
    if (port_of(gw_http_request_head(req), &port)) {
        request_handle(f, req, port);
    } else {
        f->strangers++;
        answer_bytes(req, 404, "text/plain", SPAN("nobody"));
    }
    pthread_mutex_unlock(&f->lock);
}

/* ---- the whole ---- */

static void on_stop(void *ctx)
{
    struct helper_xta_fake *f = ctx;

    gw_http_server_close(f->server, 100);
}

static void *loop_run(void *ctx)
{
    gw_loop_run(ctx);
    return NULL;
}

static void file_write(const struct helper_xta_fake *f, const char *name, const struct buf *bytes)
{
    char path[128];
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/%s", f->dir, name);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes->ptr, 1, bytes->len, file), bytes->len);
    assert_int_equal(fclose(file), 0);
}

static void certificates_make(struct helper_xta_fake *f)
{
    test_cert_make(&f->ca, &(struct test_cert_spec){"Aussteller", NULL, NULL, true, 30});
    test_cert_make(&f->own, &(struct test_cert_spec){"Server", "IP:127.0.0.1", &f->ca, false, 30});
    test_cert_make(&f->client, &(struct test_cert_spec){"Kunde", NULL, &f->ca, false, 30});
    file_write(f, "ca.pem", &f->ca.cert);
    file_write(f, "client.pem", &f->client.cert);
    file_write(f, "client.key", &f->client.key);
}

void helper_xta_fake_open(struct helper_xta_fake *f, enum xta_version version)
{
    struct gw_http_listen listen = {.host = "127.0.0.1",
                                    .limits = gw_http_limits_default(),
                                    .handler = {.on_complete = on_complete, .ctx = f}};
    struct error err = {0};

    *f = (struct helper_xta_fake){.version = version, .available = XTA_TRUE};
    helper_dir_make(f->dir);
    certificates_make(f);
    pthread_mutex_init(&f->lock, NULL);
    f->schemas = helper_xta_schemas();
    assert_int_equal(gw_tls_new(&(struct gw_tls_conf){.cert_pem = buf_span(&f->own.cert),
                                                      .key_pem = buf_span(&f->own.key),
                                                      .client = GW_TLS_ASK_REQUIRED,
                                                      .client_ca_pem = buf_span(&f->ca.cert)},
                                &f->tls, &err),
                     ST_OK);
    assert_int_equal(gw_loop_new(&f->loop, &err), ST_OK);
    listen.tls = f->tls;
    listen.spool_dir = f->dir;
    assert_int_equal(gw_http_server_new(f->loop, &listen, &f->server, &err), ST_OK);
    (void)snprintf(f->base, sizeof f->base, "https://127.0.0.1:%u", gw_http_server_port(f->server));
    gw_loop_on_stop(f->loop, on_stop, f);
    assert_int_equal(pthread_create(&f->thread, NULL, loop_run, f->loop), 0);
}

void helper_xta_fake_close(struct helper_xta_fake *f)
{
    gw_loop_stop(f->loop);
    assert_int_equal(pthread_join(f->thread, NULL), 0);
    gw_loop_free(f->loop);
    gw_tls_free(f->tls);
    for (size_t i = 0; i < f->count; i++)
        message_free(f->messages[i]);
    test_cert_deinit(&f->ca);
    test_cert_deinit(&f->own);
    test_cert_deinit(&f->client);
    pthread_mutex_destroy(&f->lock);
    helper_dir_remove(f->dir);
    assert_string_equal(f->refused, "");
    assert_int_equal(f->strangers, 0);
}

void helper_xta_fake_script(struct helper_xta_fake *f, enum xta_operation operation,
                            const char *script)
{
    pthread_mutex_lock(&f->lock);
    f->scripts[operation] = script;
    f->requests[operation] = 0;
    pthread_mutex_unlock(&f->lock);
}

unsigned helper_xta_fake_requests(struct helper_xta_fake *f, enum xta_operation operation)
{
    unsigned count;

    pthread_mutex_lock(&f->lock);
    count = f->requests[operation];
    pthread_mutex_unlock(&f->lock);
    return count;
}

size_t helper_xta_fake_put(struct helper_xta_fake *f, const char *id, const char *reader,
                           const char *content)
{
    struct helper_xta_kept *m = message_new();
    size_t at;

    m->metadata = (struct xta_metadata){
        .version = f->version,
        .id = arena_span(&m->arena, span_str(id)),
        .reader = {.value = arena_span(&m->arena, span_str(reader)), .scheme = SPAN("xoev")},
        .author = {.value = SPAN("ags:2"), .scheme = SPAN("xoev"), .name = SPAN("Beheim")},
        .service = SPAN("urn:dienst"),
        .subject = SPAN("Anfrage"),
        .scenario_undefined = SPAN("none"),
        .message_type = {SPAN("urn:l"), SPAN("1"), SPAN("probe.0001"), SPAN_NONE},
        .message_schema = SPAN("urn:probe"),
        .origin = SPAN("2026-01-02T03:04:01Z"),
        .delivery = SPAN("2026-01-02T03:04:02Z"),
        .quality_undefined = f->version == XTA_V5 ? SPAN("none") : SPAN_NONE,
        .size = strlen(content) + 1};
    m->container.contents = arena_array(&m->arena, sizeof *m->container.contents, 1);
    assert_non_null(m->container.contents);
    m->container.contents[0] = (struct xta_content){.content_type = SPAN("text/plain"),
                                                    .encoding = SPAN("UTF-8"),
                                                    .filename = SPAN("anfrage.txt"),
                                                    .id = SPAN("m1"),
                                                    .announced = strlen(content),
                                                    .len = strlen(content)};
    m->container.count = 1;
    m->container.has_message = true;
    buf_str(&m->contents[0], content);
    pthread_mutex_lock(&f->lock);
    assert_true(f->count < HELPER_XTA_FAKE_MESSAGES);
    at = f->count++;
    f->messages[at] = m;
    pthread_mutex_unlock(&f->lock);
    return at;
}

void helper_xta_fake_yaml(const struct helper_xta_fake *f, const char *more, struct buf *yaml)
{
    bool v3 = f->version == XTA_V3;

    buf_printf(yaml,
               "xta_servers:\n"
               "  - name: demo\n"
               "    version: %s\n"
               "    urls: { %s: '%s/base', %s: '%s/sender', %s: '%s/box' }\n"
               "    tls: { certificate: %s/client.pem, key: %s/client.key }\n"
               "    authorities: [ %s/ca.pem ]\n"
               "    parties: [ {value: 'ags:1', name: Ahausen} ]\n"
               "    poll_seconds: 1\n"
               "    receipt_poll_seconds: 1\n"
               "%s",
               v3 ? "3" : "5", v3 ? "management" : "base", f->base, v3 ? "send" : "sender", f->base,
               v3 ? "msgbox" : "recipient", f->base, f->dir, f->dir, f->dir, more);
    buf_str(yaml, "partners:\n"
                  "  - name: Beheim\n"
                  "    xta: demo\n"
                  "    reader: {value: 'ags:2', name: Beheim}\n"
                  "    xta_message: {service: 'urn:dienst', scenario: XMELD_DATA}\n");
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "helper_fake.h"

#include <stdio.h>

#include "helper_crypto.h"

enum { WIRE_MAX = 64 * 1024 * 1024 };

static const char intermediary_yaml[] = "state: {dir}/state\n"
                                        "trust:\n"
                                        "  osci: [ {keys}/ca.cert.pem, {keys}/ca-other.cert.pem ]\n"
                                        "osci_server:\n"
                                        "  identity: {intermediary}\n"
                                        "  listeners:\n"
                                        "    - { address: 127.0.0.1, port: 0, path: /osci }\n";
static const char closed_yaml[] =
    "  mailboxes:\n"
    "    - { name: b, cipher_certificate: {keys}/addressee-cipher-2048.cert.pem }\n";

/* One request on its way through the door. */
struct passing {
    struct helper_fake *fake;
    struct gw_http_request *req;
    struct gw_body *body;
    char what;
};

static void answer(struct gw_http_request *req, int status, struct span bytes)
{
    const struct gw_http_reply reply = {
        .status = status, .content_type = "text/xml", .bytes = bytes};

    gw_http_answer(req, &reply);
}

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

static void answer_file(struct gw_http_request *req, const char *path)
{
    AUTO(buf_deinit) struct buf b = {0};

    helper_vector(path, &b);
    answer(req, 200, buf_span(&b));
}

/* Another code in all languages. */
static void say_instead(struct helper_fake *f, struct osci_decision *d)
{
    (void)snprintf(f->digits, sizeof f->digits, "%04d", f->code);
    for (size_t i = 0; i < d->answer.feedback_count; i++)
        d->answer.feedback[i].code = span_str(f->digits);
}

/* Handles the order as if its signature were not there; who opens a dialog is refused by code. */
static void refuse(struct helper_fake *f, struct gw_http_request *req)
{
    struct im_fixture *im = &f->im;
    struct osci_request request = {0};
    struct sink_buf sink;
    struct source_span inner;
    AUTO(buf_deinit) struct buf plain = {0}, wire = {0};
    AUTO(osci_reading_drop) struct osci_reading *reading = NULL;
    AUTO(osci_decision_drop) struct osci_decision *d = NULL;
    AUTO(osci_writer_drop) struct osci_writer *writer = NULL;
    struct error err = {0};
    bool end = false;

    im->now = gw_now_ms();
    buf_init(&plain, WIRE_MAX);
    buf_init(&wire, WIRE_MAX);
    assert_int_equal(osci_transport_open(gw_body_source(gw_http_request_body(req)), im->own, 2,
                                         &im->policy, im->now, NULL, sink_buf_init(&sink, &plain),
                                         &request.transport, &err),
                     ST_OK);
    assert_int_equal(osci_message_read(source_span_init(&inner, buf_span(&plain)), &im->policy,
                                       im->now, im->cache, NULL, &reading, &err),
                     ST_OK);
    reading->is_signed = reading->msg.type == OSCI_INIT_DIALOG;
    request.reading = reading;
    assert_int_equal(osci_intermediary_handle(&im->im, &request, im->now, &d, &err), ST_OK);
    if (f->code == 0)
        assert_int_equal(d->code, 9600);
    else
        say_instead(f, d);
    assert_int_equal(osci_decision_write(&im->im, d, im->now, &writer, &err), ST_OK);
    while (!end)
        assert_int_equal(osci_writer_next(writer, &wire, &end, &err), ST_OK);
    answer(req, 200, buf_span(&wire));
}

/* The answer to H goes once enough others have. The lock is held. */
static void held_release(struct helper_fake *f)
{
    if (f->held == NULL || f->hold > 0)
        return;
    answer(f->held, 200, buf_span(&f->held_answer));
    f->held = NULL;
}

static const char forgotten[] = "osci12/faults/fault-9400.mime";

static void inner_done(void *ctx, struct gw_http_result *result)
{
    struct passing *p = ctx;
    struct helper_fake *f = p->fake;
    struct error err = {0};

    if (result->outcome != GW_HTTP_ANSWERED) {
        hang_up(p->req);
    } else {
        pthread_mutex_lock(&f->lock);
        buf_reset(&f->last);
        assert_int_equal(source_read_all(gw_body_source(result->body), &f->last, &err), ST_OK);
        if (p->what == 'H') {
            f->held = p->req;
            assert_int_equal(source_read_all(gw_body_source(result->body), &f->held_answer, &err),
                             ST_OK);
        } else if (p->what == 'L')
            hang_up(p->req);
        else if (p->what == 'E')
            answer_file(p->req, forgotten);
        else
            answer(p->req, result->status, buf_span(&f->last));
        if (p->what != 'H' && f->holds && f->hold > 0)
            f->hold--;
        held_release(f);
        pthread_mutex_unlock(&f->lock);
    }
    gw_body_free(p->body);
    free(p);
}

static void pass_on(struct helper_fake *f, struct gw_http_request *req, char what)
{
    static const struct gw_http_field fields[] = {{SPAN("Content-Type"), SPAN("text/xml")}};
    struct passing *p = calloc(1, sizeof *p);
    struct gw_http_call call = {
        .url = f->inner, .fields = fields, .field_count = 1, .done = inner_done};
    struct error err = {0};

    assert_non_null(p);
    *p = (struct passing){f, req, gw_http_request_take_body(req), what};
    call.body = gw_pull_source(gw_body_source(p->body), NULL, NULL);
    call.ctx = p;
    if (f->h.rt->http == NULL || gw_http_call(f->h.rt->http, &call, NULL, &err) != ST_OK) {
        gw_body_free(p->body);
        hang_up(req);
        free(p);
    }
}

static void on_complete(void *ctx, struct gw_http_request *req)
{
    struct helper_fake *f = ctx;
    char what;

    pthread_mutex_lock(&f->lock);
    f->requests++;
    what = *f->script == '\0' ? '+' : *f->script++;
    f->holds = f->holds || what == 'H';
    if (what == 'R')
        answer(req, 200, buf_span(&f->last));
    pthread_mutex_unlock(&f->lock);
    switch (what) {
    case 'R':
        break;
    case 'N':
        hang_up(req);
        break;
    case 'G':
        answer(req, 200, SPAN("<html>Bitte melden Sie sich am Proxy an</html>"));
        break;
    case 'U':
        answer(req, f->status != 0 ? f->status : 503, SPAN("busy"));
        break;
    case 'F':
        answer_file(req, "osci12/faults/fault-9000.mime");
        break;
    case 'D':
        answer_file(req, forgotten);
        break;
    case 'V':
        answer_file(req, "osci12/dialogs/explicit-plain-unsigned/o1-initDialog.rsp.mime");
        break;
    case 'X':
        refuse(f, req);
        break;
    default:
        pass_on(f, req, what);
    }
}

static void on_stop(void *ctx)
{
    struct helper_fake *f = ctx;

    gw_http_server_close(f->front, 100);
    gw_osci_server_close(f->server, 100);
}

void helper_fake_open(struct helper_fake *f, bool open)
{
    struct gw_http_listen listen = {.host = "127.0.0.1",
                                    .limits = gw_http_limits_default(),
                                    .handler = {.on_complete = on_complete, .ctx = f}};
    struct error err = {0};

    f->script = "";
    pthread_mutex_init(&f->lock, NULL);
    buf_init(&f->last, WIRE_MAX);
    buf_init(&f->held_answer, WIRE_MAX);
    im_fixture_init(&f->im);
    helper_runtime_open(&f->h, intermediary_yaml, open ? "  self_registering: true\n" : closed_yaml,
                        NULL);
    assert_int_equal(gw_osci_server_new(f->h.rt, NULL, NULL, &f->server, &err), ST_OK);
    listen.spool_dir = f->h.rt->temp_dir;
    assert_int_equal(gw_http_server_new(f->h.loop, &listen, &f->front, &err), ST_OK);
    (void)snprintf(f->inner, sizeof f->inner, "http://127.0.0.1:%u/osci",
                   gw_osci_server_port(f->server, 0));
    (void)snprintf(f->url, sizeof f->url, "http://127.0.0.1:%u/osci",
                   gw_http_server_port(f->front));
    gw_loop_on_stop(f->h.loop, on_stop, f);
    helper_runtime_run(&f->h);
}

void helper_fake_close(struct helper_fake *f)
{
    (void)helper_runtime_stop(&f->h);
    gw_osci_server_free(f->server);
    helper_runtime_deinit(&f->h);
    buf_deinit(&f->last);
    buf_deinit(&f->held_answer);
    im_fixture_deinit(&f->im);
    pthread_mutex_destroy(&f->lock);
}

void helper_fake_script(struct helper_fake *f, const char *script)
{
    pthread_mutex_lock(&f->lock);
    f->script = script;
    f->requests = 0;
    pthread_mutex_unlock(&f->lock);
}

unsigned helper_fake_requests(struct helper_fake *f)
{
    unsigned requests;

    pthread_mutex_lock(&f->lock);
    requests = f->requests;
    pthread_mutex_unlock(&f->lock);
    return requests;
}

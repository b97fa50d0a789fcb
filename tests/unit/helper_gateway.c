#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/helper_gateway.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>

#include "gateway/loop.h"
#include "gateway/payload.h"
#include "tests/unit/helper_osci.h"
#include "tests/unit/helper_store.h"

enum { WIRE_MAX = 64 * 1024 * 1024, GRACE_MS = 10000 };

static void yaml_fill(struct buf *out, const char *dir, const char *yaml)
{
    buf_printf(out, "state: %s\n", dir);
    for (const char *c = yaml; *c != '\0'; c++) {
        if (c[0] == '%' && c[1] == 'K') {
            buf_str(out, TEST_VECTORS "/osci12/keys");
            c++;
        } else {
            buf_char(out, *c);
        }
    }
}

static void conf_read(struct helper_gateway *g, const char *yaml)
{
    struct gw_config_report report;
    struct error err = {0};
    AUTO(buf_deinit) struct buf text = {0}, findings = {0};

    buf_init(&text, 65536);
    buf_init(&findings, 65536);
    yaml_fill(&text, g->dir, yaml);
    gw_config_report_init(&report);
    if (gw_config_read(buf_span(&text), "/test.yaml", &g->conf, &report, &err) != ST_OK) {
        gw_config_report_text(&report, GW_LANG_EN, &findings);
        fail_msg("%s", buf_cstr(&findings));
    }
    gw_config_report_deinit(&report);
}

static void on_stop(void *ctx)
{
    struct helper_gateway *g = ctx;

    if (g->server != NULL)
        gw_osci_server_close(g->server, GRACE_MS);
    if (g->requests != NULL)
        gw_requests_close(g->requests);
    if (g->recipient != NULL)
        gw_recipient_close(g->recipient, GRACE_MS);
}

static void *loop_run(void *ctx)
{
    gw_loop_run(((struct helper_gateway *)ctx)->loop);
    return NULL;
}

void helper_gateway_start(struct helper_gateway *g, const char *yaml, bool lanes)
{
    struct error err = {0};

    *g = (struct helper_gateway){0};
    helper_dir_make(g->dir);
    conf_read(g, yaml);
    helper_ok(gw_loop_new(&g->loop, &err), &err);
    if (getenv("TEST_LOG") != NULL)
        helper_ok(gw_log_new(GW_LOG_STDERR, GW_LOG_DEBUG, NULL, &g->log, &err), &err);
    helper_ok(gw_runtime_new(g->conf, g->loop, g->log, &g->rt, &err), &err);
    if (g->conf->osci_server != NULL) {
        helper_ok(gw_osci_server_new(g->rt, NULL, NULL, &g->server, &err), &err);
        g->port = gw_osci_server_port(g->server, 0);
    }
    if (g->conf->osci_recipient != NULL) {
        helper_ok(gw_requests_new(g->rt, &g->requests, &err), &err);
        helper_ok(gw_recipient_new(g->rt, g->requests, &g->recipient, &err), &err);
        g->port = gw_recipient_port(g->recipient, 0);
    }
    gw_loop_on_stop(g->loop, on_stop, g);
    if (lanes)
        helper_ok(gw_lanes_start(g->rt, NULL, NULL, &g->lanes, &err), &err);
    assert_int_equal(pthread_create(&g->thread, NULL, loop_run, g), 0);
}

void helper_gateway_stop(struct helper_gateway *g)
{
    gw_loop_stop(g->loop);
    assert_int_equal(pthread_join(g->thread, NULL), 0);
    gw_recipient_free(g->recipient);
    gw_requests_free(g->requests);
    gw_osci_server_free(g->server);
    gw_lanes_free(g->lanes);
    gw_runtime_free(g->rt);
    gw_loop_free(g->loop);
    gw_log_free(g->log);
    gw_config_free(g->conf);
    helper_dir_remove(g->dir);
}

void helper_gateway_send(struct helper_gateway *g, const char *partner, const char *subject,
                         char id[GW_ID_SIZE])
{
    struct gw_message_row row = {
        .id = id,
        .tenant = g->conf->tenants[0].name,
        .endpoint = g->conf->endpoints_count > 0 ? g->conf->endpoints[0].name : NULL,
        .box = GW_OUTBOX,
        .peer = gw_config_partner(g->conf, partner)->intermediary,
        .recipient = partner,
        .subject = subject,
        .size_bytes = 5,
        .created_at = gw_now_ms()};
    const struct gw_cause cause = {.now = row.created_at, .actor = "test"};
    const struct gw_file_row *files;
    struct error err = {0};
    char existing[GW_ID_SIZE];
    size_t count;
    AUTO(gw_stage_drop) struct gw_stage *stage = NULL;

    helper_ok(gw_uuid_make(g->rt->rng, row.created_at, id, &err), &err);
    helper_ok(gw_stage_new(g->rt->store, id, &stage, &err), &err);
    helper_ok(
        gw_stage_add_bytes(stage, GW_FILE_PAYLOAD, "brief.txt", NULL, NULL, SPAN("hallo"), &err),
        &err);
    helper_ok(gw_stage_publish(stage, &err), &err);
    files = gw_stage_files(stage, &count);
    helper_ok(gw_store_commit_message(g->rt->store, &row, files, count, &cause, existing, &err),
              &err);
    gw_stage_done(stage);
    gw_lanes_kick(g->lanes, NULL);
}

void helper_gateway_http(uint16_t port, const char *method, const char *path, struct span body,
                         struct buf *answer)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    uint8_t piece[16384];
    ssize_t n;
    AUTO(buf_deinit) struct buf request = {0};
    AUTO(fd_drop) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    buf_init(&request, WIRE_MAX);
    buf_printf(&request,
               "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: text/xml\r\n"
               "Content-Length: %zu\r\n\r\n",
               method, path, body.len);
    buf_add(&request, body);
    for (size_t sent = 0; sent < request.len; sent += (size_t)n) {
        n = send(fd, request.ptr + sent, request.len - sent, MSG_NOSIGNAL);
        if (n <= 0)
            break;
    }
    while ((n = recv(fd, piece, sizeof piece, 0)) > 0)
        buf_add(answer, span_of(piece, (size_t)n));
    assert_false(answer->failed);
}

void helper_gateway_post(uint16_t port, struct span wire, struct buf *body)
{
    size_t head;
    AUTO(buf_deinit) struct buf answer = {.max = WIRE_MAX};

    helper_gateway_http(port, "POST", "/osci", wire, &answer);
    assert_true(span_starts(buf_span(&answer), SPAN("HTTP/1.1 200 ")));
    head = span_find(buf_span(&answer), SPAN("\r\n\r\n"));
    assert_true(head != SIZE_MAX);
    assert_true(span_find(span_sub(buf_span(&answer), 0, head), SPAN("text/xml")) != SIZE_MAX);
    buf_add(body, span_from(buf_span(&answer), head + 4));
}

void helper_gateway_messages(struct helper_gateway *g, enum gw_box box, struct arena *arena,
                             struct gw_message_list *list)
{
    struct gw_filter filter = {.box = box, .oldest_first = true};
    struct error err = {0};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    helper_ok(gw_store_read(g->rt->store, &tx, &err), &err);
    helper_ok(gw_store_messages(tx, arena, &filter, list, &err), &err);
}

/* The intermediary's door over real HTTP and a real store, the loop in a thread of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/helper_crypto.h"
#include "tests/unit/helper_gateway.h"
#include "tests/unit/helper_intermediary.h"
#include "tests/unit/helper_store.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>

#include "gateway/osci_server.h"
#include "gateway/store_osci.h"
#include "gateway/worker.h"

enum { WIRE_MAX = 64 * 1024 * 1024, LARGE = 3 * 1024 * 1024 };

static const char conf_yaml[] =
    "state: %s\n"
    "trust:\n"
    "  osci: [ %s/ca.cert.pem ]\n"
    "osci_server:\n"
    "  identity:\n"
    "    signature: { certificate: %s/intermediary-signature-2048.cert.pem,"
    " key: %s/intermediary-signature-2048.key.pem }\n"
    "    cipher: { certificate: %s/intermediary-cipher-2048.cert.pem,"
    " key: %s/intermediary-cipher-2048.key.pem }\n"
    "  listeners:\n"
    "    - { address: 127.0.0.1, port: 0, path: /osci }\n"
    "  self_registering: true\n"
    "  message_max_mb: 8\n"
    "limits: { memory_kb: 256 }\n";

struct world {
    struct im_fixture f;
    char dir[64];
    const struct gw_config *conf;
    struct gw_loop *loop;
    struct gw_runtime *rt;
    struct gw_osci_server *server;
    pthread_t thread;
    uint16_t port;
    unsigned delivered;
};

static void on_delivered(void *ctx, const uint8_t mailbox[GW_SHA256_BYTES])
{
    struct world *w = ctx;

    (void)mailbox;
    w->delivered++;
}

static void on_stop(void *ctx)
{
    gw_osci_server_close(((struct world *)ctx)->server, 1000);
}

static void *loop_run(void *ctx)
{
    gw_loop_run(((struct world *)ctx)->loop);
    return NULL;
}

static void post(void *ctx, struct span wire, struct im_reply *r)
{
    const struct world *w = ctx;
    size_t head;
    AUTO(buf_deinit) struct buf answer = {.max = WIRE_MAX};

    helper_gateway_http(w->port, "POST", "/osci", wire, &answer);
    assert_true(span_starts(buf_span(&answer), SPAN("HTTP/1.1 200 ")));
    head = span_find(buf_span(&answer), SPAN("\r\n\r\n"));
    assert_true(head != SIZE_MAX);
    assert_true(span_find(span_sub(buf_span(&answer), 0, head), SPAN("text/xml")) != SIZE_MAX);
    buf_add(&r->wire, span_from(buf_span(&answer), head + 4));
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    const char *keys = TEST_VECTORS "/osci12/keys";
    struct gw_config_report report;
    struct error err = {0};
    struct buf yaml;

    assert_non_null(w);
    im_fixture_init(&w->f);
    helper_dir_make(w->dir);
    buf_init(&yaml, 65536);
    buf_printf(&yaml, conf_yaml, w->dir, keys, keys, keys, keys, keys);
    gw_config_report_init(&report);
    assert_int_equal(gw_config_read(buf_span(&yaml), "/test.yaml", &w->conf, &report, &err), ST_OK);
    gw_config_report_deinit(&report);
    buf_deinit(&yaml);
    assert_int_equal(gw_loop_new(&w->loop, &err), ST_OK);
    assert_int_equal(gw_runtime_new(w->conf, w->loop, NULL, &w->rt, &err), ST_OK);
    assert_int_equal(gw_osci_server_new(w->rt, on_delivered, w, &w->server, &err), ST_OK);
    w->port = gw_osci_server_port(w->server, 0);
    gw_loop_on_stop(w->loop, on_stop, w);
    w->f.post = post;
    w->f.post_ctx = w;
    assert_int_equal(pthread_create(&w->thread, NULL, loop_run, w), 0);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    gw_loop_stop(w->loop);
    assert_int_equal(pthread_join(w->thread, NULL), 0);
    gw_osci_server_free(w->server);
    gw_runtime_free(w->rt);
    gw_loop_free(w->loop);
    gw_config_free(w->conf);
    helper_dir_remove(w->dir);
    im_fixture_deinit(&w->f);
    free(w);
    return 0;
}

static size_t events_count(struct world *w)
{
    struct gw_event_list list = {0};
    struct error err = {0};
    struct arena arena;
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    arena_init(&arena, 1024 * 1024);
    assert_int_equal(gw_store_read(w->rt->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_events(tx, &arena, 0, NULL, NULL, NULL, 1000, &list, &err), ST_OK);
    for (size_t i = 0; i < list.count; i++)
        assert_string_equal(list.rows[i].kind, "peer.refused");
    arena_deinit(&arena);
    return list.count;
}

static size_t mailboxes_count(struct world *w)
{
    struct gw_mailbox_list list = {0};
    struct error err = {0};
    struct arena arena;
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    arena_init(&arena, 1024 * 1024);
    assert_int_equal(gw_store_read(w->rt->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_mailboxes(tx, &arena, &list, &err), ST_OK);
    arena_deinit(&arena);
    return list.count;
}

static void simple(struct im_client *c, enum osci_type type, const char *codes, struct im_reply *r)
{
    struct osci_message m;

    im_order(c, type, &m);
    im_send(c, &m, r);
    im_assert_codes(r, codes);
}

static void test_life(void **state)
{
    struct world *w = *state;
    struct im_client a, b;
    struct osci_message m;
    struct im_reply r;
    struct source_span body;
    struct digest_value sum;
    struct error err = {0};
    char id[64];
    uint8_t *large = malloc(LARGE);

    assert_non_null(large);
    for (size_t i = 0; i < LARGE; i++)
        large[i] = (uint8_t)(i * 7 + (i >> 8));
    im_client_init(&a, &w->f, "originator");
    simple(&a, OSCI_GET_MESSAGE_ID, "0800", &r);
    im_text(r.reading->msg.message_id, id, sizeof id);
    im_reply_deinit(&r);
    im_store_order(&a, &m, id, "addressee");
    a.attachment.len = LARGE;
    a.attachment.body = source_span_init(&body, span_of(large, LARGE));
    assert_int_equal(
        digest_of(a.attachment.digest.alg, span_of(large, LARGE), &a.attachment.digest, &err),
        ST_OK);
    sum = a.attachment.digest;
    im_send(&a, &m, &r);
    im_assert_codes(&r, "0800");
    im_reply_deinit(&r);
    assert_int_equal(w->delivered, 1);
    im_store_order(&a, &m, id, "addressee");
    im_send(&a, &m, &r);
    im_assert_codes(&r, "9801");
    im_reply_deinit(&r);

    im_client_init(&b, &w->f, "addressee");
    im_dialog_open(&b);
    simple(&b, OSCI_FETCH_DELIVERY, "0801", &r); /* too large for one piece: pulled from its file */
    assert_int_equal(r.reading->msg.attachment_count, 1);
    assert_int_equal(r.reading->msg.attachments[0].len, LARGE);
    assert_true(span_eq(digest_span(&r.reading->msg.attachments[0].digest), digest_span(&sum)));
    im_reply_deinit(&r);
    simple(&b, OSCI_FETCH_DELIVERY, "9803", &r); /* and proves the reception */
    im_reply_deinit(&r);
    simple(&b, OSCI_FETCH_PROCESS_CARD, "0801", &r);
    assert_int_equal(r.reading->msg.card_count, 1);
    assert_non_null(r.reading->msg.cards[0].forwarding.text.ptr);
    assert_non_null(r.reading->msg.cards[0].reception.text.ptr);
    assert_int_equal(r.reading->msg.cards[0].inspection_count, 3);
    im_reply_deinit(&r);
    im_dialog_close(&b);
    assert_int_equal(events_count(w), 1); /* 9801; an empty mailbox is no event */
    free(large);
}

static struct http_row {
    const char *method, *path, *status;
} http_rows[] = {
    {"GET", "/osci", "HTTP/1.1 405 "},
    {"PUT", "/osci", "HTTP/1.1 405 "},
    {"POST", "/other", "HTTP/1.1 404 "},
    {"POST", "/osci/x", "HTTP/1.1 404 "},
};

static void test_http(void **state)
{
    struct world *w = *state;

    for (size_t i = 0; i < ARRAY_LEN(http_rows); i++) {
        AUTO(buf_deinit) struct buf answer = {.max = WIRE_MAX};

        helper_gateway_http(w->port, http_rows[i].method, http_rows[i].path, SPAN_NONE, &answer);
        assert_true(span_starts(buf_span(&answer), span_str(http_rows[i].status)));
    }
    assert_int_equal(events_count(w), 0);
}

static void test_too_large(void **state)
{
    struct world *w = *state;
    AUTO(buf_deinit) struct buf answer = {.max = WIRE_MAX};
    AUTO(free_drop) char *body = calloc(1, 9 * 1024 * 1024);

    assert_non_null(body);
    helper_gateway_http(w->port, "POST", "/osci", span_of(body, 9 * 1024 * 1024), &answer);
    assert_true(answer.len == 0 || span_starts(buf_span(&answer), SPAN("HTTP/1.1 413 ")));
}

/* A refused message: its fault with HTTP 200, one event, and nothing else; not without end. */
static void test_refused(void **state)
{
    struct world *w = *state;
    struct im_client c;
    struct im_reply r;

    im_client_init(&c, &w->f, "originator");
    for (int i = 0; i < 70; i++) {
        im_post_foreign(&c, SPAN("no message at all\r\n"), &r);
        assert_int_equal(r.fault, 9100);
        im_reply_deinit(&r);
        if (i == 0)
            assert_int_equal(events_count(w), 1);
    }
    assert_true(events_count(w) >= 60);
    assert_true(events_count(w) <= 120); /* the minute may have turned meanwhile */
    assert_int_equal(mailboxes_count(w), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_life, setup, teardown),
        cmocka_unit_test_setup_teardown(test_http, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_large, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
    };

    gw_worker_setup(2);
    return cmocka_run_group_tests_name("osci_server", tests, helper_crypto_setup,
                                       helper_crypto_teardown);
}

/* forwardDelivery over real HTTP: a client, an intermediary's gateway and a passive recipient's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>

#include "gateway/store_osci.h"
#include "tests/unit/helper_gateway.h"
#include "tests/unit/helper_intermediary.h"
#include "tests/unit/helper_osci.h"

enum { LARGE = 3 * 1024 * 1024 };

static const char town_yaml[] =
    "tenant:\n"
    "  name: Stadt B\n"
    "  identity:\n"
    "    signature: { certificate: %K/addressee-signature-2048.cert.pem,"
    " key: %K/addressee-signature-2048.key.pem }\n"
    "    cipher: { certificate: %K/addressee-cipher-2048.cert.pem,"
    " key: %K/addressee-cipher-2048.key.pem }\n"
    "trust: { osci: [ %K/ca.cert.pem ] }\n"
    "intermediaries:\n"
    "  - name: im\n"
    "    url: http://127.0.0.1:9/osci\n"
    "    cipher_certificate: %K/intermediary-cipher-2048.cert.pem\n"
    "    signature_certificate: %K/intermediary-signature-2048.cert.pem\n"
    "endpoints: [ { name: fach } ]\n"
    "osci_recipient:\n"
    "  listeners: [ { address: 127.0.0.1, port: 0, path: /osci } ]\n";

static const char im_yaml[] =
    "trust: { osci: [ %%K/ca.cert.pem ] }\n"
    "osci_server:\n"
    "  identity:\n"
    "    signature: { certificate: %%K/intermediary-signature-2048.cert.pem,"
    " key: %%K/intermediary-signature-2048.key.pem }\n"
    "    cipher: { certificate: %%K/intermediary-cipher-2048.cert.pem,"
    " key: %%K/intermediary-cipher-2048.key.pem }\n"
    "  listeners: [ { address: 127.0.0.1, port: 0, path: /osci } ]\n"
    "  self_registering: true\n"
    "  forward_seconds: 2\n"
    "  receivers: [ { url: 'http://127.0.0.1:%u/' } ]\n";

struct world {
    struct im_fixture f;
    struct helper_gateway town, im;
    struct im_client client;
    char uri[64];
};

static void post(void *ctx, struct span wire, struct im_reply *r)
{
    helper_gateway_post(((struct world *)ctx)->im.port, wire, &r->wire);
}

static void intermediary_start(struct world *w, uint16_t receiver)
{
    char yaml[sizeof im_yaml + 16];

    (void)snprintf(yaml, sizeof yaml, im_yaml, receiver);
    helper_gateway_start(&w->im, yaml, false);
    (void)snprintf(w->uri, sizeof w->uri, "http://127.0.0.1:%u/osci", receiver);
    im_fixture_init(&w->f);
    w->f.post = post;
    w->f.post_ctx = w;
    im_client_init(&w->client, &w->f, "originator");
}

static void intermediary_stop(struct world *w)
{
    im_fixture_deinit(&w->f);
    helper_gateway_stop(&w->im);
}

static void id_get(struct world *w, char id[64])
{
    struct osci_message m;
    struct im_reply r;

    im_order(&w->client, OSCI_GET_MESSAGE_ID, &m);
    im_send(&w->client, &m, &r);
    im_assert_code(&r, "0800");
    im_text(r.reading->msg.message_id, id, 64);
    im_reply_deinit(&r);
}

/* Sends one, with octets as its attachment when there are some. */
static void forward(struct world *w, const char *id, struct span octets, const char *codes)
{
    struct source_span body;
    struct osci_message m;
    struct im_reply r;
    struct error err = {0};

    im_forward_order(&w->client, OSCI_FORWARD_DELIVERY, &m, id, "addressee", w->uri);
    if (octets.len > 0) {
        w->client.attachment.len = octets.len;
        w->client.attachment.body = source_span_init(&body, octets);
        helper_ok(
            digest_of(w->client.attachment.digest.alg, octets, &w->client.attachment.digest, &err),
            &err);
    }
    im_send(&w->client, &m, &r);
    im_assert_codes(&r, codes);
    im_reply_deinit(&r);
}

/* C, F and R as the intermediary keeps them. */
static void card_expect(struct world *w, const char *id, const char *times)
{
    struct gw_delivery_row row;
    struct error err = {0};
    char text[4];
    AUTO(buf_deinit) struct buf base64 = {.max = 256};
    AUTO(arena_deinit) struct arena arena = {0};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    arena_init(&arena, 1024 * 1024);
    buf_base64(&base64, span_str(id), 0);
    helper_ok(gw_store_read(w->im.rt->store, &tx, &err), &err);
    helper_ok(gw_store_delivery(tx, &arena, buf_cstr(&base64), &row, &err), &err);
    (void)snprintf(text, sizeof text, "%s%s%s", row.creation != 0 ? "C" : "",
                   row.forwarding != 0 ? "F" : "", row.reception != 0 ? "R" : "");
    assert_string_equal(text, times);
    assert_int_equal(row.kind, GW_DELIVERY_FORWARD);
    assert_false(row.content); /* it waits in no mailbox */
}

static size_t inbox_count(struct world *w)
{
    struct gw_message_list list;
    AUTO(arena_deinit) struct arena arena = {0};

    arena_init(&arena, 1024 * 1024);
    helper_gateway_messages(&w->town, GW_INBOX, &arena, &list);
    return list.count;
}

static void test_forward(void **state)
{
    struct world w = {0};
    uint8_t *large = malloc(LARGE);
    char id[64];

    (void)state;
    assert_non_null(large);
    for (size_t i = 0; i < LARGE; i++)
        large[i] = (uint8_t)(i * 7 + (i >> 8));
    helper_gateway_start(&w.town, town_yaml, false);
    intermediary_start(&w, w.town.port);
    id_get(&w, id);
    forward(&w, id, SPAN_NONE, "0800");
    card_expect(&w, id, "CFR");
    assert_int_equal(inbox_count(&w), 1);
    forward(&w, id, SPAN_NONE, "9801");
    assert_int_equal(inbox_count(&w), 1);
    id_get(&w, id);
    forward(&w, id, span_of(large, LARGE), "0800"); /* streams from one spool to the other */
    assert_int_equal(inbox_count(&w), 2);

    helper_gateway_stop(&w.town);
    id_get(&w, id);
    forward(&w, id, SPAN_NONE, "9809");
    card_expect(&w, id, "C");
    intermediary_stop(&w);
    free(large);
}

/* A recipient that takes everything and says nothing: the intermediary works on meanwhile. */
static void test_silence(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    struct world w = {0};
    char id[64];
    AUTO(fd_drop) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 4), 0); /* the kernel accepts, nobody reads */
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    intermediary_start(&w, ntohs(at.sin_port));
    id_get(&w, id);
    forward(&w, id, SPAN_NONE, "9810");
    card_expect(&w, id, "CF");
    intermediary_stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forward),
        cmocka_unit_test(test_silence),
    };

    return cmocka_run_group_tests_name("forward door", tests, helper_crypto_setup,
                                       helper_crypto_teardown);
}

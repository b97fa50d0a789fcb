/* forwardDelivery over real HTTP: originator, intermediary and passive recipient, all ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include "gateway/loop.h"
#include "gateway/store_osci.h"
#include "tests/unit/helper_gateway.h"
#include "tests/unit/helper_intermediary.h"
#include "tests/unit/helper_osci.h"
#include "tests/unit/helper_store.h"

enum { LARGE = 3 * 1024 * 1024 };
/* What a recipient that answers may take at most, and what one that does not is waited for. */
enum { LONG_S = 300, SHORT_S = 2, MANY_S = 15 /* time enough for all to come together */ };

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
    "osci_recipient:\n"
    "  listeners: [ { address: 127.0.0.1, port: 0, path: /osci } ]\n"
    "endpoints:\n"
    "  - name: fach\n";
#define ANSWERS(script, seconds)                                                                   \
    "    answers:\n"                                                                               \
    "      command: [ /bin/sh, -c, '" script "' ]\n"                                               \
    "      deadline_seconds: " seconds "\n"
#define COPIES ANSWERS("cp \"$DEPESCHE_REQUEST\"/*.txt \"$DEPESCHE_ANSWER\"", "300")
#define SLEEPS ANSWERS("sleep 600", "1")

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
    "  forward_seconds: %u\n"
    "  forwards_max: 2\n"
    "  receivers: [ { url: 'http://127.0.0.1:%u/' } ]\n";

static const char sender_yaml[] =
    "tenant:\n"
    "  name: Stadt A\n"
    "  identity:\n"
    "    signature: { certificate: %%K/originator-signature-2048.cert.pem,"
    " key: %%K/originator-signature-2048.key.pem }\n"
    "    cipher: { certificate: %%K/originator-cipher-2048.cert.pem,"
    " key: %%K/originator-cipher-2048.key.pem }\n"
    "trust: { osci: [ %%K/ca.cert.pem ] }\n"
    "intermediaries:\n"
    "  - name: im\n"
    "    url: http://127.0.0.1:%u/osci\n"
    "    cipher_certificate: %%K/intermediary-cipher-2048.cert.pem\n"
    "    signature_certificate: %%K/intermediary-signature-2048.cert.pem\n"
    "    fetch: false\n"
    "    dialog: %s\n"
    "partners:\n"
    "  - name: Stadt B\n"
    "    intermediary: im\n"
    "    delivery: %s\n"
    "    receiver_url: http://127.0.0.1:%u/osci\n"
    "    cipher_certificate: %%K/addressee-cipher-2048.cert.pem\n"
    "endpoints: [ { name: amt }, { name: other, receives: { default: true } } ]\n"
    "retry: { first_seconds: 86400, max_seconds: 86400 }\n"
    "%s";

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

/* It gives up bringing after so many seconds. */
static void intermediary_start(struct world *w, uint16_t receiver, unsigned seconds)
{
    char yaml[sizeof im_yaml + 16];

    (void)snprintf(yaml, sizeof yaml, im_yaml, seconds, receiver);
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
    intermediary_start(&w, w.town.port, LONG_S);
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
    intermediary_start(&w, ntohs(at.sin_port), SHORT_S);
    id_get(&w, id);
    forward(&w, id, SPAN_NONE, "9810");
    card_expect(&w, id, "CF");
    intermediary_stop(&w);
}

struct sending {
    struct world *w;
    char id[64];
    struct im_client client;
    struct im_fixture f;
    const char *codes;
    pthread_t thread;
};

static void *sending_main(void *ctx)
{
    struct sending *s = ctx;
    struct osci_message m;
    struct im_reply r;

    im_forward_order(&s->client, OSCI_FORWARD_DELIVERY, &m, s->id, "addressee", s->w->uri);
    im_send(&s->client, &m, &r);
    s->codes = span_is(osci_feedback_last(&r.reading->msg), "9810")   ? "9810"
               : span_is(osci_feedback_last(&r.reading->msg), "9809") ? "9809"
                                                                      : "?";
    im_reply_deinit(&r);
    return NULL;
}

/* No more than forwards_max wait for silent recipients; who comes later is told at once. */
static void test_forwards_max(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    static struct sending all[5];
    struct world w = {0};
    size_t lost = 0, refused = 0;
    AUTO(fd_drop) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 8), 0); /* the kernel accepts, nobody reads */
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    intermediary_start(&w, ntohs(at.sin_port), MANY_S);
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        all[i] = (struct sending){.w = &w};
        id_get(&w, all[i].id);
        im_fixture_init(&all[i].f); /* one for each thread */
        all[i].f.post = post;
        all[i].f.post_ctx = &w;
        im_client_init(&all[i].client, &all[i].f, "originator");
    }
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        assert_int_equal(pthread_create(&all[i].thread, NULL, sending_main, &all[i]), 0);
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        assert_int_equal(pthread_join(all[i].thread, NULL), 0);
        lost += strcmp(all[i].codes, "9810") == 0;
        refused += strcmp(all[i].codes, "9809") == 0;
        im_fixture_deinit(&all[i].f);
    }
    assert_int_equal(lost + refused, ARRAY_LEN(all));
    assert_true(lost >= 2);
    assert_true(refused >= 1);
    intermediary_stop(&w);
}

/* ---- our own outbox as the originator ---- */

/* Until the message in the outbox has that state, for five minutes at most. */
static struct gw_message_row outbox_wait(struct helper_gateway *g, struct arena *arena,
                                         enum gw_state state)
{
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    struct gw_message_list list = {0};

    for (int i = 0; i < 15000; i++) {
        arena_deinit(arena);
        arena_init(arena, 1024 * 1024);
        helper_gateway_messages(g, GW_OUTBOX, arena, &list);
        assert_int_equal(list.count, 1);
        if (list.rows[0].state == state)
            return list.rows[0];
        (void)nanosleep(&pause, NULL);
    }
    fail_msg("it is %s: %s", gw_state_name(list.rows[0].state), list.rows[0].last_error_en);
    return list.rows[0];
}

/* more: further settings, or "". */
static void sender_start_with(struct helper_gateway *a, struct world *w, const char *dialog,
                              const char *delivery, uint16_t receiver, const char *more)
{
    char yaml[sizeof sender_yaml + 256];

    assert_true(snprintf(yaml, sizeof yaml, sender_yaml, w->im.port, dialog, delivery, receiver,
                         more) < (int)sizeof yaml);
    helper_gateway_start(a, yaml, true);
}

static void sender_start(struct helper_gateway *a, struct world *w, const char *dialog,
                         const char *delivery, uint16_t receiver)
{
    sender_start_with(a, w, dialog, delivery, receiver, "");
}

static void originate(const char *dialog)
{
    struct helper_gateway a;
    struct gw_message_row row;
    struct world w = {0};
    char id[GW_ID_SIZE];
    AUTO(arena_deinit) struct arena arena = {0};

    helper_gateway_start(&w.town, town_yaml, false);
    intermediary_start(&w, w.town.port, LONG_S);
    sender_start(&a, &w, dialog, "forward", w.town.port);
    helper_gateway_send(&a, "Stadt B", "Betreff", id);
    row = outbox_wait(&a, &arena, GW_DELIVERED); /* the answer itself proves it */
    assert_non_null(row.creation.text);
    assert_non_null(row.forwarding.text);
    assert_non_null(row.reception.text);
    assert_int_equal(inbox_count(&w), 1);
    helper_gateway_stop(&a);
    helper_gateway_stop(&w.town);
    intermediary_stop(&w);
}

static void test_originator(void **state)
{
    (void)state;
    originate("explicit");
    originate("implicit");
}

/* Nothing arrived, so nothing may be lost: later again, and then under another MessageId. */
static void test_originator_later(void **state)
{
    struct helper_gateway a;
    struct gw_message_row row;
    struct world w = {0};
    uint16_t port;
    char id[GW_ID_SIZE];
    AUTO(arena_deinit) struct arena arena = {0};

    (void)state;
    helper_gateway_start(&w.town, town_yaml, false);
    port = w.town.port;
    helper_gateway_stop(&w.town); /* nobody listens there any more */
    intermediary_start(&w, port, LONG_S);
    sender_start(&a, &w, "explicit", "forward", port);
    helper_gateway_send(&a, "Stadt B", "Betreff", id);
    row = outbox_wait(&a, &arena, GW_DEFERRED);
    assert_int_equal(row.last_reason, 9809);
    assert_null(row.osci_message_id);
    assert_int_equal(row.attempts, 1);
    helper_gateway_stop(&a);
    intermediary_stop(&w);
}

/* It arrived, and more is not known: it is not sent again, the process card decides. */
static void test_originator_in_doubt(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    struct helper_gateway a;
    struct gw_message_row row;
    struct world w = {0};
    char id[GW_ID_SIZE];
    AUTO(arena_deinit) struct arena arena = {0};
    AUTO(fd_drop) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    intermediary_start(&w, ntohs(at.sin_port), SHORT_S);
    sender_start(&a, &w, "explicit", "forward", ntohs(at.sin_port));
    helper_gateway_send(&a, "Stadt B", "Betreff", id);
    row = outbox_wait(&a, &arena, GW_FORWARDED);
    assert_non_null(row.osci_message_id);
    assert_non_null(row.forwarding.text);
    assert_null(row.reception.text);
    helper_gateway_stop(&a);
    intermediary_stop(&w);
}

/* ---- request and answer ---- */

struct talk {
    struct world w;
    struct helper_gateway a;
    struct arena arena;
};

/* answers: settings of the town, more: of who asks. */
static void talk_start_with(struct talk *t, const char *answers, const char *more)
{
    AUTO(buf_deinit) struct buf yaml = {.max = 8192};
    char id[GW_ID_SIZE];

    *t = (struct talk){0};
    buf_printf(&yaml, "%s%s", town_yaml, answers);
    helper_gateway_start(&t->w.town, buf_cstr(&yaml), false);
    intermediary_start(&t->w, t->w.town.port, LONG_S);
    sender_start_with(&t->a, &t->w, "explicit", "mediate", t->w.town.port, more);
    helper_gateway_send(&t->a, "Stadt B", "Betreff", id);
}

static void talk_start(struct talk *t, const char *answers)
{
    talk_start_with(t, answers, "");
}

static void talk_stop(struct talk *t)
{
    helper_gateway_stop(&t->a);
    helper_gateway_stop(&t->w.town);
    intermediary_stop(&t->w);
    arena_deinit(&t->arena);
}

/* The reply lies in the inbox of the endpoint that asked, and the request is delivered. */
static void test_mediate(void **state)
{
    struct talk t;
    struct gw_message_row request;
    struct gw_message_list list;
    struct gw_file_list files;
    struct error err = {0};
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    (void)state;
    talk_start(&t, COPIES);
    request = outbox_wait(&t.a, &t.arena, GW_DELIVERED);
    assert_non_null(request.reception.text);
    helper_gateway_messages(&t.a, GW_INBOX, &arena, &list);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.rows[0].correlation, request.id);
    assert_string_equal(list.rows[0].endpoint, "amt");
    assert_int_equal(list.rows[0].state, GW_OPENED);
    assert_non_null(list.rows[0].forwarding.text); /* of its own card, OSCI-086 */
    assert_string_not_equal(list.rows[0].osci_message_id, request.osci_message_id);
    helper_ok(gw_store_read(t.a.rt->store, &tx, &err), &err);
    helper_ok(gw_store_files(tx, &arena, list.rows[0].id, &files, &err), &err);
    assert_string_equal(files.rows[0].name, "brief.txt");
    assert_int_equal(files.rows[0].len, 5);
    gw_read_end(&tx);
    tx = NULL;
    assert_int_equal(inbox_count(&t.w), 1);
    talk_stop(&t);
}

/* No answer in time: the request is delivered all the same, and nothing is sent again. */
static void test_mediate_no_answer(void **state)
{
    struct talk t;
    struct gw_message_row request;
    struct gw_message_list list;
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};

    (void)state;
    talk_start(&t, SLEEPS);
    request = outbox_wait(&t.a, &t.arena, GW_DELIVERED);
    assert_non_null(request.reception.text);
    assert_int_equal(request.attempts, 1);
    helper_gateway_messages(&t.a, GW_INBOX, &arena, &list);
    assert_int_equal(list.count, 0);
    assert_int_equal(inbox_count(&t.w), 1);
    talk_stop(&t);
}

/* The virus scanner of who asked is away: no intermediary offers a reply twice, so it is kept. */
static void test_mediate_unscanned(void **state)
{
    struct talk t;
    struct gw_message_row request;
    struct gw_message_list list;
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};

    (void)state;
    talk_start_with(&t, COPIES, "virus_scan: { clamd: /nowhere/clamd.ctl }\n");
    request = outbox_wait(&t.a, &t.arena, GW_DELIVERED);
    helper_gateway_messages(&t.a, GW_INBOX, &arena, &list);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.rows[0].correlation, request.id);
    assert_int_equal(list.rows[0].state, GW_QUARANTINED);
    assert_int_equal(list.rows[0].last_reason, GW_R_SCAN_MISSED);
    assert_non_null(strstr(list.rows[0].last_error_de, "/nowhere/clamd.ctl"));
    talk_stop(&t);
}

/* The scanner finds something in what the program answers with: the sender gets no answer. */
static void test_mediate_finding(void **state)
{
    char dir[64], answers[1024];
    struct talk t;
    struct gw_message_list list;
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};

    (void)state;
    helper_dir_make(dir);
    /* the first file it sees is the request, the second the answer */
    (void)snprintf(
        answers, sizeof answers,
        "%svirus_scan: { command: [ /bin/sh, -c, 'test -e %s/x && exit 1; : > %s/x' ] }\n", COPIES,
        dir, dir);
    talk_start(&t, answers);
    (void)outbox_wait(&t.a, &t.arena, GW_DELIVERED);
    helper_gateway_messages(&t.a, GW_INBOX, &arena, &list);
    assert_int_equal(list.count, 0);
    helper_gateway_messages(&t.w.town, GW_INBOX, &arena, &list);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.rows[0].answer, GW_ANSWER_MISSING);
    assert_int_equal(list.rows[0].last_reason, GW_R_SCAN_FINDING_OUT);
    helper_gateway_messages(&t.w.town, GW_OUTBOX, &arena, &list);
    assert_int_equal(list.count, 0);
    talk_stop(&t);
    helper_dir_remove(dir);
}

/* Nobody there answers requests: 9811 there, 9808 here, and later again. */
static void test_mediate_nobody(void **state)
{
    struct talk t;
    struct gw_message_row request;

    (void)state;
    talk_start(&t, "");
    request = outbox_wait(&t.a, &t.arena, GW_DEFERRED);
    assert_int_equal(request.last_reason, 9808);
    assert_null(request.osci_message_id);
    assert_int_equal(inbox_count(&t.w), 0);
    talk_stop(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forward),          cmocka_unit_test(test_silence),
        cmocka_unit_test(test_forwards_max),     cmocka_unit_test(test_originator),
        cmocka_unit_test(test_originator_later), cmocka_unit_test(test_originator_in_doubt),
        cmocka_unit_test(test_mediate),          cmocka_unit_test(test_mediate_no_answer),
        cmocka_unit_test(test_mediate_nobody),   cmocka_unit_test(test_mediate_unscanned),
        cmocka_unit_test(test_mediate_finding),
    };

    return cmocka_run_group_tests_name("forward door", tests, helper_crypto_setup,
                                       helper_crypto_teardown);
}

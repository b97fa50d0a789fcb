/* The scenarios for clients, against clients that do everything wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "conformance/forge.h"
#include "conformance/view.h"
#include "osci/chunk.h"
#include "tests/unit/helper_conformance.h"
#include "tests/unit/helper_crypto.h"

/* How a client sends a delivery in one chunk, and what it says of it afterwards. */
struct chunk_row {
    const char *suffix, *inner_suffix; /* of the MessageIds */
    const char *inner;                 /* not NULL: that, and no storeDelivery */
    bool features, base64, both_qualities;
    const char *state; /* command of the hook */
    unsigned char passes[4], fails[4];
};

/* Believes everything and looks at nothing: always the same Challenge, no signature, no envelope,
 * on and on in a dialog whatever the answers were. */
struct credulous {
    const struct chunk_row *row; /* NULL: nothing in chunks */
    unsigned chunks;             /* so many */
    struct conf_run *run;
    const char *url;
    struct osci_dialog_words {
        char conversation[320], challenge[320];
    } words;
    uint64_t sequence;
    bool signs;
    atomic_bool stop;
    pthread_t thread;
};

/* Takes ConversationId and Challenge from wherever they stand. */
static void words_take(struct credulous *c, struct span bytes)
{
    const struct conf_party *client = conf_party(c->run, "client");
    const struct conf_pair own = {client->cipher, client->cipher_key};
    struct conf_view view = {0};
    const xmlNode *control;
    char text[320];

    if (conf_view_open(&view, bytes, &own, 1) == NULL) {
        control = conf_view_block(&view, "ControlBlock");
        if (conf_node_attr(control, "ConversationId", text, sizeof text)[0] != '\0')
            memcpy(c->words.conversation, text, sizeof text);
        if (conf_node_text(conf_node_below(control, "Challenge"), text, sizeof text)[0] != '\0')
            memcpy(c->words.challenge, text, sizeof text);
    }
    conf_view_deinit(&view);
}

struct one_chunk {
    char id[64], inner_id[64];
    struct buf inner;
    struct source_span whole;
    struct osci_chunk chunk;
};

/* msg becomes a partialStoreDelivery with all of a storeDelivery in it. */
static void chunk_fill(struct credulous *c, struct one_chunk *one, struct osci_message *msg)
{
    const struct chunk_row *row = c->row;
    struct osci_message inner = *msg;
    const struct conf_forge forge = {.msg = &inner};
    struct error err = {0};

    (void)snprintf(one->id, sizeof one->id, "n\xc3\xbcmmer-%u%s", ++c->chunks, row->suffix);
    (void)snprintf(one->inner_id, sizeof one->inner_id, "n\xc3\xbcmmer-%u%s", c->chunks,
                   row->inner_suffix);
    buf_init(&one->inner, CONF_WIRE_MAX);
    inner.type = OSCI_STORE_DELIVERY;
    inner.control = (struct osci_controlblock){.challenge = SPAN("innen"), .has_sequence = true};
    inner.message_id = span_str(one->inner_id);
    inner.creation = inner.reception = OSCI_QUALITY_PLAIN;
    inner.has_package = true;
    if (row->inner != NULL)
        buf_str(&one->inner, row->inner);
    else
        assert_int_equal(conf_forge(&forge, &one->inner, &err), ST_OK);
    msg->message_id = span_str(one->id);
    msg->creation = OSCI_QUALITY_PLAIN;
    msg->reception = row->both_qualities ? OSCI_QUALITY_PLAIN : OSCI_QUALITY_NONE;
    msg->features = (struct osci_features){
        .present = row->features, .keys = {SPAN(OSCI_CHUNK_FEATURE)}, .key_count = 1};
    assert_int_equal(osci_chunk_cut(source_span_init(&one->whole, buf_span(&one->inner)), 1024, 1,
                                    &one->chunk, msg, &err),
                     ST_OK);
}

static void order(struct credulous *c, enum osci_type type)
{
    const struct conf_party *client = conf_party(c->run, "client");
    struct osci_cert certs[] = {
        {.role = OSCI_CIPHER_ORIGINATOR, .id = SPAN("cipher"), .cert = client->cipher},
        {.role = OSCI_SIGNATURE_ORIGINATOR, .id = SPAN("signature"), .cert = client->signature}};
    struct osci_message msg = {.type = type,
                               .languages = SPAN("de"),
                               .control = {.challenge = SPAN("immerdasselbe")},
                               .certs = certs,
                               .cert_count = ARRAY_LEN(certs)};
    const struct conf_forge forge = {.msg = &msg,
                                     .sign_key = c->signs ? client->signature_key : NULL,
                                     .base64_parts = c->row != NULL && c->row->base64,
                                     .leave_out = "#body"};
    struct one_chunk one = {.id = ""};
    AUTO(buf_deinit) struct buf wire = {0};
    AUTO(conf_reply_deinit) struct conf_reply reply = {0};
    struct error err = {0};

    if (type != OSCI_INIT_DIALOG) {
        msg.control.conversation_id = span_str(c->words.conversation);
        msg.control.response = span_str(c->words.challenge);
        msg.control.has_sequence = true;
        msg.control.sequence = c->sequence++;
    }
    if (type == OSCI_PARTIAL_STORE_DELIVERY)
        chunk_fill(c, &one, &msg);
    buf_init(&wire, CONF_WIRE_MAX);
    if (conf_forge(&forge, &wire, &err) == ST_OK &&
        conf_post(c->run, c->url, buf_span(&wire), &reply, &err) == ST_OK && reply.status != 0)
        words_take(c, buf_span(&reply.body));
    buf_deinit(&one.inner);
}

static void *credulous_main(void *arg)
{
    struct credulous *c = arg;

    while (!c->stop) {
        c->sequence = 0;
        order(c, OSCI_INIT_DIALOG);
        order(c, OSCI_FETCH_DELIVERY);
        order(c, OSCI_FETCH_DELIVERY);
        if (c->row != NULL)
            order(c, OSCI_PARTIAL_STORE_DELIVERY);
        order(c, OSCI_EXIT_DIALOG);
        conf_sleep(10);
    }
    return NULL;
}

/* A port that nobody listens on at the moment. */
static void port_find(struct helper_conformance *h)
{
    struct conf_listener *l = NULL;
    struct error err = {0};

    assert_int_equal(conf_listen(&h->run, 0, NULL, NULL, &l, &err), ST_OK);
    (void)snprintf(h->url, sizeof h->url, "http://127.0.0.1:%u/osci", conf_listener_port(l));
    conf_listener_free(l);
}

static void test_credulous(void **state)
{
    static const unsigned char fails[] = {4,  6,  8,  9,  10, 11, 12, 14, 17, 18, 19,  20,  21,
                                          22, 23, 29, 30, 36, 44, 45, 46, 48, 56, 108, 110, 0};
    static const unsigned char passes[] = {1, 2, 5, 3, 13, 15, 16, 0};
    struct helper_conformance h;
    struct credulous c = {.signs = false};

    (void)state;
    helper_conformance_open(&h, CONF_CLIENT, NULL, NULL);
    port_find(&h);
    h.settings.sets[h.settings.set_count++] = (struct conf_option){"poll_wait", "10"};
    c.run = &h.run;
    c.url = h.url;
    assert_int_equal(pthread_create(&c.thread, NULL, credulous_main, &c), 0);
    helper_conformance_run(&h, CONF_CLIENT, NULL);
    c.stop = true;
    (void)pthread_join(c.thread, NULL);
    helper_conformance_expect(&h, CONF_CLIENT, fails, CONF_FAIL);
    helper_conformance_expect(&h, CONF_CLIENT, passes, CONF_PASS);
    helper_conformance_close(&h);
}

static void test_chunks(void **state)
{
    static const struct chunk_row rows[] = {
        {.suffix = "_Partial",
         .inner_suffix = "",
         .features = true,
         .state = "echo failed 9601",
         .passes = {98, 99, 107}},
        {.suffix = "_Partial",
         .inner_suffix = "",
         .state = "echo sent",
         .passes = {99},
         .fails = {98, 107}},
        {.suffix = "",
         .inner_suffix = "",
         .features = true,
         .both_qualities = true,
         .state = "echo delivered",
         .fails = {98, 99, 107}},
        {.suffix = "_Partial",
         .inner_suffix = "_Partial",
         .features = true,
         .state = "echo failed",
         .passes = {98, 107},
         .fails = {99}},
        {.suffix = "_Partial",
         .inner_suffix = "",
         .inner = "no message",
         .features = true,
         .base64 = true,
         .state = "echo failed",
         .passes = {107},
         .fails = {98, 99}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct helper_conformance h;
        struct credulous c = {.row = &rows[i]};

        helper_conformance_open(&h, CONF_CLIENT, NULL, NULL);
        port_find(&h);
        h.settings.hooks[h.settings.hook_count++] = (struct conf_option){"send", "true"};
        h.settings.hooks[h.settings.hook_count++] = (struct conf_option){"state", rows[i].state};
        c.run = &h.run;
        c.url = h.url;
        assert_int_equal(pthread_create(&c.thread, NULL, credulous_main, &c), 0);
        helper_conformance_run(&h, CONF_CLIENT, "chunks");
        c.stop = true;
        (void)pthread_join(c.thread, NULL);
        helper_conformance_expect(&h, CONF_CLIENT, rows[i].passes, CONF_PASS);
        helper_conformance_expect(&h, CONF_CLIENT, rows[i].fails, CONF_FAIL);
        helper_conformance_close(&h);
    }
}

/* Where nobody comes at all, nothing is said to be right. */
static void test_nobody(void **state)
{
    static const unsigned char fails[] = {3,  4,  6,  8,  9,  13, 16, 17, 19,  31,  32,  33,
                                          35, 37, 42, 45, 46, 48, 56, 60, 108, 110, 112, 0};
    struct helper_conformance h;

    (void)state;
    helper_conformance_open(&h, CONF_CLIENT, NULL, NULL);
    port_find(&h);
    h.settings.sets[h.settings.set_count++] = (struct conf_option){"poll_wait", "1"};
    helper_conformance_run(&h, CONF_CLIENT, NULL);
    helper_conformance_expect(&h, CONF_CLIENT, fails, CONF_FAIL);
    for (unsigned n = 1; n <= CONF_NUMBERS; n++)
        assert_int_not_equal(h.run.results.of[n][CONF_CLIENT].verdict, CONF_PASS);
    helper_conformance_close(&h);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_credulous),
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_nobody),
    };

    return cmocka_run_group_tests_name("conformance_client", tests, helper_crypto_setup,
                                       helper_crypto_teardown);
}

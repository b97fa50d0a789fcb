/* The passive recipient over real HTTP and a real store: durable first, then the answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "tests/unit/helper_gateway.h"
#include "tests/unit/helper_osci.h"

static const char yaml[] =
    "tenant:\n"
    "  name: Stadt B\n"
    "  identity:\n"
    "    signature: { certificate: %K/addressee-signature-2048.cert.pem,"
    " key: %K/addressee-signature-2048.key.pem }\n"
    "    cipher: { certificate: %K/addressee-cipher-2048.cert.pem,"
    " key: %K/addressee-cipher-2048.key.pem }\n"
    "    older_ciphers:\n" /* the content is for a reader behind the addressee */
    "      - { certificate: %K/reader-cipher-2048.cert.pem, key: %K/reader-cipher-2048.key.pem }\n"
    "trust: { osci: [ %K/ca.cert.pem ] }\n"
    "intermediaries:\n"
    "  - name: other\n"
    "    url: http://127.0.0.1:9/osci\n"
    "    cipher_certificate: %K/originator-cipher-2048.cert.pem\n"
    "    signature_certificate: %K/originator-signature-2048.cert.pem\n"
    "  - name: im\n"
    "    url: http://127.0.0.1:9/osci\n"
    "    cipher_certificate: %K/intermediary-cipher-2048.cert.pem\n"
    "    signature_certificate: %K/intermediary-signature-2048.cert.pem\n"
    "endpoints: [ { name: fach } ]\n"
    "osci_recipient:\n"
    "  listeners: [ { address: 127.0.0.1, port: 0, path: /osci } ]\n";

static int setup(void **state)
{
    struct helper_gateway *g = malloc(sizeof *g);

    assert_non_null(g);
    helper_gateway_start(g, yaml, false);
    *state = g;
    return 0;
}

/* The same, but it takes what nobody signed or enciphered: contents can be put together here. */
static int setup_plain(void **state)
{
    struct helper_gateway *g = malloc(sizeof *g);
    AUTO(buf_deinit) struct buf text = {.max = 8192};

    assert_non_null(g);
    buf_str(&text, yaml);
    buf_str(&text, "  require_signature: false\n  allow_plain: true\n");
    helper_gateway_start(g, buf_cstr(&text), false);
    *state = g;
    return 0;
}

static int teardown(void **state)
{
    helper_gateway_stop(*state);
    free(*state);
    return 0;
}

/* A vector to the door; the answer opened as the intermediary, and its code. */
static void post(struct helper_gateway *g, const char *vector, struct helper_in *back, char code[8])
{
    const struct policy policy = {0};
    struct error err = {0};
    struct span said;
    AUTO(buf_deinit) struct buf wire = {0};

    helper_vector(vector, &wire);
    buf_init(&back->wire, 64 * 1024 * 1024);
    helper_gateway_post(g->port, buf_span(&wire), &back->wire);
    helper_ok(helper_read(back, "intermediary-cipher-2048", &policy, &err), &err);
    said = back->reading->msg.type == OSCI_FAULT ? back->reading->msg.fault_code
                                                 : osci_feedback_last(&back->reading->msg);
    assert_true(said.len == 4);
    memcpy(code, said.ptr, 4);
    code[4] = '\0';
}

static void post_expect(struct helper_gateway *g, const char *vector, const char *expected)
{
    char code[8];
    AUTO(helper_in_deinit) struct helper_in back = {0};

    post(g, vector, &back, code);
    assert_string_equal(code, expected);
}

static void inbox_expect(struct helper_gateway *g, size_t count)
{
    struct gw_message_list list;
    AUTO(arena_deinit) struct arena arena = {0};

    arena_init(&arena, 1024 * 1024);
    helper_gateway_messages(g, GW_INBOX, &arena, &list);
    assert_int_equal(list.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(list.rows[i].peer, "im");
        assert_string_equal(list.rows[i].endpoint, "fach");
        if (list.rows[i].state != GW_OPENED)
            fail_msg("%s: %s", gw_state_name(list.rows[i].state), list.rows[i].last_error_en);
        assert_non_null(list.rows[i].creation.text);
        assert_non_null(list.rows[i].forwarding.text);
        assert_null(list.rows[i].reception.text);
        assert_true(list.rows[i].size_bytes > 0);
    }
}

static void test_taken_once(void **state)
{
    static const char vector[] = "osci12/passive/encrypted/acceptDelivery.req.mime";
    struct helper_gateway *g = *state;
    struct error err = {0};
    char code[8];
    AUTO(helper_in_deinit) struct helper_in back = {0};
    AUTO(cert_drop) struct cert *signer = helper_cert("addressee-signature-2048");

    post(g, vector, &back, code);
    assert_string_equal(code, "0800");
    assert_true(back.transport.encrypted);
    helper_ok(osci_message_verify(back.reading, signer, NULL, &err), &err);
    inbox_expect(g, 1);
    post_expect(g, vector, "0800"); /* the answer was lost: told again, kept once */
    inbox_expect(g, 1);
    post_expect(g, "osci12/negative/accept/base-enveloped.mime", "0800");
    inbox_expect(g, 2);
}

static void test_refused(void **state)
{
    struct helper_gateway *g = *state;

    post_expect(g, "osci12/passive/plain/acceptDelivery.req.mime", "9300");
    post_expect(g, "osci12/negative/accept/e02-tag-flipped.mime", "9202");
    post_expect(g, "osci12/passive/encrypted/processDelivery.req.mime", "9811");
    inbox_expect(g, 0);
    post_expect(g, "osci12/negative/accept/base-enveloped.mime", "0800"); /* still serving */
    inbox_expect(g, 1);
}

/* A content beyond our bounds stays beyond them: fetched again for ever, it would shut the mailbox.
 */
static void test_beyond_bounds(void **state)
{
    struct helper_gateway *g = *state;
    const struct policy policy = {0};
    struct gw_message_list list;
    struct error err = {0};
    AUTO(buf_deinit) struct buf wire = {0}, package = {.max = 8192};
    AUTO(helper_in_deinit) struct helper_in back = {0};
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};

    buf_str(&package, "<osci:ContentPackage>");
    for (int i = 0; i < 20; i++)
        buf_str(&package, "<osci:ContentContainer><osci:Content>");
    for (int i = 0; i < 20; i++)
        buf_str(&package, "</osci:Content></osci:ContentContainer>");
    buf_str(&package, "</osci:ContentPackage>");
    helper_vector("osci12/passive/plain/acceptDelivery.req.mime", &wire);
    helper_replace(&wire, "<osci:ClientSignature", "</osci:ClientSignature>", "");
    helper_replace(&wire, "<osci:ContentPackage>", "</osci:ContentPackage>", buf_cstr(&package));
    buf_init(&back.wire, 1024 * 1024);
    helper_gateway_post(g->port, buf_span(&wire), &back.wire);
    helper_ok(helper_read(&back, NULL, &policy, &err), &err);
    assert_true(span_is(osci_feedback_last(&back.reading->msg), "0800"));
    helper_gateway_messages(g, GW_INBOX, &arena, &list);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.rows[0].state, GW_QUARANTINED);
}

/* A delivery may carry a header block and nothing else; one with neither is the sender's slip. */
static struct empty_row {
    const char *name, *header;
    enum gw_state state;
    int reason;
} empty_rows[] = {
    {"a header block and no content",
     "<x:Data xmlns:x=\"urn:x\" Id=\"MetaData\">1</x:Data></soap:Header>", GW_OPENED, 0},
    {"nothing at all", "</soap:Header>", GW_QUARANTINED, GW_R_CONTENT_NONE},
};

static void test_empty(void **state)
{
    struct helper_gateway *g = *state;

    for (size_t i = 0; i < ARRAY_LEN(empty_rows); i++) {
        const struct policy policy = {0};
        struct gw_message_list list;
        struct error err = {0};
        char id[128];
        AUTO(buf_deinit) struct buf wire = {0};
        AUTO(helper_in_deinit) struct helper_in back = {0};
        AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};

        (void)snprintf(id, sizeof id, "<osci:MessageId>QUJD%zu0==</osci:MessageId>", i);
        helper_vector("osci12/passive/plain/acceptDelivery.req.mime", &wire);
        helper_replace(&wire, "<osci:ClientSignature", "</osci:ClientSignature>", "");
        helper_replace(&wire, "<osci:ContentPackage>", "</osci:ContentPackage>",
                       "<osci:ContentPackage></osci:ContentPackage>");
        helper_replace(&wire, "<osci:MessageId>", "</osci:MessageId>", id);
        helper_replace(&wire, "</soap:Header>", "</soap:Header>", empty_rows[i].header);
        buf_init(&back.wire, 1024 * 1024);
        helper_gateway_post(g->port, buf_span(&wire), &back.wire);
        helper_ok(helper_read(&back, NULL, &policy, &err), &err);
        if (!span_is(osci_feedback_last(&back.reading->msg), "0800"))
            fail_msg("%s: %.*s", empty_rows[i].name,
                     SPAN_FMT(osci_feedback_last(&back.reading->msg)));
        helper_gateway_messages(g, GW_INBOX, &arena, &list);
        assert_int_equal(list.count, i + 1);
        assert_int_equal(list.rows[i].state, empty_rows[i].state);
        assert_int_equal(list.rows[i].last_reason, empty_rows[i].reason);
    }
}

static void test_only_posts(void **state)
{
    struct helper_gateway *g = *state;
    AUTO(buf_deinit) struct buf answer = {.max = 65536}, other = {.max = 65536};

    helper_gateway_http(g->port, "GET", "/osci", SPAN_NONE, &answer);
    assert_true(span_starts(buf_span(&answer), SPAN("HTTP/1.1 405 ")));
    helper_gateway_http(g->port, "POST", "/other", SPAN("x"), &other);
    assert_true(span_starts(buf_span(&other), SPAN("HTTP/1.1 404 ")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_taken_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_beyond_bounds, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(test_empty, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(test_only_posts, setup, teardown),
    };

    return cmocka_run_group_tests_name("recipient door", tests, helper_crypto_setup,
                                       helper_crypto_teardown);
}

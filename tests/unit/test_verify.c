/*
 * Who said it, and did he say all of it: the signatures of the golden vectors, and every spoilt
 * message refused with a code that the index takes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "osci/dialog.h"
#include "tests/unit/helper_osci.h"

static json_t *the_index; /* read once, by main */
static const struct policy all_allowed = {.read_cbc = true, .read_rsa15 = true};
static const struct policy strict = {0};

static void load(struct helper_in *in, const char *file)
{
    char path[512];

    (void)snprintf(path, sizeof path, "%s%s", strncmp(file, "osci12", 6) == 0 ? "" : "osci12/",
                   file);
    helper_vector(path, &in->wire);
}

/* ---- what must be good ---- */

static void test_vector(void **state)
{
    const json_t *v = *state;
    const json_t *envelope = json_object_get(v, "transport_encryption");
    const json_t *want = json_object_get(v, "message_signature");
    AUTO(helper_in_deinit) struct helper_in in = {0};
    const struct cert *signer = NULL;
    struct error err = {0};
    enum status st;

    load(&in, helper_text(v, "file"));
    helper_ok(helper_read(&in, envelope == NULL ? NULL : helper_text(envelope, "recipient_key"),
                          &all_allowed, &err),
              &err);
    st = osci_message_verify(in.reading, NULL, &signer, &err);
    if (want == NULL || !json_is_true(helper_member(want, "present"))) {
        assert_int_equal(st, ST_DENIED);
        assert_int_equal(err.reason, 9600);
        return;
    }
    assert_true(json_is_true(helper_member(want, "covers_everything")));
    assert_string_equal(helper_text(want, "result"), "valid");
    helper_ok(st, &err);
    assert_string_equal(helper_cert_name(the_index, signer), helper_text(want, "key"));
}

/* the library's reference messages, and those it took */
static struct reference_row {
    const char *name, *recipient;
    int reason; /* 0: verifies; 9600: unsigned, as it is meant to be */
} references[] = {
    {"v01-plain", NULL, 9600},
    {"v02-signed-rsa-sha256", NULL, 0},
    {"v03-signed-rsa-pss-sha256", NULL, 0},
    {"v04-signed-ecdsa-sha256", NULL, 0},
    {"v05-signed-rsa-sha512", NULL, 0},
    {"v06-signed-sha3-256-digest", NULL, 0},
    {"v07-signed-encrypted-gcm12", "inter-enc", 0},
    {"v08-signed-encrypted-gcm16-noivlength", "inter-enc", 0},
    {"v09-signed-encrypted-cbc-rsa15-base64", "inter-enc", 0},
    {"v10-encrypted-oaep-sha512", "inter-enc", 0},
    {"v11-signed-two-recipients", NULL, 0},
    {"v12-signed-with-messagemetadata", NULL, 0},
    {"req-ExitDialog", NULL, 0},
    {"req-FetchDelivery", NULL, 0},
    {"req-FetchDelivery-next", NULL, 0},
    {"req-FetchProcessCard", NULL, 0},
    {"req-ForwardDelivery", NULL, 0},
    {"req-GetMessageId", NULL, 0},
    {"req-InitDialog", NULL, 0},
    {"req-MediateDelivery", NULL, 0},
    {"req-PartialFetchDelivery", NULL, 0},
    {"req-PartialStoreDelivery", NULL, 0},
    {"accept-signed", NULL, 0},
    {"accept-signed-encrypted", "addr-enc", 0},
    {"accept-response-signed-encrypted", "inter-enc", 0},
    {"process-signed", NULL, 0},
    {"process-response-signed", NULL, 0},
    {"accept-tampered-9601", NULL, 9601},
    {"accept-unsigned-extra-header-9601", NULL, 9602},
};

static void reference_key(const char *name, struct key **key, struct cert **cert)
{
    AUTO(buf_deinit) struct buf key_pem = {0}, cert_pem = {0};
    struct error err = {0};
    char path[256];

    (void)snprintf(path, sizeof path, "osci12-reference/keys/%s.key", name);
    helper_vector(path, &key_pem);
    (void)snprintf(path, sizeof path, "osci12-reference/keys/%s.crt", name);
    helper_vector(path, &cert_pem);
    helper_ok(key_from_pem(buf_span(&key_pem), NULL, key, &err), &err);
    helper_ok(cert_from_pem(buf_span(&cert_pem), cert, &err), &err);
}

static void test_reference(void **state)
{
    const struct reference_row *row = *state;
    AUTO(helper_in_deinit) struct helper_in in = {0};
    AUTO(key_drop) struct key *key = NULL;
    AUTO(cert_drop) struct cert *cert = NULL;
    struct osci_own_cipher own;
    char path[256];
    struct error err = {0};
    enum status st;

    if (row->recipient != NULL)
        reference_key(row->recipient, &key, &cert);
    own = (struct osci_own_cipher){cert, key};
    (void)snprintf(path, sizeof path, "osci12-reference/%s.mime", row->name);
    load(&in, path);
    helper_ok(helper_read_own(&in, &own, row->recipient == NULL ? 0 : 1, &all_allowed, &err), &err);
    assert_int_equal(in.transport.encrypted, row->recipient != NULL);
    st = osci_message_verify(in.reading, NULL, NULL, &err);
    if (row->reason == 0) {
        helper_ok(st, &err);
    } else {
        assert_int_equal(st, ST_DENIED);
        assert_int_equal(err.reason, row->reason);
    }
}

/* ---- what must not ---- */

/* Wrong for other reasons than form and signature: the dialog, the chain, the content. */
static const char *const for_others[] = {
    "accept/n05-signer-from-unknown-ca", /* the chain */
    "store/n17-wrong-response",          /* the dialog, as the next ones */
    "store/n18-wrong-conversation-id",
    "store/n36-comment-in-message-id", /* read over, as a whole */
    "accept/n36-comment-in-message-id",
    "store/e16-no-client-cipher-certificate", /* the intermediary */
    "client/c01-wrong-response",
    "client/c03-wrong-sequence-number",
    "client/c20-plain-answer-to-encrypted-request",
    "order/fetchDelivery-outside-a-dialog",
    "order/fetchProcessCard-outside-a-dialog",
    "reader/r02-content-signature-by-other-key", /* the content, as the next ones */
    "reader/r04-content-added",
    "reader/r05-attachment-changed",
};

static bool is_for_others(const char *id)
{
    for (size_t i = 0; i < ARRAY_LEN(for_others); i++)
        if (strcmp(id + strlen("negative/"), for_others[i]) == 0)
            return true;
    return false;
}

/* Does the index take this code? */
static bool code_taken(const json_t *negative, int reason)
{
    const json_t *expect = helper_member(negative, "expect");
    const char *code = json_string_value(json_object_get(expect, "code"));
    char text[8];
    size_t i;
    json_t *also;

    (void)snprintf(text, sizeof text, "%04d", reason);
    if (code != NULL && strcmp(code, text) == 0)
        return true;
    json_array_foreach(json_object_get(expect, "also_acceptable"), i,
                       also) if (strcmp(json_string_value(also), text) == 0) return true;
    /* those for clients say it in words: "refuse, 9601", or just "refuse" */
    return code == NULL && (strstr(helper_text(expect, "outcome"), text) != NULL ||
                            strstr(helper_text(expect, "outcome"), "refuse, 9") == NULL);
}

static const char *key_of(const json_t *negative)
{
    const char *key = json_string_value(json_object_get(negative, "transport_key"));
    const char *to = json_string_value(json_object_get(negative, "for"));

    if (key != NULL)
        return key;
    if (strcmp(to, "client") == 0)
        return "originator-cipher-2048";
    return strcmp(to, "intermediary") == 0 ? "intermediary-cipher-2048" : "addressee-cipher-2048";
}

/*
 * Well signed, and yet no answer to this client: for the dialog, or because its order was in cipher
 * (gateway/exchange.c; tests/unit/test_lane.c, "in the clear").
 */
static void client_refuses(const json_t *n, const struct helper_in *in)
{
    const json_t *state = helper_member(n, "dialog_state");
    bool plain = strstr(helper_text(n, "id"), "plain-answer") != NULL;
    struct rng_count rng;
    struct osci_dialog dialog;
    enum osci_dialog_action action;
    struct error err = {0};

    assert_false(in->transport.encrypted);
    rng_count_init(&rng);
    osci_dialog_init(&dialog, &rng.base);
    dialog.state = OSCI_WAITING;
    dialog.sent.sequence =
        (uint64_t)json_integer_value(helper_member(state, "sequence_number_sent"));
    (void)snprintf(dialog.challenge, sizeof dialog.challenge, "%s",
                   helper_text(state, "challenge_sent"));
    (void)snprintf(dialog.conversation_id, sizeof dialog.conversation_id, "%s",
                   helper_text(state, "conversation_id"));
    assert_int_equal(
        osci_dialog_step(&dialog, OSCI_ANSWER, &in->reading->msg.control, &action, &err),
        plain ? ST_OK : ST_INVALID);
    if (!plain) {
        assert_int_equal(err.reason, 9400);
        assert_int_equal(dialog.state, OSCI_DEAD);
    }
}

static void test_negative(void **state)
{
    const json_t *n = *state;
    const char *id = helper_text(n, "id");
    AUTO(helper_in_deinit) struct helper_in in = {0};
    AUTO(cert_drop) struct cert *pinned = NULL;
    struct error err = {0};
    enum status st;

    if (strcmp(helper_text(n, "for"), "client") == 0)
        pinned = helper_cert("intermediary-signature-2048");
    load(&in, helper_text(n, "file"));
    st = helper_read(&in, key_of(n), &all_allowed, &err);
    if (st == ST_OK)
        st = osci_message_verify(in.reading, pinned, NULL, &err);
    if (is_for_others(id)) {
        helper_ok(st, &err);
        if (strncmp(id, "negative/client/", 16) == 0)
            client_refuses(n, &in);
        return;
    }
    if (strncmp(id, "negative/reader/", 16) == 0) { /* the content again, and unsigned */
        assert_int_equal(err.reason, 9600);
        return;
    }
    assert_int_not_equal(st, ST_OK);
    if (!code_taken(n, err.reason))
        fail_msg("%s: %d, %s", id, err.reason, err.text);
}

/* The controls: what the spoilt ones were made from. */
static void test_bases(void **state)
{
    static const struct {
        const char *file, *key;
    } bases[] = {{"negative/store/base.mime", NULL},
                 {"negative/store/base-enveloped.mime", "intermediary-cipher-2048"},
                 {"negative/accept/base.mime", NULL},
                 {"negative/accept/base-enveloped.mime", "addressee-cipher-2048"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bases); i++) {
        AUTO(helper_in_deinit) struct helper_in in = {0};
        struct error err = {0};

        load(&in, bases[i].file);
        helper_ok(helper_read(&in, bases[i].key, &all_allowed, &err), &err);
        helper_ok(osci_message_verify(in.reading, NULL, NULL, &err), &err);
    }
}

/* Without the policy's leave CBC and RSA 1.5 are not even tried; garbage and policy look alike. */
static void test_strict(void **state)
{
    static const char *const files[] = {
        "store/08-transport-cbc-oaep.req.mime", "store/09-transport-cbc-rsa15.req.mime",
        "store/10-transport-gcm12-rsa15.req.mime", "negative/store/e13-cbc-padding.mime"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        AUTO(helper_in_deinit) struct helper_in in = {0};
        struct error err = {0};

        load(&in, files[i]);
        assert_int_equal(helper_read(&in, "intermediary-cipher-2048", &strict, &err), ST_DENIED);
        assert_int_equal(err.reason, 9202);
    }
}

static void test_pinned(void **state)
{
    AUTO(helper_in_deinit) struct helper_in in = {0};
    AUTO(cert_drop) struct cert *known = helper_cert("originator-signature-2048");
    AUTO(cert_drop) struct cert *other = helper_cert("author-signature-2048");
    const struct cert *signer = NULL;
    struct error err = {0};

    (void)state;
    load(&in, "store/02-header-signed.req.mime");
    helper_ok(helper_read(&in, NULL, &strict, &err), &err);
    helper_ok(osci_message_verify(in.reading, known, &signer, &err), &err);
    assert_ptr_equal(signer, known);
    assert_int_equal(osci_message_verify(in.reading, other, &signer, &err), ST_DENIED);
    assert_int_equal(err.reason, 9601);
}

/* A forbidden algorithm is no reason not to read, so that the order can be answered. */
static void test_forbidden_is_read(void **state)
{
    static const char *const files[] = {"negative/accept/n34-signature-rsa-sha1.mime",
                                        "negative/store/n35-xslt-transform.mime"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        AUTO(helper_in_deinit) struct helper_in in = {0};
        struct error err = {0};

        load(&in, files[i]);
        helper_ok(helper_read(&in, NULL, &strict, &err), &err);
        assert_true(in.reading->is_signed);
        assert_true(in.reading->msg.control.challenge.len > 0);
        assert_int_equal(osci_message_verify(in.reading, NULL, NULL, &err), ST_DENIED);
        assert_int_equal(err.reason, 9601);
    }
}

/* ---- cut and flipped at every byte ---- */

static enum status try_bytes(struct span wire, struct osci_reading **reading, struct error *err)
{
    struct source_span source;

    TRY(osci_message_read(source_span_init(&source, wire), &strict, helper_now, NULL, NULL, reading,
                          err));
    return osci_message_verify(*reading, NULL, NULL, err);
}

static void test_cut(void **state)
{
    AUTO(buf_deinit) struct buf wire = {0};
    size_t len;

    (void)state;
    helper_vector("osci12/dialogs/implicit-plain/1-getMessageId.req.mime", &wire);
    len = wire.len - 2; /* the CRLF after the last boundary may be missing */
    for (size_t cut = 0; cut < len; cut++) {
        AUTO(osci_reading_drop) struct osci_reading *reading = NULL;
        struct error err = {0};

        assert_int_equal(try_bytes(span_of(wire.ptr, cut), &reading, &err), ST_INVALID);
        assert_int_equal(err.reason, 9100);
    }
}

/* All that was signed, as canonical text. */
static void signed_text(const struct osci_reading *reading, struct buf *out)
{
    struct error err = {0};

    buf_reset(out);
    for (size_t i = 0; i < reading->block_count; i++)
        helper_ok(xml_c14n(reading->blocks[i], out, &err), &err);
}

/* Whatever is flipped: if it verifies still, it says still the same. */
static void test_flip(void **state)
{
    AUTO(buf_deinit) struct buf wire = {0}, said, good;
    size_t taken = 0;

    (void)state;
    helper_vector("osci12/dialogs/implicit-plain/1-getMessageId.req.mime", &wire);
    buf_init(&said, 1 << 20);
    buf_init(&good, 1 << 20);
    for (size_t i = 0; i <= wire.len; i++) { /* the last round flips nothing, the first neither */
        AUTO(osci_reading_drop) struct osci_reading *reading = NULL;
        size_t at = i == 0 ? wire.len : i - 1;
        uint8_t bit = (uint8_t)(1U << i % 7);
        struct error err = {0};
        enum status st;

        if (at < wire.len)
            wire.ptr[at] ^= bit;
        st = try_bytes(buf_span(&wire), &reading, &err);
        if (at < wire.len)
            wire.ptr[at] ^= bit;
        if (i == 0)
            helper_ok(st, &err);
        if (st != ST_OK)
            continue;
        signed_text(reading, i == 0 ? &good : &said);
        if (i > 0)
            assert_true(span_eq(buf_span(&said), buf_span(&good)));
        taken++;
    }
    assert_true(taken < wire.len / 20); /* the frame, white space, the envelope's attributes */
}

/* In an envelope nothing can be flipped behind the first boundary but what nobody looks at. */
static void test_flip_envelope(void **state)
{
    AUTO(helper_in_deinit) struct helper_in in = {0};
    AUTO(buf_deinit) struct buf plain = {0};
    struct error err = {0};
    size_t from;

    (void)state;
    load(&in, "dialogs/implicit-encrypted/1-getMessageId.req.mime");
    helper_ok(helper_read(&in, "intermediary-cipher-2048", &strict, &err), &err);
    buf_init(&plain, 1 << 20);
    buf_add(&plain, buf_span(&in.plain));
    from = span_find(buf_span(&in.wire), SPAN("<osci_enc>")) + 14; /* the enciphered part */
    for (size_t i = from; i < in.wire.len - 60; i += 41) {
        osci_reading_drop(&in.reading);
        buf_deinit(&in.plain);
        in.wire.ptr[i] ^= 1;
        assert_int_equal(helper_read(&in, "intermediary-cipher-2048", &strict, &err), ST_DENIED);
        assert_int_equal(err.reason, 9202);
        in.wire.ptr[i] ^= 1;
    }
    for (size_t i = 0; i < from; i += 29) {
        osci_reading_drop(&in.reading);
        buf_deinit(&in.plain);
        in.wire.ptr[i] ^= 1;
        if (helper_read(&in, "intermediary-cipher-2048", &strict, &err) == ST_OK)
            assert_true(span_eq(buf_span(&in.plain), buf_span(&plain)));
        in.wire.ptr[i] ^= 1;
    }
}

int main(void)
{
    static const struct CMUnitTest fixed[] = {
        cmocka_unit_test(test_bases),         cmocka_unit_test(test_strict),
        cmocka_unit_test(test_pinned),        cmocka_unit_test(test_forbidden_is_read),
        cmocka_unit_test(test_cut),           cmocka_unit_test(test_flip),
        cmocka_unit_test(test_flip_envelope),
    };
    AUTO(free_drop) struct CMUnitTest *tests = NULL;
    const json_t *vectors, *negative;
    size_t n = ARRAY_LEN(fixed), i, count;
    json_t *v;
    int failed;

    the_index = helper_index();
    vectors = helper_member(the_index, "vectors");
    negative = helper_member(the_index, "negative");
    count = n + json_array_size(vectors) + json_array_size(negative) + ARRAY_LEN(references);
    tests = calloc(count, sizeof *tests);
    if (tests == NULL)
        return 1;
    memcpy(tests, fixed, sizeof fixed);
    for (i = 0; i < ARRAY_LEN(references); i++)
        tests[n++] =
            (struct CMUnitTest){references[i].name, test_reference, NULL, NULL, &references[i]};
    json_array_foreach(vectors, i, v) tests[n++] =
        (struct CMUnitTest){helper_text(v, "id"), test_vector, NULL, NULL, v};
    json_array_foreach(negative, i, v) tests[n++] =
        (struct CMUnitTest){helper_text(v, "id"), test_negative, NULL, NULL, v};
    failed = _cmocka_run_group_tests("verify", tests, count, helper_crypto_setup,
                                     helper_crypto_teardown);
    json_decref(the_index);
    return failed;
}

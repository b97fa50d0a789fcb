/*
 * The official library's orders, right and spoilt, against the intermediary. What the index says
 * about each decides: the answer's code, and whether anything may be kept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/helper_crypto.h"
#include "tests/unit/helper_intermediary.h"

#include <jansson.h>
#include <stdio.h>

enum { CASES_MAX = 400 };

struct vector {
    json_t *entry; /* borrowed from the index */
    char name[128];
};

struct index {
    json_t *root;
    struct vector cases[CASES_MAX];
    struct CMUnitTest tests[CASES_MAX];
    size_t count;
};

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text == NULL ? "" : text;
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* ---- the state that a vector expects to find ---- */

static void session_preset(struct im_fixture *f, const json_t *state)
{
    struct osci_session s = {.encrypted = true};
    struct error err = {0};

    (void)snprintf(s.conversation_id, sizeof s.conversation_id, "%s",
                   text_of(state, "conversation_id"));
    (void)snprintf(s.challenge, sizeof s.challenge, "%s",
                   text_of(state, "last_challenge_of_the_intermediary"));
    s.next_sequence = (uint64_t)json_integer_value(json_object_get(state, "next_sequence_number"));
    s.cipher = im_cert(f, text_of(state, "client_cipher_certificate"));
    s.signature = im_cert(f, text_of(state, "client_signature_certificate"));
    assert_int_equal(osci_sessions_open(f->sessions, &s, f->now, &err), ST_OK);
    helper_mailbox_issue(&f->mailbox, span_str(text_of(state, "issued_message_id")));
}

/* ---- negative ---- */

static bool acceptable(const json_t *expect, const char *code)
{
    const json_t *also = json_object_get(expect, "also_acceptable");
    const json_t *one;
    size_t i;

    json_array_foreach((json_t *)also, i, one)
    {
        if (strcmp(json_string_value(one), code) == 0)
            return true;
    }
    return strcmp(text_of(expect, "code"), code) == 0;
}

static void test_negative(void **state)
{
    const struct vector *v = *state;
    const json_t *expect = json_object_get(v->entry, "expect");
    const json_t *dialog = json_object_get(v->entry, "dialog_state");
    struct im_fixture fixture, *f = &fixture;
    struct osci_own_cipher client;
    struct im_reply r;
    char code[16];
    bool accepted;
    AUTO(buf_deinit) struct buf wire = {0};
    char path[256];

    im_fixture_init(f);
    if (json_is_object(dialog))
        session_preset(f, dialog);
    client = (struct osci_own_cipher){im_cert(f, "originator-cipher-2048"),
                                      im_key(f, "originator-cipher-2048")};
    (void)snprintf(path, sizeof path, "osci12/%s", text_of(v->entry, "file"));
    helper_vector(path, &wire);
    im_exchange(f, buf_span(&wire), &client, &r);
    if (r.fault != 0)
        (void)snprintf(code, sizeof code, "%04d", r.fault);
    else
        im_text(osci_feedback_last(&r.reading->msg), code, sizeof code);
    accepted = code[0] != '9';
    if (accepted) { /* only where the index allows it, in words or in its note */
        assert_true(json_object_get(expect, "may_be_accepted") != NULL ||
                    strstr(text_of(expect, "note"), "may be accepted") != NULL);
        assert_int_equal(f->mailbox.delivery_count, 1);
    } else {
        if (!acceptable(expect, code))
            fail_msg("%s instead of %s", code, text_of(expect, "code"));
        assert_int_equal(f->mailbox.writes, 0);
    }
    im_reply_deinit(&r);
    im_fixture_deinit(f);
}

static void test_base(void **state)
{
    const struct vector *v = *state;
    struct im_fixture fixture, *f = &fixture;
    struct osci_own_cipher client;
    struct im_reply r;
    AUTO(buf_deinit) struct buf wire = {0};

    im_fixture_init(f);
    session_preset(f, v->entry);
    client = (struct osci_own_cipher){im_cert(f, "originator-cipher-2048"),
                                      im_key(f, "originator-cipher-2048")};
    helper_vector(v->name, &wire);
    im_exchange(f, buf_span(&wire), &client, &r);
    im_assert_code(&r, "0801");
    assert_int_equal(f->mailbox.delivery_count, 1);
    im_reply_deinit(&r);
    im_fixture_deinit(f);
}

/* ---- positive: stored, fetched by the addressee, and still the same ---- */

static void certs_preset(struct im_fixture *f, const json_t *entry, const char **client,
                         const char **addressee)
{
    const json_t *cert;
    size_t i;

    *client = "originator-cipher-2048";
    *addressee = NULL;
    (void)f;
    json_array_foreach(json_object_get(entry, "certificates"), i, cert)
    {
        if (strcmp(text_of(cert, "element"), "CipherCertificateOriginator") == 0)
            *client = text_of(cert, "key");
        if (strcmp(text_of(cert, "element"), "CipherCertificateAddressee") == 0)
            *addressee = text_of(cert, "key");
    }
    assert_non_null(*addressee);
}

static void addressee_fetch(struct im_fixture *f, const char *cipher, struct im_reply *r)
{
    struct osci_session s = {.encrypted = true, .conversation_id = "1", .challenge = "c"};
    struct osci_cert cert = {.role = OSCI_SIGNATURE_ORIGINATOR,
                             .cert = im_cert(f, "addressee-signature-2048")};
    struct osci_message m = {.type = OSCI_FETCH_DELIVERY,
                             .control = {.response = SPAN("c"),
                                         .challenge = SPAN("d"),
                                         .conversation_id = SPAN("1"),
                                         .has_sequence = true},
                             .languages = SPAN("de"),
                             .certs = &cert,
                             .cert_count = 1};
    const struct osci_write in = {.msg = &m,
                                  .sign_key = im_key(f, "addressee-signature-2048"),
                                  .encrypt_for = f->identity->cipher.cert,
                                  .policy = &f->policy,
                                  .now = f->now,
                                  .rng = rng_system()};
    const struct osci_own_cipher own = {im_cert(f, cipher), im_key(f, cipher)};
    struct error err = {0};
    bool end = false;
    AUTO(osci_writer_drop) struct osci_writer *writer = NULL;
    AUTO(buf_deinit) struct buf wire = {0};

    buf_init(&wire, 1024 * 1024);
    s.cipher = im_cert(f, cipher);
    assert_int_equal(osci_sessions_open(f->sessions, &s, f->now, &err), ST_OK);
    assert_int_equal(osci_message_write(&in, &writer, &err), ST_OK);
    while (!end)
        assert_int_equal(osci_writer_next(writer, &wire, &end, &err), ST_OK);
    im_exchange(f, buf_span(&wire), &own, r);
}

static void message_open(struct im_fixture *f, struct span wire, struct source_span *source,
                         struct buf *plain, struct osci_reading **reading)
{
    struct osci_transport transport = {0};
    struct sink_buf sink;
    struct error err = {0};
    struct source *from = source_span_init(source, wire);

    buf_init(plain, 64 * 1024 * 1024);
    assert_int_equal(osci_transport_open(from, f->own, 2, &f->policy, f->now, NULL,
                                         sink_buf_init(&sink, plain), &transport, &err),
                     ST_OK);
    if (transport.encrypted)
        from = source_span_init(source, buf_span(plain));
    assert_int_equal(osci_message_read(from, &f->policy, f->now, NULL, NULL, reading, &err), ST_OK);
}

/* What the author signed: the canonical form of each part of the package, and the octets. */
static void assert_same_content(const struct osci_reading *a, const struct osci_reading *b)
{
    struct error err = {0};
    AUTO(buf_deinit) struct buf ta = {0}, tb = {0};

    buf_init(&ta, 64 * 1024 * 1024);
    buf_init(&tb, 64 * 1024 * 1024);
    assert_int_equal(osci_package_text(a, &ta, &err), ST_OK);
    assert_int_equal(osci_package_text(b, &tb, &err), ST_OK);
    assert_int_equal(ta.len, tb.len);
    if (ta.len > 0)
        assert_memory_equal(ta.ptr, tb.ptr, ta.len);
    assert_int_equal(a->msg.attachment_count, b->msg.attachment_count);
    for (size_t i = 0; i < a->msg.attachment_count; i++) {
        struct sink_buf sink;

        assert_true(span_eq(a->msg.attachments[i].cid, b->msg.attachments[i].cid));
        buf_reset(&ta);
        buf_reset(&tb);
        assert_int_equal(osci_attachment_copy(a, i, sink_buf_init(&sink, &ta), &err), ST_OK);
        assert_int_equal(osci_attachment_copy(b, i, sink_buf_init(&sink, &tb), &err), ST_OK);
        assert_true(span_eq(buf_span(&ta), buf_span(&tb)));
    }
}

/* The certificates that content points to, under the same Ids, and foreign blocks. */
static void assert_same_parts(const struct osci_message *a, const struct osci_message *b)
{
    assert_int_equal(a->cert_count + 1, b->cert_count);
    for (size_t i = 0; i < a->cert_count; i++) {
        bool found = false;

        for (size_t k = 0; k < b->cert_count; k++)
            found |= a->certs[i].role == b->certs[k].role &&
                     span_eq(a->certs[i].id, b->certs[k].id) &&
                     cert_eq(a->certs[i].cert, b->certs[k].cert);
        assert_true(found);
    }
    assert_int_equal(a->custom_count, b->custom_count);
    for (size_t i = 0; i < a->custom_count; i++) {
        assert_true(span_eq(a->customs[i].id, b->customs[i].id));
        assert_true(span_eq(a->customs[i].xml, b->customs[i].xml));
    }
}

static void test_positive(void **state)
{
    const struct vector *v = *state;
    const json_t *ids = json_object_get(v->entry, "message_ids");
    struct im_fixture fixture, *f = &fixture;
    struct osci_own_cipher own;
    const char *client, *addressee;
    struct im_reply r;
    struct source_span source;
    char path[256];
    AUTO(buf_deinit) struct buf wire = {0}, plain = {0};
    AUTO(osci_reading_drop) struct osci_reading *before = NULL;

    im_fixture_init(f);
    f->im.require_signature = false;
    certs_preset(f, v->entry, &client, &addressee);
    helper_mailbox_issue(&f->mailbox, span_str(text_of(json_array_get(ids, 0), "value")));
    own = (struct osci_own_cipher){im_cert(f, client), im_key(f, client)};
    (void)snprintf(path, sizeof path, "osci12/%s", text_of(v->entry, "file"));
    helper_vector(path, &wire);
    im_exchange(f, buf_span(&wire), &own, &r);
    im_assert_codes(&r, "0800");
    assert_true(r.reading->msg.cards[0].inspection_count >= 2);
    im_reply_deinit(&r);
    addressee_fetch(f, addressee, &r);
    im_assert_codes(&r, "0801");
    message_open(f, buf_span(&wire), &source, &plain, &before);
    assert_same_content(before, r.reading);
    assert_same_parts(&before->msg, &r.reading->msg);
    im_reply_deinit(&r);
    im_fixture_deinit(f);
}

/* ---- the list ---- */

static void add(struct index *index, json_t *entry, const char *name, CMUnitTestFunction fn)
{
    struct vector *v = &index->cases[index->count];

    if (index->count == CASES_MAX)
        abort();
    v->entry = entry;
    (void)snprintf(v->name, sizeof v->name, "%s", name);
    index->tests[index->count++] = (struct CMUnitTest){v->name, fn, NULL, NULL, v};
}

static void list_make(struct index *index)
{
    json_t *entry, *base = NULL;
    size_t i;

    json_array_foreach(json_object_get(index->root, "negative"), i, entry)
    {
        const char *file = text_of(entry, "file");

        if (begins(file, "negative/store/") || begins(file, "negative/order/"))
            add(index, entry, file, test_negative);
        if (base == NULL && begins(file, "negative/store/"))
            base = json_object_get(entry, "dialog_state");
    }
    add(index, base, "osci12/negative/store/base.mime", test_base);
    add(index, base, "osci12/negative/store/base-enveloped.mime", test_base);
    json_array_foreach(json_object_get(index->root, "vectors"), i, entry)
    {
        const char *file = text_of(entry, "file");

        if (begins(file, "store/") && strstr(file, ".req.mime") != NULL)
            add(index, entry, file, test_positive);
    }
}

int main(void)
{
    struct index *index = calloc(1, sizeof *index);
    json_error_t why;
    int failed;

    if (index == NULL)
        return 1;
    index->root = json_load_file(TEST_VECTORS "/osci12/index.json", 0, &why);
    if (index->root == NULL) {
        (void)fprintf(stderr, "index.json: %s\n", why.text);
        free(index);
        return 1;
    }
    list_make(index);
    failed = _cmocka_run_group_tests("intermediary_vectors", index->tests, index->count,
                                     helper_crypto_setup, helper_crypto_teardown);
    json_decref(index->root);
    free(index);
    return failed;
}

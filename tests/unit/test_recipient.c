/* The passive recipient against the official library's and the spoilt orders of the index. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "osci/recipient.h"
#include "tests/unit/helper_intermediary.h"
#include "tests/unit/helper_osci.h"

enum { CASES_MAX = 200 };

struct fixture {
    struct im_fixture f;
    struct identity *identity;
    struct osci_own_cipher own[2];
    struct osci_sender sender;
    struct osci_recipient r;
};

static void fixture_init(struct fixture *x)
{
    *x = (struct fixture){0};
    im_fixture_init(&x->f);
    x->identity = im_identity("addressee");
    x->own[0] = (struct osci_own_cipher){x->identity->cipher.cert, x->identity->cipher.key};
    x->sender = (struct osci_sender){im_cert(&x->f, "intermediary-cipher-2048"),
                                     im_cert(&x->f, "intermediary-signature-2048")};
    x->r = (struct osci_recipient){.identity = x->identity,
                                   .checker = x->f.checker,
                                   .policy = &x->f.policy,
                                   .rng = rng_system(),
                                   .senders = &x->sender,
                                   .sender_count = 1,
                                   .require_signature = true,
                                   .allow_plain = true,
                                   .processes = true};
}

static void fixture_deinit(struct fixture *x)
{
    identity_free(x->identity);
    im_fixture_deinit(&x->f);
}

/* The wire bytes as a worker of the gateway treats them, up to the decision. */
static struct osci_visit *visit(struct fixture *x, struct helper_in *in)
{
    struct osci_request request = {0};
    struct osci_visit *v = NULL;
    struct error err = {0};

    if (helper_read_own(in, x->own, 1, &x->f.policy, &request.failure) != ST_OK)
        assert_null(in->reading);
    request.transport = in->transport;
    request.reading = in->reading;
    helper_ok(osci_recipient_check(&x->r, &request, helper_now, &v, &err), &err);
    assert_true(v->take == (v->code == 0));
    return v;
}

/* Writes the answer and reads it as the intermediary would. */
static void answer_read(struct fixture *x, struct osci_visit *v, struct helper_in *back)
{
    const struct osci_own_cipher own = {x->f.identity->cipher.cert, x->f.identity->cipher.key};
    struct osci_writer *writer = NULL;
    struct error err = {0};
    bool end = false;

    buf_init(&back->wire, 64 * 1024 * 1024);
    helper_ok(osci_visit_write(&x->r, v, helper_now, &writer, &err), &err);
    while (!end)
        helper_ok(osci_writer_next(writer, &back->wire, &end, &err), &err);
    osci_writer_free(writer);
    helper_ok(helper_read_own(back, &own, 1, &x->f.policy, &err), &err);
    if (back->reading->is_signed)
        helper_ok(osci_message_verify(back->reading, x->identity->signature.cert, NULL, &err),
                  &err);
}

static const struct osci_message *said(const struct helper_in *in)
{
    return &in->reading->msg;
}

/* ---- the vectors ---- */

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

static void wire_load(const struct vector *v, struct helper_in *in)
{
    char path[256];

    (void)snprintf(path, sizeof path, "osci12/%s", helper_text(v->entry, "file"));
    helper_vector(path, &in->wire);
}

static bool acceptable(const json_t *expect, int code)
{
    const json_t *also = json_object_get(expect, "also_acceptable"), *one;
    const char *first = json_string_value(json_object_get(expect, "code"));
    char text[8];
    size_t i;

    (void)snprintf(text, sizeof text, "%04d", code);
    json_array_foreach((json_t *)also, i, one)
    {
        if (strcmp(json_string_value(one), text) == 0)
            return true;
    }
    return first != NULL && strcmp(first, text) == 0;
}

static void test_negative(void **state)
{
    const struct vector *vector = *state;
    const json_t *expect = helper_member(vector->entry, "expect");
    struct fixture x;
    struct osci_visit *v;
    AUTO(helper_in_deinit) struct helper_in in = {0}, back = {0};

    fixture_init(&x);
    wire_load(vector, &in);
    v = visit(&x, &in);
    if (v->take)
        assert_non_null(json_object_get(expect, "may_be_accepted"));
    else if (!acceptable(expect, v->code))
        fail_msg("%d: %s", v->code, v->why.text);
    if (!v->take && v->fault == 0) {
        answer_read(&x, v, &back);
        assert_false(osci_executed(said(&back)));
        assert_true(back.reading->is_signed == v->is_signed);
    }
    osci_visit_free(v);
    fixture_deinit(&x);
}

static void test_positive(void **state)
{
    const struct vector *vector = *state;
    bool is_signed = strstr(vector->name, "unsigned") == NULL;
    struct fixture x;
    struct osci_visit *v;
    AUTO(helper_in_deinit) struct helper_in in = {0}, back = {0};

    fixture_init(&x);
    x.r.require_signature = is_signed;
    wire_load(vector, &in);
    v = visit(&x, &in);
    if (!v->take)
        fail_msg("%d: %s", v->code, v->why.text);
    assert_int_equal(v->sender, 0);
    osci_recipient_answer(&x.r, v, 0, NULL, NULL);
    answer_read(&x, v, &back);
    assert_int_equal(said(&back)->type, osci_answer_type(said(&in)->type));
    assert_true(span_is(osci_feedback_last(said(&back)), "0800"));
    assert_true(span_eq(said(&back)->control.response, said(&in)->control.challenge));
    assert_true(back.reading->is_signed == is_signed);
    assert_true(back.transport.encrypted == in.transport.encrypted);
    assert_false(said(&back)->has_package);
    osci_visit_free(v);
    fixture_deinit(&x);
}

/* ---- what no vector shows ---- */

static void base_load(struct helper_in *in)
{
    helper_vector("osci12/negative/accept/base-enveloped.mime", &in->wire);
}

static void code_expect(struct fixture *x, int code)
{
    struct osci_visit *v;
    AUTO(helper_in_deinit) struct helper_in in = {0};

    base_load(&in);
    v = visit(x, &in);
    if (v->code != code)
        fail_msg("%d instead of %d: %s", v->code, code, v->why.text);
    osci_visit_free(v);
}

static void test_senders(void **state)
{
    struct fixture x;

    (void)state;
    fixture_init(&x);
    code_expect(&x, 0);
    x.sender.cipher = im_cert(&x.f, "originator-cipher-2048");
    code_expect(&x, 0); /* the signature alone tells who it is */
    x.sender.cipher = im_cert(&x.f, "intermediary-cipher-2048");
    x.sender.signature =
        NULL; /* whoever is believed could sign with the cipher certificate shown */
    code_expect(&x, 9601);
    x.sender.signature = im_cert(&x.f, "originator-signature-2048");
    x.sender.cipher = im_cert(&x.f, "intermediary-cipher-2048");
    code_expect(&x, 9601); /* pinned to another: believing is not enough */
    fixture_deinit(&x);
}

static void test_not_for_us(void **state)
{
    struct fixture x;

    (void)state;
    fixture_init(&x);
    identity_free(x.identity);
    x.identity = im_identity("originator");
    x.r.identity = x.identity;
    x.own[0] = (struct osci_own_cipher){im_cert(&x.f, "addressee-cipher-2048"),
                                        im_key(&x.f, "addressee-cipher-2048")};
    code_expect(&x, 9811);
    x.own[0] = (struct osci_own_cipher){x.identity->cipher.cert, x.identity->cipher.key};
    code_expect(&x, 9200);
    fixture_deinit(&x);
}

static void test_plain_is_refused(void **state)
{
    struct fixture x;
    struct osci_visit *v;
    AUTO(helper_in_deinit) struct helper_in in = {0};

    (void)state;
    fixture_init(&x);
    x.r.allow_plain = false;
    helper_vector("osci12/negative/accept/base.mime", &in.wire);
    v = visit(&x, &in);
    assert_int_equal(v->fault, 9300);
    osci_visit_free(v);
    fixture_deinit(&x);
}

/* 12.3: the same message, had it come under CBC: nothing but 9202 before its signature is good. */
static void test_cbc(void **state)
{
    static const struct row {
        const char *vector;
        bool certified; /* the signature's certificate is the known one */
        int code;
        bool silent; /* nobody says whether certificates are revoked: the order has to wait */
    } rows[] = {
        {"osci12/negative/accept/base.mime", true, 0, false},
        {"osci12/negative/accept/base.mime", false, 9202, false},
        {"osci12/passive/plain/forwardDelivery.req.mime", true, 9202, false},
        {"osci12/negative/accept/base.mime", true, 9503, true},
        {"osci12/negative/accept/base.mime", false, 9202, true},
    };
    struct cert_source silent = im_silence();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct osci_request request = {.transport.encrypted = true};
        struct fixture x;
        struct osci_visit *v = NULL;
        struct error err = {0};
        AUTO(helper_in_deinit) struct helper_in in = {0};

        fixture_init(&x);
        if (rows[i].silent)
            cert_checker_use_source(x.f.checker, &silent);
        if (!rows[i].certified)
            x.sender.signature = im_cert(&x.f, "originator-signature-2048");
        helper_vector(rows[i].vector, &in.wire);
        helper_ok(helper_read_own(&in, x.own, 1, &x.f.policy, &err), &err);
        request.transport.method.alg =
            alg_find(SPAN("http://www.w3.org/2001/04/xmlenc#aes256-cbc"), ALG_CIPHER);
        request.reading = in.reading;
        helper_ok(osci_recipient_check(&x.r, &request, helper_now, &v, &err), &err);
        if (v->code != rows[i].code)
            fail_msg("row %zu: %d instead of %d: %s", i, v->code, rows[i].code, v->why.text);
        osci_visit_free(v);
        fixture_deinit(&x);
    }
}

static void test_orders_of_others(void **state)
{
    struct fixture x;
    struct osci_visit *v;
    AUTO(helper_in_deinit) struct helper_in in = {0};

    (void)state;
    fixture_init(&x);
    helper_vector("osci12/passive/plain/forwardDelivery.req.mime", &in.wire);
    v = visit(&x, &in);
    assert_int_equal(v->fault, 9300);
    osci_visit_free(v);
    fixture_deinit(&x);
}

static void test_keeper_fails(void **state)
{
    const struct error why = {.status = ST_LIMIT, .text = "the disk is full"};
    struct fixture x;
    struct osci_visit *v;
    AUTO(helper_in_deinit) struct helper_in in = {0}, back = {0};

    (void)state;
    fixture_init(&x);
    base_load(&in);
    v = visit(&x, &in);
    assert_true(v->take);
    osci_recipient_answer(&x.r, v, 9811, &why, NULL);
    answer_read(&x, v, &back);
    assert_true(span_is(osci_feedback_last(said(&back)), "9811"));
    assert_true(back.reading->is_signed);
    assert_true(back.transport.encrypted);
    osci_visit_free(v);
    fixture_deinit(&x);
}

#define REPLY_PACKAGE                                                                              \
    "<osci:ContentContainer Id=\"c1\"><osci:Content><osci:Base64Content Id=\"c2\">"                \
    "SGFsbG8=</osci:Base64Content></osci:Content></osci:ContentContainer>"

/* 2.10: the roles swap, the id is the one that came, and both times are wished for. */
static void test_reply(void **state)
{
    static const struct row {
        const char *vector, *id;
    } rows[] = {
        {"osci12/passive/encrypted/processDelivery.req.mime",
         "intermediary.example_1795298136962_000299"},
        {"osci12/passive/plain/processDelivery-no-record.req.mime", NULL},
    };
    const struct osci_reply reply = {.subject = SPAN("Antwort"), .package = SPAN(REPLY_PACKAGE)};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture x;
        struct osci_visit *v;
        AUTO(helper_in_deinit) struct helper_in in = {0}, back = {0};

        fixture_init(&x);
        helper_vector(rows[i].vector, &in.wire);
        v = visit(&x, &in);
        assert_true(v->take);
        osci_recipient_answer(&x.r, v, 0, NULL, &reply);
        answer_read(&x, v, &back);
        assert_true(said(&back)->has_package);
        assert_true(cert_eq(osci_cert_of(said(&back), OSCI_CIPHER_ADDRESSEE)->cert,
                            im_cert(&x.f, "originator-cipher-2048")));
        assert_true(cert_eq(osci_cert_of(said(&back), OSCI_CIPHER_ORIGINATOR)->cert,
                            x.identity->cipher.cert));
        if (rows[i].id == NULL) {
            assert_null(said(&back)->message_id.ptr);
            assert_int_equal(said(&back)->creation, OSCI_QUALITY_NONE);
        } else {
            assert_true(span_is(said(&back)->message_id, rows[i].id));
            assert_true(span_is(said(&back)->subject, "Antwort"));
            assert_int_equal(said(&back)->reception, OSCI_QUALITY_PLAIN);
        }
        osci_visit_free(v);
        fixture_deinit(&x);
    }
}

static void test_nobody_processes(void **state)
{
    struct fixture x;
    struct osci_visit *v;
    AUTO(helper_in_deinit) struct helper_in in = {0};

    (void)state;
    fixture_init(&x);
    x.r.processes = false;
    helper_vector("osci12/passive/encrypted/processDelivery.req.mime", &in.wire);
    v = visit(&x, &in);
    assert_int_equal(v->code, 9811);
    assert_int_equal(v->fault, 0);
    osci_visit_free(v);
    fixture_deinit(&x);
}

/* ---- the list of tests ---- */

static void case_add(struct index *x, json_t *entry, void (*test)(void **))
{
    struct vector *v = &x->cases[x->count];

    assert_true(x->count < CASES_MAX);
    v->entry = entry;
    (void)snprintf(v->name, sizeof v->name, "%s", helper_text(entry, "file"));
    x->tests[x->count++] = (struct CMUnitTest){v->name, test, NULL, NULL, v};
}

static void cases_find(struct index *x)
{
    json_t *entry;
    size_t i;

    x->root = helper_index();
    json_array_foreach(helper_member(x->root, "negative"), i, entry)
    {
        if (strcmp(helper_text(entry, "for"), "passive recipient") == 0)
            case_add(x, entry, test_negative);
    }
    assert_int_equal(x->count, 36);
    json_array_foreach(helper_member(x->root, "vectors"), i, entry)
    {
        const char *type = json_string_value(json_object_get(entry, "type"));

        if (type != NULL &&
            (strcmp(type, "acceptDelivery") == 0 || strcmp(type, "processDelivery") == 0))
            case_add(x, entry, test_positive);
    }
    assert_int_equal(x->count, 36 + 14);
}

int main(void)
{
    static struct index index;
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(test_senders),
        cmocka_unit_test(test_not_for_us),
        cmocka_unit_test(test_cbc),
        cmocka_unit_test(test_plain_is_refused),
        cmocka_unit_test(test_orders_of_others),
        cmocka_unit_test(test_keeper_fails),
        cmocka_unit_test(test_reply),
        cmocka_unit_test(test_nobody_processes),
    };
    int failed;

    cases_find(&index);
    memcpy(&index.tests[index.count], others, sizeof others);
    index.count += ARRAY_LEN(others);
    failed = _cmocka_run_group_tests("recipient", index.tests, index.count, helper_crypto_setup,
                                     helper_crypto_teardown);
    json_decref(index.root);
    return failed;
}

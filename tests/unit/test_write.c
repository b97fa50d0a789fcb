/*
 * What our writer writes, our reader reads back the same, whatever the type, with and without
 * signature and envelope; and every block's text is its own canonical form (docs/decisions/0002).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/helper_sample.h"

#include <stdio.h>

enum { PULL_MAX = 64 * 1024, WIRE_MAX = 4 * 1024 * 1024 };

static const struct policy policy;

/* What one test writes with. */
struct writing {
    struct rng_count rng;
    struct key *key;
    struct cert *envelope;
    struct osci_write in;
    struct osci_writer *writer;
};

static void writing_init(struct writing *w, const struct osci_message *msg, const char *signer,
                         bool enveloped)
{
    *w = (struct writing){0};
    rng_count_init(&w->rng);
    if (signer != NULL)
        w->key = helper_key(signer);
    if (enveloped)
        w->envelope = helper_cert("intermediary-cipher-2048");
    w->in = (struct osci_write){.msg = msg,
                                .sign_key = w->key,
                                .encrypt_for = w->envelope,
                                .policy = &policy,
                                .now = helper_now,
                                .rng = &w->rng.base};
}

static void writing_deinit(struct writing *w)
{
    osci_writer_drop(&w->writer);
    key_drop(&w->key);
    cert_drop(&w->envelope);
}

/* All pieces, each within the bound; the end is said once and stays. */
static enum status pull(struct osci_writer *writer, struct buf *wire, struct error *err)
{
    bool end = false;

    while (!end) {
        size_t before = wire->len;

        TRY(osci_writer_next(writer, wire, &end, err));
        assert_true(wire->len - before <= PULL_MAX);
        assert_true(wire->len > before || end);
    }
    TRY(osci_writer_next(writer, wire, &end, err));
    assert_true(end);
    return ST_OK;
}

/* The XML as it is, and each block as canonical XML: one stands in the other. */
static void blocks_are_canonical(const struct osci_reading *reading, struct span plain)
{
    for (size_t i = 0; i < reading->block_count; i++) {
        AUTO(buf_deinit) struct buf text = {.max = WIRE_MAX};
        struct error err = {0};

        helper_ok(xml_c14n(reading->blocks[i], &text, &err), &err);
        if (span_find(plain, buf_span(&text)) == SIZE_MAX)
            fail_msg("%.*s is not written canonically", SPAN_FMT(reading->block_ids[i]));
    }
}

static void round_trip(const struct sample *s, const char *signer, bool enveloped)
{
    AUTO(writing_deinit) struct writing w = {0};
    AUTO(helper_in_deinit) struct helper_in in = {.wire.max = WIRE_MAX};
    AUTO(buf_deinit) struct buf again = {.max = WIRE_MAX};
    const struct cert *by = NULL;
    struct error err = {0};

    writing_init(&w, &s->msg, signer, enveloped);
    helper_ok(osci_message_write(&w.in, &w.writer, &err), &err);
    helper_ok(pull(w.writer, &in.wire, &err), &err);
    assert_int_equal(in.wire.len, osci_writer_len(w.writer));
    helper_ok(osci_writer_rewind(w.writer, &err), &err);
    helper_ok(pull(w.writer, &again, &err), &err);
    assert_true(span_eq(buf_span(&in.wire), buf_span(&again)));

    helper_ok(helper_read(&in, enveloped ? "intermediary-cipher-2048" : NULL, &policy, &err), &err);
    assert_int_equal(in.transport.encrypted, enveloped);
    sample_compare(&s->msg, in.reading);
    assert_int_equal(in.reading->is_signed, signer != NULL);
    if (signer != NULL) {
        helper_ok(osci_message_verify(in.reading, NULL, &by, &err), &err);
        assert_true(key_matches(w.key, by));
    } else {
        assert_int_equal(osci_message_verify(in.reading, NULL, &by, &err), ST_DENIED);
        assert_int_equal(err.reason, 9600);
    }
    blocks_are_canonical(in.reading, buf_span(enveloped ? &in.plain : &in.wire));
}

/* ---- every type ---- */

static const struct form {
    const char *name;
    bool full, is_signed, enveloped;
} forms[] = {
    {"plain", false, false, false},        {"signed", false, true, false},
    {"enveloped", false, false, true},     {"signed, enveloped", false, true, true},
    {"all, plain", true, false, false},    {"all, signed", true, true, false},
    {"all, enveloped", true, false, true}, {"all, signed, enveloped", true, true, true},
};
enum { FORMS = ARRAY_LEN(forms) };

static struct type_row {
    char name[80];
    enum osci_type type;
    const struct form *form;
} type_rows[OSCI_FAULT * FORMS];

static void every_type(void **state)
{
    static const size_t sizes[] = {0, 1, 65535, 65536, 200 * 1024};
    const struct type_row *row = *state;
    const struct form *form = row->form;
    AUTO(sample_deinit) struct sample s = {0};

    sample_init(&s, row->type, form->full, form->is_signed);
    if (form->full && s.msg.has_package)
        sample_attach(&s, sizes, ARRAY_LEN(sizes));
    round_trip(&s, form->is_signed ? s.signer : NULL, form->enveloped);
}

static size_t type_rows_make(struct CMUnitTest *tests)
{
    size_t n = 0;

    for (enum osci_type type = 0; type < OSCI_FAULT; type++)
        for (size_t i = 0; i < FORMS; i++) {
            struct type_row *row = &type_rows[n];

            row->type = type;
            row->form = &forms[i];
            (void)snprintf(row->name, sizeof row->name, "%s: %s", osci_type_name(type),
                           forms[i].name);
            tests[n++] = (struct CMUnitTest){row->name, every_type, NULL, NULL, row};
        }
    return n;
}

/* ---- single fields ---- */

static void with_ids(struct sample *s)
{
    s->msg.selection = (struct osci_selection){.by = OSCI_SELECT_IDS, .ids = s->ids, .id_count = 1};
    s->ids[0] = SPAN("dep_1");
}

static void with_modified(struct sample *s)
{
    s->msg.selection = (struct osci_selection){.by = OSCI_SELECT_MODIFIED,
                                               .date = SPAN("2026-11-01T00:00:00Z"),
                                               .role = SPAN("Originator")};
}

static void with_reception(struct sample *s)
{
    s->msg.selection = (struct osci_selection){.by = OSCI_SELECT_RECEPTION,
                                               .date = SPAN("2026-11-01T00:00:00.123456789Z")};
}

static void without_reception(struct sample *s)
{
    with_reception(s);
    s->msg.selection.no_reception = true;
}

static void with_quantity(struct sample *s)
{
    s->msg.selection =
        (struct osci_selection){.has_limit = true, .limit = UINT64_C(9223372036854775807)};
}

static void empty_subject(struct sample *s)
{
    s->msg.subject = SPAN("");
}

static void empty_package(struct sample *s)
{
    s->msg.package = SPAN_NONE;
}

static void one_octet_attachments(struct sample *s)
{
    static const size_t sizes[] = {1, 1, 1, 1, 1, 1, 1, 1};

    sample_attach(s, sizes, ARRAY_LEN(sizes));
}

static void empty_attachments(struct sample *s)
{
    static const size_t sizes[] = {0, 0, 0};

    sample_attach(s, sizes, ARRAY_LEN(sizes));
}

/* Around the writer's own piece of 60 KiB and the gateway's of 64. */
static void piece_attachments(struct sample *s)
{
    static const size_t sizes[] = {61439, 61440, 61441, 122880, 65536};

    sample_attach(s, sizes, ARRAY_LEN(sizes));
}

static void own_cert_id(struct sample *s)
{
    s->certs[0].id = SPAN("mein-Zertifikat_1.0");
}

static struct field_row {
    const char *name;
    enum osci_type type;
    void (*change)(struct sample *s);
} field_rows[] = {
    {"fetchDelivery by MessageId", OSCI_FETCH_DELIVERY, with_ids},
    {"fetchDelivery by ReceptionOfDelivery", OSCI_FETCH_DELIVERY, with_reception},
    {"the echo of a MessageId", OSCI_RSP_FETCH_DELIVERY, with_ids},
    {"fetchProcessCard by RecentModification", OSCI_FETCH_PROCESS_CARD, with_modified},
    {"fetchProcessCard by ReceptionOfDelivery", OSCI_FETCH_PROCESS_CARD, with_reception},
    {"fetchProcessCard with NoReception", OSCI_FETCH_PROCESS_CARD, without_reception},
    {"fetchProcessCard with Quantity alone", OSCI_FETCH_PROCESS_CARD, with_quantity},
    {"the echo of ReceptionOfDelivery", OSCI_RSP_FETCH_PROCESS_CARD, with_reception},
    {"the echo of Quantity alone", OSCI_RSP_FETCH_PROCESS_CARD, with_quantity},
    {"an empty Subject", OSCI_STORE_DELIVERY, empty_subject},
    {"an empty package in an answer", OSCI_RSP_FETCH_DELIVERY, empty_package},
    {"attachments of one octet", OSCI_STORE_DELIVERY, one_octet_attachments},
    {"empty attachments", OSCI_RSP_FETCH_DELIVERY, empty_attachments},
    {"attachments as long as a piece", OSCI_STORE_DELIVERY, piece_attachments},
    {"an Id given to a certificate", OSCI_STORE_DELIVERY, own_cert_id},
};

static void every_field(void **state)
{
    const struct field_row *row = *state;
    AUTO(sample_deinit) struct sample s = {0};

    sample_init(&s, row->type, true, true);
    row->change(&s);
    round_trip(&s, s.signer, false);
    round_trip(&s, s.signer, true);
}

/* ---- text that XML cannot hold ---- */

static struct text_row {
    const char *name;
    struct span text;
    enum status st;
} text_rows[] = {
    {"all of Unicode's planes", SPAN("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x93\xae \xf4\x8f\xbf\xbd"),
     ST_OK},
    {"tab, line feed, return", SPAN("\t\n\r"), ST_OK},
    {"DEL and C1", SPAN("\x7f\xc2\x80"), ST_OK},
    {"the last before the surrogates", SPAN("\xed\x9f\xbf"), ST_OK},
    {"U+FFFD", SPAN("\xef\xbf\xbd"), ST_OK},
    {"NUL", SPAN("a\0b"), ST_INVALID},
    {"a control character", SPAN("a\x01"), ST_INVALID},
    {"escape", SPAN("\x1b[31m"), ST_INVALID},
    {"Latin-1", SPAN("M\xfcller"), ST_INVALID},
    {"a lone continuation byte", SPAN("\x80"), ST_INVALID},
    {"cut off", SPAN("\xe2\x82"), ST_INVALID},
    {"an overlong slash", SPAN("\xc0\xaf"), ST_INVALID},
    {"overlong in three", SPAN("\xe0\x80\xaf"), ST_INVALID},
    {"a surrogate", SPAN("\xed\xa0\x80"), ST_INVALID},
    {"U+FFFE", SPAN("\xef\xbf\xbe"), ST_INVALID},
    {"U+FFFF", SPAN("\xef\xbf\xbf"), ST_INVALID},
    {"beyond Unicode", SPAN("\xf4\x90\x80\x80"), ST_INVALID},
};

/* What no reader could read is refused here, where the caller can still be told. */
static void text_is_xml(void **state)
{
    const struct text_row *row = *state;
    AUTO(sample_deinit) struct sample s = {0};
    AUTO(writing_deinit) struct writing w = {0};
    struct error err = {0};

    sample_init(&s, OSCI_FORWARD_DELIVERY, true, false);
    for (int i = 0; i < 2; i++) {
        struct osci_message msg = s.msg;

        if (i == 0)
            msg.subject = row->text;
        else
            msg.receiver_uri = row->text;
        writing_deinit(&w);
        writing_init(&w, &msg, NULL, false);
        assert_int_equal(osci_message_write(&w.in, &w.writer, &err), row->st);
    }
    if (row->st != ST_OK)
        return;
    s.msg.subject = row->text;
    round_trip(&s, NULL, false);
}

/* ---- sources ---- */

/* Gives at most seven bytes at a time, and none at or after fails_at. */
struct source_slow {
    struct source base;
    struct span bytes;
    uint64_t ends_at, fails_at;
};

static enum status slow_read(struct source *self, uint64_t offset, void *bytes, size_t cap,
                             size_t *got, struct error *err)
{
    struct source_slow *s = (struct source_slow *)self;
    struct span left = span_sub(s->bytes, (size_t)offset, cap < 7 ? cap : 7);

    if (offset >= s->fails_at)
        return error_set(err, ST_RETRY, 0, "the disk is away");
    *got = offset >= s->ends_at ? 0 : left.len;
    memcpy(bytes, left.ptr, *got);
    return ST_OK;
}

static struct source_row {
    const char *name;
    uint64_t ends_at, fails_at;
    enum status st;
} source_rows[] = {
    {"a few bytes at a time", UINT64_MAX, UINT64_MAX, ST_OK},
    {"a source that ends too early", 70, UINT64_MAX, ST_INTERNAL},
    {"a source that was emptied", 0, UINT64_MAX, ST_INTERNAL},
    {"a source that fails", UINT64_MAX, 140, ST_RETRY},
};

static void every_source(void **state)
{
    static const size_t size = 100000;
    const struct source_row *row = *state;
    AUTO(sample_deinit) struct sample s = {0};
    AUTO(writing_deinit) struct writing w = {0};
    AUTO(buf_deinit) struct buf wire = {.max = WIRE_MAX};
    struct source_slow slow = {
        .base.read = slow_read, .ends_at = row->ends_at, .fails_at = row->fails_at};
    struct error err = {0};

    sample_init(&s, OSCI_STORE_DELIVERY, true, true);
    sample_attach(&s, &size, 1);
    slow.base.len = size;
    slow.bytes = s.bodies[0].bytes;
    s.attachments[0].body = &slow.base;
    if (row->st == ST_OK) {
        round_trip(&s, s.signer, true);
        return;
    }
    writing_init(&w, &s.msg, s.signer, true);
    helper_ok(osci_message_write(&w.in, &w.writer, &err), &err);
    assert_int_equal(pull(w.writer, &wire, &err), row->st);
}

/* ---- signing ---- */

static void signed_by_p256(void **state)
{
    AUTO(sample_deinit) struct sample s = {0};

    (void)state;
    sample_init(&s, OSCI_GET_MESSAGE_ID, false, true);
    cert_free(s.certs[0].cert);
    s.certs[0].cert = helper_cert("author-signature-p256");
    round_trip(&s, "author-signature-p256", false);
}

/* A signature that nobody could check is our own mistake. */
static void signed_without_certificate(void **state)
{
    AUTO(sample_deinit) struct sample s = {0};
    AUTO(writing_deinit) struct writing w = {0};
    struct error err = {0};

    (void)state;
    sample_init(&s, OSCI_GET_MESSAGE_ID, false, false);
    writing_init(&w, &s.msg, "originator-signature-2048", false);
    assert_int_equal(osci_message_write(&w.in, &w.writer, &err), ST_INTERNAL);
}

/* Nothing of a message shows through its envelope, and no two envelopes have the same key. */
static void envelope_hides(void **state)
{
    AUTO(sample_deinit) struct sample s = {0};
    AUTO(buf_deinit) struct buf one = {.max = WIRE_MAX}, two = {.max = WIRE_MAX};
    AUTO(writing_deinit) struct writing w = {0};
    struct error err = {0};

    (void)state;
    sample_init(&s, OSCI_STORE_DELIVERY, true, true);
    writing_init(&w, &s.msg, s.signer, true);
    helper_ok(osci_message_write(&w.in, &w.writer, &err), &err);
    helper_ok(pull(w.writer, &one, &err), &err);
    osci_writer_drop(&w.writer);
    helper_ok(osci_message_write(&w.in, &w.writer, &err), &err);
    helper_ok(pull(w.writer, &two, &err), &err);
    assert_int_equal(one.len, two.len);
    assert_false(span_eq(buf_span(&one), buf_span(&two)));
    assert_true(span_find(buf_span(&one), SPAN("ControlBlock")) == SIZE_MAX);
    assert_true(span_find(buf_span(&one), SPAN("storeDelivery")) == SIZE_MAX);
}

/* ---- faults ---- */

static struct fault_row {
    const char *code, *text;
    bool server;
} fault_rows[] = {
    {"9000", "Internal error of the server", true},
    {"9100", "The data are no valid OSCI message", false},
    {"9300", "a <b> & \"c\"", false},
    {"9503", "Internal error", true},
};

static void every_fault(void **state)
{
    const struct fault_row *row = *state;
    AUTO(helper_in_deinit) struct helper_in in = {.wire.max = WIRE_MAX};
    struct rng_count rng;
    struct error err = {0};

    rng_count_init(&rng);
    helper_ok(osci_fault_write(&in.wire, row->code, row->text, &rng.base, &err), &err);
    assert_true(span_find(buf_span(&in.wire), SPAN("schemaLocation")) == SIZE_MAX);
    helper_ok(helper_read(&in, NULL, &policy, &err), &err);
    assert_int_equal(in.reading->msg.type, OSCI_FAULT);
    assert_true(span_is(in.reading->msg.fault_code, row->code));
    assert_true(span_is(in.reading->msg.fault_text, row->text));
    assert_int_equal(in.reading->msg.fault_server, row->server);
}

#define ROWS(tests, n, rows, function, label)                                                      \
    for (size_t i_ = 0; i_ < ARRAY_LEN(rows); i_++)                                                \
        (tests)[(n)++] = (struct CMUnitTest){rows[i_].label, function, NULL, NULL, &rows[i_]};

int main(void)
{
    static struct CMUnitTest tests[ARRAY_LEN(type_rows) + ARRAY_LEN(field_rows) +
                                   ARRAY_LEN(text_rows) + ARRAY_LEN(source_rows) +
                                   ARRAY_LEN(fault_rows) + 3] = {
        cmocka_unit_test(signed_by_p256),
        cmocka_unit_test(signed_without_certificate),
        cmocka_unit_test(envelope_hides),
    };
    size_t n = 3;

    n += type_rows_make(tests + n);
    ROWS(tests, n, field_rows, every_field, name)
    ROWS(tests, n, text_rows, text_is_xml, name)
    ROWS(tests, n, source_rows, every_source, name)
    ROWS(tests, n, fault_rows, every_fault, code)
    return _cmocka_run_group_tests("write", tests, n, helper_crypto_setup, helper_crypto_teardown);
}

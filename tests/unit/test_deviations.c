/*
 * Where schema and field practice differ: the twelve rows of the digest's table, each with what we
 * write and with every form that we take. What is taken says the same in each form.
 *
 * Source: OSCI 1.2 digest 0.4.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "osci/block.h"
#include "tests/unit/helper_parcel.h"
#include "tests/unit/helper_sample.h"

enum { WIRE_MAX = 4 * 1024 * 1024 };

static const struct policy policy;

static bool holds(struct span wire, const char *text)
{
    return span_find(wire, span_str(text)) != SIZE_MAX;
}

/* Every from becomes to; there must be one. */
static void change(struct buf *wire, const char *from, const char *to)
{
    AUTO(buf_deinit) struct buf done = {.max = WIRE_MAX};
    struct span rest = buf_span(wire);
    size_t at, count = 0;

    for (; (at = span_find(rest, span_str(from))) != SIZE_MAX; count++) {
        buf_add(&done, span_sub(rest, 0, at));
        buf_str(&done, to);
        rest = span_from(rest, at + strlen(from));
    }
    assert_true(count > 0);
    buf_add(&done, rest);
    buf_reset(wire);
    buf_add(wire, buf_span(&done));
}

/* ---- rows of one text against another ---- */

static void no_selection(struct sample *s)
{
    s->msg.selection = (struct osci_selection){0};
}

static void several_ids(struct sample *s)
{
    s->ids[0] = SPAN("dep_1");
    s->ids[1] = SPAN("dep_2");
    s->msg.selection = (struct osci_selection){
        .by = OSCI_SELECT_IDS, .ids = s->ids, .id_count = 2, .has_limit = true, .limit = 5};
}

static void no_totals(struct sample *s)
{
    s->msg.chunk.total = s->msg.chunk.total_size_kb = 0;
}

/* Feedback in both languages reads "de en" afterwards, so the sample says so, too. */
static void language_list(struct sample *s)
{
    for (size_t i = 0; i < s->msg.feedback_count; i++)
        s->msg.feedback[i].lang = SPAN("de");
}

static struct row {
    const char *name;
    enum osci_type type;
    void (*prepare)(struct sample *s); /* NULL: nothing */
    const char *written, *never;       /* text that stands in what we write, and that does not */
    const char *other, *instead;       /* the other form: written, but with other instead of it */
    bool says_else;                    /* the forms differ in what the message says */
} rows[] = {
    {"1: OCSP, and the schema's OSCP", OSCI_RSP_FETCH_PROCESS_CARD, NULL, "<osci:OCSP", "OSCP",
     "osci:OCSP", "osci:OSCP", false},
    {"2: ChunkMessageTimeout, and the schema's ChunkMessageTimeOut", OSCI_STORE_DELIVERY, NULL,
     " ChunkMessageTimeout=\"1440\"", NULL, " ChunkMessageTimeout=\"1440\"", "", false},
    {"2: ChunkMessageTimeout alone", OSCI_STORE_DELIVERY, NULL, " ChunkMessageTimeout=\"1440\"",
     NULL, " ChunkMessageTimeOut=\"1440\"", "", false},
    {"3: ProcessCardBundle, and the schema's procard", OSCI_RSP_PARTIAL_STORE_DELIVERY, NULL,
     "<osci:ProcessCardBundle", "procard", "osci:ProcessCardBundle", "osci:procard", false},
    {"4: totals in responseToPartialStoreDelivery", OSCI_RSP_PARTIAL_STORE_DELIVERY, NULL,
     " TotalChunkNumbers=\"4\"", NULL, " TotalChunkNumbers=\"4\"", "", true},
    {"4: totals in responseToPartialFetchDelivery", OSCI_RSP_PARTIAL_FETCH_DELIVERY, NULL,
     " TotalMessageSize=\"137\"", NULL, " TotalMessageSize=\"137\"", "", true},
    {"4: no totals at all", OSCI_RSP_PARTIAL_FETCH_DELIVERY, no_totals, "ChunkInformation", NULL,
     NULL, NULL, false},
    {"5: the echo of fetchProcessCard with all its rules", OSCI_RSP_FETCH_PROCESS_CARD, several_ids,
     "<osci:Quantity Limit=\"5\">", NULL, NULL, NULL, false},
    {"5: an empty echo of fetchProcessCard", OSCI_RSP_FETCH_PROCESS_CARD, no_selection,
     "<osci:fetchProcessCard></osci:fetchProcessCard>", NULL, "<osci:fetchProcessCard></",
     "<osci:fetchProcessCard>\n</", false},
    {"6: an empty echo of fetchDelivery", OSCI_RSP_PARTIAL_FETCH_DELIVERY, no_selection,
     "<osci:fetchDelivery></osci:fetchDelivery>", NULL, "<osci:fetchDelivery></",
     "<osci:fetchDelivery>\n</", false},
    {"10: one language tag, and a list", OSCI_RSP_STORE_DELIVERY, language_list, "xml:lang=\"de\"",
     "xml:lang=\"de en\"", "xml:lang=\"de\"", "xml:lang=\"de en\"", true},
};

static void sample_write(const struct sample *s, struct buf *wire)
{
    struct rng_count rng;
    AUTO(osci_writer_drop) struct osci_writer *writer = NULL;
    struct osci_write in = {.msg = &s->msg, .policy = &policy, .now = helper_now, .rng = &rng.base};
    struct error err = {0};
    bool end = false;

    rng_count_init(&rng);
    buf_init(wire, WIRE_MAX);
    helper_ok(osci_message_write(&in, &writer, &err), &err);
    while (!end)
        helper_ok(osci_writer_next(writer, wire, &end, &err), &err);
}

static void test_row(void **state)
{
    const struct row *row = *state;
    AUTO(sample_deinit) struct sample s = {0};
    AUTO(helper_in_deinit) struct helper_in in = {0}, other = {0};
    struct error err = {0};

    sample_init(&s, row->type, true, false);
    if (row->prepare != NULL)
        row->prepare(&s);
    sample_write(&s, &in.wire);
    assert_true(holds(buf_span(&in.wire), row->written));
    assert_false(row->never != NULL && holds(buf_span(&in.wire), row->never));
    helper_ok(helper_read(&in, NULL, &policy, &err), &err);
    sample_compare(&s.msg, in.reading);
    if (row->other == NULL)
        return;
    sample_write(&s, &other.wire);
    change(&other.wire, row->other, row->instead);
    helper_ok(helper_read(&other, NULL, &policy, &err), &err);
    if (!row->says_else)
        sample_compare(&s.msg, other.reading);
}

/* ---- the others ---- */

/* Row 7: one EncryptedKey for each reader in the one KeyInfo; each of them opens it. */
static void one_key_for_each_reader(void **state)
{
    static const char *const readers[] = {"reader-cipher-2048", "reader2-cipher-2048"};
    AUTO(parcel_deinit) struct parcel p = {0};
    AUTO(helper_in_deinit) struct helper_in in = {0};
    struct span rest;
    size_t at, keys = 0;

    (void)state;
    parcel_init(&p, "author-signature-2048");
    parcel_add(&p, SPAN("a"), 10, true);
    p.container.readers = &p.certs[P_READER];
    p.container.reader_count = 2;
    parcel_seal(&p);
    parcel_send(&p, false, &in);
    rest = buf_span(&in.wire);
    for (; (at = span_find(rest, SPAN("<xenc:EncryptedKey>"))) != SIZE_MAX; keys++)
        rest = span_from(rest, at + 1);
    assert_int_equal(keys, 2);
    for (size_t i = 0; i < 2; i++) {
        AUTO(helper_keys_deinit) struct helper_keys own = {0};
        AUTO(helper_opened_deinit) struct helper_opened o = {0};
        struct error err = {0};

        helper_keys_add(&own, readers[i]);
        helper_ok(helper_open(&o, in.reading, own.own, own.count, &policy, &err), &err);
        assert_int_equal(o.report.count, 1);
    }
}

/* Row 8, OSCI-041: an attachment's key is written only where it is in cipher itself. */
static void keys_in_cipher_only(void **state)
{
    (void)state;
    for (size_t readers = 0; readers < 2; readers++) {
        AUTO(parcel_deinit) struct parcel p = {0};
        AUTO(helper_in_deinit) struct helper_in in = {0};
        AUTO(helper_keys_deinit) struct helper_keys own = {0};
        AUTO(helper_opened_deinit) struct helper_opened o = {0};
        struct error err = {0};

        parcel_init(&p, "author-signature-2048");
        parcel_add(&p, SPAN("a"), 10, true);
        p.container.readers = &p.certs[P_READER];
        p.container.reader_count = readers;
        parcel_seal(&p);
        parcel_send(&p, false, &in);
        assert_false(holds(buf_span(&in.wire), "MgmtData"));
        helper_keys_add(&own, "reader-cipher-2048");
        helper_ok(helper_open(&o, in.reading, own.own, own.count, &policy, &err), &err);
        assert_int_equal(o.report.count, 1); /* it was there, and was read */
        assert_int_equal(o.report.contents[0].encrypted, readers > 0);
    }
}

/* The text of an element with its tags; the first of that name. */
static struct span element(struct span wire, const char *name)
{
    AUTO(buf_deinit) struct buf tag = {.max = 256};
    size_t from, to;

    buf_printf(&tag, "<%s ", name);
    from = span_find(wire, buf_span(&tag));
    buf_reset(&tag);
    buf_printf(&tag, "</%s>", name);
    assert_true(from != SIZE_MAX);
    to = span_find(span_from(wire, from), buf_span(&tag));
    assert_true(to != SIZE_MAX);
    return span_sub(wire, from, to + tag.len);
}

/* Row 9: SignatureCertificateAddressee behind the authors, where the schema has it; the official
 * library puts it in front. */
static void order_of_certificates(void **state)
{
    AUTO(sample_deinit) struct sample s = {0};
    AUTO(helper_in_deinit) struct helper_in in = {0}, other = {0};
    struct span author, addressee;
    struct error err = {0};

    (void)state;
    sample_init(&s, OSCI_RSP_PROCESS_DELIVERY, true, false);
    sample_write(&s, &in.wire);
    author = element(buf_span(&in.wire), "osci:SignatureCertificateOtherAuthor");
    addressee = element(buf_span(&in.wire), "osci:SignatureCertificateAddressee");
    assert_true(author.ptr < addressee.ptr);
    buf_init(&other.wire, WIRE_MAX);
    buf_add(&other.wire, span_of(in.wire.ptr, (size_t)(author.ptr - in.wire.ptr)));
    buf_add(&other.wire, addressee);
    buf_add(&other.wire, span_of(author.ptr, (size_t)(addressee.ptr - author.ptr)));
    buf_add(&other.wire,
            span_from(buf_span(&in.wire), (size_t)(addressee.ptr + addressee.len - in.wire.ptr)));
    assert_int_equal(other.wire.len, in.wire.len);
    helper_ok(helper_read(&in, NULL, &policy, &err), &err);
    helper_ok(helper_read(&other, NULL, &policy, &err), &err);
    assert_int_equal(in.reading->msg.cert_count, other.reading->msg.cert_count);
    assert_true(cert_eq(osci_cert_of(&other.reading->msg, OSCI_SIGNATURE_ADDRESSEE)->cert,
                        osci_cert_of(&in.reading->msg, OSCI_SIGNATURE_ADDRESSEE)->cert));
}

/* Row 11: read, never written. */
static void ecdsa_sha384(void **state)
{
    const struct alg *alg =
        alg_find(SPAN("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"), ALG_SIGNATURE);
    struct error err = {0};

    (void)state;
    assert_non_null(alg);
    assert_int_equal(policy_check(&policy, alg, ALG_READ, helper_now, &err), ST_OK);
    assert_int_equal(policy_check(&policy, alg, ALG_WRITE, helper_now, &err), ST_DENIED);
}

/* Row 12: a fault without schemaLocation; the official library cannot read one that has it. */
static void fault_without_schema(void **state)
{
    struct rng_count rng;
    struct error err = {0};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        AUTO(helper_in_deinit) struct helper_in in = {0};

        rng_count_init(&rng);
        buf_init(&in.wire, WIRE_MAX);
        helper_ok(osci_fault_write(&in.wire, "9300", "text", &rng.base, &err), &err);
        assert_false(holds(buf_span(&in.wire), "schemaLocation"));
        if (i > 0)
            change(&in.wire, "><soap:Body>",
                   " xmlns:xsi=\"" XSI_NS "\" xsi:schemaLocation=\"" SOAP_NS " " OSCI_SCHEMA_FAULT
                   "\"><soap:Body>");
        helper_ok(helper_read(&in, NULL, &policy, &err), &err);
        assert_int_equal(in.reading->msg.type, OSCI_FAULT);
        assert_true(span_is(in.reading->msg.fault_code, "9300"));
    }
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows) + 5];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[n++] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    tests[n++] = (struct CMUnitTest){"7: one EncryptedKey for each reader", one_key_for_each_reader,
                                     NULL, NULL, NULL};
    tests[n++] = (struct CMUnitTest){"8: keys in MgmtData, in cipher only", keys_in_cipher_only,
                                     NULL, NULL, NULL};
    tests[n++] =
        (struct CMUnitTest){"9: order of certificates", order_of_certificates, NULL, NULL, NULL};
    tests[n++] = (struct CMUnitTest){"11: ecdsa-sha384", ecdsa_sha384, NULL, NULL, NULL};
    tests[n++] = (struct CMUnitTest){"12: a fault without schemaLocation", fault_without_schema,
                                     NULL, NULL, NULL};
    return cmocka_run_group_tests(tests, helper_crypto_setup, helper_crypto_teardown);
}

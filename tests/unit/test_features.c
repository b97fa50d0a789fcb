/*
 * What a peer says that he reads, and how he is written to; that nothing he says or leaves out
 * makes it weaker; and the older forms, there and back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "osci/features.h"
#include "tests/unit/helper_sample.h"

enum { WIRE_MAX = 4 * 1024 * 1024, PULL_MAX = 64 * 1024 };

static const struct policy policy;

/* ---- what follows from a description ---- */

static struct row {
    const char *name;
    bool present;
    const char *keys[8];
    bool iv16, base64;
} rows[] = {
    {"nothing said: the better", false, {NULL}, false, false},
    {"all of the official library's",
     true,
     {"DisableBase64", "OAEPEncryption", "SHA3HashAlgo", "GCMPaddingModus",
      "PartialMessageTransmission", "Support96Bit12ByteIV"},
     false,
     false},
    {"before 1.9: an IV of 16",
     true,
     {"DisableBase64", "OAEPEncryption", "SHA3HashAlgo", "GCMPaddingModus"},
     true,
     false},
    {"base64 only", true, {"Support96Bit12ByteIV"}, false, true},
    {"nothing at all", true, {NULL}, true, true},
    {"OSCI-042: unknown keys are nothing", true, {"Zukunft", "Support96Bit12ByteIVs"}, true, true},
    {"a key with its version",
     true,
     {"Support96Bit12ByteIV 1.9.0", "DisableBase64 1.2.0"},
     false,
     false},
    {"keys are compared to the letter",
     true,
     {"disablebase64", "support96bit12byteiv"},
     true,
     true},
};

static struct osci_features features_of(const struct row *row)
{
    struct osci_features f = {.present = row->present};

    for (size_t i = 0; i < ARRAY_LEN(row->keys) && row->keys[i] != NULL; i++)
        f.keys[f.key_count++] = span_str(row->keys[i]);
    return f;
}

/* ---- there and back ---- */

static void sample_write(const struct sample *s, const struct osci_form *form, bool enveloped,
                         struct buf *wire, struct buf *again)
{
    struct rng_count rng;
    AUTO(key_drop) struct key *key = helper_key(s->signer);
    AUTO(cert_drop) struct cert *cipher = helper_cert("intermediary-cipher-2048");
    AUTO(osci_writer_drop) struct osci_writer *writer = NULL;
    struct osci_write in = {.msg = &s->msg,
                            .sign_key = key,
                            .encrypt_for = enveloped ? cipher : NULL,
                            .form = *form,
                            .policy = &policy,
                            .now = helper_now,
                            .rng = &rng.base};
    struct error err = {0};

    rng_count_init(&rng);
    helper_ok(osci_message_write(&in, &writer, &err), &err);
    for (size_t i = 0; i < 2; i++) { /* the second time after a rewind: the same bytes */
        struct buf *out = i == 0 ? wire : again;
        bool end = false;

        buf_init(out, WIRE_MAX);
        while (!end) {
            size_t before = out->len;

            helper_ok(osci_writer_next(writer, out, &end, &err), &err);
            assert_true(out->len - before <= PULL_MAX);
        }
        assert_int_equal(out->len, osci_writer_len(writer));
        helper_ok(osci_writer_rewind(writer, &err), &err);
    }
    assert_true(span_eq(buf_span(wire), buf_span(again)));
}

/* The strong algorithms stand in every envelope; IvLength and base64 as the form says. */
static void envelope_check(struct span wire, const struct osci_form *form)
{
    assert_true(span_find(wire, SPAN(ALG_AES256_GCM_URI)) != SIZE_MAX);
    assert_true(span_find(wire, SPAN(ALG_RSA_OAEP_URI)) != SIZE_MAX);
    assert_int_equal(span_find(wire, SPAN("IvLength")) != SIZE_MAX, !form->iv16);
    assert_int_equal(span_find(wire, SPAN("text/base64")) != SIZE_MAX, form->base64);
    assert_int_equal(span_find(wire, SPAN("Transfer-Encoding: binary")) != SIZE_MAX, !form->base64);
}

static void travel(const struct osci_form *form, bool enveloped)
{
    static const size_t sizes[] = {0, 1, 56, 57, 58, 30719, 30720, 200 * 1024};
    AUTO(sample_deinit) struct sample s = {0};
    AUTO(helper_in_deinit) struct helper_in in = {0};
    AUTO(buf_deinit) struct buf again = {0};
    struct error err = {0};

    sample_init(&s, OSCI_STORE_DELIVERY, true, true);
    sample_attach(&s, sizes, ARRAY_LEN(sizes));
    sample_write(&s, form, enveloped, &in.wire, &again);
    if (enveloped)
        envelope_check(buf_span(&in.wire), form);
    helper_ok(helper_read(&in, enveloped ? "intermediary-cipher-2048" : NULL, &policy, &err), &err);
    if (enveloped)
        assert_int_equal(in.transport.method.iv_len, form->iv16 ? 16 : 12);
    sample_compare(&s.msg, in.reading);
    helper_ok(osci_message_verify(in.reading, NULL, NULL, &err), &err);
    for (size_t i = 0; i < in.reading->msg.attachment_count; i++)
        assert_int_equal(in.reading->msg.attachments[i].base64, form->base64);
}

static void test_row(void **state)
{
    const struct row *row = *state;
    struct osci_features f = features_of(row);
    struct osci_form form = osci_features_form(&f);

    assert_int_equal(form.iv16, row->iv16);
    assert_int_equal(form.base64, row->base64);
    travel(&form, true);
    travel(&form, false);
}

/* What we say of ourselves is what we read: we would write to ourselves in the better form. */
static void test_ours(void **state)
{
    struct osci_features f;
    struct osci_form form;

    (void)state;
    for (int chunks = 0; chunks < 2; chunks++) {
        osci_features_ours(&f, chunks != 0);
        form = osci_features_form(&f);
        assert_true(f.present);
        assert_false(form.iv16 || form.base64);
        assert_int_equal(osci_features_have(&f, "PartialMessageTransmission"), chunks);
        assert_true(osci_features_have(&f, "GCMPaddingModus"));
        assert_false(osci_features_have(&f, "GCMPaddingModus 1.7.0"));
        assert_false(osci_features_have(&f, ""));
    }
}

static void test_base64_len(void **state)
{
    (void)state;
    for (uint64_t len = 0; len < 300; len++) {
        AUTO(buf_deinit) struct buf text = {.max = 4096}, back = {.max = 4096};
        struct mime_base64_sink sink;
        struct sink_buf out;
        uint8_t octets[300];
        struct error err = {0};

        for (size_t i = 0; i < sizeof octets; i++)
            octets[i] = (uint8_t)(i * 7);
        mime_base64_sink_init(&sink);
        sink.next = sink_buf_init(&out, &text);
        for (size_t i = 0; i < len; i += 10)
            helper_ok(
                sink_write(&sink.base, span_of(octets + i, len - i < 10 ? len - i : 10), &err),
                &err);
        helper_ok(mime_base64_sink_finish(&sink, &err), &err);
        assert_int_equal(text.len, mime_base64_len(len));
        helper_ok(buf_base64_decode(&back, buf_span(&text), &err), &err);
        assert_true(span_eq(buf_span(&back), span_of(octets, len)));
    }
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows) + 2];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[n++] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_ours);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_base64_len);
    return cmocka_run_group_tests(tests, helper_crypto_setup, helper_crypto_teardown);
}

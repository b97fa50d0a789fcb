#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/helper_osci.h"

json_t *helper_index(void)
{
    AUTO(buf_deinit) struct buf text = {0};
    json_error_t error;
    json_t *index;

    helper_vector("osci12/index.json", &text);
    index = json_loadb(buf_cstr(&text), text.len, 0, &error);
    if (index == NULL)
        fail_msg("index.json: %s", error.text);
    return index;
}

json_t *helper_member(const json_t *object, const char *name)
{
    json_t *member = json_object_get(object, name);

    if (member == NULL)
        fail_msg("no %s in the index", name);
    return member;
}

const char *helper_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(helper_member(object, name));

    if (text == NULL)
        fail_msg("%s is no text in the index", name);
    return text;
}

bool helper_text_eq(const json_t *json, struct span text)
{
    if (json == NULL || json_is_null(json))
        return text.ptr == NULL;
    return text.ptr != NULL && span_is(text, json_string_value(json));
}

bool helper_sha256_eq(const json_t *json, struct span bytes)
{
    AUTO(buf_deinit) struct buf hex = {0};
    struct digest_value digest;
    struct error err = {0};

    buf_init(&hex, 100);
    helper_ok(digest_of(alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST), bytes, &digest, &err), &err);
    buf_hex(&hex, digest_span(&digest));
    return span_is(buf_span(&hex), json_string_value(json));
}

void helper_ok(enum status st, const struct error *err)
{
    if (st != ST_OK)
        fail_msg("%s, reason %d: %s (%s:%d)", status_name(st), err->reason, err->text, err->file,
                 err->line);
}

const char *helper_cert_name(const json_t *index, const struct cert *cert)
{
    size_t i;
    json_t *key;

    json_array_foreach(helper_member(index, "keys"), i,
                       key) if (strcmp(helper_text(key, "certificate_sha256"),
                                       cert_fingerprint(cert)) == 0) return helper_text(key,
                                                                                        "name");
    return "unknown";
}

void helper_in_deinit(struct helper_in *in)
{
    osci_reading_drop(&in->reading);
    buf_deinit(&in->wire);
    buf_deinit(&in->plain);
}

enum status helper_read_own(struct helper_in *in, const struct osci_own_cipher *own,
                            size_t own_count, const struct policy *policy, struct error *err)
{
    struct source *source = source_span_init(&in->source, buf_span(&in->wire));
    struct sink_buf sink;

    buf_init(&in->plain, 64 * 1024 * 1024);
    TRY(osci_transport_open(source, own, own_count, policy, helper_now, NULL,
                            sink_buf_init(&sink, &in->plain), &in->transport, err));
    if (in->transport.encrypted)
        source = source_span_init(&in->source, buf_span(&in->plain));
    else
        assert_int_equal(in->plain.len, 0);
    return osci_message_read(source, policy, helper_now, NULL, NULL, &in->reading, err);
}

enum status helper_read(struct helper_in *in, const char *recipient, const struct policy *policy,
                        struct error *err)
{
    AUTO(key_drop) struct key *key = recipient == NULL ? NULL : helper_key(recipient);
    AUTO(cert_drop) struct cert *cert = recipient == NULL ? NULL : helper_cert(recipient);
    const struct osci_own_cipher own = {cert, key};

    return helper_read_own(in, &own, recipient == NULL ? 0 : 1, policy, err);
}

void helper_replace(struct buf *wire, const char *from, const char *to, const char *text)
{
    AUTO(buf_deinit) struct buf out = {.max = wire->max};
    size_t begin = span_find(buf_span(wire), span_str(from));
    size_t end = begin + span_find(span_from(buf_span(wire), begin), span_str(to)) + strlen(to);

    assert_true(begin < end && end <= wire->len);
    buf_add(&out, span_sub(buf_span(wire), 0, begin));
    buf_str(&out, text);
    buf_add(&out, span_from(buf_span(wire), end));
    buf_reset(wire);
    buf_add(wire, buf_span(&out));
}

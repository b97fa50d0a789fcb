#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/helper_content.h"

enum { CONTENT_MAX = 64 * 1024 * 1024 };

static enum status begin(struct osci_open_out *self, const struct osci_opened *content,
                         struct sink **sink, struct error *err)
{
    struct helper_opened *o = (struct helper_opened *)self;

    (void)content;
    (void)err;
    if (o->pass_over)
        return ST_OK; /* *sink is NULL */
    assert_true(o->begun < HELPER_CONTENTS_MAX);
    assert_int_equal(o->begun, o->ended);
    buf_init(&o->bytes[o->begun], CONTENT_MAX);
    *sink = sink_buf_init(&o->sinks[o->begun], &o->bytes[o->begun]);
    o->begun++;
    return ST_OK;
}

static enum status end(struct osci_open_out *self, const struct osci_opened *content,
                       struct error *err)
{
    struct helper_opened *o = (struct helper_opened *)self;

    (void)content;
    (void)err;
    assert_false(o->pass_over);
    assert_int_equal(o->begun, ++o->ended);
    return ST_OK;
}

void helper_opened_deinit(struct helper_opened *o)
{
    for (size_t i = 0; i < HELPER_CONTENTS_MAX; i++)
        buf_deinit(&o->bytes[i]);
    arena_deinit(&o->arena);
}

enum status helper_open(struct helper_opened *o, const struct osci_reading *reading,
                        const struct osci_own_cipher *own, size_t own_count,
                        const struct policy *policy, struct error *err)
{
    o->base = (struct osci_open_out){begin, end};
    arena_init(&o->arena, 16 * 1024 * 1024);
    TRY(osci_open(reading, own, own_count, policy, helper_now, &o->arena, &o->base, &o->report,
                  err));
    if (o->pass_over)
        return ST_OK;
    assert_int_equal(o->begun, o->ended);
    assert_int_equal(o->begun, o->report.count);
    for (size_t i = 0; i < o->report.count; i++) {
        struct digest_value value;

        assert_int_equal(o->report.contents[i].len, o->bytes[i].len);
        helper_ok(digest_of(alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST), buf_span(&o->bytes[i]),
                            &value, err),
                  err);
        assert_true(span_eq(digest_span(&value), digest_span(&o->report.contents[i].sha256)));
    }
    return ST_OK;
}

const struct osci_opened *helper_content(const struct helper_opened *o, const char *name)
{
    const struct osci_opened *found = NULL;

    for (size_t i = 0; i < o->report.count; i++)
        if (span_is(o->report.contents[i].name, name)) {
            assert_null(found);
            found = &o->report.contents[i];
        }
    if (found == NULL)
        fail_msg("no content %s", name);
    return found;
}

void helper_keys_deinit(struct helper_keys *k)
{
    for (size_t i = 0; i < k->count; i++) {
        cert_free(k->certs[i]);
        key_free(k->keys[i]);
    }
}

void helper_keys_add(struct helper_keys *k, const char *name)
{
    size_t i = k->count++;

    assert_true(k->count <= HELPER_KEYS_MAX);
    k->certs[i] = helper_cert(name);
    k->keys[i] = helper_key(name);
    k->own[i] = (struct osci_own_cipher){k->certs[i], k->keys[i]};
}

void helper_keys_all(struct helper_keys *k, const json_t *index)
{
    size_t i;
    json_t *key;

    json_array_foreach(helper_member(index, "keys"), i, key)
    {
        if (strstr(helper_text(key, "name"), "-cipher-") != NULL)
            helper_keys_add(k, helper_text(key, "name"));
    }
}

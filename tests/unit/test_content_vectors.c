/*
 * Contents of the golden vectors, opened by their readers: every one there, as long as it was, with
 * its digest and its authors; what was spoilt on the way is refused, or its author is not believed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/helper_content.h"

#include <stdio.h>

static json_t *the_index; /* read once, by main */
static const struct policy all_allowed = {.read_cbc = true, .read_rsa15 = true};

static void load(struct helper_in *in, const json_t *v)
{
    const json_t *envelope = json_object_get(v, "transport_encryption");
    char path[512];
    struct error err = {0};

    (void)snprintf(path, sizeof path, "osci12/%s", helper_text(v, "file"));
    helper_vector(path, &in->wire);
    helper_ok(helper_read(in, envelope == NULL ? NULL : helper_text(envelope, "recipient_key"),
                          &all_allowed, &err),
              &err);
}

/* signed_by, and nobody else, and each of them with a good signature. */
static void authors_compare(const json_t *signed_by, const struct osci_opened *got, bool quirk)
{
    assert_int_equal(json_array_size(signed_by) + quirk, got->author_count);
    for (size_t i = 0; i < got->author_count; i++) {
        const struct osci_author *author = &got->authors[i];
        const char *name;
        bool found = quirk;
        size_t k;
        json_t *one;

        if (!author->good)
            fail_msg("%.*s", SPAN_FMT(author->why_not));
        name = helper_cert_name(the_index, author->cert);
        json_array_foreach((json_t *)signed_by, k, one)
        {
            found = found || strcmp(json_string_value(one), name) == 0;
        }
        if (!found)
            fail_msg("signed by %s", name);
        assert_non_null(author->alg);
    }
}

static const char *name_of(const json_t *content)
{
    return helper_text(
        content, strcmp(helper_text(content, "kind"), "Attachment") == 0 ? "attachment" : "ref");
}

static void content_compare(const json_t *want, const struct osci_opened *got, bool quirk)
{
    bool attachment = strcmp(helper_text(want, "kind"), "Attachment") == 0;
    AUTO(buf_deinit) struct buf hex = {.max = 100};

    assert_true(span_is(got->name, name_of(want)));
    assert_int_equal(got->attachment, attachment);
    assert_int_equal(got->encrypted,
                     attachment ? json_object_get(want, "attachment_encryption") != NULL
                                : json_array_size(helper_member(want, "encrypted_for")) > 0);
    assert_int_equal(got->len, json_integer_value(helper_member(want, "length")));
    buf_hex(&hex, digest_span(&got->sha256));
    assert_true(span_is(buf_span(&hex), helper_text(want, "sha256")));
    authors_compare(helper_member(want, "signed_by"), got, quirk);
}

/* Can this reader see it: it is for him in every envelope, from outside to inside. */
static bool is_for(const json_t *content, const char *reader)
{
    const json_t *list = helper_member(content, "encrypted_for"), *one;
    size_t i;

    if (json_array_size(list) == 0)
        return true;
    json_array_foreach((json_t *)list, i, one)
    {
        if (reader != NULL && strcmp(json_string_value(one), reader) == 0)
            return true;
    }
    return false;
}

static void open_compare(const json_t *v, const struct osci_reading *reading,
                         const struct helper_keys *keys, const char *reader)
{
    /* wrong by XML Signature, right for the library; both are taken (wire-notes 1.12) */
    bool quirk = strncmp(helper_text(v, "id"), "store/49", 8) == 0;
    AUTO(helper_opened_deinit) struct helper_opened o = {0};
    const json_t *contents = helper_member(v, "contents"), *want;
    struct error err = {0};
    size_t i, count = 0;

    helper_ok(helper_open(&o, reading, keys->own, keys->count, &all_allowed, &err), &err);
    json_array_foreach((json_t *)contents, i, want)
    {
        if (keys->count <= 1 && !is_for(want, reader))
            continue;
        count++;
        content_compare(want, helper_content(&o, name_of(want)), quirk);
    }
    assert_int_equal(o.report.count, count);
    if (keys->count > 1)
        assert_int_equal(o.report.closed, 0);
    else if (count < json_array_size(contents))
        assert_true(o.report.closed > 0);
}

static void refused(const struct osci_reading *reading, const struct helper_keys *keys)
{
    AUTO(helper_opened_deinit) struct helper_opened o = {0};
    struct error err = {0};

    assert_int_equal(helper_open(&o, reading, keys->own, keys->count, &all_allowed, &err),
                     ST_DENIED);
    assert_int_equal(err.reason, 9202);
}

/* Once with every key there is, and once as somebody to whom nothing is addressed. */
static void test_vector(void **state)
{
    const json_t *v = *state;
    AUTO(helper_in_deinit) struct helper_in in = {0};
    AUTO(helper_keys_deinit) struct helper_keys all = {0}, none = {0};

    load(&in, v);
    helper_keys_all(&all, the_index);
    open_compare(v, in.reading, &none, NULL);
    if (strncmp(helper_text(v, "id"), "store/46", 8) == 0)
        refused(in.reading, &all); /* Triple DES: no policy allows it */
    else
        open_compare(v, in.reading, &all, NULL);
}

static void two_readers(void **state)
{
    static const char *const names[] = {"reader-cipher-2048", "reader2-cipher-2048"};
    json_t *v;
    size_t i, found = 0;

    (void)state;
    json_array_foreach(helper_member(the_index, "vectors"), i, v)
    {
        if (strcmp(helper_text(v, "id"), "store/50-two-readers.req") != 0)
            continue;
        found++;
        for (size_t k = 0; k < ARRAY_LEN(names); k++) {
            AUTO(helper_in_deinit) struct helper_in in = {0};
            AUTO(helper_keys_deinit) struct helper_keys one = {0};

            load(&in, v);
            helper_keys_add(&one, names[k]);
            open_compare(v, in.reading, &one, names[k]);
        }
    }
    assert_int_equal(found, 1);
}

/* Who wants none of the contents gets the report all the same. */
static void passed_over(void **state)
{
    json_t *v;
    size_t i, found = 0;

    (void)state;
    json_array_foreach(helper_member(the_index, "vectors"), i, v)
    {
        AUTO(helper_in_deinit) struct helper_in in = {0};
        AUTO(helper_keys_deinit) struct helper_keys all = {0};
        AUTO(helper_opened_deinit) struct helper_opened o = {.pass_over = true};
        struct error err = {0};
        size_t k;
        json_t *want;

        if (strncmp(helper_text(v, "id"), "store/6", 7) != 0 ||
            json_object_get(v, "contents") == NULL)
            continue;
        found++;
        load(&in, v);
        helper_keys_all(&all, the_index);
        helper_ok(helper_open(&o, in.reading, all.own, all.count, &all_allowed, &err), &err);
        json_array_foreach(helper_member(v, "contents"), k, want)
        {
            content_compare(want, helper_content(&o, name_of(want)), false);
        }
    }
    assert_true(found > 5);
}

/* ---- what only the reader can notice ---- */

static struct spoilt_row {
    const char *name;
    enum status st;
    const char *why; /* in why_not, where st is ST_OK */
} spoilt[] = {
    {"r01-content-ciphertext-flipped", ST_DENIED, NULL},
    {"r02-content-signature-by-other-key", ST_OK, "value"},
    {"r04-content-added", ST_OK, "does not cover all"},
    {"r05-attachment-changed", ST_OK, "anlage.bin"},
    {"r07-namespaces-added-on-the-way", ST_OK, "#content378"},
};

static void test_spoilt(void **state)
{
    const struct spoilt_row *row = *state;
    AUTO(helper_in_deinit) struct helper_in in = {0};
    AUTO(helper_keys_deinit) struct helper_keys all = {0};
    AUTO(helper_opened_deinit) struct helper_opened o = {0};
    struct error err = {0};
    char path[256];

    (void)snprintf(path, sizeof path, "osci12/negative/reader/%s.mime", row->name);
    helper_vector(path, &in.wire);
    helper_ok(helper_read(&in, NULL, &all_allowed, &err), &err);
    helper_keys_all(&all, the_index);
    assert_int_equal(helper_open(&o, in.reading, all.own, all.count, &all_allowed, &err), row->st);
    if (row->st != ST_OK) {
        assert_int_equal(err.reason, 9202);
        return;
    }
    assert_true(o.report.count > 0);
    for (size_t i = 0; i < o.report.count; i++) {
        const struct osci_opened *content = &o.report.contents[i];

        assert_int_equal(content->author_count, 1);
        assert_false(content->authors[0].good);
        if (span_find(content->authors[0].why_not, span_str(row->why)) == SIZE_MAX)
            fail_msg("%.*s", SPAN_FMT(content->authors[0].why_not));
    }
}

/* ---- the reference messages ---- */

static void reference_key(struct helper_keys *k, const char *name)
{
    AUTO(buf_deinit) struct buf key_pem = {0}, cert_pem = {0};
    struct error err = {0};
    char path[256];
    size_t i = k->count++;

    (void)snprintf(path, sizeof path, "osci12-reference/keys/%s.key", name);
    helper_vector(path, &key_pem);
    helper_ok(key_from_pem(buf_span(&key_pem), NULL, &k->keys[i], &err), &err);
    (void)snprintf(path, sizeof path, "osci12-reference/keys/%s.crt", name);
    helper_vector(path, &cert_pem);
    helper_ok(cert_from_pem(buf_span(&cert_pem), &k->certs[i], &err), &err);
    k->own[i] = (struct osci_own_cipher){k->certs[i], k->keys[i]};
}

/* The column'th field, from 0, of the line of file and layer in expected.tsv. */
static bool expected(const char *file, const char *layer, size_t column, struct buf *tsv,
                     struct span *field)
{
    struct span rest, line;

    if (tsv->len == 0)
        helper_vector("osci12-reference/expected.tsv", tsv);
    rest = buf_span(tsv);
    while (span_split(&rest, '\n', &line)) {
        struct span name, what;

        if (!span_split(&line, '\t', &name) || !span_split(&line, '\t', &what) ||
            !span_is(name, file) || !span_is(what, layer))
            continue;
        for (size_t i = 2; i <= column; i++)
            assert_true(span_split(&line, '\t', field));
        return true;
    }
    return false;
}

static const struct osci_opened *content_of(const struct helper_opened *o, const char *text)
{
    size_t i = 0;

    while (i < o->report.count && !span_is(buf_span(&o->bytes[i]), text))
        i++;
    if (i == o->report.count)
        fail_msg("%s is not there", text);
    return &o->report.contents[i];
}

static const char *const references[] = {"v01-plain",
                                         "v02-signed-rsa-sha256",
                                         "v03-signed-rsa-pss-sha256",
                                         "v04-signed-ecdsa-sha256",
                                         "v05-signed-rsa-sha512",
                                         "v06-signed-sha3-256-digest",
                                         "v07-signed-encrypted-gcm12",
                                         "v08-signed-encrypted-gcm16-noivlength",
                                         "v09-signed-encrypted-cbc-rsa15-base64",
                                         "v10-encrypted-oaep-sha512",
                                         "v11-signed-two-recipients"};

static void test_reference(void **state)
{
    static const char *const texts[] = {"<antrag nr=\"4711\"/>", "plain attachment", "<geheim/>",
                                        "secret attachment"};
    const char *name = *state;
    AUTO(helper_in_deinit) struct helper_in in = {0};
    AUTO(helper_keys_deinit) struct helper_keys keys = {0};
    AUTO(helper_opened_deinit) struct helper_opened o = {0};
    AUTO(buf_deinit) struct buf tsv = {0}, hex = {.max = 100};
    struct error err = {0};
    struct span digest;
    char path[256], file[128];

    (void)snprintf(file, sizeof file, "%s.mime", name);
    (void)snprintf(path, sizeof path, "osci12-reference/%s", file);
    helper_vector(path, &in.wire);
    reference_key(&keys, "inter-enc");
    helper_ok(helper_read_own(&in, keys.own, 1, &all_allowed, &err), &err);
    reference_key(&keys, strncmp(name, "v11", 3) == 0 ? "reader-enc" : "addr-enc");
    helper_ok(helper_open(&o, in.reading, keys.own, keys.count, &all_allowed, &err), &err);
    assert_int_equal(o.report.closed, 0);
    assert_int_equal(o.report.count, ARRAY_LEN(texts));
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const struct osci_opened *content = content_of(&o, texts[i]);

        assert_int_equal(content->encrypted, i >= 2);
        assert_int_equal(content->attachment, i % 2 == 1);
        if (i < 2 || strncmp(name, "v11", 3) != 0)
            assert_int_equal(content->author_count, 1);
        for (size_t k = 0; k < content->author_count; k++)
            if (!content->authors[k].good)
                fail_msg("%.*s", SPAN_FMT(content->authors[k].why_not));
        if (i != 3)
            continue;
        assert_true(expected(file, "attachment", 8, &tsv, &digest));
        buf_hex(&hex, digest_span(&content->sha256));
        assert_true(span_eq(buf_span(&hex), span_trim(digest)));
    }
}

static void name_test(struct CMUnitTest *test, const char *name, CMUnitTestFunction function,
                      const void *state)
{
    *test = (struct CMUnitTest){name, function, NULL, NULL, (void *)(uintptr_t)state};
}

int main(void)
{
    static struct CMUnitTest tests[600];
    json_t *vectors, *v;
    size_t i, n = 0;
    int rc;

    the_index = helper_index();
    vectors = json_object_get(the_index, "vectors");
    json_array_foreach(vectors, i, v)
    {
        if (json_is_array(json_object_get(v, "contents")))
            name_test(&tests[n++], json_string_value(json_object_get(v, "id")), test_vector, v);
    }
    name_test(&tests[n++], "each of two readers", two_readers, NULL);
    name_test(&tests[n++], "passed over", passed_over, NULL);
    for (i = 0; i < ARRAY_LEN(spoilt); i++)
        name_test(&tests[n++], spoilt[i].name, test_spoilt, &spoilt[i]);
    for (i = 0; i < ARRAY_LEN(references); i++)
        name_test(&tests[n++], references[i], test_reference, references[i]);
    rc = _cmocka_run_group_tests("content_vectors", tests, n, helper_crypto_setup,
                                 helper_crypto_teardown);
    json_decref(the_index);
    return rc;
}

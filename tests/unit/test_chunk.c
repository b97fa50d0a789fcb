/*
 * Chunks: their sizes and numbers, and the inner messages of the vectors, put together and cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "osci/chunk.h"
#include "tests/unit/helper_osci.h"

#include <stdio.h>

enum { WIRE_MAX = 4 * 1024 * 1024 };

static const struct policy policy;

/* ---- sizes ---- */

static struct size_row {
    const char *name;
    uint64_t bytes, size_kb, count, total_kb;
} size_rows[] = {
    {"nothing is one chunk", 0, 1, 1, 0},
    {"one octet", 1, 1, 1, 1},
    {"a chunk to the octet", 1024, 1, 1, 1},
    {"an octet more", 1025, 1, 2, 2},
    {"two chunks to the octet", 2048, 1, 2, 2},
    {"the official library's vector", 131631, 40, 4, 129},
    {"two gigabytes", UINT64_C(2) << 30, 50 * 1024, 41, 2 * 1024 * 1024},
    {"beyond 32 bits", (UINT64_C(1) << 40) + 1, 1024, 1048577, (UINT64_C(1) << 30) + 1},
};

static void sizes(void **state)
{
    const struct size_row *row = *state;

    assert_int_equal(osci_chunk_count(row->bytes, row->size_kb), row->count);
    assert_int_equal(osci_chunk_total_kb(row->bytes), row->total_kb);
    assert_true(osci_chunk_total_fits(row->bytes, row->total_kb));
    assert_true(osci_chunk_total_fits(row->bytes, row->bytes / 1024));
    assert_false(osci_chunk_total_fits(row->bytes, row->total_kb + 2));
    if (row->total_kb > 3)
        assert_false(osci_chunk_total_fits(row->bytes, row->total_kb - 3));
}

/* ---- MessageIds ---- */

static struct id_row {
    const char *name;
    struct span chunk, inner;
} id_rows[] = {
    {"with the suffix", SPAN("dep_1_Partial"), SPAN("dep_1")},
    {"without", SPAN("dep_1"), SPAN("dep_1")},
    {"the suffix alone is an id", SPAN("_Partial"), SPAN("_Partial")},
    {"in the middle", SPAN("a_Partial_b"), SPAN("a_Partial_b")},
    {"once of twice", SPAN("a_Partial_Partial"), SPAN("a_Partial")},
    {"another case", SPAN("a_partial"), SPAN("a_partial")},
};

static void ids(void **state)
{
    const struct id_row *row = *state;
    AUTO(arena_deinit) struct arena arena = {.max = 4096};
    struct span chunk;
    struct error err = {0};

    assert_true(span_eq(osci_chunk_inner_id(row->chunk), row->inner));
    helper_ok(osci_chunk_id(row->inner, &arena, &chunk, &err), &err);
    assert_true(span_eq(osci_chunk_inner_id(chunk), row->inner));
}

/* ---- sets ---- */

static struct set_row {
    const char *name;
    uint64_t total;
    struct span text;
    enum status st;
    const char *again; /* as written */
    uint64_t missing;  /* the first; 0: full */
} set_rows[] = {
    {"none", 4, SPAN("-1"), ST_OK, "-1", 1},
    {"nothing said", 4, SPAN(""), ST_OK, "-1", 1},
    {"some", 4, SPAN("1 2 4"), ST_OK, "1 2 4", 3},
    {"in any order, twice, with blanks", 9, SPAN("  9 1  1 8 "), ST_OK, "1 8 9", 2},
    {"all", 3, SPAN("3 2 1"), ST_OK, "1 2 3", 0},
    {"zero", 3, SPAN("0"), ST_INVALID, NULL, 0},
    {"beyond the last", 3, SPAN("4"), ST_INVALID, NULL, 0},
    {"no number", 3, SPAN("1,2"), ST_INVALID, NULL, 0},
    {"none and some", 3, SPAN("-1 2"), ST_INVALID, NULL, 0},
    {"beyond all numbers", 3, SPAN("99999999999999999999999"), ST_INVALID, NULL, 0},
    {"too many chunks", OSCI_CHUNKS_MAX + 1, SPAN("-1"), ST_LIMIT, NULL, 0},
};

static void sets(void **state)
{
    const struct set_row *row = *state;
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};
    AUTO(buf_deinit) struct buf text = {.max = OSCI_CHUNKS_TEXT_MAX};
    struct osci_chunk_set set;
    struct error err = {0};
    enum status st = osci_chunk_set_init(&set, row->total, &arena, &err);

    if (st == ST_OK)
        st = osci_chunk_set_read(&set, row->text, &err);
    assert_int_equal(st, row->st);
    if (st != ST_OK) {
        assert_int_equal(err.reason, 9905);
        return;
    }
    osci_chunk_set_write(&set, &text);
    assert_string_equal(buf_cstr(&text), row->again);
    assert_int_equal(osci_chunk_set_missing(&set, 1), row->missing);
    assert_int_equal(osci_chunk_set_full(&set), row->missing == 0);
    assert_false(osci_chunk_set_add(&set, 0));
    assert_false(osci_chunk_set_add(&set, row->total + 1));
    if (row->missing != 0) {
        assert_true(osci_chunk_set_add(&set, row->missing));
        assert_false(osci_chunk_set_add(&set, row->missing));
    }
}

static void largest_set(void **state)
{
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};
    AUTO(buf_deinit) struct buf text = {.max = OSCI_CHUNKS_TEXT_MAX};
    struct osci_chunk_set set, again;
    struct error err = {0};

    (void)state;
    helper_ok(osci_chunk_set_init(&set, OSCI_CHUNKS_MAX, &arena, &err), &err);
    for (uint64_t i = 1; i <= OSCI_CHUNKS_MAX; i++)
        assert_true(osci_chunk_set_add(&set, i));
    osci_chunk_set_write(&set, &text);
    helper_ok(buf_check(&text, &err), &err);
    helper_ok(osci_chunk_set_init(&again, OSCI_CHUNKS_MAX, &arena, &err), &err);
    helper_ok(osci_chunk_set_read(&again, buf_span(&text), &err), &err);
    assert_true(osci_chunk_set_full(&again));
}

/* ---- the vectors ---- */

static struct vector_row {
    const char *name;
    enum osci_type carrier, inner_type;
    const char *inner;
    const char *messages[5];
} vector_rows[] = {
    {"storeDelivery",
     OSCI_PARTIAL_STORE_DELIVERY,
     OSCI_STORE_DELIVERY,
     "osci12/partial/plain/inner-storeDelivery.mime",
     {"osci12/partial/plain/s4-partialStoreDelivery-chunk-1.req.mime",
      "osci12/partial/plain/s5-partialStoreDelivery-chunk-2.req.mime",
      "osci12/partial/plain/s7-partialStoreDelivery-chunk-3.req.mime",
      "osci12/partial/plain/s8-partialStoreDelivery-chunk-4.req.mime"}},
    {"responseToFetchDelivery",
     OSCI_RSP_PARTIAL_FETCH_DELIVERY,
     OSCI_RSP_FETCH_DELIVERY,
     "osci12/partial/plain/inner-responseToFetchDelivery.mime",
     {"osci12/partial/plain/f2-partialFetchDelivery-chunk-1.rsp.mime",
      "osci12/partial/plain/f3-partialFetchDelivery-chunk-2.rsp.mime",
      "osci12/partial/plain/f4-partialFetchDelivery-chunk-3.rsp.mime",
      "osci12/partial/plain/f5-partialFetchDelivery-chunk-4.rsp.mime"}},
};

/* The chunks together are the inner message; it can be read, and cut into the same chunks. */
static void vectors(void **state)
{
    const struct vector_row *row = *state;
    AUTO(helper_in_deinit) struct helper_in inner = {.wire.max = WIRE_MAX};
    AUTO(buf_deinit) struct buf whole = {.max = WIRE_MAX};
    struct source_span source;
    struct sink_buf sink;
    struct error err = {0};

    helper_vector(row->inner, &inner.wire);
    for (uint64_t i = 1; row->messages[i - 1] != NULL; i++) {
        AUTO(helper_in_deinit) struct helper_in in = {.wire.max = WIRE_MAX};
        struct osci_message msg = {.type = row->carrier};
        struct osci_chunk chunk;
        size_t which;

        helper_vector(row->messages[i - 1], &in.wire);
        helper_ok(helper_read(&in, NULL, &policy, &err), &err);
        helper_ok(osci_chunk_find(in.reading, &which, &err), &err);
        helper_ok(osci_attachment_copy(in.reading, which, sink_buf_init(&sink, &whole), &err),
                  &err);
        (void)source_span_init(&source, buf_span(&inner.wire));
        helper_ok(osci_chunk_cut(&source.base, 40, i, &chunk, &msg, &err), &err);
        assert_int_equal(msg.chunk.total, in.reading->msg.chunk.total);
        assert_true(span_eq(chunk.attachment.cid, in.reading->msg.attachments[0].cid));
        assert_int_equal(chunk.attachment.len, in.reading->msg.attachments[0].len);
        assert_true(span_eq(digest_span(&chunk.attachment.digest),
                            digest_span(&in.reading->msg.attachments[0].digest)));
        assert_int_equal(osci_chunk_cut(&source.base, 40, 5, &chunk, &msg, &err), ST_INVALID);
        assert_int_equal(err.reason, 9901);
    }
    assert_true(span_eq(buf_span(&whole), buf_span(&inner.wire)));
    helper_ok(helper_read(&inner, NULL, &policy, &err), &err);
    assert_int_equal(inner.reading->msg.type, row->inner_type);
}

/* ---- written as the official library writes ---- */

static const char *const written[] = {
    "s3-partialStoreDelivery-InfoOnly.req",      "s3-partialStoreDelivery-InfoOnly.rsp",
    "s4-partialStoreDelivery-chunk-1.req",       "s4-partialStoreDelivery-chunk-1.rsp",
    "s6-partialStoreDelivery-chunk-2-again.req", "s6-partialStoreDelivery-chunk-2-again.rsp",
    "s8-partialStoreDelivery-chunk-4.req",       "s8-partialStoreDelivery-chunk-4.rsp",
    "f2-partialFetchDelivery-chunk-1.req",       "f2-partialFetchDelivery-chunk-1.rsp",
    "f5-partialFetchDelivery-chunk-4.req",       "f5-partialFetchDelivery-chunk-4.rsp",
    "f6-partialFetchDelivery-fits.req",          "f6-partialFetchDelivery-fits.rsp",
};

static void write_again(const struct osci_reading *reading, struct arena *arena, struct buf *wire)
{
    struct osci_message msg = reading->msg;
    AUTO(buf_deinit) struct buf package = {.max = WIRE_MAX};
    AUTO(osci_writer_drop) struct osci_writer *writer = NULL;
    const struct osci_write in = {
        .msg = &msg, .policy = &policy, .now = helper_now, .rng = rng_system()};
    struct error err = {0};
    bool end = false;

    if (reading->package != NULL)
        helper_ok(osci_package_text(reading, &package, &err), &err);
    msg.package = buf_span(&package);
    for (size_t i = 0; i < msg.attachment_count; i++)
        helper_ok(osci_attachment_source(reading, i, arena, &msg.attachments[i].body, &err), &err);
    helper_ok(osci_message_write(&in, &writer, &err), &err);
    while (!end)
        helper_ok(osci_writer_next(writer, wire, &end, &err), &err);
}

static const xmlNode *block_of(const struct osci_reading *reading, struct span id)
{
    for (size_t i = 0; i < reading->block_count; i++)
        if (span_eq(reading->block_ids[i], id))
            return reading->blocks[i];
    fail_msg("the block %.*s is not written", SPAN_FMT(id));
    return NULL;
}

/* Block by block the same, but for FeatureDescription, whose versions are not read, and for the
 * certificates of the answers, which were made by hand with other line ends. */
static void as_the_library(void **state)
{
    char path[128];
    AUTO(helper_in_deinit) struct helper_in in = {0}, again = {.wire.max = WIRE_MAX};
    AUTO(arena_deinit) struct arena arena = {.max = WIRE_MAX};
    struct error err = {0};

    (void)snprintf(path, sizeof path, "osci12/partial/plain/%s.mime", (const char *)*state);
    helper_vector(path, &in.wire);
    helper_ok(helper_read(&in, NULL, &policy, &err), &err);
    write_again(in.reading, &arena, &again.wire);
    helper_ok(helper_read(&again, NULL, &policy, &err), &err);
    assert_int_equal(again.reading->block_count, in.reading->block_count);
    for (size_t i = 0; i < in.reading->block_count; i++) {
        AUTO(buf_deinit) struct buf theirs = {.max = WIRE_MAX}, ours = {.max = WIRE_MAX};
        struct span id = in.reading->block_ids[i];

        if (span_is(id, "featuredescription") || span_is(id, "intermediarycertificates") ||
            (osci_type_is_answer(in.reading->msg.type) &&
             span_is(id, "nonintermediarycertificates")))
            continue;
        helper_ok(xml_c14n(in.reading->blocks[i], &theirs, &err), &err);
        helper_ok(xml_c14n(block_of(again.reading, id), &ours, &err), &err);
        assert_string_equal(buf_cstr(&ours), buf_cstr(&theirs));
    }
    assert_int_equal(again.reading->msg.attachment_count, in.reading->msg.attachment_count);
}

int main(void)
{
    struct CMUnitTest tests[64];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(size_rows); i++)
        tests[n++] = (struct CMUnitTest){size_rows[i].name, sizes, NULL, NULL, &size_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(id_rows); i++)
        tests[n++] = (struct CMUnitTest){id_rows[i].name, ids, NULL, NULL, &id_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(set_rows); i++)
        tests[n++] = (struct CMUnitTest){set_rows[i].name, sets, NULL, NULL, &set_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(vector_rows); i++)
        tests[n++] = (struct CMUnitTest){vector_rows[i].name, vectors, NULL, NULL, &vector_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(written); i++)
        tests[n++] = (struct CMUnitTest){written[i], as_the_library, NULL, NULL,
                                         (void *)(uintptr_t)written[i]};
    tests[n++] = (struct CMUnitTest){"the largest set", largest_set, NULL, NULL, NULL};
    return _cmocka_run_group_tests("chunk", tests, n, helper_crypto_setup, helper_crypto_teardown);
}

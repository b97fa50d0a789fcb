/*
 * Every vector of XTA through the readers, strict and lenient, with the outcome that the index
 * names; and every positive one written again: what comes out is valid and says the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "tests/unit/helper_xta_codec.h"

enum { ARENA_MAX = 128 * 1024 * 1024 };

static const char *word(const json_t *row, const char *name)
{
    return json_string_value(json_object_get(row, name));
}

static bool says(const char *text, const char *part)
{
    return text != NULL && strstr(text, part) != NULL;
}

struct run {
    struct helper_wire wire;
    struct source_span source;
    struct helper_intake intake;
    struct arena arena;
    struct xta_reading conf;
    struct xta_fault fault;
    struct error err;
};

static void run_open(struct run *run, const json_t *row, bool lenient)
{
    enum xta_version version = helper_xta_version(word(row, "version"));

    *run = (struct run){0};
    helper_wire_load(&run->wire, word(row, "file"));
    arena_init(&run->arena, ARENA_MAX);
    run->conf = helper_xta_reading(version, XTA_PORT_BASE, helper_intake_init(&run->intake));
    if (word(row, "port") != NULL)
        run->conf.port = helper_xta_port(word(row, "port"));
    run->conf.lenient = lenient;
    source_span_init(&run->source, run->wire.body);
}

static void run_close(struct run *run)
{
    helper_wire_deinit(&run->wire);
    helper_intake_deinit(&run->intake);
    arena_deinit(&run->arena);
}

/* Announced sizes are those of the octets that were taken, in the order that was said. */
static void contents_check(const struct run *run, const struct xta_container *c)
{
    assert_int_equal(run->intake.count, c->count);
    for (size_t i = 0; i < c->count; i++) {
        const struct xta_content *content = &c->contents[i];

        assert_int_equal(run->intake.contents[content->taken].len, content->len);
        if (content->announced > 0)
            assert_int_equal(content->announced, content->len);
    }
}

/* ---- requests ---- */

static void fault_check(const json_t *row, const struct run *run)
{
    const char *expect = word(row, "expect");
    enum xta_exception e = run->fault.exception;

    if (says(expect, "VersionMismatch"))
        assert_int_equal(e, XTA_SOAP_VERSION_MISMATCH);
    else if (says(expect, "MustUnderstand"))
        assert_int_equal(e, XTA_SOAP_MUST_UNDERSTAND);
    else if (says(expect, "ActionMismatch"))
        assert_int_equal(e, XTA_SOAP_ACTION_MISMATCH);
    else if (says(expect, "PermissionDenied") && e == XTA_PERMISSION_DENIED)
        return;
    else if (says(expect, "SOAP fault") && e == XTA_SOAP_SENDER)
        return;
    else if (says(expect, "ParameterIsNotValid"))
        assert_int_equal(e, XTA_PARAMETER_NOT_VALID);
    else
        fail_msg("a fault %d that was not expected: %s", e, run->err.text);
    if (e == XTA_PARAMETER_NOT_VALID)
        assert_int_equal(xta_exception_of(run->fault.number), XTA_PARAMETER_NOT_VALID);
}

/* Contents are written from what the intake got. */
static void bodies_set(const struct run *run, struct xta_container *c, struct source_span *bodies)
{
    for (size_t i = 0; i < c->count; i++)
        c->contents[i].body =
            source_span_init(&bodies[i], buf_span(&run->intake.contents[c->contents[i].taken]));
}

static void parcel_read_again(const struct run *run, const struct xta_parcel *parcel,
                              struct xta_request *again, struct helper_intake *intake,
                              struct arena *arena)
{
    AUTO(buf_deinit) struct buf bytes = {0};
    struct xta_reading conf = run->conf;
    struct source_span source;
    struct xta_fault fault;
    struct span relates;
    struct error err = {0};

    helper_parcel_bytes(parcel, &bytes);
    helper_xta_valid(conf.version, helper_xta_root(parcel->content_type, buf_span(&bytes)));
    conf.intake = helper_intake_init(intake);
    conf.lenient = false;
    if (xta_request_read(&conf, source_span_init(&source, buf_span(&bytes)),
                         span_str(parcel->content_type), SPAN_NONE, arena, again, &fault, &relates,
                         &err) != ST_OK)
        fail_msg("what was written cannot be read: %s\n%.*s", err.text, SPAN_FMT(buf_span(&bytes)));
}

static struct span metadata_text(const struct xta_metadata *m, enum xta_version version,
                                 struct arena *arena)
{
    struct error err = {0};
    struct span xml;

    assert_int_equal(xta_metadata_write(m, version, arena, &xml, &err), ST_OK);
    return xml;
}

/* Behind the start tag, which declares what is in scope around it. */
static struct span behind_tag(struct span xml)
{
    return xml.ptr == NULL ? xml : span_from(xml, span_find(xml, SPAN(">")));
}

/* Ids are new, everything else is what it was. */
static void request_same(const struct xta_request *a, const struct xta_request *b,
                         struct arena *arena)
{
    assert_int_equal(a->operation, b->operation);
    assert_true(span_eq(a->message_id, b->message_id));
    assert_int_equal(a->has_party, b->has_party);
    assert_true(span_eq(a->party.value, b->party.value));
    assert_int_equal(a->question_count, b->question_count);
    assert_int_equal(a->selection.id_count, b->selection.id_count);
    assert_int_equal(a->selection.received_count, b->selection.received_count);
    assert_int_equal(a->selection.max_items, b->selection.max_items);
    assert_int_equal(a->selection.new_entry, b->selection.new_entry);
    assert_int_equal(a->container.count, b->container.count);
    assert_true(span_eq(behind_tag(a->container.encrypted), behind_tag(b->container.encrypted)));
    if (a->metadata.id.ptr != NULL)
        assert_true(span_eq(metadata_text(&a->metadata, a->version, arena),
                            metadata_text(&b->metadata, b->version, arena)));
}

static void request_write_again(struct run *run, struct xta_request *request)
{
    struct source_span bodies[HELPER_XTA_CONTENTS];
    struct helper_intake intake = {0};
    struct xta_request again;
    struct xta_parcel parcel;
    struct rng_count rng;

    rng_count_init(&rng);
    bodies_set(run, &request->container, bodies);
    assert_int_equal(xta_request_write(request, &rng.base, &run->arena, &parcel, &run->err), ST_OK);
    parcel_read_again(run, &parcel, &again, &intake, &run->arena);
    request_same(request, &again, &run->arena);
    for (size_t i = 0; i < again.container.count; i++)
        assert_true(span_eq(buf_span(&run->intake.contents[request->container.contents[i].taken]),
                            buf_span(&intake.contents[again.container.contents[i].taken])));
    helper_intake_deinit(&intake);
}

static void request_check(const json_t *row, bool lenient)
{
    const char *expect = word(row, "expect");
    bool deviation = strcmp(word(row, "kind"), "deviation") == 0;
    bool schema_valid = json_is_true(json_object_get(row, "schema_valid"));
    struct xta_request request;
    struct span relates;
    struct run run;
    enum status st;

    run_open(&run, row, lenient);
    st = xta_request_read(&run.conf, &run.source.base, run.wire.content_type, SPAN_NONE, &run.arena,
                          &request, &run.fault, &relates, &run.err);
    if (expect == NULL || (deviation && lenient)) {
        if (st != ST_OK)
            fail_msg("refused: %s", run.err.text);
        assert_int_equal(request.operation,
                         helper_xta_operation(run.conf.version, word(row, "operation")));
        assert_int_equal(deviation, request.deviation.ptr != NULL);
        contents_check(&run, &request.container);
        request_write_again(&run, &request);
    } else if (st == ST_OK) {
        /* lenient takes what only the schema refuses, and says so */
        assert_true(lenient && (!schema_valid || says(word(row, "file"), "missing-Party")));
        assert_non_null(request.deviation.ptr);
    } else {
        fault_check(row, &run);
    }
    run_close(&run);
}

/* ---- answers ---- */

static void metadata_same(const struct xta_metadata *a, const struct xta_metadata *b,
                          struct arena *arena)
{
    assert_true(span_eq(a->id, b->id));
    if (a->author.scheme.ptr == NULL)
        return; /* as MsgAttributes */
    assert_true(span_eq(metadata_text(a, a->version, arena), metadata_text(b, b->version, arena)));
}

static void records_same(const struct xta_records *a, const struct xta_records *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_true(span_eq(a->rows[i].at, b->rows[i].at));
        assert_true(span_eq(a->rows[i].reason, b->rows[i].reason));
        assert_true(span_eq(a->rows[i].code.code, b->rows[i].code.code));
    }
}

static void report_same(const struct xta_report *a, const struct xta_report *b, struct arena *arena)
{
    assert_true(span_eq(a->at, b->at));
    assert_true(span_eq(a->server, b->server));
    assert_int_equal(a->status, b->status);
    records_same(&a->errors, &b->errors);
    records_same(&a->warnings, &b->warnings);
    records_same(&a->infos, &b->infos);
    assert_int_equal(a->extra_count, b->extra_count);
    for (size_t i = 0; i < a->extra_count; i++)
        assert_true(span_eq(a->extras[i].data, b->extras[i].data));
    if (a->at.ptr != NULL)
        metadata_same(&a->metadata, &b->metadata, arena);
}

static void answer_same(const struct xta_answer *a, const struct xta_answer *b, struct arena *arena)
{
    assert_true(span_eq(a->relates_to, b->relates_to));
    assert_true(span_eq(a->message_id, b->message_id));
    assert_int_equal(a->has_box, b->has_box);
    assert_int_equal(a->box.none, b->box.none);
    assert_int_equal(a->box.why, b->box.why);
    assert_int_equal(a->box.pending, b->box.pending);
    assert_true(span_eq(a->box.request_id, b->box.request_id));
    assert_int_equal(a->list_attributes, b->list_attributes);
    assert_int_equal(a->list_count, b->list_count);
    for (size_t i = 0; i < a->list_count; i++)
        metadata_same(&a->list[i], &b->list[i], arena);
    assert_int_equal(a->service_count, b->service_count);
    for (size_t i = 0; i < a->service_count; i++) {
        assert_int_equal(a->services[i].available, b->services[i].available);
        assert_true(span_eq(a->services[i].question.service, b->services[i].question.service));
    }
    report_same(&a->report, &b->report, arena);
    assert_int_equal(a->has_message, b->has_message);
    if (a->has_message)
        metadata_same(&a->metadata, &b->metadata, arena);
    assert_int_equal(a->container.count, b->container.count);
}

static void answer_write_again(struct run *run, const struct xta_request *to,
                               struct xta_answer *answer)
{
    AUTO(buf_deinit) struct buf bytes = {0};
    struct source_span bodies[HELPER_XTA_CONTENTS], source;
    struct helper_intake intake = {0};
    struct xta_reading conf = run->conf;
    struct xta_answer again;
    struct xta_parcel parcel;
    struct rng_count rng;

    rng_count_init(&rng);
    bodies_set(run, &answer->container, bodies);
    assert_int_equal(xta_answer_write(answer, &rng.base, &run->arena, &parcel, &run->err), ST_OK);
    assert_int_equal(parcel.http_status, 200);
    helper_parcel_bytes(&parcel, &bytes);
    helper_xta_valid(conf.version, helper_xta_root(parcel.content_type, buf_span(&bytes)));
    conf.intake = helper_intake_init(&intake);
    if (xta_answer_read(&conf, to, source_span_init(&source, buf_span(&bytes)),
                        span_str(parcel.content_type), &run->arena, &again, &run->fault,
                        &run->err) != ST_OK)
        fail_msg("what was written cannot be read: %s", run->err.text);
    answer_same(answer, &again, &run->arena);
    helper_intake_deinit(&intake);
}

/* The same fault from our writer. */
static void fault_write_again(struct run *run, const struct xta_request *to)
{
    AUTO(buf_deinit) struct buf bytes = {0};
    struct source_span source;
    struct xta_answer answer;
    struct xta_fault again;
    struct xta_parcel parcel;
    struct rng_count rng;

    rng_count_init(&rng);
    assert_int_equal(xta_fault_write(to->version, &to->operation, &run->fault, SPAN("urn:x:1"),
                                     &rng.base, &run->arena, &parcel, &run->err),
                     ST_OK);
    assert_int_equal(parcel.http_status, 500);
    helper_parcel_bytes(&parcel, &bytes);
    helper_xta_valid(to->version, helper_xta_root(parcel.content_type, buf_span(&bytes)));
    assert_int_equal(xta_answer_read(&run->conf, to, source_span_init(&source, buf_span(&bytes)),
                                     span_str(parcel.content_type), &run->arena, &answer, &again,
                                     &run->err),
                     ST_DENIED);
    assert_int_equal(again.exception, run->fault.exception);
    assert_int_equal(again.number, run->fault.number);
}

static void answer_check(const json_t *row, bool lenient)
{
    struct xta_request to = {0};
    struct xta_answer answer;
    struct run run;
    enum status st;

    run_open(&run, row, lenient);
    to.version = run.conf.version;
    to.operation = helper_xta_operation(to.version, word(row, "operation"));
    to.question_count = 2; /* in the one lookupService there is */
    st = xta_answer_read(&run.conf, &to, &run.source.base, run.wire.content_type, &run.arena,
                         &answer, &run.fault, &run.err);
    if (strcmp(word(row, "role"), "fault") == 0) {
        assert_int_equal(st, ST_DENIED);
        assert_int_equal(run.fault.exception,
                         helper_xta_exception(to.version, word(row, "exception")));
        assert_int_equal(run.fault.number, atoi(word(row, "code")));
        fault_write_again(&run, &to);
    } else {
        if (st != ST_OK)
            fail_msg("refused: %s", run.err.text);
        contents_check(&run, &answer.container);
        answer_write_again(&run, &to, &answer);
    }
    run_close(&run);
}

static void test_vector(void **state)
{
    const json_t *row = *state;

    for (int lenient = 0; lenient < 2; lenient++) {
        if (strcmp(word(row, "role"), "request") == 0)
            request_check(row, lenient != 0);
        else
            answer_check(row, lenient != 0);
    }
}

int main(void)
{
    json_t *index = helper_xta_index();
    const json_t *files = json_object_get(index, "files");
    size_t count = json_array_size(files);
    struct CMUnitTest *tests = calloc(count, sizeof *tests);
    int failed;

    assert_non_null(tests);
    for (size_t i = 0; i < count; i++) {
        json_t *row = json_array_get(files, i);

        tests[i] = (struct CMUnitTest){word(row, "file"), test_vector, NULL, NULL, row};
    }
    failed = _cmocka_run_group_tests("xta vectors", tests, count, helper_crypto_setup,
                                     helper_crypto_teardown);
    free(tests);
    json_decref(index);
    return failed;
}

/* Requests over real HTTP and a real store: who answers them, in time or not, and never twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "gateway/files.h"
#include "gateway/loop.h"
#include "tests/unit/helper_gateway.h"
#include "tests/unit/helper_osci.h"

enum { WAITS = 15000 }; /* of 20 ms each, for what comes at once */

static const char vector[] = "osci12/passive/encrypted/processDelivery.req.mime";
static const char vector_id[] = "aW50ZXJtZWRpYXJ5LmV4YW1wbGVfMTc5NTI5ODEzNjk2Ml8wMDAyOTk=";

static const char yaml[] =
    "tenant:\n"
    "  name: Stadt B\n"
    "  identity:\n"
    "    signature: { certificate: %K/addressee-signature-2048.cert.pem,"
    " key: %K/addressee-signature-2048.key.pem }\n"
    "    cipher: { certificate: %K/addressee-cipher-2048.cert.pem,"
    " key: %K/addressee-cipher-2048.key.pem }\n"
    "    older_ciphers:\n" /* the content is for a reader behind the addressee */
    "      - { certificate: %K/reader-cipher-2048.cert.pem, key: %K/reader-cipher-2048.key.pem }\n"
    "trust: { osci: [ %K/ca.cert.pem ] }\n"
    "intermediaries:\n"
    "  - name: im\n"
    "    url: http://127.0.0.1:9/osci\n"
    "    cipher_certificate: %K/intermediary-cipher-2048.cert.pem\n"
    "    signature_certificate: %K/intermediary-signature-2048.cert.pem\n"
    "osci_recipient:\n"
    "  require_signature: false\n"
    "  allow_plain: true\n"
    "  listeners: [ { address: 127.0.0.1, port: 0, path: /osci } ]\n"
    "endpoints:\n"
    "  - name: fach\n"
    "    answers:\n";

/* $S: the state folder, seen from the program. Each run leaves a line in $S/runs. */
#define SCRIPT(text)                                                                               \
    "      command: [ /bin/sh, -c, 'S=\"$DEPESCHE_ANSWER/../../..\"; echo run >> "                 \
    "\"$S/runs\"; " text "' ]\n"
#define COPY SCRIPT("cat \"$DEPESCHE_REQUEST\"/*.json > \"$DEPESCHE_ANSWER/antwort ä.txt\"")

static void start(struct helper_gateway *g, const char *answers)
{
    AUTO(buf_deinit) struct buf text = {.max = 16384};

    buf_str(&text, yaml);
    buf_str(&text, answers);
    helper_gateway_start(g, buf_cstr(&text), false);
}

/* ---- what comes back ---- */

static void answer_open(struct helper_in *back)
{
    const struct policy policy = {0};
    struct error err = {0};

    helper_ok(helper_read(back, "intermediary-cipher-2048", &policy, &err), &err);
    if (back->reading->msg.type == OSCI_FAULT)
        fail_msg("fault %.*s", SPAN_FMT(back->reading->msg.fault_code));
    assert_int_equal(back->reading->msg.type, OSCI_RSP_PROCESS_DELIVERY);
}

static void post(struct helper_gateway *g, const char *name, struct helper_in *back)
{
    AUTO(buf_deinit) struct buf wire = {0};

    helper_vector(name, &wire);
    buf_init(&back->wire, 64 * 1024 * 1024);
    helper_gateway_post(g->port, buf_span(&wire), &back->wire);
    answer_open(back);
}

static void post_expect(struct helper_gateway *g, const char *code, bool content)
{
    AUTO(helper_in_deinit) struct helper_in back = {0};

    post(g, vector, &back);
    if (!span_is(osci_feedback_last(&back.reading->msg), code))
        fail_msg("%.*s", SPAN_FMT(osci_feedback_last(&back.reading->msg)));
    assert_true(back.reading->msg.has_package == content);
}

static size_t runs(const struct helper_gateway *g)
{
    char path[128];
    struct error err = {0};
    size_t count = 0;
    AUTO(buf_deinit) struct buf text = {.max = 4096};

    (void)snprintf(path, sizeof path, "%s/runs", g->dir);
    if (gw_file_read(AT_FDCWD, path, &text, &err) != ST_OK)
        return 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == '\n';
    return count;
}

/* The one message of a box. */
static struct gw_message_row only(struct helper_gateway *g, enum gw_box box, struct arena *arena)
{
    struct gw_message_list list;

    helper_gateway_messages(g, box, arena, &list);
    assert_int_equal(list.count, 1);
    return list.rows[0];
}

static void missing_expect(struct helper_gateway *g, int reason, const char *text)
{
    struct gw_message_row row;
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};

    row = only(g, GW_INBOX, &arena);
    assert_int_equal(row.answer, GW_ANSWER_MISSING);
    assert_int_equal(row.state, GW_DEFERRED); /* it still waits for its endpoint */
    assert_int_equal(row.last_reason, reason);
    if (strstr(row.last_error_en, text) == NULL)
        fail_msg("%s", row.last_error_en);
}

/* ---- a program ---- */

static void test_command(void **state)
{
    struct helper_gateway g;
    struct gw_message_row request, reply;
    struct error err = {0};
    struct gw_file_list files;
    const struct osci_cert *cert;
    AUTO(helper_in_deinit) struct helper_in back = {0}, again = {0};
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};
    AUTO(cert_drop) struct cert *asker = helper_cert("originator-cipher-2048");
    AUTO(cert_drop) struct cert *us = helper_cert("addressee-cipher-2048");
    AUTO(cert_drop) struct cert *signer = helper_cert("addressee-signature-2048");
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    (void)state;
    start(&g, COPY);
    post(&g, vector, &back);
    assert_true(span_is(osci_feedback_last(&back.reading->msg), "0800"));
    helper_ok(osci_message_verify(back.reading, signer, NULL, &err), &err);
    assert_true(back.reading->msg.has_package); /* OSCI-094 */
    assert_true(span_is(back.reading->msg.message_id, "intermediary.example_1795298136962_000299"));
    assert_int_equal(back.reading->msg.creation, OSCI_QUALITY_PLAIN);
    assert_int_equal(back.reading->msg.reception, OSCI_QUALITY_PLAIN);
    cert = osci_cert_of(&back.reading->msg, OSCI_CIPHER_ADDRESSEE);
    assert_true(cert != NULL && cert_eq(cert->cert, asker));
    cert = osci_cert_of(&back.reading->msg, OSCI_CIPHER_ORIGINATOR);
    assert_true(cert != NULL && cert_eq(cert->cert, us));

    request = only(&g, GW_INBOX, &arena);
    assert_int_equal(request.state, GW_ACKNOWLEDGED);
    assert_int_equal(request.answer, GW_ANSWER_GIVEN);
    reply = only(&g, GW_OUTBOX, &arena);
    assert_int_equal(reply.state, GW_FORWARDED);
    assert_string_equal(reply.correlation, request.id);
    assert_string_equal(reply.osci_message_id, vector_id);
    helper_ok(gw_store_read(g.rt->store, &tx, &err), &err);
    helper_ok(gw_store_files(tx, &arena, reply.id, &files, &err), &err);
    assert_string_equal(files.rows[0].name, "antwort ä.txt");
    assert_true(files.rows[0].len > 100); /* message.json and verification.json */
    gw_read_end(&tx);
    tx = NULL;

    post(&g, vector, &again); /* the same request again: the same content, worked on once */
    assert_int_equal(again.reading->msg.attachment_count, back.reading->msg.attachment_count);
    assert_true(again.reading->msg.has_package);
    (void)only(&g, GW_OUTBOX, &arena);
    assert_int_equal(runs(&g), 1);
    helper_gateway_stop(&g);
}

static void post_plain(struct helper_gateway *g, const struct buf *wire, struct helper_in *back)
{
    const struct policy policy = {0};
    struct error err = {0};

    buf_init(&back->wire, 64 * 1024 * 1024);
    helper_gateway_post(g->port, buf_span(wire), &back->wire);
    helper_ok(helper_read(back, NULL, &policy, &err), &err);
    assert_true(span_is(osci_feedback_last(&back->reading->msg), "0800"));
}

/* A request without protocol has neither card nor MessageId; its reply is known to nobody. */
static void test_no_record(void **state)
{
    struct helper_gateway g;
    AUTO(buf_deinit) struct buf wire = {0};
    AUTO(helper_in_deinit) struct helper_in back = {0};
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};

    (void)state;
    start(&g, COPY);
    helper_vector("osci12/passive/plain/processDelivery.req.mime", &wire);
    helper_replace(&wire, "<osci:ClientSignature", "</osci:ClientSignature>", "");
    helper_replace(&wire, "<osci:MessageIdResponse>", "</osci:ProcessCardBundle>", "");
    post_plain(&g, &wire, &back);
    assert_true(back.reading->msg.has_package);
    assert_null(back.reading->msg.message_id.ptr);
    assert_int_equal(back.reading->msg.creation, OSCI_QUALITY_NONE);
    assert_int_equal(only(&g, GW_OUTBOX, &arena).state, GW_DELIVERED);
    assert_null(only(&g, GW_INBOX, &arena).osci_message_id);
    helper_gateway_stop(&g);
}

static void verification_expect(struct helper_gateway *g, const char *id, const char *part)
{
    struct gw_tx *tx;
    struct gw_file_list files = {0};
    struct error err = {0};
    char path[512] = "";
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};
    AUTO(buf_deinit) struct buf text = {.max = 64 * 1024};

    helper_ok(gw_store_read(g->rt->store, &tx, &err), &err);
    helper_ok(gw_store_files(tx, &arena, id, &files, &err), &err);
    for (size_t i = 0; i < files.count; i++)
        if (files.rows[i].kind == GW_FILE_VERIFICATION)
            (void)snprintf(path, sizeof path, "%s/%s", g->dir, files.rows[i].path);
    gw_read_end(&tx);
    helper_ok(gw_file_read(AT_FDCWD, path, &text, &err), &err);
    if (strstr(buf_cstr(&text), part) == NULL)
        fail_msg("%s", buf_cstr(&text));
}

/* An intermediary that was stopped in between brings the request again, and wants the reply under
 * another MessageId: its card is there then. */
static void test_other_reply_id(void **state)
{
    struct helper_gateway g;
    AUTO(buf_deinit) struct buf wire = {0};
    AUTO(helper_in_deinit) struct helper_in first = {0}, second = {0};
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};

    (void)state;
    start(&g, COPY);
    helper_vector("osci12/passive/plain/processDelivery.req.mime", &wire);
    helper_replace(&wire, "<osci:ClientSignature", "</osci:ClientSignature>", "");
    post_plain(&g, &wire, &first);
    assert_true(first.reading->msg.has_package);
    helper_replace(&wire, "<osci:MessageIdResponse>", "</osci:MessageIdResponse>",
                   "<osci:MessageIdResponse>YW5kZXJz</osci:MessageIdResponse>");
    post_plain(&g, &wire, &second);
    assert_true(second.reading->msg.has_package);
    assert_true(span_is(second.reading->msg.message_id, "anders"));
    assert_string_equal(only(&g, GW_OUTBOX, &arena).osci_message_id, "YW5kZXJz");
    assert_int_equal(runs(&g), 1);
    helper_gateway_stop(&g);
}

/* What cannot be believed is shown to no program, and answered without content. An author's
 * signature must be there where somebody wants it. */
static struct unsigned_row {
    const char *name, *settings; /* of the endpoint and what follows it */
    bool taken;
} unsigned_rows[] = {
    {"nobody asks for signatures", "", true},
    {"the endpoint says so", "    receives: { unsigned: take }\n", true},
    {"the endpoint wants them", "    receives: { unsigned: quarantine }\n", false},
    {"the partner's authors are named",
     "partners:\n"
     "  - name: Stadt A\n"
     "    intermediary: im\n"
     "    cipher_certificate: %K/originator-cipher-2048.cert.pem\n"
     "    signature_certificates: [ %K/author-signature-2048.cert.pem ]\n",
     false},
};

static void test_unsigned(void **state)
{
    const struct unsigned_row *row = *state;
    struct helper_gateway g;
    struct gw_message_row in;
    AUTO(buf_deinit) struct buf wire = {0}, settings = {.max = 4096};
    AUTO(helper_in_deinit) struct helper_in back = {0};
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};

    buf_str(&settings, COPY);
    buf_str(&settings, row->settings);
    start(&g, buf_cstr(&settings));
    helper_vector("osci12/passive/plain/processDelivery-no-record.req.mime", &wire);
    post_plain(&g, &wire, &back);
    assert_int_equal(back.reading->msg.has_package, row->taken);
    in = only(&g, GW_INBOX, &arena);
    assert_int_equal(runs(&g), row->taken ? 1 : 0);
    if (row->taken) {
        assert_int_equal(in.state, GW_ACKNOWLEDGED);
        verification_expect(&g, in.id, "\"result\": \"unsigned\"");
    } else {
        assert_int_equal(in.state, GW_QUARANTINED);
        assert_int_equal(in.last_reason, GW_R_CONTENT_UNSIGNED);
        assert_int_equal(in.answer, GW_ANSWER_MISSING);
        verification_expect(&g, in.id, "\"result\": \"doubtful\"");
    }
    helper_gateway_stop(&g);
}

static void test_late(void **state)
{
    struct helper_gateway g;
    int64_t began = gw_monotonic_ms();

    (void)state;
    start(&g, SCRIPT("sleep 600 & sleep 600") "      deadline_seconds: 1\n");
    post_expect(&g, "0800", false);
    assert_true(gw_monotonic_ms() - began < 60 * 1000);
    missing_expect(&g, GW_R_REQUEST_LATE, "within 1 s");
    post_expect(&g, "0800", false); /* and so it stays */
    assert_int_equal(runs(&g), 1);
    helper_gateway_stop(&g);
}

/* How programs fail, and what the operator reads. */
static struct failing_row {
    const char *name, *answers;
    int reason;
    const char *text;
} failing_rows[] = {
    {"an exit code", SCRIPT("echo oh no >&2; exit 3"), GW_R_REQUEST_COMMAND, "exit code 3; oh no"},
    {"a signal", SCRIPT("kill -SEGV $$"), GW_R_REQUEST_COMMAND, "ended by signal 11"},
    {"no file", SCRIPT("true"), GW_R_REQUEST_EMPTY, "left no file"},
    {"a link to something", SCRIPT("ln -s /etc/passwd \"$DEPESCHE_ANSWER/x\""),
     GW_R_REQUEST_COMMAND, "no ordinary file"},
    {"a folder", SCRIPT("mkdir \"$DEPESCHE_ANSWER/x\""), GW_R_REQUEST_COMMAND, "no ordinary file"},
    {"no such program", "      command: [ /nowhere/at/all ]\n", GW_R_REQUEST_COMMAND,
     "/nowhere/at/all"},
    {"much on stderr", SCRIPT("yes 0123456789 | head -c 300000 >&2; echo the end >&2; exit 1"),
     GW_R_REQUEST_COMMAND, "exit code 1"},
    {"the folder for the answer is gone", SCRIPT("rm -r \"$DEPESCHE_ANSWER\""), GW_R_STORE_WRITE,
     ""},
};

static void failing_row(void **state)
{
    const struct failing_row *row = *state;
    struct helper_gateway g;

    start(&g, row->answers);
    post_expect(&g, "0800", false);
    missing_expect(&g, row->reason, row->text);
    post_expect(&g, "0800", false);
    assert_true(runs(&g) <= 1);
    helper_gateway_stop(&g);
}

struct posting {
    struct helper_gateway *g;
    struct buf wire, answer;
    pthread_t thread;
};

static void *posting_main(void *ctx)
{
    struct posting *p = ctx;

    helper_gateway_http(p->g->port, "POST", "/osci", buf_span(&p->wire), &p->answer);
    return NULL;
}

static void posting_start(struct posting *p, struct helper_gateway *g)
{
    p->g = g;
    helper_vector(vector, &p->wire);
    buf_init(&p->answer, 64 * 1024 * 1024);
    assert_int_equal(pthread_create(&p->thread, NULL, posting_main, p), 0);
}

static void posting_end(struct posting *p, bool content)
{
    size_t head;
    AUTO(helper_in_deinit) struct helper_in back = {0};

    assert_int_equal(pthread_join(p->thread, NULL), 0);
    head = span_find(buf_span(&p->answer), SPAN("\r\n\r\n"));
    assert_true(head != SIZE_MAX);
    buf_init(&back.wire, 64 * 1024 * 1024);
    buf_add(&back.wire, span_from(buf_span(&p->answer), head + 4));
    answer_open(&back);
    assert_true(back.reading->msg.has_package == content);
    buf_deinit(&p->wire);
    buf_deinit(&p->answer);
}

/* An intermediary that repeats while the program still works waits with the first. */
static void test_at_once(void **state)
{
    struct posting postings[4] = {0};
    struct helper_gateway g;

    (void)state;
    start(&g, SCRIPT("sleep 1; echo hallo > \"$DEPESCHE_ANSWER/a\""));
    for (size_t i = 0; i < ARRAY_LEN(postings); i++)
        posting_start(&postings[i], &g);
    for (size_t i = 0; i < ARRAY_LEN(postings); i++)
        posting_end(&postings[i], true);
    assert_int_equal(runs(&g), 1);
    helper_gateway_stop(&g);
}

/* Stopping does not wait for programs, and whoever waits is told. */
static void test_stop(void **state)
{
    struct posting p = {0};
    struct helper_gateway g;
    int64_t began;

    (void)state;
    start(&g, SCRIPT("sleep 600") "      deadline_seconds: 600\n");
    posting_start(&p, &g);
    for (int i = 0; i < WAITS && runs(&g) == 0; i++)
        (void)nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
    began = gw_monotonic_ms();
    helper_gateway_stop(&g);
    assert_true(gw_monotonic_ms() - began < 60 * 1000);
    posting_end(&p, false);
}

/* ---- the API's part ---- */

static struct gw_message_row request_wait(struct helper_gateway *g, struct arena *arena)
{
    struct gw_message_list list = {0};

    for (int i = 0; i < WAITS && list.count == 0; i++) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
        helper_gateway_messages(g, GW_INBOX, arena, &list);
    }
    assert_int_equal(list.count, 1);
    return list.rows[0];
}

static enum status reply_give(struct helper_gateway *g, const char *request, struct error *err)
{
    const struct gw_reply_by by = {.actor = "test", .subject = "Auskunft"};
    char id[GW_ID_SIZE];
    AUTO(gw_stage_drop) struct gw_stage *stage = NULL;

    TRY(gw_uuid_make(g->rt->rng, gw_now_ms(), id, err));
    TRY(gw_stage_new(g->rt->store, id, &stage, err));
    TRY(gw_stage_add_bytes(stage, GW_FILE_PAYLOAD, "a.txt", NULL, NULL, SPAN("hallo"), err));
    return gw_reply_give(g->rt, request, id, stage, &by, err);
}

static void test_given(void **state)
{
    struct posting p = {0};
    struct helper_gateway g;
    struct gw_message_row row;
    struct error err = {0};
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};

    (void)state;
    start(&g, "      deadline_seconds: 600\n");
    posting_start(&p, &g);
    row = request_wait(&g, &arena);
    assert_int_equal(row.answer, GW_ANSWER_AWAITED);
    assert_int_equal(row.state, GW_OPENED);
    assert_true(row.answer_due_at - row.created_at > 590 * 1000);
    helper_ok(reply_give(&g, row.id, &err), &err);
    gw_requests_settled(g.requests, row.id);
    posting_end(&p, true);
    assert_string_equal(only(&g, GW_OUTBOX, &arena).subject, "Auskunft");
    assert_int_equal(reply_give(&g, row.id, &err), ST_DENIED); /* once is enough */
    assert_int_equal(err.reason, GW_R_REQUEST_OVER);
    assert_int_equal(reply_give(&g, only(&g, GW_OUTBOX, &arena).id, &err), ST_NOT_FOUND);
    assert_int_equal(err.reason, GW_R_REQUEST_NONE);
    helper_gateway_stop(&g);
}

static void test_not_given(void **state)
{
    struct helper_gateway g;
    struct error err = {0};
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};

    (void)state;
    start(&g, "      deadline_seconds: 1\n");
    post_expect(&g, "0800", false);
    missing_expect(&g, GW_R_REQUEST_LATE, "within 1 s");
    assert_int_equal(reply_give(&g, only(&g, GW_INBOX, &arena).id, &err), ST_DENIED);
    helper_gateway_stop(&g);
}

/* What a crash leaves: the program ran, how far is not known, and it does not run again. */
static void test_left_behind(void **state)
{
    struct helper_gateway g;
    struct gw_requests *requests;
    struct error err = {0};
    struct posting p = {0};
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};

    (void)state;
    start(&g, SCRIPT("sleep 600") "      deadline_seconds: 600\n");
    posting_start(&p, &g);
    for (int i = 0; i < WAITS && runs(&g) == 0; i++)
        (void)nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
    assert_int_equal(only(&g, GW_INBOX, &arena).answer, GW_ANSWER_AWAITED);
    helper_ok(gw_requests_new(g.rt, &requests, &err), &err); /* as the next start does */
    gw_requests_free(requests);
    missing_expect(&g, GW_R_REQUEST_INTERRUPTED, "stopped");
    helper_gateway_stop(&g);
    posting_end(&p, false);
}

/* Nobody answers requests about this: refused, not kept, so nothing waits unseen. */
static void test_nobody(void **state)
{
    struct helper_gateway g;
    struct gw_message_list list;
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};

    (void)state;
    start(&g, "      deadline_seconds: 1\n"
              "  - { name: other, receives: { default: true } }\n");
    post_expect(&g, "9811", false);
    helper_gateway_messages(&g, GW_INBOX, &arena, &list);
    assert_int_equal(list.count, 0);
    helper_gateway_stop(&g);
}

int main(void)
{
    static const struct CMUnitTest plain[] = {
        cmocka_unit_test(test_command),   cmocka_unit_test(test_no_record),
        cmocka_unit_test(test_late),      cmocka_unit_test(test_at_once),
        cmocka_unit_test(test_stop),      cmocka_unit_test(test_given),
        cmocka_unit_test(test_not_given), cmocka_unit_test(test_left_behind),
        cmocka_unit_test(test_nobody),    cmocka_unit_test(test_other_reply_id),
    };
    struct CMUnitTest tests[ARRAY_LEN(plain) + ARRAY_LEN(failing_rows) + ARRAY_LEN(unsigned_rows)];
    size_t count = ARRAY_LEN(plain);

    memcpy(tests, plain, sizeof plain);
    for (size_t i = 0; i < ARRAY_LEN(failing_rows); i++)
        tests[count++] =
            (struct CMUnitTest){failing_rows[i].name, failing_row, NULL, NULL, &failing_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(unsigned_rows); i++)
        tests[count++] = (struct CMUnitTest){unsigned_rows[i].name, test_unsigned, NULL, NULL,
                                             &unsigned_rows[i]};
    return _cmocka_run_group_tests("request door", tests, count, helper_crypto_setup,
                                   helper_crypto_teardown);
}

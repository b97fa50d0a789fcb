/* sendMessage and what follows from it: over real TLS, into a real store, to readers in this house
 * and to partners */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>

#include "gateway/local.h"
#include "gateway/xta_call.h"
#include "helper_osci.h"
#include "helper_xta_server.h"
#include "osci/custom.h"

#define OTHER "ags:09999012"

enum { DAY_MS = 24 * 3600 * 1000 };

/* What one sendMessage says; the sources of its contents. */
struct sending {
    struct xta_request request;
    struct xta_content contents[2];
    struct source_span bodies[2];
    char id[128];
};

static void sending_init(struct sending *s, enum xta_version version, enum xta_operation operation,
                         const char *id)
{
    static const struct span bytes[2] = {SPAN("<geschlecht/>"), SPAN("\x00\xff bild")};

    s->request = helper_xta_request(version, operation, version == XTA_V5 ? HELPER_TOWN : NULL);
    helper_xta_metadata(&s->request.metadata, version);
    (void)snprintf(s->id, sizeof s->id, "%s", id);
    s->request.metadata.id = span_str(s->id);
    s->contents[0] = (struct xta_content){.content_type = SPAN("application/xml"),
                                          .encoding = SPAN("UTF-8"),
                                          .filename = SPAN("Müller Ä.xml"),
                                          .id = SPAN("m1")};
    s->contents[1] = (struct xta_content){
        .content_type = SPAN("image/png"), .filename = SPAN("bild.png"), .id = SPAN("a1")};
    for (size_t i = 0; i < 2; i++) {
        s->contents[i].body = source_span_init(&s->bodies[i], bytes[i]);
        s->contents[i].len = s->contents[i].announced = bytes[i].len;
    }
    s->request.container =
        (struct xta_container){.has_message = true, .contents = s->contents, .count = 2};
}

static int setup(void **state)
{
    struct helper_xta *x = calloc(1, sizeof *x);

    assert_non_null(x);
    helper_xta_start(x, "", "");
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    helper_xta_stop(*state);
    free(*state);
    return 0;
}

static void send_ok(struct helper_xta *x, struct sending *s)
{
    AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};

    helper_xta_ask(x, "melde", &s->request, &reply);
    if (reply.status != ST_OK)
        fail_msg("%d %.*s", reply.fault.number, SPAN_FMT(reply.fault.detail));
    assert_false(reply.answer.has_message);
}

static void refused(struct helper_xta *x, const char *client, const struct xta_request *request,
                    enum xta_exception exception, int number)
{
    AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};

    helper_xta_ask(x, client, request, &reply);
    assert_int_equal(reply.status, ST_DENIED);
    assert_int_equal(reply.fault.exception, exception);
    assert_int_equal(reply.fault.number, number);
}

static void report_of(struct helper_xta *x, const char *client, enum xta_version version,
                      const char *party, const char *id, struct helper_xta_reply *reply)
{
    struct xta_request request = helper_xta_request(version, XTA_GET_TRANSPORT_REPORT, party);

    request.message_id = span_str(id);
    helper_xta_ask(x, client, &request, reply);
}

static int status_of(struct helper_xta *x, const char *id)
{
    AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};

    report_of(x, "melde", XTA_V3, HELPER_TOWN, id, &reply);
    assert_int_equal(reply.status, ST_OK);
    return reply.answer.report.status;
}

static void fetch(struct helper_xta *x, enum xta_version version, const char *id,
                  struct helper_xta_reply *reply)
{
    struct xta_request request = helper_xta_request(version, XTA_GET_MESSAGE, HELPER_OFFICE);
    struct span ids[] = {span_str(id)};

    request.message_id = ids[0];
    request.selection.ids = ids;
    request.selection.id_count = 1;
    helper_xta_ask(x, "standes", &request, reply);
}

static void close_it(struct helper_xta *x, const char *id)
{
    AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};
    struct xta_request request = helper_xta_request(XTA_V5, XTA_CLOSE, HELPER_OFFICE);

    request.message_id = span_str(id);
    helper_xta_ask(x, "standes", &request, &reply);
    assert_int_equal(reply.status, ST_OK);
}

/* ---- from one program of the house to another ---- */

static void contents_same(const struct helper_xta_reply *reply)
{
    const struct xta_container *c = &reply->answer.container;

    assert_true(c->has_message);
    assert_int_equal(c->count, 2);
    assert_true(span_is(c->contents[0].filename, "Müller Ä.xml"));
    assert_true(span_is(c->contents[0].content_type, "application/xml"));
    assert_true(span_is(c->contents[0].encoding, "UTF-8"));
    assert_true(span_is(c->contents[1].content_type, "image/png"));
    assert_true(span_is(buf_span(&reply->content), "<geschlecht/>"));
}

static void metadata_same(const struct xta_metadata *m, const char *id)
{
    assert_true(span_is(m->id, id));
    assert_true(span_is(m->author.value, HELPER_TOWN));
    assert_true(span_is(m->reader.value, HELPER_OFFICE));
    assert_true(span_is(m->subject, "Übermittlung"));
    assert_true(span_is(m->scenario.code, "XMELD_DATA"));
    assert_true(span_is(m->message_type.code, "fortschreibung.geschlecht.0001"));
    assert_true(span_is(m->origin, "2026-05-04T08:00:00Z"));
    assert_true(m->initial_send.len > 0);
    assert_true(m->delivery.len > 0);
}

/* XTA-040, 041, 045 to 048, 069, 070: in both versions, on either side. */
static void local(void **state)
{
    struct helper_xta *x = *state;

    for (enum xta_version out = XTA_V3; out <= XTA_V5; out++)
        for (enum xta_version in = XTA_V3; in <= XTA_V5; in++) {
            AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};
            struct sending s;
            char id[64];

            (void)snprintf(id, sizeof id, "urn:de:xta:messageid:fremd:%d%d", (int)out, (int)in);
            sending_init(&s, out, XTA_SEND_MESSAGE, id);
            send_ok(x, &s);
            assert_int_equal(status_of(x, id), 0);
            fetch(x, in, id, &reply);
            assert_int_equal(reply.status, ST_OK);
            contents_same(&reply);
            metadata_same(&reply.answer.metadata, id);
            assert_int_equal(status_of(x, id), 0);
            close_it(x, id);
            assert_int_equal(status_of(x, id), 1);
        }
}

/* XTA-046, 047: what a report holds, for its author and for its reader. */
static void report(void **state)
{
    static const char id[] = "urn:de:xta:messageid:fremd:bericht";
    struct helper_xta *x = *state;
    struct sending s;

    sending_init(&s, XTA_V5, XTA_SEND_MESSAGE, id);
    send_ok(x, &s);
    for (enum xta_version v = XTA_V3; v <= XTA_V5; v++)
        for (int by_reader = 0; by_reader <= 1; by_reader++) {
            AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};
            const struct xta_report *r = &reply.answer.report;

            report_of(x, by_reader ? "standes" : "melde", v,
                      by_reader ? HELPER_OFFICE : HELPER_TOWN, id, &reply);
            assert_int_equal(reply.status, ST_OK);
            assert_int_equal(r->status, 0);
            assert_true(r->at.len > 0 && r->server.len > 0);
            assert_true(r->infos.count >= 1);
            assert_int_equal(r->errors.count, 0);
            assert_int_equal(r->extra_count, 1);
            assert_true(span_find(r->extras[0].data, SPAN("\"events\"")) != SIZE_MAX);
            metadata_same(&r->metadata, id);
        }
}

/* What a program of the house says when it fails can be anything; the report is XML all the same.
 */
static void report_of_bytes(void **state)
{
    static const char id[] = "urn:de:xta:messageid:fremd:bytes";
    struct helper_xta *x = *state;
    AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};
    const struct xta_report *r = &reply.answer.report;
    struct gw_move note = {.event = GW_EV_NOTE,
                           .cause = {.now = 1, .actor = "test", .en = "\x1b[1m Gr\xf6\xdf"}};
    struct error err = {0};
    struct sending s;

    sending_init(&s, XTA_V5, XTA_SEND_MESSAGE, id);
    send_ok(x, &s);
    note.id = helper_messages(&x->h, &arena, GW_OUTBOX, 0).rows[0].id;
    assert_int_equal(gw_store_commit_move(x->h.rt->store, &note, NULL, &err), ST_OK);
    report_of(x, "melde", XTA_V5, HELPER_TOWN, id, &reply);
    assert_int_equal(reply.status, ST_OK);
    assert_true(r->infos.count >= 2);
    for (size_t i = 0; i < r->infos.count; i++)
        if (span_is(r->infos.rows[i].reason, " [1m Größ"))
            return;
    fail_msg("the note is not in the report");
}

/* XTA-050, 053, 054: of nobody, of others. */
static void foreign(void **state)
{
    static const char id[] = "urn:de:xta:messageid:fremd:1";
    struct helper_xta *x = *state;
    AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};
    struct xta_request request = helper_xta_request(XTA_V3, XTA_GET_TRANSPORT_REPORT, NULL);
    struct sending s;

    sending_init(&s, XTA_V3, XTA_SEND_MESSAGE, id);
    send_ok(x, &s);
    request.message_id = SPAN("urn:de:xta:messageid:fremd:2");
    refused(x, "melde", &request, XTA_INVALID_MESSAGE_ID, XTA_N_UNKNOWN_ID);
    request = helper_xta_request(XTA_V3, XTA_GET_TRANSPORT_REPORT, HELPER_TOWN_TOO);
    request.message_id = span_str(id);
    refused(x, "melde", &request, XTA_INVALID_MESSAGE_ID, XTA_N_UNKNOWN_ID);
    request.has_party = false; /* the certificate alone: whatever it may act for */
    helper_xta_ask(x, "melde", &request, &reply);
    assert_int_equal(reply.status, ST_OK);
}

/* XTA-080 to 082: as many results as questions, in their order. */
static void lookup(void **state)
{
    static const char *const readers[] = {HELPER_OFFICE, "ags:99999999", HELPER_TOWN};
    struct helper_xta *x = *state;
    struct xta_question questions[ARRAY_LEN(readers)] = {0};

    for (size_t i = 0; i < ARRAY_LEN(readers); i++)
        questions[i] =
            (struct xta_question){.reader = {.value = span_str(readers[i]), .scheme = SPAN("xoev")},
                                  .service = SPAN("urn:dienst")};
    for (enum xta_version v = XTA_V3; v <= XTA_V5; v++) {
        AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};
        struct xta_request request = helper_xta_request(v, XTA_LOOKUP_SERVICE, HELPER_TOWN);

        request.questions = questions;
        request.question_count = ARRAY_LEN(questions);
        helper_xta_ask(x, "melde", &request, &reply);
        assert_int_equal(reply.status, ST_OK);
        assert_int_equal(reply.answer.service_count, ARRAY_LEN(readers));
        for (size_t i = 0; i < ARRAY_LEN(readers); i++) {
            const struct xta_service_state *s = &reply.answer.services[i];

            assert_true(span_is(s->question.reader.value, readers[i]));
            assert_int_equal(s->available, i == 1 ? XTA_UNSET : XTA_TRUE);
        }
    }
}

/* ---- what is refused, and leaves nothing behind ---- */

static struct bad_row {
    const char *name;
    enum xta_exception exception;
    int number;
    const char *id, *author, *reader, *service, *not_before, *obsolete_after;
} bad_rows[] = {
    {"XTA-035 an id that is no URI", XTA_PARAMETER_NOT_VALID, XTA_N_NO_URI, .id = "keine"},
    {"an id that is too long", XTA_PARAMETER_NOT_VALID, XTA_N_NO_URI,
     .id =
         "urn:de:xta:messageid:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
         "xxxxxxxxxxxxxxxxxxxxx"},
    {"an id of ours that was never issued", XTA_PARAMETER_NOT_VALID, XTA_N_COMBINATION,
     .id = "urn:de:xta:messageid:test:0190c1a0-0000-7000-8000-000000000000"},
    {"XTA-042 an author of others", XTA_PERMISSION_DENIED, XTA_N_WRONG_PARTY,
     .author = HELPER_OFFICE},
    {"a reader that nobody knows", XTA_PARAMETER_NOT_VALID, XTA_N_UNSPECIFIED,
     .reader = "ags:99999999"},
    {"too late from the beginning", XTA_PARAMETER_NOT_VALID, XTA_N_COMBINATION,
     .obsolete_after = "2020-01-01"},
    {"later than it may be", XTA_PARAMETER_NOT_VALID, XTA_N_COMBINATION,
     .not_before = "2999-01-02T00:00:00Z", .obsolete_after = "2998-01-01"},
};

static struct span or_else(const char *value, struct span otherwise)
{
    return value == NULL ? otherwise : span_str(value);
}

static void bad(void **state)
{
    struct helper_xta *x = *state;
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};

    for (size_t i = 0; i < ARRAY_LEN(bad_rows); i++) {
        const struct bad_row *row = &bad_rows[i];
        struct sending s;

        sending_init(&s, XTA_V3, XTA_SEND_MESSAGE, "urn:de:xta:messageid:fremd:3");
        s.request.metadata.id = or_else(row->id, s.request.metadata.id);
        s.request.metadata.author.value = or_else(row->author, SPAN(HELPER_TOWN));
        s.request.metadata.reader.value = or_else(row->reader, SPAN(HELPER_OFFICE));
        s.request.metadata.service = or_else(row->service, SPAN(""));
        s.request.metadata.not_before = or_else(row->not_before, SPAN_NONE);
        s.request.metadata.obsolete_after = or_else(row->obsolete_after, SPAN_NONE);
        print_message("%s\n", row->name);
        refused(x, "melde", &s.request, row->exception, row->number);
    }
    assert_int_equal(helper_messages(&x->h, &arena, GW_OUTBOX, 0).count, 0);
    assert_int_equal(helper_messages(&x->h, &arena, GW_INBOX, 0).count, 0);
}

/* ---- text that is not in the encoding which it names ---- */

enum { LONG_BYTES = 3 * 64 * 1024 };

static const struct encoding_row {
    const char *name, *type, *encoding;
    struct span bytes; /* behind so many letters that the last one stands across two pieces: */
    size_t before;
    bool good;
} encoding_rows[] = {
    {"UTF-8 it is", "text/xml", "UTF-8", SPAN("Gr\xc3\xb6\xc3\x9f"), 0, true},
    {"UTF-8 across pieces", "text/xml", "utf-8", SPAN("\xe2\x82\xac"), 64 * 1024 - 1, true},
    {"Latin-1 that calls itself UTF-8", "application/xoev+xml", "UTF-8", SPAN("Gr\xf6\xdf"), 0,
     false},
    {"the same far behind", "text/plain; charset=x", "UTF-8", SPAN("\xf6!"), LONG_BYTES - 2, false},
    {"a character cut off", "application/xml", "UTF-8", SPAN("\xe2\x82"), 0, false},
    {"Latin-1 is Latin-1", "text/xml", "ISO-8859-1", SPAN("Gr\xf6\xdf"), 0, true},
    {"ASCII is not Latin-1", "text/xml", "US-ASCII", SPAN("\xf6"), 0, false},
    {"nobody knows the encoding", "text/xml", "EBCDIC-KLINGON", SPAN("\xf6"), 0, true},
    {"not of those that are looked at", "text/xml", "IBM1390", SPAN("\x0e\xff\xff"), 0, true},
    {"nor a module's name in disguise", "text/xml", "ISO-8859-1//IGNORE", SPAN("\xf6"), 0, true},
    {"no such character", "text/xml", "windows-1252", SPAN("\x81"), 0, false},
    {"a UTF-16 cut off", "text/xml", "utf-16le", SPAN("a"), 0, false},
    {"no text", "image/png", "UTF-8", SPAN("\xf6"), 0, true},
};

static void encodings(void **state)
{
    struct helper_xta *x = *state;
    static uint8_t bytes[LONG_BYTES];

    for (size_t i = 0; i < ARRAY_LEN(encoding_rows); i++) {
        const struct encoding_row *row = &encoding_rows[i];
        size_t len = row->before + row->bytes.len;
        struct sending s;
        char id[128];

        (void)snprintf(id, sizeof id, "urn:de:xta:messageid:fremd:e%zu", i);
        sending_init(&s, XTA_V3, XTA_SEND_MESSAGE, id);
        memset(bytes, 'a', sizeof bytes);
        memcpy(bytes + row->before, row->bytes.ptr, row->bytes.len);
        s.contents[0].content_type = span_str(row->type);
        s.contents[0].encoding = span_str(row->encoding);
        s.contents[0].body = source_span_init(&s.bodies[0], span_of(bytes, len));
        s.contents[0].len = s.contents[0].announced = len;
        print_message("%s\n", row->name);
        if (row->good)
            send_ok(x, &s);
        else
            refused(x, "melde", &s.request, XTA_SCHEMA_VIOLATION, XTA_N_WRONG_ENCODING);
    }
}

static void id_get(struct helper_xta *x, const char *client, char id[128])
{
    AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};
    struct xta_request request = helper_xta_request(XTA_V3, XTA_CREATE_MESSAGE_ID, NULL);

    helper_xta_ask(x, client, &request, &reply);
    assert_int_equal(reply.status, ST_OK);
    (void)snprintf(id, 128, "%.*s", SPAN_FMT(reply.answer.message_id));
}

/* XTA-032 to 034. */
static void ids_once(void **state)
{
    struct helper_xta *x = *state;
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};
    struct sending s;
    char id[128], others[128];

    id_get(x, "melde", id);
    id_get(x, "standes", others);
    sending_init(&s, XTA_V3, XTA_SEND_MESSAGE, id);
    send_ok(x, &s);
    sending_init(&s, XTA_V3, XTA_SEND_MESSAGE, id);
    refused(x, "melde", &s.request, XTA_PARAMETER_NOT_VALID, XTA_N_ID_USED);
    for (char *c = id; *c != '\0'; c++)
        *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
    sending_init(&s, XTA_V5, XTA_SEND_MESSAGE, id);
    refused(x, "melde", &s.request, XTA_PARAMETER_NOT_VALID, XTA_N_ID_USED);
    sending_init(&s, XTA_V3, XTA_SEND_MESSAGE, others);
    refused(x, "melde", &s.request, XTA_PARAMETER_NOT_VALID, XTA_N_COMBINATION);
    assert_int_equal(helper_messages(&x->h, &arena, GW_OUTBOX, 0).count, 1);
    assert_int_equal(helper_messages(&x->h, &arena, GW_INBOX, 0).count, 1);
}

/* ---- xenc:EncryptedData ---- */

/* XTA-043: as it came in V3 but for the namespaces of the envelope, an opaque message in V5. */
static void encrypted(void **state)
{
    static const char cipher[] =
        "<xenc:CipherData><xenc:CipherValue>AAEC</xenc:CipherValue></xenc:CipherData>"
        "</xenc:EncryptedData>";
    static const char xml[] =
        "<xenc:EncryptedData xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\">"
        "<xenc:CipherData><xenc:CipherValue>AAEC</xenc:CipherValue></xenc:CipherData>"
        "</xenc:EncryptedData>";
    static const char id[] = "urn:de:xta:messageid:fremd:verschluesselt";
    struct helper_xta *x = *state;
    AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};
    struct sending s;

    sending_init(&s, XTA_V3, XTA_SEND_MESSAGE, id);
    s.request.container = (struct xta_container){.encrypted = span_str(xml)};
    send_ok(x, &s);
    fetch(x, XTA_V3, id, &reply);
    assert_int_equal(reply.status, ST_OK);
    assert_int_equal(reply.answer.container.count, 0);
    assert_true(span_ends(reply.answer.container.encrypted, span_str(cipher)));
    fetch(x, XTA_V5, id, &reply);
    assert_int_equal(reply.status, ST_OK);
    assert_int_equal(reply.answer.container.count, 1);
    assert_true(span_starts(buf_span(&reply.content), SPAN("<xenc:EncryptedData ")));
    assert_true(span_ends(buf_span(&reply.content), span_str(cipher)));
}

/* ---- NotBefore, cancelMessage ---- */

static void time_text(int64_t ms, char text[64])
{
    AUTO(arena_deinit) struct arena arena = {.max = 1024};
    struct error err = {0};
    struct span span;

    helper_ok(gw_xta_time(&arena, ms, &span, &err), &err);
    (void)snprintf(text, 64, "%.*s", SPAN_FMT(span));
}

static void cancel_ask(struct helper_xta *x, const char *id, struct helper_xta_reply *reply)
{
    struct xta_request request = helper_xta_request(XTA_V3, XTA_CANCEL_MESSAGE, NULL);

    request.message_id = span_str(id);
    helper_xta_ask(x, "melde", &request, reply);
}

/* XTA-055 to 059. */
static void cancel(void **state)
{
    static const char id[] = "urn:de:xta:messageid:fremd:spaeter";
    static const char now_id[] = "urn:de:xta:messageid:fremd:sofort";
    static const char soon_id[] = "urn:de:xta:messageid:fremd:bald";
    struct helper_xta *x = *state;
    AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};
    struct sending s;
    char later[64];

    time_text(gw_now_ms() + DAY_MS, later);
    sending_init(&s, XTA_V3, XTA_SEND_MESSAGE, id);
    s.request.metadata.not_before = span_str(later);
    send_ok(x, &s);
    assert_int_equal(status_of(x, id), 0);
    fetch(x, XTA_V3, id, &reply);
    assert_int_equal(reply.fault.exception, XTA_INVALID_MESSAGE_ID);
    cancel_ask(x, id, &reply);
    assert_int_equal(reply.status, ST_OK);
    assert_int_equal(status_of(x, id), 3);
    report_of(x, "melde", XTA_V3, NULL, id, &reply);
    assert_int_equal(reply.answer.report.errors.count, 1);
    assert_true(span_find(reply.answer.report.errors.rows[0].reason, SPAN("cancelMessage")) !=
                SIZE_MAX);
    cancel_ask(x, id, &reply); /* once more */
    assert_int_equal(reply.fault.exception, XTA_CANCEL_DENIED);

    sending_init(&s, XTA_V3, XTA_SEND_MESSAGE, now_id);
    send_ok(x, &s);
    cancel_ask(x, now_id, &reply);
    assert_int_equal(reply.fault.number, XTA_N_NO_NOT_BEFORE);
    time_text(gw_now_ms() - 1000, later);
    sending_init(&s, XTA_V3, XTA_SEND_MESSAGE, soon_id);
    s.request.metadata.not_before = span_str(later);
    send_ok(x, &s);
    cancel_ask(x, soon_id, &reply);
    assert_int_equal(reply.fault.exception, XTA_CANCEL_DENIED);
    assert_int_equal(reply.fault.number, XTA_N_TOO_LATE);
    cancel_ask(x, "urn:de:xta:messageid:fremd:nie", &reply);
    assert_int_equal(reply.fault.exception, XTA_PARAMETER_NOT_VALID);
    assert_int_equal(helper_messages(&x->h, &arena, GW_INBOX, 0).count, 2);
}

/* ---- sendMessageSync, deliverMessage ---- */

#define REPLY "exec cp \"$DEPESCHE_REQUEST\"/*.png \"$DEPESCHE_ANSWER\"/"

/* The same world, and the office answers by a program. */
static int setup_answers(void **state)
{
    struct helper_xta *x = calloc(1, sizeof *x);

    assert_non_null(x);
    helper_xta_start_with(
        x, ", answers: {command: [/bin/sh, -c, '" REPLY "'], deadline_seconds: 60}", "", "");
    *state = x;
    return 0;
}

static void answered(const struct helper_xta_reply *reply, const struct sending *s)
{
    const struct xta_metadata *m = &reply->answer.metadata;

    if (reply->status != ST_OK)
        fail_msg("%d %.*s", reply->fault.number, SPAN_FMT(reply->fault.detail));
    assert_true(reply->answer.has_message);
    assert_int_equal(reply->answer.container.count, 1);
    assert_true(span_is(reply->answer.container.contents[0].filename, "bild.png"));
    assert_true(span_eq(buf_span(&reply->content), s->bodies[1].bytes));
    assert_true(span_is(m->author.value, HELPER_OFFICE));
    assert_true(span_is(m->reader.value, HELPER_TOWN));
    assert_int_equal(m->related_count, 1);
    assert_true(span_is(m->related[0].id, s->id));
}

/* XTA-084; and once more, bit by bit, it is the same answer, and the program has not run again. */
static void sync_local(void **state)
{
    struct helper_xta *x = *state;
    AUTO(arena_deinit) struct arena arena = {.max = 4 * 1024 * 1024};
    struct sending s;

    for (enum xta_version v = XTA_V3; v <= XTA_V5; v++)
        for (int again = 0; again <= 1; again++) {
            AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};
            char id[64];

            (void)snprintf(id, sizeof id, "urn:de:xta:messageid:fremd:sync%d", (int)v);
            sending_init(&s, v, XTA_SEND_MESSAGE_SYNC, id);
            helper_xta_ask(x, "melde", &s.request, &reply);
            answered(&reply, &s);
            assert_int_equal(status_of(x, id), 1);
        }
    assert_int_equal(helper_messages(&x->h, &arena, GW_INBOX, 0).count, 2);
    assert_int_equal(helper_messages(&x->h, &arena, GW_OUTBOX, 0).count, 4);
    s.bodies[0].bytes = SPAN("<anderes__/>");
    refused(x, "melde", &s.request, XTA_PARAMETER_NOT_VALID, XTA_N_ID_USED);
}

/* XTA-083. */
static void sync_refused(void **state)
{
    struct sending s;

    sending_init(&s, XTA_V3, XTA_SEND_MESSAGE_SYNC, "urn:de:xta:messageid:fremd:async");
    refused(*state, "melde", &s.request, XTA_SYNC_ASYNC, XTA_N_ONLY_ASYNC);
}

static void deliver_init(struct sending *s, const char *id)
{
    sending_init(s, XTA_V5, XTA_DELIVER_MESSAGE, id);
    s->request.party.value = SPAN(HELPER_OFFICE);
    s->request.metadata.author.value = SPAN(OTHER);
}

/* XTA-151, 153. */
static void deliver_answered(void **state)
{
    struct helper_xta *x = *state;
    AUTO(arena_deinit) struct arena arena = {.max = 4 * 1024 * 1024};

    for (int again = 0; again <= 1; again++) {
        AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};
        struct sending s;

        deliver_init(&s, "urn:de:xta:messageid:fremd:zugestellt");
        helper_xta_ask(x, "standes", &s.request, &reply);
        if (reply.status != ST_OK)
            fail_msg("%d %.*s", reply.fault.number, SPAN_FMT(reply.fault.detail));
        assert_true(reply.answer.has_message);
        assert_true(span_is(reply.answer.metadata.reader.value, OTHER));
    }
    assert_int_equal(helper_messages(&x->h, &arena, GW_INBOX, 0).count, 1);
    assert_int_equal(helper_messages(&x->h, &arena, GW_INBOX, 0).rows[0].state, GW_ACKNOWLEDGED);
}

/* XTA-150, 152, 153. */
static void deliver_unanswered(void **state)
{
    struct helper_xta *x = *state;
    AUTO(arena_deinit) struct arena arena = {.max = 4 * 1024 * 1024};
    struct sending s;

    for (int again = 0; again <= 1; again++) {
        AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};

        deliver_init(&s, "urn:de:xta:messageid:fremd:zugestellt");
        helper_xta_ask(x, "standes", &s.request, &reply);
        assert_int_equal(reply.status, ST_OK);
        assert_false(reply.answer.has_message);
    }
    assert_int_equal(helper_messages(&x->h, &arena, GW_INBOX, 0).count, 1);
    s.bodies[0].bytes = SPAN("<anderes__/>");
    refused(x, "standes", &s.request, XTA_PARAMETER_NOT_VALID, XTA_N_ID_USED);
    deliver_init(&s, "urn:de:xta:messageid:fremd:andere");
    s.request.metadata.reader.value = SPAN(HELPER_TOWN);
    refused(x, "standes", &s.request, XTA_PERMISSION_DENIED, XTA_N_WRONG_PARTY);
    deliver_init(&s, "keine");
    refused(x, "standes", &s.request, XTA_PARAMETER_NOT_VALID, XTA_N_NO_URI);
}

enum { AT_ONCE = 8 };

struct asking {
    struct helper_xta *x;
    struct sending s;
    struct helper_xta_reply reply;
    pthread_t thread;
};

static void *ask_main(void *arg)
{
    struct asking *a = arg;

    helper_xta_ask(a->x, "standes", &a->s.request, &a->reply);
    return NULL;
}

static void ask_at_once(struct asking *all, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pthread_create(&all[i].thread, NULL, ask_main, &all[i]), 0);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pthread_join(all[i].thread, NULL), 0);
}

/* The same message on several connections at the same time is one message, and all are told so. */
static void deliver_at_once(void **state)
{
    struct helper_xta *x = *state;
    AUTO(arena_deinit) struct arena arena = {.max = 4 * 1024 * 1024};

    for (size_t round = 1; round <= 10; round++) {
        struct asking all[AT_ONCE] = {0};

        for (size_t i = 0; i < AT_ONCE; i++) {
            char id[64];

            (void)snprintf(id, sizeof id, "urn:de:xta:messageid:fremd:zugleich%zu", round);
            all[i].x = x;
            deliver_init(&all[i].s, id);
        }
        ask_at_once(all, AT_ONCE);
        for (size_t i = 0; i < AT_ONCE; i++) {
            if (all[i].reply.status != ST_OK)
                fail_msg("%d %.*s", all[i].reply.fault.number, SPAN_FMT(all[i].reply.fault.detail));
            helper_xta_reply_deinit(&all[i].reply);
        }
        assert_int_equal(helper_messages(&x->h, &arena, GW_INBOX, 0).count, round);
    }
}

/* More metadata than a message can carry is its author's matter, with every operation. */
static void metadata_too_large(void **state)
{
    static const enum xta_operation operations[] = {XTA_SEND_MESSAGE, XTA_DELIVER_MESSAGE};
    AUTO(free_drop) char *text = malloc(OSCI_CUSTOM_BYTES_MAX);

    assert_non_null(text);
    memset(text, 'a', OSCI_CUSTOM_BYTES_MAX);
    for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
        struct sending s;

        sending_init(&s, XTA_V5, operations[i], "urn:de:xta:messageid:fremd:viel");
        s.request.metadata.subject = span_of(text, OSCI_CUSTOM_BYTES_MAX);
        refused(*state, "melde", &s.request, XTA_PARAMETER_NOT_VALID, XTA_N_COMBINATION);
    }
}

/* Who waits keeps a connection: one account may not have them all. What is refused for that is not
 * stored. */
static void few_may_wait(void **state)
{
    struct helper_xta *x = *state;
    AUTO(arena_deinit) struct arena arena = {.max = 4 * 1024 * 1024};
    struct asking all[3] = {0};
    size_t refusals = 0, stored;

    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        char id[64];

        (void)snprintf(id, sizeof id, "urn:de:xta:messageid:fremd:wartet%zu", i);
        all[i].x = x;
        sending_init(&all[i].s, XTA_V5, XTA_SEND_MESSAGE_SYNC, id);
        all[i].s.request.party.value = all[i].s.request.metadata.author.value = SPAN(HELPER_OFFICE);
    }
    ask_at_once(all, ARRAY_LEN(all));
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        assert_int_equal(all[i].reply.fault.exception, XTA_TECHNICAL_PROBLEM);
        refusals += span_find(all[i].reply.fault.detail, SPAN("1 calls")) != SIZE_MAX;
        helper_xta_reply_deinit(&all[i].reply);
    }
    assert_in_range(refusals, 1, 2);
    assert_int_equal(helper_messages(&x->h, &arena, GW_INBOX, 0).count, ARRAY_LEN(all) - refusals);
    stored = ARRAY_LEN(all) - refusals;
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        char id[64];

        (void)snprintf(id, sizeof id, "urn:de:xta:messageid:fremd:kommt%zu", i);
        all[i] = (struct asking){.x = x};
        deliver_init(&all[i].s, id);
    }
    ask_at_once(all, ARRAY_LEN(all));
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        stored += all[i].reply.status == ST_OK;
        helper_xta_reply_deinit(&all[i].reply);
    }
    assert_int_equal(helper_messages(&x->h, &arena, GW_INBOX, 0).count, stored);
    assert_in_range(stored, ARRAY_LEN(all) - refusals + 1, 2 * ARRAY_LEN(all) - refusals - 1);
}

static int setup_waiting(void **state)
{
    struct helper_xta *x = calloc(1, sizeof *x);

    assert_non_null(x);
    helper_xta_start_with(x, ", answers: {deadline_seconds: 3}", "  sync_max: 1\n", "");
    *state = x;
    return 0;
}

/* XTA-152: the author's own account may bring it, too, and nobody else's. */
static void deliver_by_author(void **state)
{
    struct helper_xta *x = *state;
    AUTO(arena_deinit) struct arena arena = {.max = 4 * 1024 * 1024};
    AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};
    struct sending s;

    sending_init(&s, XTA_V5, XTA_DELIVER_MESSAGE, "urn:de:xta:messageid:fremd:gebracht");
    helper_xta_ask(x, "melde", &s.request, &reply);
    assert_int_equal(reply.status, ST_OK);
    assert_int_equal(helper_messages(&x->h, &arena, GW_INBOX, 0).count, 1);
    sending_init(&s, XTA_V5, XTA_DELIVER_MESSAGE, "urn:de:xta:messageid:fremd:fremdes");
    s.request.metadata.author.value = SPAN(OTHER);
    refused(x, "melde", &s.request, XTA_PERMISSION_DENIED, XTA_N_WRONG_PARTY);
}

/* ---- the table of routes ---- */

static const char routes_yaml[] =
    "targets:\n"
    "  - {name: archiv, command: [/bin/true]}\n"
    "routes:\n"
    "  - {name: alles, from: endpoints, when: {message_type: 'fortschreibung.*'}, to: archiv}\n"
    "  - {name: umzug, from: meldewesen, when: {recipient: standesamt, subject: 'umgeleitet*'},\n"
    "     to: 'endpoint:meldewesen'}\n"
    "  - {name: form, from: meldewesen, when: {recipient: standesamt, subject: 'umgeformt*'},\n"
    "     to: standesamt, transform: {stylesheet: " TEST_VECTORS
    "/../../share/xml-to-json.xsl, suffix: .json}}\n";

static int setup_routes(void **state)
{
    struct helper_xta *x = calloc(1, sizeof *x);

    assert_non_null(x);
    helper_xta_start(x, "", routes_yaml);
    *state = x;
    return 0;
}

static struct routed_row {
    const char *name, *reader, *subject;
    const char *message;          /* NULL: as ever */
    const char *recipient, *peer; /* NULL: refused */
    const char *route;            /* NULL: none */
    size_t files;                 /* of payload */
} routed_rows[] = {
    {"a reader that is known stays", HELPER_OFFICE, "Übermittlung", NULL, "standesamt", "", NULL,
     2},
    {"unless the row asks for it", HELPER_OFFICE, "umgeleitet nach Hause", NULL, "meldewesen", "",
     "umzug", 2},
    {"one that nobody knows goes by the table", "ags:05999001", "Übermittlung", NULL, "archiv",
     "archiv", "alles", 2},
    {"another form of it goes along", HELPER_OFFICE, "umgeformt", NULL, "standesamt", "", "form",
     3},
    {"what has none is refused", HELPER_OFFICE, "umgeformt", "<geschlecht>", NULL, NULL, NULL, 0},
};

static void routed_row_expect(struct helper_xta *x, const struct routed_row *row, const char *id)
{
    AUTO(arena_deinit) struct arena arena = {.max = 1 << 20};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_file_list files;
    struct gw_message_row message;
    struct gw_xta_row xta;
    struct error err = {0};
    size_t payload = 0;

    helper_ok(gw_store_read(x->h.rt->store, &tx, &err), &err);
    helper_ok(gw_store_xta_find(tx, &arena, id, HELPER_TOWN, GW_OUTBOX, gw_now_ms(), &xta, &err),
              &err);
    helper_ok(gw_store_message(tx, &arena, xta.message_id, &message, &err), &err);
    assert_string_equal(message.recipient, row->recipient);
    assert_string_equal(message.peer == NULL ? "" : message.peer, row->peer);
    if (row->route == NULL)
        assert_null(message.route);
    else
        assert_string_equal(message.route, row->route);
    assert_non_null(message.facts);
    helper_ok(gw_store_files(tx, &arena, xta.message_id, &files, &err), &err);
    for (size_t i = 0; i < files.count; i++)
        payload += files.rows[i].kind == GW_FILE_PAYLOAD;
    assert_int_equal(payload, row->files);
}

/* Who is led elsewhere is out of the reader's box, and in that of its new owner. */
static void routed_box_expect(struct helper_xta *x, const char *id)
{
    AUTO(helper_xta_reply_deinit) struct helper_xta_reply office = {0}, town = {0};
    struct xta_request request = helper_xta_request(XTA_V3, XTA_GET_MESSAGE, HELPER_TOWN);
    struct span ids[] = {span_str(id)};

    fetch(x, XTA_V3, id, &office);
    assert_int_not_equal(office.status, ST_OK);
    request.message_id = ids[0];
    request.selection.ids = ids;
    request.selection.id_count = 1;
    helper_xta_ask(x, "melde", &request, &town);
    assert_int_equal(town.status, ST_OK);
    contents_same(&town);
}

static void routed(void **state)
{
    struct helper_xta *x = *state;

    for (size_t i = 0; i < ARRAY_LEN(routed_rows); i++) {
        const struct routed_row *row = &routed_rows[i];
        struct sending s;
        char id[64];

        (void)snprintf(id, sizeof id, "urn:de:xta:messageid:fremd:tabelle%zu", i);
        sending_init(&s, XTA_V3, XTA_SEND_MESSAGE, id);
        s.request.metadata.reader.value = span_str(row->reader);
        s.request.metadata.subject = span_str(row->subject);
        if (row->message != NULL) {
            s.contents[0].body = source_span_init(&s.bodies[0], span_str(row->message));
            s.contents[0].len = s.contents[0].announced = strlen(row->message);
        }
        if (row->recipient == NULL) {
            refused(x, "melde", &s.request, XTA_PARAMETER_NOT_VALID, XTA_N_UNSPECIFIED);
            continue;
        }
        send_ok(x, &s);
        routed_row_expect(x, row, id);
        (void)status_of(x, id);
        if (row->route != NULL && strcmp(row->route, "umzug") == 0)
            routed_box_expect(x, id);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(local, setup, teardown),
        cmocka_unit_test_setup_teardown(report, setup, teardown),
        cmocka_unit_test_setup_teardown(report_of_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(foreign, setup, teardown),
        cmocka_unit_test_setup_teardown(lookup, setup, teardown),
        cmocka_unit_test_setup_teardown(bad, setup, teardown),
        cmocka_unit_test_setup_teardown(encodings, setup, teardown),
        cmocka_unit_test_setup_teardown(ids_once, setup, teardown),
        cmocka_unit_test_setup_teardown(encrypted, setup, teardown),
        cmocka_unit_test_setup_teardown(cancel, setup, teardown),
        cmocka_unit_test_setup_teardown(sync_local, setup_answers, teardown),
        cmocka_unit_test_setup_teardown(sync_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(deliver_answered, setup_answers, teardown),
        cmocka_unit_test_setup_teardown(deliver_unanswered, setup, teardown),
        cmocka_unit_test_setup_teardown(deliver_by_author, setup, teardown),
        cmocka_unit_test_setup_teardown(deliver_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(metadata_too_large, setup, teardown),
        cmocka_unit_test_setup_teardown(few_may_wait, setup_waiting, teardown),
        cmocka_unit_test_setup_teardown(routed, setup_routes, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

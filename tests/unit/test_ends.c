/*
 * Every end of a message, at every door through which it can have come: exactly one answer where
 * its sender looks. The doors are the drop folder (receipts/), the API, the XTA server
 * (getTransportReport), and a route that led an inbound message onward.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <jansson.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sysexits.h>

#include <curl/curl.h>

#include "gateway/api.h"
#include "gateway/cli.h"
#include "gateway/onward.h"
#include "gateway/spool.h"
#include "gateway/worker.h"
#include "helper_crypto.h"
#include "helper_osci.h"
#include "helper_xta_server.h"

struct world {
    struct helper_xta x;
    struct gw_api_server *api;
    atomic_bool api_runs;
    struct gw_spool_endpoint spool;
    struct arena arena;
    unsigned sent;
};

static struct world *world; /* one for all rows: each has messages of its own */

/* ---- the ends ---- */

enum { OPEN = 0, GREEN = 1, YELLOW = 2, RED = 3 }; /* of an XTA report */

/* What happens to the outbound message, step by step. */
static const struct end {
    const char *name, *steps;
    enum gw_state state;
    int reason; /* of the steps that fail; 0: none does */
    int report;
    enum gw_state inbound; /* of the message that went on as this one */
} ends[] = {
    {"delivered", "seal submit deliver", GW_DELIVERED, 0, GREEN, GW_ACKNOWLEDGED},
    {"fetched after it was forwarded", "seal submit forward deliver", GW_DELIVERED, 0, GREEN,
     GW_ACKNOWLEDGED},
    {"delivered after a doubt", "seal doubt deliver", GW_DELIVERED, GW_R_NET_CUT, YELLOW,
     GW_ACKNOWLEDGED},
    {"delivered after it was deferred", "defer seal submit deliver", GW_DELIVERED, GW_R_NET_REFUSED,
     YELLOW, GW_ACKNOWLEDGED},
    {"failed at once", "fail", GW_FAILED, GW_R_PARTNER_UNKNOWN, RED, GW_FAILED},
    {"rejected by the other side", "seal fail", GW_FAILED, GW_R_TARGET_REFUSED, RED, GW_FAILED},
    {"rejected after it was submitted", "seal submit fail", GW_FAILED, GW_R_XTA_REPORT, RED,
     GW_FAILED},
    {"failed after a doubt", "seal doubt fail", GW_FAILED, GW_R_XTA_PARAMETER, RED, GW_FAILED},
    {"damaged here", "damage", GW_FAILED, GW_R_STORE_DAMAGED, RED, GW_FAILED},
    {"expired in the queue", "expire", GW_EXPIRED, GW_R_EXPIRED, RED, GW_FAILED},
    {"expired between attempts", "defer seal defer expire", GW_EXPIRED, GW_R_EXPIRED, RED,
     GW_FAILED},
    {"expired while unclear", "seal doubt expire", GW_EXPIRED, GW_R_EXPIRED, RED, GW_FAILED},
    {"expired in the mailbox", "seal submit expire", GW_EXPIRED, GW_R_EXPIRED, RED, GW_FAILED},
    {"expired on the way", "seal submit forward expire", GW_EXPIRED, GW_R_EXPIRED, RED, GW_FAILED},
    {"cancelled", "cancel", GW_CANCELLED, 0, RED, GW_FAILED},
    {"cancelled between attempts", "seal defer cancel", GW_CANCELLED, GW_R_NET_REFUSED, RED,
     GW_FAILED},
    {"arrived after it was given up", "seal submit expire deliver", GW_DELIVERED, GW_R_EXPIRED,
     YELLOW, GW_ACKNOWLEDGED},
    {"failed, tried again, delivered", "seal fail retry seal submit deliver", GW_DELIVERED,
     GW_R_TARGET_REFUSED, YELLOW, GW_ACKNOWLEDGED},
    {"failed, tried again, failed", "seal fail retry fail", GW_FAILED, GW_R_TARGET_REFUSED, RED,
     GW_FAILED},
    {"failed and put away", "seal fail archive", GW_FAILED, GW_R_TARGET_REFUSED, RED, GW_FAILED},
    /* no end: nobody is told one */
    {"unclear", "seal doubt", GW_UNCLEAR, GW_R_NET_CUT, OPEN, GW_HANDED_OVER},
    {"deferred", "defer", GW_DEFERRED, GW_R_NET_REFUSED, OPEN, GW_HANDED_OVER},
    {"in the mailbox", "seal submit", GW_SUBMITTED, 0, OPEN, GW_HANDED_OVER},
    {"accepted", "", GW_ACCEPTED, 0, OPEN, GW_HANDED_OVER},
};

static bool fails(enum gw_event event)
{
    return event == GW_EV_DEFER || event == GW_EV_DOUBT || event == GW_EV_FAIL ||
           event == GW_EV_EXPIRE || event == GW_EV_DAMAGE;
}

static void step(const char *id, enum gw_event event, int reason)
{
    const struct gw_explain_field fields[] = {{"recipient", "Beheim"}, {"detail", "so"}};
    AUTO(buf_deinit) struct buf en = {0}, de = {0};
    struct gw_move move = {.id = id,
                           .event = event,
                           .next_attempt_at = gw_now_ms() + 1000,
                           .cause = {.now = gw_now_ms(), .actor = "test"}};
    struct error err = {0};

    buf_init(&en, 4096);
    buf_init(&de, 4096);
    if (event == GW_EV_DELIVER)
        move.reception = (struct gw_card_time){"2026-05-04T09:15:00.000Z", 1777886100000};
    if (fails(event)) {
        gw_explain_what(&en, reason, GW_LANG_EN, fields, ARRAY_LEN(fields));
        gw_explain_what(&de, reason, GW_LANG_DE, fields, ARRAY_LEN(fields));
        move.cause.reason = reason;
        move.cause.en = buf_cstr(&en);
        move.cause.de = buf_cstr(&de);
    }
    helper_ok(gw_store_commit_move(world->x.h.rt->store, &move, NULL, &err), &err);
}

static void bring_about(const struct end *end, const char *id)
{
    struct span rest = span_str(end->steps), word;
    enum gw_event event;

    while (span_split(&rest, ' ', &word) && word.len > 0) {
        assert_true(gw_event_of(word, &event));
        step(id, event, end->reason);
    }
}

/* ---- the command ---- */

static json_t *ask(const char *verb, const char *id, const char *more, int *rc)
{
    char socket[512], *said = NULL;
    char *argv[16] = {(char *)(uintptr_t) "depesche", (char *)(uintptr_t) "--socket",
                      (char *)(uintptr_t)helper_path(&world->x.h, socket, "api.sock"),
                      (char *)(uintptr_t) "--json"};
    AUTO(free_drop) char *words = NULL;
    struct gw_cli_io io = {.now = gw_now_ms(), .err = stderr, .lang = GW_LANG_EN};
    int argc = 4;
    json_t *json;
    size_t len;

    words = strdup(verb);
    assert_non_null(words);
    for (char *at = words, *one; (one = strsep(&at, " ")) != NULL;)
        argv[argc++] = one;
    argv[argc++] = (char *)(uintptr_t)id;
    if (more != NULL) {
        argv[argc++] = (char *)(uintptr_t) "--reason";
        argv[argc++] = (char *)(uintptr_t)more;
    }
    io.out = open_memstream(&said, &len);
    assert_non_null(io.out);
    *rc = gw_cli_run(argc, argv, &io);
    assert_int_equal(fclose(io.out), 0);
    json = json_loads(said, JSON_DECODE_ANY, NULL);
    free(said);
    return json;
}

static const char *text_of(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));

    return text == NULL ? "" : text;
}

/* ---- the doors ---- */

static const char *newest(enum gw_box box)
{
    struct gw_message_list list = helper_messages(&world->x.h, &world->arena, box, 0);

    assert_true(list.count > 0);
    return list.rows[0].id;
}

static void drop_send(char id[GW_ID_SIZE])
{
    struct error err = {0};
    char name[64];
    int again_ms;

    (void)snprintf(name, sizeof name, "standes/out/%u.txt", ++world->sent);
    helper_file(&world->x.h, name, SPAN("Hallo"));
    helper_ok(gw_spool_take(&world->spool, &again_ms, &err), &err);
    (void)snprintf(id, GW_ID_SIZE, "%s", newest(GW_OUTBOX));
}

static void api_send(char id[GW_ID_SIZE])
{
    AUTO(json_drop) json_t *json = NULL;
    char name[64], path[512];
    int rc;

    (void)snprintf(name, sizeof name, "%u.bin", ++world->sent);
    helper_file(&world->x.h, name, SPAN("Hallo"));
    json = ask("send --endpoint standesamt --to Beheim", helper_path(&world->x.h, path, "%s", name),
               NULL, &rc);
    assert_int_equal(rc, EX_OK);
    (void)snprintf(id, GW_ID_SIZE, "%s", newest(GW_OUTBOX));
}

static void xta_id(unsigned n, char id[128])
{
    (void)snprintf(id, 128, "urn:de:xta:messageid:fremd:%u", n);
}

/* not_before: when it may go; NULL: at once. */
static void xta_send_at(const char *not_before, char id[GW_ID_SIZE])
{
    AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};
    struct xta_request r = helper_xta_request(XTA_V3, XTA_SEND_MESSAGE, NULL);
    struct xta_content content = {
        .content_type = SPAN("text/plain"), .filename = SPAN("a.txt"), .id = SPAN("m1"), .len = 5};
    struct source_span body;
    char urn[128];

    xta_id(++world->sent, urn);
    r.metadata =
        (struct xta_metadata){.version = XTA_V3,
                              .id = span_str(urn),
                              .reader = {.value = SPAN(HELPER_TOWN), .scheme = SPAN("xoev")},
                              .author = {.value = SPAN(HELPER_OFFICE), .scheme = SPAN("xoev")},
                              .service = SPAN(""),
                              .message_schema = SPAN("urn:s"),
                              .quality_undefined = SPAN("keines"),
                              .origin = SPAN("2026-05-04T08:00:00Z"),
                              .scenario = {SPAN("urn:l"), SPAN("1.0"), SPAN("X"), SPAN_NONE},
                              .message_type = {SPAN("urn:l"), SPAN("1.0"), SPAN("t"), SPAN_NONE},
                              .size = 5};
    if (not_before != NULL)
        r.metadata.not_before = span_str(not_before);
    content.announced = 5;
    content.body = source_span_init(&body, SPAN("Hallo"));
    r.container = (struct xta_container){.has_message = true, .contents = &content, .count = 1};
    helper_xta_ask(&world->x, "standes", &r, &reply);
    assert_int_equal(reply.status, ST_OK);
    (void)snprintf(id, GW_ID_SIZE, "%s", newest(GW_OUTBOX));
}

/* It waits here, since its reader is in this house and would have it at once. */
static void xta_send(char id[GW_ID_SIZE])
{
    xta_send_at("2999-01-01T00:00:00Z", id);
}

/* An inbound message that nobody here receives, of this route, opened or in quarantine. */
static void inbound_add(const char *route, enum gw_event event, int reason, char id[GW_ID_SIZE])
{
    AUTO(gw_stage_drop) struct gw_stage *stage = NULL;
    struct gw_store *store = world->x.h.rt->store;
    const struct gw_message_row row = {.id = id,
                                       .tenant = "Ahausen",
                                       .box = GW_INBOX,
                                       .peer = "demo",
                                       .sender = "Beheim",
                                       .subject = "typ",
                                       .route = route,
                                       .created_at = gw_now_ms()};
    const struct gw_cause cause = {.now = gw_now_ms(), .actor = "test"};
    const struct gw_file_row *files;
    struct error err = {0};
    size_t n;

    helper_ok(gw_uuid_make(rng_system(), gw_now_ms(), id, &err), &err);
    helper_ok(gw_stage_new(store, id, &stage, &err), &err);
    helper_ok(
        gw_stage_add_bytes(stage, GW_FILE_PAYLOAD, "brief.txt", NULL, NULL, SPAN("Hallo"), &err),
        &err);
    helper_ok(gw_stage_publish(stage, &err), &err);
    files = gw_stage_files(stage, &n);
    helper_ok(gw_store_commit_message(store, &row, files, n, &cause, NULL, &err), &err);
    gw_stage_done(stage);
    step(id, event, reason);
}

static enum status onward_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    return gw_onward_add(tx, ctx, gw_now_ms(), err);
}

static void onward_send(char id[GW_ID_SIZE])
{
    AUTO(gw_onward_deinit) struct gw_onward onward = {0};
    const struct gw_runtime *rt = world->x.h.rt;
    struct gw_file_list files = {0};
    struct gw_route_in route;
    struct gw_message_row in;
    struct error err = {0};
    char in_id[GW_ID_SIZE];
    struct gw_tx *tx;

    inbound_add("weiter", GW_EV_OPEN, 0, in_id);
    in = helper_message_of(&world->x.h, &world->arena, in_id);
    helper_ok(gw_route_kept(rt, &in, &route, &err), &err);
    helper_ok(gw_store_read(rt->store, &tx, &err), &err);
    helper_ok(gw_store_files(tx, &world->arena, in_id, &files, &err), &err);
    gw_read_end(&tx);
    helper_ok(gw_onward_make(rt, &in, files.rows, files.count, &route, gw_now_ms(), &onward, &err),
              &err);
    helper_ok(gw_store_commit(rt->store, onward_commit, &onward, &err), &err);
    gw_onward_done(&onward);
    (void)snprintf(id, GW_ID_SIZE, "%s", onward.id);
}

/* ---- where their senders look ---- */

/* One step into this state, if the last one led there; a step back and forth counts each time. */
static void one_end(const char *id, const char *steps, enum gw_state state)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_event_list events = {0};
    struct error err = {0};
    size_t into = 0, wanted = 1;

    if (strstr(steps, "fail retry fail") != NULL)
        wanted = 2;
    helper_ok(gw_store_read(world->x.h.rt->store, &tx, &err), &err);
    helper_ok(gw_store_events(tx, &world->arena, 0, id, NULL, NULL, GW_LIST_MAX, &events, &err),
              &err);
    for (size_t i = 0; i < events.count; i++)
        into += events.rows[i].from != events.rows[i].to && events.rows[i].to == state;
    assert_int_equal(into, wanted);
}

static bool is_failure(const struct end *end)
{
    return end->report == RED && end->state != GW_CANCELLED;
}

/* receipts/<id>.json and <id>.txt, once each, and nothing else of this message. */
static void drop_look(const char *id, const struct end *end)
{
    AUTO(free_drop) char *text = NULL, *said = NULL;
    AUTO(json_drop) json_t *json = NULL;
    struct error err = {0};
    char folder[512], code[GW_CODE_SIZE], line[256];
    size_t count = 0;
    DIR *dir;

    helper_ok(gw_spool_receipts(&world->spool, &err), &err);
    dir = opendir(helper_path(&world->x.h, folder, "standes/receipts"));
    assert_non_null(dir);
    for (const struct dirent *e; (e = readdir(dir)) != NULL;)
        count += strstr(e->d_name, id) != NULL;
    closedir(dir);
    assert_int_equal(count, 2);
    text = helper_read_file(&world->x.h, "standes/receipts/%s.json", id);
    json = json_loads(text, 0, NULL);
    assert_string_equal(text_of(json, "state"), gw_state_name(end->state));
    assert_string_equal(text_of(json, "state_text_de"), gw_state_text(end->state, true));
    if (is_failure(end))
        assert_string_equal(text_of(json_object_get(json, "last_error"), "code"),
                            gw_explain_code(end->reason, code));
    said = helper_read_file(&world->x.h, "standes/receipts/%s.txt", id);
    (void)snprintf(line, sizeof line, "Zustand:           %s\r\n", gw_state_text(end->state, true));
    assert_non_null(strstr(said, line));
    (void)snprintf(line, sizeof line, "State:             %s\r\n",
                   gw_state_text(end->state, false));
    assert_non_null(strstr(said, line));
    if (is_failure(end))
        assert_non_null(strstr(said, code));
}

static void api_look(const char *id, const struct end *end)
{
    AUTO(json_drop) json_t *json = NULL;
    const json_t *receipt;
    char code[GW_CODE_SIZE];
    int rc;

    json = ask("show", id, NULL, &rc);
    assert_int_equal(rc, EX_OK);
    assert_string_equal(text_of(json, "state"), gw_state_name(end->state));
    if (is_failure(end)) {
        const json_t *error = json_object_get(json, "last_error");

        assert_string_equal(text_of(error, "code"), gw_explain_code(end->reason, code));
        assert_true(strlen(text_of(error, "de")) > 0 && strlen(text_of(error, "en")) > 0);
    }
    receipt = json_object_get(json, "receipt");
    assert_int_equal(strlen(text_of(receipt, "reception")) > 0, end->state == GW_DELIVERED);
}

static void report_ask(unsigned n, const char *client, const char *party,
                       struct helper_xta_reply *reply)
{
    struct xta_request r = helper_xta_request(XTA_V3, XTA_GET_TRANSPORT_REPORT, party);
    char urn[128];

    xta_id(n, urn);
    r.message_id = span_str(urn);
    helper_xta_ask(&world->x, client, &r, reply);
}

/* Its reader does not know it. */
static void unseen_look(unsigned n)
{
    AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};

    report_ask(n, "melde", HELPER_TOWN, &reply);
    assert_int_equal(reply.status, ST_DENIED);
    assert_int_equal(reply.fault.exception, XTA_INVALID_MESSAGE_ID);
}

static void report_look(unsigned n, int status)
{
    AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};
    const struct xta_report *report = &reply.answer.report;

    report_ask(n, "standes", HELPER_OFFICE, &reply);
    assert_int_equal(reply.status, ST_OK);
    assert_int_equal(report->status, status);
    assert_int_equal(report->errors.count > 0, status == RED);
}

static void xta_look(const char *id, const struct end *end)
{
    (void)id;
    report_look(world->sent, end->report);
}

/* Nobody here has sent it: the inbound message says what came of it, and so does `why` of it. */
static void onward_look(const char *id, const struct end *end)
{
    const struct gw_message_row out = helper_message_of(&world->x.h, &world->arena, id);
    const char *in = out.correlation;
    AUTO(json_drop) json_t *why = NULL, *same = NULL;
    const char *sentence;
    int rc, rc_same;

    assert_int_equal(helper_message_of(&world->x.h, &world->arena, in).state, end->inbound);
    if (end->report != OPEN && strstr(end->steps, "retry") == NULL &&
        strstr(end->steps, "expire deliver") == NULL)
        one_end(in, end->steps, end->inbound);
    why = ask("why", in, NULL, &rc);
    same = ask("why", id, NULL, &rc_same);
    assert_int_equal(rc, rc_same);
    assert_string_equal(text_of(why, "code"), text_of(same, "code"));
    assert_string_equal(text_of(why, "side"), text_of(same, "side"));
    assert_string_equal(text_of(why, "id"), in);
    sentence = text_of(json_object_get(why, "de"), "sentence");
    assert_non_null(strstr(sentence, "Die Nachricht von Beheim ging weiter, als "));
    assert_non_null(strstr(sentence, id));
    assert_null(strchr(sentence, '{'));
    assert_non_null(strstr(text_of(json_object_get(why, "en"), "sentence"), id));
}

static const struct door {
    const char *name;
    void (*send)(char id[GW_ID_SIZE]);
    void (*look)(const char *id, const struct end *end);
} doors[] = {
    {"drop folder", drop_send, drop_look},
    {"API", api_send, api_look},
    {"XTA", xta_send, xta_look},
    {"onward", onward_send, onward_look},
};

static struct row {
    char name[96];
    const struct door *door;
    const struct end *end;
} rows[ARRAY_LEN(doors) * ARRAY_LEN(ends)];

static void end_at_door(void **state)
{
    const struct row *row = *state;
    char id[GW_ID_SIZE];

    row->door->send(id);
    bring_about(row->end, id);
    assert_int_equal(helper_message_of(&world->x.h, &world->arena, id).state, row->end->state);
    row->door->look(id, row->end);
    if (row->end->report != OPEN)
        one_end(id, row->end->steps, row->end->state);
}

/* ---- ends that others bring about ---- */

/* To a reader in this house, whose message is damaged and then dropped from quarantine. */
static void dropped_here(void **state)
{
    const struct end end = {.state = GW_FAILED, .reason = GW_R_DROPPED, .report = RED, .steps = ""};
    AUTO(json_drop) json_t *json = NULL, *why = NULL;
    char id[GW_ID_SIZE], in[GW_ID_SIZE];
    int rc;

    (void)state;
    xta_send_at(NULL, id);
    (void)snprintf(in, sizeof in, "%s", newest(GW_INBOX));
    assert_string_equal(helper_message_of(&world->x.h, &world->arena, in).correlation, id);
    step(in, GW_EV_DAMAGE, GW_R_STORE_DAMAGED);
    report_look(world->sent, OPEN);
    json = ask("quarantine drop", in, "kaputt", &rc);
    assert_int_equal(rc, EX_OK);
    report_look(world->sent, RED);
    unseen_look(world->sent);
    drop_look(id, &end);
    api_look(id, &end);
    one_end(id, "", GW_FAILED);
    why = ask("why", id, NULL, &rc);
    assert_non_null(strstr(text_of(json_object_get(why, "de"), "sentence"), "kaputt"));
    step(in, GW_EV_ARCHIVE,
         0); /* when its time has run out its reader sees it no more than before */
    unseen_look(world->sent);
}

/* What a check of ours has held back, and a route leads elsewhere. */
static void released_goes_on(void **state)
{
    AUTO(json_drop) json_t *json = NULL, *again = NULL;
    struct gw_message_row out;
    char in[GW_ID_SIZE];
    int rc;

    (void)state;
    inbound_add("weiter", GW_EV_QUARANTINE, GW_R_SCAN_FINDING_IN, in);
    json = ask("quarantine release", in, "Fehlalarm", &rc);
    assert_int_equal(rc, EX_OK);
    assert_int_equal(helper_message_of(&world->x.h, &world->arena, in).state, GW_HANDED_OVER);
    out = helper_message_of(&world->x.h, &world->arena, newest(GW_OUTBOX));
    assert_string_equal(out.correlation, in);
    assert_string_equal(out.recipient, "Beheim");
    assert_int_equal(out.state, GW_ACCEPTED);
    again = ask("quarantine release", in, "noch einmal", &rc);
    assert_int_not_equal(rc, EX_OK);
    step(out.id, GW_EV_FAIL, GW_R_TARGET_REFUSED);
    assert_int_equal(helper_message_of(&world->x.h, &world->arena, in).state, GW_FAILED);
    step(out.id, GW_EV_RETRY, 0);
    step(out.id, GW_EV_DELIVER, 0);
    assert_int_equal(helper_message_of(&world->x.h, &world->arena, in).state, GW_ACKNOWLEDGED);
}

/* But not without one of its files. */
static void released_damaged(void **state)
{
    AUTO(json_drop) json_t *json = NULL;
    struct gw_file_list files = {0};
    char in[GW_ID_SIZE], path[512];
    struct error err = {0};
    struct gw_tx *tx;
    int rc;

    (void)state;
    inbound_add("weiter", GW_EV_QUARANTINE, GW_R_SCAN_FINDING_IN, in);
    helper_ok(gw_store_read(world->x.h.rt->store, &tx, &err), &err);
    helper_ok(gw_store_files(tx, &world->arena, in, &files, &err), &err);
    gw_read_end(&tx);
    assert_int_equal(unlink(helper_path(&world->x.h, path, "state/%s", files.rows[0].path)), 0);
    json = ask("quarantine release", in, "Fehlalarm", &rc);
    assert_int_equal(rc, EX_DATAERR);
    assert_int_equal(helper_message_of(&world->x.h, &world->arena, in).state, GW_QUARANTINED);
}

/* Nobody received this type; by now the settings name somebody. */
static void released_to_its_endpoint(void **state)
{
    AUTO(json_drop) json_t *json = NULL;
    struct gw_event_list events = {0};
    struct gw_message_row row;
    struct error err = {0};
    char in[GW_ID_SIZE];
    struct gw_tx *tx;
    int rc;

    (void)state;
    inbound_add(NULL, GW_EV_QUARANTINE, GW_R_NO_ENDPOINT_FOR_TYPE, in);
    json = ask("quarantine release", in, "eingetragen", &rc);
    assert_int_equal(rc, EX_OK);
    row = helper_message_of(&world->x.h, &world->arena, in);
    assert_int_equal(row.state, GW_OPENED);
    assert_string_equal(row.endpoint, "meldewesen");
    helper_ok(gw_store_read(world->x.h.rt->store, &tx, &err), &err);
    helper_ok(gw_store_events(tx, &world->arena, 0, in, NULL, "meldewesen", 0, &events, &err),
              &err);
    gw_read_end(&tx);
    assert_int_equal(events.count, 2); /* it hears of its message from now on */
}

/* What is refused is no message: the answer comes at once, and at that door alone. */
static void refused(void **state)
{
    size_t before = helper_messages(&world->x.h, &world->arena, GW_OUTBOX, 0).count;
    AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};
    struct xta_request r = helper_xta_request(XTA_V3, XTA_SEND_MESSAGE, NULL);
    AUTO(json_drop) json_t *json = NULL;
    struct error err = {0};
    char path[512];
    int rc, again_ms;

    (void)state;
    helper_file(&world->x.h, "standes/out/a.unbekannt", SPAN("x"));
    helper_ok(gw_spool_take(&world->spool, &again_ms, &err), &err);
    assert_true(helper_there(&world->x.h, "standes/refused/a.unbekannt.error.txt"));
    helper_file(&world->x.h, "b.bin", SPAN("x"));
    json = ask("send --endpoint standesamt --to Niemand", helper_path(&world->x.h, path, "b.bin"),
               NULL, &rc);
    assert_int_not_equal(rc, EX_OK);
    r.metadata.version = XTA_V3;
    helper_xta_ask(&world->x, "standes", &r, &reply);
    assert_int_equal(reply.status, ST_DENIED);
    assert_int_equal(helper_messages(&world->x.h, &world->arena, GW_OUTBOX, 0).count, before);
}

/* ---- the world ---- */

/* The loop runs already, and what it serves is its own. */
static void api_start(void *ctx)
{
    struct world *w = ctx;
    struct error err = {0};

    helper_ok(gw_api_start(w->x.h.rt, &w->api, &err), &err);
    atomic_store(&w->api_runs, true);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct error err = {0};

    assert_non_null(w);
    assert_int_equal(helper_crypto_setup(state), 0);
    arena_init(&w->arena, 256 * 1024 * 1024);
    helper_xta_start_with(
        &w->x,
        ", folder: {dir}/standes, complete: rename, routes: [{files: '*.txt', partner: Beheim}]",
        "",
        "api: { socket: {dir}/api.sock }\n"
        "routes:\n"
        "  - {name: weiter, from: [peers], subject: keines, to: [Beheim]}\n");
    helper_ok(gw_spool_endpoint_open(&w->spool, w->x.h.rt,
                                     gw_config_endpoint(w->x.h.conf, "standesamt"), &err),
              &err);
    world = w;
    gw_loop_post(w->x.h.loop, api_start, w);
    while (!atomic_load(&w->api_runs))
        usleep(1000);
    *state = NULL;
    return 0;
}

static int teardown(void **state)
{
    if (world == NULL)
        return -1;
    gw_spool_endpoint_deinit(&world->spool);
    helper_xta_stop(&world->x);
    gw_api_server_free(world->api);
    arena_deinit(&world->arena);
    free(world);
    return helper_crypto_teardown(state);
}

int main(void)
{
    static struct CMUnitTest tests[ARRAY_LEN(rows) + 5];
    size_t n = 0;
    int rc;

    assert_int_equal(curl_global_init(CURL_GLOBAL_DEFAULT), CURLE_OK);
    gw_worker_setup(4);
    for (size_t d = 0; d < ARRAY_LEN(doors); d++)
        for (size_t e = 0; e < ARRAY_LEN(ends); e++) {
            struct row *row = &rows[n];

            (void)snprintf(row->name, sizeof row->name, "%s: %s", doors[d].name, ends[e].name);
            row->door = &doors[d];
            row->end = &ends[e];
            tests[n++] = (struct CMUnitTest){row->name, end_at_door, NULL, NULL, row};
        }
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(dropped_here);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(released_goes_on);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(released_damaged);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(released_to_its_endpoint);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(refused);
    rc = _cmocka_run_group_tests("ends", tests, n, setup, teardown);
    curl_global_cleanup();
    return rc;
}

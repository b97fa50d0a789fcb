/* what is decided about messages through the API: ack, retry, cancel, redeliver */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "helper_api.h"

enum { STEPS_MAX = 5 };

static struct row {
    const char *name, *verb;
    enum gw_box box;
    enum gw_event before[STEPS_MAX]; /* up to the first 0, which is GW_EV_ACCEPT */
    enum helper_user who;
    int status, reason;
    enum gw_state after;
} rows[] = {
    {"ack: not handed over yet",
     "ack",
     GW_INBOX,
     {GW_EV_OPEN},
     HELPER_ONE,
     200,
     0,
     GW_ACKNOWLEDGED},
    {"ack: handed over",
     "ack",
     GW_INBOX,
     {GW_EV_OPEN, GW_EV_HAND_OVER},
     HELPER_ONE,
     200,
     0,
     GW_ACKNOWLEDGED},
    {"ack: a second time",
     "ack",
     GW_INBOX,
     {GW_EV_OPEN, GW_EV_HAND_OVER, GW_EV_ACKNOWLEDGE},
     HELPER_ONE,
     200,
     0,
     GW_ACKNOWLEDGED},
    {"ack: after a hand-over that failed",
     "ack",
     GW_INBOX,
     {GW_EV_OPEN, GW_EV_DEFER},
     HELPER_ONE,
     200,
     0,
     GW_ACKNOWLEDGED},
    {"ack: not opened", "ack", GW_INBOX, {0}, HELPER_ONE, 409, GW_R_MESSAGE_STATE, GW_RECEIVED},
    {"ack: in quarantine",
     "ack",
     GW_INBOX,
     {GW_EV_QUARANTINE},
     HELPER_ADMIN,
     409,
     GW_R_MESSAGE_STATE,
     GW_QUARANTINED},
    {"ack: of the outbox", "ack", GW_OUTBOX, {0}, HELPER_ONE, 409, GW_R_MESSAGE_STATE, GW_ACCEPTED},
    {"ack: somebody else's",
     "ack",
     GW_INBOX,
     {GW_EV_OPEN},
     HELPER_TWO,
     404,
     GW_R_MESSAGE_UNKNOWN,
     GW_OPENED},
    {"retry: deferred", "retry", GW_OUTBOX, {GW_EV_DEFER}, HELPER_ONE, 200, 0, GW_DEFERRED},
    {"retry: failed", "retry", GW_OUTBOX, {GW_EV_FAIL}, HELPER_ONE, 200, 0, GW_DEFERRED},
    {"retry: expired", "retry", GW_OUTBOX, {GW_EV_EXPIRE}, HELPER_ONE, 200, 0, GW_DEFERRED},
    {"retry: unclear stays so",
     "retry",
     GW_OUTBOX,
     {GW_EV_SEAL, GW_EV_DOUBT},
     HELPER_ONE,
     200,
     0,
     GW_UNCLEAR},
    {"retry: delivered",
     "retry",
     GW_OUTBOX,
     {GW_EV_SEAL, GW_EV_SUBMIT, GW_EV_DELIVER},
     HELPER_ONE,
     409,
     GW_R_MESSAGE_STATE,
     GW_DELIVERED},
    {"retry: cancelled",
     "retry",
     GW_OUTBOX,
     {GW_EV_CANCEL},
     HELPER_ONE,
     409,
     GW_R_MESSAGE_STATE,
     GW_CANCELLED},
    {"retry: hand-over deferred",
     "retry",
     GW_INBOX,
     {GW_EV_OPEN, GW_EV_DEFER},
     HELPER_ONE,
     200,
     0,
     GW_DEFERRED},
    {"retry: acknowledged",
     "retry",
     GW_INBOX,
     {GW_EV_OPEN, GW_EV_HAND_OVER, GW_EV_ACKNOWLEDGE},
     HELPER_ONE,
     200,
     0,
     GW_OPENED},
    {"retry: in quarantine",
     "retry",
     GW_INBOX,
     {GW_EV_QUARANTINE},
     HELPER_ADMIN,
     409,
     GW_R_MESSAGE_STATE,
     GW_QUARANTINED},
    {"retry: somebody else's",
     "retry",
     GW_OUTBOX,
     {GW_EV_FAIL},
     HELPER_TWO,
     404,
     GW_R_MESSAGE_UNKNOWN,
     GW_FAILED},
    {"cancel: accepted", "cancel", GW_OUTBOX, {0}, HELPER_ONE, 200, 0, GW_CANCELLED},
    {"cancel: sealed", "cancel", GW_OUTBOX, {GW_EV_SEAL}, HELPER_ONE, 200, 0, GW_CANCELLED},
    {"cancel: deferred",
     "cancel",
     GW_OUTBOX,
     {GW_EV_SEAL, GW_EV_DEFER},
     HELPER_ONE,
     200,
     0,
     GW_CANCELLED},
    {"cancel: a second time",
     "cancel",
     GW_OUTBOX,
     {GW_EV_CANCEL},
     HELPER_ONE,
     200,
     0,
     GW_CANCELLED},
    {"cancel: perhaps there already",
     "cancel",
     GW_OUTBOX,
     {GW_EV_SEAL, GW_EV_DOUBT},
     HELPER_ONE,
     409,
     GW_R_SUBMITTED,
     GW_UNCLEAR},
    {"cancel: submitted",
     "cancel",
     GW_OUTBOX,
     {GW_EV_SEAL, GW_EV_SUBMIT},
     HELPER_ONE,
     409,
     GW_R_SUBMITTED,
     GW_SUBMITTED},
    {"cancel: failed anyway",
     "cancel",
     GW_OUTBOX,
     {GW_EV_FAIL},
     HELPER_ONE,
     409,
     GW_R_MESSAGE_STATE,
     GW_FAILED},
    {"cancel: of the inbox",
     "cancel",
     GW_INBOX,
     {GW_EV_OPEN},
     HELPER_ONE,
     409,
     GW_R_MESSAGE_STATE,
     GW_OPENED},
};

static void test_row(void **state)
{
    const struct row *row = *state;
    struct helper_api *h = helper_api_new();
    AUTO(helper_answer_deinit) struct helper_answer a = {0};
    AUTO(arena_deinit) struct arena arena = {0};
    struct gw_message_row m;
    char id[GW_ID_SIZE], path[200];

    helper_api_start(h);
    helper_message_add(&h->store, row->box, "demo", "hello", 0, id);
    for (size_t i = 0; i < STEPS_MAX && row->before[i] != 0; i++)
        helper_move(&h->store, id, row->before[i], 1000);
    helper_api_be(h, row->who);
    (void)snprintf(path, sizeof path, "/v1/messages/%s/%s?reason=gepr%%C3%%BCft", id, row->verb);
    helper_api_raw(h, "POST", path, NULL, SPAN_NONE, false, &a);
    if (row->status == 200) {
        assert_int_equal(a.status, 200);
        assert_string_equal(helper_str(a.json, "state"), gw_state_name(row->after));
    } else {
        helper_problem_is(&a, row->status, row->reason);
    }
    arena_init(&arena, 1024 * 1024);
    m = helper_message(&h->store, &arena, id);
    assert_int_equal(m.state, row->after);
    helper_api_free(h);
}

/* Who has expired gets as much time again, and who acted and why is known. */
static void a_retry_gives_new_time(void **state)
{
    struct helper_api *h = *state;
    AUTO(helper_answer_deinit) struct helper_answer a = {0}, events = {0};
    AUTO(arena_deinit) struct arena arena = {0};
    struct gw_message_row m;
    const json_t *all, *last;
    char id[GW_ID_SIZE], path[200], actor[GW_API_ACTOR_SIZE];

    helper_message_add(&h->store, GW_OUTBOX, "demo", "hello", 0, id);
    helper_move(&h->store, id, GW_EV_EXPIRE, 1000);
    (void)snprintf(path, sizeof path, "/v1/messages/%s/retry?reason=Leitung+wieder+da", id);
    helper_api_raw(h, "POST", path, NULL, SPAN_NONE, false, &a);
    assert_int_equal(a.status, 200);
    arena_init(&arena, 1024 * 1024);
    m = helper_message(&h->store, &arena, id);
    assert_true(m.expires_at > gw_now_ms() + INT64_C(2) * 86400000);
    assert_int_equal(m.attempts, 0);
    (void)snprintf(path, sizeof path, "/v1/messages/%s/events", id);
    helper_api_get(h, path, NULL, &events);
    all = json_object_get(events.json, "events");
    last = json_array_get(all, json_array_size(all) - 1);
    gw_api_actor(geteuid(), actor);
    assert_string_equal(helper_str(last, "event"), "retry");
    assert_string_equal(helper_str(last, "actor"), actor);
    assert_string_equal(helper_str(last, "de"), "Leitung wieder da");
}

/* What went on to a target lies with no program that it could be handed over to again: it would
 * wait for ever, and the end of what went on would not reach it any more. */
static void what_went_on_is_not_handed_over(void **state)
{
    struct helper_api *h = *state;
    AUTO(helper_answer_deinit) struct helper_answer a = {0};
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};
    AUTO(gw_stage_drop) struct gw_stage *stage = NULL;
    char id[GW_ID_SIZE], path[200];
    const struct gw_message_row row = {.id = id,
                                       .tenant = "stadt",
                                       .box = GW_INBOX,
                                       .peer = "demo",
                                       .subject = "hello",
                                       .created_at = HELPER_NOW_MS};
    const struct gw_cause cause = {.now = HELPER_NOW_MS, .actor = "test"};
    const struct gw_file_row *files;
    struct error err = {0};
    size_t count;

    helper_id(0, id);
    assert_int_equal(gw_stage_new(h->store.store, id, &stage, &err), ST_OK);
    assert_int_equal(
        gw_stage_add_bytes(stage, GW_FILE_PAYLOAD, "a", NULL, NULL, SPAN("hello"), &err), ST_OK);
    assert_int_equal(gw_stage_publish(stage, &err), ST_OK);
    files = gw_stage_files(stage, &count);
    assert_int_equal(
        gw_store_commit_message(h->store.store, &row, files, count, &cause, NULL, &err), ST_OK);
    gw_stage_done(stage);
    helper_move(&h->store, id, GW_EV_OPEN, 1000);
    helper_move(&h->store, id, GW_EV_HAND_OVER, 1000); /* gateway/onward.h */
    (void)snprintf(path, sizeof path, "/v1/messages/%s/retry", id);
    helper_api_raw(h, "POST", path, NULL, SPAN_NONE, false, &a);
    helper_problem_is(&a, 409, GW_R_MESSAGE_STATE);
    assert_int_equal(helper_message(&h->store, &arena, id).state, GW_HANDED_OVER);
}

/* ---- what an audit finds of it ---- */

static const json_t *audited(struct helper_api *h, struct helper_answer *a)
{
    helper_api_get(h, "/v1/events?audit=true&limit=1000", NULL, a);
    assert_int_equal(a->status, 200);
    return json_object_get(a->json, "events");
}

static void acts_and_refusals_are_links(void **state)
{
    struct helper_api *h = *state;
    AUTO(helper_answer_deinit) struct helper_answer a = {0}, b = {0}, c = {0}, d = {0}, audit = {0};
    char id[GW_ID_SIZE], path[160], actor[GW_API_ACTOR_SIZE];
    const json_t *all;

    helper_message_add(&h->store, GW_OUTBOX, "demo", "hello", 0, id);
    (void)snprintf(path, sizeof path, "/v1/messages/%s/cancel", id);
    helper_api_raw(h, "POST", path, NULL, SPAN_NONE, false, &a);
    assert_int_equal(a.status, 200);
    helper_api_be(h, HELPER_ONE);
    helper_api_get(h, "/v1/audit", NULL, &b);
    assert_int_equal(b.status, 403);
    helper_api_be(h, HELPER_NOBODY);
    helper_api_get(h, "/v1/status", NULL, &c);
    assert_int_equal(c.status, 403);
    helper_api_be(h, HELPER_ADMIN);
    for (int i = 0; i < 1000; i++) { /* that one is written behind the answer */
        helper_answer_deinit(&d);
        d = (struct helper_answer){0};
        if (json_array_size(audited(h, &d)) == 3)
            break;
        (void)usleep(20000);
    }
    all = json_object_get(d.json, "events");
    assert_int_equal(json_array_size(all), 3);
    gw_api_actor(geteuid(), actor);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(helper_str(json_array_get(all, i), "actor"), actor);
    assert_string_equal(helper_str(json_array_get(all, 0), "event"), "cancel");
    assert_string_equal(helper_str(json_array_get(all, 1), "event"), "peer.refused");
    assert_non_null(strstr(helper_str(json_array_get(all, 1), "en"), "GET /v1/audit"));
    assert_non_null(strstr(helper_str(json_array_get(all, 2), "de"), "GET /v1/status"));
    assert_string_equal(helper_str(json_array_get(all, 2), "code"), "D-1700");
    helper_api_get(h, "/v1/audit", NULL, &audit);
    assert_true(json_is_true(json_object_get(audit.json, "whole")));
}

/* A thousand knocks are not a thousand events, and the history tells that there were more. */
static void knocking_does_not_fill_the_history(void **state)
{
    struct helper_api *h = *state;
    AUTO(helper_answer_deinit) struct helper_answer a = {0}, after = {0};
    struct gw_refusals *r = &h->server->refusals;
    const json_t *all;

    for (int i = 0; i < 1000; i++)
        gw_refusal_say(r, &h->rt, "api:1", GW_R_API_DENIED, "no", "nein");
    assert_in_range(json_array_size(audited(h, &a)), 60, 120); /* a minute may have turned */
    r->minute--;
    gw_refusal_say(r, &h->rt, "api:1", GW_R_API_DENIED, "no", "nein");
    all = audited(h, &after);
    assert_non_null(strstr(helper_str(json_array_get(all, json_array_size(all) - 1), "en"),
                           " more before it are only in the log)"));
    r->in_hour = 298;
    for (int i = 0; i < 10; i++) {
        r->minute--;
        gw_refusal_say(r, &h->rt, "api:1", GW_R_API_DENIED, "no", "nein");
    }
    assert_true(r->in_hour <= 300);
}

/* ---- redeliver ---- */

static void taken(struct helper_api *h, int64_t at, char id[GW_ID_SIZE])
{
    helper_message_add(&h->store, GW_INBOX, "demo", "hello", at - 2000, id);
    helper_move(&h->store, id, GW_EV_OPEN, at - 2000);
    helper_move(&h->store, id, GW_EV_HAND_OVER, at - 1000);
    helper_move(&h->store, id, GW_EV_ACKNOWLEDGE, at);
}

static void redeliver(struct helper_api *h, const char *query, struct helper_answer *a)
{
    char path[200];

    (void)snprintf(path, sizeof path, "/v1/redeliver%s", query);
    helper_api_raw(h, "POST", path, NULL, SPAN_NONE, false, a);
}

static enum status forget(struct gw_tx *tx, void *ctx, struct error *err)
{
    return gw_store_files_remove(tx, ctx, GW_FILE_PAYLOAD, err);
}

static const char *state_now(struct helper_api *h, const char *id, struct helper_answer *a)
{
    char path[100];

    (void)snprintf(path, sizeof path, "/v1/messages/%s", id);
    helper_api_get(h, path, NULL, a);
    assert_int_equal(a->status, 200);
    return helper_str(a->json, "state");
}

/* HELPER_NOW is 2023-11-14T22:13:20Z. */
#define SINCE "since=2023-11-14T22:13:20Z"

static void what_was_taken_since_comes_again(void **state)
{
    struct helper_api *h = *state;
    AUTO(helper_answer_deinit)
    struct helper_answer a = {0}, old = {0}, late = {0}, lost = {0}, open = {0}, again = {0};
    char before[GW_ID_SIZE], across[GW_ID_SIZE], after[GW_ID_SIZE], gone[GW_ID_SIZE],
        opened[GW_ID_SIZE];
    struct error err = {0};
    const json_t *names;

    taken(h, -1, before);  /* acknowledged before */
    taken(h, 500, across); /* handed over before, acknowledged after */
    taken(h, 60000, after);
    taken(h, 60000, gone);
    assert_int_equal(gw_store_commit(h->store.store, forget, gone, &err), ST_OK);
    helper_message_add(&h->store, GW_INBOX, "demo", "hello", 60000, opened);
    helper_move(&h->store, opened, GW_EV_OPEN, 60000); /* nobody got it yet */

    helper_api_be(h, HELPER_ONE);
    redeliver(h, "?endpoint=meldewesen&" SINCE, &a);
    assert_int_equal(a.status, 200);
    assert_int_equal(json_integer_value(json_object_get(a.json, "redelivered")), 2);
    assert_int_equal(json_integer_value(json_object_get(a.json, "gone_count")), 1);
    names = json_object_get(a.json, "gone");
    assert_int_equal(json_array_size(names), 1);
    assert_string_equal(helper_str(json_array_get(names, 0), "id"), gone);

    assert_string_equal(state_now(h, before, &old), "acknowledged");
    assert_null(json_object_get(old.json, "repeated_at"));
    assert_string_equal(state_now(h, across, &late), "opened");
    assert_true(helper_str(late.json, "repeated_at")[0] != '\0');
    assert_string_equal(state_now(h, gone, &lost), "acknowledged");
    assert_string_equal(state_now(h, opened, &open), "opened");
    assert_null(json_object_get(open.json, "repeated_at"));

    redeliver(h, "?endpoint=meldewesen&" SINCE, &again); /* they wait already */
    assert_int_equal(json_integer_value(json_object_get(again.json, "redelivered")), 0);
}

static void thousands_come_again_once(void **state)
{
    struct helper_api *h = *state;
    AUTO(helper_answer_deinit) struct helper_answer a = {0};
    enum { COUNT = 230 }; /* more than two steps */
    char id[GW_ID_SIZE];

    for (int i = 0; i < COUNT; i++)
        taken(h, 1000 + i, id);
    redeliver(h, "?endpoint=meldewesen&" SINCE, &a);
    assert_int_equal(json_integer_value(json_object_get(a.json, "redelivered")), COUNT);
}

static struct refused_row {
    const char *name, *query;
    enum helper_user who;
    int status, reason;
} refused_rows[] = {
    {"redeliver: no endpoint", "?" SINCE, HELPER_ADMIN, 400, GW_R_API_BAD_REQUEST},
    {"redeliver: no time", "?endpoint=meldewesen", HELPER_ADMIN, 400, GW_R_API_BAD_REQUEST},
    {"redeliver: not a time", "?endpoint=meldewesen&since=gestern", HELPER_ADMIN, 400,
     GW_R_API_BAD_REQUEST},
    {"redeliver: an endpoint nobody has", "?endpoint=x&" SINCE, HELPER_ADMIN, 400,
     GW_R_ENDPOINT_UNKNOWN},
    {"redeliver: somebody else's", "?endpoint=meldewesen&" SINCE, HELPER_TWO, 403, GW_R_API_DENIED},
};

static void refused(void **state)
{
    const struct refused_row *row = *state;
    struct helper_api *h = helper_api_new();
    AUTO(helper_answer_deinit) struct helper_answer a = {0};

    helper_api_start(h);
    helper_api_be(h, row->who);
    redeliver(h, row->query, &a);
    helper_problem_is(&a, row->status, row->reason);
    helper_api_free(h);
}

#define LIVE(f) cmocka_unit_test_setup_teardown(f, helper_api_setup, helper_api_teardown)

int main(void)
{
    const struct CMUnitTest fixed[] = {
        LIVE(a_retry_gives_new_time),           LIVE(what_went_on_is_not_handed_over),
        LIVE(acts_and_refusals_are_links),      LIVE(knocking_does_not_fill_the_history),
        LIVE(what_was_taken_since_comes_again), LIVE(thousands_come_again_once),
    };
    struct CMUnitTest tests[ARRAY_LEN(fixed) + ARRAY_LEN(rows) + ARRAY_LEN(refused_rows)];
    size_t count = 0;

    for (; count < ARRAY_LEN(fixed); count++)
        tests[count] = fixed[count];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[count++] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(refused_rows); i++)
        tests[count++] =
            (struct CMUnitTest){refused_rows[i].name, refused, NULL, NULL, &refused_rows[i]};
    return cmocka_run_group_tests_name("api_action", tests, NULL, NULL);
}

/* what is worst, through the API: many messages that are all right hide none that is not */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/reason.h"
#include "helper_api.h"

enum { MANY = 450 }; /* more than an answer has findings, and more than a page of the store */

/* The n-th message of town A, some minutes ago. */
static void message_make(struct helper_api *h, const char *endpoint, int n, char id[GW_ID_SIZE])
{
    const int64_t at = gw_now_ms() - 600000 + n;
    const struct gw_message_row row = {.id = id,
                                       .tenant = "stadt",
                                       .endpoint = endpoint,
                                       .box = GW_OUTBOX,
                                       .peer = "demo",
                                       .recipient = "Stadt Beheim",
                                       .subject = "brief",
                                       .created_at = at};
    const struct gw_cause cause = {.now = at, .actor = "test"};
    struct error err = {0};

    helper_id(at - HELPER_NOW_MS, id);
    if (gw_store_commit_message(h->store.store, &row, NULL, 0, &cause, NULL, &err) != ST_OK)
        fail_msg("%s", err.text);
}

static void move(struct helper_api *h, const char *id, enum gw_event event, int reason)
{
    const struct gw_move move = {
        .id = id,
        .event = event,
        .next_attempt_at = gw_now_ms() + 3600000,
        .cause = {
            .now = gw_now_ms(), .actor = "test", .reason = reason, .en = "away", .de = "weg"}};
    struct error err = {0};

    if (gw_store_commit_move(h->store.store, &move, NULL, &err) != ST_OK)
        fail_msg("%s", err.text);
}

static struct row {
    const char *name;
    const char *many_of;   /* the endpoint of many older messages */
    enum gw_event many_by; /* what brought them where they are */
    enum helper_user who;
    enum gw_event one_by; /* and the younger one of meldewesen, which must be found */
    size_t found;
} rows[] = {
    {"what only waits does not hide what is in trouble", "meldewesen", GW_EV_FORWARD, HELPER_ADMIN,
     GW_EV_DEFER, 1},
    {"within one state neither", "meldewesen", GW_EV_NOTE, HELPER_ADMIN, GW_EV_DEFER, 1},
    {"what failed elsewhere does not hide one's own", "kasse", GW_EV_FAIL, HELPER_ONE, GW_EV_FAIL,
     1},
    {"nor what is in trouble there", "kasse", GW_EV_DEFER, HELPER_ONE, GW_EV_DEFER, 1},
    {"there are not more than 200", "meldewesen", GW_EV_FAIL, HELPER_BOTH, GW_EV_FAIL, 200},
};

static void test_row(void **state)
{
    const struct row *row = *state;
    AUTO(helper_answer_deinit) struct helper_answer a = {0};
    char id[GW_ID_SIZE];
    struct helper_api *h = helper_api_new();
    const json_t *findings;

    helper_api_start(h);
    for (int i = 0; i < MANY; i++) {
        message_make(h, row->many_of, i, id);
        move(h, id, row->many_by, GW_R_NET_REFUSED);
    }
    message_make(h, "meldewesen", MANY, id);
    move(h, id, row->one_by, GW_R_NET_REFUSED);
    helper_api_be(h, row->who);
    helper_api_get(h, "/v1/why", NULL, &a);
    assert_int_equal(a.status, 200);
    findings = json_object_get(a.json, "findings");
    assert_int_equal(json_array_size(findings), row->found);
    if (row->found == 1)
        assert_string_equal(helper_str(json_array_get(findings, 0), "id"), id);
    helper_api_free(h);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows)];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[i] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

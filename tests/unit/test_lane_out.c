/* Messages out through an intermediary that misbehaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "gateway/outbound.h"
#include "gateway/worker.h"
#include "tests/unit/helper_crypto.h"
#include "tests/unit/helper_world.h"

/*
 * Orders of an attempt: initDialog, getMessageId, storeDelivery, exitDialog. After an answer that
 * cannot be used nothing more may be said in its dialog, so the number of requests tells.
 */
static struct out_row {
    const char *name, *first; /* script of the first attempt; the second goes through */
    bool implicit;
    enum gw_state state;
    int reason;
    unsigned requests, again; /* of the first attempt and of the second */
} out_rows[] = {
    {"all goes well", "", false, GW_SUBMITTED, 0, 4, 0},
    {"all goes well, each order by itself", "", true, GW_SUBMITTED, 0, 2, 0},
    {"nobody answers initDialog", "N", false, GW_DEFERRED, GW_R_NET_CUT, 1, 4},
    {"the answer to initDialog is lost", "L", false, GW_DEFERRED, GW_R_NET_CUT, 1, 4},
    {"the answer to getMessageId is lost", "+L", false, GW_DEFERRED, GW_R_NET_CUT, 2, 4},
    /* then its process card is asked for, and the order is repeated only where there is none */
    {"storeDelivery does not arrive", "++N", false, GW_UNCLEAR, GW_R_NET_CUT, 3, 4},
    {"the answer to storeDelivery is lost", "++L", false, GW_UNCLEAR, GW_R_NET_CUT, 3, 3},
    {"the same, each order by itself", "+L", true, GW_UNCLEAR, GW_R_NET_CUT, 2, 3},
    {"it does not arrive, each order by itself", "+N", true, GW_UNCLEAR, GW_R_NET_CUT, 2, 4},
    {"the answer to exitDialog is lost", "+++L", false, GW_SUBMITTED, 0, 4, 0},
    {"garbage", "G", false, GW_DEFERRED, GW_R_NET_ANSWER, 1, 4},
    {"garbage after storeDelivery", "++G", false, GW_UNCLEAR, GW_R_NET_ANSWER, 3, 4},
    {"HTTP 503", "U", false, GW_DEFERRED, GW_R_NET_HTTP_BUSY, 1, 4},
    {"HTTP 503 after storeDelivery", "++U", false, GW_UNCLEAR, GW_R_NET_HTTP_BUSY, 3, 4},
    {"an answer of before", "+R", false, GW_DEFERRED, GW_R_NET_ANSWER, 2, 4},
    {"a fault", "+F", false, GW_DEFERRED, 9000, 2, 4},
    {"a fault proves nothing", "++F", false, GW_UNCLEAR, 9000, 3, 4},
    {"unsigned and in the clear", "V", false, GW_DEFERRED, GW_R_NET_ANSWER, 1, 4},
};

static void test_out(void **state)
{
    const struct out_row *row = *state;
    struct helper_world w;
    struct error err = {0};
    struct gw_message_row m;
    char id[GW_ID_SIZE];
    int64_t before = gw_now_ms();

    helper_world_open(&w, false, helper_world_retry, helper_world_ahausen);
    if (row->implicit)
        helper_world_implicit(&w);
    helper_world_out(&w.a, "Beheim", "Hallo", 0, id);
    helper_fake_script(&w.fake, row->first);
    assert_int_equal(helper_world_send(&w, id, &err) == ST_OK, row->state == GW_SUBMITTED);
    m = helper_world_message(&w, &w.a, id);
    assert_int_equal(m.state, row->state);
    assert_int_equal(m.last_reason, row->reason);
    assert_int_equal(helper_fake_requests(&w.fake), row->requests);
    assert_int_equal(m.attempts, 1);
    if (row->state != GW_SUBMITTED) {
        assert_true(m.next_attempt_at > before);
        assert_true(m.last_error_de[0] != '\0' && strchr(m.last_error_de, '?') == NULL);
        memset(&err, 0, sizeof err);
        helper_fake_script(&w.fake, "");
        if (helper_world_send(&w, id, &err) != ST_OK)
            fail_msg("%d %s", err.reason, err.text);
        assert_int_equal(helper_fake_requests(&w.fake), row->again);
        m = helper_world_message(&w, &w.a, id);
        assert_int_equal(m.state, GW_SUBMITTED);
        assert_int_equal(m.attempts, 2);
        assert_int_equal(m.last_reason, 0);
    }
    assert_non_null(m.creation.text);
    helper_world_arrived_once(&w);
    helper_world_close(&w);
}

/*
 * The intermediary has forgotten the dialog that was left open for the next message: that takes
 * another at once. Orders of the second message: getMessageId, storeDelivery; then initDialog, and
 * where there is an id its process card is asked for.
 */
static struct forgotten_row {
    const char *name, *script;
    enum gw_state state;
    unsigned requests;
} forgotten_rows[] = {
    {"the dialog is forgotten", "D", GW_SUBMITTED, 4},
    {"it is forgotten before storeDelivery", "+D", GW_SUBMITTED, 5},
    {"it seems forgotten after storeDelivery", "+E", GW_SUBMITTED, 4},
    {"the new one is forgotten, too", "D+D", GW_DEFERRED, 3},
};

static void test_forgotten_dialog(void **state)
{
    const struct forgotten_row *row = *state;
    struct helper_world w;
    struct gw_conversation talk;
    struct error err = {0};
    char id[2][GW_ID_SIZE];

    helper_world_open(&w, false, helper_world_retry, helper_world_ahausen);
    gw_conversation_init(&talk, w.a.rt, &w.a.rt->peers[0]);
    for (int i = 0; i < 2; i++) {
        struct gw_message_row m;
        bool moved = false;

        helper_world_out(&w.a, "Beheim", "Hallo", 0, id[i]);
        m = helper_world_message(&w, &w.a, id[i]);
        helper_fake_script(&w.fake, i == 0 ? "" : row->script);
        assert_int_equal(gw_outbound_send(&talk, &m, &moved, &err) == ST_OK,
                         i == 0 || row->state == GW_SUBMITTED);
        assert_true(moved);
    }
    assert_int_equal(helper_fake_requests(&w.fake), row->requests);
    gw_conversation_close(&talk);
    assert_int_equal(helper_world_message(&w, &w.a, id[1]).state, row->state);
    assert_int_equal(helper_world_message(&w, &w.a, id[1]).attempts, 1);
    helper_fake_script(&w.fake, "");
    if (row->state == GW_DEFERRED)
        assert_int_equal(helper_world_send(&w, id[1], &err), ST_OK);
    (void)!helper_world_fetch(&w, &(size_t){0}, &err);
    assert_int_equal(helper_world_inbox(&w).count, 2);
    helper_world_close(&w);
}

/* As long as nobody can be asked it stays unclear, and is asked for as often as receipts are. */
static void test_unclear_stays(void **state)
{
    struct helper_world w;
    struct error err = {0};
    struct gw_message_row m;
    char id[GW_ID_SIZE];

    (void)state;
    helper_world_open(&w, false, helper_world_retry, helper_world_ahausen);
    helper_world_out(&w.a, "Beheim", "Hallo", 0, id);
    helper_fake_script(&w.fake, "++L"
                                "N"
                                "+L");
    for (int i = 0; i < 3; i++) {
        assert_int_not_equal(helper_world_send(&w, id, &err), ST_OK);
        m = helper_world_message(&w, &w.a, id);
        assert_int_equal(m.state, GW_UNCLEAR);
        assert_int_equal(m.attempts, i + 1);
        assert_true(m.next_attempt_at <= gw_now_ms() + 1000);
    }
    assert_int_equal(helper_world_send(&w, id, &err), ST_OK);
    assert_int_equal(helper_world_message(&w, &w.a, id).state, GW_SUBMITTED);
    helper_world_arrived_once(&w);
    helper_world_close(&w);
}

static void test_refused_connection(void **state)
{
    struct helper_world w;
    struct error err = {0};
    struct gw_message_row m;
    char id[GW_ID_SIZE];

    (void)state;
    helper_world_open(&w, false, helper_world_retry, helper_world_ahausen);
    ((struct gw_intermediary_conf *)(uintptr_t)w.a.rt->peers[0].conf)->url =
        "http://127.0.0.1:1/osci";
    helper_world_out(&w.a, "Beheim", "Hallo", 0, id);
    assert_int_equal(helper_world_send(&w, id, &err), ST_RETRY);
    m = helper_world_message(&w, &w.a, id);
    assert_int_equal(m.state, GW_DEFERRED);
    assert_int_equal(m.last_reason, GW_R_NET_REFUSED);
    assert_non_null(strstr(m.last_error_en, "127.0.0.1"));
    helper_world_close(&w);
}

/* The intermediary refuses the order in an answer it signed: no further attempt, and both languages
 * say why. */
static void test_feedback(void **state)
{
    struct helper_world w;
    struct error err = {0};
    struct gw_message_row m;
    char id[GW_ID_SIZE];

    (void)state;
    helper_world_open(&w, false, helper_world_retry, helper_world_ahausen);
    helper_world_implicit(&w);
    helper_world_out(&w.a, "Beheim", "Hallo", 0, id);
    helper_fake_script(&w.fake, "+X");
    assert_int_equal(helper_world_send(&w, id, &err), ST_DENIED);
    m = helper_world_message(&w, &w.a, id);
    assert_int_equal(m.state, GW_FAILED);
    assert_int_equal(m.last_reason, 9600);
    assert_true(m.last_error_de[0] != '\0' && m.last_error_en[0] != '\0');
    assert_string_not_equal(m.last_error_de, m.last_error_en);
    helper_world_close(&w);
}

/* The answer to the order is lost; then comes a switch, and the intermediary refuses one of our old
 * certificates: the id is used, and we are not shown its card. It stays unclear, under this id. */
static void test_card_denied(void **state)
{
    struct helper_world w;
    struct error err = {0};
    struct identity *other = im_identity("author"), *stranger = im_identity("reader"), own;
    struct gw_tenant *tenant;
    char id[GW_ID_SIZE];

    (void)state;
    helper_world_open(&w, false, helper_world_retry, helper_world_ahausen);
    helper_world_implicit(&w);
    tenant = &w.a.rt->tenants[0];
    own = *tenant->identity;
    helper_world_out(&w.a, "Beheim", "Hallo", 0, id);
    w.fake.code = 9600;
    helper_fake_script(&w.fake, "+L+++X+++++X");
    assert_int_equal(helper_world_send(&w, id, &err), ST_RETRY);
    tenant->identity->older[tenant->identity->older_count++] = stranger->cipher;
    tenant->identity->cipher = other->cipher;
    tenant->identity->signature = other->signature;
    tenant->own_count = gw_own_ciphers(tenant->identity, tenant->own);
    if (helper_world_send(&w, id, &err) != ST_RETRY)
        fail_msg("%d %s; %d, %u requests", err.reason, err.text,
                 helper_world_message(&w, &w.a, id).state, helper_fake_requests(&w.fake));
    assert_int_equal(helper_world_message(&w, &w.a, id).state, GW_UNCLEAR);
    *tenant->identity = own;
    tenant->own_count = gw_own_ciphers(tenant->identity, tenant->own);
    assert_int_equal(helper_world_send(&w, id, &err), ST_OK);
    helper_world_arrived_once(&w);
    identity_free(other);
    identity_free(stranger);
    helper_world_close(&w);
}

/* Ids that the intermediary does not know any more: each message gets a new one. */
static void test_forgotten_id(void **state)
{
    static const char *const forgotten[] = {"QUJD", "QUJE"};
    struct helper_world w;
    struct error err = {0};
    char id[2][GW_ID_SIZE];

    (void)state;
    helper_world_open(&w, false, helper_world_retry, helper_world_ahausen);
    for (int i = 0; i < 2; i++) {
        struct gw_move move = {.event = GW_EV_NOTE, .osci_message_id = forgotten[i]};

        helper_world_out(&w.a, "Beheim", "Hallo", 0, id[i]);
        move.id = id[i];
        move.cause = (struct gw_cause){.now = gw_now_ms(), .actor = "test"};
        assert_int_equal(gw_store_commit_move(w.a.rt->store, &move, NULL, &err), ST_OK);
        assert_int_equal(helper_world_send(&w, id[i], &err), ST_RETRY);
        assert_int_equal(helper_world_message(&w, &w.a, id[i]).state, GW_DEFERRED);
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(helper_world_send(&w, id[i], &err), ST_OK);
    helper_world_close(&w);
}

int main(void)
{
    enum { OUTS = ARRAY_LEN(out_rows), FORGOTTEN = ARRAY_LEN(forgotten_rows) };
    static const struct CMUnitTest more[] = {
        cmocka_unit_test(test_unclear_stays), cmocka_unit_test(test_refused_connection),
        cmocka_unit_test(test_feedback),      cmocka_unit_test(test_card_denied),
        cmocka_unit_test(test_forgotten_id),
    };
    struct CMUnitTest tests[OUTS + FORGOTTEN + ARRAY_LEN(more)];
    size_t n = 0;

    for (size_t i = 0; i < OUTS; i++)
        tests[n++] = (struct CMUnitTest){out_rows[i].name, test_out, NULL, NULL, &out_rows[i]};
    for (size_t i = 0; i < FORGOTTEN; i++)
        tests[n++] = (struct CMUnitTest){forgotten_rows[i].name, test_forgotten_dialog, NULL, NULL,
                                         &forgotten_rows[i]};
    memcpy(tests + n, more, sizeof more);
    gw_worker_setup(4);
    return cmocka_run_group_tests_name("lane_out", tests, helper_crypto_setup,
                                       helper_crypto_teardown);
}

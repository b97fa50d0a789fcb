/* what the gateway tells of itself: figures for Prometheus, and whether a message could pass */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "gateway/health.h"
#include "helper_api.h"

/* Every line is a comment or a sample: name, labels, number. */
static void form_is_kept(const char *text)
{
    while (*text != '\0') {
        const char *end = strchr(text, '\n'), *blank;
        char *rest;

        assert_non_null(end);
        if (*text != '#') {
            assert_int_equal(strncmp(text, "depesche_", 9), 0);
            blank = end;
            while (blank > text && *blank != ' ')
                blank--;
            (void)strtod(blank + 1, &rest);
            assert_ptr_equal(rest, end);
        }
        text = end + 1;
    }
}

static void figures_are_told(void **state)
{
    struct helper_api *h = *state;
    AUTO(helper_answer_deinit) struct helper_answer first = {0}, second = {0};
    char id[GW_ID_SIZE];
    const char *text;

    helper_api_get(h, "/metrics", NULL, &first); /* events count from here */
    assert_int_equal(first.status, 200);
    helper_message_add(&h->store, GW_OUTBOX, "demo \"1\"", "hello", 0, id);
    helper_message_add(&h->store, GW_OUTBOX, "demo \"1\"", "hello", 0, id);
    helper_move(&h->store, id, GW_EV_DEFER, 1);
    helper_api_get(h, "/metrics", NULL, &second);
    assert_int_equal(second.status, 200);
    assert_non_null(strstr(second.header, "text/plain; version=0.0.4"));
    text = buf_cstr(&second.body);
    form_is_kept(text);
    assert_non_null(strstr(text, "depesche_build_info{version=\"" DEPESCHE_VERSION "\"} 1\n"));
    assert_non_null(strstr(
        text, "depesche_messages{endpoint=\"meldewesen\",box=\"outbox\",state=\"deferred\"} 1\n"));
    assert_non_null(strstr(
        text, "depesche_queue_messages{destination=\"demo \\\"1\\\"\",state=\"accepted\"} 1\n"));
    assert_non_null(strstr(text, "depesche_events_total{kind=\"accept\",code=\"\"} 2\n"));
    assert_non_null(strstr(text, "depesche_events_total{kind=\"defer\",code=\"\"} 1\n"));
    assert_non_null(strstr(text, "depesche_store_commit_seconds_bucket{le=\"+Inf\"} "));
    assert_non_null(strstr(text, "depesche_disk_free_bytes "));
    assert_non_null(strstr(text, "depesche_api_requests_total{status=\"2xx\"} "));
}

/* The number behind these labels; fails when there is none. */
static double figure(struct helper_api *h, const char *sample)
{
    AUTO(helper_answer_deinit) struct helper_answer a = {0};
    const char *line;

    helper_api_get(h, "/metrics", NULL, &a);
    line = strstr(buf_cstr(&a.body), sample);
    if (line == NULL)
        fail_msg("no %s", sample);
    return strtod(line + strlen(sample), NULL);
}

/* Queues are counted as messages come, go on, and go elsewhere. */
static void queues_are_counted(void **state)
{
    static const char accepted[] =
        "depesche_queue_messages{destination=\"demo\",state=\"accepted\"} ";
    static const char deferred[] =
        "depesche_queue_messages{destination=\"demo\",state=\"deferred\"} ";
    static const char oldest[] =
        "depesche_queue_oldest_seconds{destination=\"demo\",state=\"deferred\"} ";
    struct helper_api *h = *state;
    char ids[3][GW_ID_SIZE];

    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        helper_message_add(&h->store, GW_OUTBOX, "demo", "hello", 0, ids[i]);
    helper_message_add(&h->store, GW_INBOX, "demo", "hello", 0, ids[0]);
    assert_true(figure(h, accepted) == 3);
    helper_move(&h->store, ids[1], GW_EV_DEFER, 1);
    assert_true(figure(h, accepted) == 2);
    assert_true(figure(h, deferred) == 1);
    assert_true(figure(h, oldest) > 0);
    helper_api_stop(h);
    helper_store_reopen(&h->store);
    helper_api_start(h);
    assert_true(figure(h, accepted) == 2);
    assert_true(figure(h, "depesche_store_fsyncs_total{of=\"files\"} ") == 0);
    {
        const struct helper_part file = {"a", SPAN("hello")};
        AUTO(helper_answer_deinit) struct helper_answer sent = {0};

        helper_api_send(h, "{\"endpoint\":\"kasse\",\"recipient\":\"Stadt Beheim\"}", &file, 1,
                        &sent);
        assert_int_equal(sent.status, 202);
    }
    assert_true(figure(h, "depesche_store_fsyncs_total{of=\"files\"} ") == 1);
    assert_true(figure(h, "depesche_store_fsyncs_total{of=\"folders\"} ") == 2);
    assert_true(figure(h, "depesche_store_fsyncs_total{of=\"index\"} ") >= 1);
    assert_true(figure(h, accepted) == 3);
}

static void figures_are_for_admins(void **state)
{
    struct helper_api *h = *state;
    AUTO(helper_answer_deinit) struct helper_answer a = {0};

    helper_api_be(h, HELPER_BOTH);
    helper_api_get(h, "/metrics", NULL, &a);
    helper_problem_is(&a, 403, GW_R_API_DENIED);
}

static void green_is_healthy(void **state)
{
    struct helper_api *h = *state;
    AUTO(helper_answer_deinit) struct helper_answer a = {0};
    const json_t *checks;

    helper_api_be(h, HELPER_ONE);
    helper_api_get(h, "/v1/health", NULL, &a);
    assert_int_equal(a.status, 200);
    assert_string_equal(a.type, "application/json");
    assert_string_equal(helper_str(a.json, "status"), "green");
    checks = json_object_get(a.json, "checks");
    assert_int_equal(json_array_size(checks), GW_HEALTH_CHECKS);
    for (size_t i = 0; i < GW_HEALTH_CHECKS; i++)
        assert_true(json_is_true(json_object_get(json_array_get(checks, i), "good")));
}

static void red_says_why(void **state)
{
    struct helper_api *h = *state;
    struct gw_health health;
    json_t *json;
    const json_t *workers;

    gw_health_look(&h->rt, GW_HEALTH_SLOW_MS + 1, &health);
    assert_false(health.good);
    json = gw_health_json(&h->rt, &health);
    assert_string_equal(helper_str(json, "status"), "red");
    workers = json_array_get(json_object_get(json, "checks"), 3);
    assert_string_equal(helper_str(workers, "name"), "workers");
    assert_true(json_is_false(json_object_get(workers, "good")));
    assert_true(helper_str(json_object_get(workers, "trouble"), "de")[0] != '\0');
    json_decref(json);
}

#define LIVE(f) cmocka_unit_test_setup_teardown(f, helper_api_setup, helper_api_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {LIVE(figures_are_told), LIVE(queues_are_counted),
                                       LIVE(figures_are_for_admins), LIVE(green_is_healthy),
                                       LIVE(red_says_why)};

    return cmocka_run_group_tests_name("api_metrics", tests, NULL, NULL);
}

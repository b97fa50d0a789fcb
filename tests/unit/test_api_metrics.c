/* what the gateway tells of itself: figures for Prometheus, and whether a message could pass */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

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

/* The check of that name, which alone is red, or NULL: all are green. */
static const struct gw_health_check *red_of(struct helper_api *h, struct gw_health *health)
{
    const struct gw_health_check *red = NULL;

    gw_health_look(&h->rt, 0, health);
    for (size_t i = 0; i < GW_HEALTH_CHECKS; i++) {
        if (health->checks[i].good)
            continue;
        assert_null(red);
        red = &health->checks[i];
        assert_true(gw_explain_knows(red->reason));
    }
    assert_int_equal(health->good, red == NULL);
    return red;
}

/* Only this one is red, for this reason, and its sentence names what it is about. */
static void red_is(struct helper_api *h, const char *name, int reason, const char *about)
{
    struct gw_health health;
    const struct gw_health_check *red = red_of(h, &health);
    json_t *json;
    char *text;

    if (red == NULL)
        fail_msg("green, not red by %s", name);
    assert_string_equal(red->name, name);
    if (reason != 0)
        assert_int_equal(red->reason, reason);
    json = gw_health_json(&h->rt, &health);
    text = json_dumps(json, 0);
    if (strstr(text, about) == NULL)
        fail_msg("nothing of %s in %s", about, text);
    free(text);
    json_decref(json);
}

static void is_green(struct helper_api *h)
{
    struct gw_health health;

    assert_null(red_of(h, &health));
}

/* No file may grow: as on a disk that takes nothing any more, whatever rights we have. */
static void a_store_that_takes_nothing(void **state)
{
    struct helper_api *h = *state;
    struct rlimit before, none;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);

    is_green(h);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    red_is(h, "store", 0, h->store.dir);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, handler);
    is_green(h);
}

/* The index takes a commit, but no file can be written. */
static void folders_of_the_store_that_went_away(void **state)
{
    static const char *const names[] = {"tmp", "payload"};
    struct helper_api *h = *state;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char here[100], there[100];

        (void)snprintf(here, sizeof here, "%s/%s", h->store.dir, names[i]);
        (void)snprintf(there, sizeof there, "%s/away", h->store.dir);
        assert_int_equal(rename(here, there), 0);
        red_is(h, "store", 0, names[i]);
        assert_int_equal(rename(there, here), 0);
        is_green(h);
    }
}

static void keys_that_cannot_be_read(void **state)
{
    struct helper_api *h = *state;
    char path[100];
    struct gw_pair_conf pair = {.pkcs12 = path};
    struct gw_intermediary_conf conf = *h->peer.conf;
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/client.p12", h->store.dir);
    conf.tls = &pair;
    h->peer.conf = &conf;
    red_is(h, "keys", GW_R_KEY_UNREADABLE, path);
    file = fopen(path, "w");
    assert_non_null(file);
    red_is(h, "keys", GW_R_KEY_UNREADABLE, path); /* empty */
    assert_int_equal(fputs("key", file) >= 0 && fclose(file) == 0, 1);
    is_green(h);
    h->peer.conf = &h->conf->intermediaries[0];
}

static void a_drop_folder_that_went_away(void **state)
{
    struct helper_api *h = *state;
    atomic_int reasons[8] = {0};

    h->rt.folder_reasons = reasons;
    is_green(h);
    reasons[1] = GW_R_SPOOL_SHARE;
    red_is(h, "folders", GW_R_SPOOL_SHARE, "D-1015");
    reasons[1] = 0;
    is_green(h);
    h->rt.folder_reasons = NULL;
}

/* What failed, by its code; counted from the first look on. */
static void failures_are_counted_by_code(void **state)
{
    struct helper_api *h = *state;
    char id[GW_ID_SIZE];
    struct gw_move move = {
        .id = id, .event = GW_EV_DEFER, .attempted = true, .cause = {.now = HELPER_NOW_MS}};
    struct error err = {0};

    helper_message_add(&h->store, GW_OUTBOX, "demo", "hello", 0, id);
    {
        AUTO(helper_answer_deinit) struct helper_answer first = {0};

        helper_api_get(h, "/metrics", NULL, &first);
    }
    for (int i = 0; i < 3; i++) {
        move.cause.reason = i < 2 ? GW_R_NET_NAME : GW_R_CERT_EXPIRED;
        assert_int_equal(gw_store_commit_move(h->store.store, &move, NULL, &err), ST_OK);
    }
    move.event = GW_EV_FAIL;
    assert_int_equal(gw_store_commit_move(h->store.store, &move, NULL, &err), ST_OK);
    assert_true(figure(h, "depesche_events_total{kind=\"defer\",code=\"D-1300\"} ") == 2);
    assert_true(figure(h, "depesche_events_total{kind=\"defer\",code=\"D-1500\"} ") == 1);
    assert_true(figure(h, "depesche_events_total{kind=\"fail\",code=\"D-1500\"} ") == 1);
}

#define LIVE(f) cmocka_unit_test_setup_teardown(f, helper_api_setup, helper_api_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {LIVE(figures_are_told),
                                       LIVE(queues_are_counted),
                                       LIVE(figures_are_for_admins),
                                       LIVE(green_is_healthy),
                                       LIVE(red_says_why),
                                       LIVE(a_store_that_takes_nothing),
                                       LIVE(folders_of_the_store_that_went_away),
                                       LIVE(keys_that_cannot_be_read),
                                       LIVE(a_drop_folder_that_went_away),
                                       LIVE(failures_are_counted_by_code)};

    return cmocka_run_group_tests_name("api_metrics", tests, NULL, NULL);
}

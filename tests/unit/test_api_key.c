/* the idempotency key of a submission: the same again is the same message */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "helper_api.h"

#define META(more) "{\"endpoint\":\"meldewesen\",\"recipient\":\"Stadt Beheim\"" more "}"
#define PART(n, bytes) "--xx\r\nContent-Disposition: form-data; name=\"" n "\"\r\n\r\n" bytes "\r\n"
#define FILE_PART(name, bytes)                                                                     \
    "--xx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" name "\"\r\n\r\n" bytes   \
    "\r\n"
#define END "--xx--\r\n"
#define BODY PART("meta", META("")) FILE_PART("a.txt", "1") END

/* The same key, and what else comes with it the second time. */
static struct row {
    const char *name, *key, *body;
    int status; /* 200: the first message's id */
    int reason;
} rows[] = {
    {"the same again", "k1", BODY, 200, 0},
    {"quoted, as RFC 8941 has it", "\"k1\"", BODY, 200, 0},
    {"said in meta", "",
     PART("meta", META(",\"idempotency_key\":\"k1\"")) FILE_PART("a.txt", "1") END, 200, 0},
    {"said in both", "k1",
     PART("meta", META(",\"idempotency_key\":\"k1\"")) FILE_PART("a.txt", "1") END, 200, 0},
    {"another key", "k2", BODY, 202, 0},
    {"other bytes", "k1", PART("meta", META("")) FILE_PART("a.txt", "2") END, 409, GW_R_KEY_REUSED},
    {"another name", "k1", PART("meta", META("")) FILE_PART("b.txt", "1") END, 409,
     GW_R_KEY_REUSED},
    {"one file more", "k1",
     PART("meta", META("")) FILE_PART("a.txt", "1") FILE_PART("b.txt", "1") END, 409,
     GW_R_KEY_REUSED},
    {"another subject", "k1", PART("meta", META(",\"subject\":\"s\"")) FILE_PART("a.txt", "1") END,
     409, GW_R_KEY_REUSED},
    {"another type", "k1",
     PART("meta", META(",\"message_type\":\"t\"")) FILE_PART("a.txt", "1") END, 409,
     GW_R_KEY_REUSED},
    {"another reader", "k1",
     PART("meta", META(",\"reader\":\"ags:09162000\"")) FILE_PART("a.txt", "1") END, 409,
     GW_R_KEY_REUSED},
    {"another clerk", "k1",
     PART("meta", META(",\"clerk\":\"A. Muster\"")) FILE_PART("a.txt", "1") END, 409,
     GW_R_KEY_REUSED},
    {"a header more", "k1",
     PART("meta", META("")) PART("header", "<a xmlns=\"urn:x\"/>") FILE_PART("a.txt", "1") END, 409,
     GW_R_KEY_REUSED},
    {"two keys that differ", "k1",
     PART("meta", META(",\"idempotency_key\":\"k2\"")) FILE_PART("a.txt", "1") END, 400,
     GW_R_API_BAD_REQUEST},
    {"two fields, whichever comes first", "k2\r\nIdempotency-Key: k1", BODY, 400,
     GW_R_API_BAD_REQUEST},
    {"an empty one", "\"\"", BODY, 400, GW_R_API_BAD_REQUEST},
    {"characters no key may have", "k\xc3\xa4", BODY, 400, GW_R_API_BAD_REQUEST},
};

static void post(struct helper_api *h, const char *key, const char *body, struct helper_answer *a)
{
    char type[400];

    /* the helper writes the type as it stands, so that a further field goes along */
    (void)snprintf(type, sizeof type, "multipart/form-data; boundary=xx%s%s",
                   key[0] == '\0' ? "" : "\r\nIdempotency-Key: ", key);
    helper_api_raw(h, "POST", "/v1/messages", type, span_str(body), false, a);
}

static void test_row(void **state)
{
    const struct row *row = *state;
    struct helper_api *h = helper_api_new();
    AUTO(helper_answer_deinit) struct helper_answer first = {0}, second = {0};

    helper_api_start(h);
    post(h, "k1", BODY, &first);
    assert_int_equal(first.status, 202);
    helper_api_stop(h);
    helper_store_reopen(&h->store); /* it holds over a restart */
    helper_api_start(h);
    post(h, row->key, row->body, &second);
    if (row->reason != 0)
        helper_problem_is(&second, row->status, row->reason);
    else
        assert_int_equal(second.status, row->status);
    if (row->status == 200)
        assert_string_equal(helper_str(second.json, "id"), helper_str(first.json, "id"));
    assert_int_equal(helper_file_count(&h->store, "tmp"), 0);
    assert_int_equal(helper_file_count(&h->store, "payload"), row->status == 202 ? 2 : 1);
    helper_api_free(h);
}

/* ---- many at once ---- */

enum { THREADS = 8 };

struct sender {
    struct helper_api *h;
    const char *body;
    struct helper_answer a;
};

static void *send_main(void *arg)
{
    struct sender *s = arg;

    post(s->h, "at once", s->body, &s->a);
    return NULL;
}

/* Half of them say something else with the same key: one content wins, whichever. */
static void many_at_once_are_one(void **state)
{
    static const char *const bodies[] = {BODY, PART("meta", META("")) FILE_PART("a.txt", "2") END};
    struct helper_api *h = *state;
    struct sender senders[THREADS] = {0};
    pthread_t ids[THREADS];
    size_t accepted = 0, repeated = 0, refused = 0;
    const char *id = NULL;

    for (size_t i = 0; i < THREADS; i++) {
        senders[i] = (struct sender){.h = h, .body = bodies[i % 2]};
        assert_int_equal(pthread_create(&ids[i], NULL, send_main, &senders[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(ids[i], NULL);
    for (size_t i = 0; i < THREADS; i++) {
        accepted += senders[i].a.status == 202;
        repeated += senders[i].a.status == 200;
        refused += senders[i].a.status == 409;
        if (senders[i].a.status == 409)
            continue;
        if (id != NULL)
            assert_string_equal(helper_str(senders[i].a.json, "id"), id);
        id = helper_str(senders[i].a.json, "id");
    }
    assert_int_equal(accepted, 1);
    assert_int_equal(repeated, THREADS / 2 - 1);
    assert_int_equal(refused, THREADS / 2);
    assert_int_equal(helper_file_count(&h->store, "payload"), 1);
    for (size_t i = 0; i < THREADS; i++)
        helper_answer_deinit(&senders[i].a);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows) + 1] = {cmocka_unit_test_setup_teardown(
        many_at_once_are_one, helper_api_setup, helper_api_teardown)};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[i + 1] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    return cmocka_run_group_tests_name("api_key", tests, NULL, NULL);
}

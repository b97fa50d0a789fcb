/* A message's file through the API: all of it, a part of it, or the word that it is the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "helper_api.h"

#define META "{\"endpoint\":\"meldewesen\",\"recipient\":\"Stadt Beheim\"}"
#define TEN "0123456789"
#define SHA_OF_TEN "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882"
#define ETAG "\"" SHA_OF_TEN "\""

/* A file of ten digits. */
static struct row {
    const char *name, *method, *fields;
    long status;
    int code;          /* of a problem, or 0 */
    const char *body;  /* of what is none */
    const char *range; /* Content-Range, NULL: there is none */
} rows[] = {
    {"all of it", "GET", "", 200, 0, TEN, NULL},
    {"the head alone", "HEAD", "", 200, 0, "", NULL},
    {"the head alone, of a part", "HEAD", "Range: bytes=2-3\r\n", 200, 0, "", NULL},
    {"the first byte", "GET", "Range: bytes=0-0\r\n", 206, 0, "0", "bytes 0-0/10"},
    {"the middle", "GET", "Range: bytes=2-5\r\n", 206, 0, "2345", "bytes 2-5/10"},
    {"the rest", "GET", "Range: bytes=7-\r\n", 206, 0, "789", "bytes 7-9/10"},
    {"the end", "GET", "Range: bytes=-1\r\n", 206, 0, "9", "bytes 9-9/10"},
    {"the rest of this", "GET", "Range: bytes=7-\r\nIf-Range: " ETAG "\r\n", 206, 0, "789",
     "bytes 7-9/10"},
    {"the rest of another", "GET", "Range: bytes=7-\r\nIf-Range: \"a\"\r\n", 200, 0, TEN, NULL},
    {"two parts at once", "GET", "Range: bytes=0-0,5-5\r\n", 200, 0, TEN, NULL},
    {"what it has", "GET", "If-None-Match: " ETAG "\r\n", 304, 0, "", NULL},
    {"what it has, the head alone", "HEAD", "If-None-Match: " ETAG "\r\n", 304, 0, "", NULL},
    {"what it has not", "GET", "If-None-Match: \"a\"\r\n", 200, 0, TEN, NULL},
    {"behind the end", "GET", "Range: bytes=10-\r\n", 416, GW_R_API_RANGE, NULL, "bytes */10"},
    {"another one only", "GET", "If-Match: \"a\"\r\n", 412, GW_R_API_OTHER, NULL, NULL},
    {"this one only", "GET", "If-Match: " ETAG "\r\n", 200, 0, TEN, NULL},
};

/* One server with one message for all of them. */
static struct helper_api *shared;
static char file_path[128];

static int shared_setup(void **state)
{
    const struct helper_part file = {"zehn.txt", SPAN(TEN)};
    AUTO(helper_answer_deinit) struct helper_answer a = {0};

    (void)state;
    shared = helper_api_new();
    helper_api_start(shared);
    helper_api_send(shared, META, &file, 1, &a);
    assert_int_equal(a.status, 202);
    (void)snprintf(file_path, sizeof file_path, "/v1/messages/%s/files/1",
                   helper_str(a.json, "id"));
    return 0;
}

static int shared_teardown(void **state)
{
    (void)state;
    helper_api_free(shared);
    return 0;
}

static void ask(const char *method, const char *fields, struct helper_answer *a)
{
    char request[1024];

    (void)snprintf(request, sizeof request,
                   "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", method, file_path,
                   fields);
    helper_api_bytes(shared, span_str(request), a);
}

/* The line of this field, or that there is none. */
static void field_is(const struct helper_answer *a, const char *name, const char *value)
{
    char line[256];

    (void)snprintf(line, sizeof line, "\r\n%s: %s", name, value == NULL ? "" : value);
    if (value != NULL)
        (void)strcat(line, "\r\n");
    if ((strstr(a->header, line) != NULL) != (value != NULL))
        fail_msg("%s: %s and not in\n%s", name, value == NULL ? "" : value, a->header);
}

static void test_row(void **state)
{
    const struct row *row = *state;
    AUTO(helper_answer_deinit) struct helper_answer a = {0};
    char len[24];

    ask(row->method, row->fields, &a);
    field_is(&a, "Content-Range", row->range);
    if (row->code != 0) {
        helper_problem_is(&a, row->status, row->code);
        return;
    }
    assert_int_equal(a.status, row->status);
    assert_true(span_is(buf_span(&a.body), row->body));
    field_is(&a, "ETag", ETAG);
    field_is(&a, "Accept-Ranges", "bytes");
    (void)snprintf(len, sizeof len, "%zu",
                   strcmp(row->method, "HEAD") == 0 ? strlen(TEN) : strlen(row->body));
    field_is(&a, "Content-Length", row->status == 304 ? NULL : len);
    field_is(&a, "Content-Type", row->status == 304 ? NULL : "application/octet-stream");
}

/* What is broken off and fetched in pieces is what was sent, whatever the pieces' size. */
static void pieces_make_the_whole(void **state)
{
    AUTO(buf_deinit) struct buf all = {0};

    (void)state;
    buf_init(&all, 100);
    for (size_t at = 0; at < strlen(TEN); at += 3) {
        AUTO(helper_answer_deinit) struct helper_answer a = {0};
        char fields[256];

        (void)snprintf(fields, sizeof fields, "Range: bytes=%zu-%zu\r\nIf-Range: " ETAG "\r\n", at,
                       at + 2);
        ask("GET", fields, &a);
        assert_int_equal(a.status, 206);
        buf_add(&all, buf_span(&a.body));
    }
    assert_true(span_is(buf_span(&all), TEN));
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows) + 1] = {cmocka_unit_test(pieces_make_the_whole)};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[i + 1] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    return cmocka_run_group_tests_name("api_download", tests, shared_setup, shared_teardown);
}

/* Several tenants behind one socket: who works for one of them hears nothing of the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "helper_api.h"

#define PAIR "{certificate: c.pem, key: k.pem}"
#define IDENTITY "identity: {signature: " PAIR ", cipher: " PAIR "}"

static const char settings[] =
    "state: state\n"
    "tenants:\n  - {name: Ahausen, " IDENTITY "}\n  - {name: Beheim, " IDENTITY "}\n"
    "intermediaries:\n"
    "  - {name: zentrum-a, tenant: Ahausen, url: 'http://h/', cipher_certificate: i.pem}\n"
    "  - {name: zentrum-b, tenant: Beheim, url: 'http://h/', cipher_certificate: i.pem}\n"
    "partners:\n"
    "  - {name: partner-of-a, intermediary: zentrum-a, cipher_certificate: x.pem}\n"
    "  - {name: partner-of-b, intermediary: zentrum-b, cipher_certificate: x.pem}\n"
    "endpoints:\n  - {name: amt-a, tenant: Ahausen}\n  - {name: amt-b, tenant: Beheim}\n"
    "targets:\n  - {name: shared, command: [/bin/true]}\n"
    "routes:\n"
    "  - {name: all, from: endpoints, when: {file: ['*.pdf']}, to: shared}\n"
    "  - {name: of-a, from: amt-a, when: {file: ['*.a']}, to: partner-of-a}\n"
    "  - {name: of-b, from: amt-b, when: {file: ['*.b']}, to: partner-of-b}\n"
    "  - {name: any-to-b, from: endpoints, when: {file: ['*.c']}, to: partner-of-b}\n"
    "  - {name: in-b, from: zentrum-b, to: amt-b}\n"
    "api: {socket: api.sock, mode: 0600}\n";

static struct helper_api *world(void)
{
    struct helper_api *h = helper_api_new();
    struct error err = {0};
    char path[80];

    gw_config_free(h->conf);
    h->conf = NULL;
    (void)snprintf(path, sizeof path, "%s/b.yaml", h->store.dir);
    if (gw_config_read(SPAN(settings), path, &h->conf, &h->report, &err) != ST_OK)
        fail_msg("%s", err.text);
    helper_api_start(h);
    return h;
}

static struct row {
    const char *name, *path;
    enum helper_user who; /* one: of amt-a, two: of amt-b */
    const char *there[4], *not_there[4];
} rows[] = {
    {"an admin hears of all tenants", "/v1/status", HELPER_ADMIN, {"Ahausen", "Beheim"}, {NULL}},
    {"who works for one hears of that", "/v1/status", HELPER_ONE, {"Ahausen"}, {"Beheim"}},
    {"and the other one", "/v1/status", HELPER_TWO, {"Beheim"}, {"Ahausen"}},
    {"for both, of both", "/v1/status", HELPER_BOTH, {"Ahausen", "Beheim"}, {NULL}},
    {"all routes for an admin",
     "/v1/routes",
     HELPER_ADMIN,
     {"\"all\"", "of-a", "of-b", "in-b"},
     {NULL}},
    {"for others those that name nothing of another tenant",
     "/v1/routes",
     HELPER_ONE,
     {"\"all\"", "of-a"},
     {"of-b", "any-to-b", "in-b", "partner-of-b"}},
    {"for both all again", "/v1/routes", HELPER_BOTH, {"of-a", "of-b", "in-b"}, {NULL}},
};

static void test_row(void **state)
{
    const struct row *row = *state;
    AUTO(helper_answer_deinit) struct helper_answer a = {0};
    struct helper_api *h = world();

    helper_api_be(h, row->who);
    helper_api_get(h, row->path, NULL, &a);
    assert_int_equal(a.status, 200);
    for (size_t i = 0; i < ARRAY_LEN(row->there) && row->there[i] != NULL; i++)
        if (strstr(buf_cstr(&a.body), row->there[i]) == NULL)
            fail_msg("no %s in %s", row->there[i], buf_cstr(&a.body));
    for (size_t i = 0; i < ARRAY_LEN(row->not_there) && row->not_there[i] != NULL; i++)
        if (strstr(buf_cstr(&a.body), row->not_there[i]) != NULL)
            fail_msg("%s in %s", row->not_there[i], buf_cstr(&a.body));
    helper_api_free(h);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows)];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[i] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

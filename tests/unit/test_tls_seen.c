/* certificates that others showed: the last one of each, with when, and no more than there is room
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "gateway/tls_seen.h"
#include "helper_chain.h"
#include "helper_pki.h"

static struct cert *certs[2];

/* What is noted, one after the other, and what is known of "a" and of how many then. */
static struct row {
    const char *name;
    struct {
        const char *name; /* NULL: nothing more */
        bool server;
        int cert;
        int64_t at;
    } notes[4];
    size_t count;
    int cert;
    int64_t since, at;
} rows[] = {
    {"once", {{"a", true, 0, 10}}, 1, 0, 10, 10},
    {"again", {{"a", true, 0, 10}, {"a", true, 0, 20}}, 1, 0, 10, 20},
    {"another one", {{"a", true, 0, 10}, {"a", true, 0, 20}, {"a", true, 1, 30}}, 1, 1, 30, 30},
    {"of somebody else", {{"a", true, 0, 10}, {"b", true, 1, 20}}, 2, 0, 10, 10},
    {"a client of the same name", {{"a", true, 0, 10}, {"a", false, 1, 20}}, 2, 0, 10, 10},
};

struct found {
    size_t count;
    struct gw_tls_sight a;
};

static void find(void *ctx, const struct gw_tls_sight *sight)
{
    struct found *f = ctx;

    f->count++;
    if (sight->server && strcmp(sight->name, "a") == 0)
        f->a = *sight;
}

static void test_row(void **state)
{
    const struct row *row = *state;
    AUTO(gw_tls_seen_drop) struct gw_tls_seen *seen = NULL;
    struct found f = {0};
    struct error err = {0};

    assert_int_equal(gw_tls_seen_new(&seen, &err), ST_OK);
    for (size_t i = 0; i < ARRAY_LEN(row->notes) && row->notes[i].name != NULL; i++)
        gw_tls_seen_note(seen, row->notes[i].server, row->notes[i].name, certs[row->notes[i].cert],
                         row->notes[i].at);
    gw_tls_seen_each(seen, find, &f);
    assert_int_equal(f.count, row->count);
    assert_ptr_equal(f.a.cert, certs[row->cert]);
    assert_int_equal(f.a.since, row->since);
    assert_int_equal(f.a.at, row->at);
}

/* Twice as many as there is room for; "a" is seen again and again and stays. */
static void crowd(void **state)
{
    AUTO(gw_tls_seen_drop) struct gw_tls_seen *seen = NULL;
    struct found f = {0};
    struct error err = {0};
    char name[32];

    (void)state;
    assert_int_equal(gw_tls_seen_new(&seen, &err), ST_OK);
    for (int i = 0; i < 2 * GW_TLS_SEEN_MAX; i++) {
        (void)snprintf(name, sizeof name, "host %d", i);
        gw_tls_seen_note(seen, true, "a", certs[0], 10 + i);
        gw_tls_seen_note(seen, true, name, certs[1], 10 + i);
    }
    gw_tls_seen_each(seen, find, &f);
    assert_int_equal(f.count, GW_TLS_SEEN_MAX);
    assert_ptr_equal(f.a.cert, certs[0]);
    assert_int_equal(f.a.since, 10);
}

static void nobody_keeps(void **state)
{
    struct found f = {0};

    (void)state;
    gw_tls_seen_note(NULL, true, "a", certs[0], 1);
    gw_tls_seen_each(NULL, find, &f);
    assert_int_equal(f.count, 0);
}

static int certs_make(void **state)
{
    struct error err = {0};

    (void)state;
    for (int i = 0; i < 2; i++) {
        const struct chain_node node = {.id = 'L', .issuer = 'A', .serial = (unsigned)i + 7};

        if (chain_cert(&node, &certs[i], &err) != ST_OK)
            return -1;
    }
    return 0;
}

static int certs_drop(void **state)
{
    (void)state;
    cert_free(certs[0]);
    cert_free(certs[1]);
    chain_keys_drop();
    return 0;
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows) + 2];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[i] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    tests[ARRAY_LEN(rows)] = (struct CMUnitTest)cmocka_unit_test(crowd);
    tests[ARRAY_LEN(rows) + 1] = (struct CMUnitTest)cmocka_unit_test(nobody_keeps);
    return cmocka_run_group_tests(tests, certs_make, certs_drop);
}

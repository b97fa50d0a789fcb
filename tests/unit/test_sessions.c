#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "osci/sessions.h"
#include "tests/unit/helper_crypto.h"

#include <stdio.h>

enum { NOW = 1000000 };

struct fixture {
    struct osci_sessions *sessions;
    struct cert *a, *b;
    bool strangers; /* open_one has certificates that nobody believes */
};

static int setup(void **state)
{
    const struct osci_sessions_conf conf = {.max = 4, .client_max = 2, .idle_ms = 1000};
    struct fixture *f = calloc(1, sizeof *f);
    struct error err = {0};

    assert_non_null(f);
    assert_int_equal(osci_sessions_new(&conf, &f->sessions, &err), ST_OK);
    f->a = helper_cert("originator-cipher-2048");
    f->b = helper_cert("addressee-cipher-2048");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    osci_sessions_free(f->sessions);
    cert_free(f->a);
    cert_free(f->b);
    free(f);
    return 0;
}

static enum status open_one(struct fixture *f, const char *id, struct cert *cipher, int64_t now)
{
    struct osci_session s = {.challenge = "c", .cipher = cipher, .believed = !f->strangers};
    struct error err = {0};

    (void)snprintf(s.conversation_id, sizeof s.conversation_id, "%s", id);
    return osci_sessions_open(f->sessions, &s, now, &err);
}

static enum status take(struct fixture *f, const char *id, uint64_t sequence, const char *response,
                        int64_t now, struct osci_session *s)
{
    const struct osci_controlblock control = {.conversation_id = span_str(id),
                                              .response = span_str(response),
                                              .has_sequence = true,
                                              .sequence = sequence};
    struct error err = {0};
    enum status st = osci_sessions_take(f->sessions, &control, now, s, &err);

    if (st != ST_OK)
        assert_int_equal(err.reason, 9400);
    return st;
}

static bool alive(struct fixture *f, const char *id, int64_t now)
{
    struct osci_session s = {0};
    bool there = take(f, id, 0, "c", now, &s) == ST_OK;

    if (there)
        osci_sessions_put(f->sessions, &s, now);
    osci_session_deinit(&s);
    return there;
}

static void test_one_at_a_time(void **state)
{
    struct fixture *f = *state;
    struct osci_session s = {0}, other = {0};

    assert_int_equal(open_one(f, "1", f->a, NOW), ST_OK);
    assert_int_equal(open_one(f, "1", f->b, NOW), ST_DUPLICATE);
    assert_int_equal(take(f, "1", 1, "c", NOW, &other), ST_INVALID);
    assert_int_equal(take(f, "1", 0, "d", NOW, &other), ST_INVALID);
    assert_int_equal(take(f, "2", 0, "c", NOW, &other), ST_INVALID);
    assert_int_equal(take(f, "1", 0, "c", NOW, &s), ST_OK);
    assert_int_equal(take(f, "1", 0, "c", NOW, &other), ST_INVALID);
    s.next_sequence = 1;
    s.challenge[0] = 'e';
    memcpy(s.pending, "m", 1);
    s.pending_len = 1;
    osci_sessions_put(f->sessions, &s, NOW);
    osci_session_deinit(&s);
    assert_int_equal(take(f, "1", 0, "c", NOW, &other), ST_INVALID); /* a replay */
    assert_int_equal(take(f, "1", 1, "e", NOW, &s), ST_OK);
    assert_int_equal(s.pending_len, 1);
    assert_true(cert_eq(s.cipher, f->a));
    osci_session_deinit(&s);
    osci_sessions_close(f->sessions, "1");
    osci_sessions_close(f->sessions, "1");
    assert_int_equal(osci_sessions_count(f->sessions), 0);
}

static void test_idle(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(open_one(f, "1", f->a, NOW), ST_OK);
    assert_true(alive(f, "1", NOW + 1000));
    assert_true(alive(f, "1", NOW + 2000)); /* counted from the last request */
    assert_false(alive(f, "1", NOW + 3001));
    assert_int_equal(osci_sessions_count(f->sessions), 0);
}

static void test_bound_of_a_client(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(open_one(f, "1", f->a, NOW), ST_OK);
    assert_int_equal(open_one(f, "2", f->a, NOW + 1), ST_OK);
    assert_true(alive(f, "1", NOW + 2)); /* proven */
    assert_int_equal(open_one(f, "3", f->a, NOW + 3), ST_OK);
    assert_true(alive(f, "1", NOW + 4));
    assert_false(alive(f, "2", NOW + 4)); /* the unproven one made room */
    assert_int_equal(osci_sessions_count(f->sessions), 2);
}

static void test_full(void **state)
{
    struct fixture *f = *state;
    struct cert *c = helper_cert("reader-cipher-2048");
    static const char *const ids[] = {"1", "2", "3", "4"};

    for (int i = 0; i < 4; i++)
        assert_int_equal(open_one(f, ids[i], i < 2 ? f->a : f->b, NOW + i), ST_OK);
    assert_int_equal(open_one(f, "5", c, NOW + 5), ST_OK); /* the oldest unproven one leaves */
    assert_false(alive(f, "1", NOW + 6));
    for (int i = 1; i < 4; i++)
        assert_true(alive(f, ids[i], NOW + 7));
    assert_true(alive(f, "5", NOW + 7));
    assert_int_equal(open_one(f, "6", c, NOW + 8), ST_LIMIT); /* proven ones are not driven out */
    assert_int_equal(open_one(f, "7", c, NOW + 1100), ST_OK);
    cert_free(c);
}

/* Certificates are cheap to make: those who answer with their own must not lock out the others. */
static void test_full_of_strangers(void **state)
{
    struct fixture *f = *state;
    struct cert *c = helper_cert("reader-cipher-2048");

    assert_int_equal(open_one(f, "1", f->a, NOW), ST_OK);
    assert_true(alive(f, "1", NOW));
    f->strangers = true;
    assert_int_equal(open_one(f, "2", f->b, NOW + 1), ST_OK);
    assert_int_equal(open_one(f, "3", f->b, NOW + 2), ST_OK);
    assert_int_equal(open_one(f, "4", c, NOW + 3), ST_OK);
    assert_true(alive(f, "2", NOW + 4));
    assert_true(alive(f, "3", NOW + 5));
    assert_true(alive(f, "4", NOW + 6));
    assert_int_equal(open_one(f, "5", c, NOW + 7), ST_OK);
    assert_false(alive(f, "2", NOW + 8)); /* the longest unused of them */
    assert_true(alive(f, "1", NOW + 8));
    assert_true(alive(f, "3", NOW + 8));
    cert_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_idle, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bound_of_a_client, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_of_strangers, setup, teardown),
    };

    return cmocka_run_group_tests_name("sessions", tests, helper_crypto_setup,
                                       helper_crypto_teardown);
}

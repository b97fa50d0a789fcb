/* The scenarios for passive recipients, against recipients that do everything wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "osci/message.h"
#include "tests/unit/helper_conformance.h"
#include "tests/unit/helper_crypto.h"

/* Says yes to whatever comes, unsigned, in the clear, and to nobody in particular. */
static void yes(void *ctx, const struct conf_request *request, struct conf_answer *answer)
{
    struct osci_feedback entry = {SPAN("0800"), SPAN("de"), SPAN("ja")};
    const struct osci_message msg = {.type = OSCI_RSP_ACCEPT_DELIVERY,
                                     .control = {.response = SPAN("irgendwas")},
                                     .feedback = &entry,
                                     .feedback_count = 1};
    const struct policy policy = {0};
    const struct osci_write in = {.msg = &msg, .policy = &policy, .rng = rng_system()};
    AUTO(osci_writer_drop) struct osci_writer *writer = NULL;
    struct error err = {0};
    bool end = false;

    (void)ctx;
    (void)request;
    assert_int_equal(osci_message_write(&in, &writer, &err), ST_OK);
    while (!end)
        assert_int_equal(osci_writer_next(writer, &answer->body, &end, &err), ST_OK);
    answer->status = 200;
}

/* Says no to whatever comes. */
static void no(void *ctx, const struct conf_request *request, struct conf_answer *answer)
{
    struct error err = {0};

    (void)ctx;
    (void)request;
    answer->status = 200;
    assert_int_equal(osci_fault_write(&answer->body, "9000", "nein", rng_system(), &err), ST_OK);
}

/* Never says anything. */
static void silence(void *ctx, const struct conf_request *request, struct conf_answer *answer)
{
    (void)ctx;
    (void)request;
    (void)answer;
}

/* Speaks, but not OSCI. */
static void web_page(void *ctx, const struct conf_request *request, struct conf_answer *answer)
{
    (void)ctx;
    (void)request;
    answer->status = 200;
    buf_str(&answer->body, "<html>Willkommen</html>");
}

static struct row {
    const char *name;
    conf_handler *handler;
    unsigned char fails[64]; /* must fail, whatever else does */
} rows[] = {
    {"one that says yes to everything", yes, {4,  6,  8,  9,  10, 11, 12, 14, 17,  18,
                                              19, 20, 21, 22, 23, 29, 30, 34, 37,  38,
                                              39, 40, 42, 92, 93, 94, 96, 97, 108, 110}},
    {"one that says no to everything", no, {3,  4,  6,  8,  9,  13, 15,  16, 17, 18,
                                            19, 25, 26, 27, 31, 32, 33,  34, 35, 37,
                                            40, 42, 92, 95, 96, 97, 108, 112}},
    {"one that never answers", silence, {1,  2,  3,  4,  5,  7,  8,  9,  13, 16, 17, 23,
                                         31, 36, 37, 40, 92, 93, 94, 95, 96, 97, 112}},
    {"one that speaks something else", web_page, {1,  2,  3,  4,  5,  7,  8,  9,  13, 16, 17, 23,
                                                  31, 36, 37, 40, 92, 93, 94, 95, 96, 97, 112}},
};

static void test_row(void **state)
{
    const struct row *row = *state;
    struct helper_conformance h;

    helper_conformance_open(&h, CONF_RECIPIENT, row->handler, NULL);
    helper_conformance_run(&h, CONF_RECIPIENT, NULL);
    helper_conformance_expect(&h, CONF_RECIPIENT, row->fails, CONF_FAIL);
    helper_conformance_close(&h);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows)];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[i] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    return cmocka_run_group_tests_name("conformance_recipient", tests, helper_crypto_setup,
                                       helper_crypto_teardown);
}

/* The second pair of eyes must see what is wrong, too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conformance/alteration.h"
#include "conformance/delivery.h"
#include "conformance/view.h"
#include "tests/unit/helper_conformance.h"
#include "tests/unit/helper_crypto.h"

static struct row {
    const char *name, *signer, *author;
    struct conf_alteration how;
    const char *message, *contents; /* what is said of the signatures; NULL: all is well */
} rows[] = {
    {.name = "all is well", .signer = "intermediary", .author = "originator"},
    {.name = "another signer",
     .signer = "stranger",
     .author = "originator",
     .message = "the value of the signature"},
    {.name = "another author",
     .signer = "intermediary",
     .author = "stranger",
     .contents = "the value of the signature"},
    {.name = "a body changed",
     .signer = "intermediary",
     .author = "originator",
     .how = {.after = {{"Id=\"body\">", "Id=\"body\"> ", false}}},
     .message = "the digest of #body is wrong"},
    {.name = "a body not signed",
     .signer = "intermediary",
     .author = "originator",
     .how = {.leave_out = "#body"},
     .message = "#body is not signed"},
    {.name = "an attachment that is not the one",
     .signer = "intermediary",
     .author = "originator",
     .how = {.after = {{"Content-ID: <anhang.bin>", "Content-ID: <umhang.bin>", false}}},
     .message = "cid:anhang.bin is referenced",
     .contents = "cid:anhang.bin does not decipher"},
};

/* Begins what is said so? NULL and NULL: nothing is. */
static void assert_said(const char *said, const char *expected)
{
    const char *got = said == NULL ? "" : said, *wanted = expected == NULL ? "" : expected;

    if ((got[0] == '\0') != (wanted[0] == '\0') || strncmp(got, wanted, strlen(wanted)) != 0)
        fail_msg("\"%s\" instead of \"%s\"", got, wanted);
}

static void test_row(void **state)
{
    const struct row *row = *state;
    struct helper_conformance h;
    struct conf_view view = {0};
    struct error err = {0};
    size_t contents = 0;
    AUTO(conf_delivery_deinit) struct conf_delivery d = {0};
    AUTO(buf_deinit) struct buf wire = {0};

    helper_conformance_open(&h, CONF_RECIPIENT, NULL, NULL);
    const struct conf_party *us = conf_party(&h.run, "intermediary");
    const struct conf_party *to = conf_party(&h.run, "recipient");
    const struct conf_delivery_want want = {.type = OSCI_ACCEPT_DELIVERY,
                                            .originator = conf_party(&h.run, "originator"),
                                            .addressee = to,
                                            .intermediary = us};
    const struct conf_hop hop = {us, to};
    const struct conf_pair own = {to->cipher, to->cipher_key};

    buf_init(&wire, CONF_WIRE_MAX);
    assert_int_equal(conf_delivery_make(&h.run, &d, &want, &err), ST_OK);
    if (conf_alter(&row->how, &d.msg, &hop, &wire, &err) != ST_OK)
        fail_msg("%s", err.text);
    assert_said(conf_view_open(&view, buf_span(&wire), &own, 1), NULL);
    assert_said(conf_view_signature(&view, conf_party(&h.run, row->signer)->signature),
                row->message);
    assert_said(
        conf_view_contents(&view, &own, conf_party(&h.run, row->author)->signature, &contents),
        row->contents);
    assert_true(contents > 0);
    conf_view_deinit(&view);
    helper_conformance_close(&h);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows)];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[i] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    return cmocka_run_group_tests_name("conformance_view", tests, helper_crypto_setup,
                                       helper_crypto_teardown);
}

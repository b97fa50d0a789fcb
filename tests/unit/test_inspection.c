/*
 * OSCI 1.2 digest 11.1, whole: what is wrong with each certificate of an order, and what the
 * originator, the card and the mailbox show of it. The recipient's signature certificate, 3708 to
 * 9712, is tested in test_forward.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/helper_crypto.h"
#include "tests/unit/helper_flaw.h"

enum { CERTS_MAX = 8 };

/* The roles' certificates, as the order of this test has them. */
#define CLIENT_CIPHER "originator-cipher-2048"
#define CLIENT_SIGNATURE "originator-signature-2048"
#define AUTHOR_CIPHER "author-cipher-2048"
#define AUTHOR_SIGNATURE "author-signature-2048"
#define ADDRESSEE "addressee-cipher-2048"
#define READER "reader-cipher-2048"

static struct row {
    const char *name, *certificate;
    enum flaw flaw;
    int fault;         /* 0: a regular answer */
    const char *codes; /* of that */
    bool delivered;
} rows[] = {
    {"nothing wrong", CLIENT_CIPHER, FLAW_NONE, 0, "0800", true},
    {"on no list", CLIENT_CIPHER, FLAW_LISTED, 0, "0800", true},
    {"no status for anybody", CLIENT_CIPHER, FLAW_UNLISTED, 0, "3501 3707 0800", true},
    {"client, cipher, expired", CLIENT_CIPHER, FLAW_EXPIRED, 0, "3500 0800", true},
    {"client, cipher, forged", CLIENT_CIPHER, FLAW_CORRUPT, 9501, NULL, false},
    {"client, cipher, revoked", CLIENT_CIPHER, FLAW_REVOKED, 9502, NULL, false},
    {"client, signature, expired", CLIENT_SIGNATURE, FLAW_EXPIRED, 0, "3700 0800", true},
    {"client, signature, forged", CLIENT_SIGNATURE, FLAW_CORRUPT, 0, "9700", false},
    {"client, signature, revoked", CLIENT_SIGNATURE, FLAW_REVOKED, 0, "9701", false},
    {"author, signature, expired", AUTHOR_SIGNATURE, FLAW_EXPIRED, 0, "3701 0800", true},
    {"author, signature, forged", AUTHOR_SIGNATURE, FLAW_CORRUPT, 0, "3702 0800", true},
    {"author, signature, revoked", AUTHOR_SIGNATURE, FLAW_REVOKED, 0, "3703 0800", true},
    {"author, cipher, expired", AUTHOR_CIPHER, FLAW_EXPIRED, 0, "3704 0800", true},
    {"author, cipher, forged", AUTHOR_CIPHER, FLAW_CORRUPT, 0, "9704", false},
    {"author, cipher, revoked", AUTHOR_CIPHER, FLAW_REVOKED, 0, "9705", false},
    {"addressee, cipher, expired", ADDRESSEE, FLAW_EXPIRED, 0, "3705 0800", true},
    {"addressee, cipher, forged", ADDRESSEE, FLAW_CORRUPT, 0, "9706", false},
    {"addressee, cipher, revoked", ADDRESSEE, FLAW_REVOKED, 0, "9707", false},
    {"reader, cipher, expired", READER, FLAW_EXPIRED, 0, "3706 0800", true},
    {"reader, cipher, forged", READER, FLAW_CORRUPT, 0, "9708", false},
    {"reader, cipher, revoked", READER, FLAW_REVOKED, 0, "9709", false},
    {"our own cipher certificate, revoked", "intermediary-cipher-2048", FLAW_REVOKED, 9201, NULL,
     false},
};

static void role_add(struct im_fixture *f, struct osci_message *m, struct osci_cert *certs,
                     enum osci_role role, const char *name)
{
    certs[m->cert_count++] = (struct osci_cert){.role = role, .cert = im_cert(f, name)};
    m->certs = certs;
}

/* storeDelivery with an author and a reader besides originator and addressee. */
static void store(struct im_fixture *f, struct im_reply *r)
{
    struct osci_cert certs[CERTS_MAX] = {0};
    struct im_client c;
    struct osci_message m;

    helper_mailbox_issue(&f->mailbox, SPAN("m1"));
    im_client_init(&c, f, "originator");
    im_store_order(&c, &m, "m1", "addressee");
    m.cert_count = 0; /* in the order of the schema */
    role_add(f, &m, certs, OSCI_CIPHER_ORIGINATOR, CLIENT_CIPHER);
    role_add(f, &m, certs, OSCI_CIPHER_OTHER_AUTHOR, AUTHOR_CIPHER);
    role_add(f, &m, certs, OSCI_CIPHER_ADDRESSEE, ADDRESSEE);
    role_add(f, &m, certs, OSCI_CIPHER_OTHER_READER, READER);
    role_add(f, &m, certs, OSCI_SIGNATURE_ORIGINATOR, CLIENT_SIGNATURE);
    role_add(f, &m, certs, OSCI_SIGNATURE_OTHER_AUTHOR, AUTHOR_SIGNATURE);
    im_send(&c, &m, r);
}

/* The Inspection of that certificate says what was found, and by which list. */
static void inspection_expect(const struct osci_card *card, const struct cert *cert, enum flaw flaw)
{
    const struct osci_inspection *in = NULL;

    assert_int_equal(card->inspection_count, 6);
    for (size_t i = 0; i < card->inspection_count && in == NULL; i++)
        if (span_is(card->inspections[i].serial, cert_serial(cert)) &&
            span_is(card->inspections[i].subject, cert_subject(cert)))
            in = &card->inspections[i];
    assert_non_null(in);
    assert_int_equal(in->math, flaw == FLAW_CORRUPT ? OSCI_CHECK_BAD : OSCI_CHECK_GOOD);
    assert_int_equal(in->offline, flaw == FLAW_CORRUPT || flaw == FLAW_EXPIRED ? OSCI_CHECK_BAD
                                                                               : OSCI_CHECK_GOOD);
    assert_int_equal(in->online, flaw == FLAW_REVOKED  ? OSCI_CHECK_BAD
                                 : flaw == FLAW_LISTED ? OSCI_CHECK_GOOD
                                                       : OSCI_CHECK_NONE);
    if (in->online == OSCI_CHECK_NONE)
        return;
    assert_true(span_is(in->online_kind, "CRL"));
    assert_true(span_is(in->online_evidence, "2026-11-20T23:00:00.000Z"));
}

static void test_row(void **state)
{
    const struct row *row = *state;
    struct im_fixture f;
    struct im_reply r;
    const struct cert *cert;

    im_fixture_init(&f);
    cert = flaw_make(&f, row->certificate, row->flaw);
    store(&f, &r);
    assert_int_equal(r.fault, row->fault);
    if (row->fault == 0)
        im_assert_codes(&r, row->codes);
    assert_int_equal(f.mailbox.delivery_count, row->delivered);
    if (row->delivered) {
        assert_int_equal(r.reading->msg.card_count, 1);
        inspection_expect(&r.reading->msg.cards[0], cert, row->flaw);
    }
    im_reply_deinit(&r);
    im_fixture_deinit(&f);
}

/* The addressee reads on the card what the intermediary found. */
static void card_is_passed_on(void **state)
{
    struct im_fixture *f = *state;
    struct im_client b;
    struct osci_message m;
    struct im_reply r;
    const struct cert *cert = flaw_make(f, AUTHOR_SIGNATURE, FLAW_REVOKED);

    store(f, &r);
    im_assert_codes(&r, "3703 0800");
    im_reply_deinit(&r);
    im_client_init(&b, f, "addressee");
    im_dialog_open(&b);
    im_order(&b, OSCI_FETCH_DELIVERY, &m);
    im_send(&b, &m, &r);
    im_assert_code(&r, "0801");
    inspection_expect(&r.reading->msg.cards[0], cert, FLAW_REVOKED);
    im_reply_deinit(&r);
    im_dialog_close(&b);
}

/* Whoever lost his key can fetch nothing more. */
static void revoked_owner(void **state)
{
    struct im_fixture *f = *state;
    struct im_client b;
    struct osci_message m;
    struct im_reply r;

    im_deliver(f, "m1");
    (void)flaw_make(f, ADDRESSEE, FLAW_REVOKED);
    im_client_init(&b, f, "addressee");
    im_order(&b, OSCI_INIT_DIALOG, &m);
    im_send(&b, &m, &r);
    assert_int_equal(r.fault, 9502);
    im_reply_deinit(&r);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows) + 2];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[n++] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test_setup_teardown(
        card_is_passed_on, im_fixture_setup, im_fixture_teardown);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test_setup_teardown(revoked_owner, im_fixture_setup,
                                                                    im_fixture_teardown);
    return cmocka_run_group_tests(tests, helper_crypto_setup, helper_crypto_teardown);
}

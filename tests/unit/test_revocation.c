/* RFC 5280, 6.3: which lists count, and what they say about a certificate */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "certs/inspect.h"
#include "tests/unit/helper_crl.h"
#include "tests/unit/helper_pki.h"

static struct test_pki pki;

enum { LEAF = 1, SUB = 2 };
enum list_fault { NONE, OUTDATED, EARLY, CRITICAL, NO_NEXT };

static struct row {
    const char *name;
    int listed;  /* of whose issuer there is a list: LEAF's is sub, SUB's is ca */
    int revoked; /* who stands in it */
    enum list_fault fault;
    bool lax; /* no list is expected */
    bool sub_is_anchor;
    enum cert_online online;
    bool missing;
} rows[] = {
    {"no list for anybody", 0, 0, NONE, false, false, CERT_ONLINE_NONE, true},
    {"no list, and none expected", 0, 0, NONE, true, false, CERT_ONLINE_NONE, false},
    {"not revoked", LEAF | SUB, 0, NONE, false, false, CERT_ONLINE_OK, false},
    {"not revoked, nothing known about the issuer", LEAF, 0, NONE, false, false, CERT_ONLINE_OK,
     true},
    {"not revoked, nothing expected about the issuer", LEAF, 0, NONE, true, false, CERT_ONLINE_OK,
     false},
    {"an anchor needs no list", LEAF, 0, NONE, false, true, CERT_ONLINE_OK, false},
    {"an anchor cannot be revoked", LEAF | SUB, SUB, NONE, false, true, CERT_ONLINE_OK, false},
    {"revoked", LEAF | SUB, LEAF, NONE, false, false, CERT_ONLINE_REVOKED, false},
    {"revoked below an anchor", LEAF, LEAF, NONE, false, true, CERT_ONLINE_REVOKED, false},
    {"its issuer revoked", LEAF | SUB, SUB, NONE, false, false, CERT_ONLINE_REVOKED, false},
    {"only its issuer's list", SUB, 0, NONE, false, false, CERT_ONLINE_NONE, true},
    {"an outdated list clears nobody", LEAF, 0, OUTDATED, false, true, CERT_ONLINE_NONE, true},
    {"an outdated list, and none expected", LEAF, 0, OUTDATED, true, true, CERT_ONLINE_NONE, false},
    {"revoked in an outdated list", LEAF, LEAF, OUTDATED, false, true, CERT_ONLINE_REVOKED, true},
    {"a list of tomorrow", LEAF, 0, EARLY, false, true, CERT_ONLINE_NONE, true},
    {"a list with unknown conditions", LEAF, 0, CRITICAL, false, true, CERT_ONLINE_NONE, true},
    {"a list that does not say how long", LEAF, 0, NO_NEXT, false, true, CERT_ONLINE_OK, false},
};

enum { HOUR = 3600 * 1000 };

static struct crl_spec spec_of(const struct demo_ca *ca, enum list_fault fault)
{
    const struct demo_pair *pair = demo_ca_pair(ca);
    struct crl_spec spec = {.ca_cert_pem = buf_span(&pair->cert_pem),
                            .ca_key_pem = buf_span(&pair->key_pem),
                            .from = PKI_NOW - HOUR,
                            .until = PKI_NOW + HOUR,
                            .critical = fault == CRITICAL};

    if (fault == OUTDATED)
        spec.until = PKI_NOW - HOUR / 2;
    if (fault == EARLY)
        spec.from = PKI_NOW + HOUR / 2;
    if (fault == NO_NEXT)
        spec.until = 0;
    return spec;
}

static void list_add(struct crls *crls, struct crl_spec spec, const struct cert *revoked)
{
    AUTO(buf_deinit) struct buf list = {0};
    struct error err = {0};

    if (revoked != NULL) {
        spec.revoked = &revoked;
        spec.revoked_count = 1;
    }
    crl_make(&spec, &list);
    assert_int_equal(crls_add(crls, "list", buf_span(&list), &err), ST_OK);
}

/* The anchor, and what helps to build the way. */
static struct trust *trust_of(const struct demo_ca *anchor)
{
    struct trust *trust = pki_trust(anchor);
    struct error err = {0};

    assert_int_equal(
        trust_add_intermediates(trust, "sub", buf_span(&demo_ca_pair(pki.sub)->cert_pem), &err),
        ST_OK);
    return trust;
}

static void test_row(void **state)
{
    const struct row *row = *state;
    AUTO(trust_drop) struct trust *trust = trust_of(row->sub_is_anchor ? pki.sub : pki.ca);
    AUTO(cert_drop) struct cert *leaf = pki_issue(&pki, pki.sub, (struct demo_spec){0});
    AUTO(cert_drop) struct cert *sub = pki_ca_cert(pki.sub);
    AUTO(crls_drop) struct crls *crls = NULL;
    struct cert_verdict v;
    struct error err = {0};

    if (row->sub_is_anchor) { /* so that a list of its issuer can get in */
        struct span pem = buf_span(&demo_ca_pair(pki.ca)->cert_pem);

        assert_int_equal(trust_add_intermediates(trust, "ca", pem, &err), ST_OK);
    }
    assert_int_equal(crls_new(trust, !row->lax, &crls, &err), ST_OK);
    if ((row->listed & LEAF) != 0)
        list_add(crls, spec_of(pki.sub, row->fault), (row->revoked & LEAF) != 0 ? leaf : NULL);
    if ((row->listed & SUB) != 0)
        list_add(crls, spec_of(pki.ca, row->fault), (row->revoked & SUB) != 0 ? sub : NULL);
    assert_int_equal(
        cert_check(trust, crls, leaf, NULL, 0, CERT_FOR_OSCI_SIGNATURE, PKI_NOW, &v, &err), ST_OK);
    assert_int_equal(v.online, row->online);
    assert_int_equal(v.status_missing, row->missing);
    assert_int_equal(v.math, CERT_MATH_OK);
    assert_int_equal(v.offline, CERT_OFFLINE_VALID);
    assert_int_equal(cert_verdict_good(&v), row->online != CERT_ONLINE_REVOKED);
    assert_int_equal(v.reason[0] != '\0', row->missing || row->online == CERT_ONLINE_REVOKED);
    if ((row->listed & LEAF) != 0 && row->online != CERT_ONLINE_NONE)
        assert_int_equal(v.listed_at, PKI_NOW - HOUR);
    else if (row->online == CERT_ONLINE_NONE)
        assert_int_equal(v.listed_at, 0);
}

/* ---- somebody who can be asked ---- */

static struct source_row {
    const char *name;
    bool listed; /* a list at hand speaks for the end of the chain; none for its issuer */
    bool asked;
    enum cert_known leaf, sub; /* what the source says of them */
    bool closed;
    enum cert_online online;
    bool missing, must_wait;
    unsigned questions;
} source_rows[] = {
#define GOOD CERT_KNOWN_GOOD
#define DEAD CERT_KNOWN_REVOKED
#define SILENT CERT_KNOWN_NOTHING
    {"good, both", false, true, GOOD, GOOD, true, CERT_ONLINE_OK, false, false, 2},
    {"revoked", false, true, DEAD, GOOD, true, CERT_ONLINE_REVOKED, false, false, 2},
    {"its issuer revoked", false, true, GOOD, DEAD, true, CERT_ONLINE_REVOKED, false, false, 2},
    {"unknown", false, true, SILENT, GOOD, false, CERT_ONLINE_NONE, true, false, 2},
    {"unknown, and closed", false, true, SILENT, GOOD, true, CERT_ONLINE_NONE, true, true, 2},
    {"its issuer unknown, and closed", false, true, GOOD, SILENT, true, CERT_ONLINE_OK, true, true,
     2},
    {"unknown, its issuer revoked", false, true, SILENT, DEAD, true, CERT_ONLINE_REVOKED, true,
     false, 2},
    {"a list at hand is asked first", true, true, DEAD, GOOD, true, CERT_ONLINE_OK, false, false,
     1},
    {"nobody is asked", false, false, DEAD, DEAD, false, CERT_ONLINE_NONE, false, false, 1},
    {"nobody is asked, and closed", false, false, DEAD, DEAD, true, CERT_ONLINE_NONE, true, true,
     1},
    {"a list at hand, nobody is asked, and closed", true, false, DEAD, DEAD, true, CERT_ONLINE_OK,
     true, true, 1},
};

struct fake_source {
    struct cert_source base;
    const struct source_row *row;
    const struct cert *leaf;
    unsigned questions;
};

static bool fake_ask(struct cert_source *self, X509 *x509, X509 *issuer, enum cert_purpose purpose,
                     int64_t now, struct cert_standing *s)
{
    struct fake_source *f = (struct fake_source *)self;
    const enum cert_known known = x509 == cert_x509(f->leaf) ? f->row->leaf : f->row->sub;

    (void)issuer;
    assert_int_equal(purpose, CERT_FOR_OSCI_SIGNATURE);
    f->questions++;
    if (!f->row->asked)
        return false;
    if (known == CERT_KNOWN_REVOKED)
        cert_standing_revoked(s, now - HOUR, now - 2 * HOUR, 1);
    else if (known == CERT_KNOWN_NOTHING)
        cert_standing_lacks(s, CERT_LACK_SILENT, "nobody there");
    else
        *s = (struct cert_standing){.known = known, .as_of = now - HOUR, .until = now + HOUR};
    return true;
}

/* An intermediary's word on it, by role: a code of 9xxx stops the order. */
static void judge_check(struct cert_checker *checker, const struct cert *leaf,
                        const struct cert_verdict *v)
{
    static const struct {
        enum cert_role role;
        int waits;
    } roles[] = {{CERT_CLIENT_SIGNATURE, 9710}, {CERT_AUTHOR_SIGNATURE, 0}};

    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        struct cert_verdict verdict;
        struct cert_findings findings;
        struct error err = {0};
        const enum status st =
            cert_judge(checker, leaf, roles[i].role, PKI_NOW, &verdict, &findings, &err);

        if (v->must_wait && roles[i].waits != 0) {
            assert_int_equal(st, ST_RETRY);
            assert_int_equal(err.reason, roles[i].waits);
        } else {
            assert_int_equal(st, v->online == CERT_ONLINE_REVOKED && roles[i].waits != 0 ? ST_DENIED
                                                                                         : ST_OK);
        }
    }
}

static void test_source(void **state)
{
    const struct source_row *row = *state;
    AUTO(trust_drop) struct trust *trust = trust_of(pki.ca);
    AUTO(cert_drop) struct cert *leaf = pki_issue(&pki, pki.sub, (struct demo_spec){0});
    AUTO(cert_checker_drop) struct cert_checker *checker = NULL;
    struct fake_source source = {
        .base = {.ask = fake_ask, .closed = row->closed ? CERT_FOR_EVERYTHING : 0},
        .row = row,
        .leaf = leaf};
    struct crls *crls = NULL;
    struct cert_verdict v;
    struct error err = {0};

    assert_int_equal(cert_checker_new(trust, 16, HOUR, &checker, &err), ST_OK);
    if (row->listed) {
        assert_int_equal(crls_new(trust, false, &crls, &err), ST_OK);
        list_add(crls, spec_of(pki.sub, NONE), NULL);
        cert_checker_take_crls(checker, crls);
    }
    cert_checker_use_source(checker, &source.base);
    assert_int_equal(cert_checker_check(checker, leaf, CERT_FOR_OSCI_SIGNATURE, PKI_NOW, &v, &err),
                     ST_OK);
    assert_int_equal(v.online, row->online);
    assert_int_equal(v.status_missing, row->missing);
    assert_int_equal(v.must_wait, row->must_wait);
    assert_int_equal(source.questions, row->questions);
    assert_int_equal(v.revoked_at, row->online == CERT_ONLINE_REVOKED ? PKI_NOW - 2 * HOUR : 0);
    judge_check(checker, leaf, &v);
    if (row->missing) /* what nobody could tell is asked again */
        assert_true(source.questions > row->questions);
}

/* Nobody is sent anywhere by a certificate that leads to no anchor, or is not valid. */
static void stranger(void **state)
{
    AUTO(trust_drop) struct trust *trust = trust_of(pki.ca);
    AUTO(cert_drop) struct cert *foreign = pki_issue(&pki, pki.twin, (struct demo_spec){0});
    AUTO(cert_drop)
    struct cert *expired = pki_issue(
        &pki, pki.ca, (struct demo_spec){.from = PKI_NOW - 2 * HOUR, .until = PKI_NOW - HOUR});
    const struct cert *const certs[] = {foreign, expired};
    static const struct source_row row = {.asked = true};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(certs); i++) {
        struct fake_source source = {.base = {.ask = fake_ask, .closed = CERT_FOR_EVERYTHING},
                                     .row = &row,
                                     .leaf = certs[i]};
        struct cert_verdict v;
        struct error err = {0};

        assert_int_equal(cert_check_with(trust, (struct cert_evidence){.source = &source.base},
                                         certs[i], NULL, 0, CERT_FOR_OSCI_SIGNATURE, PKI_NOW, &v,
                                         &err),
                         ST_OK);
        assert_int_equal(source.questions, 0);
        assert_false(cert_verdict_good(&v));
        assert_false(v.must_wait);
    }
}

/* ---- what gets in ---- */

static struct file_row {
    const char *name;
    enum { WHOLE, TWICE, AS_DER, FOREIGN, FORGED, CUT, EMPTY, NOISE, TRAILING } form;
    enum status status;
    size_t count;
} file_rows[] = {
    {"PEM", WHOLE, ST_OK, 1},
    {"two in one PEM file", TWICE, ST_OK, 2},
    {"DER", AS_DER, ST_OK, 1},
    {"of an authority we do not know", FOREIGN, ST_DENIED, 0},
    {"with a signature that does not fit", FORGED, ST_DENIED, 0},
    {"cut off", CUT, ST_INVALID, 0},
    {"empty", EMPTY, ST_INVALID, 0},
    {"something else", NOISE, ST_INVALID, 0},
    {"DER with something behind it", TRAILING, ST_INVALID, 0},
};

static void test_file(void **state)
{
    const struct file_row *row = *state;
    AUTO(trust_drop) struct trust *trust = pki_trust(pki.ca);
    AUTO(crls_drop) struct crls *crls = NULL;
    AUTO(buf_deinit) struct buf list = {0};
    struct crl_spec spec = spec_of(row->form == FOREIGN ? pki.twin : pki.ca, NONE);
    struct span bytes;
    struct error err = {0};

    spec.der = row->form == AS_DER || row->form == FORGED || row->form == TRAILING;
    crl_make(&spec, &list);
    if (row->form == TWICE) {
        AUTO(buf_deinit) struct buf copy = {0};

        buf_init(&copy, list.max);
        buf_add(&copy, buf_span(&list));
        buf_add(&list, buf_span(&copy));
    }
    if (row->form == TRAILING)
        buf_char(&list, 'x');
    bytes = buf_span(&list);
    if (row->form == FORGED)
        list.ptr[list.len - 1] ^= 1;
    if (row->form == CUT)
        bytes.len /= 2;
    if (row->form == EMPTY)
        bytes = SPAN("");
    if (row->form == NOISE)
        bytes = SPAN("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    assert_int_equal(crls_new(trust, true, &crls, &err), ST_OK);
    assert_int_equal(crls_add(crls, "name.crl", bytes, &err), row->status);
    assert_int_equal(crls_count(crls), row->count);
    if (row->status != ST_OK)
        assert_non_null(strstr(err.text, "name.crl"));
    assert_int_equal(crls_next_update(crls), row->count > 0 ? PKI_NOW + HOUR : 0);
}

/* ---- the checker ---- */

/* New lists count at once, whatever was remembered. */
static void exchanged(void **state)
{
    AUTO(trust_drop) struct trust *trust = pki_trust(pki.ca);
    AUTO(cert_drop) struct cert *leaf = pki_issue(&pki, pki.ca, (struct demo_spec){0});
    AUTO(cert_checker_drop) struct cert_checker *checker = NULL;
    struct cert_verdict v;
    struct error err = {0};
    const enum cert_online expected[] = {CERT_ONLINE_NONE, CERT_ONLINE_OK, CERT_ONLINE_REVOKED,
                                         CERT_ONLINE_NONE};

    (void)state;
    assert_int_equal(cert_checker_new(trust, 16, HOUR, &checker, &err), ST_OK);
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        struct crls *crls = NULL;

        if (i == 1 || i == 2) {
            assert_int_equal(crls_new(trust, true, &crls, &err), ST_OK);
            list_add(crls, spec_of(pki.ca, NONE), i == 2 ? leaf : NULL);
        }
        cert_checker_take_crls(checker, crls);
        for (int again = 0; again < 2; again++) {
            assert_int_equal(
                cert_checker_check(checker, leaf, CERT_FOR_OSCI_SIGNATURE, PKI_NOW, &v, &err),
                ST_OK);
            assert_int_equal(v.online, expected[i]);
        }
    }
}

struct asker {
    struct cert_checker *checker;
    const struct cert *leaf;
    bool good;
};

static void *ask(void *ctx)
{
    struct asker *a = ctx;
    struct error err = {0};
    struct cert_verdict v;

    a->good = true;
    for (int i = 0; i < 200; i++)
        a->good = a->good && cert_checker_check(a->checker, a->leaf, CERT_FOR_OSCI_SIGNATURE,
                                                PKI_NOW + i * HOUR, &v, &err) == ST_OK;
    return NULL;
}

/* Lists leave while others look into them. */
static void exchanged_meanwhile(void **state)
{
    AUTO(trust_drop) struct trust *trust = pki_trust(pki.ca);
    AUTO(cert_drop) struct cert *leaf = pki_issue(&pki, pki.ca, (struct demo_spec){0});
    AUTO(cert_checker_drop) struct cert_checker *checker = NULL;
    struct asker askers[2];
    pthread_t threads[2];
    struct error err = {0};

    (void)state;
    assert_int_equal(cert_checker_new(trust, 16, 1, &checker, &err), ST_OK);
    for (size_t i = 0; i < 2; i++) {
        askers[i] = (struct asker){.checker = checker, .leaf = leaf};
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &askers[i]), 0);
    }
    for (int i = 0; i < 20; i++) {
        struct crls *crls = NULL;

        assert_int_equal(crls_new(trust, true, &crls, &err), ST_OK);
        list_add(crls, spec_of(pki.ca, NONE), NULL);
        cert_checker_take_crls(checker, crls);
    }
    for (size_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_true(askers[i].good);
    }
}

static int setup(void **state)
{
    (void)state;
    pki_init(&pki);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pki_deinit(&pki);
    return 0;
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows) + ARRAY_LEN(file_rows) + ARRAY_LEN(source_rows) + 3];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[n++] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(file_rows); i++)
        tests[n++] = (struct CMUnitTest){file_rows[i].name, test_file, NULL, NULL, &file_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(source_rows); i++)
        tests[n++] =
            (struct CMUnitTest){source_rows[i].name, test_source, NULL, NULL, &source_rows[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(stranger);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(exchanged);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(exchanged_meanwhile);
    return cmocka_run_group_tests(tests, setup, teardown);
}

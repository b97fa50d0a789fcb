/* trust.crls: read at start, read again when changed, and what is not fit to be read */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "gateway/crl_folder.h"
#include "tests/unit/helper_crl.h"
#include "tests/unit/helper_crypto.h"
#include "tests/unit/helper_runtime.h"
#include "tests/unit/helper_store.h"

static const char yaml[] =
    "state: '{dir}/state'\n"
    "trust:\n"
    "  osci: ['{keys}/ca.cert.pem']\n"
    "  crls: '{dir}/crls'\n"
    "api: {socket: '{dir}/api.sock'}\n"
    "osci_server:\n"
    "  identity:\n"
    "    signature: {certificate: '{keys}/intermediary-signature-2048.cert.pem',"
    " key: '{keys}/intermediary-signature-2048.key.pem'}\n"
    "    cipher: {certificate: '{keys}/intermediary-cipher-2048.cert.pem',"
    " key: '{keys}/intermediary-cipher-2048.key.pem'}\n"
    "  self_registering: true\n"
    "  listeners: [{port: 0}]\n";

enum { DAY = 24 * 3600 * 1000 };

/* A list of the vectors' CA with this certificate on it, or with nobody. */
static void list_write(const struct helper_runtime *h, const char *revoked)
{
    AUTO(cert_drop) struct cert *cert = revoked == NULL ? NULL : helper_cert(revoked);
    const struct cert *list[] = {cert};
    AUTO(buf_deinit) struct buf ca_cert = {0}, ca_key = {0}, text = {0};
    struct crl_spec spec = {.revoked = list,
                            .revoked_count = revoked != NULL,
                            .from = gw_now_ms() - DAY,
                            .until = gw_now_ms() + DAY};

    helper_vector("osci12/keys/ca.cert.pem", &ca_cert);
    helper_vector("osci12/keys/ca.key.pem", &ca_key);
    spec.ca_cert_pem = buf_span(&ca_cert);
    spec.ca_key_pem = buf_span(&ca_key);
    crl_make(&spec, &text);
    helper_file(h, "crls/ca.crl", buf_span(&text));
}

static void stop_loop(void *ctx)
{
    gw_loop_stop(ctx);
}

struct looks {
    struct helper_runtime *h;
    struct gw_timer *timer;
    int count;
};

static void look_again(void *ctx)
{
    struct looks *l = ctx;

    gw_crl_folder_look(l->h->rt->crls);
    if (++l->count < 60)
        return;
    gw_timer_drop(&l->timer);
    gw_loop_stop(l->h->loop);
}

/* One look to its end, or several; the loop has ended then. */
static void look(struct helper_runtime *h, bool often)
{
    if (often) {
        struct looks looks = {.h = h};

        looks.timer = gw_timer_new(h->loop, look_again, &looks);
        gw_timer_start(looks.timer, 0, 5);
        gw_loop_run(h->loop);
        h->ran = true;
        return;
    }
    gw_crl_folder_look(h->rt->crls);
    gw_loop_post(h->loop, stop_loop, h->loop);
    gw_loop_run(h->loop);
    h->ran = true;
}

static enum cert_online online(const struct helper_runtime *h, bool *missing)
{
    AUTO(cert_drop) struct cert *cert = helper_cert("originator-signature-2048");
    struct cert_verdict v;
    struct error err = {0};

    assert_int_equal(
        cert_checker_check(h->rt->checker, cert, CERT_FOR_OSCI_SIGNATURE, gw_now_ms(), &v, &err),
        ST_OK);
    *missing = v.status_missing;
    return v.online;
}

enum before { EMPTY, CLEARED, REVOKED };
enum change { NOTHING, NEW_LIST, NOISE, NOISE_STAYS, REMOVED, HIDDEN };

static struct row {
    const char *name;
    enum before before;
    enum change change;
    enum cert_online at_start, later;
} rows[] = {
    {"an empty folder", EMPTY, NOTHING, CERT_ONLINE_NONE, CERT_ONLINE_NONE},
    {"a list at start", CLEARED, NOTHING, CERT_ONLINE_OK, CERT_ONLINE_OK},
    {"revoked at start", REVOKED, NOTHING, CERT_ONLINE_REVOKED, CERT_ONLINE_REVOKED},
    {"revoked later", CLEARED, NEW_LIST, CERT_ONLINE_OK, CERT_ONLINE_REVOKED},
    {"the first list comes later", EMPTY, NEW_LIST, CERT_ONLINE_NONE, CERT_ONLINE_REVOKED},
    {"a list that is just being written", REVOKED, NOISE, CERT_ONLINE_REVOKED, CERT_ONLINE_REVOKED},
    {"a list that stays broken", REVOKED, NOISE_STAYS, CERT_ONLINE_REVOKED, CERT_ONLINE_NONE},
    {"no list any more", REVOKED, REMOVED, CERT_ONLINE_REVOKED, CERT_ONLINE_NONE},
    {"a hidden file beside it", CLEARED, HIDDEN, CERT_ONLINE_OK, CERT_ONLINE_OK},
};

static void change_make(const struct helper_runtime *h, enum change change)
{
    char path[512];

    switch (change) {
    case NOTHING:
        break;
    case NEW_LIST:
        list_write(h, "originator-signature-2048");
        break;
    case NOISE:
    case NOISE_STAYS:
        helper_file(h, "crls/ca.crl", SPAN("-----BEGIN X509 CRL-----\nMIIB"));
        break;
    case REMOVED:
        assert_int_equal(unlink(helper_path(h, path, "crls/ca.crl")), 0);
        break;
    case HIDDEN:
        helper_file(h, "crls/.ca.crl.part", SPAN("-----BEGIN X509 CRL-----\nMIIB"));
        break;
    }
}

static void start(struct helper_runtime *h, enum before before)
{
    char path[512];

    helper_dir_make(h->dir);
    assert_int_equal(mkdir(helper_path(h, path, "crls"), 0700), 0);
    if (before != EMPTY)
        list_write(h, before == REVOKED ? "originator-signature-2048" : NULL);
    helper_runtime_open(h, yaml, "", NULL);
}

static void test_row(void **state)
{
    const struct row *row = *state;
    struct helper_runtime h = {0};
    bool missing;

    start(&h, row->before);
    assert_int_equal(online(&h, &missing), row->at_start);
    assert_int_equal(missing, row->at_start == CERT_ONLINE_NONE);
    change_make(&h, row->change);
    look(&h, row->change == NOISE_STAYS);
    assert_int_equal(online(&h, &missing), row->later);
    helper_runtime_deinit(&h);
}

/* A broken file beside a good one at start: the good one counts. */
static void broken_beside(void **state)
{
    struct helper_runtime h = {0};
    bool missing;

    (void)state;
    start(&h, REVOKED);
    helper_runtime_close(&h);
    helper_file(&h, "crls/other.crl", SPAN("neither PEM nor DER"));
    helper_runtime_open(&h, yaml, "", NULL);
    assert_int_equal(online(&h, &missing), CERT_ONLINE_REVOKED);
    helper_runtime_deinit(&h);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows) + 1];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[i] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    tests[ARRAY_LEN(rows)] = (struct CMUnitTest)cmocka_unit_test(broken_beside);
    return cmocka_run_group_tests(tests, helper_crypto_setup, helper_crypto_teardown);
}

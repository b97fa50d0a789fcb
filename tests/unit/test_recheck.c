/* Messages that wait for a responder: who is asked again, and what becomes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include <openssl/x509.h>

#include "gateway/message_json.h"
#include "gateway/payload.h"
#include "gateway/recheck.h"
#include "gateway/verdicts.h"
#include "helper_crypto.h"
#include "helper_runtime.h"

enum { SILENT = 120, OTHERS = 30 }; /* more than a round takes */

static const char endpoint_yaml[] = "endpoints:\n"
                                    "  - name: bauamt\n"
                                    "    folder: {dir}/bauamt\n"
                                    "    receives: { default: true }\n"
                                    "    routes: [ {partner: Beheim} ]\n";

/* Somebody who knows one certificate, and of all others nothing. */
struct responder {
    struct cert_source base;
    const struct cert *known;
    enum cert_known what;
    unsigned asked;
    struct helper_runtime *released; /* an operator lets id go while he is asked; NULL: nobody */
    const char *id;
};

static void release(const struct responder *r)
{
    const struct gw_cause cause = {.now = gw_now_ms(), .actor = "test"};
    const struct gw_move moves[] = {{.id = r->id, .event = GW_EV_RETRY, .cause = cause},
                                    {.id = r->id, .event = GW_EV_OPEN, .cause = cause},
                                    {.id = r->id, .event = GW_EV_HAND_OVER, .cause = cause}};
    struct error err = {0};

    for (size_t i = 0; i < ARRAY_LEN(moves); i++)
        assert_int_equal(gw_store_commit_move(r->released->rt->store, &moves[i], NULL, &err),
                         ST_OK);
}

static bool answer(struct cert_source *self, X509 *x509, X509 *issuer, enum cert_purpose purpose,
                   int64_t now, struct cert_standing *s)
{
    struct responder *r = (struct responder *)self;
    AUTO(cert_drop) struct cert *cert = NULL;
    unsigned char *der = NULL;
    int len = i2d_X509(x509, &der);
    struct error err = {0};

    (void)issuer;
    (void)purpose;
    r->asked++;
    assert_true(len > 0);
    assert_int_equal(cert_from_der(span_of(der, (size_t)len), &cert, &err), ST_OK);
    OPENSSL_free(der);
    if (r->released != NULL && cert_eq(cert, r->known)) {
        release(r);
        r->released = NULL;
    }
    if (!cert_eq(cert, r->known))
        cert_standing_lacks(s, CERT_LACK_SILENT, "nobody answers");
    else if (r->what == CERT_KNOWN_REVOKED)
        cert_standing_revoked(s, now, now, 1);
    else
        *s = (struct cert_standing){.known = r->what, .as_of = now, .until = now + 3600 * 1000};
    return true;
}

static struct cert *cert_of(const char *name)
{
    char path[128];
    AUTO(buf_deinit) struct buf pem = {0};
    struct cert *cert = NULL;
    struct error err = {0};

    (void)snprintf(path, sizeof path, "osci12/keys/%s.cert.pem", name);
    helper_vector(path, &pem);
    assert_int_equal(cert_from_pem(buf_span(&pem), &cert, &err), ST_OK);
    return cert;
}

/* One that waits, by this author; NULL: one that waits for something else. */
static void waiting_add(struct helper_runtime *h, const struct cert *author, char id[GW_ID_SIZE])
{
    AUTO(gw_stage_drop) struct gw_stage *stage = NULL;
    const struct gw_cause came = {.now = gw_now_ms(), .actor = "test"};
    struct gw_message_row row = {.id = id,
                                 .box = GW_INBOX,
                                 .tenant = h->conf->tenants[0].name,
                                 .endpoint = "bauamt",
                                 .created_at = gw_now_ms()};
    const struct gw_file_row *files;
    struct error err = {0};
    struct gw_move kept = {.id = id, .event = GW_EV_QUARANTINE};
    json_t *json;
    char *text;
    size_t count;

    kept.cause =
        (struct gw_cause){.now = gw_now_ms(),
                          .actor = "test",
                          .reason = author != NULL ? GW_R_STATUS_SILENT : GW_R_CONTENT_DAMAGED,
                          .en = "it waits",
                          .de = "Sie wartet"};
    json = author == NULL ? json_object()
                          : json_pack("{s:s, s:[{s:[{s:o}]}]}", "result", "doubtful", "contents",
                                      "authors", "x509", gw_recheck_cert(author));
    text = gw_json_dump(json, 0);
    json_decref(json);
    assert_non_null(text);
    assert_int_equal(gw_uuid_make(rng_system(), gw_now_ms(), id, &err), ST_OK);
    assert_int_equal(gw_stage_new(h->rt->store, id, &stage, &err), ST_OK);
    assert_int_equal(gw_stage_add_bytes(stage, GW_FILE_VERIFICATION, "verification.json", NULL,
                                        NULL, span_str(text), &err),
                     ST_OK);
    free(text);
    assert_int_equal(gw_stage_publish(stage, &err), ST_OK);
    files = gw_stage_files(stage, &count);
    if (gw_store_commit_message(h->rt->store, &row, files, count, &came, NULL, &err) != ST_OK ||
        gw_store_commit_move(h->rt->store, &kept, NULL, &err) != ST_OK)
        fail_msg("%s", err.text);
    gw_stage_done(stage);
}

static struct row {
    const char *name;
    enum cert_known what; /* is said about the certificate of the last one */
    enum gw_state state;
    int reason;
    bool released; /* meanwhile */
} rows[] = {
    {"goes on", CERT_KNOWN_GOOD, GW_OPENED, 0, false},
    {"is kept for good", CERT_KNOWN_REVOKED, GW_QUARANTINED, GW_R_CERT_REVOKED, false},
    {"is released meanwhile", CERT_KNOWN_REVOKED, GW_HANDED_OVER, 0, true},
};

/* However many wait for a responder that is gone, those behind them have their turn. */
static void test_turn(void **state)
{
    const struct row *row = *state;
    AUTO(cert_drop) struct cert *silent = cert_of("originator-signature-2048");
    AUTO(cert_drop) struct cert *known = cert_of("author-signature-2048");
    struct responder responder = {.base = {answer, CERT_PURPOSE_BIT(CERT_FOR_OSCI_SIGNATURE)},
                                  .known = known,
                                  .what = row->what};
    AUTO(arena_deinit) struct arena arena = {.max = 64 * 1024 * 1024};
    struct gw_recheck *recheck = NULL;
    struct helper_runtime h = {0};
    char first[GW_ID_SIZE] = "", id[GW_ID_SIZE] = "";

    helper_runtime_open(&h, helper_town_yaml, endpoint_yaml, NULL);
    cert_checker_use_source(h.rt->checker, &responder.base);
    for (int i = 0; i < SILENT + OTHERS; i++)
        waiting_add(&h, i < SILENT ? silent : NULL, i == 0 ? first : id);
    waiting_add(&h, known, id);
    responder.id = id;
    responder.released = row->released ? &h : NULL;
    gw_recheck_new(h.rt, &recheck);
    for (int i = 0; i < 3; i++)
        gw_recheck_round(recheck);
    assert_int_equal(helper_message_of(&h, &arena, first).state, GW_QUARANTINED);
    assert_int_equal(helper_message_of(&h, &arena, first).last_reason, GW_R_STATUS_SILENT);
    assert_int_equal(helper_message_of(&h, &arena, id).state, row->state);
    if (row->reason != 0)
        assert_int_equal(helper_message_of(&h, &arena, id).last_reason, row->reason);
    helper_runtime_run(&h);
    (void)helper_runtime_stop(&h);
    gw_recheck_free(recheck);
    helper_runtime_deinit(&h);
}

/* However often one certificate signs in a message, it is asked about once. */
static void test_once(void **state)
{
    AUTO(cert_drop) struct cert *silent = cert_of("originator-signature-2048");
    AUTO(cert_drop) struct cert *known = cert_of("author-signature-2048");
    struct responder responder = {.base = {answer, CERT_PURPOSE_BIT(CERT_FOR_OSCI_SIGNATURE)},
                                  .known = known};
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};
    struct gw_verdicts verdicts = {.arena = &arena};
    struct helper_runtime h = {0};
    struct error err = {0};

    (void)state;
    helper_runtime_open(&h, helper_town_yaml, endpoint_yaml, NULL);
    cert_checker_use_source(h.rt->checker, &responder.base);
    for (int i = 0; i < 3; i++) {
        const struct cert_verdict *v;
        bool fresh;

        assert_int_equal(
            gw_verdict(&verdicts, h.rt->checker, silent, gw_now_ms(), &v, &fresh, &err), ST_OK);
        assert_true(v->must_wait);
        assert_int_equal(fresh, i == 0);
    }
    assert_int_equal(responder.asked, 1);
    helper_runtime_deinit(&h);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows) + 1] = {cmocka_unit_test(test_once)};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[i + 1] = (struct CMUnitTest){rows[i].name, test_turn, NULL, NULL, &rows[i]};
    return cmocka_run_group_tests_name("recheck", tests, helper_crypto_setup,
                                       helper_crypto_teardown);
}

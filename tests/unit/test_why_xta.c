/*
 * What XTA servers answer, and keys of ours that cannot be used, brought about; and what `depesche
 * why` says of the message that meets them: the code, on whose side it is, and the next step. The
 * server is one that answers each exception on demand, over real TLS.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <curl/curl.h>

#include "gateway/api.h"
#include "gateway/lane.h"
#include "gateway/reason.h"
#include "gateway/worker.h"
#include "gateway/xta_client.h"
#include "helper_crypto.h"
#include "helper_store.h"
#include "helper_why.h"
#include "helper_xta_fake.h"

enum { YAML_MAX = 64 * 1024 };

static const char tenant_yaml[] = "state: {dir}/state\n"
                                  "api: { socket: {dir}/api.sock }\n"
                                  "tenant:\n"
                                  "  name: Ahausen\n"
                                  "  identity: {originator}\n"
                                  "retry: { first_seconds: 60, max_seconds: 120 }\n"
                                  "endpoints:\n"
                                  "  - name: bauamt\n"
                                  "    receives: { default: true }\n";

struct world {
    struct helper_xta_fake fake;
    struct helper_runtime h;
    struct gw_api_server *api;
    struct buf yaml;
    struct gw_destination to;
    struct gw_xta_server_talk talk;
    struct arena arena;
};

static struct world worlds[XTA_VERSION_COUNT]; /* of all rows: each has messages of its own */

static void world_open(struct world *w, enum xta_version version)
{
    struct error err = {0};

    arena_init(&w->arena, 256 * 1024 * 1024);
    helper_xta_fake_open(&w->fake, version);
    buf_init(&w->yaml, YAML_MAX);
    helper_xta_fake_yaml(&w->fake, "", &w->yaml);
    helper_runtime_open(&w->h, tenant_yaml, buf_cstr(&w->yaml), NULL);
    if (gw_api_start(w->h.rt, &w->api, &err) != ST_OK)
        fail_msg("%s", err.text);
    helper_runtime_run(&w->h);
    assert_true(gw_destination_at(w->h.rt, 0, &w->to));
    w->talk = (struct gw_xta_server_talk){.rt = w->h.rt, .peer = w->to.peer};
}

static void world_close(struct world *w)
{
    if (w->api == NULL)
        return;
    (void)helper_runtime_stop(&w->h);
    gw_api_server_free(w->api);
    helper_runtime_deinit(&w->h);
    helper_xta_fake_close(&w->fake);
    buf_deinit(&w->yaml);
    arena_deinit(&w->arena);
}

/* ---- what is done to it ---- */

enum own {
    OWN_GOOD,
    OWN_NO_PARTY,
    OWN_KEY_GARBAGE,
    OWN_KEY_OTHER, /* of another certificate */
    OWN_KEY_LOCKED,
    OWN_EXPIRED,
};

struct fault {
    const char *name;
    const char *scripts[XTA_OPERATION_COUNT];
    struct xta_fault said; /* where a script says E */
    bool v5;               /* only this version has it */
    int attempts;          /* 0: one */
    bool reported;         /* its report is asked for after it was sent */
    bool not_offered;      /* the directory says so */
    enum own own;
    struct helper_finding found;
};

static void own_key(struct gw_tls_client *tls, enum own own, struct test_cert *other)
{
    static const char locked[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
                                 "MIIBHDBXBgkqhkiG9w0BBQ0wSjApBgkqhkiG9w0BBQwwHAQI\n"
                                 "-----END ENCRYPTED PRIVATE KEY-----\n";

    if (own == OWN_GOOD || own == OWN_NO_PARTY)
        return;
    tls->cert_pem = buf_span(&other->cert); /* else a connection of before is as good */
    if (own == OWN_KEY_GARBAGE)
        tls->key_pem = SPAN("nothing of a key");
    if (own == OWN_KEY_LOCKED)
        tls->key_pem = span_str(locked);
    if (own == OWN_EXPIRED)
        tls->key_pem = buf_span(&other->key);
}

/* The settings are const for all but tests. */
static void attempt(struct world *w, const struct fault *f, const char *id)
{
    struct gw_xta_peer *peer = (struct gw_xta_peer *)(uintptr_t)w->talk.peer;
    struct gw_xta_party_conf *party =
        (struct gw_xta_party_conf *)(uintptr_t)&peer->conf->parties[0];
    const struct gw_tls_client before = peer->tls.client;
    AUTO(test_cert_deinit) struct test_cert other = {0};
    struct gw_message_row row = helper_message_of(&w->h, &w->arena, id);
    struct error err = {0};
    bool moved = false;

    test_cert_make(&other, &(struct test_cert_spec){"Alt", NULL, &w->fake.ca, false,
                                                    f->own == OWN_EXPIRED ? 1 : 30});
    own_key(&peer->tls.client, f->own, &other);
    if (f->own == OWN_NO_PARTY)
        party->endpoint = (char *)(uintptr_t) "kasse";
    (void)!gw_xta_message_send(&w->talk, &w->to, &row, false, &moved, &err);
    assert_true(moved);
    party->endpoint = NULL;
    peer->tls.client = before;
}

static void run(const struct fault *f, enum xta_version version)
{
    struct world *w = &worlds[version];
    char id[GW_ID_SIZE];

    if (w->api == NULL)
        world_open(w, version);
    for (int op = 0; op < XTA_OPERATION_COUNT; op++)
        helper_xta_fake_script(&w->fake, (enum xta_operation)op,
                               f->scripts[op] == NULL ? "" : f->scripts[op]);
    w->fake.fault = f->said;
    w->fake.available = f->not_offered ? XTA_FALSE : XTA_TRUE;
    helper_message_out(&w->h, "Beheim", SPAN("Hallo"), gw_now_ms() + 86400000, id);
    for (int i = 0; i == 0 || i < f->attempts; i++)
        attempt(w, f, id);
    if (f->reported) {
        struct error err = {0};

        w->fake.messages[w->fake.count - 1]->report = 3;
        assert_int_equal(gw_xta_reports_fetch(&w->talk, &err), ST_OK);
    }
    helper_why_expect(&w->h, id, &f->found);
}

#define SEND(script) .scripts = {[XTA_SEND_MESSAGE] = (script)}
#define CREATE(script) .scripts = {[XTA_CREATE_MESSAGE_ID] = (script)}
#define LOOKUP(script) .scripts = {[XTA_LOOKUP_SERVICE] = (script)}
#define SAYS(what, why) .said = {.exception = XTA_##what, .number = XTA_N_##why}
#define INTER "intermediary"
#define CERTS "certificates"
#define ASKED_DE "wird nachgefragt, ob sie angekommen ist"
#define ASKED_EN "it is asked whether it has arrived"
#define AGAIN_DE "nächster Versuch am"
#define AGAIN_EN "next attempt on"

static struct fault faults[] = {
    /* refusals, for each of their reasons */
    {"no party of this account", SEND("E"), SAYS(PERMISSION_DENIED, WRONG_PARTY),
     .found = {GW_R_XTA_DENIED, "own", "act", "parties", "parties"}},
    {"denied for no reason given", SEND("E"), SAYS(PERMISSION_DENIED, UNSPECIFIED),
     .found = {GW_R_XTA_DENIED, "own", "act", "parties", "parties"}},
    {"account locked", SEND("E"), SAYS(PERMISSION_DENIED, ACCOUNT_LOCKED),
     .found = {GW_R_XTA_ACCOUNT, "own", "act", "freigeschaltet", "unlocked"}},
    {"no account", SEND("P"),
     .found = {GW_R_XTA_ACCOUNT, "own", "act", "freigeschaltet", "unlocked"}},
    {"service not booked", SEND("E"), SAYS(PERMISSION_DENIED, NOT_BOOKED),
     .found = {GW_R_XTA_ACCOUNT, "own", "act", "freigeschaltet", "unlocked"}},
    {"certificate expired, it says", SEND("E"), SAYS(PERMISSION_DENIED, CERTIFICATE_EXPIRED),
     .found = {GW_R_XTA_CERTIFICATE, CERTS, "act", "xta_servers.tls", "xta_servers.tls"}},
    {"denied before there is an id", CREATE("P"),
     .found = {GW_R_XTA_ACCOUNT, "own", "act", "freigeschaltet", "unlocked"}},
    {"a parameter", SEND("I"),
     .found = {GW_R_XTA_PARAMETER, "own", "act", "Nachrichtentyp", "message type"}},
    {"something is missing", SEND("E"), SAYS(PARAMETER_NOT_VALID, MISSING),
     .found = {GW_R_XTA_PARAMETER, "own", "act", "Nachrichtentyp", "message type"}},
    {"too large", SEND("E"), SAYS(PARAMETER_NOT_VALID, TOO_LARGE),
     .found = {GW_R_XTA_TOO_LARGE, "application", "act", "aufteilen", "Split"}},
    {"its id is used, and nobody knows it", SEND("E"), SAYS(PARAMETER_NOT_VALID, ID_USED),
     .found = {GW_R_XTA_UNKNOWN_ID, INTER, "trouble", "den Betreiber des Servers",
               "the server's operator"}},
    {"the content breaks its schema", SEND("E"), SAYS(SCHEMA_VIOLATION, NOT_SCHEMA_VALID),
     .found = {GW_R_XTA_SCHEMA, "application", "act", "berichtigen", "Correct the content"}},
    {"the content is in another encoding", SEND("E"), SAYS(SCHEMA_VIOLATION, WRONG_ENCODING),
     .found = {GW_R_XTA_SCHEMA, "application", "act", "berichtigen", "Correct the content"}},
    {"the content breaks its profile", SEND("E"), SAYS(SCHEMA_VIOLATION, PROFILE),
     .found = {GW_R_XTA_SCHEMA, "application", "act", "berichtigen", "Correct the content"}},
    {"a virus", SEND("V"),
     .found = {GW_R_XTA_VIRUS, "application", "act", "Den Rechner prüfen", "Check the machine"}},
    {"only for those who wait", SEND("E"), SAYS(SYNC_ASYNC, ONLY_SYNC),
     .found = {GW_R_XTA_SYNC, "own", "act", "xta_message", "xta_message"}},
    {"an operation that it lacks", SEND("E"), SAYS(NOT_IMPLEMENTED, UNSPECIFIED), .v5 = true,
     .found = {GW_R_XTA_UNSUPPORTED, INTER, "act", "welche Operationen", "which operations"}},
    {"an extension that it does not know", SEND("E"), SAYS(UNSUPPORTED_EXTENSION, UNSPECIFIED),
     .v5 = true,
     .found = {GW_R_XTA_UNSUPPORTED, INTER, "act", "welche Operationen", "which operations"}},
    {"the directory does not offer it", .not_offered = true,
     .found = {GW_R_XTA_NO_SERVICE, "directory", "act", "depesche retry", "depesche retry"}},
    {"its report ends red", .reported = true,
     .found = {GW_R_XTA_REPORT, "partner", "act", "depesche", "depesche"}},
    /* it cannot, for now */
    {"a technical problem", SEND("T"),
     .found = {GW_R_XTA_TECHNICAL, INTER, "trouble", ASKED_DE, ASKED_EN}},
    {"a technical problem before there is an id", CREATE("T"),
     .found = {GW_R_XTA_TECHNICAL, INTER, "trouble", AGAIN_DE, AGAIN_EN}},
    {"a technical problem after it was taken", SEND("A"),
     .found = {GW_R_XTA_TECHNICAL, INTER, "trouble", ASKED_DE, ASKED_EN}},
    {"what it depends on is away", LOOKUP("E"), SAYS(EXTERNAL_UNAVAILABLE, UNSPECIFIED), .v5 = true,
     .found = {GW_R_XTA_TECHNICAL, INTER, "trouble", AGAIN_DE, AGAIN_EN}},
    {"it cannot ask the directory", LOOKUP("E"), SAYS(TECHNICAL_PROBLEM, DIRECTORY),
     .found = {GW_R_XTA_DIRECTORY, INTER, "trouble", AGAIN_DE, AGAIN_EN}},
    {"it cannot deliver it further", SEND("E"), SAYS(TECHNICAL_PROBLEM, DELIVERY),
     .found = {GW_R_XTA_DELIVERY, "partner", "trouble", ASKED_DE, ASKED_EN}},
    {"a fault of SOAP", SEND("S"),
     .found = {GW_R_XTA_FAULT, INTER, "trouble", "xta_servers", "xta_servers"}},
    /* no answer of XTA at all */
    {"XTA: the line is cut", SEND("N"),
     .found = {GW_R_NET_CUT, "network", "trouble", ASKED_DE, ASKED_EN}},
    {"XTA: the line is cut before there is an id", CREATE("N"),
     .found = {GW_R_NET_CUT, "network", "trouble", AGAIN_DE, AGAIN_EN}},
    {"XTA: the answer is lost", SEND("L"),
     .found = {GW_R_NET_CUT, "network", "trouble", ASKED_DE, ASKED_EN}},
    {"XTA: a proxy answers instead", SEND("G"),
     .found = {GW_R_NET_ANSWER, INTER, "trouble", "Proxy", "proxy"}},
    {"XTA: an answer with a document type", SEND("D"),
     .found = {GW_R_NET_ANSWER, INTER, "trouble", "Proxy", "proxy"}},
    {"XTA: busy", SEND("U"),
     .found = {GW_R_NET_HTTP_BUSY, INTER, "trouble", "von selbst", "by itself"}},
    {"XTA: a redirect", SEND("R"),
     .found = {GW_R_NET_HTTP_REDIRECT, "own", "act", "neue Adresse", "new address"}},
    /* we ourselves */
    {"we are nobody there", .own = OWN_NO_PARTY,
     .found = {GW_R_XTA_NO_PARTY, "own", "act", "xta_servers.parties", "xta_servers.parties"}},
    {"our key is no key", .own = OWN_KEY_GARBAGE,
     .found = {GW_R_NET_TLS_OWN, CERTS, "act", "tls", "tls"}},
    {"our key is another certificate's", .own = OWN_KEY_OTHER,
     .found = {GW_R_NET_TLS_OWN, CERTS, "act", "tls", "tls"}},
    {"our key does not open", .own = OWN_KEY_LOCKED,
     .found = {GW_R_NET_TLS_OWN, CERTS, "act", "tls", "tls"}},
    {"our certificate has expired", .own = OWN_EXPIRED,
     .found = {GW_R_NET_CLIENT_REFUSED, CERTS, "act", "tls", "tls"}},
};

static void fault_v3(void **state)
{
    run(*state, XTA_V3);
}

static void fault_v5(void **state)
{
    run(*state, XTA_V5);
}

/* ---- keys of ours without which there is no start ---- */

struct key_row {
    const char *name;
    struct gw_pair_conf pair; /* of the signature; paths in {dir} begin with '@' */
    int reason;
};

static struct key_row key_rows[] = {
    {"key: good", {.certificate = "@sig.pem", .key = "@sig.key"}, 0},
    {"key: the file is not there", {.certificate = "@sig.pem", .key = "@weg"}, GW_R_KEY_UNREADABLE},
    {"key: it is a folder", {.certificate = "@sig.pem", .key = "@folder"}, GW_R_KEY_UNREADABLE},
    {"key: no key in it", {.certificate = "@sig.pem", .key = "@sig.pem"}, GW_R_KEY_UNREADABLE},
    {"key: wrong passphrase",
     {.certificate = "@sig.pem", .key = "@locked.key", .passphrase_file = "@wrong"},
     GW_R_KEY_UNREADABLE},
    {"key: no passphrase", {.certificate = "@sig.pem", .key = "@locked.key"}, GW_R_KEY_UNREADABLE},
    {"key: the passphrase's file is not there",
     {.certificate = "@sig.pem", .key = "@locked.key", .passphrase_file = "@weg"},
     GW_R_KEY_UNREADABLE},
    {"key: the right passphrase",
     {.certificate = "@sig.pem", .key = "@locked.key", .passphrase_file = "@right"},
     0},
    {"key: another certificate's",
     {.certificate = "@sig.pem", .key = "@cipher.key"},
     GW_R_KEY_MISMATCH},
    {"key: for another purpose",
     {.certificate = "@cipher.pem", .key = "@cipher.key"},
     GW_R_CERT_PURPOSE},
    {"key: a PKCS#12 that is none", {.pkcs12 = "@sig.pem"}, GW_R_KEY_UNREADABLE},
};

static void copy(const struct helper_runtime *h, const char *vector, const char *name)
{
    AUTO(buf_deinit) struct buf bytes = {0};

    helper_vector(vector, &bytes);
    helper_file(h, name, buf_span(&bytes));
}

/* Under a passphrase. */
static void key_lock(const struct helper_runtime *h)
{
    char from[512], to[512], command[1400];

    (void)snprintf(command, sizeof command,
                   "openssl pkcs8 -topk8 -in %s -out %s -passout pass:geheim",
                   helper_path(h, from, "sig.key"), helper_path(h, to, "locked.key"));
    assert_int_equal(system(command), 0);
}

static char *in_dir(const struct helper_runtime *h, const char *name, char path[512])
{
    if (name == NULL)
        return NULL;
    (void)helper_path(h, path, "%s", name + 1);
    return path;
}

/* There is no start then, and the sentence names the file and what to do. */
static void key_fault(void **state)
{
    const struct key_row *row = *state;
    AUTO(identity_drop) struct identity *identity = NULL;
    AUTO(buf_deinit) struct buf action = {0};
    struct helper_runtime h = {0};
    struct gw_identity_conf conf = {0};
    struct error err = {0};
    char paths[5][512];

    helper_dir_make(h.dir);
    copy(&h, "osci12/keys/originator-signature-2048.cert.pem", "sig.pem");
    copy(&h, "osci12/keys/originator-signature-2048.key.pem", "sig.key");
    copy(&h, "osci12/keys/originator-cipher-2048.cert.pem", "cipher.pem");
    copy(&h, "osci12/keys/originator-cipher-2048.key.pem", "cipher.key");
    helper_file(&h, "right", SPAN("geheim\n"));
    helper_file(&h, "wrong", SPAN("falsch\n"));
    assert_int_equal(mkdir(helper_path(&h, paths[4], "folder"), 0700), 0);
    key_lock(&h);
    conf.signature.certificate = in_dir(&h, row->pair.certificate, paths[0]);
    conf.signature.key = in_dir(&h, row->pair.key, paths[1]);
    conf.signature.pkcs12 = in_dir(&h, row->pair.pkcs12, paths[2]);
    conf.signature.passphrase_file = in_dir(&h, row->pair.passphrase_file, paths[3]);
    conf.cipher.certificate = in_dir(&h, "@cipher.pem", (char[512]){0});
    conf.cipher.key = in_dir(&h, "@cipher.key", (char[512]){0});
    assert_int_equal(gw_identity_load(&conf, NULL, &identity, &err) == ST_OK, row->reason == 0);
    if (row->reason != 0) {
        assert_int_equal(gw_reason_of(&err), row->reason);
        assert_non_null(strstr(err.text, h.dir));
        assert_int_equal(gw_explain_find(row->reason)->side,
                         row->reason == GW_R_CERT_PURPOSE ? GW_SIDE_CERTIFICATES : GW_SIDE_US);
        buf_init(&action, 4096);
        gw_explain_action(&action, row->reason, GW_LANG_DE, NULL, 0);
        assert_true(action.len > 0);
        assert_null(memchr(action.ptr, '?', action.len));
    }
    helper_dir_remove(h.dir);
}

/* ---- all of it ---- */

static int teardown(void **state)
{
    for (int v = 0; v < XTA_VERSION_COUNT; v++)
        world_close(&worlds[v]);
    return helper_crypto_teardown(state);
}

int main(void)
{
    static struct CMUnitTest tests[2 * ARRAY_LEN(faults) + ARRAY_LEN(key_rows)];
    static char names[2 * ARRAY_LEN(faults)][96];
    size_t n = 0;
    int rc;

    (void)setlocale(LC_CTYPE, "C.UTF-8");
    assert_int_equal(curl_global_init(CURL_GLOBAL_DEFAULT), CURLE_OK);
    gw_worker_setup(4);
    for (size_t i = 0; i < ARRAY_LEN(faults); i++)
        for (int v5 = faults[i].v5; v5 <= 1; v5++) {
            (void)snprintf(names[n], sizeof names[n], "V%d: %s", v5 ? 5 : 3, faults[i].name);
            tests[n] =
                (struct CMUnitTest){names[n], v5 ? fault_v5 : fault_v3, NULL, NULL, &faults[i]};
            n++;
        }
    for (size_t i = 0; i < ARRAY_LEN(key_rows); i++)
        tests[n++] = (struct CMUnitTest){key_rows[i].name, key_fault, NULL, NULL, &key_rows[i]};
    rc = _cmocka_run_group_tests("why_xta", tests, n, helper_crypto_setup, teardown);
    curl_global_cleanup();
    return rc;
}

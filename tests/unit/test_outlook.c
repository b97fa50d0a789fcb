/* what ends on a day to come, and what takes over from it: as status --on says it, and the calendar
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/calendar.h"
#include "gateway/certificates.h"
#include "helper_api.h"
#include "helper_chain.h"
#include "helper_crl.h"
#include "helper_crypto.h"
#include "helper_pki.h"
#include "helper_runtime.h"

static const int64_t day_ms = INT64_C(24) * 3600 * 1000;

/* What the settings name: certificates of one RSA key, and one of another kind. */
static const struct {
    const char *name;
    char key;
    int64_t from, until;
} files[] = {{"good", 'r', PKI_2026, PKI_2030 + 3650 * INT64_C(86400000)},
             {"old", 'r', PKI_2026, PKI_2027},
             {"new", 'r', PKI_2026 + 90 * INT64_C(86400000), PKI_2030},
             {"late", 'r', PKI_2027 + 31 * INT64_C(86400000), PKI_2030},
             {"curve", 'E', PKI_2026, PKI_2030}};

#define PAIR(name, key) "{certificate: {dir}/" name ".pem, key: {dir}/" key ".key.pem}"
#define OWN(name) "signature: " PAIR(name, "r") ", cipher: " PAIR(name, "r")
#define NEXT(from, what) ", next: [{from: " from ", " what "}]"
#define CIPHER(name) "    cipher_certificate: {dir}/" name ".pem\n"
#define NEXT_CIPHER(from, name)                                                                    \
    "    next_ciphers: [{from: " from ", certificate: {dir}/" name ".pem}]\n"
#define SIGNERS(list) "    signature_certificates: [" list "]\n"
#define PEM(name) "{dir}/" name ".pem"
#define BEFORE "2026-12-01T00:00:00Z"
#define BEHIND "2027-02-15T00:00:00Z"

static struct row {
    const char *name;
    const char *identity, *peer, *partner; /* NULL: nothing of it ends */
    const char *on;
    const char *found; /* "setting code" of each finding */
    size_t told;       /* by the calendar, ten days before 2027 */
} rows[] = {
    {"nothing ends", NULL, NULL, NULL, "2028-01-01", "", 0},
    {"ours end", OWN("old"), NULL, NULL, "2028-01-01",
     " tenant.identity.signature D-1500 tenant.identity.cipher D-1500", 1},
    {"ours have successors", OWN("old") NEXT(BEFORE, OWN("new")), NULL, NULL, "2028-01-01", "", 0},
    {"the signature alone has one", OWN("old") NEXT(BEFORE, "signature: " PAIR("new", "r")), NULL,
     NULL, "2028-01-01", " tenant.identity.cipher D-1500", 1},
    {"successors end, too", OWN("old") NEXT(BEFORE, OWN("new")), NULL, NULL, "2031-01-01",
     " identity.next D-1500 identity.next D-1500", 0},
    {"the successors come late", OWN("old") NEXT(BEHIND, OWN("late")), NULL, NULL, "2027-02-10",
     " tenant.identity.signature D-1500 tenant.identity.cipher D-1500", 1},
    {"behind the gap all is well", OWN("old") NEXT(BEHIND, OWN("late")), NULL, NULL, "2027-03-01",
     "", 1},
    {"successors that are not valid yet take over", OWN("old") NEXT(BEFORE, OWN("late")), NULL,
     NULL, "2026-12-15", " identity.next D-1501 identity.next D-1501", 0},
    {"an intermediary's ends", NULL, CIPHER("old"), NULL, "2028-01-01",
     " intermediaries.cipher_certificate D-1500", 1},
    {"an intermediary's has a successor", NULL, CIPHER("old") NEXT_CIPHER(BEFORE, "new"), NULL,
     "2028-01-01", "", 0},
    {"a partner's ends", NULL, NULL, CIPHER("old") SIGNERS(PEM("old")), "2028-01-01",
     " partners.cipher_certificate D-1500 partners.signature_certificates D-1500", 1},
    {"a partner's has a successor", NULL, NULL, CIPHER("old") NEXT_CIPHER(BEFORE, "new"),
     "2028-01-01", "", 0},
    {"a partner signs with another one, too", NULL, NULL,
     CIPHER("good") SIGNERS(PEM("old") ", " PEM("new")), "2028-01-01", "", 0},
    {"both of a partner's end", NULL, NULL, CIPHER("good") SIGNERS(PEM("old") ", " PEM("new")),
     "2031-01-01", " partners.signature_certificates D-1500", 0},
    {"a partner's other one begins later", NULL, NULL,
     CIPHER("good") SIGNERS(PEM("old") ", " PEM("late")), "2027-01-15",
     " partners.signature_certificates D-1500 partners.signature_certificates D-1501", 1},
    {"of the algorithms those of the key that signs then",
     OWN("good") NEXT(BEHIND, "signature: " PAIR("curve", "E")), NULL, NULL, "2029-01-01",
     " security.algorithms D-2381", 0},
};

static void file_put(const struct helper_runtime *h, const char *name, struct buf *bytes)
{
    char file[64];

    (void)snprintf(file, sizeof file, "%s.pem", name);
    helper_file(h, file, buf_span(bytes));
    buf_deinit(bytes);
}

static void files_make(const struct helper_runtime *h)
{
    struct buf pem = {0};

    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        const struct chain_node node = {.id = 'L',
                                        .issuer = 'A',
                                        .key = files[i].key,
                                        .cn = files[i].name,
                                        .from = files[i].from,
                                        .until = files[i].until};

        chain_cert_pem(&node, &pem);
        file_put(h, files[i].name, &pem);
    }
    chain_key_pem('r', &pem);
    file_put(h, "r.key", &pem);
    chain_key_pem('E', &pem);
    file_put(h, "E.key", &pem);
    helper_file(h, "algorithms.conf", SPAN("signature ecdsa-sha256 2028-12-31 2040-12-31\n"));
}

static void settings_make(const struct row *row, char *yaml, size_t cap)
{
    (void)snprintf(yaml, cap,
                   "state: {dir}/state\n"
                   "api: {socket: {dir}/api.sock, mode: 0600}\n"
                   "security: {algorithms: {dir}/algorithms.conf}\n"
                   "tenant:\n"
                   "  name: Ahausen\n"
                   "  identity: {%s}\n"
                   "trust:\n"
                   "  osci: [{keys}/ca.cert.pem]\n%s"
                   "intermediaries:\n"
                   "  - name: demo\n"
                   "    url: 'http://127.0.0.1:1/osci'\n%s"
                   "partners:\n"
                   "  - name: Beheim\n"
                   "    intermediary: demo\n%s"
                   "endpoints: [{name: bauamt}]\n",
                   row->identity == NULL ? OWN("good") : row->identity,
                   row->name == NULL ? "  crls: {dir}/crls\n" : "",
                   row->peer == NULL ? CIPHER("good") : row->peer,
                   row->partner == NULL ? CIPHER("good") : row->partner);
}

static void findings_join(char *found, size_t cap, const json_t *findings)
{
    const json_t *finding;
    size_t i;

    json_array_foreach(findings, i, finding)
    {
        size_t len = strlen(found);

        (void)snprintf(found + len, cap - len, " %s %s", helper_str(finding, "setting"),
                       helper_str(finding, "code"));
    }
}

static void outlook_is(struct helper_runtime *h, const struct row *row)
{
    AUTO(helper_answer_deinit) struct helper_answer a = {0};
    struct helper_api api = {0};
    char path[64], found[1024] = "";
    const json_t *partner;
    size_t i;

    (void)snprintf(api.socket, sizeof api.socket, "%s/api.sock", h->dir);
    (void)snprintf(path, sizeof path, "/v1/outlook?on=%s", row->on);
    helper_api_get(&api, path, NULL, &a);
    assert_int_equal(a.status, 200);
    findings_join(found, sizeof found, json_object_get(a.json, "findings"));
    json_array_foreach(json_object_get(a.json, "partners"), i, partner)
    {
        findings_join(found, sizeof found, json_object_get(partner, "findings"));
    }
    assert_string_equal(found, row->found);
}

static void test_row(void **state)
{
    const struct row *row = *state;
    struct gw_api_server *server = NULL;
    struct helper_runtime h = {0};
    struct error err = {0};
    char yaml[4096];
    size_t told;

    helper_dir_make(h.dir);
    files_make(&h);
    settings_make(row, yaml, sizeof yaml);
    helper_runtime_open(&h, yaml, "", NULL);
    if (gw_api_start(h.rt, &server, &err) != ST_OK)
        fail_msg("%s", err.text);
    helper_runtime_run(&h);
    outlook_is(&h, row);
    assert_int_equal(gw_calendar_look(h.rt, PKI_2027 - 10 * day_ms, &told, &err), ST_OK);
    assert_int_equal(told, row->told);
    (void)helper_runtime_stop(&h);
    gw_api_server_free(server);
    helper_runtime_deinit(&h);
}

/* ---- as they are listed ---- */

static void crl_write(const struct helper_runtime *h)
{
    AUTO(buf_deinit) struct buf ca_cert = {0}, ca_key = {0}, text = {0};
    struct crl_spec spec = {.from = PKI_2026, .until = PKI_2026 + day_ms};
    char path[512];

    helper_vector("osci12/keys/ca.cert.pem", &ca_cert);
    helper_vector("osci12/keys/ca.key.pem", &ca_key);
    spec.ca_cert_pem = buf_span(&ca_cert);
    spec.ca_key_pem = buf_span(&ca_key);
    crl_make(&spec, &text);
    assert_int_equal(mkdir(helper_path(h, path, "crls"), 0700), 0);
    helper_file(h, "crls/ca.crl", buf_span(&text));
}

/* Each says what ends with it, in both languages. */
static void sentence_is_whole(const json_t *row, const char *lang)
{
    const char *text = helper_str(json_object_get(row, "blocks"), lang);

    if (text[0] == '\0' || strchr(text, '{') != NULL || text[strlen(text) - 1] != '.')
        fail_msg("%s, %s: '%s'", helper_str(row, "setting"), lang, text);
}

static const json_t *row_of(const json_t *all, const char *use, const char *setting)
{
    const json_t *row;
    size_t i;

    json_array_foreach(all, i, row)
    {
        if (strcmp(helper_str(row, "use"), use) == 0 &&
            strcmp(helper_str(row, "setting"), setting) == 0)
            return row;
    }
    fail_msg("no %s of %s", use, setting);
    return NULL;
}

static void listed(void **state)
{
    AUTO(helper_answer_deinit) struct helper_answer a = {0};
    const struct row row = {.identity = OWN("old") NEXT(BEFORE, OWN("new")),
                            .partner = CIPHER("good") SIGNERS(PEM("old"))};
    struct gw_api_server *server = NULL;
    struct helper_runtime h = {0};
    struct helper_api api = {0};
    struct error err = {0};
    const json_t *all, *one;
    char yaml[4096];
    size_t i;

    (void)state;
    helper_dir_make(h.dir);
    files_make(&h);
    crl_write(&h);
    settings_make(&row, yaml, sizeof yaml);
    helper_runtime_open(&h, yaml, "", NULL);
    assert_int_equal(gw_api_start(h.rt, &server, &err), ST_OK);
    helper_runtime_run(&h);
    (void)snprintf(api.socket, sizeof api.socket, "%s/api.sock", h.dir);
    helper_api_get(&api, "/v1/certificates", NULL, &a);
    assert_int_equal(a.status, 200);
    all = json_object_get(a.json, "certificates");
    json_array_foreach(all, i, one)
    {
        sentence_is_whole(one, "de");
        sentence_is_whole(one, "en");
    }
    one = row_of(all, "signature", "tenant.identity.signature");
    assert_string_equal(helper_str(one, "key"), "RSA-2048");
    assert_string_equal(helper_str(one, "signature_algorithm"), "ecdsa-with-SHA256");
    assert_string_equal(helper_str(one, "until"), "2026-12-01T00:00:00.000Z");
    assert_string_equal(helper_str(json_object_get(one, "blocks"), "en"),
                        "Nothing can be signed for Ahausen any more.");
    one = row_of(all, "list", "trust.crls"); /* of one day in January 2026 */
    assert_string_equal(helper_str(one, "not_after"), "2026-01-02T00:00:00.000Z");
    assert_string_equal(helper_str(json_object_get(one, "finding"), "code"), "D-2362");
    (void)helper_runtime_stop(&h);
    gw_api_server_free(server);
    helper_runtime_deinit(&h);
}

/* As they are listed, and looked at by doctor: what is the matter with it today. */
static const struct {
    enum gw_cert_use_for use;
    int64_t from, until, now;
    int reason;
} today[] = {{GW_CERT_SIGNS, 0, 0, PKI_2026 - 1, GW_R_CERT_NOT_YET},
             {GW_CERT_SIGNS, 0, 0, PKI_2026, 0},
             {GW_CERT_SIGNS, 0, 0, PKI_2027 - 29 * INT64_C(86400000), GW_R_CERT_EXPIRES_SOON},
             {GW_CERT_SIGNS, 0, 0, PKI_2027 + 1, GW_R_CERT_EXPIRED},
             /* a successor that is not valid yet need not be, before its time */
             {GW_CERT_SIGNS, PKI_2026, 0, PKI_2026 - 1, 0},
             {GW_CERT_SIGNS, PKI_2026 - 1, 0, PKI_2025, GW_R_CERT_NOT_YET},
             {GW_CERT_SIGNS, PKI_2027 + 1, 0, PKI_2026, GW_R_CERT_EXPIRED},
             /* what takes over in time is no reason to warn, one that comes late is */
             {GW_CERT_SIGNS, 0, PKI_2027, PKI_2027 - 1, 0},
             {GW_CERT_SIGNS, 0, PKI_2027, PKI_2027 + 1, 0},
             {GW_CERT_SIGNS, 0, PKI_2027 + 2, PKI_2027 - 1, GW_R_CERT_EXPIRES_SOON},
             {GW_CERT_SIGNS, 0, PKI_2027 + 2, PKI_2027 + 1, GW_R_CERT_EXPIRED},
             {GW_CERT_SIGNS, 0, PKI_2027 + 2, PKI_2027 + 2, 0},
             {GW_CERT_DECIPHERED, 0, 0, PKI_2027 + 1, 0}};

static void found_today(void **state)
{
    const struct chain_node node = {.id = 'L', .issuer = 'A', .from = PKI_2026, .until = PKI_2027};
    struct cert *cert = NULL;
    struct error err = {0};

    (void)state;
    assert_int_equal(chain_cert(&node, &cert, &err), ST_OK);
    for (size_t i = 0; i < ARRAY_LEN(today); i++) {
        const struct gw_cert_use use = {
            .use = today[i].use, .from = today[i].from, .until = today[i].until, .cert = cert};

        assert_int_equal(gw_cert_finding(&use, today[i].now), today[i].reason);
    }
    cert_free(cert);
}

static int keys_drop(void **state)
{
    (void)state;
    chain_keys_drop();
    return 0;
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows) + 2];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[i] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    tests[ARRAY_LEN(rows)] =
        (struct CMUnitTest){"what is found today", found_today, NULL, NULL, NULL};
    tests[ARRAY_LEN(rows) + 1] = (struct CMUnitTest)cmocka_unit_test(listed);
    return cmocka_run_group_tests(tests, NULL, keys_drop);
}

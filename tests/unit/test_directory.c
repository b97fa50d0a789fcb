/* the directory of partners: who is found, and what is wrong with a file, in which line */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "certs/demo_pki.h"
#include "gateway/files.h"
#include "helper_api.h"
#include "helper_crypto.h"
#include "helper_runtime.h"
#include "helper_store.h"

#define KEYS TEST_VECTORS "/osci12/keys/"

/* A folder with settings that are all right and name the directory d/directory.yaml. */
struct fixture {
    char dir[64];
    const struct gw_config *conf;
    struct gw_config_report report;
};

static const char settings[] =
    "state: state\n"
    "tenant:\n"
    "  name: Ahausen\n"
    "  identity:\n"
    "    signature: {certificate: originator-signature-2048.cert.pem, key: "
    "originator-signature-2048.key.pem}\n"
    "    cipher: {certificate: originator-cipher-2048.cert.pem, key: "
    "originator-cipher-2048.key.pem}\n"
    "intermediaries:\n"
    "  - {name: demo, url: 'http://127.0.0.1:1/', cipher_certificate: "
    "originator-cipher-2048.cert.pem}\n"
    "partners:\n"
    "  - {name: Beheim, intermediary: demo, cipher_certificate: originator-cipher-2048.cert.pem}\n"
    "endpoints:\n"
    "  - {name: meldewesen}\n"
    "directory: d/directory.yaml\n";

static void put(const struct fixture *f, const char *name, struct span bytes)
{
    char path[256];
    struct error err = {0};

    (void)snprintf(path, sizeof path, "%s/%s", f->dir, name);
    if (gw_file_write(AT_FDCWD, path, bytes, &err) != ST_OK)
        fail_msg("%s", err.text);
}

static void copy(const struct fixture *f, const char *name)
{
    AUTO(buf_deinit) struct buf b = {0};
    struct error err = {0};
    char path[512];

    (void)snprintf(path, sizeof path, KEYS "%s", name);
    buf_init(&b, 64 * 1024);
    assert_int_equal(gw_file_read(AT_FDCWD, path, &b, &err), ST_OK);
    put(f, name, buf_span(&b));
}

static int setup(void **state)
{
    static struct fixture f;
    char path[128];

    f = (struct fixture){0};
    helper_dir_make(f.dir);
    (void)snprintf(path, sizeof path, "%s/d", f.dir);
    assert_int_equal(mkdir(path, 0700), 0);
    copy(&f, "originator-signature-2048.cert.pem");
    copy(&f, "originator-signature-2048.key.pem");
    copy(&f, "originator-cipher-2048.cert.pem");
    copy(&f, "originator-cipher-2048.key.pem");
    put(&f, "settings.yaml", span_str(settings));
    gw_config_report_init(&f.report);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    gw_config_free(f->conf);
    gw_config_report_deinit(&f->report);
    helper_dir_remove(f->dir);
    return 0;
}

/* Reads the settings with this directory; NULL: there is none. */
static enum status load(struct fixture *f, const char *directory, struct error *err)
{
    char path[128];

    if (directory != NULL)
        put(f, "d/directory.yaml", span_str(directory));
    (void)snprintf(path, sizeof path, "%s/settings.yaml", f->dir);
    return gw_config_load(path, &f->conf, &f->report, err);
}

/* ---- what is wrong ---- */

#define PARTY "parties:\n  - party: ags:1\n"

struct bad_row {
    const char *name, *yaml;
    int line, code;
    const char *en;
};

static struct bad_row bad_rows[] = {
    {"an unknown key", PARTY "    servces: []\n", 3, GW_R_CONFIG_DID_YOU_MEAN, "'services'"},
    {"an empty file", "", 0, GW_R_CONFIG_MISSING, "'parties' is missing"},
    {"no party", "parties:\n  - name: x\n", 2, GW_R_CONFIG_MISSING, "'parties[1].party'"},
    {"the same party twice", PARTY "  - party: AGS:1\n", 3, GW_R_CONFIG_DUPLICATE_NAME, "line 2"},
    {"the same service twice",
     PARTY "    services:\n      - {uri: u, partner: Beheim}\n      - {uri: u, partner: Beheim}\n",
     5, GW_R_CONFIG_DUPLICATE_NAME, "line 4"},
    {"a partner that does not exist", PARTY "    services:\n      - {uri: u, partner: Nirgends}\n",
     4, GW_R_CONFIG_REFERENCE, "'Nirgends'"},
    {"an endpoint that does not exist", PARTY "    services:\n      - {uri: u, endpoint: bauamt}\n",
     4, GW_R_CONFIG_REFERENCE, "'bauamt'"},
    {"neither partner nor endpoint", PARTY "    services:\n      - {uri: u}\n", 4,
     GW_R_CONFIG_MISSING, "'partner'"},
    {"both of them",
     PARTY "    services:\n      - {uri: u, partner: Beheim, endpoint: meldewesen}\n", 4,
     GW_R_CONFIG_VALUE, "'endpoint'"},
    {"a mode that does not exist",
     PARTY "    services:\n      - {uri: u, partner: Beheim, mode: now}\n", 4, GW_R_CONFIG_VALUE,
     "asynchronous, synchronous or both"},
    {"a certificate that is not there",
     PARTY "    services:\n      - {uri: u, partner: Beheim, certificate: no.pem}\n", 4,
     GW_R_CONFIG_FILE_MISSING, "/d/no.pem"},
    {"a file that is no certificate",
     PARTY "    services:\n      - {uri: u, partner: Beheim, certificate: directory.yaml}\n", 4,
     GW_R_CONFIG_CERTIFICATE, "directory.yaml"},
    {"an alias", "parties:\n  - &a {party: ags:1}\n  - *a\n", 2, GW_R_CONFIG_VALUE, "alias"},
    {"no YAML at all", "parties: [\n", 2, GW_R_CONFIG_SYNTAX, ""},
    {"it is not there", NULL, 0, GW_R_CONFIG_UNREADABLE, "directory.yaml"},
};

static void bad(void **state)
{
    const struct bad_row *row = *state;
    const struct gw_config_finding *found = NULL;
    struct fixture *f;
    void *fixture;
    struct error err = {0};

    (void)setup(&fixture);
    f = fixture;
    assert_int_equal(load(f, row->yaml, &err), ST_INVALID);
    for (size_t i = 0; i < f->report.count && found == NULL; i++)
        if (f->report.findings[i].code == row->code)
            found = &f->report.findings[i];
    assert_non_null(found);
    assert_int_equal(found->line, row->line);
    assert_non_null(strstr(found->file, "/d/directory.yaml"));
    if (strstr(found->en, row->en) == NULL)
        fail_msg("'%s' lacks '%s'", found->en, row->en);
    (void)teardown(&fixture);
}

/* Those of both files in one report, each with its own name. */
static void both_files(void **state)
{
    struct fixture *f = *state;
    AUTO(buf_deinit) struct buf text = {0};
    struct error err = {0};
    char more[sizeof settings + 32];

    (void)snprintf(more, sizeof more, "%sbanana: 1\n", settings);
    put(f, "settings.yaml", span_str(more));
    assert_int_equal(load(f, "apple: 1\nparties: []\n", &err), ST_INVALID);
    buf_init(&text, 4096);
    gw_config_report_text(&f->report, GW_LANG_EN, &text);
    assert_non_null(strstr(buf_cstr(&text), "/settings.yaml:14: The key 'banana'"));
    assert_non_null(strstr(buf_cstr(&text), "/d/directory.yaml:1: The key 'apple'"));
}

/* ---- who is found ---- */

static const char good[] = "parties:\n"
                           "  - party: ags:09163000\n"
                           "    name: Stadt Beheim\n"
                           "    category: Meldebehörde\n"
                           "    services:\n"
                           "      - {uri: 'http://x/async', partner: Beheim, certificate: "
                           "../originator-cipher-2048.cert.pem}\n"
                           "      - {uri: 'http://x/Both', partner: Beheim, mode: both}\n"
                           "      - uri: http://x/sync\n"
                           "        partner: Beheim\n"
                           "        mode: synchronous\n"
                           "        parameters: [{name: Version, value: '1.7'}]\n"
                           "  - party: ABC:Zulu\n"
                           "    scheme: psw\n"
                           "    services: [{uri: 'http://x/async', endpoint: meldewesen}]\n"
                           "  - party: abc:alpha\n";

struct find_row {
    const char *name, *party, *uri;
    enum gw_directory_found found;
    const char *by; /* the partner or endpoint of the service */
};

static struct find_row find_rows[] = {
    {"a partner's service", "ags:09163000", "http://x/async", GW_DIRECTORY_FOUND, "Beheim"},
    {"our own", "ABC:Zulu", "http://x/async", GW_DIRECTORY_FOUND, "meldewesen"},
    {"the party in capitals", "AGS:09163000", "http://x/sync", GW_DIRECTORY_FOUND, "Beheim"},
    {"the party in small letters", "abc:zulu", "http://x/async", GW_DIRECTORY_FOUND, "meldewesen"},
    {"the service in another case", "ags:09163000", "http://x/both", GW_DIRECTORY_NO_SERVICE, NULL},
    {"no such service", "ags:09163000", "http://x/", GW_DIRECTORY_NO_SERVICE, NULL},
    {"nothing offered", "abc:ALPHA", "http://x/async", GW_DIRECTORY_NO_SERVICE, NULL},
    {"nobody", "ags:09163001", "http://x/async", GW_DIRECTORY_UNKNOWN, NULL},
    {"a beginning", "ags:0916300", "http://x/async", GW_DIRECTORY_UNKNOWN, NULL},
    {"longer", "ags:091630000", "http://x/async", GW_DIRECTORY_UNKNOWN, NULL},
    {"nothing", "", "", GW_DIRECTORY_UNKNOWN, NULL},
};

static void find(void **state)
{
    const struct find_row *row = *state;
    const struct gw_directory_entry *entry;
    const struct gw_directory_service *service;
    struct error err = {0};
    struct fixture *f;
    void *fixture;

    (void)setup(&fixture);
    f = fixture;
    if (load(f, good, &err) != ST_OK)
        fail_msg("%s", err.text);
    assert_int_equal(gw_directory_find(f->conf->parties, span_str(row->party), span_str(row->uri),
                                       &entry, &service),
                     row->found);
    assert_int_equal(entry == NULL, row->found == GW_DIRECTORY_UNKNOWN);
    assert_int_equal(service == NULL, row->by == NULL);
    if (row->by != NULL)
        assert_string_equal(service->partner != NULL ? service->partner : service->endpoint,
                            row->by);
    (void)teardown(&fixture);
}

/* All members arrive, in the order of the parties; a path counts from the directory's folder. */
static void whole(void **state)
{
    struct fixture *f = *state;
    const struct gw_directory_entry *beheim;
    struct error err = {0};
    char path[256];

    assert_int_equal(load(f, good, &err), ST_OK);
    assert_int_equal(f->conf->parties->parties_count, 3);
    assert_string_equal(f->conf->parties->parties[0].party, "abc:alpha");
    assert_string_equal(f->conf->parties->parties[1].scheme, "psw");
    beheim = gw_directory_party(f->conf->parties, SPAN("ags:09163000"));
    assert_string_equal(beheim->category, "Meldebehörde");
    assert_string_equal(beheim->name, "Stadt Beheim");
    (void)snprintf(path, sizeof path, "%s/d/../originator-cipher-2048.cert.pem", f->dir);
    assert_string_equal(beheim->services[0].certificate, path);
    assert_string_equal(beheim->services[2].parameters[0].value, "1.7");
    assert_true(gw_directory_offers(&beheim->services[0], GW_DIRECTORY_ASYNCHRONOUS));
    assert_false(gw_directory_offers(&beheim->services[0], GW_DIRECTORY_SYNCHRONOUS));
    assert_true(gw_directory_offers(&beheim->services[1], GW_DIRECTORY_SYNCHRONOUS));
    assert_false(gw_directory_offers(&beheim->services[2], GW_DIRECTORY_ASYNCHRONOUS));
    assert_string_equal(gw_directory_mode_name(beheim->services[1].mode), "both");
}

/* Nobody knows anybody where there is no directory, or an empty one. */
static void none(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};

    assert_int_equal(gw_directory_find(NULL, SPAN("a"), SPAN("b"), NULL, NULL),
                     GW_DIRECTORY_UNKNOWN);
    assert_int_equal(load(f, "parties: []\n", &err), ST_OK);
    assert_int_equal(gw_directory_find(f->conf->parties, SPAN("a"), SPAN("b"), NULL, NULL),
                     GW_DIRECTORY_UNKNOWN);
}

/* ---- through the API ---- */

enum { DAY_MS = 24 * 3600 * 1000 };

/* A cipher certificate with this validity, as a file of the runtime. */
static void certificate_put(const struct helper_runtime *h, const char *name, int64_t from,
                            int64_t until)
{
    const struct demo_spec authority = {.organisation = "CA", .from = from, .until = until};
    const struct demo_spec spec = {
        .kind = DEMO_CIPHER, .organisation = "Beheim", .from = from, .until = until};
    AUTO(demo_pair_deinit) struct demo_pair pair = {0};
    AUTO(demo_ca_drop) struct demo_ca *ca = NULL;
    struct error err = {0};

    assert_int_equal(demo_ca_new(&authority, rng_system(), &ca, &err), ST_OK);
    assert_int_equal(demo_ca_issue(ca, &spec, rng_system(), &pair, &err), ST_OK);
    helper_file(h, name, buf_span(&pair.cert_pem));
}

static struct api_row {
    const char *name, *file; /* in the temporary folder, or a key of the vectors */
    int code;                /* 0: nothing is wrong */
} api_rows[] = {
    {"none named", NULL, 0},
    {"a good one", "originator-cipher-2048.cert.pem", 0},
    {"one for signing", "originator-signature-2048.cert.pem", GW_R_CERT_PURPOSE},
    {"expired", "expired.pem", GW_R_CERT_EXPIRED},
    {"not valid yet", "future.pem", GW_R_CERT_NOT_YET},
    {"expires soon", "soon.pem", GW_R_CERT_EXPIRES_SOON},
    {"gone since the start", "gone.pem", GW_R_CONFIG_CERTIFICATE},
};

/* The files by their paths, and one service for each. */
static void services_make(const struct helper_runtime *h, char paths[][512],
                          struct gw_directory_service *services)
{
    int64_t now = gw_now_ms();

    certificate_put(h, "expired.pem", now - 9 * DAY_MS, now - DAY_MS);
    certificate_put(h, "future.pem", now + DAY_MS, now + 90 * (int64_t)DAY_MS);
    certificate_put(h, "soon.pem", now - DAY_MS, now + DAY_MS);
    for (size_t i = 0; i < ARRAY_LEN(api_rows); i++) {
        const char *file = api_rows[i].file;

        services[i] = (struct gw_directory_service){.uri = api_rows[i].name, .partner = "Beheim"};
        if (file == NULL)
            continue;
        (void)helper_path(h, paths[i], "%s", file);
        if (strstr(file, "originator") == file)
            (void)snprintf(paths[i], 512, KEYS "%s", file);
        services[i].certificate = paths[i];
    }
}

static void service_expect(const json_t *service, const struct api_row *row)
{
    const json_t *findings = json_object_get(service, "findings");
    const json_t *certificate = json_object_get(service, "certificate");
    char code[GW_CODE_SIZE];

    assert_string_equal(helper_str(service, "uri"), row->name);
    assert_int_equal(json_is_null(certificate),
                     row->file == NULL || row->code == GW_R_CONFIG_CERTIFICATE);
    assert_int_equal(json_array_size(findings), row->code == 0 ? 0 : 1);
    if (row->code == 0)
        return;
    assert_string_equal(helper_str(json_array_get(findings, 0), "code"),
                        gw_explain_code(row->code, code));
    assert_null(strchr(helper_str(json_array_get(findings, 0), "de"), '?'));
    assert_string_not_equal(helper_str(json_array_get(findings, 0), "en"), "");
}

/* Certificates are looked at anew each time it is asked. */
static void by_api(void **state)
{
    static struct gw_directory_service services[ARRAY_LEN(api_rows)];
    static char paths[ARRAY_LEN(api_rows)][512];
    struct gw_directory_entry party = {.party = "ags:1",
                                       .name = "Stadt Beheim",
                                       .services = services,
                                       .services_count = ARRAY_LEN(api_rows)};
    struct gw_directory directory = {.parties = &party, .parties_count = 1};
    AUTO(helper_answer_deinit) struct helper_answer a = {0};
    struct helper_runtime h = {.dir = ""};
    struct gw_api_server *server;
    struct helper_api api = {0};
    struct error err = {0};
    const json_t *first;

    (void)state;
    helper_runtime_open(&h, helper_town_yaml, "api: {socket: '{dir}/api.sock', mode: 0600}\n",
                        NULL);
    services_make(&h, paths, services);
    /* the settings are const for all but tests */
    ((struct gw_config *)(uintptr_t)h.conf)->parties = &directory;
    (void)snprintf(api.socket, sizeof api.socket, "%s", h.conf->api.socket);
    assert_int_equal(gw_api_start(h.rt, &server, &err), ST_OK);
    helper_runtime_run(&h);
    helper_api_get(&api, "/v1/directory", NULL, &a);
    assert_int_equal(a.status, 200);
    first = json_array_get(json_object_get(a.json, "parties"), 0);
    assert_string_equal(helper_str(first, "name"), "Stadt Beheim");
    for (size_t i = 0; i < ARRAY_LEN(api_rows); i++)
        service_expect(json_array_get(json_object_get(first, "services"), i), &api_rows[i]);
    (void)helper_runtime_stop(&h);
    gw_api_server_free(server);
    helper_runtime_deinit(&h);
}

int main(void)
{
    static struct CMUnitTest tests[ARRAY_LEN(bad_rows) + ARRAY_LEN(find_rows) + 4];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(bad_rows); i++)
        tests[n++] = (struct CMUnitTest){bad_rows[i].name, bad, NULL, NULL, &bad_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(find_rows); i++)
        tests[n++] = (struct CMUnitTest){find_rows[i].name, find, NULL, NULL, &find_rows[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test_setup_teardown(both_files, setup, teardown);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test_setup_teardown(whole, setup, teardown);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test_setup_teardown(none, setup, teardown);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(by_api);
    return cmocka_run_group_tests_name("directory", tests, helper_crypto_setup,
                                       helper_crypto_teardown);
}

/* a new pair of key and certificate, tried before it counts: each step, and with real daemons */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <curl/curl.h>

#include "crypto/crypto.h"
#include "gateway/cert_trial.h"
#include "helper_chain.h"
#include "helper_runtime.h"
#include "helper_store.h"

enum { YAML_MAX = 4096 };
static const int64_t day_ms = INT64_C(24) * 3600 * 1000;

static struct town {
    struct helper_runtime h; /* its folder alone */
    const struct gw_config *config;
    int64_t now;
} town;

#define SIGNS "keyUsage=critical,digitalSignature,nonRepudiation\n"
#define TLS_ONLY "keyUsage=critical,keyAgreement\n"

/* Files NAME.pem, certificate and key in one. */
static const struct file {
    const char *name;
    char issuer, key, cert_key; /* cert_key 0: the same */
    int from, until;            /* days from now */
    const char *ext;
} files[] = {
    {"present", 'A', 'r', 0, -10, 10, NULL},     {"both", 'A', 'r', 0, -1, 700, NULL},
    {"curve", 'A', 'E', 0, -1, 700, SIGNS},      {"expired", 'A', 'r', 0, -700, -1, NULL},
    {"early", 'A', 'r', 0, 30, 700, NULL},       {"stranger", 'B', 'r', 0, -1, 700, NULL},
    {"mixed", 'A', 'E', 'r', -1, 700, NULL},     {"short", 'A', 'w', 0, -1, 700, NULL},
    {"neither", 'A', 'r', 0, -1, 700, TLS_ONLY},
};

/* A letter for each step: good, failed or left out. */
static struct row {
    const char *name, *file, *as;
    const char *results;
    const char *failed;     /* in the first detail of a failure; NULL: none fails */
    const char *algorithms; /* a file of one's own; NULL: none */
    const char *daemon;     /* NULL: the one that was built */
} rows[] = {
    {"for both", "both.pem", NULL, "GGGGGGGGG", NULL, NULL, NULL},
    {"for signatures, on a curve", "curve.pem", NULL, "GGGGGSSGG", NULL, NULL, NULL},
    {"for the cipher alone", "both.pem", "cipher", "GGGGSGGGG", NULL, NULL, NULL},
    {"a day to come", "early.pem", NULL, "GGGGGGGSS", NULL, NULL, NULL},
    {"it has ended", "expired.pem", NULL, "GFFGGGGSS", "it ended on ", NULL, NULL},
    {"of an issuer that nobody believes", "stranger.pem", NULL, "GGFGGGGSS", "issuer", NULL, NULL},
    {"a key of another certificate", "mixed.pem", NULL, "FSSSSSSSS", "does not belong", NULL, NULL},
    {"a key that is too short", "short.pem", NULL, "FSSSSSSSS", "too short", NULL, NULL},
    {"on a curve nothing is enciphered", "curve.pem", "cipher", "FSSSSSSSS", "enciphering", NULL,
     NULL},
    {"neither signs nor enciphers", "neither.pem", NULL, "FSSSSSSSS", "neither", NULL, NULL},
    {"no such file", "none.pem", NULL, "FSSSSSSSS", "none.pem", NULL, NULL},
    {"no certificate", "algorithms.conf", NULL, "FSSSSSSSS", "algorithms.conf", NULL, NULL},
    {"an algorithm whose time is over", "both.pem", "signature", "GGGFFSSSS", "no longer allowed",
     "algorithms.conf", NULL},
    {"no daemon to be started", "both.pem", NULL, "GGGGGGGFS", "cannot be started", NULL,
     "/nonexistent/depesched"},
};

static void file_write(const struct file *file)
{
    AUTO(buf_deinit) struct buf cert = {0}, key = {0};
    const struct chain_node node = {.id = 'L',
                                    .issuer = file->issuer,
                                    .key = file->cert_key != 0 ? file->cert_key : file->key,
                                    .cn = file->name,
                                    .ext = file->ext,
                                    .from = town.now + file->from * day_ms,
                                    .until = town.now + file->until * day_ms};
    char name[64], path[512];

    chain_cert_pem(&node, &cert);
    chain_key_pem(file->key, &key);
    buf_add(&cert, buf_span(&key));
    (void)snprintf(name, sizeof name, "%s.pem", file->name);
    helper_file(&town.h, name, buf_span(&cert));
    assert_int_equal(chmod(helper_path(&town.h, path, "%s", name), 0600), 0);
}

static int town_make(void **state)
{
    AUTO(buf_deinit) struct buf ca = {0};
    const struct chain_node issuer = {
        .id = 'A', .issuer = 'A', .until = gw_now_ms() + 3650 * day_ms};
    struct error err = {0};

    (void)state;
    if (crypto_init(&err) != ST_OK || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return -1;
    town.now = gw_now_ms();
    helper_dir_make(town.h.dir);
    chain_cert_pem(&issuer, &ca);
    helper_file(&town.h, "ca.pem", buf_span(&ca));
    helper_file(&town.h, "algorithms.conf", SPAN("signature rsa-sha256 2020-12-31 2040-12-31\n"));
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        file_write(&files[i]);
    return 0;
}

static int town_drop(void **state)
{
    (void)state;
    helper_dir_remove(town.h.dir);
    chain_keys_drop();
    curl_global_cleanup();
    return 0;
}

static const struct gw_config *settings(const char *algorithms)
{
    AUTO(gw_config_report_deinit) struct gw_config_report report = {0};
    AUTO(buf_deinit) struct buf findings = {0};
    const struct gw_config *config = NULL;
    struct error err = {0};
    char yaml[YAML_MAX], path[512];

    (void)snprintf(yaml, sizeof yaml,
                   "state: state\n"
                   "%s%s%s"
                   "tenant:\n"
                   "  name: Ahausen\n"
                   "  identity:\n"
                   "    signature: {certificate: present.pem, key: present.pem}\n"
                   "    cipher: {certificate: present.pem, key: present.pem}\n"
                   "trust: {osci: [ca.pem]}\n"
                   "endpoints: [{name: bauamt}]\n",
                   algorithms == NULL ? "" : "security: {algorithms: ",
                   algorithms == NULL ? "" : algorithms, algorithms == NULL ? "" : "}\n");
    gw_config_report_init(&report);
    buf_init(&findings, 65536);
    if (gw_config_read(span_str(yaml), helper_path(&town.h, path, "town.yaml"), &config, &report,
                       &err) != ST_OK) {
        gw_config_report_text(&report, GW_LANG_EN, &findings);
        fail_msg("%s", buf_cstr(&findings));
    }
    return config;
}

static void test_row(void **state)
{
    static const char letters[] = {'G', 'F', 'S'};
    static struct gw_trial_row results[GW_TRIAL_STEPS];
    const struct row *row = *state;
    AUTO(gw_config_drop) const struct gw_config *config = settings(row->algorithms);
    struct gw_trial_conf trial = {.config = config,
                                  .tenant = &config->tenants[0],
                                  .signs = row->as != NULL && strcmp(row->as, "signature") == 0,
                                  .enciphers = row->as != NULL && strcmp(row->as, "cipher") == 0,
                                  .daemon =
                                      row->daemon != NULL ? row->daemon : TEST_BIN_DIR "/depesched",
                                  .now = town.now};
    char path[512], found[GW_TRIAL_STEPS + 1] = "";
    const char *failed = NULL;
    struct error err = {0};

    trial.pair.certificate = trial.pair.key = helper_path(&town.h, path, "%s", row->file);
    assert_int_equal(gw_trial(&trial, results, &err), ST_OK);
    for (int i = 0; i < GW_TRIAL_STEPS; i++) {
        found[i] = letters[results[i].result];
        if (results[i].result == GW_TRIAL_FAILED && failed == NULL)
            failed = results[i].detail;
    }
    if (strcmp(found, row->results) != 0)
        fail_msg("%s, %s wanted: %s", found, row->results, failed == NULL ? "" : failed);
    if (row->failed != NULL && strstr(failed, row->failed) == NULL)
        fail_msg("%s", failed);
    assert_false(helper_there(&town.h, "state")); /* nothing of the settings was touched */
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows)];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[i] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    return cmocka_run_group_tests(tests, town_make, town_drop);
}

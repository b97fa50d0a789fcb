/* The verb certs rehearse: a new pair of key and certificate, tried before it counts. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "gateway/cert_trial.h"
#include "gateway/cli_route.h"

/* What is said of a step: its name, and how it went; {detail} from the trial. */
static const struct step_text {
    const char *key, *de, *en;
    const char *good_de, *good_en, *failed_de, *failed_en;
} steps[GW_TRIAL_STEPS] = {
    [GW_TRIAL_PAIR] = {"pair", "Paar", "pair",
                       "Die Datei ist lesbar; Schlüssel und Zertifikat gehören zusammen.",
                       "The file can be read; key and certificate belong together.",
                       "Das Paar ist so nicht zu gebrauchen: {detail}",
                       "The pair cannot be used like this: {detail}"},
    [GW_TRIAL_VALIDITY] = {"validity", "Gültigkeit", "validity", "Es gilt {detail}.",
                           "It is valid {detail}.", "Es gilt nicht: {detail}",
                           "It is not valid: {detail}"},
    [GW_TRIAL_CHAIN] = {"chain", "Aussteller", "issuer", "trust.osci glaubt ihm.",
                        "trust.osci believes it.", "trust.osci glaubt ihm nicht: {detail}",
                        "trust.osci does not believe it: {detail}"},
    [GW_TRIAL_POLICY] = {"algorithms", "Algorithmen", "algorithms",
                         "Was damit geschrieben wird, ist erlaubt.",
                         "What is written with it is allowed.",
                         "Damit darf nicht geschrieben werden: {detail}",
                         "It must not be written with: {detail}"},
    [GW_TRIAL_SIGN] = {"sign", "Signieren", "signing", "Eine Signatur ist gemacht und geprüft.",
                       "A signature has been made and verified.",
                       "Mit dem Schlüssel lässt sich nicht signieren: {detail}",
                       "The key cannot be signed with: {detail}"},
    [GW_TRIAL_ENCIPHER] = {"encrypt", "Verschlüsseln", "encrypting",
                           "Für das Zertifikat verschlüsselt und wieder geöffnet.",
                           "Encrypted for the certificate and opened again.",
                           "Was dafür verschlüsselt ist, lässt sich nicht öffnen: {detail}",
                           "What is encrypted for it cannot be opened: {detail}"},
    [GW_TRIAL_OLDER] = {"older", "alte Nachrichten", "old messages",
                        "Was noch für das bisherige Zertifikat kommt, wird weiter geöffnet.",
                        "What still comes for the certificate of today goes on being opened.",
                        "Was noch für das bisherige Zertifikat kommt, bleibt zu: {detail}",
                        "What still comes for the certificate of today stays closed: {detail}"},
    [GW_TRIAL_THERE] = {"there", "hin", "there",
                        "Eine Nachricht ging über einen Intermediär zu einem Partner.",
                        "A message went to a partner over an intermediary.",
                        "Eine Nachricht kam bei einem Partner nicht an: {detail}",
                        "A message did not get to a partner: {detail}"},
    [GW_TRIAL_BACK] = {"back", "zurück", "back", "Eine Nachricht kam von dort und ist gelesen.",
                       "A message came from there and has been read.",
                       "Eine Nachricht von dort war nicht zu lesen: {detail}",
                       "A message from there could not be read: {detail}"},
};

static const char *const results[][4] = {
    [GW_TRIAL_GOOD] = {"good", "gut", "good", "green"},
    [GW_TRIAL_FAILED] = {"failed", "Fehler", "failed", "red"},
    [GW_TRIAL_SKIPPED] = {"skipped", "ausgelassen", "skipped", NULL}};

/* ---- what it is asked ---- */

/* The only tenant, or that of --tenant. */
static int tenant_find(struct gw_cli *cli, const struct gw_config *config,
                       const struct gw_tenant_conf **tenant)
{
    const char *name = cli->opt.tenant;

    if (name == NULL && config->tenants_count == 1) {
        *tenant = &config->tenants[0];
        return EX_OK;
    }
    for (unsigned i = 0; name != NULL && i < config->tenants_count; i++)
        if (strcmp(config->tenants[i].name, name) == 0) {
            *tenant = &config->tenants[i];
            return EX_OK;
        }
    return gw_cli_usage(cli, name == NULL ? "--tenant" : name);
}

static int use_find(struct gw_cli *cli, struct gw_trial_conf *trial)
{
    const char *as = cli->opt.as;

    trial->signs = as != NULL && strcmp(as, "signature") == 0;
    trial->enciphers = as != NULL && strcmp(as, "cipher") == 0;
    return as == NULL || trial->signs || trial->enciphers ? EX_OK : gw_cli_usage(cli, as);
}

/* PKCS#12 is DER and begins with a SEQUENCE; else one PEM file holds both. */
static int pair_find(struct gw_cli *cli, const char *path, struct gw_pair_conf *pair)
{
    const struct gw_explain_field fields[] = {{"path", path}, {"detail", strerror(errno)}};
    FILE *f = fopen(path, "rbe");
    int first = f == NULL ? EOF : fgetc(f);

    if (f == NULL)
        return gw_cli_fail(cli, GW_R_CLI_FILE, fields, ARRAY_LEN(fields));
    (void)fclose(f);
    if (first == 0x30)
        pair->pkcs12 = path;
    else
        pair->certificate = pair->key = path;
    return EX_OK;
}

/* Beside this program, or where packages put it. */
static const char *daemon_find(char path[static PATH_MAX])
{
    static const char *const places[] = {"depesched", "../sbin/depesched"};
    char own[PATH_MAX - 32];
    ssize_t len = readlink("/proc/self/exe", own, sizeof own - 1);
    char *slash;

    own[len < 0 ? 0 : len] = '\0';
    slash = strrchr(own, '/');
    if (slash != NULL)
        slash[1] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        (void)snprintf(path, PATH_MAX, "%s%s", own, places[i]);
        if (access(path, X_OK) == 0)
            return path;
    }
    return "/usr/sbin/depesched";
}

/* ---- what it says ---- */

static void sentence(struct buf *b, const struct gw_trial_row *row, const struct step_text *text,
                     enum gw_lang lang)
{
    const struct gw_explain_field fields[] = {{"detail", row->detail}};
    bool de = lang == GW_LANG_DE;

    buf_init(b, 4096);
    if (row->result == GW_TRIAL_SKIPPED)
        return;
    if (row->result == GW_TRIAL_GOOD)
        gw_explain_fill(b, de ? text->good_de : text->good_en, fields, ARRAY_LEN(fields));
    else
        gw_explain_fill(b, de ? text->failed_de : text->failed_en, fields, ARRAY_LEN(fields));
}

static int json_print(struct gw_cli *cli, const struct gw_trial_row *rows)
{
    AUTO(json_drop) json_t *all = json_array();

    for (size_t i = 0; i < GW_TRIAL_STEPS; i++) {
        AUTO(buf_deinit) struct buf de = {0}, en = {0};

        sentence(&de, &rows[i], &steps[i], GW_LANG_DE);
        sentence(&en, &rows[i], &steps[i], GW_LANG_EN);
        if (json_array_append_new(all, json_pack("{ssssssss}", "step", steps[i].key, "result",
                                                 results[rows[i].result][0], "de", buf_cstr(&de),
                                                 "en", buf_cstr(&en))) != 0)
            return gw_cli_fail(cli, GW_R_MEMORY, NULL, 0);
    }
    return gw_cli_json(cli, all);
}

static int table_print(struct gw_cli *cli, const struct gw_trial_row *rows)
{
    static const struct cli_column columns[] = {{"Schritt", "step", false, false},
                                                {"Ergebnis", "result", false, false},
                                                {"Befund", "finding", false, true}};
    AUTO(cli_table_drop) struct cli_table *t = cli_table_new(cli, columns, ARRAY_LEN(columns));

    if (t == NULL)
        return gw_cli_fail(cli, GW_R_MEMORY, NULL, 0);
    for (size_t i = 0; i < GW_TRIAL_STEPS; i++) {
        const char *const *result = results[rows[i].result];
        AUTO(buf_deinit) struct buf text = {0};

        sentence(&text, &rows[i], &steps[i], cli->lang);
        cli_row(t);
        cli_cell(t, CLI_TEXT(cli, steps[i].de, steps[i].en), NULL);
        cli_cell(t, CLI_TEXT(cli, result[1], result[2]), result[3]);
        cli_cell(t, buf_cstr(&text), result[3]);
    }
    return cli_table_print(t);
}

static int trial_show(struct gw_cli *cli, const struct gw_trial_conf *trial)
{
    struct gw_trial_row *rows = calloc(GW_TRIAL_STEPS, sizeof *rows);
    struct error err = {0};
    bool failed = false;
    int rc;

    if (rows == NULL || crypto_init(&err) != ST_OK || gw_trial(trial, rows, &err) != ST_OK) {
        const struct gw_explain_field fields[] = {{"detail", err.text}};

        free(rows);
        return gw_cli_fail(cli, GW_R_INTERNAL, fields, ARRAY_LEN(fields));
    }
    for (size_t i = 0; i < GW_TRIAL_STEPS; i++)
        failed = failed || rows[i].result == GW_TRIAL_FAILED;
    rc = cli->opt.json ? json_print(cli, rows) : table_print(cli, rows);
    free(rows);
    return rc != EX_OK ? rc : failed ? EX_DATAERR : EX_OK;
}

int cli_certs_rehearse(struct gw_cli *cli, int argc, char **argv)
{
    AUTO(gw_config_drop) const struct gw_config *config = NULL;
    AUTO(free_drop) char *pair = NULL, *passphrase = NULL;
    struct gw_trial_conf trial = {.now = cli->io->now};
    const char *missing = NULL;
    char daemon[PATH_MAX];
    int rc;

    if (argc != 1 || cli->opt.config == NULL)
        return gw_cli_form(cli, "certs rehearse NEW.p12 --config FILE [--passphrase-file FILE] "
                                "[--tenant NAME] [--as signature|cipher]");
    pair = realpath(argv[0], NULL);
    if (cli->opt.passphrase_file != NULL)
        passphrase = realpath(cli->opt.passphrase_file, NULL);
    missing = pair == NULL                                             ? argv[0]
              : cli->opt.passphrase_file != NULL && passphrase == NULL ? cli->opt.passphrase_file
                                                                       : NULL;
    if (missing != NULL) {
        const struct gw_explain_field fields[] = {{"path", missing}, {"detail", strerror(errno)}};

        return gw_cli_fail(cli, GW_R_CLI_FILE, fields, ARRAY_LEN(fields));
    }
    if ((rc = cli_config(cli, cli->opt.config, &config)) != EX_OK ||
        (rc = tenant_find(cli, config, &trial.tenant)) != EX_OK ||
        (rc = use_find(cli, &trial)) != EX_OK || (rc = pair_find(cli, pair, &trial.pair)) != EX_OK)
        return rc;
    trial.pair.passphrase_file = passphrase;
    trial.config = config;
    trial.daemon = daemon_find(daemon);
    return trial_show(cli, &trial);
}

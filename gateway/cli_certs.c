/* The verb certs: every certificate in use: whose, for what, and how long it still holds. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "gateway/cli_route.h"

static const char *word(const struct gw_cli *cli, const char *name)
{
    static const struct gw_word words[] = {
        {"own", "eigenes", "own"},
        {"intermediary", "Intermediär", "intermediary"},
        {"partner", "Partner", "partner"},
        {"client", "Client", "client"},
        {"authority", "Aussteller", "authority"},
        {"server", "Server", "server"},
        {"signature", "Signatur", "signature"},
        {"cipher", "Verschlüsselung", "encryption"},
        {"older_cipher", "frühere Verschlüsselung", "earlier encryption"},
        {"tls", "TLS", "TLS"},
        {"issuer", "Ausstellen", "issuing"},
        {"list", "Sperrliste", "revocation list"},
        {"pinned", "festgelegt", "pinned"},
        {"signing", "Signatur", "signature"},
        {"enciphering", "Verschlüsselung", "encryption"},
        {"tls_servers", "TLS-Server", "TLS servers"},
        {"xta_clients", "XTA-Clients", "XTA clients"},
    };

    return gw_word_text(words, ARRAY_LEN(words), name, cli->lang, name);
}

/* It ends soon: that is a note; anything else is bad. */
static bool is_note(const json_t *c)
{
    return strcmp(cli_str(json_object_get(c, "finding"), "code"), "D-1505") == 0;
}

static const char *color_of(const json_t *c)
{
    return !json_is_object(json_object_get(c, "finding")) ? "green" : is_note(c) ? "yellow" : "red";
}

/* "signature, from 2027-01-01" */
static const char *use_text(struct gw_cli *cli, const json_t *c, char text[2 * CLI_TEXT_MAX])
{
    const char *use = word(cli, cli_str(c, "use"));
    int64_t from = cli_time(c, "from");
    char day[CLI_TEXT_MAX];

    if (from == 0)
        return use;
    (void)snprintf(text, 2 * CLI_TEXT_MAX, "%s%s%s", use, CLI_TEXT(cli, ", ab ", ", from "),
                   cli_time_text(cli, from, true, day));
    return text;
}

/* "RSA-3072, RSA-SHA256": its key, and what it was signed with. */
static const char *algorithm_text(const json_t *c, char text[2 * CLI_TEXT_MAX])
{
    const char *signature = cli_str(c, "signature_algorithm");

    (void)snprintf(text, 2 * CLI_TEXT_MAX, "%s%s%s", cli_str(c, "key"),
                   signature[0] == '\0' ? "" : ", ", signature);
    return text;
}

/* "trust.osci: signature, encryption": the store it is in, and what that decides about. */
static const char *store_text(struct gw_cli *cli, const json_t *c, char text[2 * CLI_TEXT_MAX])
{
    const json_t *serves = json_object_get(c, "serves");
    size_t len;

    text[0] = '\0';
    if (!json_is_array(serves))
        return text;
    len = (size_t)snprintf(text, CLI_TEXT_MAX, "%s", cli_str(c, "setting"));
    for (size_t i = 0; i < json_array_size(serves) && len < CLI_TEXT_MAX; i++)
        len += (size_t)snprintf(text + len, CLI_TEXT_MAX, "%s%s", i == 0 ? ": " : ", ",
                                word(cli, json_string_value(json_array_get(serves, i))));
    return text;
}

static void certificate_row(struct gw_cli *cli, struct cli_table *t, const json_t *c)
{
    const json_t *finding = json_object_get(c, "finding");
    const char *subject = cli_str(c, "subject"), *color = color_of(c);
    char days[CLI_TEXT_MAX] = "", until[CLI_TEXT_MAX];
    char use[2 * CLI_TEXT_MAX], algorithm[2 * CLI_TEXT_MAX], store[2 * CLI_TEXT_MAX];

    if (json_is_integer(json_object_get(c, "days_left")))
        (void)snprintf(days, sizeof days, "%lld", (long long)cli_int(c, "days_left"));
    cli_row(t);
    cli_cell(t, days, color);
    cli_cell(t, cli_time_text(cli, cli_time(c, "not_after"), true, until), NULL);
    cli_cell(t, word(cli, cli_str(c, "owner")), NULL);
    cli_cell(t, cli_str(c, "name"), NULL);
    cli_cell(t, use_text(cli, c, use), NULL);
    cli_cell(t, store_text(cli, c, store), NULL);
    cli_cell(t, subject[0] != '\0' ? subject : cli_str(c, "path"), NULL);
    cli_cell(t, algorithm_text(c, algorithm), NULL);
    cli_cell(t, cli_str(json_object_get(c, "blocks"), CLI_TEXT(cli, "de", "en")), NULL);
    cli_cell(t, cli_str(finding, CLI_TEXT(cli, "de", "en")), color);
    cli_cell(t, cli_str(finding, "code"), NULL);
}

int gw_cli_certs(struct gw_cli *cli, int argc, char **argv)
{
    static const struct cli_column columns[] = {
        {"Tage", "days", true, false},
        {"gültig bis", "valid until", false, false},
        {"wessen", "whose", false, false},
        {"Name", "name", false, true},
        {"wofür", "for", false, false},
        {"Speicher", "store", false, true},
        {"Zertifikat", "certificate", false, true},
        {"Algorithmen", "algorithms", false, true},
        {"mit ihm endet", "what ends with it", false, true},
        {"Befund", "finding", false, true},
        {"Code", "code", false, false},
    };
    AUTO(cli_table_drop) struct cli_table *t = NULL;
    AUTO(json_drop) json_t *answer = NULL;
    const json_t *all;
    bool bad = false;
    int rc;

    if (argc > 0 && strcmp(argv[0], "rehearse") == 0)
        return cli_certs_rehearse(cli, argc - 1, argv + 1);
    if (argc > 0 || cli->opt.as != NULL || cli->opt.passphrase_file != NULL ||
        cli->opt.tenant != NULL)
        return gw_cli_form(cli, "certs [rehearse FILE]");
    if ((rc = gw_cli_connect(cli)) != EX_OK ||
        (rc = gw_cli_get(cli, "/v1/certificates", &answer)) != EX_OK)
        return rc;
    all = json_object_get(answer, "certificates");
    t = cli_table_new(cli, columns, ARRAY_LEN(columns));
    if (t == NULL)
        return gw_cli_fail(cli, GW_R_MEMORY, NULL, 0);
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *c = json_array_get(all, i);

        bad = bad || (json_is_object(json_object_get(c, "finding")) && !is_note(c));
        certificate_row(cli, t, c);
    }
    rc = cli->opt.json ? gw_cli_json(cli, all) : cli_table_print(t);
    return rc != EX_OK ? rc : bad ? EX_DATAERR : EX_OK;
}

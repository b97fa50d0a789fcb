/* status --on DAY: what would no longer work on that day, and for how many messages. */
#include <stdio.h>
#include <sysexits.h>

#include "gateway/cli_view.h"

static void finding_rows(struct gw_cli *cli, struct cli_table *t, const char *name,
                         const json_t *counted)
{
    const json_t *findings = json_object_get(counted, "findings");
    char sent[CLI_TEXT_MAX], received[CLI_TEXT_MAX];

    (void)snprintf(sent, sizeof sent, "%lld", (long long)cli_int(counted, "sent"));
    (void)snprintf(received, sizeof received, "%lld", (long long)cli_int(counted, "received"));
    for (size_t i = 0; i < json_array_size(findings); i++) {
        const json_t *finding = json_array_get(findings, i);

        cli_row(t);
        cli_cell(t, name, NULL);
        cli_cell(t, sent, NULL);
        cli_cell(t, received, NULL);
        cli_cell(t, cli_str(finding, CLI_TEXT(cli, "de", "en")), "red");
        cli_cell(t, cli_str(finding, "setting"), NULL);
        cli_cell(t, cli_str(finding, "code"), NULL);
    }
}

static int outlook_print(struct gw_cli *cli, const json_t *o)
{
    static const struct cli_column columns[] = {
        {"Partner", "partner", false, true},     {"gesendet", "sent", true, false},
        {"empfangen", "received", true, false},  {"Befund", "finding", false, true},
        {"Einstellung", "setting", false, true}, {"Code", "code", false, false},
    };
    AUTO(cli_table_drop) struct cli_table *t = cli_table_new(cli, columns, ARRAY_LEN(columns));
    const json_t *partners = json_object_get(o, "partners");

    if (t == NULL)
        return gw_cli_fail(cli, GW_R_MEMORY, NULL, 0);
    finding_rows(cli, t, CLI_TEXT(cli, "alle", "all"), o);
    for (size_t i = 0; i < json_array_size(partners); i++) {
        const json_t *partner = json_array_get(partners, i);

        finding_rows(cli, t, cli_str(partner, "name"), partner);
    }
    return cli_table_print(t);
}

int gw_cli_outlook(struct gw_cli *cli)
{
    AUTO(json_drop) json_t *o = NULL;
    char path[CLI_TEXT_MAX];
    bool bad;
    int rc;

    for (const char *c = cli->opt.on; *c != '\0'; c++)
        if ((*c < '0' || *c > '9') && *c != '-')
            return gw_cli_form(cli, "status [--on DAY]");
    (void)snprintf(path, sizeof path, "/v1/outlook?on=%.20s", cli->opt.on);
    if ((rc = gw_cli_connect(cli)) != EX_OK || (rc = gw_cli_get(cli, path, &o)) != EX_OK)
        return rc;
    bad = json_array_size(json_object_get(o, "findings")) > 0 ||
          json_array_size(json_object_get(o, "partners")) > 0;
    if (cli->opt.json)
        rc = gw_cli_json(cli, o);
    else if (!bad)
        (void)fprintf(cli->io->out, "%s\n",
                      CLI_TEXT(cli, "An diesem Tag ginge noch alles.",
                               "Everything would still work on that day."));
    else
        rc = outlook_print(cli, o);
    return rc != EX_OK ? rc : bad ? EX_DATAERR : EX_OK;
}

/* The verb directory: who can be reached, and what is wrong with that. */
#include <string.h>
#include <sysexits.h>

#include "gateway/cli_view.h"

static const char *finding_text(const struct gw_cli *cli, const json_t *finding)
{
    return cli_str(finding, CLI_TEXT(cli, "de", "en"));
}

/* How a service is reached: by a partner, or it is an endpoint of our own. */
static const char *way_of(const json_t *service)
{
    const char *partner = cli_str(service, "partner");

    return partner[0] != '\0' ? partner : cli_str(service, "endpoint");
}

static const char *mode_of(const struct gw_cli *cli, const json_t *service)
{
    static const struct gw_word names[] = {{"asynchronous", "asynchron", "asynchronous"},
                                           {"synchronous", "synchron", "synchronous"},
                                           {"both", "beides", "both"}};

    return gw_word_text(names, ARRAY_LEN(names), cli_str(service, "mode"), cli->lang, "");
}

/* ---- the table ---- */

static void service_row(struct gw_cli *cli, struct cli_table *t, const json_t *party,
                        const json_t *service)
{
    const json_t *findings = json_object_get(service, "findings");
    const json_t *certificate = json_object_get(service, "certificate");
    char text[CLI_TEXT_MAX];

    cli_row(t);
    cli_cell(t, cli_str(party, "party"), NULL);
    cli_cell(t, cli_str(party, "name"), NULL);
    cli_cell(t, cli_str(service, "uri"), NULL);
    cli_cell(t, mode_of(cli, service), NULL);
    cli_cell(t, way_of(service), NULL);
    cli_cell(t, cli_time_text(cli, cli_time(certificate, "not_after"), false, text), NULL);
    cli_cell(t, finding_text(cli, json_array_get(findings, 0)), "red");
}

static int table_print(struct gw_cli *cli, const json_t *parties)
{
    static const struct cli_column columns[] = {
        {"Teilnehmer", "party", false, false},
        {"Name", "name", false, true},
        {"Dienst", "service", false, true},
        {"Art", "mode", false, false},
        {"Weg", "way", false, true},
        {"Zertifikat bis", "certificate until", false, false},
        {"Befund", "finding", false, true},
    };
    AUTO(cli_table_drop) struct cli_table *t = cli_table_new(cli, columns, ARRAY_LEN(columns));

    if (t == NULL)
        return gw_cli_fail(cli, GW_R_MEMORY, NULL, 0);
    for (size_t i = 0; i < json_array_size(parties); i++) {
        const json_t *party = json_array_get(parties, i);
        const json_t *services = json_object_get(party, "services");

        for (size_t k = 0; k < json_array_size(services); k++)
            service_row(cli, t, party, json_array_get(services, k));
        if (json_array_size(services) == 0)
            service_row(cli, t, party, NULL);
    }
    return cli_table_print(t);
}

static int directory_print(struct gw_cli *cli, const json_t *answer)
{
    const json_t *parties = json_object_get(answer, "parties");

    if (json_array_size(parties) > 0)
        return table_print(cli, parties);
    (void)fprintf(cli->io->out, "%s\n",
                  cli_str(answer, "file")[0] == '\0'
                      ? CLI_TEXT(cli, "kein Verzeichnis eingetragen (directory)",
                                 "no directory is configured (directory)")
                      : CLI_TEXT(cli, "keine Teilnehmer", "no parties"));
    return EX_OK;
}

/* ---- check ---- */

/* What was found, with party and service beside it. */
static json_t *findings_of(const json_t *answer)
{
    const json_t *parties = json_object_get(answer, "parties");
    json_t *all = json_array();

    for (size_t i = 0; i < json_array_size(parties); i++) {
        const json_t *party = json_array_get(parties, i);
        const json_t *services = json_object_get(party, "services");

        for (size_t k = 0; k < json_array_size(services); k++) {
            const json_t *service = json_array_get(services, k);
            const json_t *findings = json_object_get(service, "findings");

            for (size_t n = 0; n < json_array_size(findings); n++) {
                json_t *finding = json_copy(json_array_get(findings, n));

                (void)json_object_set_new(finding, "party", json_string(cli_str(party, "party")));
                (void)json_object_set_new(finding, "uri", json_string(cli_str(service, "uri")));
                (void)json_array_append_new(all, finding);
            }
        }
    }
    return all;
}

static void findings_print(struct gw_cli *cli, const json_t *findings)
{
    AUTO(buf_deinit) struct buf b = {0};

    for (size_t i = 0; i < json_array_size(findings); i++) {
        const json_t *f = json_array_get(findings, i);

        buf_init(&b, 64 * 1024);
        buf_printf(&b, "%s: %s", cli_str(f, "uri"), finding_text(cli, f));
        cli_pair(cli, cli_str(f, "party"), buf_cstr(&b));
        buf_deinit(&b);
    }
    if (json_array_size(findings) == 0)
        (void)fprintf(
            cli->io->out, "%s\n",
            CLI_TEXT(cli, "Das Verzeichnis ist in Ordnung.", "The directory is all right."));
}

static int check(struct gw_cli *cli, const json_t *answer)
{
    AUTO(json_drop) json_t *findings = findings_of(answer);

    if (cli->opt.json)
        (void)gw_cli_json(cli, findings);
    else
        findings_print(cli, findings);
    return json_array_size(findings) == 0 ? EX_OK : EX_DATAERR;
}

int gw_cli_directory(struct gw_cli *cli, int argc, char **argv)
{
    AUTO(json_drop) json_t *answer = NULL;
    int rc;

    if (argc > 1 || (argc == 1 && strcmp(argv[0], "check") != 0))
        return gw_cli_form(cli, "directory [check]");
    if ((rc = gw_cli_connect(cli)) != EX_OK ||
        (rc = gw_cli_get(cli, "/v1/directory", &answer)) != EX_OK)
        return rc;
    if (argc == 1)
        return check(cli, answer);
    if (cli->opt.json)
        return gw_cli_json(cli, json_object_get(answer, "parties"));
    return directory_print(cli, answer);
}

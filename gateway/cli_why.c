/* The verb why: what is the matter with a message, or with anything. */
#include <string.h>
#include <sysexits.h>

#include "gateway/cli_view.h"

static const char *grade_color(const char *grade)
{
    return strcmp(grade, "act") == 0       ? "red"
           : strcmp(grade, "trouble") == 0 ? "yellow"
           : strcmp(grade, "good") == 0    ? "green"
                                           : NULL;
}

static const json_t *words_of(const struct gw_cli *cli, const json_t *finding)
{
    return json_object_get(finding, CLI_TEXT(cli, "de", "en"));
}

/* 0, or EX_TEMPFAIL where it works at it by itself, or EX_DATAERR where somebody must act. */
static int exit_of(const json_t *finding)
{
    const char *grade = cli_str(finding, "grade");

    return strcmp(grade, "act") == 0       ? EX_DATAERR
           : strcmp(grade, "trouble") == 0 ? EX_TEMPFAIL
                                           : EX_OK;
}

static int one(struct gw_cli *cli, const char *given)
{
    AUTO(json_drop) json_t *finding = NULL;
    char id[CLI_TEXT_MAX], path[128];
    int rc;

    if ((rc = gw_cli_connect(cli)) != EX_OK || (rc = gw_cli_id(cli, given, id)) != EX_OK)
        return rc;
    (void)snprintf(path, sizeof path, "/v1/messages/%s/why", id);
    if ((rc = gw_cli_get(cli, path, &finding)) != EX_OK)
        return rc;
    if (cli->opt.json)
        rc = gw_cli_json(cli, finding);
    else
        (void)fprintf(cli->io->out, "%s\n", cli_str(words_of(cli, finding), "sentence"));
    return rc != EX_OK ? rc : exit_of(finding);
}

static int worst_print(struct gw_cli *cli, const json_t *all)
{
    static const struct cli_column columns[] = {
        {"Nummer", "id", false, false},         {"seit", "since", false, false},
        {"Verfahren", "endpoint", false, true}, {"Partner", "partner", false, true},
        {"Code", "code", false, false},         {"was ist", "what it is", false, true},
        {"was tun", "what to do", false, true},
    };
    AUTO(cli_table_drop) struct cli_table *t = cli_table_new(cli, columns, ARRAY_LEN(columns));
    char text[CLI_TEXT_MAX];

    if (t == NULL)
        return gw_cli_fail(cli, GW_R_MEMORY, NULL, 0);
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *f = json_array_get(all, i), *words = words_of(cli, f);

        cli_row(t);
        cli_cell(t, cli_id_text(cli_str(f, "id")), NULL);
        cli_cell(t, cli_time_text(cli, cli_time(f, "since"), false, text), NULL);
        cli_cell(t, cli_str(f, "endpoint"), NULL);
        cli_cell(t, cli_str(f, "partner"), NULL);
        cli_cell(t, cli_str(f, "code"), grade_color(cli_str(f, "grade")));
        cli_cell(t, cli_str(words, "what"), NULL);
        cli_cell(t, cli_str(words, "action"), NULL);
    }
    return cli_table_print(t);
}

int gw_cli_why(struct gw_cli *cli, int argc, char **argv)
{
    AUTO(json_drop) json_t *answer = NULL;
    const json_t *all;
    int rc;

    if (argc > 1)
        return gw_cli_form(cli, "why [ID]");
    if (argc == 1)
        return one(cli, argv[0]);
    if ((rc = gw_cli_connect(cli)) != EX_OK || (rc = gw_cli_get(cli, "/v1/why", &answer)) != EX_OK)
        return rc;
    all = json_object_get(answer, "findings");
    if (cli->opt.json)
        rc = gw_cli_json(cli, answer);
    else if (json_array_size(all) == 0)
        (void)fprintf(cli->io->out, "%s\n",
                      CLI_TEXT(cli, "Alles in Ordnung: nichts wartet auf jemanden.",
                               "All is well: nothing waits for anybody."));
    else
        rc = worst_print(cli, all);
    return rc != EX_OK || json_array_size(all) == 0 ? rc : exit_of(json_array_get(all, 0));
}

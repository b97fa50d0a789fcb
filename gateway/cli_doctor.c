/* The verb doctor: what the daemon finds when it looks at everything around it. */
#include <string.h>
#include <sysexits.h>

#include "gateway/cli_view.h"

static const struct gw_word subjects[] = {{"settings", "Einstellungen", "settings"},
                                          {"folder", "Ordner", "folder"},
                                          {"certificate", "Zertifikat", "certificate"},
                                          {"clock", "Uhr", "clock"},
                                          {"disk", "Platte", "disk"},
                                          {"destination", "Ziel", "destination"},
                                          {"scanner", "Virenscanner", "virus scanner"}};

static const char *const levels[][4] = {{"good", "gut", "good", "green"},
                                        {"warning", "Hinweis", "note", "yellow"},
                                        {"bad", "Fehler", "bad", "red"}};

static const char *subject_text(const struct gw_cli *cli, const char *name)
{
    return gw_word_text(subjects, ARRAY_LEN(subjects), name, cli->lang, name);
}

static void check_row(struct gw_cli *cli, struct cli_table *t, const json_t *check)
{
    size_t level = 0;

    for (size_t i = 0; i < ARRAY_LEN(levels); i++)
        if (strcmp(levels[i][0], cli_str(check, "level")) == 0)
            level = i;
    cli_row(t);
    cli_cell(t, CLI_TEXT(cli, levels[level][1], levels[level][2]), levels[level][3]);
    cli_cell(t, subject_text(cli, cli_str(check, "subject")), NULL);
    cli_cell(t, cli_str(check, "name"), NULL);
    cli_cell(t, cli_str(check, CLI_TEXT(cli, "de", "en")), NULL);
    cli_cell(t, cli_str(check, "code"), NULL);
}

/* What to do, below the table: there is no room for it in a row. */
static bool advice_print(struct gw_cli *cli, const json_t *checks)
{
    bool bad = false;

    for (size_t i = 0; i < json_array_size(checks); i++) {
        const json_t *check = json_array_get(checks, i);
        const char *action = cli_str(check, CLI_TEXT(cli, "action_de", "action_en"));

        bad = bad || strcmp(cli_str(check, "level"), "bad") == 0;
        if (action[0] != '\0')
            (void)fprintf(cli->io->out, "\n%s %s\n    %s\n", cli_str(check, "code"),
                          cli_str(check, "name"), action);
    }
    return bad;
}

int gw_cli_doctor(struct gw_cli *cli, int argc, char **argv)
{
    static const struct cli_column columns[] = {{"Urteil", "verdict", false, false},
                                                {"was", "what", false, false},
                                                {"Name", "name", false, true},
                                                {"Befund", "finding", false, true},
                                                {"Code", "code", false, false}};
    AUTO(cli_table_drop) struct cli_table *t = NULL;
    AUTO(json_drop) json_t *answer = NULL;
    const json_t *checks;
    int rc;

    (void)argv;
    if (argc > 0)
        return gw_cli_form(cli, "doctor");
    if ((rc = gw_cli_connect(cli)) != EX_OK ||
        (rc = gw_cli_get(cli, "/v1/doctor", &answer)) != EX_OK)
        return rc;
    if (cli->opt.json)
        return gw_cli_json(cli, answer);
    checks = json_object_get(answer, "checks");
    t = cli_table_new(cli, columns, ARRAY_LEN(columns));
    if (t == NULL)
        return gw_cli_fail(cli, GW_R_MEMORY, NULL, 0);
    for (size_t i = 0; i < json_array_size(checks); i++)
        check_row(cli, t, json_array_get(checks, i));
    rc = cli_table_print(t);
    return rc != EX_OK ? rc : advice_print(cli, checks) ? EX_DATAERR : EX_OK;
}

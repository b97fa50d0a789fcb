/* ack, retry, cancel, quarantine, redeliver: what is decided about messages by those whose they
 * are. */
#include <string.h>
#include <sysexits.h>

#include "gateway/cli_view.h"

/* POST /v1/messages/ID/verb */
static int act_on(struct gw_cli *cli, const char *verb, const char *given, json_t **message)
{
    AUTO(buf_deinit) struct buf path = {0};
    char id[CLI_TEXT_MAX];
    int rc = gw_cli_id(cli, given, id);

    if (rc != EX_OK)
        return rc;
    buf_init(&path, 16 * 1024);
    buf_printf(&path, "/v1/messages/%s/%s", id, verb);
    if (cli->opt.reason != NULL) {
        buf_str(&path, "?reason=");
        gw_api_query(&path, cli->opt.reason);
    }
    return gw_cli_post(cli, buf_cstr(&path), message);
}

/* The verb for each message named; what fails does not keep the others from it. */
static int act(struct gw_cli *cli, const char *verb, int argc, char **argv)
{
    AUTO(json_drop) json_t *all = json_array();
    int rc, first = EX_OK;

    if ((rc = gw_cli_connect(cli)) != EX_OK)
        return rc;
    for (int i = 0; i < argc; i++) {
        json_t *m = NULL;

        rc = act_on(cli, verb, argv[i], &m);
        if (rc != EX_OK) {
            first = first == EX_OK ? rc : first;
            continue;
        }
        if (!cli->opt.json)
            (void)fprintf(cli->io->out, "%s: %s\n", cli_str(m, "id"),
                          cli_state_text(cli, cli_str(m, "state")));
        if (json_array_append_new(all, m) != 0)
            return gw_cli_fail(cli, GW_R_MEMORY, NULL, 0);
    }
    if (cli->opt.json && (rc = gw_cli_json(cli, all)) != EX_OK)
        return rc;
    return first;
}

static int act_or_form(struct gw_cli *cli, const char *verb, int argc, char **argv)
{
    char form[CLI_TEXT_MAX];

    (void)snprintf(form, sizeof form, "%s ID [ID ...] [--reason TEXT]", verb);
    return argc < 1 ? gw_cli_form(cli, form) : act(cli, verb, argc, argv);
}

int gw_cli_ack(struct gw_cli *cli, int argc, char **argv)
{
    return act_or_form(cli, "ack", argc, argv);
}

int gw_cli_retry(struct gw_cli *cli, int argc, char **argv)
{
    return act_or_form(cli, "retry", argc, argv);
}

int gw_cli_cancel(struct gw_cli *cli, int argc, char **argv)
{
    return act_or_form(cli, "cancel", argc, argv);
}

/* ---- quarantine ---- */

static int quarantine_print(struct gw_cli *cli, const json_t *all)
{
    static const struct cli_column columns[] = {
        {"Nummer", "id", false, false},         {"seit", "since", false, false},
        {"Verfahren", "endpoint", false, true}, {"von", "from", false, true},
        {"Bezeichnung", "name", false, true},   {"warum", "why", false, true},
        {"Code", "code", false, false},
    };
    AUTO(cli_table_drop) struct cli_table *t = cli_table_new(cli, columns, ARRAY_LEN(columns));
    char time[CLI_TEXT_MAX];

    if (t == NULL)
        return gw_cli_fail(cli, GW_R_MEMORY, NULL, 0);
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *m = json_array_get(all, i);

        cli_row(t);
        cli_cell(t, cli_id_text(cli_str(m, "id")), NULL);
        cli_cell(t, cli_time_text(cli, cli_time(m, "changed_at"), false, time), NULL);
        cli_cell(t, cli_str(m, "endpoint"), NULL);
        cli_cell(t, cli_str(m, "sender"), NULL);
        cli_cell(t, cli_message_name(m), NULL);
        cli_cell(t, cli_error_text(cli, m), NULL);
        cli_cell(t, cli_str(json_object_get(m, "last_error"), "code"), NULL);
    }
    return cli_table_print(t);
}

static int quarantine_list(struct gw_cli *cli)
{
    AUTO(json_drop) json_t *all = NULL;
    size_t limit = cli_limit(cli);
    int rc;

    if (limit == 0)
        return EX_USAGE;
    cli->opt.state = "quarantined";
    if ((rc = gw_cli_connect(cli)) != EX_OK ||
        (rc = gw_cli_messages(cli, NULL, false, limit, &all)) != EX_OK)
        return rc;
    if (cli->opt.json)
        return gw_cli_json(cli, all);
    return json_array_size(all) == 0 ? cli_nothing(cli) : quarantine_print(cli, all);
}

/* What is decided there overrules a check, so it needs a reason. */
int gw_cli_quarantine(struct gw_cli *cli, int argc, char **argv)
{
    const char *what = argc > 0 ? argv[0] : "";
    bool reasoned = cli->opt.reason != NULL && cli->opt.reason[0] != '\0';

    if (strcmp(what, "list") == 0 && argc == 1 && cli->opt.reason == NULL)
        return quarantine_list(cli);
    if (strcmp(what, "release") == 0 && argc > 1 && reasoned)
        return act(cli, "release", argc - 1, argv + 1);
    if (strcmp(what, "drop") == 0 && argc > 1 && reasoned)
        return act(cli, "discard", argc - 1, argv + 1);
    return gw_cli_form(cli, strcmp(what, "release") == 0 || strcmp(what, "drop") == 0
                                ? "quarantine release|drop ID [ID ...] --reason TEXT"
                                : "quarantine list");
}

static void gone_print(struct gw_cli *cli, const json_t *answer)
{
    const json_t *gone = json_object_get(answer, "gone");
    int64_t count = cli_int(answer, "gone_count");

    if (count == 0)
        return;
    (void)fprintf(cli->io->out,
                  CLI_TEXT(cli, "%lld nicht, weil ihr Inhalt gelöscht ist:\n",
                           "%lld not, since their content has been deleted:\n"),
                  (long long)count);
    for (size_t i = 0; i < json_array_size(gone); i++) {
        const json_t *m = json_array_get(gone, i);
        char time[CLI_TEXT_MAX];

        (void)fprintf(cli->io->out, "  %s  %s  %s  %s\n", cli_str(m, "id"),
                      cli_time_text(cli, cli_time(m, "created_at"), true, time),
                      cli_str(m, "sender"), cli_str(m, "subject"));
    }
    if (json_array_size(gone) < (size_t)count)
        (void)fputs("  ...\n", cli->io->out);
}

/* Exit code EX_DATAERR: not all of it could be handed over again. */
int gw_cli_redeliver(struct gw_cli *cli, int argc, char **argv)
{
    AUTO(json_drop) json_t *answer = NULL;
    AUTO(buf_deinit) struct buf path = {0};
    int rc;

    (void)argv;
    if (argc > 0 || cli->opt.endpoint == NULL || cli->opt.since == NULL)
        return gw_cli_form(cli, "redeliver --endpoint NAME --since TIME");
    if ((rc = gw_cli_connect(cli)) != EX_OK)
        return rc;
    buf_init(&path, 16 * 1024);
    buf_str(&path, "/v1/redeliver?endpoint=");
    gw_api_query(&path, cli->opt.endpoint);
    buf_str(&path, "&since=");
    gw_api_query(&path, cli->opt.since);
    if ((rc = gw_cli_post(cli, buf_cstr(&path), &answer)) != EX_OK)
        return rc;
    rc = cli_int(answer, "gone_count") > 0 ? EX_DATAERR : EX_OK;
    if (cli->opt.json)
        return gw_cli_json(cli, answer) == EX_OK ? rc : EX_IOERR;
    (void)fprintf(cli->io->out,
                  CLI_TEXT(cli, "%lld Nachrichten werden erneut übergeben\n",
                           "%lld messages are handed over again\n"),
                  (long long)cli_int(answer, "redelivered"));
    gone_print(cli, answer);
    return rc;
}

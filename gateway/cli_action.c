/* ack, retry, cancel, redeliver: what is decided about messages by those whose they are. */
#include <sysexits.h>

#include "gateway/cli_view.h"

static int post(struct gw_cli *cli, const char *path, json_t **answer)
{
    struct error err = {0};

    return gw_api_post(cli->api, path, answer, &err) == ST_OK ? EX_OK : gw_cli_fail_api(cli, &err);
}

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
    return post(cli, buf_cstr(&path), message);
}

/* The verb for each message named; what fails does not keep the others from it. */
static int act(struct gw_cli *cli, const char *verb, int argc, char **argv)
{
    AUTO(json_drop) json_t *all = json_array();
    char form[CLI_TEXT_MAX];
    int rc, first = EX_OK;

    if (argc < 1) {
        (void)snprintf(form, sizeof form, "%s ID [ID ...] [--reason TEXT]", verb);
        return gw_cli_form(cli, form);
    }
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

int gw_cli_ack(struct gw_cli *cli, int argc, char **argv)
{
    return act(cli, "ack", argc, argv);
}

int gw_cli_retry(struct gw_cli *cli, int argc, char **argv)
{
    return act(cli, "retry", argc, argv);
}

int gw_cli_cancel(struct gw_cli *cli, int argc, char **argv)
{
    return act(cli, "cancel", argc, argv);
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
    if ((rc = post(cli, buf_cstr(&path), &answer)) != EX_OK)
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

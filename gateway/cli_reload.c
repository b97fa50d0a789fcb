/* New settings for the daemon, and whether it runs with them. */
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "gateway/cli.h"

enum { PATIENCE_S = 120, STEP_US = 200 * 1000 };

static const char *text_of(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));

    return text == NULL ? "" : text;
}

/* The status of the daemon that has begun anew; NULL: it did not. */
static json_t *begun_anew(struct gw_cli *cli, const char *started_at)
{
    for (long us = 0; us < PATIENCE_S * 1000000L; us += STEP_US) {
        json_t *status = NULL;
        struct error err = {0};

        (void)usleep(STEP_US);
        if (gw_api_get(cli->api, "/v1/status", &status, &err) != ST_OK)
            continue;
        if (strcmp(text_of(status, "started_at"), started_at) != 0)
            return status;
        json_decref(status);
    }
    return NULL;
}

int gw_cli_reload(struct gw_cli *cli, int argc, char **argv)
{
    AUTO(json_drop) json_t *before = NULL, *answer = NULL, *after = NULL;
    int rc;

    (void)argv;
    if (argc > 0)
        return gw_cli_form(cli, "reload");
    if ((rc = gw_cli_connect(cli)) != EX_OK ||
        (rc = gw_cli_get(cli, "/v1/status", &before)) != EX_OK ||
        (rc = gw_cli_post(cli, "/v1/reload", &answer)) != EX_OK)
        return rc;
    after = begun_anew(cli, text_of(before, "started_at"));
    if (after == NULL)
        return gw_cli_fail(cli, GW_R_CONFIG_NOT_SEEN, NULL, 0);
    if (strcmp(text_of(after, "settings"), text_of(answer, "settings")) != 0)
        return gw_cli_fail(cli, GW_R_CONFIG_FELL_BACK, NULL, 0);
    if (cli->opt.json)
        return gw_cli_json(cli, answer);
    (void)fputs(
        CLI_TEXT(cli, "Die neuen Einstellungen gelten.\n", "The new settings are in force.\n"),
        cli->io->out);
    return EX_OK;
}

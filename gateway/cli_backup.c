/* The verbs backup and restore. */
#include <limits.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "gateway/cli_view.h"
#include "gateway/message_json.h"
#include "gateway/store_backup.h"

static json_t *report_json(const char *dir, const struct gw_backup_report *report)
{
    json_t *json = json_object();

    gw_json_put(&json, "dir", gw_json_text(dir));
    gw_json_put(&json, "files", json_integer((json_int_t)report->files));
    gw_json_put(&json, "bytes", json_integer((json_int_t)report->bytes));
    gw_json_put(&json, "missing", json_integer((json_int_t)report->missing));
    return json;
}

static int report_print(struct gw_cli *cli, const json_t *json)
{
    char size[CLI_TEXT_MAX], files[CLI_TEXT_MAX];

    if (cli->opt.json)
        return gw_cli_json(cli, json);
    (void)snprintf(files, sizeof files, "%lld", (long long)cli_int(json, "files"));
    cli_pair(cli, CLI_TEXT(cli, "Sicherung", "backup"), cli_str(json, "dir"));
    cli_pair(cli, CLI_TEXT(cli, "Dateien", "files"), files);
    cli_pair(cli, CLI_TEXT(cli, "Größe", "size"), cli_size_text(cli, cli_int(json, "bytes"), size));
    if (cli_int(json, "missing") > 0) {
        (void)snprintf(files, sizeof files, "%lld", (long long)cli_int(json, "missing"));
        cli_pair(cli, CLI_TEXT(cli, "beschädigt", "damaged"), files);
    }
    return EX_OK;
}

/* What came of verify or restore; 0 or the exit code. */
static int told(struct gw_cli *cli, const char *path, enum status st, const struct error *err)
{
    const struct gw_explain_field fields[] = {{"path", path}, {"detail", err->text}};

    if (st == ST_OK)
        return EX_OK;
    (void)gw_cli_fail(cli, GW_R_BACKUP_UNUSABLE, fields, ARRAY_LEN(fields));
    return st == ST_NOT_FOUND ? EX_NOINPUT : st == ST_DUPLICATE ? EX_CANTCREAT : EX_DATAERR;
}

static int verify(struct gw_cli *cli, const char *dir)
{
    struct gw_backup_report report = {0};
    AUTO(json_drop) json_t *json = NULL;
    struct error err = {0};
    int rc = told(cli, dir, gw_backup_verify(dir, &report, &err), &err);

    if (rc != EX_OK)
        return rc;
    json = report_json(dir, &report);
    return report_print(cli, json);
}

int gw_cli_backup(struct gw_cli *cli, int argc, char **argv)
{
    AUTO(buf_deinit) struct buf path = {0};
    AUTO(json_drop) json_t *answer = NULL;
    char cwd[PATH_MAX];
    int rc;

    if (argc != 1)
        return gw_cli_form(cli, "backup [--verify] DIR");
    if (cli->opt.verify)
        return verify(cli, argv[0]);
    buf_init(&path, 4 * PATH_MAX);
    buf_str(&path, "/v1/backup?dir=");
    if (argv[0][0] != '/' && getcwd(cwd, sizeof cwd) != NULL) { /* the daemon is elsewhere */
        gw_api_query(&path, cwd);
        gw_api_query(&path, "/");
    }
    gw_api_query(&path, argv[0]);
    if ((rc = gw_cli_connect(cli)) != EX_OK ||
        (rc = gw_cli_post(cli, buf_cstr(&path), &answer)) != EX_OK)
        return rc;
    return report_print(cli, answer);
}

int gw_cli_restore(struct gw_cli *cli, int argc, char **argv)
{
    struct gw_backup_report report = {0};
    AUTO(json_drop) json_t *json = NULL;
    char number[CLI_TEXT_MAX];
    struct error err = {0};
    int rc;

    if (argc != 1 || cli->opt.state == NULL)
        return gw_cli_form(cli, "restore DIR --state STATE");
    rc = told(cli, argv[0], gw_backup_restore(argv[0], cli->opt.state, cli->io->now, &report, &err),
              &err);
    if (rc != EX_OK)
        return rc;
    json = report_json(argv[0], &report);
    gw_json_put(&json, "state", gw_json_text(cli->opt.state));
    gw_json_put(&json, "unclear", json_integer((json_int_t)report.unclear));
    gw_json_put(&json, "held", json_integer((json_int_t)report.held));
    rc = report_print(cli, json);
    if (rc != EX_OK || cli->opt.json)
        return rc;
    (void)snprintf(number, sizeof number, "%llu", (unsigned long long)report.unclear);
    cli_pair(cli, CLI_TEXT(cli, "ungeklärt", "unclear"), number);
    (void)snprintf(number, sizeof number, "%llu", (unsigned long long)report.held);
    cli_pair(cli, CLI_TEXT(cli, "angehalten", "held"), number);
    return EX_OK;
}

/* The verbs that need no daemon: init, which writes a starter or a demo, and check-config. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "gateway/cli_demo.h"
#include "gateway/config_schema.h"
#include "gateway/message_json.h"

int gw_cli_check_config(struct gw_cli *cli, int argc, char **argv)
{
    AUTO(gw_config_report_deinit) struct gw_config_report report = {0};
    AUTO(gw_config_drop) const struct gw_config *config = NULL;
    AUTO(buf_deinit) struct buf text = {0};
    AUTO(json_drop) json_t *json = NULL;
    const char *path = argc > 0 ? argv[0] : cli->opt.config;
    struct error err = {0};
    enum status st;

    gw_config_report_init(&report);
    buf_init(&text, 1024 * 1024);
    if (argc > 1 || path == NULL)
        return gw_cli_form(cli, "check-config FILE");
    st = gw_config_load(path, &config, &report, &err);
    if (cli->opt.json) {
        json = json_array();
        for (size_t i = 0; i < report.count; i++) {
            const struct gw_config_finding *f = &report.findings[i];

            (void)json_array_append_new(
                json, json_pack("{s:s, s:i, s:o, s:b, s:s, s:s, s:s, s:s}", "file", f->file, "line",
                                f->line, "code", gw_json_code(f->code), "warning", f->warning, "en",
                                f->en, "de", f->de, "action_en", f->action_en, "action_de",
                                f->action_de));
        }
        (void)gw_cli_json(cli, json);
    } else {
        gw_config_report_text(&report, cli->lang, &text);
        if (st == ST_OK)
            buf_printf(&text, CLI_TEXT(cli, "%s ist in Ordnung\n", "%s is all right\n"), path);
        (void)fputs(buf_cstr(&text), st == ST_OK ? cli->io->out : cli->io->err);
    }
    return st == ST_OK ? EX_OK : err.reason == GW_R_CONFIG_UNREADABLE ? EX_NOINPUT : EX_CONFIG;
}

/* A line "@ key.path" becomes a comment with that setting's sentence, "@@ de | en" one of the two.
 */
static const char starter[] =
    "@@ Einstellungen von depesched; alle Schlüssel nennt depesche.yaml(5). | Settings of "
    "depesched; depesche.yaml(5) lists all keys.\n"
    "@@ Prüfen: depesche check-config DATEI | Check them with: depesche check-config FILE\n"
    "\n"
    "@ state\n"
    "state: /var/lib/depesche\n"
    "\n"
    "@ tenant\n"
    "tenant:\n"
    "  name: Stadt Ahausen\n"
    "  identity:\n"
    "@ tenant.identity.signature\n"
    "    signature: {certificate: signature.pem, key: signature.key}\n"
    "@ tenant.identity.cipher\n"
    "    cipher: {pkcs12: cipher.p12, passphrase_file: cipher.pass}\n"
    "\n"
    "@ trust\n"
    "trust:\n"
    "@ trust.osci\n"
    "  osci: [ca.pem]\n"
    "@ trust.tls\n"
    "  tls: []\n"
    "\n"
    "@ intermediaries\n"
    "intermediaries:\n"
    "  - name: landesnetz\n"
    "    url: https://osci.example/osci\n"
    "    cipher_certificate: landesnetz-cipher.pem\n"
    "@ intermediaries.poll_seconds\n"
    "    poll_seconds: 60\n"
    "\n"
    "@ partners\n"
    "partners:\n"
    "  - name: Stadt Beheim\n"
    "    intermediary: landesnetz\n"
    "    cipher_certificate: beheim-cipher.pem\n"
    "@ partners.addresses\n"
    "    addresses: [09999012-BAUAMT-80]\n"
    "\n"
    "@ endpoints\n"
    "endpoints:\n"
    "  - name: rechnung\n"
    "    folder: /var/spool/depesche/rechnung\n"
    "@ endpoints.complete\n"
    "    complete: rename\n"
    "@ endpoints.receives\n"
    "    receives: {default: true}\n"
    "@ endpoints.routes\n"
    "    routes:\n"
    "      - {files: \"*.xml\", xpath: \"//*[local-name()='BuyerReference']\"}\n"
    "      - {partner: Stadt Beheim}\n";

static const struct gw_config_row *row_of(struct span path)
{
    const struct gw_config_table *table = &gw_config_schema;
    const struct gw_config_row *found = NULL;
    struct span key;

    while (span_split(&path, '.', &key)) {
        found = NULL;
        for (size_t i = 0; table != NULL && i < table->count; i++)
            if (span_is(key, table->rows[i].key))
                found = &table->rows[i];
        if (found == NULL)
            return NULL;
        table = found->sub;
    }
    return found;
}

static void starter_comment(struct buf *b, struct span path, enum gw_lang lang)
{
    const struct gw_config_row *row = row_of(path);

    if (row == NULL)
        return;
    buf_printf(b, "# %.*s: %s (", SPAN_FMT(path), lang == GW_LANG_DE ? row->de : row->en);
    gw_config_doc_kind(b, row, lang);
    buf_str(b, ")\n");
}

void gw_cli_starter(struct buf *b, enum gw_lang lang)
{
    struct span rest = SPAN(starter), line;

    while (span_split(&rest, '\n', &line)) {
        size_t bar = span_find(line, SPAN(" | "));

        if (span_starts(line, SPAN("@@ "))) {
            buf_str(b, "# ");
            buf_add(b, lang == GW_LANG_DE ? span_sub(line, 3, bar - 3) : span_from(line, bar + 3));
            buf_char(b, '\n');
        } else if (span_starts(line, SPAN("@ "))) {
            starter_comment(b, span_from(line, 2), lang);
        } else if (line.len > 0 || rest.ptr != NULL) {
            buf_add(b, line);
            if (rest.ptr != NULL)
                buf_char(b, '\n');
        }
    }
}

static int path_fail(struct gw_cli *cli, int code, const char *path)
{
    const struct gw_explain_field fields[] = {{"path", path}, {"detail", strerror(errno)}};

    return gw_cli_fail(cli, code, fields, ARRAY_LEN(fields));
}

int gw_cli_folder_make(struct gw_cli *cli, const char *path, unsigned mode)
{
    return mkdir(path, (mode_t)mode) == 0 || errno == EEXIST ? EX_OK
                                                             : path_fail(cli, GW_R_CLI_FILE, path);
}

int gw_cli_file_write(struct gw_cli *cli, const char *path, unsigned mode, struct span text)
{
    AUTO(fd_drop)
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, (mode_t)mode);
    size_t done = 0;

    if (fd < 0)
        return path_fail(cli, errno == EEXIST ? GW_R_CLI_EXISTS : GW_R_CLI_FILE, path);
    while (done < text.len) {
        ssize_t n = write(fd, text.ptr + done, text.len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return path_fail(cli, GW_R_CLI_FILE, path);
        done += (size_t)n;
    }
    return fsync(fd) == 0 ? EX_OK : path_fail(cli, GW_R_CLI_FILE, path);
}

int gw_cli_init(struct gw_cli *cli, int argc, char **argv)
{
    AUTO(buf_deinit) struct buf text = {0};
    char path[PATH_MAX];
    uint64_t port = 9440;
    int rc;

    buf_init(&text, 64 * 1024);
    if (argc != 1)
        return gw_cli_form(cli, "init [--demo] DIR");
    if (cli->opt.ports != NULL &&
        (!span_to_u64(span_str(cli->opt.ports), &port) || port < 1 || port > 65530))
        return gw_cli_form(cli, "init --ports 1...65530 DIR");
    if ((rc = gw_cli_folder_make(cli, argv[0], 0755)) != EX_OK)
        return rc;
    if (cli->opt.demo)
        return gw_cli_demo(cli, argv[0], (unsigned)port);
    gw_cli_starter(&text, cli->lang);
    (void)snprintf(path, sizeof path, "%s/depesche.yaml", argv[0]);
    if ((rc = gw_cli_file_write(cli, path, 0640, buf_span(&text))) != EX_OK)
        return rc;
    (void)fprintf(cli->io->out,
                  CLI_TEXT(cli, "%s ist angelegt; anpassen und mit depesche check-config prüfen\n",
                           "%s is written; adapt it and check it with depesche check-config\n"),
                  path);
    return EX_OK;
}

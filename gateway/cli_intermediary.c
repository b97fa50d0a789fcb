#define _GNU_SOURCE 1 /* strcasestr */
/* The verbs for whoever runs an intermediary: mailboxes, intermediary describe. */
#include <string.h>
#include <sysexits.h>

#include "gateway/cli_view.h"

/* ---- mailboxes ---- */

/* Whose it is, as well as we know. */
static const char *owner_of(const json_t *mailbox)
{
    const char *name = cli_str(mailbox, "name"), *subject = cli_str(mailbox, "subject");

    return name[0] != '\0' ? name : subject[0] != '\0' ? subject : cli_str(mailbox, "certificate");
}

static bool holds(const json_t *object, const char *key, const char *text)
{
    return strcasestr(cli_str(object, key), text) != NULL;
}

/* Those where text is part of tenant, name, subject or certificate; all of them for NULL. */
static json_t *mailboxes_filter(const json_t *all, const char *text)
{
    json_t *some = json_array();

    for (size_t i = 0; i < json_array_size(all); i++) {
        json_t *m = json_array_get(all, i);

        if (text == NULL || holds(m, "tenant", text) || holds(m, "name", text) ||
            holds(m, "subject", text) || holds(m, "certificate", text))
            (void)json_array_append(some, m);
    }
    return some;
}

/* What waits longer than this is worth a look. */
enum { OLD_MS = 7 * 24 * 3600 * 1000 };

static void mailbox_row(struct gw_cli *cli, struct cli_table *t, const json_t *m, bool tenants)
{
    int64_t oldest = cli_time(m, "oldest_waiting_at");
    char text[CLI_TEXT_MAX];

    cli_row(t);
    if (tenants)
        cli_cell(t, cli_str(m, "tenant"), NULL);
    cli_cell(t, owner_of(m), NULL);
    (void)snprintf(text, sizeof text, "%lld", (long long)cli_int(m, "waiting"));
    cli_cell(t, text, NULL);
    cli_cell(t, cli_size_text(cli, cli_int(m, "waiting_bytes"), text), NULL);
    (void)snprintf(text, sizeof text, "%lld", (long long)cli_int(m, "kept"));
    cli_cell(t, text, NULL);
    cli_cell(t, cli_size_text(cli, cli_int(m, "kept_bytes"), text), NULL);
    cli_cell(t, cli_time_text(cli, oldest, false, text),
             oldest != 0 && oldest + OLD_MS < cli->io->now ? "yellow" : NULL);
    cli_cell(t, cli_time_text(cli, cli_time(m, "last_fetched_at"), false, text), NULL);
    cli_cell(t, cli_id_text(cli_str(m, "certificate")), NULL);
}

static int mailboxes_print(struct gw_cli *cli, const json_t *all)
{
    static const struct cli_column columns[] = {
        {"Mandant", "tenant", false, true},
        {"Besitzer", "owner", false, true},
        {"warten", "waiting", true, false},
        {"Größe", "size", true, false},
        {"liegen", "kept", true, false},
        {"Größe", "size", true, false},
        {"älteste", "oldest", false, false},
        {"zuletzt abgeholt", "last fetched", false, false},
        {"Zertifikat", "certificate", false, false},
    };
    AUTO(cli_table_drop) struct cli_table *t = NULL;
    bool tenants = false;

    for (size_t i = 0; i < json_array_size(all); i++)
        tenants = tenants || cli_str(json_array_get(all, i), "tenant")[0] != '\0';
    t = cli_table_new(cli, columns + !tenants, ARRAY_LEN(columns) - !tenants);
    if (t == NULL)
        return gw_cli_fail(cli, GW_R_MEMORY, NULL, 0);
    for (size_t i = 0; i < json_array_size(all); i++)
        mailbox_row(cli, t, json_array_get(all, i), tenants);
    return cli_table_print(t);
}

int gw_cli_mailboxes(struct gw_cli *cli, int argc, char **argv)
{
    AUTO(json_drop) json_t *answer = NULL, *some = NULL;
    int rc;

    if (argc > 1)
        return gw_cli_form(cli, "mailboxes [TEXT]");
    if ((rc = gw_cli_connect(cli)) != EX_OK ||
        (rc = gw_cli_get(cli, "/v1/mailboxes", &answer)) != EX_OK)
        return rc;
    some = mailboxes_filter(json_object_get(answer, "mailboxes"), argc == 1 ? argv[0] : NULL);
    if (cli->opt.json)
        return gw_cli_json(cli, some);
    if (json_array_size(some) == 0) {
        (void)fprintf(cli->io->out, "%s\n", CLI_TEXT(cli, "keine Postfächer", "no mailboxes"));
        return EX_OK;
    }
    return mailboxes_print(cli, some);
}

/* ---- intermediary describe ---- */

/* "AB:CD:..." as certificate viewers and forms write it. */
static void fingerprint_pair(struct gw_cli *cli, const char *name, const char *hex)
{
    AUTO(buf_deinit) struct buf b = {0};

    buf_init(&b, 1024);
    for (size_t i = 0; hex[i] != '\0'; i++) {
        if (i > 0 && i % 2 == 0)
            buf_char(&b, ':');
        buf_char(&b, hex[i] >= 'a' && hex[i] <= 'f' ? (char)(hex[i] - 'a' + 'A') : hex[i]);
    }
    cli_pair(cli, name, buf_cstr(&b));
}

static void certificate_print(struct gw_cli *cli, const char *title, const json_t *cert, bool pem)
{
    int64_t until = cli_time(cert, "not_after");
    AUTO(buf_deinit) struct buf b = {0};
    char from[CLI_TEXT_MAX], to[CLI_TEXT_MAX];

    buf_init(&b, 1024);
    (void)fprintf(cli->io->out, "\n%s\n", title);
    cli_pair(cli, CLI_TEXT(cli, "Inhaber", "subject"), cli_str(cert, "subject"));
    cli_pair(cli, CLI_TEXT(cli, "Aussteller", "issuer"), cli_str(cert, "issuer"));
    cli_pair(cli, CLI_TEXT(cli, "Seriennummer", "serial"), cli_str(cert, "serial"));
    cli_pair(cli, CLI_TEXT(cli, "Schlüssel", "key"), cli_str(cert, "key"));
    buf_printf(&b, CLI_TEXT(cli, "%s bis %s%s", "%s to %s%s"),
               cli_time_text(cli, cli_time(cert, "not_before"), true, from),
               cli_time_text(cli, until, true, to),
               until < cli->io->now ? CLI_TEXT(cli, " (abgelaufen)", " (expired)") : "");
    cli_pair(cli, CLI_TEXT(cli, "gültig", "valid"), buf_cstr(&b));
    fingerprint_pair(cli, "SHA-256", cli_str(cert, "sha256"));
    fingerprint_pair(cli, "SHA-1", cli_str(cert, "sha1"));
    if (pem) /* base64 of our own making */
        (void)fputs(cli_str(cert, "pem"), cli->io->out);
}

static void features_print(struct gw_cli *cli, const json_t *all)
{
    AUTO(buf_deinit) struct buf b = {0};

    buf_init(&b, 4096);
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *f = json_array_get(all, i);

        buf_printf(&b, "%s%s %s", i == 0 ? "" : ", ", cli_str(f, "key"), cli_str(f, "version"));
    }
    cli_pair(cli, CLI_TEXT(cli, "Merkmale", "features"), buf_cstr(&b));
}

static void bounds_print(struct gw_cli *cli, const json_t *im)
{
    static const char *const rows[][3] = {
        {"max_message_kb", "größte Nachricht", "largest message"},
        {"min_chunk_kb", "kleinstes Paket", "smallest chunk"},
        {"max_chunk_kb", "größtes Paket", "largest chunk"},
        {"max_chunked_message_kb", "in Paketen bis", "in chunks up to"},
    };
    char text[CLI_TEXT_MAX];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t kb = cli_int(im, rows[i][0]);

        (void)snprintf(text, sizeof text, "%lld KB", (long long)kb);
        if (kb > 0)
            cli_pair(cli, CLI_TEXT(cli, rows[i][1], rows[i][2]), text);
    }
}

static void intermediary_print(struct gw_cli *cli, const json_t *im)
{
    const json_t *urls = json_object_get(im, "urls"),
                 *older = json_object_get(im, "older_cipher_certificates");
    bool set = json_is_true(json_object_get(im, "url_is_set"));

    cli_pair(cli, CLI_TEXT(cli, "Mandant", "tenant"), cli_str(im, "tenant"));
    for (size_t i = 0; i < json_array_size(urls); i++)
        cli_pair(cli, "URL", json_string_value(json_array_get(urls, i)));
    if (!set)
        cli_pair(
            cli, CLI_TEXT(cli, "Hinweis", "note"),
            CLI_TEXT(cli,
                     "So wird gelauscht. Erreichen andere Sie unter einer anderen "
                     "Adresse, gehört sie als osci_server.url in die Konfiguration.",
                     "This is where it listens. If others reach you by another URL, it belongs "
                     "into the settings as osci_server.url."));
    cli_pair(cli, "OSCI", cli_str(im, "osci_version"));
    features_print(cli, json_object_get(im, "features"));
    bounds_print(cli, im);
    cli_pair(cli, CLI_TEXT(cli, "Aufträge", "orders"),
             json_is_true(json_object_get(im, "signature_required"))
                 ? CLI_TEXT(cli, "verschlüsselt und unterschrieben", "encrypted and signed")
                 : CLI_TEXT(cli, "verschlüsselt", "encrypted"));
    cli_pair(cli, CLI_TEXT(cli, "Postfächer", "mailboxes"),
             json_is_true(json_object_get(im, "self_registering"))
                 ? CLI_TEXT(cli, "für jeden mit vertrautem Zertifikat",
                            "for whoever has a believed certificate")
                 : CLI_TEXT(cli, "nur für eingetragene Besitzer", "for configured owners only"));
    certificate_print(cli, CLI_TEXT(cli, "Verschlüsselungszertifikat", "Cipher certificate"),
                      json_object_get(im, "cipher_certificate"), true);
    certificate_print(cli, CLI_TEXT(cli, "Signaturzertifikat", "Signature certificate"),
                      json_object_get(im, "signature_certificate"), true);
    for (size_t i = 0; i < json_array_size(older); i++)
        certificate_print(cli,
                          CLI_TEXT(cli, "Früheres Verschlüsselungszertifikat, noch geöffnet",
                                   "Earlier cipher certificate, still opened"),
                          json_array_get(older, i), false);
}

int gw_cli_intermediary(struct gw_cli *cli, int argc, char **argv)
{
    AUTO(json_drop) json_t *answer = NULL;
    const json_t *all;
    int rc;

    if (argc != 1 || strcmp(argv[0], "describe") != 0)
        return gw_cli_form(cli, "intermediary describe");
    if ((rc = gw_cli_connect(cli)) != EX_OK ||
        (rc = gw_cli_get(cli, "/v1/intermediary", &answer)) != EX_OK)
        return rc;
    all = json_object_get(answer, "intermediaries");
    if (cli->opt.json)
        return gw_cli_json(cli, all);
    for (size_t i = 0; i < json_array_size(all); i++) {
        if (i > 0)
            (void)fputs("\n----\n\n", cli->io->out);
        intermediary_print(cli, json_array_get(all, i));
    }
    return EX_OK;
}

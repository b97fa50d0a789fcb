/* The verbs that ask for messages: list, show, events, status, send. */
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "gateway/cli_view.h"
#include "gateway/files.h"
#include "gateway/receipt_text.h"

enum { PAGE = 1000, RESOLVE_PAGES = 20, QUIET_MS = 2000 };

static void query_add(struct buf *b, const char *name, const char *value)
{
    if (value == NULL)
        return;
    buf_printf(b, "&%s=", name);
    gw_api_query(b, value);
}

int gw_cli_messages(struct gw_cli *cli, const char *box, bool overdue, size_t limit, json_t **all)
{
    AUTO(json_drop) json_t *list = json_array();
    AUTO(buf_deinit) struct buf cursor = {0};

    buf_init(&cursor, 4096);
    while (json_array_size(list) < limit) {
        AUTO(buf_deinit) struct buf path = {0};
        AUTO(json_drop) json_t *page = NULL;
        size_t left = limit - json_array_size(list);
        const char *next;
        int rc;

        buf_init(&path, 16384);
        buf_printf(&path, "/v1/messages?limit=%zu", left < PAGE ? left : PAGE);
        query_add(&path, "box", box);
        query_add(&path, "overdue", overdue ? "true" : NULL);
        query_add(&path, "state", cli->opt.state);
        query_add(&path, "endpoint", cli->opt.endpoint);
        query_add(&path, "since", cli->opt.since);
        query_add(&path, "cursor", cursor.len == 0 ? NULL : buf_cstr(&cursor));
        rc = gw_cli_get(cli, buf_cstr(&path), &page);
        if (rc != EX_OK)
            return rc;
        if (json_array_extend(list, json_object_get(page, "messages")) != 0)
            return gw_cli_fail(cli, GW_R_API_ANSWER, NULL, 0);
        next = json_string_value(json_object_get(page, "next"));
        if (next == NULL) /* a page without messages only says how far the daemon has looked */
            break;
        buf_reset(&cursor);
        buf_str(&cursor, next);
    }
    *all = TAKE(list);
    return EX_OK;
}

/* The id without its hyphens, for comparing what people type. */
static void bare_id(const char *id, char *bare, size_t cap)
{
    size_t n = 0;

    for (const char *c = id; *c != '\0' && n + 1 < cap; c++)
        if (*c != '-')
            bare[n++] = *c >= 'A' && *c <= 'F' ? (char)(*c - 'A' + 'a') : *c;
    bare[n] = '\0';
}

int gw_cli_id(struct gw_cli *cli, const char *given, char id[static CLI_TEXT_MAX])
{
    AUTO(json_drop) json_t *all = NULL;
    char want[CLI_TEXT_MAX], have[CLI_TEXT_MAX], count[24];
    const struct gw_explain_field fields[] = {{"id", given}, {"count", count}};
    size_t ends = 0, begins = 0, len;
    int rc;

    bare_id(given, want, sizeof want);
    len = strlen(want);
    if (len < 4 || len > 32 || strspn(want, "0123456789abcdef") != len)
        return gw_cli_fail(cli, GW_R_MESSAGE_UNKNOWN, fields, 1);
    if (len == 32) {
        (void)snprintf(id, CLI_TEXT_MAX, "%.8s-%.4s-%.4s-%.4s-%.12s", want, want + 8, want + 12,
                       want + 16, want + 20);
        return EX_OK;
    }
    rc = gw_cli_messages(cli, NULL, false, PAGE * RESOLVE_PAGES, &all);
    if (rc != EX_OK)
        return rc;
    for (size_t i = 0; i < json_array_size(all); i++) {
        const char *whole = cli_str(json_array_get(all, i), "id");
        bool end;

        bare_id(whole, have, sizeof have);
        end = strlen(have) == 32 && strcmp(have + 32 - len, want) == 0;
        if (!end && (ends > 0 || strncmp(have, want, len) != 0))
            continue;
        if (end)
            ends++;
        else
            begins++;
        (void)snprintf(id, CLI_TEXT_MAX, "%s", whole);
    }
    (void)snprintf(count, sizeof count, "%zu", ends > 0 ? ends : begins);
    if (ends > 1 || (ends == 0 && begins > 1))
        return gw_cli_fail(cli, GW_R_ID_AMBIGUOUS, fields, ARRAY_LEN(fields));
    return ends + begins == 0 ? gw_cli_fail(cli, GW_R_MESSAGE_UNKNOWN, fields, 1) : EX_OK;
}

int cli_messages_print(struct gw_cli *cli, const json_t *all)
{
    static const struct cli_column columns[] = {
        {"Nummer", "id", false, false},         {"Richtung", "box", false, false},
        {"Zustand", "state", false, false},     {"angelegt", "created", false, false},
        {"Verfahren", "endpoint", false, true}, {"Partner", "partner", false, true},
        {"Größe", "size", true, false},         {"Bezeichnung", "name", false, true},
    };
    AUTO(cli_table_drop) struct cli_table *t = cli_table_new(cli, columns, ARRAY_LEN(columns));
    char text[CLI_TEXT_MAX];

    if (t == NULL)
        return gw_cli_fail(cli, GW_R_MEMORY, NULL, 0);
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *m = json_array_get(all, i);
        bool out = strcmp(cli_str(m, "box"), "outbox") == 0;
        const char *state = cli_str(m, "state");

        cli_row(t);
        cli_cell(t, cli_id_text(cli_str(m, "id")), NULL);
        cli_cell(t, out ? CLI_TEXT(cli, "hinaus", "out") : CLI_TEXT(cli, "herein", "in"), NULL);
        cli_cell(t, cli_state_text(cli, state), cli_state_color(state));
        cli_cell(t, cli_time_text(cli, cli_time(m, "created_at"), false, text), NULL);
        cli_cell(t, cli_str(m, "endpoint"), NULL);
        cli_cell(t, cli_str(m, out ? "recipient" : "sender"), NULL);
        cli_cell(t, cli_size_text(cli, cli_int(m, "size"), text), NULL);
        cli_cell(t, cli_message_name(m), NULL);
    }
    return cli_table_print(t);
}

int gw_cli_list(struct gw_cli *cli, int argc, char **argv)
{
    AUTO(json_drop) json_t *all = NULL;
    const char *box = argc > 0 ? argv[0] : NULL;
    size_t limit = cli_limit(cli);
    int rc;

    if (limit == 0)
        return EX_USAGE;
    if (argc > 1 || (box != NULL && strcmp(box, "outbox") != 0 && strcmp(box, "inbox") != 0))
        return gw_cli_form(cli, "list [outbox|inbox]");
    if ((rc = gw_cli_connect(cli)) != EX_OK ||
        (rc = gw_cli_messages(cli, box, false, limit, &all)) != EX_OK)
        return rc;
    if (cli->opt.json)
        return gw_cli_json(cli, all);
    return json_array_size(all) == 0 ? cli_nothing(cli) : cli_messages_print(cli, all);
}

static const char *finding_color(const char *word)
{
    static const char *const bad[] = {"corrupted", "invalid", "revoked", NULL};

    return word[0] == '\0'                      ? NULL
           : cli_is_one_of(word, bad)           ? "red"
           : strcmp(word, "indeterminate") == 0 ? "yellow"
                                                : "green";
}

static void inspection_row(struct gw_cli *cli, struct cli_table *t, const json_t *in)
{
    static const char *const checks[] = {"math", "offline", "online"};
    char text[CLI_TEXT_MAX];

    cli_row(t);
    cli_cell(t, cli_str(in, "subject"), NULL);
    cli_cell(t, cli_str(in, "issuer"), NULL);
    cli_cell(t, cli_str(in, "serial"), NULL);
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        const char *word = cli_str(in, checks[i]);

        cli_cell(t,
                 word[0] == '\0' ? CLI_TEXT(cli, "nicht geprüft", "not checked")
                                 : gw_finding_text(word, cli->lang),
                 finding_color(word));
    }
    cli_cell(t, cli_time_text(cli, cli_time(in, "at"), true, text), NULL);
}

/* How the intermediary found the certificates of the delivery: one line each. */
static void show_inspections(struct gw_cli *cli, const json_t *receipt)
{
    static const struct cli_column columns[] = {
        {"Zertifikat", "certificate", false, true}, {"Aussteller", "issuer", false, true},
        {"Seriennummer", "serial", false, true},    {"Unterschrift", "signature", false, false},
        {"Gültigkeit", "validity", false, false},   {"Sperrung", "revocation", false, false},
        {"geprüft", "checked", false, false},
    };
    const json_t *all = json_object_get(receipt, "inspections");
    AUTO(cli_table_drop) struct cli_table *t = NULL;

    if (json_array_size(all) == 0)
        return;
    t = cli_table_new(cli, columns, ARRAY_LEN(columns));
    if (t == NULL)
        return;
    for (size_t i = 0; i < json_array_size(all); i++)
        inspection_row(cli, t, json_array_get(all, i));
    (void)fputc('\n', cli->io->out);
    (void)cli_table_print(t);
}

/* What a file is for; other kinds are shown by their names. */
static const char *kind_text(const struct gw_cli *cli, const char *name)
{
    static const struct gw_word words[] = {
        {"payload", "Inhalt", "payload"},
        {"sealed", "versiegelt", "sealed"},
        {"attachment", "Anlage", "attachment"},
        {"evidence", "Nachweis", "evidence"},
        {"verification", "Prüfung", "verification"},
        {"received", "wie empfangen", "received"},
        {"header", "Kopf", "header"},
        {"frame", "Rahmen", "frame"},
        {"chunk", "Teil", "chunk"},
    };

    return gw_word_text(words, ARRAY_LEN(words), name, cli->lang, name);
}

static void show_files(struct gw_cli *cli, const json_t *m)
{
    const json_t *all = json_object_get(m, "files");
    char size[CLI_TEXT_MAX];

    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *f = json_array_get(all, i);
        AUTO(buf_deinit) struct buf b = {0};

        buf_init(&b, 4096);
        buf_printf(&b, "%lld  %s  %s  %s", (long long)cli_int(f, "n"),
                   cli_size_text(cli, cli_int(f, "size"), size), cli_str(f, "name"),
                   kind_text(cli, cli_str(f, "kind")));
        cli_pair(cli, CLI_TEXT(cli, "Datei", "file"), buf_cstr(&b));
    }
}

static void show_times(struct gw_cli *cli, const json_t *object, size_t count,
                       const char *const rows[][3])
{
    char text[CLI_TEXT_MAX];

    for (size_t i = 0; i < count; i++)
        cli_pair(cli, CLI_TEXT(cli, rows[i][1], rows[i][2]),
                 cli_time_text(cli, cli_time(object, rows[i][0]), true, text));
}

/* Base64 on the wire; as text where it is one, as that is how others log it. */
static void show_message_id(struct gw_cli *cli, const char *id)
{
    AUTO(buf_deinit) struct buf text = {0};
    struct error err = {0};
    bool readable;

    buf_init(&text, 4096);
    readable = buf_base64_decode(&text, span_str(id), &err) == ST_OK && text.len > 0 &&
               gw_name_is_printable(buf_span(&text));
    cli_pair(cli, CLI_TEXT(cli, "OSCI-MessageId", "OSCI MessageId"),
             readable ? buf_cstr(&text) : id);
}

static void show_xta(struct gw_cli *cli, const json_t *xta)
{
    static const char *const texts[][3] = {
        {"id", "XTA-Id", "XTA id"},
        {"author", "Autor", "author"},
        {"reader", "Leser", "reader"},
        {"service", "Dienst", "service"},
        {"account", "XTA-Konto", "XTA account"},
        {"twin", "im Haus", "in this house"},
    };
    static const char *const times[][3] = {
        {"not_before", "nicht vor", "not before"},
        {"delivery", "zugestellt", "delivery"},
        {"initial_fetch", "zuerst geholt", "initial fetch"},
        {"reception", "quittiert", "reception"},
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        cli_pair(cli, CLI_TEXT(cli, texts[i][1], texts[i][2]), cli_str(xta, texts[i][0]));
    show_times(cli, xta, ARRAY_LEN(times), times);
}

void cli_message_print(struct gw_cli *cli, const json_t *m)
{
    static const char *const texts[][3] = {
        {"endpoint", "Verfahren", "endpoint"},   {"sender", "Absender", "sender"},
        {"recipient", "Empfänger", "recipient"}, {"message_type", "Typ", "type"},
        {"subject", "Betreff", "subject"},       {"source_name", "Datei von", "came from"},
        {"delivery", "Weg", "delivery"},         {"correlation", "gehört zu", "belongs to"},
        {"answer", "Antwort", "answer"},         {"route", "Route", "route"},
    };
    static const char *const own_times[][3] = {
        {"created_at", "angelegt", "created"},
        {"changed_at", "geändert", "changed"},
        {"next_attempt_at", "nächster Versuch", "next attempt"},
        {"expires_at", "läuft ab", "expires"},
        {"answer_due_at", "Antwort bis", "answer due"},
    };
    static const char *const card_times[][3] = {
        {"creation", "eingeliefert", "at intermediary"},
        {"forwarding", "weitergeleitet", "forwarded"},
        {"reception", "abgeholt", "fetched"},
    };
    const json_t *receipt = json_object_get(m, "receipt");
    const json_t *trouble = json_object_get(m, "last_error");
    const char *shown = cli_str(trouble, "code");
    int code = GW_R_UNKNOWN;
    AUTO(buf_deinit) struct buf b = {0};
    char text[CLI_TEXT_MAX];

    cli_pair(cli, CLI_TEXT(cli, "Nummer", "id"), cli_str(m, "id"));
    cli_pair(cli, CLI_TEXT(cli, "Zustand", "state"), cli_state_text(cli, cli_str(m, "state")));
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        cli_pair(cli, CLI_TEXT(cli, texts[i][1], texts[i][2]), cli_str(m, texts[i][0]));
    show_message_id(cli, cli_str(m, "osci_message_id"));
    show_xta(cli, json_object_get(m, "xta"));
    cli_pair(cli, CLI_TEXT(cli, "Größe", "size"), cli_size_text(cli, cli_int(m, "size"), text));
    show_files(cli, m);
    show_times(cli, m, ARRAY_LEN(own_times), own_times);
    show_times(cli, receipt, ARRAY_LEN(card_times), card_times);
    show_inspections(cli, receipt);
    if (!json_is_object(trouble))
        return;
    buf_init(&b, 4096);
    (void)gw_explain_code_read(shown, &code);
    buf_printf(&b, "%s (%s)", cli_error_text(cli, m), shown);
    cli_pair(cli, CLI_TEXT(cli, "Fehler", "error"), buf_cstr(&b));
    cli_pair(cli, CLI_TEXT(cli, "Zuständig", "who acts"),
             gw_side_text(gw_explain_find(code)->side, cli->lang));
    buf_reset(&b);
    gw_explain_action(&b, code, cli->lang, NULL, 0);
    if (strchr(buf_cstr(&b), '?') == NULL) /* advice with holes is none */
        cli_pair(cli, CLI_TEXT(cli, "Was tun", "what to do"), buf_cstr(&b));
}

int gw_cli_show(struct gw_cli *cli, int argc, char **argv)
{
    AUTO(json_drop) json_t *m = NULL;
    char id[CLI_TEXT_MAX], path[128];
    int rc;

    if (argc != 1)
        return gw_cli_form(cli, "show ID");
    if ((rc = gw_cli_connect(cli)) != EX_OK || (rc = gw_cli_id(cli, argv[0], id)) != EX_OK)
        return rc;
    (void)snprintf(path, sizeof path, "/v1/messages/%s", id);
    if ((rc = gw_cli_get(cli, path, &m)) != EX_OK)
        return rc;
    if (cli->opt.json)
        return gw_cli_json(cli, m);
    cli_message_print(cli, m);
    return EX_OK;
}

int cli_events_print(struct gw_cli *cli, const json_t *all)
{
    static const struct cli_column columns[] = {
        {"Nr.", "seq", true, false},
        {"Zeit", "time", false, false},
        {"Nachricht", "id", false, false},
        {"Ereignis", "event", false, false},
        {"Zustand", "state", false, false},
        {"durch", "by", false, true},
        {"Erläuterung", "explanation", false, true},
    };
    AUTO(cli_table_drop) struct cli_table *t = NULL;
    char text[CLI_TEXT_MAX];

    if (json_array_size(all) == 0) {
        (void)fprintf(cli->io->out, "%s\n", CLI_TEXT(cli, "keine Ereignisse", "no events"));
        return EX_OK;
    }
    t = cli_table_new(cli, columns, ARRAY_LEN(columns));
    if (t == NULL)
        return gw_cli_fail(cli, GW_R_MEMORY, NULL, 0);
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *e = json_array_get(all, i);
        const char *state = cli_str(e, "state");

        cli_row(t);
        (void)snprintf(text, sizeof text, "%lld", (long long)cli_int(e, "seq"));
        cli_cell(t, text, NULL);
        cli_cell(t, cli_time_text(cli, cli_time(e, "at"), false, text), NULL);
        cli_cell(t, cli_id_text(cli_str(e, "id")), NULL);
        cli_cell(t, cli_str(e, "event"), NULL);
        cli_cell(t, cli_state_text(cli, state), cli_state_color(state));
        cli_cell(t, cli_str(e, "actor"), NULL);
        cli_cell(t, cli_str(e, CLI_TEXT(cli, "de", "en")), NULL);
    }
    return cli_table_print(t);
}

/* The next ones, or those before; a page without any only says how far the daemon has looked. */
static int events_read(struct gw_cli *cli, size_t limit, json_t **all)
{
    AUTO(json_drop) json_t *list = json_array();
    char next[24] = "";
    size_t left;

    while ((left = limit - json_array_size(list)) > 0) {
        AUTO(json_drop) json_t *page = NULL;
        AUTO(buf_deinit) struct buf path = {0};
        const json_t *end;
        int rc;

        buf_init(&path, 1024);
        buf_printf(&path, "/v1/events?limit=%zu", left < PAGE ? left : (size_t)PAGE);
        query_add(&path, "after",
                  cli->opt.after != NULL && next[0] != '\0' ? next : cli->opt.after);
        query_add(&path, "before", cli->opt.after == NULL && next[0] != '\0' ? next : NULL);
        if ((rc = gw_cli_get(cli, buf_cstr(&path), &page)) != EX_OK)
            return rc;
        end = json_object_get(page, "next");
        for (size_t i = 0; i < json_array_size(json_object_get(page, "events")); i++)
            if (json_array_insert(list, cli->opt.after == NULL ? i : json_array_size(list),
                                  json_array_get(json_object_get(page, "events"), i)) != 0)
                return gw_cli_fail(cli, GW_R_API_ANSWER, NULL, 0);
        if (!json_is_integer(end))
            break;
        (void)snprintf(next, sizeof next, "%lld", (long long)json_integer_value(end));
    }
    *all = TAKE(list);
    return EX_OK;
}

int gw_cli_events(struct gw_cli *cli, int argc, char **argv)
{
    AUTO(json_drop) json_t *answer = NULL, *found = NULL;
    AUTO(buf_deinit) struct buf path = {0};
    char id[CLI_TEXT_MAX];
    size_t limit = cli_limit(cli);
    const json_t *all;
    int rc;

    buf_init(&path, 1024);
    if (limit == 0)
        return EX_USAGE;
    if (argc > 1)
        return gw_cli_form(cli, "events [ID]");
    if ((rc = gw_cli_connect(cli)) != EX_OK)
        return rc;
    if (argc == 1) {
        if ((rc = gw_cli_id(cli, argv[0], id)) != EX_OK)
            return rc;
        buf_printf(&path, "/v1/messages/%s/events", id);
        if ((rc = gw_cli_get(cli, buf_cstr(&path), &answer)) != EX_OK)
            return rc;
        all = json_object_get(answer, "events");
    } else {
        if ((rc = events_read(cli, limit, &found)) != EX_OK)
            return rc;
        all = found;
    }
    if (cli->opt.json)
        return gw_cli_json(cli, all);
    return cli_events_print(cli, all);
}

/* "3 delivered, 1 deferred" */
static void counts_print(struct gw_cli *cli, const char *name, const json_t *counts)
{
    AUTO(buf_deinit) struct buf b = {0};
    const char *state;
    json_t *value;

    buf_init(&b, 4096);
    json_object_foreach((json_t *)(uintptr_t)counts, state, value)
    {
        if (json_integer_value(value) > 0)
            buf_printf(&b, "%s%lld %s", b.len > 0 ? ", " : "", (long long)json_integer_value(value),
                       cli_state_text(cli, state));
    }
    cli_pair(cli, name, b.len > 0 ? buf_cstr(&b) : CLI_TEXT(cli, "leer", "empty"));
}

static void intermediary_print(struct gw_cli *cli, const json_t *im)
{
    int64_t good = cli_time(im, "last_success_at"), bad = cli_time(im, "last_error_at");
    int64_t skipped = json_integer_value(json_object_get(im, "skipped"));
    AUTO(buf_deinit) struct buf b = {0};
    char time[CLI_TEXT_MAX];

    buf_init(&b, 4096);
    buf_str(&b, cli_str(im, "name"));
    if (good != 0)
        buf_printf(&b, CLI_TEXT(cli, ", zuletzt erreicht %s", ", last reached %s"),
                   cli_time_text(cli, good, false, time));
    if (bad > good)
        buf_printf(&b, "; %s: %s", cli_time_text(cli, bad, false, time), cli_error_text(cli, im));
    if (skipped > 0)
        buf_printf(&b,
                   CLI_TEXT(cli, "; %lld unannehmbare Zustellungen dort (depesche events)",
                            "; %lld deliveries there that cannot be accepted (depesche events)"),
                   (long long)skipped);
    cli_pair(cli, CLI_TEXT(cli, "Intermediär", "intermediary"), buf_cstr(&b));
}

/* Green, or what is wrong. */
static void health_print(struct gw_cli *cli, const json_t *health)
{
    const json_t *checks = json_object_get(health, "checks");
    const char *name = CLI_TEXT(cli, "Zustand", "health");

    if (strcmp(cli_str(health, "status"), "green") == 0)
        cli_pair(cli, name, CLI_TEXT(cli, "in Ordnung", "good"));
    for (size_t i = 0; i < json_array_size(checks); i++) {
        const json_t *trouble = json_object_get(json_array_get(checks, i), "trouble");

        if (json_is_object(trouble))
            cli_pair(cli, name, cli_str(trouble, CLI_TEXT(cli, "de", "en")));
    }
}

/* What ends within 30 days, and a letter about it that does not get out. */
static void ending_print(struct gw_cli *cli, const json_t *certificates)
{
    const json_t *first = json_object_get(certificates, "first");
    const json_t *mail = json_object_get(certificates, "mail");
    const char *name = CLI_TEXT(cli, "Zertifikate", "certificates");
    const char *lang = CLI_TEXT(cli, "de", "en");
    AUTO(buf_deinit) struct buf b = {0};

    buf_init(&b, 4096);
    if (json_is_object(first)) {
        buf_printf(&b,
                   CLI_TEXT(cli, "binnen 30 Tagen enden: %lld; zuerst, in %lld Tagen, %s: %s ",
                            "end within 30 days: %lld; first, in %lld days, %s: %s "),
                   (long long)cli_int(certificates, "ending"),
                   (long long)cli_int(first, "days_left"), cli_str(first, "subject"),
                   cli_str(json_object_get(first, "blocks"), lang));
        buf_str(&b, "(depesche certs)");
        cli_pair(cli, name, buf_cstr(&b));
    }
    if (json_is_object(mail))
        cli_pair(cli, name, cli_str(mail, lang));
}

int gw_cli_status(struct gw_cli *cli, int argc, char **argv)
{
    AUTO(json_drop) json_t *s = NULL;
    const json_t *all, *mailboxes;
    char text[CLI_TEXT_MAX];
    int rc;

    (void)argv;
    if (argc > 0)
        return gw_cli_form(cli, "status [--on DAY]");
    if (cli->opt.on != NULL)
        return gw_cli_outlook(cli);
    if ((rc = gw_cli_connect(cli)) != EX_OK || (rc = gw_cli_get(cli, "/v1/status", &s)) != EX_OK)
        return rc;
    if (cli->opt.json)
        return gw_cli_json(cli, s);
    all = json_object_get(s, "tenants");
    for (size_t i = 0; i < json_array_size(all); i++)
        cli_pair(cli, CLI_TEXT(cli, "Mandant", "tenant"),
                 json_string_value(json_array_get(all, i)));
    cli_pair(cli, "Version", cli_str(s, "version"));
    cli_pair(cli, CLI_TEXT(cli, "läuft seit", "running since"),
             cli_time_text(cli, cli_time(s, "started_at"), true, text));
    health_print(cli, json_object_get(s, "health"));
    if (json_is_object(json_object_get(s, "outbox")))
        counts_print(cli, CLI_TEXT(cli, "Ausgang", "outbox"), json_object_get(s, "outbox"));
    if (json_is_object(json_object_get(s, "inbox")))
        counts_print(cli, CLI_TEXT(cli, "Eingang", "inbox"), json_object_get(s, "inbox"));
    all = json_object_get(s, "intermediaries");
    for (size_t i = 0; i < json_array_size(all); i++)
        intermediary_print(cli, json_array_get(all, i));
    mailboxes = json_object_get(s, "mailboxes");
    if (json_is_object(mailboxes)) {
        (void)snprintf(
            text, sizeof text,
            CLI_TEXT(cli, "%lld, %lld wartende Sendungen", "%lld, %lld deliveries waiting"),
            (long long)cli_int(mailboxes, "count"), (long long)cli_int(mailboxes, "waiting"));
        cli_pair(cli, CLI_TEXT(cli, "Postfächer", "mailboxes"), text);
    }
    ending_print(cli, json_object_get(s, "certificates"));
    return EX_OK;
}

/* Progress on a terminal, once it takes longer than two seconds. */
struct progress {
    struct gw_cli *cli;
    int64_t begun, told;
};

static int64_t monotonic_ms(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void progress_tell(void *ctx, uint64_t done, uint64_t total)
{
    struct progress *p = ctx;
    int64_t now = monotonic_ms();
    char a[CLI_TEXT_MAX], b[CLI_TEXT_MAX];

    if (!p->cli->io->progress || now - p->begun < QUIET_MS || now - p->told < QUIET_MS / 10)
        return;
    p->told = now;
    (void)fprintf(p->cli->io->err, "\r\x1b[K%3d %%  %s / %s", (int)(done * 100 / total),
                  cli_size_text(p->cli, (int64_t)done, a),
                  cli_size_text(p->cli, (int64_t)total, b));
    (void)fflush(p->cli->io->err);
}

static json_t *meta_of(const struct gw_cli *cli)
{
    json_t *meta = json_object();
    const struct {
        const char *key, *value;
    } members[] = {{"endpoint", cli->opt.endpoint},
                   {"recipient", cli->opt.to},
                   {"message_type", cli->opt.type},
                   {"subject", cli->opt.subject},
                   {"idempotency_key", cli->opt.key}};

    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (members[i].value != NULL &&
            json_object_set_new(meta, members[i].key, json_string(members[i].value)) != 0) {
            json_decref(meta);
            return NULL; /* not UTF-8 */
        }
    return meta;
}

int gw_cli_send(struct gw_cli *cli, int argc, char **argv)
{
    AUTO(json_drop) json_t *meta = NULL, *answer = NULL;
    struct progress progress = {cli, monotonic_ms(), 0};
    struct error err = {0};
    enum status st;
    int rc;

    if (argc < 1 || cli->opt.endpoint == NULL || cli->opt.to == NULL)
        return gw_cli_form(cli, "send --endpoint NAME --to NAME FILE [FILE ...]");
    meta = meta_of(cli);
    if (meta == NULL)
        return gw_cli_usage(cli, "UTF-8");
    if ((rc = gw_cli_connect(cli)) != EX_OK)
        return rc;
    st = gw_api_send(cli->api, meta, cli->opt.header, (const char *const *)argv, (size_t)argc,
                     progress_tell, &progress, &answer, &err);
    if (progress.told != 0)
        (void)fputs("\r\x1b[K", cli->io->err);
    if (st != ST_OK && err.reason == GW_R_CLI_FILE) {
        const struct gw_explain_field fields[] = {{"path", argv[0]}, {"detail", err.text}};

        return gw_cli_fail(cli, GW_R_CLI_FILE, fields, ARRAY_LEN(fields));
    }
    if (st != ST_OK)
        return gw_cli_fail_api(cli, &err);
    if (cli->opt.json)
        return gw_cli_json(cli, answer);
    (void)fprintf(cli->io->out, CLI_TEXT(cli, "angenommen als %s\n", "accepted as %s\n"),
                  cli_str(answer, "id"));
    return EX_OK;
}

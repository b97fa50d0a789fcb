#include "gateway/cli_view.h"

#include <getopt.h>
#include <string.h>
#include <sysexits.h>

#include "gateway/config.h"
#include "gateway/message_json.h"

#define DEFAULT_SOCKET "/run/depesche/api.sock"

const struct gw_cli_verb gw_cli_verbs[] = {
    {"init", "DIR", gw_cli_init, "Dp", "legt eine kommentierte Konfiguration oder eine Demo an",
     "writes a commented configuration, or a demo installation"},
    {"check-config", "[FILE]", gw_cli_check_config, "",
     "prüft eine Konfiguration und alles, was sie nennt",
     "checks a configuration and all it names"},
    {"doctor", "", gw_cli_doctor, "",
     "sieht alles nach, was stimmen muss: Ordner, Rechte, Zertifikate, Uhr, Platte, Ziele",
     "looks at all that must be right: folders, rights, certificates, clock, disk, destinations"},
    {"reload", "", gw_cli_reload, "", "lässt den Dienst seine Einstellungen neu lesen",
     "has the daemon read its settings anew"},
    {"status", "", gw_cli_status, "w", "wie es dem Gateway geht", "how the gateway is doing"},
    {"send", "FILE...", gw_cli_send, "etyskH", "sendet Dateien als eine Nachricht",
     "sends files as one message"},
    {"list", "[outbox|inbox]", gw_cli_list, "eSnl", "Nachrichten, neueste zuerst",
     "messages, newest first"},
    {"why", "[ID]", gw_cli_why, "", "was mit einer Nachricht los ist, oder was jemanden braucht",
     "what is the matter with a message, or what needs somebody"},
    {"show", "ID", gw_cli_show, "", "eine Nachricht mit allem, was man über sie weiß",
     "one message with all that is known about it"},
    {"ack", "ID...", gw_cli_ack, "r", "quittiert empfangene Nachrichten",
     "acknowledges messages that were received"},
    {"retry", "ID...", gw_cli_retry, "r",
     "versucht jetzt erneut, Nachrichten zu senden oder zu übergeben",
     "tries again, now, to send or to hand over messages"},
    {"cancel", "ID...", gw_cli_cancel, "r", "zieht Nachrichten zurück, die noch nicht fort sind",
     "withdraws messages that have not left yet"},
    {"redeliver", "", gw_cli_redeliver, "en",
     "übergibt einem Fachverfahren erneut, was es seit einem Zeitpunkt bekommen hat",
     "hands over again what a program got since a time"},
    {"quarantine", "list|release ID...|drop ID...", gw_cli_quarantine, "renl",
     "was in Quarantäne liegt; gibt es frei oder verwirft es",
     "what is in quarantine; hands it over all the same, or never"},
    {"events", "[ID]", gw_cli_events, "al", "was geschehen ist", "what has happened"},
    {"receipts", "", gw_cli_receipts, "eSnlOCf",
     "was für ausgehende Nachrichten bewiesen ist; überfällige zuerst",
     "what has been proven of outgoing messages; overdue ones first"},
    {"certs", "[rehearse FILE]", gw_cli_certs, "TPA",
     "alle Zertifikate, die in Gebrauch sind; rehearse: ein neues erproben, bevor es gilt",
     "all certificates in use; rehearse: try a new one before it counts"},
    {"directory", "[check]", gw_cli_directory, "",
     "wer über welchen Dienst erreichbar ist, und ob die Zertifikate dazu noch gelten",
     "who can be reached for which service, and whether the certificates still hold"},
    {"routes", "", gw_cli_routes, "", "wohin Nachrichten gehen: die Tabelle, die gilt",
     "where messages go: the table that is in force"},
    {"route", "test FILE|rehearse FILE", gw_cli_route, "en",
     "wohin eine Datei ginge und warum; was andere Einstellungen ändern würden",
     "where a file would go, and why; what other settings would change"},
    {"audit", "[verify]", gw_cli_audit, "TnxSl",
     "was Menschen taten und wer abgewiesen wurde; verify: ob die Kette der Ereignisse hält",
     "what people did and who was turned away; verify: whether the chain of events holds"},
    {"backup", "DIR", gw_cli_backup, "v", "sichert den Zustand im laufenden Betrieb",
     "takes a copy of the state while the daemon works"},
    {"restore", "DIR", gw_cli_restore, "S", "stellt einen Zustand aus einer Sicherung her",
     "makes a state from a backup"},
    {"mailboxes", "[TEXT]", gw_cli_mailboxes, "",
     "die Postfächer des Intermediärs, deren Besitzer oder Mandant so heißt",
     "the intermediary's mailboxes, of owners or tenants called so"},
    {"intermediary", "describe", gw_cli_intermediary, "",
     "was ein Verzeichnis (DVDV) über diesen Intermediär wissen muss",
     "what a directory (DVDV) must know about this intermediary"},
};

const size_t gw_cli_verbs_count = ARRAY_LEN(gw_cli_verbs);

static const struct cli_option {
    const char *name;
    int letter;
    const char *arg; /* NULL: a switch */
    const char *de, *en;
} options[] = {
    {"json", 'j', NULL, "JSON statt Tabellen", "JSON instead of tables"},
    {"socket", 'o', "PATH", "Socket des Dienstes", "the daemon's socket"},
    {"config", 'c', "FILE", "Konfiguration, die den Socket nennt",
     "configuration that names the socket"},
    {"lang", 'L', "de|en", "Sprache der Ausgabe", "language of the output"},
    {"help", 'h', NULL, "diese Hilfe", "this help"},
    {"version", 'V', NULL, "die Version", "the version"},
    {"demo", 'D', NULL, "drei Dienste und Zertifikate zum Ausprobieren",
     "three daemons and certificates to try with"},
    {"ports", 'p', "PORT", "erster Port der Demo (9440)", "first port of the demo (9440)"},
    {"endpoint", 'e', "NAME", "Fachverfahren", "line-of-business program"},
    {"to", 't', "NAME", "Partner, der die Nachricht bekommt", "partner that gets the message"},
    {"type", 'y', "TEXT", "Nachrichtentyp", "message type"},
    {"subject", 's', "TEXT", "Betreff", "subject"},
    {"key", 'k', "TEXT", "eigener Schlüssel, der doppeltes Senden verhindert",
     "key of your own that prevents sending twice"},
    {"header", 'H', "FILE", "XML, das als Kopf der Nachricht mitgeht: MessageMetaData etwa",
     "XML that goes along as a header of the message: MessageMetaData, say"},
    {"reason", 'r', "TEXT", "warum; steht in der Geschichte der Nachricht",
     "why; it goes into the message's history"},
    {"state", 'S', "NAME", "nur Nachrichten in diesem Zustand; audit, restore: der Ordner state",
     "only messages in this state; audit, restore: the state folder"},
    {"tenant", 'T', "NAME", "für diesen Mandanten; audit: nur dessen Kette",
     "for this tenant; audit: its chain only"},
    {"passphrase-file", 'P', "FILE", "Datei, deren erste Zeile das Passwort ist",
     "file whose first line is the passphrase"},
    {"as", 'A', "USE", "wofür: signature oder cipher; ohne: wofür das Zertifikat ist",
     "for what: signature or cipher; without: what the certificate is for"},
    {"head", 'x', "HEX", "ein Wert aus dem Protokoll (history.head), der vorkommen muss",
     "a value from the log (history.head) that must be found"},
    {"verify", 'v', NULL, "nichts sichern, die Sicherung prüfen", "copy nothing, check the backup"},
    {"since", 'n', "TIME", "nur ab diesem Zeitpunkt (2026-05-04 oder 2026-05-04T08:00:00Z)",
     "only from this time on (2026-05-04 or 2026-05-04T08:00:00Z)"},
    {"on", 'w', "DAY", "was an diesem Tag nicht mehr ginge (2031-12-31)",
     "what would no longer work on that day (2031-12-31)"},
    {"overdue", 'O', NULL, "nur überfällige", "only overdue ones"},
    {"csv", 'C', NULL, "CSV (RFC 4180) für Tabellenprogramme", "CSV (RFC 4180) for spreadsheets"},
    {"follow", 'f', NULL, "weiter zeigen, was sich ändert", "go on showing what changes"},
    {"limit", 'l', "N", "höchstens so viele (100)", "at most this many (100)"},
    {"after", 'a', "SEQ", "nur Ereignisse nach dieser Nummer", "only events after this number"},
};

static const char general[] = "jocLhV";

static const struct {
    int code, exit;
} exits[] = {
    {GW_R_CLI_USAGE, EX_USAGE},           {GW_R_CLI_FORM, EX_USAGE},
    {GW_R_CLI_FILE, EX_NOINPUT},          {GW_R_CLI_EXISTS, EX_CANTCREAT},
    {GW_R_API_SOCKET, EX_UNAVAILABLE},    {GW_R_API_ANSWER, EX_PROTOCOL},
    {GW_R_API_CUT, EX_TEMPFAIL},          {GW_R_API_DENIED, EX_NOPERM},
    {GW_R_API_BUSY, EX_TEMPFAIL},         {GW_R_ID_AMBIGUOUS, EX_DATAERR},
    {GW_R_MESSAGE_UNKNOWN, EX_NOINPUT},   {GW_R_MEMORY, EX_OSERR},
    {GW_R_CONFIG_UNREADABLE, EX_NOINPUT}, {GW_R_INTERNAL, EX_SOFTWARE},
    {GW_R_CONFIG_REFUSED, EX_CONFIG},     {GW_R_CONFIG_FELL_BACK, EX_CONFIG},
    {GW_R_CONFIG_NOT_SEEN, EX_TEMPFAIL},
};

static int exit_of(int code, enum status st)
{
    static const int by_status[] = {EX_SOFTWARE, EX_DATAERR, EX_NOPERM,   EX_NOINPUT,
                                    EX_DATAERR,  EX_DATAERR, EX_TEMPFAIL, EX_SOFTWARE};

    for (size_t i = 0; i < ARRAY_LEN(exits); i++)
        if (exits[i].code == code)
            return exits[i].exit;
    return (size_t)st < ARRAY_LEN(by_status) ? by_status[st] : EX_SOFTWARE;
}

/* Two lines: what is wrong, and the way out. Names in them are others'. */
static void told(struct gw_cli *cli, const char *what, int code, const char *action)
{
    char text[GW_CODE_SIZE];

    (void)fputs("depesche: ", cli->io->err);
    cli_put(cli->io->err, what);
    (void)fprintf(cli->io->err, " (%s)\n    ", gw_explain_code(code, text));
    cli_put(cli->io->err, action);
    (void)fputc('\n', cli->io->err);
}

int gw_cli_fail(struct gw_cli *cli, int code, const struct gw_explain_field *fields, size_t count)
{
    AUTO(buf_deinit) struct buf what = {0}, action = {0};

    buf_init(&what, 8192);
    buf_init(&action, 8192);
    gw_explain_what(&what, code, cli->lang, fields, count);
    gw_explain_action(&action, code, cli->lang, fields, count);
    told(cli, buf_cstr(&what), code, buf_cstr(&action));
    return exit_of(code, ST_INVALID);
}

int gw_cli_usage(struct gw_cli *cli, const char *detail)
{
    const struct gw_explain_field fields[] = {{"detail", detail}};

    return gw_cli_fail(cli, GW_R_CLI_USAGE, fields, ARRAY_LEN(fields));
}

int gw_cli_form(struct gw_cli *cli, const char *form)
{
    const struct gw_explain_field fields[] = {{"form", form}};

    return gw_cli_fail(cli, GW_R_CLI_FORM, fields, ARRAY_LEN(fields));
}

int gw_cli_fail_api(struct gw_cli *cli, const struct error *err)
{
    const char *advice = gw_api_advice(cli->api);
    const struct gw_explain_field fields[] = {{"path", cli->socket}, {"detail", err->text}};

    if (advice == NULL) /* ours, not the daemon's */
        return gw_cli_fail(cli, err->reason, fields, ARRAY_LEN(fields));
    told(cli, err->text, err->reason, advice);
    return exit_of(err->reason, err->status);
}

/* --socket, else what --config says, else the place where packages put it. */
static int socket_find(struct gw_cli *cli)
{
    AUTO(gw_config_report_deinit) struct gw_config_report report = {0};
    AUTO(gw_config_drop) const struct gw_config *config = NULL;
    struct error err = {0};

    gw_config_report_init(&report);
    if (cli->opt.socket == NULL && cli->opt.config != NULL &&
        gw_config_peek(cli->opt.config, &config, &report, &err) != ST_OK) {
        AUTO(buf_deinit) struct buf b = {0};

        buf_init(&b, 1024 * 1024);
        gw_config_report_text(&report, cli->lang, &b);
        (void)fputs(buf_cstr(&b), cli->io->err);
        return err.reason == GW_R_CONFIG_UNREADABLE ? EX_NOINPUT : EX_CONFIG;
    }
    cli->socket = strdup(cli->opt.socket != NULL ? cli->opt.socket
                         : config != NULL        ? config->api.socket
                                                 : DEFAULT_SOCKET);
    return cli->socket == NULL ? gw_cli_fail(cli, GW_R_MEMORY, NULL, 0) : EX_OK;
}

int gw_cli_connect(struct gw_cli *cli)
{
    struct error err = {0};
    int rc = socket_find(cli);

    if (rc == EX_OK && gw_api_new(cli->socket, cli->lang, &cli->api, &err) != ST_OK)
        rc = gw_cli_fail(cli, err.reason, NULL, 0);
    return rc;
}

/* The answer as it may be shown. */
static int answered(struct gw_cli *cli, enum status st, json_t *raw, json_t **answer,
                    const struct error *err)
{
    if (st != ST_OK)
        return gw_cli_fail_api(cli, err);
    *answer = cli->opt.json ? json_incref(raw) : cli_harmless(raw);
    json_decref(raw);
    return *answer == NULL ? gw_cli_fail(cli, GW_R_MEMORY, NULL, 0) : EX_OK;
}

int gw_cli_get(struct gw_cli *cli, const char *path, json_t **answer)
{
    struct error err = {0};
    json_t *raw = NULL;
    enum status st = gw_api_get(cli->api, path, &raw, &err);

    return answered(cli, st, raw, answer, &err);
}

int gw_cli_post(struct gw_cli *cli, const char *path, json_t **answer)
{
    struct error err = {0};
    json_t *raw = NULL;
    enum status st = gw_api_post(cli->api, path, &raw, &err);

    return answered(cli, st, raw, answer, &err);
}

/* U+007F to U+009F, which JSON lets pass, are written as \\u00xx: some terminals obey them. */
int gw_cli_json(struct gw_cli *cli, const json_t *json)
{
    AUTO(free_drop) char *text = gw_json_dump(json, JSON_INDENT(2) | JSON_PRESERVE_ORDER);

    if (text == NULL)
        return gw_cli_fail(cli, GW_R_MEMORY, NULL, 0);
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        bool two = c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f;

        if (two || *c == 0x7f)
            (void)fprintf(cli->io->out, "\\u00%02x", two ? c[1] : c[0]);
        else
            (void)fputc(*c, cli->io->out);
        c += two;
    }
    return fputc('\n', cli->io->out) == EOF ? EX_IOERR : EX_OK;
}

static void help_options(struct gw_cli *cli, const char *letters)
{
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        const struct cli_option *o = &options[i];
        char left[64];

        if (strchr(letters, o->letter) == NULL)
            continue;
        (void)snprintf(left, sizeof left, "--%s%s%s", o->name, o->arg == NULL ? "" : " ",
                       o->arg == NULL ? "" : o->arg);
        (void)fprintf(cli->io->out, "  %-18s %s\n", left, CLI_TEXT(cli, o->de, o->en));
    }
}

static void completion_options(FILE *out, const char *letters)
{
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if (strchr(letters, options[i].letter) != NULL)
            (void)fprintf(out, "--%s ", options[i].name);
}

static int help(struct gw_cli *cli, const struct gw_cli_verb *verb)
{
    FILE *out = cli->io->out;

    if (verb != NULL) {
        (void)fprintf(out, "depesche %s %s\n    %s\n\n", verb->name, verb->args,
                      CLI_TEXT(cli, verb->de, verb->en));
        help_options(cli, verb->options);
    } else {
        (void)fprintf(out, "%s\n\n",
                      CLI_TEXT(cli, "depesche [Optionen] BEFEHL [Argumente]",
                               "depesche [options] COMMAND [arguments]"));
        for (size_t i = 0; i < gw_cli_verbs_count; i++)
            (void)fprintf(out, "  %-18s %s\n", gw_cli_verbs[i].name,
                          CLI_TEXT(cli, gw_cli_verbs[i].de, gw_cli_verbs[i].en));
        (void)fputc('\n', out);
    }
    help_options(cli, general);
    return EX_OK;
}

/* A script for bash, from the same tables as the help: commands, then the options of each. */
static int completion(struct gw_cli *cli)
{
    FILE *out = cli->io->out;

    (void)fputs("# bash completion of depesche(1)\n"
                "_depesche() {\n"
                "    local word=${COMP_WORDS[COMP_CWORD]} verb= w value= options=\n"
                "    for w in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
                "        case $value$w in\n"
                "        --config | --socket | --lang) value=of: ;;\n"
                "        of:*) value= ;;\n"
                "        -*) ;;\n"
                "        *) verb=$w; break ;;\n"
                "        esac\n"
                "    done\n"
                "    case $verb in\n"
                "    '') options='",
                out);
    for (size_t i = 0; i < gw_cli_verbs_count; i++)
        (void)fprintf(out, "%s ", gw_cli_verbs[i].name);
    completion_options(out, general);
    for (size_t i = 0; i < gw_cli_verbs_count; i++) {
        (void)fprintf(out, "' ;;\n    %s) options='", gw_cli_verbs[i].name);
        completion_options(out, gw_cli_verbs[i].options);
        completion_options(out, general);
    }
    (void)fputs("' ;;\n"
                "    esac\n"
                "    COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
                "}\n"
                "complete -o default -F _depesche depesche\n",
                out);
    return EX_OK;
}

static const struct gw_cli_verb *verb_find(const char *name)
{
    for (size_t i = 0; i < gw_cli_verbs_count; i++)
        if (name != NULL && strcmp(gw_cli_verbs[i].name, name) == 0)
            return &gw_cli_verbs[i];
    return NULL;
}

/* Where the text of an option goes; NULL for switches. */
static const char **option_slot(struct gw_cli_options *opt, int letter)
{
    switch (letter) {
    case 'o':
        return &opt->socket;
    case 'c':
        return &opt->config;
    case 'p':
        return &opt->ports;
    case 'e':
        return &opt->endpoint;
    case 't':
        return &opt->to;
    case 'y':
        return &opt->type;
    case 's':
        return &opt->subject;
    case 'k':
        return &opt->key;
    case 'H':
        return &opt->header;
    case 'r':
        return &opt->reason;
    case 'S':
        return &opt->state;
    case 'n':
        return &opt->since;
    case 'l':
        return &opt->limit;
    case 'a':
        return &opt->after;
    case 'T':
        return &opt->tenant;
    case 'x':
        return &opt->head;
    case 'w':
        return &opt->on;
    case 'P':
        return &opt->passphrase_file;
    case 'A':
        return &opt->as;
    default:
        return NULL;
    }
}

struct parsed {
    bool help, version;
    char given[32]; /* letters of the options that were there */
};

/* All options, wherever they stand; 0 or the exit code. */
static int options_parse(struct gw_cli *cli, int argc, char **argv, struct parsed *p)
{
    struct option longs[ARRAY_LEN(options) + 1] = {{0}};
    size_t given = 0;
    int letter;

    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        longs[i] = (struct option){options[i].name, options[i].arg == NULL ? 0 : 1, NULL,
                                   options[i].letter};
    optind = 0; /* glibc: begin anew */
    opterr = 0;
    while ((letter = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        const char **slot = option_slot(&cli->opt, letter);

        if (letter == '?' || letter == ':')
            return gw_cli_usage(cli, argv[optind - 1]);
        if (slot != NULL)
            *slot = optarg;
        cli->opt.json = cli->opt.json || letter == 'j';
        cli->opt.demo = cli->opt.demo || letter == 'D';
        cli->opt.verify = cli->opt.verify || letter == 'v';
        cli->opt.overdue = cli->opt.overdue || letter == 'O';
        cli->opt.csv = cli->opt.csv || letter == 'C';
        cli->opt.follow = cli->opt.follow || letter == 'f';
        p->help = p->help || letter == 'h';
        p->version = p->version || letter == 'V';
        if (letter == 'L' && strcmp(optarg, "de") != 0 && strcmp(optarg, "en") != 0)
            return gw_cli_form(cli, "... --lang de|en");
        if (letter == 'L')
            cli->lang = gw_lang_of(optarg, cli->lang);
        if (given + 1 < sizeof p->given && strchr(p->given, letter) == NULL)
            p->given[given++] = (char)letter;
    }
    return EX_OK;
}

static int verb_run(struct gw_cli *cli, const struct parsed *p, int argc, char **argv)
{
    const struct gw_cli_verb *verb = verb_find(argc > 0 ? argv[0] : NULL);

    if (p->version) {
        (void)fprintf(cli->io->out, "depesche %s\n", DEPESCHE_VERSION);
        return EX_OK;
    }
    if (p->help)
        return help(cli, verb);
    if (argc == 1 && strcmp(argv[0], "completion") == 0)
        return completion(cli);
    if (argc > 0 && strcmp(argv[0], "help") == 0)
        return help(cli, verb_find(argc > 1 ? argv[1] : NULL));
    if (verb == NULL)
        return gw_cli_usage(cli,
                            argc > 0 ? argv[0] : CLI_TEXT(cli, "der Befehl fehlt", "no command"));
    for (const char *c = p->given; *c != '\0'; c++)
        if (strchr(general, *c) == NULL && strchr(verb->options, *c) == NULL)
            for (size_t i = 0; i < ARRAY_LEN(options); i++)
                if (options[i].letter == *c) {
                    char text[80];

                    (void)snprintf(text, sizeof text, "%s --%s", verb->name, options[i].name);
                    return gw_cli_usage(cli, text);
                }
    return verb->run(cli, argc - 1, argv + 1);
}

int gw_cli_run(int argc, char **argv, const struct gw_cli_io *io)
{
    struct gw_cli cli = {.io = io, .lang = io->lang};
    struct parsed p = {0};
    int rc = options_parse(&cli, argc, argv, &p);

    if (rc == EX_OK)
        rc = verb_run(&cli, &p, argc - optind, argv + optind);
    gw_api_free(cli.api);
    free(cli.socket);
    if (fflush(io->out) != 0 && rc == EX_OK)
        rc = EX_IOERR;
    return rc;
}

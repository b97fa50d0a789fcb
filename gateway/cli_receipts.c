/* The verb receipts: what has been proven of outgoing messages, overdue ones first. */
#include <string.h>
#include <sysexits.h>

#include "gateway/cli_view.h"
#include "gateway/message_json.h"

enum { FOLLOW_MS = 1000, EVENTS_PAGE = 1000, NOTE_MAX = 4096, OVERDUE_EVERY = 10 };

/* How the intermediary found the certificates: the worst of them decides. */
static const char *findings_text(const struct gw_cli *cli, const json_t *receipt,
                                 const char **color)
{
    static const char *const bad[] = {"corrupted", "invalid", "revoked", NULL};
    const json_t *all = json_object_get(receipt, "inspections");
    bool is_bad = false, unclear = false;

    *color = NULL;
    if (json_array_size(all) == 0)
        return "";
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *in = json_array_get(all, i);
        const char *math = cli_str(in, "math"), *offline = cli_str(in, "offline"),
                   *online = cli_str(in, "online");

        is_bad = is_bad || cli_is_one_of(math, bad) || cli_is_one_of(offline, bad) ||
                 cli_is_one_of(online, bad);
        unclear = unclear || strcmp(math, "ok") != 0 || strcmp(offline, "valid") != 0;
    }
    *color = is_bad ? "red" : unclear ? "yellow" : "green";
    return is_bad    ? CLI_TEXT(cli, "bemängelt", "bad")
           : unclear ? CLI_TEXT(cli, "unklar", "unclear")
                     : CLI_TEXT(cli, "gut", "good");
}

/* What the operator should know about it: why it does not go on, or that nobody fetches it. */
static const char *note_text(struct gw_cli *cli, const json_t *m, struct buf *b, const char **color)
{
    static const char *const troubled[] = {"deferred", "unclear",  "failed",
                                           "expired",  "rejected", NULL};
    static const char *const unsent[] = {"accepted", "sealed", NULL};
    bool overdue = json_is_true(json_object_get(m, "overdue"));
    const char *state = cli_str(m, "state");
    int64_t created = cli_time(m, "created_at");
    char since[CLI_TEXT_MAX];

    *color = cli_state_color(state);
    if (cli_is_one_of(state, troubled)) {
        buf_str(b, overdue ? CLI_TEXT(cli, "überfällig: ", "overdue: ") : "");
        buf_str(b, cli_error_text(cli, m));
        return buf_cstr(b);
    }
    if (overdue && cli_is_one_of(state, unsent)) {
        *color = "yellow";
        return CLI_TEXT(cli, "überfällig: noch nicht gesendet", "overdue: not sent yet");
    }
    if (overdue && created != 0) {
        const struct gw_explain_field fields[] = {
            {"recipient", cli_str(m, "recipient")},
            {"since", cli_time_text(cli, created, false, since)}};

        *color = "yellow";
        gw_explain_what(b, GW_R_OVERDUE, cli->lang, fields, ARRAY_LEN(fields));
        return buf_cstr(b);
    }
    *color = NULL;
    return "";
}

static void receipt_row(struct gw_cli *cli, struct cli_table *t, const json_t *m)
{
    const json_t *receipt = json_object_get(m, "receipt");
    const char *state = cli_str(m, "state"), *color, *text;
    AUTO(buf_deinit) struct buf note = {0};
    char time[CLI_TEXT_MAX];

    buf_init(&note, NOTE_MAX);
    cli_row(t);
    cli_cell(t, cli_id_text(cli_str(m, "id")), NULL);
    cli_cell(t, cli_message_name(m), NULL);
    cli_cell(t, cli_str(m, "recipient"), NULL);
    cli_cell(t, cli_state_text(cli, state), cli_state_color(state));
    cli_cell(t, cli_time_text(cli, cli_time(m, "created_at"), false, time), NULL);
    cli_cell(t, cli_time_text(cli, cli_time(receipt, "creation"), false, time), NULL);
    cli_cell(t, cli_time_text(cli, cli_time(receipt, "forwarding"), false, time), NULL);
    cli_cell(t, cli_time_text(cli, cli_time(receipt, "reception"), false, time), NULL);
    text = findings_text(cli, receipt, &color);
    cli_cell(t, text, color);
    text = note_text(cli, m, &note, &color);
    cli_cell(t, text, color);
}

static const struct cli_column columns[] = {
    {"Nummer", "id", false, false},
    {"Nachricht", "message", false, true},
    {"an", "to", false, true},
    {"Zustand", "state", false, false},
    {"angenommen", "accepted", false, false},
    {"eingeliefert", "created", false, false}, /* the process card's Creation */
    {"weitergeleitet", "forwarded", false, false},
    {"abgeholt", "fetched", false, false},
    {"Zertifikate", "certificates", false, false},
    {"Hinweis", "note", false, true},
};

static int table_print(struct gw_cli *cli, const json_t *all)
{
    AUTO(cli_table_drop) struct cli_table *t = cli_table_new(cli, columns, ARRAY_LEN(columns));

    if (t == NULL)
        return gw_cli_fail(cli, GW_R_MEMORY, NULL, 0);
    for (size_t i = 0; i < json_array_size(all); i++)
        receipt_row(cli, t, json_array_get(all, i));
    return cli_table_print(t);
}

/* ---- CSV ---- */

/*
 * RFC 4180: a field stands in quotation marks when it needs them, its own are doubled. A
 * spreadsheet takes what begins with = + - @ for a formula, whoever wrote it; an apostrophe before
 * it makes it text. Line breaks are ? already (cli_harmless).
 */
static void csv_field(FILE *out, bool first, const char *text)
{
    bool formula = text[0] != '\0' && strchr("=+-@", text[0]) != NULL;
    bool quoted = formula || strpbrk(text, ",;\"'\t ") != NULL;

    (void)fprintf(out, "%s%s%s", first ? "" : ",", quoted ? "\"" : "", formula ? "'" : "");
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"')
            (void)fputc('"', out);
        (void)fputc(*c, out);
    }
    if (quoted)
        (void)fputc('"', out);
}

static void csv_head(FILE *out)
{
    (void)fputs("id,endpoint,recipient,message_type,subject,file,state,overdue,accepted,"
                "at_intermediary,forwarded,fetched,certificates,code,note\r\n",
                out);
}

static void csv_row(struct gw_cli *cli, const json_t *m)
{
    static const char *const texts[] = {"id",      "endpoint",    "recipient", "message_type",
                                        "subject", "source_name", "state"};
    static const char *const times[] = {"creation", "forwarding", "reception"};
    const json_t *receipt = json_object_get(m, "receipt");
    AUTO(buf_deinit) struct buf note = {0};
    FILE *out = cli->io->out;
    const char *color;

    buf_init(&note, NOTE_MAX);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        csv_field(out, i == 0, cli_str(m, texts[i]));
    csv_field(out, false, json_is_true(json_object_get(m, "overdue")) ? "true" : "false");
    csv_field(out, false, cli_str(m, "created_at"));
    for (size_t i = 0; i < ARRAY_LEN(times); i++)
        csv_field(out, false, cli_str(receipt, times[i]));
    csv_field(out, false, findings_text(cli, receipt, &color));
    csv_field(out, false, cli_str(json_object_get(m, "last_error"), "code"));
    csv_field(out, false, note_text(cli, m, &note, &color));
    (void)fputs("\r\n", out);
}

/* ---- all at once ---- */

/* Overdue ones, the longest first; then the others, newest first. */
static int receipts_read(struct gw_cli *cli, size_t limit, json_t **all)
{
    AUTO(json_drop) json_t *list = NULL, *others = NULL;
    int rc = gw_cli_messages(cli, "outbox", true, limit, &list);

    if (rc != EX_OK)
        return rc;
    if (!cli->opt.overdue && json_array_size(list) < limit &&
        (rc = gw_cli_messages(cli, "outbox", false, limit, &others)) != EX_OK)
        return rc;
    for (size_t i = 0; i < json_array_size(others) && json_array_size(list) < limit; i++) {
        json_t *m = json_array_get(others, i);

        if (!json_is_true(json_object_get(m, "overdue")) && json_array_append(list, m) != 0)
            return gw_cli_fail(cli, GW_R_MEMORY, NULL, 0);
    }
    *all = TAKE(list);
    return EX_OK;
}

/* One JSON object on a line of its own, as a program that follows can read it. */
static int json_line(struct gw_cli *cli, const json_t *m)
{
    AUTO(free_drop) char *text = gw_json_dump(m, JSON_COMPACT | JSON_ENSURE_ASCII);

    if (text == NULL)
        return gw_cli_fail(cli, GW_R_MEMORY, NULL, 0);
    (void)fprintf(cli->io->out, "%s\n", text);
    return EX_OK;
}

static int receipts_print(struct gw_cli *cli, const json_t *all)
{
    int rc = EX_OK;

    if (cli->opt.json && !cli->opt.follow)
        return gw_cli_json(cli, all);
    if (cli->opt.csv)
        csv_head(cli->io->out);
    else if (!cli->opt.json)
        return json_array_size(all) == 0 ? cli_nothing(cli) : table_print(cli, all);
    for (size_t i = 0; i < json_array_size(all) && rc == EX_OK; i++) {
        if (cli->opt.csv)
            csv_row(cli, json_array_get(all, i));
        else
            rc = json_line(cli, json_array_get(all, i));
    }
    return rc;
}

/* ---- --follow ---- */

/* A table cannot grow; a line can be added. */
static void change_print(struct gw_cli *cli, const json_t *m)
{
    AUTO(buf_deinit) struct buf note = {0};
    char time[CLI_TEXT_MAX];
    const char *color;

    buf_init(&note, NOTE_MAX);
    (void)fprintf(cli->io->out, "%s  %s  %s  %s  %s  %s\n",
                  cli_time_text(cli, cli_time(m, "changed_at"), false, time),
                  cli_id_text(cli_str(m, "id")), cli_state_text(cli, cli_str(m, "state")),
                  cli_str(m, "recipient"), cli_message_name(m), note_text(cli, m, &note, &color));
}

/* Does the message belong to what was asked for? What the daemon has not filtered. */
static bool is_wanted(const struct gw_cli *cli, const json_t *m)
{
    struct span states = span_str(cli->opt.state), state;
    bool fits = cli->opt.state == NULL;

    while (!fits && span_split(&states, ',', &state))
        fits = span_is(span_trim(state), cli_str(m, "state"));
    return fits && strcmp(cli_str(m, "box"), "outbox") == 0 &&
           (!cli->opt.overdue || json_is_true(json_object_get(m, "overdue")));
}

/* GET without a word about failures; *fatal: it will not get better. */
static json_t *try_get(struct gw_cli *cli, const char *path, struct error *err)
{
    AUTO(json_drop) json_t *raw = NULL;

    if (gw_api_get(cli->api, path, &raw, err) != ST_OK)
        return NULL;
    return cli->opt.json ? TAKE(raw) : cli_harmless(raw);
}

static int line_show(struct gw_cli *cli, const json_t *m)
{
    if (cli->opt.json)
        return json_line(cli, m);
    if (cli->opt.csv)
        csv_row(cli, m);
    else
        change_print(cli, m);
    return EX_OK;
}

static int change_show(struct gw_cli *cli, const char *id)
{
    AUTO(json_drop) json_t *m = NULL;
    struct error err = {0};
    char path[128];

    (void)snprintf(path, sizeof path, "/v1/messages/%.64s", id);
    m = try_get(cli, path, &err);
    if (m == NULL || !is_wanted(cli, m)) /* gone meanwhile: nothing to show */
        return EX_OK;
    return line_show(cli, m);
}

static bool is_later_again(const json_t *events, size_t i)
{
    const char *id = cli_str(json_array_get(events, i), "id");

    for (size_t k = i + 1; k < json_array_size(events); k++)
        if (strcmp(cli_str(json_array_get(events, k), "id"), id) == 0)
            return true;
    return false;
}

/* Each message that the events are about, once. */
static int changes_show(struct gw_cli *cli, const json_t *events, int64_t *seq)
{
    int rc = EX_OK;

    for (size_t i = 0; i < json_array_size(events) && rc == EX_OK; i++) {
        const json_t *event = json_array_get(events, i);

        *seq = cli_int(event, "seq");
        if (cli_str(event, "id")[0] != '\0' && !is_later_again(events, i))
            rc = change_show(cli, cli_str(event, "id"));
    }
    return fflush(cli->io->out) != 0 ? EX_IOERR : rc; /* nobody reads any more */
}

/* ---- what becomes overdue because time passes: no event tells of it ---- */

struct watch {
    int64_t since;  /* what became overdue from then on is asked for */
    json_t *shown;  /* messages of the last answer, which the next one may hold once more */
    unsigned waits; /* since the last question */
};

static bool is_among(const json_t *all, const json_t *m)
{
    for (size_t i = 0; i < json_array_size(all); i++)
        if (strcmp(cli_str(json_array_get(all, i), "id"), cli_str(m, "id")) == 0)
            return true;
    return false;
}

/* One page of them behind cursor. */
static json_t *overdue_get(struct gw_cli *cli, const struct watch *w, const char *cursor,
                           struct error *err)
{
    AUTO(buf_deinit) struct buf path = {0};
    AUTO(json_drop) json_t *since = gw_json_time(w->since);
    const char *const params[][2] = {{"overdue_since", json_string_value(since)},
                                     {"state", cli->opt.state},
                                     {"endpoint", cli->opt.endpoint},
                                     {"since", cli->opt.since},
                                     {"cursor", cursor}};

    buf_init(&path, 16 * 1024);
    buf_printf(&path, "/v1/messages?limit=%d&box=outbox&overdue=true", EVENTS_PAGE);
    for (size_t i = 0; i < ARRAY_LEN(params); i++) {
        if (params[i][1] == NULL)
            continue;
        buf_printf(&path, "&%s=", params[i][0]);
        gw_api_query(&path, params[i][1]);
    }
    return try_get(cli, buf_cstr(&path), err);
}

/* Shows those that were not overdue at the last look. A daemon that is away is asked again the next
 * time, for the same time. */
static int overdue_show(struct gw_cli *cli, struct watch *w, int64_t now)
{
    AUTO(json_drop) json_t *all = json_array(), *page = NULL;
    const char *next = NULL;
    int rc = EX_OK;

    do {
        struct error err = {0};
        json_t *more = overdue_get(cli, w, next, &err);

        json_decref(page);
        page = more;
        if (more == NULL || json_array_extend(all, json_object_get(more, "messages")) != 0)
            return EX_OK;
        next = json_string_value(json_object_get(more, "next"));
    } while (next != NULL);
    for (size_t i = 0; i < json_array_size(all) && rc == EX_OK; i++)
        if (!is_among(w->shown, json_array_get(all, i)))
            rc = line_show(cli, json_array_get(all, i));
    json_decref(w->shown);
    w->shown = TAKE(all);
    w->since = now;
    return fflush(cli->io->out) != 0 ? EX_IOERR : rc;
}

/* The events after seq; below 0: the newest one. */
static json_t *events_get(struct gw_cli *cli, int64_t seq, struct error *err)
{
    AUTO(buf_deinit) struct buf path = {0};

    buf_init(&path, 16 * 1024);
    if (seq < 0)
        buf_str(&path, "/v1/events?limit=1");
    else
        buf_printf(&path, "/v1/events?after=%lld&limit=%d", (long long)seq, EVENTS_PAGE);
    if (cli->opt.endpoint != NULL) {
        buf_str(&path, "&endpoint=");
        gw_api_query(&path, cli->opt.endpoint);
    }
    return try_get(cli, buf_cstr(&path), err);
}

/* Where none has been found yet: up to there is none behind it. */
static int64_t newest_seq(const json_t *answer)
{
    const json_t *events = json_object_get(answer, "events");

    return json_array_size(events) == 0 ? cli_int(answer, "next")
                                        : cli_int(json_array_get(events, 0), "seq");
}

/* Told once when the daemon has gone, and once when it is back. */
static void lost_tell(struct gw_cli *cli, bool lost)
{
    (void)fflush(cli->io->out);
    (void)fprintf(
        cli->io->err, "depesche: %s\n",
        lost ? CLI_TEXT(cli, "Der Dienst antwortet nicht; es geht weiter, sobald er es tut.",
                        "The daemon does not answer; this goes on as soon as it does.")
             : CLI_TEXT(cli, "Der Dienst antwortet wieder.", "The daemon answers again."));
}

/* A daemon may be started again, also with a state from a backup, whose events end earlier. The
 * time is that of the start and what was waited since: behind the clock by what else took time, so
 * that what is asked for overlaps. */
static int follow(struct gw_cli *cli, int64_t seq, struct watch *w)
{
    int64_t now = cli->io->now;
    bool lost = false, full = false;

    for (; full || cli->io->pause(cli->io->pause_ctx, FOLLOW_MS); now += full ? 0 : FOLLOW_MS) {
        AUTO(json_drop) json_t *answer = NULL, *newest = NULL;
        const json_t *events;
        struct error err = {0};
        int rc;

        newest = lost ? events_get(cli, -1, &err) : NULL;
        if (newest != NULL && newest_seq(newest) < seq)
            seq = newest_seq(newest);
        answer = lost && newest == NULL ? NULL : events_get(cli, seq, &err);
        full = false;
        if (answer == NULL && err.status != ST_RETRY)
            return gw_cli_fail_api(cli, &err);
        if (lost != (answer == NULL))
            lost_tell(cli, answer == NULL);
        lost = answer == NULL;
        if (lost)
            continue;
        events = json_object_get(answer, "events");
        if ((rc = changes_show(cli, events, &seq)) != EX_OK)
            return rc;
        full = json_array_size(events) == EVENTS_PAGE || cli_int(answer, "next") > seq;
        seq = cli_int(answer, "next") > seq ? cli_int(answer, "next") : seq;
        if (cli->opt.overdue && w->waits++ % OVERDUE_EVERY == 0 &&
            (rc = overdue_show(cli, w, now)) != EX_OK)
            return rc;
    }
    return EX_OK;
}

int gw_cli_receipts(struct gw_cli *cli, int argc, char **argv)
{
    AUTO(json_drop) json_t *all = NULL, *newest = NULL;
    size_t limit = cli_limit(cli);
    struct error err = {0};
    struct watch watch;
    int rc;

    (void)argv;
    if (limit == 0)
        return EX_USAGE;
    if (argc > 0 || (cli->opt.json && cli->opt.csv))
        return gw_cli_form(cli, "receipts [--json|--csv]");
    if ((rc = gw_cli_connect(cli)) != EX_OK)
        return rc;
    if (cli->opt.follow && (newest = events_get(cli, -1, &err)) == NULL)
        return gw_cli_fail_api(cli, &err);
    if ((rc = receipts_read(cli, limit, &all)) != EX_OK ||
        (rc = receipts_print(cli, all)) != EX_OK || !cli->opt.follow)
        return rc;
    if (fflush(cli->io->out) != 0)
        return EX_IOERR;
    watch = (struct watch){.since = cli->io->now, .shown = TAKE(all)};
    rc = follow(cli, newest_seq(newest), &watch);
    json_decref(watch.shown);
    return rc;
}

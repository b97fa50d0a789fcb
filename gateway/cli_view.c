#include "gateway/cli_view.h"

#include <string.h>
#include <sysexits.h>
#include <time.h>

#include <libsmartcols/libsmartcols.h>

#include "gateway/card.h"
#include "gateway/message.h"

struct cli_table {
    struct gw_cli *cli;
    struct libscols_table *table;
    struct libscols_line *line;
    size_t column;
    bool failed; /* memory; told once at the end */
};

struct cli_table *cli_table_new(struct gw_cli *cli, const struct cli_column *columns, size_t count)
{
    struct cli_table *t = calloc(1, sizeof *t);

    if (t == NULL)
        return NULL;
    t->cli = cli;
    t->table = scols_new_table();
    if (t->table == NULL) {
        free(t);
        return NULL;
    }
    scols_table_set_stream(t->table, cli->io->out);
    scols_table_enable_colors(t->table, cli->io->color ? 1 : 0);
    scols_table_set_termforce(t->table,
                              cli->io->width > 0 ? SCOLS_TERMFORCE_ALWAYS : SCOLS_TERMFORCE_NEVER);
    if (cli->io->width > 0)
        scols_table_set_termwidth(t->table, (size_t)cli->io->width);
    scols_table_set_column_separator(t->table, "  ");
    for (size_t i = 0; i < count; i++) {
        int flags =
            (columns[i].right ? SCOLS_FL_RIGHT : 0) | (columns[i].shrink ? SCOLS_FL_TRUNC : 0);

        if (scols_table_new_column(t->table, CLI_TEXT(cli, columns[i].de, columns[i].en), 0,
                                   flags) == NULL)
            t->failed = true;
    }
    return t;
}

void cli_table_free(struct cli_table *t)
{
    if (t == NULL)
        return;
    scols_unref_table(t->table);
    free(t);
}

void cli_row(struct cli_table *t)
{
    t->line = scols_table_new_line(t->table, NULL);
    t->column = 0;
    t->failed = t->failed || t->line == NULL;
}

void cli_cell(struct cli_table *t, const char *text, const char *color)
{
    if (t->line == NULL)
        return;
    if (scols_line_set_data(t->line, t->column, text == NULL ? "" : text) != 0)
        t->failed = true;
    if (color != NULL && t->cli->io->color)
        (void)scols_cell_set_color(scols_line_get_cell(t->line, t->column), color);
    t->column++;
}

int cli_table_print(struct cli_table *t)
{
    if (t->failed || scols_print_table(t->table) != 0)
        return gw_cli_fail(t->cli, GW_R_MEMORY, NULL, 0);
    return EX_OK;
}

const char *cli_str(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text == NULL ? "" : text;
}

int64_t cli_int(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

int64_t cli_time(const json_t *object, const char *key)
{
    const char *text = cli_str(object, key);
    int64_t ms;

    return text[0] != '\0' && gw_card_time_ms(span_str(text), &ms) ? ms : 0;
}

const char *cli_time_text(const struct gw_cli *cli, int64_t ms, bool full,
                          char text[static CLI_TEXT_MAX])
{
    time_t then = (time_t)(ms / 1000), now = (time_t)(cli->io->now / 1000);
    struct tm a, b;

    text[0] = '\0';
    if (ms == 0 || localtime_r(&then, &a) == NULL || localtime_r(&now, &b) == NULL)
        return text;
    if (full)
        (void)strftime(text, CLI_TEXT_MAX, CLI_TEXT(cli, "%d.%m.%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S"),
                       &a);
    else if (a.tm_year == b.tm_year && a.tm_yday == b.tm_yday)
        (void)strftime(text, CLI_TEXT_MAX, "%H:%M:%S", &a);
    else if (a.tm_year == b.tm_year)
        (void)strftime(text, CLI_TEXT_MAX, CLI_TEXT(cli, "%d.%m. %H:%M", "%m-%d %H:%M"), &a);
    else
        (void)strftime(text, CLI_TEXT_MAX, CLI_TEXT(cli, "%d.%m.%Y", "%Y-%m-%d"), &a);
    return text;
}

const char *cli_size_text(const struct gw_cli *cli, int64_t bytes, char text[static CLI_TEXT_MAX])
{
    static const char *const units[] = {"KB", "MB", "GB", "TB"};
    int64_t tenths = bytes * 10;
    size_t unit = 0;

    if (bytes < 1000) {
        (void)snprintf(text, CLI_TEXT_MAX, "%lld B", (long long)bytes);
        return text;
    }
    for (tenths /= 1000; tenths >= 10000 && unit + 1 < ARRAY_LEN(units); unit++)
        tenths /= 1000;
    (void)snprintf(text, CLI_TEXT_MAX, "%lld%s%lld %s", (long long)(tenths / 10),
                   CLI_TEXT(cli, ",", "."), (long long)(tenths % 10), units[unit]);
    return text;
}

const char *cli_id_text(const char *id)
{
    size_t len = strlen(id);

    return len > CLI_ID_CHARS ? id + len - CLI_ID_CHARS : id;
}

const char *cli_state_text(const struct gw_cli *cli, const char *name)
{
    enum gw_state state;

    return gw_state_of(span_str(name), &state) ? gw_state_text(state, cli->lang == GW_LANG_DE)
                                               : name;
}

const char *cli_state_color(const char *name)
{
    static const struct {
        const char *name, *color;
    } colors[] = {
        {"delivered", "green"}, {"acknowledged", "green"}, {"handed_over", "green"},
        {"deferred", "yellow"}, {"failed", "red"},         {"expired", "red"},
        {"quarantined", "red"}, {"rejected", "red"},       {"unclear", "yellow"},
    };

    for (size_t i = 0; i < ARRAY_LEN(colors); i++)
        if (strcmp(colors[i].name, name) == 0)
            return colors[i].color;
    return NULL;
}

bool cli_is_one_of(const char *text, const char *const *names)
{
    for (; *names != NULL; names++)
        if (strcmp(text, *names) == 0)
            return true;
    return false;
}

const char *cli_error_text(const struct gw_cli *cli, const json_t *message)
{
    return cli_str(json_object_get(message, "last_error"), CLI_TEXT(cli, "de", "en"));
}

const char *cli_message_name(const json_t *message)
{
    const char *source = cli_str(message, "source_name");

    return source[0] != '\0' ? source : cli_str(message, "subject");
}

size_t cli_limit(struct gw_cli *cli)
{
    uint64_t limit = 100;

    if (cli->opt.limit != NULL &&
        (!span_to_u64(span_str(cli->opt.limit), &limit) || limit == 0 || limit > 1000000)) {
        (void)gw_cli_form(cli, "... --limit 1...1000000");
        return 0;
    }
    return (size_t)limit;
}

int cli_nothing(struct gw_cli *cli)
{
    (void)fprintf(cli->io->out, "%s\n", CLI_TEXT(cli, "keine Nachrichten", "no messages"));
    return EX_OK;
}

void cli_pair(struct gw_cli *cli, const char *name, const char *value)
{
    FILE *out = cli->io->out;
    size_t width = 0;

    if (value[0] == '\0')
        return;
    for (const char *c = name; *c != '\0'; c++)
        width += (*c & 0xc0) != 0x80; /* characters, not bytes */
    (void)fprintf(out, "%s:%*s", name, width < 17 ? (int)(17 - width) : 1, "");
    cli_put(out, value);
    (void)fputc('\n', out);
}

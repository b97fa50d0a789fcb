/* gateway/cli_view.h - how the command shows things: tables, local times, sizes, states */
#pragma once

#include "gateway/cli.h"

enum { CLI_TEXT_MAX = 64, CLI_ID_CHARS = 8 };

struct cli_column {
    const char *de, *en;
    bool right;  /* numbers */
    bool shrink; /* may be cut when the terminal is narrow */
};

struct cli_table;

/* columns is borrowed. NULL: no memory. */
struct cli_table *cli_table_new(struct gw_cli *cli, const struct cli_column *columns, size_t count);
void cli_table_free(struct cli_table *t);
DROP_DEFINE(cli_table_drop, struct cli_table, cli_table_free)
/* A new row; the cells come one after the other with cli_cell. */
void cli_row(struct cli_table *t);
/* text NULL: empty. color: "red", "green", "yellow" or NULL. */
void cli_cell(struct cli_table *t, const char *text, const char *color);
/* 0 or the exit code. */
int cli_table_print(struct cli_table *t);

/* Members of JSON objects; "" or 0 when absent. */
const char *cli_str(const json_t *object, const char *key);
int64_t cli_int(const json_t *object, const char *key);
/* ms of an RFC 3339 member, 0 when absent or unreadable. */
int64_t cli_time(const json_t *object, const char *key);

/* Local time: 10:14:05 today, with day before, with year last year; full: always everything. "" for
 * 0. Returns text. */
const char *cli_time_text(const struct gw_cli *cli, int64_t ms, bool full,
                          char text[static CLI_TEXT_MAX]);
const char *cli_size_text(const struct gw_cli *cli, int64_t bytes, char text[static CLI_TEXT_MAX]);
/* The last characters of an id: UUIDv7 begin alike. */
const char *cli_id_text(const char *id);
/* The whole id of a message: given whole, or by the end (rather) or beginning of one among the
 * newest messages. 0 or the exit code. */
int gw_cli_id(struct gw_cli *cli, const char *given, char id[static CLI_TEXT_MAX]);
/* A state for people. */
const char *cli_state_text(const struct gw_cli *cli, const char *name);
const char *cli_state_color(const char *name);
/* last_error's sentence in the chosen language, "" when there is none. */
const char *cli_error_text(const struct gw_cli *cli, const json_t *message);
/* What a message is called: the file it came from, else its subject. */
const char *cli_message_name(const json_t *message);

/* "name: value" lines, values without control characters. */
void cli_pair(struct gw_cli *cli, const char *name, const char *value);

/* How many the caller wants: --limit, or 100; 0 after telling what is wrong with it. */
size_t cli_limit(struct gw_cli *cli);
/* "no messages"; 0. */
int cli_nothing(struct gw_cli *cli);
/* names end with NULL. */
bool cli_is_one_of(const char *text, const char *const *names);
/* A table of messages, one line each; 0 or the exit code. */
int cli_messages_print(struct gw_cli *cli, const json_t *all);
/* A table of events, or that there are none. */
int cli_events_print(struct gw_cli *cli, const json_t *all);
/* One message with all that is known about it. */
void cli_message_print(struct gw_cli *cli, const json_t *m);

/* Writes text with ? for each character that could steer a terminal (cli_safe.c). */
void cli_put(FILE *out, const char *text);
/* The same of all strings in it, as a new value; NULL: no memory. */
json_t *cli_harmless(json_t *value);

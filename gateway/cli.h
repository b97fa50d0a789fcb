/*
 * gateway/cli.h - the depesche command
 *
 * A table of verbs, each a function; the table is also the help and what the manual is checked
 * against. The command speaks to the daemon's API only and keeps nothing itself. What it prints on
 * a terminal is for people: aligned, in local time, German or English; with --json it prints what
 * the API said. Errors go to stderr, with the way out; exit codes are those of sysexits(3).
 */
#pragma once

#include <stdio.h>

#include "gateway/api_client.h"

/* The world outside, so that tests can bring their own. */
struct gw_cli_io {
    FILE *out, *err;
    int width;         /* of the terminal in columns; 0: not a terminal, nothing is cut */
    bool color;        /* out is a terminal and NO_COLOR is not set */
    bool progress;     /* err is a terminal */
    int64_t now;       /* ms since 1970 */
    enum gw_lang lang; /* of the locale */
    /* Waits; false: that was long enough, --follow ends. */
    bool (*pause)(void *ctx, int ms);
    void *pause_ctx;
};

struct gw_cli;

struct gw_cli_verb {
    const char *name;
    const char *args;                                      /* as in the help: "[outbox|inbox]" */
    int (*run)(struct gw_cli *cli, int argc, char **argv); /* the words behind the verb */
    const char *options; /* letters of the options it takes besides the general ones */
    const char *de, *en; /* one sentence */
};

struct gw_cli_options {
    const char *socket, *config;
    const char *endpoint, *to, *type, *header, *subject, *key, *state, *since, *limit, *after,
        *ports, *reason, *tenant, *head, *on, *as, *passphrase_file;
    bool json, demo, verify, overdue, csv, follow;
};

struct gw_cli {
    const struct gw_cli_io *io;
    struct gw_cli_options opt;
    enum gw_lang lang;
    struct gw_api *api; /* opened by gw_cli_connect */
    char *socket;       /* what it was opened with */
};

/* argv[0] is the program. Returns the exit code. */
int gw_cli_run(int argc, char **argv, const struct gw_cli_io *io);

/* For the verbs. */
extern const struct gw_cli_verb gw_cli_verbs[];
extern const size_t gw_cli_verbs_count;

/* Either language. */
#define CLI_TEXT(cli, de, en) ((cli)->lang == GW_LANG_DE ? (de) : (en))

/* Prints what the catalogue says about code and returns the exit code for it. */
int gw_cli_fail(struct gw_cli *cli, int code, const struct gw_explain_field *fields, size_t count);
/* The same for a request that failed. */
int gw_cli_fail_api(struct gw_cli *cli, const struct error *err);
/* The word that is wrong. */
int gw_cli_usage(struct gw_cli *cli, const char *detail);
/* How the command is written, without the program's name. */
int gw_cli_form(struct gw_cli *cli, const char *form);
/* Finds the socket and makes cli->api; 0, or the exit code after saying what is wrong. */
int gw_cli_connect(struct gw_cli *cli);
/* GET path, POST path; 0 or the exit code. Unless --json is given nothing in the answer steers a
 * terminal. */
int gw_cli_get(struct gw_cli *cli, const char *path, json_t **answer);
int gw_cli_post(struct gw_cli *cli, const char *path, json_t **answer);
/* Pages of messages of a box (NULL: both), as the options say, until limit or the end; *all is an
 * array. overdue: only those that are, the longest first. 0 or the exit code. */
int gw_cli_messages(struct gw_cli *cli, const char *box, bool overdue, size_t limit, json_t **all);
/* Prints json with two blanks of indentation; 0 or the exit code. */
int gw_cli_json(struct gw_cli *cli, const json_t *json);

int gw_cli_init(struct gw_cli *cli, int argc, char **argv);
int gw_cli_check_config(struct gw_cli *cli, int argc, char **argv);
int gw_cli_status(struct gw_cli *cli, int argc, char **argv);
int gw_cli_send(struct gw_cli *cli, int argc, char **argv);
int gw_cli_list(struct gw_cli *cli, int argc, char **argv);
int gw_cli_show(struct gw_cli *cli, int argc, char **argv);
int gw_cli_why(struct gw_cli *cli, int argc, char **argv);
int gw_cli_quarantine(struct gw_cli *cli, int argc, char **argv);
int gw_cli_ack(struct gw_cli *cli, int argc, char **argv);
int gw_cli_retry(struct gw_cli *cli, int argc, char **argv);
int gw_cli_cancel(struct gw_cli *cli, int argc, char **argv);
int gw_cli_redeliver(struct gw_cli *cli, int argc, char **argv);
int gw_cli_events(struct gw_cli *cli, int argc, char **argv);
int gw_cli_mailboxes(struct gw_cli *cli, int argc, char **argv);
int gw_cli_intermediary(struct gw_cli *cli, int argc, char **argv);
int gw_cli_audit(struct gw_cli *cli, int argc, char **argv);
int gw_cli_backup(struct gw_cli *cli, int argc, char **argv);
int gw_cli_restore(struct gw_cli *cli, int argc, char **argv);
int gw_cli_certs(struct gw_cli *cli, int argc, char **argv);
int gw_cli_outlook(struct gw_cli *cli); /* status --on */
int gw_cli_directory(struct gw_cli *cli, int argc, char **argv);
int gw_cli_doctor(struct gw_cli *cli, int argc, char **argv);
int gw_cli_routes(struct gw_cli *cli, int argc, char **argv);
int gw_cli_route(struct gw_cli *cli, int argc, char **argv);
int gw_cli_reload(struct gw_cli *cli, int argc, char **argv);
int gw_cli_receipts(struct gw_cli *cli, int argc, char **argv);

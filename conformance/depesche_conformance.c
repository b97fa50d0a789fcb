/*
 * conformance/depesche_conformance.c - the command: depesche-conformance(1)
 */
#include <curl/curl.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "conformance/keys.h"
#include "conformance/report.h"
#include "crypto/crypto.h"

static const char usage_text[] =
    "usage: depesche-conformance [--intermediary URL] [--client URL] [--recipient URL]\n"
    "           [--xta PORT=URL]... --keys DIR [--hook NAME=COMMAND]... [--set NAME=VALUE]...\n"
    "           [--only SCENARIO] [--timeout SECONDS] [--evidence DIR] [--schemas DIR]\n"
    "           [--xta-schemas DIR] [--html FILE] [--json] [--lang de|en] [--quiet]\n"
    "       depesche-conformance --list [--lang de|en]\n"
    "       depesche-conformance --make-keys DIR\n";

enum { DEFAULT_TIMEOUT_MS = 60000 };

struct command {
    struct conf_settings settings;
    const char *html, *make_keys;
    bool json, german, list, quiet;
};

static int usage(void)
{
    (void)fputs(usage_text, stderr);
    return EX_USAGE;
}

/* NAME=VALUE; the argument itself is cut in two. */
static bool option_add(struct conf_option *options, size_t *count, size_t max, char *text)
{
    char *eq = strchr(text, '=');

    if (eq == NULL || *count == max)
        return false;
    *eq = '\0';
    options[(*count)++] = (struct conf_option){text, eq + 1};
    return true;
}

/* The port by whose URL each role of XTA is asked for. */
static bool port_add(struct conf_settings *s, char *text)
{
    static const struct {
        const char *port;
        enum conf_role role;
    } firsts[] = {{"v3.management", CONF_SERVER_V3},
                  {"v5.base", CONF_SERVER_V5},
                  {"v5.reader", CONF_READER_V5},
                  {"v3.client", CONF_XTA_CLIENT_V3},
                  {"v5.client", CONF_XTA_CLIENT_V5}};
    const struct conf_option *port = &s->ports[s->port_count];

    if (!option_add(s->ports, &s->port_count, CONF_PORTS_MAX, text))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(firsts); i++)
        if (strcmp(port->name, firsts[i].port) == 0)
            s->urls[firsts[i].role] = port->value;
    return true;
}

static bool timeout_read(const char *text, unsigned *ms)
{
    uint64_t seconds;

    if (!span_to_u64(span_str(text), &seconds) || seconds < 1 || seconds > 3600)
        return false;
    *ms = (unsigned)seconds * 1000;
    return true;
}

static bool option_take(struct command *c, int option)
{
    struct conf_settings *s = &c->settings;

    switch (option) {
    case 'i':
    case 'c':
    case 'r':
        s->urls[option == 'i'   ? CONF_INTERMEDIARY
                : option == 'c' ? CONF_CLIENT
                                : CONF_RECIPIENT] = optarg;
        return true;
    case 'k':
        s->keys = optarg;
        return true;
    case 'e':
        s->evidence = optarg;
        return true;
    case 'x':
        s->schemas = optarg;
        return true;
    case 'o':
        s->only = optarg;
        return true;
    case 'h':
        return option_add(s->hooks, &s->hook_count, CONF_OPTIONS_MAX, optarg);
    case 's':
        return option_add(s->sets, &s->set_count, CONF_OPTIONS_MAX, optarg);
    case 'p':
        return port_add(s, optarg);
    case 'X':
        s->xta_schemas = optarg;
        return true;
    case 't':
        return timeout_read(optarg, &s->timeout_ms);
    case 'H':
        c->html = optarg;
        return true;
    case 'm':
        c->make_keys = optarg;
        return true;
    case 'j':
        return c->json = true;
    case 'l':
        return c->list = true;
    case 'q':
        return c->quiet = true;
    case 'L':
        c->german = strcmp(optarg, "de") == 0;
        return c->german || strcmp(optarg, "en") == 0;
    default:
        return false;
    }
}

static bool command_read(struct command *c, int argc, char **argv)
{
    static const struct option options[] = {{"intermediary", required_argument, NULL, 'i'},
                                            {"client", required_argument, NULL, 'c'},
                                            {"recipient", required_argument, NULL, 'r'},
                                            {"xta", required_argument, NULL, 'p'},
                                            {"xta-schemas", required_argument, NULL, 'X'},
                                            {"keys", required_argument, NULL, 'k'},
                                            {"hook", required_argument, NULL, 'h'},
                                            {"set", required_argument, NULL, 's'},
                                            {"evidence", required_argument, NULL, 'e'},
                                            {"schemas", required_argument, NULL, 'x'},
                                            {"only", required_argument, NULL, 'o'},
                                            {"timeout", required_argument, NULL, 't'},
                                            {"html", required_argument, NULL, 'H'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"list", no_argument, NULL, 'l'},
                                            {"lang", required_argument, NULL, 'L'},
                                            {"quiet", no_argument, NULL, 'q'},
                                            {"make-keys", required_argument, NULL, 'm'},
                                            {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (!option_take(c, option))
            return false;
    return optind == argc;
}

static int report(const struct command *c, const struct conf_run *run)
{
    if (c->json)
        conf_report_json(stdout, run);
    else
        conf_report_text(stdout, run, c->german);
    if (c->html != NULL) {
        FILE *page = fopen(c->html, "w");

        if (page == NULL) {
            (void)fprintf(stderr, "depesche-conformance: %s: %s\n", c->html, strerror(errno));
            return EX_CANTCREAT;
        }
        conf_report_html(page, run);
        if (fclose(page) != 0)
            return EX_IOERR;
    }
    return conf_report_count(run, CONF_FAIL) == 0 ? EX_OK : 1;
}

static int run_all(const struct command *c)
{
    struct error err = {0};
    AUTO(conf_run_deinit) struct conf_run run = {0};

    if (conf_run_init(&run, &c->settings, &err) != ST_OK) {
        (void)fprintf(stderr, "depesche-conformance: %s\n", err.text);
        return EX_CONFIG;
    }
    run.quiet = c->quiet;
    for (enum conf_role role = 0; role < CONF_ROLES; role++)
        if (c->settings.urls[role] != NULL)
            conf_run_all(&run, role);
    conf_results_close(&run.results, run.role_run);
    return report(c, &run);
}

static int keys_make(const char *folder)
{
    struct error err = {0};

    if (conf_keys_make(folder, &err) == ST_OK)
        return EX_OK;
    (void)fprintf(stderr, "depesche-conformance: %s\n", err.text);
    return EX_CANTCREAT;
}

int main(int argc, char **argv)
{
    struct command command = {.settings = {.timeout_ms = DEFAULT_TIMEOUT_MS}};
    struct error err = {0};
    int rc;

    if (!command_read(&command, argc, argv))
        return usage();
    if (command.list) {
        conf_report_list(stdout, command.german);
        return EX_OK;
    }
    if (command.settings.keys == NULL && command.make_keys == NULL)
        return usage();
    (void)signal(SIGPIPE, SIG_IGN);
    if (crypto_init(&err) != ST_OK || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        (void)fprintf(stderr, "depesche-conformance: %s\n", err.text);
        return EX_SOFTWARE;
    }
    rc = command.make_keys != NULL ? keys_make(command.make_keys) : run_all(&command);
    curl_global_cleanup();
    crypto_deinit();
    return rc;
}

/*
 * depesched - the daemon
 *
 *   depesched --config FILE
 *
 * Reads its settings, opens the store, starts the doors (drop folders, API, OSCI listeners) and the
 * lanes, and runs until SIGTERM or SIGINT. Everything it has acknowledged is durable at any moment,
 * so stopping it in any way loses nothing.
 */
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sysexits.h>

#include <curl/curl.h>
#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "crypto/crypto.h"
#include "gateway/daemon.h"
#include "gateway/log.h"

static const char usage[] =
    "usage: depesched --config FILE\n"
    "       depesched --check --config FILE   read the settings, say what is wrong, and end\n"
    "       depesched --version | --help\n";

struct options {
    const char *config;
    bool check;
};

/* EX_OK: go on; anything else ends the process with it (-1: with success). */
static int options_read(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
                                          {"check", no_argument, NULL, 'k'},
                                          {"version", no_argument, NULL, 'v'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int c;

    while ((c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
        switch (c) {
        case 'c':
            o->config = optarg;
            break;
        case 'k':
            o->check = true;
            break;
        case 'v':
            (void)puts("depesched " DEPESCHE_VERSION);
            return -1;
        case 'h':
            (void)fputs(usage, stdout);
            return -1;
        default:
            (void)fputs(usage, stderr);
            return EX_USAGE;
        }
    }
    if (o->config == NULL || optind < argc) {
        (void)fputs(usage, stderr);
        return EX_USAGE;
    }
    return EX_OK;
}

/* Findings go to stderr in the language of the environment. */
static const struct gw_config *config_read(const char *path)
{
    AUTO(gw_config_report_deinit) struct gw_config_report report = {0};
    AUTO(buf_deinit) struct buf text = {0};
    const struct gw_config *conf = NULL;
    struct error err = {0};
    const char *lang = getenv("LC_ALL");

    if (lang == NULL || lang[0] == '\0')
        lang = getenv("LANG");
    gw_config_report_init(&report);
    buf_init(&text, 1024 * 1024);
    if (gw_config_load(path, &conf, &report, &err) != ST_OK)
        conf = NULL;
    gw_config_report_text(&report, gw_lang_of(lang == NULL ? "" : lang, GW_LANG_EN), &text);
    (void)fputs(buf_cstr(&text), stderr);
    return conf;
}

static void notify(const char *state)
{
#ifdef HAVE_SYSTEMD
    (void)sd_notify(0, state);
#else
    (void)state;
#endif
}

static void on_signal(void *ctx, int signum)
{
    struct gw_daemon *daemon = ctx;

    if (signum == SIGHUP) {
        gw_daemon_reopen_log(daemon);
        return;
    }
    notify("STOPPING=1");
    gw_daemon_stop(daemon);
}

/* The process itself: nothing of it may be read by others, nor swell without need. */
static void process_harden(void)
{
    (void)umask(0077);
    (void)prctl(PR_SET_DUMPABLE, 0);
    /* one heap for all threads would be slow, one for each would keep freed memory in all of them
     */
    (void)mallopt(M_ARENA_MAX, 4);
    (void)mallopt(M_MMAP_THRESHOLD, 256 * 1024);
}

static int run(const struct gw_config *conf)
{
    AUTO(gw_daemon_drop) struct gw_daemon *daemon = NULL;
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    struct error err = {0};
    enum status st = gw_daemon_new(conf, &daemon, &err);

    for (size_t i = 0; i < ARRAY_LEN(signals) && st == ST_OK; i++)
        st = gw_daemon_on_signal(daemon, signals[i], on_signal, &err);
    if (st != ST_OK) {
        (void)fprintf(stderr, "depesched: %s\n", err.text);
        return st == ST_RETRY ? EX_TEMPFAIL : st == ST_INTERNAL ? EX_SOFTWARE : EX_CONFIG;
    }
    notify("READY=1");
    gw_daemon_run(daemon);
    return EX_OK;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    struct error err = {0};
    const struct gw_config *conf;
    int rc = options_read(argc, argv, &options);

    if (rc != EX_OK)
        return rc < 0 ? EX_OK : rc;
    process_harden();
    if (crypto_init(&err) != ST_OK || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        (void)fprintf(stderr, "depesched: the libraries cannot be used: %s\n", err.text);
        return EX_SOFTWARE;
    }
    conf = config_read(options.config);
    if (conf == NULL)
        return EX_CONFIG;
    rc = options.check ? EX_OK : run(conf);
    gw_config_free(conf);
    curl_global_cleanup();
    crypto_deinit();
    return rc;
}

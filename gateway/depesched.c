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
#include "gateway/reason.h"

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

static enum gw_lang language(void)
{
    const char *lang = getenv("LC_ALL");

    if (lang == NULL || lang[0] == '\0')
        lang = getenv("LANG");
    return gw_lang_of(lang == NULL ? "" : lang, GW_LANG_EN);
}

/* From its file, or from text when there is one. Findings go to stderr in the language of the
 * environment. */
static const struct gw_config *config_read(const char *path, struct span yaml)
{
    AUTO(gw_config_report_deinit) struct gw_config_report report = {0};
    AUTO(buf_deinit) struct buf text = {0};
    const struct gw_config *conf = NULL;
    struct error err = {0};
    enum status st;

    gw_config_report_init(&report);
    buf_init(&text, 1024 * 1024);
    st = yaml.len > 0 ? gw_config_restore(yaml, path, &conf, &report, &err)
                      : gw_config_load(path, &conf, &report, &err);
    if (st != ST_OK)
        conf = NULL;
    gw_config_report_text(&report, language(), &text);
    (void)fputs(buf_cstr(&text), stderr);
    return conf;
}

/* Why there is no start, and what to do, where the catalogue knows that. */
static void start_explain(const struct error *err)
{
    const struct gw_explain_field fields[] = {{"detail", err->text}};
    AUTO(buf_deinit) struct buf action = {0};
    int reason = gw_reason_of(err);
    char code[GW_CODE_SIZE];

    buf_init(&action, 8192);
    (void)fprintf(stderr, "depesched: %s (%s)\n", err->text, gw_explain_code(reason, code));
    gw_explain_action(&action, reason, language(), fields, ARRAY_LEN(fields));
    if (strchr(buf_cstr(&action), '?') == NULL) /* with one it speaks of what is not known here */
        (void)fprintf(stderr, "    %s\n", buf_cstr(&action));
}

static void notify(const char *state)
{
#ifdef HAVE_SYSTEMD
    (void)sd_notify(0, state);
#else
    (void)state;
#endif
}

static void alive(void)
{
    notify("WATCHDOG=1");
}

/* A loop that stands still helps nobody: the service manager starts us anew then. */
static void watchdog_feed(struct gw_daemon *daemon)
{
#ifdef HAVE_SYSTEMD
    uint64_t us;

    if (sd_watchdog_enabled(0, &us) > 0)
        gw_daemon_every(daemon, (int64_t)(us / 1000 / 3), alive);
#else
    (void)daemon;
    (void)alive;
#endif
}

static void on_signal(void *ctx, int signum)
{
    struct gw_daemon *daemon = ctx;

    if (signum == SIGHUP) {
        gw_daemon_hang_up(daemon);
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

/* Into the cage first: what is started afterwards is in it, too. */
static enum status daemon_start(const struct gw_config *conf, struct gw_handover *handover,
                                struct gw_daemon **out, struct error *err)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    AUTO(gw_daemon_drop) struct gw_daemon *daemon = NULL;
    struct gw_cage cage;

    TRY(gw_cage_enter(conf, &cage, err));
    TRY(gw_daemon_new(conf, handover, &daemon, err));
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        TRY(gw_daemon_on_signal(daemon, signals[i], on_signal, err));
    gw_daemon_caged(daemon, &cage);
    *out = TAKE(daemon);
    return ST_OK;
}

/* The settings before these, in their stead; false: there are none, or they do not hold any more.
 */
static bool fall_back(const struct gw_config **conf, const char *path, struct gw_handover *handover)
{
    struct span text = gw_handover_text(handover);
    const struct gw_config *old = text.len > 0 ? config_read(path, text) : NULL;

    if (old == NULL)
        return false;
    gw_config_free(*conf);
    *conf = old;
    return true;
}

/* New settings that cannot be started with, although nothing seemed wrong with them, leave the old
 * ones in force: a gateway that stands still helps nobody. */
static enum status start_or_fall_back(const struct gw_config **conf, const char *path,
                                      struct gw_handover *handover, struct gw_daemon **daemon,
                                      struct error *err)
{
    struct error again = {0};
    enum status st = *conf == NULL
                         ? error_set(err, ST_INVALID, GW_R_CONFIG_REFUSED, "%s has errors", path)
                         : daemon_start(*conf, handover, daemon, err);

    if (st == ST_OK)
        return ST_OK;
    start_explain(err);
    if (!fall_back(conf, path, handover))
        return st;
    st = daemon_start(*conf, handover, daemon, &again);
    if (st == ST_OK)
        gw_daemon_fell_back(*daemon, err);
    else
        start_explain(&again);
    return st;
}

/* EX_OK: an orderly end, or *anew: the loop has ended for other settings. */
static int run(const struct gw_config **conf, const char *path, struct gw_handover *handover,
               bool *anew)
{
    AUTO(gw_daemon_drop) struct gw_daemon *daemon = NULL;
    struct error err = {0};
    enum status st = start_or_fall_back(conf, path, handover, &daemon, &err);

    if (st != ST_OK)
        return st == ST_RETRY ? EX_TEMPFAIL : st == ST_INTERNAL ? EX_SOFTWARE : EX_CONFIG;
    gw_handover_rest(handover);
    notify("READY=1");
    watchdog_feed(daemon);
    gw_daemon_run(daemon);
    *anew = gw_daemon_begins_anew(daemon);
    return EX_OK;
}

/* One life with one set of settings; what comes after a reload is a new program. */
static int serve(const char *path, char **argv)
{
    AUTO(gw_handover_drop) struct gw_handover *handover = NULL;
    AUTO(gw_config_drop) const struct gw_config *conf = NULL;
    struct error err = {0};
    bool anew = false;
    int rc;

    if (gw_handover_new(&handover, &err) != ST_OK)
        return EX_OSERR;
    conf = config_read(path, SPAN_NONE);
    rc = run(&conf, path, handover, &anew);
    if (!anew)
        return rc;
    notify("RELOADING=1\nWATCHDOG=1");
    gw_handover_exec(handover, argv, conf->text, &err);
    (void)fprintf(stderr, "depesched: %s\n", err.text);
    return EX_OSERR;
}

static int check(const char *path)
{
    AUTO(gw_config_drop) const struct gw_config *conf = config_read(path, SPAN_NONE);

    return conf == NULL ? EX_CONFIG : EX_OK;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    struct error err = {0};
    int rc = options_read(argc, argv, &options);

    if (rc != EX_OK)
        return rc < 0 ? EX_OK : rc;
    process_harden();
    if (crypto_init(&err) != ST_OK || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        (void)fprintf(stderr, "depesched: the libraries cannot be used: %s\n", err.text);
        return EX_SOFTWARE;
    }
    rc = options.check ? check(options.config) : serve(options.config, argv);
    curl_global_cleanup();
    crypto_deinit();
    return rc;
}

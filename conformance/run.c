#include "conformance/run.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>

#include "conformance/schemas.h"
#include "xta/schema.h"

enum { FILE_MAX = 1024 * 1024, HOOK_OUTPUT_MAX = 4 * 1024 * 1024 };
enum { PATIENCE_SECONDS = 60, PATIENCE_MAX_SECONDS = 86400 };

enum status conf_run_init(struct conf_run *run, const struct conf_settings *settings,
                          struct error *err)
{
    *run = (struct conf_run){.settings = settings,
                             .rng = rng_system(),
                             .policy = {.read_cbc = true, .read_rsa15 = true}};
    conf_results_init(&run->results);
    (void)pthread_mutex_init(&run->lock, NULL);
    run->evidence = calloc(CONF_EVIDENCE_MAX, sizeof *run->evidence);
    TRY_ALLOC(run->evidence, err);
    if (settings->schemas != NULL)
        TRY(conf_schemas_new(settings->schemas, &run->schemas, err));
    if (settings->port_count > 0)
        TRY(xta_schemas_new(&run->xta_schemas, err));
    if (settings->evidence != NULL && mkdir(settings->evidence, 0755) != 0 && errno != EEXIST)
        return error_set(err, ST_INVALID, 0, "%s: %s", settings->evidence, strerror(errno));
    return ST_OK;
}

void conf_run_deinit(struct conf_run *run)
{
    if (run->settings == NULL)
        return;
    for (size_t i = 0; i < run->party_count; i++) {
        cert_free(run->parties[i].signature);
        cert_free(run->parties[i].cipher);
        key_free(run->parties[i].signature_key);
        key_free(run->parties[i].cipher_key);
    }
    free(run->evidence);
    conf_schemas_free(run->schemas);
    xta_schemas_drop(&run->xta_schemas);
    xmlSchemaFree(run->xta_official[0]);
    xmlSchemaFree(run->xta_official[1]);
    (void)pthread_mutex_destroy(&run->lock);
    conf_results_deinit(&run->results);
}

/* What it named and said nothing about broke off with it. */
static void scenario_close(struct conf_run *run, enum status st, const struct error *err)
{
    const struct conf_scenario *s = run->scenario;

    for (const unsigned char *n = s->numbers; *n != 0; n++) {
        if (!conf_role_asks(run->role, *n) || run->results.looked[*n])
            continue; /* one of another version, or all is said */
        if (st == ST_NOT_FOUND)
            conf_untestable(run, *n, err->text, err->text);
        else
            (void)conf_check(run, *n, false, "%s broke off: %s", s->name,
                             st == ST_OK ? "it never came to looking" : err->text);
    }
}

void conf_run_role(struct conf_run *run, enum conf_role role, const struct conf_scenario *scenarios,
                   size_t count)
{
    run->role = role;
    run->role_run[role] = true;
    for (size_t i = 0; i < count; i++) {
        const char *only = run->settings->only;
        struct error err = {0};
        enum status st;

        if (only != NULL && strncmp(scenarios[i].name, only, strlen(only)) != 0)
            continue;
        run->scenario = &scenarios[i];
        memset(run->results.looked, 0, sizeof run->results.looked);
        if (!run->quiet)
            (void)fprintf(stderr, "%s: %s\n", conf_role(role)->name, scenarios[i].name);
        st = scenarios[i].run(run, &err);
        if (st != ST_OK && !run->quiet)
            (void)fprintf(stderr, "%s: %s: %s (%s:%d)\n", conf_role(role)->name, scenarios[i].name,
                          err.text, err.file != NULL ? err.file : "-", err.line);
        scenario_close(run, st, &err);
        run->scenario = NULL;
    }
    if (run->role_end != NULL)
        run->role_end(run->role_state);
    run->role_state = NULL;
    run->role_end = NULL;
}

/* ---- looks ---- */

bool conf_check(struct conf_run *run, unsigned number, bool good, const char *fmt, ...)
{
    char reason[CONF_REASON_MAX] = "";
    const char *scenario = run->scenario != NULL ? run->scenario->name : NULL;
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(reason, sizeof reason, fmt, ap);
    va_end(ap);
    for (char *p = reason; *p != '\0'; p++)
        if ((unsigned char)*p < ' ')
            *p = ' ';
    if (!good && !run->quiet)
        (void)fprintf(stderr, "%s: %s-%03u fails: %s\n", conf_role(run->role)->name,
                      conf_suite_name(conf_role(run->role)->suite), number, reason);
    conf_results_add(&run->results, number, run->role, good ? CONF_PASS : CONF_FAIL, scenario, NULL,
                     good ? "" : reason);
    return good;
}

void conf_untestable(struct conf_run *run, unsigned number, const char *de, const char *en)
{
    conf_results_add(&run->results, number, run->role, CONF_UNTESTABLE,
                     run->scenario != NULL ? run->scenario->name : NULL, de, en);
}

/* ---- parties ---- */

static bool file_read(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "rb");
    uint8_t *room;

    buf_init(out, FILE_MAX);
    if (f == NULL)
        return false;
    room = buf_grow(out, FILE_MAX / 2);
    out->len = room == NULL ? 0 : fread(room, 1, FILE_MAX / 2, f);
    (void)fclose(f);
    return out->len > 0;
}

static void broken(const char *path, const struct error *err)
{
    (void)fprintf(stderr, "depesche-conformance: %s: %s\n", path, err->text);
    exit(EX_CONFIG);
}

static void pair_read(const struct conf_run *run, const char *name, const char *use,
                      struct cert **cert, struct key **key)
{
    char path[4096];
    struct error err = {0};
    AUTO(buf_deinit) struct buf pem = {0};
    AUTO(buf_deinit_secret) struct buf secret = {0};

    (void)snprintf(path, sizeof path, "%s/%s-%s.pem", run->settings->keys, name, use);
    if (file_read(path, &pem) && cert_from_pem(buf_span(&pem), cert, &err) != ST_OK)
        broken(path, &err);
    (void)snprintf(path, sizeof path, "%s/%s-%s.key", run->settings->keys, name, use);
    if (file_read(path, &secret) && key_from_pem(buf_span(&secret), NULL, key, &err) != ST_OK)
        broken(path, &err);
}

const struct conf_party *conf_party(struct conf_run *run, const char *name)
{
    struct conf_party *party = NULL;

    (void)pthread_mutex_lock(&run->lock);
    for (size_t i = 0; i < run->party_count && party == NULL; i++)
        if (strcmp(run->parties[i].name, name) == 0)
            party = &run->parties[i];
    if (party == NULL) {
        if (run->party_count == CONF_PARTIES_MAX)
            abort();
        party = &run->parties[run->party_count++];
        (void)snprintf(party->name, sizeof party->name, "%s", name);
        if (run->settings->keys != NULL) {
            pair_read(run, name, "signature", &party->signature, &party->signature_key);
            pair_read(run, name, "cipher", &party->cipher, &party->cipher_key);
        }
    }
    (void)pthread_mutex_unlock(&run->lock);
    return party;
}

/* ---- hooks and settings ---- */

static const char *option(const struct conf_option *options, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(options[i].name, name) == 0)
            return options[i].value;
    return NULL;
}

const char *conf_hook(const struct conf_run *run, const char *name)
{
    return option(run->settings->hooks, run->settings->hook_count, name);
}

const char *conf_set(const struct conf_run *run, const char *name)
{
    return option(run->settings->sets, run->settings->set_count, name);
}

uint64_t conf_set_number(const struct conf_run *run, const char *name, uint64_t otherwise)
{
    const char *text = conf_set(run, name);
    uint64_t number;

    return text != NULL && span_to_u64(span_str(text), &number) ? number : otherwise;
}

unsigned conf_patience_ms(const struct conf_run *run)
{
    uint64_t seconds = conf_set_number(run, "poll_wait", PATIENCE_SECONDS);

    return 1000 * (unsigned)(seconds < PATIENCE_MAX_SECONDS ? seconds : PATIENCE_MAX_SECONDS);
}

/* In single quotes, as the shell wants it. */
static void quoted(struct buf *b, const char *text)
{
    buf_str(b, " '");
    for (; *text != '\0'; text++)
        if (*text == '\'')
            buf_str(b, "'\\''");
        else
            buf_char(b, *text);
    buf_char(b, '\'');
}

enum status conf_hook_run(struct conf_run *run, const char *name, const char *const *arguments,
                          size_t count, struct buf *out, struct error *err)
{
    const char *command = conf_hook(run, name);
    char piece[4096];
    size_t got;
    int rc;
    FILE *pipe;
    AUTO(buf_deinit) struct buf line = {0};

    if (command == NULL)
        return error_set(err, ST_NOT_FOUND, 0, "needs the hook %s (--hook %s=COMMAND)", name, name);
    buf_init(&line, 64 * 1024);
    buf_str(&line, "exec /bin/sh -c");
    quoted(&line, command);
    quoted(&line, name);
    for (size_t i = 0; i < count; i++)
        quoted(&line, arguments[i]);
    TRY(buf_check(&line, err));
    pipe = popen(buf_cstr(&line), "r");
    if (pipe == NULL)
        return error_set(err, ST_INTERNAL, 0, "hook %s: %s", name, strerror(errno));
    while ((got = fread(piece, 1, sizeof piece, pipe)) > 0)
        if (out != NULL && out->len < HOOK_OUTPUT_MAX)
            buf_add(out, span_of(piece, got));
    rc = pclose(pipe);
    if (rc == -1 || !WIFEXITED(rc) || WEXITSTATUS(rc) != 0)
        return error_set(err, ST_RETRY, 0, "hook %s ended with %d", name,
                         rc != -1 && WIFEXITED(rc) ? WEXITSTATUS(rc) : -1);
    return out != NULL ? buf_check(out, err) : ST_OK;
}

/* ---- evidence ---- */

void conf_evidence_add(struct conf_run *run, const char *what, struct span bytes)
{
    struct conf_evidence *e = NULL;
    char path[4096];
    FILE *f;

    (void)pthread_mutex_lock(&run->lock);
    if (run->settings->evidence != NULL && run->scenario != NULL &&
        run->evidence_count < CONF_EVIDENCE_MAX) {
        e = &run->evidence[run->evidence_count++];
        e->scenario = run->scenario;
        e->role = run->role;
        e->len = bytes.len;
        (void)snprintf(e->file, sizeof e->file, "%s-%s-%05zu-%s.mime", conf_role(run->role)->name,
                       run->scenario->name, run->evidence_count, what);
    }
    (void)pthread_mutex_unlock(&run->lock);
    if (e == NULL)
        return;
    (void)snprintf(path, sizeof path, "%s/%s", run->settings->evidence, e->file);
    f = fopen(path, "wb");
    if (f == NULL)
        return;
    (void)fwrite(bytes.ptr, 1, bytes.len, f);
    (void)fclose(f);
}

int64_t conf_now(void)
{
    struct timespec ts = {0};

    (void)clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void conf_sleep(unsigned ms)
{
    const struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    (void)nanosleep(&ts, NULL);
}

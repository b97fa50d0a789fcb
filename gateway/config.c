#include "gateway/config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/config_schema.h"
#include "gateway/files.h"

enum {
    CONFIG_ARENA_MAX = 64 * 1024 * 1024, /* what GW_CONFIG_FILE_MAX can become at the very most */
    REPORT_ARENA_MAX = 1024 * 1024,
    SENTENCE_MAX = 2048,
};

/* The settings and the memory they lie in, freed as one. */
struct config_box {
    struct gw_config config;
    struct arena arena;
};

void gw_config_report_init(struct gw_config_report *report)
{
    memset(report, 0, sizeof *report);
    arena_init(&report->arena, REPORT_ARENA_MAX);
}

void gw_config_report_deinit(struct gw_config_report *report)
{
    arena_deinit(&report->arena);
}

typedef void (*sentence_fn)(struct buf *b, int code, enum gw_lang lang,
                            const struct gw_explain_field *fields, size_t count);

static const char *sentence(struct arena *arena, sentence_fn fn, int code, enum gw_lang lang,
                            const struct gw_explain_field *fields, size_t count)
{
    AUTO(buf_deinit) struct buf b = {0};
    const char *text;

    buf_init(&b, SENTENCE_MAX);
    fn(&b, code, lang, fields, count);
    text = arena_str(arena, buf_span(&b));
    return text == NULL ? "" : text;
}

void gw_config_find(struct gw_config_report *report, int line, int code, bool warning,
                    const struct gw_explain_field *fields, size_t count)
{
    struct gw_config_finding *f, *at;

    if (!warning)
        report->errors++;
    if (report->count == GW_CONFIG_FINDINGS_MAX)
        return;
    f = &report->findings[report->count++];
    for (at = f; at > report->findings && at[-1].file == report->file && at[-1].line > line; at--)
        at[0] = at[-1]; /* kept in the order of lines */
    at->file = report->file;
    at->code = code;
    at->warning = warning;
    at->line = line;
    at->de = sentence(&report->arena, gw_explain_what, code, GW_LANG_DE, fields, count);
    at->en = sentence(&report->arena, gw_explain_what, code, GW_LANG_EN, fields, count);
    at->action_de = sentence(&report->arena, gw_explain_action, code, GW_LANG_DE, fields, count);
    at->action_en = sentence(&report->arena, gw_explain_action, code, GW_LANG_EN, fields, count);
}

void gw_config_report_text(const struct gw_config_report *report, enum gw_lang lang, struct buf *b)
{
    bool de = lang == GW_LANG_DE;

    for (size_t i = 0; i < report->count; i++) {
        const struct gw_config_finding *f = &report->findings[i];
        char code[GW_CODE_SIZE];

        buf_str(b, f->file == NULL ? "?" : f->file);
        if (f->line > 0)
            buf_printf(b, ":%d", f->line);
        buf_str(b, f->warning ? (de ? ": Warnung: " : ": warning: ") : ": ");
        buf_printf(b, "%s (%s)\n    %s\n", de ? f->de : f->en, gw_explain_code(f->code, code),
                   de ? f->action_de : f->action_en);
    }
    if (report->errors > report->count)
        buf_printf(b, de ? "... und %zu weitere Fehler\n" : "... and %zu more errors\n",
                   report->errors - report->count);
}

static void whole_file_finding(struct gw_config_report *report, int code, const char *file,
                               const char *detail)
{
    const struct gw_explain_field fields[] = {{"file", file}, {"detail", detail}};

    gw_config_find(report, 0, code, false, fields, ARRAY_LEN(fields));
}

/* The folder of path, without its last slash; "" when it has none. */
static char *folder_of(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');

    return arena_str(arena, span_of(path, slash == NULL ? 0 : (size_t)(slash - path)));
}

static enum status first_error(const struct gw_config_report *report, struct error *err)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct gw_config_finding *f = &report->findings[i];

        if (!f->warning)
            return error_set(err, ST_INVALID, f->code, "%s:%d: %s", f->file, f->line, f->en);
    }
    return error_set(err, ST_INVALID, GW_R_CONFIG_SYNTAX, "%s: not usable", report->file);
}

/* Where there is one tenant everything is its own, and nobody needs to say so. */
static void tenant_complete(struct gw_config *config)
{
    const char *name;

    if (config->tenants_count == 0 && config->only_tenant != NULL) {
        config->tenants = config->only_tenant;
        config->tenants_count = 1;
    }
    if (config->tenants_count != 1)
        return;
    name = config->tenants[0].name;
    for (unsigned i = 0; i < config->endpoints_count; i++)
        if (config->endpoints[i].tenant == NULL)
            config->endpoints[i].tenant = name;
    for (unsigned i = 0; i < config->intermediaries_count; i++)
        if (config->intermediaries[i].tenant == NULL)
            config->intermediaries[i].tenant = name;
    for (unsigned i = 0; i < config->xta_servers_count; i++)
        if (config->xta_servers[i].tenant == NULL)
            config->xta_servers[i].tenant = name;
    if (config->osci_recipient != NULL && config->osci_recipient->tenant == NULL)
        config->osci_recipient->tenant = name;
}

/* What belongs to the reading but not to a setting. */
static void complete(struct gw_config *config)
{
    tenant_complete(config);
    if (config->osci_server != NULL && config->osci_server->identity == NULL &&
        config->osci_server->tenants_count == 0 && config->tenants_count == 1)
        config->osci_server->identity = &config->tenants[0].identity;
}

static enum status directory_fill(struct gw_config_reader *r, struct gw_config *config,
                                  struct gw_directory *directory, struct error *err)
{
    AUTO(buf_deinit) struct buf text = {0};
    AUTO(free_drop) char *whole = realpath(config->directory, NULL);

    buf_init(&text, GW_DIRECTORY_FILE_MAX);
    if (gw_file_read(AT_FDCWD, whole == NULL ? config->directory : whole, &text, err) != ST_OK) {
        whole_file_finding(r->report, GW_R_CONFIG_UNREADABLE, config->directory, err->text);
        return ST_OK;
    }
    TRY(gw_config_fill(r, buf_span(&text), &gw_directory_schema, directory, err));
    gw_config_check_directory(r, config, directory);
    gw_config_check_directory_files(r, directory);
    gw_directory_sort(directory);
    config->parties = directory;
    return ST_OK;
}

/* The directory that the settings name, into the same report. */
static enum status directory_read(const struct gw_config_reader *of, struct gw_config *config,
                                  struct error *err)
{
    struct gw_config_reader r = {.report = of->report, .arena = of->arena};
    const char *settings = of->report->file;
    struct gw_directory *directory = arena_alloc(r.arena, sizeof *directory);
    enum status st;

    TRY_ALLOC(directory, err);
    r.folder = folder_of(r.arena, config->directory);
    TRY_ALLOC(r.folder, err);
    r.report->file = arena_str(&r.report->arena, span_str(config->directory));
    TRY_ALLOC(r.report->file, err);
    st = directory_fill(&r, config, directory, err);
    of->report->file = settings;
    free(r.lines);
    return st;
}

static enum status config_read(struct span yaml, const char *name, bool look_at_files,
                               const struct gw_config **config, struct gw_config_report *report,
                               struct error *err)
{
    struct config_box *box = calloc(1, sizeof *box);
    struct gw_config_reader r = {.report = report};
    const char *text;
    enum status st;

    TRY_ALLOC(box, err);
    arena_init(&box->arena, CONFIG_ARENA_MAX);
    r.arena = &box->arena;
    r.folder = folder_of(&box->arena, name);
    box->config.path = arena_str(&box->arena, span_str(name));
    text = arena_str(&box->arena, yaml);
    report->file = arena_str(&report->arena, span_str(name));
    if (r.folder == NULL || box->config.path == NULL || report->file == NULL || text == NULL)
        st = error_set(err, ST_LIMIT, GW_R_MEMORY, "out of memory");
    else
        st = gw_config_fill(&r, box->config.text = span_of(text, yaml.len), &gw_config_schema,
                            &box->config, err);
    if (st == ST_OK) {
        complete(&box->config);
        gw_config_check(&r, &box->config);
        if (look_at_files)
            gw_config_check_files(&r, &box->config);
    }
    if (st == ST_OK && look_at_files && box->config.directory != NULL)
        st = directory_read(&r, &box->config, err);
    if (st == ST_OK && report->errors > 0)
        st = first_error(report, err);
    free(r.lines);
    if (st == ST_OK)
        *config = &box->config;
    else
        gw_config_free(&box->config);
    return st;
}

enum status gw_config_read(struct span yaml, const char *name, const struct gw_config **config,
                           struct gw_config_report *report, struct error *err)
{
    return config_read(yaml, name, false, config, report, err);
}

/* The whole file, up to GW_CONFIG_FILE_MAX. */
static enum status file_read(const char *path, struct buf *b, struct error *err)
{
    AUTO(fd_drop) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0)
        return error_set(err, errno == ENOENT ? ST_NOT_FOUND : ST_RETRY, GW_R_CONFIG_UNREADABLE,
                         "%s: %s", path, strerror(errno));
    for (;;) {
        uint8_t chunk[16384];
        ssize_t n = read(fd, chunk, sizeof chunk);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set(err, ST_RETRY, GW_R_CONFIG_UNREADABLE, "%s: %s", path,
                             strerror(errno));
        if (n == 0)
            return buf_check(b, err);
        buf_add(b, span_of(chunk, (size_t)n));
        if (b->failed)
            return error_set(err, ST_LIMIT, GW_R_CONFIG_UNREADABLE, "%s: larger than %d bytes",
                             path, GW_CONFIG_FILE_MAX);
    }
}

static enum status config_load(const char *path, bool look_at_files,
                               const struct gw_config **config, struct gw_config_report *report,
                               struct error *err)
{
    AUTO(buf_deinit) struct buf text = {0};
    AUTO(free_drop) char *whole = realpath(path, NULL);
    const char *name = whole == NULL ? path : whole;
    enum status st;

    buf_init(&text, GW_CONFIG_FILE_MAX);
    report->file = arena_str(&report->arena, span_str(path));
    st = file_read(name, &text, err);
    if (st != ST_OK) {
        const char *colon = strstr(err->text, ": ");

        whole_file_finding(report, GW_R_CONFIG_UNREADABLE, path,
                           colon == NULL ? err->text : colon + 2);
        return st;
    }
    return config_read(buf_span(&text), name, look_at_files, config, report, err);
}

enum status gw_config_load(const char *path, const struct gw_config **config,
                           struct gw_config_report *report, struct error *err)
{
    return config_load(path, true, config, report, err);
}

enum status gw_config_peek(const char *path, const struct gw_config **config,
                           struct gw_config_report *report, struct error *err)
{
    return config_load(path, false, config, report, err);
}

enum status gw_config_restore(struct span text, const char *path, const struct gw_config **config,
                              struct gw_config_report *report, struct error *err)
{
    return config_read(text, path, true, config, report, err);
}

void gw_config_free(const struct gw_config *config)
{
    struct config_box *box;

    if (config == NULL)
        return;
    box = (struct config_box *)(uintptr_t)config; /* config is its first member */
    arena_deinit(&box->arena);
    free(box);
}

/* A name that is missing was reported by the reader. */
static bool same_name(const char *a, const char *b)
{
    return a != NULL && strcmp(a, b) == 0;
}

const struct gw_tenant_conf *gw_config_tenant(const struct gw_config *config, const char *name)
{
    for (unsigned i = 0; name != NULL && i < config->tenants_count; i++)
        if (same_name(config->tenants[i].name, name))
            return &config->tenants[i];
    return NULL;
}

const struct gw_tenant_conf *gw_config_sole_tenant(const struct gw_config *config)
{
    return config->tenants_count == 1 ? &config->tenants[0] : NULL;
}

const char *gw_config_sole_name(const struct gw_config *config)
{
    return config->tenants_count == 1 ? config->tenants[0].name : NULL;
}

const char *gw_config_destination_tenant(const struct gw_config *config, const char *name)
{
    const struct gw_intermediary_conf *im = gw_config_intermediary(config, name);

    if (im != NULL)
        return im->tenant;
    for (unsigned i = 0; i < config->xta_servers_count; i++)
        if (same_name(config->xta_servers[i].name, name))
            return config->xta_servers[i].tenant;
    return NULL;
}

const char *gw_config_partner_tenant(const struct gw_config *config,
                                     const struct gw_partner_conf *partner)
{
    const char *way = partner->xta != NULL ? partner->xta : partner->intermediary;

    return way == NULL ? NULL : gw_config_destination_tenant(config, way);
}

bool gw_config_same_tenant(const char *a, const char *b)
{
    return a == NULL || b == NULL || strcmp(a, b) == 0;
}

const struct gw_intermediary_conf *gw_config_intermediary(const struct gw_config *config,
                                                          const char *name)
{
    for (unsigned i = 0; i < config->intermediaries_count; i++)
        if (same_name(config->intermediaries[i].name, name))
            return &config->intermediaries[i];
    return NULL;
}

const struct gw_partner_conf *gw_config_partner(const struct gw_config *config, const char *name)
{
    for (unsigned i = 0; i < config->partners_count; i++)
        if (same_name(config->partners[i].name, name))
            return &config->partners[i];
    return NULL;
}

const struct gw_endpoint_conf *gw_config_endpoint(const struct gw_config *config, const char *name)
{
    for (unsigned i = 0; i < config->endpoints_count; i++)
        if (same_name(config->endpoints[i].name, name))
            return &config->endpoints[i];
    return NULL;
}

const struct gw_endpoint_conf *gw_config_party(const struct gw_config *config, struct span party)
{
    for (unsigned i = 0; i < config->endpoints_count; i++)
        for (unsigned k = 0; k < config->endpoints[i].parties_count; k++)
            if (span_eq_nocase(span_str(config->endpoints[i].parties[k]), party))
                return &config->endpoints[i];
    return NULL;
}

const struct gw_endpoint_conf *gw_config_party_of(const struct gw_config *config,
                                                  const char *tenant, struct span party)
{
    const struct gw_endpoint_conf *e = gw_config_party(config, party);

    return e == NULL || gw_config_same_tenant(e->tenant, tenant) ? e : NULL;
}

const struct gw_partner_conf *gw_config_address(const struct gw_config *config, const char *tenant,
                                                struct span address)
{
    for (unsigned i = 0; i < config->partners_count; i++)
        for (unsigned k = 0; k < config->partners[i].addresses_count; k++)
            if (span_is(address, config->partners[i].addresses[k]) &&
                gw_config_same_tenant(tenant,
                                      gw_config_partner_tenant(config, &config->partners[i])))
                return &config->partners[i];
    return NULL;
}

#include "gateway/spool_in.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>

#include "gateway/log.h"
#include "gateway/payload.h"

enum { TAKERS = 4, BATCH = 2000, KEY_MAX = 512 };

/* One dropped thing on its way in. */
struct drop {
    struct gw_spool_endpoint *e;
    const char *name;
    struct stat st;
    char id[GW_ID_SIZE];
    char key[KEY_MAX];
    struct arena arena;
    struct gw_routing routing;
    struct gw_stage *stage;
    uint64_t size;
    size_t files;
    int64_t now;
};

static int64_t stat_ns(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

/* ---- accepted and refused ---- */

/* Into sent/<id>/; need not be durable: the key finds the message again after a crash. */
static enum status sent_move(struct drop *d, const char *id, struct error *err)
{
    struct gw_spool_endpoint *e = d->e;
    char path[GW_PATH_SIZE], meta[GW_NAME_SIZE + 16];

    if (mkdirat(e->sent, id, 0770) != 0 && errno != EEXIST)
        return error_set(err, ST_DENIED, GW_R_SPOOL_FOLDER, "sent/%s: %s", id, strerror(errno));
    gw_spool_give(e, e->sent, id, true);
    (void)snprintf(path, sizeof path, "%s/%s", id, d->name);
    if (renameat(e->out, d->name, e->sent, path) != 0 && errno != ENOENT)
        return error_set(err, ST_DENIED, GW_R_SPOOL_FOLDER, "sent/%s: %s", path, strerror(errno));
    (void)snprintf(meta, sizeof meta, "%s.meta.yaml", d->name);
    (void)snprintf(path, sizeof path, "%s/%s", id, meta);
    (void)renameat(e->out, meta, e->sent, path); /* mostly there is none */
    return ST_OK;
}

/* A name in refused/ that is free: NAME, NAME.2, NAME.3 ... */
static enum status refused_name(struct drop *d, char *to, size_t cap, struct error *err)
{
    for (int i = 1; i < 100000; i++) {
        struct stat st;

        if (i == 1)
            (void)snprintf(to, cap, "%s", d->name);
        else
            (void)snprintf(to, cap, "%.*s.%d", GW_NAME_MAX - 20, d->name, i);
        if (fstatat(d->e->refused, to, &st, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
            return ST_OK;
    }
    return error_set(err, ST_LIMIT, GW_R_SPOOL_FOLDER, "refused/ is full of %s", d->name);
}

static enum status refused_explain(struct drop *d, const char *to, const struct error *why,
                                   struct error *err)
{
    char name[GW_PATH_SIZE], size[32], max[32];
    const struct gw_explain_field fields[] = {
        {"file", d->name},      {"endpoint", d->e->conf->name},
        {"detail", why->text},  {"recipient", why->text},
        {"address", why->text}, {"xpath", why->text},
        {"size", size},         {"max", max}};
    AUTO(buf_deinit) struct buf text = {0};

    (void)snprintf(size, sizeof size, "%lld MB", (long long)(d->st.st_size >> 20));
    (void)snprintf(max, sizeof max, "%lld MB", (long long)d->e->rt->conf->limits.message_max_mb);
    /* NAME.error.txt, shortened when the name leaves no room for it */
    (void)snprintf(name, sizeof name, "%.*s.error.txt", GW_NAME_MAX - 10, to);
    buf_init(&text, 64 * 1024);
    gw_explain_error_txt(&text, why->reason, fields, ARRAY_LEN(fields), why->text);
    TRY(buf_check(&text, err));
    TRY(gw_file_write(d->e->refused, name, buf_span(&text), err));
    gw_spool_give(d->e, d->e->refused, name, false);
    return ST_OK;
}

/* First the explanation, then the file: nobody finds one without the other. */
static enum status refuse(struct drop *d, const struct error *why, struct error *err)
{
    struct gw_spool_endpoint *e = d->e;
    const struct gw_explain_field fields[] = {{"file", d->name},      {"endpoint", e->conf->name},
                                              {"detail", why->text},  {"recipient", why->text},
                                              {"address", why->text}, {"xpath", why->text}};
    struct gw_cause cause = {.now = d->now, .actor = "spool", .reason = why->reason};
    AUTO(buf_deinit) struct buf en = {0}, de = {0};
    char to[GW_NAME_SIZE + 16], meta[GW_NAME_SIZE + 16], meta_to[GW_NAME_SIZE + 32];

    TRY(refused_name(d, to, sizeof to, err));
    TRY(refused_explain(d, to, why, err));
    if (renameat(e->out, d->name, e->refused, to) != 0)
        return error_set(err, ST_DENIED, GW_R_SPOOL_FOLDER, "%s cannot be moved to refused/: %s",
                         d->name, strerror(errno));
    (void)snprintf(meta, sizeof meta, "%s.meta.yaml", d->name);
    (void)snprintf(meta_to, sizeof meta_to, "%s.meta.yaml", to);
    (void)renameat(e->out, meta, e->refused, meta_to);
    buf_init(&en, 4096);
    buf_init(&de, 4096);
    gw_explain_what(&en, why->reason, GW_LANG_EN, fields, ARRAY_LEN(fields));
    gw_explain_what(&de, why->reason, GW_LANG_DE, fields, ARRAY_LEN(fields));
    cause.en = buf_cstr(&en);
    cause.de = buf_cstr(&de);
    gw_log(e->rt->log, GW_LOG_WARNING, "spool.refused", LOG_STR("endpoint", e->conf->name),
           LOG_STR("file", d->name), LOG_ERR(why));
    return gw_store_commit_event(e->rt->store, "spool.refused", e->rt->conf->tenant->name,
                                 e->conf->name, &cause, err);
}

/* ---- taking in ---- */

/* One file into the stage; *source is left open for the routes to look into. */
static enum status file_stage(struct drop *d, int at, const char *path, const char *name,
                              struct error *err)
{
    uint64_t max = (uint64_t)d->e->rt->conf->limits.message_max_mb << 20;
    AUTO(gw_file_source_deinit) struct gw_file_source source = {.fd = -1};

    if (gw_file_source_open(&source, at, path, err) != ST_OK) {
        err->reason = err->status == ST_DENIED      ? GW_R_SPOOL_UNREADABLE
                      : err->status == ST_NOT_FOUND ? GW_R_SPOOL_CHANGED
                                                    : GW_R_STORE_WRITE;
        return err->status;
    }
    d->size += source.base.len;
    if (d->size > max)
        return error_set(err, ST_LIMIT, GW_R_SPOOL_TOO_LARGE, "%s is too large", d->name);
    d->files++;
    return gw_stage_add_source(d->stage, GW_FILE_PAYLOAD, name, NULL, NULL, &source.base, err);
}

struct folder_walk {
    struct drop *d;
    int fd;
};

static enum status folder_file(void *ctx, const char *name, mode_t mode, struct error *err)
{
    struct folder_walk *walk = ctx;

    if (gw_spool_ignores(name))
        return ST_OK;
    if (!S_ISREG(mode))
        return error_set(err, ST_INVALID, GW_R_SPOOL_NOT_A_FILE, "%s/%s", walk->d->name, name);
    if (walk->d->files >= GW_FOLDER_FILES_MAX)
        return error_set(err, ST_LIMIT, GW_R_LIMIT, "more than %d files in %s", GW_FOLDER_FILES_MAX,
                         walk->d->name);
    return file_stage(walk->d, walk->fd, name, name, err);
}

static enum status contents_stage(struct drop *d, struct error *err)
{
    AUTO(fd_drop) int fd = -1;
    struct folder_walk walk = {.d = d};

    if (!S_ISDIR(d->st.st_mode))
        return file_stage(d, d->e->out, d->name, d->name, err);
    TRY(gw_dir_open(d->e->out, d->name, &fd, err));
    walk.fd = fd;
    return gw_dir_each(d->e->out, d->name, folder_file, &walk, err);
}

/* The routes read what was staged, not what may be changing outside. */
static enum status route(struct drop *d, struct error *err)
{
    AUTO(buf_deinit) struct buf meta = {0};
    AUTO(gw_file_source_deinit) struct gw_file_source first = {.fd = -1};
    char path[GW_PATH_SIZE];
    enum status st;

    (void)snprintf(path, sizeof path, "%s.meta.yaml", d->name);
    buf_init(&meta, GW_META_MAX);
    st = gw_file_read(d->e->out, path, &meta, err);
    if (st == ST_OK)
        TRY(gw_route_meta(d->e->rt, buf_span(&meta), &d->arena, &d->routing, err));
    else if (st != ST_NOT_FOUND)
        return error_set(err, ST_DENIED, GW_R_SPOOL_BAD_META, "%s cannot be read", path);
    if (d->routing.partner != NULL)
        return ST_OK;
    TRY(gw_stage_source(d->stage, 0, &first, err));
    return gw_route_find(d->e->rt, d->e->conf, d->name, &first.base, &d->arena, &d->routing, err);
}

/* Did it stay as it was while we copied? */
static enum status unchanged(const struct drop *d, struct error *err)
{
    struct stat st;

    if (fstatat(d->e->out, d->name, &st, AT_SYMLINK_NOFOLLOW) != 0 || st.st_ino != d->st.st_ino ||
        st.st_size != d->st.st_size || stat_ns(&st) != stat_ns(&d->st))
        return error_set(err, ST_RETRY, GW_R_SPOOL_CHANGED, "%s changed while it was taken in",
                         d->name);
    return ST_OK;
}

static struct gw_message_row row_of(const struct drop *d)
{
    const struct gw_config *conf = d->e->rt->conf;

    return (struct gw_message_row){
        .id = d->id,
        .tenant = conf->tenant->name,
        .endpoint = d->e->conf->name,
        .box = GW_OUTBOX,
        .peer = d->routing.partner->peer->conf->name,
        .recipient = d->routing.partner->conf->name,
        .sender = conf->tenant->name,
        .message_type = d->routing.message_type,
        .subject = d->routing.subject != NULL ? d->routing.subject : d->routing.message_type,
        .priority = d->routing.priority,
        .client_key = d->key,
        .source_name = d->name,
        .size_bytes = d->size,
        .created_at = d->now,
        .deliver_after = d->routing.deliver_after,
        .expires_at = d->now + conf->retry.expire_days * 86400000,
    };
}

static enum status drop_accept(struct drop *d, struct error *err)
{
    struct gw_spool_endpoint *e = d->e;
    struct gw_cause cause = {.now = d->now, .actor = "spool"};
    const struct gw_file_row *files;
    struct gw_message_row row;
    char existing[GW_ID_SIZE] = "";
    size_t count;
    enum status st;

    TRY(gw_uuid_make(e->rt->rng, d->now, d->id, err));
    TRY(gw_stage_new(e->rt->store, d->id, &d->stage, err));
    TRY(contents_stage(d, err));
    if (d->files == 0 || d->size == 0)
        return error_set(err, ST_INVALID, GW_R_SPOOL_EMPTY, "%s is empty", d->name);
    TRY(route(d, err));
    TRY(unchanged(d, err));
    TRY(gw_stage_publish(d->stage, err));
    files = gw_stage_files(d->stage, &count);
    row = row_of(d);
    st = gw_store_commit_message(e->rt->store, &row, files, count, &cause, existing, err);
    if (st == ST_DUPLICATE)
        return sent_move(d, existing, err); /* accepted before a crash; only the move was missing */
    TRY(st);
    gw_stage_done(d->stage);
    gw_log(e->rt->log, GW_LOG_INFO, "message.accepted", LOG_STR("id", d->id),
           LOG_STR("endpoint", e->conf->name), LOG_STR("file", d->name),
           LOG_STR("recipient", row.recipient), LOG_INT("bytes", d->size));
    if (e->accepted != NULL)
        e->accepted(e->accepted_ctx);
    return sent_move(d, d->id, err);
}

/* Is it the file's own fault, so that another look would find the same? */
static bool for_good(const struct error *why)
{
    return (why->reason >= GW_R_SPOOL_NO_ROUTE && why->reason < GW_R_CONFIG_UNREADABLE &&
            why->reason != GW_R_SPOOL_CHANGED && why->reason != GW_R_SPOOL_FOLDER &&
            why->reason != GW_R_SPOOL_UNREADABLE) ||
           why->reason == GW_R_LIMIT;
}

static enum status drop_take(struct gw_spool_endpoint *e, const char *name, bool *again,
                             struct error *err)
{
    struct drop d = {.e = e, .name = name, .now = gw_now_ms()};
    struct error why = {0};
    enum status st = ST_OK;

    if (fstatat(e->out, name, &d.st, AT_SYMLINK_NOFOLLOW) != 0)
        return ST_OK; /* it vanished: a virus scanner, or the Fachverfahren thought better of it */
    (void)snprintf(d.key, sizeof d.key, "spool:%llx:%lld:%lld:%.255s",
                   (unsigned long long)d.st.st_ino, (long long)stat_ns(&d.st),
                   (long long)d.st.st_size, name);
    arena_init(&d.arena, 8 * 1024 * 1024);
    if (!S_ISREG(d.st.st_mode) && !S_ISDIR(d.st.st_mode))
        st = error_set(&why, ST_INVALID, GW_R_SPOOL_NOT_A_FILE, "%s", name);
    else
        st = drop_accept(&d, &why);
    gw_stage_free(d.stage);
    d.stage = NULL;
    if (st != ST_OK && for_good(&why)) {
        st = refuse(&d, &why, err);
    } else if (st != ST_OK) {
        *err = why;
        *again = true;
        st = why.reason == GW_R_SPOOL_CHANGED ? ST_OK : error_context(err, "%s", name);
    }
    arena_deinit(&d.arena);
    return st;
}

/* ---- scanning ---- */

void gw_settling_free(struct gw_spool_endpoint *e)
{
    free(e->settling);
    e->settling = NULL;
    e->settling_count = 0;
}

bool gw_spool_ignores(const char *name)
{
    struct span s = span_str(name);

    return name[0] == '.' || span_ends(s, SPAN(".tmp")) || span_ends(s, SPAN(".part")) ||
           span_ends(s, SPAN("~")) || span_ends(s, SPAN(".meta.yaml"));
}

/* Has it looked the same for long enough? */
static bool settled(struct gw_spool_endpoint *e, const char *name)
{
    int64_t now = gw_monotonic_ms();
    struct gw_settling *s = NULL;
    struct stat st;

    if (fstatat(e->out, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    for (size_t i = 0; i < e->settling_count; i++)
        if (strcmp(e->settling[i].name, name) == 0)
            s = &e->settling[i];
    if (s == NULL) {
        struct gw_settling *more =
            realloc(e->settling, (e->settling_count + 1) * sizeof *e->settling);

        if (more == NULL)
            return false;
        e->settling = more;
        s = &more[e->settling_count++];
        *s = (struct gw_settling){.size = -1};
        (void)snprintf(s->name, sizeof s->name, "%s", name);
    }
    s->seen = true;
    if (s->size != st.st_size || s->changed_ns != stat_ns(&st)) {
        s->size = st.st_size;
        s->changed_ns = stat_ns(&st);
        s->since_ms = now;
    }
    return now - s->since_ms >= e->conf->settled_seconds * 1000;
}

static void settling_sweep(struct gw_spool_endpoint *e)
{
    size_t kept = 0;

    for (size_t i = 0; i < e->settling_count; i++)
        if (e->settling[i].seen) {
            e->settling[kept] = e->settling[i];
            e->settling[kept++].seen = false;
        }
    e->settling_count = kept;
}

/* Up to BATCH complete names, taken in by several threads: the commits then share their fsyncs. */
struct scan {
    struct gw_spool_endpoint *e;
    char (*names)[GW_NAME_SIZE];
    size_t count;
    bool waiting; /* something is not complete yet, or there is more */
    atomic_size_t next;
    atomic_bool again, failed;
    pthread_mutex_t lock;
    struct error err;
};

static enum status scan_name(void *ctx, const char *name, mode_t mode, struct error *err)
{
    struct scan *s = ctx;

    (void)mode;
    (void)err;
    if (gw_spool_ignores(name))
        return ST_OK;
    if (s->e->conf->complete == GW_COMPLETE_SETTLED && !settled(s->e, name)) {
        s->waiting = true;
        return ST_OK;
    }
    if (s->count == BATCH) {
        s->waiting = true;
        return ST_OK;
    }
    (void)snprintf(s->names[s->count++], GW_NAME_SIZE, "%s", name);
    return ST_OK;
}

static void *taker_main(void *arg)
{
    struct scan *s = arg;

    for (;;) {
        size_t i = atomic_fetch_add(&s->next, 1);
        struct error err = {0};
        bool again = false;

        if (i >= s->count)
            return NULL;
        if (drop_take(s->e, s->names[i], &again, &err) != ST_OK) {
            pthread_mutex_lock(&s->lock);
            s->err = err;
            s->failed = true;
            pthread_mutex_unlock(&s->lock);
        }
        if (again)
            s->again = true;
    }
}

static void take_all(struct scan *s)
{
    pthread_t threads[TAKERS - 1];
    size_t started = 0;

    while (started < ARRAY_LEN(threads) && started + 1 < s->count &&
           pthread_create(&threads[started], NULL, taker_main, s) == 0)
        started++;
    (void)taker_main(s);
    for (size_t i = 0; i < started; i++)
        (void)pthread_join(threads[i], NULL);
}

enum status gw_spool_take(struct gw_spool_endpoint *e, bool *again, struct error *err)
{
    struct scan s = {.e = e, .lock = PTHREAD_MUTEX_INITIALIZER};
    enum status st;

    s.names = malloc(BATCH * sizeof *s.names);
    TRY_ALLOC(s.names, err);
    st = gw_dir_each(e->out, ".", scan_name, &s, err);
    settling_sweep(e);
    if (st == ST_OK)
        take_all(&s);
    *again = s.waiting || s.again;
    free(s.names);
    if (st == ST_OK && s.failed) {
        *err = s.err;
        st = s.err.status;
    }
    return st;
}

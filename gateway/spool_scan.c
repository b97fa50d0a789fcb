/* Which names in out/ are complete. */
#include "gateway/spool_in.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum { TAKERS = 4, BATCH = 500, SOON_MS = 1000, SCANNER_MS = 15 * 1000 };

const char *const gw_spool_companions[] = {".meta.yaml", ".meta.xml", NULL};

static bool is_companion(struct span name)
{
    for (const char *const *c = gw_spool_companions; *c != NULL; c++)
        if (span_ends(name, span_str(*c)))
            return true;
    return false;
}

bool gw_spool_ignores(const char *name)
{
    struct span s = span_str(name);

    return name[0] == '.' || span_ends(s, SPAN(".tmp")) || span_ends(s, SPAN(".part")) ||
           span_ends(s, SPAN("~")) || is_companion(s);
}

void gw_spool_companions_move(const struct gw_spool_endpoint *e, const char *name, int to,
                              const char *to_name)
{
    for (const char *const *c = gw_spool_companions; *c != NULL; c++) {
        char from[GW_NAME_SIZE + 16], target[GW_PATH_SIZE + 16];

        (void)snprintf(from, sizeof from, "%s%s", name, *c);
        (void)snprintf(target, sizeof target, "%s%s", to_name, *c);
        (void)renameat(e->out, from, to, target);
    }
}

/* ---- how things look ---- */

static void look_add(struct gw_look *look, const struct stat *st)
{
    int64_t changed = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
    int64_t touched = (int64_t)st->st_ctim.tv_sec * 1000 + st->st_ctim.tv_nsec / 1000000;

    if (changed > look->changed_ns)
        look->changed_ns = changed;
    if (touched > look->touched_ms)
        look->touched_ms = touched;
}

struct look_walk {
    struct gw_look *look;
    int fd;
};

static enum status look_entry(void *ctx, const char *name, mode_t mode, struct error *err)
{
    struct look_walk *walk = ctx;
    struct span s = span_str(name);
    struct stat st;

    (void)mode;
    if (span_ends(s, SPAN(".tmp")) || span_ends(s, SPAN(".part")))
        return error_set(err, ST_RETRY, GW_R_SPOOL_CHANGED, "%s is still being written", name);
    if (fstatat(walk->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return error_set(err, ST_RETRY, GW_R_SPOOL_CHANGED, "%s has gone", name);
    look_add(walk->look, &st);
    walk->look->size += st.st_size + 1; /* an empty file more is a change, too */
    return ST_OK;
}

enum status gw_spool_look(const struct gw_spool_endpoint *e, const char *name, struct gw_look *look,
                          struct error *err)
{
    AUTO(fd_drop) int fd = -1;
    struct look_walk walk = {.look = look};
    struct stat st;

    if (fstatat(e->out, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT
                   ? error_set(err, ST_NOT_FOUND, GW_R_SPOOL_CHANGED, "%s is gone", name)
                   : error_set(err, ST_RETRY, GW_R_SPOOL_CHANGED, "%s: %s", name, strerror(errno));
    *look = (struct gw_look){.mode = st.st_mode, .inode = st.st_ino};
    look_add(look, &st);
    if (!S_ISDIR(st.st_mode)) {
        look->size = st.st_size;
        return ST_OK;
    }
    TRY(gw_dir_open(e->out, name, &fd, err));
    walk.fd = fd;
    return gw_dir_each(fd, ".", look_entry, &walk, err);
}

bool gw_look_same(const struct gw_look *a, const struct gw_look *b)
{
    return a->mode == b->mode && a->inode == b->inode && a->size == b->size &&
           a->changed_ns == b->changed_ns;
}

/* ---- settling ---- */

void gw_settling_free(struct gw_spool_endpoint *e)
{
    free(e->settling);
    e->settling = NULL;
    e->settling_count = 0;
}

static int settling_cmp(const void *a, const void *b)
{
    return strcmp(((const struct gw_settling *)a)->name, ((const struct gw_settling *)b)->name);
}

/* Up to BATCH complete names, taken in by several threads: the commits then share their fsyncs. */
struct scan {
    struct gw_spool_endpoint *e;
    char (*names)[GW_NAME_SIZE];
    size_t count;
    bool waiting, more;       /* something is not complete yet; there is more than a batch */
    struct gw_settling *seen; /* by this scan; what e has is sorted and from the one before */
    size_t seen_count, seen_cap;
    atomic_size_t next;
    atomic_bool again, failed, progress;
    atomic_bool no_scanner; /* the virus scanner says nothing: the others would fare alike */
    pthread_mutex_t lock;
    struct error err;
};

static struct gw_settling *seen_add(struct scan *s)
{
    if (s->seen_count == s->seen_cap) {
        size_t cap = s->seen_cap == 0 ? 64 : s->seen_cap * 2;
        struct gw_settling *more = realloc(s->seen, cap * sizeof *more);

        if (more == NULL)
            return NULL;
        s->seen = more;
        s->seen_cap = cap;
    }
    return &s->seen[s->seen_count++];
}

/* Has it looked the same for long enough? */
static bool settled(struct scan *s, const char *name)
{
    int64_t now = gw_monotonic_ms();
    struct gw_settling entry = {.since_ms = now}, *added;
    const struct gw_settling *before = NULL;
    struct error ignored = {0};

    (void)snprintf(entry.name, sizeof entry.name, "%s", name);
    if (gw_spool_look(s->e, name, &entry.look, &ignored) != ST_OK)
        return false;
    if (s->e->settling_count > 0)
        before = bsearch(&entry, s->e->settling, s->e->settling_count, sizeof entry, settling_cmp);
    if (before != NULL && gw_look_same(&before->look, &entry.look))
        entry.since_ms = before->since_ms;
    added = seen_add(s);
    if (added == NULL)
        return false;
    *added = entry;
    return now - entry.since_ms >= s->e->conf->settled_seconds * 1000;
}

static void settling_replace(struct scan *s)
{
    gw_settling_free(s->e);
    if (s->seen_count > 0)
        qsort(s->seen, s->seen_count, sizeof *s->seen, settling_cmp);
    s->e->settling = s->seen;
    s->e->settling_count = s->seen_count;
    s->seen = NULL;
}

/* ---- scanning ---- */

static enum status scan_name(void *ctx, const char *name, mode_t mode, struct error *err)
{
    struct scan *s = ctx;

    (void)mode;
    (void)err;
    if (gw_spool_ignores(name))
        return ST_OK;
    if (s->e->conf->complete == GW_COMPLETE_SETTLED && !settled(s, name)) {
        s->waiting = true;
        return ST_OK;
    }
    if (s->count == BATCH) {
        s->more = true;
        return ST_OK;
    }
    (void)snprintf(s->names[s->count++], GW_NAME_SIZE, "%s", name);
    return ST_OK;
}

static void *taker_main(void *arg)
{
    struct scan *s = arg;

    while (!gw_loop_stopping(s->e->rt->loop) && !s->no_scanner) {
        size_t i = atomic_fetch_add(&s->next, 1);
        struct error err = {0};
        bool again = false;

        if (i >= s->count)
            break;
        if (gw_spool_take_one(s->e, s->names[i], &s->lock, &again, &err) != ST_OK) {
            pthread_mutex_lock(&s->lock);
            s->err = err;
            s->failed = true;
            s->no_scanner = s->no_scanner || err.reason == GW_R_SCAN_UNAVAILABLE;
            pthread_mutex_unlock(&s->lock);
        }
        if (again)
            s->again = true;
        else
            s->progress = true;
    }
    return NULL;
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

enum status gw_spool_take(struct gw_spool_endpoint *e, int *again_ms, struct error *err)
{
    struct scan s = {.e = e, .lock = PTHREAD_MUTEX_INITIALIZER};
    enum status st;

    s.names = malloc(BATCH * sizeof *s.names);
    TRY_ALLOC(s.names, err);
    st = gw_dir_each(e->out, ".", scan_name, &s, err);
    settling_replace(&s);
    if (st == ST_OK)
        take_all(&s);
    *again_ms = s.no_scanner                     ? SCANNER_MS
                : s.more && s.progress           ? 0
                : s.waiting || s.more || s.again ? SOON_MS
                                                 : -1;
    free(s.names);
    if (st == ST_OK && s.failed) {
        *err = s.err;
        st = s.err.status;
    }
    return st;
}

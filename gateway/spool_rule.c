/* How things in out/ look, and what belongs to them. */
#include "gateway/spool_in.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

/* ---- names ---- */

static const char *const always[] = {".meta.yaml", ".meta.xml"};

const char *gw_spool_signal(const struct gw_spool_endpoint *e)
{
    switch (e->conf->complete) {
    case GW_COMPLETE_MARKER:
        return e->conf->marker;
    case GW_COMPLETE_MANIFEST:
        return GW_SPOOL_MANIFEST;
    default:
        return NULL;
    }
}

const char *gw_spool_companion(const struct gw_spool_endpoint *e, size_t i)
{
    if (i < ARRAY_LEN(always))
        return always[i];
    return i == ARRAY_LEN(always) ? gw_spool_signal(e) : NULL;
}

bool gw_spool_is_companion(const struct gw_spool_endpoint *e, const char *name)
{
    const char *ending;

    for (size_t i = 0; (ending = gw_spool_companion(e, i)) != NULL; i++)
        if (span_ends(span_str(name), span_str(ending)))
            return true;
    return false;
}

/* ".tmp", ".part", also in capitals: programs from the days of DOS write BRIEF.TMP. */
static bool is_unfinished(struct span name)
{
    static const char *const endings[] = {".tmp", ".part"};

    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        size_t len = strlen(endings[i]);

        if (name.len >= len &&
            span_eq_nocase(span_from(name, name.len - len), span_str(endings[i])))
            return true;
    }
    return false;
}

bool gw_spool_ignores(const struct gw_spool_endpoint *e, const char *name)
{
    struct span s = span_str(name);

    return name[0] == '.' || is_unfinished(s) || span_ends(s, SPAN("~")) ||
           gw_spool_is_companion(e, name);
}

bool gw_spool_beside(const char *name, const char *ending, char path[GW_NAME_SIZE])
{
    return snprintf(path, GW_NAME_SIZE, "%s%s", name, ending) <= GW_NAME_MAX;
}

/* ---- looks ---- */

static int64_t changed_of(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

static void look_add(struct gw_look *look, const struct stat *st)
{
    int64_t changed = changed_of(st);
    int64_t touched = (int64_t)st->st_ctim.tv_sec * 1000 + st->st_ctim.tv_nsec / 1000000;

    if (changed > look->changed_ns)
        look->changed_ns = changed;
    if (touched > look->touched_ms)
        look->touched_ms = touched;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

static void look_beside(const struct gw_spool_endpoint *e, int at, const char *name,
                        struct gw_look *look)
{
    char path[GW_NAME_SIZE];
    const char *ending;
    struct stat st;

    for (size_t i = 0; (ending = gw_spool_companion(e, i)) != NULL; i++) {
        if (!gw_spool_beside(name, ending, path) ||
            fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        look->beside = mix(look->beside, i + 1);
        look->beside = mix(look->beside, st.st_ino);
        look->beside = mix(look->beside, (uint64_t)st.st_size);
        look->beside = mix(look->beside, (uint64_t)changed_of(&st));
    }
}

struct look_walk {
    struct gw_look *look;
    int fd;
};

static enum status look_entry(void *ctx, const char *name, mode_t mode, struct error *err)
{
    struct look_walk *walk = ctx;
    struct stat st;

    (void)mode;
    if (is_unfinished(span_str(name)))
        return error_set(err, ST_RETRY, GW_R_SPOOL_CHANGED, "%s is still being written", name);
    if (fstatat(walk->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return error_set(err, ST_RETRY, GW_R_SPOOL_CHANGED, "%s has gone", name);
    look_add(walk->look, &st);
    walk->look->size += st.st_size + 1; /* an empty file more is a change, too */
    return ST_OK;
}

enum status gw_spool_look(const struct gw_spool_endpoint *e, int at, const char *name,
                          struct gw_look *look, struct error *err)
{
    AUTO(fd_drop) int fd = -1;
    struct look_walk walk = {.look = look};
    struct stat st, folder;

    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT
                   ? error_set(err, ST_NOT_FOUND, GW_R_SPOOL_CHANGED, "%s is gone", name)
                   : error_set(err, ST_RETRY, GW_R_SPOOL_BUSY, "%s: %s", name, strerror(errno));
    if (S_ISDIR(st.st_mode) && fstat(at, &folder) == 0 && folder.st_dev != st.st_dev)
        return error_set(err, ST_DENIED, GW_R_SPOOL_FOLDER,
                         "something else is mounted over %s, so it cannot be moved", name);
    *look = (struct gw_look){.mode = st.st_mode, .inode = st.st_ino};
    look_add(look, &st);
    look_beside(e, at, name, look);
    if (!S_ISDIR(st.st_mode)) {
        look->size = st.st_size;
        return ST_OK;
    }
    TRY(gw_dir_open(at, name, &fd, err));
    walk.fd = fd;
    return gw_dir_each(fd, ".", look_entry, &walk, err);
}

bool gw_look_same(const struct gw_look *a, const struct gw_look *b)
{
    return a->mode == b->mode && a->inode == b->inode && a->size == b->size &&
           a->changed_ns == b->changed_ns && a->beside == b->beside;
}

uint64_t gw_look_hash(const struct gw_look *look)
{
    uint64_t hash = mix(look->inode, look->mode);

    hash = mix(hash, (uint64_t)look->size);
    hash = mix(hash, (uint64_t)look->changed_ns);
    return mix(hash, look->beside);
}

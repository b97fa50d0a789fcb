#define _GNU_SOURCE
#include "tests/fault/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PATH_SIZE = 1024, CHANGES_MAX = 65536 };

enum kind { GONE, BYTES, MADE, RENAMED, REMOVED, REMOVED_FOLDER };

struct change {
    enum kind kind;
    dev_t dev;
    ino_t ino; /* of the file, or of the folder whose names have changed */
    /* BYTES */
    int fd; /* of our own, open for both */
    off_t offset, size;
    size_t len;
    uint8_t *old;     /* len bytes from offset, as far as there were any */
    uint8_t *written; /* where 1, a later flush has made other bytes durable */
    bool doomed;      /* its flush has failed */
    /* names */
    char *from, *to;
    char *grave; /* the second link of what was removed or displaced; NULL: nothing was */
};

/* Our own descriptors, one for each file: to open one anew and close it would take the locks of
 * SQLite with it. */
struct own {
    dev_t dev;
    ino_t ino;
    int fd;
};

static struct change changes[CHANGES_MAX];
static size_t count;
static struct own own[4096];
static size_t own_count;
static char graves[PATH_SIZE];
static unsigned grave_count;

/* Calls of our own, which nobody watches. */
static int raw_open(const char *path, int flags)
{
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600);
}

static int raw_unlink(const char *path, int flags)
{
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, flags);
}

static int raw_rename(const char *from, const char *to)
{
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

static int raw_link(const char *from, const char *to)
{
    return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

void journal_init(const char *root)
{
    (void)snprintf(graves, sizeof graves, "%s.grave", root);
    (void)syscall(SYS_mkdirat, AT_FDCWD, graves, 0700);
}

static struct change *change_add(enum kind kind)
{
    if (count == CHANGES_MAX) {
        size_t kept = 0;

        for (size_t i = 0; i < count; i++)
            if (changes[i].kind != GONE)
                changes[kept++] = changes[i];
        count = kept;
        if (count == CHANGES_MAX)
            abort();
    }
    changes[count] = (struct change){.kind = kind, .fd = -1};
    return &changes[count++];
}

static void change_drop(struct change *c)
{
    if (c->grave != NULL)
        (void)raw_unlink(c->grave, 0);
    free(c->old);
    free(c->written);
    free(c->from);
    free(c->to);
    free(c->grave);
    *c = (struct change){.kind = GONE, .fd = -1};
}

static int own_fd(int fd, const struct stat *st)
{
    char path[64];
    int made;

    for (size_t i = 0; i < own_count; i++)
        if (own[i].ino == st->st_ino && own[i].dev == st->st_dev)
            return own[i].fd;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    made = raw_open(path, O_RDWR);
    if (made < 0 || own_count == sizeof own / sizeof *own)
        abort(); /* a record with holes would say that nothing was lost */
    own[own_count++] = (struct own){st->st_dev, st->st_ino, made};
    return made;
}

static void bytes_add(int fd, off_t offset, size_t len)
{
    struct change *c;
    struct stat st;
    ssize_t got;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_nlink == 0)
        return;
    c = change_add(BYTES);
    c->dev = st.st_dev;
    c->ino = st.st_ino;
    c->fd = own_fd(fd, &st);
    c->offset = offset;
    c->len = len;
    c->size = st.st_size;
    c->old = calloc(1, len + 1);
    c->written = calloc(1, len + 1);
    if (c->old == NULL || c->written == NULL)
        abort();
    got = pread(c->fd, c->old, len, offset);
    (void)got; /* what was not there is cut off by size */
}

void journal_write(int fd, off_t offset, size_t len)
{
    bytes_add(fd, offset, len);
}

void journal_truncate(int fd, off_t len)
{
    struct stat st;

    if (fstat(fd, &st) == 0)
        bytes_add(fd, len, st.st_size > len ? (size_t)(st.st_size - len) : 0);
}

/* Whose names change with path. */
static void parent_of(struct change *c, const char *path)
{
    char folder[PATH_SIZE];
    struct stat st;

    (void)snprintf(folder, sizeof folder, "%s", path);
    *strrchr(folder, '/') = '\0';
    if (stat(folder, &st) != 0)
        return;
    c->dev = st.st_dev;
    c->ino = st.st_ino;
}

static char *grave_dig(const char *path)
{
    char grave[PATH_SIZE + 16];
    struct stat st;

    if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return NULL;
    (void)snprintf(grave, sizeof grave, "%s/%u", graves, grave_count++);
    return raw_link(path, grave) == 0 ? strdup(grave) : NULL;
}

void journal_made(const char *path)
{
    struct change *c = change_add(MADE);

    c->to = strdup(path);
    parent_of(c, path);
}

void journal_remove(const char *path, bool folder)
{
    struct change *c = change_add(folder ? REMOVED_FOLDER : REMOVED);

    c->to = strdup(path);
    parent_of(c, path);
    if (!folder)
        c->grave = grave_dig(path);
}

void journal_rename(const char *from, const char *to)
{
    struct change *c = change_add(RENAMED);

    c->from = strdup(from);
    c->to = strdup(to);
    parent_of(c, to);
    c->grave = grave_dig(to);
}

void journal_forget_last(void)
{
    change_drop(&changes[--count]);
}

/* A rename is durable: older changes that name something below it happened there, and how the thing
 * itself came to its former name does not matter any more. */
static void rename_settle(const struct change *renamed)
{
    size_t len = strlen(renamed->from);

    for (struct change *c = changes; c < renamed; c++) {
        char **paths[] = {&c->from, &c->to};

        if ((c->kind == MADE || c->kind == RENAMED) && strcmp(c->to, renamed->from) == 0) {
            change_drop(c);
            continue;
        }
        for (size_t i = 0; i < 2 && c->kind != GONE; i++) {
            char *old = *paths[i];
            char moved[2 * PATH_SIZE];

            if (old == NULL || strncmp(old, renamed->from, len) != 0 ||
                (old[len] != '/' && old[len] != '\0'))
                continue;
            (void)snprintf(moved, sizeof moved, "%s%s", renamed->to, old + len);
            *paths[i] = strdup(moved);
            free(old);
        }
    }
}

/* What c made durable is not taken back by older changes that were not. */
static void doom_lift(const struct change *c)
{
    for (struct change *d = changes; d < c; d++) {
        if (d->kind != BYTES || !d->doomed || d->fd != c->fd)
            continue;
        for (size_t i = 0; i < d->len; i++) {
            off_t at = d->offset + (off_t)i;

            if (at >= c->offset && at < c->offset + (off_t)c->len)
                d->written[i] = 1;
        }
    }
}

static void flushed(const struct stat *st)
{
    for (size_t i = 0; i < count; i++) {
        struct change *c = &changes[i];

        if (c->kind == GONE || c->doomed || c->ino != st->st_ino || c->dev != st->st_dev)
            continue;
        if (c->kind == BYTES)
            doom_lift(c);
        if (c->kind == RENAMED)
            rename_settle(c);
        change_drop(c);
    }
    while (count > 0 && changes[count - 1].kind == GONE)
        count--;
}

void journal_flushed(int fd)
{
    struct stat st;

    if (fstat(fd, &st) == 0)
        flushed(&st);
}

void journal_flush_failed(int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return;
    for (size_t i = 0; i < count; i++)
        if (changes[i].kind == BYTES && changes[i].ino == st.st_ino && changes[i].dev == st.st_dev)
            changes[i].doomed = true;
}

void journal_flushed_all(void)
{
    for (size_t i = 0; i < count; i++)
        if (!changes[i].doomed)
            change_drop(&changes[i]);
}

static void bytes_undo(const struct change *c)
{
    struct stat st;
    size_t from = 0;

    while (from < c->len) {
        size_t to = from;
        ssize_t n;

        while (to < c->len && !c->written[to])
            to++;
        n = to > from ? (ssize_t)syscall(SYS_pwrite64, c->fd, c->old + from, to - from,
                                         c->offset + (off_t)from)
                      : 0;
        (void)n;
        from = to + 1;
    }
    /* longer only by what is not durable; by what is, it stays */
    if (fstat(c->fd, &st) == 0 && st.st_size > c->size && (c->len == 0 || !c->written[c->len - 1]))
        (void)syscall(SYS_ftruncate, c->fd, c->size);
}

static void name_undo(const struct change *c)
{
    switch (c->kind) {
    case MADE:
        if (raw_unlink(c->to, 0) != 0)
            (void)raw_unlink(c->to, AT_REMOVEDIR);
        break;
    case RENAMED:
        (void)raw_rename(c->to, c->from);
        if (c->grave != NULL)
            (void)raw_rename(c->grave, c->to);
        break;
    case REMOVED:
        if (c->grave != NULL)
            (void)raw_rename(c->grave, c->to);
        break;
    case REMOVED_FOLDER:
        (void)syscall(SYS_mkdirat, AT_FDCWD, c->to, 0700);
        break;
    default:
        break;
    }
}

uint32_t journal_cut(enum fault_power power, uint32_t seed)
{
    uint32_t undone = 0;
    size_t kept = 0; /* names before this change are on the disk */

    if (power == FAULT_POWER_KEPT)
        return 0;
    if (power == FAULT_POWER_SOME)
        kept = (size_t)rand_r(&seed) % (count + 1);
    for (size_t i = count; i-- > 0;) {
        const struct change *c = &changes[i];

        if (c->kind == GONE)
            continue;
        if (c->kind == BYTES) {
            if (power == FAULT_POWER_SOME && !c->doomed && rand_r(&seed) % 2 != 0)
                continue;
            bytes_undo(c);
        } else {
            if (power == FAULT_POWER_DATA || (power == FAULT_POWER_SOME && i < kept))
                continue;
            name_undo(c);
        }
        undone++;
    }
    return undone;
}

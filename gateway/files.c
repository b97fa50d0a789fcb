#define _GNU_SOURCE /* renameat2 */

#include "gateway/files.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "gateway/reason.h"

enum { DIR_DEPTH_MAX = 64, PUMP_BYTES = 64 * 1024 };

static enum status sys_status(int number)
{
    switch (number) {
    case ENOENT:
        return ST_NOT_FOUND;
    case EEXIST:
    case ENOTEMPTY:
        return ST_DUPLICATE;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return ST_LIMIT;
    case EACCES:
    case EPERM:
    case EROFS:
    case ELOOP:
    case ENOTDIR:
    case EISDIR:
        return ST_DENIED;
    case EXDEV:
    case ENAMETOOLONG:
        return ST_INVALID;
    default:
        return ST_RETRY;
    }
}

/* Says what could not be done to path and why; errno is the reason. */
static enum status sys_error(struct error *err, const char *what, const char *path)
{
    return gw_reason_system(err, sys_status(errno), errno, "%s %s", what, path);
}

static enum status path_check(int at, const char *path, struct error *err)
{
    struct span rest = span_str(path), part;

    if (rest.len == 0 || rest.len >= GW_PATH_SIZE - 8 || (at != AT_FDCWD && path[0] == '/'))
        return error_set(err, ST_DENIED, 0, "%.100s is not a usable path", path);
    while (span_split(&rest, '/', &part))
        if (span_is(part, "..") && at != AT_FDCWD)
            return error_set(err, ST_DENIED, 0, "%.100s leads out of its folder", path);
    return ST_OK;
}

/* The folder part of path: "." when there is none. */
static void folder_of(const char *path, char folder[GW_PATH_SIZE])
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        (void)snprintf(folder, GW_PATH_SIZE, ".");
    else
        (void)snprintf(folder, GW_PATH_SIZE, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

enum status gw_dir_open(int at, const char *path, int *fd, struct error *err)
{
    int got;

    TRY(path_check(at, path, err));
    got = openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (got < 0)
        return sys_error(err, "cannot open the folder", path);
    *fd = got;
    return ST_OK;
}

enum status gw_dir_sync(int at, const char *path, struct error *err)
{
    AUTO(fd_drop) int fd = -1;

    TRY(gw_dir_open(at, path, &fd, err));
    if (fsync(fd) != 0)
        return sys_error(err, "cannot make the folder durable", path);
    return ST_OK;
}

enum status gw_dir_make(int at, const char *path, mode_t mode, struct error *err)
{
    char part[GW_PATH_SIZE], folder[GW_PATH_SIZE];
    struct stat st;

    TRY(path_check(at, path, err));
    for (const char *end = path; *end != '\0';) {
        end += strspn(end, "/");
        end += strcspn(end, "/");
        (void)snprintf(part, sizeof part, "%.*s", (int)(end - path), path);
        if (mkdirat(at, part, mode) == 0) {
            folder_of(part, folder);
            TRY(gw_dir_sync(at, folder, err));
        } else if (errno != EEXIST) {
            return sys_error(err, "cannot make the folder", part);
        }
    }
    if (fstatat(at, path, &st, 0) != 0)
        return sys_error(err, "cannot look at", path);
    if (!S_ISDIR(st.st_mode))
        return error_set(err, ST_DENIED, 0, "%s is not a folder", path);
    return ST_OK;
}

DROP_DEFINE(dir_drop, DIR, (void)closedir)

enum status gw_dir_each(int at, const char *path,
                        enum status (*each)(void *ctx, const char *name, mode_t mode,
                                            struct error *err),
                        void *ctx, struct error *err)
{
    AUTO(dir_drop) DIR *dir = NULL;
    const struct dirent *entry;
    struct stat st;
    int fd = -1;

    TRY(gw_dir_open(at, path, &fd, err));
    dir = fdopendir(fd);
    if (dir == NULL) {
        close(fd);
        return sys_error(err, "cannot read the folder", path);
    }
    for (;;) {
        errno = 0;
        entry = readdir(dir); /* this DIR is ours alone */
        if (entry == NULL)
            return errno == 0 ? ST_OK : sys_error(err, "cannot read the folder", path);
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
            if (errno == ENOENT)
                continue; /* gone in the meantime */
            return sys_error(err, "cannot look at", entry->d_name);
        }
        TRY(each(ctx, entry->d_name, st.st_mode, err));
    }
}

struct removal {
    int at;
    int depth;
};

static enum status remove_tree(int at, const char *path, int depth, struct error *err);

static enum status remove_entry(void *ctx, const char *name, mode_t mode, struct error *err)
{
    const struct removal *removal = ctx;

    if (S_ISDIR(mode))
        return remove_tree(removal->at, name, removal->depth + 1, err);
    if (unlinkat(removal->at, name, 0) != 0 && errno != ENOENT)
        return sys_error(err, "cannot remove", name);
    return ST_OK;
}

static enum status remove_tree(int at, const char *path, int depth, struct error *err)
{
    AUTO(fd_drop) int fd = -1;
    struct removal removal;

    if (depth > DIR_DEPTH_MAX)
        return error_set(err, ST_LIMIT, 0, "%s lies too deep to be removed", path);
    TRY(gw_dir_open(at, path, &fd, err));
    removal = (struct removal){fd, depth};
    TRY(gw_dir_each(fd, ".", remove_entry, &removal, err));
    if (unlinkat(at, path, AT_REMOVEDIR) != 0 && errno != ENOENT)
        return sys_error(err, "cannot remove the folder", path);
    return ST_OK;
}

enum status gw_dir_remove(int at, const char *path, struct error *err)
{
    TRY(path_check(at, path, err));
    if (unlinkat(at, path, 0) == 0 || errno == ENOENT)
        return ST_OK;
    if (errno != EISDIR && errno != EPERM)
        return sys_error(err, "cannot remove", path);
    return remove_tree(at, path, 0, err);
}

static enum status writer_write(struct sink *self, struct span bytes, struct error *err)
{
    struct gw_file_writer *w = (struct gw_file_writer *)self;

    assert(w->fd >= 0);
    TRY(digest_update(w->digest, bytes, err));
    w->len += bytes.len;
    while (bytes.len > 0) {
        ssize_t n = write(w->fd, bytes.ptr, bytes.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return sys_error(err, "cannot write", "the file");
        bytes = span_from(bytes, (size_t)n);
    }
    return ST_OK;
}

enum status gw_file_writer_open(struct gw_file_writer *w, int at, const char *path,
                                struct error *err)
{
    AUTO(digest_drop) struct digest *digest = NULL;
    int fd;

    TRY(path_check(at, path, err));
    TRY(digest_new(alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST), &digest, err));
    fd = openat(at, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return sys_error(err, "cannot create", path);
    *w = (struct gw_file_writer){.base = {writer_write}, .fd = fd, .digest = TAKE(digest)};
    return ST_OK;
}

enum status gw_file_writer_finish(struct gw_file_writer *w, struct error *err)
{
    struct digest_value value;

    assert(w->digest != NULL);
    TRY(digest_final(w->digest, &value, err));
    assert(value.len == sizeof w->sha256);
    memcpy(w->sha256, value.bytes, sizeof w->sha256);
    if (fsync(w->fd) != 0)
        return sys_error(err, "cannot make durable", "the file");
    gw_file_writer_deinit(w);
    return ST_OK;
}

void gw_file_writer_deinit(struct gw_file_writer *w)
{
    if (w->digest == NULL)
        return;
    digest_drop(&w->digest);
    fd_drop(&w->fd);
}

static enum status source_file_read(struct source *self, uint64_t offset, void *bytes, size_t cap,
                                    size_t *got, struct error *err)
{
    const struct gw_file_source *s = (const struct gw_file_source *)self;
    ssize_t n;

    assert(s->fd >= 0);
    do {
        n = pread(s->fd, bytes, cap, (off_t)offset);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return sys_error(err, "cannot read", "the file");
    *got = (size_t)n;
    return ST_OK;
}

enum status gw_file_source_open(struct gw_file_source *s, int at, const char *path,
                                struct error *err)
{
    AUTO(fd_drop) int fd = -1;
    struct stat st;

    TRY(path_check(at, path, err));
    /* O_NONBLOCK: opening a pipe somebody has put there must not hang */
    fd = openat(at, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return sys_error(err, "cannot open", path);
    if (fstat(fd, &st) != 0)
        return sys_error(err, "cannot look at", path);
    if (!S_ISREG(st.st_mode))
        return error_set(err, ST_DENIED, 0, "%s is not a regular file", path);
    *s = (struct gw_file_source){{source_file_read, (uint64_t)st.st_size}, fd};
    fd = -1;
    return ST_OK;
}

void gw_file_source_deinit(struct gw_file_source *s)
{
    fd_drop(&s->fd);
}

enum status gw_file_read(int at, const char *path, struct buf *buf, struct error *err)
{
    AUTO(gw_file_source_deinit) struct gw_file_source s = {.fd = -1};

    TRY(gw_file_source_open(&s, at, path, err));
    return source_read_all(&s.base, buf, err);
}

enum status gw_file_write(int at, const char *path, struct span bytes, struct error *err)
{
    AUTO(gw_file_writer_deinit) struct gw_file_writer w = {.fd = -1};
    char temp[GW_PATH_SIZE], folder[GW_PATH_SIZE];
    enum status st;

    TRY(path_check(at, path, err));
    (void)snprintf(temp, sizeof temp, "%s.tmp", path);
    if (unlinkat(at, temp, 0) != 0 && errno != ENOENT) /* a crash may have left one */
        return sys_error(err, "cannot remove", temp);
    TRY(gw_file_writer_open(&w, at, temp, err));
    st = sink_write(&w.base, bytes, err);
    if (st == ST_OK)
        st = gw_file_writer_finish(&w, err);
    if (st == ST_OK && renameat(at, temp, at, path) != 0)
        st = sys_error(err, "cannot rename to", path);
    if (st != ST_OK)
        goto undo;
    folder_of(path, folder);
    return gw_dir_sync(at, folder, err);

undo:
    (void)unlinkat(at, temp, 0);
    return st;
}

enum status gw_file_pump(struct source *from, struct sink *to, struct error *err)
{
    AUTO(free_drop) uint8_t *bytes = malloc(PUMP_BYTES);
    uint64_t offset = 0;
    size_t got;

    TRY_ALLOC(bytes, err);
    for (;;) {
        TRY(source_read(from, offset, bytes, PUMP_BYTES, &got, err));
        if (got == 0)
            return ST_OK;
        TRY(sink_write(to, span_of(bytes, got), err));
        offset += got;
    }
}

/* rename that never replaces; on file systems without it, look first. */
static int rename_new(int from_at, const char *from, int to_at, const char *to)
{
    struct stat st;

    if (renameat2(from_at, from, to_at, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (fstatat(to_at, to, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EEXIST;
        return -1;
    }
    return renameat(from_at, from, to_at, to);
}

enum status gw_file_rename(int from_at, const char *from, int to_at, const char *to,
                           struct error *err)
{
    TRY(path_check(from_at, from, err));
    TRY(path_check(to_at, to, err));
    if (rename_new(from_at, from, to_at, to) != 0)
        return sys_error(err, "cannot move", from);
    return ST_OK;
}

enum status gw_file_move(int from_at, const char *from, int to_at, const char *to,
                         struct error *err)
{
    char source[GW_PATH_SIZE], target[GW_PATH_SIZE];

    TRY(gw_file_rename(from_at, from, to_at, to, err));
    folder_of(from, source);
    folder_of(to, target);
    TRY(gw_dir_sync(to_at, target, err));
    if (from_at == to_at && strcmp(source, target) == 0)
        return ST_OK;
    return gw_dir_sync(from_at, source, err);
}

struct sink_digest {
    struct sink base;
    struct digest *digest;
    uint64_t len;
};

static enum status sink_digest_write(struct sink *self, struct span bytes, struct error *err)
{
    struct sink_digest *s = (struct sink_digest *)self;

    s->len += bytes.len;
    return digest_update(s->digest, bytes, err);
}

enum status gw_file_digest(int at, const char *path, uint64_t *len, uint8_t sha256[32],
                           struct error *err)
{
    AUTO(gw_file_source_deinit) struct gw_file_source source = {.fd = -1};
    AUTO(digest_drop) struct digest *digest = NULL;
    struct sink_digest sink = {.base = {sink_digest_write}};
    struct digest_value value;

    TRY(gw_file_source_open(&source, at, path, err));
    TRY(digest_new(alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST), &digest, err));
    sink.digest = digest;
    TRY(gw_file_pump(&source.base, &sink.base, err));
    TRY(digest_final(digest, &value, err));
    assert(value.len == 32);
    memcpy(sha256, value.bytes, 32);
    *len = sink.len;
    return ST_OK;
}

enum status gw_file_stat(int at, const char *path, uint64_t *len, int64_t *changed_at,
                         struct error *err)
{
    struct stat st;

    TRY(path_check(at, path, err));
    if (fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return sys_error(err, "cannot look at", path);
    if (!S_ISREG(st.st_mode))
        return error_set(err, ST_NOT_FOUND, 0, "%s is not a regular file", path);
    *len = (uint64_t)st.st_size;
    *changed_at = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    return ST_OK;
}

enum status gw_disk_room(int dir, uint64_t bytes, struct error *err)
{
    struct statvfs fs;
    uint64_t room;

    if (fstatvfs(dir, &fs) != 0)
        return gw_reason_system(err, ST_RETRY, errno, "the disk does not say how full it is");
    room = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (room >= bytes)
        return ST_OK;
    (void)error_set(err, ST_LIMIT, 0, "%llu MB are needed, %llu MB are free",
                    (unsigned long long)(bytes >> 20) + 1, (unsigned long long)(room >> 20));
    return gw_reason_because(ST_LIMIT, GW_R_STORE_FULL, err);
}

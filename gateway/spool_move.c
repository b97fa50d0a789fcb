/* From one folder to another, which may lie on another file system. */
#include "gateway/reason.h"
#include "gateway/spool_in.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

enum { DEPTH_MAX = 64, LINK_MAX = 4096 };

static enum status copy(const struct gw_spool_endpoint *e, int from_at, const char *from, int to_at,
                        const char *to, int depth, struct error *err);

static enum status file_copy(int from_at, const char *from, int to_at, const char *to,
                             struct error *err)
{
    AUTO(gw_file_source_deinit) struct gw_file_source source = {.fd = -1};
    AUTO(gw_file_writer_deinit) struct gw_file_writer writer = {0};

    TRY(gw_file_source_open(&source, from_at, from, err));
    TRY(gw_file_writer_open(&writer, to_at, to, err));
    TRY(gw_file_pump(&source.base, &writer.base, err));
    return gw_file_writer_finish(&writer, err);
}

static enum status link_copy(int from_at, const char *from, int to_at, const char *to,
                             struct error *err)
{
    char target[LINK_MAX];
    ssize_t n = readlinkat(from_at, from, target, sizeof target - 1);

    if (n < 0)
        return gw_reason_system(err, ST_RETRY, errno, "%s", from);
    target[n] = '\0';
    if (symlinkat(target, to_at, to) != 0)
        return gw_reason_system(err, ST_DENIED, errno, "%s", to);
    return ST_OK;
}

struct folder_copy {
    const struct gw_spool_endpoint *e;
    int from, to, depth;
};

static enum status folder_entry(void *ctx, const char *name, mode_t mode, struct error *err)
{
    const struct folder_copy *f = ctx;

    (void)mode;
    return copy(f->e, f->from, name, f->to, name, f->depth + 1, err);
}

static enum status folder_copy(const struct gw_spool_endpoint *e, int from_at, const char *from,
                               int to_at, const char *to, int depth, struct error *err)
{
    AUTO(fd_drop) int from_fd = -1;
    AUTO(fd_drop) int to_fd = -1;
    struct folder_copy f = {.e = e, .depth = depth};

    if (depth > DEPTH_MAX)
        return error_set(err, ST_LIMIT, 0, "%s lies too deep", from);
    TRY(gw_dir_open(from_at, from, &from_fd, err));
    if (mkdirat(to_at, to, 0770) != 0)
        return gw_reason_system(err, ST_DENIED, errno, "%s", to);
    TRY(gw_dir_open(to_at, to, &to_fd, err));
    f.from = from_fd;
    f.to = to_fd;
    TRY(gw_dir_each(from_fd, ".", folder_entry, &f, err));
    if (fsync(to_fd) != 0)
        return gw_reason_system(err, ST_RETRY, errno, "%s", to);
    return ST_OK;
}

static enum status copy(const struct gw_spool_endpoint *e, int from_at, const char *from, int to_at,
                        const char *to, int depth, struct error *err)
{
    struct stat st;

    if (fstatat(from_at, from, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT
                   ? error_set(err, ST_NOT_FOUND, GW_R_SPOOL_CHANGED, "%s is gone", from)
                   : gw_reason_system(err, ST_RETRY, errno, "%s", from);
    if (S_ISREG(st.st_mode))
        TRY(file_copy(from_at, from, to_at, to, err));
    else if (S_ISDIR(st.st_mode))
        TRY(folder_copy(e, from_at, from, to_at, to, depth, err));
    else if (S_ISLNK(st.st_mode))
        TRY(link_copy(from_at, from, to_at, to, err));
    else if (mkfifoat(to_at, to, 0660) != 0) /* pipe, socket, device: a pipe in its place */
        return gw_reason_system(err, ST_DENIED, errno, "%s", to);
    gw_spool_give(e, to_at, to);
    (void)!utimensat(to_at, to, (const struct timespec[]){st.st_atim, st.st_mtim},
                     AT_SYMLINK_NOFOLLOW);
    return ST_OK;
}

/* A name that is hidden and its own even while another is being moved. */
enum status gw_spool_move(const struct gw_spool_endpoint *e, int from_at, const char *from,
                          int to_at, const char *to, const char *hidden, struct error *err)
{
    if (renameat(from_at, from, to_at, to) == 0)
        return ST_OK;
    if (errno == ENOENT)
        return error_set(err, ST_NOT_FOUND, GW_R_SPOOL_CHANGED, "%s is gone", from);
    if (errno != EXDEV)
        return gw_reason_system(err, errno == ENOSPC || errno == EDQUOT ? ST_LIMIT : ST_DENIED,
                                errno, "%s", from);
    TRY(gw_dir_remove(to_at, hidden, err));
    TRY(copy(e, from_at, from, to_at, hidden, 0, err));
    if (renameat(to_at, hidden, to_at, to) != 0)
        return gw_reason_system(err, ST_DENIED, errno, "%s", to);
    TRY(gw_dir_sync(to_at, ".", err));
    return gw_dir_remove(from_at, from, err);
}

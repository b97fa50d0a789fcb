/* The folders of an endpoint, and whose they are. */
#define _GNU_SOURCE /* statx */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "gateway/reason.h"
#include "gateway/spool_in.h"

enum { KEY_MAX = GW_NAME_SIZE + 32 };

void gw_spool_give(const struct gw_spool_endpoint *e, int at, const char *path)
{
    /* by descriptor: the Fachverfahren may write here, and must not make us change other files by
     * putting a link in the place of ours */
    AUTO(fd_drop) int fd = openat(at, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0 || st.st_uid != geteuid())
        return;
    if (!S_ISDIR(st.st_mode) && (!S_ISREG(st.st_mode) || st.st_nlink != 1))
        return;
    (void)!fchown(fd, geteuid() == 0 ? e->uid : (uid_t)-1, e->gid);
    /* the umask is ours, not theirs: say what we mean */
    (void)fchmod(fd, S_ISDIR(st.st_mode) ? 0770 | (st.st_mode & S_ISGID) : 0660);
}

/* The number of its in/, as the store remembers it. */
static void number_key(const struct gw_spool_endpoint *e, char key[KEY_MAX])
{
    (void)snprintf(key, KEY_MAX, "spool.in/%s", e->conf->name);
}

/* Makes it if need be, and sees whether we may work in it. */
static enum status folder_open(struct gw_spool_endpoint *e, const char *name, int *fd,
                               struct error *err)
{
    struct stat st;
    bool fresh = fstatat(e->folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0;

    if (!fresh && S_ISLNK(st.st_mode))
        return error_set(err, ST_DENIED, 0, "%s/%s is a link, and in the folder none is followed",
                         e->conf->folder, name);
    TRY(gw_dir_make(e->folder, name, 0770, err));
    if (fresh)
        gw_spool_give(e, e->folder, name);
    TRY(gw_dir_open(e->folder, name, fd, err));
    if (faccessat(*fd, ".", R_OK | W_OK | X_OK, AT_EACCESS) != 0)
        return gw_reason_system(err, ST_DENIED, errno, "%s/%s", e->conf->folder, name);
    return ST_OK;
}

/* What was ours and has no in/ now is another folder: the place where a share is to be mounted,
 * say. What we made there would be hidden below it. */
static enum status share_check(const struct gw_spool_endpoint *e, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    char path[GW_PATH_SIZE], key[KEY_MAX];
    struct stat st;
    int64_t before;

    (void)snprintf(path, sizeof path, "%s/in", e->conf->folder);
    if (lstat(path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR))
        return ST_OK;
    number_key(e, key);
    TRY(gw_store_read(e->rt->store, &tx, err));
    TRY(gw_store_meta_ms(tx, key, 0, &before, err));
    if (before == 0)
        return ST_OK;
    return error_set(err, ST_DENIED, GW_R_SPOOL_SHARE, "%s is not there any more", path);
}

/* The configured folder may itself be a link, to a share say: that is the operator's. Those in it
 * are the Fachverfahren's, and no link is followed there. */
static enum status top_open(struct gw_spool_endpoint *e, struct error *err)
{
    e->folder = open(e->conf->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (e->folder < 0)
        return error_set(err, ST_DENIED, 0, "%s: %s", e->conf->folder, strerror(errno));
    return ST_OK;
}

static enum status folders_open(struct gw_spool_endpoint *e, struct error *err)
{
    struct stat st;
    bool fresh = stat(e->conf->folder, &st) != 0;

    TRY(share_check(e, err));
    if (fresh)
        TRY(gw_dir_make(AT_FDCWD, e->conf->folder, 0770, err));
    e->uid = geteuid();
    e->gid = getegid();
    if (fresh)
        gw_spool_give(e, AT_FDCWD, e->conf->folder);
    TRY(top_open(e, err));
    if (fstat(e->folder, &st) == 0) {
        e->uid = st.st_uid;
        e->gid = st.st_gid;
    }
    TRY(folder_open(e, "out", &e->out, err));
    TRY(folder_open(e, "sent", &e->sent, err));
    TRY(folder_open(e, "refused", &e->refused, err));
    TRY(folder_open(e, "in", &e->in, err));
    return folder_open(e, "receipts", &e->receipts, err);
}

/* A number for this very folder. The inode alone may be given again to the next one. */
static enum status folder_number(int fd, int64_t *number, struct error *err)
{
    struct statx st;

    if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &st) != 0)
        return gw_reason_system(err, ST_RETRY, errno, "in/");
    *number = (int64_t)st.stx_ino;
    if ((st.stx_mask & STATX_BTIME) != 0)
        *number ^= st.stx_btime.tv_sec << 32 ^ (int64_t)st.stx_btime.tv_nsec << 2;
    return ST_OK;
}

/* Is in/ the folder of last time? The store remembers its number. */
static enum status in_recall(struct gw_spool_endpoint *e, struct error *err)
{
    char key[KEY_MAX], since_key[KEY_MAX];
    struct gw_store *store = e->rt->store;
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    int64_t number, before;

    number_key(e, key);
    (void)snprintf(since_key, sizeof since_key, "spool.in_since/%s", e->conf->name);
    TRY(folder_number(e->in, &number, err));
    TRY(gw_store_read(store, &tx, err));
    TRY(gw_store_meta_ms(tx, key, 0, &before, err));
    TRY(gw_store_meta_ms(tx, since_key, 0, &e->in_since, err));
    gw_read_end(&tx);
    tx = NULL;
    if (number == before)
        return ST_OK;
    if (before != 0) {
        e->in_since = gw_now_ms();
        TRY(gw_store_commit_meta_ms(store, since_key, e->in_since, err));
    }
    return gw_store_commit_meta_ms(store, key, number, err);
}

/* ---- what was accepted has left out/ ---- */

static void moved_key(const struct gw_spool_endpoint *e, char key[KEY_MAX])
{
    (void)snprintf(key, KEY_MAX, "spool.moved/%s", e->conf->name);
}

static enum status moved_recall(struct gw_spool_endpoint *e, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    char key[KEY_MAX];

    moved_key(e, key);
    TRY(gw_store_read(e->rt->store, &tx, err));
    return gw_store_meta_ms(tx, key, 0, &e->moved_at, err);
}

/* Could there still be something in out/ that was accepted before a power cut and not looked at
 * since? */
static bool is_settled(const struct gw_spool_endpoint *e)
{
    return e->looked && e->pass == NULL && !e->leftovers &&
           (e->waits.count == 0 || gw_monotonic_ms() - e->opened_ms >= e->patience.waiting_ms);
}

enum status gw_spool_moved(struct gw_spool_endpoint *e, struct error *err)
{
    int64_t now = gw_now_ms();
    char key[KEY_MAX];

    if (!e->moving || !is_settled(e))
        return ST_OK;
    if (now <= e->moved_at) /* the clock was set back: any other number will do */
        now = e->moved_at + 1;
    if (fsync(e->out) != 0 || fsync(e->sent) != 0)
        return error_set(err, ST_RETRY, GW_R_SPOOL_FOLDER, "out/, sent/: %s", strerror(errno));
    moved_key(e, key);
    TRY(gw_store_commit_meta_ms(e->rt->store, key, now, err));
    e->moved_at = now;
    e->moving = false;
    return ST_OK;
}

/* ---- the endpoint ---- */

enum status gw_spool_endpoint_open(struct gw_spool_endpoint *e, struct gw_runtime *rt,
                                   const struct gw_endpoint_conf *conf, struct error *err)
{
    enum status st;

    *e = (struct gw_spool_endpoint){.rt = rt,
                                    .conf = conf,
                                    .folder = -1,
                                    .out = -1,
                                    .sent = -1,
                                    .refused = -1,
                                    .in = -1,
                                    .receipts = -1,
                                    .leftovers = true,
                                    .opened_ms = gw_monotonic_ms()};
    e->patience = (struct gw_spool_patience){.settled_ms = conf->settled_seconds * 1000,
                                             .empty_ms = 2000,
                                             .unreadable_ms = 60 * 1000,
                                             .waiting_ms = 10 * 60 * 1000};
    st = folders_open(e, err);
    if (st != ST_OK) {
        st = err->status = ST_DENIED;
        if (err->reason != GW_R_SPOOL_SHARE)
            err->reason = GW_R_SPOOL_FOLDER;
    } else {
        st = in_recall(e, err);
        if (st == ST_OK)
            st = moved_recall(e, err);
    }
    if (st == ST_OK)
        return ST_OK;
    gw_spool_endpoint_deinit(e);
    return error_context(err, "endpoint %s", conf->name);
}

void gw_spool_endpoint_deinit(struct gw_spool_endpoint *e)
{
    fd_drop(&e->out);
    fd_drop(&e->sent);
    fd_drop(&e->refused);
    fd_drop(&e->in);
    fd_drop(&e->receipts);
    fd_drop(&e->folder);
    gw_pass_free(e->pass);
    e->pass = NULL;
    gw_waits_free(&e->waits);
}

static bool same(int fd, int at, const char *path)
{
    struct stat ours, there;

    return fstat(fd, &ours) == 0 && fstatat(at, path, &there, 0) == 0 &&
           ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}

bool gw_spool_endpoint_in_place(const struct gw_spool_endpoint *e)
{
    return same(e->folder, AT_FDCWD, e->conf->folder) && same(e->out, e->folder, "out") &&
           same(e->sent, e->folder, "sent") && same(e->refused, e->folder, "refused") &&
           same(e->in, e->folder, "in") && same(e->receipts, e->folder, "receipts");
}

enum status gw_spool_endpoint_look(const struct gw_spool_endpoint *e, struct error *err)
{
    const int fds[] = {e->out, e->sent, e->refused, e->in, e->receipts};
    static const char *const names[] = {"out", "sent", "refused", "in", "receipts"};

    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        if (faccessat(fds[i], ".", R_OK | W_OK | X_OK, 0) != 0)
            return error_set(err, ST_DENIED, GW_R_SPOOL_FOLDER, "%s/%s: %s", e->conf->folder,
                             names[i], strerror(errno));
    return ST_OK;
}

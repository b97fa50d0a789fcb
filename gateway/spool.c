#include "gateway/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "gateway/files.h"
#include "gateway/log.h"
#include "gateway/spool_in.h"
#include "gateway/worker.h"

enum { RESCAN_MS = 10 * 1000, AGAIN_MS = 1000, DEBOUNCE_MS = 20, COMPLAIN_MS = 10 * 60 * 1000 };

struct door {
    struct gw_spool *spool;
    struct gw_spool_endpoint endpoint;
    pthread_t thread;
    bool started;
    int wake, watch; /* eventfd, inotify; watch -1 where there is none */
    int64_t complained_at;
};

struct gw_spool {
    struct gw_runtime *rt;
    struct door *doors;
    size_t count;
    atomic_bool stopping;
};

/* ---- folders ---- */

static enum status folder_open(struct gw_spool_endpoint *e, const char *name, int *fd,
                               struct error *err)
{
    struct stat st;
    bool fresh = fstatat(e->folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0;

    TRY(gw_dir_make(e->folder, name, 0770, err));
    if (fresh)
        gw_spool_give(e, e->folder, name, true);
    return gw_dir_open(e->folder, name, fd, err);
}

static enum status folders_open(struct gw_spool_endpoint *e, struct error *err)
{
    struct stat st;

    TRY(gw_dir_make(AT_FDCWD, e->conf->folder, 0770, err));
    TRY(gw_dir_open(AT_FDCWD, e->conf->folder, &e->folder, err));
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

enum status gw_spool_endpoint_open(struct gw_spool_endpoint *e, struct gw_runtime *rt,
                                   const struct gw_endpoint_conf *conf, struct error *err)
{
    *e = (struct gw_spool_endpoint){.rt = rt,
                                    .conf = conf,
                                    .folder = -1,
                                    .out = -1,
                                    .sent = -1,
                                    .refused = -1,
                                    .in = -1,
                                    .receipts = -1};
    if (folders_open(e, err) == ST_OK)
        return ST_OK;
    gw_spool_endpoint_deinit(e);
    err->status = ST_DENIED;
    err->reason = GW_R_SPOOL_FOLDER;
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
    gw_settling_free(e);
}

void gw_spool_give(const struct gw_spool_endpoint *e, int at, const char *path, bool folder)
{
    /* the umask is ours, not theirs: say what we mean */
    (void)!fchmodat(at, path, folder ? 0770 : 0660, 0);
    if (geteuid() == 0)
        (void)!fchownat(at, path, e->uid, e->gid, AT_SYMLINK_NOFOLLOW);
}

/* ---- the thread of an endpoint ---- */

/* The same trouble every ten seconds is one line every ten minutes. */
static void complain(struct door *d, const struct error *err)
{
    int64_t now = gw_monotonic_ms();

    if (d->complained_at != 0 && now - d->complained_at < COMPLAIN_MS)
        return;
    d->complained_at = now;
    gw_log(d->spool->rt->log, GW_LOG_ERROR, "spool.trouble",
           LOG_STR("endpoint", d->endpoint.conf->name), LOG_ERR(err));
}

static void events_drain(int fd)
{
    char bytes[4096];

    while (fd >= 0 && read(fd, bytes, sizeof bytes) > 0)
        continue;
}

/* Until something happens or ms have passed; a burst of events counts as one. */
static void door_wait(struct door *d, int ms)
{
    struct pollfd fds[2] = {{.fd = d->wake, .events = POLLIN}, {.fd = d->watch, .events = POLLIN}};

    if (poll(fds, d->watch >= 0 ? 2 : 1, ms) > 0 && !d->spool->stopping &&
        (fds[1].revents & POLLIN) != 0)
        (void)poll(fds, 1, DEBOUNCE_MS);
    events_drain(d->wake);
    events_drain(d->watch);
}

static void *door_main(void *arg)
{
    struct door *d = arg;
    struct gw_spool_endpoint *e = &d->endpoint;

    while (!d->spool->stopping) {
        struct error err = {0};
        bool again = false;

        if (gw_spool_take(e, &again, &err) != ST_OK)
            complain(d, &err);
        if (gw_spool_hand_over(e, &err) != ST_OK)
            complain(d, &err);
        if (gw_spool_receipts(e, &err) != ST_OK)
            complain(d, &err);
        door_wait(d, again ? AGAIN_MS : RESCAN_MS);
    }
    return NULL;
}

static void watch_start(struct door *d)
{
    char path[64];

    d->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (d->watch < 0)
        return;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", d->endpoint.out);
    (void)inotify_add_watch(d->watch, path, IN_MOVED_TO | IN_CLOSE_WRITE | IN_CREATE);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", d->endpoint.in);
    (void)inotify_add_watch(d->watch, path, IN_MOVED_FROM | IN_DELETE);
}

static enum status door_open(struct gw_spool *spool, const struct gw_endpoint_conf *conf,
                             struct error *err)
{
    struct door *d = &spool->doors[spool->count];

    *d = (struct door){.spool = spool, .wake = -1, .watch = -1};
    TRY(gw_spool_endpoint_open(&d->endpoint, spool->rt, conf, err));
    spool->count++;
    d->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (d->wake < 0)
        return error_set(err, ST_LIMIT, GW_R_LIMIT, "no more file descriptors");
    watch_start(d);
    return ST_OK;
}

/* ---- all of them ---- */

void gw_spool_wake(struct gw_spool *spool)
{
    uint64_t one = 1;

    for (size_t i = 0; i < spool->count; i++)
        (void)!write(spool->doors[i].wake, &one, sizeof one);
}

void gw_spool_on_accept(struct gw_spool *spool, void (*accepted)(void *ctx), void *ctx)
{
    for (size_t i = 0; i < spool->count; i++) {
        struct door *d = &spool->doors[i];

        d->endpoint.accepted = accepted;
        d->endpoint.accepted_ctx = ctx;
        d->started = pthread_create(&d->thread, NULL, door_main, d) == 0;
        if (!d->started)
            gw_log(spool->rt->log, GW_LOG_ERROR, "spool.no_thread",
                   LOG_STR("endpoint", d->endpoint.conf->name));
    }
}

static void join_job(void *ctx)
{
    struct gw_spool *spool = ctx;

    for (size_t i = 0; i < spool->count; i++)
        if (spool->doors[i].started) {
            (void)pthread_join(spool->doors[i].thread, NULL);
            spool->doors[i].started = false;
        }
}

static void stop_hook(void *ctx)
{
    struct gw_spool *spool = ctx;

    spool->stopping = true;
    gw_spool_wake(spool);
    gw_worker_run(spool->rt->loop, join_job, NULL, spool);
}

enum status gw_spool_start(struct gw_runtime *rt, struct gw_spool **out, struct error *err)
{
    AUTO(gw_spool_drop) struct gw_spool *spool = gw_alloc(sizeof *spool);

    spool->rt = rt;
    spool->doors = gw_alloc((rt->conf->endpoints_count + 1) * sizeof *spool->doors);
    for (unsigned i = 0; i < rt->conf->endpoints_count; i++)
        if (rt->conf->endpoints[i].folder != NULL)
            TRY(door_open(spool, &rt->conf->endpoints[i], err));
    gw_loop_on_stop(rt->loop, stop_hook, spool);
    *out = TAKE(spool);
    return ST_OK;
}

void gw_spool_free(struct gw_spool *spool)
{
    if (spool == NULL)
        return;
    spool->stopping = true;
    gw_spool_wake(spool);
    join_job(spool);
    for (size_t i = 0; i < spool->count; i++) {
        gw_spool_endpoint_deinit(&spool->doors[i].endpoint);
        fd_drop(&spool->doors[i].wake);
        fd_drop(&spool->doors[i].watch);
    }
    free(spool->doors);
    free(spool);
}

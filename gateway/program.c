#define _GNU_SOURCE 1 /* posix_spawn_file_actions_addclosefrom_np */
#include "gateway/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>

#include "gateway/explain.h"

enum { FDS_MAX = 64 };

enum status gw_program_find(const char *name, char path[static GW_PATH_SIZE], struct error *err)
{
    static const char *const places[] = {"", "../", "../../"}; /* of tests and benches */
    char self[GW_PATH_SIZE / 2];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);

    self[len < 0 ? 0 : len] = '\0';
    if (strrchr(self, '/') != NULL)
        strrchr(self, '/')[1] = '\0';
    for (size_t i = 0; len > 0 && i < ARRAY_LEN(places); i++) {
        (void)snprintf(path, GW_PATH_SIZE, "%s%s%s", self, places[i], name);
        if (access(path, X_OK) == 0)
            return ST_OK;
    }
    (void)snprintf(path, GW_PATH_SIZE, DEPESCHE_LIBEXEC "/%s", name);
    if (access(path, X_OK) == 0)
        return ST_OK;
    return error_set(err, ST_RETRY, GW_R_STORE_WRITE, "%s: %s", path, strerror(errno));
}

/* Out of the way of the numbers that they will have. */
static int fds_lift(const struct gw_program_conf *conf, int lifted[FDS_MAX])
{
    for (int i = 0; i < conf->fd_count; i++) {
        lifted[i] = conf->fds[i] < 0 ? -1 : fcntl(conf->fds[i], F_DUPFD_CLOEXEC, conf->fd_count);
        if (lifted[i] < 0 && conf->fds[i] >= 0)
            return errno;
    }
    return 0;
}

static int actions_fill(posix_spawn_file_actions_t *actions, const int *lifted, int count)
{
    int rc = 0;

    for (int i = 0; i < count && rc == 0; i++)
        if (lifted[i] >= 0)
            rc = posix_spawn_file_actions_adddup2(actions, lifted[i], i);
    return rc != 0 ? rc : posix_spawn_file_actions_addclosefrom_np(actions, count);
}

/* Its signals are as if nobody had touched them, whatever this thread holds back. */
static int attributes_fill(posix_spawnattr_t *attributes)
{
    sigset_t none, all;

    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawnattr_setsigmask(attributes, &none);
    (void)posix_spawnattr_setsigdefault(attributes, &all);
    return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static int start(const struct gw_program_conf *conf, const int *lifted, pid_t *pid)
{
    static char *const env[] = {NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int rc = posix_spawn_file_actions_init(&actions);

    if (rc != 0)
        return rc;
    if ((rc = posix_spawnattr_init(&attributes)) == 0) {
        rc = actions_fill(&actions, lifted, conf->fd_count);
        if (rc == 0)
            rc = attributes_fill(&attributes);
        if (rc == 0)
            rc = posix_spawn(pid, conf->path, &actions, &attributes, conf->argv, env);
        (void)posix_spawnattr_destroy(&attributes);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return rc;
}

enum status gw_program_start(const struct gw_program_conf *conf, pid_t *pid, struct error *err)
{
    int lifted[FDS_MAX], rc;

    if (conf->fd_count > FDS_MAX)
        return error_set(err, ST_INTERNAL, 0, "%d descriptors for a program", conf->fd_count);
    for (int i = 0; i < FDS_MAX; i++)
        lifted[i] = -1;
    rc = fds_lift(conf, lifted);
    if (rc == 0)
        rc = start(conf, lifted, pid);
    for (int i = 0; i < conf->fd_count; i++)
        fd_drop(&lifted[i]);
    if (rc == 0)
        return ST_OK;
    return error_set(err, ST_RETRY, GW_R_MEMORY, "%s: %s", conf->path, strerror(rc));
}

#define _GNU_SOURCE 1 /* setresuid */
#include "gateway/cage.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "crypto/base/sanitized.h"
#include "gateway/confine.h"
#include "gateway/reason.h"

enum { USER_BYTES = 16 * 1024, FILES_MAX = 256 * 1024 };

static enum status user_become(const char *name, struct error *err)
{
    struct passwd user, *found = NULL;
    char bytes[USER_BYTES];

    if (name == NULL || geteuid() != 0)
        return ST_OK;
    (void)getpwnam_r(name, &user, bytes, sizeof bytes, &found);
    if (found == NULL)
        return error_set(err, ST_NOT_FOUND, GW_R_CONFIG_USER, "there is no user %s", name);
    if (user.pw_uid == 0)
        return ST_OK;
    if (initgroups(name, user.pw_gid) != 0 ||
        setresgid(user.pw_gid, user.pw_gid, user.pw_gid) != 0 ||
        setresuid(user.pw_uid, user.pw_uid, user.pw_uid) != 0)
        return gw_reason_system(err, ST_DENIED, errno, "cannot become %s", name);
    (void)prctl(PR_SET_DUMPABLE, 0); /* the kernel's word for it goes with the user */
    return ST_OK;
}

/* Connections and open payloads need descriptors; more than the soft bound of a login shell. */
static int64_t files_raise(void)
{
    struct rlimit rl;

    if (getrlimit(RLIMIT_NOFILE, &rl) != 0)
        return 0;
    if (rl.rlim_cur < rl.rlim_max && rl.rlim_cur < FILES_MAX) {
        rl.rlim_cur = rl.rlim_max < FILES_MAX ? rl.rlim_max : FILES_MAX;
        if (setrlimit(RLIMIT_NOFILE, &rl) != 0 && getrlimit(RLIMIT_NOFILE, &rl) != 0)
            return 0;
    }
    return (int64_t)rl.rlim_cur;
}

static enum status calls_confine(bool wanted, const char **how, struct error *err)
{
    enum status st;

    *how = gw_confine_calls_hold() ? "on" : "off"; /* of the program before */
    if (!wanted)
        return ST_OK;
    st = SANITIZED ? ST_NOT_FOUND : gw_confine_calls(err);
    *how = st == ST_OK ? "on" : "absent";
    return st == ST_NOT_FOUND ? ST_OK : st;
}

enum status gw_cage_enter(const struct gw_config *conf, struct gw_cage *cage, struct error *err)
{
    TRY(user_become(conf->security.user, err));
    cage->files_max = files_raise();
    return calls_confine(conf->security.seccomp, &cage->calls, err);
}

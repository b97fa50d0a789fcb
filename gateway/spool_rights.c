/* What may not be read, moved or written, and why; who has locked what. */
#define _GNU_SOURCE /* locks of open file descriptions, leases */
#include "gateway/spool_in.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>

enum { ENTRY_MAX = 4096, PERSON_SIZE = 64 };

/* ---- rights ---- */

static void user_name(uid_t uid, char name[PERSON_SIZE])
{
    char room[ENTRY_MAX];
    struct passwd entry, *found = NULL;

    if (getpwuid_r(uid, &entry, room, sizeof room, &found) == 0 && found != NULL)
        (void)snprintf(name, PERSON_SIZE, "%s", found->pw_name);
    else
        (void)snprintf(name, PERSON_SIZE, "%u", (unsigned)uid);
}

static void group_name(gid_t gid, char name[PERSON_SIZE])
{
    char room[ENTRY_MAX];
    struct group entry, *found = NULL;

    if (getgrgid_r(gid, &entry, room, sizeof room, &found) == 0 && found != NULL)
        (void)snprintf(name, PERSON_SIZE, "%s", found->gr_name);
    else
        (void)snprintf(name, PERSON_SIZE, "%u", (unsigned)gid);
}

enum status gw_rights_explain(int at, const char *name, const char *shown, struct error *err)
{
    char owner[PERSON_SIZE], group[PERSON_SIZE], us[PERSON_SIZE];
    struct error why = *err;
    struct stat st;

    if (fstatat(at, name == NULL ? "" : name, &st,
                name == NULL ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW) != 0)
        return err->status;
    user_name(st.st_uid, owner);
    group_name(st.st_gid, group);
    user_name(geteuid(), us);
    return error_set(err, why.status, why.reason,
                     "%.160s [%.40s: %.30s:%.30s, %04o; depesched: %.30s; setfacl -m u:%.30s:%s]",
                     why.text, shown, owner, group, (unsigned)st.st_mode & 07777, us, us,
                     S_ISDIR(st.st_mode) ? "rwx" : "rw");
}

/* ---- locks ---- */

/* A lease for reading is not given while somebody has the file open for writing. It is given back
 * at once; the signal that its breaking would send is one that nobody minds. */
static bool is_open_for_writing(int fd)
{
    if (fcntl(fd, F_SETSIG, SIGURG) != 0)
        return false;
    if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0)
        return errno == EAGAIN;
    (void)fcntl(fd, F_SETLEASE, F_UNLCK);
    return false;
}

enum status gw_lock_check(int fd, bool writers, const char *shown, struct error *err)
{
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};

    if ((flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) ||
        (fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK))
        return error_set(err, ST_RETRY, GW_R_SPOOL_BUSY, "another program has locked %s", shown);
    if (writers && is_open_for_writing(fd))
        return error_set(err, ST_RETRY, GW_R_SPOOL_BUSY, "another program is writing to %s", shown);
    return ST_OK;
}

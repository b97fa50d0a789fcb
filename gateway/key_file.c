#include "gateway/key_file.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/files.h"

enum { LINE_MAX_BYTES = 4096, NAMES_BYTES = 16 * 1024 };

void gw_key_keeper_of(const struct gw_config *config, struct gw_key_keeper *keeper)
{
    const char *name = config->security.user;
    char names[NAMES_BYTES];
    struct passwd entry, *found = NULL;
    struct stat info;

    *keeper = (struct gw_key_keeper){geteuid(), getegid()};
    if (name != NULL && getpwnam_r(name, &entry, names, sizeof names, &found) == 0 && found != NULL)
        *keeper = (struct gw_key_keeper){entry.pw_uid, entry.pw_gid};
    else if (name == NULL && config->state != NULL && stat(config->state, &info) == 0)
        *keeper = (struct gw_key_keeper){info.st_uid, info.st_gid};
}

static void user_name(uid_t uid, char text[static GW_KEY_FILE_TEXT])
{
    char names[NAMES_BYTES];
    struct passwd entry, *found = NULL;

    if (getpwuid_r(uid, &entry, names, sizeof names, &found) == 0 && found != NULL)
        (void)snprintf(text, GW_KEY_FILE_TEXT, "%s", entry.pw_name);
    else
        (void)snprintf(text, GW_KEY_FILE_TEXT, "%lu", (unsigned long)uid);
}

static void group_name(gid_t gid, char text[static GW_KEY_FILE_TEXT])
{
    char names[NAMES_BYTES];
    struct group entry, *found = NULL;

    if (getgrgid_r(gid, &entry, names, sizeof names, &found) == 0 && found != NULL)
        (void)snprintf(text, GW_KEY_FILE_TEXT, "%s", entry.gr_name);
    else
        (void)snprintf(text, GW_KEY_FILE_TEXT, "%lu", (unsigned long)gid);
}

static void owner_write(uid_t uid, gid_t gid, char text[static 2 * GW_KEY_FILE_TEXT])
{
    char user[GW_KEY_FILE_TEXT], group[GW_KEY_FILE_TEXT];

    user_name(uid, user);
    group_name(gid, group);
    (void)snprintf(text, 2 * GW_KEY_FILE_TEXT, "%s:%s", user, group);
}

bool gw_key_file_good(const struct gw_key_keeper *keeper, const struct stat *info,
                      struct gw_key_file_fault *fault)
{
    bool owned = info->st_uid == 0 || info->st_uid == keeper->uid || info->st_uid == geteuid();
    bool own_group = info->st_gid == keeper->gid;
    mode_t refused = S_IRWXO | S_IWGRP | S_IXGRP | (own_group ? 0 : S_IRGRP);

    if (owned && (info->st_mode & refused) == 0)
        return true;
    owner_write(info->st_uid, info->st_gid, fault->owner);
    (void)snprintf(fault->mode, sizeof fault->mode, "%04o", (unsigned)info->st_mode & 07777);
    /* a service that owns its keys keeps them; otherwise they are root's, and it reads them */
    owner_write(info->st_uid == keeper->uid ? keeper->uid : 0, keeper->gid, fault->right_owner);
    (void)snprintf(fault->right_mode, sizeof fault->right_mode, "%s",
                   info->st_uid == keeper->uid || keeper->uid == 0 ? "600" : "640");
    return false;
}

enum status gw_key_file_line(const char *path, struct buf *secret, struct error *err)
{
    buf_init(secret, LINE_MAX_BYTES);
    TRY(gw_file_read(AT_FDCWD, path, secret, err));
    secret->len = strcspn(buf_cstr(secret), "\r\n");
    return buf_check(secret, err);
}

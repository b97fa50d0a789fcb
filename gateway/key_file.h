/*
 * gateway/key_file.h - files that hold secrets: private keys, passphrases, PINs, passwords
 *
 * Such a file belongs to root or to the user the service runs as, nobody else writes to it, and
 * nobody else reads it but the service user's own group (root:depesche with mode 0640). The service
 * user is security.user, or else whoever the state folder belongs to, or else who we are: so root's
 * check-config judges as the daemon does.
 *
 * Decision 0121.
 */
#pragma once

#include <sys/stat.h>

#include "gateway/config.h"

struct gw_key_keeper {
    uid_t uid;
    gid_t gid;
};

void gw_key_keeper_of(const struct gw_config *config, struct gw_key_keeper *keeper);

enum { GW_KEY_FILE_TEXT = 64 };

/* Whose the file is, "alice:users", "0644", and how it would be right. */
struct gw_key_file_fault {
    char owner[2 * GW_KEY_FILE_TEXT], mode[8];
    char right_owner[2 * GW_KEY_FILE_TEXT], right_mode[8];
};

/* May a file like this hold a secret? False: fault says why not. */
bool gw_key_file_good(const struct gw_key_keeper *keeper, const struct stat *info,
                      struct gw_key_file_fault *fault);

/* The first line of a file, without its end, in a fresh secret, which is to be wiped in any case
 * (buf_deinit_secret). As gw_file_read; ST_LIMIT: longer than anybody's passphrase. */
MUST_CHECK enum status gw_key_file_line(const char *path, struct buf *secret, struct error *err);

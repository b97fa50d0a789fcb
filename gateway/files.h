/*
 * gateway/files.h - files and folders that survive a crash
 *
 * Everything is relative to a folder's file descriptor, so nobody can swap a folder under us; a
 * path may have several parts but no "..", and is not absolute unless at is AT_FDCWD. Symbolic
 * links are not followed in the last part. What is called durable has been fsynced, its folder too.
 *
 *   temp file --write--> --fsync--> --rename--> --fsync of the folder--> durable
 *
 * Errors: ST_NOT_FOUND nothing by that name; ST_DUPLICATE the name is taken; ST_LIMIT disk or quota
 * full, too many files open; ST_DENIED no permission; ST_RETRY any other failed read or write. The
 * text names the path and the system's reason.
 */
#pragma once

#include <sys/types.h>

#include "crypto/base/arena.h"
#include "crypto/base/io.h"

enum { GW_NAME_MAX = 255, GW_NAME_SIZE = GW_NAME_MAX + 1, GW_PATH_SIZE = 4096 };

/* Opens a folder for the functions below; the caller closes it (AUTO(fd_drop)). */
MUST_CHECK enum status gw_dir_open(int at, const char *path, int *fd, struct error *err);
/* mkdir -p, durable; existing folders are fine and keep their mode. */
MUST_CHECK enum status gw_dir_make(int at, const char *path, mode_t mode, struct error *err);
MUST_CHECK enum status gw_dir_sync(int at, const char *path, struct error *err);
/* Removes the folder and all in it, or one file; nothing there is fine. Follows no links. */
MUST_CHECK enum status gw_dir_remove(int at, const char *path, struct error *err);
/*
 * Calls each(ctx, name, mode, err) for every entry but . and .., in no order; mode as in stat (not
 * following links). A status other than ST_OK ends the walk and is returned. Entries removed by
 * each are fine.
 */
MUST_CHECK enum status gw_dir_each(int at, const char *path,
                                   enum status (*each)(void *ctx, const char *name, mode_t mode,
                                                       struct error *err),
                                   void *ctx, struct error *err);

/*
 * A name that is safe as one path part everywhere, made from what somebody sent: the part behind
 * the last slash or backslash, control characters and <>:"|?* replaced by _, no leading dot or
 * hyphen, no trailing dot or blank, none of the reserved DOS names, valid UTF-8 (ISO-8859-1 is
 * converted), at most GW_NAME_MAX bytes with the extension kept. Umlauts and blanks stay. Nothing
 * usable left: "unnamed".
 */
void gw_name_make_safe(struct span wanted, char name[GW_NAME_SIZE]);
/* Would gw_name_make_safe leave it as it is? */
bool gw_name_is_safe(struct span name);
/* Valid UTF-8 without control characters: may stand in a log line, in JSON and in XML. */
bool gw_name_is_printable(struct span name);
/*
 * What Windows and macOS see of a name: the same for two names that differ in the case of their
 * letters, or in whether an umlaut is one character (NFC) or a letter and a mark (NFD), and of
 * which a folder on a share of theirs can therefore hold only one. In the arena; nothing (ptr
 * NULL): no memory.
 */
struct span gw_name_key(struct span name, struct arena *arena);
/* The name with its umlauts as one character each, likewise; what is not UTF-8 as it is. */
struct span gw_name_composed(struct span name, struct arena *arena);
/* The name for people and logs: as it is where it is printable, else made safe. */
void gw_name_show(struct span name, char shown[GW_NAME_SIZE]);

/* A file being written: a sink, counting its bytes and their SHA-256. */
struct gw_file_writer {
    struct sink base;
    int fd;
    uint64_t len;
    uint8_t sha256[32]; /* set by gw_file_writer_finish */
    struct digest *digest;
};

/* Creates path (mode 0600); ST_DUPLICATE when it is there. */
MUST_CHECK enum status gw_file_writer_open(struct gw_file_writer *w, int at, const char *path,
                                           struct error *err);
/* fsync and close; the name's folder is the caller's next step (rename, gw_dir_sync). */
MUST_CHECK enum status gw_file_writer_finish(struct gw_file_writer *w, struct error *err);
/* Closes without finishing; the file stays. For AUTO; a zeroed writer and a finished one are fine.
 */
void gw_file_writer_deinit(struct gw_file_writer *w);

/* A file being read at any offset: a source. Not thread-safe. len is that at opening. */
struct gw_file_source {
    struct source base;
    int fd; /* -1: closed */
};

/* Regular files only (ST_DENIED otherwise). */
MUST_CHECK enum status gw_file_source_open(struct gw_file_source *s, int at, const char *path,
                                           struct error *err);
void gw_file_source_deinit(struct gw_file_source *s); /* for AUTO; initialise with {.fd = -1} */

/* The whole file at the end of buf, whose limit holds (ST_LIMIT). */
MUST_CHECK enum status gw_file_read(int at, const char *path, struct buf *buf, struct error *err);
/* Replaces or creates path durably and all at once, mode 0600: path.tmp, fsync, rename, fsync. */
MUST_CHECK enum status gw_file_write(int at, const char *path, struct span bytes,
                                     struct error *err);
/* Copies from source to sink in bounded pieces. */
MUST_CHECK enum status gw_file_pump(struct source *from, struct sink *to, struct error *err);
/*
 * Renames file or folder durably (both folders are fsynced); an existing target is ST_DUPLICATE.
 * ST_INVALID: the two are on different file systems; copy instead.
 */
MUST_CHECK enum status gw_file_move(int from_at, const char *from, int to_at, const char *to,
                                    struct error *err);
/* The same, not durable yet. */
MUST_CHECK enum status gw_file_rename(int from_at, const char *from, int to_at, const char *to,
                                      struct error *err);
/* Length and SHA-256 of a file. */
MUST_CHECK enum status gw_file_digest(int at, const char *path, uint64_t *len, uint8_t sha256[32],
                                      struct error *err);
/* Will so many bytes more fit on the disk behind this folder? ST_LIMIT: no, and text says how many
 * there are. */
MUST_CHECK enum status gw_disk_room(int dir, uint64_t bytes, struct error *err);
/* ST_OK: a regular file of that length. ST_NOT_FOUND otherwise. */
MUST_CHECK enum status gw_file_stat(int at, const char *path, uint64_t *len, int64_t *changed_at,
                                    struct error *err);

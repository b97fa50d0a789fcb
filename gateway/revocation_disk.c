/* what gateway/revocation.h keeps over restarts: one file for each answer and list */
#include <stdlib.h>

#include "gateway/files.h"
#include "gateway/revocation_impl.h"

enum { FILES_SEEN_MAX = 4 * GW_REVOCATION_FILES_MAX };

void gw_ask_file_read(const struct gw_ask *ask, struct buf *bytes, int64_t *written_at)
{
    struct error err = {0};
    uint64_t len;

    buf_init(bytes, gw_ask_bytes_max(ask));
    if (gw_file_stat(ask->r->dir, ask->file, &len, written_at, &err) != ST_OK ||
        gw_file_read(ask->r->dir, ask->file, bytes, &err) != ST_OK)
        buf_reset(bytes);
}

/* Without the file it is asked for once more after a restart, and that is all. */
void gw_ask_file_write(const struct gw_ask *ask, struct span bytes)
{
    struct error err = {0};

    if (gw_file_write(ask->r->dir, ask->file, bytes, &err) != ST_OK)
        gw_log(ask->r->log, GW_LOG_WARNING, "revocation.not_kept", LOG_STR("url", ask->url),
               LOG_ERR(&err));
}

struct kept {
    char name[GW_NAME_SIZE];
    uint64_t len;
    int64_t at;
};

struct seen {
    int dir;
    struct kept *files;
    size_t count;
};

static enum status seen_add(void *ctx, const char *name, mode_t mode, struct error *err)
{
    struct seen *s = ctx;
    struct kept *k = &s->files[s->count];
    struct error why = {0};

    (void)mode;
    (void)err;
    if (s->count >= FILES_SEEN_MAX || strlen(name) >= sizeof k->name ||
        gw_file_stat(s->dir, name, &k->len, &k->at, &why) != ST_OK)
        return ST_OK;
    memcpy(k->name, name, strlen(name) + 1);
    s->count++;
    return ST_OK;
}

static int newest_first(const void *a, const void *b)
{
    const struct kept *x = a, *y = b;

    return (x->at < y->at) - (x->at > y->at);
}

void gw_ask_files_prune(struct gw_revocation *r)
{
    struct seen seen = {.dir = r->dir, .files = calloc(FILES_SEEN_MAX + 1, sizeof *seen.files)};
    uint64_t bytes = 0;
    struct error err = {0};

    if (seen.files == NULL)
        return;
    if (gw_dir_each(r->dir, ".", seen_add, &seen, &err) != ST_OK)
        gw_log(r->log, GW_LOG_WARNING, "revocation.not_kept", LOG_STR("path", r->folder),
               LOG_ERR(&err));
    qsort(seen.files, seen.count, sizeof *seen.files, newest_first);
    for (size_t i = 0; i < seen.count; i++) {
        bytes += seen.files[i].len;
        if (i >= GW_REVOCATION_FILES_MAX || bytes > (uint64_t)GW_REVOCATION_DISK_MAX_MB << 20)
            (void)!gw_dir_remove(r->dir, seen.files[i].name, &err);
    }
    free(seen.files);
}

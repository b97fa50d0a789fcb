#include "gateway/payload.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/reason.h"
#include "gateway/store_impl.h"

enum { STAGE_ARENA_MAX = 8 << 20 };

struct gw_stage {
    struct gw_store *store;
    struct arena arena;
    char owner_id[GW_ID_SIZE];
    struct gw_staged staged; /* in the store's list */
    char token[GW_TOKEN_SIZE];
    char temp[64];               /* "tmp/<id>.<token>" */
    char folder[GW_FOLDER_SIZE]; /* "payload/<xx>/<id>" */
    struct gw_file_row *rows;
    size_t count, cap;
    size_t made; /* names given so far; discarded ones are not given again */
    struct gw_file_writer writer;
    bool open;      /* the last of rows is being written; not counted yet */
    bool moved;     /* the files lie under payload/ */
    bool published; /* and are durable there */
    bool done;
};

enum status gw_payload_token(struct gw_store *store, char token[GW_TOKEN_SIZE], struct error *err)
{
    uint8_t bytes[(GW_TOKEN_SIZE - 1) / 2];

    TRY(rng_bytes(store->conf.rng, bytes, sizeof bytes, err));
    for (size_t i = 0; i < sizeof bytes; i++)
        (void)snprintf(token + 2 * i, 3, "%02x", bytes[i]);
    return ST_OK;
}

void gw_payload_folder(const char *owner_id, char path[GW_FOLDER_SIZE])
{
    /* the front of an id is the time, the end is chance: it spreads evenly */
    assert(gw_uuid_is_valid(span_str(owner_id)));
    (void)snprintf(path, GW_FOLDER_SIZE, "payload/%s/%s", owner_id + GW_ID_LEN - 2, owner_id);
}

bool gw_stage_is_open(const struct gw_store *store, const char *owner_id)
{
    for (const struct gw_staged *s = store->staged; s != NULL; s = s->next)
        if (strcmp(s->owner_id, owner_id) == 0)
            return true;
    return false;
}

static void staged_enter(struct gw_stage *stage)
{
    struct gw_store *store = stage->store;

    memcpy(stage->staged.owner_id, stage->owner_id, GW_ID_SIZE);
    pthread_mutex_lock(&store->stage_lock);
    stage->staged.next = store->staged;
    store->staged = &stage->staged;
    pthread_mutex_unlock(&store->stage_lock);
}

static void staged_leave(struct gw_stage *stage)
{
    struct gw_store *store = stage->store;

    pthread_mutex_lock(&store->stage_lock);
    for (struct gw_staged **s = &store->staged; *s != NULL; s = &(*s)->next) {
        if (*s == &stage->staged) {
            *s = stage->staged.next;
            break;
        }
    }
    pthread_mutex_unlock(&store->stage_lock);
}

enum status gw_stage_new(struct gw_store *store, const char *owner_id, struct gw_stage **stage,
                         struct error *err)
{
    AUTO(gw_stage_drop) struct gw_stage *made = calloc(1, sizeof *made);

    TRY_ALLOC(made, err);
    made->store = store;
    made->done = true; /* nothing to remove yet */
    arena_init(&made->arena, STAGE_ARENA_MAX);
    gw_payload_folder(owner_id, made->folder);
    memcpy(made->owner_id, owner_id, GW_ID_SIZE);
    staged_enter(made);
    TRY(gw_payload_token(store, made->token, err));
    (void)snprintf(made->temp, sizeof made->temp, "tmp/%s.%s", owner_id, made->token);
    /* not durable and need not be: a start empties tmp/ */
    if (mkdirat(store->dir, made->temp, 0700) != 0)
        return gw_reason_system(err, errno == ENOSPC ? ST_LIMIT : ST_RETRY, errno,
                                "cannot make a folder for message %s", owner_id);
    made->done = false;
    *stage = TAKE(made);
    return ST_OK;
}

/* A stage's file as it is called in either folder: the last part of its path. */
static const char *name_of(const struct gw_file_row *row)
{
    return strrchr(row->path, '/') + 1;
}

static void temp_path(const struct gw_stage *stage, const struct gw_file_row *row,
                      char path[GW_PATH_SIZE])
{
    (void)snprintf(path, GW_PATH_SIZE, "%s/%s", stage->temp, name_of(row));
}

/* Takes back what the world can see of an unfinished stage. */
static void stage_undo(struct gw_stage *stage)
{
    struct error ignored = {0};
    bool left = gw_dir_remove(stage->store->dir, stage->temp, &ignored) != ST_OK;

    for (size_t i = 0; stage->moved && i < stage->count; i++)
        left |= gw_dir_remove(stage->store->dir, stage->rows[i].path, &ignored) != ST_OK;
    if (stage->moved && unlinkat(stage->store->dir, stage->folder, AT_REMOVEDIR) != 0)
        left |= errno != ENOTEMPTY && errno != EEXIST && errno != ENOENT;
    if (left)
        stage->store->leftovers = true;
}

void gw_stage_free(struct gw_stage *stage)
{
    if (stage == NULL)
        return;
    gw_file_writer_deinit(&stage->writer);
    if (!stage->done)
        stage_undo(stage);
    staged_leave(stage);
    arena_deinit(&stage->arena);
    free(stage);
}

/* *copy is text in the arena, NULL stays NULL. */
static enum status text_copy(struct arena *arena, const char *text, const char **copy,
                             struct error *err)
{
    if (text == NULL)
        return ST_OK;
    *copy = arena_str(arena, span_str(text));
    TRY_ALLOC(*copy, err);
    return ST_OK;
}

/* A row with room in the stage and its path under tmp/. */
static enum status row_make(struct gw_stage *stage, const struct gw_file_row *as, char temp[],
                            struct error *err)
{
    struct gw_file_row row = {.kind = as->kind};
    char path[GW_PATH_SIZE];

    assert(!stage->open && !stage->moved && !stage->done);
    TRY(text_copy(&stage->arena, as->name, &row.name, err));
    TRY(text_copy(&stage->arena, as->content_type, &row.content_type, err));
    TRY(text_copy(&stage->arena, as->ref, &row.ref, err));
    (void)snprintf(path, sizeof path, "%s/%s-%s-%zu", stage->folder, gw_file_kind_name(as->kind),
                   stage->token, ++stage->made);
    TRY(text_copy(&stage->arena, path, &row.path, err));
    stage->rows = gw_rows_grow(&stage->arena, stage->rows, sizeof row, stage->count, &stage->cap);
    TRY_ALLOC(stage->rows, err);
    stage->rows[stage->count] = row;
    temp_path(stage, &row, temp);
    return ST_OK;
}

enum status gw_stage_add(struct gw_stage *stage, enum gw_file_kind kind, const char *name,
                         const char *content_type, const char *ref, struct sink **sink,
                         struct error *err)
{
    const struct gw_file_row as = {
        .kind = kind, .name = name, .content_type = content_type, .ref = ref};
    char temp[GW_PATH_SIZE];

    TRY(row_make(stage, &as, temp, err));
    TRY(gw_file_writer_open(&stage->writer, stage->store->dir, temp, err));
    stage->open = true;
    *sink = &stage->writer.base;
    return ST_OK;
}

/* For a disk that knows no second links. */
static enum status file_copy(struct gw_stage *stage, const struct gw_file_row *file,
                             struct error *err)
{
    AUTO(gw_file_source_deinit) struct gw_file_source source = {.fd = -1};

    TRY(gw_payload_open(stage->store, file, &source, err));
    return gw_stage_add_source(stage, file->kind, file->name, file->content_type, file->ref,
                               &source.base, err);
}

enum status gw_stage_add_link(struct gw_stage *stage, const struct gw_file_row *file,
                              struct error *err)
{
    int dir = stage->store->dir;
    char temp[GW_PATH_SIZE];

    TRY(row_make(stage, file, temp, err));
    if (linkat(dir, file->path, dir, temp, 0) != 0)
        return errno == ENOENT ? error_set(err, ST_NOT_FOUND, 0, "%s is missing", file->path)
                               : file_copy(stage, file, err);
    stage->rows[stage->count].len = file->len;
    memcpy(stage->rows[stage->count].sha256, file->sha256, sizeof file->sha256);
    stage->count++;
    return ST_OK;
}

enum status gw_stage_close(struct gw_stage *stage, struct error *err)
{
    struct gw_file_row *row = &stage->rows[stage->count];

    assert(stage->open);
    TRY(gw_file_writer_finish(&stage->writer, err));
    atomic_fetch_add(&stage->store->file_syncs, 1);
    row->len = stage->writer.len;
    memcpy(row->sha256, stage->writer.sha256, sizeof row->sha256);
    stage->open = false;
    stage->count++;
    return ST_OK;
}

enum status gw_stage_add_bytes(struct gw_stage *stage, enum gw_file_kind kind, const char *name,
                               const char *content_type, const char *ref, struct span bytes,
                               struct error *err)
{
    struct source_span source;

    return gw_stage_add_source(stage, kind, name, content_type, ref,
                               source_span_init(&source, bytes), err);
}

enum status gw_stage_add_source(struct gw_stage *stage, enum gw_file_kind kind, const char *name,
                                const char *content_type, const char *ref, struct source *from,
                                struct error *err)
{
    struct sink *sink;

    TRY(gw_stage_add(stage, kind, name, content_type, ref, &sink, err));
    TRY(gw_file_pump(from, sink, err));
    return gw_stage_close(stage, err);
}

enum status gw_stage_describe(struct gw_stage *stage, size_t index, const char *name,
                              const char *content_type, const char *ref, struct error *err)
{
    struct gw_file_row row;

    assert(index < stage->count);
    row = stage->rows[index];
    row.name = row.content_type = row.ref = NULL;
    TRY(text_copy(&stage->arena, name, &row.name, err));
    TRY(text_copy(&stage->arena, content_type, &row.content_type, err));
    TRY(text_copy(&stage->arena, ref, &row.ref, err));
    stage->rows[index] = row;
    return ST_OK;
}

enum status gw_stage_discard(struct gw_stage *stage, size_t index, struct error *err)
{
    char path[GW_PATH_SIZE];

    assert(index < stage->count && !stage->open && !stage->moved);
    temp_path(stage, &stage->rows[index], path);
    TRY(gw_dir_remove(stage->store->dir, path, err));
    memmove(&stage->rows[index], &stage->rows[index + 1],
            (stage->count - index - 1) * sizeof *stage->rows);
    stage->count--;
    return ST_OK;
}

const struct gw_file_row *gw_stage_files(const struct gw_stage *stage, size_t *count)
{
    *count = stage->count;
    return stage->rows;
}

enum status gw_stage_source(const struct gw_stage *stage, size_t index,
                            struct gw_file_source *source, struct error *err)
{
    char path[GW_PATH_SIZE];

    assert(index < stage->count);
    if (stage->moved)
        return gw_file_source_open(source, stage->store->dir, stage->rows[index].path, err);
    temp_path(stage, &stage->rows[index], path);
    return gw_file_source_open(source, stage->store->dir, path, err);
}

/* A new owner: the whole folder moves at once. The files' names in it must be durable before. */
static enum status publish_folder(struct gw_stage *stage, struct error *err)
{
    TRY(gw_dir_sync(stage->store->dir, stage->temp, err));
    if (renameat(stage->store->dir, stage->temp, stage->store->dir, stage->folder) != 0)
        return errno == ENOTEMPTY || errno == EEXIST
                   ? error_set(err, ST_DUPLICATE, 0, "%s exists", stage->folder)
                   : gw_reason_system(err, ST_RETRY, errno, "cannot rename to %s", stage->folder);
    stage->moved = true;
    return ST_OK;
}

/* An owner that has files already: one after the other into its folder. */
static enum status publish_files(struct gw_stage *stage, struct error *err)
{
    int dir = stage->store->dir;
    char path[GW_PATH_SIZE];

    if (mkdirat(dir, stage->folder, 0700) != 0 && errno != EEXIST)
        return gw_reason_system(err, ST_RETRY, errno, "cannot make %s", stage->folder);
    stage->moved = true; /* or about to be: from now on both places are cleaned */
    for (size_t i = 0; i < stage->count; i++) {
        temp_path(stage, &stage->rows[i], path);
        if (renameat(dir, path, dir, stage->rows[i].path) != 0)
            return gw_reason_system(err, ST_RETRY, errno, "cannot rename to %s",
                                    stage->rows[i].path);
    }
    (void)unlinkat(dir, stage->temp, AT_REMOVEDIR);
    return gw_dir_sync(dir, stage->folder, err);
}

enum status gw_stage_publish(struct gw_stage *stage, struct error *err)
{
    char shelf[32]; /* "payload/<xx>" */
    struct stat st;

    assert(!stage->open && !stage->moved && !stage->done);
    if (stage->count == 0) {
        (void)unlinkat(stage->store->dir, stage->temp, AT_REMOVEDIR);
        stage->published = true;
        return ST_OK;
    }
    if (fstatat(stage->store->dir, stage->folder, &st, AT_SYMLINK_NOFOLLOW) == 0)
        TRY(publish_files(stage, err));
    else
        TRY(publish_folder(stage, err));
    (void)snprintf(shelf, sizeof shelf, "payload/%s", stage->owner_id + GW_ID_LEN - 2);
    TRY(gw_dir_sync(stage->store->dir, shelf, err));
    atomic_fetch_add(&stage->store->folder_syncs, 2); /* the folder's own, and its shelf's */
    stage->published = true;
    return ST_OK;
}

void gw_stage_done(struct gw_stage *stage)
{
    assert(stage->published);
    stage->done = true;
}

enum status gw_payload_open(struct gw_store *store, const struct gw_file_row *row,
                            struct gw_file_source *source, struct error *err)
{
    return gw_file_source_open(source, store->dir, row->path, err);
}

enum status gw_payload_verify(struct gw_store *store, const struct gw_file_row *row,
                              struct error *err)
{
    uint8_t sha256[GW_SHA256_BYTES];
    uint64_t len;

    TRY(gw_file_digest(store->dir, row->path, &len, sha256, err));
    if (len != row->len || memcmp(sha256, row->sha256, sizeof sha256) != 0)
        return gw_reason_because(
            error_set(err, ST_INVALID, 0, "%s has changed since it was stored", row->path),
            GW_R_STORE_DAMAGED, err);
    return ST_OK;
}

enum status gw_payload_temp(struct gw_store *store, char path[GW_PATH_SIZE], struct error *err)
{
    char token[GW_TOKEN_SIZE];

    TRY(gw_payload_token(store, token, err));
    (void)snprintf(path, GW_PATH_SIZE, "tmp/x-%s", token);
    return ST_OK;
}

static enum status file_try(struct gw_store *store, const char *path, struct error *err)
{
    AUTO(fd_drop) int fd = openat(store->dir, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0 || write(fd, "x", 1) != 1)
        return gw_reason_system(err, ST_RETRY, errno, "cannot write %s", path);
    if (faccessat(store->dir, "payload", W_OK | X_OK, 0) != 0)
        return gw_reason_system(err, ST_RETRY, errno, "cannot write to payload/");
    return ST_OK;
}

enum status gw_payload_try(struct gw_store *store, struct error *err)
{
    char path[GW_PATH_SIZE];
    enum status st;

    TRY(gw_payload_temp(store, path, err));
    st = file_try(store, path, err);
    if (unlinkat(store->dir, path, 0) != 0 && st == ST_OK)
        return gw_reason_system(err, ST_RETRY, errno, "cannot remove %s", path);
    return st;
}

#include "gateway/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "gateway/reason.h"
#include "gateway/store_impl.h"

enum { READERS_DEFAULT = 4, READERS_MAX = 64, CHECKED_AT_START_MAX = 64 << 20 };

static const char CLEAN_KEY[] = "store.clean";

/* Keeps a second process out. */
static enum status lock_take(struct gw_store *store, int flags, struct error *err)
{
    store->lock_file = openat(store->dir, "lock", flags | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (store->lock_file < 0)
        return gw_reason_system(err, ST_DENIED, errno, "cannot open %s/lock", store->dir_path);
    if (flock(store->lock_file, LOCK_EX | LOCK_NB) != 0)
        return gw_reason_because(
            error_set(err, ST_DENIED, 0, "%s is in use by another process", store->dir_path),
            GW_R_STORE_LOCKED, err);
    return ST_OK;
}

/* The folder with its parts, and the lock that keeps a second process out. */
static enum status folder_open(struct gw_store *store, struct error *err)
{
    bool made = false;
    char xx[32];

    TRY(gw_dir_make(AT_FDCWD, store->dir_path, 0700, err));
    TRY(gw_dir_open(AT_FDCWD, store->dir_path, &store->dir, err));
    TRY(lock_take(store, O_RDWR | O_CREAT, err));
    TRY(gw_dir_make(store->dir, "tmp", 0700, err));
    TRY(gw_dir_make(store->dir, "payload", 0700, err));
    for (int i = 0; i < 256; i++) { /* a restored state may have any of them */
        (void)snprintf(xx, sizeof xx, "payload/%02x", (unsigned)i);
        if (mkdirat(store->dir, xx, 0700) == 0)
            made = true;
        else if (errno != EEXIST)
            return error_set(err, ST_RETRY, 0, "cannot make the folder %s/%s", store->dir_path, xx);
    }
    return made ? gw_dir_sync(store->dir, "payload", err) : ST_OK;
}

/* Was the last stop orderly? From here on it counts as not, until gw_store_close. */
static enum status clean_take(struct gw_store *store, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    int64_t changes = sql_changes(store->writer.db);

    TRY(sql_prepare(store->writer.db, "DELETE FROM meta WHERE key = ?", &stmt, err));
    sql_put_text(stmt, CLEAN_KEY);
    TRY(sql_run(stmt, err));
    store->clean = sql_changes(store->writer.db) != changes;
    sql_done(&stmt);
    /* into the database itself: without its log it must not say so again */
    return store->clean ? sql_exec(store->writer.db, "PRAGMA wal_checkpoint(TRUNCATE)", err)
                        : ST_OK;
}

static void clean_leave(struct gw_store *store)
{
    struct error ignored = {0};

    /* without the mark the next start only looks more closely */
    if (gw_store_meta_set(&store->writer, CLEAN_KEY, "1", &ignored) != ST_OK)
        sql_rollback(store->writer.db);
}

/* A large index takes longer to read than anybody wants to wait: store_check.c does it. */
static enum status index_check(struct gw_store *store, struct error *err)
{
    int64_t bytes;

    TRY(sql_size(store->writer.db, &bytes, err));
    store->later = bytes > CHECKED_AT_START_MAX;
    return store->later ? ST_OK : sql_verify(store->writer.db, err);
}

static enum status readers_open(struct gw_store *store, struct error *err)
{
    char path[GW_PATH_SIZE];

    if ((size_t)snprintf(path, sizeof path, "%s/index.db", store->dir_path) >= sizeof path)
        return error_set(err, ST_INVALID, 0, "the path of the state folder is too long");
    for (unsigned i = 0; i < store->reader_count; i++) {
        struct gw_tx *reader = &store->readers[i];

        reader->store = store;
        TRY(sql_open(path, false, &reader->db, err));
        reader->next_free = store->free_readers;
        store->free_readers = reader;
    }
    return ST_OK;
}

static enum status index_open(struct gw_store *store, struct error *err)
{
    char path[GW_PATH_SIZE];

    if ((size_t)snprintf(path, sizeof path, "%s/index.db", store->dir_path) >= sizeof path)
        return error_set(err, ST_INVALID, 0, "the path of the state folder is too long");
    store->writer = (struct gw_tx){.store = store, .writer = true};
    TRY(sql_open(path, true, &store->writer.db, err));
    TRY(index_check(store, err));
    TRY(gw_schema_update(store->writer.db, err));
    TRY(gw_dir_sync(store->dir, ".", err));
    TRY(readers_open(store, err));
    return clean_take(store, err);
}

/* To look at a store that nobody uses, and to leave it as it is. */
static enum status store_look(struct gw_store *store, struct error *err)
{
    int64_t version;

    TRY(gw_dir_open(AT_FDCWD, store->dir_path, &store->dir, err));
    TRY(lock_take(store, O_RDONLY, err));
    TRY(readers_open(store, err));
    TRY(sql_version(store->readers[0].db, &version, err));
    return version == gw_schema_version()
               ? ST_OK
               : error_set(err, ST_INTERNAL, 0,
                           "the index has version %d, this program's is %d: start its daemon once",
                           (int)version, (int)gw_schema_version());
}

static enum status store_start(struct gw_store *store, int64_t now, struct gw_store_report *report,
                               struct error *err)
{
    TRY(folder_open(store, err));
    TRY(index_open(store, err));
    TRY(gw_sweep(store, now, report, err));
    TRY(gw_writer_start(store, err));
    TRY(gw_sweep_damage(store, now, report, err));
    return store->later ? gw_check_start(store, err) : ST_OK;
}

enum status gw_store_open(const struct gw_store_conf *conf, int64_t now, struct gw_store **store,
                          struct gw_store_report *report, struct error *err)
{
    struct gw_store_report found = {0};
    struct gw_store *made = calloc(1, sizeof *made);
    enum status st;

    TRY_ALLOC(made, err);
    made->conf = *conf;
    made->dir = made->lock_file = -1;
    made->last = &made->first;
    made->opened_at = now;
    made->reader_count = conf->readers == 0 ? READERS_DEFAULT : conf->readers;
    if (made->reader_count > READERS_MAX)
        made->reader_count = READERS_MAX;
    pthread_mutex_init(&made->lock, NULL);
    pthread_mutex_init(&made->stage_lock, NULL);
    pthread_cond_init(&made->work, NULL);
    pthread_cond_init(&made->reader_free, NULL);
    made->readers = calloc(made->reader_count, sizeof *made->readers);
    made->dir_path = strdup(conf->dir);
    if (made->readers == NULL || made->dir_path == NULL)
        st = error_set(err, ST_LIMIT, 0, "out of memory");
    else
        st = conf->look ? store_look(made, err) : store_start(made, now, &found, err);
    if (st != ST_OK) {
        gw_store_close(made);
        return error_context(err, "opening the store in %.200s", conf->dir);
    }
    if (report != NULL)
        *report = found;
    made->opened = true;
    *store = made;
    return ST_OK;
}

void gw_store_close(struct gw_store *store)
{
    if (store == NULL)
        return;
    gw_check_stop(store);
    gw_writer_stop(store);
    for (unsigned i = 0; store->readers != NULL && i < store->reader_count; i++)
        sql_close(store->readers[i].db);
    if (store->opened && !store->leftovers && !store->conf.look)
        clean_leave(store);
    sql_close(store->writer.db);
    fd_drop(&store->lock_file);
    fd_drop(&store->dir);
    pthread_cond_destroy(&store->reader_free);
    pthread_cond_destroy(&store->work);
    pthread_mutex_destroy(&store->stage_lock);
    pthread_mutex_destroy(&store->lock);
    free(store->readers);
    free(store->dir_path);
    free(store);
}

void gw_store_stats(struct gw_store *store, struct gw_store_stats *stats)
{
    pthread_mutex_lock(&store->lock);
    *stats = store->stats;
    pthread_mutex_unlock(&store->lock);
    stats->file_syncs = atomic_load(&store->file_syncs);
    stats->folder_syncs = atomic_load(&store->folder_syncs);
}

int gw_store_dir(const struct gw_store *store)
{
    return store->dir;
}

enum status gw_store_read(struct gw_store *store, struct gw_tx **tx, struct error *err)
{
    struct gw_tx *reader;
    enum status st;

    pthread_mutex_lock(&store->lock);
    while (store->free_readers == NULL)
        pthread_cond_wait(&store->reader_free, &store->lock);
    reader = store->free_readers;
    store->free_readers = reader->next_free;
    pthread_mutex_unlock(&store->lock);
    st = sql_exec(reader->db, "BEGIN", err);
    *tx = reader;
    if (st != ST_OK)
        gw_read_end(tx);
    return st;
}

void gw_read_end(struct gw_tx **tx)
{
    struct gw_tx *reader = *tx;
    struct gw_store *store;

    *tx = NULL;
    if (reader == NULL)
        return;
    assert(!reader->writer);
    store = reader->store;
    sql_rollback(reader->db); /* nothing was written */
    pthread_mutex_lock(&store->lock);
    reader->next_free = store->free_readers;
    store->free_readers = reader;
    pthread_cond_signal(&store->reader_free);
    pthread_mutex_unlock(&store->lock);
}

void *gw_rows_grow(struct arena *arena, void *rows, size_t size, size_t count, size_t *cap)
{
    size_t more = *cap == 0 ? 8 : *cap * 2;
    void *grown;

    if (count < *cap)
        return rows;
    grown = arena_array(arena, size, more);
    if (grown == NULL)
        return NULL;
    if (count > 0)
        memcpy(grown, rows, size * count);
    *cap = more;
    return grown;
}

enum status gw_ids_read(struct sql_stmt *stmt, struct arena *arena, struct gw_id_list *list,
                        struct error *err)
{
    bool row;

    for (;;) {
        TRY(sql_step(stmt, &row, err));
        if (!row)
            return ST_OK;
        list->ids = gw_rows_grow(arena, list->ids, sizeof *list->ids, list->count, &list->cap);
        TRY_ALLOC(list->ids, err);
        list->ids[list->count++] = sql_get_text(stmt, 0, arena);
        TRY(sql_check(stmt, err));
    }
}

enum status gw_page_next(struct sql_stmt *stmt, struct arena *arena, struct gw_page *page,
                         void **row, struct error *err)
{
    bool found;

    *row = NULL;
    TRY(sql_step(stmt, &found, err));
    page->more = found && page->count == page->limit;
    if (!found || page->more)
        return ST_OK;
    page->rows = gw_rows_grow(arena, page->rows, page->size, page->count, &page->cap);
    TRY_ALLOC(page->rows, err);
    *row = (char *)page->rows + page->size * page->count++;
    return ST_OK;
}

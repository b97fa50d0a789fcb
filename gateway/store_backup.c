#define _GNU_SOURCE /* syncfs */
#include "gateway/store_backup.h"
#include "gateway/reason.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/explain.h"
#include "gateway/hex.h"
#include "gateway/store_impl.h"

enum { PAGE = 500, PAGE_ARENA_MAX = 16 << 20, MANIFEST_MAX = 1 << 30, HEX_LEN = 64 };

/* More events than there can be between a backup and the end of the state it is of; restored a
 * million times the numbers are still exact in JSON. */
#define SEQ_STEP INT64_C(1000000000)

static const char MANIFEST[] = "manifest.sha256";

struct backup {
    struct gw_store *store;
    int dir;           /* of the backup */
    struct sql_db *db; /* its index */
    struct buf manifest;
    struct gw_backup_report *report;
};

static void manifest_add(struct backup *b, const char *path, const uint8_t sha256[GW_SHA256_BYTES])
{
    buf_hex(&b->manifest, span_of(sha256, GW_SHA256_BYTES));
    buf_printf(&b->manifest, "  %s\n", path);
}

static enum status path_make(char path[GW_PATH_SIZE], const char *dir, const char *name,
                             struct error *err)
{
    if ((size_t)snprintf(path, GW_PATH_SIZE, "%s%s", dir, name) >= GW_PATH_SIZE)
        return error_set(err, ST_INVALID, 0, "the path %.200s is too long", dir);
    return ST_OK;
}

/* dir without slashes at its end, since other names are made of it; "/" stays. */
static enum status path_trim(char path[GW_PATH_SIZE], const char *dir, struct error *err)
{
    size_t len;

    TRY(path_make(path, dir, "", err));
    for (len = strlen(path); len > 1 && path[len - 1] == '/'; len--)
        path[len - 1] = '\0';
    return ST_OK;
}

/* What was written is on the disk, all of it and its folders. */
static enum status all_sync(int dir, struct error *err)
{
    return syncfs(dir) == 0 ? ST_OK
                            : gw_reason_system(err, ST_RETRY, errno, "cannot flush the disk");
}

/* ---- writing ---- */

static enum status file_link(struct backup *b, const struct gw_file_row *file, struct error *err)
{
    AUTO(gw_file_source_deinit) struct gw_file_source source = {.fd = -1};
    AUTO(gw_file_writer_deinit) struct gw_file_writer writer = {0};
    char folder[GW_PATH_SIZE];

    TRY(path_make(folder, file->path, "", err));
    *strrchr(folder, '/') = '\0';
    TRY(gw_dir_make(b->dir, folder, 0700, err));
    if (linkat(b->store->dir, file->path, b->dir, file->path, 0) == 0)
        return ST_OK;
    TRY(gw_file_source_open(&source, b->store->dir, file->path, err));
    TRY(gw_file_writer_open(&writer, b->dir, file->path, err));
    TRY(gw_file_pump(&source.base, &writer.base, err));
    return gw_file_writer_finish(&writer, err);
}

/* A file that was damaged before is left out; one that is damaged now ends the backup: better no
 * backup than one that nobody can rely on. */
static enum status file_back_up(struct backup *b, const struct gw_file_row *file, struct error *err)
{
    uint8_t sha256[GW_SHA256_BYTES];
    uint64_t len;

    if (file->damaged) {
        b->report->missing++;
        return ST_OK;
    }
    TRY(file_link(b, file, err));
    TRY(gw_file_digest(b->dir, file->path, &len, sha256, err));
    if (len != file->len || memcmp(sha256, file->sha256, sizeof sha256) != 0)
        return error_set(err, ST_INVALID, 0, "%s has changed since it was stored", file->path);
    manifest_add(b, file->path, sha256);
    b->report->files++;
    b->report->bytes += len;
    return buf_check(&b->manifest, err);
}

struct place {
    char owner[GW_ID_SIZE];
    int64_t n;
};

static enum status files_page(struct sql_db *db, struct arena *arena, struct place *place,
                              struct gw_file_list *list, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    size_t cap = 0;
    bool row;

    *list = (struct gw_file_list){0};
    TRY(sql_prepare(db,
                    "SELECT owner, n, path, len, sha256, damaged FROM file WHERE (owner, n) > "
                    "(?, ?) ORDER BY owner, n LIMIT ?",
                    &stmt, err));
    sql_put_text(stmt, place->owner);
    sql_put_int(stmt, place->n);
    sql_put_int(stmt, PAGE);
    for (;;) {
        struct gw_file_row *f;
        const char *owner;

        TRY(sql_step(stmt, &row, err));
        if (!row)
            return ST_OK;
        list->rows = gw_rows_grow(arena, list->rows, sizeof *list->rows, list->count, &cap);
        TRY_ALLOC(list->rows, err);
        f = &list->rows[list->count++];
        *f = (struct gw_file_row){.path = sql_get_text(stmt, 2, arena)};
        f->len = (uint64_t)sql_get_int(stmt, 3);
        sql_get_fixed(stmt, 4, f->sha256, sizeof f->sha256);
        f->damaged = sql_get_int(stmt, 5) != 0;
        owner = sql_get_text(stmt, 0, arena);
        TRY(sql_check(stmt, err));
        if (list->count == PAGE) {
            (void)snprintf(place->owner, sizeof place->owner, "%s", owner);
            place->n = sql_get_int(stmt, 1);
        }
    }
}

static enum status files_back_up(struct backup *b, struct error *err)
{
    struct place place = {.owner = ""};
    size_t count;

    do {
        AUTO(arena_deinit) struct arena arena = {0};
        struct gw_file_list list;

        arena_init(&arena, PAGE_ARENA_MAX);
        TRY(files_page(b->db, &arena, &place, &list, err));
        for (size_t i = 0; i < list.count; i++)
            TRY(file_back_up(b, &list.rows[i], err));
        count = list.count;
    } while (count == PAGE);
    return ST_OK;
}

DROP_DEFINE(db_drop, struct sql_db, sql_close)

/* The index as it is at this moment, through a connection of its own. */
static enum status index_copy(struct backup *b, const char *partial, struct error *err)
{
    AUTO(db_drop) struct sql_db *db = NULL;
    char from[GW_PATH_SIZE], to[GW_PATH_SIZE];

    TRY(path_make(from, b->store->dir_path, "/index.db", err));
    TRY(path_make(to, partial, "/index.db", err));
    TRY(sql_open(from, true, &db, err));
    TRY(sql_copy(db, to, err));
    TRY(sql_open(to, false, &b->db, err));
    return sql_verify(b->db, err);
}

static enum status backup_write(struct backup *b, const char *partial, struct error *err)
{
    uint8_t sha256[GW_SHA256_BYTES];
    uint64_t len;

    TRY(index_copy(b, partial, err));
    TRY(files_back_up(b, err));
    sql_close(TAKE(b->db));
    TRY(gw_file_digest(b->dir, "index.db", &len, sha256, err));
    manifest_add(b, "index.db", sha256);
    b->report->bytes += len;
    TRY(buf_check(&b->manifest, err));
    TRY(gw_file_write(b->dir, MANIFEST, buf_span(&b->manifest), err));
    return all_sync(b->dir, err);
}

enum status gw_store_backup(struct gw_store *store, const char *dir,
                            struct gw_backup_report *report, struct error *err)
{
    struct gw_backup_report did = {0};
    struct backup b = {.store = store, .dir = -1, .report = &did};
    struct error ignored = {0};
    char path[GW_PATH_SIZE], partial[GW_PATH_SIZE];
    enum status st;

    TRY(path_trim(path, dir, err));
    dir = path;
    TRY(path_make(partial, dir, ".partial", err));
    if (faccessat(AT_FDCWD, dir, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return error_set(err, ST_DUPLICATE, 0, "%s is there already", dir);
    TRY(gw_dir_remove(AT_FDCWD, partial, err)); /* of one that was interrupted */
    TRY(gw_dir_make(AT_FDCWD, partial, 0700, err));
    TRY(gw_dir_open(AT_FDCWD, partial, &b.dir, err));
    buf_init(&b.manifest, MANIFEST_MAX);
    gw_removals_hold(store);
    st = backup_write(&b, partial, err);
    gw_removals_release(store);
    sql_close(b.db);
    buf_deinit(&b.manifest);
    fd_drop(&b.dir);
    if (st == ST_OK)
        st = gw_file_move(AT_FDCWD, partial, AT_FDCWD, dir, err);
    if (st != ST_OK) {
        if (gw_dir_remove(AT_FDCWD, partial, &ignored) != ST_OK)
            (void)error_context(err, "and %.200s could not be removed", partial);
        return error_context(err, "backup to %.200s", dir);
    }
    *report = did;
    return ST_OK;
}

/* ---- reading ---- */

/* "<hex>  <path>"; the path is one that a backup has. */
static bool line_read(struct span line, char path[GW_PATH_SIZE], uint8_t sha256[GW_SHA256_BYTES])
{
    struct span name = span_from(line, HEX_LEN + 2);

    if (line.len <= HEX_LEN + 2 || line.len >= GW_PATH_SIZE || line.ptr[HEX_LEN] != ' ')
        return false;
    if (!gw_hex_read(span_sub(line, 0, HEX_LEN), sha256, GW_SHA256_BYTES))
        return false;
    memcpy(path, name.ptr, name.len);
    path[name.len] = '\0';
    return strcmp(path, "index.db") == 0 ||
           (span_starts(name, SPAN("payload/")) && span_find(name, SPAN("..")) == SIZE_MAX);
}

/* What is done with each file of a backup, whose digest must be this. */
typedef enum status (*each_fn)(void *ctx, int dir, const char *path,
                               const uint8_t sha256[GW_SHA256_BYTES], uint64_t *len,
                               struct error *err);

static enum status manifest_each(int dir, each_fn each, void *ctx, struct gw_backup_report *report,
                                 struct error *err)
{
    AUTO(buf_deinit) struct buf manifest = {0};
    struct span rest, line;
    bool has_index = false;

    buf_init(&manifest, MANIFEST_MAX);
    TRY(gw_file_read(dir, MANIFEST, &manifest, err));
    rest = buf_span(&manifest);
    while (span_split(&rest, '\n', &line)) {
        uint8_t sha256[GW_SHA256_BYTES];
        char path[GW_PATH_SIZE];
        uint64_t len = 0;

        if (line.len == 0)
            continue;
        if (!line_read(line, path, sha256))
            return error_set(err, ST_INVALID, 0, "%s has a line that is none of a backup",
                             MANIFEST);
        TRY(each(ctx, dir, path, sha256, &len, err));
        has_index = has_index || strcmp(path, "index.db") == 0;
        report->files += strcmp(path, "index.db") != 0;
        report->bytes += len;
    }
    return has_index ? ST_OK : error_set(err, ST_INVALID, 0, "%s names no index", MANIFEST);
}

static enum status file_verify(void *ctx, int dir, const char *path,
                               const uint8_t sha256[GW_SHA256_BYTES], uint64_t *len,
                               struct error *err)
{
    uint8_t found[GW_SHA256_BYTES];
    enum status st = gw_file_digest(dir, path, len, found, err);

    (void)ctx;
    if (st == ST_NOT_FOUND)
        return error_set(err, ST_INVALID, 0, "%s is missing", path);
    TRY(st);
    return memcmp(found, sha256, sizeof found) == 0
               ? ST_OK
               : error_set(err, ST_INVALID, 0, "%s has changed since the backup", path);
}

static enum status differs(struct error *err)
{
    return error_set(err, ST_INVALID, 0, "the index and %s do not name the same files", MANIFEST);
}

/* Is the next file of the index, ctx, this one, with this digest? */
static enum status file_compare(void *ctx, int dir, const char *path,
                                const uint8_t sha256[GW_SHA256_BYTES], uint64_t *len,
                                struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {.max = 2 * GW_PATH_SIZE};
    struct sql_stmt *stmt = ctx;
    uint8_t stored[GW_SHA256_BYTES];
    const char *name;
    bool row;

    (void)dir, (void)len;
    if (strcmp(path, "index.db") == 0)
        return ST_OK;
    TRY(sql_step(stmt, &row, err));
    if (!row)
        return differs(err);
    name = sql_get_text(stmt, 0, &arena);
    sql_get_fixed(stmt, 1, stored, sizeof stored);
    TRY(sql_check(stmt, err));
    if (name == NULL || strcmp(name, path) != 0 || memcmp(stored, sha256, sizeof stored) != 0)
        return differs(err);
    return ST_OK;
}

static enum status files_compare(int at, struct sql_db *db, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    struct gw_backup_report ignored = {0};
    bool row = false;

    TRY(sql_prepare(db, "SELECT path, sha256 FROM file WHERE damaged = 0 ORDER BY owner, n", &stmt,
                    err));
    TRY(manifest_each(at, file_compare, stmt, &ignored, err));
    TRY(sql_step(stmt, &row, err));
    return row ? differs(err) : ST_OK;
}

/* The index is sound, and knows what the manifest names, byte for byte. */
static enum status index_verify(int at, const char *dir, struct gw_backup_report *report,
                                struct error *err)
{
    AUTO(db_drop) struct sql_db *db = NULL;
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    char path[GW_PATH_SIZE];
    bool row;

    TRY(path_make(path, dir, "/index.db", err));
    TRY(sql_open(path, false, &db, err));
    TRY(sql_verify(db, err));
    TRY(files_compare(at, db, err));
    TRY(sql_prepare(db, "SELECT COALESCE(sum(damaged), 0) FROM file", &stmt, err));
    TRY(sql_step(stmt, &row, err));
    report->missing = (uint64_t)sql_get_int(stmt, 0);
    return ST_OK;
}

enum status gw_backup_verify(const char *dir, struct gw_backup_report *report, struct error *err)
{
    struct gw_backup_report found = {0};
    AUTO(fd_drop) int at = -1;

    TRY(gw_dir_open(AT_FDCWD, dir, &at, err));
    TRY(manifest_each(at, file_verify, NULL, &found, err));
    TRY(index_verify(at, dir, &found, err));
    *report = found;
    return ST_OK;
}

/* ---- back again ---- */

static enum status file_restore(void *ctx, int dir, const char *path,
                                const uint8_t sha256[GW_SHA256_BYTES], uint64_t *len,
                                struct error *err)
{
    AUTO(gw_file_source_deinit) struct gw_file_source source = {.fd = -1};
    AUTO(gw_file_writer_deinit) struct gw_file_writer writer = {0};
    const int *to = ctx;
    char folder[GW_PATH_SIZE];
    char *slash;

    (void)snprintf(folder, sizeof folder, "%s", path);
    slash = strrchr(folder, '/');
    if (slash != NULL) {
        *slash = '\0';
        TRY(gw_dir_make(*to, folder, 0700, err));
    }
    TRY(gw_file_source_open(&source, dir, path, err));
    TRY(gw_file_writer_open(&writer, *to, path, err));
    TRY(gw_file_pump(&source.base, &writer.base, err));
    TRY(gw_file_writer_finish(&writer, err));
    *len = writer.len;
    return memcmp(writer.sha256, sha256, GW_SHA256_BYTES) == 0
               ? ST_OK
               : error_set(err, ST_INVALID, 0, "%s has changed since the backup", path);
}

/* An outbound message that may have been sent after the backup was taken. */
static enum status message_doubt(struct gw_tx *tx, const struct gw_message_row *row, int64_t now,
                                 struct gw_backup_report *report, struct error *err)
{
    struct gw_move move = {
        .id = row->id,
        .event = GW_EV_DOUBT,
        .cause = {.now = now,
                  .actor = "restore",
                  .reason = GW_R_RESTORED,
                  .en = "restored from a backup: nobody here knows whether it was sent after that",
                  .de = "Aus einer Sicherung wiederhergestellt: Hier weiß niemand, ob sie danach "
                        "gesendet wurde"}};

    if (row->osci_message_id == NULL || row->state == GW_ACCEPTED) {
        move.event = GW_EV_FAIL; /* there is nothing by which a card could be asked for */
        report->held++;
    } else {
        move.next_attempt_at = now;
        report->unclear++;
    }
    return gw_store_move(tx, &move, NULL, err);
}

struct doubting {
    int64_t now;
    struct gw_backup_report *report;
    size_t left;
};

/* Up to a page of them at once. An unclear one is asked for already. */
static enum status doubt_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    struct doubting *d = ctx;
    AUTO(arena_deinit) struct arena arena = {0};
    const struct gw_filter filter = {.box = GW_OUTBOX,
                                     .states = GW_STATES(GW_ACCEPTED) | GW_STATES(GW_SEALED) |
                                               GW_STATES(GW_DEFERRED),
                                     .limit = PAGE};
    struct gw_message_list list;

    arena_init(&arena, PAGE_ARENA_MAX);
    TRY(gw_store_messages(tx, &arena, &filter, &list, err));
    for (size_t i = 0; i < list.count; i++)
        TRY(message_doubt(tx, &list.rows[i], d->now, d->report, err));
    d->left = list.count;
    return ST_OK;
}

/* Numbers that were given after the backup are known to clients, who go on behind them (decision
 * 0084): none is given again. */
static enum status restored_note(struct gw_tx *tx, void *ctx, struct error *err)
{
    const int64_t *now = ctx;
    struct gw_event_row row = {.at = *now,
                               .kind = "store.restored",
                               .actor = "restore",
                               .en = "the state was restored from a backup",
                               .de = "Der Zustand wurde aus einer Sicherung wiederhergestellt"};

    TRY(gw_store_events_last(tx, &row.seq, err));
    row.seq = (row.seq / SEQ_STEP + 1) * SEQ_STEP;
    return gw_event_insert(tx, &row, err);
}

static enum status state_doubt(const char *state, int64_t now, struct gw_backup_report *report,
                               struct error *err)
{
    const struct gw_store_conf conf = {.dir = state, .rng = rng_system(), .readers = 1};
    AUTO(gw_store_drop) struct gw_store *store = NULL;
    struct doubting d = {.now = now, .report = report};

    TRY(gw_store_open(&conf, now, &store, NULL, err));
    TRY(gw_store_commit(store, restored_note, &now, err));
    do {
        TRY(gw_store_commit(store, doubt_commit, &d, err));
    } while (d.left > 0);
    return ST_OK;
}

static enum status state_write(const char *dir, const char *partial, int64_t now,
                               struct gw_backup_report *report, struct error *err)
{
    AUTO(fd_drop) int from = -1;
    AUTO(fd_drop) int to = -1;
    struct gw_backup_report written = {0};

    TRY(gw_dir_open(AT_FDCWD, dir, &from, err));
    TRY(gw_dir_open(AT_FDCWD, partial, &to, err));
    TRY(manifest_each(from, file_restore, &to, &written, err));
    TRY(state_doubt(partial, now, report, err));
    return all_sync(to, err);
}

/* Nothing is there, or an empty folder, which goes. */
static enum status place_clear(const char *state, struct error *err)
{
    if (rmdir(state) == 0 || errno == ENOENT)
        return ST_OK;
    if (errno == ENOTEMPTY || errno == EEXIST)
        return error_set(err, ST_DUPLICATE, 0, "%s is not empty: nothing is written over a state",
                         state);
    return gw_reason_system(err, ST_DENIED, errno, "%s cannot be replaced", state);
}

enum status gw_backup_restore(const char *dir, const char *state, int64_t now,
                              struct gw_backup_report *report, struct error *err)
{
    struct gw_backup_report found = {0};
    struct error ignored = {0};
    char path[GW_PATH_SIZE], partial[GW_PATH_SIZE];
    enum status st;

    TRY(gw_backup_verify(dir, &found, err));
    TRY(path_trim(path, state, err));
    state = path;
    TRY(path_make(partial, state, ".partial", err));
    TRY(place_clear(state, err));
    TRY(gw_dir_remove(AT_FDCWD, partial, err)); /* of one that was interrupted */
    TRY(gw_dir_make(AT_FDCWD, partial, 0700, err));
    st = state_write(dir, partial, now, &found, err);
    if (st == ST_OK)
        st = gw_file_move(AT_FDCWD, partial, AT_FDCWD, state, err);
    if (st != ST_OK) {
        if (gw_dir_remove(AT_FDCWD, partial, &ignored) != ST_OK)
            (void)error_context(err, "and %.200s could not be removed", partial);
        return st;
    }
    *report = found;
    return ST_OK;
}

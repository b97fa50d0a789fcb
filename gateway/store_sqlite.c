#include "gateway/store_sql.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

#include "crypto/base/buf.h"
#include "gateway/reason.h"

/* Beyond this many texts a statement is not kept: only lists of unusual length come here. */
enum { KEPT_MAX = 192, BUSY_MS = 10000 };

struct sql_stmt {
    struct sql_db *db;
    sqlite3_stmt *handle;
    const char *text; /* sqlite's own copy */
    uint32_t hash;
    int bound; /* parameters so far */
    int rc;    /* the first failed bind, SQLITE_OK otherwise */
    bool no_room;
    bool kept, busy;
};

struct sql_db {
    sqlite3 *handle;
    struct sql_stmt *kept[KEPT_MAX];
    size_t kept_count;
};

static enum status status_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
        return ST_LIMIT;
    case SQLITE_IOERR:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_CANTOPEN:
    case SQLITE_INTERRUPT:
        return ST_RETRY;
    case SQLITE_CONSTRAINT:
        return rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY ? ST_DUPLICATE
                                                                                    : ST_INTERNAL;
    default:
        return ST_INTERNAL;
    }
}

static enum status sqlite_error(struct sql_db *db, int rc, struct error *err)
{
    /* sqlite names columns in its messages, never values */
    (void)error_set(err, status_of(rc), 0, "index: %s (%d)",
                    db->handle != NULL ? sqlite3_errmsg(db->handle) : sqlite3_errstr(rc), rc);
    err->cause = gw_reason_sqlite(rc);
    return err->status;
}

enum status sql_open(const char *path, bool write, struct sql_db **db, struct error *err)
{
    static const char *const pragmas = "PRAGMA synchronous=FULL;"
                                       "PRAGMA wal_autocheckpoint=4000;"
                                       "PRAGMA journal_size_limit=67108864;"
                                       "PRAGMA cache_size=-8000;"
                                       "PRAGMA temp_store=MEMORY;"
                                       "PRAGMA trusted_schema=OFF;";
    int flags = write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READWRITE;
    struct sql_db *made = calloc(1, sizeof *made);
    enum status st;
    int rc;

    TRY_ALLOC(made, err);
    rc = sqlite3_open_v2(path, &made->handle, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK) {
        st = sqlite_error(made, rc, err);
        goto undo;
    }
    (void)sqlite3_extended_result_codes(made->handle, 1);
    (void)sqlite3_busy_timeout(made->handle, BUSY_MS);
    st = sql_script(made, write ? "PRAGMA journal_mode=WAL;" : "PRAGMA query_only=ON;", err);
    if (st == ST_OK)
        st = sql_script(made, pragmas, err);
    if (st != ST_OK)
        goto undo;
    *db = made;
    return ST_OK;

undo:
    sql_close(made);
    return st;
}

static void stmt_free(struct sql_stmt *stmt)
{
    (void)sqlite3_finalize(stmt->handle);
    free(stmt);
}

void sql_close(struct sql_db *db)
{
    int rc;

    if (db == NULL)
        return;
    for (size_t i = 0; i < db->kept_count; i++)
        stmt_free(db->kept[i]);
    rc = sqlite3_close(db->handle);
    assert(rc == SQLITE_OK); /* no statement is left open */
    (void)rc;
    free(db);
}

static enum status check_run(struct sql_db *db, const char *pragma, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    const char *text;
    bool row;

    TRY(sql_prepare(db, pragma, &stmt, err));
    TRY(sql_step(stmt, &row, err));
    text = row ? (const char *)sqlite3_column_text(stmt->handle, 0) : NULL;
    if (text == NULL || strcmp(text, "ok") != 0)
        return gw_reason_because(error_set(err, ST_INTERNAL, 0, "the index is damaged: %.200s",
                                           text == NULL ? "no answer" : text),
                                 GW_R_STORE_DAMAGED, err);
    return ST_OK;
}

enum status sql_verify(struct sql_db *db, struct error *err)
{
    return check_run(db, "PRAGMA quick_check(1)", err);
}

enum status sql_size(struct sql_db *db, int64_t *bytes, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    bool row;

    TRY(sql_prepare(db,
                    "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
                    &stmt, err));
    TRY(sql_step(stmt, &row, err));
    *bytes = row ? sql_get_int(stmt, 0) : 0;
    return ST_OK;
}

static int is_stopped(void *stop)
{
    return atomic_load((atomic_bool *)stop) ? 1 : 0;
}

/* Each table with its indexes is a view of its own: the log can be emptied in between. */
static enum status tables_verify(struct sql_db *db, const atomic_bool *stop, struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {.max = 1 << 20};
    const char *names[128];
    size_t count = 0;

    {
        AUTO(sql_done) struct sql_stmt *stmt = NULL;
        bool row;

        TRY(sql_prepare(db, "SELECT name FROM sqlite_schema WHERE type = 'table'", &stmt, err));
        for (;;) {
            TRY(sql_step(stmt, &row, err));
            if (!row || count == ARRAY_LEN(names))
                break;
            names[count++] = sql_get_text(stmt, 0, &arena);
            TRY(sql_check(stmt, err));
        }
    }
    for (size_t i = 0; i < count; i++) {
        AUTO(buf_deinit) struct buf text = {0};

        if (atomic_load(stop))
            return error_set(err, ST_RETRY, 0, "stopped");
        buf_init(&text, 1024);
        buf_printf(&text, "PRAGMA quick_check('%s')", names[i]); /* names of our own */
        (void)buf_cstr(&text);
        TRY(buf_check(&text, err));
        TRY(check_run(db, buf_cstr(&text), err));
    }
    return ST_OK;
}

enum status sql_verify_parts(struct sql_db *db, atomic_bool *stop, struct error *err)
{
    enum status st;

    sqlite3_progress_handler(db->handle, 100000, is_stopped, stop);
    st = tables_verify(db, stop, err);
    sqlite3_progress_handler(db->handle, 0, NULL, NULL);
    return st;
}

enum status sql_copy(struct sql_db *db, const char *path, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(db, "VACUUM INTO ?", &stmt, err));
    sql_put_text(stmt, path);
    return sql_run(stmt, err);
}

enum status sql_version(struct sql_db *db, int64_t *version, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    bool row;

    TRY(sql_prepare(db, "PRAGMA user_version", &stmt, err));
    TRY(sql_step(stmt, &row, err));
    *version = row ? sql_get_int(stmt, 0) : 0;
    return ST_OK;
}

enum status sql_version_set(struct sql_db *db, int64_t version, struct error *err)
{
    char text[64];

    (void)snprintf(text, sizeof text, "PRAGMA user_version=%d", (int)version);
    return sql_script(db, text, err);
}

enum status sql_script(struct sql_db *db, const char *text, struct error *err)
{
    int rc = sqlite3_exec(db->handle, text, NULL, NULL, NULL);

    return rc == SQLITE_OK ? ST_OK : sqlite_error(db, rc, err);
}

enum status sql_exec(struct sql_db *db, const char *text, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(db, text, &stmt, err));
    return sql_run(stmt, err);
}

bool sql_in_transaction(struct sql_db *db)
{
    return sqlite3_get_autocommit(db->handle) == 0;
}

void sql_rollback(struct sql_db *db)
{
    /* nothing better can be done about a failure: the next BEGIN will tell */
    if (sql_in_transaction(db))
        (void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

int64_t sql_changes(struct sql_db *db)
{
    return sqlite3_total_changes64(db->handle);
}

static uint32_t hash_of(const char *text)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (; *text != '\0'; text++)
        hash = (hash ^ (uint8_t)*text) * 16777619u;
    return hash;
}

enum status sql_prepare(struct sql_db *db, const char *text, struct sql_stmt **stmt,
                        struct error *err)
{
    uint32_t hash = hash_of(text);
    struct sql_stmt *made;
    int rc;

    for (size_t i = 0; i < db->kept_count; i++) {
        struct sql_stmt *kept = db->kept[i];

        if (kept->hash == hash && strcmp(kept->text, text) == 0) {
            assert(!kept->busy);
            kept->busy = true;
            *stmt = kept;
            return ST_OK;
        }
    }
    made = calloc(1, sizeof *made);
    TRY_ALLOC(made, err);
    rc = sqlite3_prepare_v3(db->handle, text, -1, SQLITE_PREPARE_PERSISTENT, &made->handle, NULL);
    if (rc != SQLITE_OK) {
        free(made);
        return sqlite_error(db, rc, err);
    }
    made->db = db;
    made->text = sqlite3_sql(made->handle);
    made->hash = hash;
    made->busy = true;
    if (db->kept_count < KEPT_MAX) {
        db->kept[db->kept_count++] = made;
        made->kept = true;
    }
    *stmt = made;
    return ST_OK;
}

void sql_done(struct sql_stmt **stmt)
{
    struct sql_stmt *s = *stmt;

    *stmt = NULL;
    if (s == NULL)
        return;
    if (!s->kept) {
        stmt_free(s);
        return;
    }
    (void)sqlite3_reset(s->handle); /* repeats the step's error, which is told already */
    (void)sqlite3_clear_bindings(s->handle);
    s->bound = 0;
    s->rc = SQLITE_OK;
    s->no_room = false;
    s->busy = false;
}

const char *sql_kept(const struct sql_db *db, size_t i)
{
    return i < db->kept_count ? db->kept[i]->text : NULL;
}

static void put_result(struct sql_stmt *stmt, int rc)
{
    if (stmt->rc == SQLITE_OK)
        stmt->rc = rc;
}

void sql_put_text(struct sql_stmt *stmt, const char *text)
{
    put_result(stmt, sqlite3_bind_text(stmt->handle, ++stmt->bound, text, -1, SQLITE_STATIC));
}

void sql_put_int(struct sql_stmt *stmt, int64_t value)
{
    put_result(stmt, sqlite3_bind_int64(stmt->handle, ++stmt->bound, value));
}

void sql_put_int_or_null(struct sql_stmt *stmt, int64_t value)
{
    if (value != 0)
        sql_put_int(stmt, value);
    else
        sql_put_text(stmt, NULL);
}

void sql_put_bytes(struct sql_stmt *stmt, struct span bytes)
{
    /* an empty span is zero bytes, not NULL */
    const void *ptr = bytes.ptr == NULL ? "" : (const void *)bytes.ptr;

    put_result(stmt,
               sqlite3_bind_blob64(stmt->handle, ++stmt->bound, ptr, bytes.len, SQLITE_STATIC));
}

enum status sql_step(struct sql_stmt *stmt, bool *row, struct error *err)
{
    int rc = stmt->rc;

    assert(stmt->bound == sqlite3_bind_parameter_count(stmt->handle));
    if (rc != SQLITE_OK)
        return sqlite_error(stmt->db, rc, err);
    rc = sqlite3_step(stmt->handle);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return sqlite_error(stmt->db, rc, err);
    *row = rc == SQLITE_ROW;
    return ST_OK;
}

enum status sql_run(struct sql_stmt *stmt, struct error *err)
{
    bool row;

    do {
        TRY(sql_step(stmt, &row, err));
    } while (row);
    return ST_OK;
}

int64_t sql_get_int(struct sql_stmt *stmt, int column)
{
    return sqlite3_column_int64(stmt->handle, column);
}

struct span sql_get_bytes(struct sql_stmt *stmt, int column, struct arena *arena)
{
    const void *bytes = sqlite3_column_blob(stmt->handle, column);
    int len = sqlite3_column_bytes(stmt->handle, column);
    struct span copy;

    if (bytes == NULL || len <= 0)
        return SPAN_NONE;
    copy = arena_span(arena, span_of(bytes, (size_t)len));
    if (copy.ptr == NULL) {
        stmt->no_room = true;
        return SPAN_NONE;
    }
    return copy;
}

const char *sql_get_text(struct sql_stmt *stmt, int column, struct arena *arena)
{
    const void *text = sqlite3_column_text(stmt->handle, column);
    char *copy;

    if (text == NULL)
        return NULL;
    copy = arena_str(arena, span_str(text));
    if (copy == NULL)
        stmt->no_room = true;
    return copy;
}

void sql_get_fixed(struct sql_stmt *stmt, int column, uint8_t *bytes, size_t len)
{
    const void *from = sqlite3_column_blob(stmt->handle, column);

    if (from != NULL && (size_t)sqlite3_column_bytes(stmt->handle, column) == len)
        memcpy(bytes, from, len);
    else
        memset(bytes, 0, len);
}

enum status sql_check(const struct sql_stmt *stmt, struct error *err)
{
    if (stmt->no_room)
        return error_set(err, ST_LIMIT, 0, "the rows do not fit into the memory given");
    return ST_OK;
}

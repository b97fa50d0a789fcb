/*
 * gateway/store_sql.h - the little of SQL that the store needs, whatever database is behind
 *
 * Inside the store only (gateway/store_*.c). A connection belongs to one thread at a time. A
 * statement is prepared once per connection and kept; it is bound from left to right, stepped, its
 * columns are read by number, and sql_done makes it free again. The first failed bind or allocation
 * is remembered and comes out of sql_step or sql_check. The SQL is the common ground of SQLite and
 * PostgreSQL, with ? for parameters.
 *
 * ST_DUPLICATE: a unique index refused. ST_LIMIT: disk or memory full. ST_RETRY: disk trouble.
 * ST_INTERNAL: all else, a broken index among it.
 */
#pragma once

#include <stdatomic.h>

#include "crypto/base/arena.h"
#include "crypto/base/error.h"
#include "crypto/base/span.h"

struct sql_db;
struct sql_stmt;

/* write: creates the database if missing. path is borrowed for the call. */
MUST_CHECK enum status sql_open(const char *path, bool write, struct sql_db **db,
                                struct error *err);
void sql_close(struct sql_db *db); /* NULL is fine */
/* Quick check of the whole index. ST_INTERNAL: damaged, the text says where first. */
MUST_CHECK enum status sql_verify(struct sql_db *db, struct error *err);
/* The same in parts, for a large index at work; *stop ends it with ST_RETRY. */
MUST_CHECK enum status sql_verify_parts(struct sql_db *db, atomic_bool *stop, struct error *err);
MUST_CHECK enum status sql_size(struct sql_db *db, int64_t *bytes, struct error *err);
/* The database as it is now, as another one at path, which must not exist. Not flushed. */
MUST_CHECK enum status sql_copy(struct sql_db *db, const char *path, struct error *err);
/* Schema version kept in the database, 0 for a new one. */
MUST_CHECK enum status sql_version(struct sql_db *db, int64_t *version, struct error *err);
MUST_CHECK enum status sql_version_set(struct sql_db *db, int64_t version, struct error *err);
/* One or more statements without parameters and results; for the schema. */
MUST_CHECK enum status sql_script(struct sql_db *db, const char *text, struct error *err);
/* The same for one statement that comes often (BEGIN, SAVEPOINT): kept prepared. */
MUST_CHECK enum status sql_exec(struct sql_db *db, const char *text, struct error *err);
/* Inside BEGIN? A full disk may have ended the transaction on its own. */
bool sql_in_transaction(struct sql_db *db);
/* Ends a transaction without a trace; none open is fine. */
void sql_rollback(struct sql_db *db);
/* Rows changed since the connection was opened. */
int64_t sql_changes(struct sql_db *db);

/* The kept statement of this text. It must be free. */
MUST_CHECK enum status sql_prepare(struct sql_db *db, const char *text, struct sql_stmt **stmt,
                                   struct error *err);
void sql_done(struct sql_stmt **stmt); /* for AUTO; *stmt may be NULL */
/* The text of the i-th statement that the connection keeps; NULL behind the last. For tests of the
 * plans: there are no statistics, so a new index may take a query away from its own. */
const char *sql_kept(const struct sql_db *db, size_t i);

/* The next parameter. Text and bytes are borrowed until sql_done. text NULL: NULL. */
void sql_put_text(struct sql_stmt *stmt, const char *text);
void sql_put_int(struct sql_stmt *stmt, int64_t value);
/* value, or NULL when it is 0. */
void sql_put_int_or_null(struct sql_stmt *stmt, int64_t value);
void sql_put_bytes(struct sql_stmt *stmt, struct span bytes);

/* *row: a row can be read; otherwise the end. */
MUST_CHECK enum status sql_step(struct sql_stmt *stmt, bool *row, struct error *err);
/* A statement without result, to its end. */
MUST_CHECK enum status sql_run(struct sql_stmt *stmt, struct error *err);

/* Columns of the row. Copies live in arena; NULL and empty span for NULL. */
int64_t sql_get_int(struct sql_stmt *stmt, int column);
const char *sql_get_text(struct sql_stmt *stmt, int column, struct arena *arena);
struct span sql_get_bytes(struct sql_stmt *stmt, int column, struct arena *arena);
/* Exactly len bytes, zeros if the column has another length. */
void sql_get_fixed(struct sql_stmt *stmt, int column, uint8_t *bytes, size_t len);
/* ST_LIMIT when a copy found no room in the arena. */
MUST_CHECK enum status sql_check(const struct sql_stmt *stmt, struct error *err);

#include "gateway/store_transfer.h"

#include <assert.h>
#include <stdio.h>

#include "gateway/store_impl.h"

enum { RETAIN_DEFAULT = 100 };

#define COLUMNS                                                                                    \
    "id, osci_message_id, cipher, signature, size_kb, total, total_kb, received, began_at, "       \
    "changed_at, completed_at, result, tenant"

/* ---- transfers ---- */

static enum status transfer_read(struct sql_stmt *stmt, struct arena *arena,
                                 struct gw_transfer_row *row, struct error *err)
{
    bool there;

    TRY(sql_step(stmt, &there, err));
    if (!there)
        return error_set(err, ST_NOT_FOUND, 0, "there is no such transfer");
    row->id = sql_get_text(stmt, 0, arena);
    row->osci_message_id = sql_get_text(stmt, 1, arena);
    sql_get_fixed(stmt, 2, row->cipher, sizeof row->cipher);
    sql_get_fixed(stmt, 3, row->signature, sizeof row->signature);
    row->size_kb = (uint64_t)sql_get_int(stmt, 4);
    row->total = (uint64_t)sql_get_int(stmt, 5);
    row->total_kb = (uint64_t)sql_get_int(stmt, 6);
    row->received = sql_get_bytes(stmt, 7, arena);
    row->began_at = sql_get_int(stmt, 8);
    row->changed_at = sql_get_int(stmt, 9);
    row->completed_at = sql_get_int(stmt, 10);
    row->result = sql_get_text(stmt, 11, arena);
    row->tenant = sql_get_text(stmt, 12, arena);
    return sql_check(stmt, err);
}

enum status gw_store_transfer(struct gw_tx *tx, struct arena *arena, const char *tenant,
                              const char *osci_message_id, struct gw_transfer_row *row,
                              struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(tx->db,
                    "SELECT " COLUMNS " FROM transfer WHERE osci_message_id = ? AND tenant IS ?",
                    &stmt, err));
    sql_put_text(stmt, osci_message_id);
    sql_put_text(stmt, tenant);
    return transfer_read(stmt, arena, row, err);
}

enum status gw_store_transfer_by_id(struct gw_tx *tx, struct arena *arena, const char *id,
                                    struct gw_transfer_row *row, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(tx->db, "SELECT " COLUMNS " FROM transfer WHERE id = ?", &stmt, err));
    sql_put_text(stmt, id);
    return transfer_read(stmt, arena, row, err);
}

enum status gw_store_transfers_open(struct gw_tx *tx, const char *tenant,
                                    const uint8_t cipher[GW_SHA256_BYTES], uint64_t *count,
                                    uint64_t *total_kb, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    bool row;

    TRY(sql_prepare(tx->db,
                    "SELECT count(*), coalesce(sum(total_kb), 0) FROM transfer "
                    "WHERE cipher = ? AND tenant IS ? AND result IS NULL",
                    &stmt, err));
    sql_put_bytes(stmt, span_of(cipher, GW_SHA256_BYTES));
    sql_put_text(stmt, tenant);
    TRY(sql_step(stmt, &row, err));
    *count = (uint64_t)sql_get_int(stmt, 0);
    *total_kb = (uint64_t)sql_get_int(stmt, 1);
    return ST_OK;
}

enum status gw_store_transfer_add(struct gw_tx *tx, const struct gw_transfer_row *row,
                                  struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    assert(tx->writer && gw_uuid_is_valid(span_str(row->id)));
    TRY(sql_prepare(tx->db,
                    "INSERT INTO transfer (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                    "NULL, ?)",
                    &stmt, err));
    sql_put_text(stmt, row->id);
    sql_put_text(stmt, row->osci_message_id);
    sql_put_bytes(stmt, span_of(row->cipher, sizeof row->cipher));
    sql_put_bytes(stmt, span_of(row->signature, sizeof row->signature));
    sql_put_int(stmt, (int64_t)row->size_kb);
    sql_put_int(stmt, (int64_t)row->total);
    sql_put_int(stmt, (int64_t)row->total_kb);
    sql_put_bytes(stmt, row->received);
    sql_put_int(stmt, row->began_at);
    sql_put_int(stmt, row->changed_at);
    sql_put_int(stmt, row->completed_at);
    sql_put_text(stmt, row->tenant);
    return sql_run(stmt, err);
}

enum status gw_store_transfer_update(struct gw_tx *tx, const struct gw_transfer_row *row,
                                     struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    assert(tx->writer);
    TRY(sql_prepare(tx->db,
                    "UPDATE transfer SET received = ?, changed_at = ?, completed_at = ? "
                    "WHERE id = ?",
                    &stmt, err));
    sql_put_bytes(stmt, row->received);
    sql_put_int(stmt, row->changed_at);
    sql_put_int(stmt, row->completed_at);
    sql_put_text(stmt, row->id);
    return sql_run(stmt, err);
}

enum status gw_store_transfer_end(struct gw_tx *tx, const char *id, const char *result, int64_t now,
                                  struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    assert(tx->writer);
    TRY(sql_prepare(tx->db, "UPDATE transfer SET result = ?, changed_at = ? WHERE id = ?", &stmt,
                    err));
    sql_put_text(stmt, result);
    sql_put_int(stmt, now);
    sql_put_text(stmt, id);
    TRY(sql_run(stmt, err));
    return gw_store_files_forget(tx, id, err);
}

enum status gw_store_transfer_complete(struct gw_tx *tx, const char *tenant, const char *after_id,
                                       char id[GW_ID_SIZE], struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    AUTO(arena_deinit) struct arena arena = {.max = 4096};
    bool row;

    TRY(sql_prepare(tx->db,
                    "SELECT id FROM transfer WHERE tenant IS ? AND result IS NULL "
                    "AND completed_at > 0 AND id > ? ORDER BY id LIMIT 1",
                    &stmt, err));
    sql_put_text(stmt, tenant);
    sql_put_text(stmt, gw_text_or_empty(after_id));
    TRY(sql_step(stmt, &row, err));
    if (!row)
        return error_set(err, ST_NOT_FOUND, 0, "no transfer is complete and not done");
    (void)snprintf(id, GW_ID_SIZE, "%s", gw_text_or_empty(sql_get_text(stmt, 0, &arena)));
    return sql_check(stmt, err);
}

/* ---- frames ---- */

enum status gw_store_frame(struct gw_tx *tx, struct arena *arena, const char *osci_message_id,
                           struct gw_frame_row *row, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    bool there;

    TRY(sql_prepare(tx->db, "SELECT id, used_at FROM frame WHERE osci_message_id = ?", &stmt, err));
    sql_put_text(stmt, osci_message_id);
    TRY(sql_step(stmt, &there, err));
    if (!there)
        return error_set(err, ST_NOT_FOUND, 0, "there is no such frame");
    row->id = sql_get_text(stmt, 0, arena);
    row->used_at = sql_get_int(stmt, 1);
    return sql_check(stmt, err);
}

enum status gw_store_frame_add(struct gw_tx *tx, const char *osci_message_id, const char *id,
                               int64_t now, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    assert(tx->writer && gw_uuid_is_valid(span_str(id)));
    TRY(sql_prepare(tx->db, "INSERT INTO frame (osci_message_id, id, used_at) VALUES (?, ?, ?)",
                    &stmt, err));
    sql_put_text(stmt, osci_message_id);
    sql_put_text(stmt, id);
    sql_put_int(stmt, now);
    return sql_run(stmt, err);
}

enum status gw_store_frame_used(struct gw_tx *tx, const char *osci_message_id, int64_t now,
                                struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    assert(tx->writer);
    TRY(sql_prepare(tx->db, "UPDATE frame SET used_at = ? WHERE osci_message_id = ?", &stmt, err));
    sql_put_int(stmt, now);
    sql_put_text(stmt, osci_message_id);
    return sql_run(stmt, err);
}

/* ---- what is too old ---- */

struct old_row {
    const char *id;
    bool unfinished;
};

/* The ids of a select of (id, unfinished) with one time, a limit and perhaps a tenant; removed one
 * by one. */
static enum status old_read(struct gw_tx *tx, struct arena *arena, const char *text, int64_t before,
                            size_t limit, const char *tenant, struct old_row **rows, size_t *count,
                            struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    size_t cap = 0;
    bool row;

    *rows = NULL;
    *count = 0;
    TRY(sql_prepare(tx->db, text, &stmt, err));
    sql_put_int(stmt, before);
    sql_put_int(stmt, (int64_t)limit);
    sql_put_text(stmt, tenant);
    for (;;) {
        TRY(sql_step(stmt, &row, err));
        if (!row)
            return ST_OK;
        *rows = gw_rows_grow(arena, *rows, sizeof **rows, *count, &cap);
        TRY_ALLOC(*rows, err);
        (*rows)[*count] = (struct old_row){sql_get_text(stmt, 0, arena), sql_get_int(stmt, 1) != 0};
        TRY(sql_check(stmt, err));
        (*count)++;
    }
}

static enum status row_drop(struct gw_tx *tx, const char *text, const char *id, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(tx->db, text, &stmt, err));
    sql_put_text(stmt, id);
    TRY(sql_run(stmt, err));
    return gw_store_files_forget(tx, id, err);
}

enum status gw_store_transfers_retain(struct gw_tx *tx, struct gw_transfer_retention *retention,
                                      struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {.max = 1 << 20};
    size_t limit = retention->limit == 0 ? RETAIN_DEFAULT : retention->limit, count;
    struct old_row *rows;

    assert(tx->writer);
    retention->transfers = retention->unfinished = retention->frames = 0;
    TRY(old_read(tx, &arena,
                 "SELECT id, result IS NULL FROM transfer WHERE changed_at < ?1 AND tenant IS ?3 "
                 "ORDER BY changed_at LIMIT ?2",
                 retention->changed_before, limit, retention->tenant, &rows, &count, err));
    for (size_t i = 0; i < count; i++) {
        TRY(row_drop(tx, "DELETE FROM transfer WHERE id = ?", rows[i].id, err));
        retention->unfinished += rows[i].unfinished;
        retention->transfers++;
    }
    TRY(old_read(tx, &arena,
                 "SELECT f.id, 0 FROM frame f LEFT JOIN delivery d "
                 "ON d.osci_message_id = f.osci_message_id "
                 "WHERE (f.used_at < ?1 OR d.id IS NULL OR d.content = 0) AND ?3 IS NULL LIMIT ?2",
                 retention->used_before, limit, NULL, &rows, &count, err));
    for (size_t i = 0; i < count; i++) {
        TRY(row_drop(tx, "DELETE FROM frame WHERE id = ?", rows[i].id, err));
        retention->frames++;
    }
    return ST_OK;
}

/* file rows of gateway/store.h */
#include <assert.h>

#include "gateway/store_impl.h"

static const char *const kind_names[GW_FILE_KIND_COUNT] = {
    [GW_FILE_PAYLOAD] = "payload",
    [GW_FILE_SEALED] = "sealed",
    [GW_FILE_ATTACHMENT] = "attachment",
    [GW_FILE_EVIDENCE] = "evidence",
    [GW_FILE_VERIFICATION] = "verification",
    [GW_FILE_RECEIVED] = "received",
    [GW_FILE_HEADER] = "header",
    [GW_FILE_FRAME] = "frame",
    [GW_FILE_CHUNK] = "chunk",
};

const char *gw_file_kind_name(enum gw_file_kind kind)
{
    assert(kind < GW_FILE_KIND_COUNT);
    return kind_names[kind];
}

static enum gw_file_kind kind_of(const char *name)
{
    for (enum gw_file_kind k = 0; name != NULL && k < GW_FILE_KIND_COUNT; k++)
        if (span_is(span_str(name), kind_names[k]))
            return k;
    return GW_FILE_EVIDENCE; /* a kind of a newer version: keep and show it, give it no meaning */
}

static enum status files_last(struct gw_tx *tx, const char *owner_id, int64_t *n, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    bool row;

    TRY(sql_prepare(tx->db, "SELECT max(n) FROM file WHERE owner = ?", &stmt, err));
    sql_put_text(stmt, owner_id);
    TRY(sql_step(stmt, &row, err));
    *n = row ? sql_get_int(stmt, 0) : 0;
    return ST_OK;
}

static enum status file_insert(struct gw_tx *tx, const char *owner_id, int64_t n,
                               const struct gw_file_row *row, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    assert(row->path != NULL);
    TRY(sql_prepare(tx->db,
                    "INSERT INTO file (owner, n, kind, name, content_type, ref, path, len, sha256, "
                    "damaged) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
                    &stmt, err));
    sql_put_text(stmt, owner_id);
    sql_put_int(stmt, n);
    sql_put_text(stmt, gw_file_kind_name(row->kind));
    sql_put_text(stmt, row->name);
    sql_put_text(stmt, row->content_type);
    sql_put_text(stmt, row->ref);
    sql_put_text(stmt, row->path);
    sql_put_int(stmt, (int64_t)row->len);
    sql_put_bytes(stmt, span_of(row->sha256, sizeof row->sha256));
    return sql_run(stmt, err);
}

enum status gw_store_files_add(struct gw_tx *tx, const char *owner_id,
                               const struct gw_file_row *rows, size_t count, struct error *err)
{
    int64_t n;

    assert(tx->writer);
    if (count == 0)
        return ST_OK;
    TRY(files_last(tx, owner_id, &n, err));
    for (size_t i = 0; i < count; i++)
        TRY(file_insert(tx, owner_id, ++n, &rows[i], err));
    return ST_OK;
}

enum status gw_store_files(struct gw_tx *tx, struct arena *arena, const char *owner_id,
                           struct gw_file_list *list, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    struct gw_file_list found = {0};
    size_t cap = 0;
    bool more;

    TRY(sql_prepare(tx->db,
                    "SELECT n, kind, name, content_type, ref, path, len, sha256, damaged "
                    "FROM file WHERE owner = ? ORDER BY n",
                    &stmt, err));
    sql_put_text(stmt, owner_id);
    for (;;) {
        struct gw_file_row *row;

        TRY(sql_step(stmt, &more, err));
        if (!more)
            break;
        found.rows = gw_rows_grow(arena, found.rows, sizeof *found.rows, found.count, &cap);
        TRY_ALLOC(found.rows, err);
        row = &found.rows[found.count++];
        row->n = (int)sql_get_int(stmt, 0);
        row->kind = kind_of(sql_get_text(stmt, 1, arena));
        row->name = sql_get_text(stmt, 2, arena);
        row->content_type = sql_get_text(stmt, 3, arena);
        row->ref = sql_get_text(stmt, 4, arena);
        row->path = sql_get_text(stmt, 5, arena);
        row->len = (uint64_t)sql_get_int(stmt, 6);
        sql_get_fixed(stmt, 7, row->sha256, sizeof row->sha256);
        row->damaged = sql_get_int(stmt, 8) != 0;
        TRY(sql_check(stmt, err));
    }
    *list = found;
    return ST_OK;
}

enum { PATH_ARENA_MAX = 1 << 20 };

/* Notes every file of that kind for removal. */
static enum status files_remove_later(struct gw_tx *tx, const char *owner_id,
                                      enum gw_file_kind kind, struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {0};
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    bool row;

    arena_init(&arena, PATH_ARENA_MAX);
    TRY(sql_prepare(tx->db, "SELECT path FROM file WHERE owner = ? AND kind = ?", &stmt, err));
    sql_put_text(stmt, owner_id);
    sql_put_text(stmt, gw_file_kind_name(kind));
    for (;;) {
        const char *path;

        TRY(sql_step(stmt, &row, err));
        if (!row)
            return ST_OK;
        path = sql_get_text(stmt, 0, &arena);
        TRY(sql_check(stmt, err));
        TRY(gw_tx_remove_later(tx, path, err));
    }
}

enum status gw_store_files_remove(struct gw_tx *tx, const char *owner_id, enum gw_file_kind kind,
                                  struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    assert(tx->writer);
    TRY(files_remove_later(tx, owner_id, kind, err));
    TRY(sql_prepare(tx->db, "DELETE FROM file WHERE owner = ? AND kind = ?", &stmt, err));
    sql_put_text(stmt, owner_id);
    sql_put_text(stmt, gw_file_kind_name(kind));
    return sql_run(stmt, err);
}

enum status gw_store_files_forget(struct gw_tx *tx, const char *owner_id, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    char folder[GW_FOLDER_SIZE];

    assert(tx->writer);
    TRY(sql_prepare(tx->db, "DELETE FROM file WHERE owner = ?", &stmt, err));
    sql_put_text(stmt, owner_id);
    TRY(sql_run(stmt, err));
    gw_payload_folder(owner_id, folder);
    return gw_tx_remove_later(tx, folder, err);
}

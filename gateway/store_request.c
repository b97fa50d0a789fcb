#include "gateway/store_request.h"

#include <assert.h>

#include "gateway/store_impl.h"

#define COLUMNS                                                                                    \
    "r.message_id, r.due_at, r.command, r.reply_osci_id, r.asker, r.answer_id, m.answer "          \
    "FROM request r JOIN message m ON m.id = r.message_id"

enum { LIMIT_DEFAULT = 100 };
/* the column command */
enum { NO_COMMAND, TO_RUN, STARTED };

static enum status answer_set(struct gw_tx *tx, const char *id, enum gw_answer_state answer,
                              int64_t due_at, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(tx->db, "UPDATE message SET answer = ?, answer_due_at = ? WHERE id = ?", &stmt,
                    err));
    sql_put_text(stmt, gw_answer_name(answer));
    sql_put_int(stmt, due_at);
    sql_put_text(stmt, id);
    return sql_run(stmt, err);
}

enum status gw_store_request_add(struct gw_tx *tx, const struct gw_request_row *row,
                                 struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    assert(tx->writer);
    TRY(sql_prepare(tx->db,
                    "INSERT INTO request (message_id, due_at, command, reply_osci_id, asker) "
                    "VALUES (?, ?, ?, ?, ?)",
                    &stmt, err));
    sql_put_text(stmt, row->message_id);
    sql_put_int(stmt, row->due_at);
    sql_put_int(stmt, row->command ? TO_RUN : NO_COMMAND);
    sql_put_text(stmt, row->reply_osci_id);
    sql_put_bytes(stmt, row->asker);
    TRY(sql_run(stmt, err));
    return answer_set(tx, row->message_id, GW_ANSWER_AWAITED, row->due_at, err);
}

static enum status row_read(struct sql_stmt *stmt, struct arena *arena, struct gw_request_row *row,
                            struct error *err)
{
    const char *answer;

    row->message_id = sql_get_text(stmt, 0, arena);
    row->due_at = sql_get_int(stmt, 1);
    row->command = sql_get_int(stmt, 2) != NO_COMMAND;
    row->started = sql_get_int(stmt, 2) == STARTED;
    row->reply_osci_id = sql_get_text(stmt, 3, arena);
    row->asker = sql_get_bytes(stmt, 4, arena);
    row->answer_id = sql_get_text(stmt, 5, arena);
    answer = sql_get_text(stmt, 6, arena);
    TRY(sql_check(stmt, err));
    if (!gw_answer_of(answer, &row->state))
        return error_set(err, ST_INTERNAL, 0, "the index holds the unknown answer %.40s", answer);
    return ST_OK;
}

enum status gw_store_request(struct gw_tx *tx, struct arena *arena, const char *message_id,
                             struct gw_request_row *row, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    struct gw_request_row found = {0};
    bool got;

    TRY(sql_prepare(tx->db, "SELECT " COLUMNS " WHERE r.message_id = ?", &stmt, err));
    sql_put_text(stmt, message_id);
    TRY(sql_step(stmt, &got, err));
    if (!got)
        return error_set(err, ST_NOT_FOUND, 0, "message %s is no request", message_id);
    TRY(row_read(stmt, arena, &found, err));
    *row = found;
    return ST_OK;
}

enum status gw_store_request_start(struct gw_tx *tx, const char *message_id, struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    struct gw_request_row row;

    assert(tx->writer);
    TRY(gw_store_request(tx, &arena, message_id, &row, err));
    if (row.state != GW_ANSWER_AWAITED || row.started)
        return error_set(err, ST_DENIED, 0, "the program for %s was run", message_id);
    TRY(sql_prepare(tx->db, "UPDATE request SET command = ? WHERE message_id = ?", &stmt, err));
    sql_put_int(stmt, STARTED);
    sql_put_text(stmt, message_id);
    return sql_run(stmt, err);
}

enum status gw_store_request_settle(struct gw_tx *tx, const char *message_id, const char *answer_id,
                                    struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    struct gw_request_row row;

    assert(tx->writer);
    TRY(gw_store_request(tx, &arena, message_id, &row, err));
    if (row.state != GW_ANSWER_AWAITED)
        return error_set(err, ST_DENIED, 0, "the answer to %s is settled", message_id);
    TRY(sql_prepare(tx->db, "UPDATE request SET answer_id = ? WHERE message_id = ?", &stmt, err));
    sql_put_text(stmt, answer_id);
    sql_put_text(stmt, message_id);
    TRY(sql_run(stmt, err));
    return answer_set(tx, message_id, answer_id != NULL ? GW_ANSWER_GIVEN : GW_ANSWER_MISSING,
                      row.due_at, err);
}

enum status gw_store_requests(struct gw_tx *tx, struct arena *arena, const char *after,
                              size_t limit, struct gw_request_list *list, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    struct gw_page page = {.size = sizeof *list->rows, .limit = limit == 0 ? LIMIT_DEFAULT : limit};
    void *row;

    TRY(sql_prepare(tx->db,
                    "SELECT " COLUMNS " WHERE m.answer = 'awaited' AND m.id > ? "
                    "ORDER BY m.id LIMIT ?",
                    &stmt, err));
    sql_put_text(stmt, gw_text_or_empty(after));
    sql_put_int(stmt, (int64_t)page.limit + 1);
    for (;;) {
        TRY(gw_page_next(stmt, arena, &page, &row, err));
        if (row == NULL)
            break;
        TRY(row_read(stmt, arena, row, err));
    }
    *list = (struct gw_request_list){page.rows, page.count, page.more};
    return ST_OK;
}

/* the order of messages in gateway/store.h: who waits for whom */
#include <assert.h>

#include "gateway/store_impl.h"

enum { QUEUE_NAME_MAX = 4096, ARENA_MAX = 4 << 20 };

/* As in store_schema.c. */
#define WAITING "state IN ('accepted', 'sealed', 'deferred', 'unclear')"

static bool waits(enum gw_state state)
{
    return state == GW_ACCEPTED || state == GW_SEALED || state == GW_DEFERRED ||
           state == GW_UNCLEAR;
}

/* Names hold no line ends. */
static enum status name_write(struct buf *name, const struct gw_message_row *row, struct error *err)
{
    buf_init(name, QUEUE_NAME_MAX);
    buf_printf(name, "%s\n%s\n%s", gw_text_or_empty(row->tenant), gw_text_or_empty(row->endpoint),
               gw_text_or_empty(row->recipient));
    (void)buf_cstr(name);
    return buf_check(name, err);
}

enum status gw_queue_join(struct gw_tx *tx, const struct gw_message_row *row, struct error *err)
{
    AUTO(buf_deinit) struct buf name = {0};
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    AUTO(sql_done) struct sql_stmt *last = NULL;
    int64_t seq;
    bool got;

    assert(tx->writer && row->box == GW_OUTBOX);
    TRY(name_write(&name, row, err));
    TRY(sql_prepare(
        tx->db,
        "SELECT max(queue_seq) FROM message WHERE queue = ? AND queue IS NOT NULL AND " WAITING,
        &last, err));
    sql_put_text(last, buf_cstr(&name));
    TRY(sql_step(last, &got, err));
    seq = got ? sql_get_int(last, 0) : 0; /* 0: nobody is before it */
    TRY(sql_prepare(tx->db,
                    "UPDATE message SET queue = ?, queue_seq = ?, "
                    "next_attempt_at = CASE WHEN ? THEN ? ELSE next_attempt_at END WHERE id = ?",
                    &stmt, err));
    sql_put_text(stmt, buf_cstr(&name));
    sql_put_int(stmt, seq + 1);
    sql_put_int(stmt, seq > 0);
    sql_put_int(stmt, GW_HELD_AT);
    sql_put_text(stmt, row->id);
    return sql_run(stmt, err);
}

/* The first of its queue that waits; NULL: none does. */
static enum status first_find(struct gw_tx *tx, const char *id, struct arena *arena,
                              const char **first, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    bool got;

    TRY(sql_prepare(tx->db,
                    "SELECT id FROM message WHERE queue IS NOT NULL AND " WAITING
                    " AND queue = (SELECT queue FROM message WHERE id = ?) "
                    "ORDER BY queue_seq, id LIMIT 1",
                    &stmt, err));
    sql_put_text(stmt, id);
    TRY(sql_step(stmt, &got, err));
    *first = got ? sql_get_text(stmt, 0, arena) : NULL;
    return got ? sql_check(stmt, err) : ST_OK;
}

enum status gw_queue_step(struct gw_tx *tx, const struct gw_message_row *row, enum gw_state next,
                          int64_t now, bool *released, struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {0};
    AUTO(sql_done) struct sql_stmt *hold = NULL;
    AUTO(sql_done) struct sql_stmt *release = NULL;
    int64_t before;
    const char *first;

    *released = false;
    arena_init(&arena, ARENA_MAX);
    TRY(first_find(tx, row->id, &arena, &first, err));
    if (first == NULL)
        return ST_OK;
    if (waits(next) && strcmp(first, row->id) != 0) {
        TRY(sql_prepare(tx->db, "UPDATE message SET next_attempt_at = ? WHERE id = ?", &hold, err));
        sql_put_int(hold, GW_HELD_AT);
        sql_put_text(hold, row->id);
        TRY(sql_run(hold, err));
    }
    before = sql_changes(tx->db);
    TRY(sql_prepare(tx->db,
                    "UPDATE message SET next_attempt_at = max(?, deliver_after) "
                    "WHERE id = ? AND next_attempt_at = ?",
                    &release, err));
    sql_put_int(release, now);
    sql_put_text(release, first);
    sql_put_int(release, GW_HELD_AT);
    TRY(sql_run(release, err));
    *released = sql_changes(tx->db) != before;
    return ST_OK;
}

enum status gw_store_message_ahead(struct gw_tx *tx, struct arena *arena, const char *id,
                                   struct gw_message_row *row, struct error *err)
{
    const char *first;

    TRY(first_find(tx, id, arena, &first, err));
    if (first == NULL || strcmp(first, id) == 0)
        return error_set(err, ST_NOT_FOUND, 0, "it waits for no other message");
    return gw_store_message(tx, arena, first, row, err);
}

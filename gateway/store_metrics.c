#include "gateway/store_metrics.h"

#include "gateway/store_impl.h"

enum { ROWS_MAX = 10000 };

/* As in store_schema.c. */
#define WAITING(of) of "state IN ('accepted', 'sealed', 'deferred', 'unclear')"

void gw_store_times(struct gw_store *store, struct gw_store_times *times)
{
    pthread_mutex_lock(&store->lock);
    *times = store->times;
    pthread_mutex_unlock(&store->lock);
}

enum status gw_store_queues(struct gw_tx *tx, struct arena *arena, struct gw_queue_list *list,
                            struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    struct gw_page page = {.size = sizeof *list->rows, .limit = ROWS_MAX};

    /* the states are those of the index message_waiting */
    TRY(sql_prepare(
        tx->db,
        "SELECT t.peer, t.state, sum(t.n), coalesce((SELECT m.created_at FROM message m "
        "INDEXED BY message_waiting WHERE m.box = 'outbox' AND " WAITING(
            "m.") " AND "
                  "coalesce(m.peer, '') = t.peer AND m.state = t.state ORDER BY m.created_at LIMIT "
                  "1), 0) "
                  "FROM tally t WHERE t.box = 'outbox' AND " WAITING(
                      "t.") " AND t.n > 0 "
                            "GROUP BY t.peer, t.state",
        &stmt, err));
    for (;;) {
        struct gw_queue_row *row;
        const char *state;
        void *slot;

        TRY(gw_page_next(stmt, arena, &page, &slot, err));
        if (slot == NULL)
            break;
        row = slot;
        row->peer = sql_get_text(stmt, 0, arena);
        state = sql_get_text(stmt, 1, arena);
        row->count = (uint64_t)sql_get_int(stmt, 2);
        row->oldest_at = sql_get_int(stmt, 3);
        TRY(sql_check(stmt, err));
        if (!gw_state_of(span_str(state), &row->state))
            return error_set(err, ST_INTERNAL, 0, "the index holds the unknown state %.40s", state);
    }
    *list = (struct gw_queue_list){page.rows, page.count, page.more};
    return ST_OK;
}

enum status gw_store_event_counts(struct gw_tx *tx, struct arena *arena, int64_t after,
                                  int64_t upto, struct gw_event_count_list *list, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    struct gw_page page = {.size = sizeof *list->rows, .limit = ROWS_MAX};

    TRY(sql_prepare(tx->db,
                    "SELECT kind, reason, count(*) FROM event WHERE seq > ? AND seq <= ? "
                    "GROUP BY kind, reason",
                    &stmt, err));
    sql_put_int(stmt, after);
    sql_put_int(stmt, upto);
    for (;;) {
        struct gw_event_count *row;
        void *slot;

        TRY(gw_page_next(stmt, arena, &page, &slot, err));
        if (slot == NULL)
            break;
        row = slot;
        row->kind = sql_get_text(stmt, 0, arena);
        row->reason = (int)sql_get_int(stmt, 1);
        row->count = (uint64_t)sql_get_int(stmt, 2);
        TRY(sql_check(stmt, err));
    }
    *list = (struct gw_event_count_list){page.rows, page.count, page.more};
    return ST_OK;
}

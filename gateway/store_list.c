/* listings, counts and due work of gateway/store.h */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "gateway/store_impl.h"

enum { LIMIT_DEFAULT = 100, TEXT_MAX = 256 * 1024 };

/* The words of store_schema.c's partial indexes; whoever changes one changes the other. */
#define DUE_OUT "box = 'outbox' AND state IN ('accepted', 'sealed', 'deferred', 'unclear')"
#define DUE_IN "box = 'inbox' AND state IN ('received', 'opened', 'deferred')"
#define OUTSTANDING_STATES "state IN ('submitted', 'forwarded')"
#define EXPIRING                                                                                   \
    "expires_at > 0 AND "                                                                          \
    "state IN ('accepted', 'sealed', 'deferred', 'unclear', 'submitted', 'forwarded')"

size_t gw_limit_of(size_t limit)
{
    return limit == 0 ? LIMIT_DEFAULT : limit > GW_LIST_MAX ? GW_LIST_MAX : limit;
}

enum status gw_message_list_read(struct sql_stmt *stmt, struct arena *arena, size_t limit,
                                 struct gw_message_list *list, struct error *err)
{
    struct gw_page page = {.size = sizeof *list->rows, .limit = limit};
    void *row;

    for (;;) {
        TRY(gw_page_next(stmt, arena, &page, &row, err));
        if (row == NULL)
            break;
        TRY(gw_message_row_read(stmt, arena, row, err));
    }
    *list = (struct gw_message_list){.rows = page.rows, .count = page.count, .more = page.more};
    if (list->more)
        list->cursor = list->rows[list->count - 1].id;
    return ST_OK;
}

enum status gw_counts_read(struct gw_tx *tx, const char *tenant, const char *endpoint,
                           const char *peer, struct gw_counts *counts, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    AUTO(arena_deinit) struct arena arena = {0};
    char text[256];
    bool row;

    *counts = (struct gw_counts){0};
    arena_init(&arena, 64 * 1024);
    (void)snprintf(text, sizeof text,
                   "SELECT box, state, sum(n) FROM tally WHERE 1 = 1%s%s%s GROUP BY box, state",
                   tenant == NULL ? "" : " AND tenant = ?",
                   endpoint == NULL ? "" : " AND endpoint = ?",
                   peer == NULL ? "" : " AND peer = ?");
    TRY(sql_prepare(tx->db, text, &stmt, err));
    if (tenant != NULL)
        sql_put_text(stmt, tenant);
    if (endpoint != NULL)
        sql_put_text(stmt, endpoint);
    if (peer != NULL)
        sql_put_text(stmt, peer);
    for (;;) {
        enum gw_box box;
        enum gw_state state;
        const char *box_name, *state_name;

        TRY(sql_step(stmt, &row, err));
        if (!row)
            return ST_OK;
        box_name = sql_get_text(stmt, 0, &arena);
        state_name = sql_get_text(stmt, 1, &arena);
        TRY(sql_check(stmt, err));
        if (gw_box_of(span_str(box_name), &box) && gw_state_of(span_str(state_name), &state))
            counts->messages[box][state] = (uint64_t)sql_get_int(stmt, 2);
    }
}

/*
 * When the oldest message of a state came, 0 when there is none. Ids sort by the time they were
 * made, so the first in message_state is the one, and nothing is counted through.
 */
static enum status oldest_of(struct gw_tx *tx, enum gw_box box, enum gw_state state,
                             const char *tenant, const char *endpoint, int64_t *oldest,
                             struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    char text[256];
    bool row;

    (void)snprintf(text, sizeof text,
                   "SELECT created_at FROM message WHERE %s%s ORDER BY id LIMIT 1",
                   endpoint == NULL ? "box = ? AND state = ?"
                                    : "coalesce(box, '') = ? AND coalesce(state, '') = ? AND "
                                      "coalesce(endpoint, '') = ?",
                   tenant == NULL ? "" : " AND tenant = ?");
    TRY(sql_prepare(tx->db, text, &stmt, err));
    sql_put_text(stmt, gw_box_name(box));
    sql_put_text(stmt, gw_state_name(state));
    if (endpoint != NULL)
        sql_put_text(stmt, endpoint);
    if (tenant != NULL)
        sql_put_text(stmt, tenant);
    TRY(sql_step(stmt, &row, err));
    *oldest = row ? sql_get_int(stmt, 0) : 0;
    return ST_OK;
}

/* Only states in which there is anything are asked for. */
static enum status oldest_read(struct gw_tx *tx, const char *tenant, const char *endpoint,
                               const struct gw_counts *counts, int64_t *oldest, struct error *err)
{
    *oldest = 0;
    for (enum gw_box box = GW_OUTBOX; box <= GW_INBOX; box++) {
        for (enum gw_state s = GW_NEW + 1; s < GW_STATE_COUNT; s++) {
            int64_t at = 0;

            if (gw_state_is_final(s) || counts->messages[box][s] == 0)
                continue;
            TRY(oldest_of(tx, box, s, tenant, endpoint, &at, err));
            if (at != 0 && (*oldest == 0 || at < *oldest))
                *oldest = at;
        }
    }
    return ST_OK;
}

enum status gw_store_counts(struct gw_tx *tx, const char *tenant, const char *endpoint,
                            struct gw_counts *counts, struct error *err)
{
    struct gw_counts found = {0};

    TRY(gw_counts_read(tx, tenant, endpoint, NULL, &found, err));
    TRY(oldest_read(tx, tenant, endpoint, &found, &found.oldest_waiting_at, err));
    *counts = found;
    return ST_OK;
}

/*
 * How many parameters stand for count values: powers of two, so that few statements are prepared.
 * The surplus repeats the first value.
 */
static size_t marks_of(size_t count)
{
    size_t marks = 1;

    if (count == 0)
        return 0;
    while (marks < count)
        marks *= 2;
    return marks;
}

static void marks_write(struct buf *out, const char *column, size_t count)
{
    size_t marks = marks_of(count);

    if (marks == 0)
        return;
    buf_printf(out, " AND %s NOT IN (?", column);
    for (size_t i = 1; i < marks; i++)
        buf_str(out, ", ?");
    buf_str(out, ")");
}

static void marks_put(struct sql_stmt *stmt, const char *const *values, size_t count)
{
    for (size_t i = 0; i < marks_of(count); i++)
        sql_put_text(stmt, i < count ? values[i] : values[0]);
}

static const char *due_states(enum gw_box box)
{
    return box == GW_OUTBOX ? DUE_OUT : DUE_IN;
}

/* For whom the messages of a box are. */
static const char *due_column(enum gw_box box)
{
    return box == GW_OUTBOX ? "peer" : "endpoint";
}

/* When the first message becomes due that is not due now. */
static enum status next_read(struct gw_tx *tx, enum gw_box box, int64_t now,
                             const struct gw_skip *skip, int64_t *next_at, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    char text[512];
    bool row;

    (void)snprintf(text, sizeof text,
                   "SELECT min(next_attempt_at) FROM message WHERE %s AND next_attempt_at > ?"
                   "%s%s%s",
                   due_states(box), skip->only == NULL ? "" : " AND ",
                   skip->only == NULL ? "" : due_column(box), skip->only == NULL ? "" : " = ?");
    TRY(sql_prepare(tx->db, text, &stmt, err));
    sql_put_int(stmt, now);
    if (skip->only != NULL)
        sql_put_text(stmt, skip->only);
    TRY(sql_step(stmt, &row, err));
    *next_at = row ? sql_get_int(stmt, 0) : 0;
    return ST_OK;
}

static enum status due_read(struct gw_tx *tx, struct arena *arena, enum gw_box box, int64_t now,
                            const struct gw_skip *skip, size_t limit, struct gw_message_list *list,
                            struct error *err)
{
    AUTO(buf_deinit) struct buf text = {0};
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    buf_init(&text, TEXT_MAX);
    buf_printf(&text,
               "SELECT " GW_MESSAGE_COLUMNS " FROM message WHERE %s AND next_attempt_at <= ?",
               due_states(box));
    if (skip->only != NULL)
        buf_printf(&text, " AND %s = ?", due_column(box));
    marks_write(&text, due_column(box), skip->peer_count);
    marks_write(&text, "id", skip->id_count);
    buf_str(&text, " ORDER BY priority DESC, next_attempt_at LIMIT ?");
    (void)buf_cstr(&text);
    TRY(buf_check(&text, err));
    TRY(sql_prepare(tx->db, buf_cstr(&text), &stmt, err));
    sql_put_int(stmt, now);
    if (skip->only != NULL)
        sql_put_text(stmt, skip->only);
    marks_put(stmt, skip->peers, skip->peer_count);
    marks_put(stmt, skip->ids, skip->id_count);
    sql_put_int(stmt, (int64_t)limit + 1);
    return gw_message_list_read(stmt, arena, limit, list, err);
}

enum status gw_store_due(struct gw_tx *tx, struct arena *arena, enum gw_box box, int64_t now,
                         const struct gw_skip *skip, size_t limit, struct gw_message_list *list,
                         int64_t *next_at, struct error *err)
{
    const struct gw_skip none = {0};

    assert(box == GW_OUTBOX || box == GW_INBOX);
    if (skip == NULL)
        skip = &none;
    TRY(due_read(tx, arena, box, now, skip, gw_limit_of(limit), list, err));
    if (next_at != NULL && list->count == 0)
        TRY(next_read(tx, box, now, skip, next_at, err));
    return ST_OK;
}

enum status gw_store_due_now(struct gw_tx *tx, const char *peer, int first, int last, int64_t now,
                             size_t max, size_t *count, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    int64_t before = sql_changes(tx->db);

    TRY(sql_prepare(tx->db,
                    "UPDATE message SET next_attempt_at = ? WHERE id IN (SELECT id FROM message "
                    "WHERE " DUE_OUT " AND state IN ('deferred', 'unclear') AND peer = ? AND "
                    "last_reason BETWEEN ? AND ? AND next_attempt_at > ? AND next_attempt_at < ? "
                    "LIMIT ?)",
                    &stmt, err));
    sql_put_int(stmt, now);
    sql_put_text(stmt, peer);
    sql_put_int(stmt, first);
    sql_put_int(stmt, last);
    sql_put_int(stmt, now);
    sql_put_int(stmt, GW_HELD_AT);
    sql_put_int(stmt, (int64_t)max);
    TRY(sql_run(stmt, err));
    *count = (size_t)(sql_changes(tx->db) - before);
    return ST_OK;
}

enum status gw_store_expired(struct gw_tx *tx, struct arena *arena, int64_t now, size_t limit,
                             struct gw_message_list *list, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    limit = gw_limit_of(limit);
    /* box || '': otherwise it goes by message_state, through all that wait */
    TRY(sql_prepare(tx->db,
                    "SELECT " GW_MESSAGE_COLUMNS " FROM message WHERE " EXPIRING
                    " AND expires_at <= ? AND box || '' = 'outbox' ORDER BY expires_at LIMIT ?",
                    &stmt, err));
    sql_put_int(stmt, now);
    sql_put_int(stmt, (int64_t)limit + 1);
    return gw_message_list_read(stmt, arena, limit, list, err);
}

enum status gw_store_outstanding(struct gw_tx *tx, struct arena *arena, const char *tenant,
                                 const char *peer, const char *cursor, size_t limit,
                                 struct gw_message_list *list, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    char text[1024];

    limit = gw_limit_of(limit);
    (void)snprintf(text, sizeof text,
                   "SELECT " GW_MESSAGE_COLUMNS " FROM message WHERE " OUTSTANDING_STATES
                   " AND id > ?%s%s ORDER BY id LIMIT ?",
                   tenant == NULL ? "" : " AND tenant = ?", peer == NULL ? "" : " AND peer = ?");
    TRY(sql_prepare(tx->db, text, &stmt, err));
    sql_put_text(stmt, gw_text_or_empty(cursor));
    if (tenant != NULL)
        sql_put_text(stmt, tenant);
    if (peer != NULL)
        sql_put_text(stmt, peer);
    sql_put_int(stmt, (int64_t)limit + 1);
    return gw_message_list_read(stmt, arena, limit, list, err);
}

enum status gw_store_handed_since(struct gw_tx *tx, struct arena *arena, const char *endpoint,
                                  int64_t since, const char *cursor, size_t limit,
                                  struct gw_message_list *list, struct error *err)
{
    /* Merged in order of id, so that a page costs no more than what is on it and before it. */
    static const char *const states[] = {"handed_over", "acknowledged", "archived"};
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    AUTO(buf_deinit) struct buf text = {0};

    limit = gw_limit_of(limit);
    buf_init(&text, TEXT_MAX);
    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        buf_printf(&text,
                   "%sSELECT " GW_MESSAGE_COLUMNS " FROM message WHERE coalesce(box, '') = 'inbox' "
                   "AND coalesce(state, '') = '%s' AND coalesce(endpoint, '') = ? AND "
                   "changed_at >= ? AND id > ? AND EXISTS (SELECT 1 FROM event WHERE "
                   "event.message_id = message.id AND event.kind IN ('hand_over', 'acknowledge') "
                   "AND event.at >= ?)",
                   i == 0 ? "" : " UNION ALL ", states[i]);
    buf_str(&text, " ORDER BY id LIMIT ?");
    (void)buf_cstr(&text);
    TRY(buf_check(&text, err));
    TRY(sql_prepare(tx->db, buf_cstr(&text), &stmt, err));
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        sql_put_text(stmt, endpoint);
        sql_put_int(stmt, since);
        sql_put_text(stmt, gw_text_or_empty(cursor));
        sql_put_int(stmt, since);
    }
    sql_put_int(stmt, (int64_t)limit + 1);
    return gw_message_list_read(stmt, arena, limit, list, err);
}

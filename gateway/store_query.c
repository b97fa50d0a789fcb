/* gw_store_messages of gateway/store.h: filtered lists that stay quick among a million rows */
#include <stdio.h>

#include "gateway/store_impl.h"

/*
 * By id alone the rows are read in the order in which they are wanted, until the page is full. But
 * a filter that few rows pass would then read all of them. So with a box, states or an endpoint
 * each pair of box and state that has any rows (table tally) is asked for its first page, which an
 * index holds in order of id, and the pages are merged.
 *
 * Ids begin with the time at which they were made. A row may come into being later than its id (an
 * upload takes its time) but not by more than LATER_MS, and earlier only where the clock was set
 * back, by no more than EARLIER_MS: that bounds what since and until have to look through.
 */
enum { TEXT_MAX = 256 * 1024, PAIRS_MAX = 2 * GW_STATE_COUNT, BOUND_SIZE = 16 };
#define LATER_MS (INT64_C(7) * 24 * 3600 * 1000)
#define EARLIER_MS (INT64_C(2) * 3600 * 1000)

static const char *const text_columns[] = {"subject",         "recipient",   "sender",
                                           "message_type",    "source_name", "id",
                                           "osci_message_id", "client_key"};

/* A question with what it needs besides the filter. */
struct query {
    const struct gw_filter *f;
    const char *pattern;                                    /* of f->text */
    char from[BOUND_SIZE], to[BOUND_SIZE], due[BOUND_SIZE]; /* bounds of the id */
    size_t limit;
    struct pair {
        enum gw_box box;
        enum gw_state state;
    } pairs[PAIRS_MAX];
    size_t count;
    bool merged;
};

/* LIKE pattern for "anywhere", with \ before what LIKE takes as its own. */
static void pattern_write(struct buf *out, const char *text)
{
    buf_char(out, '%');
    for (; *text != '\0'; text++) {
        if (*text == '%' || *text == '_' || *text == '\\')
            buf_char(out, '\\');
        buf_char(out, *text);
    }
    buf_char(out, '%');
}

/* The front of the first id that could have been made at that time. */
static void bound_write(int64_t at, char bound[BOUND_SIZE])
{
    uint64_t ms = at < 0 ? 0 : (uint64_t)at & ((UINT64_C(1) << 48) - 1);

    (void)snprintf(bound, BOUND_SIZE, "%08llx-%04llx", (unsigned long long)(ms >> 16),
                   (unsigned long long)(ms & 0xffff));
}

/* The conditions that each row must meet, all but box and state. */
static void conditions_write(struct buf *out, const struct query *q)
{
    const struct gw_filter *f = q->f;

    if (f->tenant != NULL)
        buf_str(out, " AND tenant = ?");
    if (f->endpoint != NULL)
        buf_str(out, " AND endpoint = ?");
    if (f->peer != NULL)
        buf_str(out, " AND peer = ?");
    if (f->partner != NULL)
        buf_str(out, " AND (recipient = ? OR sender = ?)");
    if (f->message_type != NULL)
        buf_str(out, " AND message_type = ?");
    if (f->since != 0)
        buf_str(out, " AND created_at >= ? AND id >= ?");
    if (f->until != 0)
        buf_str(out, " AND created_at < ? AND id < ?");
    if (f->due_before != 0)
        buf_str(out, " AND max(created_at, deliver_after) < ? AND id < ?");
    if (f->cursor != NULL)
        buf_str(out, f->oldest_first ? " AND id > ?" : " AND id < ?");
    for (size_t i = 0; f->text != NULL && i < ARRAY_LEN(text_columns); i++)
        buf_printf(out, " %s %s LIKE ? ESCAPE '\\'%s", i == 0 ? "AND (" : "OR", text_columns[i],
                   i + 1 == ARRAY_LEN(text_columns) ? ")" : "");
}

static void conditions_put(struct sql_stmt *stmt, const struct query *q)
{
    const struct gw_filter *f = q->f;

    if (f->tenant != NULL)
        sql_put_text(stmt, f->tenant);
    if (f->endpoint != NULL)
        sql_put_text(stmt, f->endpoint);
    if (f->peer != NULL)
        sql_put_text(stmt, f->peer);
    if (f->partner != NULL) {
        sql_put_text(stmt, f->partner);
        sql_put_text(stmt, f->partner);
    }
    if (f->message_type != NULL)
        sql_put_text(stmt, f->message_type);
    if (f->since != 0) {
        sql_put_int(stmt, f->since);
        sql_put_text(stmt, q->from);
    }
    if (f->until != 0) {
        sql_put_int(stmt, f->until);
        sql_put_text(stmt, q->to);
    }
    if (f->due_before != 0) {
        sql_put_int(stmt, f->due_before);
        sql_put_text(stmt, q->due);
    }
    if (f->cursor != NULL)
        sql_put_text(stmt, f->cursor);
    for (size_t i = 0; f->text != NULL && i < ARRAY_LEN(text_columns); i++)
        sql_put_text(stmt, q->pattern);
}

static void query_write(struct buf *out, const struct query *q)
{
    const char *order = q->f->oldest_first ? " ORDER BY id LIMIT ?" : " ORDER BY id DESC LIMIT ?";

    buf_str(out, "SELECT " GW_MESSAGE_COLUMNS " FROM message WHERE 1 = 1");
    if (!q->merged) {
        conditions_write(out, q);
        buf_str(out, order);
        return;
    }
    buf_str(out, " AND id IN (");
    for (size_t i = 0; i < q->count; i++) {
        buf_printf(out,
                   "%sSELECT id FROM (SELECT id FROM message WHERE box = '%s' AND state = '%s'",
                   i == 0 ? "" : " UNION ALL ", gw_box_name(q->pairs[i].box),
                   gw_state_name(q->pairs[i].state));
        conditions_write(out, q);
        buf_printf(out, "%s)", order);
    }
    buf_printf(out, ")%s", order);
}

static void query_put(struct sql_stmt *stmt, const struct query *q)
{
    if (!q->merged)
        conditions_put(stmt, q);
    for (size_t i = 0; q->merged && i < q->count; i++) {
        conditions_put(stmt, q);
        sql_put_int(stmt, (int64_t)q->limit + 1);
    }
    sql_put_int(stmt, (int64_t)q->limit + 1);
}

/* The pairs of box and state that the filter wants and that have rows at all. */
static enum status pairs_read(struct gw_tx *tx, struct query *q, struct error *err)
{
    const struct gw_filter *f = q->f;
    struct gw_counts counts;

    TRY(gw_counts_read(tx, f->tenant, f->endpoint, &counts, err));
    for (enum gw_box box = GW_OUTBOX; box <= GW_INBOX; box++) {
        for (enum gw_state s = GW_NEW + 1; s < GW_STATE_COUNT; s++) {
            bool wanted = (f->box == GW_BOX_NONE || f->box == box) &&
                          (f->states == 0 || (f->states & GW_STATES(s)) != 0);

            if (wanted && counts.messages[box][s] > 0)
                q->pairs[q->count++] = (struct pair){box, s};
        }
    }
    return ST_OK;
}

enum status gw_store_messages(struct gw_tx *tx, struct arena *arena, const struct gw_filter *filter,
                              struct gw_message_list *list, struct error *err)
{
    AUTO(buf_deinit) struct buf text = {0}, pattern = {0};
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    struct query q = {.f = filter, .limit = gw_limit_of(filter->limit)};

    q.merged = filter->box != GW_BOX_NONE || filter->states != 0 || filter->endpoint != NULL;
    if (q.merged)
        TRY(pairs_read(tx, &q, err));
    if (q.merged && q.count == 0) {
        *list = (struct gw_message_list){0};
        return ST_OK;
    }
    bound_write(filter->since - LATER_MS, q.from);
    bound_write(filter->until + EARLIER_MS, q.to);
    bound_write(filter->due_before + EARLIER_MS, q.due);
    buf_init(&text, TEXT_MAX);
    buf_init(&pattern, TEXT_MAX);
    query_write(&text, &q);
    if (filter->text != NULL)
        pattern_write(&pattern, filter->text);
    q.pattern = buf_cstr(&pattern);
    (void)buf_cstr(&text);
    TRY(buf_check(&text, err));
    TRY(buf_check(&pattern, err));
    TRY(sql_prepare(tx->db, buf_cstr(&text), &stmt, err));
    query_put(stmt, &q);
    return gw_message_list_read(stmt, arena, q.limit, list, err);
}

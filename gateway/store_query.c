/* gw_store_messages of gateway/store.h: filtered lists that stay quick among a million rows */
#include <stdio.h>

#include "gateway/loop.h"
#include "gateway/store_impl.h"

/*
 * An index gives ids in their order, and each row is then looked at: does it fit the filter? Which
 * index that is decides how many rows are looked at in vain. By id alone is right when nearly every
 * row fits. With a box, states or an endpoint each pair of box and state that has any such rows
 * (table tally) is a source of its own, and the sources are merged. A partner, a message type and a
 * peer have an index each, on an expression, so that no other query's plan can fall for it.
 *
 * Whatever the filter: a page ends when its time is up, full or not, and says where to go on. So
 * each answer comes soon, and who wants all of them asks again (decision 0103).
 *
 * Ids begin with the time at which they were made. A row may come into being later than its id (an
 * upload takes its time) but not by more than LATER_MS, and earlier only where the clock was set
 * back, by no more than EARLIER_MS: that bounds what since and until have to look through.
 */
enum {
    TEXT_MAX = 256 * 1024,
    PAIRS_MAX = 2 * GW_STATE_COUNT,
    BOUND_SIZE = 16,
    CLOCK_EVERY = 256, /* rows looked at between two looks at the clock */
    FEW = 4000         /* so many are looked through rather than asked of another index */
};
#define LATER_MS (INT64_C(7) * 24 * 3600 * 1000)
#define EARLIER_MS (INT64_C(2) * 3600 * 1000)

static const char *const text_columns[] = {"subject",         "recipient",   "sender",
                                           "message_type",    "source_name", "id",
                                           "osci_message_id", "client_key"};

enum row_source { BY_ID, BY_STATE, BY_PARTNER, BY_TYPE, BY_PEER };

/* A question with what it needs besides the filter. */
struct query {
    const struct gw_filter *f;
    const char *pattern;                                    /* of f->text */
    char from[BOUND_SIZE], to[BOUND_SIZE], due[BOUND_SIZE]; /* bounds of the id */
    size_t limit;
    int64_t until; /* gw_monotonic_ms */
    enum row_source source;
    struct pair {
        enum gw_box box;
        enum gw_state state;
    } pairs[PAIRS_MAX]; /* that the filter wants and that have rows */
    size_t pair_count;
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

/* ---- does a row fit? ---- */

static void states_write(struct buf *out, uint32_t states)
{
    const char *between = " AND state IN (";

    for (enum gw_state s = GW_NEW + 1; s < GW_STATE_COUNT; s++) {
        if ((states & GW_STATES(s)) == 0)
            continue;
        buf_printf(out, "%s'%s'", between, gw_state_name(s));
        between = ", ";
    }
    buf_str(out, ")");
}

/* All that the source does not see to. */
static void fits_write(struct buf *out, const struct query *q)
{
    const struct gw_filter *f = q->f;

    buf_str(out, "1 = 1");
    if (f->tenant != NULL)
        buf_str(out, " AND tenant = ?");
    if (f->endpoint != NULL && q->source != BY_STATE)
        buf_str(out, " AND endpoint = ?");
    if (f->box != GW_BOX_NONE && q->source != BY_STATE)
        buf_printf(out, " AND box = '%s'", gw_box_name(f->box));
    if (f->states != 0 && q->source != BY_STATE)
        states_write(out, f->states);
    if (f->peer != NULL && q->source != BY_PEER)
        buf_str(out, " AND peer = ?");
    if (f->partner != NULL && q->source != BY_PARTNER)
        buf_str(out, " AND (recipient = ? OR sender = ?)");
    if (f->message_type != NULL && q->source != BY_TYPE)
        buf_str(out, " AND message_type = ?");
    if (f->since != 0)
        buf_str(out, " AND created_at >= ?");
    if (f->until != 0)
        buf_str(out, " AND created_at < ?");
    if (f->due_before != 0)
        buf_str(out, " AND max(created_at, deliver_after) < ?");
    if (f->due_since != 0)
        buf_str(out, " AND max(created_at, deliver_after) >= ?");
    for (size_t i = 0; f->text != NULL && i < ARRAY_LEN(text_columns); i++)
        buf_printf(out, " %s %s LIKE ? ESCAPE '\\'%s", i == 0 ? "AND (" : "OR", text_columns[i],
                   i + 1 == ARRAY_LEN(text_columns) ? ")" : "");
}

static void text_put(struct sql_stmt *stmt, const char *text)
{
    if (text != NULL)
        sql_put_text(stmt, text);
}

static void time_put(struct sql_stmt *stmt, int64_t at)
{
    if (at != 0)
        sql_put_int(stmt, at);
}

static void fits_put(struct sql_stmt *stmt, const struct query *q)
{
    const struct gw_filter *f = q->f;

    text_put(stmt, f->tenant);
    if (q->source != BY_STATE)
        text_put(stmt, f->endpoint);
    if (q->source != BY_PEER)
        text_put(stmt, f->peer);
    if (q->source != BY_PARTNER) {
        text_put(stmt, f->partner);
        text_put(stmt, f->partner);
    }
    if (q->source != BY_TYPE)
        text_put(stmt, f->message_type);
    time_put(stmt, f->since);
    time_put(stmt, f->until);
    time_put(stmt, f->due_before);
    time_put(stmt, f->due_since);
    for (size_t i = 0; f->text != NULL && i < ARRAY_LEN(text_columns); i++)
        sql_put_text(stmt, q->pattern);
}

/* ---- where the rows come from ---- */

static size_t source_count(const struct query *q)
{
    return q->source == BY_STATE ? q->pair_count : q->source == BY_PARTNER ? 2 : 1;
}

/* The words are those of the indexes. */
static void source_write(struct buf *out, const struct query *q, size_t i)
{
    switch (q->source) {
    case BY_ID:
        buf_str(out, "1 = 1");
        break;
    case BY_STATE:
        buf_printf(out,
                   q->f->endpoint == NULL ? "box = '%s' AND state = '%s'"
                                          : "coalesce(box, '') = '%s' AND coalesce(state, '') = "
                                            "'%s' AND coalesce(endpoint, '') = ?",
                   gw_box_name(q->pairs[i].box), gw_state_name(q->pairs[i].state));
        break;
    case BY_PARTNER: /* nobody comes twice */
        buf_str(out, i == 0 ? "recipient IS NOT NULL AND coalesce(recipient, '') = ?"
                            : "sender IS NOT NULL AND coalesce(sender, '') = ? AND "
                              "recipient IS NOT ?");
        break;
    case BY_TYPE:
        buf_str(out, "message_type IS NOT NULL AND coalesce(message_type, '') = ?");
        break;
    case BY_PEER:
        buf_str(out, "coalesce(peer, '') = ?");
        break;
    }
}

static void source_put(struct sql_stmt *stmt, const struct query *q, size_t i)
{
    const struct gw_filter *f = q->f;

    switch (q->source) {
    case BY_ID:
        break;
    case BY_STATE:
        text_put(stmt, f->endpoint);
        break;
    case BY_PARTNER:
        sql_put_text(stmt, f->partner);
        if (i > 0)
            sql_put_text(stmt, f->partner);
        break;
    case BY_TYPE:
        sql_put_text(stmt, f->message_type);
        break;
    case BY_PEER:
        sql_put_text(stmt, f->peer);
        break;
    }
}

static void query_write(struct buf *out, const struct query *q)
{
    const struct gw_filter *f = q->f;

    for (size_t i = 0; i < source_count(q); i++) {
        buf_str(out, i == 0 ? "SELECT id, (" : " UNION ALL SELECT id, (");
        fits_write(out, q);
        buf_str(out, ") FROM message WHERE ");
        source_write(out, q, i);
        buf_printf(out, "%s%s%s", f->since == 0 ? "" : " AND id >= ?",
                   f->until == 0 ? "" : " AND id < ?", f->due_before == 0 ? "" : " AND id < ?");
        if (f->cursor != NULL)
            buf_str(out, f->oldest_first ? " AND id > ?" : " AND id < ?");
    }
    buf_str(out, f->oldest_first ? " ORDER BY id" : " ORDER BY id DESC");
}

static void query_put(struct sql_stmt *stmt, const struct query *q)
{
    const struct gw_filter *f = q->f;

    for (size_t i = 0; i < source_count(q); i++) {
        fits_put(stmt, q);
        source_put(stmt, q, i);
        text_put(stmt, f->since == 0 ? NULL : q->from);
        text_put(stmt, f->until == 0 ? NULL : q->to);
        text_put(stmt, f->due_before == 0 ? NULL : q->due);
        text_put(stmt, f->cursor);
    }
}

static uint64_t total(const struct gw_counts *counts)
{
    uint64_t n = 0;

    for (enum gw_box box = GW_OUTBOX; box <= GW_INBOX; box++)
        for (enum gw_state s = GW_NEW + 1; s < GW_STATE_COUNT; s++)
            n += counts->messages[box][s];
    return n;
}

/* Does it say which box, states or endpoint? */
static bool is_narrow(const struct gw_filter *f)
{
    return f->box != GW_BOX_NONE || f->states != 0 || f->endpoint != NULL;
}

/* The pairs that the filter wants and that have rows at all. *rows: how many would be looked at by
 * them, or by id, those of other tenants and peers among them. */
static enum status pairs_read(struct gw_tx *tx, struct query *q, uint64_t *rows, struct error *err)
{
    const struct gw_filter *f = q->f;
    struct gw_counts fit, all;

    TRY(gw_counts_read(tx, f->tenant, f->endpoint, f->peer, &fit, err));
    TRY(gw_counts_read(tx, NULL, f->endpoint, NULL, &all, err));
    *rows = is_narrow(f) ? 0 : total(&all);
    for (enum gw_box box = GW_OUTBOX; box <= GW_INBOX; box++) {
        for (enum gw_state s = GW_NEW + 1; s < GW_STATE_COUNT; s++) {
            bool wanted = (f->box == GW_BOX_NONE || f->box == box) &&
                          (f->states == 0 || (f->states & GW_STATES(s)) != 0);

            if (!wanted || fit.messages[box][s] == 0)
                continue;
            q->pairs[q->pair_count++] = (struct pair){box, s};
            *rows += is_narrow(f) ? all.messages[box][s] : 0;
        }
    }
    return ST_OK;
}

/* *none: no row can fit. */
static enum status source_choose(struct gw_tx *tx, struct query *q, bool *none, struct error *err)
{
    const struct gw_filter *f = q->f;
    bool narrow = is_narrow(f);
    struct gw_counts peer;
    uint64_t rows = 0;

    *none = false;
    if (narrow || f->peer != NULL || f->tenant != NULL) {
        TRY(pairs_read(tx, q, &rows, err));
        *none = q->pair_count == 0;
    }
    q->source = narrow ? BY_STATE : BY_ID;
    if (*none || (narrow && rows <= FEW))
        return ST_OK;
    if (f->partner != NULL) {
        q->source = BY_PARTNER;
    } else if (f->message_type != NULL) {
        q->source = BY_TYPE;
    } else if (f->peer != NULL) {
        TRY(gw_counts_read(tx, NULL, NULL, f->peer, &peer, err));
        q->source = total(&peer) < rows ? BY_PEER : q->source;
    }
    return ST_OK;
}

/* ---- the page ---- */

/* Enough for one page, having looked at so many rows? */
static bool is_time(const struct query *q, size_t looked)
{
    if (looked == q->f->look_max)
        return true;
    return looked % CLOCK_EVERY == 0 && gw_monotonic_ms() >= q->until;
}

static enum status page_read(struct gw_tx *tx, struct arena *arena, const struct query *q,
                             struct sql_stmt *stmt, struct gw_message_list *list, struct error *err)
{
    struct gw_message_list found = {0};
    size_t room = 0;
    bool row;

    for (size_t looked = 1; !found.more; looked++) {
        TRY(sql_step(stmt, &row, err));
        if (!row)
            break;
        if (sql_get_int(stmt, 1) != 0) {
            const char *id = sql_get_text(stmt, 0, arena);

            TRY(sql_check(stmt, err));
            found.more = found.count == q->limit;
            if (found.more) {
                found.cursor = found.rows[found.count - 1].id;
                break;
            }
            found.rows = gw_rows_grow(arena, found.rows, sizeof *found.rows, found.count, &room);
            TRY_ALLOC(found.rows, err);
            TRY(gw_store_message(tx, arena, id, &found.rows[found.count], err));
            found.count++;
        }
        found.more = is_time(q, looked);
        if (found.more)
            found.cursor = sql_get_text(stmt, 0, arena);
    }
    TRY(sql_check(stmt, err));
    *list = found;
    return ST_OK;
}

enum status gw_store_messages(struct gw_tx *tx, struct arena *arena, const struct gw_filter *filter,
                              struct gw_message_list *list, struct error *err)
{
    AUTO(buf_deinit) struct buf text = {0}, pattern = {0};
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    struct query q = {.f = filter,
                      .limit = gw_limit_of(filter->limit),
                      .until = gw_monotonic_ms() +
                               (filter->look_ms == 0 ? GW_LOOK_MS : filter->look_ms)};
    bool none;

    TRY(source_choose(tx, &q, &none, err));
    if (none) {
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
    return page_read(tx, arena, &q, stmt, list, err);
}

static enum status traffic_count(struct gw_tx *tx, const char *text, const char *partner,
                                 const char *from, uint64_t *count, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    bool row;

    TRY(sql_prepare(tx->db, text, &stmt, err));
    sql_put_text(stmt, partner);
    sql_put_text(stmt, from);
    TRY(sql_step(stmt, &row, err));
    *count = row ? (uint64_t)sql_get_int(stmt, 0) : 0;
    return ST_OK;
}

enum status gw_store_traffic(struct gw_tx *tx, const char *partner, int64_t since, uint64_t *sent,
                             uint64_t *received, struct error *err)
{
    char from[BOUND_SIZE];

    bound_write(since, from);
    TRY(traffic_count(tx,
                      "SELECT count(*) FROM message WHERE recipient IS NOT NULL AND "
                      "coalesce(recipient, '') = ? AND id >= ?",
                      partner, from, sent, err));
    return traffic_count(tx,
                         "SELECT count(*) FROM message WHERE sender IS NOT NULL AND "
                         "coalesce(sender, '') = ? AND id >= ?",
                         partner, from, received, err);
}

/* events and small facts of gateway/store.h */
#include <assert.h>
#include <stdio.h>

#include "gateway/loop.h"
#include "gateway/store_impl.h"

#define EVENT_COLUMNS                                                                              \
    "seq, at, message_id, tenant, endpoint, kind, box, from_state, to_state, actor, reason, en, "  \
    "de, detail"

enum {
    EVENT_FITS = 14,  /* the column behind those */
    CLOCK_EVERY = 256 /* rows looked at in vain between two looks at the clock */
};

enum status gw_store_event_add(struct gw_tx *tx, const char *kind, const char *tenant,
                               const char *endpoint, const struct gw_cause *cause,
                               struct error *err)
{
    const struct gw_event_row row = {.at = cause->now,
                                     .tenant = tenant,
                                     .endpoint = endpoint,
                                     .kind = kind,
                                     .actor = cause->actor,
                                     .reason = cause->reason,
                                     .en = cause->en,
                                     .de = cause->de,
                                     .detail = cause->detail};

    return gw_event_insert(tx, &row, err);
}

struct event_args {
    const char *kind, *tenant, *endpoint;
    const struct gw_cause *cause;
};

static enum status event_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct event_args *a = ctx;

    return gw_store_event_add(tx, a->kind, a->tenant, a->endpoint, a->cause, err);
}

enum status gw_store_commit_event(struct gw_store *store, const char *kind, const char *tenant,
                                  const char *endpoint, const struct gw_cause *cause,
                                  struct error *err)
{
    struct event_args args = {kind, tenant, endpoint, cause};

    return gw_store_commit(store, event_commit, &args, err);
}

static enum status event_read(struct sql_stmt *stmt, struct arena *arena, struct gw_event_row *row,
                              struct error *err)
{
    const char *box, *from, *to;

    row->seq = sql_get_int(stmt, 0);
    row->at = sql_get_int(stmt, 1);
    row->message_id = sql_get_text(stmt, 2, arena);
    row->tenant = sql_get_text(stmt, 3, arena);
    row->endpoint = sql_get_text(stmt, 4, arena);
    row->kind = sql_get_text(stmt, 5, arena);
    box = sql_get_text(stmt, 6, arena);
    from = sql_get_text(stmt, 7, arena);
    to = sql_get_text(stmt, 8, arena);
    row->actor = sql_get_text(stmt, 9, arena);
    row->reason = (int)sql_get_int(stmt, 10);
    row->en = sql_get_text(stmt, 11, arena);
    row->de = sql_get_text(stmt, 12, arena);
    row->detail = sql_get_text(stmt, 13, arena);
    TRY(sql_check(stmt, err));
    /* "none" and "new" have no way back and stay zero */
    (void)gw_box_of(span_str(box), &row->box);
    (void)gw_state_of(span_str(from), &row->from);
    (void)gw_state_of(span_str(to), &row->to);
    return ST_OK;
}

/* Reads up to limit events of a bound query that asks for one more. */
static enum status events_read(struct sql_stmt *stmt, struct arena *arena, size_t limit,
                               struct gw_event_list *list, struct error *err)
{
    struct gw_page page = {.size = sizeof *list->rows, .limit = limit};
    void *row;

    for (;;) {
        TRY(gw_page_next(stmt, arena, &page, &row, err));
        if (row == NULL)
            break;
        TRY(event_read(stmt, arena, row, err));
    }
    *list = (struct gw_event_list){.rows = page.rows, .count = page.count, .more = page.more};
    return ST_OK;
}

enum status gw_store_events(struct gw_tx *tx, struct arena *arena, int64_t after,
                            const char *message_id, const char *tenant, const char *endpoint,
                            size_t limit, struct gw_event_list *list, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    char text[512];

    limit = gw_limit_of(limit);
    (void)snprintf(text, sizeof text,
                   "SELECT " EVENT_COLUMNS " FROM event WHERE seq > ?%s%s%s ORDER BY seq LIMIT ?",
                   message_id == NULL ? "" : " AND message_id = ?",
                   tenant == NULL ? "" : " AND tenant = ?",
                   endpoint == NULL ? "" : " AND endpoint = ?");
    TRY(sql_prepare(tx->db, text, &stmt, err));
    sql_put_int(stmt, after);
    if (message_id != NULL)
        sql_put_text(stmt, message_id);
    if (tenant != NULL)
        sql_put_text(stmt, tenant);
    if (endpoint != NULL)
        sql_put_text(stmt, endpoint);
    sql_put_int(stmt, (int64_t)limit + 1);
    return events_read(stmt, arena, limit, list, err);
}

/* Read newest first, told oldest first. */
static void turn_round(struct gw_event_list *list)
{
    for (size_t i = 0; i < list->count / 2; i++) {
        struct gw_event_row row = list->rows[i];

        list->rows[i] = list->rows[list->count - 1 - i];
        list->rows[list->count - 1 - i] = row;
    }
}

enum status gw_store_events_newest(struct gw_tx *tx, struct arena *arena, const char *tenant,
                                   const char *endpoint, size_t limit, struct gw_event_list *list,
                                   struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    struct gw_event_list found;
    char text[512];

    limit = gw_limit_of(limit);
    (void)snprintf(text, sizeof text,
                   "SELECT " EVENT_COLUMNS " FROM event WHERE 1 = 1%s%s ORDER BY seq DESC LIMIT ?",
                   tenant == NULL ? "" : " AND tenant = ?",
                   endpoint == NULL ? "" : " AND endpoint = ?");
    TRY(sql_prepare(tx->db, text, &stmt, err));
    if (tenant != NULL)
        sql_put_text(stmt, tenant);
    if (endpoint != NULL)
        sql_put_text(stmt, endpoint);
    sql_put_int(stmt, (int64_t)limit + 1);
    TRY(events_read(stmt, arena, limit, &found, err));
    turn_round(&found);
    *list = found;
    return ST_OK;
}

/* " AND column IN (?, ?)"; nothing for none. */
static void names_write(struct buf *out, const char *column, size_t count)
{
    if (count == 0)
        return;
    buf_printf(out, " AND %s IN (?", column);
    for (size_t i = 1; i < count; i++)
        buf_str(out, ", ?");
    buf_char(out, ')');
}

/* What an index knows is asked of it, the rest of each row: does it fit? */
static void find_write(struct buf *out, const struct gw_event_filter *f)
{
    buf_str(out, "SELECT " EVENT_COLUMNS ", (1 = 1");
    names_write(out, "endpoint", f->endpoint_count);
    names_write(out, "kind", f->kind_count);
    buf_str(out, ") FROM event WHERE seq > ?");
    if (f->before != 0)
        buf_str(out, " AND seq < ?");
    if (f->message_id != NULL)
        buf_str(out, " AND message_id = ?");
    if (f->audit)
        buf_str(out, " AND " GW_AUDITED_EVENTS);
    buf_printf(out, " ORDER BY seq%s", f->after < 0 ? " DESC" : "");
    (void)buf_cstr(out);
}

static void find_put(struct sql_stmt *stmt, const struct gw_event_filter *f)
{
    for (size_t i = 0; i < f->endpoint_count; i++)
        sql_put_text(stmt, f->endpoints[i]);
    for (size_t i = 0; i < f->kind_count; i++)
        sql_put_text(stmt, f->kinds[i]);
    sql_put_int(stmt, f->after < 0 ? 0 : f->after);
    if (f->before != 0)
        sql_put_int(stmt, f->before);
    if (f->message_id != NULL)
        sql_put_text(stmt, f->message_id);
}

/* Having looked at so many rows in vain: is that enough for one page? */
static bool is_enough(const struct gw_event_filter *f, size_t vain, int64_t until)
{
    return vain == f->look_max || (vain % CLOCK_EVERY == 0 && gw_monotonic_ms() >= until);
}

static enum status find_read(struct sql_stmt *stmt, struct arena *arena,
                             const struct gw_event_filter *f, struct gw_event_list *list,
                             struct error *err)
{
    int64_t until = gw_monotonic_ms() + (f->look_ms == 0 ? GW_LOOK_MS : f->look_ms);
    size_t limit = gw_limit_of(f->limit), room = 0, vain = 0;
    struct gw_event_list found = {0};
    bool row;

    while (!found.more) {
        TRY(sql_step(stmt, &row, err));
        if (!row)
            break;
        found.more = found.count == limit;
        if (found.more)
            break; /* this one comes next */
        if (sql_get_int(stmt, EVENT_FITS) == 0) {
            found.more = is_enough(f, ++vain, until);
        } else {
            found.rows = gw_rows_grow(arena, found.rows, sizeof *found.rows, found.count, &room);
            TRY_ALLOC(found.rows, err);
            TRY(event_read(stmt, arena, &found.rows[found.count++], err));
        }
        found.looked = sql_get_int(stmt, 0);
    }
    TRY(sql_check(stmt, err));
    *list = found;
    return ST_OK;
}

enum status gw_store_events_find(struct gw_tx *tx, struct arena *arena,
                                 const struct gw_event_filter *f, struct gw_event_list *list,
                                 struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    AUTO(buf_deinit) struct buf text = {0};
    struct gw_event_list found;

    if (f->endpoint_count > GW_EVENT_NAMES_MAX || f->kind_count > GW_EVENT_NAMES_MAX)
        return error_set(err, ST_LIMIT, 0, "more than %d names to look for", GW_EVENT_NAMES_MAX);
    buf_init(&text, 4096);
    find_write(&text, f);
    TRY(buf_check(&text, err));
    TRY(sql_prepare(tx->db, buf_cstr(&text), &stmt, err));
    find_put(stmt, f);
    TRY(find_read(stmt, arena, f, &found, err));
    if (f->after < 0)
        turn_round(&found);
    *list = found;
    return ST_OK;
}

enum status gw_store_events_last(struct gw_tx *tx, int64_t *seq, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    bool row;

    TRY(sql_prepare(tx->db, "SELECT max(seq) FROM event", &stmt, err));
    TRY(sql_step(stmt, &row, err));
    *seq = row ? sql_get_int(stmt, 0) : 0;
    return ST_OK;
}

enum status gw_store_meta(struct gw_tx *tx, struct arena *arena, const char *key,
                          const char **value, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    const char *found;
    bool row;

    TRY(sql_prepare(tx->db, "SELECT value FROM meta WHERE key = ?", &stmt, err));
    sql_put_text(stmt, key);
    TRY(sql_step(stmt, &row, err));
    if (!row)
        return error_set(err, ST_NOT_FOUND, 0, "%.100s has never been set", key);
    found = sql_get_text(stmt, 0, arena);
    TRY(sql_check(stmt, err));
    *value = found;
    return ST_OK;
}

enum status gw_store_meta_set(struct gw_tx *tx, const char *key, const char *value,
                              struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    assert(tx->writer);
    if (value == NULL) {
        TRY(sql_prepare(tx->db, "DELETE FROM meta WHERE key = ?", &stmt, err));
        sql_put_text(stmt, key);
        return sql_run(stmt, err);
    }
    TRY(sql_prepare(tx->db,
                    "INSERT INTO meta (key, value) VALUES (?, ?) "
                    "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                    &stmt, err));
    sql_put_text(stmt, key);
    sql_put_text(stmt, value);
    return sql_run(stmt, err);
}

enum status gw_store_meta_ms(struct gw_tx *tx, const char *key, int64_t otherwise, int64_t *value,
                             struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    bool row;

    TRY(sql_prepare(tx->db, "SELECT CAST(value AS BIGINT) FROM meta WHERE key = ?", &stmt, err));
    sql_put_text(stmt, key);
    TRY(sql_step(stmt, &row, err));
    *value = row ? sql_get_int(stmt, 0) : otherwise;
    return ST_OK;
}

struct meta_args {
    const char *key;
    int64_t value;
};

static enum status meta_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct meta_args *a = ctx;
    char text[32];

    (void)snprintf(text, sizeof text, "%lld", (long long)a->value);
    return gw_store_meta_set(tx, a->key, text, err);
}

enum status gw_store_commit_meta_ms(struct gw_store *store, const char *key, int64_t value,
                                    struct error *err)
{
    struct meta_args args = {key, value};

    return gw_store_commit(store, meta_commit, &args, err);
}

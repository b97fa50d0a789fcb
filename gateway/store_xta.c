#include "gateway/store_xta.h"

#include <assert.h>
#include <stdio.h>

#include "gateway/store_impl.h"
#include "osci/processcard.h"

#define COLUMNS                                                                                    \
    "x.message_id, x.xta_id, x.direction, x.author, x.reader, x.service, x.account, x.version, "   \
    "x.twin, x.not_before, x.sent_at, x.delivered_at, x.fetched_at, x.received_at, "               \
    "x.cancelled_at, x.seq"

enum { FOLDED_SIZE = GW_XTA_ID_MAX + 1, ARENA_MAX = 4 << 20, UNUSED_DAYS = 90 };
#define DAY_MS (INT64_C(24) * 3600 * 1000)

static const char *const version_names[XTA_VERSION_COUNT] = {[XTA_V3] = "V3", [XTA_V5] = "V5"};

/* ASCII letters to lower case; what is longer than an id may be becomes "", which finds nothing. */
static const char *folded(const char *text, char out[FOLDED_SIZE])
{
    size_t len = text == NULL ? 0 : strlen(text);

    if (len >= FOLDED_SIZE)
        len = 0;
    for (size_t i = 0; i < len; i++)
        out[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] - 'A' + 'a' : text[i]);
    out[len] = '\0';
    return out;
}

static enum status id_check(const char *xta_id, struct error *err)
{
    if (xta_id[0] == '\0' || strlen(xta_id) > GW_XTA_ID_MAX)
        return error_set(err, ST_INVALID, XTA_N_NO_URI, "a message id of %zu characters",
                         strlen(xta_id));
    return ST_OK;
}

/* ---- ids ---- */

/* An id that nobody used for so long is forgotten: it would be one that is not of here. */
static enum status unused_forget(struct gw_tx *tx, int64_t now, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(tx->db, "DELETE FROM xta_id WHERE message_id IS NULL AND issued_at < ?", &stmt,
                    err));
    sql_put_int(stmt, now - UNUSED_DAYS * DAY_MS);
    return sql_run(stmt, err);
}

static enum status id_insert(struct gw_tx *tx, const char *id, const char *account,
                             const char *message_id, int64_t now, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(tx->db,
                    "INSERT INTO xta_id (id, account, issued_at, message_id) VALUES (?, ?, ?, ?)",
                    &stmt, err));
    sql_put_text(stmt, id);
    sql_put_text(stmt, account);
    sql_put_int(stmt, now);
    sql_put_text(stmt, message_id);
    return sql_run(stmt, err);
}

enum status gw_store_xta_issue(struct gw_tx *tx, const char *xta_id, const char *account,
                               int64_t now, struct error *err)
{
    char id[FOLDED_SIZE];

    assert(tx->writer);
    TRY(id_check(xta_id, err));
    TRY(unused_forget(tx, now, err));
    return id_insert(tx, folded(xta_id, id), account, NULL, now, err);
}

static enum status id_use(struct gw_tx *tx, const char *id, const char *message_id,
                          struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(tx->db, "UPDATE xta_id SET message_id = ? WHERE id = ?", &stmt, err));
    sql_put_text(stmt, message_id);
    sql_put_text(stmt, id);
    return sql_run(stmt, err);
}

enum status gw_store_xta_claim(struct gw_tx *tx, const char *xta_id, const char *account,
                               bool foreign, const char *message_id, int64_t now, struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {.max = ARENA_MAX};
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    const char *owner, *used;
    char id[FOLDED_SIZE];
    bool row;

    assert(tx->writer);
    TRY(id_check(xta_id, err));
    TRY(sql_prepare(tx->db, "SELECT account, message_id FROM xta_id WHERE id = ?", &stmt, err));
    sql_put_text(stmt, folded(xta_id, id));
    TRY(sql_step(stmt, &row, err));
    if (!row && !foreign)
        return error_set(err, ST_DENIED, XTA_N_COMBINATION, "message id %s is not of here", id);
    if (!row)
        return id_insert(tx, id, account, message_id, now, err);
    owner = sql_get_text(stmt, 0, &arena);
    used = sql_get_text(stmt, 1, &arena);
    TRY(sql_check(stmt, err));
    if (strcmp(owner, account) != 0)
        return error_set(err, ST_DENIED, XTA_N_COMBINATION,
                         "message id %s was issued to another account", id);
    if (used != NULL)
        return error_set(err, ST_DUPLICATE, XTA_N_ID_USED, "message id %s is used already", id);
    return id_use(tx, id, message_id, err);
}

/* ---- messages ---- */

static enum status related_add(struct gw_tx *tx, const struct gw_xta_row *row, struct error *err)
{
    char id[FOLDED_SIZE];

    for (size_t i = 0; i < row->related_count; i++) {
        AUTO(sql_done) struct sql_stmt *stmt = NULL;
        enum status st;

        TRY(sql_prepare(tx->db, "INSERT INTO xta_related (related, message_id) VALUES (?, ?)",
                        &stmt, err));
        sql_put_text(stmt, folded(row->related[i], id));
        sql_put_text(stmt, row->message_id);
        st = sql_run(stmt, err);
        if (st != ST_DUPLICATE) /* named twice */
            TRY(st);
    }
    return ST_OK;
}

enum status gw_store_xta_add(struct gw_tx *tx, const struct gw_xta_row *row, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    char id[FOLDED_SIZE], author[FOLDED_SIZE], reader[FOLDED_SIZE];

    assert(tx->writer);
    TRY(id_check(row->xta_id, err));
    TRY(sql_prepare(
        tx->db,
        "INSERT INTO xta_message (message_id, xta_id, folded, direction, author, reader, "
        "service, account, version, twin, not_before, sent_at, delivered_at, "
        "fetched_at, received_at, cancelled_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        &stmt, err));
    sql_put_text(stmt, row->message_id);
    sql_put_text(stmt, row->xta_id);
    sql_put_text(stmt, folded(row->xta_id, id));
    sql_put_text(stmt, gw_box_name(row->box));
    sql_put_text(stmt, folded(row->author, author));
    sql_put_text(stmt, folded(row->reader, reader));
    sql_put_text(stmt, row->service);
    sql_put_text(stmt, row->account);
    sql_put_text(stmt, version_names[row->version]);
    sql_put_text(stmt, row->twin);
    sql_put_int(stmt, row->not_before);
    sql_put_int(stmt, row->initial_send);
    sql_put_int(stmt, row->delivery);
    sql_put_int(stmt, row->initial_fetch);
    sql_put_int(stmt, row->reception);
    sql_put_int(stmt, row->cancelled_at);
    TRY(sql_run(stmt, err));
    return related_add(tx, row, err);
}

/* From column c on. */
static enum status row_read(struct sql_stmt *stmt, int c, struct arena *arena,
                            struct gw_xta_row *row, struct error *err)
{
    const char *box, *version;

    row->message_id = sql_get_text(stmt, c++, arena);
    row->xta_id = sql_get_text(stmt, c++, arena);
    box = sql_get_text(stmt, c++, arena);
    row->author = gw_text_or_null(sql_get_text(stmt, c++, arena));
    row->reader = sql_get_text(stmt, c++, arena);
    row->service = sql_get_text(stmt, c++, arena);
    row->account = sql_get_text(stmt, c++, arena);
    version = sql_get_text(stmt, c++, arena);
    row->twin = sql_get_text(stmt, c++, arena);
    row->not_before = sql_get_int(stmt, c++);
    row->initial_send = sql_get_int(stmt, c++);
    row->delivery = sql_get_int(stmt, c++);
    row->initial_fetch = sql_get_int(stmt, c++);
    row->reception = sql_get_int(stmt, c++);
    row->cancelled_at = sql_get_int(stmt, c++);
    row->seq = sql_get_int(stmt, c++);
    TRY(sql_check(stmt, err));
    row->version = strcmp(version, version_names[XTA_V5]) == 0 ? XTA_V5 : XTA_V3;
    if (!gw_box_of(span_str(box), &row->box))
        return error_set(err, ST_INTERNAL, 0, "the index holds the unknown box %.40s", box);
    return ST_OK;
}

/* *found: the query, already bound, has a row. */
static enum status row_one(struct sql_stmt *stmt, struct arena *arena, struct gw_xta_row *row,
                           bool *found, struct error *err)
{
    struct gw_xta_row one = {0};

    TRY(sql_step(stmt, found, err));
    if (!*found)
        return ST_OK;
    TRY(row_read(stmt, 0, arena, &one, err));
    *row = one;
    return ST_OK;
}

enum status gw_store_xta_row(struct gw_tx *tx, struct arena *arena, const char *message_id,
                             struct gw_xta_row *row, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    bool found;

    TRY(sql_prepare(tx->db, "SELECT " COLUMNS " FROM xta_message x WHERE x.message_id = ?", &stmt,
                    err));
    sql_put_text(stmt, message_id);
    TRY(row_one(stmt, arena, row, &found, err));
    return found ? ST_OK
                 : error_set(err, ST_NOT_FOUND, 0, "message %s has nothing of XTA", message_id);
}

static enum status by_author(struct gw_tx *tx, struct arena *arena, const char *id,
                             const char *party, struct gw_xta_row *row, bool *found,
                             struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(tx->db,
                    "SELECT " COLUMNS " FROM xta_message x "
                    "WHERE x.folded = ? AND x.direction = 'outbox' AND x.author = ?",
                    &stmt, err));
    sql_put_text(stmt, id);
    sql_put_text(stmt, party);
    return row_one(stmt, arena, row, found, err);
}

/* What a reader may see: opened and not doubted, delivered, not withdrawn. Of what is archived it
 * has seen what it took; the rest came out of quarantine. */
#define IN_BOX                                                                                     \
    "xta_message x JOIN message m ON m.id = x.message_id WHERE x.direction = 'inbox' AND "         \
    "x.reader = ? AND x.delivered_at <= ? AND x.cancelled_at = 0 AND "                             \
    "(m.state IN ('opened', 'deferred', 'handed_over', 'acknowledged') OR "                        \
    "(m.state = 'archived' AND x.received_at > 0))"

static enum status by_reader(struct gw_tx *tx, struct arena *arena, const char *id,
                             const char *party, int64_t now, struct gw_xta_row *row, bool *found,
                             struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(tx->db, "SELECT " COLUMNS " FROM " IN_BOX " AND x.folded = ?", &stmt, err));
    sql_put_text(stmt, party);
    sql_put_int(stmt, now);
    sql_put_text(stmt, id);
    return row_one(stmt, arena, row, found, err);
}

enum status gw_store_xta_find(struct gw_tx *tx, struct arena *arena, const char *xta_id,
                              const char *party, enum gw_box box, int64_t now,
                              struct gw_xta_row *row, struct error *err)
{
    char id[FOLDED_SIZE], by[FOLDED_SIZE];
    bool found = false;

    (void)folded(xta_id, id);
    (void)folded(party, by);
    if (box != GW_INBOX)
        TRY(by_author(tx, arena, id, by, row, &found, err));
    if (!found && box != GW_OUTBOX)
        TRY(by_reader(tx, arena, id, by, now, row, &found, err));
    return found ? ST_OK
                 : error_set(err, ST_NOT_FOUND, XTA_N_UNKNOWN_ID, "%s has no message %s", by, id);
}

enum status gw_store_xta_inbox(struct gw_tx *tx, struct arena *arena, const char *xta_id,
                               struct gw_xta_row *row, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    char id[FOLDED_SIZE];
    bool found;

    TRY(sql_prepare(tx->db,
                    "SELECT " COLUMNS
                    " FROM xta_message x WHERE x.folded = ? AND x.direction = 'inbox'",
                    &stmt, err));
    sql_put_text(stmt, folded(xta_id, id));
    TRY(row_one(stmt, arena, row, &found, err));
    return found ? ST_OK : error_set(err, ST_NOT_FOUND, XTA_N_UNKNOWN_ID, "no message %s", id);
}

enum status gw_store_xta_times(struct gw_tx *tx, const char *message_id,
                               const struct gw_xta_times *times, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    assert(tx->writer);
    TRY(sql_prepare(tx->db,
                    "UPDATE xta_message SET "
                    "sent_at = CASE sent_at WHEN 0 THEN ? ELSE sent_at END, "
                    "delivered_at = CASE delivered_at WHEN 0 THEN ? ELSE delivered_at END, "
                    "fetched_at = CASE fetched_at WHEN 0 THEN ? ELSE fetched_at END, "
                    "received_at = CASE received_at WHEN 0 THEN ? ELSE received_at END, "
                    "cancelled_at = CASE cancelled_at WHEN 0 THEN ? ELSE cancelled_at END "
                    "WHERE message_id = ?",
                    &stmt, err));
    sql_put_int(stmt, times->initial_send);
    sql_put_int(stmt, times->delivery);
    sql_put_int(stmt, times->initial_fetch);
    sql_put_int(stmt, times->reception);
    sql_put_int(stmt, times->cancelled_at);
    sql_put_text(stmt, message_id);
    return sql_run(stmt, err);
}

/* ---- closing ---- */

/* The author's side of a message within this house. */
static enum status twin_deliver(struct gw_tx *tx, const struct gw_xta_row *row,
                                const struct gw_cause *cause, struct error *err)
{
    const struct gw_xta_times times = {.initial_fetch = cause->now, .reception = cause->now};
    char text[OSCI_DATETIME_MAX];
    const struct gw_move move = {
        .id = row->twin, .event = GW_EV_DELIVER, .reception = {text, cause->now}, .cause = *cause};
    struct error why = {0};
    enum status st;

    osci_datetime_write(cause->now, text);
    st = gw_store_move(tx, &move, NULL, &why);
    if (st == ST_NOT_FOUND || st == ST_DENIED) /* removed, or settled in another way */
        return ST_OK;
    if (st != ST_OK) {
        *err = why;
        return st;
    }
    return gw_store_xta_times(tx, row->twin, &times, err);
}

enum status gw_xta_acknowledged(struct gw_tx *tx, const char *message_id,
                                const struct gw_cause *cause, struct error *err)
{
    const struct gw_xta_times times = {.initial_fetch = cause->now, .reception = cause->now};
    AUTO(arena_deinit) struct arena arena = {.max = ARENA_MAX};
    struct error why = {0};
    struct gw_xta_row row;
    enum status st = gw_store_xta_row(tx, &arena, message_id, &row, &why);

    if (st == ST_NOT_FOUND)
        return gw_twin_acknowledged(tx, message_id, cause, err);
    if (st != ST_OK) {
        *err = why;
        return st;
    }
    TRY(gw_store_xta_times(tx, message_id, &times, err));
    return row.twin == NULL ? ST_OK : twin_deliver(tx, &row, cause, err);
}

enum status gw_xta_repeated(struct gw_tx *tx, const char *message_id, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(tx->db,
                    "UPDATE xta_message SET fetched_at = 0, received_at = 0 "
                    "WHERE message_id = ? AND direction = 'inbox'",
                    &stmt, err));
    sql_put_text(stmt, message_id);
    return sql_run(stmt, err);
}

enum status gw_store_xta_close(struct gw_tx *tx, const char *message_id,
                               const struct gw_cause *cause, bool *first, struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {.max = ARENA_MAX};
    struct gw_move move = {.id = message_id, .event = GW_EV_HAND_OVER, .cause = *cause};
    struct gw_message_row message;
    struct gw_xta_row row;

    assert(tx->writer);
    TRY(gw_store_xta_row(tx, &arena, message_id, &row, err));
    TRY(gw_store_message(tx, &arena, message_id, &message, err));
    if (row.box != GW_INBOX)
        return error_set(err, ST_NOT_FOUND, 0, "message %s is not in the inbox", message_id);
    if (first != NULL)
        *first = message.state != GW_ACKNOWLEDGED && message.state != GW_ARCHIVED;
    if (message.state == GW_ACKNOWLEDGED || message.state == GW_ARCHIVED)
        return ST_OK;
    if (message.state != GW_HANDED_OVER)
        TRY(gw_store_move(tx, &move, NULL, err));
    move.event = GW_EV_ACKNOWLEDGE;
    return gw_store_move(tx, &move, NULL, err);
}

/* ---- the box ---- */

/* Room for count texts in a query: powers of two, so that there are few different ones. */
static size_t slots_of(size_t count)
{
    size_t slots = 1;

    while (slots < count)
        slots *= 2;
    return slots;
}

static void slots_write(struct buf *out, size_t count)
{
    for (size_t i = 0; i < slots_of(count); i++)
        buf_str(out, i == 0 ? "?" : ", ?");
}

static enum status slots_put(struct sql_stmt *stmt, const char *const *texts, size_t count,
                             struct arena *arena, struct error *err)
{
    for (size_t i = 0; i < slots_of(count); i++) {
        char *text = NULL;

        if (i < count) {
            text = arena_alloc(arena, FOLDED_SIZE);
            TRY_ALLOC(text, err);
            (void)folded(texts[i], text);
        }
        sql_put_text(stmt, text);
    }
    return ST_OK;
}

static void where_write(struct buf *out, const struct gw_xta_selection *s)
{
    buf_str(out, " FROM " IN_BOX);
    if (s->fresh != GW_XTA_ALL)
        buf_str(out, " AND x.received_at = 0");
    if (s->fresh == GW_XTA_NOT_FETCHED)
        buf_str(out, " AND x.fetched_at = 0");
    if (s->from != 0)
        buf_str(out, " AND x.delivered_at >= ?");
    if (s->to != 0)
        buf_str(out, " AND x.delivered_at < ?");
    if (s->after.seq != 0)
        buf_str(out, " AND (x.delivered_at > ? OR (x.delivered_at = ? AND x.seq > ?))");
    if (s->id_count > 0) {
        buf_str(out, " AND x.folded IN (");
        slots_write(out, s->id_count);
        buf_str(out, ")");
    }
    if (s->related_count > 0) {
        buf_str(out, " AND x.message_id IN (SELECT message_id FROM xta_related WHERE related IN (");
        slots_write(out, s->related_count);
        buf_str(out, "))");
    }
}

static enum status where_put(struct sql_stmt *stmt, const struct gw_xta_selection *s,
                             struct arena *arena, struct error *err)
{
    char *reader = arena_alloc(arena, FOLDED_SIZE);

    TRY_ALLOC(reader, err);
    sql_put_text(stmt, folded(s->reader, reader));
    sql_put_int(stmt, s->now);
    if (s->from != 0)
        sql_put_int(stmt, s->from);
    if (s->to != 0)
        sql_put_int(stmt, s->to);
    if (s->after.seq != 0) {
        sql_put_int(stmt, s->after.delivery);
        sql_put_int(stmt, s->after.delivery);
        sql_put_int(stmt, s->after.seq);
    }
    if (s->id_count > 0)
        TRY(slots_put(stmt, s->ids, s->id_count, arena, err));
    if (s->related_count > 0)
        TRY(slots_put(stmt, s->related, s->related_count, arena, err));
    return ST_OK;
}

static enum status box_query(struct gw_tx *tx, const struct gw_xta_selection *s, const char *what,
                             const char *order, struct arena *arena, struct sql_stmt **stmt,
                             struct error *err)
{
    AUTO(buf_deinit) struct buf text = {0};

    buf_init(&text, 64 * 1024);
    buf_str(&text, what);
    where_write(&text, s);
    buf_str(&text, order);
    (void)buf_cstr(&text);
    TRY(buf_check(&text, err));
    TRY(sql_prepare(tx->db, buf_cstr(&text), stmt, err));
    return where_put(*stmt, s, arena, err);
}

static enum status box_count(struct gw_tx *tx, struct arena *arena,
                             const struct gw_xta_selection *s, uint64_t *count, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    bool row;

    TRY(box_query(tx, s, "SELECT count(*)", "", arena, &stmt, err));
    TRY(sql_step(stmt, &row, err));
    *count = row ? (uint64_t)sql_get_int(stmt, 0) : 0;
    return sql_check(stmt, err);
}

enum status gw_store_xta_box(struct gw_tx *tx, struct arena *arena,
                             const struct gw_xta_selection *selection, size_t limit,
                             struct gw_xta_list *list, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    struct gw_page page = {.size = sizeof *list->rows, .limit = limit};
    struct gw_xta_entry *entry;
    uint64_t count;
    void *row;

    TRY(box_count(tx, arena, selection, &count, err));
    TRY(box_query(tx, selection, "SELECT " GW_MESSAGE_COLUMNS ", " COLUMNS,
                  " ORDER BY x.delivered_at, x.seq LIMIT ?", arena, &stmt, err));
    sql_put_int(stmt, (int64_t)limit + 1);
    for (;;) {
        TRY(gw_page_next(stmt, arena, &page, &row, err));
        if (row == NULL)
            break;
        entry = row;
        TRY(gw_message_row_read(stmt, arena, &entry->message, err));
        TRY(row_read(stmt, GW_MESSAGE_COLUMN_COUNT, arena, &entry->xta, err));
    }
    *list = (struct gw_xta_list){page.rows, page.count, count - page.count};
    return ST_OK;
}

enum status gw_store_xta_strangers(struct gw_tx *tx, struct arena *arena, const char *endpoint,
                                   size_t limit, struct gw_message_list *list, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(tx->db,
                    "SELECT " GW_MESSAGE_COLUMNS " FROM message WHERE "
                    "coalesce(endpoint, '') = ? AND coalesce(box, '') = 'inbox' AND "
                    "coalesce(state, '') IN ('opened', 'deferred', 'handed_over') AND NOT EXISTS "
                    "(SELECT 1 FROM xta_message x WHERE x.message_id = message.id) "
                    "ORDER BY id LIMIT ?",
                    &stmt, err));
    sql_put_text(stmt, endpoint);
    sql_put_int(stmt, (int64_t)limit + 1);
    return gw_message_list_read(stmt, arena, limit, list, err);
}

/* ---- iterations ---- */

static enum status expired_forget(struct gw_tx *tx, int64_t now, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(tx->db, "DELETE FROM xta_iteration WHERE expires_at <= ?", &stmt, err));
    sql_put_int(stmt, now);
    return sql_run(stmt, err);
}

enum status gw_store_xta_iterate(struct gw_tx *tx, const struct gw_xta_iteration *it, int64_t now,
                                 struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    char party[FOLDED_SIZE];

    assert(tx->writer);
    TRY(expired_forget(tx, now, err));
    TRY(sql_prepare(tx->db,
                    "INSERT INTO xta_iteration (request_id, account, party, messages, selection, "
                    "delivered_at, seq, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
                    "ON CONFLICT (request_id) DO UPDATE SET delivered_at = excluded.delivered_at, "
                    "seq = excluded.seq, expires_at = excluded.expires_at",
                    &stmt, err));
    sql_put_text(stmt, it->request_id);
    sql_put_text(stmt, it->account);
    sql_put_text(stmt, folded(it->party, party));
    sql_put_int(stmt, it->messages);
    sql_put_text(stmt, it->selection);
    sql_put_int(stmt, it->after.delivery);
    sql_put_int(stmt, it->after.seq);
    sql_put_int(stmt, it->expires_at);
    return sql_run(stmt, err);
}

enum status gw_store_xta_iteration(struct gw_tx *tx, struct arena *arena, const char *request_id,
                                   const char *account, const char *party, int64_t now,
                                   struct gw_xta_iteration *it, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    struct gw_xta_iteration found = {0};
    char by[FOLDED_SIZE];
    bool row;

    TRY(sql_prepare(tx->db,
                    "SELECT request_id, account, party, messages, selection, delivered_at, seq, "
                    "expires_at FROM xta_iteration WHERE request_id = ? AND account = ? AND "
                    "party = ? AND expires_at > ?",
                    &stmt, err));
    sql_put_text(stmt, request_id);
    sql_put_text(stmt, account);
    sql_put_text(stmt, folded(party, by));
    sql_put_int(stmt, now);
    TRY(sql_step(stmt, &row, err));
    if (!row)
        return error_set(err, ST_NOT_FOUND, 0, "no such MsgBoxRequestID of %s", account);
    found.request_id = sql_get_text(stmt, 0, arena);
    found.account = sql_get_text(stmt, 1, arena);
    found.party = sql_get_text(stmt, 2, arena);
    found.messages = sql_get_int(stmt, 3) != 0;
    found.selection = sql_get_text(stmt, 4, arena);
    found.after.delivery = sql_get_int(stmt, 5);
    found.after.seq = sql_get_int(stmt, 6);
    found.expires_at = sql_get_int(stmt, 7);
    TRY(sql_check(stmt, err));
    *it = found;
    return ST_OK;
}

/* process cards, mailboxes and retention of gateway/store_osci.h */
#include <assert.h>
#include <string.h>

#include "gateway/store_osci_impl.h"

enum { TEXT_MAX = 64 * 1024, RETAIN_DEFAULT = 100, RETAIN_ARENA_MAX = 4 << 20 };

static const uint8_t absent[GW_SHA256_BYTES];

static bool is_absent(const uint8_t hash[GW_SHA256_BYTES])
{
    return memcmp(hash, absent, GW_SHA256_BYTES) == 0;
}

static void put_hash(struct sql_stmt *stmt, const uint8_t hash[GW_SHA256_BYTES])
{
    sql_put_bytes(stmt, span_of(hash, GW_SHA256_BYTES));
}

static bool by_date(const struct gw_card_select *select)
{
    return select->by == GW_CARD_CREATION || select->by == GW_CARD_MODIFICATION;
}

/* Only the two date rules know roles (digest 5.5). */
static enum gw_card_role role_of(const struct gw_card_select *select)
{
    return by_date(select) ? select->role : GW_CARD_BOTH;
}

/* Who may see a card: tenant IS ? AND (mailbox = ? OR originator_cipher = ? OR
 * originator_signature = ?). */
static void visible_write(struct buf *out, const struct gw_card_select *select)
{
    enum gw_card_role role = role_of(select);
    const char * or = "";

    buf_str(out, " WHERE tenant IS ? AND (");
    if (role != GW_CARD_ORIGINATOR) {
        buf_str(out, "mailbox = ?");
        or = " OR ";
    }
    if (role != GW_CARD_ADDRESSEE) {
        buf_printf(out, "%soriginator_cipher = ?", or);
        if (!is_absent(select->signature))
            buf_str(out, " OR originator_signature = ?");
    }
    buf_str(out, ")");
}

static void cards_write(struct buf *out, const struct gw_card_select *select)
{
    const char *time = select->by == GW_CARD_MODIFICATION ? "modification" : "creation";

    buf_str(out, "SELECT " GW_DELIVERY_COLUMNS " FROM delivery");
    visible_write(out, select);
    if (by_date(select)) {
        buf_printf(out, " AND %s >= ?", time);
        if (select->no_reception)
            buf_str(out, " AND reception = 0");
    }
    if (select->by == GW_CARD_IDS) {
        buf_str(out, " AND osci_message_id IN (?");
        for (size_t i = 1; i < select->id_count; i++)
            buf_str(out, ", ?");
        buf_str(out, ")");
    }
    buf_printf(out, " ORDER BY %s, id LIMIT ?", time);
}

static void cards_put(struct sql_stmt *stmt, const struct gw_card_select *select, size_t limit)
{
    enum gw_card_role role = role_of(select);

    sql_put_text(stmt, select->tenant);
    if (role != GW_CARD_ORIGINATOR)
        put_hash(stmt, select->cipher);
    if (role != GW_CARD_ADDRESSEE) {
        put_hash(stmt, select->cipher);
        if (!is_absent(select->signature))
            put_hash(stmt, select->signature);
    }
    if (by_date(select))
        sql_put_int(stmt, select->since);
    for (size_t i = 0; select->by == GW_CARD_IDS && i < select->id_count; i++)
        sql_put_text(stmt, select->ids[i]);
    sql_put_int(stmt, (int64_t)limit + 1);
}

static enum status cards_read(struct sql_stmt *stmt, struct arena *arena, size_t limit,
                              struct gw_delivery_list *list, struct error *err)
{
    struct gw_page page = {.size = sizeof *list->rows, .limit = limit};
    void *row;

    for (;;) {
        TRY(gw_page_next(stmt, arena, &page, &row, err));
        if (row == NULL)
            break;
        TRY(gw_delivery_row_read(stmt, arena, row, err));
    }
    *list = (struct gw_delivery_list){page.rows, page.count, page.more};
    return ST_OK;
}

enum status gw_store_cards(struct gw_tx *tx, struct arena *arena,
                           const struct gw_card_select *select, struct gw_delivery_list *list,
                           struct error *err)
{
    AUTO(buf_deinit) struct buf text = {0};
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    size_t limit = select->limit == 0 || select->limit > GW_LIST_MAX ? GW_LIST_MAX : select->limit;

    /* who has no certificate sees nothing: absent originators would all match */
    if (is_absent(select->cipher) || (select->by == GW_CARD_IDS && select->id_count == 0)) {
        *list = (struct gw_delivery_list){0};
        return ST_OK;
    }
    if (select->id_count > GW_LIST_MAX)
        return error_set(err, ST_LIMIT, 0, "more than %d MessageIds in one selection", GW_LIST_MAX);
    buf_init(&text, TEXT_MAX);
    cards_write(&text, select);
    (void)buf_cstr(&text);
    TRY(buf_check(&text, err));
    TRY(sql_prepare(tx->db, buf_cstr(&text), &stmt, err));
    cards_put(stmt, select, limit);
    return cards_read(stmt, arena, limit, list, err);
}

enum status gw_store_mailboxes(struct gw_tx *tx, struct arena *arena, struct gw_mailbox_list *list,
                               struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    struct gw_mailbox_list found = {0};
    size_t cap = 0;
    bool more;

    TRY(sql_prepare(
        tx->db,
        "SELECT d.mailbox, d.tenant, m.subject, sum(d.reception = 0 AND d.content = 1), "
        "sum(CASE WHEN d.reception = 0 AND d.content = 1 THEN d.size_bytes ELSE 0 END), "
        "sum(d.content), sum(d.size_bytes * d.content), count(*), "
        "min(CASE WHEN d.reception = 0 AND d.content = 1 THEN d.creation END), "
        "max(d.creation), max(d.reception) FROM delivery d LEFT JOIN mailbox m "
        "ON m.id = d.mailbox AND m.tenant = coalesce(d.tenant, '') "
        "GROUP BY d.tenant, d.mailbox ORDER BY d.tenant, d.mailbox",
        &stmt, err));
    for (;;) {
        struct gw_mailbox_row *row;

        TRY(sql_step(stmt, &more, err));
        if (!more)
            break;
        found.rows = gw_rows_grow(arena, found.rows, sizeof *found.rows, found.count, &cap);
        TRY_ALLOC(found.rows, err);
        row = &found.rows[found.count++];
        sql_get_fixed(stmt, 0, row->mailbox, sizeof row->mailbox);
        row->tenant = sql_get_text(stmt, 1, arena);
        row->subject = sql_get_text(stmt, 2, arena);
        row->waiting = (uint64_t)sql_get_int(stmt, 3);
        row->waiting_bytes = (uint64_t)sql_get_int(stmt, 4);
        row->total = (uint64_t)sql_get_int(stmt, 5);
        row->bytes = (uint64_t)sql_get_int(stmt, 6);
        row->cards = (uint64_t)sql_get_int(stmt, 7);
        row->oldest_waiting = sql_get_int(stmt, 8);
        row->newest = sql_get_int(stmt, 9);
        row->last_fetched = sql_get_int(stmt, 10);
        TRY(sql_check(stmt, err));
    }
    *list = found;
    return ST_OK;
}

/* Takes content away, the card stays. */
static enum status content_drop(struct gw_tx *tx, const char *id, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(gw_store_files_forget(tx, id, err));
    TRY(sql_prepare(tx->db, "UPDATE delivery SET content = 0, parts = NULL WHERE id = ?", &stmt,
                    err));
    sql_put_text(stmt, id);
    return sql_run(stmt, err);
}

static enum status card_drop(struct gw_tx *tx, const char *id, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *ids = NULL;
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(tx->db,
                    "DELETE FROM osci_id WHERE id = "
                    "(SELECT osci_message_id FROM delivery WHERE id = ?)",
                    &ids, err));
    sql_put_text(ids, id);
    TRY(sql_run(ids, err));
    TRY(sql_prepare(tx->db, "DELETE FROM delivery WHERE id = ?", &stmt, err));
    sql_put_text(stmt, id);
    return sql_run(stmt, err);
}

static enum status id_drop(struct gw_tx *tx, const char *id, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(tx->db, "DELETE FROM osci_id WHERE id = ?", &stmt, err));
    sql_put_text(stmt, id);
    return sql_run(stmt, err);
}

struct old_list {
    const char **ids;
    size_t count;
};

static enum status old_read(struct gw_tx *tx, struct arena *arena, const char *text,
                            const char *tenant, int64_t older_than, size_t limit,
                            struct old_list *list, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    size_t cap = 0;
    bool row;

    TRY(sql_prepare(tx->db, text, &stmt, err));
    sql_put_text(stmt, tenant);
    sql_put_int(stmt, older_than);
    sql_put_int(stmt, (int64_t)limit);
    for (;;) {
        TRY(sql_step(stmt, &row, err));
        if (!row)
            return ST_OK;
        list->ids = gw_rows_grow(arena, list->ids, sizeof *list->ids, list->count, &cap);
        TRY_ALLOC(list->ids, err);
        list->ids[list->count++] = sql_get_text(stmt, 0, arena);
        TRY(sql_check(stmt, err));
    }
}

enum status gw_store_retain(struct gw_tx *tx, const struct gw_retention *retention, int64_t now,
                            struct gw_retention_done *done, struct error *err)
{
    struct gw_retention_done did = {0};
    const struct rule {
        int64_t age;
        const char *text; /* ids of rows of tenant ?, older than ?, at most ? */
        enum status (*drop)(struct gw_tx *tx, const char *id, struct error *err);
        uint64_t *count;
    } rules[] = {
        {retention->undelivered,
         "SELECT id FROM delivery WHERE tenant IS ? AND content = 1 AND reception = 0 "
         "AND creation < ? LIMIT ?",
         content_drop, &did.undelivered},
        {retention->delivered,
         "SELECT id FROM delivery WHERE tenant IS ? AND content = 1 AND reception > 0 "
         "AND reception < ? LIMIT ?",
         content_drop, &did.delivered},
        {retention->card,
         "SELECT id FROM delivery WHERE tenant IS ? AND content = 0 AND modification < ? LIMIT ?",
         card_drop, &did.cards},
        {retention->unused_id,
         "SELECT id FROM osci_id WHERE tenant IS ? AND used_at = 0 AND issued_at < ? AND id NOT IN "
         "(SELECT osci_message_id FROM transfer WHERE result IS NULL) LIMIT ?",
         id_drop, &did.ids},
    };
    size_t limit = retention->limit == 0 ? RETAIN_DEFAULT : retention->limit;

    assert(tx->writer);
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        AUTO(arena_deinit) struct arena arena = {0};
        struct old_list old = {0};

        if (rules[i].age == 0)
            continue;
        arena_init(&arena, RETAIN_ARENA_MAX);
        TRY(old_read(tx, &arena, rules[i].text, retention->tenant, now - rules[i].age, limit, &old,
                     err));
        for (size_t k = 0; k < old.count; k++)
            TRY(rules[i].drop(tx, old.ids[k], err));
        *rules[i].count = old.count;
    }
    *done = did;
    return ST_OK;
}

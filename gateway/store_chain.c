/* events as they come into the index: the links of a chain (gateway/chain.h) for each tenant */
#include <assert.h>

#include "gateway/store_impl.h"

enum { BUILD_PAGE = 1000, BUILD_ARENA_MAX = 256 << 20 };

/* The end of a tenant's chain; all zeros before the first event. */
struct head {
    int64_t link;
    uint8_t value[GW_CHAIN_BYTES];
};

/* Events about no tenant have a chain of their own. */
static const char *tenant_of(struct span tenant)
{
    return tenant.ptr == NULL ? "" : (const char *)tenant.ptr;
}

static enum status head_read(struct sql_db *db, const char *tenant, struct head *head,
                             struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    bool row;

    *head = (struct head){0};
    TRY(sql_prepare(db, "SELECT link, value FROM chain WHERE tenant = ?", &stmt, err));
    sql_put_text(stmt, tenant);
    TRY(sql_step(stmt, &row, err));
    if (!row)
        return ST_OK;
    head->link = sql_get_int(stmt, 0);
    sql_get_fixed(stmt, 1, head->value, sizeof head->value);
    return ST_OK;
}

static enum status head_write(struct sql_db *db, const char *tenant, const struct gw_link *link,
                              const uint8_t value[GW_CHAIN_BYTES], struct error *err)
{
    static const uint8_t none[GW_CHAIN_BYTES];
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(db,
                    "INSERT INTO chain (tenant, link, seq, value, cut_link, cut_seq, cut_value, "
                    "cut_at) VALUES (?, ?, ?, ?, 0, 0, ?, 0) ON CONFLICT (tenant) DO UPDATE SET "
                    "link = excluded.link, seq = excluded.seq, value = excluded.value",
                    &stmt, err));
    sql_put_text(stmt, tenant);
    sql_put_int(stmt, link->link);
    sql_put_int(stmt, link->seq);
    sql_put_bytes(stmt, span_of(value, GW_CHAIN_BYTES));
    sql_put_bytes(stmt, span_of(none, sizeof none));
    return sql_run(stmt, err);
}

/* Gives link its number and value behind the end of its tenant's chain, which moves on. */
static enum status chain_extend(struct sql_db *db, struct gw_link *link,
                                uint8_t value[GW_CHAIN_BYTES], struct error *err)
{
    const char *tenant = tenant_of(link->text[GW_LINK_TENANT]);
    struct head head;

    TRY(head_read(db, tenant, &head, err));
    link->link = head.link + 1;
    TRY(gw_chain_next(head.value, link, value, err));
    return head_write(db, tenant, link, value, err);
}

/* The number is part of what is hashed, so it must be known before the row is there. There is one
 * writer, and the newest event is never removed. */
static enum status seq_next(struct sql_db *db, int64_t *seq, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    bool row;

    TRY(sql_prepare(db, "SELECT max(seq) FROM event", &stmt, err));
    TRY(sql_step(stmt, &row, err));
    *seq = 1 + (row ? sql_get_int(stmt, 0) : 0);
    return ST_OK;
}

enum status gw_event_insert(struct gw_tx *tx, const struct gw_event_row *row, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    uint8_t value[GW_CHAIN_BYTES];
    struct gw_link link = {.at = row->at,
                           .reason = row->reason,
                           .text = {[GW_LINK_MESSAGE] = span_str(row->message_id),
                                    [GW_LINK_TENANT] = span_str(row->tenant),
                                    [GW_LINK_ENDPOINT] = span_str(row->endpoint),
                                    [GW_LINK_KIND] = span_str(row->kind),
                                    [GW_LINK_BOX] = span_str(gw_box_name(row->box)),
                                    [GW_LINK_FROM] = span_str(gw_state_name(row->from)),
                                    [GW_LINK_TO] = span_str(gw_state_name(row->to)),
                                    [GW_LINK_ACTOR] = span_str(row->actor),
                                    [GW_LINK_EN] = span_str(row->en),
                                    [GW_LINK_DE] = span_str(row->de),
                                    [GW_LINK_DETAIL] = span_str(row->detail)}};

    assert(tx->writer);
    TRY(seq_next(tx->db, &link.seq, err));
    if (row->seq > link.seq)
        link.seq = row->seq;
    TRY(chain_extend(tx->db, &link, value, err));
    TRY(sql_prepare(tx->db,
                    "INSERT INTO event (" GW_LINK_COLUMNS ") "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    &stmt, err));
    sql_put_int(stmt, link.seq);
    sql_put_int(stmt, link.link);
    sql_put_int(stmt, link.at);
    sql_put_int(stmt, link.reason);
    for (size_t i = 0; i < GW_LINK_TEXT_COUNT; i++) /* spans of strings, with their NUL */
        sql_put_text(stmt, (const char *)link.text[i].ptr);
    sql_put_bytes(stmt, span_of(value, sizeof value));
    TRY(sql_run(stmt, err));
    tx->last_seq = link.seq;
    return ST_OK;
}

enum status gw_link_read(struct sql_stmt *stmt, struct arena *arena, struct gw_link *link,
                         uint8_t value[GW_CHAIN_BYTES], bool *linked, struct error *err)
{
    enum { TEXTS = 4, VALUE = TEXTS + GW_LINK_TEXT_COUNT };

    link->seq = sql_get_int(stmt, 0);
    link->link = sql_get_int(stmt, 1);
    link->at = sql_get_int(stmt, 2);
    link->reason = sql_get_int(stmt, 3);
    for (int i = 0; i < GW_LINK_TEXT_COUNT; i++) {
        const char *text = sql_get_text(stmt, TEXTS + i, arena);
        struct span bytes = text == NULL ? SPAN_NONE : sql_get_bytes(stmt, TEXTS + i, arena);

        /* a NUL in the middle would end the text too early */
        link->text[i] = bytes.ptr == NULL ? span_str(text) : span_of(text, bytes.len);
        if (bytes.ptr != NULL && strlen(text) != bytes.len)
            link->text[i] = bytes;
    }
    *linked = sql_get_bytes(stmt, VALUE, arena).len == GW_CHAIN_BYTES;
    sql_get_fixed(stmt, VALUE, value, GW_CHAIN_BYTES);
    return sql_check(stmt, err);
}

static enum status link_store(struct sql_db *db, const struct gw_link *link,
                              const uint8_t value[GW_CHAIN_BYTES], struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(db, "UPDATE event SET link = ?, chain = ? WHERE seq = ?", &stmt, err));
    sql_put_int(stmt, link->link);
    sql_put_bytes(stmt, span_of(value, GW_CHAIN_BYTES));
    sql_put_int(stmt, link->seq);
    return sql_run(stmt, err);
}

struct build_page {
    struct gw_link rows[BUILD_PAGE];
    size_t count;
};

static enum status page_read(struct sql_db *db, struct arena *arena, int64_t after,
                             struct build_page *page, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    uint8_t value[GW_CHAIN_BYTES];
    bool row, linked;

    page->count = 0;
    TRY(sql_prepare(db, "SELECT " GW_LINK_COLUMNS " FROM event WHERE seq > ? ORDER BY seq LIMIT ?",
                    &stmt, err));
    sql_put_int(stmt, after);
    sql_put_int(stmt, BUILD_PAGE);
    for (;;) {
        TRY(sql_step(stmt, &row, err));
        if (!row)
            return ST_OK;
        TRY(gw_link_read(stmt, arena, &page->rows[page->count++], value, &linked, err));
    }
}

enum status gw_chain_build(struct sql_db *db, struct error *err)
{
    AUTO(free_drop) struct build_page *page = malloc(sizeof *page);
    uint8_t value[GW_CHAIN_BYTES];
    int64_t after = 0;

    TRY_ALLOC(page, err);
    do {
        AUTO(arena_deinit) struct arena arena = {0};

        arena_init(&arena, BUILD_ARENA_MAX);
        TRY(page_read(db, &arena, after, page, err));
        for (size_t i = 0; i < page->count; i++) {
            TRY(chain_extend(db, &page->rows[i], value, err));
            TRY(link_store(db, &page->rows[i], value, err));
            after = page->rows[i].seq;
        }
    } while (page->count == BUILD_PAGE);
    return ST_OK;
}

#include "gateway/store_retain.h"

#include <assert.h>
#include <stdio.h>

#include "gateway/store_impl.h"

enum { LIMIT_DEFAULT = 100, EVENTS_EACH = 10, RETAIN_ARENA_MAX = 16 << 20 };
#define DAY_MS (INT64_C(24) * 3600 * 1000)

/* The words of message_shed in store_schema.c; whoever changes one changes the other. */
#define SHED                                                                                       \
    "payload_gone_at = 0 AND state IN ('delivered', 'acknowledged', 'failed', 'cancelled', "       \
    "'expired', 'rejected')"

struct retaining {
    struct gw_tx *tx;
    const struct gw_keep *keep;
    int64_t now;
    size_t limit;
    struct gw_kept *kept;
    struct arena arena;
};

/* ---- payloads ---- */

/* What the same days hold for; "" for none. */
struct shelf {
    const char *endpoint, *route;
};

static int64_t payload_days(const struct gw_keep *keep, const struct shelf *shelf)
{
    for (size_t i = 0; i < keep->rule_count; i++) {
        const struct gw_keep_rule *rule = &keep->rules[i];

        if (rule->route != NULL ? strcmp(rule->route, shelf->route) == 0
                                : strcmp(rule->endpoint, shelf->endpoint) == 0)
            return rule->payload_days;
    }
    return keep->payload_days;
}

static enum status payload_shed(struct retaining *r, const char *id, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    const struct gw_move move = {.id = id,
                                 .event = GW_EV_ARCHIVE,
                                 .cause = {.now = r->now,
                                           .actor = "retention",
                                           .en = "the payload was deleted, its time was over",
                                           .de = "Der Inhalt wurde nach Ablauf seiner Frist "
                                                 "gelöscht"}};

    for (enum gw_file_kind kind = 0; kind < GW_FILE_KIND_COUNT; kind++)
        if (kind != GW_FILE_EVIDENCE && kind != GW_FILE_VERIFICATION)
            TRY(gw_store_files_remove(r->tx, id, kind, err));
    TRY(gw_store_move(r->tx, &move, NULL, err));
    TRY(sql_prepare(r->tx->db, "UPDATE message SET payload_gone_at = ? WHERE id = ?", &stmt, err));
    sql_put_int(stmt, r->now);
    sql_put_text(stmt, id);
    TRY(sql_run(stmt, err));
    r->kept->payloads++;
    return ST_OK;
}

static enum status shelf_shed(struct retaining *r, const struct shelf *shelf, struct error *err)
{
    int64_t days = payload_days(r->keep, shelf);
    struct gw_id_list list = {0};

    if (days == 0)
        return ST_OK;
    {
        AUTO(sql_done) struct sql_stmt *stmt = NULL;

        TRY(sql_prepare(r->tx->db,
                        "SELECT id FROM message WHERE coalesce(endpoint, '') = ? AND "
                        "coalesce(route, '') = ? AND changed_at < ? AND " SHED
                        " ORDER BY changed_at LIMIT ?",
                        &stmt, err));
        sql_put_text(stmt, shelf->endpoint);
        sql_put_text(stmt, shelf->route);
        sql_put_int(stmt, r->now - days * DAY_MS);
        sql_put_int(stmt, (int64_t)(r->limit - r->kept->payloads));
        TRY(gw_ids_read(stmt, &r->arena, &list, err));
    }
    for (size_t i = 0; i < list.count; i++)
        TRY(payload_shed(r, list.ids[i], err));
    return ST_OK;
}

/* The first row that the query, with one text or two, has. */
static enum status shelf_find(struct retaining *r, const char *query, const char *a, const char *b,
                              struct shelf *shelf, bool *found, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(r->tx->db, query, &stmt, err));
    sql_put_text(stmt, a);
    if (b != NULL)
        sql_put_text(stmt, b);
    TRY(sql_step(stmt, found, err));
    if (!*found)
        return ST_OK;
    shelf->endpoint = sql_get_text(stmt, 0, &r->arena);
    shelf->route = sql_get_text(stmt, 1, &r->arena);
    return sql_check(stmt, err);
}

#define SHELF "SELECT coalesce(endpoint, ''), coalesce(route, '') FROM message WHERE "

/* The one behind this one that has anything to shed; begin with one without texts. Also one that is
 * no longer in the settings. */
static enum status shelf_next(struct retaining *r, struct shelf *shelf, bool *found,
                              struct error *err)
{
    *found = false;
    if (shelf->endpoint == NULL)
        return shelf_find(r,
                          SHELF SHED " AND coalesce(endpoint, '') >= ? "
                                     "ORDER BY coalesce(endpoint, ''), coalesce(route, '') LIMIT 1",
                          "", NULL, shelf, found, err);
    TRY(shelf_find(r,
                   SHELF SHED " AND coalesce(endpoint, '') = ? AND coalesce(route, '') > ? "
                              "ORDER BY coalesce(route, '') LIMIT 1",
                   shelf->endpoint, shelf->route, shelf, found, err));
    if (*found)
        return ST_OK;
    return shelf_find(r,
                      SHELF SHED " AND coalesce(endpoint, '') > ? "
                                 "ORDER BY coalesce(endpoint, ''), coalesce(route, '') LIMIT 1",
                      shelf->endpoint, NULL, shelf, found, err);
}

static enum status payloads_shed(struct retaining *r, struct error *err)
{
    struct shelf shelf = {NULL, NULL};
    bool found;

    do {
        TRY(shelf_next(r, &shelf, &found, err));
        if (found)
            TRY(shelf_shed(r, &shelf, err));
    } while (found && r->kept->payloads < r->limit);
    return ST_OK;
}

/* ---- receipts ---- */

static enum status receipt_remove(struct retaining *r, const char *id, struct error *err)
{
    struct gw_message_row row;
    struct gw_event_row event = {.at = r->now,
                                 .message_id = id,
                                 .kind = "removed",
                                 .actor = "retention",
                                 .en = "the message was deleted, its time was over",
                                 .de = "Die Nachricht wurde nach Ablauf ihrer Frist gelöscht"};

    TRY(gw_store_message(r->tx, &r->arena, id, &row, err));
    TRY(gw_store_message_remove(r->tx, id, err));
    event.tenant = row.tenant;
    event.endpoint = row.endpoint;
    event.box = row.box;
    event.from = row.state;
    TRY(gw_event_insert(r->tx, &event, err));
    r->kept->receipts++;
    return ST_OK;
}

static enum status receipts_remove(struct retaining *r, struct error *err)
{
    struct gw_id_list list = {0};

    if (r->keep->receipt_days == 0)
        return ST_OK;
    {
        AUTO(sql_done) struct sql_stmt *stmt = NULL;

        TRY(sql_prepare(r->tx->db,
                        "SELECT id FROM message WHERE payload_gone_at > 0 AND changed_at < ? "
                        "ORDER BY changed_at LIMIT ?",
                        &stmt, err));
        sql_put_int(stmt, r->now - r->keep->receipt_days * DAY_MS);
        sql_put_int(stmt, (int64_t)r->limit);
        TRY(gw_ids_read(stmt, &r->arena, &list, err));
    }
    for (size_t i = 0; i < list.count; i++)
        TRY(receipt_remove(r, list.ids[i], err));
    return ST_OK;
}

/* ---- events ---- */

/* One tenant's part of what is cut off. */
struct cut {
    const char *tenant;
    int64_t link, seq, count;
    uint8_t value[GW_CHAIN_BYTES];
};

struct cuts {
    struct cut *rows;
    size_t count, cap;
    int64_t seq; /* of the last event that goes; 0: none */
};

static enum status cut_of(struct arena *arena, struct cuts *cuts, const char *tenant,
                          struct cut **cut, struct error *err)
{
    for (size_t i = 0; i < cuts->count; i++) {
        *cut = &cuts->rows[i];
        if (strcmp((*cut)->tenant, tenant) == 0)
            return ST_OK;
    }
    cuts->rows = gw_rows_grow(arena, cuts->rows, sizeof **cut, cuts->count, &cuts->cap);
    TRY_ALLOC(cuts->rows, err);
    *cut = &cuts->rows[cuts->count++];
    **cut = (struct cut){.tenant = tenant};
    return ST_OK;
}

/* The oldest events without a gap, up to the first that is young enough; never the newest. The
 * first must be a day too old: a cut is an event itself, and one a day is enough. */
static enum status cuts_find(struct retaining *r, struct cuts *cuts, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    int64_t days = r->keep->event_days + 1;
    bool row;

    TRY(sql_prepare(r->tx->db,
                    "SELECT seq, at, COALESCE(tenant, ''), link, chain FROM event "
                    "WHERE seq < (SELECT max(seq) FROM event) ORDER BY seq LIMIT ?",
                    &stmt, err));
    sql_put_int(stmt, (int64_t)r->limit * EVENTS_EACH);
    for (;;) {
        struct cut *cut;
        const char *tenant;

        TRY(sql_step(stmt, &row, err));
        if (!row || sql_get_int(stmt, 1) >= r->now - days * DAY_MS)
            return ST_OK;
        days = r->keep->event_days;
        tenant = sql_get_text(stmt, 2, &r->arena);
        TRY(sql_check(stmt, err));
        TRY(cut_of(&r->arena, cuts, tenant, &cut, err));
        cuts->seq = cut->seq = sql_get_int(stmt, 0);
        cut->link = sql_get_int(stmt, 3);
        sql_get_fixed(stmt, 4, cut->value, sizeof cut->value);
        cut->count++;
    }
}

/* The value at the cut stays: the chain goes on from there. */
static enum status cut_write(struct retaining *r, const struct cut *cut, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    char detail[96];
    const struct gw_cause cause = {.now = r->now,
                                   .actor = "retention",
                                   .en = "old events were deleted, their time was over",
                                   .de = "Alte Ereignisse wurden nach Ablauf ihrer Frist gelöscht",
                                   .detail = detail};

    (void)snprintf(detail, sizeof detail, "{\"events\": %lld, \"link\": %lld, \"seq\": %lld}",
                   (long long)cut->count, (long long)cut->link, (long long)cut->seq);
    TRY(sql_prepare(r->tx->db,
                    "UPDATE chain SET cut_link = ?, cut_seq = ?, cut_value = ?, cut_at = ? "
                    "WHERE tenant = ?",
                    &stmt, err));
    sql_put_int(stmt, cut->link);
    sql_put_int(stmt, cut->seq);
    sql_put_bytes(stmt, span_of(cut->value, sizeof cut->value));
    sql_put_int(stmt, r->now);
    sql_put_text(stmt, cut->tenant);
    TRY(sql_run(stmt, err));
    return gw_store_event_add(r->tx, "history.cut", gw_text_or_null(cut->tenant), NULL, &cause,
                              err);
}

static enum status events_cut(struct retaining *r, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    struct cuts cuts = {0};

    if (r->keep->event_days == 0)
        return ST_OK;
    TRY(cuts_find(r, &cuts, err));
    if (cuts.seq == 0)
        return ST_OK;
    TRY(sql_prepare(r->tx->db, "DELETE FROM event WHERE seq <= ?", &stmt, err));
    sql_put_int(stmt, cuts.seq);
    TRY(sql_run(stmt, err));
    for (size_t i = 0; i < cuts.count; i++) {
        TRY(cut_write(r, &cuts.rows[i], err));
        r->kept->events += (size_t)cuts.rows[i].count;
    }
    return ST_OK;
}

enum status gw_store_retain_history(struct gw_tx *tx, const struct gw_keep *keep, int64_t now,
                                    struct gw_kept *kept, struct error *err)
{
    struct gw_kept did = {0};
    struct retaining r = {.tx = tx, .keep = keep, .now = now, .kept = &did};
    enum status st;

    assert(tx->writer);
    r.limit = keep->limit == 0 ? LIMIT_DEFAULT : keep->limit;
    arena_init(&r.arena, RETAIN_ARENA_MAX);
    st = payloads_shed(&r, err);
    if (st == ST_OK)
        st = receipts_remove(&r, err);
    if (st == ST_OK)
        st = events_cut(&r, err);
    arena_deinit(&r.arena);
    TRY(st);
    did.more =
        did.payloads >= r.limit || did.receipts >= r.limit || did.events >= r.limit * EVENTS_EACH;
    *kept = did;
    return ST_OK;
}

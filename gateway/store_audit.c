#include "gateway/store_audit.h"

#include "gateway/store_impl.h"

enum { STEP_DEFAULT = 10000, STEP_ARENA_MAX = 64 << 20, CHAINS_ARENA_MAX = 16 << 20, NEAR = 1000 };

struct gw_audit {
    struct arena arena;
    const char *tenant; /* NULL: all */
    int64_t since, seq; /* behind which to go on; since 0 once it has been found */
    bool has_head, head_found;
    uint8_t head[GW_CHAIN_BYTES];
    struct gw_audit_chain *chains;
    size_t count, cap;
};

const char *gw_audit_break_name(enum gw_audit_break found)
{
    static const char *const names[GW_AUDIT_BREAK_COUNT] = {[GW_AUDIT_WHOLE] = "whole",
                                                            [GW_AUDIT_CHANGED] = "changed",
                                                            [GW_AUDIT_MISSING] = "missing",
                                                            [GW_AUDIT_INSERTED] = "inserted",
                                                            [GW_AUDIT_REORDERED] = "reordered"};

    return names[found];
}

enum status gw_audit_new(const char *tenant, int64_t since, const uint8_t *head,
                         struct gw_audit **audit, struct error *err)
{
    AUTO(gw_audit_drop) struct gw_audit *made = calloc(1, sizeof *made);

    TRY_ALLOC(made, err);
    arena_init(&made->arena, CHAINS_ARENA_MAX);
    made->since = since;
    made->seq = INT64_MIN;
    made->has_head = head != NULL;
    if (head != NULL)
        memcpy(made->head, head, sizeof made->head);
    if (tenant != NULL) {
        made->tenant = arena_str(&made->arena, span_str(tenant));
        TRY_ALLOC(made->tenant, err);
    }
    *audit = TAKE(made);
    return ST_OK;
}

void gw_audit_free(struct gw_audit *audit)
{
    if (audit != NULL)
        arena_deinit(&audit->arena);
    free(audit);
}

const struct gw_audit_chain *gw_audit_chains(const struct gw_audit *audit, size_t *count,
                                             bool *head)
{
    *count = audit->count;
    *head = audit->head_found;
    return audit->chains;
}

enum status gw_audit_heads(struct gw_tx *tx, struct arena *arena, struct gw_audit_chain **rows,
                           size_t *count, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    struct gw_audit_chain *list = NULL;
    size_t n = 0, cap = 0;
    bool row;

    TRY(sql_prepare(tx->db, "SELECT tenant, link, seq, value FROM chain ORDER BY tenant", &stmt,
                    err));
    for (;;) {
        TRY(sql_step(stmt, &row, err));
        if (!row)
            break;
        list = gw_rows_grow(arena, list, sizeof *list, n, &cap);
        TRY_ALLOC(list, err);
        list[n] = (struct gw_audit_chain){.tenant = sql_get_text(stmt, 0, arena)};
        list[n].link = sql_get_int(stmt, 1);
        list[n].seq = sql_get_int(stmt, 2);
        sql_get_fixed(stmt, 3, list[n++].value, GW_CHAIN_BYTES);
        TRY(sql_check(stmt, err));
    }
    *rows = list;
    *count = n;
    return ST_OK;
}

/* ---- the chains looked at ---- */

/* The head value counts wherever it comes by, at the cut, too. */
static void value_set(struct gw_audit *audit, struct gw_audit_chain *chain, int64_t link,
                      const uint8_t value[GW_CHAIN_BYTES])
{
    chain->link = link;
    memcpy(chain->value, value, GW_CHAIN_BYTES);
    if (audit->has_head && memcmp(value, audit->head, GW_CHAIN_BYTES) == 0)
        audit->head_found = true;
}

static enum status chain_of(struct gw_audit *audit, const char *tenant,
                            struct gw_audit_chain **chain, struct error *err)
{
    for (size_t i = 0; i < audit->count; i++) {
        *chain = &audit->chains[i];
        if (strcmp((*chain)->tenant, tenant) == 0)
            return ST_OK;
    }
    audit->chains =
        gw_rows_grow(&audit->arena, audit->chains, sizeof **chain, audit->count, &audit->cap);
    TRY_ALLOC(audit->chains, err);
    *chain = &audit->chains[audit->count];
    **chain = (struct gw_audit_chain){.tenant = arena_str(&audit->arena, span_str(tenant))};
    TRY_ALLOC((*chain)->tenant, err);
    audit->count++;
    return ST_OK;
}

static bool is_wanted(const struct gw_audit *audit, const char *tenant)
{
    return audit->tenant == NULL || strcmp(audit->tenant, tenant) == 0;
}

/* Where retention has cut each chain: nothing is asked of what lies before. */
static enum status cuts_read(struct gw_audit *audit, struct gw_tx *tx, struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {.max = STEP_ARENA_MAX};
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    uint8_t value[GW_CHAIN_BYTES];
    bool row;

    TRY(sql_prepare(tx->db, "SELECT tenant, cut_link, cut_seq, cut_value, cut_at, link FROM chain",
                    &stmt, err));
    for (;;) {
        struct gw_audit_chain *chain;
        const char *tenant;

        TRY(sql_step(stmt, &row, err));
        if (!row)
            return ST_OK;
        tenant = sql_get_text(stmt, 0, &arena);
        TRY(sql_check(stmt, err));
        if (!is_wanted(audit, tenant))
            continue;
        TRY(chain_of(audit, tenant, &chain, err));
        chain->cut_link = sql_get_int(stmt, 1);
        chain->cut_at = sql_get_int(stmt, 4);
        chain->head_link = sql_get_int(stmt, 5);
        if (chain->found != GW_AUDIT_WHOLE || chain->link >= chain->cut_link)
            continue;
        sql_get_fixed(stmt, 3, value, sizeof value);
        value_set(audit, chain, chain->cut_link, value);
        chain->seq = sql_get_int(stmt, 2);
    }
}

/* ---- what is wrong with a link ---- */

/* Does the chain go on with this link in place of the one that should be there? */
static enum status fits(const struct gw_audit_chain *chain, const struct gw_link *link,
                        const uint8_t value[GW_CHAIN_BYTES], bool *yes, struct error *err)
{
    uint8_t made[GW_CHAIN_BYTES];

    TRY(gw_chain_next(chain->value, link, made, err));
    *yes = memcmp(made, value, sizeof made) == 0;
    return ST_OK;
}

/* Is the content of this link, or the link itself, to be found a little further on? */
static enum status is_elsewhere(struct gw_tx *tx, const struct gw_audit_chain *chain,
                                const struct gw_link *link, const uint8_t value[GW_CHAIN_BYTES],
                                bool *yes, struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {.max = STEP_ARENA_MAX};
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    bool row, linked;

    *yes = false;
    TRY(sql_prepare(tx->db,
                    "SELECT " GW_LINK_COLUMNS " FROM event WHERE seq > ? AND "
                    "COALESCE(tenant, '') = ? ORDER BY seq LIMIT ?",
                    &stmt, err));
    sql_put_int(stmt, link->seq);
    sql_put_text(stmt, chain->tenant);
    sql_put_int(stmt, NEAR);
    while (!*yes) {
        uint8_t other_value[GW_CHAIN_BYTES];
        struct gw_link other;

        TRY(sql_step(stmt, &row, err));
        if (!row)
            return ST_OK;
        TRY(gw_link_read(stmt, &arena, &other, other_value, &linked, err));
        if (linked && other.link == chain->link + 1) { /* the whole row has moved */
            *yes = true;
            return ST_OK;
        }
        other.seq = link->seq;
        other.link = link->link;
        TRY(fits(chain, &other, value, yes, err)); /* its content alone */
    }
    return ST_OK;
}

/* Does the chain go on behind this link as if it were not there? Then it was put in between. */
static enum status is_surplus(struct gw_tx *tx, const struct gw_audit_chain *chain,
                              const struct gw_link *link, bool *yes, struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {.max = STEP_ARENA_MAX};
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    uint8_t value[GW_CHAIN_BYTES];
    struct gw_link next;
    bool row, linked;

    *yes = false;
    TRY(sql_prepare(tx->db,
                    "SELECT " GW_LINK_COLUMNS " FROM event WHERE seq > ? AND "
                    "COALESCE(tenant, '') = ? ORDER BY seq LIMIT 1",
                    &stmt, err));
    sql_put_int(stmt, link->seq);
    sql_put_text(stmt, chain->tenant);
    TRY(sql_step(stmt, &row, err));
    if (!row)
        return ST_OK;
    TRY(gw_link_read(stmt, &arena, &next, value, &linked, err));
    return linked ? fits(chain, &next, value, yes, err) : ST_OK;
}

static enum status break_name(struct gw_tx *tx, const struct gw_audit_chain *chain,
                              const struct gw_link *link, const uint8_t value[GW_CHAIN_BYTES],
                              bool linked, enum gw_audit_break *found, struct error *err)
{
    bool yes;

    *found = GW_AUDIT_INSERTED;
    if (!linked || link->link <= chain->link || link->link > chain->head_link)
        return ST_OK;
    TRY(is_surplus(tx, chain, link, &yes, err));
    if (yes)
        return ST_OK;
    TRY(is_elsewhere(tx, chain, link, value, &yes, err));
    *found = yes                            ? GW_AUDIT_REORDERED
             : link->link > chain->link + 1 ? GW_AUDIT_MISSING
                                            : GW_AUDIT_CHANGED;
    return ST_OK;
}

/* Notes the first break of a chain, at this link. */
static enum status broken(struct gw_audit *audit, struct gw_tx *tx, struct gw_audit_chain *chain,
                          const struct gw_link *link, const uint8_t value[GW_CHAIN_BYTES],
                          bool linked, struct error *err)
{
    TRY(break_name(tx, chain, link, value, linked, &chain->found, err));
    chain->broken_link = chain->link + 1;
    if (chain->found == GW_AUDIT_MISSING) {
        chain->missing = link->link - chain->broken_link;
        return ST_OK;
    }
    chain->broken_seq = link->seq;
    chain->at = link->at;
    if (link->text[GW_LINK_MESSAGE].ptr != NULL) {
        chain->message_id = arena_str(&audit->arena, span_sub(link->text[GW_LINK_MESSAGE], 0, 64));
        TRY_ALLOC(chain->message_id, err);
    }
    return ST_OK;
}

static enum status link_check(struct gw_audit *audit, struct gw_tx *tx, const struct gw_link *link,
                              const uint8_t value[GW_CHAIN_BYTES], bool linked, struct error *err)
{
    const char *tenant =
        link->text[GW_LINK_TENANT].ptr == NULL ? "" : (const char *)link->text[GW_LINK_TENANT].ptr;
    struct gw_audit_chain *chain;
    bool holds;

    if (!is_wanted(audit, tenant))
        return ST_OK;
    TRY(chain_of(audit, tenant, &chain, err));
    if (chain->found != GW_AUDIT_WHOLE)
        return ST_OK;
    chain->events++;
    holds = linked && link->link == chain->link + 1 && link->link <= chain->head_link;
    if (holds)
        TRY(fits(chain, link, value, &holds, err));
    if (!holds)
        return broken(audit, tx, chain, link, value, linked, err);
    value_set(audit, chain, link->link, value);
    chain->seq = link->seq;
    chain->at = link->at;
    return ST_OK;
}

/* The end of the chain is where the gateway stopped writing it. */
static enum status end_check(struct gw_tx *tx, struct gw_audit_chain *chain, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    uint8_t value[GW_CHAIN_BYTES];
    bool row;

    if (chain->found != GW_AUDIT_WHOLE)
        return ST_OK;
    TRY(sql_prepare(tx->db, "SELECT value FROM chain WHERE tenant = ?", &stmt, err));
    sql_put_text(stmt, chain->tenant);
    TRY(sql_step(stmt, &row, err));
    memset(value, 0, sizeof value);
    if (row)
        sql_get_fixed(stmt, 0, value, sizeof value);
    if (chain->link == chain->head_link && memcmp(value, chain->value, sizeof value) == 0)
        return ST_OK;
    chain->missing = chain->head_link - chain->link;
    chain->found = chain->missing > 0 ? GW_AUDIT_MISSING : GW_AUDIT_CHANGED;
    chain->broken_link = chain->link + (chain->missing > 0);
    return ST_OK;
}

static enum status all_end(struct gw_audit *audit, struct gw_tx *tx, struct error *err)
{
    for (size_t i = 0; i < audit->count; i++)
        TRY(end_check(tx, &audit->chains[i], err));
    return ST_OK;
}

/* ---- since ---- */

/* The number before the first event at or after that time; of the last one if there is none. */
static enum status before_find(struct gw_tx *tx, int64_t since, int64_t *before, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    bool row;

    TRY(sql_prepare(tx->db,
                    "SELECT COALESCE((SELECT seq - 1 FROM event WHERE at >= ? ORDER BY seq "
                    "LIMIT 1), (SELECT max(seq) FROM event), 0)",
                    &stmt, err));
    sql_put_int(stmt, since);
    TRY(sql_step(stmt, &row, err));
    *before = sql_get_int(stmt, 0);
    return ST_OK;
}

/* The chain as it was at its last event up to before: believed. */
static enum status chain_believe(struct gw_audit *audit, struct gw_tx *tx, int64_t before,
                                 struct gw_audit_chain *chain, struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {.max = STEP_ARENA_MAX};
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    uint8_t value[GW_CHAIN_BYTES];
    struct gw_link link;
    bool row, linked;

    TRY(sql_prepare(tx->db,
                    "SELECT " GW_LINK_COLUMNS " FROM event WHERE seq <= ? AND "
                    "COALESCE(tenant, '') = ? ORDER BY seq DESC LIMIT 1",
                    &stmt, err));
    sql_put_int(stmt, before);
    sql_put_text(stmt, chain->tenant);
    TRY(sql_step(stmt, &row, err));
    if (!row)
        return ST_OK; /* it begins later, or at the cut */
    TRY(gw_link_read(stmt, &arena, &link, value, &linked, err));
    value_set(audit, chain, link.link, value);
    chain->seq = link.seq;
    chain->at = link.at;
    return ST_OK;
}

static enum status since_find(struct gw_audit *audit, struct gw_tx *tx, struct error *err)
{
    int64_t before;

    if (audit->since == 0)
        return ST_OK;
    TRY(before_find(tx, audit->since, &before, err));
    audit->since = 0;
    for (size_t i = 0; i < audit->count; i++)
        TRY(chain_believe(audit, tx, before, &audit->chains[i], err));
    audit->seq = before;
    return ST_OK;
}

enum status gw_audit_step(struct gw_audit *audit, struct gw_tx *tx, size_t limit, bool *done,
                          struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {.max = STEP_ARENA_MAX};
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    size_t count = 0;
    bool row, linked;

    if (limit == 0)
        limit = STEP_DEFAULT;
    TRY(cuts_read(audit, tx, err));
    TRY(since_find(audit, tx, err));
    TRY(sql_prepare(tx->db,
                    "SELECT " GW_LINK_COLUMNS " FROM event WHERE seq > ? ORDER BY seq LIMIT ?",
                    &stmt, err));
    sql_put_int(stmt, audit->seq);
    sql_put_int(stmt, (int64_t)limit);
    for (; count < limit; count++) {
        uint8_t value[GW_CHAIN_BYTES];
        struct gw_link link;

        TRY(sql_step(stmt, &row, err));
        if (!row)
            break;
        TRY(gw_link_read(stmt, &arena, &link, value, &linked, err));
        TRY(link_check(audit, tx, &link, value, linked, err));
        audit->seq = link.seq;
    }
    *done = count < limit;
    return *done ? all_end(audit, tx, err) : ST_OK;
}

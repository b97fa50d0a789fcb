#include "gateway/xta_inbound.h"

#include <stdio.h>

#include "gateway/card.h"

enum { ARENA_MAX = 4 * 1024 * 1024, METADATA_ARENA_MAX = 32 * 1024 * 1024 };

static enum status text_copy(struct span from, struct arena *arena, const char **to,
                             struct error *err)
{
    if (from.len == 0)
        return ST_OK;
    *to = arena_str(arena, from);
    TRY_ALLOC(*to, err);
    return ST_OK;
}

enum status gw_xta_row_make(const struct xta_metadata *m, struct arena *arena,
                            struct gw_xta_row *row, struct error *err)
{
    const char **related = arena_array(arena, sizeof *related, m->related_count + 1);

    TRY_ALLOC(related, err);
    row->box = GW_INBOX;
    row->version = m->version;
    TRY(text_copy(m->id, arena, &row->xta_id, err));
    TRY(text_copy(m->author.value, arena, &row->author, err));
    TRY(text_copy(m->reader.value, arena, &row->reader, err));
    TRY(text_copy(m->service, arena, &row->service, err));
    if (!gw_card_time_ms(m->initial_send, &row->initial_send))
        row->initial_send = 0;
    for (size_t i = 0; i < m->related_count; i++)
        if (m->related[i].id.len > 0)
            TRY(text_copy(m->related[i].id, arena, &related[row->related_count++], err));
    row->related = related;
    return ST_OK;
}

/* What an index can hold. */
static bool is_sane(const struct xta_metadata *m)
{
    return m->id.len > 0 && m->id.len <= GW_XTA_ID_MAX && m->author.value.len <= GW_XTA_PARTY_MAX &&
           m->reader.value.len > 0 && m->reader.value.len <= GW_XTA_PARTY_MAX;
}

enum status gw_xta_arrival_read(const struct gw_config *conf, const char *tenant,
                                const struct osci_message *msg, struct arena *arena,
                                struct gw_xta_arrival *arrival, struct error *err)
{
    struct gw_xta_arrival a = {0};
    struct error why = {0};
    enum status st =
        gw_xta_incoming_read(msg->customs, msg->custom_count, arena, &a.incoming, &why);

    *arrival = a;
    if (st == ST_NOT_FOUND)
        return ST_OK;
    if (st != ST_OK) {
        *err = why;
        return st;
    }
    a.found = true;
    if (is_sane(&a.incoming.metadata))
        a.endpoint = gw_config_party_of(conf, tenant, a.incoming.metadata.reader.value);
    if (a.endpoint != NULL)
        TRY(gw_xta_row_make(&a.incoming.metadata, arena, &a.row, err));
    *arrival = a;
    return ST_OK;
}

const struct gw_endpoint_conf *gw_xta_arrival_endpoint(const struct gw_config *conf,
                                                       const char *tenant,
                                                       const struct osci_message *msg)
{
    AUTO(arena_deinit) struct arena arena = {.max = METADATA_ARENA_MAX};
    struct gw_xta_arrival arrival = {0};
    struct error ignored = {0};

    return gw_xta_arrival_read(conf, tenant, msg, &arena, &arrival, &ignored) == ST_OK
               ? arrival.endpoint
               : NULL;
}

/* ---- come before? ---- */

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static const struct gw_file_row *next_payload(const struct gw_file_row *files, size_t count,
                                              size_t *at)
{
    while (*at < count && files[*at].kind != GW_FILE_PAYLOAD)
        (*at)++;
    return *at < count ? &files[(*at)++] : NULL;
}

bool gw_xta_same_contents(const struct gw_file_list *old, const struct gw_stage *stage)
{
    const struct gw_file_row *a, *b, *files;
    size_t count, i = 0, k = 0;

    files = gw_stage_files(stage, &count);
    do {
        a = next_payload(old->rows, old->count, &i);
        b = next_payload(files, count, &k);
        if (a != NULL && b != NULL && memcmp(a->sha256, b->sha256, sizeof a->sha256) != 0)
            return false;
    } while (a != NULL && b != NULL);
    return a == NULL && b == NULL;
}

/* This delivery and what there is. */
struct comparing {
    const struct gw_xta_arrival *arrival;
    const char *sender, *osci_id;
    const struct gw_stage *stage;
};

static enum status compare(const struct comparing *c, struct gw_tx *tx, struct arena *arena,
                           const struct gw_xta_row *old, enum gw_xta_known *known,
                           struct error *err)
{
    struct gw_message_row row;
    struct gw_file_list files;

    TRY(gw_store_message(tx, arena, old->message_id, &row, err));
    TRY(gw_store_files(tx, arena, old->message_id, &files, err));
    if (row.osci_message_id != NULL && same_text(row.osci_message_id, c->osci_id))
        return ST_OK;
    *known = old->twin == NULL && same_text(row.sender, c->sender) &&
                     xta_same(span_str(old->author), span_str(c->arrival->row.author)) &&
                     xta_same(span_str(old->reader), span_str(c->arrival->row.reader)) &&
                     gw_xta_same_contents(&files, c->stage)
                 ? GW_XTA_AGAIN
                 : GW_XTA_CLASH;
    return ST_OK;
}

enum status gw_xta_arrival_known(const struct gw_runtime *rt, const struct gw_xta_arrival *arrival,
                                 const char *sender, const char *osci_id,
                                 const struct gw_stage *stage, enum gw_xta_known *known,
                                 char existing[GW_ID_SIZE], struct error *err)
{
    const struct comparing c = {arrival, sender, osci_id, stage};
    AUTO(arena_deinit) struct arena arena = {.max = ARENA_MAX};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_xta_row old;
    struct error why = {0};
    enum status st;

    *known = GW_XTA_NEW;
    if (arrival->endpoint == NULL)
        return ST_OK;
    TRY(gw_store_read(rt->store, &tx, err));
    st = gw_store_xta_inbox(tx, &arena, arrival->row.xta_id, &old, &why);
    if (st == ST_NOT_FOUND)
        return ST_OK;
    if (st != ST_OK) {
        *err = why;
        return st;
    }
    (void)snprintf(existing, GW_ID_SIZE, "%s", old.message_id);
    return compare(&c, tx, &arena, &old, known, err);
}

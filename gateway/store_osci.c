/* ids and deliveries of gateway/store_osci.h */
#include "gateway/store_osci.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "gateway/store_osci_impl.h"
#include "osci/feedback.h"

enum status gw_store_osci_id_issue(struct gw_tx *tx, const struct gw_osci_id_row *row,
                                   struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    assert(tx->writer);
    TRY(sql_prepare(
        tx->db,
        "INSERT INTO osci_id (id, tenant, client, issued_at, used_at) VALUES (?, ?, ?, ?, 0)",
        &stmt, err));
    sql_put_text(stmt, row->osci_message_id);
    sql_put_text(stmt, row->tenant);
    sql_put_bytes(stmt, span_of(row->client, sizeof row->client));
    sql_put_int(stmt, row->issued_at);
    return sql_run(stmt, err);
}

static enum status osci_id_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    return gw_store_osci_id_issue(tx, ctx, err);
}

enum status gw_store_commit_osci_id(struct gw_store *store, const struct gw_osci_id_row *row,
                                    struct error *err)
{
    struct gw_osci_id_row copy = *row;

    return gw_store_commit(store, osci_id_commit, &copy, err);
}

enum status gw_store_osci_id(struct gw_tx *tx, struct arena *arena, const char *tenant,
                             const char *osci_message_id, struct gw_osci_id_row *row,
                             struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    struct gw_osci_id_row found = {0};
    bool got;

    TRY(sql_prepare(tx->db,
                    "SELECT id, client, issued_at, used_at, tenant FROM osci_id "
                    "WHERE id = ? AND tenant IS ?",
                    &stmt, err));
    sql_put_text(stmt, osci_message_id);
    sql_put_text(stmt, tenant);
    TRY(sql_step(stmt, &got, err));
    if (!got)
        return error_set(err, ST_NOT_FOUND, 0, "this MessageId was not issued here");
    found.osci_message_id = sql_get_text(stmt, 0, arena);
    sql_get_fixed(stmt, 1, found.client, sizeof found.client);
    found.issued_at = sql_get_int(stmt, 2);
    found.used_at = sql_get_int(stmt, 3);
    found.tenant = sql_get_text(stmt, 4, arena);
    TRY(sql_check(stmt, err));
    *row = found;
    return ST_OK;
}

enum status gw_store_osci_ids_open(struct gw_tx *tx, const uint8_t client[GW_SHA256_BYTES],
                                   uint64_t *count, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    bool row;

    TRY(sql_prepare(tx->db,
                    client == NULL
                        ? "SELECT count(*) FROM osci_id WHERE used_at = 0"
                        : "SELECT count(*) FROM osci_id WHERE client = ? AND used_at = 0",
                    &stmt, err));
    if (client != NULL)
        sql_put_bytes(stmt, span_of(client, GW_SHA256_BYTES));
    TRY(sql_step(stmt, &row, err));
    *count = (uint64_t)sql_get_int(stmt, 0);
    return ST_OK;
}

static const char *const kind_names[] = {[GW_DELIVERY_STORE] = "store",
                                         [GW_DELIVERY_FORWARD] = "forward",
                                         [GW_DELIVERY_MEDIATE] = "mediate"};

static enum status osci_id_is_known(struct gw_tx *tx, const struct gw_delivery_row *row,
                                    bool *known, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(tx->db, "SELECT 1 FROM osci_id WHERE id = ? AND tenant IS ?", &stmt, err));
    sql_put_text(stmt, row->osci_message_id);
    sql_put_text(stmt, row->tenant);
    return sql_step(stmt, known, err);
}

static enum status osci_id_use(struct gw_tx *tx, const struct gw_delivery_row *row,
                               struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    int64_t changes = sql_changes(tx->db);
    bool known;

    TRY(sql_prepare(tx->db,
                    "UPDATE osci_id SET used_at = ? WHERE id = ? AND tenant IS ? AND used_at = 0",
                    &stmt, err));
    sql_put_int(stmt, row->creation);
    sql_put_text(stmt, row->osci_message_id);
    sql_put_text(stmt, row->tenant);
    TRY(sql_run(stmt, err));
    if (sql_changes(tx->db) != changes)
        return ST_OK;
    TRY(osci_id_is_known(tx, row, &known, err));
    if (known)
        return error_set(err, ST_DUPLICATE, 9801, "this MessageId has been used before");
    return error_set(err, ST_NOT_FOUND, 9801, "this MessageId was not issued here");
}

static enum status delivery_insert(struct gw_tx *tx, const struct gw_delivery_row *row,
                                   struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(tx->db,
                    "INSERT INTO delivery (" GW_DELIVERY_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, "
                    "?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
                    &stmt, err));
    sql_put_text(stmt, row->id);
    sql_put_text(stmt, row->osci_message_id);
    sql_put_text(stmt, row->tenant);
    sql_put_text(stmt, kind_names[row->kind]);
    sql_put_bytes(stmt, span_of(row->mailbox, sizeof row->mailbox));
    sql_put_bytes(stmt, span_of(row->originator_cipher, sizeof row->originator_cipher));
    sql_put_bytes(stmt, span_of(row->originator_signature, sizeof row->originator_signature));
    sql_put_text(stmt, row->subject);
    sql_put_int(stmt, row->creation);
    sql_put_int(stmt, row->forwarding);
    sql_put_int(stmt, row->reception);
    sql_put_int(stmt, row->creation);
    sql_put_int(stmt, (int64_t)row->size_bytes);
    sql_put_bytes(stmt, row->parts);
    sql_put_bytes(stmt, row->inspections);
    sql_put_int(stmt, row->kind == GW_DELIVERY_STORE);
    return sql_run(stmt, err);
}

/* The words of the indexes delivery_waiting, delivery_mailbox_room, delivery_client_room. */
#define WAITING "reception = 0 AND content = 1 AND damaged = 0"

/* Is there room for one more of that size among those that text counts? */
static enum status room_check(struct gw_tx *tx, const char *text, const uint8_t *owner,
                              const struct gw_delivery_row *row, const struct gw_quota *quota,
                              int occasion, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    uint64_t messages, bytes;
    bool got;

    if (quota->messages == 0 && quota->bytes == 0)
        return ST_OK;
    TRY(sql_prepare(tx->db, text, &stmt, err));
    sql_put_bytes(stmt, span_of(owner, GW_SHA256_BYTES));
    sql_put_text(stmt, row->tenant);
    TRY(sql_step(stmt, &got, err));
    messages = (uint64_t)sql_get_int(stmt, 0);
    bytes = (uint64_t)sql_get_int(stmt, 1);
    if ((quota->messages == 0 || messages < quota->messages) &&
        (quota->bytes == 0 || bytes + row->size_bytes <= quota->bytes))
        return ST_OK;
    return error_set(err, ST_LIMIT, occasion, "%llu deliveries with %llu bytes wait already",
                     (unsigned long long)messages, (unsigned long long)bytes);
}

static enum status quotas_check(struct gw_tx *tx, const struct gw_delivery_row *row,
                                struct error *err)
{
    if (row->quotas == NULL || row->kind != GW_DELIVERY_STORE)
        return ST_OK;
    TRY(room_check(tx,
                   "SELECT count(*), coalesce(sum(size_bytes), 0) FROM delivery "
                   "WHERE mailbox = ? AND tenant IS ? AND " WAITING,
                   row->mailbox, row, &row->quotas->mailbox, OSCI_MAILBOX_FULL, err));
    return room_check(tx,
                      "SELECT count(*), coalesce(sum(size_bytes), 0) FROM delivery "
                      "WHERE originator_cipher = ? AND tenant IS ? AND " WAITING,
                      row->originator_cipher, row, &row->quotas->client, OSCI_CLIENT_FULL, err);
}

/* Whose mailbox it is, the first time. */
static enum status mailbox_note(struct gw_tx *tx, const struct gw_delivery_row *row,
                                struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    if (row->addressee == NULL || row->kind != GW_DELIVERY_STORE)
        return ST_OK;
    TRY(sql_prepare(tx->db,
                    "INSERT INTO mailbox (tenant, id, subject, first_at) VALUES (?, ?, ?, ?) "
                    "ON CONFLICT DO NOTHING",
                    &stmt, err));
    sql_put_text(stmt, gw_text_or_empty(row->tenant));
    sql_put_bytes(stmt, span_of(row->mailbox, sizeof row->mailbox));
    sql_put_text(stmt, row->addressee);
    sql_put_int(stmt, row->creation);
    return sql_run(stmt, err);
}

enum status gw_store_delivery_accept(struct gw_tx *tx, const struct gw_delivery_row *row,
                                     const struct gw_file_row *files, size_t file_count,
                                     struct error *err)
{
    assert(tx->writer && gw_uuid_is_valid(span_str(row->id)) && row->creation > 0);
    TRY(osci_id_use(tx, row, err));
    TRY(quotas_check(tx, row, err));
    TRY(mailbox_note(tx, row, err));
    TRY(delivery_insert(tx, row, err));
    return gw_store_files_add(tx, row->id, files, file_count, err);
}

struct accept_args {
    const struct gw_delivery_row *row;
    const struct gw_file_row *files;
    size_t file_count;
};

static enum status accept_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct accept_args *a = ctx;

    return gw_store_delivery_accept(tx, a->row, a->files, a->file_count, err);
}

enum status gw_store_commit_delivery(struct gw_store *store, const struct gw_delivery_row *row,
                                     const struct gw_file_row *files, size_t file_count,
                                     struct error *err)
{
    struct accept_args args = {row, files, file_count};

    return gw_store_commit(store, accept_commit, &args, err);
}

static enum gw_delivery_kind kind_of(const char *name)
{
    for (enum gw_delivery_kind k = 0; k < ARRAY_LEN(kind_names); k++)
        if (span_is(span_str(name), kind_names[k]))
            return k;
    return GW_DELIVERY_STORE;
}

enum status gw_delivery_row_read(struct sql_stmt *stmt, struct arena *arena,
                                 struct gw_delivery_row *row, struct error *err)
{
    row->id = sql_get_text(stmt, 0, arena);
    row->osci_message_id = sql_get_text(stmt, 1, arena);
    row->tenant = sql_get_text(stmt, 2, arena);
    row->kind = kind_of(sql_get_text(stmt, 3, arena));
    sql_get_fixed(stmt, 4, row->mailbox, sizeof row->mailbox);
    sql_get_fixed(stmt, 5, row->originator_cipher, sizeof row->originator_cipher);
    sql_get_fixed(stmt, 6, row->originator_signature, sizeof row->originator_signature);
    row->subject = sql_get_text(stmt, 7, arena);
    row->creation = sql_get_int(stmt, 8);
    row->forwarding = sql_get_int(stmt, 9);
    row->reception = sql_get_int(stmt, 10);
    row->recent_modification = sql_get_int(stmt, 11);
    row->size_bytes = (uint64_t)sql_get_int(stmt, 12);
    row->parts = sql_get_bytes(stmt, 13, arena);
    row->inspections = sql_get_bytes(stmt, 14, arena);
    row->content = sql_get_int(stmt, 15) != 0;
    row->damaged = sql_get_int(stmt, 16) != 0;
    return sql_check(stmt, err);
}

static enum status delivery_one(struct sql_stmt *stmt, struct arena *arena,
                                struct gw_delivery_row *row, struct error *err)
{
    struct gw_delivery_row found = {0};
    bool got;

    TRY(sql_step(stmt, &got, err));
    if (!got)
        return error_set(err, ST_NOT_FOUND, 9803, "there is no such delivery");
    TRY(gw_delivery_row_read(stmt, arena, &found, err));
    *row = found;
    return ST_OK;
}

/* How many wait for that selection besides the one returned. */
static enum status waiting_read(struct gw_tx *tx, const struct gw_delivery_select *select,
                                const char *but_id, uint64_t *waiting, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    bool row;

    TRY(sql_prepare(tx->db,
                    "SELECT count(*) FROM delivery WHERE mailbox = ? AND tenant IS ? AND "
                    "creation >= ? AND id NOT IN (?, ?) AND " WAITING,
                    &stmt, err));
    sql_put_bytes(stmt, span_of(select->mailbox, sizeof select->mailbox));
    sql_put_text(stmt, select->tenant);
    sql_put_int(stmt, select->since);
    sql_put_text(stmt, but_id);
    sql_put_text(stmt, gw_text_or_empty(select->skip_id));
    TRY(sql_step(stmt, &row, err));
    *waiting = (uint64_t)sql_get_int(stmt, 0);
    return ST_OK;
}

enum status gw_store_delivery_select(struct gw_tx *tx, struct arena *arena,
                                     const struct gw_delivery_select *select,
                                     struct gw_delivery_row *row, uint64_t *waiting,
                                     struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    if (select->osci_message_id != NULL) {
        TRY(sql_prepare(tx->db,
                        "SELECT " GW_DELIVERY_COLUMNS " FROM delivery WHERE osci_message_id = ? "
                        "AND mailbox = ? AND tenant IS ? AND content = 1 AND damaged = 0",
                        &stmt, err));
        sql_put_text(stmt, select->osci_message_id);
        sql_put_bytes(stmt, span_of(select->mailbox, sizeof select->mailbox));
        sql_put_text(stmt, select->tenant);
        TRY(delivery_one(stmt, arena, row, err));
        if (waiting != NULL)
            *waiting = 0; /* an id selects one */
        return ST_OK;
    }
    TRY(sql_prepare(tx->db,
                    "SELECT " GW_DELIVERY_COLUMNS
                    " FROM delivery WHERE mailbox = ? AND tenant IS ? "
                    "AND creation >= ? AND id <> ? AND " WAITING " ORDER BY creation, id LIMIT 1",
                    &stmt, err));
    sql_put_bytes(stmt, span_of(select->mailbox, sizeof select->mailbox));
    sql_put_text(stmt, select->tenant);
    sql_put_int(stmt, select->since);
    sql_put_text(stmt, gw_text_or_empty(select->skip_id));
    TRY(delivery_one(stmt, arena, row, err));
    if (waiting != NULL)
        return waiting_read(tx, select, row->id, waiting, err);
    return ST_OK;
}

enum status gw_store_delivery(struct gw_tx *tx, struct arena *arena, const char *osci_message_id,
                              struct gw_delivery_row *row, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(tx->db,
                    "SELECT " GW_DELIVERY_COLUMNS " FROM delivery WHERE osci_message_id = ?", &stmt,
                    err));
    sql_put_text(stmt, osci_message_id);
    return delivery_one(stmt, arena, row, err);
}

static enum status delivery_is_known(struct gw_tx *tx, const char *osci_message_id,
                                     struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    bool row;

    TRY(sql_prepare(tx->db, "SELECT 1 FROM delivery WHERE osci_message_id = ?", &stmt, err));
    sql_put_text(stmt, osci_message_id);
    TRY(sql_step(stmt, &row, err));
    return row ? ST_OK : error_set(err, ST_NOT_FOUND, 9803, "there is no such delivery");
}

/* An update of (at, at, at, id); *changed: a row was hit. */
static enum status times_set(struct gw_tx *tx, const char *text, const char *osci_message_id,
                             int64_t at, bool *changed, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    int64_t changes = sql_changes(tx->db);

    assert(tx->writer && at > 0);
    TRY(sql_prepare(tx->db, text, &stmt, err));
    for (int i = 0; i < 3; i++)
        sql_put_int(stmt, at);
    sql_put_text(stmt, osci_message_id);
    TRY(sql_run(stmt, err));
    *changed = sql_changes(tx->db) != changes;
    return ST_OK;
}

enum status gw_store_delivery_forwarded(struct gw_tx *tx, const char *osci_message_id, int64_t at,
                                        struct error *err)
{
    bool changed;

    TRY(times_set(tx,
                  "UPDATE delivery SET forwarding = ?, "
                  "modification = CASE WHEN modification > ? THEN modification ELSE ? END "
                  "WHERE osci_message_id = ?",
                  osci_message_id, at, &changed, err));
    return changed ? ST_OK : delivery_is_known(tx, osci_message_id, err);
}

enum status gw_store_delivery_unforwarded(struct gw_tx *tx, const char *osci_message_id, int64_t at,
                                          struct error *err)
{
    bool changed;

    TRY(times_set(tx,
                  "UPDATE delivery SET forwarding = 0, "
                  "modification = CASE WHEN modification > max(?, ?) THEN modification ELSE ? END "
                  "WHERE osci_message_id = ?",
                  osci_message_id, at, &changed, err));
    return changed ? ST_OK : delivery_is_known(tx, osci_message_id, err);
}

enum status gw_store_delivery_received(struct gw_tx *tx, const char *osci_message_id, int64_t at,
                                       struct error *err)
{
    bool changed;

    TRY(times_set(tx,
                  "UPDATE delivery SET reception = ?, "
                  "modification = CASE WHEN modification > ? THEN modification ELSE ? END "
                  "WHERE osci_message_id = ? AND reception = 0",
                  osci_message_id, at, &changed, err));
    if (changed)
        return ST_OK;
    TRY(delivery_is_known(tx, osci_message_id, err));
    return error_set(err, ST_DUPLICATE, 0, "reception is on the card already");
}

struct time_args {
    const char *osci_message_id;
    int64_t at;
};

static enum status forwarded_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct time_args *a = ctx;

    return gw_store_delivery_forwarded(tx, a->osci_message_id, a->at, err);
}

static enum status unforwarded_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct time_args *a = ctx;

    return gw_store_delivery_unforwarded(tx, a->osci_message_id, a->at, err);
}

static enum status received_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct time_args *a = ctx;

    return gw_store_delivery_received(tx, a->osci_message_id, a->at, err);
}

enum status gw_store_commit_forwarded(struct gw_store *store, const char *osci_message_id,
                                      int64_t at, struct error *err)
{
    struct time_args args = {osci_message_id, at};

    return gw_store_commit(store, forwarded_commit, &args, err);
}

enum status gw_store_commit_unforwarded(struct gw_store *store, const char *osci_message_id,
                                        int64_t at, struct error *err)
{
    struct time_args args = {osci_message_id, at};

    return gw_store_commit(store, unforwarded_commit, &args, err);
}

enum status gw_store_commit_received(struct gw_store *store, const char *osci_message_id,
                                     int64_t at, struct error *err)
{
    struct time_args args = {osci_message_id, at};

    return gw_store_commit(store, received_commit, &args, err);
}

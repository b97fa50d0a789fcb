/* messages of gateway/store.h: taking them in, moving them, finding one */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "gateway/explain.h"
#include "gateway/store_impl.h"

static void put_time(struct sql_stmt *stmt, const struct gw_card_time *time)
{
    sql_put_text(stmt, time->text);
    if (time->text != NULL)
        sql_put_int(stmt, time->ms);
    else
        sql_put_text(stmt, NULL);
}

static enum status message_insert(struct gw_tx *tx, const struct gw_message_row *row,
                                  enum gw_state state, int64_t now, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(tx->db,
                    "INSERT INTO message (" GW_MESSAGE_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, "
                    "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, 0, NULL, NULL, ?, ?, ?, ?, ?, ?, ?, "
                    "?, ?, ?, 0, ?, ?, ?, NULL)",
                    &stmt, err));
    sql_put_text(stmt, row->id);
    sql_put_text(stmt, gw_text_or_empty(row->tenant));
    sql_put_text(stmt, gw_text_or_empty(row->endpoint));
    sql_put_text(stmt, gw_box_name(row->box));
    sql_put_text(stmt, gw_state_name(state));
    sql_put_text(stmt, gw_text_or_empty(row->peer));
    sql_put_text(stmt, row->recipient);
    sql_put_text(stmt, row->sender);
    sql_put_text(stmt, row->message_type);
    sql_put_text(stmt, row->subject);
    sql_put_int(stmt, row->priority);
    sql_put_text(stmt, row->osci_message_id);
    sql_put_text(stmt, row->correlation);
    sql_put_text(stmt, row->client_key);
    sql_put_text(stmt, row->source_name);
    sql_put_int(stmt, (int64_t)row->size_bytes);
    sql_put_int(stmt, row->created_at);
    sql_put_int(stmt, now);
    sql_put_int(stmt, row->deliver_after);
    sql_put_int(stmt, row->expires_at);
    sql_put_int(stmt, row->deliver_after > now ? row->deliver_after : now);
    put_time(stmt, &row->creation);
    put_time(stmt, &row->forwarding);
    put_time(stmt, &row->reception);
    sql_put_text(stmt, row->inspections);
    sql_put_text(stmt, gw_way_name(row->delivery));
    sql_put_text(stmt, gw_answer_name(row->answer));
    sql_put_int(stmt, row->answer_due_at);
    sql_put_text(stmt, row->client_digest);
    sql_put_text(stmt, row->facts);
    sql_put_text(stmt, row->route);
    return sql_run(stmt, err);
}

/* ST_DUPLICATE with *existing filled when the query, already bound, finds a message. */
static enum status known_check(struct sql_stmt *stmt, const char *what, char existing[GW_ID_SIZE],
                               struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {0};
    const char *id;
    bool row;

    arena_init(&arena, 1024);
    TRY(sql_step(stmt, &row, err));
    if (!row)
        return ST_OK;
    id = sql_get_text(stmt, 0, &arena);
    TRY(sql_check(stmt, err));
    if (existing != NULL)
        (void)snprintf(existing, GW_ID_SIZE, "%s", id);
    return error_set(err, ST_DUPLICATE, 0, "message %s has the same %s", id, what);
}

static enum status unknown_key(struct gw_tx *tx, const struct gw_message_row *row,
                               char existing[GW_ID_SIZE], struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    if (row->client_key == NULL)
        return ST_OK;
    TRY(sql_prepare(tx->db,
                    "SELECT id FROM message WHERE tenant = ? AND endpoint = ? AND client_key = ?",
                    &stmt, err));
    sql_put_text(stmt, gw_text_or_empty(row->tenant));
    sql_put_text(stmt, gw_text_or_empty(row->endpoint));
    sql_put_text(stmt, row->client_key);
    return known_check(stmt, "client key", existing, err);
}

static enum status unknown_osci_id(struct gw_tx *tx, const struct gw_message_row *row,
                                   char existing[GW_ID_SIZE], struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    if (row->osci_message_id == NULL)
        return ST_OK;
    TRY(sql_prepare(tx->db,
                    "SELECT id FROM message WHERE osci_message_id = ? AND box = ? AND tenant = ? "
                    "AND peer = ?",
                    &stmt, err));
    sql_put_text(stmt, row->osci_message_id);
    sql_put_text(stmt, gw_box_name(row->box));
    sql_put_text(stmt, gw_text_or_empty(row->tenant));
    sql_put_text(stmt, gw_text_or_empty(row->peer));
    return known_check(stmt, "MessageId", existing, err);
}

/* The event of a message's step. */
static enum status step_record(struct gw_tx *tx, const struct gw_message_row *row,
                               enum gw_event event, enum gw_state from, enum gw_state to,
                               const struct gw_cause *cause, struct error *err)
{
    const struct gw_event_row e = {.at = cause->now,
                                   .message_id = row->id,
                                   .tenant = gw_text_or_null(row->tenant),
                                   .endpoint = gw_text_or_null(row->endpoint),
                                   .kind = gw_event_name(event),
                                   .box = row->box,
                                   .from = from,
                                   .to = to,
                                   .actor = cause->actor,
                                   .reason = cause->reason,
                                   .en = cause->en,
                                   .de = cause->de,
                                   .detail = cause->detail};

    return gw_event_insert(tx, &e, err);
}

enum status gw_store_message_add(struct gw_tx *tx, const struct gw_message_row *row,
                                 const struct gw_file_row *files, size_t file_count,
                                 const struct gw_cause *cause, char existing[GW_ID_SIZE],
                                 struct error *err)
{
    enum gw_event event = row->box == GW_OUTBOX ? GW_EV_ACCEPT : GW_EV_RECEIVE;
    enum gw_state state;

    assert(tx->writer && gw_uuid_is_valid(span_str(row->id)));
    TRY(gw_message_move(row->box, GW_NEW, event, &state, err));
    TRY(unknown_key(tx, row, existing, err));
    TRY(unknown_osci_id(tx, row, existing, err));
    TRY(message_insert(tx, row, state, cause->now, err));
    if (row->keep_order)
        TRY(gw_queue_join(tx, row, err));
    TRY(gw_store_files_add(tx, row->id, files, file_count, err));
    return step_record(tx, row, event, GW_NEW, state, cause, err);
}

enum status gw_message_row_read(struct sql_stmt *stmt, struct arena *arena,
                                struct gw_message_row *row, struct error *err)
{
    const char *box, *state, *way, *answer;
    int c = 0;

    row->id = sql_get_text(stmt, c++, arena);
    row->tenant = gw_text_or_null(sql_get_text(stmt, c++, arena));
    row->endpoint = gw_text_or_null(sql_get_text(stmt, c++, arena));
    box = sql_get_text(stmt, c++, arena);
    state = sql_get_text(stmt, c++, arena);
    row->peer = gw_text_or_null(sql_get_text(stmt, c++, arena));
    row->recipient = sql_get_text(stmt, c++, arena);
    row->sender = sql_get_text(stmt, c++, arena);
    row->message_type = sql_get_text(stmt, c++, arena);
    row->subject = sql_get_text(stmt, c++, arena);
    row->priority = (int)sql_get_int(stmt, c++);
    row->osci_message_id = sql_get_text(stmt, c++, arena);
    row->correlation = sql_get_text(stmt, c++, arena);
    row->client_key = sql_get_text(stmt, c++, arena);
    row->source_name = sql_get_text(stmt, c++, arena);
    row->size_bytes = (uint64_t)sql_get_int(stmt, c++);
    row->created_at = sql_get_int(stmt, c++);
    row->changed_at = sql_get_int(stmt, c++);
    row->deliver_after = sql_get_int(stmt, c++);
    row->expires_at = sql_get_int(stmt, c++);
    row->attempts = (int)sql_get_int(stmt, c++);
    row->next_attempt_at = sql_get_int(stmt, c++);
    row->last_reason = (int)sql_get_int(stmt, c++);
    row->last_error_en = sql_get_text(stmt, c++, arena);
    row->last_error_de = sql_get_text(stmt, c++, arena);
    row->creation.text = sql_get_text(stmt, c++, arena);
    row->creation.ms = sql_get_int(stmt, c++);
    row->forwarding.text = sql_get_text(stmt, c++, arena);
    row->forwarding.ms = sql_get_int(stmt, c++);
    row->reception.text = sql_get_text(stmt, c++, arena);
    row->reception.ms = sql_get_int(stmt, c++);
    row->inspections = sql_get_text(stmt, c++, arena);
    way = sql_get_text(stmt, c++, arena);
    answer = sql_get_text(stmt, c++, arena);
    row->answer_due_at = sql_get_int(stmt, c++);
    row->repeated_at = sql_get_int(stmt, c++);
    row->client_digest = sql_get_text(stmt, c++, arena);
    row->facts = sql_get_text(stmt, c++, arena);
    row->route = sql_get_text(stmt, c++, arena);
    row->keep_order = sql_get_text(stmt, c++, arena) != NULL;
    TRY(sql_check(stmt, err));
    if (!gw_box_of(span_str(box), &row->box) || !gw_state_of(span_str(state), &row->state) ||
        !gw_way_of(way, &row->delivery) || !gw_answer_of(answer, &row->answer))
        return error_set(err, ST_INTERNAL, 0, "the index holds the unknown state %.40s", state);
    return ST_OK;
}

/* The one row of a query that is already bound. */
static enum status message_one(struct sql_stmt *stmt, struct arena *arena,
                               struct gw_message_row *row, struct error *err)
{
    struct gw_message_row found = {0};
    bool got;

    TRY(sql_step(stmt, &got, err));
    if (!got)
        return error_set(err, ST_NOT_FOUND, 0, "there is no such message");
    TRY(gw_message_row_read(stmt, arena, &found, err));
    *row = found;
    return ST_OK;
}

enum status gw_store_message(struct gw_tx *tx, struct arena *arena, const char *id,
                             struct gw_message_row *row, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(tx->db, "SELECT " GW_MESSAGE_COLUMNS " FROM message WHERE id = ?", &stmt, err));
    sql_put_text(stmt, id);
    return message_one(stmt, arena, row, err);
}

enum status gw_store_message_by_key(struct gw_tx *tx, struct arena *arena, const char *tenant,
                                    const char *endpoint, const char *client_key,
                                    struct gw_message_row *row, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(tx->db,
                    "SELECT " GW_MESSAGE_COLUMNS " FROM message "
                    "WHERE tenant = ? AND endpoint = ? AND client_key = ?",
                    &stmt, err));
    sql_put_text(stmt, gw_text_or_empty(tenant));
    sql_put_text(stmt, gw_text_or_empty(endpoint));
    sql_put_text(stmt, client_key);
    return message_one(stmt, arena, row, err);
}

enum status gw_store_message_by_osci_id(struct gw_tx *tx, struct arena *arena, enum gw_box box,
                                        const char *tenant, const char *peer,
                                        const char *osci_message_id, struct gw_message_row *row,
                                        struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(tx->db,
                    "SELECT " GW_MESSAGE_COLUMNS " FROM message "
                    "WHERE osci_message_id = ? AND box = ? AND tenant = ? AND peer = ?",
                    &stmt, err));
    sql_put_text(stmt, osci_message_id);
    sql_put_text(stmt, gw_box_name(box));
    sql_put_text(stmt, gw_text_or_empty(tenant));
    sql_put_text(stmt, gw_text_or_empty(peer));
    return message_one(stmt, arena, row, err);
}

enum status gw_store_message_answering(struct gw_tx *tx, struct arena *arena, const char *id,
                                       struct gw_message_row *row, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(tx->db,
                    "SELECT " GW_MESSAGE_COLUMNS " FROM message "
                    "WHERE correlation = ? AND box = 'inbox' ORDER BY id LIMIT 1",
                    &stmt, err));
    sql_put_text(stmt, id);
    return message_one(stmt, arena, row, err);
}

/* What a step does to the last error. */
enum trouble { TROUBLE_KEEP, TROUBLE_SET, TROUBLE_CLEAR };

static enum trouble trouble_of(enum gw_event event)
{
    switch (event) {
    case GW_EV_DEFER:
    case GW_EV_DOUBT:
    case GW_EV_FAIL:
    case GW_EV_QUARANTINE:
    case GW_EV_REJECT:
    case GW_EV_EXPIRE:
    case GW_EV_DAMAGE:
        return TROUBLE_SET;
    case GW_EV_NOTE:
    case GW_EV_RETRY:
    case GW_EV_CANCEL:
    case GW_EV_ARCHIVE:
        return TROUBLE_KEEP;
    default:
        return TROUBLE_CLEAR;
    }
}

/* The columns that the event itself decides. */
static void row_apply(struct gw_message_row *row, const struct gw_move *move, enum gw_state next)
{
    enum trouble trouble = trouble_of(move->event);
    bool due_stays = move->event == GW_EV_NOTE || move->event == GW_EV_ARCHIVE ||
                     move->event == GW_EV_DAMAGE || move->event == GW_EV_SEAL ||
                     move->event == GW_EV_OPEN;

    row->state = next;
    if (move->endpoint != NULL)
        row->endpoint = move->endpoint;
    if (move->event != GW_EV_ARCHIVE) /* retention counts from the end of its life */
        row->changed_at = move->cause.now;
    if (move->event == GW_EV_REDELIVER)
        row->repeated_at = move->cause.now;
    if (move->event == GW_EV_REDIRECT)
        row->delivery = move->delivery;
    row->attempts = move->event == GW_EV_RETRY || move->event == GW_EV_REDIRECT
                        ? 0
                        : row->attempts + (move->attempted ? 1 : 0);
    if (move->event == GW_EV_RETRY || move->event == GW_EV_REDELIVER)
        row->next_attempt_at = move->cause.now;
    else if (move->event == GW_EV_REDIRECT)
        row->next_attempt_at =
            row->deliver_after > move->cause.now ? row->deliver_after : move->cause.now;
    else if (move->next_attempt_at != 0 || !due_stays)
        row->next_attempt_at = move->next_attempt_at;
    if (move->expires_at != 0)
        row->expires_at = move->expires_at;
    else if (move->event == GW_EV_RETRY && row->expires_at <= move->cause.now)
        row->expires_at = 0;
    if (trouble != TROUBLE_KEEP) {
        bool set = trouble == TROUBLE_SET;

        row->last_reason = set ? move->cause.reason : 0;
        row->last_error_en = set ? move->cause.en : NULL;
        row->last_error_de = set ? move->cause.de : NULL;
    }
}

static enum status message_update(struct gw_tx *tx, const struct gw_message_row *row,
                                  const struct gw_move *move, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(
        tx->db,
        "UPDATE message SET state = ?, changed_at = ?, attempts = ?, next_attempt_at = ?, "
        "expires_at = ?, last_reason = ?, last_error_en = ?, last_error_de = ?, "
        "peer = COALESCE(?, peer), recipient = COALESCE(?, recipient), "
        "sender = COALESCE(?, sender), message_type = COALESCE(?, message_type), "
        "subject = COALESCE(?, subject), "
        "osci_message_id = NULLIF(COALESCE(?, osci_message_id), ''), "
        "correlation = COALESCE(?, correlation), inspections = COALESCE(?, inspections), "
        "creation_text = COALESCE(?, creation_text), creation_ms = COALESCE(?, creation_ms), "
        "forwarding_text = COALESCE(?, forwarding_text), "
        "forwarding_ms = COALESCE(?, forwarding_ms), "
        "reception_text = COALESCE(?, reception_text), "
        "reception_ms = COALESCE(?, reception_ms), size_bytes = COALESCE(?, size_bytes), "
        "repeated_at = ?, delivery = ?, endpoint = COALESCE(?, endpoint) "
        "WHERE id = ?",
        &stmt, err));
    sql_put_text(stmt, gw_state_name(row->state));
    sql_put_int(stmt, row->changed_at);
    sql_put_int(stmt, row->attempts);
    sql_put_int(stmt, row->next_attempt_at);
    sql_put_int(stmt, row->expires_at);
    sql_put_int(stmt, row->last_reason);
    sql_put_text(stmt, row->last_error_en);
    sql_put_text(stmt, row->last_error_de);
    sql_put_text(stmt, move->peer);
    sql_put_text(stmt, move->recipient);
    sql_put_text(stmt, move->sender);
    sql_put_text(stmt, move->message_type);
    sql_put_text(stmt, move->subject);
    sql_put_text(stmt, move->osci_message_id);
    sql_put_text(stmt, move->correlation);
    sql_put_text(stmt, move->inspections);
    put_time(stmt, &move->creation);
    put_time(stmt, &move->forwarding);
    put_time(stmt, &move->reception);
    sql_put_int_or_null(stmt, (int64_t)move->size_bytes);
    sql_put_int(stmt, row->repeated_at);
    sql_put_text(stmt, gw_way_name(row->delivery));
    sql_put_text(stmt, move->endpoint);
    sql_put_text(stmt, row->id);
    return sql_run(stmt, err);
}

enum { ROW_ARENA_MAX = 4 << 20, SENTENCES_MAX = 64 * 1024 };

/* One that ends without having been sent says that it holds those behind it no longer. */
static enum status queued_record(struct gw_tx *tx, const struct gw_message_row *row,
                                 const struct gw_move *move, enum gw_state from, enum gw_state next,
                                 struct error *err)
{
    AUTO(buf_deinit) struct buf en = {0}, de = {0};
    struct gw_cause cause = move->cause;
    bool released;

    TRY(gw_queue_step(tx, row, next, cause.now, &released, err));
    if (released && gw_state_is_final(next) && next != GW_DELIVERED) {
        buf_init(&en, SENTENCES_MAX);
        buf_init(&de, SENTENCES_MAX);
        buf_printf(&en, "%s%sthe messages behind it, whose order is kept, go on without it",
                   gw_text_or_empty(cause.en), cause.en == NULL ? "" : "; ");
        buf_printf(&de,
                   "%s%sdie Nachrichten hinter ihr, deren Reihenfolge gewahrt wird, gehen ohne sie "
                   "weiter",
                   gw_text_or_empty(cause.de), cause.de == NULL ? "" : "; ");
        cause.en = buf_cstr(&en);
        cause.de = buf_cstr(&de);
        TRY(buf_check(&en, err));
        TRY(buf_check(&de, err));
    }
    return step_record(tx, row, move->event, from, next, &cause, err);
}

/* ST_DENIED: retention has deleted it. */
static enum status payload_needed(struct gw_tx *tx, const char *id, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    bool row;

    TRY(sql_prepare(tx->db, "SELECT 1 FROM message WHERE id = ? AND payload_gone_at > 0", &stmt,
                    err));
    sql_put_text(stmt, id);
    TRY(sql_step(stmt, &row, err));
    return row ? error_set(err, ST_DENIED, GW_R_PAYLOAD_GONE,
                           "the payload was deleted, its time was over")
               : ST_OK;
}

enum status gw_store_move(struct gw_tx *tx, const struct gw_move *move, enum gw_state *state,
                          struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {0};
    struct gw_message_row row;
    enum gw_state from, next;

    assert(tx->writer);
    arena_init(&arena, ROW_ARENA_MAX);
    TRY(gw_store_message(tx, &arena, move->id, &row, err));
    from = row.state;
    TRY(gw_message_move(row.box, from, move->event, &next, err));
    if (move->event == GW_EV_RETRY || move->event == GW_EV_REDELIVER)
        TRY(payload_needed(tx, row.id, err));
    row_apply(&row, move, next);
    TRY(message_update(tx, &row, move, err));
    TRY(gw_store_files_add(tx, row.id, move->files, move->file_count, err));
    if (row.keep_order)
        TRY(queued_record(tx, &row, move, from, next, err));
    else
        TRY(step_record(tx, &row, move->event, from, next, &move->cause, err));
    if (move->event == GW_EV_ACKNOWLEDGE)
        TRY(gw_xta_acknowledged(tx, row.id, &move->cause, err));
    if (move->event == GW_EV_REJECT)
        TRY(gw_twin_rejected(tx, &row, &move->cause, err));
    if (move->event == GW_EV_REDELIVER)
        TRY(gw_xta_repeated(tx, row.id, err));
    TRY(gw_onward_moved(tx, &row, move->event, &move->cause, err));
    if (state != NULL)
        *state = next;
    return ST_OK;
}

struct move_args {
    const struct gw_move *move;
    enum gw_state *state;
};

static enum status move_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct move_args *a = ctx;

    return gw_store_move(tx, a->move, a->state, err);
}

enum status gw_store_commit_move(struct gw_store *store, const struct gw_move *move,
                                 enum gw_state *state, struct error *err)
{
    struct move_args args = {move, state};

    return gw_store_commit(store, move_commit, &args, err);
}

struct add_args {
    const struct gw_message_row *row;
    const struct gw_file_row *files;
    size_t file_count;
    const struct gw_cause *cause;
    char *existing;
};

static enum status add_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct add_args *a = ctx;

    return gw_store_message_add(tx, a->row, a->files, a->file_count, a->cause, a->existing, err);
}

enum status gw_store_commit_message(struct gw_store *store, const struct gw_message_row *row,
                                    const struct gw_file_row *files, size_t file_count,
                                    const struct gw_cause *cause, char existing[GW_ID_SIZE],
                                    struct error *err)
{
    struct add_args args = {row, files, file_count, cause, existing};

    return gw_store_commit(store, add_commit, &args, err);
}

/* All rows of a table that belong to the message. */
static enum status rows_delete(struct gw_tx *tx, const char *text, const char *id,
                               struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(tx->db, text, &stmt, err));
    sql_put_text(stmt, id);
    return sql_run(stmt, err);
}

enum status gw_store_message_remove(struct gw_tx *tx, const char *id, struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {0};
    struct gw_message_row row;

    assert(tx->writer);
    arena_init(&arena, ROW_ARENA_MAX);
    TRY(gw_store_message(tx, &arena, id, &row, err));
    if (!gw_state_is_final(row.state))
        return error_set(err, ST_DENIED, 0, "a message that is %s cannot be removed",
                         gw_state_text(row.state, false));
    TRY(gw_store_files_forget(tx, id, err));
    TRY(rows_delete(tx, "DELETE FROM request WHERE message_id = ?", id, err));
    TRY(rows_delete(tx, "DELETE FROM xta_related WHERE message_id = ?", id, err));
    TRY(rows_delete(tx, "DELETE FROM xta_message WHERE message_id = ?", id, err));
    return rows_delete(tx, "DELETE FROM message WHERE id = ?", id, err);
}

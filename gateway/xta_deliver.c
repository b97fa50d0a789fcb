/*
 * deliverMessage (version 5): somebody else's XTA server brings a message for a reader of ours.
 *
 * Whoever brings it must be allowed to act for its author, as with sendMessage, or for its reader:
 * the author may be far away and nobody's account here. The message is durable in the reader's
 * inbox before anything is answered. Where the reader's endpoint answers requests, the answer is
 * its own; else both parts of it are empty.
 *
 * Source: XTA 2 digest 5, 6; XTA-150 to 153.
 */
#include "gateway/log.h"
#include "gateway/tenancy.h"
#include "gateway/xta_inbound.h"
#include "gateway/xta_sending.h"

struct delivering {
    struct gw_xta_call *call;
    const struct gw_endpoint_conf *endpoint;
    struct gw_xta_arrival arrival;
    struct gw_message_row row;
    struct gw_request_row request; /* where the endpoint answers */
    const struct gw_file_row *files;
    size_t file_count;
    struct gw_scan_note note;
    struct gw_cause cause;
};

/* ---- what may come ---- */

static enum status bringer_check(struct gw_xta_call *call, const struct xta_metadata *m,
                                 struct error *err)
{
    struct error why = {0};

    if (gw_xta_party_check(call, m->author.value, &why) == ST_OK)
        return gw_xta_service_check(call, m->service, err);
    call->fault = (struct xta_fault){0};
    return gw_xta_party_check(call, m->reader.value, err);
}

static enum status metadata_check(struct delivering *d, struct error *err)
{
    struct gw_xta_call *call = d->call;
    const struct xta_metadata *m = &call->request.metadata;
    const struct xta_container *c = &call->request.container;
    struct error why = {0};

    TRY(gw_xta_id_check(call, m->id, err));
    if (m->author.value.len == 0 || m->reader.value.len == 0 ||
        (c->count == 0 && c->encrypted.ptr == NULL && c->extensions.ptr == NULL))
        return gw_xta_refuse(call, ST_INVALID, XTA_PARAMETER_NOT_VALID, XTA_N_MISSING, err,
                             "author, reader or content is missing");
    if (c->extensions.ptr != NULL)
        return gw_xta_refuse(call, ST_INVALID, XTA_UNSUPPORTED_EXTENSION, XTA_N_UNSPECIFIED, err,
                             "no extension of the ContentContainer is known here");
    TRY(bringer_check(call, m, err));
    d->endpoint = gw_config_party(call->rt->conf, m->reader.value);
    if (d->endpoint == NULL || m->author.value.len > GW_XTA_PARTY_MAX)
        return gw_xta_refuse(call, ST_INVALID, XTA_PARAMETER_NOT_VALID, XTA_N_UNSPECIFIED, err,
                             "the reader is not known here");
    if (gw_tenancy_check(call->rt->conf, gw_xta_tenant(call), d->endpoint->tenant, &why) != ST_OK)
        return gw_xta_refuse(call, ST_DENIED, XTA_PERMISSION_DENIED, XTA_N_WRONG_PARTY, err,
                             "the reader is another tenant's: %s", why.text);
    return ST_OK;
}

/* ---- the same once more ---- */

/* What was answered the first time is answered again. */
static enum status again(struct delivering *d, const char *id, struct error *err)
{
    struct gw_xta_call *call = d->call;
    struct gw_request_row request;
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct error why = {0};
    enum status st;

    call->message_id = id;
    TRY(gw_store_read(call->rt->store, &tx, err));
    st = gw_store_request(tx, &call->arena, id, &request, &why);
    if (st == ST_NOT_FOUND)
        return ST_OK;
    if (st != ST_OK) {
        *err = why;
        return st;
    }
    gw_xta_request_await(call, id, d->endpoint, request.due_at, false);
    return ST_OK;
}

static enum status known_check(struct delivering *d, bool *done, struct error *err)
{
    char existing[GW_ID_SIZE];
    enum gw_xta_known known;
    const char *id;

    TRY(gw_xta_arrival_known(d->call->rt, &d->arrival, d->row.sender, NULL, d->call->stage, &known,
                             existing, err));
    *done = known == GW_XTA_AGAIN;
    if (known == GW_XTA_CLASH)
        return error_set(err, ST_DUPLICATE, XTA_N_ID_USED, "another message had this id");
    if (known == GW_XTA_NEW)
        return ST_OK;
    id = arena_str(&d->call->arena, span_str(existing));
    TRY_ALLOC(id, err);
    return again(d, id, err);
}

/* ---- durable ---- */

static enum status row_make(struct delivering *d, struct error *err)
{
    struct gw_xta_call *call = d->call;
    const struct xta_metadata *m = &call->request.metadata;
    struct gw_message_row *row = &d->row;
    size_t count;
    const struct gw_file_row *files = gw_stage_files(call->stage, &count);

    *row = (struct gw_message_row){
        .id = call->id,
        .tenant = d->endpoint->tenant,
        .endpoint = d->endpoint->name,
        .box = GW_INBOX,
        .recipient = d->endpoint->tenant,
        .sender = arena_str(&call->arena, m->author.value),
        .message_type = arena_str(&call->arena, m->message_type.code),
        .subject = arena_str(&call->arena, m->subject.len > 0 ? m->subject : m->message_type.code),
        .created_at = call->now};
    TRY_ALLOC(row->sender, err);
    TRY_ALLOC(row->message_type, err);
    TRY_ALLOC(row->subject, err);
    for (size_t i = 0; i < count; i++)
        row->size_bytes += files[i].len;
    TRY(gw_xta_row_make(m, &call->arena, &d->arrival.row, err));
    d->arrival.row.message_id = call->id;
    d->arrival.endpoint = d->endpoint;
    d->arrival.found = true;
    return ST_OK;
}

static enum status deliver_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    struct delivering *d = ctx;
    const struct gw_move open = {.id = d->row.id, .event = GW_EV_OPEN, .cause = d->cause};

    TRY(gw_store_message_add(tx, &d->row, d->files, d->file_count, &d->cause, NULL, err));
    TRY(gw_store_move(tx, &open, NULL, err));
    d->arrival.row.delivery = gw_now_ms();
    TRY(gw_store_xta_add(tx, &d->arrival.row, err));
    return d->request.message_id == NULL ? ST_OK : gw_store_request_add(tx, &d->request, err);
}

static enum status take(struct delivering *d, struct error *err)
{
    struct gw_xta_call *call = d->call;
    const struct gw_answers_conf *answers = d->endpoint->answers;
    struct gw_scan_verdict verdict = {0};

    d->cause = (struct gw_cause){.now = call->now, .actor = call->actor};
    TRY(gw_xta_encoding_check(call, err));
    TRY(gw_xta_scan(call, &verdict, err));
    gw_scan_remark(&verdict, &d->note, &d->cause);
    if (answers != NULL) {
        d->request.message_id = call->id;
        d->request.due_at = gw_xta_due(call, d->endpoint);
        d->request.command = answers->command_count > 0;
    }
    TRY(gw_xta_metadata_stage(call, &call->request.metadata, err));
    TRY(gw_stage_publish(call->stage, err));
    d->files = gw_stage_files(call->stage, &d->file_count);
    TRY(gw_store_commit(call->rt->store, deliver_commit, d, err));
    gw_stage_done(call->stage);
    call->message_id = call->id;
    gw_log(call->rt->log, GW_LOG_INFO, "message.received", LOG_STR("id", call->id),
           LOG_STR("endpoint", d->endpoint->name), LOG_STR("account", call->account->name),
           LOG_INT("bytes", d->row.size_bytes));
    if (answers != NULL)
        gw_xta_request_await(call, call->id, d->endpoint, d->request.due_at, true);
    return ST_OK;
}

static enum status deliver(struct delivering *d, struct error *err)
{
    struct error why = {0};
    enum status st;
    bool done;

    TRY(metadata_check(d, err));
    if (d->endpoint->answers != NULL)
        TRY(gw_xta_place_take(d->call, err));
    TRY(row_make(d, err));
    TRY(known_check(d, &done, err));
    if (done)
        return ST_OK;
    st = take(d, &why);
    if (st == ST_DUPLICATE) { /* the same on another connection was quicker */
        TRY(known_check(d, &done, err));
        if (done)
            return ST_OK;
    }
    if (st != ST_OK)
        *err = why;
    return st;
}

enum status gw_xta_deliver(struct gw_xta_call *call, struct error *err)
{
    struct delivering d = {.call = call};
    enum status st = deliver(&d, err);

    gw_scan_note_deinit(&d.note);
    return st;
}

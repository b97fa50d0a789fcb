#include "gateway/xta_sending.h"

#include <stdio.h>

#include "gateway/card.h"
#include "gateway/log.h"
#include "gateway/patience.h"
#include "gateway/transform_message.h"
#include "gateway/xta_header.h"
#include "gateway/xta_table.h"

enum { ID_MAX = 100 };

static enum status invalid(struct gw_xta_sending *s, int number, struct error *err,
                           const char *sentence)
{
    return gw_xta_refuse(s->call, ST_INVALID, XTA_PARAMETER_NOT_VALID, number, err, "%s", sentence);
}

/* ---- the id ---- */

static bool is_uri(struct span id)
{
    size_t scheme = span_find(id, SPAN(":"));

    if (scheme == SIZE_MAX || scheme == 0 || scheme + 1 == id.len)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        bool letter = (id.ptr[i] | 0x20) >= 'a' && (id.ptr[i] | 0x20) <= 'z';
        bool digit = id.ptr[i] >= '0' && id.ptr[i] <= '9';

        if (i < scheme && !letter && (i == 0 || (!digit && strchr("+-.", id.ptr[i]) == NULL)))
            return false;
        if (id.ptr[i] <= ' ' || id.ptr[i] > '~' || strchr("\"<>\\^`{|}", id.ptr[i]) != NULL)
            return false;
    }
    return true;
}

enum status gw_xta_id_check(struct gw_xta_call *call, struct span id, struct error *err)
{
    if (id.len == 0)
        return gw_xta_refuse(call, ST_INVALID, XTA_PARAMETER_NOT_VALID, XTA_N_MISSING, err,
                             "there is no message id");
    if (id.len > ID_MAX || !is_uri(id))
        return gw_xta_refuse(call, ST_INVALID, XTA_PARAMETER_NOT_VALID, XTA_N_NO_URI, err,
                             "the message id is no URI of at most %d characters", ID_MAX);
    return ST_OK;
}

/* One that this server would have made must have been made by it. */
static bool is_ours(const struct gw_xta_call *call, struct span id)
{
    char prefix[ID_MAX];

    (void)snprintf(prefix, sizeof prefix, "urn:de:xta:messageid:%s:", call->conf->instance);
    return span_eq_nocase(span_sub(id, 0, strlen(prefix)), span_str(prefix));
}

/* A look before the work: the claim in the commit decides. */
static enum status id_unused(struct gw_xta_sending *s, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_xta_row known;
    struct error why = {0};
    enum status st;

    TRY(gw_store_read(s->call->rt->store, &tx, err));
    st = gw_store_xta_find(tx, &s->call->arena, s->xta.xta_id, s->xta.author, GW_OUTBOX,
                           s->call->now, &known, &why);
    if (st == ST_NOT_FOUND)
        return ST_OK;
    if (st == ST_OK)
        return error_set(err, ST_DUPLICATE, XTA_N_ID_USED, "the message id is used");
    *err = why;
    return st;
}

/* ---- metadata ---- */

static enum status metadata_check(struct gw_xta_sending *s, struct error *err)
{
    struct gw_xta_call *call = s->call;
    const struct xta_metadata *m = &call->request.metadata;
    const struct xta_container *c = &call->request.container;

    TRY(gw_xta_id_check(call, m->id, err));
    if (m->author.value.len == 0)
        return invalid(s, XTA_N_MISSING, err, "there is no author");
    if (m->reader.value.len == 0)
        return invalid(s, XTA_N_MISSING, err, "there is no reader");
    if (m->author.value.len > GW_XTA_PARTY_MAX || m->reader.value.len > GW_XTA_PARTY_MAX)
        return invalid(s, XTA_N_COMBINATION, err, "the identifier of a party is too long");
    if (c->count == 0 && c->encrypted.ptr == NULL && c->extensions.ptr == NULL)
        return invalid(s, XTA_N_MISSING, err, "there is neither a message nor an attachment");
    if (c->extensions.ptr != NULL || (call->version == XTA_V5 && m->fragment_count > 0))
        return gw_xta_refuse(call, ST_INVALID, XTA_UNSUPPORTED_EXTENSION, XTA_N_UNSPECIFIED, err,
                             "no extension of ContentContainer or MessageMetaData is known here");
    TRY(gw_xta_party_check(call, m->author.value, err));
    TRY(gw_xta_service_check(call, m->service, err));
    s->author = gw_config_party(call->rt->conf, m->author.value);
    if (s->author == NULL)
        return gw_xta_refuse(call, ST_DENIED, XTA_PERMISSION_DENIED, XTA_N_WRONG_PARTY, err,
                             "the author is no party of an endpoint");
    return ST_OK;
}

/* The end of that day: xs:date with or without a zone. */
static bool day_end_ms(struct span date, int64_t *ms)
{
    char text[64];

    date = span_trim(date);
    if (date.len < 10 || date.len > 16)
        return false;
    (void)snprintf(text, sizeof text, "%.10sT23:59:59.999%.*s", (const char *)date.ptr,
                   (int)date.len - 10, (const char *)date.ptr + 10);
    return gw_card_time_ms(span_str(text), ms);
}

/* When it may go, and until when it must have arrived. */
static enum status times_check(struct gw_xta_sending *s, struct error *err)
{
    const struct xta_metadata *m = &s->call->request.metadata;
    int64_t now = s->call->now, obsolete = 0;

    if (m->not_before.len > 0 && !gw_card_time_ms(m->not_before, &s->xta.not_before))
        return invalid(s, XTA_N_COMBINATION, err, "NotBefore is no time");
    if (m->obsolete_after.len > 0 && !day_end_ms(m->obsolete_after, &obsolete))
        return invalid(s, XTA_N_COMBINATION, err, "ObsoleteAfter is no date");
    if (s->xta.not_before > now)
        s->row.deliver_after = s->xta.not_before;
    s->row.expires_at = obsolete; /* 0: as long as for others, row_make() */
    if (obsolete == 0)
        return ST_OK;
    if (obsolete <= now)
        return invalid(s, XTA_N_COMBINATION, err, "ObsoleteAfter has passed");
    if (s->xta.not_before > obsolete)
        return invalid(s, XTA_N_COMBINATION, err, "NotBefore is later than ObsoleteAfter");
    return ST_OK;
}

/* ---- its contents ---- */

enum status gw_xta_scan(struct gw_xta_call *call, struct gw_scan_verdict *verdict,
                        struct error *err)
{
    struct error why = {0};
    enum status st = gw_scan_outgoing(call->rt, call->stage, verdict, &why);

    if (why.reason == GW_R_SCAN_FINDING_OUT)
        return gw_xta_refuse(call, ST_DENIED, XTA_VIRUS_DETECTION, XTA_N_VIRUS, err, "%s",
                             why.text);
    if (why.reason == GW_R_SCAN_TOO_LARGE_OUT)
        return gw_xta_refuse(call, ST_INVALID, XTA_PARAMETER_NOT_VALID, XTA_N_TOO_LARGE, err,
                             "too large for the virus scanner: %s", why.text);
    if (st != ST_OK)
        *err = why;
    return st;
}

/* ---- rows ---- */

static enum status text_of(struct gw_xta_sending *s, struct span from, const char **to,
                           struct error *err)
{
    *to = NULL;
    if (from.len == 0)
        return ST_OK;
    *to = arena_str(&s->call->arena, from);
    TRY_ALLOC(*to, err);
    return ST_OK;
}

static enum status xta_row_make(struct gw_xta_sending *s, struct error *err)
{
    struct gw_xta_call *call = s->call;
    const struct xta_metadata *m = &call->request.metadata;
    const char **related;

    s->xta.message_id = call->id;
    s->xta.box = GW_OUTBOX;
    s->xta.account = call->account->name;
    s->xta.version = call->version;
    s->xta.initial_send = call->now;
    TRY(text_of(s, m->id, &s->xta.xta_id, err));
    TRY(text_of(s, m->author.value, &s->xta.author, err));
    TRY(text_of(s, m->reader.value, &s->xta.reader, err));
    TRY(text_of(s, m->service, &s->xta.service, err));
    related = arena_array(&call->arena, sizeof *related, m->related_count + 1);
    TRY_ALLOC(related, err);
    for (size_t i = 0; i < m->related_count; i++)
        if (m->related[i].id.len > 0)
            TRY(text_of(s, m->related[i].id, &related[s->related_count++], err));
    s->related = related;
    return ST_OK;
}

/* What it says of itself, before a route may say more. */
static enum status texts_make(struct gw_xta_sending *s, struct error *err)
{
    const struct xta_metadata *m = &s->call->request.metadata;
    struct gw_message_row *row = &s->row;

    TRY(text_of(s, m->message_type.code, &row->message_type, err));
    return text_of(s, m->subject.len > 0 ? m->subject : m->message_type.code, &row->subject, err);
}

static void row_make(struct gw_xta_sending *s)
{
    struct gw_xta_call *call = s->call;
    size_t count;
    const struct gw_file_row *files = gw_stage_files(call->stage, &count);
    struct gw_message_row *row = &s->row;

    row->id = call->id;
    row->tenant = row->sender = s->author->tenant;
    row->endpoint = s->author->name;
    row->box = GW_OUTBOX;
    row->created_at = call->now;
    row->delivery = s->way;
    for (size_t i = 0; i < count; i++)
        row->size_bytes += files[i].len;
    if (count > 0)
        row->source_name = files[0].name;
    gw_patience_apply(call->rt->conf, row, row->expires_at);
}

/* As the row of the table says. */
static enum status transform(struct gw_xta_sending *s, struct error *err)
{
    struct gw_transformed done;
    struct error why = {0};
    enum status st = gw_transform_message(s->call->rt, s->rule, s->call->stage, &done, &why);

    if (st != ST_OK && why.reason == GW_R_TRANSFORM_OUT)
        return gw_xta_refuse(s->call, ST_INVALID, XTA_PARAMETER_NOT_VALID, XTA_N_UNSPECIFIED, err,
                             "it cannot be transformed: %s", why.text);
    if (st != ST_OK)
        *err = why;
    gw_transform_remark(&done, &s->note, &s->cause);
    return st;
}

enum status gw_xta_sending_check(struct gw_xta_sending *s, enum gw_directory_mode mode,
                                 struct error *err)
{
    struct gw_scan_verdict verdict = {0};

    s->cause = (struct gw_cause){.now = s->call->now, .actor = s->call->actor};
    TRY(metadata_check(s, err));
    TRY(xta_row_make(s, err));
    TRY(id_unused(s, err));
    TRY(texts_make(s, err));
    TRY(gw_xta_table_route(s, mode, err));
    TRY(times_check(s, err));
    TRY(gw_xta_encoding_check(s->call, err));
    TRY(gw_xta_scan(s->call, &verdict, err));
    gw_scan_remark(&verdict, &s->note, &s->cause);
    TRY(transform(s, err));
    row_make(s);
    return ST_OK;
}

/* ---- durable ---- */

struct commit {
    const struct gw_xta_sending *s;
    const struct gw_file_row *files;
    size_t file_count;
    bool foreign;
};

static enum status commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct commit *c = ctx;
    const struct gw_xta_sending *s = c->s;
    int64_t now = s->call->now;

    TRY(gw_store_xta_claim(tx, s->xta.xta_id, s->xta.account, c->foreign, s->row.id, now, err));
    TRY(gw_store_message_add(tx, &s->row, c->files, c->file_count, &s->cause, NULL, err));
    TRY(gw_store_xta_add(tx, &s->xta, err));
    return s->has_twin ? gw_local_twin_add(tx, &s->twin, now, err) : ST_OK;
}

enum status gw_xta_metadata_stage(struct gw_xta_call *call, const struct xta_metadata *metadata,
                                  struct error *err)
{
    struct error why = {0};
    enum status st = gw_xta_headers_stage(call->stage, metadata, &call->arena, &why);

    if (st == ST_INVALID || st == ST_LIMIT)
        return gw_xta_refuse(call, ST_INVALID, XTA_PARAMETER_NOT_VALID, XTA_N_COMBINATION, err,
                             "the metadata cannot be carried: %s", why.text);
    if (st != ST_OK)
        *err = why;
    return st;
}

/* As it goes out: as it came, with the time at which we took it. */
static enum status headers_stage(struct gw_xta_call *call, struct error *err)
{
    struct xta_metadata metadata = call->request.metadata;

    TRY(gw_xta_time(&call->arena, call->now, &metadata.initial_send, err));
    return gw_xta_metadata_stage(call, &metadata, err);
}

enum status gw_xta_sending_commit(struct gw_xta_sending *s, const struct gw_request_row *request,
                                  struct error *err)
{
    struct gw_xta_call *call = s->call;
    const struct gw_runtime *rt = call->rt;
    struct commit c = {.s = s};

    c.foreign = call->conf->accept_foreign_ids && !is_ours(call, span_str(s->xta.xta_id));
    TRY(headers_stage(call, err));
    TRY(gw_stage_publish(call->stage, err));
    c.files = gw_stage_files(call->stage, &c.file_count);
    if (s->route.endpoint != NULL && s->row.deliver_after == 0) {
        TRY(gw_local_twin_make(rt, &s->row, c.files, c.file_count, call->now, &s->twin, err));
        s->twin.request = request;
        s->twin.related = s->related;
        s->twin.related_count = s->related_count;
        s->xta.twin = s->twin.id;
        s->has_twin = true;
    }
    TRY(gw_store_commit(rt->store, commit, &c, err));
    gw_stage_done(call->stage);
    call->message_id = call->id;
    gw_log(rt->log, GW_LOG_INFO, "message.accepted", LOG_STR("id", call->id),
           LOG_STR("endpoint", s->row.endpoint), LOG_STR("account", call->account->name),
           LOG_STR("recipient", s->row.recipient), LOG_INT("bytes", s->row.size_bytes));
    if (s->has_twin)
        gw_local_twin_done(&s->twin);
    else
        call->sent = true;
    return ST_OK;
}

void gw_xta_sending_deinit(struct gw_xta_sending *s)
{
    gw_local_twin_deinit(&s->twin);
    gw_scan_note_deinit(&s->note);
}

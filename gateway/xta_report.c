/*
 * getTransportReport: what has become of a message, as its author or its reader may know it.
 *
 *   0 open     until reception is proven: by the process card, or because the reader has closed it
 *   1, 2       proven; 2 with warnings: what the intermediary found about certificates, or lateness
 *   3          failed, expired, cancelled; the error says why
 *
 * Every step of its history is an info; what went wrong and was tried again, a warning.
 *
 * Source: XTA 2 digest 8.
 */
#include <jansson.h>
#include <stdio.h>

#include "gateway/explain.h"
#include "gateway/message_json.h"
#include "gateway/xta_route.h"

enum { EVENTS_MAX = 500, EVIDENCE_MAX = 1024 * 1024, EVIDENCES_MAX = 4 };

/* Nobody has published values for these lists; everybody may have one of his own. */
#define RECORD_LIST "urn:depesche:codeliste:record.type"
#define REPORT_LIST "urn:depesche:codeliste:report.type"
#define LIST_VERSION "1.0"

struct reporting {
    struct gw_xta_call *call;
    struct gw_xta_row xta;
    struct gw_message_row row;
    struct gw_file_list files;
    struct gw_event_list events;
    json_t *inspections; /* of the process card; NULL: none */
    struct xta_report *report;
};

/* ---- records ---- */

/* As XML can hold it: a program that failed may have said anything. */
static enum status reason_make(struct arena *arena, const char *said, struct span *reason,
                               struct error *err)
{
    json_t *json = gw_json_text(said);
    char *text = json == NULL ? NULL : arena_str(arena, span_str(json_string_value(json)));

    json_decref(json);
    TRY_ALLOC(text, err);
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' && *c != '\n' && *c != '\t')
            *c = ' ';
    *reason = span_str(text);
    return ST_OK;
}

static enum status record_add(struct reporting *r, struct xta_records *list, int64_t at,
                              const char *code, struct buf *reason, struct error *err)
{
    struct xta_record *record = &list->rows[list->count];
    struct arena *arena = &r->call->arena;

    TRY(buf_check(reason, err));
    TRY(reason_make(arena, buf_cstr(reason), &record->reason, err));
    record->code = (struct xta_code){.list = SPAN(RECORD_LIST), .list_version = SPAN(LIST_VERSION)};
    record->code.code = span_str(arena_str(arena, span_str(code)));
    TRY_ALLOC(record->code.code.ptr, err);
    TRY(gw_xta_time(arena, at, &record->at, err));
    list->count++;
    return ST_OK;
}

/* "Deutsch / English", or the one that there is. */
static void both(struct buf *b, const char *de, const char *en)
{
    if (de != NULL)
        buf_str(b, de);
    if (de != NULL && en != NULL)
        buf_str(b, " / ");
    if (en != NULL)
        buf_str(b, en);
}

/* The code, and whose turn it is. */
static void side_add(struct buf *b, int reason)
{
    enum gw_side side = gw_explain_find(reason)->side;

    if (reason != 0)
        buf_printf(b, " (%04d: %s / %s)", reason, gw_side_text(side, GW_LANG_DE),
                   gw_side_text(side, GW_LANG_EN));
}

static bool is_trouble(enum gw_state state)
{
    return state == GW_DEFERRED || state == GW_UNCLEAR || state == GW_QUARANTINED;
}

static bool has_failed(enum gw_state state)
{
    return state == GW_FAILED || state == GW_EXPIRED || state == GW_CANCELLED ||
           state == GW_REJECTED;
}

/* One step of the history. */
static enum status event_add(struct reporting *r, const struct gw_event_row *e, struct error *err)
{
    AUTO(buf_deinit) struct buf reason = {.max = 16 * 1024};
    struct xta_report *report = r->report;
    bool moved = e->from != e->to && e->to != GW_NEW;
    bool failed = moved && has_failed(e->to); /* for good, or overcome by now */

    if (moved)
        both(&reason, gw_state_text(e->to, true), gw_state_text(e->to, false));
    if (moved && (e->de != NULL || e->en != NULL))
        buf_str(&reason, ": ");
    both(&reason, e->de, e->en);
    if (reason.len == 0)
        buf_str(&reason, e->kind);
    side_add(&reason, e->reason);
    return record_add(r,
                      failed && has_failed(r->row.state)       ? &report->errors
                      : failed || (moved && is_trouble(e->to)) ? &report->warnings
                                                               : &report->infos,
                      e->at, e->kind, &reason, err);
}

/* A certificate that the intermediary could not find good. */
static enum status inspection_add(struct reporting *r, const json_t *inspection, struct error *err)
{
    AUTO(buf_deinit) struct buf reason = {.max = 16 * 1024};
    const char *subject, *math, *offline, *online = "ok";

    if (json_unpack((json_t *)inspection, "{s:s, s:s, s:s, s?s}", "subject", &subject, "math",
                    &math, "offline", &offline, "online", &online) != 0 ||
        (strcmp(math, "ok") == 0 && strcmp(offline, "valid") == 0 && strcmp(online, "ok") == 0))
        return ST_OK;
    buf_printf(&reason,
               "Zertifikatsprüfung des Intermediärs / certificate inspection of the intermediary: "
               "%s (math %s, offline %s, online %s)",
               subject, math, offline, online);
    return record_add(r, &r->report->warnings, r->row.changed_at, "inspection", &reason, err);
}

static enum status overdue_add(struct reporting *r, struct error *err)
{
    AUTO(buf_deinit) struct buf reason = {.max = 1024};
    int64_t hours = r->call->rt->conf->retry.overdue_hours;

    if (r->row.box != GW_OUTBOX || (r->row.state != GW_SUBMITTED && r->row.state != GW_FORWARDED) ||
        r->call->now - r->row.created_at < hours * 3600 * 1000)
        return ST_OK;
    buf_printf(&reason,
               "seit mehr als %d Stunden nicht abgeholt / not fetched for more than %d hours",
               (int)hours, (int)hours);
    return record_add(r, &r->report->warnings, r->call->now, "overdue", &reason, err);
}

/* An error there must be where it failed, even when the history is gone. */
static enum status error_add(struct reporting *r, struct error *err)
{
    AUTO(buf_deinit) struct buf reason = {.max = 16 * 1024};

    if (!has_failed(r->row.state) || r->report->errors.count > 0)
        return ST_OK;
    both(&reason, r->row.last_error_de, r->row.last_error_en);
    if (reason.len == 0)
        both(&reason, gw_state_text(r->row.state, true), gw_state_text(r->row.state, false));
    side_add(&reason, r->row.last_reason);
    return record_add(r, &r->report->errors, r->row.changed_at, gw_state_name(r->row.state),
                      &reason, err);
}

static enum status records_make(struct reporting *r, struct error *err)
{
    struct xta_records *lists[] = {&r->report->errors, &r->report->warnings, &r->report->infos};
    size_t room = r->events.count + json_array_size(r->inspections) + 2;

    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        lists[i]->rows = arena_array(&r->call->arena, sizeof *lists[i]->rows, room);
        TRY_ALLOC(lists[i]->rows, err);
    }
    for (size_t i = 0; i < r->events.count; i++)
        TRY(event_add(r, &r->events.rows[i], err));
    for (size_t i = 0; i < json_array_size(r->inspections); i++)
        TRY(inspection_add(r, json_array_get(r->inspections, i), err));
    TRY(overdue_add(r, err));
    return error_add(r, err);
}

static int status_of(const struct reporting *r)
{
    enum gw_state state = r->row.state;

    if (has_failed(state))
        return 3;
    if (state != GW_DELIVERED && state != GW_ACKNOWLEDGED && state != GW_ARCHIVED)
        return 0;
    return r->report->warnings.count > 0 ? 2 : 1;
}

/* ---- additional reports ---- */

static enum status extra_add(struct reporting *r, const char *code, struct span data,
                             struct error *err)
{
    struct xta_extra_report *extra = &r->report->extras[r->report->extra_count];

    extra->key = (struct xta_code){
        .list = SPAN(REPORT_LIST), .list_version = SPAN(LIST_VERSION), .code = span_str(code)};
    extra->data = arena_span(&r->call->arena, data);
    TRY_ALLOC(extra->data.ptr, err);
    r->report->extra_count++;
    return ST_OK;
}

/* The message as the API tells it, with its events. */
static enum status history_add(struct reporting *r, struct error *err)
{
    json_t *json = gw_json_message(&r->row, NULL), *events = json_array();
    char *text;
    enum status st;

    for (size_t i = 0; i < r->events.count; i++)
        gw_json_append(&events, gw_json_event(&r->events.rows[i]));
    gw_json_put(&json, "events", events);
    text = gw_json_dump(json, JSON_INDENT(2));
    json_decref(json);
    st = text == NULL ? error_set(err, ST_LIMIT, GW_R_MEMORY, "out of memory")
                      : extra_add(r, "depesche.history", span_str(text), err);
    free(text);
    return st;
}

/* The protocol's own documents: signed answers, process cards. */
static enum status evidence_add(struct reporting *r, const struct gw_file_row *file,
                                struct error *err)
{
    AUTO(gw_file_source_deinit) struct gw_file_source source = {.fd = -1};
    AUTO(buf_deinit) struct buf bytes = {.max = EVIDENCE_MAX};
    struct error ignored = {0};
    bool card = file->name != NULL && strncmp(file->name, "processcard", 11) == 0;

    if (gw_payload_open(r->call->rt->store, file, &source, &ignored) != ST_OK ||
        source_read_all(&source.base, &bytes, &ignored) != ST_OK)
        return ST_OK; /* the history says as much */
    return extra_add(r, card ? "osci.processcard" : "osci.answer", buf_span(&bytes), err);
}

static enum status extras_make(struct reporting *r, struct error *err)
{
    r->report->extras = arena_array(&r->call->arena, sizeof *r->report->extras, EVIDENCES_MAX + 1);
    TRY_ALLOC(r->report->extras, err);
    for (size_t i = r->files.count; i-- > 0 && r->report->extra_count < EVIDENCES_MAX;)
        if (r->files.rows[i].kind == GW_FILE_EVIDENCE && r->files.rows[i].len <= EVIDENCE_MAX)
            TRY(evidence_add(r, &r->files.rows[i], err));
    return history_add(r, err);
}

/* ---- metadata ---- */

/* The intermediary's times: in the mailbox, handed out, received. */
static void card_times(struct reporting *r)
{
    if (r->row.peer == NULL)
        return;
    if (r->xta.delivery == 0)
        r->xta.delivery = r->row.creation.ms;
    if (r->xta.initial_fetch == 0)
        r->xta.initial_fetch = r->row.forwarding.ms;
    if (r->xta.reception == 0)
        r->xta.reception = r->row.reception.ms;
}

/* A reader in this house has its own row: what has been fetched stands there. */
static enum status twin_times(struct reporting *r, struct gw_tx *tx, struct error *err)
{
    struct gw_xta_row twin;
    struct error why = {0};
    enum status st;

    if (r->row.box != GW_OUTBOX || r->row.peer != NULL)
        return ST_OK;
    st = gw_store_xta_find(tx, &r->call->arena, r->xta.xta_id, r->xta.reader, GW_INBOX,
                           r->call->now, &twin, &why);
    if (st == ST_NOT_FOUND)
        return ST_OK;
    if (st != ST_OK) {
        *err = why;
        return st;
    }
    r->xta.delivery = twin.delivery;
    r->xta.initial_fetch = twin.initial_fetch;
    r->xta.reception = twin.reception;
    return ST_OK;
}

/* ---- all of it ---- */

static enum status load(struct reporting *r, struct error *err)
{
    struct arena *arena = &r->call->arena;
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    TRY(gw_store_read(r->call->rt->store, &tx, err));
    TRY(gw_xta_message_find(r->call, tx, GW_BOX_NONE, &r->xta, err));
    TRY(gw_store_message(tx, arena, r->xta.message_id, &r->row, err));
    TRY(gw_store_files(tx, arena, r->xta.message_id, &r->files, err));
    TRY(gw_store_events(tx, arena, 0, r->xta.message_id, NULL, NULL, EVENTS_MAX, &r->events, err));
    return twin_times(r, tx, err);
}

static enum status report(struct reporting *r, struct error *err)
{
    struct gw_xta_call *call = r->call;

    TRY(load(r, err));
    if (r->row.inspections != NULL)
        r->inspections = json_loads(r->row.inspections, 0, NULL);
    card_times(r);
    TRY(gw_xta_time(&call->arena, call->now, &r->report->at, err));
    r->report->server = span_str(call->conf->instance);
    TRY(records_make(r, err));
    r->report->status = status_of(r);
    TRY(extras_make(r, err));
    return gw_xta_metadata_load(call, &r->xta, &r->row, &r->files, &r->report->metadata, err);
}

enum status gw_xta_report(struct gw_xta_call *call, struct error *err)
{
    struct reporting r = {.call = call, .report = &call->answer.report};
    enum status st = report(&r, err);

    json_decref(r.inspections);
    return st;
}

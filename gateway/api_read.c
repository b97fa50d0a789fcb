/* What is asked through the API: messages, events, files, receipts, status. */
#include <stdio.h>

#include "gateway/api_call.h"
#include "gateway/card.h"
#include "gateway/health.h"
#include "gateway/local.h"
#include "gateway/payload.h"
#include "gateway/reason.h"
#include "gateway/reload.h"
#include "gateway/store_osci.h"
#include "gateway/store_xta.h"

enum { EVENTS_MAX = 10000, TEXT_MAX = 200 };

enum status gw_api_array(struct gw_api_call *call, const char *key, json_t *array,
                         struct error *err)
{
    call->json = json_object();
    gw_json_put(&call->json, key, array);
    TRY_ALLOC(call->json, err);
    call->status = 200;
    return ST_OK;
}

/* ---- messages ---- */

static enum status states_read(struct gw_api_call *call, uint32_t *states, struct error *err)
{
    const char *text;
    struct span rest, name;
    enum gw_state state;

    TRY(gw_api_param(call, "state", &text, err));
    rest = span_str(text);
    while (text != NULL && span_split(&rest, ',', &name)) {
        if (!gw_state_of(span_trim(name), &state))
            return gw_api_bad(call, "state", err);
        *states |= GW_STATES(state);
    }
    return ST_OK;
}

/* Of the outbox, without proof that it was fetched. */
static const uint32_t unproven = GW_STATES(GW_ACCEPTED) | GW_STATES(GW_SEALED) |
                                 GW_STATES(GW_SUBMITTED) | GW_STATES(GW_FORWARDED) |
                                 GW_STATES(GW_DEFERRED) | GW_STATES(GW_UNCLEAR);

static int64_t overdue_ms(const struct gw_api_call *call)
{
    return call->server->rt->conf->retry.overdue_hours * 3600 * 1000;
}

/* What has no proof by now should have had one before: when that became overdue. */
static int64_t overdue_before(const struct gw_api_call *call)
{
    return gw_now_ms() - overdue_ms(call);
}

/* overdue=true: those that have waited longest come first. *none: no message can be meant. */
static enum status overdue_read(struct gw_api_call *call, struct gw_filter *filter, bool *none,
                                struct error *err)
{
    const char *text;
    int64_t since;

    TRY(gw_api_param(call, "overdue", &text, err));
    TRY(gw_api_param_time(call, "overdue_since", &since, err));
    if (text == NULL)
        return since == 0 ? ST_OK : gw_api_bad(call, "overdue_since: with overdue=true", err);
    if (strcmp(text, "true") != 0)
        return gw_api_bad(call, "overdue=true", err);
    if (since != 0)
        filter->due_since = since - overdue_ms(call);
    *none = filter->box == GW_INBOX || (filter->states != 0 && (filter->states & unproven) == 0);
    filter->box = GW_OUTBOX;
    filter->states = filter->states == 0 ? unproven : filter->states & unproven;
    filter->due_before = overdue_before(call);
    filter->oldest_first = true;
    return ST_OK;
}

static enum status filter_read(struct gw_api_call *call, struct gw_filter *filter, bool *none,
                               struct error *err)
{
    const char *box;

    TRY(gw_api_param(call, "box", &box, err));
    if (box != NULL && !gw_box_of(span_str(box), &filter->box))
        return gw_api_bad(call, "box=outbox|inbox", err);
    TRY(gw_api_param_time(call, "since", &filter->since, err));
    TRY(gw_api_param_time(call, "until", &filter->until, err));
    TRY(gw_api_param(call, "cursor", &filter->cursor, err));
    if (filter->cursor != NULL && !gw_uuid_is_valid(span_str(filter->cursor)))
        return gw_api_bad(call, "cursor", err);
    TRY(gw_api_param(call, "partner", &filter->partner, err));
    TRY(gw_api_param(call, "type", &filter->message_type, err));
    TRY(gw_api_param(call, "q", &filter->text, err));
    if (filter->text != NULL && (filter->text[0] == '\0' || strlen(filter->text) > TEXT_MAX))
        return gw_api_bad(call, "q: 1 to 200 bytes", err);
    TRY(gw_api_param(call, "endpoint", &filter->endpoint, err));
    if (filter->endpoint != NULL && !gw_api_may(&call->server->rights, call->uid, filter->endpoint))
        return gw_api_problem_denied(call, filter->endpoint, err);
    TRY(states_read(call, &filter->states, err));
    TRY(overdue_read(call, filter, none, err));
    return gw_api_param_limit(call, &filter->limit, err);
}

static int newer_first(const void *a, const void *b)
{
    const struct gw_message_row *x = a, *y = b;

    return strcmp(y->id, x->id);
}

static int older_first(const void *a, const void *b)
{
    return newer_first(b, a);
}

/* Is x behind y in the filter's order? */
static bool is_behind(const struct gw_filter *filter, const char *x, const char *y)
{
    return filter->oldest_first ? strcmp(x, y) > 0 : strcmp(x, y) < 0;
}

/* Adds a list to another, in the filter's order, and keeps its limit. What lies behind the place up
 * to which one of them has looked is left for the next page. */
static enum status list_merge(struct gw_message_list *all, const struct gw_message_list *more,
                              const struct gw_filter *filter, struct arena *arena,
                              struct error *err)
{
    size_t count = all->count + more->count;
    struct gw_message_row *rows = arena_array(arena, sizeof *rows, count + 1);

    TRY_ALLOC(rows, err);
    for (size_t i = 0; i < count; i++)
        rows[i] = i < all->count ? all->rows[i] : more->rows[i - all->count];
    qsort(rows, count, sizeof *rows, filter->oldest_first ? older_first : newer_first);
    if (more->more && (!all->more || is_behind(filter, all->cursor, more->cursor)))
        all->cursor = more->cursor;
    all->more = all->more || more->more;
    while (all->more && count > 0 && is_behind(filter, rows[count - 1].id, all->cursor))
        count--;
    if (count > filter->limit) {
        count = filter->limit;
        all->more = true;
        all->cursor = rows[count - 1].id;
    }
    all->rows = rows;
    all->count = count;
    return ST_OK;
}

/* Who is no admin sees the messages of all endpoints that are his, which share the time of one. */
static enum status list_read(struct gw_api_call *call, struct gw_filter *filter,
                             struct gw_message_list *list, struct error *err)
{
    const struct gw_api_rights *rights = &call->server->rights;
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_message_list some;
    size_t endpoints = 0, at = 0;

    TRY(gw_store_read(call->server->rt->store, &tx, err));
    if (call->admin || filter->endpoint != NULL)
        return gw_store_messages(tx, &call->arena, filter, list, err);
    while (gw_api_endpoint_next(rights, call->uid, &at) != NULL)
        endpoints++;
    filter->look_ms = GW_LOOK_MS / ((int64_t)endpoints + 1) + 1;
    at = 0;
    while ((filter->endpoint = gw_api_endpoint_next(rights, call->uid, &at)) != NULL) {
        TRY(gw_store_messages(tx, &call->arena, filter, &some, err));
        TRY(list_merge(list, &some, filter, &call->arena, err));
    }
    return ST_OK;
}

/* The message, and whether the operator should ask the partner about it. */
static json_t *message_json(const struct gw_api_call *call, const struct gw_message_row *row,
                            const struct gw_file_list *files)
{
    json_t *json = gw_json_message(row, files);
    int64_t begun = row->deliver_after > row->created_at ? row->deliver_after : row->created_at;

    if (row->box == GW_OUTBOX && (GW_STATES(row->state) & unproven) != 0 &&
        begun < overdue_before(call))
        gw_json_put(&json, "overdue", json_true());
    return json;
}

enum status gw_api_messages(struct gw_api_call *call, struct error *err)
{
    struct gw_filter filter = {0};
    struct gw_message_list list = {0};
    bool none = false;
    json_t *all;

    TRY(filter_read(call, &filter, &none, err));
    if (!none)
        TRY(list_read(call, &filter, &list, err));
    all = json_array();
    for (size_t i = 0; i < list.count; i++)
        if (json_array_append_new(all, message_json(call, &list.rows[i], NULL)) != 0) {
            json_decref(all);
            return error_set(err, ST_LIMIT, GW_R_MEMORY, "out of memory");
        }
    TRY(gw_api_array(call, "messages", all, err));
    gw_json_put(&call->json, "next", gw_json_text(list.more ? list.cursor : NULL));
    TRY_ALLOC(call->json, err);
    return ST_OK;
}

/* ---- one message ---- */

static enum status unknown(struct gw_api_call *call, struct error *err)
{
    return gw_api_problem_of(call, 404, GW_R_MESSAGE_UNKNOWN, err, "id",
                             arena_str(&call->arena, span_sub(call->args[0], 0, 64)));
}

enum status gw_api_message_find(struct gw_api_call *call, struct gw_tx *tx,
                                struct gw_message_row *row, struct error *err)
{
    const char *id = arena_str(&call->arena, call->args[0]);
    enum status st;

    TRY_ALLOC(id, err);
    if (!gw_uuid_is_valid(call->args[0]))
        return unknown(call, err);
    st = gw_store_message(tx, &call->arena, id, row, err);
    if (st == ST_NOT_FOUND)
        return unknown(call, err);
    TRY(st);
    if (!gw_api_may(&call->server->rights, call->uid, row->endpoint))
        return unknown(call, err);
    return ST_OK;
}

/* What XTA knows of it; absent where that is nothing. */
static enum status xta_put(struct gw_api_call *call, struct gw_tx *tx, const char *id,
                           struct error *err)
{
    struct gw_xta_row xta;
    struct error why = {0};
    enum status st = gw_store_xta_row(tx, &call->arena, id, &xta, &why);
    json_t *json;

    if (st == ST_NOT_FOUND)
        return ST_OK;
    if (st != ST_OK) {
        *err = why;
        return st;
    }
    json = json_object();
    gw_json_put(&json, "id", gw_json_text(xta.xta_id));
    gw_json_put(&json, "version", json_integer(xta.version == XTA_V5 ? 5 : 3));
    gw_json_put(&json, "author", gw_json_text(xta.author));
    gw_json_put(&json, "reader", gw_json_text(xta.reader));
    gw_json_put(&json, "service", gw_json_text(xta.service));
    gw_json_put(&json, "account", gw_json_text(xta.account));
    gw_json_put(&json, "twin", gw_json_text(xta.twin));
    gw_json_put(&json, "not_before", gw_json_time(xta.not_before));
    gw_json_put(&json, "initial_send", gw_json_time(xta.initial_send));
    gw_json_put(&json, "delivery", gw_json_time(xta.delivery));
    gw_json_put(&json, "initial_fetch", gw_json_time(xta.initial_fetch));
    gw_json_put(&json, "reception", gw_json_time(xta.reception));
    gw_json_put(&call->json, "xta", json);
    return ST_OK;
}

enum status gw_api_message(struct gw_api_call *call, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_file_list files = {0};
    struct gw_message_row row;

    TRY(gw_store_read(call->server->rt->store, &tx, err));
    TRY(gw_api_message_find(call, tx, &row, err));
    TRY(gw_store_files(tx, &call->arena, row.id, &files, err));
    call->json = message_json(call, &row, &files);
    TRY(xta_put(call, tx, row.id, err));
    TRY_ALLOC(call->json, err);
    call->status = 200;
    return ST_OK;
}

enum status gw_api_message_receipt(struct gw_api_call *call, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_message_row row;

    TRY(gw_store_read(call->server->rt->store, &tx, err));
    TRY(gw_api_message_find(call, tx, &row, err));
    call->json = gw_json_receipt(&row);
    TRY_ALLOC(call->json, err);
    if (json_is_null(call->json))
        return gw_api_problem_of(call, 404, GW_R_NO_RECEIPT, err, "id", row.id);
    call->status = 200;
    return ST_OK;
}

/* ---- files ---- */

static enum status file_unknown(struct gw_api_call *call, const char *id, struct error *err)
{
    const char *n = arena_str(&call->arena, span_sub(call->args[1], 0, 20));
    const struct gw_explain_field fields[] = {{"id", id}, {"file", n}};

    return gw_api_problem(call, 404, GW_R_FILE_UNKNOWN, err, fields, ARRAY_LEN(fields));
}

static const struct gw_file_row *file_find(const struct gw_file_list *files, struct span number)
{
    uint64_t n;

    if (!span_to_u64(number, &n))
        return NULL;
    for (size_t i = 0; i < files->count; i++)
        if ((uint64_t)files->rows[i].n == n)
            return &files->rows[i];
    return NULL;
}

/* attachment; filename*=UTF-8''... (RFC 8187) */
static enum status disposition_make(struct gw_api_call *call, const char *name, struct error *err)
{
    struct buf *b = &call->disposition;

    buf_str(b, "attachment; filename*=UTF-8''");
    for (const unsigned char *c = (const unsigned char *)name; *c != '\0'; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                     (*c >= '0' && *c <= '9') || strchr("-_.~", *c) != NULL;

        if (plain)
            buf_char(b, (char)*c);
        else
            buf_printf(b, "%%%02X", *c);
    }
    return buf_check(b, err);
}

/* Its SHA-256, which never changes. */
static enum status etag_make(struct gw_api_call *call, const struct gw_file_row *file,
                             struct error *err)
{
    AUTO(buf_deinit) struct buf text = {0};

    buf_init(&text, sizeof call->etag);
    buf_char(&text, '"');
    buf_hex(&text, span_of(file->sha256, sizeof file->sha256));
    buf_char(&text, '"');
    TRY(buf_check(&text, err));
    memcpy(call->etag, buf_cstr(&text), sizeof call->etag);
    return ST_OK;
}

/* The file is open: all of it, a part, or nothing because the client has it. */
static enum status file_choose(struct gw_api_call *call, const struct gw_file_row *file,
                               struct error *err)
{
    const struct gw_http_portion *part = &call->portion;
    unsigned long long len = file->len, first;
    char bytes[48];

    call->portion = gw_http_portion_of(gw_http_request_head(call->req), span_str(call->etag), len);
    first = part->first;
    if (part->kind == GW_PORTION_OTHER)
        return gw_api_problem_of(call, 412, GW_R_API_OTHER, err, "etag", call->etag);
    if (part->kind == GW_PORTION_RANGE || part->kind == GW_PORTION_OUTSIDE)
        call->field = "Content-Range";
    if (part->kind == GW_PORTION_OUTSIDE) {
        (void)snprintf(call->field_value, sizeof call->field_value, "bytes */%llu", len);
        (void)snprintf(bytes, sizeof bytes, "%llu bytes", len);
        return gw_api_problem_of(call, 416, GW_R_API_RANGE, err, "detail", bytes);
    }
    (void)snprintf(call->field_value, sizeof call->field_value, "bytes %llu-%llu/%llu", first,
                   first + part->len - 1, len);
    call->has_file = true;
    call->status = part->kind == GW_PORTION_RANGE       ? 206
                   : part->kind == GW_PORTION_UNCHANGED ? 304
                                                        : 200;
    return ST_OK;
}

enum status gw_api_message_file(struct gw_api_call *call, struct error *err)
{
    struct gw_store *store = call->server->rt->store;
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_file_list files = {0};
    const struct gw_file_row *file;
    struct gw_message_row row;
    char name[GW_NAME_SIZE];

    TRY(gw_store_read(store, &tx, err));
    TRY(gw_api_message_find(call, tx, &row, err));
    TRY(gw_store_files(tx, &call->arena, row.id, &files, err));
    gw_read_end(&tx);
    tx = NULL;
    file = file_find(&files, call->args[1]);
    if (file == NULL)
        return file_unknown(call, row.id, err);
    /* what was not believed is for the operator to look at, not for a program to work with */
    if ((row.state == GW_QUARANTINED || row.state == GW_REJECTED) && !call->admin)
        return gw_api_problem_denied(call, row.endpoint, err);
    gw_name_make_safe(span_str(file->name == NULL ? "content" : file->name), name);
    TRY(disposition_make(call, name, err));
    if (gw_payload_open(store, file, &call->file, err) != ST_OK) {
        err->status = ST_INTERNAL;
        err->reason = GW_R_STORE_DAMAGED;
        return ST_INTERNAL;
    }
    if (call->file.base.len != file->len)
        return error_set(err, ST_INTERNAL, GW_R_STORE_DAMAGED, "%s has changed its length",
                         file->path);
    TRY(etag_make(call, file, err));
    return file_choose(call, file, err);
}

/* ---- events ---- */

enum status gw_api_events_append(json_t *all, const struct gw_event_list *list, struct error *err)
{
    for (size_t i = 0; i < list->count; i++)
        if (json_array_append_new(all, gw_json_event(&list->rows[i])) != 0)
            return error_set(err, ST_LIMIT, GW_R_MEMORY, "out of memory");
    return ST_OK;
}

enum status gw_api_message_events(struct gw_api_call *call, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_event_list list = {.more = true};
    struct gw_message_row row;
    int64_t after = 0;

    TRY(gw_store_read(call->server->rt->store, &tx, err));
    TRY(gw_api_message_find(call, tx, &row, err));
    TRY(gw_api_array(call, "events", json_array(), err));
    for (size_t count = 0; list.more && count < EVENTS_MAX; count += list.count) {
        TRY(gw_store_events(tx, &call->arena, after, row.id, NULL, NULL, GW_LIST_MAX, &list, err));
        TRY(gw_api_events_append(json_object_get(call->json, "events"), &list, err));
        after = list.count > 0 ? list.rows[list.count - 1].seq : after;
    }
    return ST_OK;
}

/* ---- status ---- */

static json_t *box_json(const uint64_t counts[GW_STATE_COUNT])
{
    json_t *json = json_object();

    for (enum gw_state s = GW_NEW + 1; s < GW_STATE_COUNT; s++)
        if (counts[s] > 0)
            gw_json_put(&json, gw_state_name(s), json_integer((json_int_t)counts[s]));
    return json;
}

static void counts_add(struct gw_counts *all, const struct gw_counts *some)
{
    for (enum gw_state s = GW_NEW; s < GW_STATE_COUNT; s++) {
        all->messages[GW_OUTBOX][s] += some->messages[GW_OUTBOX][s];
        all->messages[GW_INBOX][s] += some->messages[GW_INBOX][s];
    }
}

static enum status counts_read(struct gw_api_call *call, struct gw_tx *tx, struct gw_counts *counts,
                               struct error *err)
{
    const char *endpoint;
    size_t at = 0;

    if (call->admin)
        return gw_store_counts(tx, NULL, NULL, counts, err);
    while ((endpoint = gw_api_endpoint_next(&call->server->rights, call->uid, &at)) != NULL) {
        struct gw_counts some;

        TRY(gw_store_counts(tx, NULL, endpoint, &some, err));
        counts_add(counts, &some);
    }
    return ST_OK;
}

static json_t *trouble_json(const struct gw_lane_report *report)
{
    char host[256], port[256], seconds[24];
    const struct gw_explain_field fields[] = {
        {"host", host},
        {"port", port},
        {"seconds", seconds},
        {"intermediary", report->to.name},
        {"recipient", report->to.name},                                /* a target is both */
        {"http_status", gw_reason_last_word(report->last_error.text)}, /* it ends the text */
        {"detail", report->last_error.text}};
    AUTO(buf_deinit) struct buf en = {0}, de = {0};
    int reason = report->last_error.reason;

    if (report->last_error_at == 0)
        return json_null();
    gw_explain_url(report->to.url, host, port, sizeof host);
    (void)snprintf(seconds, sizeof seconds, "%lld", (long long)report->to.timeout_seconds);
    buf_init(&en, 4096);
    buf_init(&de, 4096);
    gw_explain_what(&en, reason, GW_LANG_EN, fields, ARRAY_LEN(fields));
    gw_explain_what(&de, reason, GW_LANG_DE, fields, ARRAY_LEN(fields));
    return gw_json_trouble(reason, buf_cstr(&en), buf_cstr(&de));
}

/* Those of the caller's tenants: what others' destinations have said of their messages is not for
 * him. */
static json_t *intermediaries_json(const struct gw_api_call *call)
{
    const struct gw_config *conf = call->server->rt->conf;
    struct gw_lanes *lanes = call->server->lanes;
    struct gw_lane_report report;
    json_t *all = json_array();

    for (size_t i = 0; lanes != NULL && gw_lanes_report(lanes, i, &report); i++) {
        json_t *json;

        if (report.to.carrier == &gw_local_carrier ||
            !gw_api_may_tenant(&call->server->rights, conf, call->uid,
                               gw_config_destination_tenant(conf, report.to.name)))
            continue;
        json = json_object();
        gw_json_put(&json, "name", gw_json_text(report.to.name));
        gw_json_put(&json, "url", gw_json_text(report.to.url));
        gw_json_put(&json, "last_success_at", gw_json_time(report.last_success_at));
        gw_json_put(&json, "last_error_at", gw_json_time(report.last_error_at));
        gw_json_put(&json, "last_error", trouble_json(&report));
        gw_json_put(&json, "skipped", json_integer((json_int_t)report.skipped));
        if (json_array_append_new(all, json) != 0) {
            json_decref(all);
            return NULL;
        }
    }
    return all;
}

static enum status mailboxes_json(struct gw_api_call *call, struct gw_tx *tx, json_t **json,
                                  struct error *err)
{
    struct gw_mailbox_list list = {0};
    uint64_t waiting = 0;

    if (call->server->rt->conf->osci_server == NULL || !call->admin) {
        *json = json_null();
        return ST_OK;
    }
    TRY(gw_store_mailboxes(tx, &call->arena, &list, err));
    for (size_t i = 0; i < list.count; i++)
        waiting += list.rows[i].waiting;
    *json = json_object();
    gw_json_put(json, "count", json_integer((json_int_t)list.count));
    gw_json_put(json, "waiting", json_integer((json_int_t)waiting));
    return ST_OK;
}

static json_t *tenants_json(const struct gw_api_call *call)
{
    const struct gw_config *conf = call->server->rt->conf;
    json_t *list = json_array();

    for (unsigned i = 0; i < conf->tenants_count; i++)
        if (gw_api_may_tenant(&call->server->rights, conf, call->uid, conf->tenants[i].name))
            gw_json_append(&list, json_string(conf->tenants[i].name));
    return list;
}

enum status gw_api_status(struct gw_api_call *call, struct error *err)
{
    const struct gw_config *conf = call->server->rt->conf;
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_counts counts = {0};
    char settings[GW_SETTINGS_ID_CAP];
    struct gw_health health;
    json_t *mailboxes, *mail;

    TRY(gw_store_read(call->server->rt->store, &tx, err));
    TRY(counts_read(call, tx, &counts, err));
    TRY(mailboxes_json(call, tx, &mailboxes, err));
    TRY(gw_settings_id(conf->text, settings, err));
    call->json = json_object();
    gw_json_put(&call->json, "version", json_string(DEPESCHE_VERSION));
    gw_json_put(&call->json, "tenant", gw_json_text(gw_config_sole_name(conf)));
    gw_json_put(&call->json, "tenants", tenants_json(call));
    gw_json_put(&call->json, "started_at", gw_json_time(call->server->started_at));
    gw_json_put(&call->json, "settings", json_string(settings));
    if (conf->tenants_count > 0) {
        gw_json_put(&call->json, "outbox", box_json(counts.messages[GW_OUTBOX]));
        gw_json_put(&call->json, "inbox", box_json(counts.messages[GW_INBOX]));
    }
    gw_json_put(&call->json, "intermediaries", intermediaries_json(call));
    gw_json_put(&call->json, "mailboxes", mailboxes);
    mail = gw_api_calendar_mail_json(call, tx);
    gw_read_end(
        &tx); /* certificates are read from files; the look at health writes, and may wait */
    gw_json_put(&call->json, "certificates", gw_api_ending_json(call, mail));
    gw_health_look(call->server->rt, gw_monotonic_ms() - call->began, &health);
    gw_json_put(&call->json, "health", gw_health_json(call->server->rt, &health));
    TRY_ALLOC(call->json, err);
    call->status = 200;
    return ST_OK;
}

enum status gw_api_fetch(struct gw_api_call *call, struct error *err)
{
    if (call->server->lanes == NULL)
        return gw_api_problem_of(call, 404, GW_R_API_NOT_FOUND, err, "path", "/v1/fetch");
    gw_lanes_hint(call->server->lanes);
    call->json = json_object();
    TRY_ALLOC(call->json, err);
    call->status = 202;
    return ST_OK;
}

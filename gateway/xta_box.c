/*
 * The message box: getStatusList, getNextStatusList, getMessage, getNextMessage, close.
 *
 * An iteration (V3) is a selection, the time at which it began, and a place in the order of
 * delivery, so it goes on after a restart, and what comes later waits for the next one. Only what a
 * reader names in LastMsgReceived, or closes, is fetched for good; whoever dies in the middle finds
 * the rest anew.
 *
 * XTA 2 digest 5.1, 6, 8.
 */
#include <jansson.h>
#include <string.h>

#include "gateway/message_json.h"
#include "gateway/xta_call.h"
#include "osci/processcard.h"

/* One look into the box. */
struct look {
    struct gw_xta_call *call;
    struct gw_xta_selection s;
    size_t limit;
    bool attributes;        /* of a status list */
    const char *request_id; /* of the iteration */
    bool iterates;          /* keep a place for the next call */
    const char *kept;       /* the selection as text */
    const char **received;  /* to be acknowledged */
    size_t received_count;
    struct gw_xta_list list;
};

/* ---- what is asked for ---- */

static enum status texts_make(struct gw_xta_call *call, const struct span *spans, size_t count,
                              const char *const **out, struct error *err)
{
    const char **texts = arena_array(&call->arena, sizeof *texts, count + 1);

    TRY_ALLOC(texts, err);
    for (size_t i = 0; i < count; i++) {
        texts[i] = arena_str(&call->arena, spans[i]);
        TRY_ALLOC(texts[i], err);
    }
    *out = texts;
    return ST_OK;
}

/* False: it is no time. Both ends belong to it. */
static bool window_read(const struct xta_selection *asked, struct gw_xta_selection *s)
{
    struct error err = {0};

    if (asked->from.len > 0 && osci_datetime_read(asked->from, &s->from, &err) != ST_OK)
        return false;
    if (asked->to.len > 0 && osci_datetime_read(asked->to, &s->to, &err) != ST_OK)
        return false;
    s->to += asked->to.len > 0;
    return true;
}

/* Who asks for certain messages gets them, new or not, unless he says otherwise. */
static enum gw_xta_fresh fresh_of(const struct gw_xta_call *call, const struct gw_xta_selection *s)
{
    enum xta_tri new_entry = call->request.selection.new_entry;

    if (new_entry == XTA_FALSE || (new_entry == XTA_UNSET && s->id_count > 0))
        return GW_XTA_ALL;
    return call->version == XTA_V3 ? GW_XTA_NOT_CLOSED : GW_XTA_NOT_FETCHED;
}

/* *good: the arguments can be understood. */
static enum status look_init(struct look *l, struct gw_xta_call *call, bool *good,
                             struct error *err)
{
    const struct xta_selection *asked = &call->request.selection;
    size_t max = (size_t)call->conf->list_max;

    *l = (struct look){.call = call, .limit = max, .attributes = asked->attributes_form};
    l->s = (struct gw_xta_selection){.reader = call->party, .now = call->now};
    if (asked->max_items > 0 && asked->max_items < max)
        l->limit = (size_t)asked->max_items;
    if (asked->extended && call->version == XTA_V5)
        return gw_xta_refuse(call, ST_INVALID, XTA_UNSUPPORTED_EXTENSION, XTA_N_UNSPECIFIED, err,
                             "an Extension in the selection is not known here");
    *good = window_read(asked, &l->s) && !asked->extended;
    l->s.id_count = asked->id_count;
    l->s.related_count = asked->relates_count;
    TRY(texts_make(call, asked->ids, asked->id_count, &l->s.ids, err));
    TRY(texts_make(call, asked->relates_to, asked->relates_count, &l->s.related, err));
    l->s.fresh = fresh_of(call, &l->s);
    return ST_OK;
}

/* ---- the selection of an iteration as text, and back ---- */

static json_t *texts_json(const char *const *texts, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        gw_json_append(&list, json_string(texts[i]));
    return list;
}

static enum status look_keep(struct look *l, struct error *err)
{
    json_t *json = json_pack(
        "{s:o, s:o, s:I, s:I, s:I, s:i, s:I, s:b}", "ids", texts_json(l->s.ids, l->s.id_count),
        "related", texts_json(l->s.related, l->s.related_count), "from", (json_int_t)l->s.from,
        "to", (json_int_t)l->s.to, "began", (json_int_t)l->s.now, "fresh", (int)l->s.fresh, "limit",
        (json_int_t)l->limit, "attributes", l->attributes);
    char *text = gw_json_dump(json, JSON_COMPACT);

    json_decref(json);
    TRY_ALLOC(text, err);
    l->kept = arena_str(&l->call->arena, span_str(text));
    free(text);
    TRY_ALLOC(l->kept, err);
    l->iterates = true;
    return ST_OK;
}

static enum status texts_read(struct gw_xta_call *call, const json_t *list,
                              const char *const **texts, size_t *count, struct error *err)
{
    const char **read = arena_array(&call->arena, sizeof *read, json_array_size(list) + 1);

    TRY_ALLOC(read, err);
    for (*count = 0; *count < json_array_size(list); (*count)++) {
        read[*count] =
            arena_str(&call->arena, span_str(json_string_value(json_array_get(list, *count))));
        TRY_ALLOC(read[*count], err);
    }
    *texts = read;
    return ST_OK;
}

static enum status look_resume(struct look *l, const struct gw_xta_iteration *it, struct error *err)
{
    json_t *json = json_loads(it->selection, 0, NULL);
    enum status st;

    l->request_id = it->request_id;
    l->kept = it->selection;
    l->iterates = true;
    l->s = (struct gw_xta_selection){
        .reader = l->call->party,
        .now = json_integer_value(json_object_get(json, "began")),
        .from = json_integer_value(json_object_get(json, "from")),
        .to = json_integer_value(json_object_get(json, "to")),
        .fresh = (enum gw_xta_fresh)json_integer_value(json_object_get(json, "fresh")),
        .after = it->after};
    l->limit = (size_t)json_integer_value(json_object_get(json, "limit"));
    l->attributes = json_is_true(json_object_get(json, "attributes"));
    st = texts_read(l->call, json_object_get(json, "ids"), &l->s.ids, &l->s.id_count, err);
    if (st == ST_OK)
        st = texts_read(l->call, json_object_get(json, "related"), &l->s.related,
                        &l->s.related_count, err);
    json_decref(json);
    return st;
}

/* ---- looking ---- */

/* All or none: who names something that is not his has mixed something up. *fresh: how many of them
 * were not closed before. */
static enum status received_close(struct gw_tx *tx, struct look *l, size_t *fresh,
                                  struct error *err)
{
    const struct gw_cause cause = {.now = l->call->now, .actor = l->call->actor};

    *fresh = 0;

    for (size_t i = 0; i < l->received_count; i++) {
        struct gw_xta_row row;
        bool first;

        TRY(gw_store_xta_find(tx, &l->call->arena, l->received[i], l->call->party, GW_INBOX,
                              l->call->now, &row, err));
        TRY(gw_store_xta_close(tx, row.message_id, &cause, &first, err));
        *fresh += first;
        l->call->message_id = row.message_id;
    }
    return ST_OK;
}

static enum status look_read(struct gw_tx *tx, struct look *l, struct error *err)
{
    return gw_store_xta_box(tx, &l->call->arena, &l->s, l->limit, &l->list, err);
}

/* In one commit, so that two readers of one iteration get different messages. */
static enum status look_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    struct look *l = ctx;
    struct gw_xta_iteration it = {.request_id = l->request_id,
                                  .account = l->call->account->name,
                                  .party = l->call->party,
                                  .messages = l->call->request.operation == XTA_GET_MESSAGE ||
                                              l->call->request.operation == XTA_GET_NEXT_MESSAGE,
                                  .selection = l->kept,
                                  .after = l->s.after,
                                  .expires_at = l->call->now + GW_XTA_ITERATION_MS};
    size_t closed;

    TRY(received_close(tx, l, &closed, err));
    TRY(look_read(tx, l, err));
    if (l->list.count > 0) {
        const struct gw_xta_row *last = &l->list.rows[l->list.count - 1].xta;

        it.after = (struct gw_xta_place){last->delivery, last->seq};
    }
    return l->iterates ? gw_store_xta_iterate(tx, &it, l->call->now, err) : ST_OK;
}

static enum status look_plain(struct look *l, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    TRY(gw_store_read(l->call->rt->store, &tx, err));
    return look_read(tx, l, err);
}

/* ---- what is answered ---- */

static void box_none(struct gw_xta_call *call, enum xta_none_reason why)
{
    call->answer.has_box = true;
    call->answer.box.none = true;
    call->answer.box.why = why;
}

static void box_say(struct look *l)
{
    struct xta_answer *a = &l->call->answer;

    a->has_box = true;
    a->box.request_id = l->request_id == NULL ? SPAN_NONE : span_str(l->request_id);
    a->box.pending = l->list.pending;
    if (l->list.count == 0)
        box_none(l->call, XTA_NO_MATCH);
}

/* V3 names every answer of the box, whether anything follows or not. */
static enum status request_id_make(struct look *l, struct error *err)
{
    if (l->call->version != XTA_V3 || l->request_id != NULL)
        return ST_OK;
    TRY(gw_xta_urn_make(l->call, "requestid", &l->request_id, err));
    l->call->answer.box.request_id = span_str(l->request_id);
    return ST_OK;
}

static enum status files_read(struct look *l, struct gw_file_list *files, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    TRY(gw_store_read(l->call->rt->store, &tx, err));
    for (size_t i = 0; i < l->list.count; i++)
        TRY(gw_store_files(tx, &l->call->arena, l->list.rows[i].message.id, &files[i], err));
    return ST_OK;
}

static enum status list_say(struct look *l, struct error *err)
{
    struct gw_xta_call *call = l->call;
    struct gw_file_list *files = arena_array(&call->arena, sizeof *files, l->list.count + 1);
    struct xta_metadata *list = arena_array(&call->arena, sizeof *list, l->list.count + 1);

    TRY_ALLOC(files, err);
    TRY_ALLOC(list, err);
    TRY(files_read(l, files, err));
    for (size_t i = 0; i < l->list.count; i++) {
        const struct gw_xta_entry *e = &l->list.rows[i];

        TRY(gw_xta_metadata_load(call, &e->xta, &e->message, &files[i], &list[i], err));
    }
    call->answer.list = list;
    call->answer.list_count = l->list.count;
    call->answer.list_attributes = l->attributes;
    box_say(l);
    return ST_OK;
}

static enum status message_say(struct look *l, struct error *err)
{
    const struct gw_xta_entry *e = l->list.rows;

    box_say(l);
    return l->list.count == 0 ? ST_OK : gw_xta_message_load(l->call, &e->xta, &e->message, err);
}

/* V3 says so in the header, V5 has no word for it. */
static enum status search_refuse(struct look *l, struct error *err)
{
    if (l->call->version == XTA_V5)
        return gw_xta_refuse(l->call, ST_INVALID, XTA_SOAP_SENDER, 0, err,
                             "the times in the selection cannot be read");
    TRY(request_id_make(l, err));
    box_none(l->call, XTA_BAD_SEARCH);
    return ST_OK;
}

/* ---- the operations ---- */

enum status gw_xta_status_list(struct gw_xta_call *call, struct error *err)
{
    struct look l;
    bool good;

    TRY(look_init(&l, call, &good, err));
    if (!good)
        return search_refuse(&l, err);
    TRY(gw_xta_adopt(call, err));
    TRY(request_id_make(&l, err));
    TRY(look_plain(&l, err));
    if (call->version == XTA_V3 && l.list.pending > 0) { /* somebody may ask for the rest */
        TRY(look_keep(&l, err));
        TRY(gw_store_commit(call->rt->store, look_commit, &l, err));
    }
    return list_say(&l, err);
}

/* The iteration that the request names; *found: there is one, of this kind. */
static enum status iteration_find(struct look *l, bool messages, bool *found, struct error *err)
{
    struct gw_xta_call *call = l->call;
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    const char *id = arena_str(&call->arena, call->request.selection.request_id);
    struct gw_xta_iteration it = {0};
    struct error why = {0};
    enum status st;

    TRY_ALLOC(id, err);
    call->answer.box.request_id = call->request.selection.request_id;
    TRY(gw_store_read(call->rt->store, &tx, err));
    st = gw_store_xta_iteration(tx, &call->arena, id, call->account->name, call->party, call->now,
                                &it, &why);
    *found = st == ST_OK && it.messages == messages;
    if (st == ST_NOT_FOUND)
        return ST_OK;
    if (st != ST_OK) {
        *err = why;
        return st;
    }
    return *found ? look_resume(l, &it, err) : ST_OK;
}

static enum status received_read(struct look *l, struct error *err)
{
    const struct xta_selection *asked = &l->call->request.selection;
    const char *const *texts;

    TRY(texts_make(l->call, asked->received, asked->received_count, &texts, err));
    l->received = (const char **)texts;
    l->received_count = asked->received_count;
    return ST_OK;
}

static enum status next(struct gw_xta_call *call, bool messages, struct error *err)
{
    struct look l = {.call = call};
    bool found;

    TRY(iteration_find(&l, messages, &found, err));
    if (!found) {
        box_none(call, XTA_BAD_REQUEST_ID);
        return ST_OK;
    }
    if (messages) /* in a list they are seen, not received: the schema wants one all the same */
        TRY(received_read(&l, err));
    TRY(gw_store_commit(call->rt->store, look_commit, &l, err));
    return messages ? message_say(&l, err) : list_say(&l, err);
}

enum status gw_xta_next_status_list(struct gw_xta_call *call, struct error *err)
{
    return next(call, false, err);
}

enum status gw_xta_next_message(struct gw_xta_call *call, struct error *err)
{
    return next(call, true, err);
}

static enum status unknown_refuse(struct gw_xta_call *call, struct span id, struct error *err)
{
    return gw_xta_refuse(call, ST_NOT_FOUND, XTA_INVALID_MESSAGE_ID, XTA_N_UNKNOWN_ID, err,
                         "%.*s has no message %.*s in its box", 100, call->party,
                         (int)(id.len > 120 ? 120 : id.len), (const char *)id.ptr);
}

static enum status fetched_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct look *l = ctx;
    const struct gw_xta_times times = {.initial_fetch = l->call->now};

    return gw_store_xta_times(tx, l->list.rows[0].message.id, &times, err);
}

/* V5, digest 6: InitialFetch is set here, and the answer shows it. */
static enum status fetched(struct look *l, struct error *err)
{
    struct gw_xta_row *row = &l->list.rows[0].xta;

    if (l->call->version != XTA_V5 || row->initial_fetch != 0)
        return ST_OK;
    row->initial_fetch = l->call->now;
    return gw_store_commit(l->call->rt->store, fetched_commit, l, err);
}

/* One message by its id. */
static enum status message_named(struct look *l, struct error *err)
{
    TRY(request_id_make(l, err));
    TRY(look_plain(l, err));
    if (l->list.count == 0)
        return unknown_refuse(l->call, span_str(l->s.ids[0]), err);
    TRY(fetched(l, err));
    return message_say(l, err);
}

enum status gw_xta_get_message(struct gw_xta_call *call, struct error *err)
{
    struct look l;
    bool good;

    if (call->version == XTA_V5 && call->request.message_id.len > 0) {
        call->request.selection.ids = &call->request.message_id;
        call->request.selection.id_count = 1;
    }
    TRY(look_init(&l, call, &good, err));
    if (!good)
        return search_refuse(&l, err);
    l.limit = 1;
    if (l.s.id_count == 1)
        return message_named(&l, err);
    if (call->version == XTA_V5)
        return gw_xta_refuse(call, ST_INVALID, XTA_PARAMETER_NOT_VALID, XTA_N_MISSING, err,
                             "getMessage names no message");
    TRY(gw_xta_adopt(call, err));
    TRY(request_id_make(&l, err));
    TRY(look_keep(&l, err));
    TRY(gw_store_commit(call->rt->store, look_commit, &l, err));
    return message_say(&l, err);
}

/* A message is closed once: of several readers of one box one hears that it is his. */
static enum status close_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    struct look *l = ctx;
    size_t closed;

    TRY(received_close(tx, l, &closed, err));
    return closed > 0 ? ST_OK
                      : error_set(err, ST_NOT_FOUND, XTA_N_UNKNOWN_ID, "it is closed already");
}

enum status gw_xta_close(struct gw_xta_call *call, struct error *err)
{
    struct look l = {.call = call};
    struct error why = {0};
    enum status st;

    if (call->version == XTA_V5) {
        call->request.selection.received = &call->request.message_id;
        call->request.selection.received_count = call->request.message_id.len > 0;
        if (call->request.message_id.len == 0)
            return gw_xta_refuse(call, ST_INVALID, XTA_PARAMETER_NOT_VALID, XTA_N_MISSING, err,
                                 "close names no message");
    }
    TRY(received_read(&l, err));
    if (l.received_count == 0)
        return ST_OK; /* the end of an iteration, and nothing to acknowledge */
    st = gw_store_commit(call->rt->store, close_commit, &l, &why);
    if (st == ST_NOT_FOUND && why.reason == XTA_N_UNKNOWN_ID)
        return unknown_refuse(call, span_str(l.received[0]), err);
    *err = why;
    return st;
}

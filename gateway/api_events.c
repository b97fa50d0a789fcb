/* GET /v1/events: a page of events, or a stream of those to come. */
#include "gateway/api_call.h"

/* The endpoints that the caller may hear of; none for an admin who asked for none. */
static enum status endpoints_find(struct gw_api_call *call, struct gw_event_filter *filter,
                                  struct error *err)
{
    const char **names = arena_array(&call->arena, sizeof *names, GW_EVENT_NAMES_MAX + 1);
    const char *name;
    size_t at = 0;

    TRY_ALLOC(names, err);
    filter->endpoints = names;
    TRY(gw_api_param(call, "endpoint", &name, err));
    if (name != NULL) {
        if (!gw_api_may(&call->server->rights, call->uid, name))
            return gw_api_problem_denied(call, name, err);
        names[filter->endpoint_count++] = name;
        return ST_OK;
    }
    if (call->admin)
        return ST_OK;
    while ((name = gw_api_endpoint_next(&call->server->rights, call->uid, &at)) != NULL) {
        if (filter->endpoint_count == GW_EVENT_NAMES_MAX)
            return gw_api_bad(call, "endpoint", err);
        names[filter->endpoint_count++] = name;
    }
    return ST_OK;
}

static enum status kinds_read(struct gw_api_call *call, struct gw_event_filter *filter,
                              struct error *err)
{
    const char **names = arena_array(&call->arena, sizeof *names, GW_EVENT_NAMES_MAX);
    const char *text;
    struct span rest, name;

    TRY_ALLOC(names, err);
    filter->kinds = names;
    TRY(gw_api_param(call, "kind", &text, err));
    rest = span_str(text);
    while (text != NULL && span_split(&rest, ',', &name)) {
        name = span_trim(name);
        if (name.len == 0 || filter->kind_count == GW_EVENT_NAMES_MAX)
            return gw_api_bad(call, "kind", err);
        names[filter->kind_count] = arena_str(&call->arena, name);
        TRY_ALLOC(names[filter->kind_count], err);
        filter->kind_count++;
    }
    return ST_OK;
}

static enum status seq_read(struct gw_api_call *call, struct span text, const char *name,
                            int64_t *seq, struct error *err)
{
    uint64_t value;

    if (!span_to_u64(text, &value) || value > INT64_MAX)
        return gw_api_bad(call, name, err);
    *seq = (int64_t)value;
    return ST_OK;
}

static enum status filter_read(struct gw_api_call *call, struct gw_event_filter *filter,
                               struct error *err)
{
    const char *after, *before, *audit;

    TRY(gw_api_param(call, "after", &after, err));
    if (after != NULL)
        TRY(seq_read(call, span_str(after), "after", &filter->after, err));
    TRY(gw_api_param(call, "before", &before, err));
    if (before != NULL)
        TRY(seq_read(call, span_str(before), "before", &filter->before, err));
    if (before != NULL && filter->before == 0)
        return gw_api_bad(call, "before", err); /* nothing is */
    TRY(gw_api_param(call, "message", &filter->message_id, err));
    if (filter->message_id != NULL && !gw_uuid_is_valid(span_str(filter->message_id)))
        return gw_api_bad(call, "message", err);
    TRY(gw_api_param(call, "audit", &audit, err));
    if (audit != NULL && strcmp(audit, "true") != 0)
        return gw_api_bad(call, "audit=true", err);
    filter->audit = audit != NULL;
    TRY(endpoints_find(call, filter, err));
    TRY(kinds_read(call, filter, err));
    return gw_api_param_limit(call, &filter->limit, err);
}

/* Does it ask for a stream? Whatever else it takes, it has to name it. */
static bool wants_stream(const struct gw_http_head *head)
{
    struct span accept = gw_http_head_field(head, "Accept"), type;

    if (head->method != GW_HTTP_GET)
        return false;
    while (span_split(&accept, ',', &type)) {
        size_t end = span_find(type, SPAN(";"));

        if (span_eq_nocase(span_trim(span_sub(type, 0, end)), SPAN("text/event-stream")))
            return true;
    }
    return false;
}

/* From where the client left off, else from now on. */
static enum status stream_make(struct gw_api_call *call, struct gw_tx *tx,
                               struct gw_event_filter *filter, struct error *err)
{
    struct span last = gw_http_head_field(gw_http_request_head(call->req), "Last-Event-ID");

    if (last.len > 0)
        TRY(seq_read(call, last, "Last-Event-ID", &filter->after, err));
    else if (filter->after < 0)
        TRY(gw_store_events_last(tx, &filter->after, err));
    call->stream = gw_api_stream_new(call, filter);
    TRY_ALLOC(call->stream, err);
    call->status = 200;
    return ST_OK;
}

enum status gw_api_events(struct gw_api_call *call, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_event_filter filter = {.after = -1};
    struct gw_event_list list = {0};

    TRY(filter_read(call, &filter, err));
    TRY(gw_store_read(call->server->rt->store, &tx, err));
    if (wants_stream(gw_http_request_head(call->req)) && filter.before != 0)
        return gw_api_bad(call, "before", err);
    if (wants_stream(gw_http_request_head(call->req)))
        return stream_make(call, tx, &filter, err);
    if (call->admin || filter.endpoint_count > 0)
        TRY(gw_store_events_find(tx, &call->arena, &filter, &list, err));
    TRY(gw_api_array(call, "events", json_array(), err));
    TRY(gw_api_events_append(json_object_get(call->json, "events"), &list, err));
    gw_json_put(&call->json, "next", list.more ? json_integer(list.looked) : json_null());
    TRY_ALLOC(call->json, err);
    return ST_OK;
}

#include "gateway/xta_call.h"

#include <jansson.h>
#include <stdio.h>

#include "gateway/message_json.h"
#include "osci/processcard.h"

enum { TEXT_SIZE = 256, ATTEMPTS = 5 };

enum status gw_xta_refuse(struct gw_xta_call *call, enum status st, enum xta_exception exception,
                          int number, struct error *err, const char *fmt, ...)
{
    char text[TEXT_SIZE];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    call->fault = (struct xta_fault){.exception = exception,
                                     .number = number,
                                     .detail = arena_span(&call->arena, span_str(text))};
    return error_set(err, st, number, "%s", text);
}

const char *gw_xta_tenant(const struct gw_xta_call *call)
{
    const struct gw_endpoint_conf *e =
        call->account->parties_count == 0
            ? NULL
            : gw_config_party(call->rt->conf, span_str(call->account->parties[0]));

    return e == NULL ? NULL : e->tenant;
}

enum status gw_xta_party_check(struct gw_xta_call *call, struct span party, struct error *err)
{
    for (unsigned i = 0; i < call->account->parties_count; i++)
        if (xta_same(party, span_str(call->account->parties[i])))
            return ST_OK;
    return gw_xta_refuse(call, ST_DENIED, XTA_PERMISSION_DENIED, XTA_N_WRONG_PARTY, err,
                         "the account %s may not act for %.*s", call->account->name,
                         (int)(party.len > 100 ? 100 : party.len), (const char *)party.ptr);
}

enum status gw_xta_service_check(struct gw_xta_call *call, struct span service, struct error *err)
{
    if (service.len == 0 || call->account->services_count == 0)
        return ST_OK;
    for (unsigned i = 0; i < call->account->services_count; i++)
        if (span_is(service, call->account->services[i]))
            return ST_OK;
    return gw_xta_refuse(call, ST_DENIED, XTA_PERMISSION_DENIED, XTA_N_NOT_BOOKED, err,
                         "the account %s has not booked %.*s", call->account->name,
                         (int)(service.len > 100 ? 100 : service.len), (const char *)service.ptr);
}

enum status gw_xta_time(struct arena *arena, int64_t ms, struct span *text, struct error *err)
{
    char written[OSCI_DATETIME_MAX];

    *text = SPAN_NONE;
    if (ms == 0)
        return ST_OK;
    osci_datetime_write(ms, written);
    *text = arena_span(arena, span_str(written));
    TRY_ALLOC(text->ptr, err);
    return ST_OK;
}

/* ---- ids ---- */

/* "urn:de:xta:<kind>:<instance>:<uuid>" */
enum status gw_xta_urn_make(struct gw_xta_call *call, const char *kind, const char **urn,
                            struct error *err)
{
    char uuid[GW_ID_SIZE], text[128];

    TRY(gw_uuid_make(call->rt->rng, call->now, uuid, err));
    (void)snprintf(text, sizeof text, "urn:de:xta:%s:%s:%s", kind, call->conf->instance, uuid);
    *urn = arena_str(&call->arena, span_str(text));
    TRY_ALLOC(*urn, err);
    return ST_OK;
}

enum status gw_xta_id_make(struct gw_xta_call *call, const char **id, struct error *err)
{
    return gw_xta_urn_make(call, "messageid", id, err);
}

struct issuing {
    const char *id, *account;
    int64_t now;
};

static enum status issue_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct issuing *i = ctx;

    return gw_store_xta_issue(tx, i->id, i->account, i->now, err);
}

enum status gw_xta_create_id(struct gw_xta_call *call, struct error *err)
{
    struct issuing i = {.account = call->account->name, .now = call->now};
    enum status st = ST_DUPLICATE;

    for (int n = 0; st == ST_DUPLICATE && n < ATTEMPTS; n++) {
        TRY(gw_xta_id_make(call, &i.id, err));
        st = gw_store_commit(call->rt->store, issue_commit, &i, err);
    }
    call->answer.message_id = span_str(i.id);
    return st;
}

enum status gw_xta_check_account(struct gw_xta_call *call, struct error *err)
{
    (void)call;
    (void)err;
    return ST_OK; /* all that could be wrong was looked at on the way here */
}

/* ---- contents as files ---- */

static const char *const kind_names[] = {
    [GW_XTA_MESSAGE] = "message", [GW_XTA_ATTACHMENT] = "attachment", [GW_XTA_ENCRYPTED] = "xenc"};

static void member_put(json_t **json, const char *name, struct span value)
{
    if (value.len > 0)
        gw_json_put(json, name, json_stringn((const char *)value.ptr, value.len));
}

enum status gw_xta_part_write(const struct gw_xta_part *part, struct arena *arena, const char **ref,
                              struct error *err)
{
    json_t *json = json_object();
    char *text;

    gw_json_put(&json, "xta", json_string(kind_names[part->kind]));
    member_put(&json, "id", part->id);
    member_put(&json, "encoding", part->encoding);
    member_put(&json, "description", part->description);
    member_put(&json, "lang", part->lang);
    text = gw_json_dump(json, JSON_COMPACT);
    json_decref(json);
    TRY_ALLOC(text, err);
    *ref = arena_str(arena, span_str(text));
    free(text);
    TRY_ALLOC(*ref, err);
    return ST_OK;
}

static struct span member_get(const json_t *json, const char *name, struct arena *arena)
{
    const json_t *value = json_object_get(json, name);

    if (!json_is_string(value))
        return SPAN_NONE;
    return arena_span(arena, span_of(json_string_value(value), json_string_length(value)));
}

bool gw_xta_part_read(const char *ref, struct arena *arena, struct gw_xta_part *part)
{
    json_t *json = ref == NULL ? NULL : json_loads(ref, 0, NULL);
    const char *kind = json_string_value(json_object_get(json, "xta"));
    bool found = false;

    *part = (struct gw_xta_part){.kind = GW_XTA_ATTACHMENT};
    for (size_t i = 0; kind != NULL && !found && i < ARRAY_LEN(kind_names); i++) {
        found = strcmp(kind, kind_names[i]) == 0;
        if (found)
            part->kind = (enum gw_xta_kind)i;
    }
    if (found) {
        part->id = member_get(json, "id", arena);
        part->encoding = member_get(json, "encoding", arena);
        part->description = member_get(json, "description", arena);
        part->lang = member_get(json, "lang", arena);
    }
    json_decref(json);
    return found;
}

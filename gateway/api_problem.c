/* Problem documents (RFC 9457): what the API says when it cannot do what it is asked. */
#include <stdio.h>

#include "gateway/api_call.h"
#include "gateway/reason.h"

enum status gw_api_problem(struct gw_api_call *call, int status, int reason, struct error *err,
                           const struct gw_explain_field *fields, size_t count)
{
    buf_reset(&call->title);
    buf_reset(&call->action);
    call->status = status;
    call->reason = reason;
    gw_explain_what(&call->title, reason, call->lang, fields, count);
    gw_explain_action(&call->action, reason, call->lang, fields, count);
    return error_set(err, ST_DENIED, reason, "answered with HTTP status %d", status);
}

enum status gw_api_problem_of(struct gw_api_call *call, int status, int reason, struct error *err,
                              const char *name, const char *value)
{
    const struct gw_explain_field field = {name, value};

    return gw_api_problem(call, status, reason, err, &field, 1);
}

enum status gw_api_problem_denied(struct gw_api_call *call, const char *endpoint, struct error *err)
{
    const struct gw_config *conf = call->server->rt->conf;
    const char *tenant = gw_config_sole_name(conf);
    char user[24];
    const struct gw_explain_field fields[] = {{"user", user},
                                              {"endpoint", endpoint != NULL ? endpoint
                                                           : tenant != NULL ? tenant
                                                                            : "depesche"}};

    (void)snprintf(user, sizeof user, "%lu", (unsigned long)call->uid);
    return gw_api_problem(call, 403, GW_R_API_DENIED, err, fields, ARRAY_LEN(fields));
}

/* The largest body that is taken here, in words. */
static void size_max(const struct gw_api_call *call, char text[32])
{
    if (call->route != NULL && !call->route->upload)
        (void)snprintf(text, 32, "%d KB", GW_API_BODY_MAX / 1024);
    else
        (void)snprintf(text, 32, "%lld MB",
                       (long long)call->server->rt->conf->limits.message_max_mb);
}

enum status gw_api_problem_size(struct gw_api_call *call, struct error *err)
{
    char max[32];

    size_max(call, max);
    return gw_api_problem_of(call, 413, GW_R_API_TOO_LARGE, err, "max", max);
}

static int status_of(const struct error *err)
{
    switch (err->status) {
    case ST_INVALID:
        return 400;
    case ST_DENIED:
        return 403;
    case ST_NOT_FOUND:
        return 404;
    case ST_DUPLICATE:
        return 409;
    case ST_LIMIT:
        return err->reason == GW_R_API_TOO_LARGE ? 413 : 503;
    case ST_RETRY:
        return 503;
    default:
        return 500;
    }
}

void gw_api_problem_make(struct gw_api_call *call)
{
    const struct gw_runtime *rt = call->server->rt;
    const struct error *why = &call->why;
    struct error ignored;
    char max[32];
    const struct gw_explain_field fields[] = {
        {"detail", why->text}, {"path", rt->conf->state}, {"max", max}};
    int reason = gw_reason_of(why), status = status_of(why);

    if (call->reason != 0) /* the handler has said what it is; a status alone it set too early */
        return;
    size_max(call, max);
    if (reason != GW_R_API_BAD_REQUEST && reason != GW_R_API_TOO_LARGE && status < 500)
        status = 500;
    if (!gw_explain_knows(reason))
        reason = GW_R_INTERNAL;
    (void)gw_api_problem(call, status, reason, &ignored, fields, ARRAY_LEN(fields));
}

void gw_api_problem_http(struct gw_api_call *call, int status, const struct error *why)
{
    const char *detail = why->text;

    call->why = *why;
    if (status == 413) {
        (void)gw_api_problem_size(call, &call->why);
    } else if (status == 408) {
        (void)gw_api_problem_of(call, 408, GW_R_API_SLOW, &call->why, "detail", detail);
    } else if (why->status == ST_INVALID || why->status == ST_LIMIT) {
        (void)gw_api_problem_of(call, status, GW_R_API_HEAD, &call->why, "detail", detail);
    } else {
        gw_api_problem_make(call);
    }
}

json_t *gw_api_problem_json(const struct gw_api_call *call)
{
    json_t *json = json_object();
    struct buf title = call->title, action = call->action;

    gw_json_put(&json, "type", json_string("about:blank"));
    gw_json_put(&json, "title", gw_json_text(buf_cstr(&title)));
    gw_json_put(&json, "detail", gw_json_text(buf_cstr(&action)));
    gw_json_put(&json, "action", gw_json_text(buf_cstr(&action)));
    gw_json_put(&json, "status", json_integer(call->status));
    gw_json_put(&json, "code", gw_json_code(call->reason));
    gw_json_put(&json, "side", json_string(gw_side_name(gw_explain_find(call->reason)->side)));
    return json;
}

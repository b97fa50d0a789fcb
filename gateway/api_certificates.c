/* GET /v1/certificates: every certificate in use, those that end first first. */
#include "gateway/api_call.h"
#include "gateway/certificates.h"

struct listing {
    int64_t now;
    json_t *all;
};

static void finding_put(json_t **json, int reason, const struct gw_explain_field *fields,
                        size_t count)
{
    AUTO(buf_deinit) struct buf de = {0}, en = {0};

    buf_init(&de, 4096);
    buf_init(&en, 4096);
    gw_explain_what(&de, reason, GW_LANG_DE, fields, count);
    gw_explain_what(&en, reason, GW_LANG_EN, fields, count);
    gw_json_put(json, "finding", gw_json_trouble(reason, buf_cstr(&en), buf_cstr(&de)));
}

static json_t *readable_json(const struct gw_cert_use *use, int64_t now)
{
    const struct cert *cert = use->cert;
    json_t *json = gw_api_certificate_json(cert);
    int reason = gw_cert_finding(use, now);
    char until[16], from[16];
    const struct gw_explain_field fields[] = {
        {"subject", cert_subject(cert)}, {"until", until}, {"from", from}};

    gw_cert_day(cert_not_after(cert), until);
    gw_cert_day(cert_not_before(cert), from);
    gw_json_put(&json, "days_left", json_integer(gw_cert_days_left(cert, now)));
    if (reason != 0)
        finding_put(&json, reason, fields, ARRAY_LEN(fields));
    else
        gw_json_put(&json, "finding", json_null());
    return json;
}

static json_t *unreadable_json(const struct gw_cert_use *use)
{
    const struct gw_explain_field fields[] = {
        {"key", use->setting}, {"path", use->path}, {"detail", use->detail}};
    json_t *json = json_object();

    gw_json_put(&json, "days_left", json_null());
    finding_put(&json, GW_R_CONFIG_CERTIFICATE, fields, ARRAY_LEN(fields));
    return json;
}

/* What cannot be read comes before all others. */
static int64_t rank(const json_t *json)
{
    const json_t *days = json_object_get(json, "days_left");

    return json_is_integer(days) ? json_integer_value(days) : INT64_MIN;
}

static void list_one(void *ctx, const struct gw_cert_use *use)
{
    struct listing *l = ctx;
    json_t *json = use->cert != NULL ? readable_json(use, l->now) : unreadable_json(use);
    size_t at = json_array_size(l->all);

    gw_json_put(&json, "owner", json_string(gw_cert_owner_name(use->owner)));
    gw_json_put(&json, "use", json_string(gw_cert_use_name(use->use)));
    gw_json_put(&json, "setting", json_string(use->setting));
    gw_json_put(&json, "name", gw_json_text(use->name));
    gw_json_put(&json, "path", gw_json_text(use->path));
    gw_json_put(&json, "from", gw_json_time(use->from));
    gw_json_put(&json, "until", gw_json_time(use->until));
    while (at > 0 && rank(json_array_get(l->all, at - 1)) > rank(json))
        at--;
    if (l->all != NULL && (json == NULL || json_array_insert_new(l->all, at, json) != 0)) {
        json_decref(l->all);
        l->all = NULL;
    }
}

enum status gw_api_certificates(struct gw_api_call *call, struct error *err)
{
    struct listing l = {gw_now_ms(), NULL};

    if (!call->admin)
        return gw_api_problem_denied(call, NULL, err);
    l.all = json_array();
    gw_certificates(call->server->rt, list_one, &l);
    TRY_ALLOC(l.all, err);
    return gw_api_array(call, "certificates", l.all, err);
}

/* GET /v1/certificates: every certificate in use, those that end first first. */
#include "gateway/api_call.h"
#include "gateway/calendar_mail.h"
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
    gw_json_put(&json, "signature_algorithm", json_string(cert_signature_name(cert)));
    gw_json_put(&json, "days_left", json_integer(gw_cert_days_left(cert, now)));
    if (reason != 0)
        finding_put(&json, reason, fields, ARRAY_LEN(fields));
    else
        gw_json_put(&json, "finding", json_null());
    return json;
}

/* An issuer's revocation list: what it says of itself. */
static json_t *crl_json(const struct crl_facts *facts, int64_t now)
{
    json_t *json = json_object();
    char until[16];
    const struct gw_explain_field fields[] = {{"subject", facts->issuer}, {"until", until}};

    gw_cert_day(facts->until, until);
    gw_json_put(&json, "subject", gw_json_text(facts->issuer));
    gw_json_put(&json, "not_before", gw_json_time(facts->from));
    gw_json_put(&json, "not_after", gw_json_time(facts->until));
    gw_json_put(&json, "days_left",
                facts->until == 0 ? json_null() : json_integer(gw_days_left(facts->until, now)));
    if (facts->until != 0 && facts->until < now)
        finding_put(&json, GW_R_LIST_OUTDATED, fields, ARRAY_LEN(fields));
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

/* What cannot be read comes before all others, a list that says no end behind them. */
static int64_t rank(const json_t *json)
{
    const json_t *days = json_object_get(json, "days_left");

    return json_is_integer(days)                            ? json_integer_value(days)
           : json_is_null(json_object_get(json, "finding")) ? INT64_MAX
                                                            : INT64_MIN;
}

static json_t *blocks_json(const struct gw_cert_use *use)
{
    AUTO(buf_deinit) struct buf de = {0}, en = {0};
    json_t *json = json_object();

    buf_init(&de, 4096);
    buf_init(&en, 4096);
    gw_cert_blocks(&de, use, GW_LANG_DE);
    gw_cert_blocks(&en, use, GW_LANG_EN);
    gw_json_put(&json, "de", json_string(buf_cstr(&de)));
    gw_json_put(&json, "en", json_string(buf_cstr(&en)));
    return json;
}

/* What a store of trust decides about; null: it is in none. */
static json_t *serves_json(unsigned purposes)
{
    static const char *const names[CERT_PURPOSES] = {"signing",     "enciphering", "tls_servers",
                                                     "tls_clients", "xta_clients", "time_stamps"};
    json_t *json = purposes == 0 ? json_null() : json_array();

    for (unsigned i = 0; i < CERT_PURPOSES; i++)
        if ((purposes & CERT_PURPOSE_BIT(i)) != 0)
            gw_json_append(&json, json_string(names[i]));
    return json;
}

static void row_add(struct listing *l, const struct gw_cert_use *use, json_t *json)
{
    size_t at = json_array_size(l->all);

    gw_json_put(&json, "owner", json_string(gw_cert_owner_name(use->owner)));
    gw_json_put(&json, "use", json_string(gw_cert_use_name(use->use)));
    gw_json_put(&json, "setting", json_string(use->setting));
    gw_json_put(&json, "serves", serves_json(use->serves));
    gw_json_put(&json, "name", gw_json_text(use->name));
    gw_json_put(&json, "path", gw_json_text(use->path));
    gw_json_put(&json, "from", gw_json_time(use->from));
    gw_json_put(&json, "until", gw_json_time(use->until));
    gw_json_put(&json, "blocks", blocks_json(use));
    while (at > 0 && rank(json_array_get(l->all, at - 1)) > rank(json))
        at--;
    if (l->all != NULL && (json == NULL || json_array_insert_new(l->all, at, json) != 0)) {
        json_decref(l->all);
        l->all = NULL;
    }
}

static void certificate_add(void *ctx, const struct gw_cert_use *use)
{
    struct listing *l = ctx;

    row_add(l, use, use->cert != NULL ? readable_json(use, l->now) : unreadable_json(use));
}

static void crl_add(void *ctx, const struct crl_facts *facts)
{
    const struct gw_cert_use use = {
        .owner = GW_CERT_AUTHORITY, .use = GW_CERT_LISTS, .setting = "trust.crls"};
    struct listing *l = ctx;

    row_add(l, &use, crl_json(facts, l->now));
}

/* What others showed in TLS; it is not the settings' and nobody is warned of it. */
static void sight_add(void *ctx, const struct gw_tls_sight *sight)
{
    const struct gw_cert_use use = {.owner = sight->server ? GW_CERT_SERVER : GW_CERT_CLIENT,
                                    .use = GW_CERT_TLS,
                                    .setting = "tls.seen",
                                    .name = sight->name,
                                    .cert = sight->cert};
    struct listing *l = ctx;
    json_t *json = readable_json(&use, l->now);

    gw_json_put(&json, "seen_since", gw_json_time(sight->since));
    gw_json_put(&json, "seen_at", gw_json_time(sight->at));
    row_add(l, &use, json);
}

enum status gw_api_certificates(struct gw_api_call *call, struct error *err)
{
    struct listing l = {gw_now_ms(), NULL};

    if (!call->admin)
        return gw_api_problem_denied(call, NULL, err);
    l.all = json_array();
    gw_certificates(call->server->rt, certificate_add, &l);
    gw_tls_seen_each(call->server->rt->seen, sight_add, &l);
    if (call->server->rt->checker != NULL)
        cert_checker_lists(call->server->rt->checker, crl_add, &l);
    TRY_ALLOC(l.all, err);
    return gw_api_array(call, "certificates", l.all, err);
}

/* ---- in the status ---- */

struct ending {
    int64_t now;
    size_t count;
    json_t *first; /* the one that ends first */
};

static void ending_see(void *ctx, const struct gw_cert_use *use)
{
    struct ending *e = ctx;
    int reason = use->cert == NULL ? 0 : gw_cert_finding(use, e->now);
    int64_t days;

    if (reason != GW_R_CERT_EXPIRED && reason != GW_R_CERT_EXPIRES_SOON)
        return;
    e->count++;
    days = gw_cert_days_left(use->cert, e->now);
    if (e->first != NULL && json_integer_value(json_object_get(e->first, "days_left")) <= days)
        return;
    json_decref(e->first);
    e->first = json_object();
    gw_json_put(&e->first, "days_left", json_integer(days));
    gw_json_put(&e->first, "subject", gw_json_text(cert_subject(use->cert)));
    gw_json_put(&e->first, "setting", json_string(use->setting));
    gw_json_put(&e->first, "name", gw_json_text(use->name));
    gw_json_put(&e->first, "blocks", blocks_json(use));
}

json_t *gw_api_calendar_mail_json(struct gw_api_call *call, struct gw_tx *tx)
{
    const struct gw_runtime *rt = call->server->rt;
    const char *de, *en;

    if (!call->admin)
        return json_null();
    de = gw_calendar_mail_trouble(tx, rt, &call->arena, GW_LANG_DE);
    en = gw_calendar_mail_trouble(tx, rt, &call->arena, GW_LANG_EN);
    return de == NULL || en == NULL ? json_null() : gw_json_trouble(GW_R_CALENDAR_MAIL, en, de);
}

json_t *gw_api_ending_json(struct gw_api_call *call, json_t *mail)
{
    struct ending e = {.now = gw_now_ms()};
    json_t *json;

    if (!call->admin) {
        json_decref(mail);
        return json_null();
    }
    gw_certificates(call->server->rt, ending_see, &e);
    json = json_object();
    gw_json_put(&json, "ending", json_integer((json_int_t)e.count));
    gw_json_put(&json, "first", e.first == NULL ? json_null() : e.first);
    gw_json_put(&json, "mail", mail);
    return json;
}

/* GET /v1/outlook?on=DAY: what would no longer work on that day, and for how many messages. */
#include <stdio.h>
#include <string.h>

#include "gateway/api_call.h"
#include "gateway/certificates.h"

static const int64_t day_ms = INT64_C(24) * 3600 * 1000;
enum { LOOK_BACK_DAYS = 90 };

/* Whom a finding is about; NULL: everybody. */
struct outlook {
    const struct gw_runtime *rt;
    int64_t on;
    json_t *all;    /* findings about everybody */
    json_t *places; /* by place_key: a partner's or intermediary's own */
    bool starved;
};

static void finding_add(struct outlook *o, json_t *list, int reason, const char *setting,
                        const struct gw_explain_field *fields, size_t count)
{
    AUTO(buf_deinit) struct buf de = {0}, en = {0};
    json_t *json;

    buf_init(&de, 4096);
    buf_init(&en, 4096);
    gw_explain_what(&de, reason, GW_LANG_DE, fields, count);
    gw_explain_what(&en, reason, GW_LANG_EN, fields, count);
    json = gw_json_trouble(reason, buf_cstr(&en), buf_cstr(&de));
    gw_json_put(&json, "setting", gw_json_text(setting));
    o->starved = o->starved || json == NULL || json_array_append_new(list, json) != 0;
}

enum { KEY_SIZE = 1100 };

static const char *place_key(char key[static KEY_SIZE], enum gw_cert_owner owner, const char *name)
{
    (void)snprintf(key, KEY_SIZE, "%s %s", gw_cert_owner_name(owner), name);
    return key;
}

/* Where findings about this one are gathered; NULL: memory. */
static json_t *place_of(struct outlook *o, enum gw_cert_owner owner, const char *name)
{
    char key[KEY_SIZE];

    (void)place_key(key, owner, name);
    if (json_object_get(o->places, key) == NULL)
        (void)json_object_set_new(o->places, key, json_array());
    return json_object_get(o->places, key);
}

/* Of ours and of issuers everybody's messages depend, of a partner or an intermediary its own.
 * Those that only open what comes late are nobody's hindrance. */
static void certificate_see(void *ctx, const struct gw_cert_use *use)
{
    struct outlook *o = ctx;
    char until[16], from[16];
    json_t *list = o->all;
    int reason;

    reason = use->cert == NULL ? 0 : gw_cert_hindrance(use, o->on);
    if (reason == 0)
        return;
    gw_cert_day(cert_not_after(use->cert), until);
    gw_cert_day(cert_not_before(use->cert), from);
    const struct gw_explain_field fields[] = {
        {"subject", cert_subject(use->cert)}, {"until", until}, {"from", from}};

    if (use->owner == GW_CERT_PARTNER || use->owner == GW_CERT_INTERMEDIARY)
        list = place_of(o, use->owner, use->name);
    finding_add(o, list, reason, use->setting, fields, ARRAY_LEN(fields));
}

static bool is_ec(const struct cert *cert)
{
    return strncmp(cert_key_name(cert), "RSA", 3) != 0;
}

/* Tenants or, in their place, the authors of endpoints. */
static bool signs_with(const struct outlook *o, bool ec)
{
    const struct gw_runtime *rt = o->rt;

    for (size_t i = 0; i < rt->tenant_count; i++)
        if (is_ec(identity_signature(rt->tenants[i].identity, o->on)->cert) == ec)
            return true;
    for (size_t i = 0; i < rt->authors_count; i++)
        for (size_t k = 0; k < rt->authors[i].count; k++)
            if (is_ec(rt->authors[i].pairs[k].cert) == ec)
                return true;
    return false;
}

static void algorithm_see(struct outlook *o, enum alg_use use, const char *uri)
{
    const struct alg *alg = alg_find(span_str(uri), use);
    int64_t until = policy_until(&o->rt->policy, alg, ALG_WRITE);
    char day[16];
    const struct gw_explain_field fields[] = {
        {"kind", alg_use_name(use)}, {"name", alg_name(alg)}, {"until", day}};

    if (o->on < until)
        return;
    if (until == 0)
        (void)snprintf(day, sizeof day, "-");
    else
        gw_cert_day(until - day_ms, day);
    finding_add(o, o->all, GW_R_ALGORITHM_ENDS, "security.algorithms", fields, ARRAY_LEN(fields));
}

/* What osci/ writes with (osci/write.c, osci/seal.c): each message that goes out by OSCI. */
static void algorithms_see(struct outlook *o)
{
    if (o->rt->peer_count == 0)
        return;
    algorithm_see(o, ALG_DIGEST, ALG_SHA256_URI);
    if (signs_with(o, false))
        algorithm_see(o, ALG_SIGNATURE, ALG_RSA_SHA256_URI);
    if (signs_with(o, true))
        algorithm_see(o, ALG_SIGNATURE, "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256");
    algorithm_see(o, ALG_CIPHER, ALG_AES256_GCM_URI);
    algorithm_see(o, ALG_KEY_TRANSPORT, ALG_RSA_OAEP_URI);
    algorithm_see(o, ALG_MGF, "http://www.w3.org/2009/xmlenc11#mgf1sha256");
}

static void findings_join(struct outlook *o, json_t *list, enum gw_cert_owner owner,
                          const char *name)
{
    char key[KEY_SIZE];
    const json_t *own =
        name == NULL ? NULL : json_object_get(o->places, place_key(key, owner, name));

    o->starved = o->starved || list == NULL ||
                 (own != NULL && json_array_extend(list, (json_t *)(uintptr_t)own) != 0);
}

/* A partner's findings and those of the intermediary by which it is reached. */
static json_t *findings_of(struct outlook *o, const struct gw_partner *partner)
{
    json_t *list = json_array();

    findings_join(o, list, GW_CERT_PARTNER, partner->conf->name);
    findings_join(o, list, GW_CERT_INTERMEDIARY, partner->conf->intermediary);
    return list;
}

static json_t *partner_json(const char *name, uint64_t sent, uint64_t received)
{
    json_t *json = json_object();

    gw_json_put(&json, "name", json_string(name));
    gw_json_put(&json, "sent", json_integer((json_int_t)sent));
    gw_json_put(&json, "received", json_integer((json_int_t)received));
    return json;
}

/* Who had most to do with us comes first. */
static size_t rank_find(const json_t *all, json_int_t messages)
{
    size_t at = json_array_size(all);

    while (at > 0) {
        const json_t *before = json_array_get(all, at - 1);

        if (json_integer_value(json_object_get(before, "sent")) +
                json_integer_value(json_object_get(before, "received")) >=
            messages)
            break;
        at--;
    }
    return at;
}

static enum status partners_read(struct gw_api_call *call, struct outlook *o, int64_t since,
                                 struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    uint64_t all_sent = 0, all_received = 0;
    json_t *partners = json_array();

    gw_json_put(&call->json, "partners", partners);
    TRY_ALLOC(call->json, err);
    TRY(gw_store_read(o->rt->store, &tx, err));
    for (size_t i = 0; i < o->rt->partner_count; i++) {
        const struct gw_partner *partner = &o->rt->partners[i];
        json_t *findings, *json;
        uint64_t sent, received;

        TRY(gw_store_traffic(tx, partner->conf->name, since, &sent, &received, err));
        all_sent += sent;
        all_received += received;
        findings = findings_of(o, partner);
        if (json_array_size(findings) == 0) {
            json_decref(findings);
            continue;
        }
        json = partner_json(partner->conf->name, sent, received);
        gw_json_put(&json, "findings", findings);
        if (json == NULL ||
            json_array_insert_new(partners, rank_find(partners, (json_int_t)(sent + received)),
                                  json) != 0)
            return error_starved(err);
    }
    gw_json_put(&call->json, "sent", json_integer((json_int_t)all_sent));
    gw_json_put(&call->json, "received", json_integer((json_int_t)all_received));
    return ST_OK;
}

static enum status outlook_make(struct gw_api_call *call, struct outlook *o, struct error *err)
{
    int64_t since = gw_now_ms() - LOOK_BACK_DAYS * day_ms;
    char day[16];

    gw_certificates(o->rt, certificate_see, o);
    algorithms_see(o);
    gw_cert_day(o->on, day);
    call->json = json_object();
    gw_json_put(&call->json, "on", json_string(day));
    gw_json_put(&call->json, "since", gw_json_time(since));
    gw_json_put(&call->json, "findings", json_incref(o->all));
    TRY_ALLOC(call->json, err);
    TRY(partners_read(call, o, since, err));
    TRY_ALLOC(call->json, err);
    if (o->starved)
        return error_starved(err);
    call->status = 200;
    return ST_OK;
}

enum status gw_api_outlook(struct gw_api_call *call, struct error *err)
{
    struct outlook o = {.rt = call->server->rt};
    enum status st;

    if (!call->admin)
        return gw_api_problem_denied(call, NULL, err);
    TRY(gw_api_param_time(call, "on", &o.on, err));
    if (o.on == 0)
        return gw_api_bad(call, "on=2031-12-31 is missing", err);
    o.all = json_array();
    o.places = json_object();
    st = outlook_make(call, &o, err);
    json_decref(o.all);
    json_decref(o.places);
    return st;
}

/* What the API says about the directory: who is in it, and what is wrong with their certificates
 * today. All else was checked when the settings were read. */
#include <stdio.h>
#include <time.h>

#include "gateway/api_call.h"
#include "gateway/reason.h"

enum { SENTENCE_MAX = 4096, SOON_MS = INT64_C(30) * 24 * 3600 * 1000 };

static void finding_add(json_t **findings, int code, const struct gw_explain_field *fields,
                        size_t count)
{
    AUTO(buf_deinit) struct buf de = {0}, en = {0};

    buf_init(&de, SENTENCE_MAX);
    buf_init(&en, SENTENCE_MAX);
    gw_explain_what(&de, code, GW_LANG_DE, fields, count);
    gw_explain_what(&en, code, GW_LANG_EN, fields, count);
    gw_json_append(findings, gw_json_trouble(code, buf_cstr(&en), buf_cstr(&de)));
}

static void date_text(int64_t ms, char text[16])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;

    if (gmtime_r(&seconds, &tm) == NULL || strftime(text, 16, "%Y-%m-%d", &tm) == 0)
        text[0] = '\0';
}

/* ---- one certificate ---- */

/* Whether its issuer is believed is the matter of who sends, in whatever scheme. */
static int worst(const struct cert_verdict *v, const struct cert *cert, int64_t now)
{
    return v->online == CERT_ONLINE_REVOKED       ? GW_R_CERT_REVOKED
           : v->usage_wrong                       ? GW_R_CERT_PURPOSE
           : cert_not_after(cert) < now           ? GW_R_CERT_EXPIRED
           : cert_not_before(cert) > now          ? GW_R_CERT_NOT_YET
           : cert_not_after(cert) - now < SOON_MS ? GW_R_CERT_EXPIRES_SOON
                                                  : 0;
}

static void certificate_judge(struct cert_checker *checker, const struct cert *cert, int64_t now,
                              json_t **findings)
{
    struct cert_verdict verdict = {0};
    struct error err = {0};
    char until[16], from[16];
    const struct gw_explain_field fields[] = {
        {"subject", cert_subject(cert)},
        {"until", until},
        {"from", from},
        {"detail", err.text},
    };
    int code;

    date_text(cert_not_after(cert), until);
    date_text(cert_not_before(cert), from);
    if (cert_checker_check(checker, cert, CERT_FOR_OSCI_CIPHER, now, &verdict, &err) != ST_OK)
        code = gw_reason_of(&err);
    else
        code = worst(&verdict, cert, now);
    if (code == GW_R_CERT_REVOKED)
        (void)snprintf(err.text, sizeof err.text, "%s", verdict.reason);
    if (code != 0)
        finding_add(findings, code, fields, ARRAY_LEN(fields));
}

/* null where none is named, or it cannot be read any more. */
static json_t *certificate_json(struct cert_checker *checker, const char *path, int64_t now,
                                json_t **findings)
{
    AUTO(cert_drop) struct cert *cert = NULL;
    struct error err = {0};
    json_t *json;

    if (path == NULL)
        return json_null();
    if (gw_cert_load(path, &cert, &err) != ST_OK) {
        const struct gw_explain_field fields[] = {
            {"key", "certificate"}, {"path", path}, {"detail", err.text}};

        finding_add(findings, GW_R_CONFIG_CERTIFICATE, fields, ARRAY_LEN(fields));
        return json_null();
    }
    certificate_judge(checker, cert, now, findings);
    json = json_object();
    gw_json_put(&json, "subject", gw_json_text(cert_subject(cert)));
    gw_json_put(&json, "issuer", gw_json_text(cert_issuer(cert)));
    gw_json_put(&json, "not_before", gw_json_time(cert_not_before(cert)));
    gw_json_put(&json, "not_after", gw_json_time(cert_not_after(cert)));
    gw_json_put(&json, "fingerprint", gw_json_text(cert_fingerprint(cert)));
    return json;
}

/* ---- services and parties ---- */

static struct cert_checker *checker_of(const struct gw_runtime *rt,
                                       const struct gw_directory_service *s)
{
    const struct gw_partner *partner =
        s->partner == NULL ? NULL : gw_runtime_partner(rt, s->partner);

    return partner == NULL || partner->trust == NULL ? rt->checker
                                                     : gw_trust_checker(partner->trust);
}

static json_t *service_json(const struct gw_runtime *rt, const struct gw_directory_service *s,
                            int64_t now)
{
    json_t *json = json_object(), *parameters = json_array(), *findings = json_array();

    for (unsigned i = 0; i < s->parameters_count; i++) {
        json_t *p = json_object();

        gw_json_put(&p, "name", gw_json_text(s->parameters[i].name));
        gw_json_put(&p, "value", gw_json_text(s->parameters[i].value));
        gw_json_append(&parameters, p);
    }
    gw_json_put(&json, "uri", gw_json_text(s->uri));
    gw_json_put(&json, "mode", gw_json_text(gw_directory_mode_name(s->mode)));
    gw_json_put(&json, "partner", gw_json_text(s->partner));
    gw_json_put(&json, "endpoint", gw_json_text(s->endpoint));
    gw_json_put(&json, "certificate",
                certificate_json(checker_of(rt, s), s->certificate, now, &findings));
    gw_json_put(&json, "parameters", parameters);
    gw_json_put(&json, "findings", findings);
    return json;
}

static json_t *party_json(const struct gw_runtime *rt, const struct gw_directory_entry *e,
                          int64_t now)
{
    json_t *json = json_object(), *services = json_array();

    for (unsigned i = 0; i < e->services_count; i++)
        gw_json_append(&services, service_json(rt, &e->services[i], now));
    gw_json_put(&json, "party", gw_json_text(e->party));
    gw_json_put(&json, "name", gw_json_text(e->name));
    gw_json_put(&json, "scheme", gw_json_text(e->scheme));
    gw_json_put(&json, "category", gw_json_text(e->category));
    gw_json_put(&json, "services", services);
    return json;
}

enum status gw_api_directory(struct gw_api_call *call, struct error *err)
{
    const struct gw_runtime *rt = call->server->rt;
    const struct gw_directory *directory = rt->conf->parties;
    json_t *all = json_array();
    int64_t now = gw_now_ms();

    for (unsigned i = 0; directory != NULL && i < directory->parties_count; i++)
        gw_json_append(&all, party_json(rt, &directory->parties[i], now));
    call->json = json_object();
    gw_json_put(&call->json, "file", gw_json_text(rt->conf->directory));
    gw_json_put(&call->json, "parties", all);
    TRY_ALLOC(call->json, err);
    call->status = 200;
    return ST_OK;
}

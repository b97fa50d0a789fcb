/* Trust in the settings (gateway/trust.h): does a store name anybody, who is in force, and can what
 * else the settings say ever be believed by it? */
#include <fcntl.h>
#include <stdio.h>

#include "gateway/certificates.h"
#include "gateway/config_schema.h"
#include "gateway/files.h"
#include "gateway/loop.h"
#include "gateway/trust.h"

enum { PEM_MAX = 4 * 1024 * 1024 };

static void find(struct gw_config_reader *r, const void *at, int code, bool warning,
                 const struct gw_explain_field *fields, size_t count)
{
    gw_config_find(r->report, gw_config_line_of(r, at), code, warning, fields, count);
}

static void key_text(struct buf *b, const struct gw_trust_setting *setting)
{
    buf_init(b, 2 * GW_PATH_SIZE);
    gw_trust_setting_text(b, setting);
}

/* ---- what stands there ---- */

static void policies_check(struct gw_config_reader *r, const struct gw_trust_setting *s,
                           const char *key)
{
    AUTO(trust_drop) struct trust *trust = NULL;
    struct error err = {0};

    if (trust_new(&trust, &err) != ST_OK)
        return;
    for (unsigned i = 0; i < s->store->policies_count; i++) {
        const struct gw_explain_field fields[] = {
            {"key", key}, {"value", s->store->policies[i]}, {"expected", "1.2.276.0.76.4.1"}};

        if (trust_add_policy(trust, s->purposes, s->store->policies[i], &err) != ST_OK)
            find(r, &s->store->policies[i], GW_R_CONFIG_VALUE, false, fields, ARRAY_LEN(fields));
    }
}

/* A plain list at the top may be empty: nobody speaks OSCI, or the system's authorities count. */
static void words_check(void *ctx, const struct gw_trust_setting *s)
{
    struct gw_config_reader *r = ctx;
    AUTO(buf_deinit) struct buf key = {0};
    struct gw_explain_field field = {"key", NULL};

    key_text(&key, s);
    field.value = buf_cstr(&key);
    if (!s->plain && s->store->authorities_count == 0 && s->store->pinned_count == 0)
        find(r, s->at, GW_R_CONFIG_TRUST_EMPTY, true, &field, 1);
    policies_check(r, s, field.value);
}

void gw_config_check_trust(struct gw_config_reader *r, const struct gw_config *config)
{
    gw_trust_settings(config, words_check, r);
}

/* ---- what is in the files ---- */

typedef enum status add_fn(struct trust *trust, unsigned purposes, const char *label,
                           struct span pem, struct error *err);

static enum status intermediate_add(struct trust *trust, unsigned purposes, const char *label,
                                    struct span pem, struct error *err)
{
    (void)purposes;
    return trust_add_intermediates(trust, label, pem, err);
}

static void validity_check(struct gw_config_reader *r, const char *const *path, const char *key,
                           const struct cert *cert)
{
    char until[16];
    const struct gw_explain_field fields[] = {
        {"key", key}, {"path", *path}, {"subject", cert_subject(cert)}, {"until", until}};

    gw_cert_day(cert_not_after(cert), until);
    if (cert_not_after(cert) < gw_now_ms())
        find(r, path, GW_R_CONFIG_TRUST_EXPIRED, true, fields, ARRAY_LEN(fields));
}

static void file_check(struct gw_config_reader *r, const char *const *path, const char *key,
                       add_fn *add)
{
    AUTO(trust_drop) struct trust *trust = NULL;
    AUTO(buf_deinit) struct buf pem = {0};
    struct error err = {0};
    const struct gw_explain_field fields[] = {{"key", key}, {"path", *path}, {"detail", err.text}};

    buf_init(&pem, PEM_MAX);
    if (*path == NULL || trust_new(&trust, &err) != ST_OK)
        return;
    if (gw_file_read(AT_FDCWD, *path, &pem, &err) != ST_OK) {
        gw_config_check_file(r, path, key);
        return;
    }
    if (add(trust, CERT_FOR_EVERYTHING, *path, buf_span(&pem), &err) != ST_OK) {
        find(r, path, GW_R_CONFIG_CERTIFICATE, false, fields, ARRAY_LEN(fields));
        return;
    }
    for (size_t i = 0; trust_authority(trust, i) != NULL; i++)
        validity_check(r, path, key, trust_authority(trust, i));
    for (size_t i = 0; trust_pinned(trust, i) != NULL; i++)
        validity_check(r, path, key, trust_pinned(trust, i));
}

static void files_check(void *ctx, const struct gw_trust_setting *s)
{
    const unsigned tls =
        CERT_PURPOSE_BIT(CERT_FOR_TLS_SERVER) | CERT_PURPOSE_BIT(CERT_FOR_XTA_CLIENT);
    AUTO(buf_deinit) struct buf key = {0};
    struct gw_config_reader *r = ctx;

    key_text(&key, s);
    for (unsigned i = 0; i < s->store->authorities_count; i++)
        file_check(r, &s->store->authorities[i], buf_cstr(&key),
                   (s->purposes & tls) != 0 ? trust_add_believed : trust_add_anchors_for);
    for (unsigned i = 0; i < s->store->intermediates_count; i++)
        file_check(r, &s->store->intermediates[i], buf_cstr(&key), intermediate_add);
    for (unsigned i = 0; i < s->store->pinned_count; i++)
        file_check(r, &s->store->pinned[i], buf_cstr(&key), trust_add_pinned_for);
}

/* ---- what it can never believe ---- */

/* Time heals, and so do lists; nothing else does. */
static bool is_hopeless(const struct cert_verdict *v)
{
    return v->math != CERT_MATH_OK || v->untrusted || v->chain_bad || v->usage_wrong || v->weak;
}

static void match_check(struct gw_config_reader *r, const struct gw_trust_scope *scope,
                        const char *const *path, const char *key, enum cert_purpose purpose)
{
    AUTO(cert_drop) struct cert *cert = NULL;
    struct cert_verdict v = {0};
    struct error err = {0};
    const struct gw_explain_field fields[] = {{"key", key}, {"path", *path}, {"detail", v.reason}};

    if (*path == NULL || gw_cert_load(*path, &cert, &err) != ST_OK ||
        cert_check(gw_trust_store(scope), NULL, cert, NULL, 0, purpose, gw_now_ms(), &v, &err) !=
            ST_OK)
        return;
    if (is_hopeless(&v))
        find(r, path, GW_R_CONFIG_TRUST_NEVER, true, fields, ARRAY_LEN(fields));
}

static void partner_match(struct gw_config_reader *r, const struct gw_trust *trust,
                          const struct gw_partner_conf *p)
{
    const struct gw_trust_scope *scope = gw_trust_for_partner(trust, p);

    match_check(r, scope, &p->cipher_certificate, "partners.cipher_certificate",
                CERT_FOR_OSCI_CIPHER);
    for (unsigned i = 0; i < p->next_ciphers_count; i++)
        match_check(r, scope, &p->next_ciphers[i].certificate, "partners.next_ciphers",
                    CERT_FOR_OSCI_CIPHER);
    for (unsigned i = 0; i < p->readers_count; i++)
        match_check(r, scope, &p->readers[i], "partners.readers", CERT_FOR_OSCI_CIPHER);
    for (unsigned i = 0; i < p->signature_certificates_count; i++)
        match_check(r, scope, &p->signature_certificates[i], "partners.signature_certificates",
                    CERT_FOR_OSCI_SIGNATURE);
}

/* Where listeners name authorities of their own, that is for these to say. */
static bool listeners_name(const struct gw_xta_server_conf *server)
{
    for (unsigned i = 0; i < server->listeners_count; i++)
        if (server->listeners[i].client_authorities_count > 0)
            return true;
    return false;
}

static void account_match(struct gw_config_reader *r, const struct gw_trust *trust,
                          const struct gw_xta_server_conf *server,
                          const struct gw_xta_account_conf *a)
{
    const struct gw_trust_scope *scope = gw_trust_for_account(trust, a);

    if (!gw_trust_is_narrow(scope, CERT_FOR_XTA_CLIENT) && listeners_name(server))
        return;
    for (unsigned i = 0; i < a->certificates_count; i++)
        match_check(r, scope, &a->certificates[i], "xta_server.accounts.certificates",
                    CERT_FOR_XTA_CLIENT);
}

void gw_config_check_trust_files(struct gw_config_reader *r, const struct gw_config *config)
{
    AUTO(gw_trust_drop) struct gw_trust *trust = NULL;
    struct error err = {0};

    gw_trust_settings(config, files_check, r);
    if (r->report->errors > 0 || gw_trust_new(config, &trust, &err) != ST_OK)
        return;
    for (unsigned i = 0; i < config->partners_count; i++)
        partner_match(r, trust, &config->partners[i]);
    for (unsigned i = 0; config->xta_server != NULL && i < config->xta_server->accounts_count; i++)
        account_match(r, trust, config->xta_server, &config->xta_server->accounts[i]);
}

/* What the API says about the intermediary: mailboxes, and what a directory's registrar must know.
 */
#include <stdio.h>

#include "gateway/api_call.h"
#include "gateway/store_osci.h"

enum { PEM_MAX = 1024 * 1024 };

/* Without an osci_server block there is nothing to tell of. */
static enum status server_need(struct gw_api_call *call, const char *path, struct error *err)
{
    if (call->server->osci == NULL)
        return gw_api_problem_of(call, 404, GW_R_API_NOT_FOUND, err, "path", path);
    return ST_OK;
}

static json_t *hex_json(struct span bytes)
{
    AUTO(buf_deinit) struct buf hex = {0};

    buf_init(&hex, 256);
    buf_hex(&hex, bytes);
    return json_string(buf_cstr(&hex));
}

/* ---- mailboxes ---- */

/* The configured one that has these rows; conf->mailboxes_count: none. */
static size_t configured_find(const struct gw_osci_tenant *t,
                              const uint8_t mailbox[GW_SHA256_BYTES])
{
    size_t i = 0;

    while (i < t->conf->mailboxes_count && memcmp(t->known[i], mailbox, GW_SHA256_BYTES) != 0)
        i++;
    return i;
}

static bool same_tenant(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static const struct gw_osci_tenant *tenant_find(const struct gw_osci_server *s, const char *name)
{
    for (size_t i = 0; i < gw_osci_server_tenants(s); i++)
        if (same_tenant(gw_osci_server_tenant(s, i)->conf->name, name))
            return gw_osci_server_tenant(s, i);
    return NULL; /* it was there once */
}

static json_t *mailbox_json(const struct gw_mailbox_row *row, const char *name)
{
    json_t *json = json_object();

    gw_json_put(&json, "tenant", gw_json_text(row->tenant));
    gw_json_put(&json, "name", gw_json_text(name));
    gw_json_put(&json, "subject", gw_json_text(row->subject));
    gw_json_put(&json, "certificate", hex_json(span_of(row->mailbox, sizeof row->mailbox)));
    gw_json_put(&json, "waiting", json_integer((json_int_t)row->waiting));
    gw_json_put(&json, "waiting_bytes", json_integer((json_int_t)row->waiting_bytes));
    gw_json_put(&json, "kept", json_integer((json_int_t)row->total));
    gw_json_put(&json, "kept_bytes", json_integer((json_int_t)row->bytes));
    gw_json_put(&json, "process_cards", json_integer((json_int_t)row->cards));
    gw_json_put(&json, "oldest_waiting_at", gw_json_time(row->oldest_waiting));
    gw_json_put(&json, "newest_at", gw_json_time(row->newest));
    gw_json_put(&json, "last_fetched_at", gw_json_time(row->last_fetched));
    return json;
}

/* What holds or held something. */
static void used_append(const struct gw_osci_server *s, const struct gw_mailbox_list *list,
                        json_t **all)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct gw_mailbox_row *row = &list->rows[i];
        const struct gw_osci_tenant *t = tenant_find(s, row->tenant);
        size_t at = t == NULL ? 0 : configured_find(t, row->mailbox);
        bool named = t != NULL && at < t->conf->mailboxes_count;

        gw_json_append(all, mailbox_json(row, named ? t->conf->mailboxes[at].name : NULL));
    }
}

static bool is_used(const struct gw_mailbox_list *list, const struct gw_osci_tenant *t, size_t at)
{
    for (size_t i = 0; i < list->count; i++)
        if (same_tenant(list->rows[i].tenant, t->conf->name) &&
            memcmp(list->rows[i].mailbox, t->known[at], GW_SHA256_BYTES) == 0)
            return true;
    return false;
}

/* And what is configured and still empty. */
static void unused_append(const struct gw_osci_server *s, const struct gw_mailbox_list *list,
                          json_t **all)
{
    for (size_t i = 0; i < gw_osci_server_tenants(s); i++) {
        const struct gw_osci_tenant *t = gw_osci_server_tenant(s, i);

        for (size_t k = 0; k < t->conf->mailboxes_count; k++) {
            struct gw_mailbox_row row = {.tenant = t->conf->name};

            memcpy(row.mailbox, t->known[k], sizeof row.mailbox);
            if (!is_used(list, t, k))
                gw_json_append(all, mailbox_json(&row, t->conf->mailboxes[k].name));
        }
    }
}

enum status gw_api_mailboxes(struct gw_api_call *call, struct error *err)
{
    const struct gw_osci_server *s = call->server->osci;
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_mailbox_list list = {0};
    json_t *all;

    TRY(server_need(call, "/v1/mailboxes", err));
    if (!call->admin)
        return gw_api_problem_denied(call, NULL, err);
    TRY(gw_store_read(call->server->rt->store, &tx, err));
    TRY(gw_store_mailboxes(tx, &call->arena, &list, err));
    all = json_array();
    used_append(s, &list, &all);
    unused_append(s, &list, &all);
    call->json = json_object();
    gw_json_put(&call->json, "mailboxes", all);
    TRY_ALLOC(call->json, err);
    call->status = 200;
    return ST_OK;
}

/* ---- what a directory is to know ---- */

static json_t *pem_json(const struct cert *cert)
{
    AUTO(buf_deinit) struct buf pem = {0};

    buf_init(&pem, PEM_MAX);
    cert_to_pem(cert_der(cert), &pem);
    return json_string(buf_cstr(&pem));
}

json_t *gw_api_certificate_json(const struct cert *cert)
{
    json_t *json = json_object();
    uint8_t sha1[CERT_SHA1_BYTES];

    gw_json_put(&json, "subject", gw_json_text(cert_subject(cert)));
    gw_json_put(&json, "issuer", gw_json_text(cert_issuer(cert)));
    gw_json_put(&json, "serial", gw_json_text(cert_serial(cert)));
    gw_json_put(&json, "key", gw_json_text(cert_key_name(cert)));
    gw_json_put(&json, "not_before", gw_json_time(cert_not_before(cert)));
    gw_json_put(&json, "not_after", gw_json_time(cert_not_after(cert)));
    gw_json_put(&json, "sha256", hex_json(cert_sha256(cert)));
    gw_json_put(&json, "sha1",
                cert_sha1(cert, sha1) ? hex_json(span_of(sha1, sizeof sha1)) : json_null());
    gw_json_put(&json, "pem", pem_json(cert));
    return json;
}

/* Those that were named to others once. */
static json_t *older_json(const struct identity *id, int64_t now)
{
    const struct identity_pair *pairs[IDENTITY_CIPHERS_MAX];
    size_t count = identity_ciphers_named(id, now, pairs);
    json_t *all = json_array();

    for (size_t i = 1; i < count; i++)
        gw_json_append(&all, gw_api_certificate_json(pairs[i]->cert));
    return all;
}

/* Those that others are to know before their time. */
static json_t *next_json(const struct identity *id, int64_t now)
{
    static const char *const uses[] = {"signature", "cipher"};
    json_t *all = json_array();

    for (int use = IDENTITY_SIGNS; use <= IDENTITY_ENCIPHERS; use++)
        for (size_t i = 0; i < id->next_count[use]; i++) {
            const struct identity_next *next = &id->next[use][i];
            json_t *json;

            if (next->from <= now)
                continue;
            json = gw_api_certificate_json(next->pair.cert);
            gw_json_put(&json, "use", json_string(uses[use]));
            gw_json_put(&json, "from", gw_json_time(next->from));
            gw_json_append(&all, json);
        }
    return all;
}

/* "GCMPaddingModus 1.7.0" is a key and its version. */
static json_t *features_json(const struct osci_features *f)
{
    json_t *all = json_array();

    for (size_t i = 0; i < f->key_count; i++) {
        struct span rest = f->keys[i], key;
        json_t *json = json_object();

        (void)span_split(&rest, ' ', &key);
        gw_json_put(&json, "key", json_stringn((const char *)key.ptr, key.len));
        gw_json_put(&json, "version", json_stringn((const char *)rest.ptr, rest.len));
        gw_json_append(&all, json);
    }
    return all;
}

/* The one that others use if it is said; else what follows from where we listen. */
static json_t *urls_json(const struct gw_osci_server_conf *conf,
                         const struct gw_osci_server_conf *block)
{
    bool own = conf->listeners_count > 0;
    const struct gw_listener_conf *list = own ? conf->listeners : block->listeners;
    unsigned count = own ? conf->listeners_count : block->listeners_count;
    json_t *all = json_array();

    if (conf->url != NULL)
        gw_json_append(&all, gw_json_text(conf->url));
    for (unsigned i = 0; i < count && conf->url == NULL; i++) {
        bool v6 = strchr(list[i].address, ':') != NULL;
        AUTO(buf_deinit) struct buf url = {0};

        buf_init(&url, 4096);
        buf_printf(&url, "%s://%s%s%s:%lld%s", list[i].tls == NULL ? "http" : "https",
                   v6 ? "[" : "", list[i].address, v6 ? "]" : "", (long long)list[i].port,
                   own || conf->path == NULL ? list[i].path : conf->path);
        gw_json_append(&all, gw_json_text(buf_cstr(&url)));
    }
    return all;
}

static json_t *tenant_json(const struct gw_osci_tenant *t, const struct gw_osci_server_conf *block)
{
    const struct gw_osci_server_conf *conf = t->conf;
    const int64_t now = gw_now_ms();
    struct osci_features features = {0};
    json_t *json = json_object();

    osci_intermediary_features(&t->intermediary, &features);
    gw_json_put(&json, "tenant", gw_json_text(conf->name));
    gw_json_put(&json, "urls", urls_json(conf, block));
    gw_json_put(&json, "url_is_set", json_boolean(conf->url != NULL));
    gw_json_put(&json, "osci_version", json_string("1.2"));
    gw_json_put(&json, "cipher_certificate",
                gw_api_certificate_json(identity_cipher(t->identity, now)->cert));
    gw_json_put(&json, "signature_certificate",
                gw_api_certificate_json(identity_signature(t->identity, now)->cert));
    gw_json_put(&json, "older_cipher_certificates", older_json(t->identity, now));
    gw_json_put(&json, "next_certificates", next_json(t->identity, now));
    gw_json_put(&json, "features", features_json(&features));
    gw_json_put(&json, "min_chunk_kb", json_integer((json_int_t)features.min_chunk_kb));
    gw_json_put(&json, "max_chunk_kb", json_integer((json_int_t)features.max_chunk_kb));
    gw_json_put(&json, "chunk_timeout_seconds", json_integer((json_int_t)features.chunk_timeout));
    gw_json_put(&json, "max_message_kb", json_integer((json_int_t)t->intermediary.max_message_kb));
    gw_json_put(&json, "max_chunked_message_kb", json_integer((json_int_t)features.max_message_kb));
    gw_json_put(&json, "signature_required", json_boolean(conf->require_signature));
    gw_json_put(&json, "self_registering", json_boolean(conf->self_registering));
    return json;
}

enum status gw_api_intermediary(struct gw_api_call *call, struct error *err)
{
    const struct gw_osci_server *s = call->server->osci;
    json_t *all;

    TRY(server_need(call, "/v1/intermediary", err));
    all = json_array();
    for (size_t i = 0; i < gw_osci_server_tenants(s); i++)
        gw_json_append(
            &all, tenant_json(gw_osci_server_tenant(s, i), call->server->rt->conf->osci_server));
    call->json = json_object();
    gw_json_put(&call->json, "intermediaries", all);
    TRY_ALLOC(call->json, err);
    call->status = 200;
    return ST_OK;
}

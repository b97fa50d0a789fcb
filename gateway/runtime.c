#include "gateway/runtime.h"

#include <fcntl.h>
#include <time.h>

#include "gateway/files.h"
#include "gateway/pair.h"
#include "gateway/reason.h"
#include "gateway/token.h"

/* each destination: its lanes, and one connection that is being closed */
enum { CONNECTIONS_EACH = 6, CONNECTIONS_OTHER = 16 };
enum { PEM_MAX = 4 * 1024 * 1024, CERT_CACHE_MAX = 4096 };

enum status gw_cert_load(const char *path, struct cert **cert, struct error *err)
{
    AUTO(buf_deinit) struct buf pem = {0};

    buf_init(&pem, PEM_MAX);
    TRY(gw_file_read(AT_FDCWD, path, &pem, err));
    if (cert_from_pem(buf_span(&pem), cert, err) != ST_OK)
        return error_context(err, "%s", path);
    return ST_OK;
}

/* What takes over from a time on. */
static enum status next_load(const struct gw_pair_conf *conf, const struct gw_key_places *places,
                             enum identity_use use, int64_t from, struct identity *identity,
                             struct error *err)
{
    AUTO(gw_pair_deinit) struct gw_pair pair = {0};
    int reason;

    if (conf == NULL)
        return ST_OK;
    TRY(gw_pair_load(conf, places, &pair, err));
    if (identity_add_next(identity, use, from, &pair.source, err) == ST_OK)
        return ST_OK;
    reason = gw_pair_reason(&pair);
    return gw_reason_because(err->status, reason != 0 ? reason : GW_R_CERT_PURPOSE, err);
}

static enum status nexts_load(const struct gw_identity_conf *conf,
                              const struct gw_key_places *places, struct identity **identity,
                              struct error *err)
{
    AUTO(identity_drop) struct identity *made = TAKE(*identity);

    for (unsigned i = 0; i < conf->next_count; i++) {
        const struct gw_next_identity_conf *next = &conf->next[i];

        TRY(next_load(next->signature, places, IDENTITY_SIGNS, next->from, made, err));
        TRY(next_load(next->cipher, places, IDENTITY_ENCIPHERS, next->from, made, err));
    }
    *identity = TAKE(made);
    return ST_OK;
}

/* None of these pairs makes an identity. */
static enum status pairs_judge(const struct gw_pair *pairs, size_t count, struct error *err)
{
    int reason = 0;

    if (err->cause == GW_R_KEY_MISMATCH || err->cause == GW_R_KEYS_AWAY ||
        gw_token_is_cause(err->cause))
        return err->status; /* where the key is it was said */
    for (size_t i = 0; i < count && reason == 0; i++)
        reason = gw_pair_reason(&pairs[i]);
    return gw_reason_because(err->status, reason != 0 ? reason : GW_R_CERT_PURPOSE, err);
}

enum status gw_identity_load(const struct gw_identity_conf *conf,
                             const struct gw_key_places *places, struct identity **identity,
                             struct error *err)
{
    struct gw_pair pairs[IDENTITY_OLDER_MAX + 2] = {0};
    struct identity_source older[IDENTITY_OLDER_MAX] = {0};
    size_t count = conf->older_ciphers_count;
    enum status st;

    if (count > IDENTITY_OLDER_MAX)
        return error_set(err, ST_LIMIT, GW_R_LIMIT, "more than %d older cipher certificates",
                         IDENTITY_OLDER_MAX);
    st = gw_pair_load(&conf->signature, places, &pairs[0], err);
    if (st == ST_OK)
        st = gw_pair_load(&conf->cipher, places, &pairs[1], err);
    for (size_t i = 0; i < count && st == ST_OK; i++) {
        st = gw_pair_load(&conf->older_ciphers[i], places, &pairs[2 + i], err);
        older[i] = pairs[2 + i].source;
    }
    if (st == ST_OK)
        st = identity_new(&pairs[0].source, &pairs[1].source, older, count, identity, err);
    if (st != ST_OK)
        st = pairs_judge(pairs, count + 2, err);
    for (size_t i = 0; i < count + 2; i++)
        gw_pair_deinit(&pairs[i]);
    return st == ST_OK ? nexts_load(conf, places, identity, err) : st;
}

/* The dates of the file that the settings name, if they name one. */
static enum status dates_load(struct gw_runtime *rt, struct error *err)
{
    const char *path = rt->conf->security.algorithms;
    AUTO(buf_deinit) struct buf text = {0};

    if (path == NULL)
        return ST_OK;
    buf_init(&text, POLICY_FILE_MAX);
    TRY(gw_file_read(AT_FDCWD, path, &text, err));
    if (policy_dates_read(buf_span(&text), rt->dates, err) != ST_OK)
        return error_context(err, "%s", path);
    rt->policy.dates = rt->dates;
    return ST_OK;
}

static enum status trust_load(struct gw_runtime *rt, struct error *err)
{
    const struct gw_trust_conf *conf = &rt->conf->trust;

    TRY(gw_trust_new(rt->conf, &rt->trust, err));
    rt->checker = gw_trust_checker(gw_trust_for_all(rt->trust));
    TRY(gw_revocation_new(&rt->conf->revocation, &rt->policy, rt->rng, rt->conf->state, rt->log,
                          &rt->revocation, err));
    gw_trust_use_source(rt->trust, gw_revocation_source(rt->revocation));
    if (conf->crls == NULL)
        return ST_OK;
    return gw_crl_folder_new(conf, gw_trust_issuers(rt->trust), rt->checker, rt->loop, rt->log,
                             &rt->crls, err);
}

static enum status certs_load(const char *const *paths, unsigned n, struct cert ***certs,
                              size_t *count, struct error *err)
{
    *certs = calloc(n + 1, sizeof **certs);
    TRY_ALLOC(*certs, err);
    for (unsigned i = 0; i < n; i++) {
        TRY(gw_cert_load(paths[i], &(*certs)[i], err));
        ++*count;
    }
    return ST_OK;
}

static enum status next_certs_load(const struct gw_next_cipher_conf *conf, unsigned n,
                                   struct gw_next_cert **certs, size_t *count, struct error *err)
{
    *certs = calloc(n + 1, sizeof **certs);
    TRY_ALLOC(*certs, err);
    for (unsigned i = 0; i < n; i++) {
        (*certs)[i].from = conf[i].from;
        TRY(gw_cert_load(conf[i].certificate, &(*certs)[i].cert, err));
        ++*count;
    }
    return ST_OK;
}

static enum status peer_load(struct gw_runtime *rt, const struct gw_intermediary_conf *conf,
                             struct gw_peer *peer, struct error *err)
{
    peer->conf = conf;
    peer->tenant = gw_runtime_tenant(rt, conf->tenant);
    peer->trust = gw_trust_for_peer(rt->trust, conf);
    TRY(gw_cert_load(conf->cipher_certificate, &peer->cipher, err));
    TRY(next_certs_load(conf->next_ciphers, conf->next_ciphers_count, &peer->next_ciphers,
                        &peer->next_cipher_count, err));
    TRY(certs_load(conf->signature_certificates, conf->signature_certificates_count,
                   &peer->signatures, &peer->signature_count, err));
    if (conf->signature_certificate != NULL) /* certs_load has left room for it */
        TRY(gw_cert_load(conf->signature_certificate, &peer->signatures[peer->signature_count++],
                         err));
    TRY(gw_tls_files_load(conf->tls, NULL, 0, gw_trust_pem(peer->trust, CERT_FOR_TLS_SERVER),
                          &peer->tls, err));
    return gw_tls_next_load(conf->next_tls, conf->next_tls_count, &peer->tls, &peer->next_tls, err);
}

static enum status xta_peer_load(struct gw_runtime *rt, const struct gw_xta_peer_conf *conf,
                                 struct gw_xta_peer *peer, struct error *err)
{
    peer->conf = conf;
    peer->memory = calloc(1, sizeof *peer->memory);
    TRY_ALLOC(peer->memory, err);
    TRY(gw_tls_files_load(conf->tls, conf->authorities, conf->authorities_count,
                          gw_trust_pem(gw_trust_for_xta_peer(rt->trust, conf), CERT_FOR_TLS_SERVER),
                          &peer->tls, err));
    return gw_tls_next_load(conf->next_tls, conf->next_tls_count, &peer->tls, &peer->next_tls, err);
}

/* What it believes is read; its secrets are looked at for each attempt. */
static enum status target_load(struct gw_runtime *rt, const struct gw_target_conf *conf,
                               struct gw_target *target, struct error *err)
{
    const struct gw_email_conf *email = conf->email;
    const struct gw_webdav_conf *webdav = conf->webdav;

    target->conf = conf;
    target->url = email != NULL        ? email->url
                  : conf->sftp != NULL ? conf->sftp->url
                  : webdav != NULL     ? webdav->url
                                       : "";
    target->as_partner.name = conf->name;
    target->partner.conf = &target->as_partner;
    target->partner.way = conf->name;
    return gw_tls_files_load(NULL,
                             email != NULL    ? email->authorities
                             : webdav != NULL ? webdav->authorities
                                              : NULL,
                             email != NULL    ? email->authorities_count
                             : webdav != NULL ? webdav->authorities_count
                                              : 0,
                             gw_trust_pem(gw_trust_for_all(rt->trust), CERT_FOR_TLS_SERVER),
                             &target->tls, err);
}

static enum status transforms_load(struct gw_runtime *rt, struct error *err)
{
    const struct gw_config *conf = rt->conf;

    rt->transforms = calloc(conf->routes_count + 1, sizeof(struct gw_transform *));
    TRY_ALLOC(rt->transforms, err);
    for (unsigned i = 0; i < conf->routes_count; i++)
        if (conf->routes[i].transform != NULL)
            TRY(gw_transform_new(conf->routes[i].transform->stylesheet, &rt->transforms[i], err));
    return ST_OK;
}

static enum status partner_load(struct gw_runtime *rt, const struct gw_partner_conf *conf,
                                struct gw_partner *partner, struct error *err)
{
    partner->conf = conf;
    partner->way = conf->xta != NULL ? conf->xta : conf->intermediary;
    partner->tenant = gw_config_partner_tenant(rt->conf, conf);
    partner->trust = gw_trust_for_partner(rt->trust, conf);
    if (conf->xta == NULL)
        partner->peer = gw_runtime_peer(rt, conf->intermediary);
    if (conf->xta == NULL && partner->peer == NULL)
        return error_set(err, ST_INVALID, 0, "partner %s: no intermediary named %s", conf->name,
                         conf->intermediary);
    if (conf->cipher_certificate != NULL)
        TRY(gw_cert_load(conf->cipher_certificate, &partner->cipher, err));
    TRY(next_certs_load(conf->next_ciphers, conf->next_ciphers_count, &partner->next_ciphers,
                        &partner->next_cipher_count, err));
    TRY(certs_load(conf->signature_certificates, conf->signature_certificates_count,
                   &partner->authors, &partner->author_count, err));
    return certs_load(conf->readers, conf->readers_count, &partner->readers, &partner->reader_count,
                      err);
}

static enum status authors_load(const struct gw_endpoint_conf *conf,
                                const struct gw_key_places *places, struct gw_authors *authors,
                                struct error *err)
{
    authors->pairs = calloc(conf->authors_count + 1, sizeof *authors->pairs);
    TRY_ALLOC(authors->pairs, err);
    for (unsigned i = 0; i < conf->authors_count; i++) {
        AUTO(gw_pair_deinit) struct gw_pair pair = {0};

        TRY(gw_pair_load(&conf->authors[i], places, &pair, err));
        TRY(identity_signer(&pair.source, &authors->pairs[i], err));
        authors->count++;
    }
    return ST_OK;
}

static enum status tenant_load(const struct gw_tenant_conf *conf,
                               const struct gw_key_places *places, const struct gw_trust *trust,
                               struct gw_tenant *tenant, struct error *err)
{
    tenant->conf = conf;
    TRY(gw_identity_load(&conf->identity, places, &tenant->identity, err));
    tenant->own_count = gw_own_ciphers(tenant->identity, tenant->own);
    tenant->trust = gw_trust_for_tenant(trust, conf);
    return ST_OK;
}

static enum status tenants_load(struct gw_runtime *rt, struct error *err)
{
    const struct gw_config *conf = rt->conf;

    rt->tenants = calloc(conf->tenants_count + 1, sizeof *rt->tenants);
    TRY_ALLOC(rt->tenants, err);
    while (rt->tenant_count < conf->tenants_count) {
        size_t i = rt->tenant_count++; /* freed even when half-made */

        TRY(tenant_load(&conf->tenants[i], &rt->places, rt->trust, &rt->tenants[i], err));
    }
    return ST_OK;
}

/* Whom they speak to, and what else they work with. */
static enum status others_load(struct gw_runtime *rt, struct error *err)
{
    const struct gw_config *conf = rt->conf;

    if (conf->xta_server != NULL || conf->xta_servers_count > 0)
        TRY(xta_schemas_new(&rt->schemas, err));
    rt->peers = calloc(conf->intermediaries_count + 1, sizeof *rt->peers);
    rt->xta_peers = calloc(conf->xta_servers_count + 1, sizeof *rt->xta_peers);
    rt->partners = calloc(conf->partners_count + 1, sizeof *rt->partners);
    rt->targets = calloc(conf->targets_count + 1, sizeof *rt->targets);
    rt->authors = calloc(conf->endpoints_count + 1, sizeof *rt->authors);
    TRY_ALLOC(rt->peers, err);
    TRY_ALLOC(rt->xta_peers, err);
    TRY_ALLOC(rt->partners, err);
    TRY_ALLOC(rt->authors, err);
    TRY_ALLOC(rt->targets, err);
    while (rt->target_count < conf->targets_count) {
        size_t i = rt->target_count++;

        TRY(target_load(rt, &conf->targets[i], &rt->targets[i], err));
    }
    while (rt->peer_count < conf->intermediaries_count) {
        size_t i = rt->peer_count++; /* freed even when half-made */

        TRY(peer_load(rt, &conf->intermediaries[i], &rt->peers[i], err));
    }
    while (rt->xta_peer_count < conf->xta_servers_count) {
        size_t i = rt->xta_peer_count++; /* freed even when half-made */

        TRY(xta_peer_load(rt, &conf->xta_servers[i], &rt->xta_peers[i], err));
    }
    while (rt->partner_count < conf->partners_count) {
        size_t i = rt->partner_count++;

        TRY(partner_load(rt, &conf->partners[i], &rt->partners[i], err));
    }
    while (rt->authors_count < conf->endpoints_count) {
        size_t i = rt->authors_count++;

        TRY(authors_load(&conf->endpoints[i], &rt->places, &rt->authors[i], err));
    }
    return ST_OK;
}

static void on_commit(void *ctx, int64_t last_seq)
{
    struct gw_runtime *rt = ctx;

    (void)last_seq;
    if (rt->committed != NULL)
        rt->committed(rt->committed_ctx);
}

static void aside_log(const struct gw_runtime *rt, const struct gw_store_report *report)
{
    for (size_t i = 0; i < report->aside && i < GW_ASIDE_NAMED; i++)
        gw_log(rt->log, GW_LOG_WARNING, "store.aside", LOG_STR("id", report->aside_names[i]),
               LOG_STR("path", rt->conf->state),
               LOG_STR("advice", "unknown to the index, kept in aside/; after a crash it was never "
                                 "accepted, after damage to the index it is what is left"));
}

static void on_checked(void *ctx, const struct gw_store_report *report, const struct error *damage)
{
    struct gw_runtime *rt = ctx;

    gw_log(rt->log, damage != NULL ? GW_LOG_ERROR : GW_LOG_INFO, "store.checked",
           LOG_INT("files_removed", report->files_removed), LOG_INT("aside", report->aside),
           damage == NULL ? LOG_STR("error", NULL) : LOG_ERR(damage));
    aside_log(rt, report);
}

void gw_runtime_on_onward(struct gw_runtime *rt, void (*onward)(void *ctx), void *ctx)
{
    rt->onward = onward;
    rt->onward_ctx = ctx;
}

void gw_runtime_on_commit(struct gw_runtime *rt, void (*committed)(void *ctx), void *ctx)
{
    rt->committed_ctx = ctx;
    rt->committed = committed;
}

/* Whoever calls bounds himself: lanes by their number, forwarding by forwards_max. So there is room
 * for all of them at once, and a destination that does not answer takes nobody's place, not even on
 * the same host. */
static size_t connections_max(const struct gw_config *conf)
{
    size_t max = CONNECTIONS_OTHER +
                 (size_t)CONNECTIONS_EACH * (conf->intermediaries_count + conf->xta_servers_count);

    if (conf->osci_server == NULL)
        return max;
    max += (size_t)conf->osci_server->forwards_max;
    for (unsigned i = 0; i < conf->osci_server->tenants_count; i++)
        max += (size_t)conf->osci_server->tenants[i].forwards_max;
    return max;
}

static enum status store_open(struct gw_runtime *rt, struct error *err)
{
    struct gw_store_conf conf = {.dir = rt->conf->state,
                                 .rng = rt->rng,
                                 .committed = on_commit,
                                 .committed_ctx = rt,
                                 .checked = on_checked};
    struct gw_store_report report = {0};
    struct gw_http_client_conf http = {0};
    AUTO(buf_deinit) struct buf path = {0};

    TRY(gw_store_open(&conf, gw_now_ms(), &rt->store, &report, err));
    gw_log(rt->log, report.missing > 0 ? GW_LOG_ERROR : GW_LOG_INFO, "store.opened",
           LOG_STR("path", rt->conf->state), LOG_INT("temp_removed", report.temp_removed),
           LOG_INT("files_removed", report.files_removed), LOG_INT("aside", report.aside),
           LOG_INT("missing", report.missing), LOG_INT("quarantined", report.quarantined));
    aside_log(rt, &report);
    buf_init(&path, GW_PATH_SIZE);
    buf_printf(&path, "%s/tmp", rt->conf->state);
    TRY(buf_check(&path, err));
    rt->temp_dir = strdup(buf_cstr(&path));
    TRY_ALLOC(rt->temp_dir, err);
    TRY(gw_tls_seen_new(&rt->seen, err));
    http.seen = rt->seen;
    http.spool_dir = rt->temp_dir;
    http.connections_max = http.per_host_max = connections_max(rt->conf);
    TRY(gw_http_client_new(rt->loop, &http, &rt->http, err));
    return gw_revocation_start(rt->revocation, rt->loop, rt->temp_dir, err);
}

static void http_close(void *ctx)
{
    struct gw_runtime *rt = ctx;

    gw_crl_folder_close(rt->crls);
    gw_revocation_close(rt->revocation);
    gw_http_client_close(rt->http);
    rt->http = NULL;
}

/* Until the year after begins. */
static struct policy policy_of(const struct gw_policy_conf *conf)
{
    struct tm end = {.tm_year = (int)(conf->legacy_last_year + 1 - 1900), .tm_mday = 1};

    return (struct policy){.read_cbc = conf->read_cbc,
                           .read_rsa15 = conf->read_rsa15,
                           .legacy_until = (int64_t)timegm(&end) * 1000};
}

/* Before anything comes in by the network. */
static enum status places_open(struct gw_runtime *rt, struct error *err)
{
    const struct gw_key_process_conf conf = {.config = rt->conf, .log = rt->log};

    TRY(gw_tokens_new(&rt->places.tokens, err));
    return rt->conf->security.key_process ? gw_key_process_new(&conf, &rt->places.process, err)
                                          : ST_OK;
}

enum status gw_runtime_new(const struct gw_config *conf, struct gw_loop *loop, struct gw_log *log,
                           struct gw_runtime **out, struct error *err)
{
    AUTO(gw_runtime_drop) struct gw_runtime *rt = calloc(1, sizeof *rt);

    TRY_ALLOC(rt, err);
    rt->conf = conf;
    rt->loop = loop;
    rt->log = log;
    rt->rng = rng_system();
    rt->policy = policy_of(&conf->policy);
    TRY(gw_reach_new(&rt->reach, err));
    TRY(gw_scan_guard_new(log, &rt->scan_guard, err));
    rt->folder_reasons = calloc(conf->endpoints_count + 1, sizeof *rt->folder_reasons);
    TRY_ALLOC(rt->folder_reasons, err);
    TRY(cert_cache_new(CERT_CACHE_MAX, &rt->cache, err));
    TRY(dates_load(rt, err));
    TRY(trust_load(rt, err));
    TRY(places_open(rt, err));
    TRY(tenants_load(rt, err));
    TRY(others_load(rt, err));
    TRY(transforms_load(rt, err));
    TRY(store_open(rt, err));
    gw_loop_on_stop(loop, http_close, rt);
    *out = TAKE(rt);
    return ST_OK;
}

static void next_certs_free(struct gw_next_cert *certs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cert_free(certs[i].cert);
    free(certs);
}

void gw_runtime_free(struct gw_runtime *rt)
{
    if (rt == NULL)
        return;
    if (rt->http != NULL)
        gw_http_client_close(rt->http);
    gw_store_close(rt->store);
    for (size_t i = 0; i < rt->partner_count; i++) {
        cert_free(rt->partners[i].cipher);
        next_certs_free(rt->partners[i].next_ciphers, rt->partners[i].next_cipher_count);
        for (size_t k = 0; k < rt->partners[i].author_count; k++)
            cert_free(rt->partners[i].authors[k]);
        for (size_t k = 0; k < rt->partners[i].reader_count; k++)
            cert_free(rt->partners[i].readers[k]);
        free(rt->partners[i].authors);
        free(rt->partners[i].readers);
    }
    for (size_t i = 0; i < rt->authors_count; i++) {
        for (size_t k = 0; k < rt->authors[i].count; k++)
            identity_pair_deinit(&rt->authors[i].pairs[k]);
        free(rt->authors[i].pairs);
    }
    free(rt->folder_reasons);
    free(rt->authors);
    for (size_t i = 0; i < rt->peer_count; i++) {
        cert_free(rt->peers[i].cipher);
        next_certs_free(rt->peers[i].next_ciphers, rt->peers[i].next_cipher_count);
        for (size_t k = 0; k < rt->peers[i].signature_count; k++)
            cert_free(rt->peers[i].signatures[k]);
        free(rt->peers[i].signatures);
        gw_tls_files_deinit(&rt->peers[i].tls);
        gw_tls_next_deinit(&rt->peers[i].next_tls);
    }
    for (size_t i = 0; i < rt->xta_peer_count; i++) {
        gw_tls_files_deinit(&rt->xta_peers[i].tls);
        gw_tls_next_deinit(&rt->xta_peers[i].next_tls);
        free(rt->xta_peers[i].memory);
    }
    free(rt->xta_peers);
    for (size_t i = 0; i < rt->target_count; i++)
        gw_tls_files_deinit(&rt->targets[i].tls);
    free(rt->targets);
    for (unsigned i = 0; rt->transforms != NULL && i < rt->conf->routes_count; i++)
        gw_transform_free(rt->transforms[i]);
    free(rt->transforms);
    if (rt->schemas != NULL)
        xta_schemas_free(rt->schemas);
    free(rt->partners);
    free(rt->peers);
    for (size_t i = 0; i < rt->tenant_count; i++)
        identity_free(rt->tenants[i].identity);
    free(rt->tenants);
    gw_key_process_free(rt->places.process);
    gw_tokens_free(rt->places.tokens);
    gw_crl_folder_free(rt->crls);
    gw_trust_free(rt->trust);
    gw_revocation_free(rt->revocation);
    cert_cache_free(rt->cache);
    gw_tls_seen_free(rt->seen);
    gw_scan_guard_free(rt->scan_guard);
    gw_reach_free(rt->reach);
    free(rt->temp_dir);
    free(rt);
}

const struct gw_tenant *gw_runtime_tenant(const struct gw_runtime *rt, const char *name)
{
    if (rt->tenant_count == 1)
        return &rt->tenants[0];
    for (size_t i = 0; name != NULL && i < rt->tenant_count; i++)
        if (strcmp(rt->tenants[i].conf->name, name) == 0)
            return &rt->tenants[i];
    return NULL;
}

const struct gw_peer *gw_runtime_peer(const struct gw_runtime *rt, const char *name)
{
    for (size_t i = 0; i < rt->peer_count; i++)
        if (strcmp(rt->peers[i].conf->name, name) == 0)
            return &rt->peers[i];
    return NULL;
}

const struct gw_partner *gw_runtime_partner(const struct gw_runtime *rt, const char *name)
{
    const struct gw_target *target = gw_runtime_target(rt, name);

    for (size_t i = 0; i < rt->partner_count; i++)
        if (strcmp(rt->partners[i].conf->name, name) == 0)
            return &rt->partners[i];
    return target == NULL ? NULL : &target->partner;
}

const struct gw_target *gw_runtime_target(const struct gw_runtime *rt, const char *name)
{
    for (size_t i = 0; i < rt->target_count; i++)
        if (strcmp(rt->targets[i].conf->name, name) == 0)
            return &rt->targets[i];
    return NULL;
}

const struct gw_authors *gw_runtime_authors(const struct gw_runtime *rt, const char *endpoint)
{
    for (size_t i = 0; i < rt->authors_count; i++)
        if (strcmp(rt->conf->endpoints[i].name, endpoint) == 0)
            return &rt->authors[i];
    return NULL;
}

static struct cert *cipher_at(struct cert *first, const struct gw_next_cert *next, size_t count,
                              int64_t now)
{
    for (size_t i = 0; i < count && next[i].from <= now; i++)
        first = next[i].cert;
    return first;
}

struct cert *gw_peer_cipher(const struct gw_peer *peer, int64_t now)
{
    return cipher_at(peer->cipher, peer->next_ciphers, peer->next_cipher_count, now);
}

struct cert *gw_partner_cipher(const struct gw_partner *partner, int64_t now)
{
    return cipher_at(partner->cipher, partner->next_ciphers, partner->next_cipher_count, now);
}

size_t gw_own_ciphers(const struct identity *identity,
                      struct osci_own_cipher own[static IDENTITY_CIPHERS_MAX])
{
    const struct identity_pair *pairs[IDENTITY_CIPHERS_MAX];
    size_t count = identity_ciphers(identity, INT64_MIN, pairs);

    for (size_t i = 0; i < count; i++)
        own[i] = (struct osci_own_cipher){pairs[i]->cert, pairs[i]->key};
    return count;
}

const struct gw_partner *gw_runtime_partner_of(const struct gw_runtime *rt,
                                               const struct gw_tenant *tenant,
                                               const struct cert *cert)
{
    for (size_t i = 0; i < rt->partner_count; i++) {
        if (!gw_config_same_tenant(rt->partners[i].tenant, tenant->conf->name))
            continue;
        if (rt->partners[i].cipher != NULL && cert_eq(rt->partners[i].cipher, cert))
            return &rt->partners[i];
        for (size_t k = 0; k < rt->partners[i].next_cipher_count; k++)
            if (cert_eq(rt->partners[i].next_ciphers[k].cert, cert))
                return &rt->partners[i];
        for (size_t k = 0; k < rt->partners[i].author_count; k++)
            if (cert_eq(rt->partners[i].authors[k], cert))
                return &rt->partners[i];
    }
    return NULL;
}

const struct gw_trust_scope *gw_runtime_trust_of(const struct gw_runtime *rt,
                                                 const struct gw_peer *peer,
                                                 const struct cert *cert)
{
    const struct gw_partner *partner = gw_runtime_partner_of(rt, peer->tenant, cert);

    return partner != NULL ? partner->trust : peer->trust;
}

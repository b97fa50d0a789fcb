#include "gateway/trust.h"

#include <fcntl.h>

#include "gateway/files.h"

enum { PEM_MAX = 4 * 1024 * 1024, VERDICTS_NARROW = 64 };

/* The purposes that the settings know. */
enum { SIGNING, ENCIPHERING, TLS_SERVERS, XTA_CLIENTS, KNOWN };

static const struct known {
    enum cert_purpose purpose;
    size_t store; /* where its pointer lies */
    bool tls;     /* spoken for by "tls", not "osci" */
} known[KNOWN] = {
    [SIGNING] = {CERT_FOR_OSCI_SIGNATURE, offsetof(struct gw_trust_conf, signing), false},
    [ENCIPHERING] = {CERT_FOR_OSCI_CIPHER, offsetof(struct gw_trust_conf, enciphering), false},
    [TLS_SERVERS] = {CERT_FOR_TLS_SERVER, offsetof(struct gw_trust_conf, tls_servers), true},
    [XTA_CLIENTS] = {CERT_FOR_XTA_CLIENT, offsetof(struct gw_trust_conf, xta_clients), true},
};

enum place { FOR_ALL, OF_TENANT, OF_PEER, OF_PARTNER, OF_SERVER, OF_SERVER_TENANT, PLACES };

enum { OSCI = KNOWN, TLS, KEYS };

#define KEYS_AT(where)                                                                             \
    {                                                                                              \
        where ".signing", where ".enciphering", where ".tls_servers", where ".xta_clients",        \
            where ".osci", where ".tls"                                                            \
    }
static const char *const keys[PLACES][KEYS] = {
    [FOR_ALL] = KEYS_AT("trust"),
    [OF_TENANT] = KEYS_AT("tenants.trust"),
    [OF_PEER] = KEYS_AT("intermediaries.trust"),
    [OF_PARTNER] = KEYS_AT("partners.trust"),
    [OF_SERVER] = KEYS_AT("osci_server.trust"),
    [OF_SERVER_TENANT] = KEYS_AT("osci_server.tenants.trust"),
};

struct gw_trust_scope {
    const void *owner; /* the block that it is about; NULL: all */
    const struct gw_trust_scope *wider;
    enum place place;
    const char *name;
    const struct gw_trust_conf *conf;
    struct trust *trust;
    struct cert_checker *checker;
    struct buf servers, clients; /* PEM */
};

struct gw_trust {
    const struct gw_config *config;
    struct trust *issuers;
    struct gw_trust_scope *scopes; /* only those that say something, and the first, for all */
    size_t count;
};

/* ---- what is said ---- */

static const struct gw_trust_store_conf *store_of(const struct gw_trust_conf *conf, int i)
{
    const struct gw_trust_store_conf *store;

    memcpy(&store, (const char *)conf + known[i].store, sizeof store);
    return store;
}

static struct gw_trust_store_conf plain_of(const struct gw_trust_conf *conf, bool tls)
{
    return (struct gw_trust_store_conf){.authorities = tls ? conf->tls : conf->osci,
                                        .authorities_count =
                                            tls ? conf->tls_count : conf->osci_count};
}

static bool says(const struct gw_trust_conf *conf, int i)
{
    return store_of(conf, i) != NULL || plain_of(conf, known[i].tls).authorities_count > 0;
}

/* Calls see for the plain list; at the top also where it is empty and a purpose has nothing else.
 */
static void plain_see(const struct gw_trust_conf *conf, enum place place, const char *name,
                      bool tls, void (*see)(void *ctx, const struct gw_trust_setting *setting),
                      void *ctx)
{
    const struct gw_trust_store_conf store = plain_of(conf, tls);
    struct gw_trust_setting setting = {.key = keys[place][tls ? TLS : OSCI],
                                       .name = name,
                                       .store = &store,
                                       .plain = true,
                                       .at = tls ? &conf->tls : &conf->osci};

    for (int i = 0; i < KNOWN; i++)
        if (known[i].tls == tls && store_of(conf, i) == NULL)
            setting.purposes |= CERT_PURPOSE_BIT(known[i].purpose);
    if (store.authorities_count > 0 || place == FOR_ALL)
        see(ctx, &setting);
}

static void conf_see(const struct gw_trust_conf *conf, enum place place, const char *name,
                     void (*see)(void *ctx, const struct gw_trust_setting *setting), void *ctx)
{
    if (conf == NULL)
        return;
    plain_see(conf, place, name, false, see, ctx);
    plain_see(conf, place, name, true, see, ctx);
    for (int i = 0; i < KNOWN; i++) {
        const struct gw_trust_setting setting = {.key = keys[place][i],
                                                 .name = name,
                                                 .purposes = CERT_PURPOSE_BIT(known[i].purpose),
                                                 .store = store_of(conf, i),
                                                 .at = store_of(conf, i)};

        if (setting.store != NULL)
            see(ctx, &setting);
    }
}

void gw_trust_settings(const struct gw_config *config,
                       void (*see)(void *ctx, const struct gw_trust_setting *setting), void *ctx)
{
    const struct gw_osci_server_conf *server = config->osci_server;

    conf_see(&config->trust, FOR_ALL, NULL, see, ctx);
    for (unsigned i = 0; i < config->tenants_count; i++)
        conf_see(config->tenants[i].trust, OF_TENANT, config->tenants[i].name, see, ctx);
    for (unsigned i = 0; i < config->intermediaries_count; i++)
        conf_see(config->intermediaries[i].trust, OF_PEER, config->intermediaries[i].name, see,
                 ctx);
    for (unsigned i = 0; i < config->partners_count; i++)
        conf_see(config->partners[i].trust, OF_PARTNER, config->partners[i].name, see, ctx);
    if (server == NULL)
        return;
    conf_see(server->trust, OF_SERVER, NULL, see, ctx);
    for (unsigned i = 0; i < server->tenants_count; i++)
        conf_see(server->tenants[i].trust, OF_SERVER_TENANT, server->tenants[i].name, see, ctx);
}

void gw_trust_setting_text(struct buf *b, const struct gw_trust_setting *setting)
{
    buf_str(b, setting->key);
    if (setting->name != NULL)
        buf_printf(b, " (%s)", setting->name);
}

/* ---- reading ---- */

typedef enum status add_fn(struct trust *trust, unsigned purposes, const char *label,
                           struct span pem, struct error *err);

static enum status intermediates_add(struct trust *trust, unsigned purposes, const char *label,
                                     struct span pem, struct error *err)
{
    (void)purposes;
    return trust_add_intermediates(trust, label, pem, err);
}

/* One kind of file of a store. into: where its text is wanted, too. */
struct reading {
    struct trust *trust;
    unsigned purposes;
    struct buf *into; /* NULL: nowhere */
};

static enum status files_add(const struct reading *r, const char *const *paths, unsigned count,
                             add_fn *add, struct error *err)
{
    AUTO(buf_deinit) struct buf pem = {0};

    buf_init(&pem, PEM_MAX);
    for (unsigned i = 0; i < count; i++) {
        buf_reset(&pem);
        TRY(gw_file_read(AT_FDCWD, paths[i], &pem, err));
        TRY(add(r->trust, r->purposes, paths[i], buf_span(&pem), err));
        if (r->into != NULL) {
            buf_add(r->into, buf_span(&pem));
            buf_char(r->into, '\n');
        }
    }
    return r->into == NULL ? ST_OK : buf_check(r->into, err);
}

static enum status store_add(struct reading r, const struct gw_trust_store_conf *store, bool tls,
                             struct error *err)
{
    struct buf *into = r.into;

    TRY(files_add(&r, store->authorities, store->authorities_count,
                  tls ? trust_add_believed : trust_add_anchors_for, err));
    r.into = NULL; /* whoever reads it would take them for anchors */
    TRY(files_add(&r, store->intermediates, store->intermediates_count, intermediates_add, err));
    r.into = into;
    TRY(files_add(&r, store->pinned, store->pinned_count, trust_add_pinned_for, err));
    for (unsigned i = 0; i < store->policies_count; i++)
        TRY(trust_add_policy(r.trust, r.purposes, store->policies[i], err));
    return ST_OK;
}

/* The place that decides about a purpose. */
static const struct gw_trust_scope *decides(const struct gw_trust_scope *scope, int i)
{
    while (scope->wider != NULL && !says(scope->conf, i))
        scope = scope->wider;
    return scope;
}

static enum status purpose_load(struct gw_trust_scope *scope, int i, struct error *err)
{
    const struct gw_trust_scope *from = decides(scope, i);
    const struct gw_trust_store_conf *store = store_of(from->conf, i);
    const struct gw_trust_store_conf plain = plain_of(from->conf, known[i].tls);
    const struct gw_trust_setting setting = {.key = keys[from->place][store != NULL  ? i
                                                                      : known[i].tls ? TLS
                                                                                     : OSCI],
                                             .name = from->name};
    struct reading r = {.trust = scope->trust,
                        .purposes = CERT_PURPOSE_BIT(known[i].purpose),
                        .into = i == TLS_SERVERS   ? &scope->servers
                                : i == XTA_CLIENTS ? &scope->clients
                                                   : NULL};
    AUTO(buf_deinit) struct buf name = {0};

    buf_init(&name, 2 * GW_PATH_SIZE);
    gw_trust_setting_text(&name, &setting);
    TRY(buf_check(&name, err));
    trust_name(scope->trust, r.purposes, buf_cstr(&name));
    if (store_add(r, store != NULL ? store : &plain, known[i].tls, err) != ST_OK)
        return error_context(err, "%s", buf_cstr(&name));
    if (i == TLS_SERVERS && store != NULL && scope->servers.len == 0)
        buf_str(&scope->servers, "# nobody\n"); /* no text at all would mean the system's */
    return buf_check(&scope->servers, err);
}

static enum status scope_load(struct gw_trust *t, struct gw_trust_scope *scope, struct error *err)
{
    bool first = scope == &t->scopes[0];

    buf_init(&scope->servers, PEM_MAX);
    buf_init(&scope->clients, PEM_MAX);
    TRY(trust_new(&scope->trust, err));
    for (int i = 0; i < KNOWN; i++)
        TRY(purpose_load(scope, i, err));
    TRY(trust_add_issuers_of(t->issuers, scope->trust, err));
    if (first)
        return cert_checker_new(scope->trust, CERT_CHECKER_MAX, CERT_CHECKER_TTL_MS,
                                &scope->checker, err);
    return cert_checker_new_beside(t->scopes[0].checker, scope->trust, VERDICTS_NARROW,
                                   CERT_CHECKER_TTL_MS, &scope->checker, err);
}

/* The scope of this owner; NULL: it says nothing of its own. */
static const struct gw_trust_scope *scope_find(const struct gw_trust *t, const void *owner)
{
    for (size_t i = 1; i < t->count; i++)
        if (t->scopes[i].owner == owner)
            return &t->scopes[i];
    return NULL;
}

static enum status scope_add(struct gw_trust *t, const void *owner, enum place place,
                             const char *name, const struct gw_trust_conf *conf,
                             const struct gw_trust_scope *wider, struct error *err)
{
    struct gw_trust_scope *scope = &t->scopes[t->count];

    if (conf == NULL)
        return ST_OK;
    t->count++; /* freed even when half-made */
    *scope = (struct gw_trust_scope){
        .owner = owner, .wider = wider, .place = place, .name = name, .conf = conf};
    return scope_load(t, scope, err);
}

static enum status server_load(struct gw_trust *t, const struct gw_osci_server_conf *server,
                               struct error *err)
{
    const struct gw_trust_scope *around;

    TRY(scope_add(t, server, OF_SERVER, NULL, server->trust, t->scopes, err));
    around = gw_trust_for_server(t, server);
    for (unsigned i = 0; i < server->tenants_count; i++)
        TRY(scope_add(t, &server->tenants[i], OF_SERVER_TENANT, server->tenants[i].name,
                      server->tenants[i].trust, around, err));
    return ST_OK;
}

/* From the widest to the narrowest, since each looks at the one around it. */
static enum status scopes_load(struct gw_trust *t, struct error *err)
{
    const struct gw_config *config = t->config;

    TRY(scope_add(t, NULL, FOR_ALL, NULL, &config->trust, NULL, err));
    for (unsigned i = 0; i < config->tenants_count; i++) {
        const struct gw_tenant_conf *tenant = &config->tenants[i];

        TRY(scope_add(t, tenant, OF_TENANT, tenant->name, tenant->trust, t->scopes, err));
    }
    for (unsigned i = 0; i < config->intermediaries_count; i++) {
        const struct gw_intermediary_conf *peer = &config->intermediaries[i];

        TRY(scope_add(t, peer, OF_PEER, peer->name, peer->trust, gw_trust_for_peer(t, peer), err));
    }
    for (unsigned i = 0; i < config->partners_count; i++) {
        const struct gw_partner_conf *partner = &config->partners[i];

        TRY(scope_add(t, partner, OF_PARTNER, partner->name, partner->trust,
                      gw_trust_for_partner(t, partner), err));
    }
    return config->osci_server == NULL ? ST_OK : server_load(t, config->osci_server, err);
}

static size_t scopes_max(const struct gw_config *config)
{
    size_t max = 2 + config->tenants_count + config->intermediaries_count;

    max += config->partners_count;
    return config->osci_server == NULL ? max : max + config->osci_server->tenants_count;
}

enum status gw_trust_new(const struct gw_config *config, struct gw_trust **trust, struct error *err)
{
    AUTO(gw_trust_drop) struct gw_trust *t = calloc(1, sizeof *t);

    TRY_ALLOC(t, err);
    t->config = config;
    t->scopes = calloc(scopes_max(config), sizeof *t->scopes);
    TRY_ALLOC(t->scopes, err);
    TRY(trust_new(&t->issuers, err));
    TRY(scopes_load(t, err));
    *trust = TAKE(t);
    return ST_OK;
}

void gw_trust_free(struct gw_trust *trust)
{
    if (trust == NULL)
        return;
    for (size_t i = trust->count; i-- > 0;) { /* the first is what others stand beside */
        struct gw_trust_scope *scope = &trust->scopes[i];

        cert_checker_free(scope->checker);
        trust_free(scope->trust);
        buf_deinit(&scope->servers);
        buf_deinit(&scope->clients);
    }
    trust_free(trust->issuers);
    free(trust->scopes);
    free(trust);
}

void gw_trust_use_source(struct gw_trust *trust, struct cert_source *source)
{
    for (size_t i = 0; i < trust->count; i++)
        cert_checker_use_source(trust->scopes[i].checker, source);
}

const struct trust *gw_trust_issuers(const struct gw_trust *trust)
{
    return trust->issuers;
}

/* ---- what holds where ---- */

const struct gw_trust_scope *gw_trust_for_all(const struct gw_trust *trust)
{
    return &trust->scopes[0];
}

const struct gw_trust_scope *gw_trust_for_tenant(const struct gw_trust *trust,
                                                 const struct gw_tenant_conf *tenant)
{
    const struct gw_trust_scope *own = tenant == NULL ? NULL : scope_find(trust, tenant);

    return own != NULL ? own : gw_trust_for_all(trust);
}

/* By name; NULL: where there is only one always that. */
static const struct gw_trust_scope *tenant_scope(const struct gw_trust *trust, const char *name)
{
    return gw_trust_for_tenant(trust, name != NULL ? gw_config_tenant(trust->config, name)
                                                   : gw_config_sole_tenant(trust->config));
}

const struct gw_trust_scope *gw_trust_for_peer(const struct gw_trust *trust,
                                               const struct gw_intermediary_conf *peer)
{
    const struct gw_trust_scope *own = scope_find(trust, peer);

    return own != NULL ? own : tenant_scope(trust, peer->tenant);
}

const struct gw_trust_scope *gw_trust_for_xta_peer(const struct gw_trust *trust,
                                                   const struct gw_xta_peer_conf *peer)
{
    return tenant_scope(trust, peer->tenant);
}

const struct gw_trust_scope *gw_trust_for_partner(const struct gw_trust *trust,
                                                  const struct gw_partner_conf *partner)
{
    const struct gw_trust_scope *own = scope_find(trust, partner);
    const struct gw_intermediary_conf *peer =
        partner->intermediary == NULL
            ? NULL
            : gw_config_intermediary(trust->config, partner->intermediary);

    if (own != NULL)
        return own;
    return peer != NULL ? gw_trust_for_peer(trust, peer)
                        : tenant_scope(trust, gw_config_partner_tenant(trust->config, partner));
}

const struct gw_trust_scope *gw_trust_for_server(const struct gw_trust *trust,
                                                 const struct gw_osci_server_conf *server)
{
    const struct gw_trust_scope *own = scope_find(trust, server);

    if (own == NULL && trust->config->osci_server != NULL)
        own = scope_find(trust, trust->config->osci_server);
    return own != NULL ? own : gw_trust_for_all(trust);
}

const struct gw_trust_scope *gw_trust_for_account(const struct gw_trust *trust,
                                                  const struct gw_xta_account_conf *account)
{
    const struct gw_endpoint_conf *endpoint = NULL;

    for (unsigned i = 0; i < account->parties_count && endpoint == NULL; i++)
        endpoint = gw_config_party(trust->config, span_str(account->parties[i]));
    return endpoint == NULL ? gw_trust_for_all(trust) : tenant_scope(trust, endpoint->tenant);
}

struct cert_checker *gw_trust_checker(const struct gw_trust_scope *scope)
{
    return scope->checker;
}

const struct trust *gw_trust_store(const struct gw_trust_scope *scope)
{
    return scope->trust;
}

struct span gw_trust_pem(const struct gw_trust_scope *scope, enum cert_purpose purpose)
{
    return buf_span(purpose == CERT_FOR_XTA_CLIENT ? &scope->clients : &scope->servers);
}

bool gw_trust_is_narrow(const struct gw_trust_scope *scope, enum cert_purpose purpose)
{
    for (int i = 0; i < KNOWN; i++)
        if (known[i].purpose == purpose)
            return decides(scope, i)->wider != NULL;
    return false;
}

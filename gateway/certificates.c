#include "gateway/certificates.h"

#include <fcntl.h>
#include <time.h>

#include "gateway/pair.h"

enum { SOON_DAYS = 30, PEM_MAX = 4 * 1024 * 1024 };
static const int64_t day_ms = INT64_C(24) * 3600 * 1000;

struct walk {
    const struct gw_runtime *rt;
    void (*see)(void *ctx, const struct gw_cert_use *use);
    void *ctx;
};

const char *gw_cert_owner_name(enum gw_cert_owner owner)
{
    static const char *const names[] = {"own",    "intermediary", "partner",
                                        "client", "authority",    "server"};

    return names[owner];
}

const char *gw_cert_use_name(enum gw_cert_use_for use)
{
    static const char *const names[] = {"signature", "cipher", "older_cipher", "tls",
                                        "issuer",    "list",   "pinned"};

    return names[use];
}

int64_t gw_days_left(int64_t until, int64_t now)
{
    int64_t left = until - now;

    return left >= 0 ? left / day_ms : -((-left + day_ms - 1) / day_ms);
}

int64_t gw_cert_days_left(const struct cert *cert, int64_t now)
{
    return gw_days_left(cert_not_after(cert), now);
}

bool gw_cert_leaves_gap(const struct gw_cert_use *use)
{
    return use->use != GW_CERT_DECIPHERED &&
           (use->until == 0 || use->until > cert_not_after(use->cert));
}

bool gw_cert_replaced(const struct gw_cert_use *use, int64_t on)
{
    return use->use == GW_CERT_DECIPHERED || (use->until != 0 && on >= use->until);
}

int gw_cert_hindrance(const struct gw_cert_use *use, int64_t on)
{
    if (on < use->from || gw_cert_replaced(use, on))
        return 0;
    return cert_not_after(use->cert) < on    ? GW_R_CERT_EXPIRED
           : cert_not_before(use->cert) > on ? GW_R_CERT_NOT_YET
                                             : 0;
}

int gw_cert_finding(const struct gw_cert_use *use, int64_t now)
{
    int reason = gw_cert_hindrance(use, now > use->from ? now : use->from);

    if (reason == 0 && gw_cert_leaves_gap(use) && !gw_cert_replaced(use, now) &&
        cert_not_after(use->cert) - now < SOON_DAYS * day_ms)
        reason = GW_R_CERT_EXPIRES_SOON;
    return reason;
}

void gw_cert_day(int64_t ms, char day[static 16])
{
    time_t at = (time_t)(ms / 1000);
    struct tm tm;

    day[0] = '\0';
    if (gmtime_r(&at, &tm) != NULL)
        (void)strftime(day, 16, "%Y-%m-%d", &tm);
}

/* ---- one ---- */

static void see(const struct walk *w, struct gw_cert_use use, const struct cert *cert)
{
    use.cert = cert;
    if (cert != NULL)
        w->see(w->ctx, &use);
}

static void see_file(const struct walk *w, struct gw_cert_use use, const char *path)
{
    AUTO(cert_drop) struct cert *cert = NULL;
    struct error err = {0};

    if (path == NULL)
        return;
    if (gw_cert_load(path, &cert, &err) != ST_OK)
        use.detail = err.text;
    use.path = path;
    use.cert = cert;
    w->see(w->ctx, &use);
}

static void see_files(const struct walk *w, struct gw_cert_use use, const char *const *paths,
                      unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        see_file(w, use, paths[i]);
}

static void see_pair(const struct walk *w, struct gw_cert_use use, const struct gw_pair_conf *pair)
{
    AUTO(cert_drop) struct cert *cert = NULL;
    struct error err = {0};

    if (gw_pair_cert_load(pair, &w->rt->places, &cert, &err) != ST_OK)
        use.detail = err.text;
    use.path = pair->pkcs12 != NULL ? pair->pkcs12 : pair->certificate;
    use.cert = cert;
    w->see(w->ctx, &use);
}

/* The pair, and what takes over from it. */
static void see_tls(const struct walk *w, const char *setting, const char *name,
                    const struct gw_pair_conf *pair, const struct gw_next_tls_conf *next,
                    unsigned count)
{
    struct gw_cert_use use = {
        .owner = GW_CERT_OWN, .use = GW_CERT_TLS, .setting = setting, .name = name};

    use.until = count > 0 ? next[0].from : 0;
    if (pair != NULL)
        see_pair(w, use, pair);
    for (unsigned i = 0; i < count; i++) {
        use.from = next[i].from;
        use.until = i + 1 < count ? next[i + 1].from : 0;
        see_pair(w, use, next[i].tls);
    }
}

/* ---- each ---- */

/* The pair, and what takes over from it. */
static void pair_see(const struct walk *w, struct gw_cert_use use, const struct identity *id,
                     enum identity_use which)
{
    const struct identity_next *next = id->next[which];
    size_t count = id->next_count[which];

    use.until = count > 0 ? next[0].from : 0;
    see(w, use, which == IDENTITY_SIGNS ? id->signature.cert : id->cipher.cert);
    use.setting = "identity.next";
    for (size_t i = 0; i < count; i++) {
        use.from = next[i].from;
        use.until = i + 1 < count ? next[i + 1].from : 0;
        see(w, use, next[i].pair.cert);
    }
}

/* The same of somebody else. */
static void cipher_see(const struct walk *w, struct gw_cert_use use, const struct cert *cert,
                       const char *next_setting, const struct gw_next_cert *next, size_t count)
{
    use.use = GW_CERT_ENCIPHERS;
    use.until = count > 0 ? next[0].from : 0;
    see(w, use, cert);
    use.setting = next_setting;
    for (size_t i = 0; i < count; i++) {
        use.from = next[i].from;
        use.until = i + 1 < count ? next[i + 1].from : 0;
        see(w, use, next[i].cert);
    }
}

/* Signatures of others have no day: another one of the list does as well as soon as it is valid.
 * When the first that outlasts this one is; 0: none does. */
static int64_t outlasted_from(struct cert *const *certs, size_t count, size_t which)
{
    int64_t from = 0, end = cert_not_after(certs[which]);

    for (size_t i = 0; i < count; i++)
        if ((cert_not_after(certs[i]) > end || (cert_not_after(certs[i]) == end && i > which)) &&
            (from == 0 || cert_not_before(certs[i]) < from))
            from = cert_not_before(certs[i]);
    return from;
}

static void identity_see(const struct walk *w, const struct identity *id, const char *name,
                         const char *const settings[3])
{
    struct gw_cert_use use = {.owner = GW_CERT_OWN, .name = name};

    use.use = GW_CERT_SIGNS;
    use.setting = settings[0];
    pair_see(w, use, id, IDENTITY_SIGNS);
    use.use = GW_CERT_ENCIPHERS;
    use.setting = settings[1];
    pair_see(w, use, id, IDENTITY_ENCIPHERS);
    use.use = GW_CERT_DECIPHERED;
    use.setting = settings[2];
    for (size_t i = 0; i < id->older_count; i++)
        see(w, use, id->older[i].cert);
}

static void own_see(const struct walk *w)
{
    static const char *const settings[3] = {"tenant.identity.signature", "tenant.identity.cipher",
                                            "tenant.identity.older_ciphers"};
    const struct gw_runtime *rt = w->rt;

    for (size_t i = 0; i < rt->tenant_count; i++)
        identity_see(w, rt->tenants[i].identity, rt->tenants[i].conf->name, settings);
    for (size_t i = 0; i < rt->authors_count; i++)
        for (size_t k = 0; k < rt->authors[i].count; k++)
            see(w,
                (struct gw_cert_use){.owner = GW_CERT_OWN,
                                     .use = GW_CERT_SIGNS,
                                     .setting = "endpoints.authors",
                                     .name = rt->conf->endpoints[i].name},
                rt->authors[i].pairs[k].cert);
}

static void peers_see(const struct walk *w)
{
    const struct gw_runtime *rt = w->rt;

    for (size_t i = 0; i < rt->peer_count; i++) {
        const struct gw_peer *peer = &rt->peers[i];
        struct gw_cert_use use = {.owner = GW_CERT_INTERMEDIARY, .name = peer->conf->name};

        use.setting = "intermediaries.cipher_certificate";
        cipher_see(w, use, peer->cipher, "intermediaries.next_ciphers", peer->next_ciphers,
                   peer->next_cipher_count);
        use.use = GW_CERT_SIGNS;
        for (size_t k = 0; k < peer->signature_count; k++) {
            use.setting = k < peer->conf->signature_certificates_count
                              ? "intermediaries.signature_certificates"
                              : "intermediaries.signature_certificate";
            use.until = outlasted_from(peer->signatures, peer->signature_count, k);
            see(w, use, peer->signatures[k]);
        }
        see_tls(w, "intermediaries.tls", peer->conf->name, peer->conf->tls, peer->conf->next_tls,
                peer->conf->next_tls_count);
    }
    for (size_t i = 0; i < rt->xta_peer_count; i++)
        see_tls(w, "xta_servers.tls", rt->xta_peers[i].conf->name, rt->xta_peers[i].conf->tls,
                rt->xta_peers[i].conf->next_tls, rt->xta_peers[i].conf->next_tls_count);
}

static void partners_see(const struct walk *w)
{
    const struct gw_runtime *rt = w->rt;

    for (size_t i = 0; i < rt->partner_count; i++) {
        const struct gw_partner *partner = &rt->partners[i];
        struct gw_cert_use use = {.owner = GW_CERT_PARTNER, .name = partner->conf->name};

        use.setting = "partners.cipher_certificate";
        cipher_see(w, use, partner->cipher, "partners.next_ciphers", partner->next_ciphers,
                   partner->next_cipher_count);
        use.use = GW_CERT_ENCIPHERS;
        use.setting = "partners.readers";
        for (size_t k = 0; k < partner->reader_count; k++)
            see(w, use, partner->readers[k]);
        use.use = GW_CERT_SIGNS;
        use.setting = "partners.signature_certificates";
        for (size_t k = 0; k < partner->author_count; k++) {
            use.until = outlasted_from(partner->authors, partner->author_count, k);
            see(w, use, partner->authors[k]);
        }
    }
}

/* As gw_identity_load, but without the keys: nothing is to be asked of a token for a list. */
static enum status certs_load(const struct gw_identity_conf *conf,
                              const struct gw_key_places *places, struct identity **identity,
                              struct error *err)
{
    AUTO(identity_drop) struct identity *id = calloc(1, sizeof *id);

    TRY_ALLOC(id, err);
    TRY(gw_pair_cert_load(&conf->signature, places, &id->signature.cert, err));
    TRY(gw_pair_cert_load(&conf->cipher, places, &id->cipher.cert, err));
    for (unsigned i = 0; i < conf->older_ciphers_count && i < IDENTITY_OLDER_MAX; i++) {
        id->older_count++;
        TRY(gw_pair_cert_load(&conf->older_ciphers[i], places, &id->older[i].cert, err));
    }
    for (unsigned i = 0; i < conf->next_count && i < IDENTITY_NEXT_MAX; i++) {
        const struct gw_pair_conf *pairs[] = {conf->next[i].signature, conf->next[i].cipher};

        for (int use = IDENTITY_SIGNS; use <= IDENTITY_ENCIPHERS; use++) {
            struct identity_next *next = &id->next[use][id->next_count[use]];

            if (pairs[use] == NULL)
                continue;
            next->from = conf->next[i].from;
            TRY(gw_pair_cert_load(pairs[use], places, &next->pair.cert, err));
            id->next_count[use]++;
        }
    }
    *identity = TAKE(id);
    return ST_OK;
}

static void server_see(const struct walk *w, const struct gw_osci_server_conf *conf)
{
    static const char *const settings[3] = {"osci_server.identity.signature",
                                            "osci_server.identity.cipher",
                                            "osci_server.identity.older_ciphers"};
    const struct gw_config *config = w->rt->conf;
    AUTO(identity_drop) struct identity *id = NULL;
    struct gw_cert_use use = {.owner = GW_CERT_CLIENT, .use = GW_CERT_ENCIPHERS};
    struct error err = {0};
    bool known = false; /* as a tenant's */

    for (unsigned i = 0; i < config->tenants_count; i++)
        known = known || conf->identity == &config->tenants[i].identity;
    if (conf->identity != NULL && !known &&
        certs_load(conf->identity, &w->rt->places, &id, &err) == ST_OK)
        identity_see(w, id, conf->name, settings);
    use.setting = "osci_server.mailboxes";
    for (unsigned i = 0; i < conf->mailboxes_count; i++) {
        use.name = conf->mailboxes[i].name;
        see_file(w, use, conf->mailboxes[i].cipher_certificate);
    }
    for (unsigned i = 0; i < conf->receivers_count; i++)
        see_tls(w, "osci_server.receivers.tls", conf->receivers[i].url, conf->receivers[i].tls,
                conf->receivers[i].next_tls, conf->receivers[i].next_tls_count);
    for (unsigned i = 0; i < conf->listeners_count; i++)
        see_tls(w, "osci_server.listeners.tls", conf->name, conf->listeners[i].tls,
                conf->listeners[i].next_tls, conf->listeners[i].next_tls_count);
}

static void doors_see(const struct walk *w)
{
    const struct gw_config *conf = w->rt->conf;
    struct gw_cert_use use = {
        .owner = GW_CERT_CLIENT, .use = GW_CERT_TLS, .setting = "xta_server.accounts"};

    if (conf->osci_server != NULL) {
        server_see(w, conf->osci_server);
        for (unsigned i = 0; i < conf->osci_server->tenants_count; i++)
            server_see(w, &conf->osci_server->tenants[i]);
    }
    for (unsigned i = 0; conf->osci_recipient != NULL && i < conf->osci_recipient->listeners_count;
         i++)
        see_tls(w, "osci_recipient.listeners.tls", NULL, conf->osci_recipient->listeners[i].tls,
                conf->osci_recipient->listeners[i].next_tls,
                conf->osci_recipient->listeners[i].next_tls_count);
    if (conf->xta_server == NULL)
        return;
    for (unsigned i = 0; i < conf->xta_server->listeners_count; i++)
        see_tls(w, "xta_server.listeners.tls", NULL, conf->xta_server->listeners[i].tls,
                conf->xta_server->listeners[i].next_tls,
                conf->xta_server->listeners[i].next_tls_count);
    for (unsigned i = 0; i < conf->xta_server->accounts_count; i++) {
        const struct gw_xta_account_conf *account = &conf->xta_server->accounts[i];

        use.name = account->name;
        see_files(w, use, account->certificates, account->certificates_count);
    }
}

/* All those of a file of issuers; what is no issuer there is seen as its first certificate. */
static void issuers_see(const struct walk *w, struct gw_cert_use use, const char *path)
{
    AUTO(trust_drop) struct trust *trust = NULL;
    AUTO(buf_deinit) struct buf pem = {0};
    struct error err = {0};

    buf_init(&pem, PEM_MAX);
    if (gw_file_read(AT_FDCWD, path, &pem, &err) != ST_OK || trust_new(&trust, &err) != ST_OK ||
        trust_add_believed(trust, CERT_FOR_EVERYTHING, path, buf_span(&pem), &err) != ST_OK) {
        see_file(w, use, path);
        return;
    }
    for (size_t i = 0; i < trust_anchor_count(trust); i++)
        see(w, use, trust_authority(trust, i));
    use.use = GW_CERT_PINNED;
    for (size_t i = 0; trust_pinned(trust, i) != NULL; i++)
        see(w, use, trust_pinned(trust, i));
}

static void issuers_of(const struct walk *w, const char *setting, const char *name,
                       const char *const *paths, unsigned count)
{
    const struct gw_cert_use use = {.owner = GW_CERT_AUTHORITY,
                                    .use = GW_CERT_ISSUES,
                                    .setting = setting,
                                    .name = name,
                                    .serves = CERT_PURPOSE_BIT(CERT_FOR_TLS_SERVER)};

    for (unsigned i = 0; i < count; i++)
        issuers_see(w, use, paths[i]);
}

/* One store. */
static void store_see(void *ctx, const struct gw_trust_setting *s)
{
    const struct walk *w = ctx;
    struct gw_cert_use use = {.owner = GW_CERT_AUTHORITY,
                              .use = GW_CERT_ISSUES,
                              .setting = s->key,
                              .name = s->name,
                              .serves = s->purposes};

    for (unsigned i = 0; i < s->store->authorities_count; i++)
        issuers_see(w, use, s->store->authorities[i]);
    for (unsigned i = 0; i < s->store->intermediates_count; i++)
        issuers_see(w, use, s->store->intermediates[i]);
    use.use = GW_CERT_PINNED;
    for (unsigned i = 0; i < s->store->pinned_count; i++)
        see_file(w, use, s->store->pinned[i]);
}

/* Whom single destinations and doors believe in place of trust.tls. */
static void authorities_see(const struct walk *w)
{
    const struct gw_config *conf = w->rt->conf;

    for (unsigned i = 0; i < conf->xta_servers_count; i++)
        issuers_of(w, "xta_servers.authorities", conf->xta_servers[i].name,
                   conf->xta_servers[i].authorities, conf->xta_servers[i].authorities_count);
    for (unsigned i = 0; conf->xta_server != NULL && i < conf->xta_server->listeners_count; i++)
        issuers_of(w, "xta_server.listeners.client_authorities", NULL,
                   conf->xta_server->listeners[i].client_authorities,
                   conf->xta_server->listeners[i].client_authorities_count);
    for (unsigned i = 0; i < conf->targets_count; i++) {
        const struct gw_target_conf *target = &conf->targets[i];

        if (target->email != NULL)
            issuers_of(w, "targets.email.authorities", target->name, target->email->authorities,
                       target->email->authorities_count);
        if (target->webdav != NULL)
            issuers_of(w, "targets.webdav.authorities", target->name, target->webdav->authorities,
                       target->webdav->authorities_count);
    }
}

void gw_certificates(const struct gw_runtime *rt,
                     void (*see_one)(void *ctx, const struct gw_cert_use *use), void *ctx)
{
    struct walk w = {rt, see_one, ctx};

    own_see(&w);
    peers_see(&w);
    partners_see(&w);
    doors_see(&w);
    gw_trust_settings(rt->conf, store_see, &w);
    authorities_see(&w);
}

#include "gateway/xta_account.h"

#include <fcntl.h>

#include "gateway/files.h"
#include "xta/model.h"

enum { PEM_MAX = 4 * 1024 * 1024 };

struct known {
    struct cert *cert;
    const struct gw_xta_account_conf *account;
    struct cert_checker *checker; /* of its tenant's own store; NULL: that of all */
};

/* A tenant's own, beside the one of all. */
struct own {
    const struct gw_trust_scope *trust;
    struct cert_checker *checker;
};

struct gw_xta_accounts {
    const struct gw_runtime *rt;
    struct known *known; /* in the order of fingerprints */
    size_t count, cap;
    struct buf *ca; /* of each listener, for TLS */
    size_t ca_count;
    struct trust *trust, *issuers; /* client_authorities of all listeners; whose lists count */
    struct cert_checker *checker;  /* of trust; the others look into its lists */
    bool named, unnamed;           /* some listener names its authorities, or does not */
    struct own *own;               /* what holds for all comes first */
    size_t own_count;
    struct gw_trust_conf lists;
    struct gw_crl_folder *crls;
};

static int by_fingerprint(const void *a, const void *b)
{
    const struct known *x = a, *y = b;

    return memcmp(cert_sha256(x->cert).ptr, cert_sha256(y->cert).ptr, cert_sha256(x->cert).len);
}

static enum status account_load(struct gw_xta_accounts *a, const struct gw_xta_account_conf *conf,
                                struct error *err)
{
    for (unsigned i = 0; i < conf->certificates_count; i++) {
        struct known *known = &a->known[a->count];

        TRY(gw_cert_load(conf->certificates[i], &known->cert, err));
        known->account = conf;
        a->count++;
    }
    return ST_OK;
}

static enum status accounts_load(struct gw_xta_accounts *a, struct error *err)
{
    const struct gw_xta_server_conf *conf = a->rt->conf->xta_server;
    size_t cap = 1;

    for (unsigned i = 0; i < conf->accounts_count; i++)
        cap += conf->accounts[i].certificates_count;
    a->known = gw_alloc(cap * sizeof *a->known);
    for (unsigned i = 0; i < conf->accounts_count; i++)
        TRY(account_load(a, &conf->accounts[i], err));
    qsort(a->known, a->count, sizeof *a->known, by_fingerprint);
    for (size_t i = 1; i < a->count; i++)
        if (cert_eq(a->known[i - 1].cert, a->known[i].cert) &&
            a->known[i - 1].account != a->known[i].account)
            return error_set(err, ST_INVALID, 0, "the certificate %s belongs to %s and to %s",
                             cert_subject(a->known[i].cert), a->known[i - 1].account->name,
                             a->known[i].account->name);
    return ST_OK;
}

/* The authorities of one listener, which TLS lets in: its own or those of all, and the tenants'.
 * Whose account may come by whom is looked at with each request. */
static enum status authorities_load(struct gw_xta_accounts *a,
                                    const struct gw_xta_listener_conf *conf, struct buf *ca,
                                    struct error *err)
{
    buf_init(ca, PEM_MAX);
    for (unsigned i = 0; i < conf->client_authorities_count; i++) {
        TRY(gw_file_read(AT_FDCWD, conf->client_authorities[i], ca, err));
        buf_char(ca, '\n');
    }
    TRY(buf_check(ca, err));
    if (conf->client_authorities_count > 0)
        TRY(trust_add_believed(a->trust, CERT_PURPOSE_BIT(CERT_FOR_XTA_CLIENT),
                               "client_authorities", buf_span(ca), err));
    a->named = a->named || conf->client_authorities_count > 0;
    a->unnamed = a->unnamed || conf->client_authorities_count == 0;
    for (size_t i = conf->client_authorities_count > 0; i < a->own_count; i++)
        buf_add(ca, gw_trust_pem(a->own[i].trust, CERT_FOR_XTA_CLIENT));
    return buf_check(ca, err);
}

static enum status own_add(struct gw_xta_accounts *a, const struct gw_trust_scope *trust,
                           struct error *err)
{
    struct own *own = &a->own[a->own_count];

    TRY(cert_checker_new_beside(a->checker, gw_trust_store(trust), CERT_CHECKER_MAX,
                                CERT_CHECKER_TTL_MS, &own->checker, err));
    own->trust = trust;
    a->own_count++;
    return trust_add_issuers_of(a->issuers, gw_trust_store(trust), err);
}

/* What holds for all, and what tenants have of their own. */
static enum status own_load(struct gw_xta_accounts *a, struct error *err)
{
    const struct gw_config *conf = a->rt->conf;

    a->own = gw_alloc((conf->tenants_count + 1) * sizeof *a->own);
    TRY(own_add(a, gw_trust_for_all(a->rt->trust), err));
    for (unsigned i = 0; i < conf->tenants_count; i++) {
        const struct gw_trust_scope *trust = gw_trust_for_tenant(a->rt->trust, &conf->tenants[i]);

        if (gw_trust_is_narrow(trust, CERT_FOR_XTA_CLIENT))
            TRY(own_add(a, trust, err));
    }
    return ST_OK;
}

/* The tenant's own store, where it has one; NULL: that of all. */
static struct cert_checker *own_of(const struct gw_xta_accounts *a,
                                   const struct gw_xta_account_conf *account)
{
    const struct gw_trust_scope *trust = gw_trust_for_account(a->rt->trust, account);

    for (size_t i = 1; i < a->own_count; i++)
        if (a->own[i].trust == trust)
            return a->own[i].checker;
    return NULL;
}

static enum status trust_load(struct gw_xta_accounts *a, struct error *err)
{
    const struct gw_xta_server_conf *conf = a->rt->conf->xta_server;

    TRY(trust_new(&a->trust, err));
    TRY(trust_new(&a->issuers, err));
    trust_name(a->trust, CERT_PURPOSE_BIT(CERT_FOR_XTA_CLIENT),
               "xta_server.listeners.client_authorities");
    TRY(cert_checker_new(a->trust, CERT_CHECKER_MAX, CERT_CHECKER_TTL_MS, &a->checker, err));
    TRY(own_load(a, err));
    for (; a->ca_count < conf->listeners_count; a->ca_count++)
        TRY(authorities_load(a, &conf->listeners[a->ca_count], &a->ca[a->ca_count], err));
    for (size_t i = 0; i < a->count; i++)
        a->known[i].checker = own_of(a, a->known[i].account);
    return trust_add_issuers_of(a->issuers, a->trust, err);
}

enum status gw_xta_accounts_new(const struct gw_runtime *rt, struct gw_xta_accounts **accounts,
                                struct error *err)
{
    const struct gw_xta_server_conf *conf = rt->conf->xta_server;
    AUTO(gw_xta_accounts_drop) struct gw_xta_accounts *a = gw_alloc(sizeof *a);

    a->rt = rt;
    a->ca = gw_alloc((conf->listeners_count + 1) * sizeof *a->ca);
    TRY(accounts_load(a, err));
    TRY(trust_load(a, err));
    a->lists.crls = conf->crls;
    if (conf->crls != NULL)
        TRY(gw_crl_folder_new(&a->lists, a->issuers, a->checker, rt->loop, rt->log, &a->crls, err));
    *accounts = TAKE(a);
    return ST_OK;
}

void gw_xta_accounts_close(struct gw_xta_accounts *a)
{
    if (a != NULL && a->crls != NULL)
        gw_crl_folder_close(a->crls);
}

void gw_xta_accounts_free(struct gw_xta_accounts *a)
{
    if (a == NULL)
        return;
    if (a->crls != NULL)
        gw_crl_folder_free(a->crls);
    for (size_t i = 0; i < a->own_count; i++)
        cert_checker_free(a->own[i].checker);
    cert_checker_free(a->checker);
    trust_free(a->trust);
    trust_free(a->issuers);
    for (size_t i = 0; i < a->count; i++)
        cert_free(a->known[i].cert);
    for (unsigned i = 0; i < a->rt->conf->xta_server->listeners_count; i++)
        buf_deinit(&a->ca[i]);
    free(a->known);
    free(a->own);
    free(a->ca);
    free(a);
}

struct span gw_xta_accounts_ca(const struct gw_xta_accounts *a, size_t i)
{
    return buf_span(&a->ca[i]);
}

/* By the store of its tenant; else by those of the listeners, which are one for that matter. */
static enum status judge(const struct gw_xta_accounts *a, const struct known *known,
                         const struct cert *cert, int64_t now, struct cert_verdict *verdict,
                         struct error *err)
{
    if (known != NULL && known->checker != NULL)
        return cert_checker_check(known->checker, cert, CERT_FOR_XTA_CLIENT, now, verdict, err);
    if (a->named) {
        TRY(cert_checker_check(a->checker, cert, CERT_FOR_XTA_CLIENT, now, verdict, err));
        if (!a->unnamed || cert_verdict_good(verdict))
            return ST_OK;
    }
    return cert_checker_check(a->own[0].checker, cert, CERT_FOR_XTA_CLIENT, now, verdict, err);
}

enum status gw_xta_account_find(const struct gw_xta_accounts *a, struct span der, int64_t now,
                                const struct gw_xta_account_conf **account, struct error *err)
{
    AUTO(cert_drop) struct cert *cert = NULL;
    const struct known *known;
    struct cert_verdict verdict;
    struct known key = {0};

    *account = NULL;
    if (der.len == 0)
        return error_set(err, ST_DENIED, XTA_N_NO_ACCOUNT, "there is no client certificate");
    TRY(cert_cache_get(a->rt->cache, der, &cert, err));
    key.cert = cert;
    known = bsearch(&key, a->known, a->count, sizeof key, by_fingerprint);
    *account = known == NULL ? NULL : known->account;
    TRY(judge(a, known, cert, now, &verdict, err));
    if (!cert_verdict_good(&verdict))
        return error_set(err, ST_DENIED, XTA_N_CERTIFICATE_EXPIRED, "the client certificate: %s",
                         verdict.reason);
    if (known == NULL)
        return error_set(err, ST_DENIED, XTA_N_NO_ACCOUNT,
                         "the client certificate %s has no account", cert_subject(cert));
    if (known->account->locked)
        return error_set(err, ST_DENIED, XTA_N_ACCOUNT_LOCKED, "the account %s is locked",
                         known->account->name);
    gw_tls_seen_note(a->rt->seen, false, known->account->name, cert, now);
    return ST_OK;
}

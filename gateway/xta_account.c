#include "gateway/xta_account.h"

#include <fcntl.h>

#include "gateway/files.h"
#include "xta/model.h"

enum { PEM_MAX = 4 * 1024 * 1024 };

struct known {
    struct cert *cert;
    const struct gw_xta_account_conf *account;
};

struct gw_xta_accounts {
    const struct gw_runtime *rt;
    struct known *known; /* in the order of fingerprints */
    size_t count, cap;
    struct buf *ca; /* of each listener */
    size_t ca_count;
    struct trust *trust; /* all of them */
    struct cert_checker *checker;
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

/* The authorities of one listener: for TLS, and for the checker of all. */
static enum status authorities_load(struct gw_xta_accounts *a,
                                    const struct gw_xta_listener_conf *conf, struct buf *ca,
                                    struct error *err)
{
    buf_init(ca, PEM_MAX);
    if (conf->client_authorities_count == 0)
        buf_add(ca, buf_span(&a->rt->tls_ca));
    for (unsigned i = 0; i < conf->client_authorities_count; i++) {
        TRY(gw_file_read(AT_FDCWD, conf->client_authorities[i], ca, err));
        buf_char(ca, '\n');
    }
    TRY(buf_check(ca, err));
    return trust_add_anchors(a->trust, "xta_server.client_authorities", buf_span(ca), err);
}

enum status gw_xta_accounts_new(const struct gw_runtime *rt, struct gw_xta_accounts **accounts,
                                struct error *err)
{
    const struct gw_xta_server_conf *conf = rt->conf->xta_server;
    AUTO(gw_xta_accounts_drop) struct gw_xta_accounts *a = gw_alloc(sizeof *a);

    a->rt = rt;
    a->ca = gw_alloc((conf->listeners_count + 1) * sizeof *a->ca);
    TRY(trust_new(&a->trust, err));
    TRY(accounts_load(a, err));
    for (; a->ca_count < conf->listeners_count; a->ca_count++)
        TRY(authorities_load(a, &conf->listeners[a->ca_count], &a->ca[a->ca_count], err));
    TRY(cert_checker_new(a->trust, CERT_CHECKER_MAX, CERT_CHECKER_TTL_MS, &a->checker, err));
    a->lists.crls = conf->crls;
    if (conf->crls != NULL)
        TRY(gw_crl_folder_new(&a->lists, a->trust, a->checker, rt->loop, rt->log, &a->crls, err));
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
    if (a->checker != NULL)
        cert_checker_free(a->checker);
    if (a->trust != NULL)
        trust_free(a->trust);
    for (size_t i = 0; i < a->count; i++)
        cert_free(a->known[i].cert);
    for (unsigned i = 0; i < a->rt->conf->xta_server->listeners_count; i++)
        buf_deinit(&a->ca[i]);
    free(a->known);
    free(a->ca);
    free(a);
}

struct span gw_xta_accounts_ca(const struct gw_xta_accounts *a, size_t i)
{
    return buf_span(&a->ca[i]);
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
    TRY(cert_checker_check(a->checker, cert, CERT_FOR_TLS_CLIENT, now, &verdict, err));
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

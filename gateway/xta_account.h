/*
 * gateway/xta_account.h - who calls: client certificates and their accounts
 *
 * An account is known by the fingerprints of its certificates. That somebody holds the key was
 * TLS's business; whether the certificate still counts is asked with every request: by the store
 * of the tenant whose account it is, where that has one of its own (gateway/trust.h), else with the
 * authorities of all listeners; and with the revocation lists of all.
 *
 *   outside validity, revoked ...     9010      account locked           9011
 *   certificate missing or of nobody  9012      party not the account's  9014 (gw_xta_party_check)
 *
 * Source: XTA 2 digest 4.
 */
#pragma once

#include "gateway/runtime.h"

struct gw_xta_accounts;

/* conf: rt->conf->xta_server. err names the file that cannot be used. ST_INVALID: a certificate of
 * two accounts. */
MUST_CHECK enum status gw_xta_accounts_new(const struct gw_runtime *rt,
                                           struct gw_xta_accounts **accounts, struct error *err);
/* Looks at no lists any more; in a stop hook at the latest. NULL is fine. */
void gw_xta_accounts_close(struct gw_xta_accounts *accounts);
/* After gw_loop_run has returned. */
void gw_xta_accounts_free(struct gw_xta_accounts *accounts);
DROP_DEFINE(gw_xta_accounts_drop, struct gw_xta_accounts, gw_xta_accounts_free)
/* PEM of the authorities of listener i, for TLS. Borrowed. */
struct span gw_xta_accounts_ca(const struct gw_xta_accounts *accounts, size_t i);

/*
 * Any thread; of a new certificate its chain is verified first. Whose is it? *account is set as
 * soon as it is known, even when it is refused for being locked or for its certificate. ST_DENIED
 * with one of the reasons above.
 */
MUST_CHECK enum status gw_xta_account_find(const struct gw_xta_accounts *accounts, struct span der,
                                           int64_t now, const struct gw_xta_account_conf **account,
                                           struct error *err);

/*
 * gateway/trust.h - whom we believe, for what, and on whose behalf
 *
 * What the settings say about trust stands at several places, some inside others:
 *
 *   trust ◄─┬─ tenants.trust ◄── intermediaries.trust ◄── partners.trust
 *           └─ osci_server.trust ◄── osci_server.tenants.trust
 *
 * At each place a purpose may have a store of its own, or a plain list may speak for it ("osci" for
 * signing and enciphering, "tls" for servers and clients). The narrowest place that says anything
 * about a purpose decides about it alone: nothing wider counts beside it. So what one tenant
 * believes is never believed for another, and who pins a partner's certificates believes no issuer
 * for it any more.
 *
 * All of it is read once, with the settings, and then only looked into, from any thread; a reload
 * makes another one beside it. Verdicts name the store they come from as the settings do.
 */
#pragma once

#include "certs/checker.h"
#include "gateway/config.h"

struct gw_trust;       /* all there is */
struct gw_trust_scope; /* what holds at one place */

/* Reads all files. config is borrowed. err names setting and file. */
MUST_CHECK enum status gw_trust_new(const struct gw_config *config, struct gw_trust **trust,
                                    struct error *err);
void gw_trust_free(struct gw_trust *trust);
DROP_DEFINE(gw_trust_drop, struct gw_trust, gw_trust_free)

/* Who is asked about revocation, for all; before the first check. Borrowed. */
void gw_trust_use_source(struct gw_trust *trust, struct cert_source *source);
/* Every issuer that is named anywhere: who may have signed a list. It is believed for nothing. */
const struct trust *gw_trust_issuers(const struct gw_trust *trust);

/* What holds there; it says nothing of its own: what holds around it. Never NULL. */
const struct gw_trust_scope *gw_trust_for_all(const struct gw_trust *trust);
const struct gw_trust_scope *gw_trust_for_tenant(const struct gw_trust *trust,
                                                 const struct gw_tenant_conf *tenant);
const struct gw_trust_scope *gw_trust_for_peer(const struct gw_trust *trust,
                                               const struct gw_intermediary_conf *peer);
const struct gw_trust_scope *gw_trust_for_xta_peer(const struct gw_trust *trust,
                                                   const struct gw_xta_peer_conf *peer);
const struct gw_trust_scope *gw_trust_for_partner(const struct gw_trust *trust,
                                                  const struct gw_partner_conf *partner);
/* server: the block, or one of its tenants. */
const struct gw_trust_scope *gw_trust_for_server(const struct gw_trust *trust,
                                                 const struct gw_osci_server_conf *server);
/* The tenant of an account's parties; where they are nobody's, what holds for all. */
const struct gw_trust_scope *gw_trust_for_account(const struct gw_trust *trust,
                                                  const struct gw_xta_account_conf *account);

/* Each borrowed. The checkers all look into the lists that the one for all was given. */
struct cert_checker *gw_trust_checker(const struct gw_trust_scope *scope);
const struct trust *gw_trust_store(const struct gw_trust_scope *scope);
/* PEM of those who are believed for TLS, for CERT_FOR_TLS_SERVER or CERT_FOR_XTA_CLIENT; empty:
 * nobody is named, which for servers means the system's. */
struct span gw_trust_pem(const struct gw_trust_scope *scope, enum cert_purpose purpose);
/* What decides about it there stands at a narrower place than the top. */
bool gw_trust_is_narrow(const struct gw_trust_scope *scope, enum cert_purpose purpose);

/* One store as it stands in the settings. */
struct gw_trust_setting {
    const char *key;   /* "tenants.trust.signing"; never changed */
    const char *name;  /* of the tenant, intermediary, partner; NULL: there is none */
    unsigned purposes; /* that it decides about, bits; none: others stand in its place */
    const struct gw_trust_store_conf *store; /* of a plain list: its authorities alone */
    bool plain;
    const void *at; /* for the line */
};
/* Calls see for each: those for all, then the narrower ones. */
void gw_trust_settings(const struct gw_config *config,
                       void (*see)(void *ctx, const struct gw_trust_setting *setting), void *ctx);
/* "tenants.trust.signing (north)" */
void gw_trust_setting_text(struct buf *b, const struct gw_trust_setting *setting);

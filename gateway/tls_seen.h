/*
 * gateway/tls_seen.h - the certificates that others showed us in TLS, as last seen
 *
 * Servers that we connected to, by their address, and clients that were let in, by their account.
 * In memory only: what has not been seen since the start is not known. Bounded; who was seen
 * longest ago makes room. Thread-safe.
 */
#pragma once

#include "crypto/key.h"

enum { GW_TLS_SEEN_MAX = 256, GW_TLS_SEEN_NAME = 320 };

struct gw_tls_sight {
    bool server;      /* else a client */
    const char *name; /* "https://host:443", or the account's; valid during the call */
    const struct cert *cert;
    int64_t since, at; /* since when it has been this certificate; last time, ms */
};

struct gw_tls_seen;

MUST_CHECK enum status gw_tls_seen_new(struct gw_tls_seen **seen, struct error *err);
void gw_tls_seen_free(struct gw_tls_seen *seen);
DROP_DEFINE(gw_tls_seen_drop, struct gw_tls_seen, gw_tls_seen_free)
/* seen may be NULL. */
void gw_tls_seen_note(struct gw_tls_seen *seen, bool server, const char *name, struct cert *cert,
                      int64_t now);
/* Calls see for each, holding the others up: be short, and call nothing of this module. seen may be
 * NULL. */
void gw_tls_seen_each(struct gw_tls_seen *seen, void (*see)(void *, const struct gw_tls_sight *),
                      void *ctx);

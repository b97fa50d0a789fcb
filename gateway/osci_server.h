/*
 * gateway/osci_server.h - the intermediary's door: OSCI over HTTP and HTTPS
 *
 * A POST with an OSCI message is spooled, handled in one worker job (opened, read, decided, kept,
 * answer begun) and answered with HTTP 200, faults too. Large answers are pulled from files while
 * the network takes them. One log line for each message, one event in the store for a refused one.
 *
 *   http_server ► job: osci_transport_open ► osci_message_read ► osci_intermediary_handle
 *                      ► osci_message_write ► http_server
 *
 * Source: OSCI 1.2 digest 10, 2.0.3; wire-notes 2.
 */
#pragma once

#include "certs/identity.h"
#include "certs/trust.h"
#include "gateway/config.h"
#include "gateway/log.h"
#include "gateway/loop.h"
#include "gateway/store.h"

struct gw_osci_server;

/* All borrowed for the server's life, conf const. */
struct gw_osci_server_setup {
    struct gw_loop *loop;
    struct gw_store *store;
    struct gw_log *log;
    const struct gw_osci_server_conf *conf;
    const struct gw_policy_conf *policy;
    const struct gw_limits_conf *limits;
    const char *tenant;    /* for events and rows; may be NULL */
    const char *spool_dir; /* for bodies too large for memory */
    const struct identity *identity;
    const struct trust *trust; /* of certificates in orders */
    struct rng *rng;           /* thread-safe */
    /* After a delivery was stored, on the loop: somebody in this house may want to fetch it. May
     * be NULL. mailbox: SHA-256 of the addressee's cipher certificate. */
    void (*delivered)(void *ctx, const uint8_t mailbox[GW_SHA256_BYTES]);
    void *delivered_ctx;
};

/* Listens on all listeners of the configuration at once. ST_RETRY, ST_DENIED: an address cannot be
 * had; ST_INVALID, ST_NOT_FOUND: a certificate cannot be read. The text names it. */
MUST_CHECK enum status gw_osci_server_new(const struct gw_osci_server_setup *setup,
                                          struct gw_osci_server **server, struct error *err);
/* No new connections; what runs has grace_ms. Call it on the loop, in a stop hook at the latest. */
void gw_osci_server_close(struct gw_osci_server *server, int64_t grace_ms);
/* After gw_loop_run has returned. */
void gw_osci_server_free(struct gw_osci_server *server);
DROP_DEFINE(gw_osci_server_drop, struct gw_osci_server, gw_osci_server_free)
/* The port of listener i, for tests with port 0. */
uint16_t gw_osci_server_port(const struct gw_osci_server *server, size_t i);

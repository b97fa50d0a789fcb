/*
 * gateway/osci_server.h - the intermediary's door: OSCI over HTTP and HTTPS
 *
 * A POST with an OSCI message is spooled, handled in one worker job (opened, read, decided, kept,
 * answer begun) and answered with HTTP 200, faults too. Large answers are pulled from files while
 * the network takes them. One log line for each message, one event in the store for a refused one;
 * events of refusals are bounded by the minute, the log has them all.
 *
 *   http_server ► job: osci_transport_open ► osci_message_read ► osci_intermediary_handle
 *                      ► osci_message_write ► http_server
 *
 * forwardDelivery and mediateDelivery take two jobs, with a call to the recipient on the loop
 * between them, so that no worker waits for the network.
 *
 * A storeDelivery in chunks is carried out by a job of its own when its last chunk has come
 * (gateway/assembly.h); the answer waits for it as long as osci_server.chunk_timeout_s says.
 * One process can be several intermediaries (gateway/osci_tenant.h), told apart by the path of the
 * URL, or by listeners of their own.
 *
 * What is too old leaves the mailboxes once an hour, by the days of the configuration.
 *
 * Source: OSCI 1.2 digest 10, 2.0.3, 5.6; wire-notes 2.
 */
#pragma once

#include "gateway/osci_tenant.h"

struct gw_osci_server;

/*
 * Listens on all listeners of rt->conf->osci_server at once; rt is borrowed for the server's life.
 * delivered, which may be NULL, is called on the loop after a delivery was stored: somebody in this
 * house may want to fetch it. ST_RETRY, ST_DENIED: an address cannot be had; ST_INVALID,
 * ST_NOT_FOUND: a certificate cannot be read. The text names it.
 */
MUST_CHECK enum status
gw_osci_server_new(const struct gw_runtime *rt,
                   void (*delivered)(void *ctx, const uint8_t mailbox[GW_SHA256_BYTES]), void *ctx,
                   struct gw_osci_server **server, struct error *err);
/* No new connections; what runs has grace_ms. Once, on the loop, in a stop hook at the latest. */
void gw_osci_server_close(struct gw_osci_server *server, int64_t grace_ms);
/* After gw_loop_run has returned. */
void gw_osci_server_free(struct gw_osci_server *server);
DROP_DEFINE(gw_osci_server_drop, struct gw_osci_server, gw_osci_server_free)
/* The port of common listener i, for tests with port 0. */
uint16_t gw_osci_server_port(const struct gw_osci_server *server, size_t i);
/* The tenants, the block itself first where it is one; const after gw_osci_server_new. Borrowed. */
size_t gw_osci_server_tenants(const struct gw_osci_server *server);
const struct gw_osci_tenant *gw_osci_server_tenant(const struct gw_osci_server *server, size_t i);
/* The port of the first listener where tenant i is found. */
uint16_t gw_osci_server_tenant_port(const struct gw_osci_server *server, size_t i);

/*
 * gateway/xta_server.h - the XTA server: HTTPS with client certificates, in front of the boxes
 *
 *   http_server ► account ► spool ► job: xta_request_read, contents to a stage ► party ► operation
 *               ► xta_answer_write or xta_fault_write ► http_server, contents from files
 *
 * Each port of each version has a path of its own; GET with ?wsdl or ?xsd=NAME says what is offered
 * there. One log line for each request; what was refused is an event, too, bounded by the minute.
 *
 * Source: XTA 2 digest 3 to 6.
 */
#pragma once

#include "gateway/runtime.h"

struct gw_requests;
struct gw_xta_server;

/*
 * Listens on all listeners of rt->conf->xta_server at once; rt is borrowed for its life and has a
 * tenant. sent, which may be NULL, is called on the loop when a message waits in the outbox. Errors
 * as gw_doors_new, gw_xta_accounts_new.
 */
MUST_CHECK enum status gw_xta_server_new(const struct gw_runtime *rt, struct gw_requests *requests,
                                         void (*sent)(void *ctx), void *ctx,
                                         struct gw_xta_server **server, struct error *err);
/* No new connections; what runs has grace_ms. Once, on the loop, in a stop hook at the latest. */
void gw_xta_server_close(struct gw_xta_server *server, int64_t grace_ms);
/* After gw_loop_run has returned. */
void gw_xta_server_free(struct gw_xta_server *server);
DROP_DEFINE(gw_xta_server_drop, struct gw_xta_server, gw_xta_server_free)
/* The port of listener i, for tests with port 0. */
uint16_t gw_xta_server_port(const struct gw_xta_server *server, size_t i);

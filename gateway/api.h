/*
 * gateway/api.h - the local interface: HTTP and JSON over a UNIX socket
 *
 * What it says and takes is written down in docs/openapi.yaml; whoever changes one changes the
 * other. A request is looked at on the loop (path, method, rights, announced size), then runs as a
 * worker job, which alone touches the store; its answer goes out from the loop again.
 *
 * Rights: the kernel names the caller's uid. Root, our own user and api.admins may do everything;
 * users of an endpoint send for it and see its messages. Names become uids once, at start.
 */
#pragma once

#include "gateway/lane.h"
#include "gateway/osci_server.h"
#include "gateway/reload.h"
#include "gateway/request.h"
#include "gateway/runtime.h"

struct gw_api_server;

/*
 * Listens at once; the socket disappears when the loop stops. A stale socket is replaced. rt is
 * borrowed. Free after the loop has ended. ST_DENIED, ST_RETRY: the socket cannot be made;
 * ST_INVALID: a user in the settings does not exist.
 */
MUST_CHECK enum status gw_api_start(struct gw_runtime *rt, struct gw_api_server **server,
                                    struct error *err);
/* Whom to wake for new messages and to ask how it goes; before the loop runs. Without lanes (a pure
 * intermediary) nothing can be sent. */
void gw_api_use_lanes(struct gw_api_server *server, struct gw_lanes *lanes);
/* Whose mailboxes and keys to show; NULL: not an intermediary. Before the loop runs. */
void gw_api_use_server(struct gw_api_server *server, const struct gw_osci_server *osci);
/* Whom to tell of answers to requests; may be NULL. Before the loop runs. */
void gw_api_use_requests(struct gw_api_server *server, struct gw_requests *requests);
/* Whom to ask for new settings; may be NULL. Before the loop runs. */
void gw_api_use_reload(struct gw_api_server *server, const struct gw_reload *reload);
/* Events have been committed: who listens hears of them. Any thread. */
void gw_api_wake(struct gw_api_server *server);
void gw_api_server_free(struct gw_api_server *server);
DROP_DEFINE(gw_api_server_drop, struct gw_api_server, gw_api_server_free)

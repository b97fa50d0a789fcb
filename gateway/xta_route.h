/*
 * gateway/xta_route.h - to whom a message goes that names a reader and a service
 *
 * A reader is a party of one of our own endpoints, or stands in the directory of partners
 * (gateway/directory.h) with the services it offers. A party of ours needs no entry there; where it
 * has one, that says how its services may be used.
 *
 * Source: XTA 2 digest 7, 8, 10.
 */
#pragma once

#include "gateway/directory.h"
#include "gateway/xta_call.h"

struct gw_xta_route {
    const struct gw_endpoint_conf *endpoint;    /* one of ours; else ... */
    const struct gw_partner *partner;           /* ... a partner */
    const struct gw_directory_service *service; /* NULL: the directory says nothing of it */
};

/* Does the directory, or our own settings, know this reader, may this tenant send to it, and does
 * it offer the service? An empty service is any that may be used in this mode, else the first.
 * ST_NOT_FOUND: err says why not. Any thread. */
MUST_CHECK enum status gw_xta_route_find(const struct gw_runtime *rt, const char *tenant,
                                         struct span reader, struct span service,
                                         enum gw_directory_mode mode, struct gw_xta_route *route,
                                         struct error *err);
/* The same for a message that was sent; refuses with ParameterIsNotValid, or SyncAsync when the
 * service is not to be used in this mode. */
MUST_CHECK enum status gw_xta_route_message(struct gw_xta_call *call, enum gw_directory_mode mode,
                                            struct gw_xta_route *route, struct error *err);

/* The message that a request is about (call->message_id is set), as gw_store_xta_find. Who named no
 * party may ask for all that his account may act for. ST_NOT_FOUND 9070. */
MUST_CHECK enum status gw_xta_message_find(struct gw_xta_call *call, struct gw_tx *tx,
                                           enum gw_box box, struct gw_xta_row *xta,
                                           struct error *err);

/*
 * gateway/recipient.h - the passive recipient's door: intermediaries bring deliveries by themselves
 *
 * A POST with acceptDelivery is opened and checked, taken into the inbox like a fetched delivery,
 * and acknowledged only after that commit. The same delivery a second time is acknowledged again
 * and kept once. Who may deliver are the configured intermediaries.
 *
 *   osci_door ► job: osci_recipient_check ► gw_inbound_take ► durable ► osci_recipient_answer
 *             ► osci_visit_write ► osci_door
 *
 * processDelivery is a request: it goes to the endpoint that its subject belongs to, and is
 * answered when that has answered, or without content when it has not in time
 * (docs/decisions/0044). Where no endpoint answers it is refused with 9811, and not kept.
 *
 * Source: OSCI 1.2 digest 2.8, 2.10, 5.3.
 */
#pragma once

#include "gateway/request.h"
#include "gateway/runtime.h"

struct gw_recipient;

/* Listens on all listeners of rt->conf->osci_recipient at once; rt is borrowed for its life, and
 * has a tenant; so are requests (NULL: nobody here answers any). Errors as gw_osci_doors_new. */
MUST_CHECK enum status gw_recipient_new(const struct gw_runtime *rt, struct gw_requests *requests,
                                        struct gw_recipient **recipient, struct error *err);
/* No new connections; what runs has grace_ms. Once, on the loop, in a stop hook at the latest. */
void gw_recipient_close(struct gw_recipient *recipient, int64_t grace_ms);
/* After gw_loop_run has returned. */
void gw_recipient_free(struct gw_recipient *recipient);
DROP_DEFINE(gw_recipient_drop, struct gw_recipient, gw_recipient_free)
/* The port of listener i, for tests with port 0. */
uint16_t gw_recipient_port(const struct gw_recipient *recipient, size_t i);

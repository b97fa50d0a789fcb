/*
 * conformance/role_intermediary.h - the scenarios of the role intermediary, by what they are about
 */
#pragma once

#include "conformance/alteration.h"
#include "conformance/client.h"
#include "conformance/hostile.h"

/* orders that are right but for one thing */
struct conf_scenario_list conf_intermediary_refusals(void);
/* dialogs, MessageIds, mailboxes, Reception */
struct conf_scenario_list conf_intermediary_dialogs(void);
/* selection rules, process cards, deliveries as they were sent */
struct conf_scenario_list conf_intermediary_selections(void);
/* forwardDelivery and mediateDelivery */
struct conf_scenario_list conf_intermediary_forwards(void);
/* revoked and unknown certificates, bounds, noise */
struct conf_scenario_list conf_intermediary_hostile(void);
/* large deliveries in chunks */
struct conf_scenario_list conf_intermediary_chunks(void);

/* OSCI-082: content, attachments and certificates of what was sent are those of what came. */
void conf_look_delivery(struct conf_run *run, const struct conf_view *sent, struct conf_view *got);

/*
 * conformance/role_intermediary.h - the scenarios of the role intermediary, by what they are about
 */
#pragma once

#include "conformance/client.h"

struct conf_scenario_list {
    const struct conf_scenario *scenarios;
    size_t count;
};

/* orders that are right but for one thing */
struct conf_scenario_list conf_intermediary_refusals(void);
/* dialogs, MessageIds, mailboxes, Reception */
struct conf_scenario_list conf_intermediary_dialogs(void);

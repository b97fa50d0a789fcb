/*
 * gateway/cli_route.h - what the verbs route and routes share
 *
 * Where a message would go is found out here, in the command: from the settings file that is named,
 * the file that would be dropped, and of the daemon only what it knows of its messages and
 * destinations. So it works before a file is dropped, and for settings that are not in force.
 */
#pragma once

#include "gateway/cli_view.h"
#include "gateway/message_json.h"
#include "gateway/route.h"

/* Reads the settings without looking at other files; says what is wrong with them. 0 or the exit
 * code. */
int cli_config(struct gw_cli *cli, const char *path, const struct gw_config **config);

/* Where a message would go, and why. */
struct cli_verdict {
    struct gw_decision decision;
    const char *to;   /* the endpoint, partner or target; NULL: nowhere, or it cannot be known */
    const char *by;   /* what decided: "route", "recipient", "endpoint", "reader", "receives"; or
                       * NULL */
    struct error why; /* where it goes nowhere */
};
/* 0 or the exit code; content->payload as gw_rule_decide. */
int cli_decide(struct gw_cli *cli, const struct gw_config *config, const struct gw_facts *facts,
               struct gw_route_content *content, struct arena *arena, struct cli_verdict *verdict);

int cli_route_rehearse(struct gw_cli *cli, int argc, char **argv);
int cli_certs_rehearse(struct gw_cli *cli, int argc, char **argv);

/* gateway/rule_json.h - the table of routes, and what came of it, as the API and --json show it */
#pragma once

#include <jansson.h>

#include "gateway/rule.h"

/* Route in docs/openapi.yaml. NULL: no memory. */
json_t *gw_rule_json(const struct gw_config *conf, const struct gw_rule_conf *rule);
/* {"route", "held": "yes"|"no"|"unknown", "condition", "wanted", "found"}. NULL: no memory. */
json_t *gw_rule_trace_json(const struct gw_rule_trace *trace);

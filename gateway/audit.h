/*
 * gateway/audit.h - an audit of the history from end to end, as JSON for API and command
 *
 * {"whole": true, "head_found": null, "chains": [{"tenant": "Stadt", "events": 7, "link": 7,
 *  "seq": 9, "value": "<hex>", "cut_at": null, "broken": null}]}
 *
 * whole: every chain holds, and the head asked for was found. broken, where there is something:
 * {"what": "changed", "link": 3, "seq": 5, "missing": 0, "at": "...", "id": "..."}
 */
#pragma once

#include <jansson.h>

#include "gateway/store_audit.h"

struct gw_audit_ask {
    const char *tenant; /* NULL: all; "": events about no tenant */
    int64_t since;      /* 0: from the beginning */
    const char *head;   /* 64 hexadecimal characters, or NULL */
};

/* Blocks for as long as it takes, but holds a reader only step by step. ST_INVALID: the head is no
 * value of a chain. */
MUST_CHECK enum status gw_audit_run(struct gw_store *store, const struct gw_audit_ask *ask,
                                    json_t **answer, struct error *err);

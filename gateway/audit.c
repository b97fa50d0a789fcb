#include "gateway/audit.h"

#include <stdio.h>

#include "gateway/hex.h"
#include "gateway/message_json.h"

enum { HEX_SIZE = 2 * 32 + 1 };

static json_t *broken_json(const struct gw_audit_chain *chain)
{
    json_t *json = json_object();

    if (chain->found == GW_AUDIT_WHOLE) {
        json_decref(json);
        return json_null();
    }
    gw_json_put(&json, "what", json_string(gw_audit_break_name(chain->found)));
    gw_json_put(&json, "link", json_integer(chain->broken_link));
    gw_json_put(&json, "seq",
                chain->broken_seq == 0 ? json_null() : json_integer(chain->broken_seq));
    gw_json_put(&json, "missing", json_integer(chain->missing));
    gw_json_put(&json, "at", gw_json_time(chain->at));
    gw_json_put(&json, "id", gw_json_text(chain->message_id));
    return json;
}

static json_t *chain_json(const struct gw_audit_chain *chain)
{
    json_t *json = json_object();
    char hex[HEX_SIZE];

    for (size_t i = 0; i < 32; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", chain->value[i]);
    gw_json_put(&json, "tenant", gw_json_text(chain->tenant));
    gw_json_put(&json, "events", json_integer(chain->events));
    gw_json_put(&json, "link", json_integer(chain->link));
    gw_json_put(&json, "seq", json_integer(chain->seq));
    gw_json_put(&json, "value", json_string(hex));
    gw_json_put(&json, "cut_at", gw_json_time(chain->cut_at));
    gw_json_put(&json, "broken", broken_json(chain));
    return json;
}

static json_t *audit_json(const struct gw_audit *audit, bool head_asked)
{
    const struct gw_audit_chain *chains;
    json_t *json = json_object(), *list = json_array();
    bool head_found, whole;
    size_t count;

    chains = gw_audit_chains(audit, &count, &head_found);
    whole = head_found || !head_asked;
    for (size_t i = 0; i < count; i++) {
        whole = whole && chains[i].found == GW_AUDIT_WHOLE;
        if (json_array_append_new(list, chain_json(&chains[i])) != 0) {
            json_decref(list);
            json_decref(json);
            return NULL;
        }
    }
    gw_json_put(&json, "whole", json_boolean(whole));
    gw_json_put(&json, "head_found", head_asked ? json_boolean(head_found) : json_null());
    gw_json_put(&json, "chains", list);
    return json;
}

enum status gw_audit_run(struct gw_store *store, const struct gw_audit_ask *ask, json_t **answer,
                         struct error *err)
{
    AUTO(gw_audit_drop) struct gw_audit *audit = NULL;
    uint8_t head[32];
    bool done = false;

    if (ask->head != NULL && !gw_hex_read(span_str(ask->head), head, sizeof head))
        return error_set(err, ST_INVALID, 0, "a head has 64 hexadecimal characters");
    TRY(gw_audit_new(ask->tenant, ask->since, ask->head == NULL ? NULL : head, &audit, err));
    while (!done) {
        AUTO(gw_read_end) struct gw_tx *tx = NULL;

        TRY(gw_store_read(store, &tx, err));
        TRY(gw_audit_step(audit, tx, 0, &done, err));
    }
    *answer = audit_json(audit, ask->head != NULL);
    TRY_ALLOC(*answer, err);
    return ST_OK;
}

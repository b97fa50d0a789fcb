/* GET /v1/audit: does the chain of events hold? */
#include "gateway/api_call.h"
#include "gateway/audit.h"
#include "gateway/card.h"

enum status gw_api_audit(struct gw_api_call *call, struct error *err)
{
    struct gw_audit_ask ask = {0};
    const char *since;
    enum status st;

    if (!call->admin)
        return gw_api_problem_denied(call, NULL, err);
    TRY(gw_api_param(call, "tenant", &ask.tenant, err));
    TRY(gw_api_param(call, "head", &ask.head, err));
    TRY(gw_api_param(call, "since", &since, err));
    if (since != NULL && !gw_card_time_ms(span_str(since), &ask.since))
        return gw_api_problem_of(call, 400, GW_R_API_BAD_REQUEST, err, "detail",
                                 "since=2026-05-04T08:15:00Z");
    st = gw_audit_run(call->server->rt->store, &ask, &call->json, err);
    if (st == ST_INVALID)
        return gw_api_problem_of(call, 400, GW_R_API_BAD_REQUEST, err, "detail",
                                 "head: 64 hexadecimal characters");
    TRY(st);
    call->status = 200;
    return ST_OK;
}

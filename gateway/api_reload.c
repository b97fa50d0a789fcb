#include <stdio.h>

#include "gateway/api_call.h"
#include "gateway/reload.h"

static enum status refused(struct gw_api_call *call, const struct gw_config_report *report,
                           struct error *err)
{
    AUTO(buf_deinit) struct buf detail = {0};

    buf_init(&detail, 4096);
    gw_reload_finding(report, call->lang, &detail);
    return gw_api_problem_of(call, 422, GW_R_CONFIG_REFUSED, err, "detail", buf_cstr(&detail));
}

enum status gw_api_reload(struct gw_api_call *call, struct error *err)
{
    AUTO(gw_config_report_deinit) struct gw_config_report report = {0};
    char id[GW_SETTINGS_ID_CAP], actor[GW_API_ACTOR_SIZE];
    enum status st;

    if (!call->admin)
        return gw_api_problem_denied(call, NULL, err);
    if (call->server->reload == NULL)
        return gw_api_problem_of(call, 404, GW_R_API_NOT_FOUND, err, "path", "/v1/reload");
    gw_config_report_init(&report);
    gw_api_actor(call->uid, actor);
    st = gw_reload_ask(call->server->reload, actor, &report, id, err);
    if (st != ST_OK)
        return report.errors > 0 ? refused(call, &report, err) : st;
    call->json = json_pack("{s:s, s:I}", "settings", id, "warnings",
                           (json_int_t)(report.count - report.errors));
    TRY_ALLOC(call->json, err);
    call->status = 202;
    return ST_OK;
}

#include "gateway/api_call.h"
#include "gateway/doctor.h"

static json_t *row_json(const struct gw_doctor_row *row)
{
    json_t *json = json_object();

    gw_json_put(&json, "subject", json_string(gw_doctor_subject_name(row->subject)));
    gw_json_put(&json, "level", json_string(gw_doctor_level_name(row->level)));
    gw_json_put(&json, "name", gw_json_text(row->name));
    gw_json_put(&json, "code", gw_json_code(row->reason));
    gw_json_put(&json, "de", gw_json_text(row->de));
    gw_json_put(&json, "en", gw_json_text(row->en));
    gw_json_put(&json, "action_de", gw_json_text(row->action_de));
    gw_json_put(&json, "action_en", gw_json_text(row->action_en));
    return json;
}

enum status gw_api_doctor(struct gw_api_call *call, struct error *err)
{
    struct gw_doctor_list list = {0};
    json_t *checks;

    if (!call->admin)
        return gw_api_problem_denied(call, NULL, err);
    TRY(gw_doctor_look(call->server->rt, gw_now_ms(), &call->arena, &list, err));
    checks = json_array();
    for (size_t i = 0; i < list.count; i++)
        gw_json_append(&checks, row_json(&list.rows[i]));
    call->json = json_object();
    gw_json_put(&call->json, "checks", checks);
    TRY_ALLOC(call->json, err);
    call->status = 200;
    return ST_OK;
}

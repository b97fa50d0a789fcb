/* POST /v1/backup: a copy of the state folder while it is at work. */
#include "gateway/api_call.h"
#include "gateway/log.h"
#include "gateway/store_backup.h"

static void backup_log(const struct gw_api_call *call, const char *dir,
                       const struct gw_backup_report *report)
{
    gw_log(call->server->rt->log, GW_LOG_INFO, "backup.done", LOG_STR("path", dir),
           LOG_INT("files", report->files), LOG_INT("bytes", report->bytes),
           LOG_INT("missing", report->missing), LOG_INT("uid", call->uid));
}

/* The history tells who took a copy of everything, and where it lies. */
static enum status backup_note(struct gw_api_call *call, const char *dir, struct error *err)
{
    const struct gw_runtime *rt = call->server->rt;
    json_t *json = json_object();
    char actor[GW_API_ACTOR_SIZE];

    gw_json_put(&json, "path", gw_json_text(dir));
    {
        AUTO(free_drop) char *detail = gw_json_dump(json, JSON_COMPACT);
        const struct gw_cause cause = {.now = gw_now_ms(),
                                       .actor = actor,
                                       .en = "a backup was taken",
                                       .de = "Eine Sicherung wurde erstellt",
                                       .detail = detail};

        json_decref(json);
        gw_api_actor(call->uid, actor);
        return gw_store_commit_event(rt->store, "store.backup", NULL, NULL, &cause, err);
    }
}

enum status gw_api_backup(struct gw_api_call *call, struct error *err)
{
    struct gw_backup_report report = {0};
    const char *dir;
    enum status st;

    if (!call->admin)
        return gw_api_problem_denied(call, NULL, err);
    TRY(gw_api_param(call, "dir", &dir, err));
    if (dir == NULL || dir[0] != '/')
        return gw_api_problem_of(call, 400, GW_R_API_BAD_REQUEST, err, "detail",
                                 "dir: an absolute path");
    st = gw_store_backup(call->server->rt->store, dir, &report, err);
    if (st != ST_OK) {
        const struct error why = *err;
        const struct gw_explain_field fields[] = {{"path", dir}, {"detail", why.text}};

        gw_log(call->server->rt->log, GW_LOG_ERROR, "backup.failed", LOG_STR("path", dir),
               LOG_ERR(&why));
        return gw_api_problem(call, st == ST_DUPLICATE ? 409 : 500, GW_R_BACKUP, err, fields,
                              ARRAY_LEN(fields));
    }
    backup_log(call, dir, &report);
    TRY(backup_note(call, dir, err));
    call->json = json_object();
    gw_json_put(&call->json, "dir", gw_json_text(dir));
    gw_json_put(&call->json, "files", json_integer((json_int_t)report.files));
    gw_json_put(&call->json, "bytes", json_integer((json_int_t)report.bytes));
    gw_json_put(&call->json, "missing", json_integer((json_int_t)report.missing));
    TRY_ALLOC(call->json, err);
    call->status = 200;
    return ST_OK;
}

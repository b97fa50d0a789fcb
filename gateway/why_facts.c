#include "gateway/why_facts.h"

/* Reports of the destination by that name. */
static bool report_of(struct gw_lanes *lanes, const char *name, struct gw_lane_report *report)
{
    for (size_t i = 0; lanes != NULL && name != NULL && gw_lanes_report(lanes, i, report); i++)
        if (strcmp(report->to.name, name) == 0)
            return true;
    return false;
}

static bool destination_of(const struct gw_runtime *rt, const char *name, struct gw_destination *to)
{
    for (size_t i = 0; name != NULL && gw_destination_at(rt, i, to); i++)
        if (strcmp(to->name, name) == 0)
            return true;
    return false;
}

static const char *damaged_of(const struct gw_file_list *files)
{
    for (size_t i = 0; i < files->count; i++)
        if (files->rows[i].damaged && files->rows[i].kind == GW_FILE_PAYLOAD)
            return files->rows[i].name != NULL ? files->rows[i].name : files->rows[i].path;
    return NULL;
}

/* The message that this one waits for; none any more when it has just gone. */
static enum status ahead_of(struct gw_tx *tx, const char *id, struct arena *arena,
                            const char **ahead, struct error *err)
{
    struct gw_message_row row;
    struct error why = {0};
    enum status st = gw_store_message_ahead(tx, arena, id, &row, &why);

    if (st == ST_OK)
        *ahead = row.id;
    else if (st != ST_NOT_FOUND)
        *err = why;
    return st == ST_NOT_FOUND ? ST_OK : st;
}

enum status gw_why_message(const struct gw_runtime *rt, struct gw_lanes *lanes, struct gw_tx *tx,
                           const struct gw_message_row *row, int64_t now, struct arena *arena,
                           struct gw_why *why, struct error *err)
{
    const struct gw_endpoint_conf *endpoint =
        row->endpoint == NULL ? NULL : gw_config_endpoint(rt->conf, row->endpoint);
    struct gw_why_facts facts = {.row = row,
                                 .state_dir = rt->conf->state,
                                 .folder = endpoint == NULL ? NULL : endpoint->folder,
                                 .overdue_ms = rt->conf->retry.overdue_hours * 3600 * 1000,
                                 .now = now};
    struct gw_event_list events = {0};
    struct gw_file_list files = {0};
    struct gw_lane_report report;
    struct gw_destination to;

    TRY(gw_store_events(tx, arena, 0, row->id, NULL, NULL, GW_LIST_MAX, &events, err));
    TRY(gw_store_files(tx, arena, row->id, &files, err));
    facts.events = &events;
    facts.damaged = damaged_of(&files);
    if (destination_of(rt, row->peer, &to)) {
        facts.intermediary = to.name;
        facts.url = to.url;
        facts.timeout_seconds = to.timeout_seconds;
    }
    if (report_of(lanes, row->peer, &report) && report.last_error_at > report.last_success_at) {
        facts.trouble = report.last_error.reason;
        facts.trouble_text = arena_str(arena, span_str(report.last_error.text));
        facts.trouble_at = report.down_since != 0 ? report.down_since : report.last_error_at;
    }
    if (row->next_attempt_at == GW_HELD_AT)
        TRY(ahead_of(tx, row->id, arena, &facts.ahead, err));
    return gw_why_find(&facts, arena, why, err);
}

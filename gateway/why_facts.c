#include "gateway/why_facts.h"

#include <stdio.h>

#include "gateway/onward.h"

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

/* What an inbound message goes on as; from its hand-over on the two stand or fall together.
 * ST_NOT_FOUND: it does not go on, or has not yet. */
static enum status onward_of(struct gw_tx *tx, const struct gw_message_row *row,
                             struct arena *arena, struct gw_message_row *onward, struct error *err)
{
    const uint32_t gone_on =
        GW_STATES(GW_HANDED_OVER) | GW_STATES(GW_ACKNOWLEDGED) | GW_STATES(GW_FAILED);
    char key[sizeof GW_ONWARD_KEY + GW_ID_SIZE];

    if (row->box != GW_INBOX || (GW_STATES(row->state) & gone_on) == 0)
        return error_set(err, ST_NOT_FOUND, 0, "message %s has not gone on", row->id);
    (void)snprintf(key, sizeof key, GW_ONWARD_KEY "%s", row->id);
    return gw_store_message_by_key(tx, arena, row->tenant, NULL, key, onward, err);
}

enum status gw_why_message(const struct gw_runtime *rt, struct gw_lanes *lanes, struct gw_tx *tx,
                           const struct gw_message_row *asked, int64_t now, struct arena *arena,
                           struct gw_why *why, struct error *err)
{
    struct gw_message_row onward;
    struct error none = {0};
    enum status st = onward_of(tx, asked, arena, &onward, &none);
    const struct gw_message_row *row = st == ST_OK ? &onward : asked;
    const struct gw_endpoint_conf *endpoint =
        row->endpoint == NULL ? NULL : gw_config_endpoint(rt->conf, row->endpoint);
    struct gw_why_facts facts = {.row = row,
                                 .came_as = st == ST_OK ? asked : NULL,
                                 .state_dir = rt->conf->state,
                                 .folder = endpoint == NULL ? NULL : endpoint->folder,
                                 .overdue_ms = rt->conf->retry.overdue_hours * 3600 * 1000,
                                 .now = now};
    struct gw_event_list events = {0};
    struct gw_file_list files = {0};
    struct gw_lane_report report;
    struct gw_destination to;

    if (st != ST_OK && st != ST_NOT_FOUND) {
        *err = none;
        return st;
    }
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

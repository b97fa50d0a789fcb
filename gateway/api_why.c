/* What is the matter: of one message, or the worst things first. */
#include <stdio.h>

#include "gateway/api_call.h"
#include "gateway/why_facts.h"

enum { WORST_MAX = 200, PAGES_MAX = 10, REFUSED_MS = 7 * 24 * 60 * 60 * 1000 };

static json_t *text_json(const struct gw_why_text *t)
{
    json_t *json = json_object();

    gw_json_put(&json, "what", gw_json_text(t->what));
    gw_json_put(&json, "next", t->next[0] == '\0' ? json_null() : gw_json_text(t->next));
    gw_json_put(&json, "action", gw_json_text(t->action));
    gw_json_put(&json, "sentence", gw_json_text(t->all));
    return json;
}

static json_t *why_json(const struct gw_why *why)
{
    json_t *json = json_object();

    gw_json_put(&json, "code", gw_json_code(why->code));
    gw_json_put(&json, "side", json_string(gw_side_name(why->side)));
    gw_json_put(&json, "grade", json_string(gw_why_grade_name(why->grade)));
    gw_json_put(&json, "since", gw_json_time(why->since));
    gw_json_put(&json, "next_at", gw_json_time(why->next_at));
    gw_json_put(&json, "de", text_json(&why->de));
    gw_json_put(&json, "en", text_json(&why->en));
    return json;
}

static void message_put(json_t **json, const struct gw_message_row *row)
{
    gw_json_put(json, "id", gw_json_text(row->id));
    gw_json_put(json, "box", json_string(gw_box_name(row->box)));
    gw_json_put(json, "state", json_string(gw_state_name(row->state)));
    gw_json_put(json, "endpoint", gw_json_text(row->endpoint));
    gw_json_put(json, "partner",
                gw_json_text(row->box == GW_OUTBOX ? row->recipient : row->sender));
    gw_json_put(json, "name",
                gw_json_text(row->source_name != NULL ? row->source_name : row->subject));
}

enum status gw_api_message_why(struct gw_api_call *call, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_message_row row;
    struct gw_why why;

    TRY(gw_store_read(call->server->rt->store, &tx, err));
    TRY(gw_api_message_find(call, tx, &row, err));
    TRY(gw_why_message(call->server->rt, call->server->lanes, tx, &row, gw_now_ms(), &call->arena,
                       &why, err));
    call->json = why_json(&why);
    message_put(&call->json, &row);
    TRY_ALLOC(call->json, err);
    call->status = 200;
    return ST_OK;
}

/* ---- the worst first ---- */

struct worst {
    struct gw_api_call *call;
    struct gw_tx *tx;
    int64_t now;
    json_t *all;
};

static enum status found_add(struct worst *w, json_t *json, struct error *err)
{
    if (json == NULL || json_array_append_new(w->all, json) != 0)
        return error_set(err, ST_LIMIT, GW_R_MEMORY, "out of memory");
    return ST_OK;
}

/* Adds those of a page that are of this grade. */
static enum status page_add(struct worst *w, const struct gw_message_list *list,
                            enum gw_why_grade grade, struct arena *arena, struct error *err)
{
    const struct gw_api_call *call = w->call;

    for (size_t i = 0; i < list->count && json_array_size(w->all) < WORST_MAX; i++) {
        const struct gw_message_row *row = &list->rows[i];
        struct gw_why why;
        json_t *json;

        TRY(gw_why_message(call->server->rt, call->server->lanes, w->tx, row, w->now, arena, &why,
                           err));
        if (why.grade != grade)
            continue;
        json = why_json(&why);
        message_put(&json, row);
        TRY(found_add(w, json, err));
    }
    return ST_OK;
}

/* The oldest in one state, of one endpoint or, NULL, of all. What waits as it should is passed
 * over, within bounds. */
static enum status state_add(struct worst *w, enum gw_state state, const char *endpoint,
                             enum gw_why_grade grade, struct error *err)
{
    struct gw_filter filter = {
        .states = GW_STATES(state), .endpoint = endpoint, .oldest_first = true, .limit = WORST_MAX};
    char cursor[GW_ID_SIZE];
    bool more = true;

    for (int page = 0; more && page < PAGES_MAX && json_array_size(w->all) < WORST_MAX; page++) {
        AUTO(arena_deinit) struct arena arena = {.max = GW_API_ARENA_MAX};
        struct gw_message_list list = {0};

        TRY(gw_store_messages(w->tx, &arena, &filter, &list, err));
        TRY(page_add(w, &list, grade, &arena, err));
        more = list.more;
        if (more)
            (void)snprintf(cursor, sizeof cursor, "%s", list.cursor);
        filter.cursor = cursor;
    }
    return ST_OK;
}

/* Those in these states that somebody must look at; good and waiting ones are nobody's concern.
 * Each state for itself: many that only wait in one hide none that is in trouble in another. */
static enum status messages_add(struct worst *w, uint32_t states, enum gw_why_grade grade,
                                struct error *err)
{
    const struct gw_api_rights *rights = &w->call->server->rights;

    for (enum gw_state state = GW_NEW + 1; state < GW_STATE_COUNT; state++) {
        const char *endpoint;
        size_t at = 0;

        if ((states & GW_STATES(state)) == 0)
            continue;
        if (w->call->admin)
            TRY(state_add(w, state, NULL, grade, err));
        while (!w->call->admin &&
               (endpoint = gw_api_endpoint_next(rights, w->call->uid, &at)) != NULL)
            TRY(state_add(w, state, endpoint, grade, err));
    }
    return ST_OK;
}

/* What never became a message: files in refused/, deliveries left with the intermediary. */
static bool is_refusal(const struct gw_event_row *e)
{
    return e->message_id == NULL && e->reason != 0 &&
           (strcmp(e->kind, "spool.refused") == 0 || strcmp(e->kind, "delivery.skipped") == 0);
}

static enum status refusal_text(struct worst *w, const struct gw_event_row *e, enum gw_lang lang,
                                struct gw_why_text *t, struct error *err)
{
    const char *said = lang == GW_LANG_DE ? e->de : e->en;
    AUTO(buf_deinit) struct buf action = {0}, all = {0};
    enum gw_side side = gw_explain_find(e->reason)->side;
    const struct gw_explain_field fields[] = {
        {"file", "NAME"}, {"host", lang == GW_LANG_DE ? "der Gegenstelle" : "the other side"}};
    char code[GW_CODE_SIZE];

    buf_init(&action, 8192);
    buf_init(&all, 16384);
    gw_explain_action(&action, e->reason, lang, fields, ARRAY_LEN(fields));
    t->what = said == NULL ? "" : said;
    t->next =
        lang == GW_LANG_DE ? "von selbst geschieht nichts mehr" : "nothing more happens by itself";
    t->action = arena_str(&w->call->arena, buf_span(&action));
    buf_printf(&all,
               lang == GW_LANG_DE ? "%s Zuständig: %s; %s. %s (%s)"
                                  : "%s It is with %s; %s. %s (%s)",
               t->what, gw_side_text(side, lang), t->next, buf_cstr(&action),
               gw_explain_code(e->reason, code));
    t->all = arena_str(&w->call->arena, buf_span(&all));
    TRY_ALLOC(t->action, err);
    TRY_ALLOC(t->all, err);
    return ST_OK;
}

static enum status refusals_add(struct worst *w, struct error *err)
{
    struct gw_event_list list = {0};

    TRY(gw_store_events_newest(w->tx, &w->call->arena, NULL, NULL, GW_LIST_MAX, &list, err));
    for (size_t i = list.count; i-- > 0 && json_array_size(w->all) < WORST_MAX;) {
        const struct gw_event_row *e = &list.rows[i];
        struct gw_why why = {.code = e->reason,
                             .side = gw_explain_find(e->reason)->side,
                             .grade = GW_WHY_ACT,
                             .since = e->at};
        json_t *json;

        if (!is_refusal(e) || e->at < w->now - REFUSED_MS ||
            !gw_api_may(&w->call->server->rights, w->call->uid, e->endpoint))
            continue;
        TRY(refusal_text(w, e, GW_LANG_DE, &why.de, err));
        TRY(refusal_text(w, e, GW_LANG_EN, &why.en, err));
        json = why_json(&why);
        gw_json_put(&json, "id", json_null());
        gw_json_put(&json, "endpoint", gw_json_text(e->endpoint));
        TRY(found_add(w, json, err));
    }
    return ST_OK;
}

enum status gw_api_why(struct gw_api_call *call, struct error *err)
{
    const uint32_t over = GW_STATES(GW_FAILED) | GW_STATES(GW_EXPIRED) | GW_STATES(GW_QUARANTINED);
    const uint32_t open = GW_STATES(GW_DEFERRED) | GW_STATES(GW_UNCLEAR) | GW_STATES(GW_RECEIVED) |
                          GW_STATES(GW_OPENED) | GW_STATES(GW_HANDED_OVER) |
                          GW_STATES(GW_SUBMITTED) | GW_STATES(GW_FORWARDED) |
                          GW_STATES(GW_ACCEPTED) | GW_STATES(GW_SEALED);
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct worst w = {.call = call, .now = gw_now_ms()};

    TRY(gw_store_read(call->server->rt->store, &tx, err));
    w.tx = tx;
    call->json = json_object();
    w.all = json_array();
    gw_json_put(&call->json, "findings", w.all);
    TRY_ALLOC(call->json, err);
    TRY(messages_add(&w, over, GW_WHY_ACT, err));
    TRY(refusals_add(&w, err));
    TRY(messages_add(&w, open, GW_WHY_ACT, err));
    TRY(messages_add(&w, open, GW_WHY_TROUBLE, err));
    call->status = 200;
    return ST_OK;
}

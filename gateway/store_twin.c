#include "gateway/explain.h"
#include "gateway/onward.h"
#include "gateway/store_impl.h"
#include "osci/processcard.h"

enum { ARENA_MAX = 4 * 1024 * 1024, TEXT_MAX = 8192 };

/* A step of the other one; it may be gone, or settled in another way. */
static enum status other_move(struct gw_tx *tx, const struct gw_move *move, struct error *err)
{
    struct error why = {0};
    enum status st = gw_store_move(tx, move, NULL, &why);

    if (st == ST_OK || st == ST_NOT_FOUND || st == ST_DENIED)
        return ST_OK;
    *err = why;
    return st;
}

enum status gw_twin_acknowledged(struct gw_tx *tx, const char *message_id,
                                 const struct gw_cause *cause, struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {.max = ARENA_MAX};
    struct gw_message_row row;
    char text[OSCI_DATETIME_MAX];
    struct gw_move move = {.event = GW_EV_DELIVER, .cause = *cause};

    TRY(gw_store_message(tx, &arena, message_id, &row, err));
    if (row.peer != NULL || row.correlation == NULL)
        return ST_OK;
    osci_datetime_write(cause->now, text);
    move.id = row.correlation;
    move.reception = (struct gw_card_time){text, cause->now};
    return other_move(tx, &move, err);
}

enum status gw_twin_rejected(struct gw_tx *tx, const struct gw_message_row *row,
                             const struct gw_cause *cause, struct error *err)
{
    AUTO(buf_deinit) struct buf en = {.max = TEXT_MAX}, de = {.max = TEXT_MAX};
    struct gw_move move = {.id = row->correlation, .event = GW_EV_FAIL, .cause = *cause};
    struct gw_explain_field fields[] = {{"recipient", row->endpoint}, {"detail", cause->en}};

    if (row->peer != NULL || row->correlation == NULL)
        return ST_OK;
    gw_explain_what(&en, GW_R_DROPPED, GW_LANG_EN, fields, ARRAY_LEN(fields));
    fields[1].value = cause->de;
    gw_explain_what(&de, GW_R_DROPPED, GW_LANG_DE, fields, ARRAY_LEN(fields));
    move.cause.reason = GW_R_DROPPED;
    move.cause.en = buf_cstr(&en);
    move.cause.de = buf_cstr(&de);
    return other_move(tx, &move, err);
}

/* What becomes of the inbound message when the one it went on as takes this step. */
static bool onward_event(enum gw_event event, enum gw_event *inbound)
{
    switch (event) {
    case GW_EV_DELIVER:
        *inbound = GW_EV_ACKNOWLEDGE;
        return true;
    case GW_EV_FAIL:
    case GW_EV_EXPIRE:
    case GW_EV_CANCEL:
    case GW_EV_DAMAGE:
        *inbound = GW_EV_FAIL;
        return true;
    case GW_EV_RETRY:
        *inbound = GW_EV_HAND_OVER;
        return true;
    default:
        return false;
    }
}

enum status gw_onward_moved(struct gw_tx *tx, const struct gw_message_row *row, enum gw_event event,
                            const struct gw_cause *cause, struct error *err)
{
    struct gw_move move = {.id = row->correlation, .cause = *cause};

    if (row->box != GW_OUTBOX || row->correlation == NULL ||
        !span_starts(span_str(row->client_key), SPAN(GW_ONWARD_KEY)) ||
        !onward_event(event, &move.event))
        return ST_OK;
    return other_move(tx, &move, err);
}

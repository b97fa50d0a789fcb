/*
 * cancelMessage (version 3): a message that was to wait for its time never goes.
 *
 * Source: XTA 2 digest 5, 8.
 */
#include "gateway/explain.h"
#include "gateway/xta_route.h"

struct cancelling {
    struct gw_xta_call *call;
    struct gw_xta_row xta;
    int64_t now;
};

static enum status denied(struct cancelling *c, int number, struct error *err, const char *sentence)
{
    return gw_xta_refuse(c->call, ST_DENIED, XTA_CANCEL_DENIED, number, err, "%s", sentence);
}

/* One transaction looks and acts: no lane can take the message in between. */
static enum status cancel_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    struct cancelling *c = ctx;
    const struct gw_xta_times times = {.cancelled_at = c->now};
    const struct gw_move move = {
        .id = c->xta.message_id,
        .event = GW_EV_CANCEL,
        .cause = {.now = c->now,
                  .actor = c->call->actor,
                  .reason = GW_R_CANCELLED,
                  .en = "cancelled by its author before it was sent (cancelMessage)",
                  .de = "Vom Autor vor dem Versand zurückgezogen (cancelMessage)"}};

    TRY(gw_store_move(tx, &move, NULL, err));
    return gw_store_xta_times(tx, c->xta.message_id, &times, err);
}

static enum status find(struct cancelling *c, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    TRY(gw_store_read(c->call->rt->store, &tx, err));
    return gw_xta_message_find(c->call, tx, GW_OUTBOX, &c->xta, err);
}

enum status gw_xta_cancel(struct gw_xta_call *call, struct error *err)
{
    struct cancelling c = {.call = call, .now = gw_now_ms()};
    struct error why = {0};
    enum status st;

    st = find(&c, &why);
    if (st == ST_NOT_FOUND) /* no InvalidMessageID is declared for this operation */
        return gw_xta_refuse(call, ST_INVALID, XTA_PARAMETER_NOT_VALID, XTA_N_UNSPECIFIED, err,
                             "there is no message with this id");
    if (st != ST_OK) {
        *err = why;
        return st;
    }
    if (c.xta.not_before == 0)
        return denied(&c, XTA_N_NO_NOT_BEFORE, err, "NotBefore was not set");
    if (c.xta.not_before <= c.now)
        return denied(&c, XTA_N_TOO_LATE, err, "NotBefore has passed");
    st = gw_store_commit(call->rt->store, cancel_commit, &c, &why);
    if (st == ST_DENIED)
        return denied(&c, XTA_N_TOO_LATE, err, "the message is not waiting any more");
    if (st != ST_OK)
        *err = why;
    return st;
}

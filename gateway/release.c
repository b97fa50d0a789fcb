#include "gateway/release.h"

#include "gateway/inbound.h"
#include "gateway/reason.h"

/* The endpoint that receives it today; NULL: none. */
static const char *endpoint_today(const struct gw_runtime *rt, const struct gw_message_row *row,
                                  const struct gw_route_in *route)
{
    const bool osci = row->peer == NULL || gw_runtime_peer(rt, row->peer) != NULL;
    const struct gw_endpoint_conf *e = route->endpoint;

    if (e == NULL && route->rule == NULL)
        e = gw_inbound_endpoint(rt->conf, row->tenant,
                                span_str(osci ? row->subject : row->message_type));
    return e == NULL ? NULL : e->name;
}

enum status gw_release_make(const struct gw_runtime *rt, const struct gw_message_row *row,
                            const struct gw_file_list *files, struct gw_release *r,
                            struct error *err)
{
    struct gw_route_in route = {0};
    enum status st;

    r->moves[0].event = GW_EV_RETRY;
    r->moves[1].event = GW_EV_OPEN;
    if (row->endpoint != NULL && row->endpoint[0] != '\0')
        return ST_OK;
    st = gw_route_kept(rt, row, &route, err);
    if (st == ST_NOT_FOUND || (st == ST_OK && route.recipient == NULL)) {
        r->moves[0].endpoint = endpoint_today(rt, row, &route);
        if (r->moves[0].endpoint != NULL)
            return ST_OK;
        return error_set(err, ST_DENIED, GW_R_NO_ENDPOINT_FOR_TYPE, "%s",
                         row->subject == NULL ? "" : row->subject);
    }
    TRY(st);
    st = gw_onward_make(rt, row, files->rows, files->count, &route, gw_now_ms(), &r->onward, err);
    if (st == ST_NOT_FOUND) { /* one of its files */
        err->status = st = ST_DENIED;
        err->reason = GW_R_STORE_DAMAGED;
    }
    return st;
}

void gw_release_deinit(struct gw_release *release)
{
    gw_onward_deinit(&release->onward);
}

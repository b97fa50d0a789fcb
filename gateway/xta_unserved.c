/* Operations that are not offered here. */
#include "gateway/xta_call.h"

static enum status unserved(struct gw_xta_call *call, struct error *err)
{
    return gw_xta_refuse(call, ST_DENIED,
                         call->version == XTA_V5 ? XTA_NOT_IMPLEMENTED : XTA_TECHNICAL_PROBLEM,
                         XTA_N_INTERNAL, err, "the operation is not offered here");
}

enum status gw_xta_send_sync(struct gw_xta_call *call, struct error *err)
{
    return unserved(call, err);
}

enum status gw_xta_deliver(struct gw_xta_call *call, struct error *err)
{
    return unserved(call, err);
}

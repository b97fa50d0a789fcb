/* sendMessage: durable in the outbox, then the empty answer. */
#include "gateway/xta_sending.h"

enum status gw_xta_send(struct gw_xta_call *call, struct error *err)
{
    AUTO(gw_xta_sending_deinit) struct gw_xta_sending s = {.call = call};

    TRY(gw_xta_sending_check(&s, GW_DIRECTORY_ASYNCHRONOUS, err));
    return gw_xta_sending_commit(&s, NULL, err);
}

/* OSCI intermediaries as destinations. */
#include "gateway/carrier.h"
#include "gateway/lane.h"

void gw_osci_destination(const struct gw_peer *peer, struct gw_destination *to)
{
    const struct gw_intermediary_conf *conf = peer->conf;

    *to = (struct gw_destination){.carrier = &gw_osci_carrier,
                                  .peer = peer,
                                  .name = conf->name,
                                  .url = conf->url,
                                  .poll_seconds = conf->poll_seconds,
                                  .receipt_poll_seconds = conf->receipt_poll_seconds,
                                  .timeout_seconds = conf->timeout_seconds,
                                  .fetch = conf->fetch,
                                  .mailboxes = peer->tenant == NULL ? 0 : peer->tenant->own_count};
}

static bool destination(const struct gw_runtime *rt, size_t i, struct gw_destination *to)
{
    if (i < rt->peer_count)
        gw_osci_destination(&rt->peers[i], to);
    return i < rt->peer_count;
}

static void *talk_new(const struct gw_runtime *rt, const struct gw_destination *to)
{
    struct gw_conversation *talk = malloc(sizeof *talk);

    if (talk != NULL)
        gw_conversation_init(talk, rt, to->peer);
    return talk;
}

static enum status message_send(void *talk, const struct gw_message_row *row, bool outage_known,
                                bool *moved, struct error *err)
{
    struct gw_conversation *c = talk;

    c->outage_known = outage_known;
    return gw_outbound_send(c, row, moved, err);
}

/* The dialog stays open from message to message. */
static bool talk_pause(void *talk)
{
    struct gw_conversation *c = talk;

    if (c->dialog.state != OSCI_READY)
        return false;
    gw_conversation_close(c);
    return true;
}

static enum status fetch(const struct gw_runtime *rt, const struct gw_destination *to,
                         struct gw_detour *detour, size_t *count, struct error *err)
{
    return gw_inbound_fetch_all(rt, to->peer, detour, count, err);
}

static enum status receipts(const struct gw_runtime *rt, const struct gw_destination *to,
                            struct error *err)
{
    return gw_receipts_fetch(rt, to->peer, err);
}

const struct gw_carrier gw_osci_carrier = {
    .destination = destination,
    .talk_new = talk_new,
    .talk_free = free,
    .send = message_send,
    .pause = talk_pause,
    .fetch = fetch,
    .receipts = receipts,
};

#include "gateway/xta_client.h"

#include "gateway/log.h"

enum { ARENA_MAX = 4 * 1024 * 1024 };

const struct gw_xta_party_conf *gw_xta_party_conf(const struct gw_xta_peer *peer,
                                                  const char *endpoint)
{
    const struct gw_xta_party_conf *found = NULL;

    for (unsigned i = 0; i < peer->conf->parties_count; i++) {
        const struct gw_xta_party_conf *p = &peer->conf->parties[i];

        if (p->endpoint == NULL && found == NULL)
            found = p;
        if (p->endpoint != NULL && endpoint != NULL && strcmp(p->endpoint, endpoint) == 0)
            found = p;
    }
    return found;
}

static struct span text(const char *s)
{
    return s == NULL ? SPAN_NONE : span_str(s);
}

struct xta_party gw_xta_party(const struct gw_xta_party_conf *conf)
{
    return (struct xta_party){.value = text(conf->value),
                              .scheme = text(conf->scheme),
                              .name = text(conf->name),
                              .category = text(conf->category)};
}

static enum status account_ask(const struct gw_xta_server_talk *talk,
                               const struct gw_xta_party_conf *party, struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {0};
    AUTO(gw_xta_exchange_deinit)
    struct gw_xta_exchange x = {.arena = &arena,
                                .request = {.operation = XTA_CHECK_ACCOUNT_ACTIVE,
                                            .has_party = true,
                                            .party = gw_xta_party(party)}};

    arena_init(&arena, ARENA_MAX);
    return gw_xta_ask(talk, &x, err);
}

enum status gw_xta_account_check(const struct gw_xta_server_talk *talk, struct error *err)
{
    const struct gw_xta_peer_conf *conf = talk->peer->conf;

    if (talk->peer->memory->account_active)
        return ST_OK;
    for (unsigned i = 0; i < conf->parties_count; i++)
        TRY(account_ask(talk, &conf->parties[i], err));
    talk->peer->memory->account_active = true;
    gw_log(talk->rt->log, GW_LOG_INFO, "xta.account_active", LOG_STR("peer", conf->name));
    return ST_OK;
}

/* ---- the carrier ---- */

/* A lane's: the destination beside what the others need. */
struct lane_talk {
    struct gw_xta_server_talk base;
    struct gw_destination to;
};

static bool destination(const struct gw_runtime *rt, size_t i, struct gw_destination *to)
{
    const struct gw_xta_peer_conf *conf;

    if (i >= rt->xta_peer_count)
        return false;
    conf = rt->xta_peers[i].conf;
    *to = (struct gw_destination){.carrier = &gw_xta_carrier,
                                  .peer = &rt->xta_peers[i],
                                  .name = conf->name,
                                  .url = conf->version == GW_XTA_VERSION_3 ? conf->urls.send
                                                                           : conf->urls.sender,
                                  .poll_seconds = conf->poll_seconds,
                                  .receipt_poll_seconds = conf->receipt_poll_seconds,
                                  .timeout_seconds = conf->timeout_seconds,
                                  .fetch = conf->fetch};
    return true;
}

static void *talk_new(const struct gw_runtime *rt, const struct gw_destination *to)
{
    struct lane_talk *talk = malloc(sizeof *talk);

    if (talk != NULL)
        *talk = (struct lane_talk){.base = {.rt = rt, .peer = to->peer}, .to = *to};
    return talk;
}

static enum status message_send(void *ctx, const struct gw_message_row *row, bool outage_known,
                                bool *moved, struct error *err)
{
    const struct lane_talk *talk = ctx;

    return gw_xta_message_send(&talk->base, &talk->to, row, outage_known, moved, err);
}

/* Connections are kept by the HTTP client; there is no dialog. */
static bool talk_pause(void *talk)
{
    (void)talk;
    return false;
}

static enum status fetch(const struct gw_runtime *rt, const struct gw_destination *to,
                         struct gw_detour *detour, size_t *count, struct error *err)
{
    const struct gw_xta_server_talk talk = {.rt = rt, .peer = to->peer};

    TRY(gw_xta_account_check(&talk, err));
    return gw_xta_box_fetch(&talk, detour, count, err);
}

static enum status receipts(const struct gw_runtime *rt, const struct gw_destination *to,
                            struct error *err)
{
    const struct gw_xta_server_talk talk = {.rt = rt, .peer = to->peer};

    TRY(gw_xta_account_check(&talk, err));
    return gw_xta_reports_fetch(&talk, err);
}

const struct gw_carrier gw_xta_carrier = {
    .destination = destination,
    .talk_new = talk_new,
    .talk_free = free,
    .send = message_send,
    .pause = talk_pause,
    .fetch = fetch,
    .receipts = receipts,
};

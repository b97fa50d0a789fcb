/* In: what waits in our mailboxes, one after the other or several at a time. */
#include "gateway/chunks.h"
#include "gateway/convoy.h"
#include "gateway/inbound.h"
#include "gateway/lane.h"
#include "gateway/log.h"

enum { FETCH_MAX = 10000, SHUT_MS = 10 * 60 * 1000 };
enum { ROUNDS_MAX = GW_DETOUR_AFTER + FETCH_MAX / GW_DETOUR_MAX };

/* The delivery with this id; NULL: the one that waits longest. */
static enum status fetch_id(struct gw_conversation *talk, struct span *id, bool *fresh,
                            struct error *err)
{
    struct osci_cert certs[2];
    struct osci_message msg = {.type = OSCI_FETCH_DELIVERY, .certs = certs};
    AUTO(gw_answer_deinit) struct gw_answer answer = {0};
    enum status st;

    if (id != NULL)
        msg.selection = (struct osci_selection){.by = OSCI_SELECT_IDS, .ids = id, .id_count = 1};
    TRY(gw_exchange(talk, &msg, &answer, err));
    st = gw_inbound_take(talk->rt, talk->peer, &answer, NULL, fresh, err);
    if (st != ST_OK)
        gw_conversation_abandon(talk); /* digest 3.5 (3): it must not count as received */
    return st;
}

/* In chunks where the intermediary offers that; one that does not keep its promise is asked in the
 * ordinary way, in a new dialog if need be. */
static enum status fetch_next(struct gw_conversation *talk, bool *fresh, struct error *err)
{
    bool declined = false;
    enum status st;

    if (!gw_chunk_fetch_wanted(talk))
        return fetch_id(talk, NULL, fresh, err);
    st = gw_chunk_fetch(talk, fresh, &declined, err);
    if (!declined)
        return st;
    TRY(gw_conversation_again(talk, err));
    st = fetch_id(talk, NULL, fresh, err);
    if (st == ST_OK || st == ST_NOT_FOUND)
        gw_chunk_fetch_declined(talk);
    return st;
}

/* The mailbox is full, and nothing was in the way lately. row: so many came one by one. */
static bool convoy_wanted(const struct gw_conversation *talk, const struct gw_detour *detour,
                          unsigned row)
{
    return row >= GW_CONVOY_AFTER && talk->peer->conf->fetch_at_once > 1 &&
           gw_monotonic_ms() >= detour->alone_until;
}

/* asked: counts those that were asked for. */
static enum status convoy(struct gw_conversation *talk, struct gw_detour *detour, unsigned *row,
                          int *asked, size_t *count, struct error *err)
{
    struct gw_convoy c;
    enum status st = gw_convoy_fetch(talk, &c, err);

    *count += c.fresh;
    *asked += (int)c.listed;
    if (c.alone_ms > 0)
        detour->alone_until = gw_monotonic_ms() + c.alone_ms;
    if (c.listed < GW_CONVOY_MIN)
        *row = 0;
    return st;
}

/* The oldest first, until there is none or something is wrong. */
static enum status fetch_all(const struct gw_runtime *rt, const struct gw_peer *peer,
                             struct gw_detour *detour, size_t *count, struct error *err)
{
    struct gw_conversation talk;
    enum status st = ST_OK;
    unsigned row = 0;

    gw_conversation_init(&talk, rt, peer);
    TRY(gw_conversation_open(&talk, err));
    for (int i = 0; i < FETCH_MAX && st == ST_OK && !gw_loop_stopping(rt->loop); i++) {
        bool fresh = false;

        if (convoy_wanted(&talk, detour, row)) {
            st = convoy(&talk, detour, &row, &i, count, err);
            continue;
        }
        st = gw_conversation_again(&talk, err);
        if (st == ST_OK)
            st = fetch_next(&talk, &fresh, err);
        *count += fresh;
        row++;
    }
    gw_conversation_close(&talk);
    return st;
}

enum status gw_inbound_round(const struct gw_runtime *rt, const struct gw_peer *peer,
                             struct gw_detour *detour, size_t *count, struct error *err)
{
    enum status st;

    if (gw_detour_wanted(detour))
        return gw_detour_fetch(detour, rt, peer, fetch_id, count, err);
    st = fetch_all(rt, peer, detour, count, err);
    gw_detour_note(detour, st, err);
    return st == ST_NOT_FOUND ? ST_OK : st; /* an empty mailbox is the normal end */
}

enum status gw_inbound_fetch(const struct gw_runtime *rt, const struct gw_peer *peer,
                             struct gw_detour *detour, size_t *count, struct error *err)
{
    enum status st = ST_OK;
    bool again = true;

    for (int i = 0; i < ROUNDS_MAX && again; i++) {
        const unsigned failures = detour->failures;
        const size_t before = *count;
        const bool round_about = gw_detour_wanted(detour);

        st = gw_inbound_round(rt, peer, detour, count, err);
        again = (detour->failures > failures || (round_about && *count > before)) &&
                !gw_loop_stopping(rt->loop);
    }
    return st;
}

/* A mailbox of another generation. */
static enum status fetch_other(const struct gw_runtime *rt, const struct gw_peer *peer,
                               const struct cert *cipher, struct gw_detour *detour, size_t *count,
                               struct error *err)
{
    struct gw_peer other = *peer;
    enum status st;

    if (detour->shut > gw_monotonic_ms())
        return ST_OK;
    detour->shut = 0;
    other.as = cipher;
    st = gw_inbound_fetch(rt, &other, detour, count, err);
    if (st != ST_DENIED)
        return st;
    gw_log(rt->log, GW_LOG_DEBUG, "mailbox.shut", LOG_STR("peer", peer->conf->name),
           LOG_STR("certificate", cert_fingerprint(cipher)), LOG_ERR(err));
    detour->shut = gw_monotonic_ms() + SHUT_MS;
    return ST_OK;
}

enum status gw_inbound_fetch_all(const struct gw_runtime *rt, const struct gw_peer *peer,
                                 struct gw_detour *detours, size_t *count, struct error *err)
{
    const struct gw_tenant *tenant = peer->tenant; /* who has nobody has no mailbox */
    const struct cert *current = identity_cipher(tenant->identity, gw_now_ms())->cert;
    struct error why = {0};
    enum status st = ST_OK, worst = ST_OK;

    for (size_t i = 0; i < tenant->own_count && !gw_loop_stopping(rt->loop); i++) {
        if (cert_eq(tenant->own[i].cert, current))
            st = gw_inbound_fetch(rt, peer, &detours[i], count, &why);
        else
            st = fetch_other(rt, peer, tenant->own[i].cert, &detours[i], count, &why);
        if (st == ST_OK)
            continue;
        worst = st;
        *err = why;
        if (st == ST_RETRY) /* the way there: no better for the next */
            break;
    }
    return worst;
}

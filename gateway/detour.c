#include "gateway/detour.h"

#include <stdio.h>

#include "gateway/card.h"
#include "gateway/log.h"
#include "gateway/outbound.h"

enum { ARENA_MAX = 4 * 1024 * 1024 };

void gw_detour_deinit(struct gw_detour *d)
{
    for (size_t i = 0; i < d->count; i++)
        free(d->rows[i].id);
    *d = (struct gw_detour){0};
}

/* The ordinary way is open again. */
static void forget(struct gw_detour *d)
{
    const int64_t alone_until = d->alone_until;

    gw_detour_deinit(d);
    d->alone_until = alone_until;
}

bool gw_detour_unusable(enum status st, const struct error *err)
{
    return st != ST_OK && st != ST_NOT_FOUND &&
           (err->reason == GW_R_NET_ANSWER || (err->reason >= 9000 && err->reason <= 9999));
}

void gw_detour_note(struct gw_detour *d, enum status st, const struct error *err)
{
    if (gw_detour_unusable(st, err))
        d->failures++;
    else if (st == ST_OK || st == ST_NOT_FOUND)
        forget(d);
}

bool gw_detour_wanted(const struct gw_detour *d)
{
    return d->failures >= GW_DETOUR_AFTER;
}

size_t gw_detour_skipped(const struct gw_detour *d)
{
    size_t count = 0;

    for (size_t i = 0; i < d->count; i++)
        count += d->rows[i].failures >= GW_DETOUR_TRIES;
    return count;
}

static struct gw_detour_row *row_of(struct gw_detour *d, const char *id)
{
    for (size_t i = 0; i < d->count; i++)
        if (strcmp(d->rows[i].id, id) == 0)
            return &d->rows[i];
    return NULL;
}

/* One more failure of this one. There is no room for more than GW_DETOUR_MAX: those are tried again
 * and again. */
static struct gw_detour_row *row_count(struct gw_detour *d, const char *id)
{
    struct gw_detour_row *row = row_of(d, id);

    if (row == NULL && d->count < GW_DETOUR_MAX) {
        row = &d->rows[d->count];
        *row = (struct gw_detour_row){.id = strdup(id), .seen = true};
        if (row->id == NULL)
            return NULL;
        d->count++;
    }
    if (row == NULL)
        return NULL;
    row->failures++;
    row->again_at = gw_monotonic_ms() + GW_DETOUR_REST_MS;
    return row;
}

void gw_detour_end(struct gw_detour *d)
{
    size_t kept = 0;

    for (size_t i = 0; i < d->count; i++) {
        if (d->rows[i].seen)
            d->rows[kept++] = d->rows[i];
        else
            free(d->rows[i].id);
    }
    d->count = kept;
}

/* For the operator, once. */
static void tell(const struct gw_runtime *rt, const char *destination, const char *id,
                 const struct error *why)
{
    struct gw_cause cause = {.now = gw_now_ms(), .actor = "inbound", .reason = why->reason};
    AUTO(buf_deinit) struct buf de = {0}, en = {0};
    struct error err = {0};

    buf_init(&de, 4096);
    buf_init(&en, 4096);
    buf_printf(&de,
               "Die Zustellung %s bei %s kann nicht angenommen werden und bleibt dort liegen: %s",
               id, destination, why->text);
    buf_printf(&en, "The delivery %s at %s cannot be accepted and is left there: %s", id,
               destination, why->text);
    cause.de = buf_cstr(&de);
    cause.en = buf_cstr(&en);
    gw_log(rt->log, GW_LOG_ERROR, "delivery.skipped", LOG_STR("peer", destination),
           LOG_STR("message_id", id), LOG_ERR(why));
    if (gw_store_commit_event(rt->store, "delivery.skipped",
                              gw_config_destination_tenant(rt->conf, destination), NULL, &cause,
                              &err) != ST_OK)
        gw_log(rt->log, GW_LOG_ERROR, "store.write_failed", LOG_ERR(&err));
}

void gw_detour_failed(struct gw_detour *d, const struct gw_runtime *rt, const char *destination,
                      const char *id, const struct error *why)
{
    const struct gw_detour_row *row = row_count(d, id);

    if (row != NULL && row->failures == GW_DETOUR_TRIES)
        tell(rt, destination, id, why);
}

bool gw_detour_left(const struct gw_detour *d, const char *id)
{
    for (size_t i = 0; i < d->count; i++)
        if (strcmp(d->rows[i].id, id) == 0)
            return d->rows[i].failures >= GW_DETOUR_TRIES &&
                   gw_monotonic_ms() < d->rows[i].again_at;
    return false;
}

void gw_detour_begin(struct gw_detour *d)
{
    for (size_t i = 0; i < d->count; i++)
        d->rows[i].seen = false;
}

void gw_detour_seen(struct gw_detour *d, const char *id)
{
    struct gw_detour_row *row = row_of(d, id);

    if (row != NULL)
        row->seen = true;
}

static enum status cards_fetch(const struct gw_runtime *rt, const struct gw_peer *peer,
                               struct gw_answer *answer, struct error *err)
{
    struct gw_conversation talk;
    enum status st;

    gw_conversation_init(&talk, rt, peer);
    TRY(gw_conversation_open(&talk, err));
    st = gw_card_waiting(&talk, OSCI_SELECT_RECEPTION, GW_DETOUR_MAX, answer, err);
    if (st == ST_NOT_FOUND || (st == ST_OK && answer->reading->msg.card_count >= GW_DETOUR_MAX)) {
        /* Not all are listed, and these may be the same each time; or it does not go by that time.
         */
        gw_answer_deinit(answer);
        *answer = (struct gw_answer){0};
        st = gw_card_waiting(&talk, OSCI_SELECT_MODIFIED, GW_DETOUR_MAX, answer, err);
    }
    gw_conversation_close(&talk);
    return st;
}

/* After an answer that cannot be used nothing more may be said in a dialog: the next takes a new
 * one. */
static enum status one_fetch(struct gw_detour *d, struct gw_conversation *talk,
                             enum status (*fetch)(struct gw_conversation *talk, struct span *id,
                                                  bool *fresh, struct error *err),
                             struct span id, const char *text, size_t *count, struct error *err)
{
    bool fresh = false;
    enum status st;

    TRY(gw_conversation_again(talk, err));
    st = fetch(talk, &id, &fresh, err);
    *count += fresh;
    if (st == ST_NOT_FOUND)
        return ST_OK;
    if (!gw_detour_unusable(st, err))
        return st;
    gw_detour_failed(d, talk->rt, talk->peer->conf->name, text, err);
    return gw_detour_left(d, text) ? ST_OK : st;
}

/* Those that the cards name and that are not left there, one after the other. */
static enum status cards_follow(struct gw_detour *d, struct gw_conversation *talk,
                                enum status (*fetch)(struct gw_conversation *talk, struct span *id,
                                                     bool *fresh, struct error *err),
                                const struct osci_message *cards, size_t *count, struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {0};
    enum status last = ST_OK;

    arena_init(&arena, ARENA_MAX);
    for (size_t i = 0; i < cards->card_count && !gw_loop_stopping(talk->rt->loop); i++) {
        struct span id = cards->cards[i].message_id;
        struct error why = {0};
        const char *text;
        enum status st;

        TRY(gw_osci_id_text(id, &arena, &text, err));
        gw_detour_seen(d, text);
        if (gw_detour_left(d, text))
            continue;
        st = one_fetch(d, talk, fetch, id, text, count, &why);
        if (st == ST_OK)
            continue;
        *err = why;
        if (!gw_detour_unusable(st, &why))
            return st; /* the network, say */
        last = st;
    }
    gw_detour_end(d);
    return last;
}

enum status gw_detour_fetch(struct gw_detour *d, const struct gw_runtime *rt,
                            const struct gw_peer *peer,
                            enum status (*fetch)(struct gw_conversation *talk, struct span *id,
                                                 bool *fresh, struct error *err),
                            size_t *count, struct error *err)
{
    AUTO(gw_answer_deinit) struct gw_answer answer = {0};
    struct gw_conversation talk;
    enum status st = cards_fetch(rt, peer, &answer, err);

    if (st == ST_NOT_FOUND) {
        forget(d); /* nothing waits: from now on as usual */
        return ST_OK;
    }
    TRY(st);
    gw_detour_begin(d);
    gw_conversation_init(&talk, rt, peer);
    st = cards_follow(d, &talk, fetch, &answer.reading->msg, count, err);
    gw_conversation_close(&talk);
    if (d->count == 0)
        d->failures = 0;
    return st;
}

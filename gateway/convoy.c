#define _GNU_SOURCE 1 /* pthread_cond_clockwait */
#include "gateway/convoy.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "gateway/card.h"
#include "gateway/chunks.h"
#include "gateway/detour.h"
#include "gateway/inbound.h"
#include "gateway/log.h"

enum { ALONE_MS = 10 * 60 * 1000, LARGE_MS = 5 * 60 * 1000 };
/* Who waits longer for those before him leaves his place and what lies behind it: the others'
 * dialogs end where nothing is said in them. */
enum { TURN_MS = 10 * 1000 };
/* Listed, and not there when they are asked for: more, and the list is not to be gone by. */
enum { GONE_MAX = 8 };

/* One list of deliveries and those who fetch them. */
struct list {
    const struct gw_runtime *rt;
    const struct gw_peer *peer;
    struct span ids[GW_CONVOY_MAX]; /* in the order of the mailbox */
    size_t count;
    bool chunks;
    const struct identity_pair *signs; /* as in the conversation that has the list: */
    const struct cert *reads;          /* it is about one mailbox */
    pthread_mutex_t lock;              /* protects the rest */
    pthread_cond_t moved;
    size_t next;     /* the first that nobody has in hand */
    size_t turn;     /* the first that is not durable */
    size_t end;      /* what lies behind is left there */
    int64_t last_at; /* of the last place */
    size_t fresh, gone;
    bool large;       /* what ended it comes in chunks */
    bool alone;       /* a dialog beside the first was not to be had */
    enum status st;   /* what ended it, */
    struct error why; /* and why */
};

/* One of them in somebody's hand. */
struct place {
    struct list *list;
    size_t n;
    int64_t at;
    bool fresh, large;
};

/* ---- the order ---- */

/* The next to fetch; times and so the gateway's ids grow with the order. */
static bool place_take(struct list *l, struct place *p)
{
    bool is;

    pthread_mutex_lock(&l->lock);
    is = l->next < l->end && !gw_loop_stopping(l->rt->loop);
    if (is) {
        const int64_t now = gw_now_ms();

        l->last_at = now > l->last_at ? now : l->last_at + 1;
        *p = (struct place){.list = l, .n = l->next++, .at = l->last_at};
    }
    pthread_mutex_unlock(&l->lock);
    return is;
}

/* Waits for those before; the lock is held. False: one of them failed, or it lasts too long; the
 * first waits for nobody. */
static bool turn_wait(const struct place *p)
{
    struct list *l = p->list;
    struct timespec until;
    int rc = 0;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += TURN_MS / 1000;
    while (l->turn < p->n && p->n < l->end && rc == 0)
        rc = pthread_cond_clockwait(&l->moved, &l->lock, CLOCK_MONOTONIC, &until);
    if (l->turn < p->n && p->n < l->end)
        l->end = p->n;
    return p->n < l->end;
}

/* For gw_inbound_take: may it be committed now? */
static enum status turn(void *ctx, struct error *err)
{
    const struct place *p = ctx;
    bool may;

    pthread_mutex_lock(&p->list->lock);
    may = turn_wait(p);
    pthread_mutex_unlock(&p->list->lock);
    return may ? ST_OK : error_set(err, ST_RETRY, 0, "one before it could not be taken");
}

static void place_done(const struct place *p, enum status st, const struct error *err)
{
    struct list *l = p->list;

    pthread_mutex_lock(&l->lock);
    l->fresh += p->fresh;
    if (st == ST_OK && turn_wait(p)) {
        l->turn = p->n + 1;
    } else if (st != ST_OK && p->n < l->end) {
        l->end = p->n;
        l->large = p->large;
        l->st = st;
        l->why = *err;
    }
    pthread_cond_broadcast(&l->moved);
    pthread_mutex_unlock(&l->lock);
}

/* ---- one delivery ---- */

/* The first is asked for as what waits longest: so it shows whether the list begins there. */
static enum status ask(const struct place *p, struct gw_conversation *talk,
                       struct gw_answer *answer, struct error *err)
{
    struct span *id = p->n == 0 ? NULL : &p->list->ids[p->n];
    struct osci_cert certs[2];
    struct osci_message msg = {.type = OSCI_FETCH_DELIVERY, .certs = certs};

    if (p->list->chunks)
        return gw_chunk_ask(talk, id, answer, err);
    if (id != NULL)
        msg.selection = (struct osci_selection){.by = OSCI_SELECT_IDS, .ids = id, .id_count = 1};
    return gw_exchange(talk, &msg, answer, err);
}

static enum status gone(struct list *l, struct error *err)
{
    bool many;

    pthread_mutex_lock(&l->lock);
    many = ++l->gone > GONE_MAX;
    pthread_mutex_unlock(&l->lock);
    return many ? error_set(err, ST_INVALID, GW_R_NET_ANSWER,
                            "more than %d that are listed wait no longer", GONE_MAX)
                : ST_OK;
}

/* An intermediary may not know the selection, and give what waits longest. */
static enum status delivery_check(struct place *p, const struct osci_message *msg,
                                  struct error *err)
{
    p->large = msg->type != OSCI_RSP_FETCH_DELIVERY;
    if (p->large)
        return error_set(err, ST_RETRY, GW_R_NET_ANSWER, "a delivery that comes in chunks");
    if (msg->card_count == 0 || !span_eq(msg->cards[0].message_id, p->list->ids[p->n]))
        return error_set(err, ST_INVALID, GW_R_NET_ANSWER,
                         "another delivery than the one that was asked for");
    return ST_OK;
}

static enum status place_fetch(struct place *p, struct gw_conversation *talk, struct error *err)
{
    const struct gw_inbound_as as = {.turn = turn, .turn_ctx = p, .at = p->at};
    AUTO(gw_answer_deinit) struct gw_answer answer = {0};
    enum status st = ask(p, talk, &answer, err);

    if (st == ST_NOT_FOUND)
        return gone(p->list, err);
    TRY(st);
    st = delivery_check(p, &answer.reading->msg, err);
    if (st == ST_OK)
        st = gw_inbound_take(talk->rt, talk->peer, &answer, &as, &p->fresh, err);
    if (st != ST_OK)
        gw_conversation_abandon(talk); /* digest 3.5 (3): it must not count as received */
    return st;
}

/* ---- those who fetch ---- */

static void work(struct list *l, struct gw_conversation *talk)
{
    struct place p;
    enum status st = ST_OK;

    while (st == ST_OK && place_take(l, &p)) {
        struct error err = {0};

        st = place_fetch(&p, talk, &err);
        place_done(&p, st, &err);
    }
}

static void alone(struct list *l, const struct error *why)
{
    gw_log(l->rt->log, GW_LOG_DEBUG, "dialog.refused", LOG_STR("peer", l->peer->conf->name),
           LOG_ERR(why));
    pthread_mutex_lock(&l->lock);
    l->alone = true;
    pthread_mutex_unlock(&l->lock);
}

static void *beside(void *arg)
{
    struct list *l = arg;
    struct gw_conversation talk;
    struct error err = {0};

    gw_conversation_init(&talk, l->rt, l->peer);
    talk.signs = l->signs;
    talk.reads = l->reads;
    if (gw_conversation_open(&talk, &err) == ST_OK)
        work(l, &talk);
    else
        alone(l, &err);
    gw_conversation_close(&talk);
    return NULL;
}

/* The thread of the lane and some beside it, no more than there is work for. */
static void all_work(struct list *l, struct gw_conversation *talk)
{
    pthread_t threads[GW_CONVOY_WIDTH_MAX];
    size_t wanted = (size_t)l->peer->conf->fetch_at_once, started = 0;

    if (wanted > l->count / GW_CONVOY_EACH)
        wanted = l->count / GW_CONVOY_EACH;
    while (started + 1 < wanted && pthread_create(&threads[started], NULL, beside, l) == 0)
        started++;
    work(l, talk);
    for (size_t i = 0; i < started; i++)
        (void)pthread_join(threads[i], NULL);
}

/* ---- the whole ---- */

/* Do they stand in the order in which they came in? A token says its time in its own way, and whole
 * seconds do not say who was first within one. */
static bool in_order(const struct osci_message *msg)
{
    int64_t last = INT64_MIN;

    for (size_t i = 0; i < msg->card_count; i++) {
        const struct osci_time *creation = &msg->cards[i].creation;
        int64_t at;

        if (creation->cryptographic || !gw_card_time_ms(creation->text, &at) || at < last ||
            (at == last && memchr(creation->text.ptr, '.', creation->text.len) == NULL))
            return false;
        last = at;
    }
    return true;
}

static enum status list_fill(struct list *l, const struct osci_message *msg, struct error *err)
{
    if (!in_order(msg))
        return error_set(err, ST_INVALID, GW_R_NET_ANSWER, "process cards in no order");
    for (size_t i = 0; i < msg->card_count && l->count < GW_CONVOY_MAX; i++)
        if (msg->cards[i].reception.text.len == 0)
            l->ids[l->count++] = msg->cards[i].message_id;
    l->end = l->count;
    return ST_OK;
}

static enum status list_work(struct list *l, struct gw_conversation *talk, struct error *err)
{
    AUTO(gw_answer_deinit) struct gw_answer cards = {0};
    enum status st = gw_card_waiting(talk, OSCI_SELECT_RECEPTION, GW_CONVOY_MAX, &cards, err);

    if (st == ST_NOT_FOUND)
        return ST_OK;
    TRY(st);
    TRY(list_fill(l, &cards.reading->msg, err));
    if (l->count < GW_CONVOY_MIN)
        return ST_OK;
    l->chunks = gw_chunk_fetch_wanted(talk);
    all_work(l, talk);
    if (l->st != ST_OK)
        *err = l->why;
    else if (l->fresh == 0 && l->turn == l->count) /* nothing is found by its id, say */
        return error_set(err, ST_INVALID, GW_R_NET_ANSWER, "nothing new by the process cards");
    return l->st;
}

enum status gw_convoy_fetch(struct gw_conversation *talk, struct gw_convoy *convoy,
                            struct error *err)
{
    struct list l = {.rt = talk->rt,
                     .peer = talk->peer,
                     .signs = talk->signs,
                     .reads = talk->reads,
                     .lock = PTHREAD_MUTEX_INITIALIZER,
                     .moved = PTHREAD_COND_INITIALIZER};
    enum status st = list_work(&l, talk, err);

    pthread_cond_destroy(&l.moved);
    pthread_mutex_destroy(&l.lock);
    *convoy = (struct gw_convoy){.listed = l.count, .fresh = l.fresh};
    if (l.large)
        convoy->alone_ms = LARGE_MS;
    else if (l.alone || (st != ST_OK && gw_detour_unusable(st, err)))
        convoy->alone_ms = ALONE_MS;
    if (st == ST_OK || !gw_detour_unusable(st, err))
        return st;
    gw_log(talk->rt->log, GW_LOG_INFO, "mailbox.one_by_one",
           LOG_STR("peer", talk->peer->conf->name), LOG_ERR(err));
    return ST_OK;
}

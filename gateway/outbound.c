#include "gateway/outbound.h"

#include "gateway/attempt.h"
#include "gateway/card.h"
#include "gateway/chunks.h"
#include "gateway/inbound.h"
#include "gateway/log.h"
#include "gateway/reason.h"
#include "gateway/recheck.h"

/* One attempt; everything in it lives as long as the attempt. */
struct attempt {
    struct gw_attempt base;
    const struct gw_peer *peer;
    struct gw_parties parties;
    struct gw_conversation *talk;
    struct arena arena;
    struct gw_file_list files;
    const char *osci_id; /* under which it was, or will be, sent; NULL: none yet */
    int refused_with;    /* the code after which the process card is asked for; 0: none */
    bool is_sealed;      /* its state by now */
};

/* ---- sealing ---- */

static const struct gw_file_row *sealed_of(const struct attempt *a)
{
    for (size_t i = 0; i < a->files.count; i++)
        if (a->files.rows[i].kind == GW_FILE_SEALED)
            return &a->files.rows[i];
    return NULL;
}

static enum status files_load(struct attempt *a, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    TRY(gw_store_read(a->base.rt->store, &tx, err));
    return gw_store_files(tx, &a->arena, a->base.row->id, &a->files, err);
}

struct seal_commit {
    struct gw_move move;
};

static enum status seal_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    struct seal_commit *c = ctx;

    TRY(gw_store_files_remove(tx, c->move.id, GW_FILE_SEALED, err));
    TRY(gw_store_files_remove(tx, c->move.id, GW_FILE_ATTACHMENT, err));
    return gw_store_move(tx, &c->move, NULL, err);
}

/* A reader's certificate must be good before anything is written for it: digest 11.2. */
static enum status reader_check(const struct attempt *a, const struct cert *reader,
                                struct error *err)
{
    struct cert_verdict v;

    TRY(cert_checker_check(gw_trust_checker(a->base.partner->trust), reader, CERT_FOR_OSCI_CIPHER,
                           a->base.now, &v, err));
    if (v.must_wait)
        return error_set(err, ST_RETRY, gw_recheck_reason(&v), "%s", v.reason);
    if (cert_verdict_good(&v))
        return ST_OK;
    return error_set(err, ST_DENIED,
                     v.online == CERT_ONLINE_REVOKED ? GW_R_CERT_REVOKED
                     : v.expired                     ? GW_R_CERT_EXPIRED
                     : v.not_yet_valid               ? GW_R_CERT_NOT_YET
                     : v.usage_wrong                 ? GW_R_CERT_PURPOSE
                                                     : GW_R_CERT_UNTRUSTED,
                     "%s", v.reason);
}

static enum status seal(struct attempt *a, struct error *err)
{
    AUTO(gw_stage_drop) struct gw_stage *stage = NULL;
    const struct gw_file_row *sealed = sealed_of(a);
    struct seal_commit commit = {
        .move = gw_attempt_move(&a->base, a->is_sealed ? GW_EV_NOTE : GW_EV_SEAL)};

    if (gw_chunks_begun(&a->files))
        return ST_OK; /* what was begun is finished as it began: its chunks are out already */
    if (sealed != NULL && sealed->ref != NULL && strcmp(sealed->ref, a->parties.ref) == 0)
        return ST_OK;
    if (a->is_sealed) {
        commit.move.cause.en = "it is sealed anew, since certificates have changed";
        commit.move.cause.de = "Sie wird neu verschlossen, da sich Zertifikate geändert haben";
    }
    TRY(gw_stage_new(a->base.rt->store, a->base.row->id, &stage, err));
    TRY(gw_outbound_seal(a->base.rt, &a->parties, &a->files, stage, err));
    TRY(gw_stage_publish(stage, err));
    commit.move.files = gw_stage_files(stage, &commit.move.file_count);
    TRY(gw_store_commit(a->base.rt->store, seal_commit, &commit, err));
    gw_stage_done(stage);
    a->is_sealed = true;
    return files_load(a, err);
}

/* ---- the MessageId ---- */

static enum status note_id(struct attempt *a, const char *osci_id, struct error *err)
{
    struct gw_move move = gw_attempt_move(&a->base, GW_EV_NOTE);

    move.osci_message_id = osci_id;
    move.cause.en = "the intermediary has given a MessageId";
    move.cause.de = "Der Intermediär hat eine MessageId vergeben";
    return gw_store_commit_move(a->base.rt->store, &move, NULL, err);
}

static enum status id_forget_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct gw_move *move = ctx;

    TRY(gw_store_files_remove(tx, move->id, GW_FILE_FRAME, err));
    return gw_store_move(tx, move, NULL, err);
}

/* The next attempt takes a new one, and what has this one in it is of no use. */
static enum status id_forget(struct attempt *a, struct error *err)
{
    struct gw_move move = gw_attempt_move(&a->base, GW_EV_NOTE);

    a->osci_id = NULL;
    move.osci_message_id = "";
    move.cause.en = "the next attempt takes a new MessageId";
    move.cause.de = "Der nächste Versuch verwendet eine neue MessageId";
    return gw_store_commit(a->base.rt->store, id_forget_commit, &move, err);
}

/* Asks for one, and keeps it before it is used: a crash must not lose which id we sent under. */
static enum status message_id(struct attempt *a, struct span *id, struct error *err)
{
    struct osci_cert certs[2];
    struct osci_message msg = {.type = OSCI_GET_MESSAGE_ID, .certs = certs};
    AUTO(gw_answer_deinit) struct gw_answer answer = {0};
    const char *text;

    if (a->osci_id != NULL)
        return gw_osci_id_bytes(a->osci_id, &a->arena, id, err);
    TRY(gw_exchange(a->talk, &msg, &answer, err));
    if (answer.reading->msg.message_id.len == 0)
        return error_set(err, ST_RETRY, GW_R_NET_ANSWER, "the intermediary gave no MessageId");
    *id = arena_span(&a->arena, answer.reading->msg.message_id);
    TRY_ALLOC(id->ptr, err);
    TRY(gw_osci_id_text(*id, &a->arena, &text, err));
    TRY(note_id(a, text, err));
    a->osci_id = text;
    return ST_OK;
}

/* ---- storeDelivery, forwardDelivery ---- */

enum gw_way gw_outbound_way(const struct gw_message_row *row, const struct gw_partner *partner)
{
    return row->delivery != GW_WAY_DEFAULT ? row->delivery
                                           : (enum gw_way)(partner->conf->delivery + 1);
}

static enum gw_way way_of(const struct attempt *a)
{
    return gw_outbound_way(a->base.row, a->base.partner);
}

/* The intermediary brings it, and its answer shows the card. */
static bool forwards(const struct attempt *a)
{
    return a->base.partner != NULL && way_of(a) != GW_WAY_STORE;
}

/* The settings may have changed since the message was accepted. */
static enum status way_check(const struct attempt *a, struct error *err)
{
    if (forwards(a) && a->base.partner->conf->receiver_url == NULL)
        return error_set(err, ST_DENIED, GW_R_CONFIG_WAY_URL, "%s has no receiver_url",
                         a->base.partner->conf->name);
    if (way_of(a) == GW_WAY_MEDIATE && a->peer->conf->dialog != GW_DIALOG_EXPLICIT)
        return error_set(err, ST_DENIED, GW_R_CONFIG_WAY_DIALOG, "%s has implicit dialogs",
                         a->peer->conf->name);
    return ST_OK;
}

/* The same in chunks. */
static enum status deliver_chunks(struct attempt *a, const struct osci_message *msg,
                                  struct gw_answer *answer, struct error *err)
{
    struct gw_chunk_send send = {
        .talk = a->talk, .row = a->base.row, .files = &a->files, .order = msg, .arena = &a->arena};
    enum status st = gw_chunks_send(&send, answer, err);
    const struct error why = *err;

    a->base.in_doubt = send.may_be_complete;
    if (send.forget) {
        TRY(id_forget(a, err));
        *err = why;
    }
    return st;
}

static enum status deliver_whole(struct attempt *a, struct osci_message *msg,
                                 struct gw_answer *answer, struct error *err)
{
    enum status st = gw_exchange(a->talk, msg, answer, err);

    a->base.in_doubt = !answer->proven && a->talk->maybe_received;
    return st;
}

static enum status deliver(struct attempt *a, struct span id, struct gw_answer *answer,
                           struct error *err)
{
    AUTO(gw_sealed_deinit) struct gw_sealed d = {0};
    struct osci_message msg = {.type = OSCI_STORE_DELIVERY,
                               .certs = a->parties.certs,
                               .cert_count = a->parties.cert_count,
                               .creation = OSCI_QUALITY_PLAIN,
                               .reception = OSCI_QUALITY_PLAIN,
                               .message_id = id,
                               .has_package = true};

    TRY(gw_chunks_fit(a->talk, &a->files, err));
    TRY(gw_sealed_load(a->base.rt, &a->files, &a->arena, &d, err));
    if (a->base.row->subject != NULL)
        msg.subject = span_str(a->base.row->subject);
    if (forwards(a)) {
        msg.type = way_of(a) == GW_WAY_FORWARD ? OSCI_FORWARD_DELIVERY : OSCI_MEDIATE_DELIVERY;
        msg.receiver_uri = span_str(a->base.partner->conf->receiver_url);
    }
    msg.package = buf_span(&d.package);
    msg.customs = d.customs;
    msg.custom_count = d.custom_count;
    msg.attachments = d.attachments;
    msg.attachment_count = d.count;
    if (!forwards(a) && gw_chunks_wanted(a->talk, &a->files))
        return deliver_chunks(a, &msg, answer, err);
    return deliver_whole(a, &msg, answer, err);
}

/* The card of what we sent; a mediateDelivery's answer shows that of the reply, too. */
static const struct osci_card *own_card(const struct osci_message *msg)
{
    for (size_t i = 0; i < msg->card_count; i++)
        if (!msg->cards[i].is_reply)
            return &msg->cards[i];
    return NULL;
}

/* How far the card says the message has come. */
static enum gw_event card_event(const struct osci_message *msg)
{
    const struct osci_card *card = own_card(msg);

    return card == NULL                        ? GW_EV_SUBMIT
           : card->reception.text.ptr != NULL  ? GW_EV_DELIVER
           : card->forwarding.text.ptr != NULL ? GW_EV_FORWARD
                                               : GW_EV_SUBMIT;
}

/* What the operator should know of a delivery that went well: 3802, 3803. */
static int warning_of(const struct osci_message *msg)
{
    for (size_t i = 0; i < msg->feedback_count; i++)
        if (span_is(msg->feedback[i].code, "3802") || span_is(msg->feedback[i].code, "3803"))
            return span_is(msg->feedback[i].code, "3802") ? 3802 : 3803;
    return 0;
}

/* The reply to a mediateDelivery and our message's step in one commit: neither without the other.
 */
static enum status reply_take(struct attempt *a, const struct gw_answer *answer,
                              const struct gw_move *move, struct error *err)
{
    const struct gw_inbound_as as = {.reply_to = a->base.row, .along = move};
    bool fresh;
    enum status st = gw_inbound_take(a->base.rt, a->peer, answer, &as, &fresh, err);

    if (st != ST_OK)
        gw_conversation_abandon(a->talk); /* it must not count as received */
    return st;
}

/* Keeps the signed answer as evidence and moves on, with what the process card says. note: a reason
 * that the history explains, 0: none. */
static enum status submitted(struct attempt *a, const struct gw_answer *answer, int note,
                             struct error *err)
{
    AUTO(gw_stage_drop) struct gw_stage *stage = NULL;
    AUTO(gw_sentences_deinit) struct gw_sentences said = {0};
    const struct osci_message *msg = &answer->reading->msg;
    const struct osci_card *card = own_card(msg);
    struct gw_move move = gw_attempt_move(&a->base, forwards(a) ? card_event(msg) : GW_EV_SUBMIT);

    a->base.in_doubt = true; /* until what we know is durable */
    move.attempted = true;
    if (note != 0) {
        gw_attempt_sentences(&a->base, &(struct error){.reason = note}, &said);
        move.cause.reason = note;
        move.cause.en = buf_cstr(&said.en);
        move.cause.de = buf_cstr(&said.de);
    }
    if (card != NULL)
        TRY(gw_card_apply(card, &a->arena, &move, err));
    TRY(gw_stage_new(a->base.rt->store, a->base.row->id, &stage, err));
    TRY(gw_stage_add_source(stage, GW_FILE_EVIDENCE, "submitted.mime", "multipart/related",
                            osci_type_name(msg->type), gw_answer_source(answer), err));
    TRY(gw_stage_publish(stage, err));
    move.files = gw_stage_files(stage, &move.file_count);
    if (msg->type == OSCI_RSP_MEDIATE_DELIVERY && msg->has_package)
        TRY(reply_take(a, answer, &move, err));
    else
        TRY(gw_store_commit_move(a->base.rt->store, &move, NULL, err));
    a->base.in_doubt = false;
    gw_stage_done(stage);
    gw_log(a->base.rt->log, GW_LOG_INFO,
           move.event == GW_EV_DELIVER   ? "message.delivered"
           : move.event == GW_EV_FORWARD ? "message.forwarded"
                                         : "message.submitted",
           LOG_STR("id", a->base.row->id), LOG_STR("peer", a->peer->conf->name),
           LOG_INT("attempt", a->base.row->attempts + 1), LOG_INT("ms", gw_now_ms() - a->base.now));
    return ST_OK;
}

/* ---- what came of it? ---- */

/* The dialog of the message before is good for this one, too; after a failure it takes another, and
 * after a switch of certificates: the order names those that the contents were signed with. */
static enum status talk_ready(struct attempt *a, struct error *err)
{
    if (a->talk->dialog.state == OSCI_READY && gw_conversation_is_of(a->talk, a->base.now))
        return ST_OK;
    gw_conversation_close(a->talk);
    gw_conversation_init(a->talk, a->base.rt, a->peer);
    gw_conversation_as_of(a->talk, a->base.now);
    if (a->peer->conf->dialog != GW_DIALOG_EXPLICIT && !gw_chunks_large(a->peer->conf, &a->files))
        return ST_OK; /* each order by itself; what is large asks first what the peer can do */
    return gw_conversation_open(a->talk, err);
}

enum finding {
    FOUND_NOTHING, /* no such delivery: it did not arrive */
    FOUND_DENIED,  /* the intermediary does not say */
    FOUND_STUCK,   /* the intermediary has it, and has not brought it to the recipient */
    FOUND_AWAY,    /* it went to the recipient, and nothing says that it got there */
    FOUND_TAKEN,   /* the message has moved on accordingly */
};

static enum status card_judge(struct attempt *a, struct span id, const struct gw_answer *answer,
                              enum finding *found, struct error *err)
{
    const struct osci_message *msg = &answer->reading->msg;
    int note = 0;

    *found = FOUND_NOTHING;
    if (msg->card_count == 0 || !span_eq(msg->cards[0].message_id, id) ||
        msg->cards[0].creation.text.ptr == NULL)
        return ST_OK;
    *found = FOUND_STUCK;
    if (forwards(a) && card_event(msg) == GW_EV_SUBMIT)
        return ST_OK;
    if (forwards(a) && card_event(msg) == GW_EV_FORWARD && a->refused_with == 0) {
        *found = FOUND_AWAY; /* the intermediary may bring it again, or will say 9801 */
        return ST_OK;
    }
    if (a->refused_with == 9806)
        note = 9806;
    else if (forwards(a) && way_of(a) == GW_WAY_MEDIATE && card_event(msg) == GW_EV_DELIVER)
        note = GW_R_REPLY_NONE; /* the intermediary keeps no replies */
    TRY(submitted(a, answer, note, err));
    *found = FOUND_TAKEN;
    return ST_OK;
}

/* In the dialog that is open, NULL: in one of its own. */
static enum status card_ask_as(struct attempt *a, const struct gw_peer *peer,
                               struct gw_conversation *talk, struct span id, enum finding *found,
                               struct error *err)
{
    AUTO(gw_answer_deinit) struct gw_answer answer = {0};
    struct gw_conversation own;
    enum status st = ST_OK;

    gw_conversation_init(&own, a->base.rt, peer);
    if (talk == NULL) {
        talk = &own;
        st = gw_conversation_open(&own, err);
    }
    if (st == ST_OK)
        st = gw_card_fetch(talk, &id, 1, &answer, err);
    gw_conversation_close(&own);
    if (st == ST_NOT_FOUND || (st == ST_DENIED && answer.proven)) {
        *found = st == ST_DENIED ? FOUND_DENIED : FOUND_NOTHING;
        st = ST_OK;
    } else if (st == ST_OK) {
        st = card_judge(a, id, &answer, found, err);
    }
    return st;
}

/* The process card of this id. Cards are shown to whose certificates they name, so we ask under our
 * others, too: the order may have gone out before a switch. FOUND_DENIED where one of them was
 * refused and none was shown it. */
static enum status card_ask(struct attempt *a, struct span id, enum finding *found,
                            struct error *err)
{
    struct gw_conversation *open = a->talk->dialog.state == OSCI_READY ? a->talk : NULL;
    const struct identity_pair *pairs[IDENTITY_CIPHERS_MAX];
    size_t count = identity_ciphers_named(a->peer->tenant->identity, gw_now_ms(), pairs);
    const struct cert *asked = open != NULL ? open->reads : pairs[0]->cert;
    bool denied;

    a->base.in_doubt = true;
    TRY(card_ask_as(a, a->peer, open, id, found, err));
    denied = *found == FOUND_DENIED;
    for (size_t i = 0; i < count && (*found == FOUND_NOTHING || *found == FOUND_DENIED); i++) {
        struct gw_peer other = *a->peer;
        enum status st;

        other.as = pairs[i]->cert;
        if (cert_eq(other.as, asked))
            continue;
        st = card_ask_as(a, &other, NULL, id, found, err);
        if (st != ST_OK && st != ST_DENIED)
            return st;
        if (st == ST_DENIED) /* we are not known by that one there */
            *found = FOUND_DENIED;
        denied = denied || *found == FOUND_DENIED;
    }
    if (*found == FOUND_NOTHING && denied)
        *found = FOUND_DENIED;
    a->base.in_doubt = false;
    return ST_OK;
}

/* It did not arrive, or the next order tells: under the same id it is taken once. */
static enum status cleared_up(struct attempt *a, enum finding found, struct error *err)
{
    struct gw_move move = gw_attempt_move(&a->base, GW_EV_SEAL);

    move.cause.en = "by its process card it did not arrive; it is sent once more";
    move.cause.de = "Laut Laufzettel ist sie nicht angekommen; sie wird noch einmal gesendet";
    if (found == FOUND_DENIED) {
        move.cause.en = "its process card is not shown to us; it is sent once more, by the same id";
        move.cause.de = "Ihr Laufzettel wird uns nicht gezeigt; sie wird unter derselben Kennung "
                        "noch einmal gesendet";
    }
    TRY(gw_store_commit_move(a->base.rt->store, &move, NULL, err));
    a->is_sealed = true;
    return ST_OK;
}

/* An id that was sent under before: what came of that is asked before anything is sent again. */
static enum status doubt_resolve(struct attempt *a, bool *taken, struct error *err)
{
    enum finding found;
    struct span id;

    *taken = false;
    if (a->osci_id == NULL)
        return ST_OK;
    a->base.in_doubt = true;
    TRY(gw_osci_id_bytes(a->osci_id, &a->arena, &id, err));
    TRY(talk_ready(a, err));
    TRY(card_ask(a, id, &found, err));
    *taken = found == FOUND_TAKEN;
    if (found == FOUND_STUCK) /* the id is used, and the recipient has not got it */
        TRY(id_forget(a, err));
    return *taken || a->base.row->state != GW_UNCLEAR ? ST_OK : cleared_up(a, found, err);
}

/* 9801: did an earlier order of ours get through after all? (digest 4.1) 9806: when did it? */
static enum status used_before(struct attempt *a, struct span id, struct error *err)
{
    enum finding found;

    a->refused_with = err->reason;
    TRY(card_ask(a, id, &found, err));
    if (found == FOUND_TAKEN)
        return ST_OK;
    if (a->refused_with == 9806) /* whatever the card says: it must not be sent again */
        return error_set(err, ST_DENIED, 9806, "the recipient returned no content");
    if (found == FOUND_DENIED) { /* it has something under this id, maybe ours */
        a->base.in_doubt = true;
        return error_set(err, ST_RETRY, 9801, "the MessageId is used, its card is not shown to us");
    }
    TRY(id_forget(a, err)); /* it knows nothing of this id: the next attempt takes a new one */
    return error_set(err, ST_RETRY, 9801, "the intermediary does not know this MessageId any more");
}

/* The recipient has not got it, and the id is used: the next attempt takes a new one. */
static enum status not_arrived(struct attempt *a, struct error *err)
{
    const struct error why = *err;

    TRY(id_forget(a, err));
    *err = why;
    return err->status = ST_RETRY;
}

/* What an order that was refused in a signed answer comes to. */
static enum status order_refused(struct attempt *a, struct span id, const struct gw_answer *answer,
                                 struct error *err)
{
    if (err->reason == 9801)
        return used_before(a, id, err);
    if (!forwards(a))
        return err->status;
    if (err->reason == 9808 || err->reason == 9809)
        return not_arrived(a, err);
    if (err->reason == 9810)
        return submitted(a, answer, 9810, err);
    if (err->reason == 9806)
        return used_before(a, id, err);
    return err->status;
}

static enum status attempt(struct attempt *a, struct error *err)
{
    AUTO(gw_answer_deinit) struct gw_answer answer = {0};
    struct span id;
    enum status st;
    bool taken;

    a->base.partner = a->base.row->recipient == NULL
                          ? NULL
                          : gw_runtime_partner(a->base.rt, a->base.row->recipient);
    TRY(gw_attempt_tenant(&a->base, a->talk->peer->conf->tenant, err));
    TRY(doubt_resolve(a, &taken, err));
    if (taken)
        return ST_OK;
    if (a->base.partner == NULL)
        return error_set(err, ST_DENIED, GW_R_PARTNER_UNKNOWN, "no partner named %s is configured",
                         a->base.row->recipient == NULL ? "" : a->base.row->recipient);
    TRY(gw_parties_of(a->base.rt, a->base.partner, a->base.row->endpoint, a->base.now, &a->arena,
                      &a->parties, err));
    for (size_t i = 0; i < a->parties.reader_count; i++)
        TRY(reader_check(a, a->parties.readers[i].cert, err));
    TRY(way_check(a, err));
    TRY(files_load(a, err));
    TRY(seal(a, err));
    TRY(talk_ready(a, err));
    TRY(message_id(a, &id, err));
    st = deliver(a, id, &answer, err);
    if (st != ST_OK && answer.proven)
        return order_refused(a, id, &answer, err);
    TRY(st);
    return submitted(a, &answer, warning_of(&answer.reading->msg), err);
}

/*
 * For good is only what cannot change by waiting: our own content or settings, and an order that
 * the intermediary refused in an answer it signed. Everything else is tried until the message
 * expires.
 */
static enum gw_event event_of(enum status st, const struct error *err)
{
    bool refused = err->reason >= 9600 && err->reason <= 9999;
    bool ours = err->reason >= GW_R_SPOOL_NO_ROUTE && err->reason < GW_R_NET_NAME;
    bool large = err->reason == GW_R_MESSAGE_TOO_LARGE;
    bool cert = err->reason == GW_R_CERT_UNTRUSTED || err->reason == GW_R_CERT_PURPOSE ||
                err->reason == GW_R_CERT_EXPIRED;

    if (st == ST_DENIED && err->reason == GW_R_STORE_DAMAGED)
        return GW_EV_DAMAGE;
    return st == ST_DENIED && (refused || ours || cert || large) && err->reason != 9801
               ? GW_EV_FAIL
               : GW_EV_DEFER;
}

/* Dialogs are kept from message to message, and peers forget them: the same attempt goes on in a
 * new one, and asks first what came of the old. Once: who forgets that, too, has other trouble. */
static enum status in_new_dialog(struct attempt *a, struct error *err)
{
    gw_log(a->base.rt->log, GW_LOG_DEBUG, "dialog.forgotten", LOG_STR("id", a->base.row->id),
           LOG_STR("peer", a->peer->conf->name), LOG_ERR(err));
    a->base.in_doubt = false; /* doubt_resolve comes before all else */
    a->refused_with = 0;
    a->files = (struct gw_file_list){0};
    a->parties = (struct gw_parties){0};
    *err = (struct error){0};
    return attempt(a, err);
}

enum status gw_outbound_send(struct gw_conversation *talk, const struct gw_message_row *row,
                             bool *moved, struct error *err)
{
    struct attempt a = {
        .base = {.rt = talk->rt, .row = row, .quiet = talk->outage_known, .now = gw_now_ms()},
        .peer = talk->peer,
        .talk = talk,
        .is_sealed = row->state == GW_SEALED};
    enum status st;

    *moved = true;
    gw_osci_destination(talk->peer, &a.base.to);
    if (row->osci_message_id != NULL && row->osci_message_id[0] != '\0')
        a.osci_id = row->osci_message_id;
    arena_init(&a.arena, 64 * 1024 * 1024);
    talk->forgotten = false;
    st = attempt(&a, err);
    if (st != ST_OK && talk->forgotten && !gw_loop_stopping(talk->rt->loop))
        st = in_new_dialog(&a, err);
    if (st != ST_OK) {
        err->reason = gw_reason_of(err);
        *moved = gw_attempt_failed(&a.base, event_of(st, err), err);
    }
    arena_deinit(&a.arena);
    return st;
}

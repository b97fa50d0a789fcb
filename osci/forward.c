/*
 * The way of a delivery to a passive recipient and back. Up to the outgoing message nothing has
 * left us: a failure there leaves the MessageId unused. From then on the card is there, and each
 * outcome has its code and its times: digest 2.7, 2.9.
 */
#include <stdio.h>

#include "osci/delivery.h"
#include "osci/features.h"
#include "osci/feedback.h"
#include "osci/orders.h"
#include "osci/package.h"
#include "osci/processcard.h"

enum { CHALLENGE_BYTES = 18, OWN_CERTS = 2 };

/* ---- may it go there? ---- */

/* Exactly that URL; or below one that ends in a slash, without a way back up. */
static bool receiver_holds(const char *receiver, struct span uri)
{
    struct span own = span_str(receiver), rest;

    if (span_eq(own, uri))
        return true;
    if (own.len == 0 || own.ptr[own.len - 1] != '/' || !span_starts(uri, own))
        return false;
    rest = span_from(uri, own.len);
    for (size_t i = 0; i < rest.len; i++)
        if (rest.ptr[i] <= ' ' || rest.ptr[i] >= 0x7f || rest.ptr[i] == '\\' ||
            rest.ptr[i] == '%' || rest.ptr[i] == '@')
            return false;
    return span_find(rest, SPAN("..")) == SIZE_MAX;
}

bool osci_receiver_find(const struct osci_intermediary *im, struct span uri, size_t *receiver)
{
    for (size_t i = 0; i < im->receiver_count; i++) {
        if (!receiver_holds(im->receivers[i], uri))
            continue;
        *receiver = i;
        return true;
    }
    return false;
}

static enum status receiver_check(struct osci_work *w, struct error *err)
{
    struct span uri = w->msg->receiver_uri, kept;

    if (!osci_receiver_find(w->im, uri, &w->d->forward_receiver))
        return error_set(err, ST_DENIED, 9811, "%.*s is no receiver we forward to",
                         (int)(uri.len > 200 ? 200 : uri.len), (const char *)uri.ptr);
    TRY(osci_work_copy(w, uri, &kept, err));
    w->d->forward_uri = (const char *)kept.ptr;
    return ST_OK;
}

/* ---- the outgoing message ---- */

static bool recorded(const struct osci_work *w)
{
    return w->msg->message_id.ptr != NULL;
}

/* Everything that came with the delivery, its Ids as they are, and our two certificates. */
static enum status certs_fill(struct osci_work *w, struct osci_message *out, struct error *err)
{
    const struct identity *id = w->im->identity;
    const struct osci_cert own[OWN_CERTS] = {
        {.role = OSCI_CIPHER_INTERMEDIARY, .cert = identity_cipher(id, w->now)->cert},
        {.role = OSCI_SIGNATURE_INTERMEDIARY, .cert = identity_signature(id, w->now)->cert}};

    out->certs = arena_array(&w->d->arena, sizeof *out->certs, w->msg->cert_count + OWN_CERTS);
    TRY_ALLOC(out->certs, err);
    for (size_t i = 0; i < w->msg->cert_count; i++)
        if (w->msg->certs[i].role != OSCI_SIGNATURE_ADDRESSEE)
            out->certs[out->cert_count++] = w->msg->certs[i];
    for (size_t i = 0; i < OWN_CERTS; i++) {
        struct osci_cert *c = &out->certs[out->cert_count++];

        *c = own[i];
        TRY(osci_cert_id(c->role, 0, c->cert, &w->d->arena, &c->id, err));
        TRY(osci_parts_check(w->reading, out->type, c->id, err));
    }
    return ST_OK;
}

/* Attachments of one message as those of another: digested when they were read, octets from there.
 */
static enum status parts_pass(struct osci_work *w, const struct osci_reading *from,
                              struct osci_message *to, struct error *err)
{
    struct arena *arena = &w->d->arena;
    size_t count = from->msg.attachment_count;

    to->attachments = arena_array(arena, sizeof *to->attachments, count + 1);
    to->customs = arena_array(arena, sizeof *to->customs, from->msg.custom_count + 1);
    TRY_ALLOC(to->attachments, err);
    TRY_ALLOC(to->customs, err);
    for (size_t i = 0; i < count; i++) {
        const struct osci_attachment *a = &from->msg.attachments[i];

        to->attachments[i] =
            (struct osci_attachment){.cid = a->cid, .len = a->len, .digest = a->digest};
        TRY(osci_attachment_source(from, i, arena, &to->attachments[i].body, err));
    }
    to->attachment_count = count;
    for (size_t i = 0; i < from->msg.custom_count; i++) {
        to->customs[i].id = from->msg.customs[i].id;
        TRY(osci_apex_complete(from->msg.customs[i].xml, arena, &to->customs[i].xml, err));
    }
    to->custom_count = from->msg.custom_count;
    buf_reset(&w->d->package);
    to->has_package = from->msg.has_package;
    TRY(osci_package_move(from->package, &w->d->package, err));
    to->package = buf_span(&w->d->package);
    return ST_OK;
}

static enum status challenge_draw(struct osci_work *w, struct error *err)
{
    uint8_t random[CHALLENGE_BYTES];
    AUTO(buf_deinit) struct buf text = {0};

    TRY(rng_bytes(w->im->rng, random, sizeof random, err));
    buf_init(&text, 64);
    buf_base64(&text, span_of(random, sizeof random), 0);
    TRY(buf_check(&text, err));
    return osci_work_copy(w, buf_span(&text), &w->challenge, err);
}

static enum status outgoing_fill(struct osci_work *w, struct error *err)
{
    struct osci_message *out = &w->d->outgoing;

    out->type =
        w->msg->type == OSCI_FORWARD_DELIVERY ? OSCI_ACCEPT_DELIVERY : OSCI_PROCESS_DELIVERY;
    TRY(challenge_draw(w, err));
    out->control.challenge = w->challenge;
    out->languages = w->msg->languages;
    osci_features_ours(&out->features, false);
    TRY(certs_fill(w, out, err));
    TRY(parts_pass(w, w->reading, out, err));
    if (!recorded(w))
        return ST_OK;
    out->message_id_response = w->reply_id;
    out->cards = arena_alloc(&w->d->arena, sizeof *out->cards);
    TRY_ALLOC(out->cards, err);
    out->card_count = 1;
    return osci_work_card(w, &w->passed, OSCI_AND_FORWARDING, &out->cards[0], err);
}

/* ---- the card ---- */

/*
 * The same order of the same originator again, and its reception is not proven: an answer was lost,
 * the recipient's or ours. Nobody but the originator has the content, so it is brought again, under
 * the same MessageId, by which the recipient knows it. Once received, an id is used up.
 */
static enum status again_check(struct osci_work *w, struct error *err)
{
    struct osci_delivery *p = &w->passed, *cards;
    const struct osci_card_select select = {.cipher = cert_sha256(w->cipher),
                                            .by = OSCI_SELECT_IDS,
                                            .ids = &p->message_id,
                                            .id_count = 1,
                                            .limit = 1};
    struct error why = *err;
    size_t count;
    bool more;

    TRY(w->im->mailbox->cards(w->im->mailbox, &select, &w->d->arena, &cards, &count, &more, err));
    if (count == 0 || cards->kind != p->kind || cards->reception != 0 ||
        !span_eq(cards->mailbox, p->mailbox) ||
        !span_eq(cards->originator_cipher, p->originator_cipher)) {
        *err = why;
        return err->status;
    }
    p->creation = cards->creation;
    w->resumed = true;
    w->handed_out = cards->forwarding != 0;
    return ST_OK;
}

static enum status passed_check(struct osci_work *w, struct error *err)
{
    struct osci_mailbox *mailbox = w->im->mailbox;
    enum status st = mailbox->id_check(mailbox, w->passed.message_id, err);

    if (st == ST_DUPLICATE)
        st = again_check(w, err);
    return osci_id_status(st, err);
}

/* The delivery's row, its texts in the arena: it outlives this call. */
static enum status passed_fill(struct osci_work *w, struct error *err)
{
    struct osci_delivery *p = &w->passed;
    AUTO(buf_deinit) struct buf parts = {0}, inspections = {0};

    buf_init(&parts, OSCI_PARTS_MAX);
    buf_init(&inspections, OSCI_PARTS_MAX);
    TRY(osci_work_delivery(w, p, &parts, &inspections, err));
    p->parts = SPAN_NONE; /* kept with content only */
    p->has_package = false;
    TRY(osci_work_copy(w, p->inspections, &p->inspections, err));
    p->kind = w->msg->type == OSCI_FORWARD_DELIVERY ? OSCI_DELIVERY_FORWARD : OSCI_DELIVERY_MEDIATE;
    p->mailbox = cert_sha256(osci_cert_of(w->msg, OSCI_CIPHER_ADDRESSEE)->cert);
    p->forwarding = w->now;
    TRY(osci_work_copy(w, w->msg->message_id, &p->message_id, err));
    TRY(osci_work_copy(w, w->msg->subject, &p->subject, err));
    w->d->message_id = p->message_id;
    return passed_check(w, err);
}

/*
 * Creation, Forwarding and the id's use, durable at once and before anything leaves us: Creation
 * alone says that nothing went out, and the originator who asks in between would send it anew.
 */
static enum status passed_keep(struct osci_work *w, struct error *err)
{
    struct osci_mailbox *mailbox = w->im->mailbox;

    if (w->resumed)
        return mailbox->forwarded(mailbox, w->passed.message_id, w->passed.forwarding, err);
    return osci_id_status(mailbox->accept(mailbox, &w->passed, err), err);
}

enum status osci_order_forward(struct osci_work *w, struct error *err)
{
    const struct osci_cert *addressee = osci_cert_of(w->msg, OSCI_CIPHER_ADDRESSEE);

    if (addressee == NULL)
        return error_set(err, ST_INVALID, 9300, "%s without an addressee", w->d->type);
    TRY(receiver_check(w, err));
    if (recorded(w)) {
        TRY(passed_fill(w, err));
        if (w->msg->type == OSCI_MEDIATE_DELIVERY)
            TRY(osci_work_id(w, &w->reply_id, err));
    }
    TRY(outgoing_fill(w, err));
    if (recorded(w))
        TRY(passed_keep(w, err));
    w->d->forward = true;
    return ST_OK;
}

enum status osci_forward_write(const struct osci_intermediary *im, struct osci_decision *d,
                               int64_t now, struct osci_writer **writer, struct error *err)
{
    const struct osci_write in = {.msg = &d->outgoing,
                                  .sign_key = osci_work_key(im, &d->outgoing, now),
                                  .encrypt_for =
                                      osci_cert_of(&d->outgoing, OSCI_CIPHER_ADDRESSEE)->cert,
                                  .policy = im->policy,
                                  .now = now,
                                  .rng = im->rng};

    return osci_message_write(&in, writer, err);
}

/* ---- what the recipient said ---- */

static enum status fault_judge(const struct osci_message *msg, struct error *err)
{
    return error_set(err, ST_DENIED, msg->fault_server ? 9808 : 9805,
                     "the recipient answered with fault %.*s", SPAN_FMT(msg->fault_code));
}

/* Is it the answer to our message, and by whom? */
static enum status answer_check(struct osci_work *w, const struct osci_forward_result *result,
                                struct error *err)
{
    const struct osci_reading *reading = result->reading;
    const struct cert *signer = NULL;
    struct cert_verdict verdict;
    enum status st;

    if (reading->msg.type == OSCI_FAULT)
        return fault_judge(&reading->msg, err);
    if (reading->msg.type != osci_answer_type(w->d->outgoing.type))
        return error_set(err, ST_INVALID, 9810, "the recipient answered with %s",
                         osci_type_name(reading->msg.type));
    if (!span_eq(reading->msg.control.response, w->challenge))
        return error_set(err, ST_INVALID, 9810, "the answer is not to our message");
    if (!result->transport.encrypted)
        osci_work_warn(w, 3803);
    if (!reading->is_signed) {
        osci_work_warn(w, 3802);
        return ST_OK;
    }
    st = osci_message_verify(reading, NULL, &signer, err);
    if (st != ST_OK) {
        err->reason = 9807;
        return st;
    }
    st = osci_work_judge(w, signer, CERT_ADDRESSEE_SIGNATURE, &verdict, err);
    if (st == ST_RETRY) /* the recipient has it; what its answer is worth is not known yet */
        err->reason = 9810;
    return st;
}

static enum status feedback_judge(const struct osci_message *msg, struct error *err)
{
    struct span last = osci_feedback_last(msg);
    bool internal = span_is(last, "9811") || span_is(last, "9603") || span_is(last, "9710");

    if (osci_executed(msg))
        return ST_OK;
    return error_set(err, ST_DENIED, internal ? 9808 : 9805, "the recipient refused with %.*s",
                     SPAN_FMT(last));
}

/* ---- the reply of a mediateDelivery: a delivery of its own ---- */

static enum status reply_inspect(struct osci_work *w, const struct osci_message *reply,
                                 struct osci_delivery *row, struct error *err)
{
    struct osci_inspection *list = arena_array(&w->d->arena, sizeof *list, reply->cert_count + 1);
    AUTO(buf_deinit) struct buf text = {0};

    TRY_ALLOC(list, err);
    for (size_t i = 0; i < reply->cert_count; i++) {
        const struct cert *cert = reply->certs[i].cert;
        bool cipher = reply->certs[i].role < OSCI_SIGNATURE_ORIGINATOR;
        struct cert_verdict verdict;

        TRY(cert_checker_check(w->im->checker, cert,
                               cipher ? CERT_FOR_OSCI_CIPHER : CERT_FOR_OSCI_SIGNATURE, w->now,
                               &verdict, err));
        TRY(osci_inspection_make(cert, &verdict, &w->d->arena, &list[i], err));
    }
    buf_init(&text, OSCI_PARTS_MAX);
    osci_inspections_write(list, reply->cert_count, &text);
    TRY(buf_check(&text, err));
    return osci_work_copy(w, buf_span(&text), &row->inspections, err);
}

static struct span sha256_of(const struct osci_message *msg, enum osci_role role)
{
    const struct osci_cert *c = osci_cert_of(msg, role);

    return c == NULL ? SPAN_NONE : cert_sha256(c->cert);
}

static enum status reply_keep(struct osci_work *w, const struct osci_message *reply,
                              struct osci_card *card, struct error *err)
{
    struct osci_mailbox *mailbox = w->im->mailbox;
    struct osci_delivery row = {.kind = OSCI_DELIVERY_MEDIATE,
                                .message_id = w->reply_id,
                                .mailbox = cert_sha256(w->cipher),
                                .originator_cipher = sha256_of(reply, OSCI_CIPHER_ORIGINATOR),
                                .originator_signature = sha256_of(reply, OSCI_SIGNATURE_ORIGINATOR),
                                .creation = w->now,
                                .forwarding = w->now,
                                .modified = w->now};

    if (w->reply_id.len > sizeof w->session.pending)
        return error_set(err, ST_INTERNAL, 9810, "our own MessageId is too long");
    TRY(osci_work_copy(w, reply->subject, &row.subject, err));
    TRY(reply_inspect(w, reply, &row, err));
    TRY(mailbox->accept(mailbox, &row, err));
    TRY(mailbox->forwarded(mailbox, row.message_id, w->now, err));
    memcpy(w->session.pending, w->reply_id.ptr, w->reply_id.len);
    w->session.pending_len = w->reply_id.len;
    TRY(osci_work_card(w, &row, OSCI_AND_FORWARDING, card, err));
    card->is_reply = true;
    return ST_OK;
}

/* Content, attachments and certificates go on unchanged, with the same Ids. */
static enum status reply_pass(struct osci_work *w, const struct osci_reading *reply,
                              struct error *err)
{
    struct osci_message *answer = &w->d->answer;

    TRY(osci_work_ids(w, reply, answer->type, err));
    TRY(parts_pass(w, reply, answer, err));
    answer->certs =
        arena_array(&w->d->arena, sizeof *answer->certs, reply->msg.cert_count + OWN_CERTS);
    TRY_ALLOC(answer->certs, err);
    for (size_t i = 0; i < reply->msg.cert_count; i++) {
        struct osci_cert *c = &answer->certs[answer->cert_count++];

        *c = reply->msg.certs[i];
        c->cert = cert_ref(c->cert);
    }
    return ST_OK;
}

static enum status mediate_answer(struct osci_work *w, const struct osci_reading *reply,
                                  struct error *err)
{
    struct osci_message *answer = &w->d->answer;
    struct osci_card *cards;

    if (!reply->msg.has_package)
        return error_set(err, ST_DENIED, 9806, "the recipient returned no content");
    TRY(reply_pass(w, reply, err));
    if (!recorded(w))
        return ST_OK;
    cards = arena_array(&w->d->arena, sizeof *cards, 2);
    TRY_ALLOC(cards, err);
    TRY(osci_work_card(w, &w->passed, OSCI_ALL_TIMES, &cards[0], err));
    TRY(reply_keep(w, &reply->msg, &cards[1], err));
    answer->cards = cards;
    answer->card_count = 2;
    return ST_OK;
}

/* ---- how it ended ---- */

static enum status reception(struct osci_work *w, struct error *err)
{
    if (!recorded(w))
        return ST_OK;
    w->passed.reception = w->passed.modified = w->now;
    return w->im->mailbox->received(w->im->mailbox, w->passed.message_id, w->now, err);
}

static enum status not_sent(struct osci_work *w, const struct error *why, struct error *err)
{
    if (recorded(w) && !w->handed_out) {
        w->passed.forwarding = 0;
        w->passed.modified = w->now;
        TRY(w->im->mailbox->unforwarded(w->im->mailbox, w->passed.message_id, w->now, err));
    }
    *err = *why;
    return error_set(err, ST_RETRY, 9809, "%s", why->text);
}

static enum status outcome(struct osci_work *w, const struct osci_forward_result *result,
                           struct error *err)
{
    const struct error why = result->why;

    switch (result->how) {
    case OSCI_FORWARD_NOT_SENT:
        return not_sent(w, &why, err);
    case OSCI_FORWARD_LOST:
        return error_set(err, ST_RETRY, 9810, "%s", why.text);
    case OSCI_FORWARD_FAILED:
        return error_set(err, ST_RETRY, 9808, "%s", why.text);
    case OSCI_FORWARD_ANSWERED:
        break;
    }
    TRY(answer_check(w, result, err));
    TRY(feedback_judge(&result->reading->msg, err));
    return reception(w, err);
}

/* The card of a forwardDelivery says how far it came, even when it came not far enough. */
enum status osci_forward_finish(struct osci_work *w, const struct osci_forward_result *result,
                                struct error *err)
{
    struct osci_message *answer = &w->d->answer;
    struct error later = {0};
    enum status st = outcome(w, result, err);

    if (w->handed_out && (err->reason == 9808 || err->reason == 9809))
        err->reason = 9810; /* this attempt failed, but an earlier one may have got there */
    if (w->msg->type == OSCI_MEDIATE_DELIVERY)
        return st != ST_OK ? st : mediate_answer(w, result->reading, err);
    answer->cards = arena_alloc(&w->d->arena, sizeof *answer->cards);
    if (answer->cards == NULL ||
        osci_work_card(w, &w->passed, OSCI_ALL_TIMES, &answer->cards[0], &later) != ST_OK)
        return st != ST_OK ? st : error_set(err, ST_LIMIT, 9810, "out of memory");
    answer->card_count = 1;
    w->keep_card = true;
    return st;
}

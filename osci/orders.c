#include "osci/orders.h"

#include <stdio.h>

#include "osci/delivery.h"
#include "osci/feedback.h"
#include "osci/package.h"
#include "osci/processcard.h"

enum { ID_RANDOM = 16, ID_TRIES = 4, CARDS_BYTES_MAX = 8 * 1024 * 1024 };
enum { ROWS_BYTES_MAX = 24 * 1024 * 1024 };

enum status osci_work_copy(struct osci_work *w, struct span from, struct span *to,
                           struct error *err)
{
    *to = from;
    if (from.ptr == NULL)
        return ST_OK;
    to->ptr = (const uint8_t *)arena_str(&w->d->arena, from);
    TRY_ALLOC(to->ptr, err);
    return ST_OK;
}

/* The requests of a mailbox count only from its owner, digest 1.3. */
static enum status proven(const struct osci_work *w, struct error *err)
{
    if (!w->session.encrypted && !w->im->allow_plain)
        return error_set(err, ST_DENIED, 9811,
                         "the dialog's initDialog was not encrypted: the mailbox is not proven");
    return ST_OK;
}

/* ---- dialog ---- */

static enum status init_dialog(struct osci_work *w, struct error *err)
{
    struct osci_session *s = &w->session;

    s->cipher = cert_ref(w->cipher);
    if (w->signer != NULL) {
        const struct osci_cert *c = osci_cert_of(w->msg, OSCI_SIGNATURE_ORIGINATOR);

        s->signature = c == NULL ? NULL : cert_ref(c->cert);
    }
    s->encrypted = w->request->transport.encrypted;
    s->believed =
        w->cipher_believed || w->im->mailbox->known(w->im->mailbox, w->cipher, err) == ST_OK;
    TRY(osci_sessions_open(w->im->sessions, s, w->now, err));
    w->in_dialog = w->opened = true;
    return ST_OK;
}

static enum status exit_dialog(struct osci_work *w, struct error *err)
{
    (void)err;
    w->closed = true;
    return ST_OK;
}

enum status osci_work_id(struct osci_work *w, struct span *id, struct error *err)
{
    uint8_t random[ID_RANDOM];
    enum status st = ST_DUPLICATE;
    AUTO(buf_deinit) struct buf text = {0};

    buf_init(&text, 64);
    for (int i = 0; i < ID_TRIES && st == ST_DUPLICATE; i++) {
        buf_reset(&text);
        TRY(rng_bytes(w->im->rng, random, sizeof random, err));
        buf_str(&text, "dep_");
        buf_hex(&text, span_of(random, sizeof random));
        TRY(buf_check(&text, err));
        st = w->im->mailbox->id_issue(w->im->mailbox, buf_span(&text), w->cipher, w->now, err);
    }
    if (st != ST_OK)
        return st;
    return osci_work_copy(w, buf_span(&text), id, err);
}

static enum status get_message_id(struct osci_work *w, struct error *err)
{
    TRY(osci_work_id(w, &w->d->answer.message_id, err));
    w->d->message_id = w->d->answer.message_id;
    return ST_OK;
}

/* ---- cards ---- */

enum status osci_work_card(struct osci_work *w, const struct osci_delivery *delivery,
                           enum osci_times times, struct osci_card *card, struct error *err)
{
    struct arena *arena = &w->d->arena;
    struct osci_time modified;

    *card = (struct osci_card){.message_id = delivery->message_id, .subject = delivery->subject};
    TRY(osci_time_plain(delivery->creation, arena, &card->creation, err));
    if (times != OSCI_CREATION_ONLY)
        TRY(osci_time_plain(delivery->forwarding, arena, &card->forwarding, err));
    if (times == OSCI_ALL_TIMES)
        TRY(osci_time_plain(delivery->reception, arena, &card->reception, err));
    TRY(osci_time_plain(delivery->modified, arena, &modified, err));
    card->recent_modification = modified.text;
    return osci_inspections_read(delivery->inspections, arena, &card->inspections,
                                 &card->inspection_count, err);
}

static enum status one_card(struct osci_work *w, const struct osci_delivery *delivery,
                            enum osci_times times, struct osci_message *answer, struct error *err)
{
    answer->cards = arena_alloc(&w->d->arena, sizeof *answer->cards);
    TRY_ALLOC(answer->cards, err);
    TRY(osci_work_card(w, delivery, times, &answer->cards[0], err));
    answer->card_count = 1;
    return ST_OK;
}

/* ---- storeDelivery, digest 2.4 ---- */

enum status osci_id_status(enum status st, struct error *err)
{
    if (st == ST_NOT_FOUND || st == ST_DUPLICATE)
        return error_set(err, ST_INVALID, 9801, "the MessageId %s",
                         st == ST_DUPLICATE ? "is used" : "was not issued here");
    return st;
}

static enum status mailbox_check(struct osci_work *w, const struct cert *addressee,
                                 struct error *err)
{
    struct osci_mailbox *mailbox = w->im->mailbox;
    enum status st;

    if (w->im->self_registering && w->addressee_believed)
        return ST_OK;
    st = mailbox->known(mailbox, addressee, err);
    if (st == ST_NOT_FOUND)
        return error_set(err, ST_INVALID, OSCI_NO_MAILBOX, "no mailbox for %s",
                         cert_subject(addressee));
    return st;
}

enum status osci_work_delivery(struct osci_work *w, struct osci_delivery *delivery,
                               struct buf *parts, struct buf *inspections, struct error *err)
{
    const struct osci_cert *originator = osci_cert_of(w->msg, OSCI_CIPHER_ORIGINATOR);

    delivery->originator_cipher =
        osci_sha256_of(w->in_dialog || originator == NULL ? w->cipher : originator->cert);
    delivery->originator_signature = osci_sha256_of(w->signer);
    delivery->addressee = span_str(cert_subject(osci_cert_of(w->msg, OSCI_CIPHER_ADDRESSEE)->cert));
    delivery->creation = delivery->modified = w->now;
    delivery->reading = w->reading;
    TRY(osci_parts_write(w->msg, &w->d->arena, parts, err));
    osci_inspections_write(w->inspections, w->inspection_count, inspections);
    TRY(buf_check(inspections, err));
    delivery->parts = buf_span(parts);
    delivery->inspections = buf_span(inspections);
    if (w->transfer.ref.len > 0) { /* who sent the chunks is who sent it, 8.5 when */
        delivery->originator_cipher = w->transfer.cipher;
        delivery->originator_signature = w->transfer.signature;
        delivery->creation = delivery->modified = w->transfer.completed;
    }
    delivery->has_package = w->msg->has_package;
    TRY(osci_package_move(w->reading->package, &w->d->package, err));
    delivery->package = buf_span(&w->d->package);
    return ST_OK;
}

/* With a delivery that came in chunks its transfer ends. */
static enum status transfer_end(struct osci_work *w, struct osci_delivery *delivery,
                                struct error *err)
{
    const char *codes;

    if (w->transfer.ref.len == 0)
        return ST_OK;
    TRY(osci_work_codes(w, 800, &codes, err));
    delivery->transfer = w->transfer.ref;
    delivery->transfer_result = span_str(codes);
    return ST_OK;
}

enum status osci_order_store(struct osci_work *w, struct error *err)
{
    struct osci_mailbox *mailbox = w->im->mailbox;
    const struct osci_cert *addressee = osci_cert_of(w->msg, OSCI_CIPHER_ADDRESSEE);
    struct osci_delivery delivery = {0};
    AUTO(buf_deinit) struct buf parts = {0}, inspections = {0};

    buf_init(&parts, OSCI_PARTS_MAX);
    buf_init(&inspections, OSCI_PARTS_MAX);
    if (addressee == NULL || w->msg->message_id.ptr == NULL)
        return error_set(err, ST_INVALID, 9300, "a delivery without addressee or MessageId");
    TRY(osci_work_copy(w, w->msg->message_id, &delivery.message_id, err));
    w->d->message_id = delivery.message_id;
    TRY(osci_work_copy(w, w->msg->subject, &delivery.subject, err));
    /* before the work, and once more in the transaction */
    TRY(osci_id_status(mailbox->id_check(mailbox, delivery.message_id, err), err));
    TRY(mailbox_check(w, addressee->cert, err));
    delivery.mailbox = cert_sha256(addressee->cert);
    TRY(osci_work_ids(w, w->reading, OSCI_RSP_FETCH_DELIVERY, err));
    TRY(osci_work_delivery(w, &delivery, &parts, &inspections, err));
    TRY(one_card(w, &delivery, OSCI_CREATION_ONLY, &w->d->answer, err));
    TRY(osci_work_rehearse(w, &delivery, err));
    TRY(transfer_end(w, &delivery, err));
    TRY(osci_id_status(mailbox->accept(mailbox, &delivery, err), err));
    memcpy(w->d->delivered_to, delivery.mailbox.ptr, sizeof w->d->delivered_to);
    w->d->delivered = true;
    buf_deinit(&w->d->package);
    return ST_OK;
}

/* ---- fetchDelivery, digest 2.5 ---- */

static enum status selection_time(const struct osci_selection *s, int64_t *since, struct error *err)
{
    *since = 0;
    if (s->by != OSCI_SELECT_RECEPTION && s->by != OSCI_SELECT_MODIFIED)
        return ST_OK;
    return osci_datetime_read(s->date, since, err);
}

/* Makes the answer from what was kept. Everything is there before Forwarding is stamped. */
enum status osci_fetch_fill(struct osci_work *w, struct osci_message *answer, struct error *err)
{
    struct osci_delivery *delivery = &w->d->delivery;

    delivery->forwarding = delivery->modified = w->now;
    TRY(osci_parts_read(delivery->parts, w->im->cache, 1, &w->d->arena, answer, err));
    TRY(one_card(w, delivery, OSCI_AND_FORWARDING, answer, err));
    if (delivery->package_source != NULL) {
        TRY(source_read_all(delivery->package_source, &w->d->package, err));
        answer->package = buf_span(&w->d->package);
        answer->has_package = true;
    }
    answer->attachments = delivery->attachments;
    answer->attachment_count = delivery->attachment_count;
    return ST_OK;
}

enum status osci_fetch_select(struct osci_work *w, uint64_t *waiting, struct error *err)
{
    struct osci_mailbox *mailbox = w->im->mailbox;
    const struct osci_selection *s = &w->msg->selection;
    struct osci_mailbox_select select = {.mailbox = cert_sha256(w->session.cipher)};
    struct osci_delivery *delivery = &w->d->delivery;
    enum status st;

    TRY(proven(w, err));
    if (s->by == OSCI_SELECT_IDS && s->id_count > 0)
        select.message_id = s->ids[0];
    TRY(selection_time(s, &select.since, err));
    *waiting = 0;
    st = mailbox->select(mailbox, &select, &w->d->arena, delivery, waiting, err);
    if (st == ST_NOT_FOUND)
        return error_set(err, ST_NOT_FOUND, 9803, "nothing is waiting");
    if (st != ST_OK)
        return st;
    w->d->mailbox = mailbox;
    w->d->message_id = delivery->message_id;
    if (delivery->message_id.len > sizeof w->session.pending)
        return error_set(err, ST_INTERNAL, 9811, "a kept MessageId is too long");
    return ST_OK;
}

void osci_fetch_pending(struct osci_work *w)
{
    struct span id = w->d->delivery.message_id;

    memcpy(w->session.pending, id.ptr, id.len);
    w->session.pending_len = id.len;
}

static enum status fetch_delivery(struct osci_work *w, struct error *err)
{
    struct osci_mailbox *mailbox = w->im->mailbox;
    uint64_t waiting;

    TRY(osci_fetch_select(w, &waiting, err));
    TRY(osci_fetch_fill(w, &w->d->answer, err));
    TRY(mailbox->forwarded(mailbox, w->d->delivery.message_id, w->now, err));
    osci_fetch_pending(w);
    if (waiting > 0)
        osci_work_warn(w, 3800);
    return ST_OK;
}

/* ---- fetchProcessCard, digest 2.6 and 5.5 ---- */

static void card_select_fill(const struct osci_work *w, struct osci_card_select *select)
{
    const struct osci_selection *s = &w->msg->selection;
    const struct cert *signature = w->signer != NULL ? w->signer : w->session.signature;

    *select = (struct osci_card_select){.cipher = cert_sha256(w->session.cipher),
                                        .signature = osci_sha256_of(signature),
                                        .by = s->by,
                                        .ids = s->ids,
                                        .id_count = s->id_count,
                                        .originator = span_is(s->role, "Originator"),
                                        .addressee = span_is(s->role, "Addressee"),
                                        .no_reception = s->no_reception,
                                        .limit = OSCI_CARDS_AT_ONCE};
    if (s->has_limit && s->limit > 0 && s->limit < OSCI_CARDS_AT_ONCE)
        select->limit = (size_t)s->limit;
}

/* As many as there is room for: nobody's long cards keep another's from being read. */
static enum status rows_get(struct osci_work *w, struct osci_card_select *select,
                            struct arena *arena, struct osci_delivery **rows, size_t *count,
                            bool *more, struct error *err)
{
    struct osci_mailbox *mailbox = w->im->mailbox;
    enum status st;

    for (;;) {
        arena_init(arena, ROWS_BYTES_MAX);
        st = mailbox->cards(mailbox, select, arena, rows, count, more, err);
        if (st != ST_LIMIT || select->limit == 1)
            return st;
        arena_deinit(arena);
        select->limit /= 2;
    }
}

static enum status fetch_process_card(struct osci_work *w, struct error *err)
{
    struct osci_message *answer = &w->d->answer;
    struct osci_card_select select;
    struct osci_delivery *rows;
    size_t count;
    bool more;
    AUTO(arena_deinit) struct arena arena = {0};

    TRY(proven(w, err));
    card_select_fill(w, &select);
    TRY(selection_time(&w->msg->selection, &select.since, err));
    TRY(rows_get(w, &select, &arena, &rows, &count, &more, err));
    if (count == 0)
        return error_set(err, ST_NOT_FOUND, 9804, "no process card matches");
    answer->cards = arena_array(&w->d->arena, sizeof *answer->cards, count);
    TRY_ALLOC(answer->cards, err);
    for (size_t i = 0; i < count; i++) {
        TRY(osci_work_copy(w, rows[i].message_id, &rows[i].message_id, err));
        TRY(osci_work_copy(w, rows[i].subject, &rows[i].subject, err));
        TRY(osci_work_card(w, &rows[i], OSCI_ALL_TIMES, &answer->cards[i], err));
        answer->card_count++;
        if (w->d->arena.used > CARDS_BYTES_MAX && i + 1 < count) {
            more = true; /* the rest with the next request */
            break;
        }
    }
    if (more)
        osci_work_warn(w, 3801);
    return ST_OK;
}

/* ---- what is not carried out ---- */

static enum status refuse_foreign(struct osci_work *w, struct error *err)
{
    return error_set(err, ST_INVALID, 9300, "%s is no order for an intermediary",
                     osci_type_name(w->msg->type));
}

static const struct order {
    enum osci_type type;
    enum status (*run)(struct osci_work *w, struct error *err);
} orders[] = {
    {OSCI_INIT_DIALOG, init_dialog},
    {OSCI_EXIT_DIALOG, exit_dialog},
    {OSCI_GET_MESSAGE_ID, get_message_id},
    {OSCI_STORE_DELIVERY, osci_order_store},
    {OSCI_FETCH_DELIVERY, fetch_delivery},
    {OSCI_FETCH_PROCESS_CARD, fetch_process_card},
    {OSCI_FORWARD_DELIVERY, osci_order_forward},
    {OSCI_ACCEPT_DELIVERY, refuse_foreign},
    {OSCI_MEDIATE_DELIVERY, osci_order_forward},
    {OSCI_PROCESS_DELIVERY, refuse_foreign},
    {OSCI_PARTIAL_STORE_DELIVERY, osci_order_partial_store},
    {OSCI_PARTIAL_FETCH_DELIVERY, osci_order_partial_fetch},
};

enum status osci_order_run(struct osci_work *w, struct error *err)
{
    for (size_t i = 0; i < ARRAY_LEN(orders); i++)
        if (orders[i].type == w->msg->type)
            return orders[i].run(w, err);
    return refuse_foreign(w, err);
}

enum status osci_order_echo(struct osci_work *w, struct error *err)
{
    const struct osci_selection *from = &w->msg->selection;
    struct osci_selection *to = &w->d->answer.selection;

    *to = *from;
    to->ids = arena_array(&w->d->arena, sizeof *to->ids, from->id_count + 1);
    TRY_ALLOC(to->ids, err);
    for (size_t i = 0; i < from->id_count; i++)
        TRY(osci_work_copy(w, from->ids[i], &to->ids[i], err));
    TRY(osci_work_copy(w, from->date, &to->date, err));
    TRY(osci_work_copy(w, from->role, &to->role, err));
    return osci_partial_echo(w, err);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/helper_mailbox.h"

enum { ARENA_BYTES = 256 * 1024 * 1024 };

static struct span keep(struct helper_mailbox *m, struct span s)
{
    if (s.ptr == NULL)
        return s;
    return span_of(arena_str(&m->arena, s), s.len);
}

static struct helper_id *id_find(struct helper_mailbox *m, struct span id)
{
    for (size_t i = 0; i < m->id_count; i++)
        if (span_eq(m->ids[i].id, id))
            return &m->ids[i];
    return NULL;
}

static struct helper_delivery *delivery_find(struct helper_mailbox *m, struct span id)
{
    for (size_t i = 0; i < m->delivery_count; i++)
        if (span_eq(m->deliveries[i].d.message_id, id))
            return &m->deliveries[i];
    return NULL;
}

void helper_mailbox_issue(struct helper_mailbox *m, struct span id)
{
    assert_true(m->id_count < HELPER_DELIVERIES);
    m->ids[m->id_count++] = (struct helper_id){.id = keep(m, id)};
}

static enum status id_issue(struct osci_mailbox *self, struct span id, const struct cert *client,
                            int64_t now, struct error *err)
{
    struct helper_mailbox *m = (struct helper_mailbox *)self;

    (void)client;
    (void)now;
    if (id_find(m, id) != NULL)
        return error_set(err, ST_DUPLICATE, 0, "known");
    helper_mailbox_issue(m, id);
    m->writes++;
    return ST_OK;
}

static enum status id_check(struct osci_mailbox *self, struct span id, struct error *err)
{
    const struct helper_id *known = id_find((struct helper_mailbox *)self, id);

    if (known == NULL)
        return error_set(err, ST_NOT_FOUND, 0, "unknown");
    return known->used ? error_set(err, ST_DUPLICATE, 0, "used") : ST_OK;
}

static enum status known(struct osci_mailbox *self, const struct cert *addressee, struct error *err)
{
    const struct helper_mailbox *m = (struct helper_mailbox *)self;

    if (m->known != NULL && cert_eq(m->known, addressee))
        return ST_OK;
    return error_set(err, ST_NOT_FOUND, 0, "no such mailbox");
}

static void attachments_keep(struct helper_mailbox *m, struct helper_delivery *to,
                             const struct osci_reading *reading)
{
    struct error err = {0};

    for (size_t i = 0; i < reading->msg.attachment_count; i++) {
        struct osci_attachment *a = &to->attachments[i];
        struct sink_buf sink;
        AUTO(buf_deinit) struct buf octets = {0};

        assert_true(i < 16);
        buf_init(&octets, 64 * 1024 * 1024);
        assert_int_equal(osci_attachment_copy(reading, i, sink_buf_init(&sink, &octets), &err),
                         ST_OK);
        assert_int_equal(octets.len, reading->msg.attachments[i].len);
        a->cid = keep(m, reading->msg.attachments[i].cid);
        a->len = octets.len;
        a->body = source_span_init(&to->bodies[i],
                                   octets.len == 0 ? SPAN_NONE : keep(m, buf_span(&octets)));
        assert_int_equal(digest_of(alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST), buf_span(&octets),
                                   &a->digest, &err),
                         ST_OK);
    }
    to->d.attachments = to->attachments;
    to->d.attachment_count = reading->msg.attachment_count;
}

static enum status deliver(struct osci_mailbox *self, const struct osci_delivery *delivery,
                           struct error *err)
{
    struct helper_mailbox *m = (struct helper_mailbox *)self;
    struct helper_delivery *to = &m->deliveries[m->delivery_count];

    if (m->accept_status != ST_OK)
        return error_set(err, m->accept_status, 0, "as the test wished");
    TRY(id_check(self, delivery->message_id, err));
    assert_true(m->delivery_count < HELPER_DELIVERIES);
    to->d = *delivery;
    to->d.message_id = keep(m, delivery->message_id);
    to->d.mailbox = keep(m, delivery->mailbox);
    to->d.originator_cipher = keep(m, delivery->originator_cipher);
    to->d.originator_signature = keep(m, delivery->originator_signature);
    to->d.subject = keep(m, delivery->subject);
    to->d.parts = keep(m, delivery->parts);
    to->d.inspections = keep(m, delivery->inspections);
    to->d.reading = NULL;
    if (delivery->has_package)
        to->d.package_source = source_span_init(&to->package, keep(m, delivery->package));
    if (delivery->kind == OSCI_DELIVERY_STORE)
        attachments_keep(m, to, delivery->reading);
    to->here = delivery->kind == OSCI_DELIVERY_STORE;
    id_find(m, delivery->message_id)->used = true;
    m->delivery_count++;
    m->writes++;
    return ST_OK;
}

static enum status fetch(struct osci_mailbox *self, const struct osci_mailbox_select *select,
                         struct arena *arena, struct osci_delivery *delivery, uint64_t *waiting,
                         struct error *err)
{
    struct helper_mailbox *m = (struct helper_mailbox *)self;
    const struct helper_delivery *found = NULL;

    (void)arena;
    *waiting = 0;
    for (size_t i = 0; i < m->delivery_count; i++) {
        const struct helper_delivery *h = &m->deliveries[i];
        bool wanted = select->message_id.ptr != NULL
                          ? span_eq(h->d.message_id, select->message_id)
                          : h->d.reception == 0 && h->d.creation >= select->since;

        if (!h->here || !wanted || !span_eq(h->d.mailbox, select->mailbox))
            continue;
        if (found == NULL)
            found = h;
        else
            (*waiting)++;
    }
    if (found == NULL)
        return error_set(err, ST_NOT_FOUND, 0, "none");
    *delivery = found->d;
    m->selected++;
    return ST_OK;
}

static void release(struct osci_mailbox *self, struct osci_delivery *delivery)
{
    (void)delivery;
    ((struct helper_mailbox *)self)->released++;
}

static enum status forwarded(struct osci_mailbox *self, struct span id, int64_t at,
                             struct error *err)
{
    struct helper_mailbox *m = (struct helper_mailbox *)self;
    struct helper_delivery *h = delivery_find(m, id);

    if (h == NULL)
        return error_set(err, ST_NOT_FOUND, 0, "none");
    h->d.forwarding = h->d.modified = at;
    m->writes++;
    return ST_OK;
}

static enum status unforwarded(struct osci_mailbox *self, struct span id, int64_t at,
                               struct error *err)
{
    TRY(forwarded(self, id, at, err));
    delivery_find((struct helper_mailbox *)self, id)->d.forwarding = 0;
    return ST_OK;
}

static enum status received(struct osci_mailbox *self, struct span id, int64_t at,
                            struct error *err)
{
    struct helper_mailbox *m = (struct helper_mailbox *)self;
    struct helper_delivery *h = delivery_find(m, id);

    if (h == NULL)
        return error_set(err, ST_NOT_FOUND, 0, "none");
    if (h->d.reception == 0)
        h->d.reception = h->d.modified = at;
    m->writes++;
    return ST_OK;
}

static bool card_wanted(const struct osci_card_select *s, const struct osci_delivery *d)
{
    bool to = span_eq(d->mailbox, s->cipher);
    bool by = span_eq(d->originator_cipher, s->cipher) ||
              (s->signature.len > 0 && span_eq(d->originator_signature, s->signature));

    if (s->by == OSCI_SELECT_IDS) {
        for (size_t i = 0; i < s->id_count; i++)
            if (span_eq(s->ids[i], d->message_id))
                return to || by;
        return false;
    }
    if (s->by != OSCI_SELECT_NONE &&
        ((s->no_reception && d->reception != 0) || (s->originator && !by) || (s->addressee && !to)))
        return false;
    if (s->by == OSCI_SELECT_RECEPTION && d->creation < s->since)
        return false;
    if (s->by == OSCI_SELECT_MODIFIED && d->modified < s->since)
        return false;
    return to || by;
}

static enum status cards(struct osci_mailbox *self, const struct osci_card_select *select,
                         struct arena *arena, struct osci_delivery **list, size_t *count,
                         bool *more, struct error *err)
{
    struct helper_mailbox *m = (struct helper_mailbox *)self;

    *list = arena_array(arena, sizeof **list, HELPER_DELIVERIES);
    TRY_ALLOC(*list, err);
    *count = 0;
    *more = false;
    for (size_t i = 0; i < m->delivery_count; i++) {
        if (!card_wanted(select, &m->deliveries[i].d))
            continue;
        if (*count == select->limit)
            *more = true;
        else
            (*list)[(*count)++] = m->deliveries[i].d;
    }
    return ST_OK;
}

void helper_mailbox_init(struct helper_mailbox *m)
{
    *m = (struct helper_mailbox){.base = {.id_issue = id_issue,
                                          .id_check = id_check,
                                          .known = known,
                                          .accept = deliver,
                                          .select = fetch,
                                          .release = release,
                                          .forwarded = forwarded,
                                          .unforwarded = unforwarded,
                                          .received = received,
                                          .cards = cards}};
    arena_init(&m->arena, ARENA_BYTES);
}

void helper_mailbox_deinit(struct helper_mailbox *m)
{
    arena_deinit(&m->arena);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/helper_partial.h"

#include <stdio.h>

#include "tests/unit/helper_osci.h"

static void connect(struct partial *p)
{
    const struct gw_mailbox mailbox = {
        .store = p->store.store, .rng = rng_system(), .ids = &p->ids};
    const struct gw_transfers transfers = {
        .store = p->store.store, .rng = rng_system(), .client_max = 3, .client_kb_max = 200};

    p->ids.max = 100;
    p->f.im.mailbox = gw_mailbox_init(&p->mailbox, &mailbox);
    p->f.im.transfers = gw_transfers_init(&p->transfers, &transfers);
    p->f.im.chunks =
        (struct osci_chunk_limits){.min_kb = 2, .max_kb = 8, .message_kb = 100, .timeout_s = 60};
}

void partial_issue(struct partial *p, const char *id)
{
    struct error err = {0};

    helper_ok(p->f.im.mailbox->id_issue(p->f.im.mailbox, span_str(id),
                                        im_cert(&p->f, "originator-cipher-2048"), IM_NOW, &err),
              &err);
}

void partial_inner(struct partial *p, const char *id)
{
    struct im_client c;
    struct osci_message m;

    im_client_init(&c, &p->f, "originator");
    c.plain = c.unsign = true;
    im_store_order(&c, &m, id, "addressee");
    m.subject = SPAN("Betreff");
    c.attachment.len = PARTIAL_OCTETS;
    c.attachment.body = source_span_init(&c.body, span_of(p->octets, PARTIAL_OCTETS));
    buf_reset(&p->inner);
    im_write(&c, &m, &p->inner);
    (void)source_span_init(&p->source, buf_span(&p->inner));
}

void partial_init(struct partial *p, const char *dir)
{
    *p = (struct partial){.keep = dir != NULL};
    im_fixture_init(&p->f);
    if (p->keep)
        (void)snprintf(p->store.dir, sizeof p->store.dir, "%s", dir);
    else
        helper_dir_make(p->store.dir);
    helper_store_open(&p->store, false);
    buf_init(&p->inner, PARTIAL_INNER_MAX);
    for (size_t i = 0; i < PARTIAL_OCTETS; i++)
        p->octets[i] = (uint8_t)(i * 7 + i / 256);
    connect(p);
    if (!p->keep)
        partial_issue(p, PARTIAL_ID);
    partial_inner(p, PARTIAL_ID);
    im_client_init(&p->client, &p->f, "originator");
}

void partial_deinit(struct partial *p)
{
    helper_store_close(&p->store);
    if (!p->keep)
        helper_dir_remove(p->store.dir);
    im_fixture_deinit(&p->f);
    buf_deinit(&p->inner);
}

void partial_restart(struct partial *p)
{
    const struct osci_sessions_conf conf = {.max = 64, .client_max = 8};
    struct error err = {0};

    helper_store_reopen(&p->store);
    connect(p);
    osci_sessions_drop(&p->f.sessions);
    helper_ok(osci_sessions_new(&conf, &p->f.sessions, &err), &err);
    p->f.im.sessions = p->f.sessions;
    im_client_init(&p->client, &p->f, p->client.who);
}

void partial_order(struct partial *p, const char *id, uint64_t number, struct osci_chunk *chunk,
                   struct osci_message *m)
{
    struct im_client *c = &p->client;
    struct error err = {0};

    im_order(c, OSCI_PARTIAL_STORE_DELIVERY, m);
    m->creation = OSCI_QUALITY_PLAIN;
    m->message_id = span_str(id);
    m->features.present = true;
    c->certs[m->cert_count++] = (struct osci_cert){.role = OSCI_CIPHER_ADDRESSEE,
                                                   .cert = im_cert(&p->f, "addressee-cipher-2048")};
    if (number == 0)
        osci_chunk_none(m);
    else
        helper_ok(osci_chunk_cut(&p->source.base, PARTIAL_KB, number, chunk, m, &err), &err);
}

size_t partial_deliveries(struct partial *p)
{
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_mailbox_list list;
    struct error err = {0};

    helper_ok(gw_store_read(p->store.store, &tx, &err), &err);
    helper_ok(gw_store_mailboxes(tx, &arena, &list, &err), &err);
    return list.count == 0 ? 0 : (size_t)list.rows[0].total;
}

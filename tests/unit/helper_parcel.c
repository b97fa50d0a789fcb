#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/helper_parcel.h"

enum { WIRE_MAX = 128 * 1024 * 1024 };

static const struct policy policy;

static void parcel_cert(struct parcel *p, size_t i, enum osci_role role, size_t number,
                        const char *name)
{
    struct error err = {0};

    p->certs[i] = (struct osci_cert){.role = role, .cert = helper_cert(name)};
    helper_ok(osci_cert_id(role, number, p->certs[i].cert, &p->arena, &p->certs[i].id, &err), &err);
}

void parcel_init(struct parcel *p, const char *author)
{
    *p = (struct parcel){0};
    rng_count_init(&p->rng);
    arena_init(&p->arena, 4 * 1024 * 1024);
    buf_init(&p->package, WIRE_MAX);
    buf_init(&p->octets, WIRE_MAX);
    for (uint32_t i = 0, x = 7; i < 300000; i++, x = x * 1664525 + 1013904223)
        buf_char(&p->octets, (char)(x >> 24));
    parcel_cert(p, P_ADDRESSEE, OSCI_CIPHER_ADDRESSEE, 0, "addressee-cipher-2048");
    parcel_cert(p, P_AUTHOR, OSCI_SIGNATURE_OTHER_AUTHOR, 0, author);
    parcel_cert(p, P_READER, OSCI_CIPHER_OTHER_READER, 0, "reader-cipher-2048");
    parcel_cert(p, P_READER2, OSCI_CIPHER_OTHER_READER, 1, "reader2-cipher-2048");
    parcel_cert(p, P_ORIGINATOR, OSCI_SIGNATURE_ORIGINATOR, 0, "originator-signature-2048");
    p->author = helper_key(author);
    p->signer = (struct osci_signer){p->author, p->certs[P_AUTHOR].cert, p->certs[P_AUTHOR].id};
    p->container = (struct osci_seal_container){
        .contents = p->contents, .authors = &p->signer, .author_count = 1};
    p->seal = (struct osci_seal){.containers = &p->container,
                                 .count = 1,
                                 .policy = &policy,
                                 .now = helper_now,
                                 .rng = &p->rng.base};
    p->msg = (struct osci_message){.type = OSCI_STORE_DELIVERY,
                                   .control = {.challenge = SPAN("C1"), .has_sequence = true},
                                   .creation = OSCI_QUALITY_PLAIN,
                                   .reception = OSCI_QUALITY_PLAIN,
                                   .message_id = SPAN("dep_1"),
                                   .certs = p->certs,
                                   .cert_count = ARRAY_LEN(p->certs),
                                   .attachments = p->attachments,
                                   .has_package = true};
}

void parcel_deinit(struct parcel *p)
{
    for (size_t i = 0; i < ARRAY_LEN(p->certs); i++)
        cert_free(p->certs[i].cert);
    for (size_t i = 0; i < PARCEL_PARTS_MAX; i++)
        buf_deinit(&p->sealed[i]);
    key_free(p->author);
    buf_deinit(&p->package);
    buf_deinit(&p->octets);
    arena_deinit(&p->arena);
}

void parcel_add(struct parcel *p, struct span name, size_t len, bool attachment)
{
    size_t i = p->container.count++;
    struct span octets = span_sub(buf_span(&p->octets), i, len);

    assert_true(i < PARCEL_PARTS_MAX);
    buf_init(&p->sealed[i], WIRE_MAX);
    p->contents[i] = (struct osci_seal_content){
        .name = name,
        .bytes = source_span_init(&p->sources[i], octets),
        .attachment = attachment,
        .sealed = sink_buf_init(&p->sinks[i], &p->sealed[i]),
    };
}

void parcel_attach(struct parcel *p, struct span cid, struct span octets)
{
    size_t i = p->msg.attachment_count++;
    struct osci_attachment *a = &p->attachments[i];
    struct error err = {0};

    *a = (struct osci_attachment){
        .cid = cid, .len = octets.len, .body = source_span_init(&p->bodies[i], octets)};
    helper_ok(digest_of(alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST), octets, &a->digest, &err),
              &err);
}

void parcel_seal(struct parcel *p)
{
    struct error err = {0};

    helper_ok(osci_seal(&p->seal, &p->arena, &p->package, &err), &err);
    for (size_t i = 0; i < PARCEL_PARTS_MAX; i++) {
        const struct osci_seal_content *c = &p->contents[i];

        if (!c->attachment)
            continue;
        assert_int_equal(c->sealed_len, p->sealed[i].len);
        parcel_attach(p, c->cid, buf_span(&p->sealed[i]));
        assert_true(span_eq(digest_span(&c->sealed_digest),
                            digest_span(&p->attachments[p->msg.attachment_count - 1].digest)));
    }
}

void parcel_write(struct parcel *p, bool is_signed, struct buf *wire)
{
    AUTO(key_drop) struct key *originator = helper_key("originator-signature-2048");
    struct osci_write write = {.msg = &p->msg,
                               .sign_key = is_signed ? originator : NULL,
                               .policy = &policy,
                               .now = helper_now,
                               .rng = &p->rng.base};
    AUTO(osci_writer_drop) struct osci_writer *writer = NULL;
    struct error err = {0};
    bool end = false;

    p->msg.package = buf_span(&p->package);
    helper_ok(osci_message_write(&write, &writer, &err), &err);
    while (!end)
        helper_ok(osci_writer_next(writer, wire, &end, &err), &err);
}

void parcel_send(struct parcel *p, bool is_signed, struct helper_in *in)
{
    struct error err = {0};

    buf_init(&in->wire, WIRE_MAX);
    parcel_write(p, is_signed, &in->wire);
    helper_ok(helper_read(in, NULL, &policy, &err), &err);
}

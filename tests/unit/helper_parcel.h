/*
 * helper_parcel.h - a storeDelivery with some content: sealed, sent as a message, read again
 */
#pragma once

#include "tests/unit/helper_content.h"

enum { PARCEL_PARTS_MAX = 8 };
enum { P_ADDRESSEE, P_AUTHOR, P_READER, P_READER2, P_ORIGINATOR, P_CERTS };

struct parcel {
    struct rng_count rng;
    struct arena arena;
    struct osci_cert certs[P_CERTS]; /* addressee, author, two readers, originator's signature */
    struct key *author;
    struct buf package, octets, sealed[PARCEL_PARTS_MAX];
    struct sink_buf sinks[PARCEL_PARTS_MAX];
    struct source_span sources[PARCEL_PARTS_MAX], bodies[PARCEL_PARTS_MAX];
    struct osci_seal_content contents[PARCEL_PARTS_MAX];
    struct osci_attachment attachments[PARCEL_PARTS_MAX];
    struct osci_signer signer;
    struct osci_seal_container container; /* with all contents */
    struct osci_seal seal;
    struct osci_message msg;
};
/* author: the name of the author's key. Nothing in it yet, no readers. */
void parcel_init(struct parcel *p, const char *author);
void parcel_deinit(struct parcel *p); /* for AUTO */
/* One content more: len octets of a pattern. */
void parcel_add(struct parcel *p, struct span name, size_t len, bool attachment);
/* An attachment of the message, without any content that speaks of it. */
void parcel_attach(struct parcel *p, struct span cid, struct span octets);
/* osci_seal; its attachments become the message's. */
void parcel_seal(struct parcel *p);
/* The message as it goes over the wire, without envelope; appended. */
void parcel_write(struct parcel *p, bool is_signed, struct buf *wire);
/* Written, and read again. */
void parcel_send(struct parcel *p, bool is_signed, struct helper_in *in);

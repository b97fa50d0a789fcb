/*
 * osci/orders.h - the intermediary's work on one message; private to intermediary.c, orders.c,
 * forward.c, partial.c and transfer.c
 *
 * An order's function runs when nothing speaks against it any more: dialog, client, signature and
 * certificates are checked. What it returns other than ST_OK is refused with err->reason, or 9811.
 *
 * Source: OSCI 1.2 digest 2.1 to 2.11.
 */
#pragma once

#include "certs/inspect.h"
#include "osci/intermediary.h"

enum { OSCI_CODES_MAX = 32, OSCI_PARTS_MAX = 64 * 1024 * 1024 };

struct osci_work {
    const struct osci_intermediary *im;
    const struct osci_request *request;
    const struct osci_message *msg;
    const struct osci_reading *reading;
    int64_t now;
    struct osci_decision *d;
    /* the dialog */
    bool in_dialog; /* session is taken, or opened by this initDialog */
    bool opened, closed;
    struct osci_session session;
    /* the client */
    struct cert *cipher; /* borrowed from session or message; NULL: unknown */
    bool cipher_believed;
    const struct cert *signer; /* NULL: unsigned */
    struct error later;        /* under CBC: what is said once the signature is good; ST_OK: none */
    /* findings */
    int warnings[OSCI_CODES_MAX];
    size_t warning_count;
    struct osci_inspection *inspections; /* of a delivery's certificates */
    size_t inspection_count;
    bool addressee_believed;
    /* a delivery that is forwarded: */
    struct osci_delivery passed; /* its card; texts in the decision's arena */
    struct span challenge;       /* of the outgoing message */
    struct span reply_id;        /* MessageIdResponse; empty: none */
    bool resumed;                /* it was accepted before, and is brought once more */
    bool handed_out;             /* and had left us then */
    bool keep_card;              /* the answer shows the card even when a code refuses */
    /* a chunk order's transfer, or the one whose inner message this is; zeroed: none */
    struct osci_transfer transfer;
    bool again;         /* the chunk was there already */
    const char *inside; /* codes of the inner message; NULL: none */
};

/* An empty decision. */
MUST_CHECK enum status osci_decision_new(struct osci_decision **decision, struct error *err);
/* The certificates whose counts are the message's. */
void osci_certs_drop(struct osci_message *msg);
/* SHA-256 of a certificate, empty when there is none. */
static inline struct span osci_sha256_of(const struct cert *cert)
{
    return cert == NULL ? SPAN_NONE : cert_sha256(cert);
}
/* Notes a warning once. */
void osci_work_warn(struct osci_work *w, int code);
/* The verdict on one certificate becomes warnings, or the code that decides. */
MUST_CHECK enum status osci_work_judge(struct osci_work *w, const struct cert *cert,
                                       enum cert_role role, struct cert_verdict *verdict,
                                       struct error *err);
/* Into the decision's arena; absent stays absent. */
MUST_CHECK enum status osci_work_copy(struct osci_work *w, struct span from, struct span *to,
                                      struct error *err);
/* A fresh MessageId, issued to the client. */
MUST_CHECK enum status osci_work_id(struct osci_work *w, struct span *id, struct error *err);
/* 9801 instead of ST_NOT_FOUND and ST_DUPLICATE. */
enum status osci_id_status(enum status st, struct error *err);
/* The delivery's row; parts and inspections are its texts until it is kept. */
MUST_CHECK enum status osci_work_delivery(struct osci_work *w, struct osci_delivery *delivery,
                                          struct buf *parts, struct buf *inspections,
                                          struct error *err);

/* No certificate that we sign with, now or when the delivery is fetched, lacks its Id: as
 * osci_parts_check. */
MUST_CHECK enum status osci_work_ids(struct osci_work *w, const struct osci_reading *reading,
                                     enum osci_type type, struct error *err);
/* The key of the certificate with which msg says that we sign it. */
const struct key *osci_work_key(const struct osci_intermediary *im, const struct osci_message *msg,
                                int64_t now);

/* The certificates of a delivery, each with an Inspection on the card. */
MUST_CHECK enum status osci_work_inspect(struct osci_work *w, struct error *err);
/* What the warnings and that code come to, as text: "3707 0800". In the decision's arena. */
MUST_CHECK enum status osci_work_codes(struct osci_work *w, int code, const char **codes,
                                       struct error *err);

/* Would the addressee be able to read this delivery (osci/rehearsal.c)? ST_INVALID 9300: no. */
MUST_CHECK enum status osci_work_rehearse(struct osci_work *w, const struct osci_delivery *delivery,
                                          struct error *err);

enum osci_times { OSCI_CREATION_ONLY, OSCI_AND_FORWARDING, OSCI_ALL_TIMES };
/* A card with these times of a delivery. */
MUST_CHECK enum status osci_work_card(struct osci_work *w, const struct osci_delivery *delivery,
                                      enum osci_times times, struct osci_card *card,
                                      struct error *err);

/* forwardDelivery and mediateDelivery up to the outgoing message (osci/forward.c). */
MUST_CHECK enum status osci_order_forward(struct osci_work *w, struct error *err);
/* The recipient's answer judged, and ours filled. A failure brings its code. */
MUST_CHECK enum status osci_forward_finish(struct osci_work *w,
                                           const struct osci_forward_result *result,
                                           struct error *err);

/* storeDelivery, whole or put together from its chunks (osci/orders.c). */
MUST_CHECK enum status osci_order_store(struct osci_work *w, struct error *err);
/* The delivery that the order selects, into w->d->delivery; *waiting: how many more there are. */
MUST_CHECK enum status osci_fetch_select(struct osci_work *w, uint64_t *waiting, struct error *err);
/* Fills an answer to fetchDelivery with it; Forwarding is w->now, unless it is set already. */
MUST_CHECK enum status osci_fetch_fill(struct osci_work *w, struct osci_message *answer,
                                       struct error *err);
/* From now on the next order of the dialog proves that it got there. */
void osci_fetch_pending(struct osci_work *w);

/* The chunk orders (osci/partial.c). */
MUST_CHECK enum status osci_order_partial_store(struct osci_work *w, struct error *err);
MUST_CHECK enum status osci_order_partial_fetch(struct osci_work *w, struct error *err);
/* After the inner message was worked on, or the time was up. */
MUST_CHECK enum status osci_partial_finish(struct osci_work *w, bool ended, struct error *err);
/* ChunkInformation of the answer, refused or not. */
MUST_CHECK enum status osci_partial_echo(struct osci_work *w, struct error *err);
/* Does this order ask for more of what the dialog waits for the Reception of? */
bool osci_partial_wants_more(const struct osci_work *w);

/* Carries the order out and fills w->d->answer. */
MUST_CHECK enum status osci_order_run(struct osci_work *w, struct error *err);
/* What the answer says even when the order was refused: the selection's echo. */
MUST_CHECK enum status osci_order_echo(struct osci_work *w, struct error *err);

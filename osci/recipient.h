/*
 * osci/recipient.h - what a passive recipient decides about a message
 *
 * An intermediary brings acceptDelivery or processDelivery by itself, without a dialog: one
 * request, one answer. What is wrong before the client is known ends in a fault, everything later
 * in an answer with feedback. An order against which nothing speaks is to be taken: the keeper
 * makes it durable and only then lets the answer be written.
 *
 *   wire ► osci_transport_open ► osci_message_read ► osci_recipient_check ► take? ► durable
 *        ► osci_recipient_answer ► osci_visit_write ► wire
 *
 * The answer is signed if the order was, and encrypted if the order was. Results of the
 * intermediary's inspections never refuse an order: they are for the application.
 *
 * Thread-safe: the settings are const, the checker looks after itself.
 *
 * Source: OSCI 1.2 digest 2.8, 2.10, 2.0.3, 11; wire-notes 8, 9.
 */
#pragma once

#include "osci/intermediary.h"

/* An intermediary that may bring us something. */
struct osci_sender {
    const struct cert *cipher;    /* never NULL */
    const struct cert *signature; /* NULL: nothing that it signs is taken */
};

struct osci_recipient {
    const struct identity *identity;
    struct cert_checker *checker;
    const struct policy *policy;
    struct rng *rng; /* thread-safe */
    const struct osci_sender *senders;
    size_t sender_count;
    bool require_signature; /* 9600 otherwise */
    bool allow_plain;       /* orders without transport encryption */
    bool processes;         /* processDelivery is carried out; 9811 otherwise */
};

enum { OSCI_VISIT_WARNINGS = 8 };

/* One order and its answer. Free with osci_visit_free, after the last byte was written. */
struct osci_visit {
    bool take;              /* nothing speaks against it: keep it, then osci_recipient_answer */
    int fault;              /* 0: write the answer; otherwise osci_fault_write */
    int code;               /* that decided; 0 while it is to be taken */
    struct error why;       /* for the log when code is 9xxx: what was wrong */
    const char *type;       /* name of the order, "-" when unknown */
    struct span message_id; /* of the order's card; empty: none */
    size_t sender;          /* where take: which of the senders it came from */
    bool is_signed;
    struct cert *asker;   /* cipher certificate of the originator, for a reply; NULL: unknown */
    struct span reply_id; /* MessageIdResponse; ptr NULL: a request without protocol */
    struct osci_message answer;
    struct cert *encrypt_for; /* NULL: not encrypted */
    struct osci_form form;    /* what the intermediary reads */
    /* private: */
    int64_t now; /* when it came: our certificates of that time stand in the answer */
    const struct cert *sealed_by;
    struct arena arena;
    int warnings[OSCI_VISIT_WARNINGS];
    size_t warning_count;
    struct span languages;
};

/* A reply's content, for responseToProcessDelivery; all of it borrowed until the visit is freed. */
struct osci_reply {
    struct span subject; /* ptr NULL: none */
    struct span package; /* sealed by and with our own certificates */
    struct osci_attachment *attachments;
    size_t attachment_count;
    const struct cert *sealed_by; /* the one of our signature certificates; NULL: that of now */
};

/* Never fails for what the peer did: that is in the visit. ST_LIMIT: no memory. */
MUST_CHECK enum status osci_recipient_check(const struct osci_recipient *r,
                                            const struct osci_request *request, int64_t now,
                                            struct osci_visit **visit, struct error *err);
/*
 * Fills the answer of an order that was to be taken. refused 0: it was carried out (0800); else the
 * code, 9811 say, and why. reply (may be NULL) counts for a processDelivery that was carried out;
 * without one the answer has no content. When that fails the visit becomes fault 9000.
 */
void osci_recipient_answer(const struct osci_recipient *r, struct osci_visit *visit, int refused,
                           const struct error *why, const struct osci_reply *reply);
/* The writer for the answer. When that fails, the visit becomes fault 9000 and the status says why.
 */
MUST_CHECK enum status osci_visit_write(const struct osci_recipient *r, struct osci_visit *visit,
                                        int64_t now, struct osci_writer **writer,
                                        struct error *err);
void osci_visit_free(struct osci_visit *visit);
DROP_DEFINE(osci_visit_drop, struct osci_visit, osci_visit_free)

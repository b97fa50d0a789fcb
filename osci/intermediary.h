/*
 * osci/intermediary.h - what an intermediary decides about a message
 *
 * In comes what the readers made of the wire bytes, out goes a decision: an answer to be written,
 * signed and enciphered, or a fault. Whatever must survive is done through struct osci_mailbox
 * before the function returns, and durable when its functions return: the answer may leave at once.
 *
 *   wire ► osci_transport_open ► osci_message_read ► osci_intermediary_handle ► osci_message_write
 *                                                       │ stages, digest 2.0.3
 *                                                       ▼
 *                                                  osci_mailbox (gateway: index and files)
 *
 * forwardDelivery and mediateDelivery go on to a passive recipient before they are answered. Their
 * decision says so, and waits with its dialog:
 *
 *   osci_intermediary_handle ► decision->forward ► osci_forward_write ► network
 *                            ► osci_intermediary_resume ► osci_decision_write
 *
 * A storeDelivery in chunks waits in the same way, for its inner message to be carried out, see
 * osci/transfer.h. What is no order for an intermediary is answered with fault 9300.
 *
 * Thread-safe: the settings are const, sessions and checker look after themselves, and the mailbox
 * must do so.
 *
 * Source: OSCI 1.2 digest 1.3, 2, 3.4, 5, 9, 11.1; wire-notes 1.7, 1.8, 7 to 10, 12.
 */
#pragma once

#include "certs/checker.h"
#include "certs/identity.h"
#include "crypto/base/rng.h"
#include "osci/message.h"
#include "osci/sessions.h"
#include "osci/transfer.h"

enum { OSCI_SHA256_BYTES = 32, OSCI_CARDS_AT_ONCE = 500 };

/* ---- what the intermediary asks of its keeper ---- */

enum osci_delivery_kind {
    OSCI_DELIVERY_STORE,   /* waits in its mailbox */
    OSCI_DELIVERY_FORWARD, /* these two have a card, but their content is not kept */
    OSCI_DELIVERY_MEDIATE,
};

/* A delivery, on its way in or out. Certificates are named by the SHA-256 of their DER. */
struct osci_delivery {
    enum osci_delivery_kind kind;
    struct span message_id;                              /* decoded */
    struct span mailbox;                                 /* addressee's cipher certificate */
    struct span addressee;                               /* its subject; in only */
    struct span originator_cipher, originator_signature; /* empty: absent */
    struct span subject;                                 /* ptr NULL: absent */
    int64_t creation, forwarding, reception, modified;   /* 0: not set */
    struct span parts;       /* certificates and foreign blocks, as osci/delivery.h keeps them */
    struct span inspections; /* as osci/processcard.h keeps them */
    /* in: */
    const struct osci_reading *reading; /* its attachments, by osci_attachment_copy */
    struct span package;                /* text of the content package */
    bool has_package;
    /* It came in chunks: accept ends the transfer with this result in the same step. Empty: no. */
    struct span transfer, transfer_result;
    /* out; NULL and 0 in a list of cards: */
    struct source *package_source;       /* NULL: there was none */
    struct osci_attachment *attachments; /* cid, len, SHA-256, body */
    size_t attachment_count;
    void *held; /* the mailbox's own, until release */
};

struct osci_mailbox_select { /* fetchDelivery, digest 2.5 */
    struct span mailbox;
    struct span message_id; /* ptr NULL: the oldest without reception */
    int64_t since;          /* 0: any */
};

struct osci_card_select {          /* fetchProcessCard, digest 5.5 */
    struct span cipher, signature; /* who asks; signature may be empty */
    enum osci_select by;
    const struct span *ids;
    size_t id_count;
    int64_t since;
    bool originator, addressee; /* Role; both false: both */
    bool no_reception;
    size_t limit;
};

/* Calls block, are durable when they return, and may come from several threads at once. */
struct osci_mailbox {
    /* Issues id to client (may be NULL). ST_DUPLICATE: known; ST_LIMIT: too many are
     * open, of this client or of all. */
    enum status (*id_issue)(struct osci_mailbox *self, struct span id, const struct cert *client,
                            int64_t now, struct error *err);
    /* ST_NOT_FOUND: not issued here; ST_DUPLICATE: used. */
    enum status (*id_check)(struct osci_mailbox *self, struct span id, struct error *err);
    /* Is there such a mailbox by configuration? ST_OK or ST_NOT_FOUND. */
    enum status (*known)(struct osci_mailbox *self, const struct cert *addressee,
                         struct error *err);
    /* Delivery, card and the id's use, all or nothing. ST_NOT_FOUND, ST_DUPLICATE as id_check;
     * ST_LIMIT, an occasion of osci/feedback.h: no room, the id stays unused. */
    enum status (*accept)(struct osci_mailbox *self, const struct osci_delivery *delivery,
                          struct error *err);
    /* One delivery with its content; *waiting: how many more. ST_NOT_FOUND: none. Texts in the
     * arena; release when the answer is written to the last byte. */
    enum status (*select)(struct osci_mailbox *self, const struct osci_mailbox_select *select,
                          struct arena *arena, struct osci_delivery *delivery, uint64_t *waiting,
                          struct error *err);
    void (*release)(struct osci_mailbox *self, struct osci_delivery *delivery);
    enum status (*forwarded)(struct osci_mailbox *self, struct span id, int64_t at,
                             struct error *err);
    /* It did not get there after all: Forwarding is taken back, RecentModification becomes at. */
    enum status (*unforwarded)(struct osci_mailbox *self, struct span id, int64_t at,
                               struct error *err);
    /* Reception, once and for all; set already is ST_OK. */
    enum status (*received)(struct osci_mailbox *self, struct span id, int64_t at,
                            struct error *err);
    /* Cards without content, at most select->limit; none is ST_OK. *more: there are others. */
    enum status (*cards)(struct osci_mailbox *self, const struct osci_card_select *select,
                         struct arena *arena, struct osci_delivery **cards, size_t *count,
                         bool *more, struct error *err);
};

/* ---- the intermediary ---- */

struct osci_intermediary {
    const struct identity *identity;
    const struct osci_own_cipher *own; /* what orders were opened with, as transport.own counts */
    size_t own_count;
    struct cert_checker *checker; /* of the certificates in orders */
    struct cert_cache *cache;     /* may be NULL */
    const struct policy *policy;
    struct osci_sessions *sessions;
    struct osci_mailbox *mailbox;
    struct rng *rng;                  /* thread-safe */
    bool require_signature;           /* 9600 otherwise */
    bool allow_plain;                 /* orders without transport encryption, for tests */
    bool self_registering;            /* an addressee with a believed certificate has a mailbox */
    uint64_t max_message_kb;          /* told in the FeatureDescription; 0: not said */
    struct osci_transfers *transfers; /* NULL: chunk orders are answered with fault 9000 */
    struct osci_chunk_limits chunks;  /* where transfers is set */
    /* Where deliveries may be forwarded to (digest 12.7): URLs, those ending in '/' as beginnings.
     */
    const char *const *receivers;
    size_t receiver_count;
};

/* What its answers say about it, and what a directory is to know. */
void osci_intermediary_features(const struct osci_intermediary *im, struct osci_features *features);

/* Which of the receivers a ContentReceiver's URI belongs to; false: none, and nobody may connect.
 */
bool osci_receiver_find(const struct osci_intermediary *im, struct span uri, size_t *receiver);

/* What came in. */
struct osci_request {
    struct osci_transport transport;
    const struct osci_reading *reading; /* NULL: reading failed: */
    struct error failure;               /* of osci_transport_open or osci_message_read */
};

/* Stages 0 to 3 were the readers'; this says which code their failure gets. ST_OK: it is an order,
 * in an envelope unless allow_plain. Else a fault: 9000, 9100, 92xx, 9300. */
MUST_CHECK enum status osci_request_check(const struct osci_request *request, bool allow_plain,
                                          struct error *err);

/* What is to be done now. Free with osci_decision_free, after the last byte was written. */
struct osci_decision {
    int fault;              /* 0: write the answer; otherwise osci_fault_write */
    int code;               /* that decided: 800, 9803, ... or the fault */
    struct error why;       /* for the log when code is 9xxx: what was wrong */
    const char *type;       /* name of the order, "-" when unknown */
    struct span message_id; /* of the delivery or the issued one; empty: none */
    bool delivered;         /* a delivery was taken for the mailbox: */
    uint8_t delivered_to[OSCI_SHA256_BYTES];
    struct osci_message answer;
    struct cert *encrypt_for; /* NULL: not encrypted */
    struct osci_form form;    /* what the order's sender reads */
    /* Nothing is decided yet: write this message to that URL, then osci_intermediary_resume. */
    bool forward;
    const char *forward_uri;
    size_t forward_receiver;
    struct osci_message outgoing;
    /* Nor is it here: have osci_transfer_process work on this transfer, unless somebody does
     * already; when it ends, or after wait_ms, osci_transfer_resume. */
    bool process;
    struct span transfer;
    int64_t wait_ms;
    /* private: */
    struct osci_work *work; /* what waits */
    struct arena arena;
    struct buf package;
    struct osci_delivery delivery;
    struct osci_mailbox *mailbox;
    struct osci_transfers *transfers; /* that frame is of */
    struct source *frame;
    struct osci_chunk chunk;
    char conversation_id[OSCI_SESSION_TEXT_MAX]; /* of the open dialog, "" when there is none */
};

/* Never fails for what the peer did: that is a decision. ST_LIMIT: no memory. request and its
 * reading must live until a decision that forwards is resumed. */
MUST_CHECK enum status osci_intermediary_handle(const struct osci_intermediary *im,
                                                const struct osci_request *request, int64_t now,
                                                struct osci_decision **decision, struct error *err);
void osci_decision_free(struct osci_decision *decision);
DROP_DEFINE(osci_decision_drop, struct osci_decision, osci_decision_free)

/*
 * The writer for the answer. When that fails, the decision becomes fault 9000, the dialog ends, and
 * the status says why; write the fault then.
 */
MUST_CHECK enum status osci_decision_write(const struct osci_intermediary *im,
                                           struct osci_decision *decision, int64_t now,
                                           struct osci_writer **writer, struct error *err);

/* The writer for the outgoing message: signed by us, enciphered for the addressee. On failure
 * resume with OSCI_FORWARD_NOT_SENT. */
MUST_CHECK enum status osci_forward_write(const struct osci_intermediary *im,
                                          struct osci_decision *decision, int64_t now,
                                          struct osci_writer **writer, struct error *err);

enum osci_forward_how {
    OSCI_FORWARD_NOT_SENT, /* not the whole message left us */
    OSCI_FORWARD_LOST,     /* it did, but no answer came that could be read */
    OSCI_FORWARD_FAILED,   /* the recipient's server answered with something that is no OSCI */
    OSCI_FORWARD_ANSWERED,
};

/* How it went. Where answered, the recipient's answer as opened with our own cipher keys and read;
 * it must live until the decision is freed. */
struct osci_forward_result {
    enum osci_forward_how how;
    struct error why; /* where not answered */
    struct osci_transport transport;
    const struct osci_reading *reading;
};

/* Decides now. The outgoing message's writer must be freed before. */
void osci_intermediary_resume(const struct osci_intermediary *im, struct osci_decision *decision,
                              const struct osci_forward_result *result, int64_t now);

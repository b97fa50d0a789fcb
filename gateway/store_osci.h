/*
 * gateway/store_osci.h - what the gateway keeps as an OSCI intermediary
 *
 * Issued MessageIds, deliveries with their content, and process cards (Laufzettel). A delivery and
 * its card are one row: first with content, later, when retention has removed the content, the card
 * alone. Whose mailbox it is says the SHA-256 of the addressee's cipher certificate (DER). Content
 * files (ContentPackage, attachments) lie in the payload area under the row's own id.
 *
 * Several intermediaries (tenants) may share a store. None of them sees ids, deliveries, cards or
 * mailboxes of another: the same certificate has a mailbox with each. NULL is a tenant, too: the
 * one without a name.
 *
 * Rules, errors and the meaning of W as in gateway/store.h. Who may see what is decided by the
 * selections themselves: what is not visible is not found.
 *
 * Source: OSCI 1.2, process card and selection rules (digest 2.3 to 2.6, 5.3, 5.5, 5.6).
 */
#pragma once

#include "gateway/store.h"

struct gw_osci_id_row {
    const char *osci_message_id;
    const char *tenant;
    uint8_t client[GW_SHA256_BYTES]; /* cipher certificate it was issued to */
    int64_t issued_at;
    int64_t used_at; /* 0: not yet */
};

/* W. Remembers a fresh id before it is told. ST_DUPLICATE: it exists; draw another. */
MUST_CHECK enum status gw_store_osci_id_issue(struct gw_tx *tx, const struct gw_osci_id_row *row,
                                              struct error *err);
MUST_CHECK enum status gw_store_commit_osci_id(struct gw_store *store,
                                               const struct gw_osci_id_row *row, struct error *err);
MUST_CHECK enum status gw_store_osci_id(struct gw_tx *tx, struct arena *arena, const char *tenant,
                                        const char *osci_message_id, struct gw_osci_id_row *row,
                                        struct error *err);
/* Ids not used yet, of all tenants: issued to this client, or (client NULL) to anybody. For the
 * bounds against exhaustion. */
MUST_CHECK enum status gw_store_osci_ids_open(struct gw_tx *tx,
                                              const uint8_t client[GW_SHA256_BYTES],
                                              uint64_t *count, struct error *err);

/* What may wait for Reception at once; 0: no bound. */
struct gw_quota {
    uint64_t messages, bytes;
};
struct gw_quotas {
    struct gw_quota mailbox, client; /* client: all from one originator's cipher certificate */
};

enum gw_delivery_kind { GW_DELIVERY_STORE, GW_DELIVERY_FORWARD, GW_DELIVERY_MEDIATE };

struct gw_delivery_row {
    const char *id;              /* ours, gw_uuid_make; owner of the files */
    const char *osci_message_id; /* base64 as on the wire */
    const char *tenant;          /* of the intermediary role; may be NULL */
    enum gw_delivery_kind kind;
    uint8_t mailbox[GW_SHA256_BYTES];              /* addressee's cipher certificate */
    const char *addressee;                         /* its subject; in only, may be NULL */
    const struct gw_quotas *quotas;                /* in only; NULL: none */
    uint8_t originator_cipher[GW_SHA256_BYTES];    /* all zero: absent */
    uint8_t originator_signature[GW_SHA256_BYTES]; /* all zero: absent */
    const char *subject;
    int64_t creation, forwarding, reception, recent_modification; /* 0: not set */
    uint64_t size_bytes;
    struct span parts;       /* opaque: certificates, custom headers, features as kept for later */
    struct span inspections; /* opaque: the InspectionReport */
    bool content;            /* set by the store: false once retention has taken the content */
    bool damaged;            /* set by the store: a content file is missing or changed */
};

struct gw_delivery_list {
    struct gw_delivery_row *rows;
    size_t count;
    bool more;
};

/*
 * W. Marks the id as used and keeps delivery, files and card, all or nothing. creation must be set;
 * recent_modification starts as creation. A GW_DELIVERY_FORWARD or MEDIATE has no content: it is
 * the card alone, and waits in no mailbox. ST_NOT_FOUND the id was never issued here, ST_DUPLICATE
 * it is used up: both are 9801 to the peer. ST_LIMIT: beyond a quota; the reason is an occasion of
 * osci/feedback.h.
 */
MUST_CHECK enum status gw_store_delivery_accept(struct gw_tx *tx, const struct gw_delivery_row *row,
                                                const struct gw_file_row *files, size_t file_count,
                                                struct error *err);
MUST_CHECK enum status gw_store_commit_delivery(struct gw_store *store,
                                                const struct gw_delivery_row *row,
                                                const struct gw_file_row *files, size_t file_count,
                                                struct error *err);

/* Which delivery of a mailbox: by id, else the oldest without reception created at or after since.
 */
struct gw_delivery_select {
    const char *tenant;
    uint8_t mailbox[GW_SHA256_BYTES];
    const char *osci_message_id; /* NULL: the next; given: even when received, while retained */
    int64_t since;               /* 0: any time */
    const char *skip_id;         /* not this one (our id): handed out a moment ago; or NULL */
};

/*
 * One delivery with content. *waiting, if not NULL: how many further ones the same selection has
 * (warning 3800). ST_NOT_FOUND: none (9803).
 */
MUST_CHECK enum status gw_store_delivery_select(struct gw_tx *tx, struct arena *arena,
                                                const struct gw_delivery_select *select,
                                                struct gw_delivery_row *row, uint64_t *waiting,
                                                struct error *err);
/* By our id or the peer's, without regard to visibility; for the operator and for forwarding. */
MUST_CHECK enum status gw_store_delivery(struct gw_tx *tx, struct arena *arena,
                                         const char *osci_message_id, struct gw_delivery_row *row,
                                         struct error *err);

/* W. Forwarding is the newest attempt's; sets recent_modification too. ST_NOT_FOUND. */
MUST_CHECK enum status gw_store_delivery_forwarded(struct gw_tx *tx, const char *osci_message_id,
                                                   int64_t at, struct error *err);
/* W. Takes Forwarding back: the attempt did not leave us. ST_NOT_FOUND. */
MUST_CHECK enum status gw_store_delivery_unforwarded(struct gw_tx *tx, const char *osci_message_id,
                                                     int64_t at, struct error *err);
/* W. Reception, once and for all. ST_DUPLICATE: it is set already, nothing changes. */
MUST_CHECK enum status gw_store_delivery_received(struct gw_tx *tx, const char *osci_message_id,
                                                  int64_t at, struct error *err);
MUST_CHECK enum status gw_store_commit_forwarded(struct gw_store *store,
                                                 const char *osci_message_id, int64_t at,
                                                 struct error *err);
MUST_CHECK enum status gw_store_commit_unforwarded(struct gw_store *store,
                                                   const char *osci_message_id, int64_t at,
                                                   struct error *err);
MUST_CHECK enum status gw_store_commit_received(struct gw_store *store, const char *osci_message_id,
                                                int64_t at, struct error *err);

enum gw_card_by { GW_CARD_ALL, GW_CARD_IDS, GW_CARD_CREATION, GW_CARD_MODIFICATION };
enum gw_card_role { GW_CARD_BOTH, GW_CARD_ADDRESSEE, GW_CARD_ORIGINATOR };

/* digest 5.5; role and no_reception count for the two date rules only. */
struct gw_card_select {
    const char *tenant;
    uint8_t cipher[GW_SHA256_BYTES];    /* who asks: the cipher certificate of the dialog */
    uint8_t signature[GW_SHA256_BYTES]; /* and its signature certificate; all zero: none */
    enum gw_card_by by;
    const char *const *ids; /* GW_CARD_IDS: osci_message_ids */
    size_t id_count;
    int64_t since; /* at or after */
    enum gw_card_role role;
    bool no_reception;
    size_t limit; /* 0: GW_LIST_MAX */
};

/*
 * Cards without their content, by creation (by recent_modification where that is the rule),
 * oldest first. list->more: warning 3801. None: ST_OK and an empty list (9804 to the peer).
 */
MUST_CHECK enum status gw_store_cards(struct gw_tx *tx, struct arena *arena,
                                      const struct gw_card_select *select,
                                      struct gw_delivery_list *list, struct error *err);

struct gw_mailbox_row {
    const char *tenant;
    uint8_t mailbox[GW_SHA256_BYTES];
    const char *subject;    /* of the owner's cipher certificate; NULL: not known */
    uint64_t waiting;       /* without reception */
    uint64_t waiting_bytes; /* of those */
    uint64_t total;         /* with content */
    uint64_t bytes;         /* of those */
    uint64_t cards;         /* with and without content */
    int64_t oldest_waiting; /* creation; 0: none */
    int64_t newest;         /* creation */
    int64_t last_fetched;   /* reception; 0: never */
};

struct gw_mailbox_list {
    struct gw_mailbox_row *rows;
    size_t count;
};

/* Mailboxes that hold or held something; by tenant and mailbox. */
MUST_CHECK enum status gw_store_mailboxes(struct gw_tx *tx, struct arena *arena,
                                          struct gw_mailbox_list *list, struct error *err);

/* Ages in ms; 0: keep for ever. */
struct gw_retention {
    const char *tenant;  /* of this one alone */
    int64_t undelivered; /* content without reception, since creation (digest 5.6: 90 days) */
    int64_t delivered;   /* content, since reception (7 days) */
    int64_t card;        /* cards without content, since recent_modification (1 year) */
    int64_t unused_id;   /* issued ids never used, since issue (30 days) */
    size_t limit;        /* rows of each kind in one go; 0: 100 */
};

struct gw_retention_done {
    uint64_t undelivered, delivered, cards, ids;
};

/* W. Removes what is too old; files leave the disk after the commit. Used ids stay known as long as
 * their card. Call again while anything was removed. */
MUST_CHECK enum status gw_store_retain(struct gw_tx *tx, const struct gw_retention *retention,
                                       int64_t now, struct gw_retention_done *done,
                                       struct error *err);

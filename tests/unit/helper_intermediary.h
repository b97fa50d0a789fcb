/*
 * helper_intermediary.h - an intermediary with the keys of the vectors, and clients to try it with
 *
 * A client writes with our own writer and dialog, the intermediary answers from mailboxes in
 * memory, and what comes back is opened, read and verified before the test looks at it. All of it
 * fails the running test when something unexpected happens.
 */
#pragma once

#include "osci/dialog.h"
#include "osci/intermediary.h"
#include "tests/unit/helper_mailbox.h"

#define IM_NOW INT64_C(1795302000000) /* 2026-11-21T23:00:00Z */
#define IM_ATTACHMENT "the octets of an attachment"
enum { IM_CERTS_MAX = 32 };

/* What the intermediary answered. */
struct im_reply {
    int fault; /* 0: regular */
    struct buf wire, plain;
    struct source_span source;
    struct osci_reading *reading; /* NULL for a fault */
};
struct im_fixture {
    struct trust *trust;
    struct cert_checker *checker;
    struct cert_cache *cache;
    struct identity *identity;
    struct osci_own_cipher own[2]; /* 2048 and 4096 */
    struct osci_sessions *sessions;
    struct policy policy;
    struct helper_mailbox mailbox;
    struct osci_intermediary im;
    int64_t now;
    /* where the wire bytes go instead of im; fills wire of the reply. NULL: im itself */
    void (*post)(void *ctx, struct span wire, struct im_reply *r);
    void *post_ctx;
    /* The passive recipient behind what is forwarded: what it got, and its answer. NULL: none. */
    enum osci_forward_how (*recipient)(void *ctx, const char *uri, struct span wire,
                                       struct buf *answer);
    void *recipient_ctx;
    /* Inner messages of chunks: carried out before the answer, after it, or not at all yet. */
    enum { IM_AT_ONCE, IM_TOO_SLOW, IM_LATER } processing;
    enum status processed; /* what the last came to */
    struct named_cert {
        char name[64];
        struct cert *cert;
    } certs[IM_CERTS_MAX];
    size_t cert_count;
    struct named_key {
        char name[64];
        struct key *key;
    } keys[IM_CERTS_MAX];
    size_t key_count;
};

/* Nobody says whether a certificate is revoked, and nothing may go on before somebody does. */
struct cert_source im_silence(void);
/* Signature required, plain allowed, every believed addressee has a mailbox; CBC and RSA 1.5 read.
 */
void im_fixture_init(struct im_fixture *f);
void im_fixture_deinit(struct im_fixture *f);
int im_fixture_setup(void **state);
int im_fixture_teardown(void **state);
/* "originator-cipher-2048"; borrowed. */
struct cert *im_cert(struct im_fixture *f, const char *name);
struct key *im_key(struct im_fixture *f, const char *name);

/* The pairs of "addressee", 2048 bits each; identity_free. */
struct identity *im_identity(const char *who);

void im_reply_deinit(struct im_reply *r);
/* The deciding code; all distinct ones in their order, blank-separated. */
void im_assert_code(const struct im_reply *r, const char *code);
void im_assert_codes(const struct im_reply *r, const char *codes);
void im_text(struct span s, char *out, size_t cap);

/* The wire bytes of its answer, of a fault too; for one caller at a time. */
void im_answer(struct im_fixture *f, struct span wire, struct im_reply *r);

/* Bytes to the intermediary and its bytes back; nothing is expected of them but their form. */
void im_exchange(struct im_fixture *f, struct span wire, const struct osci_own_cipher *client,
                 struct im_reply *r);

struct im_client {
    struct im_fixture *f;
    const char *who;
    bool plain, unsign;
    struct osci_dialog dialog;
    struct osci_cert certs[4];
    struct osci_attachment attachment;
    struct source_span body;
    struct span id;
};
void im_client_init(struct im_client *c, struct im_fixture *f, const char *who);
/* The dialog as it was in before: a request that never arrived. */
void im_client_restore(struct im_client *c, const struct osci_dialog *before);
void im_dialog_open(struct im_client *c);
void im_dialog_close(struct im_client *c);
/* An order with ControlBlock and certificates as the client's dialog has them. */
void im_order(struct im_client *c, enum osci_type type, struct osci_message *m);
/* storeDelivery with a small package and one attachment. */
void im_store_order(struct im_client *c, struct osci_message *m, const char *id, const char *to);
/* The same as forwardDelivery or mediateDelivery to uri; id NULL: without protocol. */
void im_forward_order(struct im_client *c, enum osci_type type, struct osci_message *m,
                      const char *id, const char *to, const char *uri);
void im_write(struct im_client *c, const struct osci_message *m, struct buf *wire);
/* Sends and steps the dialog with the answer. */
void im_post(struct im_client *c, struct span wire, struct im_reply *r);
/* Sends without a step of the dialog. */
void im_post_foreign(struct im_client *c, struct span wire, struct im_reply *r);
void im_send(struct im_client *c, const struct osci_message *m, struct im_reply *r);
/* A delivery from originator to addressee, in a dialog of its own. */
void im_deliver(struct im_fixture *f, const char *id);

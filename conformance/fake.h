/*
 * conformance/fake.h - the intermediary that we play to a client under test
 *
 * It answers all orders of a client as a good intermediary would, from memory, and keeps what it
 * saw. A scenario plans one misstep: what is done wrong with the answer to the next order of a
 * kind. Then it waits until that has happened and looks at what the client asks next, at the folder
 * where the client hands over, and at what the client says of a message it was to send.
 *
 *   client ──order──► looks (every order is looked at) ──► answer ──misstep?──► client
 *
 * It lives as long as the role runs, on the port in the client's URL (--client), since a client
 * that finds nobody there stays away for a while. It waits patiently (--set poll_wait), but a
 * client that has been silent for so long is not waited for in each scenario anew. A delivery
 * counts as received when the next order of its dialog comes, and one that was stored gets its
 * Reception when its card is asked for.
 *
 * Source: OSCI 1.2 digest 2, 3, 5; wire-notes 8, 9.
 */
#pragma once

#include "conformance/alteration.h"
#include "conformance/delivery.h"
#include "conformance/hostile.h"
#include "conformance/structure.h"

enum { CONF_SEEN_MAX = 8192, CONF_FIELD_MAX = 320, CONF_STORED_MAX = 256, CONF_CHUNKS_MAX = 256 };

enum conf_misdeed {
    CONF_ALTER,          /* answered, but with what the other fields say */
    CONF_HANG_UP_BEFORE, /* nothing done, no answer */
    CONF_HANG_UP_AFTER,  /* done, no answer */
    CONF_FAULT,          /* answered with a fault */
    CONF_REDIRECT,       /* HTTP 302 to location */
    CONF_BYTES,          /* those bytes, whatever they are */
    CONF_HOOK,           /* a hook is run before the order is looked at, then hung up */
};

struct conf_misstep { /* borrowed until it has happened */
    const char *name; /* for reasons */
    const char *type; /* at an order of that type, "fetchDelivery" */
    unsigned skip;    /* after so many of them */
    enum conf_misdeed what;
    const struct conf_alteration *row;
    /* changes the answer before it is written; conversation may be written over */
    void (*change)(struct osci_message *answer, void *ctx);
    void *ctx;
    const char *codes;  /* feedback instead of the usual, blank-separated; 9xxx: not executed */
    const char *signer; /* party that signs instead, its certificate enclosed */
    struct cert *shown; /* certificate enclosed instead of the signer's */
    bool plain, unsign;
    bool withdraw;   /* what waits for the client is gone afterwards, so that it is not had later */
    unsigned excess; /* 1 and more: of hostile.h, inside the envelope */
    struct conf_mangler *mangler; /* the answer is mangled inside its envelope */
    /* CONF_FAULT: */
    const char *fault;
    bool qualified; /* faultcode with the prefix of the SOAP namespace that is not soap */
    int status;     /* of HTTP; 0: 200 */
    /* others: */
    const char *location, *hook;
    struct span bytes;
};

struct conf_seen { /* one order */
    char type[48];
    char conversation[CONF_FIELD_MAX], response[CONF_FIELD_MAX], challenge[CONF_FIELD_MAX];
    int64_t sequence;        /* -1: none */
    char id[CONF_FIELD_MAX]; /* MessageId, decoded; of a selection the first */
    bool encrypted, misstep;
    bool strong; /* its envelope is as it should be, OSCI-036 */
    char path[64];
    /* of our answer: */
    char our_conversation[CONF_FIELD_MAX], our_challenge[CONF_FIELD_MAX];
};

struct conf_stored { /* a delivery that came */
    char id[CONF_FIELD_MAX], subject[CONF_FIELD_MAX], time[CONF_TIME_SIZE];
    bool asked; /* its card was */
};

struct conf_fake;

/* The one of this role, started with the first call. ST_NOT_FOUND: keys are missing. */
MUST_CHECK enum status conf_fake_get(struct conf_run *run, struct conf_fake **fake,
                                     struct error *err);

/* From now on; NULL: nothing wrong any more. */
void conf_fake_plan(struct conf_fake *fake, const struct conf_misstep *step);
/* So long the client may take for what it does by itself: conf_patience_ms, or just seconds when it
 * has been silent for all that time already. */
unsigned conf_fake_patience(struct conf_fake *fake);
/* Waits until the misstep has happened; *at is the order's place. ST_RETRY: the client did not ask
 * within that time. */
MUST_CHECK enum status conf_fake_happened(struct conf_fake *fake, size_t *at, struct error *err);

size_t conf_fake_count(struct conf_fake *fake); /* orders so far */
void conf_fake_seen(struct conf_fake *fake, size_t i, struct conf_seen *seen);
/* The first order from that place on, of that type (NULL: any) and that conversation (NULL: any);
 * waits for ms. False: none came. */
bool conf_fake_wait(struct conf_fake *fake, size_t from, const char *type, const char *conversation,
                    unsigned ms, size_t *at);
/* What was stored under a subject that holds word. False: nothing. */
bool conf_fake_stored(struct conf_fake *fake, const char *word, struct conf_stored *stored);

/* Deliveries for the client wait until it has received them. d is borrowed until withdrawn. */
void conf_fake_deliver(struct conf_fake *fake, struct conf_delivery *d);
/* False: it was received. */
bool conf_fake_withdraw(struct conf_fake *fake, const struct conf_delivery *d);

/* Inspections in the next answers' cards; NULL: none. */
void conf_fake_inspections(struct conf_fake *fake, struct osci_inspection *list, size_t count);
/* ConversationId of the next explicit dialog. */
void conf_fake_conversation(struct conf_fake *fake, const char *conversation);

/*
 * From now on deliveries are taken in chunks, and that is announced. inside is the fate of those
 * that are complete, as the code in InsideFeedback (9xxx: not stored); NULL: no chunks any more.
 */
void conf_fake_chunks(struct conf_fake *fake, const char *inside);
/* How many deliveries have been completed by their last chunk. */
size_t conf_fake_completed(struct conf_fake *fake);

/* The plain text of the last storeDelivery with that word in its subject; appended. */
bool conf_fake_wire(struct conf_fake *fake, const char *word, struct buf *plain);

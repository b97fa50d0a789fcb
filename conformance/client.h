/*
 * conformance/client.h - a client of ours, who asks the intermediary under test
 *
 * It keeps what a dialog needs and writes each order with the forge, so that any order can have any
 * defect. What comes back is opened, and looked at as every message is (looks.h): so each exchange
 * is evidence for the assertions about framing, form, signature and encryption of answers.
 *
 *   conf_client_init ► conf_client_open ► conf_client_order ► conf_client_send ► conf_client_close
 *
 * Source: OSCI 1.2 digest 2, 3.
 */
#pragma once

#include "conformance/delivery.h"
#include "conformance/forge.h"
#include "conformance/http.h"
#include "conformance/view.h"

enum { CONF_CONTROL_MAX = 320, CONF_CODES_MAX = 256 };

struct conf_client {
    struct conf_run *run;
    const struct conf_party *party, *peer;
    const char *url, *languages;
    bool plain, unsign; /* without envelope, without signature */
    bool in_dialog;
    char conversation[CONF_CONTROL_MAX], peer_challenge[CONF_CONTROL_MAX];
    char challenge[CONF_MARKER_SIZE]; /* our last */
    uint64_t sequence;                /* of the next order */
    struct osci_cert certs[2];
};

/* An answer; all of it to be deinited together. */
struct conf_got {
    struct conf_reply reply;
    struct conf_view view;
    bool readable;                /* the view is open */
    int fault;                    /* code, 0: none */
    char codes[CONF_CODES_MAX];   /* of Feedback, or the fault's; "" */
    char code[16];                /* the last of them, the one that decides */
    char what[CONF_WHY_MAX + 80]; /* all of that in one phrase, for reasons */
};
void conf_got_deinit(struct conf_got *got); /* for AUTO; zeroed is fine */
bool conf_got_code(const struct conf_got *got, const char *code);
/* Is it a refusal: a fault, feedback 9xxx, a status of HTTP, or a closed connection? */
bool conf_got_refused(const struct conf_got *got);

/* ST_NOT_FOUND: no keys of that name. */
MUST_CHECK enum status conf_client_init(struct conf_client *c, struct conf_run *run,
                                        const char *party, struct error *err);
/* Fills ControlBlock, languages and certificates of an order of that type; msg is zeroed. */
MUST_CHECK enum status conf_client_order(struct conf_client *c, enum osci_type type,
                                         struct osci_message *msg, struct error *err);
/* The ControlBlock alone, of a delivery that has all the rest. */
MUST_CHECK enum status conf_client_control(struct conf_client *c, struct osci_message *msg,
                                           struct error *err);
/* Writes it as the client does; tweak (may be NULL) is a forge with defects: its msg is not looked
 * at, keys are filled in where it has none. */
MUST_CHECK enum status conf_client_write(struct conf_client *c, const struct osci_message *msg,
                                         const struct conf_forge *tweak, struct buf *wire,
                                         struct error *err);
/* A plain message, however it was made, into an envelope for the intermediary. */
MUST_CHECK enum status conf_client_seal(struct conf_client *c, struct span plain, struct buf *wire,
                                        struct error *err);
/* Posts, opens, looks; the dialog goes on if the answer is a regular one. */
MUST_CHECK enum status conf_client_post(struct conf_client *c, struct span wire,
                                        struct conf_got *got, struct error *err);
/* Posts and opens; no looks, and the dialog stays as it is. */
MUST_CHECK enum status conf_client_ask(struct conf_client *c, struct span wire,
                                       struct conf_got *got, struct error *err);
/* Both. */
MUST_CHECK enum status conf_client_send(struct conf_client *c, const struct osci_message *msg,
                                        const struct conf_forge *tweak, struct conf_got *got,
                                        struct error *err);

/* An explicit dialog. ST_RETRY: not opened; the text says what came. */
MUST_CHECK enum status conf_client_open(struct conf_client *c, struct error *err);
MUST_CHECK enum status conf_client_close(struct conf_client *c, struct error *err);
/* getMessageId; id holds it decoded. */
MUST_CHECK enum status conf_client_id(struct conf_client *c, char id[CONF_CONTROL_MAX],
                                      struct error *err);
/* A delivery to that party, stored with a fresh MessageId; d and got may be looked at afterwards.
 * ST_RETRY when it was not taken. */
MUST_CHECK enum status conf_client_store(struct conf_client *c, const char *addressee,
                                         const char *subject, struct conf_delivery *d,
                                         struct conf_got *got, struct error *err);
/* fetchDelivery and fetchProcessCard by that MessageId, or without a rule (SPAN_NONE). */
MUST_CHECK enum status conf_fetch(struct conf_client *c, struct span id, struct conf_got *got,
                                  struct error *err);
MUST_CHECK enum status conf_card(struct conf_client *c, struct span id, struct conf_got *got,
                                 struct error *err);
/* Is there a delivery in the answer? */
bool conf_delivered(const struct conf_got *got);
/* What a delivery needs to be of that party's; with id as its MessageId (borrowed). */
MUST_CHECK enum status conf_client_delivery(struct conf_client *c, enum osci_type type,
                                            const char *addressee, const char *id,
                                            struct conf_delivery *d, struct error *err);

/*
 * conformance/xta_letter.h - messages and message boxes, in the words of either version
 *
 * What the scenarios say is the same in both versions: this letter, those ids, that box. Here it
 * becomes the elements of V3 or V5.
 *
 * Parties have names of their own in this program, which are those of their key pairs where they
 * have one: author, reader, other (a third party), first and second (one key pair, "both"),
 * lenient, locked, nobody (no account), answering (the reader of the synchronous services), unknown
 * (no reader anybody knows), and unreachable, which has no value of its own. Services: async, sync,
 * sync_only, and unbooked, which has none either. Their identifiers are set with --set
 * party.author=... and --set service.async=...
 *
 * Source: XTA 2 digest 5, 5.1, 6, 7.
 */
#pragma once

#include "conformance/xta_wire.h"

enum { CONF_XTA_FILES_MAX = 3, CONF_XTA_IDS_MAX = 8 };

/* Identifier of a party, URI of a service; one that has no value of its own must have been set. */
const char *conf_xta_party(const struct conf_run *run, const char *name);
const char *conf_xta_service(const struct conf_run *run, const char *name);

/* ---- pieces of requests ---- */

/* The header that names the party: oscimeta:Author, xta-core:Party; NULL: none. */
void conf_xta_put_party(struct conf_xta_request *q, const char *party);
/* The body of getTransportReport and cancelMessage. */
void conf_xta_put_id(struct conf_xta_request *q, const char *id);

struct conf_xta_file {
    const char *name, *type;
    struct span bytes; /* borrowed */
};

struct conf_xta_letter {
    char id[CONF_XTA_ID_SIZE];             /* of the message; XML is not escaped in it */
    const char *author, *reader, *service; /* names as above */
    const char *party;                     /* in V5's header; NULL: the author */
    const char *subject;                   /* V3 */
    int64_t not_before;                    /* V3; 0: none */
    const char *encrypted;                 /* V3: this xenc:EncryptedData instead of files */
    struct conf_xta_file files[CONF_XTA_FILES_MAX]; /* the first is the Message */
    size_t file_count;
};

/* From author to reader for the service async, with a short file; the id is one that
 * createMessageID gave to who. */
MUST_CHECK enum status conf_xta_letter_init(struct conf_run *run, const char *who,
                                            const char *author, const char *reader,
                                            struct conf_xta_letter *letter, struct error *err);
/* Metadata, party (V5) and content. */
void conf_xta_put_letter(struct conf_xta_request *q, const struct conf_xta_letter *letter);

/* ---- exchanges ---- */

/* With the party's header and an empty body. */
MUST_CHECK enum status conf_xta_ask(struct conf_run *run, enum conf_ask ask, const char *who,
                                    const char *party, struct conf_xta_reply *reply,
                                    struct error *err);
/* The author's account is active: what is refused besides is refused for a reason of its own.
 * ST_RETRY: it is not. */
MUST_CHECK enum status conf_xta_works(struct conf_run *run, struct error *err);
/* Any operation, with a body that fits it, about a message that nobody has sent. */
MUST_CHECK enum status conf_xta_ask_any(struct conf_run *run, enum conf_ask ask, const char *who,
                                        const char *party, struct conf_xta_reply *reply,
                                        struct error *err);
/* getTransportReport or cancelMessage. */
MUST_CHECK enum status conf_xta_ask_about(struct conf_run *run, enum conf_ask ask, const char *who,
                                          const char *party, const char *id,
                                          struct conf_xta_reply *reply, struct error *err);
/* sendMessage, sendMessageSync or deliverMessage. */
MUST_CHECK enum status conf_xta_bring(struct conf_run *run, enum conf_ask ask, const char *who,
                                      const struct conf_xta_letter *letter,
                                      struct conf_xta_reply *reply, struct error *err);
/* A letter that is sent and accepted. ST_RETRY: it was not. */
MUST_CHECK enum status conf_xta_sent(struct conf_run *run, const char *who, const char *author,
                                     const char *reader, struct conf_xta_letter *letter,
                                     struct error *err);
/* A fresh id. ST_RETRY: there came none. */
MUST_CHECK enum status conf_xta_new_id(struct conf_run *run, const char *who, const char *party,
                                       char *id, size_t cap, struct error *err);
/* Status of the report; -1: there is none. */
MUST_CHECK enum status conf_xta_status(struct conf_run *run, const char *who, const char *party,
                                       const char *id, int *status, struct error *err);
/* Asks until it is not 0 any more, or for as long as --set wait says. */
MUST_CHECK enum status conf_xta_status_ends(struct conf_run *run, const char *who,
                                            const char *party, const char *id, int *status,
                                            struct error *err);

/* ---- message boxes ---- */

struct conf_xta_box {
    struct conf_run *run;
    const char *who, *party;
    char request[200]; /* V3: the last MsgBoxRequestID that came */
};

enum conf_xta_new { CONF_NEW_UNSAID, CONF_NEW, CONF_NEW_OR_NOT };

struct conf_xta_selection {
    const char *ids[CONF_XTA_IDS_MAX];
    size_t count;
    enum conf_xta_new entries;
    unsigned max; /* 0: no bound */
};

MUST_CHECK enum status conf_xta_box_list(struct conf_xta_box *box,
                                         const struct conf_xta_selection *selection,
                                         struct conf_xta_reply *reply, struct error *err);
/* id NULL: the oldest that is new (V3). */
MUST_CHECK enum status conf_xta_box_get(struct conf_xta_box *box, const char *id,
                                        struct conf_xta_reply *reply, struct error *err);
/* getNextMessage, getNextStatusList; V3. acknowledged: NULL, none. */
MUST_CHECK enum status conf_xta_box_next(struct conf_xta_box *box, enum conf_ask ask,
                                         const char *acknowledged, struct conf_xta_reply *reply,
                                         struct error *err);
/* id NULL (V3): acknowledges nothing, ends the iteration. */
MUST_CHECK enum status conf_xta_box_close(struct conf_xta_box *box, const char *id,
                                          struct conf_xta_reply *reply, struct error *err);

/* Of a list: how many, the id of the nth from 0, whether one is there. */
size_t conf_xta_listed(const struct conf_xta_reply *reply);
xmlNode *conf_xta_listed_node(const struct conf_xta_reply *reply, size_t at);
const char *conf_xta_listed_id(const struct conf_xta_reply *reply, size_t at, char *out,
                               size_t cap);
bool conf_xta_lists(const struct conf_xta_reply *reply, const char *id);
/* Messages that are said to remain; -1: NoMessageAvailable; -2: nothing is said. */
long conf_xta_pending(const struct conf_xta_reply *reply);
/* The id in the MessageMetaData header of what was fetched. */
const char *conf_xta_fetched_id(const struct conf_xta_reply *reply, char *out, size_t cap);

/* Waits until the message is listed as new (wanted), as long as --set wait says; at once and once
 * when it is not wanted. *listed says what was seen. */
MUST_CHECK enum status conf_xta_arrives(struct conf_xta_box *box, const char *id, bool wanted,
                                        bool *listed, struct error *err);
/* The same, and it must: ST_RETRY when it does not. */
MUST_CHECK enum status conf_xta_arrived(struct conf_xta_box *box, const char *id,
                                        struct error *err);
/* Fetches and closes all that is new. ST_RETRY: it does not come to an end. */
MUST_CHECK enum status conf_xta_box_empty(struct conf_xta_box *box, struct error *err);
/* Sends count letters from author, and waits until they lie in the box, which was emptied before.
 */
MUST_CHECK enum status conf_xta_box_fill(struct conf_xta_box *box, size_t count,
                                         struct conf_xta_letter *letters, struct error *err);
/* The author knows of no such message, and none lies in the box: XTA-042 and others. */
MUST_CHECK enum status conf_xta_look_absent(struct conf_xta_box *box, unsigned number,
                                            const char *id, struct error *err);
/* How long --set wait says. */
int64_t conf_xta_wait_until(const struct conf_run *run);

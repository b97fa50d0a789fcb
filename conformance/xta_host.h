/*
 * conformance/xta_host.h - an XTA server that is played to a client under test
 *
 * Strict about what the client asks (XTA-120 to 122, 136, 139 are looked at in every request) and,
 * by a script for each operation, unreliable in what it answers, one request after the other:
 *
 *   + as it should be     L done, but the answer is lost   N nothing is done, nor answered
 *   G garbage             C the answer is cut              R a redirect to another port
 *   B without MTOM        D with a document type           W as it should be, but slowly
 *   T technical problem, with HTTP 400    P PermissionDenied, with HTTP 200 and kind words
 *   X InvalidMessageID    0 NoMessageAvailable and an empty body
 *
 * After its script an operation does as it should. It knows one message that waits for the client.
 */
#pragma once

#include "conformance/http.h"
#include "conformance/xta_letter.h"

enum { CONF_HOST_IDS = 64, CONF_HOST_SENDS = 64, CONF_HOST_SEEN = 4096 };

struct conf_xta_host {
    struct conf_run *run;
    struct conf_listener *listener, *elsewhere; /* where redirects lead */
    pthread_mutex_t lock;
    const char *scripts[ASK_KINDS];
    unsigned asked[ASK_KINDS];
    char issued[CONF_HOST_IDS][CONF_XTA_ID_SIZE];
    size_t issued_count;
    struct conf_xta_send {
        char id[CONF_XTA_ID_SIZE];
        char file[128]; /* of the Message */
        int64_t at;
        bool kept; /* the first under its id that was processed */
    } sends[CONF_HOST_SENDS];
    size_t send_count;
    unsigned reports_of_sent;      /* getTransportReport about what was sent */
    int report;                    /* the status that it tells */
    struct conf_xta_letter letter; /* that waits; id "": none */
    bool listed, fetched, closed;
    unsigned fetches, closes, not_new; /* not_new: lists with NewEntry false */
    struct {
        char id[32];  /* the end of a wsa:MessageID */
        uint64_t sum; /* of the whole request: HTTP may repeat one whose connection was dead */
    } seen[CONF_HOST_SEEN];
    size_t seen_count;
    unsigned without_certificate;
    char action[300], redirect[64]; /* of an answer that is made */
};

/* Listens where the client looks for it, with the key pair NAME-tls. */
MUST_CHECK enum status conf_xta_host_open(struct conf_xta_host *h, struct conf_run *run,
                                          const char *name, struct error *err);
void conf_xta_host_deinit(struct conf_xta_host *h); /* for AUTO; zeroed is fine */
void conf_xta_host_script(struct conf_xta_host *h, enum conf_ask ask, const char *script);
/* A letter to the client, with a file of that name. */
void conf_xta_host_put(struct conf_xta_host *h, const char *id, const char *file);
/* Waits until so many were asked; false: they were not. */
bool conf_xta_host_asked(struct conf_xta_host *h, enum conf_ask ask, unsigned count, unsigned ms);
/* How many of the messages with that file are processed, and how often it was sent. */
size_t conf_xta_host_kept(struct conf_xta_host *h, const char *file, size_t *attempts);

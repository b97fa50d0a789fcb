/*
 * conformance/http.h - HTTP as simple as it can be: one POST out, one fake server in
 *
 * The client never follows redirects. The server runs in a thread of its own with one more for each
 * connection, takes a body, asks its handler, and writes what that gave.
 */
#pragma once

#include "conformance/run.h"

struct conf_reply {
    int status;      /* HTTP; 0: no answer at all */
    struct buf body; /* CONF_WIRE_MAX */
    char why[160];   /* when status is 0 */
    bool sent_all;   /* the whole request left us */
};
void conf_reply_deinit(struct conf_reply *reply); /* for AUTO; zeroed is fine */

/* Posts bytes as text/xml and keeps both as evidence. Never fails because of the peer: that is in
 * the reply. ST_INTERNAL: curl itself. */
MUST_CHECK enum status conf_post(struct conf_run *run, const char *url, struct span bytes,
                                 struct conf_reply *reply, struct error *err);

/* ---- the server ---- */

struct conf_request {
    const char *method, *path; /* "POST", "/osci" */
    const char *content_type;  /* "" when there is none */
    struct span body;
    unsigned number;  /* of this listener, from 1 */
    bool certificate; /* TLS: the client showed one that we believe */
};
struct conf_answer { /* filled by the handler; zeroed before, with body initialised */
    int status;      /* 0: hang up without a word */
    struct buf body;
    const char *content_type; /* NULL: text/xml */
    char own_type[1024];      /* room for content_type to point to */
    const char *location;     /* for redirects */
    uint64_t cut;             /* hang up after so many bytes of the body; 0: do not */
    unsigned delay_ms;        /* before anything is written */
};

struct conf_listener;
/* Called from several threads at once. */
typedef void conf_handler(void *ctx, const struct conf_request *request,
                          struct conf_answer *answer);

/* Listens on 127.0.0.1; port 0: any. Requests and answers are kept as evidence. */
MUST_CHECK enum status conf_listen(struct conf_run *run, unsigned port, conf_handler *handler,
                                   void *ctx, struct conf_listener **listener, struct error *err);
/* The same over TLS 1.2 and newer, with the key pair NAME-tls of the key folder, and asking for the
 * client's certificate. */
MUST_CHECK enum status conf_listen_tls(struct conf_run *run, unsigned port, const char *name,
                                       conf_handler *handler, void *ctx,
                                       struct conf_listener **listener, struct error *err);
unsigned conf_listener_port(const struct conf_listener *listener);
/* How many connections came in, with a request or without. */
unsigned conf_listener_connections(struct conf_listener *listener);
void conf_listener_free(struct conf_listener *listener); /* waits for its threads */
DROP_DEFINE(conf_listener_drop, struct conf_listener, conf_listener_free)

/*
 * helper_xta_server.h - an XTA server in this process, and clients of it over real TLS
 *
 * Two endpoints: "meldewesen" with the parties HELPER_TOWN and HELPER_TOWN_TOO, and "standesamt"
 * with HELPER_OFFICE. Clients, by the names of their certificates: "melde" (account of the first),
 * "standes" (of the second), "locked", "expired" (both of accounts), "nobody" (of none). All of it
 * fails the running test when something goes wrong.
 */
#pragma once

#include "gateway/store_xta.h"
#include "gateway/xta_server.h"
#include "helper_runtime.h"
#include "helper_tls.h"
#include "xta/wire.h"

#define HELPER_TOWN "ags:09162000"
#define HELPER_TOWN_TOO "ags:09162001"
#define HELPER_OFFICE "ags:09163000"

enum { HELPER_XTA_CLIENTS = 5 };

struct helper_xta {
    struct helper_runtime h;
    struct gw_requests *requests;
    struct gw_xta_server *server;
    uint16_t port;
    const char *office; /* more about its endpoint */
    bool two_tenants;   /* standesamt is that of another tenant, Beheim; set before the start */
    const char *beheim; /* more about that tenant: ", trust: {...}" */
    struct test_cert ca, host, clients[HELPER_XTA_CLIENTS];
};

/* server and accounts: further lines of the xta_server block and of its accounts, or "". */
void helper_xta_start(struct helper_xta *x, const char *server, const char *accounts);
/* The same, with more about the endpoint standesamt: ", answers: {...}". */
void helper_xta_start_with(struct helper_xta *x, const char *office, const char *server,
                           const char *accounts);
/* Stops and starts again, over the same state. */
void helper_xta_restart(struct helper_xta *x, const char *server, const char *accounts);
void helper_xta_stop(struct helper_xta *x);

/* What came back. content: of the first content. */
struct helper_xta_reply {
    long http_status;
    struct xta_answer answer;
    struct xta_fault fault;
    struct buf head, body, content;
    struct arena arena;
    enum status status; /* of xta_answer_read: ST_OK, or ST_DENIED for a fault */
};
void helper_xta_reply_deinit(struct helper_xta_reply *r); /* for AUTO; a zeroed one is fine */

/* One request; the reply is whole: an answer or a fault of that version. */
void helper_xta_ask(struct helper_xta *x, const char *client, const struct xta_request *request,
                    struct helper_xta_reply *reply);
/* Any bytes to any path. method "GET" or "POST"; chunked: without Content-Length. False: there was
 * no answer, TLS refused. */
bool helper_xta_http(struct helper_xta *x, const char *client, const char *method, const char *path,
                     const char *content_type, struct span body, bool chunked,
                     struct helper_xta_reply *reply);

/* A message in the box of that party, as if it had come from outside; id is the gateway's. xta_id
 * NULL: without anything of XTA. */
void helper_xta_put(struct helper_xta *x, const char *xta_id, const char *reader, const char *text,
                    char id[GW_ID_SIZE]);
/* The XTA id of request i of a version's operation, ready to be filled further. */
struct xta_request helper_xta_request(enum xta_version version, enum xta_operation operation,
                                      const char *party);
/* What a message from HELPER_TOWN to HELPER_OFFICE says of itself; without an id. */
void helper_xta_metadata(struct xta_metadata *m, enum xta_version version);

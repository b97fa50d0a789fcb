/*
 * helper_xta_fake.h - an XTA server that keeps its messages in memory and misbehaves on demand
 *
 * HTTPS with client certificates, all ports of its version at paths of their own. It is strict:
 * what the schemas of the version refuse is refused, and fails the running test when it ends. For
 * each operation a script says what becomes of one request after the other:
 *
 *   + as it should be       L done, and the answer is lost    N nothing is done, nor answered
 *   G garbage with 200      U status 503                      R a redirect to itself
 *   T technical problem     P PermissionDenied                V virus            S a fault of SOAP
 *   I ParameterIsNotValid   X InvalidMessageID                D an answer with a document type
 *   C the answer is cut     M the answer tells of another message
 *   A done, and the answer is a technical problem   E the fault that the test has set
 *
 * After its script an operation does as it should. The server's loop has a thread of its own.
 */
#pragma once

#include <pthread.h>

#include "gateway/http_server.h"
#include "tests/unit/helper_tls.h"
#include "xta/schema.h"
#include "xta/wire.h"

enum { HELPER_XTA_FAKE_MESSAGES = 600, HELPER_XTA_FAKE_CONTENTS = 4 };

struct helper_xta_kept {
    struct arena arena; /* behind metadata and container */
    struct xta_metadata metadata;
    struct xta_container container;
    struct buf contents[HELPER_XTA_FAKE_CONTENTS]; /* in the order of container */
    unsigned sent, fetched, closed;                /* how often; sent 0: put there by the test */
    int report;                                    /* status; 0 at first */
};

struct helper_xta_fake {
    enum xta_version version;
    char dir[64], base[64]; /* base: "https://127.0.0.1:PORT" */
    struct test_cert ca, own, client;
    struct gw_loop *loop;
    struct gw_tls *tls;
    struct gw_http_server *server;
    const struct xta_schemas *schemas;
    pthread_t thread;
    pthread_mutex_t lock;
    const char *scripts[XTA_OPERATION_COUNT];
    unsigned requests[XTA_OPERATION_COUNT];
    struct helper_xta_kept *messages[HELPER_XTA_FAKE_MESSAGES];
    size_t count;
    unsigned issued, strangers; /* strangers: requests to a place of no port */
    enum xta_tri available;     /* lookupService */
    struct xta_fault fault;     /* for E; set while nothing is asked */
    char refused[512];          /* what was wrong with a request of ours; "": nothing */
};

void helper_xta_fake_open(struct helper_xta_fake *f, enum xta_version version);
/* Fails the test when a request was not as it must be. */
void helper_xta_fake_close(struct helper_xta_fake *f);
void helper_xta_fake_script(struct helper_xta_fake *f, enum xta_operation operation,
                            const char *script);
unsigned helper_xta_fake_requests(struct helper_xta_fake *f, enum xta_operation operation);
/* A message in the box of reader, with one text file. Its index. */
size_t helper_xta_fake_put(struct helper_xta_fake *f, const char *id, const char *reader,
                           const char *content);
/* Settings of a tenant that is ags:1 there: "trust:" and so on up to partners, one of them "Beheim"
 * (ags:2). more: further lines of the server's block, indented by four. */
void helper_xta_fake_yaml(const struct helper_xta_fake *f, const char *more, struct buf *yaml);

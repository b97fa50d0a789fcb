/*
 * helper_gateway.h - a gateway by its settings, in this process, its loop in a thread of its own
 *
 * Which parts run follows from the settings, as in gateway/daemon.h, but for spool and API. All of
 * it fails the running test when something goes wrong.
 */
#pragma once

#include <pthread.h>

#include "gateway/config.h"
#include "gateway/lane.h"
#include "gateway/osci_server.h"
#include "gateway/recipient.h"

struct helper_gateway {
    char dir[64]; /* the state */
    const struct gw_config *conf;
    struct gw_loop *loop;
    struct gw_log *log; /* with TEST_LOG in the environment, to stderr */
    struct gw_runtime *rt;
    struct gw_osci_server *server;
    struct gw_requests *requests;
    struct gw_recipient *recipient;
    struct gw_lanes *lanes;
    pthread_t thread;
    uint16_t port; /* of the first listener of server or recipient */
};

/* yaml without state; %K in it stands for the folder of the vectors' keys. lanes: they run, too. */
void helper_gateway_start(struct helper_gateway *g, const char *yaml, bool lanes);
void helper_gateway_stop(struct helper_gateway *g);

/* A message to send, accepted and durable, and the lanes know of it. */
void helper_gateway_send(struct helper_gateway *g, const char *partner, const char *subject,
                         char id[GW_ID_SIZE]);

/* One request to a port on loopback, one connection; the answer with its head. */
void helper_gateway_http(uint16_t port, const char *method, const char *path, struct span body,
                         struct buf *answer);
/* POST /osci; the body of the answer, which must come with 200 and as text/xml. */
void helper_gateway_post(uint16_t port, struct span wire, struct buf *body);

/* All messages of a box. */
void helper_gateway_messages(struct helper_gateway *g, enum gw_box box, struct arena *arena,
                             struct gw_message_list *list);

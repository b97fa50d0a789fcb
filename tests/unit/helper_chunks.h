/*
 * helper_chunks.h - an intermediary rehearsed for chunks, which does it wrong on demand
 *
 * It keeps what comes in memory, puts it together and reads it, and gives out one delivery
 * likewise. Dialogs it takes on trust. Each chunk order takes a character of the script; after the
 * script everything is right:
 *
 *   + right     N nothing arrives      L it arrives, the answer is lost     X a fault
 *   0 it is kept, and said to have been there (9900)     o not kept, and said to be there
 *   1 to 5 refused with 9901 to 9905, A with 9811, B with 9710 (a fetch), 8 with 9803
 *   S ReceivedChunks names all     G numbers beyond all     E none
 *   F all chunks are forgotten     T another total     M another MessageId     C another chunk
 *   H half a chunk     Z more than anybody can hold
 *
 * All of it fails the running test when it goes wrong.
 */
#pragma once

#include "gateway/http_server.h"
#include "tests/unit/helper_intermediary.h"

enum { HELPER_CHUNKS_MAX = 64 };

struct helper_chunks {
    struct gw_loop *loop;
    pthread_t thread;
    struct gw_http_server *front;
    char dir[64], url[64];
    struct im_fixture im;
    struct cert *client;
    pthread_mutex_t lock;
    /* how it behaves; set before anybody asks */
    bool silent; /* its FeatureDescription does not know chunks */
    uint64_t min_kb, max_kb, message_kb;
    const char *script;
    int inside;  /* what the whole is refused with; 0: taken */
    int working; /* so often it is still at work when asked */
    /* deliveries in */
    struct buf chunks[HELPER_CHUNKS_MAX];
    bool there[HELPER_CHUNKS_MAX];
    uint64_t kb, total;
    unsigned deliveries; /* taken in chunks */
    unsigned wholes;     /* by storeDelivery */
    bool done;
    struct buf id; /* of the last one */
    uint64_t octets;
    unsigned ids;
    /* one delivery out */
    struct buf held; /* its inner message; empty: none */
    bool seen;       /* all of it has gone out in this dialog: the next order says it came */
    bool received;
    /* counted since helper_chunks_script */
    unsigned orders, infos;
};

void helper_chunks_open(struct helper_chunks *c);
void helper_chunks_close(struct helper_chunks *c);
/* What came in chunks waits to be fetched. */
void helper_chunks_hold(struct helper_chunks *c);
void helper_chunks_script(struct helper_chunks *c, const char *script);

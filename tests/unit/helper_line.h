/*
 * helper_line.h - a line between clients and a server that breaks where it is told to
 *
 * Listens on loopback and carries HTTP exchanges to the server and back, each as a whole: it has
 * read all of a request before the server gets its first byte, and all of an answer before the
 * client does. So a plan can say after which byte of which exchange the line breaks, and how.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "crypto/base/span.h"

enum line_way { LINE_REQUEST, LINE_ANSWER, LINE_WAYS };
enum line_manner {
    LINE_CLOSE, /* an orderly end of the connection */
    LINE_RESET, /* RST */
    LINE_HALF,  /* we say nothing more, and listen a while */
    LINE_STALL, /* silence, then the end */
    LINE_MANNERS
};

struct line_cut {
    size_t at; /* so many bytes get through */
    enum line_manner manner;
};

struct helper_line {
    uint16_t port, target; /* where it listens; of the server, set it before the first exchange */
    /*
     * Asked for each request and, if that got through, its answer, by threads of the line. tag is
     * the exchange's own, 0 at first. True: break it here. NULL: never.
     */
    bool (*plan)(void *ctx, int *tag, enum line_way way, struct span message, struct line_cut *cut);
    void *ctx;
    /* its own */
    pthread_t thread;
    int fd;
    atomic_bool stopping;
    atomic_int connections;
    atomic_int breaking; /* cuts that are not over yet: a stall, say */
};

/* l->plan and l->ctx are set; fails the running test when no port is to be had. */
void helper_line_open(struct helper_line *l);
/* The port stays, so the same address can be opened again; waits for all connections' end. */
void helper_line_close(struct helper_line *l);
/* As open, on the port it had before; target may have changed. */
void helper_line_reopen(struct helper_line *l);

/*
 * gateway/doors.h - the listeners of one role, opened and closed together
 *
 * What comes in through a door is the role's own business: its handler gets the door's ctx.
 */
#pragma once

#include "gateway/http_server.h"
#include "gateway/runtime.h"

struct gw_doors;

struct gw_door_conf {
    const char *address;
    int64_t port;                            /* 0: any free one */
    const char *path;                        /* for the log; NULL: it has many */
    const struct gw_pair_conf *tls;          /* NULL: plain HTTP */
    const struct gw_next_tls_conf *next_tls; /* what takes over from it */
    unsigned next_tls_count;
    enum gw_tls_ask client;    /* ask for a certificate? */
    struct span client_ca_pem; /* whose, when asked */
    void *ctx;                 /* of the handler, borrowed */
};

struct gw_doors_conf {
    const struct gw_door_conf *list; /* strings borrowed for the doors' life, the rest copied */
    size_t count;
    uint64_t body_bytes;            /* the largest body */
    const char *event;              /* logged for each door: "osci.listening" */
    struct gw_http_handler handler; /* whose ctx is the door's */
};

/* Listens on all of them at once. ST_RETRY, ST_DENIED: an address cannot be had; ST_INVALID,
 * ST_NOT_FOUND: a certificate cannot be read. The text names it. */
MUST_CHECK enum status gw_doors_new(const struct gw_runtime *rt, const struct gw_doors_conf *conf,
                                    struct gw_doors **doors, struct error *err);
/* No new connections; what runs has grace_ms. On the loop, in a stop hook at the latest; twice is
 * fine, NULL too. */
void gw_doors_close(struct gw_doors *doors, int64_t grace_ms);
/* After gw_loop_run has returned. */
void gw_doors_free(struct gw_doors *doors);
DROP_DEFINE(gw_doors_drop, struct gw_doors, gw_doors_free)
/* The port of door i, for tests with port 0. */
uint16_t gw_doors_port(const struct gw_doors *doors, size_t i);

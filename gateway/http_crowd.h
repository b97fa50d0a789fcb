/*
 * gateway/http_crowd.h - who holds how many connections of a listener; private to gateway/http_*.c
 *
 * One entry for each address that has a connection: of IPv6 its first 64 bits, since whoever has
 * one address there has them all. And one for its first 48 bits, the site: many have 65,536 times
 * 64 bits.
 */
#pragma once

#include <sys/socket.h>

#include "crypto/base/span.h"

struct gw_http_neighbour {
    struct gw_http_neighbour *next;
    struct gw_http_neighbour *site; /* of an IPv6 address; else NULL */
    size_t count;                   /* its connections */
    uint8_t key[9];
};

enum { GW_HTTP_CROWD_BUCKETS = 256 };

struct gw_http_crowd {
    struct gw_http_neighbour *buckets[GW_HTTP_CROWD_BUCKETS];
};

/* Counts one more of this address. Valid until its last connection has left. */
struct gw_http_neighbour *gw_http_crowd_join(struct gw_http_crowd *crowd,
                                             const struct sockaddr *address);
/* NULL is fine. */
void gw_http_crowd_leave(struct gw_http_crowd *crowd, struct gw_http_neighbour *neighbour);

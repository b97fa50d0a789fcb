#include "gateway/http_crowd.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/loop.h"

/* What a key begins with. */
enum { KEY_FOUR = 4, KEY_SIX = 6, KEY_SITE = 48 };

static void key_make(uint8_t key[9], const struct sockaddr *address)
{
    const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    const struct in_addr *four = &((const struct sockaddr_in *)(const void *)address)->sin_addr;

    memset(key, 0, 9);
    if (address->sa_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(six)) {
        key[0] = KEY_SIX;
        memcpy(key + 1, six->s6_addr, 8);
        return;
    }
    key[0] = KEY_FOUR;
    if (address->sa_family == AF_INET6)
        memcpy(key + 1, six->s6_addr + 12, 4);
    else
        memcpy(key + 1, four, sizeof *four);
}

/* FNV-1a; a neighbour who picks its addresses makes a chain no longer than its connections. */
static struct gw_http_neighbour **bucket_of(struct gw_http_crowd *crowd, const uint8_t key[9])
{
    uint32_t hash = 2166136261U;

    for (size_t i = 0; i < 9; i++)
        hash = (hash ^ key[i]) * 16777619U;
    return &crowd->buckets[(hash ^ hash >> 16) % GW_HTTP_CROWD_BUCKETS];
}

/* Counts one more with this key. */
static struct gw_http_neighbour *join(struct gw_http_crowd *crowd, const uint8_t key[9])
{
    struct gw_http_neighbour **bucket = bucket_of(crowd, key), *n = *bucket;

    while (n != NULL && memcmp(n->key, key, sizeof n->key) != 0)
        n = n->next;
    if (n == NULL) {
        n = gw_alloc(sizeof *n);
        memcpy(n->key, key, sizeof n->key);
        n->next = *bucket;
        *bucket = n;
    }
    n->count++;
    return n;
}

struct gw_http_neighbour *gw_http_crowd_join(struct gw_http_crowd *crowd,
                                             const struct sockaddr *address)
{
    struct gw_http_neighbour *n;
    uint8_t key[9];

    key_make(key, address);
    n = join(crowd, key);
    if (key[0] == KEY_SIX) {
        key[0] = KEY_SITE;
        key[7] = key[8] = 0;
        n->site = join(crowd, key);
    }
    return n;
}

static void leave(struct gw_http_crowd *crowd, struct gw_http_neighbour *n)
{
    struct gw_http_neighbour **at;

    if (n == NULL || --n->count > 0)
        return;
    at = bucket_of(crowd, n->key);
    while (*at != n)
        at = &(*at)->next;
    *at = n->next;
    free(n);
}

void gw_http_crowd_leave(struct gw_http_crowd *crowd, struct gw_http_neighbour *n)
{
    struct gw_http_neighbour *site = n == NULL ? NULL : n->site;

    leave(crowd, n);
    leave(crowd, site);
}

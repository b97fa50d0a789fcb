#include "gateway/reach.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct place {
    char *name;
    int64_t since;
    struct place *next;
};

struct gw_reach {
    pthread_mutex_t lock;
    struct place *places;
    struct gw_hand *hands;
    uint64_t changes;
};

enum status gw_reach_new(struct gw_reach **out, struct error *err)
{
    struct gw_reach *r = calloc(1, sizeof *r);

    TRY_ALLOC(r, err);
    pthread_mutex_init(&r->lock, NULL);
    *out = r;
    return ST_OK;
}

void gw_reach_free(struct gw_reach *r)
{
    if (r == NULL)
        return;
    for (struct place *p = r->places, *next; p != NULL; p = next) {
        next = p->next;
        free(p->name);
        free(p);
    }
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static struct place *find(struct gw_reach *r, const char *name)
{
    struct place *p = r->places;

    while (p != NULL && strcmp(p->name, name) != 0)
        p = p->next;
    return p;
}

void gw_reach_note(struct gw_reach *r, const char *destination, int64_t since)
{
    struct place *p;

    pthread_mutex_lock(&r->lock);
    p = find(r, destination);
    if (p == NULL && since != 0) {
        p = calloc(1, sizeof *p);
        if (p != NULL && (p->name = strdup(destination)) == NULL) {
            free(p);
            p = NULL; /* who asks hears that it is there, as before */
        }
        if (p != NULL) {
            p->next = r->places;
            r->places = p;
        }
    }
    if (p != NULL)
        p->since = since;
    pthread_mutex_unlock(&r->lock);
}

int64_t gw_reach_down_since(struct gw_reach *r, const char *destination)
{
    const struct place *p;
    int64_t since;

    pthread_mutex_lock(&r->lock);
    p = find(r, destination);
    since = p == NULL ? 0 : p->since;
    pthread_mutex_unlock(&r->lock);
    return since;
}

uint64_t gw_reach_changes(struct gw_reach *r)
{
    uint64_t changes;

    pthread_mutex_lock(&r->lock);
    changes = r->changes;
    pthread_mutex_unlock(&r->lock);
    return changes;
}

bool gw_reach_take(struct gw_reach *r, struct gw_hand *hand, const char *id, uint64_t seen)
{
    const struct gw_hand *h;
    bool taken;

    pthread_mutex_lock(&r->lock);
    h = r->hands;
    while (h != NULL && strcmp(h->id, id) != 0)
        h = h->next;
    taken = h == NULL && r->changes == seen;
    if (taken) {
        (void)snprintf(hand->id, sizeof hand->id, "%s", id);
        hand->next = r->hands;
        r->hands = hand; /* cppcheck-suppress autoVariables ; until gw_reach_put */
    }
    pthread_mutex_unlock(&r->lock);
    return taken;
}

void gw_reach_put(struct gw_reach *r, struct gw_hand *hand, bool changed)
{
    struct gw_hand **at = &r->hands;

    pthread_mutex_lock(&r->lock);
    while (*at != hand)
        at = &(*at)->next;
    *at = hand->next;
    r->changes += changed;
    pthread_mutex_unlock(&r->lock);
}

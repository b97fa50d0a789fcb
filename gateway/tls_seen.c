#include "gateway/tls_seen.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sight {
    bool server;
    char name[GW_TLS_SEEN_NAME];
    struct cert *cert;
    int64_t since, at;
};

struct gw_tls_seen {
    pthread_mutex_t lock; /* guards what follows */
    struct sight sights[GW_TLS_SEEN_MAX];
    size_t count;
};

enum status gw_tls_seen_new(struct gw_tls_seen **seen, struct error *err)
{
    struct gw_tls_seen *made = calloc(1, sizeof *made);

    TRY_ALLOC(made, err);
    if (pthread_mutex_init(&made->lock, NULL) != 0) {
        free(made);
        return error_starved(err);
    }
    *seen = made;
    return ST_OK;
}

void gw_tls_seen_free(struct gw_tls_seen *seen)
{
    if (seen == NULL)
        return;
    for (size_t i = 0; i < seen->count; i++)
        cert_free(seen->sights[i].cert);
    (void)pthread_mutex_destroy(&seen->lock);
    free(seen);
}

/* Its own, a fresh one, or that of whoever was seen longest ago. */
static struct sight *sight_of(struct gw_tls_seen *seen, bool server, const char *name)
{
    struct sight *oldest = &seen->sights[0];

    for (size_t i = 0; i < seen->count; i++) {
        struct sight *s = &seen->sights[i];

        if (s->server == server && strcmp(s->name, name) == 0)
            return s;
        if (s->at < oldest->at)
            oldest = s;
    }
    if (seen->count < GW_TLS_SEEN_MAX)
        return &seen->sights[seen->count++];
    cert_free(oldest->cert);
    *oldest = (struct sight){0};
    return oldest;
}

void gw_tls_seen_note(struct gw_tls_seen *seen, bool server, const char *name, struct cert *cert,
                      int64_t now)
{
    char key[GW_TLS_SEEN_NAME];
    struct sight *s;

    if (seen == NULL)
        return;
    (void)snprintf(key, sizeof key, "%s", name);
    pthread_mutex_lock(&seen->lock);
    s = sight_of(seen, server, key);
    if (s->cert == NULL || !cert_eq(s->cert, cert)) {
        cert_free(s->cert);
        *s = (struct sight){.server = server, .cert = cert_ref(cert), .since = now};
        memcpy(s->name, key, sizeof key);
    }
    s->at = now;
    pthread_mutex_unlock(&seen->lock);
}

void gw_tls_seen_each(struct gw_tls_seen *seen, void (*see)(void *, const struct gw_tls_sight *),
                      void *ctx)
{
    if (seen == NULL)
        return;
    pthread_mutex_lock(&seen->lock);
    for (size_t i = 0; i < seen->count; i++) {
        const struct sight *s = &seen->sights[i];
        const struct gw_tls_sight sight = {s->server, s->name, s->cert, s->since, s->at};

        see(ctx, &sight);
    }
    pthread_mutex_unlock(&seen->lock);
}

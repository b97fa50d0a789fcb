#include "crypto/key.h"

#include <openssl/crypto.h>

#include "crypto/digest.h"

/* Chained by hash; the list goes from the latest used to the one that leaves next. */
struct entry {
    struct cert *cert;
    struct entry *chain, *newer, *older;
};

struct cert_cache {
    CRYPTO_RWLOCK *lock; /* taken for writing only: looking up moves an entry to the front */
    size_t count, max, slots;
    struct entry *newest, *oldest;
    struct entry **heads;
};

/* SHA-256 is as good a hash as any, so its first bytes choose the slot. */
static struct entry **head(struct cert_cache *cache, struct span sha256)
{
    uint32_t h;

    memcpy(&h, sha256.ptr, sizeof h);
    return &cache->heads[h % cache->slots];
}

enum status cert_cache_new(size_t max, struct cert_cache **cache, struct error *err)
{
    struct cert_cache *c = calloc(1, sizeof *c);

    TRY_ALLOC(c, err);
    c->max = max == 0 ? 1 : max;
    c->slots = c->max * 2;
    c->heads = calloc(c->slots, sizeof *c->heads);
    if (c->heads == NULL || (c->lock = CRYPTO_THREAD_lock_new()) == NULL) {
        free(c->heads);
        free(c);
        return error_starved(err);
    }
    *cache = c;
    return ST_OK;
}

static void unlink_entry(struct cert_cache *cache, struct entry *e)
{
    *(e->newer == NULL ? &cache->newest : &e->newer->older) = e->older;
    *(e->older == NULL ? &cache->oldest : &e->older->newer) = e->newer;
}

static void link_newest(struct cert_cache *cache, struct entry *e)
{
    e->newer = NULL;
    e->older = cache->newest;
    *(cache->newest == NULL ? &cache->oldest : &cache->newest->newer) = e;
    cache->newest = e;
}

static void drop_oldest(struct cert_cache *cache)
{
    struct entry *e = cache->oldest;
    struct entry **at = head(cache, cert_sha256(e->cert));

    while (*at != e)
        at = &(*at)->chain;
    *at = e->chain;
    unlink_entry(cache, e);
    cert_free(e->cert);
    free(e);
    cache->count--;
}

void cert_cache_free(struct cert_cache *cache)
{
    if (cache == NULL)
        return;
    while (cache->oldest != NULL)
        drop_oldest(cache);
    CRYPTO_THREAD_lock_free(cache->lock);
    free(cache->heads);
    free(cache);
}

static struct cert *look_up(struct cert_cache *cache, struct span sha256)
{
    for (struct entry *e = *head(cache, sha256); e != NULL; e = e->chain) {
        if (!span_eq(cert_sha256(e->cert), sha256))
            continue;
        unlink_entry(cache, e);
        link_newest(cache, e);
        return cert_ref(e->cert);
    }
    return NULL;
}

/* Another thread may have been faster; then its entry stays. No memory: not remembered. */
static void remember(struct cert_cache *cache, struct cert *cert)
{
    struct entry **at = head(cache, cert_sha256(cert));
    struct entry *e;

    for (e = *at; e != NULL; e = e->chain)
        if (cert_eq(e->cert, cert))
            return;
    e = calloc(1, sizeof *e);
    if (e == NULL)
        return;
    e->cert = cert_ref(cert);
    e->chain = *at;
    *at = e;
    link_newest(cache, e);
    if (++cache->count > cache->max)
        drop_oldest(cache);
}

enum status cert_cache_get(struct cert_cache *cache, struct span der, struct cert **cert,
                           struct error *err)
{
    const struct alg *sha256 = alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST);
    struct digest_value key;
    struct cert *found;

    if (cache == NULL || der.len > CERT_DER_MAX)
        return cert_from_der(der, cert, err);
    TRY(digest_of(sha256, der, &key, err));
    (void)CRYPTO_THREAD_write_lock(cache->lock);
    found = look_up(cache, digest_span(&key));
    (void)CRYPTO_THREAD_unlock(cache->lock);
    if (found == NULL) {
        TRY(cert_from_der(der, &found, err));
        (void)CRYPTO_THREAD_write_lock(cache->lock);
        remember(cache, found);
        (void)CRYPTO_THREAD_unlock(cache->lock);
    }
    *cert = found;
    return ST_OK;
}

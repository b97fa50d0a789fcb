#include "gateway/keys_away.h"

#include "crypto/key_away.h"

struct walk {
    void (*see)(void *ctx, const char *name, const struct identity_pair *pair);
    void *ctx;
};

static void pair_see(const struct walk *w, const char *name, const struct identity_pair *pair)
{
    if (key_is_away(pair->key))
        w->see(w->ctx, name, pair);
}

static void identity_see(const struct walk *w, const char *name, const struct identity *identity)
{
    const struct identity_pair *ciphers[IDENTITY_CIPHERS_MAX];
    size_t count = identity_ciphers(identity, INT64_MAX, ciphers);

    pair_see(w, name, &identity->signature);
    for (size_t i = 0; i < identity->next_count[IDENTITY_SIGNS]; i++)
        pair_see(w, name, &identity->next[IDENTITY_SIGNS][i].pair);
    for (size_t i = 0; i < count; i++)
        pair_see(w, name, ciphers[i]);
}

void gw_keys_away(const struct gw_runtime *rt,
                  void (*see)(void *ctx, const char *name, const struct identity_pair *pair),
                  void *ctx)
{
    const struct walk w = {see, ctx};

    for (size_t i = 0; i < rt->tenant_count; i++)
        identity_see(&w, rt->tenants[i].conf->name, rt->tenants[i].identity);
    for (unsigned i = 0; i < rt->conf->endpoints_count; i++)
        for (size_t k = 0; rt->authors != NULL && k < rt->authors[i].count; k++)
            pair_see(&w, rt->conf->endpoints[i].name, &rt->authors[i].pairs[k]);
}

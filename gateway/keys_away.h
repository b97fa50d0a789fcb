/* gateway/keys_away.h - the keys of ours that are not in this process's memory */
#pragma once

#include "gateway/runtime.h"

/* Calls see for each pair whose key is elsewhere (crypto/key_away.h): tenants', with what takes
 * over, and authors'. name: whose. */
void gw_keys_away(const struct gw_runtime *rt,
                  void (*see)(void *ctx, const char *name, const struct identity_pair *pair),
                  void *ctx);

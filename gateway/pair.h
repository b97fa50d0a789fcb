/*
 * gateway/pair.h - a certificate and its key, from the files that the settings name
 */
#pragma once

#include "certs/identity.h"
#include "gateway/config.h"
#include "gateway/key_process.h"
#include "gateway/token.h"

/* Where keys are that are not read here. */
struct gw_key_places {
    struct gw_tokens *tokens;
    struct gw_key_process *process; /* NULL: files are read here */
};

/* What the files hold, or the token, until the source has been read; the source points into it.
 * Zeroed is empty. Secrets are wiped at the end. */
struct gw_pair {
    struct identity_source source;
    struct buf cert, key, passphrase;
};

MUST_CHECK enum status gw_pair_load(const struct gw_pair_conf *conf,
                                    const struct gw_key_places *places, struct gw_pair *pair,
                                    struct error *err);
void gw_pair_deinit(struct gw_pair *pair);
/* The reason by which the operator knows what is wrong with a pair that could not be used; 0: it is
 * neither the key nor the certificate as such. */
int gw_pair_reason(const struct gw_pair *pair);

/* The certificate of a pair; the key is not kept. */
MUST_CHECK enum status gw_pair_cert_load(const struct gw_pair_conf *conf,
                                         const struct gw_key_places *places, struct cert **cert,
                                         struct error *err);

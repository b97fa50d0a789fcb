/*
 * gateway/tls_files.h - who we are and whom we believe, for TLS, from the files of settings
 */
#pragma once

#include "gateway/config.h"
#include "gateway/tls.h"

/* client points into the others. */
struct gw_tls_files {
    struct gw_tls_client client;
    struct buf authorities, cert, key, password;
};

/*
 * pair NULL: without a certificate of ours. authorities: PEM files; none: fallback, the PEM of
 * trust.tls, borrowed. A PKCS#12 file becomes PEM here. ST_INVALID, ST_DENIED: it cannot be read.
 */
MUST_CHECK enum status gw_tls_files_load(const struct gw_pair_conf *pair,
                                         const char *const *authorities, unsigned count,
                                         struct span fallback, struct gw_tls_files *files,
                                         struct error *err);
void gw_tls_files_deinit(struct gw_tls_files *files); /* zeroed is empty */

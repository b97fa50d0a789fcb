/*
 * gateway/tls_files.h - who we are and whom we believe on the way out, from the files of settings
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
 * trust.tls, borrowed. ST_INVALID: a pair that is a PKCS#12 file, which TLS on the way out cannot
 * use; what for it is, stands in whose.
 */
MUST_CHECK enum status gw_tls_files_load(const struct gw_pair_conf *pair,
                                         const char *const *authorities, unsigned count,
                                         struct span fallback, const char *whose,
                                         struct gw_tls_files *files, struct error *err);
void gw_tls_files_deinit(struct gw_tls_files *files); /* zeroed is empty */

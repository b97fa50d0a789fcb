/*
 * gateway/recheck.h - messages that wait until somebody says whether a certificate is revoked
 *
 * Where the settings say so (revocation.when_unknown: hold), what came in is kept, and put into
 * quarantine with a reason of GW_R_STATUS_*, while nobody tells about an author's certificate. The
 * intermediary has been told that we have it, and no other message waits for it. Every few seconds
 * its certificates are asked about again: known and good lets it go on by itself, revoked leaves it
 * in quarantine for that; verification.json says what was known in the end. An operator may
 * release it before (depesche release), or discard it.
 */
#pragma once

#include <jansson.h>

#include "gateway/runtime.h"

struct gw_recheck;

/* Begins by itself. rt must outlive it. */
void gw_recheck_new(struct gw_runtime *rt, struct gw_recheck **recheck);
void gw_recheck_free(struct gw_recheck *recheck); /* when the loop has ended; NULL is fine */

/* One round: some of those that wait, beginning where the one before has ended. For a worker. */
void gw_recheck_round(struct gw_recheck *recheck);

/* The reason of GW_R_STATUS_* for a verdict with status_missing. */
int gw_recheck_reason(const struct cert_verdict *verdict);
/* One of those that pass when somebody answers. */
bool gw_recheck_is(int reason);
/* {"result": "ok", "as_of": ...} for verification.json; NULL: no memory. */
json_t *gw_recheck_json(const struct cert_verdict *verdict);
/* The certificate as it must stand there, to be asked about again. */
json_t *gw_recheck_cert(const struct cert *cert);

/*
 * gateway/revocation.h - asking whether a certificate is revoked, of those whom it names
 *
 * The answer of an OCSP responder, or a list from a distribution point, is fetched when somebody
 * first needs it, used as long as it holds, kept in state/revocation over restarts, and fetched
 * anew before it ends while it is in use. Which certificate is checked how is the settings'
 * (revocation); whom the issuer names is believed only in a chain that leads to an anchor, and what
 * he says only when the issuer has signed it (certs/ocsp.h, certs/crl_list.h).
 *
 *   cert_checker ► ask: known ► told at once
 *                       not   ► fetched on the loop, once for all who ask ► judged by a worker
 *
 * Whoever asks waits at most timeout_seconds, on his own thread and never on the loop; a few at a
 * time, so that a responder that hangs does not take all workers. After a failure nobody is asked
 * again for a while, longer each time, and everybody is told at once why. Redirections are not
 * followed. Answers and lists are bounded in size, number, and time.
 */
#pragma once

#include "certs/checker.h"
#include "certs/points.h"
#include "crypto/base/rng.h"
#include "crypto/policy.h"
#include "gateway/config.h"
#include "gateway/log.h"
#include "gateway/loop.h"

enum {
    GW_REVOCATION_ASKS_MAX = 2048, /* certificates and lists that are remembered */
    GW_REVOCATION_FILES_MAX = 2048,
    GW_REVOCATION_DISK_MAX_MB = 512,
    GW_REVOCATION_WAITING_MAX = 4, /* threads that wait for somebody who may not be there */
};

struct gw_revocation;

/*
 * conf, policy, rng and log are borrowed. state: the folder below which it keeps what it knows.
 * Nobody is asked before gw_revocation_start. ST_...: as gw_dir_make.
 */
MUST_CHECK enum status gw_revocation_new(const struct gw_revocation_conf *conf,
                                         const struct policy *policy, struct rng *rng,
                                         const char *state, struct gw_log *log,
                                         struct gw_revocation **revocation, struct error *err);
/* On the loop's thread. temp_dir as in gw_http_client_conf. */
MUST_CHECK enum status gw_revocation_start(struct gw_revocation *r, struct gw_loop *loop,
                                           const char *temp_dir, struct error *err);
/* Asks nobody any more, and lets all go who wait; in a stop hook at the latest. NULL is fine. */
void gw_revocation_close(struct gw_revocation *r);
/* After gw_loop_run has returned; no checker may use it any more. */
void gw_revocation_free(struct gw_revocation *r);
DROP_DEFINE(gw_revocation_drop, struct gw_revocation, gw_revocation_free)
/* For cert_checker_use_source. */
struct cert_source *gw_revocation_source(struct gw_revocation *r);

/*
 * gateway/daemon.h - everything that runs in one depesched, put together
 *
 * Which parts run follows from the settings: drop folders and lanes where there is a tenant, the
 * intermediary's door where there is an osci_server block, the passive recipient's where there is
 * an osci_recipient block, the API always.
 */
#pragma once

#include "gateway/config.h"
#include "gateway/loop.h"

struct gw_daemon;

/* Opens and starts all of it; err is one sentence for the operator. conf is borrowed. */
MUST_CHECK enum status gw_daemon_new(const struct gw_config *conf, struct gw_daemon **daemon,
                                     struct error *err);
/* fn(daemon, signum) on the loop. */
MUST_CHECK enum status gw_daemon_on_signal(struct gw_daemon *daemon, int signum,
                                           void (*fn)(void *daemon, int signum), struct error *err);
/* Until gw_daemon_stop. */
void gw_daemon_run(struct gw_daemon *daemon);
void gw_daemon_stop(struct gw_daemon *daemon);
void gw_daemon_reopen_log(struct gw_daemon *daemon);
void gw_daemon_free(struct gw_daemon *daemon);
DROP_DEFINE(gw_daemon_drop, struct gw_daemon, gw_daemon_free)

/*
 * gateway/daemon.h - everything that runs in one depesched, put together
 *
 * Which parts run follows from the settings: drop folders and lanes where there is a tenant, the
 * intermediary's door where there is an osci_server block, the passive recipient's where there is
 * an osci_recipient block, the API always.
 */
#pragma once

#include "gateway/cage.h"
#include "gateway/handover.h"
#include "gateway/loop.h"

struct gw_daemon;

/* Opens and starts all of it; err is one sentence for the operator. conf and handover are borrowed;
 * without a handover (NULL) the settings stay as they are. */
MUST_CHECK enum status gw_daemon_new(const struct gw_config *conf, struct gw_handover *handover,
                                     struct gw_daemon **daemon, struct error *err);
/* fn(daemon, signum) on the loop. */
MUST_CHECK enum status gw_daemon_on_signal(struct gw_daemon *daemon, int signum,
                                           void (*fn)(void *daemon, int signum), struct error *err);
/* fn() on the loop, every ms from now on until the loop stops; once. */
void gw_daemon_every(struct gw_daemon *daemon, int64_t ms, void (*fn)(void));
/* Until gw_daemon_stop. */
void gw_daemon_run(struct gw_daemon *daemon);
void gw_daemon_stop(struct gw_daemon *daemon);
/* SIGHUP, on the loop: opens the log file again and asks for the settings if their file has
 * changed. */
void gw_daemon_hang_up(struct gw_daemon *daemon);
/* Why gw_daemon_run has returned: to begin anew with other settings, by gw_handover_exec. */
bool gw_daemon_begins_anew(const struct gw_daemon *daemon);
/* conf are not the settings that were wanted, with which no start was possible for this reason. */
void gw_daemon_fell_back(struct gw_daemon *daemon, const struct error *why);
/* Says in the log what holds the process. */
void gw_daemon_caged(struct gw_daemon *daemon, const struct gw_cage *cage);
void gw_daemon_free(struct gw_daemon *daemon);
DROP_DEFINE(gw_daemon_drop, struct gw_daemon, gw_daemon_free)

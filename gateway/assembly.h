/*
 * gateway/assembly.h - inner messages being carried out, each once, whoever waits for it
 *
 * The last chunk of a transfer, a repeated one, InfoOnly and a restart all come here: the first
 * starts a worker job, the others join. Who has waited long enough is told so and asks again later.
 * Few jobs of a tenant run at once, or whoever completes many large ones had all workers.
 *
 *   wait ► job: osci_transfer_process ► over(ended) for all that wait
 *        ► time is up ► over(not ended)
 *
 * On the loop. Source: OSCI 1.2 digest 8.2, 8.5.
 */
#pragma once

#include "gateway/runtime.h"
#include "osci/intermediary.h"

struct gw_assemblies;

/* All borrowed for its life; tenant, whose transfers they are, may be NULL. processed is called on
 * the loop after each inner message that was carried out or refused, before those who wait. */
struct gw_assemblies *
gw_assemblies_new(const struct gw_runtime *rt, const struct osci_intermediary *im,
                  const char *tenant,
                  void (*processed)(void *ctx, const struct osci_processed *processed), void *ctx);
/* Nobody waits any longer; jobs that run come to their end. On the loop, in a stop hook at the
 * latest. */
void gw_assemblies_close(struct gw_assemblies *a);
void gw_assemblies_free(struct gw_assemblies *a); /* after gw_loop_run has returned */

/* over comes once on the loop, never from within. */
void gw_assembly_wait(struct gw_assemblies *a, struct span ref, int64_t wait_ms,
                      void (*over)(void *ctx, bool ended), void *ctx);
/* All that are complete and not done, one after the other: what a stop or a full disk left. */
void gw_assemblies_resume(struct gw_assemblies *a);

/*
 * gateway/crl_folder.h - the folder with revocation lists
 *
 * trust.crls names a folder that somebody else keeps up to date (a cron job with curl, say). Its
 * files, PEM or DER, are read at start, before the first certificate is checked, and again whenever
 * names, lengths or times of the files have changed; that is looked at every 30 seconds. Each file
 * counts by itself: one that cannot be used is logged (crls.refused) and left out. While the daemon
 * runs, that is done only when the folder still looks so at the next look: until then somebody may
 * be writing, and the lists of before hold. Hidden files and folders are passed over.
 *
 * Everything on the loop's thread, but the reading itself, which is a worker job.
 */
#pragma once

#include "certs/checker.h"
#include "gateway/config.h"
#include "gateway/loop.h"

enum { GW_CRLS_LOOK_MS = 30 * 1000, GW_CRLS_BYTES_MAX = 256 * 1024 * 1024 /* together */ };

struct gw_crl_folder;

/*
 * Fills checker from conf->crls and goes on looking. All are borrowed and must outlive it; trust is
 * the checker's. Files that cannot be used are no error. ST_NOT_FOUND, ST_DENIED, ST_RETRY: the
 * folder cannot be read.
 */
MUST_CHECK enum status gw_crl_folder_new(const struct gw_trust_conf *conf,
                                         const struct trust *trust, struct cert_checker *checker,
                                         struct gw_loop *loop, struct gw_log *log,
                                         struct gw_crl_folder **folder, struct error *err);
/* Looks no more; in a stop hook at the latest. */
void gw_crl_folder_close(struct gw_crl_folder *folder);
/* After gw_loop_run has returned, or before it was called. */
void gw_crl_folder_free(struct gw_crl_folder *folder);
DROP_DEFINE(gw_crl_folder_drop, struct gw_crl_folder, gw_crl_folder_free)
/* Looks now, without waiting for the timer. */
void gw_crl_folder_look(struct gw_crl_folder *folder);

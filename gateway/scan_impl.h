/*
 * gateway/scan_impl.h - the two ways to ask a scanner; private to gateway/scan*.c and the tests
 *
 * Each shows it one file and waits for its word, at most timeout_seconds. Anything but a plain word
 * is ST_RETRY GW_R_SCAN_UNAVAILABLE: no scanner, silence, a line that nobody understands.
 */
#pragma once

#include <sys/socket.h>

#include "gateway/scan.h"

/* What a scanner says of one file: of the verdict, result and name count. */
struct gw_scan_word {
    enum gw_scan_result result;
    char name[GW_SCAN_NAME_SIZE]; /* as it came; scan.c makes it fit for people */
};

/*
 * clamd's INSTREAM: the file in chunks with their length in front, then one line. An answer that
 * comes before the whole file was sent may be a refusal, never "OK".
 */
MUST_CHECK enum status gw_scan_clamd(const struct gw_virus_scan_conf *conf,
                                     const struct gw_loop *loop, struct source *file,
                                     struct gw_scan_word *word, struct error *err);
/* The program with the file on its stdin: exit code 0 clean, 1 a finding with its name in the first
 * line of stdout, all else is trouble. */
MUST_CHECK enum status gw_scan_command(const struct gw_virus_scan_conf *conf, struct gw_loop *loop,
                                       struct gw_file_source *file, struct gw_scan_word *word,
                                       struct error *err);

/* "/run/clamav/clamd.ctl", "127.0.0.1:3310", "[::1]:3310", "localhost:3310". False: nothing of the
 * kind; what is scanned leaves this machine by no network. */
bool gw_scan_address(const char *text, struct sockaddr_storage *address, socklen_t *len);

/*
 * gateway/program.h - our own programs that run beside the one that asks
 *
 * depesche-transform and depesched-keys lie beside depesched as it was built, or where they were
 * installed. They get the descriptors that they are given, an empty environment, and signals as if
 * nobody had touched them.
 */
#pragma once

#include <sys/types.h>

#include "gateway/files.h"

struct gw_program_conf {
    const char *path;  /* gw_program_find */
    char *const *argv; /* NULL-terminated, argv[0] included */
    const int *fds;    /* become 0, 1, 2, ...; -1: not open there. All are close-on-exec here */
    int fd_count;
};

/* ST_RETRY: it is not there, or may not be run. */
MUST_CHECK enum status gw_program_find(const char *name, char path[static GW_PATH_SIZE],
                                       struct error *err);
/* The caller waits for its end (waitpid). ST_RETRY: it cannot be started. */
MUST_CHECK enum status gw_program_start(const struct gw_program_conf *conf, pid_t *pid,
                                        struct error *err);

/*
 * helper_cli.h - the command, run in this process against a daemon of a few canned answers
 *
 * One daemon for each program, on a socket in a temporary folder. All of it fails the running test
 * when something goes wrong.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HELPER_REQUEST_MAX = 65536 };

#define NOW INT64_C(1777882500000) /* 2026-05-04 10:15:00 in Berlin */

/* What the daemon answers to which beginning of a request line; the longest match counts. */
struct helper_canned {
    const char *request, *status, *body;
};

struct helper_daemon {
    char dir[32], socket[64];
    const struct helper_canned *usual; /* for rows without answers of their own */
    size_t usual_count;
    bool (*pause)(void *ctx, int ms); /* of --follow; ctx is a size_t, 0 at first */
    char request[HELPER_REQUEST_MAX]; /* the last one, whole */
    size_t request_len;
    int listener;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    const struct helper_canned *answers;
    size_t count;
};

extern struct helper_daemon helper_daemon;

/* Of a group of tests; the clock is that of Berlin. */
int helper_daemon_start(void **state);
int helper_daemon_stop(void **state);
/* From now on it answers so. */
void helper_daemon_answers(const struct helper_canned *answers, size_t count);

struct helper_run {
    int rc;
    char *out, *err;
};

/* Splits args at '|', adds the socket, and runs the command. */
void helper_run_it(struct helper_run *run, const char *args, int width,
                   const struct helper_canned *answers, size_t count);
void helper_run_free(struct helper_run *run);

struct helper_cli_row {
    const char *name, *args;
    int width, rc;
    const char *out, *err;               /* NULL: not looked at */
    const struct helper_canned *answers; /* one; NULL: the daemon's usual ones */
};

/* A test; *state is its row. */
void helper_cli_row_test(void **state);

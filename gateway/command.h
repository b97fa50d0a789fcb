/*
 * gateway/command.h - one program, run and watched
 *
 * No shell: the arguments are what they are. On stdin the program has a file, or nothing; of what
 * it writes the first line of stdout and the end of stderr are kept. It leads a process group of
 * its own: when it ends, or is killed, what is left of the group is killed with it.
 *
 * Loop thread only, but for gw_command_wait.
 */
#pragma once

#include "gateway/files.h"
#include "gateway/loop.h"

enum { GW_COMMAND_TAIL = 2048, GW_COMMAND_HEAD = 256 };

struct gw_command_result {
    bool started; /* otherwise why says why not */
    int64_t exit_code;
    int signal;                 /* that ended it, 0: none */
    bool late, flooded;         /* we ended it: out of time (or stopping), more than output_max */
    char head[GW_COMMAND_HEAD]; /* the first line of stdout, cut, as bytes with a NUL behind */
    char tail[GW_COMMAND_TAIL]; /* the end of stderr, as bytes with a NUL behind; no line ends */
    char last[GW_COMMAND_HEAD]; /* the last line of tail that is not empty, cut */
    struct error why;
};

struct gw_command_conf {
    const char *const *argv; /* NULL-terminated; argv[0] is the path */
    const char *const *env;  /* NULL-terminated, all that there is */
    const char *dir;
    const struct gw_file_source *input; /* on its stdin, from the beginning; NULL: nothing */
    size_t output_max; /* of stdout and stderr together, then it is ended; 0: any, no stdout */
    void (*done)(void *ctx, const struct gw_command_result *result);
    void *ctx;
};

struct gw_command;

/* conf is borrowed for the call. done comes once, on the loop, never from within; the command is
 * gone then. */
struct gw_command *gw_command_run(struct gw_loop *loop, const struct gw_command_conf *conf);
/* Ends it; done still comes. Twice is fine. */
void gw_command_kill(struct gw_command *command);
/*
 * From any thread but the loop's, while the loop runs: runs it and waits for its end, which comes
 * after timeout_ms, or when the loop stops, at the latest. done and ctx of conf are not used.
 */
void gw_command_wait(struct gw_loop *loop, const struct gw_command_conf *conf, int64_t timeout_ms,
                     struct gw_command_result *result);

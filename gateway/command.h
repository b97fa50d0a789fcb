/*
 * gateway/command.h - one program, run and watched
 *
 * No shell: the arguments are what they are. The program has nothing on stdin and stdout; what it
 * writes to stderr is kept from the end. It leads a process group of its own: when it ends, or is
 * killed, what is left of the group is killed with it.
 *
 * Loop thread only.
 */
#pragma once

#include "gateway/loop.h"

enum { GW_COMMAND_TAIL = 2048 };

struct gw_command_result {
    bool started; /* otherwise why says why not */
    int64_t exit_code;
    int signal;                 /* that ended it, 0: none */
    char tail[GW_COMMAND_TAIL]; /* the end of stderr, as bytes with a NUL behind; no line ends */
    struct error why;
};

struct gw_command_conf {
    const char *const *argv; /* NULL-terminated; argv[0] is the path */
    const char *const *env;  /* NULL-terminated, all that there is */
    const char *dir;
    void (*done)(void *ctx, const struct gw_command_result *result);
    void *ctx;
};

struct gw_command;

/* conf is borrowed for the call. done comes once, on the loop, never from within; the command is
 * gone then. */
struct gw_command *gw_command_run(struct gw_loop *loop, const struct gw_command_conf *conf);
/* Ends it; done still comes. Twice is fine. */
void gw_command_kill(struct gw_command *command);

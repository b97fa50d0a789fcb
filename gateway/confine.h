/*
 * gateway/confine.h - system calls that this process never makes
 *
 * A break-in through a parser or a library runs with our rights; what it can still ask of the
 * kernel is bounded here by seccomp, for the process, all its threads and all programs it starts,
 * for good: nothing lifts it, not even a new program in the same process.
 *
 *   gw_confine_calls    for the daemon: refuses what neither we nor a program that an operator
 *                       names has to do with: the kernel's code, other processes' memory, mounts
 *                       and namespaces, keyrings, clocks, io_uring, odd kinds of sockets, 32-bit
 *                       calls. They fail with EPERM.
 *   gw_confine_compute  for a process that has its files open already (depesche-transform):
 *                       refuses all but reading, writing, memory and the end.
 *
 *   gw_confine_files    for the same kind of process: opens, makes, runs and removes no file and
 * makes no TCP connection, by the kernel's Landlock, which looks at what is done and not at the
 * number of the call.
 *
 * Without libseccomp at build time the first two give ST_NOT_FOUND. docs/decisions/0130.
 */
#pragma once

#include "crypto/base/error.h"

/* Also sets PR_SET_NO_NEW_PRIVS. Once for a process: where it holds already (a program that has
 * replaced itself), ST_OK and nothing is added. ST_NOT_FOUND: not built in, or not in this kernel.
 * ST_INTERNAL: the kernel refuses. */
MUST_CHECK enum status gw_confine_calls(struct error *err);
/* gw_confine_calls has been called here, or by the program before. */
bool gw_confine_calls_hold(void);
MUST_CHECK enum status gw_confine_compute(struct error *err);
/* Before gw_confine_compute, with one thread. Also sets PR_SET_NO_NEW_PRIVS. What is open stays
 * open. ST_NOT_FOUND: not in this kernel. ST_INTERNAL: the kernel refuses. */
MUST_CHECK enum status gw_confine_files(struct error *err);

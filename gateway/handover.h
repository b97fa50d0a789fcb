/*
 * gateway/handover.h - listening sockets that outlive the program
 *
 * New settings begin with a new program in the same process (execve): nothing of the old ones can
 * be left over. What must not be lost meanwhile are connections, so the listening sockets go from
 * one to the other, and whoever knocks in between waits in the kernel's queue. They travel as
 * service managers hand sockets over (LISTEN_FDS, sd_listen_fds(3)), so sockets of a systemd unit
 * are taken as well. A build without libsystemd takes none over and listens anew.
 *
 *   old  gw_handover_begin, servers close: gw_handover_keep   ... gw_handover_exec
 *   new  gw_handover_new, servers listen: gw_handover_take    ... gw_handover_rest
 *
 * Settings that turn out to be unusable although they were checked must not leave us without a
 * gateway: the text of the old ones comes along (gw_handover_text).
 */
#pragma once

#include <sys/socket.h>

#include "crypto/base/buf.h"

struct gw_handover;

/* Takes what the process was started with. Other descriptors of such numbers stay untouched. */
MUST_CHECK enum status gw_handover_new(struct gw_handover **handover, struct error *err);
/* Closes what it still holds. */
void gw_handover_free(struct gw_handover *handover);
DROP_DEFINE(gw_handover_drop, struct gw_handover, gw_handover_free)

/* The socket that listens on this address (port 0: on any port of it), the caller's from now on;
 * -1: there is none. handover may be NULL. */
int gw_handover_take(struct gw_handover *handover, const struct sockaddr *address);
/* Nobody wants the others any more: they are closed, socket files removed. */
void gw_handover_rest(struct gw_handover *handover);

/* From now on servers that close keep their sockets here. */
void gw_handover_begin(struct gw_handover *handover);
/* It has begun; handover may be NULL. */
bool gw_handover_begun(const struct gw_handover *handover);
/* Keeps a duplicate of fd. False: it is not possible, the socket goes. */
bool gw_handover_keep(struct gw_handover *handover, int fd);

/* The settings before these, when there are such; lives as long as handover. */
struct span gw_handover_text(const struct gw_handover *handover);
/*
 * Replaces the program by the file of the same path, which a newer package may have replaced, with
 * argv. Everything else must be closed, all threads ended. Returns only on failure.
 */
void gw_handover_exec(struct gw_handover *handover, char **argv, struct span text,
                      struct error *err);

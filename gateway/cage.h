/*
 * gateway/cage.h - what holds the process, whatever runs in it
 *
 * Entered once, after the settings are read and before anything is opened or any thread started:
 * another user where root started us, no new privileges, refused system calls (gateway/confine.h).
 * All of it is for good, for the programs we start, and for the program that replaces us on a
 * reload. What the settings switch off stays off; what the machine does not have is left out, and
 * the log says which (daemon.confined).
 */
#pragma once

#include "gateway/config.h"

struct gw_cage {
    const char *calls; /* "on", "off", or why not: "absent" */
    int64_t files_max; /* descriptors, raised as far as we may */
};

/* Twice is fine. ST_NOT_FOUND: there is no such user; ST_DENIED, ST_INTERNAL: the kernel refuses.
 */
MUST_CHECK enum status gw_cage_enter(const struct gw_config *conf, struct gw_cage *cage,
                                     struct error *err);

/*
 * gateway/spool_in.h - what lies in out/: is it complete, and may it go?
 *
 * "rename": whatever bears its final name is complete. "settled": size and time have not changed
 * for the endpoint's settled_seconds. Names that begin with '.' or end in ".tmp", ".part", "~" or
 * ".meta.yaml" are never messages of their own.
 */
#pragma once

#include "gateway/route.h"
#include "gateway/spool.h"

enum { GW_FOLDER_FILES_MAX = 1000 };

/* A name that was seen, and how it looked then. */
struct gw_settling {
    char name[GW_NAME_SIZE];
    int64_t size, changed_ns, since_ms;
    bool seen; /* in this scan */
};

void gw_settling_free(struct gw_spool_endpoint *e);
bool gw_spool_ignores(const char *name);

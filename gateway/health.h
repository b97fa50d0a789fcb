/*
 * gateway/health.h - could a message pass now?
 *
 * Green only if all that a message needs is there: the store takes a commit and files, the disk has
 * room, the tenants' certificates are valid today, the files of all keys can still be read (those
 * in use are in memory, but the next start would fail), a worker had time for us soon, the loop
 * answers, each drop folder is there and can be written to.
 */
#pragma once

#include <jansson.h>

#include "gateway/explain.h"
#include "gateway/runtime.h"

enum { GW_HEALTH_CHECKS = 7, GW_HEALTH_DISK_MIN_MB = 256, GW_HEALTH_SLOW_MS = 5000 };

struct gw_health_check {
    const char *name; /* "store", "disk", "certificates", "workers", "loop", "folders", "keys" */
    bool good;
    int reason; /* 0: good */
    struct error why;
    char subject[256], day[32]; /* of a certificate */
    const char *folder;         /* that cannot be used; of the settings */
    const char *path;           /* what it is about, where that is not the state; of the settings */
};

struct gw_health {
    bool good; /* all of them */
    struct gw_health_check checks[GW_HEALTH_CHECKS];
};

/* From a worker; waited_ms: how long this job waited for one. Takes some milliseconds, or as long
 * as it has to find out that somebody does not answer (GW_HEALTH_SLOW_MS). */
void gw_health_look(const struct gw_runtime *rt, int64_t waited_ms, struct gw_health *health);
/* {"status": "green" | "red", "checks": [...]}; NULL: out of memory. */
json_t *gw_health_json(const struct gw_runtime *rt, const struct gw_health *health);

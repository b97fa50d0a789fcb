/*
 * gateway/spool_in.h - what lies in out/: is it complete, and may it go?
 *
 * "rename": whatever bears its final name is complete. "settled": size and time have not changed
 * for the endpoint's settled_seconds. Names that begin with '.' or end in ".tmp", ".part", "~" or
 * ".meta.yaml" or ".meta.xml" are never messages of their own. A folder of files is one message; in
 * it names that begin with '.' or end in "~" are passed over, and as long as one ends in ".tmp" or
 * ".part" it is not complete.
 *
 *   spool_scan.c finds complete names ► spool_take.c accepts them, or ► spool_refuse.c explains why
 *                                                                       not
 */
#pragma once

#include <pthread.h>
#include <sys/stat.h>

#include "gateway/payload.h"
#include "gateway/route.h"
#include "gateway/scan.h"
#include "gateway/spool.h"

enum { GW_FOLDER_FILES_MAX = 1000, GW_SPOOL_KEY_MAX = 512 };

/* How a dropped thing looks, a folder with all that is in it: equal looks, unchanged bytes. */
struct gw_look {
    mode_t mode;
    uint64_t inode;
    int64_t size, changed_ns; /* sum of the sizes, the newest change */
    int64_t touched_ms;       /* when content, owner or mode last changed */
};

/* A name that was seen, and how it looked then. */
struct gw_settling {
    char name[GW_NAME_SIZE];
    struct gw_look look;
    int64_t since_ms; /* monotonic */
};

/* One dropped thing on its way in. */
struct gw_drop {
    struct gw_spool_endpoint *e;
    pthread_mutex_t *lock;
    const char *name;
    char shown[GW_NAME_SIZE]; /* the name as people and logs get it */
    struct gw_look look;
    char id[GW_ID_SIZE];
    char key[GW_SPOOL_KEY_MAX];
    struct arena arena;
    struct gw_routing routing;
    struct gw_stage *stage;
    struct gw_scan_verdict scan;
    uint64_t size;
    size_t files;
    int64_t now;
};

bool gw_spool_ignores(const char *name);
/* What may lie beside NAME and goes with it: NAME.meta.yaml, NAME.meta.xml. Ends with NULL. */
extern const char *const gw_spool_companions[];
/* Renames the companions of name along with it: from out/ to the folder at to, where it is called
 * to_name. Mostly there are none. */
void gw_spool_companions_move(const struct gw_spool_endpoint *e, const char *name, int to,
                              const char *to_name);
/* ST_NOT_FOUND: it is gone; ST_RETRY, GW_R_SPOOL_CHANGED: a folder still being filled; ST_DENIED: a
 * folder that cannot be read. */
MUST_CHECK enum status gw_spool_look(const struct gw_spool_endpoint *e, const char *name,
                                     struct gw_look *look, struct error *err);
bool gw_look_same(const struct gw_look *a, const struct gw_look *b);

/* Accepts or refuses one complete thing; *again: it has to be looked at later. Any thread; those of
 * one endpoint share lock. */
MUST_CHECK enum status gw_spool_take_one(struct gw_spool_endpoint *e, const char *name,
                                         pthread_mutex_t *lock, bool *again, struct error *err);
/* Moves it to refused/ with an explanation beside it, and writes the event. Any thread. */
MUST_CHECK enum status gw_spool_refuse(struct gw_drop *d, const struct error *why,
                                       struct error *err);
void gw_settling_free(struct gw_spool_endpoint *e);

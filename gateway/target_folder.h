/*
 * gateway/target_folder.h - a message as a folder somewhere else
 *
 * What SFTP and WebDAV have in common: the folder <id> appears whole, under its name, in one step.
 *
 *   is <id>/ there? ──yes──────────────────────────────────────────► delivered
 *   make .<id>.part/ ► each file, message.json ► rename to <id>/ ► <id>.ok, if there is a marker
 *
 * A repetition finds either the folder, then an earlier attempt got through, or fills what that has
 * left. Where both are there the folder is somebody else's: nothing is put over it, and the next
 * attempt looks again. Readers pass over names with a dot in front, or wait for the marker.
 */
#pragma once

#include "gateway/target_curl.h"

/* Whole addresses: scheme, host and path, escaped; all of them live in the arena. */
struct gw_target_place {
    struct gw_target_curl curl;
    const char *folder, *part; /* with '/' at the end */
    const char *marker;        /* NULL: none */
};

/* How one protocol does it. url ends with '/' where it means a folder. Errors as gw_target_sftp. */
struct gw_target_verbs {
    enum status (*exists)(struct gw_target_place *p, const char *url, bool *there,
                          struct error *err);
    /* That it is there already is fine. */
    enum status (*part_make)(struct gw_target_place *p, struct error *err);
    /* Replaces what is there. */
    enum status (*put)(struct gw_target_place *p, const char *url, struct source *bytes,
                       struct error *err);
    /* part becomes folder, which must not be there: an error then. */
    enum status (*rename)(struct gw_target_place *p, struct error *err);
};

/* p: its curl is made, the rest is filled in here. marker: how its name ends, NULL: none. */
MUST_CHECK enum status gw_target_place_fill(struct gw_target_place *p, const char *marker,
                                            const struct gw_target_verbs *verbs, struct error *err);

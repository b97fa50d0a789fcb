/*
 * helper_spool.h - a town with a drop folder for each rule of completeness, and a writer who
 * follows a script
 *
 * A script is statements between ';', each a verb, names, and perhaps a text that reaches to the
 * end of it. '%' in a name or text stands for the row's file. Names are relative to out/.
 *
 *   w NAME TEXT     writes in place          a NAME TEXT   appends
 *   t NAME TEXT     writes NAME.tmp and renames it         big NAME  more than the limit
 *   mv FROM TO      rm NAME      d NAME (folder)     link|fifo|sock NAME
 *   hard FROM TO    another name of the same file          hole NAME  nothing but a hole
 *   ready NAME      its marker               done NAME     what the endpoint's rule asks for
 *   sum NAME        its right manifest       for NAME TEXT a manifest for a file of this content
 *   list NAME TEXT  a manifest: \n is a new line, $ the digest of "eins", ^ that in capitals
 *   open NAME       open for writing until "close";  lock|olock NAME  locked until "unlock"
 *   touch NAME      another time             pause         longer than what settles or is empty
 *   scan            one look at out/         until         looks until nothing is to be awaited
 *   crash           the endpoint is closed and opened again; the state stays
 *   moved           what was accepted is known to have left out/
 *   claim NAME      as a crash leaves it: claimed with all that belongs to it; claimonly NAME:
 * alone back            what was sent last lies in out/ again; unsend: its folder is a claim again
 */
#pragma once

#include "gateway/spool_in.h"
#include "helper_runtime.h"

enum spool_rule { SPOOL_RENAME, SPOOL_SETTLED, SPOOL_MARKER, SPOOL_MANIFEST, SPOOL_RULES };

extern const char *const spool_rule_names[SPOOL_RULES];

struct spool_world {
    struct helper_runtime h;
    struct gw_spool_endpoint e[SPOOL_RULES];
    struct arena arena;
    char last[GW_ID_SIZE]; /* the newest message that was looked at */
    int64_t event_seq;
    /* what must never happen */
    unsigned half_read, lost, twice;
};

/* What a script brings about. left: names in out/ that are not hidden. */
struct spool_expect {
    unsigned taken, refused, left;
    int reason; /* of the one event of this endpoint; 0: none */
};

void spool_world_open(struct spool_world *w);
void spool_world_close(struct spool_world *w);

/* Runs the script at the endpoint; file stands for '%'. */
void spool_play(struct spool_world *w, enum spool_rule rule, const char *script, const char *file);
/* One look, to its end; returns when to look again. */
int spool_scan(struct spool_world *w, enum spool_rule rule);
/* Looks until nothing is to be awaited. */
void spool_scan_until(struct spool_world *w, enum spool_rule rule);
/*
 * Compares with what came of it since the last time: every message's bytes with those in its
 * sent/<id>/, every refused thing with its explanation. Counts what must never happen, and fails on
 * everything else that is not as expected. Then empties the folders.
 */
void spool_settle_up(struct spool_world *w, enum spool_rule rule,
                     const struct spool_expect *expect);
/* The same for writers that died and went on: so many messages, each of that size; what else lies
 * in out/ does not matter. */
void spool_settle_writers(struct spool_world *w, enum spool_rule rule, unsigned count, size_t size);

/*
 * gateway/transform.h - a message's XML in another form, by XSLT 1.0
 *
 * A row of the table of routes names a stylesheet: each payload file whose name fits gets a second
 * one beside it, the result. The original stays, is kept, sent and handed over as ever. All of it
 * happens before the message is durable, in its stage: what is accepted has its result, which is
 * made once, and a crash before that leaves nothing.
 *
 * The stylesheet is the operator's, what it reads is anybody's. So libxslt works in a process of
 * its own (depesche-transform), which opens nothing and has bounds: GW_TRANSFORM_MEMORY_MB,
 * GW_TRANSFORM_SECONDS_MAX of a processor, documents of GW_TRANSFORM_XML_MAX bytes without DTD
 * (crypto/base/xml.h). There is no document(), no xsl:import, no xsl:include, and nothing is
 * written but the result. The bytes of a stylesheet are those that were checked when the settings
 * were read.
 *
 * Source: XSLT 1.0; docs/decisions/0082-transformation.md.
 */
#pragma once

#include "crypto/base/io.h"
#include "gateway/transform_exit.h"

struct gw_transform; /* a stylesheet that was checked; const, any number of threads */

/* ST_INVALID: it is none; text has the file, and the line where there is one. */
MUST_CHECK enum status gw_transform_new(const char *path, struct gw_transform **t,
                                        struct error *err);
void gw_transform_free(struct gw_transform *t);
DROP_DEFINE(gw_transform_drop, struct gw_transform, gw_transform_free)

/*
 * One document. max: bytes of the result. ST_INVALID, GW_R_TRANSFORM_OUT: no XML, too large, the
 * stylesheet could not deal with it, or not within the bounds; text says what, in the stylesheet's
 * own words where it has any. ST_RETRY: there was no process to be had. Others are those of xml and
 * out. out may have got a part of it.
 */
MUST_CHECK enum status gw_transform_run(const struct gw_transform *t, struct source *xml,
                                        uint64_t max, struct sink *out, struct error *err);

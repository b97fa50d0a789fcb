/*
 * gateway/xta_header.h - what XTA says of a message, as header blocks of OSCI
 *
 * Beside its files a message keeps up to three blocks (gateway/header.h), which travel in the
 * header of the OSCI message and come out as they went in:
 *
 *   Id MetaData     MessageMetaData in the form of version 3, which the official OSCI library
 *                   carries, too, and finds by this Id
 *   Id MetaData-V5  the same as version 5 wrote it, where its author did
 *   Id Contents     what a content has beside its bytes and its name, one entry for each file in
 *                   their order: media type, encoding, id, description, language. Neither name nor
 *                   digest: the intermediary reads all this
 * (docs/decisions/0063-xta-through-osci.md)
 *
 * A peer that knows only the first loses nothing but the details.
 */
#pragma once

#include "gateway/header.h"
#include "gateway/xta_call.h"

/* Adds the blocks to a stage that holds the payload files already, closed. ST_INVALID: the metadata
 * cannot travel so (an Id within it, say). */
MUST_CHECK enum status gw_xta_headers_stage(struct gw_stage *stage,
                                            const struct xta_metadata *metadata,
                                            struct arena *arena, struct error *err);
/* The file with the metadata for a reader of this version; NULL: there is none. */
const struct gw_file_row *gw_xta_header_file(const struct gw_file_list *files,
                                             enum xta_version version);

/* What came in: the metadata as its author wrote it, and one part for each file, if told. */
struct gw_xta_incoming {
    struct xta_metadata metadata;
    struct gw_xta_detail {
        struct gw_xta_part part;
        const char *content_type; /* NULL: not said */
    } * details;
    size_t detail_count;
};
/* Finds it among the blocks of an OSCI message; ST_NOT_FOUND: there is no MessageMetaData that can
 * be read. In the arena. */
MUST_CHECK enum status gw_xta_incoming_read(const struct osci_custom *customs, size_t count,
                                            struct arena *arena, struct gw_xta_incoming *in,
                                            struct error *err);
/* Media type and ref of the n-th payload file that comes in; in may be NULL: not by XTA. */
MUST_CHECK enum status gw_xta_incoming_file(const struct gw_xta_incoming *in, size_t n,
                                            const char *name, struct arena *arena,
                                            const char **content_type, const char **ref,
                                            struct error *err);

/*
 * xta/v5.h - what the two halves of the codec of version 5 say to each other
 */
#pragma once

#include "xta/codec.h"

/* with_id: a party that may be referred to, as in MessageMetaData; then certificates may stand in
 * it, too. Nothing is written when the party is not there. */
void xta_v5_party_read(struct xta_in *in, const xmlNode *node, struct xta_party *party);
void xta_v5_party_write(struct xta_out *out, const char *name, const struct xta_party *party,
                        bool with_id, bool with_fragments);
void xta_v5_metadata_read(struct xta_in *in, const xmlNode *node, struct xta_metadata *m);
void xta_v5_metadata_write(struct xta_out *out, const struct xta_metadata *m);
/* A fragment of version 5, with ids of this envelope for each Extension in it. */
void xta_v5_fragment_write(struct xta_out *out, struct span fragment);

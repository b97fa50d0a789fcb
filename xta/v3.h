/*
 * xta/v3.h - what the two halves of the codec of version 3 say to each other
 */
#pragma once

#include "xta/codec.h"

/* What stands where version 3 demands something that version 5 does not have (decision 0059). */
#define XTA_V3_PARTY_TYPE "xoev"
#define XTA_V3_LIST_VERSION "1"
#define XTA_V3_TYPE_LIST "urn:depesche:codeliste:message.type"
#define XTA_V3_PROPERTY_LIST "urn:depesche:codeliste:message.property"
#define XTA_V3_SCENARIO_LIST "urn:de:xta:codeliste:business.scenario"
#define XTA_NO_SCHEMA "urn:depesche:schema:unknown"

void xta_v3_party_read(struct xta_in *in, const xmlNode *node, struct xta_party *party);
/* Nothing when the party is not there. */
void xta_v3_party_write(struct xta_out *out, const char *name, const struct xta_party *party,
                        bool with_fragments);
void xta_v3_metadata_read(struct xta_in *in, const xmlNode *node, struct xta_metadata *m);
void xta_v3_metadata_write(struct xta_out *out, const struct xta_metadata *m);

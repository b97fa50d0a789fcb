/*
 * osci/custom.h - header blocks of others: MessageMetaData of XTA, say
 *
 * They travel beside the order, readable by the intermediary, signed with the message, and come
 * out as they went in, byte by byte of their canonical form. What they say is nobody's business
 * here.
 *
 * Source: OSCI 1.2 digest 2.0.1 (OSCI-013, OSCI-014); wire-notes 4.
 */
#pragma once

#include "osci/message.h"

enum { OSCI_CUSTOM_BYTES_MAX = 1024 * 1024, OSCI_CUSTOMS_MAX = 16 };

/* The Id that the official library gives, and looks for. */
#define OSCI_CUSTOM_ID "MetaData"

/* May a block of this namespace stand in a header beside OSCI's own? NULL: it has none. */
bool osci_custom_ns_allowed(const char *ns);

/*
 * Makes a block of an XML document: Id is set when it has none, the rest stays. In the arena.
 * ST_INVALID: not well-formed, no namespace or one of OSCI or SOAP, an Id that the message needs
 * itself, or one further down; ST_LIMIT: more than OSCI_CUSTOM_BYTES_MAX.
 */
MUST_CHECK enum status osci_custom_make(struct span xml, struct arena *arena,
                                        struct osci_custom *custom, struct error *err);

/* The name of its element, without prefix. */
struct span osci_custom_name(const struct osci_custom *custom);

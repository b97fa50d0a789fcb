/*
 * gateway/osci_names.h - how the store writes what OSCI calls things by
 */
#pragma once

#include "crypto/base/arena.h"
#include "crypto/base/buf.h"
#include "gateway/store.h"

/* A MessageId as the store keeps it: canonical base64, whatever the peer wrote; and back. In the
 * arena. */
MUST_CHECK enum status gw_osci_id_text(struct span id, struct arena *arena, const char **text,
                                       struct error *err);
MUST_CHECK enum status gw_osci_id_bytes(const char *text, struct arena *arena, struct span *id,
                                        struct error *err);
/* The same text in a buf, which is initialised here and has its NUL; ids are bounded as in
 * osci/sessions.h. ST_LIMIT: too long. */
MUST_CHECK enum status gw_osci_id_key(struct span id, struct buf *text, struct error *err);
/* SHA-256 of a certificate; an absent one is all zero in the store. */
void gw_osci_hash_set(uint8_t to[GW_SHA256_BYTES], struct span sha256);
MUST_CHECK enum status gw_osci_hash_get(const uint8_t from[GW_SHA256_BYTES], struct arena *arena,
                                        struct span *sha256, struct error *err);

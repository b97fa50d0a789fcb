/*
 * osci/delivery.h - what of a delivery is kept for its addressee, besides content
 *
 * The certificates with their Ids (content signatures and keys point to them) and the header blocks
 * of other namespaces, in a form that only this module reads.
 *
 * Source: OSCI 1.2 digest 2.0.1, 2.5.
 */
#pragma once

#include "osci/message.h"

/* Appends the parts of msg, foreign blocks fitted for an envelope of ours (osci/package.h). */
MUST_CHECK enum status osci_parts_write(const struct osci_message *msg, struct arena *arena,
                                        struct buf *out, struct error *err);
/* Back into msg->certs and msg->customs, in the arena; the caller frees each certificate. extra:
 * how many further places msg->certs shall have behind them. ST_INVALID: not written by us. */
MUST_CHECK enum status osci_parts_read(struct span kept, struct cert_cache *cache, size_t extra,
                                       struct arena *arena, struct osci_message *msg,
                                       struct error *err);

/* Ids that the message which passes a delivery on needs for its own parts: ST_INVALID 9300 when one
 * of them stands inside what is passed on, where it would spoil that message. type: of it; own: Id
 * of a certificate of ours. */
MUST_CHECK enum status osci_parts_check(const struct osci_reading *reading, enum osci_type type,
                                        struct span own, struct error *err);

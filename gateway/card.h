/*
 * gateway/card.h - process cards (Laufzettel), seen from the client
 *
 * Source: OSCI 1.2 digest 5, 2.6.
 */
#pragma once

#include "gateway/exchange.h"

/* The times and inspections of a card into a move; strings in the arena. */
MUST_CHECK enum status gw_card_apply(const struct osci_card *card, struct arena *arena,
                                     struct gw_move *move, struct error *err);
/* fetchProcessCard for these ids in an open conversation. ST_NOT_FOUND 9804: none is known. */
MUST_CHECK enum status gw_card_fetch(struct gw_conversation *talk, struct span *ids, size_t count,
                                     struct gw_answer *answer, struct error *err);
/* The cards of what waits in the mailbox of an open conversation: in the order in which it came in
 * (OSCI_SELECT_RECEPTION), or in which something last happened to it (OSCI_SELECT_MODIFIED; what
 * was tried in vain is behind the rest). ST_NOT_FOUND 9804: nothing does. */
MUST_CHECK enum status gw_card_waiting(struct gw_conversation *talk, enum osci_select by,
                                       uint64_t limit, struct gw_answer *answer, struct error *err);
/* An xs:dateTime in ms since 1970 UTC (without zone: UTC); false when it is none. */
bool gw_card_time_ms(struct span text, int64_t *ms);

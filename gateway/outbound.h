/*
 * gateway/outbound.h - one message on its way out
 *
 *   accepted --seal--> sealed --getMessageId--> (id kept) --storeDelivery--> submitted
 *
 *                                                  --forwardDelivery--> delivered
 *
 * Each arrow is durable before the next begins. The content is sealed once; every retry sends the
 * same sealed files under the same MessageId. An answer "MessageId used" (9801) is checked with the
 * process card and counts as success when the card is there.
 *
 * A partner that takes deliveries by itself gets them by forwardDelivery, and the answer tells the
 * reception. Where the intermediary says that nothing arrived (9809) or that the recipient failed
 * to take it (9808), the next attempt goes out under a new MessageId, since the old one is used.
 * Where it arrived and nothing more is known (9810), nothing is sent again: the process card
 * decides.
 *
 * Source: OSCI 1.2 digest 2.3, 2.4, 2.7, 4.1.
 */
#pragma once

#include "gateway/exchange.h"
#include "gateway/lane.h"
#include "gateway/osci_names.h"
#include "gateway/parties.h"
#include "gateway/payload.h"

/* Reads and seals the payload files of a message; stage then holds the package, whose ref is that
 * of the parties, and its attachments.
 * ST_DENIED, GW_R_STORE_DAMAGED: a file is missing or has changed. */
MUST_CHECK enum status gw_outbound_seal(const struct gw_runtime *rt,
                                        const struct gw_parties *parties,
                                        const struct gw_file_list *files, struct gw_stage *stage,
                                        struct error *err);
/* Opens a file of a message. ST_DENIED, GW_R_STORE_DAMAGED: it is missing. */
MUST_CHECK enum status gw_outbound_payload(const struct gw_runtime *rt,
                                           const struct gw_file_row *file,
                                           struct gw_file_source *source, struct error *err);

/* How a message gets to its partner: as its route says, else as the partner's settings do. */
enum gw_way gw_outbound_way(const struct gw_message_row *row, const struct gw_partner *partner);

/* A sealed content as it is sent; all zero is empty. */
struct gw_sealed {
    struct buf package;
    struct osci_attachment *attachments; /* their bodies read from sources; in the arena */
    struct gw_file_source *sources;
    size_t count;
    struct osci_custom *customs; /* header blocks of others */
    size_t custom_count;
};
/* Opens the sealed files among files; digests come from the index, nothing is read twice.
 * ST_DENIED, GW_R_STORE_DAMAGED: one is missing or has changed. */
MUST_CHECK enum status gw_sealed_load(const struct gw_runtime *rt, const struct gw_file_list *files,
                                      struct arena *arena, struct gw_sealed *sealed,
                                      struct error *err);
void gw_sealed_deinit(struct gw_sealed *sealed); /* for AUTO too */

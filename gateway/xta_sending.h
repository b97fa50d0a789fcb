/*
 * gateway/xta_sending.h - one message given to the XTA server; private to gateway/xta_*.c
 *
 *   checks (nothing is stored) ► files durable ► one transaction: the id claimed, the message in
 *   the outbox, its facts, and in the inbox of a reader in this house ► the answer
 *
 * Nothing is sealed here: the lanes do that later, so that what a request costs is its files and
 * its share of a commit (group commit).
 *
 * Source: XTA 2 digest 7, 8, 10.
 */
#pragma once

#include "gateway/local.h"
#include "gateway/scan.h"
#include "gateway/xta_route.h"

struct gw_xta_sending {
    struct gw_xta_call *call;
    const struct gw_endpoint_conf *author; /* whose outbox it lies in */
    struct gw_xta_route route;
    const struct gw_rule_conf *rule; /* of the table; NULL: none */
    struct gw_message_row row;
    struct gw_xta_row xta;
    const char *const *related;
    size_t related_count;
    struct gw_local_twin twin; /* where the reader is in this house and may have it at once */
    bool has_twin;
    enum gw_way way;
    struct gw_scan_note note; /* behind cause: what the history should say */
    struct gw_cause cause;
};

/* All that can be checked before anything is stored: metadata, id, author, reader and service, the
 * times, the virus scanner. Fills route, row and xta. */
MUST_CHECK enum status gw_xta_sending_check(struct gw_xta_sending *s, enum gw_directory_mode mode,
                                            struct error *err);
/* Headers, files, commit. request: the reader in this house is to answer; NULL: it is not. ST_OK:
 * it is durable. ST_DUPLICATE 9024: its id is used. */
MUST_CHECK enum status gw_xta_sending_commit(struct gw_xta_sending *s,
                                             const struct gw_request_row *request,
                                             struct error *err);
void gw_xta_sending_deinit(struct gw_xta_sending *s); /* for AUTO too */

/* The virus scanner's word on the contents: refuses what it refuses. */
MUST_CHECK enum status gw_xta_scan(struct gw_xta_call *call, struct gw_scan_verdict *verdict,
                                   struct error *err);

/* Refuses a text that is not in the encoding which it says it has: 9051. */
MUST_CHECK enum status gw_xta_encoding_check(struct gw_xta_call *call, struct error *err);

/* Writes the metadata into the stage as headers; what cannot be carried is refused: 9022. */
MUST_CHECK enum status gw_xta_metadata_stage(struct gw_xta_call *call,
                                             const struct xta_metadata *metadata,
                                             struct error *err);

/* Before anything is stored: may one more call of this account wait? Refuses otherwise: 9030. */
MUST_CHECK enum status gw_xta_place_take(struct gw_xta_call *call, struct error *err);
/* Until when an endpoint may answer. */
int64_t gw_xta_due(const struct gw_xta_call *call, const struct gw_endpoint_conf *endpoint);
/* The call waits for the answer to a request in an inbox of ours; id must live as long as it. */
void gw_xta_request_await(struct gw_xta_call *call, const char *id,
                          const struct gw_endpoint_conf *endpoint, int64_t due_at, bool fresh);

/* Is it a URI of at most 100 characters? Refuses otherwise. */
MUST_CHECK enum status gw_xta_id_check(struct gw_xta_call *call, struct span id, struct error *err);

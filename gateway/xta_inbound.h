/*
 * gateway/xta_inbound.h - OSCI deliveries that carry an XTA message, on their way into the inbox
 *
 * What has MessageMetaData among its header blocks (gateway/xta_header.h) goes to the endpoint
 * whose party the reader is, whatever the subject says, and appears in that reader's box with its
 * metadata unchanged.
 *
 * An XTA id should come once. Two OSCI messages with one id are the same message once more when
 * they come from the same sender with the same author and the same bytes: a gateway that had reason
 * to doubt the first has sent it again. Otherwise somebody has used the id twice, and the second
 * message is put aside for the operator.
 *
 * Source: XTA 2 digest 8, 10.
 */
#pragma once

#include "gateway/xta_header.h"

struct gw_xta_arrival {
    bool found; /* there is MessageMetaData */
    struct gw_xta_incoming incoming;
    const struct gw_endpoint_conf *endpoint; /* whose party the reader is; NULL: nobody's */
    struct gw_xta_row row; /* where there is an endpoint; message_id is the caller's to fill */
};

/* In the arena. What cannot be read as MessageMetaData is a header block of others, no more. */
MUST_CHECK enum status gw_xta_arrival_read(const struct gw_config *conf, const char *tenant,
                                           const struct osci_message *msg, struct arena *arena,
                                           struct gw_xta_arrival *arrival, struct error *err);

/* The endpoint alone; NULL: it is no XTA message, or its reader is not of here. */
const struct gw_endpoint_conf *gw_xta_arrival_endpoint(const struct gw_config *conf,
                                                       const char *tenant,
                                                       const struct osci_message *msg);

/* The row of a message for the inbox, but for message_id and delivery. In the arena. */
MUST_CHECK enum status gw_xta_row_make(const struct xta_metadata *metadata, struct arena *arena,
                                       struct gw_xta_row *row, struct error *err);
/* The same bytes in the same order? */
bool gw_xta_same_contents(const struct gw_file_list *old, const struct gw_stage *stage);

enum gw_xta_known {
    GW_XTA_NEW,
    GW_XTA_AGAIN, /* the same message as existing */
    GW_XTA_CLASH, /* another message had this id */
};
/* Has it come before, under another MessageId than osci_id? The same MessageId is the store's
 * matter. stage: the files of this delivery; sender, osci_id (or NULL) as in its row. */
MUST_CHECK enum status gw_xta_arrival_known(const struct gw_runtime *rt,
                                            const struct gw_xta_arrival *arrival,
                                            const char *sender, const char *osci_id,
                                            const struct gw_stage *stage, enum gw_xta_known *known,
                                            char existing[GW_ID_SIZE], struct error *err);

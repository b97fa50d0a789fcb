/*
 * gateway/store_request.h - requests (processDelivery) and how they were answered
 *
 * A request is an inbound message whose sender waits. What the message's row does not say stands in
 * a row beside it: until when, who asked, under which MessageId the answer goes out. It is settled
 * once, by an answer or by none, and stays so: who asks again under the same MessageId gets the
 * same.
 *
 *   gw_store_request_add ► awaited ► gw_store_request_settle ► given | missing
 *
 * Rules, errors and the meaning of W as in gateway/store.h.
 *
 * Source: OSCI 1.2 digest 2.10.
 */
#pragma once

#include "gateway/store.h"

struct gw_request_row {
    const char *message_id; /* of the inbound message */
    int64_t due_at;
    bool command;              /* a program is to be run for it; else the API is to answer */
    bool started;              /* it was, or is about to be: nobody knows how far it came */
    const char *reply_osci_id; /* MessageIdResponse, base64; NULL: a request without process card */
    struct span asker;         /* cipher certificate that the answer is encrypted for, DER; or
                                  none: the answer goes back as it is */
    const char *answer_id;     /* message in the outbox, where answered; or NULL */
    enum gw_answer_state state;
};

struct gw_request_list {
    struct gw_request_row *rows;
    size_t count;
    bool more;
};

/* W. Beside a message added in the same transaction. state, started and answer_id are not looked
 * at. */
MUST_CHECK enum status gw_store_request_add(struct gw_tx *tx, const struct gw_request_row *row,
                                            struct error *err);
/* ST_NOT_FOUND: no such message, or one that is no request. */
MUST_CHECK enum status gw_store_request(struct gw_tx *tx, struct arena *arena,
                                        const char *message_id, struct gw_request_row *row,
                                        struct error *err);
/* W. Its program is about to be run. ST_DENIED: it has been, or the request is settled. */
MUST_CHECK enum status gw_store_request_start(struct gw_tx *tx, const char *message_id,
                                              struct error *err);
/* W. Given with the id of the answer, or missing with NULL. ST_DENIED: it is settled already,
 * nothing changes. */
MUST_CHECK enum status gw_store_request_settle(struct gw_tx *tx, const char *message_id,
                                               const char *answer_id, struct error *err);
/* Those awaited with ids greater than after (NULL: all), oldest first. limit as in gw_filter. */
MUST_CHECK enum status gw_store_requests(struct gw_tx *tx, struct arena *arena, const char *after,
                                         size_t limit, struct gw_request_list *list,
                                         struct error *err);

/*
 * gateway/reply.h - how a request is answered, durably
 *
 * A reply is a message in the outbox that belongs to its request: sealed for who asked, under the
 * MessageId that came with the request, and "forwarded" from the commit on, since it leaves with
 * the answer to the intermediary. Its process card is fetched like that of any message. One commit
 * settles the request, and adds the reply or says why there is none; from then on the same request
 * gets the same answer.
 *
 * Who asked without a certificate came by XTA: nothing is sealed for him, the door that he waits at
 * hands the reply back, and it counts as delivered.
 *
 * A reply to a request without protocol has no MessageId: nothing will ever be known of it, so it
 * counts as delivered.
 *
 * All of it blocks: worker threads only.
 *
 * Source: OSCI 1.2 digest 2.9, 2.10.
 */
#pragma once

#include "gateway/outbound.h"
#include "gateway/store_request.h"
#include "osci/recipient.h"

/* Who says so, in the history. */
struct gw_reply_by {
    const char *actor;
    const char *subject; /* NULL: that of the request */
};

/*
 * The files in stage, which belongs to the message reply_id, are the answer. stage stays the
 * caller's, done or not. ST_DENIED GW_R_REQUEST_OVER: settled already, or too late; ST_NOT_FOUND
 * GW_R_REQUEST_NONE: no request; others: nothing has happened.
 */
MUST_CHECK enum status gw_reply_give(const struct gw_runtime *rt, const char *request_id,
                                     const char *reply_id, struct gw_stage *stage,
                                     const struct gw_reply_by *by, struct error *err);
/* There is none, for the reason in why (GW_R_REQUEST_*, and others); the message itself waits for
 * its endpoint as before, where it has not been handed over. Settled already: ST_OK. */
MUST_CHECK enum status gw_reply_miss(const struct gw_runtime *rt, const char *request_id,
                                     const char *actor, const struct error *why, struct error *err);

/* A reply as it is sent. Zeroed is empty. */
struct gw_reply {
    struct arena arena;
    struct gw_sealed sealed;
    enum gw_answer_state state; /* the rest counts when it is given */
    const char *id;             /* of the message in the outbox */
    const char *osci_id;        /* under which it went out last; NULL: none */
    struct osci_reply osci;     /* lives in the two above */
    const char *parties;        /* fingerprints of who sealed it and for whom, the author first */
};
/* ST_NOT_FOUND: no request. */
MUST_CHECK enum status gw_reply_load(const struct gw_runtime *rt, const char *request_id,
                                     struct gw_reply *reply, struct error *err);
/* An intermediary that repeats a request may have drawn another MessageIdResponse: the card of the
 * reply is under that one. Nothing to do where it is the same. */
MUST_CHECK enum status gw_reply_goes_as(const struct gw_runtime *rt, const struct gw_reply *reply,
                                        struct span osci_id, struct error *err);
void gw_reply_deinit(struct gw_reply *reply);

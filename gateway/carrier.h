/*
 * gateway/carrier.h - how messages travel to one kind of destination
 *
 * A destination is where messages go to and come from: an OSCI intermediary, somebody else's XTA
 * server. A carrier speaks the protocol of one kind. It is told what to do by the lanes
 * (gateway/lane.h), which decide when: circuits, growing rests, fairness between destinations and
 * what the operator sees are theirs, the same for every kind. Its functions block and are called
 * from lanes only.
 *
 * Their errors say what the lanes may conclude: ST_RETRY with err->reason of GW_R_NET_*: the
 * destination is not to be reached. Another reason below GW_R_SPOOL_NO_ROUTE, GW_R_NET_ANSWER,
 * GW_R_XTA_DENIED to GW_R_XTA_FAULT, or GW_R_TARGET_LATER to GW_R_TARGET_FULL: it has answered.
 */
#pragma once

#include "gateway/detour.h"
#include "gateway/runtime.h"

struct gw_carrier;

/* Strings are those of the settings. */
struct gw_destination {
    const struct gw_carrier *carrier;
    const void *peer; /* the carrier's own: struct gw_peer, say */
    const char *name; /* peer in the rows of its messages */
    const char *url;
    int64_t poll_seconds, receipt_poll_seconds, timeout_seconds;
    bool fetch;       /* it may have something for us */
    size_t mailboxes; /* that we have there, one for each of our cipher certificates; 0: one */
    unsigned at_once; /* messages on their way there at the same time; 0: as many as lanes can */
};

struct gw_carrier {
    /* The i-th destination of this kind in the settings; false past the last. */
    bool (*destination)(const struct gw_runtime *rt, size_t i, struct gw_destination *to);
    /* What a lane that sends keeps from one message to the next; NULL: out of memory. */
    void *(*talk_new)(const struct gw_runtime *rt, const struct gw_destination *to);
    void (*talk_free)(void *talk);
    /*
     * One attempt for one due message. outage_known: the lane has logged that the destination is
     * away, no need to say it for each message. *moved: the message's state says what came of it;
     * false when that could not be written, so it is still due, or when the gateway is stopping.
     */
    enum status (*send)(void *talk, const struct gw_message_row *row, bool outage_known,
                        bool *moved, struct error *err);
    /* Nothing to send for now: what is open ends. True when something was. */
    bool (*pause)(void *talk);
    /* Everything that waits there for us, in its order, round what cannot be taken. detour:
     * one for each mailbox. *count: new ones. */
    enum status (*fetch)(const struct gw_runtime *rt, const struct gw_destination *to,
                         struct gw_detour *detour, size_t *count, struct error *err);
    /* What became of the messages that are still outstanding there. */
    enum status (*receipts)(const struct gw_runtime *rt, const struct gw_destination *to,
                            struct error *err);
};

extern const struct gw_carrier gw_osci_carrier, gw_xta_carrier;
void gw_osci_destination(const struct gw_peer *peer, struct gw_destination *to);

/* Of all kinds, one after the other; false past the last. */
bool gw_destination_at(const struct gw_runtime *rt, size_t i, struct gw_destination *to);

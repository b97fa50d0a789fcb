/*
 * gateway/xta_client.h - somebody else's XTA server as a destination; private to
 * gateway/xta_client_*.c
 *
 *   xta_client.c           the carrier; checkAccountActive
 *   xta_client_ask.c       one request and its answer
 *   xta_client_message.c   what we say of a message: metadata and contents
 *   xta_client_send.c      createMessageId, lookupService, sendMessage
 *   xta_client_report.c    getTransportReport
 *   xta_client_fetch.c     getStatusList, close; xta_client_take.c  getMessage, into the inbox
 *
 * One message on its way out:
 *
 *   accepted --createMessageId--> sealed (id kept) --sendMessage--> submitted
 *            --getTransportReport--> delivered, or failed
 *
 * Each arrow is durable before the next begins. Under one id a message may be sent again as often
 * as need be: a server that has it refuses with ParameterIsNotValid, and its report then says that
 * it has. So an answer that never came, or that tells of a technical problem, leaves the message
 * unclear: the next attempt asks for its report first, and sends it again under the same id.
 *
 * And in: a message is confirmed (close) only after it is durable in the inbox; the XTA id, which
 * stands in the row's osci_message_id, and the server tell the second time from the first.
 *
 * All of it blocks: lanes only.
 *
 * Source: XTA 2 digest 5, 6, 8; XTA-120 to XTA-145.
 */
#pragma once

#include "gateway/attempt.h"
#include "gateway/http_wait.h"
#include "gateway/payload.h"
#include "xta/wire.h"

struct gw_xta_server_talk {
    const struct gw_runtime *rt;
    const struct gw_xta_peer *peer;
};

/* One request and its answer. The caller fills request (operation and what belongs to it), intake
 * and arena; everything read lives in the arena, and wire as long as this. */
struct gw_xta_exchange {
    struct xta_request request;
    struct xta_intake *intake; /* NULL: the answer has no contents */
    struct arena *arena;
    struct xta_answer answer;
    struct xta_fault fault;
    bool refused;                  /* the server answered, with fault */
    bool maybe_received;           /* it can have got the request */
    struct gw_http_waited wire;    /* the answer as it came */
    char soap_id[GW_ID_SIZE + 16]; /* of the request */
};
void gw_xta_exchange_deinit(struct gw_xta_exchange *x); /* for AUTO too */

/* Which of GW_R_XTA_* a fault is, and what follows from it (XTA-131). */
int gw_xta_reason(const struct xta_fault *f, enum status *status);

/*
 * ST_RETRY: the network (GW_R_NET_*), or a technical problem of the server's (GW_R_XTA_TECHNICAL,
 * GW_R_XTA_FAULT), or an answer that is none (GW_R_NET_ANSWER). ST_NOT_FOUND, GW_R_XTA_UNKNOWN_ID.
 * ST_DENIED, GW_R_XTA_*: refused, and the same request would be again. Others: our own files.
 */
MUST_CHECK enum status gw_xta_ask(const struct gw_xta_server_talk *talk, struct gw_xta_exchange *x,
                                  struct error *err);
/* The party of an endpoint at this server, or the one for all; NULL: we are nobody there for it. */
const struct gw_xta_party_conf *gw_xta_party_conf(const struct gw_xta_peer *peer,
                                                  const char *endpoint);
struct xta_party gw_xta_party(const struct gw_xta_party_conf *conf);
enum xta_version gw_xta_version(const struct gw_xta_peer *peer);
/* Is the account active, for each party that we are there? Once since the start. */
MUST_CHECK enum status gw_xta_account_check(const struct gw_xta_server_talk *talk,
                                            struct error *err);

/* -- what we say of a message ------------------------------------------------------------------ */

/*
 * The metadata that its author gave, with what only the sender fills still open; of a message that
 * did not come by XTA, what the settings say. ST_DENIED, GW_R_XTA_NO_PARTY: we are nobody at this
 * server for its endpoint.
 */
MUST_CHECK enum status gw_xta_metadata_of(const struct gw_xta_server_talk *talk,
                                          const struct gw_message_row *row,
                                          const struct gw_file_list *files, struct arena *arena,
                                          struct xta_metadata *metadata, struct error *err);

/* Its author alone, as whom we ask about it. */
MUST_CHECK enum status gw_xta_author_of(const struct gw_xta_server_talk *talk,
                                        const struct gw_message_row *row,
                                        const struct gw_file_list *files, struct arena *arena,
                                        struct xta_party *author, struct error *err);

/* Its payload files as contents, open until deinit. */
struct gw_xta_contents {
    struct xta_container container;
    struct gw_file_source *sources;
    size_t count;
    struct buf encrypted;
};
/* ST_DENIED, GW_R_STORE_DAMAGED: a file is missing or has changed. */
MUST_CHECK enum status gw_xta_contents_of(const struct gw_xta_server_talk *talk,
                                          const struct gw_file_list *files, struct arena *arena,
                                          struct gw_xta_contents *contents, struct error *err);
void gw_xta_contents_deinit(struct gw_xta_contents *contents); /* for AUTO too; zeroed is empty */

/* -- what became of it ------------------------------------------------------------------------- */

/*
 * Asks for the report of a message that was sent under id and moves the message on as it says:
 * submitted, if it is not yet, forwarded, delivered, failed; the report is kept as evidence once it
 * is final. party: as whom we ask. ST_NOT_FOUND, GW_R_XTA_UNKNOWN_ID: the server does not know it.
 */
MUST_CHECK enum status gw_xta_report_take(const struct gw_xta_server_talk *talk,
                                          const struct gw_message_row *row, const char *id,
                                          const struct xta_party *party, struct arena *arena,
                                          struct error *err);

/* -- what comes in ----------------------------------------------------------------------------- */

/*
 * Fetches the message with this id, as party, and makes it durable in the inbox. *fresh: it is new
 * to us; false: it was there already, or the server has it no more (*there false). request_id
 * (V3): the MsgBoxRequestID that came with it, in the arena, unchanged where none did. *fetched:
 * the server has handed it out, whatever became of it here.
 */
struct gw_xta_fetch {
    const struct gw_xta_party_conf *party;
    const char *id; /* as in the list */
    struct arena *arena;
    struct span request_id;
    bool fresh, there, fetched;
};
MUST_CHECK enum status gw_xta_take(const struct gw_xta_server_talk *talk,
                                   struct gw_xta_fetch *fetch, struct error *err);

/* -- the carrier's functions ------------------------------------------------------------------- */

MUST_CHECK enum status gw_xta_message_send(const struct gw_xta_server_talk *talk,
                                           const struct gw_destination *to,
                                           const struct gw_message_row *row, bool outage_known,
                                           bool *moved, struct error *err);
MUST_CHECK enum status gw_xta_reports_fetch(const struct gw_xta_server_talk *talk,
                                            struct error *err);
MUST_CHECK enum status gw_xta_box_fetch(const struct gw_xta_server_talk *talk,
                                        struct gw_detour *detour, size_t *count, struct error *err);

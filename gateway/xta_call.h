/*
 * gateway/xta_call.h - one request to the XTA server; private to gateway/xta_*.c
 *
 *   xta_server.c   listeners, paths, WSDL; xta_visit.c  one request from spooled body to answer
 *   xta_account.c  who calls
 *   xta_call.c     for which party he may speak; createMessageId, checkAccountActive
 *   xta_box.c      getStatusList, getMessage and their next, close
 *   xta_load.c     a message of the store as an answer; xta_adopt.c  one that is not of XTA
 *   xta_send.c     sendMessage; xta_report.c, xta_cancel, xta_lookup, xta_sync: the others
 *
 * A handler runs in a worker, in plain blocking style. The request was read and is schema-valid,
 * the account is known and not locked, and may act for the party; of sendMessage and
 * sendMessageSync author and service were checked, too. Contents lie in the stage. The
 * handler fills call->answer and returns ST_OK, or refuses (gw_xta_refuse), or returns what went
 * wrong: reasons from 9000 to 9101 become the exception they belong to, all else a technical
 * problem without details.
 *
 * Source: XTA 2 digest 4 to 8.
 */
#pragma once

#include "gateway/payload.h"
#include "gateway/runtime.h"
#include "gateway/store_xta.h"
#include "xta/wire.h"

struct gw_xta_server;
struct gw_xta_waits;

/* What a handler waits for (gateway/xta_wait.h): one of the two ids, of the gateway. */
struct gw_xta_pause {
    const char *request_id; /* an inbound message that endpoint answers */
    const struct gw_endpoint_conf *endpoint;
    bool fresh;         /* the request has come for the first time */
    const char *out_id; /* an outbound message whose reply comes with OSCI */
    int64_t due_at;
};

struct gw_xta_call {
    struct gw_xta_server *server;
    const struct gw_runtime *rt;
    const struct gw_xta_server_conf *conf;
    const struct gw_xta_account_conf *account;
    const char *party; /* for whom he speaks: the header's, else the account's first. sendMessage
                          without header (V3): the author's */
    const char *actor; /* "xta:<account>", for events */
    enum xta_version version;
    int64_t now;
    struct xta_request request;
    struct arena arena; /* of request and answer */
    /*
     * The contents as GW_FILE_PAYLOAD files, closed but not published: file i is the content with
     * taken == i; an xenc:EncryptedData is one file of its own. ref holds what only XTA knows of
     * them (gw_xta_part). NULL: the operation has none. id is the owner: that of a new message.
     */
    struct gw_stage *stage;
    char id[GW_ID_SIZE];
    /* What the handler makes. version, operation and relates_to of answer are set already. */
    struct xta_answer answer;
    struct xta_fault fault; /* of a refusal; gw_xta_refuse fills it */
    /* After ST_OK: the answer is still to come. The worker is let go, and when the pause is over
     * resume runs in another, with the same rules. NULL: the answer is complete. */
    enum status (*resume)(struct gw_xta_call *call, struct error *err);
    struct gw_xta_pause pause;
    struct gw_xta_waits *waits;
    bool has_place;                /* among them, until it is answered */
    const char *message_id;        /* the gateway's, for the log; NULL: about none */
    bool sent;                     /* a message waits in the outbox: the lanes should look */
    struct gw_xta_outlet *outlets; /* files behind answer.container, open until it is sent */
    size_t outlet_count;
};

/* Refuses: exception and number for the peer, the text for the operator and, in V5, as Detail.
 * Returns st; ST_INVALID and ST_DENIED are the peer's side, ST_RETRY ours. */
enum status gw_xta_refuse(struct gw_xta_call *call, enum status st, enum xta_exception exception,
                          int number, struct error *err, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
/* Whose the account is: the tenant of its parties. NULL: it has none. */
const char *gw_xta_tenant(const struct gw_xta_call *call);
/* May the account act for it? ST_DENIED 9014. */
MUST_CHECK enum status gw_xta_party_check(struct gw_xta_call *call, struct span party,
                                          struct error *err);
/* Has the account booked it? An empty one is booked always. ST_DENIED 9013. */
MUST_CHECK enum status gw_xta_service_check(struct gw_xta_call *call, struct span service,
                                            struct error *err);
/* A new "urn:de:xta:<kind>:<instance>:<uuid>", in the arena. */
MUST_CHECK enum status gw_xta_urn_make(struct gw_xta_call *call, const char *kind, const char **urn,
                                       struct error *err);
/* The same for a message, not written down. */
MUST_CHECK enum status gw_xta_id_make(struct gw_xta_call *call, const char **id, struct error *err);
/* xs:dateTime of a time, in the arena; SPAN_NONE for 0. */
MUST_CHECK enum status gw_xta_time(struct arena *arena, int64_t ms, struct span *text,
                                   struct error *err);

/* -- contents as files ------------------------------------------------------------------------- */

enum gw_xta_kind { GW_XTA_MESSAGE, GW_XTA_ATTACHMENT, GW_XTA_ENCRYPTED };

/* What a content has beside name, type and bytes: the ref of its file. */
struct gw_xta_part {
    enum gw_xta_kind kind;
    struct span id, encoding, description, lang;
};
/* The ref, in the arena. */
MUST_CHECK enum status gw_xta_part_write(const struct gw_xta_part *part, struct arena *arena,
                                         const char **ref, struct error *err);
/* ref NULL or of others: false, and *part is an attachment without anything. */
bool gw_xta_part_read(const char *ref, struct arena *arena, struct gw_xta_part *part);

/*
 * Fills metadata, container, has_message of the answer from a message of the inbox; the files stay
 * open until the answer is sent. The metadata is that of its header file (GW_FILE_HEADER), or made
 * from the row where it came without; times and id are those of xta.
 */
MUST_CHECK enum status gw_xta_message_load(struct gw_xta_call *call, const struct gw_xta_row *xta,
                                           const struct gw_message_row *row, struct error *err);
/* Gives what lies in the inbox of the party's endpoint without anything of XTA its place in the
 * box, if the party is the endpoint's first. Such messages have an id made of the gateway's. */
MUST_CHECK enum status gw_xta_adopt(struct gw_xta_call *call, struct error *err);
/* The metadata alone, for lists and reports. files: of the message. */
MUST_CHECK enum status gw_xta_metadata_load(struct gw_xta_call *call, const struct gw_xta_row *xta,
                                            const struct gw_message_row *row,
                                            const struct gw_file_list *files,
                                            struct xta_metadata *metadata, struct error *err);

/* -- the operations ---------------------------------------------------------------------------- */

enum status gw_xta_check_account(struct gw_xta_call *call, struct error *err);
enum status gw_xta_create_id(struct gw_xta_call *call, struct error *err);
enum status gw_xta_status_list(struct gw_xta_call *call, struct error *err);
enum status gw_xta_next_status_list(struct gw_xta_call *call, struct error *err);
enum status gw_xta_get_message(struct gw_xta_call *call, struct error *err);
enum status gw_xta_next_message(struct gw_xta_call *call, struct error *err);
enum status gw_xta_close(struct gw_xta_call *call, struct error *err);

enum status gw_xta_lookup(struct gw_xta_call *call, struct error *err);
enum status gw_xta_report(struct gw_xta_call *call, struct error *err);
enum status gw_xta_cancel(struct gw_xta_call *call, struct error *err);
enum status gw_xta_send(struct gw_xta_call *call, struct error *err);
enum status gw_xta_send_sync(struct gw_xta_call *call, struct error *err);
enum status gw_xta_deliver(struct gw_xta_call *call, struct error *err);

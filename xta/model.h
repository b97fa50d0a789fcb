/*
 * xta/model.h - what XTA 2 messages say, whatever their version
 *
 * One model for version 3 (namespace .../xta/211) and version 5 (.../xta/core/3.1.1). The codec of
 * a version (xta/v3.c, xta/v5.c) makes a model of a tree and a tree of a model; xta/wire.h goes
 * from bytes to model and back. Nobody above xta/ knows an element name.
 *
 * Strings are spans of UTF-8 that live in the arena of whoever made the model; ptr NULL: not there.
 * Times are the texts of xs:dateTime, as they stand on the wire, so that they come out as they went
 * in. XML fragments are canonical XML of one element each and only written in the version they came
 * from.
 *
 * Source: XTA 2 digest 5 to 9.
 */
#pragma once

#include "crypto/base/arena.h"
#include "crypto/base/io.h"

enum xta_version { XTA_V3, XTA_V5, XTA_VERSION_COUNT };

enum xta_port {
    XTA_PORT_BASE,   /* V3 ManagementPort, V5 transport base */
    XTA_PORT_SENDER, /* V3 SendXtaPort */
    XTA_PORT_BOX,    /* V3 MsgBoxPort, V5 recipient */
    XTA_PORT_READER, /* V5 only */
    XTA_PORT_COUNT
};

enum xta_operation {
    XTA_CHECK_ACCOUNT_ACTIVE,
    XTA_CREATE_MESSAGE_ID,
    XTA_LOOKUP_SERVICE,
    XTA_GET_TRANSPORT_REPORT,
    XTA_CANCEL_MESSAGE, /* V3 */
    XTA_SEND_MESSAGE,
    XTA_SEND_MESSAGE_SYNC,
    XTA_GET_STATUS_LIST,
    XTA_GET_NEXT_STATUS_LIST, /* V3 */
    XTA_GET_MESSAGE,
    XTA_GET_NEXT_MESSAGE, /* V3 */
    XTA_CLOSE,
    XTA_DELIVER_MESSAGE, /* V5 */
    XTA_OPERATION_COUNT
};

enum xta_exception {
    XTA_NO_EXCEPTION,
    XTA_PERMISSION_DENIED,
    XTA_PARAMETER_NOT_VALID,
    XTA_TECHNICAL_PROBLEM,
    XTA_SCHEMA_VIOLATION, /* of the payload, not of the envelope */
    XTA_VIRUS_DETECTION,
    XTA_INVALID_MESSAGE_ID,
    XTA_SYNC_ASYNC,
    XTA_CANCEL_DENIED,   /* V3 */
    XTA_NOT_IMPLEMENTED, /* this and the following: V5 */
    XTA_PARAMETER_UNSUPPORTED,
    XTA_UNSUPPORTED_EXTENSION,
    XTA_EXTERNAL_UNAVAILABLE,
    /* SOAP's and WS-Addressing's own, no exception of XTA: */
    XTA_SOAP_SENDER,
    XTA_SOAP_RECEIVER,
    XTA_SOAP_VERSION_MISMATCH,
    XTA_SOAP_MUST_UNDERSTAND,
    XTA_SOAP_ACTION_MISMATCH,
    XTA_SOAP_ACTION_UNKNOWN,
    XTA_EXCEPTION_COUNT
};

/* Numbers of the code list Fehlernummer; err->reason of what xta/ finds is one of them. */
enum xta_number {
    XTA_N_UNSPECIFIED = 9000,
    XTA_N_CERTIFICATE_EXPIRED = 9010,
    XTA_N_ACCOUNT_LOCKED = 9011,
    XTA_N_NO_ACCOUNT = 9012,
    XTA_N_NOT_BOOKED = 9013,
    XTA_N_WRONG_PARTY = 9014,
    XTA_N_MISSING = 9020,
    XTA_N_NO_URI = 9021,
    XTA_N_COMBINATION = 9022,
    XTA_N_TOO_LARGE = 9023,
    XTA_N_ID_USED = 9024,
    XTA_N_INTERNAL = 9030,
    XTA_N_DIRECTORY = 9031,
    XTA_N_DELIVERY = 9032,
    XTA_N_NOT_SCHEMA_VALID = 9050,
    XTA_N_WRONG_ENCODING = 9051,
    XTA_N_PROFILE = 9052,
    XTA_N_VIRUS = 9060,
    XTA_N_UNKNOWN_ID = 9070,
    XTA_N_ONLY_ASYNC = 9080,
    XTA_N_ONLY_SYNC = 9081,
    XTA_N_TOO_LATE = 9100, /* NotBefore has passed */
    XTA_N_NO_NOT_BEFORE = 9101
};

struct xta_fault {
    enum xta_exception exception;
    int number; /* enum xta_number; 0 for SOAP's own */
    struct span
        detail; /* for the peer: V5 Detail, the text of 9000 in V3, SOAP's reason; or none */
};

struct xta_code {
    struct span list, list_version, code, name;
};

struct xta_party {
    struct span value;  /* "ags:09162000"; compared without regard to ASCII case */
    struct span scheme; /* V3 type, V5 identifierScheme */
    struct span name, category;
    struct xta_code directory; /* V5 */
    struct span *fragments;    /* SecurityToken (V3), Extensions and Certificate (V5) */
    size_t fragment_count;
};

struct xta_property {
    struct xta_code key; /* V5: only its code, a text */
    struct span value;
};

/* V5 AdditionalIdentifier; V3 In-Reply-To (context empty). */
struct xta_related {
    struct span id;
    struct xta_code context;
};

/* MessageMetaData. Source: digest 7. */
struct xta_metadata {
    enum xta_version version; /* in which it was written; fragments belong to it */
    bool test;                /* V3 TestMsg */
    struct span id;           /* XTA message id; compared without regard to case */
    struct xta_party reader, author, sender, reply_to; /* the last two: value NULL when absent */
    struct span service, subject;
    struct xta_code scenario;       /* code NULL: undefined, with ... */
    struct span scenario_undefined; /* ... this text; both NULL: missing */
    struct xta_code message_type;   /* V5: only its code, a text */
    struct span message_schema;     /* V3 payloadSchema */
    struct span origin, initial_send, not_before, delivery, initial_fetch, reception;
    struct span obsolete_after;             /* xs:date */
    struct span quality, quality_undefined; /* service profile */
    uint64_t size;                          /* 0: not said */
    struct xta_property *properties;
    size_t property_count;
    struct xta_related *related;
    size_t related_count;
    struct span process_requester, process_requester_name, process_responder,
        process_responder_name; /* V3 ProcessRef */
    struct span *fragments;     /* OtherDestinations, ReceiptRequests (V3), Extensions (V5) */
    size_t fragment_count;
};

/* Message or Attachment. */
struct xta_content {
    struct span content_type, encoding, filename, id, description, lang;
    uint64_t announced;  /* attribute size; 0: not said */
    uint64_t len;        /* of the decoded bytes */
    size_t taken;        /* read: its place in the order in which the intake got them */
    struct source *body; /* to write: borrowed until the parcel is sent */
};

/* GenericContentContainer (V3), ContentContainer (V5). */
struct xta_container {
    bool has_message; /* contents[0] is Message, the others are Attachments */
    struct xta_content *contents;
    size_t count;
    struct span encrypted;  /* V3: the xenc:EncryptedData instead of contents, as a fragment */
    struct span extensions; /* V5 */
};

enum xta_tri { XTA_UNSET, XTA_TRUE, XTA_FALSE };

/* getStatusList, getNextStatusList, getMessage, getNextMessage, close. */
struct xta_selection {
    struct span *ids;
    size_t id_count;
    struct span *relates_to; /* V3 */
    size_t relates_count;
    struct span from, to; /* entry times */
    enum xta_tri new_entry;
    uint64_t max_items;     /* 0: not said */
    bool attributes_form;   /* V3 ListForm MsgAtrributes; else the metadata */
    struct span part;       /* V3 MsgPart; NULL: Envelope */
    struct span request_id; /* V3 MsgBoxRequestID */
    struct span *received;  /* V3 LastMsgReceived */
    size_t received_count;
    bool extended; /* there was an Extension that we do not know */
};

struct xta_question {
    struct xta_party reader;
    struct span service;
};

struct xta_request {
    enum xta_version version;
    enum xta_operation operation;
    bool operation_known; /* set by xta_request_read even when it fails: what the fault is about */
    struct span soap_id;  /* header wsa:MessageID; NULL: none */
    struct span to;       /* header wsa:To */
    bool has_party;
    struct xta_party party; /* header Author (V3), Party (V5) */
    /* The operations about one message. In V5 getMessage has it in selection.ids, too, and close in
     * selection.received; either place will do when they are written. */
    struct span message_id;
    struct xta_selection selection;
    struct xta_question *questions; /* lookupService */
    size_t question_count;
    struct xta_metadata metadata; /* sendMessage, sendMessageSync, deliverMessage */
    struct xta_container container;
    struct span deviation; /* taken although a schema refuses it: what; NULL: nothing */
};

enum xta_none_reason { XTA_NO_MATCH, XTA_BAD_SEARCH, XTA_BAD_REQUEST_ID, XTA_NONE_REASON_COUNT };

/* MsgBoxResponse, MessageBoxStatus. */
struct xta_box_state {
    struct span request_id; /* V3 */
    bool none;              /* NoMessageAvailable */
    enum xta_none_reason why;
    uint64_t pending;
};

struct xta_parameter {
    struct xta_code type;
    struct span resource; /* octets */
};

struct xta_service_state {
    struct xta_question question;
    enum xta_tri available; /* unset: unknown */
    struct xta_parameter *parameters;
    size_t parameter_count;
};

struct xta_record {
    struct span at;
    struct xta_code code;
    struct span reason;
};

struct xta_records {
    struct xta_record *rows;
    size_t count;
};

struct xta_extra_report {
    struct xta_code key;
    struct span data; /* octets */
};

struct xta_report {
    struct span at, server;
    int status; /* 0 open, 1 green, 2 yellow, 3 red */
    struct xta_records errors, warnings, infos;
    struct xta_extra_report *extras;
    size_t extra_count;
    struct xta_metadata metadata;
};

struct xta_answer {
    enum xta_version version;
    enum xta_operation operation;
    struct span relates_to; /* the request's soap_id; NULL: it had none */
    struct span message_id; /* createMessageId */
    struct xta_service_state *services;
    size_t service_count;
    struct xta_report report;
    bool has_box;
    struct xta_box_state box;
    struct xta_metadata *list; /* status list */
    size_t list_count;
    bool list_attributes; /* V3: as MsgAttributes */
    bool has_message;     /* getMessage, getNextMessage, sendMessageSync, deliverMessage */
    struct xta_metadata metadata;
    struct xta_container container;
};

/* Names and numbers; false or NULL: not in this version. Static. */
const char *xta_operation_name(enum xta_version version, enum xta_operation operation);
bool xta_operation_port(enum xta_version version, enum xta_operation operation,
                        enum xta_port *port);
/* wsa:Action of the request and of its answer. */
const char *xta_request_action(enum xta_version version, enum xta_operation operation);
const char *xta_answer_action(enum xta_version version, enum xta_operation operation);
const char *xta_exception_name(enum xta_version version, enum xta_exception exception);
/* May this operation answer with that exception? */
bool xta_exception_declared(enum xta_version version, enum xta_operation operation,
                            enum xta_exception exception);
/* The exception to which a number belongs; 9000 and others: XTA_NO_EXCEPTION. */
enum xta_exception xta_exception_of(int number);
/* The text of the code list; NULL: no such number. German, UTF-8. */
const char *xta_number_text(int number);
/* Equal but for the case of ASCII letters: message ids, parties. */
bool xta_same(struct span a, struct span b);

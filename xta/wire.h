/*
 * xta/wire.h - XTA messages as bytes: SOAP 1.2, WS-Addressing, MTOM/XOP
 *
 *   HTTP body + Content-Type ► parts ► root part ► tree ► model      contents ► intake
 *   model ► parcel: a Content-Type, and pieces to send one after the other
 *
 * Contents (Message, Attachment) are never put into a tree or held in memory: inline base64 goes to
 * the intake while the root part is parsed, XOP parts afterwards. Everything else of a message is
 * small and bounded.
 *
 * What is refused is refused with the fault that says so: *fault is filled whenever a read function
 * fails, and err tells the operator. Whatever the bytes are, no function here fails without one.
 *
 * Source: XTA 2 digest 3; SOAP 1.2; WS-Addressing 1.0 SOAP binding; XOP, MTOM.
 */
#pragma once

#include "crypto/base/rng.h"
#include "xta/model.h"

struct xta_schemas;

/*
 * Takes the contents of a message that is being read. Zero or more times open, bytes into *sink,
 * close; one is open at a time. What was taken counts only when the whole message was read with
 * ST_OK; otherwise all of it, one that is still open included, is to be thrown away. What open,
 * sink or close return other than ST_OK ends the reading with that status.
 */
struct xta_intake {
    enum status (*open)(struct xta_intake *self, const struct xta_content *content,
                        struct sink **sink, struct error *err);
    enum status (*close)(struct xta_intake *self, struct error *err);
};

struct xta_limits {
    uint64_t root_bytes;    /* text of the root part without inline contents */
    uint64_t content_bytes; /* all contents of one message together */
    size_t contents;        /* Message and Attachments */
    size_t items;           /* ids, questions, list entries, properties in one message */
};
/* 16 MiB, 4 GiB, 1,000 and 10,000. A reader's arena needs three times root_bytes at worst; an
 * ordinary message takes some 100 KiB. */
struct xta_limits xta_limits_default(void);

struct xta_reading {
    enum xta_version version;
    enum xta_port port;
    bool lenient; /* take the deviations of digest 7 and name them in request->deviation */
    const struct xta_schemas *schemas; /* borrowed, const; NULL: not asked */
    struct xta_limits limits;
    struct xta_intake *intake; /* NULL: a message with contents is refused (operations without) */
};

/*
 * Reads a request. content_type and soap_action (ptr NULL: none) are header fields of HTTP. All
 * strings of *request live in the arena. ST_INVALID, ST_LIMIT: *fault says what the peer is told;
 * others (ST_RETRY, from source or intake) become a technical problem.
 * request->version, operation and operation_known are set in any case; when it fails, nothing else.
 * fault_relates_to: wsa:MessageID of the request as far as it could be read, for the fault.
 */
MUST_CHECK enum status xta_request_read(const struct xta_reading *conf, struct source *body,
                                        struct span content_type, struct span soap_action,
                                        struct arena *arena, struct xta_request *request,
                                        struct xta_fault *fault, struct span *fault_relates_to,
                                        struct error *err);
/*
 * Reads the answer to a request. ST_DENIED: it is a fault, and *fault says which one (recognised by
 * the element in Detail). ST_INVALID, ST_LIMIT: it is no answer to that. Of conf, port is not
 * looked at; lenient: what only the schema refuses is taken without a word.
 */
MUST_CHECK enum status xta_answer_read(const struct xta_reading *conf, const struct xta_request *to,
                                       struct source *body, struct span content_type,
                                       struct arena *arena, struct xta_answer *answer,
                                       struct xta_fault *fault, struct error *err);

/* What goes over the line: pieces that are memory or a source each, owned by the arena but for the
 * sources, which are borrowed. */
struct xta_piece {
    struct span bytes;
    struct source *source; /* NULL: bytes */
};
struct xta_parcel {
    const char *content_type; /* with action, boundary, start; one line */
    int http_status;          /* of an answer: 200, 500 or 400 */
    struct xta_piece *pieces;
    size_t count;
    uint64_t len;
};

/* rng: for the boundary and Content-Ids, and the wsa:MessageID where soap_id is not set. */
MUST_CHECK enum status xta_request_write(const struct xta_request *request, struct rng *rng,
                                         struct arena *arena, struct xta_parcel *parcel,
                                         struct error *err);
MUST_CHECK enum status xta_answer_write(const struct xta_answer *answer, struct rng *rng,
                                        struct arena *arena, struct xta_parcel *parcel,
                                        struct error *err);
/* An exception that the operation does not declare becomes a plain SOAP fault. operation NULL: it
 * is not known. */
MUST_CHECK enum status xta_fault_write(enum xta_version version,
                                       const enum xta_operation *operation,
                                       const struct xta_fault *fault, struct span relates_to,
                                       struct rng *rng, struct arena *arena,
                                       struct xta_parcel *parcel, struct error *err);

/*
 * MessageMetaData alone: how it lies in the store and travels in OSCI (digest 10). Written as
 * canonical XML; version V3 gives oscimeta:MessageMetaData, valid without an Id.
 */
MUST_CHECK enum status xta_metadata_write(const struct xta_metadata *metadata,
                                          enum xta_version version, struct arena *arena,
                                          struct span *xml, struct error *err);
/* Either version; attributes Id and the like that OSCI added are passed over. */
MUST_CHECK enum status xta_metadata_read(struct span xml, struct arena *arena,
                                         struct xta_metadata *metadata, struct error *err);

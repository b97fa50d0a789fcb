/*
 * conformance/xta_wire.h - one XTA exchange: bytes made by hand, an answer read with own eyes
 *
 * A request is an envelope as text, to be edited before it is packed into MTOM and again after,
 * since much of what is looked at is how a server takes what is wrong in one point. An answer is
 * split, parsed by libxml2 and looked at by element names. Nothing of xta/'s codec is used: what
 * judges must not share the mistakes of what is judged.
 *
 *   conf_xta_request_init    who asks what
 *   header, body             filled by the caller (xta_letter.h has the longer pieces)
 *   conf_xta_close           envelope is the whole XML; conf_xta_edit may change it
 *   conf_xta_pack            wire and content_type are what goes out; may be edited, too
 *   conf_xta_post            one HTTPS POST; the reply is parsed, and looked at for what every
 *                            answer must keep (xta_looks.h)
 *
 * Who asks is the name of a TLS key pair in the key folder: NAME-tls.pem, NAME-tls.key.
 *
 * Source: XTA 2 digest 3 and 4.
 */
#pragma once

#include <libxml/tree.h>

#include "conformance/run.h"
#include "conformance/xta_table.h"

enum { CONF_XTA_PARTS_MAX = 32, CONF_XTA_WIRE_MAX = 512 * 1024 * 1024, CONF_XTA_ID_SIZE = 128 };

/* An element of that name, whatever its namespace: for paths. */
#define EL(name) "*[local-name()='" name "']"

struct conf_xta_part {
    char id[160]; /* Content-ID without brackets */
    struct span bytes;
};

/* How a request travels; zeroed is the usual way. */
struct conf_xta_way {
    const char *url;     /* NULL: the port's */
    long tls;            /* a CURL_SSLVERSION_... that is demanded; 0: any */
    bool chunked;        /* transfer coding */
    bool expect;         /* Expect: 100-continue */
    bool soap11;         /* the envelope and the Content-Type are SOAP 1.1's */
    bool mangled;        /* it cannot be read: answers are not looked at for what refers to it */
    const char *type;    /* Content-Type as it stands; NULL: what conf_xta_pack made */
    unsigned timeout_ms; /* 0: the run's */
};

struct conf_xta_request {
    struct conf_run *run;
    enum conf_xta_version version;
    enum conf_ask ask;
    const char *who; /* NULL: no certificate */
    const struct conf_xta_operation *operation;
    char id[64]; /* wsa:MessageID */
    struct buf header, body, envelope, wire;
    struct conf_xta_part parts[CONF_XTA_PARTS_MAX]; /* bytes are borrowed */
    size_t part_count;
    bool plain;                      /* application/soap+xml without MIME */
    const char *outer, *root, *info; /* HTTP action at these three places; NULL: none */
    const char *action;              /* wsa:Action; NULL: none */
    char content_type[1024];
    struct conf_xta_way way;
};

struct conf_xta_reply {
    int status; /* HTTP; 0: no answer at all */
    char content_type[512], why[200];
    struct buf body;
    enum conf_xta_version version;
    bool mtom; /* multipart/related with type application/xop+xml */
    struct conf_xta_part parts[CONF_XTA_PARTS_MAX];
    size_t part_count;
    xmlDoc *doc; /* NULL: no XML */
    bool envelope, fault;
    char action[256], relates[128];
    char exception[64], number[16]; /* of a fault with one; else "" */
    char code[64];  /* local name of the fault's (sub)code: "Sender", "MustUnderstand" */
    char what[320]; /* all of that in one line, for reasons */
};

/* The version of the role that is running. */
enum conf_xta_version conf_xta_version(const struct conf_run *run);
/* URL of a port of the version that is running ("send"). ST_NOT_FOUND: not given. */
MUST_CHECK enum status conf_xta_port(const struct conf_run *run, enum conf_xta_version version,
                                     const char *port, const char **url, struct error *err);

/* "urn:uuid:..." or with any other beginning. */
void conf_xta_uuid(struct conf_run *run, const char *prefix, char *out, size_t cap);

/* ST_NOT_FOUND: the version has no such operation. */
MUST_CHECK enum status conf_xta_request_of(struct conf_xta_request *q, struct conf_run *run,
                                           enum conf_xta_version version, enum conf_ask ask,
                                           const char *who, struct error *err);
/* In the version that is running. */
MUST_CHECK enum status conf_xta_request_init(struct conf_xta_request *q, struct conf_run *run,
                                             enum conf_ask ask, const char *who, struct error *err);
void conf_xta_request_deinit(struct conf_xta_request *q); /* for AUTO; zeroed is fine */
/* Binary content at the end of the body: xop:Include and a part, or Base64 when the request is
 * plain. The bytes are borrowed. */
void conf_xta_put_bytes(struct conf_xta_request *q, struct span bytes);
MUST_CHECK enum status conf_xta_close(struct conf_xta_request *q, struct error *err);
MUST_CHECK enum status conf_xta_pack(struct conf_xta_request *q, struct error *err);
/* Replaces the first from. ST_INTERNAL: there is none, and the scenario would prove nothing. */
MUST_CHECK enum status conf_xta_edit(struct buf *text, const char *from, const char *to,
                                     struct error *err);
/* Takes out from the first from up to and with the next to. ST_INTERNAL: as above. */
MUST_CHECK enum status conf_xta_cut(struct buf *text, const char *from, const char *to,
                                    struct error *err);
/* Sends what is packed. Never fails because of the peer. ST_NOT_FOUND: no key pair, no URL. */
MUST_CHECK enum status conf_xta_post(struct conf_xta_request *q, struct conf_xta_reply *reply,
                                     struct error *err);
/* close, pack, post. */
MUST_CHECK enum status conf_xta_send(struct conf_xta_request *q, struct conf_xta_reply *reply,
                                     struct error *err);

void conf_xta_reply_deinit(struct conf_xta_reply *reply); /* for AUTO; zeroed is fine */
/* Splits, parses, notes what it is. */
void conf_xta_reply_read(struct conf_xta_reply *reply);
/* A result: 200, an envelope, no fault. */
bool conf_xta_is_result(const struct conf_xta_reply *reply);
/* Any refusal that a server may give: a fault, or HTTP 4xx or 5xx. */
bool conf_xta_is_refusal(const struct conf_xta_reply *reply);
/* A fault with the exception of that short name ("PD"), in V3 with that number, too (NULL: any). */
bool conf_xta_is_fault(const struct conf_xta_reply *reply, const char *short_name,
                       const char *number);
/* By XPath from the root of the envelope (context NULL) or from a node. */
xmlNode *conf_xta_node(const struct conf_xta_reply *reply, xmlNode *context, const char *path);
size_t conf_xta_count(const struct conf_xta_reply *reply, const char *path);
/* Text or attribute value; "" when there is none. Gives out back. */
const char *conf_xta_text(const struct conf_xta_reply *reply, xmlNode *context, const char *path,
                          char *out, size_t cap);
/* What the element carries, as a part or as Base64. False: neither. */
bool conf_xta_bytes(const struct conf_xta_reply *reply, xmlNode *node, struct buf *out);
/* The element in the body; NULL when it is empty. */
xmlNode *conf_xta_body(const struct conf_xta_reply *reply);

/*
 * osci/read.h - what the files of the message reader share; nobody else includes it
 *
 * read.c takes the frame and the envelope apart, read_header.c the header blocks, read_order.c the
 * order and answer elements, read_card.c the process cards, read_element.c the small values. The
 * official schemas cannot be shipped; what they would refuse, these files refuse.
 *
 * All functions: ST_INVALID 9300, unless they say otherwise.
 */
#pragma once

#include "osci/types.h"

enum {
    OSCI_BLOCKS_MAX = 256,
    OSCI_CERTS_MAX = 500,
    OSCI_CARDS_MAX = 10000,
    OSCI_FEEDBACK_MAX = 1000,
    OSCI_ID_BYTES_MAX = 1024,    /* of a MessageId */
    OSCI_STRING_MAX = 64 * 1024, /* of a subject, a feedback text, a name */
    OSCI_EVIDENCE_MAX = 1024 * 1024
};

struct osci_reader {
    struct osci_reading *reading; /* being made */
    struct osci_message *msg;     /* in it */
    const struct osci_type_row *row;
    const struct policy *policy;
    int64_t now;
    struct cert_cache *cache;
    const xmlNode *signature_block;
    struct buf scratch;
};

/* ---- elements and values ---- */

/* Child elements one after the other, in the order of the schema. */
struct osci_cursor {
    const xmlNode *parent, *next;
};
/* Text between the elements is refused. */
MUST_CHECK enum status osci_cursor_init(struct osci_cursor *c, const xmlNode *parent,
                                        struct error *err);
/* The next element when it is that one, else NULL. */
const xmlNode *osci_cursor_take(struct osci_cursor *c, const char *ns, const char *name);
MUST_CHECK enum status osci_cursor_need(struct osci_cursor *c, const char *ns, const char *name,
                                        const xmlNode **node, struct error *err);
MUST_CHECK enum status osci_cursor_end(const struct osci_cursor *c, struct error *err);
/* How many child elements there are. */
size_t osci_element_count(const xmlNode *parent);

/* Text as it stands, at most max bytes; in the tree or arena. */
MUST_CHECK enum status osci_read_string(struct osci_reader *rd, const xmlNode *node, size_t max,
                                        struct span *text, struct error *err);
/* Base64 taken off; in the arena. */
MUST_CHECK enum status osci_read_base64(struct osci_reader *rd, const xmlNode *node, size_t max,
                                        struct span *bytes, struct error *err);
/* xs:dateTime as text, white space around it taken off. */
MUST_CHECK enum status osci_read_datetime(struct osci_reader *rd, const xmlNode *node,
                                          struct span *text, struct error *err);
bool osci_is_datetime(struct span text);
/* A number in an attribute; 0 when it is absent. */
MUST_CHECK enum status osci_read_number(const xmlNode *node, const char *name, uint64_t *number,
                                        struct error *err);
/* The value must be among count names; *which is its place. */
MUST_CHECK enum status osci_read_choice(const xmlNode *node, const char *attribute,
                                        const char *const *names, size_t count, size_t *which,
                                        struct error *err);
/* The schema's file name in xsi:schemaLocation; empty when there is none. */
struct span osci_envelope_schema(const xmlNode *envelope);
/* One soap:Header (unless NULL is wanted) and one soap:Body, nothing else. ST_INVALID 9100. */
MUST_CHECK enum status osci_envelope_parts(const xmlNode *envelope, const xmlNode **header,
                                           const xmlNode **body, struct error *err);
/* The DER bytes of the one ds:X509Certificate in a ds:X509Data; in scratch until its next use. */
MUST_CHECK enum status osci_x509_read(const xmlNode *x509_data, struct buf *scratch,
                                      struct span *der, struct error *err);

/* ---- parts of a message ---- */

/* Header blocks, and what has to be there; the signature block is only found. */
MUST_CHECK enum status osci_read_header(struct osci_reader *rd, const xmlNode *header,
                                        struct error *err);
/* The order or answer element of the message's type. */
MUST_CHECK enum status osci_read_order(struct osci_reader *rd, const xmlNode *node,
                                       struct error *err);
/* A ProcessCardBundle of any name; appended to msg->cards, which has room. */
MUST_CHECK enum status osci_read_card(struct osci_reader *rd, const xmlNode *node, bool is_reply,
                                      struct error *err);
MUST_CHECK enum status osci_read_fault(struct osci_reader *rd, const xmlNode *envelope,
                                       struct error *err);

/* ---- the frame ---- */

/* The XML part, whole, in xml, which is initialised here. ST_INVALID 9100, ST_LIMIT 9100. */
MUST_CHECK enum status osci_part_read(struct mime_reader *mime, const struct mime_part *part,
                                      uint64_t max, struct buf *xml, struct error *err);
/* The reference of that URI in the message signature, NULL when there is none. */
const struct sig_reading_ref *osci_reading_ref(const struct osci_reading *reading, struct span uri);

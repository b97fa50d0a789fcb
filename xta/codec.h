/*
 * xta/codec.h - what makes one version's wire form: a table for each
 *
 * Trees come from the reader (xta/read.c) with the contents of Message and Attachment already taken
 * out; text goes to the writer (xta/write.c), which puts envelope and parts around it. A codec
 * knows element names, their order and what a version demands; nothing of SOAP, MIME or schemas.
 */
#pragma once

#include "xta/tree.h"

struct xta_name {
    const char *ns, *local; /* local NULL: an empty body */
};

struct xta_codec {
    const char *ns;
    /* xmlns attributes, each with a blank in front: of the envelope, of MessageMetaData alone */
    const char *declare, *metadata_declare;
    struct xta_name metadata;
    const struct xta_name *requests, *answers; /* the body's child, by operation */

    void (*metadata_read)(struct xta_in *in, const xmlNode *node, struct xta_metadata *metadata);
    void (*metadata_write)(struct xta_out *out, const struct xta_metadata *metadata);
    /* header: the element Header, or NULL; child: the body's child, or NULL. The container is not
     * for the codec: contents were taken while the tree was made. */
    void (*request_read)(struct xta_in *in, const xmlNode *header, const xmlNode *child,
                         struct xta_request *request);
    void (*answer_read)(struct xta_in *in, const xmlNode *header, const xmlNode *child,
                        struct xta_answer *answer);
    /* The container element, or NULL when this body has none. */
    const xmlNode *(*container)(const xmlNode *child);
    void (*container_read)(struct xta_in *in, const xmlNode *container, struct xta_container *c);
    void (*header_request_write)(struct xta_out *out, const struct xta_request *request);
    void (*body_request_write)(struct xta_out *out, const struct xta_request *request);
    void (*header_answer_write)(struct xta_out *out, const struct xta_answer *answer);
    void (*body_answer_write)(struct xta_out *out, const struct xta_answer *answer);
    void (*exception_write)(struct xta_out *out, const char *name, const struct xta_fault *fault);
    /* The number of an exception element; 0: none. */
    int (*exception_read)(struct xta_in *in, const xmlNode *exception, struct span *detail);
};

extern const struct xta_codec xta_codec_v3, xta_codec_v5;

static inline const struct xta_codec *xta_codec_of(enum xta_version version)
{
    return version == XTA_V3 ? &xta_codec_v3 : &xta_codec_v5;
}

/* Is a message what this operation's request brings? */
static inline bool xta_carries_message(enum xta_operation operation)
{
    return operation == XTA_SEND_MESSAGE || operation == XTA_SEND_MESSAGE_SYNC ||
           operation == XTA_DELIVER_MESSAGE;
}

/* ---- what both versions have alike; the prefix xta is the namespace of the version ---- */

/* Attributes of Message and Attachment; the version tells which of them it knows. */
void xta_content_read(struct xta_in *in, const xmlNode *node, struct xta_content *content);
/* Message and Attachments of a container, each with a part of its own beside the envelope. */
void xta_contents_write(struct xta_out *out, enum xta_version version,
                        const struct xta_container *container);
/* MessageStatus, and AdditionalReports. */
void xta_status_read(struct xta_in *in, const char *ns, const xmlNode *report,
                     struct xta_report *out);
void xta_status_write(struct xta_out *out, enum xta_version version,
                      const struct xta_report *report);
void xta_extras_write(struct xta_out *out, const struct xta_report *report);
/* IsServiceAvailableValue and ServiceParameter. */
void xta_service_read(struct xta_in *in, const char *ns, const xmlNode *result,
                      struct xta_service_state *state);
void xta_service_write(struct xta_out *out, const struct xta_service_state *state);
/* Message and Attachment as V3 and V5 both name them. */
bool xta_is_content(const xmlNode *node, const char *ns);

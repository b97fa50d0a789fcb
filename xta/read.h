/*
 * xta/read.h - one message while it is read
 *
 *   package ► root part ► tree, contents tapped ► header ► operation ► schema ► model ► XOP parts
 *
 * The header is looked at as soon as the first content comes by, so that nothing is stored for an
 * operation that takes none.
 */
#pragma once

#include "xta/codec.h"
#include "xta/package.h"

/* A Message or Attachment. */
struct xta_taken {
    const xmlNode *node; /* in the tree */
    struct xta_content content;
    bool inline_bytes; /* the intake got its text */
};

struct xta_reader {
    const struct xta_reading *conf;
    const struct xta_codec *codec;
    struct arena *arena;
    struct xta_in in;
    struct xta_package package;
    struct span soap_action;
    struct xta_fault *fault;

    /* of the header; done: it was looked at */
    bool done;
    const struct xta_request *answer_to; /* NULL: a request is read */
    bool known;                          /* the operation is */
    enum xta_operation operation;
    bool is_fault;
    struct span action, soap_id, relates_to, to;
    struct span http_action;

    /* contents */
    struct xml_tap tap;
    struct xta_taken *taken;
    size_t taken_count, taken_cap;
    size_t handed_over; /* to the intake */
    uint64_t content_bytes;
    struct xta_taken *current; /* being tapped */
    struct sink counter;
    struct sink *sink; /* of the intake; NULL: not open */
    uint64_t current_bytes;
    bool intake_failed;
    struct xta_unbase64 unbase64;
};

/* Says what the peer is told, and err; returns status. An exception that the operation does not
 * declare becomes a SOAP Sender fault. */
enum status xta_refuse(struct xta_reader *rd, enum status status, enum xta_exception exception,
                       int number, struct error *err, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
/* The same for what err already says. */
enum status xta_refuse_with(struct xta_reader *rd, enum xta_exception exception, int number,
                            struct error *err);

/* ---- xta/envelope.c ---- */

/* Header, addressing, operation; once. root may still be growing behind its header. */
MUST_CHECK enum status xta_head_read(struct xta_reader *rd, const xmlNode *root, struct error *err);
/* The child element of the body, which is the operation's own; NULL where it has none. */
MUST_CHECK enum status xta_body_read(struct xta_reader *rd, const xmlNode *root,
                                     const struct xta_name *wanted, const xmlNode **child,
                                     struct error *err);
/* *fault from a Fault in the body; ST_DENIED, or ST_INVALID when it is none. */
MUST_CHECK enum status xta_fault_read(struct xta_reader *rd, const xmlNode *body,
                                      struct error *err);

/* ---- xta/contents.c ---- */

/* Sets up rd->tap. */
void xta_contents_tap(struct xta_reader *rd);
/* Puts the octets of xop:Include outside of contents into the tree, as base64. */
MUST_CHECK enum status xta_includes_inline(struct xta_reader *rd, xmlDoc *doc, struct error *err);
/* Takes the xop:Include off contents, remembers the parts, and hands them to the intake later. */
MUST_CHECK enum status xta_includes_strip(struct xta_reader *rd, struct xta_part ***parts,
                                          struct error *err);
/* Hands over what was not inline. parts: of xta_includes_strip. */
MUST_CHECK enum status xta_contents_finish(struct xta_reader *rd, struct xta_part **parts,
                                           struct error *err);

/*
 * osci/block.h - header blocks and bodies as canonical text
 *
 * Every block repeats the five namespaces on its start tag and has its attributes in canonical
 * order, end tags written out: so the text as it stands is its canonical form, and is digested as
 * it stands (docs/decisions/0002). Whoever adds a block here keeps that true; test_write.c checks
 * it.
 *
 * Source: OSCI 1.2 digest 2.0.1, 2.0.2; wire-notes 4.
 */
#pragma once

#include "osci/types.h"

/* with osci2017 in its place: for blocks and bodies that use it */
#define OSCI_SIX_NS                                                                                \
    " xmlns:ds=\"" DS_NS "\" xmlns:osci=\"" OSCI_NS "\" xmlns:osci2017=\"" OSCI17_NS               \
    "\" xmlns:soap=\"" SOAP_NS "\" xmlns:xenc=\"" XENC_NS "\" xmlns:xsi=\"" XSI_NS "\""

/* Id of a block of that name: the name in lower case. */
void osci_block_id(struct buf *out, const char *name);

/* Each appends one block, or nothing when the message has no such thing. */
void osci_block_control(struct buf *out, const struct osci_message *msg);
void osci_block_languages(struct buf *out, const struct osci_message *msg);
void osci_block_quality(struct buf *out, enum osci_quality quality, const char *service);
void osci_block_order(struct buf *out, const struct osci_message *msg);
void osci_block_features(struct buf *out, const struct osci_message *msg);
/* intermediary: IntermediaryCertificates, otherwise NonIntermediaryCertificates; ids: one for each
 * of msg->certs. */
void osci_block_certs(struct buf *out, const struct osci_message *msg, const struct span *ids,
                      bool intermediary);
/* Start tag with what stands before the package text; the end after it. */
void osci_body_open(struct buf *out, const struct osci_message *msg);
void osci_body_close(struct buf *out, const struct osci_message *msg);

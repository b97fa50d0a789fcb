/*
 * helper_sample.h - a message of every type, with all it may carry or only what it must
 *
 * Made from the table of types, so a new type or field shows up here by itself or fails.
 */
#pragma once

#include "osci/package.h"
#include "osci/types.h"
#include "tests/unit/helper_osci.h"

enum { SAMPLE_CERTS_MAX = 16, SAMPLE_ATTACHMENTS_MAX = 8 };

struct sample {
    struct osci_message msg;
    struct osci_cert certs[SAMPLE_CERTS_MAX];
    struct osci_card cards[3];
    struct osci_inspection inspections[4];
    struct osci_feedback feedback[3];
    struct span ids[2];
    struct osci_attachment attachments[SAMPLE_ATTACHMENTS_MAX];
    struct source_span bodies[SAMPLE_ATTACHMENTS_MAX];
    struct osci_custom customs[2];
    struct buf octets, package;
    const char *signer; /* name of the key of the role that signs */
};
/* full: everything that the type allows; else only what it must have, and the signer's certificate
 * when it is signed. */
void sample_init(struct sample *s, enum osci_type type, bool full, bool is_signed);
void sample_deinit(struct sample *s); /* for AUTO */
/* Attachments of these sizes, 0 to count of them, over s->octets. */
void sample_attach(struct sample *s, const size_t *sizes, size_t count);

/* Fails the test where what was read differs from what was written. */
void sample_compare(const struct osci_message *written, const struct osci_reading *reading);

/*
 * conformance/alteration.h - what a reader must refuse or must take, as one table
 *
 * Each row is one alteration of a well-formed message and what is to come of it. The rows say
 * nothing of who reads: the same ones are brought to a passive recipient as acceptDelivery, to an
 * intermediary as storeDelivery, and to a client as the answer to its fetchDelivery.
 *
 * Source: OSCI 1.2 digest 13 A to C; wire-notes 3 to 7, 12.
 */
#pragma once

#include "conformance/forge.h"
#include "conformance/run.h"

enum { CONF_EDITS_MAX = 10, CONF_EDIT_TEXT = 1024 };

enum conf_signer {
    CONF_SIGNER_USUAL,
    CONF_SIGNER_CIPHER, /* the sender's cipher certificate signs, which may not */
    CONF_SIGNER_OTHER,  /* KeyInfo points to the certificate of another role */
};
enum conf_for { CONF_FOR_ALL, CONF_FOR_REQUEST, CONF_FOR_DELIVERY };

struct conf_alteration {
    unsigned number; /* of the assertion */
    const char *name;
    const char *codes; /* one of these, blank-separated; NULL: it must be taken */
    enum conf_for for_what;
    const char *setting; /* a --set that changes what is expected: then it must be taken */
    /* In these "{schema}" is the schema of the message's type, "{order}" its element, "{id}" the
     * element's Id. */
    struct conf_edit before[CONF_EDITS_MAX], after[3], outer[CONF_EDITS_MAX];
    const char *leave_out, *twice, *digest, *signature, *c14n, *transform;
    enum conf_signer signer;
    bool base64_parts;
    bool plain, unsign; /* no envelope, no signature */
    struct conf_envelope envelope;
};

/* All of them; *count is set. */
const struct conf_alteration *conf_alterations(size_t *count);

/* Who signs and for whom it is enciphered. */
struct conf_hop {
    const struct conf_party *from, *to;
};

/* The bytes of msg with that alteration. ST_NOT_FOUND: a key is missing. */
MUST_CHECK enum status conf_alter(const struct conf_alteration *row, struct osci_message *msg,
                                  const struct conf_hop *hop, struct buf *wire, struct error *err);
/* Does the row fit messages of this type? */
bool conf_alteration_fits(const struct conf_alteration *row, const struct osci_message *msg);
/* Is the code among those the row allows? NULL for codes: any that says it was executed. */
bool conf_code_allowed(const char *codes, const char *code);

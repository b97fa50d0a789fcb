/*
 * gateway/receipt_text.h - a delivery receipt for people
 *
 * What was sent, to whom, how it stands and why, what happened when, what is proven and by which
 * files, and what can be done: German first, then the same in English, as in .error.txt, since
 * nobody knows who will open the file. Facts in, text out; times are local. Lines end with CRLF,
 * because the readers of drop folders sit at Windows machines; what others have written (subjects,
 * file names, sentences of a peer) can begin no line of its own.
 */
#pragma once

#include "gateway/why.h"

struct gw_receipt_facts {
    const struct gw_message_row *row;   /* of the outbox */
    const struct gw_event_list *events; /* its own, oldest first */
    const struct gw_file_list *files;
    const struct gw_why *why;
    int64_t now;
};

enum { GW_RECEIPT_TEXT_MAX = 1024 * 1024 };

/* Appends to b; ST_LIMIT when it does not fit. */
MUST_CHECK enum status gw_receipt_text(const struct gw_receipt_facts *facts, struct buf *b,
                                       struct error *err);
/* The words of an Inspection ("ok", "revoked", ...) for people; others come back as they are. */
const char *gw_finding_text(const char *word, enum gw_lang lang);

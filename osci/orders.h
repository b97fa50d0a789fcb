/*
 * osci/orders.h - the intermediary's work on one message; private to intermediary.c and orders.c
 *
 * An order's function runs when nothing speaks against it any more: dialog, client, signature and
 * certificates are checked. What it returns other than ST_OK is refused with err->reason, or 9811.
 *
 * Source: OSCI 1.2 digest 2.1 to 2.11.
 */
#pragma once

#include "osci/intermediary.h"

enum { OSCI_CODES_MAX = 32 };

struct osci_work {
    const struct osci_intermediary *im;
    const struct osci_request *request;
    const struct osci_message *msg;
    const struct osci_reading *reading;
    int64_t now;
    struct osci_decision *d;
    /* the dialog */
    bool in_dialog; /* session is taken, or opened by this initDialog */
    bool opened, closed;
    struct osci_session session;
    /* the client */
    struct cert *cipher; /* borrowed from session or message; NULL: unknown */
    bool cipher_believed;
    const struct cert *signer; /* NULL: unsigned */
    /* findings */
    int warnings[OSCI_CODES_MAX];
    size_t warning_count;
    struct osci_inspection *inspections; /* of a delivery's certificates */
    size_t inspection_count;
    bool addressee_believed;
};

/* Notes a warning once. */
void osci_work_warn(struct osci_work *w, int code);
/* Carries the order out and fills w->d->answer. */
MUST_CHECK enum status osci_order_run(struct osci_work *w, struct error *err);
/* What the answer says even when the order was refused: the selection's echo. */
MUST_CHECK enum status osci_order_echo(struct osci_work *w, struct error *err);

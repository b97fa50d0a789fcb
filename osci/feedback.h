/*
 * osci/feedback.h - feedback codes in German and English
 *
 * Source: OSCI 1.2 digest 9.
 */
#pragma once

#include "osci/message.h"

/*
 * One code, several occasions: the last four digits are the code that travels, the whole number
 * chooses our words. For error.reason and whatever takes a code here.
 */
enum osci_occasion {
    OSCI_NO_MAILBOX = 19805,   /* the addressee has none here */
    OSCI_MAILBOX_FULL = 19811, /* and the addressee must fetch first */
    OSCI_CLIENT_FULL = 29811,  /* too much from this sender waits */
    OSCI_IDS_FULL = 39811,     /* too many MessageIds are issued and not used */
};

/* Our text for a code; lang "de" or "en"; NULL when the code is unknown. */
const char *osci_feedback_text(const char *code, const char *lang);
/* Is it one that travels as a SOAP fault? */
bool osci_code_is_fault(int code);

/*
 * Entries for the codes, each in every wished language that we know (German when none is), in the
 * given order: warnings first, the deciding code last. Occasions are told by their words, and their
 * codes written with four digits. In the arena.
 */
MUST_CHECK enum status osci_feedback_make(const char *const *codes, size_t count,
                                          struct span languages, struct arena *arena,
                                          struct osci_feedback **entries, size_t *entry_count,
                                          struct error *err);

/*
 * helper_flaw.h - certificates of the intermediary's fixture with something wrong about them
 *
 * Failures end the test (cmocka).
 */
#pragma once

#include "tests/unit/helper_intermediary.h"

enum flaw {
    FLAW_NONE,
    FLAW_EXPIRED,  /* issued anew for the same key, until yesterday */
    FLAW_CORRUPT,  /* a bit of the issuer's signature turned */
    FLAW_REVOKED,  /* on the issuer's list */
    FLAW_LISTED,   /* there is a list, and it is not on it */
    FLAW_UNLISTED, /* lists are expected, and there is none */
};

/* Makes the named certificate so; from then on im_cert gives it. Borrowed. */
struct cert *flaw_make(struct im_fixture *f, const char *name, enum flaw flaw);

/*
 * gateway/verdicts.h - the certificates by which one message is signed, each judged once
 *
 * A message may have thousands of contents, each with many signatures, by the same few
 * certificates; looking into a chain, or asking a responder, is dear.
 */
#pragma once

#include "certs/checker.h"
#include "crypto/base/arena.h"

struct gw_verdicts {
    struct arena *arena; /* of the message; borrowed */
    struct gw_judged *judged;
};

/*
 * The verdict on cert for signing contents, good as long as the arena. *fresh: this message has not
 * asked for it before. cert must live as long. Errors as cert_checker_check.
 */
MUST_CHECK enum status gw_verdict(struct gw_verdicts *all, struct cert_checker *checker,
                                  const struct cert *cert, int64_t now,
                                  const struct cert_verdict **verdict, bool *fresh,
                                  struct error *err);

/*
 * certs/strength.h - keys and digests that are too weak for any certificate
 *
 * Source: OSCI 1.2 digest 11.1; BSI TR-02102-1.
 */
#pragma once

#include <openssl/types.h>

#include "crypto/policy.h"

/* Is its key long enough? Sets how long it is, and must be. */
bool x509_key_suffices(X509 *x509, int *bits, int *needed);
/* The NID of a digest: one that nobody takes any more. */
bool digest_is_weak(int md);
/* What a signature that stands beside such an algorithm is in the policy's terms, also where it is
 * no algorithm of XML. ST_DENIED: too weak, unknown, or its time is over. */
MUST_CHECK enum status signature_alg_check(const struct policy *policy, const X509_ALGOR *alg,
                                           int64_t now, struct error *err);

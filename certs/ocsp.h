/*
 * certs/ocsp.h - asking a responder about one certificate, and judging what it says (OCSP)
 *
 * No network here: the question comes out as bytes, the answer goes in as bytes. A question with a
 * nonce asks for an answer of its own; responders may ignore it and hand out what they have signed
 * for everybody, which is as good while it is fresh, unless the nonce is demanded.
 *
 * An answer counts when it is signed by the issuer of the certificate, or by a responder to whom
 * that very issuer gave a certificate for it (id-kp-OCSPSigning) which is valid, and need not be
 * looked up in its turn (id-pkix-ocsp-nocheck). One that is good counts from thisUpdate to
 * nextUpdate; without nextUpdate for age_max_ms. It may be used again as long as that, then without
 * its nonce.
 *
 * Source: RFC 6960, 3.2, 4.1 and 4.2; RFC 8954; RFC 5019 for SHA-1 in the CertID, which is an
 * identifier and protects nothing.
 */
#pragma once

#include <openssl/types.h>

#include "certs/standing.h"
#include "crypto/base/buf.h"
#include "crypto/policy.h"

enum { OCSP_ANSWER_MAX = 64 * 1024, OCSP_QUESTION_MAX = 4096, OCSP_NONCE_BYTES = 32 };
enum { OCSP_SKEW_MS = 5 * 60 * 1000, OCSP_AGE_MAX_MS = 24 * 3600 * 1000 }; /* good values */

struct ocsp_rules {
    bool nonce_demanded; /* an answer must have the nonce of the question */
    int64_t skew_ms;     /* by which clocks may differ */
    int64_t age_max_ms;  /* how old an answer without nextUpdate may be */
    const struct policy *policy;
};

/*
 * Writes the question about x509, issued by issuer, to out (initialised by the caller). nonce: up
 * to OCSP_NONCE_BYTES; empty: none. ST_LIMIT: no memory; ST_INTERNAL: the library refused.
 */
MUST_CHECK enum status ocsp_question_write(X509 *x509, X509 *issuer, struct span nonce,
                                           struct buf *out, struct error *err);
/*
 * What answer says about x509, issued by issuer, at the time now. nonce: that of the question,
 * empty when there was none or the answer comes from a store. Whatever the bytes are, they end in a
 * standing. ST_LIMIT: no memory.
 */
MUST_CHECK enum status ocsp_answer_judge(struct span answer, X509 *x509, X509 *issuer,
                                         struct span nonce, const struct ocsp_rules *rules,
                                         int64_t now, struct cert_standing *standing,
                                         struct error *err);

/*
 * certs/checker.h - cert_check with a memory
 *
 * All messages of a peer carry the same few certificates, and a chain costs several public-key
 * operations. A checker belongs to one trust store and remembers verdicts by certificate and
 * purpose. A verdict is used again until ttl_ms have passed or the certificate's validity has begun
 * or ended; when the room of max verdicts is full, older ones leave. Thread-safe.
 *
 * Revocation lists may be exchanged at any time; what was remembered is forgotten then.
 */
#pragma once

#include "certs/path.h"

enum { CERT_CHECKER_MAX = 4096, CERT_CHECKER_TTL_MS = 60000 }; /* good values for a gateway */

struct cert_checker;

/* trust is borrowed and must outlive the checker. */
MUST_CHECK enum status cert_checker_new(const struct trust *trust, size_t max, int64_t ttl_ms,
                                        struct cert_checker **checker, struct error *err);
/* Likewise, but what tells about revocation is that of base, now and later. base is borrowed, too.
 */
MUST_CHECK enum status cert_checker_new_beside(struct cert_checker *base, const struct trust *trust,
                                               size_t max, int64_t ttl_ms,
                                               struct cert_checker **checker, struct error *err);
void cert_checker_free(struct cert_checker *checker);
DROP_DEFINE(cert_checker_drop, struct cert_checker, cert_checker_free)
/* From now on these lists count; NULL: none. Takes them over, and frees those of before when nobody
 * looks into them any more. They must be of the checker's trust store. Never for one beside. */
void cert_checker_take_crls(struct cert_checker *checker, struct crls *crls);
/* Calls see for each list that counts now (crls_each). */
void cert_checker_lists(struct cert_checker *checker,
                        void (*see)(void *ctx, const struct crl_facts *facts), void *ctx);
/* Who is asked about certificates of which the lists say nothing; before the first check. Borrowed;
 * for one beside it is its own matter. What nobody could tell is not remembered. */
void cert_checker_use_source(struct cert_checker *checker, struct cert_source *source);
MUST_CHECK enum status cert_checker_check(struct cert_checker *checker, const struct cert *cert,
                                          enum cert_purpose purpose, int64_t now,
                                          struct cert_verdict *verdict, struct error *err);

/*
 * certs/crl_list.h - one revocation list from a distribution point, and what it says
 *
 * Other than the lists at hand (certs/revocation.h), which are taken in when they come and looked
 * through by the chain check, this one is asked about one certificate whose issuer is known: it
 * counts when that issuer has signed it, and its scope (issuingDistributionPoint) holds the
 * certificate. Indirect lists, and those of some reasons or of attribute certificates, do not
 * count. A delta list counts together with the complete list that it is for: nothing else is known
 * by it than what has changed since.
 *
 * Source: RFC 5280, 5.2.3 to 5.2.6 and 6.3.3.
 */
#pragma once

#include <openssl/types.h>

#include "certs/standing.h"
#include "crypto/base/buf.h"
#include "crypto/policy.h"

struct crl_list;

struct crl_rules {
    int64_t skew_ms;    /* by which clocks may differ */
    int64_t age_max_ms; /* how old a list without nextUpdate may be */
    const struct policy *policy;
};

/* DER or PEM, the first list of it. ST_INVALID: no list; ST_LIMIT: no memory. */
MUST_CHECK enum status crl_list_read(struct span bytes, struct crl_list **list, struct error *err);
struct crl_list *crl_list_ref(struct crl_list *list); /* one more owner; any thread */
void crl_list_free(struct crl_list *list);
DROP_DEFINE(crl_list_drop, struct crl_list, crl_list_free)
const X509_CRL *crl_list_x509(const struct crl_list *list); /* borrowed */

/* What list says about x509, issued by issuer, at the time now. delta may be NULL; one that does
 * not go with the list, or does not count, is left out. */
void crl_list_judge(struct crl_list *list, struct crl_list *delta, X509 *x509, X509 *issuer,
                    const struct crl_rules *rules, int64_t now, struct cert_standing *standing);
/* Is delta one of the issuer's, about such certificates, and current? "Good" says no more. */
void crl_list_judge_delta(struct crl_list *delta, X509 *x509, X509 *issuer,
                          const struct crl_rules *rules, int64_t now,
                          struct cert_standing *standing);

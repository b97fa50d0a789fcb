/*
 * certs/revocation.h - revocation lists (CRL) at hand
 *
 * A set is filled once from the bytes of files and then only read, from any thread; when the files
 * change a new set takes its place. A list gets in only when a certification authority of the trust
 * store has signed it. Whether it is current is looked at when a certificate is checked: a list
 * beyond its nextUpdate clears nobody any more, but who was revoked in it stays revoked.
 *
 * The set is one source of what an Inspection calls OnlineResult. Others (OCSP, lists fetched from
 * distribution points) fill a set of this kind or stand beside it in cert_check.
 *
 * Source: RFC 5280, 5 and 6.3; OSCI 1.2 digest 5.4 and 11.1.
 */
#pragma once

#include <openssl/types.h>

#include "certs/trust.h"

enum { CRLS_MAX = 1024, CRL_BYTES_MAX = 64 * 1024 * 1024 };

struct crls;

/*
 * An empty set. expected: whoever is on no current list of his issuer counts as checked
 * incompletely; otherwise only what the lists say counts. trust is borrowed and must outlive it.
 */
MUST_CHECK enum status crls_new(const struct trust *trust, bool expected, struct crls **crls,
                                struct error *err);
void crls_free(struct crls *crls);
DROP_DEFINE(crls_drop, struct crls, crls_free)

/*
 * Takes the lists of one file: PEM with one or several, or DER. label names it in error texts.
 * ST_INVALID: no list in it, or one that cannot be read; ST_DENIED: no certification authority we
 * know has signed it; ST_LIMIT: too large, or more than CRLS_MAX. Nothing is taken then.
 */
MUST_CHECK enum status crls_add(struct crls *crls, const char *label, struct span bytes,
                                struct error *err);

size_t crls_count(const struct crls *crls);

/* One list, as it says of itself. */
struct crl_facts {
    const char *issuer; /* RFC 2253, UTF-8; valid during the call */
    int64_t from;       /* thisUpdate, ms */
    int64_t until;      /* nextUpdate, ms; 0: it says none */
};
/* Calls see for each of them. */
void crls_each(const struct crls *crls, void (*see)(void *ctx, const struct crl_facts *facts),
               void *ctx);
/* The first nextUpdate to come or gone by, ms; 0: no list says one. */
int64_t crls_next_update(const struct crls *crls);
bool crls_expected(const struct crls *crls);
/* For path.c: borrowed. */
STACK_OF(X509_CRL) * crls_stack(const struct crls *crls);
/* thisUpdate in ms of the newest list that speaks for x509 at the time now; 0: none. */
int64_t crls_date(const struct crls *crls, X509 *x509, int64_t now);

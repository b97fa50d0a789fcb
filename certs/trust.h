/*
 * certs/trust.h - whom we believe: trust anchors, intermediate CAs, pinned certificates
 *
 * A trust store is filled once from PEM texts and then only read, from any thread. Anchors may be
 * sub-CAs: a chain ends at the first anchor it meets, self-signed or not. Intermediates only help
 * to build the way; they are believed no more than a certificate from outside. A pinned certificate
 * is believed by itself, without its issuer, but not beyond its validity and usage.
 *
 * Anchors and pinned certificates are believed for the purposes they were added for and no others:
 * who may issue TLS certificates need not be allowed to name authorities.
 *
 * Source: OSCI 1.2 digest 11.1 (roots are configuration, not code).
 */
#pragma once

#include <openssl/types.h>

#include "certs/purpose.h"
#include "crypto/key.h"

enum { TRUST_CERTS_MAX = 1024 /* of each kind */, TRUST_NAME_MAX = 96 };

struct trust;

MUST_CHECK enum status trust_new(struct trust **trust, struct error *err);
void trust_free(struct trust *trust);
DROP_DEFINE(trust_drop, struct trust, trust_free)

/*
 * Each takes all certificates of a PEM text; one already known is no error and gets the further
 * purposes (bits, CERT_PURPOSE_BIT). label names the file in error texts. ST_INVALID: no
 * certificate in it, one that cannot be read, or (anchors and intermediates) one that is no CA;
 * ST_LIMIT: more than TRUST_CERTS_MAX. After an error some may have been taken: throw the store
 * away.
 */
MUST_CHECK enum status trust_add_anchors_for(struct trust *trust, unsigned purposes,
                                             const char *label, struct span pem, struct error *err);
MUST_CHECK enum status trust_add_intermediates(struct trust *trust, const char *label,
                                               struct span pem, struct error *err);
/* All authorities of other become intermediates. */
MUST_CHECK enum status trust_add_issuers_of(struct trust *trust, const struct trust *other,
                                            struct error *err);
/* One more owner of cert. */
MUST_CHECK enum status trust_pin(struct trust *trust, unsigned purposes, struct cert *cert,
                                 struct error *err);
/* All of a PEM text for every purpose. */
MUST_CHECK enum status trust_add_anchors(struct trust *trust, const char *label, struct span pem,
                                         struct error *err);
MUST_CHECK enum status trust_add_pinned(struct trust *trust, const char *label, struct span pem,
                                        struct error *err);

/* Those that are no CA are pinned, all others are anchors: what a plain list of files means. */
MUST_CHECK enum status trust_add_believed(struct trust *trust, unsigned purposes, const char *label,
                                          struct span pem, struct error *err);
MUST_CHECK enum status trust_add_pinned_for(struct trust *trust, unsigned purposes,
                                            const char *label, struct span pem, struct error *err);

/* For these purposes certificates must be issued under this policy, an OID in numbers, or another
 * one that was added; without any, those of the certification authorities alone ask for policies.
 * ST_INVALID: no OID. */
MUST_CHECK enum status trust_add_policy(struct trust *trust, unsigned purposes, const char *oid,
                                        struct error *err);

/* What the store is called for these purposes; verdicts say so. Copied, TRUST_NAME_MAX bytes of it.
 */
void trust_name(struct trust *trust, unsigned purposes, const char *name);
/* "": it has none. Borrowed. */
const char *trust_name_of(const struct trust *trust, enum cert_purpose purpose);

/* Certification authority i: anchors, then intermediates; NULL: no more. Borrowed. */
const struct cert *trust_authority(const struct trust *trust, size_t i);
size_t trust_anchor_count(const struct trust *trust);
/* Pinned certificate i; NULL: no more. Borrowed. */
const struct cert *trust_pinned(const struct trust *trust, size_t i);
/* Nobody is believed for this purpose. */
bool trust_is_empty(const struct trust *trust, enum cert_purpose purpose);
bool trust_is_pinned(const struct trust *trust, const struct cert *cert, enum cert_purpose purpose);
/* Borrowed, for chain building; it holds the anchors for this purpose alone. */
X509_STORE *trust_x509_store(const struct trust *trust, enum cert_purpose purpose);
/* Borrowed; empty: none is asked for. */
const STACK_OF(ASN1_OBJECT) * trust_policies(const struct trust *trust, enum cert_purpose purpose);
/* Borrowed, with the X509 borrowed from the store's certificates. */
const STACK_OF(X509) * trust_intermediates(const struct trust *trust);

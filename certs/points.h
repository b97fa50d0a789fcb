/*
 * certs/points.h - where a certificate says that its revocation can be asked for
 *
 * Only http:// is taken: lists and answers are signed, so https would add nothing but a second
 * question of the same kind, and LDAP is not spoken here. Addresses with a user, with control
 * characters or without a host are passed over, and so is whatever comes after the first few.
 *
 * Source: RFC 5280, 4.2.1.13, 4.2.1.15 and 4.2.2.1.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <openssl/types.h>

enum { CERT_POINTS_MAX = 4, CERT_POINT_SIZE = 512 };

struct cert_points {
    char url[CERT_POINTS_MAX][CERT_POINT_SIZE];
    size_t count;
    size_t passed_over; /* ldap://, https:// and what is no address */
};

/* OCSP responders (authorityInfoAccess). */
void cert_points_ocsp(X509 *x509, struct cert_points *points);
/* Complete lists of the issuer himself (cRLDistributionPoints). */
void cert_points_lists(X509 *x509, struct cert_points *points);
/* What has changed since such a list (freshestCRL), as the certificate or the list says. */
void cert_points_deltas(X509 *x509, const X509_CRL *list, struct cert_points *points);
/* May it be asked at this address? */
bool cert_point_is_good(const char *url, size_t len);

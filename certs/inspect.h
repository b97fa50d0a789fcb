/*
 * certs/inspect.h - what a verdict on a certificate means for the order it came in
 *
 * OSCI gives each role of a certificate its own codes, and they differ in weight: an expired
 * certificate never stops an order, nor does a check that could not be completed, nor anything
 * about an author's signature certificate, which is for the reader to judge. The table in inspect.c
 * is the whole of it.
 *
 * No code exists for wrong usage and weak algorithms: they count as "incomplete" (3707, 3501), like
 * a status that nobody could tell. An
 * issuer that is not entitled to issue counts as a wrong signature.
 *
 * Source: OSCI 1.2 digest 11.1, 9.1 and 9.3.
 */
#pragma once

#include "certs/checker.h"

enum cert_role {
    CERT_CLIENT_CIPHER,
    CERT_CLIENT_SIGNATURE,
    CERT_AUTHOR_SIGNATURE,
    CERT_AUTHOR_CIPHER,
    CERT_ADDRESSEE_CIPHER,
    CERT_READER_CIPHER,
    CERT_ADDRESSEE_SIGNATURE, /* of a passive recipient, on its answer */
};
enum { CERT_ROLES = CERT_ADDRESSEE_SIGNATURE + 1 };

/* What a code does to the order. */
enum cert_effect {
    CERT_PASSES,  /* no code, or a warning (3xxx): the order is carried out */
    CERT_REFUSES, /* 96xx, 97xx: feedback in the ordinary answer, nothing is carried out */
    CERT_FAULTS,  /* 95xx: SOAP fault */
};

enum { CERT_FINDINGS_MAX = 3 };

/* The codes of one certificate: warnings first, the deciding code last. */
struct cert_findings {
    int codes[CERT_FINDINGS_MAX];
    size_t count;
    enum cert_effect effect;
};

struct cert_findings cert_inspect(enum cert_role role, const struct cert_verdict *verdict);
/* 9710, or 9503 for the client's cipher certificate: cert_check itself failed. */
int cert_internal_code(enum cert_role role);
enum cert_purpose cert_role_purpose(enum cert_role role);
/* Checks a certificate of an order and inspects the verdict. ST_DENIED, with the deciding code as
 * the reason, when the order must not be carried out; findings are set even then. Another status:
 * the check could not be made, the reason says so, and there are no findings; so it is where nobody
 * says whether the certificate is revoked, and nothing may go on without that (ST_RETRY). */
MUST_CHECK enum status cert_judge(struct cert_checker *checker, const struct cert *cert,
                                  enum cert_role role, int64_t now, struct cert_verdict *verdict,
                                  struct cert_findings *findings, struct error *err);
const char *cert_role_name(enum cert_role role); /* "client's cipher certificate", for logs */

/*
 * certs/standing.h - what somebody says about the revocation of one certificate, and why nobody
 * does
 *
 * Where an answer comes from (OCSP, a list from a distribution point) is its maker's matter; who
 * checks a certificate only wants to know whether its issuer has revoked it, and otherwise whose
 * fault it is that nobody can tell.
 *
 * A standing is what one evidence says. "Revoked" counts however old the evidence is: nobody needs
 * a fresh answer to believe that a certificate is dead; only a suspension (certificateHold) may be
 * over by now. "Good" counts as long as its issuer says.
 *
 * Source: RFC 5280, 5.3.1 and 6.3; RFC 6960, 2.2 and 3.2.
 */
#pragma once

#include <stdint.h>

#include <openssl/types.h>

#include "certs/purpose.h"
#include "crypto/base/error.h"

enum cert_known { CERT_KNOWN_NOTHING, CERT_KNOWN_GOOD, CERT_KNOWN_REVOKED };

/* Why nothing is known. */
enum cert_lack {
    CERT_LACK_NONE,
    CERT_LACK_SOURCE,  /* the certificate names nobody who could be asked */
    CERT_LACK_PENDING, /* asked, and no answer yet */
    CERT_LACK_SILENT,  /* nobody there, or no answer in time */
    CERT_LACK_HTTP,    /* an answer of HTTP that is no success */
    CERT_LACK_SIZE,    /* more than is read */
    CERT_LACK_FORM,    /* bytes that are no answer */
    CERT_LACK_REFUSED, /* the responder says that it does not answer (tryLater, unauthorized) */
    CERT_LACK_OTHER,   /* not about this certificate */
    CERT_LACK_UNKNOWN, /* the responder does not know the certificate */
    CERT_LACK_SIGNER,  /* signed by somebody who may not, or wrongly */
    CERT_LACK_WEAK,    /* signed with an algorithm whose time is over */
    CERT_LACK_NONCE,   /* not the answer to our question */
    CERT_LACK_EARLY,   /* its time has not begun */
    CERT_LACK_OLD,     /* its time is over */
};
enum { CERT_LACKS = CERT_LACK_OLD + 1, CERT_STANDING_TEXT = 200 };

struct cert_standing {
    enum cert_known known;
    enum cert_lack lack; /* where nothing is known */
    int64_t as_of;       /* thisUpdate, ms; 0: nothing is known */
    int64_t until;       /* good: to be believed up to here, ms */
    int64_t revoked_at;  /* ms */
    const char *why;     /* "keyCompromise"; NULL: not said */
    /* One English sentence about the lack, or the revocation; "" where it is good. */
    char text[CERT_STANDING_TEXT];
};

/* "silent", "expired answer", ... for logs and JSON; never changed. */
const char *cert_lack_name(enum cert_lack lack);
/* Nothing is known, for this lack; the text is printf's. */
void cert_standing_lacks(struct cert_standing *s, enum cert_lack lack, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Revoked at that time. reason: as in a list, CRLReason; -1: not said. */
void cert_standing_revoked(struct cert_standing *s, int64_t as_of, int64_t at, long reason);

/* Somebody who can be asked while a chain is checked, from several threads. */
struct cert_source {
    /* What is known about x509, whose signature fits issuer, in a chain that leads to an anchor and
     * has no other fault. False: for this purpose nobody is to be asked; *standing is not set. */
    bool (*ask)(struct cert_source *self, X509 *x509, X509 *issuer, enum cert_purpose purpose,
                int64_t now, struct cert_standing *standing);
    /* Purposes (CERT_PURPOSE_BIT) for which nothing may go on while a certificate's revocation is
     * unknown, whether somebody is asked or only lists at hand are looked into. */
    unsigned closed;
};

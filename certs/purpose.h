/*
 * certs/purpose.h - what a certificate is to be believed for
 *
 * Whoever may issue certificates for one purpose need not be allowed to for another, so trust
 * anchors are kept by purpose (certs/trust.h), and each asks for a key usage of its own.
 *
 * Source: OSCI 1.2 digest 11.1; RFC 5280, 4.2.1.3 and 4.2.1.12; RFC 3161, 2.3.
 */
#pragma once

enum cert_purpose {
    CERT_FOR_OSCI_SIGNATURE, /* digitalSignature or nonRepudiation */
    CERT_FOR_OSCI_CIPHER,    /* keyEncipherment or dataEncipherment */
    CERT_FOR_TLS_SERVER,     /* extended usage serverAuth; the host name is the TLS layer's check */
    CERT_FOR_TLS_CLIENT,     /* extended usage clientAuth */
    CERT_FOR_XTA_CLIENT,     /* the same, where the certificate says who calls */
    CERT_FOR_TIME_STAMP,     /* extended usage timeStamping alone, and critical */
};
enum { CERT_PURPOSES = CERT_FOR_TIME_STAMP + 1 };

/* Several of them, as bits. */
#define CERT_PURPOSE_BIT(purpose) (1U << (purpose))
enum {
    CERT_FOR_OSCI =
        CERT_PURPOSE_BIT(CERT_FOR_OSCI_SIGNATURE) | CERT_PURPOSE_BIT(CERT_FOR_OSCI_CIPHER),
    CERT_FOR_EVERYTHING = CERT_PURPOSE_BIT(CERT_PURPOSES) - 1,
};

const char *cert_purpose_name(enum cert_purpose purpose); /* "signing", "enciphering", ... */

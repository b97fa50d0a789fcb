/*
 * tests/unit/helper_chain.h - certificates of every kind, right and wrong, from a line of text each
 *
 * A node describes one certificate; what it leaves out is as in an ordinary PKI. Issuers are named
 * by a letter, and an issuer is a name and a key: several certificates may be of the same one, and
 * two may certify each other. Keys are made once in each program, elliptic ones, so that hundreds
 * of chains cost a second. Failures end the test (cmocka).
 */
#pragma once

#include "certs/trust.h"

/* Extensions in the words of openssl.cnf; further lines or [sections] may follow. */
#define CHAIN_IDS "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
#define CHAIN_CA_USAGE "keyUsage=critical,keyCertSign,cRLSign\n" CHAIN_IDS
#define CHAIN_CA "basicConstraints=critical,CA:TRUE\n" CHAIN_CA_USAGE
#define CHAIN_SAN "subjectAltName=DNS:gw.ahausen.example\n"
#define CHAIN_KU "keyUsage=critical,digitalSignature,keyEncipherment\n"
#define CHAIN_EKU "extendedKeyUsage=serverAuth,clientAuth\n"
#define CHAIN_LEAF "basicConstraints=critical,CA:FALSE\n" CHAIN_KU CHAIN_EKU CHAIN_SAN CHAIN_IDS

/*
 * Keys by letter: capitals are P-256, each another one; r: RSA-2048, w: RSA-1024, d: DSA-1024,
 * p: P-192, q: secp160r1, k: P-224, h: P-384, b: brainpoolP256r1, x: P-256 with its curve written
 * out, e: Ed25519.
 */
struct chain_node {
    char id;             /* L: an end's, any other a CA's */
    char issuer;         /* whose name and key; its own id: self-signed */
    char key;            /* 0: as id */
    char issuer_key;     /* 0: as issuer */
    char issuer_name;    /* 0: as issuer */
    char name;           /* a CA's name is its letter; 0: as id */
    const char *ext;     /* NULL: CHAIN_LEAF or CHAIN_CA; "": none */
    const char *more;    /* beside these */
    const char *cn;      /* of an end; NULL: "Stadt Ahausen" */
    int64_t from, until; /* 0: 2026 up to 2027, a CA's 2025 up to 2030 */
    const char *md;      /* NULL: SHA-256 */
    bool pss, v1, negative_serial, damaged;
    unsigned serial; /* 0: from its letters */
};

/* cert_free; NULL with the status when it is refused already as it is read. */
enum status chain_cert(const struct chain_node *node, struct cert **cert, struct error *err);
/* PEM texts, to be freed by buf_deinit. */
void chain_cert_pem(const struct chain_node *node, struct buf *pem);
void chain_key_pem(char key, struct buf *pem);
/* Frees the keys; at the end of the program. */
void chain_keys_drop(void);

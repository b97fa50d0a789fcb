/*
 * tests/bench/floor.h - the cryptography that a storeDelivery cannot do without, and nothing else
 *
 * The measure for osci.build and osci.parse. Signed by the author, encrypted for the reader, signed
 * and encrypted as a message for the intermediary, one storeDelivery demands
 *
 *   to build:  2 RSA private operations (author's and message signature), 2 RSA-OAEP wraps,
 *              AES-256-GCM over the container and over the inner message,
 *              SHA-256 over the content, over the header blocks and body, and two SignedInfo
 *   to parse:  2 RSA private operations (the two unwraps), 2 RSA verifications,
 *              the same symmetric work the other way
 *
 * done here with OpenSSL on bare byte arrays: no XML, no base64, no copying.
 *
 * Source: OSCI 1.2 digest 6, 7.
 */
#pragma once

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>

struct floor;

/* Bytes that pass through; from a message that was really built. */
struct floor_sizes {
    size_t content;   /* digested for the author's signature */
    size_t container; /* encrypted for the reader */
    size_t blocks;    /* digested for the message signature */
    size_t inner;     /* encrypted for the intermediary */
};

/* Keys are borrowed, private ones all three. NULL on any failure. */
struct floor *floor_new(EVP_PKEY *signer, EVP_PKEY *reader, EVP_PKEY *intermediary,
                        const struct floor_sizes *sizes);
void floor_free(struct floor *floor);
/* One message each; false on any failure. */
bool floor_build(struct floor *floor);
bool floor_parse(struct floor *floor);

/*
 * tests/bench/floor.h - the cryptography that a storeDelivery cannot do without, and nothing else
 *
 * The measure for osci.build and osci.parse. A storeDelivery that its author signs, that is
 * enciphered for its reader, then signed and enciphered as a message for the intermediary, demands
 *
 *   building   2 RSA signatures (private operations) and 2 RSA-OAEP encryptions (public),
 *              2 times random bytes for key and IV,
 *              AES-256-GCM over the container and over the inner message,
 *              SHA-256 over the content, over each header block and the body, over 2 SignedInfo
 *   parsing    2 RSA-OAEP decryptions (private operations) and 2 RSA verifications (public),
 *              the same symmetric work the other way
 *
 * and nothing else is counted: no XML, no base64, no copying, no look at certificates. All of it
 * is done on bare byte arrays of the lengths that a message has which was really built. Keys are
 * loaded, algorithms fetched and contexts set up beforehand, as a program would that did nothing
 * else; what must be done anew for each message (a GCM key and IV) is done.
 *
 * Source: OSCI 1.2 digest 6, 7.
 */
#pragma once

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>

struct floor;

enum { FLOOR_BLOCKS_MAX = 16 };

/* Bytes that pass through; from a message that was really built. */
struct floor_sizes {
    size_t content;                  /* digested for the author's signature */
    size_t container;                /* enciphered for the reader */
    size_t blocks[FLOOR_BLOCKS_MAX]; /* digested for the message signature, one by one */
    size_t block_count;
    size_t info;  /* the message signature's SignedInfo; the author's has one reference */
    size_t inner; /* enciphered for the intermediary */
};

/* Keys are borrowed, private ones all three. NULL on any failure. */
struct floor *floor_new(EVP_PKEY *signer, EVP_PKEY *reader, EVP_PKEY *intermediary,
                        const struct floor_sizes *sizes);
void floor_free(struct floor *floor);
/* One message each; false on any failure. */
bool floor_build(struct floor *floor);
bool floor_parse(struct floor *floor);

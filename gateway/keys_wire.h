/*
 * gateway/keys_wire.h - what depesched and depesched-keys say to each other
 *
 * On pairs of sockets that keep the borders of messages (SOCK_SEQPACKET), one question and one
 * answer at a time on each. Numbers are big-endian:
 *
 *   op 1   status 1   number 2   id 4   length 4   bytes
 *
 *   LOAD   number: of the key, in order from 0. Question: three strings, each with its NUL: the
 *          file of the certificate, of the key and of the passphrase; no key: the first is a
 *          PKCS#12; no certificate: somebody else has it. Answer: the certificate's DER.
 *   SEAL   No LOAD comes after it. Answer: one byte, of enum gw_keys_held.
 *   POWER  number: of the key. Question and answer: a number, as long as the modulus.
 *
 * The answer has the question's op and id. A status that is not ST_OK comes with number, the reason
 * of gateway/explain.h or 0, and a sentence. What does not keep to this ends the connection, on
 * either side.
 */
#pragma once

#include "crypto/key.h"

enum gw_keys_op { GW_KEYS_LOAD = 1, GW_KEYS_SEAL, GW_KEYS_POWER };
/* How the process is held, after SEAL; bits. */
enum gw_keys_held { GW_KEYS_CONFINED = 1, GW_KEYS_LOCKED = 2 };

enum {
    GW_KEYS_HEAD = 12,
    GW_KEYS_BYTES_MAX = CERT_DER_MAX,
    GW_KEYS_MESSAGE_MAX = GW_KEYS_HEAD + GW_KEYS_BYTES_MAX,
    /* of a POWER, either way, and of a failure */
    GW_KEYS_SHORT_MAX = GW_KEYS_HEAD + RSA_BITS_MAX / 8,
    GW_KEYS_MAX = 512, /* keys */
    GW_KEYS_CHANNELS_MAX = 32,
    GW_KEYS_CHANNELS_FD = 3 /* the first; the others follow */
};

struct gw_keys_message {
    uint8_t op, status;
    uint16_t number;
    uint32_t id;
    struct span bytes; /* of the wire, when read */
};

/* Needs GW_KEYS_HEAD + m->bytes.len bytes; how many. m->bytes may lie there already. */
size_t gw_keys_write(const struct gw_keys_message *m, uint8_t *wire);
/* False: shorter or longer than it says, or nothing that is known. */
bool gw_keys_read(struct span wire, struct gw_keys_message *m);

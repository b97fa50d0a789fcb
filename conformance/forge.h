/*
 * conformance/forge.h - well-formed messages, altered in one place
 *
 * A test of a refusal is worth something only if the message is right but for the one thing. So an
 * alteration can come before the signature, which is then made over the altered message, or after
 * it; or be one of the signature itself, of the envelope, or of the bytes on the wire. The forge
 * writes what our own writer refuses to: forbidden algorithms, references left out or doubled,
 * foreign certificates.
 *
 *   message ► osci_message_write ► before ► signature ► after ► envelope ► outer ► wire
 *
 * Source: OSCI 1.2 digest 6, 7; wire-notes 5, 7.
 */
#pragma once

#include "crypto/key.h"
#include "osci/message.h"

/* The first from becomes to, or every one (all). A list of them ends with {NULL, NULL}. A from that
 * is not there is the test's own mistake (ST_INTERNAL); the bytes are those of the plain message,
 * MIME and attachments included. */
struct conf_edit {
    const char *from, *to;
    bool all;
};

enum conf_flip { CONF_FLIP_NONE, CONF_FLIP_IV, CONF_FLIP_TEXT, CONF_FLIP_TAG };

struct conf_envelope {                  /* zero: aes256-gcm, IV 12, rsa-oaep with SHA-256, binary */
    const char *cipher, *key_transport; /* URIs */
    const char *oaep_hash;              /* "sha256" (NULL), "sha512", "sha1" */
    size_t iv_len;                      /* 0: 12 (CBC: 16) */
    const char *iv_value;               /* of IvLength; NULL: iv_len, "": no element */
    bool base64;                        /* of the cipher part */
    enum conf_flip flip;                /* one bit, in there */
    const struct cert *named;           /* shown as the recipient; NULL: the one enciphered for */
    bool bad_key;                       /* the wrapped session key is noise */
    bool bad_padding;                   /* CBC: the last block is noise */
};

struct conf_forge {
    const struct osci_message *msg;
    const struct conf_edit *before; /* NULL: none, as with all others */
    bool base64_parts;              /* attachments are base64 on the wire */
    /* signature */
    const struct key *sign_key; /* NULL: unsigned */
    struct span retrieval;      /* Id of the certificate KeyInfo names; empty: the signer's role */
    const char *leave_out;      /* "#body": has no reference */
    const char *twice;          /* has two */
    const char *digest, *signature, *c14n, *transform; /* URIs; NULL: the usual ones */
    bool der_ecdsa;                                    /* the value in DER */
    const struct conf_edit *after;
    /* envelope */
    const struct cert *encrypt_for; /* NULL: plain */
    struct conf_envelope envelope;
    const struct conf_edit *outer; /* in the envelope's bytes, or the plain message's */
    struct buf *inner;             /* not NULL: what was put into the envelope, for evidence */
};

/* The bytes of the message. wire has its limit. ST_INTERNAL: an edit that fits nowhere. */
MUST_CHECK enum status conf_forge(const struct conf_forge *forge, struct buf *wire,
                                  struct error *err);

/* The envelope alone, round any bytes. */
MUST_CHECK enum status conf_envelope_write(const struct conf_envelope *envelope,
                                           const struct cert *reader, struct span plain,
                                           struct buf *wire, struct error *err);
/* The edits alone, for messages made in other ways. */
MUST_CHECK enum status conf_edit(const struct conf_edit *edits, struct buf *bytes,
                                 struct error *err);
/* A MIME message of any XML text, without attachments. */
void conf_mime(struct buf *out, struct span xml);

/*
 * conformance/view.h - a second pair of eyes: OSCI bytes looked at without our own reader
 *
 * What judges a program must not share its mistakes. So this view has a MIME splitter of its own,
 * goes to libxml2 for trees and canonical XML and to OpenSSL for everything else, and believes
 * nothing that the bytes do not say. It is made for looking at single messages that lie in memory,
 * not for speed, and takes less than a product must: it expects what a strict writer writes.
 *
 * What is wrong comes back as an English sentence, NULL when nothing is.
 *
 * Source: OSCI 1.2 digest 2.0.1, 6, 7; wire-notes 3 to 7.
 */
#pragma once

#include <libxml/tree.h>

#include "crypto/key.h"
#include "osci/message.h"

enum { CONF_FRAME_PARTS_MAX = 32, CONF_BOUNDARY_MAX = 256, CONF_WHY_MAX = 240 };

/* ---- the MIME frame ---- */

struct conf_frame_part {
    struct span head; /* its header lines, with the last CRLF */
    struct span body; /* as on the wire */
    struct span id, type,
        encoding; /* Content-ID without brackets, Content-Type, ...; may be empty */
};
struct conf_frame {   /* all of it borrowed from the bytes */
    struct span head; /* the lines before the first boundary, with the empty one */
    char boundary[CONF_BOUNDARY_MAX];
    struct conf_frame_part parts[CONF_FRAME_PARTS_MAX];
    size_t count;
};

/* Splits; NULL, or why these bytes are no frame. */
const char *conf_frame_read(struct span bytes, struct conf_frame *frame);
/* Is it written as it should be (OSCI-001, OSCI-002)? NULL, or what is not. */
const char *conf_frame_strict(const struct conf_frame *frame);

/* ---- a message ---- */

struct conf_pair { /* borrowed */
    const struct cert *cert;
    const struct key *key;
};

struct conf_view {
    struct conf_frame outer, frame; /* the same when nothing is enciphered */
    bool encrypted;
    xmlDoc *outer_doc, *doc; /* outer_doc: NULL when nothing is enciphered */
    struct buf plain;        /* what it deciphers to */
    size_t own;              /* which of the pairs opened it */
    size_t iv_len;
    char cipher[96], transport[96]; /* algorithms of the envelope */
    char why[CONF_WHY_MAX];         /* where conf_view_open says no */
};

/* Opens and parses. wire must outlive the view. NULL, or why not (v->why). */
const char *conf_view_open(struct conf_view *v, struct span wire, const struct conf_pair *own,
                           size_t own_count);
void conf_view_deinit(struct conf_view *v); /* for AUTO; zeroed is fine */

/* The element of that local name: a header block, soap:Body or the first below node. NULL: none. */
const xmlNode *conf_view_block(const struct conf_view *v, const char *local);
const xmlNode *conf_view_body(const struct conf_view *v);
const xmlNode *conf_node_below(const xmlNode *node, const char *local);
size_t conf_node_count(const xmlNode *node, const char *local);
/* Character data below node, cut at cap; "" when node is NULL. Gives out back. */
const char *conf_node_text(const xmlNode *node, char *out, size_t cap);
/* An attribute by its local name; "" when it is absent. */
const char *conf_node_attr(const xmlNode *node, const char *name, char *out, size_t cap);
/* The same as a number; 0 when it is absent or none. */
uint64_t conf_node_number(const xmlNode *node, const char *name);
/* Base64 of the node's text taken off; empty when it is none. The caller's to deinit. */
void conf_node_bytes(const xmlNode *node, struct buf *out);

/* "storeDelivery" by the schemaLocation of the envelope; "" when it has none (a fault). */
const char *conf_view_type(const struct conf_view *v, char *out, size_t cap);
bool conf_view_is_fault(const struct conf_view *v);
/* The codes of all feedback entries of that element ("Feedback", "InsideFeedback") in their order,
 * each once, blank-separated; of a fault the one in its detail. */
const char *conf_view_codes(const struct conf_view *v, const char *element, char *out, size_t cap);
/* The last of them; "" when there is none. */
const char *conf_view_code(const struct conf_view *v, char *out, size_t cap);
/* A certificate block's element, counted for the caller (cert_free); NULL: none. */
struct cert *conf_view_cert(const struct conf_view *v, const char *element);

/*
 * The whole order signature by the rules of digest 6: every block, the body and every attachment
 * referenced once, the transforms right, digests and value good under signer. NULL, or what is
 * wrong, in v->why. signer NULL: the certificate that KeyInfo points to.
 */
const char *conf_view_signature(struct conf_view *v, const struct cert *signer);

/*
 * The enciphered containers of the content package, one by one as far as the pair opens them: form
 * and author's signature by digest 6.5, digests over decoded inline contents (base64 transform) and
 * over the clear octets of attachments. *contents: how many were looked at. NULL, or what is wrong,
 * in v->why. OSCI-026, 028, 041.
 */
const char *conf_view_contents(struct conf_view *v, const struct conf_pair *own,
                               const struct cert *author, size_t *contents);

/* For the files of the view: a session key, what it opens, and how long the IV is said to be. */
bool conf_unwrap(const xmlNode *encrypted_key, const struct key *key, uint8_t *secret, size_t *len);
bool conf_decipher(const char *uri, size_t gcm_iv_len, struct span sealed, const uint8_t *secret,
                   struct buf *plain);
size_t conf_iv_len(const xmlNode *encrypted_data);
/* The value of a ds:Signature. NULL, or what is wrong, in v->why. */
const char *conf_value_check(struct conf_view *v, const xmlNode *signature,
                             const struct cert *signer);

/* The hash that an algorithm's URI names, NULL when OpenSSL has none. */
const EVP_MD *conf_hash(const char *uri);
/* Bytes under an algorithm by its URI; 0 when OpenSSL has none. out has 64 bytes. */
size_t conf_digest(const char *uri, struct span bytes, uint8_t *out);
/* Inclusive canonical XML 1.0 of the node, in its place. */
void conf_canonical(const xmlNode *node, struct buf *out);
